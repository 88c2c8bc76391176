import { z } from 'zod';
import type { Freeze, Region, Train, Window } from './calendar.ts';
import { DigestDays, DigestKind, DigestQuiet, wallClock } from './follow.ts';
import { Expression } from './guard.ts';
import { ChangeType, CriterionRule, GateWho, type OneWho, Policy, partsOf, type StandardChange } from './policy.ts';
import { ProtocolMoment, placeholders, unknownPlaceholder } from './protocol.ts';
import { readDays, readRule } from './recurrence.ts';
import { RoomSettings, Runbook } from './runbook.ts';
import { Scope } from './scope.ts';
import { isDate, isZone, wallMinutes } from './time.ts';

/*
 * The catalogue: who owns what, where it runs and who has to agree. Written in YAML by people, stored in the event that
 * applied it. Ids are Slack's (`U…` people, `C…` channels, `S…` user groups); keys are our own short names.
 */
const key = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'use lower-case letters, digits and dashes, at most 40');
const slackId = (letter: string, what: string) =>
  z.string().regex(new RegExp(`^[${letter}][A-Z0-9]{2,20}$`), `must be a Slack ${what} id`);
const personId = slackId('UW', 'member');
const channelId = slackId('CG', 'channel');
const zone = z.string().refine(isZone, 'is not an IANA time zone');

const Team = z.strictObject({
  name: z.string().max(60),
  channel: channelId.optional(),
  members: z.array(personId).min(1),
  /** Passes through freezes per quarter. */
  exceptions: z.number().int().min(0).max(100).optional(),
});
const asking = {
  /** The user group of whoever is on call: they are asked first. */
  oncall: slackId('S', 'user group').optional(),
  /** May vote, and are not to be pinged. */
  quiet: z.array(personId).default([]),
};
const Group = z.union([
  z.strictObject({ name: z.string().max(60), members: z.array(personId).min(1), ...asking }),
  z.strictObject({ name: z.string().max(60), usergroup: slackId('S', 'user group'), ...asking }),
]);
const Environment = z.strictObject({ exclusive: z.boolean().default(false) });
const Service = z.strictObject({
  team: key,
  tier: z.number().int().min(1).max(3).default(2),
  channel: channelId.optional(),
  environments: z.array(key).min(1),
  depends_on: z.array(key).default([]),
  tags: z.array(key).default([]),
  /** Regions whose people use it: their peak hours are warned of. */
  regions: z.array(key).default([]),
  /** Its versions are semantic versions; others are refused. */
  semver: z.boolean().default(false),
  runbook: key.optional(),
  /** The user group of whoever is on call for it: they are in its war rooms, and in those of what it stands on. */
  oncall: slackId('S', 'user group').optional(),
  /** Its war rooms are private channels. */
  private_room: z.boolean().default(false),
  /** Shown as bookmarks of the war room. */
  links: RoomSettings.shape.links,
  /** Early life support after a deployment. */
  watch: z
    .strictObject({
      minutes: z.number().int().min(5).max(43_200),
      exit: z.array(z.string().min(1).max(150)).max(10).default([]),
    })
    .optional(),
});
/** Who is told what, and when: a template for the channels that follow. */
const ProtocolEntry = z.strictObject({
  name: z.string().max(80).optional(),
  scope: Scope.prefault({}),
  on: z.array(ProtocolMoment).min(1),
  channels: z.array(channelId).min(1).max(20),
  text: z
    .string()
    .max(1000)
    .superRefine((text, context) => {
      const strange = unknownPlaceholder(text);
      if (strange !== undefined)
        context.addIssue({
          code: 'custom',
          message: `has the placeholder {${strange}}; there are ${placeholders.map((one) => `{${one}}`).join(' ')}`,
        });
    })
    .default('{update}'),
});

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write the time as HH:MM');
const clockOrMidnight = z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'write the time as HH:MM');
const date = z.string().refine(isDate, 'write the date as 2026-11-24');
const repeats = z
  .string()
  .refine(
    (text) => readRule(text) !== undefined,
    'write daily, mon-fri, tue,thu, weekly, monthly, "every 2 weeks" or FREQ=…',
  );

/** A time that takes releases. `on` is a one-off; else it repeats from `starts` on. */
const WindowEntry = z.strictObject({
  name: z.string().max(80).optional(),
  scope: Scope.prefault({}),
  repeats: repeats.default('mon-fri'),
  starts: date.default('2024-01-01'),
  on: date.optional(),
  from: clock,
  to: clockOrMidnight,
  zone: zone.optional(),
  capacity: z.number().int().min(1).max(1000).optional(),
  min_minutes: z.number().int().min(5).optional(),
  max_minutes: z.number().int().min(5).optional(),
  notice_minutes: z.number().int().min(0).default(0),
  bookers: z.array(key).default([]),
  exempt: z.array(ChangeType).default(['emergency']),
});
const moment = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2} ([01]\d|2[0-3]):[0-5]\d$/, 'write it as 2026-11-26 00:00')
  .refine((text) => isDate(text.slice(0, 10)), 'is not a date');
const FreezeEntry = z
  .strictObject({
    name: z.string().max(80),
    level: z.enum(['hard', 'warn']).default('hard'),
    scope: Scope.prefault({}),
    exempt: z.array(ChangeType).default([]),
    message: z.string().max(500).default(''),
    from: moment,
    to: moment,
    repeats: repeats.optional(),
    zone: zone.optional(),
    /** Who votes on exceptions to it; release managers when it says nothing. */
    owners: GateWho.optional(),
  })
  .refine((freeze) => freeze.from < freeze.to, { path: ['to'], message: 'ends before it begins' });
const TrainEntry = z.strictObject({
  name: z.string().max(80),
  environment: key,
  scope: Scope.prefault({}),
  repeats,
  starts: date.default('2024-01-01'),
  at: clock,
  minutes: z.number().int().min(5).max(1440),
  cutoff_minutes: z
    .number()
    .int()
    .min(0)
    .default(24 * 60),
  capacity: z.number().int().min(1).optional(),
  zone: zone.optional(),
  channel: channelId.optional(),
});
const RegionEntry = z.strictObject({
  zone,
  days: z
    .string()
    .refine((text) => readDays(text) !== undefined, 'write days like mon-fri')
    .default('mon-fri'),
  /** Busy hours, "11:00-13:00". */
  peaks: z.array(
    z.string().regex(/^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'write it as 11:00-13:00'),
  ),
});
/** A pre-approved kind of change: one that fits needs no vote. */
const StandardEntry = z.strictObject({
  name: z.string().max(80),
  scope: Scope.prefault({}),
  if: Expression.optional(),
  /** The condition in words, for whoever does not meet it. */
  message: z.string().max(200).default(''),
  max_minutes: z.number().int().min(5).optional(),
  criteria: z.array(CriterionRule).default([]),
});
const Digest = z.strictObject({
  channel: channelId,
  kind: DigestKind.default('daily'),
  at: wallClock,
  zone: zone.optional(),
  /** A weekly one comes on the first of them in a week, a monthly one on the first in a month. */
  days: DigestDays.default([1, 2, 3, 4, 5]),
  scope: Scope.prefault({}),
  /** What happens on a day with nothing new. */
  quiet: DigestQuiet.default('silent'),
});

export const roles = ['release_manager', 'auditor'] as const;

export const Catalog = z
  .strictObject({
    zone: zone.default('UTC'),
    /** The channel for cards of services and teams that name none. */
    home: channelId.optional(),
    people: z.record(personId, z.strictObject({ roles: z.array(z.enum(roles)) })).default({}),
    environments: z.record(key, Environment),
    teams: z.record(key, Team),
    groups: z.record(key, Group).default({}),
    services: z.record(key, Service),
    regions: z.record(key, RegionEntry).default({}),
    policies: z.array(Policy).default([]),
    standard_changes: z.record(key, StandardEntry).default({}),
    runbooks: z.record(key, Runbook).default({}),
    protocols: z.record(key, ProtocolEntry).default({}),
    /** A reaction with this emoji keeps a message of a war room in its record. */
    timeline_emoji: z
      .string()
      .regex(/^[a-z0-9_+'-]{1,60}$/)
      .default('pushpin'),
    windows: z.record(key, WindowEntry).default({}),
    freezes: z.record(key, FreezeEntry).default({}),
    trains: z.record(key, TrainEntry).default({}),
    digests: z.array(Digest).default([]),
  })
  .superRefine((catalog, context) => {
    const missing = (path: (string | number)[], what: string, name: string) =>
      context.addIssue({
        code: 'custom',
        path,
        message: `names the ${what} "${name}", which the catalogue does not have`,
      });
    for (const [name, service] of Object.entries(catalog.services)) {
      if (!catalog.teams[service.team]) missing(['services', name, 'team'], 'team', service.team);
      for (const env of service.environments)
        if (!catalog.environments[env]) missing(['services', name, 'environments'], 'environment', env);
      for (const other of service.depends_on)
        if (!catalog.services[other]) missing(['services', name, 'depends_on'], 'service', other);
      if (service.runbook !== undefined && !catalog.runbooks[service.runbook])
        missing(['services', name, 'runbook'], 'runbook', service.runbook);
      for (const region of service.regions)
        if (!catalog.regions[region]) missing(['services', name, 'regions'], 'region', region);
    }
    const circle = circleOf(catalog.services);
    if (circle)
      context.addIssue({
        code: 'custom',
        path: ['services', circle[0] ?? ''],
        message: `depends on itself: ${circle.join(' → ')}`,
      });
    const tags = new Set(Object.values(catalog.services).flatMap((service) => service.tags));
    const scopes = [
      ...Object.entries(catalog.windows).map(([name, { scope }]) => ['windows', name, scope] as const),
      ...Object.entries(catalog.freezes).map(([name, { scope }]) => ['freezes', name, scope] as const),
      ...catalog.digests.map(({ channel, scope }) => ['digests', channel, scope] as const),
      ...Object.entries(catalog.trains).map(([name, { scope }]) => ['trains', name, scope] as const),
      ...Object.entries(catalog.protocols).map(([name, { scope }]) => ['protocols', name, scope] as const),
      ...Object.entries(catalog.standard_changes).map(
        ([name, { scope }]) => ['standard_changes', name, scope] as const,
      ),
    ];
    for (const [where, name, scope] of scopes) {
      for (const one of scope.environments)
        if (!catalog.environments[one]) missing([where, name, 'scope'], 'environment', one);
      for (const one of scope.services) if (!catalog.services[one]) missing([where, name, 'scope'], 'service', one);
      for (const one of scope.teams) if (!catalog.teams[one]) missing([where, name, 'scope'], 'team', one);
      for (const one of scope.tags) if (!tags.has(one)) missing([where, name, 'scope'], 'tag', one);
    }
    for (const [name, { bookers }] of Object.entries(catalog.windows))
      for (const team of bookers) if (!catalog.teams[team]) missing(['windows', name, 'bookers'], 'team', team);
    for (const [name, { environment }] of Object.entries(catalog.trains))
      if (!catalog.environments[environment]) missing(['trains', name, 'environment'], 'environment', environment);
    for (const [name, { steps, rollback }] of Object.entries(catalog.runbooks))
      for (const step of [...steps, ...rollback])
        for (const whom of [...(step.poll ?? []), ...(step.owner ? [step.owner] : [])]) {
          const group = /^(?:group|oncall):(.+)$/.exec(whom)?.[1];
          if (group !== undefined && !catalog.groups[group]) missing(['runbooks', name, step.title], 'group', group);
        }
    const names = new Set(catalog.policies.map((policy) => policy.name));
    const checkWho = (path: (string | number)[], who: GateWho | null | undefined) => {
      for (const one of who ? groupsIn(who) : []) if (!catalog.groups[one]) missing(path, 'group', one);
    };
    for (const [index, policy] of catalog.policies.entries()) {
      for (const gate of policy.gates) {
        checkWho(['policies', index, 'gates'], gate.who);
        checkWho(['policies', index, 'gates'], gate.escalation);
      }
      for (const rung of [policy.ladder.lighter, policy.ladder.heavier])
        if (rung !== undefined && !names.has(rung)) missing(['policies', index, 'ladder'], 'policy', rung);
      const twice = policy.gates.find((gate, at) => policy.gates.findIndex((other) => other.name === gate.name) !== at);
      if (twice)
        context.addIssue({
          code: 'custom',
          path: ['policies', index, 'gates'],
          message: `has two gates called "${twice.name}"`,
        });
    }
    for (const [name, { owners }] of Object.entries(catalog.freezes)) {
      checkWho(['freezes', name, 'owners'], owners);
      if (partsOf(owners).some((one) => one.kind === 'owners' || one.kind === 'channel'))
        context.addIssue({
          code: 'custom',
          path: ['freezes', name, 'owners'],
          message: 'has to name a group, a role or people: whoever ships a service does not let it pass',
        });
    }
  });
export type Catalog = z.infer<typeof Catalog>;

function groupsIn(who: GateWho): string[] {
  return partsOf(who).flatMap((one) => (one.kind === 'group' || one.kind === 'oncall' ? [one.group] : []));
}

const onePattern = '(?:owners|channel|group:[a-z0-9-]+|oncall:[a-z0-9-]+|role:[a-z_]+|[UW][A-Z0-9]{2,20})';
const writtenWho = new RegExp(`^${onePattern}(?: \\+ ${onePattern})*$`);

/** What people write for a gate's voters: `owners`, `channel`, `group:sre`, `oncall:sre`, `role:release_manager`, ids of people, or several joined by " + ". */
export const WrittenWho = z.string().transform((text, context): GateWho => {
  if (!writtenWho.test(text)) {
    context.addIssue({
      code: 'custom',
      message:
        'write who votes as "owners", "channel", "group:<name>", "oncall:<name>", "role:<name>" or member ids, several joined by " + "',
    });
    return z.NEVER;
  }
  const parts = text.split(' + ');
  const people = parts.filter((part) => /^[UW]/.test(part));
  const others = parts.filter((part) => !/^[UW]/.test(part)).map(readWho);
  const all: OneWho[] = [...others, ...(people.length > 0 ? [{ kind: 'people' as const, people }] : [])];
  return all.length === 1 ? (all[0] as OneWho) : { kind: 'any', of: all };
});

function readWho(text: string): OneWho {
  const [kind = '', name = ''] = text.split(':');
  switch (kind) {
    case 'group':
    case 'oncall':
      return { kind, group: name };
    case 'role':
      return { kind, role: name };
    case 'channel':
      return { kind };
    default:
      return { kind: 'owners' };
  }
}

/** JSON Schema of a catalogue as people write it, for editors and for whoever generates one. */
export function catalogSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(Catalog, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if ((zodSchema as unknown) !== GateWho) return;
      for (const name of Object.keys(jsonSchema)) delete jsonSchema[name as keyof typeof jsonSchema];
      Object.assign(jsonSchema, {
        type: 'string',
        pattern: writtenWho.source,
        description: 'owners, channel, group:<name>, oncall:<name>, role:<name>, member ids; several joined by " + "',
      });
    },
  });
  return { ...schema, title: 'Maitred catalogue' };
}

export type ParsedCatalog = { ok: true; catalog: Catalog } | { ok: false; problems: string[] };

/** Checks a catalogue as read from YAML. Problems name the place and what to write instead. */
export function parseCatalog(written: unknown): ParsedCatalog {
  const parsed = Catalog.safeParse(withGateWho(written));
  if (parsed.success) return { ok: true, catalog: parsed.data };
  return {
    ok: false,
    problems: parsed.error.issues.map((issue) => `${issue.path.join('.') || 'catalogue'}: ${issue.message}`),
  };
}

/** Services that stand on each other in a circle; nothing could ever deploy in order. */
function circleOf(
  services: Readonly<Record<string, { readonly depends_on: readonly string[] }>>,
): string[] | undefined {
  const done = new Set<string>();
  const walk = (key: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(key)) return [...path.slice(path.indexOf(key)), key];
    if (done.has(key)) return undefined;
    for (const other of services[key]?.depends_on ?? []) {
      const found = walk(other, [...path, key]);
      if (found) return found;
    }
    done.add(key);
    return undefined;
  };
  for (const key of Object.keys(services)) {
    const found = walk(key, []);
    if (found) return found;
  }
  return undefined;
}

export function windowsOf(catalog: Catalog): Window[] {
  return Object.entries(catalog.windows).map(([key, entry]) => {
    const minutes = wallMinutes(entry.from, entry.to);
    return {
      key,
      name: entry.name ?? key,
      scope: entry.scope,
      recurrence: {
        date: entry.on ?? entry.starts,
        at: entry.from,
        minutes: minutes > 0 ? minutes : minutes + 24 * 60,
        rule: entry.on ? null : (readRule(entry.repeats) ?? null),
      },
      zone: entry.zone ?? catalog.zone,
      capacity: entry.capacity ?? null,
      minMinutes: entry.min_minutes ?? null,
      maxMinutes: entry.max_minutes ?? null,
      noticeMinutes: entry.notice_minutes,
      bookers: entry.bookers,
      exempt: entry.exempt,
    };
  });
}

export function freezesOf(catalog: Catalog): Freeze[] {
  return Object.entries(catalog.freezes).map(([key, entry]) => ({
    key,
    name: entry.name,
    level: entry.level,
    scope: entry.scope,
    exempt: entry.exempt,
    message: entry.message,
    recurrence: {
      date: entry.from.slice(0, 10),
      at: entry.from.slice(11),
      minutes: wallMinutes(entry.from, entry.to),
      rule: entry.repeats ? (readRule(entry.repeats) ?? null) : null,
    },
    zone: entry.zone ?? catalog.zone,
    owners: entry.owners ?? null,
  }));
}

/** What a service says about its war room. */
export function roomSettingsOf(service: Catalog['services'][string]): RoomSettings {
  return {
    runbook: service.runbook ?? null,
    oncall: service.oncall ?? null,
    private: service.private_room,
    links: service.links,
    watch: service.watch ?? null,
  };
}

export function standardsOf(catalog: Catalog): StandardChange[] {
  return Object.entries(catalog.standard_changes).map(([key, entry]) => ({
    key,
    name: entry.name,
    scope: entry.scope,
    if: entry.if ?? null,
    message: entry.message,
    max_minutes: entry.max_minutes ?? null,
    criteria: entry.criteria,
  }));
}

export function trainsOf(catalog: Catalog): Train[] {
  return Object.entries(catalog.trains).map(([key, entry]) => ({
    key,
    name: entry.name,
    environment: entry.environment,
    scope: entry.scope,
    recurrence: { date: entry.starts, at: entry.at, minutes: entry.minutes, rule: readRule(entry.repeats) ?? null },
    zone: entry.zone ?? catalog.zone,
    cutoffMinutes: entry.cutoff_minutes,
    capacity: entry.capacity ?? null,
    channel: entry.channel ?? catalog.home ?? null,
  }));
}

export function regionsOf(catalog: Pick<Catalog, 'regions'>): Region[] {
  return Object.entries(catalog.regions).map(([key, entry]) => ({
    key,
    zone: entry.zone,
    days: readDays(entry.days) ?? [],
    peaks: entry.peaks.map((peak) => ({ from: peak.slice(0, 5), to: peak.slice(6) })),
  }));
}

/** Rewrites the short forms of `who`, `escalation` and `owners`; anything else is left for the schema to judge. */
function withGateWho(written: unknown): unknown {
  if (!isRecord(written)) return written;
  const short = (entry: unknown, names: readonly string[]): unknown => {
    if (!isRecord(entry)) return entry;
    const read = names.flatMap((name) => {
      const who = typeof entry[name] === 'string' ? WrittenWho.safeParse(entry[name]) : undefined;
      return who?.success ? [[name, who.data]] : [];
    });
    return { ...entry, ...Object.fromEntries(read) };
  };
  const policies = Array.isArray(written.policies)
    ? written.policies.map((policy: unknown) =>
        isRecord(policy) && Array.isArray(policy.gates)
          ? { ...policy, gates: policy.gates.map((gate: unknown) => short(gate, ['who', 'escalation'])) }
          : policy,
      )
    : written.policies;
  const freezes = isRecord(written.freezes)
    ? Object.fromEntries(Object.entries(written.freezes).map(([key, freeze]) => [key, short(freeze, ['owners'])]))
    : written.freezes;
  return {
    ...written,
    ...(written.policies === undefined ? {} : { policies }),
    ...(written.freezes === undefined ? {} : { freezes }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
