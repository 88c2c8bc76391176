import { bookingKey } from '../src/domain/booking.ts';
import type { Refusal } from '../src/domain/decision.ts';
import { missedDays } from '../src/domain/deploy.ts';
import { byType, type EventTable, type StoredEvent } from '../src/domain/event.ts';
import { experimentKey } from '../src/domain/experiment.ts';
import { isEverything, isPersonTarget, usualTopics } from '../src/domain/follow.ts';
import { daysWords, ruleWords } from '../src/domain/recurrence.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { scopeWords } from '../src/domain/scope.ts';
import { wallTime } from '../src/domain/time.ts';
import { goalWords } from './experiment.ts';
import {
  channel,
  clip,
  code,
  dayAndTime,
  fieldValue,
  join,
  link,
  list,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  plainSlot,
  span,
  usergroup,
} from './kit.ts';
import { enoughText } from './metric.ts';
import { refusedWords } from './refusal.ts';
import { healthWords, roleWords, topicWords } from './state.ts';

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
    const name = releaseKey(body.release);
    const did = {
      approve: `approved ${name} for ${body.gate}`,
      condition: `approved ${name} for ${body.gate} on a condition`,
      block: `blocked ${name} for ${body.gate}`,
      reject: `rejected ${name} for ${body.gate}`,
      recuse: `stepped aside from ${name} for ${body.gate}`,
    }[body.choice];
    const others = body.seats.filter((seat) => seat !== body.voter);
    const forWhom = others.length === 0 ? mrkdwn`` : mrkdwn` (for ${people(others)})`;
    const lifts = body.unblock === '' ? '' : ` What would lift it: ${body.unblock}.`;
    return mrkdwn`🗳 ${person(body.voter)} ${did}${forWhom}${body.comment === '' ? '' : `: “${body.comment}”`}.${lifts}`;
  },
  'release.approved': ({ body }) =>
    mrkdwn`✅ ${releaseKey(body.release)} is approved: every gate is met${body.hash === '' ? '' : mrkdwn` for content ${code(body.hash.slice(0, 12))}`}.`,
  'release.rejected': ({ body }) =>
    mrkdwn`⛔ ${person(body.by)} rejected ${releaseKey(body.release)}: “${body.reason}”. Its slot is free again.`,
  'release.expired': ({ body }) =>
    body.missing.length === 0
      ? mrkdwn`⌛ ${releaseKey(body.release)} expired: its slot is over and it was never started.`
      : mrkdwn`⌛ ${releaseKey(body.release)} expired: its slot began without ${list(body.missing, 'and')}.`,
  'release.cancelled': (event) =>
    mrkdwn`🚫 ${who(event)} cancelled ${releaseKey(event.body.release)}${event.body.reason === '' ? '' : `: “${event.body.reason}”`}. Its slot is free again.`,
  'room.opened': (event) =>
    event.body.again
      ? mrkdwn`🚪 ${who(event)} opened the war room of ${releaseKey(event.body.release)} again.`
      : event.actor.kind === 'clock'
        ? mrkdwn`🚪 The war room of ${releaseKey(event.body.release)} opened by itself, ahead of its slot.`
        : mrkdwn`🚪 ${who(event)} opened the war room of ${releaseKey(event.body.release)}.`,
  'room.closed': (event) =>
    mrkdwn`🚪 ${who(event)} closed the war room of ${releaseKey(event.body.release)}${event.body.note === '' ? '.' : `. Hand-over: ${clip(event.body.note, 1500)}`}`,
  'room.staffed': ({ body }) => {
    const skipped = body.skipped.map(({ person: id, why }) => mrkdwn`${person(id)} (${why})`);
    if (skipped.length > 0) return mrkdwn`👥 Not invited: ${join(skipped.slice(0, 20), ', ')}.`;
    return mrkdwn`👥 ${body.invited.length} ${body.invited.length === 1 ? 'person was' : 'people were'} invited.`;
  },
  'room.invited': (event) => mrkdwn`👥 ${who(event)} invited ${people(event.body.people.slice(0, 20))}.`,
  'room.barred': ({ body }) => {
    const name = releaseKey(body.release);
    switch (body.what) {
      case 'create':
        return mrkdwn`🧵 Slack does not let me create a channel for ${name} (${body.why}). This thread is its war room: everything works here, too.`;
      case 'archive':
        return mrkdwn`🗄 Slack does not let me archive this channel (${body.why}). Somebody who may can do it by hand; the record of ${name} is kept.`;
      case 'unarchive':
        return mrkdwn`🗄 Slack does not let me open the archived channel again (${body.why}). ${name} gets a new one.`;
    }
  },
  'room.archiving': ({ body }, zone) =>
    mrkdwn`🗄 The review of ${releaseKey(body.release)} is in. This channel will be archived ${dayAndTime(new Date(body.at), zone)}; its record is exported first.`,
  'room.kept': (event) => mrkdwn`🗄 ${who(event)} keeps this channel for another week.`,
  'room.archived': ({ body }) =>
    mrkdwn`🗄 The war room of ${releaseKey(body.release)} was archived, its record exported.`,
  'release.followed': (event) =>
    event.body.follow
      ? mrkdwn`👀 ${person(event.body.person)} follows ${releaseKey(event.body.release)} into its war room.`
      : mrkdwn`👀 ${person(event.body.person)} follows ${releaseKey(event.body.release)} no more.`,
  'role.taken': ({ body }) => {
    const role = roleWords[body.role] ?? body.role;
    const from = body.from === null || body.from === body.person ? mrkdwn`` : mrkdwn` from ${person(body.from)}`;
    return mrkdwn`🎩 ${person(body.person)} is ${role} now${body.from === null ? '' : ', taking over'}${from}.`;
  },
  'role.offered': ({ body }) =>
    mrkdwn`🤝 ${person(body.from)} hands ${roleWords[body.role] ?? body.role} of ${releaseKey(body.release)} to ${person(body.to)}, who has to accept${body.inFlight === '' ? '' : `. In flight: ${body.inFlight}`}${body.note === '' ? '.' : `. “${clip(body.note, 1000)}”`}`,
  'role.declined': ({ body }) =>
    mrkdwn`🤝 ${person(body.to)} declined ${roleWords[body.role] ?? body.role} of ${releaseKey(body.release)}. It stays as it was, ${person(body.from)}.`,
  'role.missing': ({ body }) =>
    mrkdwn`🎩 Nobody has said that they lead ${releaseKey(body.release)} yet. ${person(body.expected)} was booked; whoever is there can take it.`,
  'runbook.planned': ({ body }) => {
    const from = body.versions.length === 0 ? '' : ` from ${list(body.versions, 'and')}`;
    if (body.phase === 'rollback')
      return mrkdwn`📖 ${body.steps.length} steps to be back, data and a second pair of eyes included.`;
    return body.steps.length === 0
      ? mrkdwn`📖 No runbook is named for ${releaseKey(body.release)}. Add steps with ${code('/release step add …')}.`
      : mrkdwn`📖 The runbook has ${body.steps.length} steps${from}.`;
  },
  'steps.ready': ({ body }, zone) =>
    join(
      body.steps.map(({ step, title, dueAt, people: ids, groups }) => {
        const whom = [...ids.map(person), ...groups.map(usergroup)];
        const due = dueAt === null ? '' : ` Due ${wallTime(new Date(dueAt), zone).time} ${zone}.`;
        return mrkdwn`▶️ Step ${step} *${title}* can begin${whom.length === 0 ? mrkdwn`.` : mrkdwn`: ${join(whom, ', ')}.`}${due}`;
      }),
      '\n',
    ),
  'step.added': (event) => mrkdwn`➕ ${who(event)} added step ${event.body.step.key} *${event.body.step.title}*.`,
  'step.claimed': ({ body }) =>
    mrkdwn`✋ ${person(body.person)} takes step ${body.step} *${body.title}*${body.from === null ? mrkdwn`` : mrkdwn` from ${person(body.from)}`}.`,
  'step.started': (event, zone) =>
    mrkdwn`⏳ ${who(event)} started step ${event.body.step} *${event.body.title}*${event.body.kind === 'canary' ? `, watched until ${wallTime(new Date(event.body.until), zone).time} ${zone}` : ''}.`,
  'step.done': ({ body }) => {
    const by = body.person === null ? mrkdwn`The machine` : person(body.person);
    const note = body.note === '' ? '' : `: “${clip(body.note, 300)}”`;
    return body.checking
      ? mrkdwn`☑️ ${by} did step ${body.step} *${body.title}*${note}. A second person has to look.`
      : mrkdwn`✅ ${by} did step ${body.step} *${body.title}*${note}.`;
  },
  'step.verified': ({ body }) => mrkdwn`✅ ${person(body.person)} verified step ${body.step} *${body.title}*.`,
  'step.prolonged': ({ body }, zone) =>
    mrkdwn`⏳ Step ${body.step} *${body.title}* is watched until ${wallTime(new Date(body.until), zone).time} ${zone}.`,
  'step.soaked': ({ body }) =>
    mrkdwn`⌛ Step ${body.step} *${body.title}* has been watched long enough. Healthy? Then it is done; else 15 minutes more, or roll back.`,
  'step.late': ({ body }) => {
    const whom = [...body.people.map(person), ...body.groups.map(usergroup)];
    return mrkdwn`⏰ Step ${body.step} *${body.title}* is late${whom.length === 0 ? mrkdwn`.` : mrkdwn`: ${join(whom, ', ')}.`}`;
  },
  'step.failed': ({ body }) =>
    mrkdwn`❌ Step ${body.step} *${body.title}* failed${body.person === null ? mrkdwn`` : mrkdwn`, says ${person(body.person)}`}: “${clip(body.note, 500)}”. Try again, skip it with a reason, or roll back.`,
  'step.skipped': ({ body }) =>
    mrkdwn`⏭ ${person(body.person)} skipped step ${body.step} *${body.title}*: “${clip(body.note, 500)}”.`,
  'step.reopened': ({ body }) => mrkdwn`🔁 Step ${body.step} *${body.title}* is tried again (attempt ${body.attempt}).`,
  'step.voiced': ({ body }) =>
    mrkdwn`${body.choice === 'go' ? '🟢' : '🔴'} ${person(body.person)} says *${body.choice === 'go' ? 'go' : 'NO-GO'}* for ${voiceWords(body.voice)} on step ${body.step}${body.reason === '' ? '.' : `: “${clip(body.reason, 500)}”`}`,
  'exposure.set': (event) =>
    mrkdwn`🎚 ${releaseKey(event.body.release)} is exposed: *${event.body.label}*${event.body.note === '' ? '' : ` – ${clip(event.body.note, 300)}`} (${who(event)}).`,
  'canary.judged': ({ body }) => mrkdwn`🐤 ${canaryWords(body)}`,
  'message.captured': ({ body }, zone) =>
    mrkdwn`📌 ${/^[A-Z0-9]+$/.test(body.author) ? person(body.author) : body.author} (${wallTime(new Date(body.saidAt), zone).time} ${zone}): ${clip(body.text, 500)}`,
  'message.edited': ({ body }) => mrkdwn`📌 A kept message now says: ${clip(body.text, 500)}`,
  'message.deleted': () => mrkdwn`📌 A kept message was deleted in Slack; the record still has it.`,
  'status.scheduled': () => mrkdwn`📣 A status will be asked for.`,
  'status.asked': ({ body }) =>
    mrkdwn`📣 ${person(body.of)}, how does ${releaseKey(body.release)} go? One sentence is enough.`,
  'status.posted': (event) =>
    mrkdwn`📣 ${who(event)} on ${releaseKey(event.body.release)}: ${healthWords[event.body.health] ?? ''} – ${clip(event.body.text, 500)}`,
  'slot.ending': ({ body }, zone) =>
    mrkdwn`⏱ The slot of ${releaseKey(body.release)} ends ${wallTime(new Date(body.endsAt), zone).time} ${zone}. ${nextWords(body.next, zone)}`,
  'slot.overrun': ({ body }, zone) =>
    mrkdwn`⏱ ${releaseKey(body.release)} runs over its slot (it ended ${wallTime(new Date(body.endsAt), zone).time} ${zone}). ${nextWords(body.next, zone)}`,
  'slot.extended': (event, zone) =>
    mrkdwn`⏱ ${who(event)} extended the slot of ${releaseKey(event.body.release)} to ${wallTime(new Date(event.body.endsAt), zone).time} ${zone}: the time was free.`,
  'watch.started': ({ body }, zone) =>
    mrkdwn`🔭 ${releaseKey(body.release)} is watched until ${dayAndTime(new Date(body.until), zone)}${body.exit.length === 0 ? '' : `. Before operations take over: ${list(body.exit, 'and')}`}.`,
  'watch.held': ({ body }, zone) =>
    mrkdwn`🔭 The watch of ${releaseKey(body.release)} goes on until ${dayAndTime(new Date(body.until), zone)}: ${list(body.open, 'and')} ${body.open.length === 1 ? 'is' : 'are'} open. ${person(body.lead)}`,
  'watch.ended': ({ body }) =>
    body.handedTo === null
      ? mrkdwn`🔭 The watch of ${releaseKey(body.release)} ended with nothing open.`
      : mrkdwn`🔭 ${person(body.handedTo)} took ${releaseKey(body.release)} over for operations.`,
  'incident.linked': (event) =>
    mrkdwn`🚒 ${who(event)} linked the incident ${event.body.key} with ${releaseKey(event.body.release)}${event.body.note === '' ? '.' : `: ${clip(event.body.note, 300)}`}`,
  'incident.closed': (event) => mrkdwn`🚒 ${who(event)} says the incident ${event.body.key} is over.`,
  'incident.reported': (event) =>
    mrkdwn`🚒 ${who(event)} reported the incident ${event.body.key}${event.body.note === '' ? '.' : `: ${clip(event.body.note, 300)}`}`,
  'incident.reminded': (event) =>
    mrkdwn`🚒 ${person(event.body.person)} was asked once more which release the incident ${event.body.key} was.`,
  'incident.unrelated': (event) => mrkdwn`🚒 ${who(event)} says the incident ${event.body.key} came from no release.`,
  'unbooked.reported': (event, zone) =>
    mrkdwn`📮 ${who(event)} reported a deployment that was not booked: ${event.body.service} ${event.body.version} → ${event.body.environment}, ${dayAndTime(new Date(event.body.deployedAt), zone)}.`,
  'unbooked.taken_back': (event, zone) =>
    mrkdwn`📮 ${who(event)} took a report back: ${event.body.service} ${event.body.version} → ${event.body.environment}, ${dayAndTime(new Date(event.body.deployedAt), zone)}.`,
  'experiment.started': (event) =>
    mrkdwn`🧪 ${who(event)} began ${experimentKey(event.body.experiment)} “${event.body.hypothesis}”: ${goalWords(event.body)}. It begins at ${enoughText(event.body.metric, event.body.baseline)}.`,
  'experiment.asked': ({ body }) =>
    mrkdwn`🧪 ${person(body.of)} was asked what came of ${experimentKey(body.experiment)}.`,
  'experiment.concluded': (event) =>
    mrkdwn`🧪 ${who(event)} concluded ${experimentKey(event.body.experiment)}: ${event.body.outcome}. “${clip(event.body.words, 500)}”`,
  'experiment.extended': (event) =>
    mrkdwn`🧪 ${who(event)} gave ${experimentKey(event.body.experiment)} until ${event.body.until}. “${clip(event.body.words, 500)}”`,
  'error.known': (event) =>
    mrkdwn`🐞 ${who(event)} recorded a known error of ${releaseKey(event.body.release)} (${event.body.key}): ${event.body.title}. Meanwhile: ${clip(event.body.workaround, 500)}`,
  'error.fixed': (event) => mrkdwn`🐞 ${who(event)} says the known error ${event.body.key} is fixed.`,
  'action.added': ({ body }) =>
    mrkdwn`📋 Action ${body.action.key} for ${person(body.action.owner)} by ${body.action.due}: ${body.action.text}`,
  'action.done': (event) => mrkdwn`📋 ${who(event)} finished action ${event.body.key}: ${event.body.text}`,
  'action.reminded': ({ body }) => mrkdwn`📋 Action ${body.key} is due ${body.due}: ${body.text}`,
  'release.failed': (event) =>
    mrkdwn`💥 ${who(event)} says ${releaseKey(event.body.release)} failed: “${event.body.reason}”.`,
  'release.restored': ({ body }) =>
    mrkdwn`🩹 ${releaseKey(body.release)}: people have back what they had; the rollback is complete.`,
  'note.added': (event) => mrkdwn`📝 ${who(event)}: ${event.body.text}`,
  'release.started': (event) => mrkdwn`🚀 ${who(event)} started ${releaseKey(event.body.release)}.`,
  'release.paused': (event) =>
    mrkdwn`⏸ ${who(event)} paused ${releaseKey(event.body.release)}${event.body.reason === '' ? '' : `: “${event.body.reason}”`}.`,
  'release.resumed': (event) => mrkdwn`▶️ ${who(event)} resumed ${releaseKey(event.body.release)}.`,
  'release.verifying': (event) =>
    mrkdwn`🔍 ${who(event)} says ${releaseKey(event.body.release)} is deployed; verifying.`,
  'release.done': (event) => mrkdwn`🏁 ${who(event)} finished ${releaseKey(event.body.release)}.`,
  'release.rolled_back': (event) =>
    mrkdwn`↩️ ${who(event)} rolled back ${releaseKey(event.body.release)}: “${event.body.reason}”.${event.body.managers.length === 0 ? mrkdwn`` : mrkdwn` ${people(event.body.managers)}`}`,
  'digest.subscribed': (event) => {
    const { body } = event;
    const what = isEverything(body.scope) ? mrkdwn`` : mrkdwn` about ${scopeWords(body.scope)}`;
    const kind = body.kind === 'daily' ? '' : `${body.kind} `;
    const hour = mrkdwn`${code(`${body.at} ${body.zone}`)}, ${daysWords(body.days)}`;
    if (!body.before)
      return mrkdwn`📰 ${who(event)} asked for a ${kind}digest${what} ${place(body.channel)} at ${hour}.`;
    const { at, zone } = body.before;
    const moved = at === body.at && zone === body.zone ? mrkdwn`` : mrkdwn`, instead of ${code(`${at} ${zone}`)}`;
    return mrkdwn`📰 ${who(event)} set the ${kind}digest ${place(body.channel)} again${what}: at ${hour}${moved}.`;
  },
  'digest.unsubscribed': (event) =>
    mrkdwn`📰 ${who(event)} stopped the ${event.body.kind} digest ${place(event.body.channel)}.`,
  'digest.posted': ({ body }) => mrkdwn`📰 The ${body.kind} digest of ${body.date} was posted ${place(body.channel)}.`,
  'digest.missed': ({ body }) =>
    mrkdwn`📰 The ${body.kind} digest of ${body.date} ${place(body.channel)} was missed: its day was over.`,
  'digest.silent': ({ body }) =>
    mrkdwn`📰 The ${body.kind} digest of ${body.date} ${place(body.channel)} was left out: ${body.why === 'muted' ? 'it is muted' : 'there was nothing new'}.`,
  'subscription.added': (event) => {
    const { target, key, topics, lately } = event.body;
    const what = key === 'all' ? mrkdwn`everything` : code(key);
    const usual =
      topics.join() === usualTopics.join() ? '' : ` (${topics.map((topic) => topicWords[topic]).join(', ')})`;
    return mrkdwn`👀 ${who(event)} follows ${what}${usual} ${place(target)}. That was ${lately} ${lately === 1 ? 'message' : 'messages'} in the last seven days.`;
  },
  'subscription.removed': (event) =>
    mrkdwn`👀 ${who(event)} no longer follows ${event.body.key === 'all' ? mrkdwn`everything` : code(event.body.key)} ${place(event.body.target)}.`,
  'subscriber.muted': (event, zone) =>
    mrkdwn`🔕 ${who(event)} muted what is followed ${place(event.body.target)}${event.body.until === null ? '' : ` until ${dayAndTime(new Date(event.body.until), zone)}`}. ${code('/release subscriptions unmute')} ends it.`,
  'subscriber.unmuted': (event) => mrkdwn`🔔 ${who(event)} wants to hear again ${place(event.body.target)}.`,
  'subscriber.quieted': (event) => {
    const { target, hours } = event.body;
    return hours === null
      ? mrkdwn`🔔 ${who(event)} ended the quiet hours ${place(target)}.`
      : mrkdwn`🌙 ${who(event)} set quiet hours ${place(target)}: ${hours.from}–${hours.to} ${hours.zone}.`;
  },
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
  'vote.commented': (event) => mrkdwn`💬 ${who(event)} on ${releaseKey(event.body.release)}: “${event.body.text}”`,
  'vote.delegated': ({ body }) =>
    mrkdwn`↪ ${person(body.from)} lets ${person(body.to)} vote for them on ${releaseKey(body.release)}.`,
  'vote.taken_back': ({ body }) => mrkdwn`↩ ${person(body.from)} votes on ${releaseKey(body.release)} in person again.`,
  'gate.stuck': ({ body }) =>
    mrkdwn`🧱 ${body.gate} of ${releaseKey(body.release)} needs ${body.needed} and ${body.left === 0 ? 'nobody is' : `only ${body.left} ${body.left === 1 ? 'is' : 'are'}`} left who could vote there. Have its group extended, or ask for an override.`,
  'gate.escalated': ({ body }) =>
    body.people.length === 0
      ? mrkdwn`⏫ ${body.gate} of ${releaseKey(body.release)} is over its time.`
      : mrkdwn`⏫ ${body.gate} of ${releaseKey(body.release)} is over its time: ${people(body.people.slice(0, 8))} may decide for it now.`,
  'gate.left': ({ body }) =>
    mrkdwn`👋 ${person(body.person)} is gone, and no longer asked for ${body.gate} of ${releaseKey(body.release)}.`,
  'approver.asked': ({ body }) => mrkdwn`🔔 ${person(body.person)} was asked about ${releaseKey(body.release)}.`,
  'approver.snoozed': ({ body }, zone) =>
    mrkdwn`💤 ${person(body.person)} is asked about ${releaseKey(body.release)} again ${dayAndTime(new Date(body.until), zone)}.`,
  'approver.reminded': ({ body }) => {
    const name = releaseKey(body.release);
    const gates = body.gates.map(({ gate, usergroups, people: asked }) => {
      const whom = usergroups.length > 0 ? join(usergroups.map(usergroup), ', ') : people(asked.slice(0, 6));
      return mrkdwn`${gate}${whom.mrkdwn === '' ? mrkdwn`` : mrkdwn` (${whom})`}`;
    });
    const left = { thread: 'a day', oncall: 'four hours', manager: 'an hour' }[body.step];
    return body.step === 'manager'
      ? mrkdwn`⏰ ${name} will expire within ${left}: it still needs ${join(gates, ', ')}.`
      : mrkdwn`⏰ ${name} begins within ${left} and still needs ${join(gates, ', ')}.`;
  },
  'approver.nudged': (event) =>
    mrkdwn`👉 ${who(event)} asks again about ${releaseKey(event.body.release)}${event.body.people.length === 0 ? mrkdwn`` : mrkdwn`: ${people(event.body.people.slice(0, 8))}`}${event.body.later.length === 0 ? mrkdwn`` : mrkdwn`. When their day begins: ${people(event.body.later.slice(0, 8).map((one) => one.person))}`}${event.body.away.length === 0 ? mrkdwn`` : mrkdwn`. Away: ${people(event.body.away.slice(0, 8))}`}.`,
  'release.changed': (event) => {
    const { body } = event;
    const what = body.fields.map(
      ({ field, before, after }) =>
        mrkdwn`${field}: ${fieldValue(field, before, 80)} → ${fieldValue(field, after, 80)}`,
    );
    const again = body.reopened.length === 0 ? 'Every vote stays.' : `Asked again: ${list(body.reopened, 'and')}.`;
    return mrkdwn`✏️ ${who(event)} changed ${releaseKey(body.release)} (${join(what, '; ')}). ${again}`;
  },
  'exception.asked': (event) =>
    mrkdwn`❄️ ${who(event)} asks for a pass for ${releaseKey(event.body.release)} through ${event.body.exception.name}: “${event.body.exception.reason}”.`,
  'exception.ended': ({ body }) =>
    mrkdwn`🌤 ${releaseKey(body.release)} needs no pass through ${body.freeze} any more; it goes back to the budget.`,
  'override.proposed': ({ body }) =>
    mrkdwn`⚠️ ${person(body.by)} asks ${person(body.second)} to set ${code(body.rule)} aside for ${releaseKey(body.release)}: “${body.reason}”.`,
  'override.granted': ({ body }, zone) =>
    mrkdwn`⚠️ ${person(body.by)} and ${person(body.second)} set ${code(body.rule)} aside for ${releaseKey(body.release)} until ${dayAndTime(new Date(body.until), zone)}: “${body.reason}”. A review is due afterwards.`,
  'override.declined': ({ body }) =>
    body.lapsed
      ? mrkdwn`⚠️ Nobody accepted in time: ${code(body.rule)} still counts for ${releaseKey(body.release)}.`
      : mrkdwn`⚠️ ${person(body.by)} declined: ${code(body.rule)} still counts for ${releaseKey(body.release)}.`,
  'criterion.ticked': (event) =>
    mrkdwn`☑️ ${who(event)} ticked “${event.body.title}” of ${releaseKey(event.body.release)}${event.body.evidence === '' ? mrkdwn`` : mrkdwn` (${link(event.body.evidence, 'evidence')})`}.`,
  'criterion.unticked': (event) =>
    mrkdwn`⬜ ${who(event)} took back “${event.body.title}” of ${releaseKey(event.body.release)}.`,
  'start.opened': ({ body }) =>
    mrkdwn`🟢 The slot of ${releaseKey(body.release)} is open and everything that was approved still holds (content ${code(body.hash.slice(0, 12))}).`,
  'release.missed': ({ body }) =>
    mrkdwn`⌛ The slot of ${releaseKey(body.release)} is over and it was not started. It stays approved for ${missedDays} days: give it another time, or cancel it.`,
  'start.held': ({ body }, zone) =>
    mrkdwn`🔴 The slot of ${releaseKey(body.release)} is open. ${refusedWords(body.refusal as Refusal, zone)}`,
  'review.asked': ({ body }, zone) =>
    mrkdwn`📋 How did ${releaseKey(body.release)} go? The review is due ${dayAndTime(new Date(body.dueAt), zone)}.`,
  'review.overdue': ({ body }) =>
    mrkdwn`📋 The review of ${releaseKey(body.release)} is overdue${body.owner === null ? mrkdwn`` : mrkdwn`, ${person(body.owner)}`}: ${code(`/release pir ${releaseKey(body.release)}`)}`,
  'release.reviewed': (event) => {
    const how = { as_planned: 'as planned', minor: 'minor issues', failed: 'failed' }[event.body.outcome];
    return mrkdwn`📋 ${who(event)} reviewed ${releaseKey(event.body.release)}: ${how}${event.body.text === '' ? '' : ` – “${clip(event.body.text, 500)}”`}.`;
  },
  'trust.proposed': ({ body }) =>
    mrkdwn`🪜 The record of team ${body.team} proposes ${code(body.to)} instead of ${code(body.policy)} (${body.direction}): ${body.failed} of ${body.n} failed.`,
  'trust.voted': ({ body }) =>
    mrkdwn`🪜 ${person(body.voter)} ${body.choice === 'agree' ? 'agreed' : 'declined'} to another policy.`,
  'trust.changed': ({ body }) =>
    mrkdwn`🪜 Releases of team ${body.team} go by ${code(body.to)} instead of ${code(body.policy)} from now on.`,
  'trust.declined': ({ body }) => mrkdwn`🪜 Team ${body.team} stays with ${code(body.policy)}.`,
  'prefs.set': ({ body }) => mrkdwn`⚙️ The preferences of ${person(body.person)} are saved.`,
  'code.enrolled': () => mrkdwn`🔐 One-time codes are set up: approvals of some gates ask for one from now on.`,
  'code.used': () => mrkdwn`🔐 A one-time code was used.`,
  'code.removed': (event) => mrkdwn`🔐 ${who(event)} removed the one-time codes of ${person(event.body.person)}.`,
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

/** A voice of a poll: "author U0ANA" is a person. */
export function voiceWords(voice: string): Mrkdwn {
  const author = /^author ([A-Z0-9]+)$/.exec(voice)?.[1];
  if (author) return mrkdwn`author ${person(author)}`;
  return /^[UW][A-Z0-9]{2,20}$/.test(voice) ? person(voice) : mrkdwn`${voice}`;
}

/** What a canary's samples say, with the numbers behind it. */
export function canaryWords(body: Omit<StoredEvent<'canary.judged'>['body'], 'type' | 'release'>): string {
  const n = `n=${body.n.canary} against ${body.n.baseline}`;
  if (body.verdict === 'not_enough_data') return `${body.metric}: not enough data (${n}).`;
  const number = (value: number | null) => (value === null ? '?' : String(Number(value.toPrecision(4))));
  const numbers = `median ${number(body.medianCanary)} against ${number(body.medianBaseline)}, shift ${number(body.shift)} (${number(body.low)} to ${number(body.high)}, ${Math.round(body.confidence * 100)} %), p=${number(body.pValue)}, ${n}`;
  const verdict = { pass: 'nothing to see', high: 'HIGHER than the baseline', low: 'LOWER than the baseline' }[
    body.verdict
  ];
  return `${body.metric}: ${verdict} – ${numbers}. Advice, no decision.`;
}

function nextWords(next: StoredEvent<'slot.ending'>['body']['next'], zone: string): string {
  return next === null
    ? 'Nobody holds the time after it.'
    : `${next.label}${next.release === null ? '' : ` (${releaseKey(next.release)})`} holds it from ${wallTime(new Date(next.startsAt), zone).time} ${zone}.`;
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

/** "in #releases", or in whose messages. */
export function place(target: string): Mrkdwn {
  return isPersonTarget(target) ? mrkdwn`in direct messages` : mrkdwn`in ${channel(target)}`;
}
