import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { type Measured, metricKeys, spreadOf } from './metric.ts';
import { addDays, addMinutes, instantAt, isDate, wallTime } from './time.ts';

/*
 * The improvement kata: what somebody expects to get better, by how much and by when; where it stood, where it stands, and
 * what was learnt.
 */
const date = z.string().refine(isDate, 'is not a date');

export const StartInput = z.strictObject({
  hypothesis: z.string().max(300),
  metric: z.enum(metricKeys),
  part: z.string().max(80),
  comparison: z.enum(['below', 'above']),
  /** In the metric's unit: 0.05 is 5 %. */
  target: z.number().min(0),
  /** Local calendar date by which it should be there. */
  until: date,
  team: z.string().nullable(),
  environment: z.string().nullable(),
});
export type StartInput = z.infer<typeof StartInput>;

export type StartFacts = {
  readonly zone: string;
  readonly teams: readonly string[];
  readonly environments: readonly string[];
  /** The one that was named, or the one that numbers are about when none is. */
  readonly environment: string | null;
  /** How many there were so far. */
  readonly count: number;
  /** Over the time before it. */
  readonly baseline: Measured;
};

/** The baseline is what the metric was over this many days before. */
export const baselineDays = 90;
const longestDays = 366;
/** So long after the question it is asked once more. */
const remindDays = 3;

/** `EXP-3`, the name people use. */
export function experimentKey(number: number): string {
  return `EXP-${number}`;
}

/** "EXP-3", "exp3" or "3". */
export function readExperimentKey(text: string): number | undefined {
  const found = /^(?:exp-?)?(\d{1,6})$/i.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

export function startExperiment(input: StartInput, facts: StartFacts, ask: Ask): Decision {
  const hypothesis = input.hypothesis.trim();
  if (hypothesis === '') return refuse({ code: 'empty_note' });
  if (input.team !== null && !facts.teams.includes(input.team))
    return refuse({ code: 'unknown_scope', what: 'team', name: input.team, known: [...facts.teams] });
  const { environment, environments } = facts;
  if (environment !== null && environments.length > 0 && !environments.includes(environment))
    return refuse({ code: 'unknown_scope', what: 'environment', name: environment, known: [...environments] });
  const due = dueOf(input.until, facts.zone, ask.now);
  if (!due) return refuse({ code: 'experiment_until', until: input.until });
  const { metric, part, comparison, target, team } = input;
  return accept({
    type: 'experiment.started',
    experiment: facts.count + 1,
    hypothesis,
    metric,
    part,
    comparison,
    target,
    until: input.until,
    dueAt: due.toISOString(),
    team,
    environment,
    baseline: facts.baseline,
  });
}

export const outcomes = ['kept', 'dropped', 'extended'] as const;
export const ConcludeInput = z.strictObject({
  experiment: z.number().int(),
  outcome: z.enum(outcomes),
  words: z.string().max(1000),
  /** For one that goes on. */
  until: date.nullable(),
});
export type ConcludeInput = z.infer<typeof ConcludeInput>;

export type Experiment = StartInput & {
  readonly number: number;
  readonly person: string;
  readonly state: 'running' | 'kept' | 'dropped';
  readonly dueAt: Date;
  readonly startedAt: Date;
  readonly baseline: Measured;
  /** How often its time was made longer. */
  readonly round: number;
  /** How often its end was asked for in this round. */
  readonly asks: number;
  readonly askedAt: Date | undefined;
};

export type ExperimentFacts = {
  readonly zone: string;
  readonly experiment: Experiment | undefined;
  readonly known: readonly number[];
  readonly roles: readonly string[];
  /** Since it was started. */
  readonly result: Measured;
};

/** Whoever started it, or a release manager, says what came of it. */
export function concludeExperiment(input: ConcludeInput, facts: ExperimentFacts, ask: Ask): Decision {
  const { experiment } = facts;
  if (!experiment) return refuse({ code: 'unknown_experiment', experiment: input.experiment, known: [...facts.known] });
  if (experiment.person !== actorId(ask) && !facts.roles.includes('release_manager'))
    return refuse({ code: 'not_yours', what: 'experiment', owner: experiment.person });
  if (experiment.state !== 'running')
    return refuse({ code: 'experiment_over', experiment: experiment.number, state: experiment.state });
  const words = input.words.trim();
  if (words === '') return refuse({ code: 'words_needed', experiment: experiment.number });
  const about = { experiment: experiment.number, words, round: experiment.round, asks: experiment.asks };
  if (input.outcome !== 'extended')
    return accept({ type: 'experiment.concluded', ...about, outcome: input.outcome, result: facts.result });
  const until = input.until ?? '';
  const due = input.until === null ? undefined : dueOf(until, facts.zone, ask.now);
  if (!due || until <= experiment.until) return refuse({ code: 'experiment_until', until });
  return accept({ type: 'experiment.extended', ...about, until, dueAt: due.toISOString() });
}

export const OfExperiment = z.strictObject({ experiment: z.number().int() });
export type OfExperiment = z.infer<typeof OfExperiment>;

/** The clock: asks for the conclusion when it is due, and once more some days later. */
export function askExperiment(_input: OfExperiment, { experiment }: ExperimentFacts, ask: Ask): Decision {
  if (experiment?.state !== 'running' || ask.now < experiment.dueAt || experiment.asks >= 2) return accept();
  const remindAt = addMinutes(experiment.askedAt ?? ask.now, remindDays * 24 * 60);
  if (experiment.asks === 1 && ask.now < remindAt) return accept();
  return accept({
    type: 'experiment.asked',
    experiment: experiment.number,
    of: experiment.person,
    round: experiment.round,
    ask: experiment.asks + 1,
    remindAt: experiment.asks === 0 ? remindAt.toISOString() : null,
  });
}

/** Has it reached its target? `shown` only when its whole range has; undefined while nothing is known. */
export function standingOf(
  { comparison, target }: Pick<Experiment, 'comparison' | 'target'>,
  measured: Measured,
): 'shown' | 'reached' | 'missed' | undefined {
  const spread = spreadOf(measured);
  if (!spread) return undefined;
  const isThere = (value: number) => (comparison === 'below' ? value < target : value > target);
  if (!isThere(spread.value)) return 'missed';
  const worst = comparison === 'below' ? spread.high : spread.low;
  return worst !== null && isThere(worst) ? 'shown' : 'reached';
}

/** Nine in the morning of its last day; undefined when that is over, or too far ahead. */
function dueOf(until: string, zone: string, now: Date): Date | undefined {
  const today = wallTime(now, zone).date;
  return until > today && until <= addDays(today, longestDays) ? instantAt(until, '09:00', zone) : undefined;
}
