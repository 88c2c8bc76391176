import type { Button, KnownBlock } from '@slack/types';
import type { Refusal, RefusalCode, RefusalOf } from '../src/domain/decision.ts';
import { releaseKey } from '../src/domain/release.ts';
import {
  actions,
  button,
  code,
  date,
  dayAndTime,
  list,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  plainSlot,
  section,
  span,
  type View,
} from './kit.ts';
import { stateWords } from './release.ts';

/** What a button needs to ask again at another time. */
export type Again = (startsAt: string) => string;

type Words = { readonly text: Mrkdwn; readonly next?: readonly Button[] };

/** Every refusal in words (total): what was understood, what stopped it, the one next step. */
const words: { readonly [C in RefusalCode]: (refusal: RefusalOf<C>, zone: string, again: Again) => Words } = {
  is_bot: () => ({ text: mrkdwn`Bots cannot do this. A person has to.` }),
  is_deactivated: () => ({ text: mrkdwn`This account is deactivated, so it cannot do this.` }),
  is_stranger: () => ({ text: mrkdwn`You belong to another organisation, so you cannot see or change releases here.` }),
  is_guest: () => ({
    text: mrkdwn`Guests can follow releases but not change them. Ask a full member to do it for you.`,
  }),
  not_found: ({ name }) => ({
    text: mrkdwn`I don't know a release ${code(name)}. See what there is with ${code('/release list')}.`,
  }),
  which_release: ({ open }) => ({
    text:
      open.length === 0
        ? mrkdwn`Which release? You have none open. Name one, like ${code('REL-142')}, or see ${code('/release list')}.`
        : mrkdwn`Which release? You have ${list(open.map(releaseKey), 'and')} open. Name the one you mean.`,
  }),
  unknown_service: ({ name, nearest, known }) => ({
    text: nearest
      ? mrkdwn`I don't know a service ${code(name)}. Did you mean ${code(nearest)}?`
      : mrkdwn`I don't know a service ${code(name)}. The catalogue has ${list(known, 'and')}.`,
  }),
  unknown_environment: ({ service, name, known }) => ({
    text: mrkdwn`${service} does not run in ${code(name)}. It runs in ${list(known, 'and')}.`,
  }),
  service_twice: ({ service }) => ({
    text: mrkdwn`${service} is named twice. A release takes each service once: keep one version.`,
  }),
  bad_duration: ({ minutes, min, max }) => ({
    text: mrkdwn`${span(minutes)} is not a length I can book. Choose between ${span(min)} and ${span(max)}.`,
  }),
  in_the_past: ({ startsAt }, zone) => ({
    text: mrkdwn`${dayAndTime(new Date(startsAt), zone)} is in the past. Choose a later time.`,
  }),
  lead_unfit: ({ lead }) => ({
    text: mrkdwn`${person(lead)} cannot lead a deployment: the lead has to be a full, active member here.`,
  }),
  no_home: () => ({
    text: mrkdwn`I don't know where to put the card of this release. Ask again from the channel it should live in, and invite me there first.`,
  }),
  slot_taken: (refusal, zone, again) => {
    const next = new Date(refusal.next);
    return {
      text: mrkdwn`${plainSlot(new Date(refusal.startsAt), new Date(refusal.endsAt), zone)} is held by *${releaseKey(refusal.holder)}* ${refusal.holderUnits} (${refusal.environment}). Next free: ${date(next, zone)}.`,
      next: [button('release.book_next', `Book ${dayAndTime(next, zone)}`, again(refusal.next), { style: 'primary' })],
    };
  },
  unmeetable_gate: ({ gate, needed, eligible }) => ({
    text: mrkdwn`Nobody could approve this: *${gate}* needs ${needed} and ${eligible === 0 ? 'nobody' : `only ${eligible}`} besides you and the deploy lead may vote there. Choose another lead or have the group extended.`,
  }),
  own_release: ({ release, role, waiting }) => ({
    text: mrkdwn`You ${role === 'requester' ? 'asked for' : 'lead'} ${releaseKey(release)}, so you can't approve it (separation of duties).${waiting.length > 0 ? ` Still needed: ${list(waiting, 'and')}.` : ''}`,
  }),
  not_eligible: ({ release, gates }) => ({
    text: mrkdwn`You can't decide on ${releaseKey(release)}. ${
      gates.length === 0 ? 'No gate is open.' : mrkdwn`Only these can: ${joinGates(gates)}.`
    }`,
  }),
  voting_closed: ({ release, state }) => ({
    text: mrkdwn`Voting on ${releaseKey(release)} is closed: it is ${stateWords[state]}. Nothing was changed.`,
  }),
  already_voted: ({ release, gate, choice, at }, zone) => ({
    text: mrkdwn`You already said “${choice}” on ${releaseKey(release)} for ${gate} (${date(new Date(at), zone, '{time}')}). It stands; choose something else to change it.`,
  }),
  changed_since: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} changed while you looked, so your vote was not taken. Open the review again.`,
  }),
  reason_needed: ({ verb }) => ({ text: mrkdwn`Say why: ${code(`/release ${verb} REL-142 the reason`)}.` }),
  only_runners: ({ release, verb, lead, requester }) => ({
    text: mrkdwn`Only its lead ${person(lead)}, its requester ${person(requester)} or a release manager can ${verb} ${releaseKey(release)}.`,
  }),
  wrong_state: ({ release, verb, state, possible }) => ({
    text: mrkdwn`${releaseKey(release)} is ${stateWords[state]}, so there is nothing to ${verb === 'rollback' ? 'roll back' : verb}.${possible.length > 0 ? mrkdwn` You can ${list(possible, 'or')} it.` : ''}`,
  }),
  not_yet: ({ release, startsAt }, zone) => ({
    text: mrkdwn`The slot of ${releaseKey(release)} opens ${date(new Date(startsAt), zone)}. Start it then.`,
  }),
  too_late: ({ release, endsAt }, zone) => ({
    text: mrkdwn`The slot of ${releaseKey(release)} was over ${date(new Date(endsAt), zone)}. Cancel it and request a new one.`,
  }),
  gates_open: ({ release, waiting }) => ({
    text: mrkdwn`${releaseKey(release)} cannot start: it still needs ${list(waiting, 'and')}.`,
    next: [button('release.why', 'Why?', String(release))],
  }),
  room_open: ({ release }) => ({ text: mrkdwn`The war room of ${releaseKey(release)} is open already.` }),
  no_room: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} has no open war room. Open one with ${code(`/release room open ${releaseKey(release)}`)}.`,
  }),
  empty_note: () => ({ text: mrkdwn`A note needs words: ${code('/release note REL-142 canary looks healthy')}.` }),
  digest_nowhere: () => ({
    text: mrkdwn`Digests go to channels. Ask from the channel that should have it: ${code('/release digest here 09:30')}.`,
  }),
  digest_off: () => ({
    text: mrkdwn`This channel has no digest. Switch one on with ${code('/release digest here 09:30')}.`,
  }),
  not_in_channel: ({ channel }) => ({
    text: mrkdwn`I am not in <#${channel}>, so I cannot post there. Invite me first.`,
  }),
  unverified: () => ({
    text: mrkdwn`I couldn't check with Slack who you are, so I saved nothing. Try again in a minute.`,
  }),
};

/** A refusal as an answer for the one person who asked. */
export function refusal(refused: Refusal, zone: string, again: Again = (startsAt) => startsAt): View {
  const { text, next } = (words[refused.code] as (refused: Refusal, zone: string, again: Again) => Words)(
    refused,
    zone,
    again,
  );
  const blocks: KnownBlock[] = [section(text)];
  if (next) blocks.push(actions(`next-${refused.code}`, next));
  return { text: text.mrkdwn, blocks };
}

function joinGates(gates: readonly { name: string; people: readonly string[] }[]): Mrkdwn {
  const parts = gates.map((gate) =>
    gate.people.length === 0 ? mrkdwn`${gate.name}` : mrkdwn`${gate.name} (${people(gate.people.slice(0, 8))})`,
  );
  return { mrkdwn: parts.map((part) => part.mrkdwn).join(', ') };
}
