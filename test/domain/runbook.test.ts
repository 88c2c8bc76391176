import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  planRollback,
  planSteps,
  RoomSettings,
  Runbook,
  type RunbookFacts,
  type StepPlan,
  statusMinutes,
} from '../../src/domain/runbook.ts';

const cast = { requester: 'U0ANA', authors: ['U0ANA', 'U0RAJ'] };
const none = { migration: 'none', before: [] };

type Book = { readonly steps: unknown[]; readonly rollback?: unknown[]; readonly status_minutes?: number };
type Made = { readonly on?: readonly string[]; readonly regions?: readonly string[]; readonly book?: Book | undefined };

/** A release of these services; the runbook of each is named after it. */
function facts(services: Record<string, Made>, groups: RunbookFacts['groups'] = {}): RunbookFacts {
  const entries = Object.entries(services);
  return {
    runbooks: Object.fromEntries(entries.flatMap(([key, { book }]) => (book ? [[key, Runbook.parse(book)]] : []))),
    services: entries.map(([key, { on = [], regions = [], book }]) => ({
      key,
      dependsOn: on,
      regions,
      room: RoomSettings.parse({ runbook: book ? key : null }),
    })),
    groups,
  };
}

/** "2 Title ← 1": what a step is called and what it waits for. */
const lines = (steps: readonly StepPlan[]) =>
  steps.map(({ key, title, needs }) => `${key} ${title}${needs.length > 0 ? ` ← ${needs.join(' ')}` : ''}`);

describe('the order of steps', () => {
  test('one behind the other, as they are written', () => {
    const plan = planSteps(facts({ web: { book: { steps: ['Backup', 'Migrate', 'Look'] } } }), cast);
    expect(lines(plan)).toEqual(['1 Backup', '2 Migrate ← 1', '3 Look ← 2']);
  });

  test('parallel steps begin together, and what comes next waits for all of them', () => {
    const steps = [
      'Backup',
      'Warm eu',
      { title: 'Warm us', parallel: true },
      { title: 'Tell', parallel: true },
      'Look',
    ];
    expect(lines(planSteps(facts({ web: { book: { steps } } }), cast))).toEqual([
      '1 Backup',
      '2 Warm eu ← 1',
      '3 Warm us ← 1',
      '4 Tell ← 1',
      '5 Look ← 2 3 4',
    ]);
  });

  test('regions go one after the other, and what comes next waits for the last', () => {
    const steps = ['Backup', { title: 'Deploy', per_region: true }, 'Look'];
    const plan = planSteps(facts({ web: { regions: ['eu', 'us', 'ap'], book: { steps } } }), cast);
    expect(lines(plan)).toEqual(['1 Backup', '2 Deploy ← 1', '3 Deploy ← 2', '4 Deploy ← 3', '5 Look ← 4']);
    expect(plan.map(({ group }) => group)).toEqual(['', 'eu', 'us', 'ap', '']);
  });

  test('a service without regions has the step once', () => {
    const plan = planSteps(facts({ web: { book: { steps: [{ title: 'Deploy', per_region: true }] } } }), cast);
    expect(lines(plan)).toEqual(['1 Deploy']);
  });

  test('two chains of regions side by side: the next waits for the ends of both', () => {
    const steps = [{ title: 'Deploy', per_region: true }, { title: 'Flush', per_region: true, parallel: true }, 'Look'];
    const plan = planSteps(facts({ web: { regions: ['eu', 'us'], book: { steps } } }), cast);
    expect(lines(plan)).toEqual(['1 Deploy', '2 Deploy ← 1', '3 Flush', '4 Flush ← 3', '5 Look ← 2 4']);
  });

  test('what others stand on goes first, whatever order they were named in', () => {
    const plan = planSteps(
      facts({
        web: { on: ['payments'], book: { steps: ['Web'] } },
        payments: { on: ['ledger'], book: { steps: ['Pay'] } },
        ledger: { book: { steps: ['Book', { title: 'Check', parallel: true }] } },
      }),
      cast,
    );
    expect(lines(plan)).toEqual(['1 Book', '2 Check', '3 Pay ← 1 2', '4 Web ← 3']);
    expect(plan.map(({ group }) => group)).toEqual(['ledger', 'ledger', 'payments', 'web']);
  });

  test('services that do not know each other do not wait for each other', () => {
    const plan = planSteps(facts({ web: { book: { steps: ['Web'] } }, search: { book: { steps: ['Find'] } } }), cast);
    expect(lines(plan)).toEqual(['1 Web', '2 Find']);
  });

  test('a service without a runbook passes on what it would wait for, once', () => {
    const plan = planSteps(
      facts({
        web: { on: ['left', 'right'], book: { steps: ['Web'] } },
        left: { on: ['base'] },
        right: { on: ['base'] },
        base: { book: { steps: ['Base'] } },
      }),
      cast,
    );
    expect(lines(plan)).toEqual(['1 Base', '2 Web ← 1']);
  });

  test('groups carry the service, their own name and the region', () => {
    const steps = [{ title: 'Deploy', group: 'roll out', per_region: true }];
    const plan = planSteps(
      facts({ web: { regions: ['eu', 'us'], book: { steps } }, search: { book: { steps: ['Find'] } } }),
      cast,
    );
    expect(plan.map(({ group }) => group)).toEqual(['web · roll out · eu', 'web · roll out · us', 'search']);
  });

  test('without any runbook there are no steps', () => {
    expect(planSteps(facts({ web: {} }), cast)).toEqual([]);
  });

  test('steps that were there before the plan keep their keys', () => {
    const plan = planSteps(facts({ web: { book: { steps: ['Backup', 'Look'] } } }), cast, 2);
    expect(lines(plan)).toEqual(['3 Backup', '4 Look ← 3']);
  });
});

describe('who is asked', () => {
  const groups: RunbookFacts['groups'] = {
    'group:sre': { name: 'sre', source: { kind: 'usergroup', id: 'S0SRE' } },
    'oncall:sre': { name: 'sre on call', source: { kind: 'usergroup', id: 'S0CALL' } },
    'group:product': { name: 'product', source: { kind: 'people', ids: ['U0KIM', 'U0MIA'] } },
    'group:lead': { name: 'lead', source: { kind: 'people', ids: ['U0ZOE'] } },
    'role:release_manager': { name: 'release manager', source: { kind: 'people', ids: ['U0RAE'] } },
  };
  const voices = (step: object, who = cast) =>
    planSteps(facts({ web: { book: { steps: [{ title: 'Go?', ...step }] } } }, groups), who)[0]?.voices;

  test('roles of the room, groups, whoever is on call, roles of the catalogue, the requester and people by id', () => {
    expect(voices({ poll: ['lead', 'group:sre', 'oncall:sre', 'role:release_manager', 'requester', 'U0LEE'] })).toEqual(
      [
        { name: 'lead', source: { kind: 'room', role: 'lead' } },
        { name: 'sre', source: { kind: 'usergroup', id: 'S0SRE' } },
        { name: 'sre on call', source: { kind: 'usergroup', id: 'S0CALL' } },
        { name: 'release manager', source: { kind: 'people', ids: ['U0RAE'] } },
        { name: 'requester', source: { kind: 'people', ids: ['U0ANA'] } },
        { name: 'U0LEE', source: { kind: 'people', ids: ['U0LEE'] } },
      ],
    );
  });

  test('a roll call has one voice for every author', () => {
    expect(voices({ roll_call: true })?.map(({ source }) => source)).toEqual([
      { kind: 'people', ids: ['U0ANA'] },
      { kind: 'people', ids: ['U0RAJ'] },
    ]);
  });

  test('whoever is named twice has one voice', () => {
    expect(voices({ poll: ['lead', 'lead', 'authors'], roll_call: true })?.map(({ name }) => name)).toEqual([
      'lead',
      'author U0ANA',
      'author U0RAJ',
    ]);
  });

  test('a group that is called like a role of the room keeps its voice', () => {
    const asked = voices({ poll: ['lead', 'group:lead'] });
    expect(asked?.map(({ source }) => source)).toEqual([
      { kind: 'room', role: 'lead' },
      { kind: 'people', ids: ['U0ZOE'] },
    ]);
    expect(new Set(asked?.map(({ name }) => name)).size).toBe(2);
  });

  test('kinds: a poll, a canary with its share, a call, and by hand', () => {
    const steps = [
      { title: 'Go?', poll: ['lead'] },
      { title: 'Canary', canary: { percent: 5, soak_minutes: 20 } },
      { title: 'Canary, named', canary: { percent: 5, soak_minutes: 20 }, expose: 'green' },
      { title: 'Call', webhook: { url: 'https://ci.example/run' } },
      { title: 'Look', owner: 'verifier', verify: true, due_minutes: 30 },
    ];
    const plan = planSteps(facts({ web: { book: { steps } } }), cast);
    expect(plan.map(({ kind, expose, soakMinutes }) => [kind, expose, soakMinutes])).toEqual([
      ['poll', null, null],
      ['canary', '5 %', 20],
      ['canary', 'green', 20],
      ['webhook', null, null],
      ['manual', null, null],
    ]);
    expect(plan[4]).toMatchObject({
      owner: { kind: 'room', role: 'verifier' },
      ownerName: 'verifier',
      dueMinutes: 30,
      verify: true,
    });
  });
});

describe('a rollback', () => {
  test('without a runbook: what ran before, the data, and a second person', () => {
    const plan = planRollback(facts({ web: {} }), cast, { ...none, before: [{ service: 'web', version: '2.13.4' }] });
    expect(lines(plan)).toEqual([
      'R1 web runs 2.13.4 again',
      'R2 Data checked: nothing was lost or written twice ← R1',
      'R3 Verified by a second person ← R2',
    ]);
    expect(plan.map(({ verify }) => verify)).toEqual([false, false, true]);
    expect(new Set(plan.map(({ phase }) => phase))).toEqual(new Set(['rollback']));
  });

  test('a first version has nothing to go back to by name', () => {
    expect(planRollback(facts({ web: {} }), cast, none)[0]?.title).toBe('web runs as before');
  });

  test('what stands on others is listed first, and the data wait for all of it', () => {
    const plan = planRollback(
      facts({
        ledger: { book: { steps: ['Book'], rollback: ['Unbook', 'Recount'] } },
        web: { on: ['payments'] },
        payments: { on: ['ledger'], book: { steps: ['Pay'], rollback: ['Unpay'] } },
      }),
      cast,
      none,
    );
    expect(plan.map(({ title }) => title).slice(0, 4)).toEqual(['web runs as before', 'Unpay', 'Unbook', 'Recount']);
    expect(plan[4]?.needs).toEqual(['R1', 'R2', 'R4']);
  });

  test('a migration that cannot be taken back is named', () => {
    expect(planRollback(facts({ web: {} }), cast, { ...none, migration: 'irreversible' })[1]?.title).toMatch(
      /cannot be taken back/,
    );
  });

  test('steps that were there before the plan keep their keys', () => {
    expect(planRollback(facts({ web: {} }), cast, none, 1).map(({ key }) => key)).toEqual(['R2', 'R3', 'R4']);
  });
});

test('a status is asked for as often as the most demanding runbook wants, else every half hour', () => {
  const steps = ['Look'];
  expect(statusMinutes(facts({ web: {} }))).toBe(30);
  expect(
    statusMinutes(facts({ a: { book: { steps, status_minutes: 60 } }, b: { book: { steps, status_minutes: 20 } } })),
  ).toBe(20);
});

/** Any release: up to five services that stand on earlier ones, named in any order, with and without runbooks. */
const entry = fc.record({
  title: fc.constantFrom('Backup', 'Deploy', 'Look'),
  per_region: fc.boolean(),
  parallel: fc.boolean(),
  roll_call: fc.boolean(),
});
const names = ['a', 'b', 'c', 'd', 'e'];
const anyRelease = fc
  .array(
    fc.record({
      on: fc.subarray(names),
      regions: fc.subarray(['eu', 'us', 'ap']),
      steps: fc.array(entry, { maxLength: 6 }),
      rollback: fc.array(entry, { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .chain((services) =>
    fc.tuple(
      fc.constant(services),
      fc.shuffledSubarray(
        services.map((_, index) => index),
        { minLength: services.length },
      ),
    ),
  )
  .map(([services, order]) =>
    facts(
      Object.fromEntries(
        order.map((index) => {
          const { on, regions, steps, rollback } = services[index] as (typeof services)[number];
          const before = on.filter((name) => names.indexOf(name) < index);
          return [names[index], { on: before, regions, book: steps.length > 0 ? { steps, rollback } : undefined }];
        }),
      ),
    ),
  );

/** What does not hold for a plan, seen without the help of the planner. */
function flaws(steps: readonly StepPlan[]): string[] {
  const found: string[] = [];
  const earlier = new Set<string>();
  for (const { key, needs } of steps) {
    if (earlier.has(key)) found.push(`${key} is there twice`);
    if (new Set(needs).size !== needs.length) found.push(`${key} waits twice for one step`);
    for (const need of needs) if (!earlier.has(need)) found.push(`${key} waits for ${need}, which is not before it`);
    earlier.add(key);
  }
  // Work it off: whatever can begin is done, until nothing can.
  const done = new Set<string>();
  for (let last = -1; last !== done.size; ) {
    last = done.size;
    for (const { key, needs } of steps) if (needs.every((need) => done.has(need))) done.add(key);
  }
  if (done.size !== earlier.size) found.push(`only ${done.size} of ${earlier.size} can ever begin`);
  return found;
}

/** Every step that has to be over before this one begins. */
function allBefore(steps: readonly StepPlan[], key: string): Set<string> {
  const own = steps.find((step) => step.key === key)?.needs ?? [];
  return new Set(own.flatMap((need) => [need, ...allBefore(steps, need)]));
}

describe('whatever the runbooks', () => {
  test('keys are unique, steps need only earlier ones, and every step can be reached', () => {
    fc.assert(
      fc.property(anyRelease, (release) => {
        expect(flaws(planSteps(release, cast))).toEqual([]);
        expect(flaws(planRollback(release, cast, none))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('no step of a service begins before everything is over that it stands on', () => {
    fc.assert(
      fc.property(anyRelease, (release) => {
        const plan = planSteps(release, cast);
        if (release.services.length === 1) return;
        const of = (service: string) => plan.filter(({ group }) => group.split(' · ')[0] === service);
        for (const { key: service, dependsOn } of release.services)
          for (const other of dependsOn)
            for (const step of of(service)) {
              const before = allBefore(plan, step.key);
              expect(of(other).filter(({ key }) => !before.has(key))).toEqual([]);
            }
      }),
      { numRuns: 300 },
    );
  });

  test('the second look of a rollback comes after every other of its steps', () => {
    fc.assert(
      fc.property(anyRelease, (release) => {
        const plan = planRollback(release, cast, none);
        const last = plan.at(-1) as StepPlan;
        expect([last.title, last.verify]).toEqual(['Verified by a second person', true]);
        expect(allBefore(plan, last.key).size).toBe(plan.length - 1);
      }),
      { numRuns: 300 },
    );
  });

  test('the eye for flaws sees a planted one', () => {
    const [step] = planSteps(facts({ web: { book: { steps: ['Look'] } } }), cast) as [StepPlan];
    expect(flaws([step, step])).toEqual(['1 is there twice']);
    expect(
      flaws([
        { ...step, needs: ['2'] },
        { ...step, key: '2', needs: ['1'] },
      ]),
    ).toEqual(['1 waits for 2, which is not before it', 'only 0 of 2 can ever begin']);
  });
});
