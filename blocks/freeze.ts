import type { KnownBlock } from '@slack/types';
import type { PlannedFreeze } from '../src/domain/freeze.ts';
import type { Occurrence } from '../src/domain/recurrence.ts';
import { ruleWords } from '../src/domain/recurrence.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { scopeWords } from '../src/domain/scope.ts';
import type { Offer } from '../src/domain/slot.ts';
import {
  actions,
  button,
  code,
  confirm,
  context,
  dayAndTime,
  header,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  person,
  plainSlot,
  section,
  slot,
  type View,
} from './kit.ts';
import { cancelButton, type ReleaseProps } from './summary.ts';

export type FreezeProps = {
  readonly freeze: PlannedFreeze;
  /** The times that are on or ahead, soonest first. */
  readonly times: readonly Occurrence[];
  readonly author: string;
  readonly zone: string;
};

/** What a freeze is, in one line. */
export function freezeLine({ freeze, times }: Pick<FreezeProps, 'freeze' | 'times'>, zone: string): Mrkdwn {
  const [next] = times;
  const when = next ? plainSlot(next.startsAt, next.endsAt, zone) : 'over';
  const exempt = freeze.exempt.length > 0 ? `, not for ${list([...freeze.exempt], 'and')} changes` : '';
  return mrkdwn`❄️ *${freeze.name}* ${code(freeze.key)} · ${freeze.level === 'hard' ? 'hard' : 'warns only'} · ${scopeWords(freeze.scope)}${exempt} · ${when}${freeze.recurrence.rule ? ` (${ruleWords(freeze.recurrence.rule)})` : ''}`;
}

/** The notice of a freeze in its channel; edited when it is lifted. */
export function freezeCard(props: FreezeProps): View {
  const { freeze, times, author, zone } = props;
  const state = freeze.lifted ? 'Lifted' : freeze.level === 'hard' ? 'Freeze' : 'Advisory';
  const text = freezeLine(props, zone);
  const blocks: KnownBlock[] = [
    header(`❄️ ${state}: ${freeze.name}`),
    section(
      mrkdwn`*For:* ${scopeWords(freeze.scope)}${freeze.exempt.length > 0 ? ` (not ${list([...freeze.exempt], 'and')} changes)` : ''}`,
    ),
    ...(freeze.message === '' ? [] : [section(mrkdwn`${freeze.message}`)]),
  ];
  if (!freeze.lifted && times.length > 0)
    blocks.push(
      section(
        join(
          [
            mrkdwn`*When* (${ruleWords(freeze.recurrence.rule)})`,
            ...times.slice(0, 3).map((one) => slot(one.startsAt, one.endsAt, zone)),
          ],
          '\n',
        ),
      ),
    );
  if (!freeze.lifted)
    blocks.push(
      actions(`freeze-${freeze.key}`, [
        button('freeze.lift', 'Lift early…', freeze.key, {
          confirm: confirm(
            'Lift this freeze?',
            `${freeze.name} ends now. Everybody here is told.`,
            'Lift it',
            'Keep it',
          ),
        }),
      ]),
    );
  const who = author === '' ? mrkdwn`set in the catalogue` : mrkdwn`declared by ${person(author)}`;
  blocks.push(
    context(
      mrkdwn`${who}. Nothing is cancelled by it: owners of bookings inside are asked. Rollback is never blocked.`,
    ),
  );
  return { text: freeze.lifted ? mrkdwn`${freeze.name} was lifted.`.mrkdwn : text.mrkdwn, blocks };
}

/** The question to the owner of a booking inside a freeze. */
export function touched(
  props: FreezeProps & {
    readonly release: ReleaseProps;
    readonly kept: boolean;
    readonly isInside: boolean;
    /** The next best time outside of it. */
    readonly next: Offer | undefined;
  },
): View {
  const { freeze, release, kept, isInside, next } = props;
  const name = mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)}`;
  const when = plainSlot(release.startsAt, release.endsAt, release.zone);
  const say = (text: Mrkdwn): View => ({ text: text.mrkdwn, blocks: [section(text)] });
  if (freeze.lifted) return say(mrkdwn`❄️ *${freeze.name}* was lifted: ${name} stays as it is.`);
  if (release.state !== 'requested' && release.state !== 'approved')
    return say(mrkdwn`❄️ *${freeze.name}*: nothing left to decide for ${name}.`);
  if (!isInside) return say(mrkdwn`❄️ *${freeze.name}*: ${name} is outside of it now (${when}).`);
  const effect =
    freeze.level === 'hard'
      ? mrkdwn`It stays booked, and cannot start while the freeze lasts.`
      : mrkdwn`It stays booked and may start; the freeze advises against it.`;
  if (kept) return say(mrkdwn`❄️ *${freeze.name}* covers ${name} (${when}). You keep it. ${effect}`);
  const text = mrkdwn`❄️ *${freeze.name}* now covers ${name} (${when})${freeze.message === '' ? '' : `: ${freeze.message}`}. ${effect}${next ? mrkdwn` Next best: ${dayAndTime(next.startsAt, release.zone)}.` : ''}`;
  const value = `${release.number}|${freeze.key}`;
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions(`touched-${release.number}-${freeze.key}`.slice(0, 250), [
        button('freeze.keep', 'Keep', value),
        ...(next
          ? [
              button(
                'release.moveto',
                `Move to ${dayAndTime(next.startsAt, release.zone)}`,
                `${release.number}|${next.startsAt.toISOString()}`,
                {
                  style: 'primary',
                },
              ),
            ]
          : []),
        button('release.move', 'Move…', String(release.number)),
        cancelButton(release, 'danger'),
      ]),
      context(
        mrkdwn`You get this because you requested ${releaseKey(release.number)}. Nothing is cancelled unless you say so.`,
      ),
    ],
  };
}

/** `/release freeze list`. */
export function freezeList(freezes: readonly FreezeProps[], zone: string): View {
  if (freezes.length === 0) {
    const text = mrkdwn`Nothing is frozen, now or ahead. Declare a freeze with ${code('/release freeze add')}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const lines = freezes.map((one) => freezeLine(one, zone));
  return { text: join(lines, '\n').mrkdwn, blocks: lines.slice(0, 40).map((line) => section(line)) };
}

/** What lifting it would mean: one date, or all that is left of it. */
export function liftPreview(props: FreezeProps & { readonly date: string | null; readonly draft: string }): View {
  const { freeze, date: day } = props;
  const text = join(
    [
      freezeLine(props, props.zone),
      day === null
        ? mrkdwn`⚠ This lifts *all of it*${freeze.recurrence.rule ? mrkdwn`, ${ruleWords(freeze.recurrence.rule)}` : ''}. For one day name its date: ${code(`/release freeze lift ${freeze.key} 2026-12-31`)}.`
        : mrkdwn`This lifts its occurrence of ${day} alone.`,
    ],
    '\n',
  );
  return {
    text: mrkdwn`Confirm lifting ${freeze.name}.`.mrkdwn,
    blocks: [
      section(text),
      actions('confirm', [
        button('draft.take', day === null ? 'Lift all of it' : `Lift ${day}`, props.draft, { style: 'danger' }),
        button('draft.drop', 'Never mind', props.draft),
      ]),
    ],
  };
}

/** What declaring it would mean: its next dates and the bookings it touches. */
export function freezePreview(props: {
  freeze: PlannedFreeze;
  times: readonly Occurrence[];
  touched: readonly ReleaseProps[];
  typed: string;
  zone: string;
  draft: string;
}): View {
  const { freeze, times, touched: inside, zone } = props;
  const dates = times.slice(0, 4).map((one) => mrkdwn`• ${plainSlot(one.startsAt, one.endsAt, zone)}`);
  const bookings = inside
    .slice(0, 10)
    .map(
      (one) =>
        mrkdwn`• *${releaseKey(one.number)}* ${unitsName(one.units)} · ${plainSlot(one.startsAt, one.endsAt, zone)} · ${person(one.requester)}`,
    );
  const text = join(
    [
      ...(props.typed === '' ? [] : [mrkdwn`I read “${props.typed}” as`]),
      mrkdwn`❄️ *${freeze.name}* · ${freeze.level === 'hard' ? 'hard' : 'warns only'} · ${scopeWords(freeze.scope)} · ${ruleWords(freeze.recurrence.rule)}`,
      ...dates,
      ...(freeze.exempt.length > 0 ? [mrkdwn`Not for ${list([...freeze.exempt], 'and')} changes.`] : []),
      ...(freeze.message === '' ? [] : [mrkdwn`“${freeze.message}”`]),
      inside.length === 0
        ? mrkdwn`✓ It touches no booking.`
        : mrkdwn`⚠ It touches ${inside.length === 1 ? '1 booking' : `${inside.length} bookings`}; ${inside.length === 1 ? 'its owner is' : 'their owners are'} asked to keep, move or cancel:`,
      ...bookings,
    ],
    '\n',
  );
  return {
    text: mrkdwn`Confirm the freeze ${freeze.name}: it touches ${inside.length} bookings.`.mrkdwn,
    blocks: [
      section(text),
      actions('confirm', [
        button('draft.take', 'Declare freeze', props.draft, { style: 'danger' }),
        button('draft.drop', 'Never mind', props.draft),
      ]),
    ],
  };
}
