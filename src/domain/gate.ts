import type { VoteChoice } from './event.ts';
import { type Directory, isFullMember, type Person } from './person.ts';
import type { GateRule } from './policy.ts';

/** A vote as it stands: one per person, gate and revision. */
export type Vote = {
  readonly gate: string;
  readonly voter: string;
  readonly choice: VoteChoice;
  readonly comment: string;
  readonly at: Date;
};

export type Tally = {
  readonly gate: GateRule;
  readonly approvals: readonly Vote[];
  readonly blocks: readonly Vote[];
  readonly met: boolean;
};

export type Membership = { readonly ids: readonly string[]; readonly because: string };

/** Where the members of a gate are to be found: our own list, a Slack user group or a channel. */
export type WhoSource =
  | { readonly kind: 'people'; readonly ids: readonly string[]; readonly because: string }
  | { readonly kind: 'usergroup'; readonly id: string }
  | { readonly kind: 'channel'; readonly id: string };

export function tally(gates: readonly GateRule[], votes: readonly Vote[]): Tally[] {
  return gates.map((gate) => {
    const own = votes.filter((vote) => vote.gate === gate.name);
    const approvals = own.filter((vote) => vote.choice === 'approve');
    const blocks = own.filter((vote) => vote.choice !== 'approve');
    return { gate, approvals, blocks, met: approvals.length >= gate.needed && blocks.length === 0 };
  });
}

/** Names of the gates that are not met yet. */
export function openGates(facts: { gates: readonly { rule: GateRule }[]; votes: readonly Vote[] }): string[] {
  const rules = facts.gates.map((gate) => gate.rule);
  return tally(rules, facts.votes)
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

/** Where the voters of a gate are to be found. */
export function sourcesOf(
  rule: GateRule,
  groups: Readonly<Record<string, WhoSource>>,
  owners: readonly WhoSource[],
  channel: string,
): WhoSource[] {
  switch (rule.who.kind) {
    case 'owners':
      return [...owners];
    case 'group': {
      const group = groups[rule.who.group];
      return group ? [group] : [];
    }
    case 'channel':
      return [{ kind: 'channel', id: channel }];
  }
}

export function ownersOf(team: string, members: readonly string[]): WhoSource {
  return { kind: 'people', ids: members, because: `member of team ${team}` };
}
