import { type ChangeFacts, ChangeInput, changeNeeds, changeRelease } from '../domain/change.ts';
import { type Command, loadSlot, ofRelease, type Verb } from './command.ts';

export const changeCommand: Command<ChangeInput, ChangeFacts> = {
  name: 'edit',
  audience: 'members',
  input: ChangeInput,
  contends: ofRelease,
  crowd: 'calendar',
  load: (tx, by, { release, change }) =>
    loadSlot(tx, by, { release }, change.units ? { services: change.units.map((unit) => unit.service) } : {}),
  needs: changeNeeds,
  decide: changeRelease,
};

export const editVerb: Verb = {
  name: 'edit',
  synonyms: ['change', 'amend'],
  job: 'Ask',
  usage: 'edit [REL-142]',
  summary: 'changes what ships; only gates that cover what changed are asked again',
  examples: ['edit REL-142'],
  target: true,
  parse: (line, _said, release) =>
    line.words.length > 0
      ? { do: 'usage', problem: { code: 'unexpected', text: line.words.join(' ') } }
      : { do: 'open', form: { kind: 'edit', release } },
};
