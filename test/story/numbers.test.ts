import { afterAll, beforeAll, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { openFile } from '../../sandbox/server/files.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, stateOf } from '../support/story.ts';

/*
 * How we are doing: a team reports what went past the calendar, says which release an incident was, tries to get better,
 * and reads the numbers.
 */
const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ] }
services:
  ledger: { team: payments, tier: 1, environments: [production] }
  payments: { team: payments, tier: 1, environments: [production, staging], depends_on: [ledger] }
  checkout: { team: payments, tier: 1, environments: [production], depends_on: [payments] }
policies:
  - { name: open, when: {}, gates: [] }
`;

let house: House;
let people: ReturnType<typeof cast>;
let first = 0;
let second = 0;

beforeAll(async () => {
  house = await openHouse({ catalog, at: '2026-11-24T08:00:00Z' });
  people = cast(house);
  first = await ships('ledger@1.0.0', 'today 10:00 for 30m');
  second = await ships('payments@2.14.0', 'today 12:00 for 30m');
}, 120_000);
afterAll(async () => {
  if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
  await house?.close();
});

/** Books it, starts it a minute after its slot began, and is done ten minutes later. */
async function ships(unit: string, when: string): Promise<number> {
  const { ana } = people;
  const release = await books(house, ana, `${unit} ${when}`);
  const [row] = await house.query<{ starts_at: Date }>('SELECT starts_at FROM release WHERE number = $1', [release]);
  if (!row) throw new Error(`${unit} was not booked`);
  const startsAt = row.starts_at.getTime();
  for (const [verb, state, minutes] of [
    ['start', 'deploying', 1],
    ['done', 'done', 11],
  ] as const) {
    house.moveTo(new Date(startsAt + minutes * 60_000));
    await ana.types(`/release ${verb} REL-${release}`);
    await house.until(`${unit} to be ${state}`, async () =>
      (await stateOf(house, release)) === state ? true : undefined,
    );
  }
  return release;
}

test('a deployment that was not booked is reported with one line, and taken back with one click', async () => {
  const { raj } = people;
  await raj.types('/release unbooked payments@2.14.1 production 13:05');
  await raj.seesEventually(/reported a deployment that was not booked: payments 2\.14\.1 → production/);
  await raj.clicks(/^Undo/);
  await raj.seesEventually(/took a report back/);
  expect(await house.query('SELECT * FROM unbooked')).toEqual([]);
  await raj.types('/release unbooked payments@2.14.1 production 13:05 "hotfix by hand"');
  await house.until('the report', async () =>
    (await house.query('SELECT * FROM unbooked')).length === 1 ? true : undefined,
  );
  await raj.types('/release unbooked payments@2.14.1 production 13:05');
  await raj.seesEventually(/is on record already, by <@U0RAJ>/);
});

test('the report says what each number means, how sure it is, and what went past the calendar', async () => {
  const { ana } = people;
  await ana.types('/release report record team:payments');
  const record = await ana.seesEventually(/The record itself – team Payments/);
  expect(record).toMatch(/\*Booked deployments\* not enough data \(n=3; shown from 5 on\)/);
  expect(record).toMatch(/Not booked in this time\*\npayments `2\.14\.1` → production/);
  expect(record).not.toMatch(/reported by/);
  await ana.clicks('Delivery');
  const delivery = await ana.seesEventually(/Delivery – team Payments/);
  expect(delivery).toMatch(/\*Deployment frequency\* .* a week \(/);
  expect(delivery).toMatch(/Each counts once, when the first of these happened/);
  await ana.types('/release report svc:paymints');
  await ana.seesEventually(/I don't know a service `paymints`/);
});

test('as pictures it comes as a direct message, each with its numbers in words', async () => {
  const { ana } = people;
  await ana.types('/release report flow 90d --png');
  await ana.seesEventually(/pictures are in your messages with me/);
  await ana.seesEventually(/Where releases wait – all services/, 'dm');
  const files = Object.values(house.sandbox.world.state.files);
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) {
    expect(file.mimetype).toBe('image/png');
    expect(Buffer.from(file.content, 'base64').subarray(1, 4).toString()).toBe('PNG');
    expect(file.alt_txt).toMatch(/all services/);
  }
  expect(files.find(({ name }) => name === 'stages.png')?.alt_txt).toMatch(
    /waiting for the slot .*deploying 20 min \(n=2\)/,
  );
});

test('an incident from a message: was it this release? One tap links it', async () => {
  const { kim, ben } = people;
  await kim.says('checkout answers slowly since lunch', 'general');
  await ben.usesOnMessage('report_incident', /since lunch/, 'general');
  await ben.modal(/Report an incident/);
  await ben.fills({ key: { value: 'INC-77' } });
  await ben.submits();
  const asked = textOf((await ben.reads(/Was it this release/)).blocks);
  // What checkout stands on, newest first; it was read from the words.
  expect(asked.indexOf(`REL-${second}`)).toBeGreaterThan(0);
  expect(asked.indexOf(`REL-${first}`)).toBeGreaterThan(asked.indexOf(`REL-${second}`));
  await ben.clicks('It was this one', 'modal');
  await ben.reads(/linked the incident INC-77 with/);
  expect(await house.query('SELECT release, key, note FROM incident')).toEqual([
    { release: second, key: 'INC-77', note: 'checkout answers slowly since lunch' },
  ]);
  expect(await house.query('SELECT state, link <> $1 AS linked FROM reported_incident', [''])).toEqual([
    { state: 'linked', linked: true },
  ]);
});

test('an incident by command: none of these is an answer, too, and asked twice it asks again', async () => {
  const { ben } = people;
  await ben.types('/release incident INC-78 svc:ledger totals are wrong', 'general');
  await ben.seesEventually(/The incident \*INC-78\* in ledger is on record/, 'general');
  await ben.types('/release incident inc-78', 'general');
  await ben.seesEventually(/nobody has said yet which release it came after/, 'general');
  await ben.clicks('None of these', 'general');
  await ben.seesEventually(/says the incident INC-78 came from no release/, 'general');
  const states = async () =>
    house.query<{ key: string; state: string }>('SELECT key, state FROM reported_incident ORDER BY key');
  expect(await states()).toEqual([
    { key: 'INC-77', state: 'linked' },
    { key: 'INC-78', state: 'none' },
  ]);
});

test('an experiment is begun, listed, asked about when it is due, and concluded in the message', async () => {
  const { ana, kim } = people;
  await ana.types(
    '/release experiment add "Smaller batches fail less" metric:change_fail_rate target:&lt;5% until:2026-12-15 team:payments',
  );
  await ana.seesEventually(
    /began EXP-1 “Smaller batches fail less”: Change fail rate below 5 % by 15 Dec 2026, team payments/,
  );
  await kim.types('/release experiment list');
  await kim.seesEventually(/\*EXP-1\* Smaller batches fail less · runs/);
  await kim.clicks('Conclude…');
  await kim.reads(/This experiment is <@U0ANA>'s/);
  house.moveTo(new Date('2026-12-15T08:00:01Z'));
  await ana.seesEventually(/EXP-1\* “Smaller batches fail less” is due/, 'dm');
  expect(ana.sees('dm').join('\n')).toMatch(/You get this because you started it\. You are reminded once\./);
  await ana.clicks('Keep it…', 'dm');
  await ana.modal(/Conclude EXP-1/);
  await ana.fills({ words: { value: 'Half as many failures' } });
  await ana.submits();
  await ana.seesEventually(/EXP-1\* “Smaller batches fail less” is over: kept\. “Half as many failures”/, 'dm');
  expect(ana.sees('dm').filter((text) => /EXP-1/.test(text))).toHaveLength(1);
});

test('a digest has its line of numbers; a weekly one says in its thread what they mean, with pictures', async () => {
  const { ana } = people;
  await ana.types('/release digest here 09:30');
  await ana.types('/release digest weekly here mon 09:00 svc:payments,ledger');
  await ana.types('/release book payments@2.16.0 env:staging 2026-12-17 15:00 --yes');
  house.moveTo(new Date('2026-12-16T08:31:00Z'));
  await ana.seesEventually(/📈 change lead time .*not enough data \(n=\d; shown from 5 on\).*\(30 d\)/);
  const third = await ships('payments@2.15.0', '2026-12-17 10:00 for 30m');
  house.moveTo(new Date('2026-12-21T08:01:00Z'));
  const weekly = await ana.seesEventually(/Where releases wait longest\* \(30 days\): waiting for the slot/);
  expect(weekly).toMatch(new RegExp(`REL-${third} payments`));
  const below = await ana.seesEventually(/How it went – payments, ledger\* \(14 Dec – 20 Dec 2026, production\)/);
  expect(below).toMatch(/Emergency deployments among all deployments/);
  await house.until('the pictures', () =>
    Object.values(house.sandbox.world.state.files).some(
      ({ name, shares }) => name === 'change_fail_rate-weekly-2026-12-21-c0releases.png' && shares[0]?.thread_ts,
    )
      ? true
      : undefined,
  );
  expect(Object.values(house.sandbox.world.state.files).filter(({ name }) => name.includes('weekly'))).toHaveLength(3);
});

test('App Home says how the team is doing', async () => {
  const { ana, kim } = people;
  const homeOf = async (one: typeof ana, text: RegExp) => {
    await one.opensHome();
    return house.until(`the home of ${one.id} to say ${text}`, () => {
      const shown = textOf(house.sandbox.world.state.homes[one.id]?.blocks);
      return text.test(shown) ? shown : undefined;
    });
  };
  expect(await homeOf(ana, /How we are doing/)).toMatch(/\*Payments\* 0\.\d a week.* · change lead time/);
  const pictured = (one: typeof ana) => {
    const block = house.sandbox.world.state.homes[one.id]?.blocks.find(({ type }) => type === 'image');
    return block as { slack_file: { id: string }; alt_text: string } | undefined;
  };
  // Too few to draw.
  expect(pictured(ana)).toBeUndefined();
  const more = async (from: number) => {
    await house.query(
      `INSERT INTO release SELECT (jsonb_populate_record(r, jsonb_build_object('number', n))).*
       FROM release r, generate_series($2::int, $2 + 4) n WHERE r.number = $1`,
      [second, from],
    );
    await house.query(
      `INSERT INTO release_unit SELECT (jsonb_populate_record(u, jsonb_build_object('release', n))).*
       FROM release_unit u, generate_series($2::int, $2 + 4) n WHERE u.release = $1`,
      [second, from],
    );
  };
  await more(901);
  house.moveTo(new Date('2026-12-22T08:00:00Z'));
  await homeOf(ana, /How we are doing/);
  const first = await house.until('a picture', () => pictured(ana));
  expect(first.alt_text).toMatch(/[Cc]hange lead time.*\d/);
  const { files } = house.sandbox.world.state;
  expect(files[first.slack_file.id]).toMatchObject({ stage: 'complete', mimetype: 'image/png', shares: [] });
  // It is hers alone, and tomorrow's takes its place.
  expect([
    openFile(house.sandbox.world, first.slack_file.id, 'U0ANA')?.id,
    openFile(house.sandbox.world, first.slack_file.id, 'U0KIM'),
  ]).toEqual([first.slack_file.id, undefined]);
  await more(911);
  house.moveTo(new Date('2026-12-23T08:00:00Z'));
  ana.opensHome();
  const another = (than: string) =>
    house.until('the next picture', () => {
      const shown = pictured(ana);
      return shown && shown.slack_file.id !== than ? shown : undefined;
    });
  const next = await another(first.slack_file.id);
  expect([files[first.slack_file.id]?.stage, files[next.slack_file.id]?.stage]).toEqual(['deleted', 'complete']);
  // What fails after an upload does not upload it again.
  const uploads = () =>
    house.sandbox.world.calls.filter(({ method }) => method === 'files.completeUploadExternal').length;
  const before = uploads();
  for (const method of ['files.info', 'files.delete'])
    house.sandbox.world.faults.set(method, [{ kind: 'error500', times: 1 }]);
  house.moveTo(new Date('2026-12-24T08:00:00Z'));
  ana.opensHome();
  await another(next.slack_file.id);
  expect([uploads() - before, files[next.slack_file.id]?.stage]).toEqual([1, 'complete']);
  // Whoever is in no team has no numbers of their own.
  expect(await homeOf(kim, /My releases/)).not.toMatch(/How we are doing/);
});

test('leaves no trace of misbehaviour', () => {
  expect(house.logs()).not.toMatch(/"level":(50|60)/);
});
