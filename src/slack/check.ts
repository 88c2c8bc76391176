import type { WebClient } from '@slack/web-api';
import { clocks, type Finding, fail, ok, warn } from '../domain/finding.ts';
import { failureOf, openClient, type SlackConnection } from './client.ts';

/*
 * Asks Slack what it knows of this app, and changes nothing: for `npm run doctor`.
 */
export type Wanted = {
  /** Bot scopes of the manifest. */
  readonly scopes: readonly string[];
  /** Channels that something is posted to. */
  readonly channels: readonly string[];
  /** User groups that the catalogue names. */
  readonly usergroups: readonly string[];
};

export async function checkSlack(connection: SlackConnection, wanted: Wanted): Promise<Finding[]> {
  const client = openClient(connection.botToken, connection.apiUrl);
  const clock = await clockOf(connection.apiUrl);
  try {
    const bot = await client.auth.test();
    const { scopes = [] } = (bot.response_metadata ?? {}) as { scopes?: string[] };
    return [
      ok('bot token', `Slack knows this app as ${bot.user} in ${bot.team} (${bot.team_id})`),
      ...scopesOf(scopes, wanted.scopes),
      await doorOf(connection),
      ...(await channelsOf(client, wanted.channels)),
      ...(await groupsOf(client, wanted.usergroups)),
      clock,
    ];
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind === 'refused')
      return [
        fail(
          'bot token',
          `Slack does not accept SLACK_BOT_TOKEN (${failure.error}): install the app in the workspace again and copy its Bot User OAuth Token`,
        ),
        clock,
      ];
    return [
      fail(
        'slack',
        'Slack does not answer: check the network, the proxy and SLACK_API_URL; https://slack-status.com says whether it is Slack',
      ),
    ];
  }
}

function scopesOf(granted: readonly string[], wanted: readonly string[]): Finding[] {
  if (granted.length === 0) return [warn('scopes', 'Slack did not say which scopes are granted')];
  const missing = wanted.filter((scope) => !granted.includes(scope));
  const more = granted.filter((scope) => !wanted.includes(scope));
  const findings: Finding[] = [];
  if (missing.length > 0)
    findings.push(
      fail('scopes', `${missing.join(', ')} missing: put manifest.yml into the app's settings and install it again`),
    );
  if (more.length > 0)
    findings.push(
      warn('scopes', `${more.join(', ')} granted, and never used: take them away by installing manifest.yml again`),
    );
  if (findings.length === 0)
    findings.push(ok('scopes', `the ${wanted.length} of manifest.yml are granted, and no more`));
  // No method says who may create channels; a workspace may leave it to administrators, and a room is a thread then.
  if (granted.includes('channels:manage'))
    findings.push(
      ok('rooms', 'may create channels, unless the workspace leaves that to administrators (rooms are threads then)'),
    );
  return findings;
}

/** How Slack reaches the app. */
async function doorOf({ mode, apiUrl }: SlackConnection): Promise<Finding> {
  if (mode.kind === 'http')
    return /^[0-9a-f]{32}$/.test(mode.signingSecret)
      ? ok('requests', 'come signed over HTTP (Slack alone can tell whether SLACK_SIGNING_SECRET is right)')
      : warn(
          'requests',
          'SLACK_SIGNING_SECRET is not 32 hexadecimal digits: copy the Signing Secret from Basic Information',
        );
  try {
    await openClient(mode.appToken, apiUrl).apps.connections.open();
    return ok('app token', 'opens Socket Mode connections');
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind !== 'refused')
      return warn('app token', 'Slack did not say whether it opens connections: try again');
    return fail(
      'app token',
      `Slack does not accept SLACK_APP_TOKEN (${failure.error}): make an app-level token with connections:write`,
    );
  }
}

async function channelsOf(client: WebClient, ids: readonly string[]): Promise<Finding[]> {
  const found = await Promise.all(
    ids.map(async (id): Promise<Finding | undefined> => {
      try {
        const { channel } = await client.conversations.info({ channel: id });
        if (channel?.is_archived)
          return fail('channels', `#${channel.name} (${id}) is archived: unarchive it, or post somewhere else`);
        if (channel?.is_member) return undefined;
        return warn(
          'channels',
          `not in #${channel?.name} (${id}): say /invite @maitred there, so that messages can be found again`,
        );
      } catch (error) {
        const failure = failureOf(error);
        if (failure.kind !== 'refused') return warn('channels', `Slack did not say how ${id} is: try again`);
        return fail(
          'channels',
          `${id} cannot be seen (${failure.error}): it is gone, or private without the app; say /invite @maitred there`,
        );
      }
    }),
  );
  const problems = found.flatMap((one) => one ?? []);
  if (problems.length > 0 || ids.length === 0) return problems;
  return [ok('channels', `is in all ${ids.length} that it posts to`)];
}

async function groupsOf(client: WebClient, ids: readonly string[]): Promise<Finding[]> {
  if (ids.length === 0) return [];
  try {
    const { usergroups = [] } = await client.usergroups.list({ include_disabled: false });
    const gone = ids.filter((id) => !usergroups.some((group) => group.id === id));
    if (gone.length === 0) return [ok('groups', `all ${ids.length} user groups of the catalogue are there`)];
    return [
      fail(
        'groups',
        `${gone.join(', ')} gone or switched off, so nobody in them may vote: mend the group or the catalogue`,
      ),
    ];
  } catch {
    return [warn('groups', 'Slack did not say which user groups there are: try again')];
  }
}

/** Slack refuses what is signed more than five minutes off, and timestamps of messages come from its clock. */
async function clockOf(apiUrl = 'https://slack.com/api/'): Promise<Finding> {
  const before = Date.now();
  const answer = await fetch(new URL('api.test', apiUrl), { method: 'POST', signal: AbortSignal.timeout(5_000) }).catch(
    () => undefined,
  );
  const date = Date.parse(answer?.headers.get('date') ?? '');
  if (Number.isNaN(date)) return warn('clock', 'Slack did not say what time it is');
  // The header has whole seconds: half a second is the best guess.
  const ahead = date + 500 - (before + Date.now()) / 2;
  return clocks('clock', Math.abs(ahead) <= 1_000 ? 0 : ahead, 60_000, 'Slack');
}
