import { z } from 'zod';
import { isOwn } from './access.ts';
import { contentHash } from './content.ts';
import { unticked } from './criterion.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import { freezesAt, guardsAgainst, type StartFacts } from './deploy.ts';
import { openGates } from './gate.ts';
import { type DirectoryNeeds, isFullMember } from './person.ts';
import { isEnded, isRunning, type Override } from './release.ts';
import { addMinutes } from './time.ts';

/*
 * A rule set aside for one release: by two people of whom neither asked for it, with a reason, for at most four hours.
 */
export const overrideAtMostMinutes = 240;

export const OverrideInput = z.strictObject({
  release: z.number().int(),
  /** "gate:SRE", "freeze:month-end", "guard:tested", "criteria", "dependency:REL-139". */
  rule: z.string(),
  reason: z.string().max(500),
  second: z.string(),
});
export type OverrideInput = z.infer<typeof OverrideInput>;
export type OverrideFacts = StartFacts & { readonly hasCatalog: boolean };

export function overrideNeeds(_facts: OverrideFacts, input: OverrideInput): DirectoryNeeds {
  return { people: [input.second], usergroups: [], channels: [] };
}

/** A release manager proposes; nothing changes before the second person accepts. */
export function proposeOverride(input: OverrideInput, facts: OverrideFacts, ask: Ask): Decision {
  const by = actorId(ask);
  const { release } = facts;
  if (facts.hasCatalog && !facts.roles.includes('release_manager'))
    return refuse({ code: 'only_managers', verb: 'override' });
  if (isOwn(release, by))
    return refuse({
      code: 'own_override',
      release: release.number,
      role: by === release.requester ? 'requester' : 'lead',
    });
  if (isEnded(release.state) || isRunning(release.state))
    return refuse({
      code: 'wrong_state',
      release: release.number,
      verb: 'override',
      state: release.state,
      possible: [],
    });
  const rules = rulesAgainst(facts, ask.now);
  const rule = rules.find((one) => one.toLowerCase() === input.rule.toLowerCase());
  if (!rule) return refuse({ code: 'unknown_rule', release: release.number, name: input.rule, known: rules });
  const reason = input.reason.trim();
  if (reason === '') return refuse({ code: 'reason_needed', verb: 'override' });
  const unfit = unfitSecond(input.second, by, facts, ask);
  if (unfit) return refuse(unfit);
  const open = facts.overrides.find(
    (one) =>
      one.rule === rule &&
      one.hash === contentHash(release, release) &&
      (one.state === 'proposed' || one.state === 'granted') &&
      ask.now < one.until,
  );
  if (open) return refuse({ code: 'override_open', rule, state: open.state, until: open.until.toISOString() });
  const until = addMinutes(ask.now, overrideAtMostMinutes).toISOString();
  return accept({
    type: 'override.proposed',
    override: ask.newId(),
    release: release.number,
    rule,
    reason,
    by,
    second: input.second,
    until,
    hash: contentHash(release, release),
  });
}

function unfitSecond(second: string, by: string, { release }: OverrideFacts, ask: Ask): Refusal | undefined {
  const person = ask.directory.people[second];
  return second === by || isOwn(release, second) || !person || !isFullMember(person)
    ? { code: 'second_unfit', person: second }
    : undefined;
}

export const AnswerOverride = z.strictObject({ release: z.number().int(), override: z.string(), accept: z.boolean() });
export type AnswerOverride = z.infer<typeof AnswerOverride>;

/** The second person's answer; the first may take the proposal back. Both are judged as they are now. */
export function answerOverride(input: AnswerOverride, facts: OverrideFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release } = facts;
  const found = facts.overrides.find((one) => one.id === input.override);
  if (!found) return refuse({ code: 'override_over', state: 'unknown' });
  if (found.state !== 'proposed' || ask.now >= found.until)
    return refuse({ code: 'override_over', state: found.state === 'proposed' ? 'lapsed' : found.state });
  const of = { override: found.id, release: release.number, rule: found.rule };
  if (!input.accept)
    return person === found.second || person === found.by
      ? accept({ type: 'override.declined', ...of, by: person, lapsed: false })
      : refuse({ code: 'not_yours', what: 'override', owner: found.second });
  if (person !== found.second) return refuse({ code: 'not_yours', what: 'override', owner: found.second });
  // It was asked for one content and one slot.
  if (found.hash !== contentHash(release, release)) return refuse({ code: 'override_over', state: 'it changed since' });
  // Roles may have changed since: neither of the two may run it.
  const unfit = [found.by, found.second].find((id) => isOwn(release, id));
  if (unfit) return refuse({ code: 'second_unfit', person: unfit });
  if (isEnded(release.state) || isRunning(release.state))
    return refuse({ code: 'override_over', state: release.state });
  return accept({
    type: 'override.granted',
    ...of,
    reason: found.reason,
    by: found.by,
    second: found.second,
    until: addMinutes(ask.now, overrideAtMostMinutes).toISOString(),
  });
}

export const OfOverride = z.strictObject({ release: z.number().int(), override: z.string() });
export type OfOverride = z.infer<typeof OfOverride>;

/** The clock: a proposal that nobody answered ends. */
export function lapseOverride(input: OfOverride, facts: OverrideFacts, ask: Ask): Decision {
  const found: Override | undefined = facts.overrides.find((one) => one.id === input.override);
  if (found?.state !== 'proposed' || ask.now < found.until) return accept();
  const { id, rule, by } = found;
  return accept({ type: 'override.declined', override: id, release: facts.release.number, rule, by, lapsed: true });
}

/** Everything that stands against a start now, by the name under which it can be set aside. */
export function rulesAgainst(facts: StartFacts, now: Date): string[] {
  const { release } = facts;
  const at = now < release.startsAt ? release.startsAt : now;
  return [
    ...openGates(facts).map((name) => `gate:${name}`),
    ...freezesAt(facts, at).map((key) => `freeze:${key}`),
    ...guardsAgainst(facts, at).map((guard) => `guard:${guard.name}`),
    ...(unticked(facts.criteria, 'start').length > 0 ? ['criteria'] : []),
    ...facts.calendar.needs
      .filter((one) => release.dependsOn.includes(one.release) && one.state !== 'done')
      .map((one) => `dependency:REL-${one.release}`),
  ];
}
