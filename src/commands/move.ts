import { takeDuration } from '../domain/line.ts';
import {
  BoardInput,
  boardNeeds,
  boardRelease,
  KeepInput,
  keepRelease,
  MoveInput,
  moveNeeds,
  moveRelease,
  type SlotFacts,
} from '../domain/move.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import { readTime } from '../domain/time.ts';
import { loadBoarding } from '../store/calendar.ts';
import { type Command, call, loadRelease, loadSlot, ofRelease, type Verb } from './command.ts';
import { readNeeds } from './request.ts';

export const moveCommand: Command<MoveInput, SlotFacts> = {
  name: 'move',
  audience: 'members',
  input: MoveInput,
  contends: ofRelease,
  crowd: 'calendar',
  load: (tx, by, { release, startsAt, minutes, needs }) =>
    loadSlot(tx, by, { release }, { from: startsAt ? new Date(startsAt) : undefined, minutes, needs: needs ?? [] }),
  needs: moveNeeds,
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
  needs: boardNeeds,
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
