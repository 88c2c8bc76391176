import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Patch, Shared, ShownChannel, ShownMessage } from '../server/screen.ts';
import type { User, View } from '../server/state.ts';
import type { LogEntry, Notice } from '../server/world.ts';

/* What the server told this page, and what the page asks of it. */

export type Group = { readonly id: string; readonly handle: string; readonly name: string };
/** What one person sees. */
export type Screen = {
  readonly channels: Readonly<Record<string, ShownChannel>>;
  /** channel → messages in ts order, ephemeral ones among them */
  readonly messages: Readonly<Record<string, readonly ShownMessage[]>>;
  /** Open modals, the topmost last. */
  readonly views: readonly View[];
  readonly home: View | null;
  readonly notices: readonly Notice[];
};
export type State = Shared & {
  readonly ready: boolean;
  readonly users: Readonly<Record<string, User>>;
  readonly groups: Readonly<Record<string, Group>>;
  readonly log: readonly LogEntry[];
  readonly screens: Readonly<Record<string, Screen>>;
};

const nobody: Screen = { channels: {}, messages: {}, views: [], home: null, notices: [] };
const empty: State = {
  ready: false,
  team: { id: '', name: '', domain: '' },
  app: { id: '', botId: '', botUser: '', name: '' },
  connected: true,
  offset: 0,
  commands: [],
  shortcuts: [],
  policy: {
    channelCreation: 'everyone',
    privateChannelCreation: 'everyone',
    archiving: 'everyone',
    removing: 'everyone',
  },
  faults: [],
  unsubscribed: false,
  guide: null,
  home_tab: false,
  users: {},
  groups: {},
  log: [],
  screens: {},
};

let state = empty;
/** When this page was opened, on the workspace's clock: ephemeral messages from before are gone, as after any reload. */
let openedAt = 0;
const listeners = new Set<() => void>();
let people: readonly string[] = [];
let socket: WebSocket | undefined;
/** A connection begins with everything: what a former one told is dropped when the new one speaks. */
let fresh = true;

export function useStore(): State {
  return useSyncExternalStore(listen, () => state);
}

/** What hardly ever changes. Messages look at this alone, so that a patch draws again only what it is about. */
export type Steady = Pick<State, 'team' | 'app' | 'users' | 'groups' | 'shortcuts' | 'offset'>;
let steady: Steady = empty;

export function useSteady(): Steady {
  return useSyncExternalStore(listen, () => {
    const keys = ['team', 'app', 'users', 'groups', 'shortcuts', 'offset'] as const;
    if (keys.some((key) => steady[key] !== state[key])) steady = state;
    return steady;
  });
}

/** The channels that somebody sees. */
export function useChannels(me: string): Screen['channels'] {
  return useSyncExternalStore(listen, () => (state.screens[me] ?? nobody).channels);
}

/** The name of a channel, for who sees it. */
export function useChannelName(me: string, id: string): string | undefined {
  return useSyncExternalStore(listen, () => state.screens[me]?.channels[id]?.name);
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The page shows these people from now on. */
export function follow(wanted: readonly string[]): void {
  if (wanted.join() === people.join()) return;
  people = wanted;
  connect();
}

function connect(): void {
  const old = socket;
  const query = [...new Set(people)].map((id) => `as=${encodeURIComponent(id)}`).join('&');
  const ws = new WebSocket(`ws://${location.host}/_control/live?${query}`);
  socket = ws;
  fresh = true;
  ws.onmessage = ({ data }) => {
    if (socket !== ws) return;
    apply(JSON.parse(String(data)) as Patch);
  };
  ws.onclose = () => {
    if (socket !== ws) return;
    state = { ...state, connected: false };
    emit();
    setTimeout(() => socket === ws && connect(), 1_000);
  };
  old?.close();
}

function emit(): void {
  for (const listener of listeners) listener();
}

function apply(patch: Patch): void {
  const base = fresh ? { ...empty, ready: true } : state;
  if (openedAt === 0) openedAt = Date.now() + Number(patch.find(([key]) => key === 'offset')?.[1] ?? 0);
  const next: Record<string, unknown> = { ...base };
  // What a patch does not name stays the very same object.
  const named = new Set(patch.map(([key]) => key.split('/', 1)[0]));
  const users = named.has('user') ? { ...base.users } : base.users;
  const groups = named.has('group') ? { ...base.groups } : base.groups;
  const log = named.has('log') ? new Map(base.log.map((one) => [String(one.n), one])) : undefined;
  const screens: Record<string, Screen> = { ...base.screens };
  /** Per person: what changed in messages, keyed by channel, then ts. */
  const messages = new Map<string, Map<string, [ts: string, value: ShownMessage | null][]>>();
  for (const [key, value] of patch) {
    const [head = '', id = '', kind = '', one = '', ts = ''] = key.split('/');
    if (head === 'user') put(users as Record<string, User>, id, value);
    else if (head === 'group') put(groups as Record<string, Group>, id, value);
    else if (head === 'log') {
      if (value === null) log?.delete(id);
      else log?.set(id, value as LogEntry);
    } else if (head !== 'as') next[head] = value;
    else {
      const screen = screens[id] ?? nobody;
      if (kind === 'message') {
        const mine = messages.get(id) ?? new Map();
        messages.set(id, mine);
        mine.set(one, [...(mine.get(one) ?? []), [ts, value as ShownMessage | null]]);
        screens[id] = screen;
      } else screens[id] = { ...screen, ...changedPart(screen, kind, one, value) };
    }
  }
  for (const [id, byChannel] of messages) {
    const screen = screens[id] ?? nobody;
    const all = { ...screen.messages };
    for (const [channel, changes] of byChannel) all[channel] = merged(all[channel] ?? [], changes);
    screens[id] = { ...screen, messages: all };
  }
  const entries = log ? [...log.values()].sort((a, b) => a.n - b.n) : base.log;
  state = { ...(next as State), users, groups, screens, log: entries };
  fresh = false;
  emit();
}

function put<T>(into: Record<string, T>, key: string, value: unknown): void {
  if (value === null) delete into[key];
  else into[key] = value as T;
}

function changedPart(screen: Screen, kind: string, id: string, value: unknown): Partial<Screen> {
  switch (kind) {
    case 'channel': {
      const channels = { ...screen.channels };
      put(channels, id, value);
      return { channels };
    }
    case 'view': {
      const found = screen.views.findIndex((view) => view.id === id);
      const views = [...screen.views];
      if (value === null) views.splice(found, found < 0 ? 0 : 1);
      else if (found < 0) views.push(value as View);
      else views[found] = value as View;
      return { views };
    }
    case 'notice': {
      const rest = screen.notices.filter((one) => String(one.n) !== id);
      return { notices: value === null ? rest : [...rest, value as Notice].sort((a, b) => a.n - b.n) };
    }
    case 'home':
      return { home: value as View | null };
    default:
      return {};
  }
}

function merged(
  old: readonly ShownMessage[],
  changes: readonly [ts: string, value: ShownMessage | null][],
): readonly ShownMessage[] {
  const byTs = new Map(old.map((message) => [message.ts, message]));
  let sorted = true;
  let last = old.at(-1)?.ts ?? '';
  for (const [ts, value] of changes) {
    if (value === null) byTs.delete(ts);
    else if (!value.ephemeral_to || Number(ts) * 1000 >= openedAt) {
      if (!byTs.has(ts) && ts < last) sorted = false;
      if (ts > last) last = ts;
      byTs.set(ts, value);
    }
  }
  const all = [...byTs.values()];
  return sorted ? all : all.sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

export type Answer = { readonly ok?: boolean; readonly error?: string; readonly [key: string]: unknown };

/** Asks the workspace for something; what it refuses, it refuses in a sentence. */
export async function post(what: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
  try {
    const response = await fetch(`/_control/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Answer;
  } catch {
    return { ok: false, error: 'The local workspace does not answer.' };
  }
}

export async function upload(as: string, file: File): Promise<Answer> {
  const response = await fetch(`/_control/uploads?as=${as}&name=${encodeURIComponent(file.name)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: file,
  });
  return (await response.json()) as Answer;
}

/** Who acts in this part of the page, and what the rest of it offers them. */
export type Pane = {
  readonly me: string;
  /** Opens a channel, 'home', or a message in a channel. */
  readonly go: (channel: string, ts?: string) => void;
  readonly openThread: (channel: string, ts: string) => void;
  /** Says something in the pane's status line: also to a screen reader. */
  readonly say: (text: string) => void;
  /** Asks before something is done; resolves to what was answered. */
  readonly ask: (question: Question) => Promise<string | null>;
};
export type Question = {
  readonly title: string;
  readonly text?: string;
  /** A line to fill in, with what is in it at first. */
  readonly input?: { readonly label: string; readonly value: string };
  readonly yes: string;
  readonly no: string;
  readonly danger?: boolean;
};

export const PaneContext = createContext<Pane | undefined>(undefined);
export function usePane(): Pane {
  const pane = useContext(PaneContext);
  if (!pane) throw new Error('outside of a pane');
  return pane;
}

export function nameOf(all: Pick<State, 'users'>, id: string): string {
  const user = all.users[id];
  return user ? user.real_name : id === 'USLACKBOT' ? 'Workspace' : id;
}

/** Milliseconds on the workspace's clock. */
export function clockNow(all: State): number {
  return Date.now() + all.offset;
}
