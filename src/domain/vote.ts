import { z } from 'zod';
import { isOwn } from './access.ts';
import { VoteChoice } from './approval.ts';
import { checkCode } from './code.ts';
import { contentHash } from './content.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { isNo, isYes, openGates, tally, type Vote, votersOf } from './gate.ts';
import { type DirectoryNeeds, isFullMember } from './person.ts';
import type { GateOf, Release, ReleaseFacts } from './release.ts';

export const VoteInput = z.strictObject({
  release: z.number().int(),
  revision: z.number().int(),
  choice: VoteChoice,
  comment: z.string().max(500),
  /** What would lift a block. */
  unblock: z.string().max(500).default(''),
  /** One-time code, for gates that want one. Never stored. */
  code: z.string().max(20).default(''),
});
export type VoteInput = z.infer<typeof VoteInput>;

export function voteNeeds({ gates, delegations, policy }: ReleaseFacts): DirectoryNeeds {
  const sources = gates.flatMap((gate) => gate.sources);
  return {
    people: [...delegations.flatMap(({ from, to }) => [from, to]), ...policy.managers],
    usergroups: sources.flatMap((source) => (source.kind === 'usergroup' ? [source.id] : [])),
    channels: sources.flatMap((source) => (source.kind === 'channel' ? [source.id] : [])),
  };
}

/**
 * Casts a vote in every gate in which the person may vote, as Slack and the catalogue say at this moment: for themselves
 * and for those who handed their vote to them. The verdict falls with the vote that meets the last gate, or with the
 * first "do not ship".
 */
export function castVote(input: VoteInput, facts: ReleaseFacts, ask: Ask): Decision {
  const voter = actorId(ask);
  const { release } = facts;
  const closed = mayDecide(release, voter, openGates(facts));
  if (closed) return refuse(closed);

  const all = ownGates(facts, voter, ask);
  if (all.length === 0) return refuse(notEligible(facts, voter, ask));
  // Whoever steps aside does so for themselves: those who let them vote decide in person again.
  const isRecusal = input.choice === 'recuse';
  const handedBack = isRecusal ? facts.delegations.filter((one) => one.to === voter && !one.standing) : [];
  const isStanding = (seat: string) => facts.delegations.some((one) => one.from === seat && one.standing);
  const hasVote = (gate: string) => facts.votes.some((vote) => vote.gate === gate && vote.voter === voter);
  const mine = isRecusal
    ? all
        .filter(({ gate, seats }) => seats.includes(voter) || hasVote(gate) || seats.some(isStanding))
        .map((one) => ({ ...one, seats: [voter] }))
    : all;
  if (input.revision !== release.revision) return refuse({ code: 'changed_since', release: release.number });
  const comment = input.comment.trim();
  const unblock = input.choice === 'block' ? input.unblock.trim() : '';
  const needsReason = ['condition', 'block', 'reject'].includes(input.choice);
  if ((needsReason && comment === '') || (input.choice === 'block' && unblock === ''))
    return refuse({ code: 'reason_needed', verb: 'review' });

  const wanted = { choice: input.choice, comment, unblock };
  const fresh = mine.filter(({ gate, seats }) => !facts.votes.some((vote) => isSame(vote, gate, voter, wanted, seats)));
  if (fresh.length === 0 && handedBack.length === 0) {
    const earlier = facts.votes.find((vote) => vote.voter === voter);
    if (!earlier) return refuse(notEligible(facts, voter, ask));
    return refuse({
      code: 'already_voted',
      release: release.number,
      gate: earlier.gate,
      choice: earlier.choice,
      at: earlier.at.toISOString(),
    });
  }
  const highGates = fresh.filter(({ gate }) => ruleOf(facts, gate)?.step_up);
  const stepUp = isYes(input.choice) && highGates.length > 0 ? checkCode(input.code, facts.codes, ask) : undefined;
  if (stepUp && !stepUp.ok) return refuse(stepUp.refusal);

  const changed = new Set(fresh.map(({ gate }) => gate));
  const kept = facts.votes.filter((vote) => !(vote.voter === voter && changed.has(vote.gate)));
  const cast = fresh.map(({ gate, seats }): Vote => ({ gate, voter, ...wanted, seats, at: ask.now }));
  const votes = [...kept, ...cast];
  const after = tally(facts.gates, votes);
  const events: EventBody[] = [
    ...fresh.map(
      ({ gate, because, seats }): EventBody => ({
        type: 'vote.cast',
        release: release.number,
        gate,
        voter,
        ...wanted,
        revision: release.revision,
        because,
        seats: [...seats],
        meets: after.find((counted) => counted.gate.name === gate)?.met ?? false,
      }),
    ),
    ...(stepUp?.ok ? [stepUp.used] : []),
    ...handedBack.map(({ from }): EventBody => ({ type: 'vote.taken_back', release: release.number, from })),
  ];
  const verdict = verdictOf(facts, after, voter, wanted, changed);
  if (verdict) return accept(...events, verdict);
  const stuck = after.filter((counted) => counted.stuck && !counted.met && changed.has(counted.gate.name));
  return accept(
    ...events,
    ...stuck.map(
      ({ gate, needed, electorate }): EventBody => ({
        type: 'gate.stuck',
        release: release.number,
        gate: gate.name,
        needed,
        left: electorate.length,
        managers: facts.policy.managers.filter((id) => id !== voter),
      }),
    ),
  );
}

function verdictOf(
  { release }: ReleaseFacts,
  after: ReturnType<typeof tally>,
  voter: string,
  { choice, comment }: { choice: VoteChoice; comment: string },
  changed: ReadonlySet<string>,
): EventBody | undefined {
  const rejects = choice === 'reject' && after.some(({ gate }) => gate.veto && changed.has(gate.name));
  if (rejects) return { type: 'release.rejected', release: release.number, by: voter, reason: comment };
  if (after.every((gate) => gate.met)) return approvedEvent(release);
  const lost = after.find((gate) => gate.lost);
  return lost
    ? {
        type: 'release.rejected',
        release: release.number,
        by: voter,
        reason: comment || `${lost.gate.name} can no longer be met`,
      }
    : undefined;
}

/** The verdict names what it is for. */
export function approvedEvent(release: Release): EventBody {
  return {
    type: 'release.approved',
    release: release.number,
    revision: release.revision,
    hash: contentHash(release, release),
  };
}

/** Why this person cannot decide on this release, whatever gates there are: it is decided, or it is their own. */
export function mayDecide(
  release: Pick<Release, 'number' | 'state' | 'requester' | 'lead' | 'roomLead'>,
  voter: string,
  waiting: string[],
): Refusal | undefined {
  const { number, state, requester } = release;
  if (state !== 'requested') return { code: 'voting_closed', release: number, state };
  if (isOwn(release, voter))
    return { code: 'own_release', release: number, role: voter === requester ? 'requester' : 'lead', waiting };
  return undefined;
}

type OwnGate = { readonly gate: string; readonly because: string; readonly seats: readonly string[] };

/** The gates in which this person may vote now, each with the reason and for whom. */
export function ownGates(
  facts: Pick<ReleaseFacts, 'release' | 'gates' | 'votes' | 'delegations'>,
  voter: string,
  ask: Pick<Ask, 'directory'>,
): OwnGate[] {
  return facts.gates.flatMap((gate): OwnGate[] => {
    const { rule } = gate;
    const votes = facts.votes.filter((vote) => vote.gate === rule.name);
    const taken = (seat: string) => votes.some((vote) => vote.voter !== voter && vote.seats.includes(seat));
    const principals = !rule.delegates
      ? []
      : facts.delegations
          .filter(({ from, to }) => to === voter && from !== voter && !taken(from))
          .map(({ from }) => from)
          .filter((from) => !votes.some((vote) => vote.voter === from));
    const reasons = [...(taken(voter) ? [] : [voter]), ...principals].flatMap((seat) => {
      const because = membership(gate, seat, facts.release, ask);
      return because === undefined ? [] : [{ seat, because: seat === voter ? because : `for ${seat}: ${because}` }];
    });
    if (reasons.length === 0) return [];
    const because = reasons.map((reason) => reason.because).join('; ');
    return [{ gate: rule.name, because, seats: reasons.map(({ seat }) => seat).sort() }];
  });
}

/** Why somebody may vote in a gate, as Slack and the catalogue say now; undefined: they may not. */
function membership(
  gate: GateOf,
  person: string,
  release: Release,
  { directory }: Pick<Ask, 'directory'>,
): string | undefined {
  const source = gate.sources.find((one) => votersOf([one], release, directory).includes(person));
  if (!source) return undefined;
  return source.kind === 'people'
    ? source.because
    : source.kind === 'usergroup'
      ? `user group ${source.id}`
      : `member of channel ${source.id}`;
}

export function notEligible(facts: ReleaseFacts, voter: string, ask: Pick<Ask, 'directory'>): Refusal {
  const { release, gates, votes } = facts;
  const own = gates.filter((gate) => membership(gate, voter, release, ask) !== undefined);
  const by = votes.find(
    (vote) => vote.voter !== voter && vote.seats.includes(voter) && own.some(({ rule }) => rule.name === vote.gate),
  );
  if (by)
    return {
      code: 'decided_for_you',
      release: release.number,
      by: by.voter,
      choice: by.choice,
      at: by.at.toISOString(),
    };
  return {
    code: 'not_eligible',
    release: release.number,
    gates: gates.map((gate) => ({ name: gate.rule.name, people: [...gate.asked] })),
  };
}

export const DelegateInput = z.strictObject({ release: z.number().int(), to: z.string() });
export type DelegateInput = z.infer<typeof DelegateInput>;

/** Hands one's vote on a release to somebody else. Whoever is delegated to still has to be fit to vote when they do. */
export function delegateVote(input: DelegateInput, facts: ReleaseFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release } = facts;
  const closed = mayDecide(release, person, openGates(facts));
  if (closed) return refuse(closed);
  const own = facts.gates.filter((gate) => membership(gate, person, release, ask) !== undefined);
  if (own.length === 0) return refuse(notEligible(facts, person, ask));
  if (own.every(({ rule }) => !rule.delegates))
    return refuse({ code: 'no_delegates', release: release.number, gates: own.map(({ rule }) => rule.name) });
  const unfit = unfitDelegate(input.to, person, release, ask);
  if (unfit) return refuse(unfit);
  // A preference of somebody who has no word here ties nobody.
  const counted = facts.delegations.filter(
    (one) => !one.standing || facts.gates.some((gate) => membership(gate, one.from, release, ask) !== undefined),
  );
  const chained = counted.some(({ from, to }) => from === input.to || to === person);
  if (chained) return refuse({ code: 'delegate_chain', person: input.to });
  const earlier = facts.votes.find((vote) => vote.voter === person || vote.seats.includes(person));
  if (earlier)
    return refuse({
      code: 'already_voted',
      release: release.number,
      gate: earlier.gate,
      choice: earlier.choice,
      at: earlier.at.toISOString(),
    });
  return accept({
    type: 'vote.delegated',
    release: release.number,
    from: person,
    to: input.to,
    revision: release.revision,
  });
}

function unfitDelegate(to: string, from: string, release: Release, ask: Ask): Refusal | undefined {
  const other = ask.directory.people[to];
  return to === from || !other || !isFullMember(other) || isOwn(release, to)
    ? { code: 'delegate_unfit', person: to }
    : undefined;
}

export function delegateNeeds(facts: ReleaseFacts, input: DelegateInput): DirectoryNeeds {
  const needs = voteNeeds(facts);
  return { ...needs, people: [...needs.people, input.to] };
}

export const OfVote = z.strictObject({ release: z.number().int() });
export type OfVote = z.infer<typeof OfVote>;

/** Takes one's own vote back from whoever it was handed to, as long as they have not used it. */
export function takeBackVote(_input: OfVote, facts: ReleaseFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release } = facts;
  if (!facts.delegations.some((one) => one.from === person && !one.standing))
    return refuse({ code: 'nothing_delegated', release: release.number });
  if (release.state !== 'requested')
    return refuse({ code: 'voting_closed', release: release.number, state: release.state });
  const by = facts.votes.find((vote) => vote.voter !== person && vote.seats.includes(person));
  if (by)
    return refuse({
      code: 'decided_for_you',
      release: release.number,
      by: by.voter,
      choice: by.choice,
      at: by.at.toISOString(),
    });
  return accept({ type: 'vote.taken_back', release: release.number, from: person });
}

export const CommentInput = z.strictObject({ release: z.number().int(), text: z.string().max(500) });
export type CommentInput = z.infer<typeof CommentInput>;

/** Says something about a release without deciding. */
export function commentRelease(input: CommentInput, facts: ReleaseFacts, _ask: Ask): Decision {
  const text = input.text.trim();
  if (text === '') return refuse({ code: 'reason_needed', verb: 'comment' });
  return accept({ type: 'vote.commented', release: facts.release.number, text });
}

/** "Not me": steps aside in every gate, as the release stands now. */
export function recuse(input: OfVote, facts: ReleaseFacts, ask: Ask): Decision {
  const vote = { revision: facts.release.revision, choice: 'recuse' as const, comment: '', unblock: '', code: '' };
  return castVote({ ...vote, release: input.release }, facts, ask);
}

function ruleOf(facts: ReleaseFacts, gate: string) {
  return facts.gates.find((one) => one.rule.name === gate)?.rule;
}

function isSame(
  vote: Vote,
  gate: string,
  voter: string,
  wanted: { choice: string; comment: string; unblock: string },
  seats: readonly string[],
): boolean {
  return (
    vote.gate === gate &&
    vote.voter === voter &&
    vote.choice === wanted.choice &&
    vote.comment === wanted.comment &&
    vote.unblock === wanted.unblock &&
    vote.seats.join() === seats.join()
  );
}

export const LeaverInput = z.strictObject({
  release: z.number().int(),
  /** Who was deactivated; null: whoever is no longer in the groups that were asked. */
  person: z.string().nullable(),
});
export type LeaverInput = z.infer<typeof LeaverInput>;

/** People who were asked are gone: nobody waits for them, their blocks are lifted, and what that decides is decided. */
export function leaveGates(input: LeaverInput, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (release.state !== 'requested') return accept();
  const isMember = (gate: GateOf, id: string) => membership(gate, id, release, ask) !== undefined;
  const left = facts.gates.flatMap((gate) => {
    const own = facts.votes.filter((vote) => vote.gate === gate.rule.name && isNo(vote.choice));
    const people = new Set([...gate.asked, ...gate.escalatedTo, ...own.map((vote) => vote.voter)]);
    // Whoever blocks in somebody's place is here as long as that somebody is.
    const isGone = (id: string) =>
      input.person === null
        ? ![id, ...own.filter((vote) => vote.voter === id).flatMap((vote) => vote.seats)].some((one) =>
            isMember(gate, one),
          )
        : id === input.person;
    return [...people].filter(isGone).map((id) => ({ gate: gate.rule.name, id }));
  });
  const back = facts.delegations.filter((one) => !one.standing && one.to === input.person);
  if (left.length === 0 && back.length === 0) return accept();
  const isLeft = (gate: string, id: string) => left.some((one) => one.gate === gate && one.id === id);
  const gates = facts.gates.map((gate) => ({
    ...gate,
    asked: gate.asked.filter((id) => !isLeft(gate.rule.name, id)),
  }));
  const votes = facts.votes.filter((vote) => !(isNo(vote.choice) && isLeft(vote.gate, vote.voter)));
  const after = tally(gates, votes);
  const gone = left.map(
    ({ gate, id }): EventBody => ({
      type: 'gate.left',
      release: release.number,
      gate,
      person: id,
      managers: [...facts.policy.managers],
      meets: after.find((one) => one.gate.name === gate)?.met ?? false,
    }),
  );
  const handed = back.map(({ from }): EventBody => ({ type: 'vote.taken_back', release: release.number, from }));
  const lost = after.find((gate) => gate.lost);
  const verdict: EventBody | undefined = after.every((gate) => gate.met)
    ? approvedEvent(release)
    : lost && {
        type: 'release.rejected',
        release: release.number,
        by: lost.blocks[0]?.voter ?? release.requester,
        reason: `${lost.gate.name} can no longer be met`,
      };
  return accept(...gone, ...handed, ...(verdict ? [verdict] : []));
}
