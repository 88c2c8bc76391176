import type { Change, Measured, MetricKey, MetricUnit } from '../src/domain/metric.ts';
import { isEnough, least, metrics, type StageKey, spreadOf, stageKeys, stages } from '../src/domain/metric.ts';
import { rate, span } from './kit.ts';

/** "8 %", "3 h 10 min", "2.5 a week", "3". */
export function valueText(unit: MetricUnit, value: number): string {
  switch (unit) {
    case 'share':
      return `${percent(value)} %`;
    case 'minutes':
      return span(value);
    case 'per_week':
      return `${short(value)} a week`;
    case 'pieces':
      return short(value);
  }
}

/** A metric in words, with n and its 90 % range: "18 h (12 h–1 d 2 h, n=52)", "unknown: Nothing failed in this time." */
export function measuredText(key: MetricKey, measured: Measured): string {
  const { unit } = metrics[key];
  const value = (one: number) => valueText(unit, one);
  switch (measured.kind) {
    case 'unknown':
      return `unknown: ${measured.why}`;
    case 'rate':
      return rate(measured);
    case 'count':
      return value(measured.n);
    case 'frequency':
      return `${value(measured.perWeek)} (${short(measured.low)}–${short(measured.high)}, n=${measured.n})`;
    case 'median': {
      const { n, low, high, median, unknown } = measured;
      const range =
        low === null || high === null ? `n=${n}, too few for a range` : `${rangeText(unit, low, high)}, n=${n}`;
      return `${value(median)} (${range}${unknown === 0 ? '' : `, ${unknown} unknown`})`;
    }
  }
}

/** The same, unless there is too little of it to say anything. */
export function enoughText(key: MetricKey, measured: Measured): string {
  if (isEnough(measured)) return measuredText(key, measured);
  const n = 'n' in measured ? measured.n : 0;
  return `not enough data (n=${n}; shown from ${least} on)`;
}

/** As short as it may be: "18 h (n=52)"; a share keeps its range. */
export function briefText(key: MetricKey, measured: Measured): string {
  const spread = spreadOf(measured);
  if (!spread || !isEnough(measured) || measured.kind === 'rate') return enoughText(key, measured);
  return `${valueText(metrics[key].unit, spread.value)}${measured.kind === 'median' ? ` (n=${measured.n})` : ''}`;
}

/** "3–16 %", "12 h–1 d 2 h". */
export function rangeText(unit: MetricUnit, low: number, high: number): string {
  return unit === 'share'
    ? `${percent(low)}–${percent(high)} %`
    : `${valueText(unit, low).replace(/ a week$/, '')}–${valueText(unit, high)}`;
}

export const changeWords: Readonly<Record<Change, string>> = {
  better: 'better than before',
  worse: 'worse than before',
  unclear: 'no clear change',
  unknown: 'nothing to compare with',
};

/** "Time by stage: deploying", "Approval wait: SRE". */
export function metricName(key: MetricKey, part: string): string {
  const { name } = metrics[key];
  if (part === '') return name;
  return `${name}: ${partName(key, part)}`;
}

export function partName(key: MetricKey, part: string): string {
  return key === 'stage_time' && isStage(part) ? stages[part].name : part;
}

function isStage(part: string): part is StageKey {
  return (stageKeys as readonly string[]).includes(part);
}

/** Below ten percent one decimal tells 0.4 from 0; whole ones above. */
function percent(share: number): string {
  const value = share * 100;
  return value > 0 && value < 1 ? value.toFixed(1) : String(Math.round(value));
}

function short(value: number): string {
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}
