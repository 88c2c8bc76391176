import { bookingKey } from './booking.ts';
import { experimentKey } from './experiment.ts';
import { DigestKind } from './follow.ts';
import { releaseKey } from './release.ts';

/**
 * Everything that this app keeps in Slack. The key names it for ever: there is at most one message, channel or topic per key.
 */
export type Surface =
  | { readonly kind: 'card'; readonly release: number }
  | { readonly kind: 'votes'; readonly release: number }
  /** A line of an event in the thread of the release's card. */
  | { readonly kind: 'thread'; readonly event: string }
  | { readonly kind: 'room'; readonly release: number }
  | { readonly kind: 'topic'; readonly release: number }
  | { readonly kind: 'header'; readonly release: number }
  | { readonly kind: 'purpose'; readonly release: number }
  | { readonly kind: 'bookmarks'; readonly release: number }
  /** The runbook in the war room, below its header. */
  | { readonly kind: 'checklist'; readonly release: number }
  /** Looks whether kept messages were edited or deleted since. */
  | { readonly kind: 'kept'; readonly release: number }
  /** The exported record, as files in the war room. */
  | { readonly kind: 'record'; readonly release: number; readonly event: string }
  | { readonly kind: 'archive'; readonly release: number }
  /** A role that is offered, in a direct message. */
  | { readonly kind: 'offer'; readonly release: number; readonly offer: string }
  /** A webhook of a step: the call itself, and asking how it went. */
  | { readonly kind: 'hook' | 'poll'; readonly release: number; readonly step: string; readonly attempt: number }
  /** Whoever follows by a protocol: which channels, and what one of them is told. */
  | { readonly kind: 'updates'; readonly event: string }
  | { readonly kind: 'update'; readonly event: string; readonly channel: string }
  /** A line of an event in the war room. */
  | { readonly kind: 'log'; readonly event: string }
  /** What one approver is asked, in a direct message; edited when it is decided. */
  | {
      readonly kind: 'ask';
      readonly release: number;
      readonly person: string /** Asked again after a move. */;
      readonly revision?: number;
    }
  /** All asks of a release that were sent: refreshing it refreshes each of them. */
  | { readonly kind: 'asks'; readonly release: number }
  /** What the requester is told of an event, in a direct message. */
  | { readonly kind: 'notice'; readonly event: string }
  /** What one person is told of an event, in a direct message. */
  | { readonly kind: 'tell'; readonly event: string; readonly person: string }
  /** An approver is reminded, in a direct message. */
  | { readonly kind: 'reminder'; readonly event: string; readonly person: string }
  /** Everything that waits for one approver: one message a day instead of many, edited in place. */
  | { readonly kind: 'waiting'; readonly person: string; readonly date: string }
  /** The question to the second person of an override. */
  | { readonly kind: 'override'; readonly release: number; readonly override: string }
  /** A proposal for another rung, to one release manager. */
  | { readonly kind: 'trust'; readonly proposal: string; readonly person: string }
  /** A freeze in its channel, and what is said of it later, in its thread. */
  | { readonly kind: 'freeze'; readonly freeze: string }
  | { readonly kind: 'freeze-line'; readonly event: string }
  /** The question to the owner of a booking that a freeze covers: keep, move or cancel. */
  | { readonly kind: 'touched'; readonly release: number; readonly freeze: string }
  /** The proposal to the holder of another slot. */
  | { readonly kind: 'swap'; readonly swap: string }
  /** A place in the line, once there is something to offer. */
  | { readonly kind: 'line'; readonly line: string }
  /** The board of a departure. */
  | { readonly kind: 'train'; readonly train: string; readonly date: string }
  | { readonly kind: 'booking'; readonly booking: number }
  /** `channel` may be a person: then it is a direct message. */
  | {
      readonly kind: 'digest' | 'digest-more';
      readonly channel: string;
      readonly date: string;
      readonly of: DigestKind;
    }
  /** The numbers of a summary with what they mean, and as pictures, in its thread. */
  | {
      readonly kind: 'digest-numbers' | 'digest-pictures';
      readonly channel: string;
      readonly date: string;
      readonly of: DigestKind;
    }
  /** Who follows what happened: which channels and people, and what each of them is shown. */
  | { readonly kind: 'followers'; readonly event: string }
  /** A release whose card lives elsewhere, for one who follows it; and what is said of it later, in its thread. */
  | { readonly kind: 'followed'; readonly release: number; readonly target: string }
  | { readonly kind: 'followed-line' | 'followed-freeze'; readonly event: string; readonly target: string }
  /** What the app says once when somebody adds it to a channel. */
  | { readonly kind: 'hello'; readonly channel: string }
  /** What came of an experiment: the question, or its one reminder, to whoever started it. */
  | { readonly kind: 'experiment'; readonly experiment: number; readonly round: number; readonly ask: number }
  /** The one reminder to say which release an incident was; people name incidents as they like. */
  | { readonly kind: 'incident'; readonly incident: string }
  /** The picture on somebody's App Home, as a file that stands nowhere else. */
  | { readonly kind: 'chart'; readonly person: string }
  | { readonly kind: 'home'; readonly person: string };

/** Where Slack's limits make things wait: what somebody waits for goes before what is told by the way. */
export const urgencies = ['first', 'next', 'last'] as const;
export type Urgency = (typeof urgencies)[number];

/** A surface that only another version knows waits with the rest. */
export function urgencyOf(key: string, isThere: boolean): Urgency {
  const of: Readonly<Partial<Record<string, readonly [Urgency, Urgency]>>> = urgency;
  return of[key.split(':', 1)[0] ?? '']?.[isThere ? 1 : 0] ?? 'last';
}

/** How urgent a surface is (total). [when it is new, when it is there and changes] */
const urgency: Readonly<Record<Surface['kind'], readonly [fresh: Urgency, edited: Urgency]>> = {
  // What became of a release, and where people are at work on one.
  card: ['next', 'first'],
  thread: ['first', 'first'],
  notice: ['first', 'first'],
  room: ['first', 'first'],
  header: ['first', 'first'],
  checklist: ['first', 'first'],
  log: ['first', 'first'],
  offer: ['first', 'first'],
  hook: ['first', 'first'],
  poll: ['first', 'first'],
  tell: ['first', 'first'],
  override: ['first', 'first'],
  home: ['first', 'first'],
  // What somebody is asked, or has just asked for; tallies and headings.
  votes: ['next', 'next'],
  ask: ['next', 'next'],
  asks: ['next', 'next'],
  topic: ['next', 'next'],
  freeze: ['next', 'next'],
  'freeze-line': ['next', 'next'],
  touched: ['next', 'next'],
  swap: ['next', 'next'],
  line: ['next', 'next'],
  booking: ['next', 'next'],
  updates: ['next', 'next'],
  update: ['next', 'next'],
  followers: ['next', 'next'],
  followed: ['next', 'next'],
  'followed-line': ['next', 'next'],
  'followed-freeze': ['next', 'next'],
  reminder: ['next', 'next'],
  incident: ['next', 'next'],
  waiting: ['next', 'next'],
  hello: ['next', 'next'],
  // What comes by itself.
  train: ['last', 'last'],
  trust: ['last', 'last'],
  experiment: ['last', 'last'],
  purpose: ['last', 'last'],
  bookmarks: ['last', 'last'],
  kept: ['last', 'last'],
  record: ['last', 'last'],
  archive: ['last', 'last'],
  digest: ['last', 'last'],
  'digest-more': ['last', 'last'],
  'digest-numbers': ['last', 'last'],
  'digest-pictures': ['last', 'last'],
  chart: ['last', 'last'],
};

export function surfaceKey(surface: Surface): string {
  switch (surface.kind) {
    case 'card':
    case 'votes':
    case 'room':
    case 'topic':
    case 'header':
    case 'asks':
    case 'purpose':
    case 'bookmarks':
    case 'checklist':
    case 'kept':
    case 'archive':
      return `${surface.kind}:${releaseKey(surface.release)}`;
    case 'record':
      return `record:${releaseKey(surface.release)}:${surface.event}`;
    case 'offer':
      return `offer:${releaseKey(surface.release)}:${surface.offer}`;
    case 'hook':
    case 'poll':
      return `${surface.kind}:${releaseKey(surface.release)}:${surface.step}:${surface.attempt}`;
    case 'update':
      return `update:${surface.event}:${surface.channel}`;
    case 'thread':
    case 'log':
    case 'notice':
    case 'updates':
    case 'followers':
      return `${surface.kind}:${surface.event}`;
    case 'ask':
      return `ask:${releaseKey(surface.release)}:${surface.person}${surface.revision === undefined ? '' : `:${surface.revision}`}`;
    case 'tell':
    case 'reminder':
      return `${surface.kind}:${surface.event}:${surface.person}`;
    case 'waiting':
      return `waiting:${surface.person}:${surface.date}`;
    case 'override':
      return `override:${releaseKey(surface.release)}:${surface.override}`;
    case 'trust':
      return `trust:${surface.proposal}:${surface.person}`;
    case 'freeze':
      return `freeze:${surface.freeze}`;
    case 'freeze-line':
      return `freeze-line:${surface.event}`;
    case 'touched':
      return `touched:${releaseKey(surface.release)}:${surface.freeze}`;
    case 'swap':
      return `swap:${surface.swap}`;
    case 'line':
      return `line:${surface.line}`;
    case 'train':
      return `train:${surface.train}:${surface.date}`;
    case 'booking':
      return `booking:${bookingKey(surface.booking)}`;
    case 'experiment':
      return `experiment:${experimentKey(surface.experiment)}:${surface.round}:${surface.ask}`;
    case 'digest':
    case 'digest-more':
    case 'digest-numbers':
    case 'digest-pictures':
      return `${surface.kind}:${surface.channel}:${surface.date}${surface.of === 'daily' ? '' : `:${surface.of}`}`;
    case 'followed':
      return `followed:${releaseKey(surface.release)}:${surface.target}`;
    case 'followed-line':
    case 'followed-freeze':
      return `${surface.kind}:${surface.event}:${surface.target}`;
    case 'hello':
      return `hello:${surface.channel}`;
    case 'incident':
      return `incident:${encodeURIComponent(surface.incident)}`;
    case 'chart':
    case 'home':
      return `${surface.kind}:${surface.person}`;
  }
}

/** The reverse of `surfaceKey`. Throws on a key that no version of this app has written. */
export function parseSurfaceKey(key: string): Surface {
  const [kind, first = '', second = '', third] = key.split(':');
  const release = Number(first.replace(/^REL-/, ''));
  switch (kind) {
    case 'card':
    case 'votes':
    case 'room':
    case 'topic':
    case 'header':
    case 'asks':
    case 'purpose':
    case 'bookmarks':
    case 'checklist':
    case 'kept':
    case 'archive':
      return { kind, release };
    case 'record':
      return { kind, release, event: second };
    case 'offer':
      return { kind, release, offer: second };
    case 'hook':
    case 'poll':
      return { kind, release, step: second, attempt: Number(third) };
    case 'update':
      return { kind, event: first, channel: second };
    case 'thread':
    case 'log':
    case 'notice':
    case 'updates':
    case 'followers':
      return { kind, event: first };
    case 'ask':
      return { kind, release, person: second, ...(third === undefined ? {} : { revision: Number(third) }) };
    case 'tell':
    case 'reminder':
      return { kind, event: first, person: second };
    case 'waiting':
      return { kind, person: first, date: second };
    case 'override':
      return { kind, release, override: second };
    case 'trust':
      return { kind, proposal: first, person: second };
    case 'freeze':
      return { kind, freeze: first };
    case 'freeze-line':
      return { kind, event: first };
    case 'touched':
      return { kind, release, freeze: second };
    case 'swap':
      return { kind, swap: first };
    case 'line':
      return { kind, line: first };
    case 'train':
      return { kind, train: first, date: second };
    case 'booking':
      return { kind, booking: Number(first.replace(/^ENV-/, '')) };
    case 'experiment':
      return {
        kind,
        experiment: Number(first.replace(/^EXP-/, '')),
        round: Number(second),
        ask: Number(third),
      };
    case 'digest':
    case 'digest-more':
    case 'digest-numbers':
    case 'digest-pictures':
      return { kind, channel: first, date: second, of: DigestKind.parse(third ?? 'daily') };
    case 'followed':
      return { kind, release, target: second };
    case 'followed-line':
    case 'followed-freeze':
      return { kind, event: first, target: second };
    case 'hello':
      return { kind, channel: first };
    case 'incident':
      return { kind, incident: decodeURIComponent(first) };
    case 'chart':
    case 'home':
      return { kind, person: first };
    default:
      throw new Error(`no surface has the key ${key}`);
  }
}
