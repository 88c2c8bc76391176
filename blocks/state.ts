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
  rejected: '⛔ Rejected',
  expired: '⌛ Expired',
  cancelled: '🚫 Cancelled',
};
