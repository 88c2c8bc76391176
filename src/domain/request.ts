import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { eligible, membersOf, ownersOf, sourcesOf, type WhoSource } from './gate.ts';
import { nearest } from './nearest.ts';
import { type DirectoryNeeds, isFullMember } from './person.ts';
import { ChangeType, choosePolicy, type GateRule, type Policy } from './policy.ts';
import { durations, type Held, nextFree, overlaps } from './slot.ts';
import { addMinutes } from './time.ts';

export const RequestInput = z.strictObject({
  units: z
    .array(z.strictObject({ service: z.string(), version: z.string() }))
    .min(1)
    .max(10),
  environment: z.string(),
  startsAt: z.iso.datetime(),
  minutes: z.number().int(),
  changeType: ChangeType,
  summary: z.string(),
  rollbackPlan: z.string(),
  lead: z.string(),
  /** Where its card goes when neither service, team nor catalogue name a channel. */
  fallbackChannel: z.string().nullable(),
});
export type RequestInput = z.infer<typeof RequestInput>;

export type ServiceFacts = {
  readonly key: string;
  readonly team: string | null;
  readonly teamMembers: readonly string[];
  readonly tier: number;
  readonly environments: readonly string[];
  /** Its own channel or its team's. */
  readonly channel: string | null;
};

export type RequestFacts = {
  readonly zone: string;
  readonly home: string | null;
  /** False as long as nobody has applied a catalogue. */
  readonly hasCatalog: boolean;
  readonly serviceKeys: readonly string[];
  readonly services: readonly ServiceFacts[];
  readonly exclusive: boolean;
  readonly policies: readonly Policy[];
  readonly groups: Readonly<Record<string, WhoSource>>;
  /** What is held in the environment from the wanted start on. */
  readonly held: readonly (Held & { readonly exclusive: boolean; readonly units: string })[];
};

/** Who has to be looked up before a request can be decided: the lead and everybody who may vote on it. */
export function requestNeeds(facts: RequestFacts, input: RequestInput): DirectoryNeeds {
  const sources = gatesOf(input, facts).flatMap(({ sources }) => sources);
  return {
    people: [input.lead, ...sources.flatMap((source) => (source.kind === 'people' ? source.ids : []))],
    usergroups: sources.flatMap((source) => (source.kind === 'usergroup' ? [source.id] : [])),
    channels: sources.flatMap((source) => (source.kind === 'channel' && source.id !== '' ? [source.id] : [])),
  };
}

/** Books the slot and asks for the votes; or says what is in the way and when it would be free. */
export function requestRelease(input: RequestInput, facts: RequestFacts, ask: Ask): Decision {
  const requester = actorId(ask);
  const startsAt = new Date(input.startsAt);
  const endsAt = addMinutes(startsAt, input.minutes);

  const seen = new Set<string>();
  const named: EventBody[] = [];
  for (const { service } of input.units) {
    if (seen.has(service)) return refuse({ code: 'service_twice', service });
    seen.add(service);
    const known = facts.services.find((other) => other.key === service);
    if (!known && facts.hasCatalog)
      return refuse({
        code: 'unknown_service',
        name: service,
        nearest: nearest(service, facts.serviceKeys) ?? null,
        known: [...facts.serviceKeys],
      });
    if (!known) named.push({ type: 'service.named', service });
    if (known && known.environments.length > 0 && !known.environments.includes(input.environment))
      return refuse({ code: 'unknown_environment', service, name: input.environment, known: [...known.environments] });
  }
  if (input.minutes < durations.min || input.minutes > durations.max)
    return refuse({ code: 'bad_duration', minutes: input.minutes, ...durations });
  if (startsAt <= ask.now) return refuse({ code: 'in_the_past', startsAt: input.startsAt });

  const lead = ask.directory.people[input.lead];
  if (!lead || !isFullMember(lead)) return refuse({ code: 'lead_unfit', lead: input.lead });
  const channel = homeOf(input, facts);
  if (!channel) return refuse({ code: 'no_home' });

  const rivals = facts.held.filter((held) => facts.exclusive || seen.has(held.service));
  const holder = rivals.find((held) => overlaps(held, { startsAt, endsAt }));
  if (holder) {
    return refuse({
      code: 'slot_taken',
      service: holder.service,
      environment: input.environment,
      holder: holder.release,
      holderUnits: holder.units,
      startsAt: holder.startsAt.toISOString(),
      endsAt: holder.endsAt.toISOString(),
      next: nextFree(rivals, { startsAt, minutes: input.minutes }).toISOString(),
    });
  }

  const gates = gatesOf(input, facts);
  const asked: string[][] = [];
  for (const { rule, sources } of gates) {
    if (rule.who.kind === 'channel' && (ask.directory.channels[channel] ?? []).length === 0)
      return refuse({ code: 'not_in_channel', channel });
    const voters = new Set(
      sources.flatMap((source) =>
        eligible(membersOf(source, ask.directory), { requester, lead: input.lead }, ask.directory.people),
      ),
    );
    if (voters.size < rule.needed)
      return refuse({ code: 'unmeetable_gate', gate: rule.name, needed: rule.needed, eligible: voters.size });
    asked.push([...voters].sort());
  }

  const requested: EventBody = {
    type: 'release.requested',
    release: ask.number,
    requester,
    lead: input.lead,
    units: input.units,
    environment: input.environment,
    exclusive: facts.exclusive,
    changeType: input.changeType,
    summary:
      input.summary.trim() || `Release ${input.units.map((unit) => `${unit.service} ${unit.version}`).join(' + ')}`,
    rollbackPlan: input.rollbackPlan.trim(),
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    channel,
    policy: policyOf(input, facts).name,
    gates: gates.map(({ rule }) => rule),
    asked,
  };
  const approved: EventBody[] =
    gates.length === 0 ? [{ type: 'release.approved', release: ask.number, revision: 1 }] : [];
  return accept(...named, requested, ...approved);
}

function policyOf(input: RequestInput, facts: RequestFacts): Policy {
  const tiers = facts.services.length > 0 ? facts.services.map((service) => service.tier) : [3];
  return choosePolicy(facts.policies, { environment: input.environment, type: input.changeType, tiers });
}

function gatesOf(input: RequestInput, facts: RequestFacts): { rule: GateRule; sources: WhoSource[] }[] {
  const owners = facts.services.flatMap((service) =>
    service.team ? [ownersOf(service.team, service.teamMembers)] : [],
  );
  const channel = homeOf(input, facts) ?? '';
  return policyOf(input, facts).gates.map((rule) => ({
    rule,
    sources: sourcesOf(rule, facts.groups, owners, channel),
  }));
}

/** The first service's own channel, its team's, the catalogue's home, or where it was asked. */
function homeOf(input: RequestInput, facts: RequestFacts): string | undefined {
  const first = facts.services.find((service) => service.key === input.units[0]?.service);
  return first?.channel ?? facts.home ?? input.fallbackChannel ?? undefined;
}
