import { Train } from '../domain/calendar.ts';
import type { EventBody } from '../domain/event.ts';
import { tally } from '../domain/gate.ts';
import type { SlotFacts } from '../domain/move.ts';
import { choosePolicy, Policy } from '../domain/policy.ts';
import type { Traits } from '../domain/scope.ts';
import { minutesBetween } from '../domain/time.ts';
import type { UndoFacts } from '../domain/undo.ts';
import { calendarJson, type Json, loadBooking, type Reader, toCalendar } from './calendar.ts';
import { findRelease } from './facts.ts';

/**
 * A release with the calendar around its own time, or from `from` to `to`, which is `minutes` later (its own length) when only a start is given. Undefined when there is none. `needs` are releases
 * that it may come to depend on; the ones it has are always there.
 */
export async function findSlot(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined },
  number: number,
  asked: {
    readonly from?: Date | undefined;
    readonly to?: Date | undefined;
    readonly minutes?: number | null;
    readonly needs?: readonly number[];
  } = {},
): Promise<SlotFacts | undefined> {
  const { workspace, actor } = by;
  const release = await findRelease(reader, workspace, number, actor);
  if (!release) return undefined;
  const { startsAt, endsAt, lead, environment, units } = release.release;
  const from = asked.from ?? startsAt;
  const length = (asked.minutes ?? minutesBetween(startsAt, endsAt)) * 60_000;
  const to = asked.to ?? new Date(from.getTime() + length);
  const services = units.map((unit) => unit.service);
  const needs = [...new Set([...release.release.dependsOn, ...(asked.needs ?? [])])];
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'services', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'team', team, 'tags', tags, 'regions', regions, 'tier', tier)), '[]')
         FROM service WHERE workspace = $1 AND key = ANY ($3)),
       'exclusive', coalesce((SELECT exclusive FROM environment WHERE workspace = $1 AND key = $2), false),
       'policies', (SELECT coalesce(jsonb_agg(body ORDER BY position), '[]') FROM policy WHERE workspace = $1),
       'teams', (SELECT coalesce(jsonb_agg(key), '[]') FROM team WHERE workspace = $1 AND $8 = ANY (members)),
       'own', (SELECT t.body FROM train t JOIN release r ON r.workspace = $1 AND r.number = $9 WHERE t.workspace = $1 AND t.key = r.train),
       'neededBy', (SELECT coalesce(jsonb_agg(jsonb_build_object('release', d.number, 'startsAt', d.starts_at, 'label',
           (SELECT string_agg(u.service || ' ' || u.version, ' + ' ORDER BY u.position) FROM release_unit u WHERE u.workspace = $1 AND u.release = d.number))), '[]')
         FROM release d WHERE d.workspace = $1 AND d.state IN ('requested', 'approved') AND $9 = ANY (d.depends_on)),
       'calendar', ${calendarJson({ environment: '$2', services: '$3', from: '$4', to: '$5', lead: '$6', needs: '$7' })}
     ) AS facts`,
    [workspace, environment, services, from, to, lead, needs, actor ?? null, number],
  );
  const facts = row?.facts;
  const known = (key: string): Traits =>
    facts.services.find((one: Traits) => one.key === key) ?? { key, team: null, tags: [], regions: [] };
  const tiers = facts.services.map((one: { tier: number }) => one.tier);
  const policy = choosePolicy(
    facts.policies.map((one: unknown) => Policy.parse(one)),
    { environment, type: release.release.changeType, tiers: tiers.length > 0 ? tiers : [3] },
  );
  return {
    ...release,
    calendar: toCalendar(facts.calendar),
    services: services.map(known),
    exclusive: facts.exclusive,
    overlap: policy.dependency_overlap,
    teams: facts.teams,
    own: facts.own ? Train.parse(facts.own) : undefined,
    neededBy: facts.neededBy.map((one: Json) => ({ ...one, startsAt: new Date(one.startsAt) })),
  };
}

/** A person's last accepted action since `since`, with what its undoing needs. */
export async function loadUndo(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined },
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
    'SELECT gate, voter, choice, comment, at FROM vote WHERE workspace = $1 AND release = $2 AND revision = $3',
    [workspace, event.release, moved.from],
  );
  const rules = slot.gates.map((gate) => gate.rule);
  return { ...none, slot, metBefore: tally(rules, votes).every((gate) => gate.met) };
}
