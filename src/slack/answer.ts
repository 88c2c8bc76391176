import type { WebClient } from '@slack/web-api';
import { criteriaList, who, why } from '../../blocks/approval.ts';
import { bookingList } from '../../blocks/booking.ts';
import { calendar } from '../../blocks/calendar.ts';
import { digest, digestSilence } from '../../blocks/digest.ts';
import { exceptionList } from '../../blocks/exception.ts';
import { experimentList } from '../../blocks/experiment.ts';
import { freezeList } from '../../blocks/freeze.ts';
import { incidentQuestion } from '../../blocks/incident.ts';
import type { Mrkdwn, View } from '../../blocks/kit.ts';
import { list, panel } from '../../blocks/list.ts';
import { receipt } from '../../blocks/notice.ts';
import { actionList } from '../../blocks/pir.ts';
import { queueList } from '../../blocks/queue.ts';
import { refusal } from '../../blocks/refusal.ts';
import { details } from '../../blocks/release.ts';
import { canaryAnswer, checklist, knownErrorList, learnt, statusAnswer } from '../../blocks/room.ts';
import { say } from '../../blocks/sentence.ts';
import { serviceList } from '../../blocks/service.ts';
import { slots } from '../../blocks/slot.ts';
import { sentList, subscriptionList } from '../../blocks/subscription.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { trainList } from '../../blocks/train.ts';
import { trustList } from '../../blocks/trust.ts';
import { unbookedList } from '../../blocks/unbooked.ts';
import { help, helpVerb, helpWords, usage } from '../../blocks/usage.ts';
import { lineList } from '../../blocks/waiting-line.ts';
import { windowList } from '../../blocks/window.ts';
import about from '../../package.json' with { type: 'json' };
import { type Call, call } from '../commands/command.ts';
import { findVerb, verbs } from '../commands/index.ts';
import { moveCommand } from '../commands/move.ts';
import { plainContent, requestCommand } from '../commands/request.ts';
import type { Ctx } from '../ctx.ts';
import { mayRun } from '../domain/access.ts';
import type { EventOf } from '../domain/event.ts';
import type { FeedInput } from '../domain/feed.ts';
import { questionAbout } from '../domain/incident.ts';
import { nearest } from '../domain/nearest.ts';
import { budgetOf, quarterOf } from '../domain/pass.ts';
import { awayUntil, workHoursOf } from '../domain/prefs.ts';
import type { Question } from '../domain/question.ts';
import { releaseKey, unitsName } from '../domain/release.ts';
import type { RequestInput } from '../domain/request.ts';
import { minutesBetween, wallTime } from '../domain/time.ts';
import { isWorking } from '../domain/worktime.ts';
import type { Outcome } from '../run.ts';
import { lineOf, readerOf } from '../store/calendar.ts';
import { listExperiments } from '../store/experiment.ts';
import { findRelease } from '../store/facts.ts';
import { findDigest, isMuted, listDigests, listSubscriptions, loadSubscriber, sentTo } from '../store/follow.ts';
import { loadQueues } from '../store/home.ts';
import { loadIncident } from '../store/incident.ts';
import { calendarDays, listBookings, listFreezes, listTrains, listWindows } from '../store/planned.ts';
import { loadEverybody, loadExceptions } from '../store/policy.ts';
import {
  findReleaseProps,
  gateCosts,
  historyOf,
  listReleases,
  listServices,
  loadWorkspace,
  reviewsDue,
} from '../store/read.ts';
import { findRoomProps, knownErrorsOf, lessonsOf, openActions } from '../store/room.ts';
import { listTrust } from '../store/trust.ts';
import { listUnbooked } from '../store/unbooked.ts';
import { sendExport } from './flight.ts';
import { composeDigest } from './follow.ts';
import { draftOf, nextFor, offersFor } from './offer.ts';
import { answerReport } from './report.ts';

export const version = about.version;
const perPage = 10;

export type Asker = {
  readonly workspace: string;
  readonly person: string;
  /** IANA zone of the person, for what Slack cannot localise. */
  readonly zone: string;
  readonly command: string;
};

/** Answers a question with what is stored now. */
export async function answer(ctx: Ctx, client: WebClient, asker: Asker, question: Question): Promise<View> {
  const { workspace, person, command } = asker;
  const { zone } = await loadWorkspace(ctx.db, workspace);
  const now = ctx.now();
  const asked = { person, zone, today: wallTime(now, zone).date, now };
  switch (question.ask) {
    case 'panel': {
      const [waiting, mine, reviews] = await Promise.all([
        listReleases(ctx.db, workspace, { ...asked, filter: { kind: 'needs-me' }, take: 3, skip: 0 }),
        listReleases(ctx.db, workspace, { ...asked, filter: { kind: 'mine' }, take: 3, skip: 0 }),
        reviewsDue(ctx.db, workspace, person),
      ]);
      return panel(waiting, mine, { reviews, now, command });
    }
    case 'help': {
      if (question.topic === undefined) return help(verbs, command, version);
      if (question.topic === 'words') return helpWords();
      const found = findVerb(question.topic);
      if ('verb' in found) return helpVerb(found.verb, command);
      return usage({ code: 'unknown_verb', typed: question.topic, nearest: found.nearest }, undefined, command);
    }
    case 'list': {
      const page = { take: perPage, skip: (question.page - 1) * perPage };
      const found = await listReleases(ctx.db, workspace, { ...asked, ...page, filter: question.filter });
      return list({ ...found, page: question.page, perPage, command });
    }
    case 'show': {
      const release = await findReleaseProps(ctx.db, workspace, question.release);
      if (!release) return unknown(question.release, zone);
      const history = await historyOf(ctx.db, workspace, question.release);
      return details(
        release,
        history.map((event) => say(event, zone)),
      );
    }
    case 'why': {
      const release = await findReleaseProps(ctx.db, workspace, question.release);
      if (!release) return unknown(question.release, zone);
      return why(release, await gateCosts(ctx.db, workspace, release.policy, now));
    }
    case 'who': {
      const release = await findReleaseProps(ctx.db, workspace, question.release);
      return release ? answerWho(ctx, workspace, release) : unknown(question.release, zone);
    }
    case 'criteria': {
      const release = await findReleaseProps(ctx.db, workspace, question.release);
      return release ? criteriaList(release) : unknown(question.release, zone);
    }
    case 'steps': {
      const room = await findRoomProps(ctx.db, workspace, question.release);
      return room ? checklist(room) : unknown(question.release, zone);
    }
    case 'status': {
      const room = await findRoomProps(ctx.db, workspace, question.release);
      return room ? statusAnswer(room) : unknown(question.release, zone);
    }
    case 'canary': {
      const room = await findRoomProps(ctx.db, workspace, question.release);
      if (!room) return unknown(question.release, zone);
      // The address is a secret: whoever has it can post samples.
      const mayPost = await mayRunNow(ctx, asker, question.release);
      return canaryAnswer(room, mayPost ? ctx.hooks?.samplesUrl(workspace, question.release) : undefined);
    }
    case 'export':
      return sendExport(ctx, client, asker, question.release);
    case 'actions': {
      const open = await openActions(ctx.db, workspace, question.release);
      return actionList(open, { reader: person, today: asked.today, command });
    }
    case 'known errors':
      return knownErrorList(await knownErrorsOf(ctx.db, workspace, []), zone);
    case 'exceptions': {
      const facts = await loadExceptions(readerOf(ctx.db), workspace, now);
      const quarter = quarterOf(now, zone);
      const budgets = facts.teams.map((team) => budgetOf(team, facts, quarter));
      return exceptionList(budgets, facts.past);
    }
    case 'trust': {
      const { teams, proposals } = await listTrust(readerOf(ctx.db), workspace);
      return trustList(teams, proposals);
    }
    case 'slots':
      return answerSlots(ctx, asker, question);
    case 'calendar': {
      const from = question.from ?? asked.today;
      const filter = question.filter ?? undefined;
      const known = filter === undefined ? [] : await namesOf(ctx, workspace);
      if (filter !== undefined && known.length > 0 && !known.includes(filter))
        return refusal({ code: 'unknown_scope', what: 'service or environment', name: filter, known }, zone);
      const days = await calendarDays(ctx.db, workspace, { from, days: question.span === 'day' ? 1 : 7, filter, now });
      return calendar({ days, span: question.span, filter, zone, command });
    }
    case 'windows':
      return windowList(await listWindows(ctx.db, workspace, now));
    case 'freezes':
      return freezeList(await listFreezes(ctx.db, workspace, ahead(now)), zone);
    case 'bookings':
      return bookingList(await listBookings(ctx.db, workspace, ahead(now)));
    case 'trains':
      return trainList(await listTrains(ctx.db, workspace, now));
    case 'line':
      return lineList(await lineOf(readerOf(ctx.db), workspace, person), zone);
    case 'report':
      return answerReport(ctx, client, asker, question.report);
    case 'unbooked': {
      const asked = { from: new Date(0), to: now, services: null, environment: null, take: 10 };
      return unbookedList(await listUnbooked(ctx.db, workspace, asked), zone, command);
    }
    case 'incident': {
      const facts = await loadIncident(readerOf(ctx.db), { workspace, now }, question.key);
      const asking = questionAbout(question.key, facts, now);
      if (!asking.ok) return refusal(asking.refusal, zone);
      return incidentQuestion(asking.reported, await releasesOf(ctx, workspace, asking.candidates));
    }
    case 'queues': {
      const { queues, inLine } = await loadQueues(ctx.db, workspace);
      return queueList(queues, inLine, zone, command);
    }
    case 'services':
      return serviceList(await listServices(ctx.db, workspace), command);
    case 'experiments':
      return experimentList(await listExperiments(ctx.db, workspace, { now, all: true }), command);
    case 'digest preview': {
      // What is not sent is not shown: this is the message itself, or why there would be none.
      const { channel, kind } = question;
      const plan = await findDigest(ctx.db, workspace, channel, kind);
      const { mutedUntil } = await loadSubscriber(readerOf(ctx.db), workspace, channel);
      if (isMuted(mutedUntil, now)) return digestSilence(kind, 'muted');
      const { props, isNews } = await composeDigest(ctx, workspace, { channel, kind, plan });
      return isNews || plan?.quiet === 'post' ? digest(props) : digestSilence(kind, 'nothing_new');
    }
    case 'subscriptions': {
      const { target } = question;
      const followed = await listSubscriptions(ctx.db, workspace, target);
      const digests = await listDigests(ctx.db, workspace, target);
      return subscriptionList({ target, ...followed, digests, now, zone });
    }
    case 'sent':
      return sentList(question.target, await sentTo(ctx.db, workspace, question.target), zone);
  }
}

/** Who is still needed: names with their local time, who is away, and since when they were asked. */
async function answerWho(ctx: Ctx, workspace: string, release: ReleaseProps): Promise<View> {
  const ids = [...new Set(release.gates.flatMap((gate) => [...gate.asked, ...gate.escalatedTo]))].slice(0, 40);
  const needs = { people: ids, usergroups: [], channels: [] };
  const directory = await ctx.directory.lookup(workspace, needs, 10 * 60_000);
  const prefs = await loadEverybody(readerOf(ctx.db), workspace);
  const now = ctx.now();
  const people = ids.map((id) => ({
    id,
    zone: workHoursOf(id, prefs, directory).zone,
    isWorking: isWorking(workHoursOf(id, prefs, directory), now),
    isAway: awayUntil(id, prefs, directory, now) !== undefined,
  }));
  return who(release, people, now);
}

/** The next best times, each with a button that books, or moves, or fills the form. */
async function answerSlots(ctx: Ctx, asker: Asker, { of, from }: Extract<Question, { ask: 'slots' }>): Promise<View> {
  const { workspace, zone } = asker;
  const start = from === null ? ctx.now() : new Date(from);
  if (of.kind === 'release') {
    const release = await findReleaseProps(ctx.db, workspace, of.release);
    if (!release) return unknown(of.release, zone);
    const what = call(moveCommand, { release: of.release, startsAt: null, minutes: null, needs: null });
    const offers = await offersFor(ctx, asker, what, start, 6);
    const take = { action: 'slot.take', label: 'Move here', value: await draftOf(ctx, asker, what) };
    const minutes = minutesBetween(release.startsAt, release.endsAt);
    const name = `${releaseKey(release.number)} ${unitsName(release.units)}`;
    return slots({ what: name, minutes, environment: release.environment, offers, zone, now: ctx.now(), take });
  }
  const known = (await listServices(ctx.db, workspace)).map((service) => service.key);
  const environments = (await namesOf(ctx, workspace)).filter((name) => !known.includes(name));
  if (environments.length > 0 && !environments.includes(of.environment))
    return refusal({ code: 'unknown_scope', what: 'environment', name: of.environment, known: environments }, zone);
  const strange = of.services.find((service) => known.length > 0 && !known.includes(service));
  if (strange)
    return refusal({ code: 'unknown_service', name: strange, nearest: nearest(strange, known) ?? null, known }, zone);
  const wish = call(requestCommand, {
    units: of.services.map((service) => ({ service, version: '?' })),
    environment: of.environment,
    startsAt: start.toISOString(),
    minutes: of.minutes,
    changeType: of.changeType,
    summary: '',
    rollbackPlan: '',
    lead: asker.person,
    dependsOn: [],
    ...plainContent,
    train: null,
    fallbackChannel: null,
  });
  const offers = await offersFor(ctx, asker, wish, start, 6);
  const take = { action: 'slot.form', label: 'Request…', value: await draftOf(ctx, asker, wish) };
  return slots({
    what: of.services.join(' + '),
    minutes: of.minutes,
    environment: of.environment,
    offers,
    zone,
    now: ctx.now(),
    take,
  });
}

/**
 * What the person who changed something is told: only what is committed. `what` is the call, for the next best times and
 * for a secret that is told only once.
 */
export async function tell(
  ctx: Ctx,
  asker: Asker,
  outcome: Outcome,
  what?: Call,
  feedUrl?: (token: string) => string,
): Promise<View> {
  if (!outcome.ok) return refusal(outcome.refusal, asker.zone, await nextFor(ctx, asker, outcome.refusal, what));
  const { zone } = await loadWorkspace(ctx.db, asker.workspace);
  const event =
    outcome.events.find(
      (one) => !['service.named', 'feed.closed', 'line.taken', 'swap.accepted', 'code.used'].includes(one.body.type),
    ) ?? outcome.events[0];
  if (!event) return { text: 'Nothing had to be changed.', blocks: [] };
  let release: ReleaseProps | undefined;
  if ('release' in event.body) release = await findReleaseProps(ctx.db, asker.workspace, event.body.release);
  if (event.body.type === 'feed.opened' && what && feedUrl) {
    const { token, tokenHash } = what.input as FeedInput;
    // A repeated click made a new secret that was never recorded: the first one stays the right one.
    const feed = tokenHash === event.body.tokenHash ? feedUrl(token) : 'shown before: ask again for a new one';
    return receipt(event, release, zone, { feed });
  }
  if (event.body.type === 'release.requested') {
    const services = event.body.units.map((unit) => unit.service);
    return receipt(event, release, zone, { learnt: await learntOf(ctx, asker.workspace, services) });
  }
  if (event.body.type === 'incident.reported') return askWhichRelease(ctx, asker, event.body);
  return receipt(event, release, zone);
}

/** Was it one of these? Each with what is known of it now. */
async function askWhichRelease(ctx: Ctx, { workspace }: Asker, reported: EventOf<'incident.reported'>): Promise<View> {
  return incidentQuestion(reported, await releasesOf(ctx, workspace, reported.candidates));
}

/** Each with what is known of it now, in the order that was given. */
async function releasesOf(ctx: Ctx, workspace: string, numbers: readonly number[]): Promise<ReleaseProps[]> {
  const found = await Promise.all(numbers.map((number) => findReleaseProps(ctx.db, workspace, number)));
  return found.flatMap((one) => one ?? []);
}

/** Lessons of the last reviews of these services, and their open known errors. */
export async function learntOf(ctx: Ctx, workspace: string, services: readonly string[]): Promise<Mrkdwn[]> {
  return learnt(await lessonsOf(ctx.db, workspace, services), await knownErrorsOf(ctx.db, workspace, services));
}

/** Other times for something that waits to be confirmed. */
export async function otherTimes(ctx: Ctx, asker: Asker, what: Call, from: Date, draft: string): Promise<View> {
  const { units, environment = '', minutes = 0 } = what.input as Partial<RequestInput>;
  const offers = await offersFor(ctx, asker, what, from, 6);
  const name = units ? unitsName(units) : 'it';
  return slots({
    what: name,
    minutes,
    environment,
    offers,
    zone: asker.zone,
    now: ctx.now(),
    take: { action: 'slot.take', label: 'Take it', value: draft },
  });
}

/** Services and environments. */
async function namesOf(ctx: Ctx, workspace: string): Promise<string[]> {
  const services = await listServices(ctx.db, workspace);
  return [...new Set(services.flatMap((service) => [service.key, ...service.environments]))].sort();
}

async function mayRunNow(ctx: Ctx, { workspace, person }: Asker, release: number): Promise<boolean> {
  const facts = await findRelease(readerOf(ctx.db), { workspace, actor: person, now: ctx.now() }, release);
  return facts !== undefined && mayRun(facts.release, person, facts.roles);
}

function ahead(now: Date): { from: Date; to: Date } {
  return { from: now, to: new Date(now.getTime() + 400 * 86_400_000) };
}

function unknown(number: number, zone: string): View {
  return refusal({ code: 'not_found', what: 'release', name: `REL-${number}` }, zone);
}
