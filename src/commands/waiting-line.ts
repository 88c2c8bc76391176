import { z } from 'zod';
import { RequestInput, requestNeeds } from '../domain/request.ts';
import {
  type JoinFacts,
  joinLine,
  type LineFacts,
  lapseLine,
  leaveLine,
  OfLine,
  offerLine,
  takeLine,
  type WaitingFacts,
} from '../domain/waiting-line.ts';
import { findWaiting, lineOf, waitingLine } from '../store/calendar.ts';
import { loadRequest } from '../store/facts.ts';
import type { Tx } from '../store/tx.ts';
import { type Command, call, type LoadBy, type Loaded, type Verb } from './command.ts';
import { bookVerb, wishOf } from './request.ts';

export const joinLineCommand: Command<RequestInput, JoinFacts> = {
  name: 'line join',
  audience: 'members',
  input: RequestInput,
  crowd: 'calendar',
  load: async (tx, by, input) => ({
    ok: true,
    facts: { ...(await loadRequest(tx, by, wishOf(input))), mine: await lineOf(tx, by.workspace, by.actor ?? '') },
  }),
  needs: requestNeeds,
  decide: joinLine,
};

export const takeLineCommand: Command<OfLine, LineFacts> = {
  name: 'line take',
  audience: 'members',
  input: OfLine,
  contends: (input) => [`line:${input.line}`],
  crowd: 'calendar',
  load: loadEntry,
  needs: (facts) => requestNeeds(facts, facts.entry.request),
  numbered: true,
  decide: takeLine,
};

export const leaveLineCommand: Command<OfLine, LineFacts> = {
  name: 'line leave',
  audience: 'members',
  input: OfLine,
  contends: (input) => [`line:${input.line}`],
  load: loadEntry,
  decide: leaveLine,
};

export const lapseLineCommand: Command<OfLine, LineFacts> = {
  name: 'clock lapse',
  audience: 'clock',
  input: OfLine,
  contends: (input) => [`line:${input.line}`],
  load: loadEntry,
  decide: lapseLine,
};

/** Of a long line so many are looked at each time something comes free. */
const lookAt = 50;

export const offerLineCommand: Command<Record<string, never>, WaitingFacts[]> = {
  name: 'clock line',
  audience: 'clock',
  input: z.strictObject({}),
  contends: () => ['line'],
  crowd: 'calendar',
  load: async (tx, by) => {
    const facts: WaitingFacts[] = [];
    for (const entry of await waitingLine(tx, by.workspace, lookAt))
      facts.push({ entry, facts: await loadRequest(tx, { ...by, actor: entry.person }, wishOf(entry.request)) });
    return { ok: true, facts };
  },
  decide: offerLine,
};

export const lineVerb: Verb = {
  name: 'line',
  synonyms: ['wait'],
  job: 'Ask',
  usage: 'line <service@version …> <when> [for 45m] … | list',
  summary: 'waits for a time that is taken; you are offered it for 30 minutes when it comes free',
  examples: ['line payments@2.14.0 tue 14:00 for 45m', 'line list'],
  needsHome: true,
  target: false,
  parse: (line, said) => {
    if (line.words.length === 0 || line.words.join(' ') === 'list') return { do: 'answer', question: { ask: 'line' } };
    if (bookVerb.target) throw new Error('book names no target');
    const booked = bookVerb.parse(line, said);
    return booked.do === 'run' || booked.do === 'confirm'
      ? { do: 'run', call: call(joinLineCommand, booked.call.input as RequestInput) }
      : booked;
  },
};

async function loadEntry(tx: Tx, by: LoadBy, input: OfLine): Promise<Loaded<LineFacts>> {
  const entry = await findWaiting(tx, by.workspace, input.line);
  if (!entry) return { ok: false, refusal: { code: 'line_over', state: 'gone' } };
  return {
    ok: true,
    facts: { ...(await loadRequest(tx, { ...by, actor: entry.person }, wishOf(entry.request))), entry },
  };
}
