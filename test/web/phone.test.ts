import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, stateOf } from '../support/story.ts';

/* A rollback on a phone: 390 pixels wide, two taps, no typing. */

let browser: Browser;
let house: House;
beforeAll(async () => {
  house = await openHouse({ at: '2026-11-24T08:00:00Z' });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
});

test('whoever holds a phone rolls a release back in two taps', async () => {
  const { ana } = cast(house);
  const release = await books(house, ana, 'payments@2.14.0 today 10:00 for 60m env:staging');
  await house.until('its approval', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
  house.moveTo(new Date('2026-11-24T09:01:00Z'));
  await ana.types(`/release start REL-${release}`);
  await ana.seesEventually(/🚀 Deploying · normal change/);

  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  // Sam is of another team, and was not in the room.
  await context.addInitScript(
    (kept: string) => {
      const storage = (globalThis as unknown as { localStorage: Record<string, string> }).localStorage;
      storage.panes ??= kept;
    },
    JSON.stringify([{ me: 'U0SAM', channel: 'C0RELEASES' }]),
  );
  await page.goto(house.sandbox.origin);
  let taps = 0;
  const tap = async (name: string) => {
    taps++;
    await page.getByRole('button', { name, exact: true }).last().tap();
  };
  await tap('Roll back…');
  const form = page.getByRole('dialog');
  await form.getByText('goes back').waitFor();
  const wide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
  expect(await page.evaluate(wide)).toBe(false);
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'rollback-390.png') });
  await tap('Roll back now');
  await house.until('it to be rolled back', async () =>
    (await stateOf(house, release)) === 'rolled_back' ? true : undefined,
  );
  expect(taps).toBe(2);
  const [event] = await house.query<{ actor: { id: string } }>(
    "SELECT actor FROM event WHERE type = 'release.rolled_back'",
  );
  expect(event?.actor.id).toBe('U0SAM');
  await page.getByText('Rolled back').first().waitFor();
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'rolled-back-390.png') });
});
