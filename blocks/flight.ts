import { sha256Of } from '../src/domain/canonical.ts';
import type { StoredEvent } from '../src/domain/event.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import type { LogEntry } from '../src/domain/seal.ts';
import type { Step } from '../src/domain/step.ts';
import { failedBefore, list, type Names, plainWords, span } from './kit.ts';
import { type FlightRecord, hashedText } from './record.ts';
import { canaryWords, say } from './sentence.ts';
import type { ReleaseProps } from './summary.ts';

/** What a flight record is made of. */
export type FlightProps = {
  /** IANA zone of the calendar. */
  readonly zone: string;
  readonly release: Pick<
    ReleaseProps,
    | 'number'
    | 'state'
    | 'units'
    | 'environment'
    | 'changeType'
    | 'summary'
    | 'requester'
    | 'lead'
    | 'startsAt'
    | 'endsAt'
    | 'startedAt'
    | 'endedAt'
    | 'risk'
    | 'rollbackPlan'
    | 'links'
    | 'reason'
    | 'outcome'
    | 'review'
  >;
  /** What its review says besides; null: it was not reviewed. */
  readonly lessons: Lessons | null;
  readonly steps: readonly Step[];
  /** Names of user groups by Slack id. */
  readonly groups: Readonly<Record<string, string>>;
  /** In the order in which it was sealed; what waits for its seal comes last. */
  readonly log: readonly LogEntry[];
};

type Lessons = {
  readonly detectedBy: string;
  readonly impactMinutes: number | null;
  readonly helped: string;
  readonly hindered: string;
  readonly again: string;
};

/** The record of a release; of `people` it holds those that it mentions. Whoever is not among them is shown by id. */
export function flightRecord(
  props: FlightProps,
  about: { readonly now: Date; readonly people: FlightRecord['people'] },
): FlightRecord {
  const known = (id: string) => (Object.hasOwn(about.people, id) ? about.people[id] : undefined);
  const told = tell(props, (id) => known(id)?.name ?? groupName(props, id));
  const people = peopleOf(props).flatMap((id) => {
    const person = known(id);
    return person ? [[id, { name: person.name, zone: person.zone }] as const] : [];
  });
  const record: FlightRecord = {
    format: 'maitred.record/1',
    exportedAt: about.now.toISOString(),
    zone: props.zone,
    people: Object.fromEntries(people),
    ...told,
    integrity: { ...integrityOf(props.log), sha256: '' },
  };
  return { ...record, integrity: { ...record.integrity, sha256: sha256Of(hashedText(record)) } };
}

/** Slack ids of everybody whom the record of a release mentions: whose names it needs. */
export function peopleOf(props: FlightProps): string[] {
  const found = new Set<string>();
  const told = tell(props, (id) => {
    found.add(id);
    return id;
  });
  for (const id of [
    told.release.requester,
    told.release.lead,
    ...told.roles.map((one) => one.person),
    ...told.votes.map((one) => one.voter),
    ...told.steps.flatMap((one) => [one.owner, one.doneBy, one.verifiedBy]),
    ...told.exposures.map((one) => one.by),
    ...told.messages.flatMap((one) => [one.author, one.capturedBy]),
    ...told.knownErrors.map((one) => one.by),
    ...told.actions.map((one) => one.owner),
    ...told.timeline.map((one) => one.actor),
  ])
    if (id !== null) found.add(id);
  return [...found].filter((id) => memberId.test(id)).sort();
}

const memberId = /^[UW][A-Z0-9]{2,20}$/;

type Told = Omit<FlightRecord, 'format' | 'exportedAt' | 'zone' | 'people' | 'integrity'>;
type Of<Part extends keyof Told> = Told[Part] extends readonly (infer One)[] ? One : never;
type Body<T extends StoredEvent['body']['type']> = StoredEvent<T>;

/** Everything that is told in words. */
function tell(props: FlightProps, name: Names): Told {
  const { release, lessons, zone } = props;
  const typed = (text: string) => plainWords(text, name);
  const events = props.log.flatMap((entry) => entry.event ?? []);
  return {
    release: {
      key: releaseKey(release.number),
      title: unitsName(release.units),
      units: release.units.map(({ service, version }) => ({ service, version })),
      environment: release.environment,
      changeType: release.changeType,
      state: release.state,
      summary: typed(release.summary),
      requester: release.requester,
      lead: release.lead,
      startsAt: release.startsAt.toISOString(),
      endsAt: release.endsAt.toISOString(),
      startedAt: release.startedAt?.toISOString() ?? null,
      endedAt: release.endedAt?.toISOString() ?? null,
      risk: riskWords(release.risk),
      rollbackPlan: typed(release.rollbackPlan),
      links: release.links.map(typed),
      outcome: outcomeWords(release, typed),
      review: [typed(release.review), ...lessonsWords(lessons, typed)].filter((words) => words !== '').join('\n'),
    },
    roles: rolesOf(of(events, 'role.taken')),
    votes: of(events, 'vote.cast').map(({ at, body }) => ({
      gate: body.gate,
      voter: body.voter,
      choice: body.choice,
      comment: [typed(body.comment), body.unblock === '' ? '' : `What would lift it: ${typed(body.unblock)}`]
        .filter((words) => words !== '')
        .join('\n'),
      because: becauseWords(body.because, name),
      at: at.toISOString(),
      revision: body.revision,
    })),
    steps: props.steps.map((step) => toldStep(step, name)),
    exposures: of(events, 'exposure.set').map(({ at, actor, body }) => ({
      label: body.note === '' ? typed(body.label) : `${typed(body.label)} – ${typed(body.note)}`,
      by: actorOf(actor),
      at: at.toISOString(),
    })),
    canary: of(events, 'canary.judged').map(({ at, body }) => ({
      metric: body.metric,
      verdict: body.verdict,
      words: canaryWords(body),
      at: at.toISOString(),
    })),
    messages: messagesOf(events, typed),
    knownErrors: of(events, 'error.known').map(({ at, actor, body }) => ({
      title: typed(body.title),
      workaround: typed(body.workaround),
      by: actorOf(actor),
      at: at.toISOString(),
    })),
    actions: actionsOf(events, typed),
    timeline: props.log.map((entry) => toldEntry(entry, zone, name)),
  };
}

function of<T extends StoredEvent['body']['type']>(events: readonly StoredEvent[], type: T): Body<T>[] {
  return events.filter((event) => event.body.type === type) as unknown as Body<T>[];
}

/** Each holder of a role until the next one of it. */
function rolesOf(taken: readonly Body<'role.taken'>[]): Of<'roles'>[] {
  return taken.map(({ at, body }, index) => {
    const next = taken.slice(index + 1).find((other) => other.body.role === body.role);
    return { role: body.role, person: body.person, from: at.toISOString(), until: next?.at.toISOString() ?? null };
  });
}

function toldStep(step: Step, name: Names): Of<'steps'> {
  const booked = step.owner?.kind === 'people' ? step.owner.ids[0] : step.ownerName;
  return {
    position: step.key,
    group: step.group,
    title: plainWords(step.title, name),
    kind: step.kind,
    phase: step.phase,
    state: step.state,
    owner: step.claimedBy ?? (booked || null),
    doneBy: step.doneBy,
    verifiedBy: step.verifiedBy,
    note: plainWords(step.note, name),
    startedAt: step.startedAt?.toISOString() ?? null,
    endedAt: step.endedAt?.toISOString() ?? null,
    attempts: step.attempt,
  };
}

function messagesOf(events: readonly StoredEvent[], typed: (text: string) => string): Of<'messages'>[] {
  const edited = byMessage(of(events, 'message.edited'));
  const deleted = byMessage(of(events, 'message.deleted'));
  return of(events, 'message.captured').map(({ actor, body }) => ({
    at: body.saidAt,
    author: body.author,
    text: typed(body.text),
    permalink: body.permalink,
    source: body.source,
    capturedBy: actorOf(actor),
    edits: (edited.get(messageKey(body)) ?? []).map((edit) => ({
      at: edit.at.toISOString(),
      text: typed(edit.body.text),
    })),
    deletedAt: deleted.get(messageKey(body))?.[0]?.at.toISOString() ?? null,
  }));
}

function byMessage<Event extends { readonly body: MessageId }>(events: readonly Event[]): Map<string, Event[]> {
  const found = new Map<string, Event[]>();
  for (const event of events) found.set(messageKey(event.body), [...(found.get(messageKey(event.body)) ?? []), event]);
  return found;
}

type MessageId = { readonly channel: string; readonly ts: string };

function messageKey({ channel, ts }: MessageId): string {
  return `${channel} ${ts}`;
}

function actionsOf(events: readonly StoredEvent[], typed: (text: string) => string): Of<'actions'>[] {
  const done = new Set(of(events, 'action.done').map(({ body }) => body.key));
  const agreed = events.flatMap(({ body }) =>
    body.type === 'release.reviewed' ? body.actions : body.type === 'action.added' ? [body.action] : [],
  );
  return agreed.map(({ key, text, owner, due }) => ({ text: typed(text), owner, due, done: done.has(key) }));
}

function toldEntry(entry: LogEntry, zone: string, name: Names): Of<'timeline'> {
  const { seq, type, at, body, id, workspace, actor, command, release } = entry.stored;
  return {
    seq,
    at: at.toISOString(),
    actor: entry.event ? actorOf(entry.event.actor) : 'unknown',
    type,
    text: entryWords(entry, zone, name),
    body,
    sealed: { id, workspace, actor, command, release },
    previous: entry.seal?.previous ?? '',
    hash: entry.seal?.hash ?? '',
    verified: entry.seal !== undefined && entry.faults.event.length === 0,
  };
}

/** Our sentences mark words with `*` and backticks. What people typed is no mark: noncharacters of Unicode stand for it. */
function hide(text: string): string {
  return text.replaceAll('*', '\ufdd0').replaceAll('`', '\ufdd1');
}

function show(text: string): string {
  return text.replaceAll('\ufdd0', '*').replaceAll('\ufdd1', '`');
}

/** An entry in plain words. One that cannot be read stops nobody from reading the others. */
function entryWords({ event, stored }: LogEntry, zone: string, name: Names): string {
  const unreadable = `This entry (${stored.type}) cannot be read; it stands here as it was stored.`;
  if (!event) return unreadable;
  const body = eachString(event.body, (text) => hide(plainWords(text, name))) as StoredEvent['body'];
  try {
    const told = say({ ...event, body }, zone).mrkdwn.replace(/[*`]/g, '');
    return show(plainWords(told, name));
  } catch {
    // A refusal inside of a body may be one that there are no words for any more.
    return unreadable;
  }
}

function eachString(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((inner) => eachString(inner, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, eachString(inner, change)]));
}

function integrityOf(log: readonly LogEntry[]): Omit<FlightRecord['integrity'], 'sha256'> {
  const isBroken = ({ faults, isLost }: LogEntry) => isLost || faults.event.length > 0;
  return {
    checked: log.filter((entry) => entry.seal !== undefined).length,
    broken: log.filter(isBroken).map((entry) => entry.stored.seq),
    unsealed: log.filter((entry) => entry.seal === undefined && !entry.isLost).length,
    inOrder: log.every((entry) => entry.faults.chain.length === 0),
  };
}

function actorOf(actor: StoredEvent['actor']): string {
  return actor.kind === 'person' ? actor.id : actor.kind;
}

function groupName({ groups }: FlightProps, id: string): string {
  if (memberId.test(id)) return id;
  return `user group ${Object.hasOwn(groups, id) ? groups[id] : id}`;
}

/** Why a vote counted: "for U0BEN: user group S0SRE" with names. */
function becauseWords(because: string, name: Names): string {
  return because
    .replace(/\bfor ([UW][A-Z0-9]{2,20}): /g, (_, id: string) => `for ${name(id)}: `)
    .replace(/\buser group (S[A-Z0-9]+)/g, (_, id: string) => name(id));
}

function riskWords(risk: ReleaseProps['risk']): string {
  if (!risk) return '';
  const reasons = risk.reasons.length === 0 ? 'nothing speaks for more' : list([...risk.reasons], 'and');
  return `${risk.band}: ${reasons}; ${failedBefore(risk.rate)}`;
}

function outcomeWords(
  { outcome, reason, state }: FlightProps['release'],
  typed: (text: string) => string,
): string | null {
  const words = [
    outcome === undefined ? '' : (outcomes[outcome] ?? outcome),
    reason === '' ? '' : `${state.replaceAll('_', ' ')}: ${typed(reason)}`,
  ].filter((part) => part !== '');
  return words.length === 0 ? null : words.join('; ');
}

const outcomes: Readonly<Record<string, string>> = {
  as_planned: 'as planned',
  minor: 'minor issues',
  failed: 'failed',
};

function lessonsWords(lessons: Lessons | null, typed: (text: string) => string): string[] {
  if (lessons === null) return [];
  const { detectedBy, impactMinutes, helped, hindered, again } = lessons;
  return [
    detectedBy === '' ? '' : `Noticed by: ${typed(detectedBy)}`,
    impactMinutes === null ? '' : `Customers felt it for ${span(impactMinutes)}`,
    helped === '' ? '' : `What helped: ${typed(helped)}`,
    hindered === '' ? '' : `What hindered: ${typed(hindered)}`,
    again === '' ? '' : `Approve it the same way again: ${again}`,
  ];
}
