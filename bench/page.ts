import { chromium } from 'playwright-core';
import WebSocket from 'ws';
import { edit } from '../sandbox/server/channel.ts';
import { readManifest } from '../sandbox/server/manifest.ts';
import { startSandbox } from '../sandbox/server/server.ts';
import { addMessage, messagesOf } from '../sandbox/server/world.ts';

/*
 * How long it takes until what changed in the workspace stands on the page: `npx tsx bench/page.ts [changes]`. The channel
 * has 2,000 messages, two people are side by side, and the floor is a bare WebSocket that hears of the same change.
 */

const changes = Number(process.argv[2] ?? 100);
const messages = 2_000;
const root = new URL('../', import.meta.url).pathname;

const sandbox = await startSandbox({
  seedFile: `${root}sandbox/workspace.yml`,
  manifest: readManifest(`${root}manifest.yml`),
  enforceLimits: false,
});
const { world } = sandbox;
const channel = world.state.channels.C0RELEASES;
if (!channel) throw new Error('the seed has no #releases');
const { botUser: user, botId: bot_id } = world.state.app;
for (let n = 0; n < messages; n++)
  addMessage(world, channel.id, { user, bot_id, text: `message ${n}`, blocks: card(`message ${n}`) });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
await page.goto(sandbox.origin);
await page.getByRole('button', { name: 'Two people' }).click();
await page
  .getByText(`message ${messages - 1}`)
  .first()
  .waitFor();
/** Mark → when it stood on the page, told by the page itself. */
const seen = new Map<string, (at: number) => void>();
await page.exposeFunction('stands', (mark: string, at: number) => seen.get(mark)?.(at));
// As text: it runs in the page, whose types are not ours.
await page.evaluate(`{
  const told = new Set();
  new MutationObserver((all) => {
    for (const { target } of all) {
      const mark = /mark \\d+/.exec(target.textContent ?? '')?.[0];
      if (!mark || told.has(mark)) continue;
      told.add(mark);
      // After the next frame it is not only in the document, but on the screen.
      requestAnimationFrame(() => setTimeout(() => window.stands(mark, Date.now())));
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}`);

const line = new WebSocket(`${sandbox.origin.replace('http', 'ws')}/_control/live?as=U0ANA&as=U0BEN`, {
  origin: sandbox.origin,
});
await new Promise((resolve) => line.once('message', resolve));

const [onPage, onLine]: [number[], number[]] = [[], []];
const last = messagesOf(world, channel.id).at(-1);
if (!last) throw new Error('the channel is empty');
for (let n = 0; n < changes; n++) {
  const mark = `mark ${n}`;
  const page = new Promise<number>((resolve) => seen.set(mark, resolve));
  const bare = new Promise<number>((resolve) => line.once('message', () => resolve(Date.now())));
  const at = Date.now();
  edit(world, channel, last, { text: mark, blocks: card(mark) }, user);
  onPage.push((await page) - at);
  onLine.push((await bare) - at);
  await new Promise((resolve) => setTimeout(resolve, 40));
}
const at = (all: number[], part: number) => [...all].sort((a, b) => a - b)[Math.floor((all.length - 1) * part)] ?? 0;
const told = (all: number[]) => `median ${at(all, 0.5)}, p95 ${at(all, 0.95)}, most ${at(all, 1)} ms`;
process.stdout.write(
  `${messages} messages, two people: on the page ${told(onPage)}; on a bare line ${told(onLine)}; ` +
    `${(at(onPage, 0.5) / Math.max(1, at(onLine, 0.5))).toFixed(1)} times the floor\n`,
);
line.terminate();
await browser.close();
await sandbox.close();

function card(text: string) {
  return [
    { type: 'section', text: { type: 'mrkdwn', text: `*${text}* of <@U0ANA> <!date^1795300000^{date} {time}|then>` } },
    {
      type: 'actions',
      elements: ['Approve', 'Details'].map((label) => ({
        ...{ type: 'button', action_id: label, value: 'x' },
        text: { type: 'plain_text', text: label },
      })),
    },
  ];
}
