import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionList } from '../../blocks/pir.ts';
import {
  briefing,
  canaryAnswer,
  catchUp,
  checklist,
  handoverForm,
  knownErrorList,
  logLines,
  offerAsk,
  type RoomProps,
  reasonForm,
  rollbackForm,
  roomHeader,
  roomName,
  roomPurpose,
  roomTopic,
  statusAnswer,
  statusForm,
  update,
} from '../../blocks/room.ts';
import type { ReleaseProps } from '../../blocks/summary.ts';
import { checkBlocks, checkView } from '../../sandbox/server/blocks.ts';
import { nameProblem } from '../../sandbox/server/channel.ts';
import type { World } from '../../sandbox/server/world.ts';
import type { StoredEvent } from '../../src/domain/event.ts';
import { pieces, placeholders, unknownPlaceholder } from '../../src/domain/protocol.ts';
import { releaseStates } from '../../src/domain/release.ts';
import { stepStates } from '../../src/domain/step.ts';
import { releaseWith, roomProps, stepProps } from '../support/props.ts';
import { hostile, parsedText } from '../support/views.ts';

const now = new Date('2026-11-24T13:20:00Z');

const release = (state: ReleaseProps['state'], words: string, change: Partial<ReleaseProps> = {}): ReleaseProps => ({
  ...releaseWith(state, words),
  ...change,
});

/** Steps in every state and of every kind, and more of them than a message has room for. */
function everyStep(words: string) {
  const voice = (name: string) => ({ name, source: { kind: 'people' as const, ids: ['U0KIM'] } });
  const kinds = [
    {},
    { kind: 'webhook' as const, webhook: { url: 'https://ci.example.com/x', timeout_minutes: 10, auto: true } },
    { kind: 'canary' as const, soakMinutes: 30, expose: '5 %', until: now },
    {
      kind: 'poll' as const,
      voices: [voice('sre'), voice(words.slice(0, 40) || 'x'), voice('author U0KIM')],
      said: [{ voice: 'sre', choice: 'nogo' as const, person: 'U0KIM', reason: words.slice(0, 500), at: now }],
    },
  ];
  return stepStates.flatMap((state, row) =>
    kinds.map((kind, column) =>
      stepProps(String(row * kinds.length + column + 1), words, {
        ...kind,
        state,
        note: words.slice(0, 1000),
        claimedBy: 'U0RAJ',
        endedAt: now,
        attempt: 2,
        ownerName: words.slice(0, 40),
        dueAt: now,
      }),
    ),
  );
}

const ofStep = { release: 142, step: '3', title: hostile.slice(0, 150), attempt: 1 };
const lines: StoredEvent['body'][] = [
  { type: 'role.missing', release: 142, role: 'lead', expected: 'U0RAJ' },
  { type: 'status.asked', release: 142, of: 'U0RAJ', nextAt: now.toISOString() },
  { type: 'slot.ending', release: 142, endsAt: now.toISOString(), next: null },
  { type: 'room.archiving', release: 142, at: now.toISOString() },
  { type: 'step.soaked', ...ofStep },
  { type: 'step.failed', ...ofStep, person: null, note: hostile.slice(0, 1000) },
  { type: 'note.added', release: 142, note: 'n', text: hostile.slice(0, 3000) },
];
const event = (body: StoredEvent['body']): StoredEvent => ({
  id: 'e1',
  workspace: 'T1',
  at: now,
  actor: { kind: 'person', id: 'U0KIM' },
  command: 'c1',
  body,
});

describe.each(['Add SEPA instant payouts', hostile, '', '漢字 🚀 עברית'])('a war room that says %#', (words) => {
  test.each(releaseStates)('%s stays within the limits of Slack and mentions nobody by itself', (state) => {
    const rooms: RoomProps[] = [
      roomProps(release(state, words), words, everyStep(words), now),
      roomProps(release(state, words, { room: 'closed', barred: ['create'] }), words, [], now),
      {
        ...roomProps(release(state, words), words, [], now),
        holders: {},
        offers: [],
        exposures: [],
        canary: [],
        kept: 0,
        incidents: [],
        knownErrors: [],
        before: [{ service: 'payments', version: null }],
      },
    ];
    for (const room of rooms) {
      const taken = {
        type: 'role.taken',
        release: 142,
        role: 'lead',
        person: 'U0LEE',
        from: 'U0RAJ',
        offer: null,
      } as const;
      const views = [
        roomHeader(room),
        checklist(room),
        statusAnswer(room),
        catchUp(room),
        canaryAnswer(room, 'https://example.com/canary/1/secret'),
        canaryAnswer(room, undefined),
        briefing(event(taken) as StoredEvent<'role.taken'>, 'U0LEE', room),
        briefing(event(taken) as StoredEvent<'role.taken'>, 'U0RAJ', room),
        update(
          event(lines.at(-1) as StoredEvent['body']),
          room,
          pieces(placeholders.map((one) => `{${one}}`).join(' ')),
        ),
        ...room.offers.flatMap((offer) =>
          ['offered', 'accepted', 'declined'].map((now) => offerAsk({ ...offer, state: now }, room.release)),
        ),
        ...lines.map((body) => logLines([event(body)], room.release)),
        logLines(
          lines.map((body, index) => ({ ...event(body), id: `e${index}` })),
          room.release,
        ),
        knownErrorList(
          [
            {
              key: 'KE-142-1',
              services: ['payments'],
              title: words.slice(0, 200),
              workaround: words.slice(0, 1000),
              at: now,
            },
          ],
          'UTC',
        ),
        knownErrorList([], 'UTC'),
        actionList(
          [1, 2].map((number) => ({
            key: `A142-${number}`,
            release: 142,
            text: words.slice(0, 300),
            owner: `U${number}`,
            due: `2026-12-0${number}`,
          })),
          { reader: 'U2', today: '2026-12-02', command: '/release' },
        ),
        actionList([], { reader: 'U2', today: '2026-12-02', command: '/release' }),
      ];
      for (const view of views) {
        expect(checkBlocks(view.blocks, 'message')).toEqual([]);
        expect(view.text.trim()).not.toBe('');
        expect(view.text + parsedText(view.blocks)).not.toMatch(/<!(channel|here|everyone)|<https:\/\/evil/);
      }
      const about = { release: 142, step: '3', attempt: 1 };
      const forms = [
        rollbackForm(room),
        handoverForm(room),
        statusForm(142),
        ...(['fail', 'skip', 'nogo'] as const).map((what) => reasonForm({ ...about, do: what }, words)),
      ];
      for (const form of forms) expect(checkView(form)).toEqual([]);
      expect(roomTopic(room.release).length).toBeLessThanOrEqual(250);
      expect(roomPurpose(room.release).length).toBeLessThanOrEqual(250);
    }
  });
});

test('a runbook of sixty steps stays one message, with what is at hand in it', () => {
  const steps = Array.from({ length: 60 }, (_, index) =>
    stepProps(String(index + 1), `Step number ${index + 1}`, {
      group: '',
      state: index < 40 ? 'done' : 'open',
      needs: index === 0 ? [] : [String(index)],
    }),
  );
  const view = checklist(roomProps(release('deploying', 'x'), 'x', steps, now));
  const text = parsedText(view.blocks);
  expect(checkBlocks(view.blocks, 'message')).toEqual([]);
  expect(text).toContain('40/60');
  expect(text).toContain('Step number 41');
  expect(text).toMatch(/✅ 1–\d+ are over/);
  expect(text).toMatch(/… \d+–60 to come/);
  expect(view.text).toContain('40 of 60 done, now 41');
});

test('the name of a room is one that Slack takes, whatever a service is called in whatever script', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.constantFrom(
      'payments',
      'Zahlungen Größe',
      '漢字',
      'עברית',
      'Ünïcode_x.y',
      '--',
      'İstanbul',
      'ﬁ-ligature',
      '①②③',
      '𝔭𝔞𝔶',
    ),
  );
  const units = fc.array(fc.record({ service: anything, version: fc.constant('1') }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_999_999 }), units, (number, named) => {
      const name = roomName({ number, units: named });
      expect(name).toMatch(/^rel-\d+(-[a-z0-9]+)*$/);
      // Room for "-2" when it is taken.
      expect(`${name}-19`.length).toBeLessThanOrEqual(80);
      expect(nameProblem({ state: { channels: {} } } as World, name)).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});

test('a template keeps every word, fills every placeholder and knows a strange one', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...placeholders.map((one) => `{${one}}`)), fc.string())), (parts) => {
      const template = parts.join('');
      const back = pieces(template).map((part) => (typeof part === 'string' ? part : `{${part.placeholder}}`));
      expect(back.join('')).toBe(template);
    }),
  );
  expect(unknownPlaceholder('{release} is {sate}')).toBe('sate');
});
