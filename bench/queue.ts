import { makeWorkerUtils, run as runWorker } from 'graphile-worker';
import pino from 'pino';
import { openQueue } from '../src/jobs/queue.ts';
import { alone, type Row } from './row.ts';
import { interleaved, isQuick, rounds, rowOf } from './support/measure.ts';
import { openStand } from './support/stand.ts';

/*
 * 6. How many surfaces a second go through the queue, added one by one and worked off at the product's concurrency, on
 * Redis and on PostgreSQL; beside graphile-worker on the same PostgreSQL. The work itself is nothing.
 */

export const name = 'queue';

const jobs = isQuick ? 100 : 1_000;
const concurrency = 8;

export async function bench(): Promise<Row[]> {
  const stand = await openStand();
  try {
    const redis = await stand.redis();
    const url = await stand.database();
    const peerUrl = await stand.database();
    const ours = async (backend: 'postgres' | 'redis', at: string) => {
      const queue = await openQueue({ backend, url: at, onError: () => undefined });
      stand.onClose(() => queue.close(1_000));
      const counter = counting();
      queue.work(async () => counter.one());
      return () => counter.perSecond((at) => queue.add({ workspace: 'T0BENCH', key: `card:REL-${at}:C1` }));
    };
    const onPostgres = await ours('postgres', url);
    const onRedis = redis && (await ours('redis', redis.url));
    const peer = await graphile(peerUrl);
    stand.onClose(peer.stop);
    const cases = { postgres: onPostgres, peer: peer.measure, ...(onRedis ? { redis: onRedis } : {}) };
    for (const warm of Object.values(cases)) await warm();
    const found = await interleaved(rounds, cases as Record<'postgres' | 'peer' | 'redis', () => Promise<number[]>>);
    const unit = 'surfaces/s';
    const beside = { floor: found.peer, stat: 'p50' as const, unit, name: 'graphile-worker' };
    return [
      rowOf('graphile-worker on PostgreSQL', found.peer, { unit }),
      rowOf('ours on PostgreSQL, beside graphile-worker', found.postgres, { ...beside, goal: { least: 0.5 } }),
      ...(onRedis ? [rowOf('ours on Redis, beside graphile-worker', found.redis, beside)] : []),
    ];
  } finally {
    await stand.close();
  }
}

async function graphile(connectionString: string) {
  const counter = counting();
  const quiet = pino({ level: 'silent' });
  const { Logger } = await import('graphile-worker');
  const logger = new Logger(() => (_level, message) => quiet.info(message));
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  const runner = await runWorker({
    connectionString,
    concurrency,
    logger,
    noHandleSignals: true,
    taskList: { refresh: async () => counter.one() },
  });
  return {
    measure: () =>
      counter.perSecond((at) => utils.addJob('refresh', { workspace: 'T0BENCH', key: `card:REL-${at}:C1` })),
    stop: async () => {
      await runner.stop();
      await utils.release();
    },
  };
}

/** Counts what is done, and says when a round of jobs is. */
function counting() {
  let left = 0;
  let over = () => undefined as undefined;
  return {
    one: () => {
      left--;
      if (left === 0) over();
    },
    perSecond: async (add: (at: number) => Promise<unknown>): Promise<number[]> => {
      left = jobs;
      const done = new Promise<void>((resolve) => {
        over = () => {
          resolve();
          return undefined;
        };
      });
      const started = performance.now();
      let next = 0;
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          while (next < jobs) await add(next++);
        }),
      );
      await done;
      return [(jobs / (performance.now() - started)) * 1_000];
    },
  };
}

await alone(import.meta.url, { name, bench });
