import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listenTo, openBrowser } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';

/* A newcomer's first five clicks, with the whole product behind the page. */

const root = new URL('../../', import.meta.url).pathname;
let browser: Browser;
let house: House;
beforeAll(async () => {
  house = await openHouse({ lived: true, catalog: readFileSync(`${root}sandbox/catalog.yml`, 'utf8') });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
});

test('five clicks take a release from a wish to done', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(30_000);
  const { said, asked } = listenTo(page);
  await page.goto(house.sandbox.origin);
  const guide = page.getByRole('region', { name: 'First steps' });
  // Somebody was here before: the workspace does not look as if it had been unpacked a moment ago.
  await page.getByText('One-tap checkout passed its last user test.').waitFor();
  await page.getByText('takes one release from a wish to done').waitFor();
  const steps = [
    ['Book checkout 3.8.0', /Ana Silva/],
    ['Approve as Ben', /Ben Okafor/],
    ['Approve as Kim', /Kim Park/],
    ['Open the war room and start', /Ana Silva/],
    ['Tick the test and finish', /Ana Silva/],
  ] as const;
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
    await guide.getByText(index < 4 ? `${index + 2} of 5` : 'That was a whole one.').waitFor();
    expect(await guide.locator('.error').count()).toBe(0);
    expect(await page.getByRole('combobox', { name: 'You are' }).locator('option:checked').innerText()).toMatch(person);
    if (process.env.SCREENSHOTS) {
      await page.waitForTimeout(500);
      await page.screenshot({ path: join(process.env.SCREENSHOTS, `step-${index + 1}.png`) });
    }
  }
  await page
    .getByText(/finished REL-1/)
    .first()
    .waitFor();
  const [release] = await house.query<{ state: string }>('SELECT state FROM release WHERE number = 1');
  expect(release?.state).toBe('done');
  await guide.getByRole('button', { name: 'Close' }).click();
  await guide.waitFor({ state: 'detached' });
  expect(said).toEqual([]);
  // No network beyond itself.
  expect(asked.filter((url) => !url.startsWith(house.sandbox.origin))).toEqual([]);
});
