import type { ModalView } from '@slack/types';
import { plain } from './kit.ts';
import { select, textInput } from './modal.ts';

/** FREEZE, interaction.md §2.3b: its submission shows what it touches before anything is declared. */
export function freezeForm(props: { channel: string | null; zone: string }): ModalView {
  const time = (id: string, label: string): ModalView['blocks'][number] => ({
    type: 'input',
    block_id: id,
    label: plain(label, 2000),
    element: { type: 'datetimepicker', action_id: 'value' },
  });
  const repeats = {
    no: 'once',
    daily: 'every day',
    weekly: 'every week',
    monthly: 'every month',
    yearly: 'every year',
  };
  return {
    type: 'modal',
    callback_id: 'freeze.v1',
    private_metadata: JSON.stringify({ channel: props.channel, zone: props.zone }),
    title: plain('Declare a freeze', 24),
    submit: plain('Show what it touches', 24),
    close: plain('Close', 24),
    blocks: [
      textInput('name', 'Name', { max: 80, placeholder: 'Black Friday' }),
      time('from', 'From (in your time zone)'),
      time('until', 'Until'),
      select('repeats', 'Repeats', Object.keys(repeats), 'no', (value) => repeats[value as 'no'] ?? value),
      select('level', 'Level', ['hard', 'warn'], 'hard', (value) =>
        value === 'hard' ? 'hard: nothing starts' : 'warn only',
      ),
      textInput('scope', 'For what', {
        optional: true,
        max: 300,
        placeholder: 'env:production svc:payments tag:pci team:search',
        hint: 'Empty: everything.',
      }),
      select('exempt', 'Change types that it does not stop', ['none', 'emergency', 'standard'], 'none'),
      textInput('message', 'Why', { multiline: true, optional: true, max: 500 }),
    ],
  };
}
