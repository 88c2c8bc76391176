import pg from 'pg';
import type { Period } from '../src/domain/metric.ts';
import { openDb } from '../src/store/db.ts';
import { loadMeasurements, type MetricAsk } from '../src/store/metric.ts';
import { migrate } from '../src/store/migrate.ts';
import { alone, type Row } from './row.ts';
import { interleaved, isQuick, rounds, rowOf, timed } from './support/measure.ts';
import { openStand } from './support/stand.ts';

/*
 * 4. Growth: all metrics of a time, beside the bare SQL that no report can do without: the same rows read once each,
 * counted, with a median of the lead times, of the queue times and of each gate's waits. No stages, no intervals, no slots.
 */

export const name = 'metric';

const workspace = 'T0BENCH';
const services = 500;
const teams = 40;
const now = new Date('2026-11-23T08:00:00Z');
const all: Period = { from: new Date('2025-11-23T08:00:00Z'), to: now };
const month: Period = { from: new Date('2026-10-01T00:00:00Z'), to: new Date('2026-11-01T00:00:00Z') };

/** Fills a database step by step, a year of releases at every size, and measures. */
async function metricGrowth(databaseUrl: string, sizes: readonly number[]): Promise<Row[]> {
  await migrate(databaseUrl);
  const db = openDb({ url: databaseUrl, onError: () => undefined });
  const raw = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const results: Row[] = [];
  const ask: MetricAsk = { workspace, scope: { kind: 'all' }, environment: 'production', now };
  try {
    await raw.query(`SET work_mem = '32MB'; SET jit = off`);
    await raw.query(
      `INSERT INTO service (workspace, key, team, tier, channel, environments, depends_on)
       SELECT $1, 's' || n, 't' || n % $3::int, 2, 'C0ONE', '{production}', '{}' FROM generate_series(0, $2::int - 1) n`,
      [workspace, services, teams],
    );
    let filled = 0;
    for (const size of sizes) {
      await fill(raw, filled, size);
      filled = size;
      const cases: [what: string, period: Period, scope: MetricAsk['scope']][] = [
        ['a year, all', all, { kind: 'all' }],
        ['a month, all', month, { kind: 'all' }],
        ['a year, a team', all, { kind: 'team', key: 't7' }],
        ['a month, a service', month, { kind: 'service', key: 's7' }],
      ];
      for (const [what, period, scope] of cases) {
        const found = await interleaved(rounds + 1, {
          floor: async () => [await timed(() => floor(raw, period, scope))],
          ours: async () => [await timed(() => loadMeasurements(db, { ...ask, scope }, [period]))],
        });
        // The first round warms up.
        const beside = { floor: found.floor.slice(1), stat: 'p50' as const, name: 'its SQL' };
        results.push(rowOf(`${what} of ${size}`, found.ours.slice(1), beside));
      }
    }
  } finally {
    await raw.end();
    await db.close();
  }
  return results;
}

async function floor(raw: pg.Pool, { from, to }: Period, scope: MetricAsk['scope']): Promise<void> {
  const params = [workspace, from, to, ...(scope.kind === 'all' ? [] : [scope.key])];
  const own =
    scope.kind === 'all'
      ? ''
      : `AND r.number IN (SELECT u.release FROM release_unit u JOIN service s ON s.workspace = $1 AND s.key = u.service
           WHERE u.workspace = $1 AND ${scope.kind === 'team' ? 's.team' : 's.key'} = $4)`;
  const finished = `r.workspace = $1 AND r.environment = 'production' AND r.finished_at >= $2 AND r.finished_at < $3 ${own}`;
  const approved = `r.workspace = $1 AND r.environment = 'production' AND r.approved_at >= $2 AND r.approved_at < $3 ${own}`;
  const middle = (column: string) => `percentile_cont(0.5) WITHIN GROUP (ORDER BY ${column})`;
  await raw.query(
    `SELECT count(*)::int AS n, count(*) FILTER (WHERE r.failed_at IS NOT NULL), count(i.release),
       ${middle("date_part('epoch', r.deployed_at - r.requested_at)")}, ${middle("date_part('epoch', r.started_at - r.requested_at)")}
     FROM release r LEFT JOIN (SELECT DISTINCT release FROM incident WHERE workspace = $1) i ON i.release = r.number WHERE ${finished}`,
    params,
  );
  await raw.query(
    `SELECT count(*) FROM release r JOIN release_unit u ON u.workspace = $1 AND u.release = r.number WHERE ${finished}`,
    params,
  );
  await raw.query(
    `SELECT g.name, count(*), ${middle("date_part('epoch', g.met_at - g.asked_at)")}
     FROM release r JOIN gate g ON g.workspace = $1 AND g.release = r.number WHERE ${approved} GROUP BY g.name`,
    params,
  );
  await raw.query(
    `SELECT count(*), count(*) FILTER (WHERE v.at < g.asked_at + interval '1 minute') FROM release r
       JOIN gate g ON g.workspace = $1 AND g.release = r.number
       JOIN vote v ON v.workspace = $1 AND v.release = r.number AND v.gate = g.name AND v.revision = r.revision WHERE ${approved}`,
    params,
  );
}

/** Releases one after the other over the year, as they are asked for; one or two services and gates each, one in twenty failed, one in thirty with an incident. */
async function fill(raw: pg.Pool, from: number, to: number): Promise<void> {
  await raw.query('SELECT setseed(0.42)');
  await raw.query(
    `WITH n AS MATERIALIZED (SELECT n, $4::timestamptz + (n - $2) * interval '360 days' / ($3 - $2) + random() * interval '1 day' AS at, random() AS a, random() AS b, random() AS c, random() AS d
         FROM generate_series($2::int + 1, $3::int) n),
       t AS MATERIALIZED (SELECT n, at, d, at + a * interval '20 hours' AS voted, at + (a + b) * interval '20 hours' AS met, at + (a + b + c) * interval '20 hours' AS slot FROM n),
       r AS (INSERT INTO release (workspace, number, state, requester, lead, environment, change_type, policy, summary, rollback_plan, starts_at, ends_at,
           channel, revision, requested_at, changed_at, first_vote_at, approved_at, started_at, deployed_at, failed_at, finished_at, ended_at, reviewed_at, outcome)
         SELECT $1, n, CASE WHEN d < 0.05 THEN 'rolled_back' ELSE 'done' END, 'U0ANA', 'U' || n % 200, 'production', CASE WHEN d > 0.95 THEN 'emergency' ELSE 'normal' END, 'p',
           repeat('what it is about ', 10), repeat('how to go back ', 5), slot, slot + interval '1 hour', 'C0ONE', 1, at, at, voted, met, slot + d * interval '10 minutes',
           slot + interval '25 minutes', CASE WHEN d < 0.05 THEN slot + interval '40 minutes' END, slot + interval '40 minutes', slot + interval '40 minutes',
           CASE WHEN d < 0.8 THEN slot + interval '1 day' * (1 + d) END, CASE WHEN d < 0.8 THEN 'as_planned' END FROM t),
       u AS (INSERT INTO release_unit (workspace, release, position, service, version)
         SELECT $1, n, k, 's' || (n * 7 + k) % $5::int, '1' FROM t, generate_series(0, CASE WHEN d > 0.8 THEN 1 ELSE 0 END) k),
       g AS (INSERT INTO gate (workspace, release, position, name, asked, rule, asked_at, met_at)
         SELECT $1, n, k, CASE k WHEN 0 THEN 'SRE' ELSE 'Product' END, '{U0BEN}', '{}', at, met FROM t, generate_series(0, CASE WHEN d > 0.5 THEN 1 ELSE 0 END) k),
       v AS (INSERT INTO vote (workspace, release, gate, voter, revision, choice, comment, because, at)
         SELECT $1, n, CASE k WHEN 0 THEN 'SRE' ELSE 'Product' END, 'U0BEN', 1, 'approve', '', '', met FROM t, generate_series(0, CASE WHEN d > 0.5 THEN 1 ELSE 0 END) k)
     INSERT INTO incident (workspace, release, key, note, person, at, closed_at) SELECT $1, n, 'INC-' || n, '', '', slot + interval '1 hour', slot + interval '3 hours' FROM t WHERE n % 30 = 0`,
    [workspace, from, to, all.from, services],
  );
  await raw.query('VACUUM ANALYZE');
}

export async function bench(): Promise<Row[]> {
  const stand = await openStand();
  try {
    const sizes = isQuick ? [1_000] : [10_000, 100_000, ...(process.env.BENCH_MILLION ? [1_000_000] : [])];
    return await metricGrowth(await stand.database(), sizes);
  } finally {
    await stand.close();
  }
}

await alone(import.meta.url, { name, bench });
