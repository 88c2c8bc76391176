import type { WebClient } from '@slack/web-api';
import { flightRecord, peopleOf } from '../../blocks/flight.ts';
import type { View } from '../../blocks/kit.ts';
import { recordHtml, recordJson } from '../../blocks/record.ts';
import { refusal } from '../../blocks/refusal.ts';
import type { Ctx } from '../ctx.ts';
import { mayRun } from '../domain/access.ts';
import { releaseKey } from '../domain/release.ts';
import { roomNeeds } from '../domain/step.ts';
import { readerOf } from '../store/calendar.ts';
import { findRelease } from '../store/facts.ts';
import { findFlight } from '../store/flight.ts';
import { beginFirstWrite, type Claim } from '../store/ledger.ts';
import { roomCast } from '../store/room.ts';
import { failureOf, leaseMs } from './client.ts';
import { admit } from './line.ts';
import { keep, type Projector, type Shown } from './message.ts';
import { lookAtKept } from './war-room.ts';

/*
 * The flight record of a release as files: one page for people, and its data.
 */
type Files = { readonly name: string; readonly files: { file: Buffer; filename: string; title: string }[] };

/** `suffix` makes the names of one upload its own. Undefined: there is no such release. */
async function filesOf(ctx: Ctx, workspace: string, release: number, suffix: string): Promise<Files | undefined> {
  const props = await findFlight(ctx.db, workspace, release);
  if (!props) return undefined;
  const needs = { people: peopleOf(props), usergroups: [], channels: [] };
  const { people } = await ctx.directory.lookup(workspace, needs, 24 * 60 * 60_000);
  const record = flightRecord(props, { now: ctx.now(), people });
  const name = `${releaseKey(release).toLowerCase()}-record${suffix}`;
  const title = `Record of ${releaseKey(release)}`;
  return {
    name,
    files: [
      { file: Buffer.from(recordHtml(record)), filename: `${name}.html`, title },
      { file: Buffer.from(recordJson(record)), filename: `${name}.json`, title: `${title}, as data` },
    ],
  };
}

/** Puts the record into its war room, once per event that asked for it. */
export async function sendRecord(
  projector: Projector,
  claimed: Claim,
  channel: string,
  release: number,
  event: string,
): Promise<Shown> {
  const { ctx, client } = projector;
  const { workspace, unclear_since, hash } = claimed.row;
  const made = await filesOf(ctx, workspace, release, `-${event.slice(0, 8)}`);
  if (!made || hash !== null) return keep(claimed);
  const shown = () => appears(client, channel, `${made.name}.html`);
  // A first try may have left the files behind.
  if (unclear_since === null || !(await shown())) {
    await projector.pace.ahead('files.getUploadURLExternal', {});
    await beginFirstWrite(ctx.db, claimed, leaseMs);
    const initial_comment = `Everything that is recorded of ${releaseKey(release)}: one page, and its data.`;
    await client.filesUploadV2({ channel_id: channel, file_uploads: made.files, initial_comment });
    if (!(await shown())) throw new Error('Slack took the record and does not show it yet');
  }
  return { channel, ts: null, hash: made.name, wrote: true };
}

/** Slack shows a file a moment after it was taken, and in an archived channel never. */
const sharedWithinMs = 4_000;

/** Is a file with this name in the channel, or will it be in a moment? */
export async function appears(client: WebClient, channel: string, filename: string): Promise<boolean> {
  const until = Date.now() + sharedWithinMs;
  for (;;) {
    const { files } = await client.files.list({ channel, count: 100 });
    if (files?.some((one) => one.name === filename)) return true;
    if (Date.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Sends somebody the whole record as files, in a direct message. */
export async function sendExport(
  ctx: Ctx,
  client: WebClient,
  { workspace, person, zone }: { readonly workspace: string; readonly person: string; readonly zone: string },
  release: number,
): Promise<View> {
  const admitted = await admit(ctx, workspace, person, 'members');
  if (!admitted.ok) return refusal(admitted.refusal, zone);
  const facts = await findRelease(readerOf(ctx.db), { workspace, actor: person, now: ctx.now() }, release);
  const channel = facts?.release.roomChannel ?? null;
  // What was said in a private room is for those who are in it, and for those who run the release.
  if (facts && channel !== null && !mayRun(facts.release, person, facts.roles)) {
    const { isPrivate } = await roomCast(ctx.db, workspace, release);
    const { channels } = await ctx.directory.lookup(workspace, roomNeeds(facts), 5_000);
    if (isPrivate && !channels[channel]?.includes(person))
      return refusal({ code: 'not_in_room', release, channel }, zone);
  }
  await lookAtKept({ ctx, client }, workspace, release);
  const made = await filesOf(ctx, workspace, release, '');
  if (!made) return refusal({ code: 'not_found', what: 'release', name: releaseKey(release) }, zone);
  try {
    const { channel: direct } = await client.conversations.open({ users: person });
    await client.filesUploadV2({
      channel_id: direct?.id ?? '',
      file_uploads: made.files,
      initial_comment: `Everything that is recorded of ${releaseKey(release)}: one page, and its data.`,
    });
  } catch (error) {
    return notTaken(error, 'files');
  }
  return { text: `The record of ${releaseKey(release)} is in your messages with me.`, blocks: [] };
}

/** What somebody is told whose files Slack did not take; throws when nobody knows whether it did. */
export function notTaken(error: unknown, what: 'files' | 'pictures'): View {
  const failure = failureOf(error);
  if (failure.kind === 'unclear') throw error;
  const why = failure.kind === 'later' ? 'it is busy' : failure.error.replaceAll('_', ' ');
  return { text: `Slack did not take the ${what} (${why}). Nothing was sent; ask again in a minute.`, blocks: [] };
}
