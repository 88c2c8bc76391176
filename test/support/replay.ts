import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { expect } from 'vitest';
import { apply, stateTables } from '../../src/store/apply.ts';
import { type Db, openDb } from '../../src/store/db.ts';
import { seal, sealedEvents } from '../../src/store/log.ts';
import { migrate } from '../../src/store/migrate.ts';
import { inTransaction } from '../../src/store/tx.ts';
import { type Hall, workspace } from './hall.ts';
import { newDatabase } from './house.ts';

type Difference = { readonly table: string; readonly stored: unknown[]; readonly replayed: unknown[] };

/** Replays a hall's (or a house's) log into empty tables and holds every table against the hall's. Gives the number of events. */
export async function expectReplayed(hall: Pick<Hall, 'db'>): Promise<number> {
  const { events, differences } = await replay(hall.db, await newDatabase());
  expect(differences).toEqual([]);
  return events;
}

/** Replays the whole log into the empty database at `url`; gives the tables that differ then. */
export async function replay(db: Db, url: string): Promise<{ events: number; differences: Difference[] }> {
  while ((await seal(db, workspace)) > 0);
  const events = await sealedEvents(db.pool);
  await migrate(url);
  const copy = openDb({ url, onError: () => undefined });
  try {
    await inTransaction(copy, { contends: [], first: () => 'SELECT 1' }, async (tx) => {
      for (const event of events) await apply(tx, event);
    });
    const differences: Difference[] = [];
    for (const table of stateTables) {
      const rows = async (pool: pg.Pool) =>
        (await pool.query(`SELECT to_jsonb(t) AS row FROM ${table} t ORDER BY to_jsonb(t)::text`)).rows;
      const [stored, replayed] = [await rows(db.pool), await rows(copy.pool)];
      if (!isDeepStrictEqual(stored, replayed)) differences.push({ table, stored, replayed });
    }
    return { events: events.length, differences };
  } finally {
    await copy.close();
  }
}
