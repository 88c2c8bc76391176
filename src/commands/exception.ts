import {
  type AskExceptionFacts,
  askException,
  ExceptionInput,
  endPasses,
  exceptionNeeds,
  OfPasses,
} from '../domain/exception.ts';
import type { SlotFacts } from '../domain/move.ts';
import { releasesWithPass } from '../store/policy.ts';
import { findSlot } from '../store/slot.ts';
import { type Command, call, loadSlot, ofRelease, type Verb } from './command.ts';

export const exceptionCommand: Command<ExceptionInput, AskExceptionFacts> = {
  name: 'exception',
  audience: 'members',
  input: ExceptionInput,
  // A team's last pass is given once: whoever asks for one waits for the others.
  contends: (input) => ['exceptions', ...ofRelease(input)],
  crowd: 'calendar',
  load: (tx, by, input) => loadSlot(tx, by, input),
  needs: exceptionNeeds,
  decide: askException,
};

export const endPassesCommand: Command<OfPasses, readonly SlotFacts[]> = {
  name: 'clock passes',
  audience: 'clock',
  input: OfPasses,
  contends: () => ['exceptions'],
  crowd: 'calendar',
  load: async (tx, by, { freeze }) => {
    const facts: SlotFacts[] = [];
    for (const release of await releasesWithPass(tx, by.workspace, freeze)) {
      const slot = await findSlot(tx, by, release);
      if (slot) facts.push(slot);
    }
    return { ok: true, facts };
  },
  decide: endPasses,
};

export const exceptionVerb: Verb = {
  name: 'exception',
  synonyms: ['exempt', 'exceptions'],
  job: 'Ask',
  usage: 'exception list | exception REL-142 <reason>',
  summary: 'asks the owners of a freeze for a pass; each team has a budget per quarter',
  examples: ['exception REL-142 the card scheme switches off TLS 1.1 that night', 'exception list'],
  target: false,
  parse: (line, _said) => {
    const [first = 'list', ...rest] = line.raw === '' ? [] : line.raw.split(' ');
    if (first === 'list') return { do: 'answer', question: { ask: 'exceptions' } };
    const match = /^rel-?(\d+)$/i.exec(first);
    if (!match) return { do: 'usage', problem: { code: 'missing', what: 'which release, like REL-142' } };
    const release = Number(match[1]);
    const reason = rest.join(' ').replace(/^"|"$/g, '');
    return reason === ''
      ? { do: 'open', form: { kind: 'exception', release } }
      : { do: 'run', call: call(exceptionCommand, { release, reason: reason.slice(0, 500) }) };
  },
};
