import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { diagnose } from '../../src/diagnosis.ts';
import type { Finding } from '../../src/domain/finding.ts';
import { clocks } from '../../src/domain/finding.ts';
import { openVault } from '../../src/vault.ts';
import { type House, newDatabase, openHouse } from '../support/house.ts';

/*
 * npm run doctor: what it says of a house in order, and of each thing that may be broken.
 */
const root = new URL('../../', import.meta.url).pathname;
let house: House;
let healthy: Record<string, string>;
const folder = mkdtempSync(join(tmpdir(), 'maitred-doctor-'));

beforeAll(async () => {
  house = await openHouse({ queue: 'redis' });
  const { bot, app } = house.sandbox.world.tokens;
  healthy = {
    SLACK_BOT_TOKEN: bot,
    SLACK_APP_TOKEN: app,
    SLACK_API_URL: `${house.sandbox.origin}/api/`,
    DATABASE_URL: house.databaseUrl,
    REDIS_URL: inject('redisUrl'),
    PUBLIC_URL: `http://127.0.0.1:${house.port()}`,
    SECRET_KEY: 'a secret key that is long enough for every test',
    CATALOG_FILE: `${root}test/support/catalog.yml`,
    DATA_DIR: folder,
  };
});
afterAll(() => house?.close());

/** What is not as it has to be when this is changed; "about: level". */
async function broken(change: Record<string, string | undefined>): Promise<{ marks: string[]; findings: Finding[] }> {
  const findings = await diagnose({ ...healthy, ...change });
  const marks = findings.filter(({ level }) => level !== 'ok').map(({ level, about }) => `${about}: ${level}`);
  return { marks, findings };
}
const saysOf = (findings: readonly Finding[], about: string) =>
  findings
    .filter((one) => one.about === about && one.level !== 'ok')
    .map((one) => one.says)
    .join();

async function inDatabase<T>(work: (client: pg.Client) => Promise<T>, url = house.databaseUrl): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** As people call it; the local workspace answers from this process, so that nothing may block it. */
async function doctor(env: Record<string, string>): Promise<{ status: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/doctor.ts'], {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk) => {
      said[name] += chunk;
    });
  const status = await new Promise<number>((resolve) => child.once('close', resolve));
  return { status, ...said };
}

test('a house in order: one line each, exit code 0, and no secret in it', async () => {
  const { status, stdout, stderr } = await doctor(healthy);
  expect([stdout, stderr, status]).toEqual([expect.stringMatching(/\d+ ok, 0 to look at, 0 to mend\n$/), '', 0]);
  for (const about of ['settings', 'catalogue', 'key', 'database', 'clock', 'migrations', 'constraints', 'queue'])
    expect(stdout).toMatch(new RegExp(`^ok    ${about} `, 'm'));
  for (const about of ['bot token', 'app token', 'scopes', 'channels', 'groups', 'address'])
    expect(stdout).toMatch(new RegExp(`^ok    ${about} `, 'm'));
  expectNoSecrets(stdout);
});

test('nothing answers: every line says what to do, exit code 1, and no secret in it', async () => {
  const nowhere = {
    DATABASE_URL: 'postgresql://maitred:hush-database@127.0.0.1:1/maitred',
    REDIS_URL: 'redis://:hush-redis@127.0.0.1:1',
    SLACK_BOT_TOKEN: 'xoxb-hush-bot',
    SLACK_APP_TOKEN: 'xapp-hush-app',
    SLACK_API_URL: 'http://127.0.0.1:1/api/',
    PUBLIC_URL: 'http://127.0.0.1:1',
    CATALOG_FILE: `${folder}/nowhere.yml`,
  };
  const { status, stdout, stderr } = await doctor({ ...healthy, ...nowhere });
  expect(status).toBe(1);
  const failed = [...stdout.matchAll(/^fail {2}(\S+) .*: \S.*$/gm)].map(([, about]) => about);
  expect(failed).toEqual(['catalogue', 'database', 'queue', 'slack', 'address']);
  expect(stdout + stderr).not.toMatch(/hush|at \S+ \(|node:internal/);
});

test('no settings at all: what npm start would make', async () => {
  const findings = await diagnose({ DATA_DIR: join(folder, 'empty'), PORT: '1' });
  expect(findings.map(({ level, about }) => `${about}: ${level}`)).toEqual([
    'settings: ok',
    'catalogue: ok',
    'key: ok',
    'database: ok',
    'queue: ok',
    'slack: ok',
    'address: warn',
  ]);
});

test('missing settings are named', async () => {
  const findings = await diagnose({ NODE_ENV: 'production', SLACK_BOT_TOKEN: 'xoxb-hush' });
  expect(findings.every((one) => one.level === 'fail')).toBe(true);
  expect(findings.map((one) => one.says).join()).toMatch(/DATABASE_URL is missing.*SECRET_KEY is missing/);
});

describe('of Slack', () => {
  test('a bot token that is not accepted', async () => {
    const { marks, findings } = await broken({ SLACK_BOT_TOKEN: 'xoxb-somebody-else' });
    expect(marks).toEqual(['bot token: fail']);
    expect(saysOf(findings, 'bot token')).toMatch(/invalid_auth.*install the app/);
    expect(JSON.stringify(findings)).not.toContain('somebody-else');
  });

  test('an app token that opens nothing', async () => {
    const { marks } = await broken({ SLACK_APP_TOKEN: 'xapp-somebody-else' });
    expect(marks).toEqual(['app token: fail']);
  });

  test('a signing secret that is none', async () => {
    const { marks } = await broken({ SLACK_APP_TOKEN: undefined, SLACK_SIGNING_SECRET: 'not a signing secret' });
    expect(marks).toEqual(['requests: warn']);
  });

  test('a scope that was not granted, and one too many', async () => {
    const { manifest } = house.sandbox.world;
    const before = [...manifest.scopes];
    Object.assign(manifest, { scopes: [...before.filter((one) => one !== 'pins:write'), 'admin'] });
    const { marks, findings } = await broken({});
    Object.assign(manifest, { scopes: before });
    expect(marks).toEqual(['scopes: fail', 'scopes: warn']);
    expect(saysOf(findings, 'scopes')).toMatch(/pins:write missing.*admin granted/);
  });

  test('channels that are archived, foreign or gone, and a group that is gone', async () => {
    const file = join(folder, 'channels.yml');
    const catalog = {
      home: 'C0RELEASES',
      teams: {
        one: { name: 'One', members: ['U0ANA'], channel: 'C0NOWHERE' },
        two: { name: 'Two', members: ['U0ANA'], channel: 'C0INCIDENTS' },
        three: { name: 'Three', members: ['U0ANA'], channel: 'C0PAYMENTS' },
      },
      groups: { sre: { name: 'SRE', usergroup: 'S0GONE' } },
      environments: { production: {} },
      services: { web: { team: 'one', environments: ['production'] } },
    };
    writeFileSync(file, JSON.stringify(catalog));
    const { channels } = house.sandbox.world.state;
    (channels.C0INCIDENTS as { is_archived: boolean }).is_archived = true;
    const { marks, findings } = await broken({ CATALOG_FILE: file });
    (channels.C0INCIDENTS as { is_archived: boolean }).is_archived = false;
    expect(marks).toEqual(['channels: fail', 'channels: fail', 'channels: warn', 'groups: fail']);
    expect(saysOf(findings, 'channels')).toMatch(/C0NOWHERE cannot be seen.*incidents.*archived.*not in #payments/);
    expect(saysOf(findings, 'groups')).toMatch(/S0GONE/);
  });

  test('a channel that something stored is posted to', async () => {
    await inDatabase((client) =>
      client.query(
        `INSERT INTO subscription (workspace, target, key, scope, topics, since) VALUES ('T0HARBOUR', 'C0LOST', 'all', '{}', '{}', now())`,
      ),
    );
    const { findings } = await broken({});
    await inDatabase((client) => client.query(`DELETE FROM subscription WHERE target = 'C0LOST'`));
    expect(saysOf(findings, 'channels')).toContain('C0LOST');
  });
});

describe('of clocks', () => {
  test('Slack far ahead', async () => {
    const server = createServer((_request, response) => {
      response.setHeader('date', new Date(Date.now() + 400_000).toUTCString());
      response.end('{"ok":false,"error":"invalid_auth"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { marks, findings } = await broken({ SLACK_API_URL: `http://127.0.0.1:${port}/api/` });
    server.close();
    expect(marks).toEqual(['bot token: fail', 'clock: fail']);
    expect(saysOf(findings, 'clock')).toMatch(/Slack is (399|400|401)\.\d s ahead of this machine.*NTP/);
  });

  test('are judged by what still works', () => {
    const level = (ms: number) => clocks('clock', ms, 1_000, 'the database').level;
    expect([50, -100, 101, -1_000, 1_001].map(level)).toEqual(['ok', 'ok', 'warn', 'warn', 'fail']);
  });
});

describe('of the database', () => {
  test('a login that is refused, and a name that is none', async () => {
    const url = new URL(house.databaseUrl);
    url.password = 'hush';
    const refused = await broken({ DATABASE_URL: url.toString() });
    expect(saysOf(refused.findings, 'database')).toMatch(/refuses the login/);
    url.password = new URL(house.databaseUrl).password;
    url.pathname = '/nowhere';
    const none = await broken({ DATABASE_URL: url.toString() });
    expect(saysOf(none.findings, 'database')).toMatch(/no such database/);
    expect(JSON.stringify([refused, none])).not.toContain('hush');
  });

  test('empty, or behind this version', async () => {
    const empty = await newDatabase();
    const fresh = await broken({ DATABASE_URL: empty });
    expect(fresh.marks).toEqual(['migrations: warn']);
    await inDatabase((client) => client.query(`DELETE FROM _prisma_migrations WHERE migration_name LIKE '%numbers'`));
    const behind = await broken({});
    await inDatabase((client) =>
      client.query(
        `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
         VALUES ('again', '', now(), '20261125090000_numbers', 1)`,
      ),
    );
    expect(behind.marks).toEqual(['migrations: fail']);
    expect(saysOf(behind.findings, 'migrations')).toMatch(/20261125090000_numbers missing/);
  });

  test('without what keeps it true', async () => {
    await inDatabase((client) => client.query('ALTER TABLE event DISABLE TRIGGER event_append_only'));
    const { marks, findings } = await broken({});
    await inDatabase((client) => client.query('ALTER TABLE event ENABLE TRIGGER event_append_only'));
    expect(marks).toEqual(['constraints: fail']);
    expect(saysOf(findings, 'constraints')).toMatch(/trigger event_append_only/);
  });

  test('that takes no writes', async () => {
    const name = new URL(house.databaseUrl).pathname.slice(1);
    await inDatabase((client) => client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`));
    const { marks, findings } = await broken({});
    await inDatabase(async (client) => {
      await client.query('SET default_transaction_read_only = off');
      await client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    });
    expect(marks).toEqual(['database: fail']);
    expect(saysOf(findings, 'database')).toMatch(/read-only/);
  });

  test('whose secrets were sealed with another key', async () => {
    const sealed = openVault('another key, long enough for every test').seal('JBSWY3DPEHPK3PXP');
    await inDatabase((client) =>
      client.query(
        `INSERT INTO credential (workspace, id, person, secret, at) VALUES ('T0HARBOUR', 'one', 'U0ANA', $1, now())`,
        [sealed],
      ),
    );
    const { marks } = await broken({});
    await inDatabase((client) => client.query(`DELETE FROM credential WHERE id = 'one'`));
    expect(marks).toEqual(['key: fail']);
  });
});

test('a queue that may throw jobs away', async () => {
  const redis = new Redis(inject('redisUrl'));
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const { marks, findings } = await broken({});
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  redis.disconnect();
  expect(marks).toEqual(['queue: fail']);
  expect(saysOf(findings, 'queue')).toMatch(/allkeys-lru/);
});

test('an address that leads somewhere else', async () => {
  const { marks, findings } = await broken({ PUBLIC_URL: house.sandbox.origin });
  expect(marks).toEqual(['address: fail']);
  expect(saysOf(findings, 'address')).toMatch(/something else answers/);
});

test('a catalogue with a mistake', async () => {
  const file = join(folder, 'wrong.yml');
  writeFileSync(file, 'zone: Atlantis\nservices: {}\n');
  const { marks, findings } = await broken({ CATALOG_FILE: file });
  expect(marks).toContain('catalogue: fail');
  expect(saysOf(findings, 'catalogue')).toMatch(/zone.*npm run catalog -- check/);
});

function expectNoSecrets(said: string): void {
  const { SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SECRET_KEY, DATABASE_URL = '' } = healthy;
  for (const secret of [SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SECRET_KEY, new URL(DATABASE_URL).password])
    expect(said).not.toContain(secret);
}
