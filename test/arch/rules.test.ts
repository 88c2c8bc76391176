import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'maitred-arch-'));
  for (const part of [
    'src',
    'blocks',
    'sandbox',
    'bench',
    'test',
    'prisma',
    'package.json',
    'tsconfig.json',
    '.dependency-cruiser.cjs',
    'manifest.yml',
  ])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const cruise = () =>
  spawnSync('npx', ['depcruise', '--config', '.dependency-cruiser.cjs', 'bench', 'src', 'blocks', 'sandbox'], {
    cwd: copy,
    encoding: 'utf8',
  });

test('the rules hold, over the whole tree', () => {
  const { status, stdout } = cruise();
  expect(stdout).toMatch(/no dependency violations found \((\d{2,}) modules/);
  expect(status).toBe(0);
});

const planted: readonly [rule: string, file: string, line: string][] = [
  ['domain-is-pure', 'src/domain/slot.ts', `export { openDb } from '../store/db.ts';`],
  ['domain-without-node', 'src/domain/slot.ts', `import 'node:fs';`],
  ['blocks-are-views', 'blocks/kit.ts', `export { openDb } from '../src/store/db.ts';`],
  ['store-is-rows', 'src/store/timer.ts', `export { run } from '../run.ts';`],
  ['prisma-only-in-store', 'src/jobs/clock.ts', `export { default as pg } from 'pg';`],
  ['commands-are-verbs', 'src/commands/look.ts', `export { card } from '../../blocks/release.ts';`],
  ['run-is-the-door', 'src/run.ts', `export { card } from '../blocks/release.ts';`],
  ['doors-stay-apart', 'src/jobs/clock.ts', `export { openClient } from '../slack/client.ts';`],
  ['slack-only-in-slack', 'src/jobs/clock.ts', `export { WebClient } from '@slack/web-api';`],
  ['queue-only-in-jobs', 'src/slack/client.ts', `export { Queue } from 'bullmq';`],
  ['only-main-sees-env', 'src/http/server.ts', `export { readEnv } from '../env.ts';`],
  [
    'sandbox-knows-nothing-of-src',
    'sandbox/server/blocks.ts',
    `export { nearest } from '../../src/domain/nearest.ts';`,
  ],
  [
    'src-knows-sandbox-only-in-main',
    'src/http/server.ts',
    `export { startSandbox } from '../../sandbox/server/server.ts';`,
  ],
  ['nothing-imports-tests', 'blocks/kit.ts', `export { drift } from '../test/support/drift.ts';`],
  ['resolvable', 'src/domain/slot.ts', `export { nothing } from './nowhere.ts';`],
  ['no-cycles', 'src/domain/nearest.ts', `export { findVerb } from '../commands/index.ts';`],
];

test('each rule catches what it is there for', { timeout: 120_000 }, () => {
  const caught = planted.map(([rule, file, line]) => {
    const path = join(copy, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, `${before}\n${line}\n`);
    const { status, stdout } = cruise();
    writeFileSync(path, before);
    return status !== 0 && stdout.includes(`error ${rule}:`) ? rule : `${rule} was not caught`;
  });
  expect(caught).toEqual(planted.map(([rule]) => rule));
});

test('total tables: a missing entry does not compile', () => {
  const cases = [
    ['blocks/sentence.ts', /^ {2}'room\.closed':.*\n/m],
    ['src/domain/reaction.ts', /^ {2}'room\.closed':.*\n/m],
    ['blocks/refusal.ts', /^ {2}room_open:.*\n/m],
    ['src/store/apply.ts', /^ {2}'digest\.missed':.*\n/m],
  ] as const;
  for (const [file, entry] of cases) {
    const path = join(copy, file);
    const before = readFileSync(path, 'utf8');
    expect(before).toMatch(entry);
    writeFileSync(path, before.replace(entry, ''));
    writeFileSync(
      join(copy, 'tsconfig.one.json'),
      JSON.stringify({ extends: './tsconfig.json', include: ['src', 'blocks'] }),
    );
    const { status, stdout } = spawnSync('npx', ['tsc', '-p', 'tsconfig.one.json'], { cwd: copy, encoding: 'utf8' });
    writeFileSync(path, before);
    expect([file, status === 0, stdout.includes(file)]).toEqual([file, false, true]);
  }
});

test('the store takes only types from views', () => {
  for (const file of readdirSync(join(root, 'src/store')).filter((name) => name.endsWith('.ts')))
    for (const [line] of readFileSync(join(root, 'src/store', file), 'utf8').matchAll(/^import .*\/blocks\/.*$/gm))
      expect(line).toMatch(/^import type /);
});

test('every file that the README names exists', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const named = [...readme.matchAll(/`((?:src|blocks|sandbox|prisma|test|\.ci)\/[\w./-]*)`/g)].map(
    (match) => match[1] as string,
  );
  expect(named.length).toBeGreaterThan(10);
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n');
  expect(named.filter((name) => !tracked.some((file) => file === name || file.startsWith(name)))).toEqual([]);
});
