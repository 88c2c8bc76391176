import { afterAll, beforeAll, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { type House, openHouse } from '../support/house.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse({ catalog: false, apps: 2 });
});
afterAll(() => house?.close());

test('with no catalogue a service comes into being by its name, and one other member of the channel approves', async () => {
  const [ana, ben] = [house.person('ana'), house.person('ben')];
  await ana.types('/release book billing@1.0.0 tomorrow 14:00 --yes "First of its kind"');
  await ana.seesEventually(/requested REL-\d+ billing 1\.0\.0/);
  await ben.types('/release review REL-1');
  await ben.modal(/Review REL-1/);
  await ben.picks('decision', 'approve');
  await ben.submits();
  await ana.seesEventually(/REL-1 is approved/, 'dm');
  expect(await house.query('SELECT key FROM service')).toEqual([{ key: 'billing' }]);
});

test('people who may not, may not, and are told why', async () => {
  await house.person('gil').types('/release book billing@2 tomorrow 16:00 --yes');
  await house.person('gil').seesEventually(/Guests can follow releases but not change them/);
  await house.person('eve').types('/release list');
  await house.person('eve').seesEventually(/You belong to another organisation/);
  await house.person('eve').clicks('Details');
  await house.person('eve').clicks('Details', 'releases', /REL-1/);
  await house.until('two more refusals', () =>
    house
      .person('eve')
      .sees()
      .filter((text) => /You belong to another/.test(text)).length >= 3
      ? true
      : undefined,
  );
  expect(house.person('eve').sees().join()).not.toContain('What happened');
  await house.person('gil').types('/release new');
  expect(house.person('gil').modalNow()).toBeUndefined();
  await house.person('sam').types('/release book billing@2 tomorrow 16:00 --yes', 'payments');
  await house.person('sam').seesEventually(/billing 2/, 'payments');
});

test('two replicas post one digest', async () => {
  await house.person('ana').types('/release digest here 23:58 UTC daily', 'releases');
  const [timer] = await house.query<{ due_at: Date }>("SELECT due_at FROM timer WHERE key = 'digest:C0RELEASES'");
  house.moveTo(new Date(Number(timer?.due_at) + 1_000));
  const digests = () => house.messages('releases').filter((message) => /^Releases – /.test(message.text));
  await house.until('the digest', () => (digests().length > 0 ? true : undefined));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(digests()).toHaveLength(1);
});

test('App Home says what waits', async () => {
  const ana = house.person('ana');
  ana.opensHome();
  const home = await house.until('a home', () => house.sandbox.world.state.homes.U0ANA);
  const said = textOf(home.blocks);
  // Nobody is named to keep the calendar: everybody may; what waits is there first.
  expect(said).toMatch(/My work\n● Approvals 1\nManage/);
  expect(said).toMatch(/First steps.*\n⬜ \*Say who decides what\*: a catalogue/);
});
