import { addMinutes } from './time.ts';

/** A time that a release holds. */
export type Held = {
  readonly release: number;
  readonly service: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
};

/** Slots are offered on the quarter hour. */
const stepMinutes = 15;
export const durations = { min: 5, max: 8 * 60 } as const;

export function overlaps(a: { startsAt: Date; endsAt: Date }, b: { startsAt: Date; endsAt: Date }): boolean {
  return a.startsAt < b.endsAt && b.startsAt < a.endsAt;
}

/** The first time from `wanted` on that none of `held` touches; `held` need not be sorted. */
export function nextFree(held: readonly Held[], wanted: { startsAt: Date; minutes: number }): Date {
  const sorted = [...held].sort((a, b) => a.startsAt.getTime() - b.startsAt.getTime());
  let startsAt = wanted.startsAt;
  for (const other of sorted) {
    if (overlaps(other, { startsAt, endsAt: addMinutes(startsAt, wanted.minutes) })) startsAt = roundUp(other.endsAt);
  }
  return startsAt;
}

function roundUp(at: Date): Date {
  const step = stepMinutes * 60_000;
  return new Date(Math.ceil(at.getTime() / step) * step);
}
