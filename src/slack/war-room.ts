import type { WebClient } from '@slack/web-api';
import { roomName } from '../../blocks/room.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { barRoomCommand, reviseCommand, staffRoomCommand, stepResultCommand } from '../commands/room.ts';
import type { Ctx, HookAbout, HookAnswer } from '../ctx.ts';
import type { Directory, Person } from '../domain/person.ts';
import { releaseKey } from '../domain/release.ts';
import { type Surface, surfaceKey } from '../domain/surface.ts';
import { run } from '../run.ts';
import { beginFirstWrite, type Claim } from '../store/ledger.ts';
import { loadWorkspace } from '../store/read.ts';
import { findHook, keptMessages, releaseAt, roomCast } from '../store/room.ts';
import { channelMembers, findChannel } from './channel.ts';
import { failureOf, leaseMs } from './client.ts';
import { alsoStale, hashOf, keep, type Projector, type Shown } from './message.ts';

/*
 * The war room as Slack has it: a channel with its people, topic, purpose, bookmarks and files.
 */

/** What Slack answers where an administrator keeps something for others. */
const forbidden = [
  'restricted_action',
  'not_authorized',
  'no_permission',
  'missing_scope',
  'user_is_restricted',
  'not_allowed_token_type',
  'method_not_supported_for_channel_type',
];

/** One channel per release: made once, found again by its name, with everybody in it who has to be. */
export async function room(projector: Projector, claimed: Claim, release: ReleaseProps): Promise<Shown> {
  if (release.room !== 'open' || release.barred.includes('create')) return keep(claimed);
  const { ctx, client } = projector;
  const { workspace } = claimed.row;
  const cast = await roomCast(ctx.db, workspace, release.number);
  let channel = release.roomChannel;
  if (channel) {
    const problem = await reopened(client, channel);
    if (problem !== undefined) {
      await bar(projector, workspace, release.number, 'unarchive', problem);
      return keep(claimed);
    }
  }
  if (!channel) {
    const made = await makeRoom(projector, claimed, roomName(release), cast.isPrivate);
    if ('problem' in made) {
      await bar(projector, workspace, release.number, 'create', made.problem);
      return keep(claimed);
    }
    channel = made.channel;
  }
  const needs = { people: cast.members, usergroups: cast.groups, channels: [] };
  const directory = await ctx.directory.lookup(workspace, needs, 60_000);
  const present = new Set(await channelMembers(client, channel));
  const wanted = [...new Set([...cast.members, ...cast.groups.flatMap((id) => directory.usergroups[id] ?? [])])];
  const missing = wanted.filter((id) => !present.has(id) && !cast.invited.includes(id));
  const { invited, skipped } = await invite(client, channel, missing, directory);
  // Whoever is there already was invited by a try that was cut short, or came by themselves: nobody is asked again.
  const there = wanted.filter((id) => present.has(id) && !cast.invited.includes(id));
  const asked = [...there, ...invited];
  if (channel !== release.roomChannel || asked.length > 0 || skipped.length > 0) {
    const input = { release: release.number, channel, invited: asked, skipped };
    await run(ctx, staffRoomCommand, input, bySystem(ctx, workspace, 'staff'));
  }
  return { channel, ts: null, hash: null, wrote: true };
}

/** Undefined: the channel can be used. Otherwise why it cannot; only people may unarchive, so mostly that. */
async function reopened(client: WebClient, channel: string): Promise<string | undefined> {
  try {
    const { channel: found } = await client.conversations.info({ channel });
    if (found?.is_archived) await client.conversations.unarchive({ channel });
    if (found?.is_member === false && found.is_private !== true) await client.conversations.join({ channel });
    return undefined;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind !== 'refused') throw error;
    return failure.error;
  }
}

const strangers: readonly [keyof Person, string][] = [
  ['isDeleted', 'deactivated'],
  ['isBot', 'an app'],
  ['isStranger', 'from another organisation'],
  ['isGuest', 'a guest'],
];

/** Slack takes a hundred at a time, and with `force` leaves out whoever it refuses. */
const inviteAtMost = 100;

async function invite(
  client: WebClient,
  channel: string,
  people: readonly string[],
  directory: Directory,
): Promise<{ invited: string[]; skipped: { person: string; why: string }[] }> {
  const skipped: { person: string; why: string }[] = [];
  const fit = people.filter((id) => {
    const who = directory.people[id];
    const why = who ? strangers.find(([flag]) => who[flag] === true)?.[1] : 'unknown to Slack';
    if (why !== undefined) skipped.push({ person: id, why });
    return why === undefined;
  });
  const refused = new Map<string, string>();
  for (let from = 0; from < fit.length; from += inviteAtMost) {
    const users = fit.slice(from, from + inviteAtMost);
    try {
      const answer = await client.conversations.invite({ channel, users: users.join(','), force: true });
      for (const one of problemsIn(answer)) refused.set(one.user, one.error);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'refused') throw error;
      const told = problemsIn((error as { data?: unknown }).data);
      for (const one of told) refused.set(one.user, one.error);
      if (told.length === 0) for (const user of users) refused.set(user, failure.error);
    }
  }
  refused.delete('');
  // Whoever came in by themselves meanwhile is there: nothing was refused.
  const isThere = (id: string) => refused.get(id) === 'already_in_channel';
  for (const [id, why] of refused) if (!isThere(id)) skipped.push({ person: id, why: why.replaceAll('_', ' ') });
  return { invited: fit.filter((id) => !refused.has(id) || isThere(id)), skipped };
}

function problemsIn(answer: unknown): { user: string; error: string }[] {
  const { errors } = (answer ?? {}) as { errors?: readonly { user?: string; error?: string }[] };
  return (errors ?? []).map((one) => ({ user: one.user ?? '', error: one.error ?? 'refused' }));
}

async function makeRoom(
  projector: Projector,
  claimed: Claim,
  wanted: string,
  isPrivate: boolean,
): Promise<{ channel: string } | { problem: string }> {
  const { client, ctx } = projector;
  const { workspace, unclear_since } = claimed.row;
  // Before anything is written down: a room that waits for its turn was not tried.
  await projector.pace.ahead('conversations.create', {});
  await beginFirstWrite(ctx.db, claimed, leaseMs);
  for (let number = 1; number < 20; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (unclear_since) {
      const left = await findOwnChannel(projector, workspace, name);
      if (left) return { channel: left };
    }
    try {
      const { channel } = await client.conversations.create({ name, is_private: isPrivate });
      if (channel?.id) return { channel: channel.id };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'refused') throw error;
      if (forbidden.includes(failure.error)) return { problem: failure.error };
      if (failure.error !== 'name_taken') throw error;
    }
  }
  throw new Error(`no free channel name like ${wanted}`);
}

/** A channel that we made under this name and that no release has. */
async function findOwnChannel(
  { client, ctx }: Projector,
  workspace: string,
  name: string,
): Promise<string | undefined> {
  const { botUser } = await loadWorkspace(ctx.db, workspace);
  const found = await findChannel(
    client,
    'public_channel,private_channel',
    (channel) => channel.name === name && channel.creator === botUser && channel.is_archived !== true,
  );
  return found && (await releaseAt(ctx.db, workspace, found, undefined)) === undefined ? found : undefined;
}

/** What stands above a channel: written when it says something else than it did there. */
export async function headed(
  claimed: Claim,
  channel: string,
  text: string,
  write: (text: string) => Promise<unknown>,
): Promise<Shown> {
  const hash = hashOf(text);
  if (claimed.row.hash === hash && claimed.row.channel === channel) return keep(claimed);
  await write(text);
  return { channel, ts: null, hash, wrote: true };
}

/** The release's card, and the addresses that its services name. Bookmarks that people added or changed stay. */
export async function bookmarks(
  { client, ctx }: Projector,
  claimed: Claim,
  channel: string,
  release: number,
  card: { readonly channel: string; readonly ts: string },
): Promise<Shown> {
  const { permalink } = await client.chat.getPermalink({ channel: card.channel, message_ts: card.ts });
  const { links } = await roomCast(ctx.db, claimed.row.workspace, release);
  const wanted = [{ title: releaseKey(release), url: permalink ?? '' }, ...links].filter(({ url }) => url !== '');
  const hash = hashOf(wanted);
  if (claimed.row.hash === hash && claimed.row.channel === channel) return keep(claimed);
  const { bookmarks: there } = await client.bookmarks.list({ channel_id: channel });
  for (const { title, url } of wanted)
    if (!there?.some((one) => one.title === title))
      await client.bookmarks.add({ channel_id: channel, title, link: url, type: 'link' });
  return { channel, ts: null, hash, wrote: true };
}

/** Kept messages that say something else now, or are gone, are recorded as such. */
export async function lookAtKept(
  { client, ctx }: Pick<Projector, 'client' | 'ctx'>,
  workspace: string,
  release: number,
): Promise<void> {
  for (const { channel, ts, text } of await keptMessages(ctx.db, workspace, release)) {
    const now = await textOf(client, channel, ts);
    if (now === undefined || now === text) continue;
    await run(ctx, reviseCommand, { release, channel, ts, text: now }, bySystem(ctx, workspace, 'kept'));
  }
}

/** What a message says now; null: it was deleted; undefined: nobody can tell. */
async function textOf(client: WebClient, channel: string, timestamp: string): Promise<string | null | undefined> {
  const found = await messageAt(client, channel, timestamp);
  return typeof found === 'string' ? (found === 'message_not_found' ? null : undefined) : found.text;
}

export type Found = { readonly text: string; readonly author: string; readonly thread: string | undefined };

/** A message by its id, without reading the channel's history; or what Slack says against it. */
export async function messageAt(client: WebClient, channel: string, timestamp: string): Promise<Found | string> {
  try {
    const { message } = await client.reactions.get({ channel, timestamp, full: true });
    const said = message as { text?: string; user?: string; bot_id?: string; thread_ts?: string } | undefined;
    return {
      text: (said?.text ?? '').slice(0, 4000),
      author: said?.user ?? said?.bot_id ?? '',
      thread: said?.thread_ts,
    };
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind !== 'refused') throw error;
    return failure.error;
  }
}

/** Asks a machine to do a step, or how it went. What it says is recorded; "later" in how many ms it is asked again. */
export async function callStep(
  projector: Projector,
  claimed: Claim,
  { kind, release, step: key, attempt }: Extract<Surface, { readonly kind: 'hook' | 'poll' }>,
  props: ReleaseProps,
): Promise<Shown | { readonly again: number }> {
  const { ctx } = projector;
  const { workspace } = claimed.row;
  // It has answered this call: whoever marks it stale again does not make the machine begin again.
  if (kind === 'hook' && claimed.row.hash !== null) return keep(claimed);
  const about = { release, step: key, attempt };
  const step = await findHook(ctx.db, workspace, about);
  // Over meanwhile: done by a callback, failed by hand, given up in time.
  if (!step?.webhook) return keep(claimed);
  const { title, webhook, startedAt } = step;
  const asked: HookAbout = { workspace, ...about, release: props, title, webhook, startedAt };
  const answer: HookAnswer = (await (kind === 'hook' ? ctx.hooks?.call(asked) : ctx.hooks?.poll(asked))) ?? {
    kind: 'refused',
    note: 'webhooks are not set up here: there is no SECRET_KEY',
  };
  switch (answer.kind) {
    case 'later':
      return { again: Math.min(60_000, 2_000 * 2 ** Math.min(claimed.row.attempts, 5)) };
    case 'accepted':
      if (kind === 'poll') return { again: pollMs };
      if (step.webhook.poll_url !== undefined)
        await alsoStale(projector, workspace, [surfaceKey({ ...about, kind: 'poll' })]);
      break;
    case 'result':
    case 'refused':
      await run(
        ctx,
        stepResultCommand,
        { ...about, ...resultOf(answer) },
        { workspace, actor: { kind: 'system' }, id: `${claimed.row.key}:${answer.kind}` },
      );
  }
  return { channel: null, ts: null, hash: hashOf(answer.kind), wrote: true };
}

/** How often somebody is asked who does not call back. */
const pollMs = 15_000;

function resultOf(answer: Extract<HookAnswer, { kind: 'result' | 'refused' }>) {
  const note = answer.note.slice(0, 1000);
  return answer.kind === 'result' ? { result: answer.result, note } : { result: 'failed' as const, note };
}

/** Archives the room once its record is in it. */
export async function archive(projector: Projector, claimed: Claim, channel: string, release: number): Promise<Shown> {
  try {
    await projector.client.conversations.archive({ channel });
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind !== 'refused') throw error;
    if (!['already_archived', 'channel_not_found'].includes(failure.error))
      await bar(projector, claimed.row.workspace, release, 'archive', failure.error);
  }
  return { channel, ts: null, hash: null, wrote: true };
}

async function bar(
  projector: Projector,
  workspace: string,
  release: number,
  what: 'create' | 'archive' | 'unarchive',
  why: string,
): Promise<void> {
  const input = { release, what, why: why.replaceAll('_', ' ').slice(0, 100) };
  await run(projector.ctx, barRoomCommand, input, bySystem(projector.ctx, workspace, what));
}

/** What Slack showed is news each time: no two of these commands are the same. */
function bySystem(ctx: Ctx, workspace: string, what: string) {
  return { workspace, actor: { kind: 'system' } as const, id: `${what}:${ctx.newId()}` };
}
