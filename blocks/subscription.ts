import type { KnownBlock, ModalView } from '@slack/types';
import type { StoredEvent } from '../src/domain/event.ts';
import {
  type DigestKind,
  type DigestSection,
  digestSections,
  isEverything,
  isPersonTarget,
  scopeKey,
  type Topic,
  usualTopics,
} from '../src/domain/follow.ts';
import { daysWords } from '../src/domain/recurrence.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import type { Scope } from '../src/domain/scope.ts';
import type { Subscriber, Subscription } from '../src/domain/subscription.ts';
import {
  actions,
  button,
  channel,
  clip,
  code,
  context,
  date,
  join,
  type Mrkdwn,
  mrkdwn,
  person,
  plain,
  section,
  slot,
  type View,
} from './kit.ts';
import { servicePicker } from './modal.ts';
import { place, say } from './sentence.ts';
import { sectionWords, stateWords, topicWords } from './state.ts';
import { type ReleaseProps, summaryLine, waitingFor } from './summary.ts';

/** A release for a channel or person that follows it and has not its card: one message, edited in place. */
export function followed(release: ReleaseProps): View {
  const number = String(release.number);
  const waiting = release.state === 'requested' ? waitingFor(release) : '';
  const what = mrkdwn`${stateWords[release.state]} · *${releaseKey(release.number)} · ${clip(unitsName(release.units), 150)}* → ${release.environment}`;
  const when = mrkdwn`${slot(release.startsAt, release.endsAt, release.zone)} · led by ${person(release.lead)}${waiting === '' ? '' : mrkdwn` · needs ${clip(waiting, 300)}`}`;
  return {
    text: summaryLine(release).mrkdwn,
    blocks: [
      section(join([what, when, ...(release.summary === '' ? [] : [mrkdwn`${clip(release.summary, 300)}`])], '\n')),
      actions(`followed-${number}`, [button('release.details', 'Details', number), ...aboutButtons(number)]),
      context(mrkdwn`Its card is in ${channel(release.channel)}.`),
    ],
  };
}

/** A freeze for those who follow something that it may touch. */
export function followedFreeze(event: StoredEvent, zone: string): View {
  const said = say(event, zone);
  return {
    text: said.mrkdwn,
    blocks: [section(said), actions(`followed-freeze-${event.id.slice(0, 36)}`, aboutButtons(event.id.slice(0, 36)))],
  };
}

function aboutButtons(value: string) {
  return [button('follow.why', 'Why did I get this?', value), button('follow.mute', 'Mute until Monday', value)];
}

export type DigestLine = {
  readonly kind: DigestKind;
  readonly at: string;
  readonly zone: string;
  readonly days: readonly number[];
  readonly scope: Scope;
  readonly sections: readonly DigestSection[];
};

/** What a channel or person follows, and how to change it. An empty list teaches. */
export function subscriptionList(props: {
  readonly target: string;
  readonly subscriptions: readonly Subscription[];
  readonly subscriber: Subscriber;
  readonly digests: readonly DigestLine[];
  readonly now: Date;
  readonly zone: string;
}): View {
  const { target, subscriptions, subscriber, zone } = props;
  const rows = subscriptions.slice(0, 20).map((one) => {
    const by =
      one.by === null ? mrkdwn`` : mrkdwn` · ${person(one.by)}, ${date(one.since, zone, '{date_short_pretty}')}`;
    return mrkdwn`${code(clip(one.key, 150))} ${topicsWords(one.topics)}${by}`;
  });
  const rest = subscriptions.length > 20 ? [mrkdwn`… and ${subscriptions.length - 20} more`] : [];
  const digests = props.digests.map(
    (one) =>
      mrkdwn`📰 ${one.kind} digest at ${one.at} ${one.zone}, ${daysWords(one.days)}${isEverything(one.scope) ? '' : mrkdwn`, about ${code(scopeKey(one.scope))}`}${one.sections.length === digestSections.length ? '' : `, with ${one.sections.map((name) => sectionWords[name].toLowerCase()).join(', ')}`}`,
  );
  const head =
    rows.length === 0
      ? mrkdwn`Nothing is followed ${place(target)} yet. Try ${code('/release subscribe svc:payments')}: requests, verdicts, starts and ends of its releases come here, one message each.`
      : mrkdwn`*Followed ${place(target)}*`;
  const blocks: KnownBlock[] = [section(join([head, ...rows, ...rest, ...digests], '\n'))];
  const silence = silenceWords(props);
  if (silence.length > 0) blocks.push(context(...silence));
  blocks.push(
    actions('subscriptions', [
      button('follow.open', 'Follow a service', target),
      button('digest.open', 'Digest', 'daily'),
      ...(isMuted(subscriber, props.now)
        ? [button('follow.unmute', 'Unmute', target)]
        : [button('follow.mute', 'Mute until Monday', target)]),
    ]),
    context(
      mrkdwn`${code('/release unsubscribe svc:payments')} · ${code('/release subscriptions mute until fri 9:00')} · ${code('quiet 18:00-08:00')} · ${code('sent')} shows what was sent and why`,
    ),
  );
  return { text: join([head, ...rows.slice(0, 5)], ' ').mrkdwn, blocks };
}

function isMuted({ mutedUntil }: Subscriber, now: Date): boolean {
  return mutedUntil === null || (mutedUntil !== undefined && mutedUntil > now);
}

function silenceWords({
  subscriber,
  now,
  zone,
}: {
  readonly subscriber: Subscriber;
  readonly now: Date;
  readonly zone: string;
}): Mrkdwn[] {
  const { mutedUntil, quiet } = subscriber;
  return [
    ...(isMuted(subscriber, now)
      ? [mrkdwn`🔕 Muted${mutedUntil ? mrkdwn` until ${date(mutedUntil, zone)}` : ''}`]
      : []),
    ...(quiet ? [mrkdwn`🌙 Quiet ${quiet.from}–${quiet.to} ${quiet.zone}`] : []),
  ];
}

function topicsWords(topics: readonly Topic[]): string {
  return topics.join() === usualTopics.join() ? '' : `(${topics.map((topic) => topicWords[topic]).join(', ')})`;
}

/** Before a firehose is switched on: the real number. */
export function volume(props: { readonly target: string; readonly lately: number; readonly draft: string }): View {
  const { target, lately, draft } = props;
  const text = mrkdwn`Follow *everything* ${place(target)}? That was ${lately} ${lately === 1 ? 'message' : 'messages'} in the last 7 days.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions('volume', [
        button('draft.take', 'Follow everything', draft, { style: 'primary' }),
        button('draft.drop', 'Not now', draft),
      ]),
      context(mrkdwn`A service, a team, a tag or an environment is less: ${code('/release subscribe team:payments')}.`),
    ],
  };
}

export type SentLine = { readonly surface?: string; readonly why: string; readonly at: Date; readonly state: string };

/** The ledger's answer to "why did I get this?". */
export function why(props: {
  readonly target: string;
  readonly sent: readonly SentLine[];
  readonly because: readonly Mrkdwn[];
  readonly zone: string;
}): View {
  const { target, because, sent, zone } = props;
  const head =
    because.length === 0
      ? sent.length === 0
        ? mrkdwn`I have no record of sending this.`
        : mrkdwn`What asked for this has been switched off since.`
      : join(because, '\n');
  return {
    text: head.mrkdwn,
    blocks: [
      section(head),
      ...(sent.length === 0
        ? []
        : [section(join([mrkdwn`*Sent about it ${place(target)}*`, ...sentLines(sent, zone)], '\n'))]),
      actions('why', [
        button('follow.list', 'What is followed here', target),
        button('follow.mute', 'Mute until Monday', target),
      ]),
    ],
  };
}

/** Because of which subscription, or of which digest. */
export function becauseOf(one: Pick<Subscription, 'target' | 'key' | 'topics' | 'by' | 'since'>, zone: string): Mrkdwn {
  const by = one.by === null ? mrkdwn`the catalogue` : person(one.by);
  const what = one.key === 'all' ? mrkdwn`everything` : code(one.key);
  return mrkdwn`${by} follows ${what} ${place(one.target)} since ${date(one.since, zone)}: ${one.topics.map((topic) => topicWords[topic]).join(', ')}. ${code(`/release unsubscribe ${one.key}`)} ends it.`;
}

export function becauseOfDigest(
  one: { readonly kind: DigestKind; readonly by: string | null; readonly since: Date | null; readonly target: string },
  zone: string,
): Mrkdwn {
  const by = one.by === null ? mrkdwn`The catalogue` : person(one.by);
  const since = one.since === null ? mrkdwn`` : mrkdwn` on ${date(one.since, zone)}`;
  return mrkdwn`${by} asked for a ${one.kind} digest ${place(one.target)}${since}. ${code(`/release digest ${one.kind === 'daily' ? '' : `${one.kind} `}off`)} ends it.`;
}

/** What was sent to a channel or person of late, and what was kept back. */
export function sentList(target: string, sent: readonly SentLine[], zone: string): View {
  const head =
    sent.length === 0 ? mrkdwn`Nothing was sent ${place(target)} yet.` : mrkdwn`*Sent ${place(target)}, newest first*`;
  return { text: head.mrkdwn, blocks: [section(join([head, ...sentLines(sent, zone)], '\n'))] };
}

function sentLines(sent: readonly SentLine[], zone: string): Mrkdwn[] {
  return sent.map((one) => {
    const about = /REL-\d+/.exec(one.surface ?? '')?.[0];
    return mrkdwn`${date(one.at, zone)} ${sentWords[one.state] ?? one.state} · ${about ? `${about} · ` : ''}${clip(one.why, 120)}`;
  });
}

const sentWords: Readonly<Record<string, string>> = {
  sent: 'sent',
  held: 'waits for the end of quiet hours',
  due: 'about to be sent',
  dropped: 'kept back',
  collapsed: 'collected with others',
};

/** Said once, when somebody adds the app to a channel. */
export function hello(target: string): View {
  const text = mrkdwn`I post releases here once this channel follows something.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions('hello', [
        button('follow.open', 'Follow a service', target, { style: 'primary' }),
        button('digest.open', 'Daily digest', 'daily'),
        button('help.show', 'What I do', target),
      ]),
    ],
  };
}

/** FOLLOW: what `/release subscribe` says in words. */
export function subscribeForm(target: string): ModalView {
  const choice = (topic: Topic) => ({ text: plain(topicWords[topic], 75), value: topic });
  const all = Object.keys(topicWords) as Topic[];
  // A group of checkboxes holds ten.
  const groups = [
    ['topics', 'Tell of', all.slice(0, 9)],
    ['details', 'And of details, in the thread', all.slice(9)],
  ] as const;
  return {
    type: 'modal',
    callback_id: 'subscribe.v1',
    private_metadata: JSON.stringify({ channel: target }),
    title: plain('Follow a service', 24),
    submit: plain('Follow', 24),
    close: plain('Close', 24),
    blocks: [
      servicePicker(),
      ...groups.map(([id, label, names]): KnownBlock => {
        const picked = names.filter((topic) => usualTopics.includes(topic)).map(choice);
        return {
          type: 'input',
          block_id: id,
          optional: true,
          label: plain(label, 2000),
          element: {
            type: 'checkboxes',
            action_id: 'value',
            options: names.map(choice),
            ...(picked.length > 0 ? { initial_options: picked } : {}),
          },
        };
      }),
      context(
        isPersonTarget(target)
          ? mrkdwn`It comes to you in direct messages.`
          : mrkdwn`It comes to ${channel(target)}. Whole teams, tags and environments: ${code('/release subscribe team:payments')}.`,
      ),
    ],
  };
}
