import { Resvg } from '@resvg/resvg-js';
import { expect, test } from 'vitest';
import {
  barAlt,
  barChart,
  metricChart,
  type SeriesChart,
  seriesAlt,
  seriesChart,
  sparkline,
  stageChart,
} from '../../blocks/chart.ts';
import { changeWords, measuredText, metricName } from '../../blocks/metric.ts';
import { toPng } from '../../src/chart.ts';
import {
  cautions,
  frequencyMeasured,
  medianMeasured,
  medianOf,
  metrics,
  rateMeasured,
  stages,
  unknown,
} from '../../src/domain/metric.ts';

const weeks = ['2 Nov', '9 Nov', '16 Nov', '23 Nov'];
const measured = [rateMeasured(1, 12, ''), unknown('x'), rateMeasured(3, 12, ''), rateMeasured(0, 9, '')];
const rates = metricChart({
  metric: 'change_fail_rate',
  part: '',
  of: 'payments',
  over: 'by week, 4 weeks to 29 Nov 2026',
  whole: rateMeasured(4, 33, ''),
  points: weeks.map((label, index) => ({ label, measured: measured[index] ?? unknown('x') })),
  target: { value: 0.1, label: 'Target' },
});

test('a line of text starts at zero, and has a dot where nothing is known', () => {
  expect(sparkline([0, 1, null, 7, 3.5])).toBe('▁▂·█▅');
  expect(sparkline([0, 0])).toBe('▁▁');
  expect(sparkline([2, 2])).toBe('██');
  expect(sparkline([null])).toBe('·');
  expect(sparkline([])).toBe('');
});

test('numbers are said with n and their range, and what is unknown with its reason', () => {
  expect(measuredText('change_fail_rate', rateMeasured(4, 52, ''))).toBe('8 % (3–16 %, n=52)');
  expect(measuredText('recovery_time', medianMeasured(medianOf([20, 40], 3), ''))).toBe(
    '30 min (n=2, too few for a range, 1 unknown)',
  );
  expect(measuredText('change_lead_time', medianMeasured(medianOf([60, 120, 180, 240, 3000]), ''))).toBe(
    '3 h (1 h–2 d 2 h, n=5)',
  );
  const four = { from: new Date('2026-10-26T00:00Z'), to: new Date('2026-11-23T00:00Z') };
  expect(measuredText('deployment_frequency', frequencyMeasured(10, four))).toBe('2.5 a week (1.4–4.2, n=10)');
  expect(measuredText('known_errors', { kind: 'count', n: 3 })).toBe('3');
  expect(measuredText('adoption', unknown('Nobody reports them.'))).toBe('unknown: Nobody reports them.');
  expect(metricName('stage_time', 'slot')).toBe('Time by stage: waiting for the slot');
  expect(metricName('approval_wait', 'SRE')).toBe('Approval wait: SRE');
});

test('the alt text holds every number, the target, the definition, and fits into Slack', () => {
  const alt = seriesAlt(rates);
  for (const said of [
    'Change fail rate – payments',
    '12 % (5–24 %, n=33)',
    'Target 10 %',
    '2 Nov 8 % (1–28 %)',
    '9 Nov unknown',
    '16 Nov 25 %',
    '23 Nov 0 %',
    metrics.change_fail_rate.definition,
  ])
    expect(alt).toContain(said);
  // A year of weeks says every number, if need be without its range; what never fits is cut.
  const point = rates.points[0] as SeriesChart['points'][number];
  const times = (count: number) => ({
    ...rates,
    points: Array.from({ length: count }, (_, index) => ({ ...point, label: `week number ${index + 1}` })),
  });
  expect(seriesAlt(times(70))).toMatch(/week number 1 8 %, .* week number 70 8 %\. Failed deployments .*once\.$/);
  expect(seriesAlt(times(300)).length).toBeLessThanOrEqual(2000);
});

test('an unknown week leaves a gap in the line and a question mark, never a zero', () => {
  const svg = seriesChart(rates);
  const lines = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map((match) => match[1]?.split(' ').length);
  expect(lines).toEqual([1, 2]);
  expect(svg.match(/<circle/g)).toHaveLength(3);
  expect(svg.match(/>\?</g)).toHaveLength(2);
  const full = seriesChart({ ...rates, points: rates.points.filter(({ value }) => value !== null) });
  expect(full.match(/<polyline/g)).toHaveLength(1);
  expect(full).not.toContain('>?<');
  expect(seriesChart({ ...rates, points: rates.points.map((one) => ({ ...one, value: null })) })).toContain(
    'Nothing is known of this time.',
  );
});

test('nothing is drawn outside, whatever the numbers are', () => {
  for (const value of [0, 1e-9, 0.004, 1, 3.7, 250, 1e7]) {
    for (const unit of ['minutes', 'per_week', 'pieces', 'share'] as const) {
      for (const shape of ['line', 'bars'] as const) {
        const point = { label: 'a', value, low: value / 2, high: value * 40 };
        const svg = seriesChart({
          ...rates,
          unit,
          shape,
          points: [point, { ...point, value: value / 3 }],
          target: null,
        });
        const height = Number(/height="(\d+)"/.exec(svg)?.[1]);
        const ys = [...svg.matchAll(/ (?:y|y1|y2|cy)="([^"]+)"/g)].map((match) => Number(match[1]));
        expect(svg).not.toMatch(/NaN|Infinity|undefined/);
        expect(Math.min(...ys)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...ys)).toBeLessThanOrEqual(height);
        const ticks = svg.match(/stroke="#d9d9d9"/g)?.length ?? 0;
        expect(ticks).toBeGreaterThanOrEqual(2);
        expect(ticks).toBeLessThanOrEqual(7);
      }
    }
  }
});

test('what people typed stays text', async () => {
  const nasty = `</text><script>alert(1)</script> & "x" \u0000\u000b\ud800 ${'long'.repeat(60)}`;
  const chart = {
    ...rates,
    title: nasty,
    subtitle: nasty,
    headline: nasty,
    definition: nasty,
    target: { value: 0.1, label: nasty },
  };
  const svg = seriesChart(chart);
  expect(svg).not.toContain('<script');
  // A parser that stops at the first mistake reads all of it.
  expect((await toPng(svg)).length).toBeGreaterThan(1000);
  const bars = barChart({ ...chart, bars: [{ label: nasty, value: 3, note: nasty, kind: 'waiting', isMarked: true }] });
  expect((await toPng(bars)).length).toBeGreaterThan(1000);
});

test('the stage that holds releases up is marked, in words and not by colour alone', () => {
  const chart = stageChart({
    of: 'all services',
    over: 'October 2026',
    times: [
      { stage: 'vote', n: 40, totalMinutes: 600 },
      { stage: 'slot', n: 40, totalMinutes: 1800 },
      { stage: 'deploy', n: 40, totalMinutes: 2400 },
      { stage: 'verify', n: 0, totalMinutes: 0 },
    ],
  });
  expect(chart.headline).toBe('Longest: waiting for the slot, 75 % of all waiting');
  expect(chart.bars.map(({ isMarked }) => isMarked)).toEqual([false, true, false, false]);
  expect(barAlt(chart)).toContain('waiting for the slot 1 d 6 h (n=40), deploying 1 d 16 h (n=40), verifying unknown');
  const svg = barChart(chart);
  expect(svg).toContain('url(#waiting)');
  expect(svg).toMatch(/font-weight="600"[^>]*>waiting for the slot</);
});

test('text is drawn without a font of the machine', async () => {
  const svg = seriesChart(rates);
  const png = await toPng(svg, 2);
  const written = pixelsOf(png);
  expect([written.width, written.height]).toEqual([780, 2 * Number(/height="(\d+)"/.exec(svg)?.[1])]);
  // The title's line, in ink; the same picture without its texts has none there.
  const bare = pixelsOf(await toPng(svg.replace(/<text.*?<\/text>/gs, ''), 2));
  expect(darkIn(written, 30, 80)).toBeGreaterThan(1500);
  expect(darkIn(bare, 30, 80)).toBe(0);
  // The definition at its foot.
  expect(darkIn(written, written.height - 140, written.height - 20)).toBeGreaterThan(2000);
});

test('the font has every letter that our own words need', async () => {
  const words = [
    ...Object.values(metrics).flatMap(({ name, definition }) => [name, definition]),
    ...Object.values(stages).map(({ name }) => name),
    ...Object.values(changeWords),
    ...cautions,
    '0123456789 % – · … ? → ÄÖÜäöüßéèçñøåłšžαβγДЖЩ',
  ].join('');
  const letters = [...new Set(words)].filter((letter) => letter.trim() !== '');
  const drawn = async (letter: string) =>
    pixelsOf(
      await toPng(
        `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="#fff"/><text x="10" y="28" font-size="20" font-family="Inter">${letter === '&' ? '&amp;' : letter}</text></svg>`,
        1,
      ),
    ).pixels.toString('base64');
  const missing = await drawn('\u{F8FE}');
  // Another one that it lacks looks the same, so that the check can fail.
  expect((await drawn('釉')) === missing).toBe(true);
  for (const letter of letters) expect([letter, (await drawn(letter)) === missing]).toEqual([letter, false]);
});

type Picture = { readonly width: number; readonly height: number; readonly pixels: Buffer };

/** Decodes a PNG by drawing it. */
function pixelsOf(png: Buffer): Picture {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const image = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><image width="${width}" height="${height}" href="data:image/png;base64,${png.toString('base64')}"/></svg>`;
  return { width, height, pixels: new Resvg(image, { font: { loadSystemFonts: false } }).render().pixels };
}

function darkIn({ width, pixels }: Picture, from: number, to: number): number {
  let dark = 0;
  for (let at = from * width * 4; at < to * width * 4; at += 4)
    if ((pixels[at] as number) < 110 && (pixels[at + 1] as number) < 110 && (pixels[at + 2] as number) < 110) dark++;
  return dark;
}
