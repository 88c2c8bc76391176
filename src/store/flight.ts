import type { FlightRecord } from '../../blocks/record.ts';
import type { Db } from './db.ts';
export async function peopleOf(_db: Db, _w: string, _r: number): Promise<string[]> {
  return [];
}
export async function loadFlight(
  _db: Db,
  _w: string,
  _r: number,
  _about: { now: Date; people: Readonly<Record<string, { name: string; zone: string }>> },
): Promise<FlightRecord | undefined> {
  return undefined;
}
