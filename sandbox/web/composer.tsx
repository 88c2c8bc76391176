import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { ShownChannel } from '../server/screen.ts';
import { post, type State, usePane, useStore } from './store.ts';
import { emoji } from './words.tsx';

type Offer = { readonly key: string; readonly shown: string; readonly hint: string; readonly insert: string };

/** Where a person writes: with commands, people, channels and emoji completed, and a command's usage hint above the line. */
export function Composer({ channel, thread }: { channel: ShownChannel; thread?: string }): ReactNode {
  const all = useStore();
  const { me, say } = usePane();
  const kept = `draft:${me}:${channel.id}:${thread ?? ''}`;
  const [line, setLine] = useState(() => localStorage.getItem(kept) ?? '');
  const [caret, setCaret] = useState(0);
  const [at, setAt] = useState(0);
  const [hidden, setHidden] = useState(false);
  const [sending, setSending] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const past = useRef<string[]>([]);
  const id = useId();
  useEffect(() => setLine(localStorage.getItem(kept) ?? ''), [kept]);

  const set = (text: string) => {
    setLine(text);
    setAt(0);
    setHidden(false);
    if (text) localStorage.setItem(kept, text);
    else localStorage.removeItem(kept);
  };
  const offers = hidden ? [] : offersFor(all, channel, line, caret, thread !== undefined);
  const command = all.commands.find((one) => line === one.command || line.startsWith(`${one.command} `));

  const take = (offer: Offer) => {
    const before = line.slice(0, caret).replace(/\S*$/, '');
    const text = `${before}${offer.insert}${line.slice(caret)}`;
    set(text);
    const to = before.length + offer.insert.length;
    setCaret(to);
    queueMicrotask(() => box.current?.setSelectionRange(to, to));
  };
  const send = async () => {
    const text = line.trim();
    if (text === '') return;
    past.current.push(text);
    set('');
    setSending(true);
    const answer = await post('types', { as: me, channel: channel.id, text, ...(thread ? { thread } : {}) });
    setSending(false);
    if (answer.error) {
      say(answer.error);
      set(text);
    }
  };
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const open = offers.length > 0;
    if (open && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setAt((at + (event.key === 'ArrowDown' ? 1 : -1) + offers.length) % offers.length);
    } else if (open && event.key === 'Tab') {
      event.preventDefault();
      take(offers[at] as Offer);
    } else if (open && event.key === 'Escape') {
      event.stopPropagation();
      setHidden(true);
    } else if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      const offer = offers[at];
      // Enter completes a word that was begun, and sends everything else.
      if (offer && /\S$/.test(line.slice(0, caret))) take(offer);
      else void send();
    } else if (event.key === 'ArrowUp' && line === '') {
      event.preventDefault();
      set(past.current.at(-1) ?? '');
    }
  };
  const where = thread ? 'Reply in thread' : channel.is_im ? 'Direct message' : `Message #${channel.name}`;
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {offers.length > 0 && (
        <div className="popup up" role="listbox" id={`${id}-list`} aria-label="Completions">
          {offers.map((offer, index) => (
            <div
              key={offer.key}
              id={`${id}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              onPointerDown={(event) => {
                event.preventDefault();
                take(offer);
              }}
            >
              <strong>{offer.shown}</strong> <small>{offer.hint}</small>
            </div>
          ))}
        </div>
      )}
      <div className="hint muted" id={`${id}-hint`}>
        {command ? `${command.command} ${command.usageHint}` : ''}
      </div>
      <div className="line">
        <textarea
          ref={box}
          rows={1}
          value={line}
          aria-label={`${where}: message or command`}
          aria-describedby={`${id}-hint`}
          aria-autocomplete="list"
          aria-controls={offers.length > 0 ? `${id}-list` : undefined}
          aria-activedescendant={offers.length > 0 ? `${id}-${at}` : undefined}
          placeholder={`${where}, or / for commands`}
          onChange={(event) => {
            set(event.target.value);
            setCaret(event.target.selectionStart);
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
          onKeyDown={onKey}
        />
        <button type="submit" className="primary" aria-busy={sending}>
          Send
        </button>
      </div>
    </form>
  );
}

function offersFor(all: State, channel: ShownChannel, line: string, caret: number, inThread: boolean): Offer[] {
  const before = line.slice(0, caret);
  const word = /\S*$/.exec(before)?.[0] ?? '';
  const first = before.length === word.length;
  if (first && word.startsWith('/') && !inThread)
    return all.commands
      .filter((one) => one.command.startsWith(word))
      .map((one) => ({ key: one.command, shown: one.command, hint: one.description, insert: `${one.command} ` }))
      .filter((one) => one.insert.trim() !== word);
  const command = all.commands.find((one) => before.startsWith(`${one.command} `));
  // The verbs that a usage hint lists: "new | book [REL-1] | move".
  if (command && /^\S+ \S*$/.test(before) && !/^[@#:]/.test(word))
    return command.usageHint
      .split('|')
      .map((one) => /^\s*([a-z][\w-]*)/.exec(one)?.[1] ?? '')
      .filter((one) => one !== '' && one !== word && one.startsWith(word))
      .slice(0, 14)
      .map((one) => ({ key: one, shown: one, hint: '', insert: `${one} ` }));
  if (/^@./.test(word))
    return Object.values(all.users)
      .filter(
        (one) => !one.deleted && `${one.name} ${one.real_name}`.toLowerCase().includes(word.slice(1).toLowerCase()),
      )
      .filter((one) => `@${one.name}` !== word)
      .slice(0, 8)
      .map((one) => ({
        key: one.id,
        shown: `@${one.name}`,
        hint: `${one.real_name}${channel.members.includes(one.id) ? '' : ' · not in this channel'}`,
        insert: `@${one.name} `,
      }));
  const known = Object.values(all.screens)
    .flatMap((screen) => Object.values(screen.channels))
    .filter((one, index, list) => !one.is_im && list.findIndex((other) => other.id === one.id) === index);
  if (/^#./.test(word))
    return known
      .filter((one) => one.name.startsWith(word.slice(1)) && `#${one.name}` !== word)
      .slice(0, 8)
      .map((one) => ({ key: one.id, shown: `#${one.name}`, hint: one.topic, insert: `#${one.name} ` }));
  if (/^:[a-z]{2}/.test(word))
    return Object.entries(emoji)
      .filter(([name]) => name.startsWith(word.slice(1)))
      .slice(0, 8)
      .map(([name, shown]) => ({ key: name, shown, hint: `:${name}:`, insert: `${shown} ` }));
  return [];
}
