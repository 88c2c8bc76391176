import { takeDuration } from '../domain/line.ts';
import { changeTypes } from '../domain/policy.ts';
import type { ListFilter } from '../domain/question.ts';
import { parseReleaseKey, releaseStates } from '../domain/release.ts';
import { durations } from '../domain/slot.ts';
import { isDate, readTime, wallTime } from '../domain/time.ts';
import type { Parsed, Verb } from './command.ts';

export const listVerb: Verb = {
  name: 'list',
  synonyms: ['ls'],
  job: 'Look',
  usage: 'list [mine | needs:me | today | week | state:approved | svc:payments]',
  summary: 'releases, soonest first',
  examples: ['list mine', 'list needs:me', 'list today', 'list svc:payments'],
  target: false,
  parse: (line): Parsed => {
    const page = Number(line.options.page ?? 1);
    const filter = readFilter(line.words, line.options);
    if ('problem' in filter) return { do: 'usage', problem: filter.problem };
    return {
      do: 'answer',
      question: { ask: 'list', filter: filter.filter, page: Number.isInteger(page) && page > 0 ? page : 1 },
    };
  },
};

export const showVerb: Verb = look('show', [], 'everything about one release', 'show');
export const whyVerb: Verb = look('why', [], 'which rule a release waits for, and why', 'why');
export const whoVerb: Verb = look('who', ['waiting'], 'who is still needed', 'who');

export const helpVerb: Verb = {
  name: 'help',
  synonyms: [],
  job: 'Look',
  usage: 'help [verb | words]',
  summary: 'what I can do',
  examples: ['help', 'help book', 'help words'],
  target: false,
  parse: (line) => ({ do: 'answer', question: { ask: 'help', topic: line.words[0] } }),
};

export const calendarVerb: Verb = {
  name: 'calendar',
  synonyms: ['cal'],
  job: 'Look',
  usage: 'calendar [day | week] [service or environment] [2026-11-24]',
  summary: 'what is on: releases, freezes, reservations and trains, as bars',
  examples: ['calendar', 'calendar week', 'calendar day payments', 'calendar week production 2026-12-01'],
  target: false,
  parse: (line, said): Parsed => {
    let span: 'day' | 'week' = 'week';
    let filter: string | null = line.options.svc ?? line.options.env ?? null;
    let from: string | null = null;
    for (const word of line.words) {
      if (word === 'day' || word === 'today') span = 'day';
      else if (word === 'week') span = 'week';
      else if (isDate(word)) from = word;
      else if (dayOf(word, said)) from = dayOf(word, said) ?? null;
      else if (filter === null && /^[a-z][a-z0-9-]*$/i.test(word)) filter = word.toLowerCase();
      else return { do: 'usage', problem: { code: 'unexpected', text: word } };
    }
    return { do: 'answer', question: { ask: 'calendar', span, filter, from } };
  },
};

export const slotsVerb: Verb = {
  name: 'slots',
  synonyms: ['free'],
  job: 'Look',
  usage: 'slots <service …> [when] [for 45m] [env:production] [type:normal]  |  slots REL-142',
  summary: 'the next best free times',
  examples: ['slots payments for 45m', 'slots web search thu 9:00 for 30m', 'slots REL-142'],
  target: false,
  parse: (line, said): Parsed => {
    const [first = ''] = line.words;
    const release = /^rel-?\d+$/i.test(first) ? parseReleaseKey(first) : undefined;
    if (release !== undefined)
      return { do: 'answer', question: { ask: 'slots', of: { kind: 'release', release }, from: null } };
    const { minutes, rest } = takeDuration(line.words, line.options.dur);
    const isTime = (words: readonly string[]) => words.length > 0 && readTime(words.join(' '), said).ok;
    // Service names come first; what can be read as a time from some word on is the time.
    const split = rest.findIndex((_, index) => isTime(rest.slice(index)));
    const services = (split < 0 ? rest : rest.slice(0, split)).map((word) => word.replace(/@.*$/, '').toLowerCase());
    const read = split < 0 ? undefined : readTime(rest.slice(split).join(' '), said);
    if (services.length === 0) return { do: 'usage', problem: { code: 'missing', what: 'a service, like payments' } };
    const changeType = line.options.type ?? 'normal';
    const type = changeTypes.find((one) => one === changeType);
    if (!type)
      return { do: 'usage', problem: { code: 'bad_option', option: 'type', value: changeType, allowed: changeTypes } };
    const environment = line.options.env ?? 'production';
    if (minutes !== undefined && (minutes < durations.min || minutes > durations.max))
      return {
        do: 'usage',
        problem: { code: 'bad_option', option: 'for', value: `${minutes}m`, allowed: ['5m to 8h'] },
      };
    const of = { kind: 'wish' as const, services, environment, minutes: minutes ?? 45, changeType: type };
    return { do: 'answer', question: { ask: 'slots', of, from: read?.ok ? read.at.toISOString() : null } };
  },
};

export const trainsVerb: Verb = {
  name: 'trains',
  synonyms: ['train'],
  job: 'Look',
  usage: 'trains',
  summary: 'the next departures and who is aboard',
  examples: ['trains'],
  target: false,
  parse: () => ({ do: 'answer', question: { ask: 'trains' } }),
};

/** "tomorrow", "tue" → its date. */
function dayOf(word: string, said: { now: Date; zone: string }): string | undefined {
  const read = readTime(`${word} 23:59`, said);
  return read.ok ? wallTime(read.at, said.zone).date : undefined;
}

function look(name: string, synonyms: readonly string[], summary: string, ask: 'show' | 'why' | 'who'): Verb {
  return {
    name,
    synonyms,
    job: 'Look',
    usage: `${name} [REL-142]`,
    summary,
    examples: [`${name} REL-142`],
    target: true,
    parse: (line, _said, release) =>
      line.words.length > 0
        ? { do: 'usage', problem: { code: 'unexpected', text: line.words.join(' ') } }
        : { do: 'answer', question: { ask, release } },
  };
}

type Problem = Extract<Parsed, { do: 'usage' }>['problem'];

function readFilter(
  words: readonly string[],
  options: Readonly<Record<string, string>>,
): { filter: ListFilter } | { problem: Problem } {
  const { state, svc, service, needs } = options;
  if (state !== undefined)
    return releaseStates.some((known) => known === state)
      ? { filter: { kind: 'state', value: state } }
      : { problem: { code: 'bad_option', option: 'state', value: state, allowed: releaseStates } };
  if (needs !== undefined)
    return needs === 'me'
      ? { filter: { kind: 'needs-me' } }
      : { problem: { code: 'bad_option', option: 'needs', value: needs, allowed: ['me'] } };
  const name = svc ?? service;
  if (name !== undefined) return { filter: { kind: 'service', value: name } };
  const [word] = words;
  if (word === undefined) return { filter: { kind: 'open' } };
  if (word === 'mine' || word === 'today' || word === 'week') return { filter: { kind: word } };
  return { problem: { code: 'unexpected', text: words.join(' ') } };
}
