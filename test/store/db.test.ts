import { type AddressInfo, createServer } from 'node:net';
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

test('a session pooler may stand in between: it knows all that is asked of it first, and sessions are told their limits', async () => {
  const asked: string[][] = [];
  const pooler = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .once('data', (packet) => {
        // Length and version, then names and values, each with a zero at its end.
        const words = packet.subarray(8).toString().split('\0');
        asked.push(words.filter((word, at) => at % 2 === 0 && word !== '').sort());
        socket.destroy();
      }),
  );
  await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', () => resolve()));
  const through = openDb({
    url: `postgresql://postgres@127.0.0.1:${(pooler.address() as AddressInfo).port}/maitred`,
    onError: () => undefined,
  });
  for (const pool of [through.pool, through.background]) await expect(pool.query('SELECT 1')).rejects.toThrow();
  await through.close();
  pooler.close();
  // What PgBouncer keeps for each of its clients.
  const known = ['application_name', 'client_encoding', 'database', 'user'];
  expect(asked).toEqual([known, known]);

  const own = openDb({ url: `${hall.url}?options=-c%20work_mem%3D5MB`, onError: () => undefined, isHasty: true });
  const names = ['statement_timeout', 'idle_in_transaction_session_timeout', 'plan_cache_mode', 'synchronous_commit'];
  const sessionOf = async (pool: Db['pool']) => {
    const { rows } = await pool.query(
      "SELECT array_agg(current_setting(name) ORDER BY place) AS set FROM unnest($1::text[] || 'work_mem'::text) WITH ORDINALITY AS n(name, place)",
      [names],
    );
    return rows[0].set;
  };
  expect(await sessionOf(own.pool)).toEqual(['4s', '5s', 'force_generic_plan', 'off', '5MB']);
  expect(await sessionOf(own.background)).toEqual(['4s', '5s', 'auto', 'off', '5MB']);
  expect(await sessionOf(db.pool)).toEqual(['4s', '5s', 'force_generic_plan', 'on', '4MB']);
  await own.close();
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
