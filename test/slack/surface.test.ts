import { afterAll, beforeAll, expect, test } from 'vitest';
import { refresh } from '../../src/slack/surface.ts';
import { workspace } from '../support/hall.ts';
import { openProjector, type Stage } from '../support/projector.ts';

/* What stands on another surface, while that one waits for its turn. */

let stage: Stage;
let hall: Stage['hall'];
let sandbox: Stage['sandbox'];
let projector: Stage['projector'];
beforeAll(async () => {
  stage = await openProjector();
  ({ hall, sandbox, projector } = stage);
});
afterAll(() => stage?.close());

test('comes when what it stands on comes, and asks for that neither all the time nor never', async () => {
  const booked = await hall.books('U0ANA');
  const [event] = booked.ok ? booked.events : [];
  if (event?.body.type !== 'release.requested') throw new Error('nothing was booked');
  const key = `REL-${event.body.release}`;
  const cardIn = (seconds: number) =>
    hall.db.pool.query(
      `INSERT INTO surface (workspace, key, retry_at) VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')
       ON CONFLICT (workspace, key) DO UPDATE SET retry_at = excluded.retry_at`,
      [workspace, `card:${key}`, seconds],
    );
  const votesAgain = async () => {
    await hall.db.pool.query('UPDATE surface SET retry_at = NULL WHERE key = $1', [`votes:${key}`]);
    return refresh(projector, workspace, `votes:${key}`);
  };
  await cardIn(30);
  const again = await votesAgain();
  expect(again).toBeGreaterThan(20_000);
  expect(again).toBeLessThanOrEqual(30_000);
  const { rows } = await hall.db.pool.query('SELECT problem, attempts FROM surface WHERE key = $1', [`votes:${key}`]);
  expect(rows).toEqual([{ problem: 'waits for another surface', attempts: 0 }]);
  // A line of half an hour may move faster than it looks.
  await cardIn(1_800);
  expect(await votesAgain()).toBe(60_000);
  await cardIn(0);
  expect(await votesAgain()).toBeUndefined();
  const shown = (sandbox.world.state.messages.C0RELEASES ?? []).map((one) => one.metadata?.event_payload.key);
  expect(shown).toEqual(expect.arrayContaining([`card:${key}`, `votes:${key}`]));
});
