import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { type House, openHouse } from '../support/house.ts';
import { books, cast, type Person, stateOf, votes } from '../support/story.ts';

const catalog = `
zone: Europe/Berlin
home: C0RELEASES
people: { U0RAE: { roles: [release_manager] } }
environments: { production: {}, staging: {} }
teams:
  payments: { name: Payments, members: [U0ANA, U0RAJ] }
  search: { name: Search, members: [U0SAM, U0MIA] }
groups:
  sre: { name: SRE, usergroup: S0SRE }
services:
  payments:
    team: payments
    tier: 1
    environments: [production, staging]
    runbook: payments
    oncall: S0SREONCALL
    links: { runbook: https://wiki.example.com/payments, dashboard: https://graphs.example.com/payments }
    watch: { minutes: 240, exit: [Error rate below 1 %] }
  web: { team: search, tier: 2, environments: [production, staging], depends_on: [payments], oncall: S0SRE }
  search: { team: search, tier: 2, environments: [production, staging], private_room: true }
runbooks:
  payments:
    version: "4"
    status_minutes: 20
    steps:
      - Queues drained
      - { title: Backup taken, verify: true }
      - { title: Ready?, roll_call: true }
      - { title: Go or no-go, poll: [lead, "group:sre", requester] }
      - { title: Canary, group: canary, canary: { percent: 5, soak_minutes: 30 } }
      - { title: A quarter of the traffic, group: rollout, expose: 25 % }
      - { title: Everybody, group: rollout, expose: 100 % }
      - { title: Smoke tests, group: after, owner: verifier, due_minutes: 10 }
      - { title: Dashboards look right, group: after, parallel: true }
    rollback:
      - Traffic back to the old version
protocols:
  everybody: { on: [started, delayed, rolled_back, restored, done], channels: [C0GENERAL], text: "{release} {services}: {update}" }
policies:
  - name: open
    when: { environment: [staging] }
    gates: []
  - name: production
    when: { environment: [production] }
    gates: [{ name: SRE, who: "group:sre", needed: 1 }]
`;

/** A story of its own: a house, its people, and what a room of it is called. */
function story(name: string, tell: (told: () => { house: House; people: ReturnType<typeof cast> }) => void): void {
  describe(name, () => {
    let house: House;
    beforeAll(async () => {
      house = await openHouse({ catalog, at: '2026-11-24T08:00:00Z' });
    });
    afterAll(async () => {
      if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
      await house?.close();
    });
    tell(() => ({ house, people: cast(house) }));
    test('leaves no trace of misbehaviour', () => {
      expect(house.logs()).not.toMatch(/"level":(50|60)/);
    });
  });
}

const shift = (house: House, minutes: number) => house.moveTo(new Date(house.now().getTime() + minutes * 60_000));

/** Books for ten o'clock in Berlin and walks it into its open room, one minute after its slot began. */
async function opens(house: House, line: string, approver?: Person): Promise<{ release: number; room: string }> {
  const { ana } = cast(house);
  const release = await books(house, ana, line);
  if (approver) await votes(approver, release);
  const row = async () =>
    (await house.query<{ starts_at: Date; state: string }>('SELECT * FROM release WHERE number = $1', [release]))[0];
  await house.until('its approval', async () => ((await row())?.state === 'approved' ? true : undefined));
  const startsAt = (await row())?.starts_at as Date;
  house.moveTo(new Date(startsAt.getTime() - 29 * 60_000));
  const { name } = await house.channelEventually(new RegExp(`^rel-${release}-`));
  await ana.seesEventually(/Approved – /, name);
  house.moveTo(new Date(startsAt.getTime() + 60_000));
  return { release, room: name };
}

/** Typed until the app has seen the clock move. */
const starts = (house: House, person: Person, release: number, room: string) =>
  house.until('it to start', async () => {
    if ((await stateOf(house, release)) === 'deploying') return true;
    await person.types(`/release start REL-${release}`, room);
    return undefined;
  });

const stepsOf = async (house: House, release: number) =>
  Object.fromEntries(
    (
      await house.query<{ key: string; state: string }>('SELECT key, state FROM step WHERE release = $1', [release])
    ).map(({ key, state }) => [key, state]),
  );
const stepIs = (house: House, release: number, key: string, state: string) =>
  house.until(`step ${key} to be ${state}`, async () =>
    (await stepsOf(house, release))[key] === state ? true : undefined,
  );

story('a runbook of nine steps, four people in three zones', (told) => {
  let at: { release: number; room: string };

  test('its room is furnished: people on call, topic, purpose, bookmarks, one pinned header, the steps', async () => {
    const { house, people } = told();
    at = await opens(house, 'payments@2.14.0 today 10:00 for 90m lead:@raj', people.lee);
    const channel = house.channel(at.room);
    await house.until('its people', () => (channel && channel.members.length >= 5 ? true : undefined));
    expect([...(channel?.members ?? [])].sort()).toEqual(['U0ANA', 'U0BEN', 'U0LEE', 'U0MAITRED', 'U0RAJ'].sort());
    await house.until('bookmarks', () => (channel?.bookmarks.length === 3 ? true : undefined));
    expect(channel?.bookmarks.map((one) => one.title)).toEqual([`REL-${at.release}`, 'Runbook', 'Dashboard']);
    await house.until('what it is for', () =>
      /War room of REL-1: payments 2\.14\.0 to production/.test(channel?.purpose ?? '') ? true : undefined,
    );
    await house.until('one pin', () => (channel?.pins.length === 1 ? true : undefined));
    await people.ana.seesEventually(/Runbook\*? [▓░]+ 0\/9/, at.room);
    await people.ana.seesEventually(/payments v4/, at.room);
  });

  test('steps go one behind the other; a second person looks; whoever is second is told who was first', async () => {
    const { house, people } = told();
    const { ana, raj, ben } = people;
    const { release, room } = at;
    await starts(house, raj, release, room);
    // The booked lead who starts it leads; nobody has to say so.
    await raj.seesEventually(/You are Lead of/, 'dm');
    await ana.clicks('Done', room, /Queues drained/);
    await stepIs(house, release, '1', 'done');
    await ben.types('/release step 1 done', room);
    await ben.seesEventually(/Step 1 .*already.*<@U0ANA>/, room);
    await ana.types('/release step 2 done', room);
    await stepIs(house, release, '2', 'checking');
    await ana.types('/release step 2 verify', room);
    await ana.seesEventually(/second person/i, room);
    await ben.types('/release step 2 verify', room);
    await stepIs(house, release, '2', 'done');
  });

  test('every author says ready, and the named roles say go: one no-go holds it, with its reason', async () => {
    const { house, people } = told();
    const { ana, raj, ben } = people;
    const { release, room } = at;
    await ana.types('/release go', room);
    await stepIs(house, release, '3', 'done');
    await ana.types('/release go', room);
    await raj.types('/release go', room);
    await ben.types('/release nogo the replica lags behind', room);
    await ana.seesEventually(/the replica lags behind/, room);
    // A colleague of whoever said no-go does not take it back for them.
    await people.lee.types('/release go', room);
    await people.lee.seesEventually(/only they can take it back/, room);
    expect((await stepsOf(house, release))['4']).not.toBe('done');
    await people.kim.types('/release go', 'releases');
    await ben.types('/release go', room);
    await stepIs(house, release, '4', 'done');
    await ana.seesEventually(/4\/9/, room);
  });

  test('the canary soaks, and its share is recorded; rollout and parallel steps end it', async () => {
    const { house, people } = told();
    const { ana, raj, ben } = people;
    const { release, room } = at;
    await raj.types('/release step 5 start', room);
    await stepIs(house, release, '5', 'running');
    await raj.types('/release step 5 done', room);
    await raj.seesEventually(/Step 5 is watched until/, room);
    await raj.types('/release status at-risk canary is slower than it was', room);
    await ana.seesEventually(/at risk.*canary is slower/, room);
    shift(house, 31);
    await ana.seesEventually(/watched long enough/, room);
    await raj.clicks('Healthy, done', room, /watched long enough/);
    await stepIs(house, release, '5', 'done');
    await raj.types('/release step 6 done', room);
    await raj.types('/release step 7 done', room);
    await stepIs(house, release, '7', 'done');
    await ana.seesEventually(/exposed: .*100 %/, room);
    await ben.types('/release room take verifier', room);
    await Promise.all([ben.types('/release step 8 done', room), ana.types('/release step 9 done', room)]);
    await stepIs(house, release, '8', 'done');
    await stepIs(house, release, '9', 'done');
    await raj.types('/release verify', room);
    await raj.types('/release done', room);
    await house.until('it to be done', async () => ((await stateOf(house, release)) === 'done' ? true : undefined));
    await people.sam.seesEventually(/REL-1 payments 2\.14\.0: .*finished/, 'general');
    await ana.seesEventually(/watched until|is watched/, room);
    const exposed = await house.query<{ label: string }>('SELECT label FROM exposure ORDER BY at');
    expect(exposed.map((one) => one.label)).toEqual(['5 %', '25 %', '100 %']);
  });

  test('the watch ends once operations accept it, with its exit criteria ticked', async () => {
    const { house, people } = told();
    const { release, room } = at;
    await people.raj.types(`/release handover REL-${release} @lee dashboards are linked`, room);
    await people.lee.seesEventually(/hands you Operations of/, 'dm');
    await people.lee.clicks('Accept', 'dm', /hands you Operations/);
    await people.ana.seesEventually(/<@U0LEE>/, room);
    const [row] = await house.query<{ ended: boolean }>('SELECT watch_ended_at IS NOT NULL AS ended FROM release');
    expect(row?.ended).toBe(true);
  });

  test('the export holds every event, in order, every hash right', async () => {
    const { house, people } = told();
    await people.raj.pins(/canary is slower/, at.room);
    await people.ana.says('the replica is fine again', at.room);
    await people.ana.reacts('pushpin', /replica is fine again/, at.room);
    await people.ben.says('I saw it, too', at.room);
    expect((await people.ben.usesOnMessage('add_to_timeline', /I saw it, too/, at.room)).status).toBe('ok');
    await house.until('three kept messages', async () =>
      (await house.query('SELECT 1 FROM captured')).length === 3 ? true : undefined,
    );
    await people.ana.editsMessage(/replica is fine again/, 'the replica is NOT fine', at.room);
    await people.ben.deletesMessage(/I saw it, too/, at.room);
    await people.ana.types(`/release export REL-${at.release}`);
    await people.ana.seesEventually(/Record of REL-1/, 'dm');
    const files = Object.values(house.sandbox.world.state.files).filter((file) => /\.json$/.test(file.name));
    const record = JSON.parse(Buffer.from(String(files[0]?.content ?? ''), 'base64').toString() || '{}');
    expect(record.integrity.broken).toEqual([]);
    expect(record.messages).toHaveLength(3);
    const kept = (about: RegExp) => record.messages.find((one: { text: string }) => about.test(one.text));
    expect(kept(/fine again/).edits).toMatchObject([{ text: 'the replica is NOT fine' }]);
    expect(kept(/I saw it/).deletedAt).not.toBeNull();
    expect(kept(/canary is slower/)).toMatchObject({ deletedAt: null, source: 'pin', capturedBy: 'U0RAJ' });
    const events = await house.query<{ seq: string }>('SELECT seq FROM event WHERE release = $1 ORDER BY seq', [
      at.release,
    ]);
    const exported = record.timeline.map((one: { seq: string }) => one.seq);
    expect(exported.length).toBeGreaterThan(40);
    // The room goes on while the record is made: what came later is not in it, all else is.
    expect([...exported].sort((a, b) => Number(a) - Number(b))).toEqual(
      events.slice(0, exported.length).map((one) => one.seq),
    );
  });
});

story("the lead's laptop dies", (told) => {
  test('nobody leads: it is said after five minutes; somebody takes it; somebody takes over; a hand-over is accepted', async () => {
    const { house, people } = told();
    const { ana, raj, ben, lee } = people;
    const { release, room } = await opens(house, 'web@1.0.0 today 10:00 for 60m lead:@raj', lee);
    await ana.seesEventually(/Nobody leads|nobody has taken the lead|Take the lead/i, room);
    await ana.clicks('Take the lead', room, /lead/i);
    await ana.seesEventually(/You are Lead of/, 'dm');
    await starts(house, ana, release, room);
    // Ana is gone. Raj takes over, and state and timers go on.
    await raj.clicks('Take over', room);
    await raj.seesEventually(/You are Lead of/, 'dm');
    await ana.seesEventually(/took Lead of .* over from you/, 'dm');
    await raj.clicks('Hand over…', room);
    await raj.modal(/Hand over/);
    await raj.fills({ to: { selected_user: 'U0BEN' }, note: { value: 'step 2 is next' } });
    await raj.submits();
    await ben.seesEventually(/hands you Lead of/, 'dm');
    const lead = async () =>
      (await house.query<{ person: string }>("SELECT person FROM room_role WHERE role = 'lead'"))[0]?.person;
    expect(await lead()).toBe('U0RAJ');
    await ben.clicks('Take over', 'dm', /hands you Lead/);
    await house.until('ben to lead', async () => ((await lead()) === 'U0BEN' ? true : undefined));
    await ben.types('/release done', room);
    await house.until('it to be done', async () => ((await stateOf(house, release)) === 'done' ? true : undefined));
  });

  test('whoever comes late is told where it stands; a private room keeps others out', async () => {
    const { house, people } = told();
    const { release, room } = await opens(house, 'search@5.0.0 today 13:00 for 60m', people.lee);
    expect(house.channel(room)?.is_private).toBe(true);
    await people.noa.types(`/release follow REL-${release}`);
    await people.noa.seesEventually(/can follow into the private room/);
    await people.noa.types(`/release export REL-${release}`);
    await people.noa.seesEventually(/Only people in .* work on/);
    expect(house.channel(room)?.members).not.toContain('U0NOA');
    await people.ana.types('/release room invite @mia @gil @tom', room);
    await house.until('mia to be in', () => (house.channel(room)?.members.includes('U0MIA') ? true : undefined));
    await people.ana.seesEventually(/Not invited: .*U0GIL.*guest/, room);
    shift(house, 5);
    people.ana.invites(room, 'kim');
    await people.kim.seesEventually(/Welcome\. /, room);
  });
});

story('a rollback from a phone', (told) => {
  test('two taps from the card: what goes back is said, the runbook of the way back opens, and it ends restored', async () => {
    const { house, people } = told();
    const { ana, sam, raj, ben } = people;
    const { release, room } = await opens(house, 'payments@2.15.0 today 10:00 for 60m lead:@raj', people.lee);
    await starts(house, raj, release, room);
    // Sam is neither lead nor in the room: nothing stops a rollback.
    await sam.clicks('Roll back…', 'releases', new RegExp(`REL-${release}\\b`));
    const form = await sam.modal(/Roll back REL/);
    expect(textOf(form.blocks)).toMatch(/payments.* goes back/s);
    await sam.submits();
    await house.until('it to be rolled back', async () =>
      (await stateOf(house, release)) === 'rolled_back' ? true : undefined,
    );
    await ana.seesEventually(/Back to where it was/, room);
    const steps = await house.until('the steps of the way back', async () => {
      const found = await house.query<{ key: string; title: string }>(
        "SELECT key, body ->> 'title' AS title FROM step WHERE release = $1 AND key LIKE 'R%' ORDER BY position",
        [release],
      );
      return found.length > 0 ? found : undefined;
    });
    expect(steps.map((one) => one.title)).toEqual([
      'Traffic back to the old version',
      'Data checked: nothing was lost or written twice',
      'Verified by a second person',
    ]);
    await raj.types('/release step R1 done', room);
    await raj.types('/release step R2 done', room);
    await raj.types('/release step R3 done', room);
    await stepIs(house, release, 'R3', 'checking');
    await ben.types('/release step R3 verify', room);
    await sam.seesEventually(/REL-\d+ payments 2\.15\.0: .*have back what they had/, 'general');
    // Its review is asked for a day later.
    shift(house, 24 * 60 + 1);
    await ana.seesEventually(new RegExp(`How did \\*?REL-${release}`), 'dm');
  });
});

story('a room that cannot be created', (told) => {
  test('the thread of the card is the room, and that is said once', async () => {
    const { house, people } = told();
    house.sandbox.world.state.policy.channelCreation = 'admins';
    house.sandbox.world.state.policy.privateChannelCreation = 'admins';
    const { ana, raj } = people;
    const release = await books(house, ana, 'payments@3.0.0 today 10:00 for 60m lead:@raj env:staging');
    await house.until('its approval', async () => ((await stateOf(house, release)) === 'approved' ? true : undefined));
    house.moveTo(new Date('2026-11-24T08:31:00Z'));
    await ana.seesEventually(/does not let me create a channel/, 'releases');
    house.moveTo(new Date('2026-11-24T09:01:00Z'));
    await starts(house, raj, release, 'releases');
    await ana.clicks('Done', 'releases', /Queues drained/);
    await stepIs(house, release, '1', 'done');
    await ana.says('the queue was empty at once', 'releases', new RegExp(`REL-${release} ·`));
    await ana.reacts('pushpin', /queue was empty at once/, 'releases');
    await house.until('it to be kept', async () =>
      (await house.query('SELECT 1 FROM captured WHERE release = $1', [release])).length === 1 ? true : undefined,
    );
    const told3 = house.messages('releases').filter((one) => /does not let me create/.test(one.text));
    expect(told3).toHaveLength(1);
    expect(Object.values(house.sandbox.world.state.channels).filter((one) => /^rel-/.test(one.name))).toEqual([]);
    const roots = house.messages('releases').filter((one) => one.thread_ts === undefined || one.thread_ts === one.ts);
    expect(roots.filter((one) => /Runbook/.test(textOf(one.blocks)))).toEqual([]);
  });

  test('a room that somebody archived by hand is replaced while it is needed', async () => {
    const { house, people } = told();
    house.sandbox.world.state.policy.channelCreation = 'everyone';
    const { release, room } = await opens(house, 'web@3.0.0 today 13:00 for 60m env:staging');
    people.ana.archives(room);
    const again = await house.channelEventually(new RegExp(`^rel-${release}-web-2$`));
    await people.ana.seesEventually(/Approved – /, again.name);
    await house.until('one pin', () => (again.pins.length === 1 ? true : undefined));
    await starts(house, people.ana, release, again.name);
  });
});

story('a release that takes longer', (told) => {
  test('it grows while the time is free, and warns whoever comes next', async () => {
    const { house, people } = told();
    const { ana, raj } = people;
    const next = await books(house, people.sam, 'payments@9.9.9 today 11:15 for 45m env:staging');
    const { release, room } = await opens(house, 'payments@4.0.0 today 10:00 for 60m lead:@raj env:staging');
    await starts(house, raj, release, room);
    house.moveTo(new Date('2026-11-24T09:51:00Z'));
    await ana.seesEventually(/ends .*|ten minutes|10 min/i, room);
    house.moveTo(new Date('2026-11-24T10:00:30Z'));
    const end = async () =>
      (await house.query<{ ends_at: Date }>('SELECT ends_at FROM release WHERE number = $1', [release]))[0]?.ends_at;
    await house.until('it to grow', async () =>
      (await end())?.toISOString() === '2026-11-24T10:15:00.000Z' ? true : undefined,
    );
    house.moveTo(new Date('2026-11-24T10:15:30Z'));
    await people.sam.seesEventually(new RegExp(`REL-${release}.*(over|longer|late|past)`, 'i'), 'dm');
    expect((await end())?.toISOString()).toBe('2026-11-24T10:15:00.000Z');
    await raj.types('/release extend 30m', room);
    await raj.seesEventually(new RegExp(`REL-${next}`), room);
    await people.sam.seesEventually(/REL-\d+ payments 4\.0\.0: /, 'general');
  });
});

story('reviews', (told) => {
  test('by click, by form, overdue; actions are reminded; what hindered is offered to whoever comes next', async () => {
    const { house, people } = told();
    const { ana, raj } = people;
    const finishes = async (line: string) => {
      const { release, room } = await opens(house, `${line} env:staging`);
      await starts(house, ana, release, room);
      await ana.types('/release done', room);
      await house.until('it to be done', async () => ((await stateOf(house, release)) === 'done' ? true : undefined));
      return release;
    };
    const [first, second, third] = [
      await finishes('web@1 today 10:00 for 30m'),
      await finishes('search@1 today 11:00 for 30m'),
      await finishes('web@2 today 12:00 for 30m'),
    ];
    shift(house, 25 * 60);
    await ana.seesEventually(new RegExp(`How did \\*?REL-${third}`), 'dm');
    await ana.clicks('As planned', 'dm', new RegExp(`REL-${first}\\b`));
    await ana.clicks('Minor issues or failed…', 'dm', new RegExp(`REL-${second}\\b`));
    await ana.modal(/How did/);
    await ana.picks('outcome', 'minor');
    await ana.fills({
      text: { value: 'The index was rebuilt twice.' },
      hindered: { value: 'Nobody knew who owns the index' },
      impact: { value: '7' },
      action1: { value: 'Write down who owns the index' },
      owner1: { selected_user: 'U0RAJ' },
      due1: { selected_date: '2026-11-30' },
    });
    await ana.submits();
    const outcome = async (release: number) =>
      (await house.query<{ outcome: string | null }>('SELECT outcome FROM release WHERE number = $1', [release]))[0]
        ?.outcome;
    await house.until('both reviews', async () =>
      (await outcome(first)) === 'as_planned' && (await outcome(second)) === 'minor' ? true : undefined,
    );
    await raj.seesEventually(/Write down who owns the index/, 'dm');
    shift(house, 48 * 60);
    await ana.seesEventually(/review of REL-\d+ is (overdue|missing)|overdue/i, 'releases');
    await people.sam.types('/release new search@2 tomorrow 10:00 env:staging');
    await people.sam.modal(/Request/);
    await people.sam.closes();
    const next = await books(house, people.sam, 'search@2 tomorrow 10:00 env:staging');
    await people.sam.seesEventually(/Nobody knew who owns the index/);
    expect(next).toBeGreaterThan(third);
    house.moveTo(new Date('2026-11-30T08:01:00Z'));
    await house.until('the reminder', () =>
      people.raj.sees('dm').filter((one) => /Write down who owns the index/.test(one)).length >= 2 ? true : undefined,
    );
    await raj.types('/release actions');
    await raj.seesEventually(/Open actions\* \(\d+, 1 of them yours\)/);
    await raj.types(`/release action REL-${second} done A${second}-1`);
    await raj.seesEventually(/done/i);
    await raj.types('/release actions');
    await raj.seesEventually(/Nothing that a review wanted is open/);
  });

  test('a week after its review a room says that it goes, exports its record, and goes', async () => {
    const { house } = told();
    const [row] = await house.query<{ number: number; room_channel: string; reviewed_at: Date }>(
      'SELECT number, room_channel, reviewed_at FROM release WHERE reviewed_at IS NOT NULL ORDER BY number LIMIT 1',
    );
    house.moveTo(new Date(Number(row?.reviewed_at) + (6 * 24 * 60 + 1) * 60_000));
    const name = house.sandbox.world.state.channels[row?.room_channel ?? '']?.name ?? '';
    await house.until('the notice', () =>
      house.messages(name).some((one) => /archived/i.test(one.text)) ? true : undefined,
    );
    shift(house, 24 * 60 + 1);
    const channel = house.sandbox.world.state.channels[row?.room_channel ?? ''];
    await house.until('the room to be archived', () => (channel?.is_archived ? true : undefined));
    const shared = Object.values(house.sandbox.world.state.files).filter((file) =>
      file.shares.some((one) => one.channel === channel?.id),
    );
    expect(shared.map((file) => file.name.replace(/-[0-9a-f]{8}\./, '.')).sort()).toEqual([
      `rel-${row?.number}-record.html`,
      `rel-${row?.number}-record.json`,
    ]);
  });

  test('opened again, an archived room gets a new channel: apps may not unarchive, and that is said', async () => {
    const { house, people } = told();
    const [row] = await house.query<{ number: number }>(
      'SELECT number FROM release WHERE archived_at IS NOT NULL ORDER BY number LIMIT 1',
    );
    await people.ana.types(`/release room open REL-${row?.number}`);
    const again = await house.channelEventually(new RegExp(`^rel-${row?.number}-.*-2$`));
    await people.ana.seesEventually(/Slack does not let me open the archived channel again/, again.name);
    await house.until('its header', () => (again.pins.length === 1 ? true : undefined));
  });

  test('where Slack forbids archiving it is said once, and the room stays', async () => {
    const { house, people } = told();
    house.sandbox.world.state.policy.archiving = 'admins';
    const [row] = await house.query<{ number: number; room_channel: string }>(
      "SELECT number, room_channel FROM release WHERE state = 'done' AND reviewed_at IS NULL",
    );
    await people.ana.clicks('As planned', 'dm', new RegExp(`REL-${row?.number}\\b`));
    const channel = house.sandbox.world.state.channels[row?.room_channel ?? ''];
    const said = () =>
      house.messages(channel?.name ?? '').filter((one) => /Slack does not let me archive this channel/.test(one.text));
    for (let day = 0; day < 20 && said().length === 0; day++) {
      shift(house, 24 * 60);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    await house.until('it to be said', () => (said().length > 0 ? true : undefined));
    shift(house, 10 * 24 * 60);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(said()).toHaveLength(1);
    expect(channel?.is_archived).toBe(false);
  });
});

story('a group of 130 people on call', (told) => {
  test('a hundred are invited at a time, and nobody is left out', async () => {
    const { house, people } = told();
    const { world } = house.sandbox;
    const ana = world.state.users.U0ANA as NonNullable<(typeof world.state.users)[string]>;
    const many = Array.from({ length: 130 }, (_, index) => `U1X${String(index).padStart(4, '0')}`);
    for (const id of many) world.state.users[id] = { ...ana, id, name: id.toLowerCase() };
    const group = world.state.usergroups.S0SREONCALL;
    if (!group) throw new Error('there is nobody on call');
    group.users = many;
    const before = world.calls.length;
    const { room } = await opens(house, 'payments@6.0.0 today 10:00 for 60m env:staging');
    const channel = house.channel(room);
    await house.until('everybody', () => (many.every((id) => channel?.members.includes(id)) ? true : undefined));
    const invites = world.calls.slice(before).filter((one) => one.method === 'conversations.invite');
    expect(invites.map((one) => one.error)).toEqual([null, null]);
    await people.ana.seesEventually(/Approved – /, room);
  });
});
