import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { refusedText } from '../../blocks/refusal.ts';
import { canaryWords } from '../../blocks/sentence.ts';
import { type Call, call } from '../commands/command.ts';
import { sampleCommand, stepResultCommand } from '../commands/room.ts';
import type { Ctx, HookAbout, HookAnswer, HookSender, Vault } from '../ctx.ts';
import { CanarySamples } from '../domain/canary.ts';
import type { Refusal } from '../domain/decision.ts';
import type { StoredEvent } from '../domain/event.ts';
import { SampleInput } from '../domain/exposure.ts';
import { legible } from '../domain/line.ts';
import { releaseKey } from '../domain/release.ts';
import { rehearse, run } from '../run.ts';

/*
 * Machines of a war room: calls to them, signed by Standard Webhooks 1.0.0 (github.com/standard-webhooks), and what they
 * post back. docs/webhooks.md says it to those who write receivers.
 */

const answerAtMost = 64 * 1024;
const noteAtMost = 1_000;
/** Of the 4xx, those that another try may change: too slow, the same call is at work, too early, too many. */
const passing = [408, 409, 425, 429];

type Addresses = {
  /** Where the machine says how one attempt of a step went; the address is the secret of that attempt. */
  readonly callbackUrl: (workspace: string, release: number, step: string, attempt: number) => string;
};

/** Calls machines. Never throws for what a receiver does: that is "later" or "refused", with a note that holds no secret. */
export function openHooks(parts: {
  readonly vault: Vault;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly fetch?: typeof fetch;
  readonly withinMs?: number;
}): HookSender & Addresses {
  const { vault, publicUrl, fetch: send = fetch, withinMs = 10_000 } = parts;
  const address = (asked: Asked) => `${publicUrl}${pathOf(asked)}/${tokenFor(vault, asked)}`;
  const callbackUrl: Addresses['callbackUrl'] = (workspace, release, step, attempt) =>
    address({ kind: 'callback', workspace, release, step, attempt });

  const exchange = async (about: HookAbout, kind: 'call' | 'poll', to: string): Promise<HookAnswer> => {
    const url = URL.canParse(to) ? new URL(to) : undefined;
    if (url?.username !== '' || url.password !== '')
      return { kind: 'refused', note: 'the address in the runbook cannot be called: write https://host/path' };
    const { workspace, release, step, attempt } = about;
    const callback = callbackUrl(workspace, release.number, step, attempt);
    const body = kind === 'call' ? JSON.stringify(payload(about, callback)) : '';
    const id = callId(about);
    // Receivers hold it against their own clock: the system's, also where this app's can be moved.
    const seconds = Math.floor(Date.now() / 1000);
    try {
      const answer = await send(url, {
        method: kind === 'call' ? 'POST' : 'GET',
        headers: {
          accept: 'application/json',
          'user-agent': 'Maitred',
          'webhook-id': id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': signatureOf(vault.webhookSecret(url.origin), id, seconds, body),
          ...(kind === 'call' ? { 'content-type': 'application/json' } : {}),
        },
        ...(kind === 'call' ? { body } : {}),
        redirect: 'manual',
        signal: AbortSignal.timeout(withinMs),
      });
      return judge(kind, url.host, answer.status, await readReply(answer));
    } catch (error) {
      return { kind: 'later', note: `${url.host} ${troubleOf(error, withinMs)}` };
    }
  };

  return {
    call: (about) => exchange(about, 'call', about.webhook.url),
    poll: (about) => {
      if (about.webhook.poll_url === undefined) throw new Error(`step ${about.step} has no address to ask`);
      return exchange(about, 'poll', about.webhook.poll_url);
    },
    callbackUrl,
    samplesUrl: (workspace, release) => address({ kind: 'samples', workspace, release }),
  };
}

/** Standard Webhooks, symmetric: "v1,<base64>" of HMAC-SHA-256 over "<id>.<seconds>.<body>". `secret`: "whsec_<base64>". */
export function signatureOf(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
}

/**
 * Names one attempt of one step for ever: the same on every retry, so receivers tell a repeat by it. The time is in it
 * because numbers begin anew in a new database. No full stop: signatures are split at it.
 */
function callId({ workspace, release, step, attempt, startedAt }: HookAbout): string {
  const began = startedAt ? [Math.floor(startedAt.getTime() / 1000)] : [];
  return [workspace, releaseKey(release.number), step, attempt, ...began].join('_');
}

function payload({ release, step, title, attempt, startedAt }: HookAbout, callback: string) {
  return {
    type: 'step.started',
    ...(startedAt ? { timestamp: startedAt.toISOString() } : {}),
    data: {
      release: releaseKey(release.number),
      environment: release.environment,
      services: release.units.map(({ service, version }) => ({ service, version })),
      step: { key: step, title, attempt },
      lead: release.lead,
      callback_url: callback,
    },
  };
}

const Reply = z.object({
  result: z.enum(['pending', 'done', 'failed']).optional().catch(undefined),
  note: z.string().catch(''),
});
type Reply = z.infer<typeof Reply>;

/** What a receiver says in JSON; undefined when it is longer than anybody should send, or something else. */
async function readReply(answer: Response): Promise<Reply | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    // Leaving the loop cancels the rest.
    if (size > answerAtMost) return undefined;
    chunks.push(chunk);
  }
  const json = jsonOf(Buffer.concat(chunks).toString('utf8'));
  return json.ok ? Reply.safeParse(json.value).data : undefined;
}

function judge(kind: 'call' | 'poll', host: string, status: number, said: Reply | undefined): HookAnswer {
  if (status >= 200 && status < 300) {
    if (said?.result === 'done' || said?.result === 'failed')
      return { kind: 'result', result: said.result, note: clean(said.note) };
    if (kind === 'call' || said?.result === 'pending') return { kind: 'accepted' };
    return { kind: 'later', note: `${host} answers ${status}, but with no result` };
  }
  if (status >= 300 && status < 400)
    return {
      kind: 'refused',
      note: `${host} answers ${status}, a redirect, which is not followed: write the address it leads to into the runbook`,
    };
  const note = clean(`${host} answers ${status}${said?.note ? `: ${said.note}` : ''}`);
  return { kind: status < 500 && !passing.includes(status) ? 'refused' : 'later', note };
}

/** In words without an address: messages of errors may hold it, with everything in its query. */
function troubleOf(error: unknown, withinMs: number): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return `did not answer within ${withinMs / 1000} s`;
  const code = String(cause?.code ?? '');
  return /^[A-Z0-9_]+$/.test(code) ? `cannot be reached (${code})` : 'cannot be reached';
}

/** What a machine wrote, so that it can be stored and shown: no control characters, no half characters, 1,000 at most. */
function clean(text: string): string {
  const plain = legible(text).trim();
  // A cut inside a pair leaves a half.
  return plain.length > noteAtMost ? `${plain.slice(0, noteAtMost - 1).replace(/\p{Cs}$/u, '')}…` : plain;
}

/** What an address is for; its token is an HMAC over all of it. */
type Asked =
  | {
      readonly kind: 'callback';
      readonly workspace: string;
      readonly release: number;
      readonly step: string;
      readonly attempt: number;
    }
  | { readonly kind: 'samples'; readonly workspace: string; readonly release: number };

function pathOf(asked: Asked): string {
  const release = releaseKey(asked.release);
  return asked.kind === 'callback' ? `/hooks/${release}/${asked.step}/${asked.attempt}` : `/canary/${release}`;
}

function tokenFor(vault: Vault, asked: Asked): string {
  return vault.sign(asked.kind, `${asked.workspace} ${pathOf(asked)}`);
}

const callbackPath = /^\/hooks\/REL-(\d{1,9})\/([A-Za-z0-9]{1,10})\/(\d{1,6})\/([\w-]{43})$/;
const samplesPath = /^\/canary\/REL-(\d{1,9})\/([\w-]{43})$/;

/** Undefined for an address that was never handed out: whatever is wrong with it looks alike. */
function readAddress(vault: Vault, workspace: string, path: string): Asked | undefined {
  const [, number, step = '', attempt, token = ''] = callbackPath.exec(path) ?? [];
  const [, canary, canaryToken = ''] = samplesPath.exec(path) ?? [];
  if (number !== undefined) {
    const asked = { kind: 'callback', workspace, release: Number(number), step, attempt: Number(attempt) } as const;
    return isSame(token, tokenFor(vault, asked)) ? asked : undefined;
  }
  if (canary === undefined) return undefined;
  const asked = { kind: 'samples', workspace, release: Number(canary) } as const;
  return isSame(canaryToken, tokenFor(vault, asked)) ? asked : undefined;
}

function isSame(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

export type MachineAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
};
/** Answers what a machine posts to an address that it was given. `path` without its query. */
export type MachineDoor = (path: string, request: IncomingMessage) => Promise<MachineAnswer>;

const bodyAtMost = 256 * 1024;
const postsPerMinute = 60;
const page = 'docs/webhooks.md';

export function openMachineDoor(parts: {
  readonly ctx: Ctx;
  readonly vault: Vault;
  readonly workspace: string;
  /** In ms, never back. */
  readonly tick?: () => number;
}): MachineDoor {
  const { ctx, vault, workspace, tick = () => performance.now() } = parts;
  const spend = openRate(postsPerMinute, tick);
  const hear = async (command: Call, id: string): Promise<StoredEvent[] | MachineAnswer> => {
    const by = { workspace, actor: { kind: 'system' } } as const;
    // A no is not stored: it would answer the same numbers later, when they may be welcome.
    const foreseen = await rehearse(ctx, command.command, command.input, by);
    if (!foreseen.ok) return refused(foreseen.refusal);
    const outcome = await run(ctx, command.command, command.input, { ...by, id });
    return outcome.ok ? [...outcome.events] : refused(outcome.refusal);
  };

  return async (path, request) => {
    if (request.method !== 'POST')
      return { ...problem(405, 'Only POST is taken here.', `Post JSON, see ${page}.`), headers: { allow: 'POST' } };
    const asked = readAddress(vault, workspace, path);
    if (!asked) return unknown;
    const wait = spend(String(asked.release));
    if (wait > 0)
      return {
        ...problem(
          429,
          `More than ${postsPerMinute} posts in a minute for ${releaseKey(asked.release)}.`,
          `Wait ${wait} s.`,
        ),
        headers: { 'retry-after': String(wait) },
      };
    const body = await readBody(request);
    if (body === undefined)
      return problem(
        413,
        `More than ${bodyAtMost / 1024} KiB came.`,
        'Post less: 2000 numbers a side are the most that is read.',
      );
    const key = String(request.headers['idempotency-key'] ?? '').slice(0, 255);
    return asked.kind === 'callback' ? takeResult(hear, asked, body, key) : takeSamples(hear, asked, body, key);
  };
}

type Hear = (command: Call, id: string) => Promise<StoredEvent[] | MachineAnswer>;

const Result = z.strictObject({ result: z.enum(['done', 'failed']), note: z.string().default('') });
const resultExample = '{"result":"done","note":"deployed in 4 min"}';

async function takeResult(
  hear: Hear,
  { release, step, attempt }: Extract<Asked, { kind: 'callback' }>,
  body: string,
  key: string,
): Promise<MachineAnswer> {
  const read = readJson(Result, body, `the result of step ${step} of ${releaseKey(release)}`, resultExample);
  if (!read.ok) return read.answer;
  const input = { release, step, attempt, result: read.value.result, note: clean(read.value.note) };
  const heard = await hear(call(stepResultCommand, input), commandId('callback', input, key));
  if (!Array.isArray(heard)) return heard;
  const recorded = heard.length > 0;
  const why = `Step ${step} of ${releaseKey(release)} does not wait for the result of attempt ${attempt} (any more). Nothing was changed.`;
  return { status: 200, body: recorded ? { recorded } : { recorded, why } };
}

const Samples = z.strictObject({
  ...CanarySamples.shape,
  // NUL and half characters cannot be stored.
  metric: CanarySamples.shape.metric.regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds a control character'),
  tolerance: SampleInput.shape.tolerance.default(null),
  reference: SampleInput.shape.reference.default(null),
});
const samplesExample = '{"metric":"p95 ms","direction":"increase","baseline":[…],"canary":[…]}';

async function takeSamples(
  hear: Hear,
  { release }: Extract<Asked, { kind: 'samples' }>,
  body: string,
  key: string,
): Promise<MachineAnswer> {
  const read = readJson(Samples, body, `samples for ${releaseKey(release)}`, samplesExample);
  if (!read.ok) return read.answer;
  const { tolerance, reference, ...samples } = read.value;
  const input = { release, samples, tolerance, reference };
  const heard = await hear(call(sampleCommand, input), commandId('canary', input, key));
  if (!Array.isArray(heard)) return heard;
  const [judged] = heard.flatMap(({ body: one }) => (one.type === 'canary.judged' ? [one] : []));
  if (!judged) throw new Error(`samples for release ${release} were taken without a verdict`);
  const { type: _type, release: _release, news: _news, medianBaseline, medianCanary, pValue, ...verdict } = judged;
  return {
    status: 200,
    body: {
      ...verdict,
      median_baseline: medianBaseline,
      median_canary: medianCanary,
      p_value: pValue,
      words: canaryWords(judged),
    },
  };
}

/** The same content (and key) is the same command, whatever its spaces: a repeat gets the first answer. */
function commandId(what: string, input: { readonly release: number }, key: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([key, input]))
    .digest('base64url');
  return `${what}:${releaseKey(input.release)}:${hash}`;
}

const unknown: MachineAnswer = { status: 404, body: { error: 'not found' } };

function problem(status: number, error: string, next: string): MachineAnswer {
  return { status, body: { error, next } };
}

function refused(refusal: Refusal): MachineAnswer {
  return refusal.code === 'not_found' ? unknown : { status: 409, body: { error: refusedText(refusal, 'UTC') } };
}

function readJson<T>(
  schema: z.ZodType<T>,
  text: string,
  what: string,
  example: string,
): { ok: true; value: T } | { ok: false; answer: MachineAnswer } {
  const bad = (why: string) => ({
    ok: false as const,
    answer: problem(400, `This was to be ${what}, but ${why}`, `Post JSON like ${example}, see ${page}.`),
  });
  const json = jsonOf(text);
  if (!json.ok) return bad('it is no JSON.');
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  return bad(`${where}${issue?.message}`.slice(0, 300));
}

function jsonOf(text: string): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

/** Undefined when it is too long; what still comes is thrown away, so that the sender hears so. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bodyAtMost) return void chunks.push(chunk);
      chunks.length = 0;
      resolve(undefined);
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the sender went away')));
  });
}

/** A token bucket per name: `most` at once, then one each 60/`most` seconds. Answers how many seconds to wait; 0: go on. */
export function openRate(most: number, tick: () => number): (name: string) => number {
  const perMs = most / 60_000;
  const buckets = new Map<string, { left: number; at: number }>();
  return (name) => {
    const now = tick();
    // Whoever was quiet for a minute is full again, and needs no bucket.
    for (const [other, { at }] of buckets) if (now - at > 60_000) buckets.delete(other);
    const known = buckets.get(name) ?? { left: most, at: now };
    const left = Math.min(most, known.left + (now - known.at) * perMs);
    buckets.set(name, { left: left < 1 ? left : left - 1, at: now });
    return left < 1 ? Math.ceil((1 - left) / perMs / 1000) : 0;
  };
}
