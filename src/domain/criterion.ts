import { z } from 'zod';
import { isOwn, mayRun } from './access.ts';
import type { Criterion } from './approval.ts';
import type { ScopeItem } from './content.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { Vote } from './gate.ts';
import type { CriterionRule } from './policy.ts';
import { type CriterionOf, isEnded, isRunning, type ReleaseFacts } from './release.ts';

/** What has to be ticked, from the policy's rules and the scope items that somebody has to accept. Keys keep their meaning for ever. */
export function criteriaOf(rules: readonly CriterionRule[], scope: readonly ScopeItem[]): Criterion[] {
  const base = { link: '', owner: null, gate: null };
  return [
    ...rules.map(({ name, kind, evidence }) => ({ ...base, key: `rule:${name}`, kind, title: name, evidence })),
    ...scope
      .filter((item) => item.owner !== null)
      .map((item) => ({
        ...base,
        key: `scope:${item.title}:${item.link}`,
        kind: 'scope' as const,
        title: item.title,
        evidence: false,
        link: item.link,
        owner: item.owner,
      })),
  ].filter((one, index, all) => all.findIndex((other) => other.key === one.key) === index);
}

/** What has to hold before a watch ends. */
export function handoverCriteria(titles: readonly string[]): Criterion[] {
  return titles.map((title) => ({
    key: `handover:${title}`,
    kind: 'handover',
    title,
    evidence: false,
    link: '',
    owner: null,
    gate: null,
  }));
}

/** An approval with a condition asks for one more tick. */
export function conditionsOf(votes: readonly Vote[]): Criterion[] {
  return votes
    .filter((vote) => vote.choice === 'condition')
    .map((vote) => ({
      key: `condition:${vote.gate}:${vote.voter}`,
      kind: 'condition',
      title: vote.comment,
      evidence: false,
      link: '',
      owner: null,
      gate: vote.gate,
    }));
}

/** What has to be ticked before a release starts, before it is done, or before its watch ends. */
export function unticked(criteria: readonly CriterionOf[], before: 'start' | 'done' | 'handover'): CriterionOf[] {
  const moment = (kind: CriterionOf['kind']) => (kind === 'exit' ? 'done' : kind === 'handover' ? 'handover' : 'start');
  return criteria.filter((one) => one.tickedBy === null && moment(one.kind) === before);
}

export const TickInput = z.strictObject({
  release: z.number().int(),
  /** Its key, or its number in the list, from 1. */
  criterion: z.string(),
  evidence: z.string().max(500),
  tick: z.boolean(),
});
export type TickInput = z.infer<typeof TickInput>;

/** Ticks a criterion, or takes the tick back. Evidence is a link. */
export function tickCriterion(input: TickInput, facts: ReleaseFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release, criteria } = facts;
  const one = criteria.find((other) => other.key === input.criterion) ?? criteria[Number(input.criterion) - 1];
  if (!one)
    return refuse({
      code: 'unknown_criterion',
      release: release.number,
      name: input.criterion,
      known: criteria.map(({ title }) => title),
    });
  const isWatched = one.kind === 'handover' && release.state === 'done' && !release.watchEndedAt;
  if (isEnded(release.state) && !isWatched)
    return refuse({ code: 'wrong_state', release: release.number, verb: 'tick', state: release.state, possible: [] });
  const tellers =
    one.owner !== null
      ? [one.owner]
      : one.kind === 'condition'
        ? (facts.gates.find(({ rule }) => rule.name === one.gate)?.asked.filter((id) => !isOwn(release, id)) ?? [])
        : undefined;
  const may =
    tellers === undefined
      ? mayRun(release, person, facts.roles)
      : tellers.includes(person) && (one.kind !== 'condition' || !isOwn(release, person));
  if (!may)
    return refuse({
      code: 'not_your_tick',
      release: release.number,
      title: one.title,
      people: tellers ?? [release.lead, release.requester],
    });
  if (!input.tick)
    return one.tickedBy === null
      ? refuse({ code: 'not_ticked', title: one.title })
      : accept({ type: 'criterion.unticked', release: release.number, criterion: one.key, title: one.title });
  if (one.kind === 'exit' && !isRunning(release.state))
    return refuse({ code: 'exit_too_early', release: release.number, title: one.title });
  const evidence = input.evidence.trim();
  if (one.evidence && !/^https?:\/\/\S+$/.test(evidence)) return refuse({ code: 'evidence_needed', title: one.title });
  if (one.tickedBy !== null) return refuse({ code: 'already_ticked', title: one.title, by: one.tickedBy });
  return accept({
    type: 'criterion.ticked',
    release: release.number,
    criterion: one.key,
    title: one.title,
    evidence,
    source: 'person',
  });
}
