import { ExposeInput, expose, judgeSamples, SampleInput } from '../domain/exposure.ts';
import { readMention, takeRelease } from '../domain/line.ts';
import { ExtendInput, extendSlot, noticeEnd, OfOverrun, type OverrunFacts, overrun } from '../domain/overrun.ts';
import type { DirectoryNeeds } from '../domain/person.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import {
  AnswerOfferInput,
  answerOffer,
  archiveRoom,
  BarredInput,
  barRoom,
  CloseInput,
  closeRoom,
  FollowInput,
  followRelease,
  InviteInput,
  inviteToRoom,
  keepRoom,
  lookAtRoom,
  missLead,
  OfferRoleInput,
  OfRoom,
  offerNeeds,
  offerRole,
  openRoom,
  openRoomInTime,
  StaffInput,
  staffRoom,
  TakeRoleInput,
  takeRole,
} from '../domain/room.ts';
import { RoomRole, roomRoles } from '../domain/runbook.ts';
import { askStatus, Health, healths, postStatus, StatusInput } from '../domain/status.ts';
import {
  AddStepInput,
  addStep,
  noteResult,
  type RoomFacts,
  roomNeeds,
  StepInput,
  StepResult,
  sayGo,
  VoiceInput,
  voiceNeeds,
  workStep,
} from '../domain/step.ts';
import { readDuration } from '../domain/time.ts';
import { CaptureInput, capture, RevisedInput, revise } from '../domain/timeline.ts';
import {
  beginWatch,
  CloseErrorInput,
  closeError,
  endWatch,
  KnownErrorInput,
  recordError,
  type WatchFacts,
  WatchInput,
  watchRelease,
} from '../domain/watch.ts';
import { findOverrun, findRoom, type RoomLoaded } from '../store/room.ts';
import type { Tx } from '../store/tx.ts';
import {
  badOption,
  type Command,
  call,
  type LoadBy,
  type Loaded,
  loadRelease,
  missing,
  ofRelease,
  unknownRelease,
  type Verb,
} from './command.ts';

/** Loads a release with its war room. */
export async function loadRoom(tx: Tx, by: LoadBy, input: { release: number }): Promise<Loaded<RoomLoaded>> {
  const facts = await findRoom(tx, by, input.release);
  return facts ? { ok: true, facts } : unknownRelease(input.release);
}

type Rest<Input, Facts> = Pick<Command<Input, Facts>, 'input' | 'decide'> & Partial<Command<Input, Facts>>;

/** A command of people in a room. Who is in it is asked of Slack at the click. */
function inRoom<Input extends { release: number }>(
  name: string,
  rest: Rest<Input, RoomFacts>,
): Command<Input, RoomFacts> {
  return {
    name,
    audience: 'members',
    contends: ofRelease,
    load: loadRoom,
    needs: needRoom,
    directoryMaxAgeMs: 5_000,
    ...rest,
  };
}

/** A command of the clock, or of the installation itself. */
function byClock<Input extends { release: number }>(
  name: string,
  rest: Rest<Input, RoomLoaded>,
): Command<Input, RoomLoaded> {
  return { name, audience: 'clock', contends: ofRelease, load: loadRoom, ...rest };
}

function needRoom(facts: RoomFacts): DirectoryNeeds {
  return roomNeeds(facts);
}

const ofReleaseAlone = { audience: 'members', contends: ofRelease, load: loadRelease } as const;

export const openRoomCommand: Command<OfRoom, ReleaseFacts> = {
  name: 'room open',
  ...ofReleaseAlone,
  input: OfRoom,
  decide: openRoom,
};
export const closeRoomCommand: Command<CloseInput, ReleaseFacts> = {
  name: 'room close',
  ...ofReleaseAlone,
  input: CloseInput,
  decide: closeRoom,
};
export const roomInTimeCommand: Command<OfRoom, ReleaseFacts> = {
  ...ofReleaseAlone,
  name: 'clock room',
  audience: 'clock',
  input: OfRoom,
  decide: openRoomInTime,
};
export const staffRoomCommand: Command<StaffInput, ReleaseFacts> = {
  ...ofReleaseAlone,
  name: 'room staff',
  audience: 'clock',
  input: StaffInput,
  decide: staffRoom,
};
export const barRoomCommand: Command<BarredInput, ReleaseFacts> = {
  ...ofReleaseAlone,
  name: 'room bar',
  audience: 'clock',
  input: BarredInput,
  decide: barRoom,
};
export const archiveRoomCommand: Command<OfRoom, ReleaseFacts> = {
  ...ofReleaseAlone,
  name: 'clock archive',
  audience: 'clock',
  input: OfRoom,
  decide: archiveRoom,
};
export const keepRoomCommand = inRoom<OfRoom>('room keep', { input: OfRoom, decide: keepRoom });
export const followCommand: Command<FollowInput, RoomFacts> = {
  name: 'follow',
  audience: 'members',
  contends: ofRelease,
  load: loadRoom,
  input: FollowInput,
  decide: followRelease,
};
export const inviteCommand = inRoom<InviteInput>('room invite', { input: InviteInput, decide: inviteToRoom });
export const takeRoleCommand = inRoom<TakeRoleInput>('role take', { input: TakeRoleInput, decide: takeRole });
export const offerRoleCommand = inRoom<OfferRoleInput>('role offer', {
  input: OfferRoleInput,
  needs: offerNeeds,
  decide: offerRole,
});
export const answerOfferCommand: Command<AnswerOfferInput, RoomFacts> = {
  name: 'role answer',
  audience: 'members',
  contends: ofRelease,
  load: loadRoom,
  input: AnswerOfferInput,
  decide: answerOffer,
};
export const missLeadCommand = byClock<OfRoom>('clock lead', { input: OfRoom, decide: missLead });
export const lookAtRoomCommand = byClock<OfRoom>('clock steps', { input: OfRoom, decide: lookAtRoom });
export const stepCommand = inRoom<StepInput>('step', { input: StepInput, decide: workStep });
export const voiceCommand = inRoom<VoiceInput>('go', { input: VoiceInput, needs: voiceNeeds, decide: sayGo });
export const addStepCommand = inRoom<AddStepInput>('step add', { input: AddStepInput, decide: addStep });
export const stepResultCommand = byClock<StepResult>('step result', { input: StepResult, decide: noteResult });
export const statusCommand = inRoom<StatusInput>('status', { input: StatusInput, decide: postStatus });
export const askStatusCommand = byClock<OfRoom>('clock status', { input: OfRoom, decide: askStatus });
export const exposeCommand = inRoom<ExposeInput>('expose', { input: ExposeInput, decide: expose });
export const sampleCommand = byClock<SampleInput>('canary sample', { input: SampleInput, decide: judgeSamples });
export const captureCommand = inRoom<CaptureInput>('capture', { input: CaptureInput, decide: capture });
export const reviseCommand = byClock<RevisedInput>('capture revise', { input: RevisedInput, decide: revise });
export const beginWatchCommand = byClock<OfRoom>('clock watch', { input: OfRoom, decide: beginWatch });
export const endWatchCommand = byClock<OfRoom>('clock unwatch', { input: OfRoom, decide: endWatch });

const watching = { audience: 'members', contends: ofRelease, load: loadRoom } as const;
export const watchCommand: Command<WatchInput, WatchFacts> = {
  name: 'watch',
  ...watching,
  input: WatchInput,
  decide: watchRelease,
};
export const knownErrorCommand: Command<KnownErrorInput, WatchFacts> = {
  name: 'known add',
  ...watching,
  input: KnownErrorInput,
  decide: recordError,
};
export const closeErrorCommand: Command<CloseErrorInput, WatchFacts> = {
  name: 'known fix',
  ...watching,
  input: CloseErrorInput,
  decide: closeError,
};

async function loadOverrun(
  tx: Tx,
  by: LoadBy,
  input: { release: number; minutes?: number },
): Promise<Loaded<OverrunFacts>> {
  const facts = await findOverrun(tx, by, input.release, input.minutes ?? 15);
  return facts ? { ok: true, facts } : unknownRelease(input.release);
}

const aroundSlot = { contends: ofRelease, crowd: 'calendar', load: loadOverrun } as const;
export const noticeEndCommand: Command<OfOverrun, OverrunFacts> = {
  name: 'clock ending',
  audience: 'clock',
  ...aroundSlot,
  input: OfOverrun,
  decide: noticeEnd,
};
export const overrunCommand: Command<OfOverrun, OverrunFacts> = {
  name: 'clock overrun',
  audience: 'clock',
  ...aroundSlot,
  input: OfOverrun,
  decide: overrun,
};
export const extendCommand: Command<ExtendInput, OverrunFacts> = {
  name: 'extend',
  audience: 'members',
  ...aroundSlot,
  input: ExtendInput,
  decide: extendSlot,
};

export const roomVerb: Verb = {
  name: 'room',
  synonyms: ['warroom'],
  job: 'Run',
  usage: 'room open|close|invite @x|take <role>|handover <role> @x|keep [REL-142]',
  summary: 'the war room: opens, closes, who is in it and who does what',
  examples: ['room open REL-142', 'room take lead', 'room handover comms @kim', 'room invite @ben'],
  target: true,
  parse: (line, _said, release) => {
    const [what = 'open', ...rest] = line.words;
    const people = line.words.flatMap((word) => readMention(word, '@') ?? []);
    switch (what) {
      case 'open':
        return rest.length > 0
          ? { do: 'usage', problem: { code: 'unexpected', text: rest.join(' ') } }
          : { do: 'run', call: call(openRoomCommand, { release }) };
      case 'close':
        return {
          do: 'run',
          call: call(closeRoomCommand, { release, note: line.raw.replace(/^close\s*/, '').slice(0, 2000) }),
        };
      case 'keep':
        return { do: 'run', call: call(keepRoomCommand, { release }) };
      case 'invite':
        return people.length === 0
          ? missing('whom to invite, like @ben')
          : { do: 'run', call: call(inviteCommand, { release, people }) };
      case 'take': {
        const role = RoomRole.safeParse(rest[0]);
        if (!role.success) return badOption('role', rest[0], roomRoles);
        return { do: 'run', call: call(takeRoleCommand, { release, role: role.data }) };
      }
      case 'handover': {
        const role = RoomRole.safeParse(rest[0]?.startsWith('<') ? 'lead' : rest[0]);
        if (!role.success) return badOption('role', rest[0], roomRoles);
        const [to] = people;
        if (!to) return { do: 'open', form: { kind: 'handover', release } };
        const note = rest.filter((word) => word !== role.data && !word.startsWith('<')).join(' ');
        return { do: 'run', call: call(offerRoleCommand, { release, role: role.data, to, note }) };
      }
      default:
        return { do: 'usage', problem: { code: 'unexpected', text: what } };
    }
  },
};

const stepWords = ['claim', 'start', 'done', 'verify', 'longer', 'fail', 'skip', 'retry'] as const;

export const stepVerb: Verb = {
  name: 'step',
  synonyms: ['check', 'steps', 'runbook'],
  job: 'Run',
  usage: 'step [REL-142] [n claim|start|done|verify|longer|fail|skip|retry [note] | add <title>]',
  summary: 'the runbook: shows it, works a step, adds one',
  examples: ['step', 'step 3 done', 'step 4 skip done by hand already', 'step add "Warm the caches" @raj'],
  target: true,
  ownNumbers: true,
  parse: (line, _said, release) => {
    const [first, what, ...rest] = line.words;
    if (first === undefined && line.quoted.length === 0) return { do: 'answer', question: { ask: 'steps', release } };
    if (first === 'add') {
      const owner = line.words.flatMap((word) => readMention(word, '@') ?? [])[0] ?? null;
      const plain = line.words.slice(1).filter((word) => !readMention(word, '@'));
      const title = (line.quoted[0] ?? plain.join(' ')).slice(0, 150);
      return title === ''
        ? missing('what the step is called')
        : { do: 'run', call: call(addStepCommand, { release, title, owner }) };
    }
    // A number alone asks; only a word does something.
    if (what === undefined) return { do: 'answer', question: { ask: 'steps', release } };
    const did = stepWords.find((word) => word === what);
    if (!did) return badOption('what', what, stepWords);
    const note = [...rest, ...line.quoted].join(' ').slice(0, 1000);
    return { do: 'run', call: call(stepCommand, { release, step: first ?? '', attempt: null, do: did, note }) };
  },
};

export const goVerb = voiceVerb('go', 'go', 'says go in the poll that is open');
export const noGoVerb = voiceVerb('nogo', 'nogo', 'says no-go, and why');

function voiceVerb(name: string, choice: 'go' | 'nogo', summary: string): Verb {
  return {
    name,
    synonyms: choice === 'go' ? ['ready'] : ['no-go'],
    job: 'Run',
    usage: `${name} [REL-142]${choice === 'go' ? '' : ' <why>'}`,
    summary,
    examples: [choice === 'go' ? 'go' : 'nogo the canary is slower than it was'],
    target: true,
    parse: (line, _said, release) => ({
      do: 'run',
      call: call(voiceCommand, { release, step: null, attempt: null, choice, reason: line.raw.slice(0, 500) }),
    }),
  };
}

export const statusVerb: Verb = {
  name: 'status',
  synonyms: [],
  job: 'Run',
  usage: 'status [REL-142] [on-track|at-risk|delayed] <text>',
  summary: 'one line on where it stands; with a text, tells everybody who follows',
  examples: ['status REL-142', 'status canary looks healthy', 'status delayed "waiting for the backup"'],
  target: true,
  parse: (line, _said, release) => {
    if (line.raw === '') return { do: 'answer', question: { ask: 'status', release } };
    // "at-risk", "at risk" and "atrisk" are the same to people; taken as text, it would be posted as on track.
    const [spoken = ''] = /^(on|at)[ _-]?(track|risk)\b|^delayed\b/i.exec(line.raw) ?? [];
    const health = Health.safeParse(spoken.toLowerCase().replace(/^(on|at)[ _-]?/, '$1_'));
    const text = health.success ? line.raw.slice(spoken.length).replace(/^[\s:,–-]+/, '') : line.raw;
    if (text.trim() === '') return missing('a sentence on how it goes');
    const said = text.replace(/^"|"$/g, '').slice(0, 500);
    return {
      do: 'run',
      call: call(statusCommand, { release, health: health.success ? health.data : healths[0], text: said }),
    };
  },
};

export const exposeVerb: Verb = {
  name: 'expose',
  synonyms: [],
  job: 'Run',
  usage: 'expose [REL-142] dark|25%|green|flag:<name> [note]',
  summary: 'records who gets it: deploying is not yet releasing',
  examples: ['expose 25%', 'expose REL-142 dark "until the campaign starts"'],
  target: true,
  ownNumbers: true,
  parse: (line, _said, release) => {
    const flag = line.options.flag === undefined ? undefined : `flag ${line.options.flag}`;
    const label = flag ?? line.words[0]?.replace(/^(\d+(?:\.\d+)?)%$/, '$1 %');
    if (label === undefined || Number.parseFloat(label) > 100)
      return missing('who gets it, like 25%, dark or flag:new-checkout');
    const note = [...line.words.slice(flag ? 0 : 1), ...line.quoted].join(' ');
    return { do: 'run', call: call(exposeCommand, { release, label: label.slice(0, 40), note: note.slice(0, 500) }) };
  },
};

export const extendVerb: Verb = {
  name: 'extend',
  synonyms: [],
  job: 'Run',
  usage: 'extend [REL-142] 30m',
  summary: 'gives a running release more time, if the time is free',
  examples: ['extend 30m', 'extend REL-142 15m'],
  target: true,
  ownNumbers: true,
  parse: (line, _said, release) => {
    const minutes = line.words.length === 0 ? 15 : readDuration(line.words.join(' '));
    if (minutes === undefined || minutes < 5 || minutes > 240)
      return badOption('minutes', line.words.join(' '), ['15m', '30m', '1h']);
    return { do: 'run', call: call(extendCommand, { release, minutes, from: null }) };
  },
};

export const followVerb: Verb = {
  name: 'follow',
  synonyms: [],
  job: 'Follow',
  usage: 'follow REL-142 [off]',
  summary: 'puts you into its war room when it opens',
  examples: ['follow REL-142'],
  target: true,
  parse: (line, _said, release) => ({
    do: 'run',
    call: call(followCommand, { release, follow: line.words[0] !== 'off' }),
  }),
};

export const canaryVerb: Verb = {
  name: 'canary',
  synonyms: [],
  job: 'Run',
  usage: 'canary [REL-142]',
  summary: 'where monitoring posts samples, and what they say so far',
  examples: ['canary'],
  target: true,
  parse: (_line, _said, release) => ({ do: 'answer', question: { ask: 'canary', release } }),
};

export const watchVerb: Verb = {
  name: 'watch',
  synonyms: [],
  job: 'Run',
  usage: 'watch REL-142 24h',
  summary: 'early life support: watches a finished release until then',
  examples: ['watch REL-142 24h'],
  target: true,
  ownNumbers: true,
  parse: (line, _said, release) => {
    const minutes = readDuration(line.words.join(' '));
    if (minutes === undefined || minutes < 5) return badOption('how long', line.words.join(' '), ['4h', '24h', '3d']);
    return { do: 'run', call: call(watchCommand, { release, minutes: Math.min(minutes, 43_200) }) };
  },
};

export const handoverVerb: Verb = {
  name: 'handover',
  synonyms: [],
  job: 'Run',
  usage: 'handover REL-142 @ops <note>',
  summary: 'hands a finished release to operations; they have to accept',
  examples: ['handover REL-142 @lee dashboards are linked, known error KE-142-1 is open'],
  target: true,
  parse: (line, _said, release) => {
    const to = line.words.flatMap((word) => readMention(word, '@') ?? [])[0];
    if (!to) return missing('who takes it over, like @lee');
    const note = [...line.words.filter((word) => !readMention(word, '@')), ...line.quoted].join(' ').slice(0, 2000);
    return { do: 'run', call: call(offerRoleCommand, { release, role: 'operations', to, note }) };
  },
};

export const knownVerb: Verb = {
  name: 'known',
  synonyms: ['errors'],
  job: 'Run',
  usage: 'known [REL-142 "<what>" workaround:"<what to do>" | REL-142 fixed KE-142-1]',
  summary: 'known errors: a defect that ships knowingly, with its workaround',
  examples: [
    'known REL-142 "totals are rounded" workaround:"reload the page"',
    'known REL-142 fixed KE-142-1',
    'known',
  ],
  target: false,
  parse: (line) => {
    if (line.raw === '') return { do: 'answer', question: { ask: 'known errors' } };
    const { release, rest } = takeRelease(line.words);
    if (release === undefined) return missing('the release, like REL-142');
    const [first, key] = rest;
    if (first === 'fixed')
      return key ? { do: 'run', call: call(closeErrorCommand, { release, key }) } : missing('which one, like KE-142-1');
    const title = (line.quoted[0] ?? rest.join(' ')).slice(0, 200);
    return {
      do: 'run',
      call: call(knownErrorCommand, { release, title, workaround: (line.options.workaround ?? '').slice(0, 1000) }),
    };
  },
};

export const exportVerb: Verb = {
  name: 'export',
  synonyms: ['evidence'],
  job: 'Look',
  usage: 'export REL-142',
  summary: 'sends you the whole record: one page and its data',
  examples: ['export REL-142'],
  target: true,
  parse: (_line, _said, release) => ({ do: 'answer', question: { ask: 'export', release } }),
};
