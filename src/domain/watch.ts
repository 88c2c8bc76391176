import { z } from 'zod';
import { mayRun } from './access.ts';
import { unticked } from './criterion.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { onlyRunners } from './move.ts';
import type { ReleaseFacts } from './release.ts';
import type { OfRoom } from './room.ts';
import { addMinutes } from './time.ts';

/*
 * Early life support: the watch after a deployment, before operations take over.
 */
export type WatchFacts = ReleaseFacts & {
  readonly watch: { readonly minutes: number; readonly exit: readonly string[] } | undefined;
  readonly incidents: readonly { readonly key: string; readonly isOpen: boolean }[];
  readonly knownErrors: readonly { readonly key: string; readonly isOpen: boolean }[];
};

export const WatchInput = z.strictObject({ release: z.number().int(), minutes: z.number().int().min(5).max(43_200) });
export type WatchInput = z.infer<typeof WatchInput>;

/** Watches a release that is done, by the wish of somebody, for a time. */
export function watchRelease(input: WatchInput, facts: WatchFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('watch', facts));
  if (release.state !== 'done')
    return refuse({ code: 'wrong_state', release: release.number, verb: 'watch', state: release.state, possible: [] });
  const until = addMinutes(ask.now, input.minutes).toISOString();
  return accept({ type: 'watch.started', release: release.number, until, exit: [] });
}

/** The clock, when a release is done: its services ask for a watch. */
export function beginWatch(_input: OfRoom, { release, watch }: WatchFacts, ask: Ask): Decision {
  if (release.state !== 'done' || !watch || release.watchUntil) return accept();
  const until = addMinutes(ask.now, watch.minutes).toISOString();
  return accept({ type: 'watch.started', release: release.number, until, exit: [...watch.exit] });
}

/** The clock, at the end of the watch: it ends if everything it was for holds, else it says what does not, and goes on for a day. */
export function endWatch(_input: OfRoom, facts: WatchFacts, ask: Ask): Decision {
  const { release } = facts;
  if (release.state !== 'done' || !release.watchUntil || release.watchEndedAt || ask.now < release.watchUntil)
    return accept();
  const open = [
    ...unticked(facts.criteria, 'handover').map((one) => one.title),
    ...facts.incidents.filter((one) => one.isOpen).map((one) => `incident ${one.key}`),
  ];
  if (open.length === 0) return accept({ type: 'watch.ended', release: release.number, handedTo: null });
  return accept({
    type: 'watch.held',
    release: release.number,
    open,
    until: addMinutes(ask.now, 24 * 60).toISOString(),
    lead: release.roomLead ?? release.lead,
  });
}

export const KnownErrorInput = z.strictObject({
  release: z.number().int(),
  title: z.string().max(200),
  workaround: z.string().max(1000),
});
export type KnownErrorInput = z.infer<typeof KnownErrorInput>;

/** A defect that ships knowingly, with what to do about it meanwhile. */
export function recordError(input: KnownErrorInput, facts: WatchFacts, _ask: Ask): Decision {
  const { release } = facts;
  const [title, workaround] = [input.title.trim(), input.workaround.trim()];
  if (title === '') return refuse({ code: 'empty_note' });
  if (workaround === '') return refuse({ code: 'workaround_needed', release: release.number });
  const key = `KE-${release.number}-${facts.knownErrors.length + 1}`;
  return accept({
    type: 'error.known',
    release: release.number,
    key,
    services: release.units.map((unit) => unit.service),
    title,
    workaround,
  });
}

export const CloseErrorInput = z.strictObject({ release: z.number().int(), key: z.string().max(40) });
export type CloseErrorInput = z.infer<typeof CloseErrorInput>;

export function closeError(input: CloseErrorInput, facts: WatchFacts, _ask: Ask): Decision {
  const known = facts.knownErrors.find((one) => one.key.toLowerCase() === input.key.trim().toLowerCase());
  if (!known?.isOpen) return refuse({ code: 'unknown_error', key: input.key });
  return accept({ type: 'error.fixed', release: facts.release.number, key: known.key });
}
