import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import pino from 'pino';
import { parse } from 'yaml';
import { applyCatalogCommand } from './commands/setup.ts';
import type { Ctx } from './ctx.ts';
import { Catalog, catalogSchema, freezesOf, type ParsedCatalog, parseCatalog, windowsOf } from './domain/catalog.ts';
import { type CatalogChange, diffCatalog } from './domain/setup.ts';
import { run } from './run.ts';
import { type Db, openDb } from './store/db.ts';
import { connectedWorkspaces } from './store/read.ts';

/*
 * npm run catalog -- check FILE | diff FILE | apply FILE | schema [FILE]
 * Says what a catalogue would change before it changes it. diff and apply work on DATABASE_URL.
 */
const usage = `npm run catalog -- check FILE     is it well written?
npm run catalog -- diff FILE      what would applying it change?   (DATABASE_URL)
npm run catalog -- apply FILE     apply it                         (DATABASE_URL)
npm run catalog -- schema [FILE]  its JSON Schema, for editors`;

const [verb, file, ...more] = process.argv.slice(2);
main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  if (verb === 'schema' && more.length === 0) {
    const text = `${JSON.stringify(catalogSchema(), null, 2)}\n`;
    if (file) writeFileSync(file, text);
    else process.stdout.write(text);
    return;
  }
  if (!file || more.length > 0 || !['check', 'diff', 'apply'].includes(verb ?? '')) {
    process.stderr.write(`${usage}\n`);
    process.exitCode = 2;
    return;
  }
  const { catalog, hash } = read(file);
  if (verb === 'check') {
    const count = (entries: object, one: string) => `${Object.keys(entries).length} ${one}`;
    const parts = [
      count(catalog.services, 'services'),
      count(catalog.teams, 'teams'),
      count(catalog.windows, 'windows'),
    ];
    process.stdout.write(
      `${file} is well written: ${[...parts, count(catalog.freezes, 'freezes'), count(catalog.trains, 'trains')].join(', ')}.\n`,
    );
    return;
  }
  const url = process.env.DATABASE_URL;
  if (!url) throw new Error('DATABASE_URL says which database the catalogue is compared with. It is not set.');
  const db = openDb({ url, onError: () => undefined });
  try {
    const workspaces = await connectedWorkspaces(db);
    const [workspace] = workspaces;
    if (!workspace || workspaces.length > 1)
      throw new Error(
        workspace
          ? 'This database has several workspaces: apply the catalogue with CATALOG_FILE.'
          : 'No workspace is connected to this database yet: start Maitred once.',
      );
    const before = Catalog.safeParse(workspace.catalog);
    const changes = diffCatalog(before.success ? before.data : undefined, catalog);
    process.stdout.write(`${describe(changes, catalog)}\n`);
    if (verb === 'apply' && changes.length > 0) await apply(db, workspace.id, { catalog, hash });
  } finally {
    await db.close();
  }
}

function read(path: string): { catalog: Catalog; hash: string } {
  const text = readFileSync(path, 'utf8');
  const parsed: ParsedCatalog = parseCatalog(parse(text));
  if (!parsed.ok)
    throw new Error(`${path} cannot be used:\n${parsed.problems.map((problem) => `  - ${problem}`).join('\n')}`);
  return { catalog: parsed.catalog, hash: createHash('sha256').update(text).digest('hex').slice(0, 16) };
}

function describe(changes: readonly CatalogChange[], catalog: Catalog): string {
  if (changes.length === 0) return 'Nothing would change.';
  const signs = { added: '+', changed: '~', removed: '-' } as const;
  const names = new Map([...windowsOf(catalog), ...freezesOf(catalog)].map((one) => [one.key, one.name]));
  return changes
    .map(
      ({ section, key, how }) =>
        `${signs[how]} ${section} ${key}${names.has(key) && names.get(key) !== key ? ` (${names.get(key)})` : ''}`,
    )
    .join('\n');
}

/** Applying is an event like any other; a running Maitred picks up what follows from it. */
async function apply(db: Db, workspace: string, input: { catalog: Catalog; hash: string }): Promise<void> {
  const nobody = { people: {}, usergroups: {}, channels: {} };
  const ctx: Ctx = {
    db,
    directory: { peek: () => nobody, lookup: async () => nobody },
    now: () => new Date(),
    newId: randomUUID,
    log: pino({ level: 'silent' }),
    wake: () => undefined,
    count: () => undefined,
  };
  const by = { workspace, actor: { kind: 'system' }, id: `catalog:${input.hash}:${randomUUID()}` } as const;
  const outcome = await run(ctx, applyCatalogCommand, input, by);
  if (!outcome.ok) throw new Error(`It was refused: ${outcome.refusal.code}`);
  process.stdout.write(
    outcome.events.length === 0 ? 'It was applied before.\n' : `Applied: ${outcome.events.length} events.\n`,
  );
}
