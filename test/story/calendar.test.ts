import ICAL from 'ical.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { type House, openHouse } from '../support/house.ts';

type Person = ReturnType<House['person']>;

const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {}, uat: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ] }
  search: { name: Search, members: [U0SAM, U0MIA] }
  platform: { name: Platform, members: [U0BEN, U0LEE] }
groups:
  sre: { name: SRE, usergroup: S0SRE }
  product: { name: Product, members: [U0KIM] }
services:
  payments: { team: payments, tier: 1, environments: [production, staging, uat], tags: [pci] }
  checkout: { team: payments, tier: 1, environments: [production, staging, uat], depends_on: [payments] }
  web: { team: search, tier: 2, environments: [production, staging, uat], depends_on: [checkout, search] }
  search: { team: search, tier: 2, environments: [production, staging, uat] }
policies:
  - { name: staging, when: { environment: [staging] }, gates: [{ name: Platform, who: "group:sre", needed: 1 }] }
  - { name: uat, when: { environment: [uat] }, gates: [] }
  - name: production
    when: {}
    gates:
      - { name: SRE, who: "group:sre", needed: 1, covers: [content, time] }
      - { name: Product, who: "group:product", needed: 1 }
windows:
  production-days: { scope: { environments: [production] }, repeats: mon-fri, from: "08:00", to: "18:00", capacity: 4 }
trains:
  weekly: { name: Staging train, environment: staging, repeats: wed, at: "14:00", minutes: 120, cutoff_minutes: 240 }
`;

describe('a booking before the clocks change elsewhere', () => {
  let house: House;
  beforeAll(async () => {
    // Friday; New York changes its clocks on Sunday 14 March, Berlin two weeks later.
    house = await openHouse({ catalog, at: '2027-03-12T09:00:00Z' });
  });
  afterAll(() => house?.close());

  test('says the same moment on the walls of those who vote, and books it to the minute', async () => {
    const ana = house.person('ana');
    await ana.types('/release book payments@2.14.0 next Tue 2pm for 45m');
    const said = await ana.seesEventually(/I read “next Tue 2pm” as/);
    expect(said).toContain('Tue 16 Mar 2027, 14:00–14:45 Europe/Berlin');
    expect(said).toMatch(/in 4 days/);
    expect(said).toContain('09:00 New York (1 approver)');
    expect(said).toContain('13:00 London (1 approver)');
    expect(said).toContain('Needs 1 SRE + 1 Product.');
    expect(await house.query('SELECT 1 FROM release')).toEqual([]);
    await ana.clicks('Book it');
    await ana.seesEventually(/requested REL-\d+ payments 2\.14\.0/);
    const rows = await house.query<{ starts_at: Date; ends_at: Date }>('SELECT starts_at, ends_at FROM release');
    expect(rows).toEqual([{ starts_at: new Date('2027-03-16T13:00:00Z'), ends_at: new Date('2027-03-16T13:45:00Z') }]);
  });

  test('asks about times that are not clear, and books nothing', async () => {
    const ana = house.person('ana');
    const asks = async (phrase: string, answer: RegExp) => {
      await ana.types(`/release book payments@3 ${phrase}`, 'general');
      await ana.seesEventually(answer, 'general');
    };
    await asks('friday', /“friday” has no time of day/);
    await asks('28 mar 2:30', /02:30 does not exist in Europe\/Berlin/);
    await ana.clicks(/^Sun 28 Mar 2027, 03:30/, 'general');
    await ana.seesEventually(/payments is released to production only in production-days/, 'general');
    await asks('4/5 14:00', /can be two different days/);
    await asks('monday 9:00 BST', /a zone that I could read in two ways/);
    await asks('tomorrow 14:00 after lunch', /but not “after lunch”/);
    await asks('1 jun 10:00', /more than 60 days ahead/);
    expect(await house.query('SELECT 1 FROM release')).toHaveLength(1);
  });
});

describe('the calendar of a week', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse({ catalog });
  });
  afterAll(async () => {
    if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
    await house?.close();
  });
  let swapped = { mine: 0, other: 0 };
  const releaseOf = async (number: number) =>
    (
      await house.query<{ state: string; starts_at: Date; revision: number }>(
        'SELECT state, starts_at, revision FROM release WHERE number = $1',
        [number],
      )
    )[0];
  /** The number that a request got; a transaction that was repeated leaves a gap, so nobody counts on the next one. */
  const requested = async (who: Person, unit: string) => {
    const said = await who.seesEventually(new RegExp(`requested REL-\\d+ ${unit.replaceAll('.', '\\.')} for`));
    return Number(/requested REL-(\d+)/.exec(said)?.[1]);
  };
  const approve = async (who: string, release: number) => {
    const voter = house.person(who);
    await voter.types(`/release review REL-${release}`);
    await voter.modal(new RegExp(`Review REL-${release}\\b`));
    await voter.picks('decision', 'approve');
    await voter.submits();
  };

  test('a time outside every window is refused with the next best ones, and one click books it; undo frees it', async () => {
    const ana = house.person('ana');
    await ana.types('/release book payments@2.14.0 sat 10:00 for 45m "SEPA instant"');
    const refused = await ana.seesEventually(/does not work/);
    expect(refused).toMatch(/payments is released to production only in production-days/);
    expect(refused).toContain('Book Mon 30 Nov 2026, 08:00 Europe/Berlin');
    await ana.clicks(/^Book Mon 30 Nov/);
    await ana.seesEventually(/requested REL-\d+ payments 2\.14\.0 for Mon 30 Nov 2026, 08:00–08:45/);
    await ana.clicks(/^Undo/);
    await ana.seesEventually(/cancelled REL-\d+: “taken back”/);
    expect(await house.query('SELECT state FROM release')).toEqual([{ state: 'cancelled' }]);
  });

  test('a freeze over booked slots asks their owners and cancels nothing; a move keeps the votes that do not depend on time', async () => {
    const [ana, rae] = [house.person('ana'), house.person('rae')];
    await ana.types('/release book payments@2.14.0 thu 10:00 for 45m "SEPA instant" --yes');
    const number = await requested(ana, 'payments 2.14.0');
    await approve('ben', number);
    await approve('kim', number);
    await ana.seesEventually(new RegExp(`REL-${number} is approved`), 'dm');
    await ana.types('/freeze add "Black Friday" thu 00:00 to fri 23:59 env:production');
    await ana.seesEventually(/Only release managers can change freezes/);
    await rae.types('/freeze add "Black Friday" thu 00:00 to fri 23:59 env:production message:"Hands off the shop"');
    const preview = await rae.seesEventually(/It touches 1 booking/);
    expect(preview).toMatch(new RegExp(`REL-${number}\\* payments 2\\.14\\.0`));
    expect(await house.query('SELECT 1 FROM release_freeze')).toEqual([]);
    await rae.clicks('Declare freeze');
    await ana.seesEventually(/❄️ Freeze: Black Friday/);
    const asked = await ana.seesEventually(new RegExp(`\\*Black Friday\\* now covers \\*REL-${number}\\*`), 'dm');
    expect(asked).toContain('Hands off the shop');
    expect(asked).toMatch(/Next best: Mon 30 Nov 2026, \d\d:\d\d Europe\/Berlin/);
    expect((await releaseOf(number))?.state).toBe('approved');
    await ana.types('/release book checkout@1 thu 11:00 --yes');
    await ana.seesEventually(/❄️ \*Black Friday\*/);
    await ana.clicks(/^Move to Mon 30 Nov/, 'dm');
    await ana.seesEventually(
      new RegExp(`REL-${number} to Mon 30 Nov 2026, 08:00–08:45 Europe\\/Berlin\\. Asked again: SRE`),
      'dm',
    );
    expect(await releaseOf(number)).toMatchObject({ state: 'requested', revision: 2 });
    expect(await house.query('SELECT gate, voter FROM vote WHERE release = $1 AND revision = 2', [number])).toEqual([
      { gate: 'Product', voter: 'U0KIM' },
    ]);
    await ana.seesEventually(/is outside of it now/, 'dm');
    await approve('lee', number);
    await house.until('the verdict', async () => ((await releaseOf(number))?.state === 'approved' ? true : undefined));
    // One message to the owner about the freeze, edited since.
    expect(ana.sees('dm').filter((text) => text.includes('Black Friday'))).toHaveLength(1);
    await rae.types('/freeze lift black-friday --yes');
    await ana.seesEventually(/lifted the freeze Black Friday/);
    await ana.seesEventually(/❄️ Lifted: Black Friday/);
  });

  test('nothing starts inside a hard freeze, and rollback does', async () => {
    const [ana, rae] = [house.person('ana'), house.person('rae')];
    await ana.types('/release book search@1 today 12:00 for 1h lead:<@U0ANA> "Ranking" --yes');
    const number = await requested(ana, 'search 1');
    await approve('ben', number);
    await approve('kim', number);
    await ana.seesEventually(new RegExp(`REL-${number} is approved`), 'dm');
    await rae.types('/freeze add "Outage at the vendor" today 12:15 to today 18:00 svc:search --yes');
    await ana.seesEventually(new RegExp(`now covers \\*REL-${number}\\*`), 'dm');
    await ana.clicks('Keep', 'dm', new RegExp(`REL-${number}`));
    await ana.seesEventually(new RegExp(`REL-${number}.*You keep it\\. It stays booked, and cannot start`), 'dm');
    house.moveTo(new Date('2026-11-23T11:20:00Z'));
    await house.until('a start that is refused', async () => {
      await ana.types(`/release start REL-${number}`);
      return ana.sees().some((text) => text.includes(`REL-${number} cannot start now`)) ? true : undefined;
    });
    await rae.types('/release freeze lift outage-at-the-vendor it is back --yes');
    await ana.seesEventually(/lifted the freeze Outage at the vendor: “it is back”/);
    await ana.types(`/release start REL-${number}`);
    await ana.seesEventually(new RegExp(`started REL-${number}`));
    await rae.types('/freeze add "Everything stops" today 12:15 to today 18:00 --yes').catch(() => undefined);
    await ana.types(`/release rollback REL-${number} errors`);
    await ana.seesEventually(new RegExp(`rolled back REL-${number}`));
    await rae.types('/freeze lift everything-stops --yes');
  });

  test('two owners swap their slots', async () => {
    const [ana, sam] = [house.person('ana'), house.person('sam')];
    await ana.types('/release book payments@3.0.0 tue 9:00 for 45m --yes');
    const mine = await requested(ana, 'payments 3.0.0');
    await sam.types('/release book search@5.0.0 tue 15:00 for 30m --yes');
    const other = await requested(sam, 'search 5.0.0');
    await ana.types(`/release swap REL-${mine} REL-${other}`);
    await ana.seesEventually(new RegExp(`asked to swap REL-${mine} with REL-${other}`));
    await sam.seesEventually(/asks you to swap slots/, 'dm');
    await sam.clicks('Accept', 'dm');
    await sam.seesEventually(/You swapped/, 'dm');
    await ana.seesEventually(new RegExp(`gave REL-${mine} the swapped time Tue 24 Nov 2026, 15:00–15:45`));
    expect((await releaseOf(mine))?.starts_at).toEqual(new Date('2026-11-24T14:00:00Z'));
    expect((await releaseOf(other))?.starts_at).toEqual(new Date('2026-11-24T08:00:00Z'));
    swapped = { mine, other };
  });

  test('who waits in line is offered the time when it comes free, for thirty minutes', async () => {
    const [ana, raj] = [house.person('ana'), house.person('raj')];
    await raj.types('/release book payments@3.1.0 tue 15:00 Europe/Berlin for 45m "Fees"');
    await raj.seesEventually(/payments is taken in production/);
    await raj.clicks('Wait in line');
    await raj.seesEventually(/waits for Tue 24 Nov 2026, 15:00–15:45/);
    await raj.types('/release line payments@3.1.0 tue 15:00 Europe/Berlin for 45m "Fees"');
    await raj.seesEventually(/You are in line for/);
    await ana.types(`/release cancel REL-${swapped.mine} not needed`);
    await raj.seesEventually(/It came free: \*payments 3\.1\.0/, 'dm');
    // Kept: nobody else gets it meanwhile.
    await ana.types('/release book payments@9 tue 15:00 for 45m --yes', 'general');
    await ana.seesEventually(/the next in line:/, 'general');
    await raj.clicks('Take it', 'dm');
    await raj.seesEventually(/You took it/, 'dm');
    await ana.seesEventually(/REL-\d+ · payments 3\.1\.0 → production/);
  });

  test('an unanswered offer goes to the next in line', async () => {
    const [mia, sam] = [house.person('mia'), house.person('sam')];
    await mia.types('/release line search@6 tue 9:00 for 30m --yes');
    await mia.seesEventually(/waits for Tue 24 Nov/);
    await sam.types('/release line search@7 tue 9:00 for 30m --yes');
    await sam.seesEventually(/waits for Tue 24 Nov/);
    await sam.types(`/release cancel REL-${swapped.other} later`);
    await mia.seesEventually(/It came free/, 'dm');
    house.moveTo(new Date(house.now().getTime() + 31 * 60_000));
    await mia.seesEventually(/lapsed and went to the next/, 'dm');
    await sam.seesEventually(/It came free/, 'dm');
    await sam.clicks('No longer needed', 'dm');
    await sam.seesEventually(/You left the line/, 'dm');
  });

  test('a train takes the ready, leaves the unready with an offer, and deploys in dependency order', async () => {
    const [ana, sam, raj] = [house.person('ana'), house.person('sam'), house.person('raj')];
    const [before] = await house.query<{ max: number }>('SELECT max(number) FROM release');
    const first = (before?.max ?? 0) + 1;
    const boards = async (who: Person, unit: string) => {
      await who.types(`/release board ${unit} weekly env:staging`);
      await who.seesEventually(/aboard the train \*weekly\* of 2026-11-25/);
      await who.clicks('Book it');
      await who.seesEventually(new RegExp(`requested REL-\\d+ ${unit.replace('@', ' ')}`));
    };
    await boards(sam, 'web@88');
    await boards(raj, 'checkout@7');
    await boards(ana, 'payments@4');
    await boards(sam, 'search@9');
    const numbers = await house.query<{ number: number; service: string }>(
      'SELECT number, service FROM release r JOIN release_unit u ON u.release = r.number WHERE train IS NOT NULL ORDER BY number',
    );
    expect(numbers.map((one) => one.service)).toEqual(['web', 'checkout', 'payments', 'search']);
    expect(numbers[0]?.number).toBeGreaterThanOrEqual(first);
    const [web, checkout, payments, search] = numbers.map((one) => one.number) as [number, number, number, number];
    for (const number of [web, checkout, payments]) await approve('ben', number);
    const boardNow = await ana.seesEventually(/4 aboard, 3 ready/);
    // What others depend on goes first: payments, checkout, search, web.
    expect([payments, checkout, search, web].map((number) => boardNow.indexOf(`*REL-${number}*`))).toEqual(
      [payments, checkout, search, web].map((number) => boardNow.indexOf(`*REL-${number}*`)).sort((a, b) => a - b),
    );

    house.moveTo(new Date('2026-11-25T09:00:05Z'));
    await ana.seesEventually(new RegExp(`Left behind: REL-${search}`));
    await sam.seesEventually(new RegExp(`REL-${search} was left behind by the train weekly`), 'dm');
    await sam.clicks('Board the next', 'dm');
    await sam.seesEventually(new RegExp(`put REL-${search} on the train of Wed 2 Dec 2026, 14:00`));

    house.moveTo(new Date('2026-11-25T13:00:05Z'));
    const starts = async (who: Person, number: number, answer: RegExp) => {
      await house.until(`REL-${number} to answer ${answer}`, async () => {
        await who.types(`/release start REL-${number}`);
        return who.sees().some((text) => answer.test(text)) ? true : undefined;
      });
    };
    await starts(sam, web, new RegExp(`REL-${web} goes after REL-${checkout} checkout`));
    for (const [who, number] of [
      [ana, payments],
      [raj, checkout],
      [sam, web],
    ] as const) {
      await starts(who, number, new RegExp(`started REL-${number}`));
      await who.types(`/release done REL-${number}`);
      await who.seesEventually(new RegExp(`finished REL-${number}`));
    }
  });

  test('an environment is kept for a test round, and given back', async () => {
    const [kim, ana] = [house.person('kim'), house.person('ana')];
    await kim.types('/release reserve uat fri 14:00 Europe/Berlin for 2h "UAT round 2"');
    await kim.clicks('Reserve it');
    await kim.seesEventually(/reserved uat, .* UAT round 2 \(ENV-\d+\)/);
    await ana.types('/release book payments@5 fri 15:00 env:uat --yes');
    const refused = await ana.seesEventually(/uat is taken/);
    expect(refused).toMatch(/Book Fri 27 Nov 2026, 16:00/);
    await ana.seesEventually(/🔒 \*ENV-\d+\* uat/);
    await kim.clicks('Give back…', 'releases', /UAT round 2/);
    await ana.seesEventually(/given back/);
    await ana.types('/release book payments@5 fri 15:00 env:uat --yes');
    await ana.seesEventually(/requested REL-\d+ payments 5/);
  });

  test('the calendar, the free times and App Home show it', async () => {
    const [ana, mia] = [house.person('ana'), house.person('mia')];
    await mia.types('/release calendar week', 'general');
    const shown = await mia.seesEventually(/Calendar/, 'general');
    expect(shown).toMatch(/█/);
    expect(shown).toMatch(/payments 5/);
    await mia.types('/release calendar day production 2026-11-24', 'general');
    await mia.seesEventually(/Calendar – production/, 'general');
    await mia.types('/release slots payments for 45m', 'general');
    await mia.seesEventually(/\*Free for payments\*/, 'general');
    await mia.clicks('Request…', 'general');
    const form = await mia.modal(/Request a release/);
    expect(form.values.service?.['service.options.v1']).toMatchObject({ selected_option: { value: 'payments' } });
    await mia.closes();
    ana.opensHome();
    const home = await house.until('a home', () => house.sandbox.world.state.homes.U0ANA);
    expect(textOf(home.blocks)).toContain('This week');
    expect(textOf(home.blocks)).toContain('payments 5');
    await ana.types('/release window list', 'general');
    await ana.seesEventually(/\*production-days\*/, 'general');
    await ana.types('/release trains', 'general');
    await ana.seesEventually(/Staging train/, 'general');
  });

  test('the form finds a free time and fills it in', async () => {
    const ana = house.person('ana');
    await ana.types('/release new checkout@8 thu 3:00 for 45m');
    await ana.modal(/Request a release/);
    await ana.fills({ summary: { value: 'Vouchers' } });
    await ana.clicks('Find a free time', 'modal');
    await house.until('free times in the form', () =>
      /Free times/.test(textOf(ana.modalNow()?.blocks)) ? true : undefined,
    );
    await ana.clicks(/^Use Thu 26 Nov 2026, 08:00/, 'modal');
    const filled = await house.until('the time in the form', () => {
      const values = ana.modalNow()?.values ?? {};
      const key = Object.keys(values).find((id) => id.startsWith('when.'));
      return key ? values[key]?.value?.selected_date_time : undefined;
    });
    expect(new Date(Number(filled) * 1000).toISOString()).toBe('2026-11-26T07:00:00.000Z');
    expect(ana.modalNow()?.values.summary?.value).toMatchObject({ value: 'Vouchers' });
    await ana.submits();
    await ana.seesEventually(/requested REL-\d+ checkout 8 for Thu 26 Nov 2026, 08:00–08:45/);
  });

  test('the feed is read by a calendar: created, moved, cancelled, revoked', async () => {
    const sam = house.person('sam');
    await sam.types('/release feed svc:checkout');
    const said = await sam.seesEventually(/Subscribe to this address/);
    const path = /(\/feeds\/[\w-]+\.ics)/.exec(said)?.[1];
    const read = async () => {
      const answer = await fetch(`http://127.0.0.1:${house.port()}${path}`);
      expect(answer.headers.get('content-type')).toContain('text/calendar');
      const component = new ICAL.Component(ICAL.parse(await answer.text()));
      return component.getAllSubcomponents('vevent').map((event) => ({
        uid: event.getFirstPropertyValue('uid'),
        sequence: Number(event.getFirstPropertyValue('sequence')),
        status: event.getFirstPropertyValue('status'),
        start: String(event.getFirstPropertyValue('dtstart')),
        end: String(event.getFirstPropertyValue('dtend')),
        summary: String(event.getFirstPropertyValue('summary')),
      }));
    };
    const [created] = (await read()).filter((event) => event.summary.startsWith('checkout 8'));
    expect(created).toMatchObject({
      sequence: 0,
      status: 'TENTATIVE',
      start: '2026-11-26T07:00:00Z',
      end: '2026-11-26T07:45:00Z',
    });
    const number = /REL-(\d+)/.exec(String(created?.uid))?.[1];
    await house.person('ana').types(`/release move REL-${number} thu 9:00`);
    await house.person('ana').clicks('Move it');
    await house.person('ana').seesEventually(/moved REL-\d+ to Thu 26 Nov 2026, 09:00/);
    const [moved] = (await read()).filter((event) => event.uid === created?.uid);
    expect(moved).toMatchObject({ sequence: 1, start: '2026-11-26T08:00:00Z' });
    await house.person('ana').types(`/release cancel REL-${number} no need`);
    await house.person('ana').seesEventually(/cancelled REL-\d+: “no need”/);
    const [cancelled] = (await read()).filter((event) => event.uid === created?.uid);
    expect(cancelled).toMatchObject({ sequence: 2, status: 'CANCELLED', start: '2026-11-26T08:00:00Z' });
    // Of a team, and of everything; whoever asks again for the same gets a new address and loses the old one.
    const summaries = async (line: string) => {
      const seen = sam.sees().filter((text) => /\/feeds\//.test(text)).length;
      await sam.types(line);
      const answers = await house.until('another address', () => {
        const all = sam.sees().filter((text) => /\/feeds\//.test(text));
        return all.length > seen ? all : undefined;
      });
      const address = /(\/feeds\/[\w-]+\.ics)/.exec(answers.at(-1) ?? '')?.[1];
      const text = await (await fetch(`http://127.0.0.1:${house.port()}${address}`)).text();
      const events = new ICAL.Component(ICAL.parse(text)).getAllSubcomponents('vevent');
      return events.map((event) => String(event.getFirstPropertyValue('summary'))).join('; ');
    };
    const ofSearch = await summaries('/release feed team:search');
    expect(ofSearch).toMatch(/web 88/);
    expect(ofSearch).not.toMatch(/payments/);
    const everything = await summaries('/release feed');
    expect(everything).toMatch(/web 88/);
    expect(everything).toMatch(/payments 5/);
    expect(everything).toMatch(/uat: UAT round 2/);
    await sam.types('/release feed team:nobody');
    await sam.seesEventually(/There is no team `nobody`/);
    await sam.types('/release feed off');
    await sam.seesEventually(/its address works no more/);
    expect((await fetch(`http://127.0.0.1:${house.port()}${path}`)).status).toBe(404);
    expect(JSON.stringify(await house.query('SELECT * FROM event'))).not.toContain(path?.slice(7, -4));
  });

  test('a release is repeated, a week ahead of each time', async () => {
    const ana = house.person('ana');
    await ana.types('/release repeat payments weekly', 'general');
    await ana.seesEventually(/Which release\?|I need how often/, 'general');
    const [uat] = await house.query<{ number: number }>(
      `SELECT number FROM release WHERE environment = 'uat' AND state = 'approved'`,
    );
    await ana.types(`/release repeat REL-${uat?.number} weekly until 2026-12-12 version:{date}`);
    await ana.seesEventually(/repeats REL-\d+ every week until 2026-12-12 at 15:00 Europe\/Berlin/);
    house.moveTo(new Date('2026-11-27T14:00:05Z'));
    const second = await house.until('the second of the series', async () => {
      const [row] = await house.query<{ starts_at: Date; version: string }>(
        `SELECT starts_at, version FROM release r JOIN release_unit u ON u.release = r.number WHERE environment = 'uat' AND starts_at > '2026-12-01'`,
      );
      return row;
    });
    expect(second).toEqual({ starts_at: new Date('2026-12-04T14:00:00Z'), version: '2026-12-04' });
    await ana.types(`/release repeat REL-${uat?.number} off`);
    await ana.seesEventually(/stopped a series/);
  });

  test('a freeze is announced a day ahead', async () => {
    const [ana, rae] = [house.person('ana'), house.person('rae')];
    await rae.types('/freeze add "Quiet days" 2026-12-05 00:00 to 2026-12-07 06:00 env:production --yes');
    await ana.seesEventually(/❄️ Freeze: Quiet days/);
    house.moveTo(new Date('2026-12-03T23:00:05Z'));
    await ana.seesEventually(/The freeze Quiet days begins Sat 5 Dec 2026, 00:00/);
  });

  test('leaves no trace of misbehaviour', () => {
    expect(house.logs()).not.toMatch(/"level":(50|60)/);
  });
});
