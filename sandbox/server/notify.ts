import type { Message } from './state.ts';
import { messagesOf, type Notice, now, type World } from './world.ts';

/*
 * Who is notified of a message: so that noise is seen. A direct message notifies, a mention, a mention of one's group,
 * a broadcast, and a reply in a thread that one takes part in. Edits notify nobody.
 */

const kept = 100;
let count = 0;

export function watchNotices(world: World): void {
  world.changes.on('message', (channel: string, message: Message) => {
    for (const [user, why] of notified(world, channel, message)) {
      const all = world.notices.get(user) ?? [];
      all.push({
        n: count++,
        at: now(world),
        channel,
        ts: message.ts,
        from: message.user,
        why,
        text: message.text.slice(0, 200),
      });
      world.notices.set(user, all.slice(-kept));
    }
  });
}

function notified(world: World, id: string, message: Message): Map<string, Notice['why']> {
  const found = new Map<string, Notice['why']>();
  const channel = world.state.channels[id];
  // Joining, leaving, topics: such messages are quiet.
  if (!channel || (message.subtype && message.subtype !== 'file_share')) return found;
  const add = (user: string, why: Notice['why']) => {
    const person = world.state.users[user];
    if (!person || person.is_bot || person.deleted || user === message.user || found.has(user)) return;
    if (channel.members.includes(user)) found.set(user, why);
  };
  const said = `${message.text} ${message.blocks ? JSON.stringify(message.blocks) : ''}`;
  for (const [, user] of said.matchAll(/<@(\w+)/g)) add(user as string, 'mention');
  for (const [, user] of said.matchAll(/"user_id":"(\w+)"/g)) add(user as string, 'mention');
  for (const [, group] of said.matchAll(/(?:<!subteam\^|"usergroup_id":")(\w+)/g))
    for (const user of world.state.usergroups[group as string]?.users ?? []) add(user, 'group');
  if (/<!(channel|here|everyone)|"type":"broadcast"/.test(said))
    for (const user of channel.members) add(user, 'broadcast');
  if (channel.is_im) for (const user of channel.members) add(user, 'direct');
  if (message.thread_ts !== undefined)
    for (const one of messagesOf(world, id))
      if (one.ts === message.thread_ts || one.thread_ts === message.thread_ts) add(one.user, 'thread');
  return found;
}
