import type { ModalView } from '@slack/types';
import type { WebClient } from '@slack/web-api';
import { Secret } from 'otpauth';
import { enrolForm, evidenceForm } from '../../blocks/code.ts';
import { delegateForm } from '../../blocks/delegate.ts';
import { digestForm } from '../../blocks/digest.ts';
import { exceptionForm } from '../../blocks/exception.ts';
import { experimentForm } from '../../blocks/experiment.ts';
import { fault } from '../../blocks/fault.ts';
import { freezeForm } from '../../blocks/freeze-form.ts';
import { incidentForm } from '../../blocks/incident.ts';
import { mrkdwn, type View } from '../../blocks/kit.ts';
import { answer as answerModal, message, noteForm, skeleton } from '../../blocks/modal.ts';
import { overrideForm } from '../../blocks/override.ts';
import { actionRows, pirForm } from '../../blocks/pir.ts';
import { coverForm, prefsForm } from '../../blocks/prefs.ts';
import { refusal, refusedText } from '../../blocks/refusal.ts';
import { asksAgain, editForm, type RequestDraft, requestForm } from '../../blocks/request.ts';
import { changesSince, reviewForm } from '../../blocks/review.ts';
import { handoverForm, reasonForm, rollbackForm, statusForm } from '../../blocks/room.ts';
import { subscribeForm } from '../../blocks/subscription.ts';
import { closesAt, type ReleaseProps } from '../../blocks/summary.ts';
import { changeCommand } from '../commands/change.ts';
import { enrolCodeCommand } from '../commands/code.ts';
import type { Call, Form } from '../commands/command.ts';
import { call, slug } from '../commands/command.ts';
import { tickCommand } from '../commands/criterion.ts';
import { loadStart, noteCommand, rollbackCommand } from '../commands/deploy.ts';
import { subscribeCommand, unsubscribeCommand } from '../commands/digest.ts';
import { exceptionCommand } from '../commands/exception.ts';
import { concludeExperimentCommand } from '../commands/experiment.ts';
import { addFreezeCommand, recurrenceOf } from '../commands/freeze.ts';
import { readServices, reportIncidentCommand } from '../commands/incident.ts';
import { overrideCommand } from '../commands/override.ts';
import { pirCommand } from '../commands/pir.ts';
import { prefsCommand } from '../commands/prefs.ts';
import { readNeeds, readUnits, requestCommand } from '../commands/request.ts';
import { followCommand, offerRoleCommand, statusCommand, stepCommand, voiceCommand } from '../commands/room.ts';
import { addSubscriptionCommand, readTopics } from '../commands/subscription.ts';
import { commentCommand, delegateCommand, voteCommand } from '../commands/vote.ts';
import { type Ctx, reported } from '../ctx.ts';
import { type Prefs, VoteChoice } from '../domain/approval.ts';
import { Freeze } from '../domain/calendar.ts';
import { enrolmentUri } from '../domain/code.ts';
import { migrations } from '../domain/content.ts';
import type { Refusal, RefusalCode } from '../domain/decision.ts';
import { SubscribeInput, usualContent } from '../domain/digest.ts';
import { ConcludeInput, experimentKey } from '../domain/experiment.ts';
import { DigestKind, DigestSection } from '../domain/follow.ts';
import { legible, readLine } from '../domain/line.ts';
import { rulesAgainst } from '../domain/override.ts';
import { ReviewInput } from '../domain/pir.ts';
import { changeTypes } from '../domain/policy.ts';
import { readDays, readRule } from '../domain/recurrence.ts';
import { releaseKey } from '../domain/release.ts';
import type { RequestInput } from '../domain/request.ts';
import { OfferedRole } from '../domain/room.ts';
import { readScope, scopeOptions } from '../domain/scope.ts';
import { Health } from '../domain/status.ts';
import { isZone, minutesBetween } from '../domain/time.ts';
import { mayDecide, notEligible, ownGates, voteNeeds } from '../domain/vote.ts';
import { usualHours } from '../domain/worktime.ts';
import { rehearse } from '../run.ts';
import { readerOf } from '../store/calendar.ts';
import { findDraft } from '../store/draft.ts';
import { findExperiment } from '../store/experiment.ts';
import { findRelease, keepCredential, loadCodes, loadPrefs } from '../store/facts.ts';
import { findDigest } from '../store/follow.ts';
import { askedAgainAs, findReleaseProps, historyOf, listServices, loadWorkspace, unitsAround } from '../store/read.ts';
import { loadRoomProps } from '../store/room.ts';
import { isRefused } from './client.ts';
import { admit, fallbackFor } from './line.ts';

/*
 * Modals: opened as a skeleton within Slack's three seconds, filled a moment later, read back into commands.
 */

/** Opens a form for a full member; anybody else gets the refusal back as an answer. Without a trigger nothing can open. */
export async function openForm(
  ctx: Ctx,
  client: WebClient,
  asker: { workspace: string; person: string; triggerId: string | undefined },
  form: Form,
): Promise<View | undefined> {
  const admitted = await admit(ctx, asker.workspace, asker.person, 'members');
  if (!admitted.ok) return refusal(admitted.refusal, (await loadWorkspace(ctx.db, asker.workspace)).zone);
  if (!asker.triggerId) return undefined;
  const opened = await client.views
    .open({ trigger_id: asker.triggerId, view: skeleton(titleOf(form)) })
    .catch((error: unknown) => {
      // It came twice: the other one opened it.
      if (!isRefused(error, 'exchanged_trigger_id')) throw error;
    });
  const { zone } = admitted.person;
  if (!opened?.view?.id) return undefined;
  // Nobody is left in front of a form that says it is loading.
  const view = await fillForm(ctx, { ...asker, zone }, form).catch((error: unknown) =>
    sayInModal('Maitred', fault('form', reported(ctx, error, 'a form could not be filled'))),
  );
  await replaceModal(client, opened.view.id, view);
  return undefined;
}

/** Puts `view` in the place of an open modal; whoever closed it meanwhile wants none. */
export async function replaceModal(client: WebClient, id: string, view: ModalView): Promise<void> {
  await client.views.update({ view_id: id, view }).catch((error: unknown) => {
    if (!isRefused(error, 'not_found')) throw error;
  });
}

function titleOf(form: Form): string {
  switch (form.kind) {
    case 'request':
    case 'again':
      return 'Request a release';
    case 'review':
      return `Review REL-${form.release}`;
    case 'note':
      return `Note on REL-${form.release}`;
    case 'freeze':
      return 'Declare a freeze';
    case 'delegate':
      return `Delegate REL-${form.release}`;
    case 'exception':
    case 'pass':
      return 'Ask for an exception';
    case 'override':
      return `Override REL-${form.release}`;
    case 'edit':
      return `Change REL-${form.release}`;
    case 'pir':
      return `How did REL-${form.release} go?`;
    case 'evidence':
      return `Tick for REL-${form.release}`;
    case 'handover':
      return `Hand over REL-${form.release}`;
    case 'status':
      return `Status of REL-${form.release}`;
    case 'rollback':
      return `Roll back REL-${form.release}?`;
    case 'step':
    case 'nogo':
      return `Step ${form.step}`;
    case 'digest':
      return 'Digest';
    case 'subscribe':
      return 'Follow a service';
    case 'prefs':
      return 'Preferences';
    case 'cover':
      return form.part === 'delegate' ? 'Set delegate' : 'Snooze all';
    case 'stepup':
      return 'One-time codes';
    case 'incident':
      return 'Report an incident';
    case 'experiment':
      return `Conclude ${experimentKey(form.experiment)}`;
  }
}

async function fillForm(
  ctx: Ctx,
  { workspace, person, zone }: { workspace: string; person: string; zone: string },
  form: Form,
): Promise<ModalView> {
  const no = (refused: Refusal) => answerModal('Maitred', refusal(refused, zone));
  /** What a submission would be refused for, whatever is filled in; `expected` says that only the filling is missing. */
  const against = async (what: Call, expected: readonly RefusalCode[]): Promise<ModalView | undefined> => {
    const by = { workspace, actor: { kind: 'person' as const, id: person } };
    const decision = await rehearse(ctx, what.command, what.input, by);
    return decision.ok || expected.includes(decision.refusal.code) ? undefined : no(decision.refusal);
  };
  switch (form.kind) {
    case 'note':
      return noteForm(form.release);
    case 'digest': {
      const plan = await findDigest(ctx.db, workspace, form.channel, form.of);
      const days = form.of === 'weekly' ? [1] : [1, 2, 3, 4, 5];
      return digestForm({ ...usualContent, at: '09:30', zone, days, ...plan, kind: form.of }, form.channel);
    }
    case 'subscribe':
      return subscribeForm(form.target);
    case 'freeze':
      return freezeForm({ channel: form.channel, zone });
    case 'delegate': {
      // Handing it to oneself is refused last: whatever else stands against it is said before the form opens.
      const refused = await against(call(delegateCommand, { release: form.release, to: person }), ['delegate_unfit']);
      return refused ?? delegateForm(form.release);
    }
    case 'exception':
      return exceptionForm({ release: form.release });
    case 'pass':
      return exceptionForm({ draft: form.draft });
    case 'pir': {
      const review = ReviewInput.parse({ release: form.release, outcome: 'minor', text: '?' });
      const refused = await against(call(pirCommand, review), []);
      const release = await findReleaseProps(ctx.db, workspace, form.release);
      return refused ?? pirForm(form.release, release?.state === 'done');
    }
    case 'rollback': {
      const back = call(rollbackCommand, { release: form.release, reason: '' });
      return (await against(back, [])) ?? rollbackForm(await loadRoomProps(ctx.db, workspace, form.release));
    }
    case 'handover': {
      // Handing it to oneself is refused last.
      const own = { release: form.release, role: 'lead' as const, to: person, note: '?' };
      const refused = await against(call(offerRoleCommand, own), ['offer_unfit', 'no_room', 'lead_voted']);
      return refused ?? handoverForm(await loadRoomProps(ctx.db, workspace, form.release));
    }
    case 'status': {
      const said = { release: form.release, health: 'on_track' as const, text: '?' };
      return (await against(call(statusCommand, said), [])) ?? statusForm(form.release);
    }
    case 'step':
    case 'nogo': {
      const { release, step, attempt } = form;
      const about = { release, step, attempt };
      const what =
        form.kind === 'nogo'
          ? call(voiceCommand, { ...about, choice: 'nogo', reason: '?' })
          : call(stepCommand, { ...about, do: form.do, note: '?' });
      const refused = await against(what, []);
      if (refused) return refused;
      const { steps } = await loadRoomProps(ctx.db, workspace, release);
      const title = steps.find((one) => one.key === step)?.title ?? '';
      return reasonForm({ ...about, do: form.kind === 'nogo' ? 'nogo' : form.do }, title);
    }
    case 'prefs': {
      const { prefs } = await loadPrefs(readerOf(ctx.db), workspace, person);
      return prefsForm(prefs, zone, await findDigest(ctx.db, workspace, person, 'daily'), ctx.now());
    }
    case 'cover': {
      const { prefs } = await loadPrefs(readerOf(ctx.db), workspace, person);
      return coverForm(form.part, prefs, ctx.now());
    }
    case 'stepup': {
      const by = { workspace, actor: person, now: ctx.now() };
      const { codes } = await loadCodes(readerOf(ctx.db), by, { person });
      return codes.secret === undefined ? stepUpForm(ctx, workspace, person) : no({ code: 'code_enrolled' });
    }
    case 'incident':
      return incidentForm({ note: form.note, link: form.link, services: '' });
    case 'experiment': {
      const { experiment, outcome } = form;
      const words = { experiment, outcome: 'kept' as const, words: '?', until: null };
      const refused = await against(call(concludeExperimentCommand, words), []);
      if (refused) return refused;
      const found = await findExperiment(ctx.db, workspace, experiment, ctx.now());
      return found ? experimentForm(found, outcome) : no({ code: 'unknown_experiment', experiment, known: [] });
    }
    case 'evidence': {
      const release = await findReleaseProps(ctx.db, workspace, form.release);
      const criterion = release?.criteria.find((one) => one.key === form.criterion);
      return evidenceForm(form.release, form.criterion, criterion?.title ?? 'Evidence');
    }
    case 'override': {
      const release = await findReleaseProps(ctx.db, workspace, form.release);
      if (!release) return no({ code: 'not_found', what: 'release', name: `REL-${form.release}` });
      const nothing = { release: form.release, rule: '', reason: '?', second: person };
      const refused = await against(call(overrideCommand, nothing), ['unknown_rule']);
      if (refused) return refused;
      const by = { workspace, actor: person, now: ctx.now() };
      const loaded = await loadStart(readerOf(ctx.db), by, { release: form.release });
      return overrideForm(release, loaded.ok ? rulesAgainst(loaded.facts, ctx.now()) : []);
    }
    case 'edit': {
      const release = await findReleaseProps(ctx.db, workspace, form.release);
      if (!release) return no({ code: 'not_found', what: 'release', name: `REL-${form.release}` });
      const same = { release: form.release, revision: null, change: {} };
      const refused = await against(call(changeCommand, same), ['nothing_changed']);
      return refused ?? editForm(release.number, release.revision, draftOfRelease(release));
    }
    case 'again': {
      const release = await findReleaseProps(ctx.db, workspace, form.release);
      if (!release) return no({ code: 'not_found', what: 'release', name: `REL-${form.release}` });
      const as = await askedAgainAs(ctx.db, workspace, form.release);
      if (as !== undefined) return no({ code: 'asked_again', release: form.release, as });
      return requestForm(draftAgain(release, ctx.now()), await environmentsOf(ctx, workspace), asksAgain(release));
    }
    case 'request': {
      const { draft } = form;
      const [first, ...others] = draft.units;
      const filled: RequestDraft = {
        ...blankDetails,
        auto: draft.auto,
        service: first?.service ?? '',
        version: first?.version ?? '',
        others: others.map((unit) => `${unit.service}@${unit.version}`).join(' '),
        summary: draft.summary,
        startsAt: draft.startsAt,
        minutes: draft.minutes,
        environment: draft.environment,
        changeType: draft.changeType,
        rollbackPlan: '',
        lead: person,
        needs: draft.needs.map(releaseKey).join(' '),
        channel: draft.channel,
      };
      return requestForm(filled, await environmentsOf(ctx, workspace));
    }
    case 'review': {
      const release = await findReleaseProps(ctx.db, workspace, form.release);
      if (!release) return no({ code: 'not_found', what: 'release', name: `REL-${form.release}` });
      const waiting = release.gates.filter((gate) => !gate.met).map((gate) => gate.name);
      const closed = mayDecide(release, person, waiting);
      if (closed) return no(closed);
      const by = { workspace, actor: person, now: ctx.now() };
      const facts = await findRelease(readerOf(ctx.db), by, form.release);
      if (!facts) return no({ code: 'not_found', what: 'release', name: `REL-${form.release}` });
      // A hint for the form only: whether this person may vote is judged anew when the vote arrives.
      const needs = voteNeeds(facts);
      const directory = await ctx.directory.lookup(workspace, { ...needs, people: [...needs.people, person] }, 5_000);
      const own = ownGates(facts, person, { directory });
      if (own.length === 0) return no(notEligible(facts, person, { directory }));
      const gates = own.map((one) => one.gate);
      const votes = release.gates.flatMap((gate) => gate.votes);
      const { zone } = directory.people[person] ?? release;
      // One zone in one form: the reader's.
      return reviewForm(
        { ...release, zone },
        {
          gates,
          principals: [...new Set(own.flatMap((one) => one.seats))].filter((seat) => seat !== person),
          earlier: votes.find((vote) => vote.voter === person),
          changed: changesSince(await historyOf(ctx.db, workspace, form.release), person, zone),
          stepUp: release.gates.some((gate) => gate.rule.step_up && gates.includes(gate.name)),
          minutesLeft: Math.max(0, minutesBetween(ctx.now(), closesAt(release))),
          units: await unitsAround(ctx.db, workspace, release),
        },
      );
    }
  }
}

/** A fresh secret, sealed and kept until a code proves that the authenticator has it. */
async function stepUpForm(ctx: Ctx, workspace: string, person: string): Promise<ModalView> {
  if (!ctx.vault)
    return sayInModal('One-time codes', {
      text: 'One-time codes cannot be set up here: there is no SECRET_KEY.',
      blocks: [],
    });
  // 160 random bits, as RFC 4226 asks for.
  const secret = new Secret({ size: 20 }).base32;
  const id = ctx.newId();
  await keepCredential(ctx.db, workspace, { id, person, secret: ctx.vault.seal(secret) }, ctx.now());
  return enrolForm(id, secret, enrolmentUri(secret, person));
}

const blankDetails = { rollbackTested: false, migration: 'none', scope: '', owner: '', links: '' };

function draftOfRelease(release: ReleaseProps): RequestDraft {
  const [first, ...others] = release.units;
  return {
    service: first?.service ?? '',
    version: first?.version ?? '',
    others: others.map((unit) => `${unit.service}@${unit.version}`).join(' '),
    summary: release.summary,
    startsAt: release.startsAt,
    minutes: minutesBetween(release.startsAt, release.endsAt),
    environment: release.environment,
    changeType: release.changeType,
    rollbackPlan: release.rollbackPlan,
    rollbackTested: release.rollbackTested,
    migration: release.migration,
    scope: release.scope.map((item) => `${item.title} ${item.link}`.trim()).join('\n'),
    owner: release.scope.find((item) => item.owner !== null)?.owner ?? '',
    links: release.links.join(' '),
    lead: release.lead,
    needs: release.dependsOn.map(releaseKey).join(' '),
    auto: release.auto,
    channel: release.channel,
  };
}

/** The same content once more, at a time that is still to come. */
function draftAgain(release: ReleaseProps, now: Date): RequestDraft {
  return { ...draftOfRelease(release), startsAt: release.startsAt > now ? release.startsAt : undefined };
}

export async function environmentsOf(ctx: Ctx, workspace: string): Promise<string[]> {
  const services = await listServices(ctx.db, workspace);
  const all = [...new Set(services.flatMap((service) => service.environments))];
  return all.length === 0 ? ['production', 'staging'] : all.sort();
}

/** A submitted form: a command to run, one to confirm first, or what is wrong with which input. */
export type Submitted =
  | {
      readonly call: Call;
      readonly draft?: RequestDraft;
      readonly confirm?: true /** Done as well, once the first is. */;
      readonly also?: Call;
    }
  | { readonly errors: Readonly<Record<string, string>> };
type Values = Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;
export type Submission = { callback_id: string; private_metadata: string; state: { values: Values } };

/** `startsAt` overrides the form's own time: a button next to a free one was clicked. */
export async function readForm(
  client: WebClient,
  view: Submission,
  person: string,
  startsAt?: string,
): Promise<Submitted> {
  const { checked, text, picked, time, values, isTicked } = fieldsOf(view);
  const about = JSON.parse(view.private_metadata || '{}') as {
    release?: number;
    revision?: number;
    channel?: string | null;
    zone?: string;
    criterion?: string;
    credential?: string;
    step?: string;
    attempt?: number;
    do?: 'fail' | 'skip' | 'nogo';
    link?: string;
    experiment?: number;
  };
  const release = about.release ?? 0;
  switch (view.callback_id) {
    case 'note.v1':
      return { call: call(noteCommand, { release, text: text('note') }) };
    case 'review.v1': {
      const [comment, unblock, decision] = [text('comment'), text('unblock'), picked('decision')];
      if (decision === 'comment')
        return comment === ''
          ? { errors: { comment: 'Say something.' } }
          : { call: call(commentCommand, { release, text: comment }) };
      const choice = VoteChoice.safeParse(decision);
      if (!choice.success) return { errors: { decision: 'Choose one.' } };
      if (choice.data === 'condition' && comment === '') return { errors: { comment: 'Say what the condition is.' } };
      if (choice.data === 'reject' && comment === '') return { errors: { comment: 'Say why it must not ship.' } };
      if (choice.data === 'block' && comment === '') return { errors: { comment: 'Say what is wrong.' } };
      if (choice.data === 'block' && unblock === '') return { errors: { unblock: 'Say what would unblock this.' } };
      const vote = {
        release,
        revision: about.revision ?? 0,
        choice: choice.data,
        comment,
        unblock,
        code: text('code'),
      };
      const follow = isTicked('follow') ? { also: call(followCommand, { release, follow: true }) } : {};
      return { call: call(voteCommand, vote), ...follow };
    }
    case 'incident.v1': {
      if (text('key') === '') return { errors: { key: 'Say what it is called, like INC-77.' } };
      const services = readServices(text('services'));
      const said = { key: text('key'), note: text('note'), link: (about.link ?? '').slice(0, 500), services };
      return { call: call(reportIncidentCommand, said) };
    }
    case 'experiment.v1': {
      const outcome = ConcludeInput.shape.outcome.safeParse(picked('outcome'));
      if (!outcome.success) return { errors: { outcome: 'Choose one.' } };
      const day = String(values('until')?.selected_date ?? '');
      if (outcome.data === 'extended' && day === '') return { errors: { until: 'Say until when.' } };
      const until = outcome.data === 'extended' ? day : null;
      const said = { experiment: about.experiment ?? 0, outcome: outcome.data, words: text('words'), until };
      return { call: call(concludeExperimentCommand, said) };
    }
    case 'rollback.v1':
      return { call: call(rollbackCommand, { release, reason: text('reason') }) };
    case 'handover.v1': {
      const role = OfferedRole.safeParse(picked('role'));
      if (!role.success) return { errors: { role: 'Choose one.' } };
      const to = String(values('to')?.selected_user ?? '');
      if (role.data === 'operations' && text('note') === '') return { errors: { note: 'Say what they have to know.' } };
      return { call: call(offerRoleCommand, { release, role: role.data, to, note: text('note') }) };
    }
    case 'status.v1': {
      const health = Health.safeParse(picked('health'));
      if (!health.success) return { errors: { health: 'Choose one.' } };
      return { call: call(statusCommand, { release, health: health.data, text: text('text') }) };
    }
    case 'step.v1': {
      const { step = '', attempt = 0, do: what = 'fail' } = about;
      return what === 'nogo'
        ? { call: call(voiceCommand, { release, step, attempt, choice: 'nogo', reason: text('reason') }) }
        : { call: call(stepCommand, { release, step, attempt, do: what, note: text('reason') }) };
    }
    case 'delegate.v1':
      return { call: call(delegateCommand, { release, to: String(values('to')?.selected_user ?? '') }) };
    case 'exception.v1':
      return { call: call(exceptionCommand, { release, reason: text('reason') }) };
    case 'override.v1': {
      const second = String(values('second')?.selected_user ?? '');
      return { call: call(overrideCommand, { release, rule: picked('rule'), reason: text('reason'), second }) };
    }
    case 'pir.v1': {
      const outcome = ReviewInput.shape.outcome.safeParse(picked('outcome'));
      if (!outcome.success) return { errors: { outcome: 'Choose one.' } };
      if (outcome.data !== 'as_planned' && text('text') === '') return { errors: { text: 'Say what happened.' } };
      const impact = text('impact');
      if (!/^\d{0,5}$/.test(impact)) return { errors: { impact: 'Write minutes as a number, like 12, or nothing.' } };
      const actions = actionRows.map((row) => ({
        row,
        text: text(`action${row}`),
        owner: String(values(`owner${row}`)?.selected_user ?? person),
        due: String(values(`due${row}`)?.selected_date ?? ''),
      }));
      const undated = actions.find((one) => one.text !== '' && one.due === '');
      if (undated) return { errors: { [`due${undated.row}`]: 'Say until when.' } };
      const review = {
        release,
        outcome: outcome.data,
        text: text('text'),
        detectedBy: text('detected'),
        impactMinutes: impact === '' ? null : Number(impact),
        helped: text('helped'),
        hindered: text('hindered'),
        again: ReviewInput.shape.again.parse(picked('again')),
        actions: actions.filter((one) => one.text !== '').map(({ row: _row, ...action }) => action),
      };
      return { call: call(pirCommand, review) };
    }
    case 'evidence.v1':
      return /^https?:\/\/\S+$/.test(text('link'))
        ? { call: call(tickCommand, { release, criterion: about.criterion ?? '', evidence: text('link'), tick: true }) }
        : { errors: { link: 'Write a link that begins with https://.' } };
    case 'stepup.v1':
      return { call: call(enrolCodeCommand, { credential: about.credential ?? '', code: text('code') }) };
    case 'prefs.v1':
      return readPrefs(view, person);
    case 'cover.v1':
      return readCover(view);
    case 'digest.v1':
      return readDigest(view);
    case 'subscribe.v1': {
      const topics = readTopics([...checked('topics'), ...checked('details')]);
      if (topics.length === 0) return { errors: { topics: 'Choose at least one.' } };
      const scope = readScope({ svc: picked('service') });
      return { call: call(addSubscriptionCommand, { target: about.channel ?? null, scope, topics }) };
    }
    case 'edit.v1': {
      const draft = readDraft(view, person);
      const read = readDetails(draft);
      if ('errors' in read) return read;
      const { units, ...content } = read;
      const change = {
        ...content,
        units,
        changeType: changeTypes.find((type) => type === draft.changeType) ?? 'normal',
        summary: draft.summary,
        rollbackPlan: draft.rollbackPlan,
        lead: draft.lead,
      };
      return { call: call(changeCommand, { release, revision: about.revision ?? null, change }) };
    }
    case 'freeze.v1': {
      const [from, until] = [time('from'), time('until')];
      if (!from) return { errors: { from: 'Choose a date and a time.' } };
      if (!until || until <= from) return { errors: { until: 'It has to end after it begins.' } };
      const rule = readRule(picked('repeats')) ?? null;
      const line = readLine(text('scope'));
      const strange = [...line.words, ...Object.keys(line.options).filter((name) => !scopeOptions.includes(name))][0];
      if (strange !== undefined)
        return { errors: { scope: `I did not understand “${strange}”. Write it like env:production svc:payments.` } };
      const zone = about.zone ?? 'UTC';
      const exempt = changeTypes.filter((type) => type === picked('exempt'));
      const freeze = {
        key: slug(text('name')),
        name: text('name'),
        level: picked('level') === 'warn' ? ('warn' as const) : ('hard' as const),
        scope: readScope(line.options),
        owners: null,
        exempt,
        message: text('message'),
        recurrence: recurrenceOf(from, until, zone, rule),
        zone,
      };
      const length = Freeze.shape.recurrence.safeParse(freeze.recurrence);
      if (!length.success) return { errors: { until: 'A freeze lasts between five minutes and ninety days.' } };
      return { call: call(addFreezeCommand, { freeze, channel: about.channel ?? null }), confirm: true };
    }
    case 'request.v1': {
      const draft = readDraft(view, person);
      const details = readDetails(draft);
      if ('errors' in details) return details;
      const needs = readNeeds(
        draft.needs
          .split(/[\s,]+/)
          .filter(Boolean)
          .join(',') || 'none',
      );
      if (!needs) return { errors: { needs: 'Write releases like REL-139 REL-140.' } };
      const at = startsAt ? new Date(startsAt) : draft.startsAt;
      if (!at) return { errors: { [blockOf(view, 'when')]: 'Choose a date and a time.' } };
      const input = {
        ...details,
        environment: draft.environment,
        startsAt: at.toISOString(),
        minutes: draft.minutes,
        changeType: changeTypes.find((type) => type === draft.changeType) ?? 'normal',
        summary: draft.summary,
        rollbackPlan: draft.rollbackPlan,
        lead: draft.lead,
        dependsOn: needs,
        auto: draft.auto,
        exception: null,
        train: null,
        fallbackChannel: await fallbackFor(client, draft.channel),
      };
      return { call: call(requestCommand, input), draft };
    }
    default:
      throw new Error(`no form is called ${view.callback_id}`);
  }
}

/** A request that waits in a draft, asked again with the reason why it should pass a freeze. */
export async function readPass(ctx: Ctx, workspace: string, view: Submission, person: string): Promise<Submitted> {
  const { draft: id = '' } = JSON.parse(view.private_metadata || '{}') as { draft?: string };
  const draft = await findDraft(ctx.db, workspace, id);
  const exception = fieldsOf(view).text('reason');
  if (draft?.person !== person || draft.command !== requestCommand.name)
    return { errors: { reason: 'This request is too old. Ask for it again.' } };
  if (exception === '') return { errors: { reason: 'Say why it cannot wait.' } };
  const input = { ...requestCommand.input.parse(draft.input), exception };
  return { call: call(requestCommand, input) };
}

/** What stands in the request form now, complete or not. */
export function readDraft(view: Submission, person: string): RequestDraft {
  const { text, picked, time, values, isTicked } = fieldsOf(view);
  const about = JSON.parse(view.private_metadata || '{}') as { channel?: string };
  return {
    service: picked('service'),
    version: text('version'),
    others: text('others'),
    summary: text('summary'),
    startsAt: time('when'),
    minutes: Number(picked('minutes')) || 45,
    environment: picked('environment'),
    changeType: picked('type'),
    rollbackPlan: text('rollback'),
    rollbackTested: isTicked('tested'),
    migration: picked('migration'),
    scope: text('scope'),
    owner: String(values('owner')?.selected_user ?? ''),
    links: text('links'),
    auto: isTicked('auto'),
    lead: String(values('lead')?.selected_user ?? person),
    needs: text('needs'),
    channel: about.channel ?? '',
  };
}

type Details = Pick<RequestInput, 'units' | 'rollbackTested' | 'migration' | 'scope' | 'links'>;

/** The inputs that request and edit share; or what is wrong with which of them. */
function readDetails(draft: RequestDraft): Details | { readonly errors: Readonly<Record<string, string>> } {
  const others = readUnits(draft.others);
  if ('bad' in others) return { errors: { others: `“${others.bad}” is not a service and a version, like web@88.` } };
  if (/\s/.test(draft.version)) return { errors: { version: 'A version has no spaces, like 2.14.0.' } };
  const links = draft.links.split(/\s+/).filter(Boolean);
  const bad = links.find((one) => !/^https?:\/\/\S+$/.test(one));
  if (bad !== undefined) return { errors: { links: `“${bad}” is no link. Write links that begin with https://.` } };
  const owner = draft.owner === '' ? null : draft.owner;
  const scope = draft.scope
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(0, 20)
    .map((line) => {
      const link = /https?:\/\/\S+/.exec(line)?.[0] ?? '';
      return { title: (line.replace(link, '').trim() || link).slice(0, 150), link: link.slice(0, 300), owner };
    });
  return {
    units: [{ service: draft.service, version: draft.version }, ...others.units],
    rollbackTested: draft.rollbackTested,
    migration: migrations.find((one) => one === draft.migration) ?? ('none' as const),
    scope,
    links: links.slice(0, 10).map((one) => one.slice(0, 300)),
  };
}

function readDigest(view: Submission): Submitted {
  const { text, picked, checked, values } = fieldsOf(view);
  const about = JSON.parse(view.private_metadata || '{}') as { channel?: string; kind?: string };
  const days = readDays(text('days'));
  if (!days) return { errors: { days: 'Write days like mon-fri or mon,wed,fri.' } };
  if (!isZone(text('zone'))) return { errors: { zone: 'Write a zone like Europe/Berlin.' } };
  const line = readLine(text('scope'));
  const strange = [...line.words, ...Object.keys(line.options).filter((name) => !scopeOptions.includes(name))][0];
  if (strange !== undefined)
    return { errors: { scope: `I did not understand “${strange}”. Write it like svc:payments team:search.` } };
  const sections = DigestSection.options.filter((one) => checked('sections').includes(one));
  if (sections.length === 0) return { errors: { sections: 'Choose at least one.' } };
  const plan = {
    channel: about.channel ?? null,
    kind: DigestKind.catch('daily').parse(about.kind),
    at: String(values('at')?.selected_time ?? ''),
    zone: text('zone'),
    days,
    scope: readScope(line.options),
    sections,
    quiet: picked('quiet') === 'post' ? ('post' as const) : ('silent' as const),
  };
  return { call: call(subscribeCommand, plan) };
}

/** Their own digest beside their preferences: a time switches it on, none switches it off; what else it is stays. */
function ownDigest(view: Submission, person: string, zone: string | null): Call | undefined {
  const about = JSON.parse(view.private_metadata || '{}') as { digest?: Partial<SubscribeInput> | null; zone?: string };
  const { digest: before } = about;
  const at = String(fieldsOf(view).values('digest')?.selected_time ?? '');
  if (at === (before?.at ?? '')) return undefined;
  if (at === '') return call(unsubscribeCommand, { channel: person, kind: 'daily' });
  const { days = [1, 2, 3, 4, 5], scope = usualContent.scope, sections = [...usualContent.sections] } = before ?? {};
  return call(
    subscribeCommand,
    SubscribeInput.parse({
      channel: person,
      kind: 'daily',
      at,
      zone: zone ?? before?.zone ?? about.zone ?? null,
      days,
      scope,
      sections,
      quiet: before?.quiet ?? usualContent.quiet,
    }),
  );
}

/** One part of the preferences. */
function readCover(view: Submission): Submitted {
  const { time } = fieldsOf(view);
  const { part } = JSON.parse(view.private_metadata || '{}') as { part?: string };
  if (part === 'delegate') {
    const read = readDelegate(view);
    if ('errors' in read) return read;
    return read.delegate === null
      ? { errors: { delegate: 'Say who votes for you.' } }
      : { call: call(prefsCommand, { prefs: { delegate: read.delegate } }) };
  }
  const until = time('snooze');
  return until
    ? { call: call(prefsCommand, { prefs: { snoozeUntil: until.toISOString() } }) }
    : { errors: { snooze: 'Say until when.' } };
}

function readDelegate(
  view: Submission,
): { readonly delegate: Prefs['delegate'] } | { readonly errors: Readonly<Record<string, string>> } {
  const { time, values } = fieldsOf(view);
  const to = String(values('delegate')?.selected_user ?? '');
  const [from, until] = [time('delegateFrom'), time('delegateUntil')];
  if (to === '') return { delegate: null };
  if (!from || !until)
    return { errors: { [blockOf(view, from ? 'delegateUntil' : 'delegateFrom')]: 'Say from when and until when.' } };
  return { delegate: { to, from: from.toISOString(), until: until.toISOString() } };
}

function readPrefs(view: Submission, person: string): Submitted {
  const { text, picked, time, values } = fieldsOf(view);
  const clock = (block: string) => String(values(block)?.selected_time ?? '');
  const days = readDays(text('days'));
  if (!days) return { errors: { days: 'Write days like mon-fri or mon,wed,fri.' } };
  if (clock('from') >= clock('to')) return { errors: { to: 'It has to end after it begins.' } };
  const zone = text('zone') === '' ? null : text('zone');
  if (zone !== null && !isZone(zone)) return { errors: { zone: 'Write a zone like Europe/Berlin, or nothing.' } };
  const read = readDelegate(view);
  if ('errors' in read) return read;
  const { delegate } = read;
  const dm = (['all', 'needed', 'none'] as const).find((one) => one === picked('dm')) ?? 'all';
  const work = { from: clock('from'), to: clock('to'), days };
  const isUsual = work.from === usualHours.from && work.to === usualHours.to && days.join() === usualHours.days.join();
  const snoozeUntil = time('snooze')?.toISOString() ?? null;
  const also = ownDigest(view, person, zone);
  const prefs = { work: isUsual ? null : work, zone, dm, snoozeUntil, delegate };
  return { call: call(prefsCommand, { prefs }), ...(also ? { also } : {}) };
}

/** The inputs of a form by their name; a block id may carry a suffix after a dot. */
function fieldsOf(view: Submission) {
  const values = (block: string) => Object.values(view.state.values[blockOf(view, block)] ?? {})[0];
  return {
    values,
    text: (block: string) => legible(String(values(block)?.value ?? '')).trim(),
    picked: (block: string) => String((values(block)?.selected_option as { value?: string } | null)?.value ?? ''),
    checked: (block: string) =>
      ((values(block)?.selected_options as { value: string }[] | undefined) ?? []).map((one) => one.value),
    isTicked: (block: string) => ((values(block)?.selected_options as unknown[] | undefined) ?? []).length > 0,
    time: (block: string) => {
      const seconds = values(block)?.selected_date_time;
      return typeof seconds === 'number' ? new Date(seconds * 1000) : undefined;
    },
  };
}

function blockOf(view: Submission, name: string): string {
  return Object.keys(view.state.values).find((id) => id === name || id.startsWith(`${name}.`)) ?? name;
}

/** The form again, with everything that was typed and what stopped it. */
export async function requestAgain(
  ctx: Ctx,
  workspace: string,
  draft: RequestDraft,
  notice?: View,
): Promise<ModalView> {
  return requestForm(draft, await environmentsOf(ctx, workspace), notice);
}

export function sayInModal(title: string, view: View): ModalView {
  return view.blocks.length > 0 ? answerModal(title, view) : message(title, mrkdwn`${view.text}`);
}

/** The input that a refusal is about, by form. */
const inputs: Readonly<Record<string, Partial<Record<RefusalCode, string>>>> = {
  'review.v1': { code_wrong: 'code', code_needed: 'code', code_locked: 'code' },
  'stepup.v1': { code_wrong: 'code', code_locked: 'code' },
  'delegate.v1': { delegate_unfit: 'to', delegate_chain: 'to' },
  'digest.v1': { unknown_scope: 'scope' },
  'freeze.v1': { unknown_scope: 'scope' },
  'subscribe.v1': { unknown_scope: 'service' },
  'prefs.v1': { delegate_unfit: 'delegate', never_happens: 'delegateUntil', in_the_past: 'snooze' },
  'cover.v1': { delegate_unfit: 'delegate', never_happens: 'delegateUntil', in_the_past: 'snooze' },
  'override.v1': { second_unfit: 'second' },
  'handover.v1': { offer_unfit: 'to', lead_voted: 'to', reason_needed: 'note' },
  'pir.v1': { not_as_planned: 'outcome', due_past: 'due1' },
  'incident.v1': { unknown_scope: 'services', empty_note: 'key' },
  'experiment.v1': { experiment_until: 'until', words_needed: 'words' },
  'request.v1': {
    unknown_service: 'service',
    not_semver: 'version',
    lead_unfit: 'lead',
    owner_unfit: 'owner',
    unknown_needs: 'needs',
    service_twice: 'others',
    not_standard: 'type',
  },
  'edit.v1': {
    unknown_service: 'service',
    not_semver: 'version',
    lead_unfit: 'lead',
    lead_is_approver: 'lead',
    owner_unfit: 'owner',
    service_twice: 'others',
    not_standard: 'type',
    emergency_anew: 'type',
  },
};

/** A refusal as an error at its input, so that what was typed stays; undefined when the form has no such input. */
export function errorAt(
  view: Submission,
  refused: Refusal,
  zone: string,
): Readonly<Record<string, string>> | undefined {
  let block = inputs[view.callback_id]?.[refused.code];
  // The first service has an input of its own; the others share one.
  const { service } = view.state.values;
  if (refused.code === 'unknown_service' && service && !JSON.stringify(service).includes(JSON.stringify(refused.name)))
    block = 'others';
  if (block === undefined || !Object.keys(view.state.values).some((id) => id === block)) return undefined;
  return { [block]: refusedText(refused, zone).slice(0, 1900) };
}
