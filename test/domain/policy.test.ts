import { expect, test } from 'vitest';
import { parseCatalog } from '../../src/domain/catalog.ts';
import { type About, expressionProblem } from '../../src/domain/guard.ts';
import { choosePolicy, defaultPolicy, expedite, Policy } from '../../src/domain/policy.ts';

const about = (change: Partial<About['release']> = {}, time: Partial<About['time']> = {}): About => ({
  release: {
    environment: 'production',
    type: 'normal',
    services: ['payments'],
    teams: ['payments'],
    tags: [],
    tier: 1,
    minutes: 45,
    summary: 'x',
    rollback: 'redeploy',
    rollback_tested: false,
    migration: 'none',
    risk: 'low',
    dependencies: 0,
    links: 0,
    requester: 'U0ANA',
    lead: 'U0ANA',
    ...change,
  },
  time: { weekday: 2, hour: 14, minute: 0, date: '2026-11-24', ...time },
});
const policy = (name: string, change: Record<string, unknown> = {}) =>
  Policy.parse({ name, when: {}, gates: [{ name: `${name} gate`, who: { kind: 'owners' }, needed: 1 }], ...change });
const names = (choice: { gates: readonly { name: string }[] }) => choice.gates.map((gate) => gate.name);

test('the first policy that matches decides; no policy means one other member of the channel', () => {
  const policies = [policy('critical', { when: { tier: [1] } }), policy('all')];
  expect(choosePolicy(policies, about()).name).toBe('critical');
  expect(choosePolicy(policies, about({ tier: 3 })).name).toBe('all');
  expect(choosePolicy([], about()).name).toBe(defaultPolicy.name);
});

test('a policy is picked by type, tags, risk, day and hour, over midnight too', () => {
  const by = (when: Record<string, unknown>) => [policy('this', { when }), policy('other')];
  const table: [Record<string, unknown>, About, boolean][] = [
    [{ type: ['emergency'] }, about({ type: 'emergency' }), true],
    [{ type: ['emergency'] }, about(), false],
    [{ tags: ['pci'] }, about({ tags: ['pci', 'eu'] }), true],
    [{ tags: ['pci'] }, about(), false],
    [{ risk: ['high'] }, about({ risk: 'high' }), true],
    [{ risk: ['high'] }, about({ risk: 'medium' }), false],
    [{ days: 'sat,sun' }, about({}, { weekday: 6 }), true],
    [{ days: 'sat,sun' }, about({}, { weekday: 5 }), false],
    [{ hours: '18:00-08:00' }, about({}, { hour: 2 }), true],
    [{ hours: '18:00-08:00' }, about({}, { hour: 18 }), true],
    [{ hours: '18:00-08:00' }, about({}, { hour: 8 }), false],
    [{ hours: '09:00-12:00' }, about({}, { hour: 11, minute: 59 }), true],
    [{ if: 'release.minutes > 60' }, about({ minutes: 90 }), true],
    [{ if: 'release.minutes > 60' }, about({ minutes: 60 }), false],
  ];
  for (const [when, is, expected] of table)
    expect([when, choosePolicy(by(when), is).name]).toEqual([when, expected ? 'this' : 'other']);
});

test('a condition that cannot be judged lets nothing through', () => {
  // Integer division by zero types well and fails when judged.
  const fails = 'release.minutes / release.dependencies > 1';
  const strict = policy('strict', { when: { if: fails } });
  const chosen = choosePolicy([strict, policy('usual')], about());
  expect(names(chosen)).toEqual(['usual gate', 'strict gate']);
  expect(chosen.problems).toEqual([{ rule: 'strict', problem: expect.stringMatching(/zero/i) }]);
  // Gates of one name are told apart, and one that asks for the same is asked once.
  const twin = (name: string, group: string) =>
    policy(name, { when: { if: fails }, gates: [{ name: 'SRE', who: { kind: 'group', group }, needed: 1 }] });
  const twins = choosePolicy([twin('a', 'sre'), twin('b', 'chiefs'), twin('c', 'sre'), policy('usual')], about());
  expect(names(twins)).toEqual(['usual gate', 'SRE', 'SRE (2)']);
  const open = choosePolicy([policy('open', { when: { if: fails }, gates: [] }), policy('usual')], about());
  expect(names(open)).toEqual(['usual gate']);
  const gate = { name: 'DBA', who: { kind: 'owners' }, needed: 1, if: fails };
  expect(names(choosePolicy([policy('p', { gates: [gate] })], about()))).toEqual(['DBA']);
  const fine = { ...gate, if: `release.migration != 'none'` };
  expect(names(choosePolicy([policy('p', { gates: [fine] })], about()))).toEqual([]);
  expect(names(choosePolicy([policy('p', { gates: [fine] })], about({ migration: 'reversible' })))).toEqual(['DBA']);
});

test('conditions are checked when they are written: typos, types, and things that are no condition', () => {
  expect(expressionProblem(`release.risk == 'high' && !release.rollback_tested`)).toBeUndefined();
  expect(expressionProblem(`'pci' in release.tags`)).toBeUndefined();
  expect(expressionProblem(`releese.risk == 'high'`)).toMatch(/Unknown variable: releese/);
  expect(expressionProblem(`release.riske == 'high'`)).toMatch(/No such key: riske/);
  expect(expressionProblem('release.minutes')).toMatch(/gives int/);
  expect(expressionProblem(`release.minutes > 'a'`)).toMatch(/no such overload/);
  expect(expressionProblem('1 +')).toMatch(/Unexpected/);
  const parsed = parseCatalog({
    environments: { production: {} },
    teams: {},
    services: {},
    policies: [{ name: 'p', when: { if: 'release.tear == 1' }, gates: [] }],
  });
  expect(parsed.ok ? [] : parsed.problems).toEqual([expect.stringContaining('policies.0.when.if')]);
});

test('an emergency needs one person of those who would have voted; a policy that names emergencies decides instead', () => {
  const gates = [
    { name: 'SRE', who: { kind: 'group', group: 'sre' }, needed: 2 },
    { name: 'Product', who: { kind: 'owners' }, needed: 'all' },
  ];
  const usual = policy('production', { gates });
  const chosen = expedite([usual], about({ type: 'emergency' }));
  expect(chosen.gates).toEqual([
    expect.objectContaining({
      name: 'Emergency',
      needed: 1,
      who: { kind: 'any', of: [{ kind: 'group', group: 'sre' }, { kind: 'owners' }] },
    }),
  ]);
  expect(chosen.skipped.map((gate) => gate.name)).toEqual(['SRE', 'Product']);
  const own = policy('fire', { when: { type: ['emergency'] }, gates: [gates[0]] });
  const named = expedite([own, usual], about({ type: 'emergency' }));
  expect([names(named), named.skipped.map((gate) => gate.name)]).toEqual([['SRE'], ['Product']]);
});

test('a ladder of trust is climbed by name, and a circle ends', () => {
  const policies = [policy('usual'), policy('light', { when: { type: ['standard'] } })];
  expect(choosePolicy(policies, about(), { usual: 'light' }).name).toBe('light');
  expect(choosePolicy(policies, about(), { usual: 'gone' }).name).toBe('usual');
  expect(choosePolicy(policies, about(), { usual: 'light', light: 'usual' }).name).toBe('light');
});

test('a catalogue with mistakes names each of them', () => {
  const parsed = parseCatalog({
    zone: 'Mars/Base',
    environments: { production: {} },
    teams: { payments: { name: 'Payments', members: ['ana'] } },
    services: { payments: { team: 'paymnts', environments: ['prod'] } },
    policies: [{ name: 'p', when: {}, gates: [{ name: 'SRE', who: 'group:sre', needed: 1 }] }],
  });
  expect(parsed.ok).toBe(false);
  expect(parsed.ok ? [] : parsed.problems).toEqual(
    expect.arrayContaining([
      expect.stringContaining('not an IANA time zone'),
      expect.stringContaining('teams.payments.members.0'),
    ]),
  );
});
