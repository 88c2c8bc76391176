import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { call } from '../../src/commands/command.ts';
import { setWindowCommand } from '../../src/commands/window.ts';
import type { Window } from '../../src/domain/calendar.ts';
import { catalogSchema, parseCatalog, windowsOf } from '../../src/domain/catalog.ts';
import { type Hall, openHall } from '../support/hall.ts';

const root = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'maitred-catalog-'));
const written = readFileSync(`${root}sandbox/catalog.yml`, 'utf8');

const parsed = (() => {
  const read = parseCatalog(parse(written));
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.catalog;
})();

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog: written });
});
afterAll(() => hall?.close());

/** Runs the program as a person would; `text` is the file it is given. */
async function catalog(verb: string, text: string): Promise<{ code: number; said: string }> {
  const file = join(folder, 'catalog.yml');
  writeFileSync(file, text);
  const options = { cwd: root, env: { PATH: process.env.PATH, DATABASE_URL: hall.url } };
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'src/catalog.ts', verb, file],
      options,
    );
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}

const keys = async (sql: string) => (await hall.db.pool.query<{ key: string }>(sql)).rows.map((row) => row.key);

test('says what would change before it changes it, and applies exactly that', async () => {
  expect(await catalog('check', written)).toEqual({
    code: 0,
    said: expect.stringMatching(/well written: 8 services, 4 teams, 2 windows/),
  });
  expect(await catalog('diff', written)).toEqual({ code: 0, said: 'Nothing would change.\n' });
  const changed = written
    .replace('capacity: 6\n    max_minutes: 240', 'capacity: 3')
    .replace(/ {2}weekend:[\s\S]*?(?=trains:)/, '')
    .replace('ledger-nights:', 'ledger-evenings:');
  const { said } = await catalog('diff', changed);
  expect(said.trim().split('\n')).toEqual([
    '+ windows ledger-evenings (Ledger nights)',
    '- windows ledger-nights',
    '~ windows production-days (Production days)',
    '- freezes weekend',
  ]);
  expect(await keys('SELECT key FROM release_window ORDER BY key')).toEqual(['ledger-nights', 'production-days']);
  // What people did in Slack since stays, as long as the catalogue does not touch it.
  const extra = { ...windowsOf(parsed)[0], key: 'extra', name: 'Extra' } as Window;
  expect((await hall.does('U0RAE', call(setWindowCommand, extra))).ok).toBe(true);
  expect((await catalog('apply', changed)).said).toMatch(/Applied: 5 events/);
  expect(await keys('SELECT key FROM release_window ORDER BY key')).toEqual([
    'extra',
    'ledger-evenings',
    'production-days',
  ]);
  expect(await keys('SELECT key FROM release_freeze WHERE NOT lifted')).toEqual(['month-end']);
  expect(await catalog('diff', changed)).toEqual({ code: 0, said: 'Nothing would change.\n' });
  const { rows } = await hall.db.pool.query(
    `SELECT type, actor FROM event WHERE type LIKE 'window.%' OR type LIKE 'freeze.%' ORDER BY seq DESC LIMIT 4`,
  );
  expect(rows.map((row) => row.type)).toEqual(['freeze.lifted', 'window.set', 'window.dropped', 'window.set']);
  expect(rows[0].actor).toEqual({ kind: 'system' });
});

test('a catalogue with mistakes is not applied, and every mistake has its place', async () => {
  const broken = written
    .replace('repeats: tue,thu', 'repeats: sometimes')
    .replace('tags: [pci] }\n    from: 2026-01-31', 'tags: [pcl] }\n    from: 2026-01-31')
    .replace('zone: America/New_York', 'zone: America/New_Yorck');
  const { code, said } = await catalog('apply', broken);
  expect(code).toBe(1);
  expect(said).toMatch(/windows\.ledger-nights\.repeats: write daily, mon-fri/);
  expect(said).toMatch(/regions\.us\.zone: is not an IANA time zone/);
  expect((await catalog('apply', written.replace('tags: [pci] }\n    from', 'tags: [pcl] }\n    from'))).said).toMatch(
    /freezes\.month-end\.scope: names the tag "pcl"/,
  );
  expect((await catalog('sing', written)).code).toBe(2);
});

test('its JSON Schema is published, current, and agrees with what is read', () => {
  const published = JSON.parse(readFileSync(`${root}docs/catalog.schema.json`, 'utf8'));
  expect(published).toEqual(catalogSchema());
  const judge = z.fromJSONSchema(published);
  for (const file of ['sandbox/catalog.yml', 'test/support/catalog.yml']) {
    const text = parse(readFileSync(`${root}${file}`, 'utf8'));
    expect(judge.safeParse(text).error?.issues ?? []).toEqual([]);
    expect(parseCatalog(text).ok).toBe(true);
  }
  expect(judge.safeParse({ ...parse(written), windows: { x: { from: '8', to: '18:00' } } }).success).toBe(false);
});
