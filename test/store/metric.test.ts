import { cpSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeCommand } from '../../src/commands/change.ts';
import { type Call, call } from '../../src/commands/command.ts';
import { doneCommand, rollbackCommand, startCommand, verifyCommand } from '../../src/commands/deploy.ts';
import { incidentCommand } from '../../src/commands/incident.ts';
import { pirCommand } from '../../src/commands/pir.ts';
import {
  bottleneckOf,
  type Measured,
  type MetricKey,
  type Period,
  periodBefore,
  type StageKey,
  stageKeys,
} from '../../src/domain/metric.ts';
import type { ReviewInput } from '../../src/domain/pir.ts';
import { type Db, openDb } from '../../src/store/db.ts';
import { listWaiters, loadMeasurements, type MetricAsk, type MetricScope } from '../../src/store/metric.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openHall } from '../support/hall.ts';
import { newDatabase } from '../support/house.ts';
import { expectReplayed } from '../support/replay.ts';

/*
 * Ten thousand releases made up from a seed, and every metric reckoned a second time, in plain JavaScript, release by
 * release, from the definitions.
 */
const workspace = 'T0METRIC';
const now = new Date('2026-11-23T08:00:00Z');
const october: Period = { from: new Date('2026-10-01T00:00Z'), to: new Date('2026-11-01T00:00Z') };
const november: Period = { from: new Date('2026-11-01T00:00Z'), to: new Date('2026-12-01T00:00Z') };
const teams = ['red', 'green', 'blue'];
const serviceKeys = Array.from({ length: 12 }, (_, index) => `s${index}`);
const teamOf = (service: string) => teams[Number(service.slice(1)) % 3] as string;

type Time = number | null;
type Made = {
  number: number;
  state: string;
  environment: string;
  type: string;
  services: string[];
  items: number;
  words: number;
  requested: number;
  firstVote: Time;
  approved: Time;
  starts: number;
  ends: number;
  started: Time;
  deployed: Time;
  failedAt: Time;
  finished: Time;
  ended: Time;
  restored: Time;
  reviewed: Time;
  outcome: string | null;
  isHeld: boolean;
  revision: number;
  gates: { name: string; asked: number; met: Time }[];
  votes: { gate: string; voter: string; revision: number; choice: string; at: number }[];
  incidents: { key: string; at: number; closed: Time }[];
  band: string | null;
  isOverridden: boolean;
  isExcepted: boolean;
};

let db: Db;
let made: Made[];
let errors: { key: string; services: string[]; at: number; fixed: Time }[];
let unbooked: { service: string; version: string; environment: string; at: number }[];
let reported: { key: string; services: string[]; state: string; at: number }[];
beforeAll(async () => {
  const url = await newDatabase();
  await migrate(url);
  db = openDb({ url, onError: () => undefined });
  const random = seeded(20261123);
  made = Array.from({ length: 10_000 }, (_, index) => makeRelease(index + 1, random));
  // Some have a slot that is open at this moment, and may still be used.
  for (const one of made.filter(({ state, isHeld }) => state === 'approved' && isHeld).slice(0, 20)) {
    one.starts = now.getTime() - 10 * 60_000;
    one.ends = now.getTime() + 20 * 60_000;
  }
  errors = Array.from({ length: 200 }, (_, index) => {
    const at = october.from.getTime() + random() * 60 * day;
    const fixed = random() < 0.6 ? at + random() * 30 * day : null;
    return { key: `KE-${index}`, services: some(serviceKeys, 1 + Math.floor(random() * 2), random), at, fixed };
  });
  const when = () => october.from.getTime() + random() * 53 * day;
  unbooked = Array.from({ length: 300 }, (_, index) => ({
    service: some(serviceKeys, 1, random)[0] as string,
    version: `0.${index}`,
    environment: random() < 0.8 ? 'production' : 'staging',
    at: when(),
  }));
  reported = Array.from({ length: 120 }, (_, index) => ({
    key: `R-${index}`,
    services: some(serviceKeys, Math.floor(random() * 3), random),
    state: ['open', 'none', 'linked'][index % 3] as string,
    at: when(),
  }));
  await insertAll();
});
afterAll(() => db?.close());

const scopes: readonly (MetricScope & { environment: string | null })[] = [
  { kind: 'all', environment: null },
  { kind: 'all', environment: 'production' },
  { kind: 'team', key: 'green', environment: null },
  { kind: 'service', key: 's7', environment: 'production' },
  { kind: 'services', key: ['s1', 's7', 's11'], environment: null },
];

test.each(scopes)('ten thousand releases, as $kind $key in $environment: both reckonings agree', async (one) => {
  const [late, early] = await loadMeasurements(db, askOf(one), [november, october]);
  for (const [found, period] of [
    [late, november],
    [early, october],
  ] as const) {
    const expected = reckon(one, period);
    // A reckoning of nothing would agree with anything.
    expect(expected.n.deployed).toBeGreaterThan(100);
    for (const [key, parts] of Object.entries(expected.parts)) {
      const measured = found?.measures[key as MetricKey].map(({ part, measured }) => [part, plain(measured)]);
      expect([key, Object.fromEntries(measured ?? [])]).toEqual([key, near(parts)]);
    }
    expect(near(found?.stages.map(({ stage, totalMinutes }) => [stage, totalMinutes]))).toEqual(near(expected.totals));
  }
});

test('who waited longest in a stage, longest first, and how many waited', async () => {
  const all = { kind: 'all', environment: null } as const;
  for (const stage of ['vote', 'slot', 'review'] as const) {
    const waited = inPeriod(all, october)
      .map((release) => ({
        release: release.number,
        services: release.services,
        minutes: stagesOf(release)[stage] ?? 0,
      }))
      .filter(({ minutes }) => minutes > 0)
      .sort((a, b) => b.minutes - a.minutes || a.release - b.release);
    expect(waited.length).toBeGreaterThan(100);
    const found = await listWaiters(db, { ...askOf(all), period: october, stage, take: 5 });
    expect(near(found)).toEqual(near({ total: waited.length, waiters: waited.slice(0, 5) }));
  }
});

test('a time in which nothing happened says so, and is not zero', async () => {
  const empty = { from: new Date('2020-01-01T00:00Z'), to: new Date('2020-02-01T00:00Z') };
  const [found] = await loadMeasurements(db, askOf({ kind: 'all', environment: null }), [empty]);
  const kinds = Object.entries(found?.measures ?? {}).map(([key, parts]) => [
    key,
    [...new Set(parts.map((one) => one.measured.kind))],
  ]);
  expect(Object.fromEntries(kinds)).toMatchObject({
    deployment_frequency: ['frequency'],
    change_fail_rate: ['unknown'],
    change_lead_time: ['unknown'],
    stage_time: ['unknown'],
    approval_wait: [],
    slot_use: ['unknown'],
    known_errors: ['count'],
    adoption: ['unknown'],
  });
});

test('another workspace sees nothing of it', async () => {
  const ask = { ...askOf({ kind: 'all', environment: null }), workspace: 'T0OTHER' };
  const [found] = await loadMeasurements(db, ask, [october]);
  expect(found?.measures.deployment_frequency[0]?.measured).toMatchObject({ n: 0 });
  expect(found?.measures.known_errors[0]?.measured).toEqual({ kind: 'count', n: 0 });
  expect((await listWaiters(db, { ...ask, period: october, stage: 'slot', take: 3 })).total).toBe(0);
});

test('what is said after a time of its releases changes its failures, never their number', async () => {
  const all = { kind: 'all', environment: null } as const;
  const count = async () => {
    const [found] = await loadMeasurements(db, askOf(all), [october]);
    return found?.measures.change_fail_rate[0]?.measured as { events: number; n: number };
  };
  const before = await count();
  const clean = inPeriod(all, october).find((one) => !isFailed(one)) as Made;
  const link = (key: string) =>
    db.pool.query(
      `INSERT INTO incident (workspace, release, key, note, person, at) VALUES ($1, $2, $3, '', 'U0ANA', $4)`,
      [workspace, clean.number, key, now],
    );
  await link('late-1');
  await link('late-2');
  expect(await count()).toMatchObject({ events: before.events + 1, n: before.n });
  await db.pool.query(`DELETE FROM incident WHERE workspace = $1 AND key LIKE 'late-%'`, [workspace]);
});

test('lives told through the product, and worked by hand', async () => {
  const hall = await openHall();
  const at = (text: string) => {
    hall.clock.now = new Date(`2026-11-${text}:00Z`);
  };
  const does = async (person: string, what: Call) => {
    const outcome = await hall.does(person, what);
    expect(outcome).toMatchObject({ ok: true });
  };
  const ships = async (release: number, started: string, deployed: string, ended: string) => {
    at(started);
    await does('U0ANA', call(startCommand, { release }));
    at(deployed);
    await does('U0ANA', call(verifyCommand, { release }));
    at(ended);
    await does('U0ANA', call(doneCommand, { release }));
  };
  // One: asked at 8, voted on at 9 and 10, slot at 13:00, started 13:10, deployed 13:30, done 13:40; reviewed a day later.
  at('23T08:00');
  await hall.books('U0ANA', { startsAt: '2026-11-23T13:00:00.000Z' });
  at('23T09:00');
  await hall.votes('U0BEN', 1);
  at('23T10:00');
  await hall.votes('U0KIM', 1);
  await ships(1, '23T13:10', '23T13:30', '23T13:40');
  // Two: a standard change with one gate, approved after ten seconds; an incident at 15:00 that is over at 15:45.
  at('23T14:00');
  await hall.books('U0ANA', { startsAt: '2026-11-23T14:30:00.000Z', changeType: 'standard' });
  hall.clock.now = new Date('2026-11-23T14:00:10Z');
  await hall.votes('U0RAJ', 2);
  await ships(2, '23T14:30', '23T14:50', '23T14:50');
  at('23T15:00');
  await does('U0BEN', call(incidentCommand, { release: 2, key: 'INC-1', note: '', close: false }));
  await does('U0BEN', call(incidentCommand, { release: 2, key: 'INC-2', note: '', close: false }));
  at('23T15:45');
  await does('U0BEN', call(incidentCommand, { release: 2, key: 'INC-1', note: '', close: true }));
  await does('U0BEN', call(incidentCommand, { release: 2, key: 'INC-2', note: '', close: true }));
  // Three: done on Monday, rolled back on Tuesday. It stays a deployment of Monday, and failed.
  at('23T16:00');
  await hall.books('U0ANA', { startsAt: '2026-11-23T16:30:00.000Z', changeType: 'standard' });
  at('23T16:05');
  await hall.votes('U0RAJ', 3);
  await ships(3, '23T16:30', '23T16:50', '23T17:00');
  at('24T09:00');
  await does('U0ANA', call(rollbackCommand, { release: 3, reason: 'wrong totals' }));
  // Four: nobody votes, and its slot begins.
  at('24T10:00');
  await hall.books('U0ANA', { startsAt: '2026-11-24T12:00:00.000Z' });
  at('24T12:00');
  await hall.fires({ command: 'clock expire', release: 4 });
  at('24T13:40');
  await does('U0ANA', call(pirCommand, { ...review, release: 1 }));
  // Five: approved, then changed, so that its gates are asked again: it is not approved now.
  await hall.books('U0ANA', { startsAt: '2026-11-25T12:00:00.000Z', changeType: 'standard' });
  await hall.votes('U0RAJ', 5);
  at('24T14:00');
  await does('U0ANA', call(changeCommand, { release: 5, revision: null, change: { summary: 'Something else' } }));
  const { rows } = await hall.db.pool.query(
    `SELECT number, state, approved_at, deployed_at, finished_at, failed_at FROM release ORDER BY number`,
  );
  const moments = (...times: (string | null)[]) =>
    times.map((time) => (time === null ? null : new Date(`2026-11-${time}Z`)));
  expect(rows.map(({ number, state, ...times }) => [number, state, ...Object.values(times)])).toEqual([
    [1, 'done', ...moments('23T10:00:00', '23T13:30:00', '23T13:40:00', null)],
    [2, 'done', ...moments('23T14:00:10', '23T14:50:00', '23T14:50:00', null)],
    [3, 'rolled_back', ...moments('23T16:05:00', '23T16:50:00', '23T17:00:00', '24T09:00:00')],
    [4, 'expired', ...moments(null, null, null, null)],
    [5, 'requested', ...moments(null, null, null, null)],
  ]);
  const ask = {
    ...askOf({ kind: 'team', key: 'payments', environment: 'production' }),
    workspace: hall.workspace,
    now: hall.clock.now,
  };
  const period = { from: new Date('2026-11-23T00:00Z'), to: new Date('2026-11-30T00:00Z') };
  const [found] = await loadMeasurements(hall.db, ask, [period]);
  const parts = (key: MetricKey) => found?.measures[key].map(({ part, measured }) => [part, measured]);
  const values = (key: MetricKey, field: string) =>
    found?.measures[key].map(({ measured }) => (measured as never)[field]);
  expect(parts('deployment_frequency')).toMatchObject([['', { n: 3, perWeek: 3 }]]);
  expect(parts('change_fail_rate')).toMatchObject([['', { events: 2, n: 3 }]]);
  // Only the first did not fail: from 8:00 to 13:30.
  expect(parts('change_lead_time')).toMatchObject([['', { n: 1, unknown: 0, median: 330 }]]);
  // 15:00 to 15:45; whether the rollback is complete, nobody said.
  expect(parts('recovery_time')).toMatchObject([['', { n: 1, unknown: 1, median: 45 }]]);
  expect(parts('rework_rate')).toMatchObject([['', { events: 0, n: 3 }]]);
  expect(parts('without_approval')?.[0]).toMatchObject(['', { events: 0, n: 3 }]);
  expect(parts('expiry_rate')).toMatchObject([['', { events: 1, n: 4 }]]);
  expect(parts('approval_wait')).toMatchObject([
    ['Peer', { n: 2 }],
    ['Product', { n: 1, median: 120 }],
    ['SRE', { n: 1, median: 60 }],
  ]);
  expect(parts('rubber_stamps')).toMatchObject([['', { events: 1, n: 4 }]]);
  // 310, 30 and 30 minutes.
  expect(values('queue_time', 'median')).toEqual([30]);
  // 30 of 340, 20 of 50, 30 of 60.
  expect(values('flow_efficiency', 'median')).toEqual([0.4]);
  // Four slots were held when they began; one was not used.
  expect(parts('slot_use')).toMatchObject([['', { events: 3, n: 4 }]]);
  const totals = Object.fromEntries(found?.stages.map(({ stage, totalMinutes }) => [stage, totalMinutes]) ?? []);
  const expected = {
    vote: 60 + 1 / 6 + 5,
    approval: 60,
    slot: 180 + 30 - 1 / 6 + 25,
    start: 10,
    deploy: 20 + 20 + 20,
    verify: 10 + 10,
    review: 24 * 60,
  };
  expect(near(totals)).toEqual(near(expected));
  expect(bottleneckOf(found?.stages ?? [])).toMatchObject({ stage: 'slot' });
  await expectReplayed(hall);
  await hall.close();
});

const review: Omit<ReviewInput, 'release'> = {
  outcome: 'as_planned',
  text: '',
  detectedBy: '',
  impactMinutes: null,
  helped: '',
  hindered: '',
  again: '',
  actions: [],
};

test('releases of before get their moments from the log', async () => {
  const migrations = new URL('../../prisma/migrations/', import.meta.url).pathname;
  const own = '20261123090000_metric';
  const earlier = mkdtempSync(join(tmpdir(), 'maitred-migrations-'));
  for (const name of readdirSync(migrations).filter((one) => /^\d/.test(one) && one < own))
    cpSync(join(migrations, name), join(earlier, name), { recursive: true });
  const url = await newDatabase();
  await migrate(url, earlier);
  const pool = new pg.Pool({ connectionString: url });
  await pool.query(`INSERT INTO release (workspace, number, state, requester, lead, environment, change_type, policy, summary, rollback_plan,
      starts_at, ends_at, channel, revision, requested_at, changed_at)
    SELECT 'T1', n, state, 'U1', 'U1', 'production', 'normal', 'p', '', '', '2026-11-01T10:00Z', '2026-11-01T11:00Z', 'C1', 1, now(), now()
    FROM (VALUES (1, 'rolled_back'), (2, 'requested'), (3, 'requested')) AS x(n, state)`);
  const log = [
    [1, 'vote.cast', '01'],
    [1, 'release.approved', '02'],
    [1, 'vote.cast', '03'],
    [1, 'release.approved', '04'],
    [1, 'release.verifying', '05'],
    [1, 'release.done', '06'],
    [1, 'release.failed', '07'],
    [1, 'release.rolled_back', '08'],
    [2, 'vote.cast', '01'],
    [2, 'release.approved', '02'],
  ] as const;
  for (const [release, type, hourOf] of log)
    await pool.query(
      `INSERT INTO event (id, workspace, type, at, actor, command, release, body) VALUES ($1, 'T1', $2, $3, '{}', '', $4, '{}')`,
      [`${release}-${type}-${hourOf}`, type, `2026-11-01T${hourOf}:00Z`, release],
    );
  expect(await migrate(url)).toContain(own);
  const { rows } = await pool.query(
    'SELECT first_vote_at, approved_at, deployed_at, failed_at, finished_at FROM release ORDER BY number',
  );
  await pool.end();
  const at = (hourOf: string | null) => (hourOf === null ? null : new Date(`2026-11-01T${hourOf}:00Z`));
  expect(rows.map((row) => Object.values(row))).toEqual([
    ['01', '04', '05', '07', '06'].map(at),
    // Its verdict was undone by a change.
    ['01', null, null, null, null].map(at),
    [null, null, null, null, null].map(at),
  ]);
});

const day = 24 * 3_600_000;
const hour = 3_600_000;

function askOf(one: MetricScope & { environment: string | null }): MetricAsk {
  return { workspace, scope: one, environment: one.environment, now };
}

/** What both reckonings can say: intervals of shares and counts have tests of their own. */
function plain(measured: Measured): unknown {
  const { kind } = measured;
  if (kind === 'rate') return { kind, events: measured.events, n: measured.n };
  if (kind === 'frequency') return near({ kind, n: measured.n, perWeek: measured.perWeek });
  return kind === 'unknown' ? { kind } : near(measured);
}

/** Without what floating point loses on two ways to the same place. */
function near(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value * 1e6) / 1e6;
  if (Array.isArray(value)) return value.map(near);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, near(inner)]));
}

type Scoped = MetricScope & { environment: string | null };

function isIn(one: Made, scope: Scoped): boolean {
  const isHere = scope.environment === null || one.environment === scope.environment;
  return isHere && isOf(one.services, scope);
}

function isOf(services: readonly string[], scope: Scoped): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'service':
      return services.includes(scope.key);
    case 'team':
      return services.some((key) => teamOf(key) === scope.key);
    case 'services':
      return services.some((key) => scope.key.includes(key));
  }
}

function within(at: Time, { from, to }: Period): boolean {
  return at !== null && at >= from.getTime() && at < Math.min(to.getTime(), now.getTime());
}

function inPeriod(scope: Scoped, period: Period): Made[] {
  return made.filter((one) => isIn(one, scope) && within(one.finished, period));
}

function isFailed(one: Made): boolean {
  return ['failed', 'rolled_back'].includes(one.state) || one.outcome === 'failed' || one.incidents.length > 0;
}

const gap = (from: number, to: number) => Math.max(0, to - from) / 60_000;

function stagesOf(one: Made): Record<StageKey, Time> {
  const started = one.started as number;
  const finished = one.finished as number;
  const verdict = one.approved ?? started;
  const opened = Math.min(one.starts, started);
  const deployed = Math.min(one.deployed ?? finished, finished);
  const voted = one.firstVote === null ? null : Math.min(one.firstVote, verdict);
  return {
    vote: voted === null ? null : gap(one.requested, voted),
    approval: voted === null ? null : gap(voted, verdict),
    slot: gap(verdict, opened),
    start: gap(Math.max(verdict, opened), started),
    deploy: gap(started, deployed),
    verify: one.deployed === null || deployed === finished ? null : gap(deployed, finished),
    review: one.reviewed === null ? null : gap(finished, one.reviewed),
  };
}

function recoveryOf(one: Made): Time {
  const signs = [one.failedAt, ...one.incidents.map(({ at }) => at)].filter((at) => at !== null);
  const closed = one.incidents.map((incident) => incident.closed);
  const over = closed.length > 0 && closed.every((at) => at !== null) ? Math.max(...(closed as number[])) : null;
  const end = one.restored ?? over;
  return signs.length === 0 || end === null ? null : gap(Math.min(...signs), end);
}

function reckon(scope: Scoped, period: Period) {
  const deployed = inPeriod(scope, period);
  const failures = deployed.filter(isFailed);
  const approved = made.filter((one) => isIn(one, scope) && within(one.approved, period));
  const undecided = made.filter(
    (one) =>
      isIn(one, scope) &&
      one.approved === null &&
      ['rejected', 'expired'].includes(one.state) &&
      within(one.ended, period),
  );
  const slots = made.filter((one) => {
    const isOver = one.started !== null || one.ends <= now.getTime();
    const wasGivenBack =
      (['rejected', 'expired', 'cancelled'].includes(one.state) && (one.ended as number) < one.starts) ||
      (['requested', 'approved'].includes(one.state) && !one.isHeld);
    return isIn(one, scope) && within(one.starts, period) && isOver && !wasGivenBack;
  });
  const approvals = approved.flatMap((one) =>
    one.votes
      .filter(({ choice, revision }) => ['approve', 'condition'].includes(choice) && revision === one.revision)
      .flatMap((vote) => {
        const gate = one.gates.find(({ name, met }) => name === vote.gate && met !== null);
        return gate && vote.at >= gate.asked ? [(vote.at - gate.asked) / 1000 < 30 + one.words / 24] : [];
      }),
  );
  const met = approved.flatMap((one) => one.gates.filter((gate) => gate.met !== null));
  const gateNames = [...new Set(met.map(({ name }) => name))];
  const stages = deployed.map(stagesOf);
  const stage = (key: StageKey) => stages.map((one) => one[key]);
  const weeks = (period.to.getTime() - period.from.getTime()) / (7 * day);
  const end = Math.min(period.to.getTime(), now.getTime());
  const open = errors.filter(
    (one) => one.at < end && (one.fixed === null || one.fixed >= end) && isOf(one.services, scope),
  );
  const past = unbooked.filter(
    (one) =>
      within(one.at, period) &&
      isOf([one.service], scope) &&
      (scope.environment === null || one.environment === scope.environment),
  );
  const linked = new Set(
    made.flatMap((one) =>
      isIn(one, scope) ? one.incidents.filter(({ at }) => within(at, period)).map(({ key }) => key.toLowerCase()) : [],
    ),
  );
  const unlinked = reported.filter(
    (one) => one.state === 'open' && within(one.at, period) && isOf(one.services, scope),
  );
  const share = (events: readonly unknown[], among: readonly unknown[]) => ({
    '': among.length === 0 ? { kind: 'unknown' } : { kind: 'rate', events: events.length, n: among.length },
  });
  const parts: Partial<Record<MetricKey, Record<string, unknown>>> = {
    change_lead_time: {
      '': spread(
        deployed
          .filter((one) => !isFailed(one))
          .map((one) => (one.deployed === null ? null : gap(one.requested, one.deployed))),
      ),
    },
    recovery_time: { '': spread(failures.map(recoveryOf)) },
    queue_time: { '': spread(deployed.map((one) => gap(one.requested, one.started as number))) },
    flow_efficiency: {
      '': spread(
        deployed.map(
          (one) => gap(one.started as number, one.finished as number) / gap(one.requested, one.finished as number),
        ),
      ),
    },
    approval_wait: Object.fromEntries(
      gateNames.map((name) => [
        name,
        spread(met.filter((gate) => gate.name === name).map((gate) => gap(gate.asked, gate.met as number))),
      ]),
    ),
    stage_time: Object.fromEntries(
      stageKeys.map((key) => [key, spread(key === 'review' ? stage(key) : stage(key).filter((one) => one !== null))]),
    ),
    batch_size: {
      services: spread(deployed.map((one) => one.services.length)),
      'scope items': spread(deployed.map((one) => one.items || null)),
    },
    known_errors: { '': { kind: 'count', n: open.length } },
  };
  const shares: Partial<Record<MetricKey, Record<string, unknown>>> = {
    change_fail_rate: share(failures, deployed),
    rework_rate: share(
      deployed.filter(({ type }) => type === 'emergency'),
      deployed,
    ),
    without_approval: {
      ...share(
        deployed.filter(({ gates }) => gates.length === 0),
        deployed,
      ),
      ...Object.fromEntries(
        ['low', 'medium', 'high'].map((band) => {
          const those = deployed.filter((one) => one.band === band);
          const free = those.filter(({ gates }) => gates.length === 0);
          return [`${band} risk`, share(free, those)['']];
        }),
      ),
    },
    override_rate: share(
      deployed.filter(({ isOverridden }) => isOverridden),
      deployed,
    ),
    exception_rate: share(
      deployed.filter(({ isExcepted }) => isExcepted),
      deployed,
    ),
    expiry_rate: share(
      undecided.filter(({ state }) => state === 'expired'),
      [...undecided, ...approved],
    ),
    rubber_stamps: share(approvals.filter(Boolean), approvals),
    adoption: share(deployed, [...deployed, ...past]),
    incidents_linked: share([...linked], [...linked, ...unlinked]),
    slot_use: share(
      slots.filter(({ started }) => started !== null),
      slots,
    ),
    deployment_frequency: {
      '': { kind: 'frequency', n: deployed.length, perWeek: deployed.length / weeks },
    },
  };
  return {
    n: { deployed: deployed.length },
    parts: { ...parts, ...shares },
    totals: stageKeys.map((key) => [key, stage(key).reduce<number>((sum, minutes) => sum + (minutes ?? 0), 0)]),
  };
}

/** Median, ninth decile and the binomial interval of the median, by walking the tails of the binomial itself. */
function spread(given: readonly Time[]): object {
  const values = given.filter((one) => one !== null).sort((a, b) => a - b);
  const n = values.length;
  if (n === 0) return { kind: 'unknown' };
  const at = (share: number) => {
    const place = share * (n - 1);
    const below = values[Math.floor(place)] as number;
    return below + ((values[Math.ceil(place)] as number) - below) * (place % 1);
  };
  // P(Bin(n, ½) < low) must not exceed a twentieth on either side.
  const choose = (k: number) =>
    (logFactorial[n] as number) - (logFactorial[k] as number) - (logFactorial[n - k] as number);
  let [low, tail] = [0, 0];
  for (;;) {
    tail += Math.exp(choose(low) - n * Math.LN2);
    if (tail > 0.05) break;
    low++;
  }
  return {
    kind: 'median',
    n,
    unknown: given.length - n,
    median: at(0.5),
    p90: at(0.9),
    low: low === 0 ? null : values[low - 1],
    high: low === 0 ? null : values[n - low],
  };
}

const logFactorial = [0];
for (let n = 1; n <= 10_000; n++) logFactorial.push((logFactorial[n - 1] as number) + Math.log(n));

/** mulberry32: the same numbers on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function some<T>(from: readonly T[], count: number, random: () => number): T[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)[0] as T);
}

/** One life: asked, voted on, started, and whatever may become of it. Times are whole milliseconds. */
function makeRelease(number: number, random: () => number): Made {
  const chance = (share: number) => random() < share;
  const after = (at: number, most: number) => Math.round(at + random() * random() * most);
  const requested = Math.round(Date.parse('2026-09-15T00:00Z') + random() * 68 * day);
  const gates = chance(0.15) ? [] : some(['SRE', 'Product', 'Security'], 1 + Math.floor(random() * 3), random);
  const words = Math.floor(random() * 600);
  const revision = 1 + Math.floor(random() * 2);
  const isDecided = chance(0.9);
  const asked = gates.map((name) => {
    const at = chance(0.2) ? after(requested, 5 * hour) : requested;
    const met = isDecided || chance(0.3) ? (chance(0.1) ? after(at, 60_000) : after(at, 2 * day)) : null;
    return { name, asked: at, met };
  });
  const votes = asked.flatMap((gate) =>
    gate.met === null
      ? []
      : [
          { gate: gate.name, voter: 'U0BEN', revision, choice: chance(0.2) ? 'condition' : 'approve', at: gate.met },
          ...(chance(0.3)
            ? [{ gate: gate.name, voter: 'U0KIM', revision, choice: 'block', at: after(gate.asked, hour) }]
            : []),
          // Carried from an earlier asking, or of an earlier content.
          ...(chance(0.3)
            ? [{ gate: gate.name, voter: 'U0LEE', revision, choice: 'approve', at: gate.asked - 1000 }]
            : []),
          ...(revision > 1
            ? [{ gate: gate.name, voter: 'U0BEN', revision: 1, choice: 'approve', at: gate.asked + 1000 }]
            : []),
        ],
  );
  const isSetAside = isDecided && gates.length > 0 && chance(0.02);
  const verdict = Math.max(requested, ...asked.map(({ met }) => met ?? 0));
  const approved = isDecided && !isSetAside ? verdict : null;
  const firstVote = votes.length === 0 ? null : Math.max(requested, Math.min(...votes.map(({ at }) => at)));
  const starts = after(verdict - 2 * hour, 4 * day);
  const ends = starts + (15 + Math.floor(random() * 8) * 15) * 60_000;
  const base = {
    number,
    environment: chance(0.8) ? 'production' : 'staging',
    type: chance(0.07) ? 'emergency' : chance(0.3) ? 'standard' : 'normal',
    services: some(serviceKeys, chance(0.7) ? 1 : 2 + Math.floor(random() * 2), random),
    items: chance(0.5) ? Math.floor(random() * 9) : 0,
    words,
    requested,
    firstVote,
    approved,
    starts,
    ends,
    revision,
    gates: asked,
    votes,
    band: chance(0.2) ? null : (some(['low', 'medium', 'high'], 1, random)[0] as string),
    isOverridden: isSetAside || chance(0.03),
    isExcepted: chance(0.04),
  };
  const unstarted = {
    started: null,
    deployed: null,
    failedAt: null,
    finished: null,
    restored: null,
    reviewed: null,
    outcome: null,
    incidents: [],
    isHeld: false,
  };
  if (!isDecided) {
    const state = chance(0.5) ? 'expired' : chance(0.5) ? 'rejected' : 'cancelled';
    return {
      ...base,
      ...unstarted,
      state,
      ended: state === 'expired' ? Math.max(starts, requested) : after(requested, 2 * day),
    };
  }
  if (chance(0.06)) {
    const state = chance(0.5) ? 'cancelled' : chance(0.5) ? 'expired' : 'approved';
    return {
      ...base,
      ...unstarted,
      state,
      ended: state === 'approved' ? null : after(verdict, 3 * day),
      isHeld: chance(0.7),
    };
  }
  const started = Math.max(starts, verdict) + Math.round(random() * 20 * 60_000);
  const deploying = started + 60_000 + Math.round(random() * random() * 90 * 60_000);
  const isVerified = chance(0.6);
  const finished = isVerified ? deploying + Math.round(random() * 40 * 60_000) : deploying;
  const state = chance(0.05) ? 'rolled_back' : chance(0.03) ? 'failed' : 'done';
  // A rollback may come days after it was done: its deployment stays where it was.
  const isLate = state !== 'done' && chance(0.4);
  const failedAt = state === 'done' ? null : isLate ? after(finished, 3 * day) : finished;
  const incidents = chance(0.04)
    ? Array.from({ length: chance(0.3) ? 2 : 1 }, (_, index) => {
        const at = after(finished - 10 * 60_000, day);
        // Some are linked with several releases, in any case, and are one incident all the same.
        const name = number % 3 === 0 ? `${number % 2 === 0 ? 'INC' : 'inc'}-shared-${number % 30}` : `INC-${number}`;
        return { key: `${name}-${index}`, at, closed: chance(0.7) ? after(at, day) : null };
      })
    : [];
  const reviewed = chance(0.7) ? after(Math.max(finished, failedAt ?? 0), 3 * day) : null;
  return {
    ...base,
    state,
    started,
    finished,
    incidents,
    reviewed,
    failedAt,
    deployed: isVerified || state === 'done' || isLate ? deploying : null,
    ended: failedAt ?? finished,
    restored: state === 'rolled_back' && chance(0.8) ? after(failedAt as number, 3 * hour) : null,
    outcome: reviewed === null ? null : chance(0.03) ? 'failed' : state === 'done' ? 'as_planned' : 'minor',
    isHeld: false,
  };
}

async function insertAll(): Promise<void> {
  const at = (time: Time) => (time === null ? null : new Date(time).toISOString());
  const insert = async (table: string, rows: readonly Record<string, unknown>[]) => {
    const columns = Object.keys(rows[0] ?? {}).join(', ');
    await db.pool.query(
      `INSERT INTO ${table} (workspace, ${columns}) SELECT $1, ${columns} FROM jsonb_populate_recordset(NULL::${table}, $2)`,
      [workspace, JSON.stringify(rows)],
    );
  };
  const each = <T>(rows: (one: Made) => readonly T[]) =>
    made.flatMap((one) => rows(one).map((row) => ({ release: one.number, ...row })));
  await insert(
    'service',
    serviceKeys.map((key) => ({ key, team: teamOf(key), tier: 2, environments: [], depends_on: [] })),
  );
  await insert(
    'release',
    made.map((one) => ({
      number: one.number,
      state: one.state,
      requester: 'U0ANA',
      lead: 'U0ANA',
      environment: one.environment,
      change_type: one.type,
      policy: 'p',
      summary: 'x'.repeat(Math.floor(one.words / 2)),
      rollback_plan: 'y'.repeat(one.words - Math.floor(one.words / 2)),
      starts_at: at(one.starts),
      ends_at: at(one.ends),
      channel: 'C0',
      revision: one.revision,
      requested_at: at(one.requested),
      changed_at: at(one.requested),
      scope: Array.from({ length: one.items }, () => ({ title: 'x' })),
      first_vote_at: at(one.firstVote),
      approved_at: at(one.approved),
      started_at: at(one.started),
      deployed_at: at(one.deployed),
      failed_at: at(one.failedAt),
      finished_at: at(one.finished),
      ended_at: at(one.ended),
      restored_at: at(one.restored),
      reviewed_at: at(one.reviewed),
      outcome: one.outcome,
      risk: one.band && { band: one.band },
    })),
  );
  await insert(
    'release_unit',
    each((one) => one.services.map((service, position) => ({ position, service, version: '1' }))),
  );
  await insert(
    'gate',
    each((one) =>
      one.gates.map(({ name, asked, met }, position) => ({
        position,
        name,
        asked: [],
        rule: {},
        asked_at: at(asked),
        met_at: at(met),
      })),
    ),
  );
  await insert(
    'vote',
    each((one) => one.votes.map((vote) => ({ ...vote, comment: '', because: '', at: at(vote.at) }))),
  );
  await insert(
    'incident',
    each((one) =>
      one.incidents.map(({ key, at: linked, closed }) => ({
        key,
        note: '',
        person: '',
        at: at(linked),
        closed_at: at(closed),
      })),
    ),
  );
  await insert(
    'override',
    each((one) =>
      // One that nobody accepted sets nothing aside; two count as one release.
      (one.isOverridden ? ['granted', 'granted'] : one.number % 50 === 0 ? ['lapsed'] : []).map((state, index) => ({
        id: `O-${one.number}-${index}`,
        rule: 'criteria',
        reason: '',
        proposer: '',
        second: '',
        until: at(one.ends),
        state,
        hash: '',
        at: at(one.requested),
      })),
    ),
  );
  await insert(
    'exception',
    each((one) =>
      (one.isExcepted ? ['f1', 'f2'] : []).map((freeze_key) => ({
        freeze_key,
        name: '',
        team: '',
        quarter: '',
        reason: '',
        asker: '',
        at: at(one.requested),
      })),
    ),
  );
  await insert(
    'reservation',
    made.map((one) => ({
      holder: `REL-${one.number}`,
      position: 0,
      release: one.number,
      service: `lane-${one.number}`,
      environment: one.environment,
      label: '',
      starts_at: at(one.starts),
      ends_at: at(one.ends),
      held: one.isHeld,
    })),
  );
  await insert(
    'known_error',
    errors.map(({ key, services, at: found, fixed }) => ({
      key,
      release: 1,
      services,
      title: '',
      workaround: '',
      person: '',
      at: at(found),
      fixed_at: at(fixed),
    })),
  );
  await insert(
    'unbooked',
    unbooked.map(({ at: deployed, ...one }) => ({
      ...one,
      deployed_at: at(deployed),
      note: '',
      person: '',
      at: at(deployed),
    })),
  );
  await insert(
    'reported_incident',
    reported.map((one) => ({ ...one, note: '', link: '', person: '', at: at(one.at) })),
  );
  await db.pool.query('ANALYZE');
}

test('a time just before is as long', () => {
  expect(periodBefore(november)).toEqual({ from: new Date('2026-10-02T00:00Z'), to: november.from });
});
