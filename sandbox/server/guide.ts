import { createDriver } from '../driver.ts';
import type { Sandbox } from './server.ts';
import { changed, messagesOf, moveClock, now, record, type World } from './world.ts';

/*
 * A guide that a seed file brings along: each step is one click, after which somebody does something in the workspace.
 * What a step waits for can be used by later ones: `waits: "REL-\\d+"` makes `{found}`.
 */

export type Deed =
  | { readonly types: string }
  | { readonly waits: string }
  | { readonly opens: string }
  | { readonly picks: Readonly<Record<string, string>> }
  | { readonly fills: Readonly<Record<string, Record<string, unknown>>> }
  | { readonly submits: true }
  | { readonly clicks: string; readonly about?: string }
  /** `+90m`, or `found`: to the first moment that the message which was waited for names; either with an offset. */
  | { readonly clock: string };

export type Step = {
  readonly title: string;
  readonly text: string;
  readonly button: string;
  /** Who acts, and where. */
  readonly as: string;
  readonly where: string;
  readonly do: readonly Deed[];
};

export function createGuide(sandbox: Sandbox, steps: readonly Step[]) {
  const { world } = sandbox;
  const driver = createDriver(sandbox);
  let found = '';
  let moment: number | undefined;
  if (steps.length > 0)
    world.guide = {
      steps: steps.map(({ do: _do, ...shown }) => shown),
      done: world.state.guided,
      busy: false,
      said: '',
    };
  if (world.state.guided > 0) found = world.state.guideFound;

  return {
    /** Does the next step; a step that goes wrong says why and can be tried again. */
    next: async (): Promise<void> => {
      const step = steps[world.state.guided];
      if (!world.guide || !step || world.guide.busy) return;
      world.guide = { ...world.guide, busy: true, said: '' };
      changed(world);
      let said = '';
      try {
        const since = now(world);
        for (const deed of step.do) await act(step, deed, since);
        world.state.guided++;
      } catch (error) {
        said = `That did not work: ${(error as Error).message}`;
        record(world, 'control', 'guide', said, true);
      }
      world.state.guideFound = found;
      world.guide = { ...world.guide, busy: false, done: world.state.guided, said };
      changed(world);
    },
    /** Puts the guide away, or brings it back to its first step. */
    skip: (): void => {
      world.state.guided = steps.length;
      if (world.guide) world.guide = { ...world.guide, done: steps.length, said: '' };
      changed(world);
    },
  };

  async function act(step: Step, deed: Deed, since: number): Promise<void> {
    const user = world.state.users[step.as];
    const person = driver.person(user?.name ?? step.as);
    const fill = (text: string) => text.replaceAll('{found}', found);
    if ('types' in deed) {
      const ack = await person.types(fill(deed.types), step.where);
      if (ack.status !== 'ok') throw new Error(`the app did not answer: ${ack.status}`);
    } else if ('waits' in deed) {
      const wanted = new RegExp(fill(deed.waits));
      await driver.until(`a message that says ${deed.waits}`, () => {
        for (const message of seen(world, step.where, step.as).reverse()) {
          if (Number(message.ts) * 1000 < since - 1_000) break;
          const words = JSON.stringify([message.text, message.blocks]);
          const match = wanted.exec(words);
          if (!match) continue;
          if (match[0].length < 40) found = match[0];
          const date = /<!date\^(\d+)/.exec(words);
          if (date) moment = Number(date[1]) * 1000;
          return true;
        }
        return undefined;
      });
    } else if ('opens' in deed) await person.modal(new RegExp(fill(deed.opens)));
    else if ('picks' in deed) for (const [block, value] of Object.entries(deed.picks)) await person.picks(block, value);
    else if ('fills' in deed) await person.fills(deed.fills);
    else if ('submits' in deed) await person.submits();
    else if ('clicks' in deed) {
      const where =
        step.where === world.state.channels[step.where]?.id
          ? (world.state.channels[step.where]?.name ?? '')
          : step.where;
      await person.clicks(new RegExp(deed.clicks), where, deed.about ? new RegExp(fill(deed.about)) : undefined);
    } else {
      const [, base = '', sign = '', amount = '0', unit = 'm'] =
        /^(found)?\s*(?:([+-])(\d+)([mh]))?$/.exec(deed.clock) ?? [];
      const by = Number(amount) * (unit === 'h' ? 60 : 1) * 60_000 * (sign === '-' ? -1 : 1);
      const to = (base === 'found' ? (moment ?? now(world)) : now(world)) + by;
      if (to > now(world)) moveClock(world, to - now(world));
    }
  }
}

function seen(world: World, channel: string, user: string) {
  return [...messagesOf(world, channel), ...(world.ephemerals.get(`${channel}:${user}`) ?? [])];
}
