import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CanarySamples, judgeCanary, mannWhitney } from '../../src/domain/canary.ts';
import cases from './canary-cases.json' with { type: 'json' };

test('worked examples come out as published', () => {
  // Hollander & Wolfe (1973), 69f, the example of R's wilcox.test; the interval as package coin prints it.
  const term = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
  const early = [1.15, 0.88, 0.9, 0.74, 1.21];
  const permeability = mannWhitney(term, early, 0.95);
  expect(permeability).toMatchObject({ u: 35, method: 'exact' });
  expect(permeability.pValue).toBeCloseTo(0.2544, 4);
  expect(permeability.shift).toBeCloseTo(0.305, 10);
  expect(permeability.low).toBeCloseTo(-0.15, 10);
  expect(permeability.high).toBeCloseTo(0.76, 10);

  // The example of scipy's mannwhitneyu.
  const diabetes = mannWhitney([19, 22, 16, 29, 24], [20, 11, 17, 12], 0.95);
  expect(diabetes.u).toBe(17);
  expect(diabetes.pValue).toBeCloseTo(1 / 9, 12);

  // airquality, May against August, the example of R's wilcox.test with ties; the interval from R 4.2.2.
  const may = [41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37];
  const august = [
    39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85,
  ];
  const ozone = mannWhitney(may, august, 0.95);
  expect(ozone).toMatchObject({ u: 127.5, shift: -32, low: -53, high: -15, method: 'normal' });
  expect(ozone.pValue).toBeCloseTo(0.0001208, 7);
});

test('U and p are those of scipy, shift and interval those of R', () => {
  // Drawn once with numpy; u and p by mannwhitneyu of scipy 1.17.1 (two-sided, use_continuity), and `interval` (shift, low
  // and high at 98 %) by wilcox.test of R 4.2.2. R gives none where both sides are constant.
  expect(cases.length).toBeGreaterThan(15);
  for (const { x, y, method, u, p, interval } of cases) {
    const found = mannWhitney(x, y, 0.98);
    expect(found).toMatchObject({ method, u });
    expect(Math.abs(found.pValue / p - 1)).toBeLessThan(1e-9);
    if (!interval) continue;
    const [shift = Number.NaN, low = Number.NaN, high = Number.NaN] = interval;
    // R's root for the shift lies between the two middle differences.
    expect(found.shift).toBeCloseTo(shift, method === 'exact' ? 6 : 2);
    expect(Math.abs(found.low - low)).toBeLessThan(1.1e-4);
    expect(Math.abs(found.high - high)).toBeLessThan(1.1e-4);
  }
});

test('for small samples it is what counting every arrangement gives', () => {
  for (const [m, n] of [
    [1, 3],
    [2, 5],
    [3, 3],
    [4, 6],
    [5, 5],
    [6, 3],
  ] as const) {
    // Powers of two: no two differences are the same.
    const values = Array.from({ length: m + n }, (_, index) => 2 ** index);
    const arrangements = choices(values, m).map((x) => {
      const y = values.filter((value) => !x.includes(value));
      return { x, y, u: x.flatMap((a) => y.filter((b) => a > b)).length };
    });
    const share = (holds: (u: number) => boolean) =>
      arrangements.filter(({ u }) => holds(u)).length / arrangements.length;
    for (const confidence of [0.8, 0.9, 0.98]) {
      let wrong = 0;
      for (const { x, y, u } of arrangements) {
        const found = mannWhitney(x, y, confidence);
        const oneSided = Math.min(
          share((other) => other <= u),
          share((other) => other >= u),
        );
        expect(found.u).toBe(u);
        expect(found.pValue).toBeCloseTo(Math.min(1, 2 * oneSided), 12);
        const rejects = found.low > 0 || found.high < 0;
        expect(rejects).toBe(found.pValue <= 1 - confidence + 1e-12);
        if (rejects) wrong++;
      }
      expect(wrong / arrangements.length).toBeLessThanOrEqual(1 - confidence + 1e-12);
    }
  }
});

test('shift and bounds are differences that exist, counted from their ends, with ties and without', () => {
  const side = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(side, side, (x, y) => {
      const found = mannWhitney(x, y, 0.9);
      const all = x.flatMap((a) => y.map((b) => a - b)).sort((a, b) => a - b);
      const half = all.length >> 1;
      const [upper = 0, lower = 0] = [all[half], all[all.length % 2 === 1 ? half : half - 1]];
      expect(Math.abs(found.shift - (lower + upper) / 2)).toBeLessThanOrEqual(1e-12 * Math.abs(upper) + 1e-300);
      const u = x.flatMap((a) => y.map((b) => (a > b ? 1 : a === b ? 0.5 : 0))).reduce<number>((a, b) => a + b, 0);
      expect(found.u).toBe(u);
      if (found.low === -Infinity) return;
      const from = all.indexOf(found.low + 0);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(all).toContain(found.high + 0);
      expect(found.low).toBeLessThanOrEqual(found.shift);
      expect(found.high).toBeGreaterThanOrEqual(found.shift);
      // Turned around, it says the same.
      const turned = mannWhitney(y, x, 0.9);
      expect(turned.low).toBe(0 - found.high);
      expect(turned.high).toBe(0 - found.low);
      expect(turned.pValue).toBeCloseTo(found.pValue, 12);
    }),
  );
});

test('equal distributions give no more false alarms than the confidence promises', () => {
  const random = randomFrom(20250);
  const kinds = {
    normal: () => normal(random),
    latency: () => 120 * Math.exp(0.5 * normal(random)),
    count: () => poisson(random, 2),
    seldom: () => poisson(random, 0.3),
  };
  const rounds = 1500;
  for (const draw of Object.values(kinds)) {
    const alarms = { usual: 0, kayenta: 0, interval: 0, oneWay: 0 };
    for (let round = 0; round < rounds; round++) {
      const baseline = Array.from({ length: 8 + Math.floor(random() * 93) }, draw);
      const canary = Array.from({ length: 8 + Math.floor(random() * 93) }, draw);
      const samples = { metric: 'm', direction: 'either', baseline, canary } as const;
      if (judgeCanary(samples).verdict !== 'pass') alarms.usual++;
      const { verdict, low, high, shift } = judgeCanary(samples, { reference: 0 });
      if (verdict !== 'pass') alarms.kayenta++;
      if (low === null || high === null || shift === null) throw new Error('eight a side are enough');
      if (low > 0 || high < 0) alarms.interval++;
      if (low > 0) alarms.oneWay++;
    }
    expect(alarms.usual / rounds).toBeLessThanOrEqual(0.02);
    expect(alarms.kayenta / rounds).toBeLessThanOrEqual(0.02);
    // The interval by itself uses up what it is promised: three standard deviations for the chance of these rounds.
    const most = (rate: number) => rate + 3 * Math.sqrt((rate * (1 - rate)) / rounds);
    expect(alarms.interval / rounds).toBeLessThanOrEqual(most(0.02));
    expect(alarms.oneWay / rounds).toBeLessThanOrEqual(most(0.01));
  }
});

test('a shift well over the tolerance is found, one well inside it is never called', () => {
  const random = randomFrom(7);
  const latency = () => 120 * Math.exp(0.5 * normal(random));
  const load = () => poisson(random, 20);
  const draw = (of: () => number, length: number) => Array.from({ length }, of);
  const table = [
    { of: latency, factor: 1.8, plus: 0, n: 100, verdict: 'high' },
    { of: latency, factor: 0.45, plus: 0, n: 100, verdict: 'low' },
    { of: load, factor: 1, plus: 10, n: 60, verdict: 'high' },
    { of: latency, factor: 1.1, plus: 0, n: 60, verdict: 'pass' },
    { of: load, factor: 1, plus: 2, n: 30, verdict: 'pass' },
    { of: load, factor: 1, plus: -2, n: 100, verdict: 'pass' },
  ] as const;
  for (const { of, factor, plus, n, verdict } of table) {
    let found = 0;
    const rounds = 300;
    for (let round = 0; round < rounds; round++) {
      const [baseline, canary] = [draw(of, n), draw(of, n).map((value) => value * factor + plus)];
      if (judgeCanary({ metric: 'm', direction: 'either', baseline, canary }).verdict === verdict) found++;
    }
    if (verdict === 'pass') expect(found).toBe(rounds);
    else expect(found / rounds).toBeGreaterThanOrEqual(0.95);
  }
});

test('what the tolerance is a share of decides what matters', () => {
  const run = (centre: number) => Array.from({ length: 40 }, (_, index) => centre + index / 10_000);
  const slower = { metric: 'p99', direction: 'increase', baseline: run(1), canary: run(1.05) } as const;
  expect(judgeCanary(slower)).toMatchObject({ verdict: 'pass', tolerance: 0.25, confidence: 0.98 });
  expect(judgeCanary(slower, { tolerance: 0.01 }).verdict).toBe('high');
  // Kayenta's rule alone calls any shift that is measured well.
  expect(judgeCanary(slower, { reference: 0 }).verdict).toBe('high');
  const failing = { metric: 'success', direction: 'decrease', baseline: run(0.99), canary: run(0.9) } as const;
  expect(judgeCanary(failing).verdict).toBe('pass');
  expect(judgeCanary(failing, { reference: 0.01 }).verdict).toBe('low');
});

test('a direction that nobody minds passes', () => {
  const baseline = Array.from({ length: 10 }, (_, index) => 100 + index);
  const twice = baseline.map((value) => value * 2);
  const verdict = (direction: CanarySamples['direction'], canary: number[], base = baseline) =>
    judgeCanary({ metric: 'm', direction, baseline: base, canary }).verdict;
  expect([verdict('increase', twice), verdict('either', twice), verdict('decrease', twice)]).toEqual([
    'high',
    'high',
    'pass',
  ]);
  expect([
    verdict('decrease', baseline, twice),
    verdict('either', baseline, twice),
    verdict('increase', baseline, twice),
  ]).toEqual(['low', 'low', 'pass']);
});

test('equal and constant data pass, and constants that differ are told apart', () => {
  const judge = (baseline: number[], canary: number[]) =>
    judgeCanary({ metric: 'm', direction: 'either', baseline, canary });
  const zeros = new Array<number>(20).fill(0);
  const fives = new Array<number>(12).fill(5);
  expect(judge(zeros, zeros)).toMatchObject({ verdict: 'pass', shift: 0, low: 0, high: 0, pValue: 1 });
  expect(judge(fives, fives)).toMatchObject({ verdict: 'pass', medianBaseline: 5, medianCanary: 5 });
  const some = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];
  expect(judge(some, [...some].reverse())).toMatchObject({ verdict: 'pass', shift: 0 });
  expect(judge(zeros, fives)).toMatchObject({ verdict: 'high', shift: 5, low: 5, high: 5 });
  expect(judge(fives, zeros)).toMatchObject({ verdict: 'low', shift: -5 });
  // Mostly the same: no shift to see, only p tells.
  const mostly = [...zeros, ...fives];
  const hidden = judge([...zeros, ...zeros], mostly);
  expect(hidden).toMatchObject({ verdict: 'pass', shift: 0 });
  expect(hidden.pValue).toBeLessThan(0.001);
});

test('too little data is an answer of its own', () => {
  const run = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
  const judge = (baseline: number[], canary: number[], options = {}) =>
    judgeCanary({ metric: 'm', direction: 'either', baseline, canary }, options);
  expect(judge([], [])).toEqual({
    metric: 'm',
    verdict: 'not_enough_data',
    n: { baseline: 0, canary: 0 },
    medianBaseline: null,
    medianCanary: null,
    shift: null,
    low: null,
    high: null,
    pValue: null,
    tolerance: 0.25,
    confidence: 0.98,
  });
  expect(judge(run(7), run(50, 90))).toMatchObject({ verdict: 'not_enough_data', medianBaseline: 3, shift: null });
  expect(judge(run(50), run(7, 90)).verdict).toBe('not_enough_data');
  expect(judge(run(8), run(8, 90)).verdict).toBe('high');
  // Asked to do with less, it still has to have bounds: 2 / C(8, 4) is over 2 %, 2 / C(10, 5) is not.
  expect(judge(run(4), run(4, 90), { least: 1 })).toMatchObject({ verdict: 'not_enough_data', shift: 90, low: null });
  expect(judge(run(5), run(5, 90), { least: 1 }).verdict).toBe('high');
  expect(judge(run(8), run(8, 90), { confidence: 0.9999 }).verdict).toBe('not_enough_data');
});

test('what is no number, or makes no sense, is refused', () => {
  const samples = { metric: 'p99', direction: 'increase', baseline: [1, 2], canary: [1] };
  expect(CanarySamples.safeParse(samples).success).toBe(true);
  for (const wrong of [
    { ...samples, baseline: [Number.NaN] },
    { ...samples, canary: [Number.POSITIVE_INFINITY] },
    { ...samples, canary: [Number.NEGATIVE_INFINITY] },
    { ...samples, canary: [Number.MAX_VALUE] },
    { ...samples, canary: ['1'] },
    { ...samples, canary: new Array(2001).fill(1) },
    { ...samples, metric: 'm'.repeat(81) },
    { ...samples, direction: 'up' },
    { ...samples, more: 1 },
  ])
    expect(CanarySamples.safeParse(wrong).success).toBe(false);
  const fine = CanarySamples.parse(samples);
  for (const options of [
    { tolerance: -1 },
    { reference: Number.NaN },
    { confidence: 1 },
    { confidence: 0 },
    { least: 0 },
  ])
    expect(() => judgeCanary(fine, options)).toThrow(RangeError);
  expect(() => judgeCanary({ ...fine, canary: [Number.NaN] })).toThrow(RangeError);
  expect(() => mannWhitney([], [1])).toThrow(RangeError);
});

test('the largest that may be asked, and numbers of any size, take no time to speak of', () => {
  const random = randomFrom(3);
  const many = () => Array.from({ length: 2000 }, () => normal(random));
  const wide = Array.from({ length: 2000 }, (_, index) => (index % 2 ? 1e300 : -1e300));
  const began = performance.now();
  expect(judgeCanary({ metric: 'm', direction: 'either', baseline: many(), canary: many() }).verdict).toBe('pass');
  expect(mannWhitney(wide, [1e-300, 2e-300, -1e300])).toMatchObject({ method: 'normal' });
  expect(performance.now() - began).toBeLessThan(500);
});

function choices(values: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return values.flatMap((value, index) => choices(values.slice(index + 1), count - 1).map((rest) => [value, ...rest]));
}

/** mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Knuth's, for small means. */
function poisson(random: () => number, mean: number): number {
  const end = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > end; product *= random()) count++;
  return count;
}
