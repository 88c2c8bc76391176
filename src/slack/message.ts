import { createHash } from 'node:crypto';
import type { WebClient } from '@slack/web-api';
import type { View } from '../../blocks/kit.ts';
import type { Ctx } from '../ctx.ts';
import { surfaceKey } from '../domain/surface.ts';
import { instantAt, wallTime } from '../domain/time.ts';
import { beginFirstWrite, type Claim, markStale } from '../store/ledger.ts';
import { notePosted, type Permit, type Push, permit, prefsOf } from '../store/notification.ts';
import { failureOf, isRefused, leaseMs, type Pace } from './client.ts';

/*
 * Messages of surfaces: one per key, found again after a crash by the key in its metadata.
 */
export type Projector = {
  readonly ctx: Ctx;
  readonly client: WebClient;
  readonly pace: Pace;
  /** This process's name in claims. */
  readonly instance: string;
  readonly seen: (
    kind: string,
    result: 'created' | 'updated' | 'unchanged' | 'in line' | 'failed' | 'given up',
  ) => void;
};

export type Shown = {
  channel: string | null;
  ts: string | null;
  hash: string | null;
  wrote: boolean;
  /** Surfaces that show this one, and follow once it is written down. */
  shownOn?: readonly string[];
};

/** Not yet: in how many ms to look again, and what for. */
export type Waiting = { readonly again: number; readonly problem?: string };

/** Where something stands; "gone": it will not come any more; else in how many ms it is written, as far as is known. */
export type Place = { readonly channel: string; readonly ts: string | null } | 'gone' | { readonly inMs: number };

/** No surface asks more often than this for another, and none more seldom: what it waits for may come earlier. */
const [oftenMs, seldomMs] = [500, 60_000];

/** A surface that stands on another comes when that one does: a thousand that ask all the time hold up everything. */
export function waitFor(found: Exclude<Place, 'gone'>): Waiting {
  const inMs = 'inMs' in found ? found.inMs : 0;
  return { again: Math.min(Math.max(inMs, oftenMs), seldomMs), problem: 'waits for another surface' };
}

const metadataType = 'maitred_surface';

/** A direct message within its reader's budget: sent, kept for later, collected with others, or not sent at all. */
export async function push(
  projector: Projector,
  claimed: Claim,
  person: string,
  view: View,
  about: Pick<Push, 'audience' | 'release' | 'why' | 'must'>,
): Promise<Shown> {
  if (!claimed.row.ts && (await permitPush(projector, claimed, person, about)) !== 'send') return keep(claimed);
  return message(projector, claimed, await directMessage(projector, claimed, person), view);
}

/** May this person be sent a first message of this surface now? What is not sent is kept, collected or left out. */
export async function permitPush(
  projector: Projector,
  claimed: Claim,
  person: string,
  about: Pick<Push, 'audience' | 'release' | 'why' | 'must'> & {
    readonly muted?: boolean;
    readonly quietUntil?: Date | undefined;
  },
): Promise<Permit> {
  const { ctx } = projector;
  const { workspace, key } = claimed.row;
  const { muted = false, quietUntil, ...pushed } = about;
  const prefs = await prefsOf(ctx.db, workspace, person);
  const { people } = await ctx.directory.lookup(
    workspace,
    { people: [person], usergroups: [], channels: [] },
    60 * 60_000,
  );
  const zone = prefs.zone ?? people[person]?.zone ?? 'UTC';
  const now = ctx.now();
  const today = wallTime(now, zone).date;
  const snooze = prefs.snoozeUntil === null ? undefined : new Date(prefs.snoozeUntil);
  const until = [snooze, quietUntil].flatMap((one) => (one && one > now ? [one] : []));
  const allowed = await permit(
    ctx.db,
    workspace,
    key,
    { ...pushed, person, channel: null },
    {
      now,
      day: instantAt(today, '00:00', zone),
      snoozedUntil: until.sort((a, b) => b.getTime() - a.getTime())[0],
      dm: prefs.dm,
      muted,
      onDecided: (decided) => ctx.count('push', { audience: pushed.audience, decided }),
    },
  );
  if (allowed === 'collapse')
    await alsoStale(projector, workspace, [surfaceKey({ kind: 'waiting', person, date: today })]);
  return allowed;
}

/** Other surfaces show the same facts and have to follow. */
export async function alsoStale({ ctx }: Projector, workspace: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await markStale(ctx.db, workspace, keys, ctx.now());
  ctx.wake(workspace, keys);
}

type MessageOptions = { readonly thread?: string; readonly broadcast?: boolean; readonly pin?: boolean };

/** One message per surface: edited when it is there, looked for when nobody knows, posted when it is not. */
export async function message(
  projector: Projector,
  claimed: Claim,
  channel: string,
  view: View,
  options: MessageOptions = {},
): Promise<Shown> {
  const { client, ctx } = projector;
  const { key } = claimed.row;
  const hash = hashOf(view);
  // A war room may have moved into another channel.
  const isThere = claimed.row.ts !== null && claimed.row.channel === channel;
  const content = {
    text: view.text,
    blocks: view.blocks,
    unfurl_links: false,
    unfurl_media: false,
    parse: 'none' as const,
  };
  if (isThere) {
    const ts = claimed.row.ts as string;
    if (claimed.row.hash === hash) return keep(claimed);
    try {
      await client.chat.update({ channel, ts, ...content });
      return { channel, ts, hash, wrote: true };
    } catch (error) {
      // Somebody deleted it by hand: it is put back once there is something new to say.
      if (!isRefused(error, 'message_not_found', 'cant_update_message')) throw error;
    }
  }
  let ts = claimed.row.unclear_since ? await findPosted(projector, channel, key, options.thread) : undefined;
  if (ts !== undefined) {
    // It says what was so when it was posted; more may have happened since.
    await client.chat.update({ channel, ts, ...content });
  } else {
    // Before anything is written down: a message that waits for its turn was not tried.
    await projector.pace.ahead('chat.postMessage', { channel });
    await Promise.all([
      beginFirstWrite(ctx.db, claimed, leaseMs, channel),
      /^[CG]/.test(channel) ? notePost(projector, claimed, channel, options) : undefined,
    ]);
    const posted = await client.chat.postMessage({
      channel,
      ...content,
      ...(options.thread ? { thread_ts: options.thread, reply_broadcast: options.broadcast ?? false } : {}),
      metadata: { event_type: metadataType, event_payload: { key } },
    } as Parameters<WebClient['chat']['postMessage']>[0]);
    ts = posted.ts as string;
  }
  if (options.pin) await pin(projector, channel, ts);
  return { channel, ts, hash, wrote: true };
}

async function notePost({ ctx }: Projector, { row }: Claim, channel: string, options: MessageOptions): Promise<void> {
  const why = options.broadcast ? 'broadcast' : options.thread ? 'thread' : 'root';
  const release = Number(/:REL-(\d+)/.exec(row.key)?.[1]) || null;
  if (await notePosted(ctx.db, row.workspace, row.key, { channel, release, why, at: ctx.now() }))
    ctx.count('push', { audience: 'channel', decided: 'send' });
}

/** Looks for a message that a first try may have left behind, by the key in its metadata. */
export async function findPosted(
  { client }: Projector,
  channel: string,
  key: string,
  thread?: string,
): Promise<string | undefined> {
  let cursor = '';
  for (let page = 0; page < 5; page++) {
    const asked = { channel, limit: 200, include_all_metadata: true, ...(cursor ? { cursor } : {}) };
    const look = () =>
      thread ? client.conversations.replies({ ...asked, ts: thread }) : client.conversations.history(asked);
    const found = await look().catch(async (error: unknown) => {
      if (!isRefused(error, 'not_in_channel')) throw error;
      // Posting reaches public channels from outside, looking does not.
      await client.conversations.join({ channel });
      return look();
    });
    const own = found.messages?.find((one) => {
      const { metadata } = one as { metadata?: { event_type?: string; event_payload?: { key?: string } } };
      return metadata?.event_type === metadataType && metadata.event_payload?.key === key;
    });
    if (own?.ts) return own.ts;
    cursor = found.response_metadata?.next_cursor ?? '';
    if (cursor === '') return undefined;
  }
  return undefined;
}

async function pin({ client }: Projector, channel: string, timestamp: string): Promise<void> {
  try {
    await client.pins.add({ channel, timestamp });
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind !== 'refused') throw error;
  }
}

/** A person's direct message stays the same channel for ever, and Slack tells only fifty in a minute. */
const directMessages = new WeakMap<WebClient, Map<string, string>>();

export async function directMessage({ client }: Projector, claimed: Claim, person: string): Promise<string> {
  if (claimed.row.channel) return claimed.row.channel;
  const known = directMessages.get(client) ?? new Map<string, string>();
  directMessages.set(client, known);
  const there = known.get(person);
  if (there !== undefined) return there;
  const { channel } = await client.conversations.open({ users: person });
  if (!channel?.id) throw new Error('conversations.open gave no channel');
  known.set(person, channel.id);
  return channel.id;
}

export function keep({ row }: Claim): Shown {
  return { channel: row.channel, ts: row.ts, hash: row.hash, wrote: false };
}

export function hashOf(shown: unknown): string {
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 32);
}
