import type pg from 'pg';
import { expect } from 'vitest';
import { apply, stateTables } from '../../src/store/apply.ts';
import { openDb } from '../../src/store/db.ts';
import { seal, sealedEvents } from '../../src/store/log.ts';
import { migrate } from '../../src/store/migrate.ts';
import { inTransaction } from '../../src/store/tx.ts';
import { type Hall, workspace } from './hall.ts';
import { newDatabase } from './house.ts';

/** Replays a hall's (or a house's) log into empty tables and holds every table against the hall's. Gives the number of events. */
export async function expectReplayed(hall: Pick<Hall, 'db'>): Promise<number> {
  while ((await seal(hall.db, workspace)) > 0);
  const events = await sealedEvents(hall.db.pool);
  const url = await newDatabase();
  await migrate(url);
  const copy = openDb({ url, onError: () => undefined });
  await inTransaction(copy, { contends: [], first: () => 'SELECT 1' }, async (tx) => {
    for (const event of events) await apply(tx, event);
  });
  for (const table of stateTables) {
    const rows = async (pool: pg.Pool) =>
      (await pool.query(`SELECT to_jsonb(t) AS row FROM ${table} t ORDER BY to_jsonb(t)::text`)).rows;
    expect({ table, rows: await rows(copy.pool) }).toEqual({ table, rows: await rows(hall.db.pool) });
  }
  await copy.close();
  return events.length;
}
