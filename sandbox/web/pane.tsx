import { memo, type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { ShownChannel, ShownMessage } from '../server/screen.ts';
import { Blocks } from './blocks.tsx';
import { Composer } from './composer.tsx';
import { Ask, Dialog, Modal } from './dialog.tsx';
import { Message, type Stand } from './message.tsx';
import { type Choice, Face, Menu } from './parts.tsx';
import {
  clockNow,
  nameOf,
  PaneContext,
  type Pane as PaneOf,
  post,
  type Question,
  type Screen,
  type State,
  usePane,
  useSteady,
  useStore,
} from './store.ts';
import { inLine, Mrkdwn } from './words.tsx';

/** What a pane shows, kept over reloads. */
export type Place = {
  readonly me: string;
  readonly channel: string;
  readonly thread?: string | undefined;
  readonly ts?: string | undefined;
};

const nothing: Screen = { channels: {}, messages: {}, views: [], home: null, notices: [] };
const noMessages: readonly ShownMessage[] = [];

/** One person's client. */
export function Pane(props: { place: Place; move: (place: Place) => void; title: string }): ReactNode {
  const { place, move } = props;
  const { me } = place;
  const all = useStore();
  const screen = all.screens[me] ?? nothing;
  const [said, setSaid] = useState('');
  const [question, setQuestion] = useState<Question & { done: (text: string | null) => void }>();
  const [panel, setPanel] = useState<'pins' | 'notices' | 'members'>();
  const [navOpen, setNavOpen] = useState(false);
  const latest = useRef(place);
  latest.current = place;

  const say = useCallback((text: string) => {
    setSaid(text);
    setTimeout(() => setSaid((now) => (now === text ? '' : now)), 8_000);
  }, []);
  const go = useCallback(
    (channel: string, ts?: string) => {
      if (channel === 'home') void post('home', { as: latest.current.me });
      setNavOpen(false);
      setPanel(undefined);
      move({ me: latest.current.me, channel, ts });
    },
    [move],
  );
  const openThread = useCallback(
    (channel: string, ts: string) => move({ me: latest.current.me, channel, thread: ts }),
    [move],
  );
  const ask = useCallback(
    (asked: Question) =>
      new Promise<string | null>((resolve) => {
        setQuestion({
          ...asked,
          done: (text) => {
            setQuestion(undefined);
            resolve(text);
          },
        });
      }),
    [],
  );
  const pane: PaneOf = useMemo(() => ({ me, go, openThread, say, ask }), [me, go, openThread, say, ask]);

  const channel = place.channel === 'home' ? undefined : (screen.channels[place.channel] ?? firstChannel(screen));
  const messages = (channel && screen.messages[channel.id]) || noMessages;
  const thread = channel && place.thread ? messages.find((one) => one.ts === place.thread) : undefined;
  const modal = screen.views.filter((view) => view.type === 'modal');
  const covered = modal.length > 0 || question !== undefined || panel !== undefined;
  useRead(me, channel, messages);

  return (
    <PaneContext.Provider value={pane}>
      <section className={`pane${navOpen ? ' nav-open' : ''}`} aria-label={props.title}>
        <div className="pane-in" inert={covered}>
          <Sidebar
            screen={screen}
            channel={channel?.id ?? 'home'}
            switchTo={(id) => move({ me: id, channel: place.channel })}
            unseen={unseenNotices(me, screen)}
            showNotices={() => setPanel('notices')}
          />
          <div className="middle">
            <button type="button" className="nav-toggle" aria-expanded={navOpen} onClick={() => setNavOpen(!navOpen)}>
              ☰ Channels
            </button>
            {channel ? (
              <>
                <Head channel={channel} messages={messages} open={setPanel} />
                <Messages key={`${me}:${channel.id}`} channel={channel} messages={messages} wanted={place.ts} />
                {channel.is_archived ? (
                  <p className="closed">#{channel.name} is archived. It can be read, and nothing more is said in it.</p>
                ) : channel.members.includes(me) || channel.is_im ? (
                  <Composer channel={channel} />
                ) : (
                  <p className="closed">
                    You are looking at #{channel.name}.{' '}
                    <button type="button" onClick={() => void post('joins', { as: me, channel: channel.id })}>
                      Join
                    </button>
                  </p>
                )}
              </>
            ) : (
              <Home screen={screen} />
            )}
            <p className="said" role="status">
              {said}
            </p>
          </div>
          {channel && thread && (
            <Thread
              channel={channel}
              root={thread}
              messages={messages}
              close={() => move({ me, channel: channel.id })}
            />
          )}
        </div>
        {panel && channel && panel === 'pins' && (
          <Panel title={`Pinned in ${channel.name}`} close={() => setPanel(undefined)}>
            {messages
              .filter((message) => channel.pins.includes(message.ts))
              .map((message) => (
                <button key={message.ts} type="button" className="card" onClick={() => go(channel.id, message.ts)}>
                  <span className="who">{nameOf(all, message.user)}</span> {inLine(all, message.text)}
                </button>
              ))}
          </Panel>
        )}
        {panel && channel && panel === 'members' && (
          <Panel title={`Members of ${channel.name}`} close={() => setPanel(undefined)}>
            <ul className="members">
              {channel.members.map((id) => (
                <li key={id}>
                  <Face name={nameOf(all, id)} id={id} bot={all.users[id]?.is_bot ?? false} /> {nameOf(all, id)}{' '}
                  <span className="muted">{all.users[id]?.title}</span>
                </li>
              ))}
            </ul>
          </Panel>
        )}
        {panel === 'notices' && <Notices screen={screen} close={() => setPanel(undefined)} />}
        {modal.length > 0 && (
          <div inert={question !== undefined}>
            <Modal views={modal} />
          </div>
        )}
        {question && <Ask question={question} answer={question.done} />}
      </section>
    </PaneContext.Provider>
  );
}

function firstChannel(screen: Screen): ShownChannel | undefined {
  const all = Object.values(screen.channels);
  return all.find((one) => one.name === 'releases') ?? all.find((one) => !one.is_archived) ?? all[0];
}

/* What was read, for each person and channel: of this browser, as a client's own marks are. */
const readKey = (me: string, id: string) => `read:${me}:${id}`;

function useRead(me: string, channel: ShownChannel | undefined, messages: readonly ShownMessage[]): void {
  const last = messages.at(-1)?.ts;
  useEffect(() => {
    if (channel && last) localStorage.setItem(readKey(me, channel.id), last);
  }, [me, channel, last]);
}

function unseenNotices(me: string, screen: Screen): number {
  const seen = Number(localStorage.getItem(`noticed:${me}`) ?? 0);
  return screen.notices.filter((one) => one.at > seen).length;
}

function Sidebar(props: {
  screen: Screen;
  channel: string;
  switchTo: (id: string) => void;
  unseen: number;
  showNotices: () => void;
}): ReactNode {
  const all = useStore();
  const pane = usePane();
  const { me, go } = pane;
  const { screen } = props;
  const person = all.users[me];
  const shown = Object.values(screen.channels).sort(
    (a, b) => Number(a.is_archived) - Number(b.is_archived) || a.name.localeCompare(b.name),
  );
  const mine = (one: ShownChannel) => one.members.includes(me);
  const unread = (one: ShownChannel) =>
    !one.is_archived &&
    mine(one) &&
    one.id !== props.channel &&
    one.last > (localStorage.getItem(readKey(me, one.id)) ?? '');
  const mentions = (id: string) => {
    const read = localStorage.getItem(readKey(me, id)) ?? '';
    return screen.notices.filter((one) => one.channel === id && one.ts > read).length;
  };
  const item = (one: ShownChannel, name: ReactNode, spoken: string) => {
    const isNew = unread(one);
    const count = isNew ? mentions(one.id) : 0;
    return (
      <li key={one.id}>
        <button
          type="button"
          className={`${isNew ? 'unread' : ''} ${one.is_archived || !mine(one) ? 'faint' : ''}`}
          aria-current={one.id === props.channel ? 'page' : undefined}
          onClick={() => go(one.id)}
        >
          {name}
          <span className="hidden">
            {spoken}
            {isNew ? ', unread' : ''}
          </span>
          {count > 0 && (
            <span className="count">
              {count}
              <span className="hidden"> for you</span>
            </span>
          )}
        </button>
      </li>
    );
  };
  const others = Object.values(all.users).filter((one) => !one.is_bot && !one.deleted && one.id !== me);
  return (
    <nav className="sidebar" aria-label="Channels">
      <div className="person">
        <label>
          You are
          <select value={me} onChange={(event) => props.switchTo(event.target.value)}>
            {Object.values(all.users)
              .filter((one) => !one.is_bot && !one.deleted)
              .map((one) => (
                <option key={one.id} value={one.id}>
                  {one.real_name} · {one.title}
                </option>
              ))}
          </select>
        </label>
        <div className="muted">{person?.title}</div>
        <div className="muted">
          {person?.tz} · {localTime(all, person?.tz)}
        </div>
        <button type="button" className="bell" onClick={props.showNotices}>
          🔔 Notifications{' '}
          {props.unseen > 0 && (
            <span className="count">
              {props.unseen}
              <span className="hidden"> new</span>
            </span>
          )}
        </button>
      </div>
      <div className="lists">
        <ul>
          {all.home_tab && (
            <li>
              <button
                type="button"
                aria-current={props.channel === 'home' ? 'page' : undefined}
                onClick={() => go('home')}
              >
                ⌂ {all.app.name} · Home
              </button>
            </li>
          )}
          {all.shortcuts
            .filter((one) => one.type === 'global')
            .map((one) => (
              <li key={one.callback_id}>
                <button
                  type="button"
                  onClick={async () => {
                    const answer = await post('shortcut', { as: me, callbackId: one.callback_id });
                    if (answer.status !== 'ok') pane.say(answer.error ?? 'The app could not be reached.');
                  }}
                >
                  ⚡ {one.name}
                </button>
              </li>
            ))}
        </ul>
        <h2>Channels</h2>
        <ul>
          {shown
            .filter((one) => !one.is_im)
            .map((one) =>
              item(
                one,
                <>
                  <span aria-hidden="true">{one.is_private ? '🔒' : '#'}</span> {one.name}
                </>,
                `${one.is_private ? ', private' : ''}${one.is_archived ? ', archived' : ''} channel`,
              ),
            )}
        </ul>
        <h2>Direct messages</h2>
        <ul>
          {shown
            .filter((one) => one.is_im)
            .map((one) => {
              const other = one.user === me ? all.app.botUser : (one.members.find((id) => id !== me) ?? me);
              const name = nameOf(all, other);
              return item(
                one,
                <>
                  <span aria-hidden="true">@</span> {name}
                </>,
                ', direct message',
              );
            })}
        </ul>
        <Menu
          className="write"
          label="Write to somebody"
          shown={
            <>
              <span aria-hidden="true">+</span> Write to somebody
            </>
          }
          choices={others.map((one) => ({
            label: one.real_name,
            hint: one.title,
            act: async () => {
              const answer = await post('writes', { as: me, to: one.id });
              if (answer.channel) go(String(answer.channel));
            },
          }))}
        />
      </div>
    </nav>
  );
}

function localTime(all: State, timeZone = 'UTC'): string {
  return new Date(clockNow(all)).toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
}

function Head(props: {
  channel: ShownChannel;
  messages: readonly ShownMessage[];
  open: (panel: 'pins' | 'members') => void;
}): ReactNode {
  const all = useStore();
  const { me, say, ask } = usePane();
  const { channel } = props;
  const act = async (what: string, body: Record<string, unknown> = {}) => {
    const answer = await post(what, { as: me, channel: channel.id, ...body });
    if (answer.error) say(answer.error);
  };
  const choices: Choice[] = [];
  if (!channel.is_im && channel.is_archived) choices.push({ label: 'Unarchive', act: () => act('unarchives') });
  else if (!channel.is_im && !channel.members.includes(me)) choices.push({ label: 'Join', act: () => act('joins') });
  else if (!channel.is_im) {
    choices.push(
      {
        label: 'Invite somebody…',
        act: async () => {
          const name = await ask({
            title: 'Invite to this channel',
            input: { label: 'Name, as in a mention', value: '' },
            yes: 'Invite',
            no: 'Cancel',
          });
          const found = Object.values(all.users).find((one) => one.name === name?.replace(/^@/, ''));
          if (found) await act('invites', { users: [found.id] });
          else if (name) say(`There is nobody called ${name}.`);
        },
      },
      {
        label: 'Rename…',
        act: async () => {
          const name = await ask({
            title: 'Rename this channel',
            input: { label: 'Name', value: channel.name },
            yes: 'Rename',
            no: 'Cancel',
          });
          if (name && name !== channel.name) await act('renames', { name });
        },
      },
    );
    if (!channel.is_general)
      choices.push(
        { label: 'Leave', act: () => act('leaves') },
        {
          label: 'Archive…',
          act: async () => {
            const sure = await ask({
              title: `Archive #${channel.name}?`,
              text: 'Everybody can still read it, but nothing more is said in it.',
              yes: 'Archive',
              no: 'Cancel',
              danger: true,
            });
            if (sure !== null) await act('archives');
          },
        },
      );
  }
  const other = channel.user === me ? all.app.botUser : channel.members.find((id) => id !== me);
  const pins = props.messages.filter((message) => channel.pins.includes(message.ts)).length;
  return (
    <header className="head">
      <h1>{channel.is_im ? nameOf(all, other ?? me) : `${channel.is_private ? '🔒' : '#'} ${channel.name}`}</h1>
      {!channel.is_im && (
        <button type="button" className="quiet" onClick={() => props.open('members')}>
          <span aria-hidden="true">👥</span> {channel.members.length}
          <span className="hidden"> members</span>
        </button>
      )}
      {pins > 0 && (
        <button type="button" className="quiet" onClick={() => props.open('pins')}>
          📌 {pins} pinned
        </button>
      )}
      {choices.length > 0 && <Menu label="Channel menu" shown="⋯" choices={choices} />}
      {channel.topic && (
        <div className="topic muted">
          <Mrkdwn text={channel.topic} />
        </div>
      )}
      {channel.bookmarks.length > 0 && (
        <ul className="bookmarks" aria-label="Bookmarks">
          {channel.bookmarks.map((one) => (
            <li key={one.id}>
              {/^https?:/.test(one.link) ? (
                <a href={one.link} rel="noreferrer noopener" target="_blank">
                  🔖 {one.title}
                </a>
              ) : (
                one.title
              )}
            </li>
          ))}
        </ul>
      )}
    </header>
  );
}

/** How many messages are drawn at first, and how many more when somebody scrolls up to them. */
const chunk = 120;

const Messages = memo(function Messages(props: {
  channel: ShownChannel;
  messages: readonly ShownMessage[];
  wanted: string | undefined;
}): ReactNode {
  const { channel, messages, wanted } = props;
  const all = useSteady();
  const { me } = usePane();
  const stand = useStand(channel);
  const old = useRef<ReadonlyMap<string, readonly ShownMessage[]>>(new Map());
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [more, setMore] = useState(chunk);
  const { roots, replies } = useMemo(() => {
    const byThread = new Map<string, ShownMessage[]>();
    const first: ShownMessage[] = [];
    for (const message of messages) {
      const root = message.thread_ts;
      if (root && root !== message.ts) byThread.set(root, [...(byThread.get(root) ?? []), message]);
      if (!root || root === message.ts || message.reply_broadcast) first.push(message);
    }
    // A thread to which nothing came is the very same list: what shows it is not drawn again.
    const threads = new Map<string, readonly ShownMessage[]>();
    for (const [root, now] of byThread) {
      const before = old.current.get(root);
      const same = before?.length === now.length && now.every((one, index) => one === before[index]);
      threads.set(root, same ? before : now);
    }
    old.current = threads;
    return { roots: first, replies: threads };
  }, [messages]);
  const wantedAt = wanted ? roots.findIndex((one) => one.ts === wanted) : -1;
  const shownFrom = Math.max(0, Math.min(roots.length - more, wantedAt >= 0 ? wantedAt - 20 : roots.length));

  // What was read stays where it is when earlier messages come above it; only at the very top browsers do not see to that.
  const growing = useRef<{ top: number; height: number }>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: shownFrom says when
  useLayoutEffect(() => {
    if (box.current && growing.current?.top === 0)
      box.current.scrollTop = box.current.scrollHeight - growing.current.height;
    growing.current = undefined;
  }, [shownFrom]);

  // A person at the end stays there; a person who scrolled up stays where they read.
  // biome-ignore lint/correctness/useExhaustiveDependencies: messages says when
  useLayoutEffect(() => {
    if (box.current && atEnd.current && !wanted) box.current.scrollTop = box.current.scrollHeight;
  }, [messages]);
  useEffect(() => {
    if (!wanted) return;
    const target = document.getElementById(`${me}-${wanted}`);
    target?.scrollIntoView({ block: 'center' });
    atEnd.current = false;
  }, [wanted, me]);
  // What is drawn after the first look has its own height: images, other fonts, the composer's hints.
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
    if (element.scrollTop < 600 && shownFrom > 0 && !growing.current) {
      growing.current = { top: element.scrollTop, height: element.scrollHeight };
      setMore(roots.length - shownFrom + chunk);
    }
  };
  const zone = all.users[me]?.tz ?? 'UTC';
  const calendar = useMemo(
    () => new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'long', day: 'numeric', month: 'long' }),
    [zone],
  );
  const day = (message: ShownMessage) => calendar.format(Number(message.ts) * 1000);
  const drawn = roots.slice(shownFrom);
  return (
    <div
      className="messages"
      ref={box}
      onScroll={onScroll}
      role="log"
      aria-label={`Messages in ${channel.name}`}
      tabIndex={0}
    >
      <div className="messages-in">
        {shownFrom > 0 && <p className="muted center">{shownFrom} earlier messages: scroll up</p>}
        {roots.length === 0 && <p className="muted center">Nothing was said here yet.</p>}
        {drawn.map((message, index) => {
          const before = drawn[index - 1];
          const isNew = !before || day(before) !== day(message);
          return (
            <div key={message.ts} className="item">
              {isNew && (
                <h2 className="day">
                  <span>{day(message)}</span>
                </h2>
              )}
              <Message
                message={message}
                channel={stand}
                replies={replies.get(message.ts)}
                wanted={message.ts === wanted}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
});

/** The part of a channel that messages look at: the same object as long as it says the same. */
function useStand({ id, is_archived, pins, members }: ShownChannel): Stand {
  const said = JSON.stringify({ id, is_archived, pins, members } satisfies Stand);
  return useMemo(() => JSON.parse(said) as Stand, [said]);
}

function Thread(props: {
  channel: ShownChannel;
  root: ShownMessage;
  messages: readonly ShownMessage[];
  close: () => void;
}): ReactNode {
  const { channel, root, messages } = props;
  const stand = useStand(channel);
  const all = messages.filter((one) => one.ts === root.ts || one.thread_ts === root.ts);
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  return (
    <aside
      className="thread"
      aria-label="Thread"
      onKeyDown={(event) => {
        if (event.key === 'Escape') props.close();
      }}
    >
      <header className="head">
        <h1>Thread</h1>
        <button ref={close} type="button" className="quiet" aria-label="Close the thread" onClick={props.close}>
          ✕
        </button>
      </header>
      <div className="messages" role="log" aria-label="Replies" tabIndex={0}>
        {all.map((message) => (
          <Message key={message.ts} message={message} channel={stand} inThread />
        ))}
      </div>
      {!channel.is_archived && <Composer channel={channel} thread={root.ts} />}
    </aside>
  );
}

/** The app's Home tab, as it was last published for this person. */
function Home({ screen }: { screen: Screen }): ReactNode {
  const all = useStore();
  return (
    <>
      <header className="head">
        <h1>{all.app.name} · Home</h1>
      </header>
      <div className="messages home" tabIndex={0} role="region" aria-label="Home">
        {screen.home ? (
          <Blocks blocks={screen.home.blocks} spot={{ place: { view: screen.home.id }, view: screen.home }} />
        ) : (
          <p className="muted">Nothing was published here yet.</p>
        )}
      </div>
    </>
  );
}

function Panel(props: { title: string; close: () => void; children: ReactNode }): ReactNode {
  return (
    <Dialog
      title={props.title}
      onClose={props.close}
      foot={
        <button type="button" className="primary" onClick={props.close}>
          Close
        </button>
      }
    >
      {props.children}
    </Dialog>
  );
}

const reasons = {
  direct: 'a direct message',
  mention: 'mentions you',
  group: 'mentions your group',
  broadcast: 'is for the whole channel',
  thread: 'replies in your thread',
} as const;

/** Everything that made this person's client blink, newest first: so that noise is seen. */
function Notices({ screen, close }: { screen: Screen; close: () => void }): ReactNode {
  const all = useStore();
  const { me, go } = usePane();
  useEffect(() => localStorage.setItem(`noticed:${me}`, String(Date.now() + all.offset)), [me, all.offset]);
  const today = screen.notices.filter((one) => one.at > clockNow(all) - 86_400_000).length;
  return (
    <Panel title={`Notifications: ${today} in the last 24 hours`} close={close}>
      {screen.notices.length === 0 && <p className="muted">Nothing has interrupted you.</p>}
      {[...screen.notices].reverse().map((one) => {
        const channel = screen.channels[one.channel];
        const at = new Date(one.at).toLocaleString('en-GB', {
          timeZone: all.users[me]?.tz ?? 'UTC',
          ...{ weekday: 'short', hour: '2-digit', minute: '2-digit' },
        });
        return (
          <button key={one.n} type="button" className="card" onClick={() => go(one.channel, one.ts)}>
            <span className="who">{nameOf(all, one.from)}</span> {reasons[one.why]}
            {channel && !channel.is_im ? ` in #${channel.name}` : ''} <span className="muted">{at}</span>
            <br />
            {inLine(all, one.text).slice(0, 160)}
          </button>
        );
      })}
    </Panel>
  );
}
