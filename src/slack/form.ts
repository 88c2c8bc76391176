import type { ModalView } from '@slack/types';
import type { WebClient } from '@slack/web-api';
import { mrkdwn, type View } from '../../blocks/kit.ts';
import { answer as answerModal, message, noteForm, skeleton } from '../../blocks/modal.ts';
import { refusal } from '../../blocks/refusal.ts';
import { type RequestDraft, requestForm } from '../../blocks/request.ts';
import { reviewForm } from '../../blocks/review.ts';
import type { Call, Form } from '../commands/command.ts';
import { call } from '../commands/command.ts';
import { noteCommand } from '../commands/deploy.ts';
import { readUnits, requestCommand } from '../commands/request.ts';
import { voteCommand } from '../commands/vote.ts';
import type { Ctx } from '../ctx.ts';
import type { Refusal } from '../domain/decision.ts';
import { VoteChoice } from '../domain/event.ts';
import { changeTypes } from '../domain/policy.ts';
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
  const title =
    form.kind === 'request'
      ? 'Request a release'
      : form.kind === 'review'
        ? `Review REL-${form.release}`
        : `Note on REL-${form.release}`;
  const opened = await client.views.open({ trigger_id: asker.triggerId, view: skeleton(title) });
  if (opened.view?.id) await client.views.update({ view_id: opened.view.id, view: await fillForm(ctx, asker, form) });
  return undefined;
}

async function fillForm(
  ctx: Ctx,
  { workspace, person }: { workspace: string; person: string },
  form: Form,
): Promise<ModalView> {
  const { zone } = await loadWorkspace(ctx.db, workspace);
  const no = (refused: Refusal) => answerModal('Maitred', refusal(refused, zone));
  switch (form.kind) {
    case 'note':
      return noteForm(form.release);
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

/** A submitted form: a command to run, or what is wrong with which input. */
export type Submitted =
  | { readonly call: Call; readonly draft?: RequestDraft }
  | { readonly errors: Readonly<Record<string, string>> };
type Values = Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;

export async function readForm(
  client: WebClient,
  view: { callback_id: string; private_metadata: string; state: { values: Values } },
  person: string,
  startsAt?: string,
): Promise<Submitted> {
  const { values } = view.state;
  const about = JSON.parse(view.private_metadata || '{}') as { release?: number; revision?: number; channel?: string };
  const release = about.release ?? 0;
  const text = (block: string) => String(stateOf(values, block)?.value ?? '').trim();
  const picked = (block: string) =>
    String((stateOf(values, block)?.selected_option as { value?: string } | null)?.value ?? '');
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
    case 'request.v1': {
      const others = readUnits(text('others'));
      if ('bad' in others)
        return { errors: { others: `“${others.bad}” is not a service and a version, like web@88.` } };
      const version = text('version');
      if (/\s/.test(version)) return { errors: { version: 'A version has no spaces, like 2.14.0.' } };
      const when = stateOf(values, 'when')?.selected_date_time;
      if (typeof when !== 'number' && !startsAt) return { errors: { when: 'Choose a date and a time.' } };
      const at = startsAt ? new Date(startsAt) : new Date(Number(when) * 1000);
      const draft: RequestDraft = {
        service: picked('service'),
        version,
        others: text('others'),
        summary: text('summary'),
        startsAt: at,
        minutes: Number(picked('minutes')),
        environment: picked('environment'),
        changeType: picked('type'),
        rollbackPlan: text('rollback'),
        lead: String(stateOf(values, 'lead')?.selected_user ?? person),
        channel: about.channel ?? '',
      };
      const input = {
        units: [{ service: draft.service, version }, ...others.units],
        environment: draft.environment,
        startsAt: at.toISOString(),
        minutes: draft.minutes,
        changeType: changeTypes.find((type) => type === draft.changeType) ?? 'normal',
        summary: draft.summary,
        rollbackPlan: draft.rollbackPlan,
        lead: draft.lead,
        fallbackChannel: await fallbackFor(client, draft.channel),
      } as const;
      return { call: call(requestCommand, { ...input, units: [...input.units] }), draft };
    }
    default:
      throw new Error(`no form is called ${view.callback_id}`);
  }
}

/** The form again, with everything that was typed and what stopped it. */
export async function requestAgain(ctx: Ctx, workspace: string, draft: RequestDraft, notice: View): Promise<ModalView> {
  return requestForm(draft, await environmentsOf(ctx, workspace), notice);
}

export function sayInModal(title: string, view: View): ModalView {
  return view.blocks.length > 0 ? answerModal(title, view) : message(title, mrkdwn`${view.text}`);
}

function stateOf(values: Values, block: string): Record<string, unknown> | undefined {
  return Object.values(values[block] ?? {})[0];
}
