import { z } from 'zod';
import { mayManage, type Roles } from './access.ts';
import { HomeTab, type Prefs } from './approval.ts';
import { type Ask, accept, actorId, type Decision, refuse } from './decision.ts';

/*
 * App Home: one page, three views of it, and what somebody chose to see.
 */

/** How many rows a list has on App Home at most, and what release managers are needed for, of each kind. */
export const homeRows = { list: 12, needs: 3, teams: 3 } as const;

/** What somebody was shown, as long as they chose nothing. */
export const noHome: NonNullable<Prefs['home']> = { tab: null, hidden: false, saved: false };

/**
 * The view that somebody sees: what they chose, as long as they may; else by what they are here for. Whoever keeps the
 * calendar because nobody is named for it gets that view only when they ask for it.
 */
export function tabFor(
  chosen: HomeTab | null,
  who: { readonly roles: Roles; readonly mayManage: boolean; readonly isApprover: boolean },
): HomeTab {
  if (chosen !== null && (chosen !== 'manage' || who.mayManage)) return chosen;
  if (who.roles.includes('release_manager')) return 'manage';
  return who.isApprover ? 'approvals' : 'work';
}

export const HomeInput = z.strictObject({ tab: HomeTab.optional(), hidden: z.boolean().optional() });
export type HomeInput = z.infer<typeof HomeInput>;
export type HomeFacts = { readonly prefs: Prefs; readonly roles: Roles; readonly hasCatalog: boolean };

/** Remembers what somebody wants to see on App Home; what is so already is not recorded again. */
export function arrangeHome(input: HomeInput, facts: HomeFacts, ask: Ask): Decision {
  if (input.tab === 'manage' && !mayManage(facts)) return refuse({ code: 'only_managers', verb: 'manage' });
  const { home = noHome, ...others } = facts.prefs;
  const next = { ...home, tab: input.tab ?? home.tab, hidden: input.hidden ?? home.hidden };
  if (next.tab === home.tab && next.hidden === home.hidden) return accept();
  return accept({ type: 'prefs.set', person: actorId(ask), prefs: { ...others, home: next }, tell: null });
}
