import type { KnownBlock } from '@slack/types';
import type { Conflict } from '../src/domain/calendar.ts';
import type { Offer } from '../src/domain/slot.ts';
import { minutesBetween, wallTime } from '../src/domain/time.ts';
import { isAtWork } from '../src/domain/worktime.ts';
import { warningLines } from './conflict.ts';
import {
  actions,
  button,
  context,
  date,
  join,
  type Mrkdwn,
  mrkdwn,
  plainSlot,
  section,
  span,
  type View,
} from './kit.ts';

/** One free time in words: when, and what speaks against it. */
export function offerLine(offer: Offer, zone: string): Mrkdwn {
  const notes = [
    ...offer.warnings.map((one) => warningLines([one], zone)[0] as Mrkdwn),
    ...(offer.decidable ? [] : [mrkdwn`⚠ not every approver is at work before then`]),
  ];
  const when = mrkdwn`${date(offer.startsAt, zone, '{date_short_pretty} {time}')}`;
  return notes.length === 0 ? when : mrkdwn`${when} (${join(notes, '; ')})`;
}

/** `/release slots`: the next best times, each with its button. */
export function slots(props: {
  what: string;
  minutes: number;
  environment: string;
  offers: readonly Offer[];
  zone: string;
  now: Date;
  /** What the button does with the time: the action and the value before "|". */
  take: { action: string; label: string; value: string } | undefined;
}): View {
  const { what, minutes, environment, offers, zone, now, take } = props;
  const title = mrkdwn`*Free for ${what}* → ${environment}, ${span(minutes)}`;
  if (offers.length === 0) {
    const text = mrkdwn`${title}\nNothing is free in the next weeks. See ${'`/release calendar`'} for what is on.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const rows: KnownBlock[] = offers.map((offer, index) =>
    section(
      mrkdwn`${index === 0 ? '*Best:* ' : ''}${offerLine(offer, zone)} · ${relative(offer.startsAt, now)}`,
      take && button(take.action, take.label, `${take.value}|${offer.startsAt.toISOString()}`),
    ),
  );
  const plain = offers.map((offer) => plainSlot(offer.startsAt, offer.endsAt, zone)).join('; ');
  return {
    text: mrkdwn`${title}: ${plain}`.mrkdwn,
    blocks: [
      section(title),
      ...rows,
      context(mrkdwn`Ranked by wait, warnings and whether every gate has somebody at work before it begins.`),
    ],
  };
}

export type ConfirmProps = {
  /** What will be done, e.g. "Book payments 2.14.0 → production". */
  readonly what: string;
  /** The time as it was typed; empty when none was. */
  readonly typed: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly zone: string;
  readonly now: Date;
  /** Zones of the people who will be asked. */
  readonly approvers: readonly string[];
  readonly warnings: readonly Conflict[];
  readonly notes: readonly Mrkdwn[];
  readonly draft: string;
  readonly yes: string;
};

/** How a time was read, before anything is booked on it (interaction.md §2.2). */
export function confirmation(props: ConfirmProps): View {
  const { startsAt, endsAt, zone, now } = props;
  const read = props.typed === '' ? mrkdwn`${props.what}:` : mrkdwn`I read “${props.typed}” as`;
  const when = mrkdwn`*${plainSlot(startsAt, endsAt, zone)}* · ${relative(startsAt, now)} · ${span(minutesBetween(startsAt, endsAt))}`;
  const elsewhere = abroad(props);
  const lines = [
    read,
    when,
    ...(elsewhere.length > 0 ? [mrkdwn`= ${join(elsewhere, ' · ')}`] : []),
    ...(props.warnings.length > 0
      ? warningLines(props.warnings, zone)
      : [mrkdwn`✓ free, no freeze, nothing in the way`]),
    ...props.notes,
  ];
  const text = join(lines, '\n');
  return {
    text: mrkdwn`Confirm: ${props.what}, ${plainSlot(startsAt, endsAt, zone)}`.mrkdwn,
    blocks: [
      section(props.typed === '' ? text : join([text, mrkdwn`${props.what}.`], '\n')),
      actions('confirm', [
        button('draft.take', props.yes, props.draft, { style: 'primary' }),
        button('draft.slots', 'Other times', props.draft),
        button('draft.drop', 'Never mind', props.draft),
      ]),
    ],
  };
}

/** The same moment on the approvers' walls: "08:00 New York (2 approvers)". */
function abroad({ startsAt, zone, approvers }: ConfirmProps): Mrkdwn[] {
  const counts = new Map<string, number>();
  for (const one of approvers) if (one !== zone) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].slice(0, 4).map(([other, count]) => {
    const wall = wallTime(startsAt, other);
    const day = wall.date === wallTime(startsAt, zone).date ? '' : `${wall.weekday} `;
    const who = count === 1 ? '1 approver' : `${count} approvers`;
    return mrkdwn`${day}${wall.time} ${cityOf(other)} (${who}${isAtWork(startsAt, other) ? '' : ', after hours'})`;
  });
}

export function cityOf(zone: string): string {
  return (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');
}

/** "in 4 days", "in 2 h". */
export function relative(at: Date, now: Date): string {
  return `in ${span(minutesBetween(now, at)).replace(/^(\d+) d.*$/, (_, days) => (days === '1' ? '1 day' : `${days} days`))}`;
}
