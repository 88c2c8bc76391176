import type { Logger } from 'pino';
import type { Directory, DirectoryNeeds } from './domain/person.ts';
import type { Db } from './store/db.ts';

/** What every door hands to the code behind it. A plain object, passed first. */
export type Ctx = {
  readonly db: Db;
  readonly directory: DirectorySource;
  /** The one clock: rules and SQL get its time as a parameter. */
  readonly now: () => Date;
  readonly newId: () => string;
  readonly log: Logger;
  /** After a commit: surfaces that now show something old. A hint only; the outbox is the truth. */
  readonly wake: (workspace: string, surfaces: readonly string[]) => void;
  /** Seals secrets for keeping; undefined where there is no key. */
  readonly vault?: Vault;
  readonly count: (what: 'command', labels: { command: string; outcome: string }) => void;
};

/** Keeps secrets so that whoever reads the database cannot. */
export type Vault = {
  readonly seal: (secret: string) => string;
  /** Undefined when it was sealed with another key, or changed. */
  readonly open: (sealed: string) => string | undefined;
};

/** People and groups as Slack knows them. */
export type DirectorySource = {
  /** What is known and not older than `maxAgeMs`; undefined when something has to be asked for. */
  readonly peek: (workspace: string, needs: DirectoryNeeds, maxAgeMs: number) => Directory | undefined;
  /** Asks Slack. Throws DirectoryUnavailable when Slack does not answer and nothing recent is known. */
  readonly lookup: (workspace: string, needs: DirectoryNeeds, maxAgeMs: number) => Promise<Directory>;
};

export class DirectoryUnavailable extends Error {}
