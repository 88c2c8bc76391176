import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nextDigest } from '../../src/domain/digest.ts';
import { readDuration, readTime } from '../../src/domain/time.ts';

const friday = new Date('2026-11-20T12:00:00Z');

/** What phrases mean in five zones, worked out by hand and by searching offsets with Intl, without our own code. */
const [head = '', ...lines] = readFileSync(new URL('time-phrases.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');
const zones = head.split('\t').slice(2);
const table = lines.map((line) => {
  const [phrase = '', now = '', ...expected] = line.split('\t');
  return { phrase, now, expected };
});

test('reads every phrase as a person in each of five zones means it, or asks', () => {
  expect(table.length).toBeGreaterThanOrEqual(200);
  expect(zones).toHaveLength(5);
  for (const { phrase, now, expected } of table)
    expect([phrase, ...zones.map((zone) => said(readTime(phrase, { now: new Date(now), zone })))]).toEqual([
      phrase,
      ...expected,
    ]);
});

function said(read: ReturnType<typeof readTime>): string {
  return read.ok ? read.at.toISOString().replace('.000Z', 'Z') : read.problem.code;
}

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

/** Friday 20 November 2026, 13:00 in Berlin (CET). */
test.each([
  ['12:30', '2026-11-20T11:30:00Z'],
  ['13:00', '2026-11-20T12:00:00Z'],
  ['13:01', '2026-11-19T12:01:00Z'],
  ['yesterday 14:00', '2026-11-19T13:00:00Z'],
  ['today 9:00', '2026-11-20T08:00:00Z'],
  ['mon 14:00', '2026-11-16T13:00:00Z'],
  ['fri 14:00', '2026-11-13T13:00:00Z'],
  ['12 dec 14:00', '2025-12-12T13:00:00Z'],
  ['12 nov 14:00', '2026-11-12T13:00:00Z'],
  ['2 hours ago', '2026-11-20T10:00:00Z'],
  ['2026-11-01 10:00 America/New_York', '2026-11-01T15:00:00Z'],
  ['2026-11-20T11:00:00Z', '2026-11-20T11:00:00Z'],
  ['tomorrow 9:00', 'time_ahead'],
  ['in 2 hours', 'time_ahead'],
  ['2026-11-21 10:00', 'time_ahead'],
  ['fri', 'time_no_hour'],
  ['2026-10-25 02:30', 'time_twice'],
])('of something that happened %s means %s', (phrase, expected) => {
  const read = readTime(phrase, { now: friday, zone: 'Europe/Berlin', past: true });
  expect(read.ok ? read.at.toISOString().replace('.000Z', 'Z') : read.problem.code).toBe(expected);
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
  const script = `import { readFileSync } from 'node:fs';
    import { readTime } from './src/domain/time.ts';
    const { table, zones } = JSON.parse(readFileSync(0, 'utf8'));
    console.log(JSON.stringify(table.map(({ phrase, now }) => zones.map((zone) => {
      const read = readTime(phrase, { now: new Date(now), zone });
      return read.ok ? read.at.toISOString().replace('.000Z', 'Z') : read.problem.code;
    }))));`;
  for (const zone of ['UTC', 'America/Los_Angeles']) {
    const root = new URL('../../', import.meta.url).pathname;
    const answered = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
      input: JSON.stringify({ table, zones }),
      env: { ...process.env, TZ: zone },
    });
    expect(JSON.parse(answered)).toEqual(table.map(({ expected }) => expected));
  }
});
