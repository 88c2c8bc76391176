import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { parse } from 'yaml';
import { call } from './commands/command.ts';
import { applyCatalogCommand, connectCommand } from './commands/setup.ts';
import type { Ctx } from './ctx.ts';
import { parseCatalog } from './domain/catalog.ts';
import { type Env, readEnv } from './env.ts';
import { openHooks, openMachineDoor } from './http/hook.ts';
import { openOutbound } from './http/outbound.ts';
import { createMetrics, startHttp } from './http/server.ts';
import { everyHour, everySecond, everyTenSeconds, tick } from './jobs/clock.ts';
import { openQueue } from './jobs/queue.ts';
import { merged, sealAll, sweep, workQueue } from './jobs/refresh.ts';
import { type EmbeddedPostgres, PostgresProblem, startPostgres } from './postgres.ts';
import { run } from './run.ts';
import { openSlack } from './slack/app.ts';
import { type CallSeen, failureOf, openClient, type SlackConnection } from './slack/client.ts';
import { openDirectory } from './slack/directory.ts';
import { noPace, openPace } from './slack/pace.ts';
import { refresh } from './slack/surface.ts';
import { openDb, warmUp } from './store/db.ts';
import { forgetDrafts } from './store/draft.ts';
import { freshenDigests } from './store/follow.ts';
import { freshenHomes } from './store/home.ts';
import { migrate } from './store/migrate.ts';
import { forgetPace } from './store/pace.ts';
import { localSecret, openVault } from './vault.ts';

/** A sentence for the person who starts it: no stack. */
class StartProblem extends Error {}

const drainMs = 8_000;
/** What nobody came back to in two days is forgotten. */
const draftMs = 48 * 60 * 60_000;
/** Nobody waits for a seal; sealing in batches leaves the thread to answers. */
const sealRestMs = 100;
const stops: (() => Promise<unknown>)[] = [];
let stopping = false;

main().catch(async (error: unknown) => {
  process.stderr.write(`${sentenceFor(error)}\n`);
  await stopAll();
  process.exit(1);
});

async function main(): Promise<void> {
  const read = readEnv(process.env);
  if (!read.ok)
    throw new StartProblem(`Maitred cannot start:\n${read.problems.map((problem) => `  - ${problem}`).join('\n')}`);
  const { env } = read;
  const log = createLog(env);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void shutDown(log));
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    void shutDown(log, 1);
  });

  const postgres: EmbeddedPostgres | undefined = env.databaseUrl
    ? undefined
    : await startPostgres(join(env.dataDir, 'postgres'));
  if (postgres) stops.push(postgres.stop);
  const databaseUrl = env.databaseUrl ?? (postgres as EmbeddedPostgres).url;
  await migrate(databaseUrl);

  const local = env.slack ? undefined : await startLocalSlack(env);
  const slack = env.slack ?? (local as Local).slack;
  const clock = isLoopback(slack.apiUrl) ? await followClock(slack.apiUrl as string, log) : { now: () => new Date() };
  await startApp(env, slack, {
    databaseUrl,
    now: clock.now,
    log,
    checkClock: !isLoopback(slack.apiUrl),
    catalogFile: env.catalogFile ?? local?.catalogFile,
    pastFile: env.catalogFile ? undefined : local?.pastFile,
  });

  if (local) process.stdout.write(`Maitred is open: ${local.origin}\n`);
  else process.stdout.write(`Maitred runs on port ${env.port}\n`);
}

type Local = {
  readonly slack: SlackConnection;
  readonly origin: string;
  readonly catalogFile?: string;
  readonly pastFile?: string;
};

/** The local workspace, loaded only where it is used. */
async function startLocalSlack(env: Env): Promise<Local> {
  const { startSandbox } = await import('../sandbox/server/server.ts');
  const { readManifest } = await import('../sandbox/server/manifest.ts');
  const at = (path: string) => new URL(path, import.meta.url).pathname;
  const empty = process.argv.includes('--empty');
  const sandbox = await startSandbox({
    seedFile: at('../sandbox/workspace.yml'),
    manifest: readManifest(at('../manifest.yml')),
    snapshotFile: join(env.dataDir, 'workspace.json'),
    port: env.sandboxPort,
    lived: !empty,
  }).catch(portTaken('SANDBOX_PORT', env.sandboxPort));
  stops.push(sandbox.close);
  const { bot, app } = sandbox.world.tokens;
  return {
    slack: { botToken: bot, apiUrl: `${sandbox.origin}/api/`, mode: { kind: 'socket', appToken: app } },
    origin: sandbox.origin,
    ...(empty ? {} : { catalogFile: at('../sandbox/catalog.yml'), pastFile: at('../sandbox/history.yml') }),
  };
}

type Parts = {
  databaseUrl: string;
  now: () => Date;
  log: Logger;
  checkClock: boolean;
  catalogFile: string | undefined;
  /** What happened before the first start. */
  pastFile: string | undefined;
};

async function startApp(env: Env, slack: SlackConnection, parts: Parts): Promise<void> {
  const { databaseUrl, now, log } = parts;
  const metrics = createMetrics();
  const db = openDb({ url: databaseUrl, onError: troubled(log, 'a database connection broke') });
  stops.push(db.close);
  const queue = await openQueue({
    backend: env.redisUrl ? 'redis' : 'postgres',
    url: env.redisUrl ?? databaseUrl,
    onError: troubled(log, 'the queue reports an error'),
  });
  const seen: CallSeen = (method, result, ms) => {
    metrics.slackCalls.inc({ method, result });
    metrics.slackSeconds.observe({ method }, ms / 1000);
  };
  const bot = await openClient(slack.botToken, slack.apiUrl, { seen })
    .auth.test()
    .catch((error: unknown) => {
      const failure = failureOf(error);
      throw new StartProblem(
        `Slack does not accept SLACK_BOT_TOKEN (${failure.kind === 'later' ? 'rate limited' : failure.error}). Install the app in your workspace and copy its bot token.`,
      );
    });
  const workspace = String(bot.team_id);
  const pace = env.paced ? openPace({ db, workspace, log }) : noPace;
  const client = openClient(slack.botToken, slack.apiUrl, { seen, pace });
  const directory = openDirectory(client, workspace);

  const publicUrl = env.publicUrl ?? `http://127.0.0.1:${env.port}`;
  const vault = openVault(env.secretKey ?? localSecret(join(env.dataDir, 'secret.key')));
  const ctx: Ctx = {
    db,
    directory,
    now,
    newId: randomUUID,
    log,
    vault,
    // In production nothing on this machine is anybody's deployment system.
    hooks: openHooks({ vault, publicUrl, fetch: openOutbound({ local: !env.production }) }),
    count: metrics.count,
    wake: (team, keys) => {
      for (const key of keys)
        queue
          .add({ workspace: team, key })
          .catch((error: unknown) => log.warn({ err: error }, 'a wake-up was lost; the sweep has it'));
      sealSoon();
    },
  };
  // Every commit asks for its seal; sealers that queue for one lock would hold the connections that surfaces need.
  const sealSoon = merged(
    () => sealAll(ctx),
    (error) => log.warn({ err: error }, 'sealing waits for the next second'),
    sealRestMs,
  );
  const instance = randomUUID();
  const project = (team: string, key: string) =>
    refresh({ ctx, client, pace, instance, seen: (kind, result) => metrics.surfaces.inc({ kind, result }) }, team, key);

  // The first query of a fresh client costs a tenth of a second: not somebody's first command.
  await warmUp(db);

  const system = { workspace, actor: { kind: 'system' } } as const;
  const identity = { name: String(bot.team), botUser: String(bot.user_id) };
  const moveIn = async (then: Ctx, id?: string) => {
    await run(then, connectCommand, identity, { ...system, id: `connect:${identity.name}:${identity.botUser}` });
    if (parts.catalogFile) await applyCatalog(then, system, parts.catalogFile, id);
  };
  if (parts.pastFile) {
    const { livePast } = await import('./past.ts');
    // What a crash takes from it is lived again at the next start: no commit waits for the disk.
    const past = openDb({ url: databaseUrl, onError: () => undefined, poolSize: 3, isHasty: true });
    const house = { ctx: { ...ctx, db: past }, workspace, moveIn };
    const told = parse(readFileSync(parts.pastFile, 'utf8'));
    // A busy machine may be too slow for one statement of a thousand; what was lived is not lived twice.
    await livePast(house, told).catch(() => livePast(house, told));
    await past.close();
  }
  await moveIn(ctx);

  const door = await openSlack(ctx, client, directory, {
    ...slack,
    workspace,
    command: env.command,
    onAck: (kind, ms) => metrics.ack.observe({ kind }, ms / 1000),
    feedUrl: (token) => `${publicUrl}/feeds/${token}.ics`,
  });
  workQueue(ctx, queue, project, door.isAnswering);
  const beats = [
    everySecond(ctx, 'timers', () => tick(ctx)),
    everySecond(ctx, 'sweep', () => sweep(ctx, queue, project)),
    everySecond(ctx, 'seal', () => sealAll(ctx)),
    everySecond(ctx, 'homes', () => freshenHomes(ctx.db, now(), 'others')),
    everyTenSeconds(ctx, 'homes of roles', () => freshenHomes(ctx.db, now(), 'with a role')),
    everyTenSeconds(ctx, 'digests', () => freshenDigests(ctx.db, now())),
    everyHour(ctx, 'drafts', () => forgetDrafts(ctx.db, new Date(now().getTime() - draftMs))),
    everyHour(ctx, 'pace', () => forgetPace(ctx.db)),
  ];
  const http = await startHttp({
    port: env.port,
    host: env.host,
    db,
    now,
    metrics,
    isSlackConnected: door.isConnected,
    log,
    queueDepth: queue.depth,
    checkClock: parts.checkClock,
    machines: openMachineDoor({ ctx, vault, workspace }),
    slackEvents: door.requestListener,
  }).catch(portTaken('PORT', env.port));
  // In this order: take nothing new, answer what was taken, finish the jobs, then close what they stood on.
  stops.push(async () => {
    await door.drain(drainMs);
    await Promise.all(beats.map((beat) => beat.stop()));
    await queue.close(drainMs);
    await http.close();
  });
  await door.start();
  log.info({ port: http.port }, 'ready');
}

async function applyCatalog(
  ctx: Ctx,
  system: { workspace: string; actor: { kind: 'system' } },
  file: string,
  id?: string,
): Promise<void> {
  const text = readFileSync(file, 'utf8');
  const parsed = parseCatalog(parse(text));
  if (!parsed.ok)
    throw new StartProblem(`${file} cannot be used:\n${parsed.problems.map((problem) => `  - ${problem}`).join('\n')}`);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const { command, input } = call(applyCatalogCommand, { hash, catalog: parsed.catalog });
  // A new name each time: whether anything changes is decided inside, and going back to an earlier catalogue is a change.
  await run(ctx, command, input, { ...system, id: id ?? `catalog:${hash}:${randomUUID()}` });
}

/** The local workspace has a clock that people can move; timers, digests and slots move with it. */
async function followClock(apiUrl: string, log: Logger): Promise<{ now: () => Date }> {
  const url = new URL('/_control/clock', apiUrl);
  let offset: number | undefined;
  const ask = async (known: number | undefined) => {
    const asked = new URL(url);
    if (known !== undefined) asked.searchParams.set('offset', String(known));
    const answer = await fetch(asked, { signal: AbortSignal.timeout(30_000) });
    return answer.ok ? ((await answer.json()) as { offsetMs: number }).offsetMs : undefined;
  };
  offset = await ask(undefined).catch(() => undefined);
  if (offset === undefined) return { now: () => new Date() };
  void (async () => {
    while (!stopping) {
      try {
        offset = (await ask(offset)) ?? offset;
      } catch (error) {
        log.debug({ err: error }, 'the local clock does not answer');
        await new Promise((resolve) => setTimeout(resolve, 500).unref());
      }
    }
  })();
  return { now: () => new Date(Date.now() + (offset ?? 0)) };
}

/** Turns a taken port into a sentence that says what to do. */
function portTaken(setting: string, port: number): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new StartProblem(
      `Port ${port} is taken. Stop what uses it, or choose another: ${setting}=${port + 10} npm start`,
    );
  };
}

function isLoopback(url: string | undefined): boolean {
  return url !== undefined && /^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url);
}

async function shutDown(log: Logger, code = 0): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info('stopping');
  setTimeout(() => process.exit(1), drainMs + 1_500).unref();
  await stopAll();
  process.exit(code);
}

async function stopAll(): Promise<void> {
  stopping = true;
  for (const stop of stops.reverse()) await stop().catch(() => undefined);
}

/** While stopping, connections that end are no news. */
function troubled(log: Logger, what: string): (error: Error) => void {
  return (error) => {
    if (!stopping) log.warn({ err: error }, what);
  };
}

function createLog(env: Env): Logger {
  return pino({
    level: env.logLevel,
    // Errors of the SDKs carry whole clients and requests; a log needs what happened and where.
    serializers: {
      err: (error: Error & { code?: unknown; data?: { error?: unknown } }) => ({
        type: error.name,
        message: error.message,
        code: error.code,
        slack: error.data?.error,
        stack: error.stack,
      }),
    },
    redact: {
      paths: [
        'token',
        '*.token',
        'response_url',
        '*.response_url',
        'trigger_id',
        '*.trigger_id',
        '*.headers.authorization',
      ],
      censor: '[redacted]',
    },
  });
}

function sentenceFor(error: unknown): string {
  if (error instanceof StartProblem || error instanceof PostgresProblem) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND')
    return `Maitred cannot reach a server it needs (${message}). Check DATABASE_URL, REDIS_URL and SLACK_API_URL.`;
  if (code === '28P01' || code === '3D000')
    return `The database refuses the connection (${message}). Check DATABASE_URL.`;
  return `Maitred could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
