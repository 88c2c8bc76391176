import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Ctx, reported } from '../ctx.ts';
import { within } from '../deadline.ts';
import { clockSkew, type Db, pingDb } from '../store/db.ts';
import { outboxLag } from '../store/ledger.ts';
import { missingMigrations } from '../store/migrate.ts';
import { timerLag } from '../store/timer.ts';
import { feedFile } from './feed.ts';
import type { MachineDoor } from './hook.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** Prometheus metrics; labels are names of things of ours, never of people or channels. docs/operations.md explains each. */
export function createMetrics() {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, buckets: number[], ...labelNames: Label[]) =>
    new Histogram({ name, help, buckets, labelNames, registers });
  const counted = {
    command: counter('maitred_commands_total', 'Commands by outcome', 'command', 'outcome'),
    refusal: counter('maitred_refusals_total', 'Refused commands by reason', 'code'),
    push: counter('maitred_pushes_total', 'Messages that budgets let pass or kept back', 'audience', 'decided'),
  };
  return {
    registry,
    count: ((...of) => {
      if (of[0] === 'command') counted.command.inc(of[1]);
      else if (of[0] === 'refusal') counted.refusal.inc(of[1]);
      else counted.push.inc(of[1]);
    }) satisfies Ctx['count'],
    ack: histogram(
      'maitred_ack_seconds',
      'From arrival to acknowledgement',
      [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3],
      'kind',
    ),
    surfaces: counter('maitred_surfaces_total', 'Surface refreshes by result', 'kind', 'result'),
    slackCalls: counter('maitred_slack_calls_total', 'Calls to Slack by how they ended', 'method', 'result'),
    slackSeconds: histogram(
      'maitred_slack_call_seconds',
      'How long calls to Slack take',
      [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 8],
      'method',
    ),
    faults: counter('maitred_http_faults_total', 'Requests of machines that ended in a fault'),
    outbox: gauge('maitred_outbox_rows', 'Writes that wait'),
    surfaceLag: gauge('maitred_surface_lag_seconds', 'How long the oldest write has waited'),
    timerLag: gauge('maitred_timer_lag_seconds', 'How late the most overdue timer is'),
    queueDepth: gauge('maitred_queue_jobs', 'Jobs in the queue'),
    ready: gauge('maitred_ready', '1 when a part is as it has to be', 'part'),
  };
}

export type HttpSettings = {
  readonly port: number;
  readonly host: string;
  readonly db: Db;
  readonly now: () => Date;
  readonly metrics: Metrics;
  readonly log: Logger;
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
    route(settings, request, response).catch((error: unknown) => {
      settings.metrics.faults.inc();
      const reference = reported(settings, error, 'a request of a machine failed');
      if (response.headersSent) return void response.end();
      const next = `Try again in a minute; who runs Maitred finds the cause under ${reference}.`;
      reply(response, 500, 'application/json', `${JSON.stringify({ error: 'failed here', next, reference })}\n`);
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
      const problems = (await parts(settings)).flatMap(({ part, problem }) => (problem ? [`${part}: ${problem}`] : []));
      const ready = problems.length === 0;
      return reply(response, ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, problems })}\n`);
    }
    case '/metrics': {
      const { metrics } = settings;
      await gather(settings);
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

/** A part that does not answer in this time counts as down: who asks has to hear so before giving up. */
const patienceMs = 1_500;

/** What this process stands on, and what is wrong with it. */
async function parts(settings: HttpSettings): Promise<readonly { part: string; problem: string | undefined }[]> {
  const { db, checkClock } = settings;
  const answer = async <T>(work: Promise<T>) => within(work, patienceMs).catch(() => 'late' as const);
  const [ping, missing, depth, skew] = await Promise.all([
    answer(pingDb(db)),
    answer(missingMigrations(db.background)),
    answer(settings.queueDepth()),
    checkClock ? answer(clockSkew(db)) : 0,
  ]);
  const isDown = ping === 'late' || ping === 'down';
  const differs = typeof skew === 'number' && Math.abs(skew) > 1_000;
  // Of a database that does not answer nothing else is said.
  const migrations =
    isDown || missing.length === 0 ? undefined : missing === 'late' ? 'unknown' : `${missing.join(', ')} missing`;
  return [
    { part: 'slack', problem: settings.isSlackConnected() ? undefined : 'not connected' },
    {
      part: 'database',
      problem: isDown ? 'does not answer' : ping === 'read-only' ? 'takes no writes (read-only)' : undefined,
    },
    { part: 'migrations', problem: migrations },
    { part: 'queue', problem: depth === 'late' ? 'does not answer' : undefined },
    { part: 'clock', problem: differs ? 'differs from the database by more than a second' : undefined },
  ];
}

/** What is asked for only when somebody looks; what does not answer is NaN, not 0. */
async function gather(settings: HttpSettings): Promise<void> {
  const { metrics, db, now } = settings;
  const orNaN = async (work: Promise<number>) =>
    within(work, patienceMs).then(
      (value) => (value === 'late' ? Number.NaN : value),
      () => Number.NaN,
    );
  const outbox = outboxLag(db, now());
  const [rows, lag, timer, depth, found] = await Promise.all([
    orNaN(outbox.then((one) => one.rows)),
    orNaN(outbox.then((one) => one.seconds)),
    orNaN(timerLag(db, now())),
    orNaN(settings.queueDepth()),
    parts(settings),
  ]);
  metrics.outbox.set(rows);
  metrics.surfaceLag.set(lag);
  metrics.timerLag.set(timer);
  metrics.queueDepth.set(depth);
  for (const { part, problem } of found) metrics.ready.set({ part }, problem ? 0 : 1);
}

/** Nothing here is a page: nothing is kept, guessed, framed, run or told to others. */
const guarded = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function reply(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': type, ...guarded, ...more }).end(body);
}
