import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/* What a Slack workspace consists of, as plain data: everything here can be written to a file and read back. */

export type User = {
  id: string;
  team_id: string;
  name: string;
  real_name: string;
  title: string;
  tz: string;
  is_bot: boolean;
  is_restricted: boolean;
  is_ultra_restricted: boolean;
  is_stranger: boolean;
  deleted: boolean;
  status_text?: string;
  status_emoji?: string;
  /** Seconds; 0: does not end. */
  status_expiration?: number;
};

export type Channel = {
  id: string;
  name: string;
  is_private: boolean;
  is_im: boolean;
  /** The person on the other side of an app's direct message. */
  user: string | null;
  is_archived: boolean;
  is_general: boolean;
  creator: string;
  created: number;
  members: string[];
  topic: string;
  purpose: string;
  pins: string[];
  bookmarks: Bookmark[];
  previous_names?: string[];
  /** Shared with this other organisation (Slack Connect). */
  shared_with?: string;
};

export type Bookmark = {
  id: string;
  title: string;
  link: string;
  emoji?: string;
  date_created?: number;
  date_updated?: number;
  last_updated_by_user_id?: string;
};

export type Message = {
  type: 'message';
  subtype?: string;
  ts: string;
  user: string;
  bot_id?: string;
  app_id?: string;
  text: string;
  blocks?: Block[];
  thread_ts?: string;
  reply_broadcast?: boolean;
  metadata?: { event_type: string; event_payload: Record<string, unknown> };
  edited?: { user: string; ts: string };
  reactions?: { name: string; users: string[]; count: number }[];
  pinned_to?: string[];
  pinned_info?: { channel: string; pinned_by: string; pinned_ts: number };
  /** Ids; what is shown of them is made when they are shown. */
  files?: string[];
  upload?: boolean;
  /** What an app showed of the links in it. */
  attachments?: Attachment[];
  inviter?: string;
  name?: string;
  old_name?: string;
  hidden?: boolean;
  /** Only this person sees it; it is in no history. */
  ephemeral_to?: string;
  response_id?: string;
};

/** A link, unfurled. */
export type Attachment = {
  id: number;
  from_url: string;
  app_unfurl_url: string;
  is_app_unfurl: true;
  bot_id: string;
  app_id: string;
  fallback: string;
  blocks?: Block[];
  title?: string;
  text?: string;
};

// Blocks are checked by blocks.ts; everybody else passes them on.
export type Block = { type: string; block_id?: string; [key: string]: unknown };

export type View = {
  id: string;
  user: string;
  type: 'modal' | 'home';
  callback_id: string;
  external_id: string;
  private_metadata: string;
  title?: unknown;
  submit?: unknown;
  close?: unknown;
  blocks: Block[];
  hash: string;
  root_view_id: string;
  previous_view_id: string | null;
  clear_on_close: boolean;
  notify_on_close: boolean;
  /** What is typed into its inputs: block_id → action_id → state value. */
  values: Record<string, Record<string, StateValue>>;
  /** Errors under inputs: block_id → text. */
  errors: Record<string, string>;
};
export type StateValue = { type: string; [key: string]: unknown };

export type Usergroup = { id: string; handle: string; name: string; users: string[] };

export type StoredFile = {
  id: string;
  name: string;
  title: string;
  /** What a picture says to those who do not see it. */
  alt_txt?: string;
  mimetype: string;
  filetype: string;
  /** What the app said it would send. */
  size: number;
  user: string;
  created: number;
  /** Whoever knows the ticket may send the bytes, once. */
  ticket: string;
  stage: 'awaited' | 'sent' | 'complete' | 'deleted';
  /** base64, so that it survives in the saved state. */
  content: string;
  shares: { channel: string; ts: string; thread_ts?: string }[];
};

export type Canvas = {
  id: string;
  /** Whose canvas it is; null: nobody's. */
  channel: string | null;
  title: string;
  sections: { id: string; text: string }[];
};

/** What the workspace's administrators left to everybody. */
export type Policy = {
  channelCreation: 'everyone' | 'admins';
  privateChannelCreation: 'everyone' | 'admins';
  archiving: 'everyone' | 'admins';
  removing: 'everyone' | 'admins';
};

export const openPolicy: Policy = {
  channelCreation: 'everyone',
  privateChannelCreation: 'everyone',
  archiving: 'everyone',
  removing: 'everyone',
};

export type State = {
  team: { id: string; name: string; domain: string };
  app: { id: string; botId: string; botUser: string; name: string };
  users: Record<string, User>;
  channels: Record<string, Channel>;
  usergroups: Record<string, Usergroup>;
  /** channel id → messages in ts order */
  messages: Record<string, Message[]>;
  homes: Record<string, View>;
  files: Record<string, StoredFile>;
  canvases: Record<string, Canvas>;
  policy: Policy;
  clockOffsetMs: number;
  lastTs: number;
  nextId: number;
  /** How many steps of the guide are done, and what the last of them found. */
  guided: number;
  guideFound: string;
};

export type Seed = {
  team: State['team'];
  users: (Partial<User> & { id: string; name: string })[];
  channels: {
    id: string;
    name: string;
    private?: boolean;
    members?: string[];
    general?: boolean;
    shared_with?: string;
    topic?: string;
    bookmarks?: { title: string; link: string }[];
  }[];
  usergroups?: Usergroup[];
  /** What was said before the workspace opened, oldest first. */
  history?: {
    channel: string;
    user: string;
    /** Minutes. */
    ago: number;
    text: string;
    /** `ago` of the message that this one answers. */
    thread?: number;
    /** emoji → who */
    reactions?: Record<string, string[]>;
    pinned?: boolean;
  }[];
  guide: readonly Step[];
};

export function readSeed(file: string): Seed {
  const seed = parse(readFileSync(file, 'utf8')) as Seed;
  return { ...seed, guide: seed.guide ?? [] };
}

export type Deed =
  | { readonly types: string }
  | { readonly waits: string }
  | { readonly opens: string }
  | { readonly picks: Readonly<Record<string, string>> }
  | { readonly fills: Readonly<Record<string, Record<string, unknown>>> }
  | { readonly submits: true }
  /** Takes the page to a channel with such a name. */
  | { readonly looks: string }
  | { readonly clicks: string; readonly about?: string }
  /** `+90m`, or `found`: to the moment that was waited for; either with an offset. It never goes back. */
  | { readonly clock: string };

export type Step = {
  readonly title: string;
  readonly text: string;
  readonly button: string;
  /** Who acts, and where. */
  readonly as: string;
  readonly where: string;
  readonly do: readonly Deed[];
};

/** A new workspace from a seed in YAML. The app's bot user is added to it. */
export function seedState(seed: Seed, appName: string, lived: boolean): State {
  const app = { id: 'A0MAITRED', botId: 'B0MAITRED', botUser: 'U0MAITRED', name: appName.toLowerCase() };
  const users: Record<string, User> = {};
  for (const user of seed.users) users[user.id] = { ...blankUser(seed.team.id), real_name: user.name, ...user };
  users[app.botUser] = {
    ...blankUser(seed.team.id),
    id: app.botUser,
    name: app.name,
    real_name: appName,
    is_bot: true,
  };
  const everybody = Object.values(users).filter(
    (user) => !user.is_stranger && !user.is_ultra_restricted && !user.is_bot,
  );
  const channels: Record<string, Channel> = {};
  for (const channel of seed.channels) {
    channels[channel.id] = {
      ...blankChannel(channel.id, channel.name),
      is_private: channel.private ?? false,
      is_general: channel.general ?? false,
      creator: seed.users[0]?.id ?? '',
      members: channel.members ?? everybody.map((user) => user.id),
      topic: channel.topic ?? '',
      ...(channel.shared_with ? { shared_with: channel.shared_with } : {}),
      bookmarks: (channel.bookmarks ?? []).map((one, index) => ({ id: `Bk${channel.id}${index}`, ...one })),
    };
  }
  const said = lived ? history(seed, channels, Date.now()) : { messages: {}, lastTs: 0 };
  return {
    team: seed.team,
    app,
    users,
    channels,
    usergroups: Object.fromEntries((seed.usergroups ?? []).map((group) => [group.id, group])),
    messages: said.messages,
    homes: {},
    files: {},
    canvases: {},
    policy: { ...openPolicy },
    clockOffsetMs: 0,
    lastTs: said.lastTs,
    nextId: 1,
    guided: 0,
    guideFound: '',
  };
}

function history(
  seed: Seed,
  channels: Record<string, Channel>,
  now: number,
): { messages: State['messages']; lastTs: number } {
  const messages: State['messages'] = {};
  let lastTs = 0;
  const tsOf = (ago: number) => `${Math.floor(now / 1000 - ago * 60)}.000100`;
  for (const { channel, user, ago, text, thread, reactions, pinned } of seed.history ?? []) {
    const ts = tsOf(ago);
    messages[channel] ??= [];
    messages[channel].push({
      type: 'message',
      ts,
      user,
      text,
      ...(thread === undefined ? {} : { thread_ts: tsOf(thread) }),
      ...(reactions
        ? { reactions: Object.entries(reactions).map(([name, users]) => ({ name, users, count: users.length })) }
        : {}),
    });
    if (pinned) channels[channel]?.pins.push(ts);
    lastTs = Math.max(lastTs, Number(ts) * 1_000_000);
  }
  return { messages, lastTs };
}

/** A state that an earlier version saved, with what has come since. */
export function upgradeState(saved: State): State {
  return {
    ...saved,
    files: saved.files ?? {},
    canvases: saved.canvases ?? {},
    policy: { ...openPolicy, ...saved.policy },
    guided: saved.guided ?? 0,
    guideFound: saved.guideFound ?? '',
  };
}

export function blankChannel(id: string, name: string): Channel {
  return {
    id,
    name,
    is_private: false,
    is_im: false,
    user: null,
    is_archived: false,
    is_general: false,
    creator: '',
    created: 0,
    members: [],
    topic: '',
    purpose: '',
    pins: [],
    bookmarks: [],
  };
}

function blankUser(team: string): User {
  return {
    id: '',
    team_id: team,
    name: '',
    real_name: '',
    title: '',
    tz: 'UTC',
    is_bot: false,
    is_restricted: false,
    is_ultra_restricted: false,
    is_stranger: false,
    deleted: false,
  };
}
