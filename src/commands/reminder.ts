import type { ReleaseFacts } from '../domain/release.ts';
import {
  AskInput,
  askApprover,
  EscalateInput,
  escalate,
  NudgeInput,
  nudge,
  RemindInput,
  remind,
  reminderNeeds,
  SnoozeInput,
  snooze,
} from '../domain/reminder.ts';
import { type Command, call, loadRelease, ofRelease, type Verb } from './command.ts';

export const nudgeCommand: Command<NudgeInput, ReleaseFacts> = {
  name: 'nudge',
  audience: 'members',
  input: NudgeInput,
  contends: ofRelease,
  load: loadRelease,
  needs: reminderNeeds,
  decide: nudge,
};

export const snoozeCommand: Command<SnoozeInput, ReleaseFacts> = {
  name: 'snooze',
  audience: 'members',
  input: SnoozeInput,
  contends: ofRelease,
  load: loadRelease,
  decide: snooze,
};

export const remindCommand: Command<RemindInput, ReleaseFacts> = {
  name: 'clock remind',
  audience: 'clock',
  input: RemindInput,
  contends: ofRelease,
  load: loadRelease,
  needs: reminderNeeds,
  decide: remind,
};

export const escalateCommand: Command<EscalateInput, ReleaseFacts> = {
  name: 'clock escalate',
  audience: 'clock',
  input: EscalateInput,
  contends: ofRelease,
  load: loadRelease,
  needs: reminderNeeds,
  decide: escalate,
};

export const askCommand: Command<AskInput, ReleaseFacts> = {
  name: 'clock ask',
  audience: 'clock',
  input: AskInput,
  contends: ofRelease,
  load: loadRelease,
  decide: askApprover,
};

export const nudgeVerb: Verb = {
  name: 'nudge',
  synonyms: ['remind'],
  job: 'Ask',
  usage: 'nudge [REL-142]',
  summary: 'reminds whoever is still needed, once in four hours',
  examples: ['nudge REL-142'],
  target: true,
  parse: (line, _said, release) =>
    line.words.length > 0
      ? { do: 'usage', problem: { code: 'unexpected', text: line.words.join(' ') } }
      : { do: 'run', call: call(nudgeCommand, { release }) },
};
