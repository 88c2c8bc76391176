import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, votes } from '../support/story.ts';

/* App Home as three people see it, on a desk and on a phone, by day and by night. */

let browser: Browser;
let house: House;
beforeAll(async () => {
  house = await openHouse();
  browser = await openBrowser();
  const { ana, kim, raj, rae, ben } = cast(house);
  const first = await books(house, ana, 'payments@2.14.0 today 16:00 for 45m "Instant payouts"');
  await books(house, raj, 'checkout@3.8.0 tue 14:00 for 30m "One-tap checkout"');
  await books(house, ana, 'ledger@7.3.1 today 12:00 for 30m env:staging "Rounding"');
  await votes(kim, first, 'block', { comment: 'The help page is missing', unblock: 'Publish it' });
  await votes(ben, first);
  await ana.types('/release incident INC-77 payments are slow');
  await rae.types('/freeze add "Black Friday" 2026-11-26 00:00 to 2026-11-30 23:59 env:production');
  await rae.clicks(/Declare|Freeze/);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await house?.close();
});

/** App Home as this person opens it. */
async function opened(me: string, width: number, scheme: 'light' | 'dark' = 'light') {
  const phone = width < 900;
  const context = await browser.newContext({
    viewport: { width, height: phone ? 844 : 1_000 },
    colorScheme: scheme,
    ...(phone ? { hasTouch: true, isMobile: true } : {}),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await context.addInitScript(
    (kept: string) => {
      const storage = (globalThis as unknown as { localStorage: Record<string, string> }).localStorage;
      storage.panes ??= kept;
    },
    JSON.stringify([{ me, channel: 'C0RELEASES' }]),
  );
  const looks = async () => {
    await page.goto(house.sandbox.origin);
    if (phone) await page.getByRole('button', { name: '☰ Channels' }).click();
    await page.getByRole('button', { name: /Home$/ }).click();
    return page.getByRole('region', { name: 'Home' });
  };
  return { context, page, looks };
}

const screens = [1280, 390].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ width, scheme })));
const views = [
  { me: 'U0ANA', tab: 'My work', reads: 'Next for you' },
  { me: 'U0MIA', tab: 'Approvals', reads: 'Waiting for you' },
  { me: 'U0RAE', tab: 'Manage', reads: 'Guardrails' },
];

test.each(screens)(
  'the three views fit, and everybody can read them: $width px, $scheme',
  async ({ width, scheme }) => {
    for (const { me, tab, reads } of views) {
      const { page, context, looks } = await opened(me, width, scheme);
      const home = await looks();
      await home.getByText(reads).first().waitFor();
      await home
        .getByRole('button', { name: `● ${tab}` })
        .first()
        .waitFor();
      const wide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
      expect(await page.evaluate(wide)).toBe(false);
      await page.evaluate(axe.source);
      const found = (await page.evaluate(
        "axe.run('.home', { runOnly: ['wcag2a', 'wcag2aa'] }).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target).join(' ')))",
      )) as string[];
      expect(found).toEqual([]);
      const name = `home-${tab.toLowerCase().replace(' ', '-')}-${width}-${scheme}`;
      if (process.env.SCREENSHOTS) {
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
        await home.evaluate((element) => {
          element.scrollTop = element.scrollHeight;
        });
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-end.png`) });
      }
      await context.close();
    }
  },
);

test('a view is turned with one tap, and found so the next time', async () => {
  const { page, context, looks } = await opened('U0RAE', 390);
  const home = await looks();
  await home.getByRole('button', { name: '● Manage' }).waitFor();
  await home.getByRole('button', { name: 'My work', exact: true }).tap();
  await home.getByText('You have no release open').waitFor();
  await page.reload();
  await (await looks()).getByRole('button', { name: '● My work' }).waitFor();
  await context.close();
});
