import { expect, test } from 'vitest';
import { readExperimentKey, standingOf } from '../../src/domain/experiment.ts';
import {
  frequencyMeasured,
  type Measured,
  medianMeasured,
  medianOf,
  rateMeasured,
  unknown,
} from '../../src/domain/metric.ts';

const week = { from: new Date('2026-11-16T00:00Z'), to: new Date('2026-11-23T00:00Z') };

test.each<[string, 'below' | 'above', number, Measured, ReturnType<typeof standingOf>]>([
  ['nothing is known', 'below', 0.05, unknown('x'), undefined],
  ['its range reaches beyond', 'below', 0.05, rateMeasured(1, 40, ''), 'reached'],
  ['its whole range is below', 'below', 0.05, rateMeasured(0, 200, ''), 'shown'],
  ['it is worse', 'below', 0.05, rateMeasured(4, 40, ''), 'missed'],
  ['exactly there is not below', 'below', 0.05, rateMeasured(2, 40, ''), 'missed'],
  ['above, with a wide range', 'above', 0.9, rateMeasured(19, 20, ''), 'reached'],
  ['too few for a range', 'below', 100, medianMeasured(medianOf([1, 2, 3]), ''), 'reached'],
  ['often enough', 'above', 10, frequencyMeasured(30, week), 'shown'],
])('%s: %s %d', (_name, comparison, target, measured, standing) => {
  expect(standingOf({ comparison, target }, measured)).toBe(standing);
});

test('names of experiments', () => {
  expect(['EXP-3', 'exp3', '3', 'EXP-', '3rd', ''].map(readExperimentKey)).toEqual([
    3,
    3,
    3,
    undefined,
    undefined,
    undefined,
  ]);
});
