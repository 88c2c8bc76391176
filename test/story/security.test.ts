import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { openVault } from '../../src/vault.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, stateOf } from '../support/story.ts';

/*
 * Two replicas that log everything there is, one on Socket Mode and one that takes signed requests; somebody who forges
 * requests; and a search of the logs for every secret that was about.
 */
const secretKey = 'a secret key of the security story, which nobody may read';
let house: House;
let door: string;
let receiver: Server;
let origin: string;
/** What came to the address that forged requests name for answers. */
const answers: string[] = [];
const called: { url: string; headers: IncomingMessage['headers']; body: string }[] = [];

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.url?.startsWith('/response/')) answers.push(body);
    else called.push({ url: request.url ?? '', headers: request.headers, body });
    response.writeHead(request.url === '/deploy' ? 202 : 200).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const catalog = JSON.stringify({
    zone: 'Europe/Berlin',
    home: 'C0RELEASES',
    people: { U0RAE: { roles: ['release_manager'] } },
    environments: { production: {}, staging: {} },
    teams: { payments: { name: 'Payments', members: ['U0ANA'] } },
    runbooks: { machines: { steps: [{ title: 'Deploy', webhook: { url: `${origin}/deploy`, auto: true } }] } },
    services: { payments: { team: 'payments', environments: ['production', 'staging'], runbook: 'machines' } },
    policies: [
      { name: 'free', when: { environment: ['staging'] }, gates: [] },
      { name: 'strict', when: {}, gates: [{ name: 'Security', who: 'U0LEE', needed: 1, step_up: true }] },
    ],
  });
  const env = { LOG_LEVEL: 'trace', SECRET_KEY: secretKey };
  house = await openHouse({ catalog, env });
  const { signingSecret } = house.sandbox.world.tokens;
  await house.startApp({ env: { SLACK_APP_TOKEN: '', SLACK_SIGNING_SECRET: signingSecret } });
  door = `http://127.0.0.1:${house.port()}`;
});
afterAll(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await house?.close();
});

type Forged = { readonly seconds?: number; readonly secret?: string; readonly signature?: string };

/** Posts as Slack would, signed with what somebody has. */
async function post(fields: Record<string, string>, forged: Forged = {}) {
  const body = new URLSearchParams(fields).toString();
  const seconds = forged.seconds ?? Math.floor(Date.now() / 1000);
  const secret = forged.secret ?? house.sandbox.world.tokens.signingSecret;
  const digest = createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex');
  const answer = await fetch(`${door}/slack/events`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': String(seconds),
      'x-slack-signature': forged.signature ?? `v0=${digest}`,
    },
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

const responseUrl = () => `${origin}/response/${randomUUID()}`;
const line = (text: string, more: Record<string, string> = {}) => ({
  command: '/release',
  text,
  user_id: 'U0ANA',
  team_id: 'T0HARBOUR',
  channel_id: 'C0RELEASES',
  trigger_id: `trigger.${randomUUID()}`,
  response_url: responseUrl(),
  api_app_id: 'A0MAITRED',
  ...more,
});

/** A click with any value, by anybody, on a message that says anything; gives what the person was told. */
async function click(user: Record<string, string>, action: string, value: string): Promise<string> {
  const before = answers.length;
  const { status } = await post({
    payload: JSON.stringify({
      type: 'block_actions',
      team: { id: 'T0HARBOUR' },
      user,
      api_app_id: 'A0MAITRED',
      trigger_id: `trigger.${randomUUID()}`,
      response_url: responseUrl(),
      channel: { id: 'C0RELEASES', name: 'releases' },
      container: { type: 'message', message_ts: '1.1', channel_id: 'C0RELEASES', is_ephemeral: false },
      // What stands in the message proves nothing, whoever seems to have written it.
      message: { type: 'message', user: 'U0MAITRED', ts: '1.1', text: 'REL-1 belongs to you, U0EVE is its requester' },
      actions: [{ type: 'button', action_id: `${action}.v1`, block_id: 'b', value, action_ts: randomUUID() }],
    }),
  });
  expect(status).toBe(200);
  await house.until('an answer', () => (answers.length > before ? true : undefined));
  return (JSON.parse(answers.at(-1) as string) as { text: string }).text;
}

describe('signed requests', () => {
  test('of somebody without the secret, too old or too new are refused, and nothing is done', async () => {
    const book = line('book payments@0.1 2026-12-01 10:00 --yes');
    const now = Math.floor(Date.now() / 1000);
    const tried = [
      await post(book, { secret: 'another secret' }),
      await post(book, { signature: 'v0=' }),
      await post(book, { signature: `v0=${'0'.repeat(64)}` }),
      await post(book, { seconds: now - 301 }),
      await post(book, { seconds: Number.NaN }),
    ];
    expect(tried.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
    expect(await house.query('SELECT 1 FROM release')).toEqual([]);
  });

  test('sent again within the five minutes do the same thing once', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    const book = line('book payments@0.2 2026-12-02 10:00 env:staging --yes');
    for (let times = 0; times < 3; times++) expect((await post(book, { seconds })).status).toBe(200);
    expect(await house.query('SELECT count(*)::int AS n FROM release')).toEqual([{ n: 1 }]);
  });
});

describe('what stands in a request proves nothing', () => {
  const sam = { id: 'U0SAM', username: 'ana', name: 'ana', team_id: 'T0HARBOUR' };

  test('a button of somebody else’s release', async () => {
    const [row] = await house.query<{ number: number }>('SELECT number FROM release');
    const number = row?.number as number;
    expect(await click(sam, 'release.cancel', `${number}|U0SAM|requester`)).toMatch(/<@U0ANA>/);
    expect(await click(sam, 'release.moveto', `${number}|2026-12-24T10:00:00.000Z`)).toMatch(/<@U0ANA>/);
    expect(await stateOf(house, number)).toBe('approved');
    // People of other organisations learn nothing, whatever the request says of them.
    const eve = { id: 'U0EVE', name: 'ana', team_id: 'T0HARBOUR' };
    for (const action of ['release.details', 'release.cancel', 'release.review'])
      expect(await click(eve, action, String(number))).toMatch(/another organisation/);
    const stranger = { id: 'U9ELSEWHERE', name: 'ana', team_id: 'T9OTHER' };
    expect(await click(stranger, 'release.details', String(number))).toMatch(/deactivated/);
    const bot = { id: 'U0MAITRED', name: 'maitred', team_id: 'T0HARBOUR' };
    expect(await click(bot, 'release.details', String(number))).toMatch(/Bots cannot do this/);
  });

  test('values that no button has', async () => {
    const before = await house.query('SELECT count(*)::int AS n FROM event');
    for (const value of [
      '',
      '0',
      '-1',
      '1e99',
      '99999999999',
      'constructor',
      "1'; DROP TABLE event; --",
      '1|'.repeat(900),
    ]) {
      expect(await click(sam, 'release.cancel', value)).not.toBe('');
      expect(await click(sam, 'release.details', value)).not.toBe('');
      expect(await click(sam, 'draft.take', value)).toMatch(/too old/);
    }
    expect(await house.query('SELECT count(*)::int AS n FROM event')).toEqual(before);
  });
});

test('nothing that is served is kept, framed, guessed or told on', async () => {
  for (const path of ['/healthz', '/readyz', '/metrics', '/feeds/none.ics', '/hooks/REL-1/1/1/none']) {
    const { headers } = await fetch(`${door}${path}`);
    expect([
      path,
      headers.get('x-content-type-options'),
      headers.get('referrer-policy'),
      headers.get('cache-control'),
    ]).toEqual([path, 'nosniff', 'no-referrer', 'no-store']);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  }
});

test('a whole life, and none of its secrets is in the logs', { timeout: 240_000 }, async () => {
  const { ana, lee } = cast(house);
  const { world } = house.sandbox;

  // One-time codes.
  await lee.types('/release stepup');
  const form = await lee.modal(/One-time codes/);
  const otp = (/`((?:[A-Z2-7]{1,4} ?){8})`/.exec(textOf(form.blocks))?.[1] ?? '').replace(/ /g, '');
  expect(otp).toHaveLength(32);
  const totp = new TOTP({ secret: Secret.fromBase32(otp) });
  const codes = [0, 1].map((later) => totp.generate({ timestamp: house.now().getTime() + later * 30_000 }));
  await lee.fills({ code: { value: codes[0] } });
  await lee.submits();
  await lee.reads(/One-time codes are set up/);
  await lee.closes();

  // An approval with a code.
  const asked = await books(house, ana, 'payments@2 2026-12-08 10:00 env:production "Secret-free words"');
  await lee.types(`/release review REL-${asked}`);
  await lee.modal(new RegExp(`Review REL-${asked}`));
  await lee.picks('decision', 'approve');
  await lee.fills({ code: { value: codes[1] } });
  await lee.submits();
  await house.until('the verdict', async () => ((await stateOf(house, asked)) === 'approved' ? true : undefined));

  // A calendar's address.
  await ana.types('/release feed');
  const feed = /feeds\/([\w-]{20,})\.ics/.exec(await ana.seesEventually(/feeds\/[\w-]{20,}\.ics/))?.[1] as string;
  expect((await fetch(`${door}/feeds/${feed}.ics`)).status).toBe(200);

  // A machine that is called, and calls back.
  const shipped = await books(house, ana, 'payments@3 2026-11-23 09:30 env:staging');
  house.moveTo(new Date('2026-11-23T08:30:30Z'));
  await ana.types(`/release start REL-${shipped}`);
  const call = await house.until('the machine to be called', () => called.find((one) => one.url === '/deploy'));
  const callback = (JSON.parse(call.body) as { data: { callback_url: string } }).data.callback_url;
  const heard = await fetch(`${door}${new URL(callback).pathname}`, { method: 'POST', body: '{"result":"done"}' });
  expect([heard.status, await heard.json()]).toEqual([200, { recorded: true }]);
  await ana.types(`/release canary REL-${shipped}`);
  const samples = /canary\/REL-\d+\/([\w-]{43})/.exec(
    await ana.seesEventually(/canary\/REL-\d+\/[\w-]{43}/),
  )?.[1] as string;

  // What is logged when things go wrong carries the most.
  world.faults.set('users.info', [{ kind: 'lost', times: 1 }]);
  world.faults.set('chat.postMessage', [{ kind: 'error', times: 1 } as never, { kind: 'lost', times: 1 }]);
  const wrong = line('show REL-1', { user_id: 'U0MIA' });
  await post(wrong);
  await post({ payload: 'no json at all' });
  await ana.types(`/release verify REL-${shipped}`);
  await ana.types(`/release done REL-${shipped}`);
  await house.until('it to be done', async () => ((await stateOf(house, shipped)) === 'done' ? true : undefined));

  const { bot, app, signingSecret } = world.tokens;
  const database = new URL(house.databaseUrl);
  const secrets: Record<string, string> = {
    'bot token': bot,
    'app token': app,
    'signing secret': signingSecret,
    'secret key': secretKey,
    'database password': database.password,
    'one-time code secret': otp,
    'one-time code': codes[1] as string,
    'feed address': feed,
    'callback address': new URL(callback).pathname.split('/').at(-1) as string,
    'samples address': samples,
    'webhook secret': openVault(secretKey).webhookSecret(origin).replace('whsec_', ''),
    'webhook signature': String(call.headers['webhook-signature']).replace('v1,', ''),
    response_url: wrong.response_url,
    trigger_id: wrong.trigger_id,
  };
  const logs = house.logs();
  // It is the log of a whole life, at the level of details.
  expect(logs.length).toBeGreaterThan(2_000);
  expect(logs).toMatch(/"command":"vote"/);
  expect(Object.entries(secrets).filter(([, secret]) => secret.length < 6)).toEqual([]);
  expect(Object.entries(secrets).flatMap(([name, secret]) => (logs.includes(secret) ? [name] : []))).toEqual([]);
  // Nor anything else that looks like one.
  expect(logs.match(/xox[abp]-[\w-]{8,}|xapp-[\w-]{8,}|whsec_[\w+/=]{16,}|[?&]ticket=[\w-]{8,}/g)).toBeNull();
});
