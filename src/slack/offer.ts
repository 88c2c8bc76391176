import type { Next } from '../../blocks/refusal.ts';
import { reserveCommand } from '../commands/booking.ts';
import { type Call, call } from '../commands/command.ts';
import { boardCommand, moveCommand } from '../commands/move.ts';
import { requestCommand, wishOf } from '../commands/request.ts';
import { swapCommand } from '../commands/swap.ts';
import { joinLineCommand } from '../commands/waiting-line.ts';
import { type Ctx, DirectoryUnavailable } from '../ctx.ts';
import type { BookingInput } from '../domain/booking.ts';
import type { CalendarFacts, Wanted } from '../domain/conflict.ts';
import type { Refusal } from '../domain/decision.ts';
import { eligible, membersOf, type WhoSource } from '../domain/gate.ts';
import { type MoveInput, wishOf as wishOfRelease } from '../domain/move.ts';
import type { DirectoryNeeds } from '../domain/person.ts';
import { gatesOf, type RequestInput, requestNeeds, wantedOf } from '../domain/request.ts';
import { type Approvers, findSlots, horizonDays, type Offer } from '../domain/slot.ts';
import { addMinutes } from '../domain/time.ts';
import { passes } from '../domain/waiting-line.ts';
import { loadReserve, readerOf } from '../store/calendar.ts';
import { keepDraft } from '../store/draft.ts';
import { loadRequest } from '../store/facts.ts';
import { findSlot } from '../store/slot.ts';

/*
 * The next best times: for every refusal, for the form and for those who ask.
 */
export type Asking = { readonly workspace: string; readonly person: string };

/** What a refused time can be answered with: other times, as buttons of a draft. Undefined when it was not about a time. */
export async function nextFor(
  ctx: Ctx,
  asking: Asking,
  refused: Refusal,
  what: Call | undefined,
): Promise<Next | undefined> {
  if ((refused.code !== 'conflict' && refused.code !== 'in_the_past') || !what) return undefined;
  const wish = wishBehind(what);
  if (!wish) return undefined;
  const from = refused.code === 'conflict' ? new Date(refused.startsAt) : ctx.now();
  const offers = await offersFor(ctx, asking, wish, from > ctx.now() ? from : ctx.now(), 3);
  const draft = await draftOf(ctx, asking, wish);
  const canWait =
    refused.code === 'conflict' &&
    what.command.name === requestCommand.name &&
    (what.input as RequestInput).train === null &&
    refused.hard.every(passes);
  const verbs: Record<string, string> = { [moveCommand.name]: 'Move to', [reserveCommand.name]: 'Reserve' };
  const isRequest = what.command.name === requestCommand.name && (what.input as RequestInput).exception === null;
  const canExcept = isRequest && (what.input as RequestInput).train === null;
  return { offers, draft, canWait, canExcept, verb: verbs[wish.command.name] ?? 'Book' };
}

/** What a button with another time does instead of a refused call. */
function wishBehind(what: Call): Call | undefined {
  const { name } = what.command;
  switch (name) {
    // One who waits in line keeps the wish, and books when another time will do; one whom no train takes goes alone.
    case requestCommand.name:
    case joinLineCommand.name:
      return call(requestCommand, { ...(what.input as RequestInput), train: null });
    case moveCommand.name:
    case reserveCommand.name:
      return what;
    case boardCommand.name:
    case swapCommand.name: {
      const { release } = what.input as { release: number };
      return call(moveCommand, { release, startsAt: null, minutes: null, needs: null });
    }
    default:
      return undefined;
  }
}

/** Keeps a call for a button; the id is the button's value. */
export async function draftOf(ctx: Ctx, { workspace, person }: Asking, what: Call): Promise<string> {
  const id = ctx.newId();
  await keepDraft(ctx.db, workspace, id, { person, command: what.command.name, input: what.input }, ctx.now());
  return id;
}

/** The next best times for what a call wants, from `from` on. Everything is read in one query around the wish. */
export async function offersFor(ctx: Ctx, asking: Asking, what: Call, from: Date, most: number): Promise<Offer[]> {
  switch (what.command.name) {
    case moveCommand.name: {
      const { release, minutes, needs } = what.input as MoveInput;
      return offersForRelease(ctx, asking, release, { from, most, minutes, needs });
    }
    case reserveCommand.name:
      return offersForBooking(ctx, asking, what.input as BookingInput, from, most);
    default:
      return offersForWish(ctx, asking, what.input as RequestInput, from, most);
  }
}

/** Times for a release that there is. */
export async function offersForRelease(
  ctx: Ctx,
  { workspace, person }: Asking,
  number: number,
  asked: { from: Date; most: number; minutes?: number | null; needs?: readonly number[] | null },
): Promise<Offer[]> {
  const range = horizon(asked.from);
  const slot = await findSlot(readerOf(ctx.db), { workspace, actor: person, now: ctx.now() }, number, {
    ...range,
    needs: asked.needs ?? [],
  });
  if (!slot) return [];
  const wish = wishOfRelease(slot);
  const wanted = { ...wish, minutes: asked.minutes ?? wish.minutes };
  const approvers = await zonesOf(
    ctx,
    workspace,
    slot.gates.map((gate) => gate.asked),
  );
  const { calendar } = slot;
  const first = asked.needs ?? slot.release.dependsOn;
  const needs = calendar.needs.filter((one) => first.includes(one.release));
  return findSlots({ ...calendar, needs }, wanted, {
    from: asked.from,
    now: ctx.now(),
    most: asked.most,
    approvers,
    until: range.to,
  });
}

async function offersForWish(
  ctx: Ctx,
  { workspace, person }: Asking,
  input: RequestInput,
  from: Date,
  most: number,
): Promise<Offer[]> {
  const range = horizon(from);
  const wish = { ...wishOf(input), train: null, startsAt: range.from, endsAt: addMinutes(range.to, input.minutes) };
  const facts = await loadRequest(readerOf(ctx.db), { workspace, actor: person, now: ctx.now() }, wish);
  const needs = requestNeeds(facts, input);
  const directory = await lookup(ctx, workspace, needs);
  const voters = (sources: readonly WhoSource[]) =>
    directory
      ? sources.flatMap((source) =>
          eligible(membersOf(source, directory), { requester: person, lead: input.lead }, directory.people),
        )
      : [];
  const approvers: Approvers = gatesOf(input, facts).map(({ sources }) =>
    voters(sources).flatMap((id) => directory?.people[id]?.zone ?? []),
  );
  const wanted = wantedOf(input, facts);
  return findSlots(facts.calendar, wanted, { from, now: ctx.now(), most, approvers, until: range.to });
}

async function offersForBooking(
  ctx: Ctx,
  { workspace, person }: Asking,
  input: BookingInput,
  from: Date,
  most: number,
): Promise<Offer[]> {
  const range = horizon(from);
  const { held } = await loadReserve(
    readerOf(ctx.db),
    { workspace, actor: person },
    {
      environment: input.environment,
      startsAt: range.from,
      endsAt: addMinutes(range.to, input.minutes),
    },
  );
  const calendar: CalendarFacts = {
    zone: 'UTC',
    hasCatalog: true,
    windows: [],
    freezes: [],
    held,
    seats: [],
    around: [],
    leading: [],
    needs: [],
    regions: [],
  };
  const wanted: Wanted = {
    environment: input.environment,
    exclusive: input.services.length === 0,
    services: input.services.map((key) => ({ key, team: null, tags: [], regions: [] })),
    minutes: input.minutes,
    changeType: 'normal',
    lead: '',
    teams: [],
    holders: [],
    releases: [],
    overlap: 'ignore',
    train: undefined,
  };
  return findSlots(calendar, wanted, { from, now: ctx.now(), most, until: range.to });
}

/** IANA zones of the people asked, per gate; unknown people are left out rather than waited for. */
async function zonesOf(ctx: Ctx, workspace: string, asked: readonly (readonly string[])[]): Promise<Approvers> {
  const directory = await lookup(ctx, workspace, { people: [...new Set(asked.flat())], usergroups: [], channels: [] });
  return asked.map((people) => people.flatMap((id) => directory?.people[id]?.zone ?? []));
}

const directoryMaxAgeMs = 60 * 60_000;

/** Only for ranking: when Slack does not answer, times are ranked without it. */
async function lookup(ctx: Ctx, workspace: string, needs: DirectoryNeeds) {
  try {
    return await ctx.directory.lookup(workspace, needs, directoryMaxAgeMs);
  } catch (error) {
    if (error instanceof DirectoryUnavailable) return undefined;
    throw error;
  }
}

function horizon(from: Date): { from: Date; to: Date } {
  return { from, to: addMinutes(from, horizonDays * 24 * 60) };
}
