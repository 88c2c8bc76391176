import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { within } from '../deadline.ts';
import { clockSkew, type Db, pingDb } from '../store/db.ts';
import { countOutbox } from '../store/ledger.ts';
import { missingMigrations } from '../store/migrate.ts';
import { timerLag } from '../store/timer.ts';
import { feedFile } from './feed.ts';
import type { MachineDoor } from './hook.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** Prometheus metrics; labels are names of things of ours, never of people or channels. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    commands: new Counter({
      name: 'maitred_commands_total',
      help: 'Commands by outcome',
      labelNames: ['command', 'outcome'],
      registers: [registry],
    }),
    ack: new Histogram({
      name: 'maitred_ack_seconds',
      help: 'From arrival to acknowledgement',
      labelNames: ['kind'],
      buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3],
      registers: [registry],
    }),
    surfaces: new Counter({
      name: 'maitred_surfaces_total',
      help: 'Surface refreshes by result',
      labelNames: ['kind', 'result'],
      registers: [registry],
    }),
    outbox: new Gauge({ name: 'maitred_outbox_rows', help: 'Surfaces that wait to be written', registers: [registry] }),
    timerLag: new Gauge({
      name: 'maitred_timer_lag_seconds',
      help: 'How late the most overdue timer is',
      registers: [registry],
    }),
    queueDepth: new Gauge({ name: 'maitred_queue_jobs', help: 'Jobs in the queue', registers: [registry] }),
  };
}

export type HttpSettings = {
  readonly port: number;
  readonly host: string;
  readonly db: Db;
  readonly now: () => Date;
  readonly metrics: Metrics;
  readonly isSlackConnected: () => boolean;
  readonly queueDepth: () => Promise<number>;
  /** The local workspace moves the clock; only the system's is held against the database's. */
  readonly checkClock: boolean;
  /** What machines post: results of steps, samples of canaries. */
  readonly machines: MachineDoor;
  readonly slackEvents: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
};

/** The door for machines: health, readiness, metrics, feeds, what they post, and in HTTP mode Slack's own requests. */
export async function startHttp(
  settings: HttpSettings,
): Promise<{ server: Server; port: number; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    route(settings, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, settings.host, () => resolve());
  });
  const address = server.address();
  return {
    server,
    port: typeof address === 'object' && address ? address.port : settings.port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      // Keep-alive connections would hold the process for five more seconds.
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function route(settings: HttpSettings, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?');
  if (path === '/slack/events' && request.method === 'POST' && settings.slackEvents) {
    settings.slackEvents(request, response);
    return;
  }
  if (/^\/(hooks|canary)\//.test(path)) {
    const { status, headers = {}, body } = await settings.machines(path, request);
    return reply(response, status, 'application/json', `${JSON.stringify(body)}\n`, headers);
  }
  if (request.method !== 'GET') return reply(response, 404, 'text/plain', 'not found\n');
  switch (path) {
    case '/healthz':
      return reply(response, 200, 'text/plain', 'ok\n');
    case '/readyz': {
      const problems = await notReady(settings);
      return reply(
        response,
        problems.length === 0 ? 200 : 503,
        'application/json',
        `${JSON.stringify({ ready: problems.length === 0, problems })}\n`,
      );
    }
    case '/metrics': {
      const { metrics, db, now } = settings;
      metrics.outbox.set(await countOutbox(db).catch(() => -1));
      metrics.timerLag.set(await timerLag(db, now()).catch(() => -1));
      metrics.queueDepth.set(await settings.queueDepth().catch(() => -1));
      return reply(response, 200, metrics.registry.contentType, await metrics.registry.metrics());
    }
    default: {
      const token = /^\/feeds\/([A-Za-z0-9_-]{20,64})\.ics$/.exec(path)?.[1];
      const feed = token === undefined ? undefined : await feedFile(settings, token);
      if (feed !== undefined) return reply(response, 200, 'text/calendar; charset=utf-8', feed);
      return reply(response, 404, 'text/plain', 'not found\n');
    }
  }
}

async function notReady(settings: HttpSettings): Promise<string[]> {
  const problems: string[] = [];
  if (!settings.isSlackConnected()) problems.push('slack: not connected');
  if (!(await pingDb(settings.db))) return [...problems, 'database: does not answer'];
  const missing = await missingMigrations(settings.db.background).catch(() => ['unknown']);
  if (missing.length > 0) problems.push(`migrations: ${missing.join(', ')} missing`);
  const depth = await within(settings.queueDepth(), 1_000).catch(() => 'late' as const);
  if (depth === 'late') problems.push('queue: does not answer');
  if (settings.checkClock && Math.abs(await clockSkew(settings.db)) > 1_000)
    problems.push('clock: differs from the database by more than a second');
  return problems;
}

function reply(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...more }).end(body);
}
