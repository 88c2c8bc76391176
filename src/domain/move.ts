import { z } from 'zod';
import { isOwn, mayRun } from './access.ts';
import { askGates, askNeeds, planAsks, regate, unmeetable } from './ask.ts';
import type { Conflict, Train } from './calendar.ts';
import { type CalendarFacts, isHard, judge, type Wanted } from './conflict.ts';
import { contentHash } from './content.ts';
import { criteriaOf } from './criterion.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { ReleaseMoved } from './event.ts';
import { freezes, freezeTimes } from './freeze.ts';
import { tally } from './gate.ts';
import { gate } from './gating.ts';
import type { DirectoryNeeds } from './person.ts';
import { type GateRule, roomMinutesOf } from './policy.ts';
import { type ReleaseFacts, type ServiceOf, unitsName } from './release.ts';
import { holderOf, place } from './request.ts';
import { durations } from './slot.ts';
import { addMinutes, minutesBetween } from './time.ts';
import { type Departure, mayBoard } from './train.ts';

/** A release with the calendar around it: what every rule needs that gives it another time. */
export type SlotFacts = ReleaseFacts & {
  readonly calendar: CalendarFacts;
  readonly services: readonly ServiceOf[];
  readonly exclusive: boolean;
  readonly overlap: Wanted['overlap'];
  readonly teams: readonly string[];
  /** The train that it is aboard. */
  readonly own: Train | undefined;
  /** Releases that wait for this one. */
  readonly neededBy: readonly { readonly release: number; readonly label: string; readonly startsAt: Date }[];
  /** The train asked for, with its next departure that still boards. */
  readonly boarding?: {
    readonly train: Train | undefined;
    readonly departure: Departure | undefined;
    readonly known: readonly string[];
  };
};

export const MoveInput = z.strictObject({
  release: z.number().int(),
  /** Null: keeps its time. */
  startsAt: z.iso.datetime().nullable(),
  /** Null: keeps its length. */
  minutes: z.number().int().nullable(),
  /** The releases it waits for; null: keeps them. */
  needs: z.array(z.number().int()).max(20).nullable(),
});
export type MoveInput = z.infer<typeof MoveInput>;

/** Gives a release another time. Votes that do not depend on time stay; gates that cover time are asked again. */
export function moveRelease(input: MoveInput, facts: SlotFacts, ask: Ask): Decision {
  const { release } = facts;
  const no = unmovable(facts, actorId(ask), 'move');
  if (no) return refuse(no);
  const minutes = input.minutes ?? minutesBetween(release.startsAt, release.endsAt);
  const startsAt = input.startsAt ? new Date(input.startsAt) : release.startsAt;
  const needs = input.needs ?? [...release.dependsOn];
  const endsAt = addMinutes(startsAt, minutes);
  const isSame = +startsAt === +release.startsAt && +endsAt === +release.endsAt;
  if (isSame && needs.join() === release.dependsOn.join() && release.hasSlot)
    return refuse({ code: 'same_slot', release: release.number });
  if (minutes < durations.min || minutes > durations.max)
    return refuse({ code: 'bad_duration', minutes, ...durations });
  if (needs.includes(release.number)) return refuse({ code: 'depends_on_itself', release: release.number });
  const unknown = needs.find((number) => !facts.calendar.needs.some((one) => one.release === number));
  if (unknown !== undefined) return refuse({ code: 'unknown_needs', release: unknown });
  // Whoever was left behind has no place to keep.
  const train = isSame && release.hasSlot ? release.train : null;
  return moveTo(facts, { startsAt, endsAt, needs, train, why: 'moved' }, ask);
}

export const BoardInput = z.strictObject({ release: z.number().int(), train: z.string() });
export type BoardInput = z.infer<typeof BoardInput>;

/** Puts a release that there is already on the next departure of a train. */
export function boardRelease(input: BoardInput, facts: SlotFacts, ask: Ask): Decision {
  const no = unmovable(facts, actorId(ask), 'move');
  if (no) return refuse(no);
  const { train, departure, known } = facts.boarding ?? { known: [] };
  if (!train) return refuse({ code: 'unknown_train', name: input.train, known: [...known] });
  if (!departure) return refuse({ code: 'no_departure', train: train.name });
  const { release } = facts;
  if (release.train?.key === train.key && release.train.date === departure.date && release.hasSlot)
    return refuse({ code: 'same_slot', release: release.number });
  if (!mayBoard(train, release.environment, facts.services))
    return refuse({ code: 'may_not_board', train: train.name, scope: '', environment: train.environment });
  const { startsAt, endsAt, date } = departure;
  const ride = { key: train.key, date };
  return moveTo(facts, { startsAt, endsAt, needs: [...release.dependsOn], train: ride, why: 'boarded' }, ask);
}

export const KeepInput = z.strictObject({ release: z.number().int(), freeze: z.string() });
export type KeepInput = z.infer<typeof KeepInput>;

/** The owner keeps a booking that a freeze covers; it still cannot start while the freeze lasts. */
export function keepRelease(input: KeepInput, facts: ReleaseFacts, ask: Ask): Decision {
  const no = unmovable(facts, actorId(ask), 'keep');
  return no ? refuse(no) : accept({ type: 'release.kept', release: input.release, freeze: input.freeze });
}

export type Target = {
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly needs: number[];
  readonly train: { readonly key: string; readonly date: string } | null;
  readonly why: ReleaseMoved['why'];
};

/** The event of a move, or what is in its way. `restored`: votes come back as they were in an earlier revision. */
export function moveTo(
  facts: SlotFacts,
  target: Target,
  ask: Ask,
  restored?: { readonly from: number; readonly met: boolean },
  others: readonly number[] = [],
): Decision {
  const { release } = facts;
  if (target.startsAt <= ask.now) return refuse({ code: 'in_the_past', startsAt: target.startsAt.toISOString() });
  const needs = facts.calendar.needs.filter((one) => target.needs.includes(one.release));
  const wanted = { ...wantedFor(facts, target.train, others), minutes: minutesBetween(target.startsAt, target.endsAt) };
  const placed = place({ ...facts.calendar, needs }, wanted, target, ask.now);
  if (!placed.ok) return placed;
  const early = facts.neededBy.filter((one) => one.startsAt < target.endsAt && !others.includes(one.release));
  const warnings: Conflict[] = [
    ...placed.warnings,
    ...early.map(({ release: other, label, startsAt }) => ({
      code: 'needed_by' as const,
      level: 'warn' as const,
      release: other,
      label,
      startsAt: startsAt.toISOString(),
    })),
  ];
  const hasMoved = +target.startsAt !== +release.startsAt || +target.endsAt !== +release.endsAt;
  const next = gatesAt(facts, target);
  const asked = askGates(next.gates, release, ask.directory);
  const isRewired = [...target.needs].sort().join() !== [...release.dependsOn].sort().join();
  const touches = ({ covers }: GateRule) =>
    !restored && ((hasMoved && covers.includes('time')) || (isRewired && covers.includes('dependencies')));
  const again = regate(facts, asked, touches, ask.now);
  const never = unmeetable(again.fresh);
  if (never) return refuse({ code: 'unmeetable_gate', ...never });
  // What was decided by other rules cannot be put back.
  if (restored && again.fresh.length > 0)
    return refuse({ code: 'cannot_undo', release: release.number, state: release.state });
  const isMet = restored ? restored.met : again.isMet;
  const { prefs } = facts.policy;
  const plan = planAsks(again.fresh, {
    prefs,
    directory: ask.directory,
    now: ask.now,
    deadline: target.startsAt,
    emergency: release.changeType === 'emergency',
    requester: release.requester,
    lead: release.lead,
  });
  return accept({
    type: 'release.moved',
    release: release.number,
    why: target.why,
    ...laneOf(facts),
    startsAt: target.startsAt.toISOString(),
    endsAt: target.endsAt.toISOString(),
    before: {
      startsAt: release.startsAt.toISOString(),
      endsAt: release.endsAt.toISOString(),
      train: release.train && { ...release.train },
      dependsOn: [...release.dependsOn],
    },
    seats: [...placed.seats],
    dependsOn: target.needs,
    train: target.train ? { key: target.train.key, date: target.train.date } : null,
    warnings,
    revision: release.revision + 1,
    from: restored?.from ?? release.revision,
    kept: [...again.kept],
    reopened: [...again.reopened],
    state: isMet ? 'approved' : 'requested',
    asked: [...new Set(again.fresh.flatMap(({ voters }) => voters))].sort(),
    gates: [...again.rows],
    policy: next.choice.name,
    roomMinutes: roomMinutesOf(facts.policy.policies, next.choice.name),
    because: next.choice.because,
    problems: [...next.choice.problems],
    managers: next.choice.problems.length > 0 ? [...facts.policy.managers] : [],
    guards: [...next.choice.guards],
    criteria: criteriaOf(next.choice.criteria, release.scope),
    risk: next.risk,
    advice: [...next.advice],
    plan: [...plan],
    hash: contentHash({ ...release, dependsOn: target.needs }, target),
  });
}

/** What a release needs at another time, by the rules as they are now, and for the freezes that it stays in. */
function gatesAt(facts: SlotFacts, slot: { readonly startsAt: Date; readonly endsAt: Date }) {
  const { release, policy, services } = facts;
  const gated = gate({ ...release, ...slot }, policy, services);
  const passes = facts.gates.filter(({ rule }) => rule.pass !== null && isOver(facts, rule, slot));
  return { ...gated, gates: [...gated.gates, ...passes.map(({ rule, base }) => ({ rule, sources: base }))] };
}

/** Does the freeze of a pass still cover this time? */
function isOver(facts: SlotFacts, rule: GateRule, slot: { readonly startsAt: Date; readonly endsAt: Date }): boolean {
  const { release } = facts;
  return facts.calendar.freezes.some(
    (freeze) =>
      freeze.key === rule.pass &&
      facts.services.some((service) => freezes(freeze, release.environment, service, release.changeType)) &&
      freezeTimes(freeze, { from: slot.startsAt, to: slot.endsAt }).length > 0,
  );
}

/** Whom a release would have to ask at another time. */
export function slotNeeds(facts: SlotFacts, slot: { readonly startsAt: Date; readonly endsAt: Date }): DirectoryNeeds {
  return askNeeds(gatesAt(facts, slot).gates, facts.policy.prefs, facts.policy.groups);
}

export function moveNeeds(facts: SlotFacts, input: MoveInput): DirectoryNeeds {
  const { release } = facts;
  const startsAt = input.startsAt ? new Date(input.startsAt) : release.startsAt;
  const minutes = input.minutes ?? minutesBetween(release.startsAt, release.endsAt);
  return slotNeeds(facts, { startsAt, endsAt: addMinutes(startsAt, Math.max(1, minutes)) });
}

export function boardNeeds(facts: SlotFacts): DirectoryNeeds {
  return slotNeeds(facts, facts.boarding?.departure ?? facts.release);
}

export function wantedFor(facts: SlotFacts, train: Target['train'], others: readonly number[] = []): Wanted {
  const { release } = facts;
  const ignored = [release.number, ...others];
  return {
    environment: release.environment,
    exclusive: facts.exclusive,
    services: facts.services,
    minutes: minutesBetween(release.startsAt, release.endsAt),
    changeType: release.changeType,
    lead: release.lead,
    teams: facts.teams,
    holders: ignored.map(holderOf),
    releases: ignored,
    overlap: facts.overlap,
    passes: facts.gates.flatMap(({ rule }) => rule.pass ?? []),
    train: train ? { ...train, capacity: capacityOf(facts, train.key) } : undefined,
  };
}

/** A train's places, as its timetable has them now. */
function capacityOf({ own, boarding }: SlotFacts, key: string): number | null {
  return [boarding?.train, own].find((train) => train?.key === key)?.capacity ?? null;
}

/** The wish of a release as it stands, for a search of other times. */
export function wishOf(facts: SlotFacts): Wanted {
  return wantedFor(facts, null);
}

export function laneOf(facts: SlotFacts) {
  const { release } = facts;
  return {
    environment: release.environment,
    exclusive: facts.exclusive,
    services: release.units.map((unit) => unit.service),
    label: unitsName(release.units),
  };
}

export function unmovable(
  { release, roles }: ReleaseFacts,
  actor: string | undefined,
  verb: string,
): Refusal | undefined {
  if (actor !== undefined && !mayRun(release, actor, roles)) return onlyRunners(verb, { release });
  if (release.state !== 'requested' && release.state !== 'approved')
    return { code: 'wrong_state', release: release.number, verb, state: release.state, possible: [] };
  return undefined;
}

export function onlyRunners(verb: string, { release }: Pick<ReleaseFacts, 'release'>): Refusal {
  return { code: 'only_runners', release: release.number, verb, lead: release.lead, requester: release.requester };
}

/** Freezes that a release may pass right now: their owners agreed, or two people set them aside. */
function passesOf(facts: SlotFacts, now: Date): string[] {
  const met = tally(facts.gates, facts.votes).filter((counted) => counted.met);
  const given = met.flatMap(({ gate: { pass } }) => pass ?? []);
  return [
    ...given,
    ...facts.calendar.freezes.map((one) => one.key).filter((key) => isSetAside(facts, `freeze:${key}`, now)),
  ];
}

/** Two people have set a rule aside for this content and this slot, their time is not over, and neither runs it now. */
export function isSetAside({ release, overrides }: ReleaseFacts, rule: string, now: Date): boolean {
  return overrides.some(
    (one) =>
      one.rule === rule &&
      one.state === 'granted' &&
      now < one.until &&
      one.hash === contentHash(release, release) &&
      ![one.by, one.second].some((id) => isOwn(release, id)),
  );
}

/** What stands against a start right now: a hard freeze, an open dependency, a lost slot. */
export function againstStart(facts: SlotFacts, now: Date): Refusal | undefined {
  const { release, calendar } = facts;
  if (!release.hasSlot) return { code: 'no_slot', release: release.number };
  const open = calendar.needs.filter(
    (one) =>
      release.dependsOn.includes(one.release) &&
      one.state !== 'done' &&
      !isSetAside(facts, `dependency:REL-${one.release}`, now),
  );
  const waits = open.map(
    ({ release: other, label, state, endsAt }): Conflict => ({
      code: 'dependency_open',
      level: 'hard',
      release: other,
      label,
      state,
      endsAt: endsAt.toISOString(),
    }),
  );
  // What counts is this moment, and nothing but freezes: its window and its rivals were judged when it was booked.
  const wanted = {
    ...wantedFor(facts, release.train),
    minutes: 1,
    overlap: 'ignore' as const,
    train: undefined,
    passes: passesOf(facts, now),
  };
  const only = { ...calendar, needs: [], windows: [], held: [], leading: [], hasCatalog: true };
  const slot = { from: now, to: addMinutes(now, 1) };
  const frozen = judge(only, wanted, slot)(now, now).conflicts;
  const hard = [...waits, ...frozen].filter(isHard);
  return hard.length === 0 ? undefined : { code: 'cannot_start', release: release.number, hard };
}
