import type { StoredEvent } from './event.ts';

/** An entry of the log, as it is stored and as it is read. */
export type LogEntry = {
  /** Every column as stored: the hash is of these bytes. */
  readonly stored: {
    readonly seq: string;
    readonly id: string;
    readonly workspace: string;
    readonly type: string;
    readonly at: Date;
    readonly actor: unknown;
    readonly command: string;
    readonly release: number | null;
    readonly body: unknown;
  };
  /** Undefined when it cannot be read: somebody changed it, or a later version wrote it. */
  readonly event: StoredEvent | undefined;
  /** Undefined while it waits for its seal. */
  readonly seal: { readonly previous: string; readonly hash: string } | undefined;
  /** Neither sealed nor waiting for it: somebody took it out of the chain. */
  readonly isLost: boolean;
  readonly faults: SealFaults;
};

/** What speaks against a seal, in words: against its place in the chain, and against the event it is of. */
export type SealFaults = { readonly chain: readonly string[]; readonly event: readonly string[] };
