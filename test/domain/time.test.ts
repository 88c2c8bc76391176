import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { nextDigest } from '../../src/domain/digest.ts';
import { readDuration, readTime } from '../../src/domain/time.ts';

const friday = new Date('2026-11-20T12:00:00Z');

const table: readonly [phrase: string, zone: string, expected: string][] = [
  ['tomorrow 14:00', 'Europe/Berlin', '2026-11-21T13:00:00.000Z'],
  ['tomorrow 14:00', 'America/New_York', '2026-11-21T19:00:00.000Z'],
  ['tomorrow 14:00', 'Asia/Kolkata', '2026-11-21T08:30:00.000Z'],
  ['tomorrow at 2pm', 'Australia/Lord_Howe', '2026-11-21T03:00:00.000Z'],
  ['next tue 2pm', 'Europe/Berlin', '2026-11-24T13:00:00.000Z'],
  ['fri 17:00', 'UTC', '2026-11-20T17:00:00.000Z'],
  ['12 dec 9:00', 'Europe/Berlin', '2026-12-12T08:00:00.000Z'],
  ['2026-11-24 14:00', 'Europe/Berlin', '2026-11-24T13:00:00.000Z'],
  ['2026-11-24 14:00 Asia/Kolkata', 'Europe/Berlin', '2026-11-24T08:30:00.000Z'],
  ['2026-11-24T14:00:00Z', 'Europe/Berlin', '2026-11-24T14:00:00.000Z'],
  ['eod', 'Europe/Berlin', '2026-11-20T16:00:00.000Z'],
  ['in 2 hours', 'Europe/Berlin', '2026-11-20T14:00:00.000Z'],
  ['', 'UTC', 'time_missing'],
  ['friday', 'Europe/Berlin', 'time_no_hour'],
  ['asap', 'Europe/Berlin', 'time_unreadable'],
  ['monday 9:00 BST', 'Europe/London', 'time_zone_unclear'],
  ['11/12 14:00', 'Europe/Berlin', 'time_ambiguous_date'],
  ['20 nov 9am', 'Europe/Berlin', 'time_far'],
  ['2026-11-19 14:00', 'Europe/Berlin', 'time_past'],
  ['tomorrow 14:00 after lunch', 'Europe/Berlin', 'time_leftover'],
];

test.each(table)('%s in %s → %s', (phrase, zone, expected) => {
  const read = readTime(phrase, { now: friday, zone });
  expect(read.ok ? read.at.toISOString() : read.problem.code).toBe(expected);
});

test('asks about a time that a DST change skips or repeats', () => {
  const spring = readTime('28 mar 2:30', { now: new Date('2027-03-20T12:00:00Z'), zone: 'Europe/Berlin' });
  expect(spring).toMatchObject({
    ok: false,
    problem: { code: 'time_gap', before: '2027-03-28T00:30:00.000Z', after: '2027-03-28T01:30:00.000Z' },
  });
  const autumn = readTime('31 oct 2:30', { now: new Date('2027-10-20T12:00:00Z'), zone: 'Europe/Berlin' });
  expect(autumn).toMatchObject({
    ok: false,
    problem: { code: 'time_twice', before: '2027-10-31T00:30:00.000Z', after: '2027-10-31T01:30:00.000Z' },
  });
});

test('reads lengths', () => {
  expect(['45m', '1h', '1h30m', '90 min', '1.5h', 'soon', ''].map(readDuration)).toEqual([
    45,
    60,
    90,
    90,
    90,
    undefined,
    undefined,
  ]);
});

test('a digest comes once per local date, across both DST changes', () => {
  const schedule = { at: '02:30', zone: 'Europe/Berlin', days: [1, 2, 3, 4, 5, 6, 7] };
  let [now, last] = [new Date('2027-03-26T12:00:00Z'), '2027-03-26'];
  const dates: string[] = [];
  for (let day = 0; day < 230; day++) {
    const next = nextDigest(schedule, now, last);
    dates.push(next.date);
    [now, last] = [next.at, next.date];
  }
  expect(dates.slice(0, 3)).toEqual(['2027-03-27', '2027-03-28', '2027-03-29']);
  expect(new Set(dates).size).toBe(230);
  expect(dates.at(-1)).toBe('2027-11-11');
});

test('a changed time takes effect today, and never twice', () => {
  const at = (time: string) => ({ at: time, zone: 'Europe/Berlin', days: [1, 2, 3, 4, 5] });
  expect(nextDigest(at('16:00'), friday).date).toBe('2026-11-20');
  expect(nextDigest(at('16:00'), friday, '2026-11-20').date).toBe('2026-11-23');
  expect(nextDigest(at('09:30'), friday).date).toBe('2026-11-23');
});

test('reads the same in every zone that the process may be in', { timeout: 30_000 }, () => {
  const script = `import { readTime } from './src/domain/time.ts';
    const table = ${JSON.stringify(table)};
    console.log(JSON.stringify(table.map(([phrase, zone]) => { const read = readTime(phrase, { now: new Date('${friday.toISOString()}'), zone }); return read.ok ? read.at.toISOString() : read.problem.code; })));`;
  for (const zone of ['America/Los_Angeles', 'Asia/Kolkata']) {
    const root = new URL('../../', import.meta.url).pathname;
    const said = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, TZ: zone },
    });
    expect(JSON.parse(said)).toEqual(table.map(([, , expected]) => expected));
  }
});
