import { z } from 'zod';
import { mayManage } from './access.ts';
import { type Booked, Freeze, type Source } from './calendar.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { ChangeType } from './policy.ts';
import { nextOccurrence, type Occurrence, occurrences } from './recurrence.ts';
import { covers, type Known, type Scope, type Traits, unknownIn } from './scope.ts';

export type PlannedFreeze = Freeze & {
  /** Dates of occurrences that were lifted. */
  readonly skips: readonly string[];
  readonly lifted: boolean;
  readonly source: Source;
};

/** The times of a freeze that touch the range. One that begins in a DST gap begins when the gap ends. */
export function freezeTimes(freeze: PlannedFreeze, range: { from: Date; to: Date }): Occurrence[] {
  if (freeze.lifted) return [];
  return occurrences(freeze.recurrence, freeze.zone, range, 'cover').filter((one) => !freeze.skips.includes(one.date));
}

/** Is this service in this environment frozen for this type of change? */
export function freezes(freeze: Freeze, environment: string, service: Traits, type: ChangeType): boolean {
  return !freeze.exempt.includes(type) && covers(freeze.scope, environment, service);
}

export type FreezeFacts = {
  readonly roles: readonly string[];
  readonly hasCatalog: boolean;
  /** Teams of the acting person. */
  readonly teams: readonly string[];
  readonly freezes: readonly PlannedFreeze[];
  /** Keys of every freeze there ever was, and who declared those that stand. */
  readonly keys: readonly string[];
  readonly authors: Readonly<Record<string, string>>;
  readonly known: Known;
  /** Everything booked from now on. */
  readonly booked: readonly Booked[];
  /** Owning team of every service that the catalogue has. */
  readonly owners: Readonly<Record<string, string | null>>;
};

/** The bookings that a freeze touches, soonest first. */
export function touchedBy(freeze: PlannedFreeze, booked: readonly Booked[], now: Date): Booked[] {
  if (booked.length === 0) return [];
  const to = new Date(Math.max(...booked.map((one) => one.endsAt.getTime())));
  if (to <= now) return [];
  const times = freezeTimes(freeze, { from: now, to });
  return booked
    .filter(
      (one) =>
        one.services.some((service) => freezes(freeze, one.environment, service, one.changeType)) &&
        times.some((time) => time.startsAt < one.endsAt && one.startsAt < time.endsAt),
    )
    .sort((a, b) => a.startsAt.getTime() - b.startsAt.getTime());
}

export const AddFreezeInput = z.strictObject({ freeze: Freeze, channel: z.string().nullable() });
export type AddFreezeInput = z.infer<typeof AddFreezeInput>;

/** Declares a freeze. Bookings inside stay as they are: their owners are asked whether to keep, move or cancel. */
export function addFreeze({ freeze, channel }: AddFreezeInput, facts: FreezeFacts, ask: Ask): Decision {
  if (!mayFreeze(freeze.scope, facts)) return refuse({ code: 'only_managers', verb: 'freeze' });
  if (facts.freezes.some((one) => one.key === freeze.key && !one.lifted))
    return refuse({ code: 'freeze_exists', key: freeze.key });
  const unknown = facts.hasCatalog ? unknownIn(freeze.scope, facts.known) : undefined;
  if (unknown) return refuse({ code: 'unknown_scope', ...unknown });
  // A name that was used before gets a number: each freeze has its own notice and its own questions.
  let { key } = freeze;
  for (let number = 2; facts.keys.includes(key); number++) key = `${freeze.key.slice(0, 36)}-${number}`;
  return freezeEvents({ ...freeze, key }, 'slack', channel, facts.booked, ask.now);
}

/** The events of a new freeze, whoever declares it. */
export function freezeEvents(
  freeze: Freeze,
  source: Source,
  channel: string | null,
  booked: readonly Booked[],
  now: Date,
): Decision {
  const planned: PlannedFreeze = { ...freeze, skips: [], lifted: false, source };
  const current = freezeTimes(planned, { from: now, to: new Date(now.getTime() + 1) })[0];
  const next = nextOccurrence(freeze.recurrence, freeze.zone, now, 'cover');
  if (!current && !next) return refuse({ code: 'never_happens', what: 'freeze' });
  return accept({
    type: 'freeze.added',
    freeze,
    source,
    channel,
    touched: touchedBy(planned, booked, now).map(({ release, owner }) => ({ release, owner })),
    nextAt: nextNotice(planned, now)?.toISOString() ?? null,
  });
}

export const LiftInput = z.strictObject({
  freeze: z.string(),
  /** One occurrence of a recurring freeze; null: the whole freeze. */
  date: z.string().nullable(),
  reason: z.string().max(500),
});
export type LiftInput = z.infer<typeof LiftInput>;

/** Ends a freeze early, or one occurrence of a recurring one. */
export function liftFreeze({ freeze: key, date, reason }: LiftInput, facts: FreezeFacts, ask: Ask): Decision {
  const freeze = facts.freezes.find((one) => one.key === key && !one.lifted);
  const known = facts.freezes.filter((one) => !one.lifted).map((one) => one.key);
  if (!freeze) return refuse({ code: 'unknown_freeze', name: key, known });
  const lifter = actorId(ask);
  // Whoever declared it may take it back; managers may lift any; but nobody lifts it from a release of their own.
  if (!mayManage(facts) && facts.authors[key] !== lifter) return refuse({ code: 'only_managers', verb: 'freeze' });
  const own = touchedBy(freeze, facts.booked, ask.now).find((one) => one.owner === lifter || one.lead === lifter);
  if (own && freeze.level === 'hard') return refuse({ code: 'own_freeze', freeze: freeze.name, release: own.release });
  if (date !== null) {
    const day = Date.parse(`${date}T12:00:00Z`);
    const around = { from: new Date(day - 2 * 86_400_000), to: new Date(day + 2 * 86_400_000) };
    const one = freezeTimes(freeze, around).find((time) => time.date === date);
    if (!one || one.endsAt <= ask.now) return refuse({ code: 'no_occurrence', what: freeze.name, date });
  }
  return accept({ type: 'freeze.lifted', freeze: key, name: freeze.name, date, reason: reason.trim() });
}

export const OfFreeze = z.strictObject({ freeze: z.string() });
export type OfFreeze = z.infer<typeof OfFreeze>;

/** The clock: says a day ahead that a freeze begins, and sets itself for the next occurrence. */
export function announceFreeze({ freeze: key }: OfFreeze, facts: FreezeFacts, ask: Ask): Decision {
  const freeze = facts.freezes.find((one) => one.key === key && !one.lifted);
  if (!freeze) return accept();
  const soon = freezeTimes(freeze, { from: ask.now, to: new Date(ask.now.getTime() + noticeMs + 60_000) }).find(
    (one) => one.startsAt > ask.now,
  );
  return accept({
    type: 'freeze.near',
    freeze: key,
    name: freeze.name,
    date: soon?.date ?? null,
    startsAt: soon?.startsAt.toISOString() ?? null,
    touched: soon
      ? touchedBy(freeze, facts.booked, ask.now)
          .filter((one) => one.startsAt < soon.endsAt && soon.startsAt < one.endsAt)
          .map(({ release, owner }) => ({ release, owner }))
      : [],
    nextAt: nextNotice(freeze, ask.now)?.toISOString() ?? null,
  });
}

const noticeMs = 24 * 60 * 60_000;

/**
 * When the next occurrence is to be announced: a day before it begins. One that follows another within two days (a
 * nightly freeze) is no news.
 */
function nextNotice(freeze: PlannedFreeze, now: Date): Date | undefined {
  const times = freezeTimes(freeze, {
    from: new Date(now.getTime() - 3 * noticeMs),
    to: new Date(now.getTime() + 400 * noticeMs),
  });
  const found = times.find((one, index) => {
    const before = times[index - 1];
    const isNews = !before || one.startsAt.getTime() - before.endsAt.getTime() >= 2 * noticeMs;
    return isNews && one.startsAt.getTime() - noticeMs > now.getTime();
  });
  return found ? new Date(found.startsAt.getTime() - noticeMs) : undefined;
}

/** Release managers freeze anything; a team freezes its own services. */
function mayFreeze(scope: Scope, facts: FreezeFacts): boolean {
  if (mayManage(facts)) return true;
  const own = (team: string | null | undefined) => team !== null && team !== undefined && facts.teams.includes(team);
  if (scope.services.length > 0) return scope.services.every((service) => own(facts.owners[service]));
  return scope.teams.length > 0 && scope.teams.every(own);
}
