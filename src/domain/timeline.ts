import { z } from 'zod';
import { type Ask, accept, type Decision } from './decision.ts';
import type { RoomFacts } from './step.ts';

/** How a message came into the record. */
export const captureSources = ['pin', 'emoji', 'shortcut'] as const;

export const CaptureInput = z.strictObject({
  release: z.number().int(),
  source: z.enum(captureSources),
  channel: z.string(),
  /** Slack's id of the message, which is its time in seconds. */
  ts: z.string().regex(/^\d+\.\d+$/),
  author: z.string(),
  text: z.string().max(4000),
  permalink: z.string(),
});
export type CaptureInput = z.infer<typeof CaptureInput>;

/** Keeps a message in the record with its own time and author. A message is kept once, however often it is pointed at. */
export function capture(input: CaptureInput, { captured, release }: RoomFacts, _ask: Ask): Decision {
  if (captured.some((one) => one.channel === input.channel && one.ts === input.ts)) return accept();
  const { release: _number, ...message } = input;
  return accept({
    type: 'message.captured',
    release: release.number,
    ...message,
    saidAt: timeOf(input.ts).toISOString(),
  });
}

export const RevisedInput = z.strictObject({
  release: z.number().int(),
  channel: z.string(),
  ts: z.string().regex(/^\d+\.\d+$/),
  /** What it says now; null: it was deleted. */
  text: z.string().max(4000).nullable(),
});
export type RevisedInput = z.infer<typeof RevisedInput>;

/** A kept message says something else now, or is gone: the record keeps both. */
export function revise(input: RevisedInput, { captured, release }: RoomFacts, _ask: Ask): Decision {
  const known = captured.find((one) => one.channel === input.channel && one.ts === input.ts);
  if (!known || known.isDeleted || known.text === input.text) return accept();
  const about = { release: release.number, channel: input.channel, ts: input.ts };
  return accept(
    input.text === null
      ? { type: 'message.deleted', ...about }
      : { type: 'message.edited', ...about, text: input.text },
  );
}

/** The instant in a message's id. */
function timeOf(ts: string): Date {
  return new Date(Math.floor(Number(ts) * 1000));
}
