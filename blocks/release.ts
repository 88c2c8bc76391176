import type { KnownBlock } from '@slack/types';
import { isNo, isYes } from '../src/domain/gate.ts';
import { isEnded, isRunning, releaseKey, type Unit, unitsName } from '../src/domain/release.ts';
import { minutesBetween } from '../src/domain/time.ts';
import { approvalNotes, contentBlocks, gateLine } from './approval.ts';
import { warningLines } from './conflict.ts';
import {
  actions,
  button,
  channel,
  clip,
  confirm,
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
import { stateWords } from './state.ts';
import type { ReleaseProps } from './summary.ts';
import { rollbackWords, summaryLine } from './summary.ts';

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
      mrkdwn`*War room*\n${release.roomChannel ? channel(release.roomChannel) : release.room !== 'none' ? 'opening' : isEnded(release.state) ? 'none' : 'opens 30 min before'}`,
    ),
    section(statusLine(release)),
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
  ];
  return { text: summaryLine(release).mrkdwn, blocks: [...blocks, actions(`card-${release.number}`, buttons)] };
}

/** Header of the war room: pinned, edited in place. */
export function roomHeader(release: ReleaseProps, now: Date): View {
  const number = String(release.number);
  const blocks: KnownBlock[] = [
    header(`${stateWords[release.state]} – ${unitsName(release.units)} (${releaseKey(release.number)})`),
    section(mrkdwn`*${clip(release.summary, 1000)}*`),
    fields(
      mrkdwn`*Lead*\n${person(release.lead)}`,
      mrkdwn`*Environment*\n${release.environment}`,
      mrkdwn`*Started*\n${release.startedAt ? date(release.startedAt, release.zone, '{time}') : 'not yet'}`,
      mrkdwn`*Slot*\n${slot(release.startsAt, release.endsAt, release.zone)}`,
    ),
    section(mrkdwn`*Rollback plan:* ${rollbackWords(release, 1000)}`),
    ...approvalNotes(release),
  ];
  const latest = release.notes.slice(-3);
  if (latest.length > 0)
    blocks.push(
      context(
        ...latest.map(
          (note) => mrkdwn`📝 ${date(note.at, release.zone, '{time}')} ${person(note.author)}: ${clip(note.text, 150)}`,
        ),
      ),
    );
  const steps = release.room === 'closed' ? [] : roomButtons(release, number);
  if (steps.length > 0) blocks.push(actions(`room-${number}`, steps));
  blocks.push(context(mrkdwn`${nextStep(release, now)} Everything decided here is recorded.`));
  return { text: summaryLine(release).mrkdwn, blocks };
}

/** The room's topic: the first line of its header. */
export function roomTopic(release: ReleaseProps): string {
  return clip(
    `${stateWords[release.state]} – ${releaseKey(release.number)} ${unitsName(release.units)} → ${release.environment}`,
    250,
  );
}

/** `rel-142-payments`: lower-case letters, digits and dashes, at most 80. */
export function roomName(release: { number: number; units: readonly Unit[] }): string {
  const slug = release.units
    .map((unit) => unit.service)
    .join('-')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `rel-${release.number}${slug === '' ? '' : `-${slug}`}`.slice(0, 76).replace(/-+$/, '');
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
        ...(release.criteria.length > 0 && !isEnded(release.state)
          ? [button('criteria.show', 'Criteria', String(release.number))]
          : []),
      ]),
    ],
  };
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

function roomButtons(release: ReleaseProps, number: string) {
  const rollback = button('release.rollback', 'Roll back…', number, {
    style: 'danger',
    confirm: confirm(
      'Roll back?',
      `Rolls back ${unitsName(release.units)} in ${release.environment}. Everybody following it is told.`,
      'Roll back now',
      'Keep going',
    ),
  });
  const note = button('release.note', 'Add note', number);
  switch (release.state) {
    case 'approved':
      return [button('release.start', 'Start', number, { style: 'primary' }), note];
    case 'deploying':
      return [
        button('release.verify', 'Deployed, verify', number, { style: 'primary' }),
        button('release.done', 'Done', number),
        button('release.pause', 'Pause', number),
        rollback,
        note,
      ];
    case 'paused':
      return [button('release.resume', 'Resume', number, { style: 'primary' }), rollback, note];
    case 'verifying':
      return [button('release.done', 'Done', number, { style: 'primary' }), rollback, note];
    case 'done':
      return [rollback, note];
    default:
      return isEnded(release.state) ? [note] : [];
  }
}

function nextStep(release: ReleaseProps, now: Date): string {
  if (isRunning(release.state)) {
    const left = minutesBetween(now, release.endsAt);
    return left > 0 ? '' : 'The slot is over. ';
  }
  return release.state === 'approved' ? 'The lead starts it when the slot opens. ' : '';
}

function cancelButton(release: ReleaseProps) {
  return button('release.cancel', 'Cancel…', String(release.number), {
    confirm: confirm(
      'Cancel this release?',
      `Frees the slot of ${unitsName(release.units)}. Its votes are kept on record.`,
      'Cancel it',
      'Keep it',
    ),
  });
}
