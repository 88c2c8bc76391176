import { announceCreated, announceJoin, archive, inviteProblem, join, leave, nameProblem, rename } from './channel.ts';
import {
  type Args,
  byKind,
  fail,
  idsIn,
  isTrue,
  type Method,
  type Methods,
  memberChannel,
  messageAt,
  page,
  type Reply,
  readable,
  visible,
} from './reply.ts';
import { isMember, showChannel, showMessage } from './show.ts';
import { blankChannel, type Channel, type Message } from './state.ts';
import { addMessage, changed, directMessage, findChannel, messagesOf, newId, now, type World } from './world.ts';

const manage = byKind(['channels:manage'], ['groups:write']);

/** conversations.*: what an app's bot may do with channels. */
export const conversations: Methods = {
  'conversations.create': {
    scopes: (_world, args) => (isTrue(args.is_private) ? ['groups:write'] : ['channels:manage']),
    tier: 2,
    run: (world, args) => {
      const name = String(args.name ?? '');
      const { policy } = world;
      const isPrivate = isTrue(args.is_private);
      if ((isPrivate ? policy.privateChannelCreation : policy.channelCreation) === 'admins')
        return fail('restricted_action');
      const bad = nameProblem(world, name);
      if (bad) return fail(bad);
      const { botUser } = world.state.app;
      const channel: Channel = {
        ...blankChannel(newId(world, 'C'), name),
        is_private: isPrivate,
        creator: botUser,
        created: Math.floor(now(world) / 1000),
        members: [botUser],
      };
      world.state.channels[channel.id] = channel;
      announceCreated(world, channel);
      announceJoin(world, channel, botUser);
      changed(world);
      return { ok: true, channel: showChannel(world, channel) };
    },
  },
  'conversations.invite': {
    scopes: byKind(['channels:write.invites', 'channels:manage'], ['groups:write.invites', 'groups:write']),
    tier: 3,
    required: ['channel'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (channel.is_im) return fail('method_not_supported_for_channel_type');
      const ids = [...new Set(idsIn(args.users))];
      if (ids.length === 0) return fail('no_user');
      const most = world.unconfirmed.inviteLimit;
      if (ids.length > most)
        return fail('invalid_arguments', [`[ERROR] no more than ${most} users [json-pointer:/users]`]);
      const { botUser } = world.state.app;
      const errors = ids.flatMap((id) => {
        const problem = inviteProblem(world, channel, id, botUser);
        return problem ? [{ user: id, ok: false, error: problem }] : [];
      });
      const force = isTrue(args.force);
      // People who left the workspace stop nobody else, though the answer is an error; any other refusal stops all.
      const goes = force || errors.every((one) => one.error === 'user_disabled');
      const invited = goes ? ids.filter((id) => !errors.some((one) => one.user === id)) : [];
      for (const id of invited) join(world, channel, id, botUser);
      if (errors[0] && (!force || invited.length === 0)) return { ok: false, error: errors[0].error, errors };
      return { ok: true, channel: showChannel(world, channel), ...(errors.length > 0 ? { errors } : {}) };
    },
  },
  'conversations.join': {
    scopes: ['channels:join'],
    tier: 3,
    required: ['channel'],
    run: (world, args) => {
      const channel = findChannel(world, args.channel);
      if (!channel) return fail('channel_not_found');
      if (channel.is_private) return fail('method_not_supported_for_channel_type');
      if (channel.is_archived) return fail('is_archived');
      const before = isMember(world, channel);
      join(world, channel, world.state.app.botUser);
      return {
        ok: true,
        channel: showChannel(world, channel),
        ...(before ? { warning: 'already_in_channel', response_metadata: { warnings: ['already_in_channel'] } } : {}),
      };
    },
  },
  'conversations.leave': {
    scopes: manage,
    tier: 3,
    required: ['channel'],
    run: (world, args) => {
      const channel = visible(world, args.channel);
      if (!channel) return fail('channel_not_found');
      if (channel.is_im) return fail('method_not_supported_for_channel_type');
      if (channel.is_archived) return fail('is_archived');
      if (channel.is_general) return fail('cant_leave_general');
      // As documented: no error, and yet not ok.
      if (!isMember(world, channel)) return { ok: false, not_in_channel: true };
      if (channel.members.length === 1) return fail('last_member');
      leave(world, channel, world.state.app.botUser);
      return { ok: true };
    },
  },
  'conversations.kick': {
    scopes: manage,
    tier: 3,
    required: ['channel'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (channel.is_im) return fail('method_not_supported_for_channel_type');
      const user = world.state.users[String(args.user)];
      if (!user) return fail('user_not_found');
      if (user.id === world.state.app.botUser) return fail('cant_kick_self');
      if (channel.is_general) return fail('cant_kick_from_general');
      if (world.policy.removing === 'admins') return fail('restricted_action');
      if (!channel.members.includes(user.id)) return fail('not_in_channel');
      leave(world, channel, user.id, world.state.app.botUser);
      return { ok: true, errors: {} };
    },
  },
  'conversations.rename': {
    scopes: manage,
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (channel.is_im) return fail('method_not_supported_for_channel_type');
      if (channel.creator !== world.state.app.botUser) return fail('not_authorized');
      const name = String(args.name ?? '');
      const bad = nameProblem(world, name);
      if (bad) return fail(bad);
      rename(world, channel, name, world.state.app.botUser);
      return { ok: true, channel: showChannel(world, channel) };
    },
  },
  'conversations.archive': {
    scopes: manage,
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = visible(world, args.channel);
      if (!channel) return fail('channel_not_found');
      if (channel.is_im) return fail('method_not_supported_for_channel_type');
      if (channel.is_general) return fail('cant_archive_general');
      if (channel.is_archived) return fail('already_archived');
      if (!isMember(world, channel)) return fail('not_in_channel');
      if (world.policy.archiving === 'admins') return fail('restricted_action');
      archive(world, channel, world.state.app.botUser);
      return { ok: true };
    },
  },
  'conversations.unarchive': {
    scopes: manage,
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = visible(world, args.channel);
      if (!channel) return fail('channel_not_found');
      if (channel.is_im) return fail('method_not_supported_for_channel_type');
      // A bot's token cannot: the method's own page says so, and this is what people who tried were answered.
      return fail(channel.is_archived ? 'not_in_channel' : 'not_archived');
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
      const types = idsIn(args.types ?? 'public_channel');
      const all = Object.values(world.state.channels).filter(
        (channel) =>
          (channel.is_im
            ? types.includes('im') && isMember(world, channel)
            : channel.is_private
              ? types.includes('private_channel') && isMember(world, channel)
              : types.includes('public_channel')) && !(isTrue(args.exclude_archived) && channel.is_archived),
      );
      return page(
        world,
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
      return channel ? page(world, channel.members, args, 'members') : fail('channel_not_found');
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
        'newest first',
      ),
  },
  'conversations.replies': {
    scopes: ['channels:history', 'groups:history', 'im:history'],
    tier: 3,
    required: ['channel', 'ts'],
    run: (world, args) => {
      const channel = readable(world, args.channel);
      if (typeof channel !== 'string' && !messageAt(world, channel, args.ts)) return fail('thread_not_found');
      return history(world, args, (message) => message.ts === args.ts || message.thread_ts === args.ts, 'oldest first');
    },
  },
  'conversations.open': {
    scopes: ['im:write'],
    tier: 3,
    run: (world, args) => {
      const ids = idsIn(args.users);
      if (ids.length !== 1) return fail(ids.length === 0 ? 'users_list_not_supplied' : 'too_many_users');
      const user = world.state.users[ids[0] as string];
      if (!user) return fail('user_not_found');
      if (user.deleted) return fail('user_disabled');
      if (user.is_bot) return fail('cannot_dm_bot');
      return { ok: true, channel: { id: directMessage(world, user.id).id } };
    },
  },
};

function history(
  world: World,
  args: Args,
  wanted: (message: Message) => boolean,
  order: 'newest first' | 'oldest first',
): Reply {
  const channel = readable(world, args.channel);
  if (typeof channel === 'string') return fail(channel);
  const [oldest, latest] = [Number(args.oldest ?? 0), Number(args.latest ?? Number.POSITIVE_INFINITY)];
  const found = messagesOf(world, channel.id).filter(
    (message) => wanted(message) && Number(message.ts) >= oldest && Number(message.ts) <= latest,
  );
  if (order === 'newest first') found.reverse();
  const metadata = isTrue(args.include_all_metadata);
  return page(
    world,
    found.map((message) => showMessage(world, message, metadata)),
    args,
    'messages',
  );
}

function setText(field: 'topic' | 'purpose'): Method {
  return {
    scopes: byKind(['channels:write.topic', 'channels:manage'], ['groups:write.topic', 'groups:write']),
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const text = String(args[field] ?? '');
      if (text.length > 250) return fail('too_long');
      if (channel[field] !== text) {
        const { botUser } = world.state.app;
        channel[field] = text;
        addMessage(world, channel.id, {
          subtype: `channel_${field}`,
          user: botUser,
          text: `<@${botUser}> set the channel ${field}: ${text}`,
        });
      }
      return { ok: true, channel: showChannel(world, channel) };
    },
  };
}
