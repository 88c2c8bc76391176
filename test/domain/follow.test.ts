import { expect, test } from 'vitest';
import type { Ask } from '../../src/domain/decision.ts';
import {
  type DigestFacts,
  type DigestPlan,
  digestSubscribed,
  isNews,
  nextDigest,
  postDigest,
  usualContent,
} from '../../src/domain/digest.ts';
import { follows, lookBack, meets, periodOf, quietUntil, scopeKey } from '../../src/domain/follow.ts';
import { daysWords, readDays } from '../../src/domain/recurrence.ts';
import { Scope } from '../../src/domain/scope.ts';

const scope = (part: Partial<Scope>) => Scope.parse(part);
const service = (key: string, team: string | null, tags: string[] = []) => ({ key, team, tags, regions: [] });
const payments = service('payments', 'payments', ['pci']);
const search = service('search', 'search');

test('services, teams and tags add up, an environment narrows', () => {
  const both = scope({ services: ['payments'], teams: ['search'] });
  expect([payments, search, service('web', 'web')].map((one) => follows(both, 'production', one))).toEqual([
    true,
    true,
    false,
  ]);
  const narrowed = scope({ ...both, environments: ['staging'] });
  expect(follows(narrowed, 'production', payments)).toBe(false);
  expect(follows(narrowed, 'staging', payments)).toBe(true);
  expect(follows(scope({ tags: ['pci'] }), 'production', payments)).toBe(true);
  expect(follows(scope({}), 'production', search)).toBe(true);
});

test('a freeze concerns whoever follows something that it may stop', () => {
  const all = [payments, search];
  const own = scope({ services: ['payments'], environments: ['production'] });
  expect(meets(own, scope({}), all)).toBe(true);
  expect(meets(own, scope({ environments: ['staging'] }), all)).toBe(false);
  expect(meets(own, scope({ tags: ['pci'] }), all)).toBe(true);
  expect(meets(own, scope({ teams: ['search'] }), all)).toBe(false);
  expect(meets(scope({ environments: ['staging'] }), scope({ services: ['search'] }), all)).toBe(true);
});

test('two ways to write one scope have one key', () => {
  expect(scopeKey(scope({ teams: ['b'], services: ['z', 'a'] }))).toBe('svc:a,z team:b');
  expect(scopeKey(scope({ teams: ['b'], services: ['a', 'z', 'a'] }))).toBe('svc:a,z team:b');
  expect(scopeKey(scope({}))).toBe('all');
});

test('quiet hours go over midnight, and over the change of the clocks', () => {
  const quiet = { from: '18:00', to: '08:00', zone: 'Europe/Berlin' };
  const end = (at: string) => quietUntil(quiet, new Date(at))?.toISOString();
  expect(end('2026-11-23T16:59:00Z')).toBeUndefined();
  expect(end('2026-11-23T17:00:00Z')).toBe('2026-11-24T07:00:00.000Z');
  expect(end('2026-11-24T06:59:00Z')).toBe('2026-11-24T07:00:00.000Z');
  expect(end('2026-11-24T07:00:00Z')).toBeUndefined();
  // The night in which 02:00 becomes 03:00 is an hour shorter.
  expect(end('2027-03-27T20:00:00Z')).toBe('2027-03-28T06:00:00.000Z');
  expect(quietUntil({ ...quiet, from: '12:00', to: '13:00' }, new Date('2026-11-23T11:30:00Z'))?.toISOString()).toBe(
    '2026-11-23T12:00:00.000Z',
  );
  expect(quietUntil(null, new Date())).toBeUndefined();
});

test('days are written as they are read', () => {
  for (const days of [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7], [1], [1, 3, 5], [6, 7], [2, 3, 4]])
    expect(readDays(daysWords(days))).toEqual(days);
  expect(daysWords([1, 2, 3, 4, 5])).toBe('mon-fri');
});

test('a week begins on Monday, and a month looks back on the one before', () => {
  expect(periodOf('weekly', '2026-11-22')).toBe('2026-11-16');
  expect(periodOf('monthly', '2026-11-22')).toBe('2026-11-01');
  expect(lookBack('weekly', '2026-11-23')).toEqual({ from: '2026-11-16', to: '2026-11-23' });
  expect(lookBack('monthly', '2027-01-04')).toEqual({ from: '2026-12-01', to: '2027-01-01' });
});

const plan = (change: Partial<DigestPlan> = {}): DigestPlan => ({
  ...usualContent,
  kind: 'daily',
  at: '09:30',
  zone: 'Europe/Berlin',
  days: [1, 2, 3, 4, 5],
  nextAt: undefined,
  ...change,
});

test('a weekly digest comes once a week, a monthly one on the first working day', () => {
  const monthly = plan({ kind: 'monthly', at: '09:00' });
  // 1 August 2026 is a Saturday.
  expect(nextDigest(monthly, new Date('2026-07-15T00:00:00Z'), '2026-07-01').date).toBe('2026-08-03');
  expect(nextDigest(monthly, new Date('2026-08-03T08:00:00Z'), '2026-08-03').date).toBe('2026-09-01');
  const weekly = plan({ kind: 'weekly', days: [1] });
  expect(nextDigest(weekly, new Date('2026-11-23T07:00:00Z')).date).toBe('2026-11-23');
  // Moved to Wednesday after Monday's was sent: this week has had one.
  expect(nextDigest({ ...weekly, days: [3] }, new Date('2026-11-23T12:00:00Z'), '2026-11-23').date).toBe('2026-12-02');
});

const facts = (change: Partial<DigestFacts> = {}): DigestFacts => ({
  zone: 'Europe/Berlin',
  schedule: undefined,
  last: undefined,
  roles: [],
  hasCatalog: false,
  known: { environments: [], services: [], tags: [], teams: [] },
  ...change,
});
const nextAt = (at: string, known: Partial<DigestFacts>, now: string) => {
  const event = digestSubscribed('C1', plan({ at }), facts(known), new Date(now));
  return event.type === 'digest.subscribed' ? event.nextAt : undefined;
};

test('an edit takes effect today while today has had none, and never twice', () => {
  const pending = { schedule: plan({ nextAt: new Date('2026-11-23T08:30:00Z') }), last: '2026-11-20' };
  // Later, earlier, and to an hour that is past: at once.
  expect(nextAt('11:00', pending, '2026-11-23T07:00:00Z')).toBe('2026-11-23T10:00:00.000Z');
  expect(nextAt('08:15', pending, '2026-11-23T07:00:00Z')).toBe('2026-11-23T07:15:00.000Z');
  expect(nextAt('07:00', pending, '2026-11-23T07:00:00Z')).toBe('2026-11-23T07:00:00.000Z');
  // Today's was sent: tomorrow.
  const sent = { schedule: plan({ nextAt: new Date('2026-11-24T08:30:00Z') }), last: '2026-11-23' };
  expect(nextAt('11:00', sent, '2026-11-23T09:00:00Z')).toBe('2026-11-24T10:00:00.000Z');
  // Switched on after its hour: from tomorrow on, nobody waits for it today.
  expect(nextAt('09:30', {}, '2026-11-23T09:00:00Z')).toBe('2026-11-24T08:30:00.000Z');
});

const ask = (now: string) => ({ now: new Date(now) }) as Ask;
const due = new Date('2026-11-23T08:30:00Z');
const posts = (now: string, change: Parameters<typeof facts>[0] = {}, news: object = {}) => {
  const known = {
    ...facts({ schedule: plan({ nextAt: due }), ...change }),
    items: ['today:1'],
    before: [],
    mutedUntil: undefined,
    ...news,
  };
  const decision = postDigest({ channel: 'C1', kind: 'daily', due }, known, ask(now));
  if (!decision.ok) throw new Error(decision.refusal.code);
  return decision.events.map((event) =>
    'date' in event && 'nextAt' in event ? `${event.type} ${event.date} ${event.nextAt}` : event.type,
  );
};

test('the clock posts the day that its timer means', () => {
  expect(posts('2026-11-23T08:30:01Z')).toEqual(['digest.posted 2026-11-23 2026-11-24T08:30:00.000Z']);
  // Hours late is late, not missed; a clock that jumped back changes nothing.
  expect(posts('2026-11-23T22:59:00Z')).toEqual(['digest.posted 2026-11-23 2026-11-24T08:30:00.000Z']);
  expect(posts('2026-11-22T12:00:00Z')).toEqual(['digest.posted 2026-11-23 2026-11-24T08:30:00.000Z']);
  // A long outage: the day is over, today's comes at once.
  expect(posts('2026-11-25T10:00:00Z')).toEqual(['digest.missed 2026-11-23 2026-11-25T10:00:00.000Z']);
  // A timer of an older schedule, a day that has one, a schedule that is gone.
  expect(posts('2026-11-23T08:31:00Z', { schedule: plan({ nextAt: new Date('2026-11-23T10:00:00Z') }) })).toEqual([]);
  expect(posts('2026-11-23T08:31:00Z', { last: '2026-11-23' })).toEqual([]);
  expect(posts('2026-11-23T08:31:00Z', { schedule: undefined })).toEqual([]);
});

test('a digest without news is silent, unless it is asked to speak', () => {
  const old = { items: ['waiting:3', 'freeze:bf:2026-11-26'], before: ['freeze:bf:2026-11-26', 'waiting:3', 'next:4'] };
  const silent = 'digest.silent 2026-11-23 2026-11-24T08:30:00.000Z';
  expect(posts('2026-11-23T08:30:01Z', {}, old)).toEqual([silent]);
  expect(posts('2026-11-23T08:30:01Z', { schedule: plan({ nextAt: due, quiet: 'post' }) }, old)).toHaveLength(1);
  expect(posts('2026-11-23T08:30:01Z', { schedule: plan({ nextAt: due, quiet: 'post' }) }, old)[0]).toMatch(/posted/);
  expect(posts('2026-11-23T08:30:01Z', {}, { mutedUntil: null })).toEqual([silent]);
  expect(posts('2026-11-23T08:30:01Z', {}, { mutedUntil: new Date('2026-11-23T08:00:00Z') })[0]).toMatch(/posted/);
  expect(isNews([], ['waiting:3'])).toBe(false);
  expect(isNews(['waiting:5'], ['waiting:3'])).toBe(true);
  expect(isNews(['ended:3'], ['ended:3'])).toBe(true);
});
