import type { ModalView } from '@slack/types';
import type { WebClient } from '@slack/web-api';
import { freezeForm } from '../../blocks/freeze-form.ts';
import { mrkdwn, type View } from '../../blocks/kit.ts';
import { answer as answerModal, message, noteForm, skeleton } from '../../blocks/modal.ts';
import { refusal } from '../../blocks/refusal.ts';
import { type RequestDraft, requestForm } from '../../blocks/request.ts';
import { reviewForm } from '../../blocks/review.ts';
import type { Call, Form } from '../commands/command.ts';
import { call, slug } from '../commands/command.ts';
import { noteCommand } from '../commands/deploy.ts';
import { addFreezeCommand, recurrenceOf } from '../commands/freeze.ts';
import { readNeeds, readUnits, requestCommand } from '../commands/request.ts';
import { voteCommand } from '../commands/vote.ts';
import type { Ctx } from '../ctx.ts';
import { Freeze } from '../domain/calendar.ts';
import type { Refusal } from '../domain/decision.ts';
import { VoteChoice } from '../domain/event.ts';
import { readLine } from '../domain/line.ts';
import { changeTypes } from '../domain/policy.ts';
import { readRule } from '../domain/recurrence.ts';
import { releaseKey } from '../domain/release.ts';
import { readScope, scopeOptions } from '../domain/scope.ts';
import { mayDecide } from '../domain/vote.ts';
import { findReleaseProps, listServices, loadWorkspace } from '../store/read.ts';
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
  const opened = await client.views.open({ trigger_id: asker.triggerId, view: skeleton(titleOf(form)) });
  const { zone } = admitted.person;
  if (opened.view?.id)
    await client.views.update({ view_id: opened.view.id, view: await fillForm(ctx, { ...asker, zone }, form) });
  return undefined;
}

function titleOf(form: Form): string {
  switch (form.kind) {
    case 'request':
      return 'Request a release';
    case 'review':
      return `Review REL-${form.release}`;
    case 'note':
      return `Note on REL-${form.release}`;
    case 'freeze':
      return 'Declare a freeze';
  }
}

async function fillForm(
  ctx: Ctx,
  { workspace, person, zone }: { workspace: string; person: string; zone: string },
  form: Form,
): Promise<ModalView> {
  const no = (refused: Refusal) => answerModal('Maitred', refusal(refused, zone));
  switch (form.kind) {
    case 'note':
      return noteForm(form.release);
    case 'freeze':
      return freezeForm({ channel: form.channel, zone });
    case 'request': {
      const { draft } = form;
      const [first, ...others] = draft.units;
      const filled: RequestDraft = {
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
      // A hint for the form only: whether this person may vote is judged when the vote arrives.
      const own = release.gates.filter((gate) => gate.asked.includes(person)).map((gate) => gate.name);
      const earlier = release.gates.flatMap((gate) => gate.votes).find((vote) => vote.voter === person);
      return reviewForm(release, own.length > 0 ? own : release.gates.map((gate) => gate.name), earlier);
    }
  }
}

export async function environmentsOf(ctx: Ctx, workspace: string): Promise<string[]> {
  const services = await listServices(ctx.db, workspace);
  const all = [...new Set(services.flatMap((service) => service.environments))];
  return all.length === 0 ? ['production', 'staging'] : all.sort();
}

/** A submitted form: a command to run, one to confirm first, or what is wrong with which input. */
export type Submitted =
  | { readonly call: Call; readonly draft?: RequestDraft; readonly confirm?: true }
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
  const { text, picked, time } = fieldsOf(view);
  const about = JSON.parse(view.private_metadata || '{}') as {
    release?: number;
    revision?: number;
    channel?: string | null;
    zone?: string;
  };
  const release = about.release ?? 0;
  switch (view.callback_id) {
    case 'note.v1':
      return { call: call(noteCommand, { release, text: text('note') }) };
    case 'review.v1': {
      const choice = VoteChoice.safeParse(picked('decision'));
      if (!choice.success) return { errors: { decision: 'Choose one.' } };
      const comment = text('comment');
      if (choice.data !== 'approve' && comment === '') return { errors: { comment: 'Say what would unblock this.' } };
      return { call: call(voteCommand, { release, revision: about.revision ?? 0, choice: choice.data, comment }) };
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
      const others = readUnits(draft.others);
      if ('bad' in others)
        return { errors: { others: `“${others.bad}” is not a service and a version, like web@88.` } };
      if (/\s/.test(draft.version)) return { errors: { version: 'A version has no spaces, like 2.14.0.' } };
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
        units: [{ service: draft.service, version: draft.version }, ...others.units],
        environment: draft.environment,
        startsAt: at.toISOString(),
        minutes: draft.minutes,
        changeType: changeTypes.find((type) => type === draft.changeType) ?? 'normal',
        summary: draft.summary,
        rollbackPlan: draft.rollbackPlan,
        lead: draft.lead,
        dependsOn: needs,
        train: null,
        fallbackChannel: await fallbackFor(client, draft.channel),
      };
      return { call: call(requestCommand, input), draft };
    }
    default:
      throw new Error(`no form is called ${view.callback_id}`);
  }
}

/** What stands in the request form now, complete or not. */
export function readDraft(view: Submission, person: string): RequestDraft {
  const { text, picked, time, values } = fieldsOf(view);
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
    lead: String(values('lead')?.selected_user ?? person),
    needs: text('needs'),
    channel: about.channel ?? '',
  };
}

/** The inputs of a form by their name; a block id may carry a suffix after a dot. */
function fieldsOf(view: Submission) {
  const values = (block: string) => Object.values(view.state.values[blockOf(view, block)] ?? {})[0];
  return {
    values,
    text: (block: string) => String(values(block)?.value ?? '').trim(),
    picked: (block: string) => String((values(block)?.selected_option as { value?: string } | null)?.value ?? ''),
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
