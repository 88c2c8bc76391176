import { readFileSync } from 'node:fs';
import { licences, unwelcome } from './lockfile.ts';

/** `npm run licences`: what the product ships with, under which licence. Exit code 1 when one has to be looked at first. */
const found = licences(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const widest = Math.max(...found.map(({ licence }) => licence.length));
for (const licence of [...new Set(found.map((one) => one.licence))].sort()) {
  const names = found.filter((one) => one.licence === licence).map(({ name, version }) => `${name}@${version}`);
  process.stdout.write(`${licence.padEnd(widest)}  ${String(names.length).padStart(3)}  ${names.sort().join(' ')}\n`);
}
const bad = unwelcome(found);
for (const { name, version, licence } of bad)
  process.stderr.write(
    `${name}@${version} is under ${licence}: look at it, then allow it in src/lockfile.ts or replace it\n`,
  );
process.exit(bad.length === 0 ? 0 : 1);
