import type pg from 'pg';
import { type Db, isDatabaseDown, prepared } from './db.ts';

declare const isTx: unique symbol;

/** A running transaction. Only `inTransaction` makes one, so holding a Tx proves that there is one. */
export type Tx = {
  readonly [isTx]: true;
  /** Runs one statement; each costs a round trip, so ask for everything at once. */
  readonly query: <Row extends pg.QueryResultRow>(sql: string, params: readonly unknown[]) => Promise<Row[]>;
  /** Runs one write and returns how many rows it touched. */
  readonly write: (sql: string, params: readonly unknown[]) => Promise<number>;
};

/** Thrown inside a transaction when the world moved: the whole transaction is tried again. */
export class Conflict extends Error {}

/** The connection was lost between COMMIT and its answer: only asking again with the same id tells whether it stands. */
export class CommitUnclear extends Error {}

const attempts = 12;

/**
 * Runs `work` in a Serializable transaction and repeats it as a whole when it conflicts with another; so `work` must be
 * free of effects other than its statements. `contends` names what people race for: those wait for each other in this
 * process, and once a conflict shows that another process races too, also across processes (an advisory lock, taken
 * before the transaction takes its snapshot). `crowd` names commands that race for other things but read each other's rows: one that
 * failed twice has the crowd to itself, so that it gets through. `first` is a statement without parameters that travels with BEGIN.
 */
export async function inTransaction<T>(
  db: Db,
  options: {
    contends: readonly string[];
    crowd?: string | undefined;
    first: (literal: (text: string) => string) => string;
  },
  work: (tx: Tx, first: pg.QueryResultRow[]) => Promise<T>,
): Promise<T> {
  return queued(options.contends, async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        const alone = attempt > 2 && options.crowd !== undefined ? [options.crowd] : [];
        // In one order everywhere, the crowd last: whoever waits for it holds nothing that its members wait for.
        const locks = attempt > 1 ? [...[...options.contends].sort(), ...alone] : [];
        return await once(db, locks, alone.length > 0 ? undefined : options.crowd, options.first, work);
      } catch (error) {
        if (attempt >= attempts || !isConflict(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 4 * attempt));
      }
    }
  });
}

/** Serialization failure, deadlock, or a rule of the database that the facts did not show yet. */
export function isConflict(error: unknown): boolean {
  if (error instanceof Conflict) return true;
  const state = sqlState(error);
  return state === '40001' || state === '40P01' || state === '23P01' || state === '23505';
}

/** SQLSTATE of an error, raw from pg or wrapped by Prisma (whose own codes miss conflicts that show at COMMIT). */
export function sqlState(error: unknown): string | undefined {
  const prisma = error as { meta?: { driverAdapterError?: { cause?: Cause } }; cause?: Cause; code?: unknown };
  const cause = prisma.meta?.driverAdapterError?.cause ?? prisma.cause;
  if (cause?.kind === 'TransactionWriteConflict' || prisma.code === 'P2034') return '40001';
  return cause?.originalCode ?? (typeof prisma.code === 'string' ? prisma.code : undefined);
}
type Cause = { originalCode?: string; kind?: string };

async function once<T>(
  db: Db,
  locks: readonly string[],
  among: string | undefined,
  first: (literal: (text: string) => string) => string,
  work: (tx: Tx, first: pg.QueryResultRow[]) => Promise<T>,
): Promise<T> {
  const client = await db.pool.connect();
  const locked: string[] = [];
  let broken: Error | undefined;
  let committing = false;
  try {
    for (const name of locks) {
      await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
      locked.push(name);
    }
    const literal = (text: string) => client.escapeLiteral(text);
    const begun = (await client.query(
      `BEGIN ISOLATION LEVEL SERIALIZABLE; ${shared(among, literal)}${first(literal)}`,
    )) as unknown as pg.QueryResult[];
    const tx = {
      query: async (sql: string, params: readonly unknown[]) => (await client.query(prepared(sql, params))).rows,
      write: async (sql: string, params: readonly unknown[]) =>
        (await client.query(prepared(sql, params))).rowCount ?? 0,
    } as unknown as Tx;
    const result = await work(tx, begun.at(-1)?.rows ?? []);
    committing = true;
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection whose ROLLBACK fails is in an unknown state: it must not go back to the pool.
    await client.query('ROLLBACK').catch((failed: Error) => {
      broken = failed;
    });
    if (committing && isDatabaseDown(error)) throw new CommitUnclear('COMMIT got no answer', { cause: error });
    throw error;
  } finally {
    for (const name of locked) {
      await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]).catch((failed: Error) => {
        broken = failed;
      });
    }
    client.release(broken);
  }
}

/** Whoever has the crowd to itself waits for these, and these for it; it travels with BEGIN. */
function shared(among: string | undefined, literal: (text: string) => string): string {
  return among === undefined ? '' : `SELECT pg_advisory_xact_lock_shared(hashtextextended(${literal(among)}, 0)); `;
}

const waiting = new Map<string, Promise<unknown>>();

/** One after the other per name within this process, so that waiters hold no connection. */
async function queued<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
  const [name, ...rest] = [...new Set(names)].sort();
  if (name === undefined) return work();
  const before = waiting.get(name);
  const turn = (async () => {
    await before?.catch(() => undefined);
    return queued(rest, work);
  })();
  waiting.set(name, turn);
  try {
    return await turn;
  } finally {
    if (waiting.get(name) === turn) waiting.delete(name);
  }
}
