import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { View } from '../server/state.ts';
import { Blocks } from './blocks.tsx';
import { inOrder } from './elements.tsx';
import { flushDrafts } from './parts.tsx';
import { post, type Question, usePane, useStore } from './store.ts';

/**
 * A dialog over one person's part of the page: the rest of that part is inert, the other person's is not. Focus goes in
 * when it opens, stays in, and goes back to where it was when it closes.
 */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  onSubmit?: (() => unknown) | undefined;
  children: ReactNode;
  foot: ReactNode;
  /** A different value moves the focus in again. */
  focusKey?: string;
  under?: string | undefined;
  wide?: boolean;
}): ReactNode {
  const titleId = useId();
  const box = useRef<HTMLFormElement>(null);
  /** Nothing in it could be filled in when the focus went in: it was still loading, or only says something. */
  const bare = useRef(true);
  const [to] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // After the rest of the pane is awake again.
      setTimeout(() => {
        if (to instanceof HTMLElement && to.isConnected) to.focus();
      });
    },
    [to],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: focusKey says when
  useEffect(() => {
    const form = box.current;
    if (!form) return;
    const first = form.querySelector<HTMLElement>(
      '.dialog-body :is(input, select, textarea, button, a):not([disabled])',
    );
    const wasBare = bare.current;
    bare.current = first === null;
    if (form.contains(document.activeElement) && !(wasBare && first)) return;
    (first ?? form.querySelector<HTMLElement>('.foot button') ?? form).focus();
  }, [props.focusKey]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      props.onClose();
    }
    if (event.key !== 'Tab') return;
    const all = [
      ...(box.current?.querySelectorAll<HTMLElement>(
        'a[href], button:not([disabled]):not([tabindex="-1"]), input:not([disabled]), select, textarea, summary, [tabindex="0"]',
      ) ?? []),
    ].filter((one) => one.offsetParent !== null);
    const edge = event.shiftKey ? all[0] : all.at(-1);
    if (document.activeElement !== edge && document.activeElement !== box.current) return;
    event.preventDefault();
    (event.shiftKey ? all.at(-1) : all[0])?.focus();
  };
  return (
    <div className="veil">
      <form
        ref={box}
        className={props.wide ? 'dialog wide' : 'dialog'}
        role="dialog"
        aria-modal="true"
        aria-labelledby={titleId}
        tabIndex={-1}
        noValidate
        onKeyDown={onKey}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void props.onSubmit?.();
        }}
      >
        <h2 id={titleId}>
          {props.under && <small className="muted">{props.under} › </small>}
          {props.title}
        </h2>
        <div className="dialog-body">{props.children}</div>
        <div className="foot">{props.foot}</div>
      </form>
    </div>
  );
}

/** The topmost of the app's modals; those below it keep what was typed. */
export function Modal({ views }: { views: readonly View[] }): ReactNode {
  const all = useStore();
  const { me, say } = usePane();
  const [busy, setBusy] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const view = views.at(-1);
  const wrong = view ? Object.keys(view.errors).join() : '';
  useEffect(() => {
    if (!wrong || busy) return;
    box.current?.querySelector<HTMLElement>('.wrong :is(input, textarea, select)')?.focus();
  }, [wrong, busy]);
  if (!view) return null;
  const text = (of: unknown) => (of as { text?: string } | null)?.text;
  const close = () => void inOrder(() => post('closes', { as: me, view: view.id }));
  const submit = async () => {
    if (busy) return;
    setBusy(true);
    flushDrafts();
    const answer = await inOrder(() => post('submits', { as: me, view: view.id }));
    setBusy(false);
    if (answer.error) say(answer.error);
  };
  return (
    <Dialog
      key={view.id}
      title={text(view.title) ?? ''}
      under={views.length > 1 ? text(views.at(-2)?.title) : undefined}
      focusKey={view.hash}
      wide
      onClose={close}
      onSubmit={view.submit ? submit : undefined}
      foot={
        <>
          <span className="muted from">{all.app.name}</span>
          <button type="button" onClick={close}>
            {text(view.close) ?? 'Cancel'}
          </button>
          {view.submit ? (
            <button type="submit" className="primary" aria-busy={busy} disabled={busy}>
              {text(view.submit)}
            </button>
          ) : null}
        </>
      }
    >
      <div ref={box}>
        {view.errors[''] && (
          <div className="error" role="alert">
            {view.errors['']}
          </div>
        )}
        <Blocks blocks={view.blocks} spot={{ place: { view: view.id }, view }} />
      </div>
    </Dialog>
  );
}

export function Ask({ question, answer }: { question: Question; answer: (text: string | null) => void }): ReactNode {
  const [line, setLine] = useState(question.input?.value ?? '');
  const id = useId();
  return (
    <Dialog
      title={question.title}
      onClose={() => answer(null)}
      onSubmit={() => answer(question.input ? line.trim() || null : '')}
      foot={
        <>
          <button type="button" onClick={() => answer(null)}>
            {question.no}
          </button>
          <button type="submit" className={question.danger ? 'danger' : 'primary'}>
            {question.yes}
          </button>
        </>
      }
    >
      {question.text && <p>{question.text}</p>}
      {question.input && (
        <div className="input">
          <label htmlFor={id}>{question.input.label}</label>
          <input id={id} value={line} autoComplete="off" onChange={(event) => setLine(event.target.value)} />
        </div>
      )}
    </Dialog>
  );
}
