import type pg from 'pg';
import type { BookedFacts, BookingFacts } from '../domain/booking.ts';
import type { Booked } from '../domain/calendar.ts';
import { Freeze, Train, Window, WindowChange } from '../domain/calendar.ts';
import { regionsOf } from '../domain/catalog.ts';
import type { CalendarFacts } from '../domain/conflict.ts';
import type { FreezeFacts, PlannedFreeze } from '../domain/freeze.ts';
import { Policy } from '../domain/policy.ts';
import { Recurrence } from '../domain/recurrence.ts';
import { RequestInput } from '../domain/request.ts';
import type { Series } from '../domain/series.ts';
import { type Departure, nextDeparture, type Passenger, type TrainFacts } from '../domain/train.ts';
import type { Waiting } from '../domain/waiting-line.ts';
import type { PlannedWindow, WindowFacts } from '../domain/window.ts';
import { type Db, prepared } from './db.ts';

/** Anything that answers a query: a transaction, or the pool for answers that change nothing. */
export type Reader = {
  readonly query: <Row extends pg.QueryResultRow>(sql: string, params: readonly unknown[]) => Promise<Row[]>;
};

/** Reads outside the command path. */
export function readerOf(db: Db): Reader {
  return { query: async (sql, params) => (await db.background.query(prepared(sql, params))).rows };
}

// biome-ignore lint/suspicious/noExplicitAny: jsonb built by our own queries, narrowed right where it is read
export type Json = any;

/** SQL expressions (parameters or columns) that say which part of the calendar is wanted. */
type Around = {
  readonly environment: string;
  readonly services: string;
  readonly from: string;
  readonly to: string;
  readonly lead: string;
  readonly needs: string;
};

/** Everything around the wanted services in one environment and range, as one JSON value. `$1` is the workspace. */
export function calendarJson({ environment, services, from, to, lead, needs }: Around): string {
  const open = `('requested', 'approved', 'deploying', 'paused', 'verifying')`;
  const range = `tstzrange(${from}::timestamptz, ${to}::timestamptz)`;
  const label = (release: string) =>
    `(SELECT string_agg(u.service || ' ' || u.version, ' + ' ORDER BY u.position) FROM release_unit u WHERE u.workspace = $1 AND u.release = ${release})`;
  const ride = (release: string) =>
    `(SELECT t.train || ':' || t.departure FROM release t WHERE t.workspace = $1 AND t.number = ${release})`;
  return `(SELECT jsonb_build_object(
    'zone', cw.zone, 'hasCatalog', cw.catalog_hash IS NOT NULL, 'regions', cw.catalog -> 'regions',
    'windows', ${windowsJson},
    'freezes', ${freezesJson},
    'held', (
      SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('holder', r.holder, 'service', r.service, 'label', r.label,
        'startsAt', r.starts_at, 'endsAt', r.ends_at)), '[]')
      FROM unnest(CASE WHEN coalesce((SELECT exclusive FROM environment WHERE workspace = $1 AND key = ${environment}), false)
        THEN ARRAY[NULL::text] ELSE ${services}::text[] END) AS wanted(service)
      JOIN reservation r ON r.workspace = $1 AND r.environment = ${environment} AND r.held
        AND lane(r.service, r.service, '[]') && lane(wanted.service, wanted.service, '[]')
        AND tstzrange(r.starts_at, r.ends_at) && ${range}),
    'seats', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('window', window_key, 'date', date, 'seat', seat, 'holder', holder)), '[]')
      FROM seat WHERE workspace = $1 AND held AND ends_at > ${from}::timestamptz - interval '2 days' AND starts_at < ${to}::timestamptz + interval '2 days'),
    'around', (
      SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('release', r.release, 'service', d.service, 'direction', d.direction, 'ride', ${ride('r.release')},
        'label', r.label, 'startsAt', r.starts_at, 'endsAt', r.ends_at)), '[]')
      FROM (
        SELECT unnest(depends_on) AS service, 'upstream' AS direction FROM service WHERE workspace = $1 AND key = ANY (${services}::text[])
        UNION SELECT key, 'downstream' FROM service WHERE workspace = $1 AND depends_on && ${services}::text[]
      ) d
      JOIN reservation r ON r.workspace = $1 AND r.environment = ${environment} AND r.held AND r.release IS NOT NULL
        AND lane(r.service, r.service, '[]') && lane(d.service, d.service, '[]') AND r.service = d.service
        AND tstzrange(r.starts_at, r.ends_at) && ${range}),
    'leading', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('release', l.number, 'ride', l.train || ':' || l.departure, 'label', ${label('l.number')}, 'startsAt', l.starts_at, 'endsAt', l.ends_at)), '[]')
      FROM release l WHERE l.workspace = $1 AND l.lead = ${lead} AND l.state IN ${open}
        AND l.starts_at < ${to}::timestamptz AND l.starts_at > ${from}::timestamptz - interval '1 day' AND l.ends_at > ${from}::timestamptz),
    'needs', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('release', n.number, 'label', ${label('n.number')}, 'state', n.state,
        'startsAt', n.starts_at, 'endsAt', n.ends_at)), '[]')
      FROM release n WHERE n.workspace = $1 AND n.number = ANY (${needs}::integer[]))
  ) FROM workspace cw WHERE cw.id = $1)`;
}

export const windowsJson = `(SELECT coalesce(jsonb_agg(x.body || jsonb_build_object('source', x.source, 'changes',
    (SELECT coalesce(jsonb_agg(c.body), '[]') FROM window_change c WHERE c.workspace = $1 AND c.window_key = x.key)) ORDER BY x.key), '[]')
  FROM release_window x WHERE x.workspace = $1)`;
/** Everything that a scope may name. */
export const knownJson = `jsonb_build_object(
    'environments', (SELECT coalesce(jsonb_agg(key), '[]') FROM environment WHERE workspace = $1),
    'services', (SELECT coalesce(jsonb_agg(key), '[]') FROM service WHERE workspace = $1),
    'tags', (SELECT coalesce(jsonb_agg(DISTINCT tag), '[]') FROM service, unnest(tags) AS tag WHERE workspace = $1),
    'teams', (SELECT coalesce(jsonb_agg(key), '[]') FROM team WHERE workspace = $1))`;
export const freezesJson = `(SELECT coalesce(jsonb_agg(x.body || jsonb_build_object('source', x.source, 'skips', x.skips, 'lifted', x.lifted) ORDER BY x.key), '[]')
  FROM release_freeze x WHERE x.workspace = $1 AND NOT x.lifted)`;

/** Seats that are held and not over at `now` (a parameter). */
export function seatsJson(now: string): string {
  return `(SELECT coalesce(jsonb_agg(jsonb_build_object('window', window_key, 'date', date, 'seat', seat, 'holder', holder)), '[]')
    FROM seat WHERE workspace = $1 AND held AND ends_at > ${now}::timestamptz)`;
}

/** Every booked release that is not over at `now` (a parameter), with what freezes ask about it. */
export function bookedJson(now: string, only = 'true'): string {
  return `(SELECT coalesce(jsonb_agg(jsonb_build_object('release', b.number, 'owner', b.requester, 'lead', b.lead, 'environment', b.environment,
      'changeType', b.change_type, 'aboard', b.train IS NOT NULL, 'startsAt', b.starts_at, 'endsAt', b.ends_at, 'services',
      (SELECT jsonb_agg(jsonb_build_object('key', u.service, 'team', s.team, 'tags', coalesce(s.tags, '{}'), 'regions', '{}'::text[]))
       FROM release_unit u LEFT JOIN service s ON s.workspace = $1 AND s.key = u.service WHERE u.workspace = $1 AND u.release = b.number))), '[]')
    FROM release b WHERE b.workspace = $1 AND b.state IN ('requested', 'approved') AND b.starts_at > ${now}::timestamptz - interval '1 day'
      AND b.ends_at > ${now}::timestamptz AND ${only})`;
}

export function toCalendar(found: Json): CalendarFacts {
  return {
    zone: found.zone,
    hasCatalog: found.hasCatalog,
    windows: toWindows(found.windows),
    freezes: toFreezes(found.freezes),
    held: found.held.map(dated),
    seats: found.seats,
    around: found.around.map(dated),
    leading: found.leading.map(dated),
    needs: found.needs.map(dated),
    regions: regionsOf({ regions: found.regions ?? {} }),
  };
}

export function toBooked(found: Json): Booked[] {
  return (found ?? []).map((one: Json) => ({ ...dated(one), services: one.services ?? [] }));
}

/** A train and its next departure that still boards; `wanted` "" is the only train there is. */
export async function loadBoarding(
  reader: Reader,
  workspace: string,
  wanted: string,
  now: Date,
): Promise<{ train: Train | undefined; departure: Departure | undefined; known: string[] }> {
  const trains = (
    await reader.query<{ body: unknown }>('SELECT body FROM train WHERE workspace = $1 ORDER BY key', [workspace])
  ).map(({ body }) => Train.parse(body));
  const train = wanted === '' && trains.length === 1 ? trains[0] : trains.find((one) => one.key === wanted);
  return { train, departure: train && nextDeparture(train, now), known: trains.map((one) => one.key) };
}

/** The passengers of a departure that still hold their seat, and which service depends on which. */
export async function loadPassengers(
  reader: Reader,
  workspace: string,
  train: string,
  date: string,
): Promise<{ passengers: Passenger[]; dependencies: Record<string, string[]> }> {
  const [row] = await reader.query<{ passengers: Passenger[]; dependencies: Record<string, string[]> | null }>(
    `SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('release', r.number, 'state', r.state, 'requester', r.requester,
         'dependsOn', r.depends_on, 'services', (SELECT jsonb_agg(service ORDER BY position) FROM release_unit WHERE workspace = $1 AND release = r.number))
         ORDER BY r.number), '[]')
       FROM release r WHERE r.workspace = $1 AND r.train = $2 AND r.departure = $3 AND r.state NOT IN ('cancelled', 'rejected', 'expired')
         AND (r.state IN ('done', 'rolled_back', 'failed') OR EXISTS (SELECT 1 FROM reservation v WHERE v.workspace = $1 AND v.release = r.number AND v.held))) AS passengers,
       (SELECT jsonb_object_agg(key, depends_on) FROM service WHERE workspace = $1) AS dependencies`,
    [workspace, train, date],
  );
  return { passengers: row?.passengers ?? [], dependencies: row?.dependencies ?? {} };
}

/** What ends the boarding of the departure whose cut-off was due. */
export async function loadTrain(reader: Reader, workspace: string, key: string, due: Date): Promise<TrainFacts> {
  const [row] = await reader.query<{ body: unknown }>('SELECT body FROM train WHERE workspace = $1 AND key = $2', [
    workspace,
    key,
  ]);
  const train = row ? Train.parse(row.body) : undefined;
  const next = train && nextDeparture(train, new Date(due.getTime() - 1));
  const departure = next && next.cutoffAt.getTime() === due.getTime() ? next : undefined;
  if (!train || !departure) return { train, departure: undefined, passengers: [], dependencies: {}, closed: false };
  const [aboard, closed] = [
    await loadPassengers(reader, workspace, key, departure.date),
    await reader.query('SELECT 1 FROM departure WHERE workspace = $1 AND train = $2 AND date = $3', [
      workspace,
      key,
      departure.date,
    ]),
  ];
  return { train, departure, ...aboard, closed: closed.length > 0 };
}

/** The windows there are, and what stands in for them where there is no catalogue; nothing of who is in them. */
export async function readWindows(
  reader: Reader,
  workspace: string,
): Promise<Pick<WindowFacts, 'zone' | 'hasCatalog' | 'windows'>> {
  const [row] = await reader.query<{ zone: string; hasCatalog: boolean; windows: Json }>(
    `SELECT zone, catalog_hash IS NOT NULL AS "hasCatalog", ${windowsJson} AS windows FROM workspace WHERE id = $1`,
    [workspace],
  );
  if (!row) throw new Error(`workspace ${workspace} is not connected`);
  return { ...row, windows: toWindows(row.windows) };
}

/** Seats that are held and not over. */
export async function readSeats(reader: Reader, workspace: string, now: Date): Promise<WindowFacts['seats']> {
  const [row] = await reader.query<{ seats: WindowFacts['seats'] }>(`SELECT ${seatsJson('$2')} AS seats`, [
    workspace,
    now,
  ]);
  return row?.seats ?? [];
}

export async function loadWindows(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
): Promise<WindowFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('hasCatalog', w.catalog_hash IS NOT NULL, 'zone', w.zone,
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $2),
       'known', ${knownJson}, 'windows', ${windowsJson}, 'seats', ${seatsJson('$3')}, 'booked', ${bookedJson('$3')}) AS facts
     FROM workspace w WHERE w.id = $1`,
    [by.workspace, by.actor ?? null, by.now],
  );
  const facts = row?.facts;
  return { ...facts, windows: toWindows(facts.windows), booked: toBooked(facts.booked) };
}

/** What stands for freezes. `about` narrows the bookings to those that the freeze can mean. */
export async function loadFreezes(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  about: { readonly freeze?: Freeze; readonly key?: string } = {},
): Promise<FreezeFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('hasCatalog', w.catalog_hash IS NOT NULL,
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $2),
       'teams', (SELECT coalesce(jsonb_agg(key), '[]') FROM team WHERE workspace = $1 AND $2 = ANY (members)),
       'owners', (SELECT coalesce(jsonb_object_agg(key, team), '{}') FROM service WHERE workspace = $1),
       'keys', (SELECT coalesce(jsonb_agg(key), '[]') FROM release_freeze WHERE workspace = $1),
       'authors', (SELECT coalesce(jsonb_object_agg(key, author), '{}') FROM release_freeze WHERE workspace = $1 AND NOT lifted),
       'known', ${knownJson}, 'freezes', ${freezesJson}) AS facts
     FROM workspace w WHERE w.id = $1`,
    [by.workspace, by.actor ?? null],
  );
  const facts = row?.facts;
  const freezes = toFreezes(facts.freezes);
  const meant = about.freeze ?? freezes.find((one) => one.key === about.key);
  // Only what the freeze can mean: a calendar may hold a hundred thousand bookings.
  const booked = meant
    ? await reader.query<{ booked: Json }>(
        `SELECT ${bookedJson(
          '$2',
          `(cardinality($3::text[]) = 0 OR b.environment = ANY ($3)) AND (cardinality($4::text[]) = 0 OR EXISTS (
           SELECT 1 FROM release_unit f WHERE f.workspace = $1 AND f.release = b.number AND f.service = ANY ($4)))`,
        )} AS booked`,
        [by.workspace, by.now, meant.scope.environments, meant.scope.services],
      )
    : [];
  return { ...facts, freezes, booked: toBooked(booked[0]?.booked) };
}

export async function loadReserve(
  reader: Reader,
  { workspace, actor }: { readonly workspace: string; readonly actor: string | undefined },
  wanted: { environment: string; startsAt: Date; endsAt: Date },
): Promise<BookingFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('hasCatalog', w.catalog_hash IS NOT NULL,
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $5),
       'policies', (SELECT coalesce(jsonb_agg(body ORDER BY position), '[]') FROM policy WHERE workspace = $1),
       'environments', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM environment WHERE workspace = $1),
       'services', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM service WHERE workspace = $1),
       'held', (SELECT coalesce(jsonb_agg(jsonb_build_object('holder', holder, 'service', service, 'label', label, 'startsAt', starts_at,
           'endsAt', ends_at) ORDER BY starts_at), '[]')
         FROM reservation WHERE workspace = $1 AND environment = $2 AND held AND lane(service, service, '[]') && lane(NULL, NULL)
           AND tstzrange(starts_at, ends_at) && tstzrange($3, $4))) AS facts
     FROM workspace w WHERE w.id = $1`,
    [workspace, wanted.environment, wanted.startsAt, wanted.endsAt, actor ?? null],
  );
  const facts = row?.facts;
  return { ...facts, held: facts.held.map(dated), policies: facts.policies.map((one: unknown) => Policy.parse(one)) };
}

export async function loadBooking(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined },
  number: number,
): Promise<BookedFacts> {
  const [row] = await reader.query<{ booking: Json; roles: string[] }>(
    `SELECT (SELECT jsonb_build_object('person', person, 'state', state, 'endsAt', ends_at) FROM booking WHERE workspace = $1 AND number = $2) AS booking,
       ARRAY(SELECT role FROM person_role WHERE workspace = $1 AND person = $3) AS roles`,
    [by.workspace, number, by.actor ?? null],
  );
  const booking = row?.booking;
  return { booking: booking ? { ...booking, endsAt: new Date(booking.endsAt) } : undefined, roles: row?.roles ?? [] };
}

type LineRow = {
  id: string;
  person: string;
  state: Waiting['state'];
  request: unknown;
  starts_at: Date;
  ends_at: Date;
};

const toWaiting = (row: LineRow): Waiting => ({
  id: row.id,
  person: row.person,
  state: row.state,
  request: RequestInput.parse(row.request),
  startsAt: row.starts_at,
  endsAt: row.ends_at,
});

/** Those who wait, first come first. */
export async function waitingLine(reader: Reader, workspace: string, most: number): Promise<Waiting[]> {
  const rows = await reader.query<LineRow>(
    `SELECT * FROM line WHERE workspace = $1 AND state = 'waiting' ORDER BY joined_at, id LIMIT $2`,
    [workspace, most],
  );
  return rows.map(toWaiting);
}

/** What one person waits for or was offered. */
export async function lineOf(reader: Reader, workspace: string, person: string): Promise<Waiting[]> {
  const rows = await reader.query<LineRow>(
    `SELECT * FROM line WHERE workspace = $1 AND person = $2 AND state IN ('waiting', 'offered') ORDER BY starts_at`,
    [workspace, person],
  );
  return rows.map(toWaiting);
}

export async function findWaiting(reader: Reader, workspace: string, id: string): Promise<Waiting | undefined> {
  const [row] = await reader.query<LineRow>('SELECT * FROM line WHERE workspace = $1 AND id = $2', [workspace, id]);
  return row && toWaiting(row);
}

export type SwapRow = {
  readonly id: string;
  readonly release: number;
  readonly other: number;
  readonly proposer: string;
  readonly state: string;
  readonly revision: number;
  readonly otherRevision: number;
};

export async function findSwap(reader: Reader, workspace: string, id: string): Promise<SwapRow | undefined> {
  const [row] = await reader.query<SwapRow>(
    'SELECT id, release, other, proposer, state, revision, other_revision AS "otherRevision" FROM swap WHERE workspace = $1 AND id = $2',
    [workspace, id],
  );
  return row;
}

export async function findSeries(reader: Reader, workspace: string, id: string): Promise<Series | undefined> {
  const [row] = await reader.query<Json>('SELECT * FROM series WHERE workspace = $1 AND id = $2', [workspace, id]);
  if (!row) return undefined;
  const { owner, zone, last_date, active } = row;
  return {
    id,
    owner,
    zone,
    recurrence: Recurrence.parse(row.recurrence),
    request: RequestInput.parse(row.request),
    lastDate: last_date,
    active,
  };
}

/** The running series that a release was made the first of, and what the series needs besides. */
export async function seriesOf(
  reader: Reader,
  workspace: string,
  release: number,
): Promise<{ zone: string; rollbackPlan: string; series: string | undefined }> {
  const [row] = await reader.query<{ zone: string; rollback_plan: string; series: string | null }>(
    `SELECT w.zone, r.rollback_plan, (SELECT id FROM series WHERE workspace = $1 AND (source = $2 OR id = r.series) AND active LIMIT 1) AS series
     FROM workspace w JOIN release r ON r.workspace = w.id AND r.number = $2 WHERE w.id = $1`,
    [workspace, release],
  );
  return { zone: row?.zone ?? 'UTC', rollbackPlan: row?.rollback_plan ?? '', series: row?.series ?? undefined };
}

export async function loadFeeds(
  reader: Reader,
  workspace: string,
  owner: string,
): Promise<{ teams: string[]; services: string[]; mine: { id: string; kind: string; name: string }[] }> {
  const [row] = await reader.query<{
    teams: string[];
    services: string[];
    mine: { id: string; kind: string; name: string }[];
  }>(
    `SELECT ARRAY(SELECT key FROM team WHERE workspace = $1 ORDER BY key) AS teams,
       ARRAY(SELECT key FROM service WHERE workspace = $1 ORDER BY key) AS services,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'kind', kind, 'name', name)), '[]') FROM feed
        WHERE workspace = $1 AND owner = $2 AND open) AS mine`,
    [workspace, owner],
  );
  return row ?? { teams: [], services: [], mine: [] };
}

export function toWindows(found: Json): PlannedWindow[] {
  return found.map(({ source, changes, ...body }: Json) => ({
    ...Window.parse(body),
    source,
    changes: changes.map((change: unknown) => WindowChange.parse(change)),
  }));
}

export function toFreezes(found: Json): PlannedFreeze[] {
  return found.map(({ source, skips, lifted, ...body }: Json) => ({ ...Freeze.parse(body), source, skips, lifted }));
}

function dated(one: Json) {
  return { ...one, startsAt: new Date(one.startsAt), endsAt: new Date(one.endsAt) };
}
