import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import pino from 'pino';
import { parse } from 'yaml';
import { readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';
import { now } from '../../sandbox/server/world.ts';
import { type Call, call } from '../../src/commands/command.ts';
import { requestCommand } from '../../src/commands/request.ts';
import { applyCatalogCommand, connectCommand } from '../../src/commands/setup.ts';
import type { Ctx } from '../../src/ctx.ts';
import { parseCatalog } from '../../src/domain/catalog.ts';
import type { Person } from '../../src/domain/person.ts';
import { openQueue } from '../../src/jobs/queue.ts';
import { freePort, startPostgres } from '../../src/postgres.ts';
import { type Outcome, run } from '../../src/run.ts';
import { type Db, openDb } from '../../src/store/db.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { Row } from '../row.ts';
import { wish } from './wish.ts';

/*
 * A workspace with many channels, the app as processes of its own beside it, and a door to commands in this process, so
 * that the moment of a commit and the moment of a call to Slack are read from one clock.
 */

/** A call that reached Slack: when it began (ms of this process), and what it was. */
export type SlackCall = {
  readonly at: number;
  readonly method: string;
  readonly channel: string;
  /** The surface that a new message belongs to, where it says so. */
  readonly key: string;
  /** Of an edit: which message. */
  readonly ts: string;
};

export type Town = {
  readonly sandbox: Sandbox;
  readonly db: Db;
  readonly ctx: Ctx;
  readonly calls: SlackCall[];
  readonly limited: () => number;
  /** A person's command; resolves once it is committed. */
  readonly does: (person: string, what: Call) => Promise<Outcome>;
  /** Commits one row, for the bare worker to call Slack about; resolves once it is committed. */
  readonly bare: (key: string) => Promise<void>;
  /** Resolves when nothing is left to be written. */
  readonly settled: (withinMs: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type TownOptions = {
  readonly catalog: string;
  readonly channels: readonly string[];
  readonly people: readonly string[];
  readonly queue: 'postgres' | 'redis';
  /** None: the catalogue is applied here, and nothing is written to Slack. */
  readonly apps?: number;
  /** Does the workspace hold to Slack's limits, and the app with it? */
  readonly limits: boolean;
};

const root = new URL('../../', import.meta.url).pathname;
export const workspace = 'T0HARBOUR';

export async function openTown(options: TownOptions): Promise<Town> {
  const folder = mkdtempSync(join(tmpdir(), 'maitred-bench-'));
  chmodSync(folder, 0o755);
  const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const stop of stops.reverse()) await stop();
  };
  try {
    const postgres = await startPostgres(join(folder, 'postgres'));
    stops.push(postgres.stop);
    const redisUrl = options.queue === 'redis' ? await startRedis(folder, stops) : undefined;
    await migrate(postgres.url);
    const sandbox = await startSandbox({
      seedFile: `${root}sandbox/workspace.yml`,
      manifest: readManifest(`${root}manifest.yml`),
      enforceLimits: options.limits,
      lived: false,
    });
    stops.push(sandbox.close);
    settle(sandbox, options);
    const calls: SlackCall[] = [];
    sandbox.world.intercept = async ({ method, args }) => {
      const metadata = args.metadata as { event_payload?: { key?: string } } | undefined;
      const channel = String(args.channel ?? '');
      calls.push({
        at: performance.now(),
        method,
        channel,
        key: metadata?.event_payload?.key ?? '',
        ts: String(args.ts ?? ''),
      });
      return 'pass';
    };
    const db = openDb({ url: postgres.url, onError: () => undefined });
    stops.push(db.close);
    const catalogFile = join(folder, 'catalog.yml');
    writeFileSync(catalogFile, options.catalog);
    for (let app = 0; app < (options.apps ?? 1); app++)
      stops.push(await startApp(sandbox, { databaseUrl: postgres.url, redisUrl, catalogFile, limits: options.limits }));
    const queue = await openQueue({
      backend: options.queue,
      url: redisUrl ?? postgres.url,
      onError: () => undefined,
    });
    stops.push(() => queue.close(1_000));
    const bare = await openBare(options.queue, { sandbox, db, redisUrl, url: postgres.url, stops });
    const ctx: Ctx = {
      db,
      directory: {
        peek: (_team, needs) => everybody(needs),
        lookup: async (_team, needs) => everybody(needs),
      },
      now: () => new Date(now(sandbox.world)),
      newId: randomUUID,
      log: pino({ level: 'silent' }),
      wake: (team, keys) => {
        for (const key of keys) void queue.add({ workspace: team, key }).catch(() => undefined);
      },
      count: () => undefined,
    };
    if (options.apps === 0) await found(ctx, options.catalog);
    return {
      sandbox,
      db,
      ctx,
      calls,
      limited: () => sandbox.world.calls.filter(({ error }) => error === 'ratelimited').length,
      does: (person, what) =>
        run(ctx, what.command, what.input, { workspace, actor: { kind: 'person', id: person }, id: randomUUID() }),
      bare,
      settled: async (withinMs) => {
        const end = Date.now() + withinMs;
        for (;;) {
          const { rows } = await db.pool.query('SELECT count(*)::int AS count FROM outbox');
          if (rows[0].count === 0) return;
          if (Date.now() > end) {
            const left = await db.pool.query(
              'SELECT o.surface, s.problem, s.attempts FROM outbox o LEFT JOIN surface s ON s.workspace = o.workspace AND s.key = o.surface LIMIT 5',
            );
            throw new Error(
              `${rows[0].count} surfaces are still to be written, among them ${JSON.stringify(left.rows)}`,
            );
          }
          await sleep(50);
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function found(ctx: Ctx, text: string): Promise<void> {
  const system = { workspace, actor: { kind: 'system' } } as const;
  const parsed = parseCatalog(parse(text));
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  await run(ctx, connectCommand, { name: 'Harbour', botUser: 'U0MAITRED' }, { ...system, id: 'connect' });
  await run(ctx, applyCatalogCommand, { hash: 'one', catalog: parsed.catalog }, { ...system, id: 'catalog' });
}

type BareSettings = {
  readonly sandbox: Sandbox;
  readonly db: Db;
  readonly url: string;
  readonly redisUrl: string | undefined;
  readonly stops: (() => unknown)[];
};

/** The floor: the same queue, in a database of its own, with a worker that does nothing but call. */
async function openBare(
  backend: 'postgres' | 'redis',
  { sandbox, db, url, redisUrl, stops }: BareSettings,
): Promise<Town['bare']> {
  const own = new URL(redisUrl ?? url);
  own.pathname = redisUrl ? '/9' : '/bare';
  await db.pool.query('CREATE DATABASE bare');
  const pool = rawPool(db, 'bare');
  stops.push(() => pool.end());
  await pool.query('CREATE TABLE done (key text PRIMARY KEY)');
  const queue = await openQueue({ backend, url: own.toString(), onError: () => undefined });
  stops.push(() => queue.close(1_000));
  const child = fork(new URL('bare.ts', import.meta.url).pathname, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { PATH: process.env.PATH, QUEUE: backend, QUEUE_URL: own.toString(), SLACK_API_URL: `${sandbox.origin}/api/` },
  });
  stops.push(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.once('message', resolve));
  return async (key) => {
    await pool.query('BEGIN');
    await pool.query('INSERT INTO done VALUES ($1)', [key]);
    await pool.query('COMMIT');
    // As the app does: the queue hears of it after the commit, and nobody waits for that.
    void queue.add({ workspace, key }).catch(() => undefined);
  };
}

async function startRedis(folder: string, stops: (() => unknown)[]): Promise<string> {
  if (process.env.REDIS_URL) return process.env.REDIS_URL;
  const port = await freePort();
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn('redis-server', [...flags, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
  stops.push(() => child.kill('SIGKILL'));
  await sleep(500);
  return `redis://127.0.0.1:${port}`;
}

/** Channels with the app in them, and the people who are to vote. */
function settle({ world }: Sandbox, { channels, people }: TownOptions): void {
  const { state } = world;
  const like = state.channels.C0RELEASES;
  const ana = state.users.U0ANA;
  if (!like || !ana) throw new Error('the workspace has neither #releases nor Ana');
  for (const id of channels) {
    const name = id.slice(2).toLowerCase();
    state.channels[id] = { ...structuredClone(like), id, name, members: ['U0ANA', state.app.botUser], pins: [] };
  }
  for (const id of people) state.users[id] ??= { ...ana, id, name: id.slice(2).toLowerCase(), real_name: id };
}

type AppSettings = { databaseUrl: string; redisUrl: string | undefined; catalogFile: string; limits: boolean };

async function startApp(sandbox: Sandbox, settings: AppSettings): Promise<() => void> {
  const port = await freePort();
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', `${root}src/main.ts`], {
    cwd: root,
    stdio: ['ignore', 'ignore', process.env.BENCH_VERBOSE ? 'inherit' : 'ignore'],
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      LOG_LEVEL: 'error',
      DATABASE_URL: settings.databaseUrl,
      ...(settings.redisUrl ? { REDIS_URL: settings.redisUrl } : {}),
      SLACK_API_URL: `${sandbox.origin}/api/`,
      SLACK_BOT_TOKEN: sandbox.world.tokens.bot,
      SLACK_APP_TOKEN: sandbox.world.tokens.app,
      CATALOG_FILE: settings.catalogFile,
      ...(settings.limits ? {} : { SLACK_PACE: 'off' }),
    },
  });
  for (const end = Date.now() + 60_000; ; await sleep(50)) {
    if (child.exitCode !== null || Date.now() > end) throw new Error('the app did not start');
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok) return () => child.kill('SIGKILL');
  }
}

/** Everybody who is asked for is a member; Ana is in every channel, and nobody in a group. */
function everybody(needs: { people: readonly string[]; usergroups: readonly string[]; channels: readonly string[] }) {
  const person = (id: string): Person => ({
    id,
    name: id,
    zone: 'Europe/Berlin',
    isBot: false,
    isGuest: false,
    isStranger: false,
    isDeleted: false,
  });
  return {
    people: Object.fromEntries(needs.people.map((id) => [id, person(id)])),
    usergroups: Object.fromEntries(needs.usergroups.map((id) => [id, []])),
    channels: Object.fromEntries(needs.channels.map((id) => [id, ['U0ANA']])),
  };
}

/** The value below which `share` of all are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A connection of its own for floors. */
export function rawPool(db: Pick<Db, 'pool'>, database?: string): pg.Pool {
  const url = new URL(String(db.pool.options.connectionString));
  if (database) url.pathname = `/${database}`;
  const pool = new pg.Pool({ connectionString: url.toString(), max: 1 });
  // The server may be gone before the last connection is.
  pool.on('error', () => undefined);
  return pool;
}

/** Ana books an hour of production; gives the release, its event, and when it was committed (ms of this process). */
export async function booked(
  town: Town,
  service: string,
  startsAt: Date,
): Promise<{ release: number; event: string; at: number }> {
  const outcome = await town.does('U0ANA', call(requestCommand, wish('U0ANA', service, startsAt, 60)));
  const at = performance.now();
  if (!outcome.ok) throw new Error(`nothing was booked: ${outcome.refusal.code}`);
  const [event] = outcome.events;
  if (event?.body.type !== 'release.requested') throw new Error('nothing was booked');
  return { release: event.body.release, event: event.id, at };
}

/** How often Slack said "later" since there were `before` such answers. */
export function limitedRow(what: string, town: Town, before: number): Row {
  const limited = town.limited() - before;
  return {
    what,
    n: town.calls.length,
    p50: limited,
    p99: limited,
    unit: 'count',
    goal: '= 0',
    pass: limited === 0,
  };
}
