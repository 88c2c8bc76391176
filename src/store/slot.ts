import { Train } from '../domain/calendar.ts';
import type { EventBody } from '../domain/event.ts';
import { tally } from '../domain/gate.ts';
import { gate } from '../domain/gating.ts';
import type { SlotFacts } from '../domain/move.ts';
import type { ExceptionFacts } from '../domain/pass.ts';
import type { ServiceOf } from '../domain/release.ts';
import { minutesBetween } from '../domain/time.ts';
import type { UndoFacts } from '../domain/undo.ts';
import { calendarJson, type Json, loadBooking, type Reader, toCalendar } from './calendar.ts';
import { findRelease } from './facts.ts';
import { exceptionsJson, historyJson, servicesJson, toExceptions, unknownService } from './policy.ts';
import { loadUnbooked } from './unbooked.ts';

/**
 * A release with the calendar around its own time, or from `from` to `to`, which is `minutes` later (its own length) when only a start is given. Undefined when there is none. `needs` are releases
 * that it may come to depend on; the ones it has are always there.
 */
export async function findSlot(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  number: number,
  asked: {
    readonly from?: Date | undefined;
    readonly to?: Date | undefined;
    readonly minutes?: number | null;
    readonly needs?: readonly number[];
    /** The services that it may come to have. */
    readonly services?: readonly string[];
  } = {},
): Promise<(SlotFacts & { hasCatalog: boolean; serviceKeys: string[]; exceptions: ExceptionFacts }) | undefined> {
  const { workspace, actor, now } = by;
  const release = await findRelease(reader, by, number);
  if (!release) return undefined;
  const { startsAt, endsAt, lead, environment, units } = release.release;
  const from = asked.from ?? startsAt;
  const length = (asked.minutes ?? minutesBetween(startsAt, endsAt)) * 60_000;
  const to = asked.to ?? new Date(from.getTime() + length);
  const services = asked.services ?? units.map((unit) => unit.service);
  const needs = [...new Set([...release.release.dependsOn, ...(asked.needs ?? [])])];
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'services', ${servicesJson('$3')}, 'exceptions', ${exceptionsJson('$3', '$10')},
       'history', ${historyJson('$3', '$10')},
       'serviceKeys', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM service WHERE workspace = $1),
       'hasCatalog', (SELECT catalog_hash IS NOT NULL FROM workspace WHERE id = $1),
       'exclusive', coalesce((SELECT exclusive FROM environment WHERE workspace = $1 AND key = $2), false),
       'teams', (SELECT coalesce(jsonb_agg(key), '[]') FROM team WHERE workspace = $1 AND $8 = ANY (members)),
       'own', (SELECT t.body FROM train t JOIN release r ON r.workspace = $1 AND r.number = $9 WHERE t.workspace = $1 AND t.key = r.train),
       'neededBy', (SELECT coalesce(jsonb_agg(jsonb_build_object('release', d.number, 'startsAt', d.starts_at, 'label',
           (SELECT string_agg(u.service || ' ' || u.version, ' + ' ORDER BY u.position) FROM release_unit u WHERE u.workspace = $1 AND u.release = d.number))), '[]')
         FROM release d WHERE d.workspace = $1 AND d.state IN ('requested', 'approved') AND $9 = ANY (d.depends_on)),
       'calendar', ${calendarJson({ environment: '$2', services: '$3', from: '$4', to: '$5', lead: '$6', needs: '$7' })}
     ) AS facts`,
    [workspace, environment, services, from, to, lead, needs, actor ?? null, number, now],
  );
  const facts = row?.facts;
  const known = services.map((key) => facts.services.find((one: ServiceOf) => one.key === key) ?? unknownService(key));
  const policy = { ...release.policy, history: facts.history };
  return {
    ...release,
    policy,
    calendar: toCalendar(facts.calendar),
    services: known,
    exclusive: facts.exclusive,
    overlap: gate(release.release, policy, known).choice.overlap,
    teams: facts.teams,
    own: facts.own ? Train.parse(facts.own) : undefined,
    neededBy: facts.neededBy.map((one: Json) => ({ ...one, startsAt: new Date(one.startsAt) })),
    exceptions: toExceptions(facts.exceptions),
    hasCatalog: facts.hasCatalog,
    serviceKeys: facts.serviceKeys,
  };
}

/** A person's last accepted action since `since`, with what its undoing needs. */
export async function loadUndo(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  since: Date,
  of: string | null,
): Promise<UndoFacts> {
  const { workspace, actor } = by;
  const rows = await reader.query<{ body: EventBody; at: Date }>(
    `SELECT e.body, e.at FROM event e WHERE e.workspace = $1 AND e.command = (
       SELECT CASE WHEN c.name = 'undo' THEN NULL ELSE c.id END
       FROM command c JOIN event last ON last.workspace = $1 AND last.command = c.id
       WHERE c.workspace = $1 AND c.actor ->> 'id' = $2 AND c.at >= $3 AND ($4::text IS NULL OR c.id = $4)
       ORDER BY last.seq DESC LIMIT 1)
     ORDER BY e.seq`,
    [workspace, actor ?? null, since, of],
  );
  const last = rows.map((row) => row.body);
  const none = { last, at: rows[0]?.at, slot: undefined, metBefore: false, booked: false };
  const made = last.find((one) => one.type === 'booking.made');
  if (made?.type === 'booking.made') {
    const { booking } = await loadBooking(reader, by, made.booking);
    return { ...none, booked: booking?.state === 'made' };
  }
  const report = last.find((one) => one.type === 'unbooked.reported');
  if (report?.type === 'unbooked.reported') {
    const { reported } = await loadUnbooked(reader, by, { ...report, at: report.deployedAt });
    return { ...none, booked: reported.some(({ at }) => at.toISOString() === report.deployedAt) };
  }
  const moved = last.find((event) => event.type === 'release.moved');
  const event = moved ?? last.find((one) => one.type === 'release.requested' || one.type === 'release.cancelled');
  if (!event || !('release' in event)) return none;
  const back =
    moved?.type === 'release.moved'
      ? { from: new Date(moved.before.startsAt), to: new Date(moved.before.endsAt), needs: moved.before.dependsOn }
      : {};
  const slot = await findSlot(reader, by, event.release, back);
  if (!slot || moved?.type !== 'release.moved') return { ...none, slot };
  const votes = await reader.query<Json>(
    'SELECT gate, voter, choice, comment, unblock, seats, at FROM vote WHERE workspace = $1 AND release = $2 AND revision = $3',
    [workspace, event.release, moved.from],
  );
  return { ...none, slot, metBefore: tally(slot.gates, votes).every((gate) => gate.met) };
}
