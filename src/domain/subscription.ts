import { z } from 'zod';
import { mayManage } from './access.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody, EventType } from './event.ts';
import { isEverything, isPersonTarget, isUnseen, QuietHours, scopeKey, Topic } from './follow.ts';
import { type Known, Scope, unknownIn } from './scope.ts';
import { addDays, instantAt, isoWeekday, wallTime } from './time.ts';

/** Which topic tells of an event. What is missing here no subscription tells. */
const topicOfType: Partial<Record<EventType, Topic>> = {
  'release.requested': 'requested',
  'release.approved': 'approved',
  'release.rejected': 'rejected',
  'release.expired': 'rejected',
  'release.started': 'started',
  'release.done': 'finished',
  'release.rolled_back': 'rolled_back',
  'release.failed': 'rolled_back',
  'release.cancelled': 'cancelled',
  'release.reinstated': 'cancelled',
  'release.moved': 'moved',
  'release.left_behind': 'moved',
  'release.changed': 'risk',
  'freeze.added': 'freeze',
  'freeze.lifted': 'freeze',
  'vote.cast': 'votes',
  'vote.taken_back': 'votes',
  'vote.delegated': 'votes',
  'step.done': 'steps',
  'step.failed': 'steps',
  'step.skipped': 'steps',
  'step.voiced': 'gonogo',
  'note.added': 'notes',
  'review.asked': 'pir',
  'review.overdue': 'pir',
  'release.reviewed': 'pir',
};

export function topicOf({ type }: Pick<EventBody, 'type'>): Topic | undefined {
  return topicOfType[type];
}

/** The event types that these topics tell of. A change of content is one only when its risk has another band. */
export function typesOf(topics: readonly Topic[]): string[] {
  return Object.entries(topicOfType).flatMap(([type, topic]) =>
    topics.includes(topic) && type !== 'release.changed' ? [type] : [],
  );
}

export type Subscription = {
  readonly target: string;
  readonly key: string;
  readonly scope: Scope;
  readonly topics: readonly Topic[];
  readonly by: string | null;
  readonly since: Date;
};

export type Subscriber = {
  /** Null: until somebody says otherwise; undefined: not muted. */
  readonly mutedUntil: Date | null | undefined;
  readonly quiet: QuietHours | null;
};

export type SubscriptionFacts = {
  readonly zone: string;
  readonly roles: readonly string[];
  readonly hasCatalog: boolean;
  readonly known: Known;
  /** Of this target. */
  readonly keys: readonly string[];
  readonly subscriber: Subscriber;
  /** Messages that the wish would have been in the last seven days. */
  readonly lately: number;
};

const target = z.string().nullable();
export const AddSubscription = z.strictObject({ target, scope: Scope, topics: z.array(Topic).min(1) });
export type AddSubscription = z.infer<typeof AddSubscription>;

export function addSubscription(input: AddSubscription, facts: SubscriptionFacts, ask: Ask): Decision {
  const { scope, topics } = input;
  const wrong = notTheirs(input.target, ask);
  if (wrong) return wrong;
  if (input.target !== null && isUnseen(input.target, ask.directory))
    return refuse({ code: 'not_in_channel', channel: input.target });
  if (isEverything(scope) && !mayManage(facts)) return refuse({ code: 'only_managers', verb: 'subscribe' });
  const unknown = facts.hasCatalog ? unknownIn(scope, facts.known) : undefined;
  if (unknown) return refuse({ code: 'unknown_scope', ...unknown });
  return accept({
    type: 'subscription.added',
    target: input.target as string,
    key: scopeKey(scope),
    scope,
    topics: [...new Set(topics)],
    lately: facts.lately,
  });
}

/** `key` is a scope as it is typed; null: everything that this target follows. */
export const RemoveSubscription = z.strictObject({ target, key: z.string().nullable() });
export type RemoveSubscription = z.infer<typeof RemoveSubscription>;

export function removeSubscription(input: RemoveSubscription, facts: SubscriptionFacts, ask: Ask): Decision {
  const wrong = notTheirs(input.target, ask);
  if (wrong) return wrong;
  const gone = facts.keys.filter((key) => input.key === null || key === input.key);
  if (gone.length === 0) return refuse({ code: 'not_subscribed', key: input.key, keys: [...facts.keys] });
  return accept(
    ...gone.map((key): EventBody => ({ type: 'subscription.removed', target: input.target as string, key })),
  );
}

/** Until an instant, "monday" (its next 09:00), or null: until somebody says otherwise. */
export const MuteInput = z.strictObject({
  target,
  until: z.union([z.literal('monday'), z.iso.datetime()]).nullable(),
});
export type MuteInput = z.infer<typeof MuteInput>;

/** A mute ends; what happened meanwhile is not told afterwards. */
export function muteSubscriber(input: MuteInput, facts: SubscriptionFacts, ask: Ask): Decision {
  const wrong = notTheirs(input.target, ask);
  if (wrong) return wrong;
  const until = input.until === 'monday' ? nextMonday(ask.now, facts.zone).toISOString() : input.until;
  if (until !== null && new Date(until) <= ask.now) return refuse({ code: 'in_the_past', startsAt: until });
  return accept({ type: 'subscriber.muted', target: input.target as string, until });
}

export const OfTarget = z.strictObject({ target });
export type OfTarget = z.infer<typeof OfTarget>;

export function unmuteSubscriber(input: OfTarget, facts: SubscriptionFacts, ask: Ask): Decision {
  const wrong = notTheirs(input.target, ask);
  if (wrong) return wrong;
  if (facts.subscriber.mutedUntil === undefined) return accept();
  return accept({ type: 'subscriber.unmuted', target: input.target as string });
}

/** The calendar's zone when nobody named one. */
export const QuietInput = z.strictObject({
  target,
  hours: QuietHours.extend({ zone: z.string().nullable() }).nullable(),
});
export type QuietInput = z.infer<typeof QuietInput>;

/** What falls into the quiet hours is told when they end, as it is then. */
export function quietSubscriber(input: QuietInput, facts: SubscriptionFacts, ask: Ask): Decision {
  const wrong = notTheirs(input.target, ask);
  if (wrong) return wrong;
  if (input.hours && input.hours.from === input.hours.to) return refuse({ code: 'never_happens', what: 'quiet time' });
  const hours = input.hours && { ...input.hours, zone: input.hours.zone ?? facts.zone };
  return accept({ type: 'subscriber.quieted', target: input.target as string, hours });
}

/** Next Monday 09:00, at least a moment away. */
function nextMonday(now: Date, zone: string): Date {
  const today = wallTime(now, zone).date;
  const days = (8 - isoWeekday(today)) % 7;
  const at = instantAt(addDays(today, days), '09:00', zone);
  return at > now ? at : instantAt(addDays(today, 7), '09:00', zone);
}

function notTheirs(whose: string | null, ask: Ask): Decision | undefined {
  if (whose === null) return refuse({ code: 'subscribe_nowhere' });
  if (isPersonTarget(whose) && whose !== actorId(ask))
    return refuse({ code: 'not_yours', what: 'subscription', owner: whose });
  return undefined;
}

/** At most so many replies of one release are shown to a whole channel (interaction.md §2.6). */
export const broadcastsPerRelease = 4;
