import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { WebSocket } from 'ws';
import { remove } from '../../sandbox/server/channel.ts';
import { addFault, type Fault as SlackFault } from '../../sandbox/server/world.ts';
import type { AppStart, HouseOptions } from '../support/house.ts';
import { writeOf } from '../support/kill.ts';
import { fillDisk, smallDisk } from './disk.ts';
import type { Ground } from './ground.ts';
import { olderVersion } from './older.ts';
import { renderAnew } from './oracle.ts';
import type { Scene } from './scene.ts';
import { approve, type Deed, dayMs, find, hourMs, insist, say, type Walk } from './workload.ts';

/*
 * What may go wrong, each with a way to make it happen while people work. Everything here is undone by its own end.
 */
export type Fault = {
  /** One sentence for the documentation. */
  readonly does: string;
  readonly house?: Pick<HouseOptions, 'apps' | 'mode' | 'queue' | 'at' | 'catalog'>;
  /** Strikes until `over`, while people work; with `isCalm` it strikes alone, between two mornings. */
  readonly strike: (scene: Scene, deed: Deed, over: () => boolean) => Promise<void>;
  readonly isCalm?: true;
  /** Stands on its own ground, or changes what a round is: never combined with others. */
  readonly isAlone?: true;
  /** How long people go on trying; two minutes unless it says otherwise. */
  readonly patienceMs?: number;
  /** Violations of Slack's rules that it causes itself. */
  readonly allows?: readonly string[];
  readonly problems?: RegExp;
  /** Another ground than the usual; a word when this machine has none. */
  readonly ground?: () => Promise<{ readonly dataDir: string; readonly end: () => void } | string>;
  /** How the first apps start; a word when they cannot. */
  readonly first?: (ground: Ground) => Promise<AppStart | string>;
};

export type FaultName = (typeof names)[number];
const names = [
  'none',
  'delivery_twice',
  'delivery_new_id',
  'delivery_reordered',
  'delivery_late',
  'ack_lost',
  'socket_refresh',
  'socket_stall',
  'socket_reset',
  'socket_eleventh',
  'last_slot',
  'last_seat',
  'last_vote',
  'last_exception',
  'kill_random',
  'kill_at_writes',
  'kill_at_commits',
  'sigterm',
  'replicas',
  'upgrade',
  'slack_429',
  'slack_429_silent',
  'slack_500',
  'slack_hang',
  'slack_lost',
  'slack_day_out',
  'redis_killed',
  'redis_flushed',
  'redis_replaced',
  'redis_slow',
  'redis_hole',
  'postgres_restart',
  'postgres_crash',
  'postgres_full',
  'postgres_read_only',
  'postgres_slow',
  'postgres_hole',
  'postgres_disk_full',
  'poisoned_job',
  'clock_jump',
  'clock_spring',
  'clock_autumn',
  'clock_month',
  'old_buttons',
  'surface_deleted',
  'channel_renamed',
  'channel_archived',
  'bot_removed',
  'approver_left',
] as const;

/** What CI plays: one of each kind that does not wait long. */
export const inCi: readonly FaultName[] = [
  'delivery_twice',
  'slack_lost',
  'redis_replaced',
  'postgres_crash',
  'poisoned_job',
  'old_buttons',
];

/** When no app was killed for so long, every kind of commit has had its turn. */
const calmMs = 15_000;

const unanswered = ['no_ack', 'dispatch_failed'];
const everyWrite = [
  'chat.postMessage',
  'chat.update',
  'conversations.create',
  'conversations.invite',
  'conversations.setTopic',
  'conversations.open',
  'pins.add',
  'bookmarks.add',
];
const everyCall = [
  ...everyWrite,
  'users.info',
  'usergroups.users.list',
  'conversations.history',
  'views.open',
  'chat.postEphemeral',
];
const redis = { queue: 'redis' } as const;

export const faults: Record<FaultName, Fault> = {
  none: { does: 'nothing: what the oracle says of a good day', strike: async () => undefined },

  delivery_twice: {
    does: 'every command, click, form and event comes twice at the same moment, to either of two apps',
    house: { apps: 2 },
    strike: async ({ house: { sandbox } }, _deed, over) => {
      const { delivery } = sandbox;
      const { carry } = delivery;
      Object.assign(delivery, {
        carry: async (...envelope: Parameters<typeof carry>) => {
          const [first] = await Promise.all([carry(...envelope), carry(...envelope)]);
          return first;
        },
      });
      await until(over);
      Object.assign(delivery, { carry });
    },
    // The trigger that opens a form can be used once, by whichever copy is first.
    allows: ['trigger_exchanged', 'exchanged_trigger_id'],
  },
  delivery_new_id: {
    does: 'every event comes twice, the second time under another event id',
    strike: async (scene, _deed, over) => {
      await sprinkle(scene, over, [50, 50], ['deliver.events'], ['duplicate_new_id']);
    },
  },
  delivery_reordered: {
    does: 'an event comes after the one that followed it',
    strike: (scene, _deed, over) => sprinkle(scene, over, [50, 250], ['deliver.events'], ['reorder']),
  },
  delivery_late: {
    does: 'a command or a click is 2.9 s on its way',
    strike: (scene, _deed, over) =>
      sprinkle(scene, over, [100, 900], ['deliver.commands', 'deliver.interactive'], ['delay']),
  },
  ack_lost: {
    does: 'an answer to Slack gets lost: events come again, people do it again',
    strike: (scene, _deed, over) =>
      sprinkle(
        scene,
        over,
        [200, 900],
        ['deliver.ack', 'deliver.events', 'deliver.commands', 'deliver.interactive'],
        ['lost_ack'],
      ),
    allows: unanswered,
  },

  socket_refresh: {
    does: 'Slack asks for a new connection, with and without warning',
    strike: (scene, _deed, over) =>
      again(scene, over, [600, 2_500], async () =>
        scene.house.sandbox.delivery.disconnect(scene.random.pick(['refresh_requested', 'warning'])),
      ),
    allows: unanswered,
  },
  socket_stall: {
    does: 'a connection looks open and is dead',
    strike: async (scene, _deed, over) => {
      await sleep(scene.random.between(300, 1_500));
      scene.house.sandbox.delivery.disconnect('stall');
      await until(over);
    },
    allows: unanswered,
  },
  socket_reset: {
    does: 'the connection is cut without a word',
    strike: (scene, _deed, over) =>
      again(scene, over, [500, 2_000], async () => scene.house.sandbox.delivery.disconnect('reset')),
    allows: unanswered,
  },
  socket_eleventh: {
    does: 'ten strangers hold every connection that an app may have, for three seconds',
    strike: async (scene, _deed, over) => {
      const { delivery } = scene.house.sandbox;
      await again(
        scene,
        over,
        [800, 2_500],
        async () => {
          delivery.disconnect('reset');
          const strangers = Array.from({ length: 10 }, () => new WebSocket(delivery.openConnection()));
          for (const one of strangers) one.on('error', () => undefined);
          await sleep(3_000);
          for (const one of strangers) one.terminate();
        },
        3,
      );
    },
    allows: unanswered,
  },

  last_slot: {
    does: 'twelve people ask for one slot in the same millisecond, at two apps',
    house: { apps: 2 },
    strike: (scene, deed, over) =>
      again(
        scene,
        over,
        [300, 900],
        async (turn) => {
          const service = scene.random.pick(['search', 'web', 'ledger']);
          const at = soonAfter(scene, 6 + turn);
          const wishes = Array.from({ length: 12 }, (_, index) => ({
            ...wish(service, `${turn}.9.${index}`),
            by: scene.random.pick(['ana', 'raj', 'sam', 'ivy', 'ola'] as const),
          }));
          await Promise.all(wishes.map(({ by, ...walk }) => say(scene, deed, by, bookingOf(walk, at))));
          const won = await winners(
            scene,
            wishes.map((one): Walk => ({ ...one, by: 'ana', ends: 'requested' })),
            1,
          );
          deed.walks.push(...won);
          if (won.length !== 1) deed.strange.push(`${won.length} of twelve got the one slot`);
        },
        5,
      ),
  },
  last_seat: {
    does: 'six services ask for the last place of a window in the same millisecond, at two apps',
    house: {
      apps: 2,
      catalog: withMore(`
windows:
  evening: { name: Evening, scope: { environments: [staging] }, repeats: daily, from: "00:00", to: "23:59", capacity: 4, max_minutes: 240 }
`),
    },
    strike: (scene, deed, over) =>
      again(
        scene,
        over,
        [300, 900],
        async (turn) => {
          const at = soonAfter(scene, 6 + turn);
          const wishes = ['payments', 'checkout', 'ledger', 'search', 'web', 'gateway'].map((service) => ({
            ...wish(service, `${turn}.8.0`),
            environment: 'staging' as const,
          }));
          await Promise.all(
            wishes.map((walk) => say(scene, deed, scene.random.pick(['ana', 'raj', 'sam']), bookingOf(walk, at))),
          );
          const won = await winners(
            scene,
            wishes.map((one): Walk => ({ ...one, ends: 'approved' })),
            4,
          );
          deed.walks.push(...won);
          if (won.length !== 4) deed.strange.push(`${won.length} of six got the four places`);
        },
        5,
      ),
  },
  last_vote: {
    does: 'four people give the last words in the same millisecond, at two apps',
    house: { apps: 2 },
    strike: (scene, deed, over) =>
      again(
        scene,
        over,
        [200, 600],
        async (turn) => {
          const walk: Walk = { ...wish('ledger', `${turn}.7.0`), ends: 'approved' };
          deed.walks.push(walk);
          await insist(
            scene,
            () => say(scene, deed, 'ana', bookingOf(walk, soonAfter(scene, 7 + turn))),
            async () => (await find(scene, walk)) !== undefined,
            'a release to vote on',
          );
          const { number } = (await find(scene, walk)) as { number: number };
          await insist(
            scene,
            async () =>
              (await Promise.all(['ben', 'lee', 'kim', 'mia'].map((name) => approve(scene, deed, name, number))))[0],
            async () => (await find(scene, walk))?.state === 'approved',
            `the verdict on REL-${number}`,
          );
        },
        4,
      ),
    isAlone: true,
  },
  last_exception: {
    does: 'two people of a team ask for its last pass through a freeze in the same millisecond, at two apps',
    isAlone: true,
    house: {
      apps: 2,
      catalog: withMore(`
freezes:
  closing: { name: Closing, scope: { environments: [production] }, from: "2026-12-21 00:00", to: "2026-12-24 23:00", owners: "role:release_manager" }
`).replace('members: [U0ANA, U0RAJ] }', 'members: [U0ANA, U0RAJ], exceptions: 1 }'),
    },
    strike: async (scene, deed) => {
      const asks = async (name: 'ana' | 'raj', service: string, at: string) => {
        const person = scene.house.person(name);
        await person.types(`/release book ${service}@1.6.0 ${at} for 60m --yes`);
        await person.clicks('Ask for an exception…');
        await person.modal(/Ask for an exception/);
        await person.fills({ reason: { value: 'it has to go' } });
      };
      await asks('ana', 'payments', '2026-12-21T10:00:00Z');
      await asks('raj', 'ledger', '2026-12-22T10:00:00Z');
      await Promise.all([scene.house.person('ana').submits(), scene.house.person('raj').submits()]);
      const walks = (['payments', 'ledger'] as const).map((service) => wish(service, '1.6.0'));
      const won = await winners(scene, walks, 1);
      deed.walks.push(...won);
      if (won.length !== 1) deed.strange.push(`${won.length} of two got the one pass`);
      for (const name of ['ana', 'raj']) await scene.house.person(name).closes();
    },
  },

  kill_random: {
    does: 'kill -9 of an app at any moment; its leases run out as they would',
    strike: (scene, _deed, over) => again(scene, over, [400, 2_500], () => endAny(scene, 'SIGKILL'), 10),
    allows: unanswered,
  },
  kill_at_writes: {
    does: 'kill -9 right before and right after every kind of write to Slack',
    isAlone: true,
    patienceMs: 600_000,
    strike: async (scene, _deed, over) => {
      const { world } = scene.house.sandbox;
      const done = new Set<string>();
      let isKilling = false;
      world.intercept = async (call) => {
        const write = await writeOf(scene.house, call).catch(() => undefined);
        const [app] = scene.apps();
        if (!write || !app || isKilling || over()) return 'pass';
        const side = (['before', 'after'] as const).find((one) => !done.has(`${write.kind} ${one}`));
        if (!side) return 'pass';
        done.add(`${write.kind} ${side}`);
        isKilling = true;
        void scene.end(app, 'SIGKILL').finally(() => {
          isKilling = false;
        });
        while (app.exitCode === null && app.signalCode === null) await sleep(5);
        await endClaims(scene);
        return side === 'before' ? 'drop' : 'lose';
      };
      await until(over);
      world.intercept = undefined;
      while (isKilling) await sleep(50);
    },
    allows: unanswered,
  },
  kill_at_commits: {
    does: 'kill -9 right before and right after every kind of commit: of each command, timer, claim, ledger row and seal',
    isAlone: true,
    patienceMs: 600_000,
    first: async ({ folder }) => ({
      env: {
        CHAOS_POINTS: join(folder, `points-${randomUUID()}`),
        NODE_OPTIONS: `--import ${new URL('commit-hook.mjs', import.meta.url).pathname}`,
      },
    }),
    strike: async (scene, _deed, over) => {
      let apps = scene.house.apps.length;
      let endedAt = Date.now();
      // What is left to do when people have gone home makes commits of its own: each of those has its turn, too.
      while (!over() || Date.now() - endedAt < calmMs) {
        if (scene.house.apps.length !== apps) {
          endedAt = Date.now();
          // One app alone: what it had in hand is nobody's once it is gone.
          await endClaims(scene);
        }
        apps = scene.house.apps.length;
        await sleep(50);
      }
      for (let index = scene.ended.length - 1; index >= 0; index--)
        if (scene.ended[index]?.endsWith('SIGKILL')) scene.ended.splice(index, 1);
    },
    allows: unanswered,
  },
  sigterm: {
    does: 'an app is asked to stop in the middle of the work, and another takes its place',
    house: { apps: 2 },
    strike: (scene, _deed, over) => again(scene, over, [500, 2_000], () => endAny(scene, 'SIGTERM'), 6),
    allows: unanswered,
  },
  replicas: {
    does: 'four apps, each with its own clockwork',
    house: { apps: 4 },
    strike: async () => undefined,
  },
  upgrade: {
    does: 'apps of an earlier version run on while the new one migrates the database and takes their place, one by one',
    isAlone: true,
    house: { apps: 2 },
    first: () => olderVersion(),
    strike: async (scene, _deed, over) => {
      const old = scene.apps();
      await sleep(1_000);
      await scene.join({});
      for (const app of old) {
        await sleep(1_000);
        await scene.end(app, 'SIGTERM', {});
      }
      await until(over);
      // Versions differ in words: the new one edits what the old ones wrote, and what it says then is judged.
      await renderAnew(scene);
    },
    allows: unanswered,
  },

  slack_429: {
    does: 'Slack says "later" and when',
    strike: (scene, _deed, over) => sprinkle(scene, over, [100, 500], everyCall, ['ratelimited']),
  },
  slack_429_silent: {
    does: 'Slack says "later" and not when',
    strike: (scene, _deed, over) => sprinkle(scene, over, [300, 900], everyCall, ['ratelimited_silent']),
  },
  slack_500: {
    does: 'Slack fails: 500, 503, or something that is no JSON',
    strike: (scene, _deed, over) => sprinkle(scene, over, [100, 500], everyCall, ['error500', 'error503', 'bad_json']),
  },
  slack_hang: {
    does: 'Slack takes a call and never answers',
    strike: (scene, _deed, over) => sprinkle(scene, over, [1_000, 3_000], everyCall, ['hang']),
  },
  slack_lost: {
    does: 'Slack does what it was asked and the answer is lost',
    strike: (scene, _deed, over) => sprinkle(scene, over, [100, 500], everyWrite, ['lost']),
  },
  slack_day_out: {
    does: 'Slack is away for a day: nothing comes, nothing goes, and the clock goes on',
    isCalm: true,
    strike: async ({ house }, deed) => {
      const { world, delivery } = house.sandbox;
      delivery.disconnect('link_disabled');
      delivery.disconnect('reset');
      addFault(world, '*', { kind: 'error503', times: 1_000_000 });
      for (let hour = 0; hour < 24; hour++) {
        house.moveTo(new Date(house.now().getTime() + hourMs));
        await sleep(150);
      }
      await sleep(2_000);
      deed.digestDays.push(house.now().toISOString().slice(0, 10));
      world.faults.delete('*');
      delivery.disconnect('enable');
    },
    allows: unanswered,
  },

  redis_killed: {
    does: 'Redis is killed and comes back empty some seconds later',
    house: redis,
    strike: (scene, _deed, over) => again(scene, over, [500, 2_500], () => withoutRedis(scene, 3_000), 3),
  },
  redis_flushed: {
    does: 'everything in Redis is deleted',
    house: redis,
    strike: (scene, _deed, over) => again(scene, over, [200, 900], () => scene.ground.redis.flush()),
  },
  redis_replaced: {
    does: 'Redis fails over to a new, empty instance within moments',
    house: redis,
    strike: (scene, _deed, over) => again(scene, over, [800, 2_500], () => withoutRedis(scene, 0), 3),
  },
  redis_slow: {
    does: 'every packet to and from Redis takes 200 ms',
    house: redis,
    strike: ({ ground }, _deed, over) => slow(ground.redis.line, 200, over),
  },
  redis_hole: {
    does: 'packets to Redis vanish for seconds, and connections stay open',
    house: redis,
    strike: (scene, _deed, over) => again(scene, over, [800, 2_500], () => holed(scene.ground.redis.line, 4_000), 3),
  },

  postgres_restart: {
    does: 'PostgreSQL is stopped and started',
    strike: (scene, _deed, over) => again(scene, over, [800, 3_000], () => withoutPostgres(scene, 'fast'), 3),
  },
  postgres_crash: {
    does: 'PostgreSQL loses its power and replays its log',
    strike: (scene, _deed, over) => again(scene, over, [800, 3_000], () => withoutPostgres(scene, 'crash'), 3),
  },
  postgres_full: {
    does: 'every connection of PostgreSQL is taken by others for four seconds',
    strike: (scene, _deed, over) => again(scene, over, [800, 2_500], () => takeConnections(scene, 4_000), 3),
  },
  postgres_read_only: {
    does: 'PostgreSQL takes no writes for four seconds',
    strike: (scene, _deed, over) =>
      again(
        scene,
        over,
        [800, 2_500],
        async () => {
          const name = new URL(scene.house.databaseUrl).pathname.slice(1);
          const set = async (sql: string) => {
            await scene.query(`ALTER DATABASE ${name} ${sql}`);
            await endSessions(scene);
          };
          await set('SET default_transaction_read_only = on');
          await sleep(4_000);
          await asSuperuser(scene, async (client) => {
            await client.query('SET default_transaction_read_only = off');
            await client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
          });
          await endSessions(scene);
        },
        3,
      ),
  },
  postgres_slow: {
    does: 'every packet to and from PostgreSQL takes 40 ms',
    strike: ({ ground }, _deed, over) => slow(ground.postgres.line, 40, over),
  },
  postgres_hole: {
    does: 'packets to PostgreSQL vanish for seven seconds, and connections stay open',
    strike: (scene, _deed, over) =>
      again(scene, over, [1_000, 3_000], () => holed(scene.ground.postgres.line, 7_000), 3),
  },
  postgres_disk_full: {
    does: 'the disk of PostgreSQL is full for four seconds (a small tmpfs; needs root)',
    isAlone: true,
    ground: smallDisk,
    strike: (scene, _deed, over) =>
      again(
        scene,
        over,
        [800, 2_500],
        async () => {
          const free = fillDisk();
          await sleep(4_000);
          free();
          await scene.ground.postgres.revive();
        },
        3,
      ),
  },

  poisoned_job: {
    does: 'work that can never be done stands among the rest: a key of no kind, an event that is not there',
    strike: async (scene, _deed, over) => {
      await again(
        scene,
        over,
        [200, 800],
        async () => {
          const key = scene.random.pick([
            'nonsense:1',
            `log:${randomUUID()}`,
            `thread:${randomUUID()}`,
            'card:REL-999999',
          ]);
          await scene.query('INSERT INTO outbox (workspace, surface, at) VALUES ($1, $2, $3)', [
            'T0HARBOUR',
            key,
            scene.house.now(),
          ]);
        },
        8,
      );
    },
    problems: /no surface has the key|is not in workspace|there is no event/,
  },

  clock_jump: {
    does: 'the clock jumps ten minutes ahead and back again',
    strike: async (scene, _deed, over) => {
      const jump = (minutes: number) => scene.house.moveTo(new Date(scene.house.now().getTime() + minutes * 60_000));
      await again(scene, over, [400, 1_200], async () => {
        jump(10);
        await sleep(scene.random.between(200, 900));
        jump(-10);
      });
    },
  },
  clock_spring: {
    does: 'the night in which 02:30 does not exist, with a digest at 02:30',
    isCalm: true,
    isAlone: true,
    house: { at: '2027-03-27T08:00:00Z', catalog: nightly() },
    strike: (scene, deed) => night(scene, deed, ['2027-03-28', '2027-03-29']),
  },
  clock_autumn: {
    does: 'the night in which 02:30 comes twice, with a digest at 02:30',
    isCalm: true,
    isAlone: true,
    house: { at: '2027-10-30T08:00:00Z', catalog: nightly() },
    strike: (scene, deed) => night(scene, deed, ['2027-10-31', '2027-11-01']),
  },
  clock_month: {
    does: 'the clock leaps into the next month',
    isCalm: true,
    strike: async ({ house }) => {
      house.moveTo(new Date(house.now().getTime() + 31 * dayMs));
      await sleep(1_000);
    },
  },

  old_buttons: {
    does: 'buttons of an earlier version: their names are unknown or their values cannot be read',
    isCalm: true,
    strike: async (scene, deed) => {
      const { house } = scene;
      const channel = house.channel('releases')?.id ?? '';
      const cards = (house.sandbox.world.state.messages[channel] ?? []).filter(({ metadata }) =>
        String(metadata?.event_payload.key).startsWith('card:'),
      );
      for (const [index, [action, value]] of (
        [
          ['release.frobnicate.v1', '1'],
          ['release.details.v0', '1'],
          ['release.start.v1', 'not a number'],
          ['release.details.v1', '{"release":1}'],
          ['override.accept.v1', ''],
          ['gone', ''],
        ] as const
      ).entries()) {
        const card = cards[index % Math.max(1, cards.length)];
        if (!card) throw new Error('there is no card');
        const blocks = structuredClone(card.blocks ?? []);
        card.blocks = [
          {
            type: 'actions',
            block_id: `old-${index}`,
            elements: [
              { type: 'button', action_id: action, value, text: { type: 'plain_text', text: `Old ${index}` } },
            ],
          },
        ];
        const zed = house.person('zed');
        const heard = () => house.sandbox.world.ephemerals.get(`${channel}:${zed.id}`) ?? [];
        const before = heard().at(-1)?.ts ?? '';
        const answered = () => heard().filter(({ ts }) => ts > before);
        await zed.clicks(`Old ${index}`);
        await house.until('an answer', () => (answered().length > 0 ? true : undefined), 5_000).catch(() => undefined);
        const answers = answered().map(({ text }) => text);
        if (answers.length === 0)
          deed.strange.push(`nobody answers a click on ${action} with the value ${JSON.stringify(value)}`);
        if (answers.some((one) => /Something failed|aved nothing/.test(one)))
          deed.strange.push(`a click on ${action} with the value ${JSON.stringify(value)} is called a failure`);
        card.blocks = blocks;
      }
    },
  },
  surface_deleted: {
    does: 'somebody deletes messages of the app by hand',
    strike: async (scene, deed, over) => {
      const { world } = scene.house.sandbox;
      await again(scene, over, [600, 1_500], async () => {
        const channel = scene.house.channel('releases');
        const own = (world.state.messages[channel?.id ?? ''] ?? []).filter(
          ({ metadata, thread_ts }) => metadata && !thread_ts,
        );
        if (!channel || own.length === 0) return;
        const message = scene.random.pick(own);
        deed.deleted.push(String(message.metadata?.event_payload.key));
        remove(world, channel, message);
      });
    },
  },
  channel_renamed: {
    does: 'somebody renames the war rooms',
    strike: (scene, _deed, over) =>
      again(scene, over, [600, 1_500], async (turn) => {
        const rooms = roomsOf(scene);
        if (rooms.length === 0) return;
        const { name, members } = scene.random.pick(rooms);
        const [by] = members.filter((id) => scene.house.sandbox.world.state.users[id]);
        if (by)
          scene.house.sandbox.people.renames(by, scene.house.channel(name)?.id ?? '', `${name.slice(0, 60)}-${turn}`);
      }),
  },
  channel_archived: {
    does: 'somebody archives a war room that is in use',
    strike: (scene, _deed, over) =>
      again(scene, over, [700, 1_800], async () => {
        const rooms = roomsOf(scene);
        if (rooms.length === 0) return;
        const { id, members } = scene.random.pick(rooms);
        const [by] = members.filter((one) => one !== scene.house.sandbox.world.state.app.botUser);
        if (by) scene.house.sandbox.people.archives(by, id);
      }),
    problems: /is_archived|its room is gone|channel_not_found/,
  },
  bot_removed: {
    does: 'somebody removes the app from a war room',
    strike: (scene, _deed, over) =>
      again(scene, over, [700, 1_800], async () => {
        const bot = scene.house.sandbox.world.state.app.botUser;
        const rooms = roomsOf(scene).filter(({ members }) => members.includes(bot));
        if (rooms.length === 0) return;
        const { id, members } = scene.random.pick(rooms);
        const [by] = members.filter((one) => one !== bot);
        if (by) scene.house.sandbox.people.removes(by, id, bot);
      }),
    problems: /not_in_channel|its room is gone|channel_not_found/,
  },
  approver_left: {
    problems: /user_disabled/,
    does: 'approvers leave the company in the middle of a vote, and come back',
    strike: async (scene, _deed, over) => {
      const { people } = scene.house.sandbox;
      await again(scene, over, [400, 1_200], async () => {
        const id = scene.random.pick(['U0LEE', 'U0MIA']);
        people.changesUser(id, { deleted: true });
        await sleep(scene.random.between(300, 900));
        people.changesUser(id, { deleted: false });
      });
    },
  },
};

/** Does `work` again and again, after a pause of so many milliseconds each time: at least once, and at most `times`. */
async function again(
  scene: Scene,
  over: () => boolean,
  [from, to]: readonly [number, number],
  /** `turn`: 1 for the first time. */
  work: (turn: number) => Promise<void>,
  times = 10_000,
): Promise<void> {
  for (let turn = 1; turn <= times; turn++) {
    await sleep(scene.random.between(from, to));
    await work(turn);
    if (over()) return;
  }
  await until(over);
}

async function until(over: () => boolean): Promise<void> {
  while (!over()) await sleep(50);
}

/** Who won a race. An answer may come before its work is done: as many as there have to be are waited for, and any more. */
async function winners(scene: Scene, wishes: readonly Walk[], due: number): Promise<Walk[]> {
  let until = Date.now() + 90_000;
  for (;;) {
    const won: Walk[] = [];
    for (const one of wishes) if (await find(scene, one)) won.push(one);
    if (won.length > due || Date.now() > until) return won;
    if (won.length === due) until = Math.min(until, Date.now() + 3_000);
    await sleep(200);
  }
}

/** Something goes wrong with the next call or delivery of some kind, again and again; what was not taken is taken back. */
async function sprinkle(
  scene: Scene,
  over: () => boolean,
  pause: [number, number],
  methods: readonly string[],
  kinds: readonly SlackFault['kind'][],
): Promise<void> {
  const { world } = scene.house.sandbox;
  await again(scene, over, pause, async () => {
    const method = scene.random.pick(methods);
    if (world.faults.get(method)?.some(({ times }) => times > 0)) return;
    addFault(world, method, { kind: scene.random.pick(kinds), times: scene.random.between(1, 2), retryAfter: 1 });
  });
  for (const method of methods) world.faults.delete(method);
}

async function endAny(scene: Scene, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const apps = scene.apps();
  if (apps.length > 0) await scene.end(scene.random.pick(apps), signal);
}

/** Claims and leases of an app that is gone end now; only where there was one app. */
async function endClaims({ query }: Scene): Promise<void> {
  await query('UPDATE surface SET claimed_until = clock_timestamp() WHERE claimed_until IS NOT NULL');
  await query('UPDATE timer SET claimed_until = NULL WHERE claimed_until IS NOT NULL');
}

async function withoutRedis({ ground: { redis: server } }: Scene, ms: number): Promise<void> {
  await server.kill();
  await sleep(ms);
  await server.start();
}

async function withoutPostgres({ ground: { postgres } }: Scene, how: 'fast' | 'crash'): Promise<void> {
  await postgres.stop(how);
  await sleep(1_000);
  await postgres.start();
}

async function slow(line: Ground['redis']['line'], ms: number, over: () => boolean): Promise<void> {
  line.delayMs = ms;
  await until(over);
  line.delayMs = 0;
}

async function holed(line: Ground['redis']['line'], ms: number): Promise<void> {
  line.hole(true);
  await sleep(ms);
  line.hole(false);
}

async function asSuperuser<T>(scene: Scene, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: scene.ground.servers.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Ends every session of the apps: they have to connect anew. */
async function endSessions(scene: Scene): Promise<void> {
  const name = new URL(scene.house.databaseUrl).pathname.slice(1);
  await asSuperuser(scene, (client) =>
    client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
      [name],
    ),
  );
}

async function takeConnections(scene: Scene, ms: number): Promise<void> {
  const taken: pg.Client[] = [];
  try {
    await endSessions(scene);
    for (;;) {
      const client = new pg.Client({ connectionString: scene.ground.servers.databaseUrl });
      client.on('error', () => undefined);
      try {
        await client.connect();
        taken.push(client);
      } catch {
        break;
      }
    }
    await sleep(ms);
  } finally {
    await Promise.all(taken.map((client) => client.end()));
  }
}

function roomsOf({ house }: Scene) {
  return Object.values(house.sandbox.world.state.channels).filter(
    ({ name, is_archived }) => /^rel-\d+-/.test(name) && !is_archived,
  );
}

function wish(service: string, version: string): Walk {
  return { service, version, environment: 'production', by: 'ana', ends: 'requested', isMentioned: false };
}

function bookingOf(
  { service, version, environment }: Pick<Walk, 'service' | 'version' | 'environment'>,
  at: Date,
): string {
  return `/release book ${service}@${version} ${at.toISOString()} for 60m env:${environment} --yes`;
}

/** Noon in `days` days. */
function soonAfter({ house }: Scene, days: number): Date {
  const at = new Date(house.now().getTime() + days * dayMs);
  at.setUTCHours(12, 0, 0, 0);
  return at;
}

function usualCatalog(): string {
  return readFileSync(new URL('../support/catalog.yml', import.meta.url), 'utf8');
}

function withMore(yaml: string): string {
  return `${usualCatalog()}${yaml}`;
}

function nightly(): string {
  return usualCatalog().replace('at: "09:30"', 'at: "02:30"');
}

/** Hour by hour through the night in which the clocks change, and the one after it. */
async function night(scene: Scene, deed: Deed, dates: readonly string[]): Promise<void> {
  const { house } = scene;
  for (let hour = 0; hour < 48; hour++) {
    house.moveTo(new Date(house.now().getTime() + hourMs));
    await sleep(120);
  }
  deed.digestDays.push(...dates);
}
