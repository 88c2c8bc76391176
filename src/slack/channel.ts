import type { ConversationsListResponse, ConversationsMembersResponse, WebClient } from '@slack/web-api';
import { failureOf } from './client.ts';

/** The first channel that fits, over all pages. `types` as in conversations.list. */
export async function findChannel(
  client: WebClient,
  types: string,
  fits: (channel: NonNullable<ConversationsListResponse['channels']>[number]) => boolean,
): Promise<string | undefined> {
  for await (const page of client.paginate('conversations.list', { limit: 500, types })) {
    const found = (page as ConversationsListResponse).channels?.find(fits);
    if (found?.id) return found.id;
  }
  return undefined;
}

/** Everybody in a channel, over all pages. */
export async function channelMembers(client: WebClient, channel: string): Promise<string[]> {
  const members: string[] = [];
  for await (const page of client.paginate('conversations.members', { channel, limit: 500 }))
    members.push(...((page as ConversationsMembersResponse).members ?? []));
  return members;
}

/** The address of a message; "" when Slack gives none. */
export async function linkTo(client: WebClient, channel: string, ts: string): Promise<string> {
  try {
    return (await client.chat.getPermalink({ channel, message_ts: ts })).permalink ?? '';
  } catch (error) {
    if (failureOf(error).kind !== 'refused') throw error;
    return '';
  }
}
