import { App } from '@slack/bolt';
import { WebClient } from '@slack/web-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDriver } from '../../sandbox/driver.ts';
import { readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';

const root = new URL('../../', import.meta.url).pathname;
let sandbox: Sandbox;
let client: WebClient;
const options = () => ({
  slackApiUrl: `${sandbox.origin}/api/`,
  retryConfig: { retries: 0 },
  rejectRateLimitedCalls: true,
});
beforeAll(async () => {
  sandbox = await startSandbox({
    seedFile: `${root}sandbox/workspace.yml`,
    manifest: readManifest(`${root}manifest.yml`),
  });
  client = new WebClient(sandbox.world.tokens.bot, options());
});
afterAll(() => sandbox?.close());

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (error: { data?: { error?: string }; message: string }) => error.data?.error ?? error.message,
  );

test('refuses what Slack refuses', async () => {
  const cases: readonly [unknown: Promise<unknown>, error: string][] = [
    [new WebClient(undefined, options()).auth.test(), 'not_authed'],
    [new WebClient('xoxb-other', options()).auth.test(), 'invalid_auth'],
    [client.apiCall('apps.connections.open'), 'not_allowed_token_type'],
    [client.apiCall('nothing.here'), 'unknown_method'],
    [client.apiCall('chat.postMessage', { text: 'x' }), 'invalid_arguments'],
    [client.chat.postMessage({ channel: 'C0NOWHERE', text: 'x' }), 'channel_not_found'],
    [client.chat.postMessage({ channel: 'C0RELEASES', text: '' }), 'no_text'],
    [client.chat.postMessage({ channel: 'C0RELEASES', text: 'x', thread_ts: '1.000000' }), 'invalid_thread_ts'],
    [client.chat.update({ channel: 'C0RELEASES', ts: '1.000000', text: 'x' }), 'message_not_found'],
    [client.conversations.create({ name: 'Has Spaces' }), 'invalid_name_specials'],
    [client.conversations.create({ name: 'releases' }), 'name_taken'],
    [client.conversations.create({ name: 'x'.repeat(81) }), 'invalid_name_maxlength'],
    [client.conversations.invite({ channel: 'C0RELEASES', users: 'U0ANA' }), 'already_in_channel'],
    [client.conversations.invite({ channel: 'C0PAYMENTS', users: 'U0BEN' }), 'not_in_channel'],
    [client.conversations.setTopic({ channel: 'C0RELEASES', topic: 'x'.repeat(251) }), 'too_long'],
    [client.users.info({ user: 'U0NOBODY' }), 'user_not_found'],
    [client.usergroups.users.list({ usergroup: 'S0NONE' }), 'no_such_subteam'],
    [
      client.views.open({
        trigger_id: 'made-up',
        view: { type: 'modal', title: { type: 'plain_text', text: 'x' }, blocks: [] },
      }),
      'invalid_trigger_id',
    ],
    [client.conversations.open({ users: 'U0TOM' }), 'user_disabled'],
    [client.chat.postEphemeral({ channel: 'C0PAYMENTS', user: 'U0BEN', text: 'x' }), 'user_not_in_channel'],
  ];
  for (const [work, error] of cases) expect(await errorOf(work)).toBe(error);
});

test('judges blocks with a pointer to the place', async () => {
  // Two channels in turn: six posts to one would meet its limit.
  let posts = 0;
  const post = (blocks: unknown) =>
    client
      .apiCall('chat.postMessage', { channel: posts++ % 2 === 0 ? 'C0PAYMENTS' : 'C0RELEASES', text: 'x', blocks })
      .then(
        () => [],
        (error: { data: { response_metadata?: { messages?: string[] } } }) =>
          error.data.response_metadata?.messages ?? [],
      );
  const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } });
  expect(await post([section('x'.repeat(3001))])).toEqual([
    '[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]',
  ]);
  expect(await post([section('')])).toEqual([
    '[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]',
  ]);
  expect(await post([{ type: 'sectoin' }])).toEqual([
    '[ERROR] unsupported type: sectoin [json-pointer:/blocks/0/type]',
  ]);
  expect(await post([{ ...section('x'), colour: 'red' }])).toEqual([
    '[ERROR] additional property: colour [json-pointer:/blocks/0]',
  ]);
  expect(await post([{ type: 'alert', text: { type: 'mrkdwn', text: 'x' } }])).toEqual([
    '[ERROR] unsupported type: alert in a message [json-pointer:/blocks/0/type]',
  ]);
  expect(
    await post([
      { ...section('a'), block_id: 'same' },
      { ...section('b'), block_id: 'same' },
    ]),
  ).toHaveLength(1);
});

test('limits a channel to one message a second after a burst, with Retry-After', async () => {
  const results = await Promise.all(
    Array.from({ length: 8 }, () =>
      client.chat.postMessage({ channel: 'C0GENERAL', text: 'x' }).then(
        () => 0,
        (error: { retryAfter?: number }) => error.retryAfter ?? -1,
      ),
    ),
  );
  expect(results.filter((wait) => wait > 0).length).toBeGreaterThanOrEqual(2);
  expect(results).not.toContain(-1);
});

test('an unmodified Bolt app that never acknowledges is seen doing it', { timeout: 20_000 }, async () => {
  const app = new App({
    token: sandbox.world.tokens.bot,
    appToken: sandbox.world.tokens.app,
    socketMode: true,
    clientOptions: options(),
    deferInitialization: true,
  });
  app.command('/release', async () => undefined);
  await app.init();
  await app.start();
  const ana = createDriver(sandbox).person('ana');
  expect((await ana.types('/release x')).status).toBe('operation_timeout');
  expect(ana.sees().join()).toContain('/release failed with the error "operation_timeout"');
  expect(sandbox.world.violations.map((violation) => violation.what)).toContain('no_ack');
  await app.stop();
});

test('a trigger works once', async () => {
  const view = { type: 'modal' as const, title: { type: 'plain_text' as const, text: 'x' }, blocks: [] };
  sandbox.world.triggers.set('t1', { user: 'U0ANA', expires: Date.now() + 3_000, used: false });
  sandbox.world.triggers.set('t2', { user: 'U0ANA', expires: Date.now() - 1, used: false });
  expect(await errorOf(client.views.open({ trigger_id: 't1', view }))).toBe('ok');
  expect(await errorOf(client.views.open({ trigger_id: 't1', view }))).toBe('exchanged_trigger_id');
  expect(await errorOf(client.views.open({ trigger_id: 't2', view }))).toBe('expired_trigger_id');
});

test('refuses to run in production', async () => {
  process.env.NODE_ENV = 'production';
  await expect(
    startSandbox({ seedFile: `${root}sandbox/workspace.yml`, manifest: readManifest(`${root}manifest.yml`) }),
  ).rejects.toThrow(/production/);
  process.env.NODE_ENV = 'test';
});
