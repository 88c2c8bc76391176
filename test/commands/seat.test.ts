import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { swapCommand } from '../../src/commands/swap.ts';
import { nextFor } from '../../src/slack/offer.ts';
import { listReleases } from '../../src/store/read.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

const catalog = `
zone: America/New_York
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {}, uat: {} }
teams: { one: { name: One, members: [U0ANA, U0SAM] } }
groups: { sre: { name: SRE, members: [U0BEN, U0LEE] }, product: { name: Product, members: [U0KIM] } }
services:
  a: { team: one, environments: [production, staging, uat] }
  b: { team: one, environments: [production, staging, uat] }
  c: { team: one, environments: [production, staging, uat] }
policies:
  - name: production
    when: { environment: [production] }
    gates: [{ name: SRE, who: "group:sre", needed: 1, covers: [content, time] }, { name: Product, who: "group:product", needed: 1 }]
  - { name: staging, when: { environment: [staging] }, gates: [{ name: SRE, who: "group:sre", needed: 1 }] }
  - { name: uat, when: {}, gates: [] }
windows:
  uat-days: { scope: { environments: [uat] }, repeats: daily, from: "06:00", to: "22:00", zone: Europe/Berlin }
trains:
  single: { name: Single, environment: staging, repeats: wed, at: "14:00", minutes: 60, cutoff_minutes: 60, capacity: 1, zone: Europe/Berlin }
`;

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());
beforeEach(() => {
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
});

const rows = async <T>(sql: string): Promise<T[]> => (await hall.db.pool.query(sql)).rows as T[];
const last = async () => (await rows<{ number: number }>('SELECT max(number) AS number FROM release'))[0]?.number ?? 0;

test('a train of one place takes one passenger, also after an undo or another change of whom it has', async () => {
  expect(await hall.says('U0ANA', 'board a@1 single env:staging --yes')).toBe('release.requested');
  const first = await last();
  expect(await hall.says('U0SAM', 'board b@1 single env:staging --yes')).toBe('conflict');
  expect(await hall.says('U0ANA', `cancel REL-${first}`)).toBe('release.cancelled');
  expect(await hall.says('U0ANA', 'undo')).toBe('release.reinstated');
  expect(await hall.says('U0ANA', 'book c@0 fri 10:00 env:uat --yes')).toMatch(/release.requested/);
  expect(await hall.says('U0ANA', `move REL-${first} needs:REL-${await last()}`)).toBe('conflict');
  expect(await hall.says('U0ANA', 'book c@0 tue 10:00 env:uat --yes')).toMatch(/release.requested/);
  expect(await hall.says('U0ANA', `move REL-${first} needs:REL-${await last()}`)).toBe('release.moved');
  expect(await hall.says('U0SAM', 'board b@1 single env:staging --yes')).toBe('conflict');
  expect(await rows(`SELECT holder, seat, capacity FROM seat WHERE window_key = 'train:single' AND held`)).toEqual([
    { holder: `REL-${first}`, seat: 1, capacity: 1 },
  ]);
  // Left behind at the cut-off, it gets back aboard by no other change.
  hall.clock.now = new Date('2026-11-25T12:00:01Z');
  const closed = await hall.fires({ command: 'clock train', train: 'single' }, new Date('2026-11-25T12:00:00Z'));
  expect(closed.ok && closed.events.map((event) => event.body.type)).toEqual(['train.closed', 'release.left_behind']);
  expect(await hall.says('U0ANA', `move REL-${first} needs:none`)).toBe('release.moved');
  const [now] = await rows<{ train: string | null }>(`SELECT train FROM release WHERE number = ${first}`);
  expect(now?.train).toBeNull();
  expect((await rows(`SELECT 1 FROM seat WHERE window_key = 'train:single' AND held`)).length).toBe(0);
});

test('a capacity counts what was booked before there was one', async () => {
  for (const hour of ['10:00', '11:00', '12:00'])
    expect(await hall.says('U0ANA', `book a@2 2026-12-01 ${hour} for 30m env:uat --yes`)).toMatch(/release.requested/);
  expect(await hall.says('U0RAE', 'window set "uat days" daily 06:00-22:00 Europe/Berlin env:uat cap:2')).toBe(
    'seats_taken',
  );
  expect(await hall.says('U0RAE', 'window set "uat days" daily 06:00-22:00 Europe/Berlin env:uat cap:3')).toBe(
    'window.set',
  );
  expect(await hall.says('U0ANA', 'book a@2 2026-12-01 13:00 for 30m env:uat --yes')).toBe('conflict');
  expect(await hall.says('U0ANA', 'book a@2 2026-12-02 13:00 for 30m env:uat --yes')).toMatch(/release.requested/);
  // Closing the day tells whom it leaves outside.
  expect(await hall.says('U0RAE', 'window close uat-days 2026-12-02')).toBe('window.changed');
  const [event] = await rows<{ body: { outside: unknown } }>(
    `SELECT body FROM event WHERE type = 'window.changed' ORDER BY seq DESC LIMIT 1`,
  );
  expect(event?.body.outside).toEqual([{ release: await last(), owner: 'U0ANA' }]);
  expect(await rows(`SELECT 1 FROM outbox WHERE surface LIKE 'tell:%:U0ANA'`)).toHaveLength(1);
});

test('two who wait for different hours of one window are offered two seats', async () => {
  for (const hour of ['10:00', '11:00', '12:00'])
    expect(await hall.says('U0ANA', `book b@3 2026-12-03 ${hour} for 30m env:uat --yes`)).toMatch(/release.requested/);
  expect(await hall.says('U0SAM', 'line a@3 2026-12-03 15:00 for 30m env:uat')).toBe('line.joined');
  expect(await hall.says('U0BEN', 'line a@4 2026-12-03 17:00 for 30m env:uat')).toBe('line.joined');
  const number = await last();
  for (const one of [number, number - 1])
    expect(await hall.says('U0ANA', `cancel REL-${one}`)).toBe('release.cancelled');
  const offered = await hall.fires({ command: 'clock line' });
  expect(offered.ok && offered.events.map((event) => event.body.type)).toEqual(['line.offered', 'line.offered']);
  const seats = await rows<{ seat: number }>(`SELECT seat FROM seat WHERE date = '2026-12-03' AND held ORDER BY seat`);
  expect(new Set(seats.map((one) => one.seat)).size).toBe(3);
});

test('whoever waits and is never offered lapses when the time has come', async () => {
  const [entry] = await rows<{ due_at: Date; body: Record<string, unknown> }>(
    `SELECT due_at, body FROM timer WHERE key LIKE 'lapse:%' ORDER BY due_at LIMIT 1`,
  );
  expect(entry?.body.command).toBe('clock lapse');
  expect(await hall.says('U0KIM', 'line b@9 2026-12-03 10:00 for 30m env:uat')).toBe('line.joined');
  const [timer] = await rows<{ due_at: Date; body: Record<string, unknown> }>(
    `SELECT due_at, body FROM timer WHERE key LIKE 'lapse:%' ORDER BY due_at DESC LIMIT 1`,
  );
  expect(timer?.due_at.toISOString()).toBe('2026-12-03T09:00:00.000Z');
  hall.clock.now = new Date('2026-12-03T09:00:01Z');
  const lapsed = await hall.fires(timer?.body ?? {});
  expect(lapsed.ok && lapsed.events[0]?.body.type).toBe('line.lapsed');
});

test('an evening series in New York asks for every date once', async () => {
  expect(await hall.says('U0ANA', 'book c@5 2026-11-24 20:00 America/New_York for 30m env:staging --yes')).toMatch(
    /release.requested/,
  );
  expect(await hall.says('U0ANA', `repeat REL-${await last()} daily until 2026-11-29`)).toBe('series.set');
  const [series] = await rows<{ id: string }>('SELECT id FROM series');
  const dates: unknown[] = [];
  for (let turn = 0; turn < 10; turn++) {
    const ran = await hall.fires({ command: 'clock series', series: series?.id });
    const event = ran.ok ? ran.events.find((one) => one.body.type === 'series.ran')?.body : undefined;
    if (event?.type === 'series.ran') dates.push(event.date);
    hall.clock.now = new Date(hall.clock.now.getTime() + 1_000);
  }
  expect(dates).toEqual(['2026-11-25', '2026-11-26', '2026-11-27', '2026-11-28', '2026-11-29']);
  expect(await hall.says('U0ANA', `repeat REL-${await last()} off`)).toBe('series.stopped');
});

test('nobody lifts a freeze from a release of their own, and a team does not lift what a manager declared', async () => {
  expect(await hall.says('U0ANA', 'book a@6 tue 23:00 for 30m env:staging --yes')).toMatch(/release.requested/);
  expect(await hall.says('U0RAE', 'freeze add "Audit" tue 20:00 to wed 06:00 svc:a env:staging')).toBe('freeze.added');
  expect(await hall.says('U0SAM', 'freeze lift audit')).toBe('only_managers');
  expect(await hall.says('U0ANA', 'freeze lift audit')).toBe('only_managers');
  expect(await hall.says('U0ANA', 'freeze add "Ours" tue 20:00 to wed 06:00 svc:a')).toBe('freeze.added');
  expect(await hall.says('U0ANA', 'freeze lift ours')).toBe('own_freeze');
  expect(await hall.says('U0RAE', 'freeze lift ours')).toBe('freeze.lifted');
  expect(await hall.says('U0ANA', 'freeze add "Ours" tue 20:00 to wed 06:00 svc:a')).toBe('freeze.added');
  expect(
    (await rows<{ key: string }>(`SELECT key FROM release_freeze WHERE key LIKE 'ours%' ORDER BY key`)).map(
      (row) => row.key,
    ),
  ).toEqual(['ours', 'ours-2']);
  expect(await hall.says('U0RAE', 'freeze add "Typo" tue 20:00 to wed 06:00 svc:aa')).toBe('unknown_scope');
  expect(await hall.says('U0RAE', 'window set "Typo" mon-fri 09:00-17:00 env:prod')).toBe('unknown_scope');
});

test('a move is not taken back over a decision that was made since, and reopened gates are asked again', async () => {
  expect(await hall.says('U0ANA', 'book b@7 2026-12-08 15:00 for 30m --yes')).toBe('release.requested');
  const number = await last();
  await hall.votes('U0BEN', number);
  await hall.votes('U0KIM', number);
  const waiting = async (person: string) =>
    (
      await listReleases(hall.db, workspace, {
        filter: { kind: 'needs-me' },
        now: hall.clock.now,
        person,
        zone: 'UTC',
        today: '2026-11-23',
        take: 50,
        skip: 0,
      })
    ).releases.map((one) => one.number);
  expect(await waiting('U0BEN')).not.toContain(number);
  expect(await hall.says('U0ANA', `move REL-${number} 2026-12-09 15:00 --yes`)).toBe('release.moved');
  expect(await waiting('U0BEN')).toContain(number);
  expect(await waiting('U0KIM')).not.toContain(number);
  expect(await rows(`SELECT 1 FROM outbox WHERE surface = 'ask:REL-${number}:U0BEN:2'`)).toHaveLength(1);
  hall.clock.now = new Date('2026-11-23T08:00:20Z');
  const vote = await hall.votes('U0LEE', number, {
    revision: 2,
    choice: 'block',
    comment: 'not that day',
    unblock: 'any other day',
  });
  expect(vote.ok).toBe(true);
  expect(await hall.says('U0ANA', 'undo')).toBe('cannot_undo');
});

test('a swap is of the times that were shown, keeps what waits for what, and its refusal offers times of one’s own', async () => {
  expect(await hall.says('U0ANA', 'book a@8 2026-12-10 10:00 for 30m --yes')).toBe('release.requested');
  const first = await last();
  expect(await hall.says('U0SAM', `book b@8 2026-12-10 12:00 for 30m needs:REL-${first} --yes`)).toBe(
    'release.requested',
  );
  const second = await last();
  expect(await hall.says('U0ANA', `swap REL-${first} REL-${second}`)).toBe('conflict');
  const refused = await hall.does('U0ANA', call(swapCommand, { release: first, other: second }));
  const next = refused.ok
    ? undefined
    : await nextFor(
        hall.ctx,
        { workspace, person: 'U0ANA' },
        refused.refusal,
        call(swapCommand, { release: first, other: second }),
      );
  expect(next?.offers.length).toBeGreaterThan(0);
  expect(await hall.says('U0SAM', `move REL-${second} needs:none`)).toBe('release.moved');
  expect(await hall.says('U0ANA', `swap REL-${first} REL-${second}`)).toBe('swap.proposed');
  const [swap] = await rows<{ id: string }>(`SELECT id FROM swap WHERE state = 'proposed'`);
  expect(await hall.says('U0ANA', `move REL-${first} 2026-12-13 02:00 --yes`)).toBe('release.moved');
  const { answerSwapCommand } = await import('../../src/commands/swap.ts');
  const answered = await hall.does('U0SAM', call(answerSwapCommand, { swap: swap?.id ?? '', accept: true }));
  expect(answered.ok ? 'accepted' : answered.refusal.code).toBe('swap_over');
  const declined = await hall.does('U0SAM', call(answerSwapCommand, { swap: swap?.id ?? '', accept: false }));
  expect(declined.ok && declined.events[0]?.body).toMatchObject({ type: 'swap.declined', lapsed: false });
  const strangers = await hall.does('U0KIM', call(answerSwapCommand, { swap: swap?.id ?? '', accept: true }));
  expect(strangers.ok).toBe(false);
  expect(await hall.says('U0ANA', `move REL-${first} for 3h`)).toBe('release.moved');
});
