import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { openGates } from './gate.ts';
import { againstStart, type SlotFacts } from './move.ts';
import { isEnded, isRunning, isSlotHeld, type ReleaseFacts, type ReleaseState } from './release.ts';
import { isBefore, type Passenger } from './train.ts';

export const OfRelease = z.strictObject({ release: z.number().int() });
export type OfRelease = z.infer<typeof OfRelease>;
export const WithReason = z.strictObject({ release: z.number().int(), reason: z.string().max(1000) });
export type WithReason = z.infer<typeof WithReason>;

type Step = 'start' | 'pause' | 'resume' | 'verify' | 'done' | 'rollback' | 'cancel';

/** From which states a step is possible (product.md §2). */
const possible: Readonly<Record<Step, readonly ReleaseState[]>> = {
  start: ['approved'],
  pause: ['deploying'],
  resume: ['paused'],
  verify: ['deploying'],
  done: ['deploying', 'verifying'],
  rollback: ['deploying', 'paused', 'verifying', 'done'],
  cancel: ['requested', 'approved'],
};

export type StartFacts = SlotFacts & {
  /** The other passengers of its train, and which service depends on which. */
  readonly mates: readonly Passenger[];
  readonly dependencies: Readonly<Record<string, readonly string[]>>;
};

export function startRelease(_input: OfRelease, facts: StartFacts, ask: Ask): Decision {
  const { release } = facts;
  if (release.state === 'requested') {
    return refuse({ code: 'gates_open', release: release.number, waiting: openGates(facts) });
  }
  const no = stopped('start', facts, ask);
  if (no) return no;
  if (ask.now < release.startsAt)
    return refuse({ code: 'not_yet', release: release.number, startsAt: release.startsAt.toISOString() });
  if (ask.now >= release.endsAt)
    return refuse({ code: 'too_late', release: release.number, endsAt: release.endsAt.toISOString() });
  const against = againstStart(facts, ask.now) ?? passengerBefore(facts);
  if (against) return refuse(against);
  const started: EventBody = { type: 'release.started', release: release.number };
  return release.room === 'none' ? accept(roomOpened(facts), started) : accept(started);
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

export function finishRelease(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  return stopped('done', facts, ask) ?? accept({ type: 'release.done', release: facts.release.number });
}

/** Invariant 7: nothing but "there is nothing to roll back" stops a rollback, and any full member may do it. */
export function rollBack(input: WithReason, facts: ReleaseFacts, _ask: Ask): Decision {
  const { release } = facts;
  if (!possible.rollback.includes(release.state)) return wrongState('rollback', release.number, release.state);
  return accept({
    type: 'release.rolled_back',
    release: release.number,
    reason: input.reason.trim() || 'no reason given',
  });
}

export function cancelRelease(input: WithReason, facts: ReleaseFacts, ask: Ask): Decision {
  return (
    stopped('cancel', facts, ask) ??
    accept({ type: 'release.cancelled', release: facts.release.number, reason: input.reason.trim() })
  );
}

export function openRoom(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return onlyRunners('open the war room of', facts);
  if (release.room === 'open') return refuse({ code: 'room_open', release: release.number });
  if (isEnded(release.state)) return wrongState('open', release.number, release.state);
  return accept(roomOpened(facts));
}

export function closeRoom(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return onlyRunners('close the war room of', facts);
  if (release.room !== 'open') return refuse({ code: 'no_room', release: release.number });
  if (isRunning(release.state)) return wrongState('close', release.number, release.state);
  return accept({ type: 'room.closed', release: release.number });
}

export const NoteInput = z.strictObject({ release: z.number().int(), text: z.string().max(3000) });
export type NoteInput = z.infer<typeof NoteInput>;

export function addNote(input: NoteInput, facts: ReleaseFacts, ask: Ask): Decision {
  const text = input.text.trim();
  if (text === '') return refuse({ code: 'empty_note' });
  return accept({ type: 'note.added', release: facts.release.number, note: ask.newId(), text });
}

/** The clock: an undecided release expires when its slot begins. */
export function expireRelease(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (release.state !== 'requested' || ask.now < release.startsAt) return accept();
  return accept({ type: 'release.expired', release: release.number, missing: openGates(facts) });
}

/** The clock: the war room of an approved release opens by itself. */
export function openRoomInTime(_input: OfRelease, facts: ReleaseFacts, _ask: Ask): Decision {
  const { release } = facts;
  return release.state === 'approved' && release.room === 'none' ? accept(roomOpened(facts)) : accept();
}

/** Lead, requester and everybody who voted for it: the people who have to be in the room. */
function roomOpened({ release, votes }: ReleaseFacts): EventBody {
  const members = new Set([release.lead, release.requester, ...votes.map((vote) => vote.voter)]);
  return { type: 'room.opened', release: release.number, members: [...members].sort() };
}

function stopped(step: Step, facts: ReleaseFacts, ask: Ask): Decision | undefined {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return onlyRunners(step, facts);
  if (!possible[step].includes(release.state)) return wrongState(step, release.number, release.state);
  return undefined;
}

function onlyRunners(verb: string, { release }: ReleaseFacts): Decision {
  return refuse({
    code: 'only_runners',
    release: release.number,
    verb,
    lead: release.lead,
    requester: release.requester,
  });
}

function wrongState(verb: string, release: number, state: ReleaseState): Decision {
  const others = (Object.keys(possible) as Step[]).filter((step) => possible[step].includes(state));
  return refuse({ code: 'wrong_state', release, verb, state, possible: others });
}
