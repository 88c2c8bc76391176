import type { ExperimentProps } from '../../blocks/experiment.ts';
import type { NumbersProps } from '../../blocks/report.ts';
import {
  frequencyMeasured,
  type Measured,
  type Measures,
  medianMeasured,
  medianOf,
  metricKeys,
  metrics,
  type Part,
  rateMeasured,
  readingsOf,
  stageKeys,
  unknown,
} from '../../src/domain/metric.ts';

/*
 * Numbers for tests of views; `words` stand wherever people type.
 */
const now = new Date('2026-11-24T12:00:00Z');
export const period = { from: new Date('2026-10-25T12:00:00Z'), to: now };

export const median = (n: number, value = 90): Measured =>
  medianMeasured(medianOf(Array.from({ length: n }, (_, index) => value + index)), 'Nothing.');

/** Every metric with a value, of n releases each; gates and risks are called `words`. */
export function measures(n: number, words: string): Measures {
  const parts = (key: (typeof metricKeys)[number]): Part[] => {
    const { aggregate } = metrics[key];
    const whole =
      aggregate === 'rate'
        ? rateMeasured(Math.min(1, n), n, 'Nothing was deployed in this time.')
        : aggregate === 'frequency'
          ? frequencyMeasured(n, period)
          : aggregate === 'count'
            ? ({ kind: 'count', n } as const)
            : n === 0
              ? unknown('Nothing was deployed in this time.')
              : median(n);
    switch (key) {
      case 'approval_wait':
        return Array.from({ length: 30 }, (_, index) => ({ part: `${words.slice(0, 200)}${index}`, measured: whole }));
      case 'stage_time':
        return stageKeys.map((part) => ({ part, measured: whole }));
      case 'batch_size':
        return ['services', 'scope items'].map((part) => ({ part, measured: whole }));
      default:
        return [{ part: '', measured: whole }];
    }
  };
  return Object.fromEntries(metricKeys.map((key) => [key, parts(key)])) as unknown as Measures;
}

export function numbersProps(n: number, words: string, before = n): NumbersProps {
  const found = measures(n, words);
  return {
    of: words.slice(0, 2_000) || 'all services',
    environment: words.slice(0, 40) || null,
    zone: 'Europe/Berlin',
    period,
    measures: found,
    readings: readingsOf(found, measures(before, words)),
    weeks: Array.from({ length: 12 }, (_, index) => ({
      label: `${index + 1} Nov`,
      measures: measures(index % 4 === 0 ? 0 : n, words),
    })),
    stages: stageKeys.map((stage, index) => ({ stage, n, totalMinutes: index * n * 60 })),
    bottleneck: {
      period,
      stage: 'slot',
      totalMinutes: 12_000,
      share: 0.62,
      total: 40,
      waiters: Array.from({ length: 5 }, (_, index) => ({
        release: 140 + index,
        services: [words.slice(0, 40), words.slice(0, 40)],
        minutes: 600,
      })),
    },
  };
}

export const experimentProps = (words: string, change: Partial<ExperimentProps> = {}): ExperimentProps => ({
  number: 3,
  hypothesis: words.slice(0, 300) || 'x',
  metric: 'change_fail_rate',
  part: '',
  comparison: 'below',
  target: 0.05,
  until: '2026-12-15',
  team: words.slice(0, 40) || null,
  environment: 'production',
  person: 'U0ANA',
  state: 'running',
  dueAt: new Date('2026-12-15T08:00:00Z'),
  startedAt: now,
  baseline: rateMeasured(4, 52, ''),
  round: 0,
  asks: 0,
  askedAt: undefined,
  words: words.slice(0, 1_000),
  result: rateMeasured(0, 80, ''),
  zone: 'Europe/Berlin',
  ...change,
});
