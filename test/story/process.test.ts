import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';

const root = new URL('../../', import.meta.url).pathname;
let house: House;
beforeAll(async () => {
  // Who types while nobody is there is told so.
  house = await openHouse({ tolerates: ['dispatch_failed'] });
});
afterAll(() => house?.close());

test('tells machines how it is', async () => {
  const get = (path: string) => fetch(`http://127.0.0.1:${house.port()}${path}`);
  expect(await (await get('/healthz')).text()).toBe('ok\n');
  expect(await (await get('/readyz')).json()).toEqual({ ready: true, problems: [] });
  await house.person('ana').types('/release list');
  const metrics = await (await get('/metrics')).text();
  expect(metrics).toMatch(/maitred_ack_seconds_count\{kind="command"\} 1/);
  expect(metrics).toMatch(/maitred_outbox_rows 0/);
  expect((await get('/nothing')).status).toBe(404);
});

test('SIGTERM answers what is in flight, loses nothing and ends within ten seconds', async () => {
  const people = ['ana', 'raj', 'sam', 'mia'] as const;
  const booked = people.map((name, index) =>
    house.person(name).types(`/release book web@${index} 2026-12-1${index}T10:00:00Z --yes`),
  );
  const lines = booked.map(async (line) => (await line).status);
  await new Promise((resolve) => setTimeout(resolve, 40));
  const [app] = house.apps;
  const ended = new Promise<number | null>((resolve) => app?.once('exit', (code) => resolve(code)));
  const started = Date.now();
  app?.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(Date.now() - started).toBeLessThan(10_000);
  const answered = (await Promise.all(lines)).filter((status) => status === 'ok').length;
  const stored = await house.query('SELECT 1 FROM release');
  expect(stored.length).toBeGreaterThanOrEqual(answered);
  await house.startApp();
  await house.until('the cards to be there', async () =>
    (await house.query('SELECT 1 FROM outbox')).length === 0 ? true : undefined,
  );
  expect(
    house.messages('releases').filter((message) => String(message.metadata?.event_payload.key).startsWith('card:')),
  ).toHaveLength(stored.length);
});

test('a lost answer does not double a message', async () => {
  house.sandbox.world.faults.set('chat.postMessage', [{ kind: 'lost', times: 3 }]);
  house.sandbox.world.faults.set('chat.update', [{ kind: 'ratelimited', times: 2, retryAfter: 1 }]);
  await house.person('rae').types('/release book ledger@7 2026-12-20T10:00:00Z --yes');
  await house.until('everything to be written', async () =>
    (await house.query('SELECT 1 FROM outbox')).length === 0 ? true : undefined,
  );
  const keys = Object.values(house.sandbox.world.state.messages)
    .flat()
    .flatMap((message) => (message.metadata ? [String(message.metadata.event_payload.key)] : []));
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

test('a question whose answer got lost is brought up to date when it is decided meanwhile', async () => {
  const { world } = house.sandbox;
  let isDecided = false;
  world.intercept = async ({ method, args }) => {
    const { event_payload: payload } = (args.metadata ?? {}) as { event_payload?: { key?: string } };
    if (method === 'chat.postMessage' && payload?.key?.startsWith('ask:')) return 'lose';
    // Nobody finds out what became of it before the release is cancelled.
    return method === 'conversations.history' && !isDecided ? 'drop' : 'pass';
  };
  const asked = () =>
    Object.values(world.state.messages)
      .flat()
      .filter(({ metadata }) => String(metadata?.event_payload.key).startsWith('ask:'));
  const before = asked().length;
  await house.person('ana').types('/release book payments@9 2026-12-21T10:00:00Z --yes');
  await house.until('the question to be there', () => (asked().length > before ? true : undefined));
  const [row] = await house.query<{ number: number }>('SELECT max(number) AS number FROM release');
  await house.person('ana').types(`/release cancel REL-${row?.number} not now`);
  await house.until(
    'the end',
    async () =>
      (await house.query("SELECT 1 FROM release WHERE number = $1 AND state = 'cancelled'", [row?.number]))[0],
  );
  isDecided = true;
  await house.until('everything to be written', async () =>
    (await house.query('SELECT 1 FROM outbox')).length === 0 ? true : undefined,
  );
  world.intercept = undefined;
  for (const { text } of asked().slice(before)) expect(text).not.toMatch(/needs a decision/);
  const keys = asked().map(({ metadata }) => String(metadata?.event_payload.key));
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

test('what takes longer than Slack waits is answered in time, and then for real', async () => {
  house.sandbox.world.faults.set('users.info', [{ kind: 'hang', times: 1 }]);
  const sam = house.person('sam');
  expect((await sam.types('/release list')).status).toBe('ok');
  expect(sam.sees().join()).toContain('Still working on it');
  await sam.seesEventually(/couldn't check with Slack who you are, so I saved nothing.*Ref/);
});

test('production names every missing setting at once, and a taken port says what to do', async () => {
  const start = (env: Record<string, string>) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
      timeout: 20_000,
    });
  const bare = start({ NODE_ENV: 'production' });
  expect(bare.status).toBe(1);
  for (const name of ['SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN', 'DATABASE_URL', 'REDIS_URL', 'PUBLIC_URL', 'SECRET_KEY'])
    expect(bare.stderr).toContain(name);

  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: house.databaseUrl,
      SANDBOX_PORT: String(port),
      DATA_DIR: '/tmp/maitred-port-test',
    },
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(1);
  expect(said).toContain(`Port ${port} is taken`);
  expect(said).toContain('SANDBOX_PORT=');
  server.close();
});
