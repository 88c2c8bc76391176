import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Asked, askGates, askNeeds, planAsks, regate, unmeetable } from './ask.ts';
import {
  type Content,
  type ContentField,
  changedFields,
  contentHash,
  fieldWords,
  Migration,
  ScopeItem,
} from './content.ts';
import { criteriaOf } from './criterion.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import { tally } from './gate.ts';
import { gate } from './gating.ts';
import { onlyRunners, type SlotFacts, unmovable, wantedFor } from './move.ts';
import { nearest } from './nearest.ts';
import { type DirectoryNeeds, isFullMember } from './person.ts';
import { ChangeType, type GateRule } from './policy.ts';
import { type ReleaseFacts, unitsName } from './release.ts';
import { place, unfitOwner } from './request.ts';
import { isSemver } from './version.ts';

export const ChangeInput = z.strictObject({
  release: z.number().int(),
  /** The revision that the person was shown; null: whatever it is now. */
  revision: z.number().int().nullable().default(null),
  change: z
    .strictObject({
      units: z
        .array(z.strictObject({ service: z.string(), version: z.string() }))
        .min(1)
        .max(10),
      changeType: ChangeType,
      summary: z.string().max(1000),
      rollbackPlan: z.string().max(1000),
      rollbackTested: z.boolean(),
      migration: Migration,
      lead: z.string(),
      scope: z.array(ScopeItem).max(20),
      links: z.array(z.string().max(300)).max(10),
    })
    .partial(),
});
export type ChangeInput = z.infer<typeof ChangeInput>;

/** The facts hold the services of the new content. */
export type ChangeFacts = SlotFacts & {
  readonly hasCatalog: boolean;
  readonly serviceKeys: readonly string[];
};

export function changeNeeds(facts: ChangeFacts, input: ChangeInput): DirectoryNeeds {
  const after = contentAfter(facts, input);
  const needs = askNeeds(gatesAfter(facts, after).gates, facts.policy.prefs, facts.policy.groups);
  return { ...needs, people: [...needs.people, after.lead, ...after.scope.flatMap(({ owner }) => owner ?? [])] };
}

/**
 * Gives a release another content. Gates whose rule covers something that changed are asked again; all other votes stay.
 * Whoever leads it now does not vote on it.
 */
export function changeRelease(input: ChangeInput, facts: ChangeFacts, ask: Ask): Decision {
  const { release } = facts;
  const no = unmovable(facts, actorId(ask), 'change');
  if (no) return refuse(no);
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('change', facts));
  if (input.revision !== null && input.revision !== release.revision)
    return refuse({ code: 'changed_since', release: release.number });
  const after = contentAfter(facts, input);
  const fields = changedFields(release, after);
  // Its people are told when it is asked for, and its room opens then.
  if (fields.includes('type') && after.changeType === 'emergency')
    return refuse({ code: 'emergency_anew', release: release.number });
  if (fields.length === 0) return refuse({ code: 'nothing_changed', release: release.number });
  const bad = fields.includes('units') ? badUnits(after, facts) : undefined;
  if (bad) return refuse(bad);
  const lead = ask.directory.people[after.lead];
  if (!lead || !isFullMember(lead)) return refuse({ code: 'lead_unfit', lead: after.lead });
  const deciding = fields.includes('lead') ? decidesIn(facts, after.lead) : [];
  if (deciding.length > 0)
    return refuse({
      code: 'lead_is_approver',
      release: release.number,
      lead: after.lead,
      gates: deciding,
      isOpen: release.state === 'requested',
    });
  const unfit = unfitOwner(after.scope, { requester: release.requester, lead: after.lead }, ask);
  if (unfit) return refuse(unfit);

  const changed = { ...facts, release: { ...release, ...after } };
  // Another type may need a window, and another service has its own.
  const placed =
    fields.includes('units') || fields.includes('type')
      ? place(facts.calendar, wantedFor(changed, release.train), release, ask.now)
      : undefined;
  if (placed && !placed.ok) return placed;
  const next = gatesAfter(facts, after);
  if (next.unfit) return refuse(next.unfit);
  const asked: Asked[] = askGates(next.gates, { requester: release.requester, lead: after.lead }, ask.directory);
  const again = regate(facts, asked, (rule) => touches(rule, fields), ask.now);
  const never = unmeetable(again.fresh);
  if (never) return refuse({ code: 'unmeetable_gate', ...never });
  const plan = planAsks(again.fresh, {
    prefs: facts.policy.prefs,
    directory: ask.directory,
    now: ask.now,
    deadline: release.startsAt,
    emergency: after.changeType === 'emergency',
    requester: release.requester,
    lead: after.lead,
  });
  const criteria = criteriaOf(next.choice.criteria, after.scope);
  return accept({
    type: 'release.changed',
    release: release.number,
    revision: release.revision + 1,
    from: release.revision,
    fields: fields.map((field) => ({ field, before: fieldWords(release, field), after: fieldWords(after, field) })),
    content: {
      ...after,
      units: [...after.units],
      dependsOn: [...after.dependsOn],
      scope: [...after.scope],
      links: [...after.links],
    },
    environment: release.environment,
    exclusive: facts.exclusive,
    label: unitsName(after.units),
    startsAt: release.startsAt.toISOString(),
    endsAt: release.endsAt.toISOString(),
    seats: placed ? [...placed.seats] : null,
    warnings: placed ? [...placed.warnings] : null,
    policy: next.choice.name,
    because: next.choice.because,
    problems: [...next.choice.problems],
    managers: next.choice.problems.length > 0 ? [...facts.policy.managers] : [],
    risk: next.risk,
    guards: [...next.choice.guards],
    advice: [...next.advice],
    // A lead is asked for nothing.
    gates: again.rows.map((row) => ({ ...row, asked: row.asked.filter((id) => id !== after.lead) })),
    criteria,
    // A tick says something of what was to be shipped then.
    unticked: fields.includes('units') ? criteria.filter((one) => one.kind !== 'exit').map((one) => one.key) : [],
    reopened: [...again.reopened],
    state: again.isMet ? 'approved' : 'requested',
    plan: [...plan],
    hash: contentHash(after, release),
  });
}

/** Does a change of these fields touch a gate? "content" is every field but what it waits for. */
export function touches(rule: Pick<GateRule, 'covers'>, fields: readonly ContentField[]): boolean {
  return rule.covers.some((one) =>
    one === 'content' ? fields.some((field) => field !== 'dependencies') : fields.some((field) => field === one),
  );
}

type After = Content & { readonly changeType: ChangeType };

function contentAfter({ release }: ReleaseFacts, { change }: ChangeInput): After {
  const { units, changeType, summary, rollbackPlan, rollbackTested, migration, lead, dependsOn, scope, links } =
    release;
  const before = { units, changeType, summary, rollbackPlan, rollbackTested, migration, lead, dependsOn, scope, links };
  const said = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const after = { ...before, ...said } as After;
  const plan = after.rollbackPlan.trim();
  return {
    ...after,
    summary: after.summary.trim() || before.summary,
    rollbackPlan: plan,
    rollbackTested: after.rollbackTested && plan !== '',
  };
}

/** What the new content needs, by the rules as they are now, and for the freezes that it stays in. */
function gatesAfter(facts: SlotFacts, after: After) {
  const gated = gate({ ...facts.release, ...after }, facts.policy, facts.services);
  const passes = facts.gates.filter(({ rule }) => rule.pass !== null);
  return { ...gated, gates: [...gated.gates, ...passes.map(({ rule, base }) => ({ rule, sources: base }))] };
}

/** Gates in which somebody has a word: they voted, or are waited for. Nobody loses it by being made the lead. */
function decidesIn({ release, gates, votes }: ReleaseFacts, person: string): string[] {
  return tally(gates, votes)
    .filter(({ gate, met }, index) => {
      const own = votes.filter((vote) => vote.gate === gate.name);
      const hasRecused = own.some((vote) => vote.voter === person && vote.choice === 'recuse');
      const hasVoted = own.some((vote) => vote.voter === person || vote.seats.includes(person));
      const { asked = [], escalatedTo = [] } = gates[index] ?? {};
      const isWaitedFor = release.state === 'requested' && !met && [...asked, ...escalatedTo].includes(person);
      return !hasRecused && (hasVoted || isWaitedFor);
    })
    .map(({ gate }) => gate.name);
}

function badUnits(after: Content, facts: ChangeFacts): Refusal | undefined {
  const seen = new Set<string>();
  for (const { service, version } of after.units) {
    if (seen.has(service)) return { code: 'service_twice', service };
    seen.add(service);
    const known = facts.serviceKeys.includes(service) ? facts.services.find((one) => one.key === service) : undefined;
    if (!known)
      return {
        code: 'unknown_service',
        name: service,
        nearest: nearest(service, facts.serviceKeys) ?? null,
        known: [...facts.serviceKeys],
      };
    if (known.semver && !isSemver(version)) return { code: 'not_semver', service, version };
    const { environment } = facts.release;
    if (known.environments.length > 0 && !known.environments.includes(environment))
      return { code: 'unknown_environment', service, name: environment, known: [...known.environments] };
  }
  return undefined;
}
