/*
 * When digests are due, reckoned anew by the platform's own calendar: not by the library that the rules use.
 */
export const zones = [
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/Los_Angeles',
  'America/Santiago',
  'Asia/Kolkata',
  'Asia/Tokyo',
  'Asia/Kathmandu',
  'Australia/Sydney',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'UTC',
];
const hours = ['00:00', '01:30', '02:30', '06:00', '08:15', '09:00', '09:30', '09:45', '12:00', '17:30', '23:45'];
const weeks = [
  [1, 2, 3, 4, 5],
  [1, 2, 3, 4, 5, 6, 7],
  [1, 3, 5],
  [6, 7],
];

const formats = new Map(
  zones.map((zone) => [
    zone,
    new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      weekday: 'short',
    }),
  ]),
);

/** What a wall shows. */
function wall(at: Date, zone: string) {
  const parts = Object.fromEntries(
    formats
      .get(zone)
      ?.formatToParts(at)
      .map(({ type, value }) => [type, value]) ?? [],
  );
  const day = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(parts.weekday as string) + 1;
  return { date: `${parts.year}-${parts.month}-${parts.day}`, time: `${parts.hour}:${parts.minute}`, day };
}

export type Plan = { at: string; zone: string; days: number[] };
export type Model = {
  plan: Plan | undefined;
  last: string;
  /** Switched on, or moved, after its hour: not today; and never before the day of that, wherever the clock is set. */
  skip: string;
  first: string;
  readonly sent: string[];
};

export function newModel(): Model {
  return { plan: undefined, last: '', skip: '', first: '', sent: [] };
}

/** Somebody is there at this moment: what is due now is sent. */
export function look(model: Model, at: Date): void {
  const { plan, last, skip, first } = model;
  if (!plan) return;
  const now = wall(at, plan.zone);
  if (!plan.days.includes(now.day) || now.date <= last || now.date < first) return;
  if (now.date === skip || now.time < plan.at) return;
  model.sent.push(now.date);
  model.last = now.date;
}

/** The schedule changes, or ends. */
export function edit(model: Model, plan: Plan | undefined, at: Date): void {
  const old = model.plan && wall(at, model.plan.zone);
  const isPending =
    model.plan !== undefined &&
    old !== undefined &&
    model.plan.days.includes(old.day) &&
    old.date > model.last &&
    old.date !== model.skip;
  const now = plan && wall(at, plan.zone);
  model.skip = plan && now && !isPending && now.time >= plan.at ? now.date : '';
  model.first = now?.date ?? '';
  model.plan = plan;
}

/** A generator of its own, so that a failure can be run again: whole numbers below what it is asked for. */
export function random(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

export function anyPlan(pick: (below: number) => number): Plan {
  const one = <T>(list: readonly T[]): T => list[pick(list.length)] as T;
  return { at: one(hours), zone: one(zones), days: one(weeks) };
}
