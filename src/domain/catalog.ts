import { z } from 'zod';
import { type GateWho, Policy } from './policy.ts';
import { isZone } from './time.ts';

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
});
const Group = z.union([
  z.strictObject({ name: z.string().max(60), members: z.array(personId).min(1) }),
  z.strictObject({ name: z.string().max(60), usergroup: slackId('S', 'user group') }),
]);
const Environment = z.strictObject({ exclusive: z.boolean().default(false) });
const Service = z.strictObject({
  team: key,
  tier: z.number().int().min(1).max(3).default(2),
  channel: channelId.optional(),
  environments: z.array(key).min(1),
  depends_on: z.array(key).default([]),
});
const Digest = z.strictObject({
  channel: channelId,
  at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write the time as HH:MM'),
  zone: zone.optional(),
  days: z.array(z.number().int().min(1).max(7)).min(1).default([1, 2, 3, 4, 5]),
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
    policies: z.array(Policy).default([]),
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
    }
    for (const [index, policy] of catalog.policies.entries())
      for (const gate of policy.gates)
        if (gate.who.kind === 'group' && !catalog.groups[gate.who.group])
          missing(['policies', index, 'gates'], 'group', gate.who.group);
  });
export type Catalog = z.infer<typeof Catalog>;

export type CatalogFacts = {
  readonly hash: string | undefined;
  readonly digests: readonly string[];
  readonly last: Readonly<Record<string, string>>;
};

/** What people write for a gate's voters: `owners`, `channel` or `group:sre`. */
export const WrittenWho = z.string().transform((text, context): GateWho => {
  if (text === 'owners' || text === 'channel') return { kind: text };
  const group = /^group:([a-z0-9-]+)$/.exec(text)?.[1];
  if (group) return { kind: 'group', group };
  context.addIssue({ code: 'custom', message: 'write who votes as "owners", "channel" or "group:<name>"' });
  return z.NEVER;
});

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

/** Rewrites the short form `who: group:sre` into the stored form; anything else is left for the schema to judge. */
function withGateWho(written: unknown): unknown {
  if (!isRecord(written) || !Array.isArray(written.policies)) return written;
  const policies = written.policies.map((policy: unknown) => {
    if (!isRecord(policy) || !Array.isArray(policy.gates)) return policy;
    const gates = policy.gates.map((gate: unknown) => {
      if (!isRecord(gate) || typeof gate.who !== 'string') return gate;
      const who = WrittenWho.safeParse(gate.who);
      return who.success ? { ...gate, who: who.data } : gate;
    });
    return { ...policy, gates };
  });
  return { ...written, policies };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
