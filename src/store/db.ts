import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from './prisma/client.ts';

/** The database: one pool for commands, one for everything that may wait, and Prisma's typed reads on the second. */
export type Db = {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  readonly background: pg.Pool;
  readonly close: () => Promise<void>;
};

/** A network hole must end in an error, and must not keep locks behind: reliability finding 10. */
const patience = { connectionTimeoutMillis: 3_000, query_timeout: 5_000, keepAlive: true } as const;
const session = 'SET statement_timeout = 4000; SET idle_in_transaction_session_timeout = 5000';
// What commands ask for is found by keys whatever the values: planning it anew for each would take as long as doing it.
const onePlan = 'SET plan_cache_mode = force_generic_plan';

/**
 * Clients that are listened to from their beginning to their end. A pool listens to idle ones only: a connection that
 * breaks while it is in use would end the process, unheard.
 */
export function heard(onError: (error: Error) => void): typeof pg.Client {
  return class extends pg.Client {
    constructor(config?: string | pg.ClientConfig) {
      super(config);
      this.on('error', onError);
    }
  };
}

export type DbSettings = {
  readonly url: string;
  /** Hears of every connection that breaks. */
  readonly onError: (error: Error) => void;
  readonly poolSize?: number;
  /** No commit waits for the disk: a crash may take the last ones with it. */
  readonly isHasty?: boolean;
};

/** Opens the pools. Nothing is connected until the first query. */
export function openDb(settings: DbSettings): Db {
  const open = (max: number, application_name: string, ...wishes: string[]) => {
    const { url: connectionString, onError } = settings;
    const Client = heard(onError);
    // Said in the session: poolers refuse what they do not know in a start packet, and an address may bring its own options.
    const said = [session, ...wishes, ...(settings.isHasty ? ['SET synchronous_commit = off'] : [])].join('; ');
    const onConnect = (client: pg.ClientBase) => client.query(said);
    const pool = new pg.Pool({ connectionString, max, application_name, Client, onConnect, ...patience });
    // Its client has said so already.
    pool.on('error', () => undefined);
    return pool;
  };
  const pool = open(settings.poolSize ?? 12, 'maitred', onePlan);
  const background = open(settings.poolSize ?? 12, 'maitred background');
  const prisma = new PrismaClient({ adapter: new PrismaPg(background) });
  return {
    pool,
    background,
    prisma,
    close: async () => {
      await prisma.$disconnect();
      await Promise.all([pool.end(), background.end()]);
    },
  };
}

const names = new Map<string, string>();

/** A statement that each connection parses and plans once: half the time of a large query goes into planning it. */
export function prepared(text: string, params: readonly unknown[]): pg.QueryConfig<unknown[]> {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    names.set(text, name);
  }
  return { name, text, values: [...params] };
}

/** Makes the typed client compile its first query, which takes a tenth of a second. */
export async function warmUp(db: Db): Promise<void> {
  await db.prisma.release.findFirst({ include: { units: true } });
}

/** Does the database answer, and let something be written? */
export async function pingDb(db: Db): Promise<'ok' | 'read-only' | 'down'> {
  return db.background.query<{ on: string }>(`SELECT current_setting('transaction_read_only') AS on`).then(
    ({ rows }) => (rows[0]?.on === 'on' ? 'read-only' : 'ok'),
    () => 'down',
  );
}

/** Milliseconds by which the database's clock is ahead of this process's. */
export async function clockSkew(db: Db): Promise<number> {
  const before = Date.now();
  const { rows } = await db.background.query<{ at: Date }>('SELECT clock_timestamp() AS at');
  const after = Date.now();
  return (rows[0] as { at: Date }).at.getTime() - (before + after) / 2;
}

/**
 * Work in a transaction of its own, on a connection for the background. `begin` opens it. A connection whose ROLLBACK fails
 * is in an unknown state and does not go back to the pool.
 */
export async function inBackground<T>(
  { background }: Pick<Db, 'background'>,
  begin: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await background.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failed: Error) => {
      broken = failed;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Nothing was asked for, or nobody answered: the server is gone, full, starting or takes no writes. */
export function isDatabaseDown(error: unknown): boolean {
  const { code, message, meta } = error as {
    code?: unknown;
    message?: unknown;
    meta?: { driverAdapterError?: { cause?: { kind?: string; originalCode?: string } } };
  };
  const cause = meta?.driverAdapterError?.cause;
  const state = cause?.originalCode ?? (typeof code === 'string' ? code : '');
  // SQLSTATE classes 08 (connection), 53 (resources), 57P (shut down, starting), 25006 (read-only); then Node's and Prisma's.
  if (
    /^(08...|53...|57P..|25006|ECONN\w+|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|P1001|P1002|P1017|P2024)$/.test(
      state,
    )
  )
    return true;
  if (['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout'].includes(cause?.kind ?? '')) return true;
  // pg's own, which have no code.
  return /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Cannot use a pool)/.test(
    String(message),
  );
}
