import type { KnownBlock } from '@slack/types';
import type { Conflict } from '../src/domain/calendar.ts';
import type { StoredEvent } from '../src/domain/event.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { undoSeconds } from '../src/domain/undo.ts';
import { warningLines } from './conflict.ts';
import {
  actions,
  button,
  channel,
  clip,
  code,
  context,
  date,
  dayAndTime,
  join,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  section,
  slot,
  type View,
} from './kit.ts';
import { pirAsk } from './pir.ts';
import { changedBlocks } from './review.ts';
import { say } from './sentence.ts';
import { stateWords } from './state.ts';
import { cancelButton, closesAt, type ReleaseProps, summaryLine, waitingFor } from './summary.ts';

/** What an approver is asked in a direct message. It is edited when there is nothing left to decide. */
export function ask(
  release: ReleaseProps,
  approver: string,
  principals: readonly string[] = [],
  changed: Parameters<typeof changedBlocks>[0] = [],
): View {
  const own = gatesOf(release, approver, principals);
  const voted = own
    .flatMap((gate) => gate.votes)
    .find((vote) => vote.voter === approver || vote.seats.includes(approver));
  const name = mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)}`;
  const gates = own.map((gate) => gate.name).join(', ');
  const handed = release.delegations.find((one) => one.from === approver);
  if (release.state !== 'requested') {
    const text = mrkdwn`${name}: nothing left to decide, it is ${stateWords[release.state]}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  if (voted) {
    const text =
      voted.voter === approver
        ? mrkdwn`You ${saidWords[voted.choice]} ${name}. You can change it until the last gate is met.`
        : mrkdwn`${person(voted.voter)} ${saidWords[voted.choice]} ${name} for you.`;
    return {
      text: text.mrkdwn,
      blocks: [
        section(text),
        ...(voted.voter === approver
          ? [actions(`ask-${release.number}`, [button('release.review', 'Change…', String(release.number))])]
          : []),
      ],
    };
  }
  if (handed) {
    const text = mrkdwn`${person(handed.to)} votes on ${name} for you.`;
    return {
      text: text.mrkdwn,
      blocks: [
        section(text),
        actions(`ask-${release.number}`, [button('delegate.back', 'Take it back', String(release.number))]),
      ],
    };
  }
  if (own.length === 0) {
    const text = mrkdwn`${name}: your word is not needed any more.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const why =
    principals.length > 0
      ? mrkdwn`You are asked because ${people(principals)} lets you vote for them.`
      : own.every((gate) => gate.escalatedTo.includes(approver) && !gate.asked.includes(approver))
        ? mrkdwn`You are asked because nobody decided for ${gates} in time: you may do it now.`
        : mrkdwn`You are asked because you may vote for ${gates}.`;
  const text = mrkdwn`${name} needs a decision for ${gates} before ${dayAndTime(closesAt(release), release.zone)}.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(
        mrkdwn`${name} → ${release.environment} needs a decision for *${gates}* before ${date(closesAt(release), release.zone)}.\n${release.summary}\nAsked by ${person(release.requester)}.${release.risk ? ` Risk: ${release.risk.band}.` : ''}`,
      ),
      ...changedBlocks(changed),
      askButtons(release),
      context(why),
    ],
  };
}

const saidWords = {
  approve: 'approved',
  condition: 'approved, on a condition,',
  block: 'blocked',
  reject: 'rejected',
  recuse: 'stepped aside from',
} as const;

/** Gates that somebody was asked for: in person, after an escalation, or in somebody's place. */
function gatesOf(release: ReleaseProps, approver: string, from: readonly string[]): ReleaseProps['gates'] {
  return release.gates.filter(
    (gate) =>
      [...gate.asked, ...gate.escalatedTo].some((id) => id === approver || from.includes(id)) ||
      gate.votes.some((vote) => vote.voter === approver),
  );
}

function askButtons(release: ReleaseProps): KnownBlock {
  const number = String(release.number);
  return actions(`ask-${number}`, [
    button('release.review', 'Review', number, { style: 'primary' }),
    button('release.delegate', 'Delegate…', number),
    button('release.snooze', 'Snooze 1 h', number),
    button('release.recuse', 'Not me', number),
  ]);
}

/** A reminder of a decision that is still open; nothing to click once it is not. */
export function reminder(event: StoredEvent, release: ReleaseProps, zone: string): View {
  const said =
    event.body.type === 'approver.asked'
      ? mrkdwn`🔔 You asked me to come back: ${releaseKey(release.number)} still needs ${waitingFor(release)}.`
      : say(event, zone);
  const text = mrkdwn`${said}\n*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment}, ${slot(release.startsAt, release.endsAt, release.zone)}`;
  return {
    text: said.mrkdwn,
    blocks: [
      section(text),
      ...(release.state === 'requested' ? [askButtons(release)] : []),
      context(mrkdwn`You get this because your word is still open.`),
    ],
  };
}

/** One message for everything that waits, when a day has brought too many. */
export function waiting(releases: readonly ReleaseProps[]): View {
  const text = mrkdwn`${releases.length === 0 ? 'Nothing waits for you any more' : `${releases.length} ${releases.length === 1 ? 'release waits' : 'releases wait'} for you`}.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      ...releases
        .slice(0, 20)
        .map((release) =>
          section(
            mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment} · ${slot(release.startsAt, release.endsAt, release.zone)}\nneeds ${waitingFor(release)}`,
            button('release.review', 'Review', String(release.number), { style: 'primary' }),
          ),
        ),
      context(mrkdwn`You were asked often today, so the rest is collected here. This message is kept up to date.`),
    ],
  };
}

/** What the requester is told of an outcome. */
export function notice(event: StoredEvent, release: ReleaseProps): View {
  if (event.body.type === 'review.asked') return pirAsk(release);
  const said = say(event, release.zone);
  return {
    text: said.mrkdwn,
    blocks: [
      section(said),
      ...(event.body.type === 'release.approved' ? [context(...held(release))] : []),
      ...(event.body.type === 'room.opened' && release.roomChannel
        ? [context(mrkdwn`The room: ${channel(release.roomChannel)}`)]
        : []),
      actions(`notice-${release.number}`, [
        button('release.details', 'Details', String(release.number)),
        ...(['release.rejected', 'release.expired'].includes(event.body.type)
          ? [button('release.again', 'Edit and resubmit…', String(release.number), { style: 'primary' })]
          : []),
        ...(event.body.type === 'release.left_behind'
          ? [
              button('train.board', 'Board the next', `${release.number}|${event.body.train}`, { style: 'primary' }),
              button('release.move', 'Other time…', String(release.number)),
            ]
          : []),
        ...(event.body.type === 'start.held'
          ? [
              button('release.start', 'Start', String(release.number)),
              button('exception.open', 'Ask for an exception…', String(release.number)),
            ]
          : []),
        ...(event.body.type === 'release.rolled_back' || event.body.type === 'release.failed'
          ? [button('pir.open', 'Open the review…', String(release.number))]
          : []),
        ...(['start.held', 'release.approved', 'release.missed'].includes(event.body.type)
          ? [button('release.move', 'Move…', String(release.number))]
          : []),
        ...(event.body.type === 'release.missed' ? [cancelButton(release)] : []),
        ...(event.body.type !== 'release.missed' && release.state === 'approved' && release.room === 'none'
          ? [button('room.open', 'Open war room', String(release.number))]
          : []),
      ]),
      context(mrkdwn`You get this because you requested ${releaseKey(release.number)}.`),
    ],
  };
}

/** What an approved release holds, and what is left to do. */
function held(release: ReleaseProps): Mrkdwn[] {
  const open = release.criteria.filter((one) => !one.tick && one.kind !== 'exit').map((one) => clip(one.title, 60));
  return [
    mrkdwn`Slot held: ${slot(release.startsAt, release.endsAt, release.zone)}`,
    ...(open.length > 0 ? [mrkdwn`To be ticked before the start: ${open.join(', ')}`] : []),
  ];
}

/** What one person is told of an event, with the way to it. */
export function told(event: StoredEvent, reader: string, zone: string): View {
  const said =
    event.body.type === 'release.requested'
      ? toldOfRequest(event as StoredEvent<'release.requested'>)
      : say(event, zone);
  const number = 'release' in event.body ? String(event.body.release) : undefined;
  const own = actionsIn(event).filter((one) => one.owner === reader);
  const asked = own.map((one) =>
    section(
      mrkdwn`📋 *${one.key}* ${one.text}\nby ${one.due}`,
      button('action.done', 'Done', `${number ?? ''}|${one.key}`),
    ),
  );
  const buttons =
    number === undefined ? [] : [actions(`tell-${number}`, [button('release.details', 'Details', number)])];
  return { text: said.mrkdwn, blocks: [section(said), ...asked, ...buttons, context(mrkdwn`${toldWhy(event)}`)] };
}

/** What a review wants done. */
function actionsIn({ body }: StoredEvent) {
  if (body.type === 'release.reviewed') return body.actions;
  if (body.type === 'action.added') return [body.action];
  return body.type === 'action.reminded' ? [body] : [];
}

/** Why somebody hears of a request who is not asked to vote on it. */
function toldOfRequest({ body }: StoredEvent<'release.requested'>): Mrkdwn {
  const name = mrkdwn`${releaseKey(body.release)} ${unitsName(body.units)} → ${body.environment}`;
  const skipped = body.skipped.map(({ gate }) => gate);
  const parts = [
    ...(skipped.length > 0
      ? [
          mrkdwn`🚨 ${name} is an emergency by ${person(body.requester)}: it goes without ${skipped.join(' and ')}, one person's word is enough. A review follows within a day.`,
        ]
      : []),
    ...body.problems.map(
      ({ rule, problem }) =>
        mrkdwn`🧯 The rule “${rule}” could not be judged for ${name}, so nothing was let through by it: ${problem}. Mend it in the catalogue.`,
    ),
  ];
  return join(parts, '\n');
}

function toldWhy({ body }: StoredEvent): string {
  switch (body.type) {
    case 'release.requested':
      return 'You get this because your gate is left out of an emergency, or a rule could not be judged.';
    case 'approver.reminded':
    case 'gate.stuck':
    case 'gate.escalated':
    case 'gate.left':
    case 'review.overdue':
      return 'You get this because you are a release manager: nobody else can help here.';
    default:
      return 'You get this because it concerns you.';
  }
}

/** A line in a thread or a room. */
export function line(event: StoredEvent, zone: string): View {
  const said: Mrkdwn = say(event, zone);
  return { text: said.mrkdwn, blocks: [section(said)] };
}

/** The answer to the person who changed something: what happened, where it stands now, and a way back while there is one. */
export function receipt(
  event: StoredEvent,
  release: ReleaseProps | undefined,
  zone: string,
  extra: { readonly feed?: string; readonly learnt?: readonly Mrkdwn[] } = {},
): View {
  const said = say(event, zone);
  const text = release ? mrkdwn`${said}\n${summaryLine(release)}.` : said;
  const blocks: KnownBlock[] = [section(text)];
  if (event.body.type === 'release.requested' && release)
    blocks.push(context(mrkdwn`Its card is in ${channel(release.channel)}.`));
  if (extra.learnt && extra.learnt.length > 0) blocks.push(context(...extra.learnt));
  if (event.body.type === 'release.requested' || event.body.type === 'release.moved')
    blocks.push(...warnings(event.body.warnings, zone));
  if (extra.feed !== undefined)
    blocks.push(
      section(
        mrkdwn`Subscribe to this address in your calendar. It is a secret of yours and shown only now:\n${code(extra.feed)}`,
      ),
      context(
        mrkdwn`Calendars look at it in their own time, often hours apart. ${code('/release feed off')} revokes it.`,
      ),
    );
  const isBoarded =
    event.body.type === 'release.moved' && (event.body.why !== 'moved' || event.body.before.train !== null);
  if (
    !isBoarded &&
    ['release.requested', 'release.moved', 'release.cancelled', 'booking.made', 'unbooked.reported'].includes(
      event.body.type,
    ) &&
    event.actor.kind === 'person'
  )
    blocks.push(actions('receipt', [button('undo', `Undo (${undoSeconds} s)`, event.command.slice(0, 200))]));
  return { text: text.mrkdwn, blocks };
}

function warnings(found: readonly Conflict[], zone: string): KnownBlock[] {
  return found.length === 0 ? [] : [context(...warningLines(found, zone))];
}
