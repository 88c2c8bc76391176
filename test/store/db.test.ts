import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Db, inBackground, openDb } from '../../src/store/db.ts';
import { inTransaction } from '../../src/store/tx.ts';
import { type Hall, openHall } from '../support/hall.ts';

let hall: Hall;
let db: Db;
const heard: Error[] = [];
beforeAll(async () => {
  hall = await openHall();
  db = openDb({ url: hall.url, onError: (error) => heard.push(error) });
});
afterAll(async () => {
  await db?.close();
  await hall?.close();
});

const options = { contends: [], first: () => 'SELECT pg_backend_pid() AS pid' };

/** Cuts a connection while nothing is asked of it, as a restart of the server does to every transaction. */
async function cut(pid: number): Promise<void> {
  const before = heard.length;
  await hall.db.pool.query('SELECT pg_terminate_backend($1)', [pid]);
  await expect.poll(() => heard.length).toBeGreaterThan(before);
}

test('a connection that breaks inside a transaction ends the transaction and not the process', async () => {
  await expect(
    inTransaction(db, options, async (tx, [first]) => {
      await cut(first?.pid);
      return tx.query('SELECT 1', []);
    }),
  ).rejects.toThrow();
  await expect(
    inBackground(db, 'BEGIN', async (client) => {
      await cut((await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
      return client.query('SELECT 1');
    }),
  ).rejects.toThrow();
  expect(await inTransaction(db, options, async () => 'works again')).toBe('works again');
});

test('a transaction that stands still for a while costs those that meet it time, and not their answer', async () => {
  await db.pool.query('CREATE TABLE seen (who text PRIMARY KEY)');
  const meets = { contends: [] };
  const count = 'SELECT count(*)::int AS n FROM seen';
  let moved = false;
  let tries = 0;
  // It has read what everybody writes, and does not end for as long as twenty tries of the other take.
  const still = await db.pool.connect();
  await still.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
  await still.query(count);
  const met = inTransaction(db, meets, async (tx) => {
    tries++;
    await tx.query(count, []);
    // Somebody else's write is committed meanwhile: what was read here is old, and the one who stands still has read it.
    if (!moved)
      await db.pool.query('BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO seen VALUES (gen_random_uuid()); COMMIT');
    await tx.write("INSERT INTO seen VALUES ('me')", []);
    return 'committed';
  });
  await expect.poll(() => tries, { timeout: 9_000 }).toBeGreaterThan(20);
  await still.query('ROLLBACK');
  still.release();
  moved = true;
  expect(await met).toBe('committed');
});

test('commands keep one plan, whatever the values; what may wait is planned for them', async () => {
  const mode = 'SHOW plan_cache_mode';
  expect(await inTransaction(db, { contends: [] }, (tx) => tx.query(mode, []))).toEqual([
    { plan_cache_mode: 'force_generic_plan' },
  ]);
  expect((await db.background.query(mode)).rows).toEqual([{ plan_cache_mode: 'auto' }]);
});
