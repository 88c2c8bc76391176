import type { KnownBlock } from '@slack/types';
import { homeRows } from '../src/domain/home.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { scopeWords } from '../src/domain/scope.ts';
import type { Proposal } from '../src/domain/trust.ts';
import type { FreezeProps } from './freeze.ts';
import {
  actions,
  button,
  clip,
  code,
  context,
  date,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  person,
  section,
  slot,
  span,
} from './kit.ts';
import { stateWords } from './state.ts';
import { type ReleaseProps, waitingFor } from './summary.ts';

/*
 * What release managers see of the whole house: today, what hangs, and what holds.
 */
/** The first rows of a list, and how many there are. */
type Some<T> = { readonly first: readonly T[]; readonly total: number };

type IncidentLine = {
  readonly key: string;
  readonly note: string;
  readonly by: string;
  readonly at: Date;
};

/** Minutes that gates waited. */
export type WaitProps = { readonly n: number; readonly p50: number; readonly p90: number };

export type ManageProps = {
  readonly person: string;
  readonly today: Some<ReleaseProps>;
  readonly overrides: Some<{
    readonly id: string;
    readonly release: number;
    readonly rule: string;
    readonly by: string;
    readonly second: string;
    readonly reason: string;
  }>;
  /** Asked for a pass through a freeze. */
  readonly passes: Some<ReleaseProps>;
  readonly stuck: Some<ReleaseProps>;
  readonly blocked: Some<ReleaseProps>;
  readonly incidents: Some<IncidentLine>;
  readonly proposals: Some<Proposal>;
  /** On now, or within two weeks. */
  readonly freezes: readonly FreezeProps[];
  readonly policies: number;
  readonly windows: number;
  /** Undecided releases with a gate that nobody could meet. */
  readonly unmeetable: number;
  /** Of the last thirty days. */
  readonly wait: WaitProps | undefined;
};

const shownEnvironments = 6;
const linesPerEnvironment = 10;

/** Today by environment, in the order of time. */
export function radar({ first, total }: Some<ReleaseProps>, command: string): KnownBlock[] {
  if (total === 0) return [section(mrkdwn`Nothing goes out today. Free times: ${code(`${command} slots`)}.`)];
  const environments = [...new Set(first.map((one) => one.environment))].sort();
  const shown = environments.slice(0, shownEnvironments).map((environment) => {
    const all = first.filter((one) => one.environment === environment);
    const rest = all.length - linesPerEnvironment;
    return section(
      join(
        [
          mrkdwn`*${clip(environment, 60)}*`,
          ...all.slice(0, linesPerEnvironment).map((one) => radarLine(one)),
          ...(rest > 0 ? [mrkdwn`… and ${rest} more`] : []),
        ],
        '\n',
      ),
    );
  });
  const isCut = first.length < total || environments.length > shownEnvironments;
  return [...shown, ...(isCut ? [context(mrkdwn`This is not all of it: ${code(`${command} list today`)}`)] : [])];
}

function radarLine(release: ReleaseProps): Mrkdwn {
  const warnings = release.warnings.length + release.advice.length;
  const warned = warnings === 0 ? '' : ` · ⚠ ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  return mrkdwn`${date(release.startsAt, release.zone, '{time}')}–${date(release.endsAt, release.zone, '{time}')} *${clip(unitsName(release.units), 60)}* ${stateWords[release.state]} · ${releaseKey(release.number)}${warned}`;
}

/** What a release manager is needed for; each kind says how many there are. */
export function needsYou(view: ManageProps, zone: string, command: string): KnownBlock[] {
  const kinds: readonly (readonly [some: Some<unknown>, title: string, rows: () => KnownBlock[], all: string])[] = [
    [view.overrides, 'Overrides proposed', () => overrideRows(view), `${command} list open`],
    [view.passes, 'Exceptions asked for', () => passRows(view.passes), `${command} exception list`],
    [view.blocked, 'Blocked', () => releaseRows('blocked', view.blocked, false), `${command} list state:requested`],
    [
      view.stuck,
      'Waiting for more than a day',
      () => releaseRows('stuck', view.stuck, true),
      `${command} list state:requested`,
    ],
    [view.incidents, 'Incidents: was it a release?', () => incidentRows(view, zone), `${command} report record`],
    [view.proposals, 'Trust: should a record change a policy?', () => trustRows(view), `${command} trust`],
  ];
  const there = kinds.filter(([some]) => some.total > 0);
  if (there.length === 0)
    return [
      section(
        mrkdwn`Nothing needs you. Overrides, exceptions, what is blocked or waits for more than a day, and incidents that nobody has explained come here.`,
      ),
    ];
  return there.flatMap(([some, title, rows, all]) => [
    context(
      mrkdwn`*${title} (${some.total})*${some.total > homeRows.needs ? mrkdwn` · the first ${homeRows.needs}; all: ${code(all)}` : ''}`,
    ),
    ...rows(),
  ]);
}

function overrideRows({ overrides, person: reader }: ManageProps): KnownBlock[] {
  return overrides.first.slice(0, homeRows.needs).flatMap((one) => {
    const value = `${one.release}|${one.id}`;
    const words = mrkdwn`*${releaseKey(one.release)}* ${code(clip(one.rule, 80))} · ${person(one.by)} asks ${person(one.second)}: ${clip(one.reason, 200)}`;
    // Only whoever was named can take the risk.
    return one.second === reader
      ? [
          section(words),
          actions(`manage-override-${one.id}`, [
            button('override.accept', 'Accept the risk', value, { style: 'danger' }),
            button('override.decline', 'Decline', value),
            button('release.details', 'Open', String(one.release)),
          ]),
        ]
      : [section(words, button('release.details', 'Open', String(one.release)))];
  });
}

function passRows({ first }: Some<ReleaseProps>): KnownBlock[] {
  return first
    .slice(0, homeRows.needs)
    .map((release) =>
      section(
        mrkdwn`${line(release)} · ${release.exception ? mrkdwn`through ${clip(release.exception.name, 60)}: ${clip(release.exception.reason, 150)}` : 'through a freeze'}`,
        button('release.review', 'Review', String(release.number)),
      ),
    );
}

function releaseRows(kind: string, { first }: Some<ReleaseProps>, canNudge: boolean): KnownBlock[] {
  return first.slice(0, homeRows.needs).flatMap((release) => {
    const about = String(release.number);
    const open = button('release.details', 'Open', about);
    const words = mrkdwn`${line(release)} · needs ${clip(waitingFor(release), 200)}`;
    return canNudge
      ? [section(words), actions(`manage-${kind}-${about}`, [button('release.nudge', 'Nudge', about), open])]
      : [section(words, open)];
  });
}

function line(release: ReleaseProps): Mrkdwn {
  return mrkdwn`*${releaseKey(release.number)}* ${clip(unitsName(release.units), 80)} → ${clip(release.environment, 60)} · ${person(release.requester)}`;
}

function incidentRows({ incidents }: ManageProps, zone: string): KnownBlock[] {
  return incidents.first
    .slice(0, homeRows.needs)
    .map((one) =>
      section(
        mrkdwn`🚒 *${clip(one.key, 60)}* ${clip(one.note, 150)} · reported by ${person(one.by)} ${date(one.at, zone)}`,
        button('incident.open', 'Answer…', one.key),
      ),
    );
}

function trustRows({ proposals }: ManageProps): KnownBlock[] {
  return proposals.first
    .slice(0, homeRows.needs)
    .flatMap((one) => [
      section(mrkdwn`🪜 Team *${one.team}*: ${code(one.to)} instead of ${code(one.policy)} (${one.direction})`),
      actions(`manage-trust-${one.id}`, [
        button('trust.agree', 'Agree', one.id, { style: 'primary' }),
        button('trust.decline', 'Decline', one.id),
      ]),
    ]);
}

const shownFreezes = 5;

/** What holds: freezes on and ahead, windows, policies, and what is wrong with them. */
export function guardrails(view: ManageProps, zone: string): KnownBlock[] {
  const freezes = view.freezes.slice(0, shownFreezes).map(({ freeze, times }) => {
    const [next] = times;
    return mrkdwn`❄️ *${clip(freeze.name, 80)}* ${next ? slot(next.startsAt, next.endsAt, zone) : ''} · ${clip(scopeWords(freeze.scope), 100)}${freeze.level === 'warn' ? ' · a warning' : ''}`;
  });
  const rest = view.freezes.length - shownFreezes;
  const count = (n: number, word: string) => `${n} ${n === 1 ? word : `${word === 'policy' ? 'policie' : word}s`}`;
  const warning =
    view.unmeetable === 0
      ? mrkdwn`no warnings`
      : mrkdwn`⚠ ${count(view.unmeetable, 'release')} with a gate that nobody could meet`;
  return [
    section(
      join(
        [
          mrkdwn`${list([count(view.policies, 'policy'), count(view.windows, 'window')], 'and')} · ${warning}`,
          ...(freezes.length > 0 ? freezes : [mrkdwn`No freeze in the next two weeks.`]),
          ...(rest > 0 ? [mrkdwn`… and ${rest} more`] : []),
        ],
        '\n',
      ),
    ),
  ];
}

/** How long gates wait; what few gates say is not shown. */
export function waits(wait: WaitProps | undefined): Mrkdwn {
  if (!wait || wait.n < waitsAtLeast)
    return mrkdwn`*Approval wait* not enough data (n=${wait?.n ?? 0}; shown from ${waitsAtLeast} on)`;
  return mrkdwn`*Approval wait* half of the gates within ${span(wait.p50)}, nine of ten within ${span(wait.p90)} (30 days, n=${wait.n})`;
}

const waitsAtLeast = 5;
