import type { RoomProps } from '../../blocks/room.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { GateRule } from '../../src/domain/policy.ts';
import { StepPlan } from '../../src/domain/runbook.ts';
import type { Step } from '../../src/domain/step.ts';

/** What a release has besides what a test of views is about; `words` stand wherever people type. */
export function approvalProps(words: string, at: Date) {
  return {
    because: words.slice(0, 200),
    rollbackTested: true,
    hasWayBack: true,
    migration: 'irreversible',
    scope: [{ title: words.slice(0, 150) || 'x', link: 'https://tracker.example.com/1', owner: 'U0KIM' }],
    links: ['https://ci.example.com/1', words.slice(0, 300)],
    risk: {
      band: 'high',
      reasons: ['no rollback plan', words.slice(0, 100)],
      rate: { events: 3, n: 41, share: 0.07, low: 0.03, high: 0.16 },
    },
    approvedHash: 'a'.repeat(64),
    auto: true,
    advice: [words.slice(0, 200)],
    criteria: [
      {
        key: 'rule:CI',
        kind: 'entry',
        title: words.slice(0, 100) || 'x',
        evidence: true,
        link: '',
        owner: null,
        gate: null,
        tick: undefined,
      },
      {
        key: 'scope:x',
        kind: 'scope',
        title: words.slice(0, 100) || 'x',
        evidence: false,
        link: words.slice(0, 300),
        owner: 'U0KIM',
        gate: null,
        tick: { person: 'U0KIM', evidence: words.slice(0, 200), at },
      },
    ],
    overrides: [
      {
        id: 'o1',
        rule: 'gate:SRE',
        reason: words.slice(0, 500),
        by: 'U0RAE',
        second: 'U0LEE',
        until: at,
        state: 'granted',
        hash: '',
      },
      {
        id: 'o2',
        rule: words.slice(0, 60),
        reason: words,
        by: 'U0RAE',
        second: 'U0LEE',
        until: at,
        state: 'proposed',
        hash: '',
      },
    ],
    delegations: [{ from: 'U0KIM', to: 'U0LEE' }],
    exception: { name: words.slice(0, 80), team: 'payments', reason: words.slice(0, 500) },
    reviewDueAt: at,
    reviewedAt: at,
    outcome: 'minor',
    review: words,
    barred: [],
    archivedAt: undefined,
    roomLead: 'U0RAJ',
    status: words.slice(0, 500),
    health: 'at_risk',
    statusAt: at,
    endedAt: at,
    restoredAt: at,
    watchUntil: at,
    watchEndedAt: undefined,
  } satisfies Partial<ReleaseProps>;
}

/** A gate with the rule that its name and number say. */
export function gateProps(
  name: string,
  needed: number,
  change: Partial<ReleaseProps['gates'][number]> & { votes: ReleaseProps['gates'][number]['votes'] },
): ReleaseProps['gates'][number] {
  return {
    name,
    rule: GateRule.parse({ name, who: { kind: 'owners' }, needed }),
    needed,
    met: false,
    stuck: false,
    asked: [],
    askedAt: new Date('2026-11-23T12:00:00Z'),
    escalatedTo: [],
    ...change,
  };
}

/** A step in any state; `words` stand wherever people type. */
export function stepProps(key: string, words: string, change: Partial<Step>): Step {
  return {
    ...StepPlan.parse({
      key,
      phase: 'deploy',
      group: words.slice(0, 40),
      title: words.slice(0, 150) || 'x',
      kind: 'manual',
      needs: [],
      owner: null,
      ownerName: '',
      dueMinutes: null,
      verify: false,
      soakMinutes: null,
      expose: null,
      voices: [],
      webhook: null,
    }),
    state: 'open',
    attempt: 1,
    claimedBy: null,
    doneBy: null,
    verifiedBy: null,
    note: '',
    startedAt: undefined,
    endedAt: undefined,
    until: undefined,
    dueAt: undefined,
    announced: false,
    reminded: false,
    said: [],
    ...change,
  };
}

/** A war room with one of everything around a release. */
export function roomProps(release: ReleaseProps, words: string, steps: readonly Step[], at: Date): RoomProps {
  return {
    release,
    openedAt: at,
    steps,
    holders: { lead: 'U0RAJ', scribe: 'U0KIM' },
    offers: [
      {
        id: 'o1',
        role: 'lead',
        from: 'U0RAJ',
        to: 'U0LEE',
        note: words.slice(0, 2000),
        inFlight: words.slice(0, 200),
        state: 'offered',
      },
    ],
    exposures: [{ label: words.slice(0, 40), person: 'U0RAJ', at }],
    canary: [
      {
        type: 'canary.judged',
        release: release.number,
        metric: words.slice(0, 80),
        verdict: 'high',
        n: { baseline: 60, canary: 60 },
        medianBaseline: 120,
        medianCanary: 180,
        shift: 60,
        low: 40,
        high: 80,
        pValue: 0.001,
        tolerance: 0.25,
        confidence: 0.98,
        news: true,
      },
    ],
    kept: 2,
    incidents: [{ key: words.slice(0, 60), isOpen: true }],
    knownErrors: [{ key: 'KE-142-1', title: words.slice(0, 200), isOpen: true }],
    before: [{ service: 'payments', version: words.slice(0, 60) }],
  };
}

/** A release with everything that a release may have; `words` stand wherever people type. */
export function releaseWith(state: ReleaseProps['state'], words: string): ReleaseProps {
  const now = new Date('2026-11-24T12:00:00Z');
  const vote = {
    voter: 'U0BEN',
    choice: 'approve' as const,
    comment: words,
    unblock: '',
    seats: ['U0BEN'],
    at: now,
  };
  return {
    number: 142,
    state,
    units: [{ service: 'payments', version: words.slice(0, 60) }],
    environment: 'production',
    changeType: 'normal',
    policy: words.slice(0, 40),
    summary: words,
    rollbackPlan: words,
    requester: 'U0ANA',
    lead: 'U0RAJ',
    startsAt: new Date('2026-11-24T13:00:00Z'),
    endsAt: new Date('2026-11-24T13:45:00Z'),
    channel: 'C0RELEASES',
    revision: 1,
    dependsOn: [139],
    train: { key: 'weekly', date: '2026-11-24' },
    hasSlot: state !== 'approved',
    sequence: 1,
    warnings: [],
    requestedAt: now,
    changedAt: now,
    startedAt: now,
    reason: words,
    gates: [
      gateProps('SRE', 1, { met: true, asked: ['U0BEN'], votes: [vote] }),
      gateProps('Product', 2, {
        asked: ['U0KIM', 'U0MIA'],
        escalatedTo: ['U0RAE'],
        votes: [
          { ...vote, voter: 'U0KIM', choice: 'block', unblock: words, seats: ['U0KIM', 'U0SAM'] },
          { ...vote, voter: 'U0LEE', choice: 'condition' },
          { ...vote, voter: 'U0RAJ', choice: 'recuse' },
        ],
      }),
    ],
    notes: [{ author: 'U0ANA', text: words, at: now }],
    room: 'open',
    roomChannel: 'C0ROOM',
    zone: 'Europe/Berlin',
    ...approvalProps(words, now),
  };
}
