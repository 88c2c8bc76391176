import { byType, type EventTable, type StoredEvent } from './event.ts';
import { decisionDeadline, roomLeadMinutes } from './release.ts';
import type { Surface } from './surface.ts';
import { addMinutes } from './time.ts';

/** What follows an event: surfaces that now show something old, and moments at which somebody has to look again. */
export type Reaction = { readonly surfaces: readonly Surface[]; readonly timers: readonly Timer[] };

/** One timer per key: setting it again moves it. Commands named here are the clock's (commands/clock.ts). */
export type Timer =
  | {
      readonly key: string;
      readonly at: Date;
      readonly command: 'clock expire' | 'clock room';
      readonly release: number;
    }
  | { readonly key: string; readonly at: Date; readonly command: 'clock digest'; readonly channel: string };

/** More people than this are asked in the card's thread only. */
export const askAtMost = 8;

/** What follows an event (total: every event has an entry, if only "nothing"). */
export const reaction: EventTable<Reaction> = {
  'workspace.connected': () => nothing,
  'catalog.applied': () => nothing,
  'service.named': () => nothing,
  'release.requested': ({ body }) => ({
    surfaces: [
      { kind: 'card', release: body.release },
      { kind: 'votes', release: body.release },
      ...askedPeople(body.asked).map((person) => ({ kind: 'ask', release: body.release, person }) as const),
    ],
    timers: [
      { key: `expire:${body.release}`, at: decisionDeadline(body), command: 'clock expire', release: body.release },
      {
        key: `room:${body.release}`,
        at: addMinutes(new Date(body.startsAt), -roomLeadMinutes),
        command: 'clock room',
        release: body.release,
      },
    ],
  }),
  'vote.cast': ({ body }) => show([...cards(body.release), { kind: 'ask', release: body.release, person: body.voter }]),
  'release.approved': (event) => verdict(event),
  'release.rejected': (event) => verdict(event),
  'release.expired': (event) => verdict(event),
  'release.cancelled': (event) => verdict(event),
  'room.opened': ({ body }) =>
    show([{ kind: 'room', release: body.release }, ...room(body.release), { kind: 'card', release: body.release }]),
  'room.closed': ({ id, body }) => show([...room(body.release), { kind: 'log', event: id }]),
  'note.added': ({ id, body }) =>
    show([
      { kind: 'log', event: id },
      { kind: 'header', release: body.release },
    ]),
  'release.started': (event) => show([...inRoom(event), { kind: 'thread', event: event.id }]),
  'release.paused': (event) => show(inRoom(event)),
  'release.resumed': (event) => show(inRoom(event)),
  'release.verifying': (event) => show(inRoom(event)),
  'release.done': (event) => show([...inRoom(event), ...told(event)]),
  'release.rolled_back': (event) => show([...inRoom(event), ...told(event)]),
  'digest.subscribed': ({ body }) => ({ surfaces: [], timers: [digestTimer(body)] }),
  'digest.unsubscribed': () => nothing,
  'digest.posted': ({ body }) => ({
    surfaces: [{ kind: 'digest', channel: body.channel, date: body.date }],
    timers: [digestTimer(body)],
  }),
  'digest.missed': ({ body }) => ({ surfaces: [], timers: [digestTimer(body)] }),
};

export function react(event: StoredEvent): Reaction {
  return byType(reaction, event);
}

const nothing: Reaction = { surfaces: [], timers: [] };

type ReleaseEvent = { readonly id: string; readonly body: { readonly release: number } };

function show(surfaces: readonly Surface[]): Reaction {
  return { surfaces, timers: [] };
}

function cards(release: number): Surface[] {
  return [
    { kind: 'card', release },
    { kind: 'votes', release },
  ];
}

function room(release: number): Surface[] {
  return [
    { kind: 'topic', release },
    { kind: 'header', release },
  ];
}

/** A step of the deployment: the room, its log and the card say so. */
function inRoom(event: ReleaseEvent): Surface[] {
  return [{ kind: 'card', release: event.body.release }, ...room(event.body.release), { kind: 'log', event: event.id }];
}

/** An outcome that the requester hears of in person and the channel in the card's thread. */
function told(event: ReleaseEvent): Surface[] {
  return [
    { kind: 'thread', event: event.id },
    { kind: 'notice', event: event.id },
  ];
}

function verdict(event: ReleaseEvent): Reaction {
  const { release } = event.body;
  return show([...cards(release), { kind: 'asks', release }, ...room(release), ...told(event)]);
}

function askedPeople(asked: readonly (readonly string[])[]): string[] {
  const people = [...new Set(asked.flat())];
  return people.length > askAtMost ? [] : people;
}

function digestTimer({ channel, nextAt }: { channel: string; nextAt: string }): Timer {
  return { key: `digest:${channel}`, at: new Date(nextAt), command: 'clock digest', channel };
}
