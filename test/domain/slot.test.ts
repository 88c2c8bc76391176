import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCatalog } from '../../src/domain/catalog.ts';
import { choosePolicy, defaultPolicy } from '../../src/domain/policy.ts';
import { type Held, nextFree, overlaps } from '../../src/domain/slot.ts';
import { addMinutes } from '../../src/domain/time.ts';

const base = Date.UTC(2026, 10, 24);

test('the next free time is free and never before the wanted one', () => {
  const slot = fc.record({ from: fc.integer({ min: 0, max: 2_000 }), minutes: fc.integer({ min: 5, max: 240 }) });
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 30 }), slot, (taken, wanted) => {
      const held: Held[] = taken.map(({ from, minutes }, release) => ({
        release,
        service: 'payments',
        startsAt: new Date(base + from * 60_000),
        endsAt: new Date(base + (from + minutes) * 60_000),
      }));
      const startsAt = new Date(base + wanted.from * 60_000);
      const free = nextFree(held, { startsAt, minutes: wanted.minutes });
      expect(free >= startsAt).toBe(true);
      expect(held.some((other) => overlaps(other, { startsAt: free, endsAt: addMinutes(free, wanted.minutes) }))).toBe(
        false,
      );
    }),
  );
});

test('the first policy that matches decides; no policy means one other member of the channel', () => {
  const policies = [
    { name: 'critical', when: { tier: [1] }, gates: [] },
    { name: 'all', when: {}, gates: [] },
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
