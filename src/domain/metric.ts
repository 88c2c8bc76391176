import { z } from 'zod';
import { type Rate, rateOf } from './rate.ts';
import { addDays, instantAt, isoWeekday, wallTime } from './time.ts';

/*
 * What is measured, in which words, and how sure a number is. Every metric is of services and teams over a time, beside
 * the time before it: never of people, and never in an order of merit.
 */
export const metricKeys = [
  'deployment_frequency',
  'change_lead_time',
  'change_fail_rate',
  'recovery_time',
  'rework_rate',
  'approval_wait',
  'without_approval',
  'expiry_rate',
  'override_rate',
  'exception_rate',
  'rubber_stamps',
  'queue_time',
  'flow_efficiency',
  'stage_time',
  'batch_size',
  'slot_use',
  'adoption',
  'known_errors',
  'incidents_linked',
] as const;
export type MetricKey = (typeof metricKeys)[number];

/** What people ask a report about. */
export const metricGroups = ['delivery', 'approvals', 'flow', 'record'] as const;
export type MetricGroup = (typeof metricGroups)[number];

/** What a number is counted in; shares run from 0 to 1. */
export type MetricUnit = 'per_week' | 'minutes' | 'share' | 'pieces';

export type Metric = {
  readonly name: string;
  /** Printed beside the number: what is counted, from when to when, and what it does not see. */
  readonly definition: string;
  readonly group: MetricGroup;
  readonly unit: MetricUnit;
  /** Which way is better. */
  readonly better: 'more' | 'less';
  /** How many releases become one number. Medians are over the whole time, never medians of medians. */
  readonly aggregate: 'frequency' | 'median' | 'rate' | 'count';
};

/** Somebody who approves needs so long to look around, and to read so many characters a second (240 words a minute). */
export const reading = { seconds: 30, charactersPerSecond: 24 } as const;

const failed =
  'it was rolled back or called failed, its review said so, or an incident is linked with it; however many of these, it counts once';

/** Total. The first five are DORA's (dora.dev/guides/dora-metrics, January 2026), in our words and for what is on record here. */
export const metrics: { readonly [Key in MetricKey]: Metric } = {
  deployment_frequency: {
    name: 'Deployment frequency',
    definition:
      'Deployments a week: releases that were started and then done, failed or rolled back. Each counts once, when the first of these happened.',
    group: 'delivery',
    unit: 'per_week',
    better: 'more',
    aggregate: 'frequency',
  },
  change_lead_time: {
    name: 'Change lead time',
    definition:
      'Median time from the request to the deployment, of deployments that did not fail. DORA counts from the commit; when that was is not on record here, so that real lead times are longer.',
    group: 'delivery',
    unit: 'minutes',
    better: 'less',
    aggregate: 'median',
  },
  change_fail_rate: {
    name: 'Change fail rate',
    definition: `Failed deployments among all deployments. One failed if ${failed}.`,
    group: 'delivery',
    unit: 'share',
    better: 'less',
    aggregate: 'rate',
  },
  recovery_time: {
    name: 'Failed deployment recovery time',
    definition:
      'Median time from the first sign of failure (called failed, rolled back, or an incident linked, whichever came first) until it was rolled back completely or all its incidents were over. Failures without a recorded end are unknown, not zero.',
    group: 'delivery',
    unit: 'minutes',
    better: 'less',
    aggregate: 'median',
  },
  rework_rate: {
    name: 'Deployment rework rate',
    definition:
      'Emergency deployments among all deployments: unplanned work because of something wrong in production. A repair that was booked as a normal change is not seen.',
    group: 'delivery',
    unit: 'share',
    better: 'less',
    aggregate: 'rate',
  },
  approval_wait: {
    name: 'Approval wait',
    definition:
      'Median time from asking the people of a gate until the gate was met, by gate, of releases approved in this time. Waiting at night and on days off counts: the change waits then, too.',
    group: 'approvals',
    unit: 'minutes',
    better: 'less',
    aggregate: 'median',
  },
  without_approval: {
    name: 'Deployed without manual approval',
    definition: 'Deployments that had no gate, among all deployments, and among those of each risk.',
    group: 'approvals',
    unit: 'share',
    better: 'more',
    aggregate: 'rate',
  },
  expiry_rate: {
    name: 'Expired requests',
    definition:
      'Requests that nobody decided in time, among those that were approved, rejected or expired in this time. Cancelled ones do not count.',
    group: 'approvals',
    unit: 'share',
    better: 'less',
    aggregate: 'rate',
  },
  override_rate: {
    name: 'Deployed with an override',
    definition: 'Deployments for which two people had set a rule aside, among all deployments.',
    group: 'approvals',
    unit: 'share',
    better: 'less',
    aggregate: 'rate',
  },
  exception_rate: {
    name: 'Deployed with a freeze exception',
    definition: 'Deployments with a pass through a freeze, among all deployments.',
    group: 'approvals',
    unit: 'share',
    better: 'less',
    aggregate: 'rate',
  },
  rubber_stamps: {
    name: 'Approved faster than read',
    definition: `Approvals that came sooner after the gate was asked than it takes to look (${reading.seconds} seconds) and read what the request says (240 words a minute), among all approvals of releases approved in this time. Somebody may have read it before: a sign to ask about, no proof.`,
    group: 'approvals',
    unit: 'share',
    better: 'less',
    aggregate: 'rate',
  },
  queue_time: {
    name: 'Queue time',
    definition: 'Median time from the request to the start of the deployment: waiting for votes, the slot and a hand.',
    group: 'flow',
    unit: 'minutes',
    better: 'less',
    aggregate: 'median',
  },
  flow_efficiency: {
    name: 'Flow efficiency',
    definition:
      'Median share of the time from request to end in which somebody worked on the deployment (deploying, verifying; pauses count as work). It sees only the release, not the building of the change.',
    group: 'flow',
    unit: 'share',
    better: 'more',
    aggregate: 'median',
  },
  stage_time: {
    name: 'Time by stage',
    definition: 'Median time in each stage of a release, of deployments.',
    group: 'flow',
    unit: 'minutes',
    better: 'less',
    aggregate: 'median',
  },
  batch_size: {
    name: 'Batch size',
    definition:
      'Median number of services that deploy together (services), and of items listed in the scope (scope items); releases without a list are unknown there.',
    group: 'flow',
    unit: 'pieces',
    better: 'less',
    aggregate: 'median',
  },
  slot_use: {
    name: 'Slot use',
    definition:
      'Slots in which the release was started, among the slots of this time that were still held when they began.',
    group: 'flow',
    unit: 'share',
    better: 'more',
    aggregate: 'rate',
  },
  adoption: {
    name: 'Booked deployments',
    definition:
      'Deployments that were booked here, among all known ones: a release counts once, and each service and version that somebody reported as not booked (/release unbooked) once.',
    group: 'record',
    unit: 'share',
    better: 'more',
    aggregate: 'rate',
  },
  known_errors: {
    name: 'Open known errors',
    definition: 'Known errors that were not fixed at the end of this time.',
    group: 'record',
    unit: 'pieces',
    better: 'less',
    aggregate: 'count',
  },
  incidents_linked: {
    name: 'Incidents with a release',
    definition:
      'Incidents that are linked with the release they came after, among all reported ones. Those that came from no release, as somebody said, do not count; those that nobody said anything about do.',
    group: 'record',
    unit: 'share',
    better: 'more',
    aggregate: 'rate',
  },
};

/** For the foot of a report: how such numbers go wrong. */
export const cautions = [
  'A number that becomes a goal stops being a measure: look at several, and at what people say.',
  'Compare a service with its own past, not with another: they differ in age, risk and size.',
  'A range says where the truth may be: when two overlap, nothing is shown to have changed.',
  'No number here is about a person.',
] as const;

/** From its asking to its review. What waits after the end holds nothing up. */
export const stageKeys = ['vote', 'approval', 'slot', 'start', 'deploy', 'verify', 'review'] as const;
export type StageKey = (typeof stageKeys)[number];

export const stages: {
  readonly [Key in StageKey]: { readonly name: string; readonly kind: 'waiting' | 'working' | 'after' };
} = {
  vote: { name: 'waiting for the first vote', kind: 'waiting' },
  approval: { name: 'waiting for the other votes', kind: 'waiting' },
  slot: { name: 'waiting for the slot', kind: 'waiting' },
  start: { name: 'waiting to be started', kind: 'waiting' },
  deploy: { name: 'deploying', kind: 'working' },
  verify: { name: 'verifying', kind: 'working' },
  review: { name: 'waiting for the review', kind: 'after' },
};

/** A median with a 90 % interval that holds whatever the distribution; null below five values. */
export type Median = {
  readonly n: number;
  /** How many of those that it is about have no value. */
  readonly unknown: number;
  readonly median: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Nine of ten were below. */
  readonly p90: number;
};

/** A metric as it was measured over a time; what cannot be known says why. */
export type Measured =
  | { readonly kind: 'unknown'; readonly why: string }
  | ({ readonly kind: 'rate' } & Rate)
  | ({ readonly kind: 'median' } & Median)
  | {
      readonly kind: 'frequency';
      readonly n: number;
      readonly perWeek: number;
      readonly low: number;
      readonly high: number;
    }
  | { readonly kind: 'count'; readonly n: number };

/** A metric may have parts: gates, stages, kinds of pieces. Without any, `part` is "". */
export type Part = { readonly part: string; readonly measured: Measured };

/** Everything about one time. A metric without parts to show has none. */
export type Measures = { readonly [Key in MetricKey]: readonly Part[] };

/** From the first instant up to, and without, the last. */
export type Period = { readonly from: Date; readonly to: Date };

/** Where a stage's time went, over all deployments of a time. Minutes. */
export type StageTime = { readonly stage: StageKey; readonly n: number; readonly totalMinutes: number };

/** The stage in which releases waited longest, all together. */
export type Bottleneck = {
  readonly stage: StageKey;
  readonly totalMinutes: number;
  /** Of all waiting. */
  readonly share: number;
};

/** What became of a metric: better or worse only when the 90 % intervals do not touch; else nothing is shown. */
export type Change = 'better' | 'worse' | 'unclear' | 'unknown';

export type Reading = {
  readonly metric: MetricKey;
  readonly part: string;
  readonly now: Measured;
  readonly before: Measured;
  readonly change: Change;
};

/** As it is kept. */
const count = z.number().int();
const shareRow = { events: count, n: count, share: z.number(), low: z.number(), high: z.number() };
export const MeasuredRow = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('unknown'), why: z.string() }),
  z.strictObject({ kind: z.literal('rate'), ...shareRow }),
  z.strictObject({
    kind: z.literal('median'),
    n: count,
    unknown: count,
    median: z.number(),
    low: z.number().nullable(),
    high: z.number().nullable(),
    p90: z.number(),
  }),
  z.strictObject({ kind: z.literal('frequency'), n: count, perWeek: z.number(), low: z.number(), high: z.number() }),
  z.strictObject({ kind: z.literal('count'), n: count }),
]);

/** Fewer than this say nothing: a share or a median of them is not shown. */
export const least = 5;

/** Frequencies and counts say something however few there are. */
export function isEnough(measured: Measured): boolean {
  return (measured.kind !== 'rate' && measured.kind !== 'median') || measured.n >= least;
}

export function unknown(why: string): Measured {
  return { kind: 'unknown', why };
}

/** Unknown when there was nothing to have a share of. */
export function rateMeasured(events: number, n: number, nothing: string): Measured {
  return n === 0 ? unknown(nothing) : { kind: 'rate', ...rateOf(events, n) };
}

export function medianMeasured(found: Median | undefined, nothing: string): Measured {
  return !found || found.n === 0 ? unknown(nothing) : { kind: 'median', ...found };
}

/** Events a week, with Byar's 90 % limits of a Poisson count (Breslow & Day 1987, 2.3). Zero is a number here. */
export function frequencyMeasured(n: number, { from, to }: Period): Measured {
  const weeks = (to.getTime() - from.getTime()) / (7 * 24 * 3_600_000);
  if (weeks <= 0) return unknown('No time has passed.');
  const byar = (count: number, z: number) =>
    count === 0 ? 0 : count * (1 - 1 / (9 * count) + z / (3 * Math.sqrt(count))) ** 3;
  return {
    kind: 'frequency',
    n,
    perWeek: n / weeks,
    low: Math.max(0, byar(n, -z90)) / weeks,
    high: byar(n + 1, z90) / weeks,
  };
}

/** Standard normal: nine of ten lie this far from the middle, or nearer. */
export const z90 = 1.6448536269514722;

/**
 * The ranks (1 = smallest) of the two values that hold the median nine times of ten, by the binomial of order statistics
 * (David & Nagaraja 2003, 7.1), rounded to the safe side; undefined below five values. SQL reckons the same.
 */
export function medianRanks(n: number): { readonly low: number; readonly high: number } | undefined {
  const low = Math.floor((n + 1 - z90 * Math.sqrt(n)) / 2);
  return low < 1 ? undefined : { low, high: n + 1 - low };
}

/** The same as SQL's percentile_cont. `values` in any order; `among`: how many were asked for, with or without a value. */
export function medianOf(values: readonly number[], among = values.length): Median | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
    return below + (above - below) * (place - Math.floor(place));
  };
  const ranks = medianRanks(sorted.length);
  return {
    n: sorted.length,
    unknown: among - sorted.length,
    median: at(0.5),
    low: ranks ? (sorted[ranks.low - 1] as number) : null,
    high: ranks ? (sorted[ranks.high - 1] as number) : null,
    p90: at(0.9),
  };
}

/** A number and where it may really be; undefined when it is not known. */
export function spreadOf(
  measured: Measured,
): { readonly value: number; readonly low: number | null; readonly high: number | null } | undefined {
  switch (measured.kind) {
    case 'unknown':
      return undefined;
    case 'rate':
      return { value: measured.share, low: measured.low, high: measured.high };
    case 'median':
      return { value: measured.median, low: measured.low, high: measured.high };
    case 'frequency':
      return { value: measured.perWeek, low: measured.low, high: measured.high };
    case 'count':
      return { value: measured.n, low: measured.n, high: measured.n };
  }
}

export function changeOf(key: MetricKey, now: Measured, before: Measured): Change {
  const [after, earlier] = [spreadOf(now), spreadOf(before)];
  if (!after || !earlier) return 'unknown';
  if (after.low === null || after.high === null || earlier.low === null || earlier.high === null) return 'unclear';
  const isMore = after.low > earlier.high;
  if (!isMore && !(after.high < earlier.low)) return 'unclear';
  return isMore === (metrics[key].better === 'more') ? 'better' : 'worse';
}

/**
 * Each metric beside itself in the time before, in the order of the table. A part that is gone stays, as unknown; so does how
 * much there was in a time of which a part is not on record.
 */
export function readingsOf(now: Measures, before: Measures, isOnRecord: boolean): Reading[] {
  return metricKeys.flatMap((metric) => {
    const parts = [...new Set([...now[metric], ...before[metric]].map(({ part }) => part))];
    return parts.map((part) => {
      const [current, known] = [measuredOf(now, metric, part), measuredOf(before, metric, part)];
      const isAmount = known.kind === 'frequency' || known.kind === 'count';
      const earlier = isAmount && !isOnRecord ? unknown('The record begins within this time.') : known;
      return { metric, part, now: current, before: earlier, change: changeOf(metric, current, earlier) };
    });
  });
}

/** Of one kind, in the order of the table. */
export function groupOf(readings: readonly Reading[], group: MetricGroup): Reading[] {
  return readings.filter(({ metric }) => metrics[metric].group === group);
}

/** One metric (or a part of it) among others. */
export function measuredOf(measures: Measures, metric: MetricKey, part: string): Measured {
  return measures[metric].find((one) => one.part === part)?.measured ?? unknown('Nothing of this kind in this time.');
}

/** The metric's part that waited longest, or has the most; "" when it has none. */
export function longestPart(measures: Measures, metric: MetricKey): string {
  const value = (measured: Measured) => spreadOf(measured)?.value ?? -1;
  const [first, ...rest] = measures[metric];
  if (!first) return '';
  return rest.reduce((most, one) => (value(one.measured) > value(most.measured) ? one : most), first).part;
}

/** Undefined when nothing waited. */
export function bottleneckOf(times: readonly StageTime[]): Bottleneck | undefined {
  const waits = times.filter(({ stage, totalMinutes }) => stages[stage].kind === 'waiting' && totalMinutes > 0);
  const all = waits.reduce((sum, { totalMinutes }) => sum + totalMinutes, 0);
  const [first, ...rest] = waits;
  if (!first) return undefined;
  const longest = rest.reduce((most, one) => (one.totalMinutes > most.totalMinutes ? one : most), first);
  return { stage: longest.stage, totalMinutes: longest.totalMinutes, share: longest.totalMinutes / all };
}

/** As long, and just before. */
export function periodBefore({ from, to }: Period): Period {
  return { from: new Date(2 * from.getTime() - to.getTime()), to: from };
}

/** The last full weeks on the wall of `zone`, Monday to Sunday, oldest first. */
export function fullWeeks(now: Date, zone: string, count: number): Period[] {
  const today = wallTime(now, zone).date;
  const monday = addDays(today, 1 - isoWeekday(today));
  return Array.from({ length: count }, (_, index) => ({
    from: instantAt(addDays(monday, 7 * (index - count)), '00:00', zone),
    to: instantAt(addDays(monday, 7 * (index - count + 1)), '00:00', zone),
  }));
}

/** The calendar month on the wall of `zone` that holds `now`, or one that many months before it. */
export function monthOf(now: Date, zone: string, before = 0): Period {
  const [year = 0, month = 0] = wallTime(now, zone).date.split('-').map(Number);
  const first = (months: number) => {
    const date = new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
    return instantAt(date, '00:00', zone);
  };
  return { from: first(-before), to: first(1 - before) };
}
