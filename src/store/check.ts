import pg from 'pg';
import { clocks, type Finding, fail, ok, warn } from '../domain/finding.ts';
import { missingMigrations } from './migrate.ts';

/*
 * Looks at the database without changing anything: for `npm run doctor`.
 */
export type Checked = {
  readonly findings: readonly Finding[];
  /** Channels that something stored is posted to. */
  readonly channels: readonly string[];
  /** A secret sealed with the key of this installation, when there is one. */
  readonly sealed: string | undefined;
};

/** What keeps the record and the calendar true, whatever the code does: constraints, unique indexes, triggers. */
const guards = [
  ['constraint', 'reservation_once', 'SELECT FROM pg_constraint WHERE conname = $1'],
  ['index', 'seat_once', 'SELECT FROM pg_indexes WHERE indexname = $1'],
  ['index', 'feed_token', 'SELECT FROM pg_indexes WHERE indexname = $1'],
  ...['event_append_only', 'event_no_truncate', 'seal_append_only', 'seal_no_truncate'].map(
    (name) => ['trigger', name, `SELECT FROM pg_trigger WHERE tgname = $1 AND tgenabled <> 'D'`] as const,
  ),
] as const;

/** A replica has two pools of 12 and the queue's 4. */
const connectionsOfOne = 28;

export async function checkDatabase(url: string): Promise<Checked> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 3_000,
    query_timeout: 5_000,
    application_name: 'maitred doctor',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    return {
      findings: [fail('database', unreachable(error as NodeJS.ErrnoException))],
      channels: [],
      sealed: undefined,
    };
  }
  try {
    const findings = [await serverOf(client), await skewOf(client), await sessionsOf(client), await roomOf(client)];
    const schema = await schemaOf(client);
    findings.push(...schema.findings);
    const stored = schema.isCurrent ? await storedOf(client) : { channels: [], sealed: undefined };
    return { findings: findings.flatMap((one) => one ?? []), ...stored };
  } catch (error) {
    const says = `it stopped answering while it was asked (${(error as Error).message}): look at its log`;
    return { findings: [fail('database', says)], channels: [], sealed: undefined };
  } finally {
    await client.end().catch(() => undefined);
  }
}

function unreachable({ code, message }: NodeJS.ErrnoException): string {
  if (code === '28P01' || code === '28000')
    return 'it refuses the login: check the user and the password in DATABASE_URL';
  if (code === '3D000') return 'there is no such database: create it, or check the name in DATABASE_URL';
  if (code === '53300') return 'it has no connection left: raise max_connections, or run fewer replicas';
  return `it does not answer (${code ?? message}): start PostgreSQL, or check host and port in DATABASE_URL`;
}

async function serverOf(client: pg.Client): Promise<Finding> {
  const { rows } = await client.query<{ version: string; number: number; read_only: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
       current_setting('transaction_read_only') AS read_only`,
  );
  const { version, number, read_only } = rows[0] as { version: string; number: number; read_only: string };
  if (read_only === 'on')
    return fail('database', 'it takes no writes (read-only): point DATABASE_URL at the primary, or switch writes on');
  if (number < 150_000) return fail('database', `PostgreSQL ${version} is too old: use 15 or newer`);
  return ok('database', `PostgreSQL ${version} answers and takes writes`);
}

async function skewOf(client: pg.Client): Promise<Finding> {
  const before = Date.now();
  const { rows } = await client.query<{ at: Date }>('SELECT clock_timestamp() AS at');
  const middle = (before + Date.now()) / 2;
  return clocks('clock', (rows[0]?.at.getTime() ?? middle) - middle, 1_000, 'the database');
}

/** Advisory locks belong to a session: a pooler that hands out another one for each transaction breaks them. */
async function sessionsOf(client: pg.Client): Promise<Finding | undefined> {
  const pids = new Set<number>();
  for (let tries = 0; tries < 5; tries++)
    pids.add((await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0);
  if (pids.size === 1) return undefined;
  return fail('database', 'a pooler changes sessions between transactions: use session pooling, or connect directly');
}

async function roomOf(client: pg.Client): Promise<Finding | undefined> {
  const { rows } = await client.query<{ most: number; used: number }>(
    `SELECT current_setting('max_connections')::int AS most,
       (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used`,
  );
  const { most, used } = rows[0] as { most: number; used: number };
  if (most - used >= connectionsOfOne) return undefined;
  return warn(
    'database',
    `${used} of ${most} connections are taken and a replica uses up to ${connectionsOfOne}: raise max_connections`,
  );
}

async function schemaOf(client: pg.Client): Promise<{ findings: Finding[]; isCurrent: boolean }> {
  let missing: readonly string[];
  try {
    missing = await missingMigrations(client);
  } catch (error) {
    // 42P01: the table of migrations is not there.
    if ((error as { code?: string }).code !== '42P01') throw error;
    return { findings: [warn('migrations', 'it is empty: the first start of Maitred fills it')], isCurrent: false };
  }
  if (missing.length > 0)
    return {
      findings: [
        fail('migrations', `${missing.join(', ')} missing: start this version of Maitred, which applies them`),
      ],
      isCurrent: false,
    };
  const gone: string[] = [];
  for (const [what, name, sql] of guards)
    if ((await client.query(sql, [name])).rowCount === 0) gone.push(`${what} ${name}`);
  const findings = [ok('migrations', 'all are applied')];
  findings.push(
    gone.length === 0
      ? ok('constraints', 'what keeps slots apart and the record whole is in place')
      : fail(
          'constraints',
          `${gone.join(', ')} gone: stop Maitred and restore from a backup, or make them again as in prisma/migrations`,
        ),
  );
  return { findings, isCurrent: true };
}

async function storedOf(client: pg.Client): Promise<{ channels: string[]; sealed: string | undefined }> {
  const { rows } = await client.query<{ channel: string }>(
    `SELECT DISTINCT channel FROM (
       SELECT target AS channel FROM subscription UNION SELECT channel FROM digest
       UNION SELECT channel FROM release WHERE ended_at IS NULL AND state IN ('requested', 'approved', 'deploying', 'verifying')) AS used
     WHERE channel ~ '^[CG]' ORDER BY 1 LIMIT 100`,
  );
  const { rows: secrets } = await client.query<{ secret: string }>(
    'SELECT secret FROM credential ORDER BY at DESC LIMIT 1',
  );
  return { channels: rows.map(({ channel }) => channel), sealed: secrets[0]?.secret };
}
