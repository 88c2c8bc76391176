import { z } from 'zod';
import type { GatePlan } from './approval.ts';
import { askGates } from './ask.ts';
import type { Conflict, Seat, Train } from './calendar.ts';
import { type CalendarFacts, isHard, judge, type Wanted } from './conflict.ts';
import { contentHash, Migration, ScopeItem } from './content.ts';
import { criteriaOf } from './criterion.ts';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import type { WhoSource } from './gate.ts';
import { askFor, type Gated, gate, gateNeeds, type Subject } from './gating.ts';
import { nearest } from './nearest.ts';
import { againstException, type ExceptionFacts, onlyFreezes, passGates, quarterOf } from './pass.ts';
import { type DirectoryNeeds, isFullMember, join } from './person.ts';
import { ChangeType, type GateRule, roomMinutesOf } from './policy.ts';
import { type PolicyFacts, releaseKey, type ServiceOf, unitsName } from './release.ts';
import type { Traits } from './scope.ts';
import { scopeWords } from './scope.ts';
import { durations } from './slot.ts';
import { addMinutes } from './time.ts';
import { type Departure, mayBoard } from './train.ts';
import { isSemver } from './version.ts';

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
  /** The rollback plan was tried. */
  rollbackTested: z.boolean().default(false),
  migration: Migration.default('none'),
  scope: z.array(ScopeItem).max(20).default([]),
  links: z.array(z.string().max(300)).max(10).default([]),
  /** Start by itself when its slot opens. */
  auto: z.boolean().default(false),
  /** Why it should pass the freezes over its slot; their owners vote. Null: a freeze stops it. */
  exception: z.string().max(500).nullable().default(null),
  /** Board this train: its departure gives time and length. "" is the only train there is. */
  train: z.string().nullable().default(null),
  /** Where its card goes when neither service, team nor catalogue name a channel. */
  fallbackChannel: z.string().nullable(),
});
export type RequestInput = z.infer<typeof RequestInput>;

export type ServiceFacts = ServiceOf & {
  /** Its own channel or its team's. */
  readonly channel: string | null;
};

export type RequestFacts = PolicyFacts & {
  readonly home: string | null;
  /** False as long as nobody has applied a catalogue. */
  readonly hasCatalog: boolean;
  readonly serviceKeys: readonly string[];
  readonly services: readonly ServiceFacts[];
  readonly exclusive: boolean;
  readonly exceptions: ExceptionFacts;
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
  const gated = gatedOf(input, facts, '');
  const passes = input.exception === null ? [] : hardFreezes(input, facts);
  const owners = passGates(passes, facts.calendar.freezes, facts);
  return join(gateNeeds({ ...gated, gates: [...gated.gates, ...owners] }, facts), {
    people: [input.lead, ...input.scope.flatMap(({ owner }) => owner ?? [])],
    usergroups: [],
    channels: [],
  });
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
  for (const { service, version } of input.units) {
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
    if (known?.semver && !isSemver(version)) return refuse({ code: 'not_semver', service, version });
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
  // An emergency begins now, and its clicks take a minute.
  const latest = input.changeType === 'emergency' ? endsAt : startsAt;
  if (latest <= ask.now) return refuse({ code: 'in_the_past', startsAt: input.startsAt });

  const lead = ask.directory.people[input.lead];
  if (!lead || !isFullMember(lead)) return refuse({ code: 'lead_unfit', lead: input.lead });
  const channel = homeOf(input, facts);
  if (!channel) return refuse({ code: 'no_home' });

  const unknown = input.dependsOn.find((number) => !facts.calendar.needs.some((one) => one.release === number));
  if (unknown !== undefined) return refuse({ code: 'unknown_needs', release: unknown });

  const unfit = unfitOwner(input.scope, { requester, lead: input.lead }, ask);
  if (unfit) return refuse(unfit);

  const wanted = wantedOf(input, facts, context.holders ?? [], minutes);
  const slot = { startsAt, endsAt };
  let placed = place(facts.calendar, wanted, slot, ask.now);
  let passes: string[] = [];
  if (!placed.ok && placed.refusal.code === 'conflict' && input.exception?.trim()) {
    passes = onlyFreezes(placed.refusal.hard) ?? [];
    if (passes.length > 0) placed = place(facts.calendar, { ...wanted, passes }, slot, ask.now);
  }
  if (!placed.ok) return placed;
  const team = facts.services[0]?.team ?? '';
  const quarter = quarterOf(startsAt, facts.zone);
  const spent =
    passes.length > 0 ? againstException(team, facts.exceptions, { quarter, release: ask.number }) : undefined;
  if (spent) return refuse(spent);

  const subject: Subject = { ...contentOf(input), environment: input.environment, requester, channel, ...slot };
  const gated = gate(subject, facts, facts.services);
  if (gated.unfit) return refuse(gated.unfit);
  const gates = [...gated.gates, ...passGates(passes, facts.calendar.freezes, facts)];
  const asking = askFor(gates, subject, facts.prefs, ask);
  if (!asking.ok) return asking;
  const skipped = askGates(gated.skipped, subject, ask.directory);
  const requested: EventBody = {
    type: 'release.requested',
    release: ask.number,
    requester,
    lead: input.lead,
    units: input.units,
    environment: input.environment,
    exclusive: facts.exclusive,
    changeType: input.changeType,
    summary: subject.summary,
    rollbackPlan: subject.rollbackPlan,
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    channel,
    policy: gated.choice.name,
    roomMinutes: roomMinutesOf(facts.policies, gated.choice.name),
    because: gated.choice.because,
    problems: [...gated.choice.problems],
    managers: gated.choice.problems.length > 0 ? [...facts.managers] : [],
    gates: gates.map(({ rule }) => rule),
    asked: asking.asked.map(({ voters }) => [...voters]),
    plan: [...asking.plan],
    skipped: skipped.map(({ rule, voters }) => ({ gate: rule.name, people: notAsked(voters, asking.plan) })),
    rollbackTested: subject.rollbackTested,
    migration: subject.migration,
    scope: [...subject.scope],
    links: [...subject.links],
    hash: contentHash(subject, slot),
    risk: gated.risk,
    guards: [...gated.choice.guards],
    advice: [...gated.advice],
    criteria: criteriaOf(gated.choice.criteria, subject.scope),
    auto: input.auto,
    exception:
      passes.length === 0
        ? null
        : {
            freeze: passes[0] as string,
            name: facts.calendar.freezes
              .filter((freeze) => passes.includes(freeze.key))
              .map((freeze) => freeze.name)
              .join(' and '),
            team,
            quarter,
            reason: input.exception?.trim() ?? '',
          },
    seats: [...placed.seats],
    dependsOn: input.dependsOn,
    train: train && departure ? { key: train.key, date: departure.date } : null,
    warnings: [...placed.warnings],
    series: context.series ?? null,
  };
  const approved: EventBody[] =
    gates.length === 0
      ? [{ type: 'release.approved', release: ask.number, revision: 1, hash: contentHash(subject, slot) }]
      : [];
  // An emergency has its people together at once.
  const room: EventBody[] =
    input.changeType === 'emergency'
      ? [
          {
            type: 'room.opened',
            release: ask.number,
            members: [...new Set([requester, input.lead])].sort(),
            again: false,
          },
        ]
      : [];
  return accept(...named, requested, ...approved, ...room);
}

/** A product owner who could never accept a scope item: nobody accepts what they ship themselves. */
export function unfitOwner(
  scope: readonly ScopeItem[],
  release: { readonly requester: string; readonly lead: string },
  { directory }: Pick<Ask, 'directory'>,
): Refusal | undefined {
  const bad = scope.find(({ owner }) => {
    const person = owner === null ? undefined : directory.people[owner];
    const isOwn = owner === release.requester || owner === release.lead;
    return owner !== null && (isOwn || !person || !isFullMember(person));
  });
  return bad?.owner ? { code: 'owner_unfit', owner: bad.owner, title: bad.title } : undefined;
}

/** Those who are not asked in person. */
function notAsked(voters: readonly string[], plan: readonly GatePlan[]): string[] {
  return voters.filter((id) => !plan.some(({ pings }) => pings.some((ping) => ping.person === id)));
}

/** Characters of a summary or a plan: what the form takes. */
const longest = 1000;

/** What a request says, in the form in which votes are about it. */
export function contentOf(input: RequestInput) {
  return {
    units: input.units,
    changeType: input.changeType,
    summary: input.summary.trim().slice(0, longest) || `Release ${unitsName(input.units)}`,
    rollbackPlan: input.rollbackPlan.trim().slice(0, longest),
    rollbackTested: input.rollbackTested && input.rollbackPlan.trim() !== '',
    migration: input.migration,
    lead: input.lead,
    dependsOn: input.dependsOn,
    scope: input.scope,
    links: input.links,
  };
}

/** The hard freezes at the wanted time. */
function hardFreezes(input: RequestInput, facts: RequestFacts): string[] {
  const { departure, train } = facts;
  const startsAt = departure && train ? departure.startsAt : new Date(input.startsAt);
  const minutes = departure && train ? train.recurrence.minutes : input.minutes;
  const range = { from: startsAt, to: addMinutes(startsAt, minutes) };
  const wanted = wantedOf(input, facts, [], minutes);
  return judge(
    facts.calendar,
    wanted,
    range,
  )(startsAt, startsAt).conflicts.flatMap((one) => (one.code === 'freeze' && one.level === 'hard' ? [one.freeze] : []));
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
    overlap: gatedOf(input, facts, '').choice.overlap,
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

/** The gates of a request as its facts give them, with where their voters are to be found. */
export function gatesOf(
  input: RequestInput,
  facts: RequestFacts,
): readonly { rule: GateRule; sources: readonly WhoSource[] }[] {
  return gatedOf(input, facts, '').gates;
}

function gatedOf(input: RequestInput, facts: RequestFacts, requester: string): Gated {
  const startsAt = facts.departure?.startsAt ?? new Date(input.startsAt);
  const endsAt = facts.departure?.endsAt ?? addMinutes(startsAt, Math.max(1, input.minutes));
  const channel = homeOf(input, facts) ?? '';
  const about = { environment: input.environment, requester, channel, startsAt, endsAt };
  return gate({ ...contentOf(input), ...about }, facts, facts.services);
}

/** The first service's own channel, its team's, the catalogue's home, or where it was asked. */
function homeOf(input: RequestInput, facts: RequestFacts): string | undefined {
  const first = facts.services.find((service) => service.key === input.units[0]?.service);
  return first?.channel ?? facts.home ?? input.fallbackChannel ?? undefined;
}
