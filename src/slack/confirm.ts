import { freezePreview, liftPreview } from '../../blocks/freeze.ts';
import { type Mrkdwn, mrkdwn, type View } from '../../blocks/kit.ts';
import { refusal } from '../../blocks/refusal.ts';
import { confirmation } from '../../blocks/slot.ts';
import { volume } from '../../blocks/subscription.ts';
import type { Call } from '../commands/command.ts';
import type { Ctx } from '../ctx.ts';
import type { EventBody } from '../domain/event.ts';
import { freezeTimes } from '../domain/freeze.ts';
import { releaseKey, unitsName } from '../domain/release.ts';
import { addMinutes } from '../domain/time.ts';
import { rehearse } from '../run.ts';
import { findFreeze } from '../store/planned.ts';
import { loadReleaseProps, numbered, readReleases } from '../store/read.ts';
import { learntOf } from './answer.ts';
import { draftOf, nextFor } from './offer.ts';

/** What would come of it, if this person did it now. */
export function rehearseFor(ctx: Ctx, { workspace, person }: { workspace: string; person: string }, what: Call) {
  return rehearse(ctx, what.command, what.input, { workspace, actor: { kind: 'person', id: person } });
}

/**
 * Says how a line was read and what a click will do; or why it would be refused, with the next best times. `rehearsing`: by
 * whoever had to know before.
 */
export async function confirm(
  ctx: Ctx,
  asking: { workspace: string; person: string; zone: string },
  what: Call,
  typed: string,
  rehearsing = rehearseFor(ctx, asking, what),
): Promise<View> {
  const { workspace, zone } = asking;
  const rehearsed = await rehearsing;
  if (!rehearsed.ok) return refusal(rehearsed.refusal, zone, await nextFor(ctx, asking, rehearsed.refusal, what));
  const draft = await draftOf(ctx, asking, what);
  const now = ctx.now();
  const zones = (people: readonly string[]) =>
    [...new Set(people)].flatMap((id) => rehearsed.directory.people[id]?.zone ?? []);
  const base = { typed, zone, now, draft, warnings: [], notes: [] as Mrkdwn[], approvers: [] as string[] };
  const event = rehearsed.events.find((one) => confirmed.includes(one.type));
  switch (event?.type) {
    case 'release.requested': {
      const name = `Book ${unitsName(event.units)} → ${event.environment}`;
      const gates = event.gates.map((gate) => `${gate.needed} ${gate.name}`).join(' + ');
      const notes = [
        ...(event.changeType === 'normal' ? [] : [mrkdwn`It is a *${event.changeType}* change.`]),
        ...(gates === '' ? [] : [mrkdwn`Needs ${gates}.`]),
        ...(await learntOf(
          ctx,
          workspace,
          event.units.map((unit) => unit.service),
        )),
        ...(event.train ? [mrkdwn`🚆 aboard the train *${event.train.key}* of ${event.train.date}`] : []),
      ];
      return confirmation({
        ...base,
        ...times(event),
        what: name,
        approvers: zones(event.asked.flat()),
        warnings: event.warnings,
        notes,
        yes: 'Book it',
      });
    }
    case 'release.moved': {
      const release = await loadReleaseProps(ctx.db, workspace, event.release);
      const notes =
        event.reopened.length === 0
          ? [mrkdwn`Every vote stays.`]
          : [mrkdwn`Asked again: ${event.reopened.join(', ')}. Other votes stay.`];
      const what = `Move ${releaseKey(event.release)} ${unitsName(release.units)}`;
      const approvers = await askedZones(
        ctx,
        workspace,
        release.gates.flatMap((gate) => gate.asked),
      );
      return confirmation({
        ...base,
        ...times(event),
        what,
        approvers,
        warnings: event.warnings,
        notes,
        yes: 'Move it',
      });
    }
    case 'booking.made': {
      const lane =
        event.services.length === 0 ? event.environment : `${event.services.join(', ')} in ${event.environment}`;
      return confirmation({ ...base, ...times(event), what: `Reserve ${lane}: ${event.purpose}`, yes: 'Reserve it' });
    }
    case 'freeze.added': {
      const freeze = { ...event.freeze, skips: [], lifted: false, source: event.source };
      const next = freezeTimes(freeze, { from: now, to: addMinutes(now, 400 * 24 * 60) });
      const inside = event.touched.map((one) => one.release);
      const touched = await readReleases(ctx.db, workspace, numbered(inside), { take: 50 });
      return freezePreview({ freeze, times: next, touched, typed, zone, draft });
    }
    case 'freeze.lifted': {
      const found = await findFreeze(ctx.db, workspace, event.freeze, now);
      if (!found) return { text: 'There is nothing to confirm.', blocks: [] };
      return liftPreview({ ...found, zone, date: event.date, draft });
    }
    case 'subscription.added':
      return volume({ target: event.target, lately: event.lately, draft });
    default:
      return { text: 'There is nothing to confirm.', blocks: [] };
  }
}

const confirmed: readonly EventBody['type'][] = [
  'release.requested',
  'release.moved',
  'booking.made',
  'freeze.added',
  'freeze.lifted',
  'subscription.added',
];

function times(event: { startsAt: string; endsAt: string }): { startsAt: Date; endsAt: Date } {
  return { startsAt: new Date(event.startsAt), endsAt: new Date(event.endsAt) };
}

async function askedZones(ctx: Ctx, workspace: string, people: readonly string[]): Promise<string[]> {
  const needs = { people: [...new Set(people)], usergroups: [], channels: [] };
  const directory = await ctx.directory.lookup(workspace, needs, 60 * 60_000);
  return needs.people.flatMap((id) => directory.people[id]?.zone ?? []);
}
