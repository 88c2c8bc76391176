import { clip, code, context, join, mrkdwn, section, type View } from './kit.ts';

export type ServiceProps = {
  readonly key: string;
  readonly team: string | null;
  readonly tier: number;
  readonly environments: readonly string[];
};

const perSection = 10;
const shown = 50;

/** Everything that can be released. */
export function serviceList(services: readonly ServiceProps[], command: string): View {
  if (services.length === 0) {
    const text = mrkdwn`There is no service yet. Without a catalogue a service comes into being when somebody books it: ${code(`${command} new payments@2.14.0`)}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const rows = services
    .slice(0, shown)
    .map(
      (one) =>
        mrkdwn`• *${one.key}* ${one.team === null ? 'no team' : `team ${one.team}`} · tier ${one.tier}${one.environments.length === 0 ? '' : ` · ${clip(one.environments.join(', '), 60)}`}`,
    );
  const head = mrkdwn`*${services.length} ${services.length === 1 ? 'service' : 'services'}*`;
  const pages = Array.from({ length: Math.ceil(rows.length / perSection) }, (_, page) =>
    join([...(page === 0 ? [head] : []), ...rows.slice(page * perSection, (page + 1) * perSection)], '\n'),
  );
  const rest = services.length - shown;
  return {
    text: mrkdwn`${services.length} services: ${services
      .slice(0, 5)
      .map((one) => one.key)
      .join(', ')}${services.length > 5 ? ', …' : '.'}`.mrkdwn,
    blocks: [
      ...pages.map((page) => section(page)),
      context(
        mrkdwn`${rest > 0 ? `… and ${rest} more. ` : ''}They come from the catalogue; its owner changes them. The record of one: ${code(`${command} report svc:${services[0]?.key ?? 'payments'}`)}`,
      ),
    ],
  };
}
