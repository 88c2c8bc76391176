import { z } from 'zod';
import { mayRun } from './access.ts';
import { askNeeds, gateRows, rowOf } from './ask.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import { freezes, freezeTimes, type PlannedFreeze } from './freeze.ts';
import { tally } from './gate.ts';
import { askFor } from './gating.ts';
import { onlyRunners, type SlotFacts } from './move.ts';
import { againstException, type ExceptionFacts, passGates, quarterOf } from './pass.ts';
import type { DirectoryNeeds } from './person.ts';
import { approvedEvent } from './vote.ts';

export const ExceptionInput = z.strictObject({ release: z.number().int(), reason: z.string().max(500) });
export type ExceptionInput = z.infer<typeof ExceptionInput>;
export type AskExceptionFacts = SlotFacts & { readonly exceptions: ExceptionFacts };

/** The hard freezes over a release's slot that it has no pass for, and has not asked for one. */
export function freezesOver(facts: SlotFacts): PlannedFreeze[] {
  const { release } = facts;
  return facts.calendar.freezes.filter(
    (freeze) =>
      freeze.level === 'hard' &&
      facts.services.some((service) => freezes(freeze, release.environment, service, release.changeType)) &&
      freezeTimes(freeze, { from: release.startsAt, to: release.endsAt }).length > 0 &&
      !facts.gates.some(({ rule }) => rule.pass === freeze.key),
  );
}

export function exceptionNeeds(facts: AskExceptionFacts): DirectoryNeeds {
  const keys = freezesOver(facts).map((freeze) => freeze.key);
  return askNeeds(passGates(keys, facts.calendar.freezes, facts.policy), facts.policy.prefs, facts.policy.groups);
}

/** Asks the owners of the freezes over a release's slot for a pass. */
export function askException(input: ExceptionInput, facts: AskExceptionFacts, ask: Ask): Decision {
  const { release, policy } = facts;
  if (!mayRun(release, actorId(ask), facts.roles)) return refuse(onlyRunners('ask for an exception for', facts));
  if (release.state !== 'requested' && release.state !== 'approved')
    return refuse({ code: 'wrong_state', release: release.number, verb: 'except', state: release.state, possible: [] });
  const over = freezesOver(facts);
  if (over.length === 0) return refuse({ code: 'no_freeze_over', release: release.number });
  const reason = input.reason.trim();
  if (reason === '') return refuse({ code: 'reason_needed', verb: 'exception' });
  const team = facts.services[0]?.team ?? '';
  const quarter = quarterOf(release.startsAt, policy.zone);
  const no = againstException(team, facts.exceptions, { quarter, release: release.number });
  if (no) return refuse(no);
  const fresh = passGates(
    over.map((freeze) => freeze.key),
    facts.calendar.freezes,
    policy,
  );
  const asked = askFor(fresh, release, policy.prefs, ask);
  if (!asked.ok) return asked;
  const [first] = over as [PlannedFreeze];
  return accept({
    type: 'exception.asked',
    release: release.number,
    exception: { freeze: first.key, name: over.map((freeze) => freeze.name).join(' and '), team, quarter, reason },
    gates: [...facts.gates.map(rowOf), ...gateRows(asked.asked, ask.now)],
    plan: [...asked.plan],
    revision: release.revision,
  });
}

export const OfPasses = z.strictObject({ freeze: z.string() });
export type OfPasses = z.infer<typeof OfPasses>;

/** The clock, after a freeze was lifted: passes that no release needs any more go, and so do the gates that asked for them. */
export function endPasses({ freeze }: OfPasses, facts: readonly SlotFacts[], _ask: Ask): Decision {
  return accept(
    ...facts.flatMap((slot): EventBody[] => {
      const { release } = slot;
      const left = slot.gates.filter(({ rule }) => rule.pass !== freeze);
      const isOpen = release.state === 'requested' || release.state === 'approved';
      if (!isOpen || left.length === slot.gates.length || isFrozen(slot, freeze)) return [];
      const ended: EventBody = { type: 'exception.ended', release: release.number, freeze, gates: left.map(rowOf) };
      const isMet = release.state === 'requested' && tally(left, slot.votes).every((gate) => gate.met);
      return isMet ? [ended, approvedEvent(release)] : [ended];
    }),
  );
}

/** Does this freeze still cover its slot? */
function isFrozen({ calendar, services, release }: SlotFacts, key: string): boolean {
  const freeze = calendar.freezes.find((one) => one.key === key);
  if (!freeze) return false;
  const isMeant = services.some((service) => freezes(freeze, release.environment, service, release.changeType));
  return isMeant && freezeTimes(freeze, { from: release.startsAt, to: release.endsAt }).length > 0;
}
