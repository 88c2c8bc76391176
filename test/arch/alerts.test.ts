import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../src/http/server.ts';

/*
 * Rules and runbooks speak of metrics that exist, and of every one of ours.
 */
const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const served = (
  createMetrics().registry.getMetricsAsArray() as unknown as { name: string; type: string; labelNames: string[] }[]
).map(({ name, labelNames }) => ({ name, labelNames }));
const runbooks = read('docs/operations.md');
/** What stands in quotes in the code: values of labels are among them. */
const words = new Set(
  ['src', 'src/http', 'src/slack', 'src/store', 'src/domain', 'blocks'].flatMap((folder) =>
    readdirSync(new URL(folder, root))
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...read(`${folder}/${file}`).matchAll(/'([a-z][a-z _-]*)'/g)].map(([, word]) => word)),
  ),
);

type Rule = { alert: string; expr: string; labels: { severity: string }; annotations: Record<string, string> };

/** What is wrong with these rules. */
function faults(text: string, page = runbooks): string[] {
  const rules = (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  return rules.flatMap(({ alert, expr, labels, annotations }) => {
    const found: string[] = [];
    for (const [, name = '', , given = ''] of expr.matchAll(/\b(maitred_\w+)(\{([^}]*)\})?/g)) {
      const metric = served.find((one) => name === one.name || name === `${one.name}_bucket`);
      if (!metric) found.push(`${alert}: there is no ${name}`);
      for (const [, label = '', value = ''] of given.matchAll(/(\w+)="([^"]*)"/g)) {
        if (!metric?.labelNames.includes(label)) found.push(`${alert}: ${name} has no ${label}`);
        if (!words.has(value)) found.push(`${alert}: ${label} is never ${value}`);
      }
    }
    if (!headings.includes(String(annotations.runbook).split('#')[1] ?? '')) found.push(`${alert}: no runbook`);
    if (!['page', 'ticket'].includes(labels.severity)) found.push(`${alert}: who is told?`);
    return found;
  });
}

test('rules name metrics, labels and runbooks that exist', () => {
  const rules = read('docs/alerts.yml');
  expect(rules.match(/maitred_\w+(\{|\[|\)| )/g)?.length).toBeGreaterThan(15);
  expect(faults(rules)).toEqual([]);
  expect(faults(rules.replaceAll('maitred_timer_lag_seconds', 'maitred_timer_delay'))).toEqual([
    'MaitredTimersLate: there is no maitred_timer_delay',
  ]);
  expect(faults(rules.replace('result="given up"', 'result="surrendered"'))).toHaveLength(1);
  expect(faults(rules.replace('{part="queue"}', '{thing="queue"}'))).toHaveLength(1);
  expect(faults(rules, runbooks.replace('### The queue is down', '### Something else'))).toHaveLength(1);
});

test('every metric of ours is explained, and no other', () => {
  const ours = served.map(({ name }) => name).filter((name) => name.startsWith('maitred_'));
  const explained = [...runbooks.matchAll(/^\| `(maitred_\w+)(?:\{([\w,]+)\})?`/gm)];
  expect(explained.map(([, name]) => name).sort()).toEqual([...ours].sort());
  for (const [, name, labels = ''] of explained)
    expect([name, labels.split(',').filter(Boolean)]).toEqual([
      name,
      served.find((one) => one.name === name)?.labelNames,
    ]);
});

test('labels are few: nothing that grows with people, channels or releases', () => {
  const names = new Set(
    served.filter(({ name }) => name.startsWith('maitred_')).flatMap(({ labelNames }) => labelNames),
  );
  expect([...names].sort()).toEqual([
    'audience',
    'code',
    'command',
    'decided',
    'kind',
    'method',
    'outcome',
    'part',
    'result',
  ]);
});
