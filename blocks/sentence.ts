import { bookingKey } from '../src/domain/booking.ts';
import { byType, type EventTable, type StoredEvent } from '../src/domain/event.ts';
import { ruleWords } from '../src/domain/recurrence.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { scopeWords } from '../src/domain/scope.ts';
import { channel, code, dayAndTime, list, type Mrkdwn, mrkdwn, person, plainSlot, span } from './kit.ts';

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
  'release.moved': (event, zone) => {
    const { body } = event;
    const to = plainSlot(new Date(body.startsAt), new Date(body.endsAt), zone);
    const again = body.reopened.length === 0 ? '' : ` Asked again: ${list(body.reopened, 'and')}.`;
    if (body.startsAt === body.before.startsAt && body.endsAt === body.before.endsAt && body.why === 'moved') {
      const needs = list(body.dependsOn.map(releaseKey), 'and');
      return mrkdwn`⛓ ${who(event)} let ${releaseKey(body.release)} wait for ${needs === '' ? 'nothing' : needs}.`;
    }
    const name = releaseKey(body.release);
    const how = {
      moved: `moved ${name} to`,
      swapped: `gave ${name} the swapped time`,
      boarded: `put ${name} on the train of`,
      undone: `moved ${name} back to`,
    }[body.why];
    return mrkdwn`🗓 ${who(event)} ${how} ${to}.${again}`;
  },
  'release.reinstated': (event) =>
    mrkdwn`↪️ ${who(event)} took back the cancellation of ${releaseKey(event.body.release)}; it holds its slot again.`,
  'release.left_behind': ({ body }, zone) =>
    mrkdwn`🕳 ${releaseKey(body.release)} was left behind by the train ${body.train} of ${body.date}: it was not ready at the cut-off.${
      body.nextStartsAt === null ? '' : ` The next departs ${dayAndTime(new Date(body.nextStartsAt), zone)}.`
    }`,
  'release.kept': (event) =>
    mrkdwn`❄️ ${who(event)} keeps ${releaseKey(event.body.release)} in spite of the freeze ${event.body.freeze}.`,
  'window.set': (event) =>
    mrkdwn`🪟 ${who(event)} set the window *${event.body.window.name}*: ${ruleWords(event.body.window.recurrence.rule)} from ${event.body.window.recurrence.at} for ${span(event.body.window.recurrence.minutes)} ${event.body.window.zone}, ${scopeWords(event.body.window.scope)}.${outside(event.body.outside)}`,
  'window.changed': (event) => {
    const { window, change } = event.body;
    const what = change.cancelled
      ? 'closed'
      : `changed${change.at ? ` to ${change.at}` : ''}${change.minutes ? ` for ${span(change.minutes)}` : ''}${change.capacity ? `, ${change.capacity} ${change.capacity === 1 ? 'place' : 'places'}` : ''}`;
    return mrkdwn`🪟 ${who(event)} ${what}: window ${window} on ${change.date}.${outside(event.body.outside)}`;
  },
  'window.dropped': (event) =>
    mrkdwn`🪟 ${who(event)} removed the window ${event.body.window}.${outside(event.body.outside)}`,
  'freeze.added': (event) =>
    mrkdwn`❄️ ${who(event)} declared the freeze *${event.body.freeze.name}* for ${scopeWords(event.body.freeze.scope)}${
      event.body.touched.length === 0
        ? ''
        : `; it covers ${list(
            event.body.touched.map((one) => releaseKey(one.release)),
            'and',
          )}, whose owners are asked`
    }.`,
  'freeze.near': ({ body }, zone) =>
    body.startsAt === null
      ? mrkdwn`❄️ The freeze ${body.freeze} was looked at.`
      : mrkdwn`❄️ The freeze ${body.name || body.freeze} begins ${dayAndTime(new Date(body.startsAt), zone)}.`,
  'freeze.lifted': (event) =>
    mrkdwn`🌤 ${who(event)} lifted the freeze ${event.body.name || event.body.freeze}${event.body.date === null ? '' : ` of ${event.body.date}`}${event.body.reason === '' ? '' : `: “${event.body.reason}”`}.`,
  'line.joined': ({ body }, zone) =>
    mrkdwn`⏳ ${person(body.person)} waits for ${plainSlot(new Date(body.startsAt), new Date(body.endsAt), zone)} in ${body.environment}. When it comes free it is kept for you for 30 minutes.`,
  'line.offered': ({ body }, zone) =>
    mrkdwn`🎟 ${plainSlot(new Date(body.startsAt), new Date(body.endsAt), zone)} came free and was offered to the next in line.`,
  'line.taken': (event) => mrkdwn`🎟 ${who(event)} took the time that came free.`,
  'line.left': (event) => mrkdwn`⏳ ${who(event)} left the line.`,
  'line.lapsed': () => mrkdwn`⏳ A place in the line lapsed.`,
  'swap.proposed': (event) =>
    mrkdwn`🔁 ${who(event)} asked to swap ${releaseKey(event.body.release)} with ${releaseKey(event.body.other)}; its holder was asked.`,
  'swap.accepted': (event) =>
    mrkdwn`🔁 ${who(event)} accepted to swap ${releaseKey(event.body.release)} and ${releaseKey(event.body.other)}.`,
  'swap.declined': (event) =>
    event.body.lapsed
      ? mrkdwn`🔁 Nobody answered in time: ${releaseKey(event.body.release)} and ${releaseKey(event.body.other)} were not swapped.`
      : mrkdwn`🔁 ${who(event)} declined to swap ${releaseKey(event.body.release)} with ${releaseKey(event.body.other)}.`,
  'train.scheduled': ({ body }) => mrkdwn`🚆 The timetable of ${body.train} was read again.`,
  'train.closed': ({ body }) =>
    mrkdwn`🚆 Boarding of ${body.train} of ${body.date} ended with ${body.aboard.length} aboard${body.left.length === 0 ? '' : ` and ${list(body.left.map(releaseKey), 'and')} left behind`}.`,
  'booking.made': ({ body }, zone) =>
    mrkdwn`🔒 ${person(body.person)} reserved ${body.services.length === 0 ? body.environment : `${list(body.services, 'and')} in ${body.environment}`}, ${plainSlot(new Date(body.startsAt), new Date(body.endsAt), zone)}: ${body.purpose} (${bookingKey(body.booking)}).`,
  'booking.ended': (event) => mrkdwn`🔓 ${who(event)} gave ${bookingKey(event.body.booking)} back.`,
  'series.set': (event) =>
    mrkdwn`🔂 ${who(event)} repeats ${releaseKey(event.body.source)} ${ruleWords(event.body.recurrence.rule)} at ${event.body.recurrence.at} ${event.body.zone}; each is asked for a week ahead.`,
  'series.ran': ({ body }, zone) =>
    body.requested === null
      ? mrkdwn`🔂 The repeated release of ${dayAndTime(new Date(body.startsAt), zone)} could not be booked (${body.problem.replaceAll('_', ' ')}). Book another time with ${code('/release book')}; the series goes on.`
      : mrkdwn`🔂 The repeated release of ${body.date} was requested as ${releaseKey(body.requested)}.`,
  'series.stopped': (event) => mrkdwn`🔂 ${who(event)} stopped a series. What it has booked stays booked.`,
  'feed.opened': (event) =>
    mrkdwn`📅 ${who(event)} opened a calendar feed of ${event.body.kind === 'workspace' ? 'everything' : `the ${event.body.kind} ${event.body.name}`}.`,
  'feed.closed': (event) => mrkdwn`📅 ${who(event)} closed a calendar feed: its address works no more.`,
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

/** Whom a window no longer covers: they stay booked. */
function outside(releases: readonly { release: number }[]): string {
  if (releases.length === 0) return '';
  const names = list(
    releases.map((one) => releaseKey(one.release)),
    'and',
  );
  return ` Outside of it now: ${names}, which ${releases.length === 1 ? 'stays' : 'stay'} booked unless moved.`;
}
