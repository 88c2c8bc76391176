import { memo, type ReactNode } from 'react';
import type { ShownChannel, ShownFile, ShownMessage } from '../server/screen.ts';
import type { Attachment } from '../server/state.ts';
import { Blocks } from './blocks.tsx';
import type { Place } from './elements.tsx';
import { type Choice, Face, Menu } from './parts.tsx';
import { nameOf, post, usePane, useSteady } from './store.ts';
import { emoji, Link, Mrkdwn, offered, typed } from './words.tsx';

/** What a message has to know of where it stands. */
export type Stand = Pick<ShownChannel, 'id' | 'is_archived' | 'pins' | 'members'>;
type Props = {
  message: ShownMessage;
  channel: Stand;
  replies?: readonly ShownMessage[] | undefined;
  inThread?: boolean;
  wanted?: boolean;
};

/** One message with all that hangs on it. Drawn again only when it, or what stands below it, changed. */
export const Message = memo(function Message({ message, channel, replies, inThread, wanted }: Props): ReactNode {
  const all = useSteady();
  const pane = usePane();
  const author = all.users[message.user];
  const zone = all.users[pane.me]?.tz ?? 'UTC';
  const at = new Date(Number(message.ts) * 1000);
  const time = at.toLocaleTimeString('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' });
  const stamp = (
    <time className="muted" dateTime={at.toISOString()} title={at.toLocaleString('en-GB', { timeZone: zone })}>
      {time}
    </time>
  );
  if (message.subtype && message.subtype !== 'file_share')
    return (
      <div className="system" id={`${pane.me}-${message.ts}`}>
        <Mrkdwn text={message.text} /> · {stamp}
      </div>
    );
  const last = replies?.at(-1);
  return (
    <article
      className={`message${message.ephemeral_to ? ' ephemeral' : ''}${wanted ? ' wanted' : ''}`}
      id={inThread ? undefined : `${pane.me}-${message.ts}`}
      aria-label={`${nameOf(all, message.user)}, ${time}`}
    >
      <Face name={nameOf(all, message.user)} id={message.user} bot={author?.is_bot ?? true} />
      <div className="body">
        <div className="byline">
          <span className="who">{nameOf(all, message.user)}</span>
          {author?.is_bot && <span className="tag">app</span>}
          {author?.is_stranger && <span className="tag">other organisation</span>}
          {author?.is_restricted && <span className="tag">guest</span>} {stamp}
          {message.edited && <span className="muted"> (edited)</span>}
          {channel.pins.includes(message.ts) && (
            <span role="img" aria-label="pinned">
              📌
            </span>
          )}
          {!message.ephemeral_to && <Tools message={message} channel={channel} />}
        </div>
        {message.ephemeral_to && <div className="muted">👁 Only visible to you</div>}
        {message.reply_broadcast && !inThread && <div className="muted">replied to a thread</div>}
        {message.blocks?.length ? (
          <Blocks blocks={message.blocks} spot={{ place: { channel: channel.id, ts: message.ts } }} />
        ) : (
          <div className="text">
            <Mrkdwn text={message.text} />
          </div>
        )}
        {message.attachments?.map((one) => (
          <Unfurled key={one.from_url} of={one} place={{ channel: channel.id, ts: message.ts }} />
        ))}
        {message.files && (
          <ul className="files" aria-label="Files">
            {message.files.map((file) => (
              <li key={file.id}>
                <ShowFile file={file} />
              </li>
            ))}
          </ul>
        )}
        {message.reactions && <Reactions message={message} channel={channel} />}
        {last && !inThread && (
          <button type="button" className="replies" onClick={() => pane.openThread(channel.id, message.ts)}>
            {replies?.length} {replies?.length === 1 ? 'reply' : 'replies'}
            <span className="muted"> last by {nameOf(all, last.user)}</span>
          </button>
        )}
      </div>
    </article>
  );
});

/** What the app showed of a link. Its buttons work as those of a message. */
function Unfurled({ of, place }: { of: Attachment; place: Place }): ReactNode {
  return (
    <section className="unfurled" aria-label={`Preview of ${of.from_url}`}>
      {of.title && (
        <p className="who">
          <Link url={of.from_url}>{of.title}</Link>
        </p>
      )}
      {of.text && (
        <div className="text">
          <Mrkdwn text={of.text} />
        </div>
      )}
      {of.blocks && <Blocks blocks={of.blocks} spot={{ place }} />}
    </section>
  );
}

function ShowFile({ file }: { file: ShownFile }): ReactNode {
  const { me } = usePane();
  if (file.mode === 'tombstone') return <span className="muted">This file was deleted.</span>;
  // The path alone: the page may be open under another name of this machine.
  const path = (url: string) => `${new URL(url).pathname}?as=${me}`;
  const size = file.size < 1_000 ? `${file.size} bytes` : `${Math.round(file.size / 100) / 10} kB`;
  return (
    <>
      {/^image\/(png|jpeg|gif|webp)$/.test(file.mimetype) && (
        <img className="preview" src={path(file.url_private)} alt={file.title} />
      )}
      <span aria-hidden="true">📄 </span>
      <a href={path(file.url_private)} target="_blank" rel="noopener noreferrer">
        {file.title}
      </a>
      <span className="muted">
        {' '}
        {file.pretty_type}, {size}{' '}
      </span>
      <a href={path(file.url_private_download)} aria-label={`Download ${file.title}`}>
        Download
      </a>
    </>
  );
}

function Reactions({ message, channel }: { message: ShownMessage; channel: Stand }): ReactNode {
  const all = useSteady();
  const { me, say } = usePane();
  return (
    <div className="reactions" role="group" aria-label="Reactions">
      {(message.reactions ?? []).map((one) => {
        const mine = one.users.includes(me);
        const who = one.users.map((id) => nameOf(all, id)).join(', ');
        return (
          <button
            key={one.name}
            type="button"
            aria-pressed={mine}
            aria-label={`${one.name}, ${one.count}: ${who}`}
            title={who}
            disabled={channel.is_archived}
            onClick={async () => {
              const what = mine ? 'unreacts' : 'reacts';
              const answer = await post(what, { as: me, channel: channel.id, ts: message.ts, name: one.name });
              if (answer.error) say(answer.error);
            }}
          >
            {emoji[one.name] ?? `:${one.name}:`} {one.count}
          </button>
        );
      })}
    </div>
  );
}

/** What can be done with a message. */
function Tools({ message, channel }: { message: ShownMessage; channel: Stand }): ReactNode {
  const all = useSteady();
  const pane = usePane();
  const { me, say } = pane;
  const at = { as: me, channel: channel.id, ts: message.ts };
  const act = async (what: string, body: Record<string, unknown> = at) => {
    const answer = await post(what, body);
    if (answer.error) say(answer.error);
    else if (answer.status && answer.status !== 'ok') say('The app could not be reached.');
  };
  const shortcuts: Choice[] = all.shortcuts
    .filter((one) => one.type === 'message')
    .map((one) => ({
      label: `⚡ ${one.name}`,
      hint: all.app.name,
      act: () =>
        act('shortcut', { as: me, callbackId: one.callback_id, place: { channel: channel.id, ts: message.ts } }),
    }));
  const inside = !channel.is_archived && channel.members.includes(me);
  const pinned = channel.pins.includes(message.ts);
  const reacted = (name: string) => message.reactions?.some((one) => one.name === name && one.users.includes(me));
  const choices: Choice[] = [
    { label: 'Reply in thread', act: () => pane.openThread(channel.id, message.thread_ts ?? message.ts) },
    ...(inside ? [{ label: pinned ? 'Unpin' : 'Pin to channel', act: () => act(pinned ? 'unpins' : 'pins') }] : []),
    ...shortcuts,
    {
      label: 'Copy link',
      act: () => {
        const link = `${location.origin}/#${channel.id}/${message.ts}`;
        return navigator.clipboard?.writeText(link).then(
          () => say('The link is in the clipboard.'),
          () => say(link),
        );
      },
    },
  ];
  if (inside && message.user === me)
    choices.push(
      {
        label: 'Edit…',
        act: async () => {
          const text = await pane.ask({
            title: 'Edit the message',
            input: { label: 'Message', value: typed(all, message.text) },
            yes: 'Save',
            no: 'Cancel',
          });
          if (text && text !== typed(all, message.text)) await act('edits', { ...at, text });
        },
      },
      {
        label: 'Delete…',
        act: async () => {
          const sure = await pane.ask({
            title: 'Delete this message?',
            text: 'It goes for everybody, and does not come back.',
            yes: 'Delete',
            no: 'Cancel',
            danger: true,
          });
          if (sure !== null) await act('deletes');
        },
      },
    );
  return (
    <Menu
      className="tools"
      label={`Actions for the message of ${nameOf(all, message.user)}`}
      shown="⋯"
      choices={choices}
      {...(inside
        ? {
            row: offered.map((name) => ({
              label: `React with ${name.replaceAll('_', ' ')}`,
              icon: emoji[name] ?? name,
              act: () => act(reacted(name) ? 'unreacts' : 'reacts', { ...at, name }),
            })),
          }
        : {})}
    />
  );
}
