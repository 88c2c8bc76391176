import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSurfaceKey } from '../../src/domain/surface.ts';
import { type House, openHouse } from '../support/house.ts';
import { soon } from '../support/story.ts';

let house: House;
beforeAll(async () => {
  // Late acks are the kills themselves; everything else would be a fault of ours.
  house = await openHouse({ tolerates: ['dispatch_failed', 'no_ack'] });
});
afterAll(async () => {
  if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
  await house?.close();
});

const services = ['payments', 'checkout', 'ledger', 'search', 'web'];
const environments = ['production', 'staging'];
const phases = 5;

test('50 releases are walked while the app is killed at random: all end right, nothing is lost or doubled', {
  timeout: 600_000,
}, async () => {
  let killing = true;
  let kills = 0;
  const nemesis = (async () => {
    let app = house.apps[0] as ChildProcess;
    while (killing) {
      await sleep(400 + Math.random() * 1_600);
      app.kill('SIGKILL');
      kills++;
      app = await house.startApp();
    }
  })();

  const begin = Math.ceil(house.now().getTime() / 3_600_000) * 3_600_000 + 24 * 3_600_000;
  for (let phase = 0; phase < phases; phase++) {
    const startsAt = new Date(begin + phase * 2 * 3_600_000);
    const walks = environments.flatMap((environment) =>
      services.map((service) => ({ service, environment, version: `${phase}.0.0` })),
    );
    await Promise.all(walks.map((walk) => request(walk, startsAt)));
    house.moveTo(new Date(startsAt.getTime() + 60_000));
    await Promise.all(walks.map((walk, index) => deploy(walk, index % 5 === 4)));
  }
  killing = false;
  await nemesis;

  // What a killed process had in hand is free again when its claims end: how fast is not this test's question.
  const settled = Date.now() + 180_000;
  while ((await waiting()) > 0 && Date.now() < settled) await sleep(250);
  expect(await waiting()).toBe(0);
  expect(kills).toBeGreaterThan(5);

  const releases = await house.query<{ number: number; state: string }>(
    'SELECT number, state FROM release ORDER BY number',
  );
  expect(releases).toHaveLength(50);
  expect(releases.filter((release) => release.state === 'done')).toHaveLength(40);
  expect(releases.filter((release) => release.state === 'rolled_back')).toHaveLength(10);

  // What the workspace shows, by the key that every message carries.
  const shown = Object.values(house.sandbox.world.state.messages)
    .flat()
    .flatMap((message) => (message.metadata ? [String(message.metadata.event_payload.key)] : []));
  expect(shown.filter((key, index) => shown.indexOf(key) !== index)).toEqual([]);

  const ledger = await house.query<{ key: string; ts: string | null; problem: string | null }>(
    'SELECT key, ts, problem FROM surface',
  );
  expect(ledger.filter((row) => row.problem !== null)).toEqual([]);
  const events = await house.query<{ id: string; type: string; release: number | null }>(
    'SELECT id, type, release FROM event',
  );
  const wanted = [
    ...releases.flatMap(({ number }) => [`card:REL-${number}`, `votes:REL-${number}`, `header:REL-${number}`]),
    ...events
      .filter((event) => ['release.started', 'release.done', 'release.rolled_back'].includes(event.type))
      .flatMap((event) => [`log:${event.id}`, `thread:${event.id}`]),
  ];
  expect(wanted.filter((key) => !shown.includes(key))).toEqual([]);
  expect(ledger.filter((row) => row.ts && ['room', 'topic', 'home'].includes(parseSurfaceKey(row.key).kind))).toEqual(
    [],
  );

  const rooms = Object.values(house.sandbox.world.state.channels).filter((channel) => channel.name.startsWith('rel-'));
  expect(rooms).toHaveLength(50);
  for (const room of rooms) expect([room.name, room.pins.length]).toEqual([room.name, 1]);
});

type Walk = { service: string; environment: string; version: string };

async function request(walk: Walk, startsAt: Date): Promise<void> {
  const ana = house.person('ana');
  const line = `/release book ${walk.service}@${walk.version} ${startsAt.toISOString()} for 60m env:${walk.environment} --yes`;
  await insist(
    () => ana.types(line),
    async () => (await find(walk)) !== undefined,
  );
  if (walk.environment === 'staging') return;
  const { number } = (await find(walk)) as Found;
  for (const [name, gate] of [
    ['ben', 'SRE'],
    ['kim', 'Product'],
  ] as const)
    await insist(
      () => turn(name, () => approve(name, number)),
      async () => (await house.query('SELECT 1 FROM vote WHERE release = $1 AND gate = $2', [number, gate])).length > 0,
    );
}

async function deploy(walk: Walk, badly: boolean): Promise<void> {
  const ana = house.person('ana');
  const { number } = (await find(walk)) as Found;
  const reaches =
    (...states: string[]) =>
    async () =>
      states.includes((await find(walk))?.state ?? '');
  await insist(
    () => ana.types(`/release start REL-${number}`),
    reaches('deploying', 'verifying', 'done', 'rolled_back'),
  );
  if (badly) await insist(() => ana.types(`/release rollback REL-${number} errors`), reaches('rolled_back'));
  else await insist(() => ana.types(`/release done REL-${number}`), reaches('done'));
}

/** One person has one screen: one modal at a time. */
const turns = new Map<string, Promise<unknown>>();
function turn(name: string, work: () => Promise<unknown>): Promise<unknown> {
  const next = (turns.get(name) ?? Promise.resolve()).catch(() => undefined).then(work);
  turns.set(name, next);
  return next;
}

async function approve(name: string, number: number): Promise<void> {
  const person = house.person(name);
  const before = person.modalNow()?.id;
  await person.types(`/release review REL-${number}`);
  const view = await soon(() => [person.modalNow()].find((one) => one && one.id !== before && one.submit !== null));
  if (!view) return;
  await person.picks('decision', 'approve');
  await person.submits();
  await person.closes();
}

type Found = { number: number; state: string };
async function find(walk: Walk): Promise<Found | undefined> {
  const [found] = await house.query<Found>(
    'SELECT number, state FROM release r JOIN release_unit u ON u.release = r.number WHERE u.service = $1 AND u.version = $2 AND r.environment = $3',
    [walk.service, walk.version, walk.environment],
  );
  return found;
}

/** Does it again until it is so, as a person would whose app did not answer. */
async function insist(act: () => Promise<unknown>, done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    await act().catch(() => undefined);
    for (let looks = 0; looks < 6; looks++) {
      if (await done()) return;
      await sleep(60);
    }
  }
  throw new Error(`gave up after 60 tries: ${act.toString()}`);
}

async function waiting(): Promise<number> {
  const [row] = await house.query<{ count: string }>('SELECT count(*) FROM outbox');
  return Number(row?.count);
}
