import type { Conflict, ConflictCode } from '../src/domain/calendar.ts';
import { clip, dayAndTime, list, type Mrkdwn, mrkdwn, person, plainSlot, span } from './kit.ts';
import { stateWords } from './state.ts';

type Of<C extends ConflictCode> = Extract<Conflict, { code: C }>;

/** Every reason against a time, in words (total). `zone` is the reader's or the calendar's. */
const words: { readonly [C in ConflictCode]: (conflict: Of<C>, zone: string) => Mrkdwn } = {
  service_busy: (one, zone) =>
    mrkdwn`${one.service} is taken in ${one.environment} ${between(one, zone)} by ${holder(one.holder)} ${clip(one.label, 120)}`,
  environment_busy: (one, zone) =>
    mrkdwn`${one.environment} is taken ${between(one, zone)} by ${holder(one.holder)} ${clip(one.label, 120)}`,
  window_full: (one, zone) =>
    mrkdwn`the window *${one.window}* ${between(one, zone)} is full: it takes ${one.capacity} ${one.capacity === 1 ? 'release' : 'releases'}`,
  outside_windows: (one) =>
    mrkdwn`${one.service} is released to ${one.environment} only in ${list([...one.windows], 'or')}`,
  short_notice: (one) => mrkdwn`the window *${one.window}* has to be booked ${span(one.minutes)} ahead`,
  window_length: (one) =>
    mrkdwn`the window *${one.window}* takes releases of ${
      one.min === null
        ? `up to ${span(one.max ?? 0)}`
        : one.max === null
          ? `${span(one.min)} or more`
          : `${span(one.min)} to ${span(one.max)}`
    }`,
  not_your_window: (one) => mrkdwn`the window *${one.window}* is for ${list([...one.teams], 'and')}`,
  freeze: (one, zone) =>
    mrkdwn`❄️ *${one.name}* (${plainSlot(new Date(one.startsAt), new Date(one.endsAt), zone)})${one.level === 'hard' ? '' : ' advises against it'}${one.message === '' ? '' : `: ${clip(one.message, 200)}`}`,
  dependency_busy: (one, zone) =>
    mrkdwn`${one.service}, ${one.direction === 'upstream' ? 'which it depends on' : 'which depends on it'}, is released ${between(one, zone)} (REL-${one.release} ${clip(one.label, 120)})`,
  dependency_open: (one, zone) =>
    mrkdwn`it needs REL-${one.release} ${clip(one.label, 120)} to be done first, which is ${stateWords[one.state as keyof typeof stateWords] ?? one.state}${
      ['requested', 'approved'].includes(one.state) ? ` until ${dayAndTime(new Date(one.endsAt), zone)}` : ''
    }`,
  needed_by: (one, zone) =>
    mrkdwn`REL-${one.release} ${clip(one.label, 120)} waits for it and begins before that, ${dayAndTime(new Date(one.startsAt), zone)}`,
  lead_busy: (one, zone) =>
    mrkdwn`${person(one.lead)} leads REL-${one.release} ${clip(one.label, 120)} ${between(one, zone)}`,
  peak_hours: (one) => mrkdwn`these are peak hours in ${one.region} (${one.from}–${one.to} ${one.zone})`,
};

export function conflictWords(conflict: Conflict, zone: string): Mrkdwn {
  return (words[conflict.code] as (conflict: Conflict, zone: string) => Mrkdwn)(conflict, zone);
}

/** "⚠ …" lines for what speaks against a time without stopping it; beyond a few they are only counted. */
export function warningLines(warnings: readonly Conflict[], zone: string): Mrkdwn[] {
  const lines = warnings.slice(0, most).map((one) => mrkdwn`⚠ ${conflictWords(one, zone)}`);
  return warnings.length > most ? [...lines, mrkdwn`⚠ and ${warnings.length - most} more`] : lines;
}

const most = 4;

function between(one: { startsAt: string; endsAt: string }, zone: string): string {
  return plainSlot(new Date(one.startsAt), new Date(one.endsAt), zone);
}

/** A release or reservation by its name; a place kept for the line has none. */
function holder(name: string): Mrkdwn {
  return name.startsWith('line:') ? mrkdwn`the next in line:` : mrkdwn`*${name}*`;
}
