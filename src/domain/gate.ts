import type { VoteChoice } from './approval.ts';
import { type Directory, isFullMember, type Person } from './person.ts';
import { type GateRule, type OneWho, partsOf } from './policy.ts';

/** A vote as it stands: one per person, gate and revision. */
export type Vote = {
  readonly gate: string;
  readonly voter: string;
  readonly choice: VoteChoice;
  readonly comment: string;
  /** What would lift a block. */
  readonly unblock: string;
  /** For whom: the voter, and everybody who handed their vote to them. */
  readonly seats: readonly string[];
  readonly at: Date;
};

/** `from` lets `to` vote in their place. */
export type Delegation = {
  readonly from: string;
  readonly to: string;
  /** By preference, for a while; not for this release alone. */
  readonly standing?: true;
};

export type Tally = {
  readonly gate: GateRule;
  readonly approvals: readonly Vote[];
  readonly blocks: readonly Vote[];
  readonly recusals: readonly Vote[];
  /** Whose word counts: asked and not recused (or who votes for them), and everybody else who voted. */
  readonly electorate: readonly string[];
  /** How many approvals it takes. */
  readonly needed: number;
  readonly met: boolean;
  /** Without veto: it can no longer be met. */
  readonly lost: boolean;
  /** Nobody is left who could meet it. */
  readonly stuck: boolean;
};

export type Membership = { readonly ids: readonly string[]; readonly because: string };

/** Where the members of a gate are to be found: our own list, a Slack user group or a channel. */
export type WhoSource = (
  | { readonly kind: 'people'; readonly ids: readonly string[]; readonly because: string }
  | { readonly kind: 'usergroup'; readonly id: string }
  | { readonly kind: 'channel'; readonly id: string }
) & {
  /** Who may vote and is not to be pinged. */
  readonly quiet?: readonly string[];
  /** The user group of those who are on call for it. */
  readonly oncall?: string | null;
};

export function isYes(choice: VoteChoice): boolean {
  return choice === 'approve' || choice === 'condition';
}

export function isNo(choice: VoteChoice): boolean {
  return choice === 'block' || choice === 'reject';
}

/** Counts one gate. Everybody has one voice, whoever they also vote for. */
export function countGate(gate: GateRule, asked: readonly string[], votes: readonly Vote[]): Tally {
  const own = votes.filter((vote) => vote.gate === gate.name);
  const approvals = own.filter((vote) => isYes(vote.choice));
  const blocks = own.filter((vote) => isNo(vote.choice));
  const recusals = own.filter((vote) => vote.choice === 'recuse');
  const counted = [...approvals, ...blocks];
  const recused = new Set(recusals.flatMap((vote) => vote.seats));
  const standsFor = (seat: string) => counted.find((vote) => vote.seats.includes(seat))?.voter ?? seat;
  const electorate = [
    ...new Set([...asked.filter((seat) => !recused.has(seat)).map(standsFor), ...counted.map((vote) => vote.voter)]),
  ];
  const size = electorate.length;
  const needed =
    gate.needed === 'all' ? Math.max(1, size) : gate.needed === 'majority' ? Math.floor(size / 2) + 1 : gate.needed;
  const quorum = approvals.length >= needed;
  return {
    gate,
    approvals,
    blocks,
    recusals,
    electorate,
    needed,
    met: quorum && (!gate.veto || blocks.length === 0),
    lost: !gate.veto && blocks.length > 0 && size - blocks.length < needed,
    stuck: needed > size || size === 0,
  };
}

type GateFacts = { readonly rule: GateRule; readonly asked: readonly string[] };

export function tally(gates: readonly GateFacts[], votes: readonly Vote[]): Tally[] {
  return gates.map((gate) => countGate(gate.rule, gate.asked, votes));
}

/** Names of the gates that are not met yet. */
export function openGates(facts: { gates: readonly GateFacts[]; votes: readonly Vote[] }): string[] {
  return tally(facts.gates, facts.votes)
    .filter((counted) => !counted.met)
    .map((counted) => counted.gate.name);
}

/** The members of a source, as Slack answered; a source that was not looked up has none. */
export function membersOf(source: WhoSource, directory: Directory): Membership {
  switch (source.kind) {
    case 'people':
      return { ids: source.ids, because: source.because };
    case 'usergroup':
      return { ids: directory.usergroups[source.id] ?? [], because: `user group ${source.id}` };
    case 'channel':
      return { ids: directory.channels[source.id] ?? [], because: `member of channel ${source.id}` };
  }
}

/** Who could vote: full members that neither asked for the release nor lead it. */
export function eligible(
  members: Membership,
  release: { requester: string; lead: string },
  people: Readonly<Record<string, Person>>,
): string[] {
  return members.ids.filter((id) => {
    const person = people[id];
    return person !== undefined && isFullMember(person) && id !== release.requester && id !== release.lead;
  });
}

/** Everybody who could vote in a gate, in order. */
export function votersOf(
  sources: readonly WhoSource[],
  release: { requester: string; lead: string },
  directory: Directory,
): string[] {
  const found = sources.flatMap((source) => eligible(membersOf(source, directory), release, directory.people));
  return [...new Set(found)].sort();
}

/** Groups of the catalogue by name; `role:` and the people of a role. */
export type Groups = Readonly<Record<string, WhoSource>>;

/** Where the voters of a gate are to be found; an escalated gate takes those it was escalated to as well. */
export function sourcesOf(
  rule: GateRule,
  groups: Groups,
  owners: readonly WhoSource[],
  channel: string,
  escalated = false,
): WhoSource[] {
  const one = (who: OneWho): WhoSource[] => {
    switch (who.kind) {
      case 'owners':
        return [...owners];
      case 'group': {
        const group = groups[who.group];
        return group ? [group] : [];
      }
      case 'oncall': {
        const group = groups[who.group];
        if (!group) return [];
        return [group.oncall ? { ...group, kind: 'usergroup', id: group.oncall } : group];
      }
      case 'role': {
        const holders = groups[`role:${who.role}`];
        return holders ? [holders] : [];
      }
      case 'people':
        return [{ kind: 'people', ids: who.people, because: `named in gate ${rule.name}` }];
      case 'channel':
        return [{ kind: 'channel', id: channel }];
    }
  };
  const all = [rule.who, ...(escalated && rule.escalation ? [rule.escalation] : [])];
  return all.flatMap(partsOf).flatMap(one);
}

export function ownersOf(team: string, members: readonly string[]): WhoSource {
  return { kind: 'people', ids: members, because: `member of team ${team}` };
}
