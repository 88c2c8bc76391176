import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Freeze, Window } from '../../src/domain/calendar.ts';
import { type CalendarFacts, isHard, judge, type Wanted } from '../../src/domain/conflict.ts';
import { findSlots } from '../../src/domain/slot.ts';
import { addMinutes } from '../../src/domain/time.ts';

const now = new Date('2026-11-23T08:00:00Z');
const at = (time: string) => new Date(`2026-11-24T${time}:00Z`);
const none = { environments: [], services: [], tags: [], teams: [] };
const payments = { key: 'payments', team: 'pay', tags: ['pci'], regions: ['eu'] };

const facts: CalendarFacts = {
  zone: 'UTC',
  hasCatalog: true,
  windows: [],
  freezes: [],
  held: [],
  seats: [],
  around: [],
  leading: [],
  needs: [],
  regions: [],
};
const wanted: Wanted = {
  environment: 'production',
  exclusive: false,
  services: [payments],
  minutes: 45,
  changeType: 'normal',
  lead: 'U0ANA',
  teams: ['pay'],
  holders: [],
  releases: [],
  overlap: 'warn',
  train: undefined,
};
const days: Window = {
  key: 'days',
  name: 'Days',
  scope: { ...none, environments: ['production'] },
  recurrence: { date: '2026-01-01', at: '09:00', minutes: 480, rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' },
  zone: 'UTC',
  capacity: null,
  minMinutes: null,
  maxMinutes: null,
  noticeMinutes: 0,
  bookers: [],
  exempt: ['emergency'],
};
const frozen: Freeze = {
  key: 'bf',
  name: 'Black Friday',
  level: 'hard',
  scope: none,
  exempt: ['emergency'],
  message: 'Hands off',
  recurrence: { date: '2026-11-24', at: '10:00', minutes: 240, rule: null },
  zone: 'UTC',
  owners: null,
};
const planned = (window: Window) => ({ ...window, changes: [], source: 'slack' as const });
const ice = (freeze: Freeze) => ({ ...freeze, skips: [], lifted: false, source: 'slack' as const });
const slot = { startsAt: at('13:00'), endsAt: at('14:00') };

function codes(change: Partial<CalendarFacts>, wish: Partial<Wanted> = {}, startsAt = at('13:30')): string[] {
  const range = { from: startsAt, to: addMinutes(startsAt, wish.minutes ?? wanted.minutes) };
  const judged = judge({ ...facts, ...change }, { ...wanted, ...wish }, range)(startsAt, now);
  return judged.conflicts.map((one) => `${one.level} ${one.code}`);
}

test('every conflict has its reason, and each is one that can be absent', () => {
  const held = { holder: 'REL-1', service: 'payments', label: 'payments 1', ...slot };
  const other = { release: 2, label: 'ledger 1', ...slot };
  expect(codes({})).toEqual([]);
  expect(codes({ held: [held] })).toEqual(['hard service_busy']);
  expect(codes({ held: [{ ...held, service: 'web' }] })).toEqual([]);
  expect(codes({ held: [{ ...held, service: 'web' }] }, { exclusive: true })).toEqual(['hard environment_busy']);
  expect(codes({ held: [{ ...held, service: null, holder: 'ENV-1' }] })).toEqual(['hard environment_busy']);
  expect(codes({ held: [held] }, { holders: ['REL-1'] })).toEqual([]);
  expect(codes({ held: [held] }, {}, at('14:00'))).toEqual([]);

  expect(codes({ windows: [planned(days)] })).toEqual([]);
  expect(codes({ windows: [planned(days)] }, {}, at('16:30'))).toEqual(['hard outside_windows']);
  expect(codes({ windows: [planned(days)] }, { changeType: 'emergency' }, at('22:00'))).toEqual([]);
  expect(
    codes({ windows: [planned({ ...days, scope: { ...none, environments: ['staging'] } })] }, {}, at('22:00')),
  ).toEqual([]);
  expect(codes({ windows: [planned({ ...days, noticeMinutes: 48 * 60 })] })).toEqual(['hard short_notice']);
  expect(codes({ windows: [planned({ ...days, maxMinutes: 30 })] })).toEqual(['hard window_length']);
  expect(codes({ windows: [planned({ ...days, minMinutes: 60 })] })).toEqual(['hard window_length']);
  expect(codes({ windows: [planned({ ...days, bookers: ['search'] })] })).toEqual(['hard not_your_window']);
  const full = {
    windows: [planned({ ...days, capacity: 1 })],
    seats: [{ window: 'days', date: '2026-11-24', seat: 1, holder: 'REL-1' }],
  };
  expect(codes(full)).toEqual(['hard window_full']);
  expect(codes(full, { holders: ['REL-1'] })).toEqual([]);

  expect(codes({ freezes: [ice(frozen)] })).toEqual(['hard freeze']);
  expect(codes({ freezes: [ice({ ...frozen, level: 'warn' })] })).toEqual(['warn freeze']);
  expect(codes({ freezes: [ice(frozen)] }, { changeType: 'emergency' })).toEqual([]);
  for (const scope of [{ services: ['web'] }, { tags: ['sox'] }, { teams: ['search'] }, { environments: ['staging'] }])
    expect(codes({ freezes: [ice({ ...frozen, scope: { ...none, ...scope } })] })).toEqual([]);
  for (const scope of [
    { services: ['payments'] },
    { tags: ['pci'] },
    { teams: ['pay'] },
    { environments: ['production'] },
  ])
    expect(codes({ freezes: [ice({ ...frozen, scope: { ...none, ...scope } })] })).toEqual(['hard freeze']);
  expect(codes({ freezes: [{ ...ice(frozen), skips: ['2026-11-24'] }] })).toEqual([]);

  const around = [{ ...other, service: 'ledger', direction: 'upstream' as const }];
  expect(codes({ around })).toEqual(['warn dependency_busy']);
  expect(codes({ around }, { overlap: 'block' })).toEqual(['hard dependency_busy']);
  expect(codes({ around }, { overlap: 'ignore' })).toEqual([]);
  expect(codes({ needs: [{ ...other, state: 'approved' }] })).toEqual(['hard dependency_open']);
  expect(codes({ needs: [{ ...other, state: 'approved' }] }, {}, at('14:00'))).toEqual([]);
  expect(codes({ needs: [{ ...other, state: 'cancelled' }] }, {}, at('20:00'))).toEqual(['hard dependency_open']);
  expect(codes({ needs: [{ ...other, state: 'done' }] })).toEqual([]);
  expect(codes({ leading: [other] })).toEqual(['warn lead_busy']);
  const regions = [
    { key: 'eu', zone: 'Europe/Berlin', days: [1, 2, 3, 4, 5], peaks: [{ from: '15:00', to: '16:00' }] },
  ];
  expect(codes({ regions })).toEqual(['warn peak_hours']);
  expect(codes({ regions }, {}, at('15:00'))).toEqual([]);
});

test('the most specific windows decide', () => {
  const own = planned({
    ...days,
    key: 'own',
    name: 'Payments',
    scope: { ...none, services: ['payments'] },
    recurrence: { ...days.recurrence, at: '20:00', minutes: 120 },
  });
  expect(codes({ windows: [planned(days), own] })).toEqual(['hard outside_windows']);
  expect(codes({ windows: [planned(days), own] }, {}, at('20:30'))).toEqual([]);
});

test('an edited occurrence counts instead of the series: closed, shifted, with fewer places', () => {
  const change = { date: '2026-11-24', cancelled: false, at: null, minutes: null, capacity: null };
  const edited = (
    edit: Partial<typeof change> | { at: string | null; minutes: number | null; capacity: number | null },
  ) => ({
    windows: [{ ...days, capacity: 2, changes: [{ ...change, ...edit }], source: 'slack' as const }],
  });
  expect(codes(edited({ cancelled: true }))).toEqual(['hard outside_windows']);
  expect(codes(edited({ at: '18:00', minutes: 60, capacity: null }), {}, at('18:00'))).toEqual([]);
  expect(codes(edited({ at: '18:00', minutes: 60, capacity: null }))).toEqual(['hard outside_windows']);
  const seats = [{ window: 'days', date: '2026-11-24', seat: 1, holder: 'REL-1' }];
  expect(codes({ ...edited({ at: null, minutes: null, capacity: 1 }), seats })).toEqual(['hard window_full']);
});

test('without any catalogue working days from nine to five decide', () => {
  expect(codes({ hasCatalog: false })).toEqual([]);
  expect(codes({ hasCatalog: false }, {}, at('18:00'))).toEqual(['hard outside_windows']);
});

const minute = fc.integer({ min: 0, max: 3 * 1440 });
const range = fc.tuple(minute, fc.integer({ min: 15, max: 300 })).map(([from, length]) => ({
  startsAt: addMinutes(now, from),
  endsAt: addMinutes(now, from + length),
}));

test('what is offered has no hard conflict, is not in the past, and nothing better was skipped', () => {
  const world = fc.record({
    held: fc.array(fc.record({ range, whole: fc.boolean() }), { maxLength: 25 }),
    frozen: fc.array(range, { maxLength: 3 }),
    windowed: fc.boolean(),
    minutes: fc.constantFrom(15, 45, 120),
    from: minute,
  });
  fc.assert(
    fc.property(world, ({ held, frozen: iced, windowed, minutes, from }) => {
      const full: CalendarFacts = {
        ...facts,
        windows: windowed ? [planned(days)] : [],
        held: held.map((one, index) => ({
          holder: `REL-${index}`,
          service: one.whole ? null : 'payments',
          label: '',
          ...one.range,
        })),
        freezes: iced.map((one, index) => {
          const wall = one.startsAt.toISOString();
          const length = Math.max(5, (Number(one.endsAt) - Number(one.startsAt)) / 60_000);
          return ice({
            ...frozen,
            key: `f${index}`,
            recurrence: { date: wall.slice(0, 10), at: wall.slice(11, 16), minutes: length, rule: null },
          });
        }),
      };
      const wish = { ...wanted, minutes };
      const start = addMinutes(now, from);
      const offers = findSlots(full, wish, { from: start, now, most: 3 });
      expect(offers.length).toBeGreaterThan(0);
      const judged = judge(full, wish, { from: start, to: addMinutes(start, 70 * 1440) });
      for (const offer of offers) {
        expect(offer.startsAt >= start && offer.startsAt > now).toBe(true);
        expect(judged(offer.startsAt, now).conflicts.filter(isHard)).toEqual([]);
      }
      // No warnings in this world, so the first offer is the first free quarter of an hour.
      const first = Math.min(...offers.map((offer) => offer.startsAt.getTime()));
      for (
        let time = Math.ceil(Math.max(start.getTime(), now.getTime() + 60_000) / 900_000) * 900_000;
        time < first;
        time += 900_000
      )
        expect(judged(new Date(time), now).conflicts.some(isHard)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('the best time is ranked by wait, warnings and whether it can be decided before', () => {
  const busy = { release: 9, label: 'x', startsAt: at('09:00'), endsAt: at('10:00') };
  const warned = findSlots({ ...facts, leading: [busy] }, wanted, { from: at('09:00'), now, most: 1 });
  expect(warned[0]?.startsAt).toEqual(at('10:00'));
  const night = new Date('2026-11-24T22:00:00Z');
  const [offer] = findSlots(facts, wanted, { from: night, now: night, most: 1, approvers: [['Europe/Berlin']] });
  // Nobody in Berlin is at work before 09:00 (08:00 UTC): ten hours of wait cost less than the half day for being undecidable.
  expect(offer?.startsAt.toISOString()).toBe('2026-11-25T08:15:00.000Z');
  expect(offer?.decidable).toBe(true);
});
