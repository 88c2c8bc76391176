import type { Ack } from './server/deliver.ts';
import { elementsOf, type Place } from './server/people.ts';
import type { Sandbox } from './server/sandbox.ts';
import type { Channel, Message, View } from './server/state.ts';

/*
 * People for tests: they type, click and fill in, and look at what the workspace shows them.
 */
export type Driver = ReturnType<typeof createDriver>;

const patienceMs = Number(process.env.PATIENCE_MS ?? 15_000);

export function createDriver(sandbox: Sandbox) {
  const { world, people } = sandbox;

  function channelNamed(name: string): Channel {
    const found = Object.values(world.state.channels).find((one) => one.name === name || one.id === name);
    if (!found) throw new Error(`there is no channel ${name}`);
    return found;
  }

  function person(name: string) {
    const user = Object.values(world.state.users).find((one) => one.name === name);
    if (!user) throw new Error(`there is nobody called ${name}`);
    const { id } = user;
    const seenIn = (channel: string): Message[] => {
      const place = world.state.channels[channel];
      if (place?.is_private && !place.members.includes(id)) return [];
      return [...(world.state.messages[channel] ?? []), ...(world.ephemerals.get(`${channel}:${id}`) ?? [])];
    };
    const dm = () => Object.values(world.state.channels).find((one) => one.is_im && one.user === id)?.id ?? '';
    const openModal = (): View | undefined =>
      [...world.views.values()].filter((view) => view.user === id && view.type === 'modal').at(-1);

    const placed = (where: string) => (where === 'dm' ? dm() : channelNamed(where).id);
    /** The newest message about something that this person sees in a channel. */
    const messageAbout = (about: RegExp, where: string): Promise<{ channel: string; ts: string }> =>
      until(`a message about ${about} in ${where} for ${name}`, () => {
        const channel =
          where === 'dm' ? dm() : Object.values(world.state.channels).find((one) => one.name === where)?.id;
        if (!channel) return undefined;
        const found = seenIn(channel)
          .filter((message) => message.ephemeral_to === undefined && about.test(wordsOf(message)))
          .sort((a, b) => Number(a.ts) - Number(b.ts))
          .at(-1);
        return found ? { channel, ts: found.ts } : undefined;
      });

    return {
      id,
      /** Posts a plain message and gives it back; `thread` is about the message that it answers. */
      says: async (text: string, where = 'releases', thread?: RegExp): Promise<Message> =>
        people.says(id, placed(where), text, thread ? (await messageAbout(thread, where)).ts : undefined),
      pins: async (about: RegExp, where = 'releases'): Promise<void> => {
        const { channel, ts } = await messageAbout(about, where);
        people.pins(id, channel, ts);
      },
      unpins: async (about: RegExp, where = 'releases'): Promise<void> => {
        const { channel, ts } = await messageAbout(about, where);
        people.unpins(id, channel, ts);
      },
      reacts: async (emoji: string, about: RegExp, where = 'releases'): Promise<void> => {
        const { channel, ts } = await messageAbout(about, where);
        people.reacts(id, channel, ts, emoji);
      },
      unreacts: async (emoji: string, about: RegExp, where = 'releases'): Promise<void> => {
        const { channel, ts } = await messageAbout(about, where);
        people.unreacts(id, channel, ts, emoji);
      },
      usesOnMessage: async (callbackId: string, about: RegExp, where = 'releases'): Promise<Ack> =>
        people.usesShortcut(id, callbackId, await messageAbout(about, where)),
      uses: async (callbackId: string): Promise<Ack> => people.usesShortcut(id, callbackId),
      editsMessage: async (about: RegExp, text: string, where = 'releases'): Promise<void> => {
        const { channel, ts } = await messageAbout(about, where);
        people.edits(id, channel, ts, text);
      },
      deletesMessage: async (about: RegExp, where = 'releases'): Promise<void> => {
        const { channel, ts } = await messageAbout(about, where);
        people.deletes(id, channel, ts);
      },
      joins: (where: string): void => people.joins(id, channelNamed(where).id),
      leaves: (where: string): void => people.leaves(id, channelNamed(where).id),
      /** `whom` are names, as in `person`. */
      invites: (where: string, ...whom: string[]): void =>
        people.invites(
          id,
          channelNamed(where).id,
          whom.map((one) => person(one).id),
        ),
      archives: (where: string): void => people.archives(id, channelNamed(where).id),
      unarchives: (where: string): void => people.unarchives(id, channelNamed(where).id),
      renames: (where: string, to: string): void => people.renames(id, channelNamed(where).id, to),
      types: (text: string, where = 'releases'): Promise<Ack> => people.types(id, channelNamed(where).id, text),
      /** The newest message with such a button that this person can see there. `where` is a channel, "dm" or "modal". */
      clicks: async (label: string | RegExp, where = 'releases', about?: RegExp): Promise<Ack> => {
        const target = await until(`a button ${String(label)} in ${where} for ${name}`, () =>
          findButton(label, where, about),
        );
        return people.clicks(id, target.place, target.blockId, target.actionId);
      },
      /** Waits for the form itself: a skeleton has no inputs yet. */
      modal: (title?: RegExp): Promise<View> =>
        until(`a modal for ${name}`, () => {
          const view = openModal();
          return view && view.submit !== null && (!title || title.test(textOf(view.title))) ? view : undefined;
        }),
      /** What an open modal without inputs says. */
      reads: (text: RegExp): Promise<View> =>
        until(`a modal that says ${text} to ${name}`, () =>
          [openModal()].find((view) => view && text.test(textOf(view.blocks))),
        ),
      fills: async (inputs: Readonly<Record<string, Record<string, unknown>>>): Promise<void> => {
        const view = await until(`a form for ${name}`, () => [openModal()].find((one) => one && one.submit !== null));
        for (const [block, value] of Object.entries(inputs)) people.fills(view.id, block, value);
      },
      /** Chooses one option of a menu or of radio buttons. */
      picks: async (block: string, value: string): Promise<void> => {
        const view = await until(`a form for ${name}`, () => [openModal()].find((one) => one && one.submit !== null));
        people.fills(view.id, block, { selected_option: { text: { type: 'plain_text', text: value }, value } });
      },
      submits: async (): Promise<Ack> => {
        const view = await until(`a form for ${name}`, () => [openModal()].find((one) => one && one.submit !== null));
        return people.submits(id, view.id);
      },
      closes: async (): Promise<void> => {
        const view = openModal();
        if (view) await people.closes(id, view.id);
      },
      searches: async (block: string, text: string): Promise<unknown[]> =>
        people.searches(id, (openModal() as View).id, block, text),
      modalNow: openModal,
      opensHome: () => people.opensHome(id),
      /** Everything that this person can read in a channel now, one text per message. */
      sees: (where = 'releases'): string[] => seenIn(placed(where)).map(wordsOf),
      seesEventually: (text: RegExp, where = 'releases'): Promise<string> =>
        until(`${name} to read ${text} in ${where}`, () => {
          const channel =
            where === 'dm' ? dm() : Object.values(world.state.channels).find((one) => one.name === where)?.id;
          if (!channel) return undefined;
          return seenIn(channel)
            .map(wordsOf)
            .find((one) => text.test(one));
        }),
    };

    function findButton(
      label: string | RegExp,
      where: string,
      about?: RegExp,
    ): { place: Place; blockId: string; actionId: string } | undefined {
      const fits = (text: string) => (typeof label === 'string' ? text === label : label.test(text));
      const inBlocks = (blocks: View['blocks'] | undefined) => {
        for (const block of blocks ?? [])
          for (const element of elementsOf(block))
            if (element.type === 'button' && fits(textOf(element.text)))
              return { blockId: String(block.block_id), actionId: String(element.action_id) };
        return undefined;
      };
      if (where === 'modal' || where === 'home') {
        const view = where === 'modal' ? openModal() : world.state.homes[id];
        const found = inBlocks(view?.blocks);
        return view && found ? { place: { view: view.id }, ...found } : undefined;
      }
      const channel = where === 'dm' ? dm() : Object.values(world.state.channels).find((one) => one.name === where)?.id;
      if (!channel) return undefined;
      const messages = seenIn(channel).sort((a, b) => Number(b.ts) - Number(a.ts));
      for (const message of messages) {
        if (about && !about.test(wordsOf(message))) continue;
        const found = inBlocks(message.blocks);
        if (found) return { place: { channel, ts: message.ts }, ...found };
      }
      return undefined;
    }
  }

  function wordsOf(message: Message): string {
    const files = (message.files ?? []).map((id) => `\n${world.state.files[id]?.title ?? ''}`);
    return `${message.text}\n${textOf(message.blocks)}${files.join('')}`;
  }

  return {
    person,
    channel: (name: string): Channel | undefined =>
      Object.values(world.state.channels).find((one) => one.name === name),
    channelEventually: (name: RegExp): Promise<Channel> =>
      until(`a channel ${name}`, () => Object.values(world.state.channels).find((one) => name.test(one.name))),
    messages: (name: string): Message[] => world.state.messages[channelNamed(name).id] ?? [],
    until,
  };
}

/** Waits until `look` finds something; says what it waited for when it does not. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  ms = patienceMs,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited ${ms / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** All text in blocks, for looking at. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean).join('\n');
  if (typeof value !== 'object' || value === null) return '';
  const { text, fields, elements, accessory, label, element, title } = value as Record<string, unknown>;
  return [text, fields, elements, accessory, label, element, title].map(textOf).filter(Boolean).join('\n');
}
