import type { KnownBlock } from '@slack/types';
import { guestHome, home } from '../../blocks/home.ts';
import { refusal } from '../../blocks/refusal.ts';
import type { Ctx } from '../ctx.ts';
import { may, mayManage } from '../domain/access.ts';
import { tabFor } from '../domain/home.ts';
import { needNothing } from '../domain/person.ts';
import { surfaceKey } from '../domain/surface.ts';
import { readerOf } from '../store/calendar.ts';
import { loadHomeFacts } from '../store/facts.ts';
import { type HomeFrame, loadFrame, loadTab, openHome } from '../store/home.ts';
import type { Claim } from '../store/ledger.ts';
import { loadWorkspace } from '../store/read.ts';
import { failureOf } from './client.ts';
import { hashOf, keep, type Projector, type Shown } from './message.ts';

/*
 * App Home: published for one person, and only when it would say something else.
 */

/** Publishes what this person may see now. */
export async function showHome(projector: Projector, claimed: Claim, person: string): Promise<Shown> {
  const { ctx, client } = projector;
  const { blocks, said } = await blocksFor(ctx, claimed.row.workspace, person);
  // The time that it was made at is no news.
  const hash = hashOf(said);
  if (claimed.row.hash === hash) return keep(claimed);
  await client.views.publish({ user_id: person, view: { type: 'home', blocks } });
  return { channel: null, ts: null, hash, wrote: true };
}

/** `said`: the same without the time at which it was made. */
async function blocksFor(
  ctx: Ctx,
  workspace: string,
  person: string,
): Promise<{ readonly blocks: KnownBlock[]; readonly said: unknown }> {
  const { people } = await ctx.directory.lookup(workspace, { ...needNothing, people: [person] }, 5 * 60_000);
  const reader = people[person];
  if (!reader) throw new Error('the directory left out whom it was asked for');
  const refused = may('anyone', reader);
  const only = (blocks: KnownBlock[]) => ({ blocks, said: blocks });
  if (refused) return only(refusal(refused, 'UTC').blocks);
  if (reader.isGuest) return only(guestHome());
  const { zone } = await loadWorkspace(ctx.db, workspace);
  const about = { person, now: ctx.now(), zone };
  const frame = await loadFrame(ctx.db, workspace, about);
  const own = await groupsOf(ctx, workspace, person, frame.groups);
  const isManager = mayManage(frame);
  const isApprover = own.decides.length > 0 || frame.needed.length > 0;
  const tab = tabFor(frame.prefs.home?.tab ?? null, { roles: frame.roles, mayManage: isManager, isApprover });
  const props = {
    view: await loadTab(ctx.db, workspace, tab, { ...about, frame, onCall: own.onCall }),
    waiting: frame.needed.length,
    mayManage: isManager,
    setup: frame.setup,
    zone,
    command: '/release',
  };
  const beginning = new Date(0);
  return { blocks: home({ ...props, asOf: about.now }), said: home({ ...props, asOf: beginning }) };
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
