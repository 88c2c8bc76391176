import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Urgency, urgencies } from '../domain/surface.ts';
import type { Db } from '../store/db.ts';
import { pause, takeTurn, type Want } from '../store/pace.ts';
import { failureOf, InLine, type Pace, type Writing } from './client.ts';

/*
 * Our own pace, so that Slack never has to say 429: https://docs.slack.dev/apis/web-api/rate-limits. Buckets are kept in
 * Postgres, where every replica already goes for its claim: exact for any number of them, with or without Redis, and no
 * replica has to know how many there are. What surfaces call waits for its turn, the more urgent first; what somebody is
 * waiting for right now (an answer, a form) is counted and never held back.
 */

/** Calls a minute that Slack grants one app in one workspace; `post`: one message a second in a channel, and see below. */
type Tier = 2 | 3 | 4 | 'post' | 'special';

/** Total: every method that this app calls (a test reads the sources), with its tier in Slack's reference. */
export const tiers: Readonly<Record<string, Tier>> = {
  'auth.test': 'special',
  'bookmarks.add': 2,
  'bookmarks.list': 3,
  'chat.getPermalink': 'special',
  'chat.postEphemeral': 4,
  'chat.postMessage': 'post',
  'chat.update': 3,
  'conversations.archive': 2,
  'conversations.create': 2,
  'conversations.history': 3,
  'conversations.info': 3,
  'conversations.invite': 3,
  'conversations.join': 3,
  'conversations.list': 2,
  'conversations.members': 4,
  'conversations.open': 3,
  'conversations.replies': 3,
  'conversations.setPurpose': 2,
  'conversations.setTopic': 2,
  'conversations.unarchive': 2,
  'files.completeUploadExternal': 4,
  'files.delete': 3,
  'files.getUploadURLExternal': 4,
  'files.info': 4,
  'files.list': 3,
  'pins.add': 2,
  'reactions.get': 3,
  'usergroups.list': 2,
  'usergroups.users.list': 2,
  'users.info': 4,
  'views.open': 4,
  'views.publish': 4,
  'views.update': 4,
};

const perMinute = { 2: 20, 3: 50, 4: 100 } as const;
/** "Several hundred a minute" for a whole workspace, as Slack says it: the least that this can mean. */
const posts = { everyMs: 60_000 / 300, depth: 70 } as const;
/** Slack tolerates a short burst in a channel: a card and its votes appear at once. What nobody waits for gets none. */
const channelPosts: Readonly<Record<Urgency, number>> = { first: 3, next: 3, last: 1 };
/** The less urgent leave a part of every bucket to the more urgent. */
const share: Readonly<Record<Urgency, number>> = { first: 1, next: 0.93, last: 0.85 };
/** A bucket holds a fifth of a minute: a burst that Slack tolerates, with room for calls that arrive closer than they left. */
const burstOf = (calls: number) => Math.max(4, calls / 5);

/** Somebody waits for it right now: counted, not asked. */
const atOnce = Number.MAX_SAFE_INTEGER;
/** It takes longer to come back than to wait so long. */
const shortMs = 100;
/** In the midst of something it is better to wait a while than to begin again. */
const midwayMs = 10_000;
/** Well within the lease of a claim. */
const sayEveryMs = 5_000;

type Args = Readonly<Record<string, unknown>>;
type Turn = Writing & {
  calls: number;
  /** When it said the last time that it is still at work. */
  saidAt: number;
  readonly taken: Set<string>;
};

export function openPace({ db, workspace, log }: { db: Db; workspace: string; log: Logger }): Pace {
  const writing = new AsyncLocalStorage<Turn>();
  /** What Slack told this process, for calls that are not held back by the buckets. */
  const told = new Map<string, number>();

  return {
    writing: (about, work) => writing.run({ ...about, calls: 0, saidAt: performance.now(), taken: new Set() }, work),
    ahead: async (method, args) => {
      const turn = writing.getStore();
      const name = nameOf(method, args);
      if (!turn || turn.taken.has(name)) return;
      await wait(turn, wantsOf(method, args, turn.urgency));
      turn.taken.add(name);
    },
    before: async (method, args) => {
      const turn = writing.getStore();
      if (!turn) return countAtOnce(method, args);
      if (!turn.taken.delete(nameOf(method, args))) await wait(turn, wantsOf(method, args, turn.urgency));
      turn.calls++;
    },
    failed: async (method, args, error) => {
      const failure = failureOf(error);
      if (failure.kind !== 'later' || error instanceof InLine) return;
      const name = nameOf(method, args);
      told.set(name, Date.now() + failure.afterMs);
      log.warn({ method, afterMs: failure.afterMs }, 'Slack said to wait');
      try {
        const paused = await pause(db, workspace, name, failure.afterMs, 'posts:');
        // Slack does not say which limit it was. Two channels at a time: the workspace's.
        if (name.startsWith('posts:') && paused > 1) await pause(db, workspace, 'posts', failure.afterMs, 'posts:');
      } catch (problem) {
        log.warn({ err: problem }, 'the other replicas do not know that Slack said to wait');
      }
    },
  };

  /** Returns when it is this call's turn; throws when that is so far off that others should go on meanwhile. */
  async function wait(turn: Turn, wants: readonly Want[]): Promise<void> {
    if (wants.length === 0) return;
    const line = urgencies.indexOf(turn.urgency) + 1;
    for (let waited = 0; ; ) {
      const ms = await takeTurn(db, workspace, wants, { line, inLine: turn.inLine || waited > 0 });
      if (ms <= 0) return;
      if (waited + ms > (turn.calls > 0 ? midwayMs : shortMs)) throw new InLine(ms);
      waited += ms;
      await sleep(ms);
      if (performance.now() - turn.saidAt < sayEveryMs) continue;
      await turn.stillAtIt();
      turn.saidAt = performance.now();
    }
  }

  function countAtOnce(method: string, args: Args): void {
    const until = told.get(nameOf(method, args)) ?? 0;
    // Slack counts calls against us that come before it said.
    if (until > Date.now()) throw new InLine(until - Date.now());
    const wants = wantsOf(method, args, 'first').map((want) => ({ ...want, depth: atOnce }));
    if (wants.length > 0)
      takeTurn(db, workspace, wants, { line: 1, inLine: true }).catch((error: unknown) =>
        log.debug({ err: error }, 'a call was not counted'),
      );
  }
}

/** For a workspace without limits: a test's. */
export const noPace: Pace = {
  writing: (_about, work) => work(),
  ahead: async () => undefined,
  before: async () => undefined,
  failed: async () => undefined,
};

/** The buckets that a call is taken from. */
function wantsOf(method: string, args: Args, urgency: Urgency): Want[] {
  const tier = tiers[method] ?? 2;
  const channel = args.channel ?? args.channel_id;
  const inChannel = { key: `posts:${channel}`, everyMs: 1_000, depth: channelPosts[urgency] };
  if (tier === 'special') return [];
  if (tier === 'post')
    return [inChannel, { key: 'posts', everyMs: posts.everyMs, depth: Math.floor(posts.depth * share[urgency]) }];
  const calls = perMinute[tier];
  const own = { key: method, everyMs: 60_000 / calls, depth: Math.floor(burstOf(calls) * share[urgency]) };
  // A message with files is a message; files that go nowhere are none.
  return method === 'files.completeUploadExternal' && channel !== undefined ? [own, inChannel] : [own];
}

/** What Slack limits when it limits this call. */
function nameOf(method: string, args: Args): string {
  return tiers[method] === 'post' ? `posts:${args.channel}` : method;
}
