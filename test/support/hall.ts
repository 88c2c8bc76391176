import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pino from 'pino';
import { parse } from 'yaml';
import { timerCall } from '../../src/commands/clock.ts';
import type { Call, Said } from '../../src/commands/command.ts';
import { call } from '../../src/commands/command.ts';
import { findVerb } from '../../src/commands/index.ts';
import { plainContent, requestCommand } from '../../src/commands/request.ts';
import { applyCatalogCommand, connectCommand } from '../../src/commands/setup.ts';
import { voteCommand } from '../../src/commands/vote.ts';
import type { Ctx } from '../../src/ctx.ts';
import { parseCatalog } from '../../src/domain/catalog.ts';
import { readLine, takeRelease } from '../../src/domain/line.ts';
import type { Person } from '../../src/domain/person.ts';
import type { RequestInput } from '../../src/domain/request.ts';
import type { VoteInput } from '../../src/domain/vote.ts';
import { type Outcome, run } from '../../src/run.ts';
import { type Db, openDb } from '../../src/store/db.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openVault } from '../../src/vault.ts';
import { newDatabase } from './house.ts';

/** The door with a real database behind it and no Slack in front: for races and records. */
export type Hall = {
  readonly ctx: Ctx;
  readonly db: Db;
  readonly url: string;
  readonly workspace: string;
  readonly clock: { now: Date };
  readonly groups: Record<string, string[]>;
  /** Connects the workspace and applies the catalogue. */
  readonly moveIn: (ctx: Ctx, id: string) => Promise<void>;
  readonly does: (person: string, what: Call, id?: string) => Promise<Outcome>;
  /** A request as a call, not yet made. */
  readonly wish: (person: string, change?: Partial<RequestInput>) => Call;
  readonly books: (person: string, change?: Partial<RequestInput>, id?: string) => Promise<Outcome>;
  /** Says a line as a person would, without Slack: the events that came of it, or the code of what stopped it. */
  readonly says: (person: string, line: string) => Promise<string>;
  /** Lets a timer's command run now, as the clock would. */
  readonly fires: (timer: Record<string, unknown>, dueAt?: Date) => Promise<Outcome>;
  readonly votes: (person: string, release: number, change?: Partial<VoteInput>, id?: string) => Promise<Outcome>;
  readonly close: () => Promise<void>;
};

const root = new URL('../../', import.meta.url).pathname;
export const workspace = 'T0HARBOUR';

export async function openHall(
  options: {
    readonly catalog?: string;
    /** Nothing has happened yet, not even that the app was installed. */
    readonly bare?: boolean;
  } = {},
): Promise<Hall> {
  const url = await newDatabase();
  await migrate(url);
  const db = openDb({ url, onError: () => undefined });
  const clock = { now: new Date('2026-11-23T08:00:00Z') };
  const groups: Record<string, string[]> = { S0SRE: ['U0BEN', 'U0LEE'] };
  const known = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, member(id)]));
  const directory = (needs: {
    people: readonly string[];
    usergroups: readonly string[];
    channels: readonly string[];
  }) => ({
    people: known([...needs.people, ...Object.values(groups).flat()]),
    usergroups: Object.fromEntries(needs.usergroups.map((id) => [id, groups[id] ?? []])),
    channels: Object.fromEntries(needs.channels.map((id) => [id, ['U0ANA', 'U0BEN', 'U0KIM']])),
  });
  const ctx: Ctx = {
    db,
    directory: { peek: (_team, needs) => directory(needs), lookup: async (_team, needs) => directory(needs) },
    now: () => clock.now,
    newId: randomUUID,
    vault: openVault('a key that is long enough for every test'),
    log: pino({ level: 'silent' }),
    wake: () => undefined,
    count: () => undefined,
  };
  const system = { workspace, actor: { kind: 'system' } } as const;
  const catalog = parseCatalog(parse(options.catalog ?? readFileSync(`${root}test/support/catalog.yml`, 'utf8')));
  if (!catalog.ok) throw new Error(catalog.problems.join('\n'));
  const moveIn = async (then: Ctx, id: string) => {
    await run(then, connectCommand, { name: 'Harbour', botUser: 'U0MAITRED' }, { ...system, id: 'connect' });
    await run(then, applyCatalogCommand, { hash: 'one', catalog: catalog.catalog }, { ...system, id });
  };
  if (!options.bare) await moveIn(ctx, 'catalog');
  const does = (person: string, what: Call, id: string = randomUUID()) =>
    run(ctx, what.command, what.input, { workspace, actor: { kind: 'person', id: person }, id });
  const wish = (person: string, change: Partial<RequestInput> = {}) =>
    call(requestCommand, {
      units: [{ service: 'payments', version: '2.14.0' }],
      environment: 'production',
      startsAt: '2026-11-24T13:00:00.000Z',
      minutes: 45,
      changeType: 'normal',
      summary: 'Add SEPA instant payouts',
      rollbackPlan: '',
      lead: person,
      dependsOn: [],
      ...plainContent,
      train: null,
      fallbackChannel: null,
      ...change,
    });
  const says = async (person: string, line: string) => {
    const [first = '', ...words] = line.split(' ');
    const found = findVerb(first);
    if (!('verb' in found)) return 'unknown verb';
    const { verb } = found;
    const said: Said = {
      person,
      channel: 'C0RELEASES',
      fallbackChannel: 'C0RELEASES',
      zone: 'Europe/Berlin',
      now: clock.now,
    };
    const target = takeRelease(words);
    const rest = readLine((verb.target ? target.rest : words).join(' '));
    const parsed =
      verb.target === 'maybe'
        ? verb.parse(rest, said, target.release)
        : verb.target
          ? verb.parse(rest, said, target.release ?? 0)
          : verb.parse(rest, said);
    if (parsed.do === 'usage') return `usage ${parsed.problem.code}`;
    if (parsed.do !== 'run' && parsed.do !== 'confirm') return parsed.do;
    const outcome = await does(person, parsed.call);
    return outcome.ok ? outcome.events.map((event) => event.body.type).join(' ') || 'nothing' : outcome.refusal.code;
  };
  const fires = (timer: Record<string, unknown>, dueAt: Date = clock.now) => {
    const { command, input } = timerCall(timer, dueAt);
    return run(ctx, command, input, { workspace, actor: { kind: 'clock' }, id: randomUUID() });
  };
  return {
    ctx,
    db,
    url,
    workspace,
    clock,
    groups,
    moveIn,
    does,
    says,
    fires,
    wish,
    books: (person, change, id) => does(person, wish(person, change), id),
    votes: (person, release, change = {}, id) =>
      does(
        person,
        call(voteCommand, { release, revision: 1, choice: 'approve', comment: '', unblock: '', code: '', ...change }),
        id,
      ),
    close: () => db.close(),
  };
}

/** Ids say who somebody is: U0GUEST…, U0BOT…, U0EVE (a stranger), U0TOM (gone), U0FAR (nobody that this workspace's Slack knows). */
function member(id: string): Person {
  return {
    id,
    name: id.slice(2).toLowerCase(),
    zone: 'Europe/Berlin',
    isBot: id.startsWith('U0BOT'),
    isGuest: id.startsWith('U0GUEST'),
    isStranger: id === 'U0EVE' || id === 'U0FAR',
    isDeleted: id === 'U0TOM' || id === 'U0FAR',
  };
}
