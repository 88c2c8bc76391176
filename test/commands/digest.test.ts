import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digest } from '../../blocks/digest.ts';
import { checkBlocks } from '../../sandbox/server/blocks.ts';
import { timerCall } from '../../src/commands/clock.ts';
import { call } from '../../src/commands/command.ts';
import { doneCommand, rollbackCommand } from '../../src/commands/deploy.ts';
import { subscribeCommand, unsubscribeCommand } from '../../src/commands/digest.ts';
import { SubscribeInput } from '../../src/domain/digest.ts';
import { tick } from '../../src/jobs/clock.ts';
import { run } from '../../src/run.ts';
import { freshenDigests, loadDigestProps } from '../../src/store/follow.ts';
import { seal } from '../../src/store/log.ts';
import { claimDueTimers } from '../../src/store/timer.ts';
import { anyPlan, edit, look, type Model, newModel, type Plan, random, zones } from '../support/digest-model.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';

let hall: Hall;
beforeAll(async () => {
  hall = await openHall();
});
afterAll(() => hall?.close());

test('200 channels in 12 zones over a month with two changes of the clocks: each has exactly its digests', {
  timeout: 400_000,
}, async () => {
  const pick = random(Number(process.env.SEED ?? 28));
  const plan = () => anyPlan(pick);
  const says = (channel: string, wanted: Plan) =>
    hall.does(
      'U0ANA',
      call(subscribeCommand, SubscribeInput.parse({ channel, ...wanted, quiet: pick(10) === 0 ? 'silent' : 'post' })),
    );
  const models = new Map<string, Model>();
  hall.clock.now = new Date('2027-03-01T00:00:00Z');
  for (let number = 0; number < 200; number++) {
    const channel = `C0N${number}`;
    const model = newModel();
    const wanted = { ...plan(), zone: zones[number % zones.length] as string };
    await says(channel, wanted);
    edit(model, wanted, hall.clock.now);
    models.set(channel, model);
  }

  const quarter = 15 * 60_000;
  const end = Date.parse('2027-04-01T00:00:00Z');
  let edits = 0;
  let silentUntil = 0;
  let doubles = 0;
  for (let at = Date.parse('2027-03-01T00:15:00Z'); at < end; at += quarter) {
    hall.clock.now = new Date(at);
    // Nobody runs for a while: five hours, and once a day and a half.
    if (pick(700) === 0) silentUntil = at + (pick(3) === 0 ? 36 : 5) * 3_600_000;
    if (at < silentUntil) continue;
    const { rows } = await hall.db.pool.query<{ key: string; body: unknown; due_at: Date }>(
      'SELECT key, body, due_at FROM timer WHERE due_at <= $1',
      [hall.clock.now],
    );
    if (rows.length > 0) {
      // One replica dies with timers in its hands, two others fire the same ones at the same moment.
      if (pick(10) === 0) {
        await claimDueTimers(hall.db, hall.clock.now, 5, 1);
        // Its lease ends before anybody else looks: what is looked for later is later on the calendar's clock, too.
        await sleep(5);
      }
      const again = rows.slice(0, 3).map(async ({ key, body, due_at }) => {
        const { command, input } = timerCall(body, due_at);
        doubles++;
        await run(hall.ctx, command, input, {
          workspace,
          actor: { kind: 'clock' },
          id: `timer:${key}:${due_at.toISOString()}`,
        });
      });
      for (let left = 1; left > 0; ) {
        const done = await Promise.all([tick(hall.ctx), tick(hall.ctx), tick(hall.ctx)]);
        left = done.reduce((sum, count) => sum + count, 0);
      }
      await Promise.all(again);
    }
    for (const model of models.values()) look(model, hall.clock.now);
    if (pick(12) === 0) {
      edits++;
      const [channel, model] = [...models][pick(200)] as [string, Model];
      const wanted = model.plan && pick(6) === 0 ? undefined : plan();
      await (wanted ? says(channel, wanted) : hall.does('U0ANA', call(unsubscribeCommand, { channel, kind: 'daily' })));
      edit(model, wanted, hall.clock.now);
    }
    // The clock of the machine is set back, twice in the month.
    if (at === Date.parse('2027-03-09T10:00:00Z') || at === Date.parse('2027-03-23T00:30:00Z')) at -= 3 * 3_600_000;
  }

  const { rows: runs } = await hall.db.pool.query<{ channel: string; dates: string[] }>(
    `SELECT body ->> 'channel' AS channel, array_agg(body ->> 'date' ORDER BY seq) AS dates FROM event
     WHERE type = 'digest.posted' OR (type = 'digest.silent' AND body ->> 'why' = 'nothing_new') GROUP BY 1`,
  );
  const found = Object.fromEntries(runs.map(({ channel, dates }) => [channel, dates]));
  for (const [channel, { sent }] of models) expect([channel, found[channel] ?? []]).toEqual([channel, sent]);
  const { rows: outbox } = await hall.db.pool.query<{ all: number; keys: number; posted: number }>(
    `SELECT count(*)::int AS all, count(DISTINCT surface)::int AS keys,
       (SELECT count(*)::int FROM digest_run WHERE posted) AS posted FROM outbox WHERE surface LIKE 'digest:%'`,
  );
  expect(outbox[0]).toEqual({ all: outbox[0]?.posted, keys: outbox[0]?.posted, posted: outbox[0]?.posted });
  expect(outbox[0]?.posted).toBeGreaterThan(2_000);
  expect([edits > 100, doubles > 1_000]).toEqual([true, true]);
  const { rows: missed } = await hall.db.pool.query("SELECT 1 FROM event WHERE type = 'digest.missed' LIMIT 1");
  expect(missed).toHaveLength(1);
  expect(await expectReplayed(hall)).toBeGreaterThan(2_500);
});

test('says what it takes, and what it does not', async () => {
  hall.clock.now = new Date('2027-04-05T06:00:00Z');
  const says = (line: string) => hall.says('U0ANA', line);
  expect(await says('digest here 09:30 Europe/Berlin mon-fri svc:payments team:search')).toBe('digest.subscribed');
  const { rows } = await hall.db.pool.query("SELECT * FROM digest WHERE channel = 'C0RELEASES' AND kind = 'daily'");
  expect(rows[0]).toMatchObject({
    at: '09:30',
    zone: 'Europe/Berlin',
    days: [1, 2, 3, 4, 5],
    scope: { services: ['payments'], teams: ['search'], tags: [], environments: [] },
    by: 'U0ANA',
  });
  expect(await says('digest here 09:30 svc:paymnts')).toBe('unknown_scope');
  expect(await says('digest here 9:30 hide:errors,next quiet:post')).toBe('digest.subscribed');
  expect(await says('digest here 9:30 hide:everything')).toBe('usage bad_option');
  expect(await says('digest here 9:30 quiet:loud')).toBe('usage bad_option');
  expect(await says('digest here noon')).toBe('usage unexpected');
  expect(await says('digest here 09:30 colour:red')).toBe('usage unexpected');
  expect(await says('digest weekly here mon 09:00')).toBe('digest.subscribed');
  expect(await says('digest monthly here 09:00')).toBe('digest.subscribed');
  expect(await says('digest me 08:45')).toBe('digest.subscribed');
  const { rows: kinds } = await hall.db.pool.query(
    "SELECT channel, kind, days FROM digest WHERE channel IN ('C0RELEASES', 'U0ANA') ORDER BY channel, kind",
  );
  expect(kinds).toEqual([
    { channel: 'C0RELEASES', kind: 'daily', days: [1, 2, 3, 4, 5] },
    { channel: 'C0RELEASES', kind: 'monthly', days: [1, 2, 3, 4, 5] },
    { channel: 'C0RELEASES', kind: 'weekly', days: [1] },
    { channel: 'U0ANA', kind: 'daily', days: [1, 2, 3, 4, 5] },
  ]);
  expect(await says('digest weekly off')).toBe('digest.unsubscribed');
  expect(await says('digest weekly off')).toBe('digest_off');
  expect(await says('digest preview')).toBe('answer');
  // Somebody else's own digest is nobody's business.
  const other = call(subscribeCommand, SubscribeInput.parse({ channel: 'U0BEN', at: '09:00', zone: null, days: [1] }));
  const refused = await hall.does('U0ANA', other);
  expect(refused.ok ? 'accepted' : refused.refusal.code).toBe('not_yours');
  expect(await hall.says('U0GUEST1', 'digest here 09:30')).toBe('is_guest');
});

test('a digest of today is looked at again once in ten minutes, and only when something happened that it tells', async () => {
  const at = (time: string) => {
    hall.clock.now = new Date(`2027-04-06T${time}Z`);
    return hall.clock.now;
  };
  at('05:00:00');
  for (const channel of ['C0ONE', 'C0TWO'])
    await hall.does(
      'U0ANA',
      call(
        subscribeCommand,
        SubscribeInput.parse({ channel, at: '09:30', zone: 'Europe/Berlin', days: [2], quiet: 'post' }),
      ),
    );
  at('07:30:00');
  while ((await tick(hall.ctx)) > 0);
  // As a projector would leave it.
  const keys = ['digest:C0ONE:2027-04-06', 'digest:C0TWO:2027-04-06'];
  for (const key of keys)
    await hall.db.pool.query("INSERT INTO surface (workspace, key, channel, ts) VALUES ($1, $2, 'C', '1')", [
      workspace,
      key,
    ]);
  await hall.db.pool.query("DELETE FROM outbox WHERE surface LIKE 'digest:%'");
  const looks = async (time: string) => {
    while ((await seal(hall.db, workspace)) > 0);
    at(time);
    const marked = await Promise.all([1, 2, 3].map(() => freshenDigests(hall.db, hall.clock.now)));
    return marked.reduce((sum, count) => sum + count, 0);
  };
  // Not within ten minutes; then once each, whatever happened.
  expect(await looks('07:35:00')).toBe(0);
  expect(await looks('07:40:00')).toBe(2);
  expect(await looks('07:50:00')).toBe(0);
  const booked = await hall.books('U0ANA', { startsAt: '2027-04-06T12:00:00.000Z' });
  expect(booked.ok).toBe(true);
  // Each was just looked at: the window is over at eight.
  expect(await looks('07:55:00')).toBe(0);
  expect(await looks('08:00:00')).toBe(2);
  expect(await looks('08:10:00')).toBe(0);
  // What no digest tells marks none.
  expect(await hall.says('U0ANA', 'subscribe svc:search')).toBe('subscription.added');
  expect(await looks('08:20:00')).toBe(0);
  // Its day is over at midnight of its zone.
  await hall.books('U0RAJ', { units: [{ service: 'search', version: '5.2' }], startsAt: '2027-04-06T13:00:00.000Z' });
  hall.clock.now = new Date('2027-04-06T22:00:01Z');
  expect(await freshenDigests(hall.db, hall.clock.now)).toBe(0);
  const { rows } = await hall.db.pool.query('SELECT surface FROM outbox WHERE surface = ANY ($1)', [keys]);
  expect(rows).toHaveLength(4);
});

test('on a quiet day it is silent, on the next with news it speaks; muted it says nothing', async () => {
  const day = async (date: string) => {
    hall.clock.now = new Date(`${date}T08:00:00Z`);
    while ((await tick(hall.ctx)) > 0);
    const { rows } = await hall.db.pool.query(
      "SELECT type, body ->> 'why' AS why FROM event WHERE body ->> 'channel' = 'C0QUIET' AND body ->> 'date' = $1",
      [date],
    );
    return rows.map(({ type, why }) => (why ? `${type} ${why}` : type));
  };
  hall.clock.now = new Date('2027-05-02T08:00:00Z');
  const plan = {
    channel: 'C0QUIET',
    at: '09:00',
    zone: 'UTC',
    days: [1, 2, 3, 4, 5, 6, 7],
    scope: { services: ['web'] },
  };
  await hall.does('U0ANA', call(subscribeCommand, SubscribeInput.parse({ ...plan, at: '07:00' })));
  expect(await day('2027-05-03')).toEqual(['digest.silent nothing_new']);
  // A week ahead, still to be decided: said once, and not again.
  await hall.books('U0SAM', { units: [{ service: 'web', version: '88' }], startsAt: '2027-05-10T12:00:00.000Z' });
  expect(await day('2027-05-04')).toEqual(['digest.posted']);
  expect(await day('2027-05-05')).toEqual(['digest.silent nothing_new']);
  // What is about something else is no news here.
  await hall.books('U0ANA', { startsAt: '2027-05-06T12:00:00.000Z' });
  expect(await day('2027-05-06')).toEqual(['digest.silent nothing_new']);
  // It comes into the next days: news.
  expect(await day('2027-05-07')).toEqual(['digest.posted']);
  expect(await hall.says('U0ANA', 'freeze add "Spring clean" 2027-05-20 00:00 to 2027-05-21 00:00 svc:web --yes')).toBe(
    'only_managers',
  );
  expect(await hall.says('U0RAE', 'freeze add "Spring clean" 2027-05-20 00:00 to 2027-05-21 00:00 svc:web --yes')).toBe(
    'freeze.added',
  );
  expect(await day('2027-05-08')).toEqual(['digest.posted']);
  await hall.db.pool.query("INSERT INTO subscriber (workspace, target, muted) VALUES ($1, 'C0QUIET', true)", [
    workspace,
  ]);
  expect(await day('2027-05-10')).toEqual(['digest.missed', 'digest.silent muted'].slice(1));
});

test('a week in one message: how it ended, what shipped, what is ahead; a personal one holds what is one’s own', async () => {
  const now = new Date('2027-06-14T07:00:00Z');
  hall.clock.now = new Date('2027-06-08T08:00:00Z');
  const book = (person: string, service: string, startsAt: string) =>
    hall.books(person, { units: [{ service, version: '9' }], environment: 'staging', startsAt });
  for (const [person, service, day] of [
    ['U0ANA', 'payments', 9],
    ['U0ANA', 'ledger', 9],
    ['U0SAM', 'web', 10],
    ['U0BEN', 'gateway', 17],
  ] as const)
    expect((await book(person, service, `2027-06-${String(day).padStart(2, '0')}T12:00:00.000Z`)).ok).toBe(true);
  const numbers = async (service: string) =>
    (await hall.db.pool.query('SELECT max(release) AS number FROM release_unit WHERE service = $1', [service])).rows[0]
      .number;
  hall.clock.now = new Date('2027-06-09T12:01:00Z');
  for (const service of ['payments', 'ledger'] as const) {
    const number = await numbers(service);
    expect(await hall.says('U0ANA', `start REL-${number}`)).toContain('release.started');
    await hall.does(
      'U0ANA',
      service === 'payments'
        ? call(doneCommand, { release: number })
        : call(rollbackCommand, { release: number, reason: 'totals <!channel> are off' }),
    );
  }
  await hall.says('U0SAM', `cancel REL-${await numbers('web')} not this week`);

  const about = { now, plan: undefined } as const;
  const weekly = await loadDigestProps(hall.db, workspace, { ...about, channel: 'C0EXEC', kind: 'weekly' });
  expect(weekly.props.ended).toEqual({ done: 1, rolled_back: 1, cancelled: 1 });
  const view = digest(weekly.props);
  const text = JSON.stringify(view.blocks);
  expect(view.text).toBe('Releases – week of 7 Jun. 1 done, 1 rolled back, 1 cancelled.');
  expect(text).toContain('*Not as planned (1)*');
  expect(text).toContain('totals &lt;!channel&gt; are off');
  expect(text).toContain('*Shipped (1)*');
  expect(checkBlocks(view.blocks, 'message')).toEqual([]);
  // The month before had none of them; the month after has all.
  const month = async (at: string) =>
    (await loadDigestProps(hall.db, workspace, { ...about, now: new Date(at), channel: 'C0EXEC', kind: 'monthly' }))
      .props;
  expect((await month('2027-06-14T07:00:00Z')).ended).not.toHaveProperty('done');
  expect((await month('2027-07-01T07:00:00Z')).ended).toMatchObject({ done: 1, rolled_back: 1 });
  expect(digest(await month('2027-07-01T07:00:00Z')).text).toMatch(/^Releases – June 2027\./);

  // Ana's own: of her team, or asked for by her; what waits is what waits for her word.
  const own = async (person: string) => {
    const asked = { ...about, now: new Date('2027-06-10T07:00:00Z'), channel: person, kind: 'daily' } as const;
    return (await loadDigestProps(hall.db, workspace, asked)).props;
  };
  const names = (props: Awaited<ReturnType<typeof own>>) =>
    props.yesterday.map((release) => release.units[0]?.service).sort();
  expect(names(await own('U0ANA'))).toEqual(['ledger', 'payments']);
  expect(names(await own('U0RAJ'))).toEqual(['ledger', 'payments']);
  expect(names(await own('U0SAM'))).toEqual([]);
  hall.clock.now = new Date('2027-06-10T07:00:00Z');
  await hall.books('U0SAM', { units: [{ service: 'search', version: '6' }], startsAt: '2027-06-11T12:00:00.000Z' });
  expect((await own('U0BEN')).waiting.map((release) => release.units[0]?.service)).toContain('search');
  expect((await own('U0SAM')).waiting).toEqual([]);
  expect((await own('U0SAM')).next.map((release) => release.units[0]?.service)).toEqual(['search']);
});
