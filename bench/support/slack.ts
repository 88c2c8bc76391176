import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * Slack's answers and nothing else, in a process of its own: the local workspace checks everything and would be measured
 * instead of the app. Tokens name the app, so that each gets its own socket. `limited` answers every write with 429.
 */

export type SlackOrder = { readonly limited: boolean };

const socketUrl = process.env.SOCKET_URL ?? '';
let limited = false;
let last = 1_700_000_000;
process.on('message', (order: SlackOrder) => {
  limited = order.limited;
});
process.on('disconnect', () => process.exit(0));

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const method = (request.url ?? '').split('?')[0]?.replace('/api/', '') ?? '';
    const said = Buffer.concat(chunks).toString();
    const token = request.headers.authorization ?? '';
    if (limited && method.startsWith('chat.')) {
      response.writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' });
      response.end('{"ok":false,"error":"ratelimited"}');
      return;
    }
    const body = method.startsWith('_control') ? undefined : answer(method, said, token);
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

function answer(method: string, said: string, authorization: string): object {
  const asked = said.startsWith('{')
    ? (JSON.parse(said) as Record<string, string>)
    : Object.fromEntries(new URLSearchParams(said));
  switch (method) {
    case 'auth.test':
      return {
        ok: true,
        team_id: 'T0BENCH',
        team: 'Bench',
        user_id: 'U0MAITRED',
        user: 'maitred',
        bot_id: 'B0MAITRED',
      };
    case 'apps.connections.open':
      return { ok: true, url: `${socketUrl}/${authorization.replace(/^Bearer |xapp-/g, '')}` };
    case 'users.info':
      return { ok: true, user: { id: asked.user, name: asked.user?.toLowerCase(), tz: 'UTC', team_id: 'T0BENCH' } };
    case 'conversations.open':
      return { ok: true, channel: { id: `D${(asked.users ?? 'U0').slice(1)}` } };
    case 'conversations.info':
      return { ok: true, channel: { id: asked.channel, name: 'releases', is_member: true } };
    case 'conversations.history':
    case 'conversations.replies':
      return { ok: true, messages: [], has_more: false };
    case 'chat.postMessage':
      return { ok: true, channel: asked.channel, ts: `${++last}.000100` };
    case 'chat.update':
      return { ok: true, channel: asked.channel, ts: asked.ts };
    default:
      return { ok: true, members: [], channels: [], messages: [], users: [] };
  }
}
