import type { StoredEvent } from '../src/domain/event.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import {
  actions,
  button,
  channel,
  context,
  type Mrkdwn,
  mrkdwn,
  person,
  plainSlot,
  section,
  slot,
  type View,
} from './kit.ts';
import { type ReleaseProps, stateWords, summaryLine } from './release.ts';
import { say } from './sentence.ts';

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

/** The answer to the person who changed something: what happened and where it stands now. */
export function receipt(event: StoredEvent, release: ReleaseProps | undefined, zone: string): View {
  const said = say(event, zone);
  if (!release) return { text: said.mrkdwn, blocks: [section(said)] };
  const text = mrkdwn`${said}\n${summaryLine(release)}.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      ...(event.body.type === 'release.requested'
        ? [context(mrkdwn`Its card is in ${channel(release.channel)}.`)]
        : []),
    ],
  };
}
