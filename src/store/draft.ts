import type { Db } from './db.ts';

/*
 * What somebody was about to do: kept for the button that does it. Not part of the record.
 */
export type Draft = { readonly person: string; readonly command: string; readonly input: unknown };

export async function keepDraft(db: Db, workspace: string, id: string, draft: Draft, at: Date): Promise<void> {
  await db.background.query(
    'INSERT INTO draft (workspace, id, person, command, input, at) VALUES ($1, $2, $3, $4, $5, $6)',
    [workspace, id, draft.person, draft.command, JSON.stringify(draft.input), at],
  );
}

/** Undefined when it was never kept, or forgotten. */
export async function findDraft(db: Db, workspace: string, id: string): Promise<Draft | undefined> {
  const { rows } = await db.background.query<Draft>(
    'SELECT person, command, input FROM draft WHERE workspace = $1 AND id = $2',
    [workspace, id],
  );
  return rows[0];
}

/** Forgets what nobody came back to. */
export async function forgetDrafts(db: Db, before: Date): Promise<number> {
  return (await db.background.query('DELETE FROM draft WHERE at < $1', [before])).rowCount ?? 0;
}
