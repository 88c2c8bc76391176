import type { Conflict, Freeze, Region, Seat } from './calendar.ts';
import { freezes, freezeTimes, type PlannedFreeze } from './freeze.ts';
import type { ChangeType } from './policy.ts';
import type { ReleaseState } from './release.ts';
import type { Traits } from './scope.ts';
import { addMinutes, minutesBetween, wallTime } from './time.ts';
import { applicable, hoursOf, type PlannedWindow, type WindowTime, windowTimes, withDefault } from './window.ts';

/** A time that somebody holds: a release, an environment booking or a place kept for the line. */
export type Held = {
  readonly holder: string;
  /** Null: the whole environment. */
  readonly service: string | null;
  readonly label: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
};

/** `ride` is the departure that it is aboard of, "key:date". */
type Planned = {
  readonly ride?: string | null;
  readonly release: number;
  readonly label: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
};

/** Everything that stands in one environment's calendar around the wanted services. */
export type CalendarFacts = {
  readonly zone: string;
  readonly hasCatalog: boolean;
  readonly windows: readonly PlannedWindow[];
  readonly freezes: readonly PlannedFreeze[];
  readonly held: readonly Held[];
  readonly seats: readonly {
    readonly window: string;
    readonly date: string;
    readonly seat: number;
    readonly holder: string;
  }[];
  /** Open releases of services that depend on the wanted ones, or that these depend on. */
  readonly around: readonly (Planned & { readonly service: string; readonly direction: 'upstream' | 'downstream' })[];
  /** What the deploy lead leads elsewhere. */
  readonly leading: readonly Planned[];
  /** The releases that have to be done first. */
  readonly needs: readonly (Planned & { readonly state: ReleaseState })[];
  readonly regions: readonly Region[];
};

export type Wanted = {
  readonly environment: string;
  /** Takes the whole environment. */
  readonly exclusive: boolean;
  readonly services: readonly Traits[];
  readonly minutes: number;
  readonly changeType: ChangeType;
  readonly lead: string;
  /** Teams of whoever asks. */
  readonly teams: readonly string[];
  /** Own holders and releases: nobody is in their own way. */
  readonly holders: readonly string[];
  readonly releases: readonly number[];
  /** What the policy says of a dependency that is released at the same time. */
  readonly overlap: 'ignore' | 'warn' | 'block';
  /** Freezes that it has a pass for, or asks one for: they warn, and do not stop it. */
  readonly passes?: readonly string[];
  /** A train's departure replaces the windows. */
  readonly train: { readonly key: string; readonly date: string; readonly capacity: number | null } | undefined;
};

export type Judged = {
  readonly conflicts: readonly Conflict[];
  readonly seats: readonly Seat[];
  /** No start before this can be any better: lets a search jump. */
  readonly retryAt: Date;
  /** It is where a window begins, and need not be on the quarter hour. */
  readonly exact: boolean;
};

/** Judges start times of one wish; `range` must hold every time that will be asked. */
export function judge(
  facts: CalendarFacts,
  wanted: Wanted,
  range: { readonly from: Date; readonly to: Date },
): (startsAt: Date, now: Date) => Judged {
  const own = (holder: string) => wanted.holders.includes(holder);
  const lanes = new Set(wanted.services.map((service) => service.key));
  const rivals = facts.held.filter(
    (held) => !own(held.holder) && (wanted.exclusive || held.service === null || lanes.has(held.service)),
  );
  const frozen = facts.freezes
    .filter((freeze) =>
      wanted.services.some((service) => freezes(freeze, wanted.environment, service, wanted.changeType)),
    )
    .flatMap((freeze) => freezeTimes(freeze, range).map((time) => ({ freeze: freeze as Freeze, ...time })));
  // Passengers of one train are no news to each other.
  const ride = wanted.train && `${wanted.train.key}:${wanted.train.date}`;
  const others = <T extends Planned>(planned: readonly T[]) =>
    planned.filter((one) => !wanted.releases.includes(one.release) && (ride === undefined || one.ride !== ride));
  const [around, leading] = [others(facts.around), others(facts.leading)];
  const needs = others(facts.needs).filter((one) => one.state !== 'done');
  const taken = facts.seats.filter((seat) => !own(seat.holder));
  const inWindows = wanted.train
    ? (slot: Slot) => trainSeat(wanted, taken, slot)
    : windowJudge(facts, wanted, range, taken);

  return (startsAt, now) => {
    const slot = { startsAt, endsAt: addMinutes(startsAt, wanted.minutes) };
    const touches = (one: { startsAt: Date; endsAt: Date }) => one.startsAt < slot.endsAt && startsAt < one.endsAt;
    const conflicts: Conflict[] = [];
    let retryAt = addMinutes(startsAt, 15);
    const blockUntil = (at: Date) => {
      if (at > retryAt) retryAt = at;
    };
    for (const held of rivals.filter(touches)) {
      blockUntil(held.endsAt);
      const base = {
        level: 'hard',
        environment: wanted.environment,
        holder: held.holder,
        label: held.label,
        ...iso(held),
      } as const;
      conflicts.push(
        held.service === null || !lanes.has(held.service)
          ? { code: 'environment_busy', ...base }
          : { code: 'service_busy', service: held.service, ...base },
      );
    }
    const placed = inWindows(slot, now);
    conflicts.push(...placed.conflicts);
    if (placed.retryAt) blockUntil(placed.retryAt);
    const opens = placed.retryAt;
    for (const { freeze, ...time } of frozen.filter(touches)) {
      const { key, name, message } = freeze;
      const level = wanted.passes?.includes(key) ? 'warn' : freeze.level;
      if (level === 'hard') blockUntil(time.endsAt);
      conflicts.push({ code: 'freeze', level, freeze: key, name, message, ...iso(time) });
    }
    for (const one of needs)
      if (isDead(one.state) || one.endsAt > startsAt) {
        if (!isDead(one.state)) blockUntil(one.endsAt);
        const { release, label, state } = one;
        conflicts.push({
          code: 'dependency_open',
          level: 'hard',
          release,
          label,
          state,
          endsAt: one.endsAt.toISOString(),
        });
      }
    if (wanted.overlap !== 'ignore')
      for (const one of around.filter(touches)) {
        if (wanted.overlap === 'block') blockUntil(one.endsAt);
        const { service, direction, release, label } = one;
        const level = wanted.overlap === 'block' ? 'hard' : 'warn';
        conflicts.push({ code: 'dependency_busy', level, service, direction, release, label, ...iso(one) });
      }
    for (const one of leading.filter(touches))
      conflicts.push({
        code: 'lead_busy',
        level: 'warn',
        lead: wanted.lead,
        release: one.release,
        label: one.label,
        ...iso(one),
      });
    conflicts.push(...peaks(facts.regions, wanted, slot));
    return { conflicts, seats: placed.seats, retryAt, exact: opens !== undefined && +opens === +retryAt };
  };
}

export function isHard(conflict: Conflict): boolean {
  return conflict.level === 'hard';
}

type Placed = { conflicts: Conflict[]; seats: Seat[]; retryAt?: Date | undefined };
type Slot = { startsAt: Date; endsAt: Date };
type Taken = CalendarFacts['seats'];

/** Every service has to be inside a time of one of its windows; each time that the release is in gives one seat. */
function windowJudge(
  facts: CalendarFacts,
  wanted: Wanted,
  range: { from: Date; to: Date },
  taken: Taken,
): (slot: Slot, now: Date) => Placed {
  const all = withDefault(facts);
  const perService = wanted.services.map((service) => {
    const windows = applicable(all, wanted, service);
    const times = windows
      .flatMap((window) => windowTimes(window, range).map((time) => ({ window, time })))
      .sort((a, b) => a.time.startsAt.getTime() - b.time.startsAt.getTime());
    return { service, windows, times };
  });
  return (slot, now) => {
    const placed: Placed = { conflicts: [], seats: [] };
    for (const { service, windows, times } of perService) {
      if (windows.length === 0) continue;
      const around = times.filter(({ time }) => time.startsAt <= slot.startsAt && slot.endsAt <= time.endsAt);
      const [first] = around;
      if (!first) {
        const next = times.find(({ time }) => time.startsAt > slot.startsAt)?.time.startsAt ?? range.to;
        placed.retryAt = later(placed.retryAt, next);
        const names = [...new Set(windows.map((window) => `${window.name} (${hoursOf(window)})`))];
        placed.conflicts.push({
          code: 'outside_windows',
          level: 'hard',
          service: service.key,
          environment: wanted.environment,
          windows: names,
        });
        continue;
      }
      const judged = around.map(({ window, time }) => ({
        window,
        time,
        no: unfit(window, time, wanted, slot, now, taken),
      }));
      const fit = judged.find(({ no }) => !no);
      if (!fit) {
        const no = judged[0]?.no;
        if (no) placed.conflicts.push(no);
        // Another window may begin before this one, which is full, ends.
        const next = times.find(({ time }) => time.startsAt > slot.startsAt)?.time.startsAt ?? range.to;
        if (no?.code === 'window_full')
          placed.retryAt = later(placed.retryAt, next < first.time.endsAt ? next : first.time.endsAt);
        continue;
      }
      const { window, time } = fit;
      if (time.capacity !== null && !placed.seats.some((seat) => seat.window === window.key && seat.date === time.date))
        placed.seats.push({
          window: window.key,
          date: time.date,
          seat: freeSeat(taken, window.key, time.date),
          capacity: time.capacity,
        });
    }
    return placed;
  };
}

function unfit(
  window: PlannedWindow,
  time: WindowTime,
  wanted: Wanted,
  slot: Slot,
  now: Date,
  taken: Taken,
): Conflict | undefined {
  const { name } = window;
  if (window.bookers.length > 0 && !wanted.teams.some((team) => window.bookers.includes(team)))
    return { code: 'not_your_window', level: 'hard', window: name, teams: [...window.bookers] };
  if (wanted.minutes < (window.minMinutes ?? 0) || wanted.minutes > (window.maxMinutes ?? Number.POSITIVE_INFINITY))
    return { code: 'window_length', level: 'hard', window: name, min: window.minMinutes, max: window.maxMinutes };
  if (minutesBetween(now, slot.startsAt) < window.noticeMinutes)
    return { code: 'short_notice', level: 'hard', window: name, minutes: window.noticeMinutes };
  if (time.capacity !== null && isFull(taken, window.key, time.date, time.capacity))
    return { code: 'window_full', level: 'hard', window: name, capacity: time.capacity, ...iso(time) };
  return undefined;
}

function trainSeat({ train }: Wanted, taken: Taken, slot: Slot): Placed {
  if (!train?.capacity) return { conflicts: [], seats: [] };
  const { date, capacity } = train;
  const window = `train:${train.key}`;
  if (isFull(taken, window, date, capacity))
    return {
      conflicts: [{ code: 'window_full', level: 'hard', window: train.key, capacity, ...iso(slot) }],
      seats: [],
    };
  return { conflicts: [], seats: [{ window, date, seat: freeSeat(taken, window, date), capacity }] };
}

/** As many as it holds; after a shrink the numbers may have holes and go beyond, so numbers alone do not tell. */
function isFull(taken: Taken, window: string, date: string, capacity: number): boolean {
  return taken.filter((one) => one.window === window && one.date === date).length >= capacity;
}

/** The lowest number that nobody has. */
function freeSeat(taken: Taken, window: string, date: string): number {
  const numbers = new Set(taken.filter((one) => one.window === window && one.date === date).map((one) => one.seat));
  let seat = 1;
  while (numbers.has(seat)) seat++;
  return seat;
}

function peaks(regions: readonly Region[], wanted: Wanted, slot: Slot): Conflict[] {
  const meant = regions.filter((region) => wanted.services.some((service) => service.regions.includes(region.key)));
  return meant.flatMap((region): Conflict[] => {
    for (let at = slot.startsAt; at < slot.endsAt; at = addMinutes(at, 5)) {
      const wall = wallTime(at, region.zone);
      const peak = region.peaks.find(({ from, to }) => from <= wall.time && wall.time < to);
      if (peak && region.days.includes(wall.isoWeekday))
        return [
          { code: 'peak_hours', level: 'warn', region: region.key, zone: region.zone, from: peak.from, to: peak.to },
        ];
    }
    return [];
  });
}

function isDead(state: ReleaseState): boolean {
  return ['rejected', 'expired', 'cancelled', 'rolled_back', 'failed'].includes(state);
}

function iso({ startsAt, endsAt }: Slot): { startsAt: string; endsAt: string } {
  return { startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString() };
}

function later(a: Date | undefined, b: Date): Date {
  return a && a > b ? a : b;
}
