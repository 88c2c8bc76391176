import type { KnownBlock, ModalView } from '@slack/types';
import type { ContentField } from '../src/domain/content.ts';
import type { StoredEvent } from '../src/domain/event.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { contentBlocks, gateLine } from './approval.ts';
import { warningLines } from './conflict.ts';
import {
  clip,
  context,
  failedBefore,
  fields,
  fieldValue,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  plain,
  plainSlot,
  section,
  slot,
  span,
} from './kit.ts';
import { textInput } from './modal.ts';
import { type GateProps, type ReleaseProps, rollbackWords } from './summary.ts';

/** What a reviewer has to know besides the release. */
export type ReviewProps = {
  /** Gates that this person probably votes in: a hint, judged when the vote arrives. */
  readonly gates: readonly string[];
  /** For whom they vote besides themselves. */
  readonly principals: readonly string[];
  readonly earlier: { readonly choice: string; readonly comment: string; readonly unblock: string } | undefined;
  /** What changed since they voted the last time. */
  readonly changed: readonly {
    readonly field: ContentField | 'time';
    readonly before: string;
    readonly after: string;
  }[];
  readonly stepUp: boolean;
  readonly minutesLeft: number;
  /** Each unit with the version that runs there now, and what stands on it. */
  readonly units: readonly {
    readonly service: string;
    readonly version: string;
    readonly before: string | null;
    readonly dependants: readonly string[];
  }[];
};

/** The review modal: enough to decide, and what a click does. The only place where votes are cast. */
export function reviewForm(release: ReleaseProps, props: ReviewProps): ModalView {
  const { gates, earlier } = props;
  const what = `${unitsName(release.units)} in ${release.environment}, ${plainSlot(release.startsAt, release.endsAt, release.zone)}`;
  const acting = `You decide for ${list([...gates], 'and')}. You approve ${what}.`;
  return {
    type: 'modal',
    callback_id: 'review.v1',
    private_metadata: JSON.stringify({ release: release.number, revision: release.revision }),
    title: plain(`Review ${releaseKey(release.number)}`, 24),
    submit: plain('Record decision', 24),
    close: plain('Close', 24),
    blocks: [
      { type: 'alert', level: 'info', text: { type: 'mrkdwn', text: mrkdwn`${acting}`.mrkdwn.slice(0, 200) } },
      ...(props.principals.length > 0 ? [section(mrkdwn`↪ You vote for ${people(props.principals)}.`)] : []),
      ...changedBlocks(props.changed),
      section(mrkdwn`*${clip(release.summary, 1000)}*`),
      fields(
        mrkdwn`*What*\n${unitsName(release.units)} → ${release.environment}`,
        mrkdwn`*When*\n${slot(release.startsAt, release.endsAt, release.zone)} (closes in ${span(props.minutesLeft)})`,
        mrkdwn`*Asked by*\n${person(release.requester)}`,
        mrkdwn`*Deploy lead*\n${person(release.lead)}`,
        mrkdwn`*Change type*\n${release.changeType}`,
        mrkdwn`*Rollback plan*\n${rollbackWords(release, 600)}`,
      ),
      section(join(props.units.map(unitLine), '\n')),
      ...contentBlocks(release),
      ...riskBlocks(release),
      ...around(release),
      ...othersVotes(release.gates, release),
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
        hint: 'Needed for a condition, a block or a rejection: say what and why.',
      }),
      ...(release.room === 'none'
        ? [
            {
              type: 'input' as const,
              block_id: 'follow',
              optional: true,
              label: plain('War room', 2000),
              element: {
                type: 'checkboxes' as const,
                action_id: 'value',
                options: [{ text: plain('Put me into its war room when it opens', 75), value: 'follow' }],
              },
            },
          ]
        : []),
      textInput('unblock', 'What would lift a block', {
        max: 500,
        optional: true,
        hint: 'Needed for a block only.',
      }),
      ...(props.stepUp
        ? [
            textInput('code', 'One-time code', {
              max: 10,
              optional: true,
              placeholder: '123456',
              hint: 'From your authenticator app; this gate wants one for an approval.',
            }),
          ]
        : []),
      context(mrkdwn`Your vote is recorded with your name. You can change it until the last gate is met.`),
    ],
  };
}

/** "payments 2.13.4 → 2.14.0; checkout and web stand on it". */
function unitLine({ service, version, before, dependants }: ReviewProps['units'][number]): Mrkdwn {
  const from = before === null ? mrkdwn`nothing known → ` : mrkdwn`${clip(before, 60)} → `;
  const stands =
    dependants.length === 0
      ? ''
      : `; ${list([...dependants].slice(0, 8), 'and')} ${dependants.length === 1 ? 'stands' : 'stand'} on it`;
  return mrkdwn`• *${service}* ${from}*${version}*${stands}`;
}

/** What changed of a release since somebody voted on it, newest value last; nothing for who never did. */
export function changesSince(history: readonly StoredEvent[], person: string, zone: string): ReviewProps['changed'] {
  const last = history.findLastIndex(({ body }) => body.type === 'vote.cast' && body.voter === person);
  if (last < 0) return [];
  const fields = new Map<string, ReviewProps['changed'][number]>();
  const note = (field: ReviewProps['changed'][number]['field'], before: string, after: string) =>
    fields.set(field, { field, before: fields.get(field)?.before ?? before, after });
  for (const { body } of history.slice(last + 1)) {
    if (body.type === 'release.changed') for (const one of body.fields) note(one.field, one.before, one.after);
    if (body.type === 'release.moved' && (body.startsAt !== body.before.startsAt || body.endsAt !== body.before.endsAt))
      note(
        'time',
        plainSlot(new Date(body.before.startsAt), new Date(body.before.endsAt), zone),
        plainSlot(new Date(body.startsAt), new Date(body.endsAt), zone),
      );
  }
  return [...fields.values()].filter((one) => one.before !== one.after);
}

/** For whoever voted before: what is different now. */
export function changedBlocks(changed: ReviewProps['changed']): KnownBlock[] {
  if (changed.length === 0) return [];
  const lines = changed.map(
    ({ field, before, after }) =>
      mrkdwn`• ${field}: ${fieldValue(field, before, 300)} → *${fieldValue(field, after, 300)}*`,
  );
  return [section(join([mrkdwn`*Changed since your vote:*`, ...lines], '\n'))];
}

function riskBlocks({ risk }: ReleaseProps): KnownBlock[] {
  if (!risk) return [];
  const why = risk.reasons.length === 0 ? 'nothing speaks for more' : risk.reasons.join(' · ');
  return [section(mrkdwn`*Risk ${risk.band}:* ${why}\n${failedBefore(risk.rate)}`)];
}

/** Dependencies, what speaks against its time, and an exception that it asks for. */
function around(release: ReleaseProps): KnownBlock[] {
  const lines: Mrkdwn[] = [
    ...(release.dependsOn.length > 0 ? [mrkdwn`⛓ waits for ${list(release.dependsOn.map(releaseKey), 'and')}`] : []),
    ...warningLines(release.warnings, release.zone),
    ...release.advice.map((one) => mrkdwn`🚧 ${one}`),
    ...(release.exception
      ? [mrkdwn`❄️ asks for a pass through ${release.exception.name}: “${release.exception.reason}”`]
      : []),
  ];
  return lines.length === 0 ? [] : [section(join(lines, '\n'))];
}

function othersVotes(gates: readonly GateProps[], release: ReleaseProps): KnownBlock[] {
  const lines = gates.map((gate) => gateLine(gate, release)).filter((line) => line.mrkdwn !== '');
  return lines.length === 0 ? [] : [section(join([mrkdwn`*So far*`, ...lines], '\n'))];
}

const choices = [
  { text: plain('Approve', 75), value: 'approve' },
  { text: plain('Approve on a condition', 75), value: 'condition' },
  { text: plain('Block until fixed', 75), value: 'block' },
  { text: plain('Reject: do not ship', 75), value: 'reject' },
  { text: plain('Step aside (recuse)', 75), value: 'recuse' },
  { text: plain('Only say something', 75), value: 'comment' },
];
