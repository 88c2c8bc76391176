import type { Conflict } from './calendar.ts';
import type { Refusal } from './decision.ts';
import type { PlannedFreeze } from './freeze.ts';
import { sourcesOf, type WhoSource } from './gate.ts';
import { GateRule } from './policy.ts';
import type { PolicyFacts, ReleaseState } from './release.ts';
import { wallTime } from './time.ts';

/*
 * Passes through freezes: what they are, who gives them, and how many a team has.
 */

/** A pass that was asked for before. */
export type PastException = {
  readonly release: number;
  readonly label: string;
  readonly freeze: string;
  readonly team: string;
  readonly quarter: string;
  readonly state: ReleaseState;
  readonly reviewed: boolean;
};

export type ExceptionFacts = {
  /** Passes per quarter, by team. */
  readonly budgets: Readonly<Record<string, number>>;
  readonly past: readonly PastException[];
};

/** Passes per quarter of a team that the catalogue says nothing of. */
export const usualBudget = 2;

/** "2026-Q4" on the calendar's wall. */
export function quarterOf(at: Date, zone: string): string {
  const { date } = wallTime(at, zone);
  return `${date.slice(0, 4)}-Q${Math.ceil(Number(date.slice(5, 7)) / 3)}`;
}

export type Budget = {
  readonly team: string;
  readonly quarter: string;
  readonly used: number;
  readonly budget: number;
};

/** What a team has used of its passes this quarter. One that came to nothing (rejected, expired, cancelled) is not used. */
export function budgetOf(team: string, facts: ExceptionFacts, quarter: string): Budget {
  const used = facts.past.filter((one) => one.team === team && one.quarter === quarter && !isVoid(one.state)).length;
  return { team, quarter, used, budget: facts.budgets[team] ?? usualBudget };
}

/** Why a team gets no pass now: its budget is spent, or its last one was not reviewed yet. */
export function againstException(
  team: string,
  facts: ExceptionFacts,
  asked: { readonly quarter: string; readonly release: number },
): Refusal | undefined {
  const budget = budgetOf(team, facts, asked.quarter);
  if (budget.used >= budget.budget) return { code: 'exception_budget', ...budget };
  const open = facts.past.find(
    (one) => one.team === team && one.release !== asked.release && !isVoid(one.state) && !one.reviewed,
  );
  return open
    ? { code: 'exception_review', team, release: open.release, label: open.label, state: open.state }
    : undefined;
}

function isVoid(state: ReleaseState): boolean {
  return state === 'rejected' || state === 'expired' || state === 'cancelled';
}

/** The gate of a freeze's owners: its approval is a pass for this content and this slot. */
export function passGate(freeze: PlannedFreeze): GateRule {
  return GateRule.parse({
    name: `Freeze ${freeze.key}`.slice(0, 40),
    who: freeze.owners ?? { kind: 'role', role: 'release_manager' },
    needed: 1,
    covers: ['content', 'time'],
    pass: freeze.key,
  });
}

export function passGates(
  keys: readonly string[],
  all: readonly PlannedFreeze[],
  { groups }: PolicyFacts,
): { rule: GateRule; sources: WhoSource[] }[] {
  return all
    .filter((freeze) => keys.includes(freeze.key))
    .map((freeze) => {
      const rule = passGate(freeze);
      return { rule, sources: sourcesOf(rule, groups, [], '') };
    });
}

/** The hard freezes among what stands against a time, when nothing else does. */
export function onlyFreezes(hard: readonly Conflict[]): string[] | undefined {
  const keys = hard.flatMap((one) => (one.code === 'freeze' ? [one.freeze] : []));
  return keys.length === hard.length && keys.length > 0 ? [...new Set(keys)] : undefined;
}
