import { parseReleaseKey } from '../domain/release.ts';
import {
  AnswerSwap,
  answerSwap,
  lapseSwap,
  OfSwap,
  type ProposedSwap,
  proposeSwap,
  type SwapFacts,
  SwapInput,
  swapNeeds,
} from '../domain/swap.ts';
import { findSwap } from '../store/calendar.ts';
import { findSlot } from '../store/slot.ts';
import type { Tx } from '../store/tx.ts';
import { type Command, call, type LoadBy, type Loaded, unknownRelease, type Verb } from './command.ts';

export const swapCommand: Command<SwapInput, SwapFacts> = {
  name: 'swap',
  audience: 'members',
  input: SwapInput,
  contends: (input) => [`release:${input.release}`, `release:${input.other}`],
  crowd: 'calendar',
  load: (tx, by, input) => loadBoth(tx, by, input.release, input.other),
  needs: swapNeeds,
  decide: proposeSwap,
};

export const answerSwapCommand: Command<AnswerSwap, ProposedSwap> = {
  name: 'swap answer',
  audience: 'members',
  input: AnswerSwap,
  contends: (input) => [`swap:${input.swap}`],
  crowd: 'calendar',
  load: loadSwap,
  needs: swapNeeds,
  decide: answerSwap,
};

export const lapseSwapCommand: Command<OfSwap, ProposedSwap> = {
  name: 'clock swap',
  audience: 'clock',
  input: OfSwap,
  contends: (input) => [`swap:${input.swap}`],
  load: loadSwap,
  decide: lapseSwap,
};

export const swapVerb: Verb = {
  name: 'swap',
  synonyms: [],
  job: 'Ask',
  usage: 'swap REL-142 REL-139',
  summary: 'asks the holder of another slot to swap with yours',
  examples: ['swap REL-142 REL-139'],
  target: true,
  parse: (line, _said, release) => {
    const [typed = '', ...more] = line.words.filter((word) => word !== 'with');
    const other = parseReleaseKey(typed);
    if (other === undefined || more.length > 0)
      return { do: 'usage', problem: { code: 'missing', what: 'the two releases, like swap REL-142 REL-139' } };
    return { do: 'run', call: call(swapCommand, { release, other }) };
  },
};

async function loadBoth(tx: Tx, by: LoadBy, release: number, other: number): Promise<Loaded<SwapFacts>> {
  const [a, b] = [await findSlot(tx, by, release), await findSlot(tx, by, other)];
  if (!a) return unknownRelease(release);
  if (!b) return unknownRelease(other);
  // Each is judged at the other's time.
  const mine = await findSlot(tx, by, release, { from: b.release.startsAt });
  const theirs = await findSlot(tx, by, other, { from: a.release.startsAt });
  return mine && theirs ? { ok: true, facts: { mine, other: theirs } } : unknownRelease(release);
}

async function loadSwap(tx: Tx, by: LoadBy, input: { swap: string }): Promise<Loaded<ProposedSwap>> {
  const swap = await findSwap(tx, by.workspace, input.swap);
  if (!swap) return { ok: false, refusal: { code: 'swap_over', state: 'gone' } };
  const both = await loadBoth(tx, by, swap.release, swap.other);
  return both.ok ? { ok: true, facts: { ...both.facts, swap } } : both;
}
