import { performance } from 'node:perf_hooks';
import type { Row } from '../row.ts';

/** What each of the rounds measured: times in ms, or other numbers. */
export type Rounds = readonly (readonly number[])[];
export type Stat = 'p50' | 'p99';
/** A ratio that has to be reached: at most, or at least. */
export type Goal = { readonly most: number } | { readonly least: number };

/** A try of the program itself: everything once and small. Its figures say nothing. */
export const isQuick = process.env.BENCH_QUICK === '1';
export const rounds = isQuick ? 1 : 5;

const shares: Record<Stat, number> = { p50: 0.5, p99: 0.99 };

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Runs every case once per round, in turns and each round in another order, so that a noisy moment hits all. */
export async function interleaved<Name extends string>(
  rounds: number,
  cases: Readonly<Record<Name, (round: number) => Promise<readonly number[]>>>,
): Promise<Record<Name, number[][]>> {
  const names = Object.keys(cases) as Name[];
  const found = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[][]>;
  for (let round = 0; round < rounds; round++)
    for (let at = 0; at < names.length; at++) {
      const name = names[(at + round) % names.length] as Name;
      found[name].push([...(await cases[name](round))]);
    }
  return found;
}

/** A row of the product beside its floor: the median of the rounds' ratios. */
export function rowOf(
  what: string,
  ours: Rounds,
  of: {
    readonly floor?: Rounds;
    readonly stat?: Stat;
    readonly unit?: string;
    readonly goal?: Goal;
    readonly name?: string;
  } = {},
): Row {
  const { floor, stat = 'p99', unit = 'ms', goal, name = 'the floor' } = of;
  const all = ours.flat();
  const row = { what, n: all.length, p50: quantile(all, 0.5), p99: quantile(all, 0.99), unit };
  if (!floor) return row;
  const ratios = ours.map((round, at) => quantile(round, shares[stat]) / quantile(floor[at] ?? [], shares[stat]));
  const ratio = median(ratios);
  return {
    ...row,
    floor: quantile(floor.flat(), shares[stat]),
    ratio,
    range: [Math.min(...ratios), Math.max(...ratios)],
    ...(goal
      ? 'most' in goal
        ? { goal: `${stat} ≤ ${goal.most}× ${name}`, pass: ratio <= goal.most }
        : { goal: `${stat} ≥ ${goal.least}× ${name}`, pass: ratio >= goal.least }
      : {}),
  };
}

/** A row that is right or wrong: a count that has to be what it should be. */
export function exact(what: string, found: number, wanted: number, n: number): Row {
  return { what, n, p50: found, p99: found, unit: 'count', goal: `= ${wanted}`, pass: found === wanted };
}

/** `hands` people who each do the next thing when the last is done, for `ms`. Times in ms. */
export async function closedLoop(hands: number, ms: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  await Promise.all(
    Array.from({ length: hands }, async () => {
      while (performance.now() < end) times.push(await timed(work));
    }),
  );
  return times;
}

/** So many a second whatever becomes of the others; each time counts from when it was due, so that a stall hits all it delays. */
export async function fixedRate(perSecond: number, ms: number, work: () => Promise<unknown>): Promise<number[]> {
  const gap = 1_000 / perSecond;
  const count = Math.round(ms / gap);
  const started = performance.now();
  const running: Promise<number>[] = [];
  for (let at = 0; at < count; at++) {
    const due = started + at * gap;
    const wait = due - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    // Timers come up to a millisecond early: then it counts from now.
    const from = Math.min(due, performance.now());
    running.push(work().then(() => performance.now() - from));
  }
  return Promise.all(running);
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** How long memory is loaded. */
export const soakMinutes = Number(process.env.BENCH_SOAK_MINUTES ?? (isQuick ? 0.1 : 1));

/** Samples of memory in MiB: the lowest of the last third beside the lowest of the first, after the collector was there. */
export function growthRow(what: string, minutes: number, samples: readonly number[]): Row {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const [from, to] = [Math.min(...samples.slice(0, third)), Math.min(...samples.slice(-third))];
  return rowOf(`${what}, last third of ${minutes} min of load beside the first`, [[to]], {
    floor: [[from]],
    stat: 'p50',
    unit: 'MiB',
    name: 'the first',
    goal: { most: 1.25 },
  });
}
