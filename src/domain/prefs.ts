import { z } from 'zod';
import { type Everybody, Prefs } from './approval.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';
import { noHome } from './home.ts';
import { type Directory, isFullMember } from './person.ts';
import { usualHours, type WorkHours } from './worktime.ts';

export const noPrefs: Prefs = { work: null, zone: null, dm: 'all', snoozeUntil: null, delegate: null };

/** When this person works: as they set it, else 09–18 on working days in their Slack zone. */
export function workHoursOf(id: string, prefs: Everybody, directory: Directory): WorkHours {
  const own = prefs[id];
  return { ...(own?.work ?? usualHours), zone: own?.zone ?? directory.people[id]?.zone ?? 'UTC' };
}

/** Until when they are not to be asked; undefined: they can be. */
export function awayUntil(id: string, prefs: Everybody, directory: Directory, now: Date): Date | 'unknown' | undefined {
  const own = prefs[id];
  const dates = [own?.snoozeUntil, isCovered(own, now) ? own?.delegate?.until : undefined].flatMap((text) =>
    text ? [new Date(text)] : [],
  );
  const until = dates.filter((date) => date > now).sort((a, b) => b.getTime() - a.getTime())[0];
  return until ?? (directory.people[id]?.isAway ? 'unknown' : undefined);
}

/** Somebody else votes for them at this moment. */
export function isCovered(prefs: Prefs | undefined, now: Date): boolean {
  const { delegate } = prefs ?? noPrefs;
  return delegate !== null && new Date(delegate.from) <= now && now < new Date(delegate.until);
}

export const PrefsInput = z.strictObject({ prefs: Prefs.omit({ home: true }).partial() });
export type PrefsInput = z.infer<typeof PrefsInput>;
export type PrefsFacts = { readonly prefs: Prefs };

export function setPrefs({ prefs }: PrefsInput, facts: PrefsFacts, ask: Ask): Decision {
  const person = actorId(ask);
  if (prefs.snoozeUntil && new Date(prefs.snoozeUntil) <= ask.now)
    return refuse({ code: 'in_the_past', startsAt: prefs.snoozeUntil });
  const said = Object.fromEntries(Object.entries(prefs).filter(([, value]) => value !== undefined));
  const next: Prefs = { ...facts.prefs, ...said, home: { ...noHome, ...facts.prefs.home, saved: true } };
  const { delegate } = next;
  // What was set before is judged when it was set: an old delegation is in nobody's way.
  if (delegate && prefs.delegate) {
    const other = ask.directory.people[delegate.to];
    if (delegate.to === person || !other || !isFullMember(other))
      return refuse({ code: 'delegate_unfit', person: delegate.to });
    if (delegate.until <= delegate.from) return refuse({ code: 'never_happens', what: 'delegation' });
  }
  const before = facts.prefs.delegate?.to;
  const tell = delegate && delegate.to !== before ? delegate.to : null;
  return accept({ type: 'prefs.set', person, prefs: next, tell });
}
