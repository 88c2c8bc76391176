import type { ExperimentProps } from '../../blocks/experiment.ts';
import { baselineDays, type Experiment, type ExperimentFacts, type StartFacts } from '../domain/experiment.ts';
import { type Measured, MeasuredRow, type MetricKey, measuredOf, unknown } from '../domain/metric.ts';
import { addMinutes } from '../domain/time.ts';
import type { Json, Reader } from './calendar.ts';
import { readerOf } from './calendar.ts';
import type { Db } from './db.ts';
import { loadMeasurements, type MetricScope, measureIn } from './metric.ts';

type By = { readonly workspace: string; readonly actor: string | undefined; readonly now: Date };

/** The environment that numbers are about when nobody says which: production, where there is one; null: all of them. */
export async function mainEnvironment(reader: Reader, workspace: string): Promise<string | null> {
  const [row] = await reader.query<{ key: string | null }>(
    `SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM environment WHERE workspace = $1)
       OR EXISTS (SELECT 1 FROM environment WHERE workspace = $1 AND key = 'production') THEN 'production' END AS key`,
    [workspace],
  );
  return row?.key ?? null;
}

/** What a new experiment has to know, with where its metric stood before it. */
export async function loadExperimentStart(
  reader: Reader,
  { workspace, now }: By,
  input: { metric: MetricKey; part: string; team: string | null; environment: string | null },
): Promise<StartFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'zone', (SELECT zone FROM workspace WHERE id = $1),
       'teams', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM team WHERE workspace = $1),
       'environments', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM environment WHERE workspace = $1),
       'count', (SELECT coalesce(max(number), 0) FROM experiment WHERE workspace = $1)
     ) AS facts`,
    [workspace],
  );
  const environment = input.environment ?? (await mainEnvironment(reader, workspace));
  const period = { from: addMinutes(now, -baselineDays * 24 * 60), to: now };
  const { measures } = await measureIn(reader, { workspace, scope: scopeOf(input.team), environment, now }, period);
  return { ...row?.facts, environment, baseline: measuredOf(measures, input.metric, input.part) };
}

/** An experiment with what its metric is since it began. */
export async function loadExperiment(
  reader: Reader,
  { workspace, actor, now }: By,
  number: number,
): Promise<ExperimentFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'zone', (SELECT zone FROM workspace WHERE id = $1),
       'experiment', (SELECT to_jsonb(e) FROM experiment e WHERE e.workspace = $1 AND e.number = $2),
       'known', (SELECT coalesce(jsonb_agg(number ORDER BY number DESC), '[]') FROM experiment WHERE workspace = $1 AND state = 'running'),
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $3)
     ) AS facts`,
    [workspace, number, actor ?? null],
  );
  const facts = row?.facts;
  const experiment = facts.experiment ? toExperiment(facts.experiment) : undefined;
  const result = experiment ? await standing(reader, workspace, experiment, now) : unknown('There is none.');
  return { zone: facts.zone, experiment, known: facts.known, roles: facts.roles, result };
}

/** As a view needs it; undefined when there is none with this number. */
export async function findExperiment(
  db: Db,
  workspace: string,
  number: number,
  now: Date,
): Promise<ExperimentProps | undefined> {
  const [found] = await readExperiments(db, workspace, 'e.number = $2', [number], now);
  return found;
}

/** Running ones, the one that is due first before the others; `all`: those that are over, too, newest first. */
export async function listExperiments(
  db: Db,
  workspace: string,
  asked: {
    readonly now: Date;
    readonly all?: boolean;
    /** Only those of one of these teams, or of no team. */
    readonly teams?: readonly string[];
  },
): Promise<ExperimentProps[]> {
  const { now, all = false, teams = null } = asked;
  return readExperiments(
    db,
    workspace,
    `($2 OR e.state = 'running') AND ($3::text[] IS NULL OR e.team IS NULL OR e.team = ANY ($3))`,
    [all, teams],
    now,
  );
}

const atMost = 20;

async function readExperiments(
  db: Db,
  workspace: string,
  where: string,
  params: readonly unknown[],
  now: Date,
): Promise<ExperimentProps[]> {
  const reader = readerOf(db);
  const rows = await reader.query<{ row: Json; zone: string }>(
    `SELECT to_jsonb(e) AS row, w.zone FROM experiment e JOIN workspace w ON w.id = e.workspace WHERE e.workspace = $1 AND ${where}
     ORDER BY e.state <> 'running', CASE WHEN e.state = 'running' THEN e.due_at END, e.ended_at DESC, e.number LIMIT ${atMost}`,
    [workspace, ...params],
  );
  const found: ExperimentProps[] = [];
  for (const { row, zone } of rows) {
    const experiment = toExperiment(row);
    const result = row.result ? MeasuredRow.parse(row.result) : await standingIn(db, workspace, experiment, now);
    found.push({ ...experiment, words: row.words, result, zone });
  }
  return found;
}

/** Outside of a command there is more patience. */
async function standingIn(db: Db, workspace: string, experiment: Experiment, now: Date): Promise<Measured> {
  const { ask, period } = sinceStart(workspace, experiment, now);
  const [found] = await loadMeasurements(db, ask, [period]);
  return found ? measuredOf(found.measures, experiment.metric, experiment.part) : unknown('It was not measured.');
}

async function standing(reader: Reader, workspace: string, experiment: Experiment, now: Date): Promise<Measured> {
  const { ask, period } = sinceStart(workspace, experiment, now);
  const { measures } = await measureIn(reader, ask, period);
  return measuredOf(measures, experiment.metric, experiment.part);
}

function sinceStart(workspace: string, { team, environment, startedAt }: Experiment, now: Date) {
  return { ask: { workspace, scope: scopeOf(team), environment, now }, period: { from: startedAt, to: now } };
}

function scopeOf(team: string | null): MetricScope {
  return team === null ? { kind: 'all' } : { kind: 'team', key: team };
}

function toExperiment(row: Json): Experiment {
  return {
    number: row.number,
    hypothesis: row.hypothesis,
    metric: row.metric,
    part: row.part,
    comparison: row.comparison,
    target: row.target,
    until: row.until,
    team: row.team,
    environment: row.environment,
    person: row.person,
    state: row.state,
    dueAt: new Date(row.due_at),
    startedAt: new Date(row.started_at),
    baseline: MeasuredRow.parse(row.baseline),
    round: row.round,
    asks: row.asks,
    askedAt: row.asked_at ? new Date(row.asked_at) : undefined,
  };
}
