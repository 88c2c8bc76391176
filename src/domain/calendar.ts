import { z } from 'zod';
import { ChangeType, GateWho } from './policy.ts';
import { Recurrence } from './recurrence.ts';
import { Scope, type Traits } from './scope.ts';

/*
 * What the calendar is made of: the shapes that events, catalogue and rules share.
 */
/** A time when releases are taken: recurring or once, with a capacity. */
export const Window = z.strictObject({
  key: z.string().min(1).max(40),
  name: z.string().min(1).max(80),
  scope: Scope,
  recurrence: Recurrence,
  /** IANA zone of its wall clock. */
  zone: z.string(),
  /** How many releases one occurrence holds; null: any number. */
  capacity: z.number().int().min(1).max(1000).nullable(),
  minMinutes: z.number().int().min(5).nullable(),
  maxMinutes: z.number().int().min(5).nullable(),
  /** How long before its start a release has to be booked. */
  noticeMinutes: z.number().int().min(0),
  /** Teams that may book; empty: everybody. */
  bookers: z.array(z.string()),
  /** Change types that need no window. */
  exempt: z.array(ChangeType),
});
export type Window = z.infer<typeof Window>;

/** An edit of one occurrence, named by its date in the series. */
export const WindowChange = z.strictObject({
  date: z.string(),
  cancelled: z.boolean(),
  at: z.string().nullable(),
  minutes: z.number().int().nullable(),
  capacity: z.number().int().min(1).nullable(),
});
export type WindowChange = z.infer<typeof WindowChange>;

/** Where a window or freeze is kept: in the catalogue or as set in Slack. */
export const Source = z.enum(['catalog', 'slack']);
export type Source = z.infer<typeof Source>;

/** A time when a scope takes no releases (hard) or better takes none (warn: also a vendor that is away). */
export const Freeze = z.strictObject({
  key: z.string().min(1).max(40),
  name: z.string().min(1).max(80),
  level: z.enum(['hard', 'warn']),
  scope: Scope,
  /** Change types that it does not stop. */
  exempt: z.array(ChangeType),
  /** What people are told, in the words of whoever declared it. */
  message: z.string().max(500),
  recurrence: Recurrence,
  zone: z.string(),
  /** Who votes on exceptions to it; null: release managers. */
  owners: GateWho.nullable().default(null),
});
export type Freeze = z.infer<typeof Freeze>;

/** A recurring departure that releases board before a cut-off. */
export const Train = z.strictObject({
  key: z.string(),
  name: z.string(),
  environment: z.string(),
  /** Who may board. */
  scope: Scope,
  recurrence: Recurrence,
  zone: z.string(),
  /** How long before its departure boarding ends. */
  cutoffMinutes: z.number().int().min(0),
  capacity: z.number().int().min(1).nullable(),
  /** Where its departure board is posted; null: the catalogue's home. */
  channel: z.string().nullable(),
});
export type Train = z.infer<typeof Train>;

/** Where many people use a service at certain hours. */
export type Region = {
  readonly key: string;
  readonly zone: string;
  /** ISO weekdays. */
  readonly days: readonly number[];
  /** Busy hours on the wall, "HH:MM" to "HH:MM". */
  readonly peaks: readonly { readonly from: string; readonly to: string }[];
};

const when = { startsAt: z.iso.datetime(), endsAt: z.iso.datetime() };
const level = z.enum(['hard', 'warn']);

/** Why a time does not suit, with the facts that its words need. A hard one stops the booking; a warning is shown. */
export const Conflict = z.discriminatedUnion('code', [
  z.strictObject({
    code: z.literal('service_busy'),
    level,
    service: z.string(),
    environment: z.string(),
    holder: z.string(),
    label: z.string(),
    ...when,
  }),
  z.strictObject({
    code: z.literal('environment_busy'),
    level,
    environment: z.string(),
    holder: z.string(),
    label: z.string(),
    ...when,
  }),
  z.strictObject({ code: z.literal('window_full'), level, window: z.string(), capacity: z.number(), ...when }),
  z.strictObject({
    code: z.literal('outside_windows'),
    level,
    service: z.string(),
    environment: z.string(),
    windows: z.array(z.string()),
  }),
  z.strictObject({ code: z.literal('short_notice'), level, window: z.string(), minutes: z.number() }),
  z.strictObject({
    code: z.literal('window_length'),
    level,
    window: z.string(),
    min: z.number().nullable(),
    max: z.number().nullable(),
  }),
  z.strictObject({ code: z.literal('not_your_window'), level, window: z.string(), teams: z.array(z.string()) }),
  z.strictObject({
    code: z.literal('freeze'),
    level,
    freeze: z.string(),
    name: z.string(),
    message: z.string(),
    ...when,
  }),
  z.strictObject({
    code: z.literal('dependency_busy'),
    level,
    service: z.string(),
    direction: z.enum(['upstream', 'downstream']),
    release: z.number(),
    label: z.string(),
    ...when,
  }),
  z.strictObject({
    code: z.literal('dependency_open'),
    level,
    release: z.number(),
    label: z.string(),
    state: z.string(),
    endsAt: z.iso.datetime(),
  }),
  /** A release that waits for this one begins before this one is done. */
  z.strictObject({
    code: z.literal('needed_by'),
    level,
    release: z.number(),
    label: z.string(),
    startsAt: z.iso.datetime(),
  }),
  z.strictObject({
    code: z.literal('lead_busy'),
    level,
    lead: z.string(),
    release: z.number(),
    label: z.string(),
    ...when,
  }),
  z.strictObject({
    code: z.literal('peak_hours'),
    level,
    region: z.string(),
    zone: z.string(),
    from: z.string(),
    to: z.string(),
  }),
]);
export type Conflict = z.infer<typeof Conflict>;
export type ConflictCode = Conflict['code'];

/** A place in one occurrence of a window or train. Seats are numbered from 1; the database gives each out once. */
export const Seat = z.strictObject({
  window: z.string(),
  date: z.string(),
  seat: z.number().int().min(1),
  capacity: z.number().int().min(1),
});
export type Seat = z.infer<typeof Seat>;

/** A release whose slot is still held. */
export type Booked = {
  readonly release: number;
  readonly owner: string;
  readonly lead: string;
  readonly environment: string;
  readonly changeType: ChangeType;
  readonly services: readonly Traits[];
  /** Aboard a train, which needs no window. */
  readonly aboard: boolean;
  readonly startsAt: Date;
  readonly endsAt: Date;
};
