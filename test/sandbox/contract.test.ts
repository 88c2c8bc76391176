import { WebClient } from '@slack/web-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';

/*
 * The same questions to the local workspace and, where CONTRACT_TOKEN (a bot token with the scopes of manifest.yml) and
 * CONTRACT_CHANNEL (the id of a public channel that the bot is in) are set, to Slack itself: what differs fails. None of
 * them changes anything.
 */

type Case = readonly [method: string, args: Record<string, unknown>, error: string, pointer?: string];

const long = (length: number) => 'x'.repeat(length);
const plain = (text: string) => ({ type: 'plain_text', text });
const nobody = 'U00000000';
const nowhere = 'C00000000';
const cases = (channel: string): readonly Case[] => [
  ['api.test', {}, 'ok'],
  ['api.test', { error: 'too_late' }, 'too_late'],
  ['auth.test', {}, 'ok'],
  ['chat.postMessage', { channel: nowhere, text: 'x' }, 'channel_not_found'],
  ['chat.postMessage', { channel, text: '' }, 'no_text'],
  ['chat.postMessage', { channel, text: 'x', blocks: '{' }, 'invalid_blocks_format'],
  [
    'chat.postMessage',
    { channel, text: 'x', blocks: [{ type: 'header', text: plain(long(151)) }] },
    'invalid_blocks',
    '/blocks/0/text/text',
  ],
  ['chat.postMessage', { channel, text: 'x', blocks: [{ type: 'sectoin' }] }, 'invalid_blocks', '/blocks/0/type'],
  ['chat.postEphemeral', { channel, user: nobody, text: 'x' }, 'user_not_in_channel'],
  ['chat.update', { channel, ts: '1.000001', text: 'x' }, 'message_not_found'],
  ['chat.delete', { channel, ts: '1.000001' }, 'message_not_found'],
  ['chat.getPermalink', { channel, message_ts: '1.000001' }, 'message_not_found'],
  ['chat.scheduleMessage', { channel, text: 'x', post_at: 1 }, 'time_in_past'],
  ['chat.scheduleMessage', { channel, text: 'x', post_at: 9_999_999_999 }, 'time_too_far'],
  ['conversations.info', { channel: nowhere }, 'channel_not_found'],
  ['conversations.create', { name: 'A B' }, 'invalid_name_specials'],
  ['conversations.create', { name: long(81) }, 'invalid_name_maxlength'],
  ['conversations.create', { name: '---' }, 'invalid_name_punctuation'],
  ['conversations.setTopic', { channel, topic: long(251) }, 'too_long'],
  ['conversations.unarchive', { channel }, 'not_archived'],
  ['conversations.replies', { channel, ts: '1.000001' }, 'thread_not_found'],
  ['conversations.list', { cursor: 'old' }, 'invalid_cursor'],
  ['users.info', { user: nobody }, 'user_not_found'],
  ['users.lookupByEmail', { email: 'nobody@invalid.example' }, 'users_not_found'],
  ['pins.add', { channel, timestamp: '1.000001' }, 'message_not_found'],
  ['reactions.add', { channel, timestamp: '1.000001', name: 'eyes' }, 'message_not_found'],
  [
    'views.open',
    { trigger_id: '1.2.x', view: { type: 'modal', title: plain('x'), blocks: [{ type: 'divider' }] } },
    'invalid_trigger_id',
  ],
  ['calls.nothing', {}, 'unknown_method'],
];

const { CONTRACT_TOKEN: token, CONTRACT_CHANNEL: place } = process.env;
const root = new URL('../../', import.meta.url).pathname;

/** What a call is answered with: its error, and where in the blocks it is. */
async function answerOf(client: WebClient, [method, args]: Case): Promise<{ error: string; pointers: string[] }> {
  try {
    await client.apiCall(method, args);
    return { error: 'ok', pointers: [] };
  } catch (failure) {
    const { data } = failure as { data?: { error: string; response_metadata?: { messages?: string[] } } };
    if (!data) throw failure;
    const told = (data.response_metadata?.messages ?? []).join(' ');
    return { error: data.error, pointers: [...told.matchAll(/json-pointer:([^\]]*)/g)].map(([, one = '']) => one) };
  }
}

function holds(client: () => WebClient, channel: string): void {
  test.each(
    cases(channel).map((one) => [`${one[0]} ${JSON.stringify(one[1]).slice(0, 60)} → ${one[2]}`, one] as const),
  )('%s', async (_name, one) => {
    const { error, pointers } = await answerOf(client(), one);
    expect(error).toBe(one[2]);
    if (one[3]) expect(pointers).toContain(one[3]);
  });
}

describe('I1 the local workspace answers', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({
      seedFile: `${root}sandbox/workspace.yml`,
      manifest: readManifest(`${root}manifest.yml`),
      enforceLimits: false,
    });
  });
  afterAll(() => sandbox?.close());
  holds(
    () =>
      new WebClient(sandbox.world.tokens.bot, { slackApiUrl: `${sandbox.origin}/api/`, retryConfig: { retries: 0 } }),
    'C0RELEASES',
  );
});

if (token && place)
  describe('I1 Slack itself answers', () => {
    // Slack's own limits hold here: the SDK waits as long as it is told to.
    const client = new WebClient(token);
    holds(() => client, place);
  });
else test.skip('I1 Slack itself answers: CONTRACT_TOKEN and CONTRACT_CHANNEL are not set', () => undefined);
