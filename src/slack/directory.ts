import type { WebClient } from '@slack/web-api';
import { type DirectorySource, DirectoryUnavailable } from '../ctx.ts';
import type { Directory, DirectoryNeeds, Person } from '../domain/person.ts';
import { isZone } from '../domain/time.ts';
import { channelMembers } from './channel.ts';
import { failureOf, isRefused } from './client.ts';

export type SlackDirectory = DirectorySource & {
  /** Forget what an event says has changed. */
  readonly forget: (what: { person?: string; usergroup?: string }) => void;
};

type Entry<T> = { readonly value: T; readonly at: number };

/** When Slack does not answer, this old an answer is still believed about who somebody is; never about a group. */
const stalePersonMs = 60 * 60_000;
/** Of a channel's members so many are looked up as possible voters; the person at the click always is. */
const channelSample = 30;

/** Everything that can be learnt is, so that the next try has less to ask; then the first that could not be says so. */
async function all(asked: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(asked)).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
}

/** People and groups from Slack, remembered for as long as the asking command allows. */
export function openDirectory(client: WebClient, team: string): SlackDirectory {
  const people = new Map<string, Entry<Person>>();
  const usergroups = new Map<string, Entry<readonly string[]>>();
  const channels = new Map<string, Entry<readonly string[]>>();

  return {
    forget: ({ person, usergroup }) => {
      if (person) people.delete(person);
      if (usergroup) usergroups.delete(usergroup);
    },
    peek: (_workspace, needs, maxAgeMs) => read(needs, maxAgeMs),
    lookup: async (_workspace, needs, maxAgeMs) => {
      await all([
        ...needs.usergroups.map((id) => refresh(usergroups, id, maxAgeMs, 0, () => membersOfGroup(id))),
        ...needs.channels.map((id) => refresh(channels, id, maxAgeMs, 0, () => membersOfChannel(id))),
      ]);
      const wanted = new Set([...needs.people, ...expanded(needs)]);
      await all(
        [...wanted].map((id) => refresh(people, id, Math.max(maxAgeMs, 60_000), stalePersonMs, () => person(id))),
      );
      const known = read(needs, Number.POSITIVE_INFINITY);
      if (!known) throw new DirectoryUnavailable('Slack did not say who this is');
      return known;
    },
  };

  function read(needs: DirectoryNeeds, maxAgeMs: number): Directory | undefined {
    const groups = pick(usergroups, needs.usergroups, maxAgeMs);
    const rooms = pick(channels, needs.channels, maxAgeMs);
    if (!groups || !rooms) return undefined;
    const everybody = pick(people, [...new Set([...needs.people, ...expanded(needs)])], Math.max(maxAgeMs, 60_000));
    return everybody ? { people: everybody, usergroups: groups, channels: rooms } : undefined;
  }

  function expanded(needs: DirectoryNeeds): string[] {
    return [
      ...needs.usergroups.flatMap((id) => usergroups.get(id)?.value ?? []),
      ...needs.channels.flatMap((id) => channels.get(id)?.value.slice(0, channelSample) ?? []),
    ];
  }

  async function refresh<T>(
    cache: Map<string, Entry<T>>,
    id: string,
    maxAgeMs: number,
    staleMs: number,
    ask: () => Promise<T>,
  ): Promise<void> {
    const known = cache.get(id);
    const age = known ? Date.now() - known.at : Number.POSITIVE_INFINITY;
    if (age <= maxAgeMs) return;
    try {
      cache.set(id, { value: await ask(), at: Date.now() });
    } catch (error) {
      if (age > staleMs)
        throw new DirectoryUnavailable(`Slack did not answer: ${(error as Error).message}`, { cause: error });
    }
  }

  async function person(id: string): Promise<Person> {
    try {
      const { user } = await client.users.info({ user: id });
      return {
        id,
        name: user?.name ?? id,
        zone: user?.tz && isZone(user.tz) ? user.tz : 'UTC',
        isBot: user?.is_bot === true || id === 'USLACKBOT',
        isGuest: user?.is_restricted === true || user?.is_ultra_restricted === true,
        isStranger: user?.is_stranger === true || (user?.team_id !== undefined && user.team_id !== team),
        isDeleted: user?.deleted === true,
        isAway: isAway(user?.profile, Date.now()),
      };
    } catch (error) {
      if (!isRefused(error, 'user_not_found', 'user_not_visible')) throw error;
      return { id, name: id, zone: 'UTC', isBot: false, isGuest: false, isStranger: true, isDeleted: true };
    }
  }

  async function membersOfGroup(id: string): Promise<readonly string[]> {
    try {
      return (await client.usergroups.users.list({ usergroup: id })).users ?? [];
    } catch (error) {
      // A group that was deleted has no members; an answer that did not come is another thing.
      if (failureOf(error).kind !== 'refused') throw error;
      return [];
    }
  }

  async function membersOfChannel(id: string): Promise<readonly string[]> {
    try {
      return await channelMembers(client, id);
    } catch (error) {
      // A channel that we cannot see has no members for us.
      if (failureOf(error).kind !== 'refused') throw error;
      return [];
    }
  }
}

type Profile = {
  readonly status_text?: string | undefined;
  readonly status_emoji?: string | undefined;
  readonly status_expiration?: number | undefined;
};

/** A status that says "not there": Slack's own suggestions for vacation and sickness, and the words that people write. */
function isAway(profile: Profile | undefined, now: number): boolean {
  const { status_text: text = '', status_emoji: emoji = '', status_expiration: until = 0 } = profile ?? {};
  if (until > 0 && until * 1000 <= now) return false;
  const says = /\b(vacation|holiday|out of office|ooo|on leave|parental|sick|away|pto)\b/i.test(text);
  return says || [':palm_tree:', ':face_with_thermometer:', ':airplane:', ':desert_island:'].includes(emoji);
}

function pick<T>(
  cache: Map<string, Entry<T>>,
  ids: readonly string[],
  maxAgeMs: number,
): Record<string, T> | undefined {
  const found: Record<string, T> = {};
  for (const id of ids) {
    const entry = cache.get(id);
    if (!entry || Date.now() - entry.at > maxAgeMs) return undefined;
    found[id] = entry.value;
  }
  return found;
}
