import { z } from 'zod';
import { mayRun } from './access.ts';
import type { Conflict } from './calendar.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody, ReleaseMoved } from './event.ts';
import { moveTo, onlyRunners, type SlotFacts, slotNeeds, type Target, unmovable } from './move.ts';
import { type DirectoryNeeds, join } from './person.ts';
import { unitsName } from './release.ts';
import { holderOf } from './request.ts';
import { addMinutes, minutesBetween } from './time.ts';

export const SwapInput = z.strictObject({ release: z.number().int(), other: z.number().int() });
export type SwapInput = z.infer<typeof SwapInput>;
export type SwapFacts = { readonly mine: SlotFacts; readonly other: SlotFacts };

export function swapNeeds({ mine, other }: SwapFacts): DirectoryNeeds {
  return join(slotNeeds(mine, slotOf(mine, other)), slotNeeds(other, slotOf(other, mine)));
}

/** The time that one would have in the other's place: the other's start, its own length. */
function slotOf({ release }: SlotFacts, other: SlotFacts): { startsAt: Date; endsAt: Date } {
  const { startsAt } = other.release;
  return { startsAt, endsAt: addMinutes(startsAt, minutesBetween(release.startsAt, release.endsAt)) };
}

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

/** Both moves of a swap, each judged as if the other had gone already. */
function swap({ mine, other }: SwapFacts, ask: Ask): Decision {
  const both = [mine.release.number, other.release.number];
  const to = (facts: SlotFacts, at: SlotFacts): Target => ({
    ...slotOf(facts, at),
    needs: [...facts.release.dependsOn],
    train: null,
    why: 'swapped',
  });
  const first = moveTo(mine, to(mine, other), ask, undefined, both);
  if (!first.ok) return first;
  const a = first.events[0] as ReleaseMoved;
  // The second finds the first seated, should both end up in one window.
  const seated = a.seats.map((seat) => ({ ...seat, holder: 'swap' }));
  const calendar = { ...other.calendar, seats: [...other.calendar.seats, ...seated] };
  const second = moveTo({ ...other, calendar }, to(other, mine), ask, undefined, both);
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
