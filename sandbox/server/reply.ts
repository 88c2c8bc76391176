import { checkBlocks, textLength } from './blocks.ts';
import type { Delivery } from './deliver.ts';
import { fileAt, isMember } from './show.ts';
import type { Block, Channel, Message, StoredFile } from './state.ts';
import { directMessage, findChannel, messagesOf, violate, type World } from './world.ts';

/* What the methods of the Web API have in common. */

export type Args = Readonly<Record<string, unknown>>;
export type Reply = { readonly ok: boolean; readonly [key: string]: unknown };
export type Scopes = readonly string[];
export type Method = {
  /** Any of these bot scopes will do; none means that any token will. */
  readonly scopes: Scopes | ((world: World, args: Args) => Scopes);
  /** Calls per minute; `post` is one a second and channel. */
  readonly tier: 1 | 2 | 3 | 4 | 'post' | 'special';
  readonly app?: boolean;
  readonly required?: readonly string[];
  readonly run: (world: World, args: Args, delivery: Delivery) => Reply;
};
export type Methods = Readonly<Record<string, Method>>;

export function fail(error: string, messages?: readonly string[]): Reply {
  return { ok: false, error, ...(messages ? { response_metadata: { messages } } : {}) };
}

/** Slack asks for other scopes for private channels than for public ones. */
export function byKind(open: Scopes, closed: Scopes): Method['scopes'] {
  return (world, args) => {
    const channel = findChannel(world, args.channel);
    if (!channel) return [...open, ...closed];
    return channel.is_private && !channel.is_im ? closed : open;
  };
}

type Content = { text: string; blocks?: Block[] };

const longest = 40_000;

export function readContent(world: World, args: Args): { content: Content; truncated: boolean } | { error: Reply } {
  const given = args.text === undefined ? '' : String(args.text);
  const text = given.slice(0, longest);
  if (args.blocks !== undefined && !Array.isArray(args.blocks)) return { error: fail('invalid_blocks_format') };
  const blocks = args.blocks as Block[] | undefined;
  if (text === '' && (blocks === undefined || blocks.length === 0)) return { error: fail('no_text') };
  if (blocks) {
    const problems = [...checkBlocks(blocks, 'message', world.unconfirmed), ...strangePictures(world, blocks)];
    if (textLength(blocks) > 9_500) violate(world, 'long_blocks', `${textLength(blocks)} characters in blocks`);
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
  return { content: { text, ...(blocks ? { blocks } : {}) }, truncated: given.length > longest };
}

/** A file that the app's bot may see. */
export function visibleFile(world: World, id: unknown): StoredFile | undefined {
  const file = world.state.files[String(id)];
  if (!file || file.stage === 'awaited' || file.stage === 'sent') return undefined;
  // What a person gave to a form was given to the app.
  return file.user === world.state.app.botUser ||
    file.ticket === '' ||
    file.shares.some((one) => visible(world, one.channel))
    ? file
    : undefined;
}

/** The uploaded files that image blocks and image elements show, each with its place. */
export function pictured(value: unknown, at = '/blocks'): { readonly id: string; readonly at: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('slack_file' in value) {
    const { id, url = '' } = (value.slack_file ?? {}) as { id?: string; url?: string };
    return [{ id: id ?? fileAt(url) ?? '', at: `${at}/slack_file` }];
  }
  return Object.entries(value).flatMap(([key, one]) => pictured(one, `${at}/${key}`));
}

/** Whoever sends blocks has to see the pictures in them, and they have to be pictures. */
export function strangePictures(world: World, blocks: unknown): string[] {
  return pictured(blocks).flatMap(({ id, at }) => {
    const file = visibleFile(world, id);
    const isPicture = file?.stage === 'complete' && /^image\/(png|jpeg|gif)$/.test(file.mimetype);
    return isPicture ? [] : [`invalid slack file [json-pointer:${at}]`];
  });
}

/** A channel that the app may post to. */
export function postable(world: World, ref: unknown): Channel | string {
  const user = world.state.users[String(ref)];
  if (user) return directMessage(world, user.id);
  const channel = visible(world, ref);
  if (!channel) return 'channel_not_found';
  if (channel.is_archived) return 'is_archived';
  if (!isMember(world, channel) && !world.manifest.scopes.includes('chat:write.public')) return 'not_in_channel';
  return channel;
}

/** A channel that the app may change things in. */
export function memberChannel(world: World, ref: unknown): Channel | string {
  const channel = visible(world, ref);
  if (!channel) return 'channel_not_found';
  if (channel.is_archived) return 'is_archived';
  return isMember(world, channel) ? channel : 'not_in_channel';
}

/** A channel that the app may read, archived or not. */
export function readable(world: World, ref: unknown): Channel | string {
  const channel = visible(world, ref);
  if (!channel) return 'channel_not_found';
  return isMember(world, channel) ? channel : 'not_in_channel';
}

export function visible(world: World, ref: unknown): Channel | undefined {
  const channel = findChannel(world, ref);
  return channel && (!channel.is_private || isMember(world, channel)) ? channel : undefined;
}

export function messageAt(world: World, channel: Channel, ts: unknown): Message | undefined {
  return messagesOf(world, channel.id).find((one) => one.ts === ts);
}

/** A part of a list. A cursor is good for the list that it came from, and only for it. */
export function page(world: World, all: readonly unknown[], args: Args, name: string): Reply {
  const limit = Math.min(Math.max(1, Number(args.limit ?? 100)), 999);
  if (!Number.isInteger(limit)) return fail('invalid_limit');
  const given = args.cursor === undefined || args.cursor === '' ? `${name}:0` : decoded(String(args.cursor));
  const cursor = given.startsWith(`${name}:`) ? Number(given.slice(name.length + 1)) : Number.NaN;
  if (!Number.isInteger(cursor) || cursor < 0 || cursor > all.length) return fail('invalid_cursor');
  // Whoever takes a page that is not full for the last one misses the rest.
  const short = world.unconfirmed.shortPages && cursor + limit < all.length && limit > 1;
  const end = cursor + (short ? limit - 1 : limit);
  const next = end < all.length ? Buffer.from(`${name}:${end}`).toString('base64') : '';
  return { ok: true, [name]: all.slice(cursor, end), has_more: next !== '', response_metadata: { next_cursor: next } };
}

function decoded(cursor: string): string {
  return Buffer.from(cursor, 'base64').toString();
}

export function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === '1';
}

export function idsIn(value: unknown): string[] {
  return String(value ?? '')
    .split(',')
    .filter(Boolean);
}
