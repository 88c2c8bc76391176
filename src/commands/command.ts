import type { z } from 'zod';
import type { Audience } from '../domain/access.ts';
import type { Ask, Decision, Refusal } from '../domain/decision.ts';
import type { outcomes } from '../domain/experiment.ts';
import type { DigestKind } from '../domain/follow.ts';
import type { Line, UsageProblem } from '../domain/line.ts';
import type { DirectoryNeeds } from '../domain/person.ts';
import type { Question } from '../domain/question.ts';
import { type ReleaseFacts, releaseKey } from '../domain/release.ts';
import type { Reader } from '../store/calendar.ts';
import { findRelease } from '../store/facts.ts';
import { findSlot } from '../store/slot.ts';
import type { Tx } from '../store/tx.ts';

/** Something that changes the record. `load` is the only part that waits, and `decide` the only part that judges. */
export type Command<Input, Facts> = {
  readonly name: string;
  /** `clock` is for timers and the installation itself: no person can reach it. */
  readonly audience: Audience | 'clock';
  readonly input: z.ZodType<Input>;
  /** What people race for; they wait for each other instead of repeating transactions. */
  readonly contends?: (input: Input) => readonly string[];
  /** Commands that read each other's rows: they go one by one once repeating did not help. */
  readonly crowd?: 'calendar';
  readonly load: (tx: Tx, by: LoadBy, input: Input) => Promise<Loaded<Facts>>;
  /** What has to be known of Slack to decide, and how old it may be. */
  readonly needs?: (facts: Facts, input: Input) => DirectoryNeeds;
  readonly directoryMaxAgeMs?: number;
  /** Needs the number of a new release. */
  readonly numbered?: boolean;
  readonly decide: (input: Input, facts: Facts, ask: Ask) => Decision;
};

export type LoadBy = { readonly workspace: string; readonly actor: string | undefined; readonly now: Date };
export type Loaded<Facts> =
  | { readonly ok: true; readonly facts: Facts }
  | { readonly ok: false; readonly refusal: Refusal };

/** A command with its input, ready to be run; the types were checked where it was made. */
export type Call = { readonly command: Command<unknown, unknown>; readonly input: unknown };

export function call<Input, Facts>(command: Command<Input, Facts>, input: NoInfer<Input>): Call {
  return { command: command as Command<unknown, unknown>, input };
}

/** What a line meant: something to run, something to answer, a form to open, or not understood. */
export type Parsed =
  | { readonly do: 'run'; readonly call: Call }
  /** Says what it would do, and waits for a click. */
  | { readonly do: 'confirm'; readonly call: Call; readonly typed: string }
  | { readonly do: 'answer'; readonly question: Question }
  | { readonly do: 'open'; readonly form: Form }
  | { readonly do: 'usage'; readonly problem: UsageProblem };

export type Form =
  | { readonly kind: 'request'; readonly draft: RequestLine }
  | { readonly kind: 'review'; readonly release: number }
  | {
      readonly kind:
        | 'note'
        | 'delegate'
        | 'exception'
        | 'override'
        | 'edit'
        | 'again'
        | 'pir'
        | 'handover'
        | 'status'
        | 'rollback';
      readonly release: number;
    }
  /** Why a step fails or is skipped. */
  | {
      readonly kind: 'step';
      readonly release: number;
      readonly step: string;
      readonly attempt: number;
      readonly do: 'fail' | 'skip';
    }
  | { readonly kind: 'nogo'; readonly release: number; readonly step: string; readonly attempt: number }
  | { readonly kind: 'prefs' | 'stepup' }
  /** Who votes for somebody meanwhile, or until when they are asked nothing. */
  | { readonly kind: 'cover'; readonly part: 'delegate' | 'snooze' }
  | { readonly kind: 'evidence'; readonly release: number; readonly criterion: string }
  /** Why a request should pass a freeze; the request waits in a draft. */
  | { readonly kind: 'pass'; readonly draft: string }
  | { readonly kind: 'freeze'; readonly channel: string | null }
  | { readonly kind: 'digest'; readonly channel: string; readonly of: DigestKind }
  | { readonly kind: 'subscribe'; readonly target: string }
  | { readonly kind: 'incident'; readonly note: string; readonly link: string }
  | { readonly kind: 'experiment'; readonly experiment: number; readonly outcome: (typeof outcomes)[number] };

/** What the line of `/release new …` said; everything may be missing. */
export type RequestLine = {
  readonly units: readonly { readonly service: string; readonly version: string }[];
  readonly startsAt: Date | undefined;
  readonly minutes: number;
  readonly environment: string;
  readonly changeType: string;
  readonly summary: string;
  readonly needs: readonly number[];
  /** Start by itself when its slot opens. */
  readonly auto: boolean;
  readonly train: string | null;
  readonly channel: string;
};

/** Who says it, where and when. */
export type Said = {
  readonly person: string;
  readonly channel: string;
  /** Where a card may live when nothing else says so: the channel, or in a direct message what the door found. */
  readonly fallbackChannel: string | null;
  readonly zone: string;
  readonly now: Date;
};

/** A word after `/release`. */
export type Verb = {
  readonly name: string;
  readonly synonyms: readonly string[];
  readonly job: 'Ask' | 'Approve' | 'Run' | 'Follow' | 'Look' | 'Manage';
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly string[];
  /** Has to know where a card may live when nothing but the place it was asked from says so. */
  readonly needsHome?: true;
  /** A number that it begins with is its own: a release has to be written REL-142. */
  readonly ownNumbers?: true;
} & (
  | { readonly target: false; readonly parse: (line: Line, said: Said) => Parsed }
  /** Speaks of one release: named, or the one whose room this is, or the only open one of the person. */
  | { readonly target: true; readonly parse: (line: Line, said: Said, release: number) => Parsed }
  /** May speak of one: named, or the one whose room this is. */
  | { readonly target: 'maybe'; readonly parse: (line: Line, said: Said, release: number | undefined) => Parsed }
);

/** Loads a release for a command about it. */
export async function loadRelease(tx: Tx, by: LoadBy, input: { release: number }): Promise<Loaded<ReleaseFacts>> {
  const facts = await findRelease(tx, by, input.release);
  return facts ? { ok: true, facts } : unknownRelease(input.release);
}

/** Loads a release with the calendar around it. */
export async function loadSlot(
  tx: Reader,
  by: LoadBy,
  input: { release: number },
  asked?: Parameters<typeof findSlot>[3],
): Promise<Loaded<NonNullable<Awaited<ReturnType<typeof findSlot>>>>> {
  const facts = await findSlot(tx, by, input.release, asked);
  return facts ? { ok: true, facts } : unknownRelease(input.release);
}

export function unknownRelease(release: number): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { code: 'not_found', what: 'release', name: releaseKey(release) } };
}

export function ofRelease(input: { release: number }): string[] {
  return [`release:${input.release}`];
}

export function missing(what: string): Parsed {
  return { do: 'usage', problem: { code: 'missing', what } };
}

export function badOption(option: string, value: string | undefined, allowed: readonly string[]): Parsed {
  return { do: 'usage', problem: { code: 'bad_option', option, value: value ?? '', allowed } };
}

/** "Black Friday" → "black-friday": a name that can be typed. */
export function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  // Names without any Latin letter still differ.
  if (plain !== '') return plain;
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 2_147_483_647;
  return `n${sum.toString(36)}`;
}
