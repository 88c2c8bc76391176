import type { Channel } from './state.ts';
import type { World } from './world.ts';

/*
 * Who hears of what. An event reaches the app when the manifest subscribes to it, a scope lets the app see it, and,
 * for what goes on inside a channel, the app's bot is a member there.
 */

type Rule = {
  /** Any of these will do; where it depends on the channel, first public, then private. */
  readonly scopes: readonly string[] | { readonly open: readonly string[]; readonly closed: readonly string[] };
  readonly member: boolean;
};

const reads = { open: ['channels:read'], closed: ['groups:read'] };
const rules: Readonly<Record<string, Rule>> = {
  app_mention: { scopes: ['app_mentions:read'], member: true },
  link_shared: { scopes: ['links:read'], member: false },
  user_change: { scopes: ['users:read'], member: false },
  team_join: { scopes: ['users:read'], member: false },
  subteam_updated: { scopes: ['usergroups:read'], member: false },
  subteam_members_changed: { scopes: ['usergroups:read'], member: false },
  pin_added: { scopes: ['pins:read'], member: true },
  pin_removed: { scopes: ['pins:read'], member: true },
  reaction_added: { scopes: ['reactions:read'], member: true },
  reaction_removed: { scopes: ['reactions:read'], member: true },
  file_shared: { scopes: ['files:read'], member: true },
  file_deleted: { scopes: ['files:read'], member: false },
  // The bot itself is told of its own joining; of its own leaving only by channel_left and group_left.
  member_joined_channel: { scopes: reads, member: true },
  member_left_channel: { scopes: reads, member: true },
  channel_left: { scopes: ['channels:read'], member: false },
  group_left: { scopes: ['groups:read'], member: false },
  // What happens to a public channel concerns the whole workspace; a private one only those inside.
  channel_created: { scopes: ['channels:read'], member: false },
  channel_rename: { scopes: ['channels:read'], member: false },
  channel_archive: { scopes: ['channels:read'], member: false },
  channel_unarchive: { scopes: ['channels:read'], member: false },
  channel_deleted: { scopes: ['channels:read'], member: false },
  group_rename: { scopes: ['groups:read'], member: true },
  group_archive: { scopes: ['groups:read'], member: true },
  group_unarchive: { scopes: ['groups:read'], member: true },
  group_deleted: { scopes: ['groups:read'], member: true },
  message: { scopes: [], member: true },
};

const messageKinds = {
  channel: { event: 'message.channels', scope: 'channels:history' },
  group: { event: 'message.groups', scope: 'groups:history' },
  im: { event: 'message.im', scope: 'im:history' },
} as const;

export function hears(world: World, event: Readonly<Record<string, unknown>>): boolean {
  const { events, scopes } = world.manifest;
  const type = String(event.type);
  const channel = channelOf(world, event);
  const rule = rules[type];
  if (rule?.member && channel && !channel.members.includes(world.state.app.botUser)) return false;
  if (type === 'message') {
    const kind = messageKinds[kindOf(channel)];
    return events.includes(kind.event) && scopes.includes(kind.scope);
  }
  if (!events.includes(type)) return false;
  if (!rule) return true;
  const needed = 'open' in rule.scopes ? rule.scopes[channel?.is_private ? 'closed' : 'open'] : rule.scopes;
  return needed.some((scope) => scopes.includes(scope));
}

/** `channel_type` of message events. */
export function kindOf(channel: Channel | undefined): keyof typeof messageKinds {
  if (channel?.is_im) return 'im';
  return channel?.is_private ? 'group' : 'channel';
}

export function channelOf(world: World, event: Readonly<Record<string, unknown>>): Channel | undefined {
  const { channel, channel_id, item } = event as {
    channel?: unknown;
    channel_id?: string;
    item?: { channel?: string };
  };
  const id = channel_id ?? item?.channel ?? (typeof channel === 'string' ? channel : (channel as { id?: string })?.id);
  return world.state.channels[id ?? ''];
}
