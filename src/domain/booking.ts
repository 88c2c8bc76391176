import { z } from 'zod';
import { mayManage } from './access.ts';
import type { Held } from './conflict.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { isGuarded, type Policy } from './policy.ts';
import { addMinutes } from './time.ts';

/** An environment kept for something that is no release: a test round, a rehearsal, a migration dry run. */
export const BookingInput = z.strictObject({
  environment: z.string(),
  /** Empty: the whole environment. */
  services: z.array(z.string()),
  startsAt: z.iso.datetime(),
  minutes: z.number().int(),
  purpose: z.string().max(200),
  channel: z.string().nullable(),
});
export type BookingInput = z.infer<typeof BookingInput>;

export type BookingFacts = {
  readonly environments: readonly string[];
  readonly services: readonly string[];
  readonly hasCatalog: boolean;
  readonly held: readonly Held[];
  readonly roles: readonly string[];
  readonly policies: readonly Policy[];
};

/** `ENV-7`, the name people use. */
export function bookingKey(number: number): string {
  return `ENV-${number}`;
}

/** So long may anybody keep an environment; longer needs a release manager. */
const ownHours = 12;
export const bookingDurations = { min: 15, max: 14 * 24 * 60 } as const;

/** Reserves an environment, or some services of it. Releases and other reservations stand in its way, and it in theirs. */
export function reserveEnvironment(input: BookingInput, facts: BookingFacts, ask: Ask): Decision {
  if (facts.hasCatalog && !facts.environments.includes(input.environment))
    return refuse({
      code: 'unknown_environment',
      service: 'The catalogue',
      name: input.environment,
      known: [...facts.environments],
    });
  const unknown = input.services.find((service) => !facts.services.includes(service));
  if (unknown !== undefined)
    return refuse({ code: 'unknown_service', name: unknown, nearest: null, known: [...facts.services] });
  if (input.minutes < bookingDurations.min || input.minutes > bookingDurations.max)
    return refuse({ code: 'bad_duration', minutes: input.minutes, ...bookingDurations });
  // Where releases need a vote, nobody shuts others out alone.
  if (facts.hasCatalog && isGuarded(facts.policies, input.environment) && !mayManage(facts))
    return refuse({ code: 'only_managers', verb: 'reserve' });
  if (input.minutes > ownHours * 60 && !mayManage(facts)) return refuse({ code: 'too_long_for_you', hours: ownHours });
  const startsAt = new Date(input.startsAt);
  const endsAt = addMinutes(startsAt, input.minutes);
  if (startsAt <= ask.now) return refuse({ code: 'in_the_past', startsAt: input.startsAt });
  const inTheWay = facts.held.filter(
    (held) =>
      held.startsAt < endsAt &&
      startsAt < held.endsAt &&
      (input.services.length === 0 || held.service === null || input.services.includes(held.service)),
  );
  if (inTheWay.length > 0) {
    const hard = inTheWay.map((held) => ({
      code: 'environment_busy' as const,
      level: 'hard' as const,
      environment: input.environment,
      holder: held.holder,
      label: held.label,
      startsAt: held.startsAt.toISOString(),
      endsAt: held.endsAt.toISOString(),
    }));
    return refuse({ code: 'conflict', startsAt: input.startsAt, minutes: input.minutes, hard, warnings: [] });
  }
  return accept({
    type: 'booking.made',
    booking: ask.number,
    environment: input.environment,
    services: [...new Set(input.services)],
    person: actorId(ask),
    purpose: input.purpose.trim() || 'testing',
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    channel: input.channel,
  });
}

export const OfBooking = z.strictObject({ booking: z.number().int() });
export type OfBooking = z.infer<typeof OfBooking>;
export type BookedFacts = {
  readonly booking: { readonly person: string; readonly state: string; readonly endsAt: Date } | undefined;
  readonly roles: readonly string[];
};

/** Gives a reservation back before its time is over. */
export function endBooking(input: OfBooking, facts: BookedFacts, ask: Ask): Decision {
  const { booking, roles } = facts;
  if (!booking) return refuse({ code: 'unknown_booking', booking: input.booking });
  if (booking.person !== actorId(ask) && !roles.includes('release_manager'))
    return refuse({ code: 'not_yours', what: 'reservation', owner: booking.person });
  if (booking.state !== 'made' || booking.endsAt <= ask.now)
    return refuse({ code: 'booking_over', booking: input.booking });
  return accept({ type: 'booking.ended', booking: input.booking });
}
