import { z } from 'zod';

/*
 * Is a canary worse than its baseline? A Mann–Whitney test with the Hodges–Lehmann shift and its interval, judged as
 * Kayenta judges. It takes the samples as independent: points that follow each other closely hold less than they seem to.
 */

// Wider than any metric, and differences of two still are numbers.
const sample = z.number().min(-1e300).max(1e300);

/** What is asked: samples of one metric in its own unit, and the direction that somebody would mind. */
export const CanarySamples = z.strictObject({
  metric: z.string().min(1).max(80),
  direction: z.enum(['increase', 'decrease', 'either']),
  baseline: z.array(sample).max(2000),
  canary: z.array(sample).max(2000),
});
export type CanarySamples = z.infer<typeof CanarySamples>;

export type CanaryOptions = {
  /** How far a shift may go: a share of the reference, and of the shift itself. */
  readonly tolerance?: number;
  /** Of the interval, two-sided; over 0 and below 1. */
  readonly confidence?: number;
  /** Fewer samples than this on a side are not enough. */
  readonly least?: number;
  /** What the tolerance is a share of, in the unit of the metric; without it, the size of the baseline's median. */
  readonly reference?: number;
};

export type CanaryVerdict = {
  readonly metric: string;
  readonly verdict: 'pass' | 'high' | 'low' | 'not_enough_data';
  readonly n: { readonly baseline: number; readonly canary: number };
  /** These five in the unit of the metric; null where the data give none. */
  readonly medianBaseline: number | null;
  readonly medianCanary: number | null;
  /** Canary − baseline. */
  readonly shift: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly pValue: number | null;
  /** As they were asked for: shares, not units. */
  readonly tolerance: number;
  readonly confidence: number;
};

/**
 * "high" when even the lower bound of the shift (canary − baseline, in the unit of the metric) lies over the bar, "low"
 * when even the upper one lies under its negative; the direction has to be one that somebody minds. All else passes, so
 * a pass is "nothing shown", never "shown to be equal". Too few samples, or too few for a bound at this confidence, are
 * `not_enough_data`.
 *
 * The bar is `tolerance` × the larger of two. |shift| is Kayenta's (spinnaker/kayenta, MannWhitneyClassifier; 0.25 and
 * 0.98 are those of its NetflixACAJudge). Alone it asks only that the interval is narrow, and with many samples any
 * shift gets there. `reference` is ours: a shift has to matter too. Its default, |median of the baseline|, fits what
 * counts from zero (latency, load, failures). What does not needs its own: a share of successes near 1 never falls by a
 * quarter, so give the share of failures that matters, or 0 for Kayenta's rule alone.
 *
 * Equal data pass, here as there, by having no shift. Left out: its removal of outliers, which ranks bear, and its
 * judging of any side that is not empty. Where most samples are the same (a count that mostly is 0) the shift is 0
 * whatever the rest does, and passes; `pValue` tells, and counts over longer spans are judged better.
 *
 * Eight a side at least: ties need the normal approximation, and up to there Mann and Whitney (1947) tabulated U and
 * found it "almost normal". Without ties an interval of 98 % exists from five.
 *
 * Throws a RangeError for options that make no sense and for samples that are not finite.
 */
export function judgeCanary(samples: CanarySamples, options: CanaryOptions = {}): CanaryVerdict {
  const { tolerance = 0.25, confidence = 0.98, least = 8 } = options;
  const { metric, direction, baseline, canary } = samples;
  check(canary, baseline, confidence);
  const medianBaseline = medianOf(baseline);
  const { reference = Math.abs(medianBaseline ?? 0) } = options;
  if (!(tolerance >= 0 && tolerance < Infinity && reference >= 0 && reference < Infinity))
    throw new RangeError('tolerance and reference are finite and not negative');
  if (!(least >= 1)) throw new RangeError('it takes one sample at least');
  const known = {
    metric,
    n: { baseline: baseline.length, canary: canary.length },
    medianBaseline,
    medianCanary: medianOf(canary),
    tolerance,
    confidence,
  };
  const none = { shift: null, low: null, high: null, pValue: null };
  if (Math.min(baseline.length, canary.length) < least) return { ...known, ...none, verdict: 'not_enough_data' };
  const { shift, low, high, pValue } = mannWhitney(canary, baseline, confidence);
  if (!Number.isFinite(low)) return { ...known, ...none, shift, pValue, verdict: 'not_enough_data' };
  const bar = tolerance * Math.max(Math.abs(shift), reference);
  const found = { ...known, shift, low, high, pValue };
  if (direction !== 'decrease' && low > bar) return { ...found, verdict: 'high' };
  if (direction !== 'increase' && high < -bar) return { ...found, verdict: 'low' };
  return { ...found, verdict: 'pass' };
}

export type MannWhitney = {
  /** Pairs in which the one of `x` is larger; equal ones count half. */
  readonly u: number;
  /** Two-sided. */
  readonly pValue: number;
  /** Hodges–Lehmann: the median of all differences x − y. */
  readonly shift: number;
  /** ∓Infinity where so few samples bound nothing at this confidence. */
  readonly low: number;
  readonly high: number;
  readonly method: 'exact' | 'normal';
};

/**
 * The Mann–Whitney test of `x` against `y` (in one unit, which the shift and its bounds have too), by the rules of
 * `wilcox.test(x, y, conf.int = TRUE)` of R 4.2: exact below 50 samples a side without ties, else the normal
 * approximation with corrections for ties and continuity. The interval is Bauer's (JASA 67, 1972) for both: its ends are
 * differences x − y, counted in from the outermost, where R's search for a root stops within 0.0001 of them. Ties between
 * the sides dissolve as soon as one side is shifted, so the interval corrects for those within a side only. Unlike R's,
 * the shift is the median of the differences in both cases, and confidence that cannot be had gives no interval at all
 * instead of a lesser one.
 *
 * Throws a RangeError for an empty side, samples that are not finite, and a confidence that is none.
 */
export function mannWhitney(x: readonly number[], y: readonly number[], confidence = 0.98): MannWhitney {
  check(x, y, confidence);
  if (x.length === 0 || y.length === 0) throw new RangeError('both sides need samples');
  const [xs, ys] = [Float64Array.from(x).sort(), Float64Array.from(y).sort()];
  const pairs = xs.length * ys.length;
  const u = (countOver(xs, ys) + pairs - countOver(ys, xs)) / 2;
  const ties = tiesOf(Float64Array.from([...x, ...y]).sort());
  const tail = (1 - confidence) / 2;
  const method = ties === 0 && xs.length < 50 && ys.length < 50 ? 'exact' : 'normal';
  const test = method === 'exact' ? exactTest(xs, ys, u, tail) : normalTest(xs, ys, u, tail, ties);
  const half = Math.floor(pairs / 2);
  const middle = difference(xs, ys, half + 1);
  return {
    u,
    pValue: Math.min(1, test.pValue),
    shift: pairs % 2 === 1 ? middle : difference(xs, ys, half) / 2 + middle / 2,
    low: test.rank < 1 ? -Infinity : difference(xs, ys, test.rank),
    high: test.rank < 1 ? Infinity : difference(xs, ys, pairs + 1 - test.rank),
    method,
  };
}

function check(x: readonly number[], y: readonly number[], confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) throw new RangeError('a confidence lies between 0 and 1');
  if (![...x, ...y].every(Number.isFinite)) throw new RangeError('samples have to be finite');
}

/** `rank`: which difference, counted from either end, bounds the interval; 0 for none. */
type Test = { readonly pValue: number; readonly rank: number };

function exactTest(xs: Float64Array, ys: Float64Array, u: number, tail: number): Test {
  const pairs = xs.length * ys.length;
  const below = lowerTail(xs.length, ys.length);
  let rank = 0;
  // A bound is wrong when U < rank; the hair is for rounding where the tail is met exactly.
  while (rank < below.length && (below[rank] ?? 1) <= tail * (1 + 1e-12)) rank++;
  return { pValue: 2 * (below[Math.min(u, pairs - u)] ?? 0.5), rank };
}

/**
 * P(U ≤ u) for u up to the middle. The counts are the coefficients of the Gaussian binomial ∏ (1 − q^(n+i)) / (1 − q^i),
 * i = 1…m (Mann and Whitney 1947; Andrews, The Theory of Partitions, ch. 3).
 */
function lowerTail(m: number, n: number): Float64Array {
  const counts = new Float64Array(Math.floor((m * n) / 2) + 1);
  counts[0] = 1;
  let all = 1;
  for (let i = 1; i <= m; i++) {
    all *= (n + i) / i;
    for (let k = counts.length - 1; k >= n + i; k--) counts[k] = at(counts, k) - at(counts, k - n - i);
    for (let k = i; k < counts.length; k++) counts[k] = at(counts, k) + at(counts, k - i);
  }
  let sum = 0;
  return counts.map((count) => {
    sum += count;
    return sum / all;
  });
}

function normalTest(xs: Float64Array, ys: Float64Array, u: number, tail: number, ties: number): Test {
  const mean = (xs.length * ys.length) / 2;
  const sigma = sigmaOf(xs.length, ys.length, ties);
  const off = Math.max(0, Math.abs(u - mean) - 0.5);
  const shifted = sigmaOf(xs.length, ys.length, tiesOf(xs) + tiesOf(ys));
  return {
    // All equal: nothing speaks against equality.
    pValue: sigma === 0 ? 1 : 2 * upperTail(off / sigma),
    rank: Math.max(0, Math.ceil(mean - 0.5 - normalQuantile(tail) * shifted)),
  };
}

/** Standard deviation of U, less for ties (`ties`: the sum of t³ − t). */
function sigmaOf(m: number, n: number, ties: number): number {
  const all = m + n;
  return Math.sqrt(Math.max(0, ((m * n) / 12) * (all + 1 - ties / (all * (all - 1)))));
}

/** The sum of t³ − t over the groups of t equal numbers. */
function tiesOf(sorted: Float64Array): number {
  let sum = 0;
  let from = 0;
  for (let index = 1; index <= sorted.length; index++) {
    if (index < sorted.length && sorted[index] === sorted[from]) continue;
    const t = index - from;
    sum += t ** 3 - t;
    from = index;
  }
  return sum;
}

/** Pairs in which x is larger than y. */
function countOver(xs: Float64Array, ys: Float64Array): number {
  let count = 0;
  let smaller = 0;
  for (const x of xs) {
    while (smaller < ys.length && at(ys, smaller) < x) smaller++;
    count += smaller;
  }
  return count;
}

/**
 * The difference x − y of that rank, 1 the smallest. Halving with a walk along both sides at each step: four million
 * differences are never laid out. Both ends stay differences that exist, so it ends on the exact one.
 */
function difference(xs: Float64Array, ys: Float64Array, rank: number): number {
  let low = at(xs, 0) - at(ys, ys.length - 1);
  let high = at(xs, xs.length - 1) - at(ys, 0);
  while (low < high) {
    const halved = low / 2 + high / 2;
    // Below the upper end in any case, or rounding would keep it there for ever.
    const middle = low <= halved && halved < high ? halved : low;
    let [count, under, over] = [0, low, high];
    let from = 0;
    for (const x of xs) {
      // The larger x, the larger the y from which on a difference is at most `middle`.
      while (from < ys.length && x - at(ys, from) > middle) from++;
      count += ys.length - from;
      if (from < ys.length) under = Math.max(under, x - at(ys, from));
      if (from > 0) over = Math.min(over, x - at(ys, from - 1));
    }
    if (count >= rank) high = under;
    else low = over;
  }
  // No difference has no sign.
  return low + 0;
}

function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? at(sorted, half) : at(sorted, half - 1) / 2 + at(sorted, half) / 2;
}

/** P(Z > z) for z ≥ 0: the series around 0 (DLMF 7.6.2), further out the continued fraction (DLMF 7.9.1). */
function upperTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    let sum = 0;
    for (let k = 1, term = z; k < 100; k++, term *= (z * z) / (2 * k - 1)) sum += term;
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let k = 100; k > 0; k--) fraction = z + k / fraction;
  return density / fraction;
}

/** The z with `tail` (below a half) of the normal distribution beyond it; found by halving. */
function normalQuantile(tail: number): number {
  let [low, high] = [0, 40];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (upperTail(middle) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Inside its bounds by the loop that asks. */
function at(values: Float64Array, index: number): number {
  return values[index] ?? 0;
}
