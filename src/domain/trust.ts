import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import type { Policy } from './policy.ts';
import { rateOf } from './rate.ts';
import { isEnded, type ReleaseState } from './release.ts';

/*
 * The trust ladder: a team's own record proposes a lighter or a heavier policy for a kind of change, and release managers
 * vote. Nothing changes by itself.
 */
/** So many in a row without a failure make a lighter policy worth a vote. */
export const cleanAtLeast = 20;

export type Rung = {
  readonly team: string;
  readonly policy: string;
  readonly to: string;
  readonly direction: 'lighter' | 'heavier';
};

export type Proposal = Rung & {
  readonly id: string;
  readonly state: 'open' | 'changed' | 'declined';
  readonly needed: number;
  readonly votes: Readonly<Record<string, 'agree' | 'decline'>>;
};

/** Releases of a team under a policy since its rung last changed or a proposal was declined. */
export type TeamRecord = { readonly n: number; readonly failed: number };

export const OfTrust = z.strictObject({ release: z.number().int() });
export type OfTrust = z.infer<typeof OfTrust>;
export type TrustFacts = {
  readonly state: ReleaseState;
  /** It went wrong: it ended so, its review says so, or an incident was linked with it. */
  readonly failed: boolean;
  readonly policy: Policy | undefined;
  readonly policies: readonly string[];
  /** Teams whose services it had, with their record under its policy and what is proposed for them. */
  readonly teams: readonly {
    readonly team: string;
    readonly record: TeamRecord;
    readonly members: readonly string[];
    /** What is being voted on for it under this policy. */
    readonly open: { readonly id: string; readonly to: string; readonly direction: Rung['direction'] } | null;
  }[];
  readonly managers: readonly string[];
};

/** The clock, after a release ended, was reviewed or was linked with an incident: does its teams' record speak for another rung? */
export function weighTrust(_input: OfTrust, facts: TrustFacts, ask: Ask): Decision {
  const { policy, teams, managers, failed: hasFailed } = facts;
  if (!policy || !isEnded(facts.state)) return accept();
  const events: EventBody[] = [];
  for (const { team, record, members, open } of teams) {
    const direction = hasFailed ? 'heavier' : 'lighter';
    const to = policy.ladder[direction];
    const judges = managers.filter((id) => !members.includes(id));
    const isEarned = hasFailed || (record.failed === 0 && record.n >= cleanAtLeast);
    if (to === undefined || !facts.policies.includes(to) || !isEarned || judges.length === 0) continue;
    if (open?.direction === direction) continue;
    // A failure ends what a clean record had proposed.
    if (open)
      events.push({
        type: 'trust.declined',
        proposal: open.id,
        team,
        policy: policy.name,
        to: open.to,
        direction: open.direction,
        managers: judges,
      });
    const { low, high } = rateOf(record.failed, record.n);
    events.push({
      type: 'trust.proposed',
      proposal: ask.newId(),
      team,
      policy: policy.name,
      to,
      direction,
      ...record,
      low,
      high,
      managers: judges,
      needed: Math.min(2, judges.length),
    });
  }
  return accept(...events);
}

export const TrustVoteInput = z.strictObject({ proposal: z.string(), choice: z.enum(['agree', 'decline']) });
export type TrustVoteInput = z.infer<typeof TrustVoteInput>;
export type TrustVoteFacts = {
  readonly proposal: Proposal | undefined;
  readonly managers: readonly string[];
  readonly members: readonly string[];
};

/** Release managers of other teams vote; two who agree change the rung, and too many who decline end it. */
export function voteTrust(input: TrustVoteInput, facts: TrustVoteFacts, ask: Ask): Decision {
  const voter = actorId(ask);
  const { proposal, managers, members } = facts;
  if (proposal?.state !== 'open') return refuse({ code: 'proposal_over', state: proposal?.state ?? 'unknown' });
  if (!managers.includes(voter)) return refuse({ code: 'only_managers', verb: 'trust' });
  if (members.includes(voter)) return refuse({ code: 'own_team', team: proposal.team });
  if (proposal.votes[voter] === input.choice) return refuse({ code: 'said_already', choice: input.choice });
  const votes = { ...proposal.votes, [voter]: input.choice };
  const judges = managers.filter((id) => !members.includes(id));
  const count = (choice: string) => judges.filter((id) => votes[id] === choice).length;
  const { id, team, policy, to, direction } = proposal;
  const cast: EventBody = { type: 'trust.voted', proposal: id, voter, choice: input.choice };
  const rung = { proposal: id, team, policy, to, direction, managers: judges };
  if (count('agree') >= proposal.needed) return accept(cast, { type: 'trust.changed', ...rung, members: [...members] });
  if (judges.length - count('decline') < proposal.needed) return accept(cast, { type: 'trust.declined', ...rung });
  return accept(cast);
}
