import type {
  ActionsBlock,
  Button,
  ConfirmationDialog,
  ContextBlock,
  DividerBlock,
  HeaderBlock,
  KnownBlock,
  PlainTextElement,
  SectionBlock,
} from '@slack/types';
import { least } from '../src/domain/metric.ts';
import { wallTime } from '../src/domain/time.ts';

/** Text that is safe to send as mrkdwn: made only by the `mrkdwn` tag and the helpers here. */
export type Mrkdwn = { readonly mrkdwn: string };

/** What people see: `text` (mrkdwn) alone tells the story to notifications and screen readers. */
export type View = { readonly text: string; readonly blocks: KnownBlock[] };

/** Slack's limits on what a view may hold (block kit reference). */
const limits = { section: 3000, field: 2000, header: 150, button: 75, contextElements: 10 } as const;

/**
 * Tagged template for mrkdwn: every interpolated string is escaped, interpolated Mrkdwn is kept. So nothing that people
 * typed can mention a channel, hide a link or break out of its place.
 */
export function mrkdwn(strings: TemplateStringsArray, ...values: (string | number | Mrkdwn)[]): Mrkdwn {
  const text = strings.map((part, index) => {
    const value = values[index];
    if (value === undefined) return part;
    return part + (typeof value === 'object' ? value.mrkdwn : escapeText(String(value)));
  });
  return { mrkdwn: text.join('') };
}

/** Slack's three control characters; `* _ ~` and backticks only style, and stay as people typed them. */
export function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** How somebody, or a user group, is called where there are no mentions. */
export type Names = (id: string) => string;

/** Mentions, dates, links and the three entities as Slack writes them; all else in angle brackets is what people typed. */
const slackMarks =
  /<(?:@([A-Z0-9]*)|#([A-Z0-9]*)|!subteam\^([A-Z0-9]*)|!(here|channel|everyone)|!date\^[^|<>]*|((?:https?:\/\/|mailto:)[^|<>]*))(?:\|([^<>]*))?>|&(amp|lt|gt);/gi;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>' };

/** Text in Slack's writing as plain words: names for mentions, a date as its fallback says, a link with its address. */
export function plainWords(text: string, name: Names): string {
  return text.replace(slackMarks, (_mark, member, room, group, all, url, label = '', entity) => {
    if (entity !== undefined) return entities[entity.toLowerCase()] as string;
    if (member !== undefined) return member === '' ? 'somebody' : name(member);
    if (group !== undefined) return name(group);
    if (all !== undefined) return `@${all}`;
    const words = plainWords(label, name);
    if (room !== undefined) return words === '' ? `channel ${room}` : `#${words}`;
    if (url === undefined) return words;
    const address = plainWords(url.replace(/^mailto:/i, ''), name);
    return words === '' || words === address ? address : `${words} (${address})`;
  });
}

export function join(parts: readonly Mrkdwn[], separator = ' '): Mrkdwn {
  return { mrkdwn: parts.map((part) => part.mrkdwn).join(separator) };
}

export function person(id: string): Mrkdwn {
  return { mrkdwn: `<@${id.replace(/[^A-Z0-9]/gi, '')}>` };
}

export function people(ids: readonly string[]): Mrkdwn {
  return join(ids.map(person), ', ');
}

export function channel(id: string): Mrkdwn {
  return { mrkdwn: `<#${id.replace(/[^A-Z0-9]/gi, '')}>` };
}

/** A user group, which notifies its members. */
export function usergroup(id: string): Mrkdwn {
  return { mrkdwn: `<!subteam^${id.replace(/[^A-Z0-9]/gi, '')}>` };
}

/** A web address as a link with our own words; anything else stays text. */
export function link(url: string, label: string): Mrkdwn {
  const safe = /^https?:\/\/[^\s|<>]+$/.test(url);
  return safe ? { mrkdwn: `<${escapeText(url)}|${escapeText(label.replace(/[|<>]/g, ' '))}>` } : mrkdwn`${url}`;
}

/** A field of a release as it was or is; people by name. */
export function fieldValue(field: string, value: string, most: number): Mrkdwn {
  return field === 'lead' ? person(value) : mrkdwn`${clip(value, most)}`;
}

/** "8 % (3–16 %, n=41)"; "unknown (n=0)". */
export function rate({ share, low, high, n }: { share: number; low: number; high: number; n: number }): string {
  const percent = (value: number) => `${Math.round(value * 100)}`;
  return n === 0 ? 'unknown (n=0)' : `${percent(share)} % (${percent(low)}–${percent(high)} %, n=${n})`;
}

/** How earlier releases of the same services went. */
export function failedBefore(known: Parameters<typeof rate>[0]): string {
  if (known.n === 0) return 'no earlier releases';
  return known.n < least
    ? `${known.n} earlier ${known.n === 1 ? 'release' : 'releases'}, too few for a rate`
    : `${rate(known)} of earlier ones failed`;
}

/** A version, branch or command: monospaced, and unable to leave its backticks. */
export function code(text: string): Mrkdwn {
  return { mrkdwn: `\`${escapeText(text.replace(/`/g, "'"))}\`` };
}

/** An instant in each reader's own zone; the fallback names the calendar's zone. */
export function date(at: Date, zone: string, format = '{date_short_pretty} {time}'): Mrkdwn {
  const fallback = format === '{time}' ? `${wallTime(at, zone).time} ${zone}` : dayAndTime(at, zone);
  return { mrkdwn: `<!date^${Math.floor(at.getTime() / 1000)}^${format}|${escapeText(fallback)}>` };
}

/** A slot in each reader's own zone: "Nov 24, 2026 2:00 PM–2:45 PM"; over half a day both ends carry their date. */
export function slot(startsAt: Date, endsAt: Date, zone: string): Mrkdwn {
  const isLong = endsAt.getTime() - startsAt.getTime() > 12 * 3_600_000;
  return mrkdwn`${date(startsAt, zone)}–${isLong ? date(endsAt, zone) : date(endsAt, zone, '{time}')}`;
}

/** For plain text, where Slack cannot localise: "Tue 24 Nov 2026, 14:00–14:45 Europe/Berlin". */
export function plainSlot(startsAt: Date, endsAt: Date, zone: string): string {
  const [from, to] = [wallTime(startsAt, zone), wallTime(endsAt, zone)];
  const end = from.date === to.date ? to.time : `${to.weekday} ${to.day} ${to.month} ${to.time}`;
  return `${from.weekday} ${from.day} ${from.month} ${from.year}, ${from.time}–${end} ${zone}`;
}

export function dayAndTime(at: Date, zone: string): string {
  const wall = wallTime(at, zone);
  return `${wall.weekday} ${wall.day} ${wall.month} ${wall.year}, ${wall.time} ${zone}`;
}

/** "45 min", "3 h 10 min", "2 d 4 h". */
export function span(minutes: number): string {
  const total = Math.max(0, Math.round(minutes));
  if (total < 60) return `${total} min`;
  if (total < 24 * 60) return total % 60 === 0 ? `${total / 60} h` : `${Math.floor(total / 60)} h ${total % 60} min`;
  const hours = Math.round(total / 60);
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** "one of ana, ben or rae"; "A and B". */
export function list(parts: readonly string[], word: 'and' | 'or'): string {
  if (parts.length < 2) return parts[0] ?? '';
  return `${parts.slice(0, -1).join(', ')} ${word} ${parts.at(-1)}`;
}

export function clip(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;
}

export function plain(text: string, most: number): PlainTextElement {
  return { type: 'plain_text', text: clip(text.trim() === '' ? '–' : text, most), emoji: true };
}

export function header(text: string): HeaderBlock {
  return { type: 'header', text: plain(text, limits.header) };
}

export function section(text: Mrkdwn, accessory?: Button): SectionBlock {
  const block: SectionBlock = { type: 'section', text: { type: 'mrkdwn', text: clipMrkdwn(text, limits.section) } };
  return accessory ? { ...block, accessory } : block;
}

export function fields(...texts: Mrkdwn[]): SectionBlock {
  return {
    type: 'section',
    fields: texts.slice(0, 10).map((text) => ({ type: 'mrkdwn', text: clipMrkdwn(text, limits.field) })),
  };
}

export function context(...texts: Mrkdwn[]): ContextBlock {
  return {
    type: 'context',
    elements: texts
      .slice(0, limits.contextElements)
      .map((text) => ({ type: 'mrkdwn', text: clipMrkdwn(text, limits.field) })),
  };
}

export function divider(): DividerBlock {
  return { type: 'divider' };
}

/** Buttons in a row; the block id carries what they are about so that two rows never clash. */
export function actions(id: string, buttons: readonly Button[]): ActionsBlock {
  return { type: 'actions', block_id: id, elements: [...buttons] };
}

/** `action` is the stable name of what the click asks for; `value` says about what, and proves nothing. */
export function button(
  action: string,
  label: string,
  value: string,
  options: { style?: 'primary' | 'danger'; confirm?: ConfirmationDialog } = {},
): Button {
  return { type: 'button', action_id: `${action}.v1`, text: plain(label, limits.button), value, ...options };
}

export function confirm(title: string, text: string, yes: string, no: string): ConfirmationDialog {
  return { title: plain(title, 100), text: plain(text, 300), confirm: plain(yes, 30), deny: plain(no, 30) };
}

/** Cuts between entities: half of `&amp;` or of a mention must not remain. */
function clipMrkdwn({ mrkdwn: text }: Mrkdwn, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 1).replace(/(&[a-z]*|<[^>]*)$/, '')}…`;
}
