import type { GatePlan } from './approval.ts';
import { askAtMost } from './ask.ts';
import { trainsOf } from './catalog.ts';
import { missedDays } from './deploy.ts';
import { byType, type EventTable, type StoredEvent } from './event.ts';
import type { DigestKind } from './follow.ts';
import { incidentReminderMinutes } from './incident.ts';
import { overrunTimes } from './overrun.ts';
import { reviewTimes } from './pir.ts';
import { rungs } from './reminder.ts';
import { archiveMinutes } from './room.ts';
import { topicOf } from './subscription.ts';
import type { Surface } from './surface.ts';
import { addMinutes } from './time.ts';
import { nextDeparture } from './train.ts';

/** What follows an event: surfaces that now show something old, and moments at which somebody has to look again. */
export type Reaction = { readonly surfaces: readonly Surface[]; readonly timers: readonly Timer[] };

/** One timer per key: setting it again moves it. Commands named here are the clock's (commands/clock.ts). */
export type Timer = { readonly key: string; readonly at: Date } & (
  | {
      readonly command:
        | 'clock expire'
        | 'clock room'
        | 'clock review'
        | 'clock overdue'
        | 'clock trust'
        | 'clock steps'
        | 'clock lead'
        | 'clock status'
        | 'clock ending'
        | 'clock overrun'
        | 'clock watch'
        | 'clock unwatch'
        | 'clock archive';
      readonly release: number;
    }
  | { readonly command: 'clock start'; readonly release: number; readonly again?: true }
  | { readonly command: 'clock passes'; readonly freeze: string }
  | { readonly command: 'clock action'; readonly release: number; readonly action: string }
  | { readonly command: 'clock remind'; readonly release: number; readonly step: 'thread' | 'oncall' | 'manager' }
  | { readonly command: 'clock escalate'; readonly release: number; readonly gate: string }
  | {
      readonly command: 'clock ask';
      readonly release: number;
      readonly person: string;
      readonly revision: number;
      readonly again: boolean;
    }
  | { readonly command: 'clock override'; readonly release: number; readonly override: string }
  | { readonly command: 'clock digest'; readonly channel: string; readonly kind: DigestKind }
  | { readonly command: 'clock freeze'; readonly freeze: string }
  | { readonly command: 'clock line' }
  | { readonly command: 'clock lapse'; readonly line: string }
  | { readonly command: 'clock swap'; readonly swap: string }
  | { readonly command: 'clock train'; readonly train: string }
  | { readonly command: 'clock series'; readonly series: string }
  | { readonly command: 'clock experiment'; readonly experiment: number }
  | { readonly command: 'clock incident'; readonly incident: string }
);

/** How far back a new timetable looks for departures that nobody closed. */
const trainReviewMinutes = 2 * 24 * 60;

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
  'release.requested': (event) => {
    const { body } = event;
    const { release } = body;
    // An event from before there were plans asks everybody at once.
    const plan = body.plan.length > 0 || body.gates.length === 0 ? body.plan : oldPlan(event, body.asked);
    return {
      surfaces: [
        ...cards(release),
        ...askedNow(plan, event.at).map((person) => ({ kind: 'ask', release, person }) as const),
        ...body.skipped.flatMap(({ people }) => tellAll(event, people)),
        ...tellAll(event, body.problems.length > 0 ? body.managers : []),
      ],
      timers: [...slotTimers(event, body), ...planTimers(event, release, 1, plan)],
    };
  },
  'vote.cast': ({ id, body }) =>
    show([
      ...cards(body.release),
      { kind: 'asks', release: body.release },
      // What stops a release is for its requester to mend.
      ...(body.choice === 'block'
        ? [{ kind: 'notice', event: id } as const, { kind: 'thread', event: id } as const]
        : []),
    ]),
  'release.approved': (event) => again(event, verdict(event)),
  'release.rejected': (event) => freed(event, verdict(event)),
  'release.expired': (event) => freed(event, calledOff(event)),
  'release.cancelled': (event) => freed(event, calledOff(event)),
  'room.opened': ({ id, at, body }) => ({
    surfaces: [
      { kind: 'room', release: body.release },
      ...furniture(body.release),
      { kind: 'card', release: body.release },
      // Opened again, those who are in it see it; it is no news for its requester.
      body.again ? { kind: 'log', event: id } : { kind: 'notice', event: id },
    ],
    timers: [
      look(body.release, at),
      { key: `lead:${body.release}`, at: addMinutes(at, 5), command: 'clock lead', release: body.release },
      // One that was archived, or was about to be, is again a week from now.
      ...(body.again ? [archiveTimer(body.release, at)] : []),
    ],
  }),
  'room.closed': ({ id, body }) =>
    show([
      ...room(body.release),
      { kind: 'checklist', release: body.release },
      { kind: 'kept', release: body.release },
      { kind: 'log', event: id },
    ]),
  'room.staffed': ({ id, body }) =>
    show([
      { kind: 'card', release: body.release },
      ...room(body.release),
      ...(body.skipped.length > 0 ? [{ kind: 'log', event: id } as const] : []),
    ]),
  'room.invited': ({ id, body }) =>
    show([
      { kind: 'room', release: body.release },
      { kind: 'log', event: id },
    ]),
  // Without a channel everything moves into the thread of the card; with an archived one, into a new channel.
  'room.barred': ({ id, body }) =>
    show([
      ...(body.what === 'archive'
        ? []
        : [{ kind: 'room', release: body.release } as const, ...furniture(body.release)]),
      { kind: 'card', release: body.release },
      { kind: 'log', event: id },
    ]),
  'room.archiving': ({ id, body }) => ({
    surfaces: [{ kind: 'log', event: id }],
    timers: [
      { key: `archive:${body.release}`, at: new Date(body.at), command: 'clock archive', release: body.release },
    ],
  }),
  'room.kept': ({ id, at, body }) => ({
    surfaces: [{ kind: 'log', event: id }],
    timers: [archiveTimer(body.release, at)],
  }),
  'room.archived': ({ id, body }) =>
    show([
      { kind: 'kept', release: body.release },
      { kind: 'record', release: body.release, event: id },
      { kind: 'archive', release: body.release },
      { kind: 'card', release: body.release },
    ]),
  'release.followed': ({ body }) => show([{ kind: 'room', release: body.release }]),
  'role.taken': (event) => {
    const { release, person, from, offer } = event.body;
    const briefed = [person, ...(from === null || from === person ? [] : [from])];
    return show([
      // Whoever took it may not be in the room yet.
      { kind: 'room', release },
      ...room(release),
      { kind: 'card', release },
      ...(offer === null ? [] : [{ kind: 'offer', release, offer } as const]),
      { kind: 'log', event: event.id },
      ...tellAll(event, briefed),
    ]);
  },
  'role.offered': ({ id, body: { release, offer, replaces } }) =>
    show([
      ...[offer, ...replaces].map((one) => ({ kind: 'offer', release, offer: one }) as const),
      { kind: 'log', event: id },
    ]),
  'role.declined': (event) =>
    show([
      { kind: 'offer', release: event.body.release, offer: event.body.offer },
      { kind: 'log', event: event.id },
      ...tellAll(event, [event.body.from]),
    ]),
  'role.missing': (event) => show([{ kind: 'log', event: event.id }]),
  'runbook.planned': ({ id, body: { release } }) =>
    show([
      { kind: 'checklist', release },
      { kind: 'header', release },
      { kind: 'log', event: id },
    ]),
  'steps.ready': (event) => {
    const { release, steps } = event.body;
    return {
      surfaces: [...worked(release), { kind: 'log', event: event.id }],
      timers: steps.flatMap(({ step, dueAt }): Timer[] =>
        dueAt === null ? [] : [{ key: `due:${release}:${step}`, at: new Date(dueAt), command: 'clock steps', release }],
      ),
    };
  },
  'step.added': (event) =>
    show([
      ...worked(event.body.release),
      { kind: 'room', release: event.body.release },
      { kind: 'log', event: event.id },
    ]),
  'step.claimed': ({ body }) => show(worked(body.release)),
  'step.started': (event) => {
    const { release, step, attempt, kind, until } = event.body;
    return {
      surfaces: [
        ...worked(release),
        { kind: 'log', event: event.id },
        ...(kind === 'webhook' ? [{ kind: 'hook', release, step, attempt } as const] : []),
      ],
      timers: [{ key: `until:${release}:${step}`, at: new Date(until), command: 'clock steps', release }],
    };
  },
  'step.done': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'step.verified': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'step.prolonged': ({ body: { release, step, until } }) => ({
    surfaces: worked(release),
    timers: [{ key: `until:${release}:${step}`, at: new Date(until), command: 'clock steps', release }],
  }),
  'step.soaked': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'step.late': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'step.failed': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'step.skipped': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'step.reopened': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'step.voiced': (event) => show([...worked(event.body.release), { kind: 'log', event: event.id }]),
  'exposure.set': (event) =>
    show([
      { kind: 'header', release: event.body.release },
      { kind: 'card', release: event.body.release },
      { kind: 'log', event: event.id },
    ]),
  'canary.judged': (event) =>
    show([
      { kind: 'header', release: event.body.release },
      // Monitoring posts every minute; people hear what is new.
      ...(event.body.news ? [{ kind: 'log', event: event.id } as const] : []),
    ]),
  'message.captured': ({ body }) => show([{ kind: 'header', release: body.release }]),
  'message.edited': () => nothing,
  'message.deleted': () => nothing,
  'status.scheduled': ({ body }) => ({ surfaces: [], timers: [statusTimer(body.release, body.nextAt)] }),
  'status.asked': ({ id, body }) => ({
    surfaces: [{ kind: 'log', event: id }],
    timers: [statusTimer(body.release, body.nextAt)],
  }),
  'status.posted': ({ id, body }) => ({
    surfaces: [
      { kind: 'card', release: body.release },
      ...room(body.release),
      { kind: 'log', event: id },
      { kind: 'updates', event: id },
    ],
    timers: body.nextAt === null ? [] : [statusTimer(body.release, body.nextAt)],
  }),
  'slot.ending': (event) =>
    show([
      { kind: 'header', release: event.body.release },
      { kind: 'log', event: event.id },
    ]),
  'slot.overrun': (event) =>
    show([
      ...room(event.body.release),
      { kind: 'card', release: event.body.release },
      { kind: 'log', event: event.id },
      { kind: 'updates', event: event.id },
      ...tellAll(event, event.body.next?.people ?? []),
    ]),
  'slot.extended': ({ id, body }) => ({
    surfaces: [{ kind: 'card', release: body.release }, ...room(body.release), { kind: 'log', event: id }],
    timers: endTimers(body.release, new Date(body.endsAt)),
  }),
  'watch.started': ({ id, body }) => ({
    surfaces: [{ kind: 'card', release: body.release }, ...room(body.release), { kind: 'log', event: id }],
    timers: [unwatchTimer(body.release, body.until)],
  }),
  'watch.held': (event) => ({
    surfaces: [
      { kind: 'header', release: event.body.release },
      { kind: 'log', event: event.id },
      ...tellAll(event, [event.body.lead]),
    ],
    timers: [unwatchTimer(event.body.release, event.body.until)],
  }),
  'watch.ended': ({ id, at, body }) => ({
    surfaces: [
      { kind: 'card', release: body.release },
      ...room(body.release),
      { kind: 'log', event: id },
      { kind: 'thread', event: id },
    ],
    timers: [archiveTimer(body.release, at)],
  }),
  'incident.linked': ({ id, at, body }) => ({
    surfaces: [
      { kind: 'incident', incident: body.key },
      { kind: 'card', release: body.release },
      { kind: 'header', release: body.release },
      { kind: 'log', event: id },
      { kind: 'thread', event: id },
    ],
    timers: [trustTimer(body.release, at)],
  }),
  'incident.closed': ({ id, body }) =>
    show([
      { kind: 'card', release: body.release },
      { kind: 'header', release: body.release },
      { kind: 'log', event: id },
    ]),
  // Whoever reports it is asked in the answer, and once more when nobody has said.
  'incident.reported': ({ at, body: { key } }) => ({
    surfaces: [],
    timers: [
      { key: `incident:${key}`, at: addMinutes(at, incidentReminderMinutes), command: 'clock incident', incident: key },
    ],
  }),
  'incident.reminded': ({ body }) => show([{ kind: 'incident', incident: body.key }]),
  'incident.unrelated': ({ body }) => show([{ kind: 'incident', incident: body.key }]),
  'unbooked.reported': () => nothing,
  'unbooked.taken_back': () => nothing,
  'experiment.started': ({ body }) => ({ surfaces: [], timers: [experimentTimer(body.experiment, body.dueAt)] }),
  'experiment.asked': ({ body }) => ({
    surfaces: [{ kind: 'experiment', experiment: body.experiment, round: body.round, ask: body.ask }],
    timers: body.remindAt === null ? [] : [experimentTimer(body.experiment, body.remindAt)],
  }),
  'experiment.concluded': ({ body }) => show(questions(body)),
  'experiment.extended': ({ body }) => ({
    surfaces: questions(body),
    timers: [experimentTimer(body.experiment, body.dueAt)],
  }),
  'error.known': ({ id, body }) =>
    show([
      { kind: 'card', release: body.release },
      { kind: 'header', release: body.release },
      { kind: 'log', event: id },
      { kind: 'thread', event: id },
    ]),
  'error.fixed': ({ id, body }) =>
    show([
      { kind: 'card', release: body.release },
      { kind: 'header', release: body.release },
      { kind: 'log', event: id },
    ]),
  'action.added': (event) => ({
    surfaces: [{ kind: 'thread', event: event.id }, ...toldOwners(event, [event.body.action])],
    timers: actionTimers(event.body.release, [event.body.action]),
  }),
  'action.done': (event) => show([{ kind: 'thread', event: event.id }]),
  'action.reminded': (event) => show(tellAll(event, [event.body.owner])),
  'release.failed': (event) => freed(event, ended(event)),
  'release.restored': (event) =>
    freed(event, show([...inRoom(event), { kind: 'thread', event: event.id }, { kind: 'updates', event: event.id }])),
  'note.added': ({ id, body }) =>
    show([
      { kind: 'log', event: id },
      { kind: 'header', release: body.release },
    ]),
  'release.started': (event) => ({
    surfaces: [...inRoom(event), { kind: 'thread', event: event.id }, { kind: 'updates', event: event.id }],
    timers: [look(event.body.release, event.at)],
  }),
  'release.paused': (event) => show([...inRoom(event), { kind: 'updates', event: event.id }]),
  'release.resumed': (event) => ({ surfaces: inRoom(event), timers: [look(event.body.release, event.at)] }),
  'release.verifying': (event) => show(inRoom(event)),
  'release.done': (event) => {
    const reaction = freed(event, ended(event));
    const watch: Timer = {
      key: `watch:${event.body.release}`,
      at: event.at,
      command: 'clock watch',
      release: event.body.release,
    };
    return { ...reaction, timers: [...reaction.timers, watch] };
  },
  // Its time comes free once it is restored.
  'release.rolled_back': (event) => {
    const { lead } = event.body;
    const reaction = ended(event);
    return {
      surfaces: [...reaction.surfaces, ...(lead === null ? [] : tellAll(event, [lead]))],
      timers: [...reaction.timers, look(event.body.release, event.at)],
    };
  },
  'digest.subscribed': ({ body }) => ({ surfaces: [], timers: [digestTimer(body)] }),
  'digest.unsubscribed': () => nothing,
  'digest.posted': ({ body }) => ({
    surfaces: [{ kind: 'digest', channel: body.channel, date: body.date, of: body.kind }],
    timers: [digestTimer(body)],
  }),
  'digest.missed': ({ body }) => ({ surfaces: [], timers: [digestTimer(body)] }),
  'digest.silent': ({ body }) => ({ surfaces: [], timers: [digestTimer(body)] }),
  'subscription.added': () => nothing,
  'subscription.removed': () => nothing,
  'subscriber.muted': () => nothing,
  'subscriber.unmuted': () => nothing,
  'subscriber.quieted': () => nothing,
  'release.moved': (event) => {
    const { id, body } = event;
    const { release, asked, revision } = body;
    const plan = body.plan.length > 0 || asked.length === 0 ? body.plan : oldPlan(event, [asked]);
    return freed(event, {
      surfaces: [
        ...cards(release),
        { kind: 'asks', release },
        ...askedNow(plan, event.at).map((person) => ({ kind: 'ask', release, person, revision }) as const),
        ...room(release),
        ...told(event),
        ...trainOf(body.before.train),
        ...(body.why === 'swapped' || body.why === 'boarded' ? [] : [{ kind: 'log', event: id } as const]),
      ],
      timers: [...slotTimers(event, body), ...planTimers(event, release, revision, plan)],
    });
  },
  'release.reinstated': (event) => ({
    surfaces: [
      ...cards(event.body.release),
      ...room(event.body.release),
      { kind: 'asks', release: event.body.release },
      ...told(event),
    ],
    timers: slotTimers(event, event.body),
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
  'freeze.lifted': (event) => {
    const { freeze } = event.body;
    const shown = freed(
      event,
      show([
        { kind: 'freeze', freeze },
        { kind: 'freeze-line', event: event.id },
      ]),
    );
    // Passes through it are needed no more.
    const passes: Timer = { key: `passes:${event.id}`, at: event.at, command: 'clock passes', freeze };
    return { ...shown, timers: [...shown.timers, passes] };
  },
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
  'vote.commented': (event) =>
    show([
      { kind: 'thread', event: event.id },
      { kind: 'notice', event: event.id },
    ]),
  'vote.delegated': (event) => {
    const { release, to, revision } = event.body;
    return show([
      { kind: 'votes', release },
      { kind: 'asks', release },
      { kind: 'ask', release, person: to, revision },
      { kind: 'thread', event: event.id },
    ]);
  },
  'vote.taken_back': (event) =>
    show([
      { kind: 'votes', release: event.body.release },
      { kind: 'asks', release: event.body.release },
      { kind: 'thread', event: event.id },
    ]),
  'gate.stuck': (event) =>
    show([
      { kind: 'notice', event: event.id },
      ...tellAll(event, event.body.managers),
      { kind: 'thread', event: event.id },
    ]),
  'gate.escalated': (event) => {
    const { release, people, managers, revision } = event.body;
    return show([
      ...cards(release),
      { kind: 'thread', event: event.id },
      ...(people.length > askAtMost ? [] : people).map(
        (person) => ({ kind: 'ask', release, person, revision }) as const,
      ),
      ...tellAll(event, managers),
    ]);
  },
  'gate.left': (event) =>
    show([...cards(event.body.release), { kind: 'thread', event: event.id }, ...tellAll(event, event.body.managers)]),
  'approver.asked': ({ id, body: { release, person, revision, again } }) =>
    show([again ? { kind: 'reminder', event: id, person } : { kind: 'ask', release, person, revision }]),
  'approver.snoozed': ({ body: { release, person, revision, until } }) => ({
    surfaces: [],
    timers: [askTimer(release, person, revision, until, true)],
  }),
  'approver.reminded': ({ id, body: { step, people } }) =>
    show(
      step === 'thread'
        ? [{ kind: 'thread', event: id }]
        : people.map((person) => ({ kind: step === 'manager' ? 'tell' : 'reminder', event: id, person }) as const),
    ),
  'approver.nudged': ({ id, body: { release, people, later } }) => ({
    surfaces: people.map((person) => ({ kind: 'reminder', event: id, person }) as const),
    timers: later.map(({ person, at }) => askTimer(release, person, 0, at, true)),
  }),
  'release.changed': (event) => {
    const { release, revision, plan } = event.body;
    return {
      surfaces: [
        ...cards(release),
        { kind: 'asks', release },
        ...askedNow(plan, event.at).map((person) => ({ kind: 'ask', release, person, revision }) as const),
        ...room(release),
        { kind: 'room', release },
        ...told(event),
        { kind: 'log', event: event.id },
        ...tellAll(event, event.body.managers),
      ],
      timers: planTimers(event, release, revision, plan),
    };
  },
  'exception.asked': (event) => {
    const { release, revision, plan } = event.body;
    return {
      surfaces: [
        ...cards(release),
        { kind: 'asks', release },
        ...askedNow(plan, event.at).map((person) => ({ kind: 'ask', release, person, revision }) as const),
        { kind: 'thread', event: event.id },
      ],
      timers: planTimers(event, release, revision, plan),
    };
  },
  'exception.ended': (event) =>
    show([
      ...cards(event.body.release),
      { kind: 'asks', release: event.body.release },
      { kind: 'thread', event: event.id },
    ]),
  'override.proposed': ({ id, body: { release, override, until } }) => ({
    surfaces: [
      { kind: 'override', release, override },
      { kind: 'thread', event: id },
    ],
    timers: [{ key: `override:${override}`, at: new Date(until), command: 'clock override', release, override }],
  }),
  'override.granted': (event) => {
    const { release, override } = event.body;
    const shown = [...cards(release), ...told(event), { kind: 'log', event: event.id } as const];
    return again(event, show([{ kind: 'override', release, override }, ...shown]));
  },
  'override.declined': (event) => {
    const { release, override, by } = event.body;
    return show([
      { kind: 'override', release, override },
      { kind: 'card', release },
      { kind: 'thread', event: event.id },
      ...(event.actor.kind === 'person' && event.actor.id === by ? [] : tellAll(event, [by])),
    ]);
  },
  'criterion.ticked': (event) =>
    again(
      event,
      show([
        { kind: 'card', release: event.body.release },
        { kind: 'log', event: event.id },
      ]),
    ),
  'criterion.unticked': (event) =>
    show([
      { kind: 'card', release: event.body.release },
      { kind: 'log', event: event.id },
    ]),
  'start.opened': (event) => show([...room(event.body.release), { kind: 'log', event: event.id }]),
  'start.held': (event) => {
    const { release } = event.body;
    const shown: Surface[] = [
      { kind: 'card', release },
      { kind: 'log', event: event.id },
      { kind: 'thread', event: event.id },
      { kind: 'notice', event: event.id },
    ];
    const at = addMinutes(event.at, retryMinutes);
    const retry: Timer = { key: `retry:${release}`, at, command: 'clock start', release, again: true };
    return { surfaces: event.body.again ? [] : shown, timers: event.body.retry ? [retry] : [] };
  },
  'release.missed': ({ id, body: { release, endsAt } }) => ({
    surfaces: [
      { kind: 'card', release },
      { kind: 'log', event: id },
      { kind: 'thread', event: id },
      { kind: 'notice', event: id },
    ],
    timers: [
      {
        key: `over:${release}`,
        at: addMinutes(new Date(endsAt), missedDays * 24 * 60),
        command: 'clock expire',
        release,
      },
    ],
  }),
  'review.asked': ({ id, body: { release, dueAt } }) => ({
    surfaces: [{ kind: 'notice', event: id }],
    timers: [{ key: `overdue:${release}`, at: new Date(dueAt), command: 'clock overdue', release }],
  }),
  'review.overdue': (event) => show([{ kind: 'thread', event: event.id }, ...tellAll(event, event.body.managers)]),
  'release.reviewed': (event) => ({
    surfaces: [
      { kind: 'card', release: event.body.release },
      { kind: 'thread', event: event.id },
      ...toldOwners(event, event.body.actions),
    ],
    timers: [
      trustTimer(event.body.release, event.at),
      archiveTimer(event.body.release, event.at),
      ...actionTimers(event.body.release, event.body.actions),
    ],
  }),
  'trust.proposed': ({ body: { proposal, managers } }) =>
    show(managers.map((person) => ({ kind: 'trust', proposal, person }) as const)),
  'trust.voted': ({ body: { proposal, voter } }) => show([{ kind: 'trust', proposal, person: voter }]),
  'trust.changed': (event) => show([...judged(event.body).surfaces, ...tellAll(event, event.body.members)]),
  'trust.declined': ({ body }) => judged(body),
  'prefs.set': (event) =>
    show([
      { kind: 'home', person: event.body.person },
      ...tellAll(event, event.body.tell === null ? [] : [event.body.tell]),
    ]),
  'code.enrolled': ({ body }) => show([{ kind: 'home', person: body.person }]),
  'code.used': () => nothing,
  'code.removed': (event) => show(tellAll(event, [event.body.person])),
};

export function react(event: StoredEvent): Reaction {
  const follows = byType(reaction, event);
  // Who follows it is looked up when it is told: one surface, however many channels.
  if (topicOf(event.body) === undefined) return follows;
  return { ...follows, surfaces: [...follows.surfaces, { kind: 'followers', event: event.id }] };
}

/** Is it said in the war room? */
export function isLogged(event: StoredEvent): boolean {
  return react(event).surfaces.some(({ kind }) => kind === 'log');
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

/** Everything that stands in a room. */
function furniture(release: number): Surface[] {
  return [
    ...room(release),
    { kind: 'purpose', release },
    { kind: 'bookmarks', release },
    { kind: 'checklist', release },
  ];
}

/** Something moved in the runbook. */
function worked(release: number): Surface[] {
  return [
    { kind: 'checklist', release },
    { kind: 'header', release },
  ];
}

/** The runbook is looked at: planned, announced, called. */
function look(release: number, at: Date): Timer {
  return { key: `steps:${release}`, at, command: 'clock steps', release };
}

function statusTimer(release: number, at: string): Timer {
  return { key: `status:${release}`, at: new Date(at), command: 'clock status', release };
}

function unwatchTimer(release: number, at: string): Timer {
  return { key: `unwatch:${release}`, at: new Date(at), command: 'clock unwatch', release };
}

/** Its room is looked at a day before it is archived. */
function archiveTimer(release: number, from: Date): Timer {
  const at = addMinutes(from, archiveMinutes.after - archiveMinutes.notice);
  return { key: `archive:${release}`, at, command: 'clock archive', release };
}

function endTimers(release: number, endsAt: Date): Timer[] {
  return [
    { key: `ending:${release}`, at: addMinutes(endsAt, -overrunTimes.noticeMinutes), command: 'clock ending', release },
    { key: `overrun:${release}`, at: endsAt, command: 'clock overrun', release },
  ];
}

type ActionRow = { readonly key: string; readonly owner: string; readonly remindAt: string };

function actionTimers(release: number, actions: readonly ActionRow[]): Timer[] {
  return actions.map(({ key, remindAt }) => ({
    key: `action:${key}`,
    at: new Date(remindAt),
    command: 'clock action',
    release,
    action: key,
  }));
}

/** Whoever got something to do and did not write it down themselves. */
function toldOwners(event: Pick<StoredEvent, 'id' | 'actor'>, actions: readonly ActionRow[]): Surface[] {
  const { actor } = event;
  return tellAll(
    event,
    actions.map(({ owner }) => owner).filter((owner) => actor.kind !== 'person' || actor.id !== owner),
  );
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

/** A verdict, said in the room as well: those who gathered there hear of it there. */
function calledOff(event: Parameters<typeof verdict>[0]): Reaction {
  const { release } = event.body;
  return show([...verdict(event).surfaces, { kind: 'checklist', release }, { kind: 'log', event: event.id }]);
}

/** Time came free: whoever waits for it is looked at. */
function freed(event: Pick<StoredEvent, 'id' | 'at'>, reaction: Reaction): Reaction {
  return {
    ...reaction,
    timers: [...reaction.timers, { key: `line:${event.id}`, at: event.at, command: 'clock line' }],
  };
}

/** Its room opens ahead of its slot, its start is looked at when it begins, and what is undecided expires. */
function slotTimers(
  { at }: Pick<StoredEvent, 'at'>,
  body: { release: number; startsAt: string; endsAt: string; roomMinutes?: number },
): Timer[] {
  const { release } = body;
  const startsAt = new Date(body.startsAt);
  const before = (['thread', 'oncall', 'manager'] as const)
    .map((step) => ({ step, at: addMinutes(startsAt, -rungs[step]) }))
    .filter((rung) => rung.at > at);
  return [
    { key: `expire:${release}`, at: startsAt, command: 'clock expire', release },
    { key: `over:${release}`, at: new Date(body.endsAt), command: 'clock expire', release },
    { key: `room:${release}`, at: addMinutes(startsAt, -(body.roomMinutes ?? 30)), command: 'clock room', release },
    ...endTimers(release, new Date(body.endsAt)),
    { key: `start:${release}`, at: startsAt, command: 'clock start', release },
    ...before.map(
      (rung): Timer => ({
        key: `remind:${release}:${rung.step}`,
        at: rung.at,
        command: 'clock remind',
        release,
        step: rung.step,
      }),
    ),
  ];
}

/** Whoever is to be asked at this very moment. */
function askedNow(plan: readonly GatePlan[], at: Date): string[] {
  const now = plan.flatMap(({ pings }) => pings).filter((ping) => new Date(ping.at) <= at);
  return [...new Set(now.map(({ person }) => person))];
}

/** Those who are asked when their day begins, and the ends of the gates' times. */
function planTimers(
  { at }: Pick<StoredEvent, 'at'>,
  release: number,
  revision: number,
  plan: readonly GatePlan[],
): Timer[] {
  const now = askedNow(plan, at);
  const later = new Map<string, string>();
  for (const ping of plan.flatMap(({ pings }) => pings)) {
    const known = later.get(ping.person);
    if (!now.includes(ping.person) && (known === undefined || ping.at < known)) later.set(ping.person, ping.at);
  }
  return [
    ...[...later].map(([person, when]) => askTimer(release, person, revision, when, false)),
    ...plan.flatMap(({ gate, dueAt }): Timer[] =>
      dueAt === null
        ? []
        : [{ key: `escalate:${release}:${gate}`, at: new Date(dueAt), command: 'clock escalate', release, gate }],
    ),
  ];
}

function askTimer(release: number, person: string, revision: number, at: string, again: boolean): Timer {
  return { key: `ask:${release}:${person}`, at: new Date(at), command: 'clock ask', release, person, revision, again };
}

function oldPlan({ at }: Pick<StoredEvent, 'at'>, asked: readonly (readonly string[])[]): GatePlan[] {
  const people = [...new Set(asked.flat())];
  const pings = people.length > askAtMost ? [] : people.map((person) => ({ person, at: at.toISOString() }));
  return [{ gate: '', pings, dueAt: null }];
}

/** How often a start by itself that something is in the way of looks again. */
const retryMinutes = 5;

/** More than this are a channel, not people. */
const tellAtMost = 30;

function tellAll({ id }: { readonly id: string }, people: readonly string[]): Surface[] {
  return [...new Set(people)].slice(0, tellAtMost).map((person) => ({ kind: 'tell', event: id, person }));
}

/** Something that may have been in the way of a start by itself is out of it. */
function again(event: ReleaseEvent & Pick<StoredEvent, 'at'>, reaction: Reaction): Reaction {
  const { release } = event.body;
  const start: Timer = { key: `again:${event.id}`, at: event.at, command: 'clock start', release, again: true };
  return { ...reaction, timers: [...reaction.timers, start] };
}

/** Every manager who was asked sees how it ended. */
function judged({ proposal, managers }: { readonly proposal: string; readonly managers: readonly string[] }): Reaction {
  return show(managers.map((person) => ({ kind: 'trust', proposal, person }) as const));
}

/** Its outcome is told, its people are asked how it went, and its team's record has one more. */
function ended(event: ReleaseEvent & Pick<StoredEvent, 'at'>): Reaction {
  const { release } = event.body;
  const shown = show([
    ...inRoom(event),
    { kind: 'checklist', release },
    { kind: 'kept', release },
    ...told(event),
    { kind: 'updates', event: event.id },
  ]);
  const review = (key: string, minutes: number): Timer => ({
    key: `${key}:${release}`,
    at: addMinutes(event.at, minutes),
    command: 'clock review',
    release,
  });
  return {
    ...shown,
    timers: [
      ...shown.timers,
      review('review-soon', reviewTimes.emergency.askMinutes),
      review('review', reviewTimes.usual.askMinutes),
      trustTimer(release, event.at),
    ],
  };
}

function trustTimer(release: number, at: Date): Timer {
  return { key: `trust:${release}`, at, command: 'clock trust', release };
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

function experimentTimer(experiment: number, at: string): Timer {
  return { key: `experiment:${experiment}`, at: new Date(at), command: 'clock experiment', experiment };
}

/** What was asked about an experiment, which is answered now. */
function questions({ experiment, round, asks }: { experiment: number; round: number; asks: number }): Surface[] {
  return Array.from({ length: asks }, (_, index) => ({ kind: 'experiment', experiment, round, ask: index + 1 }));
}

function digestTimer({ channel, kind, nextAt }: { channel: string; kind: DigestKind; nextAt: string }): Timer {
  const key = `digest:${channel}${kind === 'daily' ? '' : `:${kind}`}`;
  return { key, at: new Date(nextAt), command: 'clock digest', channel, kind };
}
