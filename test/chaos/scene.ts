import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type AppStart, type House, type HouseOptions, openHouse } from '../support/house.ts';
import type { Ground } from './ground.ts';
import type { Random } from './random.ts';

/** One round: a house on breakable ground, its apps kept alive, and what went wrong with them. */
export type Scene = {
  readonly house: House;
  readonly ground: Ground;
  readonly random: Random;
  /** How long people go on trying. */
  readonly patienceMs: number;
  /** Asks the database as an onlooker, who waits while it is away. */
  readonly query: <Row extends pg.QueryResultRow>(sql: string, params?: unknown[]) => Promise<Row[]>;
  /** The apps that run now. */
  readonly apps: () => ChildProcess[];
  /** Ends one app; another takes its place, from then on started this way if one is given. */
  readonly end: (app: ChildProcess, signal: 'SIGKILL' | 'SIGTERM', then?: AppStart) => Promise<void>;
  /** One more app. */
  readonly join: (start: AppStart) => Promise<void>;
  /** Apps that ended though nobody ended them. */
  readonly ended: string[];
  readonly close: () => Promise<void>;
};

export async function openScene(
  ground: Ground,
  random: Random,
  options: HouseOptions,
  first: AppStart = {},
  patienceMs = 120_000,
): Promise<Scene> {
  const house = await openHouse({ ...options, apps: 0, servers: ground.servers });
  const slots: { app: ChildProcess | undefined; start: AppStart }[] = [];
  const killed = new Set<ChildProcess>();
  const ended: string[] = [];
  let open = true;

  /** Starts what died, until the scene closes: as every platform does. */
  const keep = async (slot: (typeof slots)[number]): Promise<void> => {
    for (;;) {
      const before = house.apps.length;
      const app = await house.startApp(slot.start).catch(() => undefined);
      // One that never became ready leaves a process behind.
      const late = house.apps[before];
      if (!app && late && late.exitCode === null && late.signalCode === null) late.kill('SIGKILL');
      if (!open) return;
      if (!app) {
        await sleep(300);
        continue;
      }
      slot.app = app;
      app.once('exit', (code, signal) => {
        slot.app = undefined;
        if (!open) return;
        if (!killed.has(app)) ended.push(`an app ended by itself: ${signal ?? `exit ${code}`}`);
        void keep(slot);
      });
      return;
    }
  };
  const join = async (start: AppStart) => {
    const slot = { app: undefined, start };
    slots.push(slot);
    await keep(slot);
  };
  for (let index = 0; index < (options.apps ?? 1); index++) await join(first);

  return {
    house,
    ground,
    random,
    patienceMs,
    ended,
    join,
    apps: () => slots.flatMap(({ app }) => (app ? [app] : [])),
    end: async (app, signal, then) => {
      const slot = slots.find((one) => one.app === app);
      if (!slot) return;
      if (then) slot.start = then;
      killed.add(app);
      const over = once(app, 'exit');
      app.kill(signal);
      await over;
      while (open && !slot.app) await sleep(50);
    },
    query: async (sql, params) => {
      const until = Date.now() + 60_000;
      for (;;) {
        try {
          return await house.query(sql, params);
        } catch (error) {
          // 53300: no connection is left; a class 22 or 42 is a mistake of ours.
          const code = String((error as { code?: unknown }).code ?? '');
          if (/^(22|42)/.test(code) || Date.now() > until) throw error;
          await sleep(100);
        }
      }
    },
    close: async () => {
      open = false;
      // The oracle has judged these already, and knows which of them the fault itself causes.
      house.sandbox.world.violations.length = 0;
      await house.close();
    },
  };
}
