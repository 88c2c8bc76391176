import type { ReleaseFacts } from '../domain/release.ts';
import { castVote, VoteInput, voteNeeds } from '../domain/vote.ts';
import { type Command, loadRelease, ofRelease, type Verb } from './command.ts';

export const voteCommand: Command<VoteInput, ReleaseFacts> = {
  name: 'vote',
  audience: 'members',
  input: VoteInput,
  contends: ofRelease,
  load: loadRelease,
  needs: voteNeeds,
  // Membership is checked at the click; a few seconds keep a storm of clicks within Slack's limit on the look-up.
  directoryMaxAgeMs: 5_000,
  decide: castVote,
};

export const reviewVerb: Verb = {
  name: 'review',
  synonyms: ['vote', 'approve'],
  job: 'Approve',
  usage: 'review REL-142',
  summary: 'opens the review: what changes, and your decision',
  examples: ['review REL-142'],
  target: true,
  parse: (_line, _said, release) => ({ do: 'open', form: { kind: 'review', release } }),
};
