import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { inCi } from '../chaos/faults.ts';
import { type Ground, openGround } from '../chaos/ground.ts';
import { judge, settle, type Verdict } from '../chaos/oracle.ts';
import { seeded } from '../chaos/random.ts';
import { playRound } from '../chaos/round.ts';
import { openScene, type Scene } from '../chaos/scene.ts';
import { type Deed, morning, newDeed } from '../chaos/workload.ts';

/*
 * The part of `npm run chaos` that every change has to survive, and the proof that its oracle sees what it looks for.
 */
const noRedis = inject('redisUrl') === '';
let ground: Ground;
beforeAll(async () => {
  if (!noRedis) ground = await openGround();
});
afterAll(() => ground?.close());

test.skipIf(noRedis).each(inCi)('nothing is lost, doubled or wrong: %s', { timeout: 400_000 }, async (fault) => {
  const { lost, doubled, wrong } = await playRound(ground, [fault], 1);
  expect({ lost, doubled, wrong }).toEqual({ lost: [], doubled: [], wrong: [] });
});

test.skipIf(noRedis)(
  'without the database people get one honest sentence, nothing is half done, and /readyz names it',
  async () => {
    const scene = await openScene(ground, seeded(1), {});
    try {
      const ana = scene.house.person('ana');
      const before = await scene.query('SELECT 1 FROM command');
      ground.postgres.line.refuse(true);
      const ack = await ana.types('/release book web@1 2026-12-01T10:00:00Z env:staging --yes');
      expect(ack.status).toBe('ok');
      expect(JSON.stringify(ack.body)).toMatch(/Saved nothing|Nothing is saved so far/);
      await ana.seesEventually(/Saved nothing: I couldn't reach the database|Nothing is saved so far/);
      // The queue is in that database, too.
      expect(await ready(scene)).toMatchObject({
        status: 503,
        problems: expect.arrayContaining(['database: does not answer']),
      });
      expect(await scene.query('SELECT 1 FROM command')).toEqual(before);
      ground.postgres.line.refuse(false);
      await scene.house.until('the app to be ready again', async () => (await ready(scene)).status === 200);
      await ana.types('/release book web@1 2026-12-01T10:00:00Z env:staging --yes');
      await ana.seesEventually(/requested REL-/);
      expect(scene.ended).toEqual([]);
    } finally {
      ground.heal();
      await scene.close();
    }
  },
);

test.skipIf(noRedis)('without the queue people get answers, surfaces catch up, and /readyz names it', async () => {
  const scene = await openScene(ground, seeded(1), { queue: 'redis' });
  try {
    ground.redis.line.refuse(true);
    const ana = scene.house.person('ana');
    await ana.types('/release book web@1 2026-12-01T10:00:00Z env:staging --yes');
    await ana.seesEventually(/requested REL-/);
    await scene.house.until('the card', () => scene.house.messages('releases').some(({ metadata }) => metadata));
    await scene.house.until('what is missing', async () =>
      (await ready(scene)).problems.includes('queue: does not answer'),
    );
    ground.redis.line.refuse(false);
    await scene.house.until('the app to be ready again', async () => (await ready(scene)).status === 200);
    expect(scene.ended).toEqual([]);
  } finally {
    ground.heal();
    await scene.close();
  }
});

async function ready({ house }: Scene): Promise<{ status: number; problems: string[] }> {
  const answer = await fetch(`http://127.0.0.1:${house.port()}/readyz`);
  return { status: answer.status, problems: ((await answer.json()) as { problems: string[] }).problems };
}

test.skipIf(noRedis)('the oracle finds what is planted', { timeout: 400_000 }, async () => {
  const scene = await openScene(ground, seeded(7), {});
  try {
    const deed = newDeed();
    await morning(scene, deed, 1, 2);
    await settle(scene);
    const verdict = () => judge(scene, deed, { violations: [] });
    expect(await verdict()).toEqual({ lost: [], doubled: [], wrong: [] });
    for (const { plant, finds } of plants(scene, deed)) {
      const undo = await plant();
      expect(await verdict()).toMatchObject(finds);
      await undo();
    }
    expect(await verdict()).toEqual({ lost: [], doubled: [], wrong: [] });

    // Work that fails in our own code is tried for an hour, then given up, and kept with its problem.
    await scene.query("INSERT INTO outbox (workspace, surface, at) VALUES ('T0HARBOUR', 'nonsense:1', now())");
    await scene.house.until('the first try', async () => {
      const { length } = await scene.query(
        "UPDATE surface SET attempts = 60, retry_at = NULL WHERE key = 'nonsense:1' AND attempts > 0 RETURNING 1",
      );
      return length > 0 ? true : undefined;
    });
    await settle(scene);
    expect(await verdict()).toEqual({
      lost: [],
      doubled: [],
      wrong: ['nonsense:1 is left with a problem: no surface has the key nonsense:1'],
    });
  } finally {
    await scene.close();
  }
});

type Plant = {
  readonly plant: () => Promise<() => Promise<unknown>>;
  readonly finds: { readonly [kind in keyof Verdict]?: unknown };
};

/** One of each kind, with its undoing. */
function plants({ house, query, ended }: Scene, deed: Deed): Plant[] {
  const { state, violations } = house.sandbox.world;
  const inReleases = () => state.messages.C0RELEASES ?? [];
  const card = () => {
    const found = inReleases().find(({ metadata }) => String(metadata?.event_payload.key).startsWith('card:'));
    if (!found) throw new Error('there is no card');
    return found;
  };
  const has = (text: string) => expect.arrayContaining([expect.stringContaining(text)]);
  /** A superuser's hand in the tables, past every trigger. */
  const tamper = (sql: string) =>
    house.query(`DO $$ BEGIN SET LOCAL session_replication_role = replica; ${sql}; END $$`);
  return [
    {
      plant: async () => {
        const copy = { ...structuredClone(card()), ts: '1.000001' };
        inReleases().push(copy);
        return async () => inReleases().splice(inReleases().indexOf(copy), 1);
      },
      finds: { doubled: has('is shown 2 times') },
    },
    {
      plant: async () => {
        const found = card();
        inReleases().splice(inReleases().indexOf(found), 1);
        // Rendering everything anew puts it back.
        return async () => undefined;
      },
      finds: { lost: has('is not shown') },
    },
    {
      plant: async () => {
        card().text = 'something old';
        return async () => undefined;
      },
      finds: { wrong: has('Slack showed something old: card:') },
    },
    {
      plant: async () => {
        deed.told.push({ what: 'requested', release: 999, by: 'ana' });
        return async () => deed.told.pop();
      },
      finds: { lost: has('ana was told: requested REL-999') },
    },
    {
      plant: async () => {
        const [row] = await query<{ number: number; state: string }>('SELECT number, state FROM release LIMIT 1');
        await tamper(`UPDATE release SET state = 'failed' WHERE number = ${row?.number}`);
        return () => tamper(`UPDATE release SET state = '${row?.state}' WHERE number = ${row?.number}`);
      },
      finds: { wrong: has('replayed, release differs: state of') },
    },
    {
      plant: async () => {
        await tamper(`UPDATE event SET command = command || 'x' WHERE type = 'release.requested'`);
        return () => tamper(`UPDATE event SET command = left(command, -1) WHERE type = 'release.requested'`);
      },
      finds: {
        wrong: expect.arrayContaining([
          expect.stringContaining('the event was changed'),
          expect.stringContaining('8 an effect without a command'),
        ]),
      },
    },
    {
      plant: async () => {
        await tamper(
          `INSERT INTO vote (workspace, release, gate, voter, revision, choice, comment, because, at)
           SELECT workspace, number, 'SRE', requester, 1, 'approve', '', '', now() FROM release`,
        );
        return () => tamper('DELETE FROM vote v USING release r WHERE r.number = v.release AND v.voter = r.requester');
      },
      finds: { wrong: has('4 a vote for one’s own') },
    },
    {
      plant: async () => {
        await tamper(
          `INSERT INTO seat (workspace, window_key, date, seat, capacity, holder, starts_at, ends_at, held)
           SELECT 'T0HARBOUR', 'w', '2026-11-24', n, 2, 'x' || n, now(), now() + interval '1 hour', true FROM generate_series(1, 2) n;
           UPDATE seat SET capacity = 1 WHERE false;
           ALTER TABLE seat DROP CONSTRAINT seat_check;
           INSERT INTO seat (workspace, window_key, date, seat, capacity, holder, starts_at, ends_at, held)
           VALUES ('T0HARBOUR', 'w', '2026-11-24', 3, 2, 'x3', now(), now() + interval '1 hour', true)`,
        );
        return () =>
          tamper(`DELETE FROM seat; ALTER TABLE seat ADD CONSTRAINT seat_check CHECK (seat BETWEEN 1 AND capacity)`);
      },
      finds: { wrong: has('2 a window over its capacity') },
    },
    {
      plant: async () => {
        await query(`INSERT INTO surface (workspace, key, retry_at) VALUES ('T0HARBOUR', 'home:U0ANA', now() + interval '1 hour')
          ON CONFLICT (workspace, key) DO UPDATE SET retry_at = excluded.retry_at`);
        await query(`INSERT INTO outbox (workspace, surface, at) VALUES ('T0HARBOUR', 'home:U0ANA', now())`);
        return async () => {
          await query(`DELETE FROM outbox WHERE surface = 'home:U0ANA'`);
          await query(`DELETE FROM surface WHERE key = 'home:U0ANA'`);
        };
      },
      finds: { lost: has('not shown: home:U0ANA') },
    },
    {
      plant: async () => {
        ended.push('an app ended by itself: exit 1');
        violations.push({ at: 0, what: 'unknown_method', detail: 'chat.shout' });
        return async () => [ended.pop(), violations.pop()];
      },
      finds: {
        wrong: expect.arrayContaining(['an app ended by itself: exit 1', 'Slack complains: unknown_method chat.shout']),
      },
    },
  ];
}
