import { nearest } from '../domain/nearest.ts';
import type { Verb } from './command.ts';
import {
  cancelVerb,
  doneVerb,
  noteVerb,
  pauseVerb,
  resumeVerb,
  rollbackVerb,
  roomVerb,
  startVerb,
  verifyVerb,
} from './deploy.ts';
import { digestVerb } from './digest.ts';
import { helpVerb, listVerb, showVerb, whoVerb, whyVerb } from './look.ts';
import { bookVerb, newVerb } from './request.ts';
import { reviewVerb } from './vote.ts';

/** Every word after the command: feeds parsing, help, did-you-mean and the manifest's usage hint. */
export const verbs: readonly Verb[] = [
  newVerb,
  bookVerb,
  cancelVerb,
  reviewVerb,
  roomVerb,
  startVerb,
  verifyVerb,
  doneVerb,
  pauseVerb,
  resumeVerb,
  rollbackVerb,
  noteVerb,
  digestVerb,
  listVerb,
  showVerb,
  whyVerb,
  whoVerb,
  helpVerb,
];

/** Finds a verb by its name, a synonym or an unambiguous beginning; else says which was most likely meant. */
export function findVerb(typed: string): { verb: Verb } | { nearest: string | null } {
  const word = typed.toLowerCase();
  const exact = verbs.find((verb) => verb.name === word || verb.synonyms.includes(word));
  if (exact) return { verb: exact };
  const begun = verbs.filter((verb) => [verb.name, ...verb.synonyms].some((name) => name.startsWith(word)));
  if (begun.length === 1 && begun[0]) return { verb: begun[0] };
  const names = verbs.flatMap((verb) => [verb.name, ...verb.synonyms]);
  const close = nearest(word, names);
  return {
    nearest:
      close === undefined
        ? null
        : (verbs.find((verb) => verb.name === close || verb.synonyms.includes(close))?.name ?? null),
  };
}
