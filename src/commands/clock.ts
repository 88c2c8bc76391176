import { expireRelease, OfRelease, openRoomInTime } from '../domain/deploy.ts';
import { type DigestFacts, DueDigest, postDigest } from '../domain/digest.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import { loadDigest } from '../store/facts.ts';
import { type Call, type Command, call, loadRelease, ofRelease } from './command.ts';

/*
 * What the clock does when a timer comes due. Every one looks again before it acts: the world may have moved on.
 */
const expireCommand: Command<OfRelease, ReleaseFacts> = {
  name: 'clock expire',
  audience: 'clock',
  input: OfRelease,
  contends: ofRelease,
  load: loadRelease,
  decide: expireRelease,
};

const roomCommand: Command<OfRelease, ReleaseFacts> = {
  name: 'clock room',
  audience: 'clock',
  input: OfRelease,
  contends: ofRelease,
  load: loadRelease,
  decide: openRoomInTime,
};

const digestCommand: Command<DueDigest, DigestFacts> = {
  name: 'clock digest',
  audience: 'clock',
  input: DueDigest,
  contends: (input) => [`digest:${input.channel}`],
  load: async (tx, by, input) => ({ ok: true, facts: await loadDigest(tx, by.workspace, input.channel, undefined) }),
  decide: postDigest,
};

/** The command that a timer stands for. Throws on a timer that no version of this app has set. */
export function timerCall(body: unknown, dueAt: Date): Call {
  const timer = body as { command?: string; release?: number; channel?: string };
  switch (timer.command) {
    case 'clock expire':
      return call(expireCommand, OfRelease.parse({ release: timer.release }));
    case 'clock room':
      return call(roomCommand, OfRelease.parse({ release: timer.release }));
    case 'clock digest':
      return call(digestCommand, DueDigest.parse({ channel: timer.channel, due: dueAt }));
    default:
      throw new Error(`a timer names the unknown command ${timer.command}`);
  }
}
