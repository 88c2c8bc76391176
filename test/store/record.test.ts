import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { cancelCommand, noteCommand, openRoomCommand } from '../../src/commands/deploy.ts';
import { apply, stateTables } from '../../src/store/apply.ts';
import { openDb } from '../../src/store/db.ts';
import { audit, seal, sealedEvents } from '../../src/store/log.ts';
import { migrate, missingMigrations } from '../../src/store/migrate.ts';
import { inTransaction, isConflict } from '../../src/store/tx.ts';
import { drift } from '../support/drift.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { newDatabase } from '../support/house.ts';

let hall: Hall;
beforeAll(async () => {
  hall = await openHall();
  for (let day = 1; day < 6; day++) await hall.books('U0ANA', { startsAt: `2026-12-0${day}T10:00:00.000Z` });
  await hall.votes('U0BEN', 1);
  await hall.votes('U0KIM', 1, { comment: 'checked' });
  await hall.votes('U0KIM', 2, { choice: 'reject', comment: 'no' });
  await hall.does('U0ANA', call(openRoomCommand, { release: 1 }));
  await hall.does('U0ANA', call(noteCommand, { release: 1, text: 'canary looks healthy ❤' }));
  await hall.does('U0ANA', call(cancelCommand, { release: 3, reason: 'later' }));
  while ((await seal(hall.db, workspace)) > 0);
});
afterAll(() => hall?.close());

test('replaying the log into empty tables gives the same tables', async () => {
  const events = await sealedEvents(hall.db.pool);
  expect(events.length).toBeGreaterThan(15);
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
});

test('the log refuses to be changed, and a changed byte is found all the same', async () => {
  await expect(hall.db.pool.query(`UPDATE event SET type = 'x'`)).rejects.toThrow(/append-only/);
  await expect(hall.db.pool.query('DELETE FROM seal')).rejects.toThrow(/append-only/);
  await expect(hall.db.pool.query('TRUNCATE event CASCADE')).rejects.toThrow(/append-only/);
  expect((await audit(hall.db)).problems).toEqual([]);
  await hall.db.pool.query(`ALTER TABLE event DISABLE TRIGGER ALL`);
  await hall.db.pool.query(
    `UPDATE event SET body = jsonb_set(body, '{comment}', '"checkeD"') WHERE type = 'vote.cast' AND body->>'comment' = 'checked'`,
  );
  const { problems } = await audit(hall.db);
  expect(problems).toEqual([expect.objectContaining({ what: 'the event was changed after it was sealed' })]);
  await hall.db.pool.query(
    `UPDATE event SET body = jsonb_set(body, '{comment}', '"checked"') WHERE type = 'vote.cast' AND body->>'comment' = 'checkeD'`,
  );
  await hall.db.pool.query(`ALTER TABLE event ENABLE TRIGGER ALL`);
  expect((await audit(hall.db)).problems).toEqual([]);
});

test('migrations are applied once, by several at once, in the format of Prisma', async () => {
  const url = await newDatabase();
  const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
  expect(applied.flat()).toEqual(['20261121000000_foundation', '20261121120000_calendar']);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  expect(await missingMigrations(client as unknown as pg.Pool)).toEqual([]);
  await client.query(`UPDATE _prisma_migrations SET checksum = 'other'`);
  await client.end();
  await expect(migrate(url)).rejects.toThrow(/was edited after it was applied/);
});

test('migrations and schema.prisma agree', async () => {
  const schema = new URL('../../prisma/schema.prisma', import.meta.url).pathname;
  const text = await readFile(schema, 'utf8');
  expect(await drift(hall.url, schema, text)).toBe('');
  // The check can fail: a planted column shows.
  expect(
    await drift(
      hall.url,
      schema,
      text.replace(
        '  botUser     String  @map("bot_user")',
        '  botUser     String  @map("bot_user")\n  planted     String?',
      ),
    ),
  ).toMatch(/ADD COLUMN\s+"planted"/);
});

test('a conflict is known in every form in which it reaches us', async () => {
  const forms = [
    { code: '40001' },
    { code: '40P01' },
    { code: 'P2034' },
    { name: 'DriverAdapterError', cause: { kind: 'TransactionWriteConflict' } },
    { code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: '23P01' } } } },
  ];
  expect(forms.map(isConflict)).toEqual(forms.map(() => true));
  expect([{ code: '23514' }, new Error('x'), { code: 'P2025' }].map(isConflict)).toEqual([false, false, false]);
  let tries = 0;
  const done = await inTransaction(hall.db, { contends: [], first: () => 'SELECT 1' }, async () => {
    if (++tries < 3) throw { code: 'P2034' };
    return 'done';
  });
  expect([done, tries]).toEqual(['done', 3]);
});
