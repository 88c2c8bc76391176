import { arrangeHome, type HomeFacts, HomeInput } from '../domain/home.ts';
import { loadHomeFacts } from '../store/facts.ts';
import type { Command } from './command.ts';

/** What somebody wants to see on App Home. */
export const homeCommand: Command<HomeInput, HomeFacts> = {
  name: 'home',
  audience: 'members',
  input: HomeInput,
  load: async (tx, by) => ({ ok: true, facts: await loadHomeFacts(tx, by.workspace, by.actor ?? '') }),
  decide: arrangeHome,
};
