import { createHmac, randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { clockHeard } from './clock.ts';
import { channelOf, hears, kindOf } from './events.ts';
import { showMessage } from './show.ts';
import type { Message } from './state.ts';
import { changed, newId, now, record, takeFault, violate, type World } from './world.ts';

export type EnvelopeType = 'slash_commands' | 'interactive' | 'events_api';

/** What became of a delivery. `body` is what the app answered. */
export type Ack = {
  readonly status: 'ok' | 'operation_timeout' | 'dispatch_failed';
  readonly body: unknown;
  readonly ms: number;
};

type Retry = { readonly attempt: number; readonly reason: string };
const first: Retry = { attempt: 0, reason: '' };
type Answered = {
  readonly status: number;
  readonly contentType: string;
  readonly noRetry: boolean;
  readonly text: string;
};
type Carried = Omit<Ack, 'ms'> & { readonly reason?: string; readonly noRetry?: boolean };

/** Brings envelopes to the app, by Socket Mode or signed HTTP, within Slack's three seconds. */
export type Delivery = {
  readonly send: (
    type: EnvelopeType,
    payload: Record<string, unknown>,
    options?: { respond?: boolean },
  ) => Promise<Ack>;
  readonly event: (event: Record<string, unknown>) => void;
  /** Sends events again, after so many deliveries failed that they were switched off. */
  readonly subscribe: () => void;
  readonly openConnection: () => string;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly connections: () => number;
  /** `reset` cuts the line without a word, `stall` answers nothing any more; after `link_disabled` nobody may connect. */
  readonly disconnect: (
    reason: 'warning' | 'refresh_requested' | 'link_disabled' | 'reset' | 'stall' | 'enable',
  ) => void;
  /** One delivery, without a record of it: what another workspace's delivery stands on. */
  readonly carry: (
    type: EnvelopeType,
    payload: Record<string, unknown>,
    respond: boolean,
    retry: Retry,
  ) => Promise<Carried>;
  /** A request to the app's URL that Slack would send, or that somebody makes up; the status it is answered with. */
  readonly probe: (
    kind: 'url_verification' | 'ssl_check' | 'bad_signature' | 'stale' | 'replay' | 'signed',
  ) => Promise<{ status: number; text: string }>;
  /** Where signed HTTP goes; undefined means Socket Mode. */
  requestUrl: string | undefined;
  readonly close: () => void;
};

const ackMs = 3_000;
const retryAfterMs = [0, 60_000, 300_000];

/**
 * `carrier` is the delivery of another workspace with the same app installed: one app has one set of connections, whatever
 * workspaces its events come from.
 */
export function createDelivery(world: World, carrier?: Delivery): Delivery {
  const server = new WebSocketServer({ noServer: true });
  const tickets = new Set<string>();
  const live: WebSocket[] = [];
  const waiting = new Map<string, { done: (body: unknown) => void; acked: boolean; sent: number; what: string }>();
  const timers = new Set<NodeJS.Timeout>();
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let turn = 0;
  let disabled = false;
  let held: Record<string, unknown> | undefined;
  /** minute → how many deliveries of events went well, and how many did not, within the last hour */
  const hour = new Map<number, { well: number; badly: number }>();
  const sent = { hour: 0, events: 0, toldMinute: 0 };
  let lastSigned: { headers: Record<string, string>; body: string } | undefined;

  const delivery: Delivery = {
    requestUrl: undefined,
    connections: () => carrier?.connections() ?? live.length,
    carry: (type, payload, respond, retry) => {
      if (carrier) return carrier.carry(type, payload, respond, retry);
      return delivery.requestUrl ? byHttp(type, payload, retry) : bySocket(type, payload, respond, retry);
    },
    probe: (kind) => probe(kind),
    openConnection: () => {
      const ticket = randomUUID();
      tickets.add(ticket);
      return `${world.origin.replace(/^http/, 'ws')}/link/?ticket=${ticket}&app_id=${world.state.app.id}`;
    },
    upgrade: (request, socket, head) => {
      const ticket = new URL(request.url ?? '/', world.origin).searchParams.get('ticket') ?? '';
      if (!tickets.delete(ticket) || disabled) {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      server.handleUpgrade(request, socket, head, (ws) => connected(ws));
    },
    send: async (type, payload, options = {}) => {
      await clockHeard(world);
      const started = performance.now();
      const ack = await withFaults(type === 'slash_commands' ? 'deliver.commands' : 'deliver.interactive', () =>
        delivery.carry(type, payload, options.respond ?? false, first),
      );
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
    subscribe: () => {
      world.unsubscribed = false;
      hour.clear();
      record(world, 'control', 'subscription', 'on');
      changed(world);
    },
    event: (event) => {
      if (!hears(world, event) || world.unsubscribed || isTooMany()) return;
      const channel = channelOf(world, event);
      const payload = {
        token: 'sandbox',
        // What a person of another organisation does in a shared channel comes in that organisation's name.
        team_id: (channel?.shared_with && world.state.users[String(event.user)]?.team_id) || world.state.team.id,
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
        is_ext_shared_channel: channel?.shared_with !== undefined,
        event_context: '4-sandbox',
        event,
      };
      deliverEvent(payload);
    },
    disconnect: (reason) => {
      disabled = reason === 'link_disabled' || (disabled && reason !== 'enable');
      record(world, 'control', 'connection', reason);
      if (reason === 'enable') return;
      for (const ws of [...live]) {
        if (reason === 'reset') ws.terminate();
        else if (reason === 'stall') {
          // Neither pings nor pongs, nor anything else: the line looks open and is dead.
          live.splice(live.indexOf(ws), 1);
          ws.pause();
        } else {
          ws.send(JSON.stringify({ type: 'disconnect', reason, debug_info: { host: 'sandbox' } }));
          if (reason === 'warning') {
            // Announced: the line is closed ten seconds later.
            later(10_000, () => ws.close());
          } else ws.close();
        }
      }
      changed(world);
    },
    close: () => {
      world.changes.off('event', told).off('message', posted);
      for (const timer of timers) clearTimeout(timer);
      for (const ws of live) ws.terminate();
      agent.destroy();
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
      else if (Date.now() - open.sent > ackMs) violate(world, 'late_ack', `${open.what}: ${Date.now() - open.sent} ms`);
      open.acked = true;
      if (takeFault(world, 'deliver.ack')) return;
      open.done(message.payload ?? {});
    });
    ws.on('error', () => undefined);
    ws.on('close', () => {
      clearInterval(ping);
      if (live.includes(ws)) live.splice(live.indexOf(ws), 1);
      changed(world);
    });
  }

  async function bySocket(type: EnvelopeType, payload: unknown, respond: boolean, retry: Retry): Promise<Carried> {
    const ws = live[turn++ % Math.max(1, live.length)];
    if (!ws) return { status: 'dispatch_failed', body: undefined, reason: 'connection_failed' };
    const id = randomUUID();
    const answer = new Promise<Carried>((resolve) => {
      const timer = later(ackMs, () => resolve({ status: 'operation_timeout', body: undefined, reason: 'timeout' }));
      const gone = () => resolve({ status: 'dispatch_failed', body: undefined, reason: 'connection_failed' });
      ws.once('close', gone);
      waiting.set(id, {
        acked: false,
        sent: Date.now(),
        what: type,
        done: (body) => {
          clearTimeout(timer);
          timers.delete(timer);
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
        ...(type === 'events_api' ? { retry_attempt: retry.attempt, retry_reason: retry.reason } : {}),
      }),
    );
    const ack = await answer;
    // What was answered is remembered for a while: a second answer is a mistake.
    for (const [old, { sent }] of waiting) {
      if (Date.now() - sent < 13_000) break;
      waiting.delete(old);
    }
    return ack;
  }

  async function byHttp(type: EnvelopeType, payload: Record<string, unknown>, retry: Retry): Promise<Carried> {
    const form =
      type === 'slash_commands'
        ? new URLSearchParams(payload as Record<string, string>)
        : new URLSearchParams({ payload: JSON.stringify(payload) });
    const body = type === 'events_api' ? JSON.stringify(payload) : form.toString();
    const headers = {
      ...signed(body, Math.floor(Date.now() / 1000)),
      'content-type': type === 'events_api' ? 'application/json' : 'application/x-www-form-urlencoded',
      ...(retry.attempt > 0
        ? { 'x-slack-retry-num': String(retry.attempt), 'x-slack-retry-reason': retry.reason }
        : {}),
    };
    lastSigned = { headers, body };
    try {
      const { status, contentType, noRetry, text } = await post(delivery.requestUrl as string, headers, body);
      if (status < 200 || status > 299)
        return { status: 'dispatch_failed', body: undefined, reason: 'http_error', noRetry };
      if (takeFault(world, 'deliver.ack'))
        return { status: 'operation_timeout', body: undefined, reason: 'http_timeout' };
      return { status: 'ok', body: text === '' ? {} : contentType.includes('json') ? JSON.parse(text) : { text } };
    } catch (error) {
      const late = (error as Error).name === 'TimeoutError';
      return {
        ...{ status: late ? 'operation_timeout' : 'dispatch_failed', body: undefined },
        reason: late ? 'http_timeout' : 'connection_failed',
      };
    }
  }

  /** Plain node:http, which takes half the time of fetch; whoever is late gets a TimeoutError. */
  function post(url: string, headers: Record<string, string>, body: string): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const outgoing = request(url, {
        agent,
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      });
      const timer = later(ackMs, () => outgoing.destroy(Object.assign(new Error('late'), { name: 'TimeoutError' })));
      const end = () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
      outgoing.on('error', (error) => {
        end();
        reject(error);
      });
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          end();
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            noRetry: response.headers['x-slack-no-retry'] === '1',
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      });
      outgoing.end(body);
    });
  }

  function signed(body: string, seconds: number): Record<string, string> {
    const digest = createHmac('sha256', world.tokens.signingSecret).update(`v0:${seconds}:${body}`).digest('hex');
    return {
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'x-slack-request-timestamp': String(seconds),
      'x-slack-signature': `v0=${digest}`,
    };
  }

  async function probe(kind: Parameters<Delivery['probe']>[0]): Promise<{ status: number; text: string }> {
    const seconds = Math.floor(Date.now() / 1000);
    const json = JSON.stringify({ type: 'url_verification', token: 'sandbox', challenge: 'challenge-1' });
    const type = { 'content-type': 'application/json' };
    const requests = {
      url_verification: () => ({ body: json, headers: { ...signed(json, seconds), ...type } }),
      signed: () => ({ body: json, headers: { ...signed(json, seconds), ...type } }),
      ssl_check: () => ({
        body: 'ssl_check=1&token=sandbox',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
      bad_signature: () => ({
        body: json,
        headers: { ...signed(json, seconds), ...type, 'x-slack-signature': `v0=${'0'.repeat(64)}` },
      }),
      stale: () => ({ body: json, headers: { ...signed(json, seconds - 600), ...type } }),
      replay: () => lastSigned ?? { body: json, headers: { ...signed(json, seconds), ...type } },
    };
    if (!delivery.requestUrl) throw new Error('the app is connected over Socket Mode: there is no URL to ask');
    const { body, headers } = requests[kind]();
    const response = await fetch(delivery.requestUrl, {
      method: 'POST',
      body,
      headers: headers as Record<string, string>,
    });
    return { status: response.status, text: await response.text() };
  }

  /** What may go wrong between Slack and the app, each time once. */
  async function withFaults(name: string, send: () => Promise<Carried>): Promise<Carried> {
    const fault = takeFault(world, name, false);
    if (fault?.kind === 'delay') await new Promise((resolve) => later(2_900, () => resolve(undefined)));
    if (fault?.kind === 'lost_ack') {
      await send();
      return { status: 'operation_timeout', body: undefined };
    }
    return send();
  }

  function deliverEvent(payload: Record<string, unknown>): void {
    const fault = takeFault(world, 'deliver.events', false);
    if (fault?.kind === 'reorder') {
      // It comes after the next one, or by itself in a second when there is none.
      held = payload;
      later(1_000, release);
      return;
    }
    attempt(payload, first);
    release();
    if (fault?.kind === 'duplicate') attempt(payload, first);
    if (fault?.kind === 'duplicate_new_id') attempt({ ...payload, event_id: newId(world, 'Ev') }, first);
    if (fault?.kind === 'lost_ack') attempt(payload, { attempt: 1, reason: 'http_timeout' });
  }

  /** Beyond the hour's allowance the app is told so once a minute, and gets nothing else. */
  function isTooMany(): boolean {
    const minute = Math.floor(now(world) / 60_000);
    const thisHour = Math.floor(minute / 60);
    if (sent.hour !== thisHour) Object.assign(sent, { hour: thisHour, events: 0 });
    if (!world.enforceLimits || ++sent.events <= world.eventsPerHour) return false;
    if (sent.toldMinute !== minute) {
      sent.toldMinute = minute;
      attempt(
        {
          ...{ token: 'sandbox', type: 'app_rate_limited', team_id: world.state.team.id },
          ...{ minute_rate_limited: minute * 60, api_app_id: world.state.app.id },
        },
        first,
      );
    }
    return true;
  }

  /** An app that answers hardly anything of what an hour brought is sent nothing more until somebody switches it on. */
  function judge(isWell: boolean): void {
    const minute = Math.floor(now(world) / 60_000);
    const counted = hour.get(minute) ?? { well: 0, badly: 0 };
    hour.set(minute, counted);
    counted[isWell ? 'well' : 'badly']++;
    for (const old of hour.keys()) if (old <= minute - 60) hour.delete(old);
    const all = [...hour.values()];
    const sum = (what: 'well' | 'badly') => all.reduce((total, one) => total + one[what], 0);
    const badly = sum('badly');
    if (world.unsubscribed || badly < world.unconfirmed.failuresBeforeOff || badly < 0.95 * (badly + sum('well')))
      return;
    world.unsubscribed = true;
    violate(world, 'subscription_disabled', `${badly} deliveries failed within an hour`);
  }

  function release(): void {
    const payload = held;
    held = undefined;
    if (payload) attempt(payload, first);
  }

  /** Events are tried again at once, after a minute and after five. */
  function attempt(payload: Record<string, unknown>, retry: Retry): void {
    void delivery.carry('events_api', payload, false, retry).then((ack) => {
      record(world, 'sent', 'event', `${inWords(payload)} → ${ack.status}`, ack.status !== 'ok');
      judge(ack.status === 'ok');
      const wait = retryAfterMs[retry.attempt];
      if (ack.status === 'ok' || ack.noRetry || wait === undefined) return;
      later(wait, () => attempt(payload, { attempt: retry.attempt + 1, reason: ack.reason ?? 'unknown_error' }));
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
