import type { Vote, WhoSource } from './gate.ts';
import type { ChangeType, GateRule } from './policy.ts';

/** The life of a release, product.md §2. */
export const releaseStates = [
  'requested',
  'approved',
  'deploying',
  'paused',
  'verifying',
  'done',
  'rolled_back',
  'rejected',
  'expired',
  'cancelled',
] as const;
export type ReleaseState = (typeof releaseStates)[number];

/** A service in a version: what a release is made of. */
export type Unit = { readonly service: string; readonly version: string };

/** The facts that rules ask about a release. Times are instants. */
export type Release = {
  readonly number: number;
  readonly state: ReleaseState;
  readonly requester: string;
  readonly lead: string;
  readonly units: readonly Unit[];
  readonly environment: string;
  readonly changeType: ChangeType;
  readonly summary: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly channel: string;
  readonly revision: number;
  readonly room: 'none' | 'open' | 'closed';
  /** Releases that have to be done before it starts. */
  readonly dependsOn: readonly number[];
  readonly train: { readonly key: string; readonly date: string } | null;
  /** It still holds its time; a passenger that was left behind does not. */
  readonly hasSlot: boolean;
};

/** A release with everything that rules about it ask for. */
export type ReleaseFacts = {
  readonly release: Release;
  readonly gates: readonly {
    readonly rule: GateRule;
    readonly sources: readonly WhoSource[];
    readonly asked: readonly string[];
  }[];
  readonly votes: readonly Vote[];
  /** The acting person's roles. */
  readonly roles: readonly string[];
  /** Members of the teams that own its services. */
  readonly owners: readonly string[];
};

/** Its slot is still held: nobody else may take the time. */
export function isSlotHeld(state: ReleaseState): boolean {
  return state === 'requested' || state === 'approved' || isRunning(state);
}

export function isRunning(state: ReleaseState): boolean {
  return state === 'deploying' || state === 'paused' || state === 'verifying';
}

export function isEnded(state: ReleaseState): boolean {
  return !isSlotHeld(state);
}

/** `REL-142`, the name people use. */
export function releaseKey(number: number): string {
  return `REL-${number}`;
}

/** Reads `REL-142`, `rel-142`, `#142` or `142`; undefined when it is something else. */
export function parseReleaseKey(text: string): number | undefined {
  const match = /^(?:rel-?|#)?(\d{1,9})$/i.exec(text.trim());
  return match ? Number(match[1]) : undefined;
}

/** "payments 2.14.0 + web 88". */
export function unitsName(units: readonly Unit[]): string {
  return units.map((unit) => `${unit.service} ${unit.version}`).join(' + ');
}

/** How long before its slot the war room opens by itself. */
export const roomLeadMinutes = 30;
