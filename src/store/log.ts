import { createHash } from 'node:crypto';
import type pg from 'pg';
import { canonicalJson } from '../domain/canonical.ts';
import { ActorSchema, EventBody, type StoredEvent } from '../domain/event.ts';
import type { Actor } from '../domain/person.ts';
import type { Timer } from '../domain/reaction.ts';
import type { LogEntry, SealFaults } from '../domain/seal.ts';
import type { Surface } from '../domain/surface.ts';
import { surfaceKey } from '../domain/surface.ts';
import type { Json } from './calendar.ts';
import { type Db, inBackground } from './db.ts';
import type { Tx } from './tx.ts';

export type CommandRow = {
  readonly workspace: string;
  readonly id: string;
  readonly name: string;
  readonly actor: Actor;
  readonly outcome: unknown;
  readonly at: Date;
};

/** Records a command: its row, its events, what Slack shows wrongly now and the timers it set, in one statement. */
export async function record(
  tx: Tx,
  command: CommandRow,
  events: readonly StoredEvent[],
  surfaces: readonly Surface[],
  timers: readonly Timer[],
): Promise<void> {
  const keys = [...new Set(surfaces.map(surfaceKey))];
  // Two events of one command may set the same timer: the later one counts.
  const set = [...new Map(timers.map((timer) => [timer.key, timer])).values()];
  await tx.write(
    `WITH e AS (
       INSERT INTO event (id, workspace, type, at, actor, command, release, body)
       SELECT id, $1, type, $6, actor, $2, release, body
       FROM ROWS FROM (jsonb_to_recordset($7::jsonb) AS (id text, type text, actor jsonb, release integer, body jsonb))
         WITH ORDINALITY AS x(id, type, actor, release, body, position)
       ORDER BY position
       RETURNING seq
     ), u AS (INSERT INTO unsealed (seq, workspace) SELECT seq, $1 FROM e),
     o AS (INSERT INTO outbox (workspace, surface, at) SELECT $1, surface, $6 FROM unnest($8::text[]) AS surface),
     t AS (
       INSERT INTO timer (workspace, key, due_at, body)
       SELECT $1, key, due_at, body FROM jsonb_to_recordset($9::jsonb) AS x(key text, due_at timestamptz, body jsonb)
       ON CONFLICT (workspace, key) DO UPDATE SET due_at = excluded.due_at, body = excluded.body, claimed_until = NULL
     )
     INSERT INTO command (workspace, id, name, actor, outcome, at) VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      command.workspace,
      command.id,
      command.name,
      JSON.stringify(command.actor),
      JSON.stringify(command.outcome),
      command.at,
      JSON.stringify(
        events.map((event) => ({
          id: event.id,
          type: event.body.type,
          actor: event.actor,
          release: 'release' in event.body ? event.body.release : null,
          body: event.body,
        })),
      ),
      keys,
      JSON.stringify(set.map(({ key, at, ...body }) => ({ key, due_at: at.toISOString(), body }))),
    ],
  );
}

/** When a command of this id was recorded. */
export async function commandAt(db: Db, workspace: string, id: string): Promise<Date | undefined> {
  const { rows } = await db.background.query<{ at: Date }>('SELECT at FROM command WHERE workspace = $1 AND id = $2', [
    workspace,
    id,
  ]);
  return rows[0]?.at;
}

/** When the record of a workspace begins. */
export async function firstEventAt(db: Db, workspace: string): Promise<Date | undefined> {
  const { rows } = await db.background.query<{ at: Date }>(
    'SELECT at FROM event WHERE workspace = $1 ORDER BY at LIMIT 1',
    [workspace],
  );
  return rows[0]?.at;
}

/** Nothing has happened here yet. */
export async function isUnwritten(db: Db, workspace: string): Promise<boolean> {
  const { rowCount } = await db.background.query('SELECT 1 FROM event WHERE workspace = $1 LIMIT 1', [workspace]);
  return rowCount === 0;
}

export type EventRow = {
  seq: string;
  id: string;
  workspace: string;
  type: string;
  at: Date;
  actor: unknown;
  command: string;
  release: number | null;
  body: unknown;
};

export function toEvent(row: Pick<EventRow, 'id' | 'workspace' | 'at' | 'actor' | 'command' | 'body'>): StoredEvent {
  return {
    id: row.id,
    workspace: row.workspace,
    at: row.at,
    actor: ActorSchema.parse(row.actor),
    command: row.command,
    body: EventBody.parse(row.body),
  };
}

type SealRow = { readonly position: string; readonly previous: string; readonly hash: string };

/** What the first seal of a workspace is hung on. */
const chainStart: Pick<SealRow, 'position' | 'hash'> = { position: '0', hash: '0'.repeat(64) };
const batch = 500;

/**
 * Chains the events that were committed since the last time, in the order in which they became visible. One sealer per
 * workspace at a time; commits never wait for it. Returns how many it sealed.
 */
export async function seal(db: Db, workspace: string): Promise<number> {
  return inBackground(db, 'BEGIN', async (client) => {
    // The lock has to be older than the snapshot that reads the last seal: READ COMMITTED takes one per statement.
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [workspace]);
    const { rows: last } = await client.query<{ position: string; hash: string }>(
      'SELECT position, hash FROM seal WHERE workspace = $1 ORDER BY position DESC LIMIT 1',
      [workspace],
    );
    const { rows } = await client.query<EventRow>(
      `SELECT e.* FROM unsealed u JOIN event e USING (seq) WHERE u.workspace = $1 ORDER BY u.seq LIMIT ${batch}`,
      [workspace],
    );
    let position = BigInt(last[0]?.position ?? 0);
    let previous = last[0]?.hash ?? chainStart.hash;
    const seals = rows.map((row) => {
      position++;
      const sealed = { position: String(position), seq: row.seq, previous, hash: hashOf(previous, row) };
      previous = sealed.hash;
      return sealed;
    });
    if (seals.length > 0) {
      await client.query(
        `WITH s AS (
           INSERT INTO seal (workspace, position, seq, previous, hash)
           SELECT $1, position, seq, previous, hash
           FROM jsonb_to_recordset($2::jsonb) AS x(position bigint, seq bigint, previous text, hash text)
         )
         DELETE FROM unsealed WHERE seq = ANY ($3::bigint[])`,
        [workspace, JSON.stringify(seals), seals.map((sealed) => sealed.seq)],
      );
    }
    return seals.length;
  });
}

/** Workspaces with events that wait for their seal. */
export async function unsealedWorkspaces(db: Db): Promise<string[]> {
  const { rows } = await db.background.query<{ workspace: string }>('SELECT DISTINCT workspace FROM unsealed');
  return rows.map((row) => row.workspace);
}

export type AuditProblem = {
  readonly workspace: string;
  readonly position: string;
  readonly event: string;
  readonly what: string;
};

/**
 * Recomputes every hash of every chain. Finds a changed byte, a missing or foreign event and a broken link; events that
 * wait for their seal are counted, not judged.
 */
export async function audit(db: Db): Promise<{ events: number; unsealed: number; problems: AuditProblem[] }> {
  const problems: AuditProblem[] = [];
  const { rows: chains } = await db.background.query<{ workspace: string }>('SELECT DISTINCT workspace FROM seal');
  let events = 0;
  for (const { workspace } of chains) {
    let before = chainStart;
    for (;;) {
      const { rows } = await db.background.query<EventRow & SealRow & { sealed: string }>(
        `SELECT e.*, s.position, s.previous, s.hash, s.seq AS sealed FROM seal s LEFT JOIN event e ON e.seq = s.seq
         WHERE s.workspace = $1 AND s.position > $2 ORDER BY s.position LIMIT 1000`,
        [workspace, before.position],
      );
      if (rows.length === 0) break;
      for (const row of rows) {
        const at = { workspace, position: row.position, event: row.id ?? row.sealed };
        const { chain, event } = faultsOf(row, row.seq === null ? undefined : row, workspace, before);
        problems.push(...[...chain, ...event].map((what) => ({ ...at, what })));
        before = row;
        events++;
      }
    }
  }
  const { rows: open } = await db.background.query<{ waiting: string; lost: string }>(
    `SELECT (SELECT count(*) FROM unsealed) AS waiting,
            (SELECT count(*) FROM event e WHERE NOT EXISTS (SELECT 1 FROM seal s WHERE s.seq = e.seq)
              AND NOT EXISTS (SELECT 1 FROM unsealed u WHERE u.seq = e.seq)) AS lost`,
  );
  const lost = Number(open[0]?.lost ?? 0);
  if (lost > 0) problems.push({ workspace: '*', position: '-', event: '-', what: `${lost} events are in no chain` });
  return { events, unsealed: Number(open[0]?.waiting ?? 0), problems };
}

/** What speaks against a seal of a workspace, given the event that it is of and the seal before it. */
function faultsOf(
  seal: SealRow,
  row: EventRow | undefined,
  workspace: string,
  before: Pick<SealRow, 'position' | 'hash'>,
): SealFaults {
  const jumps = BigInt(seal.position) !== BigInt(before.position) + 1n;
  const chain = [
    ...(jumps ? [`the chain jumps from ${before.position}`] : []),
    ...(seal.previous === before.hash ? [] : ['the link to the seal before it is broken']),
  ];
  if (!row) return { chain, event: ['the event is gone'] };
  if (row.workspace !== workspace) return { chain, event: [`the event says it belongs to ${row.workspace}`] };
  const isSame = hashOf(seal.previous, row) === seal.hash;
  return { chain, event: isSame ? [] : ['the event was changed after it was sealed'] };
}

/** The log of release `$2` in workspace `$1` as JSON, in the order in which it was sealed; what waits for its seal comes last. */
export const entriesJson = `(SELECT coalesce(jsonb_agg(jsonb_build_object(
    'row', to_jsonb(e) || jsonb_build_object('seq', e.seq::text), 'in', s.workspace,
    'seal', CASE WHEN s.seq IS NOT NULL THEN jsonb_build_object('position', s.position::text, 'previous', s.previous, 'hash', s.hash) END,
    'before', CASE WHEN b.seq IS NOT NULL THEN jsonb_build_object('position', b.position::text, 'hash', b.hash) END,
    'waits', u.seq IS NOT NULL) ORDER BY s.position NULLS LAST, e.seq), '[]')
  FROM event e LEFT JOIN seal s ON s.seq = e.seq LEFT JOIN unsealed u ON u.seq = e.seq
    LEFT JOIN seal b ON b.workspace = s.workspace AND b.position = s.position - 1
  WHERE e.workspace = $1 AND e.release = $2)`;

/** One of `entriesJson`, judged as `audit` judges it. */
export function toEntry({ row, seal, before, waits, in: workspace }: Json): LogEntry {
  const stored: EventRow = { ...row, at: new Date(row.at) };
  const [actor, body] = [ActorSchema.safeParse(row.actor), EventBody.safeParse(row.body)];
  return {
    stored,
    event: actor.success && body.success ? { ...stored, actor: actor.data, body: body.data } : undefined,
    seal: seal ?? undefined,
    isLost: seal === null && !waits,
    faults: seal === null ? { chain: [], event: [] } : faultsOf(seal, stored, workspace, before ?? chainStart),
  };
}

/** Every sealed event of every workspace in chain order, for replaying. */
export async function sealedEvents(db: { query: pg.Pool['query'] }): Promise<StoredEvent[]> {
  const { rows } = await db.query<EventRow>(
    'SELECT e.* FROM seal s JOIN event e USING (seq) ORDER BY s.workspace, s.position',
  );
  return rows.map(toEvent);
}

function hashOf(previous: string, row: EventRow): string {
  const { seq, id, workspace, type, at, actor, command, release, body } = row;
  const content = canonicalJson({
    seq: String(seq),
    id,
    workspace,
    type,
    at: at.toISOString(),
    actor,
    command,
    release,
    body,
  });
  return createHash('sha256').update(previous).update('\n').update(content).digest('hex');
}
