import fc from 'fast-check';
import { expect, test } from 'vitest';
import { betaCdf, rateOf } from '../../src/domain/rate.ts';

test('intervals are those that integrating the density by hand gives', () => {
  // Computed apart from this code, by summing the density of Beta(k+½, n−k+½) on a fine grid.
  const table: [k: number, n: number, low: number, high: number][] = [
    [4, 52, 0.03256, 0.15506],
    [3, 41, 0.0269, 0.16229],
    [50, 1000, 0.03961, 0.06231],
  ];
  for (const [k, n, low, high] of table) {
    const rate = rateOf(k, n);
    expect(rate.low).toBeCloseTo(low, 4);
    expect(rate.high).toBeCloseTo(high, 4);
    expect(rate.share).toBeCloseTo(k / n, 10);
  }
  expect(rateOf(0, 20)).toMatchObject({ low: 0, share: 0 });
  expect(rateOf(0, 20).high).toBeCloseTo(0.09048, 4);
  expect(rateOf(7, 7)).toMatchObject({ high: 1, share: 1 });
  expect(rateOf(7, 7).low).toBeCloseTo(0.76754, 4);
  expect(rateOf(0, 0)).toMatchObject({ n: 0, low: 0, high: 1 });
});

test('the interval holds the share, and more data narrow it', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(200), (a, b) => {
      const [k, n] = [Math.min(a, b), Math.max(a, b)];
      const rate = rateOf(k, n);
      expect(rate.low).toBeLessThanOrEqual(rate.share + 1e-12);
      if (n > 0) expect(rate.high).toBeGreaterThanOrEqual(rate.share - 1e-12);
      const more = rateOf(k * 4, n * 4);
      if (n > 0) expect(more.high - more.low).toBeLessThanOrEqual(rate.high - rate.low + 1e-9);
    }),
  );
});

test('the distribution is symmetric, and known where it is plain', () => {
  expect(betaCdf(0.3, 1, 1)).toBeCloseTo(0.3, 12);
  expect(betaCdf(0.25, 2, 1)).toBeCloseTo(0.0625, 12);
  expect(betaCdf(0.5, 7.5, 7.5)).toBeCloseTo(0.5, 12);
  expect(betaCdf(0.2, 3, 9) + betaCdf(0.8, 9, 3)).toBeCloseTo(1, 12);
});
