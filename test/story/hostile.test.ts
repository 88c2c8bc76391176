import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { cast, stateOf } from '../support/story.ts';
import { parsedText } from '../support/views.ts';

/*
 * Somebody writes the worst into every field there is, by lines and by forms, through a whole life of a release. Slack
 * takes every view, nobody is called by it, no link hides in it, and nothing breaks.
 */
const worst =
  '<!channel> <!here> <@U0KIM|kim> *b* `t` <https://evil.example|Approve> <script>alert(1)</script> & \u202eevil\u202c \u2066x\u2069 a\0b \x1b[31m \ud800';
const long = `${worst} ${'long words '.repeat(1_000)}`;
/** Control characters, and those that turn the reading order. */
const unseen = /[^\P{Cc}\n\r\t]|[\u202a-\u202e\u2066-\u2069]/u;
let house: House;
beforeAll(async () => {
  // Plain text, such as a label, is shown as it is: what Slack parses is looked at below. How fast it goes is told elsewhere.
  house = await openHouse({ tolerates: ['broadcast_mention', 'late_ack', 'no_ack'] });
});
afterAll(() => house?.close());

test('every field', { timeout: 300_000 }, async () => {
  const { ana, ben, kim, rae, raj } = cast(house);
  const types = async (person: typeof ana, line: string) => {
    const ack = await person.types(line);
    expect([line.slice(0, 60), ack.status]).toEqual([line.slice(0, 60), 'ok']);
  };
  const fills = async (
    person: typeof ana,
    title: RegExp,
    fill: Record<string, string>,
    picks: Record<string, string> = {},
  ) => {
    await person.modal(title);
    await person.fills(Object.fromEntries(Object.entries(fill).map(([block, value]) => [block, { value }])));
    for (const [block, value] of Object.entries(picks)) await person.picks(block, value);
    await person.submits();
    if (person.modalNow()) await person.closes();
  };
  const cut = (most: number) => long.slice(0, most);

  // Asked for by a form, with everything it has.
  await types(ana, `/release new payments@1.0.0 2026-11-23 10:00`);
  await fills(ana, /Request/, { summary: cut(2_900), rollback: cut(2_900) });
  const number = await house.until('the release', async () => {
    const [row] = await house.query<{ number: number }>('SELECT max(number) AS number FROM release');
    return row?.number ?? undefined;
  });
  const rel = `REL-${number}`;
  for (const line of [
    `comment ${rel} ${long}`,
    `note ${rel} ${long}`,
    `book web@2 2026-12-01 10:00 "${worst}" --yes`,
    `book web@${worst.replace(/\s/g, '')} 2026-12-02 10:00 --yes`,
    `reserve staging 2026-12-03 10:00 for 2h "${worst}" --yes`,
    `incident INC-1 ${long}`,
    `experiment add "${worst}" metric:change_fail_rate target:<5% until:2026-12-15 team:payments`,
    `${worst}`,
    `list ${worst}`,
    `slots ${worst}`,
    `subscribe svc:${worst.replace(/\s/g, '')}`,
    `unbooked web@9 production 2026-11-22 14:00`,
    'digest here 09:30',
    'subscribe svc:payments votes steps notes',
  ])
    await types(ana, `/release ${line}`);
  await types(rae, `/freeze add "${worst}" 2026-12-24 00:00 to 2026-12-26 00:00 env:production --yes`);
  await types(rae, `/release override ${rel} gate:SRE <@U0NOA|noa> ${long}`);
  await types(rae, `/release window set "${worst}" mon-fri 09:00-17:00 env:staging cap:4`);

  // Decided with words.
  await types(ben, `/release review ${rel}`);
  await fills(ben, /Review/, { comment: cut(490), unblock: cut(490) }, { decision: 'block' });
  await types(ben, `/release review ${rel}`);
  await fills(ben, /Review/, { comment: cut(490) }, { decision: 'approve' });
  await types(kim, `/release review ${rel}`);
  await fills(kim, /Review/, { comment: cut(490) }, { decision: 'approve' });
  await house.until('the verdict', async () => ((await stateOf(house, number)) === 'approved' ? true : undefined));

  // Deployed with words.
  house.moveTo(new Date('2026-11-23T09:01:00Z'));
  // The app hears of another time a moment later.
  await house.until('the start', async () => {
    await types(ana, `/release start ${rel}`);
    return (await stateOf(house, number)) === 'deploying' ? true : undefined;
  });
  for (const line of [
    `step ${rel} add "${cut(140)}"`,
    `status ${rel} delayed ${long}`,
    `pause ${rel} ${long}`,
    `resume ${rel}`,
    `expose ${rel} ${worst}`,
    `room ${rel} handover comms <@U0RAJ|raj> ${long}`,
    `incident ${rel} INC-2 ${long}`,
    `known ${rel} "${worst}" workaround:"${worst}"`,
    `rollback ${rel} ${long}`,
    `action ${rel} "${worst}" <@U0RAJ|raj> 2026-12-01`,
    `show ${rel}`,
    `why ${rel}`,
    `who ${rel}`,
    `export ${rel}`,
    'list today',
    'calendar week',
    'digest preview',
    'known',
    'experiment list',
    'window list',
    'freeze list',
    'reserve list',
    'exception list',
    'subscriptions',
    'subscriptions sent',
    'report',
    'report record',
    'report --png',
    'unbooked',
    'trust',
  ])
    await types(ana, `/release ${line}`);
  await house.until('it to be rolled back', async () =>
    (await stateOf(house, number)) === 'rolled_back' ? true : undefined,
  );
  await types(ana, `/release pir ${rel}`);
  await fills(
    ana,
    /How did/,
    { text: cut(1_900), helped: cut(900), hindered: cut(900), detected: cut(90), action1: cut(140) },
    { outcome: 'failed' },
  );
  for (const person of [ana, ben, kim, rae, raj]) person.opensHome();
  await types(ana, '/release feed');
  const feed = /\/feeds\/[\w-]+\.ics/.exec(await ana.seesEventually(/feeds\/[\w-]{20,}\.ics/))?.[0];
  const calendar = await (await fetch(`http://127.0.0.1:${house.port()}${feed}`)).text();

  await house.until('everything to be written', async () =>
    (await house.query('SELECT 1 FROM outbox')).length === 0 ? true : undefined,
  );
  expect(await house.query('SELECT key, problem FROM surface WHERE problem IS NOT NULL')).toEqual([]);
  const { world } = house.sandbox;
  // Nothing of it became a fault.
  expect(house.logs().match(/"(?:a request failed|command failed|a form could not be filled)"/g)).toBeNull();

  const shown = [...Object.values(world.state.messages).flat(), ...[...world.ephemerals.values()].flat()].map(
    (message) => ({
      text: message.text,
      blocks: message.blocks,
      isOurs: message.bot_id !== undefined || message.ephemeral_to !== undefined,
    }),
  );
  const ours = shown.filter((one) => one.isOurs);
  expect(ours.length).toBeGreaterThan(40);
  const parsed = [
    ...ours.map((one) => `${one.text}\n${parsedText(one.blocks)}`),
    ...Object.values(world.state.homes).map((home) => parsedText((home as { blocks: unknown }).blocks)),
  ];
  expect(parsed.join('\n')).toContain('&lt;script&gt;');
  for (const text of parsed) {
    expect(text).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil|<script/);
    expect(text).not.toMatch(unseen);
  }
  expect(calendar).not.toMatch(unseen);
  expect(calendar).toMatch(/END:VCALENDAR\s*$/);
  const events = JSON.stringify(await house.query('SELECT body FROM event'));
  expect(events).not.toMatch(/\\u0000|\\u202e|\\ud800/);
});
