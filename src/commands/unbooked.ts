import { readUnit } from '../domain/line.ts';
import { readTime } from '../domain/time.ts';
import {
  reportUnbooked,
  TakeBackInput,
  takeBackUnbooked,
  type UnbookedFacts,
  UnbookedInput,
} from '../domain/unbooked.ts';
import type { Tx } from '../store/tx.ts';
import { loadUnbooked } from '../store/unbooked.ts';
import { type Command, call, type LoadBy, missing, type Parsed, type Verb } from './command.ts';

const ofUnbooked = {
  audience: 'members',
  contends: ({ service, version, environment }: Pick<UnbookedInput, 'service' | 'version' | 'environment'>) => [
    `unbooked:${service}@${version}:${environment}`,
  ],
  load: async (tx: Tx, by: LoadBy, input: UnbookedInput | TakeBackInput) => ({
    ok: true as const,
    facts: await loadUnbooked(tx, by, input),
  }),
} as const;
export const unbookedCommand: Command<UnbookedInput, UnbookedFacts> = {
  name: 'unbooked',
  ...ofUnbooked,
  input: UnbookedInput,
  decide: reportUnbooked,
};
export const takeBackUnbookedCommand: Command<TakeBackInput, UnbookedFacts> = {
  name: 'unbooked back',
  ...ofUnbooked,
  input: TakeBackInput,
  decide: takeBackUnbooked,
};

export const unbookedVerb: Verb = {
  name: 'unbooked',
  synonyms: [],
  job: 'Run',
  usage: 'unbooked [payments@2.14.1 production [when] ["note"] | back payments@2.14.1 production [when]]',
  summary: 'records a deployment that went past the calendar, or takes that back',
  examples: [
    'unbooked payments@2.14.1 production yesterday 14:00',
    'unbooked back payments@2.14.1 production',
    'unbooked',
  ],
  target: false,
  parse: (line, said): Parsed => {
    if (line.raw === '' || line.raw === 'list') return { do: 'answer', question: { ask: 'unbooked' } };
    const isBack = line.words[0] === 'back';
    const [what = '', environment, ...when] = isBack ? line.words.slice(1) : line.words;
    const unit = readUnit(what);
    if (!unit) return { do: 'usage', problem: { code: 'bad_unit', text: what } };
    if (environment === undefined) return missing('the environment, like production');
    const phrase = when.join(' ');
    const read =
      phrase === '' || phrase === 'now'
        ? { ok: true as const, at: phrase === '' && isBack ? null : said.now }
        : readTime(phrase, { now: said.now, zone: said.zone, past: true });
    if (!read.ok) return { do: 'usage', problem: { code: 'time', problem: read.problem } };
    const about = { ...unit, environment: environment.toLowerCase().slice(0, 40), at: read.at?.toISOString() ?? null };
    if (isBack) return { do: 'run', call: call(takeBackUnbookedCommand, about) };
    const note = line.quoted.join(' ').slice(0, 300);
    return { do: 'run', call: call(unbookedCommand, { ...about, at: about.at ?? said.now.toISOString(), note }) };
  },
};
