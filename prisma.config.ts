// The Prisma CLI looks for a schema-engine binary (and tries to download it) even for commands
// that never run it. Point it at any existing executable for those commands.
if (process.argv.some((arg) => arg === 'generate' || arg === 'validate' || arg === 'format')) {
  process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;
}

import { defineConfig } from 'prisma/config';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: {
    // `generate` needs no url; an empty default keeps `npm ci` working with no environment.
    url: process.env['DATABASE_URL'] ?? 'postgresql://unused:unused@127.0.0.1:1/unused',
  },
});
