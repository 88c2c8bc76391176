import { TickInput, tickCriterion } from '../domain/criterion.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import { type Command, call, loadRelease, ofRelease, type Verb } from './command.ts';

export const tickCommand: Command<TickInput, ReleaseFacts> = {
  name: 'tick',
  audience: 'members',
  input: TickInput,
  contends: ofRelease,
  load: loadRelease,
  decide: tickCriterion,
};

export const tickVerb: Verb = {
  name: 'tick',
  synonyms: ['criteria', 'accept'],
  job: 'Run',
  usage: 'tick [REL-142] [number] [link] [off]',
  summary: 'ticks an entry or exit criterion, with the link that proves it; alone: shows them',
  examples: ['tick REL-142 1 https://ci.example.com/142', 'tick REL-142 1 off', 'tick REL-142'],
  target: true,
  parse: (line, _said, release) => {
    const [criterion, ...rest] = line.raw === '' ? [] : line.raw.split(' ');
    if (criterion === undefined) return { do: 'answer', question: { ask: 'criteria', release } };
    if (!/^\d{1,3}$/.test(criterion))
      return {
        do: 'usage',
        problem: { code: 'missing', what: 'the number of a criterion, as `tick REL-142` shows it' },
      };
    const off = rest.at(-1) === 'off';
    const evidence = (off ? rest.slice(0, -1) : rest).join(' ').replace(/^<([^|>]+)(\|[^>]*)?>$/, '$1');
    return { do: 'run', call: call(tickCommand, { release, criterion, evidence: evidence.slice(0, 500), tick: !off }) };
  },
};
