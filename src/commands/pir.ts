import { readMention } from '../domain/line.ts';
import { needNothing } from '../domain/person.ts';
import {
  ActionDoneInput,
  type ActionFacts,
  AddActionInput,
  addAction,
  finishAction,
  OfAction,
  ReviewInput,
  remindAction,
  reviewRelease,
} from '../domain/pir.ts';
import { isDate } from '../domain/time.ts';
import { badOption, type Command, call, missing, ofRelease, type Verb } from './command.ts';
import { loadRoom } from './room.ts';

export const pirVerb: Verb = {
  name: 'pir',
  synonyms: [],
  job: 'Run',
  usage: 'pir REL-142',
  summary: 'the review after the release: how did it go?',
  examples: ['pir REL-142'],
  target: true,
  parse: (_line, _said, release) => ({ do: 'open', form: { kind: 'pir', release } }),
};

const ofActions = { contends: ofRelease, load: loadRoom } as const;
export const pirCommand: Command<ReviewInput, ActionFacts> = {
  name: 'pir',
  audience: 'members',
  ...ofActions,
  input: ReviewInput,
  needs: (_facts, { actions }) => ({ ...needNothing, people: [...new Set(actions.map(({ owner }) => owner))] }),
  decide: reviewRelease,
};
export const addActionCommand: Command<AddActionInput, ActionFacts> = {
  name: 'action add',
  audience: 'members',
  ...ofActions,
  input: AddActionInput,
  needs: (_facts, input) => ({ ...needNothing, people: [input.action.owner] }),
  decide: addAction,
};
export const actionDoneCommand: Command<ActionDoneInput, ActionFacts> = {
  name: 'action done',
  audience: 'members',
  ...ofActions,
  input: ActionDoneInput,
  decide: finishAction,
};
export const remindActionCommand: Command<OfAction, ActionFacts> = {
  name: 'clock action',
  audience: 'clock',
  ...ofActions,
  input: OfAction,
  decide: remindAction,
};

export const actionVerb: Verb = {
  name: 'action',
  synonyms: ['actions'],
  job: 'Run',
  usage: 'action [list] | REL-142 "<what>" @owner 2026-12-01 | REL-142 done A142-1',
  summary: 'what reviews want done: lists what is open, adds one, or says that it is done',
  examples: ['action list', 'action REL-142 "Alert on the queue depth" @raj 2026-12-01', 'action REL-142 done A142-1'],
  target: 'maybe',
  parse: (line, said, release) => {
    const [first, key] = line.words;
    if (line.raw === '' || first === 'list') return { do: 'answer', question: { ask: 'actions', release } };
    if (release === undefined) return missing('the release, like REL-142');
    if (first === 'done')
      return key ? { do: 'run', call: call(actionDoneCommand, { release, key }) } : missing('which one, like A142-1');
    const owner = line.words.flatMap((word) => readMention(word, '@') ?? [])[0] ?? said.person;
    const due = line.words.find((word) => /^\d{4}-\d{2}-\d{2}$/.test(word));
    if (due === undefined || !isDate(due)) return badOption('date', due ?? '', ['2026-12-01']);
    const plain = line.words.filter((word) => word !== due && !readMention(word, '@')).join(' ');
    const text = (line.quoted[0] ?? plain).slice(0, 300);
    return text === ''
      ? missing('what has to be done')
      : { do: 'run', call: call(addActionCommand, { release, action: { text, owner, due } }) };
  },
};
