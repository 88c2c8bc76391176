import { z } from 'zod';
import type { Train } from './calendar.ts';
import { type Ask, accept, type Decision } from './decision.ts';
import type { EventBody } from './event.ts';
import { nextOccurrence, type Occurrence } from './recurrence.ts';
import type { ReleaseState } from './release.ts';
import { covers, type Traits } from './scope.ts';
import { addMinutes } from './time.ts';

export type Departure = Occurrence & { readonly cutoffAt: Date };

/** The first departure whose boarding is still open after `now`. A start that does not exist is no departure. */
export function nextDeparture(train: Train, now: Date): Departure | undefined {
  const next = nextOccurrence(train.recurrence, train.zone, addMinutes(now, train.cutoffMinutes), 'skip');
  return next && withCutoff(train, next);
}

export function mayBoard(train: Train, environment: string, services: readonly Traits[]): boolean {
  return environment === train.environment && services.every((service) => covers(train.scope, environment, service));
}

export type Passenger = {
  readonly release: number;
  readonly state: ReleaseState;
  readonly requester: string;
  readonly services: readonly string[];
  /** Releases that have to be done first. */
  readonly dependsOn: readonly number[];
};

/** Passengers in the order in which they deploy: what others depend on comes first, then by number. */
export function inOrder(
  passengers: readonly Passenger[],
  dependencies: Readonly<Record<string, readonly string[]>>,
): Passenger[] {
  const left = [...passengers].sort((a, b) => a.release - b.release);
  const ordered: Passenger[] = [];
  while (left.length > 0) {
    const ready = left.findIndex((one) => left.every((other) => other === one || !isBefore(other, one, dependencies)));
    // Services that depend on each other in a circle go by number.
    ordered.push(...left.splice(ready < 0 ? 0 : ready, 1));
  }
  return ordered;
}

/** Does `a` have to be done before `b` starts? */
export function isBefore(
  a: Passenger,
  b: Passenger,
  dependencies: Readonly<Record<string, readonly string[]>>,
): boolean {
  if (b.dependsOn.includes(a.release)) return true;
  const stands = (on: Passenger, who: Passenger) =>
    who.services.some((service) => on.services.some((other) => dependencies[service]?.includes(other)));
  // Services that stand on each other keep nobody waiting.
  return stands(a, b) && !stands(b, a);
}

export const DueTrain = z.strictObject({ train: z.string(), due: z.coerce.date() });
export type DueTrain = z.infer<typeof DueTrain>;

export type TrainFacts = {
  readonly train: Train | undefined;
  /** The departure that this cut-off is for, if the rule still has it. */
  readonly departure: Departure | undefined;
  readonly passengers: readonly Passenger[];
  readonly dependencies: Readonly<Record<string, readonly string[]>>;
  /** Its boarding was ended before. */
  readonly closed: boolean;
};

/** The clock: ends boarding. Whoever is not approved, or depends on somebody who is not, stays behind with an offer. */
export function closeTrain(_input: DueTrain, facts: TrainFacts, ask: Ask): Decision {
  const { train, departure, passengers } = facts;
  if (!train) return accept();
  const next = nextDeparture(train, departure ? departure.cutoffAt : ask.now);
  const nextAt = next?.cutoffAt.toISOString() ?? null;
  // The timetable was changed after this timer was set: only the next cut-off is set.
  if (!departure || facts.closed || ask.now < departure.cutoffAt)
    return accept({ type: 'train.scheduled', train: train.key, nextAt });
  // Nobody misses the board of a train that has left with nobody aboard.
  if (passengers.length === 0 && departure.startsAt <= ask.now)
    return accept({ type: 'train.scheduled', train: train.key, nextAt });
  const left = new Set(passengers.filter((one) => one.state !== 'approved').map((one) => one.release));
  for (let grew = true; grew; ) {
    const before = left.size;
    for (const one of passengers) if (one.dependsOn.some((other) => left.has(other))) left.add(one.release);
    grew = left.size > before;
  }
  const aboard = inOrder(
    passengers.filter((one) => !left.has(one.release)),
    facts.dependencies,
  );
  return accept(
    {
      type: 'train.closed',
      train: train.key,
      date: departure.date,
      startsAt: departure.startsAt.toISOString(),
      aboard: aboard.map((one) => one.release),
      left: [...left].sort((a, b) => a - b),
      nextAt,
    },
    ...passengers
      .filter((one) => left.has(one.release))
      .map(
        (one): EventBody => ({
          type: 'release.left_behind',
          release: one.release,
          train: train.key,
          date: departure.date,
          next: next?.date ?? null,
          nextStartsAt: next?.startsAt.toISOString() ?? null,
        }),
      ),
  );
}

function withCutoff(train: Train, one: Occurrence): Departure {
  return { ...one, cutoffAt: addMinutes(one.startsAt, -train.cutoffMinutes) };
}
