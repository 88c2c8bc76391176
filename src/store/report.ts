import type { BottleneckProps, NumbersProps } from '../../blocks/report.ts';
import { follows, namesServices } from '../domain/follow.ts';
import { bottleneckOf, fullWeeks, type Period, periodBefore, readingsOf } from '../domain/metric.ts';
import { daysBefore, dayWords } from '../domain/report.ts';
import type { Scope } from '../domain/scope.ts';
import { addMinutes, wallTime } from '../domain/time.ts';
import { readerOf } from './calendar.ts';
import type { Db } from './db.ts';
import { mainEnvironment } from './experiment.ts';
import { firstEventAt } from './log.ts';
import { listWaiters, loadMeasurements, type Measurement, type MetricAsk, type MetricScope } from './metric.ts';

/*
 * Numbers for reports, digests and App Home.
 */
export type NumbersAsk = MetricAsk & {
  /** In words: "payments", "team Payments", "all services". */
  readonly of: string;
  readonly zone: string;
  readonly period: Period;
  /** How many full weeks its trends have. */
  readonly weeks: number;
  /** How many of the releases that waited longest are named; 0: none, and it is not looked for. */
  readonly waiters: number;
  /** Over which time it is looked for; without one over that of the numbers. */
  readonly waited?: Period;
};

/** Everything measured over a time, beside itself in the time before and week by week, all as the database is at one moment. */
export async function loadNumbers(db: Db, ask: NumbersAsk): Promise<NumbersProps> {
  const { period, zone, of, environment } = ask;
  const weeks = fullWeeks(ask.now, zone, ask.weeks);
  const waited = ask.waited ?? period;
  const periods = [period, periodBefore(period), ...weeks, ...(ask.waited ? [waited] : [])];
  const [[now, before, ...rest], begun] = await Promise.all([
    loadMeasurements(db, ask, periods),
    firstEventAt(db, ask.workspace),
  ]);
  const [trend, last] = [rest.slice(0, weeks.length), ask.waited ? rest.at(-1) : now];
  if (!now || !before || !last) throw new Error('a measurement is missing');
  return {
    of,
    environment,
    zone,
    period,
    measures: now.measures,
    readings: readingsOf(now.measures, before.measures, begun !== undefined && begun <= before.period.from),
    weeks: trend.map((week) => ({ label: dayWords(week.period.from, zone), measures: week.measures })),
    stages: now.stages,
    bottleneck: await bottleneckIn(db, ask, last),
  };
}

/** The stage where work waited longest, and the releases that waited. */
async function bottleneckIn(
  db: Db,
  ask: NumbersAsk,
  { stages, period }: Pick<Measurement, 'stages' | 'period'>,
): Promise<BottleneckProps | undefined> {
  const worst = ask.waiters === 0 ? undefined : bottleneckOf(stages);
  if (!worst) return undefined;
  const waited = await listWaiters(db, { ...ask, period, stage: worst.stage, take: ask.waiters });
  return { ...worst, ...waited, period };
}

/** Whose numbers, for a digest. */
export type DigestNumbersAsk = {
  readonly scope: MetricScope;
  /** In words: "payments", "team Payments", "all services". */
  readonly of: string;
  /** Null: production, where there is one. */
  readonly environment: string | null;
  readonly now: Date;
  readonly zone: string;
};

const usualDays = 30;

/** For the line of a daily digest: the 30 days before a local date, so that it stays the same all day long. */
export async function loadDigestNumbers(
  db: Db,
  workspace: string,
  ask: DigestNumbersAsk & { readonly date: string },
): Promise<NumbersProps> {
  const { date, ...about } = ask;
  const environment = ask.environment ?? (await mainEnvironment(readerOf(db), workspace));
  const period = daysBefore(date, ask.zone, usualDays);
  return loadNumbers(db, { ...about, workspace, environment, period, weeks: 4, waiters: 0 });
}

/**
 * For a summary of a week or a month (`period`), with where releases waited longest: a week is too short to say that, so
 * there it is of the 30 days to its end.
 */
export async function loadSummaryNumbers(
  db: Db,
  workspace: string,
  ask: DigestNumbersAsk & { readonly period: Period },
): Promise<NumbersProps> {
  const { period } = ask;
  const environment = ask.environment ?? (await mainEnvironment(readerOf(db), workspace));
  const waited = { from: addMinutes(period.to, -usualDays * 24 * 60), to: period.to };
  const over = waited.from < period.from ? { waited } : {};
  return loadNumbers(db, { ...ask, ...over, workspace, environment, weeks: 12, waiters: 5 });
}

/** Services that a scope means, for the numbers of whoever follows it. */
export async function metricScopeOf(db: Db, workspace: string, scope: Scope): Promise<MetricScope> {
  if (!namesServices(scope)) return { kind: 'all' };
  const services = await db.prisma.service.findMany({ where: { workspace } });
  const anywhere = { ...scope, environments: [] };
  return { kind: 'services', key: services.filter((one) => follows(anywhere, '', one)).map(({ key }) => key) };
}

const homeTeams = 3;

/** The numbers of somebody's teams over the 30 days to this morning; without any teams, those of everybody. */
export async function loadTeamNumbers(
  db: Db,
  workspace: string,
  about: { readonly person: string; readonly now: Date; readonly zone: string },
): Promise<NumbersProps[]> {
  const { rows } = await db.background.query<{ key: string; name: string; is_own: boolean }>(
    `SELECT key, name, $2 = ANY (members) AS is_own FROM team WHERE workspace = $1 ORDER BY name, key`,
    [workspace, about.person],
  );
  const date = wallTime(about.now, about.zone).date;
  const one = (scope: MetricScope, of: string) =>
    once(db, JSON.stringify([workspace, scope, of, about.zone, date]), () =>
      loadDigestNumbers(db, workspace, { scope, of, environment: null, now: about.now, zone: about.zone, date }),
    );
  if (rows.length === 0) return [await one({ kind: 'all' }, 'All services')];
  const own = rows.filter((team) => team.is_own).slice(0, homeTeams);
  return Promise.all(own.map((team) => one({ kind: 'team', key: team.key }, team.name)));
}

const kept = new WeakMap<Db, Map<string, Promise<NumbersProps>>>();
const keptAtMost = 500;

/** Numbers up to this morning are the same all day: they are reckoned once a day and process. */
function once(db: Db, key: string, load: () => Promise<NumbersProps>): Promise<NumbersProps> {
  const known = kept.get(db) ?? new Map<string, Promise<NumbersProps>>();
  kept.set(db, known);
  const found = known.get(key);
  if (found) return found;
  if (known.size >= keptAtMost) known.clear();
  const loading = load();
  known.set(key, loading);
  loading.catch(() => known.delete(key));
  return loading;
}

/** What there is to name in a report. */
export async function reportNames(
  db: Db,
  workspace: string,
): Promise<{ services: string[]; teams: { key: string; name: string; services: string[] }[]; environments: string[] }> {
  const [services, teams, environments] = await Promise.all([
    db.prisma.service.findMany({ where: { workspace }, select: { key: true, team: true }, orderBy: { key: 'asc' } }),
    db.prisma.team.findMany({ where: { workspace }, select: { key: true, name: true }, orderBy: { key: 'asc' } }),
    db.prisma.environment.findMany({ where: { workspace }, select: { key: true }, orderBy: { key: 'asc' } }),
  ]);
  return {
    services: services.map(({ key }) => key),
    teams: teams.map((team) => ({
      ...team,
      services: services.filter((one) => one.team === team.key).map(({ key }) => key),
    })),
    environments: environments.map(({ key }) => key),
  };
}
