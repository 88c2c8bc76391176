import type { Conflict } from './calendar.ts';
import type { EventBody } from './event.ts';
import type { Actor, Directory, Person } from './person.ts';
import type { ReleaseState } from './release.ts';

/** What a rule may know besides its facts: who asks, where, and what time it is. */
export type Ask = {
  readonly workspace: string;
  readonly actor: Actor;
  /** The person behind the actor as Slack describes them now; absent for the clock and the system. */
  readonly person: Person | undefined;
  readonly directory: Directory;
  readonly now: Date;
  readonly newId: () => string;
  /** The number of a release that may come into being; 0 for commands that make none. */
  readonly number: number;
  /** Opens what was sealed for keeping; undefined when it cannot be opened. */
  readonly open: (sealed: string) => string | undefined;
};

/** An expected "no": a value with the facts that its words need. Words live in blocks/refusal.ts. */
export type Refusal =
  | { code: 'is_bot' }
  | { code: 'is_deactivated' }
  | { code: 'is_stranger' }
  | { code: 'is_guest' }
  | { code: 'not_found'; what: 'release'; name: string }
  | { code: 'which_release'; open: number[] }
  | { code: 'unknown_service'; name: string; nearest: string | null; known: string[] }
  | { code: 'unknown_environment'; service: string; name: string; known: string[] }
  | { code: 'service_twice'; service: string }
  | { code: 'bad_duration'; minutes: number; min: number; max: number }
  | { code: 'in_the_past'; startsAt: string }
  | { code: 'lead_unfit'; lead: string }
  | { code: 'no_home' }
  /** The wanted time does not suit; `hard` says why, `warnings` what else speaks against it. */
  | { code: 'conflict'; startsAt: string; minutes: number; hard: Conflict[]; warnings: Conflict[] }
  | { code: 'unmeetable_gate'; gate: string; needed: number; eligible: number }
  | { code: 'own_release'; release: number; role: 'requester' | 'lead'; waiting: string[] }
  | { code: 'not_eligible'; release: number; gates: { name: string; people: string[] }[] }
  | { code: 'voting_closed'; release: number; state: ReleaseState }
  | { code: 'already_voted'; release: number; gate: string; choice: string; at: string }
  | { code: 'changed_since'; release: number }
  | { code: 'reason_needed'; verb: string; release?: number }
  | { code: 'only_runners'; release: number; verb: string; lead: string; requester: string }
  | { code: 'wrong_state'; release: number; verb: string; state: ReleaseState; possible: string[] }
  | { code: 'not_yet'; release: number; startsAt: string }
  | { code: 'too_late'; release: number; endsAt: string }
  | { code: 'gates_open'; release: number; waiting: string[] }
  | { code: 'room_open'; release: number }
  | { code: 'no_room'; release: number }
  | { code: 'empty_note' }
  | { code: 'digest_nowhere' }
  | { code: 'digest_off'; kind: string }
  | { code: 'subscribe_nowhere' }
  | { code: 'not_subscribed'; key: string | null; keys: string[] }
  | { code: 'not_in_channel'; channel: string }
  /** Slack did not say who somebody is; the log says why, under this reference. */
  | { code: 'unverified'; reference: string }
  | { code: 'only_managers'; verb: string }
  | { code: 'never_happens'; what: 'window' | 'freeze' | 'series' | 'delegation' | 'quiet time' }
  | { code: 'no_occurrence'; what: string; date: string }
  | { code: 'unknown_window'; name: string; known: string[] }
  | { code: 'unknown_freeze'; name: string; known: string[] }
  | { code: 'freeze_exists'; key: string }
  | { code: 'own_freeze'; freeze: string; release: number }
  | { code: 'unknown_scope'; what: string; name: string; known: string[] }
  | { code: 'too_long_for_you'; hours: number }
  | { code: 'seats_taken'; window: string; date: string; taken: number; capacity: number }
  /** Something stands against the start itself: a freeze, a dependency, a passenger before it, a lost slot. */
  | { code: 'cannot_start'; release: number; hard: Conflict[] }
  | { code: 'no_slot'; release: number }
  | { code: 'after'; release: number; first: number; label: string; state: ReleaseState }
  | { code: 'same_slot'; release: number }
  | { code: 'depends_on_itself'; release: number }
  | { code: 'unknown_needs'; release: number }
  | { code: 'is_free' }
  | { code: 'in_line'; startsAt: string }
  | { code: 'line_over'; state: string }
  | { code: 'not_yours'; what: string; owner: string }
  | { code: 'swap_over'; state: string }
  | { code: 'swap_itself'; release: number }
  | { code: 'unknown_train'; name: string; known: string[] }
  | { code: 'may_not_board'; train: string; scope: string; environment: string }
  | { code: 'no_departure'; train: string }
  | { code: 'unknown_booking'; booking: number }
  | { code: 'booking_over'; booking: number }
  | { code: 'nothing_to_undo' }
  | { code: 'cannot_undo'; release: number; state: ReleaseState }
  | { code: 'no_series'; release: number }
  | { code: 'unknown_feed'; kind: string; name: string; known: string[] }
  | { code: 'no_feed' }
  | { code: 'decided_for_you'; release: number; by: string; choice: string; at: string }
  | { code: 'owner_unfit'; owner: string; title: string }
  | { code: 'lead_is_approver'; release: number; lead: string; gates: string[]; isOpen: boolean }
  | { code: 'emergency_anew'; release: number }
  | { code: 'no_delegates'; release: number; gates: string[] }
  | { code: 'delegate_unfit'; person: string }
  | { code: 'delegate_chain'; person: string }
  | { code: 'nothing_delegated'; release: number }
  | { code: 'code_not_enrolled' }
  | { code: 'no_codes'; person: string }
  | { code: 'code_enrolled' }
  | { code: 'code_needed' }
  | { code: 'code_wrong'; left: number }
  | { code: 'code_locked'; minutes: number }
  | { code: 'not_standard'; reasons: { name: string; why: string }[] }
  | { code: 'not_semver'; service: string; version: string }
  | { code: 'exception_budget'; team: string; quarter: string; used: number; budget: number }
  | { code: 'exception_review'; team: string; release: number; label: string; state: ReleaseState }
  | { code: 'no_freeze_over'; release: number }
  | { code: 'own_override'; release: number; role: 'requester' | 'lead' }
  | { code: 'unknown_rule'; release: number; name: string; known: string[] }
  | { code: 'second_unfit'; person: string }
  | { code: 'override_open'; rule: string; state: string; until: string }
  | { code: 'override_over'; state: string }
  | { code: 'unknown_criterion'; release: number; name: string; known: string[] }
  | { code: 'not_your_tick'; release: number; title: string; people: string[] }
  | { code: 'not_ticked'; title: string }
  | { code: 'evidence_needed'; title: string }
  | { code: 'exit_too_early'; release: number; title: string }
  | { code: 'already_ticked'; title: string; by: string }
  | { code: 'criteria_open'; release: number; before: 'start' | 'done'; open: string[] }
  | { code: 'guards_fail'; release: number; guards: { name: string; message: string }[] }
  /** What is stored is not what the verdict was for. */
  | { code: 'not_what_was_approved'; release: number }
  | { code: 'nothing_changed'; release: number }
  | { code: 'nudged'; release: number; nextAt: string }
  | { code: 'nobody_to_nudge'; release: number; away: string[] }
  | { code: 'snooze_too_long'; release: number; startsAt: string }
  | { code: 'reviewed'; release: number; at: string }
  | { code: 'not_as_planned'; release: number }
  | { code: 'proposal_over'; state: string }
  | { code: 'own_team'; team: string }
  | { code: 'said_already'; choice: string }
  | { code: 'unknown_step'; release: number; step: string; steps: number }
  /** Somebody was faster, or it is over. */
  | {
      code: 'step_over';
      release: number;
      step: string;
      title: string;
      state: string;
      by: string | null;
      at: string | null;
    }
  | { code: 'step_claimed'; release: number; step: string; by: string }
  | { code: 'step_waits'; release: number; step: string; for: string[] }
  | { code: 'step_runs'; release: number; step: string; running: boolean }
  | { code: 'needs_voices'; release: number; step: string; waiting: string[] }
  | { code: 'still_soaking'; release: number; step: string; until: string }
  | { code: 'second_person'; release: number; step: string }
  | { code: 'no_poll'; release: number }
  | { code: 'no_go'; release: number; step: string; by: string }
  | { code: 'no_voice'; release: number; step: string; voices: { name: string; people: string[]; groups: string[] }[] }
  | { code: 'voiced'; release: number; choice: string }
  | { code: 'too_many_steps'; release: number }
  | {
      code: 'replaced';
      release: number;
      environment: string;
      by: { service: string; version: string; release: number }[];
    }
  | { code: 'asked_again'; release: number; as: number }
  | { code: 'steps_open'; release: number; steps: { key: string; title: string }[] }
  | { code: 'room_paused'; release: number }
  | { code: 'not_in_room'; release: number; channel: string }
  | { code: 'room_stays'; release: number }
  | { code: 'follows'; release: number; follows: boolean }
  | { code: 'role_yours'; release: number; role: string }
  | { code: 'lead_voted'; release: number; person: string }
  | { code: 'offer_unfit'; person: string }
  | { code: 'offer_over'; state: string }
  /** Somebody else holds the time behind the slot. */
  | { code: 'extended_already'; release: number; endsAt: string }
  | { code: 'next_holder'; release: number; next: { release: number | null; label: string; startsAt: string } }
  | { code: 'unknown_incident'; release: number; key: string; known: string[] }
  | { code: 'incident_linked'; release: number; key: string }
  /** It is known, and nobody has said yet which release it came after. */
  | { code: 'incident_reported'; key: string; candidates: number[] }
  /** `releases` it is linked with; none: it came from no release. */
  | { code: 'incident_settled'; key: string; releases: number[] }
  | { code: 'no_incident'; key: string }
  | { code: 'unbooked_when'; at: string; isAhead: boolean }
  | { code: 'unbooked_known'; service: string; version: string; environment: string; at: string; by: string }
  | { code: 'was_booked'; release: number; service: string; version: string }
  | { code: 'unknown_unbooked'; service: string; version: string; environment: string }
  | { code: 'experiment_until'; until: string }
  | { code: 'unknown_experiment'; experiment: number; known: number[] }
  | { code: 'experiment_over'; experiment: number; state: string }
  | { code: 'words_needed'; experiment: number }
  | { code: 'workaround_needed'; release: number }
  | { code: 'unknown_error'; key: string }
  | { code: 'unknown_action'; key: string }
  | { code: 'no_room_here' }
  | { code: 'not_restored'; release: number }
  | { code: 'due_past'; due: string };
export type RefusalCode = Refusal['code'];
export type RefusalOf<C extends RefusalCode> = Extract<Refusal, { code: C }>;

export type Decision =
  | { readonly ok: true; readonly events: readonly EventBody[] }
  | { readonly ok: false; readonly refusal: Refusal };

export function accept(...events: EventBody[]): Decision {
  return { ok: true, events };
}

export function refuse(refusal: Refusal): Decision {
  return { ok: false, refusal };
}

/** The acting person's id. Rules that only people may use start here. */
export function actorId(ask: Ask): string {
  if (ask.actor.kind !== 'person') throw new Error(`a person has to do this, not the ${ask.actor.kind}`);
  return ask.actor.id;
}
