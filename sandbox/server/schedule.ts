import { fail, type Methods, postable, readContent } from './reply.ts';
import { isMember } from './show.ts';
import { addMessage, changed, newId, now, type Scheduled, type World } from './world.ts';

/* Messages that are posted later, on the workspace's clock. */

const farthest = 120 * 86_400;

export const schedule: Methods = {
  'chat.scheduleMessage': {
    scopes: ['chat:write'],
    tier: 3,
    required: ['channel', 'post_at'],
    run: (world, args) => {
      const channel = postable(world, args.channel);
      if (typeof channel === 'string') return fail(channel);
      const at = Number(args.post_at);
      const seconds = now(world) / 1000;
      if (!Number.isInteger(at)) return fail('invalid_time');
      if (at <= seconds) return fail('time_in_past');
      if (at > seconds + farthest) return fail('time_too_far');
      const near = [...world.scheduled.values()].filter(
        (one) => one.channel === channel.id && Math.floor(one.at / 300) === Math.floor(at / 300),
      );
      if (near.length >= 30) return fail('restricted_too_many');
      const content = readContent(world, args);
      if ('error' in content) return content.error;
      const one: Scheduled = {
        id: newId(world, 'Q'),
        channel: channel.id,
        at,
        created: Math.floor(seconds),
        content: content.content,
        ...(args.thread_ts === undefined ? {} : { thread: String(args.thread_ts) }),
        lost: args.metadata !== undefined,
      };
      world.scheduled.set(one.id, one);
      return {
        ok: true,
        channel: channel.id,
        scheduled_message_id: one.id,
        post_at: at,
        message: { type: 'delayed_message', ...one.content, user: world.state.app.botUser },
      };
    },
  },
  'chat.deleteScheduledMessage': {
    scopes: ['chat:write'],
    tier: 3,
    required: ['channel', 'scheduled_message_id'],
    run: (world, args) => {
      const one = world.scheduled.get(String(args.scheduled_message_id));
      if (one?.channel !== args.channel) return fail('invalid_scheduled_message_id');
      world.scheduled.delete(one?.id ?? '');
      return { ok: true };
    },
  },
  'chat.scheduledMessages.list': {
    scopes: [],
    tier: 3,
    run: (world, args) => ({
      ok: true,
      scheduled_messages: [...world.scheduled.values()]
        .filter((one) => args.channel === undefined || one.channel === args.channel)
        .map((one) => ({
          id: one.id,
          channel_id: one.channel,
          post_at: one.at,
          date_created: one.created,
          text: one.content.text,
        })),
      response_metadata: { next_cursor: '' },
    }),
  },
};

/** Posts what is due whenever the clock moves, and once a second. Returns how to stop. */
export function watchSchedule(world: World): () => void {
  const post = () => {
    for (const one of [...world.scheduled.values()].sort((a, b) => a.at - b.at)) {
      if (one.at * 1000 > now(world)) continue;
      world.scheduled.delete(one.id);
      const channel = world.state.channels[one.channel];
      if (!channel || channel.is_archived || one.lost) continue;
      if (!isMember(world, channel) && !world.manifest.scopes.includes('chat:write.public')) continue;
      const { app } = world.state;
      addMessage(world, one.channel, {
        user: app.botUser,
        bot_id: app.botId,
        app_id: app.id,
        ...one.content,
        ...(one.thread ? { thread_ts: one.thread } : {}),
      });
      changed(world);
    }
  };
  const timer = setInterval(post, 1_000).unref();
  world.changes.on('clock', post);
  return () => {
    clearInterval(timer);
    world.changes.off('clock', post);
  };
}
