import { setTimeout as sleep } from 'node:timers/promises';
import { textOf } from '../../sandbox/driver.ts';
import type { Ack } from '../../sandbox/server/deliver.ts';
import { soon } from '../support/story.ts';
import type { Scene } from './scene.ts';

/*
 * People who book, vote, deploy, roll back and read, as they would on a bad day: whoever gets no answer does it again.
 */

/** One wish: a version of a service that is to go somewhere. */
export type Walk = {
  readonly service: string;
  readonly version: string;
  readonly environment: 'production' | 'staging';
  readonly by: 'ana' | 'raj' | 'sam';
  /** The state in which it is in the end. */
  readonly ends: 'done' | 'rolled_back' | 'requested' | 'approved';
  /** Asked for in a message to the app instead of by a command. */
  readonly isMentioned: boolean;
};

/** What somebody was told had happened: the app has to stand by it. */
export type Told = {
  readonly what: 'requested' | 'voted' | 'started' | 'finished' | 'rolled back';
  readonly release: number;
  readonly by: string;
};

export type Deed = {
  readonly walks: Walk[];
  readonly told: Told[];
  /** Answers by what they were: an answer, "still working", an honest failure, none. */
  readonly answers: Answers;
  /** What people saw that they should not have seen. */
  readonly strange: string[];
  /** Digests that were due on these local dates. */
  readonly digestDays: string[];
  /** Keys of messages that people deleted by hand. */
  readonly deleted: string[];
};

export type Answers = { answered: number; later: number; failed: number; silent: number; slowestMs: number };
const noAnswers: Readonly<Answers> = { answered: 0, later: 0, failed: 0, silent: 0, slowestMs: 0 };

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
const services = ['payments', 'checkout', 'ledger', 'search', 'web'];
const words = /(requested|started|finished|rolled back) REL-(\d+)/;

export function newDeed(): Deed {
  return {
    walks: [],
    told: [],
    answers: { ...noAnswers },
    strange: [],
    digestDays: [],
    deleted: [],
  };
}

/** A morning: `count` releases are asked for, decided, deployed, and read about. `turn` keeps versions apart. */
export async function morning(scene: Scene, deed: Deed, turn: number, count = 4): Promise<void> {
  const { random, house } = scene;
  const begin = new Date(Math.ceil(house.now().getTime() / hourMs) * hourMs + 2 * hourMs);
  const places = services.flatMap((service) =>
    (['production', 'staging'] as const).map((environment) => ({ service, environment })),
  );
  const walks = random
    .shuffle(places)
    .slice(0, count)
    .map(
      (place): Walk => ({
        ...place,
        version: `${turn}.0.0`,
        by: random.pick(['ana', 'raj', 'sam']),
        ends: random.next() < 0.3 ? 'rolled_back' : 'done',
        isMentioned: random.next() < 0.3,
      }),
    );
  deed.walks.push(...walks);
  await Promise.all(walks.map((walk) => asks(scene, deed, walk, begin)));
  scene.house.moveTo(new Date(begin.getTime() + 60_000));
  await Promise.all([...walks.map((walk) => deploys(scene, deed, walk)), reads(scene, deed)]);
}

/** The next day's digest, at 09:30 in Berlin. */
export async function nextDigest(scene: Scene, deed: Deed): Promise<void> {
  const { house } = scene;
  const now = house.now();
  const at = new Date(now);
  at.setUTCHours(8, 31, 0, 0);
  if (at <= now) at.setTime(at.getTime() + dayMs);
  house.moveTo(at);
  deed.digestDays.push(at.toISOString().slice(0, 10));
}

async function asks(scene: Scene, deed: Deed, walk: Walk, begin: Date): Promise<void> {
  const line = `book ${walk.service}@${walk.version} ${begin.toISOString()} for 60m env:${walk.environment} --yes`;
  await insist(
    scene,
    () => (walk.isMentioned ? mention(scene, walk.by, line) : say(scene, deed, walk.by, `/release ${line}`)),
    async () => (await find(scene, walk)) !== undefined,
    line,
  );
  if (walk.environment === 'staging') return;
  const { number } = (await find(scene, walk)) as Found;
  for (const [names, gate] of [
    [['ben', 'lee'], 'SRE'],
    [['kim', 'mia'], 'Product'],
  ] as const) {
    const name = scene.random.pick(names);
    await insist(
      scene,
      () => approve(scene, deed, name, number),
      async () => (await scene.query('SELECT 1 FROM vote WHERE release = $1 AND gate = $2', [number, gate])).length > 0,
      `${name} votes on REL-${number}`,
    );
  }
}

async function deploys(scene: Scene, deed: Deed, walk: Walk): Promise<void> {
  const { number } = (await find(scene, walk)) as Found;
  const reaches =
    (...states: string[]) =>
    async () =>
      states.includes((await find(scene, walk))?.state ?? '');
  const does = (line: string, ...states: string[]) =>
    insist(scene, () => say(scene, deed, walk.by, line), reaches(...states), line);
  await does(`/release start REL-${number}`, 'deploying', 'verifying', 'done', 'rolled_back');
  if (walk.ends === 'rolled_back') await does(`/release rollback REL-${number} errors`, 'rolled_back');
  else await does(`/release done REL-${number}`, 'done');
}

/** People who only look, and have a right to an answer of some kind. */
async function reads(scene: Scene, deed: Deed): Promise<void> {
  for (const line of ['list', 'calendar', 'digest preview', 'mine', 'slots search 30m'])
    await say(scene, deed, scene.random.pick(['kim', 'rae', 'noa', 'zed']), `/release ${line}`).catch(() => undefined);
}

/** Types a line and takes note of what was answered. */
export async function say(scene: Scene, deed: Deed, name: string, line: string): Promise<Ack> {
  const ack = await scene.house.person(name).types(line);
  note(deed, ack);
  const [, what, release] = words.exec(said(ack)) ?? [];
  if (what && release) deed.told.push({ what: what as Told['what'], release: Number(release), by: name });
  return ack;
}

/** Says it to the app in the channel: that is an event, which Slack delivers until it is acknowledged. */
async function mention(scene: Scene, name: string, line: string): Promise<undefined> {
  const { house } = scene;
  await house.person(name).says(`<@${house.sandbox.world.state.app.botUser}> ${line}`);
}

function note({ answers }: Deed, ack: Ack): void {
  answers.slowestMs = Math.max(answers.slowestMs, ack.ms);
  if (ack.status !== 'ok') answers.silent++;
  else if (/Still working/.test(said(ack))) answers.later++;
  else if (/Something failed|aved nothing|Nothing is saved so far|went away at the last moment/.test(said(ack)))
    answers.failed++;
  else answers.answered++;
}

function said(ack: Ack): string {
  const body = ack.body as { text?: string; blocks?: unknown } | undefined;
  return `${body?.text ?? ''}\n${textOf(body?.blocks)}`;
}

/** One person has one screen: one modal at a time. */
const turns = new WeakMap<Scene, Map<string, Promise<unknown>>>();
function turn<T>(scene: Scene, name: string, work: () => Promise<T>): Promise<T> {
  const own = turns.get(scene) ?? new Map<string, Promise<unknown>>();
  turns.set(scene, own);
  const next = (own.get(name) ?? Promise.resolve()).catch(() => undefined).then(work);
  own.set(name, next);
  return next;
}

/** Opens the review form and approves; an accepted form answers with nothing. */
export const approve = (scene: Scene, deed: Deed, name: string, number: number): Promise<Ack | undefined> =>
  turn(scene, name, () => approves(scene, deed, name, number));

async function approves(scene: Scene, deed: Deed, name: string, number: number): Promise<Ack | undefined> {
  const person = scene.house.person(name);
  const before = person.modalNow()?.id;
  const opened = await person.types(`/release review REL-${number}`);
  note(deed, opened);
  const view = await soon(() => [person.modalNow()].find((one) => one && one.id !== before && one.submit !== null));
  if (!view) return undefined;
  await person.picks('decision', 'approve');
  const ack = await person.submits();
  note(deed, ack);
  const body = (ack.body ?? {}) as { response_action?: string };
  if (ack.status === 'ok' && body.response_action === undefined)
    deed.told.push({ what: 'voted', release: number, by: person.id });
  await person.closes();
  return ack;
}

export type Found = { readonly number: number; readonly state: string };
export async function find(scene: Scene, { service, version, environment }: Walk): Promise<Found | undefined> {
  const [found] = await scene.query<Found>(
    `SELECT number, state FROM release r JOIN release_unit u ON u.release = r.number
     WHERE u.service = $1 AND u.version = $2 AND r.environment = $3 ORDER BY number LIMIT 1`,
    [service, version, environment],
  );
  return found;
}

/** Does it again until it is so, as a person would whose app did not answer. */
export async function insist(
  { patienceMs }: Scene,
  act: () => Promise<Ack | undefined>,
  done: () => Promise<boolean>,
  what: string,
): Promise<void> {
  const end = Date.now() + patienceMs;
  let last = '';
  while (Date.now() < end) {
    const ack = await act().catch((error: unknown) => {
      last = String(error);
      return undefined;
    });
    if (ack) last = `${ack.status} ${said(ack)}`;
    const until = Date.now() + (ack?.status === 'ok' ? 1_500 : 200);
    do {
      if (await done()) return;
      await sleep(100);
    } while (Date.now() < until);
  }
  throw new Error(`${patienceMs / 1_000} s were not enough for: ${what}; the last answer was: ${last}`);
}
