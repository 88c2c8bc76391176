import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { timerCall } from '../../src/commands/clock.ts';
import { run } from '../../src/run.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, uat: {} }
teams: { pay: { name: Pay, members: [U0ANA] }, find: { name: Find, members: [U0BEN] } }
services: { payments: { team: pay, environments: [production, uat], tags: [pci] }, search: { team: find, environments: [production, uat] } }
policies: [{ name: free, when: {}, gates: [] }]
`;

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());
beforeEach(() => {
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
});

const says = (person: string, line: string) => hall.says(person, line);
const one = async <T>(sql: string): Promise<T> => (await hall.db.pool.query(sql)).rows[0] as T;

test('windows are set, edited for one day, closed for one day and dropped, by release managers', async () => {
  const line =
    'window set "Production days" mon-fri 09:00-17:00 Europe/Berlin env:production cap:2 notice:1h max:2h for:pay';
  expect(await says('U0ANA', line)).toBe('only_managers');
  expect(await says('U0RAE', line)).toBe('window.set');
  const { body } = await one<{ body: unknown }>('SELECT body FROM release_window');
  expect(body).toMatchObject({
    key: 'production-days',
    zone: 'Europe/Berlin',
    capacity: 2,
    noticeMinutes: 60,
    maxMinutes: 120,
    bookers: ['pay'],
    recurrence: { at: '09:00', minutes: 480, rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' },
  });
  expect(await says('U0ANA', 'book payments@1 tue 10:00 for 30m --yes')).toBe('release.requested release.approved');
  expect(await says('U0ANA', 'book payments@1 tue 11:00 for 30m --yes')).toBe('release.requested release.approved');
  expect(await says('U0ANA', 'book payments@1 tue 12:00 for 30m --yes')).toBe('conflict');
  expect(await says('U0BEN', 'book search@1 wed 10:00 for 30m --yes')).toBe('conflict');
  expect(
    await says('U0RAE', 'window set "Production days" mon-fri 09:00-17:00 Europe/Berlin env:production cap:1'),
  ).toBe('seats_taken');
  expect(await says('U0RAE', 'window change production-days 2026-11-24 cap:1')).toBe('seats_taken');
  expect(await says('U0RAE', 'window change production-days 2026-11-26 13:00-15:00 cap:1')).toBe('window.changed');
  expect(await says('U0ANA', 'book payments@1 thu 10:00 for 30m --yes')).toBe('conflict');
  expect(await says('U0ANA', 'book payments@1 thu 13:00 for 30m --yes')).toBe('release.requested release.approved');
  expect(await says('U0RAE', 'window close production-days 2026-11-27')).toBe('window.changed');
  expect(await says('U0ANA', 'book payments@1 fri 10:00 for 30m --yes')).toBe('conflict');
  expect(await says('U0RAE', 'window close production-days 2026-11-28')).toBe('no_occurrence');
  expect(await says('U0RAE', 'window close nowhere 2026-11-27')).toBe('unknown_window');
  expect(await says('U0RAE', 'window drop production-days')).toBe('window.dropped');
  expect(await says('U0ANA', 'book payments@1 fri 22:00 for 30m --yes')).toBe('release.requested release.approved');
  for (const wrong of [
    'window set mon-fri 09:00-17:00',
    'window set "X" sometimes 09:00-17:00',
    'window set "X" mon-fri',
    'window set "X" mon-fri 09:00-17:00 colour:red',
    'window set "X" mon-fri 09:00-17:00 cap:none',
    'window close production-days',
    'window paint',
  ])
    expect([wrong, await says('U0RAE', wrong)]).toEqual([wrong, expect.stringMatching(/^usage /)]);
});

test('teams freeze their own services, managers anything; recurring, lifted for a day, and announced a day ahead', async () => {
  expect(await says('U0ANA', 'freeze add "All" thu 10:00 to thu 12:00')).toBe('only_managers');
  expect(await says('U0ANA', 'freeze add "Search" thu 10:00 to thu 12:00 svc:search')).toBe('only_managers');
  expect(
    await says(
      'U0ANA',
      'freeze add "Vendor away" thu 10:00 to thu 12:00 svc:payments --warn message:"Card vendor is down"',
    ),
  ).toBe('freeze.added');
  expect(await says('U0ANA', 'freeze add "Vendor away" fri 10:00 to fri 12:00 svc:payments')).toBe('freeze_exists');
  expect(
    await says('U0RAE', 'freeze add "Weekend" fri 15:00 to mon 06:00 repeats:weekly env:production exempt:emergency'),
  ).toBe('freeze.added');
  const { body } = await one<{ body: unknown }>(`SELECT body FROM release_freeze WHERE key = 'weekend'`);
  expect(body).toMatchObject({
    recurrence: { date: '2026-11-27', at: '15:00', minutes: 63 * 60, rule: 'FREQ=WEEKLY' },
    exempt: ['emergency'],
  });
  expect(await says('U0BEN', 'book search@1 sat 10:00 for 30m --yes')).toBe('conflict');
  expect(await says('U0BEN', 'book search@1 sat 10:00 for 30m type:emergency --yes')).toBe(
    'release.requested release.approved room.opened',
  );
  expect(await says('U0BEN', 'book search@1 sat 10:00 for 30m env:uat --yes')).toBe(
    'release.requested release.approved',
  );
  expect(await says('U0RAE', 'freeze lift weekend 2026-12-04 we need it')).toBe('freeze.lifted');
  expect(await says('U0RAE', 'freeze lift weekend 2026-12-03')).toBe('no_occurrence');
  expect(await says('U0BEN', 'book search@2 12 dec 10:00 for 30m --yes')).toBe('conflict');
  expect(await says('U0BEN', 'book search@2 5 dec 10:00 for 30m --yes')).toBe('release.requested release.approved');
  // A day before it begins it is announced, then again a week later; a lifted occurrence is skipped.
  const announce = async () => {
    const { due_at } = await one<{ due_at: Date }>(`SELECT due_at FROM timer WHERE key = 'freeze:weekend'`);
    hall.clock.now = new Date(due_at.getTime() + 1_000);
    const { command, input } = timerCall({ command: 'clock freeze', freeze: 'weekend' }, due_at);
    const outcome = await run(hall.ctx, command, input, {
      workspace,
      actor: { kind: 'clock' },
      id: `announce ${due_at.toISOString()}`,
    });
    const event = outcome.ok ? outcome.events[0]?.body : undefined;
    return [due_at.toISOString(), event?.type === 'freeze.near' ? event.date : undefined];
  };
  expect(await announce()).toEqual(['2026-11-26T14:00:00.000Z', '2026-11-27']);
  expect(await announce()).toEqual(['2026-12-10T14:00:00.000Z', '2026-12-11']);
  expect(await says('U0RAE', 'freeze lift weekend')).toBe('freeze.lifted');
  expect(await says('U0RAE', 'freeze lift weekend')).toBe('unknown_freeze');
  for (const wrong of [
    'freeze add "X" thu 10:00',
    'freeze add thu 10:00 to thu 12:00',
    'freeze add "X" thu 10:00 to thu 12:00 repeats:often',
    'freeze add "X" thu 10:00 to thu 12:00 exempt:big',
    'freeze add "X" thu to fri',
    'freeze lift',
    'freeze lift weekend 31 dec finance agreed',
    'freeze lift weekend tomorrow',
    'freeze melt',
  ])
    expect([wrong, await says('U0RAE', wrong)]).toEqual([wrong, expect.stringMatching(/^usage /)]);
});

test('a running incident is frozen from now on, and ranges give a length', async () => {
  expect(await says('U0RAE', 'freeze add "Incident" now for 3h svc:search')).toBe('freeze.added');
  const { body } = await one<{ body: { recurrence: unknown } }>(
    `SELECT body FROM release_freeze WHERE key = 'incident'`,
  );
  expect(body.recurrence).toEqual({ date: '2026-11-23', at: '09:00', minutes: 180, rule: null });
  expect(await says('U0BEN', 'book search@3 today 10:00 for 30m --yes')).toBe('conflict');
  expect(await says('U0RAE', 'freeze lift incident')).toBe('freeze.lifted');
  expect(await says('U0ANA', 'book payments@3 fri 16:00-17:30 env:uat --yes')).toMatch(/release.requested/);
  const range = await one<{ minutes: number }>(
    `SELECT extract(epoch FROM ends_at - starts_at)::int / 60 AS minutes FROM release ORDER BY number DESC LIMIT 1`,
  );
  expect(range.minutes).toBe(90);
  for (const wrong of [
    'book payments@3 fri 18:00 lead:@sam',
    'slots payments for 0m',
    'calendar 2026-13-45',
    'window set "X" mon-fri 18:00-17:00',
    'window set "X" mon-fri 09:00-17:00 min:2h max:1h',
  ])
    expect([wrong, await says('U0RAE', wrong)]).toEqual([wrong, expect.stringMatching(/^usage /)]);
});

test('a release waits for the ones it needs, and says so at its start', async () => {
  expect(await says('U0ANA', 'book payments@7 tue 20:00 for 30m env:uat --yes')).toMatch(/release.requested/);
  const { number } = await one<{ number: number }>('SELECT max(number) AS number FROM release');
  expect(await says('U0BEN', `book search@7 tue 20:15 for 30m env:uat needs:REL-${number} --yes`)).toBe('conflict');
  expect(await says('U0BEN', `book search@7 tue 20:30 for 30m env:uat needs:REL-${number} --yes`)).toMatch(
    /release.requested/,
  );
  expect(await says('U0BEN', 'book search@8 tue 22:00 for 30m env:uat needs:REL-9999 --yes')).toBe('unknown_needs');
  const dependant = (await one<{ number: number }>('SELECT max(number) AS number FROM release')).number;
  hall.clock.now = new Date('2026-11-24T19:31:00Z');
  expect(await says('U0BEN', `start REL-${dependant}`)).toBe('cannot_start');
  expect(await says('U0BEN', `move REL-${dependant} needs:REL-${dependant}`)).toBe('depends_on_itself');
  hall.clock.now = new Date('2026-11-24T19:15:00Z');
  expect(await says('U0ANA', `start REL-${number}`)).toBe('room.opened release.started role.taken');
  expect(await says('U0ANA', `done REL-${number}`)).toBe('release.done');
  hall.clock.now = new Date('2026-11-24T19:31:00Z');
  expect(await says('U0BEN', `start REL-${dependant}`)).toBe('room.opened release.started role.taken');
});

test('undo takes back a booking, a move with its votes, a cancellation and a reservation, for a minute, once', async () => {
  expect(await says('U0KIM', 'book payments@9 wed 20:00 for 30m env:uat --yes')).toMatch(/release.requested/);
  const { number } = await one<{ number: number }>('SELECT max(number) AS number FROM release');
  expect(await says('U0KIM', `move REL-${number} wed 21:00 --yes`)).toBe('release.moved');
  expect(await says('U0KIM', 'undo')).toBe('release.moved');
  const back = await one<{ starts_at: Date; state: string }>(
    `SELECT starts_at, state FROM release WHERE number = ${number}`,
  );
  expect([back.starts_at.toISOString(), back.state]).toEqual(['2026-11-25T19:00:00.000Z', 'approved']);
  expect(await says('U0KIM', 'undo')).toBe('nothing_to_undo');
  expect(await says('U0KIM', `cancel REL-${number}`)).toBe('release.cancelled');
  expect(await says('U0KIM', 'undo')).toBe('release.reinstated');
  expect(
    await one(
      `SELECT state, (SELECT count(*)::int FROM reservation WHERE holder = 'REL-${number}' AND held) AS held FROM release WHERE number = ${number}`,
    ),
  ).toEqual({ state: 'approved', held: 1 });
  expect(await says('U0KIM', `cancel REL-${number}`)).toBe('release.cancelled');
  hall.clock.now = new Date('2026-11-23T08:01:01Z');
  expect(await says('U0KIM', 'undo')).toBe('nothing_to_undo');
  expect(await says('U0KIM', 'reserve uat thu 20:00 for 2h "Rehearsal" --yes')).toBe('booking.made');
  expect(await says('U0KIM', 'undo')).toBe('booking.ended');
  expect(await says('U0KIM', 'undo')).toBe('nothing_to_undo');
  expect(await says('U0ANA', 'undo')).toBe('nothing_to_undo');
});
