import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
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

test('a connection that is cut while the queue uses it ends no process', async () => {
  const url = new URL(await newDatabase());
  const sockets = new Set<Socket>();
  const line = createServer((near) => {
    const far = connect(Number(url.port), url.hostname);
    for (const one of [near, far]) sockets.add(one.on('error', () => undefined).on('close', () => sockets.delete(one)));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.port = String((line.address() as AddressInfo).port);
  const errors: Error[] = [];
  const done: RefreshJob[] = [];
  const onError = (error: Error) => errors.push(error);
  const queue = await openQueue({ backend: 'postgres', url: through.toString(), onError });
  const admin = new pg.Client({ connectionString: url.toString() });
  await admin.connect();
  try {
    // Whoever connects looks first whether the tables are there, one at a time.
    await admin.query(`SELECT pg_advisory_lock(${0x42554c4c}, hashtext('bullmq'))`);
    queue.work(async (job) => void done.push(job));
    const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;
    await expect.poll(async () => (await admin.query(waits)).rowCount).toBe(1);
    // One that nobody listens to raises an error that fails this run.
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await admin.query('SELECT pg_advisory_unlock_all()');
    const job = { workspace: 'T1', key: 'card:REL-1' };
    const added = () =>
      queue.add(job).then(
        () => true,
        () => false,
      );
    await expect.poll(added, { timeout: 20_000 }).toBe(true);
    await expect.poll(() => done.length, { timeout: 20_000 }).toBeGreaterThan(0);
  } finally {
    await queue.close(5_000);
    await admin.end();
    line.close();
  }
});
