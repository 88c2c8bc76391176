import type { KnownBlock, ModalView } from '@slack/types';
import { type DigestKind, type DigestSection, isEverything, isPersonTarget, scopeKey } from '../src/domain/follow.ts';
import { daysWords } from '../src/domain/recurrence.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { type Scope, scopeWords } from '../src/domain/scope.ts';
import { wallTime } from '../src/domain/time.ts';
import {
  actions,
  button,
  clip,
  code,
  context,
  date,
  header,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  person,
  plain,
  section,
  slot,
  type View,
} from './kit.ts';
import { select, textInput, timeInput } from './modal.ts';
import { place } from './sentence.ts';
import { sectionWords, stateWords } from './state.ts';
import { type ReleaseProps, waitingFor } from './summary.ts';

export type DigestProps = {
  /** A channel, or a person: their direct messages. */
  readonly channel: string;
  readonly kind: DigestKind;
  /** "YYYY-MM-DD" in `zone`. */
  readonly date: string;
  readonly zone: string;
  readonly scope: Scope;
  readonly sections: readonly DigestSection[];
  /** What it looks back on: first day, and the day after the last. */
  readonly back: { readonly from: string; readonly to: string };
  /** Anywhere in the future and still in review; for a person, what waits for their word. */
  readonly waiting: readonly ReleaseProps[];
  readonly today: readonly ReleaseProps[];
  readonly next: readonly ReleaseProps[];
  /** Ended in the time that it looks back on. */
  readonly yesterday: readonly ReleaseProps[];
  /** All that ended in that time, by state; there may be more than are named. */
  readonly ended: Readonly<Record<string, number>>;
  /** How many there are of what is named only in part. */
  readonly totals: Readonly<Record<'waiting' | 'today' | 'next' | 'yesterday' | 'overdue', number>>;
  /** Ended a while ago, and their review is late. */
  readonly overdue: readonly ReleaseProps[];
  readonly freezes: readonly {
    /** Freeze and date: one occurrence. */
    readonly key: string;
    readonly name: string;
    readonly level: 'hard' | 'warn';
    readonly scope: Scope;
    readonly startsAt: Date;
    readonly endsAt: Date;
  }[];
  readonly errors: readonly {
    readonly key: string;
    readonly title: string;
    readonly services: readonly string[];
    readonly workaround: string;
  }[];
  /** One line of measures or of a chart's words. */
  readonly numbers: Mrkdwn | undefined;
};

/** A list with its title: so many lines in the message, the rest in its thread. */
type Part = {
  readonly title: string;
  readonly lines: readonly Mrkdwn[];
  /** How many there are, named or not; without it, as many as there are lines. */
  readonly total?: number;
  readonly most: number;
  /** What it says when there is nothing; without it, nothing. */
  readonly empty?: Mrkdwn;
  /** Beside its title. */
  readonly note?: string;
};

/** The one message a day, or a week, or a month. Nothing in it changes by itself: no "3 hours ago". */
export function digest(props: DigestProps): View {
  const title = titleOf(props);
  const parts = layout(props);
  const blocks: KnownBlock[] = [header(title)];
  if (!isEverything(props.scope)) blocks.push(context(mrkdwn`About ${clip(scopeWords(props.scope), 300)}`));
  if (props.kind !== 'daily' && props.sections.includes('yesterday'))
    blocks.push(section(mrkdwn`*Outcomes* ${outcomes(props) || 'nothing ended'}`));
  for (const part of parts) if (part.lines.length > 0 || part.empty || part.note) blocks.push(section(shown(part)));
  if (props.numbers) blocks.push(section(props.numbers));
  const more = parts.some((part) => part.total > part.fits) ? mrkdwn`The rest is in the thread · ` : mrkdwn``;
  blocks.push(
    context(
      mrkdwn`${more}All times in your time zone · ${code(`/release digest ${kindWord(props.kind)}off`)} stops this`,
    ),
    actions(`digest-${props.kind}-${props.date}`, [
      button('digest.open', 'Change digest', props.kind),
      button('follow.mute', 'Mute until Monday', props.kind),
      button('follow.why', 'Why did I get this?', props.kind),
    ]),
  );
  return { text: `${title}. ${inWords(props)}`, blocks };
}

/** What did not fit, for the thread; undefined when everything did. */
export function digestMore(props: DigestProps): View | undefined {
  const parts = layout(props).filter((part) => part.total > part.fits);
  if (parts.length === 0) return undefined;
  const blocks: KnownBlock[] = [];
  let room = 9_000;
  for (const { title, lines, fits, total } of parts) {
    const rest = lines.slice(fits);
    const fitting = rest.filter(({ mrkdwn: text }) => {
      room -= text.length + 1;
      return room > 0;
    });
    for (let from = 0; from < fitting.length; from += 12) {
      const head = from === 0 ? [mrkdwn`*${title}, the other ${total - fits}*`] : [];
      blocks.push(section(join([...head, ...fitting.slice(from, from + 12)], '\n')));
    }
    const left = total - fits - fitting.length;
    if (left > 0) blocks.push(context(mrkdwn`… and ${left} more: ${code('/release list')}`));
  }
  const counts = parts.map((part) => `${part.total - part.fits} more under ${part.title}`);
  return { text: `${titleOf(props)}: ${list(counts, 'and')}.`, blocks };
}

/** What a preview says when nothing would be sent. */
export function digestSilence(kind: DigestKind, why: 'nothing_new' | 'muted'): View {
  const said =
    why === 'muted'
      ? mrkdwn`Nothing would be sent now: this place is muted. ${code('/release subscriptions unmute')} ends it.`
      : mrkdwn`Nothing would be sent now: there is nothing new since the last digest. To get one anyway, add ${code('quiet:post')} to ${code(`/release digest ${kindWord(kind)}here …`)}.`;
  return { text: said.mrkdwn, blocks: [section(said)] };
}

/** What *Mute* in a preview says: it is the button of a message that was not sent. */
export function digestPreviewed(target: string): View {
  const said = mrkdwn`That was the preview: nothing is muted. In the digest itself the button mutes what is followed ${place(target)}; ${code('/release subscriptions mute')} does so now.`;
  return { text: said.mrkdwn, blocks: [section(said)] };
}

function kindWord(kind: DigestKind): string {
  return kind === 'daily' ? '' : `${kind} `;
}

function titleOf({ channel, kind, date: on, back }: DigestProps): string {
  const whose = isPersonTarget(channel) ? 'Your releases' : 'Releases';
  if (kind === 'monthly') {
    const { year } = day(back.from);
    return `${whose} – ${monthNames[Number(back.from.slice(5, 7)) - 1]} ${year}`;
  }
  if (kind === 'weekly') {
    const from = day(back.from);
    return `${whose} – week of ${from.day} ${from.month}`;
  }
  const today = day(on);
  return `${whose} – ${today.weekday} ${today.day} ${today.month}`;
}

const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

function day(on: string) {
  return wallTime(new Date(`${on}T12:00:00Z`), 'UTC');
}

function partsOf(props: DigestProps): Part[] {
  const { kind, zone, channel } = props;
  const failed = props.yesterday.filter((release) => release.state !== 'done');
  const daily: Part[] = [
    {
      title: isPersonTarget(channel) ? 'Waiting for you' : sectionWords.waiting,
      lines: props.waiting.map((release) => waitingLine(release)),
      total: props.totals.waiting,
      most: 8,
    },
    {
      title: sectionWords.today,
      lines: props.today.map((release) => line(release, '{time}')),
      total: props.totals.today,
      most: 12,
      ...(props.sections.includes('today') ? { empty: mrkdwn`Nothing planned.` } : {}),
    },
    {
      title: sectionWords.next,
      lines: props.next.map((release) => line(release, '{date_short_pretty} {time}')),
      total: props.totals.next,
      most: 8,
    },
    {
      title: sectionWords.yesterday,
      lines: props.yesterday.map(endedLine),
      total: props.totals.yesterday,
      most: 8,
      note: outcomes(props),
    },
  ];
  const looksBack: Part[] = [
    {
      title: 'Not as planned',
      lines: failed.map(failedLine),
      total: (props.ended.rolled_back ?? 0) + (props.ended.failed ?? 0),
      most: 8,
    },
    {
      title: 'Shipped',
      lines: props.yesterday.filter((one) => one.state === 'done').map(endedLine),
      total: props.ended.done ?? 0,
      most: 12,
    },
  ];
  return [
    ...(kind === 'daily' ? daily : looksBack),
    {
      title: sectionWords.freezes,
      lines: props.freezes.map(
        (one) =>
          mrkdwn`❄️ *${one.name}* ${slot(one.startsAt, one.endsAt, zone)} · ${clip(scopeWords(one.scope), 100)}${one.level === 'warn' ? ' · a warning' : ''}`,
      ),
      most: 5,
    },
    {
      title: sectionWords.reviews,
      lines: props.overdue.map(
        (release) =>
          mrkdwn`${name(release)} · ${person(release.requester)} · ${code(`/release pir ${releaseKey(release.number)}`)}`,
      ),
      total: props.totals.overdue,
      most: 5,
    },
    {
      title: sectionWords.errors,
      lines: props.errors.map(
        (one) =>
          mrkdwn`${one.key} ${clip(one.services.join(', '), 80)}: ${clip(one.title, 120)}${one.workaround === '' ? '' : ` · workaround: ${clip(one.workaround, 120)}`}`,
      ),
      most: 5,
    },
  ];
}

type LaidOut = Part & { readonly fits: number; readonly total: number };

/** Slack caps the text of a whole message; what is read first is shown first. */
const textAtMost = 9_500;

function layout(props: DigestProps): LaidOut[] {
  const parts = partsOf(props);
  let room = textAtMost - Math.min(props.numbers?.mrkdwn.length ?? 0, 3_000) - 600 - parts.length * 80;
  return parts.map((part) => {
    let fits = 0;
    for (const { mrkdwn: text } of part.lines.slice(0, part.most)) {
      room -= text.length + 1;
      if (room < 0) break;
      fits++;
    }
    return { ...part, total: part.total ?? part.lines.length, fits };
  });
}

function shown({ title, lines, fits, empty, note, total }: LaidOut): Mrkdwn {
  const rest = total > fits ? [mrkdwn`… and ${total - fits} more, in the thread`] : [];
  const said = lines.length === 0 && empty ? [empty] : lines.slice(0, fits);
  return join([mrkdwn`*${title} (${total})*${note ? ` ${note}` : ''}`, ...said, ...rest], '\n');
}

function name(release: ReleaseProps): Mrkdwn {
  return mrkdwn`${releaseKey(release.number)} ${clip(unitsName(release.units), 80)}`;
}

function waitingLine(release: ReleaseProps): Mrkdwn {
  const services = clip(release.units.map((unit) => unit.service).join(' + '), 80);
  const since = release.gates
    .filter((gate) => !gate.met)
    .map((gate) => gate.askedAt)
    .sort((a, b) => a.getTime() - b.getTime())[0];
  const asked = since ? mrkdwn` · since ${date(since, release.zone)}` : mrkdwn``;
  return mrkdwn`${services} (${releaseKey(release.number)}) needs ${clip(waitingFor(release), 120)}${asked}`;
}

function line(release: ReleaseProps, format: string): Mrkdwn {
  return mrkdwn`${date(release.startsAt, release.zone, format)} *${clip(unitsName(release.units), 80)}* → ${release.environment} · ${stateWords[release.state]} · ${releaseKey(release.number)}`;
}

function endedLine(release: ReleaseProps): Mrkdwn {
  return mrkdwn`${name(release)} → ${release.environment} · ${stateWords[release.state]}`;
}

function failedLine(release: ReleaseProps): Mrkdwn {
  const why = release.reason === '' ? '' : `: ${clip(release.reason, 100)}`;
  return mrkdwn`${endedLine(release)}${why}`;
}

const endedWords: readonly (readonly [state: string, words: string])[] = [
  ['done', 'done'],
  ['rolled_back', 'rolled back'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
  ['rejected', 'rejected'],
  ['expired', 'expired'],
];

function outcomes({ ended }: DigestProps): string {
  return endedWords.flatMap(([state, words]) => (ended[state] ? [`${ended[state]} ${words}`] : [])).join(', ');
}

function inWords(props: DigestProps): string {
  const names = (releases: readonly ReleaseProps[], total: number) =>
    list(
      [
        ...releases.slice(0, 5).map((release) => clip(unitsName(release.units), 60)),
        ...(total > 5 ? [`${total - 5} more`] : []),
      ],
      'and',
    );
  if (props.kind !== 'daily') return mrkdwn`${outcomes(props) || 'Nothing ended'}.`.mrkdwn;
  const today = props.sections.includes('today')
    ? props.today.length === 0
      ? 'Nothing is planned today.'
      : `Today: ${names(props.today, props.totals.today)}.`
    : '';
  const keys = props.waiting.slice(0, 5).map((release) => releaseKey(release.number));
  const rest = props.totals.waiting > 5 ? [`${props.totals.waiting - 5} more`] : [];
  const waiting = keys.length === 0 ? '' : ` Waiting for people: ${list([...keys, ...rest], 'and')}.`;
  const back = props.yesterday.filter(
    (release) => release.state === 'rolled_back' || release.state === 'failed',
  ).length;
  return mrkdwn`${today}${waiting}${back === 0 ? '' : ` ${back} rolled back yesterday.`}`.mrkdwn;
}

/** DIGEST: what `/release digest here …` says in words. */
export function digestForm(
  plan: {
    readonly kind: DigestKind;
    readonly at: string;
    readonly zone: string;
    readonly days: readonly number[];
    readonly scope: Scope;
    readonly sections: readonly DigestSection[];
    readonly quiet: 'silent' | 'post';
  },
  channel: string,
): ModalView {
  const choice = (one: DigestSection) => ({ text: plain(sectionWords[one], 75), value: one });
  const picked = plan.sections.map(choice);
  const options = (Object.keys(sectionWords) as DigestSection[]).map(choice);
  const quietWords = { silent: 'nothing is posted', post: 'it is posted all the same' };
  return {
    type: 'modal',
    callback_id: 'digest.v1',
    private_metadata: JSON.stringify({ channel, kind: plan.kind }),
    title: plain(`${plan.kind === 'daily' ? 'Daily' : plan.kind === 'weekly' ? 'Weekly' : 'Monthly'} digest`, 24),
    submit: plain('Save', 24),
    close: plain('Close', 24),
    blocks: [
      timeInput('at', 'At', plan.at),
      textInput('zone', 'Time zone', { max: 60, initial: plan.zone, placeholder: 'Europe/Berlin' }),
      textInput('days', 'On these days', { max: 40, initial: daysWords(plan.days), placeholder: 'mon-fri' }),
      textInput('scope', 'About', {
        optional: true,
        max: 300,
        ...(isEverything(plan.scope) ? {} : { initial: scopeKey(plan.scope) }),
        placeholder: 'svc:payments team:search tag:pci env:production',
        hint: 'Empty: everything. Services, teams and tags add up; an environment narrows.',
      }),
      {
        type: 'input',
        block_id: 'sections',
        label: plain('With', 2000),
        element: {
          type: 'checkboxes',
          action_id: 'value',
          options,
          ...(picked.length > 0 ? { initial_options: picked } : {}),
        },
      },
      select(
        'quiet',
        'When there is nothing new',
        Object.keys(quietWords),
        plan.quiet,
        (value) => quietWords[value as keyof typeof quietWords],
      ),
    ],
  };
}
