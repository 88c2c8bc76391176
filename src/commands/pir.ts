import { ReviewInput, reviewRelease } from '../domain/pir.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import { type Command, loadRelease, ofRelease, type Verb } from './command.ts';

export const pirCommand: Command<ReviewInput, ReleaseFacts> = {
  name: 'pir',
  audience: 'members',
  input: ReviewInput,
  contends: ofRelease,
  load: loadRelease,
  decide: reviewRelease,
};

export const pirVerb: Verb = {
  name: 'pir',
  synonyms: [],
  job: 'Run',
  usage: 'pir REL-142',
  summary: 'the review after the release: how did it go?',
  examples: ['pir REL-142'],
  target: true,
  parse: (_line, _said, release) => ({ do: 'open', form: { kind: 'pir', release } }),
};
