import {
  type EnrolFacts,
  EnrolInput,
  enrolCode,
  type RemoveCodeFacts,
  RemoveCodeInput,
  removeCode,
} from '../domain/code.ts';
import { readMention } from '../domain/line.ts';
import { loadCodes } from '../store/facts.ts';
import { badOption, type Command, call, missing, type Verb } from './command.ts';

export const enrolCodeCommand: Command<EnrolInput, EnrolFacts> = {
  name: 'stepup',
  audience: 'members',
  input: EnrolInput,
  load: async (tx, by, { credential }) => ({
    ok: true,
    facts: await loadCodes(tx, by, { person: by.actor, credential }),
  }),
  decide: enrolCode,
};

export const removeCodeCommand: Command<RemoveCodeInput, RemoveCodeFacts> = {
  name: 'stepup off',
  audience: 'members',
  input: RemoveCodeInput,
  load: async (tx, by, { person }) => ({ ok: true, facts: await loadCodes(tx, by, { person: person ?? by.actor }) }),
  decide: removeCode,
};

export const stepUpVerb: Verb = {
  name: 'stepup',
  synonyms: ['totp', '2fa'],
  job: 'Approve',
  usage: 'stepup | stepup off <code> | stepup off @somebody',
  summary: 'sets up the one-time codes that some gates want',
  examples: ['stepup', 'stepup off 123456'],
  target: false,
  parse: (line) => {
    const [what, who = ''] = line.words;
    if (what === undefined) return { do: 'open', form: { kind: 'stepup' } };
    if (what !== 'off') return badOption('stepup', what, ['nothing, to set it up', 'off']);
    const person = readMention(who, '@') ?? null;
    if (!person && !/^\d{6}$/.test(line.words.slice(1).join('')))
      return missing('a current code from your authenticator app, like 123456');
    return { do: 'run', call: call(removeCodeCommand, { person, code: person ? '' : line.words.slice(1).join('') }) };
  },
};
