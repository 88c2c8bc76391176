import { z } from 'zod';
import { contentFields } from './content.ts';
import { type About, Expression, holds } from './guard.ts';
import { readDays } from './recurrence.ts';
import { Scope } from './scope.ts';

export const changeTypes = ['standard', 'normal', 'emergency'] as const;
export const ChangeType = z.enum(changeTypes);
export type ChangeType = z.infer<typeof ChangeType>;

/**
 * Who may vote in a gate: the owning teams of the released services, a named group of the catalogue (or whoever of it is
 * on call), the people of a role, people by name, or (with no catalogue) any other full member of the card's channel.
 */
const OneWho = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('owners') }),
  z.strictObject({ kind: z.literal('group'), group: z.string() }),
  z.strictObject({ kind: z.literal('oncall'), group: z.string() }),
  z.strictObject({ kind: z.literal('role'), role: z.string() }),
  z.strictObject({ kind: z.literal('people'), people: z.array(z.string()).min(1) }),
  z.strictObject({ kind: z.literal('channel') }),
]);
export type OneWho = z.infer<typeof OneWho>;
export const GateWho = z.union([OneWho, z.strictObject({ kind: z.literal('any'), of: z.array(OneWho).min(1) })]);
export type GateWho = z.infer<typeof GateWho>;

/** The parts of "group:sre + owners". */
export function partsOf(who: GateWho | null | undefined): readonly OneWho[] {
  return !who ? [] : who.kind === 'any' ? who.of : [who];
}

/** How many of a gate have to agree: so many, everybody who was asked, or more than half of them. */
export const Needed = z.union([z.number().int().min(1).max(20), z.literal('all'), z.literal('majority')]);
export type Needed = z.infer<typeof Needed>;

export const GateRule = z.strictObject({
  name: z.string().min(1).max(40),
  who: GateWho,
  needed: Needed,
  /** What its votes are for: a change of these reopens it. "content" is every field, "time" the slot. */
  covers: z.array(z.enum(['content', 'time', ...contentFields])).default(['content']),
  /** Working minutes of its approvers within which it should be decided. */
  sla_minutes: z.number().int().min(5).nullable().default(null),
  /** Who is asked, and may vote, once that time is over. */
  escalation: GateWho.nullable().default(null),
  /** One block holds it and one rejection ends the release; else both only count against it. */
  veto: z.boolean().default(true),
  /** Its approvals need a one-time code. */
  step_up: z.boolean().default(false),
  /** Its approvers may let others vote for them. */
  delegates: z.boolean().default(true),
  /** Asked only when this holds; asked as well when it cannot be judged. */
  if: Expression.nullable().default(null),
  /** The freeze that its approval is a pass through. */
  pass: z.string().nullable().default(null),
});
export type GateRule = z.infer<typeof GateRule>;

/** Something that has to be true when a release starts (block), or is only said (warn). */
export const Guard = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'use lower-case letters, digits and dashes, at most 40'),
  require: Expression,
  message: z.string().max(200).default(''),
  level: z.enum(['block', 'warn']).default('block'),
});
export type Guard = z.infer<typeof Guard>;

/** Something that a person ticks: before it starts (entry) or before it is done (exit). */
export const CriterionRule = z.strictObject({
  name: z.string().min(1).max(100),
  kind: z.enum(['entry', 'exit']).default('entry'),
  /** It needs a link that proves it. */
  evidence: z.boolean().default(false),
});
export type CriterionRule = z.infer<typeof CriterionRule>;

const hours = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'write it as 18:00-08:00');

export const Policy = z.strictObject({
  name: z.string(),
  when: z.strictObject({
    environment: z.array(z.string()).optional(),
    type: z.array(ChangeType).optional(),
    tier: z.array(z.number().int()).optional(),
    tags: z.array(z.string()).optional(),
    risk: z.array(z.enum(['low', 'medium', 'high'])).optional(),
    /** Days of the slot's start on the calendar's wall, "sat,sun". */
    days: z
      .string()
      .refine((text) => readDays(text) !== undefined, 'write days like mon-fri or sat,sun')
      .optional(),
    /** Hours of the slot's start on the calendar's wall, "18:00-08:00". */
    hours: hours.optional(),
    if: Expression.optional(),
  }),
  gates: z.array(GateRule),
  guards: z.array(Guard).default([]),
  criteria: z.array(CriterionRule).default([]),
  /** The policies that a team's record may move it to. */
  ladder: z.strictObject({ lighter: z.string().optional(), heavier: z.string().optional() }).default({}),
  /** How long before the slot the war room opens by itself. */
  room_minutes: z.number().int().min(0).max(1440).default(30),
  /** What it makes of a dependency that is released at the same time. */
  dependency_overlap: z.enum(['ignore', 'warn', 'block']).default('warn'),
});
export type Policy = z.infer<typeof Policy>;

/** How long before its slot the room of a release opens, by the policy of this name. */
export function roomMinutesOf(policies: readonly Policy[], name: string): number {
  return policies.find((policy) => policy.name === name)?.room_minutes ?? 30;
}

/** A pre-approved kind of change: what fits needs no vote. */
export const StandardChange = z.strictObject({
  key: z.string(),
  name: z.string().max(80),
  scope: Scope,
  if: Expression.nullable(),
  /** The condition in words, for whoever does not meet it. */
  message: z.string().max(200).default(''),
  max_minutes: z.number().int().min(5).nullable(),
  criteria: z.array(CriterionRule),
});
export type StandardChange = z.infer<typeof StandardChange>;

/** The policy of a workspace without a catalogue: one other member of the channel. */
export const defaultPolicy: Policy = Policy.parse({
  name: 'default',
  when: {},
  gates: [{ name: 'Peer', who: { kind: 'channel' }, needed: 1 }],
});

/** A rule that could not be judged; release managers hear of it. */
export type RuleProblem = { readonly rule: string; readonly problem: string };

export type Choice = {
  readonly name: string;
  /** Why this policy: the conditions that it matched, in words. */
  readonly because: string;
  /** A policy of the catalogue matched. */
  readonly found: boolean;
  readonly gates: readonly GateRule[];
  /** Of these the ones that are asked for in doubt. */
  readonly doubted: readonly GateRule[];
  readonly guards: readonly Guard[];
  readonly criteria: readonly CriterionRule[];
  readonly overlap: Policy['dependency_overlap'];
  readonly ladder: Policy['ladder'];
  readonly problems: readonly RuleProblem[];
};

/**
 * The first policy that matches decides; none falls back to the default. One whose condition cannot be judged lets nothing
 * through: its gates are asked for as well, and one without gates does not match. `trust` moves a policy up or down its
 * ladder, by name.
 */
export function choosePolicy(
  policies: readonly Policy[],
  about: About,
  trust: Readonly<Record<string, string>> = {},
): Choice {
  const problems: RuleProblem[] = [];
  const doubtful: Policy[] = [];
  const found = policies.find((policy) => {
    if (!matches(policy.when, about)) return false;
    if (policy.when.if === undefined) return true;
    const judged = holds(policy.when.if, about);
    if (judged.ok) return judged.holds;
    problems.push({ rule: policy.name, problem: judged.problem });
    doubtful.push(policy);
    return false;
  });
  const matched = found ?? defaultPolicy;
  let policy = matched;
  // A ladder may have several rungs; a circle ends where it began.
  for (let step = 0; step < policies.length; step++) {
    const next = policies.find((one) => one.name === trust[policy.name]);
    if (!next || next === matched) break;
    policy = next;
  }
  const asked = (one: Policy) =>
    one.gates.filter((gate) => {
      if (gate.if === null) return true;
      const judged = holds(gate.if, about);
      if (judged.ok) return judged.holds;
      problems.push({ rule: `${one.name}, gate ${gate.name}`, problem: judged.problem });
      return true;
    });
  const own = asked(policy);
  const more = doubtful.filter((one) => one !== policy);
  // A gate of the same name may ask for less: both are asked for, under names of their own.
  const doubted: GateRule[] = [];
  for (const gate of more.flatMap(asked)) {
    const taken = [...own, ...doubted];
    if (taken.some((other) => JSON.stringify(other) === JSON.stringify(gate))) continue;
    let name = gate.name;
    for (let nth = 2; taken.some((other) => other.name === name); nth++) name = `${gate.name.slice(0, 34)} (${nth})`;
    doubted.push({ ...gate, name });
  }
  const all = [policy, ...more];
  return {
    name: policy.name,
    found: found !== undefined,
    because: `${whenWords(matched.when)}${policy === matched ? '' : `; by its team's record instead of ${matched.name}`}`,
    gates: [...own, ...doubted],
    doubted,
    guards: all.flatMap((one) => one.guards),
    criteria: all.flatMap((one) => one.criteria),
    overlap: policy.dependency_overlap,
    ladder: policy.ladder,
    problems,
  };
}

function matches(when: Policy['when'], { release, time }: About): boolean {
  const clock = `${String(time.hour).padStart(2, '0')}:${String(time.minute).padStart(2, '0')}`;
  return (
    (!when.environment || when.environment.includes(release.environment)) &&
    (!when.type || when.type.some((type) => type === release.type)) &&
    (!when.tier || when.tier.includes(release.tier)) &&
    (!when.tags || when.tags.some((tag) => release.tags.includes(tag))) &&
    (!when.risk || when.risk.some((band) => band === release.risk)) &&
    (!when.days || (readDays(when.days) ?? []).includes(time.weekday)) &&
    (!when.hours || isWithin(clock, when.hours))
  );
}

/** "18:00-08:00" reaches over midnight. */
function isWithin(clock: string, span: string): boolean {
  const [from = '', to = ''] = span.split('-');
  return from < to ? from <= clock && clock < to : clock >= from || clock < to;
}

/** "type normal, environment production" in words; "everything" when nothing is asked. */
function whenWords(when: Policy['when']): string {
  const parts = [
    ...(when.environment ? [`environment ${when.environment.join(' or ')}`] : []),
    ...(when.type ? [`${when.type.join(' or ')} change`] : []),
    ...(when.tier ? [`tier ${when.tier.join(' or ')}`] : []),
    ...(when.tags ? when.tags.map((tag) => `#${tag}`) : []),
    ...(when.risk ? [`${when.risk.join(' or ')} risk`] : []),
    ...(when.days ? [when.days] : []),
    ...(when.hours ? [when.hours] : []),
    ...(when.if ? [when.if] : []),
  ];
  return parts.length === 0 ? 'it is for everything' : parts.join(', ');
}

/**
 * What an emergency needs: the policy that names emergencies, else one gate in which any one of those who would have
 * voted (on call first) may let it through. `skipped` are the gates that nobody is asked for.
 */
export function expedite(
  policies: readonly Policy[],
  about: About,
  trust: Readonly<Record<string, string>> = {},
): Choice & { readonly skipped: readonly GateRule[] } {
  const naming = policies.filter((policy) => policy.when.type?.includes('emergency'));
  const own = choosePolicy(naming, about, trust);
  const usual = choosePolicy(policies, { ...about, release: { ...about.release, type: 'normal' } }, trust);
  const without = (gates: readonly GateRule[]) =>
    usual.gates.filter((gate) => !gates.some((other) => other.name === gate.name));
  if (own.found) return { ...own, skipped: without(own.gates) };
  const problems = [...usual.problems, ...own.problems];
  if (usual.gates.length === 0) return { ...usual, gates: own.doubted, problems, skipped: [] };
  const of = usual.gates.flatMap(({ who }) => partsOf(who));
  const distinct = of.filter(
    (who, index) => of.findIndex((other) => JSON.stringify(other) === JSON.stringify(who)) === index,
  );
  const first = usual.gates[0] as GateRule;
  const gate: GateRule = {
    ...first,
    name: 'Emergency',
    who: distinct.length === 1 ? (distinct[0] as OneWho) : { kind: 'any', of: distinct },
    needed: 1,
    covers: ['content'],
    sla_minutes: null,
    escalation: null,
    veto: true,
    step_up: usual.gates.some((one) => one.step_up),
    if: null,
    pass: null,
  };
  return {
    ...usual,
    because: `an emergency; ${usual.because}`,
    gates: [gate, ...own.doubted],
    problems,
    skipped: usual.gates,
  };
}

/** "1 SRE + all of Product" in words. */
export function neededWords(needed: Needed): string {
  return needed === 'all' ? 'all of' : needed === 'majority' ? 'most of' : String(needed);
}

/** Do releases to this environment need a vote? The first policies that may match decide, up to one that surely does. */
export function isGuarded(policies: readonly Policy[], environment: string): boolean {
  for (const { when, gates } of policies) {
    const { environment: environments, type, ...conditions } = when;
    if ((environments && !environments.includes(environment)) || (type && !type.includes('normal'))) continue;
    if (gates.length > 0) return true;
    if (Object.values(conditions).every((one) => one === undefined)) return false;
  }
  return defaultPolicy.gates.length > 0;
}
