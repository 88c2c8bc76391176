import { createReadStream, existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { methods, rateLimit } from './api.ts';
import { createDelivery, type Delivery } from './deliver.ts';
import { openFile, takeUpload } from './files.ts';
import { createPeople, type People } from './people.ts';
import { type Args, fail, type Reply } from './reply.ts';
import { showMessage } from './show.ts';
import {
  changed,
  createWorld,
  type Fault,
  moveClock,
  now,
  takeFault,
  violate,
  type World,
  type WorldOptions,
} from './world.ts';

export type Sandbox = {
  readonly world: World;
  readonly people: People;
  readonly delivery: Delivery;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly close: () => Promise<void>;
};

/** Starts the local workspace on loopback. Refuses to run where a real one belongs. */
export async function startSandbox(options: WorldOptions & { readonly port?: number }): Promise<Sandbox> {
  if (process.env.NODE_ENV === 'production') throw new Error('the local workspace does not run in production');
  if (/^xoxb-\d/.test(process.env.SLACK_BOT_TOKEN ?? ''))
    throw new Error('SLACK_BOT_TOKEN looks real; the local workspace refuses to run beside it');
  const world = createWorld(options);
  const delivery = createDelivery(world);
  const people = createPeople(world, delivery);
  const server = createServer((request, response) => {
    handle(world, delivery, people, request, response).catch((error: Error) => {
      if (!response.headersSent) send(response, 500, { ok: false, error: 'fatal_error', detail: error.message });
    });
  });
  server.on('upgrade', (request, socket, head) => delivery.upgrade(request, socket, head));
  await listen(server, options.port ?? 0);
  world.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    world,
    people,
    delivery,
    origin: world.origin,
    close: async () => {
      delivery.close();
      world.changes.removeAllListeners('clock');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

async function handle(
  world: World,
  delivery: Delivery,
  people: People,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A foreign name that resolves to loopback must not reach what only this machine may.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) {
    response.writeHead(403).end('loopback only');
    return;
  }
  const url = new URL(request.url ?? '/', world.origin);
  if (url.pathname.startsWith('/api/')) return api(world, delivery, url.pathname.slice(5), request, response);
  if (url.pathname.startsWith('/response/')) {
    const answer = people.respond(url.pathname.slice(10), JSON.parse((await readBody(request)) || '{}'));
    response.writeHead(answer.status, { 'content-type': 'text/plain' }).end(answer.text);
    return;
  }
  if (url.pathname.startsWith('/upload/v1/') && request.method === 'POST') {
    const bytes = await readUpload(request);
    const ticket = url.pathname.slice(11);
    const verdict = await intercepted(world, 'upload', { ticket }, request);
    const taken = verdict === 'drop' ? undefined : takeUpload(world, ticket, bytes);
    if (verdict !== 'pass' || !taken) return void request.socket.destroy();
    response.writeHead(taken.status, { 'content-type': 'text/plain' }).end(taken.text);
    return;
  }
  if (/^\/files(-pri)?\//.test(url.pathname)) return serveFile(world, url, request, response);
  if (url.pathname.startsWith('/_control/')) return control(world, delivery, people, url, request, response);
  page(url.pathname, response);
}

async function api(
  world: World,
  delivery: Delivery,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const args = await readArgs(await readBytes(request), request.headers['content-type'] ?? '');
  const verdict = await intercepted(world, name, args, request);
  if (verdict === 'drop') return void request.socket.destroy();
  const fault = takeFault(world, name);
  const log = (error: string | null) => {
    world.calls.push({ method: name, at: now(world), error });
    if (world.calls.length > 5_000) world.calls.splice(0, 1_000);
  };
  if (fault?.kind === 'ratelimited') {
    log('ratelimited');
    return send(response, 429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(fault.retryAfter ?? 1) });
  }
  if (fault?.kind === 'error500') {
    log('500');
    return send(response, 500, { ok: false, error: 'internal_error' });
  }
  if (fault?.kind === 'hang') return;
  const wait = rateLimit(world, name, args);
  if (wait > 0) {
    log('ratelimited');
    return send(response, 429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(wait) });
  }
  const reply = answer(
    world,
    delivery,
    name,
    args,
    request.headers.authorization ?? `Bearer ${String(args.token ?? '')}`,
  );
  log(reply.ok ? null : String(reply.error));
  if (fault?.kind === 'lost' || verdict === 'lose') {
    request.socket.destroy();
    return;
  }
  send(response, 200, reply, { 'x-oauth-scopes': world.manifest.scopes.join(',') });
}

async function intercepted(world: World, method: string, args: Args, request: IncomingMessage) {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  return (await world.intercept?.({ method, args, host })) ?? 'pass';
}

function answer(world: World, delivery: Delivery, name: string, args: Args, authorization: string): Reply {
  const token = authorization.replace(/^Bearer /, '');
  if (token === '' || token === 'undefined') return fail('not_authed');
  const isApp = token === world.tokens.app;
  if (!isApp && token !== world.tokens.bot) return fail('invalid_auth');
  const method = methods[name];
  if (!method) {
    violate(world, 'unknown_method', name);
    return { ...fail('unknown_method'), req_method: name };
  }
  if (isApp !== (method.app ?? false)) return fail('not_allowed_token_type');
  const provided = world.manifest.scopes;
  const scopes = typeof method.scopes === 'function' ? method.scopes(world, args) : method.scopes;
  if (scopes.length > 0 && !scopes.some((scope) => provided.includes(scope)))
    return { ...fail('missing_scope'), needed: scopes.join(','), provided: provided.join(',') };
  const missing = (method.required ?? []).find((field) => args[field] === undefined || args[field] === '');
  if (missing) return fail('invalid_arguments', [`[ERROR] missing required field: ${missing}`]);
  return method.run(world, args, delivery);
}

/** What the page and tests use; Slack has nothing like it. */
async function control(
  world: World,
  delivery: Delivery,
  people: People,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const what = url.pathname.slice(10);
  if (what === 'events') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const tell = () => void response.write('data: changed\n\n');
    let pending = false;
    const soon = () => {
      if (pending) return;
      pending = true;
      setTimeout(() => {
        pending = false;
        tell();
      }, 30);
    };
    world.changes.on('change', soon);
    request.on('close', () => world.changes.off('change', soon));
    return tell();
  }
  if (what === 'clock' && request.method === 'GET') {
    const known = url.searchParams.get('offset');
    if (known !== null && Number(known) === world.state.clockOffsetMs) {
      // Long poll: whoever follows the clock hears of a move at once.
      await new Promise<void>((resolve) => {
        const done = () => {
          world.changes.off('clock', done);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(done, 20_000);
        timer.unref();
        world.changes.on('clock', done);
        request.on('close', done);
      });
    }
    return send(response, 200, { offsetMs: world.state.clockOffsetMs, now: now(world) });
  }
  if (what === 'info')
    return send(response, 200, {
      apiUrl: `${world.origin}/api/`,
      ...{ botToken: world.tokens.bot, appToken: world.tokens.app, signingSecret: world.tokens.signingSecret },
    });
  if (what === 'state') return send(response, 200, show(world, delivery, url.searchParams.get('as') ?? ''));
  if (request.method !== 'POST') return send(response, 404, { ok: false });
  // Only the page itself may act: another site cannot send this content type without asking first.
  if (!request.headers['content-type']?.startsWith('application/json')) return send(response, 415, { ok: false });
  const body = JSON.parse((await readBody(request)) || '{}');
  switch (what) {
    case 'clock':
      moveClock(world, Number(body.advanceMs));
      return send(response, 200, { ok: true });
    case 'fault': {
      const faults: Fault[] = world.faults.get(body.method) ?? [];
      world.faults.set(body.method, [...faults, body.fault]);
      return send(response, 200, { ok: true });
    }
    case 'types':
      return send(response, 200, await people.types(body.as, body.channel, body.text, body.thread));
    case 'clicks':
      return send(response, 200, await people.clicks(body.as, body.place, body.blockId, body.actionId, body.value));
    case 'fills':
      people.fills(body.view, body.blockId, body.value);
      return send(response, 200, { ok: true });
    case 'submits':
      return send(response, 200, await people.submits(body.as, body.view));
    case 'closes':
      await people.closes(body.as, body.view);
      return send(response, 200, { ok: true });
    case 'searches':
      return send(response, 200, { options: await people.searches(body.as, body.view, body.blockId, body.text) });
    case 'home':
      people.opensHome(body.as);
      return send(response, 200, { ok: true });
    case 'shortcut':
      return send(response, 200, await people.usesShortcut(body.as, body.callbackId, body.place));
    case 'policy':
      Object.assign(world.policy, body);
      changed(world);
      return send(response, 200, { ok: true, policy: world.policy });
    case 'pins':
    case 'unpins':
    case 'deletes':
      people[what](body.as, body.channel, body.ts);
      return send(response, 200, { ok: true });
    case 'reacts':
    case 'unreacts':
      people[what](body.as, body.channel, body.ts, body.name);
      return send(response, 200, { ok: true });
    case 'edits':
      people.edits(body.as, body.channel, body.ts, body.text);
      return send(response, 200, { ok: true });
    case 'invites':
      people.invites(body.as, body.channel, body.users);
      return send(response, 200, { ok: true });
    case 'renames':
      people.renames(body.as, body.channel, body.name);
      return send(response, 200, { ok: true });
    case 'joins':
    case 'leaves':
    case 'archives':
    case 'unarchives':
    case 'deletesChannel':
      people[what](body.as, body.channel);
      return send(response, 200, { ok: true });
    default:
      return send(response, 404, { ok: false });
  }
}

/** Everything that one person can see. */
function show(world: World, delivery: Delivery, as: string): Record<string, unknown> {
  const channels = Object.values(world.state.channels).filter(
    (channel) => channel.members.includes(as) || (!channel.is_private && !world.state.users[as]?.is_stranger),
  );
  return {
    me: as,
    now: now(world),
    team: world.state.team,
    app: world.state.app,
    connected: delivery.connections() > 0 || delivery.requestUrl !== undefined,
    users: Object.values(world.state.users),
    usergroups: Object.values(world.state.usergroups).map(({ id, handle }) => ({ id, handle })),
    commands: world.manifest.commands,
    shortcuts: world.manifest.shortcuts,
    channels: channels.map((channel) => ({
      ...channel,
      messages: [...(world.state.messages[channel.id] ?? []), ...(world.ephemerals.get(`${channel.id}:${as}`) ?? [])]
        .sort((a, b) => Number(a.ts) - Number(b.ts))
        .map((message) => ({
          ...showMessage(world, message, false),
          ...(message.ephemeral_to ? { ephemeral_to: message.ephemeral_to } : {}),
        })),
    })),
    views: [...world.views.values()].filter((view) => view.user === as),
    home: world.state.homes[as] ?? null,
    violations: world.violations.slice(-20),
  };
}

const web = new URL('../web/', import.meta.url).pathname;
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

function page(path: string, response: ServerResponse): void {
  const file = join(web, normalize(path === '/' ? '/index.html' : path));
  if (!file.startsWith(web) || !types[extname(file)] || !existsSync(file)) {
    response.writeHead(404).end('not found');
    return;
  }
  response.writeHead(200, {
    'content-type': types[extname(file)],
    'content-security-policy':
      "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' https: data:; frame-ancestors 'none'",
    'cache-control': 'no-cache',
  });
  createReadStream(file).pipe(response);
}

/** A file for the app's bot, or for the page of somebody who may see it. */
function serveFile(world: World, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const id =
    /^\/files-pri\/[^/]+-([^/-]+)\//.exec(url.pathname)?.[1] ?? /^\/files\/[^/]+\/([^/]+)/.exec(url.pathname)?.[1];
  const bot =
    request.headers.authorization === `Bearer ${world.tokens.bot}` && world.manifest.scopes.includes('files:read');
  // Browsers say where a request comes from, and no page can say it for them.
  const ownPage = ['same-origin', 'none'].includes(String(request.headers['sec-fetch-site']));
  const as = url.searchParams.get('as');
  const file = bot ? openFile(world, id ?? '') : ownPage && as ? openFile(world, id ?? '', as) : undefined;
  if (!file) {
    // As Slack does: whoever may not see a file ends up on a page of HTML, not at an error.
    response.writeHead(302, { location: '/' }).end();
    return;
  }
  const kept =
    url.pathname.includes('/download/') || !/^(text\/plain|application\/(pdf|json)|image\/)/.test(file.mimetype);
  response.writeHead(200, {
    'content-type': file.mimetype.startsWith('text/') ? `${file.mimetype}; charset=utf-8` : file.mimetype,
    'content-disposition': `${kept ? 'attachment' : 'inline'}; filename*=UTF-8''${encodeURIComponent(file.name)}`,
    // What somebody uploaded never acts in this page's name.
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(Buffer.from(file.content, 'base64'));
}

async function readArgs(body: Buffer, type: string): Promise<Args> {
  if (type.startsWith('application/json')) return JSON.parse(body.toString('utf8') || '{}') as Args;
  const given = type.startsWith('multipart/form-data')
    ? [...(await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData())]
    : [...new URLSearchParams(body.toString('utf8'))];
  const args: Record<string, unknown> = {};
  for (const [key, value] of given)
    args[key] = ['blocks', 'view', 'metadata', 'attachments', 'files'].includes(key) ? parsed(String(value)) : value;
  return args;
}

/** The bytes of an upload: a form's only file, as the SDK sends it, or the body as it is. */
async function readUpload(request: IncomingMessage): Promise<Buffer> {
  const body = await readBytes(request);
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) return body;
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const file = [...form.values()].find((value) => typeof value !== 'string');
  return typeof file === 'object' ? Buffer.from(await file.arrayBuffer()) : Buffer.alloc(0);
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  return (await readBytes(request)).toString('utf8');
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    .end(JSON.stringify(body));
}
