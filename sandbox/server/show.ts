import type { Bookmark, Channel, Message, StoredFile, User } from './state.ts';
import type { World } from './world.ts';

/* What Slack shows of what is stored: shapes only, nothing changes here. */

export function showUser(user: User): Record<string, unknown> {
  return {
    id: user.id,
    team_id: user.team_id,
    name: user.name,
    real_name: user.real_name,
    deleted: user.deleted,
    tz: user.tz,
    is_bot: user.is_bot,
    is_restricted: user.is_restricted,
    is_ultra_restricted: user.is_ultra_restricted,
    ...(user.is_stranger ? { is_stranger: true } : {}),
    profile: {
      real_name: user.real_name,
      display_name: user.name,
      title: user.title,
      status_text: user.status_text ?? '',
      status_emoji: user.status_emoji ?? '',
      status_expiration: user.status_expiration ?? 0,
    },
  };
}

export function showMessage(world: World, message: Message, withMetadata: boolean): Record<string, unknown> {
  const { metadata, ephemeral_to: _to, response_id: _id, files, ...rest } = message;
  return {
    ...rest,
    ...(files ? { files: files.map((id) => showFileOf(world, id)) } : {}),
    ...(withMetadata && metadata ? { metadata } : {}),
  };
}

/** A message where Slack hands out the whole of it away from its channel: pins and reactions. */
export function showItem(world: World, channel: Channel, message: Message): Record<string, unknown> {
  return {
    ...showMessage(world, message, false),
    team: world.state.team.id,
    permalink: permalink(world, channel.id, message.ts),
  };
}

export function permalink(world: World, channel: string, ts: string): string {
  return `${world.origin}/#${channel}/${ts}`;
}

export function showChannel(world: World, channel: Channel): Record<string, unknown> {
  return {
    id: channel.id,
    name: channel.name,
    name_normalized: channel.name,
    previous_names: channel.previous_names ?? [],
    is_channel: !channel.is_private,
    is_group: channel.is_private && !channel.is_im,
    is_private: channel.is_private,
    is_im: channel.is_im,
    is_mpim: false,
    is_archived: channel.is_archived,
    is_general: channel.is_general,
    is_shared: channel.shared_with !== undefined,
    is_ext_shared: channel.shared_with !== undefined,
    is_member: isMember(world, channel),
    creator: channel.creator,
    created: channel.created,
    topic: { value: channel.topic },
    purpose: { value: channel.purpose },
    num_members: channel.members.length,
  };
}

export function showBookmark(world: World, channel: Channel, bookmark: Bookmark): Record<string, unknown> {
  const emoji = bookmark.emoji ?? '';
  return {
    id: bookmark.id,
    channel_id: channel.id,
    title: bookmark.title,
    link: bookmark.link,
    emoji,
    icon_url: null,
    type: 'link',
    entity_id: null,
    date_created: bookmark.date_created ?? channel.created,
    date_updated: bookmark.date_updated ?? 0,
    rank: String(channel.bookmarks.indexOf(bookmark)),
    last_updated_by_user_id: bookmark.last_updated_by_user_id ?? world.state.app.botUser,
    last_updated_by_team_id: world.state.team.id,
    shortcut_id: null,
    app_id: null,
  };
}

/** What is left of a deleted file in the messages that showed it. */
function showFileOf(world: World, id: string): Record<string, unknown> {
  const file = world.state.files[id];
  return file && file.stage !== 'deleted' ? showFile(world, file) : { id, mode: 'tombstone' };
}

/** The id of a file, from either of the addresses that it has. */
export function fileAt(path: string): string | undefined {
  return /\/files-pri\/[^/]+-([^/-]+)\//.exec(path)?.[1] ?? /\/files\/[^/]+\/([^/]+)/.exec(path)?.[1];
}

export function showFile(world: World, file: StoredFile): Record<string, unknown> {
  const path = `${world.origin}/files-pri/${world.state.team.id}-${file.id}`;
  const name = encodeURIComponent(file.name);
  const kind = (id: string) => {
    const channel = world.state.channels[id];
    return channel?.is_im ? 'ims' : channel?.is_private ? 'groups' : 'channels';
  };
  const sharedIn = (wanted: string) =>
    file.shares.filter((one) => kind(one.channel) === wanted).map((one) => one.channel);
  const shares = (wanted: readonly string[]) =>
    Object.fromEntries(
      file.shares
        .filter((one) => wanted.includes(kind(one.channel)))
        .map(({ channel, ...one }) => [
          channel,
          [{ ...one, channel_name: world.state.channels[channel]?.name ?? '', team_id: world.state.team.id }],
        ]),
    );
  return {
    id: file.id,
    created: file.created,
    timestamp: file.created,
    name: file.name,
    title: file.title,
    ...(file.alt_txt === undefined ? {} : { alt_txt: file.alt_txt }),
    mimetype: file.mimetype,
    filetype: file.filetype,
    pretty_type: file.filetype.toUpperCase(),
    user: file.user,
    user_team: world.state.team.id,
    editable: false,
    size: file.size,
    mode: 'hosted',
    is_external: false,
    external_type: '',
    is_public: sharedIn('channels').length > 0,
    public_url_shared: false,
    display_as_bot: false,
    username: '',
    url_private: `${path}/${name}`,
    url_private_download: `${path}/download/${name}`,
    permalink: `${world.origin}/files/${file.user}/${file.id}/${name}`,
    is_starred: false,
    has_rich_preview: false,
    file_access: 'visible',
    channels: sharedIn('channels'),
    groups: sharedIn('groups'),
    ims: sharedIn('ims'),
    shares: { public: shares(['channels']), private: shares(['groups', 'ims']) },
  };
}

export function isMember(world: World, channel: Channel): boolean {
  return channel.members.includes(world.state.app.botUser);
}
