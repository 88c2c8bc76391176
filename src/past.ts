import { z } from 'zod';
import { type Call, call, type Said } from './commands/command.ts';
import { incidentCommand } from './commands/incident.ts';
import { findVerb } from './commands/index.ts';
import { pirCommand } from './commands/pir.ts';
import { voteCommand } from './commands/vote.ts';
import type { Ctx } from './ctx.ts';
import { readLine, takeRelease } from './domain/line.ts';
import { releaseKey } from './domain/release.ts';
import { surfaceKey } from './domain/surface.ts';
import { addMinutes, instantAt, wallTime } from './domain/time.ts';
import { tick } from './jobs/clock.ts';
import { run } from './run.ts';
import { dropStale } from './store/ledger.ts';
import { commandAt, isUnwritten } from './store/log.ts';
import { openReleases } from './store/read.ts';
import { nextTimer } from './store/timer.ts';

/*
 * Weeks of a house's life, lived again: what people did comes from a file and goes through the one door with the clock set
 * back, timers included, so that the log, its hashes and its replay are as true as any. Slack is shown only what is still
 * open; cards of what is long over would only be noise.
 */

const at = { week: z.number().int().min(0).max(8), day: z.enum(['mon', 'tue', 'wed', 'thu', 'fri']), at: z.string() };
const Release = z.strictObject({
  week: at.week,
  day: at.day.optional(),
  at: at.at.optional(),
  /** Of what is still to come: when, in words. */
  wish: z.string().optional(),
  for: z.string(),
  what: z.string(),
  why: z.string(),
  by: z.string(),
  /** Hours before its slot; of a wish: minutes ago. */
  asked: z.number(),
  /** Who votes how many hours after the request. */
  votes: z.record(z.string(), z.number()).default({}),
  /** Minutes after its start. */
  ends: z.number().optional(),
  how: z.string().optional(),
  cancel: z.strictObject({ after: z.number(), why: z.string() }).optional(),
  /** Minutes after its start, who, what they type. */
  also: z.array(z.tuple([z.number(), z.string(), z.string()])).default([]),
  /** `after` and `over` in minutes after its start. */
  incident: z
    .strictObject({ key: z.string(), after: z.number(), by: z.string(), note: z.string(), over: z.number() })
    .optional(),
  /** `after` in hours after its end. */
  review: z
    .strictObject({
      after: z.number(),
      by: z.string(),
      outcome: z.enum(['as_planned', 'minor', 'failed']),
      text: z.string(),
      detected: z.string().default(''),
      impact: z.number().nullable().default(null),
      helped: z.string().default(''),
      hindered: z.string().default(''),
      again: z.enum(['yes', 'no', 'unsure', '']).default(''),
      actions: z.array(z.strictObject({ text: z.string(), owner: z.string(), days: z.number() })).default([]),
    })
    .optional(),
});
const Past = z.strictObject({
  /** Of the times below. */
  zone: z.string(),
  /** Where people type. */
  channel: z.string(),
  releases: z.array(Release),
  lines: z.array(z.strictObject({ ...at, by: z.string(), says: z.string() })).default([]),
});
type Past = z.infer<typeof Past>;
type Release = z.infer<typeof Release>;

/** `number`: of the release that it is about, once that was booked. */
type Deed = {
  readonly id: string;
  readonly at: Date;
  readonly by: string;
  readonly row?: number;
  readonly what: (number: number, now: Date) => Call | undefined;
};

type House = {
  readonly ctx: Ctx;
  readonly workspace: string;
  /** Moves in: the workspace is connected and its catalogue applied, as of then. */
  readonly moveIn: (ctx: Ctx, id: string) => Promise<unknown>;
};

const days = ['mon', 'tue', 'wed', 'thu', 'fri'];
const begin = 'past:begin';
const last = 'past:last';

/** Lives the past of a house in which nothing happened yet, or the rest of one that was interrupted. */
export async function livePast(house: House, given: unknown): Promise<void> {
  const { ctx, workspace } = house;
  const past = Past.parse(given);
  const begun = await commandAt(ctx.db, workspace, begin);
  if (begun ? await commandAt(ctx.db, workspace, last) : !(await isUnwritten(ctx.db, workspace))) return;
  const weeks = 5;
  const monday = begun ? addMinutes(begun, weeks * 7 * 1440) : mondayOf(ctx.now(), past.zone);
  let clock = addMinutes(monday, -weeks * 7 * 1440);
  const then: Ctx = { ...ctx, now: () => clock, wake: () => undefined, count: () => undefined };
  await house.moveIn(then, begin);

  const end = ctx.now();
  const deeds = deedsOf(past, monday, end)
    .filter((deed) => deed.at <= end)
    .sort((one, other) => one.at.getTime() - other.at.getTime());
  const numbers = new Map<number, number>();
  for (const deed of deeds) {
    await passTime(deed.at);
    const number = deed.row === undefined ? 0 : (numbers.get(deed.row) ?? 0);
    // What was refused when it was asked for has no story.
    if (deed.row !== undefined && number === 0 && !deed.id.endsWith(':book')) continue;
    const what = deed.what(number, clock);
    if (!what) continue;
    const outcome = await run(then, what.command, what.input, {
      workspace,
      actor: { kind: 'person', id: deed.by },
      id: deed.id,
    });
    if (!outcome.ok) ctx.log.debug({ deed: deed.id, code: outcome.refusal.code }, 'the past was refused something');
    else if (deed.row !== undefined && deed.id.endsWith(':book'))
      for (const { body } of outcome.events) if (body.type === 'release.requested') numbers.set(deed.row, body.release);
  }
  await passTime(end);
  const open = await openReleases(ctx.db, workspace);
  const shown = open.flatMap((release) => [surfaceKey({ kind: 'card', release }), `ask:${releaseKey(release)}:`]);
  await dropStale(ctx.db, workspace, shown);
  await house.moveIn(then, last);

  /** Timers ring in between, each at its own time. */
  async function passTime(to: Date): Promise<void> {
    for (;;) {
      const due = await nextTimer(ctx.db, to);
      if (!due) break;
      if (due > clock) clock = due;
      await tick(then);
    }
    if (to > clock) clock = to;
  }

  function deedsOf({ zone, releases, lines }: Past, monday: Date, end: Date): Deed[] {
    const moment = (row: { week: number; day?: string | undefined; at?: string | undefined }) => {
      const date = wallTime(addMinutes(monday, (days.indexOf(row.day ?? '') - 7 * row.week) * 1440 + 720), zone).date;
      return instantAt(date, row.at ?? '', zone);
    };
    const soon = wallTime(addMinutes(monday, 14 * 1440), zone).date;
    return [
      ...releases.flatMap((release, row) => storyOf(release, row, moment, end)),
      ...lines.map((line, index): Deed => {
        const says = line.says.replaceAll('{soon}', soon);
        return {
          id: `past:line:${index}`,
          at: moment(line),
          by: line.by,
          what: (_n, now) => typed(line.by, says, now),
        };
      }),
    ];
  }

  function storyOf(release: Release, row: number, moment: (row: Release) => Date, end: Date): Deed[] {
    const slot = release.wish === undefined ? moment(release) : undefined;
    const asked = slot ? addMinutes(slot, -60 * release.asked) : addMinutes(end, -release.asked);
    const when = slot?.toISOString() ?? (release.wish as string);
    const deed = (name: string, time: Date, by: string, what: Deed['what']): Deed => ({
      id: `past:${row}:${name}`,
      at: time,
      by,
      row,
      what,
    });
    const says = (name: string, time: Date, by: string, line: string) =>
      deed(name, time, by, (number, now) => typed(by, line.replaceAll('{rel}', releaseKey(number)), now));
    const { by, review, incident, cancel } = release;
    const story = [
      says(
        'book',
        asked,
        by,
        `book ${release.what} ${when} for ${release.for} "${release.why}" rollback:"deploy the version before" --yes`,
      ),
      ...Object.entries(release.votes).map(([who, hours]) =>
        deed(`vote:${who}`, addMinutes(asked, hours * 60), who, (number) =>
          call(voteCommand, { release: number, revision: 1, choice: 'approve', comment: '', unblock: '', code: '' }),
        ),
      ),
      ...(cancel ? [says('cancel', addMinutes(asked, cancel.after * 60), by, `cancel {rel} ${cancel.why}`)] : []),
    ];
    if (!slot || cancel || release.ends === undefined) return story;
    const started = addMinutes(slot, 2 + (row % 5));
    const ended = addMinutes(started, release.ends);
    return [
      ...story,
      says('start', started, by, 'start {rel}'),
      ...release.also.map(([after, who, line], index) => says(`also:${index}`, addMinutes(started, after), who, line)),
      ...(release.how
        ? [says('end', ended, by, release.how.replace(' ', ' {rel} '))]
        : [
            says('tick', addMinutes(ended, -1), by, `tick {rel} 1 https://ci.example.com/runs/${4_000 + row}`),
            says('end', ended, by, 'done {rel}'),
          ]),
      ...(incident
        ? [
            deed('incident', addMinutes(started, incident.after), incident.by, (number) =>
              call(incidentCommand, { release: number, key: incident.key, note: incident.note, close: false }),
            ),
            says('over', addMinutes(started, incident.over), incident.by, `incident {rel} ${incident.key} over`),
          ]
        : []),
      ...(review
        ? [
            deed('review', addMinutes(ended, review.after * 60), review.by, (number, now) =>
              call(pirCommand, {
                release: number,
                outcome: review.outcome,
                text: review.text,
                detectedBy: review.detected,
                impactMinutes: review.impact,
                helped: review.helped,
                hindered: review.hindered,
                again: review.again,
                actions: review.actions.map(({ text, owner, days: inDays }) => ({
                  ...{ text, owner },
                  due: wallTime(addMinutes(now, inDays * 1440), past.zone).date,
                })),
              }),
            ),
          ]
        : []),
    ];
  }

  /** A line as somebody would type it, read by the verb that it names. */
  function typed(person: string, text: string, now: Date): Call | undefined {
    const [first = '', ...words] = text.split(' ');
    const found = findVerb(first);
    if (!('verb' in found)) throw new Error(`the past says “${text}”`);
    const { verb } = found;
    const said: Said = { person, channel: past.channel, fallbackChannel: past.channel, zone: past.zone, now };
    const { release, rest } = takeRelease(words);
    const line = readLine((verb.target ? rest : words).join(' '));
    const parsed =
      verb.target === true
        ? verb.parse(line, said, release as number)
        : verb.target
          ? verb.parse(line, said, release)
          : verb.parse(line, said);
    if (parsed.do === 'run' || parsed.do === 'confirm') return parsed.call;
    throw new Error(`the past says “${text}”, which is nothing to do: ${JSON.stringify(parsed)}`);
  }
}

/** Midnight of the week's first day. */
function mondayOf(now: Date, zone: string): Date {
  const { date, isoWeekday } = wallTime(now, zone);
  const noon = instantAt(date, '12:00', zone);
  return instantAt(wallTime(addMinutes(noon, (1 - isoWeekday) * 1440), zone).date, '00:00', zone);
}
