import type { Everybody, GatePlan, GateRow } from './approval.ts';
import { type Groups, membersOf, sourcesOf, tally, type Vote, votersOf, type WhoSource } from './gate.ts';
import type { Directory, DirectoryNeeds } from './person.ts';
import { isFullMember } from './person.ts';
import type { GateRule } from './policy.ts';
import { awayUntil, isCovered, workHoursOf } from './prefs.ts';
import type { GateOf } from './release.ts';
import { addMinutes } from './time.ts';
import { addWorkMinutes, isWorking, nextWorking } from './worktime.ts';

/** More people than this are asked in the card's thread only. */
export const askAtMost = 8;
/** Nearer to its slot than this everybody is asked at once, at whatever hour. */
const urgentMinutes = 4 * 60;

export type Asked = {
  readonly rule: GateRule;
  readonly sources: readonly WhoSource[];
  readonly voters: readonly string[];
};

export type AskContext = {
  readonly prefs: Everybody;
  readonly directory: Directory;
  readonly now: Date;
  /** When its slot begins. */
  readonly deadline: Date;
  readonly emergency: boolean;
  readonly requester: string;
  readonly lead: string;
};

/**
 * Whom to ask in person, and when: those on call if the group says who that is, nobody who asked not to be pinged, whoever
 * votes for those who are away, at their own 09:00; at once in an emergency or when the slot is near.
 */
export function planAsks(gates: readonly Asked[], context: AskContext): GatePlan[] {
  return gates.map(({ rule, sources, voters }): GatePlan => {
    const people = whomToAsk(rule, sources, voters, context);
    const pings =
      people.length > askAtMost
        ? []
        : people.map((person) => ({ person, at: whenToAsk(person, context).toISOString() }));
    const hours = (people.length > 0 ? people : voters).map((id) => workHoursOf(id, context.prefs, context.directory));
    const dueAt = rule.sla_minutes === null ? null : addWorkMinutes(hours, context.now, rule.sla_minutes).toISOString();
    return { gate: rule.name, pings, dueAt };
  });
}

export function whomToAsk(
  rule: GateRule,
  sources: readonly WhoSource[],
  voters: readonly string[],
  { prefs, directory, now, requester, lead }: AskContext,
): string[] {
  const quiet = new Set(sources.flatMap((source) => source.quiet ?? []));
  const pinged = voters.filter((id) => !quiet.has(id));
  const onCall = new Set(sources.flatMap(({ oncall }) => (oncall ? (directory.usergroups[oncall] ?? []) : [])));
  // Those on call first; with none of them there the others; with nobody there all, for somebody has to hear of it.
  for (const wanted of [pinged.filter((id) => onCall.has(id)), pinged]) {
    const present = wanted.filter((id) => awayUntil(id, prefs, directory, now) === undefined);
    const covering = wanted.flatMap((id) => {
      const own = prefs[id];
      const to = rule.delegates && isCovered(own, now) ? own?.delegate?.to : undefined;
      const other = to === undefined ? undefined : directory.people[to];
      return to !== undefined && other && isFullMember(other) && to !== requester && to !== lead ? [to] : [];
    });
    const asked = [...new Set([...present, ...covering])].sort();
    if (asked.length > 0) return asked;
  }
  return pinged;
}

/** Now when they work, else when they begin to, but not so late that nothing can be decided. */
function whenToAsk(person: string, { prefs, directory, now, deadline, emergency }: AskContext): Date {
  const hours = workHoursOf(person, prefs, directory);
  const last = addMinutes(deadline, -urgentMinutes);
  if (emergency || last <= now || isWorking(hours, now)) return now;
  const next = nextWorking(hours, now) ?? last;
  return next < last ? next : last;
}

/** Gates as they are asked now. */
export function gateRows(gates: readonly Asked[], now: Date): GateRow[] {
  return gates.map(({ rule, voters }) => ({
    rule,
    asked: [...voters],
    askedAt: now.toISOString(),
    metAt: null,
    escalatedTo: [],
  }));
}

/** What has to be looked up to ask for these gates. */
export function askNeeds(
  gates: readonly { readonly rule: GateRule; readonly sources: readonly WhoSource[] }[],
  prefs: Everybody,
  groups: Groups,
): DirectoryNeeds {
  const sources = gates.flatMap(({ rule, sources }) => [
    ...sources,
    ...(rule.escalation ? sourcesOf({ ...rule, who: rule.escalation }, groups, [], '') : []),
  ]);
  return {
    people: [
      ...sources.flatMap((source) => (source.kind === 'people' ? source.ids : [])),
      ...Object.values(prefs).flatMap(({ delegate }) => (delegate ? [delegate.to] : [])),
    ],
    usergroups: sources.flatMap((source) => [
      ...(source.kind === 'usergroup' ? [source.id] : []),
      ...(source.oncall ? [source.oncall] : []),
    ]),
    channels: sources.flatMap((source) => (source.kind === 'channel' && source.id !== '' ? [source.id] : [])),
  };
}

/** Everybody who could vote, per gate. */
export function askGates(
  gates: readonly { readonly rule: GateRule; readonly sources: readonly WhoSource[] }[],
  release: { readonly requester: string; readonly lead: string },
  directory: Directory,
): Asked[] {
  return gates.map(({ rule, sources }) => ({ rule, sources, voters: votersOf(sources, release, directory) }));
}

/** The first gate that so few people could never meet. */
export function unmeetable(gates: readonly Asked[]): { gate: string; needed: number; eligible: number } | undefined {
  for (const { rule, voters } of gates) {
    const needed = typeof rule.needed === 'number' ? rule.needed : 1;
    if (voters.length < needed) return { gate: rule.name, needed, eligible: voters.length };
  }
  return undefined;
}

/** Is the channel of a gate one whose members we can see? */
export function hiddenChannel(gates: readonly Asked[], directory: Directory): string | undefined {
  const hidden = gates
    .flatMap(({ sources }) => sources)
    .find((source) => source.kind === 'channel' && membersOf(source, directory).ids.length === 0);
  return hidden?.kind === 'channel' ? hidden.id : undefined;
}

/** A gate as it stands, for an event. */
export function rowOf(one: GateOf) {
  return {
    rule: one.rule,
    asked: [...one.asked],
    askedAt: one.askedAt.toISOString(),
    metAt: one.metAt?.toISOString() ?? null,
    escalatedTo: [...one.escalatedTo],
  };
}

type Regated = {
  readonly rows: readonly GateRow[];
  /** Gates whose votes all stay. */
  readonly kept: readonly string[];
  /** Gates that were voted in and are asked again. */
  readonly reopened: readonly string[];
  /** Gates that are asked, again or for the first time. */
  readonly fresh: readonly Asked[];
  /** The votes that are carried over. */
  readonly votes: readonly Vote[];
  readonly isMet: boolean;
};

/**
 * The gates of a release after something of it changed. A gate that is asked by the same rule keeps its votes unless its
 * rule covers what changed; whoever stepped aside stays aside.
 */
export function regate(
  facts: { readonly gates: readonly GateOf[]; readonly votes: readonly Vote[] },
  wanted: readonly Asked[],
  touches: (rule: GateRule) => boolean,
  now: Date,
): Regated {
  const sameRule = (a: GateRule, b: GateRule) => JSON.stringify(a) === JSON.stringify(b);
  const known = (one: Asked) => facts.gates.find(({ rule }) => rule.name === one.rule.name);
  // Other services have other owners: that is another question.
  const sameSources = (old: GateOf, one: Asked) => JSON.stringify(old.base) === JSON.stringify(one.sources);
  const stays = (one: Asked) => {
    const old = known(one);
    if (!old || !sameRule(old.rule, one.rule) || !sameSources(old, one)) return undefined;
    const isVoted = facts.votes.some((vote) => vote.gate === one.rule.name && vote.choice !== 'recuse');
    return isVoted && touches(one.rule) ? undefined : old;
  };
  const kept = wanted.flatMap((one) => stays(one) ?? []);
  const fresh = wanted.filter((one) => !stays(one));
  const rows = wanted.map((one) => {
    const old = stays(one);
    if (old) return rowOf(old);
    // Whoever may decide since its time was over, may when it is asked again.
    const escalatedTo = [...(known(one)?.escalatedTo ?? [])];
    return { ...(gateRows([one], now)[0] as GateRow), escalatedTo };
  });
  const names = kept.map(({ rule }) => rule.name);
  const listed = new Set(wanted.map(({ rule }) => rule.name));
  const votes = facts.votes.filter(
    (vote) => names.includes(vote.gate) || (vote.choice === 'recuse' && listed.has(vote.gate)),
  );
  return {
    rows,
    kept: names,
    reopened: fresh
      .map(({ rule }) => rule.name)
      .filter((name) => facts.votes.some((vote) => vote.gate === name && vote.choice !== 'recuse')),
    fresh,
    votes,
    isMet: tally(rows, votes).every((gate) => gate.met),
  };
}
