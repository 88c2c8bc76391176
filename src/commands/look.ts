import type { ListFilter } from '../domain/question.ts';
import { releaseStates } from '../domain/release.ts';
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

export const showVerb: Verb = look('show', ['status'], 'everything about one release', 'show');
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
