import { type Catalog, freezesOf, windowsOf } from './catalog.ts';
import { type Ask, accept, type Decision } from './decision.ts';
import { nextDigest } from './digest.ts';
import type { EventBody } from './event.ts';
import { type Booked, freezeEvents } from './freeze.ts';

export type CatalogFacts = {
  readonly hash: string | undefined;
  /** What was applied last. */
  readonly catalog: Catalog | undefined;
  readonly digests: readonly string[];
  readonly last: Readonly<Record<string, string>>;
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
  const changed = diffCatalog(facts.catalog, catalog);
  const touched = (section: string) => changed.filter((one) => one.section === section);
  const windows = windowsOf(catalog);
  const moreWindows = touched('windows').map(({ key, how }): EventBody => {
    const window = windows.find((one) => one.key === key);
    return how === 'removed' || !window
      ? { type: 'window.dropped', window: key }
      : { type: 'window.set', window, source: 'catalog' };
  });
  const freezes = freezesOf(catalog);
  const moreFreezes = touched('freezes').flatMap(({ key, how }): readonly EventBody[] => {
    const freeze = freezes.find((one) => one.key === key);
    const lifted: EventBody[] =
      how === 'added' || !facts.freezes.includes(key)
        ? []
        : [{ type: 'freeze.lifted', freeze: key, date: null, reason: 'the catalogue changed' }];
    if (!freeze) return lifted;
    const declared = freezeEvents(freeze, 'catalog', catalog.home ?? null, facts.booked, ask.now);
    // One that is over needs no declaring.
    return declared.ok ? [...lifted, ...declared.events] : lifted;
  });
  const digests = catalog.digests
    .filter((digest) => !facts.digests.includes(digest.channel))
    .map((digest): EventBody => {
      const schedule = { at: digest.at, zone: digest.zone ?? catalog.zone, days: digest.days };
      const next = nextDigest(schedule, ask.now, facts.last[digest.channel]);
      return { type: 'digest.subscribed', channel: digest.channel, ...schedule, nextAt: next.at.toISOString() };
    });
  return accept({ type: 'catalog.applied', hash, catalog }, ...moreWindows, ...moreFreezes, ...digests);
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
