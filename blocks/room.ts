import type { Button, KnownBlock, ModalView } from '@slack/types';
import type { StoredEvent } from '../src/domain/event.ts';
import { isRunning, releaseKey, type Unit, unitsName } from '../src/domain/release.ts';
import { roomRoles } from '../src/domain/runbook.ts';
import { currentStep, isReady, openSteps, type Step, waitingVoices } from '../src/domain/step.ts';
import { approvalNotes } from './approval.ts';
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
  list,
  type Mrkdwn,
  mrkdwn,
  person,
  plain,
  section,
  slot,
  type View,
} from './kit.ts';
import { select, textInput } from './modal.ts';
import { rollbackButton } from './release.ts';
import { canaryWords, say, voiceWords } from './sentence.ts';
import { healthWords, roleWords, stateWords } from './state.ts';
import { type ReleaseProps, rollbackWords, summaryLine } from './summary.ts';

/** A war room as views need it. */
export type RoomProps = {
  readonly release: ReleaseProps;
  readonly openedAt: Date | null;
  readonly steps: readonly Step[];
  readonly holders: Readonly<Record<string, string>>;
  /** Offers of roles that wait for an answer, newest last. */
  readonly offers: readonly OfferProps[];
  readonly exposures: readonly { readonly label: string; readonly person: string; readonly at: Date }[];
  readonly canary: readonly StoredEvent<'canary.judged'>['body'][];
  readonly kept: number;
  readonly incidents: readonly { readonly key: string; readonly isOpen: boolean }[];
  readonly knownErrors: readonly { readonly key: string; readonly title: string; readonly isOpen: boolean }[];
  /** What runs again after a rollback, service by service. */
  readonly before: readonly { readonly service: string; readonly version: string | null }[];
};

export type OfferProps = {
  readonly id: string;
  readonly role: string;
  readonly from: string;
  readonly to: string;
  readonly note: string;
  readonly inFlight: string;
  readonly state: string;
};

/** Header of the war room: pinned, edited in place. */
export function roomHeader(props: RoomProps): View {
  const { release, holders } = props;
  const number = String(release.number);
  const { zone } = release;
  const lead = holders.lead ? person(holders.lead) : mrkdwn`${person(release.lead)} (booked)`;
  const others = roomRoles.filter((role) => role !== 'lead' && holders[role] !== undefined);
  const isOpen = release.room === 'open';
  const steps = isOpen ? roomButtons(props, number) : [];
  const notes = release.notes
    .slice(-3)
    .map((note) => mrkdwn`📝 ${date(note.at, zone, '{time}')} ${person(note.author)}: ${clip(note.text, 150)}`);
  // On a phone fields stand one below the other: what is at hand, and its buttons, come first.
  const blocks: KnownBlock[] = [
    header(`${stateWords[release.state]} – ${unitsName(release.units)} (${releaseKey(release.number)})`),
    ...nowAndNext(props),
    ...(steps.length > 0 ? [actions(`room-${number}`, steps)] : []),
    ...health(props),
    section(mrkdwn`*${clip(release.summary, 1000)}*\n*Rollback plan:* ${rollbackWords(release, 1000)}`),
    fields(
      mrkdwn`*Lead*\n${lead}`,
      mrkdwn`*Slot*\n${slot(release.startsAt, release.endsAt, zone)}${release.startedAt ? mrkdwn`, started ${date(release.startedAt, zone, '{time}')}` : mrkdwn``}`,
      mrkdwn`*Environment*\n${release.environment}`,
      ...others.map((role) => mrkdwn`*${roleWords[role] ?? role}*\n${person(holders[role] as string)}`),
    ),
    ...approvalNotes(release),
    ...(notes.length > 0 ? [context(...notes)] : []),
    ...(isOpen ? [actions(`roles-${number}`, roleButtons(props, number))] : []),
  ];
  const pinned =
    props.kept === 0 ? '' : `${props.kept} ${props.kept === 1 ? 'message is' : 'messages are'} kept in the record. `;
  blocks.push(
    context(
      mrkdwn`${nextHint(release)}${pinned}Decisions are recorded. 📌 a message, or use *Add to release timeline*, to keep it.`,
    ),
  );
  return { text: headline(props).mrkdwn, blocks };
}

/** One line for stakeholders: where it stands, what is next, and the last word on it. */
export function headline({ release, steps }: RoomProps): Mrkdwn {
  const phase = release.state === 'rolled_back' ? 'rollback' : 'deploy';
  const all = steps.filter((step) => step.phase === phase);
  const now = isRunning(release.state) || phase === 'rollback' ? currentStep(steps, phase) : undefined;
  const at = now ? mrkdwn`; step ${now.key} of ${all.length}, ${now.title}` : mrkdwn``;
  const said =
    release.statusAt && isRunning(release.state)
      ? mrkdwn`; ${healthWords[release.health] ?? ''}: ${clip(release.status, 200)}`
      : mrkdwn``;
  return mrkdwn`${summaryLine(release)}${at}${said}`;
}

/** The answer to `status`: its line, and who to ask. */
export function statusAnswer(props: RoomProps): View {
  const { release } = props;
  const text = mrkdwn`${headline(props)}.`;
  const lead = props.holders.lead ?? release.lead;
  const exposure = props.exposures.at(-1);
  const where = release.roomChannel ? mrkdwn` · room ${channel(release.roomChannel)}` : mrkdwn``;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      context(mrkdwn`Lead ${person(lead)}${exposure ? mrkdwn` · exposed: ${exposure.label}` : mrkdwn``}${where}`),
      ...(isRunning(release.state)
        ? [
            actions(`status-${release.number}`, [
              button('status.open', 'Post a status…', String(release.number)),
              ...rollbackButton(release),
            ]),
          ]
        : []),
    ],
  };
}

/** The runbook: at most ten rows, what is over and what is far away folded into one line each. */
export function checklist(props: RoomProps): View {
  const { release, steps } = props;
  const phase = release.state === 'rolled_back' ? 'rollback' : 'deploy';
  const own = steps.filter((step) => step.phase === phase);
  const left = openSteps(own, phase);
  const title = phase === 'rollback' ? 'Back to where it was' : 'Runbook';
  const done = own.length - left.length;
  if (own.length === 0) {
    const none = mrkdwn`*${title}*: no steps. ${release.room === 'closed' ? '' : 'Add one with '}${release.room === 'closed' ? mrkdwn`` : code('/release step add …')}`;
    return { text: `${releaseKey(release.number)}: no steps`, blocks: [section(none)] };
  }
  const first = Math.max(0, Math.min(own.findIndex((step) => left.includes(step)) - 2, own.length - rows));
  const from = left.length === 0 ? Math.max(0, own.length - rows) : Math.max(0, first);
  const shown = own.slice(from, from + rows);
  const blocks: KnownBlock[] = [section(mrkdwn`*${title}* ${bar(done, own.length)} ${done}/${own.length}`)];
  const over = [own[0]?.key ?? '', own[from - 1]?.key ?? ''];
  if (from > 0)
    blocks.push(context(from === 1 ? mrkdwn`✅ ${over[0] ?? ''} is over` : mrkdwn`✅ ${over.join('–')} are over`));
  let group = from > 0 ? (own[from - 1]?.group ?? '') : '';
  for (const step of shown) {
    if (step.group !== group && step.group !== '') blocks.push(context(mrkdwn`*${step.group}*`));
    group = step.group;
    blocks.push(...stepRow(step, own, props));
  }
  const rest = own.slice(from + rows);
  if (rest.length > 0)
    blocks.push(
      context(
        mrkdwn`… ${rest[0]?.key ?? ''}–${rest.at(-1)?.key ?? ''} to come: ${clip(rest.map((step) => step.title).join(' · '), 300)}`,
      ),
    );
  const now = currentStep(own, phase);
  const text = mrkdwn`${releaseKey(release.number)} ${title.toLowerCase()}: ${done} of ${own.length} done${now ? mrkdwn`, now ${now.key} ${now.title}` : mrkdwn``}`;
  return { text: text.mrkdwn, blocks };
}

/** Rows of the checklist that are shown in full. */
const rows = 10;

function stepRow(step: Step, all: readonly Step[], { release }: RoomProps): KnownBlock[] {
  const { zone } = release;
  const ready = isReady(step, all);
  const icon = {
    open: ready ? '⬜' : '◻️',
    claimed: '✋',
    running: '⏳',
    checking: '👀',
    done: '✅',
    failed: '❌',
    skipped: '⏭',
  }[step.state];
  const facts: Mrkdwn[] = [];
  const by = step.verifiedBy ?? step.doneBy ?? step.claimedBy;
  if (by) facts.push(person(by));
  else if (step.ownerName !== '' && step.state === 'open') facts.push(mrkdwn`for ${voiceWords(step.ownerName)}`);
  if (step.endedAt) facts.push(date(step.endedAt, zone, '{time}'));
  if (step.state === 'running' && step.until) facts.push(mrkdwn`until ${date(step.until, zone, '{time}')}`);
  if (step.dueAt && (step.state === 'open' || step.state === 'claimed'))
    facts.push(mrkdwn`due ${date(step.dueAt, zone, '{time}')}`);
  if (step.state === 'checking') facts.push(mrkdwn`waits for a second person`);
  if (step.attempt > 1) facts.push(mrkdwn`attempt ${step.attempt}`);
  if (step.expose) facts.push(mrkdwn`→ ${step.expose}`);
  if (step.note !== '') facts.push(mrkdwn`“${clip(step.note, 150)}”`);
  if (!ready && step.state === 'open') facts.push(mrkdwn`after ${list([...step.needs], 'and')}`);
  if (step.kind === 'poll' && step.state !== 'done') facts.push(tallyOf(step));
  const text = mrkdwn`${icon} *${step.key}* ${step.title}${facts.length === 0 ? mrkdwn`` : mrkdwn` · ${join(facts, ' · ')}`}`;
  const isLive =
    release.room === 'open' &&
    (step.phase === 'rollback'
      ? release.state === 'rolled_back'
      : isRunning(release.state) || (release.state === 'approved' && (step.kind === 'manual' || step.kind === 'poll')));
  const buttons = isLive ? stepButtons(step, ready, release.number) : [];
  const [only] = buttons;
  if (buttons.length === 1 && only) return [section(text, only)];
  return buttons.length === 0
    ? [section(text)]
    : [section(text), actions(`step-${release.number}-${step.key}-${step.attempt}`, buttons)];
}

function stepButtons(step: Step, ready: boolean, release: number): Button[] {
  const value = `${release}|${step.key}|${step.attempt}`;
  const fail = button('step.fail', 'Fail…', value);
  const skip = button('step.skip', 'Skip…', value);
  switch (step.state) {
    case 'done':
    case 'skipped':
      return [];
    case 'failed':
      return [button('step.retry', 'Try again', value, { style: 'primary' }), skip];
    case 'checking':
      return [button('step.verify', 'Verify', value, { style: 'primary' }), fail];
    case 'running':
      return step.kind === 'canary'
        ? [
            button('step.done', 'Healthy, done', value, { style: 'primary' }),
            button('step.longer', '15 min more', value),
            fail,
          ]
        : [fail];
    case 'open':
    case 'claimed': {
      if (!ready) return step.state === 'open' && step.kind !== 'poll' ? [button('step.claim', 'Claim', value)] : [];
      if (step.kind === 'poll')
        return [
          button('step.go', 'Go', value, { style: 'primary' }),
          button('step.nogo', 'No-go…', value, { style: 'danger' }),
        ];
      const main =
        step.kind === 'manual'
          ? button('step.done', 'Done', value, { style: 'primary' })
          : button('step.start', 'Start', value, { style: 'primary' });
      return [
        main,
        ...(step.state === 'open' && step.kind === 'manual' ? [button('step.claim', 'Claim', value)] : []),
        fail,
        skip,
      ];
    }
  }
}

function tallyOf(step: Step): Mrkdwn {
  const voices = step.voices.map(({ name }) => {
    const said = step.said.find((one) => one.voice === name);
    if (!said) return mrkdwn`⬜ ${voiceWords(name)}`;
    return mrkdwn`${said.choice === 'go' ? '🟢' : '🔴'} ${voiceWords(name)} ${person(said.person)}${said.reason === '' ? '' : ` “${clip(said.reason, 100)}”`}`;
  });
  return join(voices, ', ');
}

/** "▓▓▓░░░": never the only sign, the numbers stand beside it. */
function bar(done: number, all: number): string {
  const full = all === 0 ? 0 : Math.floor((done / all) * 10);
  return '▓'.repeat(full) + '░'.repeat(10 - full);
}

function nowAndNext({ release, steps }: RoomProps): KnownBlock[] {
  const phase = release.state === 'rolled_back' ? 'rollback' : 'deploy';
  const own = steps.filter((step) => step.phase === phase);
  const now = currentStep(own, phase);
  const isLive = isRunning(release.state) || ['requested', 'approved', 'rolled_back'].includes(release.state);
  if (own.length === 0 || !now || !isLive) return [];
  const done = own.length - openSteps(own, phase).length;
  const next = openSteps(own, phase).find((step) => step !== now);
  const state =
    { failed: ' – *failed*', checking: ' – waits for a second person', running: ' – running' }[now.state as 'failed'] ??
    '';
  const wait =
    now.kind === 'poll' ? mrkdwn` (waiting for ${join(waitingVoices(now).map(voiceWords), ', ')})` : mrkdwn``;
  return [
    section(
      mrkdwn`${bar(done, own.length)} ${done}/${own.length}\n*Now:* ${now.key} ${now.title}${now.claimedBy ? mrkdwn` (${person(now.claimedBy)})` : mrkdwn``}${state}${wait}${next ? mrkdwn`   *Next:* ${next.key} ${next.title}` : mrkdwn``}`,
    ),
  ];
}

function health({ release, exposures, canary, incidents, knownErrors }: RoomProps): KnownBlock[] {
  const lines: Mrkdwn[] = [];
  // What was said of it while it ran is not true any more.
  if (release.statusAt && isRunning(release.state))
    lines.push(
      mrkdwn`📣 ${healthWords[release.health] ?? ''} – ${clip(release.status, 150)} (${date(release.statusAt, release.zone, '{time}')})`,
    );
  const exposure = exposures.at(-1);
  if (exposure && release.state !== 'rolled_back')
    lines.push(mrkdwn`🎚 exposed: *${exposure.label}* since ${date(exposure.at, release.zone, '{time}')}`);
  for (const verdict of canary.slice(-3)) lines.push(mrkdwn`🐤 ${canaryWords(verdict)}`);
  const open = incidents.filter((one) => one.isOpen).map((one) => one.key);
  if (open.length > 0) lines.push(mrkdwn`🚒 open: ${list(open, 'and')}`);
  const errors = knownErrors.filter((one) => one.isOpen);
  for (const one of errors.slice(0, 3)) lines.push(mrkdwn`🐞 ${one.key} ${clip(one.title, 150)}`);
  if (release.state === 'done' && release.watchUntil && !release.watchEndedAt)
    lines.push(mrkdwn`🔭 watched until ${date(release.watchUntil, release.zone)}`);
  if (release.restoredAt) lines.push(mrkdwn`🩹 restored ${date(release.restoredAt, release.zone)}`);
  return lines.length === 0 ? [] : [context(...lines.slice(0, 10))];
}

function roomButtons({ release, steps }: RoomProps, number: string): Button[] {
  const rollback = button('rollback.open', 'Roll back…', number, { style: 'danger' });
  const note = button('release.note', 'Add note', number);
  const status = button('status.open', 'Post status…', number);
  const next = nextButton(steps, release);
  const more = isRunning(release.state) && openSteps(steps, 'deploy').length === 0;
  switch (release.state) {
    case 'requested':
      return [button('release.review', 'Review', number), note];
    case 'approved':
      return [button('release.start', 'Start', number, { style: 'primary' }), note];
    case 'deploying':
      return [
        ...(next ? [next] : []),
        button('release.verify', 'Deployed, verify', number, more ? { style: 'primary' } : {}),
        ...(more ? [button('release.done', 'Done', number)] : []),
        button('release.pause', 'Pause', number),
        rollback,
        status,
        note,
      ];
    case 'paused':
      return [button('release.resume', 'Resume', number, { style: 'primary' }), rollback, status, note];
    case 'verifying':
      return [
        ...(next ? [next] : []),
        button('release.done', 'Done', number, more ? { style: 'primary' } : {}),
        rollback,
        status,
        note,
      ];
    case 'done':
      return [rollback, status, note];
    case 'failed':
      return [rollback, status, note];
    case 'rolled_back':
      return [...(next ? [next] : []), status, note];
    default:
      return [note];
  }
}

/** What the one at hand needs: the big button does it. */
function nextButton(steps: readonly Step[], release: ReleaseProps): Button | undefined {
  const step = currentStep(steps, release.state === 'rolled_back' ? 'rollback' : 'deploy');
  if (!step) return undefined;
  const value = `${release.number}|${step.key}|${step.attempt}`;
  const style = { style: 'primary' } as const;
  const name = clip(step.title, 30);
  if (step.state === 'checking') return button('step.verify', `Verify: ${name}`, value, style);
  if (step.state === 'failed') return button('step.retry', `Try again: ${name}`, value, style);
  if (step.kind === 'poll') return button('step.go', `Go: ${name}`, value, style);
  if (step.kind === 'webhook')
    return step.state === 'running' ? undefined : button('step.start', `Start: ${name}`, value, style);
  if (step.kind === 'canary' && step.state !== 'running') return button('step.start', `Start: ${name}`, value, style);
  return button('step.done', `Done: ${name}`, value, style);
}

function roleButtons({ holders, release }: RoomProps, number: string): Button[] {
  const take = roomRoles
    .filter((role) => holders[role] === undefined)
    .map((role) =>
      button(`role.take-${role}`, role === 'lead' ? 'Take the lead' : `${roleWords[role]}: me`, `${number}|${role}`),
    );
  const over =
    holders.lead === undefined
      ? []
      : [
          button('role.take-over', 'Take over', `${number}|lead`, {
            confirm: confirm(
              'Take over the lead?',
              `You lead ${unitsName(release.units)} from now on. Whoever led is told.`,
              'Take over',
              'Not now',
            ),
          }),
        ];
  return [...take, ...over, button('handover.open', 'Hand over…', number)];
}

function nextHint(release: ReleaseProps): string {
  return release.state === 'approved' ? 'The lead starts it when the slot opens. ' : '';
}

/** The room's topic: the first line of its header. */
export function roomTopic(release: ReleaseProps): string {
  return clip(
    `${stateWords[release.state]} – ${releaseKey(release.number)} ${unitsName(release.units)} → ${release.environment}`,
    250,
  );
}

/** What the channel is for, where Slack shows a channel's description. */
export function roomPurpose(release: ReleaseProps): string {
  return clip(
    `War room of ${releaseKey(release.number)}: ${unitsName(release.units)} to ${release.environment}. ${release.summary}`.replace(
      /\s+/g,
      ' ',
    ),
    250,
  );
}

/** `rel-142-payments`: lower-case letters, digits and dashes, at most 76, so that `-2` still fits into 80. */
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

/** For whoever comes late: what it is, where it stands, what is next, and who does what. */
export function catchUp(props: RoomProps): View {
  const { release, holders } = props;
  const roles = roomRoles
    .filter((role) => holders[role])
    .map((role) => mrkdwn`${roleWords[role] ?? role} ${person(holders[role] as string)}`);
  const text = mrkdwn`Welcome. ${headline(props)}.`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      context(
        roles.length === 0
          ? mrkdwn`Nobody has taken a role yet; ${person(release.lead)} is booked to lead.`
          : join(roles, ' · '),
        mrkdwn`The pinned message has the buttons; ${code('/release step')} shows the runbook.`,
      ),
    ],
  };
}

/** What somebody is asked who is to take a role. */
export function offerAsk(offer: OfferProps, release: ReleaseProps): View {
  const role = roleWords[offer.role] ?? offer.role;
  const name = mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)}`;
  if (offer.state !== 'offered') {
    const word =
      offer.state === 'accepted'
        ? 'you took it'
        : offer.state === 'declined'
          ? 'you declined'
          : 'somebody else was asked';
    const text = mrkdwn`${role} of ${name}: ${word}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const text = mrkdwn`${person(offer.from)} hands you ${role} of ${name}.`;
  const value = `${release.number}|${offer.id}`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(
        mrkdwn`${text}\n${summaryLine(release)}.${offer.inFlight === '' ? '' : `\nIn flight: ${offer.inFlight}`}${offer.note === '' ? '' : `\n“${clip(offer.note, 1500)}”`}`,
      ),
      actions(`offer-${release.number}`, [
        button('offer.accept', offer.role === 'operations' ? 'Accept' : 'Take over', value, { style: 'primary' }),
        button('offer.decline', 'Decline', value),
      ]),
      context(mrkdwn`${duties[offer.role] ?? ''} It stays as it is until you accept.`),
    ],
  };
}

const duties: Readonly<Record<string, string>> = {
  lead: 'The lead decides: starts steps, pauses, rolls back, and says when it is done.',
  comms: 'Comms tells everybody outside of the room: a status every half hour, and at every turn.',
  verifier: 'The verifier looks at what others did, before it counts.',
  scribe: 'The scribe keeps what is decided: notes, and 📌 on messages that matter.',
  operations: 'Operations look after it from now on; open known errors come with it.',
};

/** What somebody is told in private who took a role, or lost it. */
export function briefing(event: StoredEvent<'role.taken'>, reader: string, props: RoomProps): View {
  const { body } = event;
  const { release } = props;
  const role = roleWords[body.role] ?? body.role;
  const name = mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)}`;
  const isMine = reader === body.person;
  const text = isMine
    ? mrkdwn`You are ${role} of ${name} now.`
    : body.offer === null
      ? mrkdwn`${person(body.person)} took ${role} of ${name} over from you.`
      : mrkdwn`${person(body.person)} accepted: ${role} of ${name} is not yours any more.`;
  const where = release.roomChannel ? mrkdwn`\nThe room: ${channel(release.roomChannel)}` : mrkdwn``;
  return {
    text: text.mrkdwn,
    blocks: [
      section(
        isMine
          ? mrkdwn`${text} ${duties[body.role] ?? ''}\n${headline(props)}.${where}`
          : mrkdwn`${text} State and timers go on as they were.${where}`,
      ),
      ...(isMine && body.role === 'lead' ? [context(mrkdwn`Rollback plan: ${rollbackWords(release, 500)}`)] : []),
      context(mrkdwn`You get this because ${isMine ? 'you took the role' : 'you held the role'}.`),
    ],
  };
}

/** What those are told who follow by a protocol. */
export function update(
  event: StoredEvent,
  props: RoomProps,
  parts: readonly (string | { readonly placeholder: string })[],
): View {
  const { release, holders } = props;
  const said = say(event, release.zone);
  const values: Readonly<Record<string, Mrkdwn>> = {
    release: mrkdwn`${releaseKey(release.number)}`,
    services: mrkdwn`${unitsName(release.units)}`,
    environment: mrkdwn`${release.environment}`,
    state: mrkdwn`${stateWords[release.state]}`,
    summary: mrkdwn`${clip(release.summary, 500)}`,
    lead: person(holders.lead ?? release.lead),
    window: slot(release.startsAt, release.endsAt, release.zone),
    update: said,
  };
  const text = join(
    parts.map((part) =>
      typeof part === 'string'
        ? { mrkdwn: part.replace(/<!(channel|here|everyone)[^>]*>/g, '') }
        : (values[part.placeholder] ?? mrkdwn``),
    ),
    '',
  );
  return { text: text.mrkdwn, blocks: [section(text)] };
}

/** What one decision did, as one message in the room. */
export function logLines(events: readonly StoredEvent[], release: ReleaseProps): View {
  const lines = events.map((event) => logLine(event, release));
  return { text: lines.map((one) => one.text).join('\n'), blocks: lines.flatMap((one) => one.blocks).slice(0, 50) };
}

/** A line in the room with what can be done about it. */
function logLine(event: StoredEvent, release: ReleaseProps): View {
  const said = say(event, release.zone);
  const number = String(release.number);
  const { body } = event;
  const buttons: Button[] =
    body.type === 'role.missing'
      ? [button('role.take-lead', 'Take the lead', `${number}|lead`, { style: 'primary' })]
      : body.type === 'status.asked'
        ? [button('status.open', 'Post a status…', number, { style: 'primary' })]
        : body.type === 'slot.ending' && body.next === null
          ? [button('slot.extend', 'Extend 15 min', `${number}|${body.endsAt}`)]
          : body.type === 'room.archiving'
            ? [button('room.keep', 'Keep it another week', number)]
            : body.type === 'step.soaked'
              ? [
                  button('step.done', 'Healthy, done', `${number}|${body.step}|${body.attempt}`, { style: 'primary' }),
                  button('step.longer', '15 min more', `${number}|${body.step}|${body.attempt}`),
                  button('release.pause', 'Pause', number),
                ]
              : body.type === 'step.failed'
                ? [
                    button('step.retry', 'Try again', `${number}|${body.step}|${body.attempt}`, { style: 'primary' }),
                    button('rollback.open', 'Roll back…', number, { style: 'danger' }),
                  ]
                : [];
  const row = buttons.length === 0 ? [] : [actions(`log-${number}-${event.id}`, buttons)];
  return { text: said.mrkdwn, blocks: [section(said), ...row] };
}

/** What a rollback does, before it is done: one tap opens this, the second does it. */
export function rollbackForm(props: RoomProps): ModalView {
  const { release, before } = props;
  const back = before.map(
    ({ service, version }) => mrkdwn`• ${service} → ${version === null ? 'what ran before' : version}`,
  );
  const data = {
    none: 'No migration ran with it.',
    reversible: 'Its migration can be taken back: see the plan.',
    irreversible: '⚠️ Its migration cannot be taken back: see the plan.',
  }[release.migration];
  return {
    type: 'modal',
    callback_id: 'rollback.v1',
    private_metadata: JSON.stringify({ release: release.number }),
    title: plain(`Roll back REL-${release.number}?`, 24),
    submit: plain('Roll back now', 24),
    close: plain('Keep going', 24),
    blocks: [
      section(
        mrkdwn`*${unitsName(release.units)}* in *${release.environment}* goes back:\n${join(back, '\n')}\n${data}`,
      ),
      context(mrkdwn`Plan: ${rollbackWords(release, 500)}`),
      textInput('reason', 'Why', { optional: true, max: 500, placeholder: 'Error rate above the limit' }),
    ],
  };
}

export function handoverForm({ release, holders, steps }: RoomProps): ModalView {
  const step = currentStep(steps, release.state === 'rolled_back' ? 'rollback' : 'deploy');
  const roles = release.state === 'done' ? [...roomRoles, 'operations'] : [...roomRoles];
  const first = Object.keys(holders)[0] ?? 'lead';
  return {
    type: 'modal',
    callback_id: 'handover.v1',
    private_metadata: JSON.stringify({ release: release.number }),
    title: plain(`Hand over REL-${release.number}`, 24),
    submit: plain('Ask them', 24),
    close: plain('Close', 24),
    blocks: [
      select(
        'role',
        'Which role',
        roles,
        release.state === 'done' ? 'operations' : roles.includes(first) ? first : 'lead',
        (role) => roleWords[role] ?? role,
      ),
      {
        type: 'input',
        block_id: 'to',
        label: plain('To whom', 2000),
        element: { type: 'users_select', action_id: 'value' },
        hint: plain('They have to accept; until then it stays where it is.', 2000),
      },
      textInput('note', 'What is in flight', {
        multiline: true,
        optional: true,
        max: 2000,
        ...(step ? { initial: `${step.key} ${step.title} (${step.state})` } : {}),
      }),
    ],
  };
}

export function statusForm(release: number): ModalView {
  return {
    type: 'modal',
    callback_id: 'status.v1',
    private_metadata: JSON.stringify({ release }),
    title: plain(`Status of REL-${release}`, 24),
    submit: plain('Post it', 24),
    close: plain('Close', 24),
    blocks: [
      select('health', 'How it goes', Object.keys(healthWords), 'on_track', (value) => healthWords[value] ?? value),
      textInput('text', 'In one sentence', { max: 500, placeholder: 'Canary is healthy, 25 % next' }),
    ],
  };
}

export function reasonForm(
  about: {
    readonly release: number;
    readonly step: string;
    readonly attempt: number;
    readonly do: 'fail' | 'skip' | 'nogo';
  },
  title: string,
): ModalView {
  const words = { fail: 'Record the failure', skip: 'Skip it', nogo: 'Say no-go' }[about.do];
  const ask = { fail: 'What went wrong', skip: 'Why it can be skipped', nogo: 'What has to happen before you say go' }[
    about.do
  ];
  return {
    type: 'modal',
    callback_id: 'step.v1',
    private_metadata: JSON.stringify(about),
    title: plain(`Step ${about.step}: ${about.do === 'nogo' ? 'no-go' : about.do}`, 24),
    submit: plain(words, 24),
    close: plain('Close', 24),
    blocks: [section(mrkdwn`*${title}*`), textInput('reason', ask, { multiline: true, max: 500 })],
  };
}

/** Where monitoring posts samples, and what they say. */
export function canaryAnswer({ release, canary }: RoomProps, url: string | undefined): View {
  const lines = canary.map((one) => mrkdwn`• ${canaryWords(one)}`);
  const text = mrkdwn`*Canary of ${releaseKey(release.number)}*`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(lines.length === 0 ? mrkdwn`${text}\nNo samples yet.` : join([text, ...lines], '\n')),
      ...(url === undefined
        ? [context(mrkdwn`Its lead, its requester and release managers see where samples are posted.`)]
        : [
            section(
              mrkdwn`Post samples of one metric as JSON to this address. It is a secret of this release:\n${code(url)}`,
            ),
            context(
              mrkdwn`${code('{"metric":"p95 ms","direction":"increase","baseline":[…],"canary":[…]}')} – at least 8 on each side, 60 to find less than a doubling.`,
            ),
          ]),
    ],
  };
}

/** Known errors that are open, by service. */
export function knownErrorList(
  errors: readonly {
    readonly key: string;
    readonly services: readonly string[];
    readonly title: string;
    readonly workaround: string;
    readonly at: Date;
  }[],
  zone: string,
): View {
  const text = errors.length === 0 ? mrkdwn`No known error is open.` : mrkdwn`*Known errors* (${errors.length})`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      ...errors
        .slice(0, 20)
        .map((one) =>
          section(
            mrkdwn`*${one.key}* ${list([...one.services], 'and')}: ${one.title}\nMeanwhile: ${clip(one.workaround, 500)} · since ${date(one.at, zone)}`,
          ),
        ),
    ],
  };
}

/** What whoever asks for a release of these services should know from the last ones. */
export function learnt(
  lessons: readonly { readonly release: number; readonly hindered: string }[],
  errors: readonly { readonly key: string; readonly title: string; readonly workaround: string }[],
): Mrkdwn[] {
  return [
    ...lessons.map(({ release, hindered }) => mrkdwn`💡 ${releaseKey(release)} learnt: “${clip(hindered, 200)}”`),
    ...errors
      .slice(0, 3)
      .map((one) => mrkdwn`🐞 ${one.key} is open: ${clip(one.title, 150)}. Meanwhile: ${clip(one.workaround, 150)}`),
  ];
}
