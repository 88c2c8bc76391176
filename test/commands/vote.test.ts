import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { rollbackCommand, startCommand } from '../../src/commands/deploy.ts';
import type { Outcome } from '../../src/run.ts';
import { type Hall, openHall } from '../support/hall.ts';

let hall: Hall;
beforeAll(async () => {
  hall = await openHall();
});
afterAll(() => hall?.close());

const code = (outcome: Outcome) => (outcome.ok ? 'accepted' : outcome.refusal.code);

async function booked(change: Parameters<Hall['books']>[1]): Promise<number> {
  const outcome = await hall.books('U0ANA', change);
  const event = outcome.ok ? outcome.events.find((one) => one.body.type === 'release.requested') : undefined;
  if (event?.body.type !== 'release.requested') throw new Error(`not booked: ${code(outcome)}`);
  return event.body.release;
}

test('nobody without the right votes, on any account', async () => {
  const number = await booked({ startsAt: '2026-11-26T10:00:00.000Z', lead: 'U0LEE' });
  const expected: Record<string, string> = {
    U0ANA: 'own_release',
    U0LEE: 'own_release',
    U0SAM: 'not_eligible',
    U0GUEST1: 'is_guest',
    U0EVE: 'is_stranger',
    U0BOT1: 'is_bot',
    U0TOM: 'is_deactivated',
  };
  for (const [person, refusal] of Object.entries(expected))
    expect([person, code(await hall.votes(person, number))]).toEqual([person, refusal]);
  const { rows } = await hall.db.pool.query(
    `SELECT count(*)::int AS denied FROM command WHERE name = 'vote' AND NOT (outcome->>'ok')::boolean`,
  );
  expect(rows[0].denied).toBe(Object.keys(expected).length);
});

test('a member who left the group between the ask and the click does not vote', async () => {
  const number = await booked({ startsAt: '2026-11-27T10:00:00.000Z' });
  hall.groups.S0SRE = ['U0LEE'];
  expect(code(await hall.votes('U0BEN', number))).toBe('not_eligible');
  hall.groups.S0SRE = ['U0BEN', 'U0LEE'];
  expect(code(await hall.votes('U0BEN', number))).toBe('accepted');
  expect(code(await hall.votes('U0BEN', number))).toBe('already_voted');
});

test('a block holds the verdict until it is lifted; "do not ship" ends it and frees the slot', async () => {
  const number = await booked({ startsAt: '2026-11-28T10:00:00.000Z' });
  expect(code(await hall.votes('U0BEN', number, { choice: 'block' }))).toBe('reason_needed');
  const block = { choice: 'block' as const, comment: 'migration is not reversible' };
  expect(code(await hall.votes('U0BEN', number, block))).toBe('reason_needed');
  expect(code(await hall.votes('U0BEN', number, { ...block, unblock: 'a backup' }))).toBe('accepted');
  await hall.votes('U0KIM', number);
  expect(await stateOf(number)).toBe('requested');
  await hall.votes('U0BEN', number);
  expect(await stateOf(number)).toBe('approved');
  expect(code(await hall.votes('U0MIA', number))).toBe('voting_closed');

  const other = await booked({ startsAt: '2026-11-28T12:00:00.000Z' });
  await hall.votes('U0KIM', other, { choice: 'reject', comment: 'not before the audit' });
  expect(await stateOf(other)).toBe('rejected');
  expect(await booked({ startsAt: '2026-11-28T12:00:00.000Z' })).toBeGreaterThan(other);
});

test('a vote on what somebody no longer sees is not taken', async () => {
  const number = await booked({ startsAt: '2026-11-29T10:00:00.000Z' });
  expect(code(await hall.votes('U0BEN', number, { revision: 2 }))).toBe('changed_since');
});

test('a rule that nobody can meet is said when the release is requested', async () => {
  hall.groups.S0SRE = ['U0ANA', 'U0GUEST1', 'U0TOM'];
  const outcome = await hall.books('U0ANA', { startsAt: '2026-11-30T10:00:00.000Z' });
  expect(outcome).toMatchObject({ ok: false, refusal: { code: 'unmeetable_gate', gate: 'SRE', eligible: 0 } });
  hall.groups.S0SRE = ['U0BEN', 'U0LEE'];
});

test('nothing starts without its gates or outside its slot, and rollback is never blocked', async () => {
  const number = await booked({ startsAt: '2026-11-24T10:00:00.000Z' });
  const start = () => hall.does('U0ANA', call(startCommand, { release: number }));
  expect(code(await start())).toBe('gates_open');
  await hall.votes('U0BEN', number);
  await hall.votes('U0KIM', number);
  expect(code(await start())).toBe('not_yet');
  expect(code(await hall.does('U0SAM', call(startCommand, { release: number })))).toBe('only_runners');
  hall.clock.now = new Date('2026-11-24T10:05:00.000Z');
  expect(code(await start())).toBe('accepted');
  expect(code(await start())).toBe('wrong_state');
  expect(code(await hall.does('U0SAM', call(rollbackCommand, { release: number, reason: '' })))).toBe('accepted');
  expect(await stateOf(number)).toBe('rolled_back');
});

async function stateOf(number: number): Promise<string> {
  const { rows } = await hall.db.pool.query('SELECT state FROM release WHERE number = $1', [number]);
  return rows[0].state;
}
