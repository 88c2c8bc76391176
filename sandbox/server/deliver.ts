import { createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { hears, kindOf } from './events.ts';
import { showMessage } from './show.ts';
import type { Message } from './state.ts';
import { changed, newId, now, record, violate, type World } from './world.ts';

export type EnvelopeType = 'slash_commands' | 'interactive' | 'events_api';

/** What became of a delivery. `body` is what the app answered. */
export type Ack = {
  readonly status: 'ok' | 'operation_timeout' | 'dispatch_failed';
  readonly body: unknown;
  readonly ms: number;
};

/** Brings envelopes to the app, by Socket Mode or signed HTTP, within Slack's three seconds. */
export type Delivery = {
  readonly send: (
    type: EnvelopeType,
    payload: Record<string, unknown>,
    options?: { respond?: boolean },
  ) => Promise<Ack>;
  readonly event: (event: Record<string, unknown>) => void;
  readonly openConnection: () => string;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly connections: () => number;
  readonly disconnect: (reason: 'warning' | 'refresh_requested') => void;
  /** Where signed HTTP goes; undefined means Socket Mode. */
  requestUrl: string | undefined;
  readonly close: () => void;
};

const ackMs = 3_000;
const retryAfterMs = [0, 60_000, 300_000];

export function createDelivery(world: World): Delivery {
  const server = new WebSocketServer({ noServer: true });
  const tickets = new Set<string>();
  const live: WebSocket[] = [];
  const waiting = new Map<string, { done: (body: unknown) => void; acked: boolean }>();
  const timers = new Set<NodeJS.Timeout>();
  let turn = 0;

  const delivery: Delivery = {
    requestUrl: undefined,
    connections: () => live.length,
    openConnection: () => {
      const ticket = randomUUID();
      tickets.add(ticket);
      return `${world.origin.replace(/^http/, 'ws')}/link/?ticket=${ticket}&app_id=${world.state.app.id}`;
    },
    upgrade: (request, socket, head) => {
      const ticket = new URL(request.url ?? '/', world.origin).searchParams.get('ticket') ?? '';
      if (!tickets.delete(ticket)) {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      server.handleUpgrade(request, socket, head, (ws) => connected(ws));
    },
    send: async (type, payload, options = {}) => {
      const started = performance.now();
      const ack = delivery.requestUrl
        ? await byHttp(type, payload)
        : await bySocket(type, payload, options.respond ?? false, 0);
      const ms = Math.round(performance.now() - started);
      record(world, 'sent', type, `${inWords(payload)} → ${ack.status} in ${ms} ms`, ack.status !== 'ok');
      if (ack.status !== 'ok')
        violate(
          world,
          ack.status === 'operation_timeout' ? 'no_ack' : 'dispatch_failed',
          `${type} ${String(payload.command ?? payload.type ?? '')}`,
        );
      return { ...ack, ms };
    },
    event: (event) => {
      if (!hears(world, event)) return;
      const payload = {
        token: 'sandbox',
        team_id: world.state.team.id,
        context_team_id: world.state.team.id,
        context_enterprise_id: null,
        api_app_id: world.state.app.id,
        type: 'event_callback',
        event_id: newId(world, 'Ev'),
        event_time: Math.floor(now(world) / 1000),
        authorizations: [
          {
            enterprise_id: null,
            team_id: world.state.team.id,
            user_id: world.state.app.botUser,
            is_bot: true,
            is_enterprise_install: false,
          },
        ],
        is_ext_shared_channel: false,
        event_context: '4-sandbox',
        event,
      };
      attempt(payload, 0);
    },
    disconnect: (reason) => {
      for (const ws of [...live]) {
        ws.send(JSON.stringify({ type: 'disconnect', reason, debug_info: { host: 'sandbox' } }));
        ws.close();
      }
    },
    close: () => {
      world.changes.off('event', told).off('message', posted);
      for (const timer of timers) clearTimeout(timer);
      for (const ws of live) ws.terminate();
      server.close();
    },
  };
  const told = (event: Record<string, unknown>) => delivery.event(event);
  const posted = (channel: string, message: Message) =>
    delivery.event({
      ...showMessage(world, message, false),
      channel,
      channel_type: kindOf(world.state.channels[channel]),
      event_ts: message.ts,
    });
  world.changes.on('event', told).on('message', posted);
  return delivery;

  function connected(ws: WebSocket): void {
    if (live.length >= 10) {
      ws.send(JSON.stringify({ type: 'disconnect', reason: 'too_many_websockets', debug_info: { host: 'sandbox' } }));
      ws.close();
      return;
    }
    live.push(ws);
    ws.setMaxListeners(0);
    changed(world);
    ws.send(
      JSON.stringify({
        type: 'hello',
        num_connections: live.length,
        debug_info: { host: 'sandbox', build_number: 1, approximate_connection_time: 18060 },
        connection_info: { app_id: world.state.app.id },
      }),
    );
    const ping = setInterval(() => ws.ping('sandbox'), 10_000);
    ws.on('message', (data) => {
      const message = JSON.parse(String(data)) as { envelope_id?: string; payload?: unknown };
      const open = waiting.get(message.envelope_id ?? '');
      if (!open) return;
      if (open.acked) violate(world, 'double_ack', message.envelope_id ?? '');
      open.acked = true;
      open.done(message.payload ?? {});
    });
    ws.on('error', () => undefined);
    ws.on('close', () => {
      clearInterval(ping);
      live.splice(live.indexOf(ws), 1);
      changed(world);
    });
  }

  async function bySocket(
    type: EnvelopeType,
    payload: unknown,
    respond: boolean,
    retry: number,
  ): Promise<Omit<Ack, 'ms'>> {
    const ws = live[turn++ % Math.max(1, live.length)];
    if (!ws) return { status: 'dispatch_failed', body: undefined };
    const id = randomUUID();
    const answer = new Promise<Omit<Ack, 'ms'>>((resolve) => {
      const timer = later(ackMs, () => resolve({ status: 'operation_timeout', body: undefined }));
      const gone = () => resolve({ status: 'dispatch_failed', body: undefined });
      ws.once('close', gone);
      waiting.set(id, {
        acked: false,
        done: (body) => {
          clearTimeout(timer);
          ws.off('close', gone);
          resolve({ status: 'ok', body });
        },
      });
    });
    ws.send(
      JSON.stringify({
        envelope_id: id,
        type,
        accepts_response_payload: respond,
        payload,
        ...(type === 'events_api' ? { retry_attempt: retry, retry_reason: retry > 0 ? 'timeout' : '' } : {}),
      }),
    );
    const ack = await answer;
    later(10_000, () => waiting.delete(id));
    return ack;
  }

  async function byHttp(type: EnvelopeType, payload: Record<string, unknown>, retry = 0): Promise<Omit<Ack, 'ms'>> {
    const form =
      type === 'slash_commands'
        ? new URLSearchParams(payload as Record<string, string>)
        : new URLSearchParams({ payload: JSON.stringify(payload) });
    const body = type === 'events_api' ? JSON.stringify(payload) : form.toString();
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', world.tokens.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    try {
      const response = await fetch(delivery.requestUrl as string, {
        method: 'POST',
        body,
        signal: AbortSignal.timeout(ackMs),
        headers: {
          'content-type': type === 'events_api' ? 'application/json' : 'application/x-www-form-urlencoded',
          'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
          'x-slack-request-timestamp': timestamp,
          'x-slack-signature': `v0=${signature}`,
          ...(retry > 0 ? { 'x-slack-retry-num': String(retry), 'x-slack-retry-reason': 'http_timeout' } : {}),
        },
      });
      const text = await response.text();
      if (!response.ok) return { status: 'dispatch_failed', body: undefined };
      const json = response.headers.get('content-type')?.includes('json') ?? false;
      return { status: 'ok', body: text === '' ? {} : json ? JSON.parse(text) : { text } };
    } catch (error) {
      return {
        status: (error as Error).name === 'TimeoutError' ? 'operation_timeout' : 'dispatch_failed',
        body: undefined,
      };
    }
  }

  /** Events are tried again at once, after a minute and after five. */
  function attempt(payload: Record<string, unknown>, retry: number): void {
    void (
      delivery.requestUrl ? byHttp('events_api', payload, retry) : bySocket('events_api', payload, false, retry)
    ).then((ack) => {
      record(world, 'sent', 'event', `${inWords(payload)} → ${ack.status}`, ack.status !== 'ok');
      const wait = retryAfterMs[retry];
      if (ack.status !== 'ok' && wait !== undefined) later(wait, () => attempt(payload, retry + 1));
    });
  }

  function later(ms: number, work: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timer.unref();
    timers.add(timer);
    return timer;
  }
}

/** A delivery in a few words of the transcript. */
function inWords(payload: Record<string, unknown>): string {
  const { command, text, type, event, actions, view } = payload as {
    command?: string;
    text?: string;
    type?: string;
    event?: { type?: string; subtype?: string };
    actions?: { action_id?: string }[];
    view?: { callback_id?: string };
  };
  if (command) return `${command} ${text ?? ''}`.trim();
  return [type, event?.type, event?.subtype, actions?.[0]?.action_id, view?.callback_id].filter(Boolean).join(' ');
}
