import type { InputBlock, KnownBlock, ModalView, PlainTextOption } from '@slack/types';
import { type Mrkdwn, mrkdwn, plain, section, type View } from './kit.ts';

/** Opens within Slack's three seconds; the real content follows as an update. */
export function skeleton(title: string): ModalView {
  return message(title, mrkdwn`One moment…`);
}

/** A modal that only says something. */
export function message(title: string, text: Mrkdwn): ModalView {
  return {
    type: 'modal',
    callback_id: 'message',
    title: plain(title, 24),
    close: plain('Close', 24),
    blocks: [section(text)],
  };
}

/** An answer shown where the person is looking: in the modal. */
export function answer(title: string, view: View): ModalView {
  return {
    type: 'modal',
    callback_id: 'message',
    title: plain(title, 24),
    close: plain('Close', 24),
    blocks: view.blocks,
  };
}

/** A note for the timeline of a release. */
export function noteForm(number: number): ModalView {
  return {
    type: 'modal',
    callback_id: 'note.v1',
    private_metadata: JSON.stringify({ release: number }),
    title: plain(`Note on REL-${number}`, 24),
    submit: plain('Add note', 24),
    close: plain('Close', 24),
    blocks: [textInput('note', 'Note', { multiline: true, max: 1000 })],
  };
}

export function textInput(
  id: string,
  label: string,
  options: {
    multiline?: boolean;
    max?: number;
    optional?: boolean;
    initial?: string;
    placeholder?: string;
    hint?: string;
  } = {},
): KnownBlock {
  return {
    type: 'input',
    block_id: id,
    label: plain(label, 2000),
    optional: options.optional ?? false,
    ...(options.hint ? { hint: plain(options.hint, 2000) } : {}),
    element: {
      type: 'plain_text_input',
      action_id: 'value',
      multiline: options.multiline ?? false,
      ...(options.max ? { max_length: options.max } : {}),
      ...(options.initial ? { initial_value: options.initial } : {}),
      ...(options.placeholder ? { placeholder: plain(options.placeholder, 150) } : {}),
    },
  };
}

/** One choice of several. */
export function select(
  id: string,
  label: string,
  values: readonly string[],
  initial: string,
  words: (value: string) => string = (value) => value,
): KnownBlock {
  const choice = (value: string): PlainTextOption => ({ text: plain(words(value), 75), value });
  return {
    type: 'input',
    block_id: id,
    label: plain(label, 2000),
    element: {
      type: 'static_select',
      action_id: 'value',
      options: values.map(choice),
      initial_option: choice(initial),
    },
  };
}

/** A service of the catalogue, found by typing. */
export function servicePicker(initial?: PlainTextOption): KnownBlock {
  return {
    type: 'input',
    block_id: 'service',
    label: plain('Service', 2000),
    element: {
      type: 'external_select',
      action_id: 'service.options.v1',
      min_query_length: 0,
      placeholder: plain('Type a service', 150),
      ...(initial ? { initial_option: initial } : {}),
    },
  };
}

/** A time of day, "HH:MM". */
export function timeInput(id: string, label: string, initial: string | undefined): InputBlock {
  return {
    type: 'input',
    block_id: id,
    label: plain(label, 2000),
    element: { type: 'timepicker', action_id: 'value', ...(initial === undefined ? {} : { initial_time: initial }) },
  };
}
