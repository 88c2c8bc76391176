import type { KnownBlock } from '@slack/types';
import { isRunning, releaseKey, unitsName } from '../src/domain/release.ts';
import { type CalendarDay, week } from './calendar.ts';
import { actions, button, context, date, divider, header, mrkdwn, section, slot } from './kit.ts';
import { rollbackButton, row } from './release.ts';
import { howWeAreDoing, type NumbersProps } from './report.ts';
import { type ReleaseProps, waitingFor } from './summary.ts';

export type HomeProps = {
  readonly person: string;
  readonly waiting: readonly ReleaseProps[];
  readonly mine: readonly ReleaseProps[];
  /** Releases of this person that were not reviewed yet. */
  readonly reviews: readonly ReleaseProps[];
  readonly week: readonly CalendarDay[];
  /** The numbers of this person's teams. */
  readonly teams: readonly NumbersProps[];
  /** Sees, and changes nothing. */
  readonly isGuest: boolean;
  readonly asOf: Date;
  readonly zone: string;
};

/** App Home: what waits for this person, and what this person asked for. */
export function home(props: HomeProps): KnownBlock[] {
  const blocks: KnownBlock[] = props.isGuest
    ? [section(mrkdwn`As a guest you can follow releases here, and not change them.`), header('Waiting for you')]
    : [header('Waiting for you')];
  if (props.waiting.length === 0)
    blocks.push(
      section(mrkdwn`Nothing is waiting for you. When somebody needs your word, it is here and in a message to you.`),
    );
  for (const release of props.waiting.slice(0, 10))
    blocks.push(
      section(
        mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment} · ${slot(release.startsAt, release.endsAt, release.zone)}\n${release.risk ? `risk ${release.risk.band} · ` : ''}needs ${waitingFor(release)}`,
        button('release.review', 'Review', String(release.number), { style: 'primary' }),
      ),
      actions(`wait-${release.number}`, [
        button('release.snooze', 'Snooze 1 h', String(release.number)),
        button('release.delegate', 'Delegate…', String(release.number)),
        button('release.recuse', 'Not me', String(release.number)),
      ]),
    );
  if (props.reviews.length > 0) {
    blocks.push(divider(), header('Reviews due'));
    for (const release of props.reviews.slice(0, 5))
      blocks.push(
        section(
          mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} · due ${release.reviewDueAt ? date(release.reviewDueAt, release.zone) : 'soon'}`,
          button('pir.open', 'Review…', String(release.number)),
        ),
      );
  }
  blocks.push(divider(), header('My releases'));
  if (props.mine.length === 0) blocks.push(section(mrkdwn`You have no release open. Request one: it takes a minute.`));
  for (const release of props.mine.slice(0, 15))
    blocks.push(
      section(row(release), button('release.details', 'Details', String(release.number))),
      ...(isRunning(release.state) ? [actions(`run-${release.number}`, rollbackButton(release))] : []),
    );
  blocks.push(divider(), header('This week'), ...week(props.week, props.zone));
  blocks.push(...howWeAreDoing(props.teams, '/release'));
  blocks.push(
    actions('home', [
      button('release.new', 'Request a release', 'home', { style: 'primary' }),
      button('calendar.show', 'Calendar', 'home'),
      button('feed.open', 'Calendar feed', 'workspace'),
      button('prefs.open', 'Preferences', 'home'),
      button('help.show', 'Help', 'home'),
    ]),
    context(mrkdwn`As of ${date(props.asOf, props.zone, '{time}')}`),
  );
  return blocks;
}
