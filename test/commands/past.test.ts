import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Ctx } from '../../src/ctx.ts';
import { sealAll } from '../../src/jobs/refresh.ts';
import { livePast } from '../../src/past.ts';
import { audit } from '../../src/store/log.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';

/* The weeks before the first start of the local workspace. */

const read = (name: string) => readFileSync(new URL(`../../sandbox/${name}`, import.meta.url), 'utf8');
const past = parse(read('history.yml'));

let hall: Hall;
afterEach(() => hall?.close());
const rows = async (sql: string) => (await hall.db.pool.query(sql)).rows;

async function lives(now: string, moveIn = (then: Ctx, id: string) => hall.moveIn(then, id)): Promise<void> {
  hall.clock.now = new Date(now);
  hall.groups.S0SREONCALL = ['U0BEN'];
  await livePast({ ctx: hall.ctx, workspace, moveIn }, past);
}

test('the past is lived by the rules: nothing is refused, every hash is right, and replaying it rebuilds the tables', {
  timeout: 120_000,
}, async () => {
  hall = await openHall({ catalog: read('catalog.yml'), bare: true });
  await lives('2026-11-19T15:20:00Z');
  expect(await rows("SELECT name, outcome->'refusal' AS why FROM command WHERE NOT (outcome->>'ok')::boolean")).toEqual(
    [],
  );
  const states = Object.fromEntries(
    (await rows('SELECT state, count(*)::int AS n FROM release GROUP BY 1')).map(({ state, n }) => [state, n]),
  );
  expect(states).toEqual({ done: 17, rolled_back: 2, failed: 1, cancelled: 1, approved: 1, requested: 2 });
  // All of it was before now, in the order in which it happened, and nothing that is long over waits for Slack.
  expect(await rows("SELECT 1 FROM event WHERE at > '2026-11-19T15:20:00Z'")).toEqual([]);
  expect(await rows('SELECT 1 FROM (SELECT at < lag(at) OVER (ORDER BY seq) AS back FROM event) e WHERE back')).toEqual(
    [],
  );
  const waiting = (await rows('SELECT DISTINCT surface FROM outbox')).map(({ surface }) => surface);
  const open = (await rows("SELECT number FROM release WHERE state IN ('approved', 'requested')")).map(
    (one) => one.number,
  );
  expect(waiting.filter((key) => key.startsWith('card:')).sort()).toEqual(open.map((n) => `card:REL-${n}`).sort());
  expect(waiting.every((key) => open.some((n) => key === `card:REL-${n}` || key.startsWith(`ask:REL-${n}:`)))).toBe(
    true,
  );
  await sealAll(hall.ctx);
  expect(await audit(hall.db)).toMatchObject({ unsealed: 0, problems: [] });
  await expectReplayed(hall);
});

test('a past that was interrupted is lived to its end, once', { timeout: 120_000 }, async () => {
  hall = await openHall({ catalog: read('catalog.yml'), bare: true });
  await expect(
    lives('2026-12-01T08:00:00Z', async (then, id) => {
      if (id === 'past:last') throw new Error('the lights went out');
      await hall.moveIn(then, id);
    }),
  ).rejects.toThrow('the lights went out');
  const before = await rows('SELECT number, state, starts_at FROM release ORDER BY number');
  await lives('2026-12-01T08:05:00Z');
  await lives('2026-12-09T08:00:00Z');
  expect(await rows('SELECT number, state, starts_at FROM release ORDER BY number')).toEqual(before);
  expect(before.length).toBeGreaterThan(20);
});

test('a house in which something happened has its own past', async () => {
  hall = await openHall({ catalog: read('catalog.yml') });
  await lives('2026-11-19T15:20:00Z');
  expect(await rows('SELECT 1 FROM release')).toEqual([]);
});
