import { afterAll, beforeAll, expect, test } from 'vitest';
import { anyPlan, edit, look, type Model, newModel, type Plan, random, zones } from '../support/digest-model.ts';
import { type House, openHouse } from '../support/house.ts';
import { cast } from '../support/story.ts';

/*
 * Three replicas over days on which clocks change, within Slack's limits: they are killed in the middle of it, schedules
 * change, Slack says 429 and loses answers. DIGEST_MONTH=1 takes the whole month and 200 channels (about an hour); SEED
 * plays another one.
 */
const month = process.env.DIGEST_MONTH === '1';
const channels = month ? 200 : 36;
const hour = 3_600_000;
/** When somebody looks: New York changes on 14 March, Europe on 28 March, Sydney, Lord Howe and Santiago on 4 April. */
const moments = (
  month
    ? [['2027-03-10T00:20:00Z', 31 * 24] as const]
    : [['2027-03-13T12:20:00Z', 40] as const, ['2027-03-27T12:20:00Z', 40] as const]
).flatMap(([from, hoursLong]) =>
  Array.from({ length: Math.ceil(hoursLong / 8) }, (_, n) => new Date(Date.parse(from) + n * 8 * hour)),
);

let house: House;
beforeAll(async () => {
  house = await openHouse({ apps: 3, limits: true, at: '2027-03-08T10:00:00Z' });
  const { state } = house.sandbox.world;
  const like = state.channels.C0RELEASES;
  for (let n = 0; n < channels; n++)
    if (like) state.channels[`C0N${n}`] = { ...structuredClone(like), id: `C0N${n}`, name: `n${n}`, pins: [] };
});
afterAll(async () => {
  if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
  await house?.close();
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Nothing is due and nothing left to be shown. A timer or a message that died with its process comes back with its lease. */
async function settled(): Promise<void> {
  for (const end = Date.now() + 120_000 + channels * 1_000; ; await sleep(200)) {
    const [row] = await house.query<{ due: number; left: number }>(
      'SELECT (SELECT count(*)::int FROM timer WHERE due_at <= $1) AS due, (SELECT count(*)::int FROM outbox) AS left',
      [house.now()],
    );
    if (row?.due === 0 && row.left === 0) return;
    if (Date.now() > end) throw new Error(`${row?.due} timers and ${row?.left} surfaces are left`);
  }
}

test('three replicas, clocks that change, kill -9, edits and 429s: every channel has exactly its digests', {
  timeout: month ? 7_200_000 : 600_000,
}, async () => {
  const { ana } = cast(house);
  const pick = random(Number(process.env.SEED ?? 6));
  const { world } = house.sandbox;
  const models = new Map<string, Model>();
  const says = async (channel: string, plan: Plan | undefined) => {
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const line = plan && `here ${plan.at} ${plan.zone} ${plan.days.map((day) => days[day - 1]).join(',')} quiet:post`;
    const ack = await ana.types(`/release digest ${line ?? 'off'}`, channel.slice(2).toLowerCase());
    expect(ack.status).toBe('ok');
  };
  // So many people would not ask in one minute: Slack's limits hold from the first digest on.
  world.enforceLimits = false;
  for (let n = 0; n < channels; n++) {
    const channel = `C0N${n}`;
    const plan = { ...anyPlan(pick), zone: zones[n % zones.length] as string };
    const model = newModel();
    await says(channel, plan);
    edit(model, plan, house.now());
    models.set(channel, model);
  }
  const asked = await house.query("SELECT 1 FROM digest WHERE channel LIKE 'C0N%'");
  expect(asked).toHaveLength(channels);
  world.enforceLimits = true;

  let killed = 0;
  for (const [n, at] of moments.entries()) {
    world.faults.set('chat.postMessage', [
      { kind: 'ratelimited', times: pick(3), retryAfter: 1 },
      { kind: 'lost', times: pick(2) },
    ]);
    house.moveTo(at);
    let again: Promise<unknown> | undefined;
    if (n % 4 === 1) {
      // In the midst of it: some digests are out, some are not.
      await sleep(pick(2_500));
      const alive = house.apps.filter((app) => app.exitCode === null && app.signalCode === null);
      alive[pick(alive.length)]?.kill('SIGKILL');
      killed++;
      again = house.startApp();
    }
    await settled();
    for (const model of models.values()) look(model, at);
    for (let edits = pick(4); edits > 0; edits--) {
      const [channel, model] = [...models][pick(channels)] as [string, Model];
      const plan = model.plan && pick(5) === 0 ? undefined : anyPlan(pick);
      if (!plan && !model.plan) continue;
      await says(channel, plan);
      edit(model, plan, house.now());
    }
    await again;
  }
  await settled();

  let sent = 0;
  for (const [channel, model] of models) {
    const shown = (world.state.messages[channel] ?? []).flatMap((message) => {
      const key = String(message.metadata?.event_payload.key ?? '');
      return key.startsWith('digest:') ? [key.split(':')[2]] : [];
    });
    expect([channel, shown]).toEqual([channel, model.sent]);
    sent += shown.length;
  }
  expect(sent).toBeGreaterThan(channels);
  expect(killed).toBeGreaterThan(1);
  // What Slack said was heeded, and it never had to say it by itself.
  expect(world.violations.filter(({ what }) => what === 'ignored_retry_after')).toEqual([]);
});
