import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAllowed, openOutbound } from '../../src/http/outbound.ts';

let server: Server;
let port: number;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' });
    response.end('here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

const causeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'answered',
    (error: { cause?: { code?: string } }) => error.cause?.code,
  );

test('which addresses are never called, by any of their names', () => {
  const never = [
    '169.254.169.254',
    '169.254.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:169.254.169.254',
    'metadata',
    '',
  ];
  expect(never.filter((address) => isAllowed(address, true))).toEqual([]);
  const always = ['10.1.2.3', '172.16.0.1', '192.168.1.1', '8.8.8.8', 'fd12:3456::1', '2001:db8::1'];
  expect(always.filter((address) => !isAllowed(address, false))).toEqual([]);
  const here = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'];
  expect(here.filter((address) => isAllowed(address, false))).toEqual([]);
  expect(here.filter((address) => !isAllowed(address, true))).toEqual([]);
});

test('a name is judged by the address behind it, an address by itself', async () => {
  const strict = openOutbound({ local: false });
  const kind = openOutbound({ local: true });
  for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1'])
    expect([host, await causeOf(strict(new URL(`http://${host}:${port}/`)))]).toEqual([host, 'EREFUSED_ADDRESS']);
  expect(await (await kind(new URL(`http://localhost:${port}/`))).text()).toBe('here');
  expect(await causeOf(kind(new URL('http://169.254.169.254/latest/meta-data/')))).toBe('EREFUSED_ADDRESS');
  expect(await causeOf(kind(new URL('http://[fe80::1]/')))).toBe('EREFUSED_ADDRESS');
});

test('a redirect leads nowhere by itself', async () => {
  const answer = await openOutbound({ local: true })(new URL(`http://127.0.0.1:${port}/away`), { redirect: 'manual' });
  expect(answer.status).toBe(302);
});
