import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import {
  doneCommand,
  failCommand,
  pauseCommand,
  resumeCommand,
  rollbackCommand,
  verifyCommand,
} from '../../src/commands/deploy.ts';
import { addStepCommand, stepResultCommand, takeRoleCommand } from '../../src/commands/room.ts';
import type { EventBody } from '../../src/domain/event.ts';
import { type Outcome, run } from '../../src/run.ts';
import { workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';
import { openRoomHall, type RoomHall } from '../support/room.ts';

/*
 * Whatever four people, machines and the clock do to a runbook, in any order: held against a model that knows nothing but
 * the plan and what was accepted.
 */
let hall: RoomHall;
beforeAll(async () => {
  hall = await openRoomHall();
});
afterAll(() => hall?.close());

const people = ['U0ANA', 'U0BEN', 'U0KIM', 'U0RAE'];
const who = fc.constantFrom(...people);
/** One of the steps that there are; the current phase's more often. */
const step = fc.record({ pick: fc.nat(20), current: fc.nat(9).map((n) => n > 0) });
const does = fc.oneof(
  { weight: 6, arbitrary: fc.constant('done') },
  { weight: 3, arbitrary: fc.constantFrom('start', 'verify', 'retry') },
  { weight: 2, arbitrary: fc.constantFrom('claim', 'longer', 'fail', 'skip') },
);
const wish = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ do: fc.constant('work' as const), who, step, what: does, stale: fc.boolean() }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('speak' as const), who, choice: fc.constantFrom('go', 'go', 'nogo') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      step,
      attempt: fc.integer({ min: 1, max: 3 }),
      result: fc.constantFrom('done', 'failed'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.constantFrom(1, 5, 12, 25) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('take' as const), who, role: fc.constantFrom('lead', 'verifier') }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume', 'finish', 'verifying'), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('roll back', 'give up'), who, rarely: fc.nat(3) }) },
);
type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

async function pickStep(release: number, { pick, current }: { pick: number; current: boolean }) {
  const { release: about, steps } = await hall.room(release);
  const phase = about.state === 'rolled_back' ? 'rollback' : 'deploy';
  const some = current ? steps.filter((one) => one.phase === phase) : steps;
  return some[pick % Math.max(1, some.length)];
}

async function perform(one: Wish, release: number): Promise<Outcome | undefined> {
  switch (one.do) {
    case 'work': {
      const known = await pickStep(release, one.step);
      const attempt = known && one.stale && known.attempt > 1 ? known.attempt - 1 : (known?.attempt ?? 1);
      return hall.works(one.who, release, known?.key ?? '1', one.what as never, { attempt, note: 'why' });
    }
    case 'speak':
      return hall.speaks(one.who, release, one.choice as 'go' | 'nogo', 'why');
    case 'report': {
      const known = await pickStep(release, one.step);
      const what = call(stepResultCommand, {
        release,
        step: known?.key ?? '1',
        attempt: one.attempt,
        result: one.result as 'done',
        note: '',
      });
      return run(hall.ctx, what.command, what.input, { workspace, actor: { kind: 'system' }, id: randomUUID() });
    }
    case 'wait':
      await hall.waits(one.minutes);
      return undefined;
    case 'add':
      return hall.does(one.who, call(addStepCommand, { release, title: 'One more', owner: null }));
    case 'take':
      return hall.does(one.who, call(takeRoleCommand, { release, role: one.role as 'lead' }));
    case 'pause':
      return hall.does(one.who, call(pauseCommand, { release, reason: '' }));
    case 'resume':
      return hall.does(one.who, call(resumeCommand, { release }));
    case 'finish':
      return hall.does(one.who, call(doneCommand, { release }));
    case 'verifying':
      return hall.does(one.who, call(verifyCommand, { release }));
    case 'roll back':
      return one.rarely > 0 ? undefined : hall.does(one.who, call(rollbackCommand, { release, reason: '' }));
    case 'give up':
      return one.rarely > 0 ? undefined : hall.does(one.who, call(failCommand, { release, reason: 'why' }));
  }
}

/** A step as the log alone tells it. */
type Told = {
  readonly needs: readonly string[];
  readonly phase: string;
  readonly kind: string;
  readonly verify: boolean;
  readonly voices: readonly string[];
  state: string;
  attempt: number;
  doneBy: string | null;
  readonly go: Map<string, boolean>;
};
type Logged = {
  readonly body: EventBody;
  readonly actor: { readonly kind: string; readonly id?: string };
  readonly at: Date;
};

/** Tells the log from its beginning, and what in it should not have been possible. */
function tell(log: readonly Logged[]): { steps: Map<string, Told>; wrong: string[] } {
  const steps = new Map<string, Told>();
  const wrong: string[] = [];
  let state = 'approved';
  let restored = 0;
  let lead = 'U0ANA';
  const until = new Map<string, number>();
  const over = (one: Told | undefined) => one?.state === 'done' || one?.state === 'skipped';
  const open = (phase: string) => [...steps.values()].filter((one) => one.phase === phase && !over(one));
  const runs = (person: string | undefined) => person === 'U0ANA' || person === 'U0RAE' || person === lead;
  const plan = (
    list: readonly {
      key: string;
      needs: readonly string[];
      phase: string;
      kind: string;
      verify: boolean;
      voices: readonly { name: string }[];
    }[],
  ) => {
    for (const { key, needs, phase, kind, verify, voices } of list) {
      if (steps.has(key)) wrong.push(`${key} was planned twice`);
      steps.set(key, {
        needs,
        phase,
        kind,
        verify,
        voices: voices.map(({ name }) => name),
        state: 'open',
        attempt: 1,
        doneBy: null,
        go: new Map(),
      });
    }
  };
  for (const { body, actor, at } of log) {
    if ('step' in body && typeof body.step === 'string' && body.type.startsWith('step.')) {
      const one = steps.get(body.step);
      if (!one) {
        wrong.push(`${body.type} of ${body.step}, which is not planned`);
        continue;
      }
      const name = `${body.type} of ${body.step} (${one.state})`;
      const attempt = 'attempt' in body ? body.attempt : 0;
      const isReady = one.needs.every((need) => over(steps.get(need)));
      const isNow =
        one.phase === 'rollback'
          ? state === 'rolled_back'
          : ['approved', 'deploying', 'paused', 'verifying'].includes(state);
      if (!isNow) wrong.push(`${name} while it is ${state}`);
      if (attempt !== one.attempt + (body.type === 'step.reopened' ? 1 : 0))
        wrong.push(`${name} in attempt ${attempt} of ${one.attempt}`);
      if (one.state === 'done') wrong.push(`${name} after its end`);
      switch (body.type) {
        case 'step.claimed':
          if (!['open', 'claimed', 'running'].includes(one.state)) wrong.push(name);
          if (one.state === 'open') one.state = 'claimed';
          break;
        case 'step.started':
          if (!isReady || !['open', 'claimed'].includes(one.state) || state === 'paused')
            wrong.push(`${name} while ${state}`);
          one.state = 'running';
          until.set(body.step, Date.parse(body.until));
          break;
        case 'step.prolonged':
          if (one.state !== 'running') wrong.push(name);
          until.set(body.step, Date.parse(body.until));
          break;
        case 'step.voiced':
          if (one.kind !== 'poll' || !isReady || !['open', 'claimed'].includes(one.state)) wrong.push(name);
          one.go.set(body.voice, body.choice === 'go');
          break;
        case 'step.done':
          // One that runs may end, though a skipped step before it is looked at again.
          if ((!isReady && one.state !== 'running') || !['open', 'claimed', 'running'].includes(one.state))
            wrong.push(name);
          if (state === 'paused' && one.state === 'open') wrong.push(`${name} while paused`);
          if (one.kind === 'poll' && !one.voices.every((voice) => one.go.get(voice)))
            wrong.push(`${name} without every voice`);
          if (one.kind === 'canary' && at.getTime() < (until.get(body.step) ?? Infinity))
            wrong.push(`${name} before its soak is over`);
          if (one.kind === 'webhook' && (one.state !== 'running' || actor.kind === 'person'))
            wrong.push(`${name} by hand`);
          if (body.checking !== one.verify) wrong.push(`${name} passes over its second look`);
          one.state = body.checking ? 'checking' : 'done';
          one.doneBy = body.person;
          break;
        case 'step.verified':
          if (one.state !== 'checking' || body.person === one.doneBy) wrong.push(`${name} by ${body.person}`);
          one.state = 'done';
          break;
        case 'step.failed':
          if (one.state === 'failed' || one.state === 'skipped') wrong.push(name);
          one.state = 'failed';
          break;
        case 'step.skipped':
          if (one.state === 'skipped') wrong.push(name);
          if ((one.verify || ['poll', 'canary'].includes(one.kind)) && !runs(actor.id))
            wrong.push(`${name} by ${actor.id}`);
          one.state = 'skipped';
          break;
        case 'step.reopened':
          if (one.state !== 'failed' && one.state !== 'skipped') wrong.push(name);
          one.state = 'open';
          one.attempt = body.attempt;
          one.go.clear();
          break;
        default:
      }
      continue;
    }
    switch (body.type) {
      case 'runbook.planned':
        plan(body.steps);
        break;
      case 'step.added':
        plan([body.step]);
        break;
      case 'role.taken':
        if (body.role === 'lead') lead = body.person;
        break;
      case 'release.started':
      case 'release.resumed':
        state = 'deploying';
        break;
      case 'release.paused':
        state = 'paused';
        break;
      case 'release.verifying':
        state = 'verifying';
        break;
      case 'release.done':
        if (open('deploy').length > 0) wrong.push('done with steps open');
        state = 'done';
        break;
      case 'release.failed':
        state = 'failed';
        break;
      case 'release.rolled_back':
        state = 'rolled_back';
        break;
      case 'release.restored':
        restored += 1;
        if (state !== 'rolled_back' || open('rollback').length > 0) wrong.push('restored with steps open');
        if (![...steps.values()].some((one) => one.phase === 'rollback'))
          wrong.push('restored before anything was planned');
        break;
      default:
    }
  }
  if (restored > 1) wrong.push(`restored ${restored} times`);
  return { steps, wrong };
}

const logOf = async (release: number): Promise<Logged[]> =>
  (await hall.db.pool.query<Logged>('SELECT body, actor, at FROM event WHERE release = $1 ORDER BY seq', [release]))
    .rows;

const counts = new Map<string, number>();
const count = (word: string) => counts.set(word, (counts.get(word) ?? 0) + 1);

test('200 actions of four people, machines and the clock: nothing impossible is ever recorded', {
  timeout: 240_000,
}, async () => {
  const runs = Number(process.env.STEP_RUNS ?? 10);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('lined', 'gated', 'machine', 'soaked'),
      fc.array(wish, { minLength: 200, maxLength: 200 }),
      async (service, wishes) => {
        await hall.db.pool.query('DELETE FROM timer');
        hall.clock.now = new Date(hall.clock.now.getTime() + 48 * 3_600_000);
        const release = await hall.begun(service, { minutes: 240 });
        const queue = [...wishes];
        // Four at a time, as people click.
        while (queue.length > 0) {
          const some = queue.splice(0, 4);
          const outcomes = await Promise.all(
            some.filter((one) => one.do !== 'wait').map((one) => perform(one, release)),
          );
          for (const outcome of outcomes) if (outcome && !outcome.ok) count(outcome.refusal.code);
          for (const one of some) if (one.do === 'wait') await perform(one, release);
        }
        const log = await logOf(release);
        for (const { body } of log) count(body.type);
        const { steps, wrong } = tell(log);
        expect(wrong).toEqual([]);
        // The tables say what the log tells.
        expect((await hall.room(release)).steps.map(({ key, state, attempt }) => `${key} ${state} ${attempt}`)).toEqual(
          [...steps].map(([key, { state, attempt }]) => `${key} ${state} ${attempt}`),
        );
      },
    ),
    { numRuns: runs, endOnFailure: true },
  );
  if (process.env.SHOW_COUNTS) console.log(Object.fromEntries([...counts].sort()));
  // The schedules did something of everything.
  for (const word of [
    'step.done',
    'step.failed',
    'step.reopened',
    'step.skipped',
    'step.claimed',
    'step_over',
    'step_waits',
  ])
    expect([word, (counts.get(word) ?? 0) > 0]).toEqual([word, true]);
});

test('the eye for what is impossible sees planted events', async () => {
  hall.clock.now = new Date(hall.clock.now.getTime() + 48 * 3_600_000);
  const number = await hall.begun('lined');
  await hall.works('U0BEN', number, '1', 'done');
  await hall.works('U0BEN', number, '2', 'done');
  await hall.works('U0BEN', number, '3', 'done');
  const log = await logOf(number);
  expect(tell(log).wrong).toEqual([]);
  const done = log.find(({ body }) => body.type === 'step.done') as Logged;
  const planted = (body: object, at = log.length) =>
    tell([...log.slice(0, at), { ...done, body: body as EventBody }, ...log.slice(at)]).wrong;
  const about = { release: number, title: '', attempt: 1 };
  expect(planted(done.body)).toContain('step.done of 1 (done) after its end');
  expect(planted({ ...about, type: 'step.verified', step: '3', person: 'U0BEN' })).toEqual([
    'step.verified of 3 (checking) by U0BEN',
  ]);
  expect(planted({ ...about, type: 'step.skipped', step: '3', person: 'U0BEN', note: '' })).toEqual([
    'step.skipped of 3 (checking) by U0BEN',
  ]);
  expect(planted({ ...about, type: 'step.reopened', step: '2', attempt: 2 })).toContain(
    'step.reopened of 2 (done) after its end',
  );
  expect(planted({ type: 'release.done', release: number })).toEqual(['done with steps open']);
  expect(planted({ type: 'release.restored', release: number })).toContain('restored before anything was planned');
  expect(
    planted({ ...about, type: 'step.done', step: '3', person: 'U0KIM', note: '', checking: false }, log.indexOf(done)),
  ).toContain('step.done of 3 (open) passes over its second look');
});

test('whatever happened here, replaying the log gives the same tables', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(100);
});
