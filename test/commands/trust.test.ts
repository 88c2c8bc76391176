import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../src/commands/command.ts';
import { doneCommand, rollbackCommand, startCommand } from '../../src/commands/deploy.ts';
import { exceptionCommand } from '../../src/commands/exception.ts';
import { incidentCommand } from '../../src/commands/incident.ts';
import { pirCommand } from '../../src/commands/pir.ts';
import { voteTrustCommand } from '../../src/commands/trust.ts';
import { ReviewInput } from '../../src/domain/pir.ts';
import { cleanAtLeast } from '../../src/domain/trust.ts';
import type { Outcome } from '../../src/run.ts';
import { type Hall, openHall } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';

const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] }, U0NOA: { roles: [release_manager] }, U0ANA: { roles: [release_manager] } }
environments: { production: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ], exceptions: 1 }
  search: { name: Search, members: [U0SAM, U0MIA] }
groups: { sre: { name: SRE, usergroup: S0SRE } }
services:
  payments: { team: payments, environments: [production] }
  search: { team: search, environments: [production] }
policies:
  - name: usual
    when: { environment: [production] }
    gates: [{ name: SRE, who: "group:sre", needed: 1 }]
    ladder: { lighter: light, heavier: strict }
  - { name: light, when: { if: "false" }, gates: [], ladder: { heavier: usual } }
  - name: strict
    when: { if: "false" }
    gates: [{ name: SRE, who: "group:sre", needed: 2 }]
    ladder: { lighter: usual }
freezes:
  closing: { name: Closing, from: "2027-06-01 00:00", to: "2027-06-20 00:00" }
`;

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
});
afterAll(() => hall?.close());

const codeOf = (outcome: Outcome) => (outcome.ok ? 'ok' : outcome.refusal.code);
let day = 0;

/** A release of payments from request to end; its number. */
async function ships(end: 'done' | 'rollback', service = 'payments'): Promise<number> {
  const startsAt = new Date(Date.UTC(2026, 11, 1, 10) + ++day * 86_400_000);
  hall.clock.now = new Date(startsAt.getTime() - 3_600_000);
  const requester = service === 'payments' ? 'U0RAJ' : 'U0SAM';
  const booked = await hall.books(requester, {
    units: [{ service, version: String(day) }],
    startsAt: startsAt.toISOString(),
    lead: requester,
  });
  const event = booked.ok ? booked.events.find((one) => one.body.type === 'release.requested') : undefined;
  if (event?.body.type !== 'release.requested') throw new Error(codeOf(booked));
  const { release } = event.body;
  for (const voter of ['U0BEN', 'U0LEE']) await hall.votes(voter, release);
  hall.clock.now = startsAt;
  expect(codeOf(await hall.does(requester, call(startCommand, { release })))).toBe('ok');
  const over = end === 'done' ? call(doneCommand, { release }) : call(rollbackCommand, { release, reason: 'errors' });
  expect(codeOf(await hall.does(requester, over))).toBe('ok');
  await hall.fires({ command: 'clock trust', release });
  return release;
}

const proposals = async () =>
  (
    await hall.db.pool.query(
      'SELECT id, team, policy, rung, direction, n, failed, needed, state, managers FROM proposal ORDER BY at, id',
    )
  ).rows;
const policyOf = async (release: number) =>
  (await hall.db.pool.query('SELECT policy FROM release WHERE number = $1', [release])).rows[0].policy;

test('a clean record proposes a lighter policy, managers of other teams vote, a failure proposes the way back', async () => {
  for (let nth = 1; nth < cleanAtLeast; nth++) await ships('done');
  expect(await proposals()).toEqual([]);
  await ships('done');
  const [first] = await proposals();
  expect(first).toMatchObject({
    team: 'payments',
    policy: 'usual',
    rung: 'light',
    direction: 'lighter',
    n: cleanAtLeast,
    failed: 0,
    needed: 2,
    // Ana is a manager and of this team: she does not judge herself.
    managers: ['U0NOA', 'U0RAE'],
  });
  // Nothing changes by itself, and nothing is proposed twice.
  expect(await policyOf(await ships('done'))).toBe('usual');
  expect(await proposals()).toHaveLength(1);

  const says = (person: string, choice: 'agree' | 'decline', proposal: string = first.id) =>
    hall.does(person, call(voteTrustCommand, { proposal, choice }));
  expect(codeOf(await says('U0SAM', 'agree'))).toBe('only_managers');
  expect(codeOf(await says('U0ANA', 'agree'))).toBe('own_team');
  expect(codeOf(await says('U0RAE', 'agree'))).toBe('ok');
  expect(codeOf(await says('U0RAE', 'agree'))).toBe('said_already');
  expect(await policyOf(await ships('done'))).toBe('usual');
  expect(codeOf(await says('U0NOA', 'agree'))).toBe('ok');
  expect(codeOf(await says('U0NOA', 'decline'))).toBe('proposal_over');

  // From here on payments ships by the lighter policy; search does not.
  expect(await policyOf(await ships('done'))).toBe('light');
  expect(await policyOf(await ships('done', 'search'))).toBe('usual');
  const failed = await ships('rollback');
  expect(await policyOf(failed)).toBe('light');
  const [, back] = await proposals();
  expect(back).toMatchObject({ team: 'payments', policy: 'light', rung: 'usual', direction: 'heavier', failed: 1 });
  expect(codeOf(await says('U0RAE', 'agree', back.id))).toBe('ok');
  expect(codeOf(await says('U0NOA', 'agree', back.id))).toBe('ok');
  expect(await policyOf(await ships('done'))).toBe('usual');
});

test('a review that says "failed" counts as a failure, and declining ends a proposal', async () => {
  const release = await ships('done', 'search');
  const before = (await proposals()).length;
  const review = ReviewInput.parse({ release, outcome: 'failed', text: 'search was down for ten minutes' });
  expect(codeOf(await hall.does('U0SAM', call(pirCommand, review)))).toBe('ok');
  expect(codeOf(await hall.does('U0SAM', call(pirCommand, review)))).toBe('reviewed');
  await hall.fires({ command: 'clock trust', release });
  const all = await proposals();
  expect(all).toHaveLength(before + 1);
  const last = all.find((one) => one.team === 'search');
  expect(last).toMatchObject({ policy: 'usual', rung: 'strict', direction: 'heavier', failed: 1 });
  const decline = (person: string) =>
    hall.does(person, call(voteTrustCommand, { proposal: last.id, choice: 'decline' }));
  // Three judge here, two have to agree: the second "no" makes that impossible.
  expect(codeOf(await decline('U0RAE'))).toBe('ok');
  expect((await proposals()).find((one) => one.id === last.id).state).toBe('open');
  expect(codeOf(await decline('U0ANA'))).toBe('ok');
  expect((await proposals()).find((one) => one.id === last.id).state).toBe('declined');
});

test('an incident that is linked with a release that ended well counts as a failure', async () => {
  const release = await ships('done', 'search');
  const before = (await proposals()).length;
  const linked = { release, key: 'INC-77', note: 'search is slow', close: false };
  expect(codeOf(await hall.does('U0ZED', call(incidentCommand, linked)))).toBe('ok');
  const { rowCount } = await hall.db.pool.query('SELECT FROM timer WHERE key = $1', [`trust:${release}`]);
  expect(rowCount).toBe(1);
  await hall.fires({ command: 'clock trust', release });
  const all = await proposals();
  expect(all).toHaveLength(before + 1);
  expect(all.at(-1)).toMatchObject({ team: 'search', direction: 'heavier', rung: 'strict', n: 1, failed: 1 });
});

test('the last pass of a budget goes to one of twenty who ask at once', async () => {
  hall.clock.now = new Date('2027-05-30T08:00:00Z');
  const releases: number[] = [];
  // Booked before the freeze stands over them: it is lifted for the booking and declared again.
  await hall.db.pool.query(`UPDATE release_freeze SET lifted = true WHERE key = 'closing'`);
  for (let nth = 0; nth < 20; nth++) {
    const booked = await hall.books('U0RAJ', {
      startsAt: new Date(Date.UTC(2027, 5, 2, 0) + nth * 3_600_000).toISOString(),
      lead: 'U0RAJ',
    });
    if (!booked.ok) throw new Error(codeOf(booked));
    for (const { body } of booked.events) if (body.type === 'release.requested') releases.push(body.release);
  }
  await hall.db.pool.query(`UPDATE release_freeze SET lifted = false WHERE key = 'closing'`);
  const asked = await Promise.all(
    releases.map((release) => hall.does('U0RAJ', call(exceptionCommand, { release, reason: 'it has to go' }))),
  );
  const codes = asked.map(codeOf);
  expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
  expect(codes.filter((code) => code === 'exception_budget')).toHaveLength(19);
});

test('all of it can be rebuilt from the log', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(150);
});
