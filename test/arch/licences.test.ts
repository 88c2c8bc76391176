import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { licences, unwelcome } from '../../src/lockfile.ts';

const lockfile = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
const of = (licence: string | undefined, name = 'newcomer') =>
  unwelcome(
    licences(
      JSON.stringify({
        packages: { '': {}, [`node_modules/a/node_modules/${name}`]: { version: '1', license: licence } },
      }),
    ),
  ).length === 0;

test('everything that is shipped is under a licence that was agreed to', () => {
  const found = licences(lockfile);
  expect(found.length).toBeGreaterThan(200);
  expect(unwelcome(found)).toEqual([]);
});

test('others are caught', () => {
  expect(['MIT', 'MIT OR GPL-3.0', '(MIT AND OFL-1.1)', 'MIT and ISC'].filter((one) => !of(one))).toEqual([]);
  expect(
    ['GPL-3.0', 'AGPL-3.0-only', 'MIT AND GPL-3.0', 'SSPL-1.0', 'UNLICENSED', undefined].filter((one) => of(one)),
  ).toEqual([]);
  // What was looked at was looked at under that licence.
  expect([of('EPL-2.0', 'elkjs'), of('GPL-3.0', 'elkjs'), of('EPL-2.0', 'newcomer')]).toEqual([true, false, false]);
});
