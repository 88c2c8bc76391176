import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { OfRelease } from './deploy.ts';
import { onlyRunners } from './move.ts';
import type { Release, ReleaseFacts } from './release.ts';
import { addMinutes } from './time.ts';

/*
 * The post-implementation review: asked for a day after the end and due two days later; after an emergency within the hour,
 * and due in a day.
 */
export const reviewTimes = {
  usual: { askMinutes: 24 * 60, dueMinutes: 72 * 60 },
  emergency: { askMinutes: 60, dueMinutes: 24 * 60 },
} as const;

export function reviewTimesOf({ changeType }: Pick<Release, 'changeType'>) {
  return changeType === 'emergency' ? reviewTimes.emergency : reviewTimes.usual;
}

/** Ended in a way that something can be learnt from. */
function isReviewable({ state, endedAt }: Release): boolean {
  return (state === 'done' || state === 'rolled_back') && endedAt !== undefined;
}

/** The clock: asks the owner how it went. */
export function askReview(_input: OfRelease, { release }: ReleaseFacts, ask: Ask): Decision {
  if (!isReviewable(release) || release.reviewedAt || release.reviewAskedAt) return accept();
  const { askMinutes, dueMinutes } = reviewTimesOf(release);
  const ended = release.endedAt as Date;
  if (ask.now < addMinutes(ended, askMinutes)) return accept();
  return accept({
    type: 'review.asked',
    release: release.number,
    dueAt: addMinutes(ended, dueMinutes).toISOString(),
  });
}

/** The clock: says once, in the thread, that a review is missing. */
export function missReview(_input: OfRelease, facts: ReleaseFacts, _ask: Ask): Decision {
  const { release, policy } = facts;
  if (!isReviewable(release) || release.reviewedAt) return accept();
  return accept({
    type: 'review.overdue',
    release: release.number,
    managers: release.changeType === 'emergency' ? [...policy.managers] : [],
  });
}

export const ReviewInput = z.strictObject({
  release: z.number().int(),
  outcome: z.enum(['as_planned', 'minor', 'failed']),
  text: z.string().max(3000),
});
export type ReviewInput = z.infer<typeof ReviewInput>;

export function reviewRelease(input: ReviewInput, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('review', facts));
  if (!isReviewable(release))
    return refuse({
      code: 'wrong_state',
      release: release.number,
      verb: 'review afterwards',
      state: release.state,
      possible: [],
    });
  if (release.reviewedAt)
    return refuse({ code: 'reviewed', release: release.number, at: release.reviewedAt.toISOString() });
  const text = input.text.trim();
  if (input.outcome === 'as_planned' && release.state === 'rolled_back')
    return refuse({ code: 'not_as_planned', release: release.number });
  if (input.outcome !== 'as_planned' && text === '') return refuse({ code: 'reason_needed', verb: 'pir' });
  return accept({ type: 'release.reviewed', release: release.number, outcome: input.outcome, text });
}
