import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { methods, rateLimit } from './api.ts';
import { untilMoved } from './clock.ts';
import { createDelivery, type Delivery } from './deliver.ts';
import { openFile, takeUpload } from './files.ts';
import { createGuide } from './guide.ts';
import { createLive } from './live.ts';
import { watchNotices } from './notify.ts';
import { createOAuth } from './oauth.ts';
import { servePage } from './page.ts';
import { createPeople } from './people.ts';
import { type Args, fail, type Reply } from './reply.ts';
import type { Place, Sandbox } from './sandbox.ts';
import { watchSchedule } from './schedule.ts';
import { screenOf } from './screen.ts';
import { fileAt } from './show.ts';
import { watchLinks } from './unfurl.ts';
import {
  addFault,
  changed,
  createWorld,
  moveClock,
  now,
  record,
  takeFault,
  violate,
  type World,
  type WorldOptions,
} from './world.ts';

export type { Sandbox } from './sandbox.ts';

/** Starts the local workspace on loopback. Refuses to run where a real one belongs. */
export async function startSandbox(
  options: WorldOptions & {
    readonly port?: number;
    /** The seed of another workspace, where the same app is installed with a token of its own. */
    readonly secondSeedFile?: string;
  },
): Promise<Sandbox> {
  if (process.env.NODE_ENV === 'production') throw new Error('the local workspace does not run in production');
  if (/^xoxb-\d/.test(process.env.SLACK_BOT_TOKEN ?? ''))
    throw new Error('SLACK_BOT_TOKEN looks real; the local workspace refuses to run beside it');
  const world = createWorld(options);
  const delivery = createDelivery(world);
  const people = createPeople(world, delivery);
  const second = options.secondSeedFile ? openSecond(options.secondSeedFile, options, world, delivery) : undefined;
  const worlds = [world, ...(second ? [second.world] : [])];
  const oauth = createOAuth(worlds, options.manifest.redirectUrls, options.manifest.tokenRotation);
  const live = createLive(world, delivery);
  const stops = worlds.map(watchSchedule);
  for (const one of worlds) {
    watchNotices(one);
    watchLinks(one);
  }
  const server = createServer((request, response) => {
    handle(sandbox, guide, request, response).catch((error: Error) => {
      if (!response.headersSent) send(response, 500, { ok: false, error: 'fatal_error', detail: error.message });
    });
  });
  server.on('upgrade', (request, socket, head) =>
    (request.url?.startsWith('/_control/live') ? live : delivery).upgrade(request, socket, head),
  );
  await listen(server, options.port ?? 0);
  for (const one of worlds) one.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sandbox: Sandbox = {
    world,
    people,
    delivery,
    origin: world.origin,
    oauth,
    ...(second ? { second } : {}),
    close: async () => {
      for (const stop of stops) stop();
      second?.delivery.close();
      live.close();
      delivery.close();
      world.changes.removeAllListeners('clock');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const guide = createGuide(sandbox, world.lived ? world.seed.guide : []);
  return sandbox;
}

function openSecond(seedFile: string, options: WorldOptions, main: World, carrier: Delivery): Place {
  const { snapshotFile: _kept, ...rest } = options;
  const world = createWorld({ ...rest, seedFile });
  Object.assign(world.tokens, { app: main.tokens.app, signingSecret: main.tokens.signingSecret });
  const delivery = createDelivery(world, carrier);
  return { world, delivery, people: createPeople(world, delivery) };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

async function handle(
  sandbox: Sandbox,
  guide: ReturnType<typeof createGuide>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { world, people } = sandbox;
  // A foreign name that resolves to loopback must not reach what only this machine may.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) {
    response.writeHead(403).end('loopback only');
    return;
  }
  const url = new URL(request.url ?? '/', world.origin);
  if (url.pathname.startsWith('/api/')) return api(sandbox, url.pathname.slice(5), request, response);
  if (url.pathname.startsWith('/oauth/v2/')) return install(sandbox, url, request, response);
  if (url.pathname.startsWith('/response/')) {
    const owner = sandbox.second?.world.responses.has(url.pathname.slice(10)) ? sandbox.second.people : people;
    const answer = owner.respond(url.pathname.slice(10), JSON.parse((await readBody(request)) || '{}'));
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
  if (url.pathname.startsWith('/_control/')) return control(sandbox, guide, url, request, response);
  return servePage(url.pathname, response);
}

/** Somebody installs the app: the page that asks, and what follows when they say yes. */
async function install(sandbox: Sandbox, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'" };
  if (url.pathname === '/oauth/v2/authorize') {
    const { status, html } = sandbox.oauth.page(url.searchParams);
    response.writeHead(status, headers).end(html);
    return;
  }
  // A form of another site does not say yes for anybody.
  const own = !request.headers.origin || request.headers.origin === `http://${request.headers.host}`;
  const form = request.method === 'POST' && own ? new URLSearchParams(await readBody(request)) : new URLSearchParams();
  const to = sandbox.oauth.allow(form, form.get('team') ?? '');
  if (to) response.writeHead(302, { location: to }).end();
  else response.writeHead(400, headers).end('invalid request');
}

async function api(sandbox: Sandbox, name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const args = await readArgs(await readBytes(request), request.headers['content-type'] ?? '');
  const authorization = request.headers.authorization ?? `Bearer ${String(args.token ?? '')}`;
  if (name === 'oauth.v2.access') return send(response, 200, sandbox.oauth.access(args, authorization));
  // A token opens its own workspace and no other.
  const token = authorization.replace(/^Bearer /, '');
  const { second } = sandbox;
  const { world, delivery } =
    second && (token === second.world.tokens.bot || second.world.spent.has(token)) ? second : sandbox;
  const verdict = await intercepted(world, name, args, request);
  if (verdict === 'drop') return void request.socket.destroy();
  const fault = takeFault(world, name);
  const log = (error: string | null) => {
    world.calls.push({ method: name, at: now(world), error });
    record(world, 'call', name, told(args, error), error !== null);
    if (world.calls.length > 5_000) world.calls.splice(0, 1_000);
  };
  if (fault?.kind === 'ratelimited') {
    log('ratelimited');
    return send(response, 429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(fault.retryAfter ?? 1) });
  }
  if (fault?.kind === 'ratelimited_silent') {
    log('ratelimited');
    return send(response, 429, { ok: false, error: 'ratelimited' });
  }
  if (fault?.kind === 'error500' || fault?.kind === 'error503') {
    const status = fault.kind === 'error500' ? 500 : 503;
    log(String(status));
    return send(response, status, { ok: false, error: status === 500 ? 'internal_error' : 'service_unavailable' });
  }
  if (fault?.kind === 'bad_json') {
    log('bad_json');
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":tr');
    return;
  }
  if (fault?.kind === 'hang') return;
  const wait = rateLimit(world, name, args);
  if (wait > 0) {
    log('ratelimited');
    return send(response, 429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(wait) });
  }
  const reply = answer(world, delivery, name, args, authorization);
  log(reply.ok ? null : String(reply.error));
  if (fault?.kind === 'lost' || verdict === 'lose') {
    request.socket.destroy();
    return;
  }
  const { scopes = [] } = methods[name] ?? {};
  send(response, 200, reply, {
    'x-oauth-scopes': world.manifest.scopes.join(','),
    'x-accepted-oauth-scopes': (typeof scopes === 'function' ? scopes(world, args) : scopes).join(','),
  });
}

/** A call in one line of the transcript: where to, what, and how it ended. */
function told(args: Args, error: string | null): string {
  const { channel, user, user_id, text, ts } = args;
  const others = Object.keys(args).filter(
    (name) => !['channel', 'user', 'user_id', 'text', 'ts', 'token'].includes(name),
  );
  const more = `${ts ? ` ${ts}` : ''}${others.length > 0 ? ` (${others.join(', ')})` : ''}`;
  return `${[channel, user ?? user_id].filter(Boolean).join(' ')} ${text ?? ''}${more}${error ? ` → ${error}` : ''}`.trim();
}

async function intercepted(world: World, method: string, args: Args, request: IncomingMessage) {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  return (await world.intercept?.({ method, args, host })) ?? 'pass';
}

/** A token that rotation put out of use, or that nobody renewed in time. */
function isOver({ spent, tokens, tokenUntil }: World, token: string, at: number): boolean {
  return spent.has(token) || (token === tokens.bot && tokenUntil !== undefined && at >= tokenUntil);
}

const endings = { uninstalled: 'account_inactive', revoked: 'token_revoked', expired: 'token_expired' } as const;

function answer(world: World, delivery: Delivery, name: string, args: Args, authorization: string): Reply {
  const token = authorization.replace(/^Bearer /, '');
  if (token === '' || token === 'undefined') return fail('not_authed');
  const isApp = token === world.tokens.app;
  if (!isApp && isOver(world, token, now(world))) return fail('token_expired');
  if (!isApp && token !== world.tokens.bot) return fail('invalid_auth');
  if (!isApp && world.installed !== 'yes') return fail(endings[world.installed]);
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
  { world, delivery, people, oauth }: Sandbox,
  guide: ReturnType<typeof createGuide>,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const what = url.pathname.slice(10);
  if (what === 'clock' && request.method === 'GET') {
    const known = url.searchParams.get('offset');
    if (known !== null) await untilMoved(world, Number(known), request);
    return send(response, 200, { offsetMs: world.state.clockOffsetMs, now: now(world) });
  }
  if (what === 'info')
    return send(response, 200, {
      apiUrl: `${world.origin}/api/`,
      ...{ botToken: world.tokens.bot, appToken: world.tokens.app, signingSecret: world.tokens.signingSecret },
      ...{
        clientId: oauth.clientId,
        clientSecret: oauth.clientSecret,
        authorizeUrl: `${world.origin}/oauth/v2/authorize`,
      },
    });
  if (what === 'state') return send(response, 200, screenOf(world, url.searchParams.get('as') ?? ''));
  if (request.method !== 'POST') return send(response, 404, { ok: false });
  if (what === 'uploads') {
    // The content type of a form from elsewhere is another one, and this one is not sent without asking first.
    if (request.headers['content-type'] !== 'application/octet-stream') return send(response, 415, { ok: false });
    const name = url.searchParams.get('name') ?? 'file';
    return send(response, 200, people.uploads(url.searchParams.get('as') ?? '', name, await readBytes(request)));
  }
  // Only the page itself may act: another site cannot send this content type without asking first.
  if (!request.headers['content-type']?.startsWith('application/json')) return send(response, 415, { ok: false });
  const body = JSON.parse((await readBody(request)) || '{}');
  try {
    return send(response, 200, (await act({ world, delivery, people }, guide, what, body)) ?? { ok: true });
  } catch (error) {
    // What a person cannot do is told in a sentence.
    return send(response, 400, { ok: false, error: (error as Error).message });
  }
}

/** What the page and tests ask for, in what they send; an answer where there is more to say than "done". */
async function act(
  { world, delivery, people }: Pick<Sandbox, 'world' | 'delivery' | 'people'>,
  guide: ReturnType<typeof createGuide>,
  what: string,
  // biome-ignore lint/suspicious/noExplicitAny: a loopback page's own words; each function judges what it gets
  body: any,
): Promise<unknown> {
  switch (what) {
    case 'clock': {
      // A moment is meant as a moment, also by who has not heard yet that the clock went on.
      const byMs = body.toMs === undefined ? Number(body.advanceMs) : Number(body.toMs) - now(world);
      if (!(byMs > 0 && byMs < 400 * 86_400_000)) throw new Error('the clock goes forward, by a year at most');
      moveClock(world, byMs);
      return;
    }
    case 'fault':
      addFault(world, body.method, body.fault);
      return;
    case 'nofaults':
      world.faults.clear();
      changed(world);
      return;
    case 'uninstalls':
      people.uninstalls();
      return;
    case 'installation':
      if (!['yes', ...Object.keys(endings)].includes(body.is)) throw new Error(`there is no ${body.is}`);
      world.installed = body.is;
      return;
    case 'probe':
      return delivery.probe(body.kind);
    case 'reset':
      world.violations.length = 0;
      world.calls.length = 0;
      world.faults.clear();
      changed(world);
      return;
    case 'subscribe':
      delivery.subscribe();
      return;
    case 'disconnect':
      delivery.disconnect(body.reason);
      return;
    case 'guide':
      if (body.skip === true) guide.skip();
      else await guide.next();
      return;
    case 'types':
      return people.types(body.as, body.channel, body.text, body.thread);
    case 'clicks':
      return people.clicks(body.as, body.place, body.blockId, body.actionId, body.value);
    case 'fills':
      people.fills(body.view, body.blockId, body.value);
      return;
    case 'submits':
      return people.submits(body.as, body.view);
    case 'closes':
      await people.closes(body.as, body.view);
      return;
    case 'searches':
      return { options: await people.searches(body.as, body.place, body.blockId, body.text, body.actionId) };
    case 'home':
      people.opensHome(body.as);
      return;
    case 'shortcut':
      return people.usesShortcut(body.as, body.callbackId, body.place);
    case 'writes':
      return { channel: people.writesTo(body.as, body.to).id };
    case 'policy':
      Object.assign(world.policy, body);
      changed(world);
      return { ok: true, policy: world.policy };
    case 'pins':
    case 'unpins':
    case 'deletes':
      people[what](body.as, body.channel, body.ts);
      return;
    case 'reacts':
    case 'unreacts':
      people[what](body.as, body.channel, body.ts, body.name);
      return;
    case 'edits':
      people.edits(body.as, body.channel, body.ts, body.text);
      return;
    case 'invites':
      people.invites(body.as, body.channel, body.users);
      return;
    case 'renames':
      people.renames(body.as, body.channel, body.name);
      return;
    case 'joins':
    case 'leaves':
    case 'archives':
    case 'unarchives':
    case 'deletesChannel':
      people[what](body.as, body.channel);
      return;
    default:
      throw new Error(`there is no ${what}`);
  }
}

/** A file for the app's bot, or for the page of somebody who may see it. */
function serveFile(world: World, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const id = fileAt(url.pathname);
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

/** Arguments that come as JSON inside of a form. */
const structured = new Set([
  ...['blocks', 'message', 'view', 'metadata', 'attachments', 'unfurls', 'files'],
  ...['changes', 'criteria', 'document_content'],
]);

async function readArgs(body: Buffer, type: string): Promise<Args> {
  if (type.startsWith('application/json')) return JSON.parse(body.toString('utf8') || '{}') as Args;
  const given = type.startsWith('multipart/form-data')
    ? [...(await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData())]
    : [...new URLSearchParams(body.toString('utf8'))];
  const args: Record<string, unknown> = {};
  for (const [key, value] of given) args[key] = structured.has(key) ? parsed(String(value)) : value;
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
  const text = JSON.stringify(body);
  // With its length known the answer is one write; without, it goes out in pieces.
  const length = { 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...length, ...headers }).end(text);
}
