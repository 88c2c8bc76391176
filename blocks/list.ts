import type { KnownBlock } from '@slack/types';
import { actions, button, code, context, mrkdwn, section, type View } from './kit.ts';
import { reviewRow } from './pir.ts';
import { row } from './release.ts';
import { type ReleaseProps, summaryLine } from './summary.ts';

/** `/release list`. */
export function list(props: {
  releases: readonly ReleaseProps[];
  total: number;
  page: number;
  perPage: number;
  command: string;
}): View {
  if (props.releases.length === 0) {
    const text = mrkdwn`Nothing to show. Request a release with ${code(`${props.command} new`)}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const blocks: KnownBlock[] = props.releases.map((release) =>
    section(row(release), button('release.details', 'Details', String(release.number))),
  );
  const seen = (props.page - 1) * props.perPage + props.releases.length;
  if (seen < props.total)
    blocks.push(
      context(mrkdwn`${seen} of ${props.total}. More: ${code(`${props.command} list page:${props.page + 1}`)}`),
    );
  return { text: props.releases.map((release) => summaryLine(release).mrkdwn).join('\n'), blocks };
}

/** `/release` alone: what is next, and where to go. */
type Some = { readonly releases: readonly ReleaseProps[]; readonly total: number };

export function panel(
  { releases: waiting, total }: Some,
  own: Some,
  about: { readonly reviews: readonly ReleaseProps[]; readonly now: Date; readonly command: string },
): View {
  const { reviews, now, command } = about;
  const mine = own.releases;
  const first = waiting[0];
  const text = first
    ? mrkdwn`${total === 1 ? 'A release waits' : `${total} releases wait`} for your decision.`
    : mine.length > 0
      ? mrkdwn`You have ${own.total} open.`
      : reviews.length > 0
        ? mrkdwn`Nothing waits for your decision, and you have nothing open. Say how this went:`
        : mrkdwn`Nothing waits for you. Request a release with ${code(`${command} new`)}.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      ...[...waiting.slice(0, 3), ...mine.slice(0, 3)].map((release) =>
        section(
          row(release),
          button(
            release === first ? 'release.review' : 'release.details',
            release === first ? 'Review' : 'Details',
            String(release.number),
          ),
        ),
      ),
      ...reviews.slice(0, 3).map((release) => reviewRow(release, now)),
      actions('panel', [
        button('release.new', 'Request a release', 'panel', { style: 'primary' }),
        button('calendar.show', 'Calendar', 'panel'),
        button('help.show', 'Help', 'panel'),
      ]),
    ],
  };
}
