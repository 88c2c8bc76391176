import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { createDriver, type Driver, until } from '../../sandbox/driver.ts';
import { readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';
import { moveClock, now } from '../../sandbox/server/world.ts';
import { freePort } from '../../src/postgres.ts';

/** The whole product: the local workspace here, the app as its own process, a database of its own. */
export type House = Driver & {
  readonly sandbox: Sandbox;
  readonly databaseUrl: string;
  readonly query: <Row extends pg.QueryResultRow>(sql: string, params?: unknown[]) => Promise<Row[]>;
  readonly apps: ChildProcess[];
  readonly startApp: (start?: AppStart) => Promise<ChildProcess>;
  readonly port: () => number;
  readonly logs: () => string;
  readonly now: () => Date;
  readonly moveTo: (at: Date) => void;
  readonly close: () => Promise<void>;
};

/** How one more app starts: from another version's folder, or with more in its environment. */
export type AppStart = { readonly from?: string; readonly env?: Readonly<Record<string, string>> };

/** Addresses of a PostgreSQL and a Redis ('': none). */
export type Servers = { readonly databaseUrl: string; readonly redisUrl: string };

export type HouseOptions = {
  /** Other servers than those that all tests share. */
  readonly servers?: Servers & { readonly forApp: (databaseUrl: string) => string };
  readonly env?: Readonly<Record<string, string>>;
  readonly mode?: 'socket' | 'http';
  readonly queue?: 'postgres' | 'redis';
  readonly apps?: number;
  /** When the story begins; a Monday morning unless it says otherwise. */
  readonly at?: string;
  /** A catalogue's text; false: none. */
  readonly catalog?: string | false;
  /** Does the workspace hold to Slack's limits, and the app with it? */
  readonly limits?: boolean;
  /** Violations that the story itself brings about, by kind. Any other fails it when its house is closed. */
  readonly tolerates?: readonly string[];
};

const root = new URL('../../', import.meta.url).pathname;

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const servers = options.servers ?? { databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl') };
  const databaseUrl = await newDatabase(servers.databaseUrl);
  const sandbox = await startSandbox({
    seedFile: `${root}sandbox/workspace.yml`,
    manifest: readManifest(`${root}manifest.yml`),
    enforceLimits: options.limits ?? false,
  });
  // Stories begin on a Monday morning, whatever day it is.
  moveClock(sandbox.world, Date.parse(options.at ?? '2026-11-23T08:00:00Z') - now(sandbox.world));
  const apps: ChildProcess[] = [];
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  pool.on('error', () => undefined);
  let port = 0;
  let logs = '';
  const redis = servers.redisUrl;
  if (options.queue === 'redis' && redis === '') throw new Error('this test needs Redis');

  let catalogFile = `${root}test/support/catalog.yml`;
  if (typeof options.catalog === 'string') {
    catalogFile = join(mkdtempSync(join(tmpdir(), 'maitred-catalog-')), 'catalog.yml');
    writeFileSync(catalogFile, options.catalog);
  }

  const startApp = async ({ from = root, env = {} }: AppStart = {}) => {
    port = await freePort();
    const { bot, app, signingSecret } = sandbox.world.tokens;
    // The second of two knows the workspace by another name, so that a test can tell who calls.
    const origin =
      apps.length === 1 && options.apps ? sandbox.origin.replace('127.0.0.1', 'localhost') : sandbox.origin;
    const child = spawn(process.execPath, ['--import', 'tsx', `${from}src/main.ts`], {
      cwd: from,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        LOG_LEVEL: 'info',
        DATABASE_URL: options.servers?.forApp(databaseUrl) ?? databaseUrl,
        ...(options.queue === 'redis' ? { REDIS_URL: `${redis}/${databaseNumber(databaseUrl)}` } : {}),
        SLACK_API_URL: `${origin}/api/`,
        SLACK_PACE: options.limits ? 'on' : 'off',
        SLACK_BOT_TOKEN: bot,
        ...(options.mode === 'http' ? { SLACK_SIGNING_SECRET: signingSecret } : { SLACK_APP_TOKEN: app }),
        ...(options.catalog === false ? {} : { CATALOG_FILE: catalogFile }),
        ...options.env,
        ...env,
      },
    });
    apps.push(child);
    const own = port;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        logs += chunk;
        if (logs.length > 2_000_000) logs = logs.slice(-1_000_000);
      });
    // How long a start takes on a busy machine is not what stories are about.
    await until(
      `the app on port ${own} to be ready\n${logs.slice(-2_000)}`,
      async () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`the app ended:\n${logs.slice(-3_000)}`);
        const answer = await fetch(`http://127.0.0.1:${own}/readyz`).catch(() => undefined);
        return answer?.ok ? true : undefined;
      },
      60_000,
    );
    if (options.mode === 'http') sandbox.delivery.requestUrl = `http://127.0.0.1:${own}/slack/events`;
    return child;
  };
  for (let started = 0; started < (options.apps ?? 1); started++) await startApp();

  return {
    ...createDriver(sandbox),
    sandbox,
    databaseUrl,
    apps,
    startApp,
    port: () => port,
    logs: () => logs,
    now: () => new Date(now(sandbox.world)),
    moveTo: (at) => moveClock(sandbox.world, at.getTime() - now(sandbox.world)),
    query: async (sql, params) => (await pool.query(sql, params)).rows,
    close: async () => {
      for (const app of apps) if (app.exitCode === null && app.signalCode === null) app.kill('SIGKILL');
      await sandbox.close();
      await pool.end();
      const bad = sandbox.world.violations.filter(({ what }) => !options.tolerates?.includes(what));
      if (bad.length > 0)
        throw new Error(
          `Slack would have minded ${bad.length} times:\n${[...new Set(bad.map(({ what, detail }) => `  ${what}: ${detail}`))].slice(0, 10).join('\n')}`,
        );
    },
  };
}

/** An empty database of its own. */
export async function newDatabase(server = inject('databaseUrl')): Promise<string> {
  const url = new URL(server);
  const client = new pg.Client({ connectionString: url.toString() });
  await client.connect();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  url.pathname = `/${name}`;
  return url.toString();
}

function databaseNumber(url: string): number {
  return Number.parseInt(url.slice(-2), 16) % 16;
}
