import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { until } from '../../sandbox/driver.ts';
import { addMessage } from '../../sandbox/server/world.ts';
import { listenTo, openBrowser } from '../support/browser.ts';
import { everyBlock, form, openGallery } from './gallery.ts';

/* The page of the local workspace in Chromium, with an unmodified Bolt app behind it. */

/** Not the synchronous one: the workspace runs in this process. */
const run = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
let browser: Browser;
let gallery: Awaited<ReturnType<typeof openGallery>>;
beforeAll(async () => {
  gallery = await openGallery();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await gallery?.close();
});

type Opened = {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly said: string[];
  readonly asked: string[];
};

/** The page as somebody opens it, and everything that it said or asked for. */
async function opened(
  options: { as?: string; and?: string; width?: number; scheme?: 'light' | 'dark'; channel?: string } = {},
): Promise<Opened> {
  const { as = 'U0ANA', and, width = 1280, scheme = 'light', channel = 'C0RELEASES' } = options;
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const { said, asked } = listenTo(page);
  const places = [as, ...(and ? [and] : [])].map((me) => ({ me, channel }));
  await context.addInitScript((kept: string) => {
    const storage = (globalThis as unknown as { localStorage: Record<string, string> }).localStorage;
    storage.panes ??= kept;
  }, JSON.stringify(places));
  await page.goto(gallery.sandbox.origin);
  await composer(page).first().waitFor();
  return { page, context, said, asked };
}

const composer = (page: Page | ReturnType<Page['locator']>) =>
  page.getByRole('textbox', { name: /message or command/ });
const dialog = (page: Page | ReturnType<Page['locator']>) => page.getByRole('dialog');

async function serious(page: Page): Promise<unknown[]> {
  await page.evaluate(axe.source);
  const found = (await page.evaluate('axe.run()')) as axe.AxeResults;
  expect(found.passes.map(({ id }) => id)).toContain('color-contrast');
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]);
}

/** What sticks out of the page. */
const overflow = `document.documentElement.scrollWidth > document.documentElement.clientWidth
  ? [...document.querySelectorAll('body *')]
      .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth)
      .map((one) => one.outerHTML.slice(0, 120))
  : []`;

const screens = [1280, 390].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ width, scheme })));

test.each(screens)('at $width px, $scheme: quiet, alone, whole and accessible', async ({ width, scheme }) => {
  const channel = gallery.driver.channel('payments')?.id as string;
  gallery.sandbox.world.state.messages[channel] = [];
  await gallery.sandbox.people.invites('U0ANA', channel, ['U0MAITRED']);
  await gallery.driver
    .person('ana')
    .types('/gallery', 'payments')
    .catch(() => undefined);
  gallery.sandbox.world.state.channels[channel]?.members.pop();
  const { page, context, said, asked } = await opened({ width, scheme, channel });
  const message = page.getByRole('article').last();
  await message.getByRole('button', { name: 'Open the form' }).waitFor();
  expect(await page.evaluate(overflow)).toEqual([]);
  expect(await serious(page)).toEqual([]);
  if (process.env.SCREENSHOTS)
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `page-${width}-${scheme}.png`) });
  await message.getByRole('button', { name: 'Open the form' }).click();
  await dialog(page).waitFor();
  expect(await page.evaluate(overflow)).toEqual([]);
  expect(await serious(page)).toEqual([]);
  if (process.env.SCREENSHOTS)
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `form-${width}-${scheme}.png`) });
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  if (width < 900) {
    await page.getByRole('button', { name: '☰ Channels' }).click();
    await page.getByRole('button', { name: /^# releases channel|^releases channel/ }).waitFor();
    expect(await serious(page)).toEqual([]);
  }
  for (const name of ['Faults', 'Transcript']) await page.getByRole('button', { name }).click();
  expect(await page.evaluate(overflow)).toEqual([]);
  expect(await serious(page)).toEqual([]);
  expect(said).toEqual([]);
  expect(asked.filter((url) => !url.startsWith(`${gallery.sandbox.origin}/`) && !url.startsWith('data:'))).toEqual([]);
  await context.close();
});

test('every block and every element is drawn, and works', async () => {
  const { page, context } = await opened({ as: 'U0RAE' });
  await composer(page).fill('/gallery');
  await page.keyboard.press('Enter');
  const message = page.getByRole('article').filter({ hasText: 'A header' }).last();
  await message.waitFor();
  expect(await message.locator('.unknown').count()).toBe(0);
  for (const text of ['A container', 'The plan', 'half way', 'Deployments', 'A film', 'said somebody', 'elsewhere-1'])
    expect([text, await message.getByText(text, { exact: false }).count()]).not.toEqual([text, 0]);
  expect(new Set(everyBlock.map(({ type }) => type)).size).toBe(18);

  const heard = (what: string, from = 0) =>
    until(`the app to hear of ${what}`, () => gallery.heardOf(what).slice(from).at(-1));
  await message.getByRole('button', { name: 'Press' }).click();
  expect(await heard('press')).toMatchObject({ type: 'button', block_id: 'actions' });

  // A confirmation that is refused does nothing.
  await message.getByRole('button', { name: 'Delete it' }).click();
  await dialog(page).getByText('It cannot be taken back.').waitFor();
  await dialog(page).getByRole('button', { name: 'Stop' }).click();
  await dialog(page).waitFor({ state: 'detached' });
  expect(gallery.heardOf('sure')).toEqual([]);
  await message.getByRole('button', { name: 'Delete it' }).click();
  await dialog(page).getByRole('button', { name: 'Do it' }).click();
  await heard('sure');

  await message.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Second thing' }).click();
  expect(await heard('overflow')).toMatchObject({ selected_option: { value: 'two' } });

  await message.getByRole('combobox', { name: 'Colour' }).fill('bl');
  await page.getByRole('option', { name: 'blue' }).click();
  expect(await heard('static')).toMatchObject({ selected_option: { value: 'blue' } });
  expect(await message.getByRole('combobox', { name: 'Colour' }).inputValue()).toBe('blue');

  await message.getByRole('combobox', { name: 'Service' }).fill('che');
  await page.getByRole('option', { name: 'checkout', exact: true }).click();
  expect(await heard('external')).toMatchObject({ selected_option: { value: 'checkout' } });

  await message.getByRole('combobox', { name: 'Person' }).fill('kim');
  await page.keyboard.press('Enter');
  expect(await heard('user')).toMatchObject({ selected_user: 'U0KIM' });

  await message.getByLabel('Day').fill('2026-12-24');
  await message.getByLabel('Day').blur();
  expect(await heard('date')).toMatchObject({ selected_date: '2026-12-24' });

  await message.getByRole('checkbox', { name: 'Backup' }).check();
  expect(await heard('boxes')).toMatchObject({ selected_options: [{ value: 'b' }] });
  await message.getByRole('radio', { name: 'Yes' }).check();
  expect(await heard('radio')).toMatchObject({ selected_option: { value: 'yes' } });

  await message.getByRole('button', { name: 'In the card' }).click();
  await heard('in_card');
  await message.getByRole('button', { name: 'In the container' }).click();
  await heard('in_container');
  await message.getByRole('button', { name: 'Good' }).click();
  expect(await heard('feedback')).toMatchObject({ value: 'good' });
  await message.getByRole('button', { name: 'Remove' }).click();
  await heard('icon');
  await message.getByRole('button', { name: 'Next rows' }).click();
  await message.getByRole('cell', { name: 'Tue' }).waitFor();
  await context.close();
});

test('a form: every input, a field error where it belongs, a second view on top, and all values in the end', async () => {
  const { page, context } = await opened();
  await page.getByRole('button', { name: 'Open the form' }).first().click();
  const box = dialog(page);
  const name = box.getByLabel('Name');
  await name.waitFor();
  expect(await name.evaluate((one) => one === one.ownerDocument.activeElement)).toBe(true);

  await box.getByRole('button', { name: 'Another one on top' }).click();
  await page.getByRole('heading', { name: 'On top' }).waitFor();
  await page.getByText('The second of the stack').waitFor();
  await box.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Every input' }).waitFor();

  // What the client itself stops: a required field.
  await box.getByRole('button', { name: 'Send' }).click();
  await box.getByText('Please complete this required field.').first().waitFor();

  await name.fill('ab');
  await box.getByRole('radio', { name: 'Approve' }).check();
  await box.getByRole('button', { name: 'Send' }).click();
  const error = box.getByText('At least three letters, please');
  await error.waitFor();
  expect(await name.getAttribute('aria-invalid')).toBe('true');
  expect(await name.getAttribute('aria-describedby')).toContain(await error.getAttribute('id'));
  await until('the focus to move to the field', () =>
    name.evaluate((one) => one === one.ownerDocument.activeElement).then((is) => is || undefined),
  );

  await name.fill('Ana');
  await box.getByLabel('Notes').fill('two\nlines');
  await box.getByLabel('E-mail').fill('ana@example.com');
  await box.getByLabel('Link').fill('https://example.com');
  await box.getByLabel('Count').fill('7');
  await box.getByRole('combobox', { name: 'Colour (optional)' }).fill('bl');
  await page.keyboard.press('Enter');
  for (const colour of ['red', 'green']) {
    await box.getByRole('combobox', { name: 'Colours (optional)' }).fill(colour);
    await page.keyboard.press('Enter');
  }
  await box.getByRole('combobox', { name: 'Service (optional)' }).fill('led');
  await page.getByRole('option', { name: 'ledger' }).click();
  await box.getByRole('combobox', { name: 'People (optional)' }).fill('ben');
  await page.keyboard.press('Enter');
  await box.getByRole('combobox', { name: 'Channel (optional)' }).fill('gen');
  await page.keyboard.press('Enter');
  await box.getByLabel('Day').fill('2026-12-24');
  await box.getByLabel('Time').fill('14:30');
  // Ana's clock on the wall is in Berlin.
  await box.getByLabel('Moment').fill('2026-12-24T14:00');
  await box.getByRole('checkbox', { name: 'Smoke test' }).check();
  await box.getByLabel('Story').fill('a story');
  await box.getByLabel('File').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hi') });
  await box.getByText('notes.txt').waitFor();
  await box.getByRole('button', { name: 'Send' }).click();
  await box.waitFor({ state: 'detached' });
  const values = await until('the app to get the form', () => gallery.heardOf('form').at(-1));
  expect(values).toMatchObject({
    name: { v: { type: 'plain_text_input', value: 'Ana' } },
    notes: { v: { value: 'two\nlines' } },
    mail: { v: { value: 'ana@example.com' } },
    url: { v: { value: 'https://example.com' } },
    count: { v: { value: '7' } },
    colour: { v: { selected_option: { value: 'blue' } } },
    colours: { v: { selected_options: [{ value: 'red' }, { value: 'green' }] } },
    service: { service: { selected_option: { value: 'ledger' } } },
    people: { v: { selected_users: ['U0BEN'] } },
    channel: { v: { selected_channel: 'C0GENERAL' } },
    day: { v: { selected_date: '2026-12-24' } },
    hour: { v: { selected_time: '14:30' } },
    when: { v: { selected_date_time: Date.parse('2026-12-24T13:00:00Z') / 1000 } },
    boxes: { v: { selected_options: [{ value: 'a' }] } },
    decision: { v: { selected_option: { value: 'approve' } } },
    rich: { v: { rich_text_value: { type: 'rich_text' } } },
    file: { v: { files: [{ name: 'notes.txt' }] } },
  });
  expect(Object.keys(values).length).toBe(form.blocks.filter(({ type }) => type === 'input').length);
  await context.close();
});

test('two people side by side vote, and each sees the other at once', async () => {
  const { page, context } = await opened({ as: 'U0BEN', and: 'U0KIM' });
  const [left, right] = [
    page.getByRole('region', { name: /^Left: Ben/ }),
    page.getByRole('region', { name: /^Right: Kim/ }),
  ];
  await composer(left).fill('/poll');
  await page.keyboard.press('Enter');
  await right.getByText('0 of 2').last().waitFor();
  await left.getByRole('button', { name: 'Approve' }).last().click();
  await right.getByText('1 of 2').last().waitFor();
  await right.getByRole('button', { name: 'Approve' }).last().click();
  await left.getByText('2 of 2').last().waitFor();
  expect(await left.getByText('@kim', { exact: true }).last().isVisible()).toBe(true);

  // A form of one covers the other's client neither for the mouse nor for the keyboard.
  await left.getByRole('button', { name: 'Open the form' }).first().click();
  await dialog(left).waitFor();
  await composer(right).fill('I can still write');
  await page.keyboard.press('Enter');
  await right.getByText('I can still write').waitFor();
  expect(await dialog(right).count()).toBe(0);
  expect(await serious(page)).toEqual([]);
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'two.png') });
  await context.close();
});

test('with the keyboard alone: a command, a button, a form, and back', async () => {
  const { page, context } = await opened({ as: 'U0LEE' });
  const active = () =>
    page.evaluate('document.activeElement.textContent || document.activeElement.getAttribute("aria-label")');
  const tabTo = async (name: RegExp) => {
    for (let presses = 0; presses < 120; presses++) {
      await page.keyboard.press('Tab');
      if (name.test(String(await active()))) return;
    }
    throw new Error(`Tab never came to ${name}`);
  };
  await tabTo(/message or command/);
  await page.keyboard.type('/ga');
  await page.getByRole('listbox', { name: 'Completions' }).waitFor();
  await page.keyboard.press('Enter');
  expect(await composer(page).inputValue()).toBe('/gallery ');
  // The usage hint comes from the manifest.
  await page.getByText('/gallery all | vote [who]').waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('article').filter({ hasText: 'A header' }).last().waitFor();
  await tabTo(/^Open the form$/);
  await page.keyboard.press('Enter');
  await dialog(page).getByLabel('Name').waitFor();
  // Focus is inside, and stays there, in both directions.
  for (const key of ['Tab', 'Shift+Tab'])
    for (let presses = 0; presses < 45; presses++) {
      await page.keyboard.press(key);
      expect(await page.evaluate('document.activeElement.closest("[role=dialog]") !== null')).toBe(true);
    }
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  await until('the focus to come back', async () =>
    /^Open the form$/.test(String(await active())) ? true : undefined,
  );

  // One that says first that it loads: what is typed goes into its first field.
  await page.getByRole('button', { name: '⚡ Open the form' }).press('Enter');
  await dialog(page).getByText('One moment…').waitFor();
  await dialog(page).getByLabel('Name').waitFor();
  await page.keyboard.type('Lee');
  expect(await dialog(page).getByLabel('Name').inputValue()).toBe('Lee');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });

  // A message's menu: arrows, Escape.
  await page
    .getByRole('button', { name: /^Actions for the message/ })
    .last()
    .focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('ArrowDown');
  expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('menuitem');
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  await context.close();
});

test('threads, reactions, pins, edits, shortcuts, unread marks, notifications and direct messages', async () => {
  const { page, context } = await opened({ as: 'U0SAM', and: 'U0MIA' });
  const [left, right] = [
    page.getByRole('region', { name: /^Left: Sam/ }),
    page.getByRole('region', { name: /^Right: Mia/ }),
  ];
  await composer(left).fill('hello @mia, off it goes?');
  await page.keyboard.press('Enter');
  const mine = left.getByRole('article').filter({ hasText: 'off it goes' });
  const hers = right.getByRole('article').filter({ hasText: 'off it goes' });
  await hers.getByText('@mia').waitFor();
  await right.getByRole('button', { name: /Notifications 1 new/ }).click();
  await dialog(right).getByText('mentions you').waitFor();
  await dialog(right).getByRole('button', { name: 'Close' }).click();

  const choose = async (message: typeof mine, choice: string | RegExp) => {
    await message
      .getByRole('button', { name: /^Actions for the message/ })
      .first()
      .focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: choice }).click();
  };
  await choose(hers, 'React with rocket');
  await mine.getByRole('button', { name: /^rocket, 1: Mia Rossi/ }).click();
  await hers.getByRole('button', { name: /^rocket, 2/ }).waitFor();
  await choose(hers, 'Reply in thread');
  const thread = right.getByRole('complementary', { name: 'Thread' });
  await composer(thread).fill('yes');
  await page.keyboard.press('Enter');
  await mine.getByRole('button', { name: /1 reply/ }).waitFor();
  await thread.getByRole('button', { name: 'Close the thread' }).click();
  await choose(mine, 'Pin to channel');
  await right.getByRole('button', { name: /1 pinned/ }).waitFor();
  await choose(mine, 'Edit…');
  await dialog(left).getByLabel('Message').fill('@mia, off it goes today?');
  await dialog(left).getByRole('button', { name: 'Save' }).click();
  await right.getByText('(edited)').first().waitFor();
  await choose(left.getByRole('article').filter({ hasText: 'off it goes today' }).first(), /Keep it/);
  expect(await until('the shortcut', () => gallery.heardOf('keep').at(-1))).toMatchObject({ type: 'message_action' });

  // What is typed is shown as it was typed, and addresses lead somewhere.
  const odd = 'if a < b & c > d then <ok>, see https://ci.example.com/142?a=1&b=2. &lt; <@U0MIA>';
  await composer(left).fill(odd);
  await page.keyboard.press('Enter');
  const shown = right.getByRole('article').filter({ hasText: 'then <ok>' });
  await shown.getByText(odd).waitFor();
  expect(await shown.getByRole('link', { name: /^https/ }).getAttribute('href')).toBe(
    'https://ci.example.com/142?a=1&b=2',
  );
  await choose(left.getByRole('article').filter({ hasText: 'then <ok>' }), 'Edit…');
  expect(await dialog(left).getByLabel('Message').inputValue()).toBe(odd);
  await dialog(left).getByRole('button', { name: 'Cancel' }).click();

  await left.getByRole('button', { name: /general channel/ }).click();
  await composer(left).fill('news');
  await page.keyboard.press('Enter');
  await right.getByRole('button', { name: /general channel, unread/ }).waitFor();

  await left.getByRole('button', { name: 'Write to somebody' }).click();
  await page.getByRole('menuitem', { name: 'Mia Rossi' }).click();
  await left.getByRole('heading', { name: 'Mia Rossi' }).waitFor();
  await composer(left).fill('between us');
  await page.keyboard.press('Enter');
  await right.getByRole('button', { name: /Sam Weber\s*, direct message, unread\s*1\s*for you/ }).click();
  await right.getByText('between us').waitFor();

  await right.getByRole('button', { name: /Home$/ }).click();
  await right.getByText('Good morning').waitFor();
  await context.close();
});

test('a reload keeps who, where, what was begun and what is open; ephemeral messages go, as anywhere', async () => {
  const { page, context } = await opened({ as: 'U0NOA' });
  await composer(page).fill('/gallery');
  await page.keyboard.press('Enter');
  await page.getByText('Only visible to you').last().waitFor();
  await page.getByRole('button', { name: /general channel/ }).click();
  await composer(page).fill('half a thought');
  await page.getByRole('button', { name: 'Open the form' }).first().click();
  await dialog(page).getByLabel('Notes').fill('kept');
  await until('the note to arrive', () =>
    [...gallery.sandbox.world.views.values()].some((view) => view.values.notes?.v?.value === 'kept') ? true : undefined,
  );
  await page.reload();
  expect(await dialog(page).getByLabel('Notes').inputValue()).toBe('kept');
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await dialog(page).waitFor({ state: 'detached' });
  expect(await page.getByRole('combobox', { name: 'You are' }).inputValue()).toBe('U0NOA');
  expect(await composer(page).inputValue()).toBe('half a thought');
  await page.getByRole('button', { name: /^# releases channel|^releases channel/ }).click();
  await page.getByRole('article').filter({ hasText: 'A header' }).last().waitFor();
  expect(await page.getByText('Only visible to you').count()).toBe(0);
  await context.close();
});

test('a link shows what the app says of it, by way of the page and of the app', async () => {
  const { world, origin } = gallery.sandbox;
  const { page, context } = await opened();
  const url = 'https://ci.example.com/7';
  const { ts } = addMessage(world, 'C0RELEASES', { user: 'U0OLA', text: `see <${url}>` });
  world.manifest = { ...world.manifest, unfurlDomains: ['example.com'] };
  const text = { type: 'mrkdwn', text: 'Build 7 is *green*' };
  const button = { type: 'button', action_id: 'press', text: { type: 'plain_text', text: 'Open build 7' } };
  const answer = await fetch(`${origin}/api/chat.unfurl`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.tokens.bot}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ channel: 'C0RELEASES', ts },
      unfurls: { [url]: { blocks: [{ type: 'section', text, accessory: button }] } },
    }),
  });
  expect(await answer.json()).toEqual({ ok: true });
  const shown = page.getByRole('region', { name: `Preview of ${url}` });
  await shown.getByText('Build 7 is').waitFor();
  expect(await shown.getByRole('button', { name: 'Open build 7' }).isVisible()).toBe(true);
  expect(await serious(page)).toEqual([]);
  await context.close();
});

test('hostile words do nothing', async () => {
  const { world } = gallery.sandbox;
  const words = [
    '<img src=https://evil.example/x onerror=alert(1)>',
    '<javascript:alert(2)|click me>',
    '<https://evil.example/" onmouseover="alert(3)|x>',
    '<data:text/html,<script>alert(4)</script>|y>',
    '</script><script>alert(5)</script>',
    '```<script>alert(6)</script>``` *<b>* `<i>` \u202eevil',
    '<!date^1^{date}^javascript:alert(7)|z>',
  ];
  const user = world.state.users.U0OLA;
  if (!user) throw new Error('Ola is gone');
  const { real_name: before } = user;
  user.real_name = '"><script>alert(8)</script>';
  const where = gallery.driver.channel('general')?.id as string;
  for (const text of words) {
    addMessage(world, where, { user: 'U0OLA', text });
    addMessage(world, where, {
      user: 'U0OLA',
      text,
      blocks: [
        { type: 'header', text: { type: 'plain_text', text } },
        { type: 'section', text: { type: 'mrkdwn', text } },
        { type: 'markdown', text: `[x](javascript:alert(9)) <img src=x onerror=alert(1)> ${text}` },
        { type: 'image', image_url: 'https://evil.example/pixel.png', alt_text: text },
        {
          type: 'rich_text',
          elements: [{ type: 'rich_text_section', elements: [{ type: 'link', url: 'javascript:alert(1)', text }] }],
        },
        {
          type: 'actions',
          elements: [
            { type: 'button', action_id: 'x', text: { type: 'plain_text', text }, url: 'javascript:alert(1)' },
          ],
        },
        { type: 'card', title: { type: 'mrkdwn', text } },
        {
          type: 'video',
          title: { type: 'plain_text', text },
          video_url: 'javascript:alert(1)',
          thumbnail_url: 'https://evil.example/t',
          alt_text: text,
        },
      ],
    });
  }
  const { page, context, said, asked } = await opened({ channel: where });
  await page.getByText('click me').first().waitFor();
  expect(await page.locator('.messages :is(script, iframe, object, [onerror], [onmouseover], [style])').count()).toBe(
    0,
  );
  const links = await page
    .locator('.messages a')
    .evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''));
  expect(links.filter((href) => !/^(https?:|mailto:|#|\/)/.test(href))).toEqual([]);
  for (const one of await page.getByText('click me').all())
    await one.click({ force: true, timeout: 1_000 }).catch(() => undefined);
  expect(said).toEqual([]);
  expect(asked.filter((url) => !url.startsWith(`${gallery.sandbox.origin}/`) && !url.startsWith('data:'))).toEqual([]);
  user.real_name = before;
  await context.close();
});

test('a type that the page does not know is a visible box, and in the code an error', async () => {
  addMessage(gallery.sandbox.world, 'C0INCIDENTS', {
    user: 'U0BEN',
    text: 'x',
    blocks: [{ type: 'data_visualization' }],
  });
  const { page, context } = await opened({ as: 'U0BEN', channel: 'C0INCIDENTS' });
  await page.getByText('This page cannot show data_visualization yet.').waitFor();
  await context.close();

  const copy = mkdtempSync(join(tmpdir(), 'sandbox-types-'));
  mkdirSync(join(copy, 'sandbox'));
  for (const part of ['sandbox/web', 'sandbox/server', 'sandbox/driver.ts', 'tsconfig.json', 'package.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const types = () =>
    run('npx', ['tsc', '-p', 'sandbox/web'], { cwd: copy }).then(
      () => ({ code: 0, stdout: '' }),
      (error: { code: number; stdout: string }) => error,
    );
  expect((await types()).stdout).toBe('');
  for (const [file, missing] of [
    ['blocks.tsx', "    case 'divider':\n      return <hr />;\n"],
    ['elements.tsx', "    case 'image':\n"],
  ] as const) {
    const path = join(copy, 'sandbox/web', file);
    const before = readFileSync(path, 'utf8');
    expect(before).toContain(missing);
    writeFileSync(path, before.replace(missing, ''));
    const { code, stdout } = await types();
    writeFileSync(path, before);
    expect([file, code === 0, stdout.includes(`sandbox/web/${file}`)]).toEqual([file, false, true]);
  }
  rmSync(copy, { recursive: true, force: true });
});

test('a channel of 2,000 messages opens at its end and scrolls to its beginning', async () => {
  const { world } = gallery.sandbox;
  const where = gallery.driver.channel('incidents')?.id as string;
  for (let count = 1; count <= 2_000; count++)
    addMessage(world, where, { user: 'U0BEN', text: `line ${count} of a *long* night` });
  const { page, context } = await opened({ as: 'U0BEN', channel: where });
  await page.getByText('line 2000 of a').waitFor();
  const drawn = () => page.getByRole('article').count();
  expect(await drawn()).toBeLessThan(200);
  // A new message is seen by who is at the end.
  addMessage(world, where, { user: 'U0LEE', text: 'the last word' });
  await page.getByText('the last word').waitFor();
  expect(await page.getByText('the last word').isVisible()).toBe(true);
  const list = page.getByRole('log', { name: /Messages in/ });
  for (let turns = 0; turns < 60 && (await page.getByText('line 1 of a', { exact: false }).count()) === 0; turns++) {
    await list.evaluate((one) => {
      (one as unknown as { scrollTop: number }).scrollTop = 0;
    });
    await page.waitForTimeout(30);
  }
  await page.getByText('line 1 of a', { exact: false }).first().waitFor();
  // Who reads above is not carried away by what comes below.
  const at = await list.evaluate((one) => (one as unknown as { scrollTop: number }).scrollTop);
  addMessage(world, where, { user: 'U0LEE', text: 'and another' });
  await page.getByText('and another').waitFor({ state: 'attached' });
  expect(
    Math.abs((await list.evaluate((one) => (one as unknown as { scrollTop: number }).scrollTop)) - at),
  ).toBeLessThan(200);
  // A permalink goes to its message and shows it.
  const first = world.state.messages[where]?.find((one) => one.text.startsWith('line 700 '));
  await page.goto(`${gallery.sandbox.origin}/#${where}/${first?.ts}`);
  await page.reload();
  await page.getByText('line 700 of a', { exact: false }).waitFor();
  expect(await page.locator('.wanted').innerText()).toContain('line 700');
  await context.close();
});

test('the clock moves, a fault strikes, and the transcript shows both and every violation', async () => {
  const { page, context } = await opened({ as: 'U0IVY' });
  const { world } = gallery.sandbox;
  const before = world.state.clockOffsetMs;
  await page.getByRole('button', { name: '+1 h' }).click();
  await until('the clock to move', () => (world.state.clockOffsetMs - before === 3_600_000 ? true : undefined));
  await page.getByRole('button', { name: 'Tomorrow 09:30' }).click();
  // Ivy's morning is in New York.
  await until(
    'the next morning',
    () =>
      /09:3\d/.test(
        new Date(Date.now() + world.state.clockOffsetMs).toLocaleTimeString('en-GB', { timeZone: 'America/New_York' }),
      ) || undefined,
  );
  await page.getByRole('button', { name: 'Faults' }).click();
  await page.getByLabel('What goes wrong').selectOption({ label: 'chat.postMessage: posted, and the answer lost' });
  await page.getByRole('button', { name: 'Arm' }).click();
  await page.getByRole('list', { name: 'Armed' }).getByText('chat.postMessage: lost × 1').waitFor();
  await page.getByRole('button', { name: 'Transcript' }).click();
  await composer(page).fill('/poll');
  await page.keyboard.press('Enter');
  const transcript = page.getByRole('region', { name: 'Transcript' });
  await transcript.getByText('slash_commands').first().waitFor();
  await page.getByRole('list', { name: 'Armed' }).getByText('lost').waitFor({ state: 'detached' });
  await composer(page).fill('/nothing');
  await page.keyboard.press('Enter');
  await page.getByText('/nothing is not a valid command.').waitFor();
  await gallery.sandbox.people.searches('U0IVY', { channel: 'C0RELEASES', ts: '1.0' }, 'x', 'y').catch(() => undefined);
  await fetch(`${gallery.sandbox.origin}/api/no.such`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.tokens.bot}` },
  });
  await transcript.getByText('unknown_method', { exact: true }).waitFor();
  const colour = (of: string) => page.evaluate(`getComputedStyle(document.querySelector(${JSON.stringify(of)})).color`);
  // In red, unlike what went well.
  expect(await colour('.transcript .violation')).toBe('rgb(169, 44, 37)');
  expect(await colour('.transcript .call:not(.bad)')).not.toBe('rgb(169, 44, 37)');
  await context.close();
});

test('nobody else may look or act: foreign hosts, foreign origins, foreign forms', async () => {
  const { origin } = gallery.sandbox;
  const policy = (await fetch(origin)).headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  const live = (headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const ws = new WebSocket(`${origin.replace('http', 'ws')}/_control/live?as=U0ANA`, { headers });
      ws.on('open', () => {
        ws.close();
        resolve('open');
      });
      ws.on('error', (error) => resolve(error.message));
    });
  expect(await live({ origin })).toBe('open');
  expect(await live({ origin: 'https://evil.example' })).toContain('403');
  expect(await live({})).toContain('403');
  expect(await live({ origin: 'http://evil.example', host: 'evil.example' })).toContain('403');
  const form = await fetch(`${origin}/_control/clock`, {
    method: 'POST',
    body: new URLSearchParams({ advanceMs: '1' }),
  });
  expect(form.status).toBe(415);
  for (const path of ['/../server/state.ts', '/main.tsx', '/assets/..%2f..%2fpackage.json']) {
    const { stdout } = await run('curl', [
      '-s',
      '--path-as-is',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      origin + path,
    ]);
    expect([path, stdout]).toEqual([path, '404']);
  }
});

test('the page takes nothing of the server but types, and nothing of the product', () => {
  const files = readdirSync(`${root}sandbox/web`).filter((name) => /\.tsx?$/.test(name));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files)
    for (const [line, from = ''] of readFileSync(`${root}sandbox/web/${file}`, 'utf8').matchAll(
      /^(?:import|export) [^;]*?from '([^']+)'/gms,
    )) {
      const fine = /^\.\/|^(react|react-dom\/client|react-markdown|remark-gfm)$/.test(from);
      const typeOnly = line.startsWith('import type ') && /^(\.\.\/server\/|@slack\/types$)/.test(from);
      expect([file, line, fine || typeOnly]).toEqual([file, line, true]);
    }
});
