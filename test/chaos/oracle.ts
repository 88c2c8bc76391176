import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Message } from '../../sandbox/server/state.ts';
import type { StoredEvent } from '../../src/domain/event.ts';
import { isLogged, react } from '../../src/domain/reaction.ts';
import { surfaceKey } from '../../src/domain/surface.ts';
import { type Db, openDb } from '../../src/store/db.ts';
import { audit } from '../../src/store/log.ts';
import { newDatabase } from '../support/house.ts';
import { replay } from '../support/replay.ts';
import type { Scene } from './scene.ts';
import type { Deed } from './workload.ts';

/*
 * Judges a round when everything has settled: what people were told, what is stored, what Slack shows.
 */
export type Verdict = { readonly lost: string[]; readonly doubled: string[]; readonly wrong: string[] };

/** Waits until nothing is left to do; gives the milliseconds that took. What did not settle is part of the verdict. */
export async function settle(scene: Scene, problems?: RegExp, patienceMs = 120_000): Promise<number> {
  const started = Date.now();
  while (Date.now() - started < patienceMs) {
    const left = await leftOver(scene, problems);
    if (left.length === 0) return Date.now() - started;
    await sleep(100);
  }
  return Date.now() - started;
}

/** Work that waits: surfaces to be written, timers that are due, events without a seal. */
async function leftOver({ query, house }: Scene, problems: RegExp | undefined): Promise<string[]> {
  const rows = await query<{ what: string }>(
    `SELECT 'not shown: ' || o.surface || coalesce(' (' || s.problem || ')', '') AS what FROM outbox o LEFT JOIN surface s ON s.workspace = o.workspace AND s.key = o.surface
     UNION ALL SELECT 'overdue: ' || key FROM timer WHERE due_at <= $1
     UNION ALL SELECT 'not sealed: ' || seq FROM unsealed`,
    [new Date(house.now().getTime() - 3_000)],
  );
  return rows.map(({ what }) => what).filter((what) => !problems?.test(what));
}

export type Allowed = {
  /** Violations of Slack's rules that the fault itself causes. */
  readonly violations: readonly string[];
  /** Problems that surfaces may be left with, because their place is gone. */
  readonly problems?: RegExp | undefined;
};

export async function judge(scene: Scene, deed: Deed, allowed: Allowed): Promise<Verdict> {
  const verdict: Verdict = { lost: [], doubled: [], wrong: [] };
  verdict.lost.push(...(await leftOver(scene, allowed.problems)));
  await compareTold(scene, deed, verdict);
  await compareShown(scene, deed, allowed, verdict);
  for (const [name, sql] of Object.entries(invariants))
    for (const { what } of await scene.query<{ what: string }>(sql)) verdict.wrong.push(`${name}: ${what}`);
  await judgeRecord(scene, verdict);
  await judgeVoters(scene, verdict);
  verdict.wrong.push(...(await rendersAnew(scene, allowed.problems)), ...scene.ended, ...deed.strange);
  const { violations } = scene.house.sandbox.world;
  // How fast an answer came is for the benchmarks: a machine that is busy with other things breaks no rule of ours.
  const usual = ['late_ack', 'no_ack'];
  for (const { what, detail } of violations)
    if (!usual.includes(what) && !allowed.violations.includes(what))
      verdict.wrong.push(`Slack complains: ${what} ${detail}`);
  return verdict;
}

const happened = {
  requested: 'release.requested',
  voted: 'vote.cast',
  started: 'release.started',
  finished: 'release.done',
  'rolled back': 'release.rolled_back',
} as const;

/** L1 and L5: what was told is stored, and what is stored was asked for. */
async function compareTold({ query }: Scene, deed: Deed, verdict: Verdict): Promise<void> {
  const events = await query<{ release: number; type: string; voter: string | null }>(
    `SELECT release, type, body->>'voter' AS voter FROM event WHERE release IS NOT NULL`,
  );
  for (const { what, release, by } of deed.told) {
    const isStored = events.some(
      (event) => event.release === release && event.type === happened[what] && (what !== 'voted' || event.voter === by),
    );
    if (!isStored) verdict.lost.push(`${by} was told: ${what} REL-${release}`);
  }
  const releases = await query<{
    number: number;
    state: string;
    environment: string;
    service: string;
    version: string;
  }>(
    `SELECT r.number, r.state, r.environment, u.service, u.version FROM release r JOIN release_unit u ON u.release = r.number AND u.workspace = r.workspace`,
  );
  for (const walk of deed.walks) {
    const own = releases.filter(
      (one) => one.service === walk.service && one.version === walk.version && one.environment === walk.environment,
    );
    const name = `${walk.service} ${walk.version} in ${walk.environment}`;
    if (own.length === 0) verdict.lost.push(`${name} was asked for`);
    if (own.length > 1) verdict.doubled.push(`${name} is in ${own.length} releases`);
    for (const one of own)
      if (one.state !== walk.ends) verdict.wrong.push(`REL-${one.number} is ${one.state} and not ${walk.ends}`);
  }
  for (const one of releases)
    if (!deed.walks.some((walk) => walk.service === one.service && walk.version === one.version))
      verdict.wrong.push(`nobody asked for REL-${one.number}`);
}

/** Kinds of surfaces that are not one message with its key. */
const otherKinds = [
  'room',
  'topic',
  'purpose',
  'bookmarks',
  'home',
  'asks',
  'kept',
  'archive',
  'followers',
  'updates',
  'record',
  'hook',
  'poll',
  'digest-pictures',
  'chart',
];

/** L4: what is stored is shown, exactly once. */
async function compareShown({ query, house }: Scene, deed: Deed, allowed: Allowed, verdict: Verdict): Promise<void> {
  const { world } = house.sandbox;
  const shown = Object.entries(world.state.messages).flatMap(([channel, messages]) =>
    messages.flatMap((message) => (message.metadata ? [{ key: keyOf(message), channel, ts: message.ts }] : [])),
  );
  const count = new Map<string, number>();
  for (const { key } of shown) count.set(key, (count.get(key) ?? 0) + 1);
  // A room that people archived is replaced by another, and what stood in it stays there.
  const live = new Map<string, number>();
  for (const { key, channel } of shown)
    if (!world.state.channels[channel]?.is_archived) live.set(key, (live.get(key) ?? 0) + 1);
  for (const [key, times] of live) if (times > 1) verdict.doubled.push(`${key} is shown ${times} times`);

  const { deleted } = deed;
  const ledger = await query<{ key: string; channel: string | null; ts: string | null; problem: string | null }>(
    'SELECT key, channel, ts, problem FROM surface',
  );
  for (const { key, channel, ts, problem } of ledger) {
    if (problem !== null && !allowed.problems?.test(problem))
      verdict.wrong.push(`${key} is left with a problem: ${problem}`);
    if (ts === null || otherKinds.includes(key.split(':')[0] ?? '') || deleted.includes(key)) continue;
    const own = shown.filter((one) => one.key === key);
    if (own.length === 0) verdict.lost.push(`${key} is in the ledger and not in Slack`);
    else if (!own.some((one) => one.channel === channel && one.ts === ts))
      verdict.wrong.push(`${key} stands elsewhere than its ledger says`);
  }
  const known = new Set(ledger.flatMap(({ key, ts }) => (ts === null ? [] : [key])));
  for (const key of count.keys()) if (!known.has(key)) verdict.wrong.push(`${key} is in Slack and in no ledger`);

  const problems = new Set(ledger.flatMap(({ key, problem }) => (problem === null ? [] : [key])));
  for (const key of await wantedKeys({ query }))
    if (!count.has(key) && !deleted.includes(key) && !problems.has(key)) verdict.lost.push(`${key} is not shown`);

  const rooms = Object.values(world.state.channels).filter(
    ({ name, is_archived }) => /^rel-\d+-/.test(name) && !is_archived,
  );
  const names = rooms.map(({ name }) => name.split('-')[1]);
  for (const number of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
    verdict.doubled.push(`REL-${number} has more than one room`);
  for (const room of rooms) if (room.pins.length > 1) verdict.doubled.push(`${room.name} has ${room.pins.length} pins`);

  const runs = await query<{ channel: string; date: string }>('SELECT channel, date FROM digest_run');
  for (const date of deed.digestDays)
    if (!runs.some((run) => run.date === date)) verdict.lost.push(`the digest of ${date} was never thought of`);
}

/** What has to be in Slack, by the log alone. */
async function wantedKeys({ query }: Pick<Scene, 'query'>): Promise<Set<string>> {
  const events = await query<StoredEvent>('SELECT id, workspace, at, actor, command, body FROM event ORDER BY seq');
  const logged = events.filter(isLogged);
  const opened = new Set(events.flatMap(({ body }) => (body.type === 'room.opened' ? [body.release] : [])));
  const wanted = new Set<string>();
  for (const event of events)
    for (const surface of react(event).surfaces)
      if (
        surface.kind === 'card' ||
        surface.kind === 'thread' ||
        surface.kind === 'tell' ||
        (surface.kind === 'header' && opened.has(surface.release))
      )
        wanted.add(surfaceKey(surface));
  // One decision is one message in the room, by the name of its first event.
  for (const [index, { id, command }] of logged.entries())
    if (logged.findIndex((one) => one.command === command) === index) wanted.add(`log:${id}`);
  const sent = await query<{ surface: string }>(`SELECT surface FROM notification WHERE state = 'sent'`);
  for (const { surface } of sent) wanted.add(surface);
  const runs = await query<{ channel: string; date: string; kind: string }>(
    'SELECT channel, date, kind FROM digest_run WHERE posted',
  );
  for (const { channel, date, kind } of runs)
    wanted.add(`digest:${channel}:${date}${kind === 'daily' ? '' : `:${kind}`}`);
  return wanted;
}

/*
 * The product's invariants as plain questions: each row of an answer is a fault. 7 (rollback is never blocked) is asked by
 * the people, who insist on it; 11 by the days on which clocks change; 12 in test/commands.
 */
const invariants = {
  '1 two releases of a service at once': `
    SELECT a.holder || ' and ' || b.holder AS what FROM reservation a JOIN reservation b
      ON a.workspace = b.workspace AND a.service = b.service AND a.environment = b.environment AND a.holder < b.holder
    WHERE a.held AND b.held AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at`,
  '1 a live release without its slot': `
    SELECT 'REL-' || r.number AS what FROM release r WHERE r.state IN ('requested', 'approved')
      AND NOT EXISTS (SELECT FROM reservation v WHERE v.workspace = r.workspace AND v.release = r.number AND v.held)`,
  '2 a window over its capacity': `
    SELECT window_key || ' on ' || date || ': ' || count(*) AS what FROM seat WHERE held
    GROUP BY workspace, window_key, date HAVING count(*) > min(capacity)`,
  '3 a start inside a freeze': `
    SELECT 'REL-' || r.number || ' in ' || f.key AS what FROM release r JOIN release_freeze f ON f.workspace = r.workspace,
      LATERAL (SELECT ((f.body->'recurrence'->>'date') || ' ' || (f.body->'recurrence'->>'at'))::timestamp AT TIME ZONE (f.body->>'zone') AS since) t
    WHERE r.started_at IS NOT NULL AND NOT f.lifted AND f.body->>'level' = 'hard' AND f.body->'recurrence'->>'rule' IS NULL
      AND r.started_at >= t.since AND r.started_at < t.since + (f.body->'recurrence'->>'minutes')::int * interval '1 minute'
      AND NOT EXISTS (SELECT FROM exception x WHERE x.release = r.number AND x.freeze_key = f.key)
      AND NOT EXISTS (SELECT FROM override o WHERE o.release = r.number AND o.state = 'granted')`,
  '3 more passes than a team has': `
    SELECT x.team || ' in ' || x.quarter || ': ' || count(*) AS what FROM exception x JOIN team t ON t.workspace = x.workspace AND t.key = x.team
    GROUP BY x.team, x.quarter HAVING count(*) > min(t.exceptions)`,
  '4 a vote for one’s own': `
    SELECT voter || ' on REL-' || release AS what FROM vote v JOIN release r ON r.workspace = v.workspace AND r.number = v.release
    WHERE v.voter IN (r.requester, r.lead)`,
  '5 a vote that is counted twice': `
    SELECT body->>'voter' || ' on REL-' || release AS what FROM event WHERE type = 'vote.cast'
    GROUP BY workspace, release, body->>'gate', body->>'voter', body->>'choice', body->>'revision' HAVING count(*) > 1`,
  '5 more than one verdict': `
    SELECT 'REL-' || release || ': ' || count(*) AS what FROM event
    WHERE type IN ('release.approved', 'release.rejected', 'release.expired') GROUP BY workspace, release HAVING count(*) > 1`,
  '5 all gates met and no verdict': `
    SELECT 'REL-' || r.number AS what FROM release r WHERE r.state = 'requested'
      AND NOT EXISTS (SELECT FROM gate g WHERE g.workspace = r.workspace AND g.release = r.number AND g.met_at IS NULL)`,
  '6 a start with an open gate': `
    SELECT 'REL-' || r.number || ' ' || g.name AS what FROM release r JOIN gate g ON g.workspace = r.workspace AND g.release = r.number
    WHERE r.started_at IS NOT NULL AND (g.met_at IS NULL OR g.met_at > r.started_at)`,
  '6 a start outside the slot': `
    SELECT 'REL-' || number AS what FROM release WHERE started_at < starts_at - interval '15 minutes' OR started_at > ends_at`,
  '8 the same step of a life twice': `
    SELECT 'REL-' || release || ' ' || type AS what FROM event
    WHERE type IN ('release.requested', 'release.started', 'release.done', 'release.rolled_back', 'release.cancelled')
    GROUP BY workspace, release, type HAVING count(*) > 1`,
  '8 an effect without a command': `
    SELECT type || ' ' || e.id AS what FROM event e
    WHERE NOT EXISTS (SELECT FROM command c WHERE c.workspace = e.workspace AND c.id = e.command AND (c.outcome->>'ok')::boolean)`,
  '8 an accepted command without its events': `
    SELECT name || ' ' || id AS what FROM command c WHERE (outcome->>'ok')::boolean
      AND jsonb_array_length(outcome->'events') <> (SELECT count(*) FROM event e WHERE e.workspace = c.workspace AND e.command = c.id)`,
  '9 two digests of a day': `
    SELECT body->>'channel' || ' ' || (body->>'date') AS what FROM event WHERE type = 'digest.posted'
    GROUP BY workspace, body->>'channel', body->>'kind', body->>'date' HAVING count(*) > 1`,
  '10 something of another workspace': `SELECT type AS what FROM event WHERE workspace <> 'T0HARBOUR'`,
  'a connection that was forgotten': `
    SELECT application_name AS what FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND clock_timestamp() - state_change > interval '6 seconds'`,
  'a lock that was forgotten': `
    SELECT a.application_name || ' holds an advisory lock and does nothing' AS what FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND a.datname = current_database() AND a.state = 'idle'
      AND a.application_name LIKE 'maitred%' AND clock_timestamp() - a.state_change > interval '6 seconds'`,
} as const;

/** The chain of hashes holds, and replaying the log gives the same tables. */
async function judgeRecord({ house, ground }: Scene, verdict: Verdict): Promise<void> {
  const db = openDb({ url: house.databaseUrl, onError: () => undefined });
  try {
    const { problems } = await audit(db);
    verdict.wrong.push(...problems.map(({ position, what }) => `the chain at ${position}: ${what}`));
    const { differences } = await replayAtRest(db, () => newDatabase(ground.servers.databaseUrl));
    for (const { table, stored, replayed } of differences)
      verdict.wrong.push(`replayed, ${table} differs: ${fieldsApart(stored, replayed).slice(0, 500)}`);
  } finally {
    await db.close();
  }
}

/** The clock goes on while the log is read: what happened meanwhile makes it begin anew. */
async function replayAtRest(db: Db, empty: () => Promise<string>): ReturnType<typeof replay> {
  const last = async () => (await db.pool.query<{ last: string }>('SELECT max(seq) AS last FROM event')).rows[0]?.last;
  for (let tries = 0; ; tries++) {
    const before = await last();
    const replayed = await replay(db, await empty());
    if (replayed.differences.length === 0 || before === (await last()) || tries === 10) return replayed;
  }
}

/** Which fields of which rows differ, stored first. */
function fieldsApart(stored: unknown[], replayed: unknown[]): string {
  const isIn = (row: unknown, rows: unknown[]) => rows.some((other) => isDeepStrictEqual(row, other));
  const [onlyStored, onlyReplayed] = [
    stored.filter((row) => !isIn(row, replayed)),
    replayed.filter((row) => !isIn(row, stored)),
  ];
  if (onlyStored.length !== onlyReplayed.length)
    return `${onlyStored.length} rows against ${onlyReplayed.length}: ${JSON.stringify([onlyStored, onlyReplayed])}`;
  return onlyStored
    .flatMap((one, index) => {
      const [row, other] = [one, onlyReplayed[index]].map((both) => (both as { row: Record<string, unknown> }).row);
      return Object.keys(row ?? {}).flatMap((name) => {
        const [was, is] = [JSON.stringify(row?.[name]), JSON.stringify(other?.[name])];
        return was === is ? [] : [`${name} of ${row?.number ?? row?.key ?? index}: ${was} against ${is}`];
      });
    })
    .join('; ');
}

/** 4: bots, guests and people of other organisations never vote. */
async function judgeVoters({ query, house }: Scene, verdict: Verdict): Promise<void> {
  for (const { voter, release } of await query<{ voter: string; release: number }>('SELECT voter, release FROM vote')) {
    const user = house.sandbox.world.state.users[voter];
    if (!user || user.is_bot || user.is_restricted || user.is_ultra_restricted || user.is_stranger)
      verdict.wrong.push(`4 ${voter} voted on REL-${release}`);
  }
}

const lasting = /^(card|votes|header|checklist|log|thread):/;

/** Renders everything again from what is stored: no message may change by that. */
async function rendersAnew(scene: Scene, problems: RegExp | undefined): Promise<string[]> {
  const { house } = scene;
  const shown = () =>
    new Map(
      Object.values(house.sandbox.world.state.messages)
        .flat()
        .flatMap((message) =>
          message.metadata && lasting.test(keyOf(message))
            ? [
                [
                  keyOf(message),
                  JSON.stringify([message.text, message.blocks]).replace(/"block_id":"b[0-9a-z]+"/g, ''),
                ] as const,
              ]
            : [],
        ),
    );
  const before = shown();
  await renderAnew(scene, problems);
  const after = shown();
  return [...after.keys()]
    .filter((key) => before.has(key) && before.get(key) !== after.get(key))
    .map((key) => `Slack showed something old: ${key}: ${difference(before.get(key) ?? '', after.get(key) ?? '')}`);
}

/** Has every lasting message written again from what is stored, by whoever runs now. */
export async function renderAnew(scene: Scene, problems?: RegExp): Promise<void> {
  await scene.query(
    `WITH forgotten AS (UPDATE surface SET hash = NULL WHERE ts IS NOT NULL AND key ~ $2 RETURNING workspace, key)
     INSERT INTO outbox (workspace, surface, at) SELECT workspace, key, $1 FROM forgotten`,
    [scene.house.now(), lasting.source],
  );
  await settle(scene, problems, 60_000);
}

/** Where two texts part, with a little around it. */
function difference(old: string, fresh: string): string {
  let at = 0;
  while (at < old.length && old[at] === fresh[at]) at++;
  const around = (text: string) => text.slice(Math.max(0, at - 40), at + 80);
  return `…${around(old)}… became …${around(fresh)}…`;
}

function keyOf(message: Message): string {
  return String(message.metadata?.event_payload.key);
}
