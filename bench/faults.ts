import pg from 'pg';
import { alone, type Row } from './row.ts';
import { fixedRate, interleaved, type Rounds, rounds, rowOf } from './support/measure.ts';
import { bookingLine, httpTarget, openStand, type Stand, startApp, startSlack } from './support/stand.ts';

/*
 * 8. What people wait for their answer while something is broken, beside a quiet run of the same process: a migration that
 * adds a column behind a long report, Redis gone, Slack answering every write with 429. Bookings at 50/s.
 */

export const name = 'faults';

const ms = 2_000;
const perSecond = 50;

export async function bench(): Promise<Row[]> {
  return [...(await onPostgres()), ...(await withoutRedis())];
}

async function onPostgres(): Promise<Row[]> {
  const stand = await openStand();
  try {
    const slack = await startSlack(stand);
    const databaseUrl = await stand.database();
    const app = await startApp(stand, { name: 'product', slack, databaseUrl });
    const work = bookings(stand, app.port);
    await fixedRate(perSecond, ms, work);
    const found = await interleaved(rounds, {
      quiet: () => fixedRate(perSecond, ms, work),
      migrating: async (round) => {
        const [times] = await Promise.all([fixedRate(perSecond, ms, work), migration(databaseUrl, round)]);
        return times;
      },
      limited: async () => {
        slack.order({ limited: true });
        const times = await fixedRate(perSecond, ms, work);
        slack.order({ limited: false });
        return times;
      },
    });
    return [
      ...rowsOf('during a migration', found.migrating, found.quiet),
      ...rowsOf('while Slack says 429', found.limited, found.quiet),
    ];
  } finally {
    await stand.close();
  }
}

async function withoutRedis(): Promise<Row[]> {
  const stand = await openStand();
  try {
    const redis = await stand.redis();
    if (!redis) {
      process.stdout.write('without Redis: skipped, there is no redis-server on PATH\n');
      return [];
    }
    const slack = await startSlack(stand);
    const app = await startApp(stand, {
      name: 'product',
      slack,
      databaseUrl: await stand.database(),
      redisUrl: redis.url,
    });
    const work = bookings(stand, app.port);
    await fixedRate(perSecond, ms, work);
    // A stopped process keeps its connections and answers nothing: the worse way to be gone.
    const found = await interleaved(rounds, {
      quiet: () => fixedRate(perSecond, ms, work),
      stopped: async () => {
        redis.child.kill('SIGSTOP');
        const times = await fixedRate(perSecond, ms, work);
        redis.child.kill('SIGCONT');
        return times;
      },
    });
    redis.child.kill('SIGKILL');
    await fixedRate(perSecond, 500, work);
    const gone: number[][] = [];
    for (let round = 0; round < rounds; round++) gone.push(await fixedRate(perSecond, ms, work));
    return [
      ...rowsOf('while Redis hangs', found.stopped, found.quiet),
      ...rowsOf('while Redis is gone', gone, found.quiet),
    ];
  } finally {
    await stand.close();
  }
}

function rowsOf(what: string, times: Rounds, quiet: Rounds): Row[] {
  const slowest = Math.max(...times.flat());
  return [
    rowOf(`booking ${what}`, times, { floor: quiet, goal: { most: 2 }, name: 'the quiet run' }),
    {
      what: `slowest booking ${what}`,
      n: times.flat().length,
      p50: slowest,
      p99: slowest,
      unit: 'ms',
      goal: '≤ 3000 ms',
      pass: slowest <= 3_000,
    },
  ];
}

function bookings(stand: Stand, port: number): () => Promise<void> {
  const target = httpTarget(stand, port);
  let next = 0;
  return async () => {
    const n = next++;
    const answer = await target.types(`U0R${n % 100}`, bookingLine(n));
    if (!/REL-\d|Still working/.test(answer)) throw new Error(`answered ${answer.slice(0, 300)}`);
  };
}

/** Adds a column the way migrations have to: it waits for a report of half a second in short tries, so that nobody waits for it. */
async function migration(url: string, round: number): Promise<void> {
  const [reader, writer] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })];
  await Promise.all([reader.connect(), writer.connect()]);
  await reader.query('BEGIN');
  await reader.query('SELECT count(*) FROM release');
  const report = reader.query('SELECT pg_sleep(0.5)').then(() => reader.query('COMMIT'));
  await writer.query(`SET lock_timeout = '150ms'`);
  for (let tries = 0; tries < 50; tries++) {
    try {
      await writer.query(`ALTER TABLE release ADD COLUMN bench_${round} text`);
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await report;
  await Promise.all([reader.end(), writer.end()]);
}

await alone(import.meta.url, { name, bench });
