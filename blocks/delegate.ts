import type { KnownBlock, ModalView } from '@slack/types';
import { context, mrkdwn, plain } from './kit.ts';

/** Hands one's vote on a release to somebody else. */
export function delegateForm(number: number): ModalView {
  return {
    type: 'modal',
    callback_id: 'delegate.v1',
    private_metadata: JSON.stringify({ release: number }),
    title: plain(`Delegate REL-${number}`, 24),
    submit: plain('Delegate', 24),
    close: plain('Close', 24),
    blocks: [
      personInput('to', 'Who votes for you'),
      context(
        mrkdwn`It has to be a full member who neither asked for the release nor leads it. You can take it back until they have voted; your name and theirs are recorded.`,
      ),
    ],
  };
}

/** One person, from the list. */
export function personInput(id: string, label: string, initial?: string, optional = false): KnownBlock {
  return {
    type: 'input',
    block_id: id,
    optional,
    label: plain(label, 2000),
    element: { type: 'users_select', action_id: 'value', ...(initial ? { initial_user: initial } : {}) },
  };
}
