import { describe, expect, test } from 'vitest';
import {
  type ExperimentProps,
  experimentAsk,
  experimentForm,
  experimentLine,
  experimentList,
} from '../../blocks/experiment.ts';
import { incidentForm, incidentQuestion } from '../../blocks/incident.ts';
import type { View } from '../../blocks/kit.ts';
import { receipt } from '../../blocks/notice.ts';
import { refusal } from '../../blocks/refusal.ts';
import {
  bottleneckWords,
  howWeAreDoing,
  type NumbersProps,
  numbersLine,
  numbersSection,
  pictures,
  report,
} from '../../blocks/report.ts';
import { say } from '../../blocks/sentence.ts';
import { unbookedList } from '../../blocks/unbooked.ts';
import { checkBlocks, checkView } from '../../sandbox/server/blocks.ts';
import type { Refusal } from '../../src/domain/decision.ts';
import type { StoredEvent } from '../../src/domain/event.ts';
import {
  frequencyMeasured,
  type Measured,
  type Measures,
  medianMeasured,
  medianOf,
  metricGroups,
  metricKeys,
  metrics,
  type Part,
  rateMeasured,
  readingsOf,
  stageKeys,
  unknown,
} from '../../src/domain/metric.ts';
import { releaseWith } from '../support/props.ts';
import { hostile, parsedText } from '../support/views.ts';

const now = new Date('2026-11-24T12:00:00Z');
const period = { from: new Date('2026-10-25T12:00:00Z'), to: now };

const median = (n: number, value = 90): Measured =>
  medianMeasured(medianOf(Array.from({ length: n }, (_, index) => value + index)), 'Nothing.');

/** Every metric with a value, of n releases each; gates and risks are called `words`. */
function measures(n: number, words: string): Measures {
  const parts = (key: (typeof metricKeys)[number]): Part[] => {
    const { aggregate } = metrics[key];
    const whole =
      aggregate === 'rate'
        ? rateMeasured(Math.min(1, n), n, 'Nothing was deployed in this time.')
        : aggregate === 'frequency'
          ? frequencyMeasured(n, period)
          : aggregate === 'count'
            ? ({ kind: 'count', n } as const)
            : n === 0
              ? unknown('Nothing was deployed in this time.')
              : median(n);
    switch (key) {
      case 'approval_wait':
        return Array.from({ length: 30 }, (_, index) => ({ part: `${words.slice(0, 200)}${index}`, measured: whole }));
      case 'stage_time':
        return stageKeys.map((part) => ({ part, measured: whole }));
      case 'batch_size':
        return ['services', 'scope items'].map((part) => ({ part, measured: whole }));
      default:
        return [{ part: '', measured: whole }];
    }
  };
  return Object.fromEntries(metricKeys.map((key) => [key, parts(key)])) as unknown as Measures;
}

function numbers(n: number, words: string, before = n): NumbersProps {
  const found = measures(n, words);
  return {
    of: words.slice(0, 2_000) || 'all services',
    environment: words.slice(0, 40) || null,
    zone: 'Europe/Berlin',
    period,
    measures: found,
    readings: readingsOf(found, measures(before, words), true),
    weeks: Array.from({ length: 12 }, (_, index) => ({
      label: `${index + 1} Nov`,
      measures: measures(index % 4 === 0 ? 0 : n, words),
    })),
    stages: stageKeys.map((stage, index) => ({ stage, n, totalMinutes: index * n * 60 })),
    bottleneck: {
      period,
      stage: 'slot',
      totalMinutes: 12_000,
      share: 0.62,
      total: 40,
      waiters: Array.from({ length: 5 }, (_, index) => ({
        release: 140 + index,
        services: [words.slice(0, 40), words.slice(0, 40)],
        minutes: 600,
      })),
    },
  };
}

const experiment = (words: string, change: Partial<ExperimentProps> = {}): ExperimentProps => ({
  number: 3,
  hypothesis: words.slice(0, 300) || 'x',
  metric: 'change_fail_rate',
  part: '',
  comparison: 'below',
  target: 0.05,
  until: '2026-12-15',
  team: words.slice(0, 40) || null,
  environment: 'production',
  person: 'U0ANA',
  state: 'running',
  dueAt: new Date('2026-12-15T08:00:00Z'),
  startedAt: now,
  baseline: rateMeasured(4, 52, ''),
  round: 0,
  asks: 0,
  askedAt: undefined,
  words: words.slice(0, 1_000),
  result: rateMeasured(0, 80, ''),
  zone: 'Europe/Berlin',
  ...change,
});

const eventOf = (body: StoredEvent['body']): StoredEvent => ({
  id: 'e1',
  workspace: 'T1',
  at: now,
  actor: { kind: 'person', id: 'U0KIM' },
  command: 'c1',
  body,
});

describe.each(['payments', hostile, '', '漢字 🚀 עברית'])('numbers that are called %#', (words) => {
  const unbooked = {
    service: words.slice(0, 40) || 'payments',
    version: words.slice(0, 60) || '1',
    environment: words.slice(0, 40) || 'production',
    deployedAt: now,
    note: words.slice(0, 300),
    person: 'U0ANA',
  };
  const candidates = [1, 2, 3, 4, 5].map((number) => ({ ...releaseWith('done', words), number }));
  const incident = { key: words.slice(0, 60) || 'INC-77', services: [words.slice(0, 40) || 'checkout'] };
  const refusals: Refusal[] = [
    { code: 'incident_reported', key: incident.key, candidates: [1, 2, 3, 4, 5] },
    { code: 'incident_settled', key: incident.key, releases: [1, 2] },
    { code: 'no_incident', key: incident.key },
    { code: 'unbooked_known', ...unbooked, at: now.toISOString(), by: 'U0KIM' },
    { code: 'unbooked_when', at: now.toISOString(), isAhead: true },
    { code: 'was_booked', release: 1, service: unbooked.service, version: unbooked.version },
    { code: 'unknown_unbooked', ...unbooked },
    { code: 'experiment_until', until: words.slice(0, 40) },
    { code: 'unknown_experiment', experiment: 9, known: [1, 2] },
    { code: 'experiment_over', experiment: 9, state: 'kept' },
    { code: 'words_needed', experiment: 9 },
  ];

  test.each([0, 3, 52])('of %i releases stay within the limits of Slack and mention nobody by themselves', (n) => {
    const props = numbers(n, words, 40);
    const about = {
      unbooked: Array.from({ length: 8 }, () => unbooked),
      again: words.slice(0, 60),
      command: '/release',
    };
    const section = numbersSection(props, {
      experiments: Array.from({ length: 20 }, () => experiment(words)),
      now,
      command: '/release',
    });
    const line = numbersLine(props);
    const views: View[] = [
      ...metricGroups.map((group) => report(props, { ...about, group })),
      { text: 'x', blocks: section },
      { text: line?.mrkdwn ?? 'nothing', blocks: [] },
      { text: bottleneckWords(props.bottleneck).mrkdwn, blocks: [] },
      unbookedList(
        Array.from({ length: 10 }, () => unbooked),
        'Europe/Berlin',
        '/release',
      ),
      unbookedList([], 'Europe/Berlin', '/release'),
      incidentQuestion(incident, candidates),
      incidentQuestion(incident, []),
      experimentList(
        Array.from({ length: 20 }, () => experiment(words)),
        '/release',
      ),
      experimentList([], '/release'),
      ...(['running', 'kept', 'dropped'] as const).map((state) =>
        experimentAsk(experiment(words, { state, result: unknown(words.slice(0, 200)) }), { round: 0, ask: 1 }),
      ),
      experimentAsk(experiment(words, { round: 1 }), { round: 0, ask: 2 }),
      receipt(
        eventOf({
          type: 'unbooked.reported',
          service: unbooked.service,
          version: unbooked.version,
          environment: unbooked.environment,
          deployedAt: now.toISOString(),
          note: unbooked.note,
        }),
        undefined,
        'Europe/Berlin',
      ),
      ...refusals.map((refused) => refusal(refused, 'Europe/Berlin')),
      ...[
        eventOf({ type: 'incident.reported', ...incident, note: words.slice(0, 500), link: '', candidates: [] }),
        eventOf({ type: 'incident.unrelated', key: incident.key }),
        eventOf({
          type: 'experiment.concluded',
          experiment: 3,
          outcome: 'kept',
          words: words.slice(0, 1_000),
          result: median(9),
          round: 0,
          asks: 1,
        }),
      ].map((event) => ({ text: say(event, 'Europe/Berlin').mrkdwn, blocks: [] })),
    ];
    for (const view of views) {
      expect(checkBlocks(view.blocks, 'message')).toEqual([]);
      expect(view.text.trim()).not.toBe('');
      expect(view.text + parsedText(view.blocks)).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil/);
    }
    expect(checkView({ type: 'home', blocks: howWeAreDoing([props, props, props], '/release').slice(1) })).toEqual([]);
    expect(checkView(experimentForm(experiment(words), 'extended'))).toEqual([]);
    expect(checkView(incidentForm({ note: words.slice(0, 500), link: words, services: '' }))).toEqual([]);
    for (const group of metricGroups)
      for (const picture of pictures(props, group)) {
        expect(picture.alt.length).toBeLessThanOrEqual(2_000);
        expect(picture.svg).not.toMatch(/<!channel|<https/);
      }
  });
});

test.each(metricGroups)(
  'a report of %s says each metric with its n, its range, its trend and what it means',
  (group) => {
    const view = report(numbers(52, 'payments'), { group, unbooked: [], again: 'svc:payments', command: '/release' });
    const words = parsedText(view.blocks);
    for (const key of metricKeys.filter((one) => metrics[one].group === group)) {
      expect(words).toContain(`*${metrics[key].name}*`);
      expect(words).toContain(escaped(metrics[key].definition));
    }
    expect(words).toMatch(
      group === 'flow' ? /Where releases wait longest\* \(30 days\): waiting for the slot, 62 %/ : /n=52/,
    );
    expect(words).toMatch(/[▁▂▃▄▅▆▇█]·/);
    expect(words).toContain('No number here is about a person.');
    expect(view.text).toContain(metrics[metricKeys.find((one) => metrics[one].group === group) as 'adoption'].name);
  },
);

test('what few releases say is not shown, and what is unknown says why', () => {
  const few = report(numbers(3, 'payments'), { group: 'delivery', unbooked: [], again: '', command: '/release' });
  const words = parsedText(few.blocks);
  expect(words).toContain('*Change fail rate* not enough data (n=3; shown from 5 on)');
  expect(words).not.toMatch(/33 %|no clear change.*Change fail/);
  // How often something was deployed is known however seldom.
  expect(words).toMatch(/\*Deployment frequency\* 0\.7 a week/);
  const none = report(numbers(0, 'payments'), { group: 'delivery', unbooked: [], again: '', command: '/release' });
  expect(parsedText(none.blocks)).toMatch(/unknown: Nothing was deployed in this time\./);
  expect(parsedText(none.blocks)).toContain('Nothing was deployed in this time, so there is little to say.');
});

test('the line of a digest: trend, range and n; nothing when nothing was deployed', () => {
  expect(numbersLine(numbers(52, 'SRE'))?.mrkdwn).toMatch(
    /^📈 change lead time ·[▁▂▃▄▅▆▇█]+.* 1 h 56 min \(n=52\) · wait for SRE0 .* 1 h 56 min \(n=52\) · change fail rate .*2 % \(.*n=52\) _\(30 d\)_$/,
  );
  expect(numbersLine(numbers(0, 'SRE'))).toBeUndefined();
});

test('a summary says where it waited, what is tried, and what the numbers mean', () => {
  const due = experiment('Smaller batches fail less', { dueAt: new Date(now.getTime() - 1), team: null });
  const words = parsedText(numbersSection(numbers(52, 'payments'), { experiments: [due], now, command: '/release' }));
  expect(words).toMatch(/REL-140 .*\(10 h\).* and 35 more/);
  expect(words).toContain(
    'Change fail rate below 5 % by 15 Dec 2026 · began at 8 % (3–16 %, n=52), now 0 % (0–2 %, n=80): reached, and its whole range with it · *due*: <@U0ANA>, what came of it?',
  );
  expect(words).toContain(escaped(metrics.change_fail_rate.definition));
  expect(experimentLine(experiment('x'), now).mrkdwn).not.toContain('due');
});

test('home says nothing of teams that are not there, and teaches where there is nothing yet', () => {
  expect(howWeAreDoing([], '/release')).toEqual([]);
  expect(parsedText(howWeAreDoing([numbers(0, 'Payments')], '/release'))).toMatch(
    /\*Payments\* nothing was deployed yet: its numbers appear here/,
  );
});

test('pictures have every number in their words, and there are at most six', () => {
  const drawn = pictures(numbers(52, 'payments'), 'delivery');
  expect(drawn.map(({ name }) => name)).toEqual([
    'deployment_frequency',
    'change_lead_time',
    'change_fail_rate',
    'recovery_time',
    'rework_rate',
  ]);
  expect(drawn[2]?.alt).toMatch(
    /Change fail rate – payments, by week from 1 Nov on.*2 % \(.*n=52\).*1 Nov unknown, 2 Nov 2 %/,
  );
  expect(pictures(numbers(52, 'payments'), 'approvals')).toHaveLength(6);
  expect(pictures(numbers(52, 'payments'), 'flow')[0]?.name).toBe('stages');
});

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
