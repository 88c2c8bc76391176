import {
  createPostgresBackend,
  type IQueueBackend,
  type JobProgress,
  type Processor,
  Queue,
  Worker,
  withBackend,
} from 'bullmq';
import { within } from '../deadline.ts';
import { urgencyOf } from '../domain/surface.ts';
import { heard } from '../store/db.ts';

export type RefreshJob = { readonly workspace: string; readonly key: string };
// biome-ignore lint/suspicious/noExplicitAny: BullMQ's connection type parameter differs by backend and is never used here
type AnyQueue = Queue<RefreshJob, void, string, RefreshJob, void, string, IQueueBackend, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
type AnyWorker = Worker<RefreshJob, void, string, IQueueBackend, JobProgress, any>;

/** The queue of surfaces to refresh, on Redis or on PostgreSQL. A wake-up: nothing is lost when it is. */
export type JobQueue = {
  readonly add: (job: RefreshJob, delayMs?: number) => Promise<void>;
  readonly work: (handle: (job: RefreshJob) => Promise<void>) => void;
  readonly depth: () => Promise<number>;
  readonly close: (timeoutMs: number) => Promise<void>;
};

export type QueueSettings = {
  readonly backend: 'postgres' | 'redis';
  readonly url: string;
  readonly onError: (error: Error) => void;
};

const name = 'surfaces';
/** BullMQ takes the jobs without a priority first. */
const lastPriority = 10;

/** Everybody who finds a surface waiting comes back at the same time: once. */
function laterId({ workspace, key }: RefreshJob, delayMs: number): string {
  return `${workspace}.${key.replaceAll(':', '.')}.${Math.round((Date.now() + delayMs) / 100)}`;
}

const postgres = withBackend(createPostgresBackend);

/** Opens the queue; throws when its store does not answer, because a queue whose first connection failed stays broken. */
export async function openQueue({ backend, url, onError }: QueueSettings): Promise<JobQueue> {
  const Client = heard(onError);
  const pgConnection = { connectionString: url, migrate: true, connectionTimeoutMillis: 3_000, max: 4, Client };
  const defaultJobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 1_000 } };
  const queue = (backend === 'postgres'
    ? new postgres.Queue<RefreshJob>(name, { connection: pgConnection, defaultJobOptions })
    : // Both are needed to fail fast when Redis is gone.
      new Queue<RefreshJob>(name, {
        connection: { url, enableOfflineQueue: false, maxRetriesPerRequest: 1, connectTimeout: 3_000 },
        defaultJobOptions,
      })) as unknown as AnyQueue;
  queue.on('error', onError);
  let worker: AnyWorker | undefined;
  let closing = false;

  const close = async (timeoutMs: number) => {
    closing = true;
    if (worker) await within(worker.close(), timeoutMs);
    await within(queue.close(), 1_000);
  };
  if ((await within(queue.waitUntilReady(), 5_000)) === 'late') {
    await close(1_000);
    throw new Error(`the ${backend} queue did not answer within 5 s`);
  }
  return {
    add: async (job, delayMs) => {
      await queue.add('refresh', job, {
        ...(urgencyOf(job.key, false) === 'last' ? { priority: lastPriority } : {}),
        ...(delayMs === undefined ? {} : { delay: Math.ceil(delayMs), jobId: laterId(job, delayMs) }),
      });
    },
    work: (handle) => {
      const processor: Processor<RefreshJob, void, string> = (job) => handle(job.data);
      // A worker may die many times in a storm of crashes; the surface's own row counts the attempts that matter.
      const options = { concurrency: 8, maxStalledCount: 25, runRetryDelay: 1_000, drainDelay: 5, autorun: false };
      const open = () =>
        (backend === 'postgres'
          ? new postgres.Worker<RefreshJob, void>(name, processor, { ...options, connection: pgConnection })
          : new Worker<RefreshJob, void>(name, processor, {
              ...options,
              connection: { url, maxRetriesPerRequest: null },
            })) as unknown as AnyWorker;
      void (async () => {
        while (!closing) {
          worker = open();
          worker.on('error', onError);
          try {
            await worker.waitUntilReady();
            if (!closing) await worker.run();
            return;
          } catch (error) {
            // A worker remembers that its first connection failed: running, it would spin on that and stop the process.
            onError(error as Error);
            await within(worker.close(), 1_000);
            await new Promise((resolve) => setTimeout(resolve, 1_000));
          }
        }
      })();
    },
    depth: async () =>
      Object.values(await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed')).reduce(
        (sum, count) => sum + count,
        0,
      ),
    close,
  };
}
