import { describe, expect, test } from 'vitest';
import { bookingCard, bookingList } from '../../blocks/booking.ts';
import { type CalendarDay, calendar, week } from '../../blocks/calendar.ts';
import { conflictWords } from '../../blocks/conflict.ts';
import { freezeCard, freezeList, freezePreview, touched } from '../../blocks/freeze.ts';
import { freezeForm } from '../../blocks/freeze-form.ts';
import { mrkdwn, type View } from '../../blocks/kit.ts';
import { receipt } from '../../blocks/notice.ts';
import { refusal } from '../../blocks/refusal.ts';
import { freeTimes } from '../../blocks/request.ts';
import { say } from '../../blocks/sentence.ts';
import { confirmation, slots } from '../../blocks/slot.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { swapAsk } from '../../blocks/swap.ts';
import { board, trainList } from '../../blocks/train.ts';
import { lineList, lineOffer } from '../../blocks/waiting-line.ts';
import { windowList } from '../../blocks/window.ts';
import { checkBlocks, checkView } from '../../sandbox/server/blocks.ts';
import type { Conflict, Freeze, Train, Window } from '../../src/domain/calendar.ts';
import type { EventBody, StoredEvent } from '../../src/domain/event.ts';
import type { RequestInput } from '../../src/domain/request.ts';
import { instantAt } from '../../src/domain/time.ts';
import type { Waiting } from '../../src/domain/waiting-line.ts';
import { approvalProps } from '../support/props.ts';
import { parsedText } from '../support/views.ts';

const hostile = `<!channel> *bold* \`tick\` <https://evil.example|Approve> & "quotes" \u202e ${'x'.repeat(700)}`;
const now = new Date('2026-11-24T12:00:00Z');
const zone = 'Europe/Berlin';
const times = { startsAt: new Date('2026-11-24T13:00:00Z'), endsAt: new Date('2026-11-24T13:45:00Z') };
const iso = { startsAt: times.startsAt.toISOString(), endsAt: times.endsAt.toISOString() };
const scope = { environments: ['production'], services: [], tags: ['pci'], teams: [] };
const recurrence = { date: '2026-11-24', at: '14:00', minutes: 45, rule: 'FREQ=WEEKLY;BYDAY=TU' };

/** Every reason there is, with words of people wherever there are any. */
const conflicts = (words: string): Conflict[] => [
  {
    code: 'service_busy',
    level: 'hard',
    service: 'payments',
    environment: 'production',
    holder: 'REL-1',
    label: words,
    ...iso,
  },
  { code: 'environment_busy', level: 'hard', environment: 'uat', holder: 'ENV-2', label: words, ...iso },
  { code: 'environment_busy', level: 'hard', environment: 'uat', holder: 'line:abc', label: words, ...iso },
  { code: 'window_full', level: 'hard', window: words, capacity: 1, ...iso },
  {
    code: 'outside_windows',
    level: 'hard',
    service: 'payments',
    environment: 'production',
    windows: [words, 'Nights'],
  },
  { code: 'short_notice', level: 'hard', window: words, minutes: 120 },
  { code: 'window_length', level: 'hard', window: words, min: 15, max: 60 },
  { code: 'not_your_window', level: 'hard', window: words, teams: [words] },
  { code: 'freeze', level: 'hard', freeze: 'bf', name: words, message: words, ...iso },
  { code: 'freeze', level: 'warn', freeze: 'bf', name: words, message: '', ...iso },
  {
    code: 'dependency_busy',
    level: 'warn',
    service: 'ledger',
    direction: 'upstream',
    release: 3,
    label: words,
    ...iso,
  },
  { code: 'dependency_open', level: 'hard', release: 3, label: words, state: 'approved', endsAt: iso.endsAt },
  { code: 'lead_busy', level: 'warn', lead: 'U0ANA', release: 4, label: words, ...iso },
  { code: 'peak_hours', level: 'warn', region: 'eu', zone, from: '12:00', to: '13:00' },
];

function release(words: string): ReleaseProps {
  return {
    number: 142,
    state: 'approved',
    units: [{ service: 'payments', version: words.slice(0, 60) }],
    environment: 'production',
    changeType: 'normal',
    policy: 'production',
    summary: words,
    rollbackPlan: '',
    requester: 'U0ANA',
    lead: 'U0RAJ',
    ...times,
    channel: 'C0RELEASES',
    revision: 1,
    dependsOn: [139],
    train: { key: 'weekly', date: '2026-11-24' },
    hasSlot: true,
    sequence: 0,
    warnings: conflicts(words),
    requestedAt: now,
    changedAt: now,
    startedAt: undefined,
    reason: '',
    gates: [],
    notes: [],
    room: 'none',
    roomChannel: undefined,
    zone,
    ...approvalProps(words, now),
  };
}

/** One of every event of the calendar. */
const events = (words: string): EventBody[] => {
  const freeze: Freeze = {
    key: 'bf',
    name: words.slice(0, 80) || 'x',
    level: 'hard',
    scope,
    exempt: [],
    message: words.slice(0, 500),
    recurrence,
    zone,
    owners: null,
  };
  const lane = { environment: 'production', exclusive: false, services: ['payments'], label: words, ...iso };
  const window: Window = {
    key: 'w',
    name: words.slice(0, 80) || 'x',
    scope,
    recurrence,
    zone,
    capacity: 2,
    minMinutes: 15,
    maxMinutes: 60,
    noticeMinutes: 60,
    bookers: [words],
    exempt: [],
  };
  const change = { date: '2026-11-24', cancelled: false, at: '10:00', minutes: 30, capacity: 1 };
  const swap = { swap: 's', release: 1, other: 2 };
  const series = { series: 's', owner: 'U0ANA', startsAt: iso.startsAt, nextAt: null };
  return [
    {
      type: 'release.moved',
      release: 142,
      roomMinutes: 30,
      why: 'moved',
      ...lane,
      before: { ...iso, train: null, dependsOn: [] },
      seats: [],
      dependsOn: [],
      train: null,
      warnings: conflicts(words),
      revision: 2,
      from: 1,
      kept: [],
      reopened: [words],
      state: 'requested',
      asked: [],
      gates: null,
      policy: null,
      because: null,
      problems: [],
      managers: [],
      guards: null,
      criteria: null,
      risk: null,
      advice: [],
      plan: [],
      hash: '',
    },
    { type: 'release.reinstated', release: 142, ...lane, seats: [], state: 'approved' },
    {
      type: 'release.left_behind',
      release: 142,
      train: words,
      date: '2026-11-24',
      next: '2026-12-01',
      nextStartsAt: iso.startsAt,
    },
    { type: 'release.kept', release: 142, freeze: words },
    { type: 'window.set', window, source: 'slack', outside: [{ release: 1, owner: 'U0ANA' }], seats: [] },
    { type: 'window.changed', window: words, change, outside: [] },
    { type: 'window.dropped', window: words, outside: [] },
    {
      type: 'freeze.added',
      freeze,
      source: 'slack',
      channel: null,
      touched: [{ release: 142, owner: 'U0ANA' }],
      nextAt: null,
    },
    {
      type: 'freeze.near',
      freeze: words,
      name: words,
      date: '2026-11-24',
      startsAt: iso.startsAt,
      touched: [],
      nextAt: null,
    },
    { type: 'freeze.lifted', freeze: words, name: words, date: null, reason: words },
    { type: 'line.joined', line: 'l', person: 'U0ANA', request: {}, environment: words, ...iso },
    { type: 'line.offered', line: 'l', until: iso.endsAt, seats: [], ...lane },
    { type: 'line.taken', line: 'l' },
    { type: 'line.left', line: 'l' },
    { type: 'line.lapsed', line: 'l' },
    { type: 'swap.proposed', ...swap, revision: 1, otherRevision: 1, until: iso.startsAt },
    { type: 'swap.accepted', ...swap },
    { type: 'swap.declined', ...swap, lapsed: false },
    { type: 'train.scheduled', train: words, nextAt: null },
    {
      type: 'train.closed',
      train: words,
      date: '2026-11-24',
      startsAt: iso.startsAt,
      aboard: [1],
      left: [2],
      nextAt: null,
    },
    {
      type: 'booking.made',
      booking: 7,
      environment: words,
      services: [],
      person: 'U0ANA',
      purpose: words,
      ...iso,
      channel: null,
    },
    { type: 'booking.ended', booking: 7 },
    { type: 'series.set', ...series, source: 142, recurrence, zone, request: {} },
    { type: 'series.ran', ...series, date: '2026-11-24', requested: null, problem: 'conflict' },
    { type: 'series.stopped', series: 's' },
    { type: 'feed.opened', feed: 'f', kind: 'team', name: words, owner: 'U0ANA', tokenHash: 'a'.repeat(64) },
    { type: 'feed.closed', feed: 'f' },
  ];
};

describe.each(['Add SEPA instant payouts', hostile, '', '漢字 🚀 עברית'])(
  'views of a calendar that says %#',
  (words) => {
    const props = release(words);
    const offer = { ...times, warnings: conflicts(words), seats: [], decidable: false };
    const planned = { skips: [], lifted: false, source: 'slack' as const };
    const freeze: Freeze = {
      key: 'bf',
      name: words.slice(0, 80),
      level: 'hard',
      scope,
      exempt: ['emergency'],
      owners: null,
      message: words.slice(0, 500),
      recurrence,
      zone,
    };
    const occurrence = { date: '2026-11-24', ...times };
    const frozen = { freeze: { ...freeze, ...planned }, times: [occurrence, occurrence], author: 'U0RAE', zone };
    const request = {
      units: [{ service: 'payments', version: words.slice(0, 60) }],
      environment: 'production',
    } as unknown as RequestInput;
    const waiting = (state: Waiting['state']): Waiting => ({ id: 'l', person: 'U0ANA', state, request, ...times });
    const train: Train = {
      key: 'weekly',
      name: words.slice(0, 80),
      environment: 'production',
      scope,
      recurrence,
      zone,
      cutoffMinutes: 60,
      capacity: 4,
      channel: null,
    };
    const departure = {
      train,
      departure: { ...occurrence, cutoffAt: now },
      passengers: Array.from({ length: 30 }, () => props),
      left: [9],
      closed: false,
    };
    const booking = {
      number: 7,
      environment: 'uat',
      services: ['payments'],
      person: 'U0ANA',
      purpose: words,
      ...times,
      state: 'made',
      zone,
    };
    const day = (date: string): CalendarDay => ({
      date,
      startsAt: instantAt(date, '00:00', zone),
      endsAt: new Date(instantAt(date, '00:00', zone).getTime() + 86_400_000),
      releases: Array.from({ length: 60 }, () => props),
      marks: (['freeze', 'booking', 'train'] as const).map((kind) => ({ kind, label: words, ...times })),
      open: [times],
    });
    const days = ['2026-11-23', '2026-11-24', '2026-11-25', '2026-11-26', '2026-11-27', '2026-11-28', '2026-11-29'].map(
      day,
    );
    const window: Window = {
      key: 'w',
      name: words.slice(0, 80) || 'x',
      scope,
      recurrence,
      zone,
      capacity: 2,
      minMinutes: 15,
      maxMinutes: 60,
      noticeMinutes: 60,
      bookers: ['one'],
      exempt: ['emergency'],
    };
    const confirm = {
      what: words,
      typed: words,
      ...times,
      zone,
      now,
      approvers: ['UTC', 'Asia/Kolkata'],
      warnings: conflicts(words),
      notes: [mrkdwn`${words}`],
      draft: 'd',
      yes: 'Book it',
    };

    const views: Record<string, View> = {
      calendar: calendar({ days, span: 'week', filter: words.slice(0, 40), zone, command: '/release' }),
      'calendar of a day': calendar({
        days: days.slice(0, 1),
        span: 'day',
        filter: undefined,
        zone,
        command: '/release',
      }),
      week: { text: 'week', blocks: week(days, zone) },
      slots: slots({
        what: words,
        minutes: 45,
        environment: 'production',
        offers: [offer, offer],
        zone,
        now,
        take: { action: 'slot.take', label: 'Book', value: 'd' },
      }),
      confirmation: confirmation(confirm),
      'free times': freeTimes([offer, offer, offer], zone),
      'refused time': refusal(
        { code: 'conflict', startsAt: iso.startsAt, minutes: 45, hard: conflicts(words), warnings: [] },
        zone,
        { offers: [offer, offer, offer], draft: 'd', canWait: true, canExcept: true, verb: 'Book' },
      ),
      'refused start': refusal({ code: 'cannot_start', release: 142, hard: conflicts(words) }, zone),
      freeze: freezeCard(frozen),
      'lifted freeze': freezeCard({ ...frozen, freeze: { ...frozen.freeze, lifted: true } }),
      'freeze list': freezeList([frozen, frozen], zone),
      'freeze preview': freezePreview({
        freeze: frozen.freeze,
        times: frozen.times,
        touched: [props, props],
        typed: words,
        zone,
        draft: 'd',
      }),
      touched: touched({ ...frozen, release: props, kept: false, isInside: true, next: offer }),
      kept: touched({ ...frozen, release: props, kept: true, isInside: true, next: undefined }),
      windows: windowList([
        { window: { ...window, changes: [], source: 'slack' }, next: [{ ...occurrence, capacity: 2, taken: 1 }] },
      ]),
      board: board(departure),
      'closed board': board({ ...departure, closed: true }),
      trains: trainList([departure]),
      swap: swapAsk({ id: 's', state: 'proposed', proposer: 'U0ANA', mine: props, other: props }),
      swapped: swapAsk({ id: 's', state: 'accepted', proposer: 'U0ANA', mine: props, other: props }),
      offer: lineOffer({ entry: waiting('offered'), until: now, zone }),
      lapsed: lineOffer({ entry: waiting('lapsed'), until: undefined, zone }),
      line: lineList([waiting('waiting')], zone),
      booking: bookingCard(booking),
      bookings: bookingList([booking, booking]),
    };
    test.each(Object.entries(views))(
      '%s stays within the limits of Slack and mentions nobody by itself',
      (_name, view) => {
        expect(checkBlocks(view.blocks, 'message')).toEqual([]);
        expect(view.text.trim()).not.toBe('');
        expect(view.text + parsedText(view.blocks)).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil/);
      },
    );

    test('every event has a sentence that stays in its place, and a receipt', () => {
      for (const body of events(words)) {
        const event: StoredEvent = {
          id: 'e',
          workspace: 'T',
          at: now,
          actor: { kind: 'person', id: 'U0KIM' },
          command: 'c',
          body,
        };
        expect(say(event, zone).mrkdwn).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil|undefined|NaN/);
        expect(checkBlocks(receipt(event, props, zone, { feed: 'http://x/feeds/y.ics' }).blocks, 'message')).toEqual(
          [],
        );
      }
    });

    test('every conflict has its words', () => {
      const said = conflicts(words).map((one) => conflictWords(one, zone).mrkdwn);
      for (const text of said) expect(text).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil|undefined|NaN/);
      expect(new Set(said).size).toBe(said.length);
    });
  },
);

test('the freeze form is what Slack takes', () => {
  expect(checkView(freezeForm({ channel: 'C1', zone }))).toEqual([]);
});

test('bars stand where the hours are, also on a day that is an hour longer', () => {
  const startsAt = instantAt('2026-10-25', '00:00', zone);
  const long: CalendarDay = {
    date: '2026-10-25',
    startsAt,
    endsAt: instantAt('2026-10-26', '00:00', zone),
    releases: [
      { ...release('x'), startsAt: new Date('2026-10-25T13:00:00Z'), endsAt: new Date('2026-10-25T14:00:00Z') },
    ],
    marks: [],
    open: [],
  };
  expect(Number(long.endsAt) - Number(long.startsAt)).toBe(25 * 3_600_000);
  const view = calendar({ days: [long], span: 'day', filter: undefined, zone, command: '/release' });
  const [, picture = ''] = /```\n([\s\S]*?)\n```/.exec(JSON.stringify(view.blocks).replaceAll('\\n', '\n')) ?? [];
  const [scale = '', bar = ''] = picture.split('\n');
  // 13:00 UTC is 14:00 in Berlin, after the change.
  expect(scale.slice(bar.indexOf('█'), bar.indexOf('█') + 2)).toBe('14');
  expect(bar.match(/█+/)?.[0]).toBe('██');
});
