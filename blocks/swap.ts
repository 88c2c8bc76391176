import { releaseKey, unitsName } from '../src/domain/release.ts';
import { actions, button, context, mrkdwn, person, plainSlot, section, type View } from './kit.ts';
import type { ReleaseProps } from './summary.ts';

export type SwapProps = {
  readonly id: string;
  readonly state: string;
  readonly proposer: string;
  /** The release of whoever asks, and the one of whoever is asked. */
  readonly mine: ReleaseProps;
  readonly other: ReleaseProps;
};

/** The proposal to the holder of the other slot; edited when it is settled. */
export function swapAsk({ id, state, proposer, mine, other }: SwapProps): View {
  const name = (release: ReleaseProps) => mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)}`;
  if (state !== 'proposed') {
    const words: Record<string, string> = {
      accepted: 'You swapped',
      declined: 'You declined to swap',
      lapsed: 'Nobody answered in time: no swap of',
    };
    const text = mrkdwn`🔁 ${words[state] ?? 'Settled:'} ${name(other)} and ${name(mine)}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const zone = other.zone;
  const text = mrkdwn`🔁 ${person(proposer)} asks you to swap slots: your ${name(other)} (${plainSlot(other.startsAt, other.endsAt, zone)}) for ${name(mine)} (${plainSlot(mine.startsAt, mine.endsAt, zone)}). Both keep their length.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions(`swap-${id}`, [
        button('swap.accept', 'Accept', id, { style: 'primary' }),
        button('swap.decline', 'Decline', id),
        button('release.details', 'Details', String(mine.number)),
      ]),
      context(mrkdwn`Nothing changes unless you accept. Gates that cover time are asked again.`),
    ],
  };
}
