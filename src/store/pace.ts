import { type Db, prepared } from './db.ts';

/*
 * Slack's limits as all replicas keep them together, in one unlogged row per bucket. Times run on the database's own clock,
 * which is the same for everybody.
 */

/** One call out of a bucket that fills by one every `everyMs` and holds `depth` calls. */
export type Want = { readonly key: string; readonly everyMs: number; readonly depth: number };

/**
 * Takes one call out of every bucket, all or none. 0: go. Otherwise in how many ms to come back; who comes back says that it
 * is in line already. `line`: 1 goes before 2, by the depth that it is given.
 */
export async function takeTurn(
  db: Db,
  workspace: string,
  wants: readonly Want[],
  { line, inLine }: { readonly line: number; readonly inLine: boolean },
): Promise<number> {
  const { rows } = await db.background.query<{ wait: number }>(
    prepared('SELECT take_turn($1, $2, $3, $4, $5, $6) AS wait', [
      workspace,
      wants.map(({ key }) => key),
      wants.map(({ everyMs }) => everyMs),
      wants.map(({ depth }) => depth),
      line,
      inLine,
    ]),
  );
  return rows[0]?.wait ?? 0;
}

/** Slack said to wait. Gives how many buckets are paused now whose keys start with `prefix`. */
export async function pause(db: Db, workspace: string, key: string, forMs: number, prefix: string): Promise<number> {
  const { rows } = await db.background.query<{ paused: number }>(
    `WITH told AS (
       INSERT INTO pace AS p (workspace, key, paused_until) VALUES ($1, $2, extract(epoch FROM clock_timestamp()) * 1000 + $3)
       ON CONFLICT (workspace, key) DO UPDATE SET paused_until = greatest(p.paused_until, excluded.paused_until))
     SELECT 1 + count(*)::int AS paused FROM pace
     WHERE workspace = $1 AND starts_with(key, $4) AND key <> $2 AND paused_until > extract(epoch FROM clock_timestamp()) * 1000`,
    [workspace, key, forMs, prefix],
  );
  return rows[0]?.paused ?? 1;
}

/** Buckets that have been full for an hour are as good as new ones. */
export async function forgetPace(db: Db): Promise<void> {
  await db.background.query(
    `DELETE FROM pace WHERE greatest(full_at, paused_until, (SELECT max(place) FROM unnest(lines) place)) < extract(epoch FROM clock_timestamp()) * 1000 - 3600000`,
  );
}
