import { type JobQueue, openQueue } from '../../src/jobs/queue.ts';

/*
 * The floor of convergence, in a process of its own: a worker of the same queue that reads nothing, decides nothing and
 * keeps no ledger. It calls Slack with what the job says, and that is all.
 */
const { QUEUE = 'postgres', QUEUE_URL = '', SLACK_API_URL = '' } = process.env;
const queue: JobQueue = await openQueue({
  backend: QUEUE === 'redis' ? 'redis' : 'postgres',
  url: QUEUE_URL,
  onError: () => undefined,
});
queue.work(async ({ key }) => {
  await fetch(`${SLACK_API_URL}api.test`, { method: 'POST', body: new URLSearchParams({ channel: key }) });
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
