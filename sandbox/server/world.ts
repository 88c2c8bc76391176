import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Manifest } from './manifest.ts';
import {
  type Block,
  type Channel,
  type Message,
  type Policy,
  type State,
  seedState,
  upgradeState,
  type View,
} from './state.ts';

/** Something that real Slack would have punished, or that its users would have noticed. */
export type Violation = { readonly at: number; readonly what: string; readonly detail: string };

/**
 * What to do to the next calls of a method. `lost` applies the effect and cuts the connection
 * instead of answering; `dropped`, for `files.share`, answers well and then shares nothing, as Slack sometimes does.
 */
export type Fault = {
  readonly kind: 'ratelimited' | 'error500' | 'lost' | 'hang' | 'dropped';
  times: number;
  readonly retryAfter?: number;
};

/**
 * Stands between a call and its effect, and may hold it there. Uploads come as `upload`, with their `ticket`. `drop`: the
 * call had no effect; `lose`: it had one; of neither its caller ever hears.
 */
export type Intercept = (call: {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The name by which the caller knows this workspace. */
  readonly host: string;
}) => Promise<'pass' | 'drop' | 'lose'>;

export type Trigger = { readonly user: string; readonly expires: number; used: boolean };
export type ResponseUrl = {
  readonly user: string;
  readonly channel: string;
  readonly ts: string | null;
  readonly expires: number;
  uses: number;
};

/** The living workspace: its state, its clock, and what is only true while it runs. */
export type World = {
  readonly state: State;
  readonly manifest: Manifest;
  /** Part of the state. */
  readonly policy: Policy;
  readonly tokens: { readonly bot: string; readonly app: string; readonly signingSecret: string };
  readonly views: Map<string, View>;
  readonly triggers: Map<string, Trigger>;
  readonly responses: Map<string, ResponseUrl>;
  readonly ephemerals: Map<string, Message[]>;
  readonly faults: Map<string, Fault[]>;
  readonly violations: Violation[];
  readonly calls: { readonly method: string; readonly at: number; readonly error: string | null }[];
  readonly changes: EventEmitter;
  /** Off in tests that are not about limits. */
  readonly enforceLimits: boolean;
  /** Set by tests that stop the app in the middle of a call. */
  intercept: Intercept | undefined;
  origin: string;
};

export type WorldOptions = {
  readonly seedFile: string;
  readonly manifest: Manifest;
  readonly snapshotFile?: string;
  readonly enforceLimits?: boolean;
};

export function createWorld(options: WorldOptions): World {
  const saved = options.snapshotFile ? readSnapshot(options.snapshotFile) : undefined;
  const state = saved ? upgradeState(saved.state) : seedState(options.seedFile, options.manifest.name);
  const world: World = {
    state,
    manifest: options.manifest,
    policy: state.policy,
    // Made to look unlike real ones: a real token has digits after xoxb-.
    tokens: saved?.tokens ?? {
      bot: `xoxb-sandbox-${randomBytes(9).toString('hex')}`,
      app: `xapp-sandbox-${randomBytes(9).toString('hex')}`,
      signingSecret: randomBytes(16).toString('hex'),
    },
    views: new Map(),
    triggers: new Map(),
    responses: new Map(),
    ephemerals: new Map(),
    faults: new Map(),
    violations: [],
    calls: [],
    changes: new EventEmitter().setMaxListeners(0),
    enforceLimits: options.enforceLimits ?? true,
    intercept: undefined,
    origin: '',
  };
  if (options.snapshotFile) keepSnapshot(world, options.snapshotFile);
  return world;
}

/** Milliseconds on the workspace's own clock. */
export function now(world: World): number {
  return Date.now() + world.state.clockOffsetMs;
}

export function changed(world: World): void {
  world.changes.emit('change');
}

/** Something happened that apps may hear of; deliver.ts knows which do. */
export function announce(world: World, event: Readonly<Record<string, unknown>>): void {
  world.changes.emit('event', { ...event, event_ts: event.event_ts ?? nextTs(world) });
}

export function moveClock(world: World, byMs: number): void {
  world.state.clockOffsetMs += byMs;
  world.changes.emit('clock');
  changed(world);
}

/** Strictly increasing, unique in the whole workspace: "1700000000.000100". */
export function nextTs(world: World): string {
  const { state } = world;
  state.lastTs = Math.max(state.lastTs + 100, Math.floor(now(world)) * 1000);
  return `${Math.floor(state.lastTs / 1_000_000)}.${String(state.lastTs % 1_000_000).padStart(6, '0')}`;
}

export function newId(world: World, letter: string): string {
  return `${letter}${(world.state.nextId++).toString(36).toUpperCase().padStart(8, '0')}`;
}

export function violate(world: World, what: string, detail: string): void {
  world.violations.push({ at: now(world), what, detail });
  changed(world);
}

export function findChannel(world: World, ref: unknown): Channel | undefined {
  const text = String(ref ?? '');
  return (
    world.state.channels[text] ??
    Object.values(world.state.channels).find((channel) => `#${channel.name}` === text && !channel.is_im)
  );
}

export function messagesOf(world: World, channel: string): Message[] {
  world.state.messages[channel] ??= [];
  return world.state.messages[channel];
}

/** The app's direct message with a person, made when it is first needed. */
export function directMessage(world: World, user: string): Channel {
  const found = Object.values(world.state.channels).find((channel) => channel.is_im && channel.user === user);
  if (found) return found;
  const id = `D${user.slice(1)}`;
  const channel: Channel = {
    id,
    name: `dm-${user}`,
    is_private: true,
    is_im: true,
    user,
    is_archived: false,
    is_general: false,
    creator: world.state.app.botUser,
    created: Math.floor(now(world) / 1000),
    members: [user, world.state.app.botUser],
    topic: '',
    purpose: '',
    pins: [],
    bookmarks: [],
  };
  world.state.channels[id] = channel;
  return channel;
}

export function addMessage(world: World, channel: string, message: Omit<Message, 'type' | 'ts'>): Message {
  const full: Message = { type: 'message', ts: nextTs(world), ...message };
  if (full.blocks) full.blocks = withBlockIds(full.blocks);
  messagesOf(world, channel).push(full);
  world.changes.emit('message', channel, full);
  changed(world);
  return full;
}

export function addEphemeral(
  world: World,
  channel: string,
  user: string,
  message: { text: string; blocks?: Block[]; thread_ts?: string },
): Message {
  const full: Message = {
    type: 'message',
    ts: nextTs(world),
    user: world.state.app.botUser,
    bot_id: world.state.app.botId,
    app_id: world.state.app.id,
    ephemeral_to: user,
    ...message,
  };
  if (full.blocks) full.blocks = withBlockIds(full.blocks);
  const key = `${channel}:${user}`;
  const all = world.ephemerals.get(key) ?? [];
  all.push(full);
  world.ephemerals.set(key, all.slice(-50));
  changed(world);
  return full;
}

let blockCounter = 0;

/** Slack names blocks that the app left unnamed. */
export function withBlockIds(blocks: readonly Block[]): Block[] {
  return blocks.map((block) => ({ ...block, block_id: block.block_id ?? `b${(blockCounter++).toString(36)}` }));
}

export function takeFault(world: World, method: string): Fault | undefined {
  const fault =
    world.faults.get(method)?.find((one) => one.times > 0) ?? world.faults.get('*')?.find((one) => one.times > 0);
  if (fault) fault.times--;
  return fault;
}

type Snapshot = { state: State; tokens: World['tokens'] };

function readSnapshot(file: string): Snapshot | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as Snapshot;
  } catch {
    throw new Error(`${file} is damaged. Delete it to begin with a new local workspace.`);
  }
}

/** Writes the state soon after each change and at the latest when the process ends. */
function keepSnapshot(world: World, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    writeFileSync(`${file}.new`, JSON.stringify({ state: world.state, tokens: world.tokens } satisfies Snapshot));
    renameSync(`${file}.new`, file);
  };
  world.changes.on('change', () => {
    timer ??= setTimeout(save, 100);
  });
  process.once('exit', () => {
    if (timer) save();
  });
}
