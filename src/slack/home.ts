import { setTimeout as sleep } from 'node:timers/promises';
import type { KnownBlock } from '@slack/types';
import { guestHome, type HomeProps, home } from '../../blocks/home.ts';
import { refusal } from '../../blocks/refusal.ts';
import { homePicture, type NumbersProps } from '../../blocks/report.ts';
import type { Ctx } from '../ctx.ts';
import { may, mayManage } from '../domain/access.ts';
import type { Refusal } from '../domain/decision.ts';
import { tabFor } from '../domain/home.ts';
import { needNothing } from '../domain/person.ts';
import { surfaceKey } from '../domain/surface.ts';
import { readerOf } from '../store/calendar.ts';
import { loadHomeFacts } from '../store/facts.ts';
import { type HomeFrame, loadFrame, loadTab, openHome } from '../store/home.ts';
import { type Claim, findSurface } from '../store/ledger.ts';
import { loadWorkspace } from '../store/read.ts';
import { loadTeamNumbers } from '../store/report.ts';
import { failureOf, isRefused } from './client.ts';
import { alsoStale, hashOf, keep, type Projector, type Shown } from './message.ts';
import { uploadPictures } from './report.ts';

/*
 * App Home: published for one person, and only when it would say something else.
 */

/** Publishes what this person may see now. */
export async function showHome(projector: Projector, claimed: Claim, person: string): Promise<Shown> {
  const { ctx, client } = projector;
  const { workspace } = claimed.row;
  const props = await propsFor(ctx, workspace, person);
  const drawn = await withPicture(projector, workspace, person, props);
  // The time that it was made at is no news.
  const hash = (some: Reader) => hashOf(shown(some, new Date(0)));
  if (claimed.row.hash === hash(drawn)) return keep(claimed);
  const publish = async (some: Reader): Promise<Shown> => {
    await client.views.publish({ user_id: person, view: { type: 'home', blocks: shown(some, ctx.now()) } });
    return { channel: null, ts: null, hash: hash(some), wrote: true };
  };
  return publish(drawn).catch((error: unknown) => {
    if (drawn === props || !isRefused(error, 'invalid_blocks', 'invalid_arguments')) throw error;
    ctx.log.warn({ err: error }, 'App Home goes without its picture');
    return publish(props);
  });
}

/** Uploads what somebody's App Home draws, takes away what it drew before, and lets it show the new one. */
export async function showChart(projector: Projector, claimed: Claim, person: string): Promise<Shown> {
  const { ctx, client, pace } = projector;
  const { workspace, ts: before, hash } = claimed.row;
  const { zone } = await loadWorkspace(ctx.db, workspace);
  const teams = await loadTeamNumbers(ctx.db, workspace, { person, now: ctx.now(), zone });
  const picture = homePicture(teams);
  if (!picture || hash === subjectOf(teams)) return keep(claimed);
  await pace.ahead('files.getUploadURLExternal', {});
  if (before !== null) await pace.ahead('files.delete', {});
  const [file = null] = await uploadPictures(client, undefined, [picture]);
  // It is there now: whatever fails from here on must not upload it again.
  for (let tries = 0; file !== null && tries < 10; tries++) {
    // Slack takes a moment before a view may show it.
    if ((await client.files.info({ file }).catch(() => undefined))?.file?.mimetype) break;
    await sleep(500);
  }
  if (before !== null)
    await client.files.delete({ file: before }).catch((error: unknown) => {
      if (isRefused(error, 'file_not_found', 'file_deleted')) return;
      ctx.log.warn({ err: error, file: before }, 'a picture of yesterday stays in Slack, where nobody sees it');
    });
  const shownOn = [surfaceKey({ kind: 'home', person })];
  return { channel: null, ts: file, hash: subjectOf(teams), wrote: true, shownOn };
}

/** What a picture is of. Not how it came out: processes that reckoned at different hours would replace each other's. */
function subjectOf(teams: readonly NumbersProps[]): string {
  return hashOf(teams.map(({ of, period }) => [of, period.to]));
}

/** What somebody may see of it: nothing and why, what a guest sees, or a view. */
type Reader = Refusal | 'guest' | Omit<HomeProps, 'asOf'>;

function shown(reader: Reader, asOf: Date): KnownBlock[] {
  if (reader === 'guest') return guestHome();
  return 'view' in reader ? home({ ...reader, asOf }) : refusal(reader, 'UTC').blocks;
}

/** With its picture where Slack has today's; else that is uploaded, and this view comes again. */
async function withPicture(projector: Projector, workspace: string, person: string, reader: Reader): Promise<Reader> {
  if (reader === 'guest' || !('view' in reader) || reader.view.tab !== 'work') return reader;
  const drawn = homePicture(reader.view.teams);
  if (!drawn) return reader;
  const key = surfaceKey({ kind: 'chart', person });
  const row = await findSurface(projector.ctx.db, workspace, key);
  if (row?.ts && row.hash === subjectOf(reader.view.teams))
    return { ...reader, view: { ...reader.view, picture: { file: row.ts, alt: drawn.alt } } };
  await alsoStale(projector, workspace, [key]);
  return reader;
}

async function propsFor(ctx: Ctx, workspace: string, person: string): Promise<Reader> {
  const { people } = await ctx.directory.lookup(workspace, { ...needNothing, people: [person] }, 5 * 60_000);
  const reader = people[person];
  if (!reader) throw new Error('the directory left out whom it was asked for');
  const refused = may('anyone', reader);
  if (refused) return refused;
  if (reader.isGuest) return 'guest';
  const { zone } = await loadWorkspace(ctx.db, workspace);
  const about = { person, now: ctx.now(), zone };
  const frame = await loadFrame(ctx.db, workspace, about);
  const own = await groupsOf(ctx, workspace, person, frame.groups);
  const isManager = mayManage(frame);
  const isApprover = own.decides.length > 0 || frame.needed.length > 0;
  const tab = tabFor(frame.prefs.home?.tab ?? null, { roles: frame.roles, mayManage: isManager, isApprover });
  return {
    view: await loadTab(ctx.db, workspace, tab, { ...about, frame, onCall: own.onCall }),
    waiting: frame.needed.length,
    mayManage: isManager,
    setup: frame.setup,
    zone,
    command: '/release',
  };
}

/** Groups that this person decides for, and those that they are on call for now; as far as Slack says. */
async function groupsOf(
  ctx: Ctx,
  workspace: string,
  person: string,
  groups: HomeFrame['groups'],
): Promise<{ readonly decides: readonly string[]; readonly onCall: readonly string[] }> {
  const ids = groups.flatMap(({ usergroup, oncall }) => [usergroup, oncall].flatMap((id) => (id ? [id] : [])));
  const needs = { ...needNothing, usergroups: [...new Set(ids)] };
  const { usergroups } = await ctx.directory.lookup(workspace, needs, 10 * 60_000).catch((error: unknown) => {
    // Its turn will come; until then nothing wrong is said.
    if (failureOf(error).kind === 'later') throw error;
    ctx.log.warn({ err: error }, 'App Home does not know who is on call');
    return { usergroups: {} as Readonly<Record<string, readonly string[]>> };
  });
  const isIn = (id: string | null) => id !== null && usergroups[id]?.includes(person) === true;
  const names = (some: HomeFrame['groups']) => some.map(({ name }) => name);
  return {
    decides: names(groups.filter(({ usergroup, members }) => isIn(usergroup) || members.includes(person))),
    onCall: names(groups.filter(({ oncall }) => isIn(oncall))),
  };
}

/** Somebody looks at App Home, or wants it anew. */
export async function refreshHome(ctx: Ctx, workspace: string, person: string): Promise<void> {
  const key = surfaceKey({ kind: 'home', person });
  await openHome(ctx.db, workspace, key, ctx.now());
  ctx.wake(workspace, [key]);
}

/** What stands on the view of release managers is asked anew at every click: a view may be older than a role. */
export async function isManagerNow(ctx: Ctx, workspace: string, person: string): Promise<boolean> {
  return mayManage(await loadHomeFacts(readerOf(ctx.db), workspace, person));
}
