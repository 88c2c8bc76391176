import { z } from 'zod';
import { type Ask, accept, type Decision, type Refusal, type RefusalOf, refuse } from './decision.ts';
import { isPersonTarget } from './follow.ts';
import type { ReleaseState } from './release.ts';
import { addMinutes } from './time.ts';
import type { WatchFacts } from './watch.ts';

/*
 * Incidents, and the one question that keeps the change fail rate honest: was it this release?
 */

/** A release that an incident may have come from. */
export type Candidate = {
  readonly release: number;
  readonly services: readonly string[];
  readonly startedAt: Date;
  /** Done, failed or rolled back; undefined while it runs. */
  readonly finishedAt: Date | undefined;
  readonly state: ReleaseState;
};

export const candidateHours = 72;
/** When nobody has said which release it was, whoever reported it is asked once more. */
export const incidentReminderMinutes = 24 * 60;
const candidatesAtMost = 5;

/**
 * Releases of the last 72 hours that an incident in these services may have come from, newest first: one of their own, or
 * of something that they stand on. With no service named, all of them.
 */
export function candidatesOf(
  releases: readonly Candidate[],
  services: readonly string[],
  dependsOn: Readonly<Record<string, readonly string[]>>,
  at: Date,
): Candidate[] {
  const suspects = new Set<string>();
  const look = (service: string) => {
    if (suspects.has(service)) return;
    suspects.add(service);
    for (const other of dependsOn[service] ?? []) look(other);
  };
  services.forEach(look);
  const newest = (one: Candidate) => (one.finishedAt ?? at).getTime();
  return releases
    .filter(
      (one) =>
        one.startedAt <= at &&
        (one.finishedAt === undefined || one.finishedAt > addMinutes(at, -candidateHours * 60)) &&
        (services.length === 0 || one.services.some((service) => suspects.has(service))),
    )
    .sort((a, b) => newest(b) - newest(a) || b.release - a.release)
    .slice(0, candidatesAtMost);
}

/** An incident that was reported without a release. */
export type Reported = {
  readonly key: string;
  readonly note: string;
  readonly services: readonly string[];
  /** Who reported it. */
  readonly person: string;
  readonly at: Date;
  /** `open`: nobody has said which release it came after. */
  readonly state: 'open' | 'linked' | 'none';
};

export type IncidentFacts = {
  readonly reported: Reported | undefined;
  /** Releases that it is linked with. */
  readonly links: readonly { readonly release: number; readonly key: string; readonly isOpen: boolean }[];
  readonly releases: readonly Candidate[];
  /** What each service stands on. */
  readonly dependsOn: Readonly<Record<string, readonly string[]>>;
};

const key = z.string().max(60);

export const ReportInput = z.strictObject({
  key,
  note: z.string().max(500),
  /** Of the message that says it, or of the incident's own page. */
  link: z.string().max(500),
  /** Where it is felt; empty: those that its note names. */
  services: z.array(z.string().max(40)).max(20),
});
export type ReportInput = z.infer<typeof ReportInput>;

/** Records an incident whose release is not known yet. Any full member may; what follows is the question. */
export function reportIncident(input: ReportInput, facts: IncidentFacts, ask: Ask): Decision {
  const name = input.key.trim();
  if (name === '') return refuse({ code: 'empty_note' });
  const settled = settledBy(facts);
  if (settled) return refuse(settled);
  const known = Object.keys(facts.dependsOn);
  const strange = input.services.find((service) => known.length > 0 && !known.includes(service));
  if (strange !== undefined) return refuse({ code: 'unknown_scope', what: 'service', name: strange, known });
  const note = input.note.trim();
  const services = input.services.length > 0 ? [...new Set(input.services)] : namedIn(note, known);
  if (facts.reported) return refuse(askAgain(facts.reported, services, facts, ask));
  return accept({
    type: 'incident.reported',
    key: name,
    note,
    link: input.link,
    services,
    candidates: numbersOf(services, facts, ask),
  });
}

export const OfIncident = z.strictObject({ key });
export type OfIncident = z.infer<typeof OfIncident>;

/** "None of these": the incident came from no release. */
export function clearReleases(input: OfIncident, facts: IncidentFacts, _ask: Ask): Decision {
  const settled = settledBy(facts);
  if (settled) return refuse(settled);
  if (!facts.reported) return refuse({ code: 'no_incident', key: input.key.trim() });
  return accept({ type: 'incident.unrelated', key: facts.reported.key });
}

/** It is over, wherever it is linked. */
export function closeIncident(input: OfIncident, facts: IncidentFacts, ask: Ask): Decision {
  const open = facts.links.filter((one) => one.isOpen);
  // Nobody has said which release it came after, which is what its end is about.
  if (open.length === 0 && facts.reported?.state === 'open') return refuse(askAgain(facts.reported, [], facts, ask));
  if (open.length === 0) return refuse({ code: 'no_incident', key: input.key.trim() });
  return accept(...open.map((one) => ({ type: 'incident.closed' as const, release: one.release, key: one.key })));
}

export const IncidentInput = z.strictObject({
  release: z.number().int(),
  key,
  note: z.string().max(500),
  close: z.boolean(),
});
export type IncidentInput = z.infer<typeof IncidentInput>;

/** Links an incident with the release that it came after, or says that it is over. Any full member may. */
export function linkIncident(
  input: IncidentInput,
  facts: WatchFacts & Pick<IncidentFacts, 'reported'>,
  _ask: Ask,
): Decision {
  const { release, reported } = facts;
  const name = input.key.trim();
  const known = facts.incidents.find((one) => one.key.toLowerCase() === name.toLowerCase());
  if (name === '') return refuse({ code: 'empty_note' });
  if (input.close) {
    if (!known?.isOpen)
      return refuse({
        code: 'unknown_incident',
        release: release.number,
        key: name,
        known: facts.incidents.filter((one) => one.isOpen).map((one) => one.key),
      });
    return accept({ type: 'incident.closed', release: release.number, key: known.key });
  }
  if (!release.startedAt)
    return refuse({
      code: 'wrong_state',
      release: release.number,
      verb: 'link an incident with',
      state: release.state,
      possible: [],
    });
  if (known) return refuse({ code: 'incident_linked', release: release.number, key: known.key });
  return accept({
    type: 'incident.linked',
    release: release.number,
    key: reported?.key ?? name,
    note: input.note.trim() || (reported?.note ?? ''),
    // It was there since somebody reported it, not since somebody knew why.
    beganAt: reported?.at.toISOString() ?? null,
  });
}

export type Question =
  | { readonly ok: true; readonly reported: Reported; readonly candidates: readonly number[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Which release was it? With those that it may have been; or why there is nothing to ask. */
export function questionAbout(key: string, facts: IncidentFacts, now: Date): Question {
  const { reported } = facts;
  const settled = settledBy(facts);
  if (settled) return { ok: false, refusal: settled };
  if (!reported) return { ok: false, refusal: { code: 'no_incident', key: key.trim() } };
  // What began after it cannot have been it.
  const releases = facts.releases.filter((one) => one.startedAt <= reported.at);
  return { ok: true, reported, candidates: numbersOf(reported.services, { ...facts, releases }, { now }) };
}

/** The clock: whoever reported it is asked once more, as long as nobody has answered. */
export function remindIncident(input: OfIncident, facts: IncidentFacts, ask: Ask): Decision {
  const question = questionAbout(input.key, facts, ask.now);
  if (!question.ok) return accept();
  const { key, person } = question.reported;
  return isPersonTarget(person) ? accept({ type: 'incident.reminded', key, person }) : accept();
}

/** It is on record, and the question is still open. */
function askAgain(
  reported: Reported,
  services: readonly string[],
  facts: IncidentFacts,
  ask: Ask,
): RefusalOf<'incident_reported'> {
  const about = services.length > 0 ? services : reported.services;
  return { code: 'incident_reported', key: reported.key, candidates: numbersOf(about, facts, ask) };
}

function numbersOf(
  services: readonly string[],
  { releases, dependsOn }: IncidentFacts,
  { now }: Pick<Ask, 'now'>,
): number[] {
  return candidatesOf(releases, services, dependsOn, now).map(({ release }) => release);
}

/** Somebody said already which release it came after, or that it was none. */
function settledBy({ reported, links }: IncidentFacts) {
  if (links.length === 0 && reported?.state !== 'none') return undefined;
  return {
    code: 'incident_settled' as const,
    key: links[0]?.key ?? reported?.key ?? '',
    releases: links.map((one) => one.release),
  };
}

/** Services that a text names as words. */
function namedIn(text: string, known: readonly string[]): string[] {
  const words = new Set(text.toLowerCase().match(/[a-z0-9][a-z0-9-]*/g) ?? []);
  return known.filter((service) => words.has(service));
}
