import {
  addNote,
  cancelRelease,
  failRelease,
  finishRelease,
  NoteInput,
  OfRelease,
  openStart,
  pauseRelease,
  type RollbackFacts,
  resumeRelease,
  rollBack,
  StartDue,
  type StartFacts,
  startRelease,
  verifyRelease,
  WithReason,
} from '../domain/deploy.ts';
import type { Line } from '../domain/line.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import type { RoomFacts } from '../domain/step.ts';
import { loadPassengers, type Reader } from '../store/calendar.ts';
import { replacedBy } from '../store/room.ts';
import {
  type Call,
  type Command,
  call,
  type LoadBy,
  type Loaded,
  loadRelease,
  loadSlot,
  ofRelease,
  type Verb,
} from './command.ts';
import { loadRoom } from './room.ts';

export const startCommand: Command<OfRelease, StartFacts> = {
  name: 'start',
  audience: 'members',
  input: OfRelease,
  contends: ofRelease,
  crowd: 'calendar',
  load: loadStart,
  decide: startRelease,
};
/** The clock, when a slot begins. */
export const openStartCommand: Command<StartDue, StartFacts> = {
  name: 'clock start',
  audience: 'clock',
  input: StartDue,
  contends: ofRelease,
  crowd: 'calendar',
  load: loadStart,
  decide: openStart,
};

export const pauseCommand = step('pause', WithReason, pauseRelease);
export const resumeCommand = step('resume', OfRelease, resumeRelease);
export const verifyCommand = step('verify', OfRelease, verifyRelease);
export const doneCommand: Command<OfRelease, RoomFacts> = {
  name: 'done',
  audience: 'members',
  input: OfRelease,
  contends: ofRelease,
  crowd: 'calendar',
  load: loadRoom,
  decide: finishRelease,
};
export const rollbackCommand: Command<WithReason, RollbackFacts> = {
  name: 'rollback',
  audience: 'members',
  input: WithReason,
  contends: ofRelease,
  crowd: 'calendar',
  load: async (tx, by, input) => {
    const found = await loadRelease(tx, by, input);
    if (!found.ok) return found;
    return { ok: true, facts: { ...found.facts, replaced: await replacedBy(tx, by.workspace, input.release) } };
  },
  decide: rollBack,
};
export const failCommand = step('fail', WithReason, failRelease);
export const cancelCommand = step('cancel', WithReason, cancelRelease);
export const noteCommand = step('note', NoteInput, addNote);

export const startVerb = plainVerb('start', 'starts the deployment', (input) => call(startCommand, input));
export const resumeVerb = plainVerb('resume', 'goes on after a pause', (input) => call(resumeCommand, input));
export const verifyVerb = plainVerb('verify', 'says that it is deployed and now being verified', (input) =>
  call(verifyCommand, input),
);
export const doneVerb = plainVerb('done', 'says that it is verified: the release is done', (input) =>
  call(doneCommand, input),
);
export const pauseVerb = reasonVerb('pause', [], 'holds the deployment', pauseCommand);
export const rollbackVerb: Verb = {
  ...reasonVerb('rollback', ['revert'], 'rolls back; nothing ever blocks this', rollbackCommand),
  // Without a reason the form says what goes back to what; with one it is meant.
  target: true,
  parse: (line, _said, release) =>
    words(line) === ''
      ? { do: 'open', form: { kind: 'rollback', release } }
      : { do: 'run', call: call(rollbackCommand, { release, reason: words(line).slice(0, 1000) }) },
};
export const failVerb = reasonVerb('fail', [], 'says that it failed and was not rolled back', failCommand);
export const cancelVerb: Verb = {
  ...reasonVerb('cancel', [], 'cancels a release and frees its slot', cancelCommand),
  job: 'Ask',
  examples: ['cancel REL-142 not before the audit'],
};

export const noteVerb: Verb = {
  name: 'note',
  synonyms: ['log'],
  job: 'Run',
  usage: 'note [REL-142] <text>',
  summary: 'adds a line to the timeline',
  examples: ['note REL-142 canary looks healthy'],
  target: true,
  parse: (line, _said, release) =>
    words(line) === ''
      ? { do: 'open', form: { kind: 'note', release } }
      : { do: 'run', call: call(noteCommand, { release, text: words(line).slice(0, 3000) }) },
};

/** What a start is judged by: at this moment, not at the beginning of its slot. */
export async function loadStart(
  tx: Reader,
  by: LoadBy,
  input: { release: number },
): Promise<Loaded<StartFacts & { readonly hasCatalog: boolean }>> {
  const slot = await loadSlot(tx, by, input, { from: by.now, minutes: 1 });
  if (!slot.ok) return slot;
  const { train, number, startsAt } = slot.facts.release;
  // One that is yet to come is judged where it begins.
  const there = startsAt > by.now ? await loadSlot(tx, by, input) : slot;
  if (!there.ok) return there;
  const aboard = train
    ? await loadPassengers(tx, by.workspace, train.key, train.date)
    : { passengers: [], dependencies: {} };
  const mates = aboard.passengers.filter((mate) => mate.release !== number);
  return { ok: true, facts: { ...there.facts, mates, dependencies: aboard.dependencies } };
}

function step<Input extends { release: number }>(
  name: string,
  input: Command<Input, ReleaseFacts>['input'],
  decide: Command<Input, ReleaseFacts>['decide'],
): Command<Input, ReleaseFacts> {
  return { name, audience: 'members', input, contends: ofRelease, crowd: 'calendar', load: loadRelease, decide };
}

function plainVerb(name: string, summary: string, make: (input: OfRelease) => Call): Verb {
  return {
    name,
    synonyms: [],
    job: 'Run',
    usage: `${name} [REL-142]`,
    summary,
    examples: [`${name} REL-142`],
    target: true,
    parse: (line, _said, release) =>
      line.words.length > 0
        ? { do: 'usage', problem: { code: 'unexpected', text: line.words.join(' ') } }
        : { do: 'run', call: make({ release }) },
  };
}

function reasonVerb<Facts>(
  name: string,
  synonyms: readonly string[],
  summary: string,
  command: Command<WithReason, Facts>,
): Verb {
  return {
    name,
    synonyms,
    job: 'Run',
    usage: `${name} [REL-142] [reason]`,
    summary,
    examples: [`${name} REL-142 error rate above the limit`],
    target: true,
    parse: (line, _said, release) => ({
      do: 'run',
      call: call(command, { release, reason: words(line).slice(0, 1000) }),
    }),
  };
}

/** Everything that was typed after the target, quotes and options included. */
function words(line: Line): string {
  return line.raw;
}
