import { actions, button, clip, code, context, date, join, list, mrkdwn, section, type View } from './kit.ts';

/** Releases that wait for one gate, and since when the first of them does. */
export type QueueProps = { readonly gate: string; readonly n: number; readonly since: Date };

const shown = 20;

/** What waits for whom: the gates, the longest queue first, and places in line for taken times. */
export function queueList(queues: readonly QueueProps[], inLine: number, zone: string, command: string): View {
  const line = inLine === 0 ? '' : ` ${inLine === 1 ? 'One person waits' : `${inLine} people wait`} for a taken time.`;
  if (queues.length === 0) {
    const text = mrkdwn`No gate has anything to decide.${line}`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const names = queues.slice(0, 5).map((one) => `${clip(one.gate, 40)} ${one.n}`);
  const rest = queues.length - shown;
  return {
    text: mrkdwn`Waiting for a decision: ${list(names, 'and')}.${line}`.mrkdwn,
    blocks: [
      section(
        join(
          [
            mrkdwn`*What waits for whom*`,
            ...queues
              .slice(0, shown)
              .map((one) => mrkdwn`• *${clip(one.gate, 60)}* ${one.n} · the first since ${date(one.since, zone)}`),
            ...(rest > 0 ? [mrkdwn`… and ${rest} more gates`] : []),
            ...(line === '' ? [] : [mrkdwn`${line.trim()}`]),
          ],
          '\n',
        ),
      ),
      actions('queues', [button('line.say', 'Releases in review', 'list state:requested')]),
      context(mrkdwn`Who is asked for one of them: ${code(`${command} who REL-142`)}`),
    ],
  };
}
