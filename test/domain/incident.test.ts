import { describe, expect, test } from 'vitest';
import { type Candidate, candidatesOf } from '../../src/domain/incident.ts';

const at = new Date('2026-11-24T12:00:00Z');
const hours = (ago: number) => new Date(at.getTime() - ago * 3_600_000);
const of = (release: number, services: string[], ago: number | undefined): Candidate => ({
  release,
  services,
  startedAt: hours((ago ?? 0) + 1),
  finishedAt: ago === undefined ? undefined : hours(ago),
  state: ago === undefined ? 'deploying' : 'done',
});
const dependsOn = { checkout: ['payments'], payments: ['ledger', 'gateway'], ledger: ['payments'], web: ['checkout'] };
const found = (releases: Candidate[], services: string[]) =>
  candidatesOf(releases, services, dependsOn, at).map(({ release }) => release);

describe('releases that an incident may have come from', () => {
  test('are of its services and of all that they stand on, however far down, even in a circle', () => {
    const all = [of(1, ['ledger'], 3), of(2, ['web'], 2), of(3, ['gateway', 'web'], 1), of(4, ['search'], 1)];
    expect(found(all, ['checkout'])).toEqual([3, 1]);
    expect(found(all, ['ledger'])).toEqual([3, 1]);
    expect(found(all, ['search', 'web'])).toEqual([4, 3, 2, 1]);
    expect(found(all, ['unheard-of'])).toEqual([]);
  });

  test('are those of 72 hours, or still running, newest first, at most five', () => {
    const all = [of(1, ['a'], 71.9), of(2, ['a'], 72), of(3, ['a'], undefined), of(4, ['a'], 0.5)];
    expect(found(all, [])).toEqual([3, 4, 1]);
    expect(found([{ ...of(5, ['a'], undefined), startedAt: hours(-1) }], [])).toEqual([]);
    expect(
      found(
        Array.from({ length: 9 }, (_, index) => of(index + 1, ['a'], index)),
        [],
      ),
    ).toEqual([1, 2, 3, 4, 5]);
  });
});
