import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';

/* Small parts that the rest of the page is made of: a menu and a list to pick from, for mouse, keyboard and screen reader. */

/** Closes what is open when somebody clicks elsewhere. */
function useOutside(open: boolean, close: () => void) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) close();
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  });
  return box;
}

export type Choice = { readonly label: string; readonly hint?: string; readonly act: () => unknown };

/** A button with choices below it. `row` are small ones, side by side, on top of the others. */
export function Menu(props: {
  label: string;
  shown: ReactNode;
  choices: readonly Choice[];
  row?: readonly (Choice & { readonly icon: string })[];
  className?: string;
}): ReactNode {
  const [open, setOpen] = useState(false);
  const box = useOutside(open, () => setOpen(false));
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    list.current?.querySelector('button')?.focus();
    list.current?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  const close = () => {
    setOpen(false);
    box.current?.querySelector('button')?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    }
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    if (step) {
      event.preventDefault();
      const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
      buttons[(at + step + buttons.length) % buttons.length]?.focus();
    }
    if (event.key === 'Tab') setOpen(false);
  };
  const item = (choice: Choice, shown: ReactNode) => (
    <button
      key={choice.label}
      type="button"
      role="menuitem"
      tabIndex={-1}
      aria-label={choice.label}
      title={choice.label}
      onClick={() => {
        close();
        void choice.act();
      }}
    >
      {shown}
    </button>
  );
  return (
    <div className={`menu ${props.className ?? ''}`} ref={box}>
      <button
        type="button"
        className="quiet"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={props.label}
        title={props.label}
        onClick={() => setOpen(!open)}
      >
        {props.shown}
      </button>
      {open && (
        <div className="popup" role="menu" tabIndex={-1} aria-label={props.label} ref={list} onKeyDown={onKey}>
          {props.row && (
            <div className="row" role="group" aria-label="React">
              {props.row.map((choice) => item(choice, choice.icon))}
            </div>
          )}
          {props.choices.map((choice) =>
            item(
              choice,
              <>
                {choice.label}
                {choice.hint && <small>{choice.hint}</small>}
              </>,
            ),
          )}
        </div>
      )}
    </div>
  );
}

export type Option = {
  readonly key: string;
  readonly label: string;
  readonly description?: string | undefined;
  readonly group?: string | undefined;
};

/** A list to pick from by typing: one or several, from what is known or from what `search` brings. */
export function Picker(props: {
  id: string;
  label?: string | undefined;
  describedBy?: string | undefined;
  invalid?: boolean;
  placeholder?: string | undefined;
  multiple?: boolean;
  most?: number | undefined;
  chosen: readonly Option[];
  options?: readonly Option[];
  search?: (text: string) => Promise<readonly Option[]>;
  /** Characters to type before the search begins. */
  least?: number;
  autoFocus?: boolean | undefined;
  clearable?: boolean;
  onPick: (chosen: readonly Option[]) => void;
}): ReactNode {
  const { multiple = false, chosen, options, search, least = 0 } = props;
  const [typed, setTyped] = useState<string>();
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const [found, setFound] = useState<readonly Option[]>([]);
  const [busy, setBusy] = useState(false);
  const asked = useRef(0);
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const box = useOutside(open, () => leave());

  const words = (typed ?? '').toLowerCase();
  const all = search ? found : (options ?? []).filter((one) => one.label.toLowerCase().includes(words));
  const left = multiple ? all.filter((one) => !chosen.some((other) => other.key === one.key)) : all;
  const full = multiple && props.most !== undefined && chosen.length >= props.most;
  const short = search !== undefined && (typed ?? '').length < least;

  function ask(text: string): void {
    if (!search) return;
    const mine = ++asked.current;
    if (text.length < least) {
      setFound([]);
      return;
    }
    setBusy(true);
    setTimeout(async () => {
      if (mine !== asked.current) return;
      const answer = await search(text);
      if (mine !== asked.current) return;
      setFound(answer);
      setBusy(false);
      setAt(0);
    }, 120);
  }
  function enter(): void {
    setOpen(true);
    setAt(0);
    if (typed === undefined) ask('');
  }
  function leave(): void {
    setOpen(false);
    setTyped(undefined);
  }
  function pick(option: Option): void {
    props.onPick(multiple ? [...chosen, option] : [option]);
    setTyped(undefined);
    if (!multiple) setOpen(false);
    input.current?.focus();
  }
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) enter();
      else setAt((now) => (now + (event.key === 'ArrowDown' ? 1 : -1) + left.length) % Math.max(1, left.length));
    } else if (event.key === 'Enter' && open) {
      event.preventDefault();
      const option = left[at];
      if (option && !full) pick(option);
    } else if (event.key === 'Escape' && open) {
      event.stopPropagation();
      leave();
    } else if (event.key === 'Backspace' && multiple && !typed && chosen.length > 0) props.onPick(chosen.slice(0, -1));
  };
  useEffect(() => {
    if (open) document.getElementById(`${listId}-${at}`)?.scrollIntoView({ block: 'nearest' });
  }, [at, open, listId]);
  const [single] = chosen;
  return (
    <div className="picker" ref={box}>
      {multiple &&
        chosen.map((one) => (
          <span key={one.key} className="chip">
            {one.label}
            <button
              type="button"
              aria-label={`Remove ${one.label}`}
              onClick={() => props.onPick(chosen.filter((other) => other.key !== one.key))}
            >
              ×
            </button>
          </span>
        ))}
      <input
        ref={input}
        id={props.id}
        role="combobox"
        autoComplete="off"
        // biome-ignore lint/a11y/noAutofocus: focus_on_load asks for it, in a dialog that just opened
        autoFocus={props.autoFocus}
        aria-label={props.label}
        aria-describedby={props.describedBy}
        aria-invalid={props.invalid || undefined}
        aria-expanded={open}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={open && left[at] ? `${listId}-${at}` : undefined}
        placeholder={props.placeholder ?? (multiple ? 'Add…' : 'Choose…')}
        value={typed ?? (multiple ? '' : (single?.label ?? ''))}
        onClick={enter}
        onChange={(event) => {
          setTyped(event.target.value);
          setOpen(true);
          setAt(0);
          ask(event.target.value);
        }}
        onKeyDown={onKey}
        onBlur={(event) => {
          if (!box.current?.contains(event.relatedTarget as Node)) leave();
        }}
      />
      {!multiple && props.clearable && single && (
        <button type="button" className="quiet" aria-label="Clear the choice" onClick={() => props.onPick([])}>
          ×
        </button>
      )}
      <div id={listId} role="listbox" aria-label="Choices" className="popup" hidden={!open}>
        {open &&
          left.map((one, index) => (
            <div key={one.key}>
              {one.group && one.group !== left[index - 1]?.group && (
                <div className="group" role="presentation">
                  {one.group}
                </div>
              )}
              <div
                id={`${listId}-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === at}
                onPointerDown={(event) => {
                  event.preventDefault();
                  if (!full) pick(one);
                }}
              >
                {one.label}
                {one.description && <small>{one.description}</small>}
              </div>
            </div>
          ))}
        {open && left.length === 0 && (
          <div className="none">
            {short
              ? `Type ${least} characters to search`
              : busy
                ? 'Searching…'
                : full
                  ? 'No more can be chosen'
                  : 'Nothing fits'}
          </div>
        )}
      </div>
    </div>
  );
}

/** Text that is sent a moment after the last key, and at the latest when `flush` is called. */
const waiting = new Set<() => void>();
export function flushDrafts(): void {
  for (const send of [...waiting]) send();
}

export function useDraft(value: string, commit: (text: string) => void, afterMs: number) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef({ text, commit, sent: value });
  latest.current.commit = commit;
  const send = useRef(() => {
    clearTimeout(timer.current);
    waiting.delete(send.current);
    const { text: now, sent } = latest.current;
    if (now === sent) return;
    latest.current.sent = now;
    latest.current.commit(now);
  });
  // Somebody else changed it: an update of the view, or this person in another window.
  useEffect(() => {
    if (waiting.has(send.current) || value === latest.current.sent) return;
    latest.current = { ...latest.current, text: value, sent: value };
    setText(value);
  }, [value]);
  useEffect(() => {
    const last = send.current;
    return () => last();
  }, []);
  return {
    text,
    set: (now: string) => {
      setText(now);
      latest.current.text = now;
      clearTimeout(timer.current);
      waiting.add(send.current);
      timer.current = setTimeout(send.current, afterMs);
    },
    flush: () => send.current(),
  };
}

/** The first letters of a name in a coloured square: no pictures, no network. */
export function Face({ name, id, bot }: { name: string; id: string; bot?: boolean }): ReactNode {
  const letters = name
    .split(/\s+/)
    .map((word) => word[0] ?? '')
    .slice(0, 2)
    .join('');
  const hue = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 6;
  return (
    <span className={`face face-${bot ? 'bot' : hue}`} aria-hidden="true">
      {letters.toUpperCase()}
    </span>
  );
}
