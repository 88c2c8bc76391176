import { checkBlocks } from './blocks.ts';
import { messageChanged } from './channel.ts';
import { fail, type Methods, messageAt, visible } from './reply.ts';
import { showMessage } from './show.ts';
import type { Attachment, Block, Channel, Message } from './state.ts';
import { announce, type World, withBlockIds } from './world.ts';

/*
 * Links that an app knows: it hears of those in what people say, by the domains of its manifest, and may show what is
 * behind them.
 */

export function watchLinks(world: World): void {
  world.changes.on('message', (channel: string, message: Message) => {
    if (message.bot_id) return;
    const links = linksIn(world, message.text);
    if (links.length === 0) return;
    announce(world, {
      type: 'link_shared',
      channel,
      is_bot_user_member: world.state.channels[channel]?.members.includes(world.state.app.botUser) ?? false,
      user: message.user,
      message_ts: message.ts,
      ...(message.thread_ts ? { thread_ts: message.thread_ts } : {}),
      unfurl_id: `${channel}.${message.ts}`,
      source: 'conversations_history',
      links,
    });
  });
}

/** The links of a text that belong to one of the app's domains, or to a name below it. */
function linksIn(world: World, text: string): { domain: string; url: string }[] {
  const found = [...text.matchAll(/https?:\/\/[^\s|<>]+/g)].flatMap(([kept]) => {
    const url = kept.replaceAll('&amp;', '&');
    if (!URL.canParse(url)) return [];
    const { hostname } = new URL(url);
    const domain = world.manifest.unfurlDomains.find((one) => hostname === one || hostname.endsWith(`.${one}`));
    return domain ? [{ domain, url }] : [];
  });
  return found.filter((one, index) => found.findIndex(({ url }) => url === one.url) === index);
}

export const unfurl: Methods = {
  'chat.unfurl': {
    scopes: ['links:write'],
    tier: 3,
    run: (world, args) => {
      const found = target(world, args);
      if (typeof found === 'string') return fail(found);
      const { channel, message } = found;
      if (typeof args.unfurls !== 'object' || args.unfurls === null) return fail('missing_unfurls');
      const known = linksIn(world, message.text).map(({ url }) => url);
      const shown: Attachment[] = [];
      for (const [url, given] of Object.entries(args.unfurls as Record<string, Partial<Attachment>>)) {
        if (!known.includes(url)) return fail('cannot_unfurl_url');
        const problems = given.blocks ? checkBlocks(given.blocks, 'message', world.unconfirmed) : [];
        if (problems.length > 0)
          return {
            ...fail(
              'invalid_blocks',
              problems.map((one) => `[ERROR] ${one}`),
            ),
            errors: problems,
          };
        shown.push(attachmentOf(world, url, given, shown.length + 1));
      }
      const previous = showMessage(world, message, false);
      const urls = shown.map((one) => one.from_url);
      const kept = (message.attachments ?? []).filter((one) => !urls.includes(one.from_url));
      message.attachments = [...kept, ...shown].map((one, index) => ({ ...one, id: index + 1 }));
      messageChanged(world, channel, message, previous);
      return { ok: true };
    },
  },
};

/** Named by channel and ts, or as the event named it. */
function target(
  world: World,
  args: Readonly<Record<string, unknown>>,
): { channel: Channel; message: Message } | string {
  const [, place = '', moment = ''] = /^(\w+)\.(\d+\.\d+)$/.exec(String(args.unfurl_id ?? '')) ?? [];
  if (args.unfurl_id !== undefined && args.source === undefined) return 'missing_source';
  if (args.unfurl_id === undefined && args.source !== undefined) return 'missing_unfurl_id';
  if (args.unfurl_id === undefined && args.channel === undefined) return 'missing_channel';
  if (args.unfurl_id === undefined && args.ts === undefined) return 'missing_ts';
  const channel = visible(world, args.unfurl_id === undefined ? args.channel : place);
  const message = channel && messageAt(world, channel, args.unfurl_id === undefined ? args.ts : moment);
  return channel && message ? { channel, message } : 'cannot_find_message';
}

function attachmentOf({ state }: World, url: string, given: Partial<Attachment>, id: number): Attachment {
  const { blocks, title, text } = given;
  return {
    ...{ id, from_url: url, app_unfurl_url: url, is_app_unfurl: true },
    ...{ bot_id: state.app.botId, app_id: state.app.id, fallback: title ?? text ?? '[no preview available]' },
    ...(blocks ? { blocks: withBlockIds(blocks as Block[]) } : {}),
    ...(title === undefined ? {} : { title: String(title) }),
    ...(text === undefined ? {} : { text: String(text) }),
  };
}
