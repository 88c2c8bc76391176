import { createHash } from 'node:crypto';
import {
  App,
  type BlockAction,
  HTTPReceiver,
  type ReceiverEvent,
  SocketModeReceiver,
  type ViewSubmitAction,
} from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import { z } from 'zod';
import { fault, tooLong } from '../../blocks/fault.ts';
import type { View } from '../../blocks/kit.ts';
import { refusal } from '../../blocks/refusal.ts';
import { option } from '../../blocks/request.ts';
import { usage } from '../../blocks/usage.ts';
import { type Call, call } from '../commands/command.ts';
import { closeFeedsCommand } from '../commands/feed.ts';
import { blankRequest } from '../commands/request.ts';
import { leaverCommand } from '../commands/vote.ts';
import { type Ctx, DirectoryUnavailable, reported } from '../ctx.ts';
import { within } from '../deadline.ts';
import type { Refusal } from '../domain/decision.ts';
import type { StoredEvent } from '../domain/event.ts';
import { legible, readLine } from '../domain/line.ts';
import type { Actor } from '../domain/person.ts';
import { isLogged } from '../domain/reaction.ts';
import { type Outcome, run } from '../run.ts';
import { isDatabaseDown, pingDb } from '../store/db.ts';
import { askedOf, askedOfGroup, listServices } from '../store/read.ts';
import { releaseAt } from '../store/room.ts';
import { CommitUnclear } from '../store/tx.ts';
import { type Asker, answer, tell } from './answer.ts';
import { linkTo } from './channel.ts';
import { clicked, type Door } from './click.ts';
import { callOptions, connectOptions, type SlackConnection } from './client.ts';
import { confirm, rehearseFor } from './confirm.ts';
import type { SlackDirectory } from './directory.ts';
import {
  errorAt,
  openForm,
  readForm,
  readPass,
  replaceModal,
  requestAgain,
  type Submission,
  sayInModal,
} from './form.ts';
import { refreshHome } from './home.ts';
import { admit, type Typed, understand } from './line.ts';
import { watchRooms } from './room-events.ts';

export type SlackDoor = {
  readonly isConnected: () => boolean;
  /** Something that came from Slack is being worked at: somebody may wait for an answer. */
  readonly isAnswering: () => boolean;
  /** Routes POST /slack/events in HTTP mode; undefined in Socket Mode. */
  readonly requestListener: HTTPReceiver['requestListener'] | undefined;
  readonly start: () => Promise<void>;
  /** Takes nothing new and waits for what is being answered, at most `ms`. */
  readonly drain: (ms: number) => Promise<void>;
};

export type SlackSettings = SlackConnection & {
  readonly workspace: string;
  readonly command: string;
  readonly onAck: (kind: string, ms: number) => void;
  /** The address of a calendar feed, from its secret. */
  readonly feedUrl: (token: string) => string;
};

/** After this the person is told that it takes longer; Slack gives up after three seconds. */
const deadlineMs = 2_000;
/** Then the database has this long to show that it is there, and the rest of the three seconds is for the way. */
const pingMs = 400;
const stillWorking: View = { text: 'Still working on it. I will answer here in a moment.', blocks: [] };

/** Forms whose result a card, a message or a receipt shows. */
const shownElsewhere = ['review.v1', 'note.v1', 'request.v1', 'rollback.v1', 'status.v1', 'step.v1', 'handover.v1'];

/** The door for people: slash commands, buttons, modals and mentions, all through run(). */
export async function openSlack(
  ctx: Ctx,
  client: WebClient,
  directory: SlackDirectory,
  settings: SlackSettings,
): Promise<SlackDoor> {
  const { workspace, command: commandName } = settings;
  let draining = false;
  let inFlight = 0;
  let connected = false;
  /** Views that say that something failed. */
  const faults = new WeakSet<object>();
  const http =
    settings.mode.kind === 'http'
      ? new HTTPReceiver({ signingSecret: settings.mode.signingSecret, logger: boltLogger(ctx) })
      : undefined;
  const socket =
    settings.mode.kind === 'socket'
      ? new SocketModeReceiver({
          appToken: settings.mode.appToken,
          logger: boltLogger(ctx),
          installerOptions: { clientOptions: connectOptions(settings.apiUrl) },
        })
      : undefined;
  const receiver = http ?? socket;
  if (!receiver) throw new Error('no receiver');
  const app = new App({
    token: settings.botToken,
    receiver,
    clientOptions: callOptions(settings.apiUrl),
    convoStore: false,
    deferInitialization: true,
    logger: boltLogger(ctx),
  });
  app.use(async ({ next }) => {
    if (draining) throw new Error('shutting down');
    inFlight++;
    try {
      await next();
    } finally {
      inFlight--;
    }
  });
  app.error(async (error) => {
    ctx.log.error({ err: error }, 'slack listener failed');
    throw error;
  });
  acknowledgeEventsLast(app);
  socket?.client.on('connected', () => {
    connected = true;
  });
  for (const gone of ['disconnected', 'close', 'reconnecting'])
    socket?.client.on(gone, () => {
      connected = false;
    });

  const door: Door = { ctx, client, workspace, command: commandName, perform, performed, heard, guarded };

  for (const [alias, verb] of [
    [commandName, ''],
    ['/warroom', 'room'],
    ['/freeze', 'freeze'],
  ] as const) {
    app.command(alias, async ({ command, ack, respond }) => {
      const started = performance.now();
      const typed: Typed = {
        workspace,
        person: command.user_id,
        channel: command.channel_id,
        text: `${verb} ${command.text}`.trim(),
      };
      const work = heard(typed, command.trigger_id, command.trigger_id);
      const heardSo = await inTime(work);
      if ('done' in heardSo) await (heardSo.done ? ack({ response_type: 'ephemeral', ...heardSo.done }) : ack());
      else await ack({ response_type: 'ephemeral', ...(heardSo.stuck ?? stillWorking) });
      settings.onAck('command', performance.now() - started);
      const late = 'later' in heardSo ? await heardSo.later : undefined;
      if (late) await respond({ response_type: 'ephemeral', replace_original: false, ...late });
    });
  }

  app.action<BlockAction>(/.*/, async ({ action, body, ack, respond }) => {
    const started = performance.now();
    // Several buttons of one kind in a row are told apart by a number: slot.take0.v1.
    const actionId = 'action_id' in action ? action.action_id.replace(/\d*\.v\d+$/, '') : '';
    const value = 'value' in action && typeof action.value === 'string' ? action.value : '';
    const by = {
      person: body.user.id,
      trigger: body.trigger_id,
      id: `${body.user.id}:${action.action_ts}:${actionId}:${body.container?.message_ts ?? body.view?.id ?? ''}`,
    };
    const channel = body.channel?.id ?? '';
    const work = guarded(async () => {
      const view = await clicked(door, actionId, value, by, channel, body);
      // Whoever clicks on App Home looks at it: it is published anew even when nothing changed.
      if (body.view?.type === 'home') await refreshHome(ctx, workspace, by.person);
      return view;
    });
    const clickedSo = await inTime(work);
    await ack();
    settings.onAck('action', performance.now() - started);
    // A click on App Home opens one modal: what comes later is said in it.
    let opened: string | undefined;
    const say = async (view: View | undefined) => {
      if (view) await show(view);
    };
    if ('done' in clickedSo) return say(clickedSo.done);
    await say(clickedSo.stuck);
    await say(await clickedSo.later);

    async function show(view: View): Promise<void> {
      if (body.view && body.view.type === 'modal')
        await replaceModal(client, body.view.id, sayInModal('Maitred', view));
      else if (opened) await replaceModal(client, opened, sayInModal('Maitred', view));
      else if (body.view)
        opened = (await client.views.open({ trigger_id: body.trigger_id, view: sayInModal('Maitred', view) })).view?.id;
      else
        await respond({
          response_type: 'ephemeral',
          replace_original:
            body.container?.is_ephemeral === true && /^(draft|slot|line|undo|incident)\b/.test(actionId),
          ...view,
        });
    }
  });

  app.view<ViewSubmitAction>(/.*/, async ({ view, body, ack }) => {
    const started = performance.now();
    const work = guarded(async () => {
      const admitted = await admit(ctx, workspace, body.user.id, 'members');
      if (!admitted.ok) return refusal(admitted.refusal, 'UTC');
      const read =
        view.callback_id === 'pass.v1'
          ? await readPass(ctx, workspace, view as unknown as Submission, body.user.id)
          : await readForm(client, view as unknown as Submission, body.user.id);
      if ('errors' in read) return read;
      const asker: Asker = { workspace, person: body.user.id, zone: admitted.person.zone, command: commandName };
      const actor = { kind: 'person', id: body.user.id } as const;
      const wrongIn = (outcome: { ok: true } | { ok: false; refusal: Refusal }) =>
        outcome.ok ? undefined : errorAt(view as unknown as Submission, outcome.refusal, asker.zone);
      if (read.confirm) {
        const rehearsing = rehearseFor(ctx, asker, read.call);
        const wrong = wrongIn(await rehearsing);
        return wrong ? { errors: wrong } : confirm(ctx, asker, read.call, '', rehearsing);
      }
      // What was corrected after an error is another submission; the same one twice is not.
      const filled = createHash('sha256').update(JSON.stringify(view.state.values)).digest('hex').slice(0, 16);
      const outcome = await perform(read.call, `${view.id}:${view.hash}:${filled}`, actor);
      if (outcome.ok && read.also) await perform(read.also, `${view.id}:also`, actor);
      const wrong = wrongIn(outcome);
      if (wrong) return { errors: wrong };
      const answered = await told(asker, outcome, read.call);
      // A refused request keeps what was typed; everything else that stopped is only said.
      const again = !outcome.ok && read.draft ? await requestAgain(ctx, workspace, read.draft, answered) : undefined;
      return { accepted: outcome.ok, told: answered, again };
    });
    const submitted = await inTime(work);
    settings.onAck('view', performance.now() - started);
    const show = (said: View) => ({ response_action: 'update' as const, view: sayInModal('Maitred', said) });
    if ('later' in submitted) {
      await ack(show(submitted.stuck ?? { text: 'Still working on it. The card will show the result.', blocks: [] }));
      const late = await submitted.later;
      if (!late) return;
      const said =
        'told' in late
          ? late.told
          : 'errors' in late
            ? { text: Object.values(late.errors).join(' '), blocks: [] }
            : late;
      return replaceModal(client, view.id, sayInModal('Maitred', said));
    }
    const { done } = submitted;
    if ('errors' in done) return ack({ response_action: 'errors', errors: { ...done.errors } });
    if (!('told' in done)) return ack(show(done));
    if (!done.accepted) return ack(done.again ? { response_action: 'update', view: done.again } : show(done.told));
    // Where nothing in a channel shows what came of it, the form itself does.
    if (!shownElsewhere.includes(view.callback_id)) return ack(show(done.told));
    await ack();
    const place = (JSON.parse(view.private_metadata || '{}') as { channel?: string }).channel;
    if (place && /^[CG]/.test(place))
      await client.chat.postEphemeral({ channel: place, user: body.user.id, ...done.told }).catch(() => undefined);
  });

  app.options(/.*/, async ({ options, body, ack }) => {
    const typed = ('value' in options ? String(options.value) : '').toLowerCase();
    // Names of services are for those who may open the form.
    const admitted = await admit(ctx, workspace, body.user.id, 'members');
    if (!admitted.ok) return ack({ options: [] });
    const services = await listServices(ctx.db, workspace);
    const found = services.map((service) => service.key).filter((key) => key.includes(typed));
    // With no catalogue a service comes into being by being named.
    if (
      found.length === 0 &&
      services.every((service) => service.team === null) &&
      /^[a-z0-9][a-z0-9-]{0,39}$/.test(typed)
    )
      found.push(typed);
    await ack({ options: found.slice(0, 100).map(option) });
  });

  app.shortcut('request_release', async ({ shortcut, ack }) => {
    await ack();
    const asker = { workspace, person: shortcut.user.id, triggerId: shortcut.trigger_id };
    const form = { kind: 'request', draft: blankRequest('') } as const;
    const refused = await guarded(() => openForm(ctx, client, asker, form));
    // Nothing was opened then, so that the trigger is still good for saying why.
    if (refused) await client.views.open({ trigger_id: shortcut.trigger_id, view: sayInModal('Maitred', refused) });
  });

  app.shortcut('report_incident', async ({ shortcut, ack }) => {
    await ack();
    if (shortcut.type !== 'message_action') return;
    const { message, channel, user } = shortcut;
    const asker = { workspace, person: user.id, triggerId: shortcut.trigger_id };
    const note = readLine(legible(String(message.text ?? '')).slice(0, 2_000)).raw.slice(0, 500);
    const refused = await guarded(async () =>
      openForm(ctx, client, asker, { kind: 'incident', note, link: await linkTo(client, channel.id, message.ts) }),
    );
    if (refused) await client.chat.postEphemeral({ channel: channel.id, user: user.id, ...refused });
  });

  app.event('app_mention', async ({ event, body }) => {
    if (!event.user) return;
    const text = event.text.replace(/<@[A-Z0-9]+(\|[^>]*)?>/, '').trim();
    const typed: Typed = { workspace, person: event.user, channel: event.channel, thread: event.thread_ts, text };
    const view = await heard(typed, body.event_id);
    if (view)
      await client.chat.postEphemeral({
        channel: event.channel,
        user: event.user,
        ...(event.thread_ts ? { thread_ts: event.thread_ts } : {}),
        ...view,
      });
  });
  watchRooms(app, door);
  app.event('app_home_opened', async ({ event }) => {
    if (event.tab === 'home') await refreshHome(ctx, workspace, event.user);
  });
  app.event('user_change', async ({ event, body }) => {
    directory.forget({ person: event.user.id });
    if (!event.user.deleted) return;
    // Whoever is asked for a decision and left is asked no more.
    for (const release of await askedOf(ctx.db, workspace, event.user.id)) {
      const left = call(leaverCommand, { release, person: event.user.id });
      await perform(left, `left:${body.event_id}:${release}`, { kind: 'system' });
    }
    // Addresses of somebody who left stop working.
    const close = call(closeFeedsCommand, { owner: event.user.id });
    await perform(close, `leaver:${body.event_id}`, { kind: 'system' });
  });
  app.event('subteam_members_changed', async ({ event, body }) => {
    directory.forget({ usergroup: event.subteam_id });
    // Whoever is no longer in the group is waited for no more.
    for (const release of await askedOfGroup(ctx.db, workspace, event.subteam_id)) {
      const left = call(leaverCommand, { release, person: null });
      await perform(left, `left:${body.event_id}:${release}`, { kind: 'system' });
    }
  });
  app.event('subteam_updated', async ({ event }) => directory.forget({ usergroup: event.subteam.id }));

  await app.init();
  return {
    isConnected: () => (http ? !draining : connected && !draining),
    requestListener: http ? (request, response) => http.requestListener(request, response) : undefined,
    start: async () => {
      if (socket) await app.start();
      connected = true;
    },
    isAnswering: () => inFlight > 0,
    drain: async (ms) => {
      draining = true;
      void socket?.client.disconnect().catch(() => undefined);
      const until = Date.now() + ms;
      while (inFlight > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };

  /** A typed line, from wherever it came. Undefined: a form was opened instead of an answer. */
  function heard(typed: Typed, id: string, triggerId?: string): Promise<View | undefined> {
    return guarded(async () => {
      const understood = await understand(ctx, client, typed);
      const asker: Asker = { workspace, person: typed.person, zone: understood.zone, command: commandName };
      switch (understood.do) {
        case 'usage':
          return usage(understood.problem, understood.verb, commandName, typed.text.replace(/\s+/g, ' '));
        case 'refuse':
          return refusal(understood.refusal, asker.zone);
        case 'answer':
          return answer(ctx, client, asker, understood.question);
        case 'confirm':
          return confirm(ctx, asker, understood.call, understood.typed);
        case 'open': {
          const refused = await openForm(ctx, client, { workspace, person: typed.person, triggerId }, understood.form);
          if (refused || triggerId) return refused;
          // Nothing opens from a mention: the release with its buttons does.
          if ('release' in understood.form)
            return answer(ctx, client, asker, { ask: 'show', release: understood.form.release });
          return answer(ctx, client, asker, { ask: 'help', topic: understood.verb?.name });
        }
        case 'run': {
          const outcome = await perform(understood.call, id, { kind: 'person', id: asker.person });
          // In its war room everybody reads what happened; once is enough.
          if (outcome.ok && (await isSaidIn(ctx, workspace, typed.channel, outcome.events))) return undefined;
          return told(asker, outcome, understood.call);
        }
      }
    });
  }

  async function performed(asker: Asker, what: Call, id: string): Promise<View> {
    const outcome = await perform(what, id, { kind: 'person', id: asker.person });
    return told(asker, outcome, what);
  }

  /** Whatever fails from here on, it is saved. */
  async function told(asker: Asker, outcome: Outcome, what: Call): Promise<View> {
    try {
      return await tell(ctx, asker, outcome, what, settings.feedUrl);
    } catch (error) {
      if (!outcome.ok) throw error;
      return fault('told', reported(ctx, error, 'an answer failed after its commit'), commandName);
    }
  }

  function perform(what: Call, id: string, actor: Actor): Promise<Outcome> {
    return run(ctx, what.command, what.input, { workspace, actor, id });
  }

  /** A fault becomes one plain sentence with a reference; its cause is in the log. */
  async function guarded<T>(work: () => Promise<T>): Promise<T | View> {
    try {
      return await work();
    } catch (error) {
      const view = faultView(ctx, error, commandName);
      faults.add(view);
      return view;
    }
  }

  /**
   * What comes of `work` before Slack gives up; or what to say meanwhile, and what is left to be said later. Nobody waits
   * for a database that does not answer: they hear so at once, and again only if it is saved after all.
   */
  async function inTime<T extends object | undefined>(
    work: Promise<T>,
  ): Promise<{ readonly done: T } | { readonly stuck: View | undefined; readonly later: Promise<T | undefined> }> {
    const first = await within(work, deadlineMs);
    if (first !== 'late') return { done: first };
    const ping = await within(pingDb(ctx.db), pingMs);
    if (ping === 'ok') return { stuck: undefined, later: work };
    const reference = reported(ctx, new Error(`the database is ${ping}`), 'a request waits for the database', 'warn');
    const later = work.then((view) => (view !== undefined && faults.has(view) ? undefined : view));
    return { stuck: fault('database is slow', reference, commandName), later };
  }
}

/** Says what a fault means for whoever asked, and writes its cause down under the reference that they are told. */
function faultView(ctx: Ctx, error: unknown, command: string): View {
  // Inputs are parsed before anything is begun: too long a text is no fault.
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    if (issue?.code === 'too_big' && issue.origin === 'string')
      return tooLong(issue.path.join(' '), Number(issue.maximum));
  }
  const reference = reported(ctx, error, 'a request failed');
  if (error instanceof DirectoryUnavailable) return refusal({ code: 'unverified', reference }, 'UTC');
  const what = error instanceof CommitUnclear ? 'commit' : isDatabaseDown(error) ? 'database' : 'other';
  return fault(what, reference, command);
}

/**
 * Bolt acknowledges an event before its listeners run, so that a crash in between loses it. Here events are acknowledged
 * when they have been worked off: until then Slack delivers them again.
 */
function acknowledgeEventsLast(app: App): void {
  const processEvent = app.processEvent.bind(app);
  app.processEvent = async (event: ReceiverEvent) => {
    if (event.body?.type !== 'event_callback') return processEvent(event);
    await processEvent({ ...event, ack: async () => undefined });
    await event.ack();
  };
}

function boltLogger(ctx: Ctx) {
  const log = ctx.log.child({ from: 'slack' });
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...said: unknown[]) =>
      log[level](
        said
          .map((one) => (one instanceof Error ? one.message : String(one)))
          .join(' ')
          .slice(0, 500),
      );
  return {
    debug: () => undefined,
    info: write('debug'),
    warn: write('warn'),
    error: write('error'),
    setLevel: () => undefined,
    getLevel: () => 'info' as never,
    setName: () => undefined,
  };
}

/** The room of a release says it as a line of its own; what can be undone keeps its answer with the way back. */
async function isSaidIn(
  ctx: Ctx,
  workspace: string,
  channel: string,
  events: readonly StoredEvent[],
): Promise<boolean> {
  const said = events.find(isLogged);
  if (!said || !('release' in said.body)) return false;
  if (['release.moved', 'release.cancelled'].includes(said.body.type)) return false;
  return (await releaseAt(ctx.db, workspace, channel, undefined)) === said.body.release;
}
