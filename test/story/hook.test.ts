import { execFileSync } from 'node:child_process';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';

type Seen = { method: string; path: string; headers: IncomingHttpHeaders; body: string };

let house: House;
let receiver: Server;
let origin: string;
const seen: Seen[] = [];
/** How the receiver answers next, by path: status and body. */
const answers: Record<string, [number, string]> = {};

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = request.url ?? '';
    seen.push({ method: request.method ?? '', path, headers: request.headers, body });
    const [status, text] = answers[path] ?? [202, ''];
    response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  house = await openHouse({
    catalog: JSON.stringify({
      zone: 'Europe/Berlin',
      home: 'C0RELEASES',
      environments: { production: {} },
      teams: { payments: { name: 'Payments', members: ['U0ANA'] } },
      runbooks: {
        machines: {
          steps: [
            { title: 'Build', webhook: { url: `${origin}/build`, auto: true } },
            { title: 'Deploy', webhook: { url: `${origin}/deploy`, poll_url: `${origin}/state`, auto: true } },
            { title: 'Announce', webhook: { url: `${origin}/announce`, auto: true } },
          ],
        },
      },
      services: { payments: { team: 'payments', environments: ['production'], runbook: 'machines' } },
      policies: [{ name: 'none', when: {}, gates: [] }],
    }),
  });
});
afterAll(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await house?.close();
});

const calls = (path: string) => seen.filter((one) => one.path === path);
const step = async (key: string) => {
  const [row] = await house.query<{ state: string; note: string }>(
    'SELECT state, note FROM step WHERE release = 1 AND key = $1',
    [key],
  );
  return row;
};

test('three machines ship a release: one calls back, one is asked, one refuses', async () => {
  const ana = house.person('ana');
  // The first answer is lost in a restart of the receiver: it is called again, with the same id.
  answers['/build'] = [503, ''];
  answers['/state'] = [200, '{"result":"pending"}'];
  answers['/announce'] = [403, '{"note":"not in the quiet hours"}'];
  await ana.types('/release book payments@2.14.0 2026-11-24 14:00 for 45m --yes');
  await house.until('the release', async () => (await house.query('SELECT 1 FROM release'))[0]);
  house.moveTo(new Date('2026-11-24T13:00:30Z'));
  await ana.types('/release start REL-1');

  await house.until('a first call', async () => calls('/build')[0]);
  delete answers['/build'];
  const [first, again] = await house.until('a second call', async () =>
    calls('/build').length > 1 ? calls('/build') : undefined,
  );
  expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  const secret = execFileSync(process.execPath, ['--import', 'tsx', 'src/hook-secret.ts', `${origin}/build`], {
    cwd: new URL('../../', import.meta.url).pathname,
    // As the app was started: without settings.
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
  }).trim();
  const check = new Webhook(secret);
  const call = check.verify(again?.body ?? '', again?.headers as Record<string, string>) as {
    data: { release: string; callback_url: string };
  };
  expect(call.data.release).toBe('REL-1');
  expect(await step('1')).toMatchObject({ state: 'running' });
  const heard = await fetch(call.data.callback_url, {
    method: 'POST',
    body: '{"result":"done","note":"built in 4 min"}',
  });
  expect([heard.status, await heard.json()]).toEqual([200, { recorded: true }]);
  expect(await step('1')).toMatchObject({ state: 'done', note: 'built in 4 min' });

  // The next one begins by itself; it answers 202 and is asked how it goes.
  const [asked] = await house.until('the question', async () =>
    calls('/state').length > 0 ? calls('/state') : undefined,
  );
  expect(asked).toMatchObject({ method: 'GET', body: '' });
  expect(asked?.headers['webhook-id']).toBe(calls('/deploy')[0]?.headers['webhook-id']);
  check.verify('', asked?.headers as Record<string, string>);
  answers['/state'] = [200, '{"result":"done","note":"rolled out"}'];
  await house.until('the second step', async () => {
    // It is asked each 15 s: a story does not wait that long.
    await house.query("UPDATE surface SET retry_at = NULL WHERE key = 'poll:REL-1:2:1'");
    return (await step('2'))?.state === 'done' ? true : undefined;
  });

  await house.until('the third step', async () => ((await step('3'))?.state === 'failed' ? true : undefined));
  expect(await step('3')).toMatchObject({ note: `${new URL(origin).host} answers 403: not in the quiet hours` });
  expect(calls('/build')).toHaveLength(2);
  expect(calls('/deploy')).toHaveLength(1);
  expect(calls('/announce')).toHaveLength(1);
  // Neither secrets nor addresses that are secrets are in the logs.
  expect(house.logs()).not.toContain(secret);
  expect(house.logs()).not.toContain(new URL(call.data.callback_url).pathname);
});
