import { cpSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { cancelCommand, noteCommand } from '../../src/commands/deploy.ts';
import { openRoomCommand } from '../../src/commands/room.ts';
import { GateRule } from '../../src/domain/policy.ts';
import { audit, seal } from '../../src/store/log.ts';
import { migrate, missingMigrations } from '../../src/store/migrate.ts';
import { inTransaction, isConflict } from '../../src/store/tx.ts';
import { drift } from '../support/drift.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { newDatabase } from '../support/house.ts';
import { expectReplayed } from '../support/replay.ts';

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
  expect(await expectReplayed(hall)).toBeGreaterThan(15);
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
  expect(applied.flat()).toEqual([
    '20261121000000_foundation',
    '20261121120000_calendar',
    '20261121180000_approval',
    '20261122090000_room',
    '20261122150000_digest',
    '20261123090000_metric',
    '20261125090000_numbers',
    '20261126090000_home',
  ]);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  expect(await missingMigrations(client as unknown as pg.Pool)).toEqual([]);
  await client.query(`UPDATE _prisma_migrations SET checksum = 'other'`);
  await client.end();
  await expect(migrate(url)).rejects.toThrow(/was edited after it was applied/);
});

test('a database of the first version is brought along: what was held stays held, in lanes', async () => {
  const first = mkdtempSync(join(tmpdir(), 'maitred-migrations-'));
  const name = '20261121000000_foundation';
  cpSync(new URL(`../../prisma/migrations/${name}`, import.meta.url).pathname, join(first, name), { recursive: true });
  const url = await newDatabase();
  await migrate(url, first);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`INSERT INTO release (workspace, number, state, requester, lead, environment, change_type, policy, summary, rollback_plan,
      starts_at, ends_at, channel, revision, requested_at, changed_at)
    SELECT 'T1', n, 'approved', 'U1', 'U1', 'production', 'normal', 'p', '', '', '2026-12-01T10:00Z', '2026-12-01T11:00Z', 'C1', 1, now(), now() FROM generate_series(1, 2) n;
    INSERT INTO release_unit (workspace, release, position, service, version) VALUES ('T1', 1, 0, 'web', '1'), ('T1', 1, 1, 'search', '2'), ('T1', 2, 0, 'web', '3'), ('T1', 2, 1, 'search', '4');
    INSERT INTO gate (workspace, release, position, name, who, needed, asked) VALUES ('T1', 1, 0, 'SRE', '{"kind":"owners"}', 2, '{U2,U3}');
    INSERT INTO vote (workspace, release, gate, voter, revision, choice, comment, because, at) VALUES ('T1', 1, 'SRE', 'U2', 1, 'approve', '', 'x', now());
    INSERT INTO reservation (workspace, release, service, environment, exclusive, starts_at, ends_at, held) VALUES
      ('T1', 1, 'web', 'production', false, '2026-12-01T10:00Z', '2026-12-01T11:00Z', true),
      ('T1', 1, 'search', 'production', false, '2026-12-01T10:00Z', '2026-12-01T11:00Z', true),
      ('T1', 2, 'web', 'uat', true, '2026-12-01T10:00Z', '2026-12-01T11:00Z', true),
      ('T1', 2, 'search', 'uat', true, '2026-12-01T10:00Z', '2026-12-01T11:00Z', true);`);
  expect(await migrate(url)).toEqual([
    '20261121120000_calendar',
    '20261121180000_approval',
    '20261122090000_room',
    '20261122150000_digest',
    '20261123090000_metric',
    '20261125090000_numbers',
    '20261126090000_home',
  ]);
  const { rows } = await client.query(
    'SELECT holder, position, service, environment, label FROM reservation ORDER BY holder, position',
  );
  expect(rows).toEqual([
    { holder: 'REL-1', position: 0, service: 'web', environment: 'production', label: 'web 1 + search 2' },
    { holder: 'REL-1', position: 1, service: 'search', environment: 'production', label: 'web 1 + search 2' },
    { holder: 'REL-2', position: 0, service: null, environment: 'uat', label: 'web 3 + search 4' },
  ]);
  const { rows: gates } = await client.query('SELECT rule, asked, asked_at IS NOT NULL AS has_time FROM gate');
  expect(gates).toEqual([{ rule: GateRule.parse(gates[0]?.rule), asked: ['U2', 'U3'], has_time: true }]);
  expect(gates[0].rule).toMatchObject({ name: 'SRE', needed: 2, veto: true, covers: ['content'] });
  expect((await client.query('SELECT seats FROM vote')).rows).toEqual([{ seats: ['U2'] }]);
  const other = `INSERT INTO reservation (workspace, holder, position, service, environment, label, starts_at, ends_at, held)
    VALUES ('T1', 'REL-9', 0, 'ledger', $1, '', '2026-12-01T10:30Z', '2026-12-01T10:45Z', true)`;
  await expect(client.query(other, ['uat'])).rejects.toThrow(/reservation_once/);
  await client.query(other, ['production']);
  await client.end();
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
