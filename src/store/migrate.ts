import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

const folder = new URL('../../prisma/migrations/', import.meta.url).pathname;

/**
 * Applies the migrations that are missing, all in one transaction under an advisory lock, and records them as
 * `prisma migrate deploy` does. Returns the names applied. Throws when an applied migration was edited afterwards.
 */
export async function migrate(url: string, from = folder): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'maitred migrate' });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock(${prismaLock})`);
    await client.query(prismaTable);
    const applied = await appliedOf(client);
    const missing = (await migrationsIn(from)).filter((migration) => isMissing(migration, applied));
    for (const migration of missing) {
      await client.query(migration.sql);
      await client.query(
        `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
         VALUES ($1, $2, now(), $3, now(), 1)`,
        [randomUUID(), migration.checksum, migration.name],
      );
    }
    await client.query('COMMIT');
    return missing.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

/** Names of migrations that this version has and the database lacks. */
export async function missingMigrations(db: { query: pg.Pool['query'] }): Promise<string[]> {
  const applied = await appliedOf(db);
  return (await migrationsIn(folder))
    .filter((migration) => !applied.has(migration.name))
    .map((migration) => migration.name);
}

type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };

async function migrationsIn(from: string): Promise<Migration[]> {
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(from, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function appliedOf(db: { query: pg.Pool['query'] }): Promise<Map<string, string>> {
  const { rows } = await db.query<{ migration_name: string; checksum: string }>(
    'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

function isMissing(migration: Migration, applied: ReadonlyMap<string, string>): boolean {
  const checksum = applied.get(migration.name);
  if (checksum !== undefined && checksum !== migration.checksum)
    throw new Error(`migration ${migration.name} was edited after it was applied; add a new one instead`);
  return checksum === undefined;
}

/** The lock that Prisma's own engine takes, so that the two never migrate at once. */
const prismaLock = 72707369;

const prismaTable = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id varchar(36) PRIMARY KEY NOT NULL,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;
