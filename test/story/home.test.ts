import { afterAll, beforeAll, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, type Person, stateOf } from '../support/story.ts';

/*
 * App Home as a newcomer, an approver, a release manager and a guest live with it, and what they set for themselves.
 */
let house: House;
let people: ReturnType<typeof cast>;

beforeAll(async () => {
  house = await openHouse();
  people = cast(house);
}, 120_000);
afterAll(async () => {
  if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
  await house?.close();
});

const homeNow = (person: Pick<Person, 'id'>) => textOf(house.sandbox.world.state.homes[person.id]?.blocks);

/** Waits until this person's Home says so, without anybody opening it. */
const says = (person: Pick<Person, 'id'>, text: RegExp) =>
  house.until(`the home of ${person.id} to say ${text}\n${homeNow(person)}`, () => {
    const shown = homeNow(person);
    return text.test(shown) ? shown : undefined;
  });

const opens = (person: Person, text: RegExp) => {
  person.opensHome();
  return says(person, text);
};

test('a newcomer reads what to do first; steps tick themselves off, and can be hidden', async () => {
  const { ana } = people;
  const first = await opens(ana, /First steps \(2 of 5\)/);
  expect(first).toMatch(/● My work\nApprovals\n↻ Refresh/);
  expect(first).toMatch(/✅ Done: Say who decides what/);
  expect(first).toMatch(/✅ Done: Set a digest/);
  expect(first).toMatch(/⬜ \*Book your first release\*/);
  expect(first).toMatch(/You have no release open/);
  expect(first).not.toMatch(/Manage/);
  await ana.clicks('Book a release', 'home');
  await ana.modal(/Request a release/);
  await ana.closes();
  // What she does shows up by itself.
  const release = await books(house, ana, 'payments@2.14.0 tue 14:00 "Instant payouts"');
  const booked = await says(ana, /My releases \(1\)/);
  expect(booked).toMatch(
    new RegExp(`Next for you\\n\\*REL-${release}\\* payments 2\\.14\\.0 → production\\nneeds 1 more from SRE`),
  );
  await says(ana, /✅ Done: Invite me to a channel/);
  await ana.clicks('Nudge', 'home');
  await ana.reads(/asks again about REL-/);
  await ana.closes();
  await ana.clicks('Move…', 'home');
  await ana.reads(/Move here|free/i);
  await ana.closes();
  await ana.clicks('Open', 'home');
  await ana.reads(new RegExp(`REL-${release}`));
  await ana.closes();
  await ana.clicks('Hide this', 'home');
  await house.until('the first steps to go', () => (/First steps/.test(homeNow(ana)) ? undefined : true));
});

test('an approver finds what waits, the longest first; snoozes, delegates, and is covered from there', async () => {
  const { ana, ben, lee } = people;
  house.moveTo(new Date('2026-11-23T09:00:00Z'));
  const second = await books(house, ana, 'search@5.2 tue 10:00 "Ranking"');
  const shown = await opens(ben, /Waiting for you \(2\)/);
  expect(shown).toMatch(/● Approvals 2/);
  // The one that was asked first, although the other begins earlier.
  expect(shown).toMatch(new RegExp(`payments 2\\.14\\.0[\\s\\S]*REL-${second}`));
  expect(shown).toMatch(/You are not on call for any group/);
  await ben.clicks('Snooze 1 h', 'home');
  await ben.reads(/is asked about REL-\d+ again/);
  await ben.closes();
  await says(ben, /needs [^\n]* · 🔕 you are asked again /);
  await ben.clicks('Delegate…', 'home');
  await ben.modal(/Delegate REL-/);
  await ben.fills({ to: { selected_user: 'U0LEE' } });
  await ben.submits();
  await ben.reads(/vote for them/);
  await ben.closes();
  await says(ben, /Waiting for you \(1\)/);
  await ben.clicks('Review', 'home');
  await ben.modal(new RegExp(`Review REL-${second}`));
  await ben.picks('decision', 'approve');
  await ben.submits();
  const decided = await says(ben, /Waiting for you \(0\)/);
  expect(decided).toMatch(/Nothing is waiting for you\. Your last decision: /);
  expect(decided).toMatch(new RegExp(`You recently decided\\n\\*REL-${second}\\* search 5\\.2 · you said yes`));

  await ben.clicks('Set delegate…', 'home');
  await ben.modal(/Set delegate/);
  const at = (iso: string) => ({ selected_date_time: Date.parse(iso) / 1000 });
  await ben.fills({
    delegate: { selected_user: 'U0BEN' },
    delegateFrom: at('2026-11-23T09:00:00Z'),
    delegateUntil: at('2026-11-27T17:00:00Z'),
  });
  await ben.submits();
  expect(ben.modalNow()?.errors).toEqual({ delegate: expect.stringMatching(/cannot vote for you/) });
  await ben.fills({ delegate: { selected_user: 'U0LEE' } });
  await ben.submits();
  await ben.closes();
  await says(ben, /↪ <@U0LEE> votes for you/);
  await lee.seesEventually(/U0BEN/, 'dm');
  await ben.clicks('Snooze all until…', 'home');
  await ben.modal(/Snooze all/);
  await ben.fills({ snooze: at('2026-11-22T09:00:00Z') });
  await ben.submits();
  expect(ben.modalNow()?.errors).toEqual({ snooze: expect.stringMatching(/is in the past/) });
  await ben.fills({ snooze: at('2026-11-24T09:00:00Z') });
  await ben.submits();
  await ben.closes();
  await says(ben, /🔕 You are asked nothing until/);
  await ben.clicks('I am back', 'home');
  await ben.reads(/preferences of <@U0BEN> are saved/);
  await ben.closes();
  await says(ben, /Going away\?/);

  // What somebody chose is there the next time.
  await ben.clicks('My work', 'home');
  await says(ben, /● My work/);
  ben.opensHome();
  await house.until('it to be published again', async () => {
    const [row] = await house.query("SELECT 1 FROM outbox WHERE surface = 'home:U0BEN'");
    return row ? undefined : true;
  });
  expect(homeNow(ben)).toMatch(/● My work/);
});

test('a release manager sees the house, is asked what only they can say, and loses it with the role', async () => {
  const { ana, kim, rae, raj } = people;
  await ana.types('/release incident INC-77 payments are slow');
  await ana.seesEventually(/INC-77.*is on record/);
  const blocked = await books(house, raj, 'checkout@3 today 17:00 "One tap"');
  await kim.types(`/release review REL-${blocked}`);
  await kim.modal(/Review/);
  await kim.picks('decision', 'block');
  await kim.fills({ comment: { value: 'No copy' }, unblock: { value: 'Copy' } });
  await kim.submits();
  const shown = await opens(rae, /Blocked \(1\)/);
  expect(shown).toMatch(/● Manage/);
  expect(shown).toMatch(/Today \(1\)\n\*production\*\n.*checkout 3\* 🗳 In review/);
  expect(shown).toMatch(/Incidents: was it a release\? \(1\)[\s\S]*INC-77/);
  expect(shown).toMatch(/3 policies and 0 windows · no warnings/);
  expect(shown).toMatch(/Approval wait\* not enough data \(n=0/);
  // A day later it waits for too long, and the one who reported the incident is asked once more.
  house.moveTo(new Date('2026-11-24T09:30:00Z'));
  await ana.seesEventually(/Nobody has said yet: .*INC-77/, 'dm');
  await rae.clicks('↻ Refresh', 'home');
  await says(rae, /Waiting for more than a day \(1\)/);
  await rae.clicks('Answer…', 'home');
  await rae.reads(/INC-77.*is on record/);
  await rae.clicks(/came from no release|None of these/, 'modal');
  await rae.reads(/says the incident INC-77 came from no release/);
  await rae.closes();
  await ana.seesEventually(/The incident \*INC-77\* came from no release/, 'dm');
  await house.until('the question to go', () => (/INC-77/.test(homeNow(rae)) ? undefined : true));
  await rae.clicks('Queues', 'home');
  await rae.reads(/What waits for whom[\s\S]*SRE/);
  await rae.closes();
  await rae.clicks('Services', 'home');
  await rae.reads(/6 services[\s\S]*payments/);
  await rae.closes();
  await rae.clicks('Declare a freeze…', 'home');
  await rae.modal(/Declare a freeze/);
  await rae.closes();

  // The view is still open when the role is gone.
  await house.query("DELETE FROM person_role WHERE person = 'U0RAE'");
  expect(homeNow(rae)).toMatch(/● Manage/);
  await rae.clicks('Declare a freeze…', 'home');
  await rae.reads(/Only release managers can do this, and you are not one now/);
  await rae.closes();
  const after = await says(rae, /● My work|● Approvals/);
  expect(after).not.toMatch(/Manage|Guardrails/);
});

test('a button of a view that somebody kept open is refused, too', async () => {
  const { noa } = people;
  await house.query("INSERT INTO person_role VALUES ('T0HARBOUR', 'U0NOA', 'release_manager')");
  await opens(noa, /● Manage/);
  await noa.clicks('My work', 'home');
  await says(noa, /● My work/);
  await house.query("DELETE FROM person_role WHERE person = 'U0NOA'");
  await noa.clicks('Manage', 'home');
  await noa.reads(/Only release managers can do this/);
  await noa.closes();
  await house.until('the tab to go', () => (/Manage/.test(homeNow(noa)) ? undefined : true));
});

test('a guest reads one section, another organisation nothing of ours', async () => {
  const gil = house.person('gil');
  const guest = await opens(gil, /You are a guest here/);
  expect(guest).not.toMatch(/REL-|payments|This week/);
  expect(house.sandbox.world.state.homes.U0GIL?.blocks).toHaveLength(1);
  const eve = house.person('eve');
  expect(await opens(eve, /another organisation/)).not.toMatch(/REL-|payments/);
});

test('preferences hold what they say, and keep what they do not ask for', async () => {
  const { mia } = people;
  await mia.types('/release digest me 08:45 Europe/Rome mon,wed svc:search hide:errors');
  await mia.seesEventually(/asked for a digest about search/);
  await opens(mia, /Preferences/);
  await mia.clicks('Preferences', 'home');
  const form = await mia.modal(/Preferences/);
  expect(textOf(form.blocks)).toMatch(/Your hours are in Europe\/Rome, as Slack says/);
  await mia.fills({
    from: { selected_time: '08:00' },
    to: { selected_time: '16:00' },
    digest: { selected_time: '07:30' },
    snooze: { selected_date_time: Date.parse('2026-12-01T08:00:00Z') / 1000 },
  });
  await mia.picks('dm', 'needed');
  await mia.submits();
  await mia.reads(/preferences of <@U0MIA> are saved/);
  await mia.closes();
  const [kept] = await house.query<{ body: Record<string, unknown> }>(
    "SELECT body FROM preference WHERE person = 'U0MIA'",
  );
  expect(kept?.body).toMatchObject({
    work: { from: '08:00', to: '16:00', days: [1, 2, 3, 4, 5] },
    dm: 'needed',
    snoozeUntil: '2026-12-01T08:00:00.000Z',
  });
  const [digest] = await house.until('her digest to move', async () => {
    const rows = await house.query("SELECT * FROM digest WHERE channel = 'U0MIA' AND at = '07:30'");
    return rows.length === 1 ? rows : undefined;
  });
  expect(digest).toMatchObject({ days: [1, 3], zone: 'Europe/Rome', scope: { services: ['search'] } });
  expect(digest?.sections).not.toContain('errors');
  // A snooze that is over is not shown as if it held.
  house.moveTo(new Date('2026-12-01T09:00:00Z'));
  await mia.clicks('Preferences', 'home');
  const later = await mia.modal(/Preferences/);
  expect(JSON.stringify(later.blocks)).not.toMatch(
    /"block_id":"snooze"[\s\S]*?initial_date_time[\s\S]*?"block_id":"delegate"/,
  );
  await mia.closes();
});

test('a private channel that the app is not in is refused with what to do', async () => {
  const { ana } = people;
  const { channels } = house.sandbox.world.state;
  const like = channels.C0PAYMENTS;
  if (!like) throw new Error('no #payments');
  channels.C0SECRET = {
    ...structuredClone(like),
    id: 'C0SECRET',
    name: 'secret-plans',
    is_private: true,
    members: ['U0ANA'],
  };
  await ana.types('/release subscribe svc:payments', 'secret-plans');
  await ana.seesEventually(/I am not in <#C0SECRET>[\s\S]*Invite me first/, 'secret-plans');
  await ana.types('/release digest here 09:30', 'secret-plans');
  await house.until('both to be refused', () =>
    ana.sees('secret-plans').filter((one) => /Invite me first/.test(one)).length === 2 ? true : undefined,
  );
  expect(await house.query("SELECT 1 FROM subscription WHERE target = 'C0SECRET'")).toEqual([]);
  channels.C0SECRET.members.push('U0MAITRED');
  // At once, whatever was known a moment ago.
  await ana.types('/release subscribe svc:payments', 'secret-plans');
  await ana.seesEventually(/follows? `?svc:payments|hears/i, 'secret-plans');
  expect(await house.query("SELECT 1 FROM subscription WHERE target = 'C0SECRET'")).toHaveLength(1);
});

test('leaves no trace of misbehaviour', async () => {
  expect(house.logs()).not.toMatch(/"level":(50|60)/);
  expect(await stateOf(house, 1)).toBeDefined();
});
