import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bottleneckOf,
  changeOf,
  frequencyMeasured,
  fullWeeks,
  type Measured,
  type Measures,
  medianMeasured,
  medianOf,
  medianRanks,
  metricKeys,
  metrics,
  monthOf,
  type Period,
  periodBefore,
  rateMeasured,
  readingsOf,
  spreadOf,
  unknown,
} from '../../src/domain/metric.ts';

const fourWeeks: Period = { from: new Date('2026-10-26T00:00Z'), to: new Date('2026-11-23T00:00Z') };

test('every metric has words of its own that say what is counted', () => {
  expect(Object.keys(metrics)).toEqual([...metricKeys]);
  const definitions = Object.values(metrics).map(({ definition }) => definition);
  expect(new Set(definitions).size).toBe(definitions.length);
  for (const { name, definition } of Object.values(metrics)) {
    expect(definition).toMatch(/^[A-Z].{40,}\.$/);
    // Of a thing, not of people.
    expect(`${name} ${definition}`).not.toMatch(/\b(per|by|each) (person|developer|engineer|approver|requester)\b/i);
  }
});

/*
 * Worked by hand from dora.dev/guides/dora-metrics: a team deploys on ten days; two deployments need intervention at once,
 * one is an unplanned fix.
 */
test("DORA's five, by hand", () => {
  // Frequency: ten deployments in four weeks.
  expect(frequencyMeasured(10, fourWeeks)).toMatchObject({ kind: 'frequency', n: 10, perWeek: 2.5 });
  // Lead time: the median of 2, 4, 6, 8, 10, 12, 30 hours is the fourth; DORA has no mean, which one slow change would pull up.
  const hours = [2, 4, 6, 8, 10, 12, 30].map((hour) => hour * 60);
  expect(medianOf(hours)).toMatchObject({ n: 7, unknown: 0, median: 480 });
  // Fail rate: "ratio of deployments that require immediate intervention": 2 of 10, however many incidents.
  expect(rateMeasured(2, 10, '')).toMatchObject({ kind: 'rate', share: 0.2, events: 2, n: 10 });
  // Recovery: 20 and 40 minutes; a third failure without an end is unknown, neither zero nor left out of sight.
  expect(medianOf([20, 40], 3)).toEqual({ n: 2, unknown: 1, median: 30, low: null, high: null, p90: 38 });
  // Rework: 1 of 10 was unplanned, because of an incident.
  expect(rateMeasured(1, 10, '')).toMatchObject({ share: 0.1 });
});

test('nothing to have a share of is unknown, with its reason; no deployment is a frequency of zero', () => {
  expect(rateMeasured(0, 0, 'Nothing was deployed.')).toEqual({ kind: 'unknown', why: 'Nothing was deployed.' });
  expect(medianMeasured(medianOf([]), 'Nothing failed.')).toEqual({ kind: 'unknown', why: 'Nothing failed.' });
  expect(frequencyMeasured(0, fourWeeks)).toMatchObject({ perWeek: 0, low: 0 });
  expect(spreadOf(unknown('x'))).toBeUndefined();
});

test('the range of a frequency is the one that summing Poisson chances gives', () => {
  // Found apart from this code: the rates at which so few, or so many, come one time in twenty.
  const rateWhere = (n: number, side: 'above' | 'below') => {
    let [low, high] = [0, 3 * n + 20];
    for (let step = 0; step < 60; step++) {
      const middle = (low + high) / 2;
      if (poissonTail(n, middle, side) < 0.05 === (side === 'above')) low = middle;
      else high = middle;
    }
    return low;
  };
  // The best known of them, so that the search itself is checked.
  expect(rateWhere(10, 'above')).toBeCloseTo(5.4254, 3);
  expect(rateWhere(10, 'below')).toBeCloseTo(16.9622, 3);
  for (const n of [1, 2, 3, 5, 10, 52, 300]) {
    const found = frequencyMeasured(n, fourWeeks) as { low: number; high: number };
    expect(Math.abs(found.low * 4 - rateWhere(n, 'above'))).toBeLessThan(0.05);
    expect(Math.abs(found.high * 4 - rateWhere(n, 'below'))).toBeLessThan(0.05);
  }
  expect(Math.abs((frequencyMeasured(0, fourWeeks) as { high: number }).high * 4 - Math.log(20))).toBeLessThan(0.04);
});

function poissonTail(n: number, rate: number, side: 'above' | 'below'): number {
  let [sum, term] = [0, Math.exp(-rate)];
  for (let k = 0; k < (side === 'below' ? n + 1 : n); k++) {
    sum += term;
    term *= rate / (k + 1);
  }
  return side === 'below' ? sum : 1 - sum;
}

test('the ranks hold the median nine times of ten, and hardly more, for every n', () => {
  expect([1, 2, 3, 4].map(medianRanks)).toEqual([undefined, undefined, undefined, undefined]);
  // Conover's table, and by hand: 5 values miss their median with chance 2/32, 8 with 2·9/256.
  expect(medianRanks(5)).toEqual({ low: 1, high: 5 });
  expect(medianRanks(8)).toEqual({ low: 2, high: 7 });
  const logs = [0];
  for (let n = 1; n <= 3000; n++) logs.push((logs[n - 1] as number) + Math.log(n));
  const log = (n: number) => logs[n] as number;
  const tail = (n: number, below: number) => {
    let sum = 0;
    for (let k = 0; k < below; k++) sum += Math.exp(log(n) - log(k) - log(n - k) - n * Math.LN2);
    return sum;
  };
  let loose = 0;
  for (let n = 5; n <= 3000; n += n < 300 ? 1 : 97) {
    const { low } = medianRanks(n) as { low: number };
    expect(2 * tail(n, low)).toBeLessThanOrEqual(0.1);
    if (2 * tail(n, low + 1) <= 0.1) loose++;
  }
  expect(loose).toBeLessThan(10);
});

test('median, ninth decile and range are of the values, in any order', () => {
  expect(medianOf([3, 1, 2])).toEqual({ n: 3, unknown: 0, median: 2, low: null, high: null, p90: 2.8 });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 200 }), (values) => {
      const found = medianOf(values) as NonNullable<ReturnType<typeof medianOf>>;
      const below = values.filter((one) => one <= found.median).length;
      const above = values.filter((one) => one >= found.median).length;
      expect(Math.min(below, above)).toBeGreaterThanOrEqual(values.length / 2);
      expect(found.p90).toBeGreaterThanOrEqual(found.median);
      expect(medianOf([...values].reverse())).toEqual(found);
      if (values.length < 5) expect(found.low).toBeNull();
      else {
        expect(found.low).toBeLessThanOrEqual(found.median);
        expect(found.high).toBeGreaterThanOrEqual(found.median);
      }
    }),
  );
});

test('a change is shown only where the ranges do not touch, and each metric knows which way is better', () => {
  const rate = (events: number, n: number) => rateMeasured(events, n, '');
  expect(changeOf('change_fail_rate', rate(4, 52), rate(8, 52))).toBe('unclear');
  expect(changeOf('change_fail_rate', rate(10, 500), rate(60, 500))).toBe('better');
  expect(changeOf('change_fail_rate', rate(60, 500), rate(10, 500))).toBe('worse');
  expect(changeOf('flow_efficiency', rate(60, 500), rate(10, 500))).toBe('better');
  expect(changeOf('change_fail_rate', rate(1, 10), unknown('x'))).toBe('unknown');
  const few = medianMeasured(medianOf([1, 2, 3]), '');
  expect(changeOf('change_lead_time', few, medianMeasured(medianOf([900, 901, 902]), ''))).toBe('unclear');
  const count = (n: number): Measured => ({ kind: 'count', n });
  expect([changeOf('known_errors', count(3), count(4)), changeOf('known_errors', count(4), count(4))]).toEqual([
    'better',
    'unclear',
  ]);
});

test('each reading stands beside itself before; a gate that is new or gone has nothing to compare with', () => {
  const none = Object.fromEntries(metricKeys.map((key) => [key, []])) as unknown as Measures;
  const wait = (part: string, values: number[]) => ({ part, measured: medianMeasured(medianOf(values), '') });
  const now = { ...none, approval_wait: [wait('SRE', [1, 2, 3, 4, 5]), wait('Legal', [9])] };
  const before = { ...none, approval_wait: [wait('SRE', [11, 12, 13, 14, 15]), wait('Product', [7])] };
  expect(readingsOf(now, before, true).map(({ metric, part, change }) => [metric, part, change])).toEqual([
    ['approval_wait', 'SRE', 'better'],
    ['approval_wait', 'Legal', 'unknown'],
    ['approval_wait', 'Product', 'unknown'],
  ]);
});

test('how much there was before the record began is unknown, not little; how long it took is known', () => {
  const none = Object.fromEntries(metricKeys.map((key) => [key, []])) as unknown as Measures;
  const of = (n: number, minutes: number): Measures => ({
    ...none,
    known_errors: [{ part: '', measured: { kind: 'count', n } }],
    change_lead_time: [
      { part: '', measured: medianMeasured(medianOf([1, 2, 3, 4, 5].map((one) => one + minutes)), '') },
    ],
  });
  const changes = (isOnRecord: boolean) =>
    readingsOf(of(3, 100), of(4, 0), isOnRecord).map(({ metric, change }) => [metric, change]);
  expect(changes(true)).toEqual([
    ['change_lead_time', 'worse'],
    ['known_errors', 'better'],
  ]);
  expect(changes(false)).toEqual([
    ['change_lead_time', 'worse'],
    ['known_errors', 'unknown'],
  ]);
});

test('the bottleneck is the longest wait; work and the review after it are none', () => {
  const time = (stage: 'vote' | 'slot' | 'deploy' | 'review', totalMinutes: number) => ({ stage, n: 3, totalMinutes });
  expect(bottleneckOf([time('vote', 30), time('slot', 90), time('deploy', 500), time('review', 9000)])).toEqual({
    stage: 'slot',
    totalMinutes: 90,
    share: 0.75,
  });
  expect(bottleneckOf([time('vote', 0), time('deploy', 500)])).toBeUndefined();
});

test('weeks and months begin on the wall, right across the ends of summer time', () => {
  const now = new Date('2026-11-04T10:00Z');
  const weeks = fullWeeks(now, 'Europe/Berlin', 2);
  expect(weeks).toEqual([
    // The clocks go back on 25 October: that week has 169 hours.
    { from: new Date('2026-10-18T22:00Z'), to: new Date('2026-10-25T23:00Z') },
    { from: new Date('2026-10-25T23:00Z'), to: new Date('2026-11-01T23:00Z') },
  ]);
  expect(monthOf(now, 'Europe/Berlin', 1)).toEqual({
    from: new Date('2026-09-30T22:00Z'),
    to: new Date('2026-10-31T23:00Z'),
  });
  expect(monthOf(new Date('2026-01-31T12:00Z'), 'UTC', 2).from).toEqual(new Date('2025-11-01T00:00Z'));
  expect(periodBefore(fourWeeks)).toEqual({ from: new Date('2026-09-28T00:00Z'), to: fourWeeks.from });
});
