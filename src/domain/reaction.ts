import { trainsOf } from './catalog.ts';
import { byType, type EventTable, type StoredEvent } from './event.ts';
import { roomLeadMinutes } from './release.ts';
import type { Surface } from './surface.ts';
import { addMinutes } from './time.ts';
import { nextDeparture } from './train.ts';

/** What follows an event: surfaces that now show something old, and moments at which somebody has to look again. */
export type Reaction = { readonly surfaces: readonly Surface[]; readonly timers: readonly Timer[] };

/** One timer per key: setting it again moves it. Commands named here are the clock's (commands/clock.ts). */
export type Timer = { readonly key: string; readonly at: Date } & (
  | { readonly command: 'clock expire' | 'clock room'; readonly release: number }
  | { readonly command: 'clock digest'; readonly channel: string }
  | { readonly command: 'clock freeze'; readonly freeze: string }
  | { readonly command: 'clock line' }
  | { readonly command: 'clock lapse'; readonly line: string }
  | { readonly command: 'clock swap'; readonly swap: string }
  | { readonly command: 'clock train'; readonly train: string }
  | { readonly command: 'clock series'; readonly series: string }
);

/** How far back a new timetable looks for departures that nobody closed. */
const trainReviewMinutes = 2 * 24 * 60;

/** More people than this are asked in the card's thread only. */
export const askAtMost = 8;

/** What follows an event (total: every event has an entry, if only "nothing"). */
export const reaction: EventTable<Reaction> = {
  'workspace.connected': () => nothing,
  'catalog.applied': ({ at, body }) => ({
    surfaces: [],
    // A cut-off that an outage swallowed is looked at first; the ones that were worked off are skipped then.
    timers: trainsOf(body.catalog).flatMap((train) =>
      trainTimer(train.key, nextDeparture(train, addMinutes(at, -trainReviewMinutes))?.cutoffAt),
    ),
  }),
  'service.named': () => nothing,
  'release.requested': ({ body }) => ({
    surfaces: [
      { kind: 'card', release: body.release },
      { kind: 'votes', release: body.release },
      ...askedPeople(body.asked).map((person) => ({ kind: 'ask', release: body.release, person }) as const),
    ],
    timers: slotTimers(body),
  }),
  'vote.cast': ({ body }) => show([...cards(body.release), { kind: 'asks', release: body.release }]),
  'release.approved': (event) => verdict(event),
  'release.rejected': (event) => freed(event, verdict(event)),
  'release.expired': (event) => freed(event, verdict(event)),
  'release.cancelled': (event) => freed(event, verdict(event)),
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
  'release.done': (event) => freed(event, show([...inRoom(event), ...told(event)])),
  'release.rolled_back': (event) => freed(event, show([...inRoom(event), ...told(event)])),
  'digest.subscribed': ({ body }) => ({ surfaces: [], timers: [digestTimer(body)] }),
  'digest.unsubscribed': () => nothing,
  'digest.posted': ({ body }) => ({
    surfaces: [{ kind: 'digest', channel: body.channel, date: body.date }],
    timers: [digestTimer(body)],
  }),
  'digest.missed': ({ body }) => ({ surfaces: [], timers: [digestTimer(body)] }),
  'release.moved': (event) => {
    const { id, body } = event;
    const { release, asked, revision } = body;
    return freed(event, {
      surfaces: [
        ...cards(release),
        { kind: 'asks', release },
        ...(asked.length > askAtMost ? [] : asked).map(
          (person) => ({ kind: 'ask', release, person, revision }) as const,
        ),
        ...room(release),
        ...told(event),
        ...trainOf(body.before.train),
        ...(body.why === 'swapped' || body.why === 'boarded' ? [] : [{ kind: 'log', event: id } as const]),
      ],
      timers: slotTimers(body),
    });
  },
  'release.reinstated': (event) => ({
    surfaces: [
      ...cards(event.body.release),
      ...room(event.body.release),
      { kind: 'asks', release: event.body.release },
      ...told(event),
    ],
    timers: slotTimers(event.body),
  }),
  'release.left_behind': (event) =>
    freed(
      event,
      show([...cards(event.body.release), { kind: 'thread', event: event.id }, { kind: 'notice', event: event.id }]),
    ),
  'release.kept': ({ id, body }) =>
    show([
      { kind: 'touched', release: body.release, freeze: body.freeze },
      { kind: 'thread', event: id },
    ]),
  'window.set': (event) => freed(event, show(outsiders(event))),
  'window.changed': (event) => freed(event, show(outsiders(event))),
  'window.dropped': (event) => freed(event, show(outsiders(event))),
  'freeze.added': ({ body }) => ({
    surfaces: [{ kind: 'freeze', freeze: body.freeze.key }, ...touchedOwners(body.freeze.key, body.touched)],
    timers: freezeTimer(body.freeze.key, body.nextAt),
  }),
  'freeze.near': ({ id, body }) => ({
    surfaces:
      body.date === null ? [] : [{ kind: 'freeze-line', event: id }, ...touchedOwners(body.freeze, body.touched)],
    timers: freezeTimer(body.freeze, body.nextAt),
  }),
  'freeze.lifted': (event) =>
    freed(
      event,
      show([
        { kind: 'freeze', freeze: event.body.freeze },
        { kind: 'freeze-line', event: event.id },
      ]),
    ),
  'line.joined': ({ body }) => ({ surfaces: [], timers: [lapseTimer(body.line, body.startsAt)] }),
  'line.offered': ({ body }) => ({
    surfaces: [{ kind: 'line', line: body.line }],
    timers: [lapseTimer(body.line, body.until)],
  }),
  'line.taken': (event) => freed(event, show([{ kind: 'line', line: event.body.line }])),
  'line.left': (event) => freed(event, show([{ kind: 'line', line: event.body.line }])),
  'line.lapsed': (event) => freed(event, show([{ kind: 'line', line: event.body.line }])),
  'swap.proposed': ({ body }) => ({
    surfaces: [{ kind: 'swap', swap: body.swap }],
    timers: [{ key: `swap:${body.swap}`, at: new Date(body.until), command: 'clock swap', swap: body.swap }],
  }),
  'swap.accepted': ({ body }) => show([{ kind: 'swap', swap: body.swap }]),
  'swap.declined': ({ id, body }) =>
    show([
      { kind: 'swap', swap: body.swap },
      { kind: 'notice', event: id },
    ]),
  'train.scheduled': ({ body }) => ({
    surfaces: [],
    timers: trainTimer(body.train, body.nextAt === null ? undefined : new Date(body.nextAt)),
  }),
  'train.closed': ({ body }) => ({
    surfaces: [{ kind: 'train', train: body.train, date: body.date }],
    timers: trainTimer(body.train, body.nextAt === null ? undefined : new Date(body.nextAt)),
  }),
  'booking.made': ({ body }) => show([{ kind: 'booking', booking: body.booking }]),
  'booking.ended': (event) => freed(event, show([{ kind: 'booking', booking: event.body.booking }])),
  'series.set': ({ body }) => ({ surfaces: [], timers: seriesTimer(body) }),
  'series.ran': ({ id, body }) => ({
    surfaces: body.requested === null ? [{ kind: 'tell', event: id, person: body.owner }] : [],
    timers: seriesTimer(body),
  }),
  'series.stopped': () => nothing,
  'feed.opened': () => nothing,
  'feed.closed': () => nothing,
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

/** Time came free: whoever waits for it is looked at. */
function freed(event: Pick<StoredEvent, 'id' | 'at'>, reaction: Reaction): Reaction {
  return {
    ...reaction,
    timers: [...reaction.timers, { key: `line:${event.id}`, at: event.at, command: 'clock line' }],
  };
}

/** Undecided at the start of its slot it expires; the war room opens ahead of it. */
function slotTimers(body: { release: number; startsAt: string }): Timer[] {
  const { release } = body;
  const startsAt = new Date(body.startsAt);
  return [
    { key: `expire:${release}`, at: startsAt, command: 'clock expire', release },
    { key: `room:${release}`, at: addMinutes(startsAt, -roomLeadMinutes), command: 'clock room', release },
  ];
}

function lapseTimer(line: string, at: string): Timer {
  return { key: `lapse:${line}`, at: new Date(at), command: 'clock lapse', line };
}

function trainOf(ride: { key: string; date: string } | null): Surface[] {
  return ride ? [{ kind: 'train', train: ride.key, date: ride.date }] : [];
}

function trainTimer(train: string, at: Date | undefined): Timer[] {
  return at ? [{ key: `train:${train}`, at, command: 'clock train', train }] : [];
}

function freezeTimer(freeze: string, nextAt: string | null): Timer[] {
  return nextAt === null ? [] : [{ key: `freeze:${freeze}`, at: new Date(nextAt), command: 'clock freeze', freeze }];
}

function seriesTimer({ series, nextAt }: { series: string; nextAt: string | null }): Timer[] {
  return nextAt === null ? [] : [{ key: `series:${series}`, at: new Date(nextAt), command: 'clock series', series }];
}

/** Owners of releases that a window no longer covers hear of it once. */
function outsiders({ id, body }: { id: string; body: { outside: readonly { owner: string }[] } }): Surface[] {
  return [...new Set(body.outside.map(({ owner }) => owner))].map((person) => ({ kind: 'tell', event: id, person }));
}

function touchedOwners(freeze: string, touched: readonly { release: number }[]): Surface[] {
  return touched.map(({ release }) => ({ kind: 'touched', release, freeze }));
}

function askedPeople(asked: readonly (readonly string[])[]): string[] {
  const people = [...new Set(asked.flat())];
  return people.length > askAtMost ? [] : people;
}

function digestTimer({ channel, nextAt }: { channel: string; nextAt: string }): Timer {
  return { key: `digest:${channel}`, at: new Date(nextAt), command: 'clock digest', channel };
}
