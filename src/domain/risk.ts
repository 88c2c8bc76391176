import type { History } from './approval.ts';
import type { Migration } from './content.ts';
import { type Rate, rateOf } from './rate.ts';
import { isAtWork } from './worktime.ts';

export const riskBands = ['low', 'medium', 'high'] as const;
export type RiskBand = (typeof riskBands)[number];

export type Risk = {
  readonly band: RiskBand;
  /** Share of earlier releases of its services that failed, with its interval. */
  readonly rate: Rate;
  readonly reasons: readonly string[];
};

export type RiskFacts = {
  readonly services: readonly string[];
  /** The lowest of its services. */
  readonly tier: number;
  readonly changeType: string;
  readonly rollbackPlan: string;
  readonly rollbackTested: boolean;
  readonly migration: Migration;
  /** How many services stand on what is released. */
  readonly dependants: number;
  readonly startsAt: Date;
  readonly zone: string;
  readonly history: readonly History[];
};

/**
 * A risk that names its reasons: points that add up, each for something a person can check. Three make it medium, six
 * high. The rate beside it is what happened before, and makes no band by itself.
 */
export function assessRisk(facts: RiskFacts): Risk {
  const n = sum(facts.history.map((one) => one.n));
  const failed = sum(facts.history.map((one) => one.failed));
  const lately = Math.max(0, ...facts.history.map((one) => one.lately));
  const unknown = facts.services.filter((key) => !facts.history.some((one) => one.service === key && one.n > 0));
  const points: [number, boolean, string][] = [
    [1, facts.tier === 1, 'a critical service (tier 1)'],
    [3, facts.migration === 'irreversible', 'a migration that cannot be taken back'],
    [1, facts.migration === 'reversible', 'a migration'],
    [2, facts.rollbackPlan === '', 'no rollback plan'],
    [1, facts.rollbackPlan !== '' && !facts.rollbackTested, 'a rollback plan that was not tested'],
    [2, facts.services.length > 3, `${facts.services.length} services at once`],
    [1, facts.services.length === 2 || facts.services.length === 3, `${facts.services.length} services at once`],
    [1, facts.dependants >= 3, `${facts.dependants} services stand on it`],
    [1, !isAtWork(facts.startsAt, facts.zone), 'outside working hours'],
    [3, lately >= 2, `${lately} of the last 5 releases failed`],
    [1, lately === 1, '1 of the last 5 releases failed'],
    [1, unknown.length > 0, `no earlier release of ${unknown.join(', ')}`],
    [2, facts.changeType === 'emergency', 'an emergency'],
  ];
  const counted = points.filter(([, isSo]) => isSo);
  const score = sum(counted.map(([worth]) => worth));
  return {
    band: score >= 6 ? 'high' : score >= 3 ? 'medium' : 'low',
    rate: rateOf(failed, n),
    reasons: counted.sort((a, b) => b[0] - a[0]).map(([, , reason]) => reason),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
