import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { addSubscriptionCommand, muteCommand } from '../../src/commands/subscription.ts';
import { usualTopics } from '../../src/domain/follow.ts';
import { Scope } from '../../src/domain/scope.ts';
import { rehearse } from '../../src/run.ts';
import { followersOf, listSubscriptions, silenceOf } from '../../src/store/follow.ts';
import { permit, releaseHeld } from '../../src/store/notification.ts';
import { loadEvent } from '../../src/store/read.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';

let hall: Hall;
beforeAll(async () => {
  hall = await openHall();
});
afterAll(() => hall?.close());

const follow = (person: string, target: string, scope: Partial<Scope>, topics = [...usualTopics]) =>
  hall.does(person, call(addSubscriptionCommand, { target, scope: Scope.parse(scope), topics }));
/** Whom the newest event of a type is told to. */
const told = async (type: string) => {
  const { rows } = await hall.db.pool.query('SELECT id FROM event WHERE type = $1 ORDER BY seq DESC LIMIT 1', [type]);
  const found = await followersOf(hall.db, workspace, await loadEvent(hall.db, rows[0].id));
  return found.map(({ target, keys }) => `${target} ${keys.join('|')}`);
};

test('a line says what to follow: a scope is needed, events are named, everything takes a release manager', async () => {
  const says = (line: string, person = 'U0ANA') => hall.says(person, line);
  expect(await says('subscribe svc:payments')).toBe('subscription.added');
  expect(await says('subscribe team:search started finished rolled_back')).toBe('subscription.added');
  expect(await says('subscribe me tag:pci')).toBe('unknown_scope');
  expect(await says('subscribe svc:paymnts')).toBe('unknown_scope');
  expect(await says('subscribe')).toBe('usage missing');
  expect(await says('subscribe started')).toBe('usage missing');
  expect(await says('subscribe svc:payments all')).toBe('usage missing');
  expect(await says('subscribe svc:payments shipped')).toBe('usage bad_option');
  expect(await says('subscribe svc:payments colour:red')).toBe('usage unexpected');
  expect(await says('subscribe all')).toBe('only_managers');
  expect(await says('subscribe me all', 'U0RAE')).toBe('subscription.added');
  expect(await says('subscribe svc:payments', 'U0GUEST1')).toBe('is_guest');
  expect(await says('subscriptions')).toBe('answer');
  expect(await says('subscriptions sing')).toBe('usage unexpected');
  const { subscriptions } = await listSubscriptions(hall.db, workspace, 'C0RELEASES');
  expect(subscriptions.map(({ key, topics, by }) => [key, topics, by])).toEqual([
    ['svc:payments', usualTopics, 'U0ANA'],
    ['team:search', ['started', 'finished', 'rolled_back'], 'U0ANA'],
  ]);
  // The same scope again replaces its events.
  expect(await says('subscribe svc:payments votes')).toBe('subscription.added');
  const [again] = (await listSubscriptions(hall.db, workspace, 'C0RELEASES')).subscriptions;
  expect(again?.topics).toEqual(['votes']);
  expect(await says('unsubscribe svc:payments')).toBe('subscription.removed');
  expect(await says('unsubscribe svc:payments')).toBe('not_subscribed');
  expect(await says('unsubscribe')).toBe('usage missing');
  expect(await says('unsubscribe all')).toBe('subscription.removed');
  expect(await says('unsubscribe me all', 'U0RAE')).toBe('subscription.removed');
  const others = await follow('U0ANA', 'U0BEN', { services: ['payments'] });
  expect(others.ok ? 'accepted' : others.refusal.code).toBe('not_yours');
});

test('is told where the card is not, to everybody whose scope it is in, and not to whoever asked or did it', async () => {
  await follow('U0ANA', 'C0PAYMENTS', { services: ['payments'] });
  await follow('U0ANA', 'C0PAYMENTS', { teams: ['payments'] });
  await follow('U0SAM', 'C0SEARCH', { teams: ['search'] });
  await follow('U0SAM', 'C0STAGING', { environments: ['staging'] });
  await follow('U0RAE', 'C0RELEASES', {});
  await follow('U0RAJ', 'U0RAJ', { services: ['payments'] });
  await follow('U0ANA', 'U0ANA', { services: ['payments'] });
  await follow('U0KIM', 'C0VOTES', { services: ['payments'] }, ['votes']);
  const booked = await hall.books('U0ANA', { startsAt: '2026-11-24T13:00:00.000Z' });
  expect(booked.ok).toBe(true);
  // Its card is in #releases.
  expect(await told('release.requested')).toEqual(['C0PAYMENTS svc:payments|team:payments', 'U0RAJ svc:payments']);
  const { rows } = await hall.db.pool.query('SELECT number FROM release ORDER BY number DESC LIMIT 1');
  await hall.votes('U0BEN', rows[0].number);
  expect(await told('vote.cast')).toEqual(['C0VOTES svc:payments']);
  await hall.votes('U0KIM', rows[0].number);
  expect(await told('release.approved')).toEqual(['C0PAYMENTS svc:payments|team:payments', 'U0RAJ svc:payments']);
  await hall.books('U0SAM', { units: [{ service: 'web', version: '88' }], environment: 'staging' });
  expect(await told('release.requested')).toEqual(['C0SEARCH team:search', 'C0STAGING env:staging']);
  await hall.says(
    'U0RAE',
    'freeze add "Black Friday" 2026-11-26 00:00 to 2026-11-28 00:00 env:production svc:payments --yes',
  );
  expect(await told('freeze.added')).toEqual([
    'C0PAYMENTS svc:payments|team:payments',
    'U0ANA svc:payments',
    'U0RAJ svc:payments',
  ]);
});

test('the number before a firehose is the number of messages it would have been', async () => {
  const { command, input } = call(addSubscriptionCommand, {
    target: 'C0FIRE',
    scope: Scope.parse({}),
    topics: [...usualTopics],
  });
  const rehearsed = await rehearse(hall.ctx, command, input, { workspace, actor: { kind: 'person', id: 'U0RAE' } });
  const [event] = rehearsed.ok ? rehearsed.events : [];
  const { rows } = await hall.db.pool.query('SELECT id FROM event');
  await follow('U0RAE', 'C0FIRE', {});
  let real = 0;
  for (const { id } of rows) {
    const found = await followersOf(hall.db, workspace, await loadEvent(hall.db, id));
    if (found.some(({ target }) => target === 'C0FIRE')) real++;
  }
  expect(real).toBeGreaterThan(4);
  expect(event).toMatchObject({ type: 'subscription.added', key: 'all', lately: real });
  // What is older than a week does not count.
  hall.clock.now = new Date('2026-12-10T08:00:00Z');
  const later = await rehearse(hall.ctx, command, input, { workspace, actor: { kind: 'person', id: 'U0RAE' } });
  expect(later.ok && later.events[0]).toMatchObject({ lately: 0 });
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
});

test('mute, snooze, quiet hours: what is dropped, what waits, and what the ledger says', async () => {
  const says = (line: string) => hall.says('U0ANA', line);
  const silence = () => silenceOf(hall.db, workspace, 'C0RELEASES', hall.clock.now);
  expect(await says('subscriptions mute until friday 9:00')).toBe('subscriber.muted');
  expect((await silence()).muted).toBe(true);
  hall.clock.now = new Date('2026-11-27T08:00:00Z');
  expect((await silence()).muted).toBe(false);
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
  expect(await says('subscriptions mute')).toBe('subscriber.muted');
  expect((await silence()).muted).toBe(true);
  expect(await says('subscriptions unmute')).toBe('subscriber.unmuted');
  expect(await says('subscriptions unmute')).toBe('nothing');
  expect(await says('subscriptions mute until yesterday 9:00')).toBe('usage time');
  expect(await says('subscriptions quiet 18:00-08:00 Europe/Berlin')).toBe('subscriber.quieted');
  expect(await says('subscriptions quiet 18:00')).toBe('usage missing');
  expect(await says('subscriptions quiet 18:00-08:00 Berlin')).toBe('usage unexpected');
  expect(await says('subscriptions quiet 08:00-08:00')).toBe('never_happens');
  // Monday is the next one, nine o'clock, wherever in the week it is asked.
  for (const [now, monday] of [
    ['2026-11-23T07:59:00Z', '2026-11-23T08:00:00.000Z'],
    ['2026-11-23T08:00:00Z', '2026-11-30T08:00:00.000Z'],
    ['2026-11-29T22:00:00Z', '2026-11-30T08:00:00.000Z'],
  ] as const) {
    hall.clock.now = new Date(now);
    const muted = await hall.does('U0ANA', call(muteCommand, { target: 'C0MONDAY', until: 'monday' }));
    expect(muted.ok && muted.events[0]?.body).toMatchObject({ until: monday });
  }

  const push = {
    audience: 'follower',
    person: null,
    channel: 'C0RELEASES',
    release: 1,
    why: 'subscription · svc:x',
    must: false,
  } as const;
  const evening = new Date('2026-11-23T20:00:00Z');
  hall.clock.now = evening;
  const { quietUntil } = await silence();
  expect(quietUntil?.toISOString()).toBe('2026-11-24T07:00:00.000Z');
  const asked = { now: evening, day: evening, snoozedUntil: quietUntil, dm: 'all' } as const;
  expect(await permit(hall.db, workspace, 'followed:REL-1:C0RELEASES', push, asked)).toBe('hold');
  expect(await releaseHeld(hall.db, new Date('2026-11-24T06:59:00Z'))).toBe(0);
  expect(await releaseHeld(hall.db, new Date('2026-11-24T07:00:00Z'))).toBe(1);
  expect(
    await permit(hall.db, workspace, 'followed:REL-1:C0RELEASES', push, { ...asked, snoozedUntil: undefined }),
  ).toBe('send');
  // What a mute kept back may be said when something else happens after it.
  const muted = { ...asked, snoozedUntil: undefined, muted: true };
  expect(await permit(hall.db, workspace, 'followed:REL-2:C0RELEASES', push, muted)).toBe('drop');
  expect(await permit(hall.db, workspace, 'followed:REL-2:C0RELEASES', push, { ...muted, muted: false })).toBe('send');
  // Once sent, it stays sent.
  expect(await permit(hall.db, workspace, 'followed:REL-2:C0RELEASES', push, muted)).toBe('send');
  const { rows } = await hall.db.pool.query(
    "SELECT surface, state, why FROM notification WHERE surface LIKE 'followed:%' ORDER BY surface",
  );
  expect(rows).toEqual([
    { surface: 'followed:REL-1:C0RELEASES', state: 'sent', why: 'subscription · svc:x' },
    { surface: 'followed:REL-2:C0RELEASES', state: 'sent', why: 'subscription · svc:x' },
  ]);
});

test('replaying the log rebuilds what is followed', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(20);
});

test('a change of content is told only when its risk has another band', async () => {
  await follow('U0KIM', 'C0RISK', { services: ['ledger'] }, ['risk']);
  await hall.books('U0ANA', { units: [{ service: 'ledger', version: '7' }], startsAt: '2026-11-25T13:00:00.000Z' });
  const [{ number }] = (await hall.db.pool.query('SELECT max(number) AS number FROM release')).rows;
  const changed = (id: string, band: string) =>
    hall.db.pool.query(
      `INSERT INTO event (id, workspace, type, at, actor, command, release, body)
       SELECT $1, workspace, 'release.changed', at, actor, $1, release, jsonb_build_object('risk', jsonb_build_object('band', $3::text))
       FROM event WHERE type = 'release.requested' AND release = $2`,
      [id, number, band],
    );
  const [{ band }] = (
    await hall.db.pool.query(
      "SELECT body -> 'risk' ->> 'band' AS band FROM event WHERE type = 'release.requested' AND release = $1",
      [number],
    )
  ).rows;
  await changed('same', band);
  await changed('other', band === 'high' ? 'low' : 'high');
  const base = { workspace, at: hall.clock.now, actor: { kind: 'system' as const }, command: 'x' };
  const of = async (id: string, to: string) => {
    const body = { type: 'release.changed', release: number, risk: { band: to } } as never;
    return (await followersOf(hall.db, workspace, { ...base, id, body })).map(({ target }) => target);
  };
  expect(await of('same', band)).toEqual([]);
  expect(await of('other', band === 'high' ? 'low' : 'high')).toEqual(['C0RISK']);
});
