import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../src/commands/command.ts';
import { commentCommand, voteCommand } from '../src/commands/vote.ts';
import { alone, type Row } from './row.ts';
import { booked, limitedRow, openTown, quantile, type SlackCall, type Town } from './support/town.ts';

/*
 * Convergence: from a commit to the beginning of the call that shows it in Slack. Quiet, on either queue; while 200 releases
 * come at once, with Slack's limits and without; and 500 votes on one card. The app is a process of its own, paced as ever.
 */
export const name = 'convergence';

const channels = Array.from({ length: 12 }, (_, n) => `C0B${n}`);
const voters = Array.from({ length: 500 }, (_, n) => `U0V${n}`);
/** No gate asks for more than twenty. */
const crowds = Array.from({ length: 25 }, (_, n) => voters.slice(n * 20, n * 20 + 20));
const catalog = `
zone: Europe/Berlin
home: C0RELEASES
environments: { production: {} }
teams: { one: { name: One, members: [U0ANA] } }
groups: { few: { name: Few, members: [U0KIM] }, ${crowds.map((crowd, n) => `g${n}: { name: Group ${n}, members: [${crowd.join(', ')}] }`).join(', ')} }
services: { ${channels.map((channel, n) => `s${n}: { team: one, environments: [production], channel: ${channel} }`).join(', ')}, voted: { team: one, environments: [production], channel: C0B0, tags: [voted] } }
policies:
  - { name: voted, when: { tags: [voted] }, gates: [${crowds.map((_crowd, n) => `{ name: Gate ${n}, who: "group:g${n}", needed: 20 }`).join(', ')}] }
  - { name: rest, when: {}, gates: [{ name: Few, who: "group:few", needed: 1 }] }
`;

/** `quick` measures fewer of each. */
export async function bench(quick = process.argv.includes('--quick')): Promise<Row[]> {
  const rows: Row[] = [];
  for (const queue of ['postgres', 'redis'] as const) {
    const town = await openTown({ catalog, channels, people: voters, queue, limits: true });
    try {
      rows.push(await quiet(town, queue, quick ? 40 : 240));
      if (queue === 'postgres') {
        rows.push(...(await voteStorm(town)));
        rows.push(...(await burst(town, quick ? 40 : 200, 'within Slack’s limits')));
      }
    } finally {
      await town.close();
    }
    const free = await openTown({ catalog, channels, people: voters, queue, limits: false });
    try {
      rows.push(...(await burst(free, quick ? 40 : 200, `no limits, ${queue}`)));
    } finally {
      await free.close();
    }
  }
  return rows;
}

let day = 0;

/** Each at a time of its own, so that none is in another's way. */
const books = (town: Town, service: string) =>
  booked(town, service, new Date(Date.UTC(2027, 5, 1) + day++ * 2 * 3_600_000));

/**
 * One comment after the other, by whoever asked for the release, at a pace that no limit minds, each in another channel.
 * In turns with the floor: one row committed, the same queue, a worker that only calls.
 */
async function quiet(town: Town, queue: string, n: number): Promise<Row> {
  const releases: number[] = [];
  for (let service = 0; service < channels.length; service++) releases.push((await books(town, `s${service}`)).release);
  await town.settled(60_000);
  await sleep(15_000);
  const commits = new Map<string, number>();
  const rows = new Map<string, number>();
  for (let turn = -12; turn < n; turn++) {
    const release = releases[(turn + 12) % releases.length] as number;
    const outcome = await town.does('U0ANA', call(commentCommand, { release, text: `Comment ${turn}` }));
    const at = performance.now();
    if (!outcome.ok) throw new Error(outcome.refusal.code);
    const [event] = outcome.events;
    if (turn >= 0 && event) commits.set(`thread:${event.id}`, at);
    await sleep(150 + Math.random() * 30);
    await town.bare(`card:REL-${turn + 100}`);
    if (turn >= 0) rows.set(`card:REL-${turn + 100}`, performance.now());
    await sleep(100 + Math.random() * 30);
  }
  await town.settled(30_000);
  const since = (from: ReadonlyMap<string, number>, of: (one: SlackCall) => string) =>
    town.calls.flatMap((one) => (from.has(of(one)) ? [one.at - (from.get(of(one)) ?? 0)] : []));
  const times = since(commits, ({ key }) => key);
  const floors = since(rows, ({ channel, method }) => (method === 'api.test' ? channel : ''));
  if (times.length !== n || floors.length !== n) throw new Error(`${times.length} and ${floors.length} of ${n} came`);
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  const floor = quantile(floors, 0.5);
  const what = `commit → Slack call, quiet, ${queue} (floor: its p50)`;
  return { what, n, p50, p99, floor, ratio: p50 / floor, unit: 'ms', goal: 'p99 ≤ 20 ms', pass: p99 <= 20 };
}

/** Releases all at once: when each has its card, and when all is shown. */
async function burst(town: Town, n: number, what: string): Promise<Row[]> {
  const limitedBefore = town.limited();
  town.calls.length = 0;
  const started = performance.now();
  const committed = new Map<string, number>();
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < n) {
        const turn = next++;
        const { release, at } = await books(town, `s${turn % channels.length}`);
        committed.set(`card:REL-${release}`, at);
      }
    }),
  );
  await town.settled(20 * 60_000);
  // The last try of each: the others were told to wait.
  const shown = new Map(town.calls.flatMap(({ key, at }) => (committed.has(key) ? [[key, at]] : [])));
  const cards = [...shown].map(([key, at]) => at - (committed.get(key) ?? 0));
  if (cards.length !== n) throw new Error(`${cards.length} of ${n} cards came`);
  const last = Math.max(...town.calls.map(({ at }) => at)) - started;
  const posts = town.calls.filter(({ method }) => method === 'chat.postMessage').length;
  const curve = [0.25, 0.5, 0.75, 1].map((share) => `${share * 100} %: ${Math.round(quantile(cards, share))} ms`);
  process.stdout.write(
    `burst of ${n}, ${what}: cards by ${curve.join(', ')}; ${posts} posts, ${town.calls.length} calls, ${Math.round(last)} ms in all\n`,
  );
  return [
    {
      what: `commit → card, burst of ${n}, ${what}`,
      n,
      p50: quantile(cards, 0.5),
      p99: quantile(cards, 0.99),
      unit: 'ms',
    },
    limitedRow(`429s, burst of ${n}, ${what}`, town, limitedBefore),
  ];
}

/** 500 people vote on one card: its edits, and when it shows the last vote. */
async function voteStorm(town: Town): Promise<Row[]> {
  const { release } = await books(town, 'voted');
  await town.settled(120_000);
  const { rows } = await town.db.pool.query<{ key: string; channel: string; ts: string }>(
    'SELECT key, channel, ts FROM surface WHERE key = ANY ($1)',
    [[`votes:REL-${release}`, `card:REL-${release}`]],
  );
  town.calls.length = 0;
  const limitedBefore = town.limited();
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (next < voters.length) {
        const voter = voters[next++] as string;
        const vote = { release, revision: 1, choice: 'approve' as const, comment: '', unblock: '', code: '' };
        const outcome = await town.does(voter, call(voteCommand, vote));
        if (!outcome.ok) throw new Error(`a vote was refused: ${outcome.refusal.code}`);
      }
    }),
  );
  const voted = performance.now();
  await town.settled(10 * 60_000);
  const shown: Row[] = [];
  for (const { key, channel, ts } of rows) {
    const edits = town.calls.filter((one) => one.method === 'chat.update' && one.channel === channel && one.ts === ts);
    const gaps = edits.slice(1).map((edit, n) => edit.at - (edits[n]?.at ?? 0));
    const least = Math.min(...gaps, Number.POSITIVE_INFINITY);
    const kind = key.split(':')[0];
    shown.push({
      what: `${kind} of 500 votes in ${channel}: time between edits`,
      n: edits.length,
      p50: quantile(gaps, 0.5),
      p99: quantile(gaps, 0.99),
      unit: 'ms',
      goal: 'least ≥ 1500 ms',
      pass: least >= 1_500,
    });
  }
  const last = Math.max(...town.calls.map(({ at }) => at));
  return [
    ...shown,
    { what: '500 votes: last vote → all shown', n: 500, p50: last - voted, p99: last - voted, unit: 'ms' },
    { what: '500 votes: commits', n: 500, p50: voted - started, p99: voted - started, unit: 'ms' },
    limitedRow('429s, 500 votes', town, limitedBefore),
  ];
}

await alone(import.meta.url, { name, bench });
