import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { OfRelease } from './deploy.ts';
import { onlyRunners } from './move.ts';
import { isFullMember } from './person.ts';
import type { Release, ReleaseFacts } from './release.ts';
import { addMinutes, instantAt, isDate } from './time.ts';

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
  return ['done', 'rolled_back', 'failed'].includes(state) && endedAt !== undefined;
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
export function missReview(_input: OfRelease, facts: ReleaseFacts, ask: Ask): Decision {
  const { release, policy } = facts;
  if (!isReviewable(release) || release.reviewedAt) return accept();
  // It may have ended once more, as when it was rolled back after it was done.
  if (ask.now < addMinutes(release.endedAt as Date, reviewTimesOf(release).dueMinutes)) return accept();
  return accept({
    type: 'review.overdue',
    release: release.number,
    managers: release.changeType === 'emergency' ? [...policy.managers] : [],
  });
}

/** Something to be done, by somebody, by a local date. */
const ActionWish = z.strictObject({
  text: z.string().min(1).max(300),
  owner: z.string(),
  due: z.string().refine(isDate, 'is not a date'),
});

export const ReviewInput = z.strictObject({
  release: z.number().int(),
  outcome: z.enum(['as_planned', 'minor', 'failed']),
  text: z.string().max(3000),
  detectedBy: z.string().max(200).default(''),
  /** How long customers felt it; null: nobody knows. */
  impactMinutes: z.number().int().min(0).max(100_000).nullable().default(null),
  helped: z.string().max(1000).default(''),
  hindered: z.string().max(1000).default(''),
  again: z.enum(['yes', 'no', 'unsure', '']).default(''),
  actions: z.array(ActionWish).max(5).default([]),
});
export type ReviewInput = z.infer<typeof ReviewInput>;

export function reviewRelease(input: ReviewInput, facts: ActionFacts, ask: Ask): Decision {
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
  if (input.outcome === 'as_planned' && release.state !== 'done')
    return refuse({ code: 'not_as_planned', release: release.number });
  if (input.outcome !== 'as_planned' && text === '') return refuse({ code: 'reason_needed', verb: 'pir' });
  const unfit = input.actions.map((wish) => unfitAction(wish, ask)).find((no) => no !== undefined);
  if (unfit) return refuse(unfit);
  const taken = facts.actions.length;
  const actions = input.actions.map((wish, index) => actionOf(wish, actionKey(release, taken + index), facts));
  const { outcome, impactMinutes, again } = input;
  const [detectedBy, helped, hindered] = [input.detectedBy.trim(), input.helped.trim(), input.hindered.trim()];
  const said = { outcome, text, detectedBy, impactMinutes, helped, hindered, again, actions };
  return accept({ type: 'release.reviewed', release: release.number, ...said });
}

export const AddActionInput = z.strictObject({ release: z.number().int(), action: ActionWish });
export type AddActionInput = z.infer<typeof AddActionInput>;
export type ActionFacts = ReleaseFacts & {
  readonly actions: readonly {
    readonly key: string;
    readonly text: string;
    readonly owner: string;
    readonly due: string;
    readonly isDone: boolean;
  }[];
};

/** One more thing to be done after a release. */
export function addAction(input: AddActionInput, facts: ActionFacts, ask: Ask): Decision {
  const { release } = facts;
  const unfit = unfitAction(input.action, ask);
  if (unfit) return refuse(unfit);
  if (!release.startedAt)
    return refuse({
      code: 'wrong_state',
      release: release.number,
      verb: 'add actions to',
      state: release.state,
      possible: [],
    });
  const key = actionKey(release, facts.actions.length);
  return accept({ type: 'action.added', release: release.number, action: actionOf(input.action, key, facts) });
}

export const ActionDoneInput = z.strictObject({ release: z.number().int(), key: z.string().max(40) });
export type ActionDoneInput = z.infer<typeof ActionDoneInput>;

export function finishAction(input: ActionDoneInput, facts: ActionFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const one = facts.actions.find(
    (other) => other.key.toLowerCase() === input.key.trim().toLowerCase() && !other.isDone,
  );
  if (!one) return refuse({ code: 'unknown_action', key: input.key });
  if (one.owner !== person && !mayRun(facts.release, person, facts.roles))
    return refuse({ code: 'not_yours', what: 'action', owner: one.owner });
  return accept({ type: 'action.done', release: facts.release.number, key: one.key, text: one.text });
}

export const OfAction = z.strictObject({ release: z.number().int(), key: z.string() });
export type OfAction = z.infer<typeof OfAction>;

/** The clock, in the morning of the day that an action is due. */
export function remindAction(input: OfAction, facts: ActionFacts, _ask: Ask): Decision {
  const one = facts.actions.find(({ key }) => key === input.key);
  if (!one || one.isDone) return accept();
  const { key, text, owner, due } = one;
  return accept({ type: 'action.reminded', release: facts.release.number, key, text, owner, due });
}

/** Why nobody can be asked to do this. */
function unfitAction({ text, owner }: z.infer<typeof ActionWish>, ask: Ask): Refusal | undefined {
  const person = ask.directory.people[owner];
  if (!person || !isFullMember(person)) return { code: 'offer_unfit', person: owner };
  return text.trim() === '' ? { code: 'empty_note' } : undefined;
}

function actionKey({ number }: Pick<Release, 'number'>, index: number): string {
  return `A${number}-${index + 1}`;
}

function actionOf(wish: z.infer<typeof ActionWish>, key: string, { policy }: Pick<ReleaseFacts, 'policy'>) {
  return { ...wish, text: wish.text.trim(), key, remindAt: instantAt(wish.due, '09:00', policy.zone).toISOString() };
}
