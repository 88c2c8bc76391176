import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { onlyRunners } from './move.ts';
import { type DirectoryNeeds, needNothing } from './person.ts';
import { isRunning, type Release, type ReleaseFacts } from './release.ts';
import type { RunbookFacts, StepPlan, VoiceSource } from './runbook.ts';
import { addMinutes } from './time.ts';

export const stepStates = ['open', 'claimed', 'running', 'checking', 'done', 'failed', 'skipped'] as const;
export type StepState = (typeof stepStates)[number];

/** What somebody said in a poll of a step. */
export type Said = {
  readonly voice: string;
  readonly choice: 'go' | 'nogo';
  readonly person: string;
  readonly reason: string;
  readonly at: Date;
};

/** A step of a release as it stands. `checking`: done by one person, waits for a second. */
export type Step = StepPlan & {
  readonly state: StepState;
  /** Counts from 1; a failed step that is tried again gets the next. */
  readonly attempt: number;
  readonly claimedBy: string | null;
  readonly doneBy: string | null;
  readonly verifiedBy: string | null;
  readonly note: string;
  readonly startedAt: Date | undefined;
  readonly endedAt: Date | undefined;
  /** When its soak ends, or a call of it is given up. */
  readonly until: Date | undefined;
  /** Its people have been told that it can begin. */
  readonly announced: boolean;
  readonly dueAt: Date | undefined;
  /** It was said that it is late, or that its soak is over. */
  readonly reminded: boolean;
  readonly said: readonly Said[];
};

/** How a step begins. */
export const untouched = {
  state: 'open',
  attempt: 1,
  claimedBy: null,
  doneBy: null,
  verifiedBy: null,
  note: '',
  startedAt: undefined,
  endedAt: undefined,
  until: undefined,
  announced: false,
  dueAt: undefined,
  reminded: false,
  said: [],
} as const satisfies Omit<Step, keyof StepPlan>;

/** A release with everything that its war room knows. */
export type RoomFacts = ReleaseFacts & {
  readonly steps: readonly Step[];
  /** Who holds which role of the room now. */
  readonly holders: Readonly<Record<string, string>>;
  readonly offers: readonly RoleOffer[];
  /** The phases whose steps are planned. */
  readonly planned: readonly string[];
  readonly runbook: RunbookFacts;
  /** What ran before, service by service. */
  readonly before: readonly { readonly service: string; readonly version: string | null }[];
  readonly captured: readonly {
    readonly channel: string;
    readonly ts: string;
    readonly text: string;
    readonly isDeleted: boolean;
  }[];
  readonly followers: readonly string[];
  /** The last verdict of each metric. */
  readonly canary: readonly { readonly metric: string; readonly verdict: string }[];
};

/** A role that was offered and waits for the other person's word. */
export type RoleOffer = {
  readonly id: string;
  readonly role: string;
  readonly from: string;
  readonly to: string;
  readonly state: 'offered' | 'accepted' | 'declined' | 'replaced';
};

export const StepInput = z.strictObject({
  release: z.number().int(),
  step: z.string().max(10),
  /** The attempt that was clicked; null: whatever it is now. */
  attempt: z.number().int().nullable(),
  do: z.enum(['claim', 'start', 'done', 'verify', 'longer', 'fail', 'skip', 'retry']),
  note: z.string().max(1000),
});
export type StepInput = z.infer<typeof StepInput>;

/** Works a step. The key (release, step, attempt) makes a second click of one button harmless: it is told who was first. */
export function workStep(input: StepInput, facts: RoomFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release } = facts;
  const step = findStep(facts, input.step);
  if (!step)
    return refuse({ code: 'unknown_step', release: release.number, step: input.step, steps: facts.steps.length });
  const closed = notNow(release, step) ?? notInRoom(facts, person, ask);
  if (closed) return refuse(closed);
  if (input.attempt !== null && input.attempt !== step.attempt) return refuse(over(release, step));
  const note = input.note.trim();
  const about = { release: release.number, step: step.key, title: step.title, attempt: step.attempt };
  const needsReason = input.do === 'fail' || input.do === 'skip';
  if (needsReason && note === '')
    return refuse({ code: 'reason_needed', verb: `step ${step.key} ${input.do}`, release: release.number });
  switch (input.do) {
    case 'claim': {
      if (isOver(step) || step.state === 'checking') return refuse(over(release, step));
      return claimed(step, about, person);
    }
    case 'start': {
      const isBegun = step.state === 'running' || step.state === 'checking';
      const no = notReady(release, step, facts) ?? (isBegun ? over(release, step) : undefined);
      if (no) return refuse(no);
      if (step.kind === 'manual' || step.kind === 'poll') return claimed(step, about, person);
      return accept(...started(release, step, ask.now));
    }
    case 'done': {
      const no = notReady(release, step, facts);
      if (no) return refuse(no);
      if (step.state === 'checking') return refuse(over(release, step));
      if (step.kind === 'poll')
        return refuse({ code: 'needs_voices', release: release.number, step: step.key, waiting: waitingVoices(step) });
      if (step.kind === 'webhook')
        return refuse({
          code: 'step_runs',
          release: release.number,
          step: step.key,
          running: step.state === 'running',
        });
      if (step.kind === 'canary' && step.state !== 'running') return accept(...started(release, step, ask.now));
      if (step.kind === 'canary' && step.until && ask.now < step.until)
        return refuse({
          code: 'still_soaking',
          release: release.number,
          step: step.key,
          until: step.until.toISOString(),
        });
      return finished(facts, step, { ...about, person, note }, ask);
    }
    case 'verify': {
      if (step.state !== 'checking') return refuse(over(release, step));
      if (step.doneBy === person) return refuse({ code: 'second_person', release: release.number, step: step.key });
      const checked: EventBody = { type: 'step.verified', ...about, person };
      const after = replace(facts, step, { state: 'done' });
      return accept(checked, ...exposed(facts, step), ...advance(after, ask), ...restored(after));
    }
    case 'longer': {
      if (step.kind !== 'canary' || step.state !== 'running') return refuse(over(release, step));
      const from = step.until && step.until > ask.now ? step.until : ask.now;
      return accept({ type: 'step.prolonged', ...about, until: addMinutes(from, 15).toISOString() });
    }
    case 'fail': {
      if (isOver(step)) return refuse(over(release, step));
      return accept({ type: 'step.failed', ...about, person, note });
    }
    case 'retry': {
      if (step.state !== 'failed' && step.state !== 'skipped') return refuse(over(release, step));
      const after = replace(facts, step, { ...untouched, attempt: step.attempt + 1 });
      return accept({ type: 'step.reopened', ...about, attempt: step.attempt + 1 }, ...advance(after, ask));
    }
    case 'skip': {
      if (step.state === 'done' || step.state === 'skipped') return refuse(over(release, step));
      const isGuard = step.kind === 'poll' || step.kind === 'canary' || step.verify;
      // What somebody else has to say cannot be passed over by just anybody.
      if (isGuard && !mayRun(release, person, facts.roles))
        return refuse(onlyRunners(`skip step ${step.key} of`, facts));
      const after = replace(facts, step, { state: 'skipped' });
      return accept({ type: 'step.skipped', ...about, person, note }, ...advance(after, ask), ...restored(after));
    }
  }
}

export const VoiceInput = z.strictObject({
  release: z.number().int(),
  /** Null: the poll that is open. */
  step: z.string().max(10).nullable(),
  attempt: z.number().int().nullable(),
  choice: z.enum(['go', 'nogo']),
  reason: z.string().max(500),
});
export type VoiceInput = z.infer<typeof VoiceInput>;

export function voiceNeeds(facts: RoomFacts): DirectoryNeeds {
  const groups = facts.steps
    .flatMap((step) => step.voices)
    .flatMap(({ source }) => (source.kind === 'usergroup' ? [source.id] : []));
  return { ...roomNeeds(facts), usergroups: [...new Set(groups)] };
}

/** Go or no-go. One person speaks for every voice that is theirs; it counts once all of a step's voices have said go. */
export function sayGo(input: VoiceInput, facts: RoomFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release } = facts;
  const isOpen = (one: Step) => one.kind === 'poll' && !isOver(one) && one.state !== 'checking';
  const open = facts.steps.filter((one) => isOpen(one) && isReady(one, facts.steps));
  const isMine = (one: Step) => one.voices.some((voice) => speaksFor(voice.source, person, facts, ask));
  const step = input.step === null ? (open.find(isMine) ?? open[0]) : findStep(facts, input.step);
  if (step?.kind !== 'poll') return refuse({ code: 'no_poll', release: release.number });
  const closed = notNow(release, step) ?? notInRoom(facts, person, ask);
  if (closed) return refuse(closed);
  const isClosed = isOver(step) || step.state === 'checking';
  if (isClosed || (input.attempt !== null && input.attempt !== step.attempt)) return refuse(over(release, step));
  const waits = notReady(release, step, facts);
  if (waits) return refuse(waits);
  const reason = input.reason.trim();
  if (input.choice === 'nogo' && reason === '')
    return refuse({ code: 'reason_needed', verb: 'nogo', release: release.number });
  const asked = step.voices.filter((voice) => speaksFor(voice.source, person, facts, ask));
  if (asked.length === 0)
    return refuse({ code: 'no_voice', release: release.number, step: step.key, voices: voicesAsked(step, facts) });
  // A no-go holds until whoever said it takes it back: nobody else of their group does it for them.
  const against = (voice: (typeof asked)[number]) =>
    step.said.find(
      ({ voice: name, choice, person: by }) =>
        name === voice.name && choice === 'nogo' && by !== person && speaksFor(voice.source, by, facts, ask),
    );
  const mine = asked.filter((voice) => input.choice === 'nogo' || !against(voice));
  const by = asked.map(against)[0]?.person;
  if (mine.length === 0 && by !== undefined)
    return refuse({ code: 'no_go', release: release.number, step: step.key, by });
  const isSame = mine.every((voice) =>
    step.said.some(
      (one) =>
        one.voice === voice.name && one.choice === input.choice && one.person === person && one.reason === reason,
    ),
  );
  if (isSame) return refuse({ code: 'voiced', release: release.number, choice: input.choice });
  const about = { release: release.number, step: step.key, title: step.title, attempt: step.attempt };
  const spoken = mine.map(
    (voice): EventBody => ({ type: 'step.voiced', ...about, voice: voice.name, person, choice: input.choice, reason }),
  );
  const said = [
    ...step.said.filter((one) => !mine.some((voice) => voice.name === one.voice)),
    ...mine.map((voice): Said => ({ voice: voice.name, choice: input.choice, person, reason, at: ask.now })),
  ];
  const isMet = step.voices.every((voice) => said.some((one) => one.voice === voice.name && one.choice === 'go'));
  if (!isMet) return accept(...spoken);
  const done = finished(facts, { ...step, said }, { ...about, person, note: '' }, ask);
  return done.ok ? accept(...spoken, ...done.events) : done;
}

export const AddStepInput = z.strictObject({
  release: z.number().int(),
  title: z.string().max(150),
  owner: z.string().nullable(),
});
export type AddStepInput = z.infer<typeof AddStepInput>;

/** A step that no template knew of. It waits for nothing, and is waited for before the release is done. */
export function addStep(input: AddStepInput, facts: RoomFacts, ask: Ask): Decision {
  const { release } = facts;
  const title = input.title.trim();
  const phase = release.state === 'rolled_back' ? 'rollback' : 'deploy';
  const closed =
    notNow(release, { phase, kind: 'manual' }) ??
    notInRoom(facts, actorId(ask), ask) ??
    (title === '' ? { code: 'empty_note' as const } : undefined);
  if (closed) return refuse(closed);
  if (facts.steps.length >= 120) return refuse({ code: 'too_many_steps', release: release.number });
  const key = `${phase === 'rollback' ? 'R' : ''}${facts.steps.filter((step) => step.phase === phase).length + 1}`;
  return accept({
    type: 'step.added',
    release: release.number,
    step: {
      key,
      phase,
      group: '',
      title,
      kind: 'manual',
      needs: [],
      owner: input.owner === null ? null : { kind: 'people', ids: [input.owner] },
      ownerName: input.owner ?? '',
      dueMinutes: null,
      verify: false,
      soakMinutes: null,
      expose: null,
      voices: [],
      webhook: null,
    },
  });
}

export const StepResult = z.strictObject({
  release: z.number().int(),
  step: z.string().max(10),
  attempt: z.number().int(),
  result: z.enum(['done', 'failed']),
  note: z.string().max(1000),
});
export type StepResult = z.infer<typeof StepResult>;

/** What a machine says of a step that it was called for. Said twice, or too late, it changes nothing. */
export function noteResult(input: StepResult, facts: RoomFacts, ask: Ask): Decision {
  const step = findStep(facts, input.step);
  if (step?.kind !== 'webhook' || step.state !== 'running' || step.attempt !== input.attempt) return accept();
  // What was rolled back must not be shown as exposed by a machine that was still at it.
  if (notNow(facts.release, step)) return accept();
  const about = { release: facts.release.number, step: step.key, title: step.title, attempt: step.attempt };
  return input.result === 'done'
    ? finished(facts, step, { ...about, person: null, note: input.note }, ask)
    : accept({ type: 'step.failed', ...about, person: null, note: input.note || 'it reported a failure' });
}

/**
 * What the runbook does by itself at this moment: says which steps can begin, calls those that are automatic, says that a
 * soak is over or a step is late, and gives up calls that nobody answered. Asking twice changes nothing.
 */
export function advance(facts: Pick<RoomFacts, 'release' | 'steps' | 'holders'>, ask: Pick<Ask, 'now'>): EventBody[] {
  const { release, steps } = facts;
  const events: EventBody[] = [];
  const ready: Extract<EventBody, { type: 'steps.ready' }>['steps'] = [];
  for (const step of steps) {
    if (notNow(release, step)) continue;
    const about = { release: release.number, step: step.key, title: step.title, attempt: step.attempt };
    const isLive = release.state !== 'approved' || step.kind === 'manual';
    if ((step.state === 'open' || step.state === 'claimed') && isReady(step, steps) && isLive) {
      if (step.webhook?.auto && release.state === 'deploying') {
        events.push(...started(release, step, ask.now));
        continue;
      }
      const asks = step.kind === 'poll' || step.dueMinutes !== null || step.owner !== null;
      if (!step.announced && asks && release.state !== 'approved')
        ready.push({
          step: step.key,
          title: step.title,
          dueAt: step.dueMinutes === null ? null : addMinutes(ask.now, step.dueMinutes).toISOString(),
          ...askedOf(step, facts),
        });
    }
    if (step.state === 'running' && step.until && ask.now >= step.until) {
      if (step.kind === 'webhook')
        events.push({ type: 'step.failed', ...about, person: null, note: 'nobody answered in time' });
      else if (!step.reminded) events.push({ type: 'step.soaked', ...about });
    }
    const isLate = step.dueAt !== undefined && ask.now >= step.dueAt;
    if (isLate && !step.reminded && !isOver(step) && step.state !== 'running')
      events.push({ type: 'step.late', ...about, ...askedOf(step, facts) });
  }
  return ready.length > 0 ? [...events, { type: 'steps.ready', release: release.number, steps: ready }] : events;
}

/** Steps that are not over: what stands between a release and its end. */
export function openSteps(steps: readonly Step[], phase: StepPlan['phase']): Step[] {
  return steps.filter((step) => step.phase === phase && step.state !== 'done' && step.state !== 'skipped');
}

export function isReady(step: StepPlan, steps: readonly Step[]): boolean {
  return step.needs.every((key) => {
    const other = steps.find((one) => one.key === key);
    return !other || other.state === 'done' || other.state === 'skipped';
  });
}

/** The step that is at hand, or the next that can begin. */
export function currentStep(steps: readonly Step[], phase: StepPlan['phase']): Step | undefined {
  const own = openSteps(steps, phase);
  return (
    own.find((step) => ['failed', 'checking', 'running', 'claimed'].includes(step.state)) ??
    own.find((step) => isReady(step, steps))
  );
}

/** Voices that have not said go. */
export function waitingVoices(step: Pick<Step, 'voices' | 'said'>): string[] {
  return step.voices
    .filter((voice) => !step.said.some((one) => one.voice === voice.name && one.choice === 'go'))
    .map((voice) => voice.name);
}

/** What has to be known of Slack to say who is in the room. */
export function roomNeeds({ release }: Pick<RoomFacts, 'release'>): DirectoryNeeds {
  return release.roomChannel === null ? needNothing : { ...needNothing, channels: [release.roomChannel] };
}

/** Steps are worked by those who are in the room, its runners and, where there is no channel, any full member. */
export function notInRoom(
  { release, roles }: Pick<RoomFacts, 'release' | 'roles'>,
  person: string,
  ask: Pick<Ask, 'directory'>,
): Refusal | undefined {
  if (release.roomChannel === null || mayRun(release, person, roles)) return undefined;
  const members = ask.directory.channels[release.roomChannel];
  return !members || members.includes(person)
    ? undefined
    : { code: 'not_in_room', release: release.number, channel: release.roomChannel };
}

export function findStep({ steps }: Pick<RoomFacts, 'steps'>, key: string): Step | undefined {
  return steps.find((step) => step.key.toLowerCase() === key.trim().toLowerCase());
}

function isOver(step: Step): boolean {
  return step.state === 'done' || step.state === 'failed' || step.state === 'skipped';
}

/** Says that somebody is at it, also in place of somebody else. */
function claimed(
  step: Step,
  about: { release: number; step: string; title: string; attempt: number },
  person: string,
): Decision {
  if (step.claimedBy === person)
    return refuse({ code: 'step_claimed', release: about.release, step: step.key, by: person });
  return accept({ type: 'step.claimed', ...about, person, from: step.claimedBy });
}

/** "Already done by @raj at 14:02". */
function over(release: Release, step: Step): Refusal {
  return {
    code: 'step_over',
    release: release.number,
    step: step.key,
    title: step.title,
    state: step.state,
    by: step.verifiedBy ?? step.doneBy ?? step.claimedBy,
    at: (step.endedAt ?? step.startedAt)?.toISOString() ?? null,
  };
}

/** Steps of the deployment are worked until the release ends, those of a rollback once it was rolled back. */
function notNow(release: Release, step: Pick<StepPlan, 'phase' | 'kind'>): Refusal | undefined {
  const isLive =
    step.phase === 'rollback'
      ? release.state === 'rolled_back'
      : isRunning(release.state) || (release.state === 'approved' && (step.kind === 'manual' || step.kind === 'poll'));
  return isLive
    ? undefined
    : { code: 'wrong_state', release: release.number, verb: 'work the steps of', state: release.state, possible: [] };
}

function notReady(release: Release, step: Step, { steps }: Pick<RoomFacts, 'steps'>): Refusal | undefined {
  if (isOver(step)) return over(release, step);
  if (step.state === 'running' || step.state === 'checking') return undefined;
  // A claimed step by hand is at work already; a canary or a call begins only now.
  const begins = step.state === 'open' || step.kind === 'canary' || step.kind === 'webhook';
  if (release.state === 'paused' && begins) return { code: 'room_paused', release: release.number };
  const waits = step.needs.filter(
    (key) => !['done', 'skipped'].includes(steps.find((one) => one.key === key)?.state ?? 'done'),
  );
  return waits.length > 0 ? { code: 'step_waits', release: release.number, step: step.key, for: waits } : undefined;
}

function started(release: Release, step: Step, now: Date): EventBody[] {
  const minutes = step.kind === 'canary' ? (step.soakMinutes ?? 0) : (step.webhook?.timeout_minutes ?? 10);
  const begun: EventBody = {
    type: 'step.started',
    release: release.number,
    step: step.key,
    title: step.title,
    attempt: step.attempt,
    kind: step.kind,
    until: addMinutes(now, minutes).toISOString(),
  };
  // A canary is seen by its share from its start on.
  return step.kind === 'canary' && step.expose
    ? [begun, { type: 'exposure.set', release: release.number, label: step.expose, note: '', step: step.key }]
    : [begun];
}

function finished(
  facts: RoomFacts,
  step: Step,
  about: { release: number; step: string; title: string; attempt: number; person: string | null; note: string },
  ask: Ask,
): Decision {
  const checking = step.verify;
  const done: EventBody = { type: 'step.done', ...about, checking };
  if (checking) return accept(done);
  const after = replace(facts, step, { state: 'done' });
  return accept(done, ...exposed(facts, step), ...advance(after, ask), ...restored(after));
}

/** What people get once a step is done; a canary's share was there from its start. */
function exposed({ release }: Pick<RoomFacts, 'release'>, step: Step): EventBody[] {
  return step.expose && step.kind !== 'canary'
    ? [{ type: 'exposure.set', release: release.number, label: step.expose, note: '', step: step.key }]
    : [];
}

/** With its last step a rollback is over, once: people have back what they had. */
function restored({ release, steps, planned }: Pick<RoomFacts, 'release' | 'steps' | 'planned'>): EventBody[] {
  const isBack = release.state === 'rolled_back' && planned.includes('rollback') && !release.restoredAt;
  return isBack && openSteps(steps, 'rollback').length === 0
    ? [{ type: 'release.restored', release: release.number }]
    : [];
}

function replace(facts: RoomFacts, step: Step, change: Partial<Step>): RoomFacts {
  return { ...facts, steps: facts.steps.map((one) => (one.key === step.key ? { ...one, ...change } : one)) };
}

function speaksFor(source: VoiceSource, person: string, { holders, release }: RoomFacts, ask: Ask): boolean {
  switch (source.kind) {
    case 'people':
      return source.ids.includes(person);
    case 'usergroup':
      return ask.directory.usergroups[source.id]?.includes(person) ?? false;
    case 'room':
      return holderOf(source.role, holders, release) === person;
  }
}

function holderOf(role: string, holders: RoomFacts['holders'], release: Release): string | undefined {
  return holders[role] ?? (role === 'lead' ? release.lead : undefined);
}

/** People and groups that a step is for. */
function askedOf(
  step: Step,
  { holders, release }: Pick<RoomFacts, 'holders' | 'release'>,
): { people: string[]; groups: string[] } {
  const sources =
    step.kind === 'poll'
      ? step.voices.map((voice) => voice.source)
      : step.claimedBy
        ? [{ kind: 'people' as const, ids: [step.claimedBy] }]
        : step.owner
          ? [step.owner]
          : [];
  const people = sources.flatMap((source) => {
    if (source.kind === 'people') return source.ids;
    if (source.kind === 'room') return holderOf(source.role, holders, release) ?? [];
    return [];
  });
  const groups = sources.flatMap((source) => (source.kind === 'usergroup' ? [source.id] : []));
  return { people: [...new Set(people)], groups: [...new Set(groups)] };
}

function voicesAsked(step: Step, facts: RoomFacts): { name: string; people: string[]; groups: string[] }[] {
  return step.voices.map((voice) => ({ name: voice.name, ...askedOf({ ...step, voices: [voice] }, facts) }));
}
