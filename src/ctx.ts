import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Directory, DirectoryNeeds } from './domain/person.ts';
import type { Release } from './domain/release.ts';
import type { StepPlan } from './domain/runbook.ts';
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
  /** Calls machines for steps; undefined where there is no key to sign with. */
  readonly hooks?: HookSender;
  /** For /metrics; labels are names of ours, never of people, channels or releases. */
  readonly count: (...of: Counted) => void;
};

/** What is counted, and by what. */
export type Counted =
  | [what: 'command', labels: { readonly command: string; readonly outcome: string }]
  | [what: 'refusal', labels: { readonly code: string }]
  | [what: 'push', labels: { readonly audience: string; readonly decided: string }];

const letters = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** Writes a fault down under a short reference, which people are told and can quote. `what` is a static message. */
export function reported(
  { log }: { readonly log: Logger },
  error: unknown,
  what: string,
  level: 'warn' | 'error' = 'error',
): string {
  const reference = [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('');
  log[level]({ err: error, reference }, what);
  return reference;
}

/** Keeps secrets so that whoever reads the database cannot. */
export type Vault = {
  readonly seal: (secret: string) => string;
  /** Undefined when it was sealed with another key, or changed. */
  readonly open: (sealed: string) => string | undefined;
  /** Proves that a text came from here (HMAC-SHA-256, base64url); each purpose has a key of its own. */
  readonly sign: (purpose: string, text: string) => string;
  /** What a receiver at this origin ("https://deploy.example.com") checks calls with: "whsec_<base64>". */
  readonly webhookSecret: (origin: string) => string;
};

/** People and groups as Slack knows them. */
export type DirectorySource = {
  /** What is known and not older than `maxAgeMs`; undefined when something has to be asked for. */
  readonly peek: (workspace: string, needs: DirectoryNeeds, maxAgeMs: number) => Directory | undefined;
  /** Asks Slack. Throws DirectoryUnavailable when Slack does not answer and nothing recent is known. */
  readonly lookup: (workspace: string, needs: DirectoryNeeds, maxAgeMs: number) => Promise<Directory>;
};

export class DirectoryUnavailable extends Error {}

/** A step that a machine does, and for which release. `attempt` counts from 1: the same three numbers are the same call. */
export type HookAbout = {
  readonly workspace: string;
  readonly release: Pick<Release, 'number' | 'units' | 'environment' | 'lead'>;
  readonly step: string;
  readonly attempt: number;
  readonly title: string;
  readonly webhook: NonNullable<StepPlan['webhook']>;
  /** When this attempt began. */
  readonly startedAt: Date | undefined;
};

/** What the machine said: it is at it, it is over, it will not, or nobody knows (then it is asked again). */
export type HookAnswer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'result'; readonly result: 'done' | 'failed'; readonly note: string }
  | { readonly kind: 'refused'; readonly note: string }
  | { readonly kind: 'later'; readonly note: string };

/** Calls machines, signed; and the addresses at which they answer. */
export type HookSender = {
  readonly call: (about: HookAbout) => Promise<HookAnswer>;
  readonly poll: (about: HookAbout) => Promise<HookAnswer>;
  /** Where samples of a release's canary are posted; the address is its secret. */
  readonly samplesUrl: (workspace: string, release: number) => string;
};
