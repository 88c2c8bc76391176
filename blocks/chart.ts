import {
  bottleneckOf,
  type Measured,
  type MetricKey,
  type MetricUnit,
  metrics,
  type StageTime,
  spreadOf,
  stages,
} from '../src/domain/metric.ts';
import { clip } from './kit.ts';
import { measuredText, metricName, rangeText, valueText } from './metric.ts';

/*
 * Pictures of metrics: a line of text, or SVG as wide as a phone. Everything that a picture says is in its alt text, too;
 * no meaning is in colour alone.
 */

/** What a point is: unknown is null, and never drawn as zero. */
export type ChartPoint = {
  /** Under its place: "2 Nov". */
  readonly label: string;
  readonly value: number | null;
  /** Its 90 % range. */
  readonly low: number | null;
  readonly high: number | null;
};

export type SeriesChart = {
  readonly title: string;
  /** Of what, over which time. */
  readonly subtitle: string;
  readonly unit: MetricUnit;
  readonly shape: 'line' | 'bars';
  /** Oldest first, evenly spaced. */
  readonly points: readonly ChartPoint[];
  /** The number that the picture is about, in words: "8 % (3–16 %, n=52)". */
  readonly headline: string;
  readonly target: { readonly value: number; readonly label: string } | null;
  readonly definition: string;
};

export type Bar = {
  readonly label: string;
  readonly value: number | null;
  /** Behind its value: "n=52". */
  readonly note: string;
  /** Waiting is hatched, work is solid. */
  readonly kind: 'waiting' | 'working' | 'after';
  /** The one that the picture is about. */
  readonly isMarked: boolean;
};

export type BarChart = Pick<SeriesChart, 'title' | 'subtitle' | 'unit' | 'headline' | 'definition'> & {
  readonly bars: readonly Bar[];
};

const blocks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** "▂▃·▇▁": from zero to the largest; a dot for what is not known. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = Math.max(0, ...values.filter((value) => value !== null));
  const at = (value: number) => (most === 0 ? 0 : Math.round((Math.max(0, value) / most) * (blocks.length - 1)));
  return values.map((value) => (value === null ? '·' : blocks[at(value)])).join('');
}

/** A metric (or a part of it) over time: `whole` is over all of it, which is never the middle of the points. */
export function metricChart(asked: {
  readonly metric: MetricKey;
  readonly part: string;
  /** "payments", "all services". */
  readonly of: string;
  /** "by week, 12 weeks to 22 Nov 2026". */
  readonly over: string;
  readonly whole: Measured;
  readonly points: readonly { readonly label: string; readonly measured: Measured }[];
  readonly target: SeriesChart['target'];
}): SeriesChart {
  const { aggregate, unit, definition } = metrics[asked.metric];
  return {
    title: `${metricName(asked.metric, asked.part)} – ${asked.of}`,
    subtitle: asked.over,
    unit,
    shape: aggregate === 'frequency' || aggregate === 'count' ? 'bars' : 'line',
    points: asked.points.map(({ label, measured }) => {
      const spread = spreadOf(measured);
      return { label, value: spread?.value ?? null, low: spread?.low ?? null, high: spread?.high ?? null };
    }),
    headline: measuredText(asked.metric, asked.whole),
    target: asked.target,
    definition,
  };
}

/** Where the time of a period's deployments went. */
export function stageChart(asked: {
  readonly of: string;
  readonly over: string;
  readonly times: readonly StageTime[];
}): BarChart {
  const worst = bottleneckOf(asked.times);
  return {
    title: `Where releases wait – ${asked.of}`,
    subtitle: asked.over,
    unit: 'minutes',
    headline: worst
      ? `Longest: ${stages[worst.stage].name}, ${valueText('share', worst.share)} of all waiting`
      : 'Nothing waited.',
    bars: asked.times.map(({ stage, n, totalMinutes }) => ({
      label: stages[stage].name,
      value: n === 0 ? null : totalMinutes,
      note: n === 0 ? '' : `n=${n}`,
      kind: stages[stage].kind,
      isMarked: stage === worst?.stage,
    })),
    definition: 'The time of all deployments of this time in each stage, added up. Nothing waits for the review.',
  };
}

/** Alt text of Slack's image block holds 2000 characters. */
const altMost = 2000;

export function seriesAlt(chart: SeriesChart): string {
  const points = (isRanged: boolean) =>
    chart.points.map(({ label, value, low, high }) => {
      if (value === null) return `${label} unknown`;
      const range = !isRanged || low === null || high === null ? '' : ` (${rangeText(chart.unit, low, high)})`;
      return `${label} ${valueText(chart.unit, value)}${range}`;
    });
  const target = chart.target ? ` ${chart.target.label} ${valueText(chart.unit, chart.target.value)}.` : '';
  const said = (isRanged: boolean) =>
    `${chart.title}, ${chart.subtitle}: ${chart.headline}.${target} ${points(isRanged).join(', ')}. ${chart.definition}`;
  // A year of weeks has no room for its ranges: the numbers come first.
  const full = said(true);
  return clip(full.length <= altMost ? full : said(false), altMost);
}

export function barAlt(chart: BarChart): string {
  const bars = chart.bars.map(
    ({ label, value, note }) =>
      `${label} ${value === null ? 'unknown' : valueText(chart.unit, value)}${note === '' ? '' : ` (${note})`}`,
  );
  return clip(`${chart.title}, ${chart.subtitle}: ${chart.headline}. ${bars.join(', ')}. ${chart.definition}`, altMost);
}

// Okabe and Ito's colours (2008), which people with any colour vision can tell apart.
const colours = {
  value: '#0072B2',
  band: '#56B4E9',
  target: '#D55E00',
  working: '#009E73',
  waiting: '#E69F00',
  after: '#999999',
};
const ink = { text: '#1d1c1d', quiet: '#4a4a4a', line: '#d9d9d9', paper: '#ffffff' };

/** In pixels of a phone; pictures are drawn at a multiple of it. */
const width = 390;
const margin = 16;

/** A metric over time, with its range and its target. */
export function seriesChart(chart: SeriesChart): string {
  const known = chart.points.flatMap(({ value }) => (value === null ? [] : [value]));
  const shown = Math.max(0, ...known, chart.target?.value ?? 0);
  const ranges = chart.points.flatMap(({ high }) => (high === null ? [] : [high]));
  // A range of few events may reach far: it is cut off rather than flattening what is known.
  const scale = ticksOf(chart.unit, Math.max(shown, Math.min(2 * shown, Math.max(0, ...ranges))));
  const axis = 8 + Math.max(...scale.map((tick) => textWidth(tickText(chart.unit, tick), 12)));
  const [left, right, height] = [margin + axis, width - margin - 8, 150];
  const top = scale.at(-1) as number;
  const head = headOf(chart, 18);
  const y = (value: number) => head.bottom + height - (Math.min(value, top) / top) * height;
  const step = (right - left) / Math.max(1, chart.points.length);
  const x = (index: number) => left + step * (index + 0.5);
  const isEmpty = known.length === 0;
  const grid = (isEmpty ? [0] : scale).map(
    (tick) =>
      `<line x1="${left}" x2="${right}" y1="${n(y(tick))}" y2="${n(y(tick))}" stroke="${tick === 0 ? ink.quiet : ink.line}"/>` +
      text(left - 8, y(tick) + 4, tickText(chart.unit, tick), { size: 12, fill: ink.quiet, anchor: 'end' }),
  );
  const every = Math.max(
    1,
    Math.ceil((Math.max(...chart.points.map(({ label }) => textWidth(label, 12)), 0) + 10) / step),
  );
  // Counted from the newest, which is the one people look for.
  const labels = chart.points.map(({ label }, index) =>
    (chart.points.length - 1 - index) % every === 0
      ? text(x(index), head.bottom + height + 18, label, { size: 12, fill: ink.quiet, anchor: 'middle' })
      : '',
  );
  const unknowns = chart.points.map(({ value }, index) =>
    value === null && !isEmpty
      ? text(x(index), head.bottom + height - 6, '?', { size: 13, fill: ink.quiet, anchor: 'middle', bold: true })
      : '',
  );
  const marks = chart.shape === 'bars' ? bars(chart.points, x, y, step) : line(chart.points, x, y, step);
  const target = chart.target ? targetLine(left, right, y(chart.target.value)) : '';
  const nothing = isEmpty
    ? text((left + right) / 2, head.bottom + height / 2, 'Nothing is known of this time.', {
        size: 14,
        fill: ink.quiet,
        anchor: 'middle',
      })
    : '';
  const legend = legendOf(chart, head.bottom + height + 42);
  return picture(chart, legend.bottom, [
    head.svg,
    ...grid,
    ...marks,
    target,
    ...unknowns,
    ...labels,
    nothing,
    legend.svg,
  ]);
}

/** Stages or other things beside each other, each named on its own line. */
export function barChart(chart: BarChart): string {
  const head = headOf(chart, 6);
  const rows = 46;
  const most = Math.max(0, ...chart.bars.map(({ value }) => value ?? 0));
  const whole = width - 2 * margin;
  const drawn = chart.bars.map((bar, index) => {
    const at = head.bottom + index * rows;
    const value = bar.value === null ? 'unknown' : valueText(chart.unit, bar.value);
    const size = most === 0 || bar.value === null ? 0 : Math.max(bar.value > 0 ? 2 : 0, (bar.value / most) * whole);
    const said = bar.note === '' ? value : `${value} · ${bar.note}`;
    const label = shorten(bar.label, 13, whole - textWidth(said, 13) - 12);
    return (
      text(margin, at + 14, label, { size: 13, fill: ink.text, bold: bar.isMarked }) +
      text(width - margin, at + 14, said, { size: 13, fill: ink.text, anchor: 'end', bold: bar.isMarked }) +
      `<rect x="${margin}" y="${at + 20}" width="${whole}" height="14" rx="3" fill="#f2f2f2"/>` +
      `<rect x="${margin}" y="${at + 20}" width="${n(size)}" height="14" rx="3" fill="${bar.kind === 'waiting' ? 'url(#waiting)' : colours[bar.kind]}"/>`
    );
  });
  const bottom = head.bottom + chart.bars.length * rows;
  const kinds = [...new Set(chart.bars.map(({ kind }) => kind))];
  let at = margin;
  const legend = kinds.map((kind) => {
    const word = kind === 'after' ? 'after the end' : kind;
    const drawnKey =
      `<rect x="${n(at)}" y="${bottom + 4}" width="14" height="12" rx="2" fill="${kind === 'waiting' ? 'url(#waiting)' : colours[kind]}"/>` +
      text(at + 20, bottom + 14, word, { size: 12, fill: ink.quiet });
    at += 20 + textWidth(word, 12) + 18;
    return drawnKey;
  });
  return picture(chart, bottom + 24, [hatch, head.svg, ...drawn, ...legend]);
}

const hatch = `<defs><pattern id="waiting" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="6" height="6" fill="${colours.waiting}"/><rect width="2" height="6" fill="#8a5f00"/></pattern></defs>`;

type Placed = { readonly svg: string; readonly bottom: number };

function headOf(
  { title, subtitle, headline }: Pick<SeriesChart, 'title' | 'subtitle' | 'headline'>,
  space: number,
): Placed {
  const lines = [
    ...wrap(title, 17).map((words) => ({ words, size: 17, fill: ink.text, bold: true })),
    ...wrap(subtitle, 13).map((words) => ({ words, size: 13, fill: ink.quiet, bold: false })),
    ...wrap(headline, 15).map((words) => ({ words, size: 15, fill: ink.text, bold: true })),
  ];
  return stack(lines, margin, space);
}

function stack(
  lines: readonly { words: string; size: number; fill: string; bold: boolean }[],
  from: number,
  space: number,
): Placed {
  let bottom = from;
  const svg = lines.map(({ words, size, fill, bold }) => {
    bottom += size * 1.35;
    return text(margin, bottom - size * 0.3, words, { size, fill, bold });
  });
  return { svg: svg.join(''), bottom: Math.round(bottom + space) };
}

function picture(
  { title, definition }: Pick<SeriesChart, 'title' | 'definition'>,
  bottom: number,
  parts: readonly string[],
): string {
  const foot = stack(
    wrap(definition, 12).map((words) => ({ words, size: 12, fill: ink.quiet, bold: false })),
    bottom + 6,
    margin,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${foot.bottom}" viewBox="0 0 ${width} ${foot.bottom}" font-family="Inter" role="img">
<title>${xml(title)}</title>
<rect width="${width}" height="${foot.bottom}" fill="${ink.paper}"/>
${parts.filter((part) => part !== '').join('\n')}
<line x1="${margin}" x2="${width - margin}" y1="${bottom}" y2="${bottom}" stroke="${ink.line}"/>
${foot.svg}
</svg>`;
}

type At = (value: number) => number;

/** Runs of known points; a gap where one is unknown. */
function line(points: readonly ChartPoint[], x: At, y: At, step: number): string[] {
  const radius = Math.min(3.5, step * 0.3);
  const runs: { index: number; point: ChartPoint & { value: number } }[][] = [[]];
  points.forEach((point, index) => {
    const { value } = point;
    if (value === null) runs.push([]);
    else runs.at(-1)?.push({ index, point: { ...point, value } });
  });
  return runs.flatMap((run) => {
    if (run.length === 0) return [];
    const path = run.map(({ index, point }) => `${n(x(index))},${n(y(point.value))}`);
    const upper = run.map(({ index, point }) => `${n(x(index))},${n(y(point.high ?? point.value))}`);
    const lower = run.map(({ index, point }) => `${n(x(index))},${n(y(point.low ?? point.value))}`).reverse();
    // A point between two gaps has a range, and no neighbours to draw an area with.
    const band =
      run.length > 1
        ? `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colours.band}" fill-opacity="0.35"/>`
        : run.map(({ index, point }) => whisker(point, x(index), y, 10, colours.band, 0.35)).join('');
    return [
      band,
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colours.value}" stroke-width="2.5" stroke-linejoin="round"/>`,
      ...run.map(
        ({ index, point }) =>
          `<circle cx="${n(x(index))}" cy="${n(y(point.value))}" r="${n(radius)}" fill="${colours.value}" stroke="${ink.paper}"/>`,
      ),
    ];
  });
}

function bars(points: readonly ChartPoint[], x: At, y: At, step: number): string[] {
  const wide = Math.min(28, step * 0.66);
  return points.flatMap((point, index) =>
    point.value === null
      ? []
      : [
          `<rect x="${n(x(index) - wide / 2)}" y="${n(y(point.value))}" width="${n(wide)}" height="${n(y(0) - y(point.value))}" fill="${colours.value}"/>`,
          whisker({ ...point, value: point.value }, x(index), y, 1.5, ink.text),
        ],
  );
}

function whisker(
  { value, low, high }: ChartPoint & { readonly value: number },
  at: number,
  y: At,
  thick: number,
  colour: string,
  opacity = 1,
): string {
  if (low === null || high === null) return '';
  return `<line x1="${n(at)}" x2="${n(at)}" y1="${n(y(Math.max(high, value)))}" y2="${n(y(Math.min(low, value)))}" stroke="${colour}" stroke-opacity="${opacity}" stroke-width="${thick}"/>`;
}

function targetLine(left: number, right: number, at: number): string {
  return `<line x1="${n(left)}" x2="${n(right)}" y1="${n(at)}" y2="${n(at)}" stroke="${colours.target}" stroke-width="2" stroke-dasharray="6 4"/>`;
}

/** What the marks mean, in a row. */
function legendOf({ shape, points, target, unit }: SeriesChart, at: number): Placed {
  const isRanged = points.some(({ low, high }) => low !== null && high !== null);
  const isPartial = points.some(({ value }) => value === null) && points.some(({ value }) => value !== null);
  const keys = [
    isRanged && {
      words: '90 % range',
      mark: (x: number) =>
        shape === 'line'
          ? `<rect x="${n(x)}" y="${at - 10}" width="18" height="12" fill="${colours.band}" fill-opacity="0.35"/>`
          : `<line x1="${n(x + 9)}" x2="${n(x + 9)}" y1="${at - 11}" y2="${at + 3}" stroke="${ink.text}" stroke-width="1.5"/>`,
    },
    target && {
      words: shorten(`${target.label} ${valueText(unit, target.value)}`, 12, 150),
      mark: (x: number) => targetLine(x, x + 18, at - 4),
    },
    isPartial && {
      words: 'unknown',
      mark: (x: number) => text(x + 9, at, '?', { size: 13, fill: ink.quiet, anchor: 'middle', bold: true }),
    },
  ].filter((key) => key !== false && key !== null);
  let x = margin;
  const svg = keys.map(({ words, mark }) => {
    const drawn = mark(x) + text(x + 24, at, words, { size: 12, fill: ink.quiet });
    x += 24 + textWidth(words, 12) + 14;
    return drawn;
  });
  return { svg: svg.join(''), bottom: keys.length === 0 ? at - 14 : at + 14 };
}

/** Round numbers from zero to at least `most`, three to six of them. */
function ticksOf(unit: MetricUnit, most: number): number[] {
  const [minute, hour, day] = [1, 60, 24 * 60];
  const steps: Readonly<Record<MetricUnit, readonly number[]>> = {
    minutes: [
      ...[1, 2, 5, 10, 15, 30].map((one) => one * minute),
      ...[1, 2, 3, 6, 12].map((one) => one * hour),
      ...[1, 2, 5, 7, 14, 28, 56, 112, 364].map((one) => one * day),
    ],
    share: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25],
    per_week: [1, 2, 5],
    pieces: [1, 2, 5],
  };
  const given = steps[unit];
  let step = given.find((one) => most / one <= 5) ?? 0;
  // Beyond the list: 1, 2 or 5 times a power of ten (for shares, a quarter is enough).
  for (let power = 1; step === 0; power *= 10)
    step = [1, 2, 5].map((one) => one * power).find((one) => most / one <= 5 && one >= (given.at(-1) as number)) ?? 0;
  const count = Math.max(2, Math.ceil(most / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

function tickText(unit: MetricUnit, tick: number): string {
  if (unit === 'per_week') return String(tick);
  if (unit === 'share') return `${Math.round(tick * 1000) / 10} %`;
  return tick === 0 ? '0' : valueText(unit, tick);
}

type Style = { size: number; fill: string; bold?: boolean; anchor?: 'start' | 'middle' | 'end' };

function text(x: number, y: number, words: string, { size, fill, bold = false, anchor = 'start' }: Style): string {
  return `<text x="${n(x)}" y="${n(y)}" font-size="${size}" fill="${fill}"${bold ? ' font-weight="600"' : ''}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`} xml:space="preserve">${xml(words)}</text>`;
}

/** Lines that fit between the margins. A word that is too long is cut. */
function wrap(words: string, size: number): string[] {
  const most = width - 2 * margin;
  const lines: string[] = [];
  for (const word of words.split(/\s+/).filter((one) => one !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(`${last} ${word}`, size) <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(shorten(word, size, most));
  }
  return lines;
}

function shorten(words: string, size: number, most: number): string {
  let cut = words;
  while (cut.length > 1 && textWidth(cut, size) > most) cut = `${cut.slice(0, -2).trimEnd()}…`;
  return cut;
}

/** How wide the font sets it, a little on the large side: letters by their kind, in shares of the size. */
function textWidth(words: string, size: number): number {
  let sum = 0;
  for (const letter of words)
    sum += /[ilI.,:;'|!·]/.test(letter)
      ? 0.3
      : /[ fjrt()\-–]/.test(letter)
        ? 0.4
        : /[mwMW@%]/.test(letter)
          ? 0.92
          : /[A-Z0-9]/.test(letter)
            ? 0.68
            : letter.charCodeAt(0) > 0x2e80
              ? 1
              : 0.6;
  return sum * size;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** What people typed as text of an XML document; characters that XML has no place for are left out. */
function xml(words: string): string {
  return words
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}
