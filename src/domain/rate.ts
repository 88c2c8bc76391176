/*
 * A share with what is known of it: "8 % (3–16 %, n=41)". The interval is Jeffreys' (Beta(k+½, n−k+½), equal tails), which
 * stays honest for small n and for none at all.
 */
export type Rate = {
  readonly events: number;
  readonly n: number;
  /** Share of the events; for n = 0 there is none, and 0 stands here. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
};

/** `confidence` 0.9: nine of ten such intervals hold the true share. */
export function rateOf(events: number, n: number, confidence = 0.9): Rate {
  const [a, b] = [events + 0.5, n - events + 0.5];
  const tail = (1 - confidence) / 2;
  return {
    events,
    n,
    share: n === 0 ? 0 : events / n,
    // By convention the interval reaches the end where nothing (or everything) was seen.
    low: events === 0 ? 0 : betaQuantile(tail, a, b),
    high: events === n ? 1 : betaQuantile(1 - tail, a, b),
  };
}

/** The x at which the Beta(a, b) distribution has `p` of its mass to the left; found by halving. */
function betaQuantile(p: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (betaCdf(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22). */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean; the other side follows by symmetry.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log(1 - x) - logBeta(a, b)) / a;
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let fraction = d;
  for (let m = 1; m < 300; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / nonZero(1 + term * d, tiny);
      c = nonZero(1 + term / c, tiny);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  return front * fraction;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** Lanczos' approximation (g = 7, nine terms), good to about fifteen digits for positive numbers. */
function logGamma(x: number): number {
  const series = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  const sum = series.reduce((total, term, index) => total + term / (z + index + 1), 0.99999999999980993);
  const t = z + series.length - 0.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}
