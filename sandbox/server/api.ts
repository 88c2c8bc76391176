import { checkBlocks, checkView } from './blocks.ts';
import { canvases } from './canvases.ts';
import { edit, remove } from './channel.ts';
import { conversations } from './conversations.ts';
import { files } from './files.ts';
import { items } from './items.ts';
import {
  type Args,
  fail,
  type Methods,
  messageAt,
  page,
  postable,
  type Reply,
  readContent,
  strangePictures,
  visible,
} from './reply.ts';
import { schedule } from './schedule.ts';
import { permalink, showMessage, showUser } from './show.ts';
import type { Block, Channel, Message, View } from './state.ts';
import { unfurl } from './unfurl.ts';
import {
  addEphemeral,
  addMessage,
  changed,
  directMessage,
  findChannel,
  flatBlocks,
  newId,
  now,
  violate,
  type World,
  withBlockIds,
} from './world.ts';

const tierPerMinute = { 1: 1, 2: 20, 3: 50, 4: 100, special: 600 } as const;

/** The Web API as far as it is modelled. A method that is not here answers `unknown_method`. */
export const methods: Methods = {
  ...conversations,
  ...items,
  ...files,
  ...schedule,
  ...canvases,
  ...unfurl,
  'api.test': {
    scopes: [],
    tier: 'special',
    run: (_world, args) => (args.error === undefined ? { ok: true, args } : { ...fail(String(args.error)), args }),
  },
  'auth.test': {
    scopes: [],
    tier: 'special',
    run: ({ state, origin }) => ({
      ok: true,
      url: `${origin}/`,
      team: state.team.name,
      user: state.app.name,
      team_id: state.team.id,
      user_id: state.app.botUser,
      bot_id: state.app.botId,
      is_enterprise_install: false,
    }),
  },
  'apps.connections.open': {
    scopes: [],
    tier: 3,
    app: true,
    run: (_world, _args, delivery) => ({ ok: true, url: delivery.openConnection() }),
  },
  'team.info': { scopes: ['team:read'], tier: 3, run: ({ state }) => ({ ok: true, team: state.team }) },

  'users.info': {
    scopes: ['users:read'],
    tier: 4,
    required: ['user'],
    run: (world, args) => {
      const user = world.state.users[String(args.user)];
      return user ? { ok: true, user: showUser(user) } : fail('user_not_found');
    },
  },
  'users.list': {
    scopes: ['users:read'],
    tier: 2,
    run: (world, args) => page(world, Object.values(world.state.users).map(showUser), args, 'members'),
  },
  'users.lookupByEmail': {
    scopes: ['users:read.email'],
    tier: 3,
    required: ['email'],
    run: (world, args) => {
      const user = Object.values(world.state.users).find((one) => `${one.name}@example.com` === args.email);
      return user ? { ok: true, user: showUser(user) } : fail('users_not_found');
    },
  },
  'usergroups.list': {
    scopes: ['usergroups:read'],
    tier: 2,
    run: (world) => ({
      ok: true,
      usergroups: Object.values(world.state.usergroups).map(({ users, ...group }) => ({
        ...group,
        user_count: users.length,
      })),
    }),
  },
  'usergroups.users.list': {
    scopes: ['usergroups:read'],
    tier: 2,
    required: ['usergroup'],
    run: (world, args) => {
      const group = world.state.usergroups[String(args.usergroup)];
      return group ? { ok: true, users: group.users } : fail('no_such_subteam');
    },
  },

  'chat.postMessage': {
    scopes: ['chat:write'],
    tier: 'post',
    required: ['channel'],
    run: (world, args) => {
      const channel = postable(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (channel.is_im && !world.manifest.messagesTab) return fail('messages_tab_disabled');
      const content = readContent(world, args);
      if ('error' in content) return content.error;
      const thread = args.thread_ts === undefined ? undefined : String(args.thread_ts);
      if (thread !== undefined && !messageAt(world, channel, thread)) return fail('invalid_thread_ts');
      const metadata = readMetadata(args.metadata);
      if ('error' in metadata) return metadata.error;
      const message = addMessage(world, channel.id, {
        ...ownAuthor(world),
        ...content.content,
        ...(thread === undefined ? {} : { thread_ts: thread }),
        ...(args.reply_broadcast === true || args.reply_broadcast === 'true' ? { reply_broadcast: true } : {}),
        ...metadata,
      });
      const warnings = content.truncated ? ['message_truncated'] : [];
      return {
        ok: true,
        channel: channel.id,
        ts: message.ts,
        message: showMessage(world, message, false),
        ...(warnings.length > 0 ? { warning: warnings.join(','), response_metadata: { warnings } } : {}),
      };
    },
  },
  'chat.update': {
    scopes: ['chat:write'],
    tier: 3,
    required: ['channel', 'ts'],
    run: (world, args) => {
      const found = ownMessage(world, args, 'cant_update_message');
      if ('error' in found) return found.error;
      if (found.channel.is_archived) return fail('is_inactive');
      const content = readContent(world, args);
      if ('error' in content) return content.error;
      if (content.content.text.length > 4000) return fail('msg_too_long');
      const drops = world.unconfirmed.textUpdateDropsBlocks && args.blocks === undefined;
      if (drops || content.content.blocks?.length === 0) delete found.message.blocks;
      if (content.content.blocks?.length === 0) delete content.content.blocks;
      const metadata = readMetadata(args.metadata);
      if ('error' in metadata) return metadata.error;
      const { message } = found;
      edit(world, found.channel, message, { ...content.content, ...metadata }, message.user);
      return {
        ok: true,
        channel: found.channel.id,
        ts: message.ts,
        text: message.text,
        message: showMessage(world, message, false),
      };
    },
  },
  'chat.delete': {
    scopes: ['chat:write'],
    tier: 3,
    required: ['channel', 'ts'],
    run: (world, args) => {
      const found = ownMessage(world, args, 'cant_delete_message');
      if ('error' in found) return found.error;
      const { ts } = found.message;
      remove(world, found.channel, found.message);
      return { ok: true, channel: found.channel.id, ts };
    },
  },
  'chat.postEphemeral': {
    scopes: ['chat:write'],
    tier: 4,
    required: ['channel', 'user'],
    run: (world, args) => {
      const channel = postable(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (!channel.members.includes(String(args.user))) return fail('user_not_in_channel');
      const content = readContent(world, args);
      if ('error' in content) return content.error;
      const message = addEphemeral(world, channel.id, String(args.user), content.content);
      return { ok: true, message_ts: message.ts };
    },
  },
  'chat.getPermalink': {
    scopes: [],
    tier: 'special',
    required: ['channel', 'message_ts'],
    run: (world, args) => {
      const channel = visible(world, args.channel);
      if (!channel) return fail('channel_not_found');
      if (!messageAt(world, channel, args.message_ts)) return fail('message_not_found');
      return { ok: true, channel: channel.id, permalink: permalink(world, channel.id, String(args.message_ts)) };
    },
  },

  'views.open': {
    scopes: [],
    tier: 4,
    required: ['trigger_id', 'view'],
    run: (world, args) => {
      const used = takeTrigger(world, args.trigger_id);
      if ('error' in used) return used.error;
      const read = readView(world, args.view);
      if ('error' in read) return read.error;
      if (isTaken(world, read.view.external_id)) return fail('duplicate_external_id');
      const view = putView(world, used.user, read.view, null);
      return { ok: true, view: showView(world, view) };
    },
  },
  'views.push': {
    scopes: [],
    tier: 4,
    required: ['trigger_id', 'view'],
    run: (world, args) => {
      const used = takeTrigger(world, args.trigger_id);
      if ('error' in used) return used.error;
      const read = readView(world, args.view);
      if ('error' in read) return read.error;
      const stack = [...world.views.values()].filter((view) => view.user === used.user && view.type === 'modal');
      if (stack.length >= 3) return fail('push_limit_reached');
      // Only what was clicked inside a modal can put another one on top of it.
      if (stack.length === 0 || !used.inModal) return fail('invalid_trigger_id');
      if (isTaken(world, read.view.external_id)) return fail('duplicate_external_id');
      const view = putView(world, used.user, read.view, stack.at(-1) ?? null);
      return { ok: true, view: showView(world, view) };
    },
  },
  'views.update': {
    scopes: [],
    tier: 4,
    required: ['view'],
    run: (world, args) => {
      const id = String(args.view_id ?? '');
      const view =
        world.views.get(id) ??
        [...world.views.values()].find((one) => one.external_id !== '' && one.external_id === args.external_id);
      if (!view) return fail('not_found');
      if (args.hash !== undefined && args.hash !== view.hash) return fail('hash_conflict');
      const read = readView(world, args.view);
      if ('error' in read) return read.error;
      replaceView(world, view, read.view);
      return { ok: true, view: showView(world, view) };
    },
  },
  'views.publish': {
    scopes: [],
    tier: 4,
    required: ['user_id', 'view'],
    run: (world, args) => {
      if (!world.manifest.homeTab) return fail('not_enabled');
      const user = world.state.users[String(args.user_id)];
      if (!user) return fail('user_not_found');
      const read = readView(world, args.view);
      if ('error' in read) return read.error;
      const home = world.state.homes[user.id];
      if (args.hash !== undefined && home && args.hash !== home.hash) return fail('hash_conflict');
      const view = newView(world, user.id, read.view, null);
      world.state.homes[user.id] = home ? { ...view, id: home.id } : view;
      changed(world);
      return { ok: true, view: showView(world, world.state.homes[user.id] as View) };
    },
  },
  'blocks.validate': {
    scopes: [],
    tier: 'special',
    run: (_world, args) => {
      const given = ['blocks', 'message', 'view'].filter((name) => args[name] !== undefined);
      if (given.length !== 1) return fail('invalid_arguments');
      const { blocks } = args.message === undefined ? args : (parseMaybe(args.message) as { blocks?: unknown });
      const problems = args.view === undefined ? checkBlocks(blocks, 'message') : checkView(args.view);
      return problems.length === 0
        ? { ok: true }
        : { ok: false, error: 'invalid_blocks', errors: problems.map(problemOf) };
    },
  },
};

/** A problem as blocks.validate tells it. */
function problemOf(problem: string): Record<string, unknown> {
  const [, message = problem, pointer = ''] = /^(.*) \[json-pointer:(.*)\]$/.exec(problem) ?? [];
  const [, most] = /less than (\d+) characters/.exec(message) ?? [];
  const code = most ? 'max_length_exceeded' : /unsupported type/.test(message) ? 'unsupported_type' : 'invalid_value';
  return { code, message, pointer, constraint: most ? { max_length: Number(most) - 1 } : null };
}

function parseMaybe(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

/** A limit: so many calls a minute, and so many at once. */
type Limit = { readonly key: string; readonly perMinute: number; readonly burst: number };
type Bucket = { tokens: number; at: number };
const buckets = new WeakMap<World, Map<string, Bucket>>();
const asked = new WeakMap<World, Map<string, number>>();

/**
 * Seconds to wait before this call may be made, 0 when it may be made now. A refused call takes nothing; who was told to
 * wait and does not is seen, and refused until then.
 */
export function rateLimit(world: World, name: string, args: Args): number {
  const method = methods[name];
  if (!world.enforceLimits || !method) return 0;
  const limits = limitsOf(world, name, method.tier, args);
  const key = limits.map((limit) => limit.key).join(' ');
  const told = asked.get(world) ?? new Map<string, number>();
  asked.set(world, told);
  const left = (told.get(key) ?? 0) - Date.now();
  if (left > 0) {
    violate(world, 'ignored_retry_after', key);
    return Math.ceil(left / 1_000);
  }
  const wait = Math.max(...limits.map((limit) => waitFor(world, limit)));
  if (wait > 0) told.set(key, Date.now() + wait * 1_000);
  else for (const limit of limits) bucketOf(world, limit).tokens--;
  return wait;
}

function limitsOf(world: World, name: string, tier: Methods[string]['tier'], args: Args): Limit[] {
  const to = String(args.channel ?? args.channel_id);
  // By whatever name: a person is the direct message with them.
  const channel = world.state.users[to] ? directMessage(world, to).id : (findChannel(world, to)?.id ?? to);
  const inChannel = { key: `post:${channel}`, perMinute: 60, burst: 5 };
  if (tier === 'post') return [inChannel, { key: 'posts', perMinute: 300, burst: 75 }];
  const perMinute = tierPerMinute[tier];
  const own = { key: name, perMinute, burst: Math.max(5, perMinute / 4) };
  return name === 'files.completeUploadExternal' && args.channel_id !== undefined ? [own, inChannel] : [own];
}

/** Once a second, with a burst of five: a response_url takes no more. */
export function responseLimit(world: World, id: string): number {
  const limit = { key: `response:${id}`, perMinute: 60, burst: 5 };
  const wait = world.enforceLimits ? waitFor(world, limit) : 0;
  if (world.enforceLimits && wait === 0) bucketOf(world, limit).tokens--;
  return wait;
}

function waitFor(world: World, limit: Limit): number {
  const { tokens } = bucketOf(world, limit);
  return tokens >= 1 ? 0 : Math.max(1, Math.ceil(((1 - tokens) / limit.perMinute) * 60));
}

/** The bucket of a limit, filled up to now. */
function bucketOf(world: World, { key, perMinute, burst }: Limit): Bucket {
  const all = buckets.get(world) ?? new Map<string, Bucket>();
  buckets.set(world, all);
  const at = Date.now();
  const bucket = all.get(key) ?? { tokens: burst, at };
  bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 60_000) * perMinute);
  bucket.at = at;
  all.set(key, bucket);
  return bucket;
}

export function showView(world: World, view: View): Record<string, unknown> {
  const { values, errors: _errors, user: _user, ...rest } = view;
  return {
    ...rest,
    team_id: world.state.team.id,
    app_id: world.state.app.id,
    bot_id: world.state.app.botId,
    app_installed_team_id: world.state.team.id,
    state: { values },
  };
}

/** Opens a view on top of `previous`. */
export function putView(world: World, user: string, given: GivenView, previous: View | null): View {
  const view = newView(world, user, given, previous);
  if (!previous)
    for (const [id, open] of world.views) if (open.user === user && open.type === 'modal') world.views.delete(id);
  world.views.set(view.id, view);
  changed(world);
  return view;
}

/** Puts new content into an open view; what was typed stays where block and action ids stay. */
export function replaceView(world: World, view: View, given: GivenView): void {
  const fresh = newView(world, view.user, given, null);
  for (const [blockId, byAction] of Object.entries(view.values))
    for (const [actionId, value] of Object.entries(byAction))
      if (fresh.values[blockId]?.[actionId]) fresh.values[blockId][actionId] = value;
  Object.assign(view, {
    ...fresh,
    id: view.id,
    root_view_id: view.root_view_id,
    previous_view_id: view.previous_view_id,
  });
  changed(world);
}

export type GivenView = Partial<View> & { type: 'modal' | 'home'; blocks: Block[] };

export function readView(world: World, given: unknown): { view: GivenView } | { error: Reply } {
  const problems = [...checkView(given), ...strangePictures(world, (given as Partial<View> | undefined)?.blocks)];
  if (problems.length > 0)
    return {
      error: fail(
        'invalid_arguments',
        problems.map((problem) => `[ERROR] ${problem}`),
      ),
    };
  if (JSON.stringify(given).length > 250_000) return { error: fail('view_too_large') };
  return { view: given as GivenView };
}

function newView(world: World, user: string, given: GivenView, previous: View | null): View {
  const id = newId(world, 'V');
  const blocks = withBlockIds(given.blocks);
  return {
    id,
    user,
    type: given.type,
    callback_id: given.callback_id ?? '',
    external_id: given.external_id ?? '',
    private_metadata: given.private_metadata ?? '',
    title: given.title ?? null,
    submit: given.submit ?? null,
    close: given.close ?? null,
    blocks,
    hash: `${Math.floor(now(world) / 1000)}.${newId(world, 'h')}`,
    root_view_id: previous?.root_view_id ?? id,
    previous_view_id: previous?.id ?? null,
    clear_on_close: given.clear_on_close ?? false,
    notify_on_close: given.notify_on_close ?? false,
    values: initialValues(blocks),
    errors: {},
  };
}

/** The state that a view has before anybody types: every input is in it, empty ones as null. */
function initialValues(blocks: readonly Block[]): View['values'] {
  const values: View['values'] = {};
  for (const block of flatBlocks(blocks)) {
    const own =
      block.type === 'input'
        ? [block.element]
        : block.type === 'actions'
          ? (block.elements as unknown[])
          : block.accessory
            ? [block.accessory]
            : [];
    for (const one of own as Record<string, unknown>[]) {
      const type = String(one.type);
      if (stateless.has(type)) continue;
      one.action_id ??= `a${Math.random().toString(36).slice(2, 7)}`;
      values[String(block.block_id)] = {
        ...values[String(block.block_id)],
        [String(one.action_id)]: { type, ...initialValue(type, one) },
      };
    }
  }
  return values;
}

const stateless = new Set(['button', 'overflow', 'image', 'workflow_button', 'feedback_buttons', 'icon_button']);

function initialValue(type: string, element: Record<string, unknown>): Record<string, unknown> {
  switch (type) {
    case 'static_select':
    case 'external_select':
    case 'radio_buttons':
      return { selected_option: element.initial_option ?? null };
    case 'multi_static_select':
    case 'multi_external_select':
    case 'checkboxes':
      return { selected_options: element.initial_options ?? [] };
    case 'users_select':
      return { selected_user: element.initial_user ?? null };
    case 'multi_users_select':
      return { selected_users: element.initial_users ?? [] };
    case 'multi_channels_select':
      return { selected_channels: element.initial_channels ?? [] };
    case 'multi_conversations_select':
      return { selected_conversations: element.initial_conversations ?? [] };
    case 'file_input':
      return { files: [] };
    case 'rich_text_input':
      return { rich_text_value: element.initial_value ?? null };
    case 'channels_select':
      return { selected_channel: element.initial_channel ?? null };
    case 'conversations_select':
      return { selected_conversation: element.initial_conversation ?? null };
    case 'datepicker':
      return { selected_date: element.initial_date ?? null };
    case 'timepicker':
      return { selected_time: element.initial_time ?? null };
    case 'datetimepicker':
      return { selected_date_time: element.initial_date_time ?? null };
    default:
      return { value: element.initial_value ?? null };
  }
}

function isTaken(world: World, id: string | undefined): boolean {
  return Boolean(id) && [...world.views.values()].some((view) => view.external_id === id);
}

function takeTrigger(world: World, id: unknown): { user: string; inModal: boolean } | { error: Reply } {
  const trigger = world.triggers.get(String(id));
  if (!trigger) return { error: fail('invalid_trigger_id') };
  if (trigger.used) return { error: fail('exchanged_trigger_id') };
  if (Date.now() > trigger.expires)
    return {
      error: world.unconfirmed.triggerAsArgument
        ? fail('invalid_arguments', ['[ERROR] `trigger_id` expired'])
        : fail('expired_trigger_id'),
    };
  trigger.used = true;
  return { user: trigger.user, inModal: trigger.inModal ?? false };
}

function ownAuthor({ state }: World): { user: string; bot_id: string; app_id: string } {
  return { user: state.app.botUser, bot_id: state.app.botId, app_id: state.app.id };
}

function readMetadata(given: unknown): { metadata?: NonNullable<Message['metadata']> } | { error: Reply } {
  if (given === undefined) return {};
  const metadata = given as Message['metadata'];
  if (
    typeof given !== 'object' ||
    typeof metadata?.event_type !== 'string' ||
    typeof metadata.event_payload !== 'object'
  )
    return { error: fail('invalid_metadata_format') };
  if (
    Object.values(metadata.event_payload).some((one) => typeof one === 'object' && one !== null && !Array.isArray(one))
  )
    return { error: fail('invalid_metadata_format') };
  if (JSON.stringify(metadata).length > 8_000) return { error: fail('metadata_too_large') };
  return { metadata };
}

function ownMessage(
  world: World,
  args: Args,
  notOwn: string,
): { channel: Channel; message: Message } | { error: Reply } {
  const channel = visible(world, args.channel);
  if (!channel) return { error: fail('channel_not_found') };
  const message = messageAt(world, channel, args.ts);
  if (!message) return { error: fail('message_not_found') };
  return message.bot_id === world.state.app.botId ? { channel, message } : { error: fail(notOwn) };
}
