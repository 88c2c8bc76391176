import { App } from '@slack/bolt';
import type { KnownBlock, ModalView } from '@slack/types';
import { createDriver } from '../../sandbox/driver.ts';
import { type Manifest, readManifest } from '../../sandbox/server/manifest.ts';
import { startSandbox } from '../../sandbox/server/server.ts';

/* An unmodified Bolt app that shows every block and answers every element, for looking at the page. */

const root = new URL('../../', import.meta.url).pathname;
const plain = (text: string) => ({ type: 'plain_text' as const, text });
const mrkdwn = (text: string) => ({ type: 'mrkdwn' as const, text });
const option = (value: string, text = value) => ({ text: plain(text), value });
const rich = (text: string) => ({
  type: 'rich_text' as const,
  elements: [{ type: 'rich_text_section' as const, elements: [{ type: 'text' as const, text }] }],
});
const confirm = {
  title: plain('Really?'),
  text: plain('It cannot be taken back.'),
  confirm: plain('Do it'),
  deny: plain('Stop'),
};
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Each kind of block at least once, as @slack/types knows them. */
export const everyBlock: readonly KnownBlock[] = [
  { type: 'header', text: plain('A header') },
  {
    type: 'section',
    text: mrkdwn(
      '*Bold* _italic_ ~gone~ `code` <https://example.com/x|a link> <@U0BEN> <!date^1795600800^{date_short_pretty} {time}|soon>',
    ),
    accessory: {
      type: 'overflow',
      action_id: 'overflow',
      options: [option('one', 'First thing'), option('two', 'Second thing')],
    },
  },
  { type: 'section', fields: [mrkdwn('*Service*\npayments'), mrkdwn('*Version*\n2.14.0')] },
  { type: 'divider' },
  { type: 'context', elements: [mrkdwn('Asked by <@U0ANA>'), { type: 'image', image_url: pixel, alt_text: 'a dot' }] },
  {
    type: 'actions',
    block_id: 'actions',
    elements: [
      { type: 'button', action_id: 'press', text: plain('Press'), style: 'primary' },
      { type: 'button', action_id: 'sure', text: plain('Delete it'), style: 'danger', confirm },
      { type: 'button', action_id: 'form', text: plain('Open the form') },
      {
        type: 'static_select',
        action_id: 'static',
        placeholder: plain('Colour'),
        options: [option('red'), option('green'), option('blue')],
      },
      { type: 'external_select', action_id: 'external', placeholder: plain('Service'), min_query_length: 1 },
      { type: 'users_select', action_id: 'user', placeholder: plain('Person') },
      { type: 'datepicker', action_id: 'date', placeholder: plain('Day') },
      { type: 'checkboxes', action_id: 'boxes', options: [option('a', 'Smoke test'), option('b', 'Backup')] },
      { type: 'radio_buttons', action_id: 'radio', options: [option('yes', 'Yes'), option('no', 'No')] },
    ],
  },
  { type: 'image', image_url: pixel, alt_text: 'A green dot', title: plain('A picture') },
  {
    type: 'rich_text',
    elements: [
      {
        type: 'rich_text_section',
        elements: [
          { type: 'text', text: 'Rich ' },
          { type: 'text', text: 'text', style: { bold: true } },
        ],
      },
      {
        type: 'rich_text_list',
        style: 'bullet',
        elements: [{ type: 'rich_text_section', elements: [{ type: 'user', user_id: 'U0KIM' }] }],
      },
      { type: 'rich_text_quote', elements: [{ type: 'text', text: 'said somebody' }] },
      { type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'make all' }] },
    ],
  },
  { type: 'markdown', text: '## Changes\n\n- one\n- **two**\n\n| a | b |\n|---|---|\n| 1 | 2 |' },
  {
    type: 'table',
    rows: [
      [
        { type: 'raw_text', text: 'Service' },
        { type: 'raw_text', text: 'Votes' },
      ],
      [
        { type: 'raw_text', text: 'payments' },
        { type: 'raw_number', value: 2, text: '2' },
      ],
    ],
  },
  {
    type: 'data_table',
    caption: 'Deployments',
    page_size: 1,
    rows: [
      [
        { type: 'raw_text', text: 'Day' },
        { type: 'raw_text', text: 'Count' },
      ],
      [
        { type: 'raw_text', text: 'Mon' },
        { type: 'raw_number', value: 3, text: '3' },
      ],
      [
        { type: 'raw_text', text: 'Tue' },
        { type: 'raw_number', value: 4, text: '4' },
      ],
    ],
  },
  {
    type: 'card',
    title: mrkdwn('A card'),
    body: mrkdwn('With a body'),
    actions: [{ type: 'button', action_id: 'in_card', text: plain('In the card') }],
  },
  {
    type: 'carousel',
    elements: [
      { type: 'card', title: mrkdwn('One') },
      { type: 'card', title: mrkdwn('Two') },
    ],
  },
  {
    type: 'container',
    title: plain('A container'),
    is_collapsible: true,
    child_blocks: [
      { type: 'section', text: mrkdwn('inside') },
      { type: 'actions', elements: [{ type: 'button', action_id: 'in_container', text: plain('In the container') }] },
    ],
  },
  {
    type: 'plan',
    title: 'The plan',
    tasks: [{ type: 'task_card', task_id: 't1', title: 'Build', status: 'complete' }],
  },
  { type: 'task_card', task_id: 't2', title: 'Deploy', status: 'in_progress', details: rich('half way') },
  {
    type: 'context_actions',
    elements: [
      {
        type: 'feedback_buttons',
        action_id: 'feedback',
        positive_button: { text: plain('Good'), value: 'good' },
        negative_button: { text: plain('Bad'), value: 'bad' },
      },
      { type: 'icon_button', action_id: 'icon', icon: 'trash', text: plain('Remove') },
    ],
  },
  { type: 'file', source: 'remote', external_id: 'elsewhere-1' },
  {
    type: 'video',
    video_url: 'https://example.com/v',
    thumbnail_url: 'https://example.com/t.png',
    alt_text: 'A film',
    title: plain('A film'),
  },
];

export const form: ModalView = {
  type: 'modal',
  callback_id: 'form',
  title: plain('Every input'),
  submit: plain('Send'),
  blocks: [
    { type: 'alert', text: mrkdwn('Mind the step'), level: 'warning' },
    {
      type: 'input',
      block_id: 'name',
      label: plain('Name'),
      hint: plain('At least three letters'),
      element: { type: 'plain_text_input', action_id: 'v', focus_on_load: true },
    },
    {
      type: 'input',
      block_id: 'notes',
      label: plain('Notes'),
      optional: true,
      element: { type: 'plain_text_input', action_id: 'v', multiline: true },
    },
    {
      type: 'input',
      block_id: 'mail',
      label: plain('E-mail'),
      optional: true,
      element: { type: 'email_text_input', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'url',
      label: plain('Link'),
      optional: true,
      element: { type: 'url_text_input', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'count',
      label: plain('Count'),
      optional: true,
      element: { type: 'number_input', action_id: 'v', is_decimal_allowed: false },
    },
    {
      type: 'input',
      block_id: 'colour',
      label: plain('Colour'),
      optional: true,
      element: {
        type: 'static_select',
        action_id: 'v',
        option_groups: [
          { label: plain('Warm'), options: [option('red')] },
          { label: plain('Cold'), options: [option('blue')] },
        ],
      },
    },
    {
      type: 'input',
      block_id: 'colours',
      label: plain('Colours'),
      optional: true,
      element: {
        type: 'multi_static_select',
        action_id: 'v',
        max_selected_items: 2,
        options: [option('red'), option('green'), option('blue')],
      },
    },
    {
      type: 'input',
      block_id: 'service',
      label: plain('Service'),
      optional: true,
      element: { type: 'external_select', action_id: 'service', min_query_length: 1 },
    },
    {
      type: 'input',
      block_id: 'people',
      label: plain('People'),
      optional: true,
      element: { type: 'multi_users_select', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'channel',
      label: plain('Channel'),
      optional: true,
      element: { type: 'channels_select', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'day',
      label: plain('Day'),
      optional: true,
      element: { type: 'datepicker', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'hour',
      label: plain('Time'),
      optional: true,
      element: { type: 'timepicker', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'when',
      label: plain('Moment'),
      optional: true,
      element: { type: 'datetimepicker', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'boxes',
      label: plain('Checks'),
      optional: true,
      element: { type: 'checkboxes', action_id: 'v', options: [option('a', 'Smoke test'), option('b', 'Backup')] },
    },
    {
      type: 'input',
      block_id: 'decision',
      label: plain('Decision'),
      element: {
        type: 'radio_buttons',
        action_id: 'v',
        options: [option('approve', 'Approve'), option('reject', 'Reject')],
      },
    },
    {
      type: 'input',
      block_id: 'rich',
      label: plain('Story'),
      optional: true,
      element: { type: 'rich_text_input', action_id: 'v' },
    },
    {
      type: 'input',
      block_id: 'file',
      label: plain('File'),
      optional: true,
      element: { type: 'file_input', action_id: 'v', max_files: 2 },
    },
    {
      type: 'actions',
      block_id: 'more',
      elements: [{ type: 'button', action_id: 'push', text: plain('Another one on top') }],
    },
  ],
};

type Heard = { readonly what: string; readonly body: Record<string, unknown> };

export async function openGallery() {
  const manifest: Manifest = {
    ...readManifest(`${root}manifest.yml`),
    commands: [
      { command: '/gallery', description: 'Shows every block', usageHint: 'all | vote [who]', escape: false },
      { command: '/poll', description: 'Opens a vote', usageHint: '"question"', escape: false },
    ],
    shortcuts: [
      { name: 'Open the form', type: 'global', callback_id: 'open_form' },
      { name: 'Keep it', type: 'message', callback_id: 'keep' },
    ],
  };
  const sandbox = await startSandbox({
    seedFile: `${root}sandbox/workspace.yml`,
    manifest,
    enforceLimits: false,
  });
  const heard: Heard[] = [];
  const app = new App({
    token: sandbox.world.tokens.bot,
    appToken: sandbox.world.tokens.app,
    socketMode: true,
    clientOptions: { slackApiUrl: `${sandbox.origin}/api/`, retryConfig: { retries: 0 } },
    deferInitialization: true,
  });
  const votes: string[] = [];
  const ballot = (): KnownBlock[] => [
    { type: 'section', text: mrkdwn(`Ship it? *${votes.length} of 2*: ${votes.map((id) => `<@${id}>`).join(' ')}`) },
    { type: 'actions', block_id: 'ballot', elements: [{ type: 'button', action_id: 'vote', text: plain('Approve') }] },
  ];
  app.command('/gallery', async ({ ack, client, command }) => {
    await ack({ text: 'Here it comes' });
    await client.chat.postMessage({ channel: command.channel_id, text: 'Every block', blocks: [...everyBlock] });
  });
  app.command('/poll', async ({ ack, client, command }) => {
    await ack();
    votes.length = 0;
    await client.chat.postMessage({ channel: command.channel_id, text: 'A vote', blocks: ballot() });
  });
  app.action('vote', async ({ ack, body, client }) => {
    await ack();
    if (!votes.includes(body.user.id)) votes.push(body.user.id);
    const { channel, message } = body as unknown as { channel: { id: string }; message: { ts: string } };
    await client.chat.update({ channel: channel.id, ts: message.ts, text: 'A vote', blocks: ballot() });
  });
  app.action('form', async ({ ack, body, client }) => {
    await ack();
    await client.views.open({ trigger_id: (body as { trigger_id: string }).trigger_id, view: form });
  });
  app.action('push', async ({ ack, body, client }) => {
    await ack();
    await client.views.push({
      trigger_id: (body as { trigger_id: string }).trigger_id,
      view: {
        type: 'modal',
        title: plain('On top'),
        blocks: [{ type: 'section', text: mrkdwn('The second of the stack') }],
      },
    });
  });
  app.shortcut(/.*/, async ({ ack, body, client }) => {
    await ack();
    heard.push({ what: String(body.callback_id), body: body as unknown as Record<string, unknown> });
    if (body.callback_id !== 'open_form') return;
    // As apps do that have something to look up first, and leave it to the client where the focus goes.
    const plainForm = JSON.parse(JSON.stringify(form, (key, of) => (key === 'focus_on_load' ? undefined : of)));
    const blocks = [{ type: 'section' as const, text: mrkdwn('One moment…') }];
    const loading = { type: 'modal' as const, title: plain('Loading'), close: plain('Close'), blocks };
    const { view } = await client.views.open({ trigger_id: body.trigger_id, view: loading });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await client.views.update({ view_id: view?.id ?? '', view: plainForm });
  });
  app.options(/.*/, async ({ ack, payload }) => {
    const all = ['payments', 'checkout', 'ledger', 'search'].filter((name) => name.includes(payload.value));
    await ack({ options: all.map((name) => option(name)) });
  });
  app.action(
    /^(press|sure|static|external|user|date|boxes|radio|overflow|in_card|in_container|feedback|icon)$/,
    async ({ ack, action }) => {
      await ack();
      heard.push({
        what: (action as { action_id: string }).action_id,
        body: action as unknown as Record<string, unknown>,
      });
    },
  );
  app.view('form', async ({ ack, view }) => {
    const values = view.state.values as unknown as Record<string, Record<string, Record<string, unknown>>>;
    if (String(values.name?.v?.value ?? '').length < 3)
      return ack({ response_action: 'errors', errors: { name: 'At least three letters, please' } });
    heard.push({ what: 'form', body: values });
    await ack();
  });
  app.event('app_home_opened', async ({ event, client }) => {
    await client.views.publish({
      user_id: event.user,
      view: { type: 'home', blocks: [{ type: 'header', text: plain('Good morning') }] },
    });
  });
  await app.init();
  await app.start();
  return {
    sandbox,
    heard,
    driver: createDriver(sandbox),
    heardOf: (what: string) => heard.filter((one) => one.what === what).map((one) => one.body),
    close: async () => {
      await app.stop();
      await sandbox.close();
    },
  };
}
