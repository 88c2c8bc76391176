import { randomUUID } from 'node:crypto';
import pg from 'pg';

/*
 * The rows that the product wrote for one command, kept as they are, and written again for other releases by the plainest
 * means there is: BEGIN, one INSERT for each table, COMMIT. What a floor writes is thereby what the product writes.
 */

type Cells = Readonly<Record<string, unknown>>;
export type Template = {
  /** The release that the rows are of. */
  readonly release: number;
  /** When it starts; written again it starts elsewhere, so that nothing overlaps. */
  readonly startsAt: string;
  readonly tables: readonly { readonly table: string; readonly rows: readonly Cells[] }[];
};

const own: Readonly<Record<string, string>> = {
  command: 'id = $2',
  release: 'number = $3',
  release_unit: 'release = $3',
  gate: 'release = $3',
  criterion: 'release = $3',
  reservation: 'release = $3',
  vote: 'release = $3',
  event: 'command = $2',
  /** The table `kept` has what was written to it: rows of the outbox do not live long. */
  outbox: 'true',
  timer: `(body ->> 'release')::int = $3`,
};

/** Reads what one command wrote; `only` leaves out what another command wrote for the same release. */
export async function templateOf(
  client: Pick<pg.Pool, 'query'>,
  of: { readonly workspace: string; readonly command: string; readonly release: number },
  only: readonly string[] = Object.keys(own),
): Promise<Template> {
  const tables = [];
  for (const table of only) {
    // Every parameter is named once, so that each statement has them all.
    const { rows } = await client.query(
      `SELECT to_jsonb(t) - '{seq${table === 'outbox' ? ',id' : ''}}'::text[] AS cells FROM ${table === 'outbox' ? 'kept' : table} t
       WHERE workspace = $1 AND ${own[table]} AND $2::text <> '' AND $3::int >= 0`,
      [of.workspace, of.command, of.release],
    );
    if (rows.length > 0) tables.push({ table, rows: rows.map((row) => row.cells as Cells) });
  }
  const { rows } = await client.query('SELECT starts_at FROM release WHERE workspace = $1 AND number = $2', [
    of.workspace,
    of.release,
  ]);
  return { release: of.release, startsAt: (rows[0].starts_at as Date).toISOString(), tables };
}

export type Slots = { readonly pool: pg.Pool; readonly list: () => Promise<number> };

/** A pool of the product's size, and the page of a list read table by table. */
export function openSlots(databaseUrl: string): Slots {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 12 });
  pool.on('error', () => undefined);
  const list = async () => {
    const named = (text: string, values: unknown[]) => ({ name: text.slice(0, 50), text, values });
    const open = `workspace = $1 AND state IN ('requested', 'approved', 'deploying', 'paused', 'verifying')`;
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const page = await client.query(
        named(`SELECT * FROM release WHERE ${open} ORDER BY starts_at, number LIMIT 10`, ['T0BENCH']),
      );
      const numbers = page.rows.map((row) => row.number);
      for (const table of ['release_unit', 'gate', 'vote'])
        await client.query(
          named(`SELECT ${table}.* FROM ${table} WHERE workspace = $1 AND release = ANY ($2)`, ['T0BENCH', numbers]),
        );
      const total = await client.query(named(`SELECT count(*)::int AS n FROM release WHERE ${open}`, ['T0BENCH']));
      await client.query('COMMIT');
      return total.rows[0].n as number;
    } finally {
      client.release();
    }
  };
  return { pool, list };
}

/** Decides inside the transaction whether the rows are written; a "no" writes only that somebody asked. */
export type Guard = (client: pg.PoolClient, number: number) => Promise<boolean>;

/** Writes the template's rows for one release after the other, from `from` on; returns the number. */
export function writer({ pool }: Slots, template: Template, from: number, guard?: Guard): () => Promise<number> {
  const isBooking = template.tables.some(({ table }) => table === 'release');
  const asked = { ...template, tables: template.tables.filter(({ table }) => table === 'command') };
  let next = from;
  return async () => {
    const number = next++;
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const isFree = guard ? await guard(client, number) : true;
      for (const statement of statementsOf(isFree ? template : asked, number, isBooking)) {
        const { rows } = await client.query(statement);
        if (rows.length > 0)
          await client.query({
            name: 'unsealed',
            text: 'INSERT INTO unsealed (seq, workspace) SELECT unnest($1::bigint[]), $2',
            values: [rows.map((row) => row.seq), 'T0BENCH'],
          });
      }
      await client.query('COMMIT');
      return number;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  };
}

/**
 * The same for pgbench: the rows are kept in tables of their own, and a script writes them again as release `:n`. Returns
 * the script.
 */
export async function scriptOf(client: Pick<pg.Pool, 'query'>, template: Template): Promise<string> {
  const lines = ['\\set i :i + 1', '\\set n :client_id * 1000000 + :i + 1000', 'BEGIN;'];
  for (const { table, rows } of template.tables) {
    await client.query(`CREATE TABLE kept_${table} AS SELECT * FROM ${table} WHERE false`);
    await client.query(
      `INSERT INTO kept_${table} SELECT (jsonb_populate_record(NULL::kept_${table}, row)).* FROM jsonb_array_elements($1::jsonb) AS row`,
      [JSON.stringify(rows)],
    );
    const { rows: columns } = await client.query<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attname <> ALL ($2)`,
      [table, [...(table === 'event' ? ['seq'] : []), ...(table === 'outbox' ? ['id'] : [])]],
    );
    const values = columns.map(({ name, type }) => {
      if (name === 'release' || (table === 'release' && name === 'number')) return ':n';
      if (['starts_at', 'ends_at'].includes(name)) return `t.${name} + :n * interval '20 minutes'`;
      if (name === 'id') return 'gen_random_uuid()::text';
      if (table === 'timer' && name === 'key') return 't.key || :n';
      if (['text', 'jsonb'].includes(type))
        return `replace(t.${name}::text, 'REL-${template.release}', 'REL-' || :n)::${type}`;
      return `t.${name}`;
    });
    const insert = `INSERT INTO ${table} (${columns.map(({ name }) => name).join(', ')}) SELECT ${values.join(', ')} FROM kept_${table} t`;
    lines.push(
      table === 'event'
        ? `WITH e AS (${insert} RETURNING seq) INSERT INTO unsealed (seq, workspace) SELECT seq, 'T0BENCH' FROM e;`
        : `${insert};`,
    );
  }
  return [...lines, 'COMMIT;', ''].join('\n');
}

/** One INSERT for each table, as prepared statements. */
function statementsOf(template: Template, number: number, isBooking: boolean): pg.QueryConfig[] {
  return template.tables.map(({ table, rows }) => {
    const again = rows.map((cells) => moved(table, cells, template, number, isBooking));
    const columns = Object.keys(again[0] ?? {});
    const values = again.flatMap((cells) => columns.map((column) => cells[column]));
    const places = again
      .map((_cells, row) => `(${columns.map((_column, at) => `$${row * columns.length + at + 1}`).join(', ')})`)
      .join(', ');
    const text = `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${places}${table === 'event' ? ' RETURNING seq' : ''}`;
    return { name: `${table}:${again.length}`, text, values };
  });
}

/** The same row of another release, at another time. */
function moved(table: string, cells: Cells, template: Template, number: number, isBooking: boolean): Cells {
  const shift = isBooking ? number * 20 * 60_000 : 0;
  const id = randomUUID();
  return Object.fromEntries(
    Object.entries(cells).map(([column, value]) => {
      if (column === 'release' || (table === 'release' && column === 'number'))
        return [column, value === null ? null : number];
      if (['starts_at', 'ends_at'].includes(column)) return [column, new Date(Date.parse(String(value)) + shift)];
      if ((table === 'event' && column === 'id') || (table === 'command' && column === 'id')) return [column, id];
      if (table === 'timer' && column === 'key') return [column, `${value}:${number}`];
      if (Array.isArray(value)) return [column, value];
      const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
      if (typeof text !== 'string') return [column, text];
      return [column, text.replaceAll(`REL-${template.release}`, `REL-${number}`)];
    }),
  );
}
