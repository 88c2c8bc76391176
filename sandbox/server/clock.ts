import type { IncomingMessage } from 'node:http';
import type { World } from './world.ts';

/*
 * Apps that follow the workspace's clock. They hear of a move before anything that people do after it.
 */

const pollMs = 20_000;
/** A follower that died with the clock's last move holds up nobody for longer. */
const hearMs = 500;

type Followers = {
  /** How many were told of a move and have not come back with it. */
  owed: number;
  readonly held: (() => void)[];
};
const all = new WeakMap<World, Followers>();

/** Waits until the clock stands elsewhere than at the offset that a follower knows, at most as long as a poll lasts. */
export async function untilMoved(world: World, known: number, request: IncomingMessage): Promise<void> {
  if (known !== world.state.clockOffsetMs) return;
  const followers = followersOf(world);
  if (followers.owed > 0 && --followers.owed === 0) letGo(followers);
  await new Promise<void>((resolve) => {
    const done = () => {
      world.changes.off('clock', moved);
      clearTimeout(timer);
      resolve();
    };
    const moved = () => {
      followers.owed++;
      done();
    };
    const timer = setTimeout(done, pollMs);
    timer.unref();
    world.changes.on('clock', moved);
    request.on('close', done);
  });
}

/** Resolves once everybody who follows the clock knows where it stands. */
export async function clockHeard(world: World): Promise<void> {
  const followers = followersOf(world);
  if (followers.owed === 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => letGo(followers), hearMs);
    followers.held.push(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function letGo(followers: Followers): void {
  followers.owed = 0;
  for (const go of followers.held.splice(0)) go();
}

function followersOf(world: World): Followers {
  const found = all.get(world) ?? { owed: 0, held: [] };
  all.set(world, found);
  return found;
}
