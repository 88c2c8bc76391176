import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, type Person, stateOf, votes } from '../support/story.ts';

/** Windows are left open, so that releases may run at night. */
const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] }, U0NOA: { roles: [release_manager] } }
environments: { production: {}, staging: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ], exceptions: 1 }
  search: { name: Search, members: [U0SAM, U0MIA] }
  platform: { name: Platform, members: [U0BEN, U0LEE] }
groups:
  sre: { name: SRE, usergroup: S0SRE }
  product: { name: Product, members: [U0KIM, U0MIA] }
services:
  payments: { team: payments, tier: 1, environments: [production, staging] }
  checkout: { team: payments, tier: 1, environments: [production, staging] }
  web: { team: search, tier: 2, environments: [production, staging], semver: true }
  search: { team: search, tier: 2, environments: [production, staging] }
standard_changes:
  copy: { name: Copy change, scope: { services: [search] }, if: "release.migration == 'none'", max_minutes: 30 }
policies:
  - name: three
    when: { environment: [staging] }
    gates:
      - { name: Three, who: "group:sre + group:product", needed: 3 }
  - name: strict
    when: { environment: [production], if: "release.migration == 'irreversible'" }
    gates:
      - { name: Security, who: "U0LEE", needed: 1, step_up: true }
  - name: production
    when: { environment: [production] }
    gates:
      - { name: SRE, who: "group:sre", needed: 1, covers: [rollback, migration] }
      - { name: Product, who: "group:product", needed: 1, covers: [summary, units] }
      - { name: Manager, who: "role:release_manager", needed: 1, covers: [time] }
    criteria:
      - { name: Backup taken, evidence: true }
`;

describe('approvals on a working day', () => {
  let house: House;
  let people: ReturnType<typeof cast>;
  beforeAll(async () => {
    // Tuesday noon in Berlin: everybody but Kim in New York is at work.
    house = await openHouse({ catalog, at: '2026-11-24T11:00:00Z' });
    people = cast(house);
  });
  afterAll(async () => {
    if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
    await house?.close();
  });

  test('three approvers click at once: the tally is exact, the vote card is edited twice at most, one verdict', async () => {
    const { ana, ben, lee, mia } = people;
    const release = await books(house, ana, 'payments@1 tomorrow 10:00 env:staging');
    await ana.seesEventually(new RegExp(`REL-${release} .*\\n[\\s\\S]*Three – 3 more|Three – 3 more`));
    for (const one of [ben, lee, mia]) {
      await one.types(`/release review REL-${release}`);
      await one.modal(/Review/);
      await one.picks('decision', 'approve');
    }
    const updates = () => house.sandbox.world.calls.filter((one) => one.method === 'chat.update').length;
    const before = updates();
    const acks = await Promise.all([ben, lee, mia].map((one) => one.submits()));
    expect(acks.map((ack) => ack.status)).toEqual(['ok', 'ok', 'ok']);
    await ana.seesEventually(new RegExp(`REL-${release} is approved`), 'dm');
    await ana.seesEventually(/Approval 1 of 1/);
    expect(await house.query('SELECT 1 FROM vote WHERE release = $1', [release])).toHaveLength(3);
    expect(
      await house.query(`SELECT 1 FROM event WHERE type = 'release.approved' AND release = $1`, [release]),
    ).toHaveLength(1);
    // The card, its vote card and three asks: each twice at most.
    expect(updates() - before).toBeLessThanOrEqual(10);
    const card = house.messages('releases').filter((one) => textOf(one.blocks).includes(`Approval 1 of 1`));
    expect(card).toHaveLength(1);
  });

  test('the requester tries by button, command, delegate and mention: the same answer, each recorded', async () => {
    const { ana, ben, kim } = people;
    const release = await books(house, ana, 'checkout@1 tomorrow 10:00');
    const no = new RegExp(`You asked for REL-${release}, so you can't approve it \\(separation of duties\\)`);
    await ana.seesEventually(new RegExp(`REL-${release} · checkout 1`));
    await ana.clicks('Review', 'releases', new RegExp(`REL-${release} · checkout`));
    await ana.reads(no);
    await ana.closes();
    await ana.types(`/release approve REL-${release}`);
    await ana.reads(no);
    await ana.closes();
    await ana.types(`@maitred approve REL-${release}`);
    await ana.seesEventually(/What happened/);
    // A delegate cannot be the requester, and a form that somebody else filled in proves nothing.
    await kim.types(`/release delegate REL-${release} <@U0ANA|ana>`);
    await kim.seesEventually(/<@U0ANA> cannot vote for you/);
    await ben.types(`/release review REL-${release}`);
    const form = await ben.modal(/Review/);
    await ben.picks('decision', 'approve');
    await house.sandbox.people.submits('U0ANA', form.id).catch(() => undefined);
    await ben.closes();
    expect(await house.query('SELECT 1 FROM vote WHERE release = $1', [release])).toEqual([]);
    const denied = await house.query(
      `SELECT 1 FROM command WHERE NOT (outcome ->> 'ok')::boolean AND outcome -> 'refusal' ->> 'code' IN ('own_release', 'delegate_unfit')`,
    );
    expect(denied.length).toBeGreaterThanOrEqual(1);
  });

  test('somebody leaves the group between the ask and the click', async () => {
    const { ana, ben } = people;
    const release = await books(house, ana, 'search@1.0.0 tomorrow 13:00 "Ranking"');
    await ben.seesEventually(new RegExp(`REL-${release}.* needs a decision for SRE`), 'dm');
    await ben.clicks('Review', 'dm', new RegExp(`REL-${release}\\b`));
    await ben.modal(/Review/);
    await ben.picks('decision', 'approve');
    house.sandbox.people.changesGroup('S0SRE', ['U0LEE']);
    // What is known of a group at a vote is five seconds old at most, and the event says so at once.
    await house.until('the refusal', async () => {
      const view = ben.modalNow();
      if (view?.submit) await ben.submits();
      return /You can't decide on/.test(textOf(ben.modalNow()?.blocks)) ? true : undefined;
    });
    expect(await house.query('SELECT 1 FROM vote WHERE release = $1', [release])).toEqual([]);
    house.sandbox.people.changesGroup('S0SRE', ['U0BEN', 'U0LEE']);
    await ben.closes();
  });

  test('a change asks only the gate again that covers it, says what changed, and keeps two of three votes', async () => {
    const { ana, lee, mia, rae } = people;
    const release = await books(house, ana, 'payments@2.0.0 tomorrow 15:00 "SEPA payouts"');
    await votes(lee, release);
    await votes(mia, release);
    await votes(rae, release);
    await house.until('the verdict', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
    await ana.types(`/release edit REL-${release}`);
    const form = await ana.modal(/Change REL-/);
    expect(form.values.summary?.value).toMatchObject({ value: 'SEPA payouts' });
    await ana.fills({ summary: { value: 'SEPA payouts and refunds' } });
    await ana.submits();
    await ana.seesEventually(new RegExp(`changed REL-${release} .*Asked again: Product`));
    expect(await stateOf(house, release)).toBe('requested');
    // A change opens no room: that is for half an hour before the slot.
    expect(
      Object.values(house.sandbox.world.state.channels).some((one) => one.name.startsWith(`rel-${release}-`)),
    ).toBe(false);
    const kept = await house.query<{ voter: string }>(
      'SELECT v.voter FROM vote v JOIN release r ON r.number = v.release AND r.revision = v.revision WHERE v.release = $1 ORDER BY 1',
      [release],
    );
    expect(kept.map((row) => row.voter)).toEqual(['U0LEE', 'U0RAE']);
    await mia.seesEventually(/summary: SEPA payouts → \*SEPA payouts and refunds\*/, 'dm');
    await mia.types(`/release review REL-${release}`);
    const review = await mia.modal(/Review/);
    expect(textOf(review.blocks)).toMatch(
      /\*Changed since your vote:\*\n• summary: SEPA payouts → \*SEPA payouts and refunds\*/,
    );
    await mia.picks('decision', 'approve');
    await mia.submits();
    await house.until('the second verdict', async () =>
      (await stateOf(house, release)) === 'approved' ? true : undefined,
    );
    const hashes = await house.query<{ hash: string }>(
      `SELECT body ->> 'hash' AS hash FROM event WHERE type = 'release.approved' AND release = $1 ORDER BY seq`,
      [release],
    );
    expect(new Set(hashes.map((row) => row.hash)).size).toBe(2);
    // The move is covered by another gate.
    await rae.types(`/release why REL-${release}`);
    await rae.seesEventually(/Asked again when its time changes/);
  });

  test('decisions of every kind: a block names what would lift it, a condition is ticked, a delegate decides', async () => {
    const { ana, lee, mia, ben, kim, rae } = people;
    const release = await books(house, ana, 'checkout@3 tomorrow 16:00 "New basket"');
    await ben.types(`/release review REL-${release}`);
    await ben.modal(/Review/);
    await ben.picks('decision', 'block');
    await ben.fills({ comment: { value: 'no dashboard' } });
    await ben.submits();
    expect(ben.modalNow()?.errors).toEqual({ unblock: 'Say what would unblock this.' });
    await ben.fills({ unblock: { value: 'a link to the dashboard' } });
    await ben.submits();
    await ana.seesEventually(/blocked: <@U0BEN> – SRE .*“no dashboard” – lifted by: a link to the dashboard/);
    // Whoever asked for it hears of what stops it.
    await ana.seesEventually(new RegExp(`<@U0BEN> blocked REL-${release} for SRE: “no dashboard”`), 'dm');
    await ana.seesEventually(/⛔ SRE 0\/1/);
    await votes(lee, release, 'recuse');
    await ana.seesEventually(/stepped aside: <@U0LEE> – SRE/);
    await votes(ben, release);
    await kim.types(`/release delegate REL-${release} <@U0SAM|sam>`);
    await people.sam.seesEventually(/You are asked because <@U0KIM> lets you vote for them/, 'dm');
    await votes(people.sam, release, 'condition', { comment: 'only with the flag off' });
    await ana.seesEventually(/on condition: <@U0SAM> for <@U0KIM> – Product .*“only with the flag off”/);
    await votes(rae, release);
    await house.until('the verdict', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
    await ana.types(`/release tick REL-${release}`);
    await ana.seesEventually(
      /⬜ 1\. Backup taken · before the start · needs a link[\s\S]*⬜ 2\. only with the flag off · condition of Product/,
    );
    await ana.types(`/release tick REL-${release} 2`);
    await ana.seesEventually(/“only with the flag off” can be ticked by <@U0KIM>, <@U0MIA> only/);
    await mia.types(`/release tick REL-${release} 2`);
    await mia.seesEventually(/ticked “only with the flag off”/);
    await ana.types(`/release tick REL-${release} 1`);
    await ana.seesEventually(/“Backup taken” needs a link that proves it/);
    await ana.types(`/release tick REL-${release} 1 https://backup.example.com/7`);
    await ana.seesEventually(/ticked “Backup taken” of REL-\d+ \(<https:\/\/backup\.example\.com\/7\|evidence>\)/);
  });

  test('a standard change that fits needs no vote; one that does not is told why; versions are semantic', async () => {
    const { sam } = people;
    const release = await books(house, sam, 'search@5.2 tomorrow 9:00 for 15m type:standard "A typo"');
    expect(await stateOf(house, release)).toBe('approved');
    await sam.types('/release book search@5.3 tomorrow 11:00 for 45m type:standard --yes');
    await sam.seesEventually(/This is no pre-approved \(standard\) change:\n• Copy change: it takes at most 30 min/);
    await sam.types('/release book web@spring tomorrow 11:00 --yes');
    await sam.seesEventually(/web takes semantic versions only, and `spring` is none/);
  });

  test('an approval of a gate that is marked high needs a one-time code, once', async () => {
    const { raj, lee } = people;
    await raj.types('/release new payments@9.0.0 tomorrow 18:00 for 30m');
    await raj.modal(/Request/);
    await raj.fills({ summary: { value: 'Drop the old ledger' } });
    await raj.picks('migration', 'irreversible');
    await raj.submits();
    const release = await house.until('the release', async () => {
      const [row] = await house.query<{ number: number }>(`SELECT number FROM release WHERE policy = 'strict'`);
      return row?.number;
    });
    await votes(lee, release, 'approve');
    await lee.reads(/you have none set up/);
    await lee.closes();
    await lee.types('/release stepup');
    const form = await lee.modal(/One-time codes/);
    const shown = /`((?:[A-Z2-7]{1,4} ?){8})`/.exec(textOf(form.blocks))?.[1] ?? '';
    const totp = new TOTP({ secret: Secret.fromBase32(shown.replace(/ /g, '')) });
    const code = (later = 0) => totp.generate({ timestamp: house.now().getTime() + later * 30_000 });
    await lee.fills({ code: { value: code() } });
    await lee.submits();
    await lee.reads(/One-time codes are set up/);
    await lee.closes();
    await votes(lee, release, 'approve', { code: '000000' });
    expect(lee.modalNow()?.errors).toEqual({ code: expect.stringMatching(/That one-time code is wrong/) });
    // What was typed stays, and the right code goes through in the same form.
    await lee.fills({ code: { value: code(1) } });
    await lee.submits();
    await house.until('the verdict', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
    const secrets = await house.query<{ secret: string }>('SELECT secret FROM credential');
    expect(secrets.every(({ secret }) => secret.startsWith('v1.') && !secret.includes(shown.replace(/ /g, '')))).toBe(
      true,
    );
    expect(JSON.stringify(await house.query('SELECT * FROM event'))).not.toContain(shown.replace(/ /g, ''));
    expect(house.logs()).not.toContain(shown.replace(/ /g, ''));
  });

  test('an override takes two people, neither of them the requester, and ends after four hours', async () => {
    const { ana, rae, noa, lee } = people;
    const release = await books(house, ana, 'web@3.0.0 in 2 hours "Hot banner"');
    await ana.types(`/release override REL-${release} gate:SRE <@U0LEE|lee> nobody is there`);
    await ana.seesEventually(/Only release managers can do this/);
    await rae.types(`/release override REL-${release} gate:SRE <@U0ANA|ana> nobody is there`);
    await rae.seesEventually(/<@U0ANA> cannot be the second person/);
    await rae.types(`/release override REL-${release} gate:SRE <@U0LEE|lee> nobody is there`);
    await lee.seesEventually(/asks you to set `gate:SRE` aside/, 'dm');
    await noa.types(`/release show REL-${release}`);
    await noa.seesEventually(/<@U0RAE> asks <@U0LEE> to set `gate:SRE` aside/);
    await lee.clicks('Accept the risk', 'dm', /asks you to set `gate:SRE` aside/);
    await ana.seesEventually(/`gate:SRE` is set aside until .* by <@U0RAE> and <@U0LEE>: “nobody is there”/);
    const [one] = await house.query<{ hours: number }>(
      `SELECT extract(epoch FROM until - (SELECT at FROM event WHERE type = 'override.granted' LIMIT 1)) / 3600 AS hours FROM override`,
    );
    expect(Number(one?.hours)).toBeLessThanOrEqual(4);
  });

  test('whoever was asked five times today has the rest collected in one message; a nudge comes once in four hours', async () => {
    const { ana, ben } = people;
    const release = await books(house, ana, 'payments@4 thu 10:00 "Later"');
    await ben.seesEventually(new RegExp(`for you[^]*\\*REL-${release}\\*`), 'dm');
    expect(
      ben.sees('dm').filter((one) => /needs a decision for SRE|You approved|You blocked|nothing left/.test(one)).length,
    ).toBeLessThanOrEqual(5);
    await ana.types(`/release nudge REL-${release}`);
    await ana.seesEventually(new RegExp(`asks again about REL-${release}`));
    await ana.types(`/release nudge REL-${release}`);
    await ana.seesEventually(/The next nudge is possible/);
    await votes(ben, release);
    await house.until('the collection to follow', () =>
      ben.sees('dm').some((one) => /wait/.test(one) && one.includes(`*REL-${release}*`) && /for you/.test(one))
        ? undefined
        : true,
    );
  });

  test('another organisation reads nothing, a guest is told what they may do', async () => {
    const homeOf = async (name: string, text: RegExp) => {
      const one = house.person(name);
      await one.opensHome();
      return house.until(`${name}'s Home`, () => {
        const shown = textOf(house.sandbox.world.state.homes[one.id]?.blocks);
        return text.test(shown) ? shown : undefined;
      });
    };
    expect(await homeOf('eve', /another organisation/)).not.toMatch(/REL-|payments/);
    expect(await homeOf('gil', /You are a guest here/)).not.toMatch(/REL-|payments|This week/);
  });

  test('a rejected release is edited and asked for again, with what stood in it', async () => {
    const { ana, ben } = people;
    const release = await books(house, ana, 'web@4.0.0 tomorrow 15:00 "new search box"');
    const ack = await votes(ben, release, 'reject', { comment: 'no plan for the way back' });
    expect(ack.status).toBe('ok');
    await ana.seesEventually(/rejected REL-\d+: “no plan for the way back”/, 'dm');
    await ana.clicks('Edit and resubmit…', 'dm', /no plan for the way back/);
    const form = await ana.modal(/Request a release/);
    expect(textOf(form.blocks)).toMatch(new RegExp(`REL-${release}\\* is ⛔ rejected: “no plan for the way back”`));
    await ana.fills({ rollback: { value: 'route back to the old box' } });
    await ana.submits();
    const again = await house.until('the release that was asked for again', async () => {
      const rows = await house.query<{ number: number; summary: string; rollback_plan: string; state: string }>(
        'SELECT number, summary, rollback_plan, state FROM release WHERE number > $1',
        [release],
      );
      return rows[0];
    });
    expect(again).toMatchObject({
      summary: 'new search box',
      rollback_plan: 'route back to the old box',
      state: 'requested',
    });
    expect(await stateOf(house, release)).toBe('rejected');
    // Once is enough.
    await ana.clicks('Edit and resubmit…', 'dm', /no plan for the way back/);
    await ana.reads(new RegExp(`REL-${release} was asked for again: REL-${again.number} is open`));
    await ana.closes();
  });

  test('a mention shows the release; a form that would be refused does not open', async () => {
    const { sam, raj, kim } = people;
    const release = await books(house, raj, 'checkout@8 fri 10:00 "Forms"');
    await sam.types(`/release edit REL-${release}`);
    await sam.reads(/can change REL-/);
    await sam.closes();
    await sam.types(`/release review REL-${release}`);
    await sam.reads(/You can't decide on REL-/);
    await sam.closes();
    await raj.types(`/release pir REL-${release}`);
    await raj.reads(/so there is nothing to review afterwards/);
    await raj.closes();
    await kim.types(`/release delegate REL-${release}`);
    await kim.modal(/Delegate/);
    await kim.fills({ to: { selected_user: 'U0RAJ' } });
    await kim.submits();
    expect(kim.modalNow()?.errors).toEqual({ to: expect.stringMatching(/This person cannot vote for you/) });
    await kim.fills({ to: { selected_user: 'U0SAM' } });
    await kim.submits();
    await kim.reads(/lets <@U0SAM> vote for them/);
    await kim.closes();
    const { rae } = people;
    await rae.types(`/release override REL-${release}`);
    await rae.modal(/Override/);
    await rae.closes();
  });

  test('leaves no trace of misbehaviour', () => {
    expect(house.logs()).not.toMatch(/"level":(50|60)/);
  });
});

const production = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] }, U0NOA: { roles: [release_manager] } }
environments: { production: {}, staging: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ], exceptions: 1 }
  search: { name: Search, members: [U0SAM, U0MIA] }
groups:
  sre: { name: SRE, usergroup: S0SRE }
services:
  payments: { team: payments, tier: 1, environments: [production] }
  search: { team: search, tier: 2, environments: [production] }
freezes:
  black-friday: { name: Black Friday, scope: { environments: [production] }, from: "2026-11-27 00:00", to: "2026-11-30 23:00", owners: "role:release_manager" }
policies:
  - name: production
    when: {}
    gates:
      - { name: SRE, who: "group:sre", needed: 1, sla_minutes: 120, escalation: "role:release_manager" }
`;

describe('approvals around the clock', () => {
  let house: House;
  let people: ReturnType<typeof cast>;
  const tell = (at: string) => house.moveTo(new Date(at));
  beforeAll(async () => {
    // Monday, three in the morning in Berlin, two in Lisbon and London.
    house = await openHouse({ catalog: production, at: '2026-11-23T02:00:00Z' });
    people = cast(house);
  });
  afterAll(async () => {
    if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
    await house?.close();
  });
  const asks = (person: Person, release: number) =>
    person.sees('dm').filter((one) => new RegExp(`REL-${release}\\b`).test(one));

  test('an emergency at three: its people are asked at once, the room is open, those skipped are told', async () => {
    const { ana, ben, lee } = people;
    const release = await books(house, ana, 'payments@1.0.1 type:emergency "Stop double charges"');
    await ben.seesEventually(new RegExp(`REL-${release}.* needs a decision for Emergency`), 'dm');
    const room = await house.channelEventually(new RegExp(`^rel-${release}-payments$`));
    await votes(lee, release);
    await house.until('the verdict', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
    await ana.types('/release start', room.name);
    await ana.seesEventually(/started REL-/, room.name);
    await ana.types('/release done', room.name);
    await ana.seesEventually(/finished REL-/, room.name);
    // Its review is asked for within the hour, and due in a day.
    tell('2026-11-23T03:10:00Z');
    await ana.seesEventually(new RegExp(`How did \\*REL-${release}\\* go\\?`), 'dm');
    const [due] = await house.query<{ hours: number }>(
      `SELECT extract(epoch FROM review_due_at - ended_at) / 3600 AS hours FROM release WHERE number = $1`,
      [release],
    );
    expect(Number(due?.hours)).toBeCloseTo(24, 5);
    await ana.clicks('As planned', 'dm', /How did/);
    await ana.seesEventually(/reviewed REL-\d+: as planned/, 'dm');
  });

  test('an approver in Lisbon is asked at 09:00 there, once, and decides from the message', async () => {
    const { ana, lee, ben } = people;
    // Ben is on vacation: nobody pings him.
    house.sandbox.people.changesUser('U0BEN', { status_text: 'On vacation', status_emoji: ':palm_tree:' });
    const release = await books(house, ana, 'payments@1.1.0 wed 10:00 "Receipts"');
    await ana.seesEventually(new RegExp(`REL-${release} · payments`));
    expect(asks(lee, release)).toEqual([]);
    tell('2026-11-23T08:59:30Z');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(asks(lee, release)).toEqual([]);
    tell('2026-11-23T09:00:01Z');
    await lee.seesEventually(new RegExp(`REL-${release}.* needs a decision for SRE`), 'dm');
    expect(asks(lee, release)).toHaveLength(1);
    expect(asks(ben, release)).toEqual([]);
    await lee.clicks('Review', 'dm', new RegExp(`REL-${release}\\b`));
    await lee.modal(/Review/);
    await lee.picks('decision', 'approve');
    await lee.fills({ comment: { value: 'looks fine' } });
    await lee.submits();
    await ana.seesEventually(new RegExp(`REL-${release} is approved`), 'dm');
    expect(asks(lee, release)).toHaveLength(1);
    house.sandbox.people.changesUser('U0BEN', { status_text: '', status_emoji: '' });
  });

  test('approved today, it starts at two at night by itself, and says exactly what is wrong when it may not', async () => {
    const { ana, ben, rae } = people;
    const release = await books(house, ana, 'search@7 tue 2:00 for 45m "Index" --auto');
    const other = await books(house, ana, 'payments@1.2.0 tue 2:00 for 45m "Fees"');
    await votes(ben, release);
    await votes(ben, other);
    await house.until('both verdicts', async () =>
      (await stateOf(house, release)) === 'approved' && (await stateOf(house, other)) === 'approved' ? true : undefined,
    );
    await rae.types('/freeze add "Card vendor is down" tue 1:00 to tue 5:00 svc:payments --yes');
    await rae.seesEventually(/declared the freeze/);
    tell('2026-11-24T01:00:05Z');
    await house.until('the start', async () => ((await stateOf(house, release)) === 'deploying' ? true : undefined));
    const [event] = await house.query<{ actor: { kind: string } }>(
      `SELECT actor FROM event WHERE type = 'release.started' AND release = $1`,
      [release],
    );
    expect(event?.actor.kind).toBe('clock');
    await ana.seesEventually(
      new RegExp(`slot of REL-${other} is open\\. REL-${other} cannot start now:[^]*Card vendor is down`),
      'dm',
    );
    expect(await stateOf(house, other)).toBe('approved');
    await ana.types(`/release done REL-${release}`);
    await ana.types(`/release cancel REL-${other} the vendor is down`);
  });

  test('a freeze is passed by the word of its owners, from a budget that is spent then', async () => {
    const { ana, raj, rae, noa, ben } = people;
    tell('2026-11-24T10:00:00Z');
    await ana.types('/release book payments@1.3.0 sat 10:00 "Card scheme deadline" --yes');
    await ana.seesEventually(/Black Friday/);
    await ana.clicks('Ask for an exception…');
    await ana.modal(/Ask for an exception/);
    await ana.fills({ reason: { value: 'the scheme switches off TLS 1.1' } });
    await ana.submits();
    await ana.reads(/requested REL-\d+/);
    await ana.closes();
    const [row] = await house.query<{ number: number }>('SELECT max(number) AS number FROM release');
    const release = row?.number as number;
    await rae.seesEventually(new RegExp(`REL-${release}.* needs a decision for Freeze black-friday`), 'dm');
    await votes(noa, release);
    await votes(ben, release);
    await house.until('the verdict', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
    await raj.types('/release exception list');
    await raj.seesEventually(/\*payments\*: ● 1 of 1 used: REL-\d+ payments 1\.3\.0/);
    await raj.types('/release book payments@1.4.0 sun 10:00 "More" --yes');
    await raj.clicks('Ask for an exception…');
    await raj.modal(/Ask for an exception/);
    await raj.fills({ reason: { value: 'me too' } });
    await raj.submits();
    await raj.reads(/Team payments has used 1 of its 1 passes in 2026-Q4/);
    await raj.closes();
    // The pass is for this content and this slot: a change of either asks its owners again.
    await ana.types(`/release move REL-${release} sat 11:00 --yes`);
    await ana.seesEventually(/Asked again: Freeze black-friday/);
    await votes(rae, release);
    await house.until('the second verdict', async () =>
      (await stateOf(house, release)) === 'approved' ? true : undefined,
    );
    tell('2026-11-28T10:05:00Z');
    await ana.types(`/release start REL-${release}`);
    await house.until('the start', async () => ((await stateOf(house, release)) === 'deploying' ? true : undefined));
    await ana.types(`/release done REL-${release}`);
    await house.until('the end', async () => ((await stateOf(house, release)) === 'done' ? true : undefined));
  });

  test('whoever does not decide is reminded up the ladder, and what nobody decides expires', async () => {
    const { ana, ben, lee, rae } = people;
    tell('2026-11-30T23:30:00Z');
    const release = await books(house, ana, 'payments@2 wed 2 dec 12:00 "Slow one"');
    tell('2026-12-01T09:00:05Z');
    await ben.seesEventually(new RegExp(`REL-${release}.* needs a decision for SRE`), 'dm');
    tell('2026-12-01T11:00:30Z');
    await ana.seesEventually(
      new RegExp(`REL-${release} begins within a day and still needs SRE \\(<!subteam\\^S0SRE>\\)`),
    );
    // Two working hours are over: managers may decide as well.
    await rae.seesEventually(new RegExp(`REL-${release}.* needs a decision for SRE`), 'dm');
    tell('2026-12-02T07:00:30Z');
    await lee.seesEventually(new RegExp(`REL-${release} begins within four hours`), 'dm');
    tell('2026-12-02T10:00:30Z');
    await rae.seesEventually(new RegExp(`REL-${release} will expire within an hour`), 'dm');
    tell('2026-12-02T11:00:30Z');
    await ana.seesEventually(new RegExp(`REL-${release} expired: its slot began without SRE`), 'dm');
    // Asked once and reminded once: no more than that for one release.
    expect(asks(ben, release).length).toBeLessThanOrEqual(2);
  });

  test('a person who leaves is asked no more, and one who is away lets another decide', async () => {
    const { ana, ben, lee, sam, rae } = people;
    await lee.types('/release prefs');
    await lee.modal(/Preferences/);
    const at = (hours: number) => Math.floor(house.now().getTime() / 1000) + hours * 3600;
    await lee.fills({
      delegate: { selected_user: 'U0SAM' },
      delegateFrom: { selected_date_time: at(-1) },
      delegateUntil: { selected_date_time: at(48) },
    });
    await lee.submits();
    await lee.reads(/preferences of <@U0LEE> are saved/);
    await lee.closes();
    const release = await books(house, ana, 'payments@3 thu 10:00 "Handed over"');
    await sam.seesEventually(new RegExp(`REL-${release}`), 'dm');
    house.sandbox.people.changesUser('U0BEN', { deleted: true });
    await rae.seesEventually(new RegExp(`<@U0BEN> is gone, and no longer asked for SRE of REL-${release}`), 'dm');
    await votes(sam, release);
    await house.until('the verdict', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
    const [vote] = await house.query('SELECT voter, seats, because FROM vote WHERE release = $1', [release]);
    expect(vote).toEqual({ voter: 'U0SAM', seats: ['U0LEE'], because: 'for U0LEE: user group S0SRE' });
    expect(ben.sees('dm').some((one) => one.includes(`REL-${release}`) && one.includes('You approved'))).toBe(false);
  });

  test('leaves no trace of misbehaviour', () => {
    expect(house.logs()).not.toMatch(/"level":(50|60)/);
  });
});

describe('what people hear of one release', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse({ at: '2026-11-24T15:00:00Z' });
  });
  afterAll(() => house?.close());

  test('a happy path keeps to its budget, and Slack that is busy for a while loses nothing of it', async () => {
    const { ana, ben, kim, lee, mia, raj } = cast(house);
    const seconds = Number(process.env.SLACK_BUSY_SECONDS ?? 5);
    const release = await books(house, ana, 'payments@2.14.0 tomorrow 17:00 for 45m "SEPA" lead:<@U0RAJ|raj>');
    // Whoever is still to be asked when it is decided is not asked at all.
    for (const one of [ben, lee])
      await one.seesEventually(new RegExp(`REL-${release}.* needs a decision for SRE`), 'dm');
    for (const one of [kim, mia])
      await one.seesEventually(new RegExp(`REL-${release}.* needs a decision for Product`), 'dm');
    for (const method of ['chat.postMessage', 'chat.update'])
      house.sandbox.world.faults.set(method, [{ kind: 'ratelimited', times: 3, retryAfter: seconds }]);
    await votes(ben, release);
    await votes(kim, release);
    // Recorded at once, whatever Slack shows meanwhile.
    expect(await stateOf(house, release)).toBe('approved');
    await house.until(
      'the verdict in Slack',
      async () => ana.sees('dm').some((one) => one.includes(`REL-${release} is approved`)) || undefined,
    );
    await ana.seesEventually(/✅ Approved · normal change/);
    house.moveTo(new Date('2026-11-25T15:31:00Z'));
    const room = await house.channelEventually(new RegExp(`^rel-${release}-`));
    await ana.seesEventually(/war room of REL-\d+ opened by itself/, 'dm');
    house.moveTo(new Date('2026-11-25T16:00:30Z'));
    await raj.types('/release start', room.name);
    await raj.seesEventually(/started REL-/, room.name);
    await raj.types('/release done', room.name);
    await ana.seesEventually(/<@U0RAJ> finished REL-/, 'dm');
    house.moveTo(new Date('2026-11-26T16:05:00Z'));
    await ana.seesEventually(/How did \*REL-\d+\* go\?/, 'dm');
    await house.until('the last messages', async () =>
      (await house.query('SELECT 1 FROM outbox LIMIT 1')).length === 0 ? true : undefined,
    );
    const sent = await house.query<{ who: string; n: number }>(
      `SELECT coalesce(person, why) AS who, count(*)::int AS n FROM notification
       WHERE state = 'sent' AND (person IS NOT NULL OR why IN ('root', 'broadcast')) AND coalesce(channel, 'C0RELEASES') = 'C0RELEASES'
         AND surface NOT LIKE 'digest:%' GROUP BY 1 ORDER BY 1`,
    );
    // interaction.md §2.8-12: the owner four, each approver one, the channel one root and three broadcasts; and the lead's briefing.
    expect(Object.fromEntries(sent.map((row) => [row.who, row.n]))).toEqual({
      U0ANA: 4,
      U0BEN: 1,
      U0KIM: 1,
      U0LEE: 1,
      U0MIA: 1,
      // What leading it means, once he does.
      U0RAJ: 1,
      broadcast: 3,
      root: 1,
    });
    // The ledger says what Slack has.
    for (const [person, id] of [
      [ana, 'U0ANA'],
      [ben, 'U0BEN'],
      [kim, 'U0KIM'],
    ] as const)
      expect([id, person.sees('dm').length]).toEqual([id, sent.find((row) => row.who === id)?.n]);
  });
});
