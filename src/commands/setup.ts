import { z } from 'zod';
import { Catalog } from '../domain/catalog.ts';
import { accept } from '../domain/decision.ts';
import { applyCatalog, type CatalogFacts } from '../domain/setup.ts';
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
  crowd: 'calendar',
  load: async (tx, { workspace, now }) => ({ ok: true, facts: await loadCatalog(tx, workspace, now) }),
  decide: applyCatalog,
};
