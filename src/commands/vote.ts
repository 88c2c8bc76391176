import { readMention } from '../domain/line.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import { reminderNeeds } from '../domain/reminder.ts';
import {
  CommentInput,
  castVote,
  commentRelease,
  DelegateInput,
  delegateNeeds,
  delegateVote,
  LeaverInput,
  leaveGates,
  OfVote,
  recuse,
  takeBackVote,
  VoteInput,
  voteNeeds,
} from '../domain/vote.ts';
import { badOption, type Command, call, loadRelease, missing, ofRelease, type Verb } from './command.ts';

// Membership is checked at the click; a few seconds keep a storm of clicks within Slack's limit on the look-up.
const atTheClick = { contends: ofRelease, load: loadRelease, directoryMaxAgeMs: 5_000 } as const;

export const voteCommand: Command<VoteInput, ReleaseFacts> = {
  name: 'vote',
  audience: 'members',
  input: VoteInput,
  needs: voteNeeds,
  ...atTheClick,
  // A one-time code counts once, and wrong ones are counted, whatever the release.
  contends: (input) => [...ofRelease(input), ...(input.code === '' ? [] : ['codes'])],
  holds: ({ release }) => release,
  decide: castVote,
};

export const recuseCommand: Command<OfVote, ReleaseFacts> = {
  name: 'recuse',
  audience: 'members',
  input: OfVote,
  needs: voteNeeds,
  ...atTheClick,
  holds: ({ release }) => release,
  decide: recuse,
};

export const delegateCommand: Command<DelegateInput, ReleaseFacts> = {
  name: 'delegate',
  audience: 'members',
  input: DelegateInput,
  needs: delegateNeeds,
  ...atTheClick,
  decide: delegateVote,
};

export const takeBackCommand: Command<OfVote, ReleaseFacts> = {
  name: 'delegate back',
  audience: 'members',
  input: OfVote,
  contends: ofRelease,
  load: loadRelease,
  decide: takeBackVote,
};

export const commentCommand: Command<CommentInput, ReleaseFacts> = {
  name: 'comment',
  audience: 'members',
  input: CommentInput,
  contends: ofRelease,
  holds: ({ release }) => release,
  load: loadRelease,
  decide: commentRelease,
};

/** The installation itself, when somebody is deactivated. */
export const leaverCommand: Command<LeaverInput, ReleaseFacts> = {
  name: 'leaver',
  audience: 'clock',
  input: LeaverInput,
  needs: reminderNeeds,
  ...atTheClick,
  decide: leaveGates,
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

export const delegateVerb: Verb = {
  name: 'delegate',
  synonyms: [],
  job: 'Approve',
  usage: 'delegate REL-142 @kim | back',
  summary: 'lets somebody vote for you on one release; `prefs` does it for a time',
  examples: ['delegate REL-142 @kim', 'delegate REL-142 back'],
  target: true,
  parse: (line, _said, release) => {
    const [word = ''] = line.words;
    if (word === 'back') return { do: 'run', call: call(takeBackCommand, { release }) };
    if (word === '') return { do: 'open', form: { kind: 'delegate', release } };
    const to = readMention(word, '@');
    if (!to) return badOption('to', word, ['@somebody, picked from the list', 'back']);
    return { do: 'run', call: call(delegateCommand, { release, to }) };
  },
};

export const commentVerb: Verb = {
  name: 'comment',
  synonyms: ['ask'],
  job: 'Approve',
  usage: 'comment REL-142 <text>',
  summary: 'asks or says something about a release without deciding',
  examples: ['comment REL-142 is the migration online?'],
  target: true,
  parse: (line, _said, release) =>
    line.raw === ''
      ? missing('what you want to say')
      : { do: 'run', call: call(commentCommand, { release, text: line.raw.slice(0, 500) }) },
};
