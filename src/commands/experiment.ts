import {
  askExperiment,
  ConcludeInput,
  concludeExperiment,
  type ExperimentFacts,
  OfExperiment,
  outcomes,
  readExperimentKey,
  type StartFacts,
  StartInput,
  startExperiment,
} from '../domain/experiment.ts';
import type { Line } from '../domain/line.ts';
import { type MetricKey, type MetricUnit, metricKeys, metrics, stageKeys } from '../domain/metric.ts';
import { nearest } from '../domain/nearest.ts';
import { isDate, readDuration } from '../domain/time.ts';
import { loadExperiment, loadExperimentStart } from '../store/experiment.ts';
import type { Tx } from '../store/tx.ts';
import { badOption, type Command, call, type LoadBy, missing, type Parsed, type Verb } from './command.ts';

export const startExperimentCommand: Command<StartInput, StartFacts> = {
  name: 'experiment add',
  audience: 'members',
  input: StartInput,
  // They are numbered.
  contends: () => ['experiments'],
  load: async (tx, by, input) => ({ ok: true, facts: await loadExperimentStart(tx, by, input) }),
  decide: startExperiment,
};

const ofExperiment = {
  contends: ({ experiment }: OfExperiment) => [`experiment:${experiment}`],
  load: async (tx: Tx, by: LoadBy, { experiment }: OfExperiment) => ({
    ok: true as const,
    facts: await loadExperiment(tx, by, experiment),
  }),
} as const;
export const concludeExperimentCommand: Command<ConcludeInput, ExperimentFacts> = {
  name: 'experiment conclude',
  audience: 'members',
  ...ofExperiment,
  input: ConcludeInput,
  decide: concludeExperiment,
};
export const askExperimentCommand: Command<OfExperiment, ExperimentFacts> = {
  name: 'clock experiment',
  audience: 'clock',
  ...ofExperiment,
  input: OfExperiment,
  decide: askExperiment,
};

export const experimentVerb: Verb = {
  name: 'experiment',
  synonyms: ['experiments'],
  job: 'Look',
  usage:
    'experiment [list | add "<what you expect>" metric:change_fail_rate target:<5% until:2026-12-15 [team:x] | EXP-3 kept|dropped "<what you learnt>" | EXP-3 extended until:2026-12-31 "<why>"]',
  summary: 'tries to get a number better: what you expect, by how much, until when, and what came of it',
  examples: [
    'experiment add "Smaller batches fail less" metric:change_fail_rate target:<5% until:2026-12-15 team:payments',
    'experiment EXP-3 kept "Half as many failures"',
    'experiment list',
  ],
  target: false,
  parse: (line): Parsed => {
    const [first = 'list', ...rest] = line.words;
    if (first === 'list') return { do: 'answer', question: { ask: 'experiments' } };
    if (first === 'add') return add(line, rest);
    const words = first === 'conclude' ? rest : line.words;
    const experiment = readExperimentKey(words[0] ?? '');
    if (experiment === undefined) return { do: 'usage', problem: { code: 'unexpected', text: words[0] ?? first } };
    const said = words[1] ?? '';
    const outcome = outcomes.find((one) => one === said);
    if (!outcome) return badOption('outcome', said, outcomes);
    const until = line.options.until ?? null;
    if (outcome === 'extended' && (until === null || !isDate(until)))
      return badOption('until', until ?? '', ['2026-12-31']);
    const learnt = [...words.slice(2), ...line.quoted].join(' ').slice(0, 1_000);
    const input = { experiment, outcome, words: learnt, until: outcome === 'extended' ? until : null };
    return { do: 'run', call: call(concludeExperimentCommand, input) };
  },
};

const known = ['metric', 'target', 'until', 'team', 'env'];

function add({ quoted, options }: Line, words: readonly string[]): Parsed {
  const strange = Object.keys(options).find((option) => !known.includes(option));
  if (strange) return { do: 'usage', problem: { code: 'unexpected', text: `${strange}:${options[strange]}` } };
  const hypothesis = (quoted[0] ?? words.join(' ')).trim().slice(0, 300);
  if (hypothesis === '') return missing('what you expect, in quotes');
  const [name = '', ...parts] = (options.metric ?? '').split(':');
  const metric = readMetric(name);
  if (!metric) {
    const close = nearest(name.toLowerCase(), metricKeys);
    return badOption('metric', name, close ? [close] : metricKeys);
  }
  const part = readPart(metric, parts.join(':'));
  if (part === undefined)
    return badOption('metric', options.metric ?? '', [
      `${metric}:${metric === 'stage_time' ? stageKeys.join('|') : 'SRE'}`,
    ]);
  const target = readTarget(metrics[metric].unit, options.target ?? '');
  if (!target) return badOption('target', options.target ?? '', targets[metrics[metric].unit]);
  const until = options.until ?? '';
  if (!isDate(until)) return badOption('until', until, ['2026-12-15']);
  const about = { hypothesis, metric, part, ...target, until };
  const where = { team: options.team?.toLowerCase() ?? null, environment: options.env?.toLowerCase() ?? null };
  return { do: 'run', call: call(startExperimentCommand, { ...about, ...where }) };
}

/** "change_fail_rate", "change-fail-rate", "Change fail rate". */
function readMetric(text: string): MetricKey | undefined {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
  return metricKeys.find((key) => key === name);
}

/** The part that is meant; undefined where one has to be named. */
function readPart(metric: MetricKey, text: string): string | undefined {
  switch (metric) {
    case 'approval_wait':
      return text === '' ? undefined : text.slice(0, 80);
    case 'stage_time':
      return stageKeys.find((key) => key === text.toLowerCase());
    case 'batch_size':
      return text === 'scope items' ? text : 'services';
    default:
      return '';
  }
}

const targets: Readonly<Record<MetricUnit, readonly string[]>> = {
  share: ['<5%', '>95%'],
  minutes: ['<4h', '<90m', '<2d'],
  per_week: ['>10'],
  pieces: ['<3'],
};

/** "<5%" → below 0.05; "<2d" → below 2880 (minutes). */
function readTarget(unit: MetricUnit, text: string): { comparison: 'below' | 'above'; target: number } | undefined {
  const [, sign, value = ''] = /^([<>])\s*(.+)$/.exec(text.trim()) ?? [];
  if (sign === undefined) return undefined;
  const comparison = sign === '<' ? 'below' : 'above';
  const number = /^\d{1,6}(?:[.,]\d{1,3})?$/;
  if (unit === 'minutes') {
    const days = /^(\d{1,3})\s*d(?:ays?)?$/i.exec(value)?.[1];
    const target = days === undefined ? readDuration(value) : Number(days) * 24 * 60;
    return target === undefined ? undefined : { comparison, target };
  }
  const plain = unit === 'share' ? /^(.+?)\s*%$/.exec(value)?.[1] : value;
  if (plain === undefined || !number.test(plain)) return undefined;
  const read = Number(plain.replace(',', '.'));
  if (unit !== 'share') return { comparison, target: read };
  return read > 100 ? undefined : { comparison, target: read / 100 };
}
