import { addDays, addMinutes, instantAt, isoWeekday, wallTime } from './time.ts';

/** When somebody works, on the wall of their own zone. */
export type WorkHours = {
  readonly zone: string;
  /** "HH:MM" */
  readonly from: string;
  readonly to: string;
  /** ISO weekdays. */
  readonly days: readonly number[];
};

/** Working hours of people who have said nothing else (interaction.md §2.6). */
export const usualHours = { from: '09:00', to: '18:00', days: [1, 2, 3, 4, 5] } as const;

export type Span = { readonly startsAt: Date; readonly endsAt: Date };

/** The working times of one calendar that end after `from`, in order, over `days` local dates. */
export function workSpans(hours: WorkHours, from: Date, days: number): Span[] {
  const first = addDays(wallTime(from, hours.zone).date, -1);
  const spans: Span[] = [];
  for (let day = 0; day < days + 2; day++) {
    const date = addDays(first, day);
    if (!hours.days.includes(isoWeekday(date))) continue;
    const startsAt = instantAt(date, hours.from, hours.zone);
    const endsAt = instantAt(hours.to > hours.from ? date : addDays(date, 1), hours.to, hours.zone);
    if (endsAt > from && endsAt > startsAt) spans.push({ startsAt, endsAt });
  }
  return spans;
}

export function isWorking(hours: WorkHours, at: Date): boolean {
  return workSpans(hours, at, 1).some((span) => span.startsAt <= at && at < span.endsAt);
}

/** Mon–Fri 09:00–18:00 local, for those whose own hours are not known. */
export function isAtWork(at: Date, zone: string): boolean {
  const wall = wallTime(at, zone);
  return wall.isoWeekday <= 5 && wall.time >= usualHours.from && wall.time < usualHours.to;
}

/** `at` itself when they work then, else when they begin to. Undefined: never within a fortnight. */
export function nextWorking(hours: WorkHours, at: Date): Date | undefined {
  const span = workSpans(hours, at, 14)[0];
  return span && (span.startsAt > at ? span.startsAt : at);
}

/** When so many minutes have passed in which somebody of these works. Nobody ever works: the minutes just pass. */
export function addWorkMinutes(everybody: readonly WorkHours[], from: Date, minutes: number): Date {
  let left = minutes * 60_000;
  const distinct = [...new Map(everybody.map((hours) => [JSON.stringify(hours), hours])).values()];
  for (const span of union(distinct.flatMap((hours) => workSpans(hours, from, 60)))) {
    const begins = Math.max(span.startsAt.getTime(), from.getTime());
    const length = span.endsAt.getTime() - begins;
    if (length >= left) return new Date(begins + left);
    left -= length;
  }
  return addMinutes(from, minutes);
}

/** Overlapping spans made one. */
function union(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a.startsAt.getTime() - b.startsAt.getTime());
  const joined: Span[] = [];
  for (const span of sorted) {
    const last = joined.at(-1);
    if (last && span.startsAt <= last.endsAt)
      joined[joined.length - 1] = {
        startsAt: last.startsAt,
        endsAt: span.endsAt > last.endsAt ? span.endsAt : last.endsAt,
      };
    else joined.push(span);
  }
  return joined;
}
