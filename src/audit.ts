import { openDb } from './store/db.ts';
import { audit } from './store/log.ts';

/** `npm run audit`: recomputes every hash of the event log. Exit code 1 when a byte was changed. */
const url = process.env.DATABASE_URL;
if (!url) {
  process.stderr.write('Set DATABASE_URL to the database to audit.\n');
  process.exit(2);
}
const db = openDb({ url, onError: () => undefined });
const { events, unsealed, problems } = await audit(db);
for (const problem of problems)
  process.stdout.write(`${problem.workspace} at ${problem.position}: ${problem.what} (${problem.event})\n`);
process.stdout.write(
  `${events} sealed events, ${unsealed} waiting for their seal, ${problems.length === 0 ? 'every hash is right' : `${problems.length} problems`}\n`,
);
await db.close();
process.exit(problems.length === 0 ? 0 : 1);
