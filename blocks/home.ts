import type { KnownBlock } from '@slack/types';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { type CalendarDay, week } from './calendar.ts';
import { actions, button, context, date, divider, header, mrkdwn, section, slot } from './kit.ts';
import { type ReleaseProps, row, waitingFor } from './release.ts';

export type HomeProps = {
  readonly person: string;
  readonly waiting: readonly ReleaseProps[];
  readonly mine: readonly ReleaseProps[];
  readonly week: readonly CalendarDay[];
  readonly asOf: Date;
  readonly zone: string;
};

/** App Home: what waits for this person, and what this person asked for. */
export function home(props: HomeProps): KnownBlock[] {
  const blocks: KnownBlock[] = [header('Waiting for you')];
  if (props.waiting.length === 0) blocks.push(section(mrkdwn`Nothing is waiting for you.`));
  for (const release of props.waiting.slice(0, 15))
    blocks.push(
      section(
        mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment} · ${slot(release.startsAt, release.endsAt, release.zone)}\nneeds ${waitingFor(release)}`,
        button('release.review', 'Review', String(release.number), { style: 'primary' }),
      ),
    );
  blocks.push(divider(), header('My releases'));
  if (props.mine.length === 0) blocks.push(section(mrkdwn`You have no release open. Request one: it takes a minute.`));
  for (const release of props.mine.slice(0, 15))
    blocks.push(section(row(release), button('release.details', 'Details', String(release.number))));
  blocks.push(divider(), header('This week'), ...week(props.week, props.zone));
  blocks.push(
    actions('home', [
      button('release.new', 'Request a release', 'home', { style: 'primary' }),
      button('calendar.show', 'Calendar', 'home'),
      button('feed.open', 'Calendar feed', 'workspace'),
      button('help.show', 'Help', 'home'),
    ]),
    context(mrkdwn`As of ${date(props.asOf, props.zone, '{time}')}`),
  );
  return blocks;
}
