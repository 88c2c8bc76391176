import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { App, HTTPReceiver } from '@slack/bolt';
import { InstallProvider } from '@slack/oauth';
import { SocketModeClient } from '@slack/socket-mode';
import type { HomeView } from '@slack/types';
import { WebClient } from '@slack/web-api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { createDriver, type Driver, until } from '../../sandbox/driver.ts';
import { readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';
import { addFault, type Fault, moveClock, now, type WorldOptions } from '../../sandbox/server/world.ts';

/* What the local workspace does as Slack does, one statement a test, by the letters and numbers of sandbox/COVERAGE.md. */

const root = new URL('../../', import.meta.url).pathname;
const manifest = readManifest(`${root}manifest.yml`);
let sandbox: Sandbox;
let driver: Driver;
let client: WebClient;
let ends: (() => unknown)[] = [];

async function open(options: Partial<WorldOptions> & { secondSeedFile?: string } = {}): Promise<void> {
  sandbox = await startSandbox({
    ...{ seedFile: `${root}sandbox/workspace.yml`, manifest, enforceLimits: false },
    ...options,
  });
  driver = createDriver(sandbox);
  client = clientOf(sandbox.world.tokens.bot);
}
const clientOf = (token: string) =>
  new WebClient(token, {
    slackApiUrl: `${sandbox.origin}/api/`,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
  });

beforeEach(() => open());
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
  await sandbox.close();
});

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (error: { data?: { error?: string }; message: string }) => error.data?.error ?? error.message,
  );
const violations = () => sandbox.world.violations.map(({ what }) => what);
type Posted = { ts: string; warning?: string; message?: { text: string } };
const post = (text: string, more: Record<string, unknown> = {}) =>
  client.apiCall('chat.postMessage', { channel: 'C0RELEASES', text, ...more }) as unknown as Promise<Posted>;
const fault = (method: string, kind: Fault['kind'], times = 1) => addFault(sandbox.world, method, { kind, times });

/** An unmodified Bolt app, over Socket Mode or signed HTTP. */
async function bolt(mode: 'socket' | 'http', prepare: (app: App) => void): Promise<App> {
  const { tokens } = sandbox.world;
  const clientOptions = { slackApiUrl: `${sandbox.origin}/api/`, retryConfig: { retries: 0 } };
  const receiver = new HTTPReceiver({ signingSecret: tokens.signingSecret, port: 0 });
  const app = new App({
    token: tokens.bot,
    ...(mode === 'socket' ? { socketMode: true, appToken: tokens.app } : { receiver }),
    ...{ clientOptions, deferInitialization: true, ignoreSelf: false },
  });
  prepare(app);
  await app.init();
  const started = (await (mode === 'http' ? app.start({ port: 0, host: '127.0.0.1' }) : app.start())) as {
    address?: () => AddressInfo;
  };
  if (mode === 'http') sandbox.delivery.requestUrl = `http://127.0.0.1:${started.address?.().port}/slack/events`;
  ends.push(() => app.stop());
  return app;
}

/** A server that answers every request of the workspace with one status. */
async function stubborn(status: () => number, headers: Record<string, string> = {}) {
  const seen: { headers: Record<string, unknown>; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ headers: request.headers, body });
    response.writeHead(status(), headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  sandbox.delivery.requestUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  ends.push(() => server.close());
  return seen;
}

test('A1 each way in which a token ends has its own error', async () => {
  for (const [is, error] of [
    ['uninstalled', 'account_inactive'],
    ['revoked', 'token_revoked'],
    ['expired', 'token_expired'],
  ] as const) {
    sandbox.world.installed = is;
    expect(await errorOf(client.auth.test())).toBe(error);
  }
});

test('A2 an app token is for connections and for nothing else', async () => {
  expect(await errorOf(client.apiCall('apps.connections.open'))).toBe('not_allowed_token_type');
  expect(await errorOf(clientOf(sandbox.world.tokens.app).auth.test())).toBe('not_allowed_token_type');
});

test('A3 a scope that is missing is named, and each answer carries both headers', async () => {
  await sandbox.close();
  await open({ manifest: { ...manifest, scopes: ['chat:write'] } });
  const answer = await fetch(`${sandbox.origin}/api/users.info`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.world.tokens.bot}`, 'content-type': 'application/json' },
    body: '{"user":"U0ANA"}',
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-oauth-scopes')).toBe('chat:write');
  expect(answer.headers.get('x-accepted-oauth-scopes')).toBe('users:read');
  expect(await answer.json()).toMatchObject({
    ok: false,
    error: 'missing_scope',
    needed: 'users:read',
    provided: 'chat:write',
  });
});

test('A4 a method that is not modelled says so, and blocks that cannot be read are no blocks', async () => {
  expect(await errorOf(client.apiCall('calls.add'))).toBe('unknown_method');
  expect(violations()).toContain('unknown_method');
  expect(await errorOf(post('x', { blocks: '{' }))).toBe('invalid_blocks_format');
});

test('A5 a form, JSON and multipart say the same, and an error of the application is HTTP 200', async () => {
  const ask = async (body: string | URLSearchParams | FormData, type?: string) => {
    const answer = await fetch(`${sandbox.origin}/api/chat.postMessage`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sandbox.world.tokens.bot}`, ...(type ? { 'content-type': type } : {}) },
      body,
    });
    return [answer.status, (await answer.json()) as { message?: { text: string }; error?: string }] as const;
  };
  const said = { channel: 'C0RELEASES', text: 'x', blocks: JSON.stringify([{ type: 'divider' }]) };
  const form = new FormData();
  for (const [name, value] of Object.entries(said)) form.set(name, value);
  const all = [
    await ask(new URLSearchParams(said)),
    await ask(JSON.stringify({ ...said, blocks: [{ type: 'divider' }] }), 'application/json; charset=utf-8'),
    await ask(form),
  ];
  for (const [status, { message }] of all) expect([status, message]).toMatchObject([200, { text: 'x', blocks: [{}] }]);
  expect(await ask(new URLSearchParams({ channel: 'C0NOWHERE', text: 'x' }))).toEqual([
    200,
    { ok: false, error: 'channel_not_found' },
  ]);
});

test('A6 headers that clients share carry the token of one workspace into another, and are seen doing it', async () => {
  await sandbox.close();
  await open({ secondSeedFile: `${root}test/sandbox/second.yml` });
  const { second, world } = sandbox;
  const shared = { headers: { 'X-Trace': '1' }, slackApiUrl: `${sandbox.origin}/api/` };
  const teams: unknown[] = [];
  for (const token of [world.tokens.bot, second?.world.tokens.bot])
    teams.push((await new WebClient(token, shared).auth.test()).team_id);
  expect(teams).toEqual(['T0HARBOUR', 'T0HARBOUR']);
  expect((await clientOf(String(second?.world.tokens.bot)).auth.test()).team_id).toBe('T0HILL');
});

test('A6 a token of one workspace sees and changes nothing of another', async () => {
  await sandbox.close();
  await open({ secondSeedFile: `${root}test/sandbox/second.yml` });
  const other = clientOf(sandbox.second?.world.tokens.bot ?? '');
  expect((await other.auth.test()).team_id).toBe('T0HILL');
  expect(await errorOf(other.chat.postMessage({ channel: 'C0RELEASES', text: 'x' }))).toBe('channel_not_found');
  expect(await errorOf(other.users.info({ user: 'U0ANA' }))).toBe('user_not_found');
  expect(await errorOf(client.chat.postMessage({ channel: 'C0HILL', text: 'x' }))).toBe('channel_not_found');
  await other.chat.postMessage({ channel: 'C0HILL', text: 'hello' });
  expect(sandbox.second?.world.state.messages.C0HILL).toHaveLength(1);
  // clientOptions.headers are shared by all clients of an App: the second client speaks with the first one's token.
  const headers = { 'x-trace': '1' };
  const leaky = (token: string) => new WebClient(token, { slackApiUrl: `${sandbox.origin}/api/`, headers });
  leaky(sandbox.world.tokens.bot);
  expect((await leaky(sandbox.second?.world.tokens.bot ?? '').auth.test()).team_id).toBe('T0HARBOUR');
});

test('A7 faults: the effect applied and the answer lost, and what else goes wrong on the way back', async () => {
  fault('chat.postMessage', 'lost');
  expect(await errorOf(post('once'))).toMatch(/fetch failed|request error/i);
  expect(driver.messages('releases').map(({ text }) => text)).toEqual(['once']);
  for (const [kind, status] of [
    ['error500', 500],
    ['error503', 503],
    ['ratelimited_silent', 429],
  ] as const) {
    fault('api.test', kind);
    const answer = await fetch(`${sandbox.origin}/api/api.test`, {
      headers: { authorization: `Bearer ${sandbox.world.tokens.bot}` },
    });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, null]);
  }
  fault('api.test', 'bad_json');
  expect(await errorOf(client.api.test())).not.toBe('ok');
});

test('B1 a method has its own bucket by its tier: 429, a whole number of seconds, and nothing done', async () => {
  await sandbox.close();
  await open({ enforceLimits: true });
  const create = (name: string) =>
    fetch(`${sandbox.origin}/api/conversations.create`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sandbox.world.tokens.bot}` },
      body: new URLSearchParams({ name }),
    });
  const answers: Response[] = [];
  for (let n = 0; n < 8; n++) answers.push(await create(`room-${n}`));
  const refused = answers.filter((one) => one.status === 429);
  expect(refused.length).toBeGreaterThan(0);
  for (const one of refused) {
    expect(one.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await one.json()).toEqual({ ok: false, error: 'ratelimited' });
  }
  const made = Object.values(sandbox.world.state.channels).filter((one) => one.name.startsWith('room-'));
  expect(made).toHaveLength(8 - refused.length);
  expect(await errorOf(client.users.info({ user: 'U0ANA' }))).toBe('ok');
});

test('B4 beyond an hour’s events the app is told once a minute, and hears nothing else until the next hour', async () => {
  await sandbox.close();
  await open({ enforceLimits: true });
  const seen = await stubborn(() => 200);
  const types = () => seen.map(({ body }) => JSON.parse(body)).map((one) => one.event?.type ?? one.type);
  sandbox.world.eventsPerHour = 2;
  const ana = driver.person('ana');
  for (let n = 0; n < 5; n++) await ana.says('@maitred hi');
  await until('two events and a word', () => (seen.length === 3 ? true : undefined));
  expect(types().sort()).toEqual(['app_mention', 'app_mention', 'app_rate_limited']);
  moveClock(sandbox.world, 60_000);
  await ana.says('@maitred hi');
  await until('another word', () =>
    types().filter((type) => type === 'app_rate_limited').length === 2 ? true : undefined,
  );
  moveClock(sandbox.world, 3_600_000);
  await ana.says('@maitred hi');
  await until('events again', () =>
    types().filter((type) => type !== 'app_rate_limited').length > 2 ? true : undefined,
  );
});

test('B2 B5 a channel takes a burst and one a second; who does not wait is seen', async () => {
  await sandbox.close();
  await open({ enforceLimits: true });
  const waits: number[] = [];
  for (let count = 0; count < 8; count++)
    await post(`${count}`).catch((error: { retryAfter?: number }) => waits.push(error.retryAfter ?? 0));
  expect(waits.length).toBeGreaterThanOrEqual(2);
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(1);
  // Another channel is not held up.
  expect(await errorOf(client.chat.postMessage({ channel: 'C0GENERAL', text: 'x' }))).toBe('ok');
  expect(violations()).toContain('ignored_retry_after');
});

test('B3 E8 a response_url takes five, no faster than one a second after a burst, and then none', async () => {
  const answer = () => {
    const [id = ''] = sandbox.world.responses.keys();
    return fetch(`${sandbox.origin}/response/${id}`, { method: 'POST', body: '{"text":"x"}' });
  };
  for (const [enforceLimits, end] of [
    [false, [404, 'used_url']],
    [true, [429, 'ratelimited']],
  ] as const) {
    await sandbox.close();
    await open({ enforceLimits });
    const app = await bolt('socket', (one) => one.command('/release', async ({ ack }) => ack()));
    await driver.person('ana').types('/release x');
    for (let count = 0; count < 5; count++) expect(await (await answer()).text()).toBe('ok');
    const sixth = await answer();
    expect([sixth.status, await sixth.text()]).toEqual(end);
    await app.stop();
  }
});

test('C1 what Slack signs is taken; a wrong signature, an old one and a bare check are not what they seem', async () => {
  await bolt('http', (app) => app.command('/release', async ({ ack }) => ack('fine')));
  expect((await driver.person('ana').types('/release x')).status).toBe('ok');
  const probe = async (kind: Parameters<Sandbox['delivery']['probe']>[0]) =>
    (await sandbox.delivery.probe(kind)).status;
  expect(await sandbox.delivery.probe('url_verification')).toEqual({
    status: 200,
    text: '{"challenge":"challenge-1"}',
  });
  expect(await probe('ssl_check')).toBe(200);
  expect(await probe('bad_signature')).toBe(401);
  expect(await probe('stale')).toBe(401);
  // Bolt keeps no list of what it has seen: within five minutes a replay passes, and the app has to notice.
  expect(await probe('replay')).toBe(200);
});

test('C3 an event is tried again with its number and reason, and not after x-slack-no-retry', async () => {
  const seen = await stubborn(() => 500);
  driver.person('ana').invites('payments', 'maitred');
  await until('the first retry', () => (seen.length >= 2 ? true : undefined));
  const [one, two] = seen.map(({ headers, body }) => ({ ...headers, id: JSON.parse(body).event_id }));
  expect(one).not.toHaveProperty('x-slack-retry-num');
  expect(two).toMatchObject({ 'x-slack-retry-num': '1', 'x-slack-retry-reason': 'http_error', id: one?.id });
  const silent = await stubborn(() => 500, { 'x-slack-no-retry': '1' });
  driver.person('kim').invites('payments', 'ben');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(silent).toHaveLength(1);
});

test('C4 the same event twice, under another id, or after the next one', async () => {
  const heard: { event_id: string; user: string }[] = [];
  await bolt('socket', (app) =>
    app.event(
      'app_mention',
      async ({ body, event }) => void heard.push({ event_id: body.event_id, user: String(event.user) }),
    ),
  );
  const [ana, ben] = [driver.person('ana'), driver.person('ben')];
  fault('deliver.events', 'duplicate');
  await ana.says('@maitred one');
  await until('both', () => (heard.length === 2 ? true : undefined));
  expect(heard[0]?.event_id).toBe(heard[1]?.event_id);
  fault('deliver.events', 'duplicate_new_id');
  await ana.says('@maitred two');
  await until('both', () => (heard.length === 4 ? true : undefined));
  expect(heard[2]?.event_id).not.toBe(heard[3]?.event_id);
  fault('deliver.events', 'reorder');
  await ana.says('@maitred three');
  await ben.says('@maitred four');
  await until('both', () => (heard.length === 6 ? true : undefined));
  expect(heard.slice(4).map(({ user }) => user)).toEqual(['U0BEN', 'U0ANA']);
});

test('C2 C6 a late acknowledgement and a second one are violations', async () => {
  const { tokens } = sandbox.world;
  const { url } = (await clientOf(tokens.app).apps.connections.open()) as { url: string };
  const ws = new WebSocket(url);
  ends.push(() => ws.terminate());
  ws.on('message', (data) => {
    const { envelope_id } = JSON.parse(String(data)) as { envelope_id?: string };
    if (!envelope_id) return;
    ws.send(JSON.stringify({ envelope_id }));
    ws.send(JSON.stringify({ envelope_id }));
  });
  await until('the line', () => (sandbox.delivery.connections() === 1 ? true : undefined));
  expect((await driver.person('ana').types('/release x')).status).toBe('ok');
  await until('the second ack', () => (violations().includes('double_ack') ? true : undefined));
  ws.removeAllListeners('message');
  ws.on('message', (data) => {
    const { envelope_id } = JSON.parse(String(data)) as { envelope_id?: string };
    setTimeout(() => ws.send(JSON.stringify({ envelope_id })), 3_100);
  });
  expect((await driver.person('ana').types('/release y')).status).toBe('operation_timeout');
  await until('the late ack', () => (violations().includes('late_ack') ? true : undefined));
});

test('C5 an answer to a form that Slack does not know is a violation', async () => {
  const view = {
    type: 'modal' as const,
    callback_id: 'f',
    title: { type: 'plain_text' as const, text: 'x' },
    submit: { type: 'plain_text' as const, text: 'y' },
    blocks: [],
  };
  await bolt('socket', (app) => {
    app.command('/release', async ({ ack, client: own, body }) => {
      await ack();
      await own.views.open({ trigger_id: body.trigger_id, view });
    });
    app.view('f', async ({ ack }) => ack({ response_action: 'errors', errors: { nowhere: 'x' } }));
  });
  const ana = driver.person('ana');
  await ana.types('/release x');
  await ana.modal();
  await ana.submits();
  expect(violations()).toContain('bad_ack_payload');
});

test('C7 events stop when nearly all of an hour failed, until they are switched on', async () => {
  await sandbox.close();
  await open({ unconfirmed: { failuresBeforeOff: 6 } });
  let status = 500;
  const seen = await stubborn(() => status, { 'x-slack-no-retry': '1' });
  const ana = driver.person('ana');
  // Failures of an hour ago count no more.
  for (let n = 0; n < 3; n++) ana.says('@maitred hi');
  await until('three', () => (seen.length >= 3 ? true : undefined));
  moveClock(sandbox.world, 3_700_000);
  for (let n = 0; n < 5; n++) ana.says('@maitred hi');
  await until('eight', () => (seen.length >= 8 ? true : undefined));
  expect(violations()).not.toContain('subscription_disabled');
  ana.says('@maitred hi');
  await until('the end of it', () => (violations().includes('subscription_disabled') ? true : undefined));
  status = 200;
  const before = seen.length;
  ana.says('@maitred nobody hears this');
  await fetch(`${sandbox.origin}/_control/subscribe`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
  });
  ana.says('@maitred and this is heard');
  await until('one more', () => (seen.length > before ? true : undefined));
  expect(seen.slice(before).map(({ body }) => JSON.parse(body).event.text)).toEqual(['<@U0MAITRED> and this is heard']);
});

test('D1 D2 a ticket works once, hello comes first, and the eleventh connection is sent away', async () => {
  const connect = async (url?: string) => {
    const ticket = url ?? ((await clientOf(sandbox.world.tokens.app).apps.connections.open()) as { url: string }).url;
    const ws = new WebSocket(ticket);
    ends.push(() => ws.terminate());
    const first = await new Promise<string>((resolve) => {
      ws.once('message', (data) => resolve(JSON.parse(String(data)).type));
      ws.once('error', (error) => resolve(error.message));
    });
    return { ticket, first };
  };
  const one = await connect();
  expect(one.first).toBe('hello');
  expect((await connect(one.ticket)).first).toContain('403');
  for (let count = 2; count <= 10; count++) expect((await connect()).first).toBe('hello');
  expect((await connect()).first).toBe('disconnect');
  expect(sandbox.delivery.connections()).toBe(10);
});

test('D3 D4 without a line commands fail at once; an unmodified client comes back after each way of losing it', async () => {
  const socket = new SocketModeClient({
    appToken: sandbox.world.tokens.app,
    clientOptions: { slackApiUrl: `${sandbox.origin}/api/` },
    clientPingTimeout: 600,
  });
  ends.push(() => socket.disconnect());
  socket.on('slash_commands', async ({ ack }) => ack());
  await socket.start();
  for (const reason of ['refresh_requested', 'reset', 'stall'] as const) {
    sandbox.delivery.disconnect(reason);
    await until(`the line to go: ${reason}`, () => (sandbox.delivery.connections() === 0 ? true : undefined));
    const failed = await driver.person('ana').types('/release x');
    expect([reason, failed.status]).toEqual([reason, 'dispatch_failed']);
    await until(`the client to come back: ${reason}`, () => (sandbox.delivery.connections() === 1 ? true : undefined));
    expect((await driver.person('ana').types('/release x')).status).toBe('ok');
  }
});

test('D5 what a lost line did not acknowledge comes again over another, events alone', async () => {
  const heard: [line: number, type: string, attempt: unknown][] = [];
  const line = async (n: number) => {
    const { url } = (await clientOf(sandbox.world.tokens.app).apiCall('apps.connections.open')) as unknown as {
      url: string;
    };
    const ws = new WebSocket(url);
    ends.push(() => ws.terminate());
    ws.on('message', (data) => {
      const one = JSON.parse(String(data));
      if (one.type !== 'hello') heard.push([n, one.type, one.retry_attempt]);
      if (n === 2 && one.envelope_id) ws.send(JSON.stringify({ envelope_id: one.envelope_id }));
    });
    await new Promise((resolve) => ws.once('message', resolve));
    return ws;
  };
  const one = await line(1);
  const ana = driver.person('ana');
  ana.says('@maitred hi');
  const command = ana.types('/release list');
  await until('both on the first line', () => (heard.length === 2 ? true : undefined));
  await line(2);
  one.terminate();
  expect((await command).status).toBe('dispatch_failed');
  await until('the event on the second line', () => (heard.length === 3 ? true : undefined));
  expect(heard[2]).toEqual([2, 'events_api', 1]);
});

test('D6 an app that stopped has no line and opens none', async () => {
  const app = await bolt('socket', () => undefined);
  expect(sandbox.delivery.connections()).toBe(1);
  ends = [];
  await app.stop();
  await until('no line', () => (sandbox.delivery.connections() === 0 ? true : undefined));
  const opened = () => sandbox.world.calls.filter(({ method }) => method === 'apps.connections.open').length;
  const before = opened();
  // Longer than the pause after which this client comes back when it means to.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect([opened(), sandbox.delivery.connections()]).toEqual([before, 0]);
}, 20_000);

test('E1 E2 a message to nobody, into a closed tab, and one that is too long', async () => {
  expect(await errorOf(post('x', { channel: 'U0NOBODY' }))).toBe('channel_not_found');
  const long = await post('x'.repeat(40_001));
  expect([long.warning, long.message?.text.length]).toEqual(['message_truncated', 40_000]);
  expect(violations()).toContain('long_text');
  await sandbox.close();
  await open({ manifest: { ...manifest, messagesTab: false } });
  expect(await errorOf(post('x', { channel: 'U0ANA' }))).toBe('messages_tab_disabled');
});

test('E4 an update with an empty list takes the blocks away; with text alone they stay, or go by the switch', async () => {
  const blocks = [{ type: 'divider' }];
  const { ts } = await post('x', { blocks });
  const message = () => driver.messages('releases').at(-1);
  await client.chat.update({ channel: 'C0RELEASES', ts, text: 'y' });
  expect(message()?.blocks).toHaveLength(1);
  await client.chat.update({ channel: 'C0RELEASES', ts, text: 'y', blocks: [] });
  expect(message()?.blocks).toBeUndefined();
  await sandbox.close();
  await open({ unconfirmed: { textUpdateDropsBlocks: true } });
  const second = await post('x', { blocks });
  await client.chat.update({ channel: 'C0RELEASES', ts: second.ts, text: 'y' });
  expect(message()?.blocks).toBeUndefined();
});

test('E7 a scheduled message: limits, list, taking back, delivery by the clock, and never with metadata', async () => {
  const seconds = () => Math.floor(now(sandbox.world) / 1000);
  const at = (post_at: number, more: Record<string, unknown> = {}) =>
    client.apiCall('chat.scheduleMessage', { channel: 'C0RELEASES', text: 'later', post_at, ...more });
  expect(await errorOf(at(seconds() - 1))).toBe('time_in_past');
  expect(await errorOf(at(seconds() + 121 * 86_400))).toBe('time_too_far');
  const { scheduled_message_id: id } = (await at(seconds() + 3_600)) as { scheduled_message_id?: string };
  await at(seconds() + 3_700);
  await at(seconds() + 3_800, { metadata: { event_type: 'x', event_payload: {} } });
  const list = await client.chat.scheduledMessages.list({ channel: 'C0RELEASES' });
  expect(list.scheduled_messages).toHaveLength(3);
  await client.chat.deleteScheduledMessage({ channel: 'C0RELEASES', scheduled_message_id: String(id) });
  expect(driver.messages('releases')).toEqual([]);
  moveClock(sandbox.world, 2 * 3_600_000);
  expect(driver.messages('releases').map(({ text }) => text)).toEqual(['later']);
  const many = seconds() - (seconds() % 300) + 6_000;
  for (let count = 0; count < 30; count++) await at(many + count);
  expect(await errorOf(at(many + 31))).toBe('restricted_too_many');
});

test('E9 mentions notify, edits do not, and a broadcast is a violation', async () => {
  const notices = (id: string) => (sandbox.world.notices.get(id) ?? []).map(({ why }) => why);
  const { ts } = await post('<@U0BEN> and <!subteam^S0SRE>');
  await client.chat.update({ channel: 'C0RELEASES', ts, text: '<@U0KIM>' });
  expect([notices('U0BEN'), notices('U0LEE'), notices('U0KIM')]).toEqual([['mention'], ['group'], []]);
  await post('<!channel>');
  expect(notices('U0KIM')).toEqual(['broadcast']);
  expect(violations()).toContain('broadcast_mention');
});

test('E10 metadata is flat, small, and shown to whom asks for it', async () => {
  expect(await errorOf(post('x', { metadata: { event_type: 'x' } }))).toBe('invalid_metadata_format');
  expect(await errorOf(post('x', { metadata: { event_type: 'x', event_payload: { a: { b: 1 } } } }))).toBe(
    'invalid_metadata_format',
  );
  expect(await errorOf(post('x', { metadata: { event_type: 'x', event_payload: { a: 'x'.repeat(9_000) } } }))).toBe(
    'metadata_too_large',
  );
  await post('x', { metadata: { event_type: 'x', event_payload: { a: 1 } } });
  const history = async (more = {}) =>
    (await client.conversations.history({ channel: 'C0RELEASES', ...more })).messages?.[0];
  expect(await history()).not.toHaveProperty('metadata');
  expect(await history({ include_all_metadata: true })).toHaveProperty('metadata');
});

test('F1 F2 every limit and shape of a block has its pointer', async () => {
  const plain = (text: string) => ({ type: 'plain_text', text });
  const button = (more: object = {}) => ({ type: 'button', action_id: 'a', text: plain('x'), ...more });
  const cases: readonly [block: object, pointer: string][] = [
    [{ type: 'header', text: plain('x'.repeat(151)) }, '/blocks/0/text/text'],
    [{ type: 'section' }, '/blocks/0'],
    [{ type: 'section', fields: Array(11).fill(plain('x')) }, '/blocks/0/fields'],
    [{ type: 'context', elements: Array(11).fill(plain('x')) }, '/blocks/0/elements'],
    [
      {
        type: 'actions',
        elements: Array(26)
          .fill(0)
          .map((_one, index) => button({ action_id: `a${index}` })),
      },
      '/blocks/0/elements',
    ],
    [{ type: 'actions', elements: [button(), button()] }, '/blocks/0/elements'],
    [{ type: 'actions', elements: [button({ text: plain('x'.repeat(76)) })] }, '/blocks/0/elements/0/text/text'],
    [{ type: 'actions', elements: [button({ value: 'x'.repeat(2_001) })] }, '/blocks/0/elements/0/value'],
    [{ type: 'actions', elements: [button({ style: 'green' })] }, '/blocks/0/elements/0/style'],
    [
      {
        type: 'actions',
        elements: [{ type: 'overflow', action_id: 'a', options: Array(6).fill({ text: plain('x'), value: 'x' }) }],
      },
      '/blocks/0/elements/0/options',
    ],
    [
      { type: 'actions', elements: [{ type: 'static_select', action_id: 'a', options: [], option_groups: [] }] },
      '/blocks/0/elements/0',
    ],
    [{ type: 'actions', elements: [{ type: 'plain_text_input', action_id: 'a' }] }, '/blocks/0/elements/0/type'],
    [{ type: 'image', alt_text: 'x' }, '/blocks/0'],
    [{ type: 'table', rows: Array(101).fill([{ type: 'raw_text', text: 'x' }]) }, '/blocks/0/rows'],
    [{ type: 'data_table', caption: 'x', rows: [[{ type: 'raw_text', text: 'x' }]] }, '/blocks/0/rows'],
    [{ type: 'card' }, '/blocks/0'],
    [{ type: 'carousel', elements: [] }, '/blocks/0/elements'],
    [{ type: 'container', child_blocks: [{ type: 'card', title: plain('x') }] }, '/blocks/0/child_blocks/0/type'],
    [{ type: 'task_card', task_id: 't', title: 'x', status: 'done' }, '/blocks/0/status'],
    [
      { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'txt' }] }] },
      '/blocks/0/elements/0/elements/0/type',
    ],
    [
      { type: 'context_actions', elements: [{ type: 'icon_button', icon: 'star', text: plain('x') }] },
      '/blocks/0/elements/0/icon',
    ],
    [{ type: 'video', alt_text: 'x', title: plain('x'), video_url: 'x' }, '/blocks/0/thumbnail_url'],
    [{ type: 'input', label: plain('x'), element: { type: 'plain_text_input' } }, '/blocks/0/type'],
    [{ type: 'data_visualization' }, '/blocks/0/type'],
  ];
  for (const [block, pointer] of cases) {
    const errors = await post('x', { blocks: [block] }).then(
      () => [],
      (error: { data: { error: string; errors: string[] } }) => error.data.errors,
    );
    expect([
      JSON.stringify(block).slice(0, 80),
      errors.some((one) => one.endsWith(`[json-pointer:${pointer}]`)),
    ]).toEqual([JSON.stringify(block).slice(0, 80), true]);
  }
});

test('F4 all text of a message together has a limit, and comes near it only as a violation', async () => {
  const blocks = (length: number) =>
    Array(4)
      .fill(0)
      .map(() => ({ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(length / 4) } }));
  expect(await errorOf(post('x', { blocks: blocks(11_200) }))).toBe('msg_blocks_too_long');
  expect(await errorOf(post('x', { blocks: blocks(10_000) }))).toBe('ok');
  expect(violations()).toContain('long_blocks');
});

test('F5 blocks.validate tells code, pointer and limit, and takes exactly one of three', async () => {
  const validate = async (body: object) =>
    (await client.apiCall('blocks.validate', { ...body }).catch((error: { data: unknown }) => error.data)) as {
      error?: string;
      errors?: unknown[];
    };
  expect((await validate({})).error).toBe('invalid_arguments');
  expect((await validate({ blocks: [{ type: 'divider' }] })).error).toBeUndefined();
  expect(
    (await validate({ blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] })).errors,
  ).toEqual([
    {
      code: 'max_length_exceeded',
      message: 'must be less than 151 characters',
      pointer: '/blocks/0/text/text',
      constraint: { max_length: 150 },
    },
  ]);
});

test('F6 F7 triggers and the stack of views', async () => {
  const title = { type: 'plain_text' as const, text: 'x' };
  const view = (more: object = {}) => ({ type: 'modal' as const, title, blocks: [], ...more });
  const trigger = (inModal: boolean, late = false) => {
    const id = `t${Math.random()}`;
    sandbox.world.triggers.set(id, { user: 'U0ANA', expires: Date.now() + (late ? -1 : 3_000), used: false, inModal });
    return id;
  };
  expect(await errorOf(client.views.push({ trigger_id: trigger(true), view: view() }))).toBe('invalid_trigger_id');
  const { view: first } = await client.views.open({ trigger_id: trigger(false), view: view({ external_id: 'one' }) });
  expect(await errorOf(client.views.push({ trigger_id: trigger(false), view: view() }))).toBe('invalid_trigger_id');
  expect(await errorOf(client.views.push({ trigger_id: trigger(true), view: view({ external_id: 'one' }) }))).toBe(
    'duplicate_external_id',
  );
  await client.views.push({ trigger_id: trigger(true), view: view() });
  await client.views.push({ trigger_id: trigger(true), view: view() });
  expect(await errorOf(client.views.push({ trigger_id: trigger(true), view: view() }))).toBe('push_limit_reached');
  expect(await errorOf(client.views.update({ view_id: String(first?.id), hash: 'other', view: view() }))).toBe(
    'hash_conflict',
  );
  expect(await errorOf(client.views.update({ view_id: 'V0', view: view() }))).toBe('not_found');
  expect(await errorOf(client.views.open({ trigger_id: trigger(false, true), view: view() }))).toBe(
    'expired_trigger_id',
  );
  await sandbox.close();
  await open({ unconfirmed: { triggerAsArgument: true } });
  expect(await errorOf(client.views.open({ trigger_id: trigger(false, true), view: view() }))).toBe(
    'invalid_arguments',
  );
});

test('F9 an answer to an external select with a bad shape is an empty list and a violation', async () => {
  const select = { type: 'external_select', action_id: 'e', min_query_length: 1 };
  const { ts } = (await post('x', { blocks: [{ type: 'actions', block_id: 'b', elements: [select] }] })) as {
    ts: string;
  };
  await bolt('socket', (app) =>
    app.options('e', async ({ ack, payload }) =>
      ack({ options: [{ text: { type: 'plain_text', text: payload.value === 'bad' ? '' : 'Fine' }, value: 'x' }] }),
    ),
  );
  const search = (text: string) => sandbox.people.searches('U0ANA', { channel: 'C0RELEASES', ts }, 'b', text);
  expect(await search('good')).toHaveLength(1);
  expect(await search('bad')).toEqual([]);
  expect(violations()).toContain('bad_ack_payload');
});

test('F10 a home is there once it is published, for one person each, and not where the tab is off', async () => {
  const seen = await stubborn(() => 200);
  const homes = () => seen.map(({ body }) => JSON.parse(body).event).filter((one) => one?.type === 'app_home_opened');
  const ana = driver.person('ana');
  ana.opensHome();
  await until('the first look', () => (homes().length === 1 ? true : undefined));
  expect(homes()[0]).toMatchObject({ user: 'U0ANA', tab: 'home' });
  expect(homes()[0]).not.toHaveProperty('view');
  const view: HomeView = { type: 'home', blocks: [{ type: 'divider' }] };
  await client.views.publish({ user_id: 'U0ANA', view });
  ana.opensHome();
  driver.person('ben').opensHome();
  await until('two more', () => (homes().length === 3 ? true : undefined));
  const viewOf = (user: string) =>
    homes()
      .filter((one) => one.user === user)
      .at(-1);
  expect(viewOf('U0ANA').view).toMatchObject({ type: 'home', blocks: [{ type: 'divider' }] });
  expect(viewOf('U0BEN')).not.toHaveProperty('view');
  await sandbox.close();
  await open({ manifest: { ...manifest, homeTab: false } });
  expect(await errorOf(client.views.publish({ user_id: 'U0ANA', view }))).toBe('not_enabled');
});

test('F11 a click carries what Slack sends with it, and no more', async () => {
  const heard: Record<string, Record<string, unknown>> = {};
  let trigger = '';
  const app = await bolt('http', (one) => {
    one.action(/.*/, async ({ ack, body }) => {
      await ack();
      heard[(body as { actions: { action_id: string }[] }).actions[0]?.action_id ?? ''] = body as never;
      trigger = (body as { trigger_id: string }).trigger_id;
    });
  });
  const text = { type: 'plain_text', text: 'x' } as const;
  const button = (action_id: string, more = {}) =>
    [{ type: 'actions', block_id: 'b', elements: [{ type: 'button', action_id, text, ...more }] }] as never;
  const { ts } = await post('x', { blocks: button('plain', { url: 'https://example.com' }) });
  const ana = driver.person('ana');
  const click = (place: Parameters<typeof sandbox.people.clicks>[1], action: string) =>
    sandbox.people.clicks('U0ANA', place, 'b', action);
  await click({ channel: 'C0RELEASES', ts: String(ts) }, 'plain');
  const common = ['actions', 'api_app_id', 'container', 'enterprise', 'is_enterprise_install', 'team', 'token'];
  const more = ['trigger_id', 'type', 'user'];
  const keys = (action: string) => Object.keys(heard[action] ?? {}).sort();
  expect(keys('plain')).toEqual([...common, ...more, 'channel', 'message', 'response_url', 'state'].sort());
  await app.client.views.open({
    ...{ trigger_id: trigger, token: sandbox.world.tokens.bot },
    view: { type: 'modal', title: text, blocks: button('inside') },
  });
  await click({ view: (await ana.reads(/x/)).id }, 'inside');
  expect(keys('inside')).toEqual([...common, ...more, 'view'].sort());
  const { message_ts } = (await client.chat.postEphemeral({
    ...{ channel: 'C0RELEASES', user: 'U0ANA', text: 'x', blocks: button('hidden') },
  })) as { message_ts: string };
  await click({ channel: 'C0RELEASES', ts: message_ts }, 'hidden');
  expect(keys('hidden')).toEqual([...common, ...more, 'channel', 'response_url', 'state'].sort());
  expect(heard.hidden?.container).toMatchObject({ is_ephemeral: true, message_ts });
  expect(heard.plain?.container).toMatchObject({ is_ephemeral: false });
});

test('E12 links of the app’s own domains are told, and show what it says of them', async () => {
  await sandbox.close();
  await open({
    manifest: { ...manifest, events: [...manifest.events, 'link_shared'], unfurlDomains: ['example.com'] },
  });
  const seen = await stubborn(() => 200);
  const told = () => seen.map(({ body }) => JSON.parse(body).event).filter((one) => one?.type === 'link_shared');
  const ana = driver.person('ana');
  ana.says('see https://ci.example.com/7 and https://elsewhere.test/');
  await until('the link', () => (told().length === 1 ? true : undefined));
  expect(told()[0]).toMatchObject({
    ...{ channel: 'C0RELEASES', user: 'U0ANA', is_bot_user_member: true, source: 'conversations_history' },
    links: [{ domain: 'example.com', url: 'https://ci.example.com/7' }],
  });
  const { message_ts: ts, unfurl_id } = told()[0];
  const show = (unfurls: object | undefined, where: object = { channel: 'C0RELEASES', ts }) =>
    errorOf(client.apiCall('chat.unfurl', { ...where, ...(unfurls ? { unfurls } : {}) }));
  const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'build 7 is green' } }];
  expect(await show(undefined)).toBe('missing_unfurls');
  expect(await show({ 'https://elsewhere.test/': { blocks } })).toBe('cannot_unfurl_url');
  expect(await show({ 'https://ci.example.com/7': { blocks: [{ type: 'section' }] } })).toBe('invalid_blocks');
  expect(await show({}, { channel: 'C0RELEASES', ts: '1.000001' })).toBe('cannot_find_message');
  expect(await show({}, { channel: 'C0RELEASES' })).toBe('missing_ts');
  expect(await show({}, { unfurl_id })).toBe('missing_source');
  expect(await show({ 'https://ci.example.com/7': { blocks } }, { unfurl_id, source: 'conversations_history' })).toBe(
    'ok',
  );
  const [newest] = (await client.conversations.history({ channel: 'C0RELEASES', limit: 1 })).messages ?? [];
  expect(newest?.attachments).toMatchObject([{ from_url: 'https://ci.example.com/7', is_app_unfurl: true, blocks }]);
});

test('G4 lists come in pages that may be short, with cursors that are good for one list', async () => {
  const names: string[] = [];
  let cursor: string | undefined;
  const sizes: number[] = [];
  do {
    const page = await client.users.list({ limit: 4, ...(cursor ? { cursor } : {}) });
    names.push(...(page.members ?? []).map((one) => String(one.name)));
    sizes.push(page.members?.length ?? 0);
    cursor = page.response_metadata?.next_cursor || undefined;
  } while (cursor);
  expect(names.sort()).toEqual(
    Object.values(sandbox.world.state.users)
      .map((one) => one.name)
      .sort(),
  );
  expect(sizes.slice(0, -1).every((size) => size < 4)).toBe(true);
  const { response_metadata } = await client.users.list({ limit: 4 });
  const other = { cursor: String(response_metadata?.next_cursor) };
  expect(await errorOf(client.conversations.list(other))).toBe('invalid_cursor');
  expect(await errorOf(client.users.list({ cursor: 'old' }))).toBe('invalid_cursor');
  expect(await errorOf(client.users.lookupByEmail({ email: 'nobody@example.com' }))).toBe('users_not_found');
  const { user: eve } = await client.users.info({ user: 'U0EVE' });
  expect(eve).toMatchObject({ is_stranger: true, team_id: 'T0PARTNER' });
  expect((await client.users.info({ user: 'U0TOM' })).user).toMatchObject({ deleted: true });
  expect((await client.users.info({ user: 'U0GIL' })).user).toMatchObject({ is_restricted: true });
});

test('G5 a channel has one canvas; edits go by section, and one that is locked says so', async () => {
  driver.person('ana').invites('payments', 'maitred');
  const document_content = { type: 'markdown', markdown: '# Title\n\nfirst' };
  const { canvas_id } = (await client.apiCall('conversations.canvases.create', {
    channel_id: 'C0PAYMENTS',
    document_content,
  })) as { canvas_id?: string };
  expect(await errorOf(client.apiCall('conversations.canvases.create', { channel_id: 'C0PAYMENTS' }))).toBe(
    'channel_canvas_already_exists',
  );
  const edit = (change: object) => client.apiCall('canvases.edit', { canvas_id, changes: [change] });
  await edit({ operation: 'insert_at_end', document_content: { type: 'markdown', markdown: 'last' } });
  expect(sandbox.world.state.canvases[String(canvas_id)]?.sections.map(({ text }) => text)).toEqual([
    '# Title',
    'first',
    'last',
  ]);
  fault('canvas.lock', 'error500');
  expect(await errorOf(edit({ operation: 'insert_at_end', document_content: { markdown: 'x' } }))).toBe(
    'canvas_editing_locked',
  );
  expect(await errorOf(edit({ operation: 'sing' }))).toBe('invalid_arguments');
  expect(await errorOf(client.apiCall('canvases.edit', { canvas_id: 'F0', changes: [{}] }))).toBe('canvas_not_found');
});

test('H1 installing in a browser: a page that asks, a code that is good once, and the provider of the SDK', async () => {
  await sandbox.close();
  await open({ secondSeedFile: `${root}test/sandbox/second.yml` });
  const { clientId, clientSecret } = sandbox.oauth;
  const authorize = (query: Record<string, string>) =>
    fetch(`${sandbox.origin}/oauth/v2/authorize?${new URLSearchParams(query)}`);
  expect((await authorize({ client_id: 'other' })).status).toBe(400);
  expect((await authorize({ client_id: clientId, redirect_uri: 'https://evil.example/' })).status).toBe(400);
  const stored: { team?: { id: string }; bot?: { token?: string } }[] = [];
  const provider = new InstallProvider({
    ...{ clientId, clientSecret, stateSecret: 'a secret', authorizationUrl: `${sandbox.origin}/oauth/v2/authorize` },
    clientOptions: { slackApiUrl: `${sandbox.origin}/api/` },
    installationStore: {
      storeInstallation: async (one) => void stored.push(one as (typeof stored)[number]),
      fetchInstallation: async () => Promise.reject(new Error('none')),
    },
  });
  const redirectUri = 'http://localhost:9/slack/oauth_redirect';
  const url = new URL(await provider.generateInstallUrl({ scopes: ['chat:write'], redirectUri }));
  const asked = await (await fetch(url)).text();
  expect(asked).toContain('Hill');
  const yes = await fetch(`${sandbox.origin}/oauth/v2/allow`, {
    ...{ method: 'POST', redirect: 'manual' },
    body: new URLSearchParams([...url.searchParams, ['team', 'T0HILL']]),
  });
  const back = new URL(yes.headers.get('location') ?? '');
  expect(back.searchParams.get('state')).toBe(url.searchParams.get('state'));
  const code = back.searchParams.get('code') ?? '';
  const access = (secret: string) =>
    client.apiCall('oauth.v2.access', { client_id: clientId, client_secret: secret, code, redirect_uri: redirectUri });
  expect(await errorOf(access('wrong'))).toBe('bad_client_secret');
  expect(await access(clientSecret)).toMatchObject({
    team: { id: 'T0HILL' },
    access_token: sandbox.second?.world.tokens.bot,
  });
  expect(await errorOf(access(clientSecret))).toBe('code_already_used');
  expect(
    await errorOf(client.apiCall('oauth.v2.access', { client_id: clientId, client_secret: clientSecret, code: 'x' })),
  ).toBe('invalid_code');
});

test('H2 of two refreshes with one token, one is valid', async () => {
  await sandbox.close();
  await open({ manifest: { ...manifest, tokenRotation: true } });
  const { clientId: client_id, clientSecret: client_secret } = sandbox.oauth;
  const query = new URLSearchParams({ client_id, redirect_uri: 'http://localhost:9/x' });
  const to = new URL(sandbox.oauth.allow(query, 'T0HARBOUR') ?? '');
  const granted = (await client.apiCall('oauth.v2.access', {
    client_id,
    client_secret,
    code: to.searchParams.get('code'),
  })) as { refresh_token?: string };
  expect(granted).toMatchObject({ expires_in: 43_200 });
  const refresh = () =>
    client.apiCall('oauth.v2.access', {
      client_id,
      client_secret,
      grant_type: 'refresh_token',
      refresh_token: granted.refresh_token,
    });
  const first = sandbox.world.tokens.bot;
  const both = await Promise.all([errorOf(refresh()), errorOf(refresh())]);
  expect(both.sort()).toEqual(['invalid_refresh_token', 'ok']);
  const second = sandbox.world.tokens.bot;
  // What was there before is good for nothing, and so is what nobody renewed.
  expect(await errorOf(clientOf(first).auth.test())).toBe('token_expired');
  expect(await errorOf(clientOf(second).auth.test())).toBe('ok');
  moveClock(sandbox.world, 43_200_000);
  expect(await errorOf(clientOf(second).auth.test())).toBe('token_expired');
});

test('H3 the events of both workspaces come over one connection, each with its own', async () => {
  await sandbox.close();
  await open({ secondSeedFile: `${root}test/sandbox/second.yml` });
  const teams: unknown[] = [];
  const socket = new SocketModeClient({
    appToken: sandbox.world.tokens.app,
    clientOptions: { slackApiUrl: `${sandbox.origin}/api/` },
  });
  ends.push(() => socket.disconnect());
  socket.on('app_mention', async ({ ack, body }) => {
    await ack();
    teams.push([body.team_id, body.authorizations[0].team_id]);
  });
  await socket.start();
  await driver.person('ana').says('@maitred hi');
  sandbox.second?.people.says('U0PIA', 'C0HILL', '@maitred hi');
  await until('both', () => (teams.length === 2 ? true : undefined));
  expect(teams).toEqual([
    ['T0HARBOUR', 'T0HARBOUR'],
    ['T0HILL', 'T0HILL'],
  ]);
});

test('H4 what somebody of another organisation does in a shared channel comes in that one’s name', async () => {
  const seen = await stubborn(() => 200);
  driver.person('eve').says('@maitred hi');
  driver.person('ana').says('@maitred hi');
  const mentions = () => seen.map(({ body }) => JSON.parse(body)).filter((one) => one.event?.type === 'app_mention');
  await until('both', () => (mentions().length === 2 ? true : undefined));
  const of = (user: string) => mentions().find((one) => one.event.user === user);
  const common = {
    context_team_id: 'T0HARBOUR',
    is_ext_shared_channel: true,
    authorizations: [{ team_id: 'T0HARBOUR' }],
  };
  expect(of('U0EVE')).toMatchObject({ ...common, team_id: 'T0PARTNER' });
  expect(of('U0ANA')).toMatchObject({ ...common, team_id: 'T0HARBOUR' });
  const info = await client.conversations.info({ channel: 'C0RELEASES' });
  expect(info.channel).toMatchObject({ is_ext_shared: true });
  const text = { type: 'plain_text', text: 'x' };
  const button = { type: 'button', action_id: 'a', text };
  const { ts } = await post('x', { blocks: [{ type: 'actions', block_id: 'b', elements: [button] }] });
  await sandbox.people.clicks('U0EVE', { channel: 'C0RELEASES', ts: String(ts) }, 'b', 'a');
  const click = seen.map(({ body }) => new URLSearchParams(body).get('payload')).find(Boolean);
  expect(JSON.parse(String(click))).toMatchObject({ team: { id: 'T0PARTNER' }, user: { team_id: 'T0PARTNER' } });
});

test('H5 an uninstallation is told, and then nothing is good any more', async () => {
  const heard: string[] = [];
  const socket = new SocketModeClient({
    appToken: sandbox.world.tokens.app,
    clientOptions: { slackApiUrl: `${sandbox.origin}/api/` },
  });
  ends.push(() => socket.disconnect());
  socket.on('slack_event', async ({ ack, body }) => {
    await ack();
    heard.push(body.event?.type);
  });
  await socket.start();
  sandbox.people.uninstalls();
  await until('both events', () => (heard.length === 2 ? true : undefined));
  expect(heard.sort()).toEqual(['app_uninstalled', 'tokens_revoked']);
  expect(await errorOf(client.auth.test())).toBe('account_inactive');
});

test('I4 it tells any client what it needs, and refuses to run beside a real token', async () => {
  const info = (await (await fetch(`${sandbox.origin}/_control/info`)).json()) as { apiUrl: string; botToken: string };
  expect(info).toMatchObject({ apiUrl: `${sandbox.origin}/api/`, botToken: sandbox.world.tokens.bot });
  expect((await new WebClient(info.botToken, { slackApiUrl: info.apiUrl }).auth.test()).ok).toBe(true);
  const before = process.env.SLACK_BOT_TOKEN;
  process.env.SLACK_BOT_TOKEN = `xoxb-${'1'.repeat(12)}`;
  await expect(startSandbox({ seedFile: `${root}sandbox/workspace.yml`, manifest })).rejects.toThrow(/looks real/);
  if (before === undefined) delete process.env.SLACK_BOT_TOKEN;
  else process.env.SLACK_BOT_TOKEN = before;
});

test('whoever follows the clock knows of a move before it hears what people did after it; who died holds up nobody', async () => {
  const { world, origin } = sandbox;
  const seen = await stubborn(() => 200);
  const follows = (offset: number) =>
    fetch(`${origin}/_control/clock?offset=${offset}`).then((answer) => answer.json() as Promise<{ offsetMs: number }>);
  const listeners = world.changes.listenerCount('clock');
  const waits = (count: number) =>
    until('a follower', () => world.changes.listenerCount('clock') === listeners + count || undefined);
  const told = follows(world.state.clockOffsetMs);
  await waits(1);
  moveClock(world, 3_600_000);
  const typed = driver.person('ana').types('/release list', 'releases');
  const { offsetMs } = await told;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([offsetMs, seen.length]).toEqual([3_600_000, 0]);
  // It comes back with what it was told; then the command goes out.
  void follows(offsetMs);
  await typed;
  expect(seen).toHaveLength(1);
  await waits(1);
  moveClock(world, 3_600_000);
  await driver.person('ana').types('/release list', 'releases');
  expect(seen).toHaveLength(2);
});

test('the switches stand where the stricter reading is', async () => {
  const section = {
    type: 'input',
    block_id: 'i',
    label: { type: 'plain_text', text: 'x' },
    element: { type: 'plain_text_input', action_id: 'a' },
  };
  expect(await errorOf(post('x', { blocks: [section] }))).toBe('invalid_blocks');
  driver.person('ana').archives('payments');
  expect(await errorOf(client.conversations.create({ name: 'payments' }))).toBe('name_taken');
  await sandbox.close();
  const told = async () => {
    await driver.person('ana').types('/release list');
    return driver.person('ana').sees().at(-1);
  };
  await open();
  expect(await told()).toContain('/release failed with the error "dispatch_failed"');
  expect((await client.users.list({ limit: 4 })).members).toHaveLength(3);
  await sandbox.close();
  const loose = { shortPages: false, commandFailure: '%c: %e' };
  await open({ unconfirmed: { inputInMessages: true, archivedNameTaken: false, inviteLimit: 1_000, ...loose } });
  expect(await told()).toContain('/release: dispatch_failed');
  expect((await client.users.list({ limit: 4 })).members).toHaveLength(4);
  expect(await errorOf(post('x', { blocks: [section] }))).toBe('ok');
  driver.person('ana').archives('payments');
  expect(await errorOf(client.conversations.create({ name: 'payments' }))).toBe('ok');
});

test('COVERAGE.md is current', async () => {
  const check = promisify(execFile)(process.execPath, ['--import', 'tsx', 'sandbox/coverage.ts', '--check'], {
    cwd: root,
  });
  expect(await check).toEqual({ stdout: '', stderr: '' });
});
