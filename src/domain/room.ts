import { z } from 'zod';
import { mayRun } from './access.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { onlyRunners } from './move.ts';
import { isFullMember } from './person.ts';
import { isEnded, isRunning, type ReleaseFacts } from './release.ts';
import { planRollback, planSteps, RoomRole, roomRoles, type StepPlan, statusMinutes } from './runbook.ts';
import { advance, currentStep, notInRoom, type RoomFacts, roomNeeds, type Step, untouched } from './step.ts';
import { addMinutes } from './time.ts';

/** Roles of the room, and the hand-over to operations at the end of the watch. */
export const offeredRoles = [...roomRoles, 'operations'] as const;
export const OfferedRole = z.enum(offeredRoles);

export const OfRoom = z.strictObject({ release: z.number().int() });
export type OfRoom = z.infer<typeof OfRoom>;

export const CloseInput = z.strictObject({ release: z.number().int(), note: z.string().max(2000).default('') });
export type CloseInput = z.infer<typeof CloseInput>;

/** Opens the war room, or one that was closed or archived again. */
export function openRoom(_input: OfRoom, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('open the war room of', facts));
  if (release.room === 'open') return refuse({ code: 'room_open', release: release.number });
  if (['rejected', 'expired', 'cancelled'].includes(release.state))
    return refuse({ code: 'wrong_state', release: release.number, verb: 'open', state: release.state, possible: [] });
  return accept(roomOpened(facts));
}

/** The clock: the war room of an approved release opens by itself. */
export function openRoomInTime(_input: OfRoom, facts: ReleaseFacts, _ask: Ask): Decision {
  const { release } = facts;
  return release.state === 'approved' && release.room === 'none' ? accept(roomOpened(facts)) : accept();
}

/** Closes the room, with a word to whoever comes after. */
export function closeRoom(input: CloseInput, facts: ReleaseFacts, ask: Ask): Decision {
  const { release } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('close the war room of', facts));
  if (release.room !== 'open') return refuse({ code: 'no_room', release: release.number });
  if (isRunning(release.state))
    return refuse({
      code: 'wrong_state',
      release: release.number,
      verb: 'close',
      state: release.state,
      possible: ['pause', 'done', 'rollback'],
    });
  return accept({ type: 'room.closed', release: release.number, note: input.note.trim() });
}

/** Lead and requester; followers and whoever is on call are added when people are invited. */
export function roomOpened({ release }: Pick<ReleaseFacts, 'release'>): EventBody {
  const members = new Set([release.lead, release.requester]);
  return {
    type: 'room.opened',
    release: release.number,
    members: [...members].sort(),
    again: release.room === 'closed',
  };
}

export const FollowInput = z.strictObject({ release: z.number().int(), follow: z.boolean() });
export type FollowInput = z.infer<typeof FollowInput>;

/** Asks to be in the room when it opens. */
export function followRelease(input: FollowInput, facts: RoomFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release, followers } = facts;
  if (followers.includes(person) === input.follow)
    return refuse({ code: 'follows', release: release.number, follows: input.follow });
  return accept({ type: 'release.followed', release: release.number, person, follow: input.follow });
}

export const InviteInput = z.strictObject({ release: z.number().int(), people: z.array(z.string()).min(1).max(100) });
export type InviteInput = z.infer<typeof InviteInput>;

export function inviteToRoom(input: InviteInput, facts: RoomFacts, ask: Ask): Decision {
  const { release } = facts;
  const no = notInRoom(facts, actorId(ask), ask);
  if (no) return refuse(no);
  if (release.room !== 'open') return refuse({ code: 'no_room', release: release.number });
  return accept({ type: 'room.invited', release: release.number, people: [...new Set(input.people)].sort() });
}

export const TakeRoleInput = z.strictObject({ release: z.number().int(), role: RoomRole });
export type TakeRoleInput = z.infer<typeof TakeRoleInput>;

/**
 * Takes a role, also from somebody who holds it: the lead's absence never blocks. Before the start nobody takes the lead
 * who voted on the release, or set one of its rules aside: requester and lead never approve their own (product.md, invariant 4).
 */
export function takeRole({ role }: TakeRoleInput, facts: RoomFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release } = facts;
  const no = roomNo(facts, person, ask);
  if (no) return refuse(no);
  if (facts.holders[role] === person) return refuse({ code: 'role_yours', release: release.number, role });
  if (role === 'lead' && decidedBeforeStart(facts, person))
    return refuse({ code: 'lead_voted', release: release.number, person });
  return accept(taken(facts, role, person, ''));
}

export const OfferRoleInput = z.strictObject({
  release: z.number().int(),
  role: OfferedRole,
  to: z.string(),
  note: z.string().max(2000),
});
export type OfferRoleInput = z.infer<typeof OfferRoleInput>;

/** Hands a role over; it changes hands once the other person says so. */
export function offerRole(input: OfferRoleInput, facts: RoomFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const { release } = facts;
  const isLate = input.role === 'operations';
  const no = isLate
    ? mayRun(release, person, facts.roles)
      ? undefined
      : onlyRunners('hand over', facts)
    : roomNo(facts, person, ask);
  if (no) return refuse(no);
  if (isLate && release.state !== 'done')
    return refuse({
      code: 'wrong_state',
      release: release.number,
      verb: 'hand over',
      state: release.state,
      possible: [],
    });
  const holder = facts.holders[input.role];
  // Whoever is asked hears who has it; others may take a role over, but not give it away.
  if (!isLate && holder !== undefined && holder !== person && !mayRun(release, person, facts.roles))
    return refuse({ code: 'not_yours', what: 'role', owner: holder });
  const note = input.note.trim();
  if (isLate && note === '') return refuse({ code: 'reason_needed', verb: 'handover' });
  const to = ask.directory.people[input.to];
  if (!to || !isFullMember(to) || input.to === person) return refuse({ code: 'offer_unfit', person: input.to });
  if (input.role === 'lead' && decidedBeforeStart(facts, input.to))
    return refuse({ code: 'lead_voted', release: release.number, person: input.to });
  const step = currentStep(facts.steps, release.state === 'rolled_back' ? 'rollback' : 'deploy');
  return accept({
    type: 'role.offered',
    release: release.number,
    offer: ask.newId(),
    role: input.role,
    from: person,
    to: input.to,
    note,
    inFlight: step ? `${step.key} ${step.title} (${step.state})` : '',
  });
}

export function offerNeeds(facts: RoomFacts, input: OfferRoleInput) {
  return { ...roomNeeds(facts), people: [input.to] };
}

export const AnswerOfferInput = z.strictObject({ release: z.number().int(), offer: z.string(), accept: z.boolean() });
export type AnswerOfferInput = z.infer<typeof AnswerOfferInput>;

export function answerOffer(input: AnswerOfferInput, facts: RoomFacts, ask: Ask): Decision {
  const person = actorId(ask);
  const offer = facts.offers.find((one) => one.id === input.offer);
  if (!offer) return refuse({ code: 'offer_over', state: 'gone' });
  if (offer.to !== person) return refuse({ code: 'not_yours', what: 'offer', owner: offer.to });
  if (offer.state !== 'offered') return refuse({ code: 'offer_over', state: offer.state });
  const { number } = facts.release;
  if (!input.accept)
    return accept({
      type: 'role.declined',
      release: number,
      offer: offer.id,
      role: offer.role,
      from: offer.from,
      to: person,
    });
  const role = OfferedRole.parse(offer.role);
  // Operations take over what works; it may have been rolled back since.
  if (role === 'operations' && facts.release.state !== 'done')
    return refuse({ code: 'offer_over', state: facts.release.state });
  if (role === 'lead' && decidedBeforeStart(facts, person))
    return refuse({ code: 'lead_voted', release: number, person });
  const handed = taken(facts, role, person, offer.id);
  return role === 'operations'
    ? accept(handed, { type: 'watch.ended', release: number, handedTo: person })
    : accept(handed);
}

/** The clock, five minutes after a room opened: nobody has said that they lead. */
export function missLead(_input: OfRoom, facts: RoomFacts, _ask: Ask): Decision {
  const { release, holders } = facts;
  if (release.room !== 'open' || holders.lead !== undefined || isEnded(release.state)) return accept();
  return accept({ type: 'role.missing', release: release.number, role: 'lead', expected: release.lead });
}

/** The clock: plans what has to be done, and lets the runbook do what it does by itself. */
export function lookAtRoom(_input: OfRoom, facts: RoomFacts, ask: Ask): Decision {
  const { release, planned } = facts;
  const versions = facts.runbook.services.flatMap(({ room }) => {
    const book = room.runbook === null ? undefined : facts.runbook.runbooks[room.runbook];
    return book ? [`${room.runbook} v${book.version}`] : [];
  });
  const about = { type: 'runbook.planned' as const, release: release.number, versions: [...new Set(versions)] };
  const isAsked = release.state === 'deploying' && release.statusDueAt === undefined;
  const scheduled: EventBody[] = isAsked
    ? [
        {
          type: 'status.scheduled',
          release: release.number,
          nextAt: addMinutes(ask.now, statusMinutes(facts.runbook)).toISOString(),
        },
      ]
    : [];
  const phase = release.state === 'rolled_back' ? 'rollback' : 'deploy';
  if (!planned.includes(phase) && (phase === 'rollback' || (release.room !== 'none' && !isEnded(release.state)))) {
    const steps = stepsToPlan(facts, phase);
    const open = steps.map((step): Step => ({ ...step, ...untouched }));
    const planning: EventBody = { ...about, phase, steps };
    return accept(planning, ...scheduled, ...advance({ ...facts, steps: [...facts.steps, ...open] }, ask));
  }
  return accept(...scheduled, ...advance(facts, ask));
}

/** What a phase begins with, beside the steps that somebody added before it was planned. */
export function stepsToPlan(facts: RoomFacts, phase: StepPlan['phase']): StepPlan[] {
  const { release, runbook, before } = facts;
  const cast = {
    requester: release.requester,
    authors: [...new Set([release.requester, ...release.scope.flatMap((item) => item.owner ?? [])])],
  };
  const taken = facts.steps.filter((step) => step.phase === phase).length;
  return phase === 'rollback'
    ? planRollback(runbook, cast, { migration: release.migration, before }, taken)
    : planSteps(runbook, cast, taken);
}

export const StaffInput = z.strictObject({
  release: z.number().int(),
  channel: z.string(),
  invited: z.array(z.string()),
  skipped: z.array(z.strictObject({ person: z.string(), why: z.string() })),
});
export type StaffInput = z.infer<typeof StaffInput>;

/** Slack has the room: where it is, who was invited, and who could not be. */
export function staffRoom(input: StaffInput, { release }: ReleaseFacts, _ask: Ask): Decision {
  if (release.room !== 'open') return accept();
  return accept({
    type: 'room.staffed',
    release: release.number,
    channel: input.channel,
    invited: [...input.invited],
    skipped: [...input.skipped],
  });
}

export const BarredInput = z.strictObject({
  release: z.number().int(),
  what: z.enum(['create', 'archive', 'unarchive']),
  why: z.string().max(100),
});
export type BarredInput = z.infer<typeof BarredInput>;

/** Slack forbids it: said once; without a channel of its own the room is the thread of the card. */
export function barRoom(input: BarredInput, { release }: ReleaseFacts, _ask: Ask): Decision {
  // A channel is lost as often as somebody archives it; the rest is said once.
  if (input.what === 'unarchive' ? !release.roomChannel : release.barred.includes(input.what)) return accept();
  return accept({ type: 'room.barred', release: release.number, what: input.what, why: input.why });
}

/** How long after its review a room is archived, and how long before that it is said. */
export const archiveMinutes = { after: 7 * 24 * 60, notice: 24 * 60 } as const;

/** The clock: says a day ahead that the room will be archived, exports its record, and archives it. */
export function archiveRoom(_input: OfRoom, { release }: ReleaseFacts, ask: Ask): Decision {
  if (release.room === 'none' || release.archivedAt || release.roomChannel === null || !release.reviewedAt)
    return accept();
  const from = release.keptAt && release.keptAt > release.reviewedAt ? release.keptAt : release.reviewedAt;
  const at = addMinutes(from, archiveMinutes.after);
  if (release.archiveNoticeAt && ask.now >= at && ask.now >= addMinutes(release.archiveNoticeAt, archiveMinutes.notice))
    return accept({ type: 'room.archived', release: release.number });
  const noticeAt = addMinutes(at, -archiveMinutes.notice);
  if (!release.archiveNoticeAt && ask.now >= noticeAt)
    return accept({
      type: 'room.archiving',
      release: release.number,
      at: addMinutes(ask.now, archiveMinutes.notice).toISOString(),
    });
  return accept();
}

/** Somebody still needs the room: it is looked at again in a week. */
export function keepRoom(_input: OfRoom, facts: RoomFacts, ask: Ask): Decision {
  const { release } = facts;
  const no = notInRoom(facts, actorId(ask), ask);
  if (no) return refuse(no);
  if (!release.archiveNoticeAt || release.archivedAt) return refuse({ code: 'room_stays', release: release.number });
  return accept({ type: 'room.kept', release: release.number });
}

function roomNo(facts: RoomFacts, person: string, ask: Ask) {
  const { release } = facts;
  if (release.room !== 'open') return { code: 'no_room' as const, release: release.number };
  return notInRoom(facts, person, ask);
}

function taken(facts: RoomFacts, role: z.infer<typeof OfferedRole>, person: string, offer: string): EventBody {
  const from = facts.holders[role] ?? null;
  return { type: 'role.taken', release: facts.release.number, role, person, from, offer: offer === '' ? null : offer };
}

/** Had a word in letting it start: a vote, or a rule set aside. */
function decidedBeforeStart(
  { release, votes, overrides }: Pick<ReleaseFacts, 'release' | 'votes' | 'overrides'>,
  person: string,
): boolean {
  const isAhead = release.state === 'requested' || release.state === 'approved';
  const voted = votes.some((vote) => vote.choice !== 'recuse' && [vote.voter, ...vote.seats].includes(person));
  const setAside = overrides.some((one) => one.state === 'granted' && [one.by, one.second].includes(person));
  return isAhead && (voted || setAside);
}
