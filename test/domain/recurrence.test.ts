import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Freeze, Train, Window } from '../../src/domain/calendar.ts';
import { freezeTimes } from '../../src/domain/freeze.ts';
import { nextOccurrence, occurrences, readRule, ruleProblem, ruleWords } from '../../src/domain/recurrence.ts';
import { wallTime } from '../../src/domain/time.ts';
import { nextDeparture } from '../../src/domain/train.ts';
import { windowTimes } from '../../src/domain/window.ts';

const scope = { environments: [], services: [], tags: [], teams: [] };
const zulu = (at: Date | undefined) => at?.toISOString().replace('.000Z', 'Z');

function window(zone: string, at: string, minutes: number, rule = 'FREQ=DAILY'): Window {
  const recurrence = { date: '2026-01-01', at, minutes, rule };
  const limits = { capacity: null, minMinutes: null, maxMinutes: null, noticeMinutes: 0, bookers: [], exempt: [] };
  return { key: 'w', name: 'w', scope, recurrence, zone, ...limits };
}

/** The days on which the clocks change, with what has to come of them. Kolkata has none. */
const days = [
  // Forward: the hour from `gap` on does not exist.
  {
    zone: 'Europe/Berlin',
    date: '2027-03-28',
    gap: '02:30',
    gapEnds: '2027-03-28T01:00:00Z',
    twoPm: '2027-03-28T12:00:00Z',
    hours: 23,
  },
  {
    zone: 'America/New_York',
    date: '2027-03-14',
    gap: '02:30',
    gapEnds: '2027-03-14T07:00:00Z',
    twoPm: '2027-03-14T18:00:00Z',
    hours: 23,
  },
  {
    zone: 'Australia/Lord_Howe',
    date: '2027-10-03',
    gap: '02:15',
    gapEnds: '2027-10-02T15:30:00Z',
    twoPm: '2027-10-03T03:00:00Z',
    hours: 23.5,
  },
  {
    zone: 'Asia/Kolkata',
    date: '2027-03-28',
    gap: undefined,
    gapEnds: undefined,
    twoPm: '2027-03-28T08:30:00Z',
    hours: 24,
  },
  // Back: an hour comes twice.
  {
    zone: 'Europe/Berlin',
    date: '2026-10-25',
    gap: undefined,
    gapEnds: undefined,
    twoPm: '2026-10-25T13:00:00Z',
    hours: 25,
  },
  {
    zone: 'America/New_York',
    date: '2026-11-01',
    gap: undefined,
    gapEnds: undefined,
    twoPm: '2026-11-01T19:00:00Z',
    hours: 25,
  },
  {
    zone: 'Australia/Lord_Howe',
    date: '2027-04-04',
    gap: undefined,
    gapEnds: undefined,
    twoPm: '2027-04-04T03:30:00Z',
    hours: 24.5,
  },
] as const;

describe.each(days)('$zone on $date', ({ zone, date, gap, gapEnds, twoPm, hours }) => {
  const noon = Date.parse(`${date}T12:00:00Z`);
  const around = { from: new Date(noon - 2 * 86_400_000), to: new Date(noon + 2 * 86_400_000) };
  const on = <T extends { date: string }>(times: readonly T[]) => times.find((one) => one.date === date);

  test('a window at 14:00 stays at 14:00, and one from midnight to midnight is as long as the day', () => {
    const times = windowTimes({ ...window(zone, '14:00', 120), changes: [], source: 'slack' }, around);
    expect(zulu(on(times)?.startsAt)).toBe(twoPm);
    for (const time of times) expect(wallTime(time.startsAt, zone).time).toBe('14:00');
    const whole = on(windowTimes({ ...window(zone, '00:00', 1440), changes: [], source: 'slack' }, around));
    expect((Number(whole?.endsAt) - Number(whole?.startsAt)) / 3_600_000).toBe(hours);
  });

  test('a window or train whose start does not exist is left out; a freeze begins when the gap ends', () => {
    const at = gap ?? '02:30';
    const opened = on(windowTimes({ ...window(zone, at, 60), changes: [], source: 'slack' }, around));
    const train: Train = {
      key: 't',
      name: 't',
      environment: 'production',
      scope,
      recurrence: window(zone, at, 60).recurrence,
      zone,
      cutoffMinutes: 0,
      capacity: null,
      channel: null,
    };
    const freeze: Freeze = {
      key: 'f',
      name: 'f',
      level: 'hard',
      scope,
      exempt: [],
      message: '',
      recurrence: { date, at, minutes: 120, rule: null },
      zone,
      owners: null,
    };
    const frozen = on(freezeTimes({ ...freeze, skips: [], lifted: false, source: 'slack' }, around));
    const dayBefore = new Date(noon - 36 * 3_600_000);
    const departs = nextDeparture(train, new Date(Math.max(dayBefore.getTime(), Number(around.from))));
    const dates: string[] = [];
    for (let next = departs; next && next.startsAt < around.to; next = nextDeparture(train, next.startsAt))
      dates.push(next.date);
    if (gap) {
      expect(opened).toBeUndefined();
      expect(dates).not.toContain(date);
      expect(zulu(frozen?.startsAt)).toBe(gapEnds);
    } else {
      expect(wallTime(opened?.startsAt as Date, zone).time).toBe(at);
      expect(dates).toContain(date);
      expect(wallTime(frozen?.startsAt as Date, zone).time).toBe(at);
    }
    expect(dates.length).toBeGreaterThanOrEqual(2);
  });
});

test('an hour that comes twice is covered both times', () => {
  const [only] = occurrences(
    { date: '2026-10-25', at: '02:15', minutes: 30, rule: null },
    'Europe/Berlin',
    { from: new Date('2026-10-24T00:00:00Z'), to: new Date('2026-10-26T00:00:00Z') },
    'cover',
  );
  // 02:15 summer time to 02:45 winter time.
  expect([zulu(only?.startsAt), zulu(only?.endsAt)]).toEqual(['2026-10-25T00:15:00Z', '2026-10-25T01:45:00Z']);
});

test('weekly 14:00 Berlin keeps its hour across 25 October', () => {
  const rule = { date: '2026-10-06', at: '14:00', minutes: 60, rule: 'FREQ=WEEKLY;BYDAY=TU' };
  const times = occurrences(
    rule,
    'Europe/Berlin',
    { from: new Date('2026-10-19T00:00:00Z'), to: new Date('2026-11-01T00:00:00Z') },
    'skip',
  );
  expect(times.map((one) => zulu(one.startsAt))).toEqual(['2026-10-20T12:00:00Z', '2026-10-27T13:00:00Z']);
});

test('rules of RFC 5545 give the dates that the RFC gives', () => {
  const dates = (rule: string, date = '2026-01-31') =>
    occurrences(
      { date, at: '12:00', minutes: 5, rule },
      'UTC',
      { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-07-01T00:00:00Z') },
      'skip',
    ).map((one) => one.date);
  expect(dates('FREQ=MONTHLY')).toEqual(['2026-01-31', '2026-03-31', '2026-05-31']);
  expect(dates('FREQ=MONTHLY;BYMONTHDAY=-1')).toEqual([
    '2026-01-31',
    '2026-02-28',
    '2026-03-31',
    '2026-04-30',
    '2026-05-31',
    '2026-06-30',
  ]);
  expect(dates('FREQ=MONTHLY;BYDAY=1MO', '2026-05-01')).toEqual(['2026-05-04', '2026-06-01']);
  expect(dates('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;COUNT=3', '2026-06-02')).toEqual([
    '2026-06-02',
    '2026-06-16',
    '2026-06-30',
  ]);
  expect(dates('FREQ=DAILY;UNTIL=20260203')).toEqual(['2026-01-31', '2026-02-01', '2026-02-02', '2026-02-03']);
});

test('people write rules in words, and are told what a rule cannot say', () => {
  expect(
    ['daily', 'mon-fri', 'tue,thu', 'every 2 weeks', 'monthly', 'FREQ=WEEKLY;BYDAY=MO', 'sometimes'].map(readRule),
  ).toEqual([
    'FREQ=DAILY',
    'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR',
    'FREQ=WEEKLY;BYDAY=TU,TH',
    'FREQ=WEEKLY;INTERVAL=2',
    'FREQ=MONTHLY',
    'FREQ=WEEKLY;BYDAY=MO',
    undefined,
  ]);
  expect(ruleWords('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270131')).toBe('every 2 weeks on Tue until 2027-01-31');
  expect(ruleProblem('FREQ=HOURLY')).toMatch(/hours come from the start time/);
  expect(ruleProblem('FREQ=WEEKLY;BYHOUR=3')).toMatch(/cannot say BYHOUR/);
  expect(ruleProblem('FREQ=WEEKLY;BYDAY=XX')).toMatch(/BYDAY/);
});

test('the next occurrence is the first of all that come after', () => {
  const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe');
  const rule = fc.constantFrom(
    'FREQ=DAILY',
    'FREQ=WEEKLY;BYDAY=MO,SU',
    'FREQ=MONTHLY;BYMONTHDAY=-1',
    'FREQ=WEEKLY;INTERVAL=3',
  );
  const hour = fc.integer({ min: 0, max: 23 });
  fc.assert(
    fc.property(
      zone,
      rule,
      hour,
      fc.integer({ min: 0, max: 500 }),
      fc.constantFrom('skip', 'cover'),
      (where, what, at, day, gap) => {
        const recurrence = { date: '2026-01-01', at: `${String(at).padStart(2, '0')}:30`, minutes: 90, rule: what };
        const after = new Date(Date.UTC(2026, 0, 1) + day * 86_400_000 + 7 * 3_600_000);
        const all = occurrences(
          recurrence,
          where,
          { from: after, to: new Date(after.getTime() + 70 * 86_400_000) },
          gap,
        );
        expect(nextOccurrence(recurrence, where, after, gap)).toEqual(all.find((one) => one.startsAt > after));
        for (const one of all) expect(one.endsAt > one.startsAt).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});
