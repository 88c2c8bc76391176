import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctx } from '../ctx.ts';
import { staleSurfaces } from '../store/ledger.ts';
import { seal, unsealedWorkspaces } from '../store/log.ts';
import { releaseHeld } from '../store/notification.ts';
import type { JobQueue } from './queue.ts';

/** Returns in how many ms the surface has to be tried again, if at all. */
export type Refresh = (workspace: string, key: string) => Promise<number | undefined>;

/** Handles the queue: refreshes a surface, and comes back when Slack or a merge window asked for it. */
export function workQueue(ctx: Ctx, queue: JobQueue, refresh: Refresh, isAnswering: () => boolean): void {
  const inTurn = courteous(isAnswering);
  queue.work(async (job) => {
    const again = await inTurn(() => refresh(job.workspace, job.key));
    if (again !== undefined)
      await queue
        .add(job, again)
        .catch((error: unknown) => ctx.log.warn({ err: error }, 'the sweep will come back to a surface'));
  });
}

const courtesyMs = 1_000;

/**
 * Surfaces wait while people do, for one thread makes both: one goes on beside the answers, the others when nobody waits
 * for one, or after a second.
 */
export function courteous(isAnswering: () => boolean): <T>(work: () => Promise<T>) => Promise<T> {
  let going = 0;
  return async (work) => {
    const until = performance.now() + courtesyMs;
    while (going > 0 && isAnswering() && performance.now() < until) await sleep(10);
    going++;
    try {
      return await work();
    } finally {
      going--;
    }
  };
}

/** Refreshes what was missed: wake-ups that got lost, claims of processes that died, retries that came due. */
export async function sweep(ctx: Ctx, queue: JobQueue, refresh: Refresh): Promise<number> {
  await releaseHeld(ctx.db, ctx.now());
  const stale = await staleSurfaces(ctx.db, 1_500, 100);
  const results = await Promise.allSettled(stale.map((surface) => queue.add(surface)));
  // Without the queue surfaces still catch up, a few at a time.
  if (results.some((result) => result.status === 'rejected'))
    for (const { workspace, key } of stale.slice(0, 20)) await refresh(workspace, key);
  return stale.length;
}

/**
 * Calls `work` at once, and again not before `restMs` after its end: calls that come meanwhile share that one run instead
 * of waiting for each other.
 */
export function merged(work: () => Promise<unknown>, failed: (error: unknown) => void, restMs: number): () => void {
  let state: 'idle' | 'busy' | 'again' = 'idle';
  return function soon() {
    if (state !== 'idle') {
      state = 'again';
      return;
    }
    state = 'busy';
    void work()
      .catch(failed)
      .then(() => sleep(restMs, undefined, { ref: false }))
      .then(() => {
        const again = state === 'again';
        state = 'idle';
        if (again) soon();
      });
  };
}

/** Seals what was committed, in every workspace. */
export async function sealAll(ctx: Ctx): Promise<void> {
  for (const workspace of await unsealedWorkspaces(ctx.db)) while ((await seal(ctx.db, workspace)) === 500);
}
