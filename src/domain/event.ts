import { z } from 'zod';
import { Criterion, ExceptionRow, GatePlan, GateRow, Prefs, RiskRow, VoteChoice } from './approval.ts';
import { Conflict, Freeze, Seat, Source, Window, WindowChange } from './calendar.ts';
import { Catalog } from './catalog.ts';
import { ContentField, Migration, ScopeItem } from './content.ts';
import {
  DigestDays,
  DigestKind,
  DigestQuiet,
  DigestSection,
  digestSections,
  QuietHours,
  Topic,
  wallClock,
} from './follow.ts';
import { MeasuredRow, metricKeys } from './metric.ts';
import { ChangeType, GateRule, Guard } from './policy.ts';
import { Recurrence } from './recurrence.ts';
import { StepPlan } from './runbook.ts';
import { Scope } from './scope.ts';

/*
 * Everything that can happen. Events are stored for ever: a shape may gain optional fields, never lose or rename one.
 */
const instant = z.iso.datetime();
const number = z.number().int().positive();
const person = z.string().min(1);
const ofRelease = { release: number };

const WorkspaceConnected = z.strictObject({
  type: z.literal('workspace.connected'),
  name: z.string(),
  botUser: person,
});
const CatalogApplied = z.strictObject({ type: z.literal('catalog.applied'), hash: z.string(), catalog: Catalog });
/** With no catalogue, services come into being as full members name them. */
const ServiceNamed = z.strictObject({ type: z.literal('service.named'), service: z.string() });

/** What it is besides its time and its people; a vote is for this. */
const details = {
  rollbackTested: z.boolean().default(false),
  migration: Migration.default('none'),
  scope: z.array(ScopeItem).default([]),
  links: z.array(z.string()).default([]),
};
const RuleProblem = z.strictObject({ rule: z.string(), problem: z.string() });
/** Why these gates: the policy's conditions in words, and what of it could not be judged. */
const reasons = {
  because: z.string().default(''),
  problems: z.array(RuleProblem).default([]),
  /** Release managers who are told of problems. */
  managers: z.array(person).default([]),
};

/** How long before its slot its room opens by itself. */
const roomMinutes = { roomMinutes: z.number().int().default(30) };

/** A place on a departure of a train. */
const Ride = z.strictObject({ key: z.string(), date: z.string() });

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
  /** Its places in windows with a capacity, or in a train. */
  seats: z.array(Seat).default([]),
  /** Releases that have to be done before this one starts. */
  dependsOn: z.array(number).default([]),
  train: Ride.nullable().default(null),
  /** What spoke against its time without stopping it. */
  warnings: z.array(Conflict).default([]),
  /** The series that asked for it. */
  series: z.string().nullable().default(null),
  ...details,
  ...reasons,
  /** SHA-256 of content and slot. */
  hash: z.string().default(''),
  risk: RiskRow.nullable().default(null),
  guards: z.array(Guard).default([]),
  /** Guards that do not hold for its slot, in words. */
  advice: z.array(z.string()).default([]),
  criteria: z.array(Criterion).default([]),
  plan: z.array(GatePlan).default([]),
  /** Gates of the usual policy that an emergency does without; their people are told. */
  skipped: z.array(z.strictObject({ gate: z.string(), people: z.array(person) })).default([]),
  /** It starts by itself when its slot opens and everything still holds. */
  auto: z.boolean().default(false),
  exception: ExceptionRow.nullable().default(null),
  ...roomMinutes,
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
  /** What would lift a block. */
  unblock: z.string().default(''),
  /** For whom; empty: the voter alone. */
  seats: z.array(person).default([]),
  /** The gate is met with this vote. */
  meets: z.boolean().default(false),
});
/** Something said about a release from its review, without a vote. */
const VoteCommented = z.strictObject({ type: z.literal('vote.commented'), ...ofRelease, text: z.string() });
const VoteDelegated = z.strictObject({
  type: z.literal('vote.delegated'),
  ...ofRelease,
  from: person,
  to: person,
  revision: z.number().int(),
});
const VoteTakenBack = z.strictObject({ type: z.literal('vote.taken_back'), ...ofRelease, from: person });
/** Nobody is left who could meet a gate. */
const GateStuck = z.strictObject({
  type: z.literal('gate.stuck'),
  ...ofRelease,
  gate: z.string(),
  needed: z.number().int(),
  left: z.number().int(),
  managers: z.array(person),
});
/** Its time is over: others are asked, and may vote. */
const GateEscalated = z.strictObject({
  type: z.literal('gate.escalated'),
  ...ofRelease,
  gate: z.string(),
  people: z.array(person),
  managers: z.array(person),
  revision: z.number().int(),
});
/** Somebody who was asked left the company or the group: their word is waited for no more, and their block is lifted. */
const GateLeft = z.strictObject({
  type: z.literal('gate.left'),
  ...ofRelease,
  gate: z.string(),
  person,
  managers: z.array(person),
  /** The gate is met without them. */
  meets: z.boolean().default(false),
});
const ApproverAsked = z.strictObject({
  type: z.literal('approver.asked'),
  ...ofRelease,
  person,
  revision: z.number().int(),
  again: z.boolean(),
});
const ApproverSnoozed = z.strictObject({
  type: z.literal('approver.snoozed'),
  ...ofRelease,
  person,
  until: instant,
  revision: z.number().int(),
});
/** One rung of the reminder ladder. */
const ApproverReminded = z.strictObject({
  type: z.literal('approver.reminded'),
  ...ofRelease,
  step: z.enum(['thread', 'oncall', 'manager']),
  gates: z.array(z.strictObject({ gate: z.string(), usergroups: z.array(z.string()), people: z.array(person) })),
  people: z.array(person),
});
const ApproverNudged = z.strictObject({
  type: z.literal('approver.nudged'),
  ...ofRelease,
  people: z.array(person),
  away: z.array(person),
  /** Those whose working day begins later: they are asked then. */
  later: z.array(z.strictObject({ person, at: instant })).default([]),
});

/** Its content is another one: gates that cover what changed are asked again, all other votes stay. */
const ReleaseChanged = z.strictObject({
  type: z.literal('release.changed'),
  ...ofRelease,
  revision: z.number().int(),
  from: z.number().int(),
  fields: z.array(z.strictObject({ field: ContentField, before: z.string(), after: z.string() })),
  content: z.strictObject({
    units: z.array(z.strictObject({ service: z.string(), version: z.string() })).min(1),
    changeType: ChangeType,
    summary: z.string(),
    rollbackPlan: z.string(),
    lead: person,
    dependsOn: z.array(number),
    ...details,
  }),
  environment: z.string(),
  exclusive: z.boolean(),
  label: z.string(),
  startsAt: instant,
  endsAt: instant,
  /** Null: it keeps the seats and warnings that it has. */
  seats: z.array(Seat).nullable(),
  warnings: z.array(Conflict).nullable(),
  policy: z.string(),
  ...reasons,
  risk: RiskRow.nullable().default(null),
  guards: z.array(Guard).default([]),
  advice: z.array(z.string()).default([]),
  gates: z.array(GateRow),
  criteria: z.array(Criterion),
  /** Ticks that no longer hold. */
  unticked: z.array(z.string()),
  reopened: z.array(z.string()),
  state: z.enum(['requested', 'approved']),
  plan: z.array(GatePlan),
  hash: z.string(),
});
export type ReleaseChanged = z.infer<typeof ReleaseChanged>;

/** A pass through a freeze is asked for: its owners' gate is added. */
const ExceptionAsked = z.strictObject({
  type: z.literal('exception.asked'),
  ...ofRelease,
  exception: ExceptionRow,
  gates: z.array(GateRow),
  plan: z.array(GatePlan),
  revision: z.number().int(),
});

/** Its freeze is over it no more: the gate goes, and the pass is unused. */
const ExceptionEnded = z.strictObject({
  type: z.literal('exception.ended'),
  ...ofRelease,
  freeze: z.string(),
  gates: z.array(GateRow),
});

const ofOverride = { override: z.string(), ...ofRelease, rule: z.string() };
const OverrideProposed = z.strictObject({
  type: z.literal('override.proposed'),
  ...ofOverride,
  reason: z.string(),
  by: person,
  second: person,
  /** When nobody can accept it any more. */
  until: instant,
  /** SHA-256 of the content and slot that it is for. */
  hash: z.string().default(''),
});
const OverrideGranted = z.strictObject({
  type: z.literal('override.granted'),
  ...ofOverride,
  reason: z.string(),
  by: person,
  second: person,
  until: instant,
});
const OverrideDeclined = z.strictObject({
  type: z.literal('override.declined'),
  ...ofOverride,
  by: person,
  lapsed: z.boolean(),
});

const CriterionTicked = z.strictObject({
  type: z.literal('criterion.ticked'),
  ...ofRelease,
  criterion: z.string(),
  title: z.string(),
  evidence: z.string(),
  /** Who says so: a person today, machines through a door of their own. */
  source: z.enum(['person', 'machine']),
});
const CriterionUnticked = z.strictObject({
  type: z.literal('criterion.unticked'),
  ...ofRelease,
  criterion: z.string(),
  title: z.string(),
});

/** Its slot began, and nothing is in the way of the start. */
const StartOpened = z.strictObject({ type: z.literal('start.opened'), ...ofRelease, hash: z.string() });
/** Its slot is over, everything was granted, and nobody started it. */
const ReleaseMissed = z.strictObject({ type: z.literal('release.missed'), ...ofRelease, endsAt: instant });
/** Its slot began, and something is. */
const StartHeld = z.strictObject({
  type: z.literal('start.held'),
  ...ofRelease,
  /** Said before; only looked at again. */
  again: z.boolean().default(false),
  /** It is looked at again in a few minutes. */
  retry: z.boolean().default(false),
  /** The refusal that a start would get, as JSON. */
  refusal: z.record(z.string(), z.unknown()),
});

/** Something that a review wants done. */
const Action = z.strictObject({
  key: z.string(),
  text: z.string(),
  owner: person,
  /** Local date "YYYY-MM-DD". */
  due: z.string(),
  /** When its owner is reminded. */
  remindAt: instant,
});
const ReviewAsked = z.strictObject({ type: z.literal('review.asked'), ...ofRelease, dueAt: instant });
const ReviewOverdue = z.strictObject({
  type: z.literal('review.overdue'),
  ...ofRelease,
  managers: z.array(person),
  /** Who has to write it. */
  owner: person.nullable().default(null),
});
const ReleaseReviewed = z.strictObject({
  type: z.literal('release.reviewed'),
  ...ofRelease,
  outcome: z.enum(['as_planned', 'minor', 'failed']),
  text: z.string(),
  detectedBy: z.string().default(''),
  /** How long customers felt it; null: nobody knows. */
  impactMinutes: z.number().int().nullable().default(null),
  helped: z.string().default(''),
  hindered: z.string().default(''),
  /** Would it be approved the same way again? */
  again: z.enum(['yes', 'no', 'unsure', '']).default(''),
  actions: z.array(Action).default([]),
});
const ActionAdded = z.strictObject({ type: z.literal('action.added'), ...ofRelease, action: Action });
const ActionDone = z.strictObject({ type: z.literal('action.done'), ...ofRelease, key: z.string(), text: z.string() });
const ActionReminded = z.strictObject({
  type: z.literal('action.reminded'),
  ...ofRelease,
  key: z.string(),
  text: z.string(),
  owner: person,
  due: z.string(),
});

const Rung = { team: z.string(), policy: z.string(), to: z.string(), direction: z.enum(['lighter', 'heavier']) };
const TrustProposed = z.strictObject({
  type: z.literal('trust.proposed'),
  proposal: z.string(),
  ...Rung,
  n: z.number().int(),
  failed: z.number().int(),
  low: z.number(),
  high: z.number(),
  managers: z.array(person),
  /** How many of them have to agree. */
  needed: z.number().int(),
});
const TrustVoted = z.strictObject({
  type: z.literal('trust.voted'),
  proposal: z.string(),
  voter: person,
  choice: z.enum(['agree', 'decline']),
});
const judges = { managers: z.array(person).default([]) };
const TrustChanged = z.strictObject({
  type: z.literal('trust.changed'),
  proposal: z.string(),
  ...Rung,
  ...judges,
  /** The team's people, whose releases it is about. */
  members: z.array(person).default([]),
});
const TrustDeclined = z.strictObject({ type: z.literal('trust.declined'), proposal: z.string(), ...Rung, ...judges });

const PrefsSet = z.strictObject({
  type: z.literal('prefs.set'),
  person,
  prefs: Prefs,
  /** Whoever votes for them from now on, and has to know. */
  tell: person.nullable().default(null),
});
/** An approver's one-time codes: the secret itself is kept elsewhere, sealed. */
const CodeEnrolled = z.strictObject({ type: z.literal('code.enrolled'), person, credential: z.string() });
const CodeUsed = z.strictObject({ type: z.literal('code.used'), person, step: z.number().int() });
const CodeRemoved = z.strictObject({ type: z.literal('code.removed'), person });

const ReleaseApproved = z.strictObject({
  type: z.literal('release.approved'),
  ...ofRelease,
  revision: z.number().int(),
  /** What it is approved for: SHA-256 of content and slot. */
  hash: z.string().default(''),
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

/** Has another time. Votes of the gates in `kept` are carried from revision `from` to the new one; the others are asked again. */
const ReleaseMoved = z.strictObject({
  type: z.literal('release.moved'),
  ...ofRelease,
  why: z.enum(['moved', 'swapped', 'boarded', 'undone']),
  environment: z.string(),
  exclusive: z.boolean(),
  services: z.array(z.string()),
  label: z.string(),
  startsAt: instant,
  endsAt: instant,
  before: z.strictObject({
    startsAt: instant,
    endsAt: instant,
    train: Ride.nullable(),
    dependsOn: z.array(number).default([]),
  }),
  seats: z.array(Seat),
  dependsOn: z.array(number),
  train: Ride.nullable(),
  warnings: z.array(Conflict),
  revision: z.number().int(),
  from: z.number().int(),
  kept: z.array(z.string()),
  reopened: z.array(z.string()),
  state: z.enum(['requested', 'approved']),
  /** Who is asked again. */
  asked: z.array(person),
  /** What it needs at the new time; null in events of before there were rules. */
  gates: z.array(GateRow).nullable().default(null),
  policy: z.string().nullable().default(null),
  because: z.string().nullable().default(null),
  problems: z.array(RuleProblem).default([]),
  managers: z.array(person).default([]),
  guards: z.array(Guard).nullable().default(null),
  criteria: z.array(Criterion).nullable().default(null),
  risk: RiskRow.nullable().default(null),
  advice: z.array(z.string()).default([]),
  plan: z.array(GatePlan).default([]),
  hash: z.string().default(''),
  ...roomMinutes,
});
export type ReleaseMoved = z.infer<typeof ReleaseMoved>;
/** A cancellation was taken back: it holds its slot again. */
const ReleaseReinstated = z.strictObject({
  type: z.literal('release.reinstated'),
  ...ofRelease,
  environment: z.string(),
  exclusive: z.boolean(),
  services: z.array(z.string()),
  label: z.string(),
  startsAt: instant,
  endsAt: instant,
  seats: z.array(Seat),
  state: z.enum(['requested', 'approved']),
});
const ReleaseLeftBehind = z.strictObject({
  type: z.literal('release.left_behind'),
  ...ofRelease,
  train: z.string(),
  date: z.string(),
  next: z.string().nullable(),
  nextStartsAt: instant.nullable(),
});
/** Its owner keeps it in spite of a freeze over its slot. */
const ReleaseKept = z.strictObject({ type: z.literal('release.kept'), ...ofRelease, freeze: z.string() });

/** Releases that a change leaves outside of every window; their owners are told. */
const outside = z.array(z.strictObject({ release: number, owner: person })).default([]);
const WindowSet = z.strictObject({
  type: z.literal('window.set'),
  window: Window,
  source: Source,
  outside,
  /** Places of releases that were booked before the window counted. */
  seats: z.array(z.strictObject({ ...Seat.shape, holder: z.string(), startsAt: instant, endsAt: instant })).default([]),
});
const WindowChanged = z.strictObject({
  type: z.literal('window.changed'),
  window: z.string(),
  change: WindowChange,
  outside,
});
const WindowDropped = z.strictObject({ type: z.literal('window.dropped'), window: z.string(), outside });

const touched = z.array(z.strictObject({ release: number, owner: person }));
const FreezeAdded = z.strictObject({
  type: z.literal('freeze.added'),
  freeze: Freeze,
  source: Source,
  channel: z.string().nullable(),
  /** The bookings inside, whose owners are asked what to do. */
  touched,
  /** When its next occurrence is announced. */
  nextAt: instant.nullable(),
});
const FreezeNear = z.strictObject({
  type: z.literal('freeze.near'),
  freeze: z.string(),
  name: z.string().default(''),
  date: z.string().nullable(),
  startsAt: instant.nullable(),
  touched,
  nextAt: instant.nullable(),
});
const FreezeLifted = z.strictObject({
  type: z.literal('freeze.lifted'),
  freeze: z.string(),
  name: z.string().default(''),
  /** One occurrence; null: all of it. */
  date: z.string().nullable(),
  reason: z.string(),
});

const ofLine = { line: z.string() };
const LineJoined = z.strictObject({
  type: z.literal('line.joined'),
  ...ofLine,
  person,
  request: z.record(z.string(), z.unknown()),
  environment: z.string(),
  startsAt: instant,
  endsAt: instant,
});
/** The time is kept for this person until `until`. */
const LineOffered = z.strictObject({
  type: z.literal('line.offered'),
  ...ofLine,
  until: instant,
  environment: z.string(),
  exclusive: z.boolean(),
  services: z.array(z.string()),
  label: z.string(),
  startsAt: instant,
  endsAt: instant,
  seats: z.array(Seat),
});
const LineTaken = z.strictObject({ type: z.literal('line.taken'), ...ofLine });
const LineLeft = z.strictObject({ type: z.literal('line.left'), ...ofLine });
const LineLapsed = z.strictObject({ type: z.literal('line.lapsed'), ...ofLine });

const SwapProposed = z.strictObject({
  type: z.literal('swap.proposed'),
  swap: z.string(),
  ...ofRelease,
  other: number,
  /** What both were when it was proposed. */
  revision: z.number().int(),
  otherRevision: z.number().int(),
  /** When the first of the two begins: later there is nothing to swap. */
  until: instant,
});
const SwapAccepted = z.strictObject({
  type: z.literal('swap.accepted'),
  swap: z.string(),
  ...ofRelease,
  other: number,
});
const SwapDeclined = z.strictObject({
  type: z.literal('swap.declined'),
  swap: z.string(),
  ...ofRelease,
  other: number,
  lapsed: z.boolean(),
});

const TrainScheduled = z.strictObject({
  type: z.literal('train.scheduled'),
  train: z.string(),
  nextAt: instant.nullable(),
});
const TrainClosed = z.strictObject({
  type: z.literal('train.closed'),
  train: z.string(),
  date: z.string(),
  startsAt: instant,
  /** In the order in which they deploy. */
  aboard: z.array(number),
  left: z.array(number),
  nextAt: instant.nullable(),
});

const BookingMade = z.strictObject({
  type: z.literal('booking.made'),
  booking: number,
  environment: z.string(),
  /** Empty: the whole environment. */
  services: z.array(z.string()),
  person,
  purpose: z.string(),
  startsAt: instant,
  endsAt: instant,
  channel: z.string().nullable(),
});
const BookingEnded = z.strictObject({ type: z.literal('booking.ended'), booking: number });

const SeriesSet = z.strictObject({
  type: z.literal('series.set'),
  series: z.string(),
  owner: person,
  source: number,
  recurrence: Recurrence,
  zone: z.string(),
  request: z.record(z.string(), z.unknown()),
  nextAt: instant.nullable(),
});
const SeriesRan = z.strictObject({
  type: z.literal('series.ran'),
  series: z.string(),
  owner: person,
  date: z.string(),
  startsAt: instant,
  /** The release that it asked for; null: something was in the way. */
  requested: number.nullable(),
  problem: z.string(),
  nextAt: instant.nullable(),
});
const SeriesStopped = z.strictObject({ type: z.literal('series.stopped'), series: z.string() });

const FeedOpened = z.strictObject({
  type: z.literal('feed.opened'),
  feed: z.string(),
  kind: z.enum(['workspace', 'team', 'service']),
  name: z.string(),
  owner: person,
  /** SHA-256 of the secret part of its address; the secret itself is never stored. */
  tokenHash: z.string(),
});
const FeedClosed = z.strictObject({ type: z.literal('feed.closed'), feed: z.string() });

const RoomOpened = z.strictObject({
  type: z.literal('room.opened'),
  ...ofRelease,
  members: z.array(person),
  /** It was there before, and closed. */
  again: z.boolean().default(false),
});
const RoomClosed = z.strictObject({ type: z.literal('room.closed'), ...ofRelease, note: z.string().default('') });
/** Slack has it: where it is, who was invited, and who could not be. */
const RoomStaffed = z.strictObject({
  type: z.literal('room.staffed'),
  ...ofRelease,
  channel: z.string(),
  invited: z.array(person),
  skipped: z.array(z.strictObject({ person, why: z.string() })),
});
const RoomInvited = z.strictObject({ type: z.literal('room.invited'), ...ofRelease, people: z.array(person) });
/** Slack forbids it. */
const RoomBarred = z.strictObject({
  type: z.literal('room.barred'),
  ...ofRelease,
  what: z.enum(['create', 'archive', 'unarchive']),
  why: z.string(),
});
const RoomArchiving = z.strictObject({ type: z.literal('room.archiving'), ...ofRelease, at: instant });
const RoomKept = z.strictObject({ type: z.literal('room.kept'), ...ofRelease });
const RoomArchived = z.strictObject({ type: z.literal('room.archived'), ...ofRelease });
const ReleaseFollowed = z.strictObject({
  type: z.literal('release.followed'),
  ...ofRelease,
  person,
  follow: z.boolean(),
});

const RoleTaken = z.strictObject({
  type: z.literal('role.taken'),
  ...ofRelease,
  role: z.string(),
  person,
  from: person.nullable(),
  /** The offer that it was taken by. */
  offer: z.string().nullable(),
});
const RoleOffered = z.strictObject({
  type: z.literal('role.offered'),
  ...ofRelease,
  offer: z.string(),
  /** Earlier offers of this role that nobody has to answer any more. */
  replaces: z.array(z.string()).default([]),
  role: z.string(),
  from: person,
  to: person,
  note: z.string(),
  inFlight: z.string(),
});
const RoleDeclined = z.strictObject({
  type: z.literal('role.declined'),
  ...ofRelease,
  offer: z.string(),
  role: z.string(),
  from: person,
  to: person,
});
const RoleMissing = z.strictObject({
  type: z.literal('role.missing'),
  ...ofRelease,
  role: z.string(),
  expected: person,
});

const RunbookPlanned = z.strictObject({
  type: z.literal('runbook.planned'),
  ...ofRelease,
  phase: z.enum(['deploy', 'rollback']),
  /** "payments v4": what it was made from. */
  versions: z.array(z.string()),
  steps: z.array(StepPlan),
});
const ofStep = { ...ofRelease, step: z.string(), title: z.string(), attempt: z.number().int() };
const asked = { people: z.array(person), groups: z.array(z.string()) };
/** Steps whose people are told that they can begin. */
const StepsReady = z.strictObject({
  type: z.literal('steps.ready'),
  ...ofRelease,
  steps: z.array(z.strictObject({ step: z.string(), title: z.string(), dueAt: instant.nullable(), ...asked })),
});
const StepAdded = z.strictObject({ type: z.literal('step.added'), ...ofRelease, step: StepPlan });
const StepClaimed = z.strictObject({ type: z.literal('step.claimed'), ...ofStep, person, from: person.nullable() });
const StepStarted = z.strictObject({
  type: z.literal('step.started'),
  ...ofStep,
  kind: z.enum(['manual', 'webhook', 'canary', 'poll']),
  /** When its soak ends, or the call is given up. */
  until: instant,
});
/** Null: a machine says so. */
const StepDone = z.strictObject({
  type: z.literal('step.done'),
  ...ofStep,
  person: person.nullable(),
  note: z.string(),
  /** A second person has to look before it counts. */
  checking: z.boolean(),
});
const StepVerified = z.strictObject({ type: z.literal('step.verified'), ...ofStep, person });
const StepProlonged = z.strictObject({ type: z.literal('step.prolonged'), ...ofStep, until: instant });
const StepSoaked = z.strictObject({ type: z.literal('step.soaked'), ...ofStep });
const StepLate = z.strictObject({ type: z.literal('step.late'), ...ofStep, ...asked });
const StepFailed = z.strictObject({
  type: z.literal('step.failed'),
  ...ofStep,
  person: person.nullable(),
  note: z.string(),
});
const StepSkipped = z.strictObject({ type: z.literal('step.skipped'), ...ofStep, person, note: z.string() });
const StepReopened = z.strictObject({ type: z.literal('step.reopened'), ...ofStep });
const StepVoiced = z.strictObject({
  type: z.literal('step.voiced'),
  ...ofStep,
  voice: z.string(),
  person,
  choice: z.enum(['go', 'nogo']),
  reason: z.string(),
});
const ExposureSet = z.strictObject({
  type: z.literal('exposure.set'),
  ...ofRelease,
  /** dark, "25 %", green, a flag's name. */
  label: z.string(),
  note: z.string(),
  /** The step that did it. */
  step: z.string().nullable(),
});
const CanaryJudged = z.strictObject({
  type: z.literal('canary.judged'),
  ...ofRelease,
  metric: z.string(),
  verdict: z.enum(['pass', 'high', 'low', 'not_enough_data']),
  n: z.strictObject({ baseline: z.number().int(), canary: z.number().int() }),
  medianBaseline: z.number().nullable(),
  medianCanary: z.number().nullable(),
  /** Canary − baseline, with its interval. */
  shift: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  pValue: z.number().nullable(),
  tolerance: z.number(),
  confidence: z.number(),
  /** The first of its metric, or another verdict than before. */
  news: z.boolean().default(true),
});

const MessageCaptured = z.strictObject({
  type: z.literal('message.captured'),
  ...ofRelease,
  source: z.enum(['pin', 'emoji', 'shortcut']),
  channel: z.string(),
  ts: z.string(),
  author: z.string(),
  text: z.string(),
  permalink: z.string(),
  saidAt: instant,
});
const ofMessage = { ...ofRelease, channel: z.string(), ts: z.string() };
const MessageEdited = z.strictObject({ type: z.literal('message.edited'), ...ofMessage, text: z.string() });
const MessageDeleted = z.strictObject({ type: z.literal('message.deleted'), ...ofMessage });

const StatusScheduled = z.strictObject({ type: z.literal('status.scheduled'), ...ofRelease, nextAt: instant });
const StatusAsked = z.strictObject({ type: z.literal('status.asked'), ...ofRelease, of: person, nextAt: instant });
const StatusPosted = z.strictObject({
  type: z.literal('status.posted'),
  ...ofRelease,
  health: z.enum(['on_track', 'at_risk', 'delayed']),
  text: z.string(),
  nextAt: instant.nullable(),
});

const next = z
  .strictObject({ release: number.nullable(), label: z.string(), startsAt: instant, people: z.array(person) })
  .nullable();
const SlotEnding = z.strictObject({ type: z.literal('slot.ending'), ...ofRelease, endsAt: instant, next });
const SlotOverrun = z.strictObject({ type: z.literal('slot.overrun'), ...ofRelease, endsAt: instant, next });
const SlotExtended = z.strictObject({
  type: z.literal('slot.extended'),
  ...ofRelease,
  environment: z.string(),
  exclusive: z.boolean(),
  services: z.array(z.string()),
  label: z.string(),
  startsAt: instant,
  before: instant,
  endsAt: instant,
});

const WatchStarted = z.strictObject({
  type: z.literal('watch.started'),
  ...ofRelease,
  until: instant,
  /** What has to hold before operations take over. */
  exit: z.array(z.string()),
});
const WatchHeld = z.strictObject({
  type: z.literal('watch.held'),
  ...ofRelease,
  open: z.array(z.string()),
  until: instant,
  lead: person,
});
const WatchEnded = z.strictObject({ type: z.literal('watch.ended'), ...ofRelease, handedTo: person.nullable() });
const IncidentLinked = z.strictObject({
  type: z.literal('incident.linked'),
  ...ofRelease,
  key: z.string(),
  note: z.string(),
  /** When it was reported, if that was before anybody knew which release it came after. */
  beganAt: instant.nullable().default(null),
});
/** An incident, before anybody said which release it came after. */
const IncidentReported = z.strictObject({
  type: z.literal('incident.reported'),
  key: z.string(),
  note: z.string(),
  link: z.string(),
  services: z.array(z.string()),
  /** Releases that were offered as where it came from. */
  candidates: z.array(number),
});
/** Whoever reported it is asked once more which release it was. */
const IncidentReminded = z.strictObject({ type: z.literal('incident.reminded'), key: z.string(), person });
const IncidentUnrelated = z.strictObject({ type: z.literal('incident.unrelated'), key: z.string() });
const IncidentClosed = z.strictObject({ type: z.literal('incident.closed'), ...ofRelease, key: z.string() });
const ErrorKnown = z.strictObject({
  type: z.literal('error.known'),
  ...ofRelease,
  key: z.string(),
  services: z.array(z.string()),
  title: z.string(),
  workaround: z.string(),
});
const ErrorFixed = z.strictObject({ type: z.literal('error.fixed'), ...ofRelease, key: z.string() });
const NoteAdded = z.strictObject({ type: z.literal('note.added'), ...ofRelease, note: z.string(), text: z.string() });

const ReleaseStarted = z.strictObject({ type: z.literal('release.started'), ...ofRelease });
const ReleasePaused = z.strictObject({ type: z.literal('release.paused'), ...ofRelease, reason: z.string() });
const ReleaseResumed = z.strictObject({ type: z.literal('release.resumed'), ...ofRelease });
const ReleaseVerifying = z.strictObject({ type: z.literal('release.verifying'), ...ofRelease });
const ReleaseDone = z.strictObject({ type: z.literal('release.done'), ...ofRelease });
const ReleaseRolledBack = z.strictObject({
  type: z.literal('release.rolled_back'),
  ...ofRelease,
  reason: z.string(),
  /** Release managers, who are named in the channel. */
  managers: z.array(person).default([]),
  /** Its lead, who may not have been there. */
  lead: person.nullable().default(null),
});
const ReleaseFailed = z.strictObject({
  type: z.literal('release.failed'),
  ...ofRelease,
  reason: z.string(),
  managers: z.array(person).default([]),
});
/** The last step of a rollback is done: people have back what they had. */
const ReleaseRestored = z.strictObject({ type: z.literal('release.restored'), ...ofRelease });

/** `channel` is a channel, or a person: then it is about their direct messages. */
const ofDigest = { channel: z.string(), kind: DigestKind.default('daily') };

const ofDeployment = { service: z.string(), version: z.string(), environment: z.string(), deployedAt: instant };
const UnbookedReported = z.strictObject({ type: z.literal('unbooked.reported'), ...ofDeployment, note: z.string() });
const UnbookedTakenBack = z.strictObject({ type: z.literal('unbooked.taken_back'), ...ofDeployment });

const ofExperiment = { experiment: number };
const ExperimentStarted = z.strictObject({
  type: z.literal('experiment.started'),
  ...ofExperiment,
  hypothesis: z.string(),
  metric: z.enum(metricKeys),
  part: z.string(),
  comparison: z.enum(['below', 'above']),
  target: z.number(),
  until: z.string(),
  dueAt: instant,
  team: z.string().nullable(),
  environment: z.string().nullable(),
  baseline: MeasuredRow,
});
/** Which questions there were: they say now what came of it. */
const questions = { round: z.number().int(), asks: z.number().int() };
const ExperimentAsked = z.strictObject({
  type: z.literal('experiment.asked'),
  ...ofExperiment,
  of: person,
  round: z.number().int(),
  ask: z.number().int(),
  remindAt: instant.nullable(),
});
const ExperimentConcluded = z.strictObject({
  type: z.literal('experiment.concluded'),
  ...ofExperiment,
  ...questions,
  outcome: z.enum(['kept', 'dropped']),
  words: z.string(),
  result: MeasuredRow,
});
const ExperimentExtended = z.strictObject({
  type: z.literal('experiment.extended'),
  ...ofExperiment,
  ...questions,
  words: z.string(),
  until: z.string(),
  dueAt: instant,
});

const DigestSubscribed = z.strictObject({
  type: z.literal('digest.subscribed'),
  ...ofDigest,
  /** Wall-clock time "HH:MM" in `zone`. */
  at: wallClock,
  zone: z.string(),
  days: DigestDays,
  scope: Scope.prefault({}),
  sections: z.array(DigestSection).default(digestSections),
  quiet: DigestQuiet.default('silent'),
  nextAt: instant,
  /** The hour that it had before; null for a new one. */
  before: z.strictObject({ at: wallClock, zone: z.string() }).nullable().default(null),
});
const DigestUnsubscribed = z.strictObject({ type: z.literal('digest.unsubscribed'), ...ofDigest });
/** Local calendar date "YYYY-MM-DD": one digest per channel, kind and date. */
const dueOn = { ...ofDigest, date: z.string(), nextAt: instant };
const DigestPosted = z.strictObject({
  type: z.literal('digest.posted'),
  ...dueOn,
  /** When its day is over, and it is edited no more. */
  until: instant.nullable().default(null),
  /** What it said when it was posted; the next one is silent when it has nothing to add. */
  items: z.array(z.string()).default([]),
});
/** Its day was over before anybody could post it (a long outage): said in the log, not in the channel. */
const DigestMissed = z.strictObject({ type: z.literal('digest.missed'), ...dueOn });
/** There was nothing new, or nobody wanted to hear it. */
const DigestSilent = z.strictObject({
  type: z.literal('digest.silent'),
  ...dueOn,
  why: z.enum(['nothing_new', 'muted']),
});

/** `target` is a channel, or a person: then it is about their direct messages. */
const ofTarget = { target: z.string() };
const SubscriptionAdded = z.strictObject({
  type: z.literal('subscription.added'),
  ...ofTarget,
  /** Its scope as it is typed, "svc:payments"; one subscription per target and key. */
  key: z.string(),
  scope: Scope,
  topics: z.array(Topic).min(1),
  /** How many messages it would have been in the last seven days, as was said before it was switched on. */
  lately: z.number().int(),
});
const SubscriptionRemoved = z.strictObject({ type: z.literal('subscription.removed'), ...ofTarget, key: z.string() });
const SubscriberMuted = z.strictObject({
  type: z.literal('subscriber.muted'),
  ...ofTarget,
  /** Null: until somebody says otherwise. */
  until: instant.nullable(),
});
const SubscriberUnmuted = z.strictObject({ type: z.literal('subscriber.unmuted'), ...ofTarget });
const SubscriberQuieted = z.strictObject({
  type: z.literal('subscriber.quieted'),
  ...ofTarget,
  hours: QuietHours.nullable(),
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
  ReleaseFailed,
  ReleaseRestored,
  RoomStaffed,
  RoomInvited,
  RoomBarred,
  RoomArchiving,
  RoomKept,
  RoomArchived,
  ReleaseFollowed,
  RoleTaken,
  RoleOffered,
  RoleDeclined,
  RoleMissing,
  RunbookPlanned,
  StepsReady,
  StepAdded,
  StepClaimed,
  StepStarted,
  StepDone,
  StepVerified,
  StepProlonged,
  StepSoaked,
  StepLate,
  StepFailed,
  StepSkipped,
  StepReopened,
  StepVoiced,
  ExposureSet,
  CanaryJudged,
  MessageCaptured,
  MessageEdited,
  MessageDeleted,
  StatusScheduled,
  StatusAsked,
  StatusPosted,
  SlotEnding,
  SlotOverrun,
  SlotExtended,
  WatchStarted,
  WatchHeld,
  WatchEnded,
  IncidentLinked,
  IncidentClosed,
  IncidentReported,
  IncidentReminded,
  IncidentUnrelated,
  UnbookedReported,
  UnbookedTakenBack,
  ExperimentStarted,
  ExperimentAsked,
  ExperimentConcluded,
  ExperimentExtended,
  ErrorKnown,
  ErrorFixed,
  ActionAdded,
  ActionDone,
  ActionReminded,
  DigestSubscribed,
  DigestUnsubscribed,
  DigestPosted,
  DigestMissed,
  DigestSilent,
  SubscriptionAdded,
  SubscriptionRemoved,
  SubscriberMuted,
  SubscriberUnmuted,
  SubscriberQuieted,
  ReleaseMoved,
  ReleaseReinstated,
  ReleaseLeftBehind,
  ReleaseKept,
  WindowSet,
  WindowChanged,
  WindowDropped,
  FreezeAdded,
  FreezeNear,
  FreezeLifted,
  LineJoined,
  LineOffered,
  LineTaken,
  LineLeft,
  LineLapsed,
  SwapProposed,
  SwapAccepted,
  SwapDeclined,
  TrainScheduled,
  TrainClosed,
  BookingMade,
  BookingEnded,
  SeriesSet,
  SeriesRan,
  SeriesStopped,
  FeedOpened,
  FeedClosed,
  VoteCommented,
  VoteDelegated,
  VoteTakenBack,
  GateStuck,
  GateEscalated,
  GateLeft,
  ApproverAsked,
  ApproverSnoozed,
  ApproverReminded,
  ApproverNudged,
  ReleaseChanged,
  ExceptionAsked,
  ExceptionEnded,
  OverrideProposed,
  OverrideGranted,
  OverrideDeclined,
  CriterionTicked,
  CriterionUnticked,
  StartOpened,
  StartHeld,
  ReleaseMissed,
  ReviewAsked,
  ReviewOverdue,
  ReleaseReviewed,
  TrustProposed,
  TrustVoted,
  TrustChanged,
  TrustDeclined,
  PrefsSet,
  CodeEnrolled,
  CodeUsed,
  CodeRemoved,
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
