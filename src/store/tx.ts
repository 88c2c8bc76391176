import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
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

/**
 * How long a transaction is tried again. One that stands still (a starved machine, a slow disk) makes those that meet it
 * conflict for as long as it does: a number of tries would be used up before it moves.
 */
const patienceMs = 10_000;
const longestPauseMs = 250;

/** Makes SQL text out of a value: what travels with BEGIN has no parameters. */
export type Literal = (text: string) => string;

export type TransactionOptions = {
  /**
   * What people race for: whoever names the same waits, in this process before a connection is taken, across processes
   * on an advisory lock that is older than the transaction's snapshot.
   */
  readonly contends: readonly string[];
  /**
   * A statement that is over before the transaction begins: what it reads on a page to which everybody writes would make
   * everybody's transaction conflict.
   */
  readonly first?: (literal: Literal) => string;
  /**
   * A statement that locks the one row whose every change matters. With it and `contends`, the work need not be
   * Serializable: it is never tried again because of what others do elsewhere.
   */
  readonly hold?: ((literal: Literal) => string) | undefined;
};

/**
 * Runs `work` in a Serializable transaction and repeats it as a whole when it conflicts with another; so `work` must be
 * free of effects other than its statements. It gets the rows that `first` found.
 */
export async function inTransaction<T>(
  db: Db,
  options: TransactionOptions,
  work: (tx: Tx, first: pg.QueryResultRow[]) => Promise<T>,
): Promise<T> {
  // In one order everywhere, so that nobody waits in a circle.
  const names = [...new Set(options.contends)].sort();
  return queued(names, async () => {
    const started = performance.now();
    for (let pauseMs = 4; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        return await once(db, { ...options, contends: names }, work);
      } catch (error) {
        if (!isConflict(error) || performance.now() - started > patienceMs) throw error;
        await sleep(Math.random() * pauseMs);
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
  { contends, first, hold }: TransactionOptions,
  work: (tx: Tx, first: pg.QueryResultRow[]) => Promise<T>,
): Promise<T> {
  const client = await db.pool.connect();
  let broken: Error | undefined;
  let committing = false;
  try {
    const literal = (text: string) => client.escapeLiteral(text);
    // The locks are the session's: they outlast the transaction in which they are taken. All of it is one round trip.
    const locks = contends.map((name) => `SELECT pg_advisory_lock(hashtextextended(${literal(name)}, 0))`);
    const before = [...locks, ...(first ? [first(literal)] : [])];
    const begin = hold ? ['BEGIN', hold(literal)] : ['BEGIN ISOLATION LEVEL SERIALIZABLE'];
    const begun = await client.query(
      [...(before.length > 0 ? ['BEGIN', ...before, 'COMMIT'] : []), ...begin].join('; '),
    );
    const found = first ? (begun as unknown as pg.QueryResult[])[before.length]?.rows : undefined;
    const tx = {
      query: async (sql: string, params: readonly unknown[]) => (await client.query(prepared(sql, params))).rows,
      write: async (sql: string, params: readonly unknown[]) =>
        (await client.query(prepared(sql, params))).rowCount ?? 0,
    } as unknown as Tx;
    const result = await work(tx, found ?? []);
    committing = true;
    await client.query(`COMMIT${unlocked(contends)}`);
    return result;
  } catch (error) {
    // A connection whose ROLLBACK fails is in an unknown state: it must not go back to the pool.
    await client.query(`ROLLBACK${unlocked(contends)}`).catch((failed: Error) => {
      broken = failed;
    });
    if (committing && isDatabaseDown(error)) throw new CommitUnclear('COMMIT got no answer', { cause: error });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Travels with the end of the transaction. */
function unlocked(contends: readonly string[]): string {
  return contends.length > 0 ? '; SELECT pg_advisory_unlock_all()' : '';
}

const waiting = new Map<string, Promise<unknown>>();

/** One after the other per name within this process, so that waiters hold no connection. */
async function queued<T>([name, ...rest]: readonly string[], work: () => Promise<T>): Promise<T> {
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
