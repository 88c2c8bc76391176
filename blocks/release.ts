import type { KnownBlock } from '@slack/types';
import type { Conflict } from '../src/domain/calendar.ts';
import type { VoteChoice } from '../src/domain/event.ts';
import { isEnded, isRunning, type ReleaseState, releaseKey, type Unit, unitsName } from '../src/domain/release.ts';
import { minutesBetween } from '../src/domain/time.ts';
import { warningLines } from './conflict.ts';
import {
  actions,
  button,
  channel,
  clip,
  code,
  confirm,
  context,
  date,
  fields,
  header,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  plainSlot,
  section,
  slot,
  span,
  type View,
} from './kit.ts';
import { stateWords } from './state.ts';

/** A release as views need it. `zone` is the calendar's, for texts that Slack cannot localise. */
export type ReleaseProps = {
  readonly number: number;
  readonly state: ReleaseState;
  readonly units: readonly Unit[];
  readonly environment: string;
  readonly changeType: string;
  readonly policy: string;
  readonly summary: string;
  readonly rollbackPlan: string;
  readonly requester: string;
  readonly lead: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly channel: string;
  readonly revision: number;
  readonly requestedAt: Date;
  readonly changedAt: Date;
  readonly startedAt: Date | undefined;
  readonly reason: string;
  readonly gates: readonly GateProps[];
  readonly notes: readonly { readonly author: string; readonly text: string; readonly at: Date }[];
  readonly room: 'none' | 'open' | 'closed';
  /** The war room's channel once Slack has made it. */
  readonly roomChannel: string | undefined;
  readonly zone: string;
  readonly dependsOn: readonly number[];
  readonly train: { readonly key: string; readonly date: string } | undefined;
  /** A passenger that was left behind holds no slot any more. */
  readonly hasSlot: boolean;
  /** SEQUENCE of its calendar entry. */
  readonly sequence: number;
  /** What spoke against its time when it was booked. */
  readonly warnings: readonly Conflict[];
};

export type GateProps = {
  readonly name: string;
  readonly needed: number;
  readonly met: boolean;
  readonly votes: readonly {
    readonly voter: string;
    readonly choice: VoteChoice;
    readonly comment: string;
    readonly at: Date;
  }[];
  /** Who was asked when the release was requested. */
  readonly asked: readonly string[];
};

/** The root message of a release in its channel, edited in place. */
export function card(release: ReleaseProps): View {
  const blocks: KnownBlock[] = [
    header(`${releaseKey(release.number)} · ${unitsName(release.units)} → ${release.environment}`),
    context(
      mrkdwn`${stateWords[release.state]} · ${release.changeType} change · asked by ${person(release.requester)} · updated ${date(release.changedAt, release.zone, '{date_short_pretty} {time}')}`,
    ),
    section(mrkdwn`*${release.summary}*`),
    fields(
      mrkdwn`*When*\n${slot(release.startsAt, release.endsAt, release.zone)} (${span(minutesBetween(release.startsAt, release.endsAt))})`,
      mrkdwn`*Deploy lead*\n${person(release.lead)}`,
      mrkdwn`*Rollback*\n${release.rollbackPlan === '' ? 'no plan given' : clip(release.rollbackPlan, 200)}`,
      mrkdwn`*War room*\n${release.roomChannel ? channel(release.roomChannel) : release.room === 'none' ? 'opens 30 min before' : 'opening'}`,
    ),
    section(statusLine(release)),
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
      ? [button('release.move', 'Move…', String(release.number)), cancelButton(release)]
      : []),
  ];
  return { text: summaryLine(release).mrkdwn, blocks: [...blocks, actions(`card-${release.number}`, buttons)] };
}

/** The thread reply that holds the tally. */
export function voteCard(release: ReleaseProps): View {
  const met = release.gates.filter((gate) => gate.met).length;
  const total = release.gates.length;
  const title =
    total === 0
      ? mrkdwn`*No approval needed* by policy ${code(release.policy)}.`
      : mrkdwn`*Approval ${met} of ${total}* ${bar(met, total)} ${release.state === 'requested' ? mrkdwnCloses(release) : mrkdwn`· ${stateWords[release.state]}`}`;
  const lines = release.gates.map((gate) => gateLine(gate, release)).filter((line) => line.mrkdwn !== '');
  const blocks: KnownBlock[] = [section(title), ...(lines.length > 0 ? [section(join(lines, '\n'))] : [])];
  if (release.state === 'requested') {
    blocks.push(
      actions(`votes-${release.number}`, [
        button('release.review', 'Review & decide', String(release.number), { style: 'primary' }),
        button('release.why', 'Why this rule?', String(release.number)),
      ]),
    );
  }
  blocks.push(context(mrkdwn`Policy ${code(release.policy)}. The requester and the deploy lead do not vote.`));
  return { text: summaryLine(release).mrkdwn, blocks };
}

/** One line that tells where the release stands, for `text` and lists. */
export function summaryLine(release: ReleaseProps): Mrkdwn {
  const name = mrkdwn`${releaseKey(release.number)} ${unitsName(release.units)}`;
  const when = plainSlot(release.startsAt, release.endsAt, release.zone);
  const waiting = waitingFor(release);
  switch (release.state) {
    case 'requested':
      return mrkdwn`${name} is in review for ${release.environment}: needs ${waiting} before ${when}`;
    case 'approved':
      return mrkdwn`${name} is approved for ${release.environment}: ${when}`;
    case 'deploying':
      return mrkdwn`${name} is being deployed to ${release.environment}, led by ${person(release.lead)}`;
    case 'paused':
      return mrkdwn`${name} is paused in ${release.environment}: ${release.reason || 'no reason given'}`;
    case 'verifying':
      return mrkdwn`${name} is deployed to ${release.environment} and being verified`;
    case 'done':
      return mrkdwn`${name} is done in ${release.environment}`;
    case 'rolled_back':
      return mrkdwn`${name} was rolled back in ${release.environment}: ${release.reason}`;
    case 'rejected':
      return mrkdwn`${name} was rejected: ${release.reason}`;
    case 'expired':
      return mrkdwn`${name} expired without ${waiting || 'its approvals'}; its slot is free again`;
    case 'cancelled':
      return mrkdwn`${name} was cancelled${release.reason ? `: ${release.reason}` : ''}; its slot is free again`;
  }
}

/** "1 more approval (SRE) and 1 more (Product)" in words, or nothing when every gate is met. */
export function waitingFor(release: ReleaseProps): string {
  const parts = release.gates
    .filter((gate) => !gate.met)
    .map((gate) => {
      const approvals = gate.votes.filter((vote) => vote.choice === 'approve').length;
      const blocked = gate.votes.some((vote) => vote.choice !== 'approve');
      return blocked && approvals >= gate.needed
        ? `${gate.name} to lift its block`
        : `${gate.needed - approvals} more from ${gate.name}`;
    });
  return list(parts, 'and');
}

/** Header of the war room: pinned, edited in place. */
export function roomHeader(release: ReleaseProps, now: Date): View {
  const number = String(release.number);
  const blocks: KnownBlock[] = [
    header(`${stateWords[release.state]} – ${unitsName(release.units)} (${releaseKey(release.number)})`),
    section(mrkdwn`*${release.summary}*`),
    fields(
      mrkdwn`*Lead*\n${person(release.lead)}`,
      mrkdwn`*Environment*\n${release.environment}`,
      mrkdwn`*Started*\n${release.startedAt ? date(release.startedAt, release.zone, '{time}') : 'not yet'}`,
      mrkdwn`*Slot*\n${slot(release.startsAt, release.endsAt, release.zone)}`,
    ),
    section(mrkdwn`*Rollback plan:* ${release.rollbackPlan === '' ? 'none given' : clip(release.rollbackPlan, 1000)}`),
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
      ...(history.length > 0 ? [section(join([mrkdwn`*What happened*`, ...history.slice(-12)], '\n'))] : []),
      actions(`details-${release.number}`, [
        ...(release.state === 'requested'
          ? [button('release.review', 'Review', String(release.number), { style: 'primary' })]
          : []),
        button('release.why', 'Why?', String(release.number)),
      ]),
    ],
  };
}

/** Why a release waits, and for whom: every rule in words. */
export function why(release: ReleaseProps): View {
  const answer =
    release.state === 'requested'
      ? mrkdwn`*${releaseKey(release.number)}* waits for ${waitingFor(release)}.`
      : mrkdwn`*${releaseKey(release.number)}* is ${stateWords[release.state]}.`;
  const gates = release.gates.map(
    (gate) =>
      mrkdwn`• *${gate.name}*: ${gate.needed} of ${gate.asked.length === 0 ? mrkdwn`its members` : people(gate.asked.slice(0, 8))} – ${gate.met ? 'met' : 'open'}`,
  );
  return {
    text: summaryLine(release).mrkdwn,
    blocks: [
      section(answer),
      ...(gates.length > 0
        ? [
            section(
              join(
                [
                  mrkdwn`Policy ${code(release.policy)} asks for, because this is a ${release.changeType} change to ${release.environment}:`,
                  ...gates,
                ],
                '\n',
              ),
            ),
          ]
        : [section(mrkdwn`Policy ${code(release.policy)} asks for no approval.`)]),
      context(
        mrkdwn`The requester ${person(release.requester)} and the deploy lead ${person(release.lead)} do not vote. Undecided at the start of its slot, it expires.`,
      ),
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
      mrkdwn`${gate.met ? '✅' : '⬜'} ${gate.name} ${gate.votes.filter((vote) => vote.choice === 'approve').length}/${gate.needed}`,
  );
  return mrkdwn`*Before it can go:* ${join(gates, ' · ')}`;
}

function gateLine(gate: GateProps, release: ReleaseProps): Mrkdwn {
  const lines: Mrkdwn[] = gate.votes.map((vote) => {
    const said = vote.comment === '' ? '' : ` “${clip(vote.comment, 200)}”`;
    const sign = vote.choice === 'approve' ? '✅' : vote.choice === 'block' ? '⛔ blocked:' : '⛔ rejected:';
    return mrkdwn`${sign} ${person(vote.voter)} – ${gate.name} · ${date(vote.at, release.zone, '{time}')}${said}`;
  });
  if (!gate.met && release.state === 'requested') {
    const left = gate.asked.filter((id) => !gate.votes.some((vote) => vote.voter === id));
    const open = gate.needed - gate.votes.filter((vote) => vote.choice === 'approve').length;
    if (open > 0)
      lines.push(
        mrkdwn`⏳ ${gate.name} – ${open} more${left.length > 0 ? mrkdwn` of ${people(left.slice(0, 6))}` : ''}`,
      );
  }
  return join(lines, '\n');
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

function mrkdwnCloses(release: ReleaseProps): Mrkdwn {
  return mrkdwn`· closes ${date(release.startsAt, release.zone)}`;
}

function bar(done: number, total: number): string {
  const width = 9;
  const filled = total === 0 ? width : Math.round((done / total) * width);
  return '▓'.repeat(filled) + '░'.repeat(width - filled);
}
