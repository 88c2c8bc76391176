import { z } from 'zod';
import { Catalog, type CatalogFacts } from '../domain/catalog.ts';
import { type Ask, accept, type Decision } from '../domain/decision.ts';
import { nextDigest } from '../domain/digest.ts';
import type { EventBody } from '../domain/event.ts';
import { loadCatalog } from '../store/facts.ts';
import type { Command } from './command.ts';

/*
 * What the installation does to itself at boot.
 */
const ConnectInput = z.strictObject({ name: z.string(), botUser: z.string() });
type ConnectInput = z.infer<typeof ConnectInput>;

export const connectCommand: Command<ConnectInput, null> = {
  name: 'connect',
  audience: 'clock',
  input: ConnectInput,
  load: async () => ({ ok: true, facts: null }),
  decide: (input) => accept({ type: 'workspace.connected', ...input }),
};

const ApplyInput = z.strictObject({ hash: z.string(), catalog: Catalog });
type ApplyInput = z.infer<typeof ApplyInput>;

export const applyCatalogCommand: Command<ApplyInput, CatalogFacts> = {
  name: 'catalog apply',
  audience: 'clock',
  input: ApplyInput,
  contends: () => ['catalog'],
  load: async (tx, { workspace }) => ({ ok: true, facts: await loadCatalog(tx, workspace) }),
  decide: applyCatalog,
};

/** Applies a catalogue that differs from the last one, and starts the digests that nobody has set up yet. */
function applyCatalog({ hash, catalog }: ApplyInput, facts: CatalogFacts, ask: Ask): Decision {
  if (facts.hash === hash) return accept();
  const digests = catalog.digests
    .filter((digest) => !facts.digests.includes(digest.channel))
    .map((digest): EventBody => {
      const schedule = { at: digest.at, zone: digest.zone ?? catalog.zone, days: digest.days };
      const next = nextDigest(schedule, ask.now, facts.last[digest.channel]);
      return { type: 'digest.subscribed', channel: digest.channel, ...schedule, nextAt: next.at.toISOString() };
    });
  return accept({ type: 'catalog.applied', hash, catalog }, ...digests);
}
