import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseCatalog } from './domain/catalog.ts';
import { type Finding, fail, ok, warn } from './domain/finding.ts';
import { type Env, readEnv } from './env.ts';
import { checkRedis } from './jobs/check.ts';
import { runningPostgres } from './postgres.ts';
import { checkSlack } from './slack/check.ts';
import { type Checked, checkDatabase } from './store/check.ts';
import { openVault } from './vault.ts';

/** Looks at everything that this installation stands on, and says what to do about what is wrong. Changes nothing. */
export async function diagnose(raw: Readonly<Record<string, string | undefined>>): Promise<Finding[]> {
  const read = readEnv(raw);
  if (!read.ok) return read.problems.map((problem) => fail('settings', `${problem}: README.md has the list`));
  const { env } = read;
  const catalog = readCatalog(env);
  const [database, queue, address] = await Promise.all([databaseOf(env), queueOf(env), addressOf(env)]);
  const slack = env.slack
    ? await checkSlack(env.slack, {
        scopes: scopesOfManifest(),
        channels: [
          ...new Set([
            ...namesUnder(catalog.found, ['channel', 'channels', 'home'], /^[CG][A-Z0-9]{2,}$/),
            ...database.channels,
          ]),
        ],
        usergroups: namesUnder(catalog.found, ['usergroup', 'oncall'], /^S[A-Z0-9]{2,}$/),
      })
    : [ok('slack', 'the local workspace in the browser; SLACK_BOT_TOKEN connects a real one')];
  return [
    ok('settings', env.production ? 'complete, for production' : 'complete'),
    catalog.finding,
    keyOf(env, database.sealed),
    ...database.findings,
    queue,
    ...slack,
    address,
  ];
}

async function databaseOf(env: Env): Promise<Checked> {
  if (env.databaseUrl) return checkDatabase(env.databaseUrl);
  const folder = join(env.dataDir, 'postgres');
  const nothing = { channels: [], sealed: undefined };
  if (!existsSync(join(folder, 'PG_VERSION')))
    return { findings: [ok('database', `embedded; npm start makes it in ${env.dataDir}`)], ...nothing };
  const url = await runningPostgres(folder);
  if (url === undefined)
    return {
      findings: [ok('database', `embedded in ${env.dataDir}, and not running; npm start starts it`)],
      ...nothing,
    };
  return checkDatabase(url);
}

async function queueOf(env: Env): Promise<Finding> {
  return env.redisUrl ? checkRedis(env.redisUrl) : ok('queue', 'on PostgreSQL, beside the data');
}

/** Do people's calendars, and machines, reach Maitred where it says that it is? */
async function addressOf(env: Env): Promise<Finding> {
  const url = env.publicUrl ?? `http://127.0.0.1:${env.port}`;
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000), redirect: 'manual' }).catch(
    () => undefined,
  );
  const text = answer?.status === 200 ? await answer.text().catch(() => '') : '';
  if (text === 'ok\n')
    return env.production && url.startsWith('http:')
      ? warn('address', 'PUBLIC_URL is plain http: addresses of feeds are secrets, put TLS in front')
      : ok('address', `Maitred answers at ${url}`);
  if (!env.publicUrl) return warn('address', `no Maitred answers at ${url}: npm start starts one`);
  const heard = answer ? `something else answers (${answer.status})` : 'nothing answers';
  return fail(
    'address',
    `${heard} at PUBLIC_URL ${url}/healthz: start Maitred, and lead /feeds, /hooks, /canary and /healthz there`,
  );
}

/** Is the key the one that stored secrets were sealed with? */
function keyOf(env: Env, sealed: string | undefined): Finding {
  const file = join(env.dataDir, 'secret.key');
  const secret = env.secretKey ?? (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  if (secret === undefined) return ok('key', `the first start makes ${file}`);
  if (sealed !== undefined && openVault(secret).open(sealed) === undefined)
    return fail(
      'key',
      'stored one-time code secrets were sealed with another SECRET_KEY: put the old one back, or see "Rotate keys" in docs/operations.md',
    );
  return ok('key', sealed === undefined ? 'there' : 'opens what it sealed');
}

function readCatalog({ catalogFile }: Env): { finding: Finding; found: unknown } {
  if (catalogFile === undefined)
    return {
      finding: ok('catalogue', 'none: safe defaults, one approval by another member of the channel'),
      found: undefined,
    };
  try {
    const parsed = parseCatalog(parse(readFileSync(catalogFile, 'utf8')));
    if (parsed.ok) return { finding: ok('catalogue', `${catalogFile} is well written`), found: parsed.catalog };
    const [first, ...more] = parsed.problems;
    const others = more.length > 0 ? ` (and ${more.length} more)` : '';
    return {
      finding: fail('catalogue', `${first}${others}: npm run catalog -- check ${catalogFile} lists all`),
      found: undefined,
    };
  } catch (error) {
    const says = `${catalogFile} cannot be read (${(error as Error).message.split('\n')[0]}): mend CATALOG_FILE`;
    return { finding: fail('catalogue', says), found: undefined };
  }
}

function scopesOfManifest(): string[] {
  const text = readFileSync(new URL('../manifest.yml', import.meta.url), 'utf8');
  return (parse(text) as { oauth_config: { scopes: { bot: string[] } } }).oauth_config.scopes.bot;
}

/** Every id that stands under one of these keys, however deep. */
function namesUnder(tree: unknown, keys: readonly string[], id: RegExp): string[] {
  if (typeof tree !== 'object' || tree === null) return [];
  const found = Object.entries(tree).flatMap(([key, value]) => {
    const here = keys.includes(key) ? [value].flat().filter((one) => typeof one === 'string' && id.test(one)) : [];
    return [...(here as string[]), ...namesUnder(value, keys, id)];
  });
  return [...new Set(found)];
}
