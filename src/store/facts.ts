import { z } from 'zod';
import { Criterion, Prefs, type VoteChoice } from '../domain/approval.ts';
import { Catalog } from '../domain/catalog.ts';
import { type EnrolFacts, type RemoveCodeFacts, wrongMinutes } from '../domain/code.ts';
import { conditionsOf } from '../domain/criterion.ts';
import { type Delegation, ownersOf, sourcesOf, type Vote } from '../domain/gate.ts';
import type { HomeFacts } from '../domain/home.ts';
import { type ChangeType, GateRule, Guard } from '../domain/policy.ts';
import { isCovered, noPrefs, type PrefsFacts } from '../domain/prefs.ts';
import type { Codes, Release, ReleaseFacts, ReleaseState, ServiceOf } from '../domain/release.ts';
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
import type { Db } from './db.ts';
import {
  exceptionsJson,
  historyJson,
  policyJson,
  servicesJson,
  toExceptions,
  toPolicy,
  unknownService,
} from './policy.ts';
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
       'services', ${servicesJson('$2')}, 'rules', ${policyJson}, 'history', ${historyJson('$2', '$9')}, 'exceptions', ${exceptionsJson('$2', '$9')},
       'exclusive', coalesce((SELECT exclusive FROM environment WHERE workspace = $1 AND key = $3), false),
       'teams', (SELECT coalesce(jsonb_agg(key), '[]') FROM team WHERE workspace = $1 AND $8 = ANY (members)),
       'calendar', ${calendarJson({ environment: '$3', services: '$2', from: '$4', to: '$5', lead: '$6', needs: '$7' })}
     ) AS facts FROM workspace w WHERE w.id = $1`,
    [
      workspace,
      wanted.services,
      wanted.environment,
      startsAt,
      endsAt,
      wanted.lead,
      wanted.needs,
      by.actor ?? null,
      now,
    ],
  );
  if (!row) throw new Error(`workspace ${workspace} is not connected`);
  const { facts } = row;
  return {
    ...(facts as RequestFacts),
    ...toPolicy(facts.rules, facts.history),
    exceptions: toExceptions(facts.exceptions),
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
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  number: number,
): Promise<ReleaseFacts | undefined> {
  const { workspace, actor, now } = by;
  const own = `ARRAY(SELECT service FROM release_unit WHERE workspace = $1 AND release = $2 ORDER BY position)`;
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'release', to_jsonb(r), 'held', EXISTS (SELECT 1 FROM reservation WHERE workspace = $1 AND holder = 'REL-' || r.number AND held),
       'units', (SELECT jsonb_agg(jsonb_build_object('service', service, 'version', version) ORDER BY position)
         FROM release_unit WHERE workspace = $1 AND release = $2),
       'gates', (SELECT coalesce(jsonb_agg(jsonb_build_object('rule', rule, 'asked', asked, 'askedAt', asked_at, 'metAt', met_at,
           'escalatedTo', escalated_to) ORDER BY position), '[]') FROM gate WHERE workspace = $1 AND release = $2),
       'votes', (SELECT coalesce(jsonb_agg(jsonb_build_object('gate', gate, 'voter', voter, 'choice', choice, 'comment', comment, 'at', at,
           'unblock', unblock, 'seats', seats) ORDER BY at), '[]')
         FROM vote WHERE workspace = $1 AND release = $2 AND revision = r.revision),
       'delegations', (SELECT coalesce(jsonb_agg(jsonb_build_object('from', person, 'to', delegate)), '[]')
         FROM delegation WHERE workspace = $1 AND release = $2),
       'criteria', (SELECT coalesce(jsonb_agg(body ORDER BY position), '[]') FROM criterion WHERE workspace = $1 AND release = $2),
       'ticks', (SELECT coalesce(jsonb_object_agg(criterion, person), '{}') FROM tick WHERE workspace = $1 AND release = $2),
       'overrides', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'rule', rule, 'by', proposer, 'second', second, 'until', until,
           'state', state, 'reason', reason, 'hash', hash) ORDER BY at), '[]') FROM override WHERE workspace = $1 AND release = $2),
       'myRoles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $3),
       'codes', ${codesJson('$3', '$4')},
       'services', ${servicesJson(own)}, 'rules', ${policyJson}, 'history', ${historyJson(own, '$4')}
     ) AS facts FROM release r WHERE r.workspace = $1 AND r.number = $2`,
    [workspace, number, actor ?? null, now],
  );
  if (!row) return undefined;
  const { facts } = row;
  const policy = toPolicy(facts.rules, facts.history);
  const services = facts.units.map(
    ({ service }: { service: string }): ServiceOf =>
      facts.services.find((one: ServiceOf) => one.key === service) ?? unknownService(service),
  );
  const owners = services.flatMap(({ team, teamMembers }: ServiceOf) => (team ? [ownersOf(team, teamMembers)] : []));
  const release = toRelease(facts);
  const votes = facts.votes.map(
    (vote: Json): Vote => ({ ...vote, choice: vote.choice as VoteChoice, at: new Date(vote.at) }),
  );
  const named: Delegation[] = facts.delegations;
  const standing = Object.entries(policy.prefs).flatMap(([from, prefs]): Delegation[] =>
    isCovered(prefs, now) && prefs.delegate && !named.some((one) => one.from === from)
      ? [{ from, to: prefs.delegate.to, standing: true }]
      : [],
  );
  const criteria = [...facts.criteria.map((one: unknown) => Criterion.parse(one)), ...conditionsOf(votes)];
  return {
    release,
    gates: facts.gates.map((gate: Json) => {
      const rule = GateRule.parse(gate.rule);
      return {
        rule,
        sources: sourcesOf(rule, policy.groups, owners, release.channel, gate.escalatedTo.length > 0),
        base: sourcesOf(rule, policy.groups, owners, release.channel),
        asked: gate.asked,
        askedAt: new Date(gate.askedAt),
        metAt: gate.metAt === null ? undefined : new Date(gate.metAt),
        escalatedTo: gate.escalatedTo,
      };
    }),
    votes,
    delegations: [...named, ...standing],
    criteria: criteria.map((one) => ({ ...one, tickedBy: facts.ticks[one.key] ?? null })),
    overrides: facts.overrides.map((one: Json) => ({ ...one, until: new Date(one.until) })),
    roles: facts.myRoles,
    codes: toCodes(facts.codes),
    policy,
    services,
  };
}

/** One-time codes of a person (an expression): the sealed secret, and how many wrong ones there were of late. */
function codesJson(person: string, now: string): string {
  return `jsonb_build_object(
    'secret', (SELECT c.secret FROM enrolment e JOIN credential c ON c.workspace = $1 AND c.id = e.credential WHERE e.workspace = $1 AND e.person = ${person}),
    'lastStep', (SELECT last_step FROM enrolment WHERE workspace = $1 AND person = ${person}),
    'wrong', (SELECT count(*)::int FROM command WHERE workspace = $1 AND actor ->> 'id' = ${person}
      AND at > ${now}::timestamptz - interval '${wrongMinutes} minutes' AND outcome -> 'refusal' ->> 'code' = 'code_wrong'))`;
}

function toCodes(found: Json): Codes {
  return { secret: found.secret ?? undefined, lastStep: Number(found.lastStep ?? 0), wrong: found.wrong };
}

/** What enrolling, or removing the codes of `person`, is judged by. */
export async function loadCodes(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  about: { readonly person: string | undefined; readonly credential?: string },
): Promise<EnrolFacts & RemoveCodeFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('codes', ${codesJson('$2', '$3')},
       'secret', (SELECT secret FROM credential WHERE workspace = $1 AND id = $4 AND person = $2),
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $5)) AS facts`,
    [by.workspace, about.person ?? null, by.now, about.credential ?? null, by.actor ?? null],
  );
  const facts = row?.facts;
  return { codes: toCodes(facts.codes), secret: facts.secret ?? undefined, roles: facts.roles };
}

/** Keeps a sealed secret for an authenticator that is being set up. */
export async function keepCredential(
  db: Db,
  workspace: string,
  one: { readonly id: string; readonly person: string; readonly secret: string },
  at: Date,
): Promise<void> {
  await db.background.query('INSERT INTO credential (workspace, id, person, secret, at) VALUES ($1, $2, $3, $4, $5)', [
    workspace,
    one.id,
    one.person,
    one.secret,
    at,
  ]);
}

export async function loadPrefs(reader: Reader, workspace: string, person: string): Promise<PrefsFacts> {
  const [row] = await reader.query<{ body: unknown }>(
    'SELECT body FROM preference WHERE workspace = $1 AND person = $2',
    [workspace, person],
  );
  return { prefs: row ? Prefs.parse(row.body) : noPrefs };
}

/** What a choice on App Home is judged by. */
export async function loadHomeFacts(reader: Reader, workspace: string, person: string): Promise<HomeFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('prefs', (SELECT body FROM preference WHERE workspace = $1 AND person = $2),
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $2),
       'hasCatalog', (SELECT catalog_hash IS NOT NULL FROM workspace WHERE id = $1)) AS facts`,
    [workspace, person],
  );
  const { prefs, ...facts } = row?.facts ?? {};
  return { ...facts, prefs: prefs ? Prefs.parse(prefs) : noPrefs };
}

export async function loadCatalog(tx: Tx, workspace: string, now: Date): Promise<CatalogFacts> {
  const [row] = await tx.query<{
    hash: string | null;
    catalog: unknown;
    digests: CatalogFacts['digests'];
    last: Record<string, string> | null;
    freezes: string[];
    booked: Json;
    windows: Json;
    seats: CatalogFacts['seats'];
  }>(
    `SELECT w.catalog_hash AS hash, w.catalog,
       ARRAY(SELECT channel || ':' || kind FROM digest WHERE workspace = $1) AS digests,
       (SELECT jsonb_object_agg(channel || ':' || kind, date) FROM (SELECT channel, kind, max(date) AS date FROM digest_run WHERE workspace = $1 GROUP BY channel, kind) x) AS last,
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
    rollbackPlan: row.rollback_plan,
    rollbackTested: row.rollback_tested,
    migration: row.migration,
    scope: row.scope,
    links: row.links,
    policy: row.policy,
    guards: z.array(Guard).parse(row.guards),
    risk: row.risk?.band ?? 'low',
    approvedHash: row.approved_hash,
    auto: row.auto,
    held: row.held,
    nudgedAt: when(row.nudged_at),
    endedAt: when(row.ended_at),
    reviewAskedAt: when(row.review_asked_at),
    reviewedAt: when(row.reviewed_at),
    startsAt: new Date(row.starts_at),
    endsAt: new Date(row.ends_at),
    channel: row.channel,
    revision: row.revision,
    room: row.room,
    roomChannel: row.room_channel,
    barred: row.barred,
    roomLead: row.room_lead,
    startedAt: when(row.started_at),
    plannedEnd: new Date(row.planned_end ?? row.ends_at),
    statusDueAt: when(row.status_due_at),
    restoredAt: when(row.restored_at),
    watchUntil: when(row.watch_until),
    watchEndedAt: when(row.watch_ended_at),
    archiveNoticeAt: when(row.archive_notice_at),
    archivedAt: when(row.archived_at),
    keptAt: when(row.kept_at),
    dependsOn: row.depends_on,
    train: row.train === null ? null : { key: row.train, date: row.departure },
    hasSlot: held,
  };
}

function when(at: string | null): Date | undefined {
  return at === null ? undefined : new Date(at);
}
