import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { voteCard, why } from '../../blocks/approval.ts';
import { digest } from '../../blocks/digest.ts';
import { home } from '../../blocks/home.ts';
import { mrkdwn, person, type View } from '../../blocks/kit.ts';
import { list } from '../../blocks/list.ts';
import { noteForm, skeleton } from '../../blocks/modal.ts';
import { ask, line, notice } from '../../blocks/notice.ts';
import { card, details } from '../../blocks/release.ts';
import { requestForm } from '../../blocks/request.ts';
import { reviewForm } from '../../blocks/review.ts';
import { help, helpVerb, helpWords } from '../../blocks/usage.ts';
import { checkBlocks, checkView } from '../../sandbox/server/blocks.ts';
import { verbs } from '../../src/commands/index.ts';
import type { StoredEvent } from '../../src/domain/event.ts';
import { releaseStates } from '../../src/domain/release.ts';
import { releaseWith as release } from '../support/props.ts';

const hostile = `<!channel> *bold* \`tick\` <https://evil.example|Approve> & "quotes" \u202e ${'x'.repeat(3_500)}`;
const now = new Date('2026-11-24T12:00:00Z');
const event: StoredEvent = {
  id: 'e1',
  workspace: 'T1',
  at: now,
  actor: { kind: 'person', id: 'U0KIM' },
  command: 'c1',
  body: { type: 'release.rejected', release: 142, by: 'U0KIM', reason: hostile },
};

describe.each(['Add SEPA instant payouts', hostile, '', '漢字 🚀 עברית'])(
  'views of a release that says %#',
  (words) => {
    test.each(releaseStates)('%s stays within the limits of Slack and mentions nobody by itself', (state) => {
      const props = release(state, words);
      const views: View[] = [
        card(props),
        voteCard(props),
        details(props, [mrkdwn`${words}`]),
        why(props),
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
        digest({
          date: '2026-11-24',
          zone: 'Europe/Berlin',
          today: Array.from({ length: 60 }, () => ({ ...props, summary: '' })),
          next: [props],
          yesterday: [props],
          waiting: [props],
        }),
      ];
      for (const view of views) {
        expect(checkBlocks(view.blocks, 'message')).toEqual([]);
        expect(view.text.trim()).not.toBe('');
        expect(view.text + parsedText(view.blocks)).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil/);
      }
      expect(
        checkView({
          type: 'home',
          blocks: home({
            person: 'U0ANA',
            waiting: [props],
            mine: [props],
            reviews: [props],
            isGuest: true,
            week: [],
            teams: [],
            asOf: now,
            zone: 'Europe/Berlin',
          }),
        }),
      ).toEqual([]);
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

/** Text that Slack parses; plain_text is shown as it is. */
function parsedText(value: unknown): string {
  if (Array.isArray(value)) return value.map(parsedText).join('\n');
  if (typeof value !== 'object' || value === null) return '';
  const { type, text } = value as { type?: string; text?: unknown };
  if (type === 'mrkdwn') return String(text);
  return Object.values(value).map(parsedText).join('\n');
}

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
