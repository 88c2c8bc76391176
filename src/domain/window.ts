import { z } from 'zod';
import { mayManage } from './access.ts';
import { type Booked, type Source, type Window, WindowChange } from './calendar.ts';
import { type Ask, accept, type Decision, refuse } from './decision.ts';
import type { EventOf } from './event.ts';
import type { ChangeType } from './policy.ts';
import { type Occurrence, occurrenceOn, occurrences, ruleWords } from './recurrence.ts';
import { covers, type Known, specificity, type Traits, unknownIn } from './scope.ts';

export type PlannedWindow = Window & { readonly changes: readonly WindowChange[]; readonly source: Source };
export type WindowTime = Occurrence & { readonly capacity: number | null };

/** "every week on Mon, Tue 08:00–18:00 Europe/Berlin". */
export function hoursOf({ recurrence, zone }: Window): string {
  const [hours = 0, minutes = 0] = recurrence.at.split(':').map(Number);
  const end = (hours * 60 + minutes + recurrence.minutes) % 1440;
  const clock = `${String(Math.floor(end / 60)).padStart(2, '0')}:${String(end % 60).padStart(2, '0')}`;
  const days = recurrence.rule === null ? recurrence.date : ruleWords(recurrence.rule);
  return `${days} ${recurrence.at}–${clock} ${zone}`;
}

/** Working days 09:00–17:00: what a workspace without a catalogue goes by (product.md §4). */
export function defaultWindow(zone: string): PlannedWindow {
  return {
    key: 'default',
    name: 'Working days',
    scope: { environments: [], services: [], tags: [], teams: [] },
    recurrence: { date: '2020-01-01', at: '09:00', minutes: 8 * 60, rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' },
    zone,
    capacity: null,
    minMinutes: null,
    maxMinutes: null,
    noticeMinutes: 0,
    bookers: [],
    exempt: ['emergency'],
    changes: [],
    source: 'catalog',
  };
}

/** The times of a window that touch the range, with the edits of single occurrences. */
export function windowTimes(window: PlannedWindow, range: { from: Date; to: Date }): WindowTime[] {
  const changed = new Map(window.changes.map((change) => [change.date, change]));
  // An edit may lengthen or shift an occurrence, so those that are edited are looked at beyond the range.
  const wide = { from: new Date(range.from.getTime() - dayMs), to: new Date(range.to.getTime() + dayMs) };
  return occurrences(window.recurrence, window.zone, wide, 'skip')
    .flatMap((one): WindowTime[] => {
      const change = changed.get(one.date);
      if (!change) return [{ ...one, capacity: window.capacity }];
      if (change.cancelled) return [];
      const edited = { at: change.at ?? window.recurrence.at, minutes: change.minutes ?? window.recurrence.minutes };
      const moved = occurrenceOn(edited, window.zone, one.date, 'skip');
      return moved ? [{ ...moved, capacity: change.capacity ?? window.capacity }] : [];
    })
    .filter((one) => one.startsAt < range.to && one.endsAt > range.from);
}

const dayMs = 86_400_000;

/** Without a catalogue working days decide wherever nobody has set a window. */
export function withDefault(facts: {
  readonly windows: readonly PlannedWindow[];
  readonly hasCatalog: boolean;
  readonly zone: string;
}): readonly PlannedWindow[] {
  if (facts.hasCatalog || facts.windows.some((window) => specificity(window.scope) === 0)) return facts.windows;
  return [...facts.windows, defaultWindow(facts.zone)];
}

/** The windows that decide for a service: of those that mean it, the most specific ones. */
export function applicable(
  windows: readonly PlannedWindow[],
  wanted: { readonly environment: string; readonly changeType: ChangeType },
  service: Traits,
): PlannedWindow[] {
  const meant = windows.filter((window) => covers(window.scope, wanted.environment, service));
  const most = Math.max(...meant.map((window) => specificity(window.scope)));
  const deciding = meant.filter((window) => specificity(window.scope) === most);
  return deciding.some((window) => window.exempt.includes(wanted.changeType)) ? [] : deciding;
}

/** A seat that is held, by whom. */
type Held = { readonly window: string; readonly date: string; readonly seat: number; readonly holder: string };

export type WindowFacts = {
  readonly zone: string;
  readonly roles: readonly string[];
  readonly hasCatalog: boolean;
  readonly known: Known;
  readonly windows: readonly PlannedWindow[];
  /** Seats of releases that are not over. */
  readonly seats: readonly Held[];
  readonly booked: readonly Booked[];
};

/** Sets or replaces a window. A capacity below what is already booked is refused, never enforced backwards. */
export function setWindow(input: Window, facts: WindowFacts, ask: Ask): Decision {
  if (!mayManage(facts)) return refuse({ code: 'only_managers', verb: 'window' });
  const unknown = facts.hasCatalog ? (unknownIn(input.scope, facts.known) ?? unknownTeam(input, facts)) : undefined;
  if (unknown) return refuse({ code: 'unknown_scope', ...unknown });
  const next = occurrences(input.recurrence, input.zone, { from: ask.now, to: addYear(ask.now) }, 'skip');
  if (next.length === 0) return refuse({ code: 'never_happens', what: 'window' });
  const set = windowSet(input, 'slack', facts, ask.now);
  const crowded =
    input.capacity === null ? undefined : crowdedBy([...facts.seats, ...set.seats], input.key, input.capacity);
  return crowded ? refuse(crowded) : accept(set);
}

/** The event of a window, with what it means for what is booked: seats for those inside, a word to those outside. */
export function windowSet(
  window: Window,
  source: Source,
  facts: Pick<WindowFacts, 'windows' | 'seats' | 'booked' | 'hasCatalog' | 'zone'>,
  now: Date,
): EventOf<'window.set'> {
  const earlier = facts.windows.find((one) => one.key === window.key);
  const planned: PlannedWindow = { ...window, changes: earlier?.changes ?? [], source };
  const after = [...facts.windows.filter((one) => one.key !== window.key), planned];
  const taken = facts.seats.filter((seat) => seat.window === window.key);
  const seats: EventOf<'window.set'>['seats'] = [];
  if (window.capacity !== null)
    for (const one of ahead(facts.booked, now)) {
      const counts = one.services.some((service) =>
        applicable(withDefault({ ...facts, windows: after }), one, service).includes(planned),
      );
      const time = counts
        ? windowTimes(planned, { from: one.startsAt, to: one.endsAt }).find((other) => holds(other, one))
        : undefined;
      const holder = `REL-${one.release}`;
      if (!time || [...taken, ...seats].some((seat) => seat.date === time.date && seat.holder === holder)) continue;
      const numbers = [...taken, ...seats].filter((seat) => seat.date === time.date).map((seat) => seat.seat);
      let seat = 1;
      while (numbers.includes(seat)) seat++;
      const slot = { startsAt: one.startsAt.toISOString(), endsAt: one.endsAt.toISOString() };
      seats.push({
        window: window.key,
        date: time.date,
        seat,
        capacity: Math.max(seat, time.capacity ?? seat),
        holder,
        ...slot,
      });
    }
  return { type: 'window.set', window, source, outside: leftOutside(facts, after, now), seats };
}

export const ChangeWindowInput = z.strictObject({ window: z.string(), change: WindowChange });
export type ChangeWindowInput = z.infer<typeof ChangeWindowInput>;

/** Edits one occurrence: closes it, or gives it another hour, length or capacity. */
export function changeWindow({ window: key, change }: ChangeWindowInput, facts: WindowFacts, ask: Ask): Decision {
  if (!mayManage(facts)) return refuse({ code: 'only_managers', verb: 'window' });
  const window = facts.windows.find((one) => one.key === key);
  if (!window) return refuse({ code: 'unknown_window', name: key, known: facts.windows.map((one) => one.key) });
  const known = occurrences(window.recurrence, window.zone, dayAround(change.date), 'skip');
  if (!known.some((one) => one.date === change.date))
    return refuse({ code: 'no_occurrence', what: window.name, date: change.date });
  const changed = { ...window, changes: [...window.changes.filter((one) => one.date !== change.date), change] };
  const next = windowTimes(changed, dayAround(change.date)).find((one) => one.date === change.date);
  if (!change.cancelled && (!next || next.endsAt <= ask.now))
    return refuse({ code: 'no_occurrence', what: window.name, date: change.date });
  const { capacity } = change;
  const crowded =
    capacity === null
      ? undefined
      : crowdedBy(
          facts.seats.filter((seat) => seat.date === change.date),
          key,
          capacity,
        );
  if (crowded) return refuse(crowded);
  const after = facts.windows.map((one) => (one.key === key ? changed : one));
  return accept({ type: 'window.changed', window: key, change, outside: leftOutside(facts, after, ask.now) });
}

export const DropWindowInput = z.strictObject({ window: z.string() });
export type DropWindowInput = z.infer<typeof DropWindowInput>;

export function dropWindow({ window: key }: DropWindowInput, facts: WindowFacts, ask: Ask): Decision {
  if (!mayManage(facts)) return refuse({ code: 'only_managers', verb: 'window' });
  const window = facts.windows.find((one) => one.key === key);
  if (!window) return refuse({ code: 'unknown_window', name: key, known: facts.windows.map((one) => one.key) });
  return accept(windowDropped(key, facts, ask.now));
}

export function windowDropped(
  key: string,
  facts: Pick<WindowFacts, 'windows' | 'booked' | 'hasCatalog' | 'zone'>,
  now: Date,
): EventOf<'window.dropped'> {
  const after = facts.windows.filter((one) => one.key !== key);
  return { type: 'window.dropped', window: key, outside: leftOutside(facts, after, now) };
}

/** Releases that were inside their windows and no longer are. They stay booked; their owners are told. */
function leftOutside(
  facts: Pick<WindowFacts, 'windows' | 'booked' | 'hasCatalog' | 'zone'>,
  after: readonly PlannedWindow[],
  now: Date,
): { release: number; owner: string }[] {
  const isInside = (windows: readonly PlannedWindow[], one: Booked) =>
    one.services.every((service) => {
      const deciding = applicable(withDefault({ ...facts, windows }), one, service);
      const times = () => deciding.flatMap((window) => windowTimes(window, { from: one.startsAt, to: one.endsAt }));
      return deciding.length === 0 || times().some((time) => holds(time, one));
    });
  return ahead(facts.booked, now)
    .filter((one) => isInside(facts.windows, one) && !isInside(after, one))
    .map(({ release, owner }) => ({ release, owner }));
}

function unknownTeam({ bookers }: Window, { known }: WindowFacts) {
  const name = bookers.find((team) => !known.teams.includes(team));
  return name === undefined ? undefined : { what: 'team', name, known: [...known.teams] };
}

function ahead(booked: readonly Booked[], now: Date): Booked[] {
  return booked.filter((one) => !one.aboard && one.startsAt > now);
}

function holds(time: Occurrence, one: { startsAt: Date; endsAt: Date }): boolean {
  return time.startsAt <= one.startsAt && one.endsAt <= time.endsAt;
}

function crowdedBy(seats: readonly Held[], key: string, capacity: number) {
  const perDate = new Map<string, number>();
  for (const seat of seats) if (seat.window === key) perDate.set(seat.date, (perDate.get(seat.date) ?? 0) + 1);
  const crowded = [...perDate].find(([, taken]) => taken > capacity);
  return crowded
    ? ({ code: 'seats_taken', window: key, date: crowded[0], taken: crowded[1], capacity } as const)
    : undefined;
}

function dayAround(date: string): { from: Date; to: Date } {
  const noon = Date.parse(`${date}T12:00:00Z`);
  return { from: new Date(noon - 2 * dayMs), to: new Date(noon + 2 * dayMs) };
}

function addYear(at: Date): Date {
  return new Date(at.getTime() + 366 * dayMs);
}
