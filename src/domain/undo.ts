import { z } from 'zod';
import { type Ask, accept, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { tally } from './gate.ts';
import { laneOf, moveTo, type SlotFacts, slotNeeds, type Target, wantedFor } from './move.ts';
import { againstException, type ExceptionFacts, quarterOf } from './pass.ts';
import { type DirectoryNeeds, needNothing } from './person.ts';
import { place } from './request.ts';

export const UndoInput = z.strictObject({
  /** The command to take back; null: the person's last one. */
  of: z.string().nullable(),
});
export type UndoInput = z.infer<typeof UndoInput>;

export type UndoFacts = {
  /** The person's last action within the time that may be undone, newest events last, and when it was. */
  readonly last: readonly EventBody[];
  readonly at: Date | undefined;
  readonly slot: (SlotFacts & { readonly exceptions: ExceptionFacts }) | undefined;
  /** Every gate was met in the revision that a move left. */
  readonly metBefore: boolean;
  /** The reservation, or the report, that was made still stands. */
  readonly booked: boolean;
};

export const undoSeconds = 60;

export function undoNeeds({ last, slot }: UndoFacts): DirectoryNeeds {
  const moved = last.find((event) => event.type === 'release.moved');
  if (!slot || moved?.type !== 'release.moved') return needNothing;
  return slotNeeds(slot, { startsAt: new Date(moved.before.startsAt), endsAt: new Date(moved.before.endsAt) });
}

/** Takes back one's own last booking, move, cancellation, reservation or report of a deployment, as long as nothing came of it. */
export function undoLast(_input: UndoInput, facts: UndoFacts, ask: Ask): Decision {
  const { last, slot } = facts;
  const booking = last.find((event) => event.type === 'booking.made');
  if (booking?.type === 'booking.made')
    return facts.booked
      ? accept({ type: 'booking.ended', booking: booking.booking })
      : refuse({ code: 'nothing_to_undo' });
  const report = last.find((event) => event.type === 'unbooked.reported');
  if (report?.type === 'unbooked.reported') {
    const { service, version, environment, deployedAt } = report;
    return facts.booked
      ? accept({ type: 'unbooked.taken_back', service, version, environment, deployedAt })
      : refuse({ code: 'nothing_to_undo' });
  }
  const event = last.find(({ type }) => ['release.requested', 'release.moved', 'release.cancelled'].includes(type));
  if (!event || !slot) return refuse({ code: 'nothing_to_undo' });
  const { release } = slot;
  const isOpen = release.state === 'requested' || release.state === 'approved';
  const stuck = refuse({ code: 'cannot_undo', release: release.number, state: release.state });
  if (event.type === 'release.requested')
    return isOpen ? accept({ type: 'release.cancelled', release: release.number, reason: 'taken back' }) : stuck;
  if (event.type === 'release.moved') {
    const isThere = release.startsAt.toISOString() === event.startsAt && release.endsAt.toISOString() === event.endsAt;
    // What somebody decided since stands: a move is taken back only as long as nobody built on it.
    const isDecided = slot.votes.some((vote) => facts.at !== undefined && vote.at > facts.at);
    if (
      !isOpen ||
      !isThere ||
      event.why !== 'moved' ||
      event.before.train ||
      isDecided ||
      release.revision !== event.revision
    )
      return stuck;
    const [startsAt, endsAt] = [new Date(event.before.startsAt), new Date(event.before.endsAt)];
    const back: Target = { startsAt, endsAt, needs: [...event.before.dependsOn], train: null, why: 'undone' };
    return moveTo(slot, back, ask, { from: event.from, met: facts.metBefore });
  }
  if (release.state !== 'cancelled' || release.startsAt <= ask.now) return stuck;
  const placed = place(slot.calendar, wantedFor(slot, release.train), release, ask.now);
  if (!placed.ok) return placed;
  const quarter = quarterOf(release.startsAt, slot.policy.zone);
  const asked = { quarter, release: release.number };
  const isPass = slot.gates.some(({ rule }) => rule.pass !== null);
  const spent = isPass ? againstException(slot.services[0]?.team ?? '', slot.exceptions, asked) : undefined;
  if (spent) return refuse(spent);
  return accept({
    type: 'release.reinstated',
    release: release.number,
    ...laneOf(slot),
    startsAt: release.startsAt.toISOString(),
    endsAt: release.endsAt.toISOString(),
    seats: [...placed.seats],
    state: tally(slot.gates, slot.votes).every((gate) => gate.met) ? 'approved' : 'requested',
  });
}
