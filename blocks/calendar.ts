import type { KnownBlock } from '@slack/types';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { wallTime } from '../src/domain/time.ts';
import {
  actions,
  button,
  clip,
  code,
  context,
  date,
  escapeText,
  header,
  join,
  type Mrkdwn,
  mrkdwn,
  section,
  type View,
} from './kit.ts';
import { stateWords } from './state.ts';
import type { ReleaseProps } from './summary.ts';

/** Something that takes time in the calendar besides releases. */
export type Mark = {
  readonly kind: 'freeze' | 'booking' | 'train';
  readonly label: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
};

export type CalendarDay = {
  /** "YYYY-MM-DD" in the calendar's zone. */
  readonly date: string;
  /** Its first and last instant: 23 or 25 hours apart when the clocks change. */
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly releases: readonly ReleaseProps[];
  readonly marks: readonly Mark[];
  /** Times in which releases are taken; undefined when there is no window. */
  readonly open: readonly { readonly startsAt: Date; readonly endsAt: Date }[] | undefined;
};

export type CalendarProps = {
  readonly days: readonly CalendarDay[];
  readonly span: 'day' | 'week';
  readonly filter: string | undefined;
  readonly zone: string;
  readonly command: string;
};

const cellMinutes = 30;
const signs = { freeze: '❄️', booking: '🔒', train: '🚆' } as const;

/** `/release calendar`: bars on the calendar's wall clock, names with times in the reader's own zone. */
export function calendar(props: CalendarProps): View {
  const { days, span, filter, zone, command } = props;
  const about = filter ? ` – ${filter}` : '';
  const title = `Calendar${about}`;
  const blocks: KnownBlock[] = [header(title)];
  for (const day of days) {
    if (span === 'week' && day.releases.length === 0 && day.marks.length === 0) continue;
    blocks.push(section(dayText(day, zone, span)));
  }
  const count = days.reduce((sum, day) => sum + day.releases.length, 0);
  if (count === 0 && days.every((day) => day.marks.length === 0)) blocks.push(section(mrkdwn`Nothing is planned.`));
  blocks.push(
    context(
      mrkdwn`█ release · ▒ freeze · ░ reserved · ═ train · ─ open for releases · bars show ${zone}, times are yours`,
      mrkdwn`${code(`${command} calendar day payments`)} · free times: ${code(`${command} slots payments`)}`,
    ),
  );
  blocks.push(
    actions('calendar', [
      button('release.new', 'Request a release', 'calendar'),
      button('feed.open', 'Calendar feed', 'workspace'),
    ]),
  );
  const listed = days.flatMap((day) => day.releases.map((one) => `${releaseKey(one.number)} ${unitsName(one.units)}`));
  const text = mrkdwn`${title}: ${count === 0 ? 'nothing is planned' : [...new Set(listed)].slice(0, 20).join(', ')}.`;
  return { text: text.mrkdwn, blocks };
}

/** The next days for everybody's App Home. */
export function week(days: readonly CalendarDay[], zone: string): KnownBlock[] {
  const busy = days.filter((day) => day.releases.length > 0 || day.marks.length > 0);
  if (busy.length === 0) return [section(mrkdwn`Nothing is planned in the next seven days.`)];
  return busy.slice(0, 7).map((day) => section(join([mrkdwn`*${dayName(day)}*`, ...dayLines(day, zone, 5)], '\n')));
}

function dayText(day: CalendarDay, zone: string, span: 'day' | 'week'): Mrkdwn {
  const { scale, bars } = drawn(day, zone, span);
  const picture = { mrkdwn: `\`\`\`\n${escapeText([scale, ...bars].join('\n')).replaceAll('`', "'")}\n\`\`\`` };
  return join([mrkdwn`*${dayName(day)}*`, picture, ...dayLines(day, zone, span === 'day' ? 20 : 5)], '\n');
}

function dayLines(day: CalendarDay, zone: string, most: number): Mrkdwn[] {
  const lines = [
    ...day.marks.map((mark) => mrkdwn`${signs[mark.kind]} ${range(mark, day, zone)} ${clip(mark.label, 60)}`),
    ...day.releases.map(
      (one) =>
        mrkdwn`${range(one, day, zone)} *${clip(unitsName(one.units), 60)}* → ${one.environment} · ${stateWords[one.state]} · ${releaseKey(one.number)}`,
    ),
  ];
  const rest = lines.length - most;
  return rest > 0 ? [...lines.slice(0, most), mrkdwn`… and ${rest} more`] : lines;
}

/** Within the day only its times; across days the dates too. */
function range(one: { startsAt: Date; endsAt: Date }, day: CalendarDay, zone: string): Mrkdwn {
  const isInside = one.startsAt >= day.startsAt && one.endsAt <= day.endsAt;
  if (isInside) return mrkdwn`${date(one.startsAt, zone, '{time}')}–${date(one.endsAt, zone, '{time}')}`;
  return mrkdwn`${date(one.startsAt, zone, '{date_short} {time}')}–${date(one.endsAt, zone, '{date_short} {time}')}`;
}

/** One character is half an hour. A day with a clock change is as long as it is. */
function drawn(day: CalendarDay, zone: string, span: 'day' | 'week'): { scale: string; bars: string[] } {
  const cells: Date[] = [];
  for (let at = day.startsAt.getTime(); at < day.endsAt.getTime(); at += cellMinutes * 60_000) cells.push(new Date(at));
  const used = [...day.releases, ...day.marks.filter((mark) => mark.kind !== 'freeze')];
  const wall = cells.map((at) => wallTime(at, zone).time);
  const touches = (one: { startsAt: Date; endsAt: Date }, at: Date) =>
    one.startsAt.getTime() < at.getTime() + cellMinutes * 60_000 && at < one.endsAt;
  // Nights are left out unless something is on.
  const inUse = cells.map(
    (at, index) =>
      used.some((one) => touches(one, at)) || ((wall[index] as string) >= '07:00' && (wall[index] as string) < '20:00'),
  );
  const [first, last] = [inUse.indexOf(true), inUse.lastIndexOf(true)];
  const shown = cells.slice(first, last + 1);
  const hours = wall.slice(first, last + 1);
  let scale = '';
  for (const [index, time] of hours.entries()) {
    const isLabelled = time.endsWith(':00') && Number(time.slice(0, 2)) % 2 === 0;
    if (isLabelled && scale.length <= index) scale = scale.padEnd(index) + time.slice(0, 2);
  }
  const bar = (fits: (at: Date) => boolean, sign: string) =>
    shown.map((at) => (fits(at) ? sign : background(day, at, touches))).join('');
  const names = (one: ReleaseProps) => one.units.map((unit) => unit.service).join('+');
  const bars =
    span === 'week'
      ? [bar((at) => day.releases.some((one) => touches(one, at)), '█')]
      : day.releases.slice(0, 20).map((one) => `${bar((at) => touches(one, at), '█')} ${names(one).slice(0, 24)}`);
  return { scale: scale.padEnd(shown.length), bars: bars.length > 0 ? bars : [bar(() => false, ' ')] };
}

function background(
  day: CalendarDay,
  at: Date,
  touches: (one: { startsAt: Date; endsAt: Date }, at: Date) => boolean,
): string {
  if (day.marks.some((mark) => mark.kind === 'freeze' && touches(mark, at))) return '▒';
  if (day.marks.some((mark) => mark.kind === 'booking' && touches(mark, at))) return '░';
  if (day.marks.some((mark) => mark.kind === 'train' && touches(mark, at))) return '═';
  return day.open?.some((one) => touches(one, at)) ? '─' : ' ';
}

function dayName(day: CalendarDay): string {
  const wall = wallTime(new Date(`${day.date}T12:00:00Z`), 'UTC');
  return `${wall.weekday} ${wall.day} ${wall.month}`;
}
