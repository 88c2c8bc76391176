import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Call, call } from '../../src/commands/command.ts';
import { tickCommand } from '../../src/commands/criterion.ts';
import { doneCommand, failCommand, pauseCommand, rollbackCommand, verifyCommand } from '../../src/commands/deploy.ts';
import { incidentCommand } from '../../src/commands/incident.ts';
import { actionDoneCommand, addActionCommand, pirCommand } from '../../src/commands/pir.ts';
import {
  answerOfferCommand,
  closeErrorCommand,
  keepRoomCommand,
  knownErrorCommand,
  offerRoleCommand,
  openRoomCommand,
  watchCommand,
} from '../../src/commands/room.ts';
import { ReviewInput } from '../../src/domain/pir.ts';
import { expectReplayed } from '../support/replay.ts';
import { openRoomHall, type RoomHall, said, staff } from '../support/room.ts';

let hall: RoomHall;
beforeAll(async () => {
  hall = await openRoomHall();
});
// Nothing of one test is still going on in the next.
beforeEach(() => hall.jumps(24 * 60));
afterAll(() => hall?.close());

const day = 24 * 60;
const does = (person: string, what: Call) => hall.does(person, what);
const rollsBack = (person: string, release: number, reason = 'too slow') =>
  does(person, call(rollbackCommand, { release, reason }));
const reviews = (person: string, release: number, more: Partial<ReviewInput> = {}) =>
  does(person, call(pirCommand, ReviewInput.parse({ release, outcome: 'as_planned', text: '', ...more })));
const state = async (release: number) => (await hall.room(release)).release.state;
const after = (minutes: number) => new Date(hall.clock.now.getTime() + minutes * 60_000).toISOString();
/** A release that is done. */
const ended = async (service = 'plain', change = {}) => {
  const release = await hall.begun(service, change);
  expect(said(await does('U0ANA', call(doneCommand, { release })))).toBe('release.done');
  await hall.waits(0.1);
  return release;
};

describe('a rollback', () => {
  test.each<[string, ((release: number) => Call)[]]>([
    ['deploying', []],
    ['paused', [(release) => call(pauseCommand, { release, reason: '' })]],
    ['verifying', [(release) => call(verifyCommand, { release })]],
    ['done', [(release) => call(doneCommand, { release })]],
    ['failed', [(release) => call(failCommand, { release, reason: 'broken' })]],
  ])('of a release that is %s is up to any full member', async (name, before) => {
    const release = await hall.begun('plain');
    for (const what of before) await does('U0ANA', what(release));
    expect(await state(release)).toBe(name);
    await staff(hall, release);
    for (const person of ['U0GUEST', 'U0EVE', 'U0BOT', 'U0TOM'])
      expect((await rollsBack(person, release)).ok).toBe(false);
    // zoe is not in the room, and holds no role.
    expect(await rollsBack('U0ZOE', release, '')).toMatchObject({
      events: [{ body: { type: 'release.rolled_back', reason: 'no reason given', lead: null, managers: ['U0RAE'] } }],
    });
    expect(said(await rollsBack('U0ZOE', release))).toBe('wrong_state');
    await hall.waits(0.1);
    expect((await hall.steps(release)).filter((line) => line.startsWith('R'))).toHaveLength(3);
  });

  test('20 people roll back at once: one event', async () => {
    const release = await hall.begun('plain');
    const clicks = await Promise.all(Array.from({ length: 20 }, (_, n) => rollsBack(`U0P${n}`, release)));
    expect(clicks.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('goes back to what was done last there, by name', async () => {
    await ended('plain', { units: [{ service: 'plain', version: '1.9.0' }] });
    await hall.waits(60);
    const release = await hall.begun('plain', { units: [{ service: 'plain', version: '2.0.0' }] });
    await rollsBack('U0BEN', release);
    await hall.waits(0.1);
    expect((await hall.room(release)).steps[0]?.title).toBe('plain runs 1.9.0 again');
  });

  test('has nothing to take back once a later release replaced it; that one goes back to it', async () => {
    const early = await ended('plain', { units: [{ service: 'plain', version: '7.0.0' }] });
    await hall.waits(60);
    const late = await ended('plain', { units: [{ service: 'plain', version: '7.2.0' }] });
    expect(await rollsBack('U0BEN', early)).toMatchObject({
      refusal: { code: 'replaced', by: [{ service: 'plain', version: '7.2.0', release: late }] },
    });
    // Another environment's is another matter, and so is one of several services.
    await hall.waits(60);
    const both = await ended('plain', {
      units: [
        { service: 'plain', version: '7.3.0' },
        { service: 'other', version: '1' },
      ],
    });
    await hall.waits(60);
    await ended('plain', { units: [{ service: 'plain', version: '7.4.0' }] });
    expect((await hall.room(both)).before).toMatchObject([
      { service: 'plain', version: '7.2.0' },
      { service: 'other' },
    ]);
    expect(said(await rollsBack('U0BEN', both))).toBe('release.rolled_back');
  });

  test('keeps its slot until people have back what they had', async () => {
    const release = await hall.begun('plain');
    await rollsBack('U0BEN', release);
    await hall.waits(0.1);
    const other = () =>
      hall.books('U0KIM', {
        units: [{ service: 'plain', version: '3' }],
        environment: 'staging',
        startsAt: after(5),
        minutes: 15,
      });
    expect(said(await other())).toBe('conflict');
    for (const step of ['R1', 'R2', 'R3']) await hall.works('U0BEN', release, step, 'done');
    await hall.works('U0KIM', release, 'R3', 'verify');
    expect(said(await other())).toMatch(/^release.requested/);
  });

  test('of something that has not begun there is none', async () => {
    const release = await hall.booked('plain');
    expect(said(await rollsBack('U0ANA', release))).toBe('wrong_state');
  });

  test('a failure needs a reason, and one of those who run it', async () => {
    const release = await hall.begun('plain');
    const fails = (person: string, reason: string) => does(person, call(failCommand, { release, reason }));
    expect(said(await fails('U0BEN', 'broken'))).toBe('only_runners');
    expect(said(await fails('U0ANA', ' '))).toBe('reason_needed');
    expect(said(await fails('U0ANA', 'broken'))).toBe('release.failed');
    expect(said(await fails('U0ANA', 'broken'))).toBe('wrong_state');
  });
});

describe('the watch', () => {
  const ticks = async (release: number) => {
    const [one] = (await hall.room(release)).criteria.filter(({ kind }) => kind === 'handover');
    return does('U0ANA', call(tickCommand, { release, criterion: String(one?.key), evidence: '', tick: true }));
  };
  const incident = (person: string, release: number, key: string, close = false, note = '') =>
    does(person, call(incidentCommand, { release, key, note, close }));

  test('begins when the release is done, and ends when everything it was for holds', async () => {
    const until = after(10.1 + 0.1 + 60 + 0.2);
    const release = await ended('watched');
    const [begun] = await hall.events(release, 'watch.started');
    expect(begun).toMatchObject({ exit: ['Dashboards are handed over'] });
    expect(Math.abs(Date.parse(String(begun?.until)) - Date.parse(until))).toBeLessThan(60_000);
    expect(said(await ticks(release))).toBe('criterion.ticked');
    await hall.waits(58);
    expect(await hall.events(release, 'watch.ended')).toEqual([]);
    await hall.waits(3);
    expect(await hall.events(release, 'watch.ended', 'watch.held')).toMatchObject([
      { type: 'watch.ended', handedTo: null },
    ]);
  });

  test('is held a day at a time while something is open, and says what', async () => {
    const release = await ended('watched');
    expect(said(await incident('U0ZOE', release, ' INC-77 ', false, 'checkout is slow'))).toBe('incident.linked');
    await hall.waits(61);
    expect(await hall.events(release, 'watch.held')).toMatchObject([
      { open: ['Dashboards are handed over', 'incident INC-77'], lead: 'U0ANA' },
    ]);
    await ticks(release);
    await hall.waits(day);
    expect((await hall.events(release, 'watch.held')).at(-1)).toMatchObject({ open: ['incident INC-77'] });
    expect(said(await incident('U0BEN', release, 'inc-77', true))).toBe('incident.closed');
    await hall.waits(day);
    expect(await hall.events(release, 'watch.ended')).toHaveLength(1);
  });

  test('an incident is linked once, closed once, and only with what has begun', async () => {
    const release = await ended();
    expect(said(await incident('U0BEN', release, ' '))).toBe('empty_note');
    expect(said(await incident('U0BEN', release, 'INC-1', true))).toBe('unknown_incident');
    const both = await Promise.all([incident('U0BEN', release, 'INC-1'), incident('U0KIM', release, 'inc-1')]);
    expect(both.map(said).sort()).toEqual(['incident.linked', 'incident_linked']);
    expect(said(await incident('U0BEN', release, 'INC-1', true))).toBe('incident.closed');
    expect(await incident('U0BEN', release, 'INC-1', true)).toMatchObject({
      refusal: { code: 'unknown_incident', known: [] },
    });
    const booked = await hall.booked('other');
    expect(said(await incident('U0BEN', booked, 'INC-1'))).toBe('wrong_state');
  });

  test('somebody may wish for one, or for a longer one; a rollback ends it', async () => {
    const release = await ended();
    const watches = (person: string, minutes: number) => does(person, call(watchCommand, { release, minutes }));
    expect(said(await watches('U0BEN', 60))).toBe('only_runners');
    expect(said(await watches('U0ANA', 60))).toBe('watch.started');
    expect(said(await watches('U0ANA', 120))).toBe('watch.started');
    await hall.waits(61);
    expect(await hall.events(release, 'watch.ended')).toEqual([]);
    await rollsBack('U0BEN', release);
    await hall.waits(120);
    expect(await hall.events(release, 'watch.ended', 'watch.held')).toEqual([]);
    expect(said(await watches('U0ANA', 60))).toBe('wrong_state');
  });

  const hands = async (person: string, release: number, to: string, note = 'dashboards are linked') => {
    const outcome = await does(person, call(offerRoleCommand, { release, role: 'operations', to, note }));
    const [event] = outcome.ok ? outcome.events.map(({ body }) => body) : [];
    return { outcome, offer: event?.type === 'role.offered' ? event.offer : '' };
  };
  const accepts = (person: string, release: number, offer: string) =>
    does(person, call(answerOfferCommand, { release, offer, accept: true }));

  test('is handed over with a note to a named person, who says yes', async () => {
    const release = await ended('watched');
    expect(said((await hands('U0BEN', release, 'U0LEE')).outcome)).toBe('only_runners');
    expect(said((await hands('U0ANA', release, 'U0LEE', ' ')).outcome)).toBe('reason_needed');
    expect(said((await hands('U0ANA', release, 'U0GUEST')).outcome)).toBe('offer_unfit');
    const { offer } = await hands('U0ANA', release, 'U0LEE');
    expect(said(await accepts('U0KIM', release, offer))).toBe('not_yours');
    expect((await hall.room(release)).release.watchEndedAt).toBeUndefined();
    expect(said(await accepts('U0LEE', release, offer))).toBe('role.taken watch.ended');
    expect((await hall.events(release, 'watch.ended')).at(-1)).toMatchObject({ handedTo: 'U0LEE' });
    expect((await hall.room(release)).holders.operations).toBe('U0LEE');
    await hall.waits(120);
    expect(await hall.events(release, 'watch.ended', 'watch.held')).toHaveLength(1);
  });

  test('nothing is handed over that is not done, or not done any more', async () => {
    const running = await hall.begun('other');
    expect(said((await hands('U0ANA', running, 'U0LEE')).outcome)).toBe('wrong_state');
    const release = await ended('watched');
    const { offer } = await hands('U0ANA', release, 'U0LEE');
    await rollsBack('U0BEN', release);
    expect(said(await accepts('U0LEE', release, offer))).toBe('offer_over');
    expect(await hall.events(release, 'watch.ended')).toEqual([]);
  });
});

describe('known errors', () => {
  test('ship with a workaround, under a name of their own, and are fixed once', async () => {
    const release = await hall.begun('plain');
    const knows = (title: string, workaround: string) =>
      does('U0ZOE', call(knownErrorCommand, { release, title, workaround }));
    const fixes = (key: string) => does('U0BEN', call(closeErrorCommand, { release, key }));
    expect(said(await knows(' ', 'reload'))).toBe('empty_note');
    expect(said(await knows('totals are rounded', ' '))).toBe('workaround_needed');
    const both = await Promise.all([knows('totals are rounded', 'reload'), knows('icon is old', 'none needed')]);
    expect(both.map(said)).toEqual(['error.known', 'error.known']);
    expect((await hall.events(release, 'error.known')).map(({ key, services }) => [key, services])).toEqual([
      [`KE-${release}-1`, ['plain']],
      [`KE-${release}-2`, ['plain']],
    ]);
    expect([
      said(await fixes(`ke-${release}-1`)),
      said(await fixes(`KE-${release}-1`)),
      said(await fixes('KE-9-9')),
    ]).toEqual(['error.fixed', 'unknown_error', 'unknown_error']);
  });
});

describe('the review', () => {
  test('is asked for a day after the end, and missed once, two days later', async () => {
    const release = await ended();
    await hall.waits(day - 5);
    expect(await hall.events(release, 'review.asked')).toEqual([]);
    await hall.waits(6);
    expect(await hall.events(release, 'review.asked')).toHaveLength(1);
    await hall.waits(2 * day - 10);
    expect(await hall.events(release, 'review.overdue')).toEqual([]);
    await hall.waits(5 * day);
    expect(await hall.events(release, 'review.overdue')).toEqual([
      { type: 'review.overdue', release, owner: 'U0ANA', managers: [] },
    ]);
    expect(await hall.events(release, 'review.asked')).toHaveLength(1);
  });

  test('one click is enough for what went as planned, and 20 are one', async () => {
    const release = await ended();
    const clicks = await Promise.all(Array.from({ length: 20 }, () => reviews('U0ANA', release)));
    expect(clicks.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await reviews('U0ANA', release)).toMatchObject({
      refusal: { code: 'reviewed', at: hall.clock.now.toISOString() },
    });
    await hall.waits(4 * day);
    expect(await hall.events(release, 'review.asked', 'review.overdue')).toEqual([]);
  });

  test('what failed did not go as planned; everything else needs a word; only runners write it', async () => {
    const release = await hall.begun('plain');
    expect(said(await reviews('U0ANA', release))).toBe('wrong_state');
    await does('U0ANA', call(failCommand, { release, reason: 'broken' }));
    expect(said(await reviews('U0ANA', release))).toBe('not_as_planned');
    expect(said(await reviews('U0ANA', release, { outcome: 'failed', text: ' ' }))).toBe('reason_needed');
    expect(said(await reviews('U0BEN', release, { outcome: 'failed', text: 'disk full' }))).toBe('only_runners');
    expect(said(await reviews('U0RAE', release, { outcome: 'failed', text: 'disk full' }))).toBe('release.reviewed');
  });

  test('of what is rolled back after its review there is another', async () => {
    const release = await ended();
    await reviews('U0ANA', release, { actions: [{ text: 'Tell sales', owner: 'U0KIM', due: '2027-03-01' }] });
    await hall.waits(day);
    await rollsBack('U0BEN', release);
    await hall.waits(day + 1);
    expect(await hall.events(release, 'review.asked')).toHaveLength(1);
    expect(said(await reviews('U0ANA', release))).toBe('not_as_planned');
    const again = {
      outcome: 'failed' as const,
      text: 'leaked',
      actions: [{ text: 'Alert', owner: 'U0BEN', due: '2027-03-02' }],
    };
    expect(said(await reviews('U0ANA', release, again))).toBe('release.reviewed');
    expect((await hall.room(release)).actions.map(({ key, text }) => `${key} ${text}`)).toEqual([
      `A${release}-1 Tell sales`,
      `A${release}-2 Alert`,
    ]);
  });

  test('is not said to be missed by the clock of an earlier end', async () => {
    const release = await ended();
    await hall.waits(2.5 * day);
    expect(await hall.events(release, 'review.asked')).toHaveLength(1);
    await rollsBack('U0BEN', release);
    await hall.waits(day - 10);
    expect(await hall.events(release, 'review.overdue')).toEqual([]);
    await hall.waits(2 * day + 20);
    expect(await hall.events(release, 'review.overdue')).toHaveLength(1);
  });

  test('after an emergency within the hour, due in a day, and managers hear of a missing one', async () => {
    const release = await ended('plain', {
      changeType: 'emergency',
      environment: 'staging',
      summary: 'stop the leak',
      rollbackPlan: 'put it back',
    });
    await hall.waits(61);
    expect(await hall.events(release, 'review.asked')).toHaveLength(1);
    await hall.waits(day);
    expect(await hall.events(release, 'review.overdue')).toMatchObject([{ managers: ['U0RAE'] }]);
  });
});

describe('what is to be done after it', () => {
  const adds = (release: number, owner: string, due: string, text = 'Alert on the queue') =>
    does('U0BEN', call(addActionCommand, { release, action: { text, owner, due } }));
  const finishes = (person: string, release: number, key: string) =>
    does(person, call(actionDoneCommand, { release, key }));
  const date = (days: number) => new Date(hall.clock.now.getTime() + days * 86_400_000).toISOString().slice(0, 10);

  test('is reminded of in the morning of its day, once, unless it is done', async () => {
    const release = await ended();
    const due = date(3);
    await adds(release, 'U0KIM', due);
    await adds(release, 'U0LEE', due, 'Delete the flag');
    await finishes('U0LEE', release, `a${release}-2`);
    const morning = Date.parse(`${due}T08:00:00Z`) - hall.clock.now.getTime();
    await hall.waits(morning / 60_000 - 1);
    expect(await hall.events(release, 'action.reminded')).toEqual([]);
    await hall.waits(2);
    expect(await hall.events(release, 'action.reminded')).toMatchObject([
      { key: `A${release}-1`, owner: 'U0KIM', due },
    ]);
    await hall.waits(2 * day);
    expect(await hall.events(release, 'action.reminded')).toHaveLength(1);
  });

  test('is done by its owner or by those who run the release, once', async () => {
    const release = await ended();
    await adds(release, 'U0KIM', date(3));
    expect(await finishes('U0BEN', release, `A${release}-1`)).toMatchObject({
      refusal: { code: 'not_yours', owner: 'U0KIM' },
    });
    expect(said(await finishes('U0ANA', release, `A${release}-1`))).toBe('action.done');
    expect(said(await finishes('U0KIM', release, `A${release}-1`))).toBe('unknown_action');
  });

  test('goes to full members, and only after something that has begun', async () => {
    const release = await ended();
    for (const owner of ['U0GUEST', 'U0BOT', 'U0EVE', 'U0TOM'])
      expect(said(await adds(release, owner, date(3)))).toBe('offer_unfit');
    expect(said(await adds(await hall.booked('other'), 'U0KIM', date(3)))).toBe('wrong_state');
  });

  test('written down before the review and in it, each has a name of its own', async () => {
    const release = await ended();
    await adds(release, 'U0KIM', date(3));
    const wishes = ['Delete the flag', 'Tell sales'].map((text) => ({ text, owner: 'U0LEE', due: date(4) }));
    expect(said(await reviews('U0ANA', release, { outcome: 'minor', text: 'slow', actions: wishes }))).toBe(
      'release.reviewed',
    );
    await adds(release, 'U0KIM', date(5));
    expect((await hall.room(release)).actions.map(({ key }) => key)).toEqual(
      [1, 2, 3, 4].map((n) => `A${release}-${n}`),
    );
  });

  test('in a review, too, it goes to full members and has words', async () => {
    const release = await ended();
    const wish = (owner: string, text = 'Tell sales') => ({
      outcome: 'minor' as const,
      text: 'slow',
      actions: [{ text, owner, due: date(4) }],
    });
    for (const owner of ['U0GUEST', 'U0BOT', 'U0EVE', 'U0TOM'])
      expect(said(await reviews('U0ANA', release, wish(owner)))).toBe('offer_unfit');
    expect(said(await reviews('U0ANA', release, wish('U0KIM', '  ')))).toBe('empty_note');
    expect(said(await adds(release, 'U0KIM', date(3), ' '))).toBe('empty_note');
    expect(said(await reviews('U0ANA', release, wish('U0KIM')))).toBe('release.reviewed');
  });
});

describe('the end of a room', () => {
  const reviewed = async () => {
    const release = await hall.begun('plain');
    await staff(hall, release);
    await hall.does('U0ANA', call(doneCommand, { release }));
    await hall.does('U0ANA', call(pirCommand, ReviewInput.parse({ release, outcome: 'as_planned', text: '' })));
    return release;
  };

  test('archived seven days after the review, which is said a day ahead', async () => {
    const release = await reviewed();
    await hall.waits(6 * day - 1);
    expect(await hall.events(release, 'room.archiving')).toEqual([]);
    await hall.waits(2);
    const at = new Date(hall.clock.now.getTime() + day * 60_000 - 60_000).toISOString();
    expect(await hall.events(release, 'room.archiving')).toMatchObject([{ at }]);
    await hall.waits(day - 3);
    expect(await hall.events(release, 'room.archived')).toEqual([]);
    await hall.waits(3);
    expect(await hall.events(release, 'room.archived')).toHaveLength(1);
    expect((await hall.room(release)).release).toMatchObject({ room: 'closed' });
    expect(said(await hall.does('U0ANA', call(keepRoomCommand, { release })))).toBe('room_stays');
  });

  test('an outage shortens no notice', async () => {
    const release = await reviewed();
    await hall.jumps(30 * day);
    expect(await hall.events(release, 'room.archived')).toEqual([]);
    await hall.waits(day - 1);
    expect(await hall.events(release, 'room.archived')).toEqual([]);
    await hall.waits(2);
    expect(await hall.events(release, 'room.archived')).toHaveLength(1);
  });

  test('kept for another week when somebody still needs it', async () => {
    const release = await reviewed();
    expect(said(await hall.does('U0KIM', call(keepRoomCommand, { release })))).toBe('room_stays');
    await hall.waits(6 * day + 60);
    expect(said(await hall.does('U0MIA', call(keepRoomCommand, { release })))).toBe('not_in_room');
    expect(said(await hall.does('U0KIM', call(keepRoomCommand, { release })))).toBe('room.kept');
    await hall.waits(6 * day - 1);
    expect(await hall.events(release, 'room.archiving')).toHaveLength(1);
    await hall.waits(day + 2);
    expect(await hall.events(release, 'room.archived')).toHaveLength(1);
  });

  test('opened again it is archived again, a week later', async () => {
    const release = await reviewed();
    await hall.waits(7 * day + 1);
    expect(said(await hall.does('U0ANA', call(openRoomCommand, { release })))).toBe('room.opened');
    await hall.waits(6 * day - 10);
    expect(await hall.events(release, 'room.archived')).toHaveLength(1);
    await hall.waits(day + 20);
    expect(await hall.events(release, 'room.archived')).toHaveLength(2);
  });

  test('without a review it stays', async () => {
    const release = await hall.begun('plain');
    await staff(hall, release);
    await hall.does('U0ANA', call(doneCommand, { release }));
    await hall.waits(30 * day);
    expect(await hall.events(release, 'room.archiving', 'room.archived')).toEqual([]);
  });
});

test('whatever happened here, replaying the log gives the same tables', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(200);
});
