import { z } from 'zod';
import type { Conflict, Seat, Train } from './calendar.ts';
import { type CalendarFacts, isHard, judge, type Wanted } from './conflict.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { eligible, membersOf, ownersOf, sourcesOf, type WhoSource } from './gate.ts';
import { nearest } from './nearest.ts';
import { type DirectoryNeeds, isFullMember } from './person.ts';
import { ChangeType, choosePolicy, type GateRule, type Policy } from './policy.ts';
import { releaseKey, unitsName } from './release.ts';
import type { Traits } from './scope.ts';
import { scopeWords } from './scope.ts';
import { durations } from './slot.ts';
import { addMinutes } from './time.ts';
import { type Departure, mayBoard } from './train.ts';

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
  /** Releases that have to be done first. */
  dependsOn: z.array(z.number().int()).max(20).default([]),
  /** Board this train: its departure gives time and length. "" is the only train there is. */
  train: z.string().nullable().default(null),
  /** Where its card goes when neither service, team nor catalogue name a channel. */
  fallbackChannel: z.string().nullable(),
});
export type RequestInput = z.infer<typeof RequestInput>;

export type ServiceFacts = Traits & {
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
  readonly calendar: CalendarFacts;
  /** Teams of the acting person. */
  readonly teams: readonly string[];
  /** The train to board and its next departure, when one was asked for. */
  readonly train: Train | undefined;
  readonly departure: Departure | undefined;
  readonly trains: readonly string[];
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

/** What a decision about a request may be told besides the input: own holds to ignore, the series it comes from. */
export type RequestContext = { readonly holders?: readonly string[]; readonly series?: string };

/** Books the slot and asks for the votes; or says what is in the way. */
export function requestRelease(
  input: RequestInput,
  facts: RequestFacts,
  ask: Ask,
  context: RequestContext = {},
): Decision {
  const requester = actorId(ask);
  const { train, departure } = facts;
  if (input.train !== null) {
    if (!train) return refuse({ code: 'unknown_train', name: input.train, known: [...facts.trains] });
    if (!departure) return refuse({ code: 'no_departure', train: train.name });
  }
  const startsAt = departure && train ? departure.startsAt : new Date(input.startsAt);
  const minutes = departure && train ? train.recurrence.minutes : input.minutes;
  const endsAt = departure && train ? departure.endsAt : addMinutes(startsAt, minutes);

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
  if (train && !mayBoard(train, input.environment, facts.services))
    return refuse({
      code: 'may_not_board',
      train: train.name,
      scope: scopeWords(train.scope),
      environment: train.environment,
    });
  if (!train && (minutes < durations.min || minutes > durations.max))
    return refuse({ code: 'bad_duration', minutes, ...durations });
  if (startsAt <= ask.now) return refuse({ code: 'in_the_past', startsAt: input.startsAt });

  const lead = ask.directory.people[input.lead];
  if (!lead || !isFullMember(lead)) return refuse({ code: 'lead_unfit', lead: input.lead });
  const channel = homeOf(input, facts);
  if (!channel) return refuse({ code: 'no_home' });

  const unknown = input.dependsOn.find((number) => !facts.calendar.needs.some((one) => one.release === number));
  if (unknown !== undefined) return refuse({ code: 'unknown_needs', release: unknown });

  const wanted = wantedOf(input, facts, context.holders ?? [], minutes);
  const placed = place(facts.calendar, wanted, { startsAt, endsAt }, ask.now);
  if (!placed.ok) return placed;

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
    summary: input.summary.trim() || `Release ${unitsName(input.units)}`,
    rollbackPlan: input.rollbackPlan.trim(),
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    channel,
    policy: policyOf(input, facts).name,
    gates: gates.map(({ rule }) => rule),
    asked,
    seats: [...placed.seats],
    dependsOn: input.dependsOn,
    train: train && departure ? { key: train.key, date: departure.date } : null,
    warnings: [...placed.warnings],
    series: context.series ?? null,
  };
  const approved: EventBody[] =
    gates.length === 0 ? [{ type: 'release.approved', release: ask.number, revision: 1 }] : [];
  return accept(...named, requested, ...approved);
}

/** The wish behind a request, as the calendar judges it. */
export function wantedOf(
  input: RequestInput,
  facts: RequestFacts,
  holders: readonly string[] = [],
  minutes: number = input.minutes,
): Wanted {
  const named = (key: string): Traits =>
    facts.services.find((one) => one.key === key) ?? { key, team: null, tags: [], regions: [] };
  return {
    environment: input.environment,
    exclusive: facts.exclusive,
    services: input.units.map((unit) => named(unit.service)),
    minutes,
    changeType: input.changeType,
    lead: input.lead,
    teams: facts.teams,
    holders,
    releases: [],
    overlap: policyOf(input, facts).dependency_overlap,
    train:
      facts.train && facts.departure
        ? { key: facts.train.key, date: facts.departure.date, capacity: facts.train.capacity }
        : undefined,
  };
}

export type PlacedSlot =
  | { readonly ok: true; readonly seats: readonly Seat[]; readonly warnings: readonly Conflict[] }
  | Extract<Decision, { ok: false }>;

/** Does this time suit? Gives the seats it takes; or everything that is in the way. */
export function place(
  calendar: CalendarFacts,
  wanted: Wanted,
  slot: { readonly startsAt: Date; readonly endsAt: Date },
  now: Date,
): PlacedSlot {
  const { conflicts, seats } = judge(calendar, wanted, { from: slot.startsAt, to: slot.endsAt })(slot.startsAt, now);
  const hard = conflicts.filter(isHard);
  if (hard.length === 0) return { ok: true, seats, warnings: conflicts };
  const warnings = conflicts.filter((one) => !isHard(one));
  const refusal = {
    code: 'conflict',
    startsAt: slot.startsAt.toISOString(),
    minutes: wanted.minutes,
    hard,
    warnings,
  } as const;
  return { ok: false, refusal };
}

/** The holder of a release's reservation. */
export function holderOf(release: number): string {
  return releaseKey(release);
}

function policyOf(input: RequestInput, facts: RequestFacts): Policy {
  const tiers = facts.services.length > 0 ? facts.services.map((service) => service.tier) : [3];
  return choosePolicy(facts.policies, { environment: input.environment, type: input.changeType, tiers });
}

/** The gates of a request, with where their voters are to be found. */
export function gatesOf(input: RequestInput, facts: RequestFacts): { rule: GateRule; sources: WhoSource[] }[] {
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
