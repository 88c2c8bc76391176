import type { WebClient } from '@slack/web-api';
import type { Parsed, Said, Verb } from '../commands/command.ts';
import { findVerb } from '../commands/index.ts';
import type { Ctx } from '../ctx.ts';
import { type Audience, may } from '../domain/access.ts';
import type { Refusal } from '../domain/decision.ts';
import { readLine, takeRelease } from '../domain/line.ts';
import { needNothing, type Person } from '../domain/person.ts';
import { openReleasesOf } from '../store/read.ts';
import { releaseAt } from '../store/room.ts';
import { findChannel } from './channel.ts';

export type Typed = {
  readonly workspace: string;
  readonly person: string;
  readonly channel: string;
  /** The message that it answers. */
  readonly thread?: string | undefined;
  readonly text: string;
};
type Meaning = Parsed | { readonly do: 'refuse'; readonly refusal: Refusal };
export type Understood = Meaning & {
  readonly verb: Verb | undefined;
  /** IANA zone of the person, for what Slack cannot localise. */
  readonly zone: string;
};

/** From typed words to what they mean: verb, then target, then the verb's own parsing. */
export async function understand(ctx: Ctx, client: WebClient, typed: Typed): Promise<Understood> {
  const admitted = await admit(ctx, typed.workspace, typed.person, 'anyone');
  if (!admitted.ok) return { do: 'refuse', refusal: admitted.refusal, verb: undefined, zone: 'UTC' };
  const { zone } = admitted.person;
  return { ...(await parsed(ctx, client, typed, zone)), zone };
}

async function parsed(
  ctx: Ctx,
  client: WebClient,
  typed: Typed,
  zone: string,
): Promise<Meaning & { verb: Verb | undefined }> {
  const { workspace, person } = typed;

  const [first = '', ...others] = typed.text.trim().split(/\s+/);
  if (first === '') {
    const room = await releaseAt(ctx.db, workspace, typed.channel, typed.thread);
    return {
      do: 'answer',
      question: room === undefined ? { ask: 'panel' } : { ask: 'show', release: room },
      verb: undefined,
    };
  }
  const found = findVerb(first);
  if (!('verb' in found))
    return { do: 'usage', problem: { code: 'unknown_verb', typed: first, nearest: found.nearest }, verb: undefined };
  const { verb } = found;
  const rest = typed.text.trim().slice(first.length).trim();
  const said: Said = { person, channel: typed.channel, fallbackChannel: null, zone, now: ctx.now() };
  if (!verb.target) {
    const fallbackChannel = verb.needsHome ? await fallbackFor(client, typed.channel) : null;
    return { ...verb.parse(readLine(rest), { ...said, fallbackChannel }), verb };
  }
  const named = takeTarget(rest, others, verb.ownNumbers === true);
  const here = named.release ?? (await releaseAt(ctx.db, workspace, typed.channel, typed.thread));
  if (verb.target === 'maybe') return { ...verb.parse(readLine(named.rest), said, here), verb };
  const target = here ?? (await onlyOpen(ctx, workspace, person));
  if (typeof target !== 'number') return { do: 'refuse', refusal: { code: 'which_release', open: target }, verb };
  return { ...verb.parse(readLine(named.rest), said, target), verb };
}

const identityMaxAgeMs = 5 * 60_000;

/** Who this is, and whether they may look (`anyone`) or ask for a form (`members`). What is changed is judged in run(). */
export async function admit(
  ctx: Ctx,
  workspace: string,
  person: string,
  audience: Audience,
): Promise<{ readonly ok: true; readonly person: Person } | { readonly ok: false; readonly refusal: Refusal }> {
  const { people } = await ctx.directory.lookup(workspace, { ...needNothing, people: [person] }, identityMaxAgeMs);
  const who = people[person];
  if (!who) throw new Error('the directory left out whom it was asked for');
  const refused = may(audience, who);
  return refused ? { ok: false, refusal: refused } : { ok: true, person: who };
}

/** The release may stand first or, in a short line as `room take REL-4 lead`, anywhere. */
function takeTarget(
  rest: string,
  words: readonly string[],
  ownNumbers: boolean,
): { release: number | undefined; rest: string } {
  const front = ownNumbers && !/^rel-/i.test(words[0] ?? '') ? { release: undefined } : takeRelease(words);
  if (front.release !== undefined) return { release: front.release, rest: rest.slice((words[0] ?? '').length).trim() };
  // In a longer line it is part of a sentence.
  const at = words.length <= 4 ? words.findIndex((word) => /^rel-\d+$/i.test(word)) : -1;
  if (at < 0) return { release: undefined, rest };
  return {
    release: takeRelease([words[at] as string]).release,
    rest: words.filter((_word, index) => index !== at).join(' '),
  };
}

async function onlyOpen(ctx: Ctx, workspace: string, person: string): Promise<number | number[]> {
  const open = await openReleasesOf(ctx.db, workspace, person);
  return open.length === 1 ? (open[0] as number) : open;
}

/** A card may live where it was asked for; asked in a direct message, in #releases if we are there. */
export async function fallbackFor(client: WebClient, channel: string): Promise<string | null> {
  if (/^[CG]/.test(channel)) return channel;
  return (
    (await findChannel(client, 'public_channel', (one) => one.name === 'releases' && one.is_member === true)) ?? null
  );
}
