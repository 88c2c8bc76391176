import type { Db } from './db.ts';

export type DueTimer = {
  readonly workspace: string;
  readonly key: string;
  readonly dueAt: Date;
  readonly body: unknown;
};

/** Takes timers that are due, so that no two replicas work on one; a timer whose worker died comes back after the lease. */
export async function claimDueTimers(db: Db, now: Date, most: number, leaseMs: number): Promise<DueTimer[]> {
  const { rows } = await db.background.query<{ workspace: string; key: string; due_at: Date; body: unknown }>(
    `UPDATE timer SET claimed_until = clock_timestamp() + $3 * interval '1 millisecond'
     WHERE (workspace, key) IN (
       SELECT workspace, key FROM timer
       WHERE due_at <= $1 AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
       ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING workspace, key, due_at, body`,
    [now, most, leaseMs],
  );
  return rows.map((row) => ({ workspace: row.workspace, key: row.key, dueAt: row.due_at, body: row.body }));
}

/** When the next timer is due, if that is not after `until`; ones that somebody is working off are not looked at. */
export async function nextTimer(db: Db, until: Date): Promise<Date | undefined> {
  const { rows } = await db.background.query<{ due: Date | null }>(
    `SELECT min(due_at) AS due FROM timer
     WHERE due_at <= $1 AND (claimed_until IS NULL OR claimed_until < clock_timestamp())`,
    [until],
  );
  return rows[0]?.due ?? undefined;
}

/** Removes a timer that was worked off, unless it was set anew meanwhile. */
export async function finishTimer(db: Db, timer: DueTimer): Promise<void> {
  await db.background.query('DELETE FROM timer WHERE workspace = $1 AND key = $2 AND due_at = $3', [
    timer.workspace,
    timer.key,
    timer.dueAt,
  ]);
}

/** Seconds by which the most overdue timer is late; 0 when none is. */
export async function timerLag(db: Db, now: Date): Promise<number> {
  const { rows } = await db.background.query<{ due: Date | null }>(
    'SELECT min(due_at) AS due FROM timer WHERE due_at <= $1',
    [now],
  );
  return rows[0]?.due ? (now.getTime() - rows[0].due.getTime()) / 1000 : 0;
}
