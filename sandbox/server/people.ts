import { randomUUID } from 'node:crypto';
import { type GivenView, putView, readView, replaceView, responseLimit, showView } from './api.ts';
import { checkOptions, isInput } from './blocks.ts';
import {
  archive,
  destroy,
  edit,
  inviteProblem,
  isPlain,
  join,
  leave,
  nameProblem,
  pin,
  react,
  reactionProblem,
  remove,
  rename,
  unarchive,
  unpin,
  unreact,
} from './channel.ts';
import type { Ack, Delivery } from './deliver.ts';
import { keepFile } from './files.ts';
import { readContent } from './reply.ts';
import { showFile, showMessage, showUser } from './show.ts';
import type { Block, Channel, Message, StateValue, User, View } from './state.ts';
import {
  addEphemeral,
  addMessage,
  betweenPeople,
  changed,
  directMessage,
  flatBlocks,
  messagesOf,
  newId,
  now,
  violate,
  type World,
} from './world.ts';

/** What people do in the workspace, each with what they see of it at once. */
export type People = ReturnType<typeof createPeople>;

/** Where a button is: in a message of a channel, or in a view. */
export type Place = { readonly channel: string; readonly ts: string } | { readonly view: string };

export function createPeople(world: World, delivery: Delivery) {
  return {
    /** Types a line into the composer of a channel: a slash command or a message. */
    types: async (user: string, channel: string, text: string, thread?: string): Promise<Ack> => {
      const [name = '', ...rest] = text.split(' ');
      if (name.startsWith('/')) return command(user, channel, name, rest.join(' '));
      say(user, channel, fromComposer(text), thread);
      return { status: 'ok', body: {}, ms: 0 };
    },
    /** Says something that is no command. */
    says: (user: string, channel: string, text: string, thread?: string): Message => say(user, channel, text, thread),
    pins: (user: string, channel: string, ts: string): void => {
      const { place, message } = at(user, channel, ts);
      if (place.pins.includes(ts)) throw new Error('this message is already pinned');
      if (!isPlain(message)) throw new Error('this message cannot be pinned');
      pin(world, place, message, user);
    },
    unpins: (user: string, channel: string, ts: string): void => {
      const { place, message } = at(user, channel, ts);
      if (!place.pins.includes(ts)) throw new Error('this message is not pinned');
      unpin(world, place, message, user);
    },
    reacts: (user: string, channel: string, ts: string, name: string): void => {
      const { place, message } = at(user, channel, ts);
      const problem = reactionProblem(message, name, user);
      if (problem) throw new Error(problem);
      react(world, place, message, name, user);
    },
    unreacts: (user: string, channel: string, ts: string, name: string): void => {
      const { place, message } = at(user, channel, ts);
      if (!message.reactions?.some((one) => one.name === name && one.users.includes(user)))
        throw new Error('no_reaction');
      unreact(world, place, message, name, user);
    },
    edits: (user: string, channel: string, ts: string, text: string): void => {
      const { place, message } = at(user, channel, ts);
      if (message.user !== user || !isPlain(message)) throw new Error('only own messages can be edited');
      edit(world, place, message, { text: linkNames(fromComposer(text)) }, user);
    },
    deletes: (user: string, channel: string, ts: string): void => {
      const { place, message } = at(user, channel, ts);
      if (message.user !== user || !isPlain(message)) throw new Error('only own messages can be deleted');
      remove(world, place, message);
    },
    joins: (user: string, channel: string): void => {
      const place = seen(user, channel);
      const person = world.state.users[user];
      if (place.is_private || place.is_archived || person?.is_restricted || person?.is_ultra_restricted)
        throw new Error(`${user} cannot join #${place.name}`);
      join(world, place, user);
    },
    leaves: (user: string, channel: string): void => {
      const place = inside(user, channel);
      if (place.is_general || place.is_im) throw new Error(`nobody leaves ${place.name}`);
      leave(world, place, user);
    },
    /** Adds people, or the app's bot, to a channel; a person may invite guests. */
    invites: (user: string, channel: string, whom: readonly string[]): void => {
      const place = inside(user, channel);
      const allowed = ['user_is_restricted', 'no_external_invite_permission'];
      const problems = whom.map((id) => inviteProblem(world, place, id, user));
      const problem = problems.find((one) => one !== undefined && !allowed.includes(one));
      if (problem) throw new Error(problem);
      for (const id of whom) join(world, place, id, user);
    },
    removes: (user: string, channel: string, whom: string): void => {
      const place = inside(user, channel);
      if (!place.members.includes(whom)) throw new Error(`${whom} is not in #${place.name}`);
      leave(world, place, whom, user);
    },
    renames: (user: string, channel: string, name: string): void => {
      const place = inside(user, channel);
      const problem = nameProblem(world, name);
      if (problem) throw new Error(problem);
      rename(world, place, name, user);
    },
    archives: (user: string, channel: string): void => {
      const place = inside(user, channel);
      if (place.is_general || place.is_im) throw new Error(`${place.name} cannot be archived`);
      archive(world, place, user);
    },
    unarchives: (user: string, channel: string): void => {
      const place = seen(user, channel);
      if (!place.is_archived) throw new Error(`#${place.name} is not archived`);
      unarchive(world, place, user);
    },
    /** For ever, with all its messages, as administrators can. */
    deletesChannel: (user: string, channel: string): void => destroy(world, seen(user, channel), user),
    /** Presses a button or picks from a menu outside an input. `value` is the element's state value where it has one. */
    clicks: async (user: string, place: Place, blockId: string, actionId: string, value?: StateValue): Promise<Ack> => {
      const element = elementsOf(blockAt(user, place, blockId)).find((one) => one.action_id === actionId);
      if (!element) throw new Error(`there is no ${actionId} in ${blockId} to click`);
      const { confirm: _confirm, options: _options, option_groups: _groups, ...shown } = element;
      if (value) choose(user, place, blockId, actionId, { ...value, type: element.type });
      const action = {
        ...shown,
        ...value,
        type: element.type,
        block_id: blockId,
        action_id: actionId,
        action_ts: String(now(world) / 1000),
      };
      return interact(user, { type: 'block_actions', ...placed(user, place), actions: [action] });
    },
    /** Fills in an input of an open modal. */
    fills: (viewId: string, blockId: string, value: Record<string, unknown>): void => {
      const view = mustView(viewId);
      const byAction = view.values[blockId];
      const [actionId] = Object.keys(byAction ?? {});
      if (!byAction || actionId === undefined) throw new Error(`the modal has no input ${blockId}`);
      byAction[actionId] = { ...(byAction[actionId] as StateValue), ...value };
      delete view.errors[blockId];
      changed(world);
    },
    /** Presses the submit button of a modal. Empty inputs are stopped by the client, as Slack's does. */
    submits: async (user: string, viewId: string): Promise<Ack> => {
      const view = mustView(viewId);
      view.errors = {};
      for (const block of flatBlocks(view.blocks).filter(isInput)) {
        const value = Object.values(view.values[String(block.block_id)] ?? {})[0];
        if (block.optional !== true && isEmpty(value))
          view.errors[String(block.block_id)] = 'Please complete this required field.';
      }
      changed(world);
      if (Object.keys(view.errors).length > 0)
        return { status: 'ok', body: { response_action: 'errors', errors: view.errors }, ms: 0 };
      const payload = { ...base(user, 'view_submission'), view: showView(world, view), response_urls: [] };
      const ack = await delivery.send('interactive', payload, { respond: true });
      if (ack.status === 'ok') answerSubmission(view, ack.body as SubmissionAnswer);
      else view.errors[''] = 'We had some trouble connecting. Try again?';
      changed(world);
      return ack;
    },
    closes: async (user: string, viewId: string): Promise<void> => {
      const view = mustView(viewId);
      world.views.delete(viewId);
      changed(world);
      if (view.notify_on_close)
        await delivery.send('interactive', {
          ...base(user, 'view_closed'),
          view: showView(world, view),
          is_cleared: false,
        });
    },
    /** Types into an external select and gets its options. `where` is a view's id or a place. */
    searches: async (
      user: string,
      where: string | Place,
      blockId: string,
      text: string,
      actionId?: string,
    ): Promise<unknown[]> => {
      const place = typeof where === 'string' ? { view: where } : where;
      const all = elementsOf(blockAt(user, place, blockId));
      const element = all.find((one) => one.action_id === actionId) ?? all[0];
      const { response_url: _url, state: _state, ...at } = placed(user, place);
      const payload = {
        ...base(user, 'block_suggestion'),
        action_id: element?.action_id,
        block_id: blockId,
        value: text,
        ...at,
      };
      const ack = await delivery.send('interactive', payload, { respond: true });
      if (ack.status !== 'ok') return [];
      const { options, option_groups: groups } = (ack.body ?? {}) as {
        options?: unknown[];
        option_groups?: { options?: unknown[] }[];
      };
      const found = options ?? (Array.isArray(groups) ? groups.flatMap((group) => group.options ?? []) : undefined);
      const problems = Array.isArray(found) ? checkOptions(found) : ['options or option_groups is missing'];
      if (problems.length > 0) {
        violate(world, 'bad_ack_payload', `block_suggestion: ${problems.slice(0, 3).join(', ')}`);
        return [];
      }
      return found ?? [];
    },
    /** An administrator takes the app out of the workspace: it is told, and its token is good for nothing. */
    uninstalls: (): void => {
      const { botUser } = world.state.app;
      delivery.event({ type: 'tokens_revoked', tokens: { oauth: [], bot: [botUser] } });
      delivery.event({ type: 'app_uninstalled' });
      world.installed = 'uninstalled';
      changed(world);
    },
    /** The direct message of two people, which the app cannot read. */
    writesTo: (user: string, other: string): Channel => {
      person(other);
      const channel = betweenPeople(world, user, other);
      changed(world);
      return channel;
    },
    /** A file that somebody picked in a form: the app gets it with the submission. */
    uploads: (user: string, name: string, content: Buffer): Record<string, unknown> =>
      showFile(world, keepFile(world, person(user).id, name, content)),
    opensHome: (user: string): void => {
      const home = world.state.homes[user];
      const channel = directMessage(world, user).id;
      delivery.event({
        type: 'app_home_opened',
        user,
        channel,
        tab: 'home',
        event_ts: String(now(world) / 1000),
        ...(home ? { view: showView(world, home) } : {}),
      });
    },
    /** A global shortcut, or one on a message that this person sees; the bot need not be in that channel. */
    usesShortcut: (user: string, callbackId: string, place?: { channel: string; ts: string }): Promise<Ack> => {
      const type = place ? 'message' : 'global';
      if (!world.manifest.shortcuts.some((one) => one.callback_id === callbackId && one.type === type))
        throw new Error(`there is no ${type} shortcut ${callbackId}`);
      const action = { callback_id: callbackId, action_ts: String(now(world) / 1000) };
      if (!place) return interact(user, { type: 'shortcut', ...action });
      const channel = seen(user, place.channel);
      const message = findMessage(user, place);
      if (!message || message.ephemeral_to || message.subtype === 'tombstone')
        throw new Error('there is no such message to use a shortcut on');
      return interact(user, {
        type: 'message_action',
        ...action,
        channel: { id: channel.id, name: shownName(channel) },
        message_ts: message.ts,
        message: showMessage(world, message, true),
        response_url: `${world.origin}/response/${newResponse(user, channel.id, null)}`,
      });
    },
    /** Somebody's membership or profile was changed by an administrator. */
    changesUser: (id: string, change: Partial<World['state']['users'][string]>): void => {
      const user = world.state.users[id];
      if (!user) throw new Error(`no user ${id}`);
      Object.assign(user, change);
      delivery.event({ type: 'user_change', user: showUser(user), event_ts: String(now(world) / 1000) });
      changed(world);
    },
    changesGroup: (id: string, users: string[]): void => {
      const group = world.state.usergroups[id];
      if (!group) throw new Error(`no user group ${id}`);
      group.users = users;
      delivery.event({ type: 'subteam_members_changed', subteam_id: id, event_ts: String(now(world) / 1000) });
      changed(world);
    },
    /** POST to a response_url: a status and a body, as Slack answers. */
    respond: (id: string, body: Record<string, unknown>): { status: number; text: string } => {
      const url = world.responses.get(id);
      if (!url) return { status: 404, text: 'expired_url' };
      if (Date.now() > url.expires) return { status: 404, text: 'expired_url' };
      if (responseLimit(world, id) > 0) return { status: 429, text: 'ratelimited' };
      if (++url.uses > 5) return { status: 404, text: 'used_url' };
      const ephemerals = world.ephemerals.get(`${url.channel}:${url.user}`) ?? [];
      const old = ephemerals.findIndex((message) => message.response_id === id || message.ts === url.ts);
      if (body.delete_original === true && old >= 0) ephemerals.splice(old, 1);
      else {
        const read = readContent(world, body);
        if ('error' in read) return { status: 404, text: String(read.error.error) };
        if (body.response_type === 'in_channel') addMessage(world, url.channel, { ...ownAuthor(), ...read.content });
        else {
          if (body.replace_original === true && old >= 0) ephemerals.splice(old, 1);
          addEphemeral(world, url.channel, url.user, read.content).response_id = id;
        }
      }
      changed(world);
      return { status: 200, text: 'ok' };
    },
  };

  function say(user: string, channel: string, text: string, thread?: string): Message {
    const place = seen(user, channel);
    if (place.is_archived) throw new Error(`#${place.name} is archived`);
    const message = addMessage(world, channel, {
      user,
      text: linkNames(text),
      ...(thread ? { thread_ts: thread } : {}),
    });
    if (message.text.includes(`<@${world.state.app.botUser}>`))
      delivery.event({
        type: 'app_mention',
        user,
        text: message.text,
        ts: message.ts,
        channel,
        event_ts: message.ts,
        ...(thread ? { thread_ts: thread } : {}),
      });
    return message;
  }

  function seen(user: string, id: string): Channel {
    const channel = world.state.channels[id];
    const inIt = channel?.members.includes(user);
    if (!channel || (!inIt && (channel.is_private || person(user).is_stranger)))
      throw new Error(`${user} sees no channel ${id}`);
    return channel;
  }

  /** Where this person is a member and things can still happen. */
  function inside(user: string, id: string): Channel {
    const channel = seen(user, id);
    if (channel.is_archived) throw new Error(`#${channel.name} is archived`);
    if (!channel.members.includes(user)) throw new Error(`${user} is not in #${channel.name}`);
    return channel;
  }

  function at(user: string, id: string, ts: string): { place: Channel; message: Message } {
    const place = inside(user, id);
    const message = messagesOf(world, id).find((one) => one.ts === ts);
    if (!message) throw new Error('message_not_found');
    return { place, message };
  }

  function person(id: string): User {
    const found = world.state.users[id];
    if (!found) throw new Error(`no user ${id}`);
    return found;
  }

  /** Payloads do not tell the names of private channels. */
  function shownName(channel: Channel | undefined): string {
    if (channel?.is_im) return 'directmessage';
    return channel?.is_private ? 'privategroup' : (channel?.name ?? '');
  }

  async function command(user: string, channel: string, name: string, text: string): Promise<Ack> {
    const known = world.manifest.commands.find((one) => one.command === name);
    if (!known) {
      addEphemeral(world, channel, user, { text: `${name} is not a valid command.` });
      return { status: 'dispatch_failed', body: undefined, ms: 0 };
    }
    const responseId = newResponse(user, channel, null);
    const ack = await delivery.send(
      'slash_commands',
      {
        token: 'sandbox',
        team_id: world.state.team.id,
        team_domain: world.state.team.domain,
        channel_id: channel,
        channel_name: shownName(world.state.channels[channel]),
        user_id: user,
        user_name: person(user).name,
        command: name,
        text: known.escape ? linkNames(text) : text,
        api_app_id: world.state.app.id,
        is_enterprise_install: 'false',
        response_url: `${world.origin}/response/${responseId}`,
        trigger_id: newTrigger(user),
      },
      { respond: true },
    );
    if (ack.status !== 'ok') {
      addEphemeral(world, channel, user, { text: failureOf(name, ack.status) });
      return ack;
    }
    const body = ack.body as { text?: string; blocks?: Block[]; response_type?: string };
    if (body.text || body.blocks) {
      const read = readContent(world, body);
      if ('error' in read) {
        violate(
          world,
          'bad_ack_payload',
          `${name}: ${String(read.error.error)} ${JSON.stringify(read.error.errors ?? '')}`,
        );
        addEphemeral(world, channel, user, { text: failureOf(name, 'dispatch_failed') });
      } else if (body.response_type === 'in_channel') addMessage(world, channel, { ...ownAuthor(), ...read.content });
      else addEphemeral(world, channel, user, read.content).response_id = responseId;
    }
    return ack;
  }

  function failureOf(command: string, error: string): string {
    return world.unconfirmed.commandFailure.replace('%c', command).replace('%e', error);
  }

  async function interact(user: string, fields: Record<string, unknown>): Promise<Ack> {
    const { type: container, view_id: id } = (fields.container ?? {}) as { type?: string; view_id?: string };
    const inModal = container === 'view' && world.views.get(String(id))?.type === 'modal';
    const ack = await delivery.send(
      'interactive',
      { ...base(user, String(fields.type), inModal), ...fields },
      { respond: world.unconfirmed.clicksTakePayload },
    );
    if (ack.status === 'ok' && Object.keys((ack.body as object) ?? {}).length > 0)
      violate(world, 'bad_ack_payload', `${String(fields.type)} takes no body`);
    return ack;
  }

  function base(user: string, type: string, inModal = type === 'view_submission'): Record<string, unknown> {
    const { name, team_id } = person(user);
    return {
      type,
      // Somebody of another organisation clicks in that one's name; views say where the app is installed.
      team: { id: team_id, domain: team_id === world.state.team.id ? world.state.team.domain : team_id.toLowerCase() },
      user: { id: user, username: name, name, team_id },
      enterprise: null,
      is_enterprise_install: false,
      api_app_id: world.state.app.id,
      token: 'sandbox',
      trigger_id: newTrigger(user, inModal),
    };
  }

  function placed(user: string, place: Place): Record<string, unknown> {
    if ('view' in place) {
      const view = world.views.get(place.view) ?? homeOf(place.view);
      if (!view) throw new Error('this view is closed');
      return { container: { type: 'view', view_id: view.id }, view: showView(world, view) };
    }
    const message = findMessage(user, place) as Message;
    const ephemeral = message.ephemeral_to !== undefined;
    return {
      container: {
        type: 'message',
        message_ts: place.ts,
        channel_id: place.channel,
        is_ephemeral: ephemeral,
        ...(message.thread_ts ? { thread_ts: message.thread_ts } : {}),
      },
      channel: { id: place.channel, name: shownName(world.state.channels[place.channel]) },
      ...(ephemeral ? {} : { message: showMessage(world, message, true) }),
      state: { values: world.choices.get(`${user}:${place.channel}:${place.ts}`) ?? {} },
      response_url: `${world.origin}/response/${newResponse(user, place.channel, place.ts)}`,
    };
  }

  function answerSubmission(view: View, answer: SubmissionAnswer): void {
    switch (answer?.response_action) {
      case undefined:
        world.views.delete(view.id);
        return;
      case 'clear':
        for (const [id, open] of world.views) if (open.user === view.user) world.views.delete(id);
        return;
      case 'errors': {
        for (const [blockId, text] of Object.entries(answer.errors ?? {})) {
          if (!flatBlocks(view.blocks).some((block) => isInput(block) && block.block_id === blockId))
            violate(world, 'bad_ack_payload', `errors names ${blockId}, which is no input`);
          view.errors[blockId] = text;
        }
        return;
      }
      case 'update':
      case 'push': {
        const read = readView(world, answer.view);
        if ('error' in read) {
          violate(world, 'bad_ack_payload', JSON.stringify(read.error.response_metadata));
          view.errors[''] = 'We had some trouble connecting. Try again?';
        } else if (answer.response_action === 'update') replaceView(world, view, read.view as GivenView);
        else putView(world, view.user, read.view as GivenView, view);
        return;
      }
      default:
        violate(world, 'bad_ack_payload', `unknown response_action ${String(answer.response_action)}`);
    }
  }

  function findMessage(user: string, place: { channel: string; ts: string }): Message | undefined {
    return (
      messagesOf(world, place.channel).find((one) => one.ts === place.ts) ??
      world.ephemerals.get(`${place.channel}:${user}`)?.find((one) => one.ts === place.ts)
    );
  }

  function homeOf(id: string): View | undefined {
    return Object.values(world.state.homes).find((home) => home.id === id);
  }

  function blockAt(user: string, place: Place, blockId: string): Block | undefined {
    const blocks =
      'view' in place
        ? (world.views.get(place.view)?.blocks ?? homeOf(place.view)?.blocks)
        : blocksIn(findMessage(user, place));
    return flatBlocks(blocks).find((block) => block.block_id === blockId);
  }

  /** Its own, and those of the links in it. */
  function blocksIn(message: Message | undefined): Block[] {
    return [...(message?.blocks ?? []), ...(message?.attachments ?? []).flatMap((one) => one.blocks ?? [])];
  }

  /** What was chosen outside of inputs is part of the state that later payloads carry. */
  function choose(user: string, place: Place, blockId: string, actionId: string, value: StateValue): void {
    if (value.type === 'button' || value.type === 'overflow') return;
    const values =
      'view' in place ? (world.views.get(place.view) ?? homeOf(place.view))?.values : chosenIn(user, place);
    if (!values) return;
    values[blockId] = { ...values[blockId], [actionId]: value };
    changed(world);
  }

  function chosenIn(user: string, place: { channel: string; ts: string }): View['values'] {
    const key = `${user}:${place.channel}:${place.ts}`;
    const values = world.choices.get(key) ?? {};
    world.choices.set(key, values);
    if (world.choices.size > 1_000) world.choices.delete(world.choices.keys().next().value as string);
    return values;
  }

  function mustView(id: string): View {
    const view = world.views.get(id);
    if (!view) throw new Error('this modal is closed');
    return view;
  }

  function newTrigger(user: string, inModal = false): string {
    const id = `${newId(world, 't')}.${randomUUID()}`;
    forgetOld(world.triggers, 60_000);
    world.triggers.set(id, { user, expires: Date.now() + 3_000, used: false, inModal });
    return id;
  }

  function newResponse(user: string, channel: string, ts: string | null): string {
    const id = randomUUID();
    forgetOld(world.responses, 60_000);
    world.responses.set(id, { user, channel, ts, expires: Date.now() + 30 * 60_000, uses: 0 });
    return id;
  }

  function ownAuthor() {
    return { user: world.state.app.botUser, bot_id: world.state.app.botId, app_id: world.state.app.id };
  }

  /** `@ana` and `#releases` become ids, as Slack's composer and should_escape do. */
  function linkNames(text: string): string {
    return text
      .replace(/(^|[\s:])@([a-z0-9._-]+)/g, (whole, before: string, name: string) => {
        const user = Object.values(world.state.users).find((one) => one.name === name);
        return user ? `${before}<@${user.id}${user.is_bot ? '' : `|${user.name}`}>` : whole;
      })
      .replace(/(^|\s)#([a-z0-9_-]+)/g, (whole, before: string, name: string) => {
        const channel = Object.values(world.state.channels).find((one) => one.name === name && !one.is_im);
        return channel ? `${before}<#${channel.id}|${channel.name}>` : whole;
      });
  }
}

/** What was typed as Slack keeps it: three characters escaped, addresses as links. */
function fromComposer(typed: string): string {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return typed
    .split(/(https?:\/\/[^\s<>]*[^\s<>.,;:!?)'"])/)
    .map((part, index) => (index % 2 === 0 ? escaped(part) : `<${escaped(part)}>`))
    .join('');
}

/** Entries are made in order: the oldest go when they are long over, or when there are very many. */
function forgetOld(all: Map<string, { readonly expires: number }>, afterMs: number): void {
  for (const [id, { expires }] of all) {
    if (all.size < 20_000 && Date.now() < expires + afterMs) return;
    all.delete(id);
  }
}

type SubmissionAnswer = { response_action?: string; errors?: Record<string, string>; view?: unknown };

export function elementsOf(
  block: Block | undefined,
): (Record<string, unknown> & { type: string; action_id?: string })[] {
  if (!block) return [];
  const all = [
    block.element,
    block.accessory,
    ...((block.type === 'carousel' ? [] : (block.elements as unknown[])) ?? []),
    ...((block.type === 'card' ? (block.actions as unknown[]) : []) ?? []),
  ];
  return all.filter(
    (one): one is Record<string, unknown> & { type: string } =>
      typeof one === 'object' && one !== null && 'type' in one,
  );
}

function isEmpty(value: StateValue | undefined): boolean {
  if (!value) return true;
  const { type: _type, ...rest } = value;
  return Object.values(rest).every(
    (inner) => inner === null || inner === '' || (Array.isArray(inner) && inner.length === 0),
  );
}
