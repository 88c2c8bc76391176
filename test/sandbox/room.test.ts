import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '@slack/bolt';
import { WebClient } from '@slack/web-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDriver, type Driver } from '../../sandbox/driver.ts';
import { type Manifest, readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';
import type { World } from '../../sandbox/server/world.ts';

/* What happens in rooms, seen by an unmodified client and an unmodified Bolt app that hears of everything. */

const root = new URL('../../', import.meta.url).pathname;
const manifest = readManifest(`${root}manifest.yml`);
const curious: Manifest = {
  ...manifest,
  events: [
    ...manifest.events,
    ...['message.channels', 'message.groups', 'channel_created', 'channel_left', 'group_left', 'file_shared'],
  ],
};

type Heard = Record<string, unknown> & {
  type: string;
  subtype?: string;
  channel?: unknown;
  item: { ts: string; message: Record<string, unknown> };
  message: Record<string, unknown>;
  previous_message: Record<string, unknown>;
};

let sandbox: Sandbox;
let world: World;
let driver: Driver;
let client: WebClient;
let app: App;
const heard: Heard[] = [];
const actions: Record<string, unknown>[] = [];

const open = (given: Manifest, snapshotFile?: string) =>
  startSandbox({
    seedFile: `${root}sandbox/workspace.yml`,
    manifest: given,
    enforceLimits: false,
    ...(snapshotFile ? { snapshotFile } : {}),
  });
const clientOf = (one: Sandbox) =>
  new WebClient(one.world.tokens.bot, { slackApiUrl: `${one.origin}/api/`, retryConfig: { retries: 0 } });

beforeAll(async () => {
  sandbox = await open(curious);
  world = sandbox.world;
  driver = createDriver(sandbox);
  client = clientOf(sandbox);
  app = new App({
    token: world.tokens.bot,
    appToken: world.tokens.app,
    socketMode: true,
    ignoreSelf: false,
    clientOptions: { slackApiUrl: `${sandbox.origin}/api/`, retryConfig: { retries: 0 } },
    deferInitialization: true,
  });
  app.event(/.*/, async ({ event }) => void heard.push(event as unknown as Heard));
  app.shortcut(/.*/, async ({ ack, body }) => {
    await ack();
    actions.push(body as unknown as Record<string, unknown>);
  });
  await app.init();
  await app.start();
});
afterAll(async () => {
  await app?.stop();
  await sandbox?.close();
});

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (error: { data?: { error?: string }; message: string }) => error.data?.error ?? error.message,
  );
const dataOf = (work: Promise<unknown>) =>
  work.then(
    (reply) => reply as Record<string, unknown>,
    (error: { data: Record<string, unknown> }) => error.data,
  );
const hears = (type: string, fits: (event: Heard) => boolean = () => true) =>
  driver.until(`the app to hear of ${type}`, () => heard.find((event) => event.type === type && fits(event)));
/** Long enough for an event that is not to come. */
const settles = () => new Promise((resolve) => setTimeout(resolve, 150));

let made = 0;
async function room(options: { is_private?: boolean; users?: string } = {}): Promise<{ id: string; name: string }> {
  const name = `room-${++made}`;
  const { channel } = await client.conversations.create({ name, is_private: options.is_private ?? false });
  const id = channel?.id as string;
  if (options.users) await client.conversations.invite({ channel: id, users: options.users });
  return { id, name };
}

test('a pin of a person reaches the app with the whole message', async () => {
  const ana = driver.person('ana');
  const { ts } = await ana.says('remember the rollback plan');
  await ana.pins(/rollback plan/);
  const event = await hears('pin_added', (one) => one.item.message.ts === ts);
  expect(event).toMatchObject({
    user: 'U0ANA',
    channel_id: 'C0RELEASES',
    item_user: 'U0ANA',
    pin_count: '1',
    pinned_info: { channel: 'C0RELEASES', pinned_by: 'U0ANA' },
    item: {
      type: 'message',
      channel: 'C0RELEASES',
      created_by: 'U0ANA',
      message: { text: 'remember the rollback plan', user: 'U0ANA', ts, pinned_to: ['C0RELEASES'] },
    },
  });
  expect(String(event.item.message.permalink)).toContain(ts);
  expect(event.event_ts).toMatch(/^\d{10}\.\d{6}$/);
  await ana.unpins(/rollback plan/);
  expect(await hears('pin_removed')).toMatchObject({ user: 'U0ANA', has_pins: false, pin_count: '0' });
});

test('pins.add, pins.list and pins.remove answer as Slack does', async () => {
  const { id: channel } = await room();
  const { ts: timestamp } = await client.chat.postMessage({ channel, text: 'the plan' });
  const pin = { channel, timestamp: timestamp as string };
  expect(await errorOf(client.pins.remove(pin))).toBe('no_pin');
  await client.pins.add(pin);
  await hears('pin_added', (one) => one.channel_id === channel);
  expect(await errorOf(client.pins.add(pin))).toBe('already_pinned');
  expect(await errorOf(client.pins.add({ channel, timestamp: '1.000000' }))).toBe('message_not_found');
  const { items } = await client.pins.list({ channel });
  expect(items).toMatchObject([{ type: 'message', created_by: 'U0MAITRED', message: { text: 'the plan' } }]);
  await client.pins.remove(pin);
  expect((await client.pins.list({ channel })).items).toEqual([]);
  expect(await errorOf(client.pins.list({ channel: 'C0PAYMENTS' }))).toBe('not_in_channel');
  await client.conversations.setTopic({ channel, topic: 'x' });
  const line = world.state.messages[channel]?.at(-1)?.ts as string;
  expect(await errorOf(client.pins.add({ channel, timestamp: line }))).toBe('not_pinnable');
});

test('a reaction of a person is told without the text', async () => {
  const [ana, ben] = [driver.person('ana'), driver.person('ben')];
  const { ts } = await ana.says('deploying to one host');
  await ben.reacts('eyes', /one host/);
  const event = await hears('reaction_added', (one) => one.item.ts === ts);
  expect(event).toEqual({
    type: 'reaction_added',
    user: 'U0BEN',
    reaction: 'eyes',
    item_user: 'U0ANA',
    item: { type: 'message', channel: 'C0RELEASES', ts },
    event_ts: event.event_ts,
  });
  await expect(ben.reacts('eyes', /one host/)).rejects.toThrow('already_reacted');
  await ben.unreacts('eyes', /one host/);
  expect(await hears('reaction_removed')).toMatchObject({ user: 'U0BEN', reaction: 'eyes' });
});

test('reactions.add, get and remove answer as Slack does', async () => {
  const { ts } = await driver.person('ana').says('error rate is up');
  const item = { channel: 'C0RELEASES', timestamp: ts };
  await client.reactions.add({ ...item, name: 'white_check_mark' });
  await driver.person('ben').reacts('white_check_mark', /error rate is up/);
  expect(await errorOf(client.reactions.add({ ...item, name: 'white_check_mark' }))).toBe('already_reacted');
  expect(await errorOf(client.reactions.add({ ...item, name: ':eyes:' }))).toBe('invalid_name');
  expect(await errorOf(client.reactions.add({ ...item, timestamp: '1.000000', name: 'x' }))).toBe('message_not_found');
  const got = await client.reactions.get(item);
  expect(got).toMatchObject({
    type: 'message',
    channel: 'C0RELEASES',
    message: {
      text: 'error rate is up',
      user: 'U0ANA',
      ts,
      reactions: [{ name: 'white_check_mark', users: ['U0MAITRED', 'U0BEN'], count: 2 }],
    },
  });
  expect(got.message?.permalink).toContain(ts);
  await client.reactions.remove({ ...item, name: 'white_check_mark' });
  expect(await errorOf(client.reactions.remove({ ...item, name: 'white_check_mark' }))).toBe('no_reaction');
  expect(await errorOf(client.reactions.get({ ...item, channel: 'C0PAYMENTS' }))).toBe('not_in_channel');
});

test('the app hears of nothing in channels that its bot is not in', async () => {
  const ana = driver.person('ana');
  const { ts } = await ana.says('unheard of', 'payments');
  await ana.pins(/unheard of/, 'payments');
  await ana.reacts('eyes', /unheard of/, 'payments');
  await settles();
  expect(heard.filter((event) => JSON.stringify(event).includes(ts))).toEqual([]);
});

test('without scope or subscription there is no event, and without scope no call', async () => {
  const without = ['reactions:read', 'pins:read', 'bookmarks:read', 'files:read', 'groups:write'];
  const small = await open({
    ...manifest,
    scopes: manifest.scopes.filter((scope) => !without.includes(scope)),
    events: manifest.events.filter((event) => event !== 'member_joined_channel'),
  });
  const events: string[] = [];
  const deaf = new App({
    token: small.world.tokens.bot,
    appToken: small.world.tokens.app,
    socketMode: true,
    clientOptions: { slackApiUrl: `${small.origin}/api/`, retryConfig: { retries: 0 } },
    deferInitialization: true,
  });
  deaf.event(/.*/, async ({ event }) => void events.push(event.type));
  await deaf.init();
  await deaf.start();
  const ana = createDriver(small).person('ana');
  await ana.says('anything');
  await ana.pins(/anything/);
  await ana.reacts('eyes', /anything/);
  small.people.invites('U0ANA', 'C0PAYMENTS', ['U0MAITRED']);
  small.people.joins('U0BEN', 'C0PAYMENTS');
  small.people.renames('U0BEN', 'C0PAYMENTS', 'pay');
  await driver.until('the rename', () => events.includes('channel_rename') || undefined);
  expect(events).toEqual(['channel_rename']);
  const slack = clientOf(small);
  const item = { channel: 'C0RELEASES', timestamp: '1.000000' };
  expect(await dataOf(slack.reactions.get(item))).toMatchObject({ error: 'missing_scope', needed: 'reactions:read' });
  expect(await errorOf(slack.pins.list(item))).toBe('missing_scope');
  expect(await errorOf(slack.bookmarks.list({ channel_id: 'C0RELEASES' }))).toBe('missing_scope');
  expect(await errorOf(slack.conversations.create({ name: 'secret', is_private: true }))).toBe('missing_scope');
  expect(await errorOf(slack.conversations.create({ name: 'open' }))).toBe('ok');
  await deaf.stop();
  await small.close();
});

test('a message shortcut brings the message, the channel and a way to answer', async () => {
  const [ana, ben] = [driver.person('ana'), driver.person('ben')];
  const { ts } = await ana.says('switched the flag off at 14:02');
  expect((await ben.usesOnMessage('add_to_timeline', /flag off at/)).status).toBe('ok');
  const action = actions.find((one) => one.message_ts === ts) as Record<string, unknown>;
  expect(action).toMatchObject({
    type: 'message_action',
    callback_id: 'add_to_timeline',
    user: { id: 'U0BEN', name: 'ben', team_id: 'T0HARBOUR' },
    team: { id: 'T0HARBOUR', domain: 'harbour' },
    channel: { id: 'C0RELEASES', name: 'releases' },
    message: { type: 'message', user: 'U0ANA', ts, text: 'switched the flag off at 14:02' },
  });
  expect(action.trigger_id && action.action_ts && action.token).toBeTruthy();
  const answer = await fetch(String(action.response_url), { method: 'POST', body: '{"text":"kept, thank you"}' });
  expect([answer.status, await answer.text()]).toEqual([200, 'ok']);
  expect(ben.sees().join()).toContain('kept, thank you');
  expect(ana.sees().join()).not.toContain('kept, thank you');
});

test('a global shortcut brings neither, and a shortcut that the manifest lacks cannot be used', async () => {
  const ana = driver.person('ana');
  await ana.says('a message for shortcuts');
  expect((await ana.uses('request_release')).status).toBe('ok');
  const action = actions.find((one) => one.callback_id === 'request_release') as Record<string, unknown>;
  expect(action.type).toBe('shortcut');
  expect(Object.keys(action)).not.toContain('response_url');
  await expect(ana.usesOnMessage('request_release', /for shortcuts/)).rejects.toThrow('no message shortcut');
  await expect(ana.uses('add_to_timeline')).rejects.toThrow('no global shortcut');
});

test('people edit and delete what they said, and only that', async () => {
  const [ana, ben] = [driver.person('ana'), driver.person('ben')];
  const { ts } = await ana.says('canary at 5 %');
  await ana.editsMessage(/canary at 5/, 'canary at 15 %');
  const changed = await hears('message', (one) => one.subtype === 'message_changed' && one.message.ts === ts);
  expect(changed).toMatchObject({
    hidden: true,
    channel: 'C0RELEASES',
    channel_type: 'channel',
    message: { text: 'canary at 15 %', user: 'U0ANA', edited: { user: 'U0ANA' } },
    previous_message: { text: 'canary at 5 %' },
  });
  expect(changed.user).toBeUndefined();
  await expect(ben.editsMessage(/canary at 15/, 'x')).rejects.toThrow('only own');
  await ana.deletesMessage(/canary at 15/);
  expect(await hears('message', (one) => one.deleted_ts === ts)).toMatchObject({
    subtype: 'message_deleted',
    previous_message: { text: 'canary at 15 %' },
  });
  expect(ana.sees().join()).not.toContain('canary at 15');
});

test('a deleted message with replies leaves a tombstone', async () => {
  const [ana, ben] = [driver.person('ana'), driver.person('ben')];
  const { ts } = await ana.says('who is on call?');
  await ben.says('me', 'releases', /on call/);
  await ana.deletesMessage(/on call/);
  const changed = await hears('message', (one) => one.message?.ts === ts && one.message.subtype === 'tombstone');
  expect(changed).toMatchObject({ subtype: 'message_changed', previous_message: { text: 'who is on call?' } });
  const { messages } = await client.conversations.replies({ channel: 'C0RELEASES', ts });
  expect(messages?.map((one) => one.text)).toEqual(['This message was deleted.', 'me']);
});

test('what the app itself posts, edits and deletes comes back to it as messages', async () => {
  const { id: channel } = await room();
  const { ts } = await client.chat.postMessage({ channel, text: 'one' });
  await client.chat.update({ channel, ts: ts as string, text: 'two' });
  await client.chat.delete({ channel, ts: ts as string });
  expect(await hears('message', (one) => one.ts === ts)).toMatchObject({ text: 'one', bot_id: 'B0MAITRED' });
  await hears('message', (one) => one.message?.ts === ts && one.message.text === 'two');
  await hears('message', (one) => one.deleted_ts === ts);
});

test('the app hears who comes and who goes, invited or by themselves', async () => {
  const { id: channel, name } = await room({ users: 'U0ANA' });
  const about = (user: string) => (one: Heard) => one.channel === channel && one.user === user;
  expect(await hears('member_joined_channel', about('U0MAITRED'))).not.toHaveProperty('inviter');
  expect(await hears('member_joined_channel', about('U0ANA'))).toMatchObject({
    channel_type: 'C',
    team: 'T0HARBOUR',
    inviter: 'U0MAITRED',
  });
  driver.person('ben').joins(name);
  expect(await hears('member_joined_channel', about('U0BEN'))).not.toHaveProperty('inviter');
  driver.person('ben').leaves(name);
  await hears('member_left_channel', about('U0BEN'));
  await client.conversations.kick({ channel, user: 'U0ANA' });
  await hears('member_left_channel', about('U0ANA'));
  expect(world.state.channels[channel]?.members).toEqual(['U0MAITRED']);
});

test('when the bot itself is removed it hears channel_left and nothing more', async () => {
  const { id: channel } = await room({ users: 'U0ANA' });
  sandbox.people.removes('U0ANA', channel, 'U0MAITRED');
  expect(await hears('channel_left', (one) => one.channel === channel)).toMatchObject({ actor_id: 'U0ANA' });
  await settles();
  expect(heard.filter((one) => one.type === 'member_left_channel' && one.channel === channel)).toEqual([]);
  expect(await errorOf(client.pins.list({ channel }))).toBe('not_in_channel');
});

test('kick and leave refuse as Slack does', async () => {
  const { id: channel } = await room();
  expect(await errorOf(client.conversations.kick({ channel, user: 'U0MAITRED' }))).toBe('cant_kick_self');
  expect(await errorOf(client.conversations.kick({ channel, user: 'U0ANA' }))).toBe('not_in_channel');
  expect(await errorOf(client.conversations.kick({ channel, user: 'U0NOBODY' }))).toBe('user_not_found');
  expect(await errorOf(client.conversations.leave({ channel }))).toBe('last_member');
  expect(await errorOf(client.conversations.leave({ channel: 'C0GENERAL' }))).toBe('cant_leave_general');
  expect(await dataOf(client.conversations.leave({ channel: 'C0PAYMENTS' }))).toMatchObject({
    ok: false,
    not_in_channel: true,
  });
  await client.conversations.invite({ channel, users: 'U0ANA' });
  await client.conversations.leave({ channel });
  expect(world.state.channels[channel]?.members).toEqual(['U0ANA']);
});

test('a rename, by the app or by hand, is told with the new name', async () => {
  const { id: channel, name } = await room({ users: 'U0ANA' });
  const renamed = await client.conversations.rename({ channel, name: `${name}-b` });
  expect(renamed.channel).toMatchObject({ name: `${name}-b`, previous_names: [name] });
  driver.person('ana').renames(`${name}-b`, `${name}-c`);
  const about = (to: string) => (one: Heard) => (one.channel as { name?: string }).name === to;
  expect(await hears('channel_rename', about(`${name}-b`))).toMatchObject({ channel: { id: channel } });
  await hears('channel_rename', about(`${name}-c`));
  expect(await errorOf(client.conversations.rename({ channel, name: 'releases' }))).toBe('name_taken');
  expect(await errorOf(client.conversations.rename({ channel, name: 'Up' }))).toBe('invalid_name_specials');
  expect(await errorOf(client.conversations.rename({ channel: 'C0RELEASES', name: 'x' }))).toBe('not_authorized');
});

test('an archived public channel takes nothing more, has no members, and its bot cannot bring it back', async () => {
  const { id: channel, name } = await room({ users: 'U0ANA' });
  const { ts } = await client.chat.postMessage({ channel, text: 'the last word' });
  await client.conversations.archive({ channel });
  expect(await hears('channel_archive', (one) => one.channel === channel)).toMatchObject({ user: 'U0MAITRED' });
  expect(await errorOf(client.conversations.archive({ channel }))).toBe('already_archived');
  expect(await errorOf(client.chat.postMessage({ channel, text: 'x' }))).toBe('is_archived');
  expect(await errorOf(client.chat.update({ channel, ts: ts as string, text: 'x' }))).toBe('is_inactive');
  expect(await errorOf(client.conversations.invite({ channel, users: 'U0BEN' }))).toBe('is_archived');
  expect(await errorOf(client.conversations.join({ channel }))).toBe('is_archived');
  expect(await errorOf(client.conversations.rename({ channel, name: 'x' }))).toBe('is_archived');
  expect(await errorOf(client.reactions.add({ channel, timestamp: ts as string, name: 'eyes' }))).toBe('is_archived');
  expect(await errorOf(client.conversations.history({ channel }))).toBe('not_in_channel');
  expect(await errorOf(client.conversations.unarchive({ channel }))).toBe('not_in_channel');
  expect((await client.conversations.members({ channel })).members).toEqual([]);
  expect(await errorOf(client.conversations.create({ name }))).toBe('name_taken');
  await expect(driver.person('ana').says('x', name)).rejects.toThrow('is archived');
});

test('a person brings a channel back, alone, and the bot has to join again', async () => {
  const { id: channel, name } = await room({ users: 'U0ANA,U0BEN' });
  driver.person('ana').archives(name);
  expect(await hears('channel_archive', (one) => one.channel === channel)).toMatchObject({ user: 'U0ANA' });
  driver.person('ana').unarchives(name);
  expect(await hears('channel_unarchive', (one) => one.channel === channel)).toMatchObject({ user: 'U0ANA' });
  expect(world.state.channels[channel]?.members).toEqual(['U0ANA']);
  expect(await errorOf(client.conversations.unarchive({ channel }))).toBe('not_archived');
  await client.conversations.join({ channel });
  expect(await errorOf(client.chat.postMessage({ channel, text: 'back' }))).toBe('ok');
});

test('a deleted channel is told and gone', async () => {
  const { id: channel } = await room({ users: 'U0ANA' });
  sandbox.people.deletesChannel('U0ANA', channel);
  await hears('channel_deleted', (one) => one.channel === channel);
  expect(await errorOf(client.conversations.info({ channel }))).toBe('channel_not_found');
});

test('a private channel is there for its members only, and payloads do not tell its name', async () => {
  const { id: channel, name } = await room({ is_private: true, users: 'U0ANA' });
  const listed = async (types: string) =>
    (await client.conversations.list({ types })).channels?.some((one) => one.id === channel);
  expect([await listed('private_channel'), await listed('public_channel')]).toEqual([true, false]);
  const shown = async (as: string) =>
    (
      (await (await fetch(`${sandbox.origin}/_control/state?as=${as}`)).json()) as { channels: { id: string }[] }
    ).channels
      .map((one) => one.id)
      .includes(channel);
  expect([await shown('U0ANA'), await shown('U0BEN')]).toEqual([true, false]);
  expect(heard.some((one) => one.type === 'channel_created' && JSON.stringify(one).includes(channel))).toBe(false);
  const ana = driver.person('ana');
  await ana.says('between us', name);
  expect(driver.person('ben').sees(name)).toEqual([]);
  expect(() => driver.person('ben').joins(name)).toThrow('sees no channel');
  await ana.usesOnMessage('add_to_timeline', /between us/, name);
  expect(actions.at(-1)).toMatchObject({ channel: { id: channel, name: 'privategroup' } });
  sandbox.people.removes('U0ANA', channel, 'U0MAITRED');
  await hears('group_left', (one) => one.channel === channel);
  expect(await listed('private_channel')).toBe(false);
  expect(await errorOf(client.conversations.info({ channel }))).toBe('channel_not_found');
  expect(await errorOf(client.chat.postMessage({ channel, text: 'x' }))).toBe('channel_not_found');
  expect(await errorOf(client.conversations.create({ name }))).toBe('name_taken');
});

test('an archived private channel keeps its members and tells group_ events', async () => {
  const { id: channel, name } = await room({ is_private: true, users: 'U0ANA' });
  await client.conversations.archive({ channel });
  await hears('group_archive', (one) => one.channel === channel);
  expect(await errorOf(client.chat.postMessage({ channel, text: 'x' }))).toBe('is_archived');
  expect(await errorOf(client.conversations.unarchive({ channel }))).toBe('not_in_channel');
  driver.person('ana').unarchives(name);
  expect(await hears('group_unarchive', (one) => one.channel === channel)).toMatchObject({ actor_id: 'U0ANA' });
  expect(world.state.channels[channel]?.members).toEqual(['U0MAITRED', 'U0ANA']);
  driver.person('ana').renames(name, `${name}-x`);
  await hears('group_rename', (one) => (one.channel as { id?: string }).id === channel);
});

test('channel names have rules', async () => {
  const create = (name: string) => errorOf(client.conversations.create({ name }));
  expect(await create('')).toBe('invalid_name_required');
  expect(await create('--')).toBe('invalid_name_punctuation');
  expect(await create('a.b')).toBe('invalid_name_specials');
  expect(await create('x'.repeat(81))).toBe('invalid_name_maxlength');
  expect(await create('x'.repeat(80))).toBe('ok');
  expect(await create('general')).toBe('name_taken');
});

test('administrators can keep creating, archiving and removing to themselves', async () => {
  const { id: channel } = await room({ users: 'U0ANA' });
  const policy = (body: Record<string, string>) =>
    fetch(`${sandbox.origin}/_control/policy`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  await policy({ channelCreation: 'admins', archiving: 'admins', removing: 'admins' });
  expect(await errorOf(client.conversations.create({ name: 'not-now' }))).toBe('restricted_action');
  expect(await errorOf(client.conversations.create({ name: 'not-now', is_private: true }))).toBe('ok');
  expect(await errorOf(client.conversations.archive({ channel }))).toBe('restricted_action');
  expect(await errorOf(client.conversations.kick({ channel, user: 'U0ANA' }))).toBe('restricted_action');
  await policy({ channelCreation: 'everyone', archiving: 'everyone', removing: 'everyone' });
  expect(world.policy).toEqual(world.state.policy);
  expect(await errorOf(client.conversations.archive({ channel }))).toBe('ok');
});

test('an invitation is all or nothing, by force as much as can be, and says why for each', async () => {
  const { id: channel } = await room();
  const invite = (users: string, force = false) => dataOf(client.conversations.invite({ channel, users, force }));
  expect(await invite('U0BEN,U0GIL')).toMatchObject({
    ok: false,
    error: 'user_is_restricted',
    errors: [{ user: 'U0GIL', ok: false, error: 'user_is_restricted' }],
  });
  expect(world.state.channels[channel]?.members).toEqual(['U0MAITRED']);
  const forced = await invite('U0BEN,U0GIL,U0EVE,U0TOM,U0NOBODY,U0MAITRED', true);
  expect(forced.ok).toBe(true);
  expect(forced.errors).toEqual([
    { user: 'U0GIL', ok: false, error: 'user_is_restricted' },
    { user: 'U0EVE', ok: false, error: 'no_external_invite_permission' },
    { user: 'U0TOM', ok: false, error: 'user_disabled' },
    { user: 'U0NOBODY', ok: false, error: 'user_not_found' },
    { user: 'U0MAITRED', ok: false, error: 'cant_invite_self' },
  ]);
  expect(world.state.channels[channel]?.members).toEqual(['U0MAITRED', 'U0BEN']);
  expect(await invite('U0BEN', true)).toMatchObject({ ok: false, error: 'already_in_channel' });
  expect(await invite(Array.from({ length: 101 }, (_one, index) => `U${index}`).join(','))).toMatchObject({
    error: 'invalid_arguments',
  });
});

test('people who left stop nobody else from being invited, though the answer is an error', async () => {
  const { id: channel } = await room();
  const reply = await dataOf(client.conversations.invite({ channel, users: 'U0TOM,U0BEN' }));
  expect(reply).toMatchObject({ ok: false, error: 'user_disabled' });
  expect(world.state.channels[channel]?.members).toContain('U0BEN');
});

test('bookmarks are added, edited, listed and removed', async () => {
  const { id: channel_id } = await room();
  const link = 'https://dash.example/142';
  const { bookmark } = await client.bookmarks.add({ channel_id, title: 'Dashboard', type: 'link', link });
  const bookmark_id = bookmark?.id as string;
  expect(bookmark).toMatchObject({ channel_id, title: 'Dashboard', link, type: 'link' });
  await client.bookmarks.edit({ channel_id, bookmark_id, title: 'Dashboards', emoji: ':chart:' });
  const { bookmarks } = await client.bookmarks.list({ channel_id });
  expect(bookmarks).toMatchObject([{ id: bookmark_id, title: 'Dashboards', link, emoji: ':chart:' }]);
  const add = (change: Record<string, string>) =>
    errorOf(client.bookmarks.add({ channel_id, title: 'x', type: 'link', link, ...change }));
  expect(await add({ link: 'ftp://x' })).toBe('invalid_link');
  expect(await add({ type: 'rocket' })).toBe('invalid_bookmark_type');
  expect(await add({ emoji: 'chart' })).toBe('invalid_emoji');
  expect(await errorOf(client.bookmarks.edit({ channel_id, bookmark_id: 'Bk0', title: 'x' }))).toBe('not_found');
  await client.bookmarks.remove({ channel_id, bookmark_id });
  expect(await errorOf(client.bookmarks.remove({ channel_id, bookmark_id }))).toBe('not_found');
});

test('a file goes up with filesUploadV2, appears in its thread, and can be read with the token', async () => {
  const { id: channel_id, name } = await room({ users: 'U0ANA' });
  const { ts } = await client.chat.postMessage({ channel: channel_id, text: 'review' });
  const content = '# Timeline\n14:02 flag off – ähm';
  const done = await client.filesUploadV2({
    channel_id,
    thread_ts: ts as string,
    file: Buffer.from(content),
    filename: 'timeline.md',
    title: 'Timeline of REL-142',
    initial_comment: 'the record',
  });
  const file = (done.files as { files: { id: string; shares: unknown }[] }[])[0]?.files[0];
  expect(file?.shares).toEqual({ public: {}, private: {} });
  const ana = driver.person('ana');
  expect(await ana.seesEventually(/the record\n\nTimeline of REL-142/, name)).toBeTruthy();
  const { messages } = await client.conversations.replies({ channel: channel_id, ts: ts as string });
  expect(messages?.at(-1)).toMatchObject({ subtype: 'file_share', thread_ts: ts, user: 'U0MAITRED' });
  const shared = messages?.at(-1)?.files?.[0];
  expect(shared).toMatchObject({ id: file?.id, title: 'Timeline of REL-142', mimetype: 'text/markdown' });
  await hears('file_shared', (one) => one.file_id === file?.id);
  const info = await client.files.info({ file: file?.id as string });
  expect(info.file?.shares?.public?.[channel_id]?.[0]).toMatchObject({ ts: messages?.at(-1)?.ts, thread_ts: ts });
  const read = (headers: Record<string, string>, query = '') =>
    fetch(`${shared?.url_private_download}${query}`, { headers, redirect: 'manual' });
  const own = await read({ authorization: `Bearer ${world.tokens.bot}` });
  expect([own.status, await own.text()]).toEqual([200, content]);
  expect(own.headers.get('content-security-policy')).toContain('sandbox');
  expect((await read({})).status).toBe(302);
  expect((await read({ 'sec-fetch-site': 'cross-site' }, '?as=U0ANA')).status).toBe(302);
  expect((await read({ 'sec-fetch-site': 'same-origin' }, '?as=U0ANA')).status).toBe(200);
});

test('an upload with the wrong length, or none, is not found; a raw body is taken too', async () => {
  const ask = () => client.files.getUploadURLExternal({ filename: 'a.txt', length: 5 });
  const complete = (id: string | undefined, channel_id = 'C0RELEASES') =>
    errorOf(client.files.completeUploadExternal({ files: [{ id: id as string, title: 'a' }], channel_id }));
  const first = await ask();
  expect(first.upload_url?.startsWith(`${sandbox.origin}/upload/v1/`)).toBe(true);
  expect(await complete(first.file_id)).toBe('file_not_found');
  expect((await fetch(first.upload_url as string, { method: 'POST', body: 'four' })).status).toBe(400);
  expect(await complete(first.file_id)).toBe('file_not_found');
  expect((await fetch(first.upload_url as string, { method: 'POST', body: 'five!' })).status).toBe(200);
  expect((await fetch(first.upload_url as string, { method: 'POST', body: 'five!' })).status).toBe(404);
  expect(await complete(first.file_id, 'C0NOWHERE')).toBe('channel_not_found');
  expect(await complete(first.file_id, 'C0PAYMENTS')).toBe('not_in_channel');
  expect(await complete(first.file_id)).toBe('ok');
  expect(await complete(first.file_id)).toBe('file_not_found');
});

test('several files come in one message; a deleted one leaves a tombstone; a share may get lost', async () => {
  const { id: channel_id, name } = await room({ users: 'U0ANA' });
  await client.filesUploadV2({
    channel_id,
    file_uploads: [
      { content: 'one', filename: 'one.txt' },
      { content: 'two', filename: 'two.csv' },
    ],
  });
  await driver.person('ana').seesEventually(/one\.txt\ntwo\.csv/, name);
  const { files } = await client.files.list({ channel: channel_id });
  expect(files?.map((file) => file.name)).toEqual(['two.csv', 'one.txt']);
  const gone = files?.[0]?.id as string;
  await client.files.delete({ file: gone });
  expect(await errorOf(client.files.delete({ file: gone }))).toBe('file_deleted');
  expect(await errorOf(client.files.info({ file: gone }))).toBe('file_deleted');
  expect(await errorOf(client.files.info({ file: 'F0NONE' }))).toBe('file_not_found');
  const last = (await client.conversations.history({ channel: channel_id })).messages?.[0];
  expect(last?.files?.map((file) => file.mode)).toEqual(['hosted', 'tombstone']);
  world.faults.set('files.share', [{ kind: 'dropped', times: 1 }]);
  const before = world.state.messages[channel_id]?.length;
  await client.filesUploadV2({ channel_id, content: 'lost', filename: 'lost.txt' });
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(world.state.messages[channel_id]?.length).toBe(before);
});

test('a view shows an uploaded picture to whoever sees the view, and to nobody else', async () => {
  const up = async (filename: string) => {
    const { upload_url, file_id } = await client.files.getUploadURLExternal({ filename, length: 3 });
    await fetch(upload_url as string, { method: 'POST', body: 'png' });
    return file_id as string;
  };
  const publish = (id: string) =>
    dataOf(
      client.views.publish({
        user_id: 'U0ANA',
        view: { type: 'home', blocks: [{ type: 'image', slack_file: { id }, alt_text: 'Lead time: 2 d' }] },
      }),
    );
  const [picture, words] = [await up('chart.png'), await up('chart.txt')];
  const refused = { ok: false, error: 'invalid_arguments' };
  expect(await publish('F0NONE')).toMatchObject({
    ...refused,
    response_metadata: { messages: ['[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]'] },
  });
  // Its bytes are there, and nobody said that it is done.
  expect(await publish(picture)).toMatchObject(refused);
  for (const id of [picture, words])
    await client.files.completeUploadExternal({ files: [{ id, title: 'x' }] } as never);
  expect(await publish(words)).toMatchObject(refused);
  const { url_private } = (await client.files.info({ file: picture })).file ?? {};
  const status = async (as: string) =>
    (await fetch(`${url_private}?as=${as}`, { headers: { 'sec-fetch-site': 'same-origin' }, redirect: 'manual' }))
      .status;
  expect(await status('U0ANA')).toBe(302);
  expect(await publish(picture)).toMatchObject({ ok: true });
  expect([await status('U0ANA'), await status('U0BEN')]).toEqual([200, 302]);
});

test('a history can only be read from inside', async () => {
  expect(await errorOf(client.conversations.history({ channel: 'C0PAYMENTS' }))).toBe('not_in_channel');
  expect(await errorOf(client.conversations.history({ channel: 'C0RELEASES' }))).toBe('ok');
});

test('everything survives a restart, and the state of an earlier version still loads', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'workspace-')), 'state.json');
  const first = await open(manifest, file);
  const ana = createDriver(first).person('ana');
  await ana.says('kept');
  await ana.pins(/kept/);
  await ana.reacts('eyes', /kept/);
  Object.assign(first.world.policy, { archiving: 'admins' });
  const { upload_url } = await clientOf(first).files.getUploadURLExternal({ filename: 'a.txt', length: 1 });
  await fetch(upload_url as string, { method: 'POST', body: 'a' });
  await new Promise((resolve) => setTimeout(resolve, 250));
  await first.close();
  const again = await open(manifest, file);
  expect(again.world.state.messages.C0RELEASES?.at(-1)).toMatchObject({
    text: 'kept',
    pinned_info: { pinned_by: 'U0ANA' },
    reactions: [{ name: 'eyes', users: ['U0ANA'], count: 1 }],
  });
  expect(again.world.policy.archiving).toBe('admins');
  expect(Object.values(again.world.state.files)).toMatchObject([{ name: 'a.txt', stage: 'sent', content: 'YQ==' }]);
  await again.close();

  const saved = JSON.parse(readFileSync(file, 'utf8'));
  delete saved.state.files;
  delete saved.state.policy;
  delete saved.state.messages.C0RELEASES[0].pinned_info;
  saved.state.channels.C0RELEASES.bookmarks = [{ id: 'Bk1', title: 'Old', link: 'https://old.example' }];
  writeFileSync(file, JSON.stringify(saved));
  const old = await open(manifest, file);
  const slack = clientOf(old);
  expect((await slack.pins.list({ channel: 'C0RELEASES' })).items?.slice(0, 1)).toMatchObject([
    { message: { text: 'kept' } },
  ]);
  expect((await slack.bookmarks.list({ channel_id: 'C0RELEASES' })).bookmarks).toMatchObject([{ title: 'Old' }]);
  expect(await errorOf(slack.conversations.archive({ channel: 'C0RELEASES' }))).toBe('ok');
  expect(await errorOf(slack.files.getUploadURLExternal({ filename: 'a.txt', length: 1 }))).toBe('ok');
  await old.close();
});
