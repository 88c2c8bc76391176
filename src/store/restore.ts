import { type Db, inBackground } from './db.ts';

/** Numbers that releases of the lost time had: none of them is given out again. */
const gap = 1_000;
/** What was written to Slack in this time before the backup may have changed there since. */
const freshDays = 30;

/**
 * After a restore Slack is newer than the database. Numbers go on after a gap; messages whose writing nobody knows of are
 * looked for before they are posted, for a day; and what Slack may show newer than it is stored is written again. May run
 * any number of times. Gives how many messages are written again.
 */
export async function catchUpWithSlack(db: Db, now: Date): Promise<number> {
  return inBackground(db, 'BEGIN', async (client) => {
    const { rows: sequences } = await client.query<{ name: string }>(
      `SELECT quote_ident(sequencename) AS name FROM pg_sequences WHERE sequencename LIKE 'release\\_number\\_%'`,
    );
    for (const { name } of sequences)
      await client.query(`SELECT setval('${name}', (SELECT last_value + ${gap} FROM ${name}))`);
    await client.query(
      `INSERT INTO surface (workspace, key, unclear_since) SELECT DISTINCT workspace, surface, clock_timestamp() FROM outbox
       ON CONFLICT (workspace, key) DO UPDATE SET unclear_since = excluded.unclear_since WHERE surface.ts IS NULL`,
    );
    // A digest of today may have been posted after the backup: new surfaces are unclear, too, until this runs out.
    const until = new Date(Date.now() + 24 * 3_600_000).toISOString();
    await client.query(
      `ALTER TABLE surface ALTER COLUMN unclear_since
       SET DEFAULT CASE WHEN clock_timestamp() < '${until}'::timestamptz THEN clock_timestamp() END`,
    );
    await client.query('UPDATE surface SET claimed_by = NULL, claimed_until = NULL, retry_at = NULL');
    const { rowCount } = await client.query(
      `WITH again AS (
         UPDATE surface SET hash = NULL WHERE ts IS NOT NULL AND written_at > clock_timestamp() - ${freshDays} * interval '1 day'
         RETURNING workspace, key)
       INSERT INTO outbox (workspace, surface, at) SELECT workspace, key, $1 FROM again`,
      [now],
    );
    return rowCount ?? 0;
  });
}
