import type { RoomProps } from '../../blocks/room.ts';
import type { Replaced } from '../domain/deploy.ts';
import { extendsFrom, type OverrunFacts } from '../domain/overrun.ts';
import type { ActionFacts } from '../domain/pir.ts';
import type { ProtocolMoment } from '../domain/protocol.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import { RoomSettings, Runbook, type RunbookFacts, StepPlan, type VoiceSource } from '../domain/runbook.ts';
import { covers, Scope } from '../domain/scope.ts';
import type { RoomFacts, Said, Step } from '../domain/step.ts';
import { addMinutes } from '../domain/time.ts';
import type { WatchFacts } from '../domain/watch.ts';
import type { Json, Reader } from './calendar.ts';
import type { Db } from './db.ts';
import { findRelease } from './facts.ts';
import { findReleaseProps } from './read.ts';
import { findSlot } from './slot.ts';

/*
 * What the rules of a war room need to know.
 */
type By = { readonly workspace: string; readonly actor: string | undefined; readonly now: Date };

/** Everything around a release that a room, its watch and its review know. */
export type RoomLoaded = RoomFacts & WatchFacts & ActionFacts;

/** A release with its room; undefined when there is none with this number. */
export async function findRoom(reader: Reader, by: By, number: number): Promise<RoomLoaded | undefined> {
  const release = await findRelease(reader, by, number);
  if (!release) return undefined;
  const services = release.release.units.map((unit) => unit.service);
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'steps', ${stepsJson},
       'roles', (SELECT coalesce(jsonb_object_agg(role, person), '{}') FROM room_role WHERE workspace = $1 AND release = $2),
       'offers', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'role', role, 'from', offered_by, 'to', person, 'state', state) ORDER BY at), '[]')
         FROM role_offer WHERE workspace = $1 AND release = $2),
       'planned', r.planned, 'followers', r.followers,
       'services', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'dependsOn', depends_on, 'regions', regions, 'room', room)
           ORDER BY array_position($3::text[], key)), '[]') FROM service WHERE workspace = $1 AND key = ANY ($3)),
       'runbooks', (SELECT coalesce(jsonb_object_agg(b.key, b.body), '{}') FROM runbook b WHERE b.workspace = $1
         AND b.key IN (SELECT room ->> 'runbook' FROM service WHERE workspace = $1 AND key = ANY ($3))),
       'before', (SELECT coalesce(jsonb_agg(jsonb_build_object('service', k.service, 'version', ${versionBefore('k.service')})), '[]')
         FROM unnest($3::text[]) AS k(service)),
       'canary', (SELECT coalesce(jsonb_agg(jsonb_build_object('metric', metric, 'verdict', body ->> 'verdict')), '[]')
         FROM canary WHERE workspace = $1 AND release = $2),
       'captured', (SELECT coalesce(jsonb_agg(jsonb_build_object('channel', channel, 'ts', ts, 'text', text, 'isDeleted', deleted_at IS NOT NULL)), '[]')
         FROM captured WHERE workspace = $1 AND release = $2),
       'incidents', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'isOpen', closed_at IS NULL) ORDER BY at), '[]')
         FROM incident WHERE workspace = $1 AND release = $2),
       'knownErrors', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'isOpen', fixed_at IS NULL) ORDER BY at), '[]')
         FROM known_error WHERE workspace = $1 AND release = $2),
       'actions', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'text', text, 'owner', owner, 'due', due, 'isDone', done_at IS NOT NULL) ORDER BY at), '[]')
         FROM action WHERE workspace = $1 AND release = $2)
     ) AS facts FROM release r WHERE r.workspace = $1 AND r.number = $2`,
    [by.workspace, number, services],
  );
  const facts = row?.facts;
  const settings: RunbookFacts['services'] = services.map((key) => {
    const found = facts.services.find((one: Json) => one.key === key);
    const room = RoomSettings.parse(found?.room ?? {});
    return { key, dependsOn: found?.dependsOn ?? [], regions: found?.regions ?? [], room };
  });
  const watches = settings.flatMap(({ room }) => room.watch ?? []);
  return {
    ...release,
    steps: facts.steps.map(toStep),
    holders: facts.roles,
    offers: facts.offers,
    planned: facts.planned,
    followers: facts.followers,
    runbook: {
      runbooks: Object.fromEntries(Object.entries(facts.runbooks).map(([key, body]) => [key, Runbook.parse(body)])),
      services: settings,
      groups: voiceGroups(release),
    },
    before: facts.before,
    canary: facts.canary,
    captured: facts.captured,
    incidents: facts.incidents,
    knownErrors: facts.knownErrors,
    actions: facts.actions,
    watch:
      watches.length === 0
        ? undefined
        : {
            minutes: Math.max(...watches.map((one) => one.minutes)),
            exit: [...new Set(watches.flatMap((one) => one.exit))],
          },
  };
}

/** A running release with the time up to `minutes` behind its slot, and the people of whoever holds them. */
export async function findOverrun(
  reader: Reader,
  by: By,
  number: number,
  minutes: number,
): Promise<OverrunFacts | undefined> {
  const known = await findRelease(reader, by, number);
  if (!known) return undefined;
  const to = addMinutes(extendsFrom(known.release, by.now), minutes);
  const slot = await findSlot(reader, by, number, { from: known.release.endsAt, to });
  if (!slot) return undefined;
  const next = await reader.query<{ holder: string; people: string[] }>(
    `SELECT 'REL-' || number AS holder, ARRAY[requester, lead] AS people FROM release WHERE workspace = $1 AND 'REL-' || number = ANY ($2)
     UNION ALL SELECT 'ENV-' || number, ARRAY[person] FROM booking WHERE workspace = $1 AND 'ENV-' || number = ANY ($2)
     UNION ALL SELECT 'line:' || id, ARRAY[person] FROM line WHERE workspace = $1 AND 'line:' || id = ANY ($2)`,
    [by.workspace, slot.calendar.held.map(({ holder }) => holder)],
  );
  return { ...slot, next: next.map(({ holder, people }) => ({ holder, people: [...new Set(people)] })) };
}

/** Steps of release `$2` in their order, as JSON. */
export const stepsJson = `(SELECT coalesce(jsonb_agg(to_jsonb(s) || jsonb_build_object('said',
    (SELECT coalesce(jsonb_agg(jsonb_build_object('voice', v.voice, 'choice', v.choice, 'person', v.person, 'reason', v.reason, 'at', v.at) ORDER BY v.at), '[]')
     FROM step_voice v WHERE v.workspace = $1 AND v.release = $2 AND v.step = s.key)) ORDER BY s.position), '[]')
  FROM step s WHERE s.workspace = $1 AND s.release = $2)`;

/** Of the release `n` that was done last of a service where release `r` goes, besides that one: its unit is `u`. */
function lastDone(what: string, service: string, when: string): string {
  return `(SELECT ${what} FROM release_unit u JOIN release n ON n.workspace = $1 AND n.number = u.release
    WHERE u.workspace = $1 AND u.service = ${service} AND n.environment = r.environment AND n.state = 'done' AND n.number <> r.number
      AND ${when}
    ORDER BY n.ended_at DESC LIMIT 1)`;
}

/** The version of a service that was there before release `r` ended. */
const versionBefore = (service: string) =>
  lastDone('u.version', service, '(r.ended_at IS NULL OR n.ended_at <= r.ended_at)');

/** What was done last of each of a release's services where it went, after it ended. */
export async function replacedBy(reader: Reader, workspace: string, number: number): Promise<Replaced[]> {
  return reader.query<Replaced>(
    `SELECT w.service, later.version, later.number AS release
     FROM release r JOIN release_unit w ON w.workspace = $1 AND w.release = r.number
       CROSS JOIN LATERAL ${lastDone('u.version, n.number', 'w.service', 'n.ended_at > r.ended_at')} later
     WHERE r.workspace = $1 AND r.number = $2 ORDER BY w.position`,
    [workspace, number],
  );
}

/** A row of `stepsJson`. */
export function toStep(row: Json): Step {
  const when = (at: string | null) => (at === null ? undefined : new Date(at));
  return {
    ...StepPlan.parse(row.body),
    state: row.state,
    attempt: row.attempt,
    claimedBy: row.claimed_by,
    doneBy: row.done_by,
    verifiedBy: row.verified_by,
    note: row.note,
    startedAt: when(row.started_at),
    endedAt: when(row.ended_at),
    until: when(row.until),
    dueAt: when(row.due_at),
    announced: row.announced,
    reminded: row.reminded,
    said: row.said.map((one: Json): Said => ({ ...one, at: new Date(one.at) })),
  };
}

/** Groups and roles of the catalogue as voices: `group:sre`, `oncall:sre`, `role:release_manager`. */
function voiceGroups({ policy }: Pick<ReleaseFacts, 'policy'>): RunbookFacts['groups'] {
  const entries = Object.entries(policy.groups).flatMap(
    ([key, source]): [string, { name: string; source: VoiceSource }][] => {
      const voice: VoiceSource | undefined =
        source.kind === 'usergroup'
          ? { kind: 'usergroup', id: source.id }
          : source.kind === 'people'
            ? { kind: 'people', ids: [...source.ids] }
            : undefined;
      if (!voice) return [];
      if (key.startsWith('role:')) return [[key, { name: key.slice(5).replaceAll('_', ' '), source: voice }]];
      const oncall = 'oncall' in source && source.oncall ? source.oncall : undefined;
      // Without anybody on call the whole group is asked, as gates do.
      const onCall: { name: string; source: VoiceSource } = oncall
        ? { name: `${key} on call`, source: { kind: 'usergroup', id: oncall } }
        : { name: key, source: voice };
      return [
        [`group:${key}`, { name: key, source: voice }],
        [`oncall:${key}`, onCall],
      ];
    },
  );
  return Object.fromEntries(entries);
}

/** A war room for views; undefined when there is no such release. */
export async function findRoomProps(db: Db, workspace: string, number: number): Promise<RoomProps | undefined> {
  const release = await findReleaseProps(db, workspace, number);
  if (!release) return undefined;
  const { rows } = await db.background.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'steps', ${stepsJson},
       'openedAt', r.room_opened_at,
       'holders', (SELECT coalesce(jsonb_object_agg(role, person), '{}') FROM room_role WHERE workspace = $1 AND release = $2),
       'offers', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'role', role, 'from', offered_by, 'to', person, 'note', note,
           'inFlight', in_flight, 'state', state) ORDER BY at), '[]') FROM role_offer WHERE workspace = $1 AND release = $2),
       'exposures', (SELECT coalesce(jsonb_agg(jsonb_build_object('label', label, 'person', person, 'at', at) ORDER BY at), '[]')
         FROM exposure WHERE workspace = $1 AND release = $2),
       'canary', (SELECT coalesce(jsonb_agg(body ORDER BY at), '[]') FROM canary WHERE workspace = $1 AND release = $2),
       'kept', (SELECT count(*)::int FROM captured WHERE workspace = $1 AND release = $2),
       'incidents', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'isOpen', closed_at IS NULL) ORDER BY at), '[]')
         FROM incident WHERE workspace = $1 AND release = $2),
       'knownErrors', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'title', title, 'isOpen', fixed_at IS NULL) ORDER BY at), '[]')
         FROM known_error WHERE workspace = $1 AND release = $2),
       'before', (SELECT coalesce(jsonb_agg(jsonb_build_object('service', w.service, 'version', ${versionBefore('w.service')}) ORDER BY w.position), '[]')
         FROM release_unit w WHERE w.workspace = $1 AND w.release = $2)
     ) AS facts FROM release r WHERE r.workspace = $1 AND r.number = $2`,
    [workspace, number],
  );
  const facts = rows[0]?.facts;
  return {
    release,
    ...facts,
    openedAt: facts.openedAt === null ? null : new Date(facts.openedAt),
    steps: facts.steps.map(toStep),
    exposures: facts.exposures.map((one: Json) => ({ ...one, at: new Date(one.at) })),
  };
}

/** As a view needs it; throws when there is no such release. */
export async function loadRoomProps(db: Db, workspace: string, number: number): Promise<RoomProps> {
  const found = await findRoomProps(db, workspace, number);
  if (!found) throw new Error(`release ${number} is not in workspace ${workspace}`);
  return found;
}

/** Messages in the record of a release that are still in Slack, as far as anybody knows. */
export async function keptMessages(
  db: Db,
  workspace: string,
  number: number,
): Promise<{ channel: string; ts: string; text: string }[]> {
  const { rows } = await db.background.query<{ channel: string; ts: string; text: string }>(
    'SELECT channel, ts, text FROM captured WHERE workspace = $1 AND release = $2 AND deleted_at IS NULL ORDER BY said_at',
    [workspace, number],
  );
  return rows;
}

/** Channels that a protocol tells of a moment of this release, each with its template. */
export async function protocolsFor(
  db: Db,
  workspace: string,
  number: number,
  moment: ProtocolMoment,
): Promise<{ channel: string; text: string }[]> {
  const { rows } = await db.background.query<{ body: Json; environment: string; services: Json[] }>(
    `SELECT p.body, r.environment,
       ARRAY(SELECT jsonb_build_object('key', s.key, 'team', s.team, 'tags', s.tags, 'regions', s.regions) FROM service s
         JOIN release_unit u ON u.workspace = $1 AND u.release = $2 AND u.service = s.key WHERE s.workspace = $1) AS services
     FROM protocol p, release r WHERE p.workspace = $1 AND r.workspace = $1 AND r.number = $2 ORDER BY p.position`,
    [workspace, number],
  );
  const found = rows.flatMap(({ body, environment, services }) => {
    const fits = services.some((service) => covers(Scope.parse(body.scope), environment, service));
    return fits && body.on.includes(moment)
      ? body.channels.map((channel: string) => ({ channel, text: body.text }))
      : [];
  });
  return found.filter((one, index) => found.findIndex((other) => other.channel === one.channel) === index);
}

/** What reviews wanted done and nobody has done, the most urgent first; `release` undefined: of all. */
export async function openActions(
  db: Db,
  workspace: string,
  release: number | undefined,
): Promise<{ key: string; release: number; text: string; owner: string; due: string }[]> {
  const { rows } = await db.background.query<{
    key: string;
    release: number;
    text: string;
    owner: string;
    due: string;
  }>(
    `SELECT key, release, text, owner, due FROM action
     WHERE workspace = $1 AND done_at IS NULL AND ($2::int IS NULL OR release = $2) ORDER BY due, key LIMIT 50`,
    [workspace, release ?? null],
  );
  return rows;
}

/** Open known errors; `services` empty: of all. */
export async function knownErrorsOf(
  db: Db,
  workspace: string,
  services: readonly string[],
): Promise<{ key: string; services: string[]; title: string; workaround: string; at: Date }[]> {
  const { rows } = await db.background.query<{
    key: string;
    services: string[];
    title: string;
    workaround: string;
    at: Date;
  }>(
    `SELECT key, services, title, workaround, at FROM known_error
     WHERE workspace = $1 AND fixed_at IS NULL AND (cardinality($2::text[]) = 0 OR services && $2::text[]) ORDER BY at DESC LIMIT 50`,
    [workspace, services],
  );
  return rows;
}

/** The release in whose room, or under whose card, something was said. */
export async function releaseAt(
  db: Db,
  workspace: string,
  channel: string,
  thread: string | undefined,
): Promise<number | undefined> {
  const { rows } = await db.background.query<{ number: number }>(
    `SELECT number FROM release WHERE workspace = $1 AND room_channel = $2
     UNION ALL SELECT substring(key FROM 10)::int FROM surface WHERE workspace = $1 AND key LIKE 'card:REL-%' AND channel = $2 AND ts = $3
     LIMIT 1`,
    [workspace, channel, thread ?? ''],
  );
  return rows[0]?.number;
}

/** The emoji that keeps a message in the record. */
export async function timelineEmoji(db: Db, workspace: string): Promise<string> {
  const { rows } = await db.background.query<{ emoji: string | null }>(
    "SELECT catalog ->> 'timeline_emoji' AS emoji FROM workspace WHERE id = $1",
    [workspace],
  );
  return rows[0]?.emoji ?? 'pushpin';
}

/** A webhook of a step as it was planned, while it runs. */
export async function findHook(
  db: Db,
  workspace: string,
  asked: { release: number; step: string; attempt: number },
): Promise<Step | undefined> {
  const { rows } = await db.background.query<{ row: Json }>(
    `SELECT to_jsonb(s) || '{"said": []}' AS row FROM step s WHERE workspace = $1 AND release = $2 AND key = $3 AND attempt = $4 AND state = 'running'`,
    [workspace, asked.release, asked.step, asked.attempt],
  );
  return rows[0] ? toStep(rows[0].row) : undefined;
}

/** What the last reviews of these services had to say: what hindered, newest first. */
export async function lessonsOf(
  db: Db,
  workspace: string,
  services: readonly string[],
): Promise<{ release: number; hindered: string }[]> {
  const { rows } = await db.background.query<{ release: number; hindered: string }>(
    `SELECT DISTINCT r.number AS release, coalesce(nullif(r.lessons ->> 'hindered', ''), r.review) AS hindered FROM release r
     JOIN release_unit u ON u.workspace = $1 AND u.release = r.number AND u.service = ANY ($2)
     WHERE r.workspace = $1 AND r.reviewed_at IS NOT NULL AND r.outcome <> 'as_planned'
       AND coalesce(nullif(r.lessons ->> 'hindered', ''), r.review) <> ''
     ORDER BY r.number DESC LIMIT 2`,
    [workspace, services],
  );
  return rows;
}

/** Whom the room needs besides its members: user groups of whoever is on call for its services and for what stands on them. */
export async function roomCast(
  db: Db,
  workspace: string,
  number: number,
): Promise<{
  members: string[];
  /** Asked into the room already, whether they came or not. */
  invited: string[];
  groups: string[];
  isPrivate: boolean;
  links: { title: string; url: string }[];
}> {
  const { rows } = await db.background.query<{
    members: string[];
    invited: string[];
    followers: string[];
    rooms: unknown[];
    dependants: (string | null)[];
  }>(
    `SELECT r.room_members || ARRAY(SELECT person FROM room_role WHERE workspace = $1 AND release = $2)
         || ARRAY(SELECT jsonb_array_elements_text(body -> 'owner' -> 'ids') FROM step WHERE workspace = $1 AND release = $2
                  AND body -> 'owner' ->> 'kind' = 'people') AS members,
       r.room_invited AS invited, r.followers,
       ARRAY(SELECT s.room FROM service s JOIN release_unit u ON u.workspace = $1 AND u.release = $2 AND u.service = s.key WHERE s.workspace = $1 ORDER BY u.position) AS rooms,
       ARRAY(SELECT DISTINCT d.room ->> 'oncall' FROM service d WHERE d.workspace = $1 AND d.depends_on && ARRAY(
         SELECT service FROM release_unit WHERE workspace = $1 AND release = $2)) AS dependants
     FROM release r WHERE r.workspace = $1 AND r.number = $2`,
    [workspace, number],
  );
  const [row] = rows;
  if (!row) throw new Error(`release ${number} is not in workspace ${workspace}`);
  const rooms = row.rooms.map((one) => RoomSettings.parse(one));
  const groups = [...rooms.map((room) => room.oncall), ...row.dependants].flatMap((id) => id ?? []);
  const named = (kind: 'runbook' | 'dashboard' | 'call', title: string) =>
    rooms.flatMap(({ links }) => (links[kind] ? [{ title, url: links[kind] }] : [])).slice(0, 1);
  return {
    members: [...new Set([...row.members, ...row.followers])],
    invited: row.invited,
    groups: [...new Set(groups)],
    isPrivate: rooms.some((room) => room.private),
    links: [...named('runbook', 'Runbook'), ...named('dashboard', 'Dashboard'), ...named('call', 'Call')],
  };
}
