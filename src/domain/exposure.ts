import { z } from 'zod';
import { mayRun } from './access.ts';
import { CanarySamples, judgeCanary } from './canary.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { onlyRunners } from './move.ts';
import { isRunning } from './release.ts';
import type { RoomFacts } from './step.ts';

/*
 * Deploying puts a version into an environment; exposure says who gets it: nobody (dark), a share, the other colour, the
 * holders of a flag.
 */
export const ExposeInput = z.strictObject({
  release: z.number().int(),
  label: z.string().trim().min(1).max(40),
  note: z.string().max(500),
});
export type ExposeInput = z.infer<typeof ExposeInput>;

export function expose(input: ExposeInput, facts: RoomFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('expose', facts));
  if (!['deploying', 'verifying', 'paused', 'done', 'rolled_back', 'failed'].includes(release.state))
    return refuse({ code: 'wrong_state', release: release.number, verb: 'expose', state: release.state, possible: [] });
  return accept({
    type: 'exposure.set',
    release: release.number,
    label: input.label,
    note: input.note.trim(),
    step: null,
  });
}

export const SampleInput = z.strictObject({
  release: z.number().int(),
  samples: CanarySamples,
  /** How far a shift may go, as a share of the reference; null: a quarter. */
  tolerance: z.number().min(0).max(100).nullable(),
  /** What the tolerance is a share of, in the metric's unit; null: the baseline's median. */
  reference: z.number().min(0).nullable(),
});
export type SampleInput = z.infer<typeof SampleInput>;

/** Judges samples that came in for a canary, while it runs and while it is watched. Advice with its numbers: it stops nothing. */
export function judgeSamples(input: SampleInput, { release, canary }: RoomFacts, _ask: Ask): Decision {
  const isWatched = release.state === 'done' && release.watchUntil !== undefined && release.watchEndedAt === undefined;
  if (!isRunning(release.state) && !isWatched)
    return refuse({ code: 'wrong_state', release: release.number, verb: 'sample', state: release.state, possible: [] });
  const { samples, tolerance, reference } = input;
  const verdict = judgeCanary(samples, {
    ...(tolerance === null ? {} : { tolerance }),
    ...(reference === null ? {} : { reference }),
  });
  const news = canary.find((one) => one.metric === verdict.metric)?.verdict !== verdict.verdict;
  return accept({ type: 'canary.judged', release: release.number, ...verdict, n: { ...verdict.n }, news });
}
