import { randomBytes } from 'node:crypto';
import {
  type Args,
  fail,
  idsIn,
  type Methods,
  messageAt,
  pictured,
  postable,
  type Reply,
  readContent,
  visibleFile,
} from './reply.ts';
import { isMember, showFile } from './show.ts';
import type { Channel, StoredFile } from './state.ts';
import { addMessage, announce, changed, newId, now, type World } from './world.ts';

/* Files the way Slack takes them since 2024: ask for an address, send the bytes there, say that it is done. */

/** The state is saved as one piece of JSON: this is a workspace for reports, not for films. */
const largest = 10_000_000;

/** The message with the file comes this long after the answer, as Slack's does. */
const shareMs = 1_000;

export const files: Methods = {
  'files.getUploadURLExternal': {
    scopes: ['files:write'],
    tier: 4,
    required: ['filename', 'length'],
    run: (world, args) => {
      const size = Number(args.length);
      if (!Number.isInteger(size) || size <= 0) return fail('missing_argument');
      if (args.snippet_type !== undefined && size > 1_000_000) return fail('snippet_too_large');
      if (size > largest) return fail('file_upload_size_restricted');
      if (String(args.alt_txt ?? '').length > 1_000) return fail('alt_txt_too_large');
      const name = String(args.filename);
      const filetype = typeOf(name);
      const file: StoredFile = {
        id: newId(world, 'F'),
        name,
        title: name,
        ...(args.alt_txt === undefined ? {} : { alt_txt: String(args.alt_txt) }),
        mimetype: mimetypes[filetype] ?? 'application/octet-stream',
        filetype,
        size,
        user: world.state.app.botUser,
        created: Math.floor(now(world) / 1000),
        ticket: randomBytes(24).toString('base64url'),
        stage: 'awaited',
        content: '',
        shares: [],
      };
      world.state.files[file.id] = file;
      return { ok: true, upload_url: `${world.origin}/upload/v1/${file.ticket}`, file_id: file.id };
    },
  },
  'files.completeUploadExternal': {
    scopes: ['files:write'],
    tier: 4,
    required: ['files'],
    run: (world, args) => {
      const given = Array.isArray(args.files) ? (args.files as { id?: string; title?: string }[]) : [];
      if (given.length === 0) return fail('invalid_arguments', ['[ERROR] must provide files [json-pointer:/files]']);
      const found = given.flatMap(({ id }) => {
        const file = world.state.files[String(id)];
        return file?.stage === 'sent' ? [file] : [];
      });
      if (found.length < given.length) return fail('file_not_found');
      const targets = readTargets(world, args);
      if ('error' in targets) return targets.error;
      const wanted = {
        text: args.initial_comment,
        // Slack ignores the blocks where there is a comment.
        ...(args.initial_comment === undefined && args.blocks !== undefined ? { blocks: args.blocks } : {}),
      };
      const silent = wanted.text === undefined && wanted.blocks === undefined;
      const content = silent ? { content: { text: '' } } : readContent(world, wanted);
      if ('error' in content) return content.error;
      for (const [index, file] of found.entries()) {
        file.stage = 'complete';
        file.title = given[index]?.title ?? file.name;
      }
      const thread = args.thread_ts === undefined ? undefined : String(args.thread_ts);
      if (!sharesGetLost(world))
        setTimeout(() => {
          for (const channel of targets.channels) share(world, channel, found, content.content, thread);
        }, shareMs).unref();
      changed(world);
      return { ok: true, files: found.map((file) => showFile(world, file)) };
    },
  },
  'files.info': {
    scopes: ['files:read'],
    tier: 4,
    required: ['file'],
    run: (world, args) => {
      const file = visibleFile(world, args.file);
      if (!file) return fail('file_not_found');
      if (file.stage === 'deleted') return fail('file_deleted');
      return { ok: true, file: showFile(world, file), comments: [], response_metadata: { next_cursor: '' } };
    },
  },
  'files.list': {
    scopes: ['files:read'],
    tier: 3,
    run: (world, args) => {
      const all = Object.values(world.state.files).filter(
        (file) =>
          file.stage === 'complete' &&
          visibleFile(world, file.id) &&
          (args.channel === undefined || file.shares.some((one) => one.channel === args.channel)) &&
          (args.user === undefined || file.user === args.user),
      );
      return {
        ok: true,
        files: all.reverse().map((file) => showFile(world, file)),
        paging: { count: all.length, total: all.length, page: 1, pages: 1 },
      };
    },
  },
  'files.delete': {
    scopes: ['files:write'],
    tier: 3,
    required: ['file'],
    run: (world, args) => {
      const file = visibleFile(world, args.file);
      if (!file) return fail('file_not_found');
      if (file.stage === 'deleted') return fail('file_deleted');
      if (file.user !== world.state.app.botUser) return fail('cant_delete_file');
      file.stage = 'deleted';
      file.content = '';
      announce(world, { type: 'file_deleted', file_id: file.id });
      changed(world);
      return { ok: true };
    },
  },
};

/** A file that a person puts into a form. */
export function keepFile(world: World, user: string, name: string, content: Buffer): StoredFile {
  if (content.length > largest) throw new Error('files of more than 10 MB stay outside');
  const filetype = typeOf(name);
  const file: StoredFile = {
    ...{ id: newId(world, 'F'), name, title: name, user, filetype },
    mimetype: mimetypes[filetype] ?? 'application/octet-stream',
    size: content.length,
    created: Math.floor(now(world) / 1000),
    ticket: '',
    stage: 'complete',
    content: content.toString('base64'),
    shares: [],
  };
  world.state.files[file.id] = file;
  changed(world);
  return file;
}

function typeOf(name: string): string {
  return /\.([a-z0-9]{1,10})$/i.exec(name)?.[1]?.toLowerCase() ?? 'binary';
}

/** Takes the bytes; the address is good for one file of exactly the length that was announced. */
export function takeUpload(world: World, ticket: string, bytes: Buffer): { status: number; text: string } {
  const file = Object.values(world.state.files).find((one) => one.ticket === ticket && one.stage === 'awaited');
  if (!file) return { status: 404, text: 'not found' };
  if (bytes.length !== file.size) return { status: 400, text: `${bytes.length} bytes, not ${file.size}` };
  file.content = bytes.toString('base64');
  file.stage = 'sent';
  changed(world);
  return { status: 200, text: `OK - ${bytes.length}` };
}

/** The file, for the app's bot or (with `as`) for a person; undefined where that one may not see it. */
export function openFile(world: World, id: string, as?: string): StoredFile | undefined {
  const file = as === undefined ? visibleFile(world, id) : world.state.files[id];
  if (file?.stage !== 'complete') return undefined;
  if (as === undefined) return file;
  const person = world.state.users[as];
  const sees = file.shares.some(({ channel: where }) => {
    const channel = world.state.channels[where];
    return channel && (channel.members.includes(as) || (!channel.is_private && person && !person.is_stranger));
  });
  const home = world.state.homes[as];
  return sees || (home && pictured(home.blocks).some((one) => one.id === id)) ? file : undefined;
}

function share(
  world: World,
  channel: Channel,
  found: readonly StoredFile[],
  content: { text: string; blocks?: NonNullable<Parameters<typeof addMessage>[2]['blocks']> },
  thread: string | undefined,
): void {
  const left = found.filter((file) => file.stage === 'complete');
  if (left.length === 0 || channel.is_archived || world.state.channels[channel.id] !== channel) return;
  const { app } = world.state;
  const message = addMessage(world, channel.id, {
    subtype: 'file_share',
    user: app.botUser,
    bot_id: app.botId,
    app_id: app.id,
    upload: true,
    files: left.map((file) => file.id),
    ...content,
    ...(thread === undefined ? {} : { thread_ts: thread }),
  });
  for (const file of left) {
    file.shares.push({ channel: channel.id, ts: message.ts, ...(thread === undefined ? {} : { thread_ts: thread }) });
    announce(world, {
      type: 'file_shared',
      file_id: file.id,
      user_id: file.user,
      file: { id: file.id },
      channel_id: channel.id,
    });
  }
  changed(world);
}

function readTargets(world: World, args: Args): { channels: Channel[] } | { error: Reply } {
  const refs = args.channel_id !== undefined ? [String(args.channel_id)] : idsIn(args.channels);
  if (refs.length > 100) return { error: fail('channels_limit_exceeded') };
  const channels: Channel[] = [];
  for (const ref of refs) {
    // Only `channels` takes people; to `channel_id` a person is no channel.
    if (args.channel_id !== undefined && world.state.users[ref]) return { error: fail('channel_not_found') };
    const channel = postable(world, ref);
    if (typeof channel === 'string') return { error: fail(channel) };
    // chat:write.public does not reach as far as files.
    if (!isMember(world, channel)) return { error: fail('not_in_channel') };
    if (args.thread_ts !== undefined && !messageAt(world, channel, args.thread_ts))
      return { error: fail('invalid_thread_ts') };
    channels.push(channel);
  }
  return { channels };
}

/** Slack now and then answers well and shares nothing; a test can ask for that. */
function sharesGetLost(world: World): boolean {
  const fault = world.faults.get('files.share')?.find((one) => one.times > 0);
  if (fault) fault.times--;
  return fault !== undefined;
}

const mimetypes: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  log: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  json: 'application/json',
  yml: 'application/yaml',
  yaml: 'application/yaml',
  html: 'text/html',
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  svg: 'image/svg+xml',
  zip: 'application/zip',
};
