import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';

/** An iCalendar feed: of the workspace, a team or a service. Its address is a secret that its owner can revoke. */
export const FeedInput = z.strictObject({
  kind: z.enum(['workspace', 'team', 'service']),
  name: z.string(),
  tokenHash: z.string().length(64),
  /** The secret part of the address: told once, never recorded. */
  token: z.string(),
});
export type FeedInput = z.infer<typeof FeedInput>;

export type FeedFacts = {
  readonly teams: readonly string[];
  readonly services: readonly string[];
  /** Open feeds of the acting person. */
  readonly mine: readonly { readonly id: string; readonly kind: string; readonly name: string }[];
};

/** Opens a feed. An older one of the same person for the same thing is closed: its address stops working. */
export function openFeed(input: FeedInput, facts: FeedFacts, ask: Ask): Decision {
  const { kind, name, tokenHash } = input;
  const known = kind === 'team' ? facts.teams : facts.services;
  if (kind !== 'workspace' && !known.includes(name))
    return refuse({ code: 'unknown_feed', kind, name, known: [...known] });
  const older = facts.mine.filter((feed) => feed.kind === kind && feed.name === name);
  return accept(...older.map((feed) => ({ type: 'feed.closed' as const, feed: feed.id })), {
    type: 'feed.opened',
    feed: ask.newId(),
    kind,
    name,
    owner: actorId(ask),
    tokenHash,
  });
}

export const CloseFeeds = z.strictObject({
  /** Whose; null: the acting person's. Only the installation closes those of others. */
  owner: z.string().nullable(),
});
export type CloseFeeds = z.infer<typeof CloseFeeds>;

/** Revokes all feeds of a person: one's own, or of somebody who left. */
export function closeFeeds({ owner }: CloseFeeds, facts: FeedFacts, ask: Ask): Decision {
  if (owner !== null && ask.actor.kind === 'person' && ask.actor.id !== owner)
    return refuse({ code: 'not_yours', what: 'feed', owner });
  if (facts.mine.length === 0) return owner === null ? refuse({ code: 'no_feed' }) : accept();
  return accept(...facts.mine.map((feed) => ({ type: 'feed.closed' as const, feed: feed.id })));
}
