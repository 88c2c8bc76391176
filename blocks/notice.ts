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
  code,
  context,
  type Mrkdwn,
  mrkdwn,
  person,
  plainSlot,
  section,
  slot,
  type View,
} from './kit.ts';
import { type ReleaseProps, summaryLine } from './release.ts';
import { say } from './sentence.ts';
import { stateWords } from './state.ts';

/** What an approver is asked in a direct message. It is edited when there is nothing left to decide. */
export function ask(release: ReleaseProps, approver: string): View {
  const own = release.gates.filter((gate) => gate.asked.includes(approver));
  const voted = own.flatMap((gate) => gate.votes).find((vote) => vote.voter === approver);
  const name = mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)}`;
  const gates = own.map((gate) => gate.name).join(', ');
  if (release.state !== 'requested') {
    const text = mrkdwn`${name}: nothing left to decide, it is ${stateWords[release.state]}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  if (voted) {
    const text = mrkdwn`You said “${voted.choice}” on ${name}. You can change it until the last gate is met.`;
    return {
      text: text.mrkdwn,
      blocks: [
        section(text),
        actions(`ask-${release.number}`, [button('release.review', 'Change…', String(release.number))]),
      ],
    };
  }
  const text = mrkdwn`${name} needs a ${gates} decision before ${plainSlot(release.startsAt, release.endsAt, release.zone)}.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(
        mrkdwn`${name} → ${release.environment} needs a *${gates}* decision before ${slot(release.startsAt, release.endsAt, release.zone)}.\n${release.summary}\nAsked by ${person(release.requester)}.`,
      ),
      actions(`ask-${release.number}`, [
        button('release.review', 'Review', String(release.number), { style: 'primary' }),
        button('release.details', 'Details', String(release.number)),
      ]),
      context(mrkdwn`You are asked because you may vote for ${gates}.`),
    ],
  };
}

/** What the requester is told of an outcome. */
export function notice(event: StoredEvent, release: ReleaseProps): View {
  const said = say(event, release.zone);
  return {
    text: said.mrkdwn,
    blocks: [
      section(said),
      actions(`notice-${release.number}`, [
        button('release.details', 'Details', String(release.number)),
        ...(event.body.type === 'release.left_behind'
          ? [
              button('train.board', 'Board the next', `${release.number}|${event.body.train}`, { style: 'primary' }),
              button('release.move', 'Other time…', String(release.number)),
            ]
          : []),
        ...(release.state === 'approved' && release.room === 'none'
          ? [button('room.open', 'Open war room', String(release.number))]
          : []),
      ]),
      context(mrkdwn`You get this because you requested ${releaseKey(release.number)}.`),
    ],
  };
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
  extra: { readonly feed?: string } = {},
): View {
  const said = say(event, zone);
  const text = release ? mrkdwn`${said}\n${summaryLine(release)}.` : said;
  const blocks: KnownBlock[] = [section(text)];
  if (event.body.type === 'release.requested' && release)
    blocks.push(context(mrkdwn`Its card is in ${channel(release.channel)}.`));
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
    ['release.requested', 'release.moved', 'release.cancelled', 'booking.made'].includes(event.body.type) &&
    event.actor.kind === 'person'
  )
    blocks.push(actions('receipt', [button('undo', `Undo (${undoSeconds} s)`, event.command.slice(0, 200))]));
  return { text: text.mrkdwn, blocks };
}

function warnings(found: readonly Conflict[], zone: string): KnownBlock[] {
  return found.length === 0 ? [] : [context(...warningLines(found, zone))];
}
