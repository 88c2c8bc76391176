import { setTimeout as sleep } from 'node:timers/promises';
import type { House } from './house.ts';

/*
 * What stories have in common: their people, a booking, a vote.
 */
export type Person = ReturnType<House['person']>;

export function cast(house: House) {
  const of = (name: string) => house.person(name);
  return {
    ana: of('ana'),
    ben: of('ben'),
    lee: of('lee'),
    kim: of('kim'),
    mia: of('mia'),
    rae: of('rae'),
    noa: of('noa'),
    raj: of('raj'),
    sam: of('sam'),
  };
}

/** Books a release with one line, and gives its number. */
export async function books(house: House, person: Person, line: string): Promise<number> {
  const before = await house.query<{ number: number }>('SELECT coalesce(max(number), 0) AS number FROM release');
  await person.types(`/release book ${line} --yes`);
  return house.until(`a release booked by ${line}`, async () => {
    const [row] = await house.query<{ number: number }>('SELECT number FROM release WHERE number > $1', [
      before[0]?.number,
    ]);
    return row?.number;
  });
}

/** Votes in the review modal, as everybody has to. */
export async function votes(person: Person, release: number, decision = 'approve', fill: Record<string, string> = {}) {
  await person.types(`/release review REL-${release}`);
  await person.modal(new RegExp(`Review REL-${release}`));
  await person.picks('decision', decision);
  await person.fills(Object.fromEntries(Object.entries(fill).map(([block, value]) => [block, { value }])));
  const ack = await person.submits();
  return ack;
}

export const stateOf = async (house: House, release: number) =>
  (await house.query<{ state: string }>('SELECT state FROM release WHERE number = $1', [release]))[0]?.state;

/** What there is to be found within a second; undefined when there is nothing. */
export async function soon<T>(look: () => T | undefined): Promise<T | undefined> {
  for (let looks = 0; looks < 40; looks++) {
    const found = look();
    if (found) return found;
    await sleep(25);
  }
  return undefined;
}
