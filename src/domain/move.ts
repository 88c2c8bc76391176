import { z } from 'zod';
import { mayRun } from './access.ts';
import type { Conflict, Train } from './calendar.ts';
import { type CalendarFacts, isHard, judge, type Wanted } from './conflict.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { EventBody, ReleaseMoved } from './event.ts';
import { tally } from './gate.ts';
import { type ReleaseFacts, unitsName } from './release.ts';
import { holderOf, place } from './request.ts';
import type { Traits } from './scope.ts';
import { durations } from './slot.ts';
import { addMinutes, minutesBetween } from './time.ts';
import { type Departure, mayBoard } from './train.ts';

/** A release with the calendar around it: what every rule needs that gives it another time. */
export type SlotFacts = ReleaseFacts & {
  readonly calendar: CalendarFacts;
  readonly services: readonly Traits[];
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

export const SwapInput = z.strictObject({ release: z.number().int(), other: z.number().int() });
export type SwapInput = z.infer<typeof SwapInput>;
export type SwapFacts = { readonly mine: SlotFacts; readonly other: SlotFacts };

/** Asks the holder of another slot to swap. Both keep their length; nothing changes before they accept. */
export function proposeSwap(input: SwapInput, facts: SwapFacts, ask: Ask): Decision {
  if (input.release === input.other) return refuse({ code: 'swap_itself', release: input.release });
  const no = unmovable(facts.mine, actorId(ask), 'move') ?? unmovable(facts.other, undefined, 'move');
  if (no) return refuse(no);
  const swapped = swap(facts, ask);
  if (!swapped.ok) return swapped;
  const first = Math.min(facts.mine.release.startsAt.getTime(), facts.other.release.startsAt.getTime());
  const until = new Date(first).toISOString();
  const { mine, other } = facts;
  const swapId = ask.newId();
  const proposed: EventBody = {
    type: 'swap.proposed',
    swap: swapId,
    release: input.release,
    other: input.other,
    revision: mine.release.revision,
    otherRevision: other.release.revision,
    until,
  };
  // Whoever may answer for both need not be asked.
  if (!mayRun(other.release, actorId(ask), other.roles)) return accept(proposed);
  return accept(
    proposed,
    { type: 'swap.accepted', swap: swapId, release: input.release, other: input.other },
    ...swapped.events,
  );
}

export const AnswerSwap = z.strictObject({ swap: z.string(), accept: z.boolean() });
export type AnswerSwap = z.infer<typeof AnswerSwap>;
export type ProposedSwap = SwapFacts & {
  readonly swap: { readonly state: string; readonly revision: number; readonly otherRevision: number };
};

/** The answer of whoever holds the other slot. */
export function answerSwap(input: AnswerSwap, facts: ProposedSwap, ask: Ask): Decision {
  const of = { swap: input.swap, release: facts.mine.release.number, other: facts.other.release.number };
  if (facts.swap.state !== 'proposed') return refuse({ code: 'swap_over', state: facts.swap.state });
  if (!mayRun(facts.other.release, actorId(ask), facts.other.roles))
    return refuse(onlyRunners('answer for', facts.other));
  if (!input.accept) return accept({ type: 'swap.declined', ...of, lapsed: false });
  const no = unmovable(facts.mine, undefined, 'move') ?? unmovable(facts.other, undefined, 'move');
  if (no) return refuse(no);
  // Nobody accepts times that they were not shown.
  const { mine, other, swap: seen } = facts;
  if (mine.release.revision !== seen.revision || other.release.revision !== seen.otherRevision)
    return refuse({ code: 'swap_over', state: 'one of the two has moved since' });
  const swapped = swap(facts, ask);
  return swapped.ok ? accept({ type: 'swap.accepted', ...of }, ...swapped.events) : swapped;
}

export const OfSwap = z.strictObject({ swap: z.string() });
export type OfSwap = z.infer<typeof OfSwap>;

/** The clock: a proposal that nobody answered ends when the first of the two begins. */
export function lapseSwap(input: OfSwap, facts: ProposedSwap, _ask: Ask): Decision {
  if (facts.swap.state !== 'proposed') return accept();
  const of = { swap: input.swap, release: facts.mine.release.number, other: facts.other.release.number };
  return accept({ type: 'swap.declined', ...of, lapsed: true });
}

export const KeepInput = z.strictObject({ release: z.number().int(), freeze: z.string() });
export type KeepInput = z.infer<typeof KeepInput>;

/** The owner keeps a booking that a freeze covers; it still cannot start while the freeze lasts. */
export function keepRelease(input: KeepInput, facts: ReleaseFacts, ask: Ask): Decision {
  const no = unmovable(facts, actorId(ask), 'keep');
  return no ? refuse(no) : accept({ type: 'release.kept', release: input.release, freeze: input.freeze });
}

export const UndoInput = z.strictObject({
  /** The command to take back; null: the person's last one. */
  of: z.string().nullable(),
});
export type UndoInput = z.infer<typeof UndoInput>;

export type UndoFacts = {
  /** The person's last action within the time that may be undone, newest events last, and when it was. */
  readonly last: readonly EventBody[];
  readonly at: Date | undefined;
  readonly slot: SlotFacts | undefined;
  /** Every gate was met in the revision that a move left. */
  readonly metBefore: boolean;
  /** The reservation that was made still stands. */
  readonly booked: boolean;
};

export const undoSeconds = 60;

/** Takes back one's own last booking, move, cancellation or reservation, as long as nothing came of it. */
export function undoLast(_input: UndoInput, facts: UndoFacts, ask: Ask): Decision {
  const { last, slot } = facts;
  const booking = last.find((event) => event.type === 'booking.made');
  if (booking?.type === 'booking.made')
    return facts.booked
      ? accept({ type: 'booking.ended', booking: booking.booking })
      : refuse({ code: 'nothing_to_undo' });
  const event = last.find(({ type }) => ['release.requested', 'release.moved', 'release.cancelled'].includes(type));
  if (!event || !slot) return refuse({ code: 'nothing_to_undo' });
  const { release } = slot;
  const isOpen = release.state === 'requested' || release.state === 'approved';
  const stuck = refuse({ code: 'cannot_undo', release: release.number, state: release.state });
  if (event.type === 'release.requested')
    return isOpen ? accept({ type: 'release.cancelled', release: release.number, reason: 'taken back' }) : stuck;
  if (event.type === 'release.moved') {
    const isThere = release.startsAt.toISOString() === event.startsAt && release.endsAt.toISOString() === event.endsAt;
    // What somebody decided since stands: a move is taken back only as long as nobody built on it.
    const isDecided = slot.votes.some((vote) => facts.at !== undefined && vote.at > facts.at);
    if (
      !isOpen ||
      !isThere ||
      event.why !== 'moved' ||
      event.before.train ||
      isDecided ||
      release.revision !== event.revision
    )
      return stuck;
    const [startsAt, endsAt] = [new Date(event.before.startsAt), new Date(event.before.endsAt)];
    const back: Target = { startsAt, endsAt, needs: [...event.before.dependsOn], train: null, why: 'undone' };
    return moveTo(slot, back, ask, { from: event.from, met: facts.metBefore });
  }
  if (release.state !== 'cancelled' || release.startsAt <= ask.now) return stuck;
  const placed = place(slot.calendar, wantedFor(slot, release.train), release, ask.now);
  if (!placed.ok) return placed;
  const rules = slot.gates.map((gate) => gate.rule);
  return accept({
    type: 'release.reinstated',
    release: release.number,
    ...laneOf(slot),
    startsAt: release.startsAt.toISOString(),
    endsAt: release.endsAt.toISOString(),
    seats: [...placed.seats],
    state: tally(rules, slot.votes).every((gate) => gate.met) ? 'approved' : 'requested',
  });
}

type Target = {
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly needs: number[];
  readonly train: { readonly key: string; readonly date: string } | null;
  readonly why: ReleaseMoved['why'];
};

/** The event of a move, or what is in its way. `restored`: votes come back as they were in an earlier revision. */
function moveTo(
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
  const voted = facts.gates.filter((gate) => facts.votes.some((vote) => vote.gate === gate.rule.name));
  const reopens = restored || !hasMoved ? [] : voted.filter((gate) => gate.rule.covers.includes('time'));
  const reopened = reopens.map((gate) => gate.rule.name);
  const kept = facts.gates.map((gate) => gate.rule.name).filter((name) => !reopened.includes(name));
  const votes = facts.votes.filter((vote) => kept.includes(vote.gate));
  const isMet = restored
    ? restored.met
    : tally(
        facts.gates.map((gate) => gate.rule),
        votes,
      ).every((gate) => gate.met);
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
    kept,
    reopened,
    state: isMet ? 'approved' : 'requested',
    asked: [...new Set(reopens.flatMap((gate) => gate.asked))].sort(),
  });
}

/** Both moves of a swap, each judged as if the other had gone already. */
function swap({ mine, other }: SwapFacts, ask: Ask): Decision {
  const both = [mine.release.number, other.release.number];
  const to = (facts: SlotFacts, at: Date): Target => ({
    startsAt: at,
    endsAt: addMinutes(at, minutesBetween(facts.release.startsAt, facts.release.endsAt)),
    needs: [...facts.release.dependsOn],
    train: null,
    why: 'swapped',
  });
  const first = moveTo(mine, to(mine, other.release.startsAt), ask, undefined, both);
  if (!first.ok) return first;
  const a = first.events[0] as ReleaseMoved;
  // The second finds the first seated, should both end up in one window.
  const seated = a.seats.map((seat) => ({ ...seat, holder: 'swap' }));
  const calendar = { ...other.calendar, seats: [...other.calendar.seats, ...seated] };
  const second = moveTo({ ...other, calendar }, to(other, mine.release.startsAt), ask, undefined, both);
  if (!second.ok) return second;
  const b = second.events[0] as ReleaseMoved;
  const inverted = outOfOrder(a, b) ?? outOfOrder(b, a);
  if (inverted)
    return refuse({
      code: 'conflict',
      startsAt: inverted.startsAt,
      minutes: minutesBetween(new Date(inverted.startsAt), new Date(inverted.endsAt)),
      hard: [inverted.conflict],
      warnings: [],
    });
  const clash = sharesLane(mine, other) && a.startsAt < b.endsAt && b.startsAt < a.endsAt;
  if (clash) {
    const { startsAt, endsAt } = b;
    const base = {
      level: 'hard',
      environment: other.release.environment,
      holder: holderOf(both[1] as number),
      startsAt,
      endsAt,
    } as const;
    const hard = [{ code: 'environment_busy' as const, ...base, label: unitsName(other.release.units) }];
    return refuse({
      code: 'conflict',
      startsAt: a.startsAt,
      minutes: minutesBetween(mine.release.startsAt, mine.release.endsAt),
      hard,
      warnings: [],
    });
  }
  return accept(a, b);
}

/** `a` waits for `b` to be done, and would begin before that. */
function outOfOrder(
  a: ReleaseMoved,
  b: ReleaseMoved,
): { startsAt: string; endsAt: string; conflict: Conflict } | undefined {
  if (!a.dependsOn.includes(b.release) || b.endsAt <= a.startsAt) return undefined;
  const { release, label, endsAt } = b;
  const conflict: Conflict = { code: 'dependency_open', level: 'hard', release, label, state: b.state, endsAt };
  return { startsAt: a.startsAt, endsAt: a.endsAt, conflict };
}

function sharesLane(a: SlotFacts, b: SlotFacts): boolean {
  if (a.release.environment !== b.release.environment) return false;
  return a.exclusive || a.services.some((service) => b.services.some((other) => other.key === service.key));
}

function wantedFor(facts: SlotFacts, train: Target['train'], others: readonly number[] = []): Wanted {
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

function laneOf(facts: SlotFacts) {
  const { release } = facts;
  return {
    environment: release.environment,
    exclusive: facts.exclusive,
    services: release.units.map((unit) => unit.service),
    label: unitsName(release.units),
  };
}

function unmovable({ release, roles }: ReleaseFacts, actor: string | undefined, verb: string): Refusal | undefined {
  if (actor !== undefined && !mayRun(release, actor, roles)) return onlyRunners(verb, { release });
  if (release.state !== 'requested' && release.state !== 'approved')
    return { code: 'wrong_state', release: release.number, verb, state: release.state, possible: [] };
  return undefined;
}

function onlyRunners(verb: string, { release }: Pick<ReleaseFacts, 'release'>): Refusal {
  return { code: 'only_runners', release: release.number, verb, lead: release.lead, requester: release.requester };
}

/** What stands against a start right now: a hard freeze, an open dependency, a lost slot. */
export function againstStart(facts: SlotFacts, now: Date): Refusal | undefined {
  const { release, calendar } = facts;
  if (!release.hasSlot) return { code: 'no_slot', release: release.number };
  const open = calendar.needs.filter((one) => release.dependsOn.includes(one.release) && one.state !== 'done');
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
  const wanted = { ...wantedFor(facts, release.train), minutes: 1, overlap: 'ignore' as const, train: undefined };
  const only = { ...calendar, needs: [], windows: [], held: [], leading: [], hasCatalog: true };
  const slot = { from: now, to: addMinutes(now, 1) };
  const frozen = judge(only, wanted, slot)(now, now).conflicts;
  const hard = [...waits, ...frozen].filter(isHard);
  return hard.length === 0 ? undefined : { code: 'cannot_start', release: release.number, hard };
}
