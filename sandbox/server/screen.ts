import type { Delivery } from './deliver.ts';
import type { Manifest } from './manifest.ts';
import { showMessage } from './show.ts';
import type { Block, Channel, Message, Policy, State, User, View } from './state.ts';
import type { Fault, Guide, LogEntry, Notice, World } from './world.ts';

/*
 * What the page shows, as a flat list of named values: `channel/C1` or `as/U1/message/C1/1700000000.000100`.
 * A connection is told of the names whose values changed, and of nothing else.
 */

export type ShownFile = {
  readonly id: string;
  readonly mode: string;
  readonly title: string;
  readonly name: string;
  readonly pretty_type: string;
  readonly mimetype: string;
  readonly size: number;
  readonly url_private: string;
  readonly url_private_download: string;
};
export type ShownMessage = Omit<Message, 'files' | 'metadata' | 'response_id' | 'blocks'> & {
  readonly files?: readonly ShownFile[];
  readonly blocks?: readonly Block[];
};
/** A channel without its messages. `last` is the ts of the newest of them, '' without any. */
export type ShownChannel = Omit<Channel, 'previous_names'> & { readonly last: string };

/** Name → type of its value, with `as/USER/` before what belongs to one person. */
export type Shared = {
  team: State['team'];
  app: State['app'];
  connected: boolean;
  /** Milliseconds that the workspace's clock is ahead of this machine's. */
  offset: number;
  commands: Manifest['commands'];
  shortcuts: Manifest['shortcuts'];
  policy: Policy;
  faults: readonly (Fault & { readonly method: string })[];
  /** Events are switched off. */
  unsubscribed: boolean;
  guide: Guide | null;
  home_tab: boolean;
};
export type Patch = readonly (readonly [key: string, value: unknown])[];

export type Mirror = {
  /** What changed since the last call; null as a value: it is gone. */
  readonly next: (delivery: Delivery, people: readonly string[]) => string | undefined;
};

/** Remembers what a connection was told, as JSON. */
export function createMirror(world: World): Mirror {
  let told = new Map<string, string>();
  return {
    next: (delivery, people) => {
      const now = new Map<string, string>();
      for (const [key, json] of entries(world, delivery, people)) now.set(key, json);
      const parts: string[] = [];
      for (const [key, json] of now) if (told.get(key) !== json) parts.push(`[${JSON.stringify(key)},${json}]`);
      for (const key of told.keys()) if (!now.has(key)) parts.push(`[${JSON.stringify(key)},null]`);
      told = now;
      return parts.length > 0 ? `[${parts.join(',')}]` : undefined;
    },
  };
}

function* entries(world: World, delivery: Delivery, people: readonly string[]): Generator<[string, string]> {
  const { state } = world;
  const shared: Shared = {
    team: state.team,
    app: state.app,
    connected: delivery.connections() > 0 || delivery.requestUrl !== undefined,
    offset: state.clockOffsetMs,
    commands: world.manifest.commands,
    shortcuts: world.manifest.shortcuts,
    policy: world.policy,
    faults: [...world.faults].flatMap(([method, all]) =>
      all.filter((one) => one.times > 0).map((one) => ({ method, ...one })),
    ),
    unsubscribed: world.unsubscribed,
    guide: world.guide,
    home_tab: world.manifest.homeTab,
  };
  for (const [key, value] of Object.entries(shared)) yield [key, JSON.stringify(value)];
  for (const user of Object.values(state.users)) yield [`user/${user.id}`, JSON.stringify(user satisfies User)];
  for (const { id, handle, name } of Object.values(state.usergroups))
    yield [`group/${id}`, JSON.stringify({ id, handle, name })];
  for (const entry of world.log) yield [`log/${entry.n}`, JSON.stringify(entry satisfies LogEntry)];
  for (const id of people) yield* seenBy(world, id);
}

function* seenBy(world: World, id: string): Generator<[string, string]> {
  const { state } = world;
  for (const channel of Object.values(state.channels)) {
    if (!sees(world, channel, id)) continue;
    const all = state.messages[channel.id] ?? [];
    const own = world.ephemerals.get(`${channel.id}:${id}`) ?? [];
    const last = all.at(-1)?.ts ?? '';
    const { previous_names: _names, ...rest } = channel;
    yield [`as/${id}/channel/${channel.id}`, JSON.stringify({ ...rest, last } satisfies ShownChannel)];
    for (const message of all) yield [`as/${id}/message/${channel.id}/${message.ts}`, jsonOf(world, message)];
    for (const message of own) yield [`as/${id}/message/${channel.id}/${message.ts}`, jsonOf(world, message)];
  }
  for (const view of world.views.values())
    if (view.user === id) yield [`as/${id}/view/${view.id}`, JSON.stringify(view satisfies View)];
  const home = state.homes[id];
  if (home) yield [`as/${id}/home`, JSON.stringify(home)];
  for (const notice of world.notices.get(id) ?? [])
    yield [`as/${id}/notice/${notice.n}`, JSON.stringify(notice satisfies Notice)];
}

/** What one person sees, in one piece: for clients that ask once. */
export function screenOf(world: World, id: string): Record<string, unknown> {
  const seen = [...seenBy(world, id)].map(([key, json]) => [key.split('/').slice(2), JSON.parse(json)] as const);
  const all = (kind: string) => seen.filter(([[one]]) => one === kind).map(([, value]) => value);
  return {
    me: id,
    channels: all('channel').map((channel) => ({
      ...channel,
      messages: seen.filter(([[kind, where]]) => kind === 'message' && where === channel.id).map(([, value]) => value),
    })),
    views: all('view'),
    home: all('home')[0] ?? null,
    notices: all('notice'),
  };
}

/** Members see a channel; everybody but strangers sees a public one. */
export function sees(world: World, channel: Channel, id: string): boolean {
  return channel.members.includes(id) || (!channel.is_private && !world.state.users[id]?.is_stranger);
}

/** Message → how it was shown, and what it was then. Most messages never change again. */
const shownBefore = new WeakMap<Message, { readonly mark: string; readonly blocks: unknown; readonly json: string }>();

function jsonOf(world: World, message: Message): string {
  const mark = message.files ? undefined : markOf(message);
  const before = shownBefore.get(message);
  if (before && before.mark === mark && before.blocks === message.blocks) return before.json;
  const shown = {
    ...showMessage(world, message, false),
    ...(message.ephemeral_to ? { ephemeral_to: message.ephemeral_to } : {}),
  };
  const json = JSON.stringify(shown);
  if (mark !== undefined) shownBefore.set(message, { mark, blocks: message.blocks, json });
  return json;
}

/** Everything of a message that may change but its blocks, which are replaced as a whole, and its files. */
function markOf({ text, subtype, edited, pinned_info, reactions, attachments }: Message): string {
  const reacted = reactions?.map((one) => `${one.name} ${one.users}`).join() ?? '';
  const unfurled = attachments ? JSON.stringify(attachments) : '';
  return [subtype, edited?.ts, pinned_info?.pinned_ts, reacted, unfurled, text].join('\n');
}
