import type { Refusal } from './decision.ts';
import { isFullMember, type Person } from './person.ts';
import type { Release } from './release.ts';

/** Who may use a verb at all; the rules add what they know of the release. */
export type Audience = 'members' | 'anyone';

/** Bots, guests, strangers and deactivated people change nothing; strangers and bots see nothing either. */
export function may(audience: Audience, person: Person): Refusal | undefined {
  if (person.isBot) return { code: 'is_bot' };
  if (person.isDeleted) return { code: 'is_deactivated' };
  if (person.isStranger) return { code: 'is_stranger' };
  if (audience === 'members' && !isFullMember(person)) return { code: 'is_guest' };
  return undefined;
}

export type Roles = readonly string[];

/** Who runs a release: its deploy lead, whoever took the lead in its room, its requester or a release manager. */
export function mayRun(release: Release, actor: string, roles: Roles): boolean {
  return isOwn(release, actor) || roles.includes('release_manager');
}

/** Whose own release it is: who asked for it, who was booked to lead it, who took the lead in its room. */
export function isOwn({ requester, lead, roomLead }: Pick<Release, 'requester' | 'lead' | 'roomLead'>, actor: string) {
  return [requester, lead, roomLead].includes(actor);
}

/** Who keeps the calendar: release managers; everybody as long as no catalogue names any. */
export function mayManage(facts: { readonly roles: Roles; readonly hasCatalog: boolean }): boolean {
  return !facts.hasCatalog || facts.roles.includes('release_manager');
}
