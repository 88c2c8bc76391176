import { type DigestFacts, OfChannel, SubscribeInput, subscribeDigest, unsubscribeDigest } from '../domain/digest.ts';
import { readDays } from '../domain/recurrence.ts';
import { isZone } from '../domain/time.ts';
import { loadDigest } from '../store/facts.ts';
import type { Tx } from '../store/tx.ts';
import { type Command, call, type LoadBy, type Parsed, type Verb } from './command.ts';

export const subscribeCommand: Command<SubscribeInput, DigestFacts> = {
  name: 'digest here',
  audience: 'members',
  input: SubscribeInput,
  contends: (input) => [`digest:${input.channel}`],
  load: loadOf,
  decide: subscribeDigest,
};

export const unsubscribeCommand: Command<OfChannel, DigestFacts> = {
  name: 'digest off',
  audience: 'members',
  input: OfChannel,
  contends: (input) => [`digest:${input.channel}`],
  load: loadOf,
  decide: unsubscribeDigest,
};

export const digestVerb: Verb = {
  name: 'digest',
  synonyms: [],
  job: 'Follow',
  usage: 'digest preview | here 09:30 [Europe/Berlin] [mon-fri] | off',
  summary: 'the one message a day: preview it, put it in this channel, stop it',
  examples: ['digest here 09:30', 'digest preview', 'digest off'],
  target: false,
  parse: (line, said): Parsed => {
    const [what = 'preview', ...rest] = line.words;
    const channel = /^[CG]/.test(said.channel) ? said.channel : null;
    if (what === 'preview' && rest.length === 0)
      return { do: 'answer', question: { ask: 'digest preview', channel: said.channel } };
    if (what === 'off' && rest.length === 0) return { do: 'run', call: call(unsubscribeCommand, { channel }) };
    if (what !== 'here') return { do: 'usage', problem: { code: 'unexpected', text: line.words.join(' ') } };
    const [time, ...more] = rest;
    const at = time === undefined ? '09:30' : readClock(time);
    if (at === undefined) return { do: 'usage', problem: { code: 'unexpected', text: time ?? '' } };
    let zone: string | null = null;
    let days = [1, 2, 3, 4, 5];
    for (const word of more) {
      const read = readDays(word);
      if (read) days = read;
      else if (isZone(word)) zone = word;
      else return { do: 'usage', problem: { code: 'unexpected', text: word } };
    }
    return { do: 'run', call: call(subscribeCommand, { channel, at, zone, days }) };
  },
};

async function loadOf(
  tx: Tx,
  by: LoadBy,
  input: { channel: string | null },
): Promise<{ ok: true; facts: DigestFacts }> {
  return { ok: true, facts: await loadDigest(tx, by.workspace, input.channel ?? '', by.actor) };
}

/** "9:30", "09:30" → "09:30". */
function readClock(text: string): string | undefined {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text);
  if (!match || Number(match[1]) > 23 || Number(match[2]) > 59) return undefined;
  return `${(match[1] as string).padStart(2, '0')}:${match[2]}`;
}
