import { Environment } from '@marcbachmann/cel-js';
import { z } from 'zod';

/*
 * Conditions that people write in the catalogue, in CEL: no loops, no time, no effects. Types are checked when a catalogue
 * is read; whatever still fails when a condition is judged counts against letting something through.
 */

/** What a condition may speak of. A missing field is an error, never "false". */
export type About = {
  readonly release: {
    readonly environment: string;
    readonly type: string;
    readonly services: readonly string[];
    readonly teams: readonly string[];
    readonly tags: readonly string[];
    /** The lowest of its services: 1 is critical. */
    readonly tier: number;
    readonly minutes: number;
    readonly summary: string;
    readonly rollback: string;
    readonly rollback_tested: boolean;
    /** none, reversible or irreversible */
    readonly migration: string;
    /** low, medium or high */
    readonly risk: string;
    /** Releases that have to be done first. */
    readonly dependencies: number;
    readonly links: number;
    readonly requester: string;
    readonly lead: string;
  };
  /** The start of its slot on the calendar's wall. */
  readonly time: {
    /** 1 = Monday. */
    readonly weekday: number;
    readonly hour: number;
    readonly minute: number;
    /** "2026-11-24" */
    readonly date: string;
  };
};

const fields = {
  release: {
    environment: 'string',
    type: 'string',
    services: 'list<string>',
    teams: 'list<string>',
    tags: 'list<string>',
    tier: 'int',
    minutes: 'int',
    summary: 'string',
    rollback: 'string',
    rollback_tested: 'bool',
    migration: 'string',
    risk: 'string',
    dependencies: 'int',
    links: 'int',
    requester: 'string',
    lead: 'string',
  },
  time: { weekday: 'int', hour: 'int', minute: 'int', date: 'string' },
} as const satisfies { readonly [Part in keyof About]: { readonly [Field in keyof About[Part]]: string } };

const environment = new Environment({ limits: { maxAstNodes: 200 } })
  .registerType('Release', { fields: { ...fields.release } })
  .registerType('Time', { fields: { ...fields.time } })
  .registerVariable('release', 'Release')
  .registerVariable('time', 'Time');

/** A condition as people write it; a typo, a wrong type or something that is no condition is refused with its place. */
export const Expression = z
  .string()
  .max(500)
  .refine((text) => expressionProblem(text) === undefined, {
    error: (issue) => expressionProblem(String(issue.input)) ?? 'is no condition',
  });

/** Why an expression cannot be used; undefined when it can. */
export function expressionProblem(text: string): string | undefined {
  try {
    const checked = environment.check(text);
    if (!checked.valid) return `is no condition: ${firstLine(checked.error)}`;
    return checked.type === 'bool' ? undefined : `gives ${checked.type}; a condition is true or false`;
  } catch (error) {
    return `is no condition: ${firstLine(error)}`;
  }
}

export type Judgement =
  | { readonly ok: true; readonly holds: boolean }
  | { readonly ok: false; readonly problem: string };

/** Judges a condition. What fails is said, and is for the caller to count against letting anything through. */
export function holds(text: string, about: About): Judgement {
  try {
    const result = environment.evaluate(text, {
      release: {
        ...about.release,
        tier: BigInt(about.release.tier),
        minutes: BigInt(about.release.minutes),
        dependencies: BigInt(about.release.dependencies),
        links: BigInt(about.release.links),
      },
      time: {
        ...about.time,
        weekday: BigInt(about.time.weekday),
        hour: BigInt(about.time.hour),
        minute: BigInt(about.time.minute),
      },
    });
    return typeof result === 'boolean'
      ? { ok: true, holds: result }
      : { ok: false, problem: 'it is neither true nor false' };
  } catch (error) {
    return { ok: false, problem: firstLine(error) };
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? 'unreadable';
}
