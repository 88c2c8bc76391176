import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  beginFirstWrite,
  bury,
  type Claim,
  claim,
  findSurface,
  markStale,
  outboxLag,
  settle,
} from '../../src/store/ledger.ts';
import { permit } from '../../src/store/notification.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

let hall: Hall;
beforeAll(async () => {
  hall = await openHall();
});
afterAll(() => hall?.close());

const key = 'header:REL-1';
const shown = { channel: 'C0ROOM', ts: '1.000100', hash: 'h', wrote: true };
const takes = async (by: string, leaseMs = 10_000) => (await claim(hall.db, workspace, key, by, leaseMs)) as Claim;

test('what is committed while a surface is written is still to be written, whatever its number', async () => {
  const { db, clock } = hall;
  const slow = await db.pool.connect();
  await slow.query('BEGIN');
  await slow.query('INSERT INTO outbox (workspace, surface, at) VALUES ($1, $2, now())', [workspace, key]);
  await markStale(db, workspace, [key], clock.now);
  const claimed = await takes('one');
  await slow.query('COMMIT');
  slow.release();
  await settle(db, claimed, shown);
  expect((await outboxLag(db, new Date())).rows).toBe(1);
  await settle(db, await takes('one'), shown);
  expect((await outboxLag(db, new Date())).rows).toBe(0);
});

test('whoever lost the claim writes nothing down, and begins no first write', async () => {
  const { db, clock } = hall;
  await markStale(db, workspace, [key], clock.now);
  const lost = await takes('one', -1);
  const mine = await takes('two');
  await expect(beginFirstWrite(db, lost, 10_000)).rejects.toThrow(/claim/);
  await settle(db, lost, { ...shown, ts: '2.000200' });
  expect((await outboxLag(db, new Date())).rows).toBe(1);
  expect((await findSurface(db, workspace, key))?.ts).toBe(shown.ts);
  await beginFirstWrite(db, mine, 10_000);
  await settle(db, mine, shown);
  expect((await outboxLag(db, new Date())).rows).toBe(0);
});

test('what can never be written was sent to nobody', async () => {
  const { db, clock } = hall;
  const ask = 'ask:REL-1:U0LEE';
  const about = {
    audience: 'approver' as const,
    person: 'U0LEE',
    channel: null,
    release: 1,
    why: 'may vote',
    must: true,
  };
  const when = { now: clock.now, day: clock.now, snoozedUntil: undefined, dm: 'all' as const };
  expect(await permit(db, workspace, ask, about, when)).toBe('send');
  await markStale(db, workspace, [ask], clock.now);
  await bury(db, (await claim(db, workspace, ask, 'one', 10_000)) as Claim, 'user_disabled');
  expect((await db.pool.query('SELECT 1 FROM notification WHERE surface = $1', [ask])).rows).toEqual([]);
  expect((await findSurface(db, workspace, ask))?.problem).toBe('user_disabled');
});
