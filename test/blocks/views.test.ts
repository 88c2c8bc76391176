import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { voteCard, why as whyGates } from '../../blocks/approval.ts';
import { type DigestProps, digest, digestForm, digestMore, digestSilence } from '../../blocks/digest.ts';
import { mrkdwn, person, type View } from '../../blocks/kit.ts';
import { list } from '../../blocks/list.ts';
import { noteForm, skeleton } from '../../blocks/modal.ts';
import { ask, line, notice } from '../../blocks/notice.ts';
import { coverForm, prefsForm } from '../../blocks/prefs.ts';
import { card, details } from '../../blocks/release.ts';
import { requestForm } from '../../blocks/request.ts';
import { reviewForm } from '../../blocks/review.ts';
import {
  becauseOf,
  followed,
  followedFreeze,
  hello,
  sentList,
  subscribeForm,
  subscriptionList,
  volume,
  why,
} from '../../blocks/subscription.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { help, helpVerb, helpWords } from '../../blocks/usage.ts';
import { checkBlocks, checkView } from '../../sandbox/server/blocks.ts';
import { verbs } from '../../src/commands/index.ts';
import { usualContent } from '../../src/domain/digest.ts';
import type { StoredEvent } from '../../src/domain/event.ts';
import { digestSections, topics } from '../../src/domain/follow.ts';
import { noPrefs } from '../../src/domain/prefs.ts';
import { releaseStates } from '../../src/domain/release.ts';
import { releaseWith as release } from '../support/props.ts';
import { hostile, parsedText } from '../support/views.ts';

const now = new Date('2026-11-24T12:00:00Z');
const event: StoredEvent = {
  id: 'e1',
  workspace: 'T1',
  at: now,
  actor: { kind: 'person', id: 'U0KIM' },
  command: 'c1',
  body: { type: 'release.rejected', release: 142, by: 'U0KIM', reason: hostile },
};

const freezeEvent: StoredEvent = {
  ...event,
  body: { type: 'freeze.lifted', freeze: 'black-friday', name: hostile, date: null, reason: hostile },
};

/** A busy day: more of everything than fits. */
function digestProps(props: ReleaseProps, words: string, kind: DigestProps['kind']): DigestProps {
  const scope = { environments: [], services: [words.slice(0, 40)], tags: [], teams: ['search'] };
  const releases = Array.from({ length: 60 }, (_, index) => ({ ...props, number: index + 1 }));
  const freeze = { name: words, level: 'warn' as const, scope, startsAt: now, endsAt: now };
  return {
    channel: kind === 'daily' ? 'U0ANA' : 'C0RELEASES',
    kind,
    date: '2026-11-24',
    zone: 'Europe/Berlin',
    scope,
    sections: digestSections,
    back: { from: '2026-11-17', to: '2026-11-24' },
    waiting: releases,
    today: releases,
    next: releases,
    yesterday: releases,
    ended: { done: 51, rolled_back: 9 },
    totals: { waiting: 60, today: 60, next: 60, yesterday: 60, overdue: 260 },
    overdue: releases,
    freezes: Array.from({ length: 9 }, (_, index) => ({ ...freeze, key: `f:${index}` })),
    errors: Array.from({ length: 9 }, (_, index) => ({
      key: `KE-${index}`,
      title: words,
      services: [words],
      workaround: words,
    })),
    numbers: mrkdwn`Change lead time ▂▃▂▁ 18 h (${words})`,
  };
}

function subscription(words: string) {
  const scope = { environments: [], services: [words.slice(0, 40)], tags: [], teams: [] };
  return { target: 'C0RELEASES', key: `svc:${words.slice(0, 40)}`, scope, topics, by: 'U0ANA', since: now };
}

function subscriptionProps(words: string) {
  const one = subscription(words);
  return {
    target: 'C0RELEASES',
    subscriptions: Array.from({ length: 30 }, () => one),
    subscriber: { mutedUntil: null, quiet: { from: '18:00', to: '08:00', zone: 'Europe/Berlin' } },
    digests: [
      { kind: 'weekly' as const, at: '09:00', zone: 'UTC', days: [1], scope: one.scope, sections: ['today' as const] },
    ],
    now,
    zone: 'Europe/Berlin',
  };
}

function sentLines(words: string) {
  return Array.from({ length: 20 }, () => ({ surface: `followed:${words}`, why: words, at: now, state: 'sent' }));
}

describe.each(['Add SEPA instant payouts', hostile, '', '漢字 🚀 עברית'])(
  'views of a release that says %#',
  (words) => {
    test.each(releaseStates)('%s stays within the limits of Slack and mentions nobody by itself', (state) => {
      const props = release(state, words);
      const views: View[] = [
        card(props),
        voteCard(props),
        details(props, [mrkdwn`${words}`]),
        whyGates(props),
        ask(props, 'U0MIA'),
        notice(event, props),
        line(event, props.zone),
        list({
          releases: Array.from({ length: 10 }, () => props),
          total: 40,
          page: 1,
          perPage: 10,
          command: '/release',
        }),
        ...(['daily', 'weekly', 'monthly'] as const).flatMap((kind) => {
          const about = digestProps(props, words, kind);
          const more = digestMore(about);
          expect(more).toBeDefined();
          return [digest(about), ...(more ? [more] : [])];
        }),
        digestSilence('weekly', 'muted'),
        followed(props),
        followedFreeze(freezeEvent, props.zone),
        hello('C0RELEASES'),
        volume({ target: 'C0RELEASES', lately: 212, draft: 'd' }),
        subscriptionList(subscriptionProps(words)),
        subscriptionList({ ...subscriptionProps(words), target: 'U0ANA', subscriptions: [], digests: [] }),
        sentList('C0RELEASES', sentLines(words), props.zone),
        why({
          target: 'U0ANA',
          sent: sentLines(words),
          because: [becauseOf(subscription(words), props.zone)],
          zone: props.zone,
        }),
      ];
      for (const view of views) {
        expect(checkBlocks(view.blocks, 'message')).toEqual([]);
        expect(view.text.trim()).not.toBe('');
        expect(view.text + parsedText(view.blocks)).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil/);
      }
      expect(
        checkView(
          reviewForm(props, {
            gates: ['SRE', 'Product'],
            principals: ['U0KIM'],
            earlier: { choice: 'block', comment: words.slice(0, 500), unblock: words.slice(0, 500) },
            changed: [{ field: 'summary', before: words, after: words }],
            stepUp: true,
            minutesLeft: 90,
            units: [
              { service: 'payments', version: words.slice(0, 60), before: words.slice(0, 60), dependants: ['web'] },
            ],
          }),
        ),
      ).toEqual([]);
    });
  },
);

test('the vote card tells the verdict, which no deployment makes old', () => {
  const costs = [{ gate: 'SRE', n: 9, medianMinutes: 30, caught: 1 }];
  const approved = voteCard(release('approved', 'x'), costs);
  for (const state of ['deploying', 'paused', 'verifying', 'done', 'rolled_back', 'failed'] as const)
    expect(voteCard(release(state, 'x'))).toEqual(approved);
  expect(voteCard(release('expired', 'x'))).not.toEqual(approved);
});

test('forms are what Slack takes', () => {
  const draft = {
    service: 'payments',
    version: '2.14.0',
    others: '',
    summary: '',
    startsAt: now,
    minutes: 50,
    environment: 'production',
    changeType: 'normal',
    rollbackPlan: '',
    lead: 'U0ANA',
    needs: '',
    rollbackTested: true,
    migration: 'reversible',
    scope: 'one',
    owner: 'U0KIM',
    links: '',
    auto: true,
    channel: 'C1',
  };
  for (const view of [
    skeleton('Request a release'),
    noteForm(1),
    subscribeForm('C0RELEASES'),
    digestForm({ ...usualContent, kind: 'weekly', at: '09:00', zone: 'UTC', days: [1] }, 'C0RELEASES'),
    prefsForm(noPrefs, 'UTC', { ...usualContent, at: '08:45', zone: 'UTC', days: [1] }, now),
    prefsForm(noPrefs, 'UTC', undefined, now),
    prefsForm(
      {
        ...noPrefs,
        zone: 'Asia/Tokyo',
        snoozeUntil: '2026-12-01T09:00:00.000Z',
        delegate: { to: 'U0KIM', from: '2026-11-30T09:00:00.000Z', until: '2026-12-04T09:00:00.000Z' },
      },
      'UTC',
      undefined,
      now,
    ),
    coverForm('delegate', noPrefs, now),
    coverForm('snooze', noPrefs, now),
    requestForm(draft, ['production']),
    requestForm({ ...draft, service: '', startsAt: undefined }, []),
  ])
    expect(checkView(view)).toEqual([]);
});

test('help shows every verb, and every example begins with its verb', () => {
  const view = help(verbs, '/release', '0');
  expect(checkBlocks(view.blocks, 'message')).toEqual([]);
  for (const verb of verbs) {
    expect(parsedText(view.blocks)).toMatch(new RegExp(`\`(/release )?${verb.name}\\b`));
    expect(checkBlocks(helpVerb(verb, '/release').blocks, 'message')).toEqual([]);
    for (const example of verb.examples) expect(example.split(' ')[0]).toBe(verb.name);
  }
  expect(checkBlocks(helpWords().blocks, 'message')).toEqual([]);
});

test('what people typed cannot leave its place', () => {
  expect(mrkdwn`*${'<!channel> & <@U1>'}* by ${person('U0ANA')}`.mrkdwn).toBe(
    '*&lt;!channel&gt; &amp; &lt;@U1&gt;* by <@U0ANA>',
  );
  expect(person('U1> <!channel').mrkdwn).toBe('<@U1channel>');
});

/** Words that the manifest hints at and the registry lacks, and verbs that help leaves out. */
function disagreements(manifest: string, known: typeof verbs): string[] {
  const hinted = (/usage_hint: "(new[^"]*)"/.exec(manifest)?.[1] ?? 'nothing').split(' | ');
  const shown = parsedText(help(known, '/release', '0').blocks);
  return [
    ...hinted
      .filter((word) => !known.some((verb) => verb.name === word))
      .map((word) => `the manifest hints at ${word}`),
    ...verbs
      .filter((verb) => !new RegExp(`\`(/release )?${verb.name}\\b`).test(shown))
      .map((verb) => `help leaves out ${verb.name}`),
    ...['/release', '/warroom', '/freeze']
      .filter((command) => !manifest.includes(`command: ${command}\n`))
      .map((command) => `no ${command}`),
  ];
}

test('the manifest, the registry and the help agree, and a planted disagreement is found', () => {
  const manifest = readFileSync(new URL('../../manifest.yml', import.meta.url), 'utf8');
  expect(disagreements(manifest, verbs)).toEqual([]);
  expect(disagreements(manifest.replace('new | book', 'new | bok'), verbs)).toEqual(['the manifest hints at bok']);
  expect(disagreements(manifest.replace('command: /warroom', 'command: /room'), verbs)).toEqual(['no /warroom']);
  expect(
    disagreements(
      manifest,
      verbs.filter((verb) => verb.name !== 'pause'),
    ),
  ).toEqual(['help leaves out pause']);
});
