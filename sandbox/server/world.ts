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
  readSeed,
  type Seed,
  type State,
  type Step,
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
  readonly kind:
    | ('ratelimited' | 'ratelimited_silent' | 'error500' | 'error503' | 'bad_json' | 'lost' | 'hang' | 'dropped')
    | ('duplicate' | 'duplicate_new_id' | 'reorder' | 'delay' | 'lost_ack');
  times: number;
  readonly retryAfter?: number;
};

/** One line of the transcript: what the app asked for, what it was sent, what was wrong. */
export type LogEntry = {
  readonly n: number;
  readonly at: number;
  readonly kind: 'call' | 'sent' | 'violation' | 'control';
  readonly what: string;
  readonly detail: string;
  readonly bad: boolean;
};

/** Something that made a person's client blink. */
export type Notice = {
  readonly n: number;
  readonly at: number;
  readonly channel: string;
  readonly ts: string;
  readonly from: string;
  readonly why: 'direct' | 'mention' | 'group' | 'broadcast' | 'thread';
  readonly text: string;
};

/** What the page shows of a guide: each step is a click that lets somebody do something. */
export type Guide = {
  readonly steps: readonly Omit<Step, 'do'>[];
  readonly done: number;
  readonly busy: boolean;
  readonly said: string;
  /** Where the last step takes the page. */
  readonly look: { readonly as: string; readonly channel: string } | null;
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

export type Trigger = { readonly user: string; readonly expires: number; used: boolean; readonly inModal?: boolean };
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
  readonly seed: Seed;
  /** How the app's installation ended, if it did. */
  installed: 'yes' | 'uninstalled' | 'revoked' | 'expired';
  readonly unconfirmed: Unconfirmed;
  readonly scheduled: Map<string, Scheduled>;
  readonly lived: boolean;
  /** May be changed while the workspace runs, as an app's owner does. */
  manifest: Manifest;
  /** Part of the state. */
  readonly policy: Policy;
  readonly tokens: { bot: string; readonly app: string; readonly signingSecret: string };
  /** Bot tokens that rotation put out of use. */
  readonly spent: Set<string>;
  /** When a rotating token ends, on the workspace's clock. */
  tokenUntil: number | undefined;
  /** Events that an app is sent within an hour, before it is told that there are too many. */
  eventsPerHour: number;
  /** No more events: nearly all of an hour's deliveries failed. */
  unsubscribed: boolean;
  readonly views: Map<string, View>;
  readonly triggers: Map<string, Trigger>;
  readonly responses: Map<string, ResponseUrl>;
  readonly ephemerals: Map<string, Message[]>;
  readonly faults: Map<string, Fault[]>;
  readonly violations: Violation[];
  readonly calls: { readonly method: string; readonly at: number; readonly error: string | null }[];
  /** The newest entries of the transcript. */
  readonly log: LogEntry[];
  /** user id → what notified that person, newest last */
  readonly notices: Map<string, Notice[]>;
  /** `user:channel:ts` → what that person chose in a message: block_id → action_id → value */
  readonly choices: Map<string, View['values']>;
  guide: Guide | null;
  readonly changes: EventEmitter;
  /** Off in tests that are not about limits; may be switched while it runs. */
  enforceLimits: boolean;
  /** Set by tests that stop the app in the middle of a call. */
  intercept: Intercept | undefined;
  origin: string;
};

export type WorldOptions = {
  readonly seedFile: string;
  readonly manifest: Manifest;
  readonly snapshotFile?: string;
  readonly enforceLimits?: boolean;
  /**
   * With what was said before, and a guide for the newcomer. Without saying so, a workspace that is kept in a file is one
   * that people live in, and any other is a test's.
   */
  readonly lived?: boolean;
  readonly unconfirmed?: Partial<Unconfirmed>;
};

/** What nobody outside Slack could confirm: one switch each, and the stricter reading unless it is set otherwise. */
export type Unconfirmed = {
  /** Input blocks in messages. */
  readonly inputInMessages: boolean;
  /** The name of an archived channel is taken. */
  readonly archivedNameTaken: boolean;
  /** Ids in one conversations.invite. */
  readonly inviteLimit: number;
  /** chat.update with text alone takes the blocks away. */
  readonly textUpdateDropsBlocks: boolean;
  /** Characters of all text in a message's blocks. */
  readonly blockTextLimit: number;
  /** So many failed deliveries of events within an hour, at least, before an app is sent no more. */
  readonly failuresBeforeOff: number;
  /** Envelopes of clicks and shortcuts say that they take a payload. */
  readonly clicksTakePayload: boolean;
  /** What a command that was not answered tells its person; `%c` and `%e` are the command and the error. */
  readonly commandFailure: string;
  /** Lists come a little short of the limit that was asked for. */
  readonly shortPages: boolean;
  /** An expired trigger answers `invalid_arguments` instead of `expired_trigger_id`. */
  readonly triggerAsArgument: boolean;
};
export const strict: Unconfirmed = {
  inputInMessages: false,
  archivedNameTaken: true,
  inviteLimit: 100,
  textUpdateDropsBlocks: false,
  blockTextLimit: 11_000,
  failuresBeforeOff: 1_000,
  clicksTakePayload: false,
  commandFailure: '%c failed with the error "%e"',
  shortPages: true,
  triggerAsArgument: false,
};

/** A message that is to be posted; `at` in seconds. */
export type Scheduled = {
  readonly id: string;
  readonly channel: string;
  readonly at: number;
  readonly created: number;
  readonly content: { text: string; blocks?: Block[] };
  readonly thread?: string;
  /** With metadata it is accepted and never posted, as documented. */
  readonly lost: boolean;
};

export function createWorld(options: WorldOptions): World {
  const saved = options.snapshotFile ? readSnapshot(options.snapshotFile) : undefined;
  const seed = readSeed(options.seedFile);
  const lived = options.lived ?? options.snapshotFile !== undefined;
  const state = saved ? upgradeState(saved.state) : seedState(seed, options.manifest.name, lived);
  const world: World = {
    state,
    seed,
    installed: 'yes',
    unconfirmed: { ...strict, ...options.unconfirmed },
    scheduled: new Map(),
    lived,
    manifest: options.manifest,
    policy: state.policy,
    // Made to look unlike real ones: a real token has digits after xoxb-.
    tokens: saved?.tokens ?? {
      bot: `xoxb-sandbox-${randomBytes(9).toString('hex')}`,
      app: `xapp-sandbox-${randomBytes(9).toString('hex')}`,
      signingSecret: randomBytes(16).toString('hex'),
    },
    spent: new Set(),
    tokenUntil: undefined,
    eventsPerHour: 30_000,
    unsubscribed: false,
    views: new Map(),
    triggers: new Map(),
    responses: new Map(),
    ephemerals: new Map(),
    faults: new Map(),
    violations: [],
    calls: [],
    log: [],
    notices: new Map(),
    choices: new Map(),
    guide: null,
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
  record(world, 'control', 'clock', `+${Math.round(byMs / 60_000)} min: ${new Date(now(world)).toISOString()}`);
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
  if (world.violations.length > 5_000) world.violations.splice(0, 1_000);
  record(world, 'violation', what, detail, true);
  changed(world);
}

const logged = 300;
let entries = 0;

export function record(world: World, kind: LogEntry['kind'], what: string, detail: string, bad = false): void {
  world.log.push({ n: entries++, at: now(world), kind, what, detail: detail.slice(0, 500), bad });
  // Twice as long at most, so that it is not moved each time.
  if (world.log.length > logged * 2) world.log.splice(0, world.log.length - logged);
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
  return addDirect(world, `D${user.slice(1)}`, user, [user, world.state.app.botUser]);
}

/** A direct message between two people; the app is not in it. */
export function betweenPeople(world: World, one: string, other: string): Channel {
  const pair = [one, other].sort();
  const found = Object.values(world.state.channels).find(
    (channel) => channel.is_im && channel.user === null && pair.every((id) => channel.members.includes(id)),
  );
  return found ?? addDirect(world, newId(world, 'D'), null, pair);
}

function addDirect(world: World, id: string, user: string | null, members: string[]): Channel {
  const channel: Channel = {
    id,
    name: user ? `dm-${user}` : `dm-${members.join('-')}`,
    is_private: true,
    is_im: true,
    user,
    is_archived: false,
    is_general: false,
    creator: world.state.app.botUser,
    created: Math.floor(now(world) / 1000),
    members,
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
  return blocks.map((block) => ({
    ...block,
    block_id: block.block_id ?? `b${(blockCounter++).toString(36)}`,
    ...(Array.isArray(block.child_blocks) ? { child_blocks: withBlockIds(block.child_blocks as Block[]) } : {}),
    ...(block.type === 'carousel' && Array.isArray(block.elements)
      ? { elements: withBlockIds(block.elements as Block[]) }
      : {}),
  }));
}

/** Blocks and the blocks inside containers and carousels. */
export function flatBlocks(blocks: readonly Block[] = []): Block[] {
  return blocks.flatMap((block) => [
    block,
    ...flatBlocks((block.child_blocks as Block[] | undefined) ?? []),
    ...(block.type === 'carousel' ? flatBlocks(block.elements as Block[]) : []),
  ]);
}

export function addFault(world: World, method: string, fault: Fault): void {
  world.faults.set(method, [...(world.faults.get(method) ?? []).filter((one) => one.times > 0), { ...fault }]);
  record(world, 'control', 'fault', `${method}: ${fault.kind} × ${fault.times}`);
  changed(world);
}

/** `*` is any method of the Web API; what happens on the way to the app has names of its own. */
export function takeFault(world: World, method: string, orAny = !method.startsWith('deliver.')): Fault | undefined {
  const fault =
    world.faults.get(method)?.find((one) => one.times > 0) ??
    (orAny ? world.faults.get('*')?.find((one) => one.times > 0) : undefined);
  if (fault) {
    fault.times--;
    changed(world);
  }
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
  let pause = 100;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    const started = performance.now();
    writeFileSync(`${file}.new`, JSON.stringify({ state: world.state, tokens: world.tokens } satisfies Snapshot));
    renameSync(`${file}.new`, file);
    // Nobody waits for it, and everybody waits while it writes: a large workspace is saved less often.
    pause = Math.min(5_000, Math.max(100, (performance.now() - started) * 20));
  };
  world.changes.on('change', () => {
    timer ??= setTimeout(save, pause);
  });
  process.once('exit', () => {
    if (timer) save();
  });
}
