import type { BookingProps } from '../../blocks/booking.ts';
import type { CalendarDay, Mark } from '../../blocks/calendar.ts';
import type { FreezeProps } from '../../blocks/freeze.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import type { SwapProps } from '../../blocks/swap.ts';
import type { TrainProps } from '../../blocks/train.ts';
import type { WaitingProps } from '../../blocks/waiting-line.ts';
import type { WindowProps } from '../../blocks/window.ts';
import { Freeze, Train } from '../domain/calendar.ts';
import { freezeTimes, type PlannedFreeze } from '../domain/freeze.ts';
import { occurrences } from '../domain/recurrence.ts';
import { covers, type Scope, scopeWords } from '../domain/scope.ts';
import { addDays, instantAt } from '../domain/time.ts';
import { inOrder, mayBoard, nextDeparture } from '../domain/train.ts';
import { applicable, type PlannedWindow, windowTimes, withDefault } from '../domain/window.ts';
import { findSwap, findWaiting, loadPassengers, readerOf, readSeats, readWindows } from './calendar.ts';
import type { Db } from './db.ts';
import { loadReleaseProps, loadWorkspace, numbered, ofServices, readReleases } from './read.ts';

/*
 * Props for views of the calendar.
 */

const dayMs = 86_400_000;
const gone = ['cancelled', 'rejected', 'expired'];

/** The days of the calendar from a local date on. `filter` is a service or an environment. */
export async function calendarDays(
  db: Db,
  workspace: string,
  asked: { from: string; days: number; filter: string | undefined; now: Date },
): Promise<CalendarDay[]> {
  const { zone } = await loadWorkspace(db, workspace);
  const at = (day: number) => instantAt(addDays(asked.from, day), '00:00', zone);
  const [from, to] = [at(0), at(asked.days)];
  const { filter } = asked;
  const [releases, freezes, bookings, trains, services, windows] = await Promise.all([
    readReleases(
      db,
      workspace,
      {
        sql: `r.starts_at < $2 AND r.ends_at > $3 AND r.state <> ALL ($4) AND ($5::text IS NULL OR r.environment = $5 OR ${ofServices('ARRAY[$5]')})`,
        params: [to, from, gone, filter ?? null],
      },
      { take: 300 },
    ),
    listFreezes(db, workspace, { from, to }),
    listBookings(db, workspace, { from, to }),
    listTrains(db, workspace, asked.now),
    db.prisma.service.findMany({ where: { workspace } }),
    readWindows(readerOf(db), workspace),
  ]);
  const service = services.find((one) => one.key === filter);
  const isMeant = (scope: Scope) => {
    if (!filter) return true;
    if (!service) return scope.environments.length === 0 || scope.environments.includes(filter);
    return service.environments.some((environment) => covers(scope, environment, service));
  };
  const meansBooking = (one: BookingProps) =>
    !filter ||
    one.environment === filter ||
    one.services.includes(filter) ||
    (one.services.length === 0 && service?.environments.includes(one.environment) === true);
  const marks: Mark[] = [
    ...freezes
      .filter(({ freeze }) => isMeant(freeze.scope))
      .flatMap(({ freeze, times }) =>
        times.map((time) => ({
          kind: 'freeze' as const,
          label: `${freeze.name} (${scopeWords(freeze.scope)})`,
          ...time,
        })),
      ),
    ...bookings
      .filter((one) => one.state === 'made' && meansBooking(one))
      .map((one) => ({
        kind: 'booking' as const,
        label: `${one.environment}: ${one.purpose}`,
        startsAt: one.startsAt,
        endsAt: one.endsAt,
      })),
    ...trains.flatMap(({ train, passengers }) => {
      if (filter && train.environment !== filter && !service) return [];
      if (service && !service.environments.some((environment) => mayBoard(train, environment, [service]))) return [];
      return occurrences(train.recurrence, train.zone, { from, to }, 'skip').map((one) => {
        const aboard = passengers.filter((other) => other.train?.date === one.date).length;
        return { kind: 'train' as const, label: `${train.name}${aboard > 0 ? `, ${aboard} aboard` : ''}`, ...one };
      });
    }),
  ];
  const all = withDefault({ ...windows, zone });
  const deciding: readonly PlannedWindow[] = !filter
    ? []
    : service
      ? applicable(all, { environment: service.environments[0] ?? 'production', changeType: 'normal' }, service)
      : applicable(all, { environment: filter, changeType: 'normal' }, { key: '', team: null, tags: [], regions: [] });
  const open = deciding.flatMap((window) => windowTimes(window, { from, to }));
  const touches = (one: { startsAt: Date; endsAt: Date }, day: number) =>
    one.startsAt < at(day + 1) && one.endsAt > at(day);
  return Array.from({ length: asked.days }, (_, day) => ({
    date: addDays(asked.from, day),
    startsAt: at(day),
    endsAt: at(day + 1),
    releases: releases.filter((one) => touches(one, day)),
    marks: marks.filter((one) => touches(one, day)),
    open: deciding.length === 0 ? undefined : open.filter((one) => touches(one, day)),
  }));
}

/** Freezes that are on or ahead within the range, lifted ones left out. */
export async function listFreezes(db: Db, workspace: string, range: { from: Date; to: Date }): Promise<FreezeProps[]> {
  const { zone } = await loadWorkspace(db, workspace);
  const rows = await db.prisma.freeze.findMany({ where: { workspace, lifted: false }, orderBy: { key: 'asc' } });
  return rows
    .map((row) => ({ ...toFreeze(row), zone }))
    .map((one) => ({ ...one, times: freezeTimes(one.freeze, range) }))
    .filter((one) => one.times.length > 0)
    .sort((a, b) => Number(a.times[0]?.startsAt) - Number(b.times[0]?.startsAt));
}

/** A freeze with its next times; undefined when there is none of this key. */
export async function findFreeze(
  db: Db,
  workspace: string,
  key: string,
  now: Date,
): Promise<(FreezeProps & { readonly channel: string | null }) | undefined> {
  const row = await db.prisma.freeze.findUnique({ where: { workspace_key: { workspace, key } } });
  if (!row) return undefined;
  const { zone } = await loadWorkspace(db, workspace);
  const { freeze, author } = toFreeze(row);
  const times = freezeTimes(freeze, { from: now, to: new Date(now.getTime() + 400 * dayMs) });
  return { freeze, author, zone, times, channel: row.channel };
}

/** Did its owner say to keep it in spite of this freeze, after the freeze was declared? */
export async function isKept(db: Db, workspace: string, release: number, freeze: string): Promise<boolean> {
  const rows = await db.prisma.event.findMany({
    where: { workspace, release, type: 'release.kept' },
    select: { body: true, at: true },
  });
  const declared = await db.prisma.freeze.findUnique({ where: { workspace_key: { workspace, key: freeze } } });
  return rows.some(
    (row) => (row.body as { freeze?: string }).freeze === freeze && declared !== null && row.at >= declared.declaredAt,
  );
}

export async function listWindows(db: Db, workspace: string, now: Date): Promise<WindowProps[]> {
  const { windows } = await readWindows(readerOf(db), workspace);
  const seats = await readSeats(readerOf(db), workspace, now);
  return windows.map((window) => ({
    window,
    next: windowTimes(window, { from: now, to: new Date(now.getTime() + 40 * dayMs) })
      .slice(0, 3)
      .map((time) => ({
        ...time,
        taken: seats.filter((one) => one.window === window.key && one.date === time.date).length,
      })),
  }));
}

/** Every train with its next departure that still boards. */
export async function listTrains(db: Db, workspace: string, now: Date): Promise<TrainProps[]> {
  const rows = await db.prisma.train.findMany({ where: { workspace }, orderBy: { key: 'asc' } });
  const found = await Promise.all(
    rows.flatMap(({ body }) => {
      const train = Train.parse(body);
      // The one that is under way or about to leave, and the next that still boards.
      const reach = (train.cutoffMinutes + train.recurrence.minutes) * 60_000;
      const departures = [nextDeparture(train, new Date(now.getTime() - reach)), nextDeparture(train, now)];
      const dates = [...new Set(departures.flatMap((one) => (one && one.endsAt > now ? [one.date] : [])))];
      return dates.map((date) => findTrain(db, workspace, train.key, date));
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** One departure of a train as its board shows it; undefined when the train or the departure is gone. */
export async function findTrain(
  db: Db,
  workspace: string,
  key: string,
  date: string,
): Promise<(TrainProps & { channel: string | null }) | undefined> {
  const [row, closed, aboard] = await Promise.all([
    db.prisma.train.findUnique({ where: { workspace_key: { workspace, key } } }),
    db.prisma.departure.findUnique({ where: { workspace_train_date: { workspace, train: key, date } } }),
    loadPassengers(readerOf(db), workspace, key, date),
  ]);
  if (!row) return undefined;
  const train = Train.parse(row.body);
  const { zone } = train;
  const departure = nextDeparture(
    train,
    new Date(instantAt(date, train.recurrence.at, zone).getTime() - train.cutoffMinutes * 60_000 - 60_000),
  );
  if (!departure || departure.date !== date) return undefined;
  const ordered = inOrder(aboard.passengers, aboard.dependencies).map((one) => one.release);
  const releases = await readReleases(db, workspace, numbered(ordered), { take: 200 });
  const passengers = ordered.flatMap((number) => releases.find((one) => one.number === number) ?? []);
  return {
    train,
    departure,
    passengers,
    left: closed?.leftBehind ?? [],
    closed: closed !== null,
    channel: train.channel,
  };
}

export async function findSwapProps(db: Db, workspace: string, id: string): Promise<SwapProps | undefined> {
  const swap = await findSwap(readerOf(db), workspace, id);
  if (!swap) return undefined;
  const [mine, other] = await Promise.all([
    loadReleaseProps(db, workspace, swap.release),
    loadReleaseProps(db, workspace, swap.other),
  ]);
  return { id, state: swap.state, proposer: swap.proposer, mine, other };
}

export async function findWaitingProps(db: Db, workspace: string, id: string): Promise<WaitingProps | undefined> {
  const entry = await findWaiting(readerOf(db), workspace, id);
  if (!entry) return undefined;
  const row = await db.prisma.line.findUniqueOrThrow({ where: { workspace_id: { workspace, id } } });
  return { entry, until: row.offeredUntil ?? undefined, zone: (await loadWorkspace(db, workspace)).zone };
}

export async function listBookings(
  db: Db,
  workspace: string,
  range: { from: Date; to: Date },
  also: { readonly ended?: boolean } = {},
): Promise<BookingProps[]> {
  const { zone } = await loadWorkspace(db, workspace);
  const rows = await db.prisma.booking.findMany({
    where: {
      workspace,
      ...(also.ended ? {} : { state: 'made' }),
      startsAt: { lt: range.to },
      endsAt: { gt: range.from },
    },
    orderBy: { startsAt: 'asc' },
    take: 500,
  });
  return rows.map((row) => ({ ...row, zone }));
}

export async function findBooking(
  db: Db,
  workspace: string,
  number: number,
): Promise<(BookingProps & { channel: string | null }) | undefined> {
  const row = await db.prisma.booking.findUnique({ where: { workspace_number: { workspace, number } } });
  return row ? { ...row, zone: (await loadWorkspace(db, workspace)).zone } : undefined;
}

export type FeedProps = {
  readonly kind: string;
  readonly name: string;
  readonly workspace: string;
  readonly releases: readonly ReleaseProps[];
  readonly freezes: readonly FreezeProps[];
  readonly bookings: readonly BookingProps[];
};

/** What an open feed shows, by the hash of its secret; undefined for an address that never was or is revoked. */
export async function findFeed(db: Db, tokenHash: string, now: Date): Promise<FeedProps | undefined> {
  const feed = await db.prisma.feed.findUnique({ where: { tokenHash } });
  if (!feed?.open) return undefined;
  const { workspace, kind, name } = feed;
  const range = { from: new Date(now.getTime() - 90 * dayMs), to: new Date(now.getTime() + 400 * dayMs) };
  const services =
    kind === 'workspace'
      ? undefined
      : kind === 'service'
        ? [name]
        : (await db.prisma.service.findMany({ where: { workspace, team: name }, select: { key: true } })).map(
            (one) => one.key,
          );
  const between = (start: Date, end: Date) => ({
    sql: `r.starts_at >= $2 AND r.starts_at < $3 AND ($4::text[] IS NULL OR ${ofServices('$4')})`,
    params: [start, end, services ?? null],
  });
  const recent = new Date(now.getTime() - 7 * dayMs);
  const [past, ahead, freezes, bookings] = await Promise.all([
    readReleases(db, workspace, between(range.from, recent), { take: 500, newest: true }),
    readReleases(db, workspace, between(recent, range.to), { take: 2_000 }),
    listFreezes(db, workspace, { from: now, to: range.to }),
    listBookings(db, workspace, { from: recent, to: range.to }, { ended: true }),
  ]);
  const traits = await db.prisma.service.findMany({ where: { workspace, key: { in: services ?? [] } } });
  const means = ({ freeze }: FreezeProps) =>
    !services || traits.some((one) => one.environments.some((environment) => covers(freeze.scope, environment, one)));
  return {
    kind,
    name,
    workspace,
    releases: [...past, ...ahead],
    freezes: freezes.filter(means),
    bookings: bookings.filter(
      (one) => !services || one.services.length === 0 || one.services.some((key) => services.includes(key)),
    ),
  };
}

function toFreeze(row: {
  key: string;
  source: string;
  body: unknown;
  skips: string[];
  lifted: boolean;
  author: string;
}): {
  freeze: PlannedFreeze;
  author: string;
} {
  const { skips, lifted, author } = row;
  return {
    freeze: { ...Freeze.parse(row.body), skips, lifted, source: row.source === 'catalog' ? 'catalog' : 'slack' },
    author,
  };
}
