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
  | {
      code: 'slot_taken';
      service: string;
      environment: string;
      holder: number;
      holderUnits: string;
      startsAt: string;
      endsAt: string;
      /** Start of the next free time for the same service and length. */
      next: string;
    }
  | { code: 'unmeetable_gate'; gate: string; needed: number; eligible: number }
  | { code: 'own_release'; release: number; role: 'requester' | 'lead'; waiting: string[] }
  | { code: 'not_eligible'; release: number; gates: { name: string; people: string[] }[] }
  | { code: 'voting_closed'; release: number; state: ReleaseState }
  | { code: 'already_voted'; release: number; gate: string; choice: string; at: string }
  | { code: 'changed_since'; release: number }
  | { code: 'reason_needed'; verb: string }
  | { code: 'only_runners'; release: number; verb: string; lead: string; requester: string }
  | { code: 'wrong_state'; release: number; verb: string; state: ReleaseState; possible: string[] }
  | { code: 'not_yet'; release: number; startsAt: string }
  | { code: 'too_late'; release: number; endsAt: string }
  | { code: 'gates_open'; release: number; waiting: string[] }
  | { code: 'room_open'; release: number }
  | { code: 'no_room'; release: number }
  | { code: 'empty_note' }
  | { code: 'digest_nowhere' }
  | { code: 'digest_off' }
  | { code: 'not_in_channel'; channel: string }
  | { code: 'unverified' };
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
