import { nearest } from '../domain/nearest.ts';
import { reserveCommand, reserveVerb } from './booking.ts';
import { editVerb } from './change.ts';
import { stepUpVerb } from './code.ts';
import { type Call, type Command, call, type Verb } from './command.ts';
import { tickVerb } from './criterion.ts';
import {
  cancelVerb,
  doneVerb,
  failVerb,
  noteVerb,
  pauseVerb,
  resumeVerb,
  rollbackVerb,
  startVerb,
  verifyVerb,
} from './deploy.ts';
import { digestVerb } from './digest.ts';
import { exceptionVerb } from './exception.ts';
import { experimentVerb } from './experiment.ts';
import { feedVerb } from './feed.ts';
import { addFreezeCommand, freezeVerb, liftFreezeCommand } from './freeze.ts';
import { incidentVerb } from './incident.ts';
import { calendarVerb, helpVerb, listVerb, showVerb, slotsVerb, trainsVerb, whoVerb, whyVerb } from './look.ts';
import { moveCommand, moveVerb } from './move.ts';
import { overrideVerb } from './override.ts';
import { actionVerb, pirVerb } from './pir.ts';
import { prefsVerb } from './prefs.ts';
import { nudgeVerb } from './reminder.ts';
import { reportVerb } from './report.ts';
import { boardVerb, bookVerb, newVerb, requestCommand } from './request.ts';
import {
  canaryVerb,
  exportVerb,
  exposeVerb,
  extendVerb,
  followVerb,
  goVerb,
  handoverVerb,
  knownVerb,
  noGoVerb,
  roomVerb,
  statusVerb,
  stepVerb,
  watchVerb,
} from './room.ts';
import { repeatVerb } from './series.ts';
import { addSubscriptionCommand, subscribeVerb, subscriptionsVerb, unsubscribeVerb } from './subscription.ts';
import { swapVerb } from './swap.ts';
import { trustVerb } from './trust.ts';
import { unbookedVerb } from './unbooked.ts';
import { undoVerb } from './undo.ts';
import { commentVerb, delegateVerb, reviewVerb } from './vote.ts';
import { joinLineCommand, lineVerb } from './waiting-line.ts';
import { windowVerb } from './window.ts';

/** Every word after the command: feeds parsing, help, did-you-mean and the manifest's usage hint. */
export const verbs: readonly Verb[] = [
  newVerb,
  bookVerb,
  moveVerb,
  swapVerb,
  lineVerb,
  boardVerb,
  repeatVerb,
  reserveVerb,
  editVerb,
  exceptionVerb,
  cancelVerb,
  undoVerb,
  nudgeVerb,
  reviewVerb,
  delegateVerb,
  commentVerb,
  stepUpVerb,
  roomVerb,
  startVerb,
  verifyVerb,
  doneVerb,
  pauseVerb,
  resumeVerb,
  rollbackVerb,
  failVerb,
  stepVerb,
  goVerb,
  noGoVerb,
  exposeVerb,
  canaryVerb,
  extendVerb,
  statusVerb,
  tickVerb,
  noteVerb,
  watchVerb,
  handoverVerb,
  incidentVerb,
  knownVerb,
  pirVerb,
  actionVerb,
  unbookedVerb,
  digestVerb,
  subscribeVerb,
  unsubscribeVerb,
  subscriptionsVerb,
  followVerb,
  prefsVerb,
  feedVerb,
  slotsVerb,
  calendarVerb,
  trainsVerb,
  listVerb,
  showVerb,
  whyVerb,
  whoVerb,
  exportVerb,
  reportVerb,
  experimentVerb,
  trustVerb,
  helpVerb,
  windowVerb,
  freezeVerb,
  overrideVerb,
];

/** Commands that may wait for a click: a draft names its command. */
const draftable: Readonly<Record<string, (input: unknown) => Call>> = Object.fromEntries([
  waits(requestCommand),
  waits(moveCommand),
  waits(reserveCommand),
  waits(addFreezeCommand),
  waits(liftFreezeCommand),
  waits(joinLineCommand),
  waits(addSubscriptionCommand),
]);

/** The call that a draft holds. Throws on a command that no version of this app has kept. */
export function draftCall(name: string, input: unknown): Call {
  const make = draftable[name];
  if (!make) throw new Error(`a draft names the unknown command ${name}`);
  return make(input);
}

function waits<Input, Facts>(command: Command<Input, Facts>): [string, (input: unknown) => Call] {
  return [command.name, (input) => call(command, command.input.parse(input))];
}

/** Finds a verb by its name, a synonym or an unambiguous beginning; else says which was most likely meant. */
export function findVerb(typed: string): { verb: Verb } | { nearest: string | null } {
  const word = typed.toLowerCase();
  const exact = verbs.find((verb) => verb.name === word || verb.synonyms.includes(word));
  if (exact) return { verb: exact };
  const begun = verbs.filter((verb) => [verb.name, ...verb.synonyms].some((name) => name.startsWith(word)));
  if (begun.length === 1 && begun[0]) return { verb: begun[0] };
  const names = verbs.flatMap((verb) => [verb.name, ...verb.synonyms]);
  // Of one or two letters anything is near.
  const close = word.length < 3 ? undefined : nearest(word, names);
  return {
    nearest:
      close === undefined
        ? null
        : (verbs.find((verb) => verb.name === close || verb.synonyms.includes(close))?.name ?? null),
  };
}
