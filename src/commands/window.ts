import { Window } from '../domain/calendar.ts';
import type { Line } from '../domain/line.ts';
import { readRule } from '../domain/recurrence.ts';
import { readScope, scopeOptions } from '../domain/scope.ts';
import { isDate, isZone, readDuration, wallMinutes, wallTime } from '../domain/time.ts';
import {
  ChangeWindowInput,
  changeWindow,
  DropWindowInput,
  dropWindow,
  setWindow,
  type WindowFacts,
} from '../domain/window.ts';
import { loadWindows } from '../store/calendar.ts';
import { badOption, type Command, call, missing, type Parsed, type Said, slug, type Verb } from './command.ts';

export const setWindowCommand: Command<Window, WindowFacts> = {
  name: 'window set',
  audience: 'members',
  input: Window,
  contends: () => ['windows'],
  crowd: 'calendar',
  load: async (tx, by) => ({ ok: true, facts: await loadWindows(tx, by) }),
  decide: setWindow,
};

const changeWindowCommand: Command<ChangeWindowInput, WindowFacts> = {
  name: 'window change',
  audience: 'members',
  input: ChangeWindowInput,
  contends: () => ['windows'],
  crowd: 'calendar',
  load: async (tx, by) => ({ ok: true, facts: await loadWindows(tx, by) }),
  decide: changeWindow,
};

const dropWindowCommand: Command<DropWindowInput, WindowFacts> = {
  name: 'window drop',
  audience: 'members',
  input: DropWindowInput,
  contends: () => ['windows'],
  crowd: 'calendar',
  load: async (tx, by) => ({ ok: true, facts: await loadWindows(tx, by) }),
  decide: dropWindow,
};

export const windowVerb: Verb = {
  name: 'window',
  synonyms: ['windows'],
  job: 'Manage',
  usage:
    'window list | set "<name>" <mon-fri | 2026-11-24> <09:00-17:00> [zone] [env: svc: tag:] [cap:4] [notice:2h] [min:15m] [max:2h] [for:team] | change <key> <date> <10:00-12:00> [cap:2] | close <key> <date> | drop <key>',
  summary: 'when releases are taken, and how many',
  examples: [
    'window list',
    'window set "Production days" mon-fri 09:00-17:00 Europe/Berlin env:production cap:4 notice:2h',
    'window change production-days 2026-12-24 09:00-12:00 cap:1',
    'window close production-days 2026-12-25',
    'window drop production-days',
  ],
  target: false,
  parse: (line, said): Parsed => {
    const [what = 'list', ...words] = line.words;
    const [key = '', date = '', hours = ''] = words;
    switch (what) {
      case 'list':
        return { do: 'answer', question: { ask: 'windows' } };
      case 'set':
        return readWindow(line, words, said);
      case 'drop':
        return key
          ? { do: 'run', call: call(dropWindowCommand, { window: key }) }
          : missing('which window, by its key');
      case 'close':
      case 'change': {
        if (!key || !isDate(date)) return missing('a window and a date, like production-days 2026-12-24');
        const between = readHours(hours);
        const capacity = line.options.cap === undefined ? null : Number(line.options.cap);
        if (what === 'change' && !between && capacity === null) return missing('the hours, like 10:00-12:00, or cap:2');
        if (capacity !== null && !isCount(capacity)) return badOption('cap', line.options.cap, ['1', '4', '10']);
        const change = {
          date,
          cancelled: what === 'close',
          at: between?.at ?? null,
          minutes: between?.minutes ?? null,
          capacity,
        };
        return { do: 'run', call: call(changeWindowCommand, { window: key, change }) };
      }
      default:
        return { do: 'usage', problem: { code: 'unexpected', text: what } };
    }
  },
};

function readWindow(line: Line, words: readonly string[], said: Said): Parsed {
  const [name = ''] = line.quoted;
  if (name.trim() === '') return missing('a name in quotes, like "Production days"');
  const known = [...scopeOptions, 'cap', 'notice', 'min', 'max', 'for', 'exempt'];
  const strange = Object.keys(line.options).find((option) => !known.includes(option));
  if (strange) return { do: 'usage', problem: { code: 'unexpected', text: `${strange}:${line.options[strange]}` } };
  const zone = words.find(isZone) ?? said.zone;
  const hours = words.map(readHours).find((one) => one !== undefined);
  if (!hours) return missing('its hours, like 09:00-17:00');
  const rest = words.filter((word) => word !== zone && !readHours(word));
  const days = rest.join(' ');
  const rule = readRule(days);
  if (!isDate(days) && rule === undefined) return missing('its days, like mon-fri, tue,thu, weekly or 2026-11-24');
  const { cap, notice, min, max } = line.options;
  if (cap !== undefined && !isCount(Number(cap))) return badOption('cap', cap, ['1', '4', '10']);
  for (const [option, text] of Object.entries({ notice, min, max }))
    if (text !== undefined && readDuration(text) === undefined) return badOption(option, text, ['30m', '2h', '1h30m']);
  const length = (text: string | undefined) => (text === undefined ? undefined : readDuration(text));
  if ((length(min) ?? 0) > (length(max) ?? Number.POSITIVE_INFINITY)) return badOption('min', min, ['less than max']);
  // A night has less than half a day; longer across midnight is most likely turned round.
  if (hours.overnight && hours.minutes > 12 * 60) return missing('hours that end after they begin, like 09:00-17:00');
  const window: Window = {
    key: slug(name),
    name: name.trim().slice(0, 80),
    scope: readScope(line.options),
    recurrence: {
      date: isDate(days) ? days : wallTime(said.now, zone).date,
      at: hours.at,
      minutes: hours.minutes,
      rule: isDate(days) ? null : (rule as string),
    },
    zone,
    capacity: cap === undefined ? null : Number(cap),
    minMinutes: length(min) ?? null,
    maxMinutes: length(max) ?? null,
    noticeMinutes: length(notice) ?? 0,
    bookers: line.options.for?.split(',') ?? [],
    exempt: line.options.exempt === 'none' ? [] : ['emergency'],
  };
  const parsed = Window.safeParse(window);
  if (!parsed.success) return missing(parsed.error.issues[0]?.message ?? 'a window that can be read');
  return { do: 'run', call: call(setWindowCommand, parsed.data) };
}

/** "09:00-17:00" → its start and length; across midnight when the end comes first. */
function readHours(word: string): { at: string; minutes: number; overnight: boolean } | undefined {
  const match = /^(\d{1,2}:\d{2})-(\d{1,2}:\d{2})$/.exec(word);
  if (!match) return undefined;
  const [from, to] = [match[1], match[2]].map((time) => (time as string).padStart(5, '0')) as [string, string];
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(from) || !/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/.test(to)) return undefined;
  const minutes = wallMinutes(from, to);
  return { at: from, minutes: minutes > 0 ? minutes : minutes + 24 * 60, overnight: minutes <= 0 };
}

function isCount(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= 1000;
}
