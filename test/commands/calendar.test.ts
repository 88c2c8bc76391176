import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { reserveCommand } from '../../src/commands/booking.ts';
import { timerCall } from '../../src/commands/clock.ts';
import { type Call, call } from '../../src/commands/command.ts';
import { cancelCommand, startCommand } from '../../src/commands/deploy.ts';
import { addFreezeCommand, liftFreezeCommand } from '../../src/commands/freeze.ts';
import { moveCommand } from '../../src/commands/move.ts';
import { answerSwapCommand, swapCommand } from '../../src/commands/swap.ts';
import { undoCommand } from '../../src/commands/undo.ts';
import { joinLineCommand, leaveLineCommand, takeLineCommand } from '../../src/commands/waiting-line.ts';
import { setWindowCommand } from '../../src/commands/window.ts';
import type { RequestInput } from '../../src/domain/request.ts';
import { type Outcome, run } from '../../src/run.ts';
import { offersFor } from '../../src/slack/offer.ts';
import { type Db, openDb } from '../../src/store/db.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

const catalog = `
zone: Europe/Berlin
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, uat: { exclusive: true } }
teams: { one: { name: One, channel: C0ONE, members: [U0ANA, U0BEN, U0KIM] } }
services:
  payments: { team: one, environments: [production, uat] }
  web: { team: one, environments: [production, uat], depends_on: [payments] }
  search: { team: one, environments: [production, uat] }
windows:
  days: { scope: { environments: [production] }, repeats: mon-fri, from: "08:00", to: "12:00", capacity: 3 }
trains:
  hop: { name: Hop, environment: production, repeats: daily, at: "15:00", minutes: 60, cutoff_minutes: 0, capacity: 2 }
policies: [{ name: free, when: {}, gates: [] }]
`;

let hall: Hall;
let second: Db;
beforeAll(async () => {
  hall = await openHall({ catalog });
  // The second process: the same door on the same database, without the first one's queue in memory.
  second = openDb({ url: hall.url, onError: () => undefined });
});
afterAll(async () => {
  await second?.close();
  await hall?.close();
});
beforeEach(() => {
  hall.clock.now = new Date('2026-11-23T06:00:00Z');
});

const people = ['U0ANA', 'U0BEN', 'U0KIM', 'U0RAE'];
const monday = Date.parse('2026-11-23T07:00:00Z');
/** Mon–Wed, quarter hours from 08:00 Berlin on. */
const start = fc
  .tuple(fc.nat(2), fc.nat(18))
  .map(([day, quarter]) => new Date(monday + day * 86_400_000 + quarter * 900_000));
const who = fc.constantFrom(...people);
const pick = fc.nat(1_000);
const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('book' as const),
      who,
      start,
      minutes: fc.constantFrom(15, 30, 60),
      service: fc.constantFrom('payments', 'web', 'search'),
      environment: fc.constantFrom('production', 'uat'),
      emergency: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('move' as const), who, start, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), who, pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('freeze' as const),
      start,
      pick,
      hours: fc.integer({ min: 1, max: 4 }),
      service: fc.constantFrom('payments', 'web', undefined),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lift' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('swap' as const), pick, other: pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      who,
      start,
      minutes: fc.constantFrom(30, 60),
      environment: fc.constantFrom('production', 'uat'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('line' as const), who, start, service: fc.constantFrom('payments', 'web') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clock line' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take line' as const), pick, take: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('undo' as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('capacity' as const), capacity: fc.option(fc.integer({ min: 1, max: 4 })) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('board' as const), who, service: fc.constantFrom('web', 'search') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('start' as const), pick, after: fc.constantFrom(0, 10, 20, 90) }),
  },
);
type Wish = typeof command extends fc.Arbitrary<infer T> ? T : never;

const rows = async <T>(sql: string, params: unknown[] = []): Promise<T[]> =>
  (await hall.db.pool.query(sql, params)).rows as T[];

/** One wish of somebody, as a command on whichever process comes next. */
async function perform(wish: Wish, worker: number): Promise<Outcome | undefined> {
  const ctx = worker % 2 === 0 ? hall.ctx : { ...hall.ctx, db: second };
  const as = (person: string, what: Call, at?: Date) =>
    run(at ? { ...ctx, now: () => at } : ctx, what.command, what.input, {
      workspace,
      actor: { kind: 'person', id: person },
      id: randomUUID(),
    });
  const one = async (number: number, states = `('requested', 'approved')`) => {
    const open = await rows<{ number: number; starts_at: Date }>(
      `SELECT number, starts_at FROM release WHERE state IN ${states} ORDER BY number`,
    );
    return open.length === 0 ? undefined : open[number % open.length];
  };
  switch (wish.do) {
    case 'book':
      return as(wish.who, hall.wish(wish.who, bookingOf(wish)));
    case 'move': {
      const release = await one(wish.pick);
      return (
        release &&
        as(
          'U0RAE',
          call(moveCommand, {
            release: release.number,
            startsAt: wish.start.toISOString(),
            minutes: null,
            needs: null,
          }),
        )
      );
    }
    case 'cancel': {
      const release = await one(wish.pick);
      return release && as('U0RAE', call(cancelCommand, { release: release.number, reason: '' }));
    }
    case 'freeze': {
      // Half of them over something that is booked.
      const over = wish.pick % 2 === 0 ? await one(wish.pick) : undefined;
      const at = (over?.starts_at ?? wish.start).toISOString();
      const recurrence = { date: at.slice(0, 10), at: at.slice(11, 16), minutes: wish.hours * 60, rule: null };
      const scope = { environments: [], services: wish.service ? [wish.service] : [], tags: [], teams: [] };
      const key = `f${randomUUID().slice(0, 8)}`;
      const freeze = {
        key,
        name: key,
        level: 'hard' as const,
        scope,
        exempt: ['emergency' as const],
        message: '',
        recurrence,
        zone: 'UTC',
        owners: null,
      };
      return as('U0RAE', call(addFreezeCommand, { freeze, channel: null }));
    }
    case 'lift': {
      const keys = await rows<{ key: string }>('SELECT key FROM release_freeze WHERE NOT lifted ORDER BY key');
      const key = keys[wish.pick % Math.max(1, keys.length)]?.key;
      return key ? as('U0RAE', call(liftFreezeCommand, { freeze: key, date: null, reason: '' })) : undefined;
    }
    case 'swap': {
      const [a, b] = [await one(wish.pick), await one(wish.other)];
      if (!a || !b) return undefined;
      const asked = await as('U0RAE', call(swapCommand, { release: a.number, other: b.number }));
      const events = asked.ok ? asked.events.map((event) => event.body) : [];
      const proposed = events.find((event) => event.type === 'swap.proposed');
      // A manager answers for both at once.
      if (proposed?.type !== 'swap.proposed' || events.some((event) => event.type === 'swap.accepted')) return asked;
      return as('U0RAE', call(answerSwapCommand, { swap: proposed.swap, accept: true }));
    }
    case 'reserve': {
      const { environment, minutes } = wish;
      return as(
        wish.who,
        call(reserveCommand, {
          environment,
          services: [],
          startsAt: wish.start.toISOString(),
          minutes,
          purpose: 'UAT',
          channel: null,
        }),
      );
    }
    case 'line': {
      const units = [{ service: wish.service, version: '1' }];
      return as(
        wish.who,
        call(
          joinLineCommand,
          hall.wish(wish.who, { units, startsAt: wish.start.toISOString(), minutes: 30 }).input as RequestInput,
        ),
      );
    }
    case 'clock line': {
      const { command: offer, input } = timerCall({ command: 'clock line' }, hall.clock.now);
      return run(ctx, offer, input, { workspace, actor: { kind: 'clock' }, id: randomUUID() });
    }
    case 'take line': {
      const offered = await rows<{ id: string; person: string }>(
        `SELECT id, person FROM line WHERE state = 'offered' ORDER BY id`,
      );
      const entry = offered[wish.pick % Math.max(1, offered.length)];
      return entry && as(entry.person, call(wish.take ? takeLineCommand : leaveLineCommand, { line: entry.id }));
    }
    case 'undo':
      return as(wish.who, call(undoCommand, { of: null }));
    case 'capacity': {
      const [row] = await rows<{ body: Parameters<typeof call>[1] }>(
        `SELECT body FROM release_window WHERE key = 'days'`,
      );
      return as(
        'U0RAE',
        call(setWindowCommand, { ...(row?.body as never as object), capacity: wish.capacity } as never),
      );
    }
    case 'board': {
      const units = [{ service: wish.service, version: '1' }];
      return as(wish.who, hall.wish(wish.who, { units, train: 'hop' }));
    }
    case 'start': {
      const release = await one(wish.pick, `('approved')`);
      return (
        release &&
        as(
          'U0RAE',
          call(startCommand, { release: release.number }),
          new Date(release.starts_at.getTime() + wish.after * 60_000),
        )
      );
    }
  }
}

function bookingOf(wish: Extract<Wish, { do: 'book' }>): Partial<RequestInput> {
  const units = [{ service: wish.service, version: '1' }];
  const changeType = wish.emergency ? ('emergency' as const) : ('normal' as const);
  return {
    units,
    environment: wish.environment,
    startsAt: wish.start.toISOString(),
    minutes: wish.minutes,
    changeType,
  };
}

/** Invariants 1 to 3, by looking at everything, without the help of any constraint. */
async function broken(): Promise<string[]> {
  type Reservation = { holder: string; service: string | null; environment: string; starts_at: Date; ends_at: Date };
  type Taken = { window_key: string; date: string; seat: number; holder: string };
  type Open = {
    number: number;
    state: string;
    train: string | null;
    environment: string;
    change_type: string;
    services: string[];
    starts_at: Date;
    ends_at: Date;
  };
  const [held, seats, open, frozen, started, touched] = [
    await rows<Reservation>('SELECT * FROM reservation WHERE held'),
    await rows<Taken>('SELECT * FROM seat WHERE held'),
    await rows<Open>(
      `SELECT r.*, ARRAY(SELECT service FROM release_unit WHERE release = r.number) AS services FROM release r WHERE state IN ('requested', 'approved', 'deploying')`,
    ),
    await rows<{
      key: string;
      body: { scope: { services: string[] }; recurrence: { date: string; at: string; minutes: number } };
    }>('SELECT * FROM release_freeze WHERE NOT lifted'),
    await rows<{ release: number; at: Date; seq: string }>(
      `SELECT release, at, seq FROM event WHERE type = 'release.started'`,
    ),
    await rows<{ freeze: string; release: number }>(
      `SELECT body -> 'freeze' ->> 'key' AS freeze, (t ->> 'release')::int AS release FROM event, jsonb_array_elements(body -> 'touched') t WHERE type = 'freeze.added'`,
    ),
  ];
  const problems: string[] = [];
  const overlap = (a: { starts_at: Date; ends_at: Date }, b: { starts_at: Date; ends_at: Date }) =>
    a.starts_at < b.ends_at && b.starts_at < a.ends_at;
  for (const [index, a] of held.entries())
    for (const b of held.slice(index + 1))
      if (
        a.environment === b.environment &&
        overlap(a, b) &&
        (a.service === b.service || a.service === null || b.service === null)
      )
        problems.push(`${a.holder} and ${b.holder} overlap`);
  const perWindow = new Map<string, Taken[]>();
  for (const seat of seats) {
    const name = `${seat.window_key} ${seat.date}`;
    perWindow.set(name, [...(perWindow.get(name) ?? []), seat]);
  }
  const [{ body: window } = { body: { capacity: 0 as number | null } }] = await rows<{
    body: { capacity: number | null };
  }>(`SELECT body FROM release_window WHERE key = 'days'`);
  for (const [name, taken] of perWindow) {
    if (new Set(taken.map((seat) => seat.seat)).size !== taken.length) problems.push(`${name} gave a seat out twice`);
    const capacity = name.startsWith('train:') ? 2 : window.capacity;
    if (capacity !== null && taken.length > capacity) problems.push(`${name} holds ${taken.length} of ${capacity}`);
  }
  for (const one of open) {
    if (!held.some((other) => other.holder === `REL-${one.number}`)) problems.push(`REL-${one.number} holds no slot`);
    const isCounted = one.train !== null || (window.capacity !== null && one.state !== 'deploying');
    const needsSeat = one.environment === 'production' && one.change_type !== 'emergency' && isCounted;
    if (needsSeat && !seats.some((seat) => seat.holder === `REL-${one.number}`))
      problems.push(`REL-${one.number} sits nowhere`);
  }
  const times = frozen.map(({ key, body }) => {
    const from = new Date(`${body.recurrence.date}T${body.recurrence.at}:00Z`);
    return {
      key,
      services: body.scope.services,
      starts_at: from,
      ends_at: new Date(from.getTime() + body.recurrence.minutes * 60_000),
    };
  });
  const covers = (freeze: (typeof times)[number], one: Open) =>
    one.change_type !== 'emergency' &&
    (freeze.services.length === 0 || freeze.services.some((service) => one.services.includes(service)));
  for (const one of open)
    for (const freeze of times) {
      // A deployment that runs is not asked about: it may end, or be rolled back.
      if (!covers(freeze, one) || one.state === 'deploying') continue;
      // Booked inside a freeze without its owner being asked: the two missed each other.
      if (overlap(freeze, one) && !touched.some((other) => other.freeze === freeze.key && other.release === one.number))
        problems.push(`REL-${one.number} is inside ${freeze.key} and nobody was asked`);
    }
  // Every start against the freezes that were declared and not lifted at that place of the log.
  const said = await rows<{ seq: string; type: string; body: { freeze: never } }>(
    `SELECT seq, type, body FROM event WHERE type IN ('freeze.added', 'freeze.lifted') ORDER BY seq`,
  );
  for (const begin of started) {
    const release = open.find((one) => one.number === begin.release);
    if (!release) continue;
    const standing = new Map<string, { services: string[]; from: number; to: number }>();
    for (const { seq, type, body } of said) {
      if (BigInt(seq) > BigInt(begin.seq)) break;
      if (type === 'freeze.lifted') standing.delete(body.freeze);
      else {
        const freeze = body.freeze as {
          key: string;
          scope: { services: string[] };
          recurrence: { date: string; at: string; minutes: number };
        };
        const from = Date.parse(`${freeze.recurrence.date}T${freeze.recurrence.at}:00Z`);
        standing.set(freeze.key, {
          services: freeze.scope.services,
          from,
          to: from + freeze.recurrence.minutes * 60_000,
        });
      }
    }
    for (const [key, { services, from, to }] of standing) {
      const isMeant = services.length === 0 || services.some((service) => release.services.includes(service));
      if (isMeant && release.change_type !== 'emergency' && from <= begin.at.getTime() && begin.at.getTime() < to)
        problems.push(`REL-${begin.release} started inside ${key}`);
    }
  }
  return problems;
}

async function wipe(): Promise<void> {
  await hall.db.pool.query('ALTER TABLE event DISABLE TRIGGER ALL; ALTER TABLE seal DISABLE TRIGGER ALL');
  await hall.db.pool.query(
    'DELETE FROM unsealed; DELETE FROM seal; DELETE FROM event; DELETE FROM command; DELETE FROM line; DELETE FROM swap; DELETE FROM booking; DELETE FROM release_freeze; DELETE FROM seat; DELETE FROM reservation; DELETE FROM vote; DELETE FROM gate; DELETE FROM note; DELETE FROM release_unit; DELETE FROM release; DELETE FROM timer; DELETE FROM outbox',
  );
  await hall.db.pool.query('ALTER TABLE event ENABLE TRIGGER ALL; ALTER TABLE seal ENABLE TRIGGER ALL');
  await hall.db.pool.query(`UPDATE release_window SET body = jsonb_set(body, '{capacity}', '3')`);
}

const counts = new Map<string, number>();

test('20 workers on two processes book, move, cancel, freeze, swap, wait and start: no invariant ever breaks, every offer can be booked', {
  timeout: 180_000,
}, async () => {
  const runs = Number(process.env.CALENDAR_RUNS ?? 12);
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 80, maxLength: 160 }), async (wishes) => {
      await wipe();
      const refused: { person: string; what: Call }[] = [];
      const queue = [...wishes];
      const worker = async (number: number) => {
        for (let wish = queue.shift(); wish; wish = queue.shift()) {
          const outcome = await perform(wish, number);
          const word = outcome === undefined ? 'nothing to do' : outcome.ok ? 'accepted' : outcome.refusal.code;
          counts.set(`${wish.do}: ${word}`, (counts.get(`${wish.do}: ${word}`) ?? 0) + 1);
          if (wish.do === 'book' && outcome?.ok === false && outcome.refusal.code === 'conflict')
            refused.push({ person: wish.who, what: hall.wish(wish.who, bookingOf(wish)) });
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, number) => worker(number)));
      expect(await broken()).toEqual([]);
      for (const { person, what } of refused.slice(0, 4)) {
        const wanted = what.input as RequestInput;
        const [offer] = await offersFor(hall.ctx, { workspace, person }, what, new Date(wanted.startsAt), 3);
        expect(offer).toBeDefined();
        const booked = await hall.does(
          person,
          hall.wish(person, { ...wanted, startsAt: String(offer?.startsAt.toISOString()) }),
        );
        expect(booked.ok ? 'booked' : booked.refusal).toBe('booked');
      }
      expect(await broken()).toEqual([]);
    }),
    // A race does not shrink: the first schedule that breaks is the one to look at.
    { numRuns: runs, endOnFailure: true },
  );
  if (process.env.SHOW_COUNTS) console.log(Object.fromEntries([...counts].sort()));
  // The schedule did something of everything: a test that only ever refuses proves nothing.
  for (const verb of ['book', 'move', 'freeze', 'swap', 'reserve', 'line', 'start'])
    expect([verb, (counts.get(`${verb}: accepted`) ?? 0) > 0]).toEqual([verb, true]);
  expect(counts.get('book: conflict') ?? 0).toBeGreaterThan(0);
});

test('the oracle can see: a planted overlap, a planted seat and a planted booking inside a freeze are found', async () => {
  await wipe();
  await hall.books('U0ANA', { startsAt: '2026-11-24T08:00:00.000Z', minutes: 30 });
  expect(await broken()).toEqual([]);
  await hall.db.pool.query(`INSERT INTO reservation (workspace, holder, position, service, environment, label, starts_at, ends_at, held)
    SELECT workspace, 'REL-999', 0, service, 'production2', '', starts_at, ends_at, true FROM reservation`);
  await hall.db.pool.query(
    `ALTER TABLE reservation DROP CONSTRAINT reservation_once; UPDATE reservation SET environment = 'production'`,
  );
  expect(await broken()).toEqual([expect.stringMatching(/overlap/)]);
  await hall.db.pool.query(`DELETE FROM reservation WHERE holder = 'REL-999'`);
  await hall.db.pool.query(`UPDATE release_window SET body = jsonb_set(body, '{capacity}', '0')`);
  expect(await broken()).toEqual([expect.stringMatching(/holds 1 of 0/)]);
  await hall.db.pool.query(`UPDATE release_window SET body = jsonb_set(body, '{capacity}', '3')`);
  await hall.db.pool.query(
    `INSERT INTO release_freeze (workspace, key, source, body, skips, lifted, author, declared_at)
    VALUES ($1, 'silent', 'slack', '{"scope":{"services":[]},"recurrence":{"date":"2026-11-24","at":"08:00","minutes":60}}', '{}', false, '', now())`,
    [workspace],
  );
  expect(await broken()).toEqual([expect.stringMatching(/nobody was asked/)]);
});
