import { byType, type EventTable, type StoredEvent } from '../domain/event.ts';
import { Conflict, type Tx } from './tx.ts';

/** One statement; `rows` is how many rows it must touch, else somebody was faster and the transaction is repeated. */
type Write = { readonly sql: string; readonly params: readonly unknown[]; readonly rows?: number };

/**
 * What an event changes (total). The only writer of state: every value comes from the event, so that replaying the log
 * into empty tables gives the same rows.
 */
const changes: EventTable<Write[]> = {
  'workspace.connected': ({ workspace, body }) => [
    {
      sql: `INSERT INTO workspace (id, name, bot_user) VALUES ($1, $2, $3)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, bot_user = excluded.bot_user`,
      params: [workspace, body.name, body.botUser],
    },
    { sql: `CREATE SEQUENCE IF NOT EXISTS "release_number_${workspace.replace(/[^A-Za-z0-9]/g, '')}"`, params: [] },
  ],
  'catalog.applied': ({ workspace, body: { catalog, hash } }) => [
    {
      sql: 'UPDATE workspace SET zone = $2, home = $3, catalog_hash = $4 WHERE id = $1',
      params: [workspace, catalog.zone, catalog.home ?? null, hash],
      rows: 1,
    },
    ...['person_role', 'environment', 'team', 'approver_group', 'service', 'policy'].map((table) => ({
      sql: `DELETE FROM ${table} WHERE workspace = $1`,
      params: [workspace],
    })),
    insertAll(
      'person_role (workspace, person, role)',
      'person text, role text',
      workspace,
      Object.entries(catalog.people).flatMap(([person, { roles }]) => roles.map((role) => ({ person, role }))),
    ),
    insertAll(
      'environment (workspace, key, exclusive)',
      'key text, exclusive boolean',
      workspace,
      keyed(catalog.environments),
    ),
    insertAll(
      'team (workspace, key, name, channel, members)',
      'key text, name text, channel text, members text[]',
      workspace,
      keyed(catalog.teams),
    ),
    insertAll(
      'approver_group (workspace, key, name, usergroup, members)',
      'key text, name text, usergroup text, members text[]',
      workspace,
      keyed(catalog.groups).map((group) => ({ usergroup: null, members: [], ...group })),
    ),
    insertAll(
      'service (workspace, key, team, tier, channel, environments, depends_on)',
      'key text, team text, tier integer, channel text, environments text[], depends_on text[]',
      workspace,
      keyed(catalog.services),
    ),
    insertAll(
      'policy (workspace, position, body)',
      'position integer, body jsonb',
      workspace,
      catalog.policies.map((body, position) => ({ position, body })),
    ),
  ],
  'service.named': ({ workspace, body }) => [
    {
      sql: `INSERT INTO service (workspace, key, team, tier, channel, environments, depends_on)
            VALUES ($1, $2, NULL, 3, NULL, '{}', '{}') ON CONFLICT DO NOTHING`,
      params: [workspace, body.service],
    },
  ],
  'release.requested': ({ workspace, at, body }) => [
    {
      sql: `WITH r AS (
              INSERT INTO release (workspace, number, state, requester, lead, environment, change_type, policy, summary,
                rollback_plan, starts_at, ends_at, channel, revision, requested_at, changed_at)
              VALUES ($1, $2, 'requested', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $13)
            ), u AS (
              INSERT INTO release_unit (workspace, release, position, service, version)
              SELECT $1, $2, position, service, version
              FROM jsonb_to_recordset($14::jsonb) AS x(position integer, service text, version text)
            )
            INSERT INTO gate (workspace, release, position, name, who, needed, asked)
            SELECT $1, $2, position, name, who, needed, asked
            FROM jsonb_to_recordset($15::jsonb) AS x(position integer, name text, who jsonb, needed integer, asked text[])`,
      params: [
        workspace,
        body.release,
        body.requester,
        body.lead,
        body.environment,
        body.changeType,
        body.policy,
        body.summary,
        body.rollbackPlan,
        body.startsAt,
        body.endsAt,
        body.channel,
        at,
        JSON.stringify(body.units.map((unit, position) => ({ position, ...unit }))),
        JSON.stringify(body.gates.map((gate, position) => ({ position, ...gate, asked: body.asked[position] ?? [] }))),
      ],
    },
    {
      // DO NOTHING instead of an error: a storm on a bare exclusion constraint deadlocks (reliability finding 2).
      sql: `INSERT INTO reservation (workspace, release, service, environment, exclusive, starts_at, ends_at, held)
            SELECT $1, $2, service, $3, $4, $5, $6, true FROM unnest($7::text[]) AS service
            ON CONFLICT DO NOTHING`,
      params: [
        workspace,
        body.release,
        body.environment,
        body.exclusive,
        body.startsAt,
        body.endsAt,
        body.units.map((unit) => unit.service),
      ],
      rows: body.units.length,
    },
  ],
  'vote.cast': ({ workspace, at, body }) => [
    {
      sql: `INSERT INTO vote (workspace, release, gate, voter, revision, choice, comment, because, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (workspace, release, gate, voter, revision)
            DO UPDATE SET choice = excluded.choice, comment = excluded.comment, because = excluded.because, at = excluded.at`,
      params: [
        workspace,
        body.release,
        body.gate,
        body.voter,
        body.revision,
        body.choice,
        body.comment,
        body.because,
        at,
      ],
    },
    touch({ workspace, at, body }),
  ],
  'release.approved': (event) => [setState(event, 'approved', '')],
  'release.rejected': (event) => [setState(event, 'rejected', event.body.reason), free(event)],
  'release.expired': (event) => [setState(event, 'expired', ''), free(event)],
  'release.cancelled': (event) => [setState(event, 'cancelled', event.body.reason), free(event)],
  'room.opened': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET room = 'open', room_members = $3, changed_at = $4 WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, body.members, at],
      rows: 1,
    },
  ],
  'room.closed': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET room = 'closed', changed_at = $3 WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, at],
      rows: 1,
    },
  ],
  'note.added': (event) => [
    {
      sql: 'INSERT INTO note (workspace, id, release, author, text, at) VALUES ($1, $2, $3, $4, $5, $6)',
      params: [
        event.workspace,
        event.body.note,
        event.body.release,
        event.actor.kind === 'person' ? event.actor.id : '',
        event.body.text,
        event.at,
      ],
    },
  ],
  'release.started': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET state = 'deploying', started_at = $3, changed_at = $3, reason = '' WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, at],
      rows: 1,
    },
  ],
  'release.paused': (event) => [setState(event, 'paused', event.body.reason)],
  'release.resumed': (event) => [setState(event, 'deploying', '')],
  'release.verifying': (event) => [setState(event, 'verifying', '')],
  'release.done': (event) => [setState(event, 'done', ''), free(event)],
  'release.rolled_back': (event) => [setState(event, 'rolled_back', event.body.reason), free(event)],
  'digest.subscribed': ({ workspace, body }) => [
    {
      sql: `INSERT INTO digest (workspace, channel, at, zone, days) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (workspace, channel) DO UPDATE SET at = excluded.at, zone = excluded.zone, days = excluded.days`,
      params: [workspace, body.channel, body.at, body.zone, body.days],
    },
  ],
  'digest.unsubscribed': ({ workspace, body }) => [
    { sql: 'DELETE FROM digest WHERE workspace = $1 AND channel = $2', params: [workspace, body.channel] },
  ],
  'digest.posted': (event) => [digestRun(event, true)],
  'digest.missed': (event) => [digestRun(event, false)],
};

/** The tables that `apply` fills: what a replay has to rebuild. */
export const stateTables = [
  'workspace',
  'person_role',
  'environment',
  'team',
  'approver_group',
  'service',
  'policy',
  'release',
  'release_unit',
  'reservation',
  'gate',
  'vote',
  'note',
  'digest',
  'digest_run',
] as const;

/** Writes what an event changes. Throws Conflict when a row that it counts on is taken or gone. */
export async function apply(tx: Tx, event: StoredEvent): Promise<void> {
  for (const write of byType(changes, event)) {
    const touched = await tx.write(write.sql, write.params);
    if (write.rows !== undefined && touched !== write.rows)
      throw new Conflict(`${event.body.type} touched ${touched} rows`);
  }
}

type OfRelease = { readonly workspace: string; readonly at: Date; readonly body: { readonly release: number } };

function setState({ workspace, at, body }: OfRelease, state: string, reason: string): Write {
  const ended = ['rejected', 'expired', 'cancelled', 'done', 'rolled_back'].includes(state);
  return {
    sql: `UPDATE release SET state = $3, reason = $4, changed_at = $5, ended_at = ${ended ? '$5' : 'NULL'} WHERE workspace = $1 AND number = $2`,
    params: [workspace, body.release, state, reason, at],
    rows: 1,
  };
}

function touch({ workspace, at, body }: OfRelease): Write {
  return {
    sql: 'UPDATE release SET changed_at = $3 WHERE workspace = $1 AND number = $2',
    params: [workspace, body.release, at],
    rows: 1,
  };
}

/** Frees the slot for others. */
function free({ workspace, body }: OfRelease): Write {
  return {
    sql: 'UPDATE reservation SET held = false WHERE workspace = $1 AND release = $2',
    params: [workspace, body.release],
  };
}

function digestRun(
  { workspace, at, body }: { workspace: string; at: Date; body: { channel: string; date: string } },
  posted: boolean,
): Write {
  return {
    sql: 'INSERT INTO digest_run (workspace, channel, date, posted, at) VALUES ($1, $2, $3, $4, $5)',
    params: [workspace, body.channel, body.date, posted, at],
  };
}

function insertAll(target: string, columns: string, workspace: string, rows: readonly unknown[]): Write {
  const names = columns.split(', ').map((column) => column.split(' ')[0]);
  return {
    sql: `INSERT INTO ${target} SELECT $1, ${names.join(', ')} FROM jsonb_to_recordset($2::jsonb) AS x(${columns})`,
    params: [workspace, JSON.stringify(rows)],
  };
}

function keyed<T extends object>(entries: Readonly<Record<string, T>>): (T & { key: string })[] {
  return Object.entries(entries).map(([key, value]) => ({ key, ...value }));
}
