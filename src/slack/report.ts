import type { WebClient } from '@slack/web-api';
import { clip, join, type Mrkdwn, type View } from '../../blocks/kit.ts';
import { refusal } from '../../blocks/refusal.ts';
import {
  bottleneckWords,
  type NumbersProps,
  numbersLine,
  type Picture,
  pictures,
  report,
  teamLines,
} from '../../blocks/report.ts';
import { toPng } from '../chart.ts';
import type { Ctx } from '../ctx.ts';
import { type DigestPlan, usualContent } from '../domain/digest.ts';
import { type DigestKind, isEverything, isPersonTarget, lookBack, namesServices } from '../domain/follow.ts';
import type { MetricGroup } from '../domain/metric.ts';
import { lastDays, type ReportWish, reportDays, weeksIn } from '../domain/report.ts';
import { scopeWords } from '../domain/scope.ts';
import { instantAt } from '../domain/time.ts';
import { readerOf } from '../store/calendar.ts';
import { mainEnvironment } from '../store/experiment.ts';
import { beginFirstWrite, type Claim } from '../store/ledger.ts';
import type { MetricScope } from '../store/metric.ts';
import { loadWorkspace } from '../store/read.ts';
import {
  loadDigestNumbers,
  loadNumbers,
  loadSummaryNumbers,
  loadTeamNumbers,
  metricScopeOf,
  reportNames,
} from '../store/report.ts';
import { listUnbooked } from '../store/unbooked.ts';
import { leaseMs } from './client.ts';
import { appears, notTaken } from './flight.ts';
import { admit } from './line.ts';
import { keep, type Projector, type Shown } from './message.ts';

/*
 * Reports, as text and as pictures.
 */
type Asker = {
  readonly workspace: string;
  readonly person: string;
  readonly zone: string;
  readonly command: string;
};

export async function answerReport(ctx: Ctx, client: WebClient, asker: Asker, wish: ReportWish): Promise<View> {
  const { workspace, command } = asker;
  const [names, { zone }] = await Promise.all([reportNames(ctx.db, workspace), loadWorkspace(ctx.db, workspace)]);
  const strange = (what: string, name: string | null, known: readonly string[]) =>
    name !== null && known.length > 0 && !known.includes(name)
      ? refusal({ code: 'unknown_scope', what, name, known: [...known] }, asker.zone)
      : undefined;
  const team = names.teams.find((one) => one.key === wish.team);
  const unknown =
    strange('service', wish.service, names.services) ??
    strange('environment', wish.environment, names.environments) ??
    (wish.team !== null && !team
      ? refusal(
          { code: 'unknown_scope', what: 'team', name: wish.team, known: names.teams.map(({ key }) => key) },
          asker.zone,
        )
      : undefined);
  if (unknown) return unknown;
  const now = ctx.now();
  const environment = wish.environment ?? (await mainEnvironment(readerOf(ctx.db), workspace));
  const period = lastDays(now, wish.days);
  const scope: MetricScope = team
    ? { kind: 'team', key: team.key }
    : wish.service === null
      ? { kind: 'all' }
      : { kind: 'service', key: wish.service };
  const of = team ? `team ${team.name}` : (wish.service ?? 'all services');
  const about = { workspace, scope, environment, now, of, zone, period, weeks: weeksIn(wish.days) };
  const numbers = await loadNumbers(ctx.db, { ...about, waiters: wish.group === 'flow' ? 5 : 0 });
  if (wish.png) return sendPictures(ctx, client, asker, numbers, wish.group);
  const services = team ? team.services : wish.service === null ? null : [wish.service];
  const unbooked =
    wish.group === 'record' ? await listUnbooked(ctx.db, workspace, { ...period, services, environment, take: 8 }) : [];
  return report(numbers, { group: wish.group, unbooked, again: againOf(wish), command });
}

/** What a digest is about, and when. */
type DigestAsk = {
  readonly channel: string;
  readonly kind: DigestKind;
  readonly date: string;
  readonly plan: DigestPlan | undefined;
};

/** What a digest says of numbers in one place: a line, in a summary with where releases wait; for a person one for each team. */
export async function digestLines(ctx: Ctx, workspace: string, digest: DigestAsk): Promise<Mrkdwn | undefined> {
  const { channel, kind, plan } = digest;
  const { scope, sections } = plan ?? usualContent;
  if (isPersonTarget(channel) && isEverything(scope) && sections.includes('numbers')) {
    const { zone } = plan ?? (await loadWorkspace(ctx.db, workspace));
    const teams = await inTime(ctx, loadTeamNumbers(ctx.db, workspace, { person: channel, now: ctx.now(), zone }));
    return teams && teamLines(teams);
  }
  const numbers = await digestNumbers(ctx, workspace, digest);
  const line = numbers && numbersLine(numbers);
  return line && kind !== 'daily' ? join([line, bottleneckWords(numbers.bottleneck)], '\n') : line;
}

/** The numbers of a digest's scope; undefined when there is none, they are not wanted, or could not be had in time. */
export async function digestNumbers(
  ctx: Ctx,
  workspace: string,
  { channel, kind, date, plan }: DigestAsk,
): Promise<NumbersProps | undefined> {
  const { zone } = plan ?? (await loadWorkspace(ctx.db, workspace));
  const { scope, sections } = plan ?? usualContent;
  if (!sections.includes('numbers') || (isPersonTarget(channel) && isEverything(scope))) return undefined;
  const [environment = null, ...others] = scope.environments;
  const about = {
    scope: await metricScopeOf(ctx.db, workspace, scope),
    of: namesServices(scope) ? scopeWords({ ...scope, environments: [] }) : 'all services',
    environment: others.length > 0 ? null : environment,
    now: ctx.now(),
    zone,
  };
  const back = lookBack(kind, date);
  const period = { from: instantAt(back.from, '00:00', zone), to: instantAt(back.to, '00:00', zone) };
  return inTime(
    ctx,
    kind === 'daily'
      ? loadDigestNumbers(ctx.db, workspace, { ...about, date })
      : loadSummaryNumbers(ctx.db, workspace, { ...about, period }),
  );
}

/** Nobody goes without a digest because a number took too long. */
async function inTime<T>(ctx: Ctx, loading: Promise<T>): Promise<T | undefined> {
  return loading.catch((error: unknown) => {
    ctx.log.warn({ err: error }, 'no numbers for a digest');
    return undefined;
  });
}

/** What was asked for besides the group. */
function againOf({ service, team, environment, days }: ReportWish): string {
  return [
    service === null ? '' : `svc:${service}`,
    team === null ? '' : `team:${team}`,
    environment === null ? '' : `env:${environment}`,
    days === reportDays.usual ? '' : `${days}d`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** To whoever asks, in a direct message. */
async function sendPictures(
  ctx: Ctx,
  client: WebClient,
  { workspace, person, zone }: Asker,
  numbers: NumbersProps,
  group: MetricGroup,
): Promise<View> {
  const admitted = await admit(ctx, workspace, person, 'members');
  if (!admitted.ok) return refusal(admitted.refusal, zone);
  try {
    const { channel } = await client.conversations.open({ users: person });
    const { length: sent } = await uploadPictures(client, { channel: channel?.id ?? '' }, pictures(numbers, group));
    return sent === 0
      ? { text: 'There is nothing to draw yet.', blocks: [] }
      : { text: `${sent} ${sent === 1 ? 'picture is' : 'pictures are'} in your messages with me.`, blocks: [] };
  } catch (error) {
    return notTaken(error, 'pictures');
  }
}

/**
 * Keeps the pictures of one surface in a channel or a thread: put there once, and found again after a crash by the name of
 * the first. `suffix` makes the names of one upload its own.
 */
export async function showPictures(
  { ctx, client, pace }: Projector,
  claimed: Claim,
  place: { readonly channel: string; readonly thread?: string },
  drawn: readonly Picture[],
  suffix: string,
): Promise<Shown> {
  const { unclear_since, hash } = claimed.row;
  const named = drawn.map((one) => ({ ...one, name: `${one.name}-${suffix}` }));
  const [first] = named;
  if (!first || hash !== null) return keep(claimed);
  // A first try may have left them behind.
  if (unclear_since === null || !(await appears(client, place.channel, `${first.name}.png`))) {
    await pace.ahead('files.getUploadURLExternal', {});
    await beginFirstWrite(ctx.db, claimed, leaseMs);
    await uploadPictures(client, place, named);
  }
  return { channel: place.channel, ts: null, hash: first.name, wrote: true };
}

/** Slack's limit on what a picture says to those who do not see it. */
const altMost = 1_000;

/**
 * Puts pictures into a channel or a thread as one message, or nowhere, for a view to show; gives their ids. Every picture
 * has its numbers as alt text. Done by hand because the SDK calls that argument alt_text, and Slack alt_txt. Fails as
 * Slack's calls do; then nothing is shown.
 */
export async function uploadPictures(
  client: WebClient,
  place: { readonly channel: string; readonly thread?: string } | undefined,
  drawn: readonly Picture[],
): Promise<string[]> {
  const files: { id: string; title: string }[] = [];
  for (const { name, title, svg, alt } of drawn) {
    const png = await toPng(svg);
    const asked = { filename: `${name}.png`, length: png.length, alt_txt: clip(alt, altMost) };
    const { upload_url, file_id } = await client.files.getUploadURLExternal(asked);
    if (!upload_url || !file_id) throw new Error('Slack gave no address for a picture');
    const taken = await fetch(upload_url, { method: 'POST', body: new Uint8Array(png) });
    if (!taken.ok) throw new Error(`Slack did not take a picture: ${taken.status}`);
    files.push({ id: file_id, title: clip(title, 150) });
  }
  const [first, ...rest] = files;
  if (!first) return [];
  const about = { files: [first, ...rest] as [typeof first, ...(typeof first)[]] };
  const to = place && { channel_id: place.channel };
  await client.files.completeUploadExternal(
    to ? { ...about, ...to, ...(place.thread === undefined ? {} : { thread_ts: place.thread }) } : about,
  );
  return files.map((file) => file.id);
}
