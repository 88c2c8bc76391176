import { ruleWords } from '../src/domain/recurrence.ts';
import { scopeWords } from '../src/domain/scope.ts';
import type { PlannedWindow, WindowTime } from '../src/domain/window.ts';
import { code, join, list, type Mrkdwn, mrkdwn, plainSlot, section, span, type View } from './kit.ts';

export type WindowProps = {
  readonly window: PlannedWindow;
  /** Its next times, with the seats that are taken. */
  readonly next: readonly (WindowTime & { readonly taken: number })[];
};

/** `/release window list`. */
export function windowList(windows: readonly WindowProps[]): View {
  if (windows.length === 0) {
    const text = mrkdwn`No window is set: releases are taken at any time. Set one with ${code('/release window set "Production days" mon-fri 09:00-17:00 env:production cap:4')}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const blocks = windows.slice(0, 40).map(({ window, next }) => {
    const rules = [
      window.capacity === null
        ? 'any number of releases'
        : window.capacity === 1
          ? '1 release'
          : `${window.capacity} releases`,
      ...(window.noticeMinutes > 0 ? [`booked ${span(window.noticeMinutes)} ahead`] : []),
      ...(window.minMinutes !== null ? [`at least ${span(window.minMinutes)}`] : []),
      ...(window.maxMinutes !== null ? [`at most ${span(window.maxMinutes)}`] : []),
      ...(window.bookers.length > 0 ? [`for ${list([...window.bookers], 'and')}`] : []),
      ...(window.exempt.length > 0 ? [`not asked of ${list([...window.exempt], 'and')} changes`] : []),
    ];
    const times: Mrkdwn[] = next.slice(0, 3).map((one) => {
      const left = one.capacity === null ? '' : ` · ${one.capacity - one.taken} of ${one.capacity} free`;
      return mrkdwn`• ${plainSlot(one.startsAt, one.endsAt, window.zone)}${left}`;
    });
    return section(
      join(
        [
          mrkdwn`*${window.name}* ${code(window.key)} · ${scopeWords(window.scope)} · ${ruleWords(window.recurrence.rule)}`,
          mrkdwn`${rules.join(' · ')}`,
          ...times,
        ],
        '\n',
      ),
    );
  });
  return { text: windows.map(({ window }) => mrkdwn`${window.name}`.mrkdwn).join(', '), blocks };
}
