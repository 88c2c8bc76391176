import { expect, test } from 'vitest';
import { planAsks } from '../../src/domain/ask.ts';
import type { Directory } from '../../src/domain/person.ts';
import { GateRule } from '../../src/domain/policy.ts';
import { noPrefs } from '../../src/domain/prefs.ts';
import { addWorkMinutes, isWorking, nextWorking, usualHours, type WorkHours } from '../../src/domain/worktime.ts';

const at = (text: string) => new Date(text);
const hours = (zone: string, change: Partial<WorkHours> = {}): WorkHours => ({ ...usualHours, zone, ...change });
const lisbon = hours('Europe/Lisbon');
const kolkata = hours('Asia/Kolkata');

test('working hours are those of the wall where somebody is', () => {
  const table: [WorkHours, string, boolean][] = [
    [lisbon, '2026-11-23T08:59:00Z', false],
    [lisbon, '2026-11-23T09:00:00Z', true],
    [lisbon, '2026-11-23T17:59:00Z', true],
    [lisbon, '2026-11-23T18:00:00Z', false],
    [lisbon, '2026-11-22T12:00:00Z', false],
    // 09:00 in Kolkata is 03:30 UTC.
    [kolkata, '2026-11-23T03:29:00Z', false],
    [kolkata, '2026-11-23T03:30:00Z', true],
    // Summer in Lisbon is an hour ahead of UTC.
    [lisbon, '2026-07-06T08:00:00Z', true],
    // A night shift reaches over midnight, and into Saturday.
    [hours('UTC', { from: '22:00', to: '06:00' }), '2026-11-28T05:59:00Z', true],
    [hours('UTC', { from: '22:00', to: '06:00' }), '2026-11-29T05:00:00Z', false],
  ];
  for (const [who, when, is] of table) expect([who, when, isWorking(who, at(when))]).toEqual([who, when, is]);
});

test('the next working time is 09:00 there, over nights, weekends and clock changes', () => {
  const next = (who: WorkHours, when: string) => nextWorking(who, at(when))?.toISOString();
  expect(next(lisbon, '2026-11-23T02:00:00Z')).toBe('2026-11-23T09:00:00.000Z');
  expect(next(lisbon, '2026-11-23T10:00:00Z')).toBe('2026-11-23T10:00:00.000Z');
  expect(next(lisbon, '2026-11-20T18:30:00Z')).toBe('2026-11-23T09:00:00.000Z');
  // Over the weekend of 25 October 2026 Lisbon falls back: Monday 09:00 is 09:00 UTC, Friday's was 08:00.
  expect(next(lisbon, '2026-10-23T17:30:00Z')).toBe('2026-10-26T09:00:00.000Z');
  expect(next(lisbon, '2026-10-23T07:30:00Z')).toBe('2026-10-23T08:00:00.000Z');
  expect(next(hours('UTC', { days: [] }), '2026-10-23T07:30:00Z')).toBeUndefined();
});

test('a time limit runs while somebody works, wherever they are', () => {
  const due = (who: WorkHours[], from: string, minutes: number) => addWorkMinutes(who, at(from), minutes).toISOString();
  // Friday 17:00 in Lisbon and four hours: one on Friday, three on Monday.
  expect(due([lisbon], '2026-11-20T17:00:00Z', 240)).toBe('2026-11-23T12:00:00.000Z');
  // Kolkata (03:30–12:30 UTC) and Lisbon (09:00–18:00 UTC) together work 03:30–18:00.
  expect(due([lisbon, kolkata], '2026-11-23T12:00:00Z', 8 * 60)).toBe('2026-11-24T05:30:00.000Z');
  expect(due([kolkata, kolkata], '2026-11-23T12:00:00Z', 60)).toBe('2026-11-24T04:00:00.000Z');
  expect(due([], '2026-11-23T12:00:00Z', 60)).toBe('2026-11-23T13:00:00.000Z');
});

const person = (id: string, zone: string, isAway = false) => ({
  id,
  name: id,
  zone,
  isBot: false,
  isGuest: false,
  isStranger: false,
  isDeleted: false,
  isAway,
});
const directory: Directory = {
  people: {
    LEE: person('LEE', 'Europe/Lisbon'),
    KIM: person('KIM', 'America/New_York'),
    OOO: person('OOO', 'Europe/Lisbon', true),
    SUB: person('SUB', 'Europe/Lisbon'),
  },
  usergroups: { SONCALL: ['KIM'] },
  channels: {},
};
const rule = GateRule.parse({ name: 'SRE', who: { kind: 'owners' }, needed: 1 });
const source = { kind: 'people' as const, ids: [], because: '' };

function pings(voters: string[], change: Record<string, unknown> = {}, from: Record<string, unknown> = {}) {
  const context = {
    prefs: {},
    directory,
    now: at('2026-11-23T05:00:00Z'),
    deadline: at('2026-11-25T09:00:00Z'),
    emergency: false,
    requester: 'ANA',
    lead: 'ANA',
    ...change,
  };
  const [plan] = planAsks([{ rule, sources: [{ ...source, ...from }], voters }], context);
  return plan?.pings.map((ping) => `${ping.person} ${ping.at.slice(5, 16)}`);
}

test('everybody is asked at their own 09:00; at once in an emergency, and before it is too late', () => {
  expect(pings(['LEE', 'KIM'])).toEqual(['KIM 11-23T14:00', 'LEE 11-23T09:00']);
  expect(pings(['LEE', 'KIM'], { emergency: true })).toEqual(['KIM 11-23T05:00', 'LEE 11-23T05:00']);
  // Four hours before its slot nobody is asleep any more.
  expect(pings(['LEE', 'KIM'], { deadline: at('2026-11-23T14:00:00Z') })).toEqual([
    'KIM 11-23T10:00',
    'LEE 11-23T09:00',
  ]);
  expect(pings(['LEE'], { deadline: at('2026-11-23T08:00:00Z') })).toEqual(['LEE 11-23T05:00']);
});

test('whoever is away, quiet or snoozed is not asked; their delegate is, and those on call come first', () => {
  expect(pings(['LEE', 'OOO'])).toEqual(['LEE 11-23T09:00']);
  // With nobody else there, the one whose status says "away" is asked all the same.
  expect(pings(['OOO'])).toEqual(['OOO 11-23T09:00']);
  expect(pings(['LEE', 'KIM'], {}, { quiet: ['KIM'] })).toEqual(['LEE 11-23T09:00']);
  expect(pings(['LEE', 'KIM'], {}, { oncall: 'SONCALL' })).toEqual(['KIM 11-23T14:00']);
  const snoozed = { LEE: { ...noPrefs, snoozeUntil: '2026-11-24T00:00:00.000Z' } };
  expect(pings(['LEE', 'KIM'], { prefs: snoozed })).toEqual(['KIM 11-23T14:00']);
  const delegate = { to: 'SUB', from: '2026-11-20T00:00:00.000Z', until: '2026-11-30T00:00:00.000Z' };
  expect(pings(['LEE'], { prefs: { LEE: { ...noPrefs, delegate } } })).toEqual(['SUB 11-23T09:00']);
  expect(pings(['LEE', 'KIM'], { prefs: { LEE: { ...noPrefs, delegate } }, requester: 'SUB' })).toEqual([
    'KIM 11-23T14:00',
  ]);
  expect(pings(Array.from({ length: 9 }, (_, index) => `P${index}`))).toEqual([]);
});
