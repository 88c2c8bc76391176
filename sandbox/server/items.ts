import { isPlain, pin, pinItem, react, reactionProblem, unpin, unreact } from './channel.ts';
import { fail, type Methods, memberChannel, messageAt, readable } from './reply.ts';
import { showBookmark, showItem } from './show.ts';
import type { Bookmark } from './state.ts';
import { changed, newId, now } from './world.ts';

/** What hangs on messages and channels: pins, reactions, bookmarks. */
export const items: Methods = {
  'pins.add': {
    scopes: ['pins:write'],
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (args.timestamp === undefined) return fail('no_item_specified');
      const message = messageAt(world, channel, args.timestamp);
      if (!message) return fail('message_not_found');
      if (!isPlain(message)) return fail('not_pinnable');
      if (channel.pins.includes(message.ts)) return fail('already_pinned');
      if (channel.pins.length >= 100) return fail('too_many_pins');
      pin(world, channel, message, world.state.app.botUser);
      return { ok: true };
    },
  },
  'pins.remove': {
    scopes: ['pins:write'],
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      if (args.timestamp === undefined) return fail('no_item_specified');
      const message = messageAt(world, channel, args.timestamp);
      if (!message) return fail('message_not_found');
      if (!channel.pins.includes(message.ts)) return fail('no_pin');
      unpin(world, channel, message, world.state.app.botUser);
      return { ok: true };
    },
  },
  'pins.list': {
    scopes: ['pins:read'],
    tier: 2,
    required: ['channel'],
    run: (world, args) => {
      const channel = readable(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const pinned = channel.pins.flatMap((ts) => messageAt(world, channel, ts) ?? []);
      return { ok: true, items: pinned.reverse().map((message) => pinItem(world, channel, message)) };
    },
  },

  'reactions.add': {
    scopes: ['reactions:write'],
    tier: 3,
    required: ['name'],
    run: (world, args) => {
      if (args.channel === undefined || args.timestamp === undefined) return fail('no_item_specified');
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const message = messageAt(world, channel, args.timestamp);
      if (!message) return fail('message_not_found');
      const { botUser } = world.state.app;
      const problem = reactionProblem(message, String(args.name), botUser);
      if (problem) return fail(problem);
      react(world, channel, message, String(args.name), botUser);
      return { ok: true };
    },
  },
  'reactions.remove': {
    scopes: ['reactions:write'],
    tier: 2,
    required: ['name'],
    run: (world, args) => {
      if (args.channel === undefined || args.timestamp === undefined) return fail('no_item_specified');
      const channel = memberChannel(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const message = messageAt(world, channel, args.timestamp);
      if (!message) return fail('message_not_found');
      const { botUser } = world.state.app;
      if (!message.reactions?.some((one) => one.name === args.name && one.users.includes(botUser)))
        return fail('no_reaction');
      unreact(world, channel, message, String(args.name), botUser);
      return { ok: true };
    },
  },
  'reactions.get': {
    scopes: ['reactions:read'],
    tier: 3,
    run: (world, args) => {
      if (args.channel === undefined || args.timestamp === undefined) return fail('no_item_specified');
      const channel = readable(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const message = messageAt(world, channel, args.timestamp);
      if (!message) return fail('message_not_found');
      return { ok: true, type: 'message', channel: channel.id, message: showItem(world, channel, message) };
    },
  },

  'bookmarks.add': {
    scopes: ['bookmarks:write'],
    tier: 2,
    required: ['channel_id', 'title', 'type'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel_id);
      if (typeof channel === 'string') return fail(channel);
      if (args.type !== 'link') return fail('invalid_bookmark_type');
      const problem = bookmarkProblem(args.link ?? '', args.emoji);
      if (problem) return fail(problem);
      if (channel.bookmarks.length >= 100) return fail('too_many_bookmarks');
      const bookmark: Bookmark = {
        id: newId(world, 'Bk'),
        title: String(args.title),
        link: String(args.link),
        date_created: Math.floor(now(world) / 1000),
        last_updated_by_user_id: world.state.app.botUser,
        ...(args.emoji ? { emoji: String(args.emoji) } : {}),
      };
      channel.bookmarks.push(bookmark);
      changed(world);
      return { ok: true, bookmark: showBookmark(world, channel, bookmark) };
    },
  },
  'bookmarks.edit': {
    scopes: ['bookmarks:write'],
    tier: 2,
    required: ['channel_id', 'bookmark_id'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel_id);
      if (typeof channel === 'string') return fail(channel);
      const bookmark = channel.bookmarks.find((one) => one.id === args.bookmark_id);
      if (!bookmark) return fail('not_found');
      const problem = bookmarkProblem(args.link ?? bookmark.link, args.emoji);
      if (problem) return fail(problem);
      if (args.title !== undefined) bookmark.title = String(args.title);
      if (args.link !== undefined) bookmark.link = String(args.link);
      if (args.emoji !== undefined) bookmark.emoji = String(args.emoji);
      bookmark.date_updated = Math.floor(now(world) / 1000);
      bookmark.last_updated_by_user_id = world.state.app.botUser;
      changed(world);
      return { ok: true, bookmark: showBookmark(world, channel, bookmark) };
    },
  },
  'bookmarks.remove': {
    scopes: ['bookmarks:write'],
    tier: 2,
    required: ['channel_id', 'bookmark_id'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel_id);
      if (typeof channel === 'string') return fail(channel);
      if (!channel.bookmarks.some((one) => one.id === args.bookmark_id)) return fail('not_found');
      channel.bookmarks = channel.bookmarks.filter((one) => one.id !== args.bookmark_id);
      changed(world);
      return { ok: true };
    },
  },
  'bookmarks.list': {
    scopes: ['bookmarks:read'],
    tier: 3,
    required: ['channel_id'],
    run: (world, args) => {
      const channel = readable(world, args.channel_id);
      if (typeof channel === 'string') return fail(channel);
      return { ok: true, bookmarks: channel.bookmarks.map((one) => showBookmark(world, channel, one)) };
    },
  },
};

function bookmarkProblem(link: unknown, emoji: unknown): string | undefined {
  if (!/^https?:\/\/[^\s]+$/.test(String(link)) || String(link).length > 3_000) return 'invalid_link';
  if (emoji !== undefined && emoji !== '' && !/^:[a-z0-9_+'-]+:$/.test(String(emoji))) return 'invalid_emoji';
  return undefined;
}
