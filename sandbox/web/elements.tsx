import type {
  ActionsBlockElement,
  Button,
  ConfirmationDialog,
  ContextActionsBlockElement,
  InputBlockElement,
  SectionBlockAccessory,
  Option as SlackOption,
} from '@slack/types';
import { type ReactNode, useId, useState } from 'react';
import type { StateValue, View } from '../server/state.ts';
import { Menu, type Option, Picker, useDraft } from './parts.tsx';
import { type Answer, post, type Steady, upload, useChannels, usePane, useSteady } from './store.ts';
import { isSafeLink, Text, Unknown } from './words.tsx';

/* The elements of Block Kit, working: what is pressed, picked or typed goes to the workspace, and from there to the app. */

export type Place = { readonly channel: string; readonly ts: string } | { readonly view: string };
/** Where blocks stand, and what was chosen in them so far. */
export type Spot = { readonly place: Place; readonly view?: View };
export type AnyElement = ActionsBlockElement | SectionBlockAccessory | InputBlockElement | ContextActionsBlockElement;

/** Fills are sent one after the other, and a submission after the last of them. */
let queue: Promise<unknown> = Promise.resolve();
export function inOrder<T>(work: () => Promise<T>): Promise<T> {
  const next = queue.then(work, work);
  queue = next.catch(() => undefined);
  return next;
}

type Props = {
  of: AnyElement;
  blockId: string;
  spot: Spot;
  /** Inputs keep what they hold until the form is sent; everything else acts at once. */
  input?: {
    readonly id: string;
    readonly label: string;
    readonly invalid: boolean;
    readonly describedBy: string | undefined;
    readonly dispatches: boolean;
  };
  /** What stands beside it, for who cannot see it. */
  about?: string | undefined;
};

export function Element(props: Props): ReactNode {
  const { of, blockId, spot, input } = props;
  const all = useSteady();
  const pane = usePane();
  const [local, setLocal] = useState<StateValue>();
  const [trouble, setTrouble] = useState('');
  const [busy, setBusy] = useState(false);
  const made = useId();
  const actionId = 'action_id' in of ? String(of.action_id ?? '') : '';
  const known = spot.view?.values[blockId]?.[actionId];
  // What somebody just chose is shown at once; what the server says later is the truth.
  const told = JSON.stringify(known);
  const [heard, setHeard] = useState(told);
  if (heard !== told) {
    setHeard(told);
    setLocal(undefined);
  }
  const held = local ?? known ?? { type: of.type, ...initial(of) };

  const act = async (value?: Record<string, unknown>): Promise<void> => {
    // Not disabled meanwhile: a button that is loses the focus that has to come back to it.
    if (busy) return;
    const { confirm } = of as { confirm?: ConfirmationDialog };
    if (confirm && !(await sure(pane.ask, confirm))) return;
    setBusy(true);
    setTrouble('');
    const answer = await inOrder(() => post('clicks', { as: pane.me, place: spot.place, blockId, actionId, value }));
    setBusy(false);
    if (answer.status !== 'ok') setTrouble(whatWentWrong(answer));
  };
  const put = async (value: Record<string, unknown>): Promise<void> => {
    setLocal({ ...held, ...value });
    if (!input) return act(value);
    const view = spot.view?.id;
    await inOrder(() => post('fills', { view, blockId, actionId, value }));
    if (input.dispatches)
      await inOrder(() =>
        post('clicks', { as: pane.me, place: spot.place, blockId, actionId, value: { ...held, ...value } }),
      );
  };
  const id = input?.id ?? made;
  const common: Common = {
    id,
    label: input ? undefined : labelOf(of, props.about),
    describedBy: input?.describedBy,
    invalid: input?.invalid ?? false,
    autoFocus: 'focus_on_load' in of && of.focus_on_load === true,
    placeholder: 'placeholder' in of ? of.placeholder?.text : undefined,
    afterMs: input ? 250 : 700,
  };
  const search = (text: string) =>
    post('searches', { as: pane.me, place: spot.place, blockId, actionId, text }).then((answer) =>
      ((answer.options ?? []) as SlackOption[]).map((one) => fromSlack(one)),
    );
  return (
    <>
      {draw(of, {
        common,
        held,
        put,
        act,
        busy,
        search,
        all,
        me: pane.me,
        group: input?.label ?? labelOf(of, props.about) ?? '',
      })}
      {trouble && (
        <span className="trouble" role="alert">
          ⚠ {trouble}
        </span>
      )}
    </>
  );
}

type Common = {
  id: string;
  label: string | undefined;
  describedBy: string | undefined;
  invalid: boolean;
  autoFocus: boolean;
  placeholder: string | undefined;
  afterMs: number;
};
type Tools = {
  common: Common;
  held: StateValue;
  put: (value: Record<string, unknown>) => Promise<void>;
  act: (value?: Record<string, unknown>) => Promise<void>;
  busy: boolean;
  search: (text: string) => Promise<readonly Option[]>;
  all: Steady;
  me: string;
  group: string;
};

/** One case for each element of @slack/types: a new one does not compile until it has its own. */
function draw(of: AnyElement, tools: Tools): ReactNode {
  const { common, held, put, act, busy, search, all, me, group } = tools;
  switch (of.type) {
    case 'button':
      return <PressButton of={of} busy={busy} act={act} />;
    case 'workflow_button':
      return (
        <button type="button" disabled title="Workflows do not run in the local workspace">
          {of.text.text}
        </button>
      );
    case 'icon_button':
      if (of.visible_to_user_ids && !of.visible_to_user_ids.includes(me)) return null;
      return (
        <button type="button" className="quiet" aria-busy={busy} title={of.text.text} onClick={() => void act()}>
          <span aria-hidden="true">{of.icon === 'trash' ? '🗑' : '•'}</span> {of.text.text}
        </button>
      );
    case 'feedback_buttons':
      return (
        <span className="row" role="group" aria-label="Feedback">
          {[of.positive_button, of.negative_button].map((one, index) => (
            <button
              key={one.value}
              type="button"
              className="quiet"
              aria-busy={busy}
              aria-label={one.accessibility_label ?? one.text.text}
              onClick={() => void act({ value: one.value, text: one.text })}
            >
              {index === 0 ? '👍' : '👎'} {one.text.text}
            </button>
          ))}
        </span>
      );
    case 'overflow':
      return (
        <Menu
          className="overflow"
          label="More actions"
          shown="⋯"
          choices={of.options.map((one) => ({
            label: one.text.text,
            ...(one.description ? { hint: one.description.text } : {}),
            act: () => {
              if (one.url && isSafeLink(one.url)) window.open(one.url, '_blank', 'noreferrer');
              return act({ selected_option: one });
            },
          }))}
        />
      );
    case 'image':
      return <Picture of={of} className="accessory" />;
    case 'static_select':
    case 'multi_static_select': {
      const options = of.options
        ? of.options.map((one) => fromSlack(one))
        : (of.option_groups ?? []).flatMap((one) => one.options.map((inner) => fromSlack(inner, one.label.text)));
      const raw = [...(of.options ?? []), ...(of.option_groups ?? []).flatMap((one) => one.options)];
      return of.type === 'static_select' ? (
        <One
          {...common}
          options={options}
          held={held.selected_option}
          pick={(key) => put({ selected_option: raw.find((one) => one.value === key) ?? null })}
        />
      ) : (
        <Many
          {...common}
          most={of.max_selected_items}
          options={options}
          held={held.selected_options}
          pick={(keys) => put({ selected_options: keys.flatMap((key) => raw.find((one) => one.value === key) ?? []) })}
        />
      );
    }
    case 'external_select':
    case 'multi_external_select': {
      const multiple = of.type === 'multi_external_select';
      const chosen = ((multiple ? held.selected_options : [held.selected_option]) as (SlackOption | null | undefined)[])
        ?.filter((one): one is SlackOption => Boolean(one))
        .map((one) => fromSlack(one));
      const back = (one: Option): unknown => ({
        text: { type: 'plain_text', text: one.label, emoji: true },
        value: one.key,
        ...(one.description ? { description: { type: 'plain_text', text: one.description, emoji: true } } : {}),
      });
      return (
        <Picker
          {...common}
          multiple={multiple}
          clearable
          most={of.type === 'multi_external_select' ? of.max_selected_items : undefined}
          chosen={chosen ?? []}
          search={search}
          least={of.min_query_length ?? 3}
          onPick={(picked) =>
            void put(
              multiple
                ? { selected_options: picked.map(back) }
                : { selected_option: picked[0] ? back(picked[0]) : null },
            )
          }
        />
      );
    }
    case 'users_select':
      return (
        <One {...common} options={usersOf(all)} held={held.selected_user} pick={(key) => put({ selected_user: key })} />
      );
    case 'multi_users_select':
      return (
        <Many
          {...common}
          most={of.max_selected_items}
          options={usersOf(all)}
          held={held.selected_users}
          pick={(keys) => put({ selected_users: keys })}
        />
      );
    case 'channels_select':
      return (
        <Channels me={me} which="public" app={all.app.name}>
          {(options) => (
            <One
              {...common}
              options={options}
              held={held.selected_channel}
              pick={(key) => put({ selected_channel: key })}
            />
          )}
        </Channels>
      );
    case 'multi_channels_select':
      return (
        <Channels me={me} which="public" app={all.app.name}>
          {(options) => (
            <Many
              {...common}
              most={of.max_selected_items}
              options={options}
              held={held.selected_channels}
              pick={(keys) => put({ selected_channels: keys })}
            />
          )}
        </Channels>
      );
    case 'conversations_select':
      return (
        <Channels me={me} which="all" app={all.app.name}>
          {(options) => (
            <One
              {...common}
              options={options}
              held={held.selected_conversation}
              pick={(key) => put({ selected_conversation: key })}
            />
          )}
        </Channels>
      );
    case 'multi_conversations_select':
      return (
        <Channels me={me} which="all" app={all.app.name}>
          {(options) => (
            <Many
              {...common}
              most={of.max_selected_items}
              options={options}
              held={held.selected_conversations}
              pick={(keys) => put({ selected_conversations: keys })}
            />
          )}
        </Channels>
      );
    case 'datepicker':
      return (
        <Typed
          {...common}
          type="date"
          value={String(held.selected_date ?? '')}
          commit={(text) => put({ selected_date: text || null })}
        />
      );
    case 'timepicker':
      return (
        <Typed
          {...common}
          type="time"
          value={String(held.selected_time ?? '')}
          commit={(text) => put({ selected_time: text || null })}
        />
      );
    case 'datetimepicker': {
      const zone = all.users[me]?.tz ?? 'UTC';
      const seconds = held.selected_date_time as number | null;
      return (
        <>
          <Typed
            {...common}
            type="datetime-local"
            value={seconds ? toWall(seconds * 1000, zone) : ''}
            commit={(text) => put({ selected_date_time: text ? fromWall(text, zone) / 1000 : null })}
          />
          <small className="muted"> {zone}</small>
        </>
      );
    }
    case 'plain_text_input':
      return (
        <Typed
          {...common}
          type={of.multiline ? 'lines' : 'text'}
          most={of.max_length}
          value={String(held.value ?? '')}
          commit={(text) => put({ value: text || null })}
        />
      );
    case 'email_text_input':
      return (
        <Typed
          {...common}
          type="email"
          value={String(held.value ?? '')}
          commit={(text) => put({ value: text || null })}
        />
      );
    case 'url_text_input':
      return (
        <Typed
          {...common}
          type="url"
          value={String(held.value ?? '')}
          commit={(text) => put({ value: text || null })}
        />
      );
    case 'number_input':
      return (
        <Typed
          {...common}
          type="number"
          least={of.min_value}
          top={of.max_value}
          step={of.is_decimal_allowed ? 'any' : '1'}
          value={String(held.value ?? '')}
          commit={(text) => put({ value: text || null })}
        />
      );
    case 'rich_text_input':
      return (
        <Typed
          {...common}
          type="lines"
          value={textOfRich(held.rich_text_value)}
          commit={(text) => put({ rich_text_value: text ? richOf(text) : null })}
        />
      );
    case 'file_input':
      return (
        <Files
          {...common}
          most={of.max_files ?? 10}
          kinds={of.filetypes}
          held={(held.files ?? []) as { id: string; name: string }[]}
          me={me}
          put={put}
        />
      );
    case 'checkboxes':
    case 'radio_buttons': {
      const many = of.type === 'checkboxes';
      const chosen = many
        ? ((held.selected_options ?? []) as SlackOption[]).map((one) => one.value)
        : [(held.selected_option as SlackOption | null)?.value];
      return (
        // biome-ignore lint/a11y/useAriaPropsSupportedByRole: group and radiogroup both take a label
        <div
          className="options"
          role={many ? 'group' : 'radiogroup'}
          aria-label={group}
          aria-describedby={common.describedBy}
        >
          {of.options.map((one, index) => (
            <label key={one.value}>
              <input
                type={many ? 'checkbox' : 'radio'}
                id={index === 0 ? common.id : undefined}
                name={common.id}
                // biome-ignore lint/a11y/noAutofocus: focus_on_load asks for it, in a dialog that just opened
                autoFocus={common.autoFocus && index === 0}
                checked={chosen.includes(one.value)}
                onChange={(event) => {
                  if (!many) return void put({ selected_option: one });
                  const now = of.options.filter((other) =>
                    other.value === one.value ? event.target.checked : chosen.includes(other.value),
                  );
                  void put({ selected_options: now });
                }}
              />
              <span>
                <Text of={one.text} />
                {one.description && (
                  <small>
                    <Text of={one.description} />
                  </small>
                )}
              </span>
            </label>
          ))}
        </div>
      );
    }
    default:
      return <Unknown what={of satisfies never} />;
  }
}

export function PressButton(props: { of: Button; busy: boolean; act: () => Promise<void> }): ReactNode {
  const { of, busy, act } = props;
  const label = of.accessibility_label;
  if (of.url && isSafeLink(of.url))
    return (
      <a
        className={`button ${of.style ?? ''}`}
        href={of.url}
        target="_blank"
        rel="noreferrer noopener"
        aria-label={label}
        onClick={() => void act()}
      >
        <Text of={of.text} />
      </a>
    );
  return (
    <button type="button" className={of.style ?? ''} aria-label={label} aria-busy={busy} onClick={() => void act()}>
      <Text of={of.text} />
    </button>
  );
}

/** A picture of this workspace; one from elsewhere is named, not fetched. */
export function Picture(props: {
  of: { alt_text: string; image_url?: string; slack_file?: object };
  className?: string;
}): ReactNode {
  const { me } = usePane();
  const { of } = props;
  const all = useSteady();
  const { id } = (of.slack_file ?? {}) as { id?: string };
  const own = id
    ? `/files-pri/${all.team.id}-${id}/file?as=${me}`
    : /^data:image\/(png|jpeg|gif|webp);/.test(of.image_url ?? '')
      ? of.image_url
      : undefined;
  if (own) return <img src={own} alt={of.alt_text} className={props.className ?? ''} />;
  const from = of.image_url ?? '';
  return (
    <span className={`elsewhere ${props.className ?? ''}`} role="img" aria-label={of.alt_text} title={from}>
      🖼 {of.alt_text}
    </span>
  );
}

function One(
  props: Common & { options: readonly Option[]; held: unknown; pick: (key: string | null) => Promise<void> },
): ReactNode {
  const { options, held, pick, ...common } = props;
  const key = typeof held === 'string' ? held : (held as SlackOption | null)?.value;
  const found = options.find((one) => one.key === key);
  const chosen = found ?? (key ? { key, label: key } : undefined);
  return (
    <Picker
      {...common}
      clearable={false}
      options={options}
      chosen={chosen ? [chosen] : []}
      onPick={([one]) => void pick(one?.key ?? null)}
    />
  );
}

function Many(
  props: Common & {
    options: readonly Option[];
    held: unknown;
    most: number | undefined;
    pick: (keys: string[]) => Promise<void>;
  },
): ReactNode {
  const { options, held, pick, ...common } = props;
  const keys = ((held ?? []) as (string | SlackOption)[]).map((one) =>
    typeof one === 'string' ? one : String(one.value),
  );
  const chosen = keys.map((key) => options.find((one) => one.key === key) ?? { key, label: key });
  return (
    <Picker
      {...common}
      multiple
      options={options}
      chosen={chosen}
      onPick={(picked) => void pick(picked.map((one) => one.key))}
    />
  );
}

function Typed(
  props: Common & {
    type: 'text' | 'lines' | 'email' | 'url' | 'number' | 'date' | 'time' | 'datetime-local';
    value: string;
    most?: number | undefined;
    least?: string | undefined;
    top?: string | undefined;
    step?: string;
    commit: (text: string) => Promise<void>;
  },
): ReactNode {
  const draft = useDraft(props.value, (text) => void props.commit(text), props.afterMs);
  const attributes = {
    id: props.id,
    autoFocus: props.autoFocus,
    'aria-label': props.label,
    'aria-describedby': props.describedBy,
    'aria-invalid': props.invalid || undefined,
    placeholder: props.placeholder,
    maxLength: props.most,
    value: draft.text,
    onBlur: draft.flush,
  };
  if (props.type === 'lines')
    return <textarea {...attributes} rows={3} onChange={(event) => draft.set(event.target.value)} />;
  return (
    <input
      {...attributes}
      type={props.type}
      min={props.least}
      max={props.top}
      step={props.step}
      onChange={(event) => draft.set(event.target.value)}
    />
  );
}

function Files(
  props: Common & {
    most: number;
    kinds: string[] | undefined;
    held: { id: string; name: string }[];
    me: string;
    put: (value: Record<string, unknown>) => Promise<void>;
  },
): ReactNode {
  const add = async (given: FileList | null) => {
    const files: Answer[] = [];
    for (const file of [...(given ?? [])]) files.push(await upload(props.me, file));
    await props.put({ files: [...props.held, ...files].slice(0, props.most) });
  };
  return (
    <div>
      <input
        id={props.id}
        type="file"
        multiple={props.most > 1}
        accept={props.kinds?.map((kind) => `.${kind}`).join(',')}
        aria-label={props.label}
        aria-describedby={props.describedBy}
        onChange={(event) => void add(event.target.files)}
      />
      {props.held.map((file) => (
        <span key={file.id} className="chip">
          {file.name}
          <button
            type="button"
            aria-label={`Remove ${file.name}`}
            onClick={() => void props.put({ files: props.held.filter((one) => one.id !== file.id) })}
          >
            ×
          </button>
        </span>
      ))}
    </div>
  );
}

async function sure(ask: ReturnType<typeof usePane>['ask'], confirm: ConfirmationDialog): Promise<boolean> {
  const answer = await ask({
    title: confirm.title?.text ?? 'Are you sure?',
    text: confirm.text.text,
    yes: confirm.confirm?.text ?? 'Yes',
    no: confirm.deny?.text ?? 'Cancel',
    danger: confirm.style === 'danger',
  });
  return answer !== null;
}

function whatWentWrong(answer: Answer): string {
  if (answer.status === 'operation_timeout') return 'The app did not answer within three seconds.';
  if (answer.status === 'dispatch_failed') return 'The app could not be reached.';
  return String(answer.error ?? 'That did not work.');
}

function initial(of: AnyElement): Record<string, unknown> {
  const given = of as unknown as Record<string, unknown>;
  return {
    selected_option: given.initial_option,
    selected_options: given.initial_options,
    selected_user: given.initial_user,
    selected_users: given.initial_users,
    selected_channel: given.initial_channel,
    selected_channels: given.initial_channels,
    selected_conversation: given.initial_conversation,
    selected_conversations: given.initial_conversations,
    selected_date: given.initial_date,
    selected_time: given.initial_time,
    selected_date_time: given.initial_date_time,
  };
}

function labelOf(of: AnyElement, about: string | undefined): string | undefined {
  const own = 'placeholder' in of ? of.placeholder?.text : undefined;
  return [own, about].filter(Boolean).join(': ').slice(0, 150) || of.type.replaceAll('_', ' ');
}

function fromSlack(one: SlackOption, group?: string): Option {
  return { key: String(one.value ?? one.text.text), label: one.text.text, description: one.description?.text, group };
}

function usersOf(all: Steady): Option[] {
  return Object.values(all.users)
    .filter((one) => !one.deleted && !one.is_bot)
    .map((one) => ({ key: one.id, label: one.real_name, description: one.title }));
}

/** Channels to pick from; the only elements that change with every message. */
function Channels(props: {
  me: string;
  which: 'public' | 'all';
  app: string;
  children: (options: Option[]) => ReactNode;
}): ReactNode {
  const all = Object.values(useChannels(props.me));
  return props.children(
    all
      .filter((one) => !one.is_archived && (props.which === 'all' || (!one.is_private && !one.is_im)))
      .map((one) => ({ key: one.id, label: one.is_im ? props.app : `#${one.name}` })),
  );
}

/** What a clock on the wall of a zone shows, for a datetime-local input; and back. */
export function toWall(at: number, timeZone: string): string {
  return new Date(at).toLocaleString('sv-SE', { timeZone }).replace(' ', 'T').slice(0, 16);
}

export function fromWall(wall: string, timeZone: string): number {
  let at = Date.parse(`${wall}:00Z`);
  for (let tries = 0; tries < 3; tries++) at += Date.parse(`${wall}:00Z`) - Date.parse(`${toWall(at, timeZone)}:00Z`);
  return at;
}

function richOf(text: string): unknown {
  return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text }] }] };
}

function textOfRich(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const { text, elements } = value as { text?: string; elements?: unknown[] };
  return `${text ?? ''}${(elements ?? []).map(textOfRich).join('')}`;
}
