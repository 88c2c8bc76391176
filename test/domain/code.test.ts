import { expect, test } from 'vitest';
import { checkCode, stepOf, wrongAtMost } from '../../src/domain/code.ts';
import type { Ask } from '../../src/domain/decision.ts';

/** The key of RFC 6238, appendix B: "12345678901234567890". */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const ask = (seconds: number) =>
  ({ actor: { kind: 'person', id: 'U0BEN' }, now: new Date(seconds * 1000), open: (text: string) => text }) as Ask;

test('codes are those of RFC 6238 (appendix B, SHA-1, the last six digits)', () => {
  const table: [seconds: number, code: string][] = [
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ];
  for (const [seconds, code] of table)
    expect([seconds, stepOf(code, secret, new Date(seconds * 1000))]).toEqual([seconds, Math.floor(seconds / 30)]);
});

test('a clock may be a step off, a code works once, and guessing is locked', () => {
  const codes = { secret, lastStep: 0, wrong: 0 };
  const check = (code: string, change = {}, seconds = 1111111109) => {
    const checked = checkCode(code, { ...codes, ...change }, ask(seconds));
    return checked.ok ? checked.used : checked.refusal.code;
  };
  const step = Math.floor(1111111109 / 30);
  expect(check('081 804')).toEqual({ type: 'code.used', person: 'U0BEN', step });
  expect(check('081804', {}, 1111111109 + 30)).toEqual({ type: 'code.used', person: 'U0BEN', step });
  expect(check('081804', {}, 1111111109 + 61)).toBe('code_wrong');
  expect(check('081804', { lastStep: step })).toBe('code_wrong');
  expect(check('')).toBe('code_needed');
  expect(check('12345')).toBe('code_wrong');
  expect(check('081804', { secret: undefined })).toBe('code_not_enrolled');
  // The right code does not open it either, once it is locked.
  expect(check('081804', { wrong: wrongAtMost })).toBe('code_locked');
});
