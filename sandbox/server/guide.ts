import { createDriver } from '../driver.ts';
import type { Sandbox } from './sandbox.ts';
import { sees } from './screen.ts';
import type { Deed, Step } from './state.ts';
import { changed, messagesOf, moveClock, now, record, type World } from './world.ts';

/*
 * A guide that a seed file brings along: each step is one click, after which somebody does something in the workspace.
 * What a step waits for can be used by later ones: `waits: "REL-\\d+"` makes `{found}`, and a group of digits in it is a
 * moment, in seconds, for `clock: found`.
 */

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
      look: null,
    };
  if (world.state.guided > 0) found = world.state.guideFound;

  return {
    /** Does the next step; a step that goes wrong says why and can be tried again. */
    next: async (): Promise<void> => {
      const step = steps[world.state.guided];
      if (!world.guide || !step || world.guide.busy) return;
      world.guide = { ...world.guide, busy: true, said: '', look: null };
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
    /** Puts the guide away. */
    skip: (): void => {
      world.state.guided = steps.length + 1;
      if (world.guide) world.guide = { ...world.guide, done: world.state.guided, said: '' };
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
      // What names an earlier find may stand in a message that was there before, and is edited now.
      const oldest = deed.waits.includes('{found}') ? 0 : since - 1_000;
      await driver.until(`a message that says ${fill(deed.waits)}`, () => {
        for (const message of seenBy(world, step.as)) {
          if (Number(message.ts) * 1000 < oldest) continue;
          const match = wanted.exec(JSON.stringify([message.text, message.blocks]));
          if (!match) continue;
          if (match[1]) moment = Number(match[1]) * 1000;
          else if (!deed.waits.includes('{found}')) found = match[0];
          return true;
        }
        return undefined;
      });
    } else if ('opens' in deed) await person.modal(new RegExp(fill(deed.opens)));
    else if ('picks' in deed) for (const [block, value] of Object.entries(deed.picks)) await person.picks(block, value);
    else if ('fills' in deed) await person.fills(deed.fills);
    else if ('submits' in deed) await person.submits();
    else if ('looks' in deed) {
      const name = new RegExp(fill(deed.looks), 'i');
      const channel = Object.values(world.state.channels).find((one) => name.test(one.name));
      if (world.guide && channel) world.guide = { ...world.guide, look: { as: step.as, channel: channel.id } };
    } else if ('clicks' in deed) {
      const where = world.state.channels[step.where]?.name ?? step.where;
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

function seenBy(world: World, user: string) {
  const channels = Object.values(world.state.channels).filter((channel) => sees(world, channel, user));
  return channels.flatMap(({ id }) => [...messagesOf(world, id), ...(world.ephemerals.get(`${id}:${user}`) ?? [])]);
}
