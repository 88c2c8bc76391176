import {
  type DigestContent,
  type DigestFacts,
  OfChannel,
  SubscribeInput,
  subscribeDigest,
  unsubscribeDigest,
  usualContent,
} from '../domain/digest.ts';
import { DigestKind, type DigestSection, digestSections, postNeeds } from '../domain/follow.ts';
import type { Line } from '../domain/line.ts';
import { readDays } from '../domain/recurrence.ts';
import { isZone } from '../domain/time.ts';
import { loadDigest } from '../store/follow.ts';
import type { Tx } from '../store/tx.ts';
import { badOption, type Command, call, type LoadBy, missing, type Parsed, type Verb } from './command.ts';
import { scopeOf, takeTarget } from './subscription.ts';

const contends = (input: { channel: string | null }) => [`digest:${input.channel}`];

export const subscribeCommand: Command<SubscribeInput, DigestFacts> = {
  name: 'digest here',
  audience: 'members',
  input: SubscribeInput,
  contends,
  load: loadOf,
  needs: (_facts, { channel }) => postNeeds(channel),
  // Whoever was told to invite the app does so at once.
  directoryMaxAgeMs: 0,
  decide: subscribeDigest,
};

export const unsubscribeCommand: Command<OfChannel, DigestFacts> = {
  name: 'digest off',
  audience: 'members',
  input: OfChannel,
  contends,
  load: loadOf,
  decide: unsubscribeDigest,
};

export const digestVerb: Verb = {
  name: 'digest',
  synonyms: [],
  job: 'Follow',
  usage:
    'digest [weekly | monthly] preview | here 09:30 [Europe/Berlin] [mon-fri] [svc:x team:x tag:x env:x] [hide:errors,next] [quiet:post] | me … | off',
  summary: 'the one message a day (a week, a month): preview it, put it here or into your messages, stop it',
  examples: [
    'digest here 09:30',
    'digest here 09:30 Europe/Berlin mon-fri svc:payments team:search',
    'digest preview',
    'digest weekly here mon 09:00',
    'digest me 08:45',
    'digest off',
  ],
  target: false,
  parse: (line, said): Parsed => {
    const { words, target } = takeTarget(line, said);
    const named = DigestKind.safeParse(words[0]);
    const kind = named.success ? named.data : 'daily';
    const rest = named.success ? words.slice(1) : words;
    // "me" says where, as "here" does.
    const isHere = line.words[0]?.toLowerCase() === 'me' && !['preview', 'off', 'here'].includes(rest[0] ?? '');
    const [what = 'preview', ...more] = isHere ? ['here', ...rest] : rest;
    if (what === 'preview' && more.length === 0)
      return { do: 'answer', question: { ask: 'digest preview', channel: target, kind } };
    if (what === 'off' && more.length === 0)
      return { do: 'run', call: call(unsubscribeCommand, { channel: target, kind }) };
    if (what !== 'here') return { do: 'usage', problem: { code: 'unexpected', text: line.words.join(' ') } };
    const content = readContent(line);
    if ('do' in content) return content;
    let at = '09:30';
    let zone: string | null = null;
    let days = kind === 'weekly' ? [1] : [1, 2, 3, 4, 5];
    for (const word of more) {
      const [clock, read] = [readClock(word), readDays(word)];
      if (clock !== undefined) at = clock;
      else if (read) days = read;
      else if (isZone(word)) zone = word;
      else return { do: 'usage', problem: { code: 'unexpected', text: word } };
    }
    return { do: 'run', call: call(subscribeCommand, { channel: target, kind, at, zone, days, ...content }) };
  },
};

/** What it is about and what it holds: `svc:payments hide:errors quiet:post`. */
function readContent(line: Line): (DigestContent & { sections: DigestSection[] }) | Parsed {
  const scope = scopeOf(line, ['hide', 'show', 'quiet']);
  if ('do' in scope) return scope;
  const { hide, show, quiet = 'silent' } = line.options;
  if (quiet !== 'silent' && quiet !== 'post') return badOption('quiet', quiet, ['silent', 'post']);
  const listed = (text: string | undefined) => (text ?? '').split(',').filter((one) => one !== '');
  const odd = [...listed(hide), ...listed(show)].find((one) => !digestSections.some((known) => known === one));
  if (odd !== undefined) return badOption(hide?.includes(odd) ? 'hide' : 'show', odd, digestSections);
  const sections = digestSections.filter(
    (one) => (show === undefined || listed(show).includes(one)) && !listed(hide).includes(one),
  );
  if (sections.length === 0) return missing('something to show');
  return { ...usualContent, scope, sections, quiet };
}

async function loadOf(
  tx: Tx,
  by: LoadBy,
  input: { channel: string | null; kind: DigestKind },
): Promise<{ ok: true; facts: DigestFacts }> {
  return { ok: true, facts: await loadDigest(tx, by, input.channel ?? '', input.kind) };
}

/** "9:30", "09:30" → "09:30". */
function readClock(text: string): string | undefined {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text);
  if (!match || Number(match[1]) > 23 || Number(match[2]) > 59) return undefined;
  return `${(match[1] as string).padStart(2, '0')}:${match[2]}`;
}
