import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Bench, machine, print, type Row } from './row.ts';

/*
 * `npm run bench [-- name …]`: runs the benchmarks, prints them, and compares each ratio with the last result that was
 * written down. `--strict` ends with 1 when one is worse by more than a fifth; `--million` fills a million rows too;
 * `--soak 60` keeps the load on memory up for an hour; `--keep` writes nothing, and
 * `--quick` neither: it only tries whether everything runs.
 */

type Result = { readonly at: string; readonly machine: string; readonly rows: readonly Row[] };

const here = new URL('.', import.meta.url).pathname;
const file = `${here}results/last.json`;
const worseBy = 1.2;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    strict: { type: 'boolean', default: false },
    million: { type: 'boolean', default: false },
    soak: { type: 'string' },
    quick: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
if (values.quick) process.env.BENCH_QUICK = '1';
if (values.million) process.env.BENCH_MILLION = '1';
if (values.soak) process.env.BENCH_SOAK_MINUTES = values.soak;

const found: Bench[] = [];
for (const one of readdirSync(here).sort())
  if (one.endsWith('.ts') && !['run.ts', 'row.ts'].includes(one))
    found.push((await import(new URL(one, import.meta.url).href)) as Bench);
const names = found.map((one) => one.name);
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}. There are: ${names.join(', ')}\n`);
  process.exit(1);
}

const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Result>) : {};
const after: Record<string, Result> = { ...before };
const worse: string[] = [];
const failed: string[] = [];
process.stdout.write(`${machine()}\n`);
for (const { name, bench } of found) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const started = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  try {
    const rows = await bench();
    print(rows);
    after[name] = { at: new Date().toISOString(), machine: machine(), rows };
    keep();
    worse.push(...(before[name] ? slower(name, before[name].rows, rows) : []));
    failed.push(...rows.filter((row) => row.pass === false).map((row) => `${name}: ${row.what}`));
  } catch (error) {
    failed.push(`${name}: ${(error as Error).message}`);
    process.stdout.write(`${(error as Error).stack}\n`);
  }
  process.stdout.write(`${Math.round((Date.now() - started) / 1000)} s\n`);
}
say('Goals that were missed', failed);
say('Worse than the last result by more than a fifth', worse);
process.exit(values.strict && worse.length > 0 ? 1 : 0);

/** After each, so that what was measured is not lost with what comes after it. */
function keep(): void {
  if (values.keep || values.quick) return;
  mkdirSync(`${here}results`, { recursive: true });
  writeFileSync(file, `${JSON.stringify(after, null, 2)}\n`);
}

/** Only ratios are held against each other: the machine may be another. */
function slower(name: string, old: readonly Row[], rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const was = old.find((one) => one.what === row.what)?.ratio;
    if (was === undefined || row.ratio === undefined) return [];
    const change = row.unit.endsWith('/s') ? was / row.ratio : row.ratio / was;
    return change > worseBy ? [`${name}: ${row.what}: ratio ${was.toFixed(2)} → ${row.ratio.toFixed(2)}`] : [];
  });
}

function say(title: string, lines: readonly string[]): void {
  process.stdout.write(`\n${title}: ${lines.length === 0 ? 'none' : `\n  ${lines.join('\n  ')}`}\n`);
}
