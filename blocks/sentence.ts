import { byType, type EventTable, type StoredEvent } from '../src/domain/event.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { channel, code, list, type Mrkdwn, mrkdwn, person, plainSlot } from './kit.ts';

/** Every event in words (total). Sentences name who did it, so that a timeline reads like one. */
export const sentence: EventTable<Mrkdwn, [zone: string]> = {
  'workspace.connected': ({ body }) => mrkdwn`Maitred was connected to ${body.name}.`,
  'catalog.applied': ({ body }) =>
    mrkdwn`The catalogue was applied: ${Object.keys(body.catalog.services).length} services of ${Object.keys(body.catalog.teams).length} teams.`,
  'service.named': (event) => mrkdwn`${who(event)} named the service ${event.body.service}.`,
  'release.requested': (event, zone) =>
    mrkdwn`📨 ${who(event)} requested ${releaseKey(event.body.release)} ${unitsName(event.body.units)} for ${plainSlot(new Date(event.body.startsAt), new Date(event.body.endsAt), zone)}.`,
  'vote.cast': (event) => {
    const { body } = event;
    const did = { approve: 'approved', block: 'blocked', reject: 'rejected' }[body.choice];
    return mrkdwn`🗳 ${person(body.voter)} ${did} ${releaseKey(body.release)} for ${body.gate}${body.comment === '' ? '' : `: “${body.comment}”`}.`;
  },
  'release.approved': ({ body }) => mrkdwn`✅ ${releaseKey(body.release)} is approved: every gate is met.`,
  'release.rejected': ({ body }) =>
    mrkdwn`⛔ ${person(body.by)} rejected ${releaseKey(body.release)}: “${body.reason}”. Its slot is free again.`,
  'release.expired': ({ body }) =>
    mrkdwn`⌛ ${releaseKey(body.release)} expired: its slot began without ${list(body.missing, 'and') || 'its approvals'}.`,
  'release.cancelled': (event) =>
    mrkdwn`🚫 ${who(event)} cancelled ${releaseKey(event.body.release)}${event.body.reason === '' ? '' : `: “${event.body.reason}”`}. Its slot is free again.`,
  'room.opened': (event) =>
    event.actor.kind === 'clock'
      ? mrkdwn`🚪 The war room of ${releaseKey(event.body.release)} opened by itself, ahead of its slot.`
      : mrkdwn`🚪 ${who(event)} opened the war room of ${releaseKey(event.body.release)}.`,
  'room.closed': (event) => mrkdwn`🚪 ${who(event)} closed the war room of ${releaseKey(event.body.release)}.`,
  'note.added': (event) => mrkdwn`📝 ${who(event)}: ${event.body.text}`,
  'release.started': (event) => mrkdwn`🚀 ${who(event)} started ${releaseKey(event.body.release)}.`,
  'release.paused': (event) =>
    mrkdwn`⏸ ${who(event)} paused ${releaseKey(event.body.release)}${event.body.reason === '' ? '' : `: “${event.body.reason}”`}.`,
  'release.resumed': (event) => mrkdwn`▶️ ${who(event)} resumed ${releaseKey(event.body.release)}.`,
  'release.verifying': (event) =>
    mrkdwn`🔍 ${who(event)} says ${releaseKey(event.body.release)} is deployed; verifying.`,
  'release.done': (event) => mrkdwn`🏁 ${who(event)} finished ${releaseKey(event.body.release)}.`,
  'release.rolled_back': (event) =>
    mrkdwn`↩️ ${who(event)} rolled back ${releaseKey(event.body.release)}: “${event.body.reason}”.`,
  'digest.subscribed': (event) =>
    mrkdwn`📰 ${who(event)} asked for a digest in ${channel(event.body.channel)} at ${code(`${event.body.at} ${event.body.zone}`)}.`,
  'digest.unsubscribed': (event) => mrkdwn`📰 ${who(event)} stopped the digest in ${channel(event.body.channel)}.`,
  'digest.posted': ({ body }) => mrkdwn`📰 The digest of ${body.date} was posted in ${channel(body.channel)}.`,
  'digest.missed': ({ body }) =>
    mrkdwn`📰 The digest of ${body.date} in ${channel(body.channel)} was missed: its day was over.`,
};

export function say(event: StoredEvent, zone: string): Mrkdwn {
  return byType(sentence, event, zone);
}

function who(event: Pick<StoredEvent, 'actor'>): Mrkdwn {
  switch (event.actor.kind) {
    case 'person':
      return person(event.actor.id);
    case 'clock':
      return mrkdwn`The clock`;
    case 'system':
      return mrkdwn`Maitred`;
  }
}
