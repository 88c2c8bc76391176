import type { DirectoryNeeds } from '../domain/person.ts';
import { type PrefsFacts, PrefsInput, setPrefs } from '../domain/prefs.ts';
import { loadPrefs } from '../store/facts.ts';
import type { Command, Verb } from './command.ts';

export const prefsCommand: Command<PrefsInput, PrefsFacts> = {
  name: 'prefs',
  audience: 'members',
  input: PrefsInput,
  load: async (tx, by) => ({ ok: true, facts: await loadPrefs(tx, by.workspace, by.actor ?? '') }),
  needs: (facts, { prefs }): DirectoryNeeds => {
    const to = prefs.delegate?.to ?? facts.prefs.delegate?.to;
    return { people: to === undefined ? [] : [to], usergroups: [], channels: [] };
  },
  decide: setPrefs,
};

export const prefsVerb: Verb = {
  name: 'prefs',
  synonyms: ['preferences', 'settings'],
  job: 'Follow',
  usage: 'prefs',
  summary: 'when you may be asked, who votes for you meanwhile, which messages you want',
  examples: ['prefs'],
  target: false,
  parse: () => ({ do: 'open', form: { kind: 'prefs' } }),
};
