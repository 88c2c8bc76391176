import { RRuleTemporal } from 'rrule-temporal';
import { z } from 'zod';
import { addDays, instantsAt, isDate, wallTime } from './time.ts';

/**
 * When something is, on the wall clock of one zone: once, or again and again by a rule of RFC 5545. The rule picks dates
 * only; the hour comes from `at`, so that weekly 14:00 stays 14:00 whatever the clocks do.
 */
export const Recurrence = z.strictObject({
  /** Local date of the first occurrence, "YYYY-MM-DD". */
  date: z.string().refine(isDate, 'must be a date like 2026-11-24'),
  /** Wall-clock start "HH:MM". */
  at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write the time as HH:MM'),
  /** Length on the wall clock. */
  minutes: z
    .number()
    .int()
    .min(5)
    .max(90 * 24 * 60),
  /** RFC 5545 rule without its start and without hours, e.g. "FREQ=WEEKLY;BYDAY=TU"; null: once. */
  rule: z
    .string()
    .refine((text) => ruleProblem(text) === undefined, { error: (issue) => ruleProblem(String(issue.input)) ?? '' })
    .nullable(),
});
export type Recurrence = z.infer<typeof Recurrence>;

/** One time of a recurrence. `date` is its local start date by the rule, and its name even when it was moved. */
export type Occurrence = { readonly date: string; readonly startsAt: Date; readonly endsAt: Date };

/**
 * What a DST change does to a start that does not exist: "skip" leaves the occurrence out (RFC 5545; nothing is ever
 * booked at a time that is not), "cover" begins at the end of the gap (a freeze must not vanish).
 */
export type InGap = 'skip' | 'cover';

/** The occurrences that touch [from, to), in order. */
export function occurrences(
  recurrence: Recurrence,
  zone: string,
  range: { readonly from: Date; readonly to: Date },
  inGap: InGap,
): Occurrence[] {
  const reach = Math.ceil(recurrence.minutes / 1440) + 1;
  const first = addDays(wallTime(range.from, zone).date, -reach);
  const last = addDays(wallTime(range.to, zone).date, 1);
  return datesOf(recurrence, first, last)
    .flatMap((date) => occurrenceOn(recurrence, zone, date, inGap) ?? [])
    .filter((one) => one.startsAt < range.to && one.endsAt > range.from);
}

/** The occurrence of one date, whether or not the rule has that date; undefined when a DST change swallows it. */
export function occurrenceOn(
  { at, minutes }: Pick<Recurrence, 'at' | 'minutes'>,
  zone: string,
  date: string,
  inGap: InGap,
): Occurrence | undefined {
  const start = instantsAt(date, at, zone);
  if (start.kind === 'gap' && inGap === 'skip') return undefined;
  const [hours, minute] = at.split(':').map(Number) as [number, number];
  const total = hours * 60 + minute + minutes;
  const wall = `${pad(Math.floor((total % 1440) / 60))}:${pad(total % 60)}`;
  const end = instantsAt(addDays(date, Math.floor(total / 1440)), wall, zone);
  const startsAt = start.kind === 'gap' ? start.gapEnds : start.first;
  // An hour that comes twice belongs to the occurrence both times it comes.
  const endsAt = end.kind === 'gap' ? end.gapEnds : end.last;
  return endsAt > startsAt ? { date, startsAt, endsAt } : undefined;
}

/** The first occurrence that starts after `after`; undefined when there is none within two years. */
export function nextOccurrence(
  recurrence: Recurrence,
  zone: string,
  after: Date,
  inGap: InGap,
): Occurrence | undefined {
  for (let days = 0; days < 800; days += 50) {
    const from = new Date(after.getTime() + days * 86_400_000);
    const found = occurrences(recurrence, zone, { from, to: new Date(from.getTime() + 50 * 86_400_000) }, inGap).find(
      (one) => one.startsAt > after,
    );
    if (found) return found;
  }
  return undefined;
}

/** The rule's local dates from `first` to `last`, both included. */
export function datesOf({ date, rule }: Recurrence, first: string, last: string): string[] {
  if (rule === null) return first <= date && date <= last ? [date] : [];
  if (last < date) return [];
  const from = first < date ? date : first;
  return ruleFor(date, rule)
    .between(noon(from), noon(last), true)
    .map((at) => at.toString().slice(0, 10));
}

/** Why a rule cannot be used, in words; undefined when it can. */
export function ruleProblem(rule: string): string | undefined {
  const parts = rule.toUpperCase().split(';');
  for (const part of parts) {
    const [name = '', value] = part.split('=');
    if (!allowed.includes(name)) return `a rule cannot say ${part}: use ${allowed.join(', ')}`;
    if (!value) return `${name} needs a value`;
    if (name === 'FREQ' && !['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'].includes(value))
      return `FREQ can be DAILY, WEEKLY, MONTHLY or YEARLY; hours come from the start time`;
  }
  try {
    ruleFor('2026-01-01', rule).between(noon('2026-01-01'), noon('2026-01-02'), true);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const names: Readonly<Record<string, string>> = {
  MO: 'Mon',
  TU: 'Tue',
  WE: 'Wed',
  TH: 'Thu',
  FR: 'Fri',
  SA: 'Sat',
  SU: 'Sun',
};
const weekdayCodes = Object.keys(names);

/**
 * Reads "daily", "weekdays", "weekly", "mon-fri", "tue,thu", "every 2 weeks", "monthly" or a rule of RFC 5545 as a rule;
 * "weekly" takes the weekday of its first date from the recurrence itself.
 */
export function readRule(text: string): string | undefined {
  const words = text.trim().toLowerCase();
  if (words === 'daily') return 'FREQ=DAILY';
  if (words === 'weekdays' || words === 'mon-fri') return 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR';
  if (words === 'weekly') return 'FREQ=WEEKLY';
  if (words === 'monthly') return 'FREQ=MONTHLY';
  if (words === 'yearly') return 'FREQ=YEARLY';
  const every = /^every (\d{1,2}) (day|week|month)s?$/.exec(words);
  if (every)
    return `FREQ=${{ day: 'DAILY', week: 'WEEKLY', month: 'MONTHLY' }[every[2] as 'day']};INTERVAL=${every[1]}`;
  const days = readDays(words);
  if (days) return `FREQ=WEEKLY;BYDAY=${days.map((day) => weekdayCodes[day - 1]).join(',')}`;
  if (/^freq=/.test(words)) return ruleProblem(words) === undefined ? words.toUpperCase() : undefined;
  return undefined;
}

/** "mon-fri", "mon,wed", "daily" → ISO weekdays, 1 = Monday. */
export function readDays(text: string): number[] | undefined {
  const words = text.toLowerCase();
  if (words === 'daily') return [1, 2, 3, 4, 5, 6, 7];
  const days = new Set<number>();
  const dayOf = (name: string) => weekdayCodes.findIndex((code) => (names[code] as string).toLowerCase() === name) + 1;
  for (const part of words.split(',')) {
    const [from, to] = part.split('-').map(dayOf);
    if (!from || to === 0) return undefined;
    for (let day = from; ; day = (day % 7) + 1) {
      days.add(day);
      if (day === (to ?? from)) break;
    }
  }
  return [...days].sort();
}

/** Days as `readDays` reads them: "mon-fri", "daily", "mon,wed". */
export function daysWords(days: readonly number[]): string {
  const sorted = [...days].sort();
  if (sorted.length === 7) return 'daily';
  const name = (day: number | undefined) => (names[weekdayCodes[(day ?? 1) - 1] as string] as string).toLowerCase();
  const isRow = sorted.length > 2 && sorted.every((day, index) => day === (sorted[0] as number) + index);
  return isRow ? `${name(sorted[0])}-${name(sorted.at(-1))}` : sorted.map(name).join(',');
}

/** "every week on Tue and Thu", "once". */
export function ruleWords(rule: string | null): string {
  if (rule === null) return 'once';
  const part = (name: string) => new RegExp(`(?:^|;)${name}=([^;]+)`, 'i').exec(rule)?.[1];
  const interval = Number(part('INTERVAL') ?? 1);
  const unit = { DAILY: 'day', WEEKLY: 'week', MONTHLY: 'month', YEARLY: 'year' }[part('FREQ')?.toUpperCase() ?? ''];
  const days = part('BYDAY')
    ?.split(',')
    .map((code) =>
      code
        .toUpperCase()
        .replace(/[A-Z]{2}$/, (day) => ` ${names[day] ?? day}`)
        .trim(),
    );
  const dates = part('BYMONTHDAY');
  const base = interval === 1 ? `every ${unit}` : `every ${interval} ${unit}s`;
  const on = days ? ` on ${days.join(', ')}` : dates ? (dates === '-1' ? ' on its last day' : ` on day ${dates}`) : '';
  const until = part('UNTIL');
  return `${base}${on}${until ? ` until ${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6, 8)}` : ''}`;
}

const allowed = ['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS', 'COUNT', 'UNTIL', 'WKST'];

/** Dates are reckoned at noon UTC, where no clock ever changes. */
function ruleFor(date: string, rule: string): RRuleTemporal {
  const dated = rule.toUpperCase().replace(/UNTIL=(\d{8})[^;]*/, 'UNTIL=$1T120000Z');
  return new RRuleTemporal({
    rruleString: `DTSTART;TZID=UTC:${date.replaceAll('-', '')}T120000\nRRULE:${dated}`,
    strict: true,
  });
}

function noon(date: string): Date {
  return new Date(`${date}T12:00:00Z`);
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
