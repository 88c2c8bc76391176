import { kindOf } from './events.ts';
import { showItem, showMessage } from './show.ts';
import type { Block, Channel, Message } from './state.ts';
import { addMessage, announce, changed, messagesOf, nextTs, now, type World, withBlockIds } from './world.ts';

/* What happens in channels, whoever does it: the state changes, the channel is told, and the events go out. */

export function pin(world: World, channel: Channel, message: Message, by: string): void {
  channel.pins.push(message.ts);
  message.pinned_to = [channel.id];
  message.pinned_info = { channel: channel.id, pinned_by: by, pinned_ts: seconds(world) };
  announce(world, { type: 'pin_added', user: by, ...pinned(world, channel, message) });
  changed(world);
}

export function unpin(world: World, channel: Channel, message: Message, by: string): void {
  const shown = pinned(world, channel, message);
  channel.pins = channel.pins.filter((ts) => ts !== message.ts);
  delete message.pinned_to;
  delete message.pinned_info;
  announce(world, {
    type: 'pin_removed',
    user: by,
    ...shown,
    pin_count: String(channel.pins.length),
    has_pins: channel.pins.length > 0,
  });
  changed(world);
}

/** A pinned message as pins.list and the events show it. */
export function pinItem(world: World, channel: Channel, message: Message): Record<string, unknown> {
  return {
    type: 'message',
    channel: channel.id,
    // Pins of states saved by earlier versions know no more than where they are.
    created: message.pinned_info?.pinned_ts ?? channel.created,
    created_by: message.pinned_info?.pinned_by ?? world.state.app.botUser,
    message: showItem(world, channel, message),
  };
}

function pinned(world: World, channel: Channel, message: Message): Record<string, unknown> {
  return {
    channel_id: channel.id,
    item: pinItem(world, channel, message),
    item_user: message.user,
    pin_count: String(channel.pins.length),
    pinned_info: message.pinned_info,
  };
}

export function react(world: World, channel: Channel, message: Message, name: string, by: string): void {
  message.reactions ??= [];
  const found = message.reactions.find((one) => one.name === name);
  if (found) {
    found.users.push(by);
    found.count++;
  } else message.reactions.push({ name, users: [by], count: 1 });
  reacted(world, 'reaction_added', channel, message, name, by);
}

export function unreact(world: World, channel: Channel, message: Message, name: string, by: string): void {
  const left = (message.reactions ?? [])
    .map((one) => {
      const users = one.name === name ? one.users.filter((id) => id !== by) : one.users;
      return { ...one, users, count: users.length };
    })
    .filter((one) => one.count > 0);
  if (left.length > 0) message.reactions = left;
  else delete message.reactions;
  reacted(world, 'reaction_removed', channel, message, name, by);
}

function reacted(world: World, type: string, channel: Channel, message: Message, name: string, by: string): void {
  announce(world, {
    type,
    user: by,
    reaction: name,
    item: { type: 'message', channel: channel.id, ts: message.ts },
    item_user: message.user,
  });
  changed(world);
}

/** What keeps somebody from reacting so, in Slack's words. */
export function reactionProblem(message: Message, name: string, by: string): string | undefined {
  const all = message.reactions ?? [];
  if (!/^[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?$/.test(name)) return 'invalid_name';
  if (all.some((one) => one.name === name && one.users.includes(by))) return 'already_reacted';
  if (all.filter((one) => one.users.includes(by)).length >= 23) return 'too_many_reactions';
  if (all.length >= 50 && !all.some((one) => one.name === name)) return 'too_many_emoji';
  return undefined;
}

export function edit(
  world: World,
  channel: Channel,
  message: Message,
  content: { text: string; blocks?: Block[]; metadata?: NonNullable<Message['metadata']> },
  by: string,
): void {
  const previous = showMessage(world, message, false);
  message.text = content.text;
  if (content.blocks) message.blocks = withBlockIds(content.blocks);
  if (content.metadata) message.metadata = content.metadata;
  message.edited = { user: by, ts: nextTs(world) };
  messageChanged(world, channel, message, previous);
}

/** A message with replies leaves a tombstone that holds its thread together; any other is gone. */
export function remove(world: World, channel: Channel, message: Message): void {
  const all = messagesOf(world, channel.id);
  const previous = showMessage(world, message, false);
  if (channel.pins.includes(message.ts)) channel.pins = channel.pins.filter((ts) => ts !== message.ts);
  if (all.some((one) => one.thread_ts === message.ts && one.ts !== message.ts)) {
    const { ts } = message;
    for (const key of Object.keys(message)) delete (message as Record<string, unknown>)[key];
    Object.assign(message, {
      type: 'message',
      subtype: 'tombstone',
      ts,
      thread_ts: ts,
      user: 'USLACKBOT',
      text: 'This message was deleted.',
      hidden: true,
    });
    messageChanged(world, channel, message, previous);
    return;
  }
  all.splice(all.indexOf(message), 1);
  announce(world, {
    type: 'message',
    subtype: 'message_deleted',
    hidden: true,
    channel: channel.id,
    channel_type: kindOf(channel),
    ts: nextTs(world),
    deleted_ts: message.ts,
    previous_message: previous,
  });
  changed(world);
}

export function messageChanged(
  world: World,
  channel: Channel,
  message: Message,
  previous: Record<string, unknown>,
): void {
  announce(world, {
    type: 'message',
    subtype: 'message_changed',
    hidden: true,
    channel: channel.id,
    channel_type: kindOf(channel),
    ts: nextTs(world),
    message: showMessage(world, message, false),
    previous_message: previous,
  });
  changed(world);
}

export function join(world: World, channel: Channel, user: string, inviter?: string): void {
  if (channel.members.includes(user)) return;
  channel.members.push(user);
  addMessage(world, channel.id, {
    subtype: 'channel_join',
    user,
    text: `<@${user}> has joined the channel`,
    ...(inviter ? { inviter } : {}),
  });
  announceJoin(world, channel, user, inviter);
}

export function announceJoin(world: World, channel: Channel, user: string, inviter?: string): void {
  announce(world, {
    type: 'member_joined_channel',
    ...membership(world, channel, user),
    ...(inviter ? { inviter } : {}),
  });
}

/** Somebody goes; `by` is who sent them away, when they did not go by themselves. */
export function leave(world: World, channel: Channel, user: string, by: string = user): void {
  channel.members = channel.members.filter((id) => id !== user);
  addMessage(world, channel.id, { subtype: 'channel_leave', user, text: `<@${user}> has left the channel` });
  announce(world, { type: 'member_left_channel', ...membership(world, channel, user) });
  if (user === world.state.app.botUser)
    announce(world, { type: `${word(channel)}_left`, channel: channel.id, actor_id: by });
  changed(world);
}

function membership(world: World, channel: Channel, user: string): Record<string, unknown> {
  return {
    user,
    channel: channel.id,
    channel_type: channel.is_private ? 'G' : 'C',
    team: world.state.users[user]?.team_id ?? world.state.team.id,
  };
}

export function rename(world: World, channel: Channel, name: string, by: string): void {
  const old = channel.name;
  channel.previous_names = [old, ...(channel.previous_names ?? [])];
  channel.name = name;
  addMessage(world, channel.id, {
    subtype: 'channel_name',
    user: by,
    old_name: old,
    name,
    text: `<@${by}> has renamed the channel from "${old}" to "${name}"`,
  });
  announce(world, {
    type: `${word(channel)}_rename`,
    channel: {
      id: channel.id,
      name,
      name_normalized: name,
      created: channel.created,
      is_channel: !channel.is_private,
      is_mpim: false,
    },
  });
  changed(world);
}

/** An archived private channel keeps its members; an archived public one loses all of them, the app's bot too. */
export function archive(world: World, channel: Channel, by: string): void {
  addMessage(world, channel.id, {
    subtype: 'channel_archive',
    user: by,
    text: `<@${by}> archived the channel`,
  });
  channel.is_archived = true;
  announce(world, { type: `${word(channel)}_archive`, channel: channel.id, user: by, is_moved: 0 });
  if (!channel.is_private) channel.members = [];
  changed(world);
}

/** Only a person can: whoever does it is in the channel afterwards. */
export function unarchive(world: World, channel: Channel, by: string): void {
  channel.is_archived = false;
  if (!channel.members.includes(by)) channel.members.push(by);
  addMessage(world, channel.id, { subtype: 'channel_unarchive', user: by, text: `<@${by}> unarchived the channel` });
  announce(world, {
    type: `${word(channel)}_unarchive`,
    channel: channel.id,
    ...(channel.is_private ? { actor_id: by } : { user: by }),
  });
  changed(world);
}

export function destroy(world: World, channel: Channel, by: string): void {
  announce(world, {
    type: `${word(channel)}_deleted`,
    channel: channel.id,
    actor_id: by,
    ...(channel.is_private ? { date_deleted: seconds(world) } : {}),
  });
  delete world.state.channels[channel.id];
  delete world.state.messages[channel.id];
  changed(world);
}

export function announceCreated(world: World, channel: Channel): void {
  if (channel.is_private) return;
  announce(world, {
    type: 'channel_created',
    channel: {
      id: channel.id,
      name: channel.name,
      name_normalized: channel.name,
      created: channel.created,
      creator: channel.creator,
      context_team_id: world.state.team.id,
      is_channel: true,
      is_group: false,
      is_im: false,
      is_mpim: false,
      is_private: false,
      is_archived: false,
      is_general: false,
      is_shared: false,
      is_ext_shared: false,
      is_org_shared: false,
      is_pending_ext_shared: false,
      is_frozen: false,
    },
  });
}

/** System messages cannot be pinned, edited or deleted. */
export function isPlain(message: Message): boolean {
  return message.subtype === undefined || message.subtype === 'file_share';
}

export function nameProblem(world: World, name: string): string | undefined {
  if (name === '') return 'invalid_name_required';
  if (name.length > 80) return 'invalid_name_maxlength';
  if (/^[-_]+$/.test(name)) return 'invalid_name_punctuation';
  if (!/^[a-z0-9_-]+$/.test(name)) return 'invalid_name_specials';
  // Archived and private channels keep their names, also from those who cannot see them.
  return Object.values(world.state.channels).some(
    (channel) =>
      channel.name === name && !channel.is_im && (!channel.is_archived || world.unconfirmed.archivedNameTaken),
  )
    ? 'name_taken'
    : undefined;
}

/** What keeps somebody from being invited, in Slack's words. */
export function inviteProblem(world: World, channel: Channel, id: string, by: string): string | undefined {
  const user = world.state.users[id];
  if (!user) return 'user_not_found';
  if (id === by) return 'cant_invite_self';
  if (user.deleted) return 'user_disabled';
  if (channel.members.includes(id)) return 'already_in_channel';
  if (user.is_stranger) return 'no_external_invite_permission';
  if (user.is_ultra_restricted) return 'ura_max_channels';
  if (user.is_restricted) return 'user_is_restricted';
  return undefined;
}

function word(channel: Channel): 'channel' | 'group' {
  return channel.is_private ? 'group' : 'channel';
}

function seconds(world: World): number {
  return Math.floor(now(world) / 1000);
}
