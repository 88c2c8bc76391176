import type { Criterion, Everybody, History } from './approval.ts';
import type { Migration, ScopeItem } from './content.ts';
import type { Delegation, Groups, Vote, WhoSource } from './gate.ts';
import type { About } from './guard.ts';
import type { ChangeType, GateRule, Guard, Policy, StandardChange } from './policy.ts';
import type { Traits } from './scope.ts';
import { wallTime } from './time.ts';

/** The life of a release, product.md §2. */
export const releaseStates = [
  'requested',
  'approved',
  'deploying',
  'paused',
  'verifying',
  'done',
  'rolled_back',
  'failed',
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
  readonly rollbackPlan: string;
  readonly rollbackTested: boolean;
  readonly migration: Migration;
  readonly scope: readonly ScopeItem[];
  readonly links: readonly string[];
  readonly policy: string;
  readonly guards: readonly Guard[];
  readonly risk: string;
  /** What its verdict was for; "" while there is none, or for verdicts of before there were hashes. */
  readonly approvedHash: string;
  /** It starts by itself when its slot opens. */
  readonly auto: boolean;
  /** What kept it from starting, as it was told last; "": nothing. */
  readonly held: string;
  readonly nudgedAt: Date | undefined;
  readonly endedAt: Date | undefined;
  readonly reviewAskedAt: Date | undefined;
  readonly reviewedAt: Date | undefined;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly channel: string;
  readonly revision: number;
  readonly room: 'none' | 'open' | 'closed';
  /** Its channel once Slack has made it. */
  readonly roomChannel: string | null;
  /** What Slack forbids: a room that cannot be created is the thread of the card. */
  readonly barred: readonly string[];
  /** Who took the lead of the room; the lead that was booked stays on record. */
  readonly roomLead: string | null;
  readonly startedAt: Date | undefined;
  /** The end that was booked, whatever it grew to since. */
  readonly plannedEnd: Date;
  readonly statusDueAt: Date | undefined;
  /** Its rollback is over. */
  readonly restoredAt: Date | undefined;
  readonly watchUntil: Date | undefined;
  readonly watchEndedAt: Date | undefined;
  readonly archiveNoticeAt: Date | undefined;
  readonly archivedAt: Date | undefined;
  /** Somebody wanted the room kept. */
  readonly keptAt: Date | undefined;
  /** Releases that have to be done before it starts. */
  readonly dependsOn: readonly number[];
  readonly train: { readonly key: string; readonly date: string } | null;
  /** It still holds its time; a passenger that was left behind does not. */
  readonly hasSlot: boolean;
};

/** A gate of a release with where its voters are to be found now. */
export type GateOf = {
  readonly rule: GateRule;
  readonly sources: readonly WhoSource[];
  /** Without those that it was escalated to. */
  readonly base: readonly WhoSource[];
  readonly asked: readonly string[];
  readonly askedAt: Date;
  readonly metAt: Date | undefined;
  /** Who was asked, and may vote, once its time was over. */
  readonly escalatedTo: readonly string[];
};

/** A criterion with its tick, if it has one. */
export type CriterionOf = Criterion & { readonly tickedBy: string | null };

/** A rule that two people have set aside for a time. */
export type Override = {
  readonly id: string;
  readonly rule: string;
  readonly by: string;
  readonly second: string;
  readonly until: Date;
  readonly state: 'proposed' | 'granted' | 'declined' | 'lapsed';
  readonly reason: string;
  /** SHA-256 of the content and slot that it is for. */
  readonly hash: string;
};

/** A service as policies see it. */
export type ServiceOf = Traits & {
  readonly tier: number;
  readonly teamMembers: readonly string[];
  /** How many services stand on it. */
  readonly dependants: number;
  /** Empty: any. */
  readonly environments: readonly string[];
  /** Its versions are semantic versions. */
  readonly semver: boolean;
};

/** What gates are chosen by: the catalogue's rules and what is known of its teams. */
export type PolicyFacts = {
  readonly zone: string;
  readonly policies: readonly Policy[];
  readonly standards: readonly StandardChange[];
  readonly groups: Groups;
  /** Policies that a team's record has moved it to, by team and policy. */
  readonly trust: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly history: readonly History[];
  readonly prefs: Everybody;
  readonly managers: readonly string[];
};

/** A release with everything that rules about it ask for. */
export type ReleaseFacts = {
  readonly release: Release;
  readonly gates: readonly GateOf[];
  readonly votes: readonly Vote[];
  /** Who votes for whom: named for this release, or by preference. */
  readonly delegations: readonly Delegation[];
  readonly criteria: readonly CriterionOf[];
  readonly overrides: readonly Override[];
  /** The acting person's roles. */
  readonly roles: readonly string[];
  /** The acting person's one-time codes. */
  readonly codes: Codes;
  readonly policy: PolicyFacts;
  readonly services: readonly ServiceOf[];
};

/** One-time codes of a person: the sealed secret, the last step that was used, and wrong ones of late. */
export type Codes = {
  readonly secret: string | undefined;
  readonly lastStep: number;
  readonly wrong: number;
};

/** What conditions may speak of. */
export function aboutOf(
  release: Pick<
    Release,
    | 'environment'
    | 'changeType'
    | 'summary'
    | 'rollbackPlan'
    | 'rollbackTested'
    | 'migration'
    | 'dependsOn'
    | 'links'
    | 'requester'
    | 'lead'
  >,
  services: readonly {
    readonly key: string;
    readonly team: string | null;
    readonly tags: readonly string[];
    readonly tier: number;
  }[],
  slot: { readonly startsAt: Date; readonly minutes: number },
  zone: string,
  risk: string,
): About {
  const wall = wallTime(slot.startsAt, zone);
  const [hour = 0, minute = 0] = wall.time.split(':').map(Number);
  return {
    release: {
      environment: release.environment,
      type: release.changeType,
      services: services.map((service) => service.key),
      teams: [...new Set(services.flatMap((service) => service.team ?? []))],
      tags: [...new Set(services.flatMap((service) => service.tags))],
      tier: Math.min(3, ...services.map((service) => service.tier)),
      minutes: slot.minutes,
      summary: release.summary,
      rollback: release.rollbackPlan,
      rollback_tested: release.rollbackTested,
      migration: release.migration,
      risk,
      dependencies: release.dependsOn.length,
      links: release.links.length,
      requester: release.requester,
      lead: release.lead,
    },
    time: { weekday: wall.isoWeekday, hour, minute, date: wall.date },
  };
}

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
