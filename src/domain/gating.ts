import type { GatePlan, RiskRow } from './approval.ts';
import { type AskContext, type Asked, askGates, askNeeds, hiddenChannel, planAsks, unmeetable } from './ask.ts';
import type { Content } from './content.ts';
import type { Ask, Refusal } from './decision.ts';
import { ownersOf, sourcesOf, type WhoSource } from './gate.ts';
import { holds } from './guard.ts';
import type { DirectoryNeeds } from './person.ts';
import { type ChangeType, type Choice, choosePolicy, expedite, type GateRule, type StandardChange } from './policy.ts';
import { aboutOf, type PolicyFacts, type ServiceOf } from './release.ts';
import { assessRisk } from './risk.ts';
import { covers } from './scope.ts';
import { minutesBetween } from './time.ts';

/** What gates are chosen for. */
export type Subject = Content & {
  readonly changeType: ChangeType;
  readonly environment: string;
  readonly requester: string;
  readonly channel: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
};

export type Gated = {
  readonly choice: Choice;
  readonly risk: RiskRow;
  readonly gates: readonly { readonly rule: GateRule; readonly sources: readonly WhoSource[] }[];
  /** Gates that an emergency does without. */
  readonly skipped: readonly { readonly rule: GateRule; readonly sources: readonly WhoSource[] }[];
  /** Guards that do not hold for its slot, in words. */
  readonly advice: readonly string[];
  /** Why a standard change is none; undefined: it is one, or claims not to be. */
  readonly unfit: Refusal | undefined;
};

/** The gates that a release needs with this content at this time, by the rules as they are now. */
export function gate(subject: Subject, facts: PolicyFacts, services: readonly ServiceOf[]): Gated {
  const slot = { startsAt: subject.startsAt, minutes: minutesBetween(subject.startsAt, subject.endsAt) };
  const risk = assessRisk({
    ...subject,
    services: subject.units.map((unit) => unit.service),
    tier: Math.min(3, ...services.map((service) => service.tier)),
    dependants: Math.max(0, ...services.map((service) => service.dependants)),
    zone: facts.zone,
    history: facts.history,
  });
  const about = aboutOf(subject, services, slot, facts.zone, risk.band);
  const teams = [...new Set(services.flatMap((service) => service.team ?? []))];
  const trust = rungsOf(teams, facts);
  const emergency = subject.changeType === 'emergency' ? expedite(facts.policies, about, trust) : undefined;
  const usual = emergency ?? choosePolicy(facts.policies, about, trust);
  const standard =
    subject.changeType === 'standard' && facts.standards.length > 0
      ? fitsStandard(facts.standards, subject, services, about, slot.minutes)
      : undefined;
  const choice: Choice =
    standard && 'fits' in standard
      ? {
          ...usual,
          name: `standard: ${standard.fits.key}`,
          because: `pre-approved: ${standard.fits.name}`,
          gates: [],
          criteria: [...usual.criteria, ...standard.fits.criteria],
        }
      : usual;
  const owners = services.flatMap((service) => (service.team ? [ownersOf(service.team, service.teamMembers)] : []));
  const withSources = (rule: GateRule) => ({ rule, sources: sourcesOf(rule, facts.groups, owners, subject.channel) });
  return {
    choice,
    risk: { band: risk.band, reasons: [...risk.reasons], rate: risk.rate },
    gates: choice.gates.map(withSources),
    skipped: (emergency?.skipped ?? []).map(withSources),
    advice: choice.guards.flatMap((guard) => {
      const judged = holds(guard.require, about);
      return judged.ok && judged.holds ? [] : [guard.message || `it needs ${guard.require}`];
    }),
    unfit: standard && 'why' in standard ? { code: 'not_standard', reasons: standard.why } : undefined,
  };
}

export function gateNeeds(gated: Gated, { prefs, groups }: PolicyFacts): DirectoryNeeds {
  return askNeeds([...gated.gates, ...gated.skipped], prefs, groups);
}

export type GatesAsked =
  | { readonly ok: true; readonly asked: readonly Asked[]; readonly plan: readonly GatePlan[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Who is asked for which gate, and when; or the gate that nobody could meet. */
export function askFor(
  gates: readonly { readonly rule: GateRule; readonly sources: readonly WhoSource[] }[],
  subject: Subject,
  prefs: PolicyFacts['prefs'],
  ask: Ask,
): GatesAsked {
  const asked = askGates(gates, subject, ask.directory);
  const hidden = hiddenChannel(asked, ask.directory);
  if (hidden !== undefined) return { ok: false, refusal: { code: 'not_in_channel', channel: hidden } };
  const never = unmeetable(asked);
  if (never) return { ok: false, refusal: { code: 'unmeetable_gate', ...never } };
  const context: AskContext = {
    prefs,
    directory: ask.directory,
    now: ask.now,
    deadline: subject.startsAt,
    emergency: subject.changeType === 'emergency',
    requester: subject.requester,
    lead: subject.lead,
  };
  return { ok: true, asked, plan: planAsks(asked, context) };
}

type Fit = { readonly fits: StandardChange } | { readonly why: { name: string; why: string }[] };

/** The pre-approved kind that a change is of, or why it is of none. What cannot be judged does not fit. */
function fitsStandard(
  standards: readonly StandardChange[],
  subject: Subject,
  services: readonly ServiceOf[],
  about: Parameters<typeof holds>[1],
  minutes: number,
): Fit {
  const why: { name: string; why: string }[] = [];
  for (const one of standards) {
    const outside = services.find((service) => !covers(one.scope, subject.environment, service));
    if (outside || services.length < subject.units.length) {
      why.push({ name: one.name, why: `it is not for ${outside?.key ?? 'this service'} in ${subject.environment}` });
      continue;
    }
    if (one.max_minutes !== null && minutes > one.max_minutes) {
      why.push({ name: one.name, why: `it takes at most ${one.max_minutes} min` });
      continue;
    }
    const judged = one.if === null ? { ok: true as const, holds: true } : holds(one.if, about);
    if (judged.ok && judged.holds) return { fits: one };
    why.push({
      name: one.name,
      why: judged.ok ? one.message || `it needs ${one.if}` : `its condition cannot be judged (${judged.problem})`,
    });
  }
  return { why };
}

/** Where the teams' records have moved policies: to the heavier if any team's has, to the lighter if every team's has. */
function rungsOf(teams: readonly string[], { trust, policies }: PolicyFacts): Record<string, string> {
  const rungs: Record<string, string> = {};
  for (const { name, ladder } of policies) {
    const moved = teams.map((team) => trust[team]?.[name]);
    if (ladder.heavier !== undefined && moved.includes(ladder.heavier)) rungs[name] = ladder.heavier;
    else if (ladder.lighter !== undefined && moved.length > 0 && moved.every((to) => to === ladder.lighter))
      rungs[name] = ladder.lighter;
  }
  return rungs;
}
