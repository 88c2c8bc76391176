import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../../src/postgres.ts';

test('the embedded database has one owner, keeps its data, and says when it is damaged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'maitred-postgres-'));
  chmodSync(folder, 0o755);
  const data = join(folder, 'postgres');
  const ask = async (url: string, sql: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(sql);
    await client.end();
    return rows;
  };

  const first = await startPostgres(data, { durable: false });
  await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await expect(startPostgres(data)).rejects.toThrow(/already runs on the data/);
  expect(await ask(first.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await first.stop();

  const second = await startPostgres(data, { durable: false });
  expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await second.stop();

  rmSync(join(data, 'global', 'pg_control'));
  await expect(startPostgres(data)).rejects.toThrow(/is damaged .*delete .* to begin anew/);
  rmSync(folder, { recursive: true, force: true });
});
