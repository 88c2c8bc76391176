import { expect } from 'vitest';
import { timerCall } from '../../src/commands/clock.ts';
import { call } from '../../src/commands/command.ts';
import { startCommand } from '../../src/commands/deploy.ts';
import { staffRoomCommand, stepCommand, voiceCommand } from '../../src/commands/room.ts';
import type { EventBody, EventType } from '../../src/domain/event.ts';
import type { RequestInput } from '../../src/domain/request.ts';
import type { StepInput } from '../../src/domain/step.ts';
import { type Outcome, run } from '../../src/run.ts';
import { readerOf } from '../../src/store/calendar.ts';
import type { RoomLoaded } from '../../src/store/room.ts';
import { findRoom } from '../../src/store/room.ts';
import { claimDueTimers, finishTimer } from '../../src/store/timer.ts';
import { type Hall, openHall, workspace } from './hall.ts';

/*
 * War rooms without Slack. In staging nothing has to be approved; production asks SRE (ben, lee) and Product (kim).
 */
export const roomCatalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {}, lab: { exclusive: true } }
teams: { one: { name: One, members: [U0ANA, U0BEN, U0KIM] } }
groups:
  sre: { name: SRE, usergroup: S0SRE, oncall: S0CALL }
  product: { name: Product, members: [U0KIM] }
services:
  plain: { team: one, environments: [production, staging, lab] }
  other: { team: one, environments: [production, staging, lab] }
  lined: { team: one, environments: [production, staging], runbook: lined }
  gated: { team: one, environments: [production, staging], runbook: gated }
  machine: { team: one, environments: [production, staging], runbook: machine }
  soaked: { team: one, environments: [production, staging], runbook: soaked }
  watched: { team: one, environments: [production, staging], watch: { minutes: 60, exit: [Dashboards are handed over] } }
runbooks:
  lined:
    version: "3"
    status_minutes: 20
    steps:
      - Backup
      - { title: Migrate, owner: U0KIM, due_minutes: 10 }
      - { title: Look at it, verify: true }
    rollback: [Put it back]
  gated:
    steps:
      - { title: Go or no-go, poll: [lead, verifier, "group:product", "oncall:sre", "role:release_manager"] }
      - { title: Everybody ready, roll_call: true }
      - { title: Second go, poll: [U0KIM], verify: true }
      - Switch over
  machine:
    steps:
      - Backup
      - { title: Deploy, webhook: { url: "https://ci.example/deploy", timeout_minutes: 10, auto: true } }
      - { title: Smoke test, webhook: { url: "https://ci.example/smoke" } }
  soaked:
    steps:
      - { title: Canary, canary: { percent: 5, soak_minutes: 20 } }
      - { title: Half, canary: { percent: 50, soak_minutes: 10 }, verify: true }
      - { title: Everybody, expose: "100 %" }
policies:
  - { name: staging, when: { environment: [staging, lab] }, gates: [] }
  - name: production
    when: { environment: [production] }
    gates:
      - { name: SRE, who: "group:sre", needed: 1 }
      - { name: Product, who: "group:product", needed: 1 }
`;

export type RoomHall = Hall & {
  /** Lets `minutes` pass, timer by timer, each at its own time. */
  readonly waits: (minutes: number) => Promise<void>;
  /** The time is suddenly another one, as after an outage; then every timer that is due is worked off. */
  readonly jumps: (minutes: number) => Promise<void>;
  /** A release of staging whose slot begins in ten minutes; gives its number. */
  readonly booked: (service: string, change?: Partial<RequestInput>) => Promise<number>;
  /** Waits for its slot and lets ana start it; its steps are planned then. */
  readonly starts: (release: number) => Promise<void>;
  /** One that ana has booked and started just now. */
  readonly begun: (service: string, change?: Partial<RequestInput>) => Promise<number>;
  readonly room: (release: number) => Promise<RoomLoaded>;
  /** "3 done": every step with its state. */
  readonly steps: (release: number) => Promise<string[]>;
  readonly works: (
    person: string,
    release: number,
    step: string,
    what: StepInput['do'],
    more?: Partial<StepInput>,
  ) => Promise<Outcome>;
  readonly speaks: (
    person: string,
    release: number,
    choice: 'go' | 'nogo',
    reason?: string,
    step?: string,
  ) => Promise<Outcome>;
  /** Everything that happened to a release of these kinds, in order. */
  readonly events: <T extends EventType>(release: number, ...types: T[]) => Promise<Extract<EventBody, { type: T }>[]>;
};

export async function openRoomHall(): Promise<RoomHall> {
  const hall = await openHall({ catalog: roomCatalog });
  hall.groups.S0CALL = ['U0LEE'];
  const { clock, db, ctx } = hall;
  const work = async () => {
    for (;;) {
      const due = await claimDueTimers(db, clock.now, 50, 60_000);
      if (due.length === 0) return;
      for (const timer of due) {
        const { command, input } = timerCall(timer.body, timer.dueAt);
        const id = `timer:${timer.key}:${timer.dueAt.toISOString()}`;
        await run(ctx, command, input, { workspace, actor: { kind: 'clock' }, id });
        await finishTimer(db, timer);
      }
    }
  };
  const waits = async (minutes: number) => {
    const end = new Date(clock.now.getTime() + minutes * 60_000);
    for (;;) {
      const { rows } = await db.pool.query<{ at: Date | null }>(
        'SELECT min(due_at) AS at FROM timer WHERE due_at <= $1',
        [end],
      );
      const at = rows[0]?.at;
      if (!at) break;
      if (at > clock.now) clock.now = at;
      await work();
    }
    clock.now = end;
  };
  const jumps = async (minutes: number) => {
    clock.now = new Date(clock.now.getTime() + minutes * 60_000);
    await work();
  };
  const booked = async (service: string, change: Partial<RequestInput> = {}) => {
    const outcome = await hall.books('U0ANA', {
      units: [{ service, version: '2.0.0' }],
      environment: 'staging',
      startsAt: new Date(clock.now.getTime() + 10 * 60_000).toISOString(),
      ...change,
    });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
    const requested = outcome.events.map(({ body }) => body).find((body) => body.type === 'release.requested');
    if (requested?.type !== 'release.requested') throw new Error('nothing was requested');
    return requested.release;
  };
  const starts = async (release: number) => {
    await waits(10.1);
    expect(said(await hall.does('U0ANA', call(startCommand, { release })))).toMatch(/release.started/);
    await waits(0.1);
  };
  const begun = async (service: string, change?: Partial<RequestInput>) => {
    const release = await booked(service, change);
    await starts(release);
    return release;
  };
  const room = async (release: number) => {
    const found = await findRoom(readerOf(db), { workspace, actor: undefined, now: clock.now }, release);
    if (!found) throw new Error(`there is no release ${release}`);
    return found;
  };
  return {
    ...hall,
    waits,
    jumps,
    booked,
    starts,
    begun,
    room,
    steps: async (release) => (await room(release)).steps.map(({ key, state }) => `${key} ${state}`),
    works: (person, release, step, what, more = {}) =>
      hall.does(person, call(stepCommand, { release, step, attempt: null, do: what, note: '', ...more })),
    speaks: (person, release, choice, reason = '', step) =>
      hall.does(person, call(voiceCommand, { release, step: step ?? null, attempt: null, choice, reason })),
    events: async <T extends EventType>(release: number, ...types: T[]) => {
      const { rows } = await db.pool.query<{ body: Extract<EventBody, { type: T }> }>(
        'SELECT body FROM event WHERE release = $1 AND type = ANY ($2) ORDER BY seq',
        [release, types],
      );
      return rows.map(({ body }) => body);
    },
  };
}

/** Gives a release a channel: ana, ben and kim are in every channel of the hall. */
export async function staff(hall: Hall, release: number): Promise<void> {
  const { command, input } = call(staffRoomCommand, { release, channel: 'C0ROOM', invited: [], skipped: [] });
  await run(hall.ctx, command, input, { workspace, actor: { kind: 'system' }, id: `staff:${release}` });
}

/** What came of it: the kinds of events, or the code of the refusal. */
export function said(outcome: Outcome): string {
  return outcome.ok ? outcome.events.map(({ body }) => body.type).join(' ') || 'nothing' : outcome.refusal.code;
}
