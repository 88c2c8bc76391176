import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePort, startPostgres } from '../../src/postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    databaseUrl: string;
    /** Empty: there is no Redis here, and tests that need it say that they were skipped. */
    redisUrl: string;
  }
}

/** A real PostgreSQL for all tests, and a real Redis where there is one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'maitred-test-'));
  chmodSync(folder, 0o755);
  const postgres = await startPostgres(join(folder, 'postgres'), { durable: false });
  const redis = await startRedis(folder);
  project.provide('databaseUrl', postgres.url);
  project.provide('redisUrl', redis.url);
  if (redis.url === '') {
    const said = 'no REDIS_URL and no redis-server on PATH: the tests that need Redis are skipped';
    if (process.env.CI) throw new Error(said);
    process.stdout.write(`\n${said}\n`);
  }
  return async () => {
    redis.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function startRedis(folder: string): Promise<{ url: string; stop: () => void }> {
  const given = process.env.REDIS_URL;
  if (given) return { url: given, stop: () => undefined };
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
  } catch {
    return { url: '', stop: () => undefined };
  }
  const port = await freePort();
  const flags = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    folder,
    '--maxmemory-policy',
    'noeviction',
  ];
  const child = spawn('redis-server', flags, { stdio: 'ignore' });
  return { url: `redis://127.0.0.1:${port}`, stop: () => child.kill('SIGKILL') };
}
