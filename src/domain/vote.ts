import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { VoteChoice } from './event.ts';
import { eligible, membersOf, tally, type Vote } from './gate.ts';
import type { DirectoryNeeds } from './person.ts';
import type { ReleaseFacts } from './release.ts';

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
  if (release.state !== 'requested')
    return refuse({ code: 'voting_closed', release: release.number, state: release.state });
  const before = tally(
    facts.gates.map((gate) => gate.rule),
    facts.votes,
  );
  const waiting = before.filter((gate) => !gate.met).map((gate) => gate.gate.name);
  if (voter === release.requester || voter === release.lead)
    return refuse({
      code: 'own_release',
      release: release.number,
      role: voter === release.requester ? 'requester' : 'lead',
      waiting,
    });

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
