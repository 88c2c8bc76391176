import type { Button, KnownBlock } from '@slack/types';
import { bookingKey } from '../src/domain/booking.ts';
import type { Refusal, RefusalCode, RefusalOf } from '../src/domain/decision.ts';
import { experimentKey } from '../src/domain/experiment.ts';
import { releaseKey } from '../src/domain/release.ts';
import { horizonDays, type Offer } from '../src/domain/slot.ts';
import { undoSeconds } from '../src/domain/undo.ts';
import { conflictWords } from './conflict.ts';
import { incidentButtons } from './incident.ts';
import {
  actions,
  button,
  channel,
  code,
  date,
  dayAndTime,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  plainSlot,
  section,
  span,
  usergroup,
  type View,
} from './kit.ts';
import { offerLine } from './slot.ts';
import { roleWords, stateWords } from './state.ts';

/** What a refused time can be answered with: other times, and the draft that their buttons ask again with. */
export type Next = {
  readonly offers: readonly Offer[];
  readonly draft: string | undefined;
  readonly canWait: boolean;
  /** It was a request: the owners of a freeze may let it pass. */
  readonly canExcept: boolean;
  readonly verb: string;
};

type Words = { readonly text: Mrkdwn; readonly next?: readonly Button[] };

/** Verbs whose name is no word for what they do. */
const verbWords: Readonly<Record<string, string>> = {
  rollback: 'roll back',
  done: 'finish',
  except: 'ask a pass for',
  override: 'set aside for it',
};

/** Every refusal in words (total): what was understood, what stopped it, the one next step. */
const words: { readonly [C in RefusalCode]: (refusal: RefusalOf<C>, zone: string, next: Next | undefined) => Words } = {
  is_bot: () => ({ text: mrkdwn`Bots cannot do this. A person has to.` }),
  is_deactivated: () => ({ text: mrkdwn`This account is deactivated, so it cannot do this.` }),
  is_stranger: () => ({ text: mrkdwn`You belong to another organisation, so you cannot see or change releases here.` }),
  is_guest: () => ({
    text: mrkdwn`Guests can follow releases but not change them. Ask a full member to do it for you.`,
  }),
  unknown_step: ({ release, step, steps }) => ({
    text:
      steps === 0
        ? mrkdwn`${releaseKey(release)} has no steps: its services name no runbook. Add one with ${code(`/release step ${releaseKey(release)} add the title`)}.`
        : mrkdwn`${releaseKey(release)} has no step ${code(step)}. See them with ${code(`/release step ${releaseKey(release)}`)}.`,
  }),
  step_over: ({ step, title, state, by, at }, zone) => {
    const word =
      {
        done: 'done',
        failed: 'failed',
        skipped: 'skipped',
        checking: 'done and waits for a second person',
        running: 'running',
      }[state as 'done'] ?? state;
    const when = at === null ? mrkdwn`` : mrkdwn` at ${date(new Date(at), zone, '{time}')}`;
    return {
      text: mrkdwn`Step ${step} *${title}* is already ${word}${by === null ? mrkdwn`` : mrkdwn`, by ${person(by)}`}${when}. Nothing was changed.`,
    };
  },
  step_claimed: ({ step }) => ({ text: mrkdwn`Step ${step} is yours already.` }),
  step_waits: ({ step, for: keys }) => ({
    text: mrkdwn`Step ${step} waits for ${keys.length === 1 ? 'step' : 'steps'} ${list(keys, 'and')}. Do or skip ${keys.length === 1 ? 'it' : 'them'} first.`,
  }),
  step_runs: ({ release, step, running }) => ({
    text: running
      ? mrkdwn`Step ${step} is being called; its result comes by itself. If it never does, ${code(`/release step ${releaseKey(release)} ${step} fail why`)}.`
      : mrkdwn`Step ${step} is automatic. Start it with ${code(`/release step ${releaseKey(release)} ${step} start`)}.`,
  }),
  needs_voices: ({ step, waiting }) => ({
    text: mrkdwn`Step ${step} is a poll: it is done once ${list(waiting, 'and')} ${waiting.length === 1 ? 'says' : 'say'} ${code('/release go')}.`,
  }),
  still_soaking: ({ release, step, until }, zone) => ({
    text: mrkdwn`Step ${step} is watched until ${date(new Date(until), zone, '{time}')}. Wait for it, or end it early with ${code(`/release step ${releaseKey(release)} ${step} skip why`)}.`,
  }),
  second_person: ({ step }) => ({ text: mrkdwn`You did step ${step} yourself. Somebody else has to look at it.` }),
  no_poll: ({ release }) => ({
    text: mrkdwn`No poll is open on ${releaseKey(release)}. Go and no-go are asked for when the runbook gets there.`,
  }),
  no_voice: ({ step, voices }) => ({
    text: mrkdwn`Step ${step} asks others: ${join(
      voices.map(({ name, people: ids, groups }) =>
        ids.length + groups.length === 0
          ? mrkdwn`${name} (nobody has this role: take it in the room)`
          : name.startsWith('author ')
            ? mrkdwn`author ${join(ids.map(person), ', ')}`
            : mrkdwn`${name} (${join([...ids.map(person), ...groups.map(usergroup)], ', ')})`,
      ),
      ', ',
    )}.`,
  }),
  no_go: ({ release, step, by }) => ({
    text: mrkdwn`${person(by)} said no-go on step ${step}, and only they can take it back. Whoever runs ${releaseKey(release)} can pass over it: ${code(`/release step ${releaseKey(release)} ${step} skip why`)}.`,
  }),
  voiced: ({ choice }) => ({
    text: mrkdwn`You already said ${choice === 'go' ? 'go' : 'no-go'}. It stands; say the other to change it.`,
  }),
  too_many_steps: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} has as many steps as fit. Use notes for the rest.`,
  }),
  asked_again: ({ release, as }) => ({
    text: mrkdwn`${releaseKey(release)} was asked for again: ${releaseKey(as)} is open and ships the same. Change or cancel that one.`,
    next: [button('release.details', 'Details', String(as))],
  }),
  replaced: ({ release, environment, by }) => ({
    text: mrkdwn`Nothing of ${releaseKey(release)} is left in ${environment} to roll back: ${join(
      by.map((one) => mrkdwn`${one.service} is at ${code(one.version)} since ${releaseKey(one.release)}`),
      ', ',
    )}. To go back from there: ${code(`/release rollback ${releaseKey(by[0]?.release ?? release)}`)}.`,
  }),
  steps_open: ({ release, steps }) => ({
    text: mrkdwn`${releaseKey(release)} has ${steps.length} open ${steps.length === 1 ? 'step' : 'steps'}: ${join(
      steps.slice(0, 6).map(({ key, title }) => mrkdwn`${key} ${title}`),
      ', ',
    )}${steps.length > 6 ? ' …' : ''}. Do them, or skip them with a reason.`,
  }),
  room_paused: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} is paused: no new step begins. Resume it first with ${code(`/release resume ${releaseKey(release)}`)}.`,
  }),
  not_in_room: ({ release, channel: room }) => ({
    text: mrkdwn`Only people in ${channel(room)} work on ${releaseKey(release)}. Join it, or ask somebody there to add you.`,
  }),
  room_stays: ({ release }) => ({ text: mrkdwn`The war room of ${releaseKey(release)} is not about to be archived.` }),
  follows: ({ release, follows }) => ({
    text: follows
      ? mrkdwn`You follow ${releaseKey(release)} already: you will be in its war room.`
      : mrkdwn`You do not follow ${releaseKey(release)}.`,
  }),
  role_yours: ({ role }) => ({ text: mrkdwn`You are ${roleWords[role] ?? role} already.` }),
  lead_voted: ({ release, person: who }) => ({
    text: mrkdwn`${person(who)} voted on ${releaseKey(release)} and so cannot lead it before it has started (separation of duties). Somebody who did not vote can.`,
  }),
  offer_unfit: ({ person: who }) => ({
    text: mrkdwn`${person(who)} cannot take this: it has to be another full, active member.`,
  }),
  offer_over: ({ state }) => ({ text: mrkdwn`This offer is over (${state}). Nothing was changed.` }),
  extended_already: ({ release, endsAt }, zone) => ({
    text: mrkdwn`${releaseKey(release)} has more time already, until ${date(new Date(endsAt), zone, '{time}')}. For yet more: ${code(`/release extend ${releaseKey(release)} 15m`)}`,
  }),
  next_holder: ({ next }, zone) => ({
    text: mrkdwn`There is no more time: ${next.label} holds what comes next, from ${date(new Date(next.startsAt), zone, '{time}')}. Ask its owner, or pause.`,
  }),
  unknown_incident: ({ release, key, known }) => ({
    text: mrkdwn`${releaseKey(release)} has no open incident ${code(key)}.${known.length === 0 ? '' : ` There is ${list(known, 'and')}.`}`,
  }),
  incident_linked: ({ release, key }) => ({
    text: mrkdwn`${code(key)} is linked with ${releaseKey(release)} already.`,
  }),
  incident_reported: ({ key, candidates }) => ({
    text: mrkdwn`${code(key)} is on record, and nobody has said yet which release it came after. Was it ${candidates.length === 0 ? 'one that is not listed here' : `one of these`}?`,
    next: incidentButtons(key, candidates),
  }),
  incident_settled: ({ key, releases }) => ({
    text:
      releases.length === 0
        ? mrkdwn`Somebody said already that ${code(key)} came from no release. If it did: ${code(`/release incident REL-142 ${key}`)}.`
        : mrkdwn`${code(key)} is linked with ${list(releases.map(releaseKey), 'and')} already. Nothing was changed.`,
  }),
  no_incident: ({ key }) => ({
    text: mrkdwn`I know no open incident ${code(key)}. Report it: ${code(`/release incident ${key} what is wrong`)}.`,
  }),
  unbooked_when: ({ at, isAhead }, zone) => ({
    text: isAhead
      ? mrkdwn`${dayAndTime(new Date(at), zone)} is still ahead: book it instead, ${code('/release new')}.`
      : mrkdwn`${dayAndTime(new Date(at), zone)} is more than a year ago. Nothing was recorded.`,
  }),
  unbooked_known: ({ service, version, environment, at, by }, zone) => ({
    text: mrkdwn`${service} ${code(version)} → ${environment} at ${dayAndTime(new Date(at), zone)} is on record already, by ${person(by)}. Nothing was changed.`,
  }),
  was_booked: ({ release, service, version }) => ({
    text: mrkdwn`${service} ${code(version)} was deployed there at that time as ${releaseKey(release)}, so it counts already. If it was another deployment, say when.`,
  }),
  unknown_unbooked: ({ service, version, environment }) => ({
    text: mrkdwn`Nobody reported ${service} ${code(version)} → ${environment} at that time. See ${code('/release unbooked')}.`,
  }),
  experiment_until: ({ until }) => ({
    text: mrkdwn`${until === '' ? 'It needs a date' : code(until)}: say a day after today (and after its last one), within a year, like ${code('until:2026-12-15')}.`,
  }),
  unknown_experiment: ({ experiment, known }) => ({
    text: mrkdwn`There is no ${experimentKey(experiment)}. ${known.length === 0 ? 'Nobody is trying anything now.' : `Running: ${list(known.slice(0, 12).map(experimentKey), 'and')}.`}`,
  }),
  experiment_over: ({ experiment, state }) => ({
    text: mrkdwn`${experimentKey(experiment)} is over: it was ${state}. Nothing was changed.`,
  }),
  words_needed: ({ experiment }) => ({
    text: mrkdwn`Say what you learnt, in a sentence: ${code(`/release experiment ${experimentKey(experiment)} kept "half as many failures"`)}.`,
  }),
  workaround_needed: ({ release }) => ({
    text: mrkdwn`Say what people do meanwhile: ${code(`/release known ${releaseKey(release)} "what is wrong" workaround:"what to do"`)}.`,
  }),
  unknown_error: ({ key }) => ({
    text: mrkdwn`I know no open known error ${code(key)}. See ${code('/release known')}.`,
  }),
  unknown_action: ({ key }) => ({ text: mrkdwn`I know no open action ${code(key)} of this release.` }),
  not_restored: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} is being rolled back, and its room is needed until the last step is done: ${code(`/release step ${releaseKey(release)}`)}.`,
  }),
  due_past: ({ due }) => ({
    text: mrkdwn`${due} is over, so nobody could do it in time. Choose a day from today on.`,
  }),
  no_room_here: () => ({
    text: mrkdwn`This message is in no war room and under no release's card, so I don't know which record it belongs to. Use it there.`,
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
  in_the_past: ({ startsAt }, zone, next) => ({
    text: mrkdwn`${dayAndTime(new Date(startsAt), zone)} is in the past.${next?.offers[0] ? mrkdwn` Next best: ${offerLine(next.offers[0], zone)}.` : ' Choose a later time.'}`,
    next: nextButtons(next, zone),
  }),
  lead_unfit: ({ lead }) => ({
    text: mrkdwn`${person(lead)} cannot lead a deployment: the lead has to be a full, active member here.`,
  }),
  no_home: () => ({
    text: mrkdwn`I don't know where to put the card of this release. Ask again from the channel it should live in, and invite me there first.`,
  }),
  conflict: (refusal, zone, next) => {
    const frozen = refusal.hard.length > 0 && refusal.hard.every((one) => one.code === 'freeze');
    const startsAt = new Date(refusal.startsAt);
    const endsAt = new Date(startsAt.getTime() + refusal.minutes * 60_000);
    const reasons = refusal.hard.map((one) => mrkdwn`• ${conflictWords(one, zone)}`);
    const head = mrkdwn`${plainSlot(startsAt, endsAt, zone)} does not work:`;
    const tail = !next
      ? []
      : next.offers.length === 0
        ? [mrkdwn`I found no free time in the next ${horizonDays} days.`]
        : [mrkdwn`Next best: ${offerLine(next.offers[0] as Offer, zone)}.`];
    const exception =
      frozen && next?.draft !== undefined && next.canExcept
        ? [button('exception.draft', 'Ask for an exception…', next.draft)]
        : [];
    return { text: join([head, ...reasons, ...tail], '\n'), next: [...nextButtons(next, zone), ...exception] };
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
  reason_needed: ({ verb, release }) => {
    const [name = '', ...rest] = verb.split(' ');
    const whom = { override: ['gate:SRE @second'], handover: ['@lee'] }[name] ?? [];
    // It has to work as it is typed: another release's number would do it to that one.
    const line = [name, release === undefined ? 'REL-142' : releaseKey(release), ...rest, ...whom, 'the reason'];
    return { text: mrkdwn`Say why: ${code(`/release ${line.join(' ')}`)}.` };
  },
  only_runners: ({ release, verb, lead, requester }) => ({
    text: mrkdwn`Only its lead ${person(lead)}, its requester ${person(requester)} or a release manager can ${verb} ${releaseKey(release)}.`,
  }),
  wrong_state: ({ release, verb, state, possible }) => ({
    text: mrkdwn`${releaseKey(release)} is ${stateWords[state]}, so there is nothing to ${verbWords[verb] ?? verb}.${
      possible.length > 0
        ? mrkdwn` You can ${list(
            possible.map((one) => verbWords[one] ?? one),
            'or',
          )} it.`
        : ''
    }`,
  }),
  not_yet: ({ release, startsAt }, zone) => ({
    text: mrkdwn`The slot of ${releaseKey(release)} opens ${date(new Date(startsAt), zone)}. Start it then.`,
  }),
  too_late: ({ release, endsAt }, zone) => ({
    text: mrkdwn`The slot of ${releaseKey(release)} was over ${date(new Date(endsAt), zone)}. Give it a new time.`,
    next: [button('release.move', 'Move…', String(release), { style: 'primary' })],
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
  digest_off: ({ kind }) => ({
    text: mrkdwn`There is no ${kind} digest here. Switch one on with ${code(`/release digest ${kind === 'daily' ? '' : `${kind} `}here 09:30`)}.`,
  }),
  subscribe_nowhere: () => ({
    text: mrkdwn`I cannot tell where to post. Ask in the channel that should follow it, or write ${code('/release subscribe me svc:payments')} for yourself.`,
  }),
  not_subscribed: ({ key, keys }) => ({
    text: mrkdwn`${key === null ? 'Nothing is followed here' : mrkdwn`${code(key)} is not followed here`}${keys.length === 0 ? '.' : mrkdwn`; ${join(keys.slice(0, 12).map(code), ', ')} ${keys.length === 1 ? 'is' : 'are'}.`}`,
  }),
  not_in_channel: ({ channel }) => ({
    text: mrkdwn`I am not in <#${channel}>, so I cannot post there. Invite me first (${code('/invite')} and my name, in that channel), then ask again.`,
  }),
  unverified: ({ reference }) => ({
    text: mrkdwn`I couldn't check with Slack who you are, so I saved nothing. Try again in a minute. Ref ${code(reference)}`,
  }),
  only_managers: ({ verb }) => ({
    text:
      verb === 'subscribe'
        ? mrkdwn`Only release managers can follow everything: it is a lot to read. Name a service, team, tag or environment, like ${code('/release subscribe svc:payments')}.`
        : verb === 'manage'
          ? mrkdwn`Only release managers can do this, and you are not one now. Your own releases and what waits for you are on the other tabs.`
          : ['override', 'stepup', 'trust'].includes(verb)
            ? mrkdwn`Only release managers can do this (${code(`/release ${verb}`)}). Ask one of them.`
            : mrkdwn`Only release managers can ${verb === 'reserve' ? 'reserve this environment: releases to it need a vote' : `change ${verb === 'window' ? 'windows' : 'freezes'} here`}${verb === 'freeze' ? ', and teams for their own services (name them: `svc:payments`)' : ''}. See what there is with ${code(`/release ${verb} list`)}.`,
  }),
  never_happens: ({ what }) => ({
    text: mrkdwn`This ${what} would never happen: its rule gives no time from now on. Check its days and dates.`,
  }),
  no_occurrence: ({ what, date: day }) => ({
    text: mrkdwn`*${what}* has nothing to change on ${day}: there is no occurrence on that day, or it is over.`,
  }),
  unknown_window: ({ name, known }) => ({
    text:
      known.length === 0
        ? mrkdwn`There is no window ${code(name)}: none is set. Set one with ${code('/release window set')}.`
        : mrkdwn`There is no window ${code(name)}. There are ${list(known, 'and')}.`,
  }),
  unknown_freeze: ({ name, known }) => ({
    text:
      known.length === 0
        ? mrkdwn`There is no freeze ${code(name)}: nothing is frozen.`
        : mrkdwn`There is no freeze ${code(name)}. There are ${list(known, 'and')}.`,
  }),
  freeze_exists: ({ key }) => ({
    text: mrkdwn`There is a freeze ${code(key)} already. Lift it first (${code(`/release freeze lift ${key}`)}), or choose another name.`,
  }),
  own_freeze: ({ freeze, release }) => ({
    text: mrkdwn`*${freeze}* covers ${releaseKey(release)}, which is yours, so somebody else has to lift it (separation of duties).`,
  }),
  unknown_scope: ({ what, name, known }) => ({
    text: mrkdwn`I don't know ${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what} ${code(name)}, so this would mean nothing. There ${known.length === 0 ? 'is none' : mrkdwn`${known.length === 1 ? 'is' : 'are'} ${list(known.slice(0, 12), 'and')}`}.`,
  }),
  too_long_for_you: ({ hours }) => ({
    text: mrkdwn`You can reserve up to ${hours} hours. For longer, ask a release manager.`,
  }),
  seats_taken: ({ window, date: day, taken, capacity }) => ({
    text: mrkdwn`*${window}* of ${day} holds ${taken} releases already, so it cannot shrink to ${capacity}. Move some of them first.`,
  }),
  cannot_start: ({ release, hard }, zone) => ({
    text: join(
      [mrkdwn`${releaseKey(release)} cannot start now:`, ...hard.map((one) => mrkdwn`• ${conflictWords(one, zone)}`)],
      '\n',
    ),
    next: [button('release.move', 'Move…', String(release))],
  }),
  no_slot: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} holds no slot any more, so it cannot start. Give it a new time.`,
    next: [button('release.move', 'Move…', String(release), { style: 'primary' })],
  }),
  after: ({ release, first, label, state }) => ({
    text: mrkdwn`${releaseKey(release)} goes after ${releaseKey(first)} ${label}, which it depends on and which is ${stateWords[state]}. Start it when that is done.`,
    next: [button('release.details', 'See it', String(first))],
  }),
  same_slot: ({ release }) => ({ text: mrkdwn`${releaseKey(release)} has that time already. Nothing was changed.` }),
  depends_on_itself: ({ release }) => ({ text: mrkdwn`${releaseKey(release)} cannot wait for itself.` }),
  unknown_needs: ({ release }) => ({
    text: mrkdwn`I don't know a release ${code(releaseKey(release))}, so nothing can wait for it. See ${code('/release list')}.`,
  }),
  is_free: () => ({
    text: mrkdwn`That time is free: there is nothing to wait for. Book it with ${code('/release book')}.`,
  }),
  in_line: ({ startsAt }, zone) => ({
    text: mrkdwn`You are in line for ${dayAndTime(new Date(startsAt), zone)} already. I tell you when it comes free.`,
  }),
  line_over: ({ state }) => ({
    text: mrkdwn`That place in the line is over (${state === 'lapsed' ? 'its time passed' : state}). Ask again with ${code('/release line')}.`,
  }),
  not_yours: ({ what, owner }) => ({ text: mrkdwn`This ${what} is ${person(owner)}'s. Nothing was changed.` }),
  swap_over: ({ state }) => ({
    text: mrkdwn`This swap is settled already (${state}). Nothing was changed.`,
  }),
  swap_itself: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} cannot swap with itself. Name the other release.`,
  }),
  unknown_train: ({ name, known }) => ({
    text:
      known.length === 0
        ? mrkdwn`No train runs here. Trains are set in the catalogue.`
        : name === ''
          ? mrkdwn`Which train? There are ${list(known, 'and')}.`
          : mrkdwn`There is no train ${code(name)}. There are ${list(known, 'and')}.`,
  }),
  may_not_board: ({ train, scope, environment }) => ({
    text: mrkdwn`The train *${train}* goes to ${environment}${scope === '' || scope === 'everything' ? '' : ` and takes ${scope}`}: this release cannot board it.`,
  }),
  no_departure: ({ train }) => ({ text: mrkdwn`The train *${train}* has no departure ahead that still boards.` }),
  unknown_booking: ({ booking }) => ({
    text: mrkdwn`I don't know a reservation ${code(bookingKey(booking))}. See ${code('/release reserve list')}.`,
  }),
  booking_over: ({ booking }) => ({ text: mrkdwn`${bookingKey(booking)} is over already. Nothing was changed.` }),
  nothing_to_undo: () => ({
    text: mrkdwn`There is nothing to take back: I can undo your own booking, move, cancellation, reservation or unbooked report for ${undoSeconds} seconds.`,
  }),
  cannot_undo: ({ release, state }) => ({
    text: mrkdwn`${releaseKey(release)} is ${stateWords[state]} by now, so this cannot be taken back.`,
  }),
  no_series: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} is not repeated. Repeat it with ${code(`/release repeat ${releaseKey(release)} weekly`)}.`,
  }),
  unknown_feed: ({ kind, name, known }) => ({
    text: mrkdwn`There is no ${kind} ${code(name)}. There are ${list(known, 'and')}.`,
  }),
  no_feed: () => ({ text: mrkdwn`You have no feed open. Open one with ${code('/release feed')}.` }),
  decided_for_you: ({ release, by, choice, at }, zone) => ({
    text: mrkdwn`${person(by)} decided for you on ${releaseKey(release)} (“${choice}”, ${date(new Date(at), zone, '{time}')}). Nothing was changed; ask them to change it.`,
  }),
  owner_unfit: ({ owner, title }) => ({
    text: mrkdwn`${person(owner)} cannot accept “${title}”: it has to be a full, active member who neither asks for the release nor leads it.`,
  }),
  lead_is_approver: ({ release, lead, gates, isOpen }) => ({
    text: mrkdwn`${person(lead)} has a word in ${list(gates, 'and')} of ${releaseKey(release)}, and would lose it as its lead. Choose somebody else${isOpen ? ', or let them step aside in the review first' : ''}.`,
  }),
  emergency_anew: ({ release }) => ({
    text: mrkdwn`An emergency is asked for on its own, so that its people hear of it at once: cancel ${releaseKey(release)} and book it anew with ${code('type:emergency')}.`,
  }),
  no_delegates: ({ release, gates }) => ({
    text: mrkdwn`${list(gates, 'and')} of ${releaseKey(release)} has to be decided in person, so your vote cannot be handed on.`,
    next: [button('release.review', 'Review', String(release), { style: 'primary' })],
  }),
  delegate_unfit: ({ person: to }) => ({
    text: mrkdwn`${person(to)} cannot vote for you: it has to be another full, active member who neither asked for the release nor leads it.`,
  }),
  delegate_chain: ({ person: to }) => ({
    text: mrkdwn`A vote that was handed on is not handed on again: ${person(to)} or you already vote for, or through, somebody else on this release.`,
  }),
  nothing_delegated: ({ release }) => ({
    text: mrkdwn`You vote on ${releaseKey(release)} yourself: nothing was handed on.`,
    next: [button('release.review', 'Review', String(release), { style: 'primary' })],
  }),
  code_not_enrolled: () => ({
    text: mrkdwn`This gate wants a one-time code, and you have none set up. Do it now; it takes a minute.`,
    next: [button('stepup.open', 'Set up codes', 'stepup', { style: 'primary' })],
  }),
  no_codes: ({ person: who }) => ({ text: mrkdwn`${person(who)} has no one-time codes set up. Nothing was changed.` }),
  code_enrolled: () => ({
    text: mrkdwn`You have one-time codes set up already. Remove them first with ${code('/release stepup off 123456')} (a current code).`,
  }),
  code_needed: () => ({
    text: mrkdwn`This gate wants a one-time code from your authenticator app. Open the review again and type it in.`,
  }),
  code_wrong: ({ left }) => ({
    text: mrkdwn`That one-time code is wrong, or was used before. ${left <= 0 ? 'That was the last try for now.' : `Wait for the next one and try again (${left} left).`}`,
  }),
  code_locked: ({ minutes }) => ({
    text: mrkdwn`Too many wrong codes. Try again in ${minutes} minutes, or ask a release manager to remove your codes.`,
  }),
  not_standard: ({ reasons }) => ({
    text: join(
      [
        mrkdwn`This is no pre-approved (standard) change:`,
        ...reasons.map(({ name, why }) => mrkdwn`• ${name}: ${why}`),
        mrkdwn`Book it as a normal change: ${code('type:normal')}.`,
      ],
      '\n',
    ),
  }),
  not_semver: ({ service, version }) => ({
    text: mrkdwn`${service} takes semantic versions only, and ${code(version)} is none. Write it like ${code('2.14.0')} or ${code('2.14.0-rc.1')}.`,
  }),
  exception_budget: ({ team, quarter, used, budget }) => ({
    text: mrkdwn`${team === '' ? 'This service' : `Team ${team}`} has used ${used} of its ${budget} passes in ${quarter}. Choose a time outside the freeze, or ask a release manager for an override.`,
  }),
  exception_review: ({ team, release, label, state }) => ({
    text: mrkdwn`${team === '' ? 'The' : `Team ${team}'s`} last pass went to ${releaseKey(release)} ${label} (${stateWords[state]}), which was not reviewed yet. The next one waits for that review.`,
    next: [button('pir.open', 'Review it', String(release), { style: 'primary' })],
  }),
  no_freeze_over: ({ release }) => ({
    text: mrkdwn`No freeze stands over the slot of ${releaseKey(release)} that it has no pass for. Nothing to ask.`,
  }),
  own_override: ({ release, role }) => ({
    text: mrkdwn`You ${role === 'requester' ? 'asked for' : 'lead'} ${releaseKey(release)}, so two others have to set a rule aside (separation of duties).`,
  }),
  unknown_rule: ({ release, name, known }) => ({
    text:
      known.length === 0
        ? mrkdwn`Nothing stands against ${releaseKey(release)} that could be set aside.`
        : mrkdwn`${code(name)} does not stand against ${releaseKey(release)}. These do: ${join(known.map(code), ', ')}.`,
  }),
  second_unfit: ({ person: second }) => ({
    text: mrkdwn`${person(second)} cannot be the second person: it has to be another full member who neither asked for the release nor leads it.`,
  }),
  override_open: ({ rule, state, until }, zone) => ({
    text: mrkdwn`${code(rule)} is ${state === 'granted' ? 'set aside already' : 'being asked about already'}, until ${date(new Date(until), zone)}.`,
  }),
  override_over: ({ state }) => ({ text: mrkdwn`This override is settled (${state}). Nothing was changed.` }),
  unknown_criterion: ({ release, name, known }) => ({
    text:
      known.length === 0
        ? mrkdwn`${releaseKey(release)} asks for nothing to be ticked.`
        : mrkdwn`${releaseKey(release)} has no criterion ${code(name)}. It has ${list(
            known.map((title, index) => `${index + 1} ${title}`),
            'and',
          )}.`,
  }),
  not_your_tick: ({ title, people: tellers }) => ({
    text: mrkdwn`“${title}” can be ticked by ${tellers.length === 0 ? 'nobody who is left' : people(tellers.slice(0, 8))} only.`,
  }),
  not_ticked: ({ title }) => ({ text: mrkdwn`“${title}” is not ticked. Nothing was changed.` }),
  evidence_needed: ({ title }) => ({
    text: mrkdwn`“${title}” needs a link that proves it: ${code('/release tick REL-142 1 https://…')}.`,
  }),
  exit_too_early: ({ release, title }) => ({
    text: mrkdwn`“${title}” is said of what was deployed: tick it once ${releaseKey(release)} has started.`,
  }),
  already_ticked: ({ title, by }) => ({ text: mrkdwn`“${title}” was ticked by ${person(by)} already.` }),
  criteria_open: ({ release, before, open }) => ({
    text: mrkdwn`${releaseKey(release)} cannot ${before === 'start' ? 'start' : 'be done'}: not ticked yet: ${list(open, 'and')}.`,
    next: [button('criteria.show', 'Show them', String(release), { style: 'primary' })],
  }),
  guards_fail: ({ release, guards }) => ({
    text: join(
      [
        mrkdwn`${releaseKey(release)} cannot start:`,
        ...guards.map(({ name, message }) => mrkdwn`• ${message} (rule ${code(`guard:${name}`)})`),
      ],
      '\n',
    ),
  }),
  not_what_was_approved: ({ release }) => ({
    text: mrkdwn`What is stored for ${releaseKey(release)} is not what was approved, so it cannot start. Change it back, or have it approved anew with ${code(`/release edit ${releaseKey(release)}`)}.`,
  }),
  nothing_changed: ({ release }) => ({
    text: mrkdwn`Nothing of ${releaseKey(release)} was changed: it is all as it was.`,
  }),
  nudged: ({ release, nextAt }, zone) => ({
    text: mrkdwn`They were reminded of ${releaseKey(release)} not long ago. The next nudge is possible ${date(new Date(nextAt), zone)}.`,
    next: [button('release.details', 'Who is needed?', String(release))],
  }),
  nobody_to_nudge: ({ release, away }) => ({
    text: mrkdwn`There is nobody to remind of ${releaseKey(release)} now${away.length === 0 ? '' : mrkdwn`: ${people(away.slice(0, 8))} ${away.length === 1 ? 'is' : 'are'} away`}.`,
  }),
  snooze_too_long: ({ release, startsAt }, zone) => ({
    text: mrkdwn`${releaseKey(release)} begins ${date(new Date(startsAt), zone)}: later there is nothing left to decide.`,
    next: [button('release.review', 'Review', String(release), { style: 'primary' })],
  }),
  reviewed: ({ release, at }, zone) => ({
    text: mrkdwn`${releaseKey(release)} was reviewed ${date(new Date(at), zone)} already. Nothing was changed.`,
  }),
  not_as_planned: ({ release }) => ({
    text: mrkdwn`${releaseKey(release)} was rolled back, so it did not go as planned. Say what happened.`,
    next: [button('pir.open', 'Say what happened', String(release), { style: 'primary' })],
  }),
  proposal_over: ({ state }) => ({ text: mrkdwn`This proposal is settled (${state}). Nothing was changed.` }),
  own_team: ({ team }) => ({
    text: mrkdwn`You belong to team ${team}, so others have to decide on its policy (separation of duties).`,
  }),
  said_already: ({ choice }) => ({ text: mrkdwn`You said “${choice}” already. It stands.` }),
};

/** The words of a refusal alone, for a line that says what was in the way. */
export function refusedWords(refused: Refusal, zone: string): Mrkdwn {
  return (words[refused.code] as (refused: Refusal, zone: string, next: Next | undefined) => Words)(
    refused,
    zone,
    undefined,
  ).text;
}

/** The same without markup: for form errors and machines, which show text as it is. */
export function refusedText(refused: Refusal, zone: string): string {
  return refusedWords(refused, zone)
    .mrkdwn.replace(/<@[^>]+>/g, 'This person')
    .replace(/<!date\^[^|]*\|([^>]*)>/g, '$1')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/[`*]/g, '');
}

/** A refusal as an answer for the one person who asked. */
export function refusal(refused: Refusal, zone: string, next?: Next): View {
  const said = (words[refused.code] as (refused: Refusal, zone: string, next: Next | undefined) => Words)(
    refused,
    zone,
    next,
  );
  const blocks: KnownBlock[] = [section(said.text)];
  if (said.next && said.next.length > 0) blocks.push(actions(`next-${refused.code}`, said.next));
  return { text: said.text.mrkdwn, blocks };
}

/** Other times as buttons, the day at a glance, and the line. */
function nextButtons(next: Next | undefined, zone: string): Button[] {
  if (next?.draft === undefined) return [];
  const { offers, draft, canWait, verb } = next;
  return [
    ...offers
      .slice(0, 3)
      .map((offer, index) =>
        button(
          `slot.take${index}`,
          `${verb} ${dayAndTime(offer.startsAt, zone)}`,
          `${draft}|${offer.startsAt.toISOString()}`,
          index === 0 ? { style: 'primary' } : {},
        ),
      ),
    ...(canWait ? [button('line.join', 'Wait in line', draft)] : []),
  ];
}

function joinGates(gates: readonly { name: string; people: readonly string[] }[]): Mrkdwn {
  const parts = gates.map((gate) =>
    gate.people.length === 0 ? mrkdwn`${gate.name}` : mrkdwn`${gate.name} (${people(gate.people.slice(0, 8))})`,
  );
  return { mrkdwn: parts.map((part) => part.mrkdwn).join(', ') };
}
