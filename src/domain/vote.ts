import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import { VoteChoice } from './event.ts';
import { eligible, membersOf, openGates, tally, type Vote } from './gate.ts';
import type { DirectoryNeeds } from './person.ts';
import type { Release, ReleaseFacts } from './release.ts';

export const VoteInput = z.strictObject({
  release: z.number().int(),
  revision: z.number().int(),
  choice: VoteChoice,
  comment: z.string().max(500),
});
export type VoteInput = z.infer<typeof VoteInput>;

export function voteNeeds({ gates }: ReleaseFacts): DirectoryNeeds {
  const sources = gates.flatMap((gate) => gate.sources);
  return {
    people: [],
    usergroups: sources.flatMap((source) => (source.kind === 'usergroup' ? [source.id] : [])),
    channels: sources.flatMap((source) => (source.kind === 'channel' ? [source.id] : [])),
  };
}

/**
 * Casts a vote in every gate in which the person may vote, as Slack and the catalogue say at this moment. The verdict
 * falls with the vote that meets the last gate, or with the first "do not ship".
 */
export function castVote(input: VoteInput, facts: ReleaseFacts, ask: Ask): Decision {
  const voter = actorId(ask);
  const { release } = facts;
  const closed = mayDecide(release, voter, openGates(facts));
  if (closed) return refuse(closed);

  const mine = ownGates(facts, voter, ask);
  if (mine.length === 0)
    return refuse({
      code: 'not_eligible',
      release: release.number,
      gates: facts.gates.map((gate) => ({ name: gate.rule.name, people: [...gate.asked] })),
    });
  if (input.revision !== release.revision) return refuse({ code: 'changed_since', release: release.number });
  const comment = input.comment.trim();
  if (input.choice !== 'approve' && comment === '') return refuse({ code: 'reason_needed', verb: 'review' });

  const fresh = mine.filter(
    ({ gate }) => !facts.votes.some((vote) => isSame(vote, gate, voter, input.choice, comment)),
  );
  if (fresh.length === 0) {
    const earlier = facts.votes.find((vote) => vote.voter === voter) as Vote;
    return refuse({
      code: 'already_voted',
      release: release.number,
      gate: earlier.gate,
      choice: earlier.choice,
      at: earlier.at.toISOString(),
    });
  }
  const cast = fresh.map(({ gate, because }) => ({
    type: 'vote.cast' as const,
    release: release.number,
    gate,
    voter,
    choice: input.choice,
    comment,
    revision: release.revision,
    because,
  }));
  if (input.choice === 'reject')
    return accept(...cast, { type: 'release.rejected', release: release.number, by: voter, reason: comment });

  const changed = new Set(fresh.map(({ gate }) => gate));
  const kept = facts.votes.filter((vote) => !(vote.voter === voter && changed.has(vote.gate)));
  const after = tally(
    facts.gates.map((gate) => gate.rule),
    [...kept, ...cast.map((vote): Vote => ({ gate: vote.gate, voter, choice: vote.choice, comment, at: ask.now }))],
  );
  return after.every((gate) => gate.met)
    ? accept(...cast, { type: 'release.approved', release: release.number, revision: release.revision })
    : accept(...cast);
}

/** Why this person cannot decide on this release, whatever gates there are: it is decided, or it is their own. */
export function mayDecide(
  release: Pick<Release, 'number' | 'state' | 'requester' | 'lead'>,
  voter: string,
  waiting: string[],
): Refusal | undefined {
  const { number, state, requester, lead } = release;
  if (state !== 'requested') return { code: 'voting_closed', release: number, state };
  if (voter === requester || voter === lead)
    return { code: 'own_release', release: number, role: voter === requester ? 'requester' : 'lead', waiting };
  return undefined;
}

/** The gates in which this person may vote now, each with the reason. */
export function ownGates(
  facts: ReleaseFacts,
  voter: string,
  ask: Pick<Ask, 'directory'>,
): { gate: string; because: string }[] {
  return facts.gates.flatMap(({ rule, sources }) => {
    const source = sources.find((other) =>
      eligible(membersOf(other, ask.directory), facts.release, ask.directory.people).includes(voter),
    );
    return source ? [{ gate: rule.name, because: membersOf(source, ask.directory).because }] : [];
  });
}

function isSame(vote: Vote, gate: string, voter: string, choice: string, comment: string): boolean {
  return vote.gate === gate && vote.voter === voter && vote.choice === choice && vote.comment === comment;
}
