import { afterAll, beforeAll, expect, test } from 'vitest';
import { timerCall } from '../../src/commands/clock.ts';
import { run } from '../../src/run.ts';
import { offersFor } from '../../src/slack/offer.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

const crowd = Array.from({ length: 60 }, (_, index) => `U0P${String(index).padStart(3, '0')}`);
const catalog = `
environments: { production: {} }
teams: { payments: { name: Payments, channel: C0PAY, members: [U0ANA] } }
groups: { crowd: { name: Crowd, members: [${crowd.join(', ')}] } }
services: { payments: { team: payments, environments: [production] }, web: { team: payments, environments: [production] } }
policies: [{ name: crowd, when: {}, gates: [{ name: Crowd, who: "group:crowd", needed: 20 }] }]
`;

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());

test('200 people ask for one slot at once: exactly one holds it, everybody gets an answer', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      hall.books(index % 2 === 0 ? 'U0ANA' : 'U0BEN', {
        startsAt: `2026-11-24T13:${String(index % 30).padStart(2, '0')}:00.000Z`,
      }),
    ),
  );
  expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
  for (const outcome of outcomes) if (!outcome.ok) expect(outcome.refusal.code).toBe('conflict');
  const { rows } = await hall.db.pool.query('SELECT count(*)::int AS held FROM reservation WHERE held');
  expect(rows[0].held).toBe(1);
  const wish = hall.wish('U0BEN', { startsAt: '2026-11-24T13:00:00.000Z' });
  const [offer] = await offersFor(hall.ctx, { workspace, person: 'U0BEN' }, wish, new Date('2026-11-24T13:00:00Z'), 1);
  expect((await hall.books('U0BEN', { startsAt: String(offer?.startsAt.toISOString()) })).ok).toBe(true);
});

test('two processes race for one slot: the database decides', async () => {
  const other = await openHall({ catalog });
  // The second process is the same door on the same database, without the first one's queue in memory.
  const { openDb } = await import('../../src/store/db.ts');
  const db = openDb({ url: hall.url, onError: () => undefined });
  const second = { ...hall.ctx, db };
  const { command, input } = hall.wish('U0ANA', {
    units: [{ service: 'web', version: '1' }],
    startsAt: '2026-12-01T10:00:00.000Z',
    minutes: 30,
  });
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      run(index % 2 === 0 ? hall.ctx : second, command, input, {
        workspace,
        actor: { kind: 'person', id: 'U0ANA' },
        id: `two:${index}`,
      }),
    ),
  );
  expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
  await db.close();
  await other.close();
});

test('100 votes at once, every click twice: the tally is exact and there is one verdict', async () => {
  const booked = await hall.books('U0ANA', { startsAt: '2026-11-25T13:00:00.000Z' });
  const [event] = booked.ok ? booked.events : [];
  const number = event?.body.type === 'release.requested' ? event.body.release : 0;
  const clicks = crowd
    .slice(0, 50)
    .flatMap((person) => [
      hall.votes(person, number, {}, `click:${person}`),
      hall.votes(person, number, {}, `click:${person}`),
    ]);
  const outcomes = await Promise.all(clicks);
  const { rows } = await hall.db.pool.query(
    `SELECT (SELECT count(*)::int FROM vote WHERE release = $1) AS votes,
       (SELECT count(*)::int FROM event WHERE release = $1 AND type = 'vote.cast') AS cast,
       (SELECT count(*)::int FROM event WHERE release = $1 AND type = 'release.approved') AS verdicts`,
    [number],
  );
  expect(rows[0]).toEqual({ votes: 20, cast: 20, verdicts: 1 });
  expect(outcomes.filter((outcome) => outcome.ok && !outcome.repeated)).toHaveLength(20);
  for (const outcome of outcomes) if (!outcome.ok) expect(outcome.refusal.code).toBe('voting_closed');
  const [first, again] = [outcomes[0], outcomes[1]];
  expect(first?.ok).toBe(again?.ok);
});

test('two replicas and one digest', async () => {
  const due = new Date('2026-11-24T08:30:00.000Z');
  const { subscribeCommand } = await import('../../src/commands/digest.ts');
  const { call } = await import('../../src/commands/command.ts');
  const { SubscribeInput } = await import('../../src/domain/digest.ts');
  const plan = { channel: 'C0PAY', at: '09:30', zone: 'Europe/Berlin', days: [1, 2, 3, 4, 5], quiet: 'post' };
  // Today's hour is past: the first one is tomorrow's.
  hall.clock.now = new Date('2026-11-23T09:00:00.000Z');
  await hall.does('U0ANA', call(subscribeCommand, SubscribeInput.parse(plan)));
  hall.clock.now = new Date('2026-11-24T08:30:05.000Z');
  const fire = (id: string) => {
    const { command, input } = timerCall({ command: 'clock digest', channel: 'C0PAY' }, due);
    return run(hall.ctx, command, input, { workspace, actor: { kind: 'clock' }, id });
  };
  // The same timer from two replicas, and once more under another name, as after an edit of the schedule.
  await Promise.all([fire('timer:a'), fire('timer:a'), fire('timer:b')]);
  const { rows } = await hall.db.pool.query(`SELECT body FROM event WHERE type IN ('digest.posted', 'digest.missed')`);
  expect(rows.map((row) => row.body.date)).toEqual(['2026-11-24']);
  const { rows: timers } = await hall.db.pool.query(`SELECT due_at FROM timer WHERE key = 'digest:C0PAY'`);
  expect(timers[0].due_at.toISOString()).toBe('2026-11-25T08:30:00.000Z');
});
