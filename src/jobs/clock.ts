import cron from 'node-cron';
import { timerCall } from '../commands/clock.ts';
import type { Ctx } from '../ctx.ts';
import { run } from '../run.ts';
import { claimDueTimers, type DueTimer, finishTimer } from '../store/timer.ts';

/** What ticks in every replica. Any number may run: the database lets one of them win. */
export type Beat = { readonly stop: () => Promise<void> };

const timerLeaseMs = 30_000;

/** Few at a time, so that replicas share them, and that a lease outlasts its turn. */
const timersAtOnce = 20;
/** A thousand digests may be due in one minute; the next beat goes on where this one ends. */
const tickMs = 5_000;

/** Works off the timers that are due: each becomes a command of the clock, named after the timer and its time. Gives how many. */
export async function tick(ctx: Ctx): Promise<number> {
  const started = performance.now();
  for (let done = 0; ; ) {
    const due = await claimDueTimers(ctx.db, ctx.now(), timersAtOnce, timerLeaseMs);
    for (const timer of due)
      await fire(ctx, timer).catch((error: unknown) => {
        // The others go on; this one comes back when its lease is over.
        ctx.log.error({ err: error, timer: timer.key }, 'a timer failed');
      });
    done += due.length;
    if (due.length < timersAtOnce || performance.now() - started > tickMs) return done;
  }
}

async function fire(ctx: Ctx, timer: DueTimer): Promise<void> {
  const { command, input } = timerCall(timer.body, timer.dueAt);
  const outcome = await run(ctx, command, input, {
    workspace: timer.workspace,
    actor: { kind: 'clock' },
    id: `timer:${timer.key}:${timer.dueAt.toISOString()}`,
  });
  // Slack could not be asked, and nothing was recorded: it is tried again.
  if (!outcome.ok && outcome.refusal.code === 'unverified') return;
  await finishTimer(ctx.db, timer);
}

/** Calls `work` every second until stopped; a slow call is never doubled. */
export function everySecond(ctx: Ctx, name: string, work: () => Promise<unknown>): Beat {
  return beat(ctx, name, '* * * * * *', work);
}

export function everyTenSeconds(ctx: Ctx, name: string, work: () => Promise<unknown>): Beat {
  return beat(ctx, name, '*/10 * * * * *', work);
}

export function everyHour(ctx: Ctx, name: string, work: () => Promise<unknown>): Beat {
  return beat(ctx, name, '17 0 * * * *', work);
}

function beat(ctx: Ctx, name: string, at: string, work: () => Promise<unknown>): Beat {
  let running: Promise<unknown> | undefined;
  const quiet = { info: () => undefined, debug: () => undefined, warn: () => undefined, error: () => undefined };
  const task = cron.schedule(
    at,
    () => {
      running ??= work()
        .catch((error: unknown) => ctx.log.warn({ err: error, beat: name }, 'a beat was missed'))
        .finally(() => {
          running = undefined;
        });
    },
    { name, timezone: 'UTC', logger: quiet },
  );
  return {
    stop: async () => {
      await task.stop();
      await task.destroy();
      await running;
    },
  };
}
