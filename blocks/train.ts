import type { KnownBlock } from '@slack/types';
import type { Train } from '../src/domain/calendar.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import type { Departure } from '../src/domain/train.ts';
import {
  actions,
  button,
  code,
  context,
  date,
  header,
  join,
  mrkdwn,
  person,
  section,
  slot,
  span,
  type View,
} from './kit.ts';
import { stateWords } from './state.ts';
import { type ReleaseProps, waitingFor } from './summary.ts';

export type TrainProps = {
  readonly train: Train;
  readonly departure: Departure;
  /** In the order in which they deploy. */
  readonly passengers: readonly ReleaseProps[];
  /** Releases that stayed behind at the cut-off. */
  readonly left: readonly number[];
  readonly closed: boolean;
};

/** The departure board of a train, edited in place: who is aboard, in which order, and who is ready. */
export function board(props: TrainProps): View {
  const { train, departure, passengers, left, closed } = props;
  const ready = passengers.filter((one) => one.state !== 'requested').length;
  const seats = train.capacity === null ? '' : ` of ${train.capacity}`;
  const head = mrkdwn`🚆 *${train.name}* to ${train.environment} departs ${slot(departure.startsAt, departure.endsAt, train.zone)}`;
  const rows = passengers.map((one, index) => {
    const state = one.state === 'requested' ? `⬜ needs ${waitingFor(one)}` : stateWords[one.state];
    return mrkdwn`${index + 1}. *${releaseKey(one.number)}* ${unitsName(one.units)} · ${person(one.lead)} · ${state}`;
  });
  const next = passengers.find((one) => ['approved', 'deploying', 'paused', 'verifying'].includes(one.state));
  const blocks: KnownBlock[] = [
    header(`🚆 ${train.name} – ${departure.date}`),
    section(head),
    section(rows.length === 0 ? mrkdwn`Nobody is aboard yet.` : join(rows, '\n')),
  ];
  if (left.length > 0) blocks.push(section(mrkdwn`🕳 Left behind: ${left.map(releaseKey).join(', ')}`));
  if (!closed)
    blocks.push(actions(`train-${train.key}`.slice(0, 250), [button('train.help', 'How to board', train.key)]));
  blocks.push(
    context(
      closed
        ? mrkdwn`Boarding is over. Passengers deploy in this order${next ? mrkdwn`; next is *${releaseKey(next.number)}*` : mrkdwn``}.`
        : mrkdwn`${passengers.length}${seats} aboard, ${ready} ready. Boarding ends ${date(departure.cutoffAt, train.zone)}; who is not approved by then stays behind.`,
    ),
  );
  return { text: mrkdwn`${train.name} departs with ${passengers.length} aboard, ${ready} ready.`.mrkdwn, blocks };
}

/** `/release trains`. */
export function trainList(trains: readonly TrainProps[]): View {
  if (trains.length === 0) {
    const text = mrkdwn`No train runs here. Trains are set in the catalogue.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const lines = trains.map(
    ({ train, departure, passengers }) =>
      mrkdwn`🚆 *${train.name}* ${code(train.key)} → ${train.environment} · departs ${slot(departure.startsAt, departure.endsAt, train.zone)} · boarding ends ${date(departure.cutoffAt, train.zone)} (${span(train.cutoffMinutes)} before) · aboard: ${passengers.length === 0 ? 'nobody' : passengers.map((one) => `${releaseKey(one.number)} ${unitsName(one.units)}`).join(', ')}`,
  );
  return {
    text: join(lines, '\n').mrkdwn,
    blocks: [...lines.map((line) => section(line)), context(mrkdwn`Board with ${code('/release board web@88')}.`)],
  };
}
