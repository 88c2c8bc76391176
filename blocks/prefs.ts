import type { KnownBlock, ModalView } from '@slack/types';
import type { Prefs } from '../src/domain/approval.ts';
import { daysWords } from '../src/domain/recurrence.ts';
import type { Scope } from '../src/domain/scope.ts';
import { personInput } from './delegate.ts';
import { code, context, mrkdwn, plain } from './kit.ts';
import { select, textInput, timeInput } from './modal.ts';

const dms = { all: 'Everything that concerns me', needed: 'Only what I must act on', none: 'None' } as const;

/** A digest of one's own as it is set now: what the form does not ask for stays. */
export type OwnDigest = {
  readonly at: string;
  readonly zone: string;
  readonly days: readonly number[];
  readonly scope: Scope;
  readonly sections: readonly string[];
  readonly quiet: string;
};

/**
 * PREFS: when somebody may be asked, who votes for them meanwhile, which messages they want. `zone` is Slack's for them,
 * `digest` their own. What is over at `now` is not shown as if it held.
 */
export function prefsForm(all: Prefs, zone: string, digest: OwnDigest | undefined, now: Date): ModalView {
  const prefs = { ...all, ...standing(all, now) };
  const work = prefs.work ?? { from: '09:00', to: '18:00', days: [1, 2, 3, 4, 5] };
  return {
    type: 'modal',
    callback_id: 'prefs.v1',
    private_metadata: JSON.stringify({ digest: digest ?? null, zone }),
    title: plain('Preferences', 24),
    submit: plain('Save', 24),
    close: plain('Close', 24),
    blocks: [
      timeInput('from', 'Ask me from', work.from),
      timeInput('to', 'Ask me until', work.to),
      textInput('days', 'On these days', { max: 40, initial: daysWords(work.days), placeholder: 'mon-fri' }),
      select('dm', 'Direct messages', Object.keys(dms), prefs.dm, (value) => dms[value as keyof typeof dms]),
      { ...timeInput('digest', 'My own digest on working days, at (empty: none)', digest?.at), optional: true },
      whenInput('snooze', 'Ask me nothing until', prefs.snoozeUntil),
      personInput('delegate', 'Votes for me meanwhile', prefs.delegate?.to, true),
      whenInput('delegateFrom', 'From', prefs.delegate?.from ?? null),
      whenInput('delegateUntil', 'Until', prefs.delegate?.until ?? null),
      textInput('zone', 'Time zone instead of Slack’s', {
        max: 60,
        optional: true,
        ...(prefs.zone ? { initial: prefs.zone } : {}),
        placeholder: zone,
      }),
      context(
        mrkdwn`Your hours are in ${prefs.zone ?? zone}, ${prefs.zone === null ? 'as Slack says' : `which you set; Slack says ${zone}`}. Outside of them nobody asks you, except for emergencies and releases that begin within four hours. Channels: ${code('/release subscriptions')}.`,
      ),
    ],
  };
}

/** COVER: one part of the preferences, from App Home. */
export function coverForm(part: 'delegate' | 'snooze', all: Prefs, now: Date): ModalView {
  const { delegate, snoozeUntil } = standing(all, now);
  return {
    type: 'modal',
    callback_id: 'cover.v1',
    private_metadata: JSON.stringify({ part }),
    title: plain(part === 'delegate' ? 'Set delegate' : 'Snooze all', 24),
    submit: plain('Save', 24),
    close: plain('Close', 24),
    blocks:
      part === 'delegate'
        ? [
            personInput('delegate', 'Votes for me meanwhile', delegate?.to),
            whenInput('delegateFrom', 'From', delegate?.from ?? null, false),
            whenInput('delegateUntil', 'Until', delegate?.until ?? null, false),
            context(mrkdwn`They are told. Both names stand with every vote; gates that allow no delegates stay yours.`),
          ]
        : [
            whenInput('snooze', 'Ask me nothing until', snoozeUntil, false),
            context(
              mrkdwn`What comes meanwhile is sent when it ends, and is listed on App Home. Emergencies are asked at any hour.`,
            ),
          ],
  };
}

/** What of it is not over. */
function standing({ snoozeUntil, delegate }: Prefs, now: Date): Pick<Prefs, 'snoozeUntil' | 'delegate'> {
  const isAhead = (text: string) => new Date(text) > now;
  return {
    snoozeUntil: snoozeUntil !== null && isAhead(snoozeUntil) ? snoozeUntil : null,
    delegate: delegate !== null && isAhead(delegate.until) ? delegate : null,
  };
}

function whenInput(id: string, label: string, initial: string | null, optional = true): KnownBlock {
  return {
    type: 'input',
    block_id: id,
    optional,
    label: plain(label, 2000),
    element: {
      type: 'datetimepicker',
      action_id: 'value',
      ...(initial ? { initial_date_time: Math.floor(Date.parse(initial) / 1000) } : {}),
    },
  };
}
