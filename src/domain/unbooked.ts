import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { nearest } from './nearest.ts';
import type { ServiceOf } from './release.ts';
import { addMinutes } from './time.ts';

/*
 * Deployments that went past the calendar. Whoever knows of one says so, and is not asked why: how many there are is only
 * known if saying it costs nothing.
 */
const ofDeployment = { service: z.string().max(40), version: z.string().max(60), environment: z.string().max(40) };

export const UnbookedInput = z.strictObject({
  ...ofDeployment,
  /** When it was deployed, to the minute. */
  at: z.iso.datetime(),
  note: z.string().max(300),
});
export type UnbookedInput = z.infer<typeof UnbookedInput>;

export type UnbookedFacts = {
  readonly service: ServiceOf | undefined;
  readonly serviceKeys: readonly string[];
  readonly hasCatalog: boolean;
  readonly roles: readonly string[];
  /** Reports of this service, version and environment, newest deployment first. */
  readonly reported: readonly { readonly at: Date; readonly person: string }[];
  /** A release with this unit that was being deployed there at that time, or within an hour of it. */
  readonly booked: number | undefined;
};

/** Older ones change nothing that anybody looks at. */
const oldestDays = 366;
/** A release that was started up to this long after it, or ended up to this long before it, is taken for the same deployment. */
export const bookedWithinMinutes = 60;

/** Records a deployment that was not booked. Any full member may; the same one is on record once. */
export function reportUnbooked(input: UnbookedInput, facts: UnbookedFacts, ask: Ask): Decision {
  const { service, version, environment } = input;
  const at = toMinute(new Date(input.at));
  if (at > ask.now) return refuse({ code: 'unbooked_when', at: at.toISOString(), isAhead: true });
  if (at < addMinutes(ask.now, -oldestDays * 24 * 60))
    return refuse({ code: 'unbooked_when', at: at.toISOString(), isAhead: false });
  if (!facts.service && facts.hasCatalog)
    return refuse({
      code: 'unknown_service',
      name: service,
      nearest: nearest(service, facts.serviceKeys) ?? null,
      known: [...facts.serviceKeys],
    });
  const environments = facts.service?.environments ?? [];
  if (environments.length > 0 && !environments.includes(environment))
    return refuse({ code: 'unknown_environment', service, name: environment, known: [...environments] });
  const known = facts.reported.find((one) => one.at.getTime() === at.getTime());
  if (known)
    return refuse({ code: 'unbooked_known', service, version, environment, at: at.toISOString(), by: known.person });
  if (facts.booked !== undefined) return refuse({ code: 'was_booked', release: facts.booked, service, version });
  return accept(...(facts.service ? [] : [{ type: 'service.named' as const, service }]), {
    type: 'unbooked.reported',
    service,
    version,
    environment,
    deployedAt: at.toISOString(),
    note: input.note.trim(),
  });
}

export const TakeBackInput = z.strictObject({ ...ofDeployment, at: z.iso.datetime().nullable() });
export type TakeBackInput = z.infer<typeof TakeBackInput>;

/** Takes a report back: one's own, or as a release manager anybody's. Without a time, the newest. */
export function takeBackUnbooked(input: TakeBackInput, facts: UnbookedFacts, ask: Ask): Decision {
  const { service, version, environment } = input;
  const meant = input.at === null ? undefined : toMinute(new Date(input.at)).getTime();
  const found = facts.reported.find(({ at }) => meant === undefined || at.getTime() === meant);
  if (!found) return refuse({ code: 'unknown_unbooked', service, version, environment });
  if (found.person !== actorId(ask) && !facts.roles.includes('release_manager'))
    return refuse({ code: 'not_yours', what: 'report', owner: found.person });
  return accept({
    type: 'unbooked.taken_back',
    service,
    version,
    environment,
    deployedAt: found.at.toISOString(),
  });
}

function toMinute(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 60_000) * 60_000);
}
