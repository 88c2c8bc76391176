import type { ModalView } from '@slack/types';
import type { Budget, PastException } from '../src/domain/pass.ts';
import { releaseKey } from '../src/domain/release.ts';
import { code, context, join, mrkdwn, plain, section, type View } from './kit.ts';
import { textInput } from './modal.ts';
import { stateWords } from './state.ts';

/** Asks the owners of a freeze for a pass: for a release, or for a request that waits in a draft. */
export function exceptionForm(about: { readonly release?: number; readonly draft?: string }): ModalView {
  return {
    type: 'modal',
    callback_id: about.draft === undefined ? 'exception.v1' : 'pass.v1',
    private_metadata: JSON.stringify(about),
    title: plain('Ask for an exception', 24),
    submit: plain('Ask the owners', 24),
    close: plain('Close', 24),
    blocks: [
      textInput('reason', 'Why it cannot wait', { multiline: true, max: 500 }),
      context(
        mrkdwn`The owners of the freeze vote. A pass is for this content and this slot only, and comes from your team's budget of the quarter.`,
      ),
    ],
  };
}

/** What every team has used of its passes, and for what. */
export function exceptionList(budgets: readonly Budget[], past: readonly PastException[]): View {
  const text = mrkdwn`*Passes through freezes${budgets[0] ? `, ${budgets[0].quarter}` : ''}*`;
  const lines = budgets.map(({ team, used, budget }) => {
    const left = Math.max(0, budget - used);
    const own = past.filter((one) => one.team === team).slice(0, 3);
    const open = own.find((one) => !one.reviewed && !['rejected', 'expired', 'cancelled'].includes(one.state));
    const listed = own.map((one) => `${releaseKey(one.release)} ${one.label} (${stateWords[one.state]})`).join(', ');
    return mrkdwn`• *${team}*: ${'●'.repeat(Math.min(used, 20))}${'○'.repeat(Math.min(left, 20))} ${used} of ${budget} used${listed === '' ? '' : `: ${listed}`}${open ? `. The next waits for the review of ${releaseKey(open.release)}` : ''}`;
  });
  return {
    text: text.mrkdwn,
    blocks: [
      section(join([text, ...(lines.length > 0 ? lines : [mrkdwn`No team is in the catalogue.`])], '\n')),
      context(
        mrkdwn`Ask for one with ${code('/release exception REL-142 the reason')}, or from the answer that names the freeze.`,
      ),
    ],
  };
}
