import { expect, test } from 'vitest';
import { parseCatalog } from '../../src/domain/catalog.ts';
import { choosePolicy, defaultPolicy } from '../../src/domain/policy.ts';

test('the first policy that matches decides; no policy means one other member of the channel', () => {
  const policies = [
    { name: 'critical', when: { tier: [1] }, gates: [], dependency_overlap: 'warn' as const },
    { name: 'all', when: {}, gates: [], dependency_overlap: 'warn' as const },
  ];
  expect(choosePolicy(policies, { environment: 'production', type: 'normal', tiers: [2, 1] }).name).toBe('critical');
  expect(choosePolicy(policies, { environment: 'production', type: 'normal', tiers: [3] }).name).toBe('all');
  expect(choosePolicy([], { environment: 'production', type: 'normal', tiers: [3] })).toBe(defaultPolicy);
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
