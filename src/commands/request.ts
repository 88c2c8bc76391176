import { type Line, readLine, readMention, readUnit, takeDuration } from '../domain/line.ts';
import { changeTypes } from '../domain/policy.ts';
import { type RequestFacts, RequestInput, requestNeeds, requestRelease } from '../domain/request.ts';
import { readTime } from '../domain/time.ts';
import { loadRequest } from '../store/facts.ts';
import { type Command, call, type Parsed, type RequestLine, type Said, type Verb } from './command.ts';

export const requestCommand: Command<RequestInput, RequestFacts> = {
  name: 'request',
  audience: 'members',
  input: RequestInput,
  contends: (input) => input.units.map((unit) => `slot:${input.environment}:${unit.service}`),
  load: async (tx, { workspace }, input) => ({
    ok: true,
    facts: await loadRequest(tx, workspace, {
      services: input.units.map((unit) => unit.service),
      environment: input.environment,
      startsAt: new Date(input.startsAt),
    }),
  }),
  needs: requestNeeds,
  numbered: true,
  decide: requestRelease,
};

export const newVerb: Verb = {
  name: 'new',
  synonyms: ['request', 'create'],
  job: 'Ask',
  usage: 'new [service@version …] [when] [for 45m] [type:normal] [env:production]',
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
  usage: 'book <service@version …> <when> [for 45m] [type:normal] [env:production] ["what changes"] [lead:@who]',
  summary: 'requests a release at once, without the form',
  examples: ['book payments@2.14.0 tomorrow 14:00 for 45m "SEPA instant payouts"'],
  needsHome: true,
  target: false,
  parse: (line, said) => {
    const read = readRequest(line, said, true);
    if ('problem' in read) return { do: 'usage', problem: read.problem };
    const { draft } = read;
    return {
      do: 'run',
      call: call(requestCommand, {
        units: [...draft.units],
        environment: draft.environment,
        startsAt: (draft.startsAt as Date).toISOString(),
        minutes: draft.minutes,
        changeType: draft.changeType as RequestInput['changeType'],
        summary: draft.summary,
        rollbackPlan: '',
        lead: (line.options.lead && readMention(line.options.lead, '@')) || said.person,
        fallbackChannel: said.fallbackChannel,
      }),
    };
  },
};

/** What a request says before anybody has said anything. */
export function blankRequest(channel: string): RequestLine {
  return {
    units: [],
    startsAt: undefined,
    minutes: 45,
    environment: 'production',
    changeType: 'normal',
    summary: '',
    channel,
  };
}

type Read = { draft: RequestLine } | { problem: Extract<Parsed, { do: 'usage' }>['problem'] };

/** Reads units, time, length and options. `complete` asks for units and a time; the form does not need them. */
function readRequest(line: Line, said: Said, complete: boolean): Read {
  const known = ['type', 'env', 'dur', 'lead'];
  for (const [option, value] of Object.entries(line.options))
    if (!known.includes(option)) return { problem: { code: 'unexpected', text: `${option}:${value}` } };
  const blank = blankRequest(said.channel);
  const changeType = line.options.type ?? blank.changeType;
  if (!changeTypes.some((type) => type === changeType))
    return { problem: { code: 'bad_option', option: 'type', value: changeType, allowed: changeTypes } };

  const units = [];
  let words = [...line.words];
  while (words[0]?.includes('@') && !words[0].startsWith('<')) {
    const unit = readUnit(words[0]);
    if (!unit) return { problem: { code: 'bad_unit', text: words[0] } };
    units.push(unit);
    words = words.slice(1);
    if (/^(\+|and)$/i.test(words[0] ?? '') && words[1]?.includes('@')) words = words.slice(1);
  }
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
  if (complete || phrase !== '') {
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
    },
  };
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
