import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reserveCommand } from '../../src/commands/booking.ts';
import { call } from '../../src/commands/command.ts';
import { cancelCommand, doneCommand, failCommand, rollbackCommand, startCommand } from '../../src/commands/deploy.ts';
import { moveCommand } from '../../src/commands/move.ts';
import { extendCommand } from '../../src/commands/room.ts';
import type { Outcome } from '../../src/run.ts';
import { expectReplayed } from '../support/replay.ts';
import { openRoomHall, type RoomHall, said } from '../support/room.ts';

let hall: RoomHall;
beforeAll(async () => {
  hall = await openRoomHall();
});
// Nothing of one test is still running in the next.
beforeEach(() => hall.jumps(24 * 60));
afterAll(() => hall?.close());

const slot = async (release: number) => (await hall.room(release)).release;
const extend = (person: string, release: number, minutes: number, from: string | null = null) =>
  hall.does(person, call(extendCommand, { release, minutes, from }));
const from = (at: Date, minutes: number) => new Date(at.getTime() + minutes * 60_000).toISOString();
/** kim books the same service `gap` minutes behind the end of a release. */
const follows = async (release: number, gap: number, change = {}) => {
  const outcome = await hall.books('U0KIM', {
    units: [{ service: 'plain', version: '3' }],
    environment: 'staging',
    startsAt: from((await slot(release)).endsAt, gap),
    minutes: 30,
    ...change,
  });
  expect(said(outcome)).toMatch(/^release.requested/);
  const [event] = outcome.ok ? outcome.events.map(({ body }) => body) : [];
  return event?.type === 'release.requested' ? event.release : 0;
};
const reserves = async (person: string, startsAt: string, services: string[] = ['plain'], environment = 'staging') =>
  hall.does(
    person,
    call(reserveCommand, { environment, services, startsAt, minutes: 30, purpose: 'UAT', channel: null }),
  );

describe('at the end of a slot', () => {
  test('it is said ten minutes before, and the slot grows by 15 minutes while the time is free, up to an hour', async () => {
    const release = await hall.begun('plain');
    const { endsAt } = await slot(release);
    const toEnd = (endsAt.getTime() - hall.clock.now.getTime()) / 60_000;
    await hall.waits(toEnd - 11);
    expect(await hall.events(release, 'slot.ending')).toEqual([]);
    await hall.waits(2);
    expect(await hall.events(release, 'slot.ending')).toEqual([
      { type: 'slot.ending', release, endsAt: endsAt.toISOString(), next: null },
    ]);
    await hall.waits(10);
    expect((await slot(release)).endsAt.toISOString()).toBe(from(endsAt, 15));
    await hall.waits(120);
    expect((await hall.events(release, 'slot.extended')).map((event) => event.endsAt)).toEqual(
      [15, 30, 45, 60].map((minutes) => from(endsAt, minutes)),
    );
    expect(await hall.events(release, 'slot.overrun')).toMatchObject([{ endsAt: from(endsAt, 60), next: null }]);
    expect((await slot(release)).plannedEnd).toEqual(endsAt);
  });

  test('what is over in time neither grows nor warns', async () => {
    const release = await hall.begun('plain');
    await hall.does('U0ANA', call(doneCommand, { release }));
    await hall.waits(180);
    expect(await hall.events(release, 'slot.ending', 'slot.extended', 'slot.overrun')).toEqual([]);
  });

  test('whoever holds what comes next is told, and keeps it', async () => {
    const release = await hall.begun('plain');
    const { endsAt } = await slot(release);
    const next = await follows(release, 10);
    await hall.waits(60);
    const held = { release: next, startsAt: from(endsAt, 10), people: ['U0KIM'] };
    expect(await hall.events(release, 'slot.ending')).toMatchObject([{ next: held }]);
    expect(await hall.events(release, 'slot.overrun')).toMatchObject([{ endsAt: endsAt.toISOString(), next: held }]);
    expect(await hall.events(release, 'slot.extended')).toEqual([]);
    expect((await slot(next)).startsAt.toISOString()).toBe(from(endsAt, 10));
  });

  test('it grows up to whoever comes next, and not into them', async () => {
    const release = await hall.begun('plain');
    const { endsAt } = await slot(release);
    await follows(release, 30);
    await hall.waits(120);
    expect((await slot(release)).endsAt.toISOString()).toBe(from(endsAt, 30));
    expect(await hall.events(release, 'slot.overrun')).toHaveLength(1);
  });

  test('whoever keeps the environment next is told by name, too', async () => {
    const release = await hall.begun('plain');
    const { endsAt } = await slot(release);
    expect(said(await reserves('U0ZOE', from(endsAt, 5)))).toBe('booking.made');
    await hall.waits(60);
    expect(await hall.events(release, 'slot.overrun')).toMatchObject([
      { next: { release: null, label: 'UAT', startsAt: from(endsAt, 5), people: ['U0ZOE'] } },
    ]);
  });

  test('another service is in nobody’s way, but for an environment that takes one at a time', async () => {
    const release = await hall.begun('plain');
    await follows(release, 0, { units: [{ service: 'other', version: '3' }] });
    await hall.waits(50);
    expect(await hall.events(release, 'slot.extended')).toHaveLength(1);
    const alone = await hall.begun('plain', { environment: 'lab' });
    const next = await follows(alone, 5, { units: [{ service: 'other', version: '3' }], environment: 'lab' });
    await hall.waits(60);
    expect(await hall.events(alone, 'slot.overrun')).toMatchObject([{ next: { release: next } }]);
  });

  test('an end that an outage swallowed is told, and not made up for', async () => {
    const release = await hall.begun('plain');
    const { endsAt } = await slot(release);
    await hall.jumps(100);
    expect(await hall.events(release, 'slot.ending', 'slot.extended')).toEqual([]);
    expect(await hall.events(release, 'slot.overrun')).toMatchObject([{ endsAt: endsAt.toISOString(), next: null }]);
    await hall.jumps(60);
    expect(await hall.events(release, 'slot.overrun')).toHaveLength(1);
  });
});

describe('a slot that passes without a start', () => {
  const missed = async (release: number) => hall.events(release, 'release.missed', 'release.expired');

  test('is said once; another time makes it good, and a week without one ends it', async () => {
    const release = await hall.booked('plain');
    const { endsAt } = await slot(release);
    await hall.waits(180);
    await hall.jumps(180);
    expect(await missed(release)).toEqual([{ type: 'release.missed', release, endsAt: endsAt.toISOString() }]);
    expect((await slot(release)).state).toBe('approved');
    const startsAt = from(hall.clock.now, 60);
    const again = await hall.does('U0ANA', call(moveCommand, { release, startsAt, minutes: null, needs: null }));
    expect(said(again)).toMatch(/^release.moved/);
    await hall.waits(180);
    expect(await missed(release)).toHaveLength(2);
    await hall.jumps(7 * 24 * 60);
    expect((await missed(release)).at(-1)).toEqual({ type: 'release.expired', release, missing: [] });
    expect((await slot(release)).state).toBe('expired');
  });

  test('is no news when it was started or called off', async () => {
    const started = await hall.begun('plain');
    const cancelled = await hall.booked('other');
    await hall.does('U0ANA', call(cancelCommand, { release: cancelled, reason: '' }));
    await hall.jumps(8 * 24 * 60);
    expect([...(await missed(started)), ...(await missed(cancelled))]).toEqual([]);
  });
});

describe('more time by hand', () => {
  test('for those who run it, while it runs', async () => {
    const release = await hall.booked('plain');
    expect(said(await extend('U0ANA', release, 30))).toBe('wrong_state');
    await hall.starts(release);
    const { endsAt } = await slot(release);
    expect(said(await extend('U0BEN', release, 30))).toBe('only_runners');
    expect(said(await extend('U0ANA', release, 30))).toBe('slot.extended');
    expect((await slot(release)).endsAt.toISOString()).toBe(from(endsAt, 30));
    await hall.does('U0ANA', call(failCommand, { release, reason: 'broken' }));
    expect(said(await extend('U0ANA', release, 30))).toBe('wrong_state');
  });

  test('not into the time of somebody else, who is named; up to it is fine', async () => {
    const release = await hall.begun('plain');
    const { endsAt } = await slot(release);
    const next = await follows(release, 30);
    expect(await extend('U0ANA', release, 31)).toMatchObject({
      refusal: { code: 'next_holder', next: { release: next, startsAt: from(endsAt, 30) } },
    });
    expect(said(await extend('U0ANA', release, 30))).toBe('slot.extended');
    expect(said(await extend('U0ANA', release, 5))).toBe('next_holder');
    await hall.does('U0KIM', call(cancelCommand, { release: next, reason: '' }));
    expect(said(await extend('U0ANA', release, 5))).toBe('slot.extended');
  });

  test('two clicks on one button are one extension', async () => {
    const release = await hall.begun('plain');
    const { endsAt } = await slot(release);
    const shown = endsAt.toISOString();
    expect(said(await extend('U0ANA', release, 15, shown))).toBe('slot.extended');
    expect(await extend('U0ANA', release, 15, shown)).toMatchObject({
      refusal: { code: 'extended_already', endsAt: from(endsAt, 15) },
    });
    expect((await slot(release)).endsAt.toISOString()).toBe(from(endsAt, 15));
  });

  test('is told of before its own end', async () => {
    const release = await hall.begun('plain');
    await extend('U0ANA', release, 60);
    const { endsAt } = await slot(release);
    await hall.waits((endsAt.getTime() - hall.clock.now.getTime()) / 60_000 - 11);
    expect(await hall.events(release, 'slot.ending')).toEqual([]);
    await hall.waits(2);
    expect(await hall.events(release, 'slot.ending')).toMatchObject([{ endsAt: endsAt.toISOString() }]);
  });

  test('after its end it is time from now on', async () => {
    const release = await hall.begun('plain');
    await hall.jumps(100);
    const next = await hall.books('U0KIM', {
      units: [{ service: 'plain', version: '3' }],
      environment: 'staging',
      startsAt: from(hall.clock.now, 20),
      minutes: 30,
    });
    expect(said(next)).toMatch(/^release.requested/);
    expect(said(await extend('U0ANA', release, 25))).toBe('next_holder');
    expect(said(await extend('U0ANA', release, 15))).toBe('slot.extended');
    expect((await slot(release)).endsAt.toISOString()).toBe(from(hall.clock.now, 15));
  });
});

type Held = { holder: string; service: string | null; environment: string; starts_at: Date; ends_at: Date };

/** Every two that hold the same at the same time, without the help of any constraint. */
function clashes(held: readonly Held[]): string[] {
  return held.flatMap((a, index) =>
    held
      .slice(index + 1)
      .filter(
        (b) =>
          a.environment === b.environment &&
          a.starts_at < b.ends_at &&
          b.starts_at < a.ends_at &&
          (a.service === b.service || a.service === null || b.service === null),
      )
      .map((b) => `${a.holder} and ${b.holder}`),
  );
}

const held = async () => (await hall.db.pool.query<Held>('SELECT * FROM reservation WHERE held')).rows;

/** Releases whose slot is not what they hold. */
const adrift = async () =>
  (
    await hall.db.pool.query<{ number: number }>(
      `SELECT r.number FROM release r WHERE r.state IN ('requested', 'approved', 'deploying', 'paused', 'verifying') AND NOT EXISTS (
         SELECT 1 FROM reservation h WHERE h.holder = 'REL-' || r.number AND h.held AND h.starts_at = r.starts_at AND h.ends_at = r.ends_at)`,
    )
  ).rows;

const service = fc.constantFrom('plain', 'other');
const environment = fc.constantFrom('staging', 'lab');
const quarter = fc.nat(12);
const pick = fc.nat(100);
const wish = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('book' as const),
      service,
      environment,
      quarter,
      minutes: fc.constantFrom(15, 30, 45),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reserve' as const), service, environment, quarter }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), pick, quarter }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end' as const), pick, how: fc.constantFrom(doneCommand, rollbackCommand) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('extend' as const), pick, minutes: fc.constantFrom(15, 30, 60) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('clock' as const), pick }) },
);
type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

/** What follows a running release at once is booked, and then its end comes. */
const overrunning: Wish[] = [
  ...[0, 1, 2].map((quarter): Wish => ({ do: 'book', service: 'plain', environment: 'staging', quarter, minutes: 15 })),
  ...[0, 0, 0].map((first): Wish => ({ do: 'clock', pick: first })),
];

test('schedules of bookings, moves, extensions and overruns at once: two holders never overlap', {
  timeout: 180_000,
}, async () => {
  const counts = new Map<string, number>();
  const runs = Number(process.env.OVERRUN_RUNS ?? 40);
  const numbers = async (states: string) =>
    (
      await hall.db.pool.query<{ number: number }>(
        `SELECT number FROM release WHERE state IN (${states}) AND ends_at > $1 ORDER BY number`,
        [from(hall.clock.now, -600)],
      )
    ).rows.map(({ number }) => number);
  const perform = async (one: Wish, base: Date, running: number[], waiting: number[]): Promise<Outcome> => {
    const of = (list: number[], index: number) => list[index % list.length] as number;
    switch (one.do) {
      case 'book':
        return hall.books('U0ANA', {
          units: [{ service: one.service, version: '1' }],
          environment: one.environment,
          startsAt: from(base, 75 + one.quarter * 15),
          minutes: one.minutes,
        });
      case 'reserve':
        return reserves('U0ZOE', from(base, 75 + one.quarter * 15), [one.service], one.environment);
      case 'move': {
        const release = of(waiting, one.pick);
        return hall.does(
          'U0ANA',
          call(moveCommand, { release, startsAt: from(base, 75 + one.quarter * 15), minutes: null, needs: null }),
        );
      }
      case 'end': {
        const release = of(running, one.pick);
        return hall.does(
          'U0ANA',
          one.how === doneCommand ? call(doneCommand, { release }) : call(rollbackCommand, { release, reason: '' }),
        );
      }
      case 'extend': {
        const release = of(running, one.pick);
        return extend('U0ANA', release, one.minutes);
      }
      case 'clock': {
        const release = of(running, one.pick);
        return hall.fires({ command: 'clock overrun', release });
      }
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(wish, { minLength: 6, maxLength: 16 }), async (wishes) => {
      // A day of its own, on which three run already and end at the same time.
      hall.clock.now = new Date(hall.clock.now.getTime() + 24 * 3_600_000);
      const base = hall.clock.now;
      const running: number[] = [];
      for (const [name, where] of [
        ['plain', 'staging'],
        ['other', 'staging'],
        ['plain', 'lab'],
      ] as const)
        running.push(await hall.booked(name, { environment: where, startsAt: from(base, 15), minutes: 60 }));
      const waiting = [await hall.booked('other', { environment: 'lab', startsAt: from(base, 180), minutes: 30 })];
      hall.clock.now = new Date(base.getTime() + 16 * 60_000);
      for (const release of running)
        expect(said(await hall.does('U0ANA', call(startCommand, { release })))).toMatch(/release.started/);
      // Their end has come.
      hall.clock.now = new Date(base.getTime() + 75 * 60_000 - 1_000);
      const half = Math.floor(wishes.length / 2);
      const work = async (some: readonly Wish[]) => {
        await Promise.all(
          some.map(async (one) => {
            const outcome = await perform(one, base, running, waiting);
            const word =
              outcome === undefined
                ? 'nothing to do'
                : outcome.ok
                  ? (said(outcome).split(' ')[0] as string)
                  : outcome.refusal.code;
            counts.set(`${one.do}: ${word}`, (counts.get(`${one.do}: ${word}`) ?? 0) + 1);
          }),
        );
        expect(clashes(await held())).toEqual([]);
        expect(await adrift()).toEqual([]);
      };
      await work(wishes.slice(0, half));
      hall.clock.now = new Date(base.getTime() + 75 * 60_000);
      await work(wishes.slice(half));
      // Nothing of this day is held on the next.
      await hall.db.pool.query('DELETE FROM timer');
      for (const release of await numbers(`'deploying'`))
        await hall.does('U0ANA', call(failCommand, { release, reason: 'over' }));
    }),
    { numRuns: runs, endOnFailure: true, examples: [[overrunning]] },
  );
  if (process.env.SHOW_COUNTS) console.log(Object.fromEntries([...counts].sort()));
  // A schedule that only refuses, or only accepts, proves nothing.
  for (const word of [
    'extend: slot.extended',
    'extend: next_holder',
    'clock: slot.extended',
    'clock: slot.overrun',
    'book: conflict',
    'reserve: booking.made',
    'move: release.moved',
  ])
    expect([word, (counts.get(word) ?? 0) > 0]).toEqual([word, true]);
});

test('the eye for clashes sees a planted one', () => {
  const one: Held = {
    holder: 'REL-1',
    service: 'plain',
    environment: 'lab',
    starts_at: new Date(0),
    ends_at: new Date(10),
  };
  const two = { ...one, holder: 'ENV-2', starts_at: new Date(9), ends_at: new Date(20) };
  expect(clashes([one, two])).toEqual(['REL-1 and ENV-2']);
  expect(clashes([one, { ...two, service: null }])).toHaveLength(1);
  expect(clashes([one, { ...two, service: 'other' }])).toEqual([]);
  expect(clashes([one, { ...two, starts_at: new Date(10) }])).toEqual([]);
});

test('whatever happened here, replaying the log gives the same tables', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(100);
});
