import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Outcome } from '../src/run.ts';
import { migrate } from '../src/store/migrate.ts';
import { alone, type Row } from './row.ts';
import { type Hall, openHall } from './support/hall.ts';
import { closedLoop, exact, interleaved, isQuick, type Rounds, rounds, rowOf, timed } from './support/measure.ts';
import { openPool, openStand, type Stand } from './support/stand.ts';
import { type Guard, openSlots, scriptOf, type Template, templateOf, writer } from './support/template.ts';

/*
 * 2. People who race: a thousand bookings of one slot and of a window with fifty seats, 750 votes on one release, all at
 * once through the product's one door; beside the same rows behind one lock through pg, and beside pgbench. Then bookings
 * and votes that have nothing to do with each other: how many transactions had to be tried again.
 */

export const name = 'contention';

const people = isQuick ? 100 : 1_000;
const seats = 50;
const voters = isQuick ? 50 : 500;
const services = 1_000;
const each = isQuick ? 5 : 40;
const ids = (count: number) => Array.from({ length: count }, (_, at) => `U0P${String(at).padStart(4, '0')}`);
const crowd = ids(voters).join(', ');

/** "free" has no windows; "night" is open from 00:00 to 24:00 with few seats; a crowd of which one never votes. */
const catalog = `
home: C0RELEASES
environments: { production: {} }
teams: { one: { name: One, channel: C0RELEASES, members: [U0ANA] } }
groups: { crowd: { name: Crowd, members: [${crowd}, U0LAST], quiet: [${crowd}, U0LAST] } }
services: { ${Array.from({ length: services }, (_, at) => `s${at}: { team: one, environments: [production] }`).join(', ')} }
windows: { days: { repeats: daily, from: "00:00", to: "23:59", capacity: ${seats} } }
policies: [{ name: crowd, when: {}, gates: [{ name: Crowd, who: "group:crowd", needed: all }] }]
`;
const free = catalog.replace(/^windows:.*\n/m, '');

const firstDay = Math.ceil(Date.now() / 86_400_000) * 86_400_000 + 20 * 86_400_000;
const day = (at: number, hour = 12) => new Date(firstDay + at * 86_400_000 + hour * 3_600_000);

export async function bench(): Promise<Row[]> {
  const stand = await openStand();
  try {
    const url = await stand.database();
    const hall = await openHall(url, free);
    stand.onClose(() => hall.close());
    const windowed = await openHall(await stand.database(), catalog);
    stand.onClose(() => windowed.close());
    const floor = await openFloor(stand, hall, url);
    return [
      ...(await oneSlot(hall, floor)),
      ...(await oneWindow(windowed, floor)),
      ...(await oneRelease(hall, floor)),
      ...(await unrelated(hall)),
      ...(await throughput(stand, hall, floor)),
      exact('deadlocks', await deadlocks(hall), 0, rounds * people * 3),
    ];
  } finally {
    await stand.close();
  }
}

type Floor = {
  readonly url: string;
  readonly slots: ReturnType<typeof openSlots>;
  readonly booking: Template;
  readonly vote: Template;
  next: number;
};

async function openFloor(stand: Stand, hall: Hall, url: string): Promise<Floor> {
  const booked = await hall.books('U0ANA', 's0', day(-2), 15);
  const pool = openPool(stand, url);
  await pool.query('CREATE VIEW kept AS SELECT * FROM outbox');
  const of = { workspace: 'T0BENCH', release: 1 };
  const booking = await templateOf(pool, { ...of, command: commandOf(booked) });
  const voted = await hall.votes('U0P0000', 1);
  const vote = await templateOf(pool, { ...of, command: commandOf(voted) }, ['command', 'vote', 'event']);
  await pool.query('DROP VIEW kept');
  const floorUrl = await stand.database();
  await migrate(floorUrl);
  const slots = openSlots(floorUrl);
  stand.onClose(() => slots.pool.end());
  return { url: floorUrl, slots, booking, vote, next: 1 };
}

function commandOf(outcome: Outcome): string {
  if (!outcome.ok) throw new Error(`refused: ${outcome.refusal.code}`);
  return outcome.events[0]?.command ?? '';
}

/** All at once; how long until everybody has an answer, and how many were accepted. */
async function storm(count: number, work: (at: number) => Promise<Outcome>): Promise<{ ms: number; won: number }> {
  let won = 0;
  const ms = await timed(() =>
    Promise.all(
      Array.from({ length: count }, async (_one, at) => {
        if ((await work(at)).ok) won++;
      }),
    ),
  );
  return { ms, won };
}

/** The least that answers the same people: one lock, one look, the rows of whoever gets it. */
function floorStorm(floor: Floor, capacity: number): () => Promise<number[]> {
  return async () => {
    const from = floor.next;
    floor.next += people;
    const guard: Guard = async (client) => {
      await client.query('SELECT pg_advisory_xact_lock(1)');
      const { rows } = await client.query({
        name: 'taken',
        text: 'SELECT count(*)::int AS n FROM release WHERE workspace = $1 AND number >= $2',
        values: ['T0BENCH', from],
      });
      return rows[0].n < capacity;
    };
    const work = writer(floor.slots, floor.booking, from, guard);
    return [await timed(() => Promise.all(Array.from({ length: people }, work)))];
  };
}

async function oneSlot(hall: Hall, floor: Floor): Promise<Row[]> {
  const won: number[] = [];
  const times = await interleaved(rounds, {
    floor: floorStorm(floor, 1),
    ours: async (round) => {
      const one = await storm(people, (at) => hall.books(`U0P${at}`, 's1', day(round), 45));
      won.push(one.won);
      return [one.ms];
    },
  });
  return stormRows(`${people} bookings of one slot`, times, won, 1, 2);
}

async function oneWindow(hall: Hall, floor: Floor): Promise<Row[]> {
  const won: number[] = [];
  const times = await interleaved(rounds, {
    floor: floorStorm(floor, seats),
    ours: async (round) => {
      const one = await storm(people, (at) => hall.books(`U0P${at}`, `s${at}`, day(round), 45));
      won.push(one.won);
      return [one.ms];
    },
  });
  return stormRows(`${people} bookings of a window of ${seats}`, times, won, seats, 2);
}

async function oneRelease(hall: Hall, floor: Floor): Promise<Row[]> {
  const won: number[] = [];
  const clicks = [...ids(voters), ...ids(voters / 2)];
  const releases: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const booked = await hall.books('U0ANA', `s${10 + round}`, day(-3), 15);
    const body = booked.ok ? booked.events[0]?.body : undefined;
    if (body?.type !== 'release.requested') throw new Error('not booked');
    releases.push(body.release);
  }
  const { pool } = floor.slots;
  await pool.query('ALTER TABLE vote DROP CONSTRAINT IF EXISTS vote_workspace_release_fkey');
  await writer(floor.slots, floor.booking, 9_999_999)();
  const times = await interleaved(rounds, {
    floor: async () => {
      const from = floor.next + 20_000_000;
      floor.next += clicks.length;
      const guard: Guard = async (client, number) => {
        await client.query('SELECT 1 FROM release WHERE number = 9999999 FOR UPDATE');
        return number - from < voters;
      };
      const work = writer(floor.slots, floor.vote, from, guard);
      return [await timed(() => Promise.all(clicks.map(() => work())))];
    },
    ours: async (round) => {
      const one = await storm(clicks.length, (at) => hall.votes(clicks[at] as string, releases[round] as number));
      won.push(one.won);
      return [one.ms];
    },
  });
  return stormRows(`${clicks.length} votes on one release`, times, won, voters, 1.5);
}

function stormRows(
  what: string,
  times: { ours: Rounds; floor: Rounds },
  won: number[],
  wanted: number,
  most: number,
): Row[] {
  return [
    rowOf(what, times.ours, { floor: times.floor, stat: 'p50', name: 'the same rows through pg', goal: { most } }),
    exact(
      `${what}: accepted in each of ${won.length} rounds`,
      won.find((one) => one !== wanted) ?? wanted,
      wanted,
      won.length,
    ),
  ];
}

let unrelatedBookings = 0;

/** Of services that have nothing to do with each other, at times that nobody else wants. */
function bookNext(hall: Hall): Promise<Outcome> {
  const at = unrelatedBookings++;
  return hall.books(
    `U0P${at % 100}`,
    `s${100 + (at % 800)}`,
    new Date(day(60, 0).getTime() + Math.floor(at / 800) * 1_800_000),
    15,
  );
}

async function unrelated(hall: Hall): Promise<Row[]> {
  const releases: number[] = [];
  let asked = 0;
  hall.begun();
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let mine = 0; mine < each; mine++) {
        const booked = await bookNext(hall);
        asked++;
        const body = booked.ok ? booked.events[0]?.body : undefined;
        if (body?.type === 'release.requested') releases.push(body.release);
        const release = releases[(asked * 7) % releases.length];
        if (release === undefined) continue;
        await hall.votes(`U0P${String(asked % voters).padStart(4, '0')}`, release, `vote ${asked}`);
        asked++;
      }
    }),
  );
  const share = ((hall.begun() - asked) / asked) * 100;
  return [
    {
      what: 'transactions tried again, bookings and votes of unrelated releases',
      n: asked,
      p50: share,
      p99: share,
      unit: '%',
      goal: '≤ 1 %',
      pass: share <= 1,
    },
  ];
}

async function throughput(stand: Stand, hall: Hall, floor: Floor): Promise<Row[]> {
  const seconds = isQuick ? 1 : 2;
  const file = join(stand.folder, 'booking.sql');
  writeFileSync(file, await scriptOf(floor.slots.pool, floor.booking));
  const pgbench = (round: number) => runPgbench(floor.url, file, seconds, round);
  const plain = writer(floor.slots, floor.booking, 90_000_000);
  const isThere = await pgbench(0).then(
    () => true,
    (error: Error) => {
      process.stdout.write(`pgbench: skipped (${error.message.split('\n')[0]}); Debian has it in postgresql-15\n`);
      return false;
    },
  );
  const perSecond = (work: () => Promise<unknown>) => async () => [
    (await closedLoop(12, seconds * 1_000, work)).length / seconds,
  ];
  const found = await interleaved(rounds, {
    pg: perSecond(plain),
    ours: perSecond(() => bookNext(hall)),
    ...(isThere ? { pgbench: async (round: number) => [await pgbench(round + 1)] } : {}),
  } as Record<'pg' | 'ours' | 'pgbench', (round: number) => Promise<number[]>>);
  const row = { stat: 'p50' as const, unit: 'bookings/s' };
  return [
    rowOf('bookings, 12 at a time, beside the same rows through pg', found.ours, {
      ...row,
      floor: found.pg,
      name: 'pg',
    }),
    ...(isThere
      ? [
          rowOf('bookings, 12 at a time, beside the same rows through pgbench', found.ours, {
            ...row,
            floor: found.pgbench,
            name: 'pgbench',
            goal: { least: 0.55 },
          }),
        ]
      : []),
  ];
}

/** Transactions a second. Each round has numbers of its own. */
async function runPgbench(url: string, file: string, seconds: number, round: number): Promise<number> {
  const flags = [
    '-n',
    '-M',
    'prepared',
    '-c',
    '12',
    '-j',
    '2',
    '-T',
    String(seconds),
    '-f',
    file,
    '-D',
    `i=${20_000_000 + round * 20_000}`,
  ];
  const { stdout } = await promisify(execFile)('pgbench', [...flags, url]);
  const [, tps] = /tps = ([\d.]+)/.exec(stdout) ?? [];
  if (tps === undefined) throw new Error(`pgbench said ${stdout.slice(0, 200)}`);
  return Number(tps);
}

async function deadlocks(hall: Hall): Promise<number> {
  const { rows } = await hall.ctx.db.background.query<{ n: string }>(
    'SELECT sum(deadlocks) AS n FROM pg_stat_database',
  );
  return Number(rows[0]?.n);
}

await alone(import.meta.url, { name, bench });
