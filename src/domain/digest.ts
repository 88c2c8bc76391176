import { z } from 'zod';
import { type Ask, accept, type Decision, refuse } from './decision.ts';
import { DigestDays } from './event.ts';
import { addDays, instantAt, isoWeekday, wallTime } from './time.ts';

export type DigestSchedule = {
  /** "HH:MM" on the wall of `zone`. */
  readonly at: string;
  readonly zone: string;
  /** ISO weekdays, 1 = Monday. */
  readonly days: readonly number[];
};

export type DigestFacts = {
  readonly zone: string;
  readonly schedule: DigestSchedule | undefined;
  /** Local date of the last digest, posted or missed. */
  readonly last: string | undefined;
  readonly roles: readonly string[];
};

/**
 * The next moment at which a digest is due, strictly after `now` and on a later local date than `after` (the date of the
 * last one posted). One digest per local date, whatever a DST change does to its hour.
 */
export function nextDigest(schedule: DigestSchedule, now: Date, after?: string): { date: string; at: Date } {
  let date = wallTime(now, schedule.zone).date;
  for (let tries = 0; tries < 370; tries++, date = addDays(date, 1)) {
    if (!schedule.days.includes(isoWeekday(date)) || (after !== undefined && date <= after)) continue;
    const at = instantAt(date, schedule.at, schedule.zone);
    if (at.getTime() > now.getTime()) return { date, at };
  }
  throw new Error('a digest schedule without days');
}

export const SubscribeInput = z.strictObject({
  channel: z.string().nullable(),
  at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/),
  /** The calendar's zone when nobody named one. */
  zone: z.string().nullable(),
  days: DigestDays,
});
export type SubscribeInput = z.infer<typeof SubscribeInput>;

export function subscribeDigest(input: SubscribeInput, facts: DigestFacts, ask: Ask): Decision {
  if (input.channel === null) return refuse({ code: 'digest_nowhere' });
  const schedule = { at: input.at, zone: input.zone ?? facts.zone, days: [...input.days].sort() };
  const next = nextDigest(schedule, ask.now, facts.last);
  return accept({ type: 'digest.subscribed', channel: input.channel, ...schedule, nextAt: next.at.toISOString() });
}

export const OfChannel = z.strictObject({ channel: z.string().nullable() });
export type OfChannel = z.infer<typeof OfChannel>;

export function unsubscribeDigest(input: OfChannel, facts: DigestFacts, _ask: Ask): Decision {
  if (input.channel === null) return refuse({ code: 'digest_nowhere' });
  if (!facts.schedule) return refuse({ code: 'digest_off' });
  return accept({ type: 'digest.unsubscribed', channel: input.channel });
}

export const DueDigest = z.strictObject({ channel: z.string(), due: z.coerce.date() });
export type DueDigest = z.infer<typeof DueDigest>;

/** The clock: posts the digest of the date that its timer was set for, unless that day is over or already has one. */
export function postDigest(input: DueDigest, facts: DigestFacts, ask: Ask): Decision {
  const { schedule } = facts;
  if (!schedule || ask.now < input.due) return accept();
  const date = wallTime(input.due, schedule.zone).date;
  // The schedule was edited after this timer was set: the edit set its own.
  if (instantAt(date, schedule.at, schedule.zone).getTime() !== input.due.getTime()) return accept();
  if (facts.last !== undefined && date <= facts.last) return accept();
  const next = nextDigest(schedule, ask.now, date);
  const type = wallTime(ask.now, schedule.zone).date === date ? 'digest.posted' : 'digest.missed';
  return accept({ type, channel: input.channel, date, nextAt: next.at.toISOString() });
}
