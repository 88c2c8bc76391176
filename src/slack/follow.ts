import { digest, digestMore } from '../../blocks/digest.ts';
import type { View } from '../../blocks/kit.ts';
import { line } from '../../blocks/notice.ts';
import { numbersSection, numbersText, pictures } from '../../blocks/report.ts';
import { becauseOf, becauseOfDigest, why } from '../../blocks/subscription.ts';
import type { Ctx } from '../ctx.ts';
import type { DigestPlan } from '../domain/digest.ts';
import type { StoredEvent } from '../domain/event.ts';
import { type DigestKind, isPersonTarget } from '../domain/follow.ts';
import { broadcastsPerRelease } from '../domain/subscription.ts';
import { parseSurfaceKey, type Surface, surfaceKey } from '../domain/surface.ts';
import { wallTime } from '../domain/time.ts';
import type { Db } from '../store/db.ts';
import { listExperiments } from '../store/experiment.ts';
import {
  broadcastsOf,
  findDigest,
  findDigestRow,
  followersOf,
  keysFollowing,
  listSubscriptions,
  loadDigestProps,
  pushState,
  sentWith,
  silenceOf,
  surfaceAt,
} from '../store/follow.ts';
import { type Claim, findSurface, pendingSince } from '../store/ledger.ts';
import { type Permit, permit } from '../store/notification.ts';
import { loadEvent, loadWorkspace } from '../store/read.ts';
import {
  alsoStale,
  directMessage,
  keep,
  message,
  type Place,
  type Projector,
  permitPush,
  type Shown,
  type Waiting,
  waitFor,
} from './message.ts';
import { digestLines, digestNumbers, showPictures } from './report.ts';

/*
 * What people follow, as messages: digests, and releases whose card lives elsewhere.
 */
type OfSurface<K extends Surface['kind']> = Extract<Surface, { kind: K }>;

/** What a digest says now: put together in one place for the message, its thread and the preview, so that they agree. */
export async function composeDigest(
  ctx: Ctx,
  workspace: string,
  asked: {
    readonly channel: string;
    readonly kind: DigestKind;
    readonly date?: string;
    readonly plan: DigestPlan | undefined;
  },
): ReturnType<typeof loadDigestProps> {
  const now = ctx.now();
  const date = asked.date ?? wallTime(now, asked.plan?.zone ?? (await loadWorkspace(ctx.db, workspace)).zone).date;
  const counted = await digestLines(ctx, workspace, { ...asked, date });
  return loadDigestProps(ctx.db, workspace, { ...asked, date, now, ...(counted ? { numbers: counted } : {}) });
}

/** The digest of a day: posted once, edited while that day lasts. */
export async function showDigest(
  projector: Projector,
  claimed: Claim,
  surface: OfSurface<'digest' | 'digest-more'>,
): Promise<Shown> {
  const { ctx } = projector;
  const { workspace } = claimed.row;
  const { channel, date, of: kind } = surface;
  const plan = await findDigest(ctx.db, workspace, channel, kind);
  const now = ctx.now();
  const isOver = kind !== 'daily' || (plan !== undefined && wallTime(now, plan.zone).date !== date);
  // Switched off before it was written.
  if (!plan) return keep(claimed);
  // What was posted stays as it was when its day ended, or its schedule did.
  if (claimed.row.ts && isOver) return keep(claimed);
  // Whoever snoozed over the day of their own digest is not told of yesterday.
  if (isPersonTarget(channel) && isOver && kind === 'daily') return keep(claimed);
  // A thousand that are due in one minute are not put together before it is their turn.
  if (!claimed.row.ts && !claimed.row.unclear_since && !isPersonTarget(channel))
    await projector.pace.ahead('chat.postMessage', { channel });
  const { props } = await composeDigest(ctx, workspace, { channel, kind, date, plan });
  const about = { audience: 'person', release: null, why: `digest ${kind}`, must: false } as const;
  if (!claimed.row.ts && !(await mayPost(projector, claimed, channel, about))) return keep(claimed);
  const shown = await message(projector, claimed, await addressOf(projector, claimed, channel), digest(props));
  const more = surfaceKey({ kind: 'digest-more', channel, date, of: kind });
  if (digestMore(props) || (await findSurface(ctx.db, workspace, more))) await alsoStale(projector, workspace, [more]);
  if (kind !== 'daily' && props.numbers)
    await alsoStale(
      projector,
      workspace,
      (['digest-numbers', 'digest-pictures'] as const).map((one) => surfaceKey({ kind: one, channel, date, of: kind })),
    );
  return shown;
}

/** What did not fit into the digest, in its thread. */
export async function showDigestMore(
  projector: Projector,
  claimed: Claim,
  surface: OfSurface<'digest' | 'digest-more'>,
  parent: Place,
): Promise<Shown | Waiting> {
  const { ctx } = projector;
  const { workspace } = claimed.row;
  const { channel, date, of: kind } = surface;
  if (parent === 'gone') return keep(claimed);
  if (!('ts' in parent) || parent.ts === null) return waitFor(parent);
  const plan = await findDigest(ctx.db, workspace, channel, kind);
  const { props } = await composeDigest(ctx, workspace, { channel, kind, date, plan });
  // Once there, it says when there is no rest any more.
  const view = digestMore(props) ?? { text: 'Everything is in the message above now.', blocks: [] };
  return message(projector, claimed, parent.channel, view, { thread: parent.ts });
}

/** The numbers of a summary with what they mean, and as pictures, in its thread: written once. */
export async function showDigestNumbers(
  projector: Projector,
  claimed: Claim,
  { kind: what, channel, date, of: kind }: OfSurface<'digest-numbers' | 'digest-pictures'>,
  parent: Place,
): Promise<Shown | Waiting> {
  const { ctx } = projector;
  const { workspace } = claimed.row;
  if (parent === 'gone' || claimed.row.hash !== null) return keep(claimed);
  if (!('ts' in parent) || parent.ts === null) return waitFor(parent);
  const plan = await findDigest(ctx.db, workspace, channel, kind);
  const numbers = plan && (await digestNumbers(ctx, workspace, { channel, kind, date, plan }));
  if (!numbers) return keep(claimed);
  if (what === 'digest-pictures') {
    const drawn = pictures(numbers, 'delivery').slice(0, picturesInDigest);
    const suffix = `${kind}-${date}-${channel}`.toLowerCase();
    return showPictures(projector, claimed, { channel: parent.channel, thread: parent.ts }, drawn, suffix);
  }
  const now = ctx.now();
  const experiments = await listExperiments(ctx.db, workspace, { now });
  const blocks = numbersSection(numbers, { experiments, now, command: '/release' });
  const view = { text: numbersText(numbers), blocks };
  return message(projector, claimed, parent.channel, view, { thread: parent.ts });
}

const picturesInDigest = 3;

/** Marks what each follower of an event is shown: one message per release and place, and a reply for what comes later. */
export async function tellFollowers(projector: Projector, claimed: Claim, id: string): Promise<Shown> {
  const { db } = projector.ctx;
  const { workspace } = claimed.row;
  const event = await loadEvent(db, id);
  const keys = (await followersOf(db, workspace, event)).flatMap(({ target }) => keysFor(event, target));
  await alsoStale(projector, workspace, keys);
  return { channel: null, ts: null, hash: null, wrote: true };
}

function keysFor({ id, body }: StoredEvent, target: string): string[] {
  if (!('release' in body)) return [surfaceKey({ kind: 'followed-freeze', event: id, target })];
  return [
    surfaceKey({ kind: 'followed', release: body.release, target }),
    surfaceKey({ kind: 'followed-line', event: id, target }),
  ];
}

/** What a reply says besides the message above it, which shows the state; the four big ones are for the whole channel. */
const loud = ['release.approved', 'release.started', 'release.done', 'release.rolled_back', 'release.failed'];

export async function followedLine(
  projector: Projector,
  claimed: Claim,
  { event: id, target }: OfSurface<'followed-line' | 'followed-freeze'>,
  find: (root: Surface) => Promise<Place>,
): Promise<Shown | Waiting> {
  const { ctx } = projector;
  const { workspace } = claimed.row;
  const event = await loadEvent(ctx.db, id);
  if (!('release' in event.body) || claimed.row.ts) return keep(claimed);
  const { release } = event.body;
  const root = { kind: 'followed', release, target } as const;
  const parent = await find(root);
  const told = await pushState(ctx.db, workspace, surfaceKey(root));
  if (parent === 'gone') return keep(claimed);
  if (!('ts' in parent) || parent.ts === null) {
    const isComing = (await pendingSince(ctx.db, workspace, surfaceKey(root))) !== undefined || told?.state === 'sent';
    // Muted or quiet: nothing to reply to. What is said later says it all.
    return isComing ? waitFor(parent) : keep(claimed);
  }
  // The message itself was written after this happened: it said so.
  if (told && event.at <= told.at) return keep(claimed);
  const isBig = loud.includes(event.body.type) && !isPersonTarget(target);
  const broadcast = isBig && (await broadcastsOf(ctx.db, workspace, release, target)) < broadcastsPerRelease;
  const reasons = await loadReasons(ctx.db, workspace, { kind: 'followed-line', event: id, target });
  const why = `${broadcast ? 'broadcast' : 'thread'} · ${reasons.why}`;
  const { zone } = await loadWorkspace(ctx.db, workspace);
  return pushTo(projector, claimed, target, line(event, zone), { release, why }, { thread: parent.ts, broadcast });
}

/** Which subscriptions a message is sent by, for the ledger: "release.approved · svc:payments". */
export async function loadReasons(
  db: Db,
  workspace: string,
  surface: OfSurface<'followed'> | OfSurface<'followed-line' | 'followed-freeze'>,
): Promise<{ readonly release: number | null; readonly why: string }> {
  if (surface.kind === 'followed') {
    const keys = await keysFollowing(db, workspace, surface.release, surface.target);
    return { release: surface.release, why: `subscription · ${keys.join(' | ')}` };
  }
  const event = await loadEvent(db, surface.event);
  const found = (await followersOf(db, workspace, event)).find(({ target }) => target === surface.target);
  const release = 'release' in event.body ? event.body.release : null;
  return { release, why: `${event.body.type} · ${found?.keys.join(' | ') ?? 'unsubscribed since'}` };
}

/** A message that a subscription asks for: sent, kept for the end of quiet hours, or left out while muted. */
export async function pushTo(
  projector: Projector,
  claimed: Claim,
  target: string,
  view: View,
  about: { readonly release: number | null; readonly why: string },
  options: { readonly thread?: string; readonly broadcast?: boolean } = {},
): Promise<Shown> {
  const push = { ...about, audience: 'follower', must: false } as const;
  if (!claimed.row.ts && !(await mayPost(projector, claimed, target, push))) return keep(claimed);
  return message(projector, claimed, await addressOf(projector, claimed, target), view, options);
}

/** May something new be posted there now? Asked and written down once per message. */
async function mayPost(
  projector: Projector,
  claimed: Claim,
  target: string,
  about: {
    readonly audience: 'follower' | 'person';
    readonly release: number | null;
    readonly why: string;
    readonly must: boolean;
  },
): Promise<boolean> {
  const { ctx } = projector;
  const { workspace, key } = claimed.row;
  const now = ctx.now();
  const { muted, quietUntil } = await silenceOf(ctx.db, workspace, target, now);
  if (isPersonTarget(target))
    return (await permitPush(projector, claimed, target, { ...about, muted, quietUntil })) === 'send';
  const push = {
    ...about,
    audience: about.audience === 'follower' ? about.audience : 'channel',
    person: null,
  } as const;
  const asked = {
    now,
    day: now,
    snoozedUntil: quietUntil,
    muted,
    dm: 'all',
    onDecided: (decided: Permit) => ctx.count('push', { audience: push.audience, decided }),
  } as const;
  return (await permit(ctx.db, workspace, key, { ...push, channel: target }, asked)) === 'send';
}

async function addressOf(projector: Projector, claimed: Claim, target: string): Promise<string> {
  return isPersonTarget(target) ? directMessage(projector, claimed, target) : target;
}

/** "Why did I get this?": who asked for it, and what was sent about the same thing. */
export async function answerWhy(
  ctx: Ctx,
  workspace: string,
  at: { readonly channel: string; readonly ts: string; readonly target: string },
): Promise<View> {
  const { db } = ctx;
  const { zone } = await loadWorkspace(db, workspace);
  const { target } = at;
  const key = await surfaceAt(db, workspace, at.channel, at.ts);
  if (key === undefined) return why({ target, sent: [], because: [], zone });
  const surface = parseSurfaceKey(key);
  const sent = await sentWith(db, workspace, key);
  if (surface.kind === 'digest') {
    const row = await findDigestRow(db, workspace, surface.channel, surface.of);
    return why({ target, sent, because: row ? [becauseOfDigest(row, zone)] : [], zone });
  }
  const reasons = sent.flatMap((one) => one.why.split(' · ').at(-1)?.split(' | ') ?? []);
  const { subscriptions } = await listSubscriptions(db, workspace, target);
  const because = subscriptions.filter((one) => reasons.includes(one.key)).map((one) => becauseOf(one, zone));
  return why({ target, sent, because, zone });
}
