import type { ParsedComponents } from 'chrono-node';
import { casual } from 'chrono-node/en';
import { Temporal } from 'temporal-polyfill';

/** Why a phrase is no time, so that the answer can ask instead of guess. */
export type TimeProblem =
  | { readonly code: 'time_missing' }
  | { readonly code: 'time_unreadable'; readonly text: string }
  | { readonly code: 'time_leftover'; readonly understood: string; readonly leftover: string }
  | { readonly code: 'time_no_hour'; readonly text: string }
  | { readonly code: 'time_ambiguous_date'; readonly text: string }
  | { readonly code: 'time_zone_unclear'; readonly text: string }
  | { readonly code: 'time_past'; readonly startsAt: string; readonly zone: string }
  | { readonly code: 'time_ahead'; readonly startsAt: string; readonly zone: string }
  | { readonly code: 'time_far'; readonly startsAt: string; readonly zone: string }
  | {
      readonly code: 'time_gap';
      readonly text: string;
      readonly wall: string;
      readonly zone: string;
      readonly before: string;
      readonly after: string;
    }
  | {
      readonly code: 'time_twice';
      readonly text: string;
      readonly wall: string;
      readonly zone: string;
      readonly before: string;
      readonly after: string;
    };

export type ReadTime =
  | { readonly ok: true; readonly at: Date; readonly zone: string }
  | { readonly ok: false; readonly problem: TimeProblem };

type Asked = {
  readonly now: Date;
  readonly zone: string;
  readonly farDays?: number;
  /** Something that happened: "fri 14:00" is the last one. */
  readonly past?: true;
};

/** Further ahead than this a typed date is more likely a slip than a plan. */
const farDays = 60;
const minute = 60_000;

/**
 * Reads a phrase such as "tomorrow 14:00", "next tue 2pm" or "2026-11-24 14:00 Europe/Berlin" as an instant.
 * Wall-clock components come from chrono, the instant from Temporal in the person's zone, so the result does not depend
 * on the zone of this process. Anything that two people could read differently is a problem, never a guess.
 */
export function readTime(text: string, asked: Asked): ReadTime {
  const { phrase, zone } = takeZone(text.trim(), asked.zone);
  if (phrase === '') return no({ code: 'time_missing' });
  const instant = readInstant(phrase);
  if (instant) return checkRange(instant, zone, asked);
  if (isAmbiguousDate(phrase)) return no({ code: 'time_ambiguous_date', text: phrase });

  const spoken = phrase.replace(/\beod\b/gi, '17:00');
  const wallNow = wallClock(asked.now, zone);
  const results = casual.parse(spoken, { instant: fakeUtc(wallNow), timezone: 0 });
  const [first, second] = results;
  if (!first) return no({ code: 'time_unreadable', text: phrase });
  const leftover = `${spoken.slice(0, first.index)} ${spoken.slice(first.index + first.text.length)}`
    .replace(/\b(on|at|um|the)\b/gi, ' ')
    .replace(/[\s,.]+/g, ' ')
    .trim();
  if (leftover !== '' || second)
    return no({ code: 'time_leftover', understood: first.text, leftover: leftover || second?.text || '' });
  if (first.end)
    return no({ code: 'time_leftover', understood: first.text, leftover: 'until when (write for 2h instead)' });
  // Chrono calls the offset of "in 2 hours" certain too: only a zone that somebody wrote is unclear.
  if (first.start.isCertain('timezoneOffset') && writtenZone.test(first.text))
    return no({ code: 'time_zone_unclear', text: phrase });
  // "in 20 hours" is elapsed time, whatever the clocks do meanwhile.
  if (first.start.isCertain('timezoneOffset')) {
    const elapsed = first.start.date().getTime() - fakeUtc(wallNow).getTime();
    return checkRange(new Date(Math.floor((asked.now.getTime() + elapsed) / minute) * minute), zone, asked);
  }
  const relative = first.start.isCertain('minute') || first.start.isCertain('hour');
  if (!relative) return no({ code: 'time_no_hour', text: phrase });

  const part = (name: 'year' | 'month' | 'day' | 'hour' | 'minute') => first.start.get(name) ?? 0;
  const wall = Temporal.PlainDateTime.from({
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
  });
  const isBack = /\b(last|past|yesterday|ago)\b/i.test(spoken);
  const towards = asked.past ? -1 : 1;
  const meant = isBack ? wall : nextTo(wall, wallNow.toPlainDateTime(), first.start, towards);
  const resolved = resolveWall(meant, zone, phrase);
  return resolved.ok ? checkRange(resolved.at, zone, asked) : resolved;
}

/** Reads "45m", "1h", "1h30m", "90 min" or "1.5h" as minutes; undefined when it is something else. */
export function readDuration(text: string): number | undefined {
  const match = /^(?:(\d+(?:[.,]\d+)?)\s*h(?:ours?|rs?)?)?\s*(?:(\d+)\s*m(?:in(?:ute)?s?)?)?$/i.exec(text.trim());
  if (!match || (match[1] === undefined && match[2] === undefined)) return undefined;
  return Math.round(Number((match[1] ?? '0').replace(',', '.')) * 60) + Number(match[2] ?? '0');
}

export type WallTime = {
  /** "YYYY-MM-DD" */
  readonly date: string;
  /** "HH:MM" */
  readonly time: string;
  /** "Tue" */
  readonly weekday: string;
  /** 1 = Monday. */
  readonly isoWeekday: number;
  readonly day: number;
  /** "Nov" */
  readonly month: string;
  readonly year: number;
};

/** An instant as a clock on the wall of `zone` shows it. English names, 24 hours. */
export function wallTime(at: Date, zone: string): WallTime {
  const wall = wallClock(at, zone);
  const plain = wall.toPlainDateTime().toString({ smallestUnit: 'minute' });
  return {
    date: plain.slice(0, 10),
    time: plain.slice(11, 16),
    weekday: weekdays[wall.dayOfWeek - 1] as string,
    isoWeekday: wall.dayOfWeek,
    day: wall.day,
    month: months[wall.month - 1] as string,
    year: wall.year,
  };
}

/** The instant at which `zone` shows this date and time; a time that a DST change skips moves to just after the gap. */
export function instantAt(date: string, time: string, zone: string): Date {
  const wall = Temporal.PlainDateTime.from(`${date}T${time}`);
  return new Date(wall.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds);
}

/** What a wall clock means: one instant, two (the clocks go back) or none (they go forward). */
export type WallInstants =
  | { readonly kind: 'once' | 'twice'; readonly first: Date; readonly last: Date }
  | { readonly kind: 'gap'; readonly before: Date; readonly after: Date; readonly gapEnds: Date };

/** Every instant at which `zone` shows this date and time. */
export function instantsAt(date: string, time: string, zone: string): WallInstants {
  const name = `${date}T${time} ${zone}`;
  let found = walls.get(name);
  if (!found) {
    found = instantsOf(Temporal.PlainDateTime.from(`${date}T${time}`), zone);
    if (walls.size >= 10_000) walls.clear();
    walls.set(name, found);
  }
  return found;
}

/** Calendars ask for the same walls again and again, and each costs some ten microseconds. */
const walls = new Map<string, WallInstants>();

export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  try {
    return Temporal.PlainDate.from(text, { overflow: 'reject' }).toString() === text;
  } catch {
    return false;
  }
}

/** "YYYY-MM-DD" some days later. */
export function addDays(date: string, days: number): string {
  return Temporal.PlainDate.from(date).add({ days }).toString();
}

/** Minutes on the wall from one "HH:MM" or "YYYY-MM-DD HH:MM" to another; "24:00" is the end of its day. */
export function wallMinutes(from: string, to: string): number {
  const at = (text: string) =>
    Date.parse(`${text.length > 5 ? text.slice(0, 10) : '2026-01-01'}T00:00Z`) / minute + clockMinutes(text.slice(-5));
  return at(to) - at(from);
}

function clockMinutes(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}

/** ISO weekday of "YYYY-MM-DD", 1 = Monday. */
export function isoWeekday(date: string): number {
  return Temporal.PlainDate.from(date).dayOfWeek;
}

export function isZone(name: string): boolean {
  try {
    Temporal.Now.zonedDateTimeISO(name);
    return /^(UTC|[A-Za-z]+\/[A-Za-z_+\-/0-9]+)$/.test(name);
  } catch {
    return false;
  }
}

export function addMinutes(at: Date, minutes: number): Date {
  return new Date(at.getTime() + minutes * minute);
}

export function minutesBetween(from: Date, to: Date): number {
  return Math.round((to.getTime() - from.getTime()) / minute);
}

const writtenZone = /\b(?:[a-z]{1,4}t|utc|gmt|z)\b|[+-]\d{1,2}(?::?\d{2})?$/i;
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function no(problem: TimeProblem): ReadTime {
  return { ok: false, problem };
}

/** A zone written out ("… Europe/Berlin", "… UTC") overrides the person's own. */
function takeZone(text: string, own: string): { phrase: string; zone: string } {
  for (const match of text.matchAll(/\b(?:UTC|[A-Z][A-Za-z_]+\/[A-Za-z_+\-/]+)\b/g)) {
    if (isZone(match[0])) {
      const phrase = (text.slice(0, match.index) + text.slice(match.index + match[0].length))
        .replace(/\s+/g, ' ')
        .trim();
      return { phrase, zone: match[0] };
    }
  }
  return { phrase: text, zone: own };
}

/** Full ISO instants with an offset need no zone. */
function readInstant(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** 11/12 is a day in November for some and in December for others. */
function isAmbiguousDate(text: string): boolean {
  const match = /\b(\d{1,2})\/(\d{1,2})\b/.exec(text) ?? /\b(\d{1,2})[.-](\d{1,2})[.-]\d{2,4}\b/.exec(text);
  if (!match) return false;
  const [first, second] = [Number(match[1]), Number(match[2])];
  return first <= 12 && second <= 12 && first !== second;
}

function wallClock(at: Date, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(zone);
}

/**
 * "fri", "12 dec" and "14:00" mean the next one, or of something that happened (`towards` -1) the last one; chrono's own
 * way of saying so looks at the zone of the process.
 */
function nextTo(
  wall: Temporal.PlainDateTime,
  now: Temporal.PlainDateTime,
  said: ParsedComponents,
  towards: 1 | -1,
): Temporal.PlainDateTime {
  const order = Temporal.PlainDateTime.compare(wall, now);
  if (order === towards || (order === 0 && towards < 0)) return wall;
  if (said.isCertain('day')) return said.isCertain('year') ? wall : wall.add({ years: towards });
  return nextTo(wall.add({ days: towards * (said.isCertain('weekday') ? 7 : 1) }), now, said, towards);
}

/** Chrono reckons in the zone of the process unless its reference is a wall clock dressed as UTC. */
function fakeUtc(wall: Temporal.ZonedDateTime): Date {
  return new Date(Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second));
}

function instantsOf(wall: Temporal.PlainDateTime, zone: string): WallInstants {
  const earlier = wall.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const later = wall.toZonedDateTime(zone, { disambiguation: 'later' });
  const [first, last] = [new Date(earlier.epochMilliseconds), new Date(later.epochMilliseconds)];
  if (earlier.toPlainDateTime().equals(wall)) return { kind: +first === +last ? 'once' : 'twice', first, last };
  // Between the two readings the clocks jump; the jump is where the gap ends.
  const jump = earlier.getTimeZoneTransition('next') ?? later;
  return { kind: 'gap', before: first, after: last, gapEnds: new Date(jump.epochMilliseconds) };
}

function resolveWall(
  wall: Temporal.PlainDateTime,
  zone: string,
  text: string,
): { ok: true; at: Date } | { ok: false; problem: TimeProblem } {
  const found = instantsOf(wall, zone);
  if (found.kind === 'once') return { ok: true, at: found.first };
  const [before, after] = found.kind === 'gap' ? [found.before, found.after] : [found.first, found.last];
  return {
    ok: false,
    problem: {
      code: found.kind === 'gap' ? 'time_gap' : 'time_twice',
      text,
      wall: wall.toString({ smallestUnit: 'minute' }),
      zone,
      before: before.toISOString(),
      after: after.toISOString(),
    },
  };
}

function checkRange(at: Date, zone: string, asked: Asked): ReadTime {
  if (asked.past)
    return at > asked.now ? no({ code: 'time_ahead', startsAt: at.toISOString(), zone }) : { ok: true, at, zone };
  if (at.getTime() <= asked.now.getTime()) return no({ code: 'time_past', startsAt: at.toISOString(), zone });
  if (at.getTime() > asked.now.getTime() + (asked.farDays ?? farDays) * 24 * 60 * minute)
    return no({ code: 'time_far', startsAt: at.toISOString(), zone });
  return { ok: true, at, zone };
}
