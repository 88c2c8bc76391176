import { z } from 'zod';
import { mayRun } from './access.ts';
import { type AskContext, whomToAsk } from './ask.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { ownersOf, sourcesOf, tally, votersOf, type WhoSource } from './gate.ts';
import { onlyRunners } from './move.ts';
import type { DirectoryNeeds } from './person.ts';
import { join } from './person.ts';
import { awayUntil, workHoursOf } from './prefs.ts';
import type { GateOf, ReleaseFacts } from './release.ts';
import { addMinutes } from './time.ts';
import { voteNeeds } from './vote.ts';
import { isWorking, nextWorking } from './worktime.ts';

/*
 * The ladder: the role in the thread a day ahead, whoever is on call four hours ahead, a release manager in the last hour.
 */
export const rungs = { thread: 24 * 60, oncall: 4 * 60, manager: 60 } as const;
export const RemindInput = z.strictObject({ release: z.number().int(), step: z.enum(['thread', 'oncall', 'manager']) });
export type RemindInput = z.infer<typeof RemindInput>;

export function reminderNeeds(facts: ReleaseFacts): DirectoryNeeds {
  const { groups, prefs } = facts.policy;
  const escalations = facts.gates.flatMap(({ rule }) =>
    rule.escalation ? sourcesOf({ ...rule, who: rule.escalation }, groups, ownersIn(facts), facts.release.channel) : [],
  );
  const all = [...facts.gates.flatMap((gate) => gate.sources), ...escalations];
  return join(voteNeeds(facts), {
    people: [
      ...all.flatMap((source) => (source.kind === 'people' ? source.ids : [])),
      ...Object.values(prefs).flatMap(({ delegate }) => (delegate ? [delegate.to] : [])),
    ],
    usergroups: all.flatMap((source) => [
      ...(source.kind === 'usergroup' ? [source.id] : []),
      ...(source.oncall ? [source.oncall] : []),
    ]),
    channels: all.flatMap((source) => (source.kind === 'channel' && source.id !== '' ? [source.id] : [])),
  });
}

/** The clock: one rung of the ladder for a release that still waits. */
export function remind({ step }: RemindInput, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (release.state !== 'requested' || release.changeType === 'emergency') return accept();
  const left = (release.startsAt.getTime() - ask.now.getTime()) / 60_000;
  // It was moved after this timer was set, or the clock was away: another rung has come.
  if (left > rungs[step] + 1 || left <= 0) return accept();
  const open = openNow(facts);
  if (open.length === 0) return accept();
  const people =
    step === 'manager' ? facts.policy.managers.filter((id) => id !== release.requester) : waitingFor(facts, ask);
  return accept({
    type: 'approver.reminded',
    release: release.number,
    step,
    gates: open.map((gate) => ({
      gate: gate.rule.name,
      usergroups: gate.sources.flatMap((source) => (source.kind === 'usergroup' ? [source.id] : [])),
      people: gate.sources.some((source) => source.kind === 'usergroup') ? [] : waitingIn(gate, facts, ask),
    })),
    people: step === 'thread' ? [] : people,
  });
}

function ownersIn({ services }: ReleaseFacts): WhoSource[] {
  return services.flatMap(({ team, teamMembers }) => (team === null ? [] : [ownersOf(team, teamMembers)]));
}

/** Gates that are not met yet. */
function openNow(facts: ReleaseFacts): GateOf[] {
  const counted = tally(facts.gates, facts.votes);
  return facts.gates.filter((_, index) => !counted[index]?.met);
}

/** Whose word an open gate waits for, as one would ask them now. */
function waitingIn(gate: GateOf, facts: ReleaseFacts, ask: Ask): string[] {
  const { release, policy } = facts;
  const context: AskContext = {
    prefs: policy.prefs,
    directory: ask.directory,
    now: ask.now,
    deadline: release.startsAt,
    emergency: false,
    requester: release.requester,
    lead: release.lead,
  };
  const handed = (id: string) => facts.delegations.find((one) => one.from === id && !one.standing)?.to ?? id;
  const spoken = new Set(
    facts.votes.filter((vote) => vote.gate === gate.rule.name).flatMap((vote) => [vote.voter, ...vote.seats]),
  );
  // Whoever has spoken, or stepped aside, is no reason to leave the others alone.
  const silent = votersOf(gate.sources, release, ask.directory).filter((id) => !spoken.has(id));
  const asked = whomToAsk(gate.rule, gate.sources, silent, context);
  return [...new Set(asked.map(handed))].filter((id) => !spoken.has(id));
}

function waitingFor(facts: ReleaseFacts, ask: Ask): string[] {
  return [...new Set(openNow(facts).flatMap((gate) => waitingIn(gate, facts, ask)))].sort();
}

export const EscalateInput = z.strictObject({ release: z.number().int(), gate: z.string() });
export type EscalateInput = z.infer<typeof EscalateInput>;

/** The clock: a gate whose time is over goes to the next, who may vote from now on; with nobody named managers hear of it. */
export function escalate({ gate: name }: EscalateInput, facts: ReleaseFacts, ask: Ask): Decision {
  const { release, policy } = facts;
  const gate = openNow(facts).find(({ rule }) => rule.name === name);
  if (release.state !== 'requested' || !gate || gate.escalatedTo.length > 0) return accept();
  const sources: WhoSource[] = gate.rule.escalation
    ? sourcesOf({ ...gate.rule, who: gate.rule.escalation }, policy.groups, ownersIn(facts), release.channel)
    : [];
  return accept({
    type: 'gate.escalated',
    release: release.number,
    gate: name,
    people: votersOf(sources, release, ask.directory),
    managers: sources.length > 0 ? [] : policy.managers.filter((id) => id !== release.requester),
    revision: release.revision,
  });
}

export const AskInput = z.strictObject({
  release: z.number().int(),
  person: z.string(),
  revision: z.number().int(),
  again: z.boolean(),
});
export type AskInput = z.infer<typeof AskInput>;

/** The clock: somebody's working day begins, or their snooze is over. What changed meanwhile makes their word no less needed. */
export function askApprover({ person, again }: AskInput, facts: ReleaseFacts, _ask: Ask): Decision {
  const { release, votes, delegations } = facts;
  const principals = delegations.filter((one) => one.to === person).map((one) => one.from);
  const waits = openNow(facts).some(({ rule, asked, escalatedTo }) => {
    const isAsked = [...asked, ...escalatedTo].some((id) => id === person || principals.includes(id));
    const own = votes.filter((vote) => vote.gate === rule.name);
    return isAsked && !own.some((vote) => vote.voter === person || vote.seats.includes(person));
  });
  if (release.state !== 'requested' || !waits) return accept();
  return accept({ type: 'approver.asked', release: release.number, person, revision: release.revision, again });
}

export const SnoozeInput = z.strictObject({
  release: z.number().int(),
  minutes: z
    .number()
    .int()
    .min(5)
    .max(24 * 60),
});
export type SnoozeInput = z.infer<typeof SnoozeInput>;

/** "Ask me again later", but not after there is nothing left to decide. */
export function snooze(input: SnoozeInput, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (release.state !== 'requested')
    return refuse({ code: 'voting_closed', release: release.number, state: release.state });
  const until = addMinutes(ask.now, input.minutes);
  if (until >= release.startsAt)
    return refuse({ code: 'snooze_too_long', release: release.number, startsAt: release.startsAt.toISOString() });
  return accept({
    type: 'approver.snoozed',
    release: release.number,
    person: actorId(ask),
    until: until.toISOString(),
    revision: release.revision,
  });
}

const nudgeHours = 4;
export const NudgeInput = z.strictObject({ release: z.number().int() });
export type NudgeInput = z.infer<typeof NudgeInput>;

/** Reminds whoever is still needed, politely: once in four hours, and nobody who is away. */
export function nudge(_input: NudgeInput, facts: ReleaseFacts, ask: Ask): Decision {
  const { release, policy } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('nudge for', facts));
  if (release.state !== 'requested')
    return refuse({ code: 'voting_closed', release: release.number, state: release.state });
  const next = release.nudgedAt && addMinutes(release.nudgedAt, nudgeHours * 60);
  if (next && ask.now < next) return refuse({ code: 'nudged', release: release.number, nextAt: next.toISOString() });
  const waiting = waitingFor(facts, ask).filter((id) => id !== actorId(ask));
  const away = waiting.filter((id) => awayUntil(id, policy.prefs, ask.directory, ask.now) !== undefined);
  const present = waiting.filter((id) => !away.includes(id));
  const hours = (id: string) => workHoursOf(id, policy.prefs, ask.directory);
  // Before its slot there may be no working hour any more.
  const isUrgent = (id: string) => {
    const next = nextWorking(hours(id), ask.now);
    return release.changeType === 'emergency' || !next || next >= release.startsAt;
  };
  const people = present.filter((id) => isWorking(hours(id), ask.now) || isUrgent(id));
  const later = present.flatMap((id) => {
    const at = people.includes(id) ? undefined : nextWorking(hours(id), ask.now);
    return at && at < release.startsAt ? [{ person: id, at: at.toISOString() }] : [];
  });
  if (people.length + later.length === 0) return refuse({ code: 'nobody_to_nudge', release: release.number, away });
  const nudged: EventBody = { type: 'approver.nudged', release: release.number, people, away, later };
  return accept(nudged);
}
