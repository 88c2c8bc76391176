import type { Criterion, RiskRow, VoteChoice } from '../src/domain/approval.ts';
import type { Conflict } from '../src/domain/calendar.ts';
import type { Migration, ScopeItem } from '../src/domain/content.ts';
import { isNo, isYes } from '../src/domain/gate.ts';
import type { GateRule } from '../src/domain/policy.ts';
import { type ReleaseState, releaseKey, type Unit, unitsName } from '../src/domain/release.ts';
import { button, clip, confirm, list, type Mrkdwn, mrkdwn, person, plainSlot } from './kit.ts';

/** A release as views need it. `zone` is the calendar's, for texts that Slack cannot localise. */
export type ReleaseProps = {
  readonly number: number;
  readonly state: ReleaseState;
  readonly units: readonly Unit[];
  readonly environment: string;
  readonly changeType: string;
  readonly policy: string;
  readonly summary: string;
  readonly rollbackPlan: string;
  /** Its runbook says how to go back. */
  readonly hasWayBack: boolean;
  readonly requester: string;
  readonly lead: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly channel: string;
  readonly revision: number;
  readonly requestedAt: Date;
  readonly changedAt: Date;
  readonly startedAt: Date | undefined;
  readonly reason: string;
  readonly gates: readonly GateProps[];
  readonly notes: readonly { readonly author: string; readonly text: string; readonly at: Date }[];
  readonly room: 'none' | 'open' | 'closed';
  /** The war room's channel once Slack has made it. */
  readonly roomChannel: string | undefined;
  readonly barred: readonly string[];
  readonly archivedAt: Date | undefined;
  /** Who leads the room, whoever was booked. */
  readonly roomLead: string | null;
  /** The last word on how it goes. */
  readonly status: string;
  readonly health: string;
  readonly statusAt: Date | undefined;
  readonly endedAt: Date | undefined;
  readonly restoredAt: Date | undefined;
  readonly watchUntil: Date | undefined;
  readonly watchEndedAt: Date | undefined;
  readonly zone: string;
  readonly dependsOn: readonly number[];
  readonly train: { readonly key: string; readonly date: string } | undefined;
  /** A passenger that was left behind holds no slot any more. */
  readonly hasSlot: boolean;
  /** SEQUENCE of its calendar entry. */
  readonly sequence: number;
  /** What spoke against its time when it was booked. */
  readonly warnings: readonly Conflict[];
  /** The conditions that its policy matched, in words. */
  readonly because: string;
  readonly rollbackTested: boolean;
  readonly migration: Migration;
  readonly scope: readonly ScopeItem[];
  readonly links: readonly string[];
  readonly risk: RiskRow | undefined;
  /** SHA-256 of what it was approved for; "" while it is not. */
  readonly approvedHash: string;
  readonly auto: boolean;
  /** Guards that did not hold for its slot, in words. */
  readonly advice: readonly string[];
  readonly criteria: readonly CriterionProps[];
  /** Overrides that are proposed or granted. */
  readonly overrides: readonly OverrideProps[];
  readonly delegations: readonly { readonly from: string; readonly to: string }[];
  readonly exception: { readonly name: string; readonly team: string; readonly reason: string } | undefined;
  readonly reviewDueAt: Date | undefined;
  readonly reviewedAt: Date | undefined;
  readonly outcome: string | undefined;
  readonly review: string;
};

export type CriterionProps = Criterion & {
  readonly tick: { readonly person: string; readonly evidence: string; readonly at: Date } | undefined;
};

export type OverrideProps = {
  readonly id: string;
  readonly rule: string;
  readonly reason: string;
  readonly by: string;
  readonly second: string;
  readonly until: Date;
  readonly state: string;
  /** What it is for: SHA-256 of content and slot. */
  readonly hash: string;
};

export type GateProps = {
  readonly name: string;
  readonly rule: GateRule;
  /** How many approvals it takes. */
  readonly needed: number;
  readonly met: boolean;
  readonly stuck: boolean;
  readonly votes: readonly {
    readonly voter: string;
    readonly choice: VoteChoice;
    readonly comment: string;
    readonly unblock: string;
    readonly seats: readonly string[];
    readonly at: Date;
  }[];
  /** Who could vote when it was asked. */
  readonly asked: readonly string[];
  readonly askedAt: Date;
  /** Who may vote since its time was over. */
  readonly escalatedTo: readonly string[];
};

/** What a gate cost and caught of late. */
export type GateCost = {
  readonly gate: string;
  readonly n: number;
  readonly medianMinutes: number;
  readonly caught: number;
};

/** One line that tells where the release stands, for `text` and lists. */
export function summaryLine(release: ReleaseProps): Mrkdwn {
  const name = mrkdwn`${releaseKey(release.number)} ${unitsName(release.units)}`;
  const when = plainSlot(release.startsAt, release.endsAt, release.zone);
  const waiting = waitingFor(release);
  switch (release.state) {
    case 'requested':
      return mrkdwn`${name} is in review for ${release.environment}: needs ${waiting} before ${when}`;
    case 'approved':
      return mrkdwn`${name} is approved for ${release.environment}: ${when}`;
    case 'deploying':
      return mrkdwn`${name} is being deployed to ${release.environment}, led by ${person(release.roomLead ?? release.lead)}`;
    case 'paused':
      return mrkdwn`${name} is paused in ${release.environment}: ${clip(release.reason, 300) || 'no reason given'}`;
    case 'verifying':
      return mrkdwn`${name} is deployed to ${release.environment} and being verified`;
    case 'done':
      return mrkdwn`${name} is done in ${release.environment}`;
    case 'rolled_back':
      return mrkdwn`${name} was rolled back in ${release.environment}: ${clip(release.reason, 300)}`;
    case 'failed':
      return mrkdwn`${name} failed in ${release.environment}: ${clip(release.reason, 300)}`;
    case 'rejected':
      return mrkdwn`${name} was rejected: ${clip(release.reason, 300)}`;
    case 'expired':
      return mrkdwn`${name} expired without ${waiting || 'its approvals'}; its slot is free again`;
    case 'cancelled':
      return mrkdwn`${name} was cancelled${release.reason ? `: ${clip(release.reason, 300)}` : ''}; its slot is free again`;
  }
}

/** "1 more from SRE and Product to lift its block" in words, or nothing when every gate is met. */
export function waitingFor(release: ReleaseProps): string {
  const parts = release.gates
    .filter((gate) => !gate.met)
    .map((gate) => {
      const missing = gate.needed - gate.votes.filter((vote) => isYes(vote.choice)).length;
      const isBlocked = gate.rule.veto && gate.votes.some((vote) => isNo(vote.choice));
      const more = missing > 0 ? `${missing} more from ${gate.name}` : '';
      const lift = isBlocked ? `${gate.name} to lift its block` : '';
      return [lift, more].filter(Boolean).join(', ');
    });
  return list(parts, 'and');
}

/** The rollback plan, and whether it was tried. */
export function rollbackWords(release: ReleaseProps, most: number): string {
  if (release.rollbackPlan === '') return release.hasWayBack ? 'the steps of its runbook' : 'no plan given';
  return `${clip(release.rollbackPlan, most)} (${release.rollbackTested ? 'tested' : 'not tested'})`;
}

/** Until when it can be decided: an emergency to the end of its slot. */
export function closesAt(release: Pick<ReleaseProps, 'changeType' | 'startsAt' | 'endsAt'>): Date {
  return release.changeType === 'emergency' ? release.endsAt : release.startsAt;
}

/** Asks before it cancels. */
export function cancelButton(release: Pick<ReleaseProps, 'number' | 'units'>, style?: 'danger') {
  return button('release.cancel', 'Cancel…', String(release.number), {
    ...(style ? { style } : {}),
    confirm: confirm(
      'Cancel this release?',
      `Frees the slot of ${unitsName(release.units)}. Its votes are kept on record.`,
      'Cancel it',
      'Keep it',
    ),
  });
}
