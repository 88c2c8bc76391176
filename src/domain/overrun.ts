import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { laneOf, onlyRunners, type SlotFacts } from './move.ts';
import { isRunning, type Release } from './release.ts';
import { holderOf } from './request.ts';
import { addMinutes } from './time.ts';

/** How long before its end a slot is said to end, how much it grows by itself, and how much at most. */
export const overrunTimes = { noticeMinutes: 10, growMinutes: 15, growAtMost: 60 } as const;

export const OfOverrun = z.strictObject({ release: z.number().int() });
export type OfOverrun = z.infer<typeof OfOverrun>;

/** Whoever holds the time behind a slot. */
export type NextHolder = {
  readonly release: number | null;
  readonly label: string;
  readonly startsAt: string;
  readonly people: string[];
};
export type OverrunFacts = SlotFacts & {
  /** Whose the time behind a slot is, by who holds it. */
  readonly next: readonly { readonly holder: string; readonly people: readonly string[] }[];
};

/** The clock, ten minutes before the end: says so, and who comes next. */
export function noticeEnd(_input: OfOverrun, facts: OverrunFacts, ask: Ask): Decision {
  const { release } = facts;
  const isNear = ask.now >= addMinutes(release.endsAt, -overrunTimes.noticeMinutes) && ask.now < release.endsAt;
  if (!isRunning(release.state) || !isNear) return accept();
  return accept({
    type: 'slot.ending',
    release: release.number,
    endsAt: release.endsAt.toISOString(),
    next: nextWithin(facts, grown(release.endsAt)),
  });
}

/** The clock, at the end: the slot grows if nobody holds what comes after, else whoever does is told. */
export function overrun(_input: OfOverrun, facts: OverrunFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!isRunning(release.state) || ask.now < release.endsAt) return accept();
  const next = nextWithin(facts, grown(release.endsAt));
  const sofar = (release.endsAt.getTime() - release.plannedEnd.getTime()) / 60_000;
  // An outage may have swallowed the end: what is over already is not held any more.
  const isLate = ask.now >= addMinutes(release.endsAt, overrunTimes.growMinutes);
  if (next === null && !isLate && sofar + overrunTimes.growMinutes <= overrunTimes.growAtMost)
    return accept(extended(facts, grown(release.endsAt)));
  return accept({ type: 'slot.overrun', release: release.number, endsAt: release.endsAt.toISOString(), next });
}

export const ExtendInput = z.strictObject({
  release: z.number().int(),
  minutes: z.number().int().min(5).max(240),
  /** The end that a button spoke of, so that two clicks are one; null: whatever it is now. */
  from: z.iso.datetime().nullable().default(null),
});
export type ExtendInput = z.infer<typeof ExtendInput>;

/** Gives a running release more time, if the time is free. */
export function extendSlot(input: ExtendInput, facts: OverrunFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('extend', facts));
  if (!isRunning(release.state))
    return refuse({ code: 'wrong_state', release: release.number, verb: 'extend', state: release.state, possible: [] });
  if (!facts.release.hasSlot) return refuse({ code: 'no_slot', release: release.number });
  if (input.from !== null && +new Date(input.from) !== +release.endsAt)
    return refuse({ code: 'extended_already', release: release.number, endsAt: release.endsAt.toISOString() });
  const endsAt = addMinutes(extendsFrom(release, ask.now), input.minutes);
  const next = nextWithin(facts, endsAt);
  if (next) return refuse({ code: 'next_holder', release: release.number, next });
  return accept(extended(facts, endsAt));
}

/** Time that is over already is no more time. */
export function extendsFrom({ endsAt }: Pick<Release, 'endsAt'>, now: Date): Date {
  return endsAt < now ? now : endsAt;
}

function grown(endsAt: Date): Date {
  return addMinutes(endsAt, overrunTimes.growMinutes);
}

function extended(facts: OverrunFacts, endsAt: Date): EventBody {
  const { release } = facts;
  const { environment, exclusive, services, label } = laneOf(facts);
  return {
    type: 'slot.extended',
    release: release.number,
    environment,
    exclusive,
    services,
    label,
    startsAt: release.startsAt.toISOString(),
    before: release.endsAt.toISOString(),
    endsAt: endsAt.toISOString(),
  };
}

/** Who holds a part of the time between the slot and `until`: another release of a service of ours, or the whole environment. */
function nextWithin(facts: OverrunFacts, until: Date): NextHolder | null {
  const { release, calendar, exclusive } = facts;
  const services = release.units.map((unit) => unit.service);
  const [first] = calendar.held
    .filter((held) => held.holder !== holderOf(release.number))
    .filter((held) => exclusive || held.service === null || services.includes(held.service))
    .filter((held) => held.startsAt < until && held.endsAt > release.endsAt)
    .sort((a, b) => a.startsAt.getTime() - b.startsAt.getTime());
  if (!first) return null;
  const number = /^REL-(\d+)$/.exec(first.holder)?.[1];
  const known = facts.next.find((one) => one.holder === first.holder);
  return {
    release: number === undefined ? null : Number(number),
    label: first.label,
    startsAt: first.startsAt.toISOString(),
    people: known ? [...known.people] : [],
  };
}
