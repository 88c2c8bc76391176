import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { startCommand } from '../../src/commands/deploy.ts';
import { expectReplayed } from '../support/replay.ts';
import { openRoomHall, type RoomHall, said } from '../support/room.ts';

let hall: RoomHall;
beforeAll(async () => {
  hall = await openRoomHall();
});
// Nothing of one test is still running in the next.
beforeEach(() => hall.jumps(24 * 60));
afterAll(() => hall?.close());

/** Time passes, and no timer is worked off: an outage. */
const sleeps = (minutes: number) => {
  hall.clock.now = new Date(hall.clock.now.getTime() + minutes * 60_000);
};

describe('the room', () => {
  test('a start without a room opens it, and both set the same timer', async () => {
    const release = await hall.booked('lined');
    sleeps(11);
    expect(said(await hall.does('U0ANA', call(startCommand, { release })))).toBe(
      'room.opened release.started role.taken',
    );
    await hall.waits(0.1);
    expect(await hall.steps(release)).toEqual(['1 open', '2 open', '3 open']);
  });
});

test('whatever happened here, replaying the log gives the same tables', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(3);
});
