import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { checkBlocks } from '../../sandbox/server/blocks.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, votes } from '../support/story.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse({ apps: 2, at: '2026-11-23T10:00:00Z' });
});
afterAll(async () => {
  if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
  await house?.close();
});

const keyed = (channel: string, prefix: string) =>
  (house.sandbox.world.state.messages[channel] ?? []).filter((message) =>
    String(message.metadata?.event_payload.key ?? '').startsWith(prefix),
  );
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Everything that happened is shown; sixty releases that expire at once take a while. */
async function settled(): Promise<void> {
  const end = Date.now() + 90_000;
  for (;;) {
    const [row] = await house.query<{ count: number }>('SELECT count(*)::int AS count FROM outbox');
    if (row?.count === 0) return;
    if (Date.now() > end) throw new Error(`${row?.count} surfaces are still to be written`);
    await sleep(100);
  }
}
const dmOf = (person: string) =>
  Object.values(house.sandbox.world.state.channels).find((one) => one.is_im && one.user === person)?.id ?? '';

test('somebody adds the app to a channel: it says once what it could do there', async () => {
  const { ana } = cast(house);
  ana.invites('payments', 'maitred');
  await ana.seesEventually(/I post releases here once this channel follows something/, 'payments');
  await ana.clicks('What I do', 'payments');
  await ana.seesEventually(/finds your release a slot/, 'payments');
  house.sandbox.people.removes('U0ANA', 'C0PAYMENTS', 'U0MAITRED');
  ana.invites('payments', 'maitred');
  await settled();
  expect(keyed('C0PAYMENTS', 'hello:')).toHaveLength(1);
});

test('a newcomer follows a service, sees its releases, asks why, and mutes', async () => {
  const { ana, ben, kim, raj, sam } = cast(house);
  await raj.types('/release subscriptions', 'payments');
  await raj.seesEventually(/Nothing is followed .* yet/, 'payments');
  await raj.clicks('Follow a service', 'payments');
  await raj.modal(/Follow a service/);
  await raj.fills({
    service: { selected_option: { text: { type: 'plain_text', text: 'payments' }, value: 'payments' } },
  });
  await raj.submits();
  await raj.reads(/follows `svc:payments` in <#C0PAYMENTS>\. That was 0 messages in the last seven days/);
  await raj.closes();

  const release = await books(house, ana, 'payments@2.14.0 tomorrow 14:00 for 45m');
  await raj.seesEventually(new RegExp(`REL-${release} · payments 2\\.14\\.0`), 'payments');
  await votes(ben, release);
  await votes(kim, release);
  await raj.seesEventually(/REL-1 is approved/, 'payments');
  await settled();
  // One message for the release, edited; what came later is a reply, and only where the card is not.
  const roots = keyed('C0PAYMENTS', 'followed:');
  expect(roots.map((one) => one.metadata?.event_payload.key)).toEqual([`followed:REL-${release}:C0PAYMENTS`]);
  expect(textOf(roots[0]?.blocks)).toContain('✅ Approved');
  const lines = keyed('C0PAYMENTS', 'followed-line:');
  expect(lines.map((one) => [one.thread_ts, one.reply_broadcast])).toEqual([[roots[0]?.ts, true]]);
  expect(keyed('C0RELEASES', 'followed')).toEqual([]);
  for (const message of [...roots, ...lines]) expect(checkBlocks(message.blocks ?? [], 'message')).toEqual([]);

  await raj.clicks('Why did I get this?', 'payments', new RegExp(`REL-${release}`));
  const why = await raj.seesEventually(/follows `svc:payments` .* since/, 'payments');
  expect(why).toContain('<@U0RAJ>');
  expect(why).toMatch(/sent · REL-1 · subscription · svc:payments/);
  expect(why).toMatch(/sent · broadcast · release\.approved · svc:payments/);

  await raj.clicks('Mute until Monday', 'payments', new RegExp(`REL-${release}`));
  await raj.seesEventually(/muted what is followed in <#C0PAYMENTS> until Mon 30 Nov 2026, 09:00/, 'payments');
  const later = await books(house, raj, 'ledger@7.3.1 tomorrow 16:00 for 45m');
  const muted = await books(house, ana, 'payments@2.15.0 wed 14:00 for 45m');
  await sam.types(`/release comment REL-${later} looks fine`);
  await house.until('the ledger to say that it was kept back', async () => {
    const rows = await house.query<{ state: string }>('SELECT state FROM notification WHERE surface = $1', [
      `followed:REL-${muted}:C0PAYMENTS`,
    ]);
    return rows[0]?.state === 'dropped' ? true : undefined;
  });
  await settled();
  expect(keyed('C0PAYMENTS', 'followed:')).toHaveLength(1);
  await raj.types('/release subscriptions sent', 'payments');
  await raj.seesEventually(/kept back/, 'payments');
  await raj.types('/release subscriptions unmute', 'payments');
});

test('a firehose shows its number before it is switched on', async () => {
  const { rae, sam } = cast(house);
  await sam.types('/release subscribe all', 'general');
  await sam.seesEventually(/Only release managers can follow everything/, 'general');
  await rae.types('/release subscribe all', 'general');
  const asked = await rae.seesEventually(/Follow \*everything\*/, 'general');
  const told = await house.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM event WHERE type IN ('release.requested', 'release.approved')",
  );
  expect(asked).toContain(`That was ${told[0]?.count} messages in the last 7 days`);
  expect(await house.query("SELECT 1 FROM subscription WHERE target = 'C0GENERAL'")).toEqual([]);
  await rae.clicks('Not now', 'general');
});

test('a busy day with 60 releases stays one readable message, and the preview is what is sent', {
  timeout: 180_000,
}, async () => {
  const { ana, sam } = cast(house);
  const services = ['payments', 'checkout', 'ledger', 'search', 'web', 'gateway'];
  for (let hour = 8; hour < 18; hour++)
    await Promise.all(
      services.map((service) =>
        sam.types(
          `/release book ${service}@${hour}.0 2026-11-27 ${hour}:00 Europe/Berlin for 15m env:staging --yes`,
          'general',
        ),
      ),
    );
  const [booked] = await house.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM release WHERE environment = 'staging'",
  );
  expect(booked?.count).toBe(60);
  await sam.types('/release digest here 09:30 Europe/Berlin daily env:staging', 'general');
  await sam.seesEventually(/asked for a digest about staging in <#C0GENERAL> at `09:30 Europe\/Berlin`/, 'general');
  await sam.types('/release digest here 10:00 Europe/Berlin daily env:staging', 'general');
  await sam.seesEventually(
    /set the digest in <#C0GENERAL> again.*`10:00 .*, instead of `09:30 Europe\/Berlin`/,
    'general',
  );
  await sam.types('/release digest here 10:00 Europe/Berlin daily env:staging', 'general');
  await sam.seesEventually(/again about staging: at `10:00 Europe\/Berlin`, [^.`]*\.$/, 'general');
  await sam.types('/release digest here 09:30 Europe/Berlin daily env:staging', 'general');
  await settled();
  house.moveTo(new Date('2026-11-27T08:29:00Z'));
  await settled();
  await ana.types('/release digest preview', 'general');
  const preview = await house.until('the preview', () =>
    [...(house.sandbox.world.ephemerals.get('C0GENERAL:U0ANA') ?? [])].find((one) =>
      /Releases – Fri 27 Nov/.test(one.text),
    ),
  );
  await ana.clicks('Mute until Monday', 'general', /Releases – Fri 27 Nov/);
  await ana.seesEventually(/That was the preview: nothing is muted/, 'general');
  house.moveTo(new Date('2026-11-27T08:30:01Z'));
  const posted = await house.until('the digest', () => keyed('C0GENERAL', 'digest:')[0]);
  expect(plain(posted.blocks)).toEqual(plain(preview.blocks));
  expect(posted.text).toBe(preview.text);
  expect(checkBlocks(posted.blocks ?? [], 'message')).toEqual([]);
  const text = textOf(posted.blocks);
  expect(text).toContain('*Today (60)*');
  expect(text).toContain('… and 48 more, in the thread');
  expect(text.length).toBeLessThan(6_000);
  const more = await house.until('the rest in the thread', () => keyed('C0GENERAL', 'digest-more:')[0]);
  expect(more.thread_ts).toBe(posted.ts);
  expect(checkBlocks(more.blocks ?? [], 'message')).toEqual([]);
  // Each of the sixty is in one of the two.
  const all = `${text}\n${textOf(more.blocks)}`;
  const numbers = await house.query<{ number: number }>("SELECT number FROM release WHERE environment = 'staging'");
  expect(numbers.filter(({ number }) => !new RegExp(`REL-${number}\\b`).test(all))).toEqual([]);
});

test('it is edited in place while its day lasts, and stands when it is over', { timeout: 150_000 }, async () => {
  const { sam } = cast(house);
  const before = textOf(keyed('C0GENERAL', 'digest:')[0]?.blocks);
  const [shown] = /REL-(\d+)/.exec(before.slice(before.indexOf('*Today'))) ?? [];
  await sam.types(`/release cancel ${shown} not today`, 'general');
  house.moveTo(new Date('2026-11-27T08:45:00Z'));
  await house.until('the digest to follow', () =>
    textOf(keyed('C0GENERAL', 'digest:')[0]?.blocks).includes('*Today (59)*') ? true : undefined,
  );
  expect(keyed('C0GENERAL', 'digest:')).toHaveLength(1);
  house.moveTo(new Date('2026-11-27T23:00:00Z'));
  const end = textOf(keyed('C0GENERAL', 'digest:')[0]?.blocks);
  await sam.types('/release book web@90 2026-11-30 10:00 Europe/Berlin for 15m env:staging --yes', 'general');
  await sleep(11_000);
  await settled();
  expect(textOf(keyed('C0GENERAL', 'digest:')[0]?.blocks)).toBe(end);
});

test('on a day without news it says nothing, and so does its preview', { timeout: 150_000 }, async () => {
  const { sam } = cast(house);
  const runs = async (date: string) =>
    (
      await house.query<{ type: string; why: string | null }>(
        `SELECT type, body ->> 'why' AS why FROM event WHERE body ->> 'channel' = 'C0GENERAL' AND body ->> 'date' = $1`,
        [date],
      )
    ).map(({ type, why }) => `${type} ${why ?? ''}`.trim());
  const on = async (date: string) => {
    house.moveTo(new Date(`${date}T08:30:01Z`));
    // Sixty releases have timers of their own, and they come first.
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(200)) {
      const found = await runs(date);
      if (found.length > 0) return found;
    }
    return [];
  };
  // Saturday tells of Monday's release; on Sunday there is nothing that Saturday did not say.
  expect(await on('2026-11-28')).toEqual(['digest.posted']);
  const saturday = await house.until('the digest of Saturday', () => keyed('C0GENERAL', 'digest:')[1]);
  expect(textOf(saturday.blocks)).toMatch(/web 90\* → staging[\s\S]*\*Yesterday \(0\)\* 1 cancelled/);
  expect(await on('2026-11-29')).toEqual(['digest.silent nothing_new']);
  await settled();
  expect(keyed('C0GENERAL', 'digest:')).toHaveLength(2);
  await sam.types('/release digest preview', 'general');
  await sam.seesEventually(/Nothing would be sent now: there is nothing new/, 'general');
});

test('a digest by form: of a channel, and one’s own beside one’s preferences', async () => {
  const { kim, mia } = cast(house);
  const digestOf = async (target: string) =>
    (await house.query('SELECT at, zone, days, quiet, scope, by FROM digest WHERE channel = $1', [target]))[0];
  await kim.clicks('Daily digest', 'payments');
  await kim.modal(/Daily digest/);
  await kim.fills({
    at: { selected_time: '08:15' },
    zone: { value: 'Europe/Berln' },
    scope: { value: 'svc:payments team:search' },
  });
  const wrong = await kim.submits();
  expect(JSON.stringify(wrong.body)).toContain('Write a zone like Europe/Berlin');
  await kim.fills({ zone: { value: 'Europe/Berlin' } });
  await kim.submits();
  await kim.reads(/asked for a digest about payments, team search in <#C0PAYMENTS> at `08:15 Europe\/Berlin`, mon-fri/);
  await kim.closes();
  expect(await digestOf('C0PAYMENTS')).toMatchObject({ at: '08:15', by: 'U0KIM', scope: { services: ['payments'] } });

  await mia.types('/release prefs');
  await mia.modal(/Preferences/);
  await mia.fills({ digest: { selected_time: '08:45' } });
  await mia.submits();
  await mia.closes();
  await house.until('her own digest', async () => ((await digestOf('U0MIA'))?.at === '08:45' ? true : undefined));
  expect(await digestOf('U0MIA')).toMatchObject({ zone: 'Europe/Rome', days: [1, 2, 3, 4, 5] });
  await mia.types('/release prefs');
  const form = await mia.modal(/Preferences/);
  expect(form.values.digest?.value).toMatchObject({ selected_time: '08:45' });
  await mia.fills({ digest: { selected_time: null } });
  await mia.submits();
  await mia.closes();
  await house.until('it to be off', async () => ((await digestOf('U0MIA')) === undefined ? true : undefined));
});

test('replicas die, Slack says 429: every channel and person has its one digest, late rather than never', {
  timeout: 120_000,
}, async () => {
  const { ana, ben, kim, lee, mia, raj, sam } = cast(house);
  const people = [ana, ben, kim, lee, mia, raj, sam];
  for (const person of people) await person.types('/release digest me 11:00 UTC daily quiet:post', 'releases');
  for (const channel of ['payments', 'general', 'releases'])
    await ana.types('/release digest here 11:00 UTC daily quiet:post', channel);
  const [asked] = await house.query<{ count: number }>("SELECT count(*)::int AS count FROM digest WHERE at = '11:00'");
  expect(asked?.count).toBe(10);
  house.sandbox.world.faults.set('chat.postMessage', [
    { kind: 'ratelimited', times: 4, retryAfter: 1 },
    { kind: 'lost', times: 2 },
    { kind: 'ratelimited', times: 3, retryAfter: 1 },
  ]);
  // The day before, nobody was there at eleven: it is over, and missed where it was still to come.
  house.moveTo(new Date('2026-11-30T11:00:01Z'));
  const [first] = house.apps as [ChildProcess, ChildProcess];
  first.kill('SIGKILL');
  await house.startApp();
  const keys = () => [
    ...people.map(({ id }) => keyed(dmOf(id), `digest:${id}:2026-11-30`).length),
    ...['C0PAYMENTS', 'C0GENERAL', 'C0RELEASES'].map((id) => keyed(id, `digest:${id}:2026-11-30`).length),
  ];
  const end = Date.now() + 60_000;
  while (keys().includes(0) && Date.now() < end) await sleep(250);
  await settled();
  expect(keys()).toEqual(Array.from({ length: 10 }, () => 1));
  const [runs] = await house.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM digest_run WHERE date = '2026-11-30' AND posted",
  );
  expect(runs?.count).toBe(10);
  const own = textOf(keyed(dmOf('U0ANA'), 'digest:U0ANA')[0]?.blocks);
  expect(own).toContain('Your releases – Mon 30 Nov');
});

/** Blocks without what Slack adds. */
function plain(blocks: unknown): unknown {
  const named = (key: string, value: unknown) =>
    key === 'block_id' && !String(value).startsWith('digest-') ? undefined : value;
  return JSON.parse(JSON.stringify(blocks, named));
}
