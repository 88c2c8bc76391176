import type { Conflict, Seat } from './calendar.ts';
import { type CalendarFacts, isHard, judge, type Wanted } from './conflict.ts';
import { addMinutes } from './time.ts';
import { isAtWork } from './worktime.ts';

/** Slots are offered on the quarter hour. */
const stepMinutes = 15;
export const durations = { min: 5, max: 8 * 60 } as const;
/** How far ahead a free time is looked for. */
export const horizonDays = 63;

export type Offer = {
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly warnings: readonly Conflict[];
  readonly seats: readonly Seat[];
  /** Every gate has somebody at work between now and then, so that it can be decided in time. */
  readonly decidable: boolean;
};

/** IANA zones of those who may vote, per gate. */
export type Approvers = readonly (readonly string[])[];

/**
 * The next best times from `from` on, best first and no two within half a slot. "Best" is the least cost in hours: the
 * wait itself, a day for every warning, half a day when a gate has nobody at work before it begins.
 */
export function findSlots(
  facts: CalendarFacts,
  wanted: Wanted,
  asked: {
    readonly from: Date;
    readonly now: Date;
    readonly most: number;
    readonly approvers?: Approvers;
    readonly until?: Date;
  },
): Offer[] {
  const { now, most } = asked;
  const until = asked.until ?? addMinutes(asked.from, horizonDays * 24 * 60);
  const at = judge(facts, wanted, { from: asked.from, to: addMinutes(until, wanted.minutes) });
  const atWork = (asked.approvers ?? []).filter((zones) => zones.length > 0).map((zones) => firstAtWork(zones, now));
  const found: (Offer & { readonly cost: number })[] = [];
  let startsAt = roundUp(asked.from > now ? asked.from : addMinutes(now, 1));
  while (startsAt < until) {
    const { conflicts, seats, retryAt, exact } = at(startsAt, now);
    if (conflicts.some(isHard)) {
      startsAt = exact ? retryAt : roundUp(retryAt);
      continue;
    }
    const decidable = atWork.every((first) => first !== undefined && first < startsAt);
    const wait = (startsAt.getTime() - asked.from.getTime()) / 3_600_000;
    const cost = wait + 24 * conflicts.length + (decidable ? 0 : 12);
    found.push({ startsAt, endsAt: addMinutes(startsAt, wanted.minutes), warnings: conflicts, seats, decidable, cost });
    // Nothing later can cost less than what has been found often enough.
    const best = found.map((one) => one.cost).sort((a, b) => a - b)[most * 2 - 1];
    if (best !== undefined && wait > best) break;
    startsAt = roundUp(addMinutes(startsAt, 1));
  }
  return spread(found, wanted.minutes, most);
}

/** The cheapest ones, but not five that differ by a quarter of an hour. */
function spread(found: readonly (Offer & { readonly cost: number })[], minutes: number, most: number): Offer[] {
  const apart = Math.max(stepMinutes, minutes / 2) * 60_000;
  const chosen: (Offer & { readonly cost: number })[] = [];
  for (const one of [...found].sort((a, b) => a.cost - b.cost || a.startsAt.getTime() - b.startsAt.getTime())) {
    if (chosen.length === most) break;
    if (chosen.every((other) => Math.abs(other.startsAt.getTime() - one.startsAt.getTime()) >= apart)) chosen.push(one);
  }
  return chosen.map(({ cost: _, ...offer }) => offer);
}

/** When the first of these people is at work (Mon–Fri 09–18 on their wall), from now on. */
function firstAtWork(zones: readonly string[], now: Date): Date | undefined {
  const distinct = [...new Set(zones)];
  for (let hours = 0; hours < 24 * 5; hours++) {
    const at = addMinutes(now, hours * 60);
    if (distinct.some((zone) => isAtWork(at, zone))) return at;
  }
  return undefined;
}

function roundUp(at: Date): Date {
  const step = stepMinutes * 60_000;
  return new Date(Math.ceil(at.getTime() / step) * step);
}
