import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { HookAbout, Vault } from '../../src/ctx.ts';
import { openHooks, openMachineDoor, openRate, signatureOf } from '../../src/http/hook.ts';
import { createMetrics, startHttp } from '../../src/http/server.ts';
import { findReleaseProps } from '../../src/store/read.ts';
import { findHook } from '../../src/store/room.ts';
import { localSecret, openVault } from '../../src/vault.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

type Seen = { method: string; url: string; headers: IncomingMessage['headers']; body: string };
type Receiver = (request: Seen, response: ServerResponse) => void;

let hall: Hall;
let vault: Vault;
let receiver: Server;
let origin: string;
let seen: Seen[] = [];
let answer: Receiver;
let door: Awaited<ReturnType<typeof startHttp>>;
let hooks: ReturnType<typeof openHooks>;
/** The door's clock for its rate, in ms. */
let tick = 0;

const services = Array.from({ length: 18 }, (_, index) => `svc${index}`);

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      seen.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  hall = await openHall({
    catalog: JSON.stringify({
      home: 'C0RELEASES',
      environments: { production: {} },
      teams: { core: { name: 'Core', members: ['U0ANA'] } },
      runbooks: {
        deploy: {
          steps: [
            {
              title: 'Deploy',
              expose: '25 %',
              webhook: { url: `${origin}/start?key=hunter2`, poll_url: `${origin}/state?key=hunter2`, auto: true },
            },
            'Look at it',
          ],
        },
      },
      services: Object.fromEntries(
        services.map((name) => [name, { team: 'core', environments: ['production'], runbook: 'deploy' }]),
      ),
      policies: [{ name: 'none', when: {}, gates: [] }],
    }),
  });
  vault = hall.ctx.vault as Vault;
  door = await startHttp({
    port: 0,
    host: '127.0.0.1',
    db: hall.db,
    now: hall.ctx.now,
    metrics: createMetrics(),
    log: hall.ctx.log,
    isSlackConnected: () => true,
    queueDepth: async () => 0,
    checkClock: false,
    machines: openMachineDoor({ ctx: hall.ctx, vault, workspace, tick: () => tick }),
    slackEvents: undefined,
  });
  hooks = openHooks({ vault, publicUrl: `http://127.0.0.1:${door.port}` });
});
afterAll(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await door?.close();
  await hall?.close();
});
afterEach(() => {
  seen = [];
  vi.useRealTimers();
  // Each test has its own minute.
  tick += 60_001;
});

const slot = '2026-11-24T13:00:00.000Z';

/** A release whose first step has just been started by itself: it waits for a machine. */
async function ship(service: string): Promise<number> {
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
  const booked = await hall.books('U0ANA', { units: [{ service, version: '2.14.0' }], startsAt: slot });
  if (!booked.ok) throw new Error(booked.refusal.code);
  const number = booked.events.flatMap(({ body }) => (body.type === 'release.requested' ? [body.release] : []))[0] ?? 0;
  hall.clock.now = new Date('2026-11-24T13:01:00Z');
  await start(number);
  return number;
}

async function start(release: number): Promise<void> {
  expect(await hall.says('U0ANA', `start REL-${release}`)).toContain('release.started');
  const looked = await hall.fires({ command: 'clock steps', release });
  expect(looked.ok && looked.events.map((event) => event.body.type)).toContain('step.started');
}

async function aboutOf(release: number, attempt = 1): Promise<HookAbout> {
  const step = await findHook(hall.db, workspace, { release, step: '1', attempt });
  const props = await findReleaseProps(hall.db, workspace, release);
  if (!step?.webhook || !props) throw new Error(`step 1 of REL-${release} does not run`);
  const { title, webhook, startedAt } = step;
  return { workspace, release: props, step: '1', attempt, title, webhook, startedAt };
}

async function post(url: string, body: unknown, init: { headers?: Record<string, string>; method?: string } = {}) {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const { method = 'POST', headers = {} } = init;
  const response = await fetch(url, { method, headers, ...(method === 'GET' ? {} : { body: sent }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: JSON.parse(text) as Record<string, unknown> };
}

async function count(type: string, release: number): Promise<number> {
  const { rows } = await hall.db.pool.query(
    `SELECT count(*)::int AS count FROM event WHERE workspace = $1 AND body ->> 'type' = $2 AND (body ->> 'release')::int = $3`,
    [workspace, type, release],
  );
  return rows[0].count;
}

async function stepOf(release: number): Promise<{ state: string; note: string; attempt: number }> {
  const { rows } = await hall.db.pool.query(
    `SELECT state, note, attempt FROM step WHERE workspace = $1 AND release = $2 AND key = '1'`,
    [workspace, release],
  );
  return rows[0];
}

const says =
  (status: number, body = '', headers: Record<string, string> = {}): Receiver =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);

describe('calls', () => {
  test('are signed as the specification signs its example', () => {
    // The vector that the libraries of Standard Webhooks share (libraries/javascript/src/webhook.test.ts).
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const signature = signatureOf(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}');
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('can be checked with the library, and nothing else can pass for one', async () => {
    const release = await ship('svc0');
    answer = says(202);
    expect(await hooks.call(await aboutOf(release))).toEqual({ kind: 'accepted' });
    const [call] = seen as [Seen];
    const headers = call.headers as Record<string, string>;
    const check = new Webhook(vault.webhookSecret(origin));
    expect(check.verify(call.body, headers)).toEqual({
      type: 'step.started',
      timestamp: '2026-11-24T13:01:00.000Z',
      data: {
        release: `REL-${release}`,
        environment: 'production',
        services: [{ service: 'svc0', version: '2.14.0' }],
        step: { key: '1', title: 'Deploy', attempt: 1 },
        lead: 'U0ANA',
        callback_url: hooks.callbackUrl(workspace, release, '1', 1),
      },
    });
    expect(call).toMatchObject({ method: 'POST', url: '/start?key=hunter2' });
    expect(headers['content-type']).toBe('application/json');
    expect(headers['webhook-id']).not.toContain('.');

    expect(() => check.verify(call.body.replace('2.14.0', '6.6.6'), headers)).toThrow('No matching signature');
    expect(() => check.verify(call.body, { ...headers, 'webhook-id': 'another' })).toThrow('No matching signature');
    const elsewhere = new Webhook(vault.webhookSecret('https://elsewhere.example.com'));
    expect(() => elsewhere.verify(call.body, headers)).toThrow('No matching signature');
    const stranger = new Webhook(openVault('another key that is long enough').webhookSecret(origin));
    expect(() => stranger.verify(call.body, headers)).toThrow('No matching signature');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * 60_000 });
    expect(() => check.verify(call.body, headers)).toThrow('too old');
  });

  test('keep their id on every retry, and get another with the next attempt', async () => {
    const release = await ship('svc1');
    let tries = 0;
    answer = (request, response) => says(++tries < 3 ? 503 : 202)(request, response);
    const about = await aboutOf(release);
    const kinds = [await hooks.call(about), await hooks.call(about), await hooks.call(await aboutOf(release))];
    expect(kinds.map((one) => one.kind)).toEqual(['later', 'later', 'accepted']);
    const ids = seen.map((one) => one.headers['webhook-id']);
    expect(new Set(ids).size).toBe(1);
    expect(new Set(seen.map((one) => one.body)).size).toBe(1);
    answer = says(200, '{"result":"pending"}');
    await hooks.poll(about);
    expect(seen.at(-1)?.headers['webhook-id']).toBe(ids[0]);
    await hooks.call({ ...about, attempt: 2 });
    expect(seen.at(-1)?.headers['webhook-id']).not.toBe(ids[0]);
    await hooks.call({ ...about, workspace: 'T0OTHER' });
    expect(seen.at(-1)?.headers['webhook-id']).not.toBe(ids[0]);
  });

  test('understand every answer of a receiver', async () => {
    const about = await aboutOf(await ship('svc2'));
    const host = new URL(origin).host;
    const html = '<html><form>Sign in</form></html>';
    const cases: [string, Receiver, unknown, unknown][] = [
      ['204', says(204), { kind: 'accepted' }, { kind: 'later', note: `${host} answers 204, but with no result` }],
      [
        'HTML',
        says(200, html),
        { kind: 'accepted' },
        { kind: 'later', note: `${host} answers 200, but with no result` },
      ],
      ['pending', says(200, '{"result":"pending"}'), { kind: 'accepted' }, { kind: 'accepted' }],
      ...(['done', 'failed'] as const).map((result): [string, Receiver, unknown, unknown] => {
        const heard = { kind: 'result', result, note: 'in 4 min' };
        return [result, says(200, JSON.stringify({ result, note: 'in 4 min', more: [1] })), heard, heard];
      }),
      [
        'no word of ours',
        says(200, '{"result":"success"}'),
        { kind: 'accepted' },
        expect.objectContaining({ kind: 'later' }),
      ],
      [
        'a note that is none',
        says(200, '{"result":"done","note":{"a":1}}'),
        { kind: 'result', result: 'done', note: '' },
        { kind: 'result', result: 'done', note: '' },
      ],
      ...[400, 401, 403, 404, 410, 422].map((status): [string, Receiver, unknown, unknown] => {
        const heard = { kind: 'refused', note: `${host} answers ${status}: not on my watch` };
        return [String(status), says(status, '{"note":"not on my watch"}'), heard, heard];
      }),
      ...[408, 409, 425, 429, 500, 502, 503, 504].map((status): [string, Receiver, unknown, unknown] => {
        const heard = { kind: 'later', note: `${host} answers ${status}` };
        return [String(status), says(status, html), heard, heard];
      }),
    ];
    for (const [name, how, called, polled] of cases) {
      answer = how;
      expect([name, await hooks.call(about)]).toEqual([name, called]);
      expect([name, await hooks.poll(about)]).toEqual([name, polled]);
    }
    expect(
      seen.filter((one) => one.method === 'GET' && one.body === '' && one.url === '/state?key=hunter2'),
    ).toHaveLength(cases.length);
  });

  test('do not follow a redirect', async () => {
    const about = await aboutOf(await ship('svc3'));
    for (const status of [301, 302, 303, 307, 308]) {
      answer = says(status, '', { location: `${origin}/trap` });
      expect(await hooks.call(about)).toMatchObject({ kind: 'refused', note: expect.stringContaining('redirect') });
      expect(await hooks.poll(about)).toMatchObject({ kind: 'refused' });
    }
    expect(seen.map((one) => one.url)).not.toContain('/trap');
    expect(seen).toHaveLength(10);
  });

  test('wait for a slow receiver no longer than they should, and say nothing of the address', async () => {
    const about = await aboutOf(await ship('svc4'));
    const hasty = openHooks({ vault, publicUrl: 'https://maitred.example.com', withinMs: 100 });
    const host = new URL(origin).host;
    answer = () => undefined;
    expect(await hasty.call(about)).toEqual({ kind: 'later', note: `${host} did not answer within 0.1 s` });
    // Its head comes in time, its end never does.
    answer = (_request, response) => void response.writeHead(200).write('{"result":');
    expect(await hasty.poll(about)).toEqual({ kind: 'later', note: `${host} did not answer within 0.1 s` });
    answer = (_request, response) => void response.destroy();
    const cut = await hooks.call(about);
    expect(cut).toMatchObject({ kind: 'later', note: expect.stringContaining('cannot be reached') });
    const dead = { ...about, webhook: { ...about.webhook, url: 'http://127.0.0.1:1/start?key=hunter2' } };
    const notes = [cut, await hooks.call(dead)];
    for (const wrong of ['https://user:hunter2@example.com/', 'http://', 'https://[::1'])
      notes.push(await hooks.call({ ...about, webhook: { ...about.webhook, url: wrong } }));
    expect(notes.map((one) => one.kind)).toEqual(['later', 'later', 'refused', 'refused', 'refused']);
    expect(JSON.stringify(notes)).not.toContain('hunter2');
    expect(JSON.stringify(notes)).not.toContain('whsec');
  });

  test('read 64 KiB of an answer and no more', async () => {
    const about = await aboutOf(await ship('svc5'));
    const padded = (size: number) => `{"result":"done","note":"ok","pad":"${'x'.repeat(size)}"}`;
    answer = says(200, padded(64_000));
    expect(await hooks.call(about)).toEqual({ kind: 'result', result: 'done', note: 'ok' });
    answer = says(200, padded(66_000));
    expect(await hooks.call(about)).toEqual({ kind: 'accepted' });
    const closed = new Promise<boolean>((resolve) => {
      answer = (_request, response) => {
        response.on('close', () => resolve(response.writableFinished));
        const more = () => {
          while (response.write(Buffer.alloc(64 * 1024, 'x')));
          response.once('drain', more);
        };
        more();
      };
    });
    expect(await hooks.call(about)).toEqual({ kind: 'accepted' });
    expect(await closed).toBe(false);
  });

  test('clip and clean what a machine writes', async () => {
    const about = await aboutOf(await ship('svc6'));
    answer = says(200, JSON.stringify({ result: 'failed', note: `a\u0000b\u001b[31m\ud800 ${'é😀'.repeat(2000)}` }));
    const heard = await hooks.call(about);
    if (heard.kind !== 'result') throw new Error(heard.kind);
    expect(heard.note.length).toBeLessThanOrEqual(1000);
    expect(heard.note).toMatch(/^a b \[31m\uFFFD é😀.*…$/u);
    expect(heard.note).not.toMatch(/\p{Cs}/u);
  });
});

describe('results', () => {
  test('are recorded once, however often they come', async () => {
    const release = await ship('svc7');
    const url = hooks.callbackUrl(workspace, release, '1', 1);
    const first = await post(url, { result: 'done', note: 'in 4 min <!channel>' });
    expect(first).toMatchObject({ status: 200, body: { recorded: true } });
    // The answer was lost: the same again, in other spaces.
    expect((await post(url, '{ "note": "in 4 min <!channel>",\n "result": "done" }')).body).toEqual({ recorded: true });
    const other = await post(url, { result: 'failed', note: 'no' });
    expect(other).toMatchObject({ status: 200, body: { recorded: false, why: expect.stringContaining('attempt 1') } });
    const keyed = await post(
      url,
      { result: 'done', note: 'in 4 min <!channel>' },
      { headers: { 'idempotency-key': 'k' } },
    );
    expect(keyed.body).toMatchObject({ recorded: false });
    expect(await stepOf(release)).toMatchObject({ state: 'done', note: 'in 4 min <!channel>' });
    expect(await count('step.done', release)).toBe(1);
    expect(await count('step.failed', release)).toBe(0);
  });

  test('ten at once are one', async () => {
    const release = await ship('svc8');
    const url = hooks.callbackUrl(workspace, release, '1', 1);
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, index) => post(url, { result: 'done', note: index < 5 ? 'same' : `n${index}` })),
    );
    expect(all.map((one) => one.status)).toEqual(Array(10).fill(200));
    expect(all.some((one) => one.body.recorded === true)).toBe(true);
    expect(await count('step.done', release)).toBe(1);
  });

  test('too late, or of an older attempt, change nothing', async () => {
    const release = await ship('svc9');
    const old = hooks.callbackUrl(workspace, release, '1', 1);
    hall.clock.now = new Date('2026-11-24T13:12:00Z');
    await hall.fires({ command: 'clock steps', release });
    expect(await stepOf(release)).toMatchObject({ state: 'failed', note: 'nobody answered in time' });
    expect((await post(old, { result: 'done' })).body).toMatchObject({ recorded: false });
    expect(await hall.says('U0ANA', `step REL-${release} 1 retry`)).toContain('step.started');
    expect((await post(old, { result: 'done', note: 'at last' })).body).toMatchObject({ recorded: false });
    expect(await stepOf(release)).toMatchObject({ state: 'running', attempt: 2 });
    const now = hooks.callbackUrl(workspace, release, '1', 2);
    expect(now).not.toBe(old);
    expect((await post(now, { result: 'failed' })).body).toEqual({ recorded: true });
    expect(await stepOf(release)).toMatchObject({ state: 'failed', note: 'it reported a failure', attempt: 2 });
    expect(await count('step.done', release)).toBe(0);
  });

  test('of what was rolled back meanwhile expose nothing', async () => {
    const release = await ship('svc10');
    expect(await hall.says('U0ANA', `rollback REL-${release} it is slow`)).toContain('release.rolled_back');
    const late = await post(hooks.callbackUrl(workspace, release, '1', 1), { result: 'done' });
    expect(late).toMatchObject({ status: 200, body: { recorded: false } });
    expect(await count('exposure.set', release)).toBe(0);
  });

  test('that nobody was asked for are not found, whatever is wrong with them', async () => {
    const release = await ship('svc11');
    const right = hooks.callbackUrl(workspace, release, '1', 1);
    const token = right.slice(-43);
    const at = (path: string) => `http://127.0.0.1:${door.port}${path}`;
    const flipped = `${token.slice(0, 20)}${token[20] === 'A' ? 'B' : 'A'}${token.slice(21)}`;
    const samples = hooks.samplesUrl(workspace, release);
    const stranger = openHooks({ vault: openVault('another key that is long enough'), publicUrl: at('') });
    const wrong = [
      at(`/hooks/REL-${release}/1/1/${flipped}`),
      at(`/hooks/REL-${release}/1/2/${token}`),
      at(`/hooks/REL-${release}/2/1/${token}`),
      at(`/hooks/REL-${release + 1}/1/1/${token}`),
      at(`/hooks/REL-${release}/1/1/${samples.slice(-43)}`),
      at(`/hooks/REL-${release}/1/1/${token}x`),
      at(`/hooks/REL-${release}/1/1/`),
      at(`/hooks/REL-${release}/1%2f1/1/${token}`),
      at(`/canary/REL-${release}/${token}`),
      stranger.callbackUrl(workspace, release, '1', 1),
      hooks.callbackUrl('T0OTHER', release, '1', 1),
      // Signed by us, but there is no such release.
      hooks.callbackUrl(workspace, 99_999, '1', 1),
      hooks.samplesUrl(workspace, 99_999),
    ];
    const body = { metric: 'm', direction: 'increase', baseline: [], canary: [] };
    const answers = await Promise.all(
      wrong.map((url) => post(url, url.includes('/canary/') ? body : { result: 'done' })),
    );
    expect(new Set(answers.map((one) => `${one.status} ${JSON.stringify(one.body)}`))).toEqual(
      new Set(['404 {"error":"not found"}']),
    );
    for (const method of ['GET', 'PUT', 'DELETE'])
      for (const url of [right, at('/hooks/nothing')]) {
        const refused = await post(url, '', { method });
        expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST']);
      }
    expect(await stepOf(release)).toMatchObject({ state: 'running' });
    // A step that is not there at all: signed, so it is heard, and changes nothing.
    expect((await post(hooks.callbackUrl(workspace, release, '77', 1), { result: 'done' })).body).toMatchObject({
      recorded: false,
    });

    for (const bad of [
      '',
      'NaN',
      '{',
      '[]',
      'null',
      '{"result":"maybe"}',
      '{"result":"done","note":1}',
      '{"result":"done","extra":1}',
      '{"result":1e999}',
      '['.repeat(100_000),
    ]) {
      const heard = await post(right, bad);
      expect([bad.slice(0, 40), heard.status]).toEqual([bad.slice(0, 40), 400]);
      expect(String(heard.body.error)).toMatch(
        new RegExp(`^This was to be the result of step 1 of REL-${release}, but .{3,}`),
      );
      expect(heard.body.next).toContain('Post JSON like {"result":"done"');
    }
    const big = await post(right, { result: 'done', note: 'x'.repeat(300 * 1024) });
    expect(big).toMatchObject({ status: 413, body: { error: 'More than 256 KiB came.' } });
    const allowed = await post(right, { result: 'done', note: `\u0000${'x'.repeat(200 * 1024)}` });
    expect(allowed).toMatchObject({ status: 200, body: { recorded: true } });
    expect((await stepOf(release)).note).toHaveLength(1000);
  });
});

describe('samples', () => {
  const steady = Array.from({ length: 60 }, (_, index) => 100 + (index % 10));
  const slower = steady.map((value) => value * 2);
  const p95 = { metric: 'p95 ms', direction: 'increase', baseline: steady, canary: slower };

  test('get a verdict with its numbers, once', async () => {
    const release = await ship('svc12');
    const url = hooks.samplesUrl(workspace, release);
    const first = await post(url, p95);
    expect(first).toMatchObject({
      status: 200,
      body: {
        verdict: 'high',
        metric: 'p95 ms',
        n: { baseline: 60, canary: 60 },
        median_baseline: 104.5,
        median_canary: 209,
        tolerance: 0.25,
        confidence: 0.98,
        words: expect.stringMatching(
          /^p95 ms: HIGHER than the baseline – median 209 against 104.5, .*Advice, no decision\.$/,
        ),
      },
    });
    const { shift, low, high, p_value } = first.body as Record<string, number>;
    expect(low).toBeLessThanOrEqual(shift as number);
    expect(high).toBeGreaterThanOrEqual(shift as number);
    expect(p_value).toBeLessThan(1e-6);
    const { canary, baseline, direction, metric } = p95;
    expect((await post(url, { canary, baseline, direction, metric, tolerance: null })).body).toEqual(first.body);
    expect(await count('canary.judged', release)).toBe(1);
    // Whoever means the same numbers anew says so with a key; that one is a repeat of itself, too.
    const headers = { 'idempotency-key': '2026-11-24T13:05Z' };
    expect((await post(url, p95, { headers })).body).toEqual(first.body);
    expect((await post(url, p95, { headers })).body).toEqual(first.body);
    expect(await count('canary.judged', release)).toBe(2);
    // Twice as slow is what this one bears.
    expect((await post(url, { ...p95, tolerance: 1.5 })).body).toMatchObject({ verdict: 'pass', tolerance: 1.5 });
    expect((await post(url, { ...p95, reference: 1000 })).body).toMatchObject({ verdict: 'pass' });
  });

  test('too few say so', async () => {
    const release = await ship('svc13');
    const few = { ...p95, canary: [1, 2, 3] };
    const heard = await post(hooks.samplesUrl(workspace, release), few);
    expect(heard).toMatchObject({
      status: 200,
      body: {
        verdict: 'not_enough_data',
        n: { baseline: 60, canary: 3 },
        shift: null,
        low: null,
        high: null,
        p_value: null,
      },
    });
    const none = await post(hooks.samplesUrl(workspace, release), { ...p95, baseline: [], canary: [] });
    expect(none.body).toMatchObject({ verdict: 'not_enough_data', median_baseline: null });
  });

  test('hostile ones are told what is wrong, and leave nothing behind', async () => {
    const release = await ship('svc14');
    const url = hooks.samplesUrl(workspace, release);
    const text = JSON.stringify(p95);
    const bad: [string, RegExp][] = [
      [text.replace('[100,', '[NaN,'), /it is no JSON/],
      [text.replace('[100,', '[1e999,'), /baseline\.0: .*number/],
      [text.replace('[100,', '[-1e999,'), /baseline\.0: .*number/],
      [text.replace('[100,', '[1e301,'), /baseline\.0: /],
      [text.replace('[100,', '["100",'), /baseline\.0: .*number/],
      [text.replace('[100,', '[null,'), /baseline\.0: .*number/],
      [text.replace('[100,', '[[100],'), /baseline\.0: .*number/],
      [`${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`, /metric: /],
      [`${text.slice(0, -1)},"baseline":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, /baseline\.0: .*number/],
      [`${text.slice(0, -1)},"tolerence":1}`, /tolerence/],
      [`${text.slice(0, -1)},"constructor":{"prototype":{"bad":1}}}`, /constructor/],
      [`${text.slice(0, -1)},"tolerance":-1}`, /tolerance: /],
      [`${text.slice(0, -1)},"reference":1e999}`, /reference: .*number/],
      [JSON.stringify({ ...p95, metric: '' }), /metric: /],
      [JSON.stringify({ ...p95, metric: 'a\u0000b' }), /metric: holds a control character/],
      [JSON.stringify({ ...p95, metric: 'a\ud800b' }), /metric: holds a control character/],
      [JSON.stringify({ ...p95, metric: 'x'.repeat(81) }), /metric: /],
      [JSON.stringify({ ...p95, direction: 'up' }), /direction: /],
      [JSON.stringify({ ...p95, canary: Array(2001).fill(1) }), /canary: /],
    ];
    for (const [body, why] of bad) {
      const heard = await post(url, body);
      expect([body.slice(0, 60), heard.status]).toEqual([body.slice(0, 60), 400]);
      expect(heard.body.error).toMatch(why);
      expect(String(heard.body.error).length).toBeLessThan(400);
      expect(heard.body.next).toContain('"baseline":[');
    }
    expect(await count('canary.judged', release)).toBe(0);
    // The key that would change every object changes none.
    const polluted = await post(url, `${text.slice(0, -1)},"__proto__":{"tolerance":99,"polluted":1}}`);
    expect([200, 400]).toContain(polluted.status);
    if (polluted.status === 200) expect(polluted.body).toMatchObject({ verdict: 'high', tolerance: 0.25 });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await post(url, 'x'.repeat(257 * 1024))).toMatchObject({ status: 413 });
    // The most that is read: two sides of 2000 numbers.
    const most = Array.from({ length: 2000 }, (_, index) => 1e299 + index * 1.23456789e285);
    expect(await post(url, { ...p95, baseline: most, canary: most })).toMatchObject({ body: { verdict: 'pass' } });
  });

  test('are not taken before it is deployed and after it has ended', async () => {
    hall.clock.now = new Date('2026-11-23T08:00:00Z');
    const units = [{ service: 'svc15', version: '1.0.0' }];
    const booked = await hall.books('U0ANA', { units, startsAt: slot });
    if (!booked.ok) throw new Error(booked.refusal.code);
    const release =
      booked.events.flatMap(({ body }) => (body.type === 'release.requested' ? [body.release] : []))[0] ?? 0;
    const url = hooks.samplesUrl(workspace, release);
    const early = await post(url, p95);
    expect(early).toMatchObject({
      status: 409,
      body: { error: `REL-${release} is ✅ Approved, so there is nothing to sample.` },
    });
    hall.clock.now = new Date('2026-11-24T13:01:00Z');
    await start(release);
    // The no from before does not answer the same numbers now.
    expect(await post(url, p95)).toMatchObject({ status: 200, body: { verdict: 'high' } });
    await post(hooks.callbackUrl(workspace, release, '1', 1), { result: 'done' });
    expect(await hall.says('U0ANA', `step REL-${release} 2 done`)).toContain('step.done');
    expect(await hall.says('U0ANA', `done REL-${release}`)).toContain('release.done');
    const over = { status: 409, body: { error: `REL-${release} is 🏁 Done, so there is nothing to sample.` } };
    expect(await post(url, { ...p95, metric: 'other' })).toMatchObject(over);
    expect(await post(url, p95)).toMatchObject(over);
    // While it is watched, monitoring still looks.
    expect(await hall.says('U0ANA', `watch REL-${release} 4h`)).toContain('watch.started');
    expect(await post(url, { ...p95, metric: 'other' })).toMatchObject({ status: 200 });
    expect(await hall.says('U0ANA', `rollback REL-${release} it is slow`)).toContain('release.rolled_back');
    expect(await post(url, { ...p95, metric: 'third' })).toMatchObject({ status: 409 });
  });

  test('and results of one release are taken 60 times a minute', async () => {
    const [one, other] = [await ship('svc16'), await ship('svc17')];
    const url = hooks.samplesUrl(workspace, one);
    const callback = hooks.callbackUrl(workspace, one, '1', 1);
    const posts = Array.from({ length: 62 }, (_, index) => post(index % 2 === 0 ? url : callback, 'no JSON'));
    const statuses = (await Promise.all(posts)).map((heard) => heard.status).sort();
    expect(statuses).toEqual([...Array(60).fill(400), 429, 429]);
    const late = await post(url, p95);
    expect([late.status, late.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await post(hooks.samplesUrl(workspace, other), p95)).toMatchObject({ status: 200 });
    tick += 1_000;
    expect(await post(url, p95)).toMatchObject({ status: 200 });
    expect(await post(url, p95)).toMatchObject({ status: 429 });
  });
});

test('a rate fills up again, and never over the brim', () => {
  let now = 0;
  const spend = openRate(60, () => now);
  const burst = () => Array.from({ length: 70 }, () => spend('a')).filter((wait) => wait === 0).length;
  expect(burst()).toBe(60);
  now += 10_000;
  expect(burst()).toBe(10);
  now += 3_600_000;
  expect(burst()).toBe(60);
  now += 400;
  expect(spend('a')).toBe(1);
  expect(spend('b')).toBe(0);
});

test('npm run hook-secret prints what calls to a host are signed with', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'maitred-secret-'));
  const root = new URL('../../', import.meta.url).pathname;
  const asks = (address: string, env: Record<string, string>) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', `${root}src/hook-secret.ts`, ...(address === '' ? [] : [address])],
      { cwd: root, env: { PATH: process.env.PATH, DATA_DIR: dataDir, ...env }, encoding: 'utf8' },
    );
    return { status, stdout, stderr };
  };
  const key = 'a key that is long enough for every test';
  const given = asks('https://Deploy.example.com:443/start?x=1', { SECRET_KEY: key });
  expect(given).toMatchObject({ status: 0, stdout: `${openVault(key).webhookSecret('https://deploy.example.com')}\n` });
  expect(given.stdout).toMatch(/^whsec_[A-Za-z0-9+/]{43}=\n$/);
  expect(asks('https://deploy.example.com', {})).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('SECRET_KEY'),
  });
  const local = openVault(localSecret(join(dataDir, 'secret.key')));
  expect(asks('https://deploy.example.com', {}).stdout).toBe(`${local.webhookSecret('https://deploy.example.com')}\n`);
  expect(asks('', { SECRET_KEY: key })).toMatchObject({ status: 2, stdout: '' });
  expect(asks('deploy.example.com', { SECRET_KEY: key })).toMatchObject({ status: 2, stdout: '' });
});
