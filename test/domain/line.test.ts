import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findVerb, verbs } from '../../src/commands/index.ts';
import { readLine, readUnit, takeDuration, takeRelease } from '../../src/domain/line.ts';
import { editDistance, nearest } from '../../src/domain/nearest.ts';
import { parseSurfaceKey, surfaceKey } from '../../src/domain/surface.ts';

test('takes a line apart: times are no options, smart quotes are quotes', () => {
  expect(readLine('payments@2.14.0 tomorrow 14:00 type:normal --share “SEPA payouts”')).toMatchObject({
    words: ['payments@2.14.0', 'tomorrow', '14:00'],
    options: { type: 'normal', share: 'true' },
    quoted: ['SEPA payouts'],
  });
  expect(readUnit('web@88')).toEqual({ service: 'web', version: '88' });
  expect(readUnit('web')).toBeUndefined();
  expect(takeDuration(['tomorrow', '14:00', 'for', '45m'])).toEqual({ minutes: 45, rest: ['tomorrow', '14:00'] });
  expect(takeDuration(['for', '90', 'min', 'friday'])).toEqual({ minutes: 90, rest: ['friday'] });
  expect(takeRelease(['rel-7', 'x'])).toEqual({ release: 7, rest: ['x'] });
});

test('never throws, whatever is typed', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200, unit: 'grapheme' }), (text) => {
      expect(readLine(text).words.every((word) => typeof word === 'string')).toBe(true);
    }),
  );
});

test('finds verbs by name, synonym and unambiguous beginning, and only offers the rest', () => {
  const named = (typed: string) => {
    const found = findVerb(typed);
    return 'verb' in found ? found.verb.name : `? ${found.nearest}`;
  };
  expect(['review', 'approve', 'canc', 'dig', 'aprove', 'lsit', 'r', 'xyzzy'].map(named)).toEqual([
    'review',
    'review',
    'cancel',
    'digest',
    '? review',
    '? list',
    '? null',
    '? null',
  ]);
  const names = verbs.flatMap((verb) => [verb.name, ...verb.synonyms]);
  expect(new Set(names).size).toBe(names.length);
});

test('edit distance counts swaps of neighbours once', () => {
  expect([editDistance('lsit', 'list'), editDistance('', 'abc'), editDistance('same', 'same')]).toEqual([1, 3, 0]);
  expect(nearest('paymnts', ['payments', 'web'])).toBe('payments');
});

test('surface keys read back', () => {
  for (const key of [
    'card:REL-1',
    'votes:REL-20',
    'thread:abc',
    'log:x',
    'notice:e',
    'room:REL-3',
    'topic:REL-3',
    'header:REL-3',
    'asks:REL-3',
    'ask:REL-3:U1',
    'digest:C1:2026-11-24',
    'digest:U1:2026-11-24',
    'digest:C1:2026-11-23:weekly',
    'digest-more:C1:2026-11-01:monthly',
    'followers:e',
    'followed:REL-3:C1',
    'followed-line:e:U1',
    'followed-freeze:e:C1',
    'hello:C1',
    'digest-numbers:C1:2026-11-24:weekly',
    'digest-pictures:C1:2026-11-24:weekly',
    'experiment:EXP-3:1:2',
    'home:U1',
  ])
    expect(surfaceKey(parseSurfaceKey(key))).toBe(key);
  expect(() => parseSurfaceKey('nonsense:1')).toThrow();
});
