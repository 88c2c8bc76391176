import { z } from 'zod';
import type { Conflict, Seat } from './calendar.ts';
import { type CalendarFacts, isHard, type Wanted } from './conflict.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { unitsName } from './release.ts';
import { place, type RequestFacts, type RequestInput, requestRelease, wantedOf } from './request.ts';
import { addMinutes } from './time.ts';

/** How long a time that came free is kept for the next in line. */
export const offerMinutes = 30;

export type Waiting = {
  readonly id: string;
  readonly person: string;
  readonly state: 'waiting' | 'offered' | 'taken' | 'left' | 'lapsed';
  readonly request: RequestInput;
  readonly startsAt: Date;
  readonly endsAt: Date;
};

export type JoinFacts = RequestFacts & { readonly mine: readonly Waiting[] };

/** Waits for a time that is taken. A time that is free is booked, not waited for; one that no wait helps is refused. */
export function joinLine(input: RequestInput, facts: JoinFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const wished = requestRelease(input, facts, ask);
  if (wished.ok) return refuse({ code: 'is_free' });
  if (wished.refusal.code !== 'conflict' || !wished.refusal.hard.every(passes)) return wished;
  if (facts.mine.some((one) => one.startsAt.toISOString() === input.startsAt && sameUnits(one.request, input)))
    return refuse({ code: 'in_line', startsAt: input.startsAt });
  const startsAt = new Date(input.startsAt);
  return accept({
    type: 'line.joined',
    line: ask.newId(),
    person,
    request: input,
    environment: input.environment,
    startsAt: startsAt.toISOString(),
    endsAt: addMinutes(startsAt, input.minutes).toISOString(),
  });
}

/** One who waits, with the calendar as it is now around the wish. */
export type WaitingFacts = { readonly entry: Waiting; readonly facts: RequestFacts };

/** What was offered in this very round. */
type Given = { wanted: Wanted; startsAt: Date; endsAt: Date; holder: string; seats: readonly Seat[] };

/** The clock: offers what came free to those who wait, first come first served, and ends what is over. */
export function offerLine(_input: unknown, waiting: readonly WaitingFacts[], ask: Ask): Decision {
  const events: EventBody[] = [];
  const given: Given[] = [];
  for (const { entry, facts } of waiting) {
    if (entry.startsAt <= ask.now) {
      events.push({ type: 'line.lapsed', line: entry.id });
      continue;
    }
    const wanted = wantedOf(entry.request, facts);
    const calendar = withGiven(facts.calendar, wanted, given);
    const placed = place(calendar, wanted, entry, ask.now);
    if (!placed.ok) continue;
    const until = new Date(Math.min(addMinutes(ask.now, offerMinutes).getTime(), entry.startsAt.getTime()));
    given.push({
      wanted,
      startsAt: entry.startsAt,
      endsAt: entry.endsAt,
      holder: lineHolder(entry.id),
      seats: placed.seats,
    });
    events.push({
      type: 'line.offered',
      line: entry.id,
      until: until.toISOString(),
      environment: entry.request.environment,
      exclusive: facts.exclusive,
      services: entry.request.units.map((unit) => unit.service),
      label: `${unitsName(entry.request.units)} (kept for the line)`,
      startsAt: entry.startsAt.toISOString(),
      endsAt: entry.endsAt.toISOString(),
      seats: [...placed.seats],
    });
  }
  return accept(...events);
}

export const OfLine = z.strictObject({ line: z.string() });
export type OfLine = z.infer<typeof OfLine>;
export type LineFacts = RequestFacts & { readonly entry: Waiting };

/** Takes the offered time: from here on it is an ordinary request. */
export function takeLine(_input: OfLine, { entry, ...facts }: LineFacts, ask: Ask): Decision {
  if (entry.person !== actorId(ask)) return refuse({ code: 'not_yours', what: 'offer', owner: entry.person });
  if (entry.state !== 'offered') return refuse({ code: 'line_over', state: entry.state });
  const requested = requestRelease(entry.request, facts, ask, { holders: [lineHolder(entry.id)] });
  return requested.ok ? accept({ type: 'line.taken', line: entry.id }, ...requested.events) : requested;
}

export function leaveLine(_input: OfLine, { entry }: LineFacts, ask: Ask): Decision {
  if (entry.person !== actorId(ask))
    return refuse({ code: 'not_yours', what: 'place in the line', owner: entry.person });
  if (entry.state !== 'offered' && entry.state !== 'waiting') return refuse({ code: 'line_over', state: entry.state });
  return accept({ type: 'line.left', line: entry.id });
}

/** The clock: an offer that nobody took goes to the next, and waiting ends when the time itself has come. */
export function lapseLine(_input: OfLine, { entry }: LineFacts, ask: Ask): Decision {
  const isOver = entry.state === 'offered' || (entry.state === 'waiting' && entry.startsAt <= ask.now);
  return isOver ? accept({ type: 'line.lapsed', line: entry.id }) : accept();
}

export function lineHolder(id: string): string {
  return `line:${id}`;
}

/** Waiting helps against others who hold the time; not against rules. */
export function passes(conflict: Conflict): boolean {
  return !isHard(conflict) || ['service_busy', 'environment_busy', 'window_full'].includes(conflict.code);
}

function withGiven(calendar: CalendarFacts, wanted: Wanted, given: readonly Given[]): CalendarFacts {
  const near = given.filter((one) => one.wanted.environment === wanted.environment);
  const held = near.flatMap(({ wanted: { exclusive, services }, startsAt, endsAt, holder }) =>
    (exclusive ? [null] : services.map((service) => service.key)).map((service) => ({
      holder,
      service,
      label: 'kept for the line',
      startsAt,
      endsAt,
    })),
  );
  const seats = given.flatMap(({ seats, holder }) => seats.map((seat) => ({ ...seat, holder })));
  return { ...calendar, held: [...calendar.held, ...held], seats: [...calendar.seats, ...seats] };
}

function sameUnits(a: RequestInput, b: RequestInput): boolean {
  return a.environment === b.environment && unitsName(a.units) === unitsName(b.units);
}
