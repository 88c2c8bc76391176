import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { isRunning } from './release.ts';
import type { OfRoom } from './room.ts';
import { statusMinutes } from './runbook.ts';
import { notInRoom, type RoomFacts } from './step.ts';
import { addMinutes } from './time.ts';

export const healths = ['on_track', 'at_risk', 'delayed'] as const;
export const Health = z.enum(healths);
export type Health = z.infer<typeof Health>;

export const StatusInput = z.strictObject({ release: z.number().int(), health: Health, text: z.string().max(500) });
export type StatusInput = z.infer<typeof StatusInput>;

/** Says how it goes: to the room, to the card and to everybody whose protocol asks for it. */
export function postStatus(input: StatusInput, facts: RoomFacts, ask: Ask): Decision {
  const { release } = facts;
  const no = notInRoom(facts, actorId(ask), ask);
  if (no) return refuse(no);
  const text = input.text.trim();
  if (text === '') return refuse({ code: 'empty_note' });
  if (['rejected', 'expired', 'cancelled'].includes(release.state))
    return refuse({
      code: 'wrong_state',
      release: release.number,
      verb: 'post a status of',
      state: release.state,
      possible: [],
    });
  const nextAt = isRunning(release.state) ? addMinutes(ask.now, statusMinutes(facts.runbook)).toISOString() : null;
  return accept({ type: 'status.posted', release: release.number, health: input.health, text, nextAt });
}

/** So long after its slot a release that nobody ends is asked for its status once a day only. */
const patienceMinutes = 240;

/** The clock: nobody has said for a while how it goes. Asked again only after as long a time. */
export function askStatus(_input: OfRoom, facts: RoomFacts, ask: Ask): Decision {
  const { release, holders } = facts;
  if (!isRunning(release.state) || !release.statusDueAt || ask.now < release.statusDueAt) return accept();
  const isLeft = ask.now >= addMinutes(release.endsAt, patienceMinutes);
  const minutes = isLeft ? 24 * 60 : statusMinutes(facts.runbook);
  return accept({
    type: 'status.asked',
    release: release.number,
    of: holders.comms ?? holders.lead ?? release.lead,
    nextAt: addMinutes(ask.now, minutes).toISOString(),
  });
}
