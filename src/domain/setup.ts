import type { Booked } from './calendar.ts';
import { type Catalog, freezesOf, windowsOf } from './catalog.ts';
import { type Ask, accept, type Decision } from './decision.ts';
import { digestSubscribed, usualContent } from './digest.ts';
import type { EventBody } from './event.ts';
import { freezeEvents } from './freeze.ts';
import { type PlannedWindow, type WindowFacts, windowDropped, windowSet } from './window.ts';

export type CatalogFacts = {
  readonly hash: string | undefined;
  /** What was applied last. */
  readonly catalog: Catalog | undefined;
  /** "C0RELEASES:daily" */
  readonly digests: readonly string[];
  readonly last: Readonly<Record<string, string>>;
  readonly windows: readonly PlannedWindow[];
  readonly seats: WindowFacts['seats'];
  readonly booked: readonly Booked[];
  readonly freezes: readonly string[];
};

export type CatalogChange = {
  readonly section: string;
  readonly key: string;
  readonly how: 'added' | 'changed' | 'removed';
};

/** What applying a catalogue over another one would change, by section and key. */
export function diffCatalog(before: Catalog | undefined, after: Catalog): CatalogChange[] {
  const changes: CatalogChange[] = [];
  for (const section of Object.keys(after) as (keyof Catalog)[]) {
    const [old, now] = [entriesOf(before?.[section]), entriesOf(after[section])];
    for (const key of [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()) {
      const how = !(key in old)
        ? 'added'
        : !(key in now)
          ? 'removed'
          : same(old[key], now[key])
            ? undefined
            : 'changed';
      if (how) changes.push({ section, key, how });
    }
  }
  return changes;
}

/**
 * Applies a catalogue that differs from the last one. Windows and freezes that the catalogue did not touch stay as people
 * set them in Slack; digests that nobody has set up yet are started.
 */
export function applyCatalog(
  { hash, catalog }: { hash: string; catalog: Catalog },
  facts: CatalogFacts,
  ask: Ask,
): Decision {
  if (facts.hash === hash) return accept();
  // What comes of an entry counts, not its text: a new default zone moves every window that names none.
  const before = facts.catalog;
  const windows = windowsOf(catalog);
  let standing = facts.windows;
  const moreWindows = changedKeys(before ? windowsOf(before) : [], windows).map((key): EventBody => {
    const window = windows.find((one) => one.key === key);
    const world = { ...facts, windows: standing, hasCatalog: true, zone: catalog.zone };
    const event = window ? windowSet(window, 'catalog', world, ask.now) : windowDropped(key, world, ask.now);
    standing = standing.filter((one) => one.key !== key);
    if (window) standing = [...standing, { ...window, changes: [], source: 'catalog' }];
    return event;
  });
  const freezes = freezesOf(catalog);
  const moreFreezes = changedKeys(before ? freezesOf(before) : [], freezes).flatMap((key): readonly EventBody[] => {
    const freeze = freezes.find((one) => one.key === key);
    const lifted: EventBody[] = !facts.freezes.includes(key)
      ? []
      : [
          {
            type: 'freeze.lifted',
            freeze: key,
            name: before?.freezes[key]?.name ?? key,
            date: null,
            reason: 'the catalogue changed',
          },
        ];
    if (!freeze) return lifted;
    const declared = freezeEvents(freeze, 'catalog', catalog.home ?? null, facts.booked, ask.now);
    // One that is over needs no declaring.
    return declared.ok ? [...lifted, ...declared.events] : lifted;
  });
  const digests = catalog.digests
    .filter((digest) => !facts.digests.includes(`${digest.channel}:${digest.kind}`))
    .map((digest): EventBody => {
      const { channel, kind, at, days, scope, quiet } = digest;
      const plan = { ...usualContent, kind, at, zone: digest.zone ?? catalog.zone, days, scope, quiet };
      return digestSubscribed(channel, plan, { schedule: undefined, last: facts.last[`${channel}:${kind}`] }, ask.now);
    });
  return accept({ type: 'catalog.applied', hash, catalog }, ...moreWindows, ...moreFreezes, ...digests);
}

/** Keys of what was added, changed or removed. */
function changedKeys(before: readonly { key: string }[], after: readonly { key: string }[]): string[] {
  const keys = [...new Set([...before, ...after].map((one) => one.key))].sort();
  const of = (list: readonly { key: string }[], key: string) => list.find((one) => one.key === key);
  return keys.filter((key) => !same(of(before, key), of(after, key)));
}

function entriesOf(section: unknown): Record<string, unknown> {
  if (Array.isArray(section))
    return Object.fromEntries(
      section.map((entry, index) => [
        String((entry as { name?: string; channel?: string }).name ?? (entry as { channel?: string }).channel ?? index),
        entry,
      ]),
    );
  if (typeof section === 'object' && section !== null) return section as Record<string, unknown>;
  return section === undefined ? {} : { value: section };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
