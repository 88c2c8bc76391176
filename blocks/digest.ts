import type { KnownBlock } from '@slack/types';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { wallTime } from '../src/domain/time.ts';
import { context, date, header, join, list, type Mrkdwn, mrkdwn, person, section, type View } from './kit.ts';
import { stateWords } from './state.ts';
import { type ReleaseProps, waitingFor } from './summary.ts';

export type DigestProps = {
  /** "YYYY-MM-DD" in `zone`. */
  readonly date: string;
  readonly zone: string;
  readonly today: readonly ReleaseProps[];
  readonly next: readonly ReleaseProps[];
  /** Ended yesterday. */
  readonly yesterday: readonly ReleaseProps[];
  /** Anywhere in the future and still in review. */
  readonly waiting: readonly ReleaseProps[];
  /** Ended a while ago, and their review is late. */
  readonly overdue: readonly ReleaseProps[];
};

const most = 12;

/** The one message a day. */
export function digest(props: DigestProps): View {
  const day = wallTime(new Date(`${props.date}T12:00:00Z`), 'UTC');
  const title = `Releases – ${day.weekday} ${day.day} ${day.month}`;
  const waiting = props.waiting.map(
    (release) =>
      mrkdwn`${release.units.map((unit) => unit.service).join(' + ')} (${releaseKey(release.number)}) needs ${waitingFor(release)}`,
  );
  const blocks: KnownBlock[] = [header(title)];
  if (waiting.length > 0) blocks.push(section(block('Waiting for people', props.waiting.length, waiting)));
  blocks.push(
    section(
      block(
        'Today',
        props.today.length,
        props.today.map((release) => line(release, '{time}')),
      ),
    ),
  );
  if (props.next.length > 0)
    blocks.push(
      section(
        block(
          'Next days',
          props.next.length,
          props.next.map((release) => line(release, '{date_short_pretty} {time}')),
        ),
      ),
    );
  if (props.yesterday.length > 0)
    blocks.push(
      section(
        block(
          'Yesterday',
          props.yesterday.length,
          props.yesterday.map(
            (release) =>
              mrkdwn`${releaseKey(release.number)} ${unitsName(release.units)} · ${stateWords[release.state]}`,
          ),
        ),
      ),
    );
  if (props.overdue.length > 0)
    blocks.push(
      section(
        block(
          'Reviews overdue',
          props.overdue.length,
          props.overdue.map(
            (release) =>
              mrkdwn`${releaseKey(release.number)} ${unitsName(release.units)} · ${person(release.requester)} · \`/release pir ${releaseKey(release.number)}\``,
          ),
        ),
      ),
    );
  blocks.push(context(mrkdwn`All times in your time zone · \`/release digest off\` stops this`));
  return { text: `${title}. ${inWords(props)}`, blocks };
}

function inWords(props: DigestProps): string {
  const today =
    props.today.length === 0
      ? 'Nothing is planned today.'
      : `Today: ${list(
          props.today.map((release) => unitsName(release.units)),
          'and',
        )}.`;
  const waiting =
    props.waiting.length === 0
      ? ''
      : ` Waiting for people: ${list(
          props.waiting.map((release) => releaseKey(release.number)),
          'and',
        )}.`;
  const back = props.yesterday.filter(
    (release) => release.state === 'rolled_back' || release.state === 'failed',
  ).length;
  return mrkdwn`${today}${waiting}${back === 0 ? '' : ` ${back} rolled back yesterday.`}`.mrkdwn;
}

function block(title: string, count: number, lines: readonly Mrkdwn[]): Mrkdwn {
  const shown = lines.slice(0, most);
  const rest = lines.length > most ? [mrkdwn`… and ${lines.length - most} more: \`/release list\``] : [];
  return join([mrkdwn`*${title} (${count})*`, ...(count === 0 ? [mrkdwn`Nothing planned.`] : shown), ...rest], '\n');
}

function line(release: ReleaseProps, format: string): Mrkdwn {
  return mrkdwn`${date(release.startsAt, release.zone, format)} *${unitsName(release.units)}* → ${release.environment} · ${stateWords[release.state]} · ${releaseKey(release.number)}`;
}
