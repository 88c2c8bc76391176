import {
  OfTrust,
  type TrustFacts,
  type TrustVoteFacts,
  TrustVoteInput,
  voteTrust,
  weighTrust,
} from '../domain/trust.ts';
import { loadTrust, loadTrustVote } from '../store/trust.ts';
import { type Command, unknownRelease, type Verb } from './command.ts';

export const trustCommand: Command<OfTrust, TrustFacts> = {
  name: 'clock trust',
  audience: 'clock',
  input: OfTrust,
  contends: () => ['trust'],
  load: async (tx, by, input) => {
    const facts = await loadTrust(tx, by.workspace, input.release);
    return facts ? { ok: true, facts } : unknownRelease(input.release);
  },
  decide: weighTrust,
};

export const voteTrustCommand: Command<TrustVoteInput, TrustVoteFacts> = {
  name: 'trust',
  audience: 'members',
  input: TrustVoteInput,
  contends: () => ['trust'],
  load: async (tx, by, input) => ({ ok: true, facts: await loadTrustVote(tx, by.workspace, input.proposal) }),
  decide: voteTrust,
};

export const trustVerb: Verb = {
  name: 'trust',
  synonyms: [],
  job: 'Look',
  usage: 'trust',
  summary: 'the record of every team under its policies, and what it proposes',
  examples: ['trust'],
  target: false,
  parse: () => ({ do: 'answer', question: { ask: 'trust' } }),
};
