import { openDb } from './store/db.ts';
import { migrate } from './store/migrate.ts';
import { catchUpWithSlack } from './store/restore.ts';

/** `npm run restored`: once after a database was restored from a backup, before Maitred starts on it. */
const url = process.env.DATABASE_URL;
if (!url) {
  process.stderr.write('Set DATABASE_URL to the database that was restored.\n');
  process.exit(2);
}
await migrate(url);
const db = openDb({ url, onError: () => undefined });
const again = await catchUpWithSlack(db, new Date());
await db.close();
process.stdout.write(
  `${again} messages will be written again; others are looked for in Slack before they are posted. Now start Maitred.\n`,
);
