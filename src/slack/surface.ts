import { voteCard } from '../../blocks/approval.ts';
import { bookingCard } from '../../blocks/booking.ts';
import { experimentAsk } from '../../blocks/experiment.ts';
import { freezeCard, touched } from '../../blocks/freeze.ts';
import { incidentReminder, incidentSettled } from '../../blocks/incident.ts';
import { ask, line, notice, reminder, told, waiting } from '../../blocks/notice.ts';
import { overrideAsk } from '../../blocks/override.ts';
import { card } from '../../blocks/release.ts';
import { changesSince } from '../../blocks/review.ts';
import {
  briefing,
  checklist,
  logLines,
  offerAsk,
  roomHeader,
  roomPurpose,
  roomTopic,
  update,
} from '../../blocks/room.ts';
import { followed, followedFreeze, hello } from '../../blocks/subscription.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { swapAsk } from '../../blocks/swap.ts';
import { board } from '../../blocks/train.ts';
import { trustAsk } from '../../blocks/trust.ts';
import { lineOffer } from '../../blocks/waiting-line.ts';
import type { Ctx } from '../ctx.ts';
import { contentHash } from '../domain/content.ts';
import type { StoredEvent } from '../domain/event.ts';
import { questionAbout } from '../domain/incident.ts';
import { momentOf, pieces } from '../domain/protocol.ts';
import { isLogged } from '../domain/reaction.ts';
import { releaseKey } from '../domain/release.ts';
import { parseSurfaceKey, type Surface, surfaceKey, urgencyOf } from '../domain/surface.ts';
import { readerOf } from '../store/calendar.ts';
import type { Db } from '../store/db.ts';
import { findExperiment } from '../store/experiment.ts';
import { followedOf } from '../store/follow.ts';
import { loadIncident } from '../store/incident.ts';
import {
  bury,
  type Claim,
  claim,
  findSurface,
  forgetMessage,
  giveBack,
  holdOn,
  isPendingLike,
  markStale,
  pendingSince,
  settle,
  surfacesLike,
} from '../store/ledger.ts';
import { remindersOf } from '../store/notification.ts';
import { findBooking, findFreeze, findSwapProps, findTrain, findWaitingProps, isKept } from '../store/planned.ts';
import { coveredBy } from '../store/policy.ts';
import {
  eventsBeside,
  findOverride,
  gateCosts,
  historyOf,
  listReleases,
  loadEvent,
  loadReleaseProps,
  loadWorkspace,
  numbered,
  readReleases,
} from '../store/read.ts';
import { loadRoomProps, protocolsFor } from '../store/room.ts';
import { findProposal } from '../store/trust.ts';
import { failureOf, leaseMs } from './client.ts';
import { sendRecord } from './flight.ts';
import {
  followedLine,
  loadReasons,
  pushTo,
  showDigest,
  showDigestMore,
  showDigestNumbers,
  tellFollowers,
} from './follow.ts';
import { showChart, showHome } from './home.ts';
import {
  alsoStale,
  directMessage,
  findPosted,
  keep,
  message,
  type Place,
  type Projector,
  push,
  type Shown,
  type Waiting,
  waitFor,
} from './message.ts';
import { offersForRelease } from './offer.ts';
import { archive, bookmarks, callStep, headed, lookAtKept, room } from './war-room.ts';

/** Edits of one message are merged: at most one in this time. */
const mergeMs = 1_500;

/**
 * Makes Slack show what is stored for one surface. May run any number of times, anywhere: whoever holds the claim writes,
 * and repeats until nothing newer is waiting. Returns in how many ms it should be tried again, if at all.
 */
export async function refresh(projector: Projector, workspace: string, key: string): Promise<number | undefined> {
  const { ctx, instance } = projector;
  for (;;) {
    const claimed = await claim(ctx.db, workspace, key, `${instance}:${ctx.newId()}`, leaseMs);
    if (!claimed) {
      const pending = await pendingSince(ctx.db, workspace, key);
      return pending && pending.retryInMs > 0 ? pending.retryInMs : undefined;
    }
    const sinceWrite = claimed.row.written_at
      ? Date.now() - claimed.row.written_at.getTime()
      : Number.POSITIVE_INFINITY;
    if (claimed.row.ts && sinceWrite >= 0 && sinceWrite < mergeMs) {
      await giveBack(ctx.db, claimed, { problem: null, retryInMs: mergeMs - sinceWrite });
      return mergeMs - sinceWrite;
    }
    const [kind = ''] = key.split(':');
    const isThere = claimed.row.ts !== null;
    const about = {
      urgency: urgencyOf(key, isThere),
      inLine: claimed.row.problem === inLine,
      stillAtIt: () => holdOn(ctx.db, claimed, leaseMs),
    };
    try {
      const shown = await projector.pace.writing(about, () =>
        showOrAdopt(projector, workspace, parseSurfaceKey(key), claimed),
      );
      if ('again' in shown) {
        const { again, problem = 'no answer yet' } = shown;
        await giveBack(ctx.db, claimed, { problem, retryInMs: again, isTry: false });
        return again;
      }
      await settle(ctx.db, claimed, shown);
      await alsoStale(projector, workspace, shown.shownOn ?? []);
      projector.seen(kind, shown.wrote ? (isThere ? 'updated' : 'created') : 'unchanged');
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'later' && failure.ours) {
        projector.seen(kind, 'in line');
        await giveBack(ctx.db, claimed, { problem: inLine, retryInMs: failure.afterMs, isTry: false });
        return failure.afterMs;
      }
      const again = await handleFailure(projector, claimed, key, error);
      projector.seen(kind, again === undefined ? 'given up' : 'failed');
      return again;
    }
  }
}

/** What the ledger says of a surface whose turn will come: no failure. */
const inLine = 'in line';

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

/** Tries, a minute apart. */
const poisonedAfter = 60;

function isOfSlack(error: unknown): boolean {
  return String((error as { code?: unknown }).code ?? '').startsWith('slack_');
}

async function handleFailure(
  { ctx }: Projector,
  claimed: Claim,
  key: string,
  error: unknown,
): Promise<number | undefined> {
  const failure = failureOf(error);
  const room = lostRoom(claimed, failure);
  if (room !== undefined) {
    await markStale(ctx.db, claimed.row.workspace, [surfaceKey({ kind: 'room', release: room })], ctx.now());
    await giveBack(ctx.db, claimed, { problem: 'its room is gone', retryInMs: 1_000 });
    ctx.log.warn({ surface: key }, 'the room is looked at first');
    return 1_000;
  }
  if (await forgetLostCard(ctx, claimed, failure)) {
    await giveBack(ctx.db, claimed, { problem: 'its card is gone', retryInMs: 1_000 });
    return 1_000;
  }
  if (failure.kind === 'refused' && hopeless.includes(failure.error)) {
    await bury(ctx.db, claimed, failure.error);
    ctx.log.error({ surface: key, code: failure.error, err: error }, 'a surface cannot be written');
    return undefined;
  }
  // It fails in code of ours, for about an hour: a newer version that knew it would have come by.
  if (failure.kind === 'unclear' && !isOfSlack(error) && claimed.row.attempts >= poisonedAfter) {
    await bury(ctx.db, claimed, failure.error);
    ctx.log.error({ surface: key, err: error }, 'a surface is given up');
    return undefined;
  }
  // Backs off to a minute; what is stored is kept until Slack takes it.
  const retryInMs =
    failure.kind === 'later' ? failure.afterMs : Math.min(60_000, 500 * 2 ** Math.min(claimed.row.attempts, 7));
  await giveBack(ctx.db, claimed, {
    problem: failure.kind === 'later' ? 'rate limited' : failure.error,
    retryInMs,
  });
  ctx.log.warn({ surface: key, kind: failure.kind, err: error }, 'a surface will be tried again');
  return retryInMs;
}

/** Somebody deleted the card under what stands in its thread or points at it: the card is put back first. */
async function forgetLostCard(ctx: Ctx, { row }: Claim, failure: ReturnType<typeof failureOf>): Promise<boolean> {
  const gone = ['thread_not_found', 'message_not_found', 'cannot_reply_to_message'];
  if (failure.kind !== 'refused' || !gone.includes(failure.error) || row.attempts > 5) return false;
  const surface = parseSurfaceKey(row.key);
  if (!['votes', 'thread', 'bookmarks'].includes(surface.kind)) return false;
  const release =
    'release' in surface ? surface.release : releaseOf(await loadEvent(ctx.db, row.key.split(':')[1] ?? ''));
  const key = surfaceKey({ kind: 'card', release });
  const card = await findSurface(ctx.db, row.workspace, key);
  if (!card?.ts) return card !== undefined;
  await forgetMessage(ctx.db, row.workspace, key, card.ts, ctx.now());
  ctx.wake(row.workspace, [key]);
  return true;
}

/** The release whose room was archived or deleted by hand under something that stands in it; tried a few times. */
function lostRoom({ row }: Claim, failure: ReturnType<typeof failureOf>): number | undefined {
  const gone = ['is_archived', 'is_inactive', 'channel_not_found', 'not_in_channel'];
  if (failure.kind !== 'refused' || !gone.includes(failure.error) || row.attempts > 5) return undefined;
  const surface = parseSurfaceKey(row.key);
  const inRoom = ['topic', 'purpose', 'bookmarks', 'header', 'checklist'];
  return inRoom.includes(surface.kind) && 'release' in surface ? surface.release : undefined;
}

/**
 * What need not be said any more may have been said by a first try whose answer was lost: it is looked for, and then
 * brought up to date like any other.
 */
async function showOrAdopt(
  projector: Projector,
  workspace: string,
  surface: Surface,
  claimed: Claim,
): ReturnType<typeof show> {
  const shown = await show(projector, workspace, surface, claimed);
  const { ts, unclear_since: unclear, channel, key } = claimed.row;
  if ('again' in shown || shown.ts !== null || ts !== null || !unclear || channel === null) return shown;
  const found = await findPosted(projector, channel, key);
  if (found === undefined) return shown;
  return show(projector, workspace, surface, { ...claimed, row: { ...claimed.row, ts: found } });
}

async function show(
  projector: Projector,
  workspace: string,
  surface: Surface,
  claimed: Claim,
): Promise<Shown | Waiting> {
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
        const elsewhere = await followedOf(db, workspace, props.number);
        await alsoStale(projector, workspace, [...(board ? [board] : []), ...touchedKeys, ...elsewhere]);
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
      // Whoever voted before is told what is different now.
      const changed =
        props.revision > 1
          ? changesSince(await historyOf(db, workspace, props.number), surface.person, props.zone)
          : [];
      return push(projector, claimed, surface.person, ask(props, surface.person, principals, changed), {
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
      if (event.body.type === 'room.opened' && !claimed.row.ts) {
        // The way into the room is the point of this message.
        const found = await roomOf(projector, workspace, await release(event.body.release));
        if (isComing(found)) return waitFor(found);
      }
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
    case 'room':
      return room(projector, claimed, await release(surface.release));
    case 'topic':
    case 'purpose':
    case 'bookmarks': {
      const props = await release(surface.release);
      const found = await roomOf(projector, workspace, props);
      if (found === 'gone') return keep(claimed);
      if (isComing(found)) return waitFor(found);
      if (found.thread !== undefined) return keep(claimed);
      const { channel } = found;
      const { conversations } = projector.client;
      if (surface.kind === 'topic')
        return headed(claimed, channel, roomTopic(props), (topic) => conversations.setTopic({ channel, topic }));
      if (surface.kind === 'purpose')
        return headed(claimed, channel, roomPurpose(props), (purpose) =>
          conversations.setPurpose({ channel, purpose }),
        );
      const parent = await place(projector, workspace, { kind: 'card', release: surface.release });
      if (!isThere(parent)) return missing(parent, claimed);
      return bookmarks(projector, claimed, channel, surface.release, parent);
    }
    case 'header':
    case 'checklist': {
      const props = await loadRoomProps(db, workspace, surface.release);
      const found = await roomOf(projector, workspace, props.release);
      if (found === 'gone') return keep(claimed);
      if (isComing(found)) return waitFor(found);
      const inThread = found.thread === undefined ? {} : { thread: found.thread };
      if (surface.kind === 'header')
        return message(projector, claimed, found.channel, roomHeader(props), {
          ...inThread,
          pin: found.thread === undefined,
        });
      // Below its header, and only once there is something to do.
      const above = await place(projector, workspace, { kind: 'header', release: surface.release });
      if (!isThere(above)) return missing(above, claimed);
      if (!claimed.row.ts && props.steps.length === 0) return keep(claimed);
      return message(projector, claimed, found.channel, checklist(props), inThread);
    }
    case 'log': {
      const event = await loadEvent(db, surface.event);
      // One decision is one message: its first event tells of all.
      const beside = (await eventsBeside(db, event, releaseOf(event))).filter(isLogged);
      if (beside[0]?.id !== event.id) return keep(claimed);
      const props = await loadRoomProps(db, workspace, releaseOf(event));
      const found = await roomOf(projector, workspace, props.release);
      if (found === 'gone') return keep(claimed);
      if (isComing(found)) return waitFor(found);
      // Where the thread of the card is the room, it is said there once.
      const said = surfaceKey({ kind: 'thread', event: surface.event });
      if (found.thread !== undefined && (await findSurface(db, workspace, said))) return keep(claimed);
      const header = await place(projector, workspace, { kind: 'header', release: props.release.number });
      if (!isThere(header)) return missing(header, claimed);
      const inThread = found.thread === undefined ? {} : { thread: found.thread };
      return message(projector, claimed, found.channel, logLines(beside, props.release), inThread);
    }
    case 'kept':
      await lookAtKept(projector, workspace, surface.release);
      return { channel: null, ts: null, hash: null, wrote: true };
    case 'record': {
      const props = await release(surface.release);
      if (!props.roomChannel) return keep(claimed);
      // What was edited or deleted belongs into the record.
      const kept = await pendingSince(db, workspace, surfaceKey({ kind: 'kept', release: surface.release }));
      if (kept) return waitFor({ inMs: kept.retryInMs });
      return sendRecord(projector, claimed, props.roomChannel, surface.release, surface.event);
    }
    case 'archive': {
      const props = await release(surface.release);
      if (!props.roomChannel || !props.archivedAt) return keep(claimed);
      // One that nobody has begun to send yet is in the outbox alone.
      if (await isPendingLike(db, workspace, `record:${releaseKey(surface.release)}:`)) return waitFor({ inMs: 0 });
      return archive(projector, claimed, props.roomChannel, surface.release);
    }
    case 'offer': {
      const props = await loadRoomProps(db, workspace, surface.release);
      const offer = props.offers.find((one) => one.id === surface.offer);
      if (!offer || (!claimed.row.ts && offer.state !== 'offered')) return keep(claimed);
      return push(projector, claimed, offer.to, offerAsk(offer, props.release), {
        audience: 'person',
        release: surface.release,
        why: 'a role is offered',
        must: true,
      });
    }
    case 'hook':
    case 'poll':
      return callStep(projector, claimed, surface, await release(surface.release));
    case 'updates': {
      const event = await loadEvent(db, surface.event);
      const moment = momentOf(event.body);
      if (!moment) return keep(claimed);
      const channels = await protocolsFor(db, workspace, releaseOf(event), moment);
      const keys = channels.map(({ channel }) => surfaceKey({ kind: 'update', event: event.id, channel }));
      await alsoStale(projector, workspace, keys);
      return { channel: null, ts: null, hash: null, wrote: true };
    }
    case 'update': {
      const event = await loadEvent(db, surface.event);
      const moment = momentOf(event.body);
      if (!moment) return keep(claimed);
      const props = await loadRoomProps(db, workspace, releaseOf(event));
      const protocols = await protocolsFor(db, workspace, props.release.number, moment);
      const told = protocols.find(({ channel }) => channel === surface.channel);
      if (!told || claimed.row.ts) return keep(claimed);
      return message(projector, claimed, surface.channel, update(event, props, pieces(told.text)));
    }
    case 'tell': {
      const event = await loadEvent(db, surface.event);
      const { zone } = await loadWorkspace(db, workspace);
      if (event.body.type === 'role.taken') {
        const props = await loadRoomProps(db, workspace, event.body.release);
        const view = briefing({ ...event, body: event.body }, surface.person, props);
        const why = surface.person === event.body.person ? 'took a role' : 'held a role';
        return push(projector, claimed, surface.person, view, {
          audience: 'person',
          release: event.body.release,
          why,
          must: true,
        });
      }
      const isDue = 'managers' in event.body && event.body.managers.includes(surface.person);
      return push(projector, claimed, surface.person, told(event, surface.person, zone), {
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
    case 'experiment': {
      const props = await findExperiment(db, workspace, surface.experiment, ctx.now());
      // Nobody is asked what is answered already.
      if (!props || (!claimed.row.ts && (props.state !== 'running' || props.round !== surface.round)))
        return keep(claimed);
      return push(projector, claimed, props.person, experimentAsk(props, surface), {
        audience: 'person',
        release: null,
        why: 'an experiment is due',
        must: false,
      });
    }
    case 'incident': {
      const facts = await loadIncident(readerOf(db), { workspace, now: ctx.now() }, surface.incident);
      const question = questionAbout(surface.incident, facts, ctx.now());
      const { reported } = facts;
      // Answered before it was asked: there is nothing to say.
      if (!reported || (!claimed.row.ts && !question.ok)) return keep(claimed);
      if (!question.ok) {
        const settled = incidentSettled(
          reported.key,
          facts.links.map((one) => one.release),
        );
        return message(projector, claimed, await directMessage(projector, claimed, reported.person), settled);
      }
      const candidates = await readReleases(db, workspace, numbered([...question.candidates]), { take: 5 });
      return push(projector, claimed, reported.person, incidentReminder(reported, candidates), {
        audience: 'person',
        release: null,
        why: 'an incident that you reported',
        must: false,
      });
    }
    case 'digest':
      return showDigest(projector, claimed, surface);
    case 'digest-more':
      return showDigestMore(
        projector,
        claimed,
        surface,
        await place(projector, workspace, { ...surface, kind: 'digest' }),
      );
    case 'digest-numbers':
    case 'digest-pictures':
      return showDigestNumbers(
        projector,
        claimed,
        surface,
        await place(projector, workspace, { ...surface, kind: 'digest' }),
      );
    case 'followers':
      return tellFollowers(projector, claimed, surface.event);
    case 'followed': {
      const props = await release(surface.release);
      return pushTo(projector, claimed, surface.target, followed(props), await loadReasons(db, workspace, surface));
    }
    case 'followed-line':
      return followedLine(projector, claimed, surface, (root) => place(projector, workspace, root));
    case 'followed-freeze': {
      const event = await loadEvent(db, surface.event);
      const { zone } = await loadWorkspace(db, workspace);
      const reasons = await loadReasons(db, workspace, surface);
      return pushTo(projector, claimed, surface.target, followedFreeze(event, zone), reasons);
    }
    case 'hello':
      return message(projector, claimed, surface.channel, hello(surface.channel));
    case 'chart':
      return showChart(projector, claimed, surface.person);
    case 'home':
      return showHome(projector, claimed, surface.person);
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
  'release.failed',
  'review.asked',
  'start.held',
  'release.missed',
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

/** Where another surface is; written first when it is not there yet. "gone": it never will be. */
async function place(projector: Projector, workspace: string, surface: Surface): Promise<Place> {
  const key = surfaceKey(surface);
  for (let tries = 0; tries < 2; tries++) {
    const row = await findSurface(projector.ctx.db, workspace, key);
    if (row?.channel && (row.ts || surface.kind === 'room')) return { channel: row.channel, ts: row.ts };
    if (tries === 0) await refresh(projector, workspace, key);
  }
  const pending = await pendingSince(projector.ctx.db, workspace, key);
  if (pending) return { inMs: pending.retryInMs };
  // Nothing is left to be written there: it has just been, or it was buried with its channel.
  const row = await findSurface(projector.ctx.db, workspace, key);
  return row?.problem ? 'gone' : { inMs: 0 };
}

/** The room's channel or, where Slack allows none, the thread of the card. "gone": archived, or there never was one. */
async function roomOf(
  projector: Projector,
  workspace: string,
  known: ReleaseProps,
): Promise<{ readonly channel: string; readonly thread: string | undefined } | 'gone' | { readonly inMs: number }> {
  // Making the room is recorded, and so is that it must not be made: what is recorded counts, not the ledger.
  const { number } = known;
  let coming = { inMs: 0 };
  for (let tries = 0; tries < 2; tries++) {
    const release = tries === 0 ? known : await loadReleaseProps(projector.ctx.db, workspace, number);
    if (release.room === 'none' || release.archivedAt) return 'gone';
    if (release.barred.includes('create')) {
      const card = await place(projector, workspace, { kind: 'card', release: number });
      if (isThere(card)) return { channel: card.channel, thread: card.ts };
      return card === 'gone' || isComing(card) ? card : { inMs: 0 };
    }
    // It may have been archived by hand: then it has to be somewhere else first.
    const key = surfaceKey({ kind: 'room', release: number });
    const pending = release.roomChannel ? await pendingSince(projector.ctx.db, workspace, key) : undefined;
    if (pending) {
      if (tries > 0) return { inMs: pending.retryInMs };
      await refresh(projector, workspace, key);
      continue;
    }
    if (release.roomChannel) return { channel: release.roomChannel, thread: undefined };
    if (tries > 0) break;
    const made = await place(projector, workspace, { kind: 'room', release: number });
    if (made === 'gone') return made;
    if (isComing(made)) coming = made;
  }
  return coming;
}

function isComing(found: object | 'gone'): found is { readonly inMs: number } {
  return found !== 'gone' && 'inMs' in found;
}

function isThere(found: Place): found is { channel: string; ts: string } {
  return found !== 'gone' && 'ts' in found && found.ts !== null;
}

/** A parent that will come is waited for; one that is gone takes what hangs on it along. */
function missing(found: Place, claimed: Claim): Shown | Waiting {
  return found === 'gone' ? keep(claimed) : waitFor(found);
}

function releaseOf(event: StoredEvent): number {
  if (!('release' in event.body)) throw new Error(`${event.body.type} is about no release`);
  return event.body.release;
}

/** The few outcomes that the whole channel sees (notification budget: at most four a release). */
function isLoud(event: StoredEvent): boolean {
  const loud = ['release.approved', 'release.started', 'release.done', 'release.rolled_back', 'release.failed'];
  return loud.includes(event.body.type);
}
