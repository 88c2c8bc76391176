import type { KnownBlock } from '@slack/types';
import type { Criterion, RiskRow, VoteChoice } from '../src/domain/approval.ts';
import type { Conflict } from '../src/domain/calendar.ts';
import type { Migration, ScopeItem } from '../src/domain/content.ts';
import { isNo, isYes } from '../src/domain/gate.ts';
import { type GateRule, neededWords } from '../src/domain/policy.ts';
import { isEnded, isRunning, type ReleaseState, releaseKey, type Unit, unitsName } from '../src/domain/release.ts';
import { minutesBetween, wallTime } from '../src/domain/time.ts';
import { warningLines } from './conflict.ts';
import {
  actions,
  button,
  channel,
  clip,
  code,
  confirm,
  context,
  date,
  fields,
  header,
  join,
  link,
  list,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  plainSlot,
  rate,
  section,
  slot,
  span,
  type View,
} from './kit.ts';
import { stateWords } from './state.ts';

/** A release as views need it. `zone` is the calendar's, for texts that Slack cannot localise. */
export type ReleaseProps = {
  readonly number: number;
  readonly state: ReleaseState;
  readonly units: readonly Unit[];
  readonly environment: string;
  readonly changeType: string;
  readonly policy: string;
  readonly summary: string;
  readonly rollbackPlan: string;
  readonly requester: string;
  readonly lead: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly channel: string;
  readonly revision: number;
  readonly requestedAt: Date;
  readonly changedAt: Date;
  readonly startedAt: Date | undefined;
  readonly reason: string;
  readonly gates: readonly GateProps[];
  readonly notes: readonly { readonly author: string; readonly text: string; readonly at: Date }[];
  readonly room: 'none' | 'open' | 'closed';
  /** The war room's channel once Slack has made it. */
  readonly roomChannel: string | undefined;
  readonly zone: string;
  readonly dependsOn: readonly number[];
  readonly train: { readonly key: string; readonly date: string } | undefined;
  /** A passenger that was left behind holds no slot any more. */
  readonly hasSlot: boolean;
  /** SEQUENCE of its calendar entry. */
  readonly sequence: number;
  /** What spoke against its time when it was booked. */
  readonly warnings: readonly Conflict[];
  /** The conditions that its policy matched, in words. */
  readonly because: string;
  readonly rollbackTested: boolean;
  readonly migration: Migration;
  readonly scope: readonly ScopeItem[];
  readonly links: readonly string[];
  readonly risk: RiskRow | undefined;
  /** SHA-256 of what it was approved for; "" while it is not. */
  readonly approvedHash: string;
  readonly auto: boolean;
  readonly criteria: readonly CriterionProps[];
  /** Overrides that are proposed or granted. */
  readonly overrides: readonly OverrideProps[];
  readonly delegations: readonly { readonly from: string; readonly to: string }[];
  readonly exception: { readonly name: string; readonly team: string; readonly reason: string } | undefined;
  readonly reviewDueAt: Date | undefined;
  readonly reviewedAt: Date | undefined;
  readonly outcome: string | undefined;
  readonly review: string;
};

export type CriterionProps = Criterion & {
  readonly tick: { readonly person: string; readonly evidence: string; readonly at: Date } | undefined;
};

export type OverrideProps = {
  readonly id: string;
  readonly rule: string;
  readonly reason: string;
  readonly by: string;
  readonly second: string;
  readonly until: Date;
  readonly state: string;
};

export type GateProps = {
  readonly name: string;
  readonly rule: GateRule;
  /** How many approvals it takes. */
  readonly needed: number;
  readonly met: boolean;
  readonly stuck: boolean;
  readonly votes: readonly {
    readonly voter: string;
    readonly choice: VoteChoice;
    readonly comment: string;
    readonly unblock: string;
    readonly seats: readonly string[];
    readonly at: Date;
  }[];
  /** Who could vote when it was asked. */
  readonly asked: readonly string[];
  readonly askedAt: Date;
  /** Who may vote since its time was over. */
  readonly escalatedTo: readonly string[];
};

/** What a gate cost and caught of late. */
export type GateCost = {
  readonly gate: string;
  readonly n: number;
  readonly medianMinutes: number;
  readonly caught: number;
};

/** The root message of a release in its channel, edited in place. */
export function card(release: ReleaseProps): View {
  const blocks: KnownBlock[] = [
    header(`${releaseKey(release.number)} · ${unitsName(release.units)} → ${release.environment}`),
    context(
      mrkdwn`${stateWords[release.state]} · ${release.changeType} change · asked by ${person(release.requester)} · updated ${date(release.changedAt, release.zone, '{date_short_pretty} {time}')}`,
    ),
    section(mrkdwn`*${clip(release.summary, 1000)}*`),
    fields(
      mrkdwn`*When*\n${slot(release.startsAt, release.endsAt, release.zone)} (${span(minutesBetween(release.startsAt, release.endsAt))})`,
      mrkdwn`*Deploy lead*\n${person(release.lead)}`,
      mrkdwn`*Rollback*\n${rollbackWords(release, 200)}`,
      ...(release.risk
        ? [mrkdwn`*Risk*\n${release.risk.band} · ${rate(release.risk.rate)} of earlier ones failed`]
        : []),
      mrkdwn`*War room*\n${release.roomChannel ? channel(release.roomChannel) : release.room === 'none' ? 'opens 30 min before' : 'opening'}`,
    ),
    section(statusLine(release)),
    ...approvalNotes(release),
    ...calendarNotes(release),
  ];
  const buttons = [
    ...(release.state === 'requested'
      ? [button('release.review', 'Review', String(release.number), { style: 'primary' })]
      : []),
    button('release.details', 'Details', String(release.number)),
    ...(release.state === 'approved' && release.room === 'none'
      ? [button('room.open', 'Open war room', String(release.number))]
      : []),
    ...(release.state === 'requested' || release.state === 'approved'
      ? [
          button('release.move', 'Move…', String(release.number)),
          button('release.edit', 'Edit…', String(release.number)),
          cancelButton(release),
        ]
      : []),
  ];
  return { text: summaryLine(release).mrkdwn, blocks: [...blocks, actions(`card-${release.number}`, buttons)] };
}

/** The thread reply that holds the tally. */
export function voteCard(release: ReleaseProps, costs: readonly GateCost[] = []): View {
  const met = release.gates.filter((gate) => gate.met).length;
  const total = release.gates.length;
  const title =
    total === 0
      ? mrkdwn`*No approval needed* by policy ${code(release.policy)}.`
      : mrkdwn`*Approval ${met} of ${total}* ${bar(met, total)} ${release.state === 'requested' ? mrkdwnCloses(release) : mrkdwn`· ${stateWords[release.state]}`}`;
  const lines = release.gates.map((gate) => gateLine(gate, release)).filter((line) => line.mrkdwn !== '');
  const handed = release.delegations.map(({ from, to }) => mrkdwn`↪ ${person(from)} lets ${person(to)} vote for them`);
  const blocks: KnownBlock[] = [
    section(title),
    ...(lines.length > 0 ? [section(join([...lines, ...handed], '\n'))] : []),
  ];
  if (release.state === 'requested') {
    blocks.push(
      actions(`votes-${release.number}`, [
        button('release.review', 'Review & decide', String(release.number), { style: 'primary' }),
        button('release.delegate', 'Delegate…', String(release.number)),
        button('release.recuse', 'Not me', String(release.number)),
        button('release.why', 'Why this rule?', String(release.number)),
      ]),
    );
  }
  const usually = costs
    .filter((one) => release.gates.some((gate) => gate.name === one.gate))
    .map((one) => mrkdwn`${one.gate} usually takes ${span(one.medianMinutes)} and stopped ${one.caught} of ${one.n}.`);
  blocks.push(
    context(
      mrkdwn`Policy ${code(release.policy)}. The requester and the deploy lead do not vote.`,
      ...(release.approvedHash === ''
        ? []
        : [mrkdwn`The verdict is for content ${code(release.approvedHash.slice(0, 12))}.`]),
      ...usually,
    ),
  );
  return { text: summaryLine(release).mrkdwn, blocks };
}

/** One line that tells where the release stands, for `text` and lists. */
export function summaryLine(release: ReleaseProps): Mrkdwn {
  const name = mrkdwn`${releaseKey(release.number)} ${unitsName(release.units)}`;
  const when = plainSlot(release.startsAt, release.endsAt, release.zone);
  const waiting = waitingFor(release);
  switch (release.state) {
    case 'requested':
      return mrkdwn`${name} is in review for ${release.environment}: needs ${waiting} before ${when}`;
    case 'approved':
      return mrkdwn`${name} is approved for ${release.environment}: ${when}`;
    case 'deploying':
      return mrkdwn`${name} is being deployed to ${release.environment}, led by ${person(release.lead)}`;
    case 'paused':
      return mrkdwn`${name} is paused in ${release.environment}: ${clip(release.reason, 300) || 'no reason given'}`;
    case 'verifying':
      return mrkdwn`${name} is deployed to ${release.environment} and being verified`;
    case 'done':
      return mrkdwn`${name} is done in ${release.environment}`;
    case 'rolled_back':
      return mrkdwn`${name} was rolled back in ${release.environment}: ${clip(release.reason, 300)}`;
    case 'rejected':
      return mrkdwn`${name} was rejected: ${clip(release.reason, 300)}`;
    case 'expired':
      return mrkdwn`${name} expired without ${waiting || 'its approvals'}; its slot is free again`;
    case 'cancelled':
      return mrkdwn`${name} was cancelled${release.reason ? `: ${clip(release.reason, 300)}` : ''}; its slot is free again`;
  }
}

/** "1 more from SRE and Product to lift its block" in words, or nothing when every gate is met. */
export function waitingFor(release: ReleaseProps): string {
  const parts = release.gates
    .filter((gate) => !gate.met)
    .map((gate) => {
      const approvals = gate.votes.filter((vote) => isYes(vote.choice)).length;
      const blocked = gate.rule.veto && gate.votes.some((vote) => isNo(vote.choice));
      return blocked && approvals >= gate.needed
        ? `${gate.name} to lift its block`
        : `${gate.needed - approvals} more from ${gate.name}`;
    });
  return list(parts, 'and');
}

/** The rollback plan, and whether it was tried. */
export function rollbackWords(release: ReleaseProps, most: number): string {
  if (release.rollbackPlan === '') return 'no plan given';
  return `${clip(release.rollbackPlan, most)} (${release.rollbackTested ? 'tested' : 'not tested'})`;
}

/** A criterion with its number, as people tick it. */
export function criterionLine(one: CriterionProps, index: number, zone: string): Mrkdwn {
  const title = one.link === '' ? mrkdwn`${one.title}` : link(one.link, one.title);
  const kind = {
    entry: 'before the start',
    exit: 'before it is done',
    scope: 'accepted by',
    condition: 'condition of',
  }[one.kind];
  const whose =
    one.owner !== null
      ? mrkdwn`${kind} ${person(one.owner)}`
      : one.kind === 'condition'
        ? mrkdwn`${kind} ${one.gate ?? ''}`
        : mrkdwn`${kind}`;
  if (!one.tick) return mrkdwn`⬜ ${index + 1}. ${title} · ${whose}${one.evidence ? ' · needs a link' : ''}`;
  const proof = one.tick.evidence === '' ? mrkdwn`` : mrkdwn` · ${link(one.tick.evidence, 'evidence')}`;
  return mrkdwn`✅ ${index + 1}. ${title} · ${person(one.tick.person)} ${date(one.tick.at, zone, '{time}')}${proof}`;
}

/** Criteria as a list that can be ticked. */
export function criteriaList(release: ReleaseProps): View {
  const text = mrkdwn`*${releaseKey(release.number)}* ${release.criteria.length === 0 ? 'asks for nothing to be ticked.' : 'asks for:'}`;
  const rows = release.criteria
    .slice(0, 20)
    .map((one, index) =>
      section(
        criterionLine(one, index, release.zone),
        one.tick
          ? button(`criterion.off${index}`, 'Take back', `${release.number}|${one.key}`)
          : one.evidence
            ? button(`criterion.link${index}`, 'Tick…', `${release.number}|${one.key}`)
            : button(
                `criterion.tick${index}`,
                one.kind === 'scope' ? 'Accept' : 'Tick',
                `${release.number}|${one.key}`,
              ),
      ),
    );
  return { text: text.mrkdwn, blocks: [section(text), ...rows] };
}

/** Header of the war room: pinned, edited in place. */
export function roomHeader(release: ReleaseProps, now: Date): View {
  const number = String(release.number);
  const blocks: KnownBlock[] = [
    header(`${stateWords[release.state]} – ${unitsName(release.units)} (${releaseKey(release.number)})`),
    section(mrkdwn`*${clip(release.summary, 1000)}*`),
    fields(
      mrkdwn`*Lead*\n${person(release.lead)}`,
      mrkdwn`*Environment*\n${release.environment}`,
      mrkdwn`*Started*\n${release.startedAt ? date(release.startedAt, release.zone, '{time}') : 'not yet'}`,
      mrkdwn`*Slot*\n${slot(release.startsAt, release.endsAt, release.zone)}`,
    ),
    section(mrkdwn`*Rollback plan:* ${rollbackWords(release, 1000)}`),
    ...approvalNotes(release),
  ];
  const latest = release.notes.slice(-3);
  if (latest.length > 0)
    blocks.push(
      context(
        ...latest.map(
          (note) => mrkdwn`📝 ${date(note.at, release.zone, '{time}')} ${person(note.author)}: ${clip(note.text, 150)}`,
        ),
      ),
    );
  const steps = release.room === 'closed' ? [] : roomButtons(release, number);
  if (steps.length > 0) blocks.push(actions(`room-${number}`, steps));
  blocks.push(context(mrkdwn`${nextStep(release, now)} Everything decided here is recorded.`));
  return { text: summaryLine(release).mrkdwn, blocks };
}

/** The room's topic: the first line of its header. */
export function roomTopic(release: ReleaseProps): string {
  return clip(
    `${stateWords[release.state]} – ${releaseKey(release.number)} ${unitsName(release.units)} → ${release.environment}`,
    250,
  );
}

/** `rel-142-payments`: lower-case letters, digits and dashes, at most 80. */
export function roomName(release: { number: number; units: readonly Unit[] }): string {
  const slug = release.units
    .map((unit) => unit.service)
    .join('-')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `rel-${release.number}${slug === '' ? '' : `-${slug}`}`.slice(0, 76).replace(/-+$/, '');
}

/** A row of a list. */
export function row(release: ReleaseProps): Mrkdwn {
  return mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment} · ${stateWords[release.state]} · ${slot(release.startsAt, release.endsAt, release.zone)} · ${person(release.requester)}`;
}

/** Everything about one release, for its reader alone. */
export function details(release: ReleaseProps, history: readonly Mrkdwn[]): View {
  const view = card(release);
  const gates = release.gates.map((gate) => gateLine(gate, release)).filter((line) => line.mrkdwn !== '');
  return {
    text: view.text,
    blocks: [
      ...view.blocks.filter((block) => block.type !== 'actions'),
      ...(gates.length > 0 ? [section(join([mrkdwn`*Approvals*`, ...gates], '\n'))] : []),
      ...contentBlocks(release),
      ...(history.length > 0 ? [section(join([mrkdwn`*What happened*`, ...history.slice(-12)], '\n'))] : []),
      actions(`details-${release.number}`, [
        ...(release.state === 'requested'
          ? [button('release.review', 'Review', String(release.number), { style: 'primary' })]
          : []),
        button('release.why', 'Why?', String(release.number)),
        ...(release.criteria.length > 0 && !isEnded(release.state)
          ? [button('criteria.show', 'Criteria', String(release.number))]
          : []),
      ]),
    ],
  };
}

/** What ships, field by field. */
export function contentBlocks(release: ReleaseProps): KnownBlock[] {
  const lines: Mrkdwn[] = [
    ...(release.scope.length > 0
      ? [
          mrkdwn`*Scope:* ${join(
            release.scope.slice(0, 12).map((item) => {
              const accepted = release.criteria.find((one) => one.kind === 'scope' && one.title === item.title)?.tick;
              const sign = item.owner === null ? '' : accepted ? ' ✅' : ' ⬜';
              return mrkdwn`${item.link === '' ? mrkdwn`${clip(item.title, 80)}` : link(item.link, clip(item.title, 80))}${item.owner === null ? mrkdwn`` : mrkdwn` (${person(item.owner)}${sign})`}`;
            }),
            ', ',
          )}`,
        ]
      : []),
    ...(release.links.length > 0
      ? [
          mrkdwn`*Links:* ${join(
            release.links.map((url, index) => link(url, `link ${index + 1}`)),
            ' · ',
          )}`,
        ]
      : []),
    ...(release.migration === 'none' ? [] : [mrkdwn`*Migration:* ${release.migration}`]),
    ...release.criteria.slice(0, 12).map((one, index) => criterionLine(one, index, release.zone)),
  ];
  return lines.length === 0 ? [] : [section(join(lines, '\n'))];
}

/** Why a release waits, and for whom: every rule in words, with what it costs and catches. */
export function why(release: ReleaseProps, costs: readonly GateCost[] = []): View {
  const answer =
    release.state === 'requested'
      ? mrkdwn`*${releaseKey(release.number)}* waits for ${waitingFor(release)}.`
      : mrkdwn`*${releaseKey(release.number)}* is ${stateWords[release.state]}.`;
  const reason =
    release.because === '' ? `this is a ${release.changeType} change to ${release.environment}` : release.because;
  const gates = release.gates.map((gate) => {
    const who = gate.asked.length === 0 ? mrkdwn`its members` : people(gate.asked.slice(0, 8));
    const cost = costs.find((one) => one.gate === gate.name);
    const usually = cost
      ? mrkdwn`\n      _costs ${span(cost.medianMinutes)} (median of ${cost.n} in 90 days) and stopped ${cost.caught}_`
      : mrkdwn`\n      _no release has been through it in 90 days_`;
    return mrkdwn`• *${gate.name}*: ${neededWords(gate.rule.needed)} ${who} – ${gate.met ? 'met' : 'open'}. Asked again when ${coversWords(gate.rule)} changes.${gate.rule.step_up ? ' Wants a one-time code.' : ''}${gate.rule.veto ? '' : ' No veto: a block only counts against it.'}${usually}`;
  });
  const risk = release.risk
    ? [
        section(
          mrkdwn`*Risk ${release.risk.band}:* ${release.risk.reasons.length === 0 ? 'nothing speaks for more' : list([...release.risk.reasons], 'and')}. Earlier releases of it that failed: ${rate(release.risk.rate)}.`,
        ),
      ]
    : [];
  return {
    text: summaryLine(release).mrkdwn,
    blocks: [
      section(answer),
      ...(gates.length > 0
        ? [section(join([mrkdwn`Policy ${code(release.policy)} asks for (because: ${reason}):`, ...gates], '\n'))]
        : [section(mrkdwn`Policy ${code(release.policy)} asks for no approval (because: ${reason}).`)]),
      ...risk,
      ...approvalNotes(release),
      context(
        mrkdwn`The requester ${person(release.requester)} and the deploy lead ${person(release.lead)} do not vote. Undecided at the start of its slot, it expires.`,
      ),
    ],
  };
}

/** Who is still needed, with everybody's own time and since when they are waited for. */
export function who(
  release: ReleaseProps,
  everybody: readonly {
    readonly id: string;
    readonly zone: string;
    readonly isWorking: boolean;
    readonly isAway: boolean;
  }[],
  now: Date,
): View {
  const open = release.gates.filter((gate) => !gate.met);
  const name = mrkdwn`*${releaseKey(release.number)}*`;
  if (release.state !== 'requested' || open.length === 0) {
    const text = mrkdwn`${name} waits for nobody: it is ${stateWords[release.state]}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const lines = open.map((gate) => {
    const spoken = gate.votes.flatMap((vote) => [vote.voter, ...vote.seats]);
    const left = everybody.filter(
      ({ id }) => [...gate.asked, ...gate.escalatedTo].includes(id) && !spoken.includes(id),
    );
    const names = left.slice(0, 8).map((one) => {
      const how = one.isAway ? 'away' : one.isWorking ? 'at work' : 'after hours';
      return mrkdwn`${person(one.id)} (${wallTime(now, one.zone).time} there, ${how})`;
    });
    const missing = Math.max(1, gate.needed - gate.votes.filter((vote) => isYes(vote.choice)).length);
    return mrkdwn`• *${gate.name}*: ${missing} more of ${names.length === 0 ? mrkdwn`nobody who is left` : join(names, ', ')}, for ${span(minutesBetween(gate.askedAt, now))}`;
  });
  return {
    text: mrkdwn`${name} still needs ${waitingFor(release)}`.mrkdwn,
    blocks: [
      section(join([mrkdwn`${name} still needs:`, ...lines], '\n')),
      actions(`who-${release.number}`, [
        button('release.nudge', 'Nudge', String(release.number)),
        button('release.why', 'Why?', String(release.number)),
      ]),
    ],
  };
}

function coversWords({ covers }: GateRule): string {
  return list(
    covers.map((one) => (one === 'content' ? 'what ships' : one === 'time' ? 'its time' : one)),
    'or',
  );
}

/** What else stands around its approval: criteria, an exception, overrides, a review. */
function approvalNotes(release: ReleaseProps): KnownBlock[] {
  const lines: Mrkdwn[] = [];
  const left = release.criteria.filter((one) => !one.tick);
  if (release.criteria.length > 0 && !isEnded(release.state))
    lines.push(
      left.length === 0
        ? mrkdwn`☑️ every criterion is ticked`
        : mrkdwn`☑️ ${release.criteria.length - left.length} of ${release.criteria.length} criteria ticked; open: ${list(
            left.map((one) => clip(one.title, 60)),
            'and',
          )}`,
    );
  if (release.exception)
    lines.push(
      mrkdwn`❄️ asks for a pass through ${release.exception.name}: “${clip(release.exception.reason, 150)}” (team ${release.exception.team || 'unknown'})`,
    );
  for (const one of release.overrides)
    lines.push(
      one.state === 'granted'
        ? mrkdwn`⚠️ ${code(one.rule)} is set aside until ${date(one.until, release.zone, '{time}')} by ${person(one.by)} and ${person(one.second)}: “${clip(one.reason, 150)}”`
        : mrkdwn`⚠️ ${person(one.by)} asks ${person(one.second)} to set ${code(one.rule)} aside: “${clip(one.reason, 150)}”`,
    );
  if (release.auto && !isEnded(release.state) && !isRunning(release.state))
    lines.push(mrkdwn`⏱ starts by itself when its slot opens`);
  if (release.reviewedAt)
    lines.push(
      mrkdwn`📋 reviewed: ${(release.outcome ?? '').replaceAll('_', ' ')}${release.review === '' ? '' : ` – “${clip(release.review, 200)}”`}`,
    );
  return lines.length === 0 ? [] : [context(...lines.slice(0, 10))];
}

/** What else its reader has to know of its time: train, dependencies, warnings, a lost slot. */
function calendarNotes(release: ReleaseProps): KnownBlock[] {
  if (isEnded(release.state)) return [];
  const lines: Mrkdwn[] = [];
  if (!release.hasSlot && !isRunning(release.state))
    lines.push(
      mrkdwn`🕳 It has no slot: left behind${release.train ? ` by the train ${release.train.key} of ${release.train.date}` : ''}. Board the next one or move it.`,
    );
  else if (release.train) lines.push(mrkdwn`🚆 aboard the train *${release.train.key}* of ${release.train.date}`);
  if (release.dependsOn.length > 0)
    lines.push(mrkdwn`⛓ waits for ${list(release.dependsOn.map(releaseKey), 'and')} to be done`);
  const [first, ...others] = warningLines(release.warnings, release.zone);
  if (first) lines.push(mrkdwn`When it was booked: ${first}`, ...others);
  return lines.length === 0 ? [] : [context(...lines)];
}

function statusLine(release: ReleaseProps): Mrkdwn {
  if (release.state !== 'requested') return mrkdwn`${summaryLine(release)}.`;
  const gates = release.gates.map(
    (gate) =>
      mrkdwn`${gate.met ? '✅' : '⬜'} ${gate.name} ${gate.votes.filter((vote) => isYes(vote.choice)).length}/${gate.needed}`,
  );
  return mrkdwn`*Before it can go:* ${join(gates, ' · ')}`;
}

const signs: { readonly [Choice in VoteChoice]: string } = {
  approve: '✅',
  condition: '☑️ on condition:',
  block: '⛔ blocked:',
  reject: '⛔ rejected:',
  recuse: '↪ stepped aside:',
};

/** Votes with names and times, and who is still missing. */
export function gateLine(gate: GateProps, release: ReleaseProps): Mrkdwn {
  const lines: Mrkdwn[] = gate.votes.map((vote) => {
    const said = vote.comment === '' ? '' : ` “${clip(vote.comment, 200)}”`;
    const lifts = vote.choice === 'block' && vote.unblock !== '' ? ` – lifted by: ${clip(vote.unblock, 200)}` : '';
    const others = vote.seats.filter((seat) => seat !== vote.voter);
    const forWhom = others.length === 0 ? mrkdwn`` : mrkdwn` for ${people(others)}`;
    return mrkdwn`${signs[vote.choice]} ${person(vote.voter)}${forWhom} – ${gate.name} · ${date(vote.at, release.zone, '{time}')}${said}${lifts}`;
  });
  if (!gate.met && release.state === 'requested') {
    const spoken = gate.votes.flatMap((vote) => [vote.voter, ...vote.seats]);
    const left = [...gate.asked, ...gate.escalatedTo].filter((id) => !spoken.includes(id));
    const open = gate.needed - gate.votes.filter((vote) => isYes(vote.choice)).length;
    if (gate.stuck) lines.push(mrkdwn`🧱 ${gate.name} – nobody is left who could meet it`);
    else if (open > 0)
      lines.push(
        mrkdwn`⏳ ${gate.name} – ${open} more${left.length > 0 ? mrkdwn` of ${people(left.slice(0, 6))}` : ''}${gate.escalatedTo.length > 0 ? ' (escalated)' : ''}`,
      );
  }
  return join(lines, '\n');
}

function roomButtons(release: ReleaseProps, number: string) {
  const rollback = button('release.rollback', 'Roll back…', number, {
    style: 'danger',
    confirm: confirm(
      'Roll back?',
      `Rolls back ${unitsName(release.units)} in ${release.environment}. Everybody following it is told.`,
      'Roll back now',
      'Keep going',
    ),
  });
  const note = button('release.note', 'Add note', number);
  switch (release.state) {
    case 'approved':
      return [button('release.start', 'Start', number, { style: 'primary' }), note];
    case 'deploying':
      return [
        button('release.verify', 'Deployed, verify', number, { style: 'primary' }),
        button('release.done', 'Done', number),
        button('release.pause', 'Pause', number),
        rollback,
        note,
      ];
    case 'paused':
      return [button('release.resume', 'Resume', number, { style: 'primary' }), rollback, note];
    case 'verifying':
      return [button('release.done', 'Done', number, { style: 'primary' }), rollback, note];
    case 'done':
      return [rollback, note];
    default:
      return isEnded(release.state) ? [note] : [];
  }
}

function nextStep(release: ReleaseProps, now: Date): string {
  if (isRunning(release.state)) {
    const left = minutesBetween(now, release.endsAt);
    return left > 0 ? '' : 'The slot is over. ';
  }
  return release.state === 'approved' ? 'The lead starts it when the slot opens. ' : '';
}

function cancelButton(release: ReleaseProps) {
  return button('release.cancel', 'Cancel…', String(release.number), {
    confirm: confirm(
      'Cancel this release?',
      `Frees the slot of ${unitsName(release.units)}. Its votes are kept on record.`,
      'Cancel it',
      'Keep it',
    ),
  });
}

function mrkdwnCloses(release: ReleaseProps): Mrkdwn {
  return mrkdwn`· closes ${date(release.startsAt, release.zone)}`;
}

function bar(done: number, total: number): string {
  const width = 9;
  const filled = total === 0 ? width : Math.round((done / total) * width);
  return '▓'.repeat(filled) + '░'.repeat(width - filled);
}
