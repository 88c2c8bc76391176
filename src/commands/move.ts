import { takeDuration } from '../domain/line.ts';
import {
  AnswerSwap,
  answerSwap,
  BoardInput,
  boardRelease,
  KeepInput,
  keepRelease,
  lapseSwap,
  MoveInput,
  moveRelease,
  OfSwap,
  type ProposedSwap,
  proposeSwap,
  type SlotFacts,
  type SwapFacts,
  SwapInput,
  type UndoFacts,
  UndoInput,
  undoLast,
  undoSeconds,
} from '../domain/move.ts';
import { parseReleaseKey, type ReleaseFacts } from '../domain/release.ts';
import { addMinutes, readTime } from '../domain/time.ts';
import { findSwap, loadBoarding } from '../store/calendar.ts';
import { findSlot, loadUndo } from '../store/slot.ts';
import type { Tx } from '../store/tx.ts';
import {
  type Command,
  call,
  type LoadBy,
  type Loaded,
  loadRelease,
  loadSlot,
  ofRelease,
  unknownRelease,
  type Verb,
} from './command.ts';
import { readNeeds } from './request.ts';

export const moveCommand: Command<MoveInput, SlotFacts> = {
  name: 'move',
  audience: 'members',
  input: MoveInput,
  contends: ofRelease,
  crowd: 'calendar',
  load: (tx, by, { release, startsAt, minutes, needs }) =>
    loadSlot(tx, by, { release }, { from: startsAt ? new Date(startsAt) : undefined, minutes, needs: needs ?? [] }),
  decide: moveRelease,
};

export const boardCommand: Command<BoardInput, SlotFacts> = {
  name: 'board',
  audience: 'members',
  input: BoardInput,
  contends: ofRelease,
  crowd: 'calendar',
  load: async (tx, by, input) => {
    const boarding = await loadBoarding(tx, by.workspace, input.train, by.now);
    const { departure } = boarding;
    const slot = await loadSlot(tx, by, input, { from: departure?.startsAt, to: departure?.endsAt });
    return slot.ok ? { ok: true, facts: { ...slot.facts, boarding } } : slot;
  },
  decide: boardRelease,
};

export const keepCommand: Command<KeepInput, ReleaseFacts> = {
  name: 'keep',
  audience: 'members',
  input: KeepInput,
  contends: ofRelease,
  load: loadRelease,
  decide: keepRelease,
};

export const swapCommand: Command<SwapInput, SwapFacts> = {
  name: 'swap',
  audience: 'members',
  input: SwapInput,
  contends: (input) => [`release:${input.release}`, `release:${input.other}`],
  crowd: 'calendar',
  load: (tx, by, input) => loadBoth(tx, by, input.release, input.other),
  decide: proposeSwap,
};

export const answerSwapCommand: Command<AnswerSwap, ProposedSwap> = {
  name: 'swap answer',
  audience: 'members',
  input: AnswerSwap,
  contends: (input) => [`swap:${input.swap}`],
  crowd: 'calendar',
  load: loadSwap,
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

export const undoCommand: Command<UndoInput, UndoFacts> = {
  name: 'undo',
  audience: 'members',
  input: UndoInput,
  crowd: 'calendar',
  load: async (tx, by, { of }) => ({
    ok: true,
    facts: await loadUndo(tx, by, addMinutes(by.now, -undoSeconds / 60), of),
  }),
  decide: undoLast,
};

export const moveVerb: Verb = {
  name: 'move',
  synonyms: ['reschedule'],
  job: 'Ask',
  usage: 'move [REL-142] <when> [for 45m] [needs:REL-139|none] [--yes]',
  summary: 'gives a release another time; votes that do not depend on time stay',
  examples: ['move REL-142 thu 10:00', 'move REL-142 needs:none'],
  target: true,
  parse: (line, said, release) => {
    const { minutes, rest } = takeDuration(line.words, line.options.dur);
    const needs = line.options.needs === undefined ? null : readNeeds(line.options.needs);
    if (needs === undefined)
      return {
        do: 'usage',
        problem: { code: 'bad_option', option: 'needs', value: line.options.needs ?? '', allowed: ['REL-139', 'none'] },
      };
    const phrase = rest.join(' ');
    if (phrase === '' && needs === null && minutes === undefined)
      return { do: 'answer', question: { ask: 'slots', of: { kind: 'release', release }, from: null } };
    const read = phrase === '' ? undefined : readTime(phrase, said);
    if (read && !read.ok) return { do: 'usage', problem: { code: 'time', problem: read.problem } };
    const startsAt = read ? read.at.toISOString() : null;
    const what = call(moveCommand, { release, startsAt, minutes: minutes ?? null, needs });
    return line.options.yes || !read ? { do: 'run', call: what } : { do: 'confirm', call: what, typed: phrase };
  },
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

export const undoVerb: Verb = {
  name: 'undo',
  synonyms: [],
  job: 'Ask',
  usage: 'undo',
  summary: `takes back your last booking, move or cancellation, within ${undoSeconds} seconds`,
  examples: ['undo'],
  target: false,
  parse: () => ({ do: 'run', call: call(undoCommand, { of: null }) }),
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
