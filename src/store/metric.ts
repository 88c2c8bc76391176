import type pg from 'pg';
import { RiskRow } from '../domain/approval.ts';
import {
  frequencyMeasured,
  type Measures,
  type Median,
  medianMeasured,
  type Part,
  type Period,
  rateMeasured,
  reading,
  type StageKey,
  type StageTime,
  stageKeys,
  unknown,
  z90,
} from '../domain/metric.ts';
import type { Reader } from './calendar.ts';
import { type Db, inBackground } from './db.ts';

/*
 * The numbers behind the metrics: two statements per time, over the rows that everything else uses, too. What a metric
 * means is in the domain's table; here it is which columns say so.
 */
export type MetricScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'team'; readonly key: string }
  | { readonly kind: 'service'; readonly key: string }
  /** What several services and teams come down to. */
  | { readonly kind: 'services'; readonly key: readonly string[] };

export type MetricAsk = {
  readonly workspace: string;
  /** A release of several services belongs to each of them, and counts once in each scope. */
  readonly scope: MetricScope;
  /** Null: all of them. */
  readonly environment: string | null;
  readonly now: Date;
};

export type Measurement = {
  readonly period: Period;
  readonly measures: Measures;
  readonly stages: readonly StageTime[];
};

/** Measures each of the times, all as the database is at one moment. Fails when the database needs over a minute for one. */
export async function loadMeasurements(
  db: Db,
  ask: MetricAsk,
  periods: readonly Period[],
): Promise<readonly Measurement[]> {
  return atOneMoment(db, async (query) => {
    const found: Measurement[] = [];
    for (const period of periods) found.push(await measure(query, ask, period));
    return found;
  });
}

/** One time, as a transaction sees it. */
export function measureIn(reader: Reader, ask: MetricAsk, period: Period): Promise<Measurement> {
  return measure(
    async <Found>(text: string, values: readonly unknown[]) =>
      ((await reader.query<{ found: Found }>(text, values))[0] as { found: Found }).found,
    ask,
    period,
  );
}

type Query = <Found>(text: string, values: readonly unknown[]) => Promise<Found>;

async function measure(query: Query, ask: MetricAsk, period: Period): Promise<Measurement> {
  const params = paramsOf(ask, period);
  const deployed = await query<Deployed>(deployedSql(ask.scope), params);
  const decided = await query<Decided>(decidedSql(ask.scope), params);
  return {
    period,
    measures: measuresOf(period, deployed, decided),
    stages: stageKeys.map((stage) => ({
      stage,
      n: deployed.spreads[stage].n,
      totalMinutes: deployed.totals[stage] ?? 0,
    })),
  };
}

export type Waiter = { readonly release: number; readonly services: readonly string[]; readonly minutes: number };

/** The releases that were longest in a stage, longest first, of those that a measurement is about; `total`: how many were in it. */
export async function listWaiters(
  db: Db,
  ask: MetricAsk & { readonly period: Period; readonly stage: StageKey; readonly take: number },
): Promise<{ readonly total: number; readonly waiters: readonly Waiter[] }> {
  return atOneMoment(db, (query) =>
    query(
      `WITH ${deployments(ask.scope)},
         w AS (SELECT number, ${ask.stage} AS minutes FROM d WHERE ${ask.stage} > 0),
         top AS (SELECT number, minutes FROM w ORDER BY minutes DESC, number LIMIT ${Math.trunc(ask.take)})
       SELECT jsonb_build_object('total', (SELECT count(*) FROM w), 'waiters', coalesce((SELECT jsonb_agg(jsonb_build_object(
           'release', top.number, 'minutes', top.minutes, 'services', (SELECT jsonb_agg(u.service ORDER BY u.position)
             FROM release_unit u WHERE u.workspace = $1 AND u.release = top.number)) ORDER BY top.minutes DESC, top.number) FROM top), '[]')) AS found`,
      paramsOf(ask, ask.period),
    ),
  );
}

/** $1 workspace, $2 and $3 the time, $4 environment or null, $5 now, $6 what the scope is of. */
function paramsOf({ workspace, scope, environment, now }: MetricAsk, { from, to }: Period): unknown[] {
  return [workspace, from, to, environment, now, ...(scope.kind === 'all' ? [] : [scope.key])];
}

function inScope(scope: MetricScope): string {
  if (scope.kind === 'all') return '';
  return `AND EXISTS (SELECT 1 FROM release_unit u WHERE u.workspace = $1 AND u.release = r.number AND u.service ${servicesOf(scope)})`;
}

function servicesOf({ kind }: Exclude<MetricScope, { kind: 'all' }>): string {
  if (kind === 'services') return '= ANY ($6::text[])';
  return kind === 'service' ? '= $6' : 'IN (SELECT key FROM service WHERE workspace = $1 AND team = $6)';
}

const ofRelease = `r.workspace = $1 AND ($4::text IS NULL OR r.environment = $4)`;

/** The deployments of a time, with their minutes in every stage. `a`: the verdict, or the start of one whose gates two people set aside. */
function deployments(scope: MetricScope): string {
  return `
    i AS (
      SELECT release, min(at) AS began_at, CASE WHEN count(*) = count(closed_at) THEN max(closed_at) END AS over_at
      FROM incident WHERE workspace = $1 GROUP BY release
    ),
    f AS (
      SELECT r.number, r.change_type, r.requested_at, r.first_vote_at, coalesce(r.approved_at, r.started_at) AS a, r.starts_at, r.started_at,
        r.deployed_at, r.finished_at, r.reviewed_at, nullif(jsonb_array_length(r.scope), 0) AS items, r.risk ->> 'band' AS band, g.release IS NULL AS ungated,
        r.number IN (SELECT release FROM override WHERE workspace = $1 AND state = 'granted') AS overridden,
        r.number IN (SELECT release FROM exception WHERE workspace = $1) AS excepted,
        r.failed_at IS NOT NULL OR coalesce(r.outcome = 'failed', false) OR i.release IS NOT NULL AS failed,
        least(r.failed_at, i.began_at) AS failed_at, coalesce(r.restored_at, i.over_at) AS restored_at
      FROM release r LEFT JOIN i ON i.release = r.number LEFT JOIN gate g ON g.workspace = $1 AND g.release = r.number AND g.position = 0
      WHERE ${ofRelease} AND r.finished_at >= $2 AND r.finished_at < least($3::timestamptz, $5::timestamptz) ${inScope(scope)}
    ),
    d AS MATERIALIZED (
      SELECT number, change_type = 'emergency' AS emergency, failed, items, band, ungated, overridden, excepted,
        CASE WHEN NOT failed THEN ${minutes('requested_at', 'deployed_at')} END AS lead,
        CASE WHEN failed AND failed_at IS NOT NULL AND restored_at IS NOT NULL THEN ${minutes('failed_at', 'restored_at')} END AS recovery,
        ${minutes('requested_at', 'started_at')} AS queue,
        ${minutes('started_at', 'finished_at')} / nullif(${minutes('requested_at', 'finished_at')}, 0) AS efficiency,
        CASE WHEN first_vote_at IS NOT NULL THEN ${minutes('requested_at', 'first_vote_at')} END AS vote,
        CASE WHEN first_vote_at IS NOT NULL THEN ${minutes('first_vote_at', 'a')} END AS approval,
        ${minutes('a', 'least(starts_at, started_at)')} AS slot,
        ${minutes('greatest(a, least(starts_at, started_at))', 'started_at')} AS start,
        ${minutes('started_at', 'coalesce(deployed_at, finished_at)')} AS deploy,
        CASE WHEN deployed_at < finished_at THEN ${minutes('deployed_at', 'finished_at')} END AS verify,
        CASE WHEN reviewed_at IS NOT NULL THEN ${minutes('finished_at', 'reviewed_at')} END AS review
      FROM f
    )`;
}

/** date_part reckons in floating point; extract() would do it in numeric, at several times the price. */
function minutes(from: string, to: string): string {
  return `greatest(0, date_part('epoch', ${to} - ${from}) / 60)`;
}

const spreadColumns = ['lead', 'recovery', 'queue', 'efficiency', 'items', ...stageKeys] as const;
type SpreadColumn = (typeof spreadColumns)[number];

type Spread = {
  readonly n: number;
  /** Median and ninth decile. */
  readonly middle: readonly [number, number] | null;
  /** The ends of the median's interval. */
  readonly ends: readonly [number | null, number | null] | null;
};

const riskBands = RiskRow.shape.band.options;
type RiskBand = (typeof riskBands)[number];

/** Which deployments are counted as what. */
const counts = {
  failed: 'failed',
  emergency: 'emergency',
  ungated: 'ungated',
  overridden: 'overridden',
  excepted: 'excepted',
  ...(Object.fromEntries(riskBands.map((band) => [band, `band = '${band}'`])) as Record<RiskBand, string>),
  ...(Object.fromEntries(riskBands.map((band) => [`ungated_${band}`, `ungated AND band = '${band}'`])) as Record<
    `ungated_${RiskBand}`,
    string
  >),
};

type Deployed = {
  readonly n: number;
  readonly counts: Readonly<Record<keyof typeof counts, number>>;
  readonly spreads: Readonly<Record<SpreadColumn, Spread>>;
  readonly services: Spread;
  readonly totals: Readonly<Record<StageKey, number | null>>;
};

/** One pass for the counts, which say where the interval of each median ends, and one for the medians. */
function deployedSql(scope: MetricScope): string {
  return `WITH ${deployments(scope)},
    n AS MATERIALIZED (SELECT count(*) AS n,
      jsonb_build_object(${Object.entries(counts)
        .map(([name, rule]) => `'${name}', count(*) FILTER (WHERE ${rule})`)
        .join(', ')}) AS counts,
      ${spreadColumns.map((column) => `${ends(`count(${column})`)} AS ${column}`).join(', ')},
      jsonb_build_object(${stageKeys.map((stage) => `'${stage}', sum(${stage})`).join(', ')}) AS totals FROM d),
    s AS (SELECT ${spreadColumns.map((column) => `${spread(`(SELECT ${column} FROM n)`, column)} AS ${column}`).join(', ')} FROM d),
    u AS MATERIALIZED (SELECT count(*) AS size FROM d JOIN release_unit u ON u.workspace = $1 AND u.release = d.number GROUP BY d.number)
    SELECT jsonb_build_object('n', n.n, 'counts', n.counts, 'totals', n.totals,
      'services', (SELECT ${spread(`(SELECT ${ends('count(*)')} FROM u)`, 'size')} FROM u),
      'spreads', jsonb_build_object(${spreadColumns.map((column) => `'${column}', s.${column}`).join(', ')})) AS found
    FROM n, s`;
}

/**
 * Where the two values are that medianRanks() names, as shares of `n`; null where there are none. Half a rank less is safe
 * from rounding: percentile_disc takes the first value at or above.
 */
function ends(n: string): string {
  const low = `nullif(greatest(floor((${n} + 1 - ${z90} * sqrt(${n})) / 2), 0), 0)`;
  return `ARRAY[(${low} - 0.5) / ${n}, (${n} + 0.5 - ${low}) / ${n}]`;
}

/** Median, ninth decile and the interval of the median: one sort for all four. */
function spread(at: string, column: string): string {
  const order = `WITHIN GROUP (ORDER BY ${column})`;
  return `jsonb_build_object('n', count(${column}), 'middle', percentile_cont(ARRAY[0.5, 0.9]) ${order},
    'ends', percentile_disc(${at}) ${order})`;
}

type Decided = {
  readonly gates: readonly ({ readonly name: string } & Spread)[];
  readonly approvals: number;
  readonly hasty: number;
  readonly decided: number;
  readonly expired: number;
  readonly slots: number;
  readonly used: number;
  readonly knownErrors: number;
  readonly unbooked: number;
  /** Somebody has ever reported a deployment that was not booked: before that nobody knows how many there were. */
  readonly isReported: boolean;
  readonly linked: number;
  readonly unlinked: number;
};

/** What was approved in a time, what nobody decided, the slots of it, what went past the calendar, incidents, and what is known to be broken at its end. */
function decidedSql(scope: MetricScope): string {
  const over = 'least($3::timestamptz, $5::timestamptz)';
  const about = (services: string) =>
    scope.kind === 'all' ? '' : `AND EXISTS (SELECT 1 FROM unnest(${services}) x WHERE x ${servicesOf(scope)})`;
  const within = (at: string) => `${at} >= $2 AND ${at} < ${over}`;
  return `WITH a AS MATERIALIZED (
      SELECT r.number, r.revision, ${reading.seconds} + (length(r.summary) + length(r.rollback_plan)) / ${reading.charactersPerSecond}::float8 AS seconds
      FROM release r WHERE ${ofRelease} AND r.approved_at >= $2 AND r.approved_at < ${over} ${inScope(scope)}
    ),
    g AS MATERIALIZED (
      SELECT a.number, a.revision, a.seconds, g.name, g.asked_at, ${minutes('g.asked_at', 'g.met_at')} AS wait
      FROM a JOIN gate g ON g.workspace = $1 AND g.release = a.number WHERE g.met_at IS NOT NULL
    ),
    w AS (
      SELECT name, ${spread('k.ends', 'wait')} AS found FROM g JOIN (SELECT name, ${ends('count(*)')} AS ends FROM g GROUP BY name) k USING (name)
      GROUP BY name, k.ends
    ),
    v AS (
      SELECT count(*) AS n, count(*) FILTER (WHERE v.at < g.asked_at + g.seconds * interval '1 second') AS hasty
      FROM g JOIN vote v ON v.workspace = $1 AND v.release = g.number AND v.gate = g.name AND v.revision = g.revision
      WHERE v.choice IN ('approve', 'condition') AND v.at >= g.asked_at
    ),
    o AS (
      SELECT count(*) AS n, count(*) FILTER (WHERE r.state = 'expired') AS expired FROM release r
      WHERE ${ofRelease} AND r.ended_at >= $2 AND r.ended_at < ${over} AND r.state IN ('rejected', 'expired') AND r.approved_at IS NULL ${inScope(scope)}
    ),
    s AS (
      SELECT count(*) AS n, count(r.started_at) AS used FROM release r
      WHERE ${ofRelease} AND r.starts_at >= $2 AND r.starts_at < ${over} AND (r.started_at IS NOT NULL OR r.ends_at <= $5)
        AND NOT (r.state IN ('rejected', 'expired', 'cancelled') AND r.ended_at < r.starts_at)
        AND (r.state NOT IN ('requested', 'approved') OR EXISTS (
          SELECT 1 FROM reservation h WHERE h.workspace = $1 AND h.holder = 'REL-' || r.number AND h.held)) ${inScope(scope)}
    )
    SELECT jsonb_build_object('gates', (SELECT coalesce(jsonb_agg(w.found || jsonb_build_object('name', w.name) ORDER BY w.name), '[]') FROM w),
      'approvals', v.n, 'hasty', v.hasty, 'decided', o.n + (SELECT count(*) FROM a), 'expired', o.expired, 'slots', s.n, 'used', s.used,
      'knownErrors', (SELECT count(*) FROM known_error e WHERE e.workspace = $1 AND e.at < ${over} AND (e.fixed_at IS NULL OR e.fixed_at >= ${over}) ${about('e.services')}),
      'unbooked', (SELECT count(*) FROM unbooked b WHERE b.workspace = $1 AND ($4::text IS NULL OR b.environment = $4) AND ${within('b.deployed_at')} ${about('ARRAY[b.service]')}),
      'isReported', EXISTS (SELECT 1 FROM unbooked WHERE workspace = $1),
      'linked', (SELECT count(DISTINCT lower(i.key)) FROM incident i JOIN release r ON r.workspace = $1 AND r.number = i.release
        WHERE i.workspace = $1 AND ${within('i.at')} AND ${ofRelease} ${inScope(scope)}),
      'unlinked', (SELECT count(*) FROM reported_incident p WHERE p.workspace = $1 AND p.state = 'open' AND ${within('p.at')} ${about('p.services')})
    ) AS found FROM v, o, s`;
}

const nothing = {
  deployed: 'Nothing was deployed in this time.',
  failed: 'Nothing failed in this time.',
  approved: 'Nothing was approved in this time.',
  decided: 'Nothing was decided in this time.',
  slots: 'No slot of this time is over.',
  recovery: 'Nobody said when what failed was well again.',
  list: 'No release of this time has a list of what is in it.',
  passed: 'No release of this time went through this stage.',
  unbooked: 'Nobody has reported a deployment that was not booked: how many there were is not known.',
  incidents: 'No incident was reported in this time.',
} as const;

function measuresOf(period: Period, deployed: Deployed, decided: Decided): Measures {
  const { n, spreads } = deployed;
  const { failed, emergency, ungated, overridden, excepted } = deployed.counts;
  const whole = (measured: Part['measured']): Part[] => [{ part: '', measured }];
  const rate = (events: number, among: number, why: string) => whole(rateMeasured(events, among, why));
  const median = (spread: Spread, among: number, why: string) => medianMeasured(medianIn(spread, among), why);
  return {
    deployment_frequency: whole(frequencyMeasured(n, period)),
    change_lead_time: whole(
      median(spreads.lead, n - failed, n === 0 ? nothing.deployed : 'Everything failed in this time.'),
    ),
    change_fail_rate: rate(failed, n, nothing.deployed),
    recovery_time: whole(median(spreads.recovery, failed, failed === 0 ? nothing.failed : nothing.recovery)),
    rework_rate: rate(emergency, n, nothing.deployed),
    approval_wait: decided.gates.map((gate) => ({ part: gate.name, measured: median(gate, gate.n, nothing.approved) })),
    without_approval: [
      ...rate(ungated, n, nothing.deployed),
      ...riskBands
        .filter((band) => deployed.counts[band] > 0)
        .map((band) => ({
          part: `${band} risk`,
          measured: rateMeasured(deployed.counts[`ungated_${band}`], deployed.counts[band], nothing.deployed),
        })),
    ],
    expiry_rate: rate(decided.expired, decided.decided, nothing.decided),
    override_rate: rate(overridden, n, nothing.deployed),
    exception_rate: rate(excepted, n, nothing.deployed),
    rubber_stamps: rate(decided.hasty, decided.approvals, nothing.approved),
    queue_time: whole(median(spreads.queue, n, nothing.deployed)),
    flow_efficiency: whole(median(spreads.efficiency, n, nothing.deployed)),
    stage_time: stageKeys.map((stage) => ({
      part: stage,
      measured: median(
        spreads[stage],
        stage === 'review' ? n : spreads[stage].n,
        n === 0 ? nothing.deployed : nothing.passed,
      ),
    })),
    batch_size: [
      { part: 'services', measured: median(deployed.services, n, nothing.deployed) },
      { part: 'scope items', measured: median(spreads.items, n, n === 0 ? nothing.deployed : nothing.list) },
    ],
    slot_use: rate(decided.used, decided.slots, nothing.slots),
    adoption: decided.isReported ? rate(n, n + decided.unbooked, nothing.deployed) : whole(unknown(nothing.unbooked)),
    known_errors: whole({ kind: 'count', n: decided.knownErrors }),
    incidents_linked: rate(decided.linked, decided.linked + decided.unlinked, nothing.incidents),
  };
}

function medianIn({ n, middle, ends }: Spread, among: number): Median | undefined {
  if (!middle) return undefined;
  const [median, p90] = middle;
  return { n, unknown: among - n, median, p90, low: ends?.[0] ?? null, high: ends?.[1] ?? null };
}

const patienceMs = 60_000;

/** Reads over all releases of a quarter may take longer than a command may, and want memory to sort in. */
function atOneMoment<T>(db: Db, work: (query: Query) => Promise<T>): Promise<T> {
  const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${patienceMs}; SET LOCAL work_mem = '32MB'; SET LOCAL jit = off`;
  return inBackground(db, begin, (client) =>
    work(async <Found>(text: string, values: readonly unknown[]) => {
      const config: pg.QueryConfig & { query_timeout: number } = {
        text,
        values: [...values],
        query_timeout: patienceMs,
      };
      const { rows } = await client.query<{ found: Found }>(config);
      return (rows[0] as { found: Found }).found;
    }),
  );
}
