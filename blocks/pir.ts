import type { ModalView } from '@slack/types';
import { releaseKey } from '../src/domain/release.ts';
import { actions, button, context, date, mrkdwn, plain, section, type View } from './kit.ts';
import { textInput } from './modal.ts';
import type { ReleaseProps } from './summary.ts';

const outcomes = [
  { text: plain('As planned', 75), value: 'as_planned' },
  { text: plain('Minor issues', 75), value: 'minor' },
  { text: plain('Failed', 75), value: 'failed' },
];

/** The review after a release. */
export function pirForm(number: number): ModalView {
  return {
    type: 'modal',
    callback_id: 'pir.v1',
    private_metadata: JSON.stringify({ release: number }),
    title: plain(`How did REL-${number} go?`, 24),
    submit: plain('Record the review', 24),
    close: plain('Close', 24),
    blocks: [
      {
        type: 'input',
        block_id: 'outcome',
        label: plain('Outcome', 2000),
        element: { type: 'radio_buttons', action_id: 'value', options: outcomes },
      },
      textInput('text', 'What happened, and what you take from it', {
        multiline: true,
        max: 3000,
        optional: true,
        hint: 'Needed unless it went as planned.',
      }),
    ],
  };
}

/** The question a day after, with one click for "as planned". */
export function pirAsk(release: ReleaseProps): View {
  const name = mrkdwn`*${releaseKey(release.number)}*`;
  if (release.reviewedAt) {
    const text = mrkdwn`The review of ${name} is in: ${(release.outcome ?? '').replaceAll('_', ' ')}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const due = release.reviewDueAt ? mrkdwn` It is due ${date(release.reviewDueAt, release.zone)}.` : mrkdwn``;
  const text = mrkdwn`How did ${name} go?${due}`;
  const number = String(release.number);
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions(`pir-${number}`, [
        ...(release.state === 'rolled_back' ? [] : [button('pir.planned', 'As planned', number, { style: 'primary' })]),
        button('pir.open', 'Minor issues or failed…', number),
      ]),
      context(mrkdwn`You get this because you requested it. It is asked once.`),
    ],
  };
}
