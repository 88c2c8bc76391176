import { type Line, readLine, readMention, readUnit, takeDuration } from '../domain/line.ts';
import { changeTypes } from '../domain/policy.ts';
import { parseReleaseKey, type Unit } from '../domain/release.ts';
import { type RequestFacts, RequestInput, requestNeeds, requestRelease } from '../domain/request.ts';
import { durations } from '../domain/slot.ts';
import { addMinutes, readTime } from '../domain/time.ts';
import { loadRequest } from '../store/facts.ts';
import { type Command, call, type Parsed, type RequestLine, type Said, type Verb } from './command.ts';

export const requestCommand: Command<RequestInput, RequestFacts> = {
  name: 'request',
  audience: 'members',
  input: RequestInput,
  crowd: 'calendar',
  load: async (tx, by, input) => ({ ok: true, facts: await loadRequest(tx, by, wishOf(input)) }),
  needs: requestNeeds,
  numbered: true,
  decide: (input, facts, ask) => requestRelease(input, facts, ask),
};

/** The part of the calendar that a request is judged by. */
export function wishOf(input: RequestInput): Parameters<typeof loadRequest>[2] {
  const startsAt = new Date(input.startsAt);
  return {
    services: input.units.map((unit) => unit.service),
    environment: input.environment,
    startsAt,
    endsAt: addMinutes(startsAt, Math.max(1, Math.min(input.minutes, durations.max))),
    lead: input.lead,
    needs: input.dependsOn,
    train: input.train,
  };
}

export const newVerb: Verb = {
  name: 'new',
  synonyms: ['request', 'create'],
  job: 'Ask',
  usage: 'new [service@version …] [when] [for 45m] [type:normal] [env:production] [needs:REL-139]',
  summary: 'opens the request form, filled in with what you said',
  examples: ['new payments@2.14.0 tomorrow 14:00 for 45m', 'new web@88 search@5.2 fri 10:00', 'new'],
  target: false,
  parse: (line, said) => {
    const read = readRequest(line, said, false);
    return 'problem' in read
      ? { do: 'usage', problem: read.problem }
      : { do: 'open', form: { kind: 'request', draft: read.draft } };
  },
};

export const bookVerb: Verb = {
  name: 'book',
  synonyms: [],
  job: 'Ask',
  usage:
    'book <service@version …> <when> [for 45m] [type:normal] [env:production] ["what changes"] [rollback:"how back"] [lead:@who] [needs:REL-139] [--auto] [--yes]',
  summary: 'requests a release without the form: says how it reads the time, you confirm',
  examples: [
    'book payments@2.14.0 tomorrow 14:00 for 45m "SEPA instant payouts"',
    'book web@88 fri 10:00 needs:REL-139',
    'book ledger@7.3.1 type:emergency "stop double charges"',
  ],
  needsHome: true,
  target: false,
  parse: (line, said) => {
    const read = readRequest(line, said, true);
    if ('problem' in read) return { do: 'usage', problem: read.problem };
    const what = call(requestCommand, inputOf(read.draft, line, said));
    return line.options.yes ? { do: 'run', call: what } : { do: 'confirm', call: what, typed: read.phrase };
  },
};

export const boardVerb: Verb = {
  name: 'board',
  synonyms: [],
  job: 'Ask',
  usage: 'board <service@version …> [train] ["what changes"]',
  summary: 'puts a release on the next departure of a train',
  examples: ['board web@88', 'board search@5.2 weekly "ranking fixes"'],
  needsHome: true,
  target: false,
  parse: (line, said) => {
    const units = takeUnits(line.words);
    if ('problem' in units) return { do: 'usage', problem: units.problem };
    const [train = '', ...rest] = units.rest;
    if (rest.length > 0) return { do: 'usage', problem: { code: 'unexpected', text: rest.join(' ') } };
    const [first] = units.units;
    if (!first) return { do: 'usage', problem: { code: 'missing', what: 'a service and its version, like web@88' } };
    const draft = {
      ...blankRequest(said.channel),
      units: units.units,
      startsAt: said.now,
      summary: line.quoted.join(' '),
    };
    const environment = line.options.env ?? draft.environment;
    const what = call(requestCommand, inputOf({ ...draft, environment, train }, line, said));
    return line.options.yes ? { do: 'run', call: what } : { do: 'confirm', call: what, typed: '' };
  },
};

function inputOf(draft: RequestLine, line: Line, said: Said): RequestInput {
  return {
    units: [...draft.units],
    environment: draft.environment,
    startsAt: (draft.startsAt as Date).toISOString(),
    minutes: draft.minutes,
    changeType: draft.changeType as RequestInput['changeType'],
    summary: draft.summary,
    rollbackPlan: line.options.rollback ?? '',
    lead: (line.options.lead && readMention(line.options.lead, '@')) || said.person,
    dependsOn: [...draft.needs],
    ...plainContent,
    auto: draft.auto,
    train: draft.train,
    fallbackChannel: said.fallbackChannel,
  };
}

/** What a request carries when nobody has said more of it. */
export const plainContent: Pick<
  RequestInput,
  'rollbackTested' | 'migration' | 'scope' | 'links' | 'auto' | 'exception'
> = { rollbackTested: false, migration: 'none', scope: [], links: [], auto: false, exception: null };

/** What a request says before anybody has said anything. */
export function blankRequest(channel: string): RequestLine {
  return {
    units: [],
    startsAt: undefined,
    minutes: 45,
    environment: 'production',
    changeType: 'normal',
    summary: '',
    needs: [],
    auto: false,
    train: null,
    channel,
  };
}

type Read = { draft: RequestLine; phrase: string } | { problem: Extract<Parsed, { do: 'usage' }>['problem'] };

/** Reads units, time, length and options. `complete` asks for units and a time; the form does not need them. */
function readRequest(line: Line, said: Said, complete: boolean): Read {
  const known = ['type', 'env', 'dur', 'lead', 'needs', 'rollback', 'yes', 'auto'];
  for (const [option, value] of Object.entries(line.options))
    if (!known.includes(option)) return { problem: { code: 'unexpected', text: `${option}:${value}` } };
  const blank = blankRequest(said.channel);
  const changeType = line.options.type ?? blank.changeType;
  if (!changeTypes.some((type) => type === changeType))
    return { problem: { code: 'bad_option', option: 'type', value: changeType, allowed: changeTypes } };

  const { lead } = line.options;
  if (lead !== undefined && !readMention(lead, '@'))
    return {
      problem: { code: 'bad_option', option: 'lead', value: lead, allowed: ['@somebody, picked from the list'] },
    };
  const needs = readNeeds(line.options.needs);
  if (!needs)
    return {
      problem: {
        code: 'bad_option',
        option: 'needs',
        value: line.options.needs ?? '',
        allowed: ['REL-139', 'REL-139,REL-140'],
      },
    };
  const taken = takeUnits(line.words);
  if ('problem' in taken) return taken;
  const { units, rest: words } = taken;
  const { minutes, rest } = takeDuration(words, line.options.dur);
  const phrase = rest.join(' ');
  if (complete && units.length === 0)
    return {
      problem:
        phrase === ''
          ? { code: 'missing', what: 'a service and its version, like payments@2.14.0' }
          : { code: 'bad_unit', text: rest[0] ?? '' },
    };
  let startsAt: Date | undefined;
  // An emergency that names no time is now.
  if (changeType === 'emergency' && (phrase === '' || phrase.toLowerCase() === 'now'))
    startsAt = new Date(Math.floor(said.now.getTime() / 60_000) * 60_000);
  else if (complete || phrase !== '') {
    const read = readTime(phrase, said);
    if (!read.ok) return { problem: { code: 'time', problem: read.problem } };
    startsAt = read.at;
  }
  return {
    draft: {
      ...blank,
      units,
      startsAt,
      minutes: minutes ?? blank.minutes,
      environment: line.options.env ?? blank.environment,
      changeType,
      summary: line.quoted.join(' '),
      needs,
      auto: line.options.auto !== undefined,
    },
    phrase,
  };
}

/** Takes leading `service@version` words, joined by nothing, "+" or "and". */
function takeUnits(
  typed: readonly string[],
): { units: Unit[]; rest: string[] } | { problem: Extract<Parsed, { do: 'usage' }>['problem'] } {
  const units: Unit[] = [];
  let words = [...typed];
  while (words[0]?.includes('@') && !words[0].startsWith('<')) {
    const unit = readUnit(words[0]);
    if (!unit) return { problem: { code: 'bad_unit', text: words[0] } };
    units.push(unit);
    words = words.slice(1);
    if (/^(\+|and)$/i.test(words[0] ?? '') && words[1]?.includes('@')) words = words.slice(1);
  }
  return { units, rest: words };
}

/** "REL-139,REL-140" or "none" → release numbers; undefined when it is something else. */
export function readNeeds(text: string | undefined): number[] | undefined {
  if (text === undefined || text === 'none') return [];
  const numbers = text.split(',').map(parseReleaseKey);
  return numbers.every((number) => number !== undefined) ? numbers : undefined;
}

/** Reads the "released together with" field of the form: units, or the text that is none. */
export function readUnits(text: string): { units: { service: string; version: string }[] } | { bad: string } {
  const units = [];
  for (const word of readLine(text).words) {
    const unit = readUnit(word.replace(/,$/, ''));
    if (!unit) return { bad: word };
    units.push(unit);
  }
  return { units };
}
