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
import { type Reader, readerOf } from './calendar.ts';
import type { Db } from './db.ts';
import { toEvent } from './log.ts';
import { coveredBy } from './policy.ts';
import type { Prisma } from './prisma/client.ts';

/*
 * Props for views: typed reads, outside the command path.
 */

export const endStates = ['done', 'rolled_back', 'failed'];
const openStates = ['requested', 'approved', 'deploying', 'paused', 'verifying'];

export async function findReleaseProps(db: Db, workspace: string, number: number): Promise<ReleaseProps | undefined> {
  const [found] = await readReleases(db, workspace, { number }, { take: 1 });
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
      ? { number: { in: await neededBy(readerOf(db), workspace, asked.person, asked.now) } }
      : filterOf(asked);
  const [releases, total] = await Promise.all([
    readReleases(db, workspace, where, { take: asked.take, skip: asked.skip }),
    db.prisma.release.count({ where: { workspace, ...where } }),
  ]);
  return { releases, total };
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
      state: { in: endStates },
      reviewedAt: null,
      reviewAskedAt: { not: null },
      OR: [{ requester: person }, { lead: person }],
    },
    { take: 5 },
  );
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
  return toEvent(await db.prisma.event.findUniqueOrThrow({ where: { id } }));
}

export async function eventsById(db: Db, ids: readonly string[]): Promise<StoredEvent[]> {
  const rows = await db.prisma.event.findMany({ where: { id: { in: [...ids] } }, orderBy: { seq: 'asc' } });
  return rows.map(toEvent);
}

export async function loadWorkspace(db: Db, workspace: string): Promise<{ zone: string; botUser: string }> {
  const row = await db.prisma.workspace.findUnique({ where: { id: workspace } });
  if (!row) throw new Error(`workspace ${workspace} is not connected`);
  return { zone: row.zone, botUser: row.botUser };
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

type Found = Prisma.ReleaseGetPayload<{ include: typeof included }>;
const included = {
  units: { orderBy: { position: 'asc' } },
  gates: { orderBy: { position: 'asc' } },
  votes: { orderBy: { at: 'asc' } },
  notes: { orderBy: { at: 'asc' } },
  reservations: { where: { held: true }, select: { position: true }, take: 1 },
} as const;

export async function readReleases(
  db: Db,
  workspace: string,
  where: Prisma.ReleaseWhereInput,
  { newest, ...page }: { take: number; skip?: number; newest?: boolean },
): Promise<ReleaseProps[]> {
  const rows = await db.prisma.release.findMany({
    where: { workspace, ...where },
    include: included,
    orderBy: [{ startsAt: newest ? 'desc' : 'asc' }, { number: 'asc' }],
    ...page,
  });
  if (rows.length === 0) return [];
  const numbers = rows.map((row) => row.number);
  const about = { workspace, release: { in: numbers } };
  const [{ zone }, criteria, ticks, overrides, delegations, exceptions, waysBack] = await Promise.all([
    loadWorkspace(db, workspace),
    db.prisma.criterion.findMany({ where: about, orderBy: { position: 'asc' } }),
    db.prisma.tick.findMany({ where: about }),
    db.prisma.override.findMany({
      where: { ...about, state: { in: ['proposed', 'granted'] } },
      orderBy: { at: 'asc' },
    }),
    db.prisma.delegation.findMany({ where: about }),
    db.prisma.exception.findMany({ where: about }),
    waysBackOf(db, workspace, numbers),
  ]);
  const of = <T extends { release: number }>(all: T[], number: number) => all.filter((one) => one.release === number);
  return rows.map((row) => {
    const props = toProps(row, zone);
    const mine = of(ticks, row.number);
    const asked = [
      ...of(criteria, row.number).map((one) => Criterion.parse(one.body)),
      ...conditionsOf(props.gates.flatMap((gate) => gate.votes.map((vote) => ({ ...vote, gate: gate.name })))),
    ];
    return {
      ...props,
      criteria: asked.map((one) => ({ ...one, tick: mine.find((tick) => tick.criterion === one.key) })),
      overrides: of(overrides, row.number).map((one) => ({ ...one, by: one.proposer })),
      delegations: of(delegations, row.number).map((one) => ({ from: one.person, to: one.delegate })),
      exception: of(exceptions, row.number)[0],
      hasWayBack: waysBack.includes(row.number),
    };
  });
}

/** Those of these releases whose runbooks say how to go back. */
async function waysBackOf(db: Db, workspace: string, releases: readonly number[]): Promise<number[]> {
  const { rows } = await db.background.query<{ release: number }>(
    `SELECT DISTINCT w.release FROM release_unit w JOIN service v ON v.workspace = $1 AND v.key = w.service
     JOIN runbook b ON b.workspace = $1 AND b.key = v.room ->> 'runbook'
     WHERE w.workspace = $1 AND w.release = ANY ($2) AND jsonb_array_length(b.body -> 'rollback') > 0`,
    [workspace, releases],
  );
  return rows.map((row) => row.release);
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

function toProps(
  row: Found,
  zone: string,
): Omit<ReleaseProps, 'criteria' | 'overrides' | 'delegations' | 'exception' | 'hasWayBack'> {
  const gates = row.gates.map((gate) => ({ ...gate, rule: GateRule.parse(gate.rule) }));
  const votes = row.votes
    .filter((vote) => vote.revision === row.revision)
    .map((vote) => ({ ...vote, choice: VoteChoice.parse(vote.choice) }));
  const tallies = tally(gates, votes);
  return {
    number: row.number,
    state: stateOf(row.state),
    units: row.units,
    environment: row.environment,
    changeType: row.changeType,
    policy: row.policy,
    because: row.because,
    summary: row.summary,
    rollbackPlan: row.rollbackPlan,
    rollbackTested: row.rollbackTested,
    migration: Migration.parse(row.migration),
    scope: z.array(ScopeItem).parse(row.scope),
    links: row.links,
    risk: row.risk === null ? undefined : RiskRow.parse(row.risk),
    requester: row.requester,
    lead: row.lead,
    startsAt: row.startsAt,
    endsAt: row.endsAt,
    channel: row.channel,
    revision: row.revision,
    requestedAt: row.requestedAt,
    changedAt: row.changedAt,
    startedAt: row.startedAt ?? undefined,
    reason: row.reason,
    gates: tallies.map((counted, index) => toGate(counted, gates[index] as (typeof gates)[number], votes)),
    notes: row.notes,
    room: row.room === 'open' || row.room === 'closed' ? row.room : 'none',
    roomChannel: row.roomChannel ?? undefined,
    barred: row.barred,
    archivedAt: row.archivedAt ?? undefined,
    roomLead: row.roomLead,
    status: row.status,
    health: row.health,
    statusAt: row.statusAt ?? undefined,
    endedAt: row.endedAt ?? undefined,
    restoredAt: row.restoredAt ?? undefined,
    watchUntil: row.watchUntil ?? undefined,
    watchEndedAt: row.watchEndedAt ?? undefined,
    zone,
    dependsOn: row.dependsOn,
    train: row.train !== null && row.departure !== null ? { key: row.train, date: row.departure } : undefined,
    hasSlot: row.reservations.length > 0,
    sequence: row.sequence,
    warnings: z.array(Conflict).parse(row.warnings),
    approvedHash: row.approvedHash,
    auto: row.auto,
    advice: row.advice,
    reviewDueAt: row.reviewDueAt ?? undefined,
    reviewedAt: row.reviewedAt ?? undefined,
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

function filterOf(asked: {
  filter: ListFilter;
  person: string;
  zone: string;
  today: string;
}): Prisma.ReleaseWhereInput {
  const { filter, person, zone, today } = asked;
  const day = (days: number) => instantAt(addDays(today, days), '00:00', zone);
  switch (filter.kind) {
    case 'open':
      return { state: { in: openStates } };
    case 'mine':
      return { state: { in: openStates }, OR: [{ requester: person }, { lead: person }] };
    case 'needs-me':
      throw new Error('what needs somebody is asked of the votes first');
    case 'today':
      return { startsAt: { gte: day(0), lt: day(1) } };
    case 'week':
      return { startsAt: { gte: day(0), lt: day(7) } };
    case 'state':
      return { state: filter.value ?? '' };
    case 'service':
      return { units: { some: { service: filter.value ?? '' } }, state: { in: openStates } };
  }
}
