import type { KnownBlock } from '@slack/types';
import type { VoteChoice } from '../src/domain/approval.ts';
import { isYes } from '../src/domain/gate.ts';
import { type GateRule, neededWords } from '../src/domain/policy.ts';
import { isEnded, isRunning, type ReleaseState, releaseKey } from '../src/domain/release.ts';
import { minutesBetween, wallTime } from '../src/domain/time.ts';
import {
  actions,
  button,
  clip,
  code,
  context,
  date,
  failedBefore,
  join,
  link,
  list,
  type Mrkdwn,
  mrkdwn,
  people,
  person,
  section,
  span,
  type View,
} from './kit.ts';
import { stateWords } from './state.ts';
import type { CriterionProps, GateCost, GateProps, ReleaseProps } from './summary.ts';
import { closesAt, summaryLine, waitingFor } from './summary.ts';

/** The thread reply that holds the tally. It tells what the vote came to; what happens afterwards is the card's to tell. */
export function voteCard(current: ReleaseProps, costs: readonly GateCost[] = []): View {
  const release: ReleaseProps = { ...current, state: verdictOf(current.state) };
  const met = release.gates.filter((gate) => gate.met).length;
  const total = release.gates.length;
  const title =
    total === 0
      ? mrkdwn`*No approval needed* by policy ${code(release.policy)}.`
      : mrkdwn`*Approval ${met} of ${total}* ${bar(met, total)} ${release.state === 'requested' ? closes(release) : mrkdwn`· ${stateWords[release.state]}`}`;
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
    .filter((one) => release.state === 'requested' && release.gates.some((gate) => gate.name === one.gate))
    .map((one) => mrkdwn`${one.gate} usually takes ${span(one.medianMinutes)} and stopped ${one.caught} of ${one.n}.`);
  blocks.push(
    context(
      mrkdwn`Policy ${code(release.policy)}.${total === 0 ? '' : ' The requester and the deploy lead do not vote.'}`,
      ...(release.approvedHash === ''
        ? []
        : [mrkdwn`The verdict is for content ${code(release.approvedHash.slice(0, 12))}.`]),
      ...usually,
    ),
  );
  return { text: summaryLine(release).mrkdwn, blocks };
}

function verdictOf(state: ReleaseState): ReleaseState {
  return ['requested', 'rejected', 'expired', 'cancelled'].includes(state) ? state : 'approved';
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
      : mrkdwn`\n      _too few releases have been through it to say what it costs_`;
    return mrkdwn`• *${gate.name}*: ${neededWords(gate.rule.needed)} ${who} – ${gate.met ? 'met' : 'open'}. Asked again when ${coversWords(gate.rule)} changes.${gate.rule.step_up ? ' Wants a one-time code.' : ''}${gate.rule.veto ? '' : ' No veto: a block only counts against it.'}${usually}`;
  });
  const risk = release.risk
    ? [
        section(
          mrkdwn`*Risk ${release.risk.band}:* ${release.risk.reasons.length === 0 ? 'nothing speaks for more' : list([...release.risk.reasons], 'and')}. ${failedBefore(release.risk.rate)}.`,
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
      ...(release.state === 'requested'
        ? [
            context(
              mrkdwn`The requester ${person(release.requester)} and the deploy lead ${person(release.lead)} do not vote. Undecided ${release.changeType === 'emergency' ? 'at the end' : 'at the start'} of its slot, it expires.`,
            ),
          ]
        : []),
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
      const to = release.delegations.find(({ from }) => from === one.id)?.to;
      return to
        ? mrkdwn`${person(to)} for ${person(one.id)}`
        : mrkdwn`${person(one.id)} (${wallTime(now, one.zone).time} there, ${how})`;
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

/** A criterion with its number, as people tick it. */
export function criterionLine(one: CriterionProps, index: number, zone: string): Mrkdwn {
  const title = one.link === '' ? mrkdwn`${one.title}` : link(one.link, one.title);
  const kind = {
    entry: 'before the start',
    exit: 'before it is done',
    scope: one.tick ? 'accepted by' : 'to be accepted by',
    condition: 'condition of',
    handover: 'before operations take over',
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

/** What else stands around its approval: criteria, an exception, overrides, a review. */
export function approvalNotes(release: ReleaseProps): KnownBlock[] {
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
  if (release.advice.length > 0 && !isEnded(release.state))
    lines.push(
      mrkdwn`🚧 ${list(
        [...release.advice].map((one) => clip(one, 150)),
        'and',
      )}`,
    );
  if (release.auto && !isEnded(release.state) && !isRunning(release.state))
    lines.push(mrkdwn`⏱ starts by itself when its slot opens`);
  if (release.reviewedAt)
    lines.push(
      mrkdwn`📋 reviewed: ${(release.outcome ?? '').replaceAll('_', ' ')}${release.review === '' ? '' : ` – “${clip(release.review, 200)}”`}`,
    );
  return lines.length === 0 ? [] : [context(...lines.slice(0, 10))];
}

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

const signs: { readonly [Choice in VoteChoice]: string } = {
  approve: '✅',
  condition: '☑️ on condition:',
  block: '⛔ blocked:',
  reject: '⛔ rejected:',
  recuse: '↪ stepped aside:',
};

function coversWords({ covers }: GateRule): string {
  return list(
    covers.map((one) => (one === 'content' ? 'what ships' : one === 'time' ? 'its time' : one)),
    'or',
  );
}

function closes(release: ReleaseProps): Mrkdwn {
  return mrkdwn`· closes ${date(closesAt(release), release.zone)}`;
}

function bar(done: number, total: number): string {
  const width = 9;
  const filled = total === 0 ? width : Math.round((done / total) * width);
  return '▓'.repeat(filled) + '░'.repeat(width - filled);
}
