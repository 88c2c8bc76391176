import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/domain/event.ts';
import { momentOf } from '../../src/domain/protocol.ts';
import { isLogged, react } from '../../src/domain/reaction.ts';
import { surfaceKey } from '../../src/domain/surface.ts';
import { openDb } from '../../src/store/db.ts';
import { type House, openHouse } from '../support/house.ts';
import { endLeases, openKiller, orphanClaims, type Side, type Write, writeOf } from '../support/kill.ts';
import { expectReplayed } from '../support/replay.ts';
import { cast, stateOf } from '../support/story.ts';

/*
 * Every write that a war room's life makes in Slack, and the app killed exactly there: before the effect, and after it
 * with the answer lost. One release per kind of write and side; afterwards everything is there once, and says what is
 * stored. By itself it takes every method on both sides; ROOM_CRASH=all takes every kind of write on both sides.
 */
const isWhole = process.env.ROOM_CRASH === 'all';

const moments: readonly string[] = ['started', 'rolled_back', 'restored', 'done'];
const services = Array.from({ length: 80 }, (_, index) => `s${index}`);
const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { staging: {} }
teams: { crew: { name: Crew, members: [U0ANA, U0RAJ] } }
services:
${services
  .map(
    (name) =>
      `  ${name}: { team: crew, environments: [staging], runbook: short, oncall: S0SREONCALL, links: { runbook: https://wiki.example.com/${name}, dashboard: https://graphs.example.com/${name} } }`,
  )
  .join('\n')}
runbooks:
  short:
    version: "1"
    steps:
      - Backup taken
      - { title: Canary, canary: { percent: 5, soak_minutes: 10 } }
      - { title: Everybody, expose: 100 % }
    rollback: [Traffic back to the old version]
protocols:
  everybody: { on: [${moments}], channels: [C0GENERAL], text: "{release} {services}: {update}" }
policies:
  - { name: open, when: { environment: [staging] }, gates: [] }
`;

/** Who has to be in every room: requester, lead, on call, and whom the lead asked in. */
const people = ['U0ANA', 'U0RAJ', 'U0BEN', 'U0KIM'];

const hourMs = 3_600_000;

/** As many lives are walked together. */
const atOnce = 15;

type Life = { readonly service: string; readonly isBad: boolean; release: number };

test.concurrent(
  'killed at every write of its life, on both sides, a room has everything once',
  {
    timeout: 1_800_000,
  },
  () =>
    inHouse(1, async (house) => {
      const kinds: string[] = [];
      house.sandbox.world.intercept = async (call) => {
        const write = await writeOf(house, call);
        if (write && !kinds.includes(write.kind)) kinds.push(write.kind);
        return 'pass';
      };
      const unharmed = births(1);
      // Step by step, so that what comes later edits what was written before.
      await walk(house, unharmed, () => true, true);
      expect(await look(house, unharmed[0]?.release ?? 0)).toEqual(once);
      expect(kinds.toSorted()).toEqual(writes);
      process.stdout.write(`\nwithout a kill, in this order: ${kinds.join(', ')}\n`);

      const points = isWhole ? allPoints() : fewPoints();
      const lives = births(1 + Math.max(...points.map(({ life }) => life)));
      const killer = openKiller(
        house,
        (write) => hit(points, lives, write),
        () => house.apps.at(-1) as ChildProcess,
        () => restart(house),
      );
      for (let from = 0; from < lives.length; from += atOnce)
        await walk(house, lives.slice(from, from + atOnce), killer.idle);
      killer.stop();
      await expectRoomsOf(house, points, lives, killer.kills());
    }),
);

test.concurrent(
  'one of two apps is killed: the other takes over after its leases, and shows what happened meanwhile',
  {
    timeout: 600_000,
  },
  () =>
    inHouse(2, async (house) => {
      const lives = births(3);
      const points: Point[] = [];
      const hosts = ['127.0.0.1', 'localhost'];
      let victim = '';
      let isOver = false;
      const killer = openKiller(
        house,
        ({ kind, release }, { host }) => {
          // The first that posts a header; then whatever else it writes at that time for other releases.
          if (victim === '' && kind === 'chat.postMessage header') victim = host;
          const life = lives.findIndex((one) => one.release === release);
          if (host !== victim || isOver || life < 0 || points.some((one) => one.life === life)) return undefined;
          const side = points.length % 2 === 0 ? 'after' : 'before';
          points.push({ kind, side, life, isHit: true });
          return side;
        },
        () => house.apps[hosts.indexOf(victim)] as ChildProcess,
        async () => {
          isOver = true;
        },
        { quietMs: 1_000, atMostMs: 3_000, calls: 3 },
      );
      await walk(house, lives, killer.idle);
      killer.stop();
      expect(killer.kills()).toBe(1);
      await expectRoomsOf(house, points, lives, 1);
    }),
);

async function inHouse(apps: number, story: (house: House) => Promise<void>): Promise<void> {
  const house = await openHouse({
    catalog,
    apps,
    at: '2026-11-24T08:00:00Z',
    // A killed app answers nobody, and Slack says so.
    tolerates: ['dispatch_failed', 'no_ack'],
  });
  try {
    await story(house);
  } finally {
    if (process.env.SHOW_LOGS) process.stdout.write(house.logs());
    await house.close();
  }
}

/**
 * Starts another app, and waits until it is there, but not until it is ready: it may be killed on its way. Whoever was
 * killed holds what it was writing for a while, and life goes on meanwhile.
 */
async function restart(house: House): Promise<void> {
  await orphanClaims(house);
  const before = house.apps.length;
  void house
    .startApp()
    .then(() => sleep(300))
    .then(() => endLeases(house))
    .catch(() => undefined);
  await lasting('another app', () => house.apps.length > before);
}

/** Every kind of write, sorted: one that is new to a room's life is to be killed, too. */
const writes = [
  'bookmarks.add Dashboard',
  'bookmarks.add Runbook',
  'bookmarks.add card',
  'chat.postMessage card',
  'chat.postMessage checklist',
  'chat.postMessage header',
  'chat.postMessage log',
  'chat.postMessage notice',
  'chat.postMessage tell',
  'chat.postMessage thread',
  'chat.postMessage update',
  'chat.postMessage votes',
  'chat.update card',
  'chat.update checklist',
  'chat.update header',
  'conversations.archive room',
  'conversations.create room',
  'conversations.invite again',
  'conversations.invite first',
  'conversations.open dm',
  'conversations.setPurpose room',
  'conversations.setTopic edit',
  'conversations.setTopic first',
  'files.completeUploadExternal record',
  'files.getUploadURLExternal html',
  'files.getUploadURLExternal json',
  'pins.add header',
  'upload html',
  'upload json',
];

const once = { channels: 1, pins: 1, headers: 1, doubled: [], missing: [] };

/** `life`: which of the releases, counted from 0. */
type Point = { readonly kind: string; readonly side: Side; readonly life: number; isHit: boolean };

function allPoints(): Point[] {
  const points = writes.flatMap((kind) => (['before', 'after'] as const).map((side) => ({ kind, side })));
  return points.map((point, life) => ({ ...point, life, isHit: false }));
}

/** Each method on both sides; where it writes several things, a first and a last of them. Some share a release. */
function fewPoints(): Point[] {
  const methodOf = (kind: string) => kind.split(' ')[0];
  const points = [...new Set(writes.map(methodOf))].flatMap((method) => {
    const own = writes.filter((kind) => methodOf(kind) === method);
    return [
      { kind: own[0] as string, side: 'before' as const },
      { kind: own.at(-1) as string, side: 'after' as const },
    ];
  });
  return points.map((point, index) => ({ ...point, life: index % 7, isHit: false }));
}

/** A write that belongs to no release is any release's. */
function hit(points: readonly Point[], lives: readonly Life[], write: Write): Side | undefined {
  const point = points.find(
    ({ kind, life, isHit }) =>
      kind === write.kind && !isHit && (write.release === undefined || lives[life]?.service === write.service),
  );
  if (point) point.isHit = true;
  return point?.side;
}

async function expectRoomsOf(house: House, points: readonly Point[], lives: readonly Life[], kills: number) {
  const looks = await Promise.all(lives.map(({ release }) => look(house, release)));
  const rows = points.map(({ kind, side, life, isHit }) => {
    const { doubled, missing, ...counts } = looks[life] as Look;
    return { write: kind, side, killed: isHit, ...counts, doubled: doubled.length, missing: missing.length };
  });
  process.stdout.write(`\n${kills} kills\n${table(rows)}\n`);
  expect(points.filter(({ isHit }) => !isHit)).toEqual([]);
  expect(looks.map((found, life) => [points.filter((one) => one.life === life), found])).toEqual(
    looks.map((_, life) => [points.filter((one) => one.life === life), once]),
  );
  const ledger = await house.query<{ key: string; problem: string | null }>('SELECT key, problem FROM surface');
  expect(ledger.filter(({ problem }) => problem !== null)).toEqual([]);
  expect(await outbox(house)).toBe(0);
  const db = openDb({ url: house.databaseUrl, onError: () => undefined });
  expect(await expectReplayed({ db })).toBeGreaterThan(lives.length);
  await db.close();
}

function table(rows: readonly Record<string, unknown>[]): string {
  const heads = Object.keys(rows[0] ?? {});
  const cells = [heads, ...rows.map((row) => heads.map((name) => String(row[name])))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

function births(count: number): Life[] {
  const from = births.from;
  births.from += count;
  return services.slice(from, births.from).map((service, index) => ({ service, isBad: index % 5 === 1, release: 0 }));
}
births.from = 0;

/**
 * Walks all of them from their booking to their archived room, together. `idle`: nobody is being killed. `isCalm`: everything
 * is shown before the next step.
 */
async function walk(house: House, lives: readonly Life[], idle: () => boolean, isCalm = false): Promise<void> {
  const { ana, raj, ben } = cast(house);
  const say = (person: typeof ana, line: string) => () => person.types(line);
  const steps = async (release: number) =>
    house.query<{ key: string; state: string }>('SELECT key, state FROM step WHERE release = $1 ORDER BY position', [
      release,
    ]);
  const wayBack = async (release: number) => (await steps(release)).filter(({ key }) => key.startsWith('R'));
  const stepIs =
    (release: number, key: string, ...states: string[]) =>
    async () =>
      (await steps(release)).some((step) => step.key === key && states.includes(step.state));
  const isIn =
    (release: number, ...states: string[]) =>
    async () =>
      states.includes((await stateOf(house, release)) ?? '');
  const has = (release: number, sql: string) => async () =>
    (await house.query(`SELECT 1 FROM release WHERE number = $1 AND ${sql}`, [release])).length > 0;
  const happened = (release: number, type: string) => async () =>
    (await house.query('SELECT 1 FROM event WHERE release = $1 AND type = $2', [release, type])).length > 0;
  const begins = Math.ceil((house.now().getTime() + hourMs) / (24 * hourMs)) * 24 * hourMs + 9 * hourMs;
  const moves = (ms: number) => house.moveTo(new Date(begins + ms));
  const settled = async () => {
    // A timer that is due and not worked off yet would change what is shown a moment later.
    const due = () => house.query('SELECT 1 FROM timer WHERE due_at <= $1', [house.now()]);
    await lasting(
      'everything to be shown',
      async () => idle() && (await due()).length === 0 && (await outbox(house)) === 0,
    );
  };

  for (const life of lives) {
    const line = `/release book ${life.service}@1.0.0 ${new Date(begins).toISOString()} for 60m lead:@raj env:staging --yes`;
    const find = async () =>
      (await house.query<{ release: number }>('SELECT release FROM release_unit WHERE service = $1', [life.service]))[0]
        ?.release;
    await insist(say(ana, line), async () => (await find()) !== undefined);
    life.release = (await find()) as number;
  }
  await settled();
  moves(-29 * 60_000);
  await each(lives, async ({ release }) => {
    await lasting(`the room of ${release}`, has(release, 'room_channel IS NOT NULL'));
    await insist(say(raj, `/release room invite @kim REL-${release}`), happened(release, 'room.invited'));
    await insist(say(raj, `/release room take scribe REL-${release}`), happened(release, 'role.taken'));
  });
  await settled();
  await expectConverged(house, lives);
  moves(60_000);
  await each(lives, async ({ release }) => {
    await insist(say(raj, `/release start REL-${release}`), isIn(release, 'deploying'));
    if (isCalm) await settled();
    await insist(say(raj, `/release step REL-${release} 1 done`), stepIs(release, '1', 'done'));
    if (isCalm) await settled();
    await insist(say(raj, `/release step REL-${release} 2 start`), stepIs(release, '2', 'running'));
    await insist(say(raj, `/release status REL-${release} on-track half of it`), happened(release, 'status.posted'));
  });
  if (isCalm) await settled();
  moves(12 * 60_000);
  await each(lives, async ({ release, isBad }) => {
    await lasting(`the canary of ${release}`, happened(release, 'step.soaked'));
    await insist(say(raj, `/release step REL-${release} 2 done`), stepIs(release, '2', 'done'));
    if (!isBad) {
      await insist(say(raj, `/release step REL-${release} 3 done`), stepIs(release, '3', 'done'));
      await insist(say(raj, `/release done REL-${release}`), isIn(release, 'done'));
      return;
    }
    await insist(say(raj, `/release rollback REL-${release} errors rise`), isIn(release, 'rolled_back'));
    await lasting(`the way back of ${release}`, async () => (await wayBack(release)).length > 0);
    for (const { key } of await wayBack(release)) {
      const line = `/release step REL-${release} ${key}`;
      await insist(say(raj, `${line} done`), stepIs(release, key, 'done', 'checking'));
      if (!(await stepIs(release, key, 'done')()))
        await insist(say(ben, `${line} verify`), stepIs(release, key, 'done'));
    }
    await lasting(`${release} to be restored`, happened(release, 'release.restored'));
  });
  await settled();
  await expectConverged(house, lives);

  moves(25 * hourMs);
  for (const { release, isBad } of lives) {
    await lasting(`the question about ${release}`, happened(release, 'review.asked'));
    const about = new RegExp(`How did \\*?REL-${release}\\b`);
    const review = async () => {
      if (!isBad) return ana.clicks('As planned', 'dm', about);
      await ana.closes();
      await ana.clicks('Minor issues or failed…', 'dm', about);
      await ana.modal(/How did/);
      await ana.picks('outcome', 'failed');
      await ana.fills({ text: { value: 'Errors rose.' } });
      return ana.submits();
    };
    await insist(review, has(release, 'reviewed_at IS NOT NULL'));
  }
  await settled();
  moves((8 * 24 + 2) * hourMs);
  await each(lives, ({ release }) => lasting(`the notice of ${release}`, happened(release, 'room.archiving')));
  await settled();
  moves((9 * 24 + 3) * hourMs);
  await each(lives, ({ release }) => lasting(`the end of ${release}`, happened(release, 'room.archived')));
  await settled();
}

/** Renders everything again from what is stored: no message may change by that. */
async function expectConverged(house: House, lives: readonly Life[]): Promise<void> {
  const shown = () =>
    Object.fromEntries(
      messagesIn(house).flatMap(({ key, text, blocks }) =>
        key === undefined ? [] : [[key, JSON.stringify([text, blocks]).replace(/"block_id":"b[0-9a-z]+"/g, '')]],
      ),
    );
  const { world } = house.sandbox;
  const { intercept } = world;
  world.intercept = undefined;
  const before = shown();
  await house.query(
    `WITH forgotten AS (UPDATE surface SET hash = NULL WHERE ts IS NOT NULL RETURNING workspace, key)
     INSERT INTO outbox (workspace, surface, at) SELECT workspace, key, $1 FROM forgotten`,
    [house.now()],
  );
  await lasting('everything to be rendered again', async () => (await outbox(house)) === 0);
  world.intercept = intercept;
  const after = shown();
  // An archived room has nobody in it any more.
  for (const { release } of lives) expect(roomsOf(house, release)[0]?.members).toEqual(expect.arrayContaining(people));
  const lasts = /^(card|header|checklist|log|thread|update):/;
  expect(
    Object.keys(after)
      .filter((key) => lasts.test(key))
      .filter((key) => before[key] !== after[key]),
  ).toEqual([]);
}

type Look = { channels: number; pins: number; headers: number; doubled: string[]; missing: string[] };

/** What Slack shows of a release whose life is over, held against its events. */
async function look(house: House, release: number): Promise<Look> {
  const { state } = house.sandbox.world;
  const name = `REL-${release}`;
  const rooms = roomsOf(house, release);
  const [room] = rooms;
  const events = await house.query<StoredEvent>(
    'SELECT id, body, actor, at, command FROM event WHERE release = $1 ORDER BY seq',
    [release],
  );
  const sent = await house.query<{ surface: string }>(
    "SELECT surface FROM notification WHERE release = $1 AND state = 'sent'",
    [release],
  );
  const of = events.flatMap(({ id }) => [`log:${id}`, `thread:${id}`, `notice:${id}`, `update:${id}:`, `tell:${id}:`]);
  const shown = messagesIn(house).flatMap(({ key }) =>
    key !== undefined && (key.split(':').includes(name) || of.some((one) => key === one || key.startsWith(one)))
      ? [key]
      : [],
  );
  // One decision is one message in the room, by the name of its first event.
  const first = events
    .filter(isLogged)
    .filter(({ command }, index, logged) => logged.findIndex((one) => one.command === command) === index);
  const wanted = [
    ...['card', 'header', 'checklist'].map((kind) => `${kind}:${name}`),
    ...first.map(({ id }) => `log:${id}`),
    ...events.flatMap((event) =>
      react(event)
        .surfaces.filter(({ kind }) => kind === 'thread' || kind === 'tell')
        .map(surfaceKey),
    ),
    ...events.filter(({ body }) => moments.includes(momentOf(body) ?? '')).map(({ id }) => `update:${id}:C0GENERAL`),
    ...sent.map(({ surface }) => surface),
  ];
  const files = Object.values(state.files)
    .filter((file) => file.shares.some((one) => one.channel === room?.id))
    .map((file) => `file ${file.name.replace(/^.*\./, '')}`);
  const marks = (room?.bookmarks ?? []).map(({ title }) => `bookmark ${title}`);
  const acts = events.flatMap(({ body }) => {
    if (body.type === 'step.done') return [`${body.type} ${body.step}`];
    if (body.type === 'room.staffed') return body.invited.map((person) => `invited ${person}`);
    return ['room.archived', 'room.opened', 'release.started', 'release.restored'].includes(body.type)
      ? [body.type]
      : [];
  });
  const all = [...shown, ...files, ...marks, ...acts];
  const isBad = events.some(({ body }) => body.type === 'release.rolled_back');
  const steps = isBad ? ['1', '2', 'R1'] : ['1', '2', '3'];
  const due = [
    ...wanted,
    ...['html', 'json'].map((ext) => `file ${ext}`),
    ...[name, 'Runbook', 'Dashboard'].map((title) => `bookmark ${title}`),
    ...['room.archived', 'room.opened', 'release.started', ...(isBad ? ['release.restored'] : [])],
    ...steps.map((step) => `step.done ${step}`),
    ...people.map((person) => `invited ${person}`),
    ...(room?.topic ? [] : ['topic']),
    ...(room?.purpose ? [] : ['purpose']),
    ...(room?.is_archived ? [] : ['archived']),
  ];
  return {
    channels: rooms.length,
    pins: room?.pins.length ?? 0,
    headers: shown.filter((key) => key === `header:${name}`).length,
    doubled: [...new Set(all.filter((one, index) => all.indexOf(one) !== index))],
    missing: [...new Set(due.filter((one) => !all.includes(one)))],
  };
}

function roomsOf(house: House, release: number) {
  return Object.values(house.sandbox.world.state.channels).filter(({ name }) => name.startsWith(`rel-${release}-`));
}

function messagesIn(house: House) {
  return Object.values(house.sandbox.world.state.messages)
    .flat()
    .map((one) => ({ ...one, key: one.metadata ? String(one.metadata.event_payload.key) : undefined }));
}

async function outbox(house: House): Promise<number> {
  const [row] = await house.query<{ count: string }>('SELECT count(*) FROM outbox');
  return Number(row?.count);
}

/** A few at a time: people of a house, not a load test. */
async function each(lives: readonly Life[], live: (life: Life) => Promise<unknown>): Promise<void> {
  const left = [...lives];
  const one = async () => {
    for (let next = left.shift(); next; next = left.shift()) await live(next);
  };
  await Promise.all([one(), one(), one(), one()]);
}

/** Does it again until it is so, as a person would whose app did not answer. */
async function insist(act: () => Promise<{ status: string }>, done: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const ack = await act().catch(() => undefined);
    const until = Date.now() + (ack?.status === 'ok' ? 3_000 : 200);
    do {
      if (await done()) return;
      await sleep(25);
    } while (Date.now() < until);
  }
  throw new Error(`gave up after a minute: ${act.toString()} ${done.toString()}`);
}

/** Longer than any lease and all that queued behind it. */
async function lasting(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`waited two minutes for ${what}`);
    await sleep(50);
  }
}
