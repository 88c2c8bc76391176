import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import {
  DigestDays,
  DigestKind,
  DigestQuiet,
  DigestSection,
  digestSections,
  isPersonTarget,
  isUnseen,
  periodOf,
  wallClock,
} from './follow.ts';
import { type Known, Scope, unknownIn } from './scope.ts';
import { addDays, instantAt, isoWeekday, wallTime } from './time.ts';

export type DigestSchedule = {
  /** Daily unless it says otherwise. */
  readonly kind?: DigestKind;
  /** "HH:MM" on the wall of `zone`. */
  readonly at: string;
  readonly zone: string;
  /** ISO weekdays, 1 = Monday. A weekly digest comes on the first of them in a week, a monthly one on the first in a month. */
  readonly days: readonly number[];
};

/** What is in a digest, and whether it says something on a day without news. */
export type DigestContent = {
  readonly scope: Scope;
  readonly sections: readonly DigestSection[];
  readonly quiet: z.infer<typeof DigestQuiet>;
};

export type DigestPlan = DigestSchedule & DigestContent & { readonly nextAt: Date | undefined };

export type DigestFacts = {
  readonly zone: string;
  readonly schedule: DigestPlan | undefined;
  /** Local date of the last digest of this kind: posted, missed, or silent. */
  readonly last: string | undefined;
  readonly roles: readonly string[];
  readonly hasCatalog: boolean;
  /** What a scope may name. */
  readonly known: Known;
};

/** What is said of a day: keys such as "today:142". */
export type DigestNews = {
  readonly items: readonly string[];
  /** What the last digest that was posted said. */
  readonly before: readonly string[];
  /** Nothing is wanted here before this time; null: until somebody says otherwise. */
  readonly mutedUntil: Date | null | undefined;
};

/** What everybody gets who asks for nothing else. */
export const usualContent: DigestContent = {
  scope: Scope.parse({}),
  sections: digestSections,
  quiet: 'silent',
};

/**
 * The next moment at which a digest is due, strictly after `now` and in a later period than `after` (the date of the
 * last one). One digest per local date, whatever a DST change does to its hour.
 */
export function nextDigest(schedule: DigestSchedule, now: Date, after?: string): { date: string; at: Date } {
  return findDue(schedule, now, after, (at) => at.getTime() > now.getTime());
}

/** The same, but a day that is not over and has none yet gets one at once when its hour is past. */
function dueDigest(schedule: DigestSchedule, now: Date, after: string | undefined): { date: string; at: Date } {
  const due = findDue(schedule, now, after, () => true);
  return due.at < now ? { ...due, at: now } : due;
}

function findDue(
  schedule: DigestSchedule,
  now: Date,
  after: string | undefined,
  fits: (at: Date) => boolean,
): { date: string; at: Date } {
  const kind = schedule.kind ?? 'daily';
  let date = wallTime(now, schedule.zone).date;
  for (let tries = 0; tries < 370; tries++, date = addDays(date, 1)) {
    if (!comesOn(schedule, date)) continue;
    if (after !== undefined && periodOf(kind, date) <= periodOf(kind, after)) continue;
    const at = instantAt(date, schedule.at, schedule.zone);
    if (fits(at)) return { date, at };
  }
  throw new Error('a digest schedule without days');
}

/** Is this one of its days, and the first of its period? */
function comesOn({ kind = 'daily', days }: DigestSchedule, date: string): boolean {
  const isDay = (one: string) => days.includes(isoWeekday(one));
  if (!isDay(date)) return false;
  for (let day = periodOf(kind, date); day < date; day = addDays(day, 1)) if (isDay(day)) return false;
  return true;
}

export const SubscribeInput = z.strictObject({
  /** A channel, or a person: their direct messages. */
  channel: z.string().nullable(),
  kind: DigestKind.default('daily'),
  at: wallClock,
  /** The calendar's zone when nobody named one. */
  zone: z.string().nullable(),
  days: DigestDays,
  scope: Scope.prefault({}),
  sections: z.array(DigestSection).min(1).default(digestSections),
  quiet: DigestQuiet.default('silent'),
});
export type SubscribeInput = z.infer<typeof SubscribeInput>;

export function subscribeDigest(input: SubscribeInput, facts: DigestFacts, ask: Ask): Decision {
  const { channel } = input;
  if (channel === null) return refuse({ code: 'digest_nowhere' });
  if (isPersonTarget(channel) && channel !== actorId(ask))
    return refuse({ code: 'not_yours', what: 'digest', owner: channel });
  if (isUnseen(channel, ask.directory)) return refuse({ code: 'not_in_channel', channel });
  const unknown = facts.hasCatalog ? unknownIn(input.scope, facts.known) : undefined;
  if (unknown) return refuse({ code: 'unknown_scope', ...unknown });
  const plan = { ...input, zone: input.zone ?? facts.zone, days: [...input.days].sort() };
  return accept(digestSubscribed(channel, plan, facts, ask.now));
}

/** The event of a new or changed schedule, whoever asks for it. */
export function digestSubscribed(
  channel: string,
  plan: DigestSchedule & DigestContent,
  facts: Pick<DigestFacts, 'schedule' | 'last'>,
  now: Date,
): EventBody {
  // Today's is still to come: the edit moves it, if only to this minute.
  const isPending = facts.schedule?.nextAt !== undefined && isToday(facts.schedule.nextAt, facts.schedule.zone, now);
  const next = isPending ? dueDigest(plan, now, facts.last) : nextDigest(plan, now, facts.last);
  const { kind = 'daily', at, zone, days, scope, sections, quiet } = plan;
  return {
    type: 'digest.subscribed',
    channel,
    kind,
    at,
    zone,
    days: [...days],
    scope,
    sections: [...sections],
    quiet,
    nextAt: next.at.toISOString(),
    before: facts.schedule ? { at: facts.schedule.at, zone: facts.schedule.zone } : null,
  };
}

function isToday(at: Date, zone: string, now: Date): boolean {
  return wallTime(at, zone).date === wallTime(now, zone).date;
}

export const OfChannel = z.strictObject({ channel: z.string().nullable(), kind: DigestKind.default('daily') });
export type OfChannel = z.infer<typeof OfChannel>;

export function unsubscribeDigest({ channel, kind }: OfChannel, facts: DigestFacts, ask: Ask): Decision {
  if (channel === null) return refuse({ code: 'digest_nowhere' });
  if (isPersonTarget(channel) && channel !== actorId(ask))
    return refuse({ code: 'not_yours', what: 'digest', owner: channel });
  if (!facts.schedule) return refuse({ code: 'digest_off', kind });
  return accept({ type: 'digest.unsubscribed', channel, kind });
}

export const DueDigest = z.strictObject({
  channel: z.string(),
  kind: DigestKind.default('daily'),
  due: z.coerce.date(),
});
export type DueDigest = z.infer<typeof DueDigest>;

/**
 * The clock: posts the digest of the date that its timer was set for, unless that day is over, already has one, or has
 * nothing to say. A clock that jumped back changes nothing: the timer says which day is meant.
 */
export function postDigest(input: DueDigest, facts: DigestFacts & DigestNews, ask: Ask): Decision {
  const { schedule } = facts;
  if (!schedule) return accept();
  const { kind, channel } = input;
  const date = wallTime(input.due, schedule.zone).date;
  // The schedule was edited after this timer was set: the edit set its own.
  const expected = schedule.nextAt ?? instantAt(date, schedule.at, schedule.zone);
  if (expected.getTime() !== input.due.getTime()) return accept();
  if (facts.last !== undefined && periodOf(kind, date) <= periodOf(kind, facts.last)) return accept();
  const nextAt = dueDigest(schedule, ask.now, date).at.toISOString();
  const about = { channel, kind, date, nextAt };
  if (wallTime(ask.now, schedule.zone).date > date) return accept({ type: 'digest.missed', ...about });
  if (facts.mutedUntil === null || (facts.mutedUntil && facts.mutedUntil > ask.now))
    return accept({ type: 'digest.silent', ...about, why: 'muted' });
  if (schedule.quiet === 'silent' && !isNews(facts.items, facts.before))
    return accept({ type: 'digest.silent', ...about, why: 'nothing_new' });
  const until = instantAt(addDays(date, 1), '00:00', schedule.zone).toISOString();
  return accept({ type: 'digest.posted', ...about, until, items: [...facts.items] });
}

/** What happens today or happened yesterday is news; of everything else, what the last digest did not say. */
export function isNews(items: readonly string[], before: readonly string[]): boolean {
  return items.some((item) => /^(today|ended):/.test(item) || !before.includes(item));
}

/** Events after which a digest of today may say something else. What is not here changes no line of it. */
export const digestChanges: readonly EventBody['type'][] = [
  'catalog.applied',
  'release.requested',
  'release.approved',
  'release.rejected',
  'release.expired',
  'release.cancelled',
  'release.reinstated',
  'release.moved',
  'release.changed',
  'release.left_behind',
  'release.started',
  'release.paused',
  'release.resumed',
  'release.verifying',
  'release.done',
  'release.failed',
  'release.rolled_back',
  'release.restored',
  'release.reviewed',
  'slot.extended',
  'vote.cast',
  'vote.taken_back',
  'vote.delegated',
  'gate.escalated',
  'gate.left',
  'gate.stuck',
  'exception.asked',
  'exception.ended',
  'override.granted',
  'freeze.added',
  'freeze.lifted',
  'error.known',
  'error.fixed',
];

/** How often a digest of today looks whether it has to be edited, in minutes. */
export const digestMergeMinutes = 10;
