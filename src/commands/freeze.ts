import { Freeze } from '../domain/calendar.ts';
import {
  AddFreezeInput,
  addFreeze,
  announceFreeze,
  type FreezeFacts,
  LiftInput,
  liftFreeze,
  OfFreeze,
} from '../domain/freeze.ts';
import { type Line, takeDuration } from '../domain/line.ts';
import { changeTypes } from '../domain/policy.ts';
import { readRule } from '../domain/recurrence.ts';
import { readScope, scopeOptions } from '../domain/scope.ts';
import { addMinutes, isDate, readTime, wallMinutes, wallTime } from '../domain/time.ts';
import { loadFreezes } from '../store/calendar.ts';
import { badOption, type Command, call, missing, type Parsed, type Said, slug, type Verb } from './command.ts';

export const addFreezeCommand: Command<AddFreezeInput, FreezeFacts> = {
  name: 'freeze add',
  audience: 'members',
  input: AddFreezeInput,
  contends: () => ['freezes'],
  crowd: 'calendar',
  load: async (tx, by, input) => ({ ok: true, facts: await loadFreezes(tx, by, { freeze: input.freeze }) }),
  decide: addFreeze,
};

export const liftFreezeCommand: Command<LiftInput, FreezeFacts> = {
  name: 'freeze lift',
  audience: 'members',
  input: LiftInput,
  contends: () => ['freezes'],
  crowd: 'calendar',
  load: async (tx, by, input) => ({ ok: true, facts: await loadFreezes(tx, by, { key: input.freeze }) }),
  decide: liftFreeze,
};

export const announceFreezeCommand: Command<OfFreeze, FreezeFacts> = {
  name: 'clock freeze',
  audience: 'clock',
  input: OfFreeze,
  contends: () => ['freezes'],
  load: async (tx, by, input) => ({ ok: true, facts: await loadFreezes(tx, by, { key: input.freeze }) }),
  decide: announceFreeze,
};

export const freezeVerb: Verb = {
  name: 'freeze',
  synonyms: ['freezes'],
  job: 'Manage',
  usage:
    'freeze list | add "<name>" <from> to <until> [env: svc: tag: team:] [repeats:weekly] [--warn] [exempt:emergency] [message:"…"] | lift <key> [date] [reason]',
  summary: 'times without releases: who is touched is asked, never cancelled silently',
  examples: [
    'freeze add "Black Friday" 2026-11-26 00:00 to 2026-11-30 23:59 env:production',
    'freeze add "Weekend" fri 15:00 to mon 06:00 repeats:weekly env:production exempt:emergency',
    'freeze add "Card vendor is down" sat 10:00 to sat 14:00 svc:payments --warn',
    'freeze list',
    'freeze lift black-friday sold out early',
  ],
  needsHome: true,
  target: false,
  parse: (line, said): Parsed => {
    const [what = 'list', ...words] = line.words;
    switch (what) {
      case 'list':
        return { do: 'answer', question: { ask: 'freezes' } };
      case 'add':
        return words.length === 0 && line.quoted.length === 0
          ? { do: 'open', form: { kind: 'freeze', channel: said.fallbackChannel } }
          : readFreeze(line, words, said);
      case 'lift': {
        const [key, second = '', ...more] = words;
        if (!key) return missing('which freeze, by its key from freeze list');
        const date = isDate(second) ? second : null;
        // A day that is written otherwise must not pass for a reason: without a date everything is lifted.
        const isDay = [second, `${second} ${more[0] ?? ''}`].some((words) => {
          const read = readTime(words, { ...said, farDays: 800 });
          return read.ok || !['time_missing', 'time_unreadable', 'time_leftover'].includes(read.problem.code);
        });
        if (date === null && isDay)
          return missing('the date as 2026-12-31 (without a date the whole freeze is lifted)');
        const reason = [date === null ? second : '', ...more, ...line.quoted].join(' ').trim();
        const lift = call(liftFreezeCommand, { freeze: key, date, reason });
        return line.options.yes ? { do: 'run', call: lift } : { do: 'confirm', call: lift, typed: '' };
      }
      default:
        return { do: 'usage', problem: { code: 'unexpected', text: what } };
    }
  },
};

function readFreeze(line: Line, words: readonly string[], said: Said): Parsed {
  const [name = ''] = line.quoted;
  if (name.trim() === '') return missing('a name in quotes, like "Black Friday"');
  const known = [...scopeOptions, 'repeats', 'warn', 'exempt', 'message', 'yes'];
  const strange = Object.keys(line.options).find((option) => !known.includes(option));
  if (strange) return { do: 'usage', problem: { code: 'unexpected', text: `${strange}:${line.options[strange]}` } };
  const { minutes, rest } = takeDuration(words);
  const phrase = words.join(' ').replace(/\s*\.\.\s*/, ' to ');
  const [from = '', until = '', ...more] = rest
    .join(' ')
    .replace(/\s*\.\.\s*/, ' to ')
    .split(/\s+(?:to|until)\s+/);
  if (more.length > 0 || (until === '') === (minutes === undefined))
    return missing('from when to when, like fri 15:00 to mon 06:00, or now for 3h');
  const asked = { now: said.now, zone: said.zone, farDays: 800 };
  const start =
    from.toLowerCase() === 'now'
      ? { ok: true as const, at: new Date(Math.floor(said.now.getTime() / 60_000) * 60_000), zone: said.zone }
      : readTime(from, { ...asked, now: new Date(said.now.getTime() - 1) });
  if (!start.ok) return { do: 'usage', problem: { code: 'time', problem: start.problem } };
  const end =
    minutes === undefined
      ? readTime(until, { ...asked, now: start.at, zone: start.zone })
      : { ok: true as const, at: addMinutes(start.at, minutes) };
  if (!end.ok) return { do: 'usage', problem: { code: 'time', problem: end.problem } };
  const exempt = (line.options.exempt ?? '').split(',').filter((type) => type !== '');
  const odd = exempt.find((type) => !changeTypes.some((known) => known === type));
  if (odd) return badOption('exempt', odd, changeTypes);
  const rule = line.options.repeats === undefined ? null : readRule(line.options.repeats);
  if (rule === undefined)
    return badOption('repeats', line.options.repeats ?? '', ['weekly', 'monthly', '"every 2 weeks"', 'yearly']);
  const freeze = {
    key: slug(name),
    name: name.trim().slice(0, 80),
    level: line.options.warn ? 'warn' : 'hard',
    scope: readScope(line.options),
    owners: null,
    exempt,
    message: (line.options.message ?? line.quoted.slice(1).join(' ')).slice(0, 500),
    recurrence: recurrenceOf(start.at, end.at, start.zone, rule),
    zone: start.zone,
  };
  const parsed = Freeze.safeParse(freeze);
  if (!parsed.success) return missing(parsed.error.issues[0]?.message ?? 'a freeze that can be read');
  const what = call(addFreezeCommand, { freeze: parsed.data, channel: said.fallbackChannel });
  return line.options.yes ? { do: 'run', call: what } : { do: 'confirm', call: what, typed: phrase };
}

/** A time from one instant to another, as the wall of `zone` shows it. */
export function recurrenceOf(from: Date, until: Date, zone: string, rule: string | null): Freeze['recurrence'] {
  const [start, end] = [wallTime(from, zone), wallTime(until, zone)];
  const minutes = wallMinutes(`${start.date} ${start.time}`, `${end.date} ${end.time}`);
  return { date: start.date, at: start.time, minutes, rule };
}
