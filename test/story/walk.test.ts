import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { textOf } from '../../sandbox/driver.ts';
import { type House, type HouseOptions, openHouse } from '../support/house.ts';

const ways: readonly HouseOptions[] = [
  { mode: 'socket', queue: 'postgres' },
  { mode: 'http', queue: 'postgres' },
  { mode: 'socket', queue: 'redis' },
  { mode: 'http', queue: 'redis' },
];

describe.each(ways)('one release from request to digest ($mode, $queue)', (way) => {
  describe.skipIf(way.queue === 'redis' && inject('redisUrl') === '')('the walk', () => {
    let house: House;
    beforeAll(async () => {
      // Ben is at his desk by then, and is asked at once.
      house = await openHouse({ ...way, at: '2026-11-23T10:00:00Z' });
    });
    afterAll(async () => {
      if (process.env.SHOW_LOGS) process.stdout.write(house?.logs() ?? '');
      await house?.close();
    });

    test('is requested in a form that comes filled in, and its card appears', async () => {
      const ana = house.person('ana');
      await ana.types('/release new payments@2.14.0 tomorrow 14:00 for 45m');
      const form = await ana.modal(/Request a release/);
      expect(form.values.version?.value).toMatchObject({ value: '2.14.0' });
      expect(form.values.service?.['service.options.v1']).toMatchObject({ selected_option: { value: 'payments' } });
      expect(form.values.minutes?.value).toMatchObject({ selected_option: { value: '45' } });
      expect(new Date(Number(form.values.when?.value?.selected_date_time) * 1000).getUTCMinutes()).toBe(0);
      expect(await ana.searches('service', 'pay')).toEqual([expect.objectContaining({ value: 'payments' })]);
      await ana.fills({
        summary: { value: 'Add SEPA instant payouts <!channel> & more' },
        rollback: { value: 'redeploy 2.13.4' },
      });
      await ana.submits();
      expect(ana.modalNow()).toBeUndefined();
      const card = await ana.seesEventually(/REL-1 · payments 2\.14\.0 → production/);
      expect(card).toContain('In review');
      expect(card).toContain('&lt;!channel&gt; &amp; more');
      await ana.seesEventually(/Approval 0 of 2/);
    });

    test('refuses a second release in its slot and offers the next free time as a button', async () => {
      const raj = house.person('raj');
      await raj.types('/release new payments@2.15.0 tomorrow 14:00 for 45m');
      await raj.modal();
      const [held] = await house.query<{ starts_at: Date; ends_at: Date }>(
        'SELECT starts_at, ends_at FROM release WHERE number = 1',
      );
      await raj.fills({ summary: { value: 'Next' }, when: { selected_date_time: Number(held?.starts_at) / 1000 } });
      await raj.submits();
      const again = await raj.modal();
      expect(textOf(again.blocks)).toMatch(/payments is taken in production .* by \*REL-1\* payments 2\.14\.0/);
      expect(again.values.version?.value).toMatchObject({ value: '2.15.0' });
      await raj.clicks(/^Book /, 'modal');
      await raj.reads(/requested REL-\d+/);
      const [second] = await house.query<{ starts_at: Date }>(
        "SELECT starts_at FROM release WHERE requester = 'U0RAJ'",
      );
      expect(second?.starts_at).toEqual(held?.ends_at);
      await raj.closes();
    });

    test('is voted on: live tally, not by its requester, once only, and the verdict comes once', async () => {
      const [ana, ben, kim] = [house.person('ana'), house.person('ben'), house.person('kim')];
      await ana.types('/release review REL-1');
      await ana.reads(/You asked for REL-1, so you can't approve it/);
      await ana.closes();

      await ben.seesEventually(/needs a decision for SRE/, 'dm');
      await ben.clicks('Review', 'dm', /REL-1\b/);
      await ben.modal(/Review REL-1/);
      await ben.picks('decision', 'approve');
      await ben.submits();
      await ben.seesEventually(/Approval 1 of 2/);

      await kim.types('/release review REL-1');
      const review = await kim.modal(/Review REL-1/);
      expect(textOf(review.blocks)).toContain('You approve payments 2.14.0 in production');
      await kim.picks('decision', 'approve');
      await kim.fills({
        comment: { value: 'checked the runbook' },
        follow: { selected_options: [{ text: { type: 'plain_text', text: 'x' }, value: 'follow' }] },
      });
      const [first, second] = await Promise.all([kim.submits(), kim.submits()]);
      expect([first.status, second.status]).toEqual(['ok', 'ok']);
      await ana.seesEventually(/REL-1 is approved: every gate is met/, 'dm');
      await ana.seesEventually(/✅ Approved · normal change/);
      const verdicts = await house.query("SELECT 1 FROM event WHERE type = 'release.approved' AND release = 1");
      expect(verdicts).toHaveLength(1);
      expect(await house.query('SELECT 1 FROM vote WHERE release = 1')).toHaveLength(2);

      await ben.types('/release review REL-1');
      await ben.reads(/Voting on REL-1 is closed/);
      await ben.closes();
    });

    test('is deployed in its war room, and the card follows', async () => {
      const [ana, rae] = [house.person('ana'), house.person('rae')];
      await ana.types('/release start REL-1');
      await ana.seesEventually(/The slot of REL-1 opens/);
      const [release] = await house.query<{ starts_at: Date }>('SELECT starts_at FROM release WHERE number = 1');
      house.moveTo(new Date(Number(release?.starts_at) - 20 * 60_000));
      const room = await house.channelEventually(/^rel-1-payments$/);
      await ana.seesEventually(/Decisions are recorded/, 'rel-1-payments');
      await house.until('the room to be furnished', () =>
        room.members.length >= 3 && room.pins.length === 1 && /Approved – REL-1/.test(room.topic) ? true : undefined,
      );
      expect(room.members).toEqual(expect.arrayContaining(['U0MAITRED', 'U0ANA', 'U0KIM']));

      house.moveTo(new Date(Number(release?.starts_at) + 60_000));
      await house.until('the slot to open', async () => {
        await ana.types('/release start', 'rel-1-payments');
        const [now] = await house.query<{ state: string }>('SELECT state FROM release WHERE number = 1');
        return now?.state === 'deploying' ? true : undefined;
      });
      await ana.seesEventually(/U0ANA> started REL-1/, 'rel-1-payments');
      await ana.types('/release note canary looks healthy', 'rel-1-payments');
      await ana.seesEventually(/📝 <@U0ANA>: canary looks healthy/, 'rel-1-payments');
      await house.person('ben').clicks('Done', 'rel-1-payments');
      await house.person('ben').seesEventually(/Only its lead <@U0ANA>/, 'rel-1-payments');
      await rae.types('/release verify REL-1');
      await ana.seesEventually(/🔍 Verifying · normal change/);
      await ana.types('@maitred done REL-1', 'releases');
      await ana.seesEventually(/🏁 Done · normal change/);
      await ana.seesEventually(/finished REL-1/, 'rel-1-payments');
      await house.until('the topic to follow', () => (/Done – REL-1/.test(room.topic) ? true : undefined));
      expect(room.pins).toHaveLength(1);
    });

    test('is rolled back by anybody, at any time', async () => {
      const sam = house.person('sam');
      await sam.types('/release rollback REL-1 error rate above the limit');
      await sam.seesEventually(/↩️ Rolled back · normal change/);
      await sam.seesEventually(/↩️ <@U0SAM> rolled back REL-1: “error rate above the limit”/, 'rel-1-payments');
    });

    test('is in the digest, at its time, once', async () => {
      const [ana, sam] = [house.person('ana'), house.person('sam')];
      await ana.types('/release digest preview');
      await ana.seesEventually(/Releases – \w{3} \d/);
      await sam.types('/release digest here 23:58 UTC daily', 'general');
      await sam.seesEventually(/asked for a digest in <#C0GENERAL>/, 'general');
      const [timer] = await house.query<{ due_at: Date }>("SELECT due_at FROM timer WHERE key = 'digest:C0GENERAL'");
      house.moveTo(new Date(Number(timer?.due_at) + 1_000));
      await house.until('the digest', () =>
        house.messages('general').some((message) => /^Releases – /.test(message.text)) ? true : undefined,
      );
      expect(house.messages('general').filter((message) => /^Releases – /.test(message.text))).toHaveLength(1);
    });

    test('answers questions, typos and nonsense', async () => {
      const mia = house.person('mia');
      const asks = async (line: string, answer: RegExp) => {
        await mia.types(line, 'general');
        await mia.seesEventually(answer, 'general');
      };
      await asks('/release', /Request a release/);
      await asks('/release help', /Request a release|Approve/);
      await asks('/release help book', /requests a release without the form/);
      await asks('/release list svc:payments', /REL-2|Nothing to show/);
      await asks('/release show REL-1', /What happened/);
      await asks('/release why REL-1', /asks for \(because: environment production\)/);
      await asks('/release lsit', /Did you mean `\/release list`/);
      await asks('/release xyzzy', /I don't know `xyzzy`/);
      await asks('/release show REL-999', /I don't know a release `REL-999`/);
      await asks('/release book payments@3 friday', /has no time of day/);
      await asks('/release book paymnts@3 tomorrow 16:00', /Did you mean `payments`/);
      await asks('/release book web@88 search@5.2 tomorrow 10:00 for 30m "Spring look" --yes', /web 88 \+ search 5\.2/);
      await asks('/release cancel not now', /cancelled REL-\d+: “not now”/);
    });

    test('leaves no trace of misbehaviour', async () => {
      expect(house.logs()).not.toMatch(/"level":(50|60)/);
      expect(house.logs()).not.toContain(house.sandbox.world.tokens.bot);
    });
  });
});
