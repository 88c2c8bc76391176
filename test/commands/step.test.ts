import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { tickCommand } from '../../src/commands/criterion.ts';
import {
  doneCommand,
  failCommand,
  pauseCommand,
  resumeCommand,
  rollbackCommand,
  startCommand,
} from '../../src/commands/deploy.ts';
import { addStepCommand, openRoomCommand, stepResultCommand, takeRoleCommand } from '../../src/commands/room.ts';
import { run } from '../../src/run.ts';
import { workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';
import { openRoomHall, type RoomHall, said, staff } from '../support/room.ts';

let hall: RoomHall;
beforeAll(async () => {
  hall = await openRoomHall();
});
// Nothing of one test is still running in the next.
beforeEach(() => hall.jumps(24 * 60));
afterAll(() => hall?.close());

const at = () => hall.clock.now.toISOString();
const adds = (person: string, release: number, title = 'Tell support') =>
  hall.does(person, call(addStepCommand, { release, title, owner: null }));
const rollsBack = (person: string, release: number) =>
  hall.does(person, call(rollbackCommand, { release, reason: 'too slow' }));
const reports = (release: number, step: string, result: 'done' | 'failed', attempt = 1) => {
  const { command, input } = call(stepResultCommand, { release, step, attempt, result, note: 'run 7' });
  return run(hall.ctx, command, input, { workspace, actor: { kind: 'system' }, id: randomUUID() });
};
const one = async (release: number, key: string) => {
  const found = (await hall.room(release)).steps.find((step) => step.key === key);
  if (!found) throw new Error(`there is no step ${key}`);
  return found;
};

describe('steps by hand', () => {
  test('claimed, done, and the next one is ready; its people are told once', async () => {
    const release = await hall.begun('lined');
    expect(await hall.steps(release)).toEqual(['1 open', '2 open', '3 open']);
    expect(said(await hall.works('U0BEN', release, '1', 'claim'))).toBe('step.claimed');
    expect(await one(release, '1')).toMatchObject({ state: 'claimed', claimedBy: 'U0BEN' });
    expect(said(await hall.works('U0BEN', release, '1', 'done', { note: ' all of it ' }))).toBe(
      'step.done steps.ready',
    );
    expect(await one(release, '1')).toMatchObject({ state: 'done', doneBy: 'U0BEN', note: 'all of it' });
    await hall.waits(1);
    const [ready, ...more] = await hall.events(release, 'steps.ready');
    const dueAt = new Date(hall.clock.now.getTime() + 9 * 60_000).toISOString();
    expect(ready?.steps).toEqual([{ step: '2', title: 'Migrate', dueAt, people: ['U0KIM'], groups: [] }]);
    expect(more).toEqual([]);
  });

  test('a step waits for those before it, and says for which', async () => {
    const release = await hall.begun('lined');
    expect(await hall.works('U0BEN', release, '3', 'done')).toMatchObject({
      refusal: { code: 'step_waits', step: '3', for: ['2'] },
    });
  });

  test('a second click is told who was first and when', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'done');
    const when = at();
    await hall.waits(2);
    for (const what of ['done', 'start', 'fail', 'skip', 'claim'] as const)
      expect(await hall.works('U0KIM', release, '1', what, { note: 'why' })).toMatchObject({
        refusal: { code: 'step_over', state: 'done', by: 'U0BEN', at: when },
      });
    expect(await one(release, '1')).toMatchObject({ state: 'done', doneBy: 'U0BEN', attempt: 1 });
  });

  test('20 people click Done in the same moment: one event', async () => {
    const release = await hall.begun('lined');
    const clicks = await Promise.all(
      Array.from({ length: 20 }, (_, n) => hall.works(n % 2 ? 'U0BEN' : 'U0KIM', release, '1', 'done', { attempt: 1 })),
    );
    expect(clicks.filter(({ ok }) => ok)).toHaveLength(1);
    expect(new Set(clicks.filter(({ ok }) => !ok).map(said))).toEqual(new Set(['step_over']));
    expect(await hall.events(release, 'step.done')).toHaveLength(1);
  });

  test('20 clicks of one person on one button are one event, whatever the button', async () => {
    const release = await hall.begun('lined');
    for (const what of ['claim', 'start', 'fail', 'retry', 'skip'] as const) {
      const attempt = what === 'skip' ? 2 : 1;
      const clicks = await Promise.all(
        Array.from({ length: 20 }, () => hall.works('U0ANA', release, '1', what, { attempt, note: 'why' })),
      );
      const expected = what === 'start' ? 0 : 1;
      expect([what, clicks.filter(({ ok }) => ok).length]).toEqual([what, expected]);
    }
    const all = await hall.events(release, 'step.claimed', 'step.failed', 'step.reopened', 'step.skipped');
    expect(all.map(({ type }) => type)).toEqual(['step.claimed', 'step.failed', 'step.reopened', 'step.skipped']);
  });

  test('a claim can be taken over; whoever did it is on record', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'claim');
    expect(await hall.works('U0BEN', release, '1', 'claim')).toMatchObject({
      refusal: { code: 'step_claimed', by: 'U0BEN' },
    });
    await hall.works('U0KIM', release, '1', 'claim');
    expect(await hall.events(release, 'step.claimed')).toMatchObject([
      { person: 'U0BEN', from: null },
      { person: 'U0KIM', from: 'U0BEN' },
    ]);
  });

  test('failing and skipping need a reason', async () => {
    const release = await hall.begun('lined');
    for (const what of ['fail', 'skip'] as const)
      expect(said(await hall.works('U0BEN', release, '1', what, { note: '  ' }))).toBe('reason_needed');
    expect(await one(release, '1')).toMatchObject({ state: 'open', attempt: 1 });
  });

  test('a failed step is tried again as another attempt; a button of the first does nothing any more', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'fail', { note: 'disk full' });
    expect(said(await hall.works('U0BEN', release, '2', 'done'))).toBe('step_waits');
    expect(said(await hall.works('U0BEN', release, '1', 'retry', { attempt: 1 }))).toBe('step.reopened');
    expect(await one(release, '1')).toMatchObject({ state: 'open', attempt: 2, doneBy: null, note: '' });
    expect(said(await hall.works('U0KIM', release, '1', 'done', { attempt: 1 }))).toBe('step_over');
    expect(said(await hall.works('U0KIM', release, '1', 'retry', { attempt: 2 }))).toBe('step_over');
    expect(said(await hall.works('U0KIM', release, '1', 'done', { attempt: 2 }))).toBe('step.done steps.ready');
  });

  test('what somebody else has to look at is not done before they did, and never by the same person', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'done');
    await hall.works('U0BEN', release, '2', 'done');
    expect(said(await hall.works('U0BEN', release, '3', 'verify'))).toBe('step_over');
    expect(await hall.works('U0BEN', release, '3', 'done')).toMatchObject({ events: [{ body: { checking: true } }] });
    expect(await one(release, '3')).toMatchObject({ state: 'checking' });
    expect(said(await hall.does('U0ANA', call(doneCommand, { release })))).toBe('steps_open');
    expect(said(await hall.works('U0BEN', release, '3', 'verify'))).toBe('second_person');
    for (const what of ['done', 'start', 'claim'] as const)
      expect(said(await hall.works('U0KIM', release, '3', what))).toBe('step_over');
    const clicks = await Promise.all(Array.from({ length: 20 }, () => hall.works('U0KIM', release, '3', 'verify')));
    expect(clicks.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await one(release, '3')).toMatchObject({ state: 'done', doneBy: 'U0BEN', verifiedBy: 'U0KIM' });
    expect(said(await hall.does('U0ANA', call(doneCommand, { release })))).toBe('release.done');
  });

  test('a late step is said to be late once; tried again it has its whole time again', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'done');
    await hall.waits(30);
    expect(await hall.events(release, 'step.late')).toMatchObject([{ step: '2', attempt: 1, people: ['U0KIM'] }]);
    await hall.works('U0BEN', release, '2', 'fail', { note: 'locked' });
    expect(said(await hall.works('U0BEN', release, '2', 'retry'))).toBe('step.reopened steps.ready');
    await hall.waits(9);
    expect(await hall.events(release, 'step.late')).toHaveLength(1);
    await hall.waits(2);
    expect(await hall.events(release, 'step.late')).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });

  test('one that failed in time and is tried again after its time is not late at once', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'done');
    await hall.works('U0BEN', release, '2', 'fail', { note: 'locked' });
    await hall.waits(15);
    expect(said(await hall.works('U0BEN', release, '2', 'retry'))).toBe('step.reopened steps.ready');
    await hall.waits(11);
    expect(await hall.events(release, 'step.late')).toMatchObject([{ attempt: 2 }]);
  });

  test('an unknown step is answered with how many there are', async () => {
    const release = await hall.begun('lined');
    expect(await hall.works('U0BEN', release, '9', 'done')).toMatchObject({
      refusal: { code: 'unknown_step', steps: 3 },
    });
  });

  test('before the start people claim and do what is by hand; nothing runs by itself', async () => {
    const release = await hall.booked('machine');
    await hall.does('U0ANA', call(openRoomCommand, { release }));
    await hall.waits(1);
    expect(said(await hall.works('U0BEN', release, '1', 'done'))).toBe('step.done');
    expect(said(await hall.works('U0BEN', release, '2', 'start'))).toBe('wrong_state');
    expect(await hall.steps(release)).toEqual(['1 done', '2 open', '3 open']);
    await hall.waits(9.1);
    await hall.does('U0ANA', call(startCommand, { release }));
    await hall.waits(0.1);
    expect(await hall.steps(release)).toEqual(['1 done', '2 running', '3 open']);
  });

  test('only those who are in the room work its steps; runners from anywhere', async () => {
    const release = await hall.begun('lined');
    await staff(hall, release);
    expect(await hall.works('U0MIA', release, '1', 'done')).toMatchObject({
      refusal: { code: 'not_in_room', channel: 'C0ROOM' },
    });
    expect(said(await hall.works('U0RAE', release, '1', 'done'))).toBe('step.done steps.ready');
    expect(said(await hall.works('U0GUEST', release, '2', 'done'))).toBe('is_guest');
    expect(said(await hall.works('U0KIM', release, '2', 'done'))).toBe('step.done');
  });
});

describe('steps that no template knew of', () => {
  test('are waited for before the release is done, and wait for nothing', async () => {
    const release = await hall.begun('plain');
    expect(said(await adds('U0BEN', release))).toBe('step.added');
    expect(await hall.does('U0ANA', call(doneCommand, { release }))).toMatchObject({
      refusal: { code: 'steps_open', steps: [{ key: '1', title: 'Tell support' }] },
    });
    await hall.works('U0KIM', release, '1', 'done');
    expect(said(await hall.does('U0ANA', call(doneCommand, { release })))).toBe('release.done');
  });

  test('added before the room is open, they keep their key and the plan counts on', async () => {
    const release = await hall.booked('lined');
    expect(said(await adds('U0BEN', release))).toBe('step.added');
    await hall.does('U0ANA', call(openRoomCommand, { release }));
    await hall.waits(1);
    expect((await hall.room(release)).steps.map(({ key, title }) => `${key} ${title}`)).toEqual([
      '1 Tell support',
      '2 Backup',
      '3 Migrate',
      '4 Look at it',
    ]);
    expect(said(await adds('U0BEN', release, 'Tell sales'))).toBe('step.added');
    expect((await hall.room(release)).steps.at(-1)?.key).toBe('5');
  });

  test('two people add one at once: both are there, under their own keys', async () => {
    const release = await hall.begun('plain');
    const both = await Promise.all(Array.from({ length: 8 }, (_, n) => adds('U0BEN', release, `Tell ${n}`)));
    expect(both.map(said)).toEqual(Array(8).fill('step.added'));
    expect(new Set((await hall.room(release)).steps.map(({ key }) => key)).size).toBe(8);
  });

  test('need a title', async () => {
    const release = await hall.begun('plain');
    expect(said(await adds('U0BEN', release, '  '))).toBe('empty_note');
  });
});

describe('the end of a release', () => {
  test('a failed step keeps it open; a skipped one does not', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'done');
    await hall.works('U0BEN', release, '2', 'fail', { note: 'locked' });
    expect(await hall.does('U0ANA', call(doneCommand, { release }))).toMatchObject({
      refusal: { code: 'steps_open', steps: [{ key: '2' }, { key: '3' }] },
    });
    expect(said(await hall.works('U0BEN', release, '2', 'skip', { note: 'by hand already' }))).toBe('step.skipped');
    // The third has to be looked at by a second person: not just anybody passes it over.
    expect(await hall.works('U0BEN', release, '3', 'skip', { note: 'fine' })).toMatchObject({
      refusal: { code: 'only_runners', lead: 'U0ANA' },
    });
    expect(said(await hall.works('U0ANA', release, '3', 'skip', { note: 'fine' }))).toBe('step.skipped');
    expect(said(await hall.does('U0ANA', call(doneCommand, { release })))).toBe('release.done');
  });

  test('a release is not done before its runbook is even planned', async () => {
    const release = await hall.booked('lined');
    // No timer was worked off since.
    hall.clock.now = new Date(hall.clock.now.getTime() + 11 * 60_000);
    expect(said(await hall.does('U0ANA', call(startCommand, { release })))).toMatch(/^room.opened release.started/);
    const early = await hall.does('U0ANA', call(doneCommand, { release }));
    expect(early).toMatchObject({ refusal: { code: 'steps_open', steps: [{ key: '1' }, { key: '2' }, { key: '3' }] } });
    await hall.waits(1);
    expect(await hall.steps(release)).toEqual(['1 open', '2 open', '3 open']);
  });

  test('nothing of it is worked once it is over', async () => {
    const release = await hall.begun('lined');
    await hall.does('U0ANA', call(failCommand, { release, reason: 'broken' }));
    for (const what of ['claim', 'done', 'skip', 'fail', 'retry'] as const)
      expect(said(await hall.works('U0ANA', release, '1', what, { note: 'why' }))).toBe('wrong_state');
    expect(said(await adds('U0ANA', release))).toBe('wrong_state');
  });
});

describe('while it is paused', () => {
  test('nothing begins; what was begun may end', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'claim');
    await hall.does('U0ANA', call(pauseCommand, { release, reason: 'look' }));
    expect(said(await hall.works('U0BEN', release, '1', 'done'))).toMatch(/^step.done/);
    expect(said(await hall.works('U0KIM', release, '2', 'done'))).toBe('room_paused');
    await hall.does('U0ANA', call(resumeCommand, { release }));
    expect(said(await hall.works('U0KIM', release, '2', 'done'))).toMatch(/^step.done/);
  });

  test('no canary and no call begins, claimed or not', async () => {
    const soaked = await hall.begun('soaked');
    await hall.works('U0BEN', soaked, '1', 'claim');
    await hall.does('U0ANA', call(pauseCommand, { release: soaked, reason: 'look' }));
    for (const what of ['start', 'done'] as const)
      expect(said(await hall.works('U0BEN', soaked, '1', what))).toBe('room_paused');
    expect(await hall.events(soaked, 'exposure.set')).toEqual([]);
    const machine = await hall.begun('machine');
    await hall.works('U0BEN', machine, '1', 'claim');
    await hall.does('U0ANA', call(pauseCommand, { release: machine, reason: 'look' }));
    await hall.works('U0BEN', machine, '1', 'done');
    await hall.waits(1);
    expect(await hall.steps(machine)).toEqual(['1 done', '2 open', '3 open']);
    await hall.does('U0ANA', call(resumeCommand, { release: machine }));
    await hall.waits(0.1);
    expect(await hall.steps(machine)).toEqual(['1 done', '2 running', '3 open']);
  });
});

describe('canaries', () => {
  test('are seen by their share from the start, soak, and are over when somebody says so', async () => {
    const release = await hall.begun('soaked');
    expect(said(await hall.works('U0BEN', release, '1', 'done'))).toBe('step.started exposure.set');
    expect(await hall.events(release, 'exposure.set')).toMatchObject([{ label: '5 %', step: '1' }]);
    const until = new Date(hall.clock.now.getTime() + 20 * 60_000).toISOString();
    expect(await hall.works('U0BEN', release, '1', 'done')).toMatchObject({
      refusal: { code: 'still_soaking', until },
    });
    await hall.waits(19);
    expect(await hall.events(release, 'step.soaked')).toEqual([]);
    await hall.waits(2);
    expect(await hall.events(release, 'step.soaked')).toHaveLength(1);
    expect(await hall.steps(release)).toEqual(['1 running', '2 open', '3 open']);
    expect(said(await hall.works('U0BEN', release, '1', 'done'))).toBe('step.done');
  });

  test('a longer soak counts from its end, or from now when it is over', async () => {
    const release = await hall.begun('soaked');
    await hall.works('U0BEN', release, '1', 'start');
    const start = hall.clock.now.getTime();
    await hall.works('U0BEN', release, '1', 'longer');
    expect((await one(release, '1')).until).toEqual(new Date(start + 35 * 60_000));
    await hall.waits(40);
    expect(await hall.events(release, 'step.soaked')).toHaveLength(1);
    await hall.works('U0BEN', release, '1', 'longer');
    expect((await one(release, '1')).until).toEqual(new Date(start + 55 * 60_000));
    await hall.waits(16);
    expect(await hall.events(release, 'step.soaked')).toHaveLength(2);
    expect(said(await hall.works('U0BEN', release, '2', 'longer'))).toBe('step_over');
  });

  test('one that waits for a second person does not begin anew', async () => {
    const release = await hall.begun('soaked');
    await hall.works('U0ANA', release, '1', 'skip', { note: 'known' });
    await hall.works('U0BEN', release, '2', 'start');
    await hall.waits(10.1);
    await hall.works('U0BEN', release, '2', 'done');
    expect(said(await hall.works('U0BEN', release, '2', 'start'))).toBe('step_over');
    expect(await hall.steps(release)).toEqual(['1 skipped', '2 checking', '3 open']);
    expect(await hall.events(release, 'exposure.set')).toHaveLength(1);
  });

  test('who gets it is set when the step is done, and told with who and when', async () => {
    const release = await hall.begun('soaked');
    for (const step of ['1', '2']) await hall.works('U0ANA', release, step, 'skip', { note: 'known' });
    expect(said(await hall.works('U0BEN', release, '3', 'done'))).toBe('step.done exposure.set');
    const { rows } = await hall.db.pool.query('SELECT label, person, at FROM exposure WHERE release = $1', [release]);
    expect(rows).toEqual([{ label: '100 %', person: 'U0BEN', at: hall.clock.now }]);
  });

  test('only runners pass over a canary', async () => {
    const release = await hall.begun('soaked');
    expect(said(await hall.works('U0BEN', release, '1', 'skip', { note: 'in a hurry' }))).toBe('only_runners');
  });
});

describe('calls', () => {
  test('one that may starts by itself, and its result lets the next begin', async () => {
    const release = await hall.begun('machine');
    expect(said(await hall.works('U0BEN', release, '1', 'done'))).toBe('step.done step.started');
    expect(await hall.works('U0BEN', release, '2', 'done')).toMatchObject({
      refusal: { code: 'step_runs', running: true },
    });
    expect(said(await reports(release, '2', 'done'))).toBe('step.done');
    expect(said(await reports(release, '2', 'done'))).toBe('nothing');
    expect(await one(release, '2')).toMatchObject({ state: 'done', doneBy: null, note: 'run 7' });
    expect(await hall.works('U0BEN', release, '3', 'done')).toMatchObject({
      refusal: { code: 'step_runs', running: false },
    });
    expect(said(await hall.works('U0BEN', release, '3', 'start'))).toBe('step.started');
    expect(said(await hall.works('U0BEN', release, '3', 'start'))).toBe('step_over');
  });

  test('20 reports of one result are one event', async () => {
    const release = await hall.begun('machine');
    await hall.works('U0BEN', release, '1', 'done');
    await Promise.all(Array.from({ length: 20 }, (_, n) => reports(release, '2', n % 3 ? 'done' : 'failed')));
    expect(await hall.events(release, 'step.done', 'step.failed')).toHaveLength(2);
  });

  test('one that nobody answers is given up; a late answer changes nothing', async () => {
    const release = await hall.begun('machine');
    await hall.works('U0BEN', release, '1', 'done');
    await hall.waits(9);
    expect(await hall.steps(release)).toEqual(['1 done', '2 running', '3 open']);
    await hall.waits(2);
    expect(await hall.events(release, 'step.failed')).toMatchObject([
      { step: '2', person: null, note: 'nobody answered in time' },
    ]);
    expect(said(await reports(release, '2', 'done'))).toBe('nothing');
    await hall.works('U0BEN', release, '2', 'retry');
    expect(await one(release, '2')).toMatchObject({ state: 'running', attempt: 2 });
    expect(said(await reports(release, '2', 'done', 1))).toBe('nothing');
    expect(said(await reports(release, '2', 'failed', 2))).toBe('step.failed');
  });

  test('what comes in after a rollback brings nobody anything, and ends no rollback', async () => {
    const release = await hall.begun('machine');
    await hall.works('U0BEN', release, '1', 'done');
    await rollsBack('U0BEN', release);
    expect(said(await reports(release, '2', 'done'))).toBe('nothing');
    await hall.waits(1);
    expect(await hall.events(release, 'release.restored')).toEqual([]);
    expect(said(await reports(release, '2', 'done'))).toBe('nothing');
  });
});

describe('go or no-go', () => {
  const takes = (person: string, release: number, role: 'lead' | 'verifier') =>
    hall.does(person, call(takeRoleCommand, { release, role }));

  test('every voice has to say go: by role, group, on call and role of the catalogue', async () => {
    const release = await hall.begun('gated');
    const waiting = async () => {
      const { voices, said: so } = await one(release, '1');
      return voices
        .map(({ name }) => name)
        .filter((name) => !so.some((vote) => vote.voice === name && vote.choice === 'go'));
    };
    expect(await waiting()).toEqual(['lead', 'verifier', 'product', 'sre on call', 'release manager']);
    expect(await hall.works('U0ANA', release, '1', 'done')).toMatchObject({
      refusal: { code: 'needs_voices', waiting: await waiting() },
    });
    expect(said(await hall.speaks('U0ANA', release, 'go'))).toBe('step.voiced');
    expect(await hall.speaks('U0BEN', release, 'go')).toMatchObject({
      refusal: {
        code: 'no_voice',
        voices: [
          { name: 'lead', people: ['U0ANA'] },
          { name: 'verifier', people: [] },
          { name: 'product', people: ['U0KIM'] },
          { name: 'sre on call', groups: ['S0CALL'] },
          { name: 'release manager', people: ['U0RAE'] },
        ],
      },
    });
    // kim is both Product and the verifier: one click speaks for both.
    await takes('U0KIM', release, 'verifier');
    expect(said(await hall.speaks('U0KIM', release, 'go'))).toBe('step.voiced step.voiced');
    expect(said(await hall.speaks('U0LEE', release, 'go'))).toBe('step.voiced');
    expect(await waiting()).toEqual(['release manager']);
    expect(said(await hall.speaks('U0RAE', release, 'go'))).toBe('step.voiced step.done steps.ready');
    expect((await hall.steps(release))[0]).toBe('1 done');
  });

  test('no-go needs a reason, holds, and can be taken back', async () => {
    const release = await hall.begun('gated');
    await takes('U0KIM', release, 'verifier');
    for (const person of ['U0ANA', 'U0KIM', 'U0LEE']) await hall.speaks(person, release, 'go');
    expect(said(await hall.speaks('U0RAE', release, 'nogo', ' '))).toBe('reason_needed');
    expect(said(await hall.speaks('U0RAE', release, 'nogo', 'queue grows'))).toBe('step.voiced');
    expect(said(await hall.speaks('U0RAE', release, 'nogo', 'queue grows'))).toBe('voiced');
    expect((await one(release, '1')).said.find(({ voice }) => voice === 'release manager')).toMatchObject({
      choice: 'nogo',
      person: 'U0RAE',
      reason: 'queue grows',
    });
    expect((await hall.steps(release))[0]).toBe('1 open');
    expect(said(await hall.speaks('U0KIM', release, 'nogo', 'me too'))).toBe('step.voiced step.voiced');
    expect(said(await hall.speaks('U0RAE', release, 'go'))).toBe('step.voiced');
    expect(said(await hall.speaks('U0KIM', release, 'go'))).toBe('step.voiced step.voiced step.done steps.ready');
  });

  test('20 clicks of Go are one word', async () => {
    const release = await hall.begun('gated');
    const clicks = await Promise.all(Array.from({ length: 20 }, () => hall.speaks('U0RAE', release, 'go')));
    expect(clicks.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await hall.events(release, 'step.voiced')).toHaveLength(1);
  });

  test('the last voices in the same moment: the step is done once', async () => {
    const release = await hall.begun('gated');
    await takes('U0KIM', release, 'verifier');
    const clicks = await Promise.all(
      ['U0ANA', 'U0KIM', 'U0LEE', 'U0RAE', 'U0ANA', 'U0KIM', 'U0LEE', 'U0RAE'].map((person) =>
        hall.speaks(person, release, 'go', '', '1'),
      ),
    );
    expect(clicks.filter(({ ok }) => ok)).toHaveLength(4);
    expect(await hall.events(release, 'step.done')).toHaveLength(1);
    expect(await hall.events(release, 'step.voiced')).toHaveLength(5);
  });

  test('every author says ready; a voice given in an earlier attempt counts no more', async () => {
    const scope = [{ title: 'Payouts', link: '', owner: 'U0BEN' }];
    const release = await hall.booked('gated', { scope });
    const [criterion] = (await hall.room(release)).criteria.map(({ key }) => key);
    await hall.does('U0BEN', call(tickCommand, { release, criterion: String(criterion), evidence: '', tick: true }));
    await hall.starts(release);
    await hall.works('U0ANA', release, '1', 'skip', { note: 'known' });
    expect(said(await hall.speaks('U0BEN', release, 'go'))).toBe('step.voiced');
    await hall.works('U0BEN', release, '2', 'fail', { note: 'wait for the bank' });
    await hall.works('U0BEN', release, '2', 'retry');
    expect((await one(release, '2')).said).toEqual([]);
    expect(said(await hall.speaks('U0ANA', release, 'go'))).toBe('step.voiced');
    expect(said(await hall.speaks('U0BEN', release, 'go'))).toBe('step.voiced step.done steps.ready');
  });

  test('a poll that a second person has to look at takes no more voices meanwhile', async () => {
    const release = await hall.begun('gated');
    for (const step of ['1', '2']) await hall.works('U0ANA', release, step, 'skip', { note: 'known' });
    expect(said(await hall.speaks('U0KIM', release, 'go'))).toBe('step.voiced step.done');
    expect((await hall.steps(release))[2]).toBe('3 checking');
    expect(said(await hall.speaks('U0KIM', release, 'nogo', 'on second thoughts', '3'))).toBe('step_over');
    expect(said(await hall.speaks('U0KIM', release, 'go', 'still', '3'))).toBe('step_over');
    expect(await hall.events(release, 'step.done')).toHaveLength(1);
    expect(said(await hall.works('U0BEN', release, '3', 'verify'))).toBe('step.verified');
  });

  test('a poll cannot be answered before its time, nor passed over by just anybody', async () => {
    const release = await hall.begun('gated');
    expect(said(await hall.speaks('U0ANA', release, 'go', '', '2'))).toBe('step_waits');
    expect(said(await hall.works('U0BEN', release, '1', 'skip', { note: 'no time' }))).toBe('only_runners');
    expect(said(await hall.speaks('U0ANA', release, 'go', '', '4'))).toBe('no_poll');
  });

  test('without a poll there is nothing to say go to', async () => {
    const release = await hall.begun('plain');
    expect(said(await hall.speaks('U0ANA', release, 'go'))).toBe('no_poll');
  });
});

describe('a rollback has its own steps', () => {
  test('restored once, when all of them are over', async () => {
    const release = await hall.begun('lined');
    expect(said(await rollsBack('U0BEN', release))).toBe('release.rolled_back');
    await hall.waits(0.1);
    expect((await hall.room(release)).steps.slice(3).map(({ key, title }) => `${key} ${title}`)).toEqual([
      'R1 Put it back',
      'R2 Data checked: nothing was lost or written twice',
      'R3 Verified by a second person',
    ]);
    expect(said(await hall.works('U0BEN', release, '1', 'done'))).toBe('wrong_state');
    await hall.works('U0BEN', release, 'R1', 'done');
    await hall.works('U0BEN', release, 'R2', 'done');
    await hall.works('U0BEN', release, 'R3', 'done');
    expect(await hall.events(release, 'release.restored')).toEqual([]);
    expect(said(await hall.works('U0BEN', release, 'R3', 'verify'))).toBe('second_person');
    expect(said(await hall.works('U0KIM', release, 'r3', 'verify'))).toBe('step.verified release.restored');
    // One more thing to do afterwards does not restore it again.
    expect(said(await adds('U0BEN', release))).toBe('step.added');
    expect(said(await hall.works('U0BEN', release, 'R4', 'done'))).toBe('step.done');
    expect(await hall.events(release, 'release.restored')).toHaveLength(1);
  });

  test('a step that somebody adds before the plan is made ends nothing', async () => {
    const release = await hall.begun('plain');
    await rollsBack('U0BEN', release);
    expect(said(await adds('U0BEN', release))).toBe('step.added');
    expect(said(await hall.works('U0BEN', release, 'R1', 'done'))).toBe('step.done');
    await hall.waits(0.1);
    expect(await hall.steps(release)).toEqual(['R1 done', 'R2 open', 'R3 open', 'R4 open']);
    expect(await hall.events(release, 'release.restored')).toEqual([]);
  });

  test('passing over the last of them restores it, too, and only runners pass over the second look', async () => {
    const release = await hall.begun('plain');
    await rollsBack('U0BEN', release);
    await hall.waits(0.1);
    await hall.works('U0BEN', release, 'R1', 'done');
    await hall.works('U0BEN', release, 'R2', 'skip', { note: 'no data' });
    expect(said(await hall.works('U0BEN', release, 'R3', 'skip', { note: 'fine' }))).toBe('only_runners');
    expect(said(await hall.works('U0ANA', release, 'R3', 'skip', { note: 'fine' }))).toBe(
      'step.skipped release.restored',
    );
    await hall.works('U0ANA', release, 'R3', 'retry');
    await hall.works('U0ANA', release, 'R3', 'skip', { note: 'fine' });
    expect(await hall.events(release, 'release.restored')).toHaveLength(1);
  });
});

test('whatever happened here, replaying the log gives the same tables', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(300);
});
