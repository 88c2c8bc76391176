import type { DigestProps } from '../../blocks/digest.ts';
import type { Mrkdwn } from '../../blocks/kit.ts';
import {
  type DigestFacts,
  type DigestNews,
  type DigestPlan,
  digestChanges,
  digestMergeMinutes,
  isNews,
  usualContent,
} from '../domain/digest.ts';
import type { EventBody, StoredEvent } from '../domain/event.ts';
import {
  type DigestKind,
  DigestQuiet,
  DigestSection,
  follows,
  isEverything,
  isPersonTarget,
  lookBack,
  meets,
  QuietHours,
  quietUntil,
  Topic,
} from '../domain/follow.ts';
import { freezeTimes } from '../domain/freeze.ts';
import { Scope, type Traits } from '../domain/scope.ts';
import {
  type Subscriber,
  type Subscription,
  type SubscriptionFacts,
  topicOf,
  typesOf,
} from '../domain/subscription.ts';
import { addDays, addMinutes, instantAt, wallTime } from '../domain/time.ts';
import { freezesJson, type Json, knownJson, type Reader, readerOf, toFreezes } from './calendar.ts';
import type { Db } from './db.ts';
import { endStates, loadWorkspace, neededBy, numbered, readReleases } from './read.ts';
import type { Tx } from './tx.ts';

/*
 * What people follow: digests with what is in them, subscriptions with whom they tell.
 */
const servicesJson = `(SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'team', team, 'tags', tags, 'regions', regions)), '[]')
  FROM service WHERE workspace = $1)`;
const mutedJson = (target: string) =>
  `(SELECT jsonb_build_object('muted', muted, 'until', muted_until, 'quiet', quiet) FROM subscriber WHERE workspace = $1 AND target = ${target})`;

/** What a digest, or its schedule, is judged by. */
export async function loadDigest(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined },
  channel: string,
  kind: DigestKind,
): Promise<DigestFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('zone', w.zone, 'hasCatalog', w.catalog_hash IS NOT NULL, 'known', ${knownJson},
       'schedule', (SELECT to_jsonb(d) FROM digest d WHERE d.workspace = $1 AND d.channel = $2 AND d.kind = $3),
       'last', (SELECT max(date) FROM digest_run WHERE workspace = $1 AND channel = $2 AND kind = $3),
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $4)) AS facts
     FROM workspace w WHERE w.id = $1`,
    [by.workspace, channel, kind, by.actor ?? null],
  );
  if (!row) throw new Error(`workspace ${by.workspace} is not connected`);
  const { zone, hasCatalog, known, schedule, last, roles } = row.facts;
  return { zone, hasCatalog, known, roles, last: last ?? undefined, schedule: schedule ? toPlan(schedule) : undefined };
}

/** What the clock judges a digest by that is due: its schedule, and whether there is anything new to say. */
export async function loadDueDigest(
  tx: Tx,
  workspace: string,
  { channel, kind, due }: { readonly channel: string; readonly kind: DigestKind; readonly due: Date },
  now: Date,
): Promise<DigestFacts & DigestNews> {
  const facts = await loadDigest(tx, { workspace, actor: undefined }, channel, kind);
  const { schedule } = facts;
  if (!schedule) return { ...facts, items: [], before: [], mutedUntil: undefined };
  const date = wallTime(due, schedule.zone).date;
  const [picked, before, { mutedUntil }] = [
    await pick(tx, workspace, { channel, kind, ...schedule }, { date, zone: schedule.zone, now }),
    await itemsBefore(tx, workspace, { channel, kind, date }),
    await loadSubscriber(tx, workspace, channel),
  ];
  return { ...facts, items: itemsOf(picked), before, mutedUntil };
}

type DigestRow = {
  readonly at: string;
  readonly kind: DigestKind;
  readonly zone: string;
  readonly days: readonly number[];
  readonly scope: unknown;
  readonly sections: unknown;
  readonly quiet: unknown;
  readonly next_at: string | null;
};

function toPlan(row: DigestRow): DigestPlan & { readonly kind: DigestKind } {
  return {
    kind: row.kind,
    at: row.at,
    zone: row.zone,
    days: row.days,
    scope: Scope.parse(row.scope),
    sections: DigestSection.array().parse(row.sections),
    quiet: DigestQuiet.parse(row.quiet),
    nextAt: row.next_at === null ? undefined : new Date(row.next_at),
  };
}

/** The digests of one channel or person. */
export async function listDigests(
  db: Db,
  workspace: string,
  channel: string,
): Promise<(DigestPlan & { kind: DigestKind })[]> {
  const { rows } = await db.background.query<{ row: DigestRow }>(
    'SELECT to_jsonb(d) AS row FROM digest d WHERE workspace = $1 AND channel = $2 ORDER BY kind',
    [workspace, channel],
  );
  return rows.map(({ row }) => toPlan(row));
}

export async function findDigest(
  db: Db,
  workspace: string,
  channel: string,
  kind: DigestKind,
): Promise<DigestPlan | undefined> {
  return (await listDigests(db, workspace, channel)).find((one) => one.kind === kind);
}

/** Who asked for a digest, and when. */
export async function findDigestRow(
  db: Db,
  workspace: string,
  channel: string,
  kind: DigestKind,
): Promise<
  | { readonly kind: DigestKind; readonly by: string | null; readonly since: Date | null; readonly target: string }
  | undefined
> {
  const row = await db.prisma.digest.findUnique({ where: { workspace_channel_kind: { workspace, channel, kind } } });
  return row ? { kind, by: row.by, since: row.since, target: channel } : undefined;
}

async function itemsBefore(
  reader: Reader,
  workspace: string,
  { channel, kind, date }: { readonly channel: string; readonly kind: DigestKind; readonly date: string },
): Promise<string[]> {
  const [row] = await reader.query<{ items: string[] }>(
    `SELECT items FROM digest_run WHERE workspace = $1 AND channel = $2 AND kind = $3 AND date < $4 AND posted ORDER BY date DESC LIMIT 1`,
    [workspace, channel, kind, date],
  );
  return row?.items ?? [];
}

/** SQL: does release `r` fall into the scope in parameters $2–$5, or concern the person in $6 who names no scope? */
const inScope = `(cardinality($2::text[]) = 0 OR r.environment = ANY ($2))
  AND (cardinality($3::text[]) + cardinality($4::text[]) + cardinality($5::text[]) = 0 OR EXISTS (
    SELECT 1 FROM release_unit u LEFT JOIN service s ON s.workspace = $1 AND s.key = u.service
    WHERE u.workspace = $1 AND u.release = r.number AND (u.service = ANY ($3) OR s.team = ANY ($4) OR s.tags && $5)))
  AND ($6::text IS NULL OR r.requester = $6 OR r.lead = $6 OR $6 = ANY (r.followers) OR EXISTS (
    SELECT 1 FROM release_unit u JOIN service s ON s.workspace = $1 AND s.key = u.service JOIN team t ON t.workspace = $1 AND t.key = s.team
    WHERE u.workspace = $1 AND u.release = r.number AND $6 = ANY (t.members)))`;

function scopeParams(workspace: string, { scope, channel }: { scope: Scope; channel: string }): unknown[] {
  const person = isPersonTarget(channel) && isEverything(scope) ? channel : null;
  return [workspace, scope.environments, scope.services, scope.teams, scope.tags, person];
}

type Wanted = {
  readonly channel: string;
  readonly kind: DigestKind;
  readonly scope: Scope;
  readonly sections: readonly DigestSection[];
};
type Picked = {
  readonly waiting: readonly number[];
  readonly today: readonly number[];
  readonly next: readonly number[];
  /** Ended in the time that it looks back on. */
  readonly yesterday: readonly number[];
  readonly ended: Readonly<Record<string, number>>;
  readonly overdue: readonly number[];
  readonly freezes: DigestProps['freezes'];
  readonly errors: DigestProps['errors'];
};

/** More of one kind than this are counted, and looked up elsewhere. */
const nameAtMost = 100;
/** How many days ahead freezes are told. */
const aheadDays = { daily: 14, weekly: 30, monthly: 62 } as const;

/** Which releases, freezes and errors are in a digest of this date: one query, inside or outside of a transaction. */
async function pick(
  reader: Reader,
  workspace: string,
  wanted: Wanted,
  { date, zone, now }: { readonly date: string; readonly zone: string; readonly now: Date },
): Promise<Picked> {
  const at = (day: string) => instantAt(day, '00:00', zone);
  const back = lookBack(wanted.kind, date);
  const numbers = (where: string, order: string) =>
    `ARRAY(SELECT r.number FROM release r WHERE r.workspace = $1 AND ${where} AND ${inScope} ORDER BY ${order}, r.number)`;
  const ended = 'r.ended_at >= $7 AND r.ended_at < $8';
  const [row] = await reader.query<{
    today: number[];
    next: number[];
    ended: number[];
    counts: Readonly<Record<string, number>>;
    waiting: number[];
    overdue: number[];
    errors: Json;
    freezes: Json;
    services: Traits[];
  }>(
    `SELECT
       ${numbers(`r.starts_at >= $9 AND r.starts_at < $10 AND r.state NOT IN ('cancelled', 'rejected', 'expired')`, 'r.starts_at')} AS today,
       ${numbers(`r.starts_at >= $10 AND r.starts_at < $11 AND r.state NOT IN ('cancelled', 'rejected', 'expired')`, 'r.starts_at')} AS next,
       ${numbers(`${ended} AND r.state IN ('${endStates.join("', '")}')`, "r.state = 'done', r.ended_at")} AS ended,
       (SELECT coalesce(jsonb_object_agg(state, count), '{}') FROM (SELECT r.state, count(*)::int AS count FROM release r
         WHERE r.workspace = $1 AND ${ended} AND ${inScope} GROUP BY r.state) x) AS counts,
       ${numbers(`r.state = 'requested' AND r.starts_at >= $9`, 'r.starts_at')} AS waiting,
       ${numbers(`r.ended_at >= $12 AND r.state IN ('${endStates.join("', '")}') AND r.reviewed_at IS NULL AND r.review_due_at < $9`, 'r.review_due_at')} AS overdue,
       (SELECT coalesce(jsonb_agg(to_jsonb(k) ORDER BY k.at DESC), '[]') FROM known_error k WHERE k.workspace = $1 AND k.fixed_at IS NULL
          AND EXISTS (SELECT 1 FROM release r WHERE r.workspace = $1 AND r.number = k.release AND ${inScope})) AS errors,
       ${freezesJson} AS freezes, ${servicesJson} AS services`,
    [
      ...scopeParams(workspace, wanted),
      at(back.from),
      at(back.to),
      at(date),
      at(addDays(date, 1)),
      at(addDays(date, 4)),
      at(addDays(date, -30)),
    ],
  );
  const found = row as NonNullable<typeof row>;
  const range = { from: at(date), to: at(addDays(date, aheadDays[wanted.kind])) };
  const freezes = toFreezes(found.freezes)
    .filter((freeze) => meets(wanted.scope, freeze.scope, found.services))
    .flatMap((freeze) =>
      freezeTimes(freeze, range).map(({ startsAt, endsAt, date: on }) => ({
        key: `${freeze.key}:${on}`,
        name: freeze.name,
        level: freeze.level,
        scope: freeze.scope,
        startsAt,
        endsAt,
      })),
    )
    .sort((a, b) => a.startsAt.getTime() - b.startsAt.getTime());
  const errors = (found.errors as Json[]).map(({ key, title, services, workaround }) => ({
    key,
    title,
    services,
    workaround,
  }));
  const own = isPersonTarget(wanted.channel) ? await neededBy(reader, workspace, wanted.channel, now) : found.waiting;
  const has = (section: DigestSection) => wanted.sections.includes(section);
  const isDaily = wanted.kind === 'daily';
  return {
    waiting: isDaily && has('waiting') ? own : [],
    today: isDaily && has('today') ? found.today : [],
    next: isDaily && has('next') ? found.next : [],
    yesterday: has('yesterday') ? found.ended : [],
    ended: has('yesterday') ? found.counts : {},
    overdue: has('reviews') ? found.overdue : [],
    freezes: has('freezes') ? freezes.slice(0, nameAtMost) : [],
    errors: has('errors') ? errors.slice(0, nameAtMost) : [],
  };
}

function itemsOf(picked: Picked): string[] {
  const first = (numbers: readonly number[], what: string) =>
    numbers.slice(0, nameAtMost).map((number) => `${what}:${number}`);
  return [
    ...first(picked.today, 'today'),
    ...first(picked.yesterday, 'ended'),
    // Booked, approved and never started: nobody else tells of it.
    ...(picked.ended.expired ? [`ended:expired:${picked.ended.expired}`] : []),
    ...first(picked.waiting, 'waiting'),
    ...first(picked.next, 'next'),
    ...picked.freezes.map(({ key }) => `freeze:${key}`),
    ...first(picked.overdue, 'overdue'),
    ...picked.errors.map(({ key }) => `error:${key}`),
  ];
}

/**
 * The digest of a local date as it is now, and whether it says anything that the last one did not. Without a schedule:
 * what a channel would get that asks for nothing special.
 */
export async function loadDigestProps(
  db: Db,
  workspace: string,
  asked: {
    readonly channel: string;
    readonly kind: DigestKind;
    readonly date?: string;
    readonly now: Date;
    readonly plan: DigestPlan | undefined;
    /** One line from whoever counts. */
    readonly numbers?: Mrkdwn;
  },
): Promise<{ readonly props: DigestProps; readonly isNews: boolean }> {
  const { channel, kind, now } = asked;
  const plan = asked.plan ?? { ...usualContent, zone: (await loadWorkspace(db, workspace)).zone };
  const { zone, scope, sections } = plan;
  const date = asked.date ?? wallTime(now, zone).date;
  const picked = await pick(readerOf(db), workspace, { channel, kind, scope, sections }, { date, zone, now });
  const { waiting, today, next, yesterday, overdue } = picked;
  const named = [waiting, today, next, yesterday, overdue].flatMap((numbers) => numbers.slice(0, nameAtMost));
  const numbers = [...new Set(named)];
  const releases = await readReleases(db, workspace, numbered(numbers), { take: numbers.length });
  const byNumber = new Map(releases.map((release) => [release.number, release]));
  const of = (wanted: readonly number[]) => wanted.slice(0, nameAtMost).flatMap((number) => byNumber.get(number) ?? []);
  const items = itemsOf(picked);
  const before = await itemsBefore(readerOf(db), workspace, { channel, kind, date });
  return {
    props: {
      channel,
      kind,
      date,
      zone,
      scope,
      sections,
      back: lookBack(kind, date),
      waiting: of(waiting),
      today: of(today),
      next: of(next),
      yesterday: of(yesterday),
      ended: picked.ended,
      totals: {
        waiting: waiting.length,
        today: today.length,
        next: next.length,
        yesterday: yesterday.length,
        overdue: overdue.length,
      },
      overdue: of(overdue),
      freezes: picked.freezes,
      errors: picked.errors,
      numbers: sections.includes('numbers') ? asked.numbers : undefined,
    },
    isNews: isNews(items, before),
  };
}

/**
 * Digests of today that may say something old now, marked to be written anew: each is looked at once in ten minutes, and
 * only when something of the kinds that it tells has happened since. Any number of replicas may call it. Gives how many.
 */
export async function freshenDigests(db: Db, now: Date): Promise<number> {
  const since = addMinutes(now, -digestMergeMinutes);
  const { rows: due } = await db.background.query<{ workspace: string; key: string; looked_to: string | null }>(
    `SELECT s.workspace, s.key, s.looked_to FROM digest_run r
     JOIN surface s ON s.workspace = r.workspace AND s.key = 'digest:' || r.channel || ':' || r.date
     WHERE r.posted AND r.kind = 'daily' AND r.until > $1 AND r.at <= $2 AND s.ts IS NOT NULL AND (s.looked_at IS NULL OR s.looked_at <= $2)`,
    [now, since],
  );
  let marked = 0;
  for (const workspace of new Set(due.map((row) => row.workspace))) {
    const mine = due.filter((row) => row.workspace === workspace);
    const looked = mine.flatMap((row) => (row.looked_to === null ? [] : [BigInt(row.looked_to)]));
    const oldest = looked.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
    // By seals, which are in the order of commits: an event that was slow to commit is not passed over.
    const { rows } = await db.background.query<{ top: string; newest: string | null }>(
      `SELECT coalesce((SELECT max(position) FROM seal WHERE workspace = $1), 0) AS top,
         (SELECT max(s.position) FROM seal s JOIN event e ON e.seq = s.seq WHERE s.workspace = $1 AND s.position > $2 AND e.type = ANY ($3)) AS newest`,
      [workspace, oldest === undefined ? '9223372036854775806' : String(oldest), digestChanges],
    );
    const { top = '0', newest = null } = rows[0] ?? {};
    const stale = mine.filter(
      (row) => row.looked_to === null || (newest !== null && BigInt(row.looked_to) < BigInt(newest)),
    );
    const { rowCount } = await db.background.query(
      `WITH looked AS (
         UPDATE surface SET looked_at = $3, looked_to = $4
         WHERE workspace = $1 AND key = ANY ($2::text[]) AND (looked_at IS NULL OR looked_at <= $5) RETURNING key)
       INSERT INTO outbox (workspace, surface, at) SELECT $1, key, $3 FROM looked WHERE key = ANY ($6::text[])`,
      [workspace, mine.map((row) => row.key), now, top, since, stale.map((row) => row.key)],
    );
    marked += rowCount ?? 0;
  }
  return marked;
}

/** What a subscription of `target` is judged by. `wish`: how much it would have been is counted, too. */
export async function loadSubscriptions(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  target: string,
  wish?: { readonly scope: Scope; readonly topics: readonly Topic[] },
): Promise<SubscriptionFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('zone', w.zone, 'hasCatalog', w.catalog_hash IS NOT NULL, 'known', ${knownJson},
       'keys', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM subscription WHERE workspace = $1 AND target = $2),
       'subscriber', ${mutedJson('$2')},
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $3)) AS facts
     FROM workspace w WHERE w.id = $1`,
    [by.workspace, target, by.actor ?? null],
  );
  const { subscriber, ...facts } = row?.facts ?? {};
  const lately = wish ? await countLately(reader, by, target, wish) : 0;
  return { ...facts, subscriber: toSubscriber(subscriber), lately };
}

/** How many messages a subscription would have been in the last seven days: one per event that it tells of. */
async function countLately(
  reader: Reader,
  { workspace, now }: { readonly workspace: string; readonly now: Date },
  target: string,
  { scope, topics }: { readonly scope: Scope; readonly topics: readonly Topic[] },
): Promise<number> {
  const since = addMinutes(now, -7 * 24 * 60);
  const types = typesOf(topics);
  const [row] = await reader.query<{ count: number; freezes: Json[]; services: Traits[] }>(
    `SELECT (SELECT count(*)::int FROM event e JOIN release r ON r.workspace = $1 AND r.number = e.release
         WHERE e.workspace = $1 AND e.at > $7 AND e.type = ANY ($8) AND r.channel <> $9 AND r.room_channel IS DISTINCT FROM $9
           AND r.requester <> $9 AND e.actor ->> 'id' IS DISTINCT FROM $9 AND ${inScope}) AS count,
       ARRAY(SELECT f.body || jsonb_build_object('channel', f.channel) FROM event e
         JOIN release_freeze f ON f.workspace = $1 AND f.key = coalesce(e.body -> 'freeze' ->> 'key', e.body ->> 'freeze')
         WHERE e.workspace = $1 AND e.at > $7 AND e.type = ANY ($8) AND e.type LIKE 'freeze.%') AS freezes,
       ${servicesJson} AS services`,
    // Not narrowed to a person: whoever follows a scope in person follows all of it.
    [...scopeParams(workspace, { scope, channel: '' }), since, types, target],
  );
  const { count = 0, freezes = [], services = [] } = row ?? {};
  const told = freezes.filter((one) => one.channel !== target && meets(scope, Scope.parse(one.scope), services));
  return count + told.length;
}

export async function loadSubscriber(reader: Reader, workspace: string, target: string): Promise<Subscriber> {
  const [row] = await reader.query<{ found: Json }>(`SELECT ${mutedJson('$2')} AS found`, [workspace, target]);
  return toSubscriber(row?.found);
}

function toSubscriber(found: Json): Subscriber {
  if (!found) return { mutedUntil: undefined, quiet: null };
  const until = found.until === null ? null : new Date(found.until);
  return { mutedUntil: found.muted ? until : undefined, quiet: found.quiet ? QuietHours.parse(found.quiet) : null };
}

/** Is nothing wanted there now, and until when does it wait? */
export async function silenceOf(
  db: Db,
  workspace: string,
  target: string,
  now: Date,
): Promise<{ readonly muted: boolean; readonly quietUntil: Date | undefined }> {
  const { mutedUntil, quiet } = await loadSubscriber(readerOf(db), workspace, target);
  return { muted: isMuted(mutedUntil, now), quietUntil: quietUntil(quiet, now) };
}

export function isMuted(until: Subscriber['mutedUntil'], now: Date): boolean {
  return until === null || (until !== undefined && until > now);
}

export async function listSubscriptions(
  db: Db,
  workspace: string,
  target: string,
): Promise<{ readonly subscriptions: Subscription[]; readonly subscriber: Subscriber }> {
  const [rows, subscriber] = await Promise.all([
    db.prisma.subscription.findMany({ where: { workspace, target }, orderBy: { key: 'asc' } }),
    loadSubscriber(readerOf(db), workspace, target),
  ]);
  return { subscriptions: rows.map(toSubscription), subscriber };
}

function toSubscription(
  row: Omit<Subscription, 'scope' | 'topics'> & { scope: unknown; topics: unknown },
): Subscription {
  const { target, key, by, since } = row;
  return { target, key, by, since, scope: Scope.parse(row.scope), topics: Topic.array().parse(row.topics) };
}

/** Channels and people who follow what happened, each with the subscriptions that say so. */
export async function followersOf(
  db: Db,
  workspace: string,
  event: StoredEvent,
): Promise<{ readonly target: string; readonly keys: string[] }[]> {
  const topic = topicOf(event.body);
  if (!topic) return [];
  const rows = await db.prisma.subscription.findMany({
    where: { workspace, topics: { has: topic } },
    orderBy: [{ target: 'asc' }, { key: 'asc' }],
  });
  if (rows.length === 0) return [];
  const isTold = await judgeOf(db, workspace, event);
  const told = rows.map(toSubscription).filter(isTold);
  return [...new Set(told.map(({ target }) => target))].map((target) => ({
    target,
    keys: told.filter((one) => one.target === target).map(({ key }) => key),
  }));
}

/** Is an event for this subscription: in its scope, not shown there anyway, and not told to whoever did it? */
async function judgeOf(
  db: Db,
  workspace: string,
  event: StoredEvent,
): Promise<(subscription: Subscription) => boolean> {
  const reader = readerOf(db);
  const { body } = event;
  const actor = event.actor.kind === 'person' ? event.actor.id : undefined;
  if ('freeze' in body) {
    const key = typeof body.freeze === 'string' ? body.freeze : body.freeze.key;
    const [row] = await reader.query<{ scope: unknown; channel: string | null; services: Traits[] }>(
      `SELECT body -> 'scope' AS scope, channel, ${servicesJson} AS services FROM release_freeze WHERE workspace = $1 AND key = $2`,
      [workspace, key],
    );
    if (!row) return () => false;
    const frozen = Scope.parse(row.scope);
    return ({ target, scope }) => target !== row.channel && target !== actor && meets(scope, frozen, row.services);
  }
  if (!('release' in body)) return () => false;
  if (body.type === 'release.changed' && !(await hasOtherRisk(reader, workspace, event.id, body))) return () => false;
  const isAbout = await judgeOfRelease(reader, workspace, body.release);
  return (one) => one.target !== actor && isAbout(one);
}

/** Is a release in a subscription's scope, and not shown there anyway? */
async function judgeOfRelease(
  reader: Reader,
  workspace: string,
  release: number,
): Promise<(subscription: Pick<Subscription, 'target' | 'scope'>) => boolean> {
  const [row] = await reader.query<{
    channel: string;
    room_channel: string | null;
    requester: string;
    environment: string;
    services: Traits[];
  }>(
    `SELECT r.channel, r.room_channel, r.requester, r.environment,
       (SELECT jsonb_agg(jsonb_build_object('key', u.service, 'team', s.team, 'tags', coalesce(s.tags, '{}'), 'regions', '{}'::text[]))
        FROM release_unit u LEFT JOIN service s ON s.workspace = $1 AND s.key = u.service WHERE u.workspace = $1 AND u.release = r.number) AS services
     FROM release r WHERE r.workspace = $1 AND r.number = $2`,
    [workspace, release],
  );
  if (!row) return () => false;
  const there = [row.channel, row.room_channel, row.requester];
  return ({ target, scope }) =>
    !there.includes(target) && row.services.some((service) => follows(scope, row.environment, service));
}

/** The subscriptions of a channel or person that a release falls into. */
export async function keysFollowing(db: Db, workspace: string, release: number, target: string): Promise<string[]> {
  const { subscriptions } = await listSubscriptions(db, workspace, target);
  const isAbout = await judgeOfRelease(readerOf(db), workspace, release);
  return subscriptions.filter(isAbout).map(({ key }) => key);
}

/** Has its risk moved by a band or more since it was last reckoned? */
async function hasOtherRisk(
  reader: Reader,
  workspace: string,
  event: string,
  body: Extract<EventBody, { type: 'release.changed' }>,
): Promise<boolean> {
  const [row] = await reader.query<{ band: string | null }>(
    `SELECT e.body -> 'risk' ->> 'band' AS band FROM event e
     WHERE e.workspace = $1 AND e.release = $2 AND e.body -> 'risk' ->> 'band' IS NOT NULL AND e.seq < (SELECT seq FROM event WHERE id = $3)
     ORDER BY e.seq DESC LIMIT 1`,
    [workspace, body.release, event],
  );
  return body.risk !== null && row !== undefined && row.band !== body.risk.band;
}

/** Messages of a release that its followers have: they show its state. */
export async function followedOf(db: Db, workspace: string, release: number): Promise<string[]> {
  const rows = await db.prisma.notification.findMany({
    where: { workspace, release, audience: 'follower', state: 'sent', surface: { startsWith: 'followed:' } },
    select: { surface: true },
  });
  return rows.map((row) => row.surface);
}

/** How many replies of a release were shown to a whole channel. */
export async function broadcastsOf(db: Db, workspace: string, release: number, channel: string): Promise<number> {
  return db.prisma.notification.count({
    where: { workspace, release, channel, audience: 'follower', state: 'sent', why: { startsWith: 'broadcast' } },
  });
}

/** The surface that a message belongs to. */
export async function surfaceAt(db: Db, workspace: string, channel: string, ts: string): Promise<string | undefined> {
  const row = await db.prisma.surface.findFirst({ where: { workspace, channel, ts }, select: { key: true } });
  return row?.key;
}

/** What was sent about the same thing to the same place as this message: oldest first. */
export async function sentWith(
  db: Db,
  workspace: string,
  surface: string,
): Promise<{ readonly why: string; readonly at: Date; readonly state: string }[]> {
  const own = await db.prisma.notification.findUnique({ where: { workspace_surface: { workspace, surface } } });
  if (!own) return [];
  if (own.release === null) return [own];
  const { release, channel, person, audience } = own;
  const where = { workspace, release, channel, person, audience };
  return db.prisma.notification.findMany({ where, orderBy: { at: 'asc' }, take: 20 });
}

/** The newest of what was sent to a channel or person, with what was kept back. */
export async function sentTo(
  db: Db,
  workspace: string,
  target: string,
): Promise<{ readonly surface: string; readonly why: string; readonly at: Date; readonly state: string }[]> {
  const whom = isPersonTarget(target) ? { person: target } : { channel: target };
  return db.prisma.notification.findMany({ where: { workspace, ...whom }, orderBy: { at: 'desc' }, take: 15 });
}

/** Is a message of this surface sent, waiting, or kept back? */
export async function pushState(
  db: Db,
  workspace: string,
  surface: string,
): Promise<{ readonly state: string; readonly at: Date } | undefined> {
  const row = await db.prisma.notification.findUnique({ where: { workspace_surface: { workspace, surface } } });
  return row ?? undefined;
}
