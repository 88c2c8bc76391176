import ical, { ICalCalendarMethod, ICalEventStatus, ICalEventTransparency } from 'ical-generator';
import { hashOfToken } from '../commands/feed.ts';
import { bookingKey } from '../domain/booking.ts';
import { type ReleaseState, releaseKey, unitsName } from '../domain/release.ts';
import type { Db } from '../store/db.ts';
import { findFeed } from '../store/planned.ts';

/**
 * A feed as iCalendar (RFC 5545): UTC times, one stable UID per release, SEQUENCE grows when it moves, and cancelled ones
 * stay as CANCELLED so that calendars take them down. Undefined for an address that never was or is revoked.
 */
export async function feedFile(settings: { db: Db; now: () => Date }, token: string): Promise<string | undefined> {
  const feed = await findFeed(settings.db, hashOfToken(token), settings.now());
  if (!feed) return undefined;
  const about = feed.kind === 'workspace' ? '' : `: ${feed.name}`;
  const calendar = ical({
    name: `Releases${about}`,
    prodId: { company: 'Maitred', product: 'Releases', language: 'EN' },
    method: ICalCalendarMethod.PUBLISH,
    ttl: 900,
  });
  const uid = (name: string) => `${name}@${feed.workspace.toLowerCase()}.maitred`;
  for (const release of feed.releases) {
    const { summary, state } = release;
    calendar.createEvent({
      id: uid(releaseKey(release.number)),
      sequence: release.sequence,
      start: release.startsAt,
      end: release.endsAt,
      stamp: release.changedAt,
      lastModified: release.changedAt,
      summary: `${unitsName(release.units)} → ${release.environment} (${releaseKey(release.number)})`,
      description: `${summary}\n${release.changeType} change, ${state.replace('_', ' ')}`,
      status:
        release.hasSlot || isOver(state) || state === 'done' || state === 'rolled_back' || state === 'failed'
          ? statusOf(state)
          : ICalEventStatus.CANCELLED,
      transparency: ICalEventTransparency.TRANSPARENT,
      categories: release.units.map((unit) => ({ name: unit.service })),
    });
  }
  for (const { freeze, times } of feed.freezes)
    for (const time of times.slice(0, 60))
      calendar.createEvent({
        id: uid(`freeze-${freeze.key}-${time.date}`),
        start: time.startsAt,
        end: time.endsAt,
        stamp: settings.now(),
        summary: `❄ ${freeze.name}`,
        description: freeze.message,
        status: ICalEventStatus.CONFIRMED,
        transparency: ICalEventTransparency.TRANSPARENT,
      });
  for (const booking of feed.bookings)
    calendar.createEvent({
      id: uid(bookingKey(booking.number)),
      start: booking.startsAt,
      end: booking.endsAt,
      stamp: settings.now(),
      summary: `${booking.environment}: ${booking.purpose} (${bookingKey(booking.number)})`,
      sequence: booking.state === 'made' ? 0 : 1,
      status: booking.state === 'made' ? ICalEventStatus.CONFIRMED : ICalEventStatus.CANCELLED,
      transparency: ICalEventTransparency.TRANSPARENT,
    });
  return calendar.toString();
}

function isOver(state: ReleaseState): boolean {
  return ['cancelled', 'rejected', 'expired'].includes(state);
}

function statusOf(state: ReleaseState): ICalEventStatus {
  if (isOver(state)) return ICalEventStatus.CANCELLED;
  return state === 'requested' ? ICalEventStatus.TENTATIVE : ICalEventStatus.CONFIRMED;
}
