import { z } from 'zod';
import { Catalog } from './catalog.ts';
import { ChangeType, GateRule } from './policy.ts';

/*
 * Everything that can happen. Events are stored for ever: a shape may gain optional fields, never lose or rename one.
 */
const instant = z.iso.datetime();
const number = z.number().int().positive();
const person = z.string().min(1);
const ofRelease = { release: number };

export const VoteChoice = z.enum(['approve', 'block', 'reject']);
export type VoteChoice = z.infer<typeof VoteChoice>;

export const DigestDays = z.array(z.number().int().min(1).max(7)).min(1);

const WorkspaceConnected = z.strictObject({
  type: z.literal('workspace.connected'),
  name: z.string(),
  botUser: person,
});
const CatalogApplied = z.strictObject({ type: z.literal('catalog.applied'), hash: z.string(), catalog: Catalog });
/** With no catalogue, services come into being as full members name them. */
const ServiceNamed = z.strictObject({ type: z.literal('service.named'), service: z.string() });

const ReleaseRequested = z.strictObject({
  type: z.literal('release.requested'),
  ...ofRelease,
  requester: person,
  lead: person,
  units: z.array(z.strictObject({ service: z.string(), version: z.string() })).min(1),
  environment: z.string(),
  /** Set when the environment takes one release at a time. */
  exclusive: z.boolean(),
  changeType: ChangeType,
  summary: z.string(),
  rollbackPlan: z.string(),
  startsAt: instant,
  endsAt: instant,
  /** The channel that its card lives in. */
  channel: z.string(),
  policy: z.string(),
  gates: z.array(GateRule),
  /** Who was asked: eligible approvers per gate at the time of the request. */
  asked: z.array(z.array(person)),
});
export type ReleaseRequested = z.infer<typeof ReleaseRequested>;

const VoteCast = z.strictObject({
  type: z.literal('vote.cast'),
  ...ofRelease,
  gate: z.string(),
  voter: person,
  choice: VoteChoice,
  comment: z.string(),
  /** The revision of the release that the voter was shown. */
  revision: z.number().int(),
  /** Why this person could vote, as checked at the click, e.g. "user group S0SRE". */
  because: z.string(),
});
const ReleaseApproved = z.strictObject({
  type: z.literal('release.approved'),
  ...ofRelease,
  revision: z.number().int(),
});
const ReleaseRejected = z.strictObject({
  type: z.literal('release.rejected'),
  ...ofRelease,
  by: person,
  reason: z.string(),
});
const ReleaseExpired = z.strictObject({
  type: z.literal('release.expired'),
  ...ofRelease,
  missing: z.array(z.string()),
});
const ReleaseCancelled = z.strictObject({ type: z.literal('release.cancelled'), ...ofRelease, reason: z.string() });

const RoomOpened = z.strictObject({ type: z.literal('room.opened'), ...ofRelease, members: z.array(person) });
const RoomClosed = z.strictObject({ type: z.literal('room.closed'), ...ofRelease });
const NoteAdded = z.strictObject({ type: z.literal('note.added'), ...ofRelease, note: z.string(), text: z.string() });

const ReleaseStarted = z.strictObject({ type: z.literal('release.started'), ...ofRelease });
const ReleasePaused = z.strictObject({ type: z.literal('release.paused'), ...ofRelease, reason: z.string() });
const ReleaseResumed = z.strictObject({ type: z.literal('release.resumed'), ...ofRelease });
const ReleaseVerifying = z.strictObject({ type: z.literal('release.verifying'), ...ofRelease });
const ReleaseDone = z.strictObject({ type: z.literal('release.done'), ...ofRelease });
const ReleaseRolledBack = z.strictObject({ type: z.literal('release.rolled_back'), ...ofRelease, reason: z.string() });

const DigestSubscribed = z.strictObject({
  type: z.literal('digest.subscribed'),
  channel: z.string(),
  /** Wall-clock time "HH:MM" in `zone`. */
  at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/),
  zone: z.string(),
  /** ISO weekdays, 1 = Monday. */
  days: DigestDays,
  nextAt: instant,
});
const DigestUnsubscribed = z.strictObject({ type: z.literal('digest.unsubscribed'), channel: z.string() });
const DigestPosted = z.strictObject({
  type: z.literal('digest.posted'),
  channel: z.string(),
  /** Local calendar date "YYYY-MM-DD": one digest per channel and date. */
  date: z.string(),
  nextAt: instant,
});
/** Its day was over before anybody could post it (a long outage): said in the log, not in the channel. */
const DigestMissed = z.strictObject({
  type: z.literal('digest.missed'),
  channel: z.string(),
  date: z.string(),
  nextAt: instant,
});

export const EventBody = z.discriminatedUnion('type', [
  WorkspaceConnected,
  CatalogApplied,
  ServiceNamed,
  ReleaseRequested,
  VoteCast,
  ReleaseApproved,
  ReleaseRejected,
  ReleaseExpired,
  ReleaseCancelled,
  RoomOpened,
  RoomClosed,
  NoteAdded,
  ReleaseStarted,
  ReleasePaused,
  ReleaseResumed,
  ReleaseVerifying,
  ReleaseDone,
  ReleaseRolledBack,
  DigestSubscribed,
  DigestUnsubscribed,
  DigestPosted,
  DigestMissed,
]);
export type EventBody = z.infer<typeof EventBody>;
export type EventType = EventBody['type'];
export type EventOf<T extends EventType> = Extract<EventBody, { type: T }>;

export const ActorSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('person'), id: person }),
  z.strictObject({ kind: z.literal('clock') }),
  z.strictObject({ kind: z.literal('system') }),
]);

/** An event as it is stored: the body with who, when and the command that caused it. */
export type StoredEvent<T extends EventType = EventType> = {
  readonly id: string;
  readonly workspace: string;
  readonly at: Date;
  readonly actor: z.infer<typeof ActorSchema>;
  readonly command: string;
  readonly body: EventOf<T>;
};

/** A table with one entry per event type: a missing one does not compile. */
export type EventTable<Result, Args extends unknown[] = []> = {
  readonly [T in EventType]: (event: StoredEvent<T>, ...args: Args) => Result;
};

/** Looks an event up in a total table. */
export function byType<Result, Args extends unknown[]>(
  table: EventTable<Result, Args>,
  event: StoredEvent,
  ...args: Args
): Result {
  const entry = table[event.body.type] as (event: StoredEvent, ...args: Args) => Result;
  return entry(event, ...args);
}
