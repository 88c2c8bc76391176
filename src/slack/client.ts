import {
  LogLevel,
  type WebAPICallResult,
  type WebAPIHTTPError,
  type WebAPIPlatformError,
  WebClient,
  type WebClientOptions,
} from '@slack/web-api';
import type { Urgency } from '../domain/surface.ts';

/** How this app reaches one workspace: Socket Mode or signed HTTP. */
export type SlackConnection = {
  readonly botToken: string;
  /** Undefined: Slack's own. */
  readonly apiUrl: string | undefined;
  readonly mode:
    | { readonly kind: 'socket'; readonly appToken: string }
    | { readonly kind: 'http'; readonly signingSecret: string };
};

/** `headers` is left out on purpose: the SDK writes the first team's token into a shared headers object. */
export type SafeClientOptions = Omit<WebClientOptions, 'headers'>;

export const slackTimeoutMs = 8_000;
/** A claim outlasts the slowest calls that it covers, so that no second process begins meanwhile. */
export const leaseMs = 3 * slackTimeoutMs;

/** Never retried by the SDK: a lost answer may have had its effect, and a retry would double it. */
export function callOptions(apiUrl: string | undefined): SafeClientOptions {
  return {
    ...(apiUrl ? { slackApiUrl: apiUrl } : {}),
    timeout: slackTimeoutMs,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    maxRequestConcurrency: 20,
    // Whoever calls says what failed; the SDK would write a line of its own, past the log.
    logLevel: LogLevel.ERROR,
  };
}

/** For opening sockets, which may be tried again and again. A new object each time: the client writes into it. */
export function connectOptions(apiUrl: string | undefined): SafeClientOptions {
  return {
    ...(apiUrl ? { slackApiUrl: apiUrl } : {}),
    timeout: 10_000,
    retryConfig: { retries: 20, maxTimeout: 10_000 },
  };
}

export type Writing = {
  readonly urgency: Urgency;
  /** It was told to come back now. */
  readonly inLine: boolean;
  /** Says that it is still at work; throws when somebody else is by now. */
  readonly stillAtIt: () => Promise<void>;
};

/** When calls may be made; what is not to be made yet is refused with `InLine`. */
export type Pace = {
  /** Work whose calls wait for their turn. */
  readonly writing: <T>(about: Writing, work: () => Promise<T>) => Promise<T>;
  /** Takes the turn for a call before the work that leads to it: nothing is put together only to wait. */
  readonly ahead: (method: string, args: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly before: (method: string, args: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly failed: (method: string, args: Readonly<Record<string, unknown>>, error: unknown) => Promise<void>;
};

/** It is not this call's turn; it was not made. */
export class InLine extends Error {
  readonly afterMs: number;
  constructor(afterMs: number) {
    super(`in line for ${Math.round(afterMs)} ms`);
    this.afterMs = afterMs;
  }
}

/** Hears of every call: Slack's method, how it ended, and how long that took. */
export type CallSeen = (method: string, result: 'ok' | CallFailure['kind'], ms: number) => void;

/** `seen` hears of every call that was made, also of those that fail; `pace` says when one may be made. */
export function openClient(
  token: string,
  apiUrl: string | undefined,
  { seen, pace }: { readonly seen?: CallSeen; readonly pace?: Pace } = {},
): WebClient {
  // The SDK binds its methods to the instance's `apiCall`: only a subclass sees all of them.
  class SeenClient extends WebClient {
    override async apiCall(method: string, options: Record<string, unknown> = {}): Promise<WebAPICallResult> {
      await pace?.before(method, options);
      const started = performance.now();
      let result: Parameters<CallSeen>[1] = 'ok';
      try {
        return await super.apiCall(method, options);
      } catch (error) {
        result = failureOf(error).kind;
        await pace?.failed(method, options, error);
        throw error;
      } finally {
        seen?.(method, result, performance.now() - started);
      }
    }
  }
  return new SeenClient(token, callOptions(apiUrl));
}

/** What became of a call: a clear no, "later", or nobody knows. */
export type CallFailure =
  | { readonly kind: 'refused'; readonly error: string }
  /** `ours`: it was not made, because it was not its turn. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly ours?: true }
  | { readonly kind: 'unclear'; readonly error: string };

export function failureOf(error: unknown): CallFailure {
  // Whoever asked for something else may have been told so on the way.
  const waits = [error, (error as { cause?: unknown } | undefined)?.cause].find((one) => one instanceof InLine);
  if (waits) return { kind: 'later', afterMs: waits.afterMs, ours: true };
  const { data, retryAfter, statusCode, message } = error as Partial<WebAPIPlatformError> & {
    retryAfter?: number;
  } & Partial<WebAPIHTTPError> & { message?: string };
  if (retryAfter !== undefined) return { kind: 'later', afterMs: retryAfter * 1000 };
  if (statusCode === 429) return { kind: 'later', afterMs: 5_000 };
  if (data?.error === 'ratelimited' || data?.error === 'rate_limited') return { kind: 'later', afterMs: 5_000 };
  // Slack's own trouble comes as an answer too, and says nothing of whether the call had its effect.
  if (
    data?.error !== undefined &&
    !['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout'].includes(data.error)
  )
    return { kind: 'refused', error: data.error };
  return { kind: 'unclear', error: data?.error ?? message ?? String(error) };
}

/** Did Slack refuse the call for one of these reasons? */
export function isRefused(error: unknown, ...codes: readonly string[]): boolean {
  const failure = failureOf(error);
  return failure.kind === 'refused' && codes.includes(failure.error);
}
