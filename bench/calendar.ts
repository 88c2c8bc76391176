import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { parse } from 'yaml';
import { plainContent, wishOf } from '../src/commands/request.ts';
import { parseCatalog, windowsOf } from '../src/domain/catalog.ts';
import { judge } from '../src/domain/conflict.ts';
import type { RequestInput } from '../src/domain/request.ts';
import { wantedOf } from '../src/domain/request.ts';
import { findSlots, horizonDays } from '../src/domain/slot.ts';
import { addMinutes } from '../src/domain/time.ts';
import { startPostgres } from '../src/postgres.ts';
import { readerOf } from '../src/store/calendar.ts';
import { openDb, prepared } from '../src/store/db.ts';
import { loadRequest } from '../src/store/facts.ts';
import { migrate } from '../src/store/migrate.ts';

/*
 * Growth: how the search for a free time and the check of one time grow with the number of bookings, beside the bare SQL
 * that no search can do without: dependencies, windows, freezes, and what is booked, each fetched by its index, with a sweep.
 */
export type CalendarResult = {
  readonly bookings: number;
  readonly what: 'slot search' | 'conflict check';
  readonly n: number;
  readonly floorMs: { readonly median: number; readonly p99: number };
  readonly oursMs: { readonly median: number; readonly p99: number };
  readonly ratio: number;
};

const workspace = 'T0BENCH';
const services = 500;
const now = new Date('2026-11-23T08:00:00Z');
const catalog = `
environments: { production: {} }
teams: { one: { name: One, channel: C0ONE, members: [U0ANA] } }
services: { ${Array.from({ length: services }, (_, n) => `s${n}: { team: one, environments: [production]${n > 1 ? `, depends_on: [s${n - 1}, s${n - 2}]` : ''} }`).join(', ')} }
windows: { days: { repeats: mon-fri, from: "08:00", to: "18:00" } }
policies: [{ name: none, when: {}, gates: [] }]
`;

/** Fills a database step by step and measures at every size. */
export async function calendarGrowth(
  databaseUrl: string,
  sizes: readonly number[],
  rounds: number,
): Promise<CalendarResult[]> {
  await migrate(databaseUrl);
  const db = openDb({ url: databaseUrl, onError: () => undefined });
  const raw = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const results: CalendarResult[] = [];
  try {
    await seedCatalog(raw);
    let filled = 0;
    for (const size of sizes) {
      await fill(raw, filled, size);
      filled = size;
      const reader = readerOf(db);
      let turn = 0;
      const next = () => {
        turn = (turn * 7 + 13) % services;
        return `s${turn}`;
      };
      const from = addMinutes(now, 60);
      const to = addMinutes(from, horizonDays * 24 * 60);
      const input = (service: string, at: Date): RequestInput => ({
        units: [{ service, version: '1' }],
        environment: 'production',
        startsAt: at.toISOString(),
        minutes: 60,
        changeType: 'normal',
        summary: '',
        rollbackPlan: '',
        lead: 'U0ANA',
        dependsOn: [],
        ...plainContent,
        train: null,
        fallbackChannel: null,
      });
      const by = { workspace, actor: 'U0ANA', now };
      const booked = (lanes: string[], start: Date, end: Date) =>
        raw.query(
          prepared(
            `SELECT r.service, r.starts_at, r.ends_at FROM unnest($2::text[]) AS l(service) JOIN reservation r ON r.workspace = $1
               AND r.environment = 'production' AND r.held AND lane(r.service, r.service, '[]') && lane(l.service, l.service, '[]')
               AND tstzrange(r.starts_at, r.ends_at) && tstzrange($3, $4) ORDER BY r.starts_at`,
            [workspace, lanes, start, end],
          ),
        );
      /** What nobody can do without: dependencies, their bookings and one's own, windows, freezes; each a statement of its own. */
      const fetched = async (service: string, start: Date, end: Date) => {
        const near = await raw.query(
          prepared(
            'SELECT key FROM service WHERE workspace = $1 AND (key = ANY (SELECT unnest(depends_on) FROM service WHERE workspace = $1 AND key = $2) OR $2 = ANY (depends_on))',
            [workspace, service],
          ),
        );
        await raw.query(prepared('SELECT body FROM release_window WHERE workspace = $1', [workspace]));
        await raw.query(prepared('SELECT body FROM release_freeze WHERE workspace = $1 AND NOT lifted', [workspace]));
        await booked(
          near.rows.map((row) => row.key),
          start,
          end,
        );
        return booked([service], start, end);
      };
      results.push({
        bookings: size,
        what: 'slot search',
        ...(await compare(
          rounds,
          async () => {
            const { rows } = await fetched(next(), from, to);
            let at = from;
            for (const row of rows) if (row.starts_at < addMinutes(at, 60) && at < row.ends_at) at = row.ends_at;
          },
          async () => {
            const wanted = input(next(), from);
            const facts = await loadRequest(reader, by, { ...wishOf(wanted), startsAt: from, endsAt: to });
            const offers = findSlots(facts.calendar, wantedOf(wanted, facts), { from, now, most: 3, until: to });
            if (offers.length === 0) throw new Error('nothing is free');
          },
        )),
      });
      results.push({
        bookings: size,
        what: 'conflict check',
        ...(await compare(
          rounds,
          () => fetched(next(), from, addMinutes(from, 60)),
          async () => {
            const wanted = input(next(), from);
            const facts = await loadRequest(reader, by, wishOf(wanted));
            judge(facts.calendar, wantedOf(wanted, facts), { from, to: addMinutes(from, 60) })(from, now);
          },
        )),
      });
    }
  } finally {
    await raw.end();
    await db.close();
  }
  return results;
}

/** Both in turns, so that a noisy moment hits both. */
async function compare(rounds: number, floor: () => Promise<unknown>, ours: () => Promise<unknown>) {
  const times = { floor: [] as number[], ours: [] as number[] };
  for (let round = -20; round < rounds; round++)
    for (const [name, work] of [
      ['floor', floor],
      ['ours', ours],
    ] as const) {
      const started = performance.now();
      await work();
      if (round >= 0) times[name].push(performance.now() - started);
    }
  const [floorMs, oursMs] = [quantiles(times.floor), quantiles(times.ours)];
  return { n: rounds, floorMs, oursMs, ratio: round2(oursMs.median / floorMs.median) };
}

function quantiles(times: readonly number[]): { median: number; p99: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    round2(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number);
  return { median: at(0.5), p99: at(0.99) };
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

async function seedCatalog(raw: pg.Pool): Promise<void> {
  const parsed = parseCatalog(parse(catalog));
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  await raw.query(
    `INSERT INTO workspace (id, name, bot_user, catalog_hash) VALUES ($1, 'Bench', 'U0BOT', 'x') ON CONFLICT DO NOTHING`,
    [workspace],
  );
  await raw.query(`INSERT INTO environment (workspace, key, exclusive) VALUES ($1, 'production', false)`, [workspace]);
  await raw.query(
    `INSERT INTO service (workspace, key, team, tier, channel, environments, depends_on)
     SELECT $1, 's' || n, NULL, 2, 'C0ONE', '{production}', CASE WHEN n > 1 THEN ARRAY['s' || n - 1, 's' || n - 2] ELSE '{}' END FROM generate_series(0, $2 - 1) n`,
    [workspace, services],
  );
  for (const window of windowsOf(parsed.catalog))
    await raw.query(`INSERT INTO release_window (workspace, key, source, body) VALUES ($1, $2, 'catalog', $3)`, [
      workspace,
      window.key,
      JSON.stringify(window),
    ]);
}

/** Bookings of an hour each, spread over the services and a year around now; nine of ten are in the past or beyond the horizon. */
async function fill(raw: pg.Pool, from: number, to: number): Promise<void> {
  await raw.query(
    `WITH n AS (SELECT n, ('2026-01-01T00:00Z'::timestamptz + ((n / $4) * interval '100 minutes') + (n % $4) * interval '1 minute') AS at FROM generate_series($2::int, $3 - 1) n),
     r AS (INSERT INTO release (workspace, number, state, requester, lead, environment, change_type, policy, summary, rollback_plan, starts_at, ends_at, channel, revision, requested_at, changed_at)
       SELECT $1, n + 1, 'approved', 'U0ANA', 'U' || n % 200, 'production', 'normal', 'none', '', '', at, at + interval '60 minutes', 'C0ONE', 1, at, at FROM n RETURNING number),
     u AS (INSERT INTO release_unit (workspace, release, position, service, version) SELECT $1, n + 1, 0, 's' || n % $4, '1' FROM n)
     INSERT INTO reservation (workspace, holder, position, release, service, environment, label, starts_at, ends_at, held)
     SELECT $1, 'REL-' || n + 1, 0, n + 1, 's' || n % $4, 'production', '', at, at + interval '60 minutes', true FROM n`,
    [workspace, from, to, services],
  );
  await raw.query('ANALYZE');
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'maitred-bench-'));
  const own = process.env.DATABASE_URL ? undefined : await startPostgres(folder);
  try {
    const results = await calendarGrowth(
      process.env.DATABASE_URL ?? (own as { url: string }).url,
      [1_000, 10_000, 100_000],
      300,
    );
    const { length } = cpus();
    process.stdout.write(`${cpus()[0]?.model} × ${length}, Node ${process.versions.node}, n = ${results[0]?.n} each\n`);
    const line = (cells: readonly (string | number)[]) => cells.map((cell) => String(cell).padStart(16)).join('');
    process.stdout.write(
      `${line(['bookings', 'what', 'floor p50 ms', 'ours p50 ms', 'ratio', 'floor p99', 'ours p99'])}\n`,
    );
    for (const one of results)
      process.stdout.write(
        `${line([one.bookings, one.what, one.floorMs.median, one.oursMs.median, one.ratio, one.floorMs.p99, one.oursMs.p99])}\n`,
      );
  } finally {
    await own?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
