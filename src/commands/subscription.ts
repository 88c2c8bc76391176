import { namesServices, postNeeds, QuietHours, scopeKey, type Topic, topics, usualTopics } from '../domain/follow.ts';
import type { Line } from '../domain/line.ts';
import { readScope, type Scope, scopeOptions } from '../domain/scope.ts';
import {
  AddSubscription,
  addSubscription,
  MuteInput,
  muteSubscriber,
  OfTarget,
  QuietInput,
  quietSubscriber,
  RemoveSubscription,
  removeSubscription,
  type SubscriptionFacts,
  unmuteSubscriber,
} from '../domain/subscription.ts';
import { isZone, readTime } from '../domain/time.ts';
import { loadSubscriptions } from '../store/follow.ts';
import type { Tx } from '../store/tx.ts';
import {
  badOption,
  type Command,
  call,
  type LoadBy,
  type Loaded,
  missing,
  type Parsed,
  type Said,
  type Verb,
} from './command.ts';

const contends = (input: { target: string | null }) => [`follow:${input.target}`];

export const addSubscriptionCommand: Command<AddSubscription, SubscriptionFacts> = {
  name: 'subscribe',
  audience: 'members',
  input: AddSubscription,
  contends,
  load: async (tx, by, input) => ({
    ok: true,
    facts: await loadSubscriptions(tx, by, input.target ?? '', { scope: input.scope, topics: input.topics }),
  }),
  needs: (_facts, { target }) => postNeeds(target),
  // Whoever was told to invite the app does so at once.
  directoryMaxAgeMs: 0,
  decide: addSubscription,
};

export const removeSubscriptionCommand: Command<RemoveSubscription, SubscriptionFacts> = {
  name: 'unsubscribe',
  audience: 'members',
  input: RemoveSubscription,
  contends,
  load: loadOf,
  decide: removeSubscription,
};

export const muteCommand: Command<MuteInput, SubscriptionFacts> = {
  name: 'subscriptions mute',
  audience: 'members',
  input: MuteInput,
  contends,
  load: loadOf,
  decide: muteSubscriber,
};

export const unmuteCommand: Command<OfTarget, SubscriptionFacts> = {
  name: 'subscriptions unmute',
  audience: 'members',
  input: OfTarget,
  contends,
  load: loadOf,
  decide: unmuteSubscriber,
};

export const quietCommand: Command<QuietInput, SubscriptionFacts> = {
  name: 'subscriptions quiet',
  audience: 'members',
  input: QuietInput,
  contends,
  load: loadOf,
  decide: quietSubscriber,
};

async function loadOf(tx: Tx, by: LoadBy, input: { target: string | null }): Promise<Loaded<SubscriptionFacts>> {
  return { ok: true, facts: await loadSubscriptions(tx, by, input.target ?? '') };
}

export const subscribeVerb: Verb = {
  name: 'subscribe',
  synonyms: [],
  job: 'Follow',
  usage: 'subscribe [me] svc:payments | team:x | tag:x | env:x | all [events…]',
  summary: `this channel, or you, hears of its releases: ${usualTopics.join(', ')}; also ${topics.slice(usualTopics.length).join(', ')}`,
  examples: ['subscribe svc:payments', 'subscribe team:search started finished rolled_back', 'subscribe me tag:pci'],
  target: false,
  parse: (line, said): Parsed => {
    const { words, target } = takeTarget(line, said);
    const scope = scopeOf(line);
    if ('do' in scope) return scope;
    const isAll = words.includes('all');
    const named = words.filter((word) => word !== 'all').flatMap((word) => word.toLowerCase().split(','));
    const odd = named.find((word) => word !== '' && !topics.some((topic) => topic === word));
    if (odd !== undefined) return badOption('event', odd, topics);
    const wanted = topics.filter((topic) => named.includes(topic));
    const hasScope = namesServices(scope) || scope.environments.length > 0;
    if (isAll === hasScope)
      return missing('what to follow: svc:payments, team:search, tag:pci, env:production, or all');
    const add = call(addSubscriptionCommand, {
      target,
      scope,
      topics: wanted.length === 0 ? [...usualTopics] : wanted,
    });
    // A firehose is switched on with its number in view.
    return isAll ? { do: 'confirm', call: add, typed: '' } : { do: 'run', call: add };
  },
};

export const unsubscribeVerb: Verb = {
  name: 'unsubscribe',
  synonyms: [],
  job: 'Follow',
  usage: 'unsubscribe [me] svc:payments | all',
  summary: 'hears no more of it; all ends everything that is followed here',
  examples: ['unsubscribe svc:payments', 'unsubscribe me all'],
  target: false,
  parse: (line, said): Parsed => {
    const { words, target } = takeTarget(line, said);
    const scope = scopeOf(line);
    if ('do' in scope) return scope;
    const [what, ...more] = words;
    if (more.length > 0 || (what !== undefined && what !== 'all'))
      return { do: 'usage', problem: { code: 'unexpected', text: words.join(' ') } };
    const key = scopeKey(scope);
    if ((what === 'all') === (key !== 'all'))
      return missing('what to follow no more: svc:payments, team:search, or all');
    return { do: 'run', call: call(removeSubscriptionCommand, { target, key: what === 'all' ? null : key }) };
  },
};

export const subscriptionsVerb: Verb = {
  name: 'subscriptions',
  synonyms: ['subs'],
  job: 'Follow',
  usage: 'subscriptions [me] [mute [until fri 9:00] | unmute | quiet 18:00-08:00 [Europe/Berlin] | quiet off | sent]',
  summary: 'what is followed here; mute it, set quiet hours, see what was sent and why',
  examples: [
    'subscriptions',
    'subscriptions mute until monday 9:00',
    'subscriptions quiet 18:00-08:00 Europe/Berlin',
    'subscriptions me sent',
  ],
  target: false,
  parse: (line, said): Parsed => {
    const { words, target } = takeTarget(line, said);
    const [what, ...rest] = words;
    const unexpected: Parsed = { do: 'usage', problem: { code: 'unexpected', text: words.join(' ') } };
    switch (what) {
      case undefined:
        return { do: 'answer', question: { ask: 'subscriptions', target } };
      case 'sent':
        return rest.length === 0 ? { do: 'answer', question: { ask: 'sent', target } } : unexpected;
      case 'mute':
      case 'snooze':
        return readMute(rest, target, said);
      case 'unmute':
        return rest.length === 0 ? { do: 'run', call: call(unmuteCommand, { target }) } : unexpected;
      case 'quiet':
        return readQuiet(rest, target);
      default:
        return unexpected;
    }
  },
};

/** Whose it is: the channel that it is said in; in a direct message, or with "me", the person's own. */
export function takeTarget(line: Line, said: Said): { readonly words: string[]; readonly target: string } {
  const [first, ...rest] = line.words;
  if (first?.toLowerCase() === 'me') return { words: rest, target: said.person };
  const isChannel = /^[CG]/.test(said.channel);
  return { words: [...line.words], target: isChannel ? said.channel : said.person };
}

/** The scope that a line names; or an option that is none. */
export function scopeOf(line: Line, others: readonly string[] = []): Scope | Parsed {
  const strange = Object.keys(line.options).find((name) => ![...scopeOptions, ...others].includes(name));
  if (strange !== undefined)
    return { do: 'usage', problem: { code: 'unexpected', text: `${strange}:${line.options[strange]}` } };
  return readScope(line.options);
}

function readMute(words: readonly string[], target: string, said: Said): Parsed {
  const text = words.join(' ').replace(/^until\s+/i, '');
  if (text === '') return { do: 'run', call: call(muteCommand, { target, until: null }) };
  if (text.toLowerCase() === 'monday') return { do: 'run', call: call(muteCommand, { target, until: 'monday' }) };
  const read = readTime(text, { now: said.now, zone: said.zone, farDays: 366 });
  if (!read.ok) return { do: 'usage', problem: { code: 'time', problem: read.problem } };
  return { do: 'run', call: call(muteCommand, { target, until: read.at.toISOString() }) };
}

function readQuiet(words: readonly string[], target: string): Parsed {
  const [span = '', zone = null, ...more] = words;
  if (span === 'off' && zone === null) return { do: 'run', call: call(quietCommand, { target, hours: null }) };
  const [, from = '', to = ''] = /^(\d{1,2}:\d{2})[-–](\d{1,2}:\d{2})$/.exec(span) ?? [];
  const hours = { from: from.padStart(5, '0'), to: to.padStart(5, '0'), zone };
  const read = QuietHours.omit({ zone: true }).safeParse({ from: hours.from, to: hours.to });
  if (!read.success) return missing('hours like 18:00-08:00, or off');
  const odd = zone !== null && !isZone(zone) ? zone : more[0];
  if (odd !== undefined) return { do: 'usage', problem: { code: 'unexpected', text: odd } };
  return { do: 'run', call: call(quietCommand, { target, hours }) };
}

/** Topics as a form has them. */
export function readTopics(values: readonly string[]): Topic[] {
  return topics.filter((topic) => values.includes(topic));
}
