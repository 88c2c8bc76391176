import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The parts of an app manifest that decide what the app may do and what it hears of. */
export type Manifest = {
  readonly name: string;
  readonly commands: readonly {
    readonly command: string;
    readonly description: string;
    readonly usageHint: string;
    readonly escape: boolean;
  }[];
  readonly scopes: readonly string[];
  readonly events: readonly string[];
  /** Links to these are told to the app. */
  readonly unfurlDomains: readonly string[];
  readonly homeTab: boolean;
  readonly messagesTab: boolean;
  readonly tokenRotation: boolean;
  readonly redirectUrls: readonly string[];
  readonly shortcuts: readonly { readonly name: string; readonly type: string; readonly callback_id: string }[];
};

export function readManifest(file: string): Manifest {
  const yaml = parse(readFileSync(file, 'utf8'));
  return {
    name: yaml.display_information.name,
    commands: (yaml.features.slash_commands ?? []).map((one: Record<string, unknown>) => ({
      command: one.command,
      description: one.description ?? '',
      usageHint: one.usage_hint ?? '',
      escape: one.should_escape === true,
    })),
    scopes: yaml.oauth_config.scopes.bot,
    events: yaml.settings.event_subscriptions?.bot_events ?? [],
    unfurlDomains: yaml.features.unfurl_domains ?? [],
    homeTab: yaml.features.app_home?.home_tab_enabled === true,
    messagesTab: yaml.features.app_home?.messages_tab_enabled !== false,
    tokenRotation: yaml.settings.token_rotation_enabled === true,
    redirectUrls: yaml.oauth_config.redirect_urls ?? [],
    shortcuts: yaml.features.shortcuts ?? [],
  };
}
