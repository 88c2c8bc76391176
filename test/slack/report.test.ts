import { afterAll, beforeAll, expect, test } from 'vitest';
import { readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';
import { openClient } from '../../src/slack/client.ts';
import type { Projector } from '../../src/slack/message.ts';
import { noPace } from '../../src/slack/pace.ts';
import { showPictures } from '../../src/slack/report.ts';
import { type Claim, claim, markStale, settle } from '../../src/store/ledger.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

/*
 * Pictures of one surface: there once, whatever happened between Slack's answer and ours.
 */
const root = new URL('../../', import.meta.url).pathname;
const channel = 'C0RELEASES';
const svg = (words: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40"><text x="4" y="20">${words}</text></svg>`;
const drawn = ['one', 'two'].map((name) => ({
  name,
  title: `Picture ${name}`,
  svg: svg(name),
  alt: `${name} says 8 %`,
}));

let hall: Hall;
let sandbox: Sandbox;
let projector: Projector;
beforeAll(async () => {
  hall = await openHall();
  sandbox = await startSandbox({
    seedFile: `${root}sandbox/workspace.yml`,
    manifest: readManifest(`${root}manifest.yml`),
    enforceLimits: false,
  });
  const client = openClient(sandbox.world.tokens.bot, `${sandbox.origin}/api/`);
  projector = { ctx: hall.ctx, client, pace: noPace, instance: 'test', seen: () => undefined };
});
afterAll(async () => {
  await sandbox?.close();
  await hall?.close();
});

const files = () => Object.values(sandbox.world.state.files).filter((one) => one.stage === 'complete');

async function claimed(key: string): Promise<Claim> {
  await markStale(hall.db, workspace, [key], hall.clock.now);
  const found = await claim(hall.db, workspace, key, 'test', 0);
  if (!found) throw new Error('somebody else writes it');
  return found;
}

test('are put there with their words, once, however often it is looked', async () => {
  for (let time = 0; time < 3; time++) {
    const own = await claimed('pictures:one');
    const shown = await showPictures(projector, own, { channel }, drawn, 'w47');
    expect(shown.wrote).toBe(time === 0);
    await settle(hall.db, own, shown);
  }
  expect(files().map(({ name, alt_txt }) => [name, alt_txt])).toEqual([
    ['one-w47.png', 'one says 8 %'],
    ['two-w47.png', 'two says 8 %'],
  ]);
});

test('a crash after Slack took them does not double them; one before leaves none missing', async () => {
  await showPictures(projector, await claimed('pictures:two'), { channel }, drawn, 'w48');
  // Nothing was settled: the next process finds them, once the claim of the first is over.
  await hall.db.pool.query("UPDATE surface SET claimed_until = NULL WHERE key = 'pictures:two'");
  const again = await claimed('pictures:two');
  expect(again.row.unclear_since).not.toBeNull();
  expect(await showPictures(projector, again, { channel }, drawn, 'w48')).toMatchObject({
    hash: 'one-w48',
    wrote: true,
  });
  expect(files().filter(({ name }) => name.endsWith('w48.png'))).toHaveLength(2);
});

test('nothing to draw is nothing to write, and what Slack refuses is said', async () => {
  const none = await claimed('pictures:three');
  expect(await showPictures(projector, none, { channel }, [], 'w49')).toMatchObject({ wrote: false });
  const lost = await claimed('pictures:four');
  await expect(showPictures(projector, lost, { channel: 'C0NOWHERE' }, drawn, 'w50')).rejects.toThrow(
    /channel_not_found/,
  );
});
