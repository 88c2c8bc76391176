import { fork } from 'node:child_process';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readManifest } from '../sandbox/server/manifest.ts';
import { startSandbox } from '../sandbox/server/server.ts';
import { alone, type Row } from './row.ts';
import { exact, growthRow, interleaved, isQuick, rounds, rowOf, soakMinutes } from './support/measure.ts';

/*
 * How much the local workspace carries, with everything validated.
 *
 * One interaction: somebody presses a button, the envelope goes out over signed HTTP, the app acknowledges and updates the
 * message with blocks. The app is bare HTTP in a process of its own; the floor is the same two requests between two bare
 * servers that look at nothing, so that the ratio says what the workspace itself costs, whatever the machine is.
 */

export const name = 'sandbox';

const seconds = isQuick ? 0.3 : 1.5;
const parallel = 50;
const path = '/slack/events';

type Setup = { readonly api: string; readonly token: string };

/** The app: acknowledges and calls `chat.update`. */
function serve({ api, token }: Setup): void {
  const target = new URL('chat.update', api);
  let round = 0;
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', () => {
      const { channel, message } = JSON.parse(
        new URLSearchParams(Buffer.concat(chunks).toString()).get('payload') ?? '{}',
      );
      response.writeHead(200).end();
      const body = new URLSearchParams({
        channel: channel.id,
        ts: message.ts,
        text: `round ${++round}`,
        blocks: JSON.stringify(card(round)),
      }).toString();
      const outgoing = request(target, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
      });
      outgoing.on('response', (reply) => reply.resume().on('end', () => process.send?.('done')));
      outgoing.end(body);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

function card(round: number) {
  const text = (words: string) => ({ type: 'mrkdwn', text: words });
  return [
    { type: 'header', text: { type: 'plain_text', text: 'payments 2.14.0' } },
    {
      type: 'section',
      text: text(`*Approval ${round % 3} of 2*`),
      fields: [text('*When*\nTuesday'), text('*Risk*\nmedium')],
    },
    { type: 'context', elements: [text('asked by <@U0ANA>')] },
    {
      type: 'actions',
      block_id: 'actions',
      elements: ['Approve', 'Details', 'Move'].map((label) => ({
        type: 'button',
        action_id: label,
        text: { type: 'plain_text', text: label },
        value: 'REL-1',
      })),
    },
  ];
}

/** Starts an app and counts what it has finished. */
async function startApp(setup: Setup) {
  const worker = fork(new URL(import.meta.url).pathname, [JSON.stringify(setup)], { execArgv: ['--import', 'tsx'] });
  let done = 0;
  const port = await new Promise<number>((resolve) => {
    worker.on('message', (message) => {
      if (message === 'done') done++;
      else resolve(message as number);
    });
  });
  return { url: `http://127.0.0.1:${port}${path}`, done: () => done, stop: () => void worker.kill() };
}

/** Presses with `parallel` hands until the time is over. */
async function measure(press: (hand: number) => Promise<unknown>, done: () => number, forSeconds: number) {
  const end = Date.now() + forSeconds * 1_000;
  const [from, started] = [done(), performance.now()];
  await Promise.all(
    Array.from({ length: parallel }, async (_one, hand) => {
      while (Date.now() < end) await press(hand);
    }),
  );
  const perSecond = ((done() - from) / (performance.now() - started)) * 1_000;
  return perSecond;
}

/** Two bare servers that look at nothing. */
async function openFloor(): Promise<{ measure: (forSeconds: number) => Promise<number>; stop: () => void }> {
  const server = createServer((incoming, response) => {
    incoming
      .resume()
      .on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const app = await startApp({ api: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`, token: 'x' });
  const payload = JSON.stringify({
    type: 'block_actions',
    channel: { id: 'C1' },
    message: { ts: '1', blocks: card(1) },
  });
  const body = new URLSearchParams({ payload }).toString();
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const press = () =>
    new Promise<void>((resolve) => {
      const outgoing = request(app.url, { agent, method: 'POST', headers });
      outgoing.on('response', (response) => response.resume().on('end', () => resolve()));
      outgoing.end(body);
    });
  return {
    measure: (forSeconds) => measure(press, app.done, forSeconds),
    stop: () => {
      app.stop();
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

export async function bench(): Promise<Row[]> {
  const root = new URL('../', import.meta.url).pathname;
  const floor = await openFloor();
  const sandbox = await startSandbox({
    seedFile: `${root}sandbox/workspace.yml`,
    manifest: readManifest(`${root}manifest.yml`),
    enforceLimits: false,
  });
  const { tokens } = sandbox.world;
  const app = await startApp({ api: `${sandbox.origin}/api/`, token: tokens.bot });
  sandbox.delivery.requestUrl = app.url;
  const posts = await Promise.all(
    Array.from({ length: parallel }, async () => {
      const answer = await fetch(`${sandbox.origin}/api/chat.postMessage`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokens.bot}`, 'content-type': 'application/json' },
        body: JSON.stringify({ channel: 'C0RELEASES', text: 'x', blocks: card(0) }),
      });
      return ((await answer.json()) as { ts: string }).ts;
    }),
  );
  const press = (hand: number) =>
    sandbox.people.clicks('U0BEN', { channel: 'C0RELEASES', ts: posts[hand] as string }, 'actions', 'Approve');
  const work = { floor: floor.measure, ours: (forSeconds: number) => measure(press, app.done, forSeconds) };
  for (const warm of Object.values(work)) await warm(seconds);
  const found = await interleaved(rounds, {
    floor: async () => [await work.floor(seconds)],
    ours: async () => [await work.ours(seconds)],
  });
  const heap: number[] = [];
  for (const end = Date.now() + soakMinutes * 60_000; Date.now() < end; ) {
    await work.ours(seconds);
    heap.push(process.memoryUsage().heapUsed / 1024 / 1024);
  }
  const { violations } = sandbox.world;
  floor.stop();
  app.stop();
  await sandbox.close();
  return [
    rowOf('interactions through the local workspace', found.ours, {
      floor: found.floor,
      stat: 'p50',
      unit: 'interactions/s',
      name: 'two bare servers',
    }),
    exact("violations of Slack's rules", violations.length, 0, found.ours.length),
    growthRow('heap of the local workspace', soakMinutes, heap),
  ];
}

if (process.send) serve(JSON.parse(process.argv[2] ?? '{}') as Setup);
else await alone(import.meta.url, { name, bench });
