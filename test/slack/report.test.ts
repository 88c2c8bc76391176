import { afterAll, beforeAll, expect, test } from 'vitest';
import { showPictures } from '../../src/slack/report.ts';
import { type Claim, claim, markStale, settle } from '../../src/store/ledger.ts';
import { workspace } from '../support/hall.ts';
import { openProjector, type Stage } from '../support/projector.ts';

/*
 * Pictures of one surface: there once, whatever happened between Slack's answer and ours.
 */
const channel = 'C0RELEASES';
const svg = (words: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40"><text x="4" y="20">${words}</text></svg>`;
const drawn = ['one', 'two'].map((name) => ({
  name,
  title: `Picture ${name}`,
  svg: svg(name),
  alt: `${name} says 8 %`,
}));

let stage: Stage;
let hall: Stage['hall'];
let sandbox: Stage['sandbox'];
let projector: Stage['projector'];
beforeAll(async () => {
  stage = await openProjector();
  ({ hall, sandbox, projector } = stage);
});
afterAll(() => stage?.close());

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
