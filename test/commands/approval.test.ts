import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { changeCommand } from '../../src/commands/change.ts';
import { call } from '../../src/commands/command.ts';
import { cancelCommand } from '../../src/commands/deploy.ts';
import { moveCommand } from '../../src/commands/move.ts';
import { applyCatalogCommand } from '../../src/commands/setup.ts';
import { delegateCommand, takeBackCommand } from '../../src/commands/vote.ts';
import { parseCatalog } from '../../src/domain/catalog.ts';
import { tally } from '../../src/domain/gate.ts';
import { type Outcome, run } from '../../src/run.ts';
import { readerOf } from '../../src/store/calendar.ts';
import { findRelease } from '../../src/store/facts.ts';
import * as model from '../support/approval-model.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';
import { expectReplayed } from '../support/replay.ts';

/** `APPROVAL_RUNS=500 npx vitest run test/commands/approval.test.ts` for the long one. */
const runs = Number(process.env.APPROVAL_RUNS ?? 50);

let hall: Hall;
beforeAll(async () => {
  hall = await openHall();
});
afterAll(() => hall?.close());

const people = ['U0ANA', 'U0BEN', 'U0KIM', 'U0LEE', 'U0MIA', 'U0SAM', 'U0GUEST1', 'U0EVE', 'U0BOT1', 'U0TOM'];
const kinds: Record<string, model.Kind> = { U0GUEST1: 'guest', U0EVE: 'stranger', U0BOT1: 'bot', U0TOM: 'deactivated' };
const gateNames = ['SRE', 'Product', 'Security'];
const fields = ['summary', 'migration', 'time'] as const;

const gate = fc.record({
  needed: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant('all' as const), fc.constant('majority' as const)),
  veto: fc.boolean(),
  delegates: fc.boolean(),
  covers: fc.uniqueArray(fc.constantFrom(...fields), { minLength: 1 }),
  members: fc.uniqueArray(fc.constantFrom(...people), { minLength: 4, maxLength: 8 }),
});
// Those who can vote say most of what is said.
const voters = people.filter((id) => !kinds[id]).slice(1, 5);
const who = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...voters) }, fc.constantFrom(...people));
const action = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('vote' as const),
      who,
      choice: fc.oneof(
        { weight: 8, arbitrary: fc.constant('approve' as const) },
        fc.constantFrom('condition' as const, 'block' as const, 'reject' as const, 'recuse' as const),
      ),
      comment: fc.constantFrom('', 'because', ' later '),
      unblock: fc.constantFrom('', 'a backup'),
      stale: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delegate' as const), who, to: who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('back' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('change' as const), field: fc.constantFrom(...fields) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('group' as const),
      gate: fc.integer({ min: 0, max: 2 }),
      members: fc.uniqueArray(fc.constantFrom(...people), { maxLength: 7 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), sure: fc.boolean() }) },
);

let turn = 0;

test('random policies, people, votes, delegations, changes and time agree with a second implementation', async () => {
  let verdicts = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(gate, { minLength: 1, maxLength: 3 }),
      fc.array(action, { minLength: 5, maxLength: 30 }),
      async (gates, actions) => {
        turn++;
        hall.clock.now = new Date('2026-11-23T08:00:00Z');
        const startsAt = new Date(Date.UTC(2026, 11, 1, 9) + turn * 86_400_000);
        const groups = gates.map((_, index) => `S0G${index}`);
        groups.forEach((id, index) => {
          hall.groups[id] = gates[index]?.members ?? [];
        });
        await applyPolicy(gates, groups);
        const rules = gates.map(({ needed, veto, delegates, covers }, index) => {
          const name = gateNames[index] as string;
          return { name, needed, veto, delegates, covers };
        });
        const members = () =>
          Object.fromEntries(groups.map((id, index) => [gateNames[index] as string, hall.groups[id] ?? []]));
        const world = model.newWorld({
          people: Object.fromEntries(people.map((id) => [id, kinds[id] ?? 'full'])),
          members: members(),
          requester: 'U0ANA',
          lead: 'U0SAM',
          gates: rules,
        });
        const hopeless = world.gates.some(
          (one) => one.asked.length < (typeof one.needed === 'number' ? one.needed : 1),
        );
        const booked = await hall.books('U0ANA', { startsAt: startsAt.toISOString(), lead: 'U0SAM' });
        expect(codeOf(booked)).toBe(hopeless ? 'unmeetable_gate' : 'ok');
        if (!booked.ok) return;
        const requested = booked.events.find(({ body }) => body.type === 'release.requested')?.body;
        const release = requested?.type === 'release.requested' ? requested.release : 0;
        let moves = 0;
        let flips = 0;
        for (const one of actions) {
          Object.assign(world.members, members());
          const revision = world.revision;
          switch (one.do) {
            case 'vote': {
              const unblock = one.choice === 'block' ? one.unblock : '';
              const asked = { revision: one.stale ? revision + 1 : revision, choice: one.choice };
              const got = await hall.votes(one.who, release, { ...asked, comment: one.comment, unblock });
              const wanted = model.vote(world, one.who, asked.choice, one.comment, unblock, asked.revision);
              expect([one, codeOf(got)]).toEqual([one, wanted]);
              break;
            }
            case 'delegate': {
              const got = await hall.does(one.who, call(delegateCommand, { release, to: one.to }));
              expect([one, codeOf(got)]).toEqual([one, model.delegate(world, one.who, one.to)]);
              break;
            }
            case 'back': {
              if (kinds[one.who]) break;
              const got = await hall.does(one.who, call(takeBackCommand, { release }));
              expect([one, codeOf(got)]).toEqual([one, model.takeBack(world, one.who)]);
              break;
            }
            case 'change': {
              const before = structuredClone(world);
              const nth = one.field === 'migration' ? ++flips : ++moves;
              const got = await change(release, one.field, nth, startsAt);
              const could = model.change(world, [one.field]);
              // A gate that nobody could meet any more is not asked again: nothing changes, and the next one is the same change.
              if (codeOf(got) === 'unmeetable_gate') {
                Object.assign(world, before);
                if (one.field === 'migration') flips--;
                else moves--;
              } else expect([one, codeOf(got) === 'ok']).toEqual([one, could]);
              break;
            }
            case 'group':
              if (groups[one.gate] !== undefined) hall.groups[groups[one.gate] as string] = one.members;
              break;
            case 'wait': {
              hall.clock.now = new Date(hall.clock.now.getTime() + one.hours * 3_600_000);
              // Timers that come too early change nothing.
              await hall.fires({ command: 'clock expire', release });
              break;
            }
            case 'cancel':
              if (!one.sure) break;
              expect((await hall.does('U0ANA', call(cancelCommand, { release, reason: '' }))).ok).toBe(
                model.cancel(world),
              );
          }
          expect([one, await snapshot(release)]).toEqual([one, model.snapshot(world)]);
        }
        const { rows } = await hall.db.pool.query(
          `SELECT CASE type WHEN 'release.approved' THEN 'approved@' || (body ->> 'revision') ELSE 'rejected' END AS verdict
           FROM event WHERE release = $1 AND type IN ('release.approved', 'release.rejected') ORDER BY seq`,
          [release],
        );
        const told = world.verdicts.map((verdict) => verdict.replace(/^rejected@.*/, 'rejected'));
        expect(rows.map((row) => row.verdict)).toEqual(told);
        verdicts += told.length;
        // Moves took it an hour and a bit further at most.
        hall.clock.now = new Date(startsAt.getTime() + 3 * 3_600_000);
        await hall.fires({ command: 'clock expire', release });
        await hall.fires({ command: 'clock expire', release });
        model.expire(world);
        expect((await snapshot(release)).state).toBe(world.state);
      },
    ),
    { numRuns: runs },
  );
  // The property has something to say: many of the walks come to a verdict.
  expect(verdicts).toBeGreaterThan(runs / 10);
});

test('all of it can be rebuilt from the log', async () => {
  expect(await expectReplayed(hall)).toBeGreaterThan(100);
});

async function applyPolicy(
  gates: readonly { needed: model.Gate['needed']; veto: boolean; delegates: boolean; covers: readonly string[] }[],
  groups: readonly string[],
): Promise<void> {
  const written = parse(`
zone: Europe/Berlin
home: C0RELEASES
environments: { production: {} }
teams: { payments: { name: Payments, members: [U0ANA] } }
services: { payments: { team: payments, environments: [production] } }
`);
  const catalog = parseCatalog({
    ...written,
    groups: Object.fromEntries(groups.map((usergroup, index) => [`g${index}`, { name: `G${index}`, usergroup }])),
    policies: [
      {
        name: 'random',
        when: {},
        gates: gates.map(({ needed, veto, delegates, covers }, index) => ({
          name: gateNames[index],
          who: `group:g${index}`,
          needed,
          veto,
          delegates,
          covers,
        })),
      },
    ],
  });
  if (!catalog.ok) throw new Error(catalog.problems.join());
  const apply = call(applyCatalogCommand, { hash: `run ${turn}`, catalog: catalog.catalog });
  await run(hall.ctx, apply.command, apply.input, { workspace, actor: { kind: 'system' }, id: `catalog ${turn}` });
}

function change(release: number, field: (typeof fields)[number], nth: number, startsAt: Date): Promise<Outcome> {
  if (field === 'time') {
    const at = new Date(startsAt.getTime() + (nth % 2 === 0 ? 0 : 60) * 60_000 + nth * 60_000).toISOString();
    return hall.does('U0ANA', call(moveCommand, { release, startsAt: at, minutes: null, needs: null }));
  }
  const migration = nth % 2 === 0 ? ('reversible' as const) : ('irreversible' as const);
  const value = field === 'summary' ? { summary: `other words ${nth}` } : { migration };
  return hall.does('U0ANA', call(changeCommand, { release, revision: null, change: value }));
}

async function snapshot(release: number): Promise<model.Snapshot> {
  const facts = await findRelease(readerOf(hall.db), { workspace, actor: undefined, now: hall.clock.now }, release);
  if (!facts) throw new Error('no release');
  const votes = facts.votes.map(({ gate, voter, choice, seats }) => ({ gate, voter, choice, seats: [...seats] }));
  votes.sort((a, b) => (a.gate === b.gate ? (a.voter < b.voter ? -1 : 1) : a.gate < b.gate ? -1 : 1));
  const met = Object.fromEntries(tally(facts.gates, facts.votes).map((one) => [one.gate.name, one.met]));
  return { state: facts.release.state as model.State, revision: facts.release.revision, votes, met };
}

function codeOf(outcome: Outcome): string {
  return outcome.ok ? 'ok' : outcome.refusal.code;
}
