import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeCommand } from '../../src/commands/change.ts';
import { call } from '../../src/commands/command.ts';
import { tickCommand } from '../../src/commands/criterion.ts';
import { doneCommand, startCommand } from '../../src/commands/deploy.ts';
import { moveCommand } from '../../src/commands/move.ts';
import { answerOverrideCommand, overrideCommand } from '../../src/commands/override.ts';
import type { Outcome } from '../../src/run.ts';
import { type Hall, openHall } from '../support/hall.ts';

const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] }, U0NOA: { roles: [release_manager] } }
environments: { production: {} }
teams: { payments: { name: Payments, members: [U0ANA, U0RAJ] } }
groups: { sre: { name: SRE, usergroup: S0SRE }, product: { name: Product, members: [U0KIM, U0MIA] } }
services: { payments: { team: payments, environments: [production] }, ledger: { team: payments, environments: [production] } }
freezes:
  closing: { name: Closing, from: "2026-12-20 00:00", to: "2026-12-21 00:00", owners: "group:product" }
policies:
  - name: night
    when: { hours: "18:00-06:00" }
    gates:
      - { name: SRE, who: "group:sre", needed: 2 }
  - name: day
    when: {}
    gates:
      - { name: SRE, who: "group:sre", needed: 1 }
      - { name: Product, who: "group:product", needed: 1 }
    guards:
      - { name: plan, require: "release.rollback != ''", message: It needs a rollback plan }
    criteria:
      - { name: Backup taken, evidence: true }
      - { name: Smoke test, kind: exit }
`;

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());

const codeOf = (outcome: Outcome) => (outcome.ok ? 'ok' : outcome.refusal.code);
let day = 0;
async function booked(change: Parameters<Hall['books']>[1] = {}) {
  const startsAt = new Date(Date.UTC(2026, 11, 1, 10) + ++day * 86_400_000);
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
  const outcome = await hall.books('U0ANA', { startsAt: startsAt.toISOString(), lead: 'U0RAJ', ...change });
  const event = outcome.ok ? outcome.events.find((one) => one.body.type === 'release.requested') : undefined;
  if (event?.body.type !== 'release.requested') throw new Error(codeOf(outcome));
  const { release } = event.body;
  return {
    release,
    startsAt,
    start: async (by = 'U0RAJ') => codeOf(await hall.does(by, call(startCommand, { release }))),
    done: async () => codeOf(await hall.does('U0RAJ', call(doneCommand, { release }))),
    tick: async (criterion: string, evidence = '', by = 'U0ANA') =>
      codeOf(await hall.does(by, call(tickCommand, { release, criterion, evidence, tick: true }))),
    override: async (rule: string, second = 'U0LEE', by = 'U0RAE') =>
      codeOf(await hall.does(by, call(overrideCommand, { release, rule, reason: 'it has to go', second }))),
    answer: async (accept: boolean, by = 'U0LEE') => {
      const { rows } = await hall.db.pool.query(
        'SELECT id FROM override WHERE release = $1 ORDER BY at DESC, id LIMIT 1',
        [release],
      );
      return codeOf(await hall.does(by, call(answerOverrideCommand, { release, override: rows[0]?.id ?? '', accept })));
    },
    votes: async (revision = 1) => {
      for (const voter of ['U0BEN', 'U0KIM']) await hall.votes(voter, release, { revision });
    },
    state: async () =>
      (await hall.db.pool.query('SELECT state FROM release WHERE number = $1', [release])).rows[0].state as string,
  };
}

test('it starts when criteria are ticked and guards hold, and ends when its exit criteria are', async () => {
  const one = await booked();
  await one.votes();
  hall.clock.now = one.startsAt;
  expect(await one.start()).toBe('criteria_open');
  expect(await one.tick('1')).toBe('evidence_needed');
  expect(await one.tick('1', 'not a link')).toBe('evidence_needed');
  expect(await one.tick('9', '')).toBe('unknown_criterion');
  expect(await one.tick('1', 'https://backup.example.com', 'U0KIM')).toBe('not_your_tick');
  expect(await one.tick('1', 'https://backup.example.com')).toBe('ok');
  expect(await one.tick('1', 'https://backup.example.com')).toBe('already_ticked');
  expect(await one.start()).toBe('guards_fail');
  const plan = { release: one.release, revision: null, change: { rollbackPlan: 'redeploy' } };
  expect(codeOf(await hall.does('U0ANA', call(changeCommand, plan)))).toBe('ok');
  await one.votes(2);
  expect(await one.start()).toBe('ok');
  expect(await one.done()).toBe('criteria_open');
  expect(await one.tick('2')).toBe('ok');
  expect(await one.done()).toBe('ok');
});

test('another version takes the ticks along that spoke of the old one', async () => {
  const one = await booked({ rollbackPlan: 'redeploy' });
  await one.tick('1', 'https://backup.example.com');
  const version = { release: one.release, revision: null, change: { units: [{ service: 'payments', version: '3' }] } };
  expect(codeOf(await hall.does('U0ANA', call(changeCommand, version)))).toBe('ok');
  expect((await hall.db.pool.query('SELECT 1 FROM tick WHERE release = $1', [one.release])).rows).toEqual([]);
  expect(codeOf(await hall.does('U0ANA', call(changeCommand, version)))).toBe('nothing_changed');
  const service = { release: one.release, revision: null, change: { units: [{ service: 'nothing', version: '3' }] } };
  expect(codeOf(await hall.does('U0ANA', call(changeCommand, service)))).toBe('unknown_service');
});

test('what is stored has to be what was approved', async () => {
  const one = await booked({ rollbackPlan: 'redeploy' });
  await one.tick('1', 'https://backup.example.com');
  await one.votes();
  hall.clock.now = one.startsAt;
  await hall.db.pool.query(`UPDATE release_unit SET version = '6.6.6' WHERE release = $1`, [one.release]);
  expect(await one.start()).toBe('not_what_was_approved');
  await hall.db.pool.query(`UPDATE release_unit SET version = '2.14.0' WHERE release = $1`, [one.release]);
  expect(await one.start()).toBe('ok');
});

test('two people who did not ask for it may set a rule aside, for four hours', async () => {
  const one = await booked({ rollbackPlan: 'redeploy' });
  hall.clock.now = new Date(one.startsAt.getTime() - 30 * 60_000);
  expect(await one.override('gate:SRE', 'U0LEE', 'U0BEN')).toBe('only_managers');
  expect(await one.override('gate:SRE', 'U0ANA')).toBe('second_unfit');
  expect(await one.override('gate:SRE', 'U0RAJ')).toBe('second_unfit');
  expect(await one.override('gate:SRE', 'U0RAE')).toBe('second_unfit');
  expect(await one.override('gate:SRE', 'U0GUEST1')).toBe('second_unfit');
  expect(await one.override('gate:Nothing')).toBe('unknown_rule');
  expect(await one.override('gate:SRE')).toBe('ok');
  expect(await one.override('gate:SRE')).toBe('override_open');
  expect(await one.answer(true, 'U0NOA')).toBe('not_yours');
  expect(await one.answer(true, 'U0RAE')).toBe('not_yours');
  // Nothing is set aside before the second person says so.
  hall.clock.now = one.startsAt;
  expect(await one.start()).toBe('gates_open');
  expect(await one.answer(true)).toBe('ok');
  expect(await one.answer(true)).toBe('override_over');
  expect(await one.start()).toBe('gates_open');
  await hall.votes('U0KIM', one.release);
  expect(await one.start()).toBe('criteria_open');
  expect(await one.override('criteria')).toBe('ok');
  expect(await one.answer(true)).toBe('ok');
  // The clock does not let it expire while every open gate is set aside.
  await hall.fires({ command: 'clock expire', release: one.release });
  expect(await one.state()).toBe('requested');
  expect(await one.start()).toBe('ok');
});

test('an override ends, can be declined, and lapses', async () => {
  const one = await booked({ rollbackPlan: 'redeploy', minutes: 480 });
  await one.tick('1', 'https://backup.example.com');
  hall.clock.now = new Date(one.startsAt.getTime() - 60_000);
  expect(await one.override('gate:SRE')).toBe('ok');
  expect(await one.answer(false)).toBe('ok');
  expect(await one.override('gate:SRE')).toBe('ok');
  const { rows } = await hall.db.pool.query(`SELECT id FROM override WHERE release = $1 AND state = 'proposed'`, [
    one.release,
  ]);
  hall.clock.now = new Date(one.startsAt.getTime() + 241 * 60_000);
  await hall.fires({ command: 'clock override', release: one.release, override: rows[0].id });
  expect(await one.answer(true)).toBe('override_over');
  expect(await one.override('gate:SRE')).toBe('ok');
  expect(await one.answer(true)).toBe('ok');
  await hall.votes('U0KIM', one.release);
  // Once its time is over the gate counts again.
  await hall.db.pool.query('UPDATE override SET until = $2 WHERE release = $1', [one.release, hall.clock.now]);
  expect(await one.start()).toBe('gates_open');
});

test('another time brings another policy; votes of the same rule stay, and swaps cannot go around it', async () => {
  const one = await booked({ rollbackPlan: 'redeploy' });
  await one.votes();
  expect(await one.state()).toBe('approved');
  const at = new Date(one.startsAt.getTime() + 10 * 3_600_000).toISOString();
  const move = call(moveCommand, { release: one.release, startsAt: at, minutes: null, needs: null });
  expect(codeOf(await hall.does('U0ANA', move))).toBe('ok');
  expect(await one.state()).toBe('requested');
  const { rows } = await hall.db.pool.query('SELECT policy FROM release WHERE number = $1', [one.release]);
  expect(rows[0].policy).toBe('night');
  // Two of the group now: the vote for one of them was by another rule.
  await hall.votes('U0BEN', one.release, { revision: 2 });
  expect(await one.state()).toBe('requested');
  await hall.votes('U0LEE', one.release, { revision: 2 });
  expect(await one.state()).toBe('approved');
});

test('a gate whose time is over goes to the next, and to managers when nobody is named', async () => {
  const one = await booked({ rollbackPlan: 'redeploy' });
  const outcome = await hall.fires({ command: 'clock escalate', release: one.release, gate: 'SRE' });
  const body = outcome.ok ? outcome.events[0]?.body : undefined;
  expect(body).toMatchObject({ type: 'gate.escalated', people: [], managers: ['U0NOA', 'U0RAE'] });
});
