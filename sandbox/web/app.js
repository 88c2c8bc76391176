/* The page of the local workspace: pick a person, read, type, press, fill in. Everything people typed is set as text. */
const $ = (id) => document.getElementById(id);
const post = (what, body) =>
  fetch(`/_control/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).then(async (r) => {
    const answer = await r.json();
    if (!r.ok) $('hint').textContent = `That did not work: ${answer.detail || answer.error || r.status}`;
    return answer;
  });

let state;
// A permalink names a channel and a message in it.
let [channel, wanted] = (location.hash.slice(1) || 'C0RELEASES').split('/');
let me = localStorage.getItem('me') || 'U0ANA';
const read = JSON.parse(localStorage.getItem('read') || '{}');
let drawnModal = '';
/** The message whose menu is open: it stays open when the list is drawn anew. */
let openTools = '';

/** The emoji that this page offers and can draw; any other is shown by its name. */
const emoji = {
  eyes: '👀',
  '+1': '👍',
  white_check_mark: '✅',
  rotating_light: '🚨',
  pushpin: '📌',
  rocket: '🚀',
  warning: '⚠️',
  tada: '🎉',
  x: '❌',
};

async function load() {
  state = await (await fetch(`/_control/state?as=${me}`)).json();
  draw();
}

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key === 'class') node.className = value;
    else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== ''));
  return node;
}

function user(id) {
  return state.users.find((one) => one.id === id) || { id, name: id, real_name: id, tz: 'UTC' };
}

function draw() {
  const person = user(me);
  $('team').textContent = state.team.name;
  $('about').textContent = `${person.title || ''} · ${person.tz}`;
  $('link').textContent = state.connected ? '' : '⚠ the app is not connected';
  if ($('me').options.length !== state.users.length - 1)
    $('me').replaceChildren(
      ...state.users.filter((one) => !one.is_bot).map((one) => el('option', { value: one.id }, one.real_name)),
    );
  $('me').value = me;
  drawClock();
  if (channel === 'home') return drawHome();
  const own =
    state.channels.find((one) => one.id === channel) ||
    state.channels.find((one) => one.name === 'releases') ||
    state.channels[0];
  if (own) drawChannel(own);
  drawChannels(own);
  drawModal();
}

function drawClock() {
  $('clock').textContent = new Date(state.now).toLocaleString('en-GB', {
    timeZone: user(me).tz,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
}

function channelName(one) {
  if (one.is_im) return one.user === me ? 'Maitred (direct message)' : '';
  return `${one.is_private ? '🔒' : '#'} ${one.name}`;
}

function spokenName(one) {
  const kind = [one.is_archived ? 'archived' : '', one.is_private && !one.is_im ? 'private' : ''].filter(Boolean);
  return kind.length > 0 ? `${one.name}, ${kind.join(' ')} channel` : undefined;
}

function drawChannels(own) {
  const mine = state.channels
    .filter((one) => (one.is_im ? one.user === me : true))
    .sort((a, b) => Number(a.is_archived) - Number(b.is_archived));
  const home = el(
    'button',
    { type: 'button', 'aria-current': channel === 'home' ? 'true' : undefined, onclick: () => go('home') },
    '⌂ Home',
  );
  $('channels').replaceChildren(
    el('li', {}, home),
    ...mine.map((one) => {
      const last = one.messages.at(-1)?.ts || '0';
      const unread = !one.is_archived && one.id !== own?.id && Number(last) > Number(read[`${me}:${one.id}`] || 0);
      return el(
        'li',
        {},
        el(
          'button',
          {
            type: 'button',
            class: `${unread ? 'unread' : ''} ${one.is_archived ? 'archived' : ''}`,
            'aria-label': spokenName(one),
            'aria-current': one.id === own?.id ? 'true' : undefined,
            onclick: () => go(one.id),
          },
          `${channelName(one)}${unread ? ' •' : ''}`,
        ),
      );
    }),
  );
}

/** The app's Home tab, as it was last published for this person. */
function drawHome() {
  $('name').textContent = `${state.app?.name || 'App'} · Home`;
  $('topic').textContent = '';
  $('welcome').textContent = '';
  drawHead();
  drawChannels();
  const stamp = JSON.stringify([me, 'home', state.home]);
  if ($('messages').dataset.stamp === stamp) return;
  $('messages').dataset.stamp = stamp;
  const view = state.home;
  $('messages').replaceChildren(
    el('li', {}, view ? drawBlocks(view.blocks, { view: view.id }, view) : 'Nothing is here yet.'),
  );
}

function go(link) {
  const [id, ts] = link.split('/');
  if (id === 'home') void post('home', { as: me });
  if (id !== channel) $('line').value = '';
  channel = id;
  wanted = ts;
  openTools = '';
  $('menu').open = false;
  location.hash = link;
  $('messages').dataset.stamp = '';
  draw();
}

function drawChannel(own) {
  read[`${me}:${own.id}`] = own.messages.at(-1)?.ts || '0';
  localStorage.setItem('read', JSON.stringify(read));
  $('name').textContent = channelName(own);
  $('topic').textContent = own.topic;
  drawHead(own);
  const stamp = JSON.stringify([me, own.id, own.messages, own.pins, own.is_archived]);
  if ($('messages').dataset.stamp === stamp) return;
  const list = $('messages');
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const atEnd = list.dataset.stamp === '' || list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.dataset.stamp = stamp;
  $('welcome').textContent =
    own.name === 'releases' && own.messages.length === 0
      ? 'Welcome. Book a release slot: type  /release new payments@2.14.0 tomorrow 14:00 for 45m  below. Then become Ben (SRE) and Kim (Product) to approve it.'
      : '';
  const roots = own.messages.filter((message) => !message.thread_ts || message.thread_ts === message.ts);
  list.replaceChildren(
    ...roots.map((message) => {
      const replies = own.messages.filter((one) => one.thread_ts === message.ts && one.ts !== message.ts);
      return el(
        'li',
        { class: message.ephemeral_to ? 'ephemeral' : '', id: `m-${message.ts}` },
        drawMessage(own, message),
        replies.length > 0
          ? el('ol', {}, ...replies.map((one) => el('li', { id: `m-${one.ts}` }, drawMessage(own, one))))
          : undefined,
      );
    }),
  );
  if (atEnd) list.scrollTop = list.scrollHeight;
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  const target = wanted && document.getElementById(`m-${wanted}`);
  if (target) {
    target.classList.add('wanted');
    target.scrollIntoView({ block: 'center' });
    wanted = undefined;
  }
}

/** Topic, bookmarks, pins and the channel's menu; without a channel, none of them. */
function drawHead(own) {
  $('bookmarks').replaceChildren(
    ...(own?.bookmarks || []).map((one) =>
      el(
        'li',
        {},
        /^https?:/.test(one.link)
          ? el('a', { href: one.link, rel: 'noreferrer', target: '_blank' }, `🔖 ${one.title}`)
          : one.title,
      ),
    ),
  );
  const pins = own ? own.messages.filter((message) => own.pins.includes(message.ts)) : [];
  $('pins').hidden = pins.length === 0;
  $('pins').textContent = `📌 ${pins.length} pinned`;
  $('pins').onclick = () => showPins(own, pins);
  if ($('pinned').open) showPins(own, pins);
  $('composer').hidden = !own || own.is_archived;
  $('closed').hidden = !own?.is_archived;
  $('closed').textContent = own?.is_archived
    ? `#${own.name} is archived. It can be read, and nothing more is said in it until somebody brings it back.`
    : '';
  document.querySelector('.channel').classList.toggle('over', own?.is_archived === true);
  const choices = own ? channelChoices(own) : [];
  $('menu').hidden = choices.length === 0;
  $('choices').replaceChildren(
    ...choices.map(([label, act]) =>
      el(
        'button',
        {
          type: 'button',
          onclick: () => {
            $('menu').open = false;
            void act();
          },
        },
        label,
      ),
    ),
  );
}

function channelChoices(own) {
  const act = (what, body = {}) => post(what, { as: me, channel: own.id, ...body });
  if (own.is_im) return [];
  if (own.is_archived) return [['Unarchive', () => act('unarchives')]];
  if (!own.members.includes(me)) return [['Join', () => act('joins')]];
  const choices = [
    [
      'Invite somebody…',
      async () => {
        const name = await ask('Invite to this channel', 'Name, as in a mention', '');
        const found = state.users.find((one) => one.name === name?.replace(/^@/, ''));
        if (found) await act('invites', { users: [found.id] });
        else if (name) $('hint').textContent = `There is nobody called ${name}.`;
      },
    ],
    [
      'Rename…',
      async () => {
        const name = await ask('Rename this channel', 'Name', own.name);
        if (name && name !== own.name) await act('renames', { name });
      },
    ],
  ];
  if (!own.is_general)
    choices.push(
      ['Leave', () => act('leaves')],
      [
        'Archive…',
        async () => {
          const say = (text) => ({ type: 'plain_text', text });
          const confirm = {
            title: say(`Archive #${own.name}?`),
            text: say('Everybody can still read it, but nothing more is said in it.'),
            confirm: say('Archive'),
            deny: say('Cancel'),
          };
          if (await sure(confirm)) await act('archives');
        },
      ],
    );
  return choices;
}

function showPins(own, pins) {
  const dialog = $('pinned');
  dialog.replaceChildren(
    el(
      'div',
      { class: 'in' },
      el('h2', { id: 'pinned-title' }, `Pinned in ${own?.name || ''}`),
      el(
        'ul',
        { class: 'pinned' },
        ...pins.map((message) =>
          el(
            'li',
            {},
            el('span', { class: 'who' }, user(message.user).real_name),
            el('div', { class: 'text' }, rich(message.text)),
            el(
              'button',
              {
                type: 'button',
                onclick: () => {
                  dialog.close();
                  go(`${own.id}/${message.ts}`);
                },
              },
              'Go to the message',
            ),
          ),
        ),
      ),
      el(
        'div',
        { class: 'foot' },
        el('button', { type: 'button', class: 'primary', onclick: () => dialog.close() }, 'Close'),
      ),
    ),
  );
  if (!dialog.open) dialog.showModal();
}

function drawMessage(own, message) {
  const time = new Date(Number(message.ts) * 1000).toLocaleTimeString('en-GB', {
    timeZone: user(me).tz,
    hour: '2-digit',
    minute: '2-digit',
  });
  if (message.subtype && message.subtype !== 'file_share')
    return el('div', { class: 'system' }, rich(message.text), ` · ${time}`);
  const place = { channel: own.id, ts: message.ts };
  return el(
    'div',
    {},
    el('span', { class: 'who' }, user(message.user).real_name),
    el('span', { class: 'muted' }, time, message.edited ? ' (edited)' : '', own.pins.includes(message.ts) ? ' 📌' : ''),
    message.ephemeral_to ? el('div', { class: 'muted' }, 'Only visible to you') : undefined,
    message.ephemeral_to ? undefined : drawTools(own, message),
    message.blocks?.length ? drawBlocks(message.blocks, place) : el('div', { class: 'text' }, rich(message.text)),
    message.files ? el('ul', { class: 'files' }, ...message.files.map((file) => el('li', {}, drawFile(file)))) : '',
    message.reactions ? drawReactions(own, message) : '',
  );
}

function drawFile(file) {
  if (file.mode === 'tombstone') return el('span', { class: 'muted' }, 'This file was deleted.');
  // The path alone: the page may be open under another name of this machine.
  const path = (url) => `${new URL(url).pathname}?as=${me}`;
  return el(
    'span',
    {},
    '📄 ',
    el('a', { href: path(file.url_private), target: '_blank', rel: 'noopener' }, file.title),
    el('span', { class: 'muted' }, ` ${file.pretty_type}, ${size(file.size)} `),
    el('a', { href: path(file.url_private_download), 'aria-label': `Download ${file.title}` }, 'Download'),
    file.mimetype.startsWith('image/')
      ? el('img', { src: path(file.url_private), alt: file.alt_txt ?? file.title })
      : '',
  );
}

function size(bytes) {
  return bytes < 1_000 ? `${bytes} bytes` : `${Math.round(bytes / 100) / 10} kB`;
}

function drawReactions(own, message) {
  return el(
    'div',
    { class: 'reactions', role: 'group', 'aria-label': 'Reactions' },
    ...message.reactions.map((one) => {
      const mine = one.users.includes(me);
      const who = one.users.map((id) => user(id).real_name).join(', ');
      return el(
        'button',
        {
          type: 'button',
          'aria-pressed': String(mine),
          'aria-label': `${one.name}, ${one.count}: ${who}`,
          title: who,
          'data-key': `${message.ts}:${one.name}`,
          disabled: own.is_archived,
          onclick: () =>
            post(mine ? 'unreacts' : 'reacts', { as: me, channel: own.id, ts: message.ts, name: one.name }),
        },
        `${emoji[one.name] || `:${one.name}:`} ${one.count}`,
      );
    }),
  );
}

/** What can be done with a message: seen on hover, reached with the keyboard, made when it is opened. */
function drawTools(own, message) {
  const choices = el('div', { class: 'choices' });
  const key = `${message.ts}:tools`;
  const tools = el(
    'details',
    {
      class: 'tools',
      ontoggle: () => {
        if (tools.open) {
          openTools = message.ts;
          choices.replaceChildren(...messageChoices(own, message));
          choices.scrollIntoView({ block: 'nearest' });
        } else if (openTools === message.ts) openTools = '';
      },
      onkeydown: (event) => {
        if (event.key !== 'Escape') return;
        tools.open = false;
        tools.querySelector('summary').focus();
      },
    },
    el('summary', { 'data-key': key, 'aria-label': `Actions for the message of ${user(message.user).real_name}` }, '⋯'),
    choices,
  );
  if (openTools === message.ts) tools.open = true;
  return tools;
}

function messageChoices(own, message) {
  const at = { as: me, channel: own.id, ts: message.ts };
  const button = (label, act, props = {}) =>
    el(
      'button',
      {
        type: 'button',
        onclick: () => {
          openTools = '';
          for (const open of document.querySelectorAll('.tools[open]')) open.open = false;
          void act();
        },
        ...props,
      },
      label,
    );
  const shortcuts = state.shortcuts
    .filter((one) => one.type === 'message')
    .map((one) =>
      button(`⚡ ${one.name}`, () =>
        post('shortcut', { as: me, callbackId: one.callback_id, place: { channel: own.id, ts: message.ts } }),
      ),
    );
  if (own.is_archived || !own.members.includes(me)) return shortcuts;
  const mine = (name) => message.reactions?.some((one) => one.name === name && one.users.includes(me));
  const pinned = own.pins.includes(message.ts);
  const choices = [
    el(
      'div',
      { class: 'row', role: 'group', 'aria-label': 'React' },
      ...Object.entries(emoji).map(([name, shown]) =>
        button(shown, () => post(mine(name) ? 'unreacts' : 'reacts', { ...at, name }), {
          'aria-label': `React with ${name.replaceAll('_', ' ')}`,
          title: `:${name}:`,
        }),
      ),
    ),
    button('Reply in thread…', async () => {
      const text = await ask('Reply in thread', 'Message', '');
      if (text) await post('types', { as: me, channel: own.id, text, thread: message.thread_ts || message.ts });
    }),
    button(pinned ? 'Unpin' : 'Pin to channel', () => post(pinned ? 'unpins' : 'pins', at)),
    ...shortcuts,
  ];
  if (message.user === me)
    choices.push(
      button('Edit…', async () => {
        const text = await ask('Edit the message', 'Message', plain(message.text));
        if (text && text !== message.text) await post('edits', { ...at, text });
      }),
      button('Delete…', async () => {
        const say = (text) => ({ type: 'plain_text', text });
        const confirm = {
          title: say('Delete this message?'),
          text: say('It goes for everybody, and does not come back.'),
          confirm: say('Delete'),
          deny: say('Cancel'),
        };
        if (await sure(confirm)) await post('deletes', at);
      }),
    );
  return choices;
}

function drawBlocks(blocks, place, view) {
  return el('div', { class: 'blocks' }, ...blocks.map((block) => drawBlock(block, place, view)));
}

function drawBlock(block, place, view) {
  switch (block.type) {
    case 'header':
      return el('h2', {}, block.text.text);
    case 'divider':
      return el('hr');
    case 'section':
      return el(
        'div',
        { class: 'sec' },
        el(
          'div',
          {},
          block.text ? text(block.text) : '',
          block.fields
            ? el('div', { class: 'fields' }, ...block.fields.map((field) => el('div', { class: 'text' }, text(field))))
            : '',
        ),
        block.accessory ? drawElement(block.accessory, block, place) : undefined,
      );
    case 'context':
      return el(
        'div',
        { class: 'ctx' },
        ...block.elements.map((one) => el('span', {}, one.type === 'image' ? one.alt_text : text(one))),
      );
    case 'actions':
      return el('div', { class: 'row' }, ...block.elements.map((one) => drawElement(one, block, place)));
    case 'alert':
      return el('div', { class: 'alert', role: 'note' }, text(block.text));
    case 'image':
      return el('img', { src: block.image_url, alt: block.alt_text });
    case 'input':
      return drawInput(block, view);
    default:
      return el('div', { class: 'unknown' }, `This page cannot show a ${block.type} block yet.`);
  }
}

function drawElement(one, block, place) {
  if (one.type !== 'button') return el('div', { class: 'unknown' }, `This page cannot show a ${one.type} here yet.`);
  const press = async (event) => {
    if (one.confirm && !(await sure(one.confirm))) return;
    const target = event.target;
    target.disabled = true;
    await post('clicks', { as: me, place, blockId: block.block_id, actionId: one.action_id });
    target.disabled = false;
  };
  return el('button', { type: 'button', class: one.style || '', onclick: press }, one.text.text);
}

function sure(confirm) {
  return new Promise((resolve) => {
    const dialog = $('sure');
    const done = (answer) => {
      dialog.close();
      resolve(answer);
    };
    dialog.replaceChildren(
      el(
        'div',
        { class: 'in' },
        el('h2', { id: 'sure-title' }, confirm.title.text),
        el('div', {}, text(confirm.text)),
        el(
          'div',
          { class: 'foot' },
          el('button', { type: 'button', onclick: () => done(false) }, confirm.deny.text),
          el('button', { type: 'button', class: 'primary', onclick: () => done(true) }, confirm.confirm.text),
        ),
      ),
    );
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}

/** Asks for one line of text; null when there is none. */
function ask(title, label, value) {
  return new Promise((resolve) => {
    const dialog = $('sure');
    const done = (answer) => {
      dialog.close();
      resolve(answer);
    };
    const input = el('input', { id: 'asked', value, autocomplete: 'off' });
    dialog.replaceChildren(
      el(
        'form',
        {
          onsubmit: (event) => {
            event.preventDefault();
            done(input.value.trim() || null);
          },
        },
        el('h2', { id: 'sure-title' }, title),
        el('div', {}, el('label', { for: 'asked' }, label), input),
        el(
          'div',
          { class: 'foot' },
          el('button', { type: 'button', onclick: () => done(null) }, 'Cancel'),
          el('button', { type: 'submit', class: 'primary' }, 'OK'),
        ),
      ),
    );
    dialog.oncancel = () => resolve(null);
    dialog.showModal();
    input.focus();
  });
}

function drawModal() {
  const dialog = $('modal');
  const view = state.views.filter((one) => one.type === 'modal').at(-1);
  if (!view) {
    if (dialog.open) dialog.close();
    drawnModal = '';
    return;
  }
  const stamp = `${view.id}:${view.hash}:${JSON.stringify(view.errors)}`;
  if (stamp === drawnModal) return;
  const focused = dialog.contains(document.activeElement) ? document.activeElement.id : '';
  drawnModal = stamp;
  const close = () => post('closes', { as: me, view: view.id });
  const form = el(
    'form',
    {
      onsubmit: async (event) => {
        event.preventDefault();
        await sent;
        await post('submits', { as: me, view: view.id });
        await load();
      },
    },
    el('h2', { id: 'modal-title' }, view.title?.text || ''),
    drawBlocks(view.blocks, { view: view.id }, view),
    view.errors[''] ? el('div', { class: 'err', role: 'alert' }, view.errors['']) : undefined,
    el(
      'div',
      { class: 'foot' },
      el('button', { type: 'button', onclick: close }, view.close?.text || 'Cancel'),
      view.submit ? el('button', { type: 'submit', class: 'primary' }, view.submit.text) : undefined,
    ),
  );
  dialog.replaceChildren(form);
  dialog.oncancel = (event) => {
    event.preventDefault();
    void close();
  };
  if (!dialog.open) dialog.showModal();
  const bad = dialog.querySelector('.err')?.parentElement;
  if (bad) (bad.querySelector('input, select, textarea') || bad).focus();
  else if (shown !== view.hash) dialog.scrollTop = 0;
  else if (focused) document.getElementById(focused)?.focus();
  shown = view.hash;
}

let shown = '';
let sent = Promise.resolve();

function drawInput(block, view) {
  const element = block.element;
  const value = Object.values(view.values[block.block_id] || {})[0] || {};
  const id = `in-${block.block_id}`;
  const put = (change) => {
    sent = sent.then(() => post('fills', { view: view.id, blockId: block.block_id, value: change }));
  };
  const error = view.errors[block.block_id];
  const label = `${block.label.text}${block.optional ? ' (optional)' : ''}`;
  const below = [
    block.hint ? el('div', { class: 'muted' }, block.hint.text) : undefined,
    error ? el('div', { class: 'err', role: 'alert' }, error) : undefined,
  ];
  if (element.type === 'radio_buttons' || element.type === 'checkboxes') {
    const many = element.type === 'checkboxes';
    const chosen = many ? (value.selected_options || []).map((one) => one.value) : [value.selected_option?.value];
    return el(
      'fieldset',
      {},
      el('legend', {}, label),
      ...element.options.map((one) =>
        el(
          'label',
          {},
          el('input', {
            type: many ? 'checkbox' : 'radio',
            name: id,
            checked: chosen.includes(one.value),
            onchange: (event) => {
              if (!many) return put({ selected_option: one });
              const all = [...event.target.closest('fieldset').querySelectorAll('input')];
              put({ selected_options: element.options.filter((_one, index) => all[index].checked) });
            },
          }),
          ` ${one.text.text}`,
        ),
      ),
      ...below,
    );
  }
  return el('div', {}, el('label', { for: id }, label), control(element, value, id, put, block, view), ...below);
}

function control(element, value, id, put, block, view) {
  switch (element.type) {
    case 'plain_text_input': {
      const set = (event) => put({ value: event.target.value || null });
      const common = { id, placeholder: element.placeholder?.text, maxlength: element.max_length, onchange: set };
      if (element.multiline) return el('textarea', { ...common, rows: 3 }, value.value || '');
      return el('input', { ...common, value: value.value || '' });
    }
    case 'static_select':
      return el(
        'select',
        { id, onchange: (event) => put({ selected_option: element.options[event.target.selectedIndex] }) },
        ...element.options.map((one) =>
          el('option', { value: one.value, selected: one.value === value.selected_option?.value }, one.text.text),
        ),
      );
    case 'external_select': {
      const options = el('datalist', { id: `${id}-options` });
      let found = [];
      const search = async (typed) => {
        found = (await post('searches', { as: me, view: view.id, blockId: block.block_id, text: typed })).options;
        options.replaceChildren(...found.map((one) => el('option', { value: one.text.text })));
      };
      const pick = async (event) => {
        const typed = event.target.value;
        await search(typed);
        put({ selected_option: found.find((one) => one.text.text === typed) || null });
      };
      return el(
        'div',
        {},
        el('input', {
          id,
          list: `${id}-options`,
          value: value.selected_option?.text.text || '',
          placeholder: element.placeholder?.text,
          autocomplete: 'off',
          onfocus: () => search(''),
          oninput: (event) => search(event.target.value),
          onchange: (event) => (sent = sent.then(() => pick(event))),
        }),
        options,
      );
    }
    case 'users_select':
      return el(
        'select',
        { id, onchange: (event) => put({ selected_user: event.target.value || null }) },
        el('option', { value: '', selected: !value.selected_user }, '—'),
        ...state.users
          .filter((one) => !one.is_bot && !one.deleted)
          .map((one) => el('option', { value: one.id, selected: one.id === value.selected_user }, one.real_name)),
      );
    case 'timepicker':
      return el('input', {
        id,
        type: 'time',
        value: value.selected_time || '',
        onchange: (event) => put({ selected_time: event.target.value || null }),
      });
    case 'datetimepicker':
      return el('input', {
        id,
        type: 'datetime-local',
        value: value.selected_date_time ? toWall(value.selected_date_time * 1000) : '',
        onchange: (event) =>
          put({ selected_date_time: event.target.value ? fromWall(event.target.value) / 1000 : null }),
      });
    default:
      return el('div', { class: 'unknown' }, `This page cannot show a ${element.type} yet.`);
  }
}

/** What a clock on the wall of the person's zone shows, for a datetime-local input. */
function toWall(at) {
  return new Date(at)
    .toLocaleString('sv-SE', { timeZone: user(me).tz })
    .replace(' ', 'T')
    .slice(0, 16);
}

function fromWall(wall) {
  let at = Date.parse(`${wall}:00Z`);
  for (let tries = 0; tries < 3; tries++) at += Date.parse(`${wall}:00Z`) - Date.parse(`${toWall(at)}:00Z`);
  return at;
}

function text(object) {
  return object.type === 'mrkdwn' ? rich(object.text) : document.createTextNode(object.text);
}

/** mrkdwn as nodes: mentions, dates, links (http, https, mailto only), bold, italic, strike, code and blocks of it. */
function rich(source) {
  const out = document.createDocumentFragment();
  const token =
    /```\n?([\s\S]*?)\n?```\n?|<([^>]+)>|`([^`\n]+)`|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<!\w)_([^_\n]+)_(?!\w)|(?<!\w)~([^~\n]+)~(?!\w)/g;
  let from = 0;
  for (const match of source.matchAll(token)) {
    out.append(plain(source.slice(from, match.index)));
    from = match.index + match[0].length;
    const [, block, inside, code, bold, italic, strike] = match;
    if (block !== undefined) out.append(el('pre', {}, plain(block)));
    else if (inside !== undefined) out.append(angle(inside));
    else if (code !== undefined) out.append(el('code', {}, plain(code)));
    else if (bold !== undefined) out.append(el('strong', {}, rich(bold)));
    else if (italic !== undefined) out.append(el('em', {}, rich(italic)));
    else out.append(el('s', {}, rich(strike)));
  }
  out.append(plain(source.slice(from)));
  return out;
}

function plain(source) {
  return source.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
}

function angle(inner) {
  const [target, label] = inner.split('|');
  if (target.startsWith('@')) return el('span', { class: 'mention' }, `@${user(target.slice(1)).name}`);
  if (target.startsWith('#')) {
    const found = state.channels.find((one) => one.id === target.slice(1));
    return el('a', { href: `#${target.slice(1)}`, class: 'mention' }, `#${found?.name || 'private'}`);
  }
  if (target.startsWith('!date^')) return showDate(target.split('^'), label);
  if (target.startsWith('!subteam^'))
    return el(
      'span',
      { class: 'mention' },
      `@${state.usergroups.find((one) => one.id === target.slice(9))?.handle || 'group'}`,
    );
  if (target.startsWith('!')) return el('span', { class: 'mention' }, `@${target.slice(1)}`);
  return /^(https?|mailto):/.test(target)
    ? el('a', { href: target, rel: 'noreferrer', target: '_blank' }, plain(label || target))
    : document.createTextNode(plain(inner));
}

function showDate([, seconds, format], fallback) {
  const at = new Date(Number(seconds) * 1000);
  const show = (options) => at.toLocaleString('en-GB', { timeZone: user(me).tz, ...options });
  const short = { weekday: 'short', day: 'numeric', month: 'short' };
  const long = { day: 'numeric', month: 'long', year: 'numeric' };
  const tokens = {
    date_short_pretty: short,
    date_short: { day: 'numeric', month: 'short', year: 'numeric' },
    date_long_pretty: { weekday: 'long', ...long },
    date_long: { weekday: 'long', ...long },
    date_pretty: long,
    date_num: { year: 'numeric', month: '2-digit', day: '2-digit' },
    date: long,
    time_secs: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
    time: { hour: '2-digit', minute: '2-digit' },
  };
  const shown = format.replace(/\{(\w+)\}/g, (all, name) => (tokens[name] ? show(tokens[name]) : all));
  return el('time', { datetime: at.toISOString(), title: fallback || '' }, shown);
}

$('me').addEventListener('change', (event) => {
  me = event.target.value;
  localStorage.setItem('me', me);
  if (state.channels.find((one) => one.id === channel)?.is_im) channel = 'C0RELEASES';
  $('messages').dataset.stamp = '';
  void load();
});
$('composer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const line = $('line').value.trim();
  if (line === '') return;
  $('line').value = '';
  hint();
  await post('types', { as: me, channel, text: line });
});
$('line').addEventListener('input', hint);
function hint() {
  const typed = $('line').value;
  const found = typed.startsWith('/')
    ? state.commands.filter((one) => one.command.startsWith(typed.split(' ')[0]))
    : [];
  $('hint').textContent = found.map((one) => `${one.command} ${one.usageHint}`).join('   ');
}
for (const button of document.querySelectorAll('[data-advance]'))
  button.addEventListener('click', () => post('clock', { advanceMs: Number(button.dataset.advance) * 60_000 }));
addEventListener('hashchange', () => go(location.hash.slice(1)));
setInterval(() => {
  if (!state) return;
  state.now += 10_000;
  drawClock();
}, 10_000);
await load();
new EventSource('/_control/events').addEventListener('message', load);
