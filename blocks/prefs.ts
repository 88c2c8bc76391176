import type { KnownBlock, ModalView } from '@slack/types';
import type { Prefs } from '../src/domain/approval.ts';
import { daysWords } from '../src/domain/recurrence.ts';
import { personInput } from './delegate.ts';
import { context, mrkdwn, plain } from './kit.ts';
import { select, textInput, timeInput } from './modal.ts';

const dms = { all: 'Everything that concerns me', needed: 'Only what I must act on', none: 'None' } as const;

/** PREFS: when somebody may be asked, who votes for them meanwhile, which messages they want. `digest`: their own. */
export function prefsForm(prefs: Prefs, zone: string, digest: { readonly at: string } | undefined): ModalView {
  const work = prefs.work ?? { from: '09:00', to: '18:00', days: [1, 2, 3, 4, 5] };
  return {
    type: 'modal',
    callback_id: 'prefs.v1',
    private_metadata: JSON.stringify({ digest: digest?.at ?? null, zone }),
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
      context(mrkdwn`Emergencies, and releases that begin within four hours, are asked at any hour.`),
    ],
  };
}

function whenInput(id: string, label: string, initial: string | null): KnownBlock {
  return {
    type: 'input',
    block_id: id,
    optional: true,
    label: plain(label, 2000),
    element: {
      type: 'datetimepicker',
      action_id: 'value',
      ...(initial ? { initial_date_time: Math.floor(Date.parse(initial) / 1000) } : {}),
    },
  };
}
