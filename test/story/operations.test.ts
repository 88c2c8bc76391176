import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../sandbox/driver.ts';
import { type EmbeddedPostgres, freePort, startPostgres } from '../../src/postgres.ts';
import { openDb } from '../../src/store/db.ts';
import { audit } from '../../src/store/log.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast } from '../support/story.ts';

/*
 * What people hear, what machines are told and what is lost while the database or the queue is down; and a backup that was
 * restored. A PostgreSQL and a Redis of this story's own, each behind a line that can be silent or cut.
 */
const folder = mkdtempSync(join(tmpdir(), 'maitred-operations-'));
chmodSync(folder, 0o755);

type Line = { readonly port: number; target: number; state: 'open' | 'silent' | 'cut'; readonly close: () => void };

/** Hands bytes on to `target`; silent: takes them and waits; cut: ends every connection. */
async function openLine(target: number): Promise<Line> {
  const sockets = new Set<Socket>();
  let state: Line['state'] = 'open';
  const server = createServer((near) => {
    if (state === 'cut') return void near.destroy();
    const far = connect(line.target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => {
        if (state === 'open') to.write(chunk);
      });
      for (const over of ['close', 'error']) from.on(over, () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const line: Line = {
    port: (server.address() as { port: number }).port,
    target,
    get state() {
      return state;
    },
    set state(next) {
      // What was swallowed meanwhile is gone: no connection survives a silence.
      if (state === 'silent' || next === 'cut') end();
      state = next;
    },
    close: () => {
      end();
      server.close();
    },
  };
  return line;
}

let postgres: EmbeddedPostgres;
let line: Line;
let redis: { port: number; line: Line; start: () => Promise<void>; kill: () => void };
let house: House;
const portOf = (url: string) => Number(new URL(url).port);

beforeAll(async () => {
  postgres = await startPostgres(join(folder, 'first'), { durable: false });
  line = await openLine(portOf(postgres.url));
  const port = await freePort();
  let child = startRedis(port);
  redis = {
    port,
    line: await openLine(port),
    start: async () => {
      child = startRedis(port);
    },
    kill: () => void child.kill('SIGKILL'),
  };
  const forApp = (url: string) => url.replace(`:${portOf(url)}/`, `:${line.port}/`);
  house = await openHouse({
    queue: 'redis',
    servers: { databaseUrl: postgres.url, redisUrl: `redis://127.0.0.1:${redis.line.port}`, forApp },
  });
});
afterAll(async () => {
  await house?.close();
  redis?.kill();
  redis?.line.close();
  line?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function startRedis(port: number) {
  return spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], {
    stdio: 'ignore',
  });
}

const get = (path: string) => fetch(`http://127.0.0.1:${house.port()}${path}`);
const problems = async () => ((await (await get('/readyz')).json()) as { problems: string[] }).problems;
const metric = async (name: string) =>
  new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(await (await get('/metrics')).text())?.[1];
const isSettled = () =>
  house.until('everything to be written', async () =>
    (await house.query('SELECT 1 FROM outbox')).length === 0 ? true : undefined,
  );
const released = async () => (await house.query<{ n: number }>('SELECT count(*)::int AS n FROM release'))[0]?.n;
/** Messages of the app that say the same thing twice. */
const doubled = () => {
  const keys = Object.values(house.sandbox.world.state.messages)
    .flat()
    .flatMap((message) => (message.metadata ? [String(message.metadata.event_payload.key)] : []));
  return keys.filter((key, index) => keys.indexOf(key) !== index);
};

test('without the queue people get their answers, and Slack catches up', async () => {
  const { ana } = cast(house);
  redis.kill();
  redis.line.state = 'cut';
  await house.until('the cause to be named', async () =>
    (await problems()).includes('queue: does not answer') ? true : undefined,
  );
  expect(await metric('maitred_ready{part="queue"}')).toBe('0');
  expect(await metric('maitred_ready{part="database"}')).toBe('1');
  expect(await metric('maitred_queue_jobs')).toBe('Nan');
  await books(house, ana, 'web@1 2026-12-10 10:00');
  await ana.seesEventually(/web 1/);
  await isSettled();
  redis.line.state = 'open';
  await redis.start();
  await house.until('it to be ready', async () => ((await get('/readyz')).ok ? true : undefined));
  expect(doubled()).toEqual([]);
});

test('without the database people hear one sentence with a reference that the log has, and nothing is half done', async () => {
  const { ana } = cast(house);
  const before = await released();
  line.state = 'cut';
  await ana.types('/release book web@2 2026-12-11 10:00 --yes');
  const said = await ana.seesEventually(/Saved nothing: I couldn't reach the database.*Ref `\w{5}`/);
  const reference = /Ref `(\w{5})`/.exec(String(said))?.[1];
  expect(house.logs()).toMatch(new RegExp(`"err":.*"reference":"${reference}"`));
  // A form says so, too, instead of loading for ever.
  await ana.types('/release new');
  await ana.reads(/couldn't fill this form, so nothing is saved.*Ref/);
  expect((await get('/healthz')).status).toBe(200);
  expect(await problems()).toEqual(['database: does not answer']);
  expect(await metric('maitred_ready{part="database"}')).toBe('0');
  expect(await metric('maitred_outbox_rows')).toBe('Nan');
  line.state = 'open';
  await house.until('it to be ready', async () => ((await get('/readyz')).ok ? true : undefined));
  expect(await released()).toBe(before);
  expect(house.apps[0]?.exitCode).toBeNull();
});

test('a database that is silent is told in time, once', async () => {
  const { raj } = cast(house);
  const before = await released();
  line.state = 'silent';
  expect((await raj.types('/release book web@3 2026-12-12 10:00 --yes')).status).toBe('ok');
  const heard = () => raj.sees().filter((text) => /database/.test(text));
  await house.until('an answer', () => (heard().length > 0 ? true : undefined));
  expect(heard()[0]).toMatch(/Nothing is saved so far: the database does not answer.*Ref|Saved nothing/);
  expect(await problems()).toEqual(['database: does not answer']);
  line.state = 'open';
  await house.until('it to be ready', async () => ((await get('/readyz')).ok ? true : undefined));
  // Whatever was on its way is over by now.
  await until('the request to end', () =>
    /"command":"request".*command failed|a request failed/.test(house.logs()) ? true : undefined,
  );
  expect(heard()).toHaveLength(1);
  expect(await released()).toBe(before);
});

test('a backup taken under load is restored: the record is whole, and nothing is said twice', {
  timeout: 300_000,
}, async () => {
  const { ana, sam } = cast(house);
  const first = await books(house, ana, 'payments@1 2026-12-15 10:00');
  await isSettled();
  // At the moment of the backup a card waits for Slack; it is posted later.
  house.sandbox.world.faults.set('chat.postMessage', [{ kind: 'ratelimited', times: 4, retryAfter: 2 }]);
  const waiting = await books(house, ana, 'payments@2 2026-12-16 10:00');
  const copy = await backUp();
  await isSettled();
  const lost = await books(house, sam, 'search@9 2026-12-17 10:00');
  await sam.types(`/release move REL-${waiting} 2026-12-18 10:00`);
  await isSettled();

  // The disaster.
  house.apps[0]?.kill('SIGKILL');
  await postgres.stop();
  postgres = await startPostgres(copy, { durable: false });
  line.target = portOf(postgres.url);
  const url = house.databaseUrl.replace(`:${portOf(house.databaseUrl)}/`, `:${line.target}/`);
  const said = execFileSync(process.execPath, ['--import', 'tsx', 'src/restored.ts'], {
    cwd: new URL('../../', import.meta.url).pathname,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, DATABASE_URL: url },
  });
  expect(said).toMatch(/^\d+ messages will be written again/);
  await house.startApp();

  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const ask = async (sql: string) => (await client.query(sql)).rows;
  await house.until('everything to be written', async () =>
    (await ask('SELECT 1 FROM outbox')).length === 0 ? true : undefined,
  );
  expect((await ask('SELECT number FROM release ORDER BY number')).map((row) => row.number)).toEqual(
    expect.arrayContaining([first, waiting]),
  );
  expect(await ask(`SELECT 1 FROM release WHERE number = ${lost}`)).toEqual([]);
  expect(doubled()).toEqual([]);
  // A new release never has the number of one that was lost, and its card is its own.
  await ana.types('/release book web@7 2026-12-20 10:00 --yes');
  const [next] = await house.until('a new release', async () => {
    const found = await ask(`SELECT number FROM release WHERE number > ${lost}`);
    return found.length > 0 ? found : undefined;
  });
  expect(next?.number).toBeGreaterThan(lost + 900);
  await house.until('everything to be written', async () =>
    (await ask('SELECT 1 FROM outbox')).length === 0 ? true : undefined,
  );
  expect(doubled()).toEqual([]);
  await house.until('all seals', async () => ((await ask('SELECT 1 FROM unsealed')).length === 0 ? true : undefined));
  await client.end();
  const db = openDb({ url, onError: () => undefined });
  const found = await audit(db);
  await db.close();
  expect(found.problems).toEqual([]);
  expect(found.events).toBeGreaterThan(5);
});

/** As docs/operations.md says it for a server without an archive: a copy of its folder between start and stop. */
async function backUp(): Promise<string> {
  const copy = join(folder, 'restored');
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`SELECT pg_backup_start('story', true)`);
  execFileSync('cp', ['-a', join(folder, 'first'), copy]);
  const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
  await client.end();
  // The log up to the end of the copy belongs to it.
  execFileSync('cp', ['-a', `${join(folder, 'first')}/pg_wal/.`, `${copy}/pg_wal/`]);
  rmSync(join(copy, 'postmaster.pid'), { force: true });
  writeFileSync(join(copy, 'backup_label'), rows[0]?.labelfile ?? '');
  const owner = execFileSync('stat', ['-c', '%u:%g', copy], { encoding: 'utf8' }).trim();
  execFileSync('chown', [owner, join(copy, 'backup_label')]);
  expect(readFileSync(join(copy, 'backup_label'), 'utf8')).toContain('CHECKPOINT LOCATION');
  return copy;
}
