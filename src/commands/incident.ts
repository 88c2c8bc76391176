import {
  clearReleases,
  closeIncident,
  type IncidentFacts,
  IncidentInput,
  linkIncident,
  OfIncident,
  ReportInput,
  remindIncident,
  reportIncident,
} from '../domain/incident.ts';
import type { WatchFacts } from '../domain/watch.ts';
import { findReported, loadIncident } from '../store/incident.ts';
import type { Tx } from '../store/tx.ts';
import { type Command, call, type LoadBy, missing, ofRelease, type Verb } from './command.ts';
import { loadRoom } from './room.ts';

export const incidentCommand: Command<IncidentInput, WatchFacts & Pick<IncidentFacts, 'reported'>> = {
  name: 'incident',
  audience: 'members',
  input: IncidentInput,
  contends: (input) => [...ofRelease(input), ...ofKey(input)],
  load: async (tx, by, input) => {
    const loaded = await loadRoom(tx, by, input);
    if (!loaded.ok) return loaded;
    return { ok: true, facts: { ...loaded.facts, reported: await findReported(tx, by.workspace, input.key) } };
  },
  decide: linkIncident,
};

const ofIncident = { audience: 'members', contends: ofKey, load } as const;
export const reportIncidentCommand: Command<ReportInput, IncidentFacts> = {
  name: 'incident report',
  ...ofIncident,
  input: ReportInput,
  decide: reportIncident,
};
export const noReleaseCommand: Command<OfIncident, IncidentFacts> = {
  name: 'incident none',
  ...ofIncident,
  input: OfIncident,
  decide: clearReleases,
};
export const closeIncidentCommand: Command<OfIncident, IncidentFacts> = {
  name: 'incident over',
  ...ofIncident,
  input: OfIncident,
  decide: closeIncident,
};

export const remindIncidentCommand: Command<OfIncident, IncidentFacts> = {
  name: 'clock incident',
  ...ofIncident,
  audience: 'clock',
  input: OfIncident,
  decide: remindIncident,
};

export const incidentVerb: Verb = {
  name: 'incident',
  synonyms: [],
  job: 'Run',
  usage: 'incident [REL-142] <key> [what is wrong] [svc:checkout] | [REL-142] <key> over',
  summary: 'reports an incident and asks which release it came after, or links it with one',
  examples: ['incident INC-77 checkout is slow', 'incident REL-142 INC-77 checkout is slow', 'incident INC-77 over'],
  target: 'maybe',
  parse: (line, _said, release) => {
    const [key, ...rest] = line.words;
    const close = rest[0] === 'over';
    // Without a number it is most likely the first word of what is wrong.
    if (key === undefined || (!close && !/\d/.test(key))) return missing('the incident, like INC-77');
    const about = { key: key.slice(0, 60), note: close ? '' : [...rest, ...line.quoted].join(' ').slice(0, 500) };
    if (release !== undefined) return { do: 'run', call: call(incidentCommand, { release, ...about, close }) };
    if (close) return { do: 'run', call: call(closeIncidentCommand, { key: about.key }) };
    const services = readServices(line.options.svc ?? '');
    return { do: 'run', call: call(reportIncidentCommand, { ...about, link: '', services }) };
  },
};

/** "checkout, payments" → both. */
export function readServices(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((one) => one !== '')
    .map((one) => one.slice(0, 40))
    .slice(0, 20);
}

function ofKey({ key }: { readonly key: string }): string[] {
  return [`incident:${key.trim().toLowerCase()}`];
}

async function load(tx: Tx, by: LoadBy, { key }: { readonly key: string }) {
  return { ok: true as const, facts: await loadIncident(tx, by, key) };
}
