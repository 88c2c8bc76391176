import type { KnownBlock, ModalView } from '@slack/types';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { actions, button, clip, code, context, date, mrkdwn, person, plain, section, type View } from './kit.ts';
import { textInput } from './modal.ts';
import { againWords } from './state.ts';
import type { ReleaseProps } from './summary.ts';

const outcomes = [
  { text: plain('As planned', 75), value: 'as_planned' },
  { text: plain('Minor issues', 75), value: 'minor' },
  { text: plain('Failed', 75), value: 'failed' },
];

const answers = Object.entries(againWords).map(([value, words]) => ({ text: plain(words, 75), value }));

/** How many actions the form has room for; more are added by command. */
export const actionRows = [1, 2] as const;

function actionInputs(row: number): KnownBlock[] {
  return [
    textInput(`action${row}`, `Action ${row}`, {
      optional: true,
      max: 300,
      ...(row === 1 ? { placeholder: 'Alert on the queue depth' } : {}),
    }),
    {
      type: 'input',
      block_id: `owner${row}`,
      optional: true,
      label: plain(`Who does action ${row}`, 2000),
      element: { type: 'users_select', action_id: 'value' },
    },
    {
      type: 'input',
      block_id: `due${row}`,
      optional: true,
      label: plain(`Until when (action ${row})`, 2000),
      element: { type: 'datepicker', action_id: 'value' },
    },
  ];
}

/** The review after a release. */
export function pirForm(number: number, wentWell: boolean): ModalView {
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
        element: {
          type: 'radio_buttons',
          action_id: 'value',
          // What was rolled back did not go as planned.
          options: wentWell ? outcomes : outcomes.slice(1),
        },
      },
      textInput('text', 'What happened, and what you take from it', {
        multiline: true,
        max: 3000,
        optional: true,
        hint: 'Needed unless it went as planned. Everything below may stay empty.',
      }),
      textInput('detected', 'What noticed it first', {
        optional: true,
        max: 200,
        placeholder: 'An alert, a customer, the canary',
      }),
      textInput('impact', 'Minutes that customers felt it', { optional: true, max: 6, hint: 'Empty: not known.' }),
      textInput('helped', 'What helped', { optional: true, max: 1000 }),
      textInput('hindered', 'What hindered', {
        optional: true,
        max: 1000,
        hint: 'Shown to whoever requests this service next.',
      }),
      {
        type: 'input',
        block_id: 'again',
        optional: true,
        label: plain('Would you approve it the same way again?', 2000),
        element: { type: 'radio_buttons', action_id: 'value', options: answers },
      },
      ...actionRows.flatMap(actionInputs),
      context(mrkdwn`More actions: ${code(`/release action REL-${number} "what" @who 2026-12-01`)}`),
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
        ...(release.state !== 'done' ? [] : [button('pir.planned', 'As planned', number, { style: 'primary' })]),
        button('pir.open', 'Minor issues or failed…', number),
      ]),
      context(mrkdwn`You get this because you requested it. It is asked once.`),
    ],
  };
}

/** A release whose review is to be written, where somebody looks for what to do next. */
export function reviewRow(release: ReleaseProps, now: Date): KnownBlock {
  const { reviewDueAt: due, zone } = release;
  const until = due ? mrkdwn`, ${due < now ? 'was due' : 'due'} ${date(due, zone)}` : '';
  return section(
    mrkdwn`*${releaseKey(release.number)}* ${clip(unitsName(release.units), 120)} · say how it went${until}`,
    button('pir.open', 'Review…', String(release.number)),
  );
}

type OpenAction = {
  readonly key: string;
  readonly release: number;
  readonly text: string;
  readonly owner: string;
  /** A local date. */
  readonly due: string;
};

/** What reviews wanted done and is open: the reader's own first, each by its date. */
export function actionList(
  open: readonly OpenAction[],
  { reader, today, command }: { readonly reader: string; readonly today: string; readonly command: string },
): View {
  if (open.length === 0) {
    const none = mrkdwn`Nothing that a review wanted is open. Add something with ${code(`${command} action REL-142 "what" @owner 2026-12-01`)}.`;
    return { text: none.mrkdwn, blocks: [section(none)] };
  }
  const own = open.filter((one) => one.owner === reader);
  const sorted = [...own, ...open.filter((one) => one.owner !== reader)];
  const shown = sorted.slice(0, 20);
  const text = mrkdwn`*Open actions* (${open.length}${own.length > 0 ? `, ${own.length} of them yours` : ''})`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      ...shown.map((one) =>
        section(
          mrkdwn`*${one.key}* ${one.text}\n${person(one.owner)} · by ${one.due}${one.due < today ? ' · ⏰ overdue' : ''} · from ${releaseKey(one.release)}`,
          button('action.done', 'Done', `${one.release}|${one.key}`),
        ),
      ),
      ...(sorted.length > shown.length ? [context(mrkdwn`and ${sorted.length - shown.length} more, later ones`)] : []),
    ],
  };
}
