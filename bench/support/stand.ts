import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Pool } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';
import { freePort, startPostgres } from '../../src/postgres.ts';
import type { BoltSettings } from './bolt.ts';
import type { SlackOrder } from './slack.ts';

/** What a benchmark stands on: a database server, Redis where there is one, processes; `close` ends all of it. */
export type Stand = {
  readonly folder: string;
  /** A new, empty database. */
  readonly database: () => Promise<string>;
  /** Undefined: there is none on this machine. */
  readonly redis: () => Promise<{ readonly url: string; readonly child: ChildProcess } | undefined>;
  readonly fork: (
    file: string,
    env: Readonly<Record<string, string>>,
  ) => Promise<{ child: ChildProcess; port: number }>;
  readonly spawn: (command: string, flags: readonly string[], env?: Readonly<Record<string, string>>) => ChildProcess;
  readonly onClose: (stop: () => unknown) => void;
  readonly close: () => Promise<void>;
};

const root = new URL('../../', import.meta.url).pathname;

/** fsync stays on: what a commit costs is part of what is measured. */
export async function openStand(): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'maitred-bench-'));
  chmodSync(folder, 0o755);
  const stops: (() => unknown)[] = [];
  const own = process.env.DATABASE_URL ? undefined : await startPostgres(join(folder, 'postgres'));
  const server = process.env.DATABASE_URL ?? (own as { url: string }).url;
  const kill = (child: ChildProcess) => stops.push(() => child.kill('SIGKILL'));
  return {
    folder,
    database: async () => {
      const url = new URL(server);
      const client = new pg.Client({ connectionString: server });
      await client.connect();
      url.pathname = `/bench_${randomBytes(5).toString('hex')}`;
      await client.query(`CREATE DATABASE ${url.pathname.slice(1)}`);
      await client.end();
      return url.toString();
    },
    redis: async () => {
      try {
        execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
      } catch {
        return undefined;
      }
      const port = await freePort();
      const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes'];
      const child = spawn('redis-server', [...flags, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
      kill(child);
      return { url: `redis://127.0.0.1:${port}`, child };
    },
    fork: async (file, env) => {
      const child = fork(new URL(file, import.meta.url).pathname, {
        execArgv: ['--import', 'tsx'],
        env: { PATH: process.env.PATH, ...env },
      });
      kill(child);
      const port = await new Promise<number>((done, failed) => {
        child.once('message', (said) => done(said as number));
        child.once('exit', () => failed(new Error(`${file} ended`)));
      });
      return { child, port };
    },
    spawn: (command, flags, env = {}) => {
      const child = spawn(command, flags, {
        cwd: root,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { PATH: process.env.PATH, ...env },
      });
      child.stderr?.on('data', (said) => process.env.BENCH_VERBOSE && process.stderr.write(said));
      kill(child);
      return child;
    },
    onClose: (stop) => stops.push(stop),
    close: async () => {
      for (const stop of stops.reverse()) await stop();
      await own?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A pool beside the product; what the server says at its end is no news. */
export function openPool(stand: Pick<Stand, 'onClose'>, connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 2 });
  pool.on('error', () => undefined);
  stand.onClose(() => pool.end());
  return pool;
}

export const signingSecret = 'a-signing-secret-of-the-bench';
const team = { team_id: 'T0BENCH', team_domain: 'bench', api_app_id: 'A0BENCH' };
let triggers = 0;

/** Something that people's requests go to. Resolves with what was answered; rejects when it took over three seconds. */
export type Target = {
  readonly types: (person: string, text: string) => Promise<string>;
  readonly submits: (person: string, view: Readonly<Record<string, unknown>>) => Promise<string>;
};

/** Requests as Slack would send them. */
function targetOf(
  send: (type: 'slash_commands' | 'interactive', payload: Record<string, unknown>) => Promise<string>,
): Target {
  return {
    types: (person, text) =>
      send('slash_commands', {
        ...team,
        command: '/release',
        text,
        user_id: person,
        user_name: person.toLowerCase(),
        channel_id: 'C0RELEASES',
        channel_name: 'releases',
        trigger_id: `${process.pid}.${++triggers}`,
        response_url: 'http://127.0.0.1:9/none',
        is_enterprise_install: 'false',
      }),
    submits: (person, view) =>
      send('interactive', {
        type: 'view_submission',
        team: { id: 'T0BENCH', domain: 'bench' },
        user: { id: person, team_id: 'T0BENCH' },
        api_app_id: 'A0BENCH',
        trigger_id: `${process.pid}.${++triggers}`,
        response_urls: [],
        view: { id: `V${process.pid}${++triggers}`, type: 'modal', hash: '1', team_id: 'T0BENCH', blocks: [], ...view },
      }),
  };
}

/** Signed HTTP. */
export function httpTarget(stand: Stand, port: number): Target {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64, headersTimeout: 10_000 });
  stand.onClose(() => pool.destroy());
  return targetOf(async (type, payload) => {
    const body = new URLSearchParams(
      type === 'slash_commands' ? (payload as Record<string, string>) : { payload: JSON.stringify(payload) },
    ).toString();
    const at = String(Math.floor(Date.now() / 1000));
    const answer = await pool.request({
      method: 'POST',
      path: '/slack/events',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': at,
        'x-slack-signature': `v0=${createHmac('sha256', signingSecret).update(`v0:${at}:${body}`).digest('hex')}`,
      },
      body,
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}: ${text.slice(0, 200)}`);
    return text;
  });
}

/** The Slack side of Socket Mode: one line for each app, found by the name in its token. */
export async function openSockets(stand: Stand): Promise<{ url: string; target: (app: string) => Target }> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  const lines = new Map<string, WebSocket>();
  const waiting = new Map<string, (text: string) => void>();
  sockets.on('connection', (ws, request) => {
    lines.set((request.url ?? '/').slice(1), ws);
    ws.send(
      JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A0BENCH' }, debug_info: {} }),
    );
    ws.on('message', (data) => {
      const { envelope_id: id, payload } = JSON.parse(String(data)) as { envelope_id: string; payload?: unknown };
      waiting.get(id)?.(JSON.stringify(payload ?? ''));
      waiting.delete(id);
    });
    const ping = setInterval(() => ws.ping(), 5_000);
    ws.on('close', () => clearInterval(ping));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  stand.onClose(() => {
    for (const ws of sockets.clients) ws.terminate();
    server.close();
  });
  let envelopes = 0;
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: (app) =>
      targetOf(
        (type, payload) =>
          new Promise((done, failed) => {
            const id = `e${++envelopes}`;
            const line = lines.get(app);
            if (!line) return failed(new Error(`${app} is not connected`));
            waiting.set(id, done);
            line.send(JSON.stringify({ envelope_id: id, type, payload, accepts_response_payload: true }));
          }),
      ),
  };
}

export type FakeSlack = { readonly apiUrl: string; readonly order: (order: SlackOrder) => void };

export async function startSlack(stand: Stand, socketUrl = ''): Promise<FakeSlack> {
  const { child, port } = await stand.fork('./slack.ts', { SOCKET_URL: socketUrl });
  return { apiUrl: `http://127.0.0.1:${port}/api/`, order: (order) => void child.send(order) };
}

export async function startBolt(
  stand: Stand,
  settings: Omit<BoltSettings, 'signingSecret'>,
): Promise<{ child: ChildProcess; port: number }> {
  return stand.fork('./bolt.ts', { BOLT: JSON.stringify({ ...settings, signingSecret }) });
}

export type AppSettings = {
  readonly name: string;
  readonly slack: FakeSlack;
  readonly databaseUrl: string;
  readonly redisUrl?: string;
  readonly socket?: boolean;
  readonly catalog?: string;
};

/** The product as it is started in production, but for the settings of this machine. Returns before it is ready. */
export async function spawnApp(stand: Stand, settings: AppSettings): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort();
  const file = join(stand.folder, `${settings.name}.yml`);
  writeFileSync(file, settings.catalog ?? catalog);
  const child = stand.spawn(
    process.execPath,
    [...(process.env.BENCH_NODE_FLAGS?.split(' ') ?? []), '--import', 'tsx', `${root}src/main.ts`],
    {
      PORT: String(port),
      LOG_LEVEL: 'info',
      DATA_DIR: stand.folder,
      DATABASE_URL: settings.databaseUrl,
      ...(settings.redisUrl ? { REDIS_URL: settings.redisUrl } : {}),
      SLACK_API_URL: settings.slack.apiUrl,
      SLACK_BOT_TOKEN: `xoxb-${settings.name}`,
      ...(settings.socket ? { SLACK_APP_TOKEN: `xapp-${settings.name}` } : { SLACK_SIGNING_SECRET: signingSecret }),
      CATALOG_FILE: file,
    },
  );
  return { child, port };
}

export async function startApp(stand: Stand, settings: AppSettings): Promise<{ child: ChildProcess; port: number }> {
  const app = await spawnApp(stand, settings);
  for (let tries = 0; tries < 600; tries++) {
    if (app.child.exitCode !== null)
      throw new Error(`${settings.name} ended (${app.child.exitCode}); BENCH_VERBOSE=1 says why`);
    const answer = await fetch(`http://127.0.0.1:${app.port}/readyz`).catch(() => undefined);
    if (answer?.ok) return app;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${settings.name} is not ready after a minute`);
}

export const services = 200;
const voters = 20;
export const voter = (at: number) => `U0V${String(at % voters).padStart(3, '0')}`;
const panel = Array.from({ length: voters }, (_, at) => voter(at)).join(', ');

/** Many services of one team, and a gate that stays open as long as one of its voters does not vote. Nobody is pushed. */
export const catalog = `
home: C0RELEASES
environments: { production: {} }
teams: { one: { name: One, channel: C0RELEASES, members: [U0ANA] } }
groups: { panel: { name: Panel, members: [${panel}, U0LAST], quiet: [${panel}, U0LAST] } }
services: { ${Array.from({ length: services }, (_, at) => `s${at}: { team: one, environments: [production] }`).join(', ')} }
policies: [{ name: panel, when: {}, gates: [{ name: Panel, who: "group:panel", needed: all }] }]
`;

const first = Date.now() + 40 * 86_400_000;

/** The n-th booking: no two overlap, whatever the order. */
export function bookingLine(n: number): string {
  const at = new Date(Math.ceil(first / 3_600_000) * 3_600_000 + Math.floor(n / services) * 20 * 60_000).toISOString();
  return `book s${n % services}@1.${n} ${at.slice(0, 10)} ${at.slice(11, 16)} for 15m --yes`;
}

/** The review form with a tick at "approve". */
export function approval(release: number, comment: string): Record<string, unknown> {
  return {
    callback_id: 'review.v1',
    private_metadata: JSON.stringify({ release, revision: 1 }),
    state: {
      values: {
        decision: { value: { type: 'radio_buttons', selected_option: { value: 'approve' } } },
        comment: { value: { type: 'plain_text_input', value: comment } },
      },
    },
  };
}
