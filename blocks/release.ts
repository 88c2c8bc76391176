import type { Button, KnownBlock } from '@slack/types';
import { isNo, isYes } from '../src/domain/gate.ts';
import { isEnded, isRunning, releaseKey, unitsName } from '../src/domain/release.ts';
import { minutesBetween } from '../src/domain/time.ts';
import { approvalNotes, contentBlocks, gateLine } from './approval.ts';
import { warningLines } from './conflict.ts';
import {
  actions,
  button,
  channel,
  clip,
  context,
  date,
  failedBefore,
  fields,
  header,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  person,
  section,
  slot,
  span,
  type View,
} from './kit.ts';
import { healthWords, stateWords } from './state.ts';
import type { ReleaseProps } from './summary.ts';
import { cancelButton, rollbackWords, summaryLine } from './summary.ts';

/** The root message of a release in its channel, edited in place. */
export function card(release: ReleaseProps): View {
  const blocks: KnownBlock[] = [
    header(`${releaseKey(release.number)} · ${unitsName(release.units)} → ${release.environment}`),
    context(
      mrkdwn`${stateWords[release.state]} · ${release.changeType} change · asked by ${person(release.requester)} · updated ${date(release.changedAt, release.zone, '{date_short_pretty} {time}')}`,
    ),
    section(mrkdwn`*${clip(release.summary, 1000)}*`),
    fields(
      mrkdwn`*When*\n${slot(release.startsAt, release.endsAt, release.zone)} (${span(minutesBetween(release.startsAt, release.endsAt))})`,
      mrkdwn`*Deploy lead*\n${person(release.lead)}`,
      mrkdwn`*Rollback*\n${rollbackWords(release, 200)}`,
      ...(release.risk ? [mrkdwn`*Risk*\n${release.risk.band} · ${failedBefore(release.risk.rate)}`] : []),
      mrkdwn`*War room*\n${roomWords(release)}`,
    ),
    section(statusLine(release)),
    ...runNotes(release),
    ...approvalNotes(release),
    ...calendarNotes(release),
  ];
  const buttons = [
    ...(release.state === 'requested'
      ? [button('release.review', 'Review', String(release.number), { style: 'primary' })]
      : []),
    button('release.details', 'Details', String(release.number)),
    ...(release.state === 'approved' && release.room === 'none'
      ? [button('room.open', 'Open war room', String(release.number))]
      : []),
    ...(release.state === 'requested' || release.state === 'approved'
      ? [
          button('release.move', 'Move…', String(release.number)),
          button('release.edit', 'Edit…', String(release.number)),
          cancelButton(release),
        ]
      : []),
    ...rollbackButton(release),
    ...(release.state === 'requested' || release.state === 'approved'
      ? [button('release.follow', 'Follow', String(release.number))]
      : []),
  ];
  return { text: summaryLine(release).mrkdwn, blocks: [...blocks, actions(`card-${release.number}`, buttons)] };
}

/** A row of a list. */
export function row(release: ReleaseProps): Mrkdwn {
  return mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment} · ${stateWords[release.state]} · ${slot(release.startsAt, release.endsAt, release.zone)} · ${person(release.requester)}`;
}

/** Everything about one release, for its reader alone. */
export function details(release: ReleaseProps, history: readonly Mrkdwn[]): View {
  const view = card(release);
  const gates = release.gates.map((gate) => gateLine(gate, release)).filter((line) => line.mrkdwn !== '');
  return {
    text: view.text,
    blocks: [
      ...view.blocks.filter((block) => block.type !== 'actions'),
      ...(gates.length > 0 ? [section(join([mrkdwn`*Approvals*`, ...gates], '\n'))] : []),
      ...contentBlocks(release),
      ...(history.length > 0 ? [section(join([mrkdwn`*What happened*`, ...history.slice(-12)], '\n'))] : []),
      actions(`details-${release.number}`, [
        ...(release.state === 'requested'
          ? [button('release.review', 'Review', String(release.number), { style: 'primary' })]
          : []),
        button('release.why', 'Why?', String(release.number)),
        ...rollbackButton(release),
        ...(release.criteria.length > 0 && !isEnded(release.state)
          ? [button('criteria.show', 'Criteria', String(release.number))]
          : []),
      ]),
    ],
  };
}

/** The first of the two taps, wherever a release is shown. */
export function rollbackButton(release: Pick<ReleaseProps, 'number' | 'state'>): Button[] {
  return canRollBack(release.state)
    ? [button('rollback.open', 'Roll back…', String(release.number), { style: 'danger' })]
    : [];
}

/** What can still be taken back. */
function canRollBack(state: ReleaseProps['state']): boolean {
  return isRunning(state) || state === 'done' || state === 'failed';
}

function roomWords(release: ReleaseProps): Mrkdwn {
  if (release.room === 'none') return mrkdwn`${isEnded(release.state) ? 'none' : 'opens before the slot'}`;
  if (release.barred.includes('create')) return mrkdwn`this thread`;
  if (!release.roomChannel) return mrkdwn`${isEnded(release.state) ? 'none' : 'opening'}`;
  return mrkdwn`${channel(release.roomChannel)}${release.archivedAt ? ' (archived)' : ''}`;
}

/** How it goes, and what comes after. */
function runNotes(release: ReleaseProps): KnownBlock[] {
  const lines: Mrkdwn[] = [];
  if (release.statusAt && isRunning(release.state))
    lines.push(
      mrkdwn`📣 ${healthWords[release.health] ?? ''} – ${clip(release.status, 300)} (${date(release.statusAt, release.zone, '{time}')})`,
    );
  if (release.state === 'rolled_back' && !release.restoredAt) lines.push(mrkdwn`↩️ the rollback is being worked on`);
  if (release.restoredAt) lines.push(mrkdwn`🩹 restored ${date(release.restoredAt, release.zone)}`);
  if (release.state === 'done' && release.watchUntil && !release.watchEndedAt)
    lines.push(mrkdwn`🔭 watched until ${date(release.watchUntil, release.zone)}`);
  return lines.length === 0 ? [] : [context(...lines)];
}

/** What else its reader has to know of its time: train, dependencies, warnings, a lost slot. */
function calendarNotes(release: ReleaseProps): KnownBlock[] {
  if (isEnded(release.state)) return [];
  const lines: Mrkdwn[] = [];
  if (!release.hasSlot && !isRunning(release.state))
    lines.push(
      mrkdwn`🕳 It has no slot: left behind${release.train ? ` by the train ${release.train.key} of ${release.train.date}` : ''}. Board the next one or move it.`,
    );
  else if (release.train) lines.push(mrkdwn`🚆 aboard the train *${release.train.key}* of ${release.train.date}`);
  if (release.dependsOn.length > 0)
    lines.push(mrkdwn`⛓ waits for ${list(release.dependsOn.map(releaseKey), 'and')} to be done`);
  const [first, ...others] = warningLines(release.warnings, release.zone);
  if (first) lines.push(mrkdwn`When it was booked: ${first}`, ...others);
  return lines.length === 0 ? [] : [context(...lines)];
}

function statusLine(release: ReleaseProps): Mrkdwn {
  if (release.state !== 'requested') return mrkdwn`${summaryLine(release)}.`;
  const gates = release.gates.map(
    (gate) =>
      mrkdwn`${gate.met ? '✅' : gate.votes.some((vote) => isNo(vote.choice)) ? '⛔' : '⬜'} ${gate.name} ${gate.votes.filter((vote) => isYes(vote.choice)).length}/${gate.needed}`,
  );
  return mrkdwn`*Before it can go:* ${join(gates, ' · ')}`;
}
