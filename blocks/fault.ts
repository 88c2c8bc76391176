import { code, mrkdwn, type View } from './kit.ts';

/**
 * What people read when something of ours is down or broken: whether it was saved, what to do, and a reference under which
 * the log has the cause.
 */
export function fault(
  what: 'database' | 'database is slow' | 'commit' | 'told' | 'form' | 'other',
  reference: string,
  command = '',
): View {
  const look = code(`${command} list`);
  const said = {
    database: mrkdwn`Saved nothing: I couldn't reach the database. Try again in a minute.`,
    'database is slow': mrkdwn`Nothing is saved so far: the database does not answer. If that changes I say so here, else try again in a minute.`,
    commit: mrkdwn`The database went away at the last moment, so I don't know whether this was saved. Look with ${look} before you try again.`,
    told: mrkdwn`It is saved, but I couldn't write the answer. Look with ${look}.`,
    form: mrkdwn`I couldn't fill this form, so nothing is saved. Close it and try again in a minute.`,
    other: mrkdwn`Something failed on my side, so do not count on it being saved. Look with ${look} and try again in a minute.`,
  }[what];
  return { text: mrkdwn`${said} Ref ${code(reference)}`.mrkdwn, blocks: [] };
}
