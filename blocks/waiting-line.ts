import { unitsName } from '../src/domain/release.ts';
import type { Waiting } from '../src/domain/waiting-line.ts';
import { actions, button, code, context, date, join, mrkdwn, plainSlot, section, type View } from './kit.ts';

export type WaitingProps = { readonly entry: Waiting; readonly until: Date | undefined; readonly zone: string };

/** The offer of a time that came free; edited when it is settled. */
export function lineOffer({ entry, until, zone }: WaitingProps): View {
  const what = `${unitsName(entry.request.units)} → ${entry.request.environment}, ${plainSlot(entry.startsAt, entry.endsAt, zone)}`;
  if (entry.state !== 'offered' || !until) {
    const words: Record<string, string> = {
      taken: 'You took it',
      left: 'You left the line',
      lapsed: 'The offer lapsed and went to the next in line',
      waiting: 'You are in line',
    };
    const text = mrkdwn`⏳ ${words[entry.state] ?? entry.state}: ${what}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const text = mrkdwn`🎟 It came free: *${what}*. It is kept for you until ${date(until, zone, '{time}')}.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions(`line-${entry.id}`, [
        button('line.take', 'Take it', entry.id, { style: 'primary' }),
        button('line.leave', 'No longer needed', entry.id),
      ]),
      context(mrkdwn`You get this because you waited in line. Unanswered, it goes to the next.`),
    ],
  };
}

/** What a person waits for. */
export function lineList(entries: readonly Waiting[], zone: string): View {
  if (entries.length > 0) {
    const rows = entries.map(
      (entry) =>
        mrkdwn`⏳ ${unitsName(entry.request.units)} · ${plainSlot(entry.startsAt, entry.endsAt, zone)} · ${entry.state}`,
    );
    return {
      text: join(rows, '\n').mrkdwn,
      blocks: rows
        .slice(0, 20)
        .map((row, index) => section(row, button('line.leave', 'Leave', entries[index]?.id ?? ''))),
    };
  }
  const text = mrkdwn`You wait for nothing. Wait for a taken time with ${code('/release line payments@2.14.0 tue 14:00')}.`;
  return { text: text.mrkdwn, blocks: [section(text)] };
}
