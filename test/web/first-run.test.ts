import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from '../../sandbox/driver.ts';
import { readManifest } from '../../sandbox/server/manifest.ts';
import { startSandbox } from '../../sandbox/server/server.ts';
import { moveClock, now } from '../../sandbox/server/world.ts';
import { freePort } from '../../src/postgres.ts';
import { listenTo, openBrowser } from '../support/browser.ts';

/* A newcomer's first five clicks: what `npm start` opens, with its own database and its past, on whatever day that is. */

const root = new URL('../../', import.meta.url).pathname;
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

const steps = [
  ['Book checkout 3.8.0', /Ana Silva/],
  ['Approve as Ben', /Ben Okafor/],
  ['Approve as Kim', /Kim Park/],
  ['Open the war room and start', /Ana Silva/],
  ['Tick the test and finish', /Ana Silva/],
] as const;

test.each([
  ['a Monday morning', '2026-11-23T08:00:00Z'],
  ['a Friday night', '2026-12-11T23:50:00Z'],
  ['the Sunday on which Berlin changes its clocks', '2027-03-28T00:30:00Z'],
])('five clicks take a release from a wish to done: %s', async (_when, at) => {
  const origin = await start(at);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(30_000);
  const { said, asked } = listenTo(page);
  await page.goto(origin);
  const guide = page.getByRole('region', { name: 'First steps' });
  // Somebody was here before: the workspace does not look as if it had been unpacked a moment ago.
  await page.getByText('One-tap checkout passed its last user test.').waitFor();
  await page.getByText('takes one release from a wish to done').waitFor();
  // On a phone the words have a line of their own.
  await page.setViewportSize({ width: 390, height: 844 });
  const [words, next] = [guide.getByText('1 of 5'), guide.getByRole('button', { name: steps[0][0] })];
  expect((await words.locator('..').boundingBox())?.width).toBeGreaterThan(250);
  expect((await next.boundingBox())?.width).toBeLessThan(390);
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'step-0-390.png') });
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const [index, [button, person]] of steps.entries()) {
    await guide.getByRole('button', { name: button }).click();
    // The step is over when the next one is offered; what went wrong would be said here.
    const over = guide.getByText(index < 4 ? `${index + 2} of 5` : 'That was a whole one.');
    await over.or(guide.locator('.error')).waitFor();
    expect(await guide.locator('.error').allInnerTexts()).toEqual([]);
    expect(await page.getByRole('combobox', { name: 'You are' }).locator('option:checked').innerText()).toMatch(person);
    if (process.env.SCREENSHOTS) {
      await page.waitForTimeout(500);
      await page.screenshot({ path: join(process.env.SCREENSHOTS, `step-${index + 1}.png`) });
    }
  }
  await page
    .getByText(/finished REL-\d+/)
    .first()
    .waitFor();
  await guide.getByRole('button', { name: 'Close' }).click();
  await guide.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Transcript' }).click();
  await page.getByRole('region', { name: 'Transcript' }).getByText('0 violations').waitFor();
  expect(said).toEqual([]);
  // No network beyond itself.
  expect(asked.filter((url) => !url.startsWith(origin))).toEqual([]);
});

/** The first command of the README, in a folder of its own; its workspace's clock already stands at `at`. */
async function start(at: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'maitred-first-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const snapshotFile = join(folder, 'workspace.json');
  const manifest = readManifest(`${root}manifest.yml`);
  const before = await startSandbox({ seedFile: `${root}sandbox/workspace.yml`, manifest, snapshotFile });
  moveClock(before.world, Date.parse(at) - now(before.world));
  await until('the workspace to be kept', () => existsSync(snapshotFile));
  await before.close();

  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      DATA_DIR: folder,
      PORT: String(await freePort()),
      SANDBOX_PORT: String(await freePort()),
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const opened = until('the product to open', () => /Maitred is open: (http:\S+)/.exec(said)?.[1], 60_000);
  const origin = await Promise.race([opened, ended.then(() => undefined)]);
  if (!origin) throw new Error(`it ended:\n${said}`);
  return origin;
}
