import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { alone, type Row } from './row.ts';
import { closedLoop, fixedRate, growthRow, interleaved, rounds, rowOf, soakMinutes } from './support/measure.ts';
import {
  bookingLine,
  httpTarget,
  openStand,
  type Stand,
  spawnApp,
  startApp,
  startBolt,
  startSlack,
} from './support/stand.ts';

/*
 * 7. From starting the process to the first acknowledged command, and how much memory it then holds, beside bare Bolt;
 * memory under load, at its start and at its end; two and four replicas. Both are started the same way, by tsx.
 */

export const name = 'start';

export async function bench(): Promise<Row[]> {
  const stand = await openStand();
  try {
    const slack = await startSlack(stand);
    const databaseUrl = await stand.database();
    // The first start makes the tables and applies the catalogue; people start it again much more often.
    (await startApp(stand, { name: 'first', slack, databaseUrl })).child.kill('SIGKILL');
    const memory = { ours: [] as number[][], bare: [] as number[][] };
    const times = await interleaved(rounds, {
      bare: async () => {
        const started = performance.now();
        const bolt = await startBolt(stand, { token: 'xoxb-bare', apiUrl: slack.apiUrl, socket: false });
        const ms = await firstAck(stand, bolt.port, started);
        memory.bare.push([await resident(bolt.child.pid)]);
        bolt.child.kill('SIGKILL');
        return [ms];
      },
      ours: async () => {
        const started = performance.now();
        const app = await spawnApp(stand, { name: 'product', slack, databaseUrl });
        const ms = await firstAck(stand, app.port, started);
        memory.ours.push([await resident(app.child.pid)]);
        app.child.kill('SIGKILL');
        return [ms];
      },
    });
    const beside = { stat: 'p50' as const, name: 'bare Bolt' };
    return [
      rowOf('start to the first acknowledged command', times.ours, {
        ...beside,
        floor: times.bare,
        goal: { most: 2.5 },
      }),
      rowOf('resident memory after it', memory.ours, {
        ...beside,
        floor: memory.bare,
        unit: 'MiB',
        goal: { most: 2.75 },
      }),
      await soak(stand),
      ...(await replicas(stand)),
    ];
  } finally {
    await stand.close();
  }
}

/** Asks until somebody answers. */
async function firstAck(stand: Stand, port: number, started: number): Promise<number> {
  const target = httpTarget(stand, port);
  for (;;) {
    const answer = await target.types('U0ANA', 'help').catch(() => undefined);
    if (answer !== undefined) return performance.now() - started;
    await sleep(10);
  }
}

/** Resident memory in MiB once the process is at rest. */
async function resident(pid: number | undefined): Promise<number> {
  await sleep(1_000);
  const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** Bookings and lists at a steady rate: what it holds in the last third beside what it held in the first. */
async function soak(stand: Stand): Promise<Row> {
  const minutes = soakMinutes;
  const slack = await startSlack(stand);
  const app = await startApp(stand, { name: 'soaked', slack, databaseUrl: await stand.database() });
  const target = httpTarget(stand, app.port);
  let turn = 0;
  const work = () => {
    const at = turn++;
    return at % 4 === 0 ? target.types(`U0R${at % 100}`, bookingLine(at)) : target.types('U0ANA', 'list');
  };
  await fixedRate(20, 5_000, work);
  const samples: number[] = [];
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    await fixedRate(20, 2_000, work);
    samples.push(await resident(app.child.pid));
  }
  app.child.kill('SIGTERM');
  return growthRow('resident memory', minutes, samples);
}

/** The same work over one, two and four replicas on this one machine: that they do not get in each other's way. */
async function replicas(stand: Stand): Promise<Row[]> {
  const rows: Row[] = [];
  const perSecond = new Map<number, number[][]>();
  for (const count of [1, 2, 4]) {
    const slack = await startSlack(stand);
    const databaseUrl = await stand.database();
    const first = await startApp(stand, { name: `of${count}`, slack, databaseUrl });
    const others = await Promise.all(
      Array.from({ length: count - 1 }, () => startApp(stand, { name: `of${count}`, slack, databaseUrl })),
    );
    const targets = [first, ...others].map((app) => httpTarget(stand, app.port));
    let turn = 0;
    const work = async () => {
      const at = turn++;
      const answer = await targets[at % count]?.types(`U0R${at % 100}`, bookingLine(at));
      if (!/REL-\d|Still/.test(answer ?? '')) throw new Error(`answered ${answer?.slice(0, 200)}`);
    };
    await closedLoop(4, 1_000, work);
    const measured: number[][] = [];
    for (let round = 0; round < 3; round++) measured.push([(await closedLoop(8, 1_500, work)).length / 1.5]);
    perSecond.set(count, measured);
    for (const app of [first, ...others]) app.child.kill('SIGKILL');
    const floor = perSecond.get(1);
    rows.push(
      rowOf(`bookings, ${count} ${count === 1 ? 'replica' : 'replicas'}`, measured, {
        unit: 'bookings/s',
        stat: 'p50',
        name: 'one replica',
        ...(count > 1 && floor ? { floor } : {}),
      }),
    );
  }
  return rows;
}

await alone(import.meta.url, { name, bench });
