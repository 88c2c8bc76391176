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
