import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { changeCommand } from '../../src/commands/change.ts';
import { call } from '../../src/commands/command.ts';
import { cancelCommand, startCommand } from '../../src/commands/deploy.ts';
import { moveCommand } from '../../src/commands/move.ts';
import { answerOverrideCommand, overrideCommand } from '../../src/commands/override.ts';
import { prefsCommand } from '../../src/commands/prefs.ts';
import { undoCommand } from '../../src/commands/undo.ts';
import { delegateCommand, leaverCommand, recuseCommand, takeBackCommand } from '../../src/commands/vote.ts';
import { parseCatalog } from '../../src/domain/catalog.ts';
import type { ChangeInput } from '../../src/domain/change.ts';
import { type Outcome, run } from '../../src/run.ts';
import { permit, releaseHeld } from '../../src/store/notification.ts';
import { listReleases } from '../../src/store/read.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

/*
 * Ways around an approval that somebody tried: each stays closed.
 */
const catalog = `
zone: UTC
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {}, uat: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ, U0ZOE], exceptions: 1 }
  search: { name: Search, members: [U0SAM, U0MIA] }
groups:
  sre: { name: SRE, usergroup: S0SRE, oncall: S0ONCALL }
  chiefs: { name: Chiefs, members: [U0CTO] }
services:
  payments: { team: payments, environments: [production, staging, uat] }
  search: { team: search, environments: [production, staging, uat] }
freezes:
  closing: { name: Closing, scope: { environments: [uat] }, from: "2026-12-20 00:00", to: "2026-12-24 00:00", owners: "group:chiefs" }
windows:
  narrow: { scope: { environments: [staging] }, from: "09:00", to: "17:00", repeats: daily, capacity: 1 }
policies:
  - name: owners
    when: { environment: [staging] }
    gates: [{ name: Owners, who: owners, needed: 1, covers: [time] }]
  - name: uat
    when: { environment: [uat] }
    gates: [{ name: SRE, who: "group:sre", needed: 1 }]
  - name: weekend
    when: { environment: [production], days: "sat,sun" }
    gates: [{ name: SRE, who: "group:sre", needed: 1, covers: [units] }]
    guards: [{ name: tested, require: release.rollback_tested, message: The rollback has to be tested }]
    criteria: [{ name: Pager handed over }]
  - name: week
    when: { environment: [production] }
    gates:
      - { name: SRE, who: "group:sre", needed: 1, covers: [units] }
      - { name: DBA, who: "group:chiefs", needed: 1, if: "release.migration != 'none'" }
      - { name: Night, who: "group:chiefs", needed: 1, if: "time.hour >= 20" }
      - { name: All, who: "group:sre", needed: all, covers: [links], sla_minutes: 60, escalation: "group:chiefs", if: "'https://all' in [release.summary]" }
`;

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());

const codeOf = (outcome: Outcome) => (outcome.ok ? 'ok' : outcome.refusal.code);
let week = 0;

/** A Tuesday at ten, far enough from every other. */
async function booked(change: Parameters<Hall['books']>[1] = {}) {
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
  const startsAt = new Date(Date.UTC(2027, 0, 5, 10) + ++week * 7 * 86_400_000);
  const outcome = await hall.books('U0ANA', { startsAt: startsAt.toISOString(), lead: 'U0RAJ', ...change });
  const event = outcome.ok ? outcome.events.find((one) => one.body.type === 'release.requested') : undefined;
  if (event?.body.type !== 'release.requested') throw new Error(codeOf(outcome));
  const { release } = event.body;
  const row = async () =>
    (await hall.db.pool.query('SELECT * FROM release WHERE number = $1', [release])).rows[0] as {
      state: string;
      revision: number;
      policy: string;
    };
  return {
    release,
    startsAt: new Date(event.body.startsAt),
    row,
    state: async () => (await row()).state,
    gates: async () =>
      (
        await hall.db.pool.query('SELECT name, asked, escalated_to FROM gate WHERE release = $1 ORDER BY position', [
          release,
        ])
      ).rows as { name: string; asked: string[]; escalated_to: string[] }[],
    edits: async (values: ChangeInput['change'], by = 'U0ANA') =>
      codeOf(await hall.does(by, call(changeCommand, { release, revision: null, change: values }))),
    moves: async (at: Date) =>
      codeOf(
        await hall.does(
          'U0ANA',
          call(moveCommand, { release, startsAt: at.toISOString(), minutes: null, needs: null }),
        ),
      ),
    votes: async (voter: string, extra: Parameters<Hall['votes']>[2] = {}) =>
      codeOf(await hall.votes(voter, release, { revision: (await row()).revision, ...extra })),
    start: async (by = 'U0RAJ') => codeOf(await hall.does(by, call(startCommand, { release }))),
  };
}
const names = (gates: readonly { name: string }[]) => gates.map((gate) => gate.name);

test('a change that a condition asks more for brings that gate, and so does another hour', async () => {
  const one = await booked();
  await one.votes('U0BEN');
  expect(await one.state()).toBe('approved');
  expect(await one.edits({ migration: 'irreversible' })).toBe('ok');
  expect(names(await one.gates())).toEqual(['SRE', 'DBA']);
  // The vote of the gate that does not cover it stays.
  await one.votes('U0CTO');
  expect(await one.state()).toBe('approved');
  expect(await one.moves(new Date(one.startsAt.getTime() + 11 * 3_600_000))).toBe('ok');
  expect(names(await one.gates())).toEqual(['SRE', 'DBA', 'Night']);
  expect(await one.state()).toBe('requested');
});

test('a move into another policy brings its guards and its criteria along', async () => {
  const one = await booked();
  await one.votes('U0BEN');
  const saturday = new Date(one.startsAt.getTime() + 4 * 86_400_000);
  expect(await one.moves(saturday)).toBe('ok');
  expect((await one.row()).policy).toBe('weekend');
  expect(await one.state()).toBe('approved');
  hall.clock.now = saturday;
  expect(await one.start()).toBe('criteria_open');
  expect(await hall.says('U0ANA', `tick REL-${one.release} 1`)).toBe('criterion.ticked');
  expect(await one.start()).toBe('guards_fail');
});

test('an override is for the content and the slot that it was asked for', async () => {
  const one = await booked();
  const propose = async () =>
    codeOf(
      await hall.does(
        'U0RAE',
        call(overrideCommand, { release: one.release, rule: 'gate:SRE', reason: 'x', second: 'U0SAM' }),
      ),
    );
  const last = async () =>
    (await hall.db.pool.query('SELECT id FROM override WHERE release = $1 ORDER BY at DESC, id DESC', [one.release]))
      .rows;
  const accept = async (override: string) =>
    codeOf(await hall.does('U0SAM', call(answerOverrideCommand, { release: one.release, override, accept: true })));
  hall.clock.now = new Date(one.startsAt.getTime() - 60_000);
  expect(await propose()).toBe('ok');
  const [first] = await last();
  expect(await one.edits({ units: [{ service: 'payments', version: '6.6.6' }] })).toBe('ok');
  expect(await accept(first.id)).toBe('override_over');
  expect(await propose()).toBe('ok');
  const { rows } = await hall.db.pool.query(`SELECT id FROM override WHERE release = $1 AND id <> $2`, [
    one.release,
    first.id,
  ]);
  expect(await accept(rows[0].id)).toBe('ok');
  expect(await one.edits({ units: [{ service: 'payments', version: '7.7.7' }] })).toBe('ok');
  hall.clock.now = one.startsAt;
  expect(await one.start()).toBe('gates_open');
});

test('another type of change is judged by the calendar again', async () => {
  const first = await booked({ environment: 'staging' });
  const startsAt = first.startsAt.toISOString();
  // The only place of the window is taken; an emergency needs none.
  const second = await booked({
    environment: 'staging',
    startsAt,
    changeType: 'emergency',
    units: [{ service: 'search', version: '1' }],
  });
  expect(await second.edits({ changeType: 'normal' })).toBe('conflict');
  expect(await first.edits({ changeType: 'emergency' })).toBe('emergency_anew');
});

test('another service is decided by its own owners', async () => {
  const one = await booked({ environment: 'staging' });
  expect((await one.gates())[0]?.asked).toEqual(['U0ZOE']);
  expect(await one.votes('U0ZOE')).toBe('ok');
  expect(await one.edits({ units: [{ service: 'search', version: '2' }] })).toBe('ok');
  expect((await one.gates())[0]?.asked).toEqual(['U0MIA', 'U0SAM']);
  expect(await one.state()).toBe('requested');
  expect(await one.votes('U0SAM')).toBe('ok');
  expect(await one.state()).toBe('approved');
});

test('a gate that was escalated asks the same people again, and lets the others vote still', async () => {
  const one = await booked({ summary: 'https://all' });
  await hall.fires({ command: 'clock escalate', release: one.release, gate: 'All' });
  await one.votes('U0BEN');
  expect(await one.edits({ links: ['https://example.com'] })).toBe('ok');
  const all = (await one.gates()).find((gate) => gate.name === 'All');
  expect(all).toMatchObject({ asked: ['U0BEN', 'U0LEE'], escalated_to: ['U0CTO'] });
  expect(await one.votes('U0CTO')).toBe('ok');
});

test('whoever is gone is waited for no more, and takes their block along', async () => {
  const one = await booked();
  await one.votes('U0BEN', { choice: 'block', comment: 'no', unblock: 'yes' });
  await one.votes('U0LEE');
  expect(await one.state()).toBe('requested');
  const leave = (person: string | null, release: number) => {
    const left = call(leaverCommand, { release, person });
    return run(hall.ctx, left.command, left.input, {
      workspace,
      actor: { kind: 'system' },
      id: `${person} ${release}`,
    });
  };
  await leave('U0BEN', one.release);
  expect(await one.state()).toBe('approved');

  const other = await booked({ summary: 'https://all' });
  await other.votes('U0LEE');
  expect(await other.state()).toBe('requested');
  hall.groups.S0SRE = ['U0LEE'];
  await leave(null, other.release);
  hall.groups.S0SRE = ['U0BEN', 'U0LEE'];
  expect(await other.state()).toBe('approved');
});

test('"not me" is for oneself: whoever handed their vote over has it back', async () => {
  const one = await booked();
  const { release } = one;
  expect(codeOf(await hall.does('U0LEE', call(delegateCommand, { release, to: 'U0BEN' })))).toBe('ok');
  expect(codeOf(await hall.does('U0BEN', call(recuseCommand, { release })))).toBe('ok');
  expect(codeOf(await hall.does('U0LEE', call(takeBackCommand, { release })))).toBe('nothing_delegated');
  expect(await one.votes('U0LEE')).toBe('ok');
  expect(await one.state()).toBe('approved');
});

test("a block in somebody else's place stands as long as they do, and goes when it is handed back", async () => {
  const one = await booked();
  const { release } = one;
  expect(codeOf(await hall.does('U0BEN', call(delegateCommand, { release, to: 'U0MIA' })))).toBe('ok');
  expect(await one.votes('U0MIA', { choice: 'block', comment: 'no', unblock: 'yes' })).toBe('ok');
  await one.votes('U0LEE');
  // Somebody else joins the group: nothing of this is theirs.
  hall.groups.S0SRE = ['U0BEN', 'U0LEE', 'U0NEW'];
  const left = call(leaverCommand, { release, person: null });
  await run(hall.ctx, left.command, left.input, { workspace, actor: { kind: 'system' }, id: `joined ${release}` });
  hall.groups.S0SRE = ['U0BEN', 'U0LEE'];
  expect(await one.state()).toBe('requested');
  expect(codeOf(await hall.does('U0MIA', call(recuseCommand, { release })))).toBe('ok');
  expect(await one.state()).toBe('approved');
});

test('a service that leaves takes its owners along, and an approved release may have another lead', async () => {
  const units = [
    { service: 'payments', version: '1' },
    { service: 'search', version: '1' },
  ];
  const one = await booked({ environment: 'staging', units });
  expect((await one.gates())[0]?.asked).toEqual(['U0MIA', 'U0SAM', 'U0ZOE']);
  expect(await one.votes('U0SAM')).toBe('ok');
  expect(await one.edits({ units: [{ service: 'payments', version: '9' }] })).toBe('ok');
  expect((await one.gates())[0]?.asked).toEqual(['U0ZOE']);
  expect(await one.state()).toBe('requested');

  const two = await booked();
  await two.votes('U0BEN');
  expect(await two.edits({ lead: 'U0BEN' })).toBe('lead_is_approver');
  expect(await two.edits({ lead: 'U0LEE' })).toBe('ok');
  expect((await two.gates())[0]?.asked).toEqual(['U0BEN']);
  expect(await two.state()).toBe('approved');
});

test('an emergency is nudged at any hour', async () => {
  const outcome = await hall.books('U0ANA', {
    startsAt: '2026-11-23T08:00:00.000Z',
    environment: 'uat',
    changeType: 'emergency',
  });
  const event = outcome.ok ? outcome.events[0]?.body : undefined;
  hall.clock.now = new Date('2026-11-23T08:01:00Z');
  const release = event?.type === 'release.requested' ? event.release : 0;
  hall.clock.now = new Date('2026-11-23T01:10:00Z');
  expect(await hall.says('U0ANA', `nudge REL-${release}`)).toBe('approver.nudged');
});

test('a preference of somebody who has no word here ties nobody', async () => {
  const one = await booked();
  const delegate = { to: 'U0BEN', from: '2026-11-01T00:00:00.000Z', until: '2027-11-01T00:00:00.000Z' };
  await hall.does('U0TROLL', call(prefsCommand, { prefs: { delegate } }));
  expect(codeOf(await hall.does('U0BEN', call(delegateCommand, { release: one.release, to: 'U0SAM' })))).toBe('ok');
  await hall.does('U0TROLL', call(prefsCommand, { prefs: { delegate: null } }));
});

test('a pass that is not needed any more goes back: after a move out of the freeze, and when it is lifted', async () => {
  hall.clock.now = new Date('2026-11-23T08:00:00Z');
  const inside = '2026-12-21T10:00:00.000Z';
  const one = await booked({ environment: 'uat', startsAt: inside, exception: 'it has to go' });
  expect(names(await one.gates())).toEqual(['SRE', 'Freeze closing']);
  const budget = async () => (await hall.db.pool.query('SELECT 1 FROM exception')).rowCount;
  expect(await one.moves(new Date('2026-12-28T10:00:00Z'))).toBe('ok');
  expect(names(await one.gates())).toEqual(['SRE']);
  expect(await budget()).toBe(0);

  const two = await booked({ environment: 'uat', startsAt: inside, exception: 'it has to go' });
  await two.votes('U0BEN');
  expect(await two.state()).toBe('requested');
  // A cancelled one comes back only while there is a pass for it.
  await hall.does('U0ANA', call(cancelCommand, { release: two.release, reason: '' }), 'cancel two');
  const three = await booked({ environment: 'uat', startsAt: '2026-12-22T10:00:00.000Z', exception: 'me too' });
  hall.clock.now = new Date('2026-11-23T08:00:10Z');
  expect(codeOf(await hall.does('U0ANA', call(undoCommand, { of: 'cancel two' })))).toBe('exception_budget');
  await three.votes('U0BEN');
  expect(await hall.says('U0RAE', 'freeze lift closing the books are closed --yes')).toBe('freeze.lifted');
  await hall.fires({ command: 'clock passes', freeze: 'closing' });
  expect(await three.state()).toBe('approved');
  expect(names(await three.gates())).toEqual(['SRE']);
});

test('an exception to a freeze is not for those who ship; the catalogue says so', () => {
  const written = parse(catalog.replace('owners: "group:chiefs" }', 'owners: owners }'));
  const parsed = parseCatalog(written);
  expect(parsed.ok ? [] : parsed.problems).toEqual([expect.stringContaining('has to name a group, a role or people')]);
});

test('nobody accepts the scope of what they ship, and an acceptance is for one version', async () => {
  const scope = (owner: string) => [{ title: 'Payouts', link: 'https://t.example.com/1', owner }];
  await expect(booked({ scope: scope('U0ANA') })).rejects.toThrow('owner_unfit');
  await expect(booked({ scope: scope('U0BOT1') })).rejects.toThrow('owner_unfit');
  const one = await booked({ scope: scope('U0KIM') });
  expect(await hall.says('U0ANA', `tick REL-${one.release} 1`)).toBe('not_your_tick');
  expect(await hall.says('U0KIM', `tick REL-${one.release} 1`)).toBe('criterion.ticked');
  expect(await one.edits({ units: [{ service: 'payments', version: '9' }] })).toBe('ok');
  expect((await hall.db.pool.query('SELECT 1 FROM tick WHERE release = $1', [one.release])).rows).toEqual([]);
});

test('whoever is to be asked later is asked in spite of an edit', async () => {
  const one = await booked();
  expect(await one.edits({ summary: 'other words' })).toBe('ok');
  const asked = await hall.fires({
    command: 'clock ask',
    release: one.release,
    person: 'U0BEN',
    revision: 1,
    again: false,
  });
  expect(asked.ok && asked.events[0]?.body).toMatchObject({ type: 'approver.asked', person: 'U0BEN', revision: 2 });
  await one.votes('U0BEN');
  const never = await hall.fires({
    command: 'clock ask',
    release: one.release,
    person: 'U0BEN',
    revision: 1,
    again: false,
  });
  expect(never.ok && never.events).toEqual([]);
});

test('an emergency is possible when its requester is the only one on call, and everybody skipped is told', async () => {
  hall.groups.S0ONCALL = ['U0ANA'];
  const outcome = await hall.books('U0ANA', {
    startsAt: '2026-11-23T08:00:00.000Z',
    changeType: 'emergency',
    lead: 'U0ANA',
    migration: 'reversible',
  });
  const event = outcome.ok ? outcome.events[0]?.body : undefined;
  expect(event?.type === 'release.requested' && event.asked).toEqual([['U0BEN', 'U0CTO', 'U0LEE']]);
  delete hall.groups.S0ONCALL;
});

test('an editor who saw something older is told so', async () => {
  const one = await booked();
  const edit = (revision: number) =>
    hall.does(
      'U0ANA',
      call(changeCommand, { release: one.release, revision, change: { summary: `seen ${revision}` } }),
    );
  expect(codeOf(await edit(1))).toBe('ok');
  expect(codeOf(await edit(1))).toBe('changed_since');
});

test('what waits for somebody is what their word is needed for', async () => {
  const one = await booked({ migration: 'reversible' });
  const delegate = { to: 'U0MIA', from: '2026-11-01T00:00:00.000Z', until: '2027-11-01T00:00:00.000Z' };
  await hall.does('U0LEE', call(prefsCommand, { prefs: { delegate } }));
  const waits = async (person: string) => {
    const about = { person, zone: 'UTC', today: '2026-11-23', now: hall.clock.now, take: 99, skip: 0 };
    const { releases } = await listReleases(hall.db, workspace, { ...about, filter: { kind: 'needs-me' } });
    return releases.some((release) => release.number === one.release);
  };
  expect(await waits('U0MIA')).toBe(true);
  expect(await waits('U0CTO')).toBe(true);
  await one.votes('U0BEN');
  // That gate is met: nobody is needed for it.
  expect([await waits('U0MIA'), await waits('U0LEE'), await waits('U0CTO')]).toEqual([false, false, true]);
  await hall.does('U0LEE', call(prefsCommand, { prefs: { delegate: null } }));
});

test('the ledger: two for a release, five a day, results always, held until a snooze is over, none lost', async () => {
  const now = new Date('2027-06-01T10:00:00Z');
  const asked = { now, day: new Date('2027-06-01T00:00:00Z'), snoozedUntil: undefined, dm: 'all' as const };
  const push = (audience: 'approver' | 'owner' | 'person', release: number, must = false) => ({
    audience,
    person: 'U0PAT',
    channel: null,
    release,
    why: 'test',
    must,
  });
  let nth = 0;
  const may = (what: ReturnType<typeof push>, change: Partial<typeof asked> | { snoozedUntil: Date } = {}) =>
    permit(hall.db, workspace, `test:${nth++}`, what, { ...asked, ...change });
  expect([await may(push('approver', 1)), await may(push('approver', 1)), await may(push('approver', 1))]).toEqual([
    'send',
    'send',
    'collapse',
  ]);
  expect([await may(push('approver', 2)), await may(push('approver', 3)), await may(push('approver', 4))]).toEqual([
    'send',
    'send',
    'send',
  ]);
  expect(await may(push('approver', 5))).toBe('collapse');
  expect(await may(push('approver', 5, true))).toBe('send');
  for (let sent = 0; sent < 4; sent++) expect(await may(push('owner', 9))).toBe('send');
  expect([await may(push('owner', 9)), await may(push('owner', 9, true))]).toEqual(['drop', 'send']);
  expect(await may(push('person', 9, true), { dm: 'none' as never })).toBe('send');
  // The same message asks twice and gets one answer, also at once.
  const twice = await Promise.all(
    [1, 2].map(() => permit(hall.db, workspace, 'test:same', push('approver', 7, true), asked)),
  );
  expect(twice).toEqual(['send', 'send']);
  const until = new Date('2027-06-01T12:00:00Z');
  expect(await may(push('owner', 8), { snoozedUntil: until })).toBe('hold');
  expect(await releaseHeld(hall.db, now)).toBe(0);
  expect(await releaseHeld(hall.db, until)).toBe(1);
  const held = `test:${nth - 1}`;
  expect((await hall.db.pool.query('SELECT 1 FROM outbox WHERE surface = $1', [held])).rowCount).toBe(1);
  expect(await permit(hall.db, workspace, held, push('owner', 8), { ...asked, now: until })).toBe('send');
});
