import type { Block } from './state.ts';

/*
 * Block Kit as Slack judges it: shapes and limits of the block kit reference. A problem names the place as a JSON pointer,
 * in the words that Slack uses.
 */
export type Surface = 'message' | 'modal' | 'home';
type Json = Record<string, unknown>;
type Check = (value: unknown, at: string, say: Say) => void;
type Say = (what: string, at: string) => void;

const surfaceLimits: Readonly<Record<Surface, number>> = { message: 50, modal: 100, home: 100 };

/** Every problem of these blocks on this surface; none means that Slack would take them. */
export function checkBlocks(
  blocks: unknown,
  surface: Surface,
  open: { readonly inputInMessages?: boolean; readonly blockTextLimit?: number } = {},
): string[] {
  const problems: string[] = [];
  const say: Say = (what, at) => problems.push(`${what} [json-pointer:${at}]`);
  if (!Array.isArray(blocks)) return ['must be an array [json-pointer:/blocks]'];
  if (blocks.length > surfaceLimits[surface]) say(`no more than ${surfaceLimits[surface]} items allowed`, '/blocks');
  const ids = new Set<string>();
  for (const [index, block] of (blocks as Json[]).entries()) {
    const at = `/blocks/${index}`;
    const shape = shapes[String(block?.type)];
    const fits = shape?.surfaces.includes(surface) || (block?.type === 'input' && open.inputInMessages);
    if (!shape || !fits) {
      say(`unsupported type: ${String(block?.type)}${shape ? ` in a ${surface}` : ''}`, `${at}/type`);
      continue;
    }
    checkShape(block, shape, at, say);
    if (block.block_id !== undefined) {
      if (ids.has(String(block.block_id)))
        say(`\`block_id\` ${String(block.block_id)} already exists`, `${at}/block_id`);
      ids.add(String(block.block_id));
    }
  }
  if (countFocus(blocks) > 1) say('only one element may have focus_on_load', '/blocks');
  const markdown = (blocks as Json[]).reduce(
    (sum, one) => sum + (one?.type === 'markdown' ? String(one.text).length : 0),
    0,
  );
  if (markdown > 12_000) say('markdown blocks must be less than 12001 characters together', '/blocks');
  if (surface === 'message' && textLength(blocks) > (open.blockTextLimit ?? 11_000))
    problems.push('msg_blocks_too_long');
  return problems;
}

/** Characters of all text in the blocks: Slack caps the sum. */
export function textLength(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, inner) => sum + textLength(inner), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [key, inner]) => sum + (key === 'text' && typeof inner === 'string' ? inner.length : textLength(inner)),
    0,
  );
}

function countFocus(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [key, one]) => sum + (key === 'focus_on_load' && one === true ? 1 : countFocus(one)),
    0,
  );
}

export function isInput(block: Block): boolean {
  return block.type === 'input';
}

const plain = (most: number): Check => textObject(['plain_text'], most);
const anyText = (most: number): Check => textObject(['plain_text', 'mrkdwn'], most);

function textObject(types: readonly string[], most: number): Check {
  return (value, at, say) => {
    if (!object(value, at, say)) return;
    known(value, ['type', 'text', 'emoji', 'verbatim'], at, say);
    if (!types.includes(String(value.type))) say(`must be one of ${types.join(', ')}`, `${at}/type`);
    text(most)(value.text, `${at}/text`, say);
  };
}

function text(most: number, least = 1): Check {
  return (value, at, say) => {
    if (typeof value !== 'string') return say('must be a string', at);
    if (value.length < least) say('must be more than 0 characters', at);
    if (value.length > most) say(`must be less than ${most + 1} characters`, at);
  };
}

function optional(check: Check): Check {
  return (value, at, say) => {
    if (value !== undefined) check(value, at, say);
  };
}

function oneOf(...values: unknown[]): Check {
  return (value, at, say) => {
    if (!values.includes(value)) say(`must be one of ${values.join(', ')}`, at);
  };
}

const bool: Check = (value, at, say) => {
  if (typeof value !== 'boolean') say('must be a boolean', at);
};
const number: Check = (value, at, say) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) say('must be a number', at);
};

function items(most: number, check: Check, least = 1): Check {
  return (value, at, say) => {
    if (!Array.isArray(value)) return say('must be an array', at);
    if (value.length < least) say(`no fewer than ${least} items allowed`, at);
    if (value.length > most) say(`no more than ${most} items allowed`, at);
    value.forEach((inner, index) => {
      check(inner, `${at}/${index}`, say);
    });
  };
}

function record(fields: Readonly<Record<string, Check>>): Check {
  return (value, at, say) => {
    if (!object(value, at, say)) return;
    known(value, Object.keys(fields), at, say);
    for (const [name, check] of Object.entries(fields)) check(value[name], `${at}/${name}`, say);
  };
}

function object(value: unknown, at: string, say: Say): value is Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return true;
  say(value === undefined ? 'missing required field' : 'must be an object', at);
  return false;
}

function known(value: Json, names: readonly string[], at: string, say: Say): void {
  for (const name of Object.keys(value)) if (!names.includes(name)) say(`additional property: ${name}`, at);
}

const confirm = record({
  title: plain(100),
  text: anyText(300),
  confirm: plain(30),
  deny: plain(30),
  style: optional(oneOf('primary', 'danger')),
});
const option = record({
  text: anyText(75),
  value: text(150),
  description: optional(plain(75)),
  url: optional(text(3000)),
});
const options = (most: number) => items(most, option);
const optionGroup = record({ label: plain(75), options: options(100) });

const actionId = optional(text(255));
const placeholder = optional(plain(150));
const focus = optional(bool);
const dispatch = optional(record({ trigger_actions_on: items(2, oneOf('on_enter_pressed', 'on_character_entered')) }));

const slackFile = record({ id: optional(text(30)), url: optional(text(3000)) });
/** An image from somewhere, or one that was uploaded. */
const picture: Readonly<Record<string, Check>> = {
  image_url: optional(text(3000)),
  slack_file: optional(slackFile),
  alt_text: text(2000),
};
const pictured: Check = (value, at, say) => {
  const { image_url: url, slack_file: file } = value as Json;
  if ((url === undefined) === (file === undefined)) say('provide either image_url or slack_file', at);
};
const imageObject: Check = (value, at, say) => {
  record({ type: oneOf('image'), ...picture })(value, at, say);
  if (typeof value === 'object' && value !== null) pictured(value, at, say);
};

const richStyle = record({
  bold: optional(bool),
  italic: optional(bool),
  strike: optional(bool),
  code: optional(bool),
  underline: optional(bool),
  highlight: optional(bool),
  client_highlight: optional(bool),
  unlink: optional(bool),
});
/** What may stand in a line of rich text, and what each of them needs. */
const richParts: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  text: { text: text(100_000, 1) },
  link: { url: text(3000), text: optional(text(100_000)), unsafe: optional(bool) },
  user: { user_id: text(20) },
  usergroup: { usergroup_id: text(20) },
  team: { team_id: text(20) },
  channel: { channel_id: text(20) },
  emoji: { name: text(100), unicode: optional(text(100)), url: optional(text(3000)) },
  broadcast: { range: oneOf('here', 'channel', 'everyone') },
  color: { value: text(20) },
  date: { timestamp: number, format: text(300), url: optional(text(3000)), fallback: optional(text(300)) },
};
const richPart: Check = (value, at, say) => {
  if (!object(value, at, say)) return;
  const fields = richParts[String(value.type)];
  if (!fields) return say(`unsupported type: ${String(value.type)}`, `${at}/type`);
  record({ type: () => undefined, ...fields, style: optional(richStyle) })(value, at, say);
};
const richSection = record({ type: oneOf('rich_text_section'), elements: items(1_000, richPart, 0) });
const border = optional(number);
const richLines: Readonly<Record<string, Check>> = {
  rich_text_section: richSection,
  rich_text_list: record({
    type: () => undefined,
    style: oneOf('bullet', 'ordered'),
    elements: items(1_000, richSection),
    indent: optional(number),
    offset: optional(number),
    border,
  }),
  rich_text_quote: record({ type: () => undefined, elements: items(1_000, richPart, 0), border }),
  rich_text_preformatted: record({
    type: () => undefined,
    elements: items(1_000, richPart, 0),
    border,
    language: optional(text(40)),
  }),
};
const richLine: Check = (value, at, say) => {
  if (!object(value, at, say)) return;
  const check = richLines[String(value.type)];
  if (check) check(value, at, say);
  else say(`unsupported type: ${String(value.type)}`, `${at}/type`);
};
const richText: Check = record({
  type: oneOf('rich_text'),
  block_id: optional(text(255)),
  elements: items(1_000, richLine, 0),
});

type Element = {
  readonly where: readonly ('actions' | 'accessory' | 'input')[];
  readonly fields: Readonly<Record<string, Check>>;
  readonly also?: Check;
};
const everywhere = ['actions', 'accessory', 'input'] as const;
const pick = (extra: Readonly<Record<string, Check>>): Element => ({
  where: everywhere,
  fields: { action_id: actionId, placeholder, confirm: optional(confirm), focus_on_load: focus, ...extra },
});
const chosenFromOptions: Check = (element, at, say) => {
  const {
    options: own,
    option_groups: groups,
    initial_option: initial,
  } = element as { options?: Json[]; option_groups?: { options: Json[] }[]; initial_option?: Json };
  if (own && groups) say('provide either options or option_groups', at);
  if (!own && !groups) say('missing required field: options', at);
  const all = [...(own ?? []), ...(groups ?? []).flatMap((group) => group.options)];
  if (initial && !all.some((one) => one.value === initial.value))
    say('initial_option must be one of options', `${at}/initial_option`);
};

const conversationFilter = record({
  include: optional(items(4, oneOf('im', 'mpim', 'private', 'public'))),
  exclude_external_shared_channels: optional(bool),
  exclude_bot_users: optional(bool),
});

const oneLine: Element = {
  where: ['input'],
  fields: {
    action_id: actionId,
    initial_value: optional(text(3000)),
    placeholder,
    dispatch_action_config: dispatch,
    focus_on_load: focus,
  },
};

const elements: Readonly<Record<string, Element>> = {
  button: {
    where: ['actions', 'accessory'],
    fields: {
      action_id: actionId,
      text: plain(75),
      value: optional(text(2000, 0)),
      url: optional(text(3000)),
      style: optional(oneOf('primary', 'danger')),
      confirm: optional(confirm),
      accessibility_label: optional(text(75)),
    },
  },
  overflow: {
    where: ['actions', 'accessory'],
    fields: { action_id: actionId, options: options(5), confirm: optional(confirm) },
  },
  image: { where: ['accessory'], fields: picture },
  static_select: {
    ...pick({
      options: optional(options(100)),
      option_groups: optional(items(100, optionGroup)),
      initial_option: optional(option),
    }),
    also: chosenFromOptions,
  },
  multi_static_select: pick({
    options: optional(options(100)),
    option_groups: optional(items(100, optionGroup)),
    initial_options: optional(options(100)),
    max_selected_items: optional(number),
  }),
  external_select: pick({ min_query_length: optional(number), initial_option: optional(option) }),
  multi_external_select: pick({
    min_query_length: optional(number),
    initial_options: optional(options(100)),
    max_selected_items: optional(number),
  }),
  users_select: pick({ initial_user: optional(text(20)) }),
  multi_users_select: pick({ initial_users: optional(items(100, text(20))), max_selected_items: optional(number) }),
  channels_select: pick({ initial_channel: optional(text(20)), response_url_enabled: optional(bool) }),
  conversations_select: pick({
    initial_conversation: optional(text(20)),
    response_url_enabled: optional(bool),
    default_to_current_conversation: optional(bool),
    filter: optional(conversationFilter),
  }),
  datepicker: pick({ initial_date: optional(text(10)) }),
  timepicker: pick({ initial_time: optional(text(5)), timezone: optional(text(60)) }),
  datetimepicker: {
    where: ['actions', 'input'],
    fields: {
      action_id: actionId,
      initial_date_time: optional(number),
      confirm: optional(confirm),
      focus_on_load: focus,
    },
  },
  checkboxes: {
    where: everywhere,
    fields: {
      action_id: actionId,
      options: options(10),
      initial_options: optional(options(10)),
      confirm: optional(confirm),
      focus_on_load: focus,
    },
  },
  radio_buttons: {
    where: everywhere,
    fields: {
      action_id: actionId,
      options: options(10),
      initial_option: optional(option),
      confirm: optional(confirm),
      focus_on_load: focus,
    },
    also: chosenFromOptions,
  },
  plain_text_input: {
    where: ['input'],
    fields: {
      action_id: actionId,
      initial_value: optional(text(3000, 0)),
      multiline: optional(bool),
      min_length: optional(number),
      max_length: optional(number),
      placeholder,
      dispatch_action_config: dispatch,
      focus_on_load: focus,
    },
  },
  email_text_input: oneLine,
  url_text_input: oneLine,
  multi_channels_select: pick({
    initial_channels: optional(items(100, text(20))),
    max_selected_items: optional(number),
  }),
  multi_conversations_select: pick({
    initial_conversations: optional(items(100, text(20))),
    max_selected_items: optional(number),
    default_to_current_conversation: optional(bool),
    filter: optional(conversationFilter),
  }),
  file_input: {
    where: ['input'],
    fields: {
      action_id: actionId,
      filetypes: optional(items(100, text(20))),
      max_files: optional((value, at, say) => {
        number(value, at, say);
        if (Number(value) < 1 || Number(value) > 10) say('must be between 1 and 10', at);
      }),
    },
  },
  rich_text_input: {
    where: ['actions', 'input'],
    fields: {
      action_id: actionId,
      initial_value: optional(richText),
      placeholder,
      dispatch_action_config: dispatch,
      focus_on_load: focus,
      min_lines: optional(number),
      max_lines: optional(number),
    },
  },
  workflow_button: {
    where: ['actions', 'accessory'],
    fields: {
      action_id: actionId,
      text: plain(75),
      workflow: record({
        trigger: record({
          url: text(3000),
          customizable_input_parameters: optional(items(100, record({ name: text(255), value: text(3000) }))),
        }),
      }),
      style: optional(oneOf('primary', 'danger')),
      accessibility_label: optional(text(75)),
      confirm: optional(confirm),
    },
  },
  number_input: {
    where: ['input'],
    fields: {
      action_id: actionId,
      is_decimal_allowed: bool,
      initial_value: optional(text(60)),
      min_value: optional(text(60)),
      max_value: optional(text(60)),
      placeholder,
      dispatch_action_config: dispatch,
      focus_on_load: focus,
    },
  },
};

function element(where: 'actions' | 'accessory' | 'input'): Check {
  return (value, at, say) => {
    if (!object(value, at, say)) return;
    const shape = elements[String(value.type)];
    if (!shape?.where.includes(where)) return say(`unsupported type: ${String(value.type)}`, `${at}/type`);
    known(value, ['type', ...Object.keys(shape.fields)], at, say);
    for (const [name, check] of Object.entries(shape.fields)) check(value[name], `${at}/${name}`, say);
    if (value.type === 'image') pictured(value, at, say);
    shape.also?.(value, at, say);
  };
}

/** What an app answers to an external select. */
export function checkOptions(given: readonly unknown[]): string[] {
  const problems: string[] = [];
  items(100, option, 0)(given, '/options', (what, at) => problems.push(`${what} [json-pointer:${at}]`));
  return problems;
}

/** A block inside another one. */
function inner(types: readonly string[]): Check {
  return (value, at, say) => {
    if (!object(value, at, say)) return;
    const shape = types.includes(String(value.type)) ? shapes[String(value.type)] : undefined;
    if (!shape) return say(`unsupported type: ${String(value.type)}`, `${at}/type`);
    checkShape(value, shape, at, say);
  };
}

function checkShape(block: Json, shape: Shape, at: string, say: Say): void {
  known(block, ['type', 'block_id', ...Object.keys(shape.fields)], at, say);
  for (const [name, check] of Object.entries(shape.fields)) check(block[name], `${at}/${name}`, say);
  shape.also?.(block, at, say);
  if (block.block_id !== undefined) text(255)(block.block_id, `${at}/block_id`, say);
}

const contextElement: Check = (value, at, say) => {
  if (!object(value, at, say)) return;
  if (value.type === 'image') return imageObject(value, at, say);
  anyText(2000)(value, at, say);
};

type Shape = {
  readonly surfaces: readonly Surface[];
  readonly fields: Readonly<Record<string, Check>>;
  readonly also?: (block: Json, at: string, say: Say) => void;
};
const all: readonly Surface[] = ['message', 'modal', 'home'];

const cell: Check = (value, at, say) => {
  if (!object(value, at, say)) return;
  if (value.type === 'rich_text') return richText(value, at, say);
  if (value.type === 'raw_number')
    return record({ type: () => undefined, value: number, text: text(2000) })(value, at, say);
  record({ type: oneOf('raw_text'), text: text(2000, 0) })(value, at, say);
};
const feedback = record({ text: plain(75), accessibility_label: optional(text(75)), value: text(2000) });
const contextAction: Check = (value, at, say) => {
  if (!object(value, at, say)) return;
  if (value.type === 'feedback_buttons')
    return record({
      type: () => undefined,
      action_id: actionId,
      positive_button: feedback,
      negative_button: feedback,
    })(value, at, say);
  record({
    type: oneOf('icon_button'),
    action_id: actionId,
    icon: oneOf('trash'),
    text: plain(75),
    accessibility_label: optional(text(75)),
    value: optional(text(2000)),
    visible_to_user_ids: optional(items(10, text(20))),
    confirm: optional(confirm),
  })(value, at, say);
};
const card: Readonly<Record<string, Check>> = {
  hero_image: optional(imageObject),
  icon: optional(imageObject),
  title: optional(anyText(150)),
  subtitle: optional(anyText(150)),
  body: optional(anyText(200)),
  actions: optional(items(5, element('actions'))),
};
const taskCard: Readonly<Record<string, Check>> = {
  task_id: text(255),
  title: text(256),
  details: optional(richText),
  output: optional(richText),
  sources: optional(items(20, record({ type: oneOf('url'), url: text(3000), text: text(300) }))),
  status: oneOf('pending', 'in_progress', 'complete', 'error'),
};
const children = [
  ...['actions', 'context', 'divider', 'file', 'header', 'image', 'input'],
  ...['rich_text', 'section', 'table', 'video'],
];

const shapes: Readonly<Record<string, Shape>> = {
  section: {
    surfaces: all,
    fields: {
      text: optional(anyText(3000)),
      fields: optional(items(10, anyText(2000))),
      accessory: optional(element('accessory')),
      expand: optional(bool),
    },
    also: (block, at, say) => {
      if (block.text === undefined && block.fields === undefined) say('missing required field: text or fields', at);
    },
  },
  header: { surfaces: all, fields: { text: plain(150) } },
  divider: { surfaces: all, fields: {} },
  context: { surfaces: all, fields: { elements: items(10, contextElement) } },
  actions: {
    surfaces: all,
    fields: { elements: items(25, element('actions')) },
    also: (block, at, say) => {
      const ids = (Array.isArray(block.elements) ? block.elements : [])
        .map((one: Json) => one?.action_id)
        .filter((id) => id !== undefined);
      if (new Set(ids).size < ids.length) say('`action_id` already exists', `${at}/elements`);
    },
  },
  image: { surfaces: all, fields: { ...picture, title: optional(plain(2000)) }, also: pictured },
  input: {
    surfaces: ['modal', 'home'],
    also: (block, at, say) => {
      const type = (block.element as Json | undefined)?.type;
      if (type === 'file_input' && block.dispatch_action === true) say('file_input dispatches no action', at);
    },
    fields: {
      label: plain(2000),
      element: element('input'),
      hint: optional(plain(2000)),
      optional: optional(bool),
      dispatch_action: optional(bool),
    },
  },
  rich_text: { surfaces: all, fields: { elements: items(1_000, richLine, 0) } },
  context_actions: { surfaces: ['message'], fields: { elements: items(5, contextAction) } },
  table: {
    surfaces: ['message'],
    fields: {
      rows: items(100, items(20, cell, 0)),
      column_settings: optional(
        items(
          20,
          (value, at, say) => {
            if (value !== null)
              record({ align: optional(oneOf('left', 'center', 'right')), is_wrapped: optional(bool) })(value, at, say);
          },
          0,
        ),
      ),
    },
  },
  data_table: {
    surfaces: ['message'],
    fields: {
      rows: items(101, items(20, cell), 2),
      caption: text(2000),
      page_size: optional((value, at, say) => {
        number(value, at, say);
        if (Number(value) < 1 || Number(value) > 100) say('must be between 1 and 100', at);
      }),
      row_header_column_index: optional(number),
    },
    also: (block, at, say) => {
      const [header] = (Array.isArray(block.rows) ? block.rows : []) as Json[][];
      if (Array.isArray(header) && header.some((one) => one?.type === 'rich_text'))
        say('header cells must not be rich_text', `${at}/rows/0`);
    },
  },
  card: {
    surfaces: ['message'],
    fields: card,
    also: (block, at, say) => {
      if (!['hero_image', 'title', 'actions', 'body'].some((name) => block[name] !== undefined))
        say('missing required field: hero_image, title, actions or body', at);
    },
  },
  carousel: { surfaces: ['message'], fields: { elements: items(10, inner(['card'])) } },
  container: {
    surfaces: ['message'],
    fields: {
      title: optional(plain(150)),
      rich_text_title: optional(richText),
      subtitle: optional(anyText(150)),
      child_blocks: items(10, inner(children)),
      width: optional(oneOf('narrow', 'standard', 'wide', 'full')),
      icon: optional(imageObject),
      is_collapsible: optional(bool),
      default_collapsed: optional(bool),
      has_header_divider: optional(bool),
    },
  },
  task_card: { surfaces: ['message'], fields: taskCard },
  plan: { surfaces: ['message'], fields: { title: text(256), tasks: optional(items(50, inner(['task_card']))) } },
  file: { surfaces: ['message'], fields: { source: oneOf('remote'), external_id: text(255) } },
  video: {
    surfaces: all,
    fields: {
      video_url: text(3000),
      thumbnail_url: text(3000),
      alt_text: text(2000),
      title: plain(199),
      title_url: optional(text(3000)),
      author_name: optional(text(49)),
      provider_name: optional(text(199)),
      provider_icon_url: optional(text(3000)),
      description: optional(plain(199)),
    },
  },
  markdown: { surfaces: ['message'], fields: { text: text(12_000) } },
  alert: {
    surfaces: ['modal'],
    fields: { text: anyText(200), level: optional(oneOf('default', 'info', 'warning', 'error', 'success')) },
  },
};

/** A whole view: its own limits and its blocks. */
export function checkView(view: unknown): string[] {
  const problems: string[] = [];
  const say: Say = (what, at) => problems.push(`${what} [json-pointer:${at}]`);
  if (!object(view, '/view', say)) return problems;
  const modal = view.type === 'modal';
  if (!modal && view.type !== 'home') return ['must be one of modal, home [json-pointer:/view/type]'];
  const fields: Record<string, Check> = {
    type: oneOf('modal', 'home'),
    blocks: () => undefined,
    callback_id: optional(text(255, 0)),
    private_metadata: optional(text(3000, 0)),
    external_id: optional(text(255, 0)),
    ...(modal
      ? {
          title: plain(24),
          submit: optional(plain(24)),
          close: optional(plain(24)),
          clear_on_close: optional(bool),
          notify_on_close: optional(bool),
          submit_disabled: optional(bool),
        }
      : {}),
  };
  known(view, Object.keys(fields), '/view', say);
  for (const [name, check] of Object.entries(fields)) check(view[name], `/view/${name}`, say);
  problems.push(
    ...checkBlocks(view.blocks, modal ? 'modal' : 'home').map((problem) =>
      problem.replace('json-pointer:/', 'json-pointer:/view/'),
    ),
  );
  const blocks = Array.isArray(view.blocks) ? (view.blocks as Block[]) : [];
  if (modal && blocks.some(isInput) && view.submit === undefined) say('missing required field: submit', '/view/submit');
  return problems;
}
