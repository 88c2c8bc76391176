import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import pg from 'pg';

/** SQL that would bring the database in line with the schema; empty when they agree. Prisma's own engine judges, as WebAssembly. */
export async function drift(url: string, path: string, content: string): Promise<string> {
  const SchemaEngine = await loadEngine();
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  const factory = new PrismaPg(pool);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => knowsChar(await connect());
  const engine = await SchemaEngine.new(
    { datamodels: [[path, content]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(factory),
  );
  try {
    const files = [{ path, content }];
    const found = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: dirname(path) },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      shadowDatabaseUrl: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    return found.exitCode === 0 ? '' : (found.stdout ?? 'drift');
  } finally {
    engine.free();
    await pool.end();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the engine ships no types for this entry
type Loose = any;
let loaded: Promise<Loose> | undefined;

/** Node 20 does not import .wasm: it is instantiated by hand, once. */
function loadEngine(): Promise<Loose> {
  loaded ??= (async () => {
    const scope = globalThis as Loose;
    scope.PRISMA_WASM_PANIC_REGISTRY ??= { message: '', set_message: (message: string) => message };
    const glue: Loose = await import('@prisma/schema-engine-wasm/schema_engine_bg');
    const file = join(
      dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')),
      'schema_engine_bg.wasm',
    );
    const { instance } = await scope.WebAssembly.instantiate(await readFile(file), { './schema_engine_bg.js': glue });
    glue.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
    return glue.SchemaEngine;
  })();
  return loaded;
}

/** The adapter does not know PostgreSQL's one-byte "char" (type 18), which the engine reads from the catalogue. */
function knowsChar(adapter: Loose): Loose {
  const { queryRaw } = adapter;
  adapter.queryRaw = async (query: unknown) => {
    const chars: number[] = [];
    const view = Object.create(adapter, {
      performIO: {
        value: async (asked: unknown) => {
          const result = await adapter.performIO(asked);
          result.fields.forEach((field: { dataTypeID: number }, index: number) => {
            if (field.dataTypeID !== 18) return;
            chars.push(index);
            field.dataTypeID = 25;
          });
          return result;
        },
      },
    });
    const result = await queryRaw.call(view, query);
    for (const index of chars) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  return adapter;
}
