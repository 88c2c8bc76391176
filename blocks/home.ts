import type { Button, KnownBlock } from '@slack/types';
import type { HomeTab } from '../src/domain/approval.ts';
import { homeRows } from '../src/domain/home.ts';
import { isRunning, releaseKey, unitsName } from '../src/domain/release.ts';
import { type CalendarDay, week } from './calendar.ts';
import {
  actions,
  button,
  clip,
  code,
  context,
  date,
  divider,
  header,
  join,
  type Mrkdwn,
  mrkdwn,
  person,
  section,
  slot,
} from './kit.ts';
import { reviewRow } from './pir.ts';
import { guardrails, type ManageProps, needsYou, radar, waits } from './radar.ts';
import { rollbackButton, row } from './release.ts';
import { howWeAreDoing, type NumbersProps } from './report.ts';
import { stateWords } from './state.ts';
import { closesAt, type ReleaseProps, waitingFor } from './summary.ts';

export type HomeProps = {
  readonly view:
    | ({ readonly tab: 'work' } & WorkProps)
    | ({ readonly tab: 'approvals' } & ApprovalsProps)
    | ({ readonly tab: 'manage' } & ManageProps);
  /** How many releases wait for this person's word. */
  readonly waiting: number;
  /** May see the view of release managers. */
  readonly mayManage: boolean;
  /** Undefined: nothing to begin with, or hidden. */
  readonly setup: SetupProps | undefined;
  readonly asOf: Date;
  readonly zone: string;
  readonly command: string;
};

/** First steps, each from what is so. */
export type SetupProps = {
  /** Our own user. */
  readonly botUser: string;
  readonly hasCatalog: boolean;
  /** Something of ours stands in a channel. */
  readonly isPosting: boolean;
  readonly hasDigest: boolean;
  readonly hasBooked: boolean;
  readonly hasPrefs: boolean;
};

export type WorkProps = {
  /** Own open releases, soonest first. */
  readonly mine: readonly ReleaseProps[];
  readonly total: number;
  /** Releases of this person that were not reviewed yet. */
  readonly reviews: readonly ReleaseProps[];
  readonly week: readonly CalendarDay[];
  /** The numbers of this person's teams. */
  readonly teams: readonly NumbersProps[];
  /** What is drawn of them, once Slack has it. */
  readonly picture?: Parameters<typeof howWeAreDoing>[2];
};

export type DecidedLine = {
  readonly number: number;
  readonly name: string;
  readonly state: ReleaseProps['state'];
  readonly choice: string;
  readonly at: Date;
  /** Of the content as it is now. */
  readonly isCurrent: boolean;
};

export type ApprovalsProps = {
  /** The one that waits longest first; with when this person is asked again, where they put it off. */
  readonly waiting: readonly (ReleaseProps & { readonly askedAgainAt?: Date | undefined })[];
  readonly total: number;
  readonly decided: readonly DecidedLine[];
  readonly cover: {
    /** Groups that this person is on call for. */
    readonly onCall: readonly string[];
    readonly snoozedUntil: Date | undefined;
    readonly delegate: { readonly to: string; readonly from: Date; readonly until: Date } | undefined;
  };
};

/** App Home: one of three views, never more than 100 blocks. */
export function home(props: HomeProps): KnownBlock[] {
  const { view, zone, asOf, command } = props;
  const steps = props.setup ? setup(props.setup, command) : [];
  return [
    actions('home-tabs', tabs(props)),
    context(mrkdwn`As of ${date(asOf, zone, '{time}')} · it follows by itself`),
    // Whoever came to decide or to manage finds that first.
    ...(view.tab === 'work' ? steps : []),
    ...viewOf(props),
    divider(),
    ...(view.tab === 'work' ? [] : steps),
    actions('home', [
      button('prefs.open', 'Preferences', 'home'),
      button('follow.list', 'What I follow', 'home'),
      button('help.show', 'Help', 'home'),
    ]),
    context(
      view.tab === 'manage'
        ? mrkdwn`Only whoever keeps the calendar sees this view; each click asks again whether you do.`
        : mrkdwn`All times in your time zone · ${code(`${command} help`)}`,
    ),
  ];
}

/** What somebody of outside reads. */
export function guestHome(): KnownBlock[] {
  return [
    section(
      mrkdwn`*You are a guest here.* You can read the releases in the channels that you are in, and follow how they go. Asking for one, voting and changing things is for full members: ask somebody of the team to do it for you.`,
    ),
  ];
}

const tabNames: Readonly<Record<HomeTab, string>> = { work: 'My work', approvals: 'Approvals', manage: 'Manage' };

function tabs({ view, waiting, mayManage }: HomeProps): Button[] {
  const shown: HomeTab[] = mayManage ? ['work', 'approvals', 'manage'] : ['work', 'approvals'];
  const name = (tab: HomeTab) => (tab === 'approvals' && waiting > 0 ? `${tabNames[tab]} ${waiting}` : tabNames[tab]);
  // What is open is marked by a word, too: a colour alone says nothing to some.
  return [
    ...shown.map((tab, index) =>
      button(`home.tab${index}`, tab === view.tab ? `● ${name(tab)}` : name(tab), tab, {
        ...(tab === view.tab ? { style: 'primary' as const } : {}),
      }),
    ),
    button('home.refresh', '↻ Refresh', 'home'),
  ];
}

function viewOf(props: HomeProps): KnownBlock[] {
  const { view } = props;
  switch (view.tab) {
    case 'work':
      return work(view, props);
    case 'approvals':
      return approvals(view, props);
    case 'manage':
      return manage(view, props);
  }
}

/** First steps that tick themselves off. */
function setup({ botUser, ...done }: SetupProps, command: string): KnownBlock[] {
  const steps: readonly (readonly [isDone: boolean, name: string, how: Mrkdwn])[] = [
    [
      done.hasCatalog,
      'Say who decides what',
      mrkdwn`a catalogue names teams, services and approvers. Until whoever runs me gives me one, any other member of the channel approves.`,
    ],
    [
      done.isPosting,
      'Invite me to a channel',
      mrkdwn`write ${code('/invite')} and my name there (${person(botUser)}).`,
    ],
    [
      done.hasDigest,
      'Set a digest',
      mrkdwn`one message a day, with ${code(`${command} digest here 09:30`)} in a channel.`,
    ],
    [done.hasBooked, 'Book your first release', mrkdwn`I find a free time and ask whoever has to agree.`],
    [done.hasPrefs, 'Set your preferences', mrkdwn`when you may be asked, and who votes for you meanwhile.`],
  ];
  const count = steps.filter(([isDone]) => isDone).length;
  const buttons = [
    ...(done.hasBooked ? [] : [button('release.new1', 'Book a release', 'home')]),
    ...(done.hasDigest ? [] : [button('digest.open', 'My digest…', 'daily')]),
    ...(done.hasPrefs ? [] : [button('prefs.open1', 'Preferences…', 'home')]),
    button('home.hide', 'Hide this', 'home'),
  ];
  return [
    header(`First steps (${count} of ${steps.length})`),
    section(
      join(
        steps.map(([isDone, name, how]) => (isDone ? mrkdwn`✅ Done: ${name}` : mrkdwn`⬜ *${name}*: ${how}`)),
        '\n',
      ),
    ),
    actions('home-setup', buttons),
    divider(),
  ];
}

const shownNext = 3;
const shownReviews = 3;

function work(view: WorkProps, { waiting, command, zone, asOf }: HomeProps): KnownBlock[] {
  const mine = view.mine.slice(0, homeRows.list);
  const next = mine.slice(0, shownNext);
  const rest = mine.slice(shownNext);
  const isIdle = next.length === 0 && view.reviews.length === 0 && waiting === 0;
  return [
    header('Next for you'),
    ...(waiting > 0
      ? [
          section(
            mrkdwn`${waiting === 1 ? 'A release waits' : `${waiting} releases wait`} for your decision.`,
            button('home.tab8', 'Approvals', 'approvals', { style: 'primary' }),
          ),
        ]
      : []),
    ...next.flatMap((release) => [
      section(nextWords(release)),
      actions(`next-${release.number}`, nextButtons(release)),
    ]),
    ...view.reviews.slice(0, shownReviews).map((release) => reviewRow(release, asOf)),
    ...(isIdle
      ? [
          section(
            mrkdwn`Nothing needs you now. What you book, what has to be decided and what has to be reviewed is here.`,
          ),
        ]
      : []),
    divider(),
    header(`My releases (${view.total})`),
    ...(view.total === 0
      ? [
          section(
            mrkdwn`You have no release open. Request one: it takes a minute, and its slot is yours while others decide.`,
          ),
        ]
      : rest.length === 0
        ? [context(mrkdwn`All of them are above.`)]
        : []),
    ...rest.flatMap((release) => [
      section(row(release), button('release.details', 'Open', String(release.number))),
      ...(isRunning(release.state) ? [actions(`run-${release.number}`, rollbackButton(release))] : []),
    ]),
    ...more(mine.length, view.total, `${command} list mine`),
    actions('home-book', [
      button('release.new', 'Request a release', 'home', { style: 'primary' }),
      button('calendar.show', 'Calendar', 'home'),
      button('feed.open', 'Calendar feed (.ics)', 'workspace'),
    ]),
    divider(),
    header('This week'),
    ...week(view.week, zone),
    ...howWeAreDoing(view.teams.slice(0, homeRows.teams), command, view.picture),
  ];
}

function nextWords(release: ReleaseProps): Mrkdwn {
  const waits = waitingFor(release);
  const what =
    release.state === 'requested' && waits !== ''
      ? mrkdwn`needs ${clip(waits, 300)} before ${date(closesAt(release), release.zone)}`
      : mrkdwn`${stateWords[release.state]} · ${slot(release.startsAt, release.endsAt, release.zone)}`;
  return mrkdwn`*${releaseKey(release.number)}* ${name(release)} → ${clip(release.environment, 60)}\n${what}`;
}

function nextButtons(release: ReleaseProps): Button[] {
  const about = String(release.number);
  const isAhead = release.state === 'requested' || release.state === 'approved';
  return [
    ...(release.state === 'requested' ? [button('release.nudge', 'Nudge', about)] : []),
    ...(isAhead ? [button('release.move', 'Move…', about)] : []),
    button('release.details', 'Open', about),
    ...(isRunning(release.state) ? rollbackButton(release) : []),
  ];
}

function approvals(view: ApprovalsProps, { zone, command }: HomeProps): KnownBlock[] {
  const last = view.decided[0];
  const waiting = view.waiting.slice(0, homeRows.list);
  return [
    header(`Waiting for you (${view.total})`),
    ...(view.total === 0
      ? [
          section(
            mrkdwn`Nothing is waiting for you.${last ? mrkdwn` Your last decision: ${date(last.at, zone)}.` : ''} When somebody needs your word, it is here and in a message to you.`,
          ),
        ]
      : []),
    ...waiting.flatMap((release) => waitingRow(release)),
    ...more(waiting.length, view.total, `${command} list needs:me`),
    divider(),
    header('You recently decided'),
    ...(view.decided.length === 0
      ? [section(mrkdwn`Nothing in the last two weeks. A vote can be changed as long as its gate is open.`)]
      : []),
    ...view.decided
      .slice(0, shownDecided)
      .map((one) =>
        section(
          mrkdwn`*${releaseKey(one.number)}* ${clip(one.name, 120)} · you said ${choiceWords[one.choice] ?? one.choice} ${date(one.at, zone)} · ${stateWords[one.state]}${one.isCurrent ? '' : ' · it has changed since'}`,
          one.state === 'requested'
            ? button('release.review', 'Change…', String(one.number))
            : button('release.details', 'Open', String(one.number)),
        ),
      ),
    divider(),
    header('My cover'),
    section(coverWords(view.cover, zone)),
    actions('home-cover', [
      button('cover.open1', 'Set delegate…', 'delegate'),
      button('cover.open2', 'Snooze all until…', 'snooze'),
      ...(view.cover.delegate || view.cover.snoozedUntil ? [button('cover.end', 'I am back', 'home')] : []),
    ]),
  ];
}

const shownDecided = 5;

const choiceWords: Readonly<Record<string, string>> = {
  approve: 'yes',
  condition: 'yes, on a condition',
  block: 'not yet',
  reject: 'no',
  recuse: 'not me',
};

function waitingRow(release: ApprovalsProps['waiting'][number]): KnownBlock[] {
  const again = release.askedAgainAt;
  const about = String(release.number);
  const risk = release.risk ? mrkdwn` · risk ${release.risk.band}` : mrkdwn``;
  return [
    section(
      mrkdwn`*${releaseKey(release.number)}* ${name(release)} → ${clip(release.environment, 60)} · asked by ${person(release.requester)}\n${clip(release.summary, 200)}\ndecide before ${date(closesAt(release), release.zone)}${risk} · needs ${clip(waitingFor(release), 300)}${again ? mrkdwn` · 🔕 you are asked again ${date(again, release.zone)}` : ''}`,
    ),
    actions(`wait-${release.number}`, [
      button('release.review', 'Review', about, { style: 'primary' }),
      button('release.snooze', 'Snooze 1 h', about),
      button('release.delegate', 'Delegate…', about),
      button('release.recuse', 'Not me', about),
    ]),
  ];
}

function coverWords({ onCall, snoozedUntil, delegate }: ApprovalsProps['cover'], zone: string): Mrkdwn {
  return join(
    [
      onCall.length === 0
        ? mrkdwn`You are not on call for any group that decides.`
        : mrkdwn`📟 You are on call for ${clip(onCall.join(', '), 300)}.`,
      ...(delegate
        ? [mrkdwn`↪ ${person(delegate.to)} votes for you, ${slot(delegate.from, delegate.until, zone)}.`]
        : []),
      ...(snoozedUntil
        ? [mrkdwn`🔕 You are asked nothing until ${date(snoozedUntil, zone)}; what waits stays listed here.`]
        : []),
      ...(delegate || snoozedUntil
        ? []
        : [mrkdwn`Going away? Name who votes for you, or be asked nothing for a while.`]),
    ],
    '\n',
  );
}

function manage(view: ManageProps, { zone, command }: HomeProps): KnownBlock[] {
  return [
    header(`Today (${view.today.total})`),
    ...radar(view.today, command),
    divider(),
    header('Needs you'),
    ...needsYou(view, zone, command),
    divider(),
    header('Guardrails'),
    ...guardrails(view, zone),
    section(waits(view.wait)),
    actions('home-manage', [
      button('manage.freeze', 'Declare a freeze…', 'home'),
      button('manage.queues', 'Queues', 'home'),
      button('manage.services', 'Services', 'home'),
    ]),
  ];
}

function name(release: Pick<ReleaseProps, 'units'>): string {
  return clip(unitsName(release.units), 120);
}

/** What does not fit is counted, with where to find it. */
function more(shown: number, total: number, command: string): KnownBlock[] {
  return shown < total ? [context(mrkdwn`… and ${total - shown} more: ${code(command)}`)] : [];
}
