import { z } from 'zod';
import { mayRun } from './access.ts';
import { contentHash } from './content.ts';
import { unticked } from './criterion.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { openGates } from './gate.ts';
import { holds } from './guard.ts';
import { againstStart, isSetAside, onlyRunners, type SlotFacts } from './move.ts';
import { aboutOf, isSlotHeld, type ReleaseFacts, type ReleaseState } from './release.ts';
import { roomOpened, stepsToPlan } from './room.ts';
import { openSteps, type RoomFacts } from './step.ts';
import { addMinutes, minutesBetween } from './time.ts';
import { isBefore, type Passenger } from './train.ts';

export const OfRelease = z.strictObject({ release: z.number().int() });
export type OfRelease = z.infer<typeof OfRelease>;
export const WithReason = z.strictObject({ release: z.number().int(), reason: z.string().max(1000) });
export type WithReason = z.infer<typeof WithReason>;

type Step = 'start' | 'pause' | 'resume' | 'verify' | 'done' | 'rollback' | 'fail' | 'cancel';

/** From which states a step is possible (product.md §2). */
const possible: Readonly<Record<Step, readonly ReleaseState[]>> = {
  start: ['approved'],
  pause: ['deploying'],
  resume: ['paused'],
  verify: ['deploying'],
  done: ['deploying', 'verifying'],
  rollback: ['deploying', 'paused', 'verifying', 'done', 'failed'],
  fail: ['deploying', 'paused', 'verifying', 'done'],
  cancel: ['requested', 'approved'],
};

export type StartFacts = SlotFacts & {
  /** The other passengers of its train, and which service depends on which. */
  readonly mates: readonly Passenger[];
  readonly dependencies: Readonly<Record<string, readonly string[]>>;
};

export function startRelease(_input: OfRelease, facts: StartFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('start', facts));
  const no = notStartable(facts, ask.now);
  return no ? refuse(no) : accept(...started(facts, actorId(ask)));
}

/** The booked lead who starts it is there, and leads. */
function started(facts: StartFacts, by?: string): EventBody[] {
  const { number, lead, room, roomLead } = facts.release;
  const start: EventBody = { type: 'release.started', release: number };
  const leads: EventBody[] =
    by === lead && roomLead === null
      ? [{ type: 'role.taken', release: number, role: 'lead', person: lead, from: null, offer: null }]
      : [];
  return [...(room === 'none' ? [roomOpened(facts)] : []), start, ...leads];
}

/** Everything that has to hold at the moment of a start, whoever presses the button (product.md, invariant 6). */
export function notStartable(facts: StartFacts, now: Date): Refusal | undefined {
  const { release } = facts;
  const waiting = openGates(facts).filter((name) => !isSetAside(facts, `gate:${name}`, now));
  if (release.state === 'requested' && waiting.length > 0)
    return { code: 'gates_open', release: release.number, waiting };
  if (release.state !== 'requested' && release.state !== 'approved')
    return stateRefusal('start', release.number, release.state);
  if (now < release.startsAt)
    return { code: 'not_yet', release: release.number, startsAt: release.startsAt.toISOString() };
  if (now >= release.endsAt) return { code: 'too_late', release: release.number, endsAt: release.endsAt.toISOString() };
  // A verdict is for one content and one slot; what is stored has to be that.
  const isOther = release.approvedHash !== '' && release.approvedHash !== contentHash(release, release);
  if (release.state === 'approved' && isOther) return { code: 'not_what_was_approved', release: release.number };
  const open = isSetAside(facts, 'criteria', now) ? [] : unticked(facts.criteria, 'start');
  if (open.length > 0)
    return { code: 'criteria_open', release: release.number, before: 'start', open: open.map((one) => one.title) };
  const failing = guardsAgainst(facts, now).filter((guard) => !isSetAside(facts, `guard:${guard.name}`, now));
  if (failing.length > 0) return { code: 'guards_fail', release: release.number, guards: failing };
  return againstStart(facts, now) ?? passengerBefore(facts);
}

/** Guards that do not hold at this time; one that cannot be judged does not hold. */
export function guardsAgainst(facts: SlotFacts, at: Date): { name: string; message: string }[] {
  const { release, policy, services } = facts;
  const slot = { startsAt: at, minutes: minutesBetween(release.startsAt, release.endsAt) };
  const about = aboutOf(release, services, slot, policy.zone, release.risk);
  return release.guards.flatMap((guard) => {
    if (guard.level !== 'block') return [];
    const judged = holds(guard.require, about);
    if (judged.ok && judged.holds) return [];
    const message = judged.ok
      ? guard.message || `it needs ${guard.require}`
      : `it cannot be judged (${judged.problem})`;
    return [{ name: guard.name, message }];
  });
}

/** Hard freezes over a moment that this release has no pass for. */
export function freezesAt(facts: SlotFacts, at: Date): string[] {
  const against = againstStart({ ...facts, release: { ...facts.release, dependsOn: [] } }, at);
  return against?.code === 'cannot_start'
    ? against.hard.flatMap((one) => (one.code === 'freeze' ? [one.freeze] : []))
    : [];
}

export const StartDue = z.strictObject({
  release: z.number().int(),
  /** Something that was in the way is out of it. */
  again: z.boolean().default(false),
});
export type StartDue = z.infer<typeof StartDue>;

/**
 * The clock, when a slot begins: says that the way is free, or exactly what is in it. One that was asked to starts by
 * itself.
 */
export function openStart({ again }: StartDue, facts: StartFacts, ask: Ask): Decision {
  const { release } = facts;
  const isOpen = ask.now >= release.startsAt && ask.now < release.endsAt;
  const isReady = release.state === 'approved' || (again && release.state === 'requested');
  if (!isOpen || !isReady || (again && !release.auto)) return accept();
  const no = notStartable(facts, ask.now);
  // What is in the way was said when the slot began; one that starts by itself looks again.
  if (no) {
    const told = release.held === no.code;
    return accept({
      type: 'start.held',
      release: release.number,
      refusal: { ...no },
      again: told,
      retry: release.auto,
    });
  }
  const opened: EventBody = { type: 'start.opened', release: release.number, hash: contentHash(release, release) };
  return release.auto ? accept(opened, ...started(facts)) : accept(opened);
}

/** A train deploys in dependency order: what this one stands on has to be done, or out of the way. */
function passengerBefore({ release, mates, dependencies }: StartFacts): Refusal | undefined {
  const self: Passenger = {
    release: release.number,
    state: release.state,
    requester: release.requester,
    services: release.units.map((unit) => unit.service),
    dependsOn: release.dependsOn,
  };
  const first = mates.find((mate) => isSlotHeld(mate.state) && isBefore(mate, self, dependencies));
  return first
    ? {
        code: 'after',
        release: release.number,
        first: first.release,
        label: first.services.join(' + '),
        state: first.state,
      }
    : undefined;
}

export function pauseRelease(input: WithReason, facts: ReleaseFacts, ask: Ask): Decision {
  return (
    stopped('pause', facts, ask) ??
    accept({ type: 'release.paused', release: facts.release.number, reason: input.reason.trim() })
  );
}

export function resumeRelease(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  return stopped('resume', facts, ask) ?? accept({ type: 'release.resumed', release: facts.release.number });
}

export function verifyRelease(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  return stopped('verify', facts, ask) ?? accept({ type: 'release.verifying', release: facts.release.number });
}

export function finishRelease(_input: OfRelease, facts: RoomFacts, ask: Ask): Decision {
  const { release } = facts;
  const no = stopped('done', facts, ask);
  if (no) return no;
  const open = unticked(facts.criteria, 'done');
  if (open.length > 0)
    return refuse({
      code: 'criteria_open',
      release: release.number,
      before: 'done',
      open: open.map((one) => one.title),
    });
  // The clock plans a moment after the room opens; nobody is done before that.
  const planned = facts.planned.includes('deploy') ? [] : stepsToPlan(facts, 'deploy');
  const steps = [...openSteps(facts.steps, 'deploy'), ...planned].map(({ key, title }) => ({ key, title }));
  if (steps.length > 0) return refuse({ code: 'steps_open', release: release.number, steps });
  return accept({ type: 'release.done', release: release.number });
}

/** A later version of a service, and the release that brought it. */
export type Replaced = { readonly service: string; readonly version: string; readonly release: number };
export type RollbackFacts = ReleaseFacts & {
  /** Of its services those that a later release replaced. */
  readonly replaced: readonly Replaced[];
};

/** Invariant 7: nothing but "there is nothing to roll back" stops a rollback, and any full member may do it. */
export function rollBack(input: WithReason, facts: RollbackFacts, ask: Ask): Decision {
  const { release, replaced } = facts;
  if (!possible.rollback.includes(release.state)) return wrongState('rollback', release.number, release.state);
  if (replaced.length > 0 && release.units.every(({ service }) => replaced.some((one) => one.service === service)))
    return refuse({
      code: 'replaced',
      release: release.number,
      environment: release.environment,
      by: [...replaced],
    });
  const lead = release.roomLead ?? release.lead;
  return accept({
    type: 'release.rolled_back',
    release: release.number,
    reason: input.reason.trim() || 'no reason given',
    ...alarmed(facts, ask),
    // The requester is told anyway.
    lead: lead === release.requester ? null : otherThan(ask, lead),
  });
}

/** It neither works nor was it taken back: what is there is mended on the spot. */
export function failRelease(input: WithReason, facts: ReleaseFacts, ask: Ask): Decision {
  const no = stopped('fail', facts, ask);
  if (no) return no;
  const reason = input.reason.trim();
  if (reason === '') return refuse({ code: 'reason_needed', verb: 'fail', release: facts.release.number });
  return accept({ type: 'release.failed', release: facts.release.number, reason, ...alarmed(facts, ask) });
}

/** Release managers who do not know it from having done it. */
function alarmed({ policy }: ReleaseFacts, ask: Ask): { managers: string[] } {
  return { managers: policy.managers.filter((id) => otherThan(ask, id) !== null) };
}

function otherThan({ actor }: Ask, person: string): string | null {
  return actor.kind === 'person' && actor.id === person ? null : person;
}

export function cancelRelease(input: WithReason, facts: ReleaseFacts, ask: Ask): Decision {
  return (
    stopped('cancel', facts, ask) ??
    accept({ type: 'release.cancelled', release: facts.release.number, reason: input.reason.trim() })
  );
}

export const NoteInput = z.strictObject({ release: z.number().int(), text: z.string().max(3000) });
export type NoteInput = z.infer<typeof NoteInput>;

export function addNote(input: NoteInput, facts: ReleaseFacts, ask: Ask): Decision {
  const text = input.text.trim();
  if (text === '') return refuse({ code: 'empty_note' });
  return accept({ type: 'note.added', release: facts.release.number, note: ask.newId(), text });
}

/** How long an approved release whose slot passed waits for another time, before it expires. */
export const missedDays = 7;

/**
 * The clock: an undecided release expires when its slot begins; an emergency, or one whose open gates two people have set
 * aside, when it is over. An emergency that was approved and never started is over then, too; any other release that was
 * approved is said to have missed its slot, and expires a week later unless it is given another.
 */
export function expireRelease(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  const isEmergency = release.changeType === 'emergency';
  if (release.state === 'approved' && !isEmergency) {
    if (ask.now >= addMinutes(release.endsAt, missedDays * 24 * 60))
      return accept({ type: 'release.expired', release: release.number, missing: [] });
    if (ask.now < release.endsAt || release.held === missed) return accept();
    return accept({ type: 'release.missed', release: release.number, endsAt: release.endsAt.toISOString() });
  }
  const waiting = openGates(facts);
  const isGranted = waiting.length > 0 && waiting.every((name) => isSetAside(facts, `gate:${name}`, ask.now));
  const until = isEmergency || isGranted ? release.endsAt : release.startsAt;
  const isWaiting = release.state === 'requested' || (isEmergency && release.state === 'approved');
  if (!isWaiting || ask.now < until) return accept();
  return accept({ type: 'release.expired', release: release.number, missing: waiting });
}

/** What is stored as having kept a release from starting once its slot has passed. */
export const missed = 'missed';

function stopped(step: Step, facts: ReleaseFacts, ask: Ask): Decision | undefined {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners(step, facts));
  if (!possible[step].includes(release.state)) return wrongState(step, release.number, release.state);
  return undefined;
}

function wrongState(verb: string, release: number, state: ReleaseState): Decision {
  return refuse(stateRefusal(verb, release, state));
}

function stateRefusal(verb: string, release: number, state: ReleaseState): Refusal {
  const others = (Object.keys(possible) as Step[]).filter((step) => possible[step].includes(state));
  return { code: 'wrong_state', release, verb, state, possible: others };
}
