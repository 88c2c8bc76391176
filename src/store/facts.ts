import { Catalog } from '../domain/catalog.ts';
import type { DigestFacts, DigestSchedule } from '../domain/digest.ts';
import type { VoteChoice } from '../domain/event.ts';
import { ownersOf, sourcesOf, type Vote, type WhoSource } from '../domain/gate.ts';
import { type ChangeType, GateRule, Policy } from '../domain/policy.ts';
import type { Release, ReleaseFacts, ReleaseState } from '../domain/release.ts';
import type { RequestFacts } from '../domain/request.ts';
import type { CatalogFacts } from '../domain/setup.ts';
import {
  bookedJson,
  calendarJson,
  type Json,
  loadBoarding,
  type Reader,
  seatsJson,
  toBooked,
  toCalendar,
  toWindows,
  windowsJson,
} from './calendar.ts';
import type { Tx } from './tx.ts';

/*
 * What rules need to know, each loaded in one round trip.
 */

/** What a request is judged by. With `train` (a key, or "" for the only one) the departure gives the time. */
export async function loadRequest(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  wanted: {
    services: readonly string[];
    environment: string;
    startsAt: Date;
    endsAt: Date;
    lead: string;
    needs: readonly number[];
    train: string | null;
  },
): Promise<RequestFacts> {
  const { workspace, now } = by;
  const boarding = wanted.train === null ? undefined : await loadBoarding(reader, workspace, wanted.train, now);
  const { startsAt, endsAt } = boarding?.departure ?? wanted;
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'zone', w.zone, 'home', w.home, 'hasCatalog', w.catalog_hash IS NOT NULL,
       'serviceKeys', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM service WHERE workspace = $1),
       'services', (
         SELECT coalesce(jsonb_agg(jsonb_build_object('key', s.key, 'team', s.team, 'teamMembers', coalesce(to_jsonb(t.members), '[]'),
           'tier', s.tier, 'environments', s.environments, 'channel', coalesce(s.channel, t.channel), 'tags', s.tags, 'regions', s.regions)), '[]')
         FROM service s LEFT JOIN team t ON t.workspace = s.workspace AND t.key = s.team
         WHERE s.workspace = $1 AND s.key = ANY ($2)),
       'exclusive', coalesce((SELECT exclusive FROM environment WHERE workspace = $1 AND key = $3), false),
       'policies', (SELECT coalesce(jsonb_agg(body ORDER BY position), '[]') FROM policy WHERE workspace = $1),
       'groups', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'usergroup', usergroup, 'members', members)), '[]')
         FROM approver_group WHERE workspace = $1),
       'teams', (SELECT coalesce(jsonb_agg(key), '[]') FROM team WHERE workspace = $1 AND $8 = ANY (members)),
       'calendar', ${calendarJson({ environment: '$3', services: '$2', from: '$4', to: '$5', lead: '$6', needs: '$7' })}
     ) AS facts FROM workspace w WHERE w.id = $1`,
    [workspace, wanted.services, wanted.environment, startsAt, endsAt, wanted.lead, wanted.needs, by.actor ?? null],
  );
  if (!row) throw new Error(`workspace ${workspace} is not connected`);
  const { facts } = row;
  return {
    ...(facts as RequestFacts),
    policies: facts.policies.map((policy: unknown) => Policy.parse(policy)),
    groups: Object.fromEntries(facts.groups.map((group: GroupRow) => [group.key, sourceOf(group)])),
    calendar: toCalendar(facts.calendar),
    train: boarding?.train,
    departure: boarding?.departure,
    trains: boarding?.known ?? [],
  };
}

/** The next release number of a workspace, from a sequence: no two commands wait for each other, gaps are fine. */
export async function nextReleaseNumber(tx: Tx, workspace: string): Promise<number> {
  const [row] = await tx.query<{ number: string }>(
    `SELECT nextval(('"release_number_' || regexp_replace($1, '[^A-Za-z0-9]', '', 'g') || '"')::regclass) AS number`,
    [workspace],
  );
  return Number(row?.number);
}

/** A release with everything that rules about it ask for; undefined when there is none with this number. */
export async function findRelease(
  reader: Reader,
  workspace: string,
  number: number,
  actor: string | undefined,
): Promise<ReleaseFacts | undefined> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'release', to_jsonb(r), 'held', EXISTS (SELECT 1 FROM reservation WHERE workspace = $1 AND holder = 'REL-' || r.number AND held),
       'units', (SELECT jsonb_agg(jsonb_build_object('service', service, 'version', version) ORDER BY position)
         FROM release_unit WHERE workspace = $1 AND release = $2),
       'gates', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'who', who, 'needed', needed, 'covers', covers, 'asked', asked) ORDER BY position), '[]')
         FROM gate WHERE workspace = $1 AND release = $2),
       'votes', (SELECT coalesce(jsonb_agg(jsonb_build_object('gate', gate, 'voter', voter, 'choice', choice, 'comment', comment, 'at', at)), '[]')
         FROM vote WHERE workspace = $1 AND release = $2 AND revision = r.revision),
       'groups', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'usergroup', usergroup, 'members', members)), '[]')
         FROM approver_group WHERE workspace = $1),
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $3),
       'teams', (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('key', t.key, 'members', t.members)), '[]')
         FROM release_unit u JOIN service s ON s.workspace = $1 AND s.key = u.service
         JOIN team t ON t.workspace = $1 AND t.key = s.team
         WHERE u.workspace = $1 AND u.release = $2)
     ) AS facts FROM release r WHERE r.workspace = $1 AND r.number = $2`,
    [workspace, number, actor ?? null],
  );
  if (!row) return undefined;
  const { facts } = row;
  const groups: Record<string, WhoSource> = Object.fromEntries(
    facts.groups.map((group: GroupRow) => [group.key, sourceOf(group)]),
  );
  const owners: WhoSource[] = facts.teams.map((team: { key: string; members: string[] }) =>
    ownersOf(team.key, team.members),
  );
  const release = toRelease(facts);
  return {
    release,
    gates: facts.gates.map((gate: Json) => {
      const rule = GateRule.parse({ name: gate.name, who: gate.who, needed: gate.needed, covers: gate.covers });
      return { rule, sources: sourcesOf(rule, groups, owners, release.channel), asked: gate.asked };
    }),
    votes: facts.votes.map(
      (vote: Json): Vote => ({ ...vote, choice: vote.choice as VoteChoice, at: new Date(vote.at) }),
    ),
    roles: facts.roles,
    owners: facts.teams.flatMap((team: { members: string[] }) => team.members),
  };
}

export async function loadDigest(
  tx: Tx,
  workspace: string,
  channel: string,
  actor: string | undefined,
): Promise<DigestFacts> {
  const [row] = await tx.query<{ zone: string; schedule: DigestSchedule | null; last: string | null; roles: string[] }>(
    `SELECT w.zone,
       (SELECT jsonb_build_object('at', at, 'zone', zone, 'days', days) FROM digest WHERE workspace = $1 AND channel = $2) AS schedule,
       (SELECT max(date) FROM digest_run WHERE workspace = $1 AND channel = $2) AS last,
       ARRAY(SELECT role FROM person_role WHERE workspace = $1 AND person = $3) AS roles
     FROM workspace w WHERE w.id = $1`,
    [workspace, channel, actor ?? null],
  );
  if (!row) throw new Error(`workspace ${workspace} is not connected`);
  return { zone: row.zone, schedule: row.schedule ?? undefined, last: row.last ?? undefined, roles: row.roles };
}

export async function loadCatalog(tx: Tx, workspace: string, now: Date): Promise<CatalogFacts> {
  const [row] = await tx.query<{
    hash: string | null;
    catalog: unknown;
    digests: string[];
    last: Record<string, string> | null;
    freezes: string[];
    booked: Json;
    windows: Json;
    seats: CatalogFacts['seats'];
  }>(
    `SELECT w.catalog_hash AS hash, w.catalog,
       ARRAY(SELECT channel FROM digest WHERE workspace = $1) AS digests,
       (SELECT jsonb_object_agg(channel, date) FROM (SELECT channel, max(date) AS date FROM digest_run WHERE workspace = $1 GROUP BY channel) x) AS last,
       ARRAY(SELECT key FROM release_freeze WHERE workspace = $1 AND NOT lifted) AS freezes,
       ${bookedJson('$2')} AS booked, ${windowsJson} AS windows, ${seatsJson('$2')} AS seats
     FROM (SELECT $1::text AS id) i LEFT JOIN workspace w ON w.id = i.id`,
    [workspace, now],
  );
  // A catalogue of an earlier version that can no longer be read counts as none: everything in the new one is applied.
  const catalog = Catalog.safeParse(row?.catalog);
  return {
    hash: row?.hash ?? undefined,
    catalog: catalog.success ? catalog.data : undefined,
    digests: row?.digests ?? [],
    last: row?.last ?? {},
    freezes: row?.freezes ?? [],
    booked: toBooked(row?.booked),
    windows: toWindows(row?.windows ?? []),
    seats: row?.seats ?? [],
  };
}

type GroupRow = { key: string; usergroup: string | null; members: string[] };

function sourceOf(group: GroupRow): WhoSource {
  return group.usergroup
    ? { kind: 'usergroup', id: group.usergroup }
    : { kind: 'people', ids: group.members, because: `member of group ${group.key}` };
}

function toRelease({ release: row, units, held }: Json): Release {
  return {
    number: row.number,
    state: row.state as ReleaseState,
    requester: row.requester,
    lead: row.lead,
    units,
    environment: row.environment,
    changeType: row.change_type as ChangeType,
    summary: row.summary,
    startsAt: new Date(row.starts_at),
    endsAt: new Date(row.ends_at),
    channel: row.channel,
    revision: row.revision,
    room: row.room,
    dependsOn: row.depends_on,
    train: row.train === null ? null : { key: row.train, date: row.departure },
    hasSlot: held,
  };
}
