import type { Mrkdwn } from './kit.ts';
import { button, code, date, join, mrkdwn, person, section, type View } from './kit.ts';

/** A deployment that went past the calendar, as somebody reported it. */
export type UnbookedProps = {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly deployedAt: Date;
  readonly note: string;
  readonly person: string;
};

/** "payments 2.14.1 → production, 21 Nov 14:00". */
export function unbookedLine(one: UnbookedProps, zone: string): Mrkdwn {
  return mrkdwn`${one.service} ${code(one.version)} → ${one.environment} · ${date(one.deployedAt, zone)}`;
}

/** `/release unbooked`: the newest reports. */
export function unbookedList(found: readonly UnbookedProps[], zone: string, command: string): View {
  if (found.length === 0) {
    const text = mrkdwn`Nobody has reported a deployment that was not booked. If you know of one, say so: ${code(`${command} unbooked payments@2.14.1 production yesterday 14:00`)}. Nobody is blamed: it keeps the numbers honest.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const lines = found.map(
    (one) =>
      mrkdwn`${unbookedLine(one, zone)} · reported by ${person(one.person)}${one.note === '' ? '' : ` · ${one.note}`}`,
  );
  return {
    text: join([mrkdwn`Deployments that were not booked:`, ...lines], '\n').mrkdwn,
    blocks: [
      section(mrkdwn`*Deployments that were not booked*`),
      ...lines.map((line, index) => section(line, backButton(found[index] as UnbookedProps))),
    ],
  };
}

/** Says the line that takes a report back. */
function backButton({ service, version, environment, deployedAt }: UnbookedProps) {
  return button(
    'line.say',
    'Take back',
    `unbooked back ${service}@${version} ${environment} ${deployedAt.toISOString()}`,
  );
}
