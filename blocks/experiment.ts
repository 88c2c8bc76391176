import type { KnownBlock, ModalView } from '@slack/types';
import { type Experiment, experimentKey, outcomes, standingOf } from '../src/domain/experiment.ts';
import { type Measured, metrics, spreadOf } from '../src/domain/metric.ts';
import { wallTime } from '../src/domain/time.ts';
import {
  actions,
  button,
  clip,
  code,
  context,
  join,
  type Mrkdwn,
  mrkdwn,
  person,
  plain,
  section,
  type View,
} from './kit.ts';
import { enoughText, metricName, valueText } from './metric.ts';
import { select, textInput } from './modal.ts';

export type ExperimentProps = Experiment & {
  /** What was learnt, or why it went on. */
  readonly words: string;
  /** Since it began; once it is over, what it had come to. */
  readonly result: Measured;
  readonly zone: string;
};

/** "Change fail rate below 5 % by 15 Dec 2026, team payments". */
export function goalWords(
  one: Pick<Experiment, 'metric' | 'part' | 'comparison' | 'target' | 'until' | 'team'>,
): string {
  const target = valueText(metrics[one.metric].unit, one.target);
  const { day, month, year } = wallTime(new Date(`${one.until}T12:00:00Z`), 'UTC');
  return `${metricName(one.metric, one.part)} ${one.comparison} ${target} by ${day} ${month} ${year}${one.team === null ? '' : `, team ${one.team}`}`;
}

const standingWords = {
  shown: 'reached, and its whole range with it',
  reached: 'reached, but not certain yet: its range is wider',
  missed: 'not there yet',
} as const;

/** "began at 8 % (…), now 4 % (…): reached, …". */
export function standingText(one: ExperimentProps): string {
  const standing = standingOf(one, one.result);
  const known = spreadOf(one.result) !== undefined;
  const now = `${one.state === 'running' ? 'now' : 'ended at'} ${enoughText(one.metric, one.result)}`;
  return `began at ${enoughText(one.metric, one.baseline)}, ${now}${known && standing ? `: ${standingWords[standing]}` : ''}`;
}

const stateWordsOf = { running: 'runs', kept: 'kept', dropped: 'dropped' } as const;

/** One line of a digest: what is tried and where it stands; what is due asks for its end. */
export function experimentLine(one: ExperimentProps, now: Date): Mrkdwn {
  const due =
    one.state === 'running' && one.dueAt <= now ? mrkdwn` · *due*: ${person(one.person)}, what came of it?` : '';
  return mrkdwn`🧪 *${experimentKey(one.number)}* ${clip(one.hypothesis, 120)} – ${goalWords(one)} · ${standingText(one)}${due}`;
}

/** `/release experiment list`. */
export function experimentList(found: readonly ExperimentProps[], command: string): View {
  if (found.length === 0) {
    const text = mrkdwn`Nobody is trying anything. Say what you expect to get better, by how much and until when: ${code(`${command} experiment add "Smaller batches fail less" metric:change_fail_rate target:<5% until:2026-12-15`)}`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const shown = found.slice(0, listAtMost);
  const hidden = found.length - shown.length;
  return {
    text: join(
      shown.map(
        (one) =>
          mrkdwn`${experimentKey(one.number)} (${stateWordsOf[one.state]}): ${clip(one.hypothesis, 120)} – ${goalWords(one)}`,
      ),
      '\n',
    ).mrkdwn,
    blocks: [
      ...shown.flatMap((one): KnownBlock[] => [
        section(
          mrkdwn`🧪 *${experimentKey(one.number)}* ${clip(one.hypothesis, 150)} · ${stateWordsOf[one.state]}\n${goalWords(one)}\n${standingText(one)}${one.words === '' ? '' : `\n“${clip(one.words, 200)}”`}`,
          ...(one.state === 'running' ? [button('experiment.open', 'Conclude…', `${one.number}|kept`)] : []),
        ),
        context(mrkdwn`Started by ${person(one.person)}`),
      ]),
      ...(hidden > 0 ? [context(mrkdwn`… and ${hidden} older ones`)] : []),
    ],
  };
}

const listAtMost = 10;

/** The question to whoever started it; edited once it is answered. */
export function experimentAsk(one: ExperimentProps, about: { readonly round: number; readonly ask: number }): View {
  const name = mrkdwn`🧪 *${experimentKey(one.number)}* “${clip(one.hypothesis, 300)}”`;
  if (one.state !== 'running' || one.round !== about.round) {
    const text =
      one.state === 'running'
        ? mrkdwn`${name} goes on: ${goalWords(one)}.`
        : mrkdwn`${name} is over: ${stateWordsOf[one.state]}. “${clip(one.words, 500)}”`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const text = mrkdwn`${name} is due: ${goalWords(one)}. It ${standingText(one)}. What came of it?`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions(`experiment-${one.number}`, [
        button('experiment.open1', 'Keep it…', `${one.number}|kept`, { style: 'primary' }),
        button('experiment.open2', 'Drop it…', `${one.number}|dropped`),
        button('experiment.open3', 'More time…', `${one.number}|extended`),
      ]),
      context(
        mrkdwn`You get this because you started it. ${about.ask === 1 ? 'You are reminded once.' : 'You are not asked again.'}`,
      ),
    ],
  };
}

const outcomeWords: Readonly<Record<(typeof outcomes)[number], string>> = {
  kept: 'It is kept',
  dropped: 'It is dropped',
  extended: 'It gets more time',
};

export function experimentForm(one: ExperimentProps, outcome: (typeof outcomes)[number]): ModalView {
  return {
    type: 'modal',
    callback_id: 'experiment.v1',
    private_metadata: JSON.stringify({ experiment: one.number }),
    title: plain(`Conclude ${experimentKey(one.number)}`, 24),
    submit: plain('Record it', 24),
    close: plain('Close', 24),
    blocks: [
      section(mrkdwn`“${one.hypothesis}”\n${goalWords(one)}\n${standingText(one)}`),
      select(
        'outcome',
        'What came of it',
        outcomes,
        outcome,
        (value) => outcomeWords[value as typeof outcome] ?? value,
      ),
      textInput('words', 'What you learnt', { multiline: true, max: 1000 }),
      {
        type: 'input',
        block_id: 'until',
        optional: true,
        label: plain('Until when, if it gets more time', 2000),
        element: { type: 'datepicker', action_id: 'value' },
      },
    ],
  };
}
