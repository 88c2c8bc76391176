import type { Command } from './commands/command.ts';
import { type Ctx, DirectoryUnavailable, reported } from './ctx.ts';
import { may } from './domain/access.ts';
import { type Decision, type Refusal, type RefusalOf, refuse } from './domain/decision.ts';
import type { StoredEvent } from './domain/event.ts';
import { type Actor, type Directory, type DirectoryNeeds, join, needNothing } from './domain/person.ts';
import { react } from './domain/reaction.ts';
import { surfaceKey } from './domain/surface.ts';
import { apply } from './store/apply.ts';
import { nextReleaseNumber } from './store/facts.ts';
import { record } from './store/log.ts';
import { eventsById } from './store/read.ts';
import { inTransaction, type Tx } from './store/tx.ts';

/** Who asks, where, and the name of this very request: a repeat of it gets the first answer. */
export type By = {
  readonly workspace: string;
  readonly actor: Actor;
  /** Unique per thing asked: Slack's trigger or view id, a timer's key and due time. */
  readonly id: string;
};

export type Outcome =
  | { readonly ok: true; readonly events: readonly StoredEvent[]; readonly repeated: boolean }
  | { readonly ok: false; readonly refusal: Refusal; readonly repeated: boolean };

/**
 * The one door. Authorises, loads, decides, and writes what was decided, all in one transaction; every person, timer and
 * machine comes through here. What it returns is committed. Throws only faults (a bug, an outage): then nothing is saved,
 * or the fault is the lost answer of a commit, and asking again with the same id tells which.
 */
export async function run<Input, Facts>(
  ctx: Ctx,
  command: Command<Input, Facts>,
  input: Input,
  by: By,
): Promise<Outcome> {
  const started = performance.now();
  const outcome = await decideAndWrite(ctx, command, command.input.parse(input), by).catch((error: unknown) => {
    ctx.count('command', { command: command.name, outcome: 'fault' });
    ctx.log.error({ err: error, command: command.name, actor: by.actor }, 'command failed');
    throw error;
  });
  const word = outcome.repeated ? 'repeated' : outcome.ok ? 'accepted' : 'refused';
  ctx.count('command', { command: command.name, outcome: word });
  if (!outcome.ok) ctx.count('refusal', { code: outcome.refusal.code });
  ctx.log.info({
    command: command.name,
    actor: by.actor.kind === 'person' ? by.actor.id : by.actor.kind,
    outcome: word,
    code: outcome.ok ? undefined : outcome.refusal.code,
    ms: Math.round(performance.now() - started),
  });
  return outcome;
}

/** What a command would decide now, and who was looked up for it. Nothing is written: for saying what a click will do. */
export async function rehearse<Input, Facts>(
  ctx: Ctx,
  command: Command<Input, Facts>,
  input: Input,
  by: Omit<By, 'id'>,
): Promise<Decision & { readonly directory: Directory }> {
  const parsed = command.input.parse(input);
  const rehearsed = await knowing(ctx, command, by, (know) =>
    inTransaction(ctx.db, { contends: [], first: () => 'SELECT 1' }, async (tx) => {
      const { decision, directory } = await deliberate(ctx, command, parsed, by, know, tx);
      return { decision, directory };
    }),
  );
  if ('decision' in rehearsed) return { ...rehearsed.decision, directory: rehearsed.directory };
  return { ...refuse(rehearsed), directory: { people: {}, usergroups: {}, channels: {} } };
}

const identityMaxAgeMs = 5 * 60_000;

async function decideAndWrite<Input, Facts>(
  ctx: Ctx,
  command: Command<Input, Facts>,
  input: Input,
  by: By,
): Promise<Outcome> {
  const written = await knowing(ctx, command, by, (know) => transact(ctx, command, input, by, know));
  if ('code' in written) return { ok: false, refusal: written, repeated: false };
  if (written.outcome.ok) ctx.wake(by.workspace, written.surfaces);
  return written.outcome;
}

type Know = (needs: DirectoryNeeds) => Directory;

/**
 * Does `work` with what it has to know of Slack. Nothing slow inside a transaction: work that needs more leaves it, Slack
 * is asked, and the work begins again. A refusal: Slack does not answer.
 */
async function knowing<T, Input, Facts>(
  ctx: Ctx,
  command: Command<Input, Facts>,
  { actor, workspace }: Omit<By, 'id'>,
  work: (know: Know) => Promise<T>,
): Promise<T | RefusalOf<'unverified'>> {
  const maxAgeMs = command.directoryMaxAgeMs ?? identityMaxAgeMs;
  let wanted: DirectoryNeeds = actor.kind === 'person' ? { ...needNothing, people: [actor.id] } : needNothing;
  try {
    let directory = await ctx.directory.lookup(workspace, wanted, identityMaxAgeMs);
    for (;;) {
      try {
        return await work((needs) => {
          const merged = join(wanted, needs);
          const known =
            ctx.directory.peek(workspace, merged, maxAgeMs) ?? (covers(directory, merged) ? directory : undefined);
          if (!known) throw new Unknown(merged);
          return known;
        });
      } catch (error) {
        if (!(error instanceof Unknown)) throw error;
        wanted = error.needs;
        directory = await ctx.directory.lookup(workspace, wanted, maxAgeMs);
      }
    }
  } catch (error) {
    if (!(error instanceof DirectoryUnavailable)) throw error;
    return { code: 'unverified', reference: reported(ctx, error, 'Slack does not say who somebody is', 'warn') };
  }
}

type Written = { outcome: Outcome; surfaces: readonly string[] };

/** Authorises, loads and decides. */
async function deliberate<Input, Facts>(
  ctx: Ctx,
  command: Command<Input, Facts>,
  input: Input,
  { workspace, actor }: Omit<By, 'id'>,
  know: Know,
  tx: Tx,
): Promise<{ decision: Decision; directory: Directory; now: Date; again: (number: number) => Decision }> {
  const now = ctx.now();
  // No door hands a person one of these: whoever got here found a way around the doors.
  if (command.audience === 'clock' && actor.kind === 'person') throw new Error(`no person may run ${command.name}`);
  const identity = know(needNothing);
  const no = (refusal: Refusal) => {
    const decision = refuse(refusal);
    return { decision, directory: identity, now, again: () => decision };
  };
  const person = actor.kind === 'person' ? identity.people[actor.id] : undefined;
  const forbidden = person && command.audience !== 'clock' && may(command.audience, person);
  if (forbidden) return no(forbidden);
  const asker = { workspace, actor: actor.kind === 'person' ? actor.id : undefined, now };
  const loaded = await command.load(tx, asker, input);
  if (!loaded.ok) return no(loaded.refusal);
  const directory = know(command.needs?.(loaded.facts, input) ?? needNothing);
  const open = (sealed: string) => ctx.vault?.open(sealed);
  const decide = (number: number) =>
    command.decide(input, loaded.facts, { workspace, actor, person, directory, now, newId: ctx.newId, number, open });
  return { decision: decide(0), directory, now, again: decide };
}

async function transact<Input, Facts>(
  ctx: Ctx,
  command: Command<Input, Facts>,
  input: Input,
  by: By,
  know: Know,
): Promise<Written> {
  const { workspace, actor } = by;
  const contends = command.contends?.(input).map((name) => `${workspace}:${name}`) ?? [];
  const first = (literal: (text: string) => string) =>
    `SELECT outcome FROM command WHERE workspace = ${literal(workspace)} AND id = ${literal(by.id)}`;

  const crowd = command.crowd && `${workspace}:${command.crowd}`;
  return inTransaction(ctx.db, { contends, crowd, first }, async (tx, [earlier]) => {
    if (earlier) return { outcome: await repeat(ctx, earlier.outcome as Stored), surfaces: [] };
    const deliberated = await deliberate(ctx, command, input, by, know, tx);
    const { now } = deliberated;
    let { decision } = deliberated;
    // Deciding is pure, so it is asked again with the number: a refusal takes none.
    if (decision.ok && command.numbered && decision.events.length > 0)
      decision = deliberated.again(await nextReleaseNumber(tx, workspace));
    const row = { workspace, id: by.id, name: command.name, actor, at: now };
    if (!decision.ok) {
      const { refusal } = decision;
      const stored: Stored = { ok: false, refusal };
      await record(tx, { ...row, outcome: stored }, [], [], []);
      return { outcome: { ok: false, refusal, repeated: false }, surfaces: [] };
    }
    const events = decision.events.map(
      (body): StoredEvent => ({ id: ctx.newId(), workspace, at: now, actor, command: by.id, body }),
    );
    for (const event of events) await apply(tx, event);
    const reactions = events.map(react);
    const surfaces = reactions.flatMap((reaction) => reaction.surfaces);
    // Two events of one command may set the same timer: the later one counts, as it would in two commands.
    const timers = new Map(reactions.flatMap((reaction) => reaction.timers).map((timer) => [timer.key, timer]));
    const stored: Stored = { ok: true, events: events.map((event) => event.id) };
    await record(tx, { ...row, outcome: stored }, events, surfaces, [...timers.values()]);
    return { outcome: { ok: true, events, repeated: false }, surfaces: [...new Set(surfaces.map(surfaceKey))] };
  });
}

type Stored = { ok: true; events: string[] } | { ok: false; refusal: Refusal };

async function repeat(ctx: Ctx, stored: Stored): Promise<Outcome> {
  if (!stored.ok) return { ok: false, refusal: stored.refusal, repeated: true };
  return { ok: true, events: await eventsById(ctx.db, stored.events), repeated: true };
}

class Unknown extends Error {
  readonly needs: DirectoryNeeds;
  constructor(needs: DirectoryNeeds) {
    super('the directory has to be asked first');
    this.needs = needs;
  }
}

function covers(directory: Directory, needs: DirectoryNeeds): boolean {
  return (
    needs.people.every((id) => directory.people[id]) &&
    needs.usergroups.every((id) => directory.usergroups[id]) &&
    needs.channels.every((id) => directory.channels[id])
  );
}
