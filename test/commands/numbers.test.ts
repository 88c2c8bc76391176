import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { doneCommand, rollbackCommand, startCommand } from '../../src/commands/deploy.ts';
import { incidentCommand, noReleaseCommand } from '../../src/commands/incident.ts';
import { unbookedCommand } from '../../src/commands/unbooked.ts';
import { fullWeeks, monthOf, type Period } from '../../src/domain/metric.ts';
import { daysBefore, lastDays } from '../../src/domain/report.ts';
import type { Outcome } from '../../src/run.ts';
import { readerOf } from '../../src/store/calendar.ts';
import { findExperiment, listExperiments } from '../../src/store/experiment.ts';
import { loadIncident } from '../../src/store/incident.ts';
import { loadMeasurements } from '../../src/store/metric.ts';
import { loadDigestNumbers, loadNumbers, loadSummaryNumbers, loadTeamNumbers } from '../../src/store/report.ts';
import { listUnbooked } from '../../src/store/unbooked.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';

const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ] }
  search: { name: Search, members: [U0SAM] }
services:
  ledger: { team: payments, tier: 1, environments: [production, staging] }
  payments: { team: payments, tier: 1, environments: [production, staging], depends_on: [ledger] }
  checkout: { team: payments, tier: 1, environments: [production], depends_on: [payments] }
  search: { team: search, tier: 2, environments: [production] }
policies:
  - { name: open, when: {}, gates: [] }
`;

let hall: Hall;
const at = (text: string) => {
  hall.clock.now = new Date(text);
};
const said = (outcome: Outcome) =>
  outcome.ok ? outcome.events.map((event) => event.body.type).join(' ') || 'nothing' : outcome.refusal.code;
const bodies = (outcome: Outcome) => (outcome.ok ? outcome.events.map((event) => event.body) : []);

/** Books and starts a release at a time of 23 November or later; gives its number. */
async function starts(service: string, when: string, version = '1.0.0'): Promise<number> {
  at(new Date(Date.parse(when) - 3_600_000).toISOString());
  const outcome = await hall.books('U0ANA', {
    units: [{ service, version }],
    startsAt: when,
    minutes: 60,
    lead: 'U0ANA',
  });
  const [requested] = bodies(outcome);
  if (requested?.type !== 'release.requested') throw new Error(said(outcome));
  at(when);
  const began = await hall.does('U0ANA', call(startCommand, { release: requested.release }));
  if (!said(began).includes('release.started')) throw new Error(said(began));
  return requested.release;
}
const ends = (release: number) => hall.does('U0ANA', call(doneCommand, { release }));

beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());

describe('a deployment that was not booked', () => {
  beforeEach(() => at('2026-11-23T12:00:00Z'));
  const rows = async () => (await hall.db.pool.query('SELECT * FROM unbooked ORDER BY deployed_at')).rows;

  test('is recorded once, whoever says it and how often, to the minute', async () => {
    const report = (person: string, time: string) =>
      hall.does(
        person,
        call(unbookedCommand, {
          service: 'payments',
          version: '2.14.1',
          environment: 'production',
          at: time,
          note: '',
        }),
      );
    const all = await Promise.all([
      report('U0ANA', '2026-11-23T10:00:05.000Z'),
      report('U0ANA', '2026-11-23T10:00:31.000Z'),
      report('U0KIM', '2026-11-23T10:00:59.999Z'),
    ]);
    expect(all.map(said).sort()).toEqual(['unbooked.reported', 'unbooked_known', 'unbooked_known']);
    expect(await rows()).toMatchObject([
      { service: 'payments', version: '2.14.1', deployed_at: new Date('2026-11-23T10:00:00Z') },
    ]);
    expect(await hall.says('U0KIM', 'unbooked payments@2.14.1 production yesterday 10:00')).toBe('unbooked.reported');
    expect(await hall.says('U0KIM', 'unbooked payments@2.14.1 staging 11:00')).toBe('unbooked.reported');
    expect(await rows()).toHaveLength(3);
  });

  test.each([
    ['unbooked', 'answer'],
    ['unbooked payments production', 'usage bad_unit'],
    ['unbooked payments@2', 'usage missing'],
    ['unbooked payments@2 production whenever', 'usage time'],
    ['unbooked payments@2 production 2026-11-24 14:00', 'usage time'],
    ['unbooked payments@2 production in 2 hours', 'usage time'],
    ['unbooked paymints@2 production', 'unknown_service'],
    ['unbooked search@2 staging', 'unknown_environment'],
    ['unbooked payments@2 production 2025-01-01 14:00', 'unbooked_when'],
    ['unbooked back payments@77 production', 'unknown_unbooked'],
  ])('%s is answered with %s', async (line, answer) => {
    expect(await hall.says('U0ANA', line)).toBe(answer);
  });

  test('a guest or a bot reports nothing', async () => {
    expect(await hall.says('U0GUEST1', 'unbooked payments@3 production')).toBe('is_guest');
    expect(await hall.says('U0BOT1', 'unbooked payments@3 production')).toBe('is_bot');
  });

  test('is taken back by who said it or a release manager, by command or undo; and may be reported again', async () => {
    expect(await hall.says('U0ANA', 'unbooked payments@3.0.0 production 12:30')).toBe('unbooked.reported');
    expect(await hall.says('U0KIM', 'unbooked back payments@3.0.0 production')).toBe('not_yours');
    expect(await hall.says('U0RAE', 'unbooked back payments@3.0.0 production 12:30')).toBe('unbooked.taken_back');
    expect(await hall.says('U0ANA', 'unbooked payments@3.0.0 production 12:30')).toBe('unbooked.reported');
    at('2026-11-23T12:00:30Z');
    expect(await hall.says('U0BEN', 'undo')).toBe('nothing_to_undo');
    expect(await hall.says('U0ANA', 'undo')).toBe('unbooked.taken_back');
    expect(await hall.says('U0ANA', 'undo')).toBe('nothing_to_undo');
    expect(await hall.says('U0ANA', 'unbooked payments@3.0.0 production 12:30')).toBe('unbooked.reported');
    at('2026-11-23T12:02:00Z');
    expect(await hall.says('U0ANA', 'undo')).toBe('nothing_to_undo');
    expect((await rows()).filter(({ version }) => version === '3.0.0')).toHaveLength(1);
  });

  test('one that was booked is no unbooked one; the same version at another time is', async () => {
    const release = await starts('payments', '2026-11-23T13:00:00.000Z', '4.0.0');
    at('2026-11-23T13:30:00Z');
    await ends(release);
    expect(await hall.says('U0KIM', 'unbooked payments@4.0.0 production 14:10')).toBe('was_booked');
    expect(await hall.says('U0KIM', 'unbooked payments@4.0.0 staging 14:10')).toBe('unbooked.reported');
    at('2026-11-24T09:00:00Z');
    expect(await hall.says('U0KIM', 'unbooked payments@4.0.0 production 9:30')).toBe('unbooked.reported');
  });

  test('counts in adoption, in its scope and environment only', async () => {
    at('2026-11-24T12:00:00Z');
    const ask = { workspace, environment: 'production', now: hall.clock.now };
    const period = lastDays(hall.clock.now, 7);
    const adoption = async (scope: Parameters<typeof loadMeasurements>[1]['scope']) =>
      (await loadMeasurements(hall.db, { ...ask, scope }, [period]))[0]?.measures.adoption[0]?.measured;
    // One booked release; unbooked in production: 2.14.1 twice, 3.0.0, 4.0.0 on the next day.
    expect(await adoption({ kind: 'service', key: 'payments' })).toMatchObject({ kind: 'rate', events: 1, n: 5 });
    expect(await adoption({ kind: 'team', key: 'search' })).toMatchObject({ kind: 'unknown' });
    const found = await listUnbooked(hall.db, workspace, {
      ...period,
      services: ['payments'],
      environment: 'production',
      take: 10,
    });
    expect(found.map(({ version }) => version)).toEqual(['4.0.0', '3.0.0', '2.14.1', '2.14.1']);
  });
});

describe('an incident and the question which release it was', () => {
  let ledger = 0;
  let search = 0;
  beforeAll(async () => {
    ledger = await starts('ledger', '2026-11-25T10:00:00.000Z');
    at('2026-11-25T10:20:00Z');
    await ends(ledger);
    search = await starts('search', '2026-11-25T12:00:00.000Z');
    at('2026-11-25T12:20:00Z');
    await ends(search);
  });
  beforeEach(() => at('2026-11-25T15:00:00Z'));
  const candidates = async (line: string, person = 'U0KIM') => {
    const [, ...words] = line.split(' ');
    const events = await hall.says(person, `incident ${words.join(' ')}`);
    const { rows } = await hall.db.pool.query<{ body: { candidates: number[]; services: string[] } }>(
      `SELECT body FROM event WHERE type = 'incident.reported' ORDER BY seq DESC LIMIT 1`,
    );
    return { events, ...rows[0]?.body };
  };

  test('offers releases of the services that its words name, and of what they stand on, newest first', async () => {
    expect(await candidates('incident INC-1 checkout is slow')).toMatchObject({
      events: 'incident.reported',
      services: ['checkout'],
      // The one of payments is two days old.
      candidates: [ledger, 1],
    });
    expect(await candidates('incident INC-2 something is slow')).toMatchObject({
      services: [],
      candidates: [search, ledger, 1],
    });
    expect(await candidates('incident INC-3 svc:search it is slow')).toMatchObject({ candidates: [search] });
    expect(await hall.says('U0KIM', 'incident INC-4 svc:serch it is slow')).toBe('unknown_scope');
    expect(await hall.says('U0GUEST1', 'incident INC-4')).toBe('is_guest');
    expect(await hall.says('U0KIM', 'incident')).toBe('usage missing');
  });

  test('a release is offered for 72 hours, and while it runs', async () => {
    at('2026-11-28T10:19:00Z');
    const of = async () => (await loadIncident(readerOf(hall.db), { workspace, now: hall.clock.now }, 'x')).releases;
    expect((await of()).map((one) => one.release)).toContain(ledger);
    at('2026-11-28T10:21:00Z');
    expect((await of()).map((one) => one.release)).not.toContain(ledger);
    const running = await starts('ledger', '2026-11-30T08:00:00.000Z', '2.0.0');
    expect((await of()).map((one) => one.release)).toEqual([running]);
    await hall.does('U0ANA', call(rollbackCommand, { release: running, reason: 'broken' }));
  });

  test('one tap links it, with its words and since it was reported; and the release failed once', async () => {
    at('2026-11-25T15:30:00Z');
    const link = (person: string, key: string, release = ledger) =>
      hall.does(person, call(incidentCommand, { release, key, note: '', close: false }));
    const all = await Promise.all(['U0KIM', 'U0BEN', 'U0ANA'].map((person) => link(person, 'inc-1')));
    expect(all.map(said).sort()).toEqual(['incident.linked', 'incident_linked', 'incident_linked']);
    expect(all.flatMap(bodies)).toMatchObject([
      { key: 'INC-1', note: 'checkout is slow', beganAt: '2026-11-25T15:00:00.000Z' },
    ]);
    expect(said(await link('U0KIM', 'INC-2'))).toBe('incident.linked');
    const { rows } = await hall.db.pool.query(`SELECT key, state FROM reported_incident ORDER BY key`);
    expect(rows).toEqual([
      { key: 'INC-1', state: 'linked' },
      { key: 'INC-2', state: 'linked' },
      { key: 'INC-3', state: 'open' },
    ]);
    const [found] = await loadMeasurements(
      hall.db,
      { workspace, scope: { kind: 'service', key: 'ledger' }, environment: null, now: hall.clock.now },
      [daysBefore('2026-11-26', 'Europe/Berlin', 1)],
    );
    expect(found?.measures.change_fail_rate[0]?.measured).toMatchObject({ events: 1, n: 1 });
    expect(found?.measures.incidents_linked[0]?.measured).toMatchObject({ events: 2, n: 2 });
    // Whoever approves the next one is told the same; one of an hour ago was rolled back.
    const [next] = bodies(
      await hall.books('U0ANA', {
        units: [{ service: 'ledger', version: '9.0.0' }],
        startsAt: '2026-12-09T10:00:00Z',
        minutes: 30,
        lead: 'U0ANA',
      }),
    );
    expect(next?.type === 'release.requested' && next.risk).toMatchObject({
      rate: { n: 2, events: 2 },
      reasons: expect.arrayContaining(['2 of the last 5 releases failed']),
    });
  });

  test('it is asked again until somebody answers, and no longer', async () => {
    expect(await hall.says('U0KIM', 'incident inc-3')).toBe('incident_reported');
    expect(await hall.says('U0KIM', 'incident inc-3 over')).toBe('incident_reported');
    expect(await hall.says('U0KIM', 'incident INC-1 again')).toBe('incident_settled');
    const all = (scope: 'search' | 'ledger') =>
      loadMeasurements(
        hall.db,
        { workspace, scope: { kind: 'service', key: scope }, environment: null, now: hall.clock.now },
        [lastDays(hall.clock.now, 1)],
      );
    at('2026-11-25T16:00:00Z');
    expect((await all('search'))[0]?.measures.incidents_linked[0]?.measured).toMatchObject({ events: 0, n: 1 });
    const none = () => hall.does('U0BEN', callOf('INC-3'));
    expect((await Promise.all([none(), none()])).map(said).sort()).toEqual(['incident.unrelated', 'incident_settled']);
    expect(said(await hall.does('U0BEN', callOf('INC-99')))).toBe('no_incident');
    expect((await all('search'))[0]?.measures.incidents_linked[0]?.measured).toMatchObject({ kind: 'unknown' });
    // Whoever knows better later still links it.
    expect(await hall.says('U0KIM', `incident REL-${search} INC-3`)).toBe('incident.linked');
    expect((await all('search'))[0]?.measures.incidents_linked[0]?.measured).toMatchObject({ events: 1, n: 1 });
  });

  test('is over wherever it is linked, by its name alone', async () => {
    at('2026-11-25T17:00:00Z');
    expect(await hall.says('U0KIM', 'incident INC-1 over')).toBe('incident.closed');
    expect(await hall.says('U0KIM', 'incident INC-1 over')).toBe('no_incident');
    const { rows } = await hall.db.pool.query(`SELECT at, closed_at FROM incident WHERE key = 'INC-1'`);
    expect(rows).toEqual([{ at: new Date('2026-11-25T15:00:00Z'), closed_at: new Date('2026-11-25T17:00:00Z') }]);
  });
});

/** "None of these". */
function callOf(key: string) {
  return call(noReleaseCommand, { key });
}

describe('an experiment', () => {
  beforeEach(() => at('2026-12-01T09:00:00Z'));
  const add = 'experiment add "Smaller batches fail less" metric:change_fail_rate target:<5% until:2026-12-15';

  test('begins with where its number stands, over the ninety days before', async () => {
    expect(await hall.says('U0ANA', `${add} team:payments`)).toBe('experiment.started');
    const found = await findExperiment(hall.db, workspace, 1, hall.clock.now);
    // Two releases of the team's ledger and one of payments; one has incidents, one was rolled back.
    expect(found).toMatchObject({
      hypothesis: 'Smaller batches fail less',
      comparison: 'below',
      target: 0.05,
      environment: 'production',
      baseline: { kind: 'rate', events: 2, n: 3 },
      result: { kind: 'unknown' },
      dueAt: new Date('2026-12-15T08:00:00Z'),
    });
    // What becomes of the past later leaves it as it was.
    await hall.db.pool.query(`UPDATE release SET outcome = 'failed' WHERE state = 'done'`);
    expect((await findExperiment(hall.db, workspace, 1, hall.clock.now))?.baseline).toMatchObject({ events: 2 });
    await hall.db.pool.query(`UPDATE release SET outcome = NULL WHERE state = 'done'`);
  });

  test.each([
    ['experiment', 'answer'],
    ['experiment add metric:change_fail_rate target:<5% until:2026-12-15', 'usage missing'],
    ['experiment add "x" metric:fail_rate target:<5% until:2026-12-15', 'usage bad_option'],
    ['experiment add "x" metric:change_fail_rate target:<5 until:2026-12-15', 'usage bad_option'],
    ['experiment add "x" metric:change_fail_rate target:<500% until:2026-12-15', 'usage bad_option'],
    ['experiment add "x" metric:change_fail_rate target:5% until:2026-12-15', 'usage bad_option'],
    ['experiment add "x" metric:change_lead_time target:<5% until:2026-12-15', 'usage bad_option'],
    ['experiment add "x" metric:approval_wait target:<4h until:2026-12-15', 'usage bad_option'],
    ['experiment add "x" metric:change_fail_rate target:<5% until:2026-02-30', 'usage bad_option'],
    ['experiment add "x" metric:change_fail_rate target:<5% until:2026-12-15 who:me', 'usage unexpected'],
    ['experiment add "x" metric:change_fail_rate target:<5% until:2026-12-01', 'experiment_until'],
    ['experiment add "x" metric:change_fail_rate target:<5% until:2028-12-01', 'experiment_until'],
    ['experiment add "x" metric:change_fail_rate target:<5% until:2026-12-15 team:nobody', 'unknown_scope'],
    ['experiment add "x" metric:change_fail_rate target:<5% until:2026-12-15 env:moon', 'unknown_scope'],
    ['experiment EXP-1 maybe', 'usage bad_option'],
    ['experiment EXP-1 extended "more"', 'usage bad_option'],
    ['experiment EXP-99 kept "yes"', 'unknown_experiment'],
    ['experiment EXP-1 kept', 'words_needed'],
    ['experiment EXP-1 extended until:2026-12-10 "more"', 'experiment_until'],
  ])('%s is answered with %s', async (line, answer) => {
    expect(await hall.says('U0ANA', line)).toBe(answer);
  });

  test.each([
    ['change-lead-time', '<2d', { metric: 'change_lead_time', comparison: 'below', target: 2880 }],
    ['stage_time:vote', '<90m', { metric: 'stage_time', part: 'vote', target: 90 }],
    ['approval_wait:SRE', '&lt;4h', { metric: 'approval_wait', part: 'SRE', target: 240 }],
    ['deployment_frequency', '>2.5', { comparison: 'above', target: 2.5 }],
    ['adoption', '>97,5%', { comparison: 'above', target: 0.975 }],
  ])('metric:%s target:%s is understood', async (metric, target, expected) => {
    const line = `experiment add "x" metric:${metric} target:${target} until:2026-12-15`;
    expect(await hall.says('U0KIM', line)).toBe('experiment.started');
    const [newest] = (await listExperiments(hall.db, workspace, { now: hall.clock.now })).sort(
      (a, b) => b.number - a.number,
    );
    expect(newest).toMatchObject(expected);
    expect(await hall.says('U0KIM', `experiment EXP-${newest?.number} dropped "only a try"`)).toBe(
      'experiment.concluded',
    );
  });

  test('asks whoever began it when it is due, reminds once, and again after more time', async () => {
    const fires = async () => said(await hall.fires({ command: 'clock experiment', experiment: 1 }));
    const timer = async () =>
      (await hall.db.pool.query(`SELECT due_at FROM timer WHERE key = 'experiment:1'`)).rows[0]?.due_at.toISOString();
    expect(await timer()).toBe('2026-12-15T08:00:00.000Z');
    at('2026-12-15T07:59:00Z');
    expect(await fires()).toBe('nothing');
    // An outage: the question comes late, and so does the reminder.
    at('2026-12-20T08:00:00Z');
    expect(await fires()).toBe('experiment.asked');
    expect(await timer()).toBe('2026-12-23T08:00:00.000Z');
    expect(await fires()).toBe('nothing');
    at('2026-12-23T08:00:00Z');
    expect(await fires()).toBe('experiment.asked');
    at('2026-12-30T08:00:00Z');
    expect(await fires()).toBe('nothing');
    expect(await hall.says('U0KIM', 'experiment EXP-1 extended until:2027-01-15 "too few"')).toBe('not_yours');
    expect(await hall.says('U0ANA', 'experiment EXP-1 extended until:2027-01-15 "too few"')).toBe(
      'experiment.extended',
    );
    expect(await fires()).toBe('nothing');
    at('2027-01-15T08:00:00Z');
    expect(await fires()).toBe('experiment.asked');
    const { rows } = await hall.db.pool.query(
      `SELECT surface FROM outbox WHERE surface LIKE 'experiment:EXP-1:%' UNION SELECT key FROM surface WHERE key LIKE 'experiment:EXP-1:%' ORDER BY 1`,
    );
    expect(rows.map(({ surface }) => surface)).toEqual([
      'experiment:EXP-1:0:1',
      'experiment:EXP-1:0:2',
      'experiment:EXP-1:1:1',
    ]);
  });

  test('is concluded once, with words and what its number had come to', async () => {
    at('2027-01-16T08:00:00Z');
    const kept = (person: string) => hall.says(person, 'experiment EXP-1 kept "half as many failures"');
    expect((await Promise.all([kept('U0ANA'), kept('U0RAE')])).sort()).toEqual([
      'experiment.concluded',
      'experiment_over',
    ]);
    const found = await listExperiments(hall.db, workspace, { now: hall.clock.now, all: true });
    expect(found.find(({ number }) => number === 1)).toMatchObject({
      state: 'kept',
      words: 'half as many failures',
      result: { kind: 'unknown' },
    });
    expect(await listExperiments(hall.db, workspace, { now: hall.clock.now })).toEqual([]);
    expect(said(await hall.fires({ command: 'clock experiment', experiment: 1 }))).toBe('nothing');
  });

  test('two at once have two numbers', async () => {
    const both = await Promise.all([hall.says('U0ANA', add), hall.says('U0KIM', add)]);
    expect(both).toEqual(['experiment.started', 'experiment.started']);
    const running = await listExperiments(hall.db, workspace, { now: hall.clock.now, teams: ['search'] });
    expect(new Set(running.map(({ number }) => number)).size).toBe(2);
  });
});

describe('numbers', () => {
  test('of a time: readings, weeks, and where releases waited longest', async () => {
    at('2026-12-01T09:00:00Z');
    const numbers = await loadNumbers(hall.db, {
      workspace,
      scope: { kind: 'all' },
      of: 'all services',
      environment: 'production',
      now: hall.clock.now,
      zone: 'Europe/Berlin',
      period: lastDays(hall.clock.now, 30),
      weeks: 4,
      waiters: 2,
    });
    expect(numbers.weeks.map(({ label }) => label)).toEqual(['2 Nov', '9 Nov', '16 Nov', '23 Nov']);
    expect(numbers.readings.find(({ metric }) => metric === 'change_fail_rate')).toMatchObject({
      now: { events: 3, n: 4 },
      before: { kind: 'unknown' },
      change: 'unknown',
    });
    // Nobody votes here: they were booked an hour ahead and waited for their slot.
    expect(numbers.bottleneck).toMatchObject({ stage: 'slot', total: 4, share: 1 });
    expect(numbers.bottleneck?.waiters).toHaveLength(2);
  });

  test('of a day, a week and a month, for digests: the same all day long, of the last full ones', async () => {
    const about = {
      scope: { kind: 'services', key: ['ledger', 'payments'] },
      of: 'two',
      zone: 'Europe/Berlin',
    } as const;
    const ask = (now: string) => ({ ...about, environment: null, now: new Date(now) });
    const day = (now: string) =>
      loadDigestNumbers(hall.db, workspace, { ...ask(now), date: '2026-11-30' }).then(
        ({ weeks: _weeks, ...one }) => one,
      );
    expect(await day('2026-11-30T00:30:00Z')).toEqual(await day('2026-11-30T22:30:00Z'));
    const found = await day('2026-11-30T12:00:00Z');
    expect([found.environment, found.period.from.toISOString(), found.period.to.toISOString()]).toEqual([
      'production',
      '2026-10-30T23:00:00.000Z',
      '2026-11-29T23:00:00.000Z',
    ]);
    // The ledger of 30 November is not of that time.
    expect(found.measures.change_fail_rate[0]?.measured).toMatchObject({ events: 1, n: 2 });
    const week = await loadSummaryNumbers(hall.db, workspace, {
      ...ask('2026-12-01T09:00:00Z'),
      period: fullWeeks(hall.clock.now, 'Europe/Berlin', 1)[0] as Period,
    });
    expect(week.period.from.toISOString()).toBe('2026-11-22T23:00:00.000Z');
    expect(week.weeks.at(-1)?.measures).toEqual(week.measures);
    // Where they wait is said of more than a week.
    expect(week.bottleneck).toMatchObject({
      stage: 'slot',
      total: 2,
      period: { from: new Date('2026-10-30T23:00:00Z'), to: week.period.to },
    });
    const month = await loadSummaryNumbers(hall.db, workspace, {
      ...ask('2026-12-01T09:00:00Z'),
      period: monthOf(hall.clock.now, 'Europe/Berlin', 1),
    });
    expect(month.period.to.toISOString()).toBe('2026-11-30T23:00:00.000Z');
    expect(month.measures.change_fail_rate[0]?.measured).toMatchObject({ events: 2, n: 3 });
  });

  test('of the teams of a person, once a day: what happens today shows tomorrow', async () => {
    const of = async (person: string) =>
      (await loadTeamNumbers(hall.db, workspace, { person, now: hall.clock.now, zone: 'Europe/Berlin' })).map((one) => [
        one.of,
        one.measures.deployment_frequency[0]?.measured,
      ]);
    at('2026-12-02T09:00:00Z');
    expect(await of('U0RAJ')).toMatchObject([['Payments', { n: 3 }]]);
    expect(await of('U0KIM')).toEqual([]);
    const release = await starts('payments', '2026-12-02T10:00:00.000Z', '5.0.0');
    at('2026-12-02T10:30:00Z');
    await ends(release);
    at('2026-12-02T20:00:00Z');
    expect(await of('U0ANA')).toMatchObject([['Payments', { n: 3 }]]);
    at('2026-12-03T09:00:00Z');
    expect(await of('U0ANA')).toMatchObject([['Payments', { n: 4 }]]);
  });
});

test('whatever happened here, replaying the log gives the same tables', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(40);
});
