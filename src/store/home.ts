import type { ApprovalsProps, DecidedLine, HomeProps, SetupProps, WorkProps } from '../../blocks/home.ts';
import type { QueueProps } from '../../blocks/queue.ts';
import type { ManageProps, WaitProps } from '../../blocks/radar.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import type { HomeTab, Prefs } from '../domain/approval.ts';
import { homeRows, noHome } from '../domain/home.ts';
import { noPrefs } from '../domain/prefs.ts';
import { addDays, addMinutes, instantAt, wallTime } from '../domain/time.ts';
import type { Proposal } from '../domain/trust.ts';
import { type Json, readerOf } from './calendar.ts';
import type { Db } from './db.ts';
import { calendarDays, listFreezes } from './planned.ts';
import { listReleases, neededBy, numbered, readReleases, reviewsDue } from './read.ts';
import { loadTeamNumbers } from './report.ts';
import { listTrust } from './trust.ts';

/*
 * App Home: what one person sees of it, and whose is out of date.
 */
type About = { readonly person: string; readonly now: Date; readonly zone: string };

/** What is on a view before what it lists is known. */
export type HomeFrame = {
  readonly prefs: Prefs;
  readonly roles: readonly string[];
  readonly hasCatalog: boolean;
  /** Groups of approvers: who decides, and who of them is on call. */
  readonly groups: readonly {
    readonly name: string;
    readonly usergroup: string | null;
    readonly members: readonly string[];
    readonly oncall: string | null;
  }[];
  /** Releases that wait for this person's word, the longest first. */
  readonly needed: readonly number[];
  readonly setup: SetupProps | undefined;
};

/** Whoever has booked so often knows their way. */
const newcomerBookings = 3;

/** Who somebody is here, what waits for them, and which first steps are left. */
export async function loadFrame(db: Db, workspace: string, { person, now }: About): Promise<HomeFrame> {
  const [{ rows }, needed] = await Promise.all([
    db.background.query<{ facts: Json }>(
      `SELECT jsonb_build_object(
         'prefs', (SELECT body FROM preference WHERE workspace = $1 AND person = $2),
         'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $2),
         'hasCatalog', (SELECT catalog_hash IS NOT NULL FROM workspace WHERE id = $1), 'botUser', (SELECT bot_user FROM workspace WHERE id = $1),
         'groups', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'usergroup', usergroup, 'members', members, 'oncall', oncall) ORDER BY name), '[]')
           FROM approver_group WHERE workspace = $1),
         'isPosting', EXISTS (SELECT 1 FROM surface WHERE workspace = $1 AND ts IS NOT NULL AND (channel LIKE 'C%' OR channel LIKE 'G%')),
         'hasDigest', EXISTS (SELECT 1 FROM digest WHERE workspace = $1 AND (channel LIKE 'C%' OR channel LIKE 'G%' OR channel = $2)),
         'booked', (SELECT count(*) FROM (SELECT 1 FROM release WHERE workspace = $1 AND requester = $2 LIMIT ${newcomerBookings}) own),
         'anyBooked', EXISTS (SELECT 1 FROM release WHERE workspace = $1)
       ) AS facts`,
      [workspace, person],
    ),
    neededBy(readerOf(db), workspace, person, now),
  ]);
  const { isPosting, hasDigest, booked, anyBooked, botUser, ...facts } = rows[0]?.facts ?? {};
  const prefs: Prefs = facts.prefs ?? noPrefs;
  const { hidden, saved } = prefs.home ?? noHome;
  const hasBooked = booked > 0;
  // A workspace that is not set up, or somebody who has not been here for long.
  const isNew = !(isPosting && anyBooked && facts.hasCatalog) || (booked < newcomerBookings && !(hasBooked && saved));
  const steps = { hasCatalog: facts.hasCatalog, isPosting, hasDigest, hasBooked, hasPrefs: saved };
  const setup = hidden || !isNew || Object.values(steps).every(Boolean) ? undefined : { ...steps, botUser };
  return { ...facts, prefs, needed, setup };
}

/** What this view lists. `onCall`: groups that this person is on call for. */
export async function loadTab(
  db: Db,
  workspace: string,
  tab: HomeTab,
  about: About & { readonly frame: HomeFrame; readonly onCall: readonly string[] },
): Promise<HomeProps['view']> {
  switch (tab) {
    case 'work':
      return { tab, ...(await loadWork(db, workspace, about)) };
    case 'approvals':
      return { tab, ...(await loadApprovals(db, workspace, about)) };
    case 'manage':
      return { tab, ...(await loadManage(db, workspace, about)) };
  }
}

async function loadWork(db: Db, workspace: string, { person, now, zone }: About): Promise<WorkProps> {
  const today = wallTime(now, zone).date;
  const asked = { person, zone, today, now, take: homeRows.list, skip: 0 };
  const [mine, reviews, week, teams] = await Promise.all([
    listReleases(db, workspace, { ...asked, filter: { kind: 'mine' } }),
    reviewsDue(db, workspace, person),
    calendarDays(db, workspace, { from: today, days: 7, filter: undefined, now }),
    // Nobody goes without the rest of it because a number took too long.
    loadTeamNumbers(db, workspace, { person, now, zone }).catch(() => []),
  ]);
  return { mine: mine.releases, total: mine.total, reviews, week, teams };
}

const decidedDays = 14;

async function loadApprovals(
  db: Db,
  workspace: string,
  { person, now, frame, onCall }: About & { readonly frame: HomeFrame; readonly onCall: readonly string[] },
): Promise<ApprovalsProps> {
  const first = frame.needed.slice(0, homeRows.list);
  const [waiting, { rows: putOff }, { rows: decided }] = await Promise.all([
    readReleases(db, workspace, numbered(first), { take: homeRows.list }),
    // A nudge that waits for working hours knows no revision, and was put off by nobody.
    db.background.query<{ release: number; at: Date }>(
      `SELECT (body ->> 'release')::int AS release, due_at AS at FROM timer
       WHERE workspace = $1 AND key = ANY ($2::text[]) AND body ->> 'again' = 'true' AND body ->> 'revision' <> '0' AND due_at > $3`,
      [workspace, first.map((number) => `ask:${number}:${person}`), now],
    ),
    // By the releases of these days: votes have no order of their own.
    db.background.query<DecidedLine>(
      `SELECT DISTINCT ON (v.at, r.number) r.number, r.state, v.choice, v.at, v.revision = r.revision AS "isCurrent",
         (SELECT string_agg(u.service || ' ' || u.version, ', ' ORDER BY u.position) FROM release_unit u WHERE u.workspace = $1 AND u.release = r.number) AS name
       FROM release r JOIN vote v ON v.workspace = $1 AND v.release = r.number AND v.voter = $2
       WHERE r.workspace = $1 AND (r.state = 'requested' OR r.approved_at >= $3 OR (r.state = 'rejected' AND r.starts_at >= $3))
       ORDER BY v.at DESC, r.number LIMIT 5`,
      [workspace, person, addMinutes(now, -decidedDays * 24 * 60)],
    ),
  ]);
  const { snoozeUntil, delegate } = frame.prefs;
  const ahead = (text: string | null | undefined) => (text && new Date(text) > now ? new Date(text) : undefined);
  const until = ahead(delegate?.until);
  return {
    waiting: first.flatMap((number) => {
      const found = waiting.find((one) => one.number === number);
      return found ? [{ ...found, askedAgainAt: putOff.find((one) => one.release === number)?.at }] : [];
    }),
    total: frame.needed.length,
    decided,
    cover: {
      onCall,
      snoozedUntil: ahead(snoozeUntil),
      delegate: delegate && until ? { to: delegate.to, from: new Date(delegate.from), until } : undefined,
    },
  };
}

const stuckHours = 24;
const shownToday = 100;
const waitDays = 30;

async function loadManage(db: Db, workspace: string, { person, now, zone }: About): Promise<ManageProps> {
  const date = wallTime(now, zone).date;
  const [from, to] = [instantAt(date, '00:00', zone), instantAt(addDays(date, 1), '00:00', zone)];
  const undecided = `r.workspace = $1 AND r.state = 'requested'`;
  const open = 'g.workspace = $1 AND g.release = r.number AND g.met_at IS NULL';
  const blocked = `EXISTS (SELECT 1 FROM gate g JOIN vote v ON v.workspace = $1 AND v.release = r.number AND v.gate = g.name
    AND v.revision = r.revision AND v.choice = 'block' WHERE ${open} AND g.rule ->> 'veto' <> 'false')`;
  const numbers = (where: string, order: string) =>
    `ARRAY(SELECT r.number FROM release r WHERE ${where} ORDER BY ${order}, r.number)`;
  const [{ rows }, freezes, trust] = await Promise.all([
    db.background.query<{
      today: number[];
      passes: number[];
      stuck: number[];
      blocked: number[];
      overrides: ManageProps['overrides']['first'];
      incidents: (Omit<ManageProps['incidents']['first'][number], 'at'> & { at: string })[];
      counts: { overrides: number; incidents: number; policies: number; windows: number; unmeetable: number };
      wait: WaitProps | null;
    }>(
      `SELECT
         ${numbers(
           `r.workspace = $1 AND ((r.starts_at >= $2 AND r.starts_at < $3 AND r.state NOT IN ('cancelled', 'rejected', 'expired')) OR r.state IN ('deploying', 'paused', 'verifying'))`,
           'r.starts_at',
         )} AS today,
         ${numbers(`${undecided} AND EXISTS (SELECT 1 FROM gate g WHERE ${open} AND g.rule ->> 'pass' IS NOT NULL)`, 'r.starts_at')} AS passes,
         ${numbers(`${undecided} AND ${blocked}`, 'r.starts_at')} AS blocked,
         ${numbers(
           `${undecided} AND NOT ${blocked} AND EXISTS (SELECT 1 FROM gate g WHERE ${open} AND g.asked_at < $4)`,
           `(SELECT min(g.asked_at) FROM gate g WHERE ${open})`,
         )} AS stuck,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'release', release, 'rule', rule, 'by', proposer, 'second', second, 'reason', reason) ORDER BY at), '[]')
           FROM (SELECT * FROM override WHERE workspace = $1 AND state = 'proposed' AND until > $5 ORDER BY (second = $6) DESC, at LIMIT ${homeRows.needs}) o) AS overrides,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'note', note, 'by', person, 'at', at) ORDER BY at), '[]')
           FROM (SELECT * FROM reported_incident WHERE workspace = $1 AND state = 'open' ORDER BY at LIMIT ${homeRows.needs}) i) AS incidents,
         jsonb_build_object(
           'overrides', (SELECT count(*) FROM override WHERE workspace = $1 AND state = 'proposed' AND until > $5),
           'incidents', (SELECT count(*) FROM reported_incident WHERE workspace = $1 AND state = 'open'),
           'policies', (SELECT count(*) FROM policy WHERE workspace = $1),
           'windows', (SELECT count(*) FROM release_window WHERE workspace = $1),
           'unmeetable', (SELECT count(*) FROM release r WHERE ${undecided} AND jsonb_array_length(r.problems) > 0)) AS counts,
         (SELECT jsonb_build_object('n', count(*), 'p50', percentile_cont(0.5) WITHIN GROUP (ORDER BY w.minutes), 'p90', percentile_cont(0.9) WITHIN GROUP (ORDER BY w.minutes))
           FROM (SELECT extract(epoch FROM g.met_at - g.asked_at) / 60 AS minutes FROM release r JOIN gate g ON g.workspace = $1 AND g.release = r.number
             WHERE r.workspace = $1 AND r.approved_at >= $7 AND g.met_at IS NOT NULL) w) AS wait`,
      [workspace, from, to, addMinutes(now, -stuckHours * 60), now, person, addMinutes(now, -waitDays * 24 * 60)],
    ),
    listFreezes(db, workspace, { from: now, to: addMinutes(now, 14 * 24 * 60) }),
    listTrust(readerOf(db), workspace),
  ]);
  const found = rows[0] as NonNullable<(typeof rows)[0]>;
  const first = {
    today: found.today.slice(0, shownToday),
    passes: found.passes.slice(0, homeRows.needs),
    stuck: found.stuck.slice(0, homeRows.needs),
    blocked: found.blocked.slice(0, homeRows.needs),
  };
  const wanted = [...new Set([...Object.values(first).flat(), ...found.overrides.map((one) => one.release)])];
  const releases = await readReleases(db, workspace, numbered(wanted), { take: wanted.length });
  const of = (some: readonly number[]): ReleaseProps[] =>
    some.flatMap((number) => releases.find((one) => one.number === number) ?? []);
  // Whoever is asked for their word, and has not given it.
  const mine = (one: Proposal) => one.votes[person] === undefined;
  const proposals = trust.proposals.filter(mine);
  const { counts } = found;
  return {
    person,
    today: { first: of(first.today), total: found.today.length },
    passes: { first: of(first.passes), total: found.passes.length },
    stuck: { first: of(first.stuck), total: found.stuck.length },
    blocked: { first: of(first.blocked), total: found.blocked.length },
    overrides: { first: found.overrides, total: counts.overrides },
    incidents: {
      first: found.incidents.map((one) => ({ ...one, at: new Date(one.at) })),
      total: counts.incidents,
    },
    proposals: { first: proposals.slice(0, homeRows.needs), total: proposals.length },
    freezes,
    policies: counts.policies,
    windows: counts.windows,
    unmeetable: counts.unmeetable,
    wait: found.wait && found.wait.n > 0 ? found.wait : undefined,
  };
}

/** What waits for whom, the longest queue first, and how many wait in line for a taken time. */
export async function loadQueues(
  db: Db,
  workspace: string,
): Promise<{ readonly queues: readonly QueueProps[]; readonly inLine: number }> {
  const [{ rows: queues }, inLine] = await Promise.all([
    db.background.query<QueueProps>(
      `SELECT g.name AS gate, count(*)::int AS n, min(g.asked_at) AS since
       FROM release r JOIN gate g ON g.workspace = $1 AND g.release = r.number AND g.met_at IS NULL
       WHERE r.workspace = $1 AND r.state = 'requested' GROUP BY g.name ORDER BY n DESC, since LIMIT 200`,
      [workspace],
    ),
    db.prisma.line.count({ where: { workspace, state: { in: ['waiting', 'offered'] } } }),
  ]);
  return { queues, inLine };
}

/** A home is kept up to date for so long after its person last looked at it. */
const keptHours = 12;
/** What happens within this time is shown together. */
const mergeSeconds = 3;

/** Somebody opened App Home, or wants it anew: it is published whatever it showed before. */
export async function openHome(db: Db, workspace: string, key: string, at: Date): Promise<void> {
  await db.background.query(
    `WITH opened AS (
       INSERT INTO surface (workspace, key, looked_at, looked_to)
       SELECT $1, $2, clock_timestamp(), coalesce(max(position), 0) FROM seal WHERE workspace = $1
       ON CONFLICT (workspace, key) DO UPDATE SET looked_at = excluded.looked_at, looked_to = excluded.looked_to, hash = NULL)
     INSERT INTO outbox (workspace, surface, at) VALUES ($1, $2, $3)`,
    [workspace, key, at],
  );
}

/**
 * Homes that somebody looked at of late and that something has happened to since are to be written anew: anything at all
 * for those who hold a role, else what is about a release of theirs or one that waits for them. In a busy house the former
 * is always, so it is asked more seldom. The sweep takes them from there. Any number of replicas may call it. Gives how
 * many.
 */
export async function freshenHomes(db: Db, now: Date, whose: 'with a role' | 'others'): Promise<number> {
  // By seals, which are in the order of commits: an event that was slow to commit is not passed over.
  const { rowCount } = await db.background.query(
    `WITH homes AS (
       SELECT s.workspace, s.key, substr(s.key, 6) AS person, s.looked_to, (SELECT max(position) FROM seal WHERE workspace = s.workspace) AS top
       FROM surface s WHERE s.looked_at > clock_timestamp() - interval '${keptHours} hours' AND starts_with(s.key, 'home:')
         AND (s.written_at IS NULL OR s.written_at < clock_timestamp() - interval '${mergeSeconds} seconds')
         AND $2 = EXISTS (SELECT 1 FROM person_role p WHERE p.workspace = s.workspace AND p.person = substr(s.key, 6))),
     moved AS (
       UPDATE surface s SET looked_to = h.top FROM homes h
       WHERE s.workspace = h.workspace AND s.key = h.key AND s.looked_to < h.top
       RETURNING h.*, ARRAY(SELECT h.person UNION ALL SELECT p.person FROM preference p
         WHERE p.workspace = h.workspace AND p.body -> 'delegate' ->> 'to' = h.person) AS seats)
     INSERT INTO outbox (workspace, surface, at)
     SELECT m.workspace, m.key, $1 FROM moved m WHERE
       $2 OR EXISTS (
         SELECT 1 FROM seal l JOIN event e ON e.seq = l.seq
         WHERE l.workspace = m.workspace AND l.position > m.looked_to AND (e.actor ->> 'id' = m.person OR EXISTS (
           SELECT 1 FROM release r WHERE r.workspace = m.workspace AND r.number = e.release AND (
             m.person IN (r.requester, r.lead, r.room_lead)
             OR EXISTS (SELECT 1 FROM gate g WHERE g.workspace = m.workspace AND g.release = r.number AND m.seats && (g.asked || g.escalated_to))
             -- Whoever was asked before and is not any more has to hear of that, too.
             OR EXISTS (SELECT 1 FROM surface a WHERE a.workspace = m.workspace AND starts_with(a.key, 'ask:REL-' || r.number || ':' || m.person))
             OR EXISTS (SELECT 1 FROM delegation d WHERE d.workspace = m.workspace AND d.release = r.number AND d.delegate = m.person)))))`,
    [now, whose === 'with a role'],
  );
  return rowCount ?? 0;
}
