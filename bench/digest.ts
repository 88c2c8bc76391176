import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { moveClock, now } from '../sandbox/server/world.ts';
import { call } from '../src/commands/command.ts';
import { subscribeCommand } from '../src/commands/digest.ts';
import { SubscribeInput } from '../src/domain/digest.ts';
import { openClient } from '../src/slack/client.ts';
import { openDirectory } from '../src/slack/directory.ts';
import { composeDigest } from '../src/slack/follow.ts';
import type { Projector } from '../src/slack/message.ts';
import { noPace } from '../src/slack/pace.ts';
import { refresh } from '../src/slack/surface.ts';
import { prepared } from '../src/store/db.ts';
import { findDigest } from '../src/store/follow.ts';
import { markStale } from '../src/store/ledger.ts';
import { alone, type Row } from './row.ts';
import { booked, limitedRow, openTown, quantile, rawPool, type Town, workspace } from './support/town.ts';

/*
 * Digests: what one costs to put together at 100,000 releases and what App Home costs, beside the bare SQL that neither can
 * do without; and a thousand channels that are due in one minute, beside the least that Slack's limits allow.
 */
export const name = 'digest';

const services = 40;
const teams = 8;
const groups = Array.from(
  { length: teams },
  (_, n) => `t${n}: { name: Team ${n}, members: [${n === 0 ? 'U0ANA' : 'U0BEN'}] }`,
);
const catalog = `
zone: Europe/Berlin
home: C0RELEASES
environments: { production: {} }
teams: { ${groups.join(', ')} }
groups: { few: { name: Few, members: [U0KIM] } }
services: { ${Array.from({ length: services }, (_, n) => `s${n}: { team: t${n % teams}, environments: [production], channel: C0RELEASES }`).join(', ')} }
policies: [{ name: all, when: {}, gates: [{ name: Few, who: "group:few", needed: 1 }] }]
`;

/** `channels`: how many are due at once, 0: only what one costs; `releases`: how many there are, 0: only the former. */
export async function bench(
  channels = Number(process.argv[2] ?? 1_000),
  releases = Number(process.argv[3] ?? 100_000),
): Promise<Row[]> {
  const rows = releases > 0 ? await composition(releases, Number(process.argv[4] ?? 40)) : [];
  for (const replicas of channels > 0 ? [1, 2] : []) rows.push(...(await storm(channels, replicas)));
  return rows;
}

async function composition(size: number, rounds: number): Promise<Row[]> {
  const town = await openTown({ catalog, channels: [], people: [], queue: 'postgres', apps: 0, limits: false });
  const raw = rawPool(town.db);
  try {
    await booked(town, 's0', new Date(Date.UTC(2027, 5, 1)));
    await fill(raw, size, town.ctx.now());
    const client = openClient(town.sandbox.world.tokens.bot, `${town.sandbox.origin}/api/`);
    const directory = openDirectory(client, workspace);
    const ctx = { ...town.ctx, directory, wake: () => undefined };
    const scopes = [
      ['a service', { services: ['s7'] }, { service: 's7' }],
      ['a team', { teams: ['t3'] }, { team: 't3' }],
      ['everything', {}, {}],
    ] as const;
    const rows: Row[] = [];
    for (const [what, scope, narrowed] of scopes) {
      const channel = `C0${what.slice(-4).toUpperCase()}`;
      const wanted = { channel, at: '09:00', zone: 'Europe/Berlin', days: [1, 2, 3, 4, 5, 6, 7], scope, quiet: 'post' };
      const outcome = await town.does('U0ANA', call(subscribeCommand, SubscribeInput.parse(wanted)));
      if (!outcome.ok) throw new Error(outcome.refusal.code);
      const plan = await findDigest(town.db, workspace, channel, 'daily');
      const times = await compare(
        rounds,
        () => digestFloor(raw, narrowed, town.ctx.now()),
        async () => {
          const { props } = await composeDigest(ctx, workspace, { channel, kind: 'daily', plan });
          if (props.totals.today + props.totals.next + props.totals.yesterday === 0) throw new Error('an empty digest');
        },
      );
      rows.push(rowOf(`a digest of ${what}, ${size} releases (floor: bare SQL)`, rounds, times, 3));
    }
    const projector: Projector = { ctx, client, pace: noPace, instance: 'bench', seen: () => undefined };
    const home = async () => {
      await markStale(town.db, workspace, ['home:U0ANA'], ctx.now());
      await refresh(projector, workspace, 'home:U0ANA');
    };
    const view = { type: 'home' as const, blocks: [] };
    const homeFloor = async () => {
      await homeLists(raw, town.ctx.now());
      await client.views.publish({ user_id: 'U0ANA', view });
    };
    rows.push(
      rowOf(
        `App Home published, ${size} releases (floor: bare SQL and an empty view)`,
        rounds,
        await compare(rounds, homeFloor, home),
        3,
      ),
    );
    return rows;
  } finally {
    await raw.end();
    await town.close();
  }
}

/** The rows that a digest tells of, each list by its index, with units and gates of those that it names: no scopes to judge, no numbers. */
async function digestFloor(
  raw: pg.Pool,
  { service, team }: { service?: string; team?: string },
  at: Date,
): Promise<void> {
  const day = 24 * 3_600_000;
  const today = new Date(Math.floor(at.getTime() / day) * day);
  const own = service
    ? `AND EXISTS (SELECT FROM release_unit u WHERE u.workspace = $1 AND u.release = r.number AND u.service = '${service}')`
    : team
      ? `AND EXISTS (SELECT FROM release_unit u JOIN service s ON s.workspace = $1 AND s.key = u.service WHERE u.workspace = $1 AND u.release = r.number AND s.team = '${team}')`
      : '';
  const list = async (where: string, values: unknown[]) =>
    (
      await raw.query(
        prepared(`SELECT r.* FROM release r WHERE r.workspace = $1 AND ${where} ${own}`, [workspace, ...values]),
      )
    ).rows;
  const days = (from: number, to: number) => [
    new Date(today.getTime() + from * day),
    new Date(today.getTime() + to * day),
  ];
  const lists = [
    await list('r.starts_at >= $2 AND r.starts_at < $3', days(0, 1)),
    await list('r.starts_at >= $2 AND r.starts_at < $3', days(1, 4)),
    await list('r.ended_at >= $2 AND r.ended_at < $3', days(-1, 0)),
    await list(`r.state = 'requested' AND r.starts_at >= $2`, [today]),
    await list('r.ended_at >= $2 AND r.reviewed_at IS NULL AND r.review_due_at < $3', days(-30, 0)),
  ];
  await detailsOf(
    raw,
    lists.flatMap((rows) => rows.slice(0, 100)).map((row) => row.number),
  );
}

/** What App Home lists: what waits, what is one's own, the week. */
async function homeLists(raw: pg.Pool, at: Date): Promise<void> {
  const open = `r.workspace = $1 AND r.state IN ('requested', 'approved', 'deploying', 'paused', 'verifying')`;
  const week = new Date(at.getTime() + 7 * 24 * 3_600_000);
  const lists = [
    await raw.query(
      prepared(
        `SELECT r.* FROM release r JOIN gate g ON g.workspace = $1 AND g.release = r.number AND g.met_at IS NULL AND 'U0ANA' = ANY (g.asked) WHERE ${open} ORDER BY r.starts_at LIMIT 15`,
        [workspace],
      ),
    ),
    await raw.query(
      prepared(`SELECT r.* FROM release r WHERE ${open} AND r.requester = 'U0ANA' ORDER BY r.starts_at LIMIT 15`, [
        workspace,
      ]),
    ),
    await raw.query(
      prepared(
        'SELECT r.number, r.starts_at, r.ends_at FROM release r WHERE r.workspace = $1 AND r.starts_at >= $2 AND r.starts_at < $3 ORDER BY r.starts_at',
        [workspace, at, week],
      ),
    ),
  ];
  await detailsOf(
    raw,
    lists.slice(0, 2).flatMap(({ rows }) => rows.map((row) => row.number)),
  );
}

async function detailsOf(raw: pg.Pool, numbers: readonly number[]): Promise<void> {
  for (const table of ['release_unit', 'gate', 'vote'])
    await raw.query(
      prepared(`SELECT * FROM ${table} WHERE workspace = $1 AND release = ANY ($2)`, [workspace, numbers]),
    );
}

/** Both in turns, so that a noisy moment hits both. */
async function compare(rounds: number, floor: () => Promise<unknown>, ours: () => Promise<unknown>) {
  const times = { floor: [] as number[], ours: [] as number[] };
  for (let round = -3; round < rounds; round++)
    for (const [what, work] of [
      ['floor', floor],
      ['ours', ours],
    ] as const) {
      const started = performance.now();
      await work();
      if (round >= 0) times[what].push(performance.now() - started);
    }
  return times;
}

function rowOf(what: string, n: number, { floor, ours }: { floor: number[]; ours: number[] }, most: number): Row {
  const [p50, least] = [quantile(ours, 0.5), quantile(floor, 0.5)];
  const ratio = p50 / least;
  return {
    what,
    n,
    p50,
    p99: quantile(ours, 0.99),
    floor: least,
    ratio,
    unit: 'ms',
    goal: `p50 ≤ ${most}× the floor`,
    pass: ratio <= most,
  };
}

/** A year of releases, of which the newest are still ahead: a quarter of an hour after each other would be 100,000 in three years, so several run at a time. */
async function fill(raw: pg.Pool, size: number, at: Date): Promise<void> {
  await raw.query(
    `WITH n AS MATERIALIZED (SELECT n, $3::timestamptz - interval '330 days' + ((n - 1000) * 337.0 / $2::int) * interval '1 day' AS at FROM generate_series(1001, 1000 + $2::int) n),
       t AS MATERIALIZED (SELECT n, at, at < $3 AS past FROM n),
       r AS (INSERT INTO release (workspace, number, state, requester, lead, environment, change_type, policy, summary, rollback_plan, starts_at, ends_at,
           channel, revision, requested_at, changed_at, first_vote_at, approved_at, started_at, deployed_at, failed_at, finished_at, ended_at, reviewed_at, review_due_at, outcome)
         SELECT $1, n, CASE WHEN NOT past THEN CASE WHEN n % 3 = 0 THEN 'requested' ELSE 'approved' END WHEN n % 20 = 0 THEN 'rolled_back' ELSE 'done' END, 'U' || n % 200, 'U' || n % 200, 'production', 'normal', 'all',
           repeat('what it is about ', 10), repeat('how to go back ', 5), at, at + interval '1 hour', 'C0RELEASES', 1, at - interval '1 day', at,
           at - interval '8 hours', at - interval '4 hours', CASE WHEN past THEN at END, CASE WHEN past THEN at + interval '25 minutes' END, CASE WHEN past AND n % 20 = 0 THEN at + interval '40 minutes' END,
           CASE WHEN past THEN at + interval '40 minutes' END, CASE WHEN past THEN at + interval '40 minutes' END, CASE WHEN past AND n % 50 > 0 THEN at + interval '1 day' END,
           CASE WHEN past THEN at + interval '3 days' END, CASE WHEN past THEN 'as_planned' END FROM t),
       u AS (INSERT INTO release_unit (workspace, release, position, service, version) SELECT $1, n, 0, 's' || n % $4::int, '1' FROM t)
     INSERT INTO gate (workspace, release, position, name, asked, rule, asked_at, met_at)
     SELECT $1, n, 0, 'Few', '{U0KIM}', (SELECT rule FROM gate WHERE workspace = $1 LIMIT 1), at - interval '1 day', CASE WHEN past OR n % 3 > 0 THEN at - interval '4 hours' END FROM t`,
    [workspace, size, at, services],
  );
  await raw.query('VACUUM ANALYZE');
}

/** Slack's limits as the local workspace holds to them: so many posts at once, and then so many a second. */
const atOnce = 75;
const perSecond = 5;

/** Channels that are due in one minute, while people go on asking for releases. */
async function storm(count: number, apps: number): Promise<Row[]> {
  const ids = Array.from({ length: count }, (_, n) => `C0D${n}`);
  const town = await openTown({ catalog, channels: ids, people: [], queue: 'postgres', apps, limits: true });
  try {
    const { world } = town.sandbox;
    const due = new Date(Math.ceil(now(world) / 3_600_000) * 3_600_000 + 3_600_000);
    const at = due.toISOString().slice(11, 16);
    for (const channel of ids) {
      const wanted = { channel, at, zone: 'UTC', days: [1, 2, 3, 4, 5, 6, 7], quiet: 'post' };
      const outcome = await town.does('U0ANA', call(subscribeCommand, SubscribeInput.parse(wanted)));
      if (!outcome.ok) throw new Error(outcome.refusal.code);
    }
    await town.settled(60_000);
    town.calls.length = 0;
    moveClock(world, due.getTime() - now(world));
    const started = performance.now();
    const cards = await asking(town, Math.round(count / 50), () => digestsOf(town) < count);
    for (const end = Date.now() + count * 1_000; digestsOf(town) < count && Date.now() < end; ) await sleep(100);
    await town.settled(60_000);
    const posts = town.calls.filter(({ method }) => method === 'chat.postMessage');
    if (digestsOf(town) !== count) throw new Error(`${digestsOf(town)} of ${count} digests came`);
    const tookMs = Math.max(...posts.map((one) => one.at)) - started;
    const leastMs = ((posts.length - atOnce) / perSecond) * 1_000;
    const ratio = tookMs / leastMs;
    const most = Math.max(
      ...ids.map((id) => inOneSecond(posts.flatMap((one) => (one.channel === id ? [one.at] : [])))),
    );
    const of = `${count} digests in one minute, ${apps} ${apps === 1 ? 'replica' : 'replicas'}`;
    const took = {
      what: `${of}: until the last (floor: limits)`,
      n: posts.length,
      p50: tookMs,
      p99: tookMs,
      floor: leastMs,
      ratio,
    };
    return [
      { ...took, unit: 'ms', goal: '≤ 1.05× the floor', pass: ratio <= 1.05 },
      limitedRow(`${of}: 429s`, town, 0),
      {
        what: `${of}: most in a channel in a second`,
        n: posts.length,
        p50: most,
        p99: most,
        unit: 'count',
        goal: '≤ 1',
        pass: most <= 1,
      },
      {
        what: `${of}: commit → card meanwhile`,
        n: cards.length,
        p50: quantile(cards, 0.5),
        p99: quantile(cards, 0.99),
        unit: 'ms',
      },
    ];
  } finally {
    await town.close();
  }
}

const digestsOf = (town: Town) =>
  new Set(town.calls.flatMap(({ key }) => (key.startsWith('digest:') ? [key] : []))).size;

/** Asks for a release every few seconds while the digests go out; gives how long each took to its card. */
async function asking(town: Town, most: number, goOn: () => boolean): Promise<number[]> {
  const committed = new Map<string, number>();
  for (let n = 0; n < most && goOn(); n++) {
    await sleep(5_000);
    const { release } = await booked(town, `s${n % services}`, new Date(Date.UTC(2027, 5, 1 + n)));
    committed.set(`card:REL-${release}`, performance.now());
  }
  await town.settled(30 * 60_000);
  return town.calls.flatMap(({ key, at }) => (committed.has(key) ? [at - (committed.get(key) ?? 0)] : []));
}

/** The most that came within a second. Times in ms, in order. */
function inOneSecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((at) => times.filter((other) => other >= at && other < at + 1_000).length));
}

await alone(import.meta.url, { name, bench: () => bench() });
