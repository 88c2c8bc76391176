import { z } from 'zod';
import type { GateProps, OverrideProps, ReleaseProps } from '../../blocks/summary.ts';
import { Criterion, RiskRow, VoteChoice } from '../domain/approval.ts';
import { Conflict } from '../domain/calendar.ts';
import { Migration, ScopeItem } from '../domain/content.ts';
import { conditionsOf } from '../domain/criterion.ts';
import type { StoredEvent } from '../domain/event.ts';
import { type Tally, tally } from '../domain/gate.ts';
import { GateRule } from '../domain/policy.ts';
import type { ListFilter } from '../domain/question.ts';
import { type ReleaseState, releaseStates } from '../domain/release.ts';
import { addDays, instantAt } from '../domain/time.ts';
import { type Json, type Reader, readerOf } from './calendar.ts';
import type { Db } from './db.ts';
import { when } from './facts.ts';
import { type EventRow, toEvent } from './log.ts';
import { coveredBy } from './policy.ts';

/*
 * Props for views: typed reads, outside the command path.
 */

export const endStates = ['done', 'rolled_back', 'failed'];
const openStates = ['requested', 'approved', 'deploying', 'paused', 'verifying'];

export async function findReleaseProps(db: Db, workspace: string, number: number): Promise<ReleaseProps | undefined> {
  const [found] = await readReleases(db, workspace, numbered([number]), { take: 1 });
  return found;
}

/** As a view needs it; throws when there is no such release. */
export async function loadReleaseProps(db: Db, workspace: string, number: number): Promise<ReleaseProps> {
  const found = await findReleaseProps(db, workspace, number);
  if (!found) throw new Error(`release ${number} is not in workspace ${workspace}`);
  return found;
}

/** Releases for `/release list`, soonest first; `more` is how many do not fit. */
export async function listReleases(
  db: Db,
  workspace: string,
  asked: { filter: ListFilter; person: string; zone: string; today: string; now: Date; take: number; skip: number },
): Promise<{ releases: ReleaseProps[]; total: number }> {
  const where =
    asked.filter.kind === 'needs-me'
      ? numbered(await neededBy(readerOf(db), workspace, asked.person, asked.now))
      : filterOf(asked);
  const [releases, [counted]] = await Promise.all([
    readReleases(db, workspace, where, { take: asked.take, skip: asked.skip }),
    readerOf(db).query<{ total: number }>(
      `SELECT count(*)::int AS total FROM release r WHERE r.workspace = $1 AND ${where.sql}`,
      [workspace, ...where.params],
    ),
  ]);
  return { releases, total: counted?.total ?? 0 };
}

/** Releases with an open gate that waits for this person, the longest first: asked themselves, or in the place of somebody. */
export async function neededBy(reader: Reader, workspace: string, person: string, now: Date): Promise<number[]> {
  const covered = await coveredBy(reader, workspace, person, now);
  const rows = await reader.query<{ number: number }>(
    `SELECT r.number FROM release r WHERE r.workspace = $1 AND r.state = 'requested' AND EXISTS (
       SELECT 1 FROM gate g, LATERAL (
         SELECT $2::text AS seat
         UNION ALL SELECT d.person FROM delegation d WHERE d.workspace = $1 AND d.release = r.number AND d.delegate = $2
         UNION ALL SELECT unnest($3::text[])
       ) s
       WHERE g.workspace = $1 AND g.release = r.number AND g.met_at IS NULL AND s.seat = ANY (g.asked || g.escalated_to)
         AND (s.seat = $2 OR g.rule ->> 'delegates' <> 'false')
         AND NOT EXISTS (SELECT 1 FROM delegation d WHERE d.workspace = $1 AND d.release = r.number AND d.person = s.seat AND d.delegate <> $2)
         AND NOT EXISTS (SELECT 1 FROM vote v WHERE v.workspace = $1 AND v.release = r.number AND v.gate = g.name
           AND v.revision = r.revision AND (s.seat = ANY (v.seats) OR v.voter = $2)))
     ORDER BY (SELECT min(g.asked_at) FROM gate g WHERE g.workspace = $1 AND g.release = r.number AND g.met_at IS NULL), r.number`,
    [workspace, person, covered],
  );
  return rows.map((row) => row.number);
}

/** Undecided releases with a gate of a Slack user group. */
export async function askedOfGroup(db: Db, workspace: string, usergroup: string): Promise<number[]> {
  const { rows } = await db.background.query<{ release: number }>(
    `SELECT DISTINCT g.release FROM gate g JOIN release r ON r.workspace = $1 AND r.number = g.release AND r.state = 'requested'
     JOIN approver_group a ON a.workspace = $1 AND (a.usergroup = $2 OR a.oncall = $2) AND g.rule::text LIKE '%"' || a.key || '"%'
     WHERE g.workspace = $1`,
    [workspace, usergroup],
  );
  return rows.map((row) => row.release);
}

/** Undecided releases with a gate that this person was asked for, or decides in somebody's place. */
export async function askedOf(db: Db, workspace: string, person: string): Promise<number[]> {
  const rows = await db.prisma.gate.findMany({
    where: {
      workspace,
      of: { state: 'requested' },
      OR: [{ asked: { has: person } }, { escalatedTo: { has: person } }],
    },
    select: { release: true },
    distinct: ['release'],
  });
  const { rows: handed } = await db.background.query<{ release: number }>(
    `SELECT d.release FROM delegation d JOIN release r ON r.workspace = $1 AND r.number = d.release AND r.state = 'requested'
     WHERE d.workspace = $1 AND d.delegate = $2`,
    [workspace, person],
  );
  return [...new Set([...rows, ...handed].map((row) => row.release))];
}

/** Releases of this person that ended and were not reviewed. */
export async function reviewsDue(db: Db, workspace: string, person: string): Promise<ReleaseProps[]> {
  return readReleases(
    db,
    workspace,
    {
      sql: 'r.state = ANY ($2) AND r.reviewed_at IS NULL AND r.review_asked_at IS NOT NULL AND $3 IN (r.requester, r.lead)',
      params: [endStates, person],
    },
    { take: 5 },
  );
}

/** A later release that is open, of the same person, with the same content. */
export async function askedAgainAs(db: Db, workspace: string, number: number): Promise<number | undefined> {
  const units = (of: string) =>
    `(SELECT array_agg(u.service || ' ' || u.version ORDER BY u.service) FROM release_unit u WHERE u.workspace = $1 AND u.release = ${of}.number)`;
  const { rows } = await db.background.query<{ number: number }>(
    `SELECT n.number FROM release r JOIN release n ON n.workspace = $1 AND n.number > r.number AND n.requester = r.requester
       AND n.environment = r.environment AND n.state = ANY ($3) AND ${units('n')} = ${units('r')}
     WHERE r.workspace = $1 AND r.number = $2 ORDER BY n.number LIMIT 1`,
    [workspace, number, openStates],
  );
  return rows[0]?.number;
}

/** Open releases that this person asked for or leads. */
export async function openReleasesOf(db: Db, workspace: string, person: string): Promise<number[]> {
  const rows = await db.prisma.release.findMany({
    where: { workspace, state: { in: openStates }, OR: [{ requester: person }, { lead: person }] },
    select: { number: true },
    orderBy: { startsAt: 'asc' },
    take: 20,
  });
  return rows.map((row) => row.number);
}

/** Everything that has not ended. */
export async function openReleases(db: Db, workspace: string): Promise<number[]> {
  const rows = await db.prisma.release.findMany({
    where: { workspace, state: { in: openStates } },
    select: { number: true },
  });
  return rows.map((row) => row.number);
}

/** What happened to a release, oldest first. */
export async function historyOf(db: Db, workspace: string, number: number): Promise<StoredEvent[]> {
  const rows = await db.prisma.event.findMany({ where: { workspace, release: number }, orderBy: { seq: 'asc' } });
  return rows.map(toEvent);
}

/** What one decision did to a release, in order. */
export async function eventsBeside(
  db: Db,
  { workspace, command }: StoredEvent,
  release: number,
): Promise<StoredEvent[]> {
  const rows = await db.prisma.event.findMany({ where: { workspace, command, release }, orderBy: { seq: 'asc' } });
  return rows.map(toEvent);
}

export async function loadEvent(db: Db, id: string): Promise<StoredEvent> {
  const [row] = await readerOf(db).query<EventRow>('SELECT * FROM event WHERE id = $1', [id]);
  if (!row) throw new Error(`there is no event ${id}`);
  return toEvent(row);
}

export async function eventsById(db: Db, ids: readonly string[]): Promise<StoredEvent[]> {
  const rows = await db.prisma.event.findMany({ where: { id: { in: [...ids] } }, orderBy: { seq: 'asc' } });
  return rows.map(toEvent);
}

export async function loadWorkspace(db: Db, workspace: string): Promise<{ zone: string; botUser: string }> {
  const [row] = await readerOf(db).query<{ zone: string; botUser: string }>(
    'SELECT zone, bot_user AS "botUser" FROM workspace WHERE id = $1',
    [workspace],
  );
  if (!row) throw new Error(`workspace ${workspace} is not connected`);
  return row;
}

/** Every workspace that was ever connected, with the catalogue that was applied last. */
export async function connectedWorkspaces(db: Db): Promise<{ id: string; catalog: unknown }[]> {
  return db.prisma.workspace.findMany({ select: { id: true, catalog: true } });
}

export async function listServices(
  db: Db,
  workspace: string,
): Promise<{ key: string; team: string | null; tier: number; environments: string[] }[]> {
  return db.prisma.service.findMany({
    where: { workspace },
    select: { key: true, team: true, tier: true, environments: true },
    orderBy: { key: 'asc' },
  });
}

/** Which releases: a condition on `release r`, in which `$1` is the workspace and `params` begin at `$2`. */
export type Which = { readonly sql: string; readonly params: readonly unknown[] };

export function numbered(numbers: readonly number[]): Which {
  return { sql: 'r.number = ANY ($2::integer[])', params: [numbers] };
}

/** Releases with everything that views show of them, in one statement: this is what every card, list and answer reads. */
export async function readReleases(
  db: Db,
  workspace: string,
  { sql, params }: Which,
  { newest, take, skip = 0 }: { take: number; skip?: number; newest?: boolean },
): Promise<ReleaseProps[]> {
  const of = 'WHERE x.workspace = $1 AND x.release = r.number';
  const at = params.length + 2;
  const order = `r.starts_at ${newest ? 'DESC' : 'ASC'}, r.number`;
  const rows = await readerOf(db).query<{ found: Json }>(
    `SELECT jsonb_build_object('release', to_jsonb(r), 'zone', w.zone,
       'held', EXISTS (SELECT FROM reservation x WHERE x.workspace = $1 AND x.holder = 'REL-' || r.number AND x.held),
       'units', (SELECT coalesce(jsonb_agg(jsonb_build_object('service', x.service, 'version', x.version) ORDER BY x.position), '[]') FROM release_unit x ${of}),
       'gates', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.position), '[]') FROM gate x ${of}),
       'votes', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.at), '[]') FROM vote x ${of} AND x.revision = r.revision),
       'notes', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.at), '[]') FROM note x ${of}),
       'criteria', (SELECT coalesce(jsonb_agg(x.body ORDER BY x.position), '[]') FROM criterion x ${of}),
       'ticks', (SELECT coalesce(jsonb_agg(to_jsonb(x)), '[]') FROM tick x ${of}),
       'overrides', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.at), '[]') FROM override x ${of} AND x.state IN ('proposed', 'granted')),
       'delegations', (SELECT coalesce(jsonb_agg(jsonb_build_object('from', x.person, 'to', x.delegate)), '[]') FROM delegation x ${of}),
       'exception', (SELECT jsonb_build_object('name', x.name, 'team', x.team, 'reason', x.reason) FROM exception x ${of} LIMIT 1),
       'hasWayBack', EXISTS (SELECT FROM release_unit x JOIN service v ON v.workspace = $1 AND v.key = x.service
         JOIN runbook b ON b.workspace = $1 AND b.key = v.room ->> 'runbook' ${of} AND jsonb_array_length(b.body -> 'rollback') > 0)
     ) AS found
     FROM (SELECT * FROM release r WHERE r.workspace = $1 AND ${sql} ORDER BY ${order} LIMIT $${at} OFFSET $${at + 1}) r
     JOIN workspace w ON w.id = $1 ORDER BY ${order}`,
    [workspace, ...params, take, skip],
  );
  return rows.map(({ found }) => toProps(found));
}

export async function findOverride(db: Db, workspace: string, id: string): Promise<OverrideProps | undefined> {
  const row = await db.prisma.override.findUnique({ where: { workspace_id: { workspace, id } } });
  return row ? { ...row, by: row.proposer } : undefined;
}

/** Each unit with the version that runs there now, and the services that stand on it. */
export async function unitsAround(
  db: Db,
  workspace: string,
  release: Pick<ReleaseProps, 'number' | 'units' | 'environment'>,
): Promise<{ service: string; version: string; before: string | null; dependants: string[] }[]> {
  const { rows } = await db.background.query<{ service: string; before: string | null; dependants: string[] }>(
    `SELECT k.service,
       (SELECT u.version FROM release_unit u JOIN release r ON r.workspace = $1 AND r.number = u.release
        WHERE u.workspace = $1 AND u.service = k.service AND r.environment = $3 AND r.state = 'done' AND r.number <> $4
        ORDER BY r.ended_at DESC LIMIT 1) AS before,
       ARRAY(SELECT key FROM service WHERE workspace = $1 AND k.service = ANY (depends_on) ORDER BY key) AS dependants
     FROM unnest($2::text[]) AS k(service)`,
    [workspace, release.units.map((unit) => unit.service), release.environment, release.number],
  );
  return release.units.map(({ service, version }) => {
    const found = rows.find((row) => row.service === service);
    return { service, version, before: found?.before ?? null, dependants: found?.dependants ?? [] };
  });
}

/** Of so few releases nothing is said. */
const costAtLeast = 5;

/** What each gate of a policy cost and caught, over its last 200 releases of ninety days that are decided. */
export async function gateCosts(
  db: Db,
  workspace: string,
  policy: string,
  now: Date,
): Promise<{ gate: string; n: number; medianMinutes: number; caught: number }[]> {
  const { rows } = await db.background.query<{ gate: string; n: number; minutes: number | null; caught: number }>(
    `SELECT g.name AS gate, count(*)::int AS n,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM g.met_at - g.asked_at) / 60)::float8 AS minutes,
       count(*) FILTER (WHERE EXISTS (SELECT 1 FROM event e WHERE e.workspace = $1 AND e.release = r.number AND e.type = 'vote.cast'
         AND e.body ->> 'gate' = g.name AND e.body ->> 'choice' IN ('block', 'reject')))::int AS caught
     FROM (SELECT number FROM release WHERE workspace = $1 AND policy = $2 AND state <> 'requested'
       AND requested_at > $3::timestamptz - interval '90 days' ORDER BY number DESC LIMIT 200) r
     JOIN gate g ON g.workspace = $1 AND g.release = r.number
     GROUP BY g.name`,
    [workspace, policy, now],
  );
  return rows.flatMap(({ minutes, ...one }) =>
    one.n < costAtLeast || minutes === null ? [] : [{ ...one, medianMinutes: minutes }],
  );
}

function toProps(found: Json): ReleaseProps {
  const row = found.release;
  const gates = found.gates.map((gate: Json) => ({
    name: gate.name,
    rule: GateRule.parse(gate.rule),
    asked: gate.asked as string[],
    askedAt: new Date(gate.asked_at),
    metAt: when(gate.met_at) ?? null,
    escalatedTo: gate.escalated_to as string[],
  }));
  const votes: (GateProps['votes'][number] & { gate: string })[] = found.votes.map((vote: Json) => ({
    gate: vote.gate,
    voter: vote.voter,
    choice: VoteChoice.parse(vote.choice),
    comment: vote.comment,
    unblock: vote.unblock,
    seats: vote.seats,
    at: new Date(vote.at),
  }));
  const criteria = [...found.criteria.map((one: unknown) => Criterion.parse(one)), ...conditionsOf(votes)];
  const tickOf = (key: string) => {
    const tick = found.ticks.find((one: Json) => one.criterion === key);
    return tick && { person: tick.person, evidence: tick.evidence, at: new Date(tick.at) };
  };
  return {
    number: row.number,
    state: stateOf(row.state),
    units: found.units,
    environment: row.environment,
    changeType: row.change_type,
    policy: row.policy,
    because: row.because,
    summary: row.summary,
    rollbackPlan: row.rollback_plan,
    rollbackTested: row.rollback_tested,
    migration: Migration.parse(row.migration),
    scope: z.array(ScopeItem).parse(row.scope),
    links: row.links,
    risk: row.risk === null ? undefined : RiskRow.parse(row.risk),
    requester: row.requester,
    lead: row.lead,
    startsAt: new Date(row.starts_at),
    endsAt: new Date(row.ends_at),
    channel: row.channel,
    revision: row.revision,
    requestedAt: new Date(row.requested_at),
    changedAt: new Date(row.changed_at),
    startedAt: when(row.started_at),
    reason: row.reason,
    gates: tally(gates, votes).map((counted, index) => toGate(counted, gates[index], votes)),
    notes: found.notes.map((note: Json) => ({ author: note.author, text: note.text, at: new Date(note.at) })),
    room: row.room === 'open' || row.room === 'closed' ? row.room : 'none',
    roomChannel: row.room_channel ?? undefined,
    barred: row.barred,
    archivedAt: when(row.archived_at),
    roomLead: row.room_lead,
    status: row.status,
    health: row.health,
    statusAt: when(row.status_at),
    endedAt: when(row.ended_at),
    restoredAt: when(row.restored_at),
    watchUntil: when(row.watch_until),
    watchEndedAt: when(row.watch_ended_at),
    zone: found.zone,
    dependsOn: row.depends_on,
    train: row.train !== null && row.departure !== null ? { key: row.train, date: row.departure } : undefined,
    hasSlot: found.held,
    sequence: row.sequence,
    warnings: z.array(Conflict).parse(row.warnings),
    approvedHash: row.approved_hash,
    auto: row.auto,
    advice: row.advice,
    criteria: criteria.map((one) => ({ ...one, tick: tickOf(one.key) })),
    overrides: found.overrides.map((one: Json) => ({
      id: one.id,
      rule: one.rule,
      reason: one.reason,
      by: one.proposer,
      second: one.second,
      until: new Date(one.until),
      state: one.state,
      hash: one.hash,
    })),
    delegations: found.delegations,
    exception: found.exception ?? undefined,
    // Their runbooks say how to go back.
    hasWayBack: found.hasWayBack,
    reviewDueAt: when(row.review_due_at),
    reviewedAt: when(row.reviewed_at),
    outcome: row.outcome ?? undefined,
    review: row.review,
  };
}

function toGate(
  counted: Tally,
  row: { readonly asked: readonly string[]; readonly escalatedTo: readonly string[]; readonly askedAt: Date },
  votes: readonly (GateProps['votes'][number] & { readonly gate: string })[],
): GateProps {
  return {
    name: counted.gate.name,
    rule: counted.gate,
    needed: counted.needed,
    met: counted.met,
    stuck: counted.stuck,
    asked: row.asked,
    escalatedTo: row.escalatedTo,
    askedAt: row.askedAt,
    votes: votes.filter((vote) => vote.gate === counted.gate.name),
  };
}

function stateOf(state: string): ReleaseState {
  const known = releaseStates.find((other) => other === state);
  if (!known) throw new Error(`a release is in the unknown state ${state}`);
  return known;
}

function filterOf(asked: { filter: ListFilter; person: string; zone: string; today: string }): Which {
  const { filter, person, zone, today } = asked;
  const within = (days: number): Which => ({
    sql: 'r.starts_at >= $2 AND r.starts_at < $3',
    params: [instantAt(today, '00:00', zone), instantAt(addDays(today, days), '00:00', zone)],
  });
  switch (filter.kind) {
    case 'open':
      return { sql: 'r.state = ANY ($2)', params: [openStates] };
    case 'mine':
      return { sql: 'r.state = ANY ($2) AND $3 IN (r.requester, r.lead)', params: [openStates, person] };
    case 'needs-me':
      throw new Error('what needs somebody is asked of the votes first');
    case 'today':
      return within(1);
    case 'week':
      return within(7);
    case 'state':
      return { sql: 'r.state = $2', params: [filter.value ?? ''] };
    case 'service':
      return {
        sql: `r.state = ANY ($2) AND ${ofServices('$3')}`,
        params: [openStates, [filter.value ?? '']],
      };
  }
}

/** A condition on `release r`: it has a unit of one of these services (an array). */
export function ofServices(services: string): string {
  return `EXISTS (SELECT FROM release_unit o WHERE o.workspace = $1 AND o.release = r.number AND o.service = ANY (${services}::text[]))`;
}
