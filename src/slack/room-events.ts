import type { App } from '@slack/bolt';
import { refusal } from '../../blocks/refusal.ts';
import { catchUp } from '../../blocks/room.ts';
import { call } from '../commands/command.ts';
import { captureCommand } from '../commands/room.ts';
import { surfaceKey } from '../domain/surface.ts';
import type { CaptureInput } from '../domain/timeline.ts';
import type { Outcome } from '../run.ts';
import { markStale } from '../store/ledger.ts';
import { loadWorkspace } from '../store/read.ts';
import { loadRoomProps, releaseAt, timelineEmoji } from '../store/room.ts';
import { linkTo } from './channel.ts';
import type { Door } from './click.ts';
import { admit } from './line.ts';
import { type Found, messageAt } from './war-room.ts';

/** Whoever comes into a room this long after it opened missed something. */
const lateMs = 2 * 60_000;

/** What people do in war rooms besides clicking: they pin, react, come in, and archive the channel by hand. */
export function watchRooms(app: App, { ctx, client, workspace, perform, guarded }: Door): void {
  app.event('pin_added', async ({ event }) => {
    const { botUser } = await loadWorkspace(ctx.db, workspace);
    const { user, channel_id: channel, item } = event;
    const ts = (item as { message?: { ts?: string } }).message?.ts;
    if (user !== botUser && ts) await keepMessage({ source: 'pin', person: user, channel, ts });
  });
  app.event('reaction_added', async ({ event }) => {
    const { botUser } = await loadWorkspace(ctx.db, workspace);
    if (event.item.type !== 'message' || event.user === botUser) return;
    // A skin tone is no other emoji.
    if (event.reaction.split('::')[0] !== (await timelineEmoji(ctx.db, workspace))) return;
    const { channel, ts } = event.item;
    await keepMessage({ source: 'emoji', person: event.user, channel, ts });
  });
  app.shortcut('add_to_timeline', async ({ shortcut, ack, respond }) => {
    await ack();
    if (shortcut.type !== 'message_action') return;
    const { message, channel, user } = shortcut;
    const said: Found = {
      text: String(message.text ?? '').slice(0, 4000),
      author: message.user ?? String(message.bot_id ?? ''),
      thread: typeof message.thread_ts === 'string' ? message.thread_ts : undefined,
    };
    const view = await guarded(async () => {
      const admitted = await admit(ctx, workspace, user.id, 'members');
      if (!admitted.ok) return refusal(admitted.refusal, 'UTC');
      const about = { source: 'shortcut', person: user.id, channel: channel.id, ts: message.ts } as const;
      const kept = await keepMessage(about, said);
      if (kept?.ok) return { text: '📌 It is in the record, with its own time and author.', blocks: [] };
      return refusal(kept?.refusal ?? { code: 'no_room_here' }, admitted.person.zone);
    });
    await respond({ response_type: 'ephemeral', replace_original: false, ...view });
  });
  app.event('member_joined_channel', async ({ event }) => {
    const { botUser } = await loadWorkspace(ctx.db, workspace);
    if (event.user === botUser) {
      // Rooms are made by ourselves, and public channels joined: only somebody's invitation is answered.
      if (event.inviter === undefined || event.inviter === botUser) return;
      const key = surfaceKey({ kind: 'hello', channel: event.channel });
      await markStale(ctx.db, workspace, [key], ctx.now());
      ctx.wake(workspace, [key]);
      return;
    }
    const release = await releaseAt(ctx.db, workspace, event.channel, undefined);
    if (release === undefined) return;
    const props = await loadRoomProps(ctx.db, workspace, release);
    const isLate = props.openedAt !== null && ctx.now().getTime() - props.openedAt.getTime() > lateMs;
    if (event.inviter === botUser && !isLate) return;
    await client.chat.postEphemeral({ channel: event.channel, user: event.user, ...catchUp(props) });
  });
  for (const gone of ['channel_archive', 'group_archive', 'channel_deleted', 'group_deleted'] as const)
    app.event(gone, async ({ event }) => {
      const release = await releaseAt(ctx.db, workspace, event.channel, undefined);
      if (release === undefined) return;
      const { room, archivedAt } = (await loadRoomProps(ctx.db, workspace, release)).release;
      if (room !== 'open' || archivedAt) return;
      // Whatever is still to come needs a place.
      const keys = (['room', 'header', 'checklist', 'topic', 'purpose', 'bookmarks'] as const).map((kind) =>
        surfaceKey({ kind, release }),
      );
      await markStale(ctx.db, workspace, keys, ctx.now());
      ctx.wake(workspace, keys);
    });

  /** Undefined: no release's room is here. */
  async function keepMessage(
    about: { source: CaptureInput['source']; person: string; channel: string; ts: string },
    given?: Found,
  ): Promise<Outcome | undefined> {
    const { source, person, channel, ts } = about;
    const said = given ?? (await messageAt(client, channel, ts));
    if (typeof said === 'string') return undefined;
    const release = await releaseAt(ctx.db, workspace, channel, said.thread ?? ts);
    if (release === undefined) return undefined;
    const { author, text } = said;
    const kept = call(captureCommand, {
      release,
      source,
      channel,
      ts,
      author,
      text,
      permalink: await linkTo(client, channel, ts),
    });
    return perform(kept, `capture:${channel}:${ts}:${source}:${person}`, { kind: 'person', id: person });
  }
}
