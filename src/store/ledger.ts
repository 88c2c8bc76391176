import type { Db } from './db.ts';

/*
 * The ledger of surfaces: what Slack shows, who is writing it, what is still to be written. Leases run on the database's
 * own clock, because they have to outlast a process whose clock may be wrong.
 */

export type SurfaceRow = {
  readonly workspace: string;
  readonly key: string;
  readonly channel: string | null;
  readonly ts: string | null;
  readonly hash: string | null;
  /** When a first write was begun whose outcome nobody knows. */
  readonly unclear_since: Date | null;
  readonly written_at: Date | null;
  readonly attempts: number;
  /** Why the last try failed; kept once nothing more is tried. */
  readonly problem: string | null;
};

/** `covers`: the outbox rows that a write under this claim shows. A row with a lower number may be committed later. */
export type Claim = { readonly row: SurfaceRow; readonly by: string; readonly covers: readonly string[] };

/** A message that nobody got counts against nobody's budget. */
const unsent = `unsent AS (
  DELETE FROM notification WHERE workspace = $1 AND surface = $2 AND state = 'sent' AND EXISTS (SELECT FROM mine WHERE ts IS NULL))`;

/**
 * Takes the right to write a surface. Undefined when there is nothing to write, somebody else is writing, or it is to be
 * tried later. `upTo` is the newest outbox row that this write covers.
 */
export async function claim(
  db: Db,
  workspace: string,
  key: string,
  by: string,
  leaseMs: number,
): Promise<Claim | undefined> {
  const { rows } = await db.background.query<SurfaceRow & { covers: string[] }>(
    `WITH wanted AS (SELECT array_agg(id::text) AS covers FROM outbox WHERE workspace = $1 AND surface = $2)
     INSERT INTO surface AS s (workspace, key, claimed_by, claimed_until)
     SELECT $1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond' FROM wanted WHERE covers IS NOT NULL
     ON CONFLICT (workspace, key) DO UPDATE SET claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until
       WHERE (s.claimed_until IS NULL OR s.claimed_until < clock_timestamp()) AND (s.retry_at IS NULL OR s.retry_at <= clock_timestamp())
     RETURNING s.*, (SELECT covers FROM wanted) AS covers`,
    [workspace, key, by, leaseMs],
  );
  const [row] = rows;
  return row ? { row, by, covers: row.covers } : undefined;
}

/**
 * Says that a first write is about to be tried: from now on its outcome is unclear until `settle`. Looking for an earlier
 * try may have taken long, so the lease begins anew; throws when the claim is lost, because somebody else writes by now.
 */
export async function beginFirstWrite(
  db: Db,
  { row: { workspace, key }, by }: Claim,
  leaseMs: number,
  channel: string | null = null,
): Promise<void> {
  const { rowCount } = await db.background.query(
    `UPDATE surface SET unclear_since = coalesce(unclear_since, clock_timestamp()), channel = coalesce($5, channel),
       claimed_until = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE workspace = $1 AND key = $2 AND claimed_by = $3`,
    [workspace, key, by, leaseMs, channel],
  );
  if (rowCount === 0) throw new Error(`the claim on ${key} was lost`);
}

/** The lease begins anew for whoever is still at work; throws when the claim is lost, because somebody else writes by now. */
export async function holdOn(db: Db, { row: { workspace, key }, by }: Claim, leaseMs: number): Promise<void> {
  const { rowCount } = await db.background.query(
    `UPDATE surface SET claimed_until = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE workspace = $1 AND key = $2 AND claimed_by = $3`,
    [workspace, key, by, leaseMs],
  );
  if (rowCount === 0) throw new Error(`the claim on ${key} was lost`);
}

/**
 * Writes down what Slack shows now, ticks off the outbox rows it covers and gives the claim back. What is not shown after
 * all was sent to nobody.
 */
export async function settle(
  db: Db,
  { row: { workspace, key }, by, covers }: Claim,
  shown: { channel: string | null; ts: string | null; hash: string | null; wrote: boolean },
): Promise<void> {
  await db.background.query(
    `WITH mine AS (
       UPDATE surface SET channel = $4, ts = $5, hash = $6, unclear_since = NULL, claimed_by = NULL, claimed_until = NULL,
         retry_at = NULL, attempts = 0, problem = NULL,
         written_at = CASE WHEN $7 THEN clock_timestamp() ELSE written_at END
       WHERE workspace = $1 AND key = $2 AND claimed_by = $8 RETURNING ts),
     ${unsent}
     DELETE FROM outbox WHERE id = ANY ($3::bigint[]) AND EXISTS (SELECT FROM mine)`,
    [workspace, key, covers, shown.channel, shown.ts, shown.hash, shown.wrote, by],
  );
}

/**
 * Gives the claim back after a failure, or only to merge edits (no problem); the outbox keeps its rows for the next try.
 * `isTry`: counts as an attempt; a surface that only waits for its turn does not.
 */
export async function giveBack(
  db: Db,
  { row: { workspace, key }, by }: Claim,
  failure: { problem: string | null; retryInMs: number; isTry?: boolean },
): Promise<void> {
  await db.background.query(
    `UPDATE surface SET claimed_by = NULL, claimed_until = NULL, problem = $3,
       attempts = CASE WHEN $6 THEN attempts + 1 ELSE attempts END,
       retry_at = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE workspace = $1 AND key = $2 AND claimed_by = $5`,
    [
      workspace,
      key,
      failure.problem?.slice(0, 500) ?? null,
      failure.retryInMs,
      by,
      failure.isTry ?? failure.problem !== null,
    ],
  );
}

/** A surface that can never be written (its channel is gone, …): kept with its problem, out of the way of the others. */
export async function bury(db: Db, { row: { workspace, key }, by, covers }: Claim, problem: string): Promise<void> {
  await db.background.query(
    `WITH mine AS (
       UPDATE surface SET claimed_by = NULL, claimed_until = NULL, problem = $4, retry_at = NULL, unclear_since = NULL
       WHERE workspace = $1 AND key = $2 AND claimed_by = $5 RETURNING ts),
     ${unsent}
     DELETE FROM outbox WHERE id = ANY ($3::bigint[]) AND EXISTS (SELECT FROM mine)`,
    [workspace, key, covers, problem.slice(0, 500), by],
  );
}

export async function findSurface(db: Db, workspace: string, key: string): Promise<SurfaceRow | undefined> {
  const { rows } = await db.background.query<SurfaceRow>('SELECT * FROM surface WHERE workspace = $1 AND key = $2', [
    workspace,
    key,
  ]);
  return rows[0];
}

/** Is there anything left to write for this surface, and when may it be tried? */
export async function pendingSince(db: Db, workspace: string, key: string): Promise<{ retryInMs: number } | undefined> {
  const { rows } = await db.background.query<{ retry_in: number }>(
    `SELECT greatest(0, extract(epoch FROM coalesce(s.retry_at, clock_timestamp()) - clock_timestamp()) * 1000)::float8 AS retry_in
     FROM (SELECT 1 FROM outbox WHERE workspace = $1 AND surface = $2 LIMIT 1) o
     LEFT JOIN surface s ON s.workspace = $1 AND s.key = $2`,
    [workspace, key],
  );
  return rows[0] ? { retryInMs: rows[0].retry_in } : undefined;
}

/** Is anything left to write whose key starts with `prefix`? */
export async function isPendingLike(db: Db, workspace: string, prefix: string): Promise<boolean> {
  const { rowCount } = await db.background.query(
    'SELECT 1 FROM outbox WHERE workspace = $1 AND starts_with(surface, $2) LIMIT 1',
    [workspace, prefix],
  );
  return (rowCount ?? 0) > 0;
}

/** Surfaces that wait to be written and that nobody is writing: what the sweep wakes. */
export async function staleSurfaces(
  db: Db,
  olderThanMs: number,
  most: number,
): Promise<{ workspace: string; key: string }[]> {
  const { rows } = await db.background.query<{ workspace: string; key: string }>(
    `SELECT o.workspace, o.surface AS key FROM outbox o
     LEFT JOIN surface s ON s.workspace = o.workspace AND s.key = o.surface
     WHERE (s.claimed_until IS NULL OR s.claimed_until < clock_timestamp()) AND (s.retry_at IS NULL OR s.retry_at <= clock_timestamp())
       AND (s.written_at IS NULL OR s.written_at < clock_timestamp() - $1 * interval '1 millisecond')
     GROUP BY 1, 2 ORDER BY min(o.id) LIMIT $2`,
    [olderThanMs, most],
  );
  return rows;
}

/** Says that a surface shows something old, from outside a command (a home was opened, a message was deleted by hand). */
export async function markStale(db: Db, workspace: string, keys: readonly string[], at: Date): Promise<void> {
  await db.background.query(
    'INSERT INTO outbox (workspace, surface, at) SELECT $1, key, $3 FROM unnest($2::text[]) AS key',
    [workspace, keys, at],
  );
}

/** Somebody deleted the message of a surface: it is to be written again, as if there had been none. */
export async function forgetMessage(db: Db, workspace: string, key: string, ts: string, at: Date): Promise<void> {
  await db.background.query(
    `WITH gone AS (UPDATE surface SET ts = NULL, hash = NULL WHERE workspace = $1 AND key = $2 AND ts = $3 RETURNING 1)
     INSERT INTO outbox (workspace, surface, at) SELECT $1, $2, $4 FROM gone`,
    [workspace, key, ts, at],
  );
}

/** Forgets everything that is left to write but what starts with one of `kept`: nobody wants to see it any more. */
export async function dropStale(db: Db, workspace: string, kept: readonly string[]): Promise<void> {
  await db.background.query(
    `DELETE FROM outbox WHERE workspace = $1
     AND NOT EXISTS (SELECT 1 FROM unnest($2::text[]) AS prefix WHERE starts_with(surface, prefix))`,
    [workspace, kept],
  );
}

/** Keys in the ledger that start with `prefix`. */
export async function surfacesLike(db: Db, workspace: string, prefix: string): Promise<string[]> {
  const { rows } = await db.background.query<{ key: string }>(
    'SELECT key FROM surface WHERE workspace = $1 AND starts_with(key, $2)',
    [workspace, prefix],
  );
  return rows.map((row) => row.key);
}

/** How many writes wait, and for how many seconds the oldest has waited. */
export async function outboxLag(db: Db, now: Date): Promise<{ rows: number; seconds: number }> {
  const { rows } = await db.background.query<{ count: string; oldest: Date | null }>(
    'SELECT count(*), (SELECT at FROM outbox ORDER BY id LIMIT 1) AS oldest FROM outbox',
  );
  const [row] = rows;
  return {
    rows: Number(row?.count ?? 0),
    seconds: row?.oldest ? Math.max(0, (now.getTime() - row.oldest.getTime()) / 1000) : 0,
  };
}
