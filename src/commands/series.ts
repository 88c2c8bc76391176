import { type DirectoryNeeds, needNothing } from '../domain/person.ts';
import { readRule } from '../domain/recurrence.ts';
import { requestNeeds } from '../domain/request.ts';
import {
  DueSeries,
  nextOf,
  OfSeries,
  type RepeatFacts,
  RepeatInput,
  repeatRelease,
  requestOf,
  runSeries,
  type SeriesFacts,
  stopSeries,
} from '../domain/series.ts';
import { isDate } from '../domain/time.ts';
import { findSeries, seriesOf } from '../store/calendar.ts';
import { loadRequest } from '../store/facts.ts';
import type { Tx } from '../store/tx.ts';
import { type Command, call, type LoadBy, type Loaded, loadRelease, missing, ofRelease, type Verb } from './command.ts';
import { wishOf } from './request.ts';

export const repeatCommand: Command<RepeatInput, RepeatFacts> = {
  name: 'repeat',
  audience: 'members',
  input: RepeatInput,
  contends: ofRelease,
  load: loadRepeat,
  decide: repeatRelease,
};

const stopSeriesCommand: Command<OfSeries, RepeatFacts> = {
  name: 'repeat off',
  audience: 'members',
  input: OfSeries,
  contends: ofRelease,
  load: loadRepeat,
  decide: stopSeries,
};

export const runSeriesCommand: Command<DueSeries, SeriesFacts> = {
  name: 'clock series',
  audience: 'clock',
  input: DueSeries,
  contends: (input) => [`series:${input.series}`],
  crowd: 'calendar',
  load: async (tx, by, input) => {
    const series = await findSeries(tx, by.workspace, input.series);
    const next = series?.active ? nextOf(series, by.now) : undefined;
    if (!series || !next) return { ok: true, facts: { series, next: undefined, request: undefined } };
    const wish = wishOf(requestOf(series, next));
    return { ok: true, facts: { series, next, request: await loadRequest(tx, { ...by, actor: series.owner }, wish) } };
  },
  needs: ({ series, next, request }) =>
    series && next && request ? withPerson(requestNeeds(request, requestOf(series, next)), series.owner) : needNothing,
  numbered: true,
  decide: runSeries,
};

export const repeatVerb: Verb = {
  name: 'repeat',
  synonyms: [],
  job: 'Ask',
  usage: 'repeat [REL-142] weekly | every 2 weeks | tue,thu | monthly [until 2027-01-31] [version:{date}] | off',
  summary: 'asks for the same release again, a week ahead of each time',
  examples: [
    'repeat REL-142 weekly until 2027-01-31',
    'repeat REL-142 every 2 weeks version:web-{date}',
    'repeat REL-142 off',
  ],
  target: true,
  parse: (line, _said, release) => {
    const words = [...line.words];
    if (words.join(' ') === 'off') return { do: 'run', call: call(stopSeriesCommand, { release }) };
    const at = words.indexOf('until');
    const until = at < 0 ? undefined : words[at + 1];
    if (at >= 0 && !isDate(until ?? '')) return missing('until when, like until 2027-01-31');
    const rule = readRule(words.filter((_, index) => at < 0 || (index !== at && index !== at + 1)).join(' '));
    if (rule === undefined) return missing('how often: weekly, every 2 weeks, tue,thu or monthly');
    const version = line.options.version ?? '{date}';
    const ends = until ? `;UNTIL=${until.replaceAll('-', '')}` : '';
    return { do: 'run', call: call(repeatCommand, { release, rule: `${rule}${ends}`, version }) };
  },
};

function withPerson(needs: DirectoryNeeds, person: string): DirectoryNeeds {
  return { ...needs, people: [...needs.people, person] };
}

async function loadRepeat(tx: Tx, by: LoadBy, input: { release: number }): Promise<Loaded<RepeatFacts>> {
  const release = await loadRelease(tx, by, input);
  if (!release.ok) return release;
  return { ok: true, facts: { ...release.facts, ...(await seriesOf(tx, by.workspace, input.release)) } };
}
