import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { App, HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import { openSlots, type Template, writer } from './template.ts';

/*
 * The floors of the ack, in a process of their own: Bolt that only acknowledges, and Bolt that first reads or writes the
 * rows that the product reads or writes, in one transaction through `pg`.
 */

export type BoltSettings = {
  readonly token: string;
  readonly apiUrl: string;
  readonly signingSecret: string;
  readonly socket: boolean;
  /** Undefined: it only acknowledges. */
  readonly rows?: {
    readonly databaseUrl: string;
    readonly booking: Template;
    readonly vote: Template;
    readonly voteFrom: number;
  };
};

const settings = JSON.parse(process.env.BOLT ?? '{}') as BoltSettings;
process.on('disconnect', () => process.exit(0));
const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (...said: unknown[]) => process.stderr.write(`${said.join(' ')}\n`),
  setLevel: () => undefined,
  getLevel: () => 'error' as never,
  setName: () => undefined,
};
const http = settings.socket ? undefined : new HTTPReceiver({ signingSecret: settings.signingSecret, logger });
const app = new App({
  token: settings.token,
  receiver:
    http ??
    new SocketModeReceiver({
      appToken: settings.token.replace('xoxb', 'xapp'),
      logger,
      installerOptions: { clientOptions: { slackApiUrl: settings.apiUrl } },
    }),
  clientOptions: { slackApiUrl: settings.apiUrl },
  deferInitialization: true,
  convoStore: false,
  logger,
});
const { rows } = settings;
const pool = rows && openSlots(rows.databaseUrl);
const book = rows && pool && writer(pool, rows.booking, 1);
const vote = rows && pool && writer(pool, rows.vote, rows.voteFrom);
app.command('/release', async ({ command, ack }) => {
  if (command.text.startsWith('list')) {
    const found = await pool?.list();
    await ack({ response_type: 'ephemeral', text: `${found ?? 0} releases` });
  } else {
    const number = await book?.();
    await ack({ response_type: 'ephemeral', text: `REL-${number ?? 0}` });
  }
});
app.view(/.*/, async ({ ack }) => {
  await vote?.();
  await ack();
});
await app.init();
const server = createServer((request, response) => http?.requestListener(request, response));
if (settings.socket) await app.start();
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
process.send?.((server.address() as AddressInfo).port);
