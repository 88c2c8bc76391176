import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { doneCommand, startCommand } from '../../src/commands/deploy.ts';
import { homeCommand } from '../../src/commands/home.ts';
import { reportIncidentCommand } from '../../src/commands/incident.ts';
import { prefsCommand } from '../../src/commands/prefs.ts';
import type { HomeInput } from '../../src/domain/home.ts';
import { questionAbout } from '../../src/domain/incident.ts';
import { parseSurfaceKey, surfaceKey } from '../../src/domain/surface.ts';
import type { Outcome } from '../../src/run.ts';
import { composeDigest } from '../../src/slack/follow.ts';
import { readerOf } from '../../src/store/calendar.ts';
import { freshenHomes, loadFrame, loadQueues, loadTab, openHome } from '../../src/store/home.ts';
import { loadIncident } from '../../src/store/incident.ts';
import { seal } from '../../src/store/log.ts';
import { neededBy } from '../../src/store/read.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';

/*
 * What App Home rests on: choices that are kept, whose view is out of date, and what each view lists.
 */
const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {} }
teams: { payments: { name: Payments, members: [U0ANA, U0RAJ] } }
groups: { sre: { name: SRE, usergroup: S0SRE } }
services:
  payments: { team: payments, environments: [production, staging] }
  ledger: { team: payments, environments: [production, staging] }
policies:
  - { name: light, when: { type: [standard] }, gates: [] }
  - { name: production, when: {}, gates: [{ name: SRE, who: "group:sre", needed: 1 }] }
`;

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());
const monday = new Date('2026-11-23T08:00:00Z');
beforeEach(() => {
  hall.clock.now = monday;
});

const said = (outcome: Outcome) =>
  outcome.ok ? outcome.events.map((event) => event.body.type).join(' ') || 'nothing' : outcome.refusal.code;
const arranges = async (person: string, wish: HomeInput) => said(await hall.does(person, call(homeCommand, wish)));
const prefsOf = async (person: string) =>
  (await hall.db.pool.query('SELECT body FROM preference WHERE person = $1', [person])).rows[0]?.body;
const books = async (startsAt: string, version: string, change = {}) => {
  const outcome = await hall.books('U0ANA', { units: [{ service: 'payments', version }], startsAt, ...change });
  const [event] = outcome.ok ? outcome.events : [];
  if (event?.body.type !== 'release.requested') throw new Error(said(outcome));
  return event.body.release;
};
const about = (person: string) => ({ person, now: hall.clock.now, zone: 'Europe/Berlin' });

test('a choice is kept once, beside what else somebody set, and only release managers choose to manage', async () => {
  expect(await arranges('U0BEN', { tab: 'manage' })).toBe('only_managers');
  expect(await arranges('U0GUESTGIL', { tab: 'work' })).toBe('is_guest');
  expect(await arranges('U0BEN', { tab: 'approvals' })).toBe('prefs.set');
  expect(await arranges('U0BEN', { tab: 'approvals' })).toBe('nothing');
  expect(await arranges('U0RAE', { tab: 'manage' })).toBe('prefs.set');
  expect(said(await hall.does('U0BEN', call(prefsCommand, { prefs: { dm: 'needed' } })))).toBe('prefs.set');
  expect(await prefsOf('U0BEN')).toMatchObject({
    dm: 'needed',
    home: { tab: 'approvals', hidden: false, saved: true },
  });
  expect(await arranges('U0BEN', { hidden: true })).toBe('prefs.set');
  expect(await prefsOf('U0BEN')).toMatchObject({ dm: 'needed', home: { tab: 'approvals', hidden: true, saved: true } });
  const over = call(prefsCommand, { prefs: { snoozeUntil: '2026-11-22T08:00:00.000Z' } });
  expect(said(await hall.does('U0BEN', over))).toBe('in_the_past');
});

test('a delegate who has left does not stop anybody from turning a page', async () => {
  const delegate = { to: 'U0LEE', from: '2026-11-23T08:00:00.000Z', until: '2026-11-27T08:00:00.000Z' };
  expect(said(await hall.does('U0SAM', call(prefsCommand, { prefs: { delegate } })))).toBe('prefs.set');
  await hall.db.pool.query(
    `UPDATE preference SET body = jsonb_set(body, '{delegate,to}', '"U0TOM"') WHERE person = 'U0SAM'`,
  );
  expect(await arranges('U0SAM', { tab: 'approvals' })).toBe('prefs.set');
  await hall.does('U0SAM', call(prefsCommand, { prefs: { delegate: null } }));
});

test('only whom it concerns is shown something new', async () => {
  const people = ['U0ANA', 'U0BEN', 'U0RAE', 'U0SAM'];
  while ((await seal(hall.db, workspace)) > 0);
  for (const person of people) await openHome(hall.db, workspace, surfaceKey({ kind: 'home', person }), hall.clock.now);
  const stale = async () => {
    while ((await seal(hall.db, workspace)) > 0);
    await hall.db.pool.query('DELETE FROM outbox');
    const count =
      (await freshenHomes(hall.db, hall.clock.now, 'others')) +
      (await freshenHomes(hall.db, hall.clock.now, 'with a role'));
    const { rows } = await hall.db.pool.query<{ surface: string }>('SELECT surface FROM outbox ORDER BY surface');
    expect(rows).toHaveLength(count);
    return rows.map((row) => row.surface.replace('home:', ''));
  };
  expect(await stale()).toEqual([]);
  await books('2026-11-24T13:00:00.000Z', '1.0.0');
  // Sam neither asked for it nor is asked.
  expect(await stale()).toEqual(['U0ANA', 'U0BEN', 'U0RAE']);
  expect(await stale()).toEqual([]);
  await arranges('U0SAM', { tab: 'work' });
  expect(await stale()).toEqual(['U0RAE', 'U0SAM']);
  // Whoever has not looked for half a day is left alone.
  await hall.db.pool.query("UPDATE surface SET looked_at = looked_at - interval '13 hours' WHERE key = 'home:U0RAE'");
  await books('2026-11-24T15:00:00.000Z', '1.1.0');
  expect(await stale()).toEqual(['U0ANA', 'U0BEN']);
});

test('what waits longest is first, whenever it begins; queues say how many and since when', async () => {
  const before = await neededBy(readerOf(hall.db), workspace, 'U0LEE', hall.clock.now);
  const early = await books('2026-11-27T13:00:00.000Z', '2.0.0');
  hall.clock.now = new Date('2026-11-23T10:00:00Z');
  const late = await books('2026-11-24T09:00:00.000Z', '2.1.0');
  const needed = await neededBy(readerOf(hall.db), workspace, 'U0LEE', hall.clock.now);
  expect(needed).toEqual([...before, early, late]);
  const { queues, inLine } = await loadQueues(hall.db, workspace);
  expect(queues).toMatchObject([{ gate: 'SRE', n: needed.length, since: monday }]);
  expect(inLine).toBe(0);
  const frame = await loadFrame(hall.db, workspace, about('U0LEE'));
  const view = await loadTab(hall.db, workspace, 'approvals', { ...about('U0LEE'), frame, onCall: [] });
  expect(view.tab === 'approvals' && view.waiting.map((one) => one.number)).toEqual(needed);
});

test('release managers are shown what hangs: blocked, stuck for a day, and nothing twice', async () => {
  const [blocked, stuck] = [
    await books('2026-11-26T09:00:00.000Z', '3.0.0'),
    await books('2026-11-26T11:00:00.000Z', '3.1.0'),
  ];
  await hall.votes('U0BEN', blocked, { choice: 'block', comment: 'no', unblock: 'yes' });
  hall.clock.now = new Date('2026-11-24T09:00:00Z');
  const frame = await loadFrame(hall.db, workspace, about('U0RAE'));
  const view = await loadTab(hall.db, workspace, 'manage', { ...about('U0RAE'), frame, onCall: [] });
  if (view.tab !== 'manage') throw new Error(view.tab);
  expect(view.blocked).toMatchObject({ first: [{ number: blocked }], total: 1 });
  const { rows } = await hall.db.pool.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM release WHERE state = 'requested' AND requested_at < '2026-11-23T09:00:00Z'",
  );
  expect(view.stuck.total).toBe((rows[0]?.n ?? 0) - 1);
  expect(view.stuck.first).toHaveLength(3);
  expect(view.stuck.first.map((one) => one.number)).not.toContain(blocked);
  expect(stuck).toBeGreaterThan(blocked);
  expect(view.wait).toBeUndefined();
  await hall.votes('U0LEE', stuck);
  const after = await loadTab(hall.db, workspace, 'manage', { ...about('U0RAE'), frame, onCall: [] });
  // Asked on Monday at 08:00 UTC, decided on Tuesday at 09:00: 25 hours.
  expect(after.tab === 'manage' && after.wait).toEqual({ n: 1, p50: 1_500, p90: 1_500 });
});

test('an incident that nobody has explained is asked about once more, a day later, and then no more', async () => {
  const slow = { key: 'INC:9', note: 'payments are slow', link: '', services: [] };
  expect(said(await hall.does('U0ANA', call(reportIncidentCommand, slow)))).toBe('incident.reported');
  const { rows } = await hall.db.pool.query<{ due_at: Date; body: Record<string, unknown> }>(
    "SELECT due_at, body FROM timer WHERE body ->> 'command' = 'clock incident'",
  );
  expect(rows).toMatchObject([{ due_at: new Date('2026-11-24T08:00:00Z'), body: { incident: 'INC:9' } }]);
  const fires = async () => said(await hall.fires(rows[0]?.body ?? {}));
  hall.clock.now = new Date('2026-11-24T08:00:00Z');
  expect(await fires()).toBe('incident.reminded');
  expect(await hall.says('U0ANA', 'incident INC-10 ledger is slow')).toBe('incident.reported');
  const facts = await loadIncident(readerOf(hall.db), { workspace, now: hall.clock.now }, 'INC:9');
  expect(questionAbout('INC:9', facts, hall.clock.now)).toMatchObject({ ok: true, reported: { person: 'U0ANA' } });
  await hall.db.pool.query("UPDATE reported_incident SET state = 'none' WHERE key = 'INC:9'");
  expect(await fires()).toBe('nothing');
  await hall.db.pool.query("UPDATE reported_incident SET state = 'open' WHERE key = 'INC:9'");
});

test('a surface of an incident is told by its name, whatever it is called', () => {
  for (const incident of ['INC-77', 'a:b', '100 %', 'größer: 5', ''])
    expect(parseSurfaceKey(surfaceKey({ kind: 'incident', incident }))).toEqual({ kind: 'incident', incident });
});

test("a person's own digest has the numbers of their teams, and of nobody else's", async () => {
  for (let day = 23; day < 29; day++) {
    hall.clock.now = new Date(`2026-11-${day}T05:00:00Z`);
    const startsAt = `2026-11-${day}T06:00:00.000Z`;
    const release = await books(startsAt, `4.${day}.0`, { changeType: 'standard', rollbackPlan: 'back' });
    hall.clock.now = new Date(`2026-11-${day}T06:01:00Z`);
    await hall.does('U0ANA', call(startCommand, { release }));
    hall.clock.now = new Date(`2026-11-${day}T06:31:00Z`);
    await hall.does('U0ANA', call(doneCommand, { release }));
  }
  hall.clock.now = new Date('2026-11-30T07:00:00Z');
  const own = async (channel: string) =>
    (await composeDigest(hall.ctx, workspace, { channel, kind: 'daily', plan: undefined })).props.numbers?.mrkdwn;
  expect(await own('U0ANA')).toMatch(/^\*Payments\* 📈 change lead time.* _\(30 d\)_$/);
  expect(await own('U0KIM')).toBeUndefined();
  expect(await own('C0RELEASES')).toMatch(/^📈 /);
});

test('everything above is in the log', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(20);
});
