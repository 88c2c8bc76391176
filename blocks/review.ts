import type { ModalView } from '@slack/types';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { context, fields, list, mrkdwn, person, plain, plainSlot, section, slot } from './kit.ts';
import { textInput } from './modal.ts';
import type { ReleaseProps } from './release.ts';

/** The review modal: enough to decide, and what a click does. The only place where votes are cast. */
export function reviewForm(
  release: ReleaseProps,
  gates: readonly string[],
  earlier?: { choice: string; comment: string },
): ModalView {
  const what = `${unitsName(release.units)} in ${release.environment}, ${plainSlot(release.startsAt, release.endsAt, release.zone)}`;
  return {
    type: 'modal',
    callback_id: 'review.v1',
    private_metadata: JSON.stringify({ release: release.number, revision: release.revision }),
    title: plain(`Review ${releaseKey(release.number)}`, 24),
    submit: plain('Record decision', 24),
    close: plain('Close', 24),
    blocks: [
      {
        type: 'alert',
        level: 'info',
        text: {
          type: 'mrkdwn',
          text: mrkdwn`You decide for ${list(gates, 'and')}. It is about ${what}.`.mrkdwn.slice(0, 200),
        },
      },
      section(mrkdwn`*${release.summary}*`),
      fields(
        mrkdwn`*What*\n${unitsName(release.units)} → ${release.environment}`,
        mrkdwn`*When*\n${slot(release.startsAt, release.endsAt, release.zone)}`,
        mrkdwn`*Asked by*\n${person(release.requester)}`,
        mrkdwn`*Deploy lead*\n${person(release.lead)}`,
        mrkdwn`*Change type*\n${release.changeType}`,
        mrkdwn`*Rollback plan*\n${release.rollbackPlan === '' ? 'none given' : release.rollbackPlan}`,
      ),
      {
        type: 'input',
        block_id: 'decision',
        label: plain('Decision', 2000),
        element: {
          type: 'radio_buttons',
          action_id: 'value',
          options: choices,
          ...(earlier
            ? { initial_option: choices.find((choice) => choice.value === earlier.choice) ?? choices[0] }
            : {}),
        },
      },
      textInput('comment', 'Comment', {
        multiline: true,
        max: 500,
        optional: true,
        ...(earlier ? { initial: earlier.comment } : {}),
        hint: 'Needed to block or reject: say what would unblock it.',
      }),
      context(mrkdwn`Your vote is recorded with your name. You can change it until the last gate is met.`),
    ],
  };
}

const choices = [
  { text: plain('Approve', 75), value: 'approve' },
  { text: plain('Block until fixed', 75), value: 'block' },
  { text: plain('Reject: do not ship', 75), value: 'reject' },
];
