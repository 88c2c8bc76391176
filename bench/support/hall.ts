import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { parse } from 'yaml';
import { type Call, call } from '../../src/commands/command.ts';
import { requestCommand } from '../../src/commands/request.ts';
import { applyCatalogCommand, connectCommand } from '../../src/commands/setup.ts';
import { voteCommand } from '../../src/commands/vote.ts';
import type { Ctx } from '../../src/ctx.ts';
import { parseCatalog } from '../../src/domain/catalog.ts';
import { type Outcome, run } from '../../src/run.ts';
import { openDb } from '../../src/store/db.ts';
import { migrate } from '../../src/store/migrate.ts';
import { wish } from './wish.ts';

/** The one door with a database behind it and no Slack in front: what a command costs by itself. */
export type Hall = {
  readonly ctx: Ctx;
  readonly does: (person: string, what: Call) => Promise<Outcome>;
  readonly books: (person: string, service: string, startsAt: Date, minutes: number) => Promise<Outcome>;
  readonly votes: (person: string, release: number, comment?: string) => Promise<Outcome>;
  /** Transactions begun since the last time it was asked. */
  readonly begun: () => number;
  readonly close: () => Promise<void>;
};

export const workspace = 'T0BENCH';
const isBegin = (asked: unknown) => typeof asked === 'string' && /\bBEGIN(; SELECT FROM| ISOLATION)/.test(asked);

export async function openHall(url: string, catalog: string): Promise<Hall> {
  await migrate(url);
  const db = openDb({ url, onError: () => undefined });
  let begins = 0;
  db.pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...asked: unknown[]) => unknown;
    Object.assign(client, {
      query: (...asked: unknown[]) => {
        if (isBegin(asked[0])) begins++;
        return query(...asked);
      },
    });
  });
  const person = (id: string) => ({
    id,
    name: id.toLowerCase(),
    zone: 'UTC',
    isBot: false,
    isGuest: false,
    isStranger: false,
    isDeleted: false,
  });
  const directory = (needs: { readonly people: readonly string[] }) => ({
    people: Object.fromEntries(needs.people.map((id) => [id, person(id)])),
    usergroups: {},
    channels: {},
  });
  const ctx: Ctx = {
    db,
    directory: { peek: (_team, needs) => directory(needs), lookup: async (_team, needs) => directory(needs) },
    now: () => new Date(),
    newId: randomUUID,
    log: pino({ level: 'silent' }),
    wake: () => undefined,
    count: () => undefined,
  };
  const parsed = parseCatalog(parse(catalog));
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const system = { workspace, actor: { kind: 'system' } } as const;
  await run(ctx, connectCommand, { name: 'Bench', botUser: 'U0MAITRED' }, { ...system, id: 'connect' });
  await run(ctx, applyCatalogCommand, { hash: 'one', catalog: parsed.catalog }, { ...system, id: 'catalog' });
  let ids = 0;
  // One after the other, as Slack's own ids are.
  const does = (id: string, what: Call) =>
    run(ctx, what.command, what.input, { workspace, actor: { kind: 'person', id }, id: `13345224609.${++ids}` });
  return {
    ctx,
    does,
    books: (id, service, startsAt, minutes) => does(id, call(requestCommand, wish(id, service, startsAt, minutes))),
    votes: (id, release, comment = '') =>
      does(id, call(voteCommand, { release, revision: 1, choice: 'approve', comment, unblock: '', code: '' })),
    begun: () => {
      const were = begins;
      begins = 0;
      return were;
    },
    close: () => db.close(),
  };
}
