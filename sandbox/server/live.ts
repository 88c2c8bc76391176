import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Delivery } from './deliver.ts';
import { createMirror } from './screen.ts';
import type { World } from './world.ts';

/** Changes in quick succession come as one: the first at once, the next after this many milliseconds. */
const pauseMs = 25;

/**
 * The page's own line: `/_control/live?as=U1&as=U2` over WebSocket sends patches (screen.ts) of what these people see.
 * Browsers let any site open a WebSocket, so the page's own origin is asked for.
 */
export function createLive(world: World, delivery: Delivery) {
  const server = new WebSocketServer({ noServer: true });
  return {
    upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      const { host = '', origin = '' } = request.headers;
      if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host) || origin !== `http://${host}`) {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      server.handleUpgrade(request, socket, head, (ws) => {
        const people = new URL(request.url ?? '/', world.origin).searchParams.getAll('as').slice(0, 2);
        const mirror = createMirror(world);
        let timer: NodeJS.Timeout | undefined;
        let pause = pauseMs;
        let last = 0;
        const tell = () => {
          timer = undefined;
          const started = performance.now();
          const patch = mirror.next(delivery, people);
          if (patch) ws.send(patch);
          last = performance.now();
          // A large workspace under load costs the page its freshness, not the app its answers.
          pause = Math.max(pauseMs, (last - started) * 4);
        };
        const soon = () => {
          timer ??= setTimeout(tell, Math.max(0, last + pause - performance.now()));
        };
        world.changes.on('change', soon);
        ws.on('error', () => undefined);
        ws.on('close', () => {
          world.changes.off('change', soon);
          clearTimeout(timer);
        });
        tell();
      });
    },
    close: (): void => {
      for (const ws of server.clients) ws.terminate();
      server.close();
    },
  };
}
