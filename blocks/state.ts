import type { DigestSection, Topic } from '../src/domain/follow.ts';
import type { ReleaseState } from '../src/domain/release.ts';

/** Emoji and word for every state; the word is always there. */
export const stateWords: Readonly<Record<ReleaseState, string>> = {
  requested: '🗳 In review',
  approved: '✅ Approved',
  deploying: '🚀 Deploying',
  paused: '⏸ Paused',
  verifying: '🔍 Verifying',
  done: '🏁 Done',
  rolled_back: '↩️ Rolled back',
  failed: '💥 Failed',
  rejected: '⛔ Rejected',
  expired: '⌛ Expired',
  cancelled: '🚫 Cancelled',
};

export const roleWords: Readonly<Record<string, string>> = {
  lead: 'Lead',
  comms: 'Comms',
  verifier: 'Verifier',
  scribe: 'Scribe',
  operations: 'Operations',
};

export const healthWords: Readonly<Record<string, string>> = {
  on_track: '🟢 on track',
  at_risk: '🟡 at risk',
  delayed: '🔴 delayed',
};

export const againWords: Readonly<Record<string, string>> = {
  yes: 'Yes',
  no: 'No',
  unsure: 'Not sure',
};

export const topicWords: Readonly<Record<Topic, string>> = {
  requested: 'requested',
  approved: 'approved',
  rejected: 'rejected or expired',
  started: 'started',
  finished: 'finished',
  rolled_back: 'rolled back or failed',
  cancelled: 'cancelled',
  moved: 'moved',
  freeze: 'freezes',
  votes: 'votes',
  steps: 'steps',
  notes: 'notes',
  gonogo: 'go and no-go',
  risk: 'another risk',
  pir: 'reviews',
};

export const sectionWords: Readonly<Record<DigestSection, string>> = {
  waiting: 'Waiting for people',
  today: 'Today',
  next: 'Next days',
  yesterday: 'Yesterday',
  freezes: 'Freezes ahead',
  reviews: 'Reviews overdue',
  errors: 'Known errors',
  numbers: 'Numbers',
};
