import { Prefs } from '../domain/approval.ts';
import type { Groups, WhoSource } from '../domain/gate.ts';
import type { ExceptionFacts } from '../domain/pass.ts';
import { Policy, StandardChange } from '../domain/policy.ts';
import type { PolicyFacts, ServiceOf } from '../domain/release.ts';
import type { Json, Reader } from './calendar.ts';

/*
 * What gates are chosen by, as parts of other queries. `$1` is the workspace.
 */

/** The catalogue's rules, its groups and roles, the teams' rungs and everybody's preferences. */
export const policyJson = `jsonb_build_object(
  'zone', (SELECT zone FROM workspace WHERE id = $1),
  'policies', (SELECT coalesce(jsonb_agg(body ORDER BY position), '[]') FROM policy WHERE workspace = $1),
  'standards', (SELECT coalesce(jsonb_agg(body ORDER BY position), '[]') FROM standard_change WHERE workspace = $1),
  'groups', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'usergroup', usergroup, 'members', members, 'oncall', oncall, 'quiet', quiet)), '[]')
    FROM approver_group WHERE workspace = $1),
  'roles', (SELECT coalesce(jsonb_object_agg(role, people), '{}') FROM (
    SELECT role, jsonb_agg(person ORDER BY person) AS people FROM person_role WHERE workspace = $1 GROUP BY role) r),
  'trust', (SELECT coalesce(jsonb_object_agg(team, rungs), '{}') FROM (
    SELECT team, jsonb_object_agg(policy, rung) AS rungs FROM trust WHERE workspace = $1 GROUP BY team) t),
  'prefs', (SELECT coalesce(jsonb_object_agg(person, body), '{}') FROM preference WHERE workspace = $1))`;

/** Services as policies see them; `keys` is a text[] expression. */
export function servicesJson(keys: string): string {
  return `(SELECT coalesce(jsonb_agg(jsonb_build_object('key', s.key, 'team', s.team, 'teamMembers', coalesce(to_jsonb(t.members), '[]'),
      'tier', s.tier, 'environments', s.environments, 'channel', coalesce(s.channel, t.channel), 'tags', s.tags, 'regions', s.regions,
      'semver', s.semver, 'dependants', (SELECT count(*)::int FROM service d WHERE d.workspace = $1 AND s.key = ANY (d.depends_on)))
      ORDER BY array_position(${keys}::text[], s.key)), '[]')
    FROM service s LEFT JOIN team t ON t.workspace = s.workspace AND t.key = s.team
    WHERE s.workspace = $1 AND s.key = ANY (${keys}::text[]))`;
}

/** Whether the ended release `r` failed: taken back, called a failure in its review, or the cause of an incident. */
export const failedSql = `(r.state IN ('rolled_back', 'failed') OR coalesce(r.outcome = 'failed', false)
  OR EXISTS (SELECT 1 FROM incident i WHERE i.workspace = $1 AND i.release = r.number))`;

/** How the last 150 releases of each service ended, of those that did within a year before `now`. */
export function historyJson(keys: string, now: string): string {
  return `(SELECT coalesce(jsonb_agg(h), '[]') FROM (
    SELECT e.service, count(*)::int AS n, count(*) FILTER (WHERE e.failed)::int AS failed,
      count(*) FILTER (WHERE e.failed AND e.place <= 5)::int AS lately
    FROM (
      SELECT k.service, ${failedSql} AS failed,
        row_number() OVER (PARTITION BY k.service ORDER BY u.release DESC) AS place
      FROM unnest(${keys}::text[]) AS k(service)
      CROSS JOIN LATERAL (SELECT release FROM release_unit WHERE workspace = $1 AND service = k.service ORDER BY release DESC LIMIT 150) u
      CROSS JOIN LATERAL (
        SELECT number, state, outcome FROM release WHERE workspace = $1 AND number = u.release AND state IN ('done', 'rolled_back', 'failed')
          AND ended_at > ${now}::timestamptz - interval '1 year' OFFSET 0) r
    ) e GROUP BY e.service) h)`;
}

/** Passes of the teams that own these services, in the last year, newest first, and their budgets. */
export function exceptionsJson(keys: string, now: string): string {
  return `jsonb_build_object(
    'budgets', (SELECT coalesce(jsonb_object_agg(key, exceptions), '{}') FROM team WHERE workspace = $1 AND exceptions IS NOT NULL),
    'past', (SELECT coalesce(jsonb_agg(jsonb_build_object('release', x.release, 'freeze', x.freeze_key, 'team', x.team, 'quarter', x.quarter,
        'state', r.state, 'reviewed', r.reviewed_at IS NOT NULL, 'label',
        (SELECT string_agg(u.service || ' ' || u.version, ' + ' ORDER BY u.position) FROM release_unit u WHERE u.workspace = $1 AND u.release = x.release))
        ORDER BY x.at DESC), '[]')
      FROM exception x JOIN release r ON r.workspace = $1 AND r.number = x.release
      WHERE x.workspace = $1 AND x.at > ${now}::timestamptz - interval '1 year'
        AND (${keys}::text[] IS NULL OR x.team IN (SELECT coalesce(team, '') FROM service WHERE workspace = $1 AND key = ANY (${keys}::text[])))))`;
}

export function toPolicy(found: Json, history: Json): PolicyFacts {
  return {
    zone: found.zone,
    policies: found.policies.map((one: unknown) => Policy.parse(one)),
    standards: found.standards.map((one: unknown) => StandardChange.parse(one)),
    groups: toGroups(found),
    trust: found.trust,
    history: history ?? [],
    prefs: Object.fromEntries(
      Object.entries(found.prefs as Record<string, unknown>).map(([person, body]) => [person, Prefs.parse(body)]),
    ),
    managers: found.roles.release_manager ?? [],
  };
}

export function toExceptions(found: Json): ExceptionFacts {
  return found;
}

/** A service that the catalogue does not have: of no team, and of the lowest tier. */
export function unknownService(key: string): ServiceOf {
  return {
    key,
    team: null,
    tags: [],
    regions: [],
    tier: 3,
    teamMembers: [],
    dependants: 0,
    environments: [],
    semver: false,
  };
}

type GroupRow = { key: string; usergroup: string | null; members: string[]; oncall: string | null; quiet: string[] };

function toGroups({ groups, roles }: Json): Groups {
  const named = groups.map(({ key, usergroup, members, oncall, quiet }: GroupRow): [string, WhoSource] => [
    key,
    usergroup
      ? { kind: 'usergroup', id: usergroup, oncall, quiet }
      : { kind: 'people', ids: members, because: `member of group ${key}`, oncall, quiet },
  ]);
  const held = Object.entries(roles as Record<string, string[]>).map(([role, ids]): [string, WhoSource] => [
    `role:${role}`,
    { kind: 'people', ids, because: `has the role ${role.replaceAll('_', ' ')}` },
  ]);
  return Object.fromEntries([...named, ...held]);
}

/** Open releases with a gate for a pass through this freeze. */
export async function releasesWithPass(reader: Reader, workspace: string, freeze: string): Promise<number[]> {
  const rows = await reader.query<{ release: number }>(
    `SELECT DISTINCT g.release FROM gate g JOIN release r ON r.workspace = $1 AND r.number = g.release
     WHERE g.workspace = $1 AND r.state IN ('requested', 'approved') AND g.rule ->> 'pass' = $2 ORDER BY 1`,
    [workspace, freeze],
  );
  return rows.map((row) => row.release);
}

/** Every team's passes of the last year, and the teams there are. */
export async function loadExceptions(
  reader: Reader,
  workspace: string,
  now: Date,
): Promise<ExceptionFacts & { readonly teams: readonly string[] }> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT ${exceptionsJson('NULL', '$2')} || jsonb_build_object('teams',
       (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM team WHERE workspace = $1)) AS facts`,
    [workspace, now],
  );
  return row?.facts;
}

/** Those whom this person votes for by preference at this moment. */
export async function coveredBy(reader: Reader, workspace: string, person: string, now: Date): Promise<string[]> {
  const rows = await reader.query<{ person: string }>(
    `SELECT person FROM preference WHERE workspace = $1 AND body -> 'delegate' ->> 'to' = $2
       AND (body -> 'delegate' ->> 'from')::timestamptz <= $3 AND $3 < (body -> 'delegate' ->> 'until')::timestamptz`,
    [workspace, person, now],
  );
  return rows.map((row) => row.person);
}

export async function loadEverybody(reader: Reader, workspace: string): Promise<PolicyFacts['prefs']> {
  const rows = await reader.query<{ person: string; body: unknown }>(
    'SELECT person, body FROM preference WHERE workspace = $1',
    [workspace],
  );
  return Object.fromEntries(rows.map(({ person, body }) => [person, Prefs.parse(body)]));
}
