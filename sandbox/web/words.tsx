import type { RichTextBlock, RichTextElement, TextObject } from '@slack/types';
import { Fragment, type ReactNode } from 'react';
import { type State, useChannelName, usePane, useSteady } from './store.ts';

/* Text as people see it: mrkdwn and rich text. Everything typed by people becomes text nodes, never HTML. */

/** The emoji that this page can draw; any other is shown by its name. */
export const emoji: Readonly<Record<string, string>> = {
  eyes: '👀',
  '+1': '👍',
  thumbsup: '👍',
  '-1': '👎',
  white_check_mark: '✅',
  heavy_check_mark: '✔️',
  rotating_light: '🚨',
  pushpin: '📌',
  round_pushpin: '📍',
  rocket: '🚀',
  warning: '⚠️',
  tada: '🎉',
  x: '❌',
  no_entry: '⛔',
  octagonal_sign: '🛑',
  bell: '🔔',
  calendar: '📅',
  clock1: '🕐',
  hourglass: '⌛',
  hourglass_flowing_sand: '⏳',
  memo: '📝',
  ship: '🚢',
  package: '📦',
  wrench: '🔧',
  fire: '🔥',
  bug: '🐛',
  lock: '🔒',
  snowflake: '❄️',
  chart_with_upwards_trend: '📈',
  heart: '❤️',
  pray: '🙏',
  wave: '👋',
  bulb: '💡',
  link: '🔗',
  mag: '🔍',
  speech_balloon: '💬',
  large_green_circle: '🟢',
  large_yellow_circle: '🟡',
  red_circle: '🔴',
  white_circle: '⚪',
  raised_hands: '🙌',
  ok_hand: '👌',
  coffee: '☕',
  train: '🚆',
};
/** What the reaction menu offers. */
export const offered = [
  'eyes',
  '+1',
  'white_check_mark',
  'rotating_light',
  'pushpin',
  'rocket',
  'warning',
  'tada',
  'x',
];

/** A link only where a click may lead: nothing that runs, nothing that reads. */
export function isSafeLink(url: string): boolean {
  return /^(https?|mailto):/i.test(url);
}

export function Text({ of, verbatim }: { of: TextObject | undefined; verbatim?: boolean }): ReactNode {
  if (!of) return null;
  if (of.type === 'mrkdwn') return <Mrkdwn text={of.text} />;
  return verbatim ? of.text : named(of.text);
}

/** `:tada:` in plain text is an emoji, too. */
function named(text: string): ReactNode {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name: string) => emoji[name] ?? whole);
}

const token =
  /```\n?([\s\S]*?)\n?```\n?|<([^<>\n]+)>|`([^`\n]+)`|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<!\w)_([^_\n]+)_(?!\w)|(?<!\w)~([^~\n]+)~(?!\w)/g;

/** mrkdwn: mentions, dates, links (http, https, mailto only), quotes, lists as they are, bold, italic, strike, code. */
export function Mrkdwn({ text }: { text: string }): ReactNode {
  const parts = text.split(/(^(?:&gt;|>)[^\n]*(?:\n(?:&gt;|>)[^\n]*)*)/m);
  return parts.map((part, index) => {
    const quote = /^(?:&gt;|>)/.test(part);
    const key = index;
    return quote ? (
      <blockquote key={key}>
        <Inline text={part.replace(/^(?:&gt;|>) ?/gm, '')} />
      </blockquote>
    ) : (
      <Inline key={key} text={part} />
    );
  });
}

function Inline({ text }: { text: string }): ReactNode {
  const out: ReactNode[] = [];
  let from = 0;
  for (const match of text.matchAll(token)) {
    if (match.index > from) out.push(plain(text.slice(from, match.index)));
    from = match.index + match[0].length;
    const [, block, inside, code, bold, italic, strike] = match;
    const key = match.index;
    if (block !== undefined) out.push(<pre key={key}>{unescaped(block)}</pre>);
    else if (inside !== undefined) out.push(<Angle key={key} inner={inside} />);
    else if (code !== undefined) out.push(<code key={key}>{unescaped(code)}</code>);
    else if (bold !== undefined) out.push(<strong key={key}>{<Inline text={bold} />}</strong>);
    else if (italic !== undefined) out.push(<em key={key}>{<Inline text={italic} />}</em>);
    else out.push(<s key={key}>{<Inline text={strike as string} />}</s>);
  }
  if (from < text.length) out.push(plain(text.slice(from)));
  return out;
}

function plain(text: string): ReactNode {
  return named(unescaped(text));
}

export function unescaped(text: string): string {
  return text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
}

/** A message's text as it was typed, for editing it. */
export function typed(all: Pick<State, 'users'>, text: string): string {
  return unescaped(
    text
      .replace(/<@(\w+)(?:\|[^>]*)?>/g, (_all, id: string) => `@${all.users[id]?.name ?? id}`)
      .replace(/<#\w+\|([^>]*)>/g, '#$1')
      .replace(/<(https?:[^>|]+)(?:\|[^>]*)?>/g, '$1'),
  );
}

/** A message's text in one line, for lists. */
export function inLine(all: Pick<State, 'users'>, text: string): string {
  return unescaped(
    text
      .replace(/<@(\w+)(?:\|[^>]*)?>/g, (_all, id: string) => `@${all.users[id]?.name ?? id}`)
      .replace(/<!date\^[^|>]*\|([^>]*)>/g, '$1')
      .replace(/<!?[^|>]*\|([^>]*)>/g, '$1')
      .replace(/<([^>]*)>/g, '$1')
      .replace(/[*_~`]/g, ''),
  );
}

function Angle({ inner }: { inner: string }): ReactNode {
  const [target = '', label] = inner.split('|');
  if (target.startsWith('@')) return <Mention user={target.slice(1)} />;
  if (target.startsWith('#')) return <ChannelLink id={target.slice(1)} />;
  if (target.startsWith('!date^')) {
    const [, seconds = '', format = '', link = ''] = target.split('^');
    return <When seconds={Number(seconds)} format={format} fallback={label ?? ''} link={link} />;
  }
  if (target.startsWith('!subteam^')) return <GroupMention id={target.slice(9)} />;
  if (target.startsWith('!')) return <span className="mention loud">@{target.slice(1)}</span>;
  return <Link url={unescaped(target)}>{unescaped(label ?? target)}</Link>;
}

export function Link({ url, children }: { url: string; children: ReactNode }): ReactNode {
  if (!isSafeLink(url)) return children;
  // A permalink of this workspace stays in this page.
  const own = url.startsWith(`${location.origin}/#`) ? url.slice(location.origin.length + 1) : undefined;
  if (own) return <a href={own}>{children}</a>;
  return (
    <a href={url} rel="noreferrer noopener" target="_blank">
      {children}
    </a>
  );
}

function Mention({ user }: { user: string }): ReactNode {
  const all = useSteady();
  const { me } = usePane();
  return <span className={user === me ? 'mention mine' : 'mention'}>@{all.users[user]?.name ?? user}</span>;
}

function GroupMention({ id }: { id: string }): ReactNode {
  return <span className="mention">@{useSteady().groups[id]?.handle ?? 'group'}</span>;
}

function ChannelLink({ id }: { id: string }): ReactNode {
  const { me, go } = usePane();
  const name = useChannelName(me, id);
  if (name === undefined) return <span className="mention">🔒 private channel</span>;
  return (
    <button type="button" className="mention" onClick={() => go(id)}>
      #{name}
    </button>
  );
}

/** A moment as its reader's own clock shows it. */
function When(props: { seconds: number; format: string; fallback: string; link?: string }): ReactNode {
  const all = useSteady();
  const { me } = usePane();
  const at = new Date(props.seconds * 1000);
  if (Number.isNaN(at.getTime())) return props.fallback;
  const shown = (
    <time dateTime={at.toISOString()} title={`${props.fallback} · ${all.users[me]?.tz ?? 'UTC'}`}>
      {formatDate(at, props.format, all.users[me]?.tz ?? 'UTC', Date.now() + all.offset)}
    </time>
  );
  return props.link ? <Link url={props.link}>{shown}</Link> : shown;
}

export function formatDate(at: Date, format: string, timeZone: string, now: number): string {
  const show = (options: Intl.DateTimeFormatOptions) => at.toLocaleString('en-GB', { timeZone, ...options });
  const day = (moment: number) => new Date(moment).toLocaleDateString('sv-SE', { timeZone });
  const pretty = (otherwise: string) => {
    const distance = ['yesterday', 'today', 'tomorrow'];
    const found = [-1, 0, 1].findIndex((days) => day(now + days * 86_400_000) === day(at.getTime()));
    return distance[found] ?? otherwise;
  };
  const long = { day: 'numeric', month: 'long', year: 'numeric' } as const;
  const short = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  const tokens: Readonly<Record<string, () => string>> = {
    date_num: () => day(at.getTime()),
    date_slash: () => show({ day: '2-digit', month: '2-digit', year: 'numeric' }),
    date_long_full: () => show({ weekday: 'long', ...long }),
    date_long: () => show({ weekday: 'long', ...long }),
    date_long_pretty: () => pretty(show({ weekday: 'long', ...long })),
    date_short: () => show(short),
    date_short_pretty: () => pretty(show({ weekday: 'short', day: 'numeric', month: 'short' })),
    date: () => show(long),
    date_pretty: () => pretty(show(long)),
    day_divider_pretty: () => pretty(show({ weekday: 'long', day: 'numeric', month: 'long' })),
    time: () => show({ hour: '2-digit', minute: '2-digit' }),
    time_secs: () => show({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    ago: () => {
      const minutes = Math.round((now - at.getTime()) / 60_000);
      return Math.abs(minutes) < 60 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
    },
  };
  return format.replace(/\{(\w+)\}/g, (whole, name: string) => tokens[name]?.() ?? whole);
}

export function RichText({ of }: { of: RichTextBlock }): ReactNode {
  return of.elements.map((line, index) => {
    const key = index;
    switch (line.type) {
      case 'rich_text_section':
        return <p key={key}>{line.elements.map(part)}</p>;
      case 'rich_text_quote':
        return <blockquote key={key}>{line.elements.map(part)}</blockquote>;
      case 'rich_text_preformatted':
        return <pre key={key}>{line.elements.map(part)}</pre>;
      case 'rich_text_list': {
        const items = line.elements.map((one, at) => {
          const itemKey = at;
          return <li key={itemKey}>{one.elements.map(part)}</li>;
        });
        const deep = `indent-${Math.min(line.indent ?? 0, 6)}`;
        return line.style === 'ordered' ? (
          <ol key={key} className={deep}>
            {items}
          </ol>
        ) : (
          <ul key={key} className={deep}>
            {items}
          </ul>
        );
      }
      default:
        return <Unknown key={key} what={line satisfies never} />;
    }
  });
}

function part(of: RichTextElement, key: number): ReactNode {
  const style = (of.style ?? {}) as { bold?: boolean; italic?: boolean; strike?: boolean; code?: boolean };
  let shown: ReactNode = <Part of={of} />;
  if (style.code) shown = <code>{shown}</code>;
  if (style.bold) shown = <strong>{shown}</strong>;
  if (style.italic) shown = <em>{shown}</em>;
  if (style.strike) shown = <s>{shown}</s>;
  return <Fragment key={key}>{shown}</Fragment>;
}

function Part({ of }: { of: RichTextElement }): ReactNode {
  switch (of.type) {
    case 'text':
      return of.text;
    case 'link':
      return <Link url={of.url}>{of.text ?? of.url}</Link>;
    case 'user':
      return <Mention user={of.user_id} />;
    case 'usergroup':
      return <GroupMention id={of.usergroup_id} />;
    case 'channel':
      return <ChannelLink id={of.channel_id} />;
    case 'broadcast':
      return <span className="mention loud">@{of.range}</span>;
    case 'emoji':
      return emoji[of.name] ?? `:${of.name}:`;
    case 'date':
      return <When seconds={of.timestamp} format={of.format} fallback={of.fallback ?? ''} link={of.url ?? ''} />;
    case 'color':
      return <code>{of.value}</code>;
    case 'team':
      return <span className="mention">{of.team_id}</span>;
    default:
      return <Unknown what={of satisfies never} />;
  }
}

/** What this page cannot show yet is seen, not swallowed. */
export function Unknown({ what }: { what: unknown }): ReactNode {
  const type = (what as { type?: unknown } | null)?.type;
  return <span className="unknown">This page cannot show {String(type ?? 'this')} yet.</span>;
}
