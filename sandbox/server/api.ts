import { checkBlocks, checkView } from './blocks.ts';
import type { Delivery } from './deliver.ts';
import { type Block, blankChannel, type Channel, type Message, type User, type View } from './state.ts';
import {
  addEphemeral,
  addMessage,
  changed,
  directMessage,
  findChannel,
  messagesOf,
  newId,
  nextTs,
  now,
  violate,
  type World,
  withBlockIds,
} from './world.ts';

export type Args = Readonly<Record<string, unknown>>;
export type Reply = { readonly ok: boolean; readonly [key: string]: unknown };
type Method = {
  /** Any of these bot scopes will do; none means that any token will. */
  readonly scopes: readonly string[];
  /** Calls per minute; `post` is one a second and channel. */
  readonly tier: 1 | 2 | 3 | 4 | 'post' | 'special';
  readonly app?: boolean;
  readonly required?: readonly string[];
  readonly run: (world: World, args: Args, delivery: Delivery) => Reply;
};

const tierPerMinute = { 1: 1, 2: 20, 3: 50, 4: 100, special: 600, post: 600 } as const;

/** The Web API as far as it is modelled. A method that is not here answers `unknown_method`. */
export const methods: Readonly<Record<string, Method>> = {
  'api.test': { scopes: [], tier: 'special', run: (_world, args) => ({ ok: true, args }) },
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
    run: (world, args) => page(Object.values(world.state.users).map(showUser), args, 'members'),
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
      const content = readContent(world, args);
      if ('error' in content) return content.error;
      const thread = args.thread_ts === undefined ? undefined : String(args.thread_ts);
      if (thread !== undefined && !messagesOf(world, channel.id).some((message) => message.ts === thread))
        return fail('invalid_thread_ts');
      const metadata = readMetadata(args.metadata);
      if ('error' in metadata) return metadata.error;
      const message = addMessage(world, channel.id, {
        ...ownAuthor(world),
        ...content.content,
        ...(thread === undefined ? {} : { thread_ts: thread }),
        ...(args.reply_broadcast === true || args.reply_broadcast === 'true' ? { reply_broadcast: true } : {}),
        ...metadata,
      });
      return { ok: true, channel: channel.id, ts: message.ts, message: showMessage(message, false) };
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
      const { message } = found;
      message.text = content.content.text;
      if (content.content.blocks) message.blocks = withBlockIds(content.content.blocks);
      message.edited = { user: message.user, ts: nextTs(world) };
      const metadata = readMetadata(args.metadata);
      if ('error' in metadata) return metadata.error;
      if (metadata.metadata) message.metadata = metadata.metadata;
      changed(world);
      return {
        ok: true,
        channel: found.channel.id,
        ts: message.ts,
        text: message.text,
        message: showMessage(message, false),
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
      const all = messagesOf(world, found.channel.id);
      all.splice(all.indexOf(found.message), 1);
      changed(world);
      return { ok: true, channel: found.channel.id, ts: found.message.ts };
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
      const channel = findChannel(world, args.channel);
      if (!channel) return fail('channel_not_found');
      if (!messagesOf(world, channel.id).some((message) => message.ts === args.message_ts))
        return fail('message_not_found');
      return { ok: true, channel: channel.id, permalink: `${world.origin}/#${channel.id}/${String(args.message_ts)}` };
    },
  },

  'conversations.create': {
    scopes: ['channels:manage', 'groups:write'],
    tier: 2,
    required: ['name'],
    run: (world, args) => {
      const name = String(args.name);
      const bad = badChannelName(name);
      if (bad) return fail(bad);
      if (Object.values(world.state.channels).some((channel) => channel.name === name && !channel.is_im))
        return fail('name_taken');
      const channel: Channel = {
        ...blankChannel(newId(world, 'C'), name),
        is_private: isTrue(args.is_private),
        creator: world.state.app.botUser,
        created: Math.floor(now(world) / 1000),
        members: [world.state.app.botUser],
      };
      world.state.channels[channel.id] = channel;
      changed(world);
      return { ok: true, channel: showChannel(world, channel) };
    },
  },
  'conversations.invite': {
    scopes: ['channels:write.invites', 'channels:manage', 'groups:write'],
    tier: 3,
    required: ['channel', 'users'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const ids = String(args.users).split(',').filter(Boolean);
      if (ids.length === 0) return fail('no_user');
      if (ids.length > 100) return fail('invalid_arguments', ['[ERROR] no more than 100 users [json-pointer:/users]']);
      const errors = ids.flatMap((id) => {
        const problem = inviteProblem(world, channel, id);
        return problem ? [{ user: id, ok: false, error: problem }] : [];
      });
      const first = errors[0];
      const force = isTrue(args.force);
      if (first && (!force || errors.length === ids.length)) return { ok: false, error: first.error, errors };
      for (const id of ids) {
        if (errors.some((one) => one.user === id)) continue;
        channel.members.push(id);
        systemLine(world, channel, id, 'channel_join', `<@${id}> has joined the channel`);
      }
      return { ok: true, channel: showChannel(world, channel), ...(errors.length > 0 ? { errors } : {}) };
    },
  },
  'conversations.join': {
    scopes: ['channels:join'],
    tier: 3,
    required: ['channel'],
    run: (world, args) => {
      const channel = findChannel(world, args.channel);
      if (!channel || channel.is_private)
        return fail(channel ? 'method_not_supported_for_channel_type' : 'channel_not_found');
      if (channel.is_archived) return fail('is_archived');
      if (!channel.members.includes(world.state.app.botUser)) channel.members.push(world.state.app.botUser);
      changed(world);
      return { ok: true, channel: showChannel(world, channel) };
    },
  },
  'conversations.archive': {
    scopes: ['channels:manage', 'groups:write'],
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = findChannel(world, args.channel);
      if (!channel) return fail('channel_not_found');
      if (channel.is_general) return fail('cant_archive_general');
      if (channel.is_archived) return fail('already_archived');
      if (!isMember(world, channel)) return fail('not_in_channel');
      channel.is_archived = true;
      changed(world);
      return { ok: true };
    },
  },
  'conversations.setTopic': setText('topic'),
  'conversations.setPurpose': setText('purpose'),
  'conversations.info': {
    scopes: ['channels:read', 'groups:read', 'im:read'],
    tier: 3,
    required: ['channel'],
    run: (world, args) => {
      const channel = visible(world, args.channel);
      return channel ? { ok: true, channel: showChannel(world, channel) } : fail('channel_not_found');
    },
  },
  'conversations.list': {
    scopes: ['channels:read', 'groups:read'],
    tier: 2,
    run: (world, args) => {
      const types = String(args.types ?? 'public_channel').split(',');
      const all = Object.values(world.state.channels).filter(
        (channel) =>
          (channel.is_im
            ? types.includes('im')
            : channel.is_private
              ? types.includes('private_channel') && isMember(world, channel)
              : types.includes('public_channel')) && !(isTrue(args.exclude_archived) && channel.is_archived),
      );
      return page(
        all.map((channel) => showChannel(world, channel)),
        args,
        'channels',
      );
    },
  },
  'conversations.members': {
    scopes: ['channels:read', 'groups:read', 'im:read'],
    tier: 4,
    required: ['channel'],
    run: (world, args) => {
      const channel = visible(world, args.channel);
      return channel ? page(channel.members, args, 'members') : fail('channel_not_found');
    },
  },
  'conversations.history': {
    scopes: ['channels:history', 'groups:history', 'im:history'],
    tier: 3,
    required: ['channel'],
    run: (world, args) =>
      history(
        world,
        args,
        (message) =>
          message.thread_ts === undefined || message.thread_ts === message.ts || message.reply_broadcast === true,
      ),
  },
  'conversations.replies': {
    scopes: ['channels:history', 'groups:history', 'im:history'],
    tier: 3,
    required: ['channel', 'ts'],
    run: (world, args) => {
      const channel = findChannel(world, args.channel);
      if (channel && !messagesOf(world, channel.id).some((message) => message.ts === args.ts))
        return fail('thread_not_found');
      return history(world, args, (message) => message.ts === args.ts || message.thread_ts === args.ts);
    },
  },
  'conversations.open': {
    scopes: ['im:write'],
    tier: 3,
    run: (world, args) => {
      const ids = String(args.users ?? '')
        .split(',')
        .filter(Boolean);
      if (ids.length !== 1) return fail(ids.length === 0 ? 'users_list_not_supplied' : 'too_many_users');
      const user = world.state.users[ids[0] as string];
      if (!user) return fail('user_not_found');
      if (user.deleted) return fail('user_disabled');
      if (user.is_bot) return fail('cannot_dm_bot');
      return { ok: true, channel: { id: directMessage(world, user.id).id } };
    },
  },

  'pins.add': {
    scopes: ['pins:write'],
    tier: 2,
    required: ['channel', 'timestamp'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (!messagesOf(world, channel.id).some((message) => message.ts === args.timestamp))
        return fail('message_not_found');
      if (channel.pins.includes(String(args.timestamp))) return fail('already_pinned');
      channel.pins.push(String(args.timestamp));
      changed(world);
      return { ok: true };
    },
  },
  'bookmarks.add': {
    scopes: ['bookmarks:write'],
    tier: 2,
    required: ['channel_id', 'title', 'type'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel_id);
      if (typeof channel === 'string') return fail(channel);
      if (!/^https?:\/\//.test(String(args.link ?? ''))) return fail('invalid_link');
      const bookmark = { id: newId(world, 'Bk'), title: String(args.title), link: String(args.link) };
      channel.bookmarks.push(bookmark);
      changed(world);
      return { ok: true, bookmark };
    },
  },

  'views.open': {
    scopes: [],
    tier: 4,
    required: ['trigger_id', 'view'],
    run: (world, args) => {
      const used = takeTrigger(world, args.trigger_id);
      if ('error' in used) return used.error;
      const read = readView(args.view);
      if ('error' in read) return read.error;
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
      const read = readView(args.view);
      if ('error' in read) return read.error;
      const stack = [...world.views.values()].filter((view) => view.user === used.user && view.type === 'modal');
      if (stack.length >= 3) return fail('push_limit_reached');
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
      const read = readView(args.view);
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
      const read = readView(args.view);
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
      const problems = args.view === undefined ? checkBlocks(args.blocks, 'message') : checkView(args.view);
      return problems.length === 0
        ? { ok: true }
        : { ok: false, error: 'invalid_blocks', errors: problems.map((message) => ({ code: 'invalid', message })) };
    },
  },
};

type Bucket = { tokens: number; at: number };
const buckets = new WeakMap<World, Map<string, Bucket>>();

/** Seconds to wait before this call may be made, 0 when it may be made now. */
export function rateLimit(world: World, name: string, args: Args): number {
  const method = methods[name];
  if (!world.enforceLimits || !method) return 0;
  const perMethod = take(world, name, tierPerMinute[method.tier], Math.max(5, tierPerMinute[method.tier] / 4));
  const perChannel = method.tier === 'post' ? take(world, `${name}:${String(args.channel)}`, 60, 5) : 0;
  return Math.max(perMethod, perChannel);
}

function take(world: World, key: string, perMinute: number, burst: number): number {
  const all = buckets.get(world) ?? new Map<string, Bucket>();
  buckets.set(world, all);
  const at = Date.now();
  const bucket = all.get(key) ?? { tokens: burst, at };
  bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 60_000) * perMinute);
  bucket.at = at;
  all.set(key, bucket);
  if (bucket.tokens < 1) return Math.max(1, Math.ceil(((1 - bucket.tokens) / perMinute) * 60));
  bucket.tokens--;
  return 0;
}

export function fail(error: string, messages?: readonly string[]): Reply {
  return { ok: false, error, ...(messages ? { response_metadata: { messages } } : {}) };
}

export function showUser(user: User): Record<string, unknown> {
  return {
    id: user.id,
    team_id: user.team_id,
    name: user.name,
    real_name: user.real_name,
    deleted: user.deleted,
    tz: user.tz,
    is_bot: user.is_bot,
    is_restricted: user.is_restricted,
    is_ultra_restricted: user.is_ultra_restricted,
    ...(user.is_stranger ? { is_stranger: true } : {}),
    profile: {
      real_name: user.real_name,
      display_name: user.name,
      title: user.title,
      status_text: user.status_text ?? '',
      status_emoji: user.status_emoji ?? '',
      status_expiration: user.status_expiration ?? 0,
    },
  };
}

export function showMessage(message: Message, withMetadata: boolean): Record<string, unknown> {
  const { metadata, ephemeral_to: _to, ...rest } = message;
  return { ...rest, ...(withMetadata && metadata ? { metadata } : {}) };
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

export function readView(given: unknown): { view: GivenView } | { error: Reply } {
  const problems = checkView(given);
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
  for (const block of blocks) {
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
      if (type === 'button' || type === 'overflow' || type === 'image') continue;
      one.action_id ??= `a${Math.random().toString(36).slice(2, 7)}`;
      values[String(block.block_id)] = {
        ...values[String(block.block_id)],
        [String(one.action_id)]: { type, ...initialValue(type, one) },
      };
    }
  }
  return values;
}

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

function takeTrigger(world: World, id: unknown): { user: string } | { error: Reply } {
  const trigger = world.triggers.get(String(id));
  if (!trigger) return { error: fail('invalid_trigger_id') };
  if (trigger.used) return { error: fail('exchanged_trigger_id') };
  if (Date.now() > trigger.expires) return { error: fail('expired_trigger_id') };
  trigger.used = true;
  return { user: trigger.user };
}

function ownAuthor({ state }: World): { user: string; bot_id: string; app_id: string } {
  return { user: state.app.botUser, bot_id: state.app.botId, app_id: state.app.id };
}

type Content = { text: string; blocks?: Block[] };

export function readContent(world: World, args: Args): { content: Content } | { error: Reply } {
  const text = args.text === undefined ? '' : String(args.text);
  if (args.blocks !== undefined && !Array.isArray(args.blocks)) return { error: fail('invalid_blocks_format') };
  const blocks = args.blocks as Block[] | undefined;
  if (text === '' && (blocks === undefined || blocks.length === 0)) return { error: fail('no_text') };
  if (blocks) {
    const problems = checkBlocks(blocks, 'message');
    if (problems.includes('msg_blocks_too_long')) return { error: fail('msg_blocks_too_long') };
    if (problems.length > 0)
      return {
        error: {
          ...fail(
            'invalid_blocks',
            problems.map((problem) => `[ERROR] ${problem}`),
          ),
          errors: problems,
        },
      };
    if (text === '') violate(world, 'missing_fallback_text', 'a message has blocks and no text');
  }
  if (/<!(channel|here|everyone)/.test(text + JSON.stringify(blocks ?? '')))
    violate(world, 'broadcast_mention', text.slice(0, 200));
  if (text.length > 4000) violate(world, 'long_text', `${text.length} characters`);
  return { content: { text, ...(blocks ? { blocks } : {}) } };
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
  return { metadata };
}

function postable(world: World, ref: unknown): Channel | string {
  const user = world.state.users[String(ref)];
  if (user) return directMessage(world, user.id);
  const channel = findChannel(world, ref);
  if (!channel || (channel.is_private && !isMember(world, channel))) return 'channel_not_found';
  if (channel.is_archived) return 'is_archived';
  if (!isMember(world, channel) && !world.manifest.scopes.includes('chat:write.public')) return 'not_in_channel';
  return channel;
}

function memberChannel(world: World, ref: unknown): Channel | string {
  const channel = findChannel(world, ref);
  if (!channel || (channel.is_private && !isMember(world, channel))) return 'channel_not_found';
  if (channel.is_archived) return 'is_archived';
  if (!isMember(world, channel)) return 'not_in_channel';
  return channel;
}

function visible(world: World, ref: unknown): Channel | undefined {
  const channel = findChannel(world, ref);
  return channel && (!channel.is_private || isMember(world, channel)) ? channel : undefined;
}

function isMember(world: World, channel: Channel): boolean {
  return channel.members.includes(world.state.app.botUser);
}

function ownMessage(
  world: World,
  args: Args,
  notOwn: string,
): { channel: Channel; message: Message } | { error: Reply } {
  const channel = visible(world, args.channel);
  if (!channel) return { error: fail('channel_not_found') };
  const message = messagesOf(world, channel.id).find((one) => one.ts === args.ts);
  if (!message) return { error: fail('message_not_found') };
  return message.bot_id === world.state.app.botId ? { channel, message } : { error: fail(notOwn) };
}

function history(world: World, args: Args, wanted: (message: Message) => boolean): Reply {
  const channel = visible(world, args.channel);
  if (!channel) return fail('channel_not_found');
  if (!isMember(world, channel) && channel.is_private) return fail('not_in_channel');
  const [oldest, latest] = [Number(args.oldest ?? 0), Number(args.latest ?? Number.POSITIVE_INFINITY)];
  const found = messagesOf(world, channel.id).filter(
    (message) => wanted(message) && Number(message.ts) >= oldest && Number(message.ts) <= latest,
  );
  const metadata = isTrue(args.include_all_metadata);
  return page(
    found.reverse().map((message) => showMessage(message, metadata)),
    args,
    'messages',
  );
}

function page(all: readonly unknown[], args: Args, name: string): Reply {
  const limit = Math.min(Math.max(1, Number(args.limit ?? 100)), 999);
  const cursor =
    args.cursor === undefined || args.cursor === '' ? 0 : Number(Buffer.from(String(args.cursor), 'base64').toString());
  if (!Number.isInteger(cursor)) return fail('invalid_cursor');
  const end = cursor + limit;
  const next = end < all.length ? Buffer.from(String(end)).toString('base64') : '';
  return { ok: true, [name]: all.slice(cursor, end), has_more: next !== '', response_metadata: { next_cursor: next } };
}

function showChannel(world: World, channel: Channel): Record<string, unknown> {
  return {
    id: channel.id,
    name: channel.name,
    is_channel: !channel.is_private,
    is_private: channel.is_private,
    is_im: channel.is_im,
    is_archived: channel.is_archived,
    is_general: channel.is_general,
    is_member: isMember(world, channel),
    creator: channel.creator,
    created: channel.created,
    topic: { value: channel.topic },
    purpose: { value: channel.purpose },
    num_members: channel.members.length,
  };
}

function badChannelName(name: string): string | undefined {
  if (name === '') return 'invalid_name_required';
  if (name.length > 80) return 'invalid_name_maxlength';
  if (/^[-_]+$/.test(name)) return 'invalid_name_punctuation';
  if (!/^[a-z0-9_-]+$/.test(name)) return 'invalid_name_specials';
  return undefined;
}

function inviteProblem(world: World, channel: Channel, id: string): string | undefined {
  const user = world.state.users[id];
  if (!user) return 'user_not_found';
  if (id === world.state.app.botUser) return 'cant_invite_self';
  if (user.deleted) return 'user_disabled';
  if (user.is_ultra_restricted) return 'ura_max_channels';
  if (channel.members.includes(id)) return 'already_in_channel';
  return undefined;
}

function setText(field: 'topic' | 'purpose'): Method {
  return {
    scopes: ['channels:write.topic', 'channels:manage', 'groups:write'],
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const text = String(args[field] ?? '');
      if (text.length > 250) return fail('too_long');
      if (channel[field] !== text) {
        channel[field] = text;
        systemLine(
          world,
          channel,
          world.state.app.botUser,
          `channel_${field}`,
          `<@${world.state.app.botUser}> set the channel ${field}: ${text}`,
        );
      }
      return { ok: true, channel: showChannel(world, channel) };
    },
  };
}

function systemLine(world: World, channel: Channel, user: string, subtype: string, text: string): void {
  addMessage(world, channel.id, { subtype, user, text });
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === '1';
}
