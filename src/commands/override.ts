import { readLine, readMention } from '../domain/line.ts';
import {
  AnswerOverride,
  answerOverride,
  lapseOverride,
  OfOverride,
  type OverrideFacts,
  OverrideInput,
  overrideNeeds,
  proposeOverride,
} from '../domain/override.ts';
import { type Command, call, missing, ofRelease, type Verb } from './command.ts';
import { loadStart } from './deploy.ts';

export const overrideCommand: Command<OverrideInput, OverrideFacts> = {
  name: 'override',
  audience: 'members',
  input: OverrideInput,
  contends: ofRelease,
  load: loadStart,
  needs: overrideNeeds,
  decide: proposeOverride,
};

export const answerOverrideCommand: Command<AnswerOverride, OverrideFacts> = {
  name: 'override answer',
  audience: 'members',
  input: AnswerOverride,
  contends: ofRelease,
  load: loadStart,
  decide: answerOverride,
};

export const lapseOverrideCommand: Command<OfOverride, OverrideFacts> = {
  name: 'clock override',
  audience: 'clock',
  input: OfOverride,
  contends: ofRelease,
  load: loadStart,
  decide: lapseOverride,
};

export const overrideVerb: Verb = {
  name: 'override',
  synonyms: [],
  job: 'Manage',
  usage: 'override REL-142 <rule> @second-person <reason>',
  summary: 'sets a rule aside for a release: two people, a reason, four hours at most',
  examples: ['override REL-142 gate:SRE @kim both SREs are on the incident call', 'override REL-142'],
  target: true,
  parse: (line, _said, release) => {
    if (line.raw === '') return { do: 'open', form: { kind: 'override', release } };
    const mention = line.words.find((word) => readMention(word, '@'));
    const second = mention === undefined ? undefined : readMention(mention, '@');
    if (mention === undefined || !second) return missing('the second person, as @somebody');
    // Rules look like options (gate:SRE), so both sides of the mention are taken as they were typed, where it shows a name.
    const shown = readLine(mention).raw;
    const at = line.raw.indexOf(shown);
    const rule = line.raw.slice(0, at).trim();
    const reason = line.raw
      .slice(at + shown.length)
      .trim()
      .replace(/^"|"$/g, '');
    if (rule === '') return missing('the rule, like gate:SRE or freeze:month-end');
    return { do: 'run', call: call(overrideCommand, { release, rule, reason: reason.slice(0, 500), second }) };
  },
};
