import { z } from 'zod';
import type { SlackConnection } from './slack/client.ts';

/** How this process runs: read once from the environment, handed on as arguments. */
export type Env = {
  readonly production: boolean;
  readonly port: number;
  readonly sandboxPort: number;
  readonly host: string;
  readonly logLevel: string;
  readonly command: string;
  readonly dataDir: string;
  readonly catalogFile: string | undefined;
  /** Where people reach this process's HTTP pages and feeds, without a slash at its end. */
  readonly publicUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  /** What secrets in the database are sealed with. */
  readonly secretKey: string | undefined;
  /** Does it hold to Slack's limits by itself? Off only for a workspace that has none. */
  readonly paced: boolean;
  /** Undefined: the local workspace. */
  readonly slack: SlackConnection | undefined;
};

const port = z.coerce.number().int().min(0).max(65535);
const Schema = z.object({
  NODE_ENV: z.string().optional(),
  PORT: port.default(3000),
  SANDBOX_PORT: port.default(3001),
  HOST: z.string().optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).optional(),
  SLACK_COMMAND: z
    .string()
    .regex(/^\/[a-z0-9_-]{1,31}$/, 'must look like /release')
    .default('/release'),
  DATA_DIR: z.string().default('.data'),
  CATALOG_FILE: z.string().optional(),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://')
    .optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must begin with redis://')
    .optional(),
  SECRET_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  SLACK_BOT_TOKEN: z.string().startsWith('xoxb-', 'must begin with xoxb-').optional(),
  SLACK_APP_TOKEN: z.string().startsWith('xapp-', 'must begin with xapp-').optional(),
  SLACK_SIGNING_SECRET: z.string().min(16, 'is too short').optional(),
  SLACK_API_URL: z.url().optional(),
  SLACK_PACE: z.enum(['on', 'off']).default('on'),
});

export type ReadEnv =
  | { readonly ok: true; readonly env: Env }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the settings; every problem is listed at once. In production nothing has an embedded default. */
export function readEnv(raw: Readonly<Record<string, string | undefined>>): ReadEnv {
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = Schema.safeParse(given);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  const production = given.NODE_ENV === 'production';
  const needSlack =
    production ||
    given.SLACK_BOT_TOKEN !== undefined ||
    given.SLACK_APP_TOKEN !== undefined ||
    given.SLACK_SIGNING_SECRET !== undefined;
  if (needSlack && !given.SLACK_BOT_TOKEN) problems.push('SLACK_BOT_TOKEN is missing');
  if (needSlack && !given.SLACK_APP_TOKEN && !given.SLACK_SIGNING_SECRET)
    problems.push('SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP) is missing');
  if (production && !given.DATABASE_URL) problems.push('DATABASE_URL is missing');
  if (production && !given.REDIS_URL) problems.push('REDIS_URL is missing');
  if (production && !given.SECRET_KEY) problems.push('SECRET_KEY is missing');
  if (production && !given.PUBLIC_URL) problems.push('PUBLIC_URL is missing');
  if (production && given.SLACK_PACE === 'off') problems.push('SLACK_PACE must not be off in production');
  if (production && given.SLACK_API_URL?.startsWith('http:'))
    problems.push('SLACK_API_URL must not be plain http: in production');
  if (problems.length > 0 || !parsed.success) return { ok: false, problems };
  const env = parsed.data;
  return {
    ok: true,
    env: {
      production,
      port: env.PORT,
      sandboxPort: env.SANDBOX_PORT,
      host: env.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
      logLevel: env.LOG_LEVEL ?? (production ? 'info' : 'warn'),
      command: env.SLACK_COMMAND,
      dataDir: env.DATA_DIR,
      catalogFile: env.CATALOG_FILE,
      publicUrl: env.PUBLIC_URL?.replace(/\/+$/, ''),
      databaseUrl: env.DATABASE_URL,
      redisUrl: env.REDIS_URL,
      secretKey: env.SECRET_KEY,
      paced: env.SLACK_PACE === 'on',
      slack: env.SLACK_BOT_TOKEN
        ? {
            botToken: env.SLACK_BOT_TOKEN,
            apiUrl: env.SLACK_API_URL,
            mode: env.SLACK_APP_TOKEN
              ? { kind: 'socket', appToken: env.SLACK_APP_TOKEN }
              : { kind: 'http', signingSecret: env.SLACK_SIGNING_SECRET as string },
          }
        : undefined,
    },
  };
}
