import pg from 'pg';
import { parse } from 'yaml';
import { wishOf } from '../src/commands/request.ts';
import { parseCatalog, windowsOf } from '../src/domain/catalog.ts';
import { judge } from '../src/domain/conflict.ts';
import { wantedOf } from '../src/domain/request.ts';
import { findSlots, horizonDays } from '../src/domain/slot.ts';
import { addMinutes } from '../src/domain/time.ts';
import { readerOf } from '../src/store/calendar.ts';
import { openDb, prepared } from '../src/store/db.ts';
import { loadRequest } from '../src/store/facts.ts';
import { loadDigestProps } from '../src/store/follow.ts';
import { migrate } from '../src/store/migrate.ts';
import { calendarDays } from '../src/store/planned.ts';
import { listReleases } from '../src/store/read.ts';
import { alone, type Row } from './row.ts';
import { interleaved, isQuick, rounds, rowOf, timed } from './support/measure.ts';
import { openStand } from './support/stand.ts';
import { wish } from './support/wish.ts';

/*
 * 4. Growth: how the search for a free time, the check of one time, the calendar's week, a list and a digest grow with the
 * number of bookings, beside the bare SQL that none of them can do without, each row fetched by its index.
 */

export const name = 'calendar';

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
async function calendarGrowth(databaseUrl: string, sizes: readonly number[], times: number): Promise<Row[]> {
  await migrate(databaseUrl);
  const db = openDb({ url: databaseUrl, onError: () => undefined });
  const raw = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const results: Row[] = [];
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
      const input = (service: string, at: Date) => wish('U0ANA', service, at, 60);
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
      const per = Math.ceil(times / rounds);
      const row = async (
        what: string,
        floor: () => Promise<unknown>,
        ours: () => Promise<unknown>,
        goal?: { most: number },
      ) => {
        const found = await interleaved(rounds + 1, { floor: () => many(per, floor), ours: () => many(per, ours) });
        const beside = {
          floor: found.floor.slice(1),
          stat: 'p50' as const,
          name: 'its SQL',
          ...(goal ? { goal } : {}),
        };
        // The first round warms up.
        results.push(rowOf(`${what} at ${size}`, found.ours.slice(1), beside));
      };
      await row(
        'slot search',
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
        size === 100_000 ? { most: 2.5 } : undefined,
      );
      await row(
        'conflict check',
        () => fetched(next(), from, addMinutes(from, 60)),
        async () => {
          const wanted = input(next(), from);
          const facts = await loadRequest(reader, by, wishOf(wanted));
          judge(facts.calendar, wantedOf(wanted, facts), { from, to: addMinutes(from, 60) })(from, now);
        },
      );
      const page = (where: string, params: unknown[], take: number) =>
        raw.query(
          prepared(
            `SELECT r.*, (SELECT jsonb_agg(u) FROM release_unit u WHERE u.workspace = $1 AND u.release = r.number) AS units
             FROM release r WHERE r.workspace = $1 AND ${where} ORDER BY r.starts_at, r.number LIMIT ${take}`,
            [workspace, ...params],
          ),
        );
      const day = [new Date('2026-11-23T00:00:00Z'), new Date('2026-11-24T00:00:00Z')];
      const week = { from: '2026-11-23', days: 7, filter: undefined, now };
      await row(
        'calendar week',
        () => page('r.starts_at < $2 AND r.starts_at > $3', [addMinutes(now, 7 * 1440), addMinutes(now, -1440)], 300),
        () => calendarDays(db, workspace, week),
      );
      const asked = { person: 'U7', zone: 'UTC', today: '2026-11-23', now, take: 10, skip: 0 };
      await row(
        "a person's list",
        () => page(`r.state = 'approved' AND 'U7' IN (r.requester, r.lead)`, [], 10),
        () => listReleases(db, workspace, { ...asked, filter: { kind: 'mine' } }),
      );
      await row(
        "today's list",
        () => page('r.starts_at >= $2 AND r.starts_at < $3', day, 10),
        () => listReleases(db, workspace, { ...asked, filter: { kind: 'today' } }),
      );
      await row(
        'digest of a channel',
        () => page('r.starts_at >= $2 AND r.starts_at < $3', day, 10),
        () => loadDigestProps(db, workspace, { channel: 'C0ONE', kind: 'daily', now, plan: undefined }),
      );
    }
  } finally {
    await raw.end();
    await db.close();
  }
  return results;
}

async function many(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) times.push(await timed(work));
  return times;
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

export async function bench(): Promise<Row[]> {
  const stand = await openStand();
  try {
    const sizes = isQuick ? [1_000] : [1_000, 10_000, 100_000, ...(process.env.BENCH_MILLION ? [1_000_000] : [])];
    return await calendarGrowth(await stand.database(), sizes, isQuick ? 3 : 150);
  } finally {
    await stand.close();
  }
}

await alone(import.meta.url, { name, bench });
