import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Call } from '../../src/commands/command.ts';
import { call } from '../../src/commands/command.ts';
import { tickCommand } from '../../src/commands/criterion.ts';
import { cancelCommand, doneCommand, pauseCommand, rollbackCommand, startCommand } from '../../src/commands/deploy.ts';
import { answerOverrideCommand, overrideCommand } from '../../src/commands/override.ts';
import {
  answerOfferCommand,
  barRoomCommand,
  captureCommand,
  closeRoomCommand,
  exposeCommand,
  followCommand,
  inviteCommand,
  offerRoleCommand,
  openRoomCommand,
  reviseCommand,
  sampleCommand,
  statusCommand,
  takeRoleCommand,
} from '../../src/commands/room.ts';
import { delegateCommand } from '../../src/commands/vote.ts';
import type { RoomRole } from '../../src/domain/runbook.ts';
import type { CaptureInput } from '../../src/domain/timeline.ts';
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

/** Time passes, and no timer is worked off: an outage. */
const sleeps = (minutes: number) => {
  hall.clock.now = new Date(hall.clock.now.getTime() + minutes * 60_000);
};
let asked = 0;
/** The installation itself does it. */
const itself = ({ command, input }: Call) =>
  run(hall.ctx, command, input, { workspace, actor: { kind: 'system' }, id: `system:${++asked}` });
const takes = (person: string, release: number, role: RoomRole) =>
  hall.does(person, call(takeRoleCommand, { release, role }));
const offers = async (
  person: string,
  release: number,
  to: string,
  role: RoomRole | 'operations' = 'lead',
  note = '',
) => {
  const outcome = await hall.does(person, call(offerRoleCommand, { release, role, to, note }));
  const [event] = outcome.ok ? outcome.events.map(({ body }) => body) : [];
  return {
    outcome,
    offer: event?.type === 'role.offered' ? event.offer : '',
    inFlight: event?.type === 'role.offered' ? event.inFlight : '',
  };
};
const answers = (person: string, release: number, offer: string, accept = true) =>
  hall.does(person, call(answerOfferCommand, { release, offer, accept }));
/** A release of production: ana asks, nobody has voted, its room is open. */
const wanted = async (change = {}) => {
  const release = await hall.booked('plain', {
    environment: 'production',
    startsAt: new Date(hall.clock.now.getTime() + 60 * 60_000).toISOString(),
    ...change,
  });
  await hall.does('U0ANA', call(openRoomCommand, { release }));
  return release;
};

describe('the room', () => {
  test('a start without a room opens it, and both set the same timer', async () => {
    const release = await hall.booked('lined');
    sleeps(11);
    expect(said(await hall.does('U0ANA', call(startCommand, { release })))).toBe(
      'room.opened release.started role.taken',
    );
    await hall.waits(0.1);
    expect(await hall.steps(release)).toEqual(['1 open', '2 open', '3 open']);
  });

  test('opens by itself once, ahead of the slot, with the requester and the lead; whoever only voted stays out', async () => {
    const release = await hall.booked('plain', {
      environment: 'production',
      lead: 'U0MIA',
      startsAt: new Date(hall.clock.now.getTime() + 120 * 60_000).toISOString(),
    });
    await hall.votes('U0BEN', release);
    await hall.votes('U0KIM', release);
    await hall.waits(89);
    expect((await hall.room(release)).release.room).toBe('none');
    await hall.waits(2);
    expect(await hall.events(release, 'room.opened')).toMatchObject([{ members: ['U0ANA', 'U0MIA'], again: false }]);
    expect(said(await hall.does('U0ANA', call(openRoomCommand, { release })))).toBe('room_open');
  });

  test('is opened by runners only, closed by them with a word, and not while it runs', async () => {
    const release = await hall.booked('plain');
    expect(said(await hall.does('U0BEN', call(openRoomCommand, { release })))).toBe('only_runners');
    await hall.starts(release);
    expect(said(await hall.does('U0ANA', call(closeRoomCommand, { release, note: '' })))).toBe('wrong_state');
    await hall.does('U0ANA', call(doneCommand, { release }));
    expect(said(await hall.does('U0BEN', call(closeRoomCommand, { release, note: '' })))).toBe('only_runners');
    expect(said(await hall.does('U0ANA', call(closeRoomCommand, { release, note: ' watch the queue ' })))).toBe(
      'room.closed',
    );
    expect(await hall.events(release, 'room.closed')).toMatchObject([{ note: 'watch the queue' }]);
    expect(said(await hall.does('U0ANA', call(closeRoomCommand, { release, note: '' })))).toBe('no_room');
    expect(said(await hall.does('U0ANA', call(openRoomCommand, { release })))).toBe('room.opened');
    expect((await hall.events(release, 'room.opened')).at(-1)).toMatchObject({ again: true });
  });

  test('of a release that was withdrawn there is none', async () => {
    const release = await hall.booked('plain');
    await hall.does('U0ANA', call(cancelCommand, { release, reason: '' }));
    expect(said(await hall.does('U0ANA', call(openRoomCommand, { release })))).toBe('wrong_state');
  });

  test('people are invited once, and follow a release until they do not', async () => {
    const release = await hall.begun('plain');
    const invites = (people: string[]) => hall.does('U0BEN', call(inviteCommand, { release, people }));
    expect(await invites(['U0MIA', 'U0LEE', 'U0MIA'])).toMatchObject({
      events: [{ body: { people: ['U0LEE', 'U0MIA'] } }],
    });
    const follows = (follow: boolean) => hall.does('U0ZOE', call(followCommand, { release, follow }));
    expect([
      said(await follows(false)),
      said(await follows(true)),
      said(await follows(true)),
      said(await follows(false)),
    ]).toEqual(['follows', 'release.followed', 'follows', 'release.followed']);
    expect((await hall.room(release)).followers).toEqual([]);
  });

  test('what Slack forbids is said once; without a channel of its own everybody works on', async () => {
    const release = await hall.begun('plain');
    for (const expected of ['room.barred', 'nothing'])
      expect(said(await itself(call(barRoomCommand, { release, what: 'create', why: 'restricted_action' })))).toBe(
        expected,
      );
    expect(said(await takes('U0MIA', release, 'scribe'))).toBe('role.taken');
  });
});

describe('roles', () => {
  test('whoever starts what they were booked to lead leads', async () => {
    const release = await hall.begun('plain');
    expect((await hall.room(release)).holders).toEqual({ lead: 'U0ANA' });
    const other = await hall.booked('other', { lead: 'U0KIM' });
    await hall.starts(other);
    expect((await hall.room(other)).holders).toEqual({});
  });

  test('are taken, also from somebody else, and once', async () => {
    const release = await hall.begun('plain');
    for (const role of ['comms', 'verifier', 'scribe'] as const)
      expect(said(await takes('U0KIM', release, role))).toBe('role.taken');
    expect(said(await takes('U0KIM', release, 'comms'))).toBe('role_yours');
    expect(said(await takes('U0BEN', release, 'lead'))).toBe('role.taken');
    expect((await hall.events(release, 'role.taken')).at(-1)).toMatchObject({
      person: 'U0BEN',
      from: 'U0ANA',
      offer: null,
    });
    expect((await hall.room(release)).holders).toEqual({
      lead: 'U0BEN',
      comms: 'U0KIM',
      verifier: 'U0KIM',
      scribe: 'U0KIM',
    });
    // Whoever leads runs it.
    expect(said(await hall.does('U0BEN', call(pauseCommand, { release, reason: '' })))).toBe('release.paused');
  });

  test('20 people take the lead at once: each in turn, one holds it', async () => {
    const release = await hall.begun('plain');
    const clicks = await Promise.all(
      Array.from({ length: 20 }, (_, n) => takes(n % 2 ? 'U0BEN' : 'U0KIM', release, 'lead')),
    );
    const taken = await hall.events(release, 'role.taken');
    expect(taken.length).toBe(1 + clicks.filter(({ ok }) => ok).length);
    for (const [index, event] of taken.entries()) expect(event.from).toBe(taken[index - 1]?.person ?? null);
    expect((await hall.room(release)).release.roomLead).toBe(taken.at(-1)?.person);
  });

  test('only in an open room, by those who are in it', async () => {
    const release = await hall.booked('plain');
    expect(said(await takes('U0ANA', release, 'lead'))).toBe('no_room');
    await hall.starts(release);
    await staff(hall, release);
    expect(said(await takes('U0MIA', release, 'comms'))).toBe('not_in_room');
    expect(said(await takes('U0GUEST', release, 'comms'))).toBe('is_guest');
    expect(said(await takes('U0TOM', release, 'comms'))).toBe('is_deactivated');
    expect(said(await takes('U0BOT', release, 'comms'))).toBe('is_bot');
  });

  test('change hands when the other person says so, with what is in flight', async () => {
    const release = await hall.begun('lined');
    await hall.works('U0BEN', release, '1', 'claim');
    const { offer, inFlight } = await offers('U0ANA', release, 'U0BEN');
    expect(inFlight).toBe('1 Backup (claimed)');
    expect((await hall.room(release)).holders.lead).toBe('U0ANA');
    expect(await answers('U0KIM', release, offer)).toMatchObject({ refusal: { code: 'not_yours', owner: 'U0BEN' } });
    expect(said(await answers('U0BEN', release, offer))).toBe('role.taken');
    expect(await answers('U0BEN', release, offer)).toMatchObject({
      refusal: { code: 'offer_over', state: 'accepted' },
    });
    expect((await hall.room(release)).holders.lead).toBe('U0BEN');
  });

  test('stay where they are when the other person declines; a newer offer takes the place of an older', async () => {
    const release = await hall.begun('plain');
    const first = await offers('U0ANA', release, 'U0BEN');
    const second = await offers('U0ANA', release, 'U0KIM');
    expect(await answers('U0BEN', release, first.offer)).toMatchObject({
      refusal: { code: 'offer_over', state: 'replaced' },
    });
    expect(said(await answers('U0KIM', release, second.offer, false))).toBe('role.declined');
    expect(said(await answers('U0KIM', release, second.offer))).toBe('offer_over');
    expect((await hall.room(release)).holders.lead).toBe('U0ANA');
    expect(said(await answers('U0KIM', release, 'no-such-offer'))).toBe('offer_over');
  });

  test('20 answers to one offer are one', async () => {
    const release = await hall.begun('plain');
    const { offer } = await offers('U0ANA', release, 'U0BEN');
    const clicks = await Promise.all(
      Array.from({ length: 20 }, (_, n) => answers('U0BEN', release, offer, n % 2 === 0)),
    );
    expect(clicks.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('are not offered to guests, bots, strangers, those who left, or oneself', async () => {
    const release = await hall.begun('plain');
    for (const to of ['U0GUEST', 'U0BOT', 'U0EVE', 'U0TOM', 'U0ANA'])
      expect((await offers('U0ANA', release, to)).outcome).toMatchObject({
        refusal: { code: 'offer_unfit', person: to },
      });
  });

  test('five minutes without a lead are said once, and not when somebody leads', async () => {
    const [alone, led] = [await wanted(), await wanted({ units: [{ service: 'other', version: '1' }] })];
    await hall.waits(4);
    await leads('U0LEE', led);
    expect(await hall.events(alone, 'role.missing')).toEqual([]);
    await hall.waits(30);
    expect(await hall.events(alone, 'role.missing')).toEqual([
      { type: 'role.missing', release: alone, role: 'lead', expected: 'U0ANA' },
    ]);
    expect(await hall.events(led, 'role.missing')).toEqual([]);
  });

  test('nobody in the room is ever in the way: without a lead anybody goes on', async () => {
    const release = await hall.booked('lined', { lead: 'U0KIM' });
    await hall.starts(release);
    await staff(hall, release);
    expect(said(await takes('U0BEN', release, 'lead'))).toBe('role.taken');
    for (const step of ['1', '2']) await hall.works('U0BEN', release, step, 'done');
    await hall.works('U0BEN', release, '3', 'done');
    await hall.works('U0KIM', release, '3', 'verify');
    expect(said(await hall.does('U0BEN', call(doneCommand, { release })))).toBe('release.done');
  });
});

/** Before the start the lead is given, by whoever runs the release. */
const leads = async (person: string, release: number) =>
  answers(person, release, (await offers('U0ANA', release, person)).offer);

describe('requester and lead never approve their own', () => {
  test('whoever voted does not take the lead, nor get it, before the start', async () => {
    const release = await wanted();
    await hall.votes('U0BEN', release);
    expect(await takes('U0BEN', release, 'lead')).toMatchObject({ refusal: { code: 'lead_voted', person: 'U0BEN' } });
    expect((await offers('U0ANA', release, 'U0BEN')).outcome).toMatchObject({ refusal: { code: 'lead_voted' } });
    const { offer } = await offers('U0ANA', release, 'U0KIM');
    await hall.votes('U0KIM', release);
    expect((await hall.room(release)).release.state).toBe('approved');
    expect(said(await answers('U0KIM', release, offer))).toBe('lead_voted');
    // Other roles are free to them, and so is the lead once it runs.
    expect(said(await takes('U0BEN', release, 'verifier'))).toBe('role.taken');
    await hall.waits(60);
    await hall.does('U0ANA', call(startCommand, { release }));
    expect(said(await takes('U0BEN', release, 'lead'))).toBe('role.taken');
  });

  test('nobody gives the lead to themselves before the start, nor to others, unless it is theirs to give', async () => {
    const release = await wanted();
    expect(said(await takes('U0LEE', release, 'lead'))).toBe('only_runners');
    expect((await offers('U0LEE', release, 'U0KIM')).outcome).toMatchObject({ refusal: { code: 'only_runners' } });
    expect(said(await takes('U0RAE', release, 'lead'))).toBe('role.taken');
  });

  test('whoever only stepped aside may lead', async () => {
    const release = await wanted();
    await hall.votes('U0BEN', release, { choice: 'recuse' });
    expect(said(await leads('U0BEN', release))).toBe('role.taken');
  });

  test('whoever leads the room does not vote, neither for themselves nor for somebody else', async () => {
    const release = await wanted();
    await leads('U0KIM', release);
    expect(await hall.votes('U0KIM', release)).toMatchObject({ refusal: { code: 'own_release', role: 'lead' } });
    const delegates = call(delegateCommand, { release, to: 'U0KIM' });
    expect(await hall.does('U0BEN', delegates)).toMatchObject({ refusal: { code: 'delegate_unfit', person: 'U0KIM' } });
    // Both who asked for it and who was booked to lead it still do not.
    expect(said(await hall.votes('U0ANA', release))).toBe('own_release');
  });

  test('a vote that was handed on makes its owner no lead', async () => {
    const release = await wanted();
    await hall.does('U0BEN', call(delegateCommand, { release, to: 'U0LEE' }));
    await hall.votes('U0LEE', release);
    expect(said(await takes('U0BEN', release, 'lead'))).toBe('lead_voted');
  });

  test('whoever leads the room does not tick the condition of an approval', async () => {
    const release = await wanted();
    await hall.votes('U0BEN', release, { choice: 'condition', comment: 'watch the queue' });
    await leads('U0LEE', release);
    const ticks = (person: string) =>
      hall.does(person, call(tickCommand, { release, criterion: 'condition:SRE:U0BEN', evidence: '', tick: true }));
    expect(said(await ticks('U0LEE'))).toBe('not_your_tick');
    expect(said(await ticks('U0BEN'))).toBe('criterion.ticked');
  });

  test('whoever leads the room sets no rule aside, neither as the first nor as the second person, nor by leading later', async () => {
    const release = await wanted();
    const proposes = (person: string, second: string) =>
      hall.does(person, call(overrideCommand, { release, rule: 'gate:SRE', reason: 'both are on a call', second }));
    await takes('U0RAE', release, 'lead');
    expect(await proposes('U0RAE', 'U0LEE')).toMatchObject({ refusal: { code: 'own_override', role: 'lead' } });
    await leads('U0LEE', release);
    expect(said(await proposes('U0RAE', 'U0LEE'))).toBe('second_unfit');
    const outcome = await proposes('U0RAE', 'U0BEN');
    const [event] = outcome.ok ? outcome.events.map(({ body }) => body) : [];
    if (event?.type !== 'override.proposed') throw new Error('nothing was proposed');
    const accepts = call(answerOverrideCommand, { release, override: event.override, accept: true });
    await leads('U0BEN', release);
    expect(said(await hall.does('U0BEN', accepts))).toBe('second_unfit');
    await leads('U0LEE', release);
    expect(said(await hall.does('U0BEN', accepts))).toBe('override.granted');
    expect(said(await takes('U0BEN', release, 'lead'))).toBe('lead_voted');
  });
});

describe('status', () => {
  const posts = (
    person: string,
    release: number,
    text: string,
    health: 'on_track' | 'at_risk' | 'delayed' = 'on_track',
  ) => hall.does(person, call(statusCommand, { release, health, text }));

  test('is asked for as often as the runbook says: of comms, else of the lead, else of whoever was booked', async () => {
    const release = await hall.booked('lined', { lead: 'U0KIM' });
    await hall.starts(release);
    await hall.waits(19);
    expect(await hall.events(release, 'status.asked')).toEqual([]);
    await hall.waits(2);
    await takes('U0BEN', release, 'lead');
    await hall.waits(20);
    await takes('U0LEE', release, 'comms');
    await hall.waits(20);
    expect((await hall.events(release, 'status.asked')).map(({ of }) => of)).toEqual(['U0KIM', 'U0BEN', 'U0LEE']);
  });

  test('is asked for, too, when the start opened the room', async () => {
    const release = await hall.booked('lined');
    sleeps(11);
    await hall.does('U0ANA', call(startCommand, { release }));
    await hall.waits(21);
    expect(await hall.events(release, 'status.asked')).toHaveLength(1);
  });

  test('is asked for once a day when nobody ends what is long over', async () => {
    const release = await hall.begun('lined');
    await hall.jumps(24 * 60);
    const before = (await hall.events(release, 'status.asked')).length;
    await hall.waits(3 * 24 * 60);
    expect((await hall.events(release, 'status.asked')).length - before).toBe(3);
    await hall.does('U0ANA', call(rollbackCommand, { release, reason: 'left behind' }));
  });

  test('is not asked for right after somebody said how it goes, nor once it is over', async () => {
    const release = await hall.begun('lined');
    await hall.waits(15);
    expect(said(await posts('U0BEN', release, ' half of it ', 'delayed'))).toBe('status.posted');
    await hall.waits(19);
    expect(await hall.events(release, 'status.asked')).toEqual([]);
    await hall.waits(2);
    expect(await hall.events(release, 'status.asked')).toHaveLength(1);
    for (const step of ['1', '2', '3']) await hall.works('U0ANA', release, step, 'skip', { note: 'known' });
    await hall.does('U0ANA', call(doneCommand, { release }));
    await hall.waits(120);
    expect(await hall.events(release, 'status.asked')).toHaveLength(1);
    expect(await hall.events(release, 'status.posted')).toMatchObject([{ text: 'half of it', health: 'delayed' }]);
  });

  test('needs a sentence, and a place in the room', async () => {
    const release = await hall.begun('plain');
    await staff(hall, release);
    expect(said(await posts('U0BEN', release, ' '))).toBe('empty_note');
    expect(said(await posts('U0MIA', release, 'fine'))).toBe('not_in_room');
  });
});

describe('who gets it, and what a canary says', () => {
  test('runners record who gets it, with who and when', async () => {
    const release = await hall.begun('plain');
    const exposes = (person: string) => hall.does(person, call(exposeCommand, { release, label: ' dark ', note: '' }));
    expect(said(await exposes('U0BEN'))).toBe('only_runners');
    expect(said(await exposes('U0ANA'))).toBe('exposure.set');
    const { rows } = await hall.db.pool.query('SELECT label, person, at FROM exposure WHERE release = $1', [release]);
    expect(rows).toEqual([{ label: 'dark', person: 'U0ANA', at: hall.clock.now }]);
    const waiting = await hall.booked('other');
    expect(said(await hall.does('U0ANA', call(exposeCommand, { release: waiting, label: 'dark', note: '' })))).toBe(
      'wrong_state',
    );
  });

  test('a bad verdict is advice: it stops nothing', async () => {
    const release = await hall.begun('soaked');
    await hall.works('U0BEN', release, '1', 'start');
    const around = (middle: number) => Array.from({ length: 40 }, (_, n) => middle + (n % 5));
    const samples = { metric: 'latency', direction: 'increase' as const, baseline: around(100), canary: around(300) };
    expect(await itself(call(sampleCommand, { release, samples, tolerance: null, reference: null }))).toMatchObject({
      events: [{ body: { type: 'canary.judged', verdict: 'high', shift: 200 } }],
    });
    await hall.waits(21);
    expect(said(await hall.works('U0BEN', release, '1', 'done'))).toBe('step.done');
  });
});

describe('messages that are kept', () => {
  const ts = '1795419000.000200';
  const message = (release: number, change: Partial<CaptureInput> = {}): Call =>
    call(captureCommand, {
      release,
      source: 'pin',
      channel: 'C0ROOM',
      ts,
      author: 'U0KIM',
      text: 'queue is empty',
      permalink: 'https://slack.example/p1',
      ...change,
    });
  const revises = (release: number, text: string | null) =>
    itself(call(reviseCommand, { release, channel: 'C0ROOM', ts, text }));

  test('once, however often and by whatever they are pointed at', async () => {
    const release = await hall.begun('plain');
    const all = await Promise.all(
      (['pin', 'emoji', 'shortcut', 'pin'] as const).map((source) => hall.does('U0BEN', message(release, { source }))),
    );
    expect(all.map(said).sort()).toEqual(['message.captured', 'nothing', 'nothing', 'nothing']);
    const { rows } = await hall.db.pool.query('SELECT author, captured_by, said_at FROM captured WHERE release = $1', [
      release,
    ]);
    expect(rows).toEqual([{ author: 'U0KIM', captured_by: 'U0BEN', said_at: new Date('2026-11-23T07:30:00.000Z') }]);
    expect(said(await hall.does('U0BEN', message(release, { channel: 'C0OTHER' })))).toBe('message.captured');
  });

  test('what they say later is kept beside what they said first; deleted, they stay in the record', async () => {
    const release = await hall.begun('plain');
    expect(said(await revises(release, 'nobody kept it'))).toBe('nothing');
    await hall.does('U0BEN', message(release));
    expect([said(await revises(release, 'queue is empty')), said(await revises(release, 'queue is full'))]).toEqual([
      'nothing',
      'message.edited',
    ]);
    expect([
      said(await revises(release, null)),
      said(await revises(release, null)),
      said(await revises(release, 'again')),
    ]).toEqual(['message.deleted', 'nothing', 'nothing']);
    const { rows } = await hall.db.pool.query('SELECT text, edits, deleted_at FROM captured WHERE release = $1', [
      release,
    ]);
    expect(rows).toMatchObject([
      { text: 'queue is full', edits: [{ text: 'queue is empty' }], deleted_at: hall.clock.now },
    ]);
  });
});

test('whatever happened here, replaying the log gives the same tables', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(200);
});
