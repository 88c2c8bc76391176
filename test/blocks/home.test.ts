import fc from 'fast-check';
import { expect, test } from 'vitest';
import { guestHome, type HomeProps, home } from '../../blocks/home.ts';
import { panel } from '../../blocks/list.ts';
import { queueList } from '../../blocks/queue.ts';
import { serviceList } from '../../blocks/service.ts';
import { checkBlocks, checkView } from '../../sandbox/server/blocks.ts';
import { tabFor } from '../../src/domain/home.ts';
import { type ReleaseState, releaseStates } from '../../src/domain/release.ts';
import { releaseWith } from '../support/props.ts';
import { hostile, parsedText } from '../support/views.ts';

const now = new Date('2026-11-24T12:00:00Z');
const day = 86_400_000;
const frame = { waiting: 0, mayManage: true, setup: undefined, asOf: now, zone: 'Europe/Berlin', command: '/release' };
const scope = { environments: ['production'], services: [], tags: [], teams: [] };

/** So many of everything, `words` wherever people type. */
function views(n: number, words: string, state: ReleaseState): HomeProps['view'][] {
  const release = releaseWith(state, words);
  const releases = Array.from({ length: n }, (_, index) => ({
    ...release,
    number: index + 1,
    environment: `${words.slice(0, 30)}${index % 9}`,
    warnings: [],
  }));
  const some = { first: releases, total: n * 2 };
  const freeze = {
    freeze: {
      key: 'f',
      name: words.slice(0, 80) || 'x',
      level: 'warn' as const,
      scope,
      exempt: [],
      message: words.slice(0, 500),
      recurrence: { date: '2026-11-26', at: '00:00', minutes: 60, rule: null },
      zone: 'UTC',
      owners: null,
      skips: [],
      lifted: false,
      source: 'slack' as const,
    },
    author: 'U0RAE',
    zone: 'UTC',
    times: [{ date: '2026-11-26', startsAt: now, endsAt: now }],
  };
  return [
    {
      tab: 'work',
      mine: releases,
      total: n * 2,
      reviews: releases,
      week: Array.from({ length: 30 }, (_, index) => ({
        date: '2026-11-24',
        startsAt: new Date(now.getTime() + index * day),
        endsAt: new Date(now.getTime() + (index + 1) * day),
        releases,
        marks: [],
        open: undefined,
      })),
      teams: [],
    },
    {
      tab: 'approvals',
      waiting: releases,
      total: n * 2,
      decided: releases.map(({ number }) => ({
        number,
        name: words,
        state,
        choice: 'approve',
        at: now,
        isCurrent: number % 2 === 0,
      })),
      cover: {
        onCall: Array.from({ length: n }, () => words.slice(0, 80)),
        snoozedUntil: now,
        delegate: { to: 'U0KIM', from: now, until: now },
      },
    },
    {
      tab: 'manage',
      person: 'U0RAE',
      today: some,
      overrides: {
        first: releases.map(({ number }) => ({
          id: `o${number}`,
          release: number,
          rule: words,
          by: 'U0ANA',
          second: number % 2 === 0 ? 'U0RAE' : 'U0LEE',
          reason: words,
        })),
        total: n * 2,
      },
      passes: some,
      stuck: some,
      blocked: some,
      incidents: {
        first: releases.map(({ number }) => ({
          key: `${number} ${words}`.slice(0, 60),
          note: words.slice(0, 500),
          by: 'U0ANA',
          at: now,
        })),
        total: n * 2,
      },
      proposals: {
        first: releases.map(({ number }) => ({
          id: `p${number}`,
          team: words.slice(0, 40) || 'x',
          policy: words.slice(0, 40),
          to: words.slice(0, 40),
          direction: 'lighter',
          state: 'open',
          needed: 2,
          votes: {},
        })),
        total: n * 2,
      },
      freezes: Array.from({ length: n }, () => freeze),
      policies: n,
      windows: n,
      unmeetable: n,
      wait: { n, p50: 126, p90: 540 },
    },
  ];
}

const setup = {
  botUser: 'U0MAITRED',
  hasCatalog: false,
  isPosting: true,
  hasDigest: false,
  hasBooked: false,
  hasPrefs: false,
};

test('every view is one that Slack takes, with at most a hundred blocks, whatever there is and whatever people typed', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(100, 400)),
      fc.oneof(fc.constant(hostile), fc.constant('x'), fc.string({ minLength: 1, maxLength: 200 })),
      fc.constantFrom(...releaseStates),
      fc.boolean(),
      (n, words, state, isNew) => {
        for (const view of views(n, words, state)) {
          const blocks = home({ ...frame, waiting: n, view, setup: isNew ? setup : undefined });
          expect(blocks.length).toBeLessThanOrEqual(100);
          expect(checkView({ type: 'home', blocks })).toEqual([]);
          expect(parsedText(blocks)).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil/);
        }
      },
    ),
    { numRuns: 60 },
  );
});

const shown = (view: HomeProps['view'] | undefined, change: Partial<HomeProps> = {}) => {
  if (!view) throw new Error('no such view');
  const blocks = home({ ...frame, ...change, view });
  const labels = (
    JSON.stringify(blocks).match(/"type":"button"[^}]*"text":\{"type":"plain_text","text":"([^"]*)"/g) ?? []
  ).map((one) => one.replace(/.*"text":"/, '').replace(/"$/, ''));
  return { text: JSON.stringify(blocks), labels };
};

test('empty views teach what will stand there', () => {
  const [work, approvals, manage] = views(0, 'x', 'requested');
  expect(shown(work).text).toMatch(/Nothing needs you now.*You have no release open.*it takes a minute/);
  expect(
    shown(approvals && { ...approvals, ...{ cover: { onCall: [], snoozedUntil: undefined, delegate: undefined } } })
      .text,
  ).toMatch(
    /Nothing is waiting for you\. When somebody needs your word.*Nothing in the last two weeks.*not on call.*Going away\?/,
  );
  expect(shown(manage).text).toMatch(
    /Nothing goes out today.*Nothing needs you\. Overrides, exceptions.*No freeze in the next two weeks.*not enough data \(n=0/,
  );
});

test('what can be done stands beside what it is about', () => {
  const [work, approvals, manage] = views(1, 'x', 'requested');
  expect(shown(work, { waiting: 2 }).labels).toEqual([
    '● My work',
    'Approvals 2',
    'Manage',
    '↻ Refresh',
    'Approvals',
    'Nudge',
    'Move…',
    'Open',
    'Review…',
    'Request a release',
    'Calendar',
    'Calendar feed (.ics)',
    'Preferences',
    'What I follow',
    'Help',
  ]);
  expect(shown(approvals).labels).toEqual(
    expect.arrayContaining([
      '● Approvals',
      'Review',
      'Snooze 1 h',
      'Delegate…',
      'Change…',
      'Set delegate…',
      'I am back',
    ]),
  );
  expect(shown(manage).labels).toEqual(
    expect.arrayContaining(['● Manage', 'Nudge', 'Answer…', 'Agree', 'Declare a freeze…', 'Queues', 'Services']),
  );
  // Only whoever was named takes a risk.
  expect(shown(manage).labels).not.toContain('Accept the risk');
  expect(shown(views(2, 'x', 'requested')[2]).labels).toContain('Accept the risk');
  expect(shown(work, { mayManage: false }).labels).not.toContain('Manage');
  expect(shown(views(4, 'x', 'deploying')[0]).labels.filter((label) => label === 'Roll back…')).toHaveLength(4);
});

test('first steps tick themselves off and go when they are hidden', () => {
  const [work] = views(0, 'x', 'requested');
  const { text, labels } = shown(work, { setup });
  expect(text).toMatch(/First steps \(1 of 5\)/);
  expect(text).toMatch(/✅ Done: Invite me.*⬜ \*Set a digest/);
  expect(labels).toEqual(expect.arrayContaining(['Book a release', 'My digest…', 'Preferences…', 'Hide this']));
  expect(shown(work, { setup: { ...setup, hasBooked: true, hasPrefs: true } }).labels).not.toContain('Book a release');
  expect(shown(work).text).not.toMatch(/First steps/);
});

test('a guest reads one section; queues and services fit', () => {
  expect(guestHome()).toHaveLength(1);
  expect(checkView({ type: 'home', blocks: guestHome() })).toEqual([]);
  const queues = Array.from({ length: 200 }, (_, n) => ({ gate: hostile.slice(0, 80), n, since: now }));
  const services = Array.from({ length: 500 }, (_, n) => ({
    key: `service-${n}`,
    team: hostile.slice(0, 40),
    tier: 1,
    environments: ['production', hostile.slice(0, 40)],
  }));
  for (const view of [
    queueList(queues, 3, 'UTC', '/release'),
    queueList([], 1, 'UTC', '/release'),
    serviceList(services, '/release'),
    serviceList([], '/release'),
  ]) {
    expect(checkBlocks(view.blocks, 'message')).toEqual([]);
    expect(view.text + parsedText(view.blocks)).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil/);
  }
});

test('who is asked what is next hears of reviews that are due, and were', () => {
  const none = { releases: [], total: 0 };
  const due = (reviewDueAt: Date) => [{ ...releaseWith('done', 'x'), number: 20, reviewDueAt }];
  const said = (reviews: ReturnType<typeof due>) =>
    JSON.stringify(panel(none, none, { reviews, now, command: '/release' }));
  expect(said([])).toMatch(/Nothing waits for you\./);
  expect(said(due(new Date(now.getTime() - day)))).toMatch(
    /nothing open\. Say how this went.*\*REL-20\*.*was due <!date/,
  );
  expect(said(due(new Date(now.getTime() + day)))).toMatch(/say how it went, due <!date.*pir\.open/);
  expect(checkBlocks(panel(none, none, { reviews: due(now), now, command: '/release' }).blocks, 'message')).toEqual([]);
});

test('the view is the one that somebody chose, as long as they may see it, else the one of their role', () => {
  const who = { roles: [], mayManage: false, isApprover: false };
  const manager = { roles: ['release_manager'], mayManage: true, isApprover: true };
  expect(tabFor(null, who)).toBe('work');
  expect(tabFor(null, { ...who, isApprover: true })).toBe('approvals');
  expect(tabFor(null, manager)).toBe('manage');
  expect(tabFor('work', manager)).toBe('work');
  expect(tabFor('manage', who)).toBe('work');
  expect(tabFor('manage', { ...who, mayManage: true })).toBe('manage');
  expect(tabFor(null, { ...who, mayManage: true })).toBe('work');
});
