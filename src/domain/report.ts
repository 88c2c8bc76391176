import type { MetricGroup, Period } from './metric.ts';
import { addDays, instantAt, wallTime } from './time.ts';

/** What a report is about, as it was asked for. */
export type ReportWish = {
  readonly group: MetricGroup;
  /** At most one of them; neither: everything. */
  readonly service: string | null;
  readonly team: string | null;
  /** Null: production, where there is one; else all of them. */
  readonly environment: string | null;
  readonly days: number;
  /** As pictures, too. */
  readonly png: boolean;
};

export const reportDays = { min: 7, max: 366, usual: 30 } as const;

/** The last days up to now. */
export function lastDays(now: Date, days: number): Period {
  return { from: new Date(now.getTime() - days * 86_400_000), to: now };
}

/** The days before a local date: the same all day long. */
export function daysBefore(date: string, zone: string, days: number): Period {
  return { from: instantAt(addDays(date, -days), '00:00', zone), to: instantAt(date, '00:00', zone) };
}

/** "2 Nov". */
export function dayWords(at: Date, zone: string): string {
  const { day, month } = wallTime(at, zone);
  return `${day} ${month}`;
}

/** So many points a trend of that many days has. */
export function weeksIn(days: number): number {
  return Math.max(4, Math.min(12, Math.round(days / 7)));
}
