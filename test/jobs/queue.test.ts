import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { openQueue, type RefreshJob } from '../../src/jobs/queue.ts';
import { newDatabase } from '../support/house.ts';

test('a worker whose first connection fails tries again, and the process goes on meanwhile', async () => {
  const url = await newDatabase();
  const errors: Error[] = [];
  const done: RefreshJob[] = [];
  const queue = await openQueue({ backend: 'postgres', url, onError: (error) => errors.push(error) });
  const admin = new pg.Client({ connectionString: inject('databaseUrl') });
  await admin.connect();
  const allow = (is: boolean) =>
    admin.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} ALLOW_CONNECTIONS ${is}`);
  try {
    await allow(false);
    queue.work(async (job) => void done.push(job));
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await allow(true);
    const job = { workspace: 'T1', key: 'card:REL-1' };
    await queue.add(job);
    await expect.poll(() => done, { timeout: 20_000 }).toEqual([job]);
  } finally {
    await queue.close(5_000);
    await admin.end();
  }
});
