import { z } from 'zod';
import { type Directory, type DirectoryNeeds, needNothing } from './person.ts';
import { covers, type Scope, type Traits } from './scope.ts';
import { addDays, instantAt, isoWeekday, wallTime } from './time.ts';

/*
 * Shapes of what people follow: digests and subscriptions. A target is a channel, or a person (in a direct message).
 */
export const DigestKind = z.enum(['daily', 'weekly', 'monthly']);
export type DigestKind = z.infer<typeof DigestKind>;

/** What a digest may hold, in the order in which it is read. */
export const DigestSection = z.enum([
  'waiting',
  'today',
  'next',
  'yesterday',
  'freezes',
  'reviews',
  'errors',
  'numbers',
]);
export type DigestSection = z.infer<typeof DigestSection>;
export const digestSections = DigestSection.options;

/** What happens on a day with nothing new. */
export const DigestQuiet = z.enum(['silent', 'post']);

/** ISO weekdays, 1 = Monday. */
export const DigestDays = z.array(z.number().int().min(1).max(7)).min(1);
export const wallClock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write the time as HH:MM');

/** What a subscription may be told of. */
export const Topic = z.enum([
  'requested',
  'approved',
  'rejected',
  'started',
  'finished',
  'rolled_back',
  'cancelled',
  'moved',
  'freeze',
  'votes',
  'steps',
  'notes',
  'gonogo',
  'risk',
  'pir',
]);
export type Topic = z.infer<typeof Topic>;
export const topics = Topic.options;

/** What a subscription is told of unless it says otherwise (interaction.md §2.3c). */
export const usualTopics: readonly Topic[] = topics.slice(0, topics.indexOf('votes'));

/** Daily hours in which nothing new is posted; `from` after `to` goes over midnight. */
export const QuietHours = z.strictObject({ from: wallClock, to: wallClock, zone: z.string() });
export type QuietHours = z.infer<typeof QuietHours>;

export function isPersonTarget(target: string): boolean {
  return /^[UW]/.test(target);
}

/** Does whoever follows this scope follow that service in that environment? Services, tags and teams add up; an environment narrows. */
export function follows(scope: Scope, environment: string, service: Traits): boolean {
  if (scope.environments.length > 0 && !scope.environments.includes(environment)) return false;
  if (!namesServices(scope)) return true;
  return (
    scope.services.includes(service.key) ||
    (service.team !== null && scope.teams.includes(service.team)) ||
    service.tags.some((tag) => scope.tags.includes(tag))
  );
}

/** Can something with the scope `other` (a freeze) concern whoever follows `own`? */
export function meets(own: Scope, other: Scope, services: readonly Traits[]): boolean {
  const shareEnvironment =
    own.environments.length === 0 ||
    other.environments.length === 0 ||
    own.environments.some((one) => other.environments.includes(one));
  if (!shareEnvironment) return false;
  if (!namesServices(own) || !namesServices(other)) return true;
  const anywhere = { environments: [] };
  return services.some(
    (service) => follows({ ...own, ...anywhere }, '', service) && covers({ ...other, ...anywhere }, '', service),
  );
}

export function namesServices(scope: Scope): boolean {
  return scope.services.length + scope.tags.length + scope.teams.length > 0;
}

export function isEverything(scope: Scope): boolean {
  return !namesServices(scope) && scope.environments.length === 0;
}

/** "svc:payments team:search", as it is typed; "all". Two scopes that mean the same have one key. */
export function scopeKey(scope: Scope): string {
  const sides = [
    ['svc', scope.services],
    ['team', scope.teams],
    ['tag', scope.tags],
    ['env', scope.environments],
  ] as const;
  const parts = sides.flatMap(([side, names]) =>
    names.length === 0 ? [] : [`${side}:${[...new Set(names)].sort().join(',')}`],
  );
  return parts.length === 0 ? 'all' : parts.join(' ');
}

/** When the quiet hours that hold now end; undefined: they do not hold. */
export function quietUntil(quiet: QuietHours | null | undefined, now: Date): Date | undefined {
  if (!quiet || quiet.from === quiet.to) return undefined;
  const { date } = wallTime(now, quiet.zone);
  for (const day of [addDays(date, -1), date]) {
    const from = instantAt(day, quiet.from, quiet.zone);
    const to = instantAt(quiet.from < quiet.to ? day : addDays(day, 1), quiet.to, quiet.zone);
    if (from <= now && now < to) return to;
  }
  return undefined;
}

/** The first day of the period that a date is in: one digest per period. */
export function periodOf(kind: DigestKind, date: string): string {
  if (kind === 'daily') return date;
  return kind === 'weekly' ? addDays(date, 1 - isoWeekday(date)) : `${date.slice(0, 8)}01`;
}

/** What a digest of this date looks back on: first day, and the day after the last. */
export function lookBack(kind: DigestKind, date: string): { readonly from: string; readonly to: string } {
  if (kind === 'daily') return { from: addDays(date, -1), to: date };
  if (kind === 'weekly') return { from: addDays(date, -7), to: date };
  const to = periodOf('monthly', date);
  return { from: periodOf('monthly', addDays(to, -1)), to };
}

/** What has to be known of Slack to tell whether anything can be posted there. */
export function postNeeds(target: string | null): DirectoryNeeds {
  return { ...needNothing, channels: target === null || isPersonTarget(target) ? [] : [target] };
}

/** A channel that shows nobody is a private one that we are not in: what is sent there is lost. */
export function isUnseen(target: string, directory: Directory): boolean {
  return !isPersonTarget(target) && directory.channels[target]?.length === 0;
}
