import { Secret, TOTP } from 'otpauth';
import { z } from 'zod';
import { type Ask, accept, actorId, type Decision, type Refusal, refuse } from './decision.ts';
import type { EventBody } from './event.ts';
import type { Codes } from './release.ts';

/*
 * Step-up: a time-based one-time code (RFC 6238: SHA-1, 30 s, six digits) for approvals of gates that are marked high.
 */
const periodSeconds = 30;
/** One step of a clock that is off in either direction. */
const window = 1;
/** So many wrong codes within `wrongMinutes` lock the door. */
export const wrongAtMost = 5;
export const wrongMinutes = 15;

type Checked = { readonly ok: true; readonly used: EventBody } | { readonly ok: false; readonly refusal: Refusal };

/** Checks a code against the sealed secret. A code works once: its step is written down. */
export function checkCode(code: string, codes: Codes, ask: Ask): Checked {
  if (codes.secret === undefined) return { ok: false, refusal: { code: 'code_not_enrolled' } };
  if (codes.wrong >= wrongAtMost) return { ok: false, refusal: { code: 'code_locked', minutes: wrongMinutes } };
  if (code.trim() === '') return { ok: false, refusal: { code: 'code_needed' } };
  const step = stepOf(code, ask.open(codes.secret), ask.now);
  if (step === undefined || step <= codes.lastStep)
    return { ok: false, refusal: { code: 'code_wrong', left: wrongAtMost - codes.wrong - 1 } };
  return { ok: true, used: { type: 'code.used', person: actorId(ask), step } };
}

/** The time step that a code belongs to; undefined when it is none of now. */
export function stepOf(code: string, secret: string | undefined, now: Date): number | undefined {
  const token = code.replace(/\s/g, '');
  if (secret === undefined || !/^\d{6}$/.test(token)) return undefined;
  const totp = new TOTP({ secret: Secret.fromBase32(secret), period: periodSeconds });
  const delta = totp.validate({ token, timestamp: now.getTime(), window });
  return delta === null ? undefined : Math.floor(now.getTime() / 1000 / periodSeconds) + delta;
}

/** The address that authenticator apps read. */
export function enrolmentUri(secret: string, person: string): string {
  return new TOTP({
    issuer: 'Maitred',
    label: person,
    secret: Secret.fromBase32(secret),
    period: periodSeconds,
  }).toString();
}

export const EnrolInput = z.strictObject({ credential: z.string(), code: z.string().max(20) });
export type EnrolInput = z.infer<typeof EnrolInput>;
export type EnrolFacts = {
  /** The sealed secret that was made for this person, by the credential's id. */
  readonly secret: string | undefined;
  readonly codes: Codes;
};

/** Proves that the authenticator has the secret; from here on it counts. An enrolled one has to be removed first. */
export function enrolCode(input: EnrolInput, facts: EnrolFacts, ask: Ask): Decision {
  if (facts.codes.secret !== undefined) return refuse({ code: 'code_enrolled' });
  const step = facts.secret === undefined ? undefined : stepOf(input.code, ask.open(facts.secret), ask.now);
  if (facts.codes.wrong >= wrongAtMost) return refuse({ code: 'code_locked', minutes: wrongMinutes });
  if (step === undefined) return refuse({ code: 'code_wrong', left: wrongAtMost - facts.codes.wrong - 1 });
  const person = actorId(ask);
  return accept({ type: 'code.enrolled', person, credential: input.credential }, { type: 'code.used', person, step });
}

export const RemoveCodeInput = z.strictObject({
  /** Somebody who lost their phone; null: oneself. */
  person: z.string().nullable(),
  code: z.string().max(20),
});
export type RemoveCodeInput = z.infer<typeof RemoveCodeInput>;
export type RemoveCodeFacts = { readonly codes: Codes; readonly roles: readonly string[] };

/** Removes one's own codes with a last code, or as a release manager those of somebody else. */
export function removeCode(input: RemoveCodeInput, facts: RemoveCodeFacts, ask: Ask): Decision {
  const self = actorId(ask);
  const person = input.person ?? self;
  if (person !== self && !facts.roles.includes('release_manager'))
    return refuse({ code: 'only_managers', verb: 'stepup' });
  if (facts.codes.secret === undefined) return refuse({ code: 'no_codes', person });
  if (person !== self) return accept({ type: 'code.removed', person });
  const checked = checkCode(input.code, facts.codes, ask);
  return checked.ok ? accept(checked.used, { type: 'code.removed', person }) : refuse(checked.refusal);
}
