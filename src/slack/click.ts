import type { BlockAction } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import { digestPreviewed } from '../../blocks/digest.ts';
import type { View } from '../../blocks/kit.ts';
import { refusal } from '../../blocks/refusal.ts';
import { freeTimes } from '../../blocks/request.ts';
import { oldButton, usage } from '../../blocks/usage.ts';
import { endBookingCommand } from '../commands/booking.ts';
import { type Call, call } from '../commands/command.ts';
import { tickCommand } from '../commands/criterion.ts';
import {
  cancelCommand,
  doneCommand,
  pauseCommand,
  resumeCommand,
  startCommand,
  verifyCommand,
} from '../commands/deploy.ts';
import { feedCall } from '../commands/feed.ts';
import { liftFreezeCommand } from '../commands/freeze.ts';
import { homeCommand } from '../commands/home.ts';
import { incidentCommand, noReleaseCommand } from '../commands/incident.ts';
import { draftCall } from '../commands/index.ts';
import { boardCommand, keepCommand, moveCommand } from '../commands/move.ts';
import { answerOverrideCommand } from '../commands/override.ts';
import { actionDoneCommand, pirCommand } from '../commands/pir.ts';
import { prefsCommand } from '../commands/prefs.ts';
import { nudgeCommand, snoozeCommand } from '../commands/reminder.ts';
import { blankRequest } from '../commands/request.ts';
import {
  answerOfferCommand,
  extendCommand,
  followCommand,
  keepRoomCommand,
  openRoomCommand,
  stepCommand,
  takeRoleCommand,
  voiceCommand,
} from '../commands/room.ts';
import { muteCommand, unmuteCommand } from '../commands/subscription.ts';
import { answerSwapCommand } from '../commands/swap.ts';
import { voteTrustCommand } from '../commands/trust.ts';
import { undoCommand } from '../commands/undo.ts';
import { recuseCommand, takeBackCommand } from '../commands/vote.ts';
import { joinLineCommand, leaveLineCommand, takeLineCommand } from '../commands/waiting-line.ts';
import type { Ctx } from '../ctx.ts';
import { may } from '../domain/access.ts';
import { HomeTab } from '../domain/approval.ts';
import { outcomes } from '../domain/experiment.ts';
import { DigestKind } from '../domain/follow.ts';
import type { Actor } from '../domain/person.ts';
import { ReviewInput } from '../domain/pir.ts';
import type { RequestInput } from '../domain/request.ts';
import { RoomRole } from '../domain/runbook.ts';
import { StepInput } from '../domain/step.ts';
import type { Outcome } from '../run.ts';
import { findDraft } from '../store/draft.ts';
import { loadWorkspace } from '../store/read.ts';
import { type Asker, answer, otherTimes, tell } from './answer.ts';
import { answerWhy } from './follow.ts';
import { openForm, readDraft, readForm, replaceModal, requestAgain, type Submission } from './form.ts';
import { isManagerNow } from './home.ts';
import { admit, type Typed } from './line.ts';
import { offersFor } from './offer.ts';

/** What a click may use of the door that it came through. */
export type Door = {
  readonly ctx: Ctx;
  readonly client: WebClient;
  readonly workspace: string;
  readonly command: string;
  readonly perform: (what: Call, id: string, actor: Actor) => Promise<Outcome>;
  /** Performs and says what came of it. */
  readonly performed: (asker: Asker, what: Call, id: string) => Promise<View>;
  readonly heard: (typed: Typed, id: string, triggerId?: string) => Promise<View | undefined>;
  /** What it gives; or, when it fails, what to say about that. */
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T | View>;
};

/** What a button does. Its value says about what, and proves nothing: every command judges anew who may. */
export async function clicked(
  door: Door,
  action: string,
  value: string,
  by: { person: string; trigger: string; id: string },
  channel: string,
  body: BlockAction,
): Promise<View | undefined> {
  const { ctx, client, workspace, perform, performed } = door;
  const release = Number(value.split('|')[0]);
  const [, rest = '', third = ''] = value.split('|');
  const isReadable = !isNumbered.test(action) || (release > 0 && Number.isSafeInteger(release));
  if (!isReadable || (action.startsWith('step.') && !Number.isSafeInteger(Number(third))))
    return oldButton(door.command);
  const form = { workspace, person: by.person, triggerId: by.trigger };
  const admitted = await admit(ctx, workspace, by.person, 'anyone');
  if (!admitted.ok) return refusal(admitted.refusal, (await loadWorkspace(ctx.db, workspace)).zone);
  const asker: Asker = { workspace, person: by.person, zone: admitted.person.zone, command: door.command };
  const actor: Actor = { kind: 'person', id: by.person };
  // What a channel follows is changed from that channel; a direct message is its reader's own.
  const target = /^[CG]/.test(channel) ? channel : by.person;
  const stepped = async (step: Call) => {
    const outcome = await perform(step, by.id, actor);
    // The surfaces show a success to everybody; a refusal is for the one who clicked.
    return outcome.ok ? undefined : tell(ctx, asker, outcome, step);
  };
  const managed = (what: string) =>
    what === 'manage.freeze'
      ? openForm(ctx, client, form, { kind: 'freeze', channel: null })
      : answer(ctx, client, asker, what === 'manage.queues' ? { ask: 'queues' } : { ask: 'services' });
  // App Home is for full members; a guest reads one section, and has none of its buttons.
  const isHomely = /^(home|manage)\.|^incident\.open$/.test(action);
  const outside = isHomely ? may('members', admitted.person) : undefined;
  if (outside) return refusal(outside, asker.zone);
  switch (action) {
    case 'release.review':
      return openForm(ctx, client, form, { kind: 'review', release });
    case 'release.note':
      return openForm(ctx, client, form, { kind: 'note', release });
    case 'release.delegate':
      return openForm(ctx, client, form, { kind: 'delegate', release });
    case 'delegate.back':
      return stepped(call(takeBackCommand, { release }));
    case 'release.recuse':
      return stepped(call(recuseCommand, { release }));
    case 'release.snooze':
      return performed(asker, call(snoozeCommand, { release, minutes: 60 }), by.id);
    case 'release.nudge':
      return performed(asker, call(nudgeCommand, { release }), by.id);
    case 'release.again':
      return openForm(ctx, client, form, { kind: 'again', release });
    case 'release.edit':
      return openForm(ctx, client, form, { kind: 'edit', release });
    case 'criteria.show':
      return answer(ctx, client, asker, { ask: 'criteria', release });
    case 'criterion.tick':
    case 'criterion.off': {
      const tick = { release, criterion: after(value), evidence: '', tick: action === 'criterion.tick' };
      return performed(asker, call(tickCommand, tick), by.id);
    }
    case 'criterion.link':
      return openForm(ctx, client, form, { kind: 'evidence', release, criterion: after(value) });
    case 'exception.open':
      return openForm(ctx, client, form, { kind: 'exception', release });
    case 'exception.draft':
      return openForm(ctx, client, form, { kind: 'pass', draft: value });
    case 'override.accept':
    case 'override.decline':
      return stepped(call(answerOverrideCommand, { release, override: rest, accept: action === 'override.accept' }));
    case 'pir.planned':
      return performed(asker, call(pirCommand, ReviewInput.parse({ release, outcome: 'as_planned', text: '' })), by.id);
    case 'action.done':
      return performed(asker, call(actionDoneCommand, { release, key: rest }), by.id);
    case 'pir.open':
      return openForm(ctx, client, form, { kind: 'pir', release });
    case 'trust.agree':
    case 'trust.decline': {
      const choice = action === 'trust.agree' ? ('agree' as const) : ('decline' as const);
      return stepped(call(voteTrustCommand, { proposal: value, choice }));
    }
    case 'prefs.open':
      return openForm(ctx, client, form, { kind: 'prefs' });
    case 'cover.open':
      return openForm(ctx, client, form, { kind: 'cover', part: value === 'snooze' ? 'snooze' : 'delegate' });
    case 'cover.end':
      return performed(asker, call(prefsCommand, { prefs: { snoozeUntil: null, delegate: null } }), by.id);
    case 'home.refresh':
      return undefined;
    case 'home.tab':
      return stepped(call(homeCommand, { tab: HomeTab.catch('work').parse(value) }));
    case 'home.hide':
      return stepped(call(homeCommand, { hidden: true }));
    case 'manage.freeze':
    case 'manage.queues':
    case 'manage.services':
      if (await isManagerNow(ctx, workspace, by.person)) return managed(action);
      return refusal({ code: 'only_managers', verb: 'manage' }, asker.zone);
    case 'incident.open':
      return answer(ctx, client, asker, { ask: 'incident', key: value.slice(0, 60) });
    case 'stepup.open':
      return openForm(ctx, client, form, { kind: 'stepup' });
    case 'digest.open': {
      const of = DigestKind.catch('daily').parse(value);
      return openForm(ctx, client, form, { kind: 'digest', channel: target, of });
    }
    case 'follow.open':
      return openForm(ctx, client, form, { kind: 'subscribe', target });
    case 'follow.list':
      return answer(ctx, client, asker, { ask: 'subscriptions', target });
    case 'follow.mute':
      // A preview has the buttons of the message that will be sent, and does nothing.
      if (body.container?.is_ephemeral && body.actions[0]?.block_id?.startsWith('digest-'))
        return digestPreviewed(target);
      return performed(asker, call(muteCommand, { target, until: 'monday' }), by.id);
    case 'follow.unmute':
      return performed(asker, call(unmuteCommand, { target }), by.id);
    case 'follow.why':
      return answerWhy(ctx, workspace, { channel, ts: body.container?.message_ts ?? '', target });
    case 'release.new':
      return openForm(ctx, client, form, { kind: 'request', draft: blankRequest(channel) });
    case 'release.details':
      return answer(ctx, client, asker, { ask: 'show', release });
    case 'release.why':
      return answer(ctx, client, asker, { ask: 'why', release });
    case 'release.move':
      return answer(ctx, client, asker, { ask: 'slots', of: { kind: 'release', release }, from: null });
    case 'help.show':
      return answer(ctx, client, asker, { ask: 'help', topic: undefined });
    case 'train.help':
      return answer(ctx, client, asker, { ask: 'help', topic: 'board' });
    case 'calendar.show':
      return answer(ctx, client, asker, { ask: 'calendar', span: 'week', filter: null, from: null });
    case 'release.cancel':
      return stepped(call(cancelCommand, { release, reason: '' }));
    case 'room.open':
      return stepped(call(openRoomCommand, { release }));
    case 'release.start':
      return stepped(call(startCommand, { release }));
    case 'release.verify':
      return stepped(call(verifyCommand, { release }));
    case 'release.done':
      return stepped(call(doneCommand, { release }));
    case 'release.pause':
      return stepped(call(pauseCommand, { release, reason: '' }));
    case 'release.resume':
      return stepped(call(resumeCommand, { release }));
    // A card from before there was a form still says "Roll back": it asks, too.
    case 'release.rollback':
    case 'rollback.open':
      return openForm(ctx, client, form, { kind: 'rollback', release });
    case 'status.open':
      return openForm(ctx, client, form, { kind: 'status', release });
    case 'handover.open':
      return openForm(ctx, client, form, { kind: 'handover', release });
    case 'role.take-lead':
    case 'role.take-comms':
    case 'role.take-verifier':
    case 'role.take-scribe':
    case 'role.take-over': {
      const role = RoomRole.safeParse(rest);
      return role.success ? stepped(call(takeRoleCommand, { release, role: role.data })) : oldButton(door.command);
    }
    case 'offer.accept':
    case 'offer.decline':
      return stepped(call(answerOfferCommand, { release, offer: rest, accept: action === 'offer.accept' }));
    case 'slot.extend':
      return stepped(call(extendCommand, { release, minutes: 15, from: rest || null }));
    case 'room.keep':
      return stepped(call(keepRoomCommand, { release }));
    case 'release.follow':
      return performed(asker, call(followCommand, { release, follow: true }), by.id);
    case 'step.go':
      return stepped(call(voiceCommand, { release, step: rest, attempt: Number(third), choice: 'go', reason: '' }));
    case 'step.nogo':
      return openForm(ctx, client, form, { kind: 'nogo', release, step: rest, attempt: Number(third) });
    case 'step.fail':
    case 'step.skip': {
      const what = action === 'step.fail' ? 'fail' : 'skip';
      return openForm(ctx, client, form, { kind: 'step', release, step: rest, attempt: Number(third), do: what });
    }
    case 'step.claim':
    case 'step.start':
    case 'step.done':
    case 'step.verify':
    case 'step.longer':
    case 'step.retry': {
      const what = StepInput.shape.do.parse(action.slice(5));
      return stepped(call(stepCommand, { release, step: rest, attempt: Number(third), do: what, note: '' }));
    }
    case 'release.moveto':
      return performed(asker, call(moveCommand, { release, startsAt: rest, minutes: null, needs: null }), by.id);
    case 'freeze.keep':
      return stepped(call(keepCommand, { release, freeze: rest }));
    case 'freeze.lift':
      return stepped(call(liftFreezeCommand, { freeze: value, date: null, reason: '' }));
    case 'swap.accept':
    case 'swap.decline':
      return stepped(call(answerSwapCommand, { swap: value, accept: action === 'swap.accept' }));
    case 'booking.end':
      return stepped(call(endBookingCommand, { booking: release }));
    case 'train.board':
      return performed(asker, call(boardCommand, { release, train: rest }), by.id);
    case 'line.take':
      return performed(asker, call(takeLineCommand, { line: value }), by.id);
    case 'line.leave':
      return stepped(call(leaveLineCommand, { line: value }));
    case 'incident.link': {
      const incident = after(value).slice(0, 60);
      return performed(asker, call(incidentCommand, { release, key: incident, note: '', close: false }), by.id);
    }
    case 'incident.none':
      return performed(asker, call(noReleaseCommand, { key: after(value).slice(0, 60) }), by.id);
    case 'experiment.open': {
      const outcome = outcomes.find((one) => one === rest) ?? 'kept';
      return openForm(ctx, client, form, { kind: 'experiment', experiment: release, outcome });
    }
    case 'line.say':
      return door.heard({ workspace, person: by.person, channel, text: value }, by.id, by.trigger);
    case 'undo':
      return performed(asker, call(undoCommand, { of: value }), by.id);
    case 'feed.open':
      return performed(asker, feedCall('workspace', ''), by.id);
    case 'form.slots':
    case 'form.use':
      return fillTime(door, body, asker, action === 'form.use' ? value : undefined);
    case 'draft.drop':
      return { text: 'Nothing was changed.', blocks: [] };
    case 'draft.take':
    case 'draft.slots':
    case 'slot.take':
    case 'slot.form':
    case 'line.join':
      return drafted(door, action, value, asker, by, channel, body);
    default:
      // Menus inside forms report every choice; there is nothing to do until they are submitted.
      return body.actions[0]?.type === 'button' ? oldButton(door.command) : undefined;
  }
}

/** Actions whose value begins with a number: of a release, an experiment, a booked environment. */
const isNumbered =
  /^(release\.(?!new$)|delegate|criteri|exception\.open|override|pir|action|rollback|status|handover|role|offer|slot\.extend|room|step|freeze\.keep|booking|train\.board|experiment)/;

/** What follows the release in a button's value; it may hold any character. */
function after(value: string): string {
  return value.slice(value.indexOf('|') + 1);
}

/** A button of something that was kept: `<draft>` or `<draft>|<another start>`. */
async function drafted(
  { ctx, client, workspace, command, performed }: Door,
  action: string,
  value: string,
  asker: Asker,
  by: { trigger: string; id: string },
  channel: string,
  body: BlockAction,
): Promise<View | undefined> {
  const [id = '', startsAt] = value.split('|');
  if (body.view?.callback_id === 'request.v1' && action === 'slot.take' && startsAt) {
    // Inside the form what stands there now counts, with the offered time.
    const read = await readForm(client, body.view as unknown as Submission, asker.person, startsAt);
    if ('errors' in read) return { text: Object.values(read.errors).join(' '), blocks: [] };
    return performed(asker, read.call, by.id);
  }
  const draft = await findDraft(ctx.db, workspace, id);
  if (!draft) return { text: `This offer is too old. Ask again with \`${command} slots\`.`, blocks: [] };
  if (draft.person !== asker.person)
    return refusal({ code: 'not_yours', what: 'offer', owner: draft.person }, asker.zone);
  const kept = draft.input as Record<string, unknown>;
  // An offered time is a time of one's own: no train goes then.
  const own = 'train' in kept ? { train: null } : {};
  const what = draftCall(draft.command, startsAt ? { ...kept, ...own, startsAt } : kept);
  switch (action) {
    case 'slot.form': {
      const { units, minutes, environment, changeType } = what.input as RequestInput;
      const filled = {
        ...blankRequest(channel),
        units: units.map(({ service }) => ({ service, version: '' })),
        minutes,
        environment,
        changeType,
      };
      const at = startsAt ? new Date(startsAt) : undefined;
      return openForm(
        ctx,
        client,
        { ...asker, triggerId: by.trigger },
        { kind: 'request', draft: { ...filled, startsAt: at } },
      );
    }
    case 'draft.slots': {
      const from = typeof kept.startsAt === 'string' ? new Date(kept.startsAt) : ctx.now();
      return otherTimes(ctx, asker, what, from, id);
    }
    case 'line.join':
      return performed(asker, call(joinLineCommand, what.input as RequestInput), `line:${id}`);
    default:
      // Named after the draft and the time: a second click of the same button gets the first answer.
      return performed(asker, what, `draft:${value}`);
  }
}

/** Free times shown in the open request form, or one of them filled in. */
async function fillTime(
  { ctx, client, workspace, command }: Door,
  body: BlockAction,
  asker: Asker,
  startsAt: string | undefined,
): Promise<View | undefined> {
  if (!body.view) return undefined;
  const view = body.view as unknown as Submission;
  const now = readDraft(view, asker.person);
  const draft = startsAt ? { ...now, startsAt: new Date(startsAt), filled: true as const } : now;
  let notice: View | undefined;
  if (!startsAt) {
    const from = draft.startsAt && draft.startsAt > ctx.now() ? draft.startsAt : ctx.now();
    const read = await readForm(client, view, asker.person, from.toISOString());
    if (draft.service === '')
      notice = {
        text: '',
        blocks: usage({ code: 'missing', what: 'a service first' }, undefined, command).blocks,
      };
    else if ('call' in read) notice = freeTimes(await offersFor(ctx, asker, read.call, from, 5), asker.zone);
  }
  await replaceModal(client, body.view.id, await requestAgain(ctx, workspace, draft, notice));
  return undefined;
}
