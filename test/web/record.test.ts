import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flightRecord } from '../../blocks/flight.ts';
import { type FlightRecord, recordHtml, recordJson } from '../../blocks/record.ts';
import { canonicalJson } from '../../src/domain/canonical.ts';
import { findFlight } from '../../src/store/flight.ts';
import { seal } from '../../src/store/log.ts';
import { listenTo, openBrowser } from '../support/browser.ts';
import { openHall, workspace } from '../support/hall.ts';
import { everyString, sampleRecord, sha256 } from '../support/record.ts';

const sizes = [1280, 390] as const;
const schemes = ['light', 'dark'] as const;
let folder: string;
let browser: Browser;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maitred-page-'));
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

type Opened = { readonly page: Page; readonly said: string[]; readonly asked: string[]; readonly url: string };

/** The record as a reader opens it: a file, without a server, and everything that the page said or asked for. */
async function opened(
  record: FlightRecord,
  options: { width?: number; scheme?: 'light' | 'dark'; script?: boolean } = {},
): Promise<Opened> {
  const file = join(folder, `${Math.random()}.html`);
  writeFileSync(file, recordHtml(record));
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: 900 },
    colorScheme: options.scheme ?? 'light',
    javaScriptEnabled: options.script ?? true,
  });
  const page = await context.newPage();
  const { said, asked } = listenTo(page);
  const url = pathToFileURL(file).href;
  await page.goto(url, { waitUntil: 'load' });
  return { page, said, asked, url };
}

/** What sticks out of the page or out of the cell it stands in. */
const overflow = `[
  ...(document.documentElement.scrollWidth > document.documentElement.clientWidth ? ['the page'] : []),
  ...[...document.querySelectorAll('main :is(time, a, bdi, code, pre, summary, .said), header *')]
    .filter((one) => {
      const cell = one.closest('dd, td, th, li, p, section, header');
      return one.getBoundingClientRect().right > cell.getBoundingClientRect().right + 1;
    })
    .map((one) => one.outerHTML.slice(0, 100)),
]`;
const headings = [
  'REL-142 payments 2.14.0 + ledger 7.3.1',
  'Summary',
  'Timeline',
  'Votes',
  'Runbook',
  'Exposure',
  'Canary',
  'Messages kept',
  'Roles',
  'Known errors',
  'Review and actions',
  'How to check',
];

const screens = sizes.flatMap((width) => schemes.map((scheme) => ({ width, scheme })));
test.each(screens)('opens at $width px in $scheme: quiet, alone, whole and accessible', async ({ width, scheme }) => {
  const { page, said, asked, url } = await opened(sampleRecord(), { width, scheme });
  expect(await page.locator('h1, h2').allInnerTexts()).toEqual(headings);
  for (const heading of await page.locator('h1, h2').all()) expect(await heading.isVisible()).toBe(true);
  expect(await page.evaluate(overflow)).toEqual([]);
  await page.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true; })`);
  expect(await page.getByText('"command": "command-40"').isVisible()).toBe(true);
  expect(await page.evaluate(overflow)).toEqual([]);
  // Names and roles of cells stay, also where a phone shows rows as cards.
  expect(await page.getByRole('columnheader', { name: 'Seal', includeHidden: true }).count()).toBe(1);
  expect(await page.getByRole('cell', { name: /Ana Ruiz requested/ }).count()).toBe(1);
  await page.evaluate(axe.source);
  const found = (await page.evaluate('axe.run()')) as axe.AxeResults;
  expect(found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  expect(found.passes.map(({ id }) => id)).toContain('color-contrast');
  expect(said).toEqual([]);
  expect(asked).toEqual([url]);
  await page.context().close();
});

test('the skip link is the first stop of the keyboard and leads to the record', async () => {
  const { page } = await opened(sampleRecord(), { width: 390 });
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to the record' });
  expect(await page.evaluate('document.activeElement.className')).toBe('skip');
  expect((await skip.boundingBox())?.x).toBeGreaterThanOrEqual(0);
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('record');
  await page.context().close();
});

test('reads the same without scripts, and the link saves the JSON as it is', async () => {
  const record = sampleRecord();
  const { page } = await opened(record, { script: false });
  expect(await page.locator('h1, h2').allInnerTexts()).toEqual(headings);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Save the record as JSON' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('REL-142.record.json');
  expect(readFileSync(await download.path(), 'utf8')).toBe(recordJson(record));
  await page.context().close();
});

test('hostile words in every field do nothing, and nothing sticks out at any width', async () => {
  const words = [
    '"><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>',
    '</script><script>alert(3)</script></style><iframe src="https://evil.example"></iframe>',
    'javascript:alert(4)',
    `https://a.example/' onmouseover='alert(5)`,
    '\u202e\u2067evil\0',
    'W'.repeat(10_000),
  ];
  for (const each of words) {
    const record = everyString(sampleRecord(), () => each);
    const { page, said, asked, url } = await opened(record, { width: 390 });
    expect(JSON.parse((await page.locator('#record-json').textContent()) ?? '')).toEqual(record);
    expect(await page.locator('script, img, iframe, [onerror], [onmouseover], [style]').count()).toBe(1);
    expect(await page.locator('a:not([href^="#"]):not([download])').count()).toBe(0);
    expect(await page.evaluate(overflow)).toEqual([]);
    for (const one of await page.locator('h2').all()) await one.hover();
    for (const width of [768, 961, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      expect([width, await page.evaluate(overflow)]).toEqual([width, []]);
    }
    expect([said, asked]).toEqual([[], [url]]);
    await page.context().close();
  }
});

test('a broken record says so before anything else', async () => {
  const record = sampleRecord();
  const { page } = await opened({ ...record, integrity: { ...record.integrity, broken: ['43'] } }, { width: 390 });
  const verdict = page.locator('.verdict');
  expect(await verdict.innerText()).toBe(
    '⚠ Integrity: Do not rely on this record. 1 of 9 entries does not match its seal: 43.',
  );
  expect((await verdict.boundingBox())?.y).toBeLessThan(900);
  await page.context().close();
});

test('on paper: light, without what only a screen can do, still as tables', async () => {
  const { page } = await opened(sampleRecord(), { width: 718, scheme: 'dark' });
  await page.emulateMedia({ media: 'print' });
  expect(await page.locator('nav').isVisible()).toBe(false);
  expect(await page.locator('thead').first().isVisible()).toBe(true);
  expect(await page.evaluate(overflow)).toEqual([]);
  expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
  await page.context().close();
});

test('what the page says about hashes is true of the log: entries of a real one can be recomputed', async () => {
  const hall = await openHall();
  await hall.books('U0ANA');
  await hall.votes('U0BEN', 1, { comment: 'grüße, 1.50 € ❤ </script>' });
  while ((await seal(hall.db, workspace)) > 0);
  const props = await findFlight(hall.db, workspace, 1);
  await hall.close();
  const record = flightRecord(props as NonNullable<typeof props>, { now: new Date(), people: {} });
  const { page, said } = await opened(record, { width: 390 });
  expect(await page.evaluate(overflow)).toEqual([]);
  expect(said).toEqual([]);
  const read = JSON.parse((await page.locator('#record-json').textContent()) ?? '') as FlightRecord;
  await page.context().close();
  expect(read.timeline.length).toBeGreaterThan(1);
  for (const { seq, type, at, body, sealed, previous, hash } of read.timeline)
    expect(sha256(`${previous}\n${canonicalJson({ ...sealed, seq, type, at, body })}`)).toBe(hash);
});
