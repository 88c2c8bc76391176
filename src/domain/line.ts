import { parseReleaseKey, type Unit } from './release.ts';
import { readDuration, type TimeProblem, wallMinutes } from './time.ts';

/** A line that somebody typed after the command, taken apart without judging it. */
export type Line = {
  /** As its author saw it: names in place of what Slack makes of them. */
  readonly raw: string;
  readonly words: readonly string[];
  /** `key:value` and `--flag` (value "true"). */
  readonly options: Readonly<Record<string, string>>;
  readonly quoted: readonly string[];
};

/**
 * What somebody wrote, so that it can be stored and shown: no control characters, no half characters, and none that turn
 * the reading order of what stands around them (Unicode bidirectional overrides, embeddings and isolates).
 */
export function legible(text: string): string {
  return text
    .replace(/[^\P{Cc}\n\t]/gu, ' ')
    .replace(/\p{Cs}/gu, '\uFFFD')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

/** Splits typed text: smart quotes count as quotes, `key:value` needs a key of letters (14:00 is a time). */
export function readLine(text: string): Line {
  const line = text.replace(/[“”„]/g, '"').replace(/[‘’]/g, "'").replace(/\s+/g, ' ').trim();
  const words: string[] = [];
  const quoted: string[] = [];
  const options: Record<string, string> = {};
  for (const [piece, key, quotedValue, quote] of line.matchAll(/([a-z]+):"([^"]*)"|"([^"]*)"|<[^>]*>|[^\s"]+/gi)) {
    if (key !== undefined && quotedValue !== undefined) options[key.toLowerCase()] = plain(quotedValue);
    else if (quote !== undefined) quoted.push(plain(quote));
    else if (/^--[a-z][a-z-]*$/i.test(piece)) options[piece.slice(2).toLowerCase()] = 'true';
    else if (/^[a-z]+:[^\s/]+$/i.test(piece) && !piece.startsWith('<')) {
      const [name, ...value] = piece.split(':');
      options[(name as string).toLowerCase()] = wordOf(value.join(':'));
    } else words.push(wordOf(piece));
  }
  return { raw: plain(line), words, options, quoted };
}

/** A mention alone stays one, for `readMention`. */
function wordOf(word: string): string {
  return word.startsWith('<') ? word : plain(word);
}

/** Slack sends `<@U1|ana>` for @ana, `<https://x|y>` for a link, and & < > as entities. */
export function plain(text: string): string {
  return text
    .replace(/<([@#])[A-Z0-9]+\|([^>]+)>/g, '$1$2')
    .replace(/<(https?:[^|>]+)(?:\|[^>]*)?>/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** `payments@2.14.0` → a unit. The version is kept as typed. */
export function readUnit(word: string): Unit | undefined {
  const match = /^([a-z0-9][a-z0-9-]{0,39})@(\S{1,60})$/i.exec(word);
  return match ? { service: (match[1] as string).toLowerCase(), version: match[2] as string } : undefined;
}

/** Takes "for 45m" (or `dur:45m`, or the end of "14:00-15:30") out of the words; what is left is said of the time. */
export function takeDuration(
  words: readonly string[],
  option?: string,
): { minutes: number | undefined; rest: string[] } {
  if (option !== undefined) return { minutes: readDuration(option), rest: [...words] };
  const between = words.findIndex((word) => span.test(word));
  const [, from = '', to = ''] = span.exec(words[between] ?? '') ?? [];
  const length = between < 0 ? 0 : wallMinutes(from.padStart(5, '0'), to.padStart(5, '0'));
  if (length > 0) return { minutes: length, rest: words.map((word, index) => (index === between ? from : word)) };
  const at = words.findIndex((word, index) => word.toLowerCase() === 'for' && words[index + 1] !== undefined);
  if (at < 0) return { minutes: undefined, rest: [...words] };
  const two = readDuration(`${words[at + 1]} ${words[at + 2] ?? ''}`);
  if (two !== undefined && words[at + 2] !== undefined)
    return { minutes: two, rest: [...words.slice(0, at), ...words.slice(at + 3)] };
  const one = readDuration(words[at + 1] as string);
  if (one !== undefined) return { minutes: one, rest: [...words.slice(0, at), ...words.slice(at + 2)] };
  return { minutes: undefined, rest: [...words] };
}

const span = /^(\d{1,2}:\d{2})[-–](\d{1,2}:\d{2})$/;

/** Takes a leading `REL-142` off the words. */
export function takeRelease(words: readonly string[]): { release: number | undefined; rest: string[] } {
  const release = words[0] === undefined ? undefined : parseReleaseKey(words[0]);
  return release === undefined ? { release, rest: [...words] } : { release, rest: words.slice(1) };
}

/** The id in an escaped mention such as `<@U123|ana>` or `<#C123|releases>`. */
export function readMention(word: string, sigil: '@' | '#'): string | undefined {
  return new RegExp(`^<${sigil}([A-Z0-9]+)(?:\\|[^>]*)?>$`).exec(word)?.[1];
}

/** Text that could not be parsed: a value, not an error. */
export type UsageProblem =
  | { readonly code: 'unknown_verb'; readonly typed: string; readonly nearest: string | null }
  | { readonly code: 'missing'; readonly what: string }
  | { readonly code: 'unexpected'; readonly text: string }
  | { readonly code: 'bad_unit'; readonly text: string }
  | {
      readonly code: 'bad_option';
      readonly option: string;
      readonly value: string;
      readonly allowed: readonly string[];
    }
  | { readonly code: 'time'; readonly problem: TimeProblem };
