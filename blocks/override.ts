import type { ModalView } from '@slack/types';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { personInput } from './delegate.ts';
import { actions, button, code, context, date, mrkdwn, person, plain, section, slot, type View } from './kit.ts';
import { select, textInput } from './modal.ts';
import type { OverrideProps, ReleaseProps } from './summary.ts';

/** OVERRIDE, interaction.md §2.3b: two people, a reason, at most four hours. `rules` stand against the release now. */
export function overrideForm(release: ReleaseProps, rules: readonly string[]): ModalView {
  const [first] = rules;
  const title = plain(`Override ${releaseKey(release.number)}`, 24);
  if (first === undefined)
    return {
      type: 'modal',
      callback_id: 'message',
      title,
      close: plain('Close', 24),
      blocks: [section(mrkdwn`Nothing stands against ${releaseKey(release.number)} that could be set aside.`)],
    };
  return {
    type: 'modal',
    callback_id: 'override.v1',
    private_metadata: JSON.stringify({ release: release.number }),
    title,
    submit: plain('Ask the second', 24),
    close: plain('Close', 24),
    blocks: [
      section(
        mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment}, ${slot(release.startsAt, release.endsAt, release.zone)}`,
      ),
      select('rule', 'Rule to set aside', rules.slice(0, 100), first),
      textInput('reason', 'Why', { multiline: true, max: 500 }),
      personInput('second', 'Second person'),
      context(
        mrkdwn`Both names and the reason go on the card and into the record. It lasts four hours from the second person's yes, and a review is due afterwards.`,
      ),
    ],
  };
}

/** The question to the second person, edited once it is settled. */
export function overrideAsk(release: ReleaseProps, one: OverrideProps, isCurrent: boolean): View {
  const what = mrkdwn`set ${code(one.rule)} aside for *${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment}, ${slot(release.startsAt, release.endsAt, release.zone)}`;
  if (one.state !== 'proposed' || !isCurrent) {
    const how = isCurrent ? one.state : 'the release changed since it was asked';
    const text = mrkdwn`${one.state === 'granted' && isCurrent ? 'Settled: you two' : `Settled (${how}): nobody`} ${what}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const text = mrkdwn`${person(one.by)} asks you to ${what}: “${one.reason}”.`;
  const value = `${release.number}|${one.id}`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions(`override-${one.id}`, [
        button('override.accept', 'Accept the risk', value, { style: 'danger' }),
        button('override.decline', 'Decline', value),
        button('release.details', 'Details', String(release.number)),
      ]),
      context(
        mrkdwn`You are asked because an override takes two people, neither of whom asked for the release. Open until ${date(one.until, release.zone)}.`,
      ),
    ],
  };
}
