import { z } from 'zod';
import { mayManage } from './access.ts';
import { type Source, type Window, WindowChange } from './calendar.ts';
import { type Ask, accept, type Decision, refuse } from './decision.ts';
import { type Occurrence, occurrenceOn, occurrences } from './recurrence.ts';

export type PlannedWindow = Window & { readonly changes: readonly WindowChange[]; readonly source: Source };
export type WindowTime = Occurrence & { readonly capacity: number | null };

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

export type WindowFacts = {
  readonly roles: readonly string[];
  readonly hasCatalog: boolean;
  readonly windows: readonly PlannedWindow[];
  /** Releases that hold a seat from now on, per occurrence. */
  readonly seats: readonly { readonly window: string; readonly date: string; readonly taken: number }[];
};

/** Sets or replaces a window. A capacity below what is already booked is refused, never enforced backwards. */
export function setWindow(input: Window, facts: WindowFacts, ask: Ask): Decision {
  if (!mayManage(facts)) return refuse({ code: 'only_managers', verb: 'window' });
  const crowded = input.capacity === null ? undefined : crowdedBy(facts, input.key, input.capacity);
  if (crowded) return refuse(crowded);
  const next = occurrences(input.recurrence, input.zone, { from: ask.now, to: addYear(ask.now) }, 'skip');
  if (next.length === 0) return refuse({ code: 'never_happens', what: 'window' });
  return accept({ type: 'window.set', window: input, source: 'slack' });
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
  const times = windowTimes({ ...window, changes: [change] }, dayAround(change.date));
  const next = times.find((one) => one.date === change.date);
  if (!change.cancelled && (!next || next.endsAt <= ask.now))
    return refuse({ code: 'no_occurrence', what: window.name, date: change.date });
  const taken = facts.seats.find((one) => one.window === key && one.date === change.date)?.taken ?? 0;
  if (change.capacity !== null && taken > change.capacity)
    return refuse({ code: 'seats_taken', window: window.name, date: change.date, taken, capacity: change.capacity });
  return accept({ type: 'window.changed', window: key, change });
}

export const DropWindowInput = z.strictObject({ window: z.string() });
export type DropWindowInput = z.infer<typeof DropWindowInput>;

export function dropWindow({ window: key }: DropWindowInput, facts: WindowFacts, _ask: Ask): Decision {
  if (!mayManage(facts)) return refuse({ code: 'only_managers', verb: 'window' });
  const window = facts.windows.find((one) => one.key === key);
  if (!window) return refuse({ code: 'unknown_window', name: key, known: facts.windows.map((one) => one.key) });
  return accept({ type: 'window.dropped', window: key });
}

function crowdedBy(facts: WindowFacts, key: string, capacity: number) {
  const crowded = facts.seats.find((one) => one.window === key && one.taken > capacity);
  return crowded
    ? ({ code: 'seats_taken', window: key, date: crowded.date, taken: crowded.taken, capacity } as const)
    : undefined;
}

function dayAround(date: string): { from: Date; to: Date } {
  const noon = Date.parse(`${date}T12:00:00Z`);
  return { from: new Date(noon - 2 * dayMs), to: new Date(noon + 2 * dayMs) };
}

function addYear(at: Date): Date {
  return new Date(at.getTime() + 366 * dayMs);
}
