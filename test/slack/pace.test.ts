import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebClient } from '@slack/web-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { methods } from '../../sandbox/server/api.ts';
import type { Sandbox } from '../../sandbox/server/server.ts';
import type { Urgency } from '../../src/domain/surface.ts';
import { failureOf, openClient, type Pace } from '../../src/slack/client.ts';
import { openDirectory } from '../../src/slack/directory.ts';
import { openPace, tiers } from '../../src/slack/pace.ts';
import { forgetPace } from '../../src/store/pace.ts';
import { type Hall, openHall } from '../support/hall.ts';
import { openWorkspace } from '../support/projector.ts';

/*
 * Two replicas and one workspace that holds to Slack's limits: it is never made to say 429.
 */
const root = new URL('../../', import.meta.url).pathname;
let hall: Hall;
let sandbox: Sandbox;
type Replica = { readonly pace: Pace; readonly client: WebClient };
let replicas: [Replica, Replica];
let workspaces = 0;

beforeAll(async () => {
  hall = await openHall();
  sandbox = await openWorkspace(true);
  const { state } = sandbox.world;
  const like = state.channels.C0RELEASES;
  for (let n = 0; n < 100; n++)
    if (like) state.channels[`C0N${n}`] = { ...structuredClone(like), id: `C0N${n}`, name: `n${n}` };
});
afterAll(async () => {
  await sandbox?.close();
  await hall?.close();
});

/** Buckets that nobody has touched, for two processes. */
function fresh(): [Replica, Replica] {
  const workspace = `T0PACE${workspaces++}`;
  const replica = (): Replica => {
    const pace = openPace({ db: hall.db, workspace, log: hall.ctx.log });
    return { pace, client: openClient(sandbox.world.tokens.bot, `${sandbox.origin}/api/`, { pace }) };
  };
  replicas = [replica(), replica()];
  return replicas;
}

/** Nobody else is at work on it. */
const stillAtIt = async () => undefined;

/** One try, as a surface would make it: 0 when it was posted, otherwise in how many ms to come back. */
async function tries(replica: Replica, channel: string, urgency: Urgency, inLine = false): Promise<number> {
  const call = () => replica.client.chat.postMessage({ channel, text: channel });
  return replica.pace.writing({ urgency, inLine, stillAtIt }, call).then(
    () => 0,
    (error: unknown) => {
      const failure = failureOf(error);
      if (failure.kind !== 'later') throw error;
      return failure.afterMs;
    },
  );
}

async function posts(replica: Replica, channel: string, urgency: Urgency): Promise<void> {
  for (let wait = await tries(replica, channel, urgency); wait > 0; wait = await tries(replica, channel, urgency, true))
    await sleep(wait);
}

const limited = () => sandbox.world.calls.filter((one) => one.error === 'ratelimited').length;

test('every method that is called has its tier, the one that the workspace gives it', () => {
  const folder = `${root}src/slack/`;
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(`${folder}${name}`, 'utf8'))
    .join('\n');
  const called = new Set(
    [...sources.matchAll(/\b(?:client|conversations|chat|views)\s*\.((?:[a-z]+\.){0,2}[a-zA-Z]+)\(/g)].map(
      ([all, rest = '']) => (all.startsWith('client') ? rest : all.slice(0, -1)),
    ),
  );
  const found = [...called].filter((name) => methods[name] !== undefined);
  expect(found.length).toBeGreaterThan(15);
  for (const name of found) expect([name, tiers[name]]).toEqual([name, methods[name]?.tier]);
  for (const [name, tier] of Object.entries(tiers)) expect([name, tier]).toEqual([name, methods[name]?.tier]);
});

test('what is due in eighty channels at once comes without a 429, from two replicas', { timeout: 60_000 }, async () => {
  const [one, two] = fresh();
  const before = limited();
  await Promise.all(Array.from({ length: 80 }, (_, n) => posts(n % 2 === 0 ? one : two, `C0N${n}`, 'last')));
  for (let n = 0; n < 80; n++) expect([n, sandbox.world.state.messages[`C0N${n}`]?.length]).toEqual([n, 1]);
  expect([limited() - before, sandbox.world.violations]).toEqual([0, []]);
});

test('who waits comes back one by one, and the more urgent goes before', async () => {
  const [one, two] = fresh();
  // What nobody waits for leaves some of the burst to others.
  for (let n = 0; (await counts(one, `C0X${n}`, 'last')) === 0; n++) expect(n).toBeLessThan(500);
  // Each gets a place of its own, whichever replica asks.
  const places = Array.from({ length: 6 }, (_, n) => counts(n % 2 === 0 ? one : two, `C0Y${n}`, 'last'));
  const line = (await Promise.all(places)).sort((a, b) => a - b);
  expect((line[5] ?? 0) - (line[0] ?? 0)).toBeGreaterThan(500);
  expect(await counts(two, 'C0Z', 'first')).toBe(0);
  // In one channel a few at once for people, and none besides for what comes by itself.
  expect(await counts(two, 'C0Z', 'last')).toBeGreaterThan(0);
  const more = await Promise.all(Array.from({ length: 5 }, () => counts(one, 'C0Z', 'first')));
  expect(more.filter((wait) => wait === 0).length).toBeGreaterThanOrEqual(2);
  expect(Math.max(...more)).toBeGreaterThan(0);
});

test('a Retry-After is for its channel and for all replicas; of two channels, for all of them; of a method, for it', async () => {
  const [one, two] = fresh();
  const faults = (method: string, times: number) =>
    sandbox.world.faults.set(method, [{ kind: 'ratelimited', times, retryAfter: 30 }]);
  faults('chat.postMessage', 1);
  expect(await tries(one, 'C0N90', 'first')).toBe(30_000);
  const before = sandbox.world.calls.length;
  expect(await tries(two, 'C0N90', 'first', true)).toBeGreaterThan(20_000);
  expect(sandbox.world.calls).toHaveLength(before);
  expect(await tries(two, 'C0N91', 'first')).toBe(0);
  faults('chat.postMessage', 1);
  expect(await tries(two, 'C0N92', 'first')).toBe(30_000);
  expect(await tries(one, 'C0N93', 'first', true)).toBeGreaterThan(20_000);
  faults('users.info', 1);
  const asks = ({ client }: Replica) => client.users.info({ user: 'U0ANA' }).then(() => 'ok', failureOf);
  expect(await asks(one)).toEqual({ kind: 'later', afterMs: 30_000 });
  // Outside of a surface nobody waits; what Slack said is heeded all the same.
  expect(await asks(one)).toMatchObject({ kind: 'later', ours: true });
  expect(await one.client.conversations.info({ channel: 'C0N90' })).toMatchObject({ ok: true });
  expect(sandbox.world.violations).toEqual([]);
});

test('a call that was not made takes nothing, one that is taken ahead is taken once', async () => {
  const [one] = fresh();
  const taken = () =>
    one.pace.writing({ urgency: 'first', inLine: false, stillAtIt }, async () => {
      await one.pace.ahead('chat.postMessage', { channel: 'C0AHEAD' });
      await one.pace.ahead('chat.postMessage', { channel: 'C0AHEAD' });
      await one.pace.before('chat.postMessage', { channel: 'C0AHEAD' });
    });
  await taken();
  await taken();
  await taken();
  await expect(taken()).rejects.toThrow('in line');
  await hall.db.pool.query('UPDATE pace SET full_at = 1, paused_until = 0, lines = $1', [[1, 1, 1]]);
  await forgetPace(hall.db);
  expect((await hall.db.pool.query('SELECT 1 FROM pace')).rowCount).toBe(0);
});

test('files in a channel are a message there; files that go nowhere wait for no channel', async () => {
  const [one] = fresh();
  const completes = (args: { channel_id?: string }) =>
    one.pace.writing(waiting('last'), () => one.pace.before('files.completeUploadExternal', args));
  await completes({ channel_id: 'C0FILES' });
  await expect(completes({ channel_id: 'C0FILES' })).rejects.toThrow('in line');
  for (let n = 0; n < 3; n++) await completes({});
});

test('who has to be asked of Slack first keeps the place in line, and what was learnt meanwhile is kept', async () => {
  const [one] = fresh();
  const directory = openDirectory(one.client, 'T0HARBOUR');
  const everybody = Object.keys(sandbox.world.state.users);
  // Tier 4 has room for 17 of the last ones.
  for (let n = 0; n < 17; n++) await one.pace.writing(waiting('last'), () => one.pace.before('users.info', {}));
  const asks = (inLine: boolean) =>
    one.pace.writing({ ...waiting('last'), inLine }, () =>
      directory.lookup('T0HARBOUR', { people: everybody, usergroups: [], channels: [] }, 60_000),
    );
  let tries = 0;
  for (let found = false; !found; tries++) {
    const failed = await asks(tries > 0).then(() => undefined, failureOf);
    if (failed) {
      expect(failed).toMatchObject({ kind: 'later', ours: true });
      if (failed.kind === 'later') await sleep(failed.afterMs);
    }
    found = failed === undefined;
  }
  expect(tries).toBeGreaterThan(1);
  expect(tries).toBeLessThanOrEqual(everybody.length + 1);
});

const waiting = (urgency: Urgency) => ({ urgency, inLine: false, stillAtIt });

test('whoever waits in the midst of something says so, and stops when somebody else is at it', async () => {
  const [one] = fresh();
  let said = 0;
  const lost = async () => {
    said++;
    throw new Error('the claim was lost');
  };
  const call = () => one.client.conversations.list({ limit: 1 });
  // Tier 2: 20 a minute, after a few at once one in three seconds.
  const work = async () => {
    for (let n = 0; n < 12; n++) await call();
  };
  await expect(one.pace.writing({ ...waiting('first'), stillAtIt: lost }, work)).rejects.toThrow('the claim was lost');
  expect(said).toBe(1);
});

/** A turn that is taken, without the call. */
async function counts({ pace }: Replica, channel: string, urgency: Urgency): Promise<number> {
  const ask = () => pace.before('chat.postMessage', { channel });
  return pace.writing({ urgency, inLine: false, stillAtIt }, ask).then(
    () => 0,
    (error: unknown) => (error as { afterMs: number }).afterMs,
  );
}
