import { addMinutes } from '../domain/time.ts';
import { type UndoFacts, UndoInput, undoLast, undoNeeds, undoSeconds } from '../domain/undo.ts';
import { loadUndo } from '../store/slot.ts';
import { type Command, call, type Verb } from './command.ts';

export const undoCommand: Command<UndoInput, UndoFacts> = {
  name: 'undo',
  audience: 'members',
  input: UndoInput,
  // Taking a cancellation back may use the last pass of a budget.
  contends: () => ['exceptions'],
  crowd: 'calendar',
  load: async (tx, by, { of }) => ({
    ok: true,
    facts: await loadUndo(tx, by, addMinutes(by.now, -undoSeconds / 60), of),
  }),
  needs: undoNeeds,
  decide: undoLast,
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
