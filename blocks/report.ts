import type { KnownBlock } from '@slack/types';
import {
  type Bottleneck,
  cautions,
  groupOf,
  isEnough,
  longestPart,
  type Measures,
  type MetricGroup,
  type MetricKey,
  measuredOf,
  metricGroups,
  metrics,
  type Period,
  type Reading,
  type StageTime,
  spreadOf,
  stages,
} from '../src/domain/metric.ts';
import { releaseKey } from '../src/domain/release.ts';
import { dayWords } from '../src/domain/report.ts';
import { wallTime } from '../src/domain/time.ts';
import { barAlt, barChart, metricChart, seriesAlt, seriesChart, sparkline, stageChart } from './chart.ts';
import { type ExperimentProps, experimentLine } from './experiment.ts';
import {
  actions,
  button,
  clip,
  code,
  context,
  divider,
  header,
  join,
  type Mrkdwn,
  mrkdwn,
  section,
  type View,
} from './kit.ts';
import { briefText, changeWords, enoughText, metricName, partName, valueText } from './metric.ts';
import { type UnbookedProps, unbookedLine } from './unbooked.ts';

export type BottleneckProps = Bottleneck & {
  readonly period: Period;
  /** How many releases waited there at all. */
  readonly total: number;
  /** Those that waited longest. */
  readonly waiters: readonly {
    readonly release: number;
    readonly services: readonly string[];
    readonly minutes: number;
  }[];
};

export type NumbersProps = {
  /** "payments", "Payments", "all services". */
  readonly of: string;
  /** Null: all of them. */
  readonly environment: string | null;
  readonly zone: string;
  readonly period: Period;
  readonly measures: Measures;
  /** Each beside itself in the time before. */
  readonly readings: readonly Reading[];
  /** Full weeks, oldest first. */
  readonly weeks: readonly { readonly label: string; readonly measures: Measures }[];
  readonly stages: readonly StageTime[];
  readonly bottleneck: BottleneckProps | undefined;
};

const groupWords: Readonly<Record<MetricGroup, string>> = {
  delivery: 'Delivery',
  approvals: 'Approvals',
  flow: 'Flow',
  record: 'The record itself',
};

/** `/release report`: one group of metrics, each with its n, its range, its trend against itself, and what it means. */
export function report(
  numbers: NumbersProps,
  about: {
    readonly group: MetricGroup;
    readonly unbooked: readonly UnbookedProps[];
    /** What was asked for besides the group, to be asked again: "team:payments 90d". */
    readonly again: string;
    readonly command: string;
  },
): View {
  const { group } = about;
  const readings = groupOf(numbers.readings, group);
  const title = `${groupWords[group]} – ${numbers.of}`;
  const blocks: KnownBlock[] = [header(title), context(mrkdwn`${overWords(numbers)}`)];
  if (isNothing(numbers))
    blocks.push(
      section(
        mrkdwn`Nothing was deployed in this time, so there is little to say. Numbers appear once releases are booked here and done: ${code(`${about.command} new`)}.`,
      ),
    );
  for (const metric of new Set(readings.map((one) => one.metric)))
    blocks.push(
      section(
        metricLines(
          numbers,
          readings.filter((one) => one.metric === metric),
        ),
      ),
      context(mrkdwn`${metrics[metric].definition}`),
    );
  if (group === 'flow') blocks.push(divider(), section(bottleneckWords(numbers.bottleneck)));
  if (group === 'record' && about.unbooked.length > 0)
    blocks.push(
      section(
        join(
          [
            mrkdwn`*Not booked in this time*`,
            ...about.unbooked.slice(0, 8).map((one) => unbookedLine(one, numbers.zone)),
          ],
          '\n',
        ),
      ),
    );
  blocks.push(
    actions('report', [
      ...metricGroups
        .filter((other) => other !== group)
        .map((other, index) =>
          button(`line.say${index + 1}`, groupWords[other], `report ${other} ${about.again}`.trim().slice(0, 1_900)),
        ),
      button('line.say9', 'As pictures', `report ${group} ${about.again} --png`.replace(/\s+/g, ' ').slice(0, 1_900)),
    ]),
    context(...cautions.map((words) => mrkdwn`${words}`)),
  );
  const said = readings.map((one) => `${metricName(one.metric, one.part)} ${enoughText(one.metric, one.now)}`);
  return { text: mrkdwn`${title}, ${overWords(numbers)}: ${clip(said.join('; '), 3_000)}.`.mrkdwn, blocks };
}

/** A metric, its parts below each other. */
function metricLines(numbers: NumbersProps, parts: readonly Reading[]): Mrkdwn {
  const [first] = parts;
  if (!first) return mrkdwn``;
  const { name } = metrics[first.metric];
  const whole = parts.find((one) => one.part === '');
  const others = parts.filter((one) => one.part !== '').slice(0, partsAtMost);
  const hidden = parts.length - others.length - (whole ? 1 : 0);
  return join(
    [
      whole ? mrkdwn`*${name}* ${readingText(numbers, whole)}` : mrkdwn`*${name}*`,
      ...others.map((one) => mrkdwn`• ${clip(partName(one.metric, one.part), 60)}: ${readingText(numbers, one)}`),
      ...(hidden > 0 ? [mrkdwn`… and ${hidden} more`] : []),
    ],
    '\n',
  );
}

const partsAtMost = 8;

/** "8 % (3–16 %, n=52) ▂▃·▁ · no clear change (before: 9 %)". */
function readingText(numbers: NumbersProps, { metric, part, now, before, change }: Reading): Mrkdwn {
  // Of what is not known, or not shown, nothing is compared.
  if (!spreadOf(now) || !isEnough(now)) return mrkdwn`${enoughText(metric, now)}`;
  const earlier = spreadOf(before);
  const than = earlier && isEnough(before) ? ` (before: ${valueText(metrics[metric].unit, earlier.value)})` : '';
  return mrkdwn`${enoughText(metric, now)}${trend(numbers, metric, part)} · ${changeWords[change]}${than}`;
}

/** " ▂▃·▁" by week; nothing when fewer than two weeks are known. */
function trend({ weeks }: Pick<NumbersProps, 'weeks'>, metric: MetricKey, part: string): string {
  const values = weeks.map(({ measures }) => spreadOf(measuredOf(measures, metric, part))?.value ?? null);
  return values.filter((value) => value !== null).length < 2 ? '' : ` ${sparkline(values)}`;
}

/** "22 Oct – 21 Nov 2026, production". */
function overWords({ period, zone, environment }: Pick<NumbersProps, 'period' | 'zone' | 'environment'>): string {
  // Up to, and without, its last instant.
  const last = new Date(period.to.getTime() - 1);
  return `${dayWords(period.from, zone)} – ${dayWords(last, zone)} ${wallTime(last, zone).year}${environment === null ? '' : `, ${environment}`}`;
}

function isNothing({ measures }: Pick<NumbersProps, 'measures'>): boolean {
  const [frequency] = measures.deployment_frequency;
  return frequency?.measured.kind === 'frequency' && frequency.measured.n === 0;
}

/** Where work waited longest, with the releases that waited. */
export function bottleneckWords(found: BottleneckProps | undefined): Mrkdwn {
  if (!found) return mrkdwn`*Where releases wait longest*: nothing waited in this time.`;
  const waited = found.waiters.map(
    (one) =>
      mrkdwn`${releaseKey(one.release)} ${clip(one.services.join(' + '), 60)} (${valueText('minutes', one.minutes)})`,
  );
  const more = found.total > waited.length ? mrkdwn`, and ${found.total - waited.length} more` : mrkdwn``;
  return mrkdwn`*Where releases wait longest* (${daysOf(found)} days): ${stages[found.stage].name}, ${valueText('share', found.share)} of all waiting (${valueText('minutes', found.totalMinutes)} together). Longest: ${join(waited, ', ')}${more}.`;
}

/** The one line of a daily digest; undefined when nothing is known that it could say. */
export function numbersLine(numbers: NumbersProps): Mrkdwn | undefined {
  if (isNothing(numbers)) return undefined;
  const said = shortNumbers(numbers, ['lead', 'wait', 'fail']);
  return said.length === 0 ? undefined : mrkdwn`📈 ${said.join(' · ')} _(${daysOf(numbers)} d)_`;
}

/** A person's own digest: each of their teams against its own past; a team of which nothing is known is left out. */
export function teamLines(teams: readonly NumbersProps[]): Mrkdwn | undefined {
  const lines = teams.flatMap((numbers) => {
    const line = numbersLine(numbers);
    return line ? [mrkdwn`*${clip(numbers.of, 80)}* ${line}`] : [];
  });
  return lines.length === 0 ? undefined : join(lines, '\n');
}

type Short = 'lead' | 'wait' | 'fail';

/** Each with its trend; what is not known is left out. */
function shortNumbers(numbers: NumbersProps, wanted: readonly Short[]): string[] {
  const gate = longestPart(numbers.measures, 'approval_wait');
  const all: Readonly<Record<Short, readonly [name: string, metric: MetricKey, part: string]>> = {
    lead: ['change lead time', 'change_lead_time', ''],
    wait: [`wait for ${clip(gate, 40)}`, 'approval_wait', gate],
    fail: ['change fail rate', 'change_fail_rate', ''],
  };
  return wanted.flatMap((one) => {
    const [name, metric, part] = all[one];
    const measured = measuredOf(numbers.measures, metric, part);
    return spreadOf(measured) ? [`${name}${trend(numbers, metric, part)} ${briefText(metric, measured)}`] : [];
  });
}

function daysOf({ period }: Pick<NumbersProps, 'period'>): number {
  return Math.round((period.to.getTime() - period.from.getTime()) / 86_400_000);
}

const summaryMetrics: readonly MetricKey[] = [
  'deployment_frequency',
  'change_lead_time',
  'change_fail_rate',
  'recovery_time',
  'rework_rate',
  'adoption',
  'incidents_linked',
];

/** The numbers of a weekly or monthly summary: how it went, where it waited, what is tried; what each means below. */
export function numbersSection(
  numbers: NumbersProps,
  about: { readonly experiments: readonly ExperimentProps[]; readonly now: Date; readonly command: string },
): KnownBlock[] {
  const readings = numbers.readings.filter(({ metric, part }) => summaryMetrics.includes(metric) && part === '');
  const head = mrkdwn`*How it went – ${numbers.of}* (${overWords(numbers)})`;
  const tried = about.experiments.slice(0, 5).map((one) => experimentLine(one, about.now));
  return [
    section(
      isNothing(numbers)
        ? mrkdwn`${head}\nNothing was deployed.`
        : join(
            [
              head,
              ...readings.map((one) => mrkdwn`• ${metrics[one.metric].name}: ${readingText(numbers, one)}`),
              bottleneckWords(numbers.bottleneck),
            ],
            '\n',
          ),
    ),
    ...(tried.length === 0 ? [] : [section(join([mrkdwn`*What is tried*`, ...tried], '\n'))]),
    context(
      ...readings.map(({ metric }) => mrkdwn`*${metrics[metric].name}*: ${metrics[metric].definition}`),
      mrkdwn`More: ${code(`${about.command} report`)}`,
    ),
  ];
}

/** The same in one sentence. */
export function numbersText(numbers: NumbersProps): string {
  const said = shortNumbers(numbers, ['lead', 'wait', 'fail']).join('; ');
  return mrkdwn`How it went – ${clip(numbers.of, 300)} (${overWords(numbers)}): ${said === '' ? 'nothing was deployed' : said}.`
    .mrkdwn;
}

/** What App Home draws: how long changes took the first of these teams that has enough of them to say. */
export function homePicture(teams: readonly NumbersProps[]): Picture | undefined {
  const one = teams.find(({ measures }) => isEnough(measuredOf(measures, 'change_lead_time', '')));
  return one && pictures(one, 'delivery').find(({ name }) => name === 'change_lead_time');
}

/** App Home: the teams of a person, two or three numbers each, and a picture once it was uploaded as `file`. */
export function howWeAreDoing(
  teams: readonly NumbersProps[],
  command: string,
  picture?: Pick<Picture, 'alt'> & { readonly file: string },
): KnownBlock[] {
  if (teams.length === 0) return [];
  const [one] = teams;
  return [
    divider(),
    header('How we are doing'),
    ...teams.map((numbers) => {
      const frequency = measuredOf(numbers.measures, 'deployment_frequency', '');
      const said = isNothing(numbers)
        ? ['nothing was deployed yet: its numbers appear here once its releases are done']
        : [
            frequency.kind === 'frequency'
              ? `${valueText('per_week', frequency.perWeek)}${trend(numbers, 'deployment_frequency', '')}`
              : '',
            ...shortNumbers(numbers, ['lead', 'fail', 'wait']),
          ].filter((words) => words !== '');
      return section(mrkdwn`*${clip(numbers.of, 80)}* ${said.slice(0, 3).join(' · ')}`);
    }),
    ...(picture
      ? [{ type: 'image' as const, slack_file: { id: picture.file }, alt_text: picture.alt.slice(0, 2_000) }]
      : []),
    context(
      mrkdwn`${one ? overWords(one) : ''} · each against its own past, never against another team · ${code(`${command} report`)} says what they mean`,
    ),
  ];
}

/** A picture, and everything that it says in words. */
export type Picture = { readonly name: string; readonly title: string; readonly svg: string; readonly alt: string };

const picturesAtMost = 6;

/** What a report shows as pictures, at most six. */
export function pictures(numbers: NumbersProps, group: MetricGroup): Picture[] {
  const over = `by week from ${numbers.weeks[0]?.label ?? ''} on; the number is of ${overWords(numbers)}`;
  const stage = stageChart({ of: numbers.of, over: overWords(numbers), times: numbers.stages });
  const bars: Picture[] =
    group === 'flow' ? [{ name: 'stages', title: stage.title, svg: barChart(stage), alt: barAlt(stage) }] : [];
  const series = groupOf(numbers.readings, group)
    .filter(({ metric, part }) => metric !== 'stage_time' && (metric !== 'without_approval' || part === ''))
    .map(({ metric, part, now }, index): Picture => {
      const drawn = metricChart({
        metric,
        part,
        of: numbers.of,
        over,
        whole: now,
        points: numbers.weeks.map(({ label, measures }) => ({ label, measured: measuredOf(measures, metric, part) })),
        target: null,
      });
      // What few releases say is no headline.
      const chart = { ...drawn, headline: enoughText(metric, now) };
      return {
        name: `${metric}${part === '' ? '' : `-${index}`}`,
        title: chart.title,
        svg: seriesChart(chart),
        alt: seriesAlt(chart),
      };
    });
  return [...bars, ...series].slice(0, picturesAtMost);
}
