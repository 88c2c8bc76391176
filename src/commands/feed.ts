import { createHash, randomBytes } from 'node:crypto';
import { CloseFeeds, closeFeeds, type FeedFacts, FeedInput, openFeed } from '../domain/feed.ts';
import { loadFeeds } from '../store/calendar.ts';
import type { Tx } from '../store/tx.ts';
import { type Call, type Command, call, type LoadBy, type Loaded, type Verb } from './command.ts';

export const openFeedCommand: Command<FeedInput, FeedFacts> = {
  name: 'feed',
  audience: 'members',
  input: FeedInput,
  load: loadMine,
  decide: openFeed,
};

export const closeFeedsCommand: Command<CloseFeeds, FeedFacts> = {
  name: 'feed off',
  audience: 'members',
  input: CloseFeeds,
  load: async (tx, by, { owner }) => ({ ok: true, facts: await loadFeeds(tx, by.workspace, owner ?? by.actor ?? '') }),
  decide: closeFeeds,
};

export const feedVerb: Verb = {
  name: 'feed',
  synonyms: ['ics'],
  job: 'Follow',
  usage: 'feed [team:payments | svc:payments] | off',
  summary: 'the release calendar in your own calendar, by a secret address',
  examples: ['feed', 'feed team:payments', 'feed svc:payments', 'feed off'],
  target: false,
  parse: (line) => {
    if (line.words.join(' ') === 'off') return { do: 'run', call: call(closeFeedsCommand, { owner: null }) };
    if (line.words.length > 0) return { do: 'usage', problem: { code: 'unexpected', text: line.words.join(' ') } };
    const { team, svc, service } = line.options;
    const of = svc ?? service;
    if (team !== undefined) return { do: 'run', call: feedCall('team', team) };
    return { do: 'run', call: of === undefined ? feedCall('workspace', '') : feedCall('service', of) };
  },
};

/** Opens a feed under a fresh secret. */
export function feedCall(kind: FeedInput['kind'], name: string): Call {
  const token = randomBytes(24).toString('base64url');
  return call(openFeedCommand, { kind, name, token, tokenHash: hashOfToken(token) });
}

/** What is stored of a feed's secret. */
export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

async function loadMine(tx: Tx, by: LoadBy): Promise<Loaded<FeedFacts>> {
  return { ok: true, facts: await loadFeeds(tx, by.workspace, by.actor ?? '') };
}
