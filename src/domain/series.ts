import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { isFullMember } from './person.ts';
import { nextOccurrence, type Occurrence, Recurrence } from './recurrence.ts';
import type { ReleaseFacts } from './release.ts';
import { type RequestFacts, type RequestInput, requestRelease } from './request.ts';
import { minutesBetween, wallTime } from './time.ts';

/** A release that is asked for again and again, a week ahead of each time. */
export type Series = {
  readonly id: string;
  readonly owner: string;
  readonly recurrence: Recurrence;
  readonly zone: string;
  readonly request: RequestInput;
  readonly lastDate: string | null;
  readonly active: boolean;
};

const aheadMs = 7 * 86_400_000;

export const RepeatInput = z.strictObject({
  release: z.number().int(),
  rule: z.string(),
  /** The version of every repetition; "{date}" becomes its local date. */
  version: z.string().min(1).max(60),
});
export type RepeatInput = z.infer<typeof RepeatInput>;
export type RepeatFacts = ReleaseFacts & {
  readonly zone: string;
  readonly rollbackPlan: string;
  readonly series: string | undefined;
};

/** Makes a release the first of a series with the same services, hour and length. */
export function repeatRelease(input: RepeatInput, facts: RepeatFacts, ask: Ask): Decision {
  const { release, zone } = facts;
  const { number, lead, requester } = release;
  if (!mayRun(release, actorId(ask), facts.roles))
    return refuse({ code: 'only_runners', release: number, verb: 'repeat', lead, requester });
  const wall = wallTime(release.startsAt, zone);
  const recurrence: Recurrence = {
    date: wall.date,
    at: wall.time,
    minutes: minutesBetween(release.startsAt, release.endsAt),
    rule: input.rule,
  };
  const parsed = Recurrence.safeParse(recurrence);
  const after = release.startsAt > ask.now ? release.startsAt : ask.now;
  const next = parsed.success ? nextOccurrence(recurrence, zone, after, 'skip') : undefined;
  if (!next) return refuse({ code: 'never_happens', what: 'series' });
  const request: RequestInput = {
    units: release.units.map((unit) => ({ service: unit.service, version: input.version })),
    environment: release.environment,
    startsAt: release.startsAt.toISOString(),
    minutes: recurrence.minutes,
    changeType: release.changeType,
    summary: release.summary,
    rollbackPlan: facts.rollbackPlan,
    lead,
    dependsOn: [],
    rollbackTested: release.rollbackTested,
    migration: 'none',
    scope: [],
    links: [],
    auto: false,
    exception: null,
    train: null,
    fallbackChannel: release.channel,
  };
  return accept({
    type: 'series.set',
    series: facts.series ?? ask.newId(),
    owner: actorId(ask),
    source: number,
    recurrence,
    zone,
    request,
    nextAt: askAt(next, ask.now),
  });
}

export const OfSeries = z.strictObject({ release: z.number().int() });
export type OfSeries = z.infer<typeof OfSeries>;

export function stopSeries(input: OfSeries, facts: RepeatFacts, ask: Ask): Decision {
  const { number, lead, requester } = facts.release;
  if (!facts.series) return refuse({ code: 'no_series', release: input.release });
  if (!mayRun(facts.release, actorId(ask), facts.roles))
    return refuse({ code: 'only_runners', release: number, verb: 'stop repeating', lead, requester });
  return accept({ type: 'series.stopped', series: facts.series });
}

export const DueSeries = z.strictObject({ series: z.string() });
export type DueSeries = z.infer<typeof DueSeries>;
export type SeriesFacts = {
  readonly series: Series | undefined;
  /** The occurrence that is to be asked for now. */
  readonly next: Occurrence | undefined;
  readonly request: RequestFacts | undefined;
};

/** The request that a series makes for one of its dates. */
export function requestOf(series: Series, next: Occurrence): RequestInput {
  const units = series.request.units.map((unit) => ({
    ...unit,
    version: unit.version.replaceAll('{date}', next.date),
  }));
  return {
    ...series.request,
    units,
    startsAt: next.startsAt.toISOString(),
    minutes: minutesBetween(next.startsAt, next.endsAt),
  };
}

/** The clock: asks for the next date in its owner's name. What is in the way is told to the owner, and the series goes on. */
export function runSeries(_input: DueSeries, facts: SeriesFacts, ask: Ask): Decision {
  const { series, next, request } = facts;
  if (!series?.active || !next || !request) return accept();
  const owned = ask.directory.people[series.owner];
  if (!owned || !isFullMember(owned)) return accept({ type: 'series.stopped', series: series.id });
  const after = nextOccurrence(series.recurrence, series.zone, next.startsAt, 'skip');
  const ran = {
    type: 'series.ran' as const,
    series: series.id,
    owner: series.owner,
    date: next.date,
    startsAt: next.startsAt.toISOString(),
    nextAt: after ? askAt(after, ask.now) : null,
  };
  const owner = { ...ask, actor: { kind: 'person' as const, id: series.owner } };
  const asked = requestRelease(requestOf(series, next), request, owner, { series: series.id });
  if (asked.ok) return accept(...asked.events, { ...ran, requested: ask.number, problem: '' });
  return accept({ ...ran, requested: null, problem: asked.refusal.code });
}

/** The occurrence to be asked for next: the first ahead whose local date comes after the last one that was. */
export function nextOf(series: Series, now: Date): Occurrence | undefined {
  const { recurrence, zone } = series;
  const last = series.lastDate ?? recurrence.date;
  let next = nextOccurrence(recurrence, zone, now, 'skip');
  while (next && next.date <= last) next = nextOccurrence(recurrence, zone, next.startsAt, 'skip');
  return next;
}

function askAt(next: Occurrence, now: Date): string {
  return new Date(Math.max(now.getTime(), next.startsAt.getTime() - aheadMs)).toISOString();
}
