import { bookingKey } from '../src/domain/booking.ts';
import { actions, button, code, confirm, join, list, mrkdwn, person, section, slot, type View } from './kit.ts';

export type BookingProps = {
  readonly number: number;
  readonly environment: string;
  readonly services: readonly string[];
  readonly person: string;
  readonly purpose: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly state: string;
  readonly zone: string;
};

function line(booking: BookingProps) {
  const what =
    booking.services.length === 0
      ? booking.environment
      : `${list([...booking.services], 'and')} in ${booking.environment}`;
  return mrkdwn`🔒 *${bookingKey(booking.number)}* ${what} · ${slot(booking.startsAt, booking.endsAt, booking.zone)} · ${booking.purpose} · ${person(booking.person)}`;
}

/** The reservation in the channel it was made from; edited when it is given back. */
export function bookingCard(booking: BookingProps): View {
  const ended = booking.state !== 'made';
  const text = ended ? mrkdwn`${line(booking)} · given back` : line(booking);
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      ...(ended
        ? []
        : [
            actions(`booking-${booking.number}`, [
              button('booking.end', 'Give back…', String(booking.number), {
                confirm: confirm(
                  'Give it back?',
                  `Frees ${booking.environment} for others.`,
                  'Give it back',
                  'Keep it',
                ),
              }),
            ]),
          ]),
    ],
  };
}

/** `/release reserve list`. */
export function bookingList(bookings: readonly BookingProps[]): View {
  if (bookings.length === 0) {
    const text = mrkdwn`No environment is reserved. Reserve one with ${code('/release reserve staging tue 14:00 for 2h "UAT"')}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const lines = bookings.slice(0, 20).map(line);
  return { text: join(lines, '\n').mrkdwn, blocks: lines.map((one) => section(one)) };
}
