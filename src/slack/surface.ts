import { createHash } from 'node:crypto';
import type { WebClient } from '@slack/web-api';
import { voteCard } from '../../blocks/approval.ts';
import { bookingCard } from '../../blocks/booking.ts';
import { digest } from '../../blocks/digest.ts';
import { freezeCard, touched } from '../../blocks/freeze.ts';
import { home } from '../../blocks/home.ts';
import type { View } from '../../blocks/kit.ts';
import { ask, line, notice, reminder, told, waiting } from '../../blocks/notice.ts';
import { overrideAsk } from '../../blocks/override.ts';
import { refusal } from '../../blocks/refusal.ts';
import { card, roomHeader, roomName, roomTopic } from '../../blocks/release.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { swapAsk } from '../../blocks/swap.ts';
import { board } from '../../blocks/train.ts';
import { trustAsk } from '../../blocks/trust.ts';
import { lineOffer } from '../../blocks/waiting-line.ts';
import type { Ctx } from '../ctx.ts';
import { may } from '../domain/access.ts';
import { contentHash } from '../domain/content.ts';
import type { StoredEvent } from '../domain/event.ts';
import { releaseKey } from '../domain/release.ts';
import { parseSurfaceKey, type Surface, surfaceKey } from '../domain/surface.ts';
import { instantAt, wallTime } from '../domain/time.ts';
import { readerOf } from '../store/calendar.ts';
import type { Db } from '../store/db.ts';
import {
  beginFirstWrite,
  bury,
  type Claim,
  claim,
  findSurface,
  giveBack,
  markStale,
  pendingSince,
  settle,
  surfacesLike,
} from '../store/ledger.ts';
import { type Push, permit, prefsOf, remindersOf } from '../store/notification.ts';
import {
  calendarDays,
  findBooking,
  findFreeze,
  findSwapProps,
  findTrain,
  findWaitingProps,
  isKept,
} from '../store/planned.ts';
import { coveredBy } from '../store/policy.ts';
import {
  digestZone,
  findOverride,
  gateCosts,
  listReleases,
  loadDigestProps,
  loadEvent,
  loadReleaseProps,
  loadWorkspace,
  releaseOfRoom,
  reviewsDue,
  roomMembersOf,
} from '../store/read.ts';
import { findProposal } from '../store/trust.ts';
import { channelMembers, findChannel } from './channel.ts';
import { failureOf, slackTimeoutMs } from './client.ts';
import { offersForRelease } from './offer.ts';

export type Projector = {
  readonly ctx: Ctx;
  readonly client: WebClient;
  /** This process's name in claims. */
  readonly instance: string;
  readonly seen: (kind: string, result: 'created' | 'updated' | 'unchanged' | 'failed') => void;
};

/** A claim outlasts the slowest call that it covers, so that no second process begins meanwhile. */
const leaseMs = 3 * slackTimeoutMs;
/** Edits of one message are merged: at most one in this time. */
const mergeMs = 1_500;
const metadataType = 'maitred_surface';

/**
 * Makes Slack show what is stored for one surface. May run any number of times, anywhere: whoever holds the claim writes,
 * and repeats until nothing newer is waiting. Returns in how many ms it should be tried again, if at all.
 */
export async function refresh(projector: Projector, workspace: string, key: string): Promise<number | undefined> {
  const { ctx, instance } = projector;
  for (;;) {
    const claimed = await claim(ctx.db, workspace, key, instance, leaseMs);
    if (!claimed) {
      const pending = await pendingSince(ctx.db, workspace, key);
      return pending && pending.retryInMs > 0 ? pending.retryInMs : undefined;
    }
    const surface = parseSurfaceKey(key);
    const sinceWrite = claimed.row.written_at
      ? Date.now() - claimed.row.written_at.getTime()
      : Number.POSITIVE_INFINITY;
    if (claimed.row.ts && sinceWrite >= 0 && sinceWrite < mergeMs) {
      await giveBack(ctx.db, claimed, instance, { problem: null, retryInMs: mergeMs - sinceWrite });
      return mergeMs - sinceWrite;
    }
    try {
      const shown = await show(projector, workspace, surface, claimed);
      if (shown === 'wait') {
        await giveBack(ctx.db, claimed, instance, { problem: 'waits for another surface', retryInMs: 500 });
        return 500;
      }
      await settle(ctx.db, claimed, instance, shown);
      projector.seen(surface.kind, shown.wrote ? (claimed.row.ts ? 'updated' : 'created') : 'unchanged');
    } catch (error) {
      projector.seen(surface.kind, 'failed');
      return handleFailure(projector, claimed, key, error);
    }
  }
}

type Shown = { channel: string | null; ts: string | null; hash: string | null; wrote: boolean };

/** Refusals that no retry changes. */
const hopeless = [
  'channel_not_found',
  'is_archived',
  'user_not_found',
  'user_disabled',
  'cannot_dm_bot',
  'restricted_action',
  'not_in_channel',
  'messages_tab_disabled',
  'not_enabled',
  'is_inactive',
  'invalid_blocks',
  'msg_blocks_too_long',
  'msg_too_long',
  'invalid_arguments',
];

async function handleFailure(
  { ctx, instance }: Projector,
  claimed: Claim,
  key: string,
  error: unknown,
): Promise<number | undefined> {
  const failure = failureOf(error);
  if (failure.kind === 'refused' && hopeless.includes(failure.error)) {
    await bury(ctx.db, claimed, instance, failure.error);
    ctx.log.error({ surface: key, code: failure.error, err: error }, 'a surface cannot be written');
    return undefined;
  }
  // Backs off to a minute; what is stored is kept until Slack takes it.
  const retryInMs =
    failure.kind === 'later' ? failure.afterMs : Math.min(60_000, 500 * 2 ** Math.min(claimed.row.attempts, 7));
  await giveBack(ctx.db, claimed, instance, {
    problem: failure.kind === 'later' ? 'rate limited' : failure.error,
    retryInMs,
  });
  ctx.log.warn({ surface: key, kind: failure.kind, err: error }, 'a surface will be tried again');
  return retryInMs;
}

async function show(
  projector: Projector,
  workspace: string,
  surface: Surface,
  claimed: Claim,
): Promise<Shown | 'wait'> {
  const { ctx } = projector;
  const { db } = ctx;
  const release = (number: number) => loadReleaseProps(db, workspace, number);
  switch (surface.kind) {
    case 'card': {
      const props = await release(surface.release);
      const shown = await message(projector, claimed, props.channel, card(props));
      if (shown.wrote) {
        const board = props.train && surfaceKey({ kind: 'train', train: props.train.key, date: props.train.date });
        const touchedKeys = await surfacesLike(db, workspace, `touched:${releaseKey(props.number)}:`);
        await alsoStale(projector, workspace, [...(board ? [board] : []), ...touchedKeys]);
      }
      return shown;
    }
    case 'votes': {
      const props = await release(surface.release);
      const parent = await place(projector, workspace, { kind: 'card', release: surface.release });
      if (!isThere(parent)) return missing(parent, claimed);
      const costs = await gateCosts(db, workspace, props.policy, ctx.now());
      return message(projector, claimed, parent.channel, voteCard(props, costs), { thread: parent.ts });
    }
    case 'thread': {
      const event = await loadEvent(db, surface.event);
      const props = await release(releaseOf(event));
      const parent = await place(projector, workspace, { kind: 'card', release: props.number });
      if (!isThere(parent)) return missing(parent, claimed);
      const options = { thread: parent.ts, broadcast: isLoud(event) };
      return message(projector, claimed, parent.channel, line(event, props.zone), options);
    }
    case 'asks': {
      const asks = await surfacesLike(db, workspace, `ask:${releaseKey(surface.release)}:`);
      const people = new Set((await release(surface.release)).gates.flatMap((gate) => gate.asked));
      const reminders = await remindersOf(db, workspace, surface.release);
      const collected = (await surfacesLike(db, workspace, 'waiting:')).filter((key) =>
        people.has(key.split(':')[1] ?? ''),
      );
      const overrides = await surfacesLike(db, workspace, `override:${releaseKey(surface.release)}:`);
      await alsoStale(projector, workspace, [...asks, ...reminders, ...collected, ...overrides]);
      return keep(claimed);
    }
    case 'ask': {
      const props = await release(surface.release);
      const principals = await principalsOf(db, workspace, props, surface.person, ctx.now());
      const asked = props.gates.some((gate) =>
        [...gate.asked, ...gate.escalatedTo].some((id) => id === surface.person || principals.includes(id)),
      );
      // Nobody is asked what is decided already; a message that was sent is brought up to date.
      if (!claimed.row.ts && (!asked || props.state !== 'requested')) return keep(claimed);
      const must = props.changeType === 'emergency';
      return push(projector, claimed, surface.person, ask(props, surface.person, principals), {
        audience: 'approver',
        release: props.number,
        why: 'may vote in a gate',
        must,
      });
    }
    case 'reminder': {
      const event = await loadEvent(db, surface.event);
      const props = await release(releaseOf(event));
      if (!claimed.row.ts && props.state !== 'requested') return keep(claimed);
      const why = event.body.type === 'approver.asked' ? 'asked to be asked again' : event.body.type;
      return push(projector, claimed, surface.person, reminder(event, props, props.zone), {
        audience: 'approver',
        release: props.number,
        why,
        must: event.body.type === 'approver.asked',
      });
    }
    case 'waiting': {
      const { zone } = await loadWorkspace(db, workspace);
      const about = { person: surface.person, zone, today: surface.date, now: ctx.now(), take: 20, skip: 0 };
      const { releases } = await listReleases(db, workspace, { ...about, filter: { kind: 'needs-me' } });
      if (!claimed.row.ts && releases.length === 0) return keep(claimed);
      return message(projector, claimed, await directMessage(projector, claimed, surface.person), waiting(releases));
    }
    case 'override': {
      const props = await release(surface.release);
      const one = await findOverride(db, workspace, surface.override);
      if (!one) return keep(claimed);
      return push(projector, claimed, one.second, overrideAsk(props, one, one.hash === contentHash(props, props)), {
        audience: 'person',
        release: props.number,
        why: 'second person of an override',
        must: true,
      });
    }
    case 'trust': {
      const proposal = await findProposal(readerOf(db), workspace, surface.proposal);
      if (!proposal || (!claimed.row.ts && proposal.state !== 'open')) return keep(claimed);
      return push(projector, claimed, surface.person, trustAsk(proposal, surface.person), {
        audience: 'manager',
        release: null,
        why: 'trust ladder',
        must: false,
      });
    }
    case 'notice': {
      const event = await loadEvent(db, surface.event);
      const props = await release(releaseOf(event));
      // Whoever did it knows already.
      if (event.actor.kind === 'person' && event.actor.id === props.requester) return keep(claimed);
      return push(projector, claimed, props.requester, notice(event, props), {
        audience: 'owner',
        release: props.number,
        why: event.body.type,
        must: results.includes(event.body.type),
      });
    }
    case 'room': {
      const props = await release(surface.release);
      return props.room === 'none' ? keep(claimed) : room(projector, claimed, props);
    }
    case 'topic': {
      const props = await release(surface.release);
      if (props.room === 'none') return keep(claimed);
      const found = await place(projector, workspace, { kind: 'room', release: surface.release });
      if (!found || found === 'gone') return missing(found, claimed);
      const { channel } = found;
      const topic = roomTopic(props);
      if (claimed.row.hash === hashOf(topic)) return keep(claimed);
      await projector.client.conversations.setTopic({ channel, topic });
      return { channel: null, ts: null, hash: hashOf(topic), wrote: true };
    }
    case 'header': {
      const props = await release(surface.release);
      if (props.room === 'none') return keep(claimed);
      const found = await place(projector, workspace, { kind: 'room', release: surface.release });
      if (!found || found === 'gone') return missing(found, claimed);
      return message(projector, claimed, found.channel, roomHeader(props, ctx.now()), { pin: true });
    }
    case 'log': {
      const event = await loadEvent(db, surface.event);
      const props = await release(releaseOf(event));
      if (props.room === 'none') return keep(claimed);
      const header = await place(projector, workspace, { kind: 'header', release: props.number });
      if (!isThere(header)) return missing(header, claimed);
      return message(projector, claimed, header.channel, line(event, props.zone));
    }
    case 'tell': {
      const event = await loadEvent(db, surface.event);
      const { zone } = await loadWorkspace(db, workspace);
      const isDue = 'managers' in event.body && event.body.managers.includes(surface.person);
      return push(projector, claimed, surface.person, told(event, zone), {
        audience: isDue || event.body.type === 'approver.reminded' ? 'manager' : 'person',
        release: 'release' in event.body ? event.body.release : null,
        why: event.body.type,
        must: true,
      });
    }
    case 'freeze': {
      const props = await findFreeze(db, workspace, surface.freeze, ctx.now());
      if (props) {
        const asked = await surfacesLike(db, workspace, 'touched:');
        await alsoStale(
          projector,
          workspace,
          asked.filter((key) => key.endsWith(`:${surface.freeze}`)),
        );
      }
      if (!props?.channel) return keep(claimed);
      return message(projector, claimed, props.channel, freezeCard(props));
    }
    case 'freeze-line': {
      const event = await loadEvent(db, surface.event);
      if (!('freeze' in event.body) || typeof event.body.freeze !== 'string') return keep(claimed);
      // Without a channel it was never announced.
      if (!(await findFreeze(db, workspace, event.body.freeze, ctx.now()))?.channel) return keep(claimed);
      const parent = await place(projector, workspace, { kind: 'freeze', freeze: event.body.freeze });
      if (!isThere(parent)) return missing(parent, claimed);
      const { zone } = await loadWorkspace(db, workspace);
      return message(projector, claimed, parent.channel, line(event, zone), { thread: parent.ts, broadcast: true });
    }
    case 'touched': {
      const [props, frozen, kept] = await Promise.all([
        release(surface.release),
        findFreeze(db, workspace, surface.freeze, ctx.now()),
        isKept(db, workspace, surface.release, surface.freeze),
      ]);
      // Whoever asks for a pass knows, and is told of the vote.
      const hasPass = props.gates.some((gate) => gate.rule.pass === surface.freeze);
      if (!frozen || (hasPass && !claimed.row.ts)) return keep(claimed);
      const isInside = frozen.times.some((one) => one.startsAt < props.endsAt && props.startsAt < one.endsAt);
      const asking = { workspace, person: props.requester };
      const [next] = await offersForRelease(ctx, asking, props.number, { from: props.startsAt, most: 1 });
      const view = touched({ ...frozen, release: props, kept, isInside, next });
      return message(projector, claimed, await directMessage(projector, claimed, props.requester), view);
    }
    case 'swap': {
      const props = await findSwapProps(db, workspace, surface.swap);
      if (!props) return keep(claimed);
      return message(
        projector,
        claimed,
        await directMessage(projector, claimed, props.other.requester),
        swapAsk(props),
      );
    }
    case 'line': {
      const props = await findWaitingProps(db, workspace, surface.line);
      // Whoever leaves before there was an offer hears nothing of it.
      if (!props || (!claimed.row.ts && props.entry.state !== 'offered')) return keep(claimed);
      return message(projector, claimed, await directMessage(projector, claimed, props.entry.person), lineOffer(props));
    }
    case 'train': {
      const props = await findTrain(db, workspace, surface.train, surface.date);
      if (!props?.channel) return keep(claimed);
      return message(projector, claimed, props.channel, board(props));
    }
    case 'booking': {
      const props = await findBooking(db, workspace, surface.booking);
      if (!props?.channel) return keep(claimed);
      return message(projector, claimed, props.channel, bookingCard(props));
    }
    case 'digest': {
      const props = await loadDigestProps(db, workspace, {
        date: surface.date,
        zone: await digestZone(db, workspace, surface.channel),
      });
      return message(projector, claimed, surface.channel, digest(props));
    }
    case 'home': {
      const needs = { people: [surface.person], usergroups: [], channels: [] };
      const { people: known } = await ctx.directory.lookup(workspace, needs, 5 * 60_000);
      const reader = known[surface.person];
      const refused = reader ? may('anyone', reader) : ({ code: 'unverified' } as const);
      if (refused) {
        const view = { type: 'home' as const, blocks: refusal(refused, 'UTC').blocks };
        await projector.client.views.publish({ user_id: surface.person, view });
        return { channel: null, ts: null, hash: null, wrote: true };
      }
      const { zone } = await loadWorkspace(db, workspace);
      const now = ctx.now();
      const asked = { person: surface.person, zone, today: wallTime(now, zone).date, now, take: 15, skip: 0 };
      const [needed, mine, reviews, week] = await Promise.all([
        listReleases(db, workspace, { ...asked, filter: { kind: 'needs-me' } }),
        listReleases(db, workspace, { ...asked, filter: { kind: 'mine' } }),
        reviewsDue(db, workspace, surface.person),
        calendarDays(db, workspace, { from: asked.today, days: 7, filter: undefined, now }),
      ]);
      const lists = { waiting: needed.releases, mine: mine.releases, reviews, week };
      const blocks = home({ person: surface.person, ...lists, isGuest: reader?.isGuest === true, asOf: now, zone });
      await projector.client.views.publish({ user_id: surface.person, view: { type: 'home', blocks } });
      return { channel: null, ts: null, hash: null, wrote: true };
    }
  }
}

/** Outcomes that whoever asked for a release waits for: told whatever else there was to say. */
const results: readonly string[] = [
  'release.approved',
  'release.rejected',
  'release.expired',
  'release.cancelled',
  'room.opened',
  'release.done',
  'release.rolled_back',
  'review.asked',
  'start.held',
];

/** Those whom somebody votes for: named for this release, or by a preference that holds now. */
async function principalsOf(
  db: Db,
  workspace: string,
  props: ReleaseProps,
  person: string,
  now: Date,
): Promise<string[]> {
  const named = props.delegations.filter((one) => one.to === person).map((one) => one.from);
  const covered = await coveredBy(readerOf(db), workspace, person, now);
  const standing = covered.filter((id) => !props.delegations.some((one) => one.from === id));
  return [...named, ...standing].filter((id) => props.gates.some((gate) => gate.asked.includes(id)));
}

/** A direct message within its reader's budget: sent, kept for later, collected with others, or not sent at all. */
async function push(
  projector: Projector,
  claimed: Claim,
  person: string,
  view: View,
  about: Pick<Push, 'audience' | 'release' | 'why' | 'must'>,
): Promise<Shown> {
  const { ctx } = projector;
  const { workspace, key } = claimed.row;
  if (!claimed.row.ts) {
    const prefs = await prefsOf(ctx.db, workspace, person);
    const { people } = await ctx.directory.lookup(
      workspace,
      { people: [person], usergroups: [], channels: [] },
      60 * 60_000,
    );
    const zone = prefs.zone ?? people[person]?.zone ?? 'UTC';
    const now = ctx.now();
    const today = wallTime(now, zone).date;
    const until = prefs.snoozeUntil === null ? undefined : new Date(prefs.snoozeUntil);
    const allowed = await permit(
      ctx.db,
      workspace,
      key,
      { ...about, person, channel: null },
      {
        now,
        day: instantAt(today, '00:00', zone),
        snoozedUntil: until && until > now ? until : undefined,
        dm: prefs.dm,
      },
    );
    if (allowed === 'collapse')
      await alsoStale(projector, workspace, [surfaceKey({ kind: 'waiting', person, date: today })]);
    if (allowed !== 'send') return keep(claimed);
  }
  return message(projector, claimed, await directMessage(projector, claimed, person), view);
}

/** Other surfaces show the same facts and have to follow. */
async function alsoStale({ ctx }: Projector, workspace: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await markStale(ctx.db, workspace, keys, ctx.now());
  ctx.wake(workspace, keys);
}

/** Where another surface is; written first when it is not there yet. "gone": it never will be. */
async function place(
  projector: Projector,
  workspace: string,
  surface: Surface,
): Promise<{ channel: string; ts: string | null } | 'gone' | undefined> {
  const key = surfaceKey(surface);
  for (let tries = 0; tries < 2; tries++) {
    const row = await findSurface(projector.ctx.db, workspace, key);
    if (row?.channel && (row.ts || surface.kind === 'room')) return { channel: row.channel, ts: row.ts };
    if (tries === 0) await refresh(projector, workspace, key);
  }
  if (await pendingSince(projector.ctx.db, workspace, key)) return undefined;
  // Nothing is left to be written there: it has just been, or it was buried with its channel.
  const row = await findSurface(projector.ctx.db, workspace, key);
  return row?.problem ? 'gone' : undefined;
}

type Place = Awaited<ReturnType<typeof place>>;

function isThere(found: Place): found is { channel: string; ts: string } {
  return found !== undefined && found !== 'gone' && found.ts !== null;
}

/** A parent that will come is waited for; one that is gone takes what hangs on it along. */
function missing(found: Place, claimed: Claim): Shown | 'wait' {
  return found === 'gone' ? keep(claimed) : 'wait';
}

type MessageOptions = { readonly thread?: string; readonly broadcast?: boolean; readonly pin?: boolean };

/** One message per surface: edited when it is there, looked for when nobody knows, posted when it is not. */
async function message(
  projector: Projector,
  claimed: Claim,
  channel: string,
  view: View,
  options: MessageOptions = {},
): Promise<Shown> {
  const { client, ctx } = projector;
  const { workspace, key } = claimed.row;
  const hash = hashOf(view);
  const content = {
    text: view.text,
    blocks: view.blocks,
    unfurl_links: false,
    unfurl_media: false,
    parse: 'none' as const,
  };
  if (claimed.row.ts && claimed.row.channel) {
    if (claimed.row.hash === hash) return keep(claimed);
    try {
      await client.chat.update({ channel: claimed.row.channel, ts: claimed.row.ts, ...content });
      return { channel: claimed.row.channel, ts: claimed.row.ts, hash, wrote: true };
    } catch (error) {
      const failure = failureOf(error);
      // Somebody deleted it by hand: it is put back once there is something new to say.
      if (failure.kind !== 'refused' || failure.error !== 'message_not_found') throw error;
    }
  }
  let ts = claimed.row.unclear_since ? await findPosted(projector, channel, key, options.thread) : undefined;
  if (ts === undefined) {
    await beginFirstWrite(ctx.db, workspace, key);
    if (/^[CG]/.test(channel)) await notePost(projector, claimed, channel, options);
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

/** Posts in channels have no budget of their own, but are counted. */
async function notePost({ ctx }: Projector, { row }: Claim, channel: string, options: MessageOptions): Promise<void> {
  const why = options.broadcast ? 'broadcast' : options.thread ? 'thread' : 'root';
  const release = /:REL-(\d+)/.exec(row.key)?.[1];
  const about = {
    audience: 'channel' as const,
    person: null,
    channel,
    release: release ? Number(release) : null,
    why,
    must: true,
  };
  const now = ctx.now();
  await permit(ctx.db, row.workspace, row.key, about, { now, day: now, snoozedUntil: undefined, dm: 'all' });
}

/** Looks for a message that a first try may have left behind, by the key in its metadata. */
async function findPosted(
  { client }: Projector,
  channel: string,
  key: string,
  thread: string | undefined,
): Promise<string | undefined> {
  let cursor = '';
  for (let page = 0; page < 5; page++) {
    const asked = { channel, limit: 200, include_all_metadata: true, ...(cursor ? { cursor } : {}) };
    const found = thread
      ? await client.conversations.replies({ ...asked, ts: thread })
      : await client.conversations.history(asked);
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

async function directMessage({ client }: Projector, claimed: Claim, person: string): Promise<string> {
  if (claimed.row.channel) return claimed.row.channel;
  const { channel } = await client.conversations.open({ users: person });
  if (!channel?.id) throw new Error('conversations.open gave no channel');
  return channel.id;
}

/** One channel per release: made once, found again by its name, with everybody in it who has to be. */
async function room(
  projector: Projector,
  claimed: Claim,
  release: { number: number; units: Parameters<typeof roomName>[0]['units'] },
): Promise<Shown> {
  const { client, ctx } = projector;
  const { workspace } = claimed.row;
  const channel = claimed.row.channel ?? (await makeRoom(projector, claimed, roomName(release)));
  const members = await roomMembersOf(ctx.db, workspace, release.number);
  const present = new Set(await channelMembers(client, channel));
  const missing = members.filter((id) => !present.has(id));
  if (missing.length > 0) {
    await client.conversations
      .invite({ channel, users: missing.slice(0, 100).join(','), force: true })
      .catch((error: unknown) => {
        // Guests and people who left cannot be invited: the room opens without them.
        if (failureOf(error).kind !== 'refused') throw error;
      });
  }
  return { channel, ts: null, hash: null, wrote: true };
}

async function makeRoom(projector: Projector, claimed: Claim, wanted: string): Promise<string> {
  const { client, ctx } = projector;
  const { workspace, key, unclear_since } = claimed.row;
  await beginFirstWrite(ctx.db, workspace, key);
  for (let number = 1; number < 20; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (unclear_since) {
      const left = await findOwnChannel(projector, workspace, name);
      if (left) return left;
    }
    try {
      const { channel } = await client.conversations.create({ name });
      if (channel?.id) return channel.id;
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'refused' || failure.error !== 'name_taken') throw error;
    }
  }
  throw new Error(`no free channel name like ${wanted}`);
}

/** A channel that we made under this name and that no release has. */
async function findOwnChannel(
  { client, ctx }: Projector,
  workspace: string,
  name: string,
): Promise<string | undefined> {
  const { botUser } = await loadWorkspace(ctx.db, workspace);
  const fits = (channel: { name?: string; creator?: string }) => channel.name === name && channel.creator === botUser;
  const found = await findChannel(client, 'public_channel,private_channel', fits);
  return found && (await releaseOfRoom(ctx.db, workspace, found)) === undefined ? found : undefined;
}

function keep({ row }: Claim): Shown {
  return { channel: row.channel, ts: row.ts, hash: row.hash, wrote: false };
}

function releaseOf(event: StoredEvent): number {
  if (!('release' in event.body)) throw new Error(`${event.body.type} is about no release`);
  return event.body.release;
}

/** The few outcomes that the whole channel sees (notification budget: at most four a release). */
function isLoud(event: StoredEvent): boolean {
  return ['release.approved', 'release.started', 'release.done', 'release.rolled_back'].includes(event.body.type);
}

function hashOf(shown: unknown): string {
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 32);
}
