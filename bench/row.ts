import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** One line of a benchmark. `ratio` is ours to the floor of the same run, the median of its rounds. */
export type Row = {
  readonly what: string;
  /** How many were measured, all rounds together. */
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  /** The floor's value of what the ratio is of. */
  readonly floor?: number;
  readonly ratio?: number;
  /** Smallest and largest ratio of a round. */
  readonly range?: readonly [number, number];
  readonly goal?: string;
  readonly pass?: boolean;
  /** Of p50, p99 and floor. More is better when it ends with "/s". */
  readonly unit: string;
};

export type Bench = { readonly name: string; readonly bench: () => Promise<Row[]> };

/** The machine in one line. */
export function machine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model.trim() ?? 'unknown'} × ${cpus().length}, ${gib} GiB, Node ${process.versions.node}`;
}

export function print(rows: readonly Row[]): void {
  const cells = rows.map((row) => [
    row.what,
    String(row.n),
    figure(row.p50),
    figure(row.p99),
    row.floor === undefined ? '' : figure(row.floor),
    row.ratio === undefined ? '' : `${figure(row.ratio)}${row.range ? ` (${row.range.map(figure).join('..')})` : ''}`,
    row.unit,
    row.goal ?? '',
    row.pass === undefined ? '' : row.pass ? 'pass' : 'FAIL',
  ]);
  const head = ['what', 'n', 'p50', 'p99', 'floor', 'ratio (min..max)', 'unit', 'goal', ''];
  const widths = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => (at === 0 || at > 5 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  for (const row of [head, ...cells]) process.stdout.write(`${line(row)}\n`);
}

/** Runs a benchmark whose file was started by itself. */
export async function alone(url: string, { name, bench }: Bench): Promise<void> {
  if (process.argv[1] !== fileURLToPath(url)) return;
  process.stdout.write(`${name} · ${machine()}\n`);
  print(await bench());
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 100 ? String(Math.round(value)) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
