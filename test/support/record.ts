import { createHash } from 'node:crypto';
import { type FlightRecord, hashedText } from '../../blocks/record.ts';
import { canonicalJson } from '../../src/domain/canonical.ts';

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The same record with its own hash computed anew. */
export function resealed(record: FlightRecord): FlightRecord {
  return { ...record, integrity: { ...record.integrity, sha256: sha256(hashedText(record)) } };
}

/** A release that ran over the night in which Berlin's clocks go back: 02:30 comes twice. */
export function sampleRecord(change: Partial<FlightRecord> = {}): FlightRecord {
  const timeline = chain([
    ['2026-10-23T09:12:41.020Z', 'U0ANA', 'release.requested', 'Ana Ruiz requested REL-142 payments 2.14.0.'],
    ['2026-10-23T10:03:00.000Z', 'U0BEN', 'vote.cast', 'Ben Ito approved REL-142 for SRE: “canary first, please”.'],
    ['2026-10-23T12:45:09.000Z', 'U0KIM', 'vote.cast', 'Kim Lee approved REL-142 for Product.'],
    ['2026-10-23T12:45:09.400Z', 'system', 'release.approved', 'REL-142 is approved: every gate is met.'],
    ['2026-10-24T23:45:00.000Z', 'clock', 'room.opened', 'The war room of REL-142 opened by itself.'],
    ['2026-10-25T00:00:12.000Z', 'U0ANA', 'release.started', 'Ana Ruiz started REL-142.'],
    ['2026-10-25T00:30:05.123Z', 'U0ANA', 'note.added', 'Ana Ruiz: canary at 5 %\nno errors so far'],
    ['2026-10-25T01:30:05.000Z', 'U0GONE', 'note.added', 'U0GONE: queue depth is back to normal'],
    ['2026-10-25T02:10:00.000Z', 'U0ANA', 'release.done', 'Ana Ruiz finished REL-142.'],
  ]);
  const record: FlightRecord = {
    format: 'maitred.record/1',
    exportedAt: '2026-10-26T08:00:00.000Z',
    zone: 'Europe/Berlin',
    release: {
      key: 'REL-142',
      title: 'payments 2.14.0 + ledger 7.3.1',
      units: [
        { service: 'payments', version: '2.14.0' },
        { service: 'ledger', version: '7.3.1' },
      ],
      environment: 'production',
      changeType: 'normal',
      state: 'done',
      summary: 'Retries for card payments.\nNeeds the new ledger.',
      requester: 'U0ANA',
      lead: 'U0ANA',
      startsAt: '2026-10-25T00:00:00.000Z',
      endsAt: '2026-10-25T02:30:00.000Z',
      startedAt: '2026-10-25T00:00:12.000Z',
      endedAt: '2026-10-25T02:10:00.000Z',
      risk: 'high: no rollback was tested, 7 % (3–16 %, n=41) of earlier ones failed',
      rollbackPlan: 'Redeploy 2.13.4; the migration is additive.',
      links: ['https://ci.example.com/builds/8812?tab=tests&all=1', 'ticket PAY-77'],
      outcome: 'done, 20 minutes before the end of its slot',
      review: 'Went well.\n\nThe canary step took longer than planned because dashboards lag by four minutes.',
    },
    people: {
      U0ANA: { name: 'Ana Ruiz', zone: 'Europe/Madrid' },
      U0BEN: { name: 'Ben Ito', zone: 'America/New_York' },
      U0KIM: { name: 'Kim Lee', zone: 'Asia/Seoul' },
    },
    roles: [
      { role: 'lead', person: 'U0ANA', from: '2026-10-24T23:45:00.000Z', until: null },
      { role: 'scribe', person: 'U0BEN', from: '2026-10-24T23:45:00.000Z', until: '2026-10-25T01:00:00.000Z' },
    ],
    votes: [
      {
        gate: 'SRE',
        voter: 'U0BEN',
        choice: 'approve',
        comment: 'canary first, please',
        because: 'on call for SRE',
        at: '2026-10-23T10:03:00.000Z',
        revision: 1,
      },
      {
        gate: 'Product',
        voter: 'U0KIM',
        choice: 'approve',
        comment: '',
        because: 'owns PAY-77',
        at: '2026-10-23T12:45:09.000Z',
        revision: 2,
      },
    ],
    steps: [
      step({ position: '1', title: 'Announce in #status', kind: 'message', attempts: 1 }),
      step({ position: '2', title: 'Deploy the canary', kind: 'command', attempts: 2, note: 'first try timed out' }),
      step({ position: '3', title: 'Deploy everywhere', kind: 'command', verifiedBy: 'U0KIM' }),
      step({ position: '4', title: 'Watch for an hour', kind: 'wait', state: 'running', endedAt: null, doneBy: null }),
      step({
        position: 'R1',
        group: 'payments',
        title: 'Redeploy 2.13.4',
        kind: 'command',
        phase: 'rollback',
        state: 'pending',
        doneBy: null,
        startedAt: null,
        endedAt: null,
        attempts: 0,
      }),
    ],
    exposures: [
      { label: '5 %', by: 'U0ANA', at: '2026-10-25T00:20:00.000Z' },
      { label: '100 %', by: 'U0ANA', at: '2026-10-25T01:40:00.000Z' },
    ],
    canary: [
      {
        metric: 'error rate',
        verdict: 'pass',
        words: '0.12 % against 0.11 % before, within 0.1 points',
        at: '2026-10-25T00:35:00.000Z',
      },
    ],
    messages: [
      {
        at: '2026-10-25T00:31:10.000Z',
        author: 'U0BEN',
        text: 'p99 went up a little:\n  before 210 ms\n  now 240 ms',
        permalink: 'https://harbour.slack.com/archives/C0ROOM/p1761352270000100',
        source: 'war room',
        capturedBy: 'U0ANA',
        edits: [{ at: '2026-10-25T00:32:00.000Z', text: 'p99 went up a little:\n  before 210 ms\n  now 230 ms' }],
        deletedAt: null,
      },
      {
        at: '2026-10-25T01:31:10.000Z',
        author: 'U0GONE',
        text: 'the old dashboard is wrong, ignore it',
        permalink: 'https://harbour.slack.com/archives/C0ROOM/p1761355870000200',
        source: '📌 reaction',
        capturedBy: 'U0BEN',
        edits: [],
        deletedAt: '2026-10-25T01:50:00.000Z',
      },
    ],
    knownErrors: [
      {
        title: 'Refunds over 10,000 show no currency',
        workaround: 'Read it in the ledger.',
        by: 'U0KIM',
        at: '2026-10-25T01:55:00.000Z',
      },
    ],
    actions: [
      { text: 'Let the canary wait for the dashboards', owner: 'U0BEN', due: '2026-11-06', done: false },
      { text: 'Tell support about refunds', owner: 'U0KIM', due: '2026-10-26', done: true },
    ],
    timeline,
    integrity: { checked: timeline.length, broken: [], unsealed: 0, inOrder: true, sha256: '' },
    ...change,
  };
  return resealed(record);
}

/** The record with every string that people or Slack could have put there replaced; hashes and numbers stay. */
export function everyString(record: FlightRecord, replace: (path: string, text: string) => string): FlightRecord {
  const walk = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') return replace(path, value);
    if (Array.isArray(value)) return value.map((inner, index) => walk(inner, `${path}.${index}`));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, `${path}.${key}`)]));
  };
  return walk(record, '') as FlightRecord;
}

function step(change: Partial<FlightRecord['steps'][number]>): FlightRecord['steps'][number] {
  return {
    position: '1',
    group: 'payments',
    title: 'A step',
    kind: 'manual',
    phase: 'deploy',
    state: 'done',
    owner: 'U0ANA',
    doneBy: 'U0BEN',
    verifiedBy: null,
    note: '',
    startedAt: '2026-10-25T00:05:00.000Z',
    endedAt: '2026-10-25T00:15:00.000Z',
    attempts: 1,
    ...change,
  };
}

function chain(rows: readonly (readonly [at: string, actor: string, type: string, text: string])[]) {
  let previous = '0'.repeat(64);
  return rows.map(([at, actor, type, text], index) => {
    const seq = String(40 + index * 3);
    const body = { type, release: 142, text };
    const sealed = {
      id: `0199-${seq}`,
      workspace: 'T0HARBOUR',
      actor: actor.startsWith('U') ? { kind: 'person', id: actor } : { kind: actor },
      command: `command-${seq}`,
      release: 142,
    };
    const hash = sha256(`${previous}\n${canonicalJson({ ...sealed, seq, type, at, body })}`);
    const entry = { seq, at, actor, type, text, body, sealed, previous, hash, verified: true };
    previous = hash;
    return entry;
  });
}
