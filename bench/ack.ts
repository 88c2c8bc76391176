import type { ChildProcess } from 'node:child_process';
import type pg from 'pg';
import { migrate } from '../src/store/migrate.ts';
import { alone, type Row } from './row.ts';
import { closedLoop, exact, fixedRate, interleaved, rounds, rowOf } from './support/measure.ts';
import {
  approval,
  bookingLine,
  httpTarget,
  openPool,
  openSockets,
  openStand,
  type Stand,
  startApp,
  startBolt,
  startSlack,
  type Target,
  voter,
} from './support/stand.ts';
import { type Template, templateOf } from './support/template.ts';

/*
 * 1. How long people wait for their answer: a list, a booking (committed), a vote; over signed HTTP and Socket Mode; beside
 * Bolt that only acknowledges, and Bolt that writes the same rows (or reads the same page) in one transaction through pg.
 */

export const name = 'ack';

/** Releases before anything is measured, in both databases. */
const seeded = 200;
/** Votes of the floor go to releases from here on. */
const voteFrom = 1_000_000;

type Load = {
  readonly what: string;
  readonly ms: number;
  readonly run: (work: () => Promise<unknown>) => Promise<number[]>;
};
const loop = (hands: number, ms: number): Load => ({
  what: `${hands} at a time`,
  ms,
  run: (work) => closedLoop(hands, ms, work),
});
const rate = (perSecond: number, ms: number): Load => ({
  what: `${perSecond}/s`,
  ms,
  run: (work) => fixedRate(perSecond, ms, work),
});

export async function bench(): Promise<Row[]> {
  const loads = {
    http: [loop(1, 400), loop(10, 400), loop(50, 400), rate(100, 1_500), rate(400, 400)],
    socket: [loop(10, 400), rate(100, 1_500)],
  };
  return [...(await measure('http', loads.http)), ...(await measure('socket', loads.socket))];
}

async function measure(mode: 'http' | 'socket', loads: readonly Load[]): Promise<Row[]> {
  const stand = await openStand();
  try {
    const socket = mode === 'socket';
    const lines = await openSockets(stand);
    const slack = await startSlack(stand, lines.url);
    const databaseUrl = await stand.database();
    // As in production, where there is a Redis.
    const redis = await stand.redis();
    const redisUrl = redis ? { redisUrl: redis.url } : {};
    const app = await startApp(stand, { name: 'product', slack, databaseUrl, socket, ...redisUrl });
    const reach = (app: string, port: number) => (socket ? lines.target(app) : httpTarget(stand, port));
    const product = people(reach('product', app.port));
    const pool = openPool(stand, databaseUrl);

    const templates = await learn(pool, product);
    const floorUrl = await stand.database();
    await migrate(floorUrl);
    const bolt = (token: string, rows?: { databaseUrl: string; booking: Template; vote: Template; voteFrom: number }) =>
      startBolt(stand, { token: `xoxb-${token}`, apiUrl: slack.apiUrl, socket, ...(rows ? { rows } : {}) });
    const bare = await bolt('bare');
    const rows = await bolt('rows', { databaseUrl: floorUrl, ...templates, voteFrom });
    const floors = { bare: people(reach('bare', bare.port)), rows: people(reach('rows', rows.port)) };
    await floors.rows.books();
    await fillFloor(stand, floorUrl);
    for (const one of [product, floors.rows]) await many(seeded, one.books);

    const found: Row[] = [];
    for (const does of ['lists', 'books', 'votes'] as const)
      for (const load of loads) {
        const times = await interleaved(rounds, {
          bare: () => load.run(floors.bare[does]),
          rows: () => load.run(floors.rows[does]),
          ours: async () => {
            const all = await load.run(product[does]);
            await settled(pool);
            return all;
          },
        });
        const what = `${mode} · ${does.replace(/s$/, '')} · ${load.what}`;
        const isGoal = load.what === '100/s';
        found.push(
          rowOf(`${what}, beside Bolt + rows`, times.ours, {
            floor: times.rows,
            name: 'Bolt + the same rows',
            ...(load.what.endsWith('/s') ? { goal: { most: 1.5 } } : {}),
          }),
          rowOf(`${what}, beside bare Bolt`, times.ours, {
            floor: times.bare,
            name: 'bare Bolt',
            ...(isGoal ? { goal: { most: 3.5 } } : {}),
          }),
        );
      }
    const { rows: counted } = await pool.query<{ n: number }>('SELECT count(*)::int AS n FROM release');
    found.push(
      exact(
        `${mode} · bookings that are stored, of those acknowledged`,
        counted[0]?.n ?? 0,
        product.booked(),
        product.booked(),
      ),
    );
    stop(app.child);
    return found;
  } finally {
    await stand.close();
  }
}

type People = {
  readonly lists: () => Promise<void>;
  readonly books: () => Promise<void>;
  readonly votes: () => Promise<void>;
  readonly booked: () => number;
};

/** People who each do the next thing that nobody has done yet. */
function people(target: Target): People {
  let [bookings, votes, booked] = [0, 0, 0];
  const said = (text: string, expected: RegExp) => {
    if (!expected.test(text)) throw new Error(`answered ${text.slice(0, 300)}`);
  };
  return {
    lists: async () => said(await target.types('U0ANA', 'list'), /release|REL-|Still working/i),
    books: async () => {
      const n = bookings++;
      said(await target.types(`U0R${n % 100}`, bookingLine(n)), /REL-\d|Still working/);
      booked++;
    },
    votes: async () => {
      const n = votes++;
      const answer = await target.submits(voter(n), approval(1 + (n % seeded), `vote ${n}`));
      if (!['', '""', '{}'].includes(answer) && !answer.includes('Still working'))
        throw new Error(`answered ${answer.slice(0, 300)}`);
    },
    booked: () => booked,
  };
}

/** Books once and votes once, and keeps what rows that made. */
async function learn(pool: pg.Pool, product: People): Promise<{ booking: Template; vote: Template }> {
  // A first answer may be "still working on it": then what was asked for comes a moment later.
  const written = async (command: string) => {
    for (let tries = 0; tries < 200; tries++) {
      const { rows } = await pool.query('SELECT id FROM command WHERE name = $1', [command]);
      if (rows[0]) return rows[0].id as string;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`there is no ${command}`);
  };
  const of = { workspace: 'T0BENCH', release: 1 };
  // What is shown is ticked off in the outbox: for this moment everything written stays there.
  await pool.query('CREATE TABLE kept AS SELECT * FROM outbox WHERE false');
  await pool.query(
    `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kept SELECT NEW.*; RETURN NEW; END $$`,
  );
  await pool.query('CREATE TRIGGER keep AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION keep()');
  await product.books();
  const booking = await templateOf(pool, { ...of, command: await written('request') });
  await pool.query('DELETE FROM kept');
  await product.votes();
  const vote = await templateOf(pool, { ...of, command: await written('vote') }, [
    'command',
    'vote',
    'event',
    'outbox',
  ]);
  await pool.query('DROP TRIGGER keep ON outbox');
  await pool.query('DROP TABLE kept');
  return { booking, vote };
}

/** Releases for the floor's votes; they are over, so that no list shows them. */
async function fillFloor(stand: Stand, url: string): Promise<void> {
  const pool = openPool(stand, url);
  await pool.query(
    `INSERT INTO release SELECT (jsonb_populate_record(r, jsonb_build_object('number', n, 'state', 'done'))).*
     FROM (SELECT r FROM release r ORDER BY number LIMIT 1) x(r), generate_series($1::int, $1 + 100000) n`,
    [voteFrom],
  );
  await pool.query('VACUUM ANALYZE release');
}

async function many(count: number, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (left-- > 0) await work();
    }),
  );
}

/** What the product still has to show belongs to its own round, not to the next one's floor. */
async function settled(pool: pg.Pool): Promise<void> {
  for (let tries = 0; tries < 30; tries++) {
    const { rows } = await pool.query<{ waits: boolean }>(
      'SELECT EXISTS (SELECT 1 FROM outbox) OR EXISTS (SELECT 1 FROM unsealed) AS waits',
    );
    if (!rows[0]?.waits) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function stop(child: ChildProcess): void {
  child.kill('SIGTERM');
}

await alone(import.meta.url, { name, bench });
