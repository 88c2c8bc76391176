import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppStart } from '../support/house.ts';

const root = new URL('../../', import.meta.url).pathname;
let made: Promise<AppStart | string> | undefined;

/** The version before the newest migration, in a folder of its own; a word when the history does not reach that far. */
export function olderVersion(): Promise<AppStart | string> {
  made ??= make();
  return made;
}

async function make(): Promise<AppStart | string> {
  const newest = readdirSync(`${root}prisma/migrations`)
    .filter((name) => /^\d+_/.test(name))
    .sort()
    .at(-1);
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  try {
    const added = git(
      // A migration may have been renamed by the merge that brought it: what counts is this line of the history.
      ...['log', '-m', '--first-parent', '--format=%H', '--diff-filter=A', '--', `prisma/migrations/${newest}`],
    )
      .split('\n')
      .at(-1);
    if (!added) return `no commit added ${newest}`;
    const folder = `${mkdtempSync(join(tmpdir(), 'maitred-older-'))}/`;
    const tree = execFileSync('git', ['archive', `${added}^`], { cwd: root, maxBuffer: 1 << 30 });
    execFileSync('tar', ['-x', '-C', folder], { input: tree });
    symlinkSync(`${root}node_modules`, `${folder}node_modules`);
    execFileSync(`${root}node_modules/.bin/prisma`, ['generate'], { cwd: folder, stdio: 'pipe' });
    return { from: folder };
  } catch (error) {
    return `the version before ${newest} is not to be had: ${String(error).split('\n')[0]}`;
  }
}
