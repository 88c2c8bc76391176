import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, startPostgres } from '../../src/postgres.ts';
import type { HouseOptions } from '../support/house.ts';

/*
 * What the app stands on, in a form that can break: a PostgreSQL and a Redis of our own, each behind a line that can be
 * slow, cut or silent.
 */

/** The line between the app and a server. */
export type Line = {
  readonly port: number;
  /** Added to every packet, each way. */
  delayMs: number;
  /** Where new connections go. */
  target: number;
  /** Takes connections and packets, and hands none on until it ends: a hole in the network. */
  readonly hole: (isOpen: boolean) => void;
  readonly refuse: (isOn: boolean) => void;
  readonly cut: () => void;
  readonly close: () => void;
};

export type Ground = {
  readonly folder: string;
  readonly postgres: {
    readonly line: Line;
    /** `crash`: every process of it is killed as by a power cut, and the log is replayed at the next start. */
    readonly stop: (how: 'fast' | 'crash') => Promise<void>;
    readonly start: () => Promise<void>;
    /** Starts it if it gave up by itself. */
    readonly revive: () => Promise<void>;
  };
  readonly redis: {
    readonly line: Line;
    readonly kill: () => Promise<void>;
    /** A new one, empty. */
    readonly start: () => Promise<void>;
    readonly flush: () => Promise<void>;
  };
  readonly servers: NonNullable<HouseOptions['servers']>;
  /** All lines are as on the first day. */
  readonly heal: () => void;
  readonly close: () => Promise<void>;
};

/** Throws when there is no redis-server on PATH. `dataDir`: where PostgreSQL keeps its data. */
export async function openGround(dataDir?: string): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'maitred-chaos-'));
  chmodSync(folder, 0o755);
  const data = dataDir ?? join(folder, 'postgres');
  let database = await startPostgres(data, { durable: false });
  const portOf = () => Number(new URL(database.url).port);
  const forApp = await openLine(portOf());
  const forUs = await openLine(portOf());

  const redisPort = await freePort();
  let redis = await startRedis(redisPort, folder);
  const redisLine = await openLine(redisPort);
  const startAgain = async () => {
    database = await startPostgres(data, { durable: false });
    for (const line of [forApp, forUs]) line.target = portOf();
  };
  const through = (url: string, line: Line) => {
    const moved = new URL(url);
    moved.port = String(line.port);
    return moved.toString();
  };
  return {
    folder,
    postgres: {
      line: forApp,
      stop: async (how) => {
        if (how === 'fast') return database.stop();
        const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
        process.kill(pid, 'SIGQUIT');
        await gone(pid);
      },
      start: startAgain,
      revive: async () => {
        for (let tries = 0; tries < 100; tries++) {
          if (await isOpen(portOf())) return;
          await sleep(50);
        }
        await startAgain();
      },
    },
    redis: {
      line: redisLine,
      kill: async () => {
        if (redis.exitCode !== null || redis.signalCode !== null) return;
        const ended = once(redis, 'exit');
        redis.kill('SIGKILL');
        await ended;
      },
      start: async () => {
        redis = await startRedis(redisPort, folder);
      },
      flush: async () => {
        const socket = connect(redisPort, '127.0.0.1');
        socket.end('FLUSHALL\r\nQUIT\r\n');
        for await (const _ of socket);
      },
    },
    servers: {
      databaseUrl: through(database.url, forUs),
      redisUrl: `redis://127.0.0.1:${redisLine.port}`,
      forApp: (url) => through(url, forApp),
    },
    heal: () => {
      for (const line of [forApp, forUs, redisLine]) {
        line.delayMs = 0;
        line.hole(false);
        line.refuse(false);
      }
    },
    close: async () => {
      for (const line of [forApp, forUs, redisLine]) line.close();
      redis.kill('SIGKILL');
      await database.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startRedis(port: number, dir: string): Promise<ChildProcess> {
  const flags = { port: String(port), bind: '127.0.0.1', save: '', dir, 'maxmemory-policy': 'noeviction' };
  const child = spawn(
    'redis-server',
    Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: 'ignore' },
  );
  let failed: Error | undefined;
  child.once('error', (error) => {
    failed = error;
  });
  for (let tries = 0; tries < 250; tries++) {
    if (failed) throw new Error(`redis-server does not start: ${failed.message}`);
    if (await isOpen(port)) return child;
    await sleep(20);
  }
  throw new Error('redis-server does not answer');
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return opened;
}

async function openLine(target: number): Promise<Line> {
  const sockets = new Set<Socket>();
  let isRefusing = false;
  let open: Promise<void> = Promise.resolve();
  let reopen: (() => void) | undefined;
  const server = createServer((near) => {
    if (isRefusing) {
      near.destroy();
      return;
    }
    const far = connect(line.target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    carry(near, far);
    carry(far, near);
  });
  /** In order, whatever the delay: one packet after the other. */
  const carry = (from: Socket, to: Socket) => {
    let last = Promise.resolve();
    const then = (work: () => void) => {
      const due = Date.now() + line.delayMs;
      last = last.then(async () => {
        await open;
        if (due > Date.now()) await sleep(due - Date.now());
        work();
      });
    };
    from.on('data', (chunk) => then(() => to.destroyed || to.write(chunk)));
    from.on('close', () => {
      sockets.delete(from);
      then(() => to.destroy());
    });
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const line: Line = {
    port: typeof address === 'object' && address ? address.port : 0,
    delayMs: 0,
    target,
    hole: (isOpen) => {
      if (isOpen === (reopen !== undefined)) return;
      reopen?.();
      reopen = undefined;
      if (isOpen)
        open = new Promise((resolve) => {
          reopen = resolve;
        });
    },
    refuse: (isOn) => {
      isRefusing = isOn;
      if (isOn) line.cut();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      reopen?.();
      line.cut();
      server.close();
    },
  };
  return line;
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
      if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return;
    } catch {
      return;
    }
    await sleep(20);
  }
}
