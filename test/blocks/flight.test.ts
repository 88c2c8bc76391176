import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type FlightProps, flightRecord } from '../../blocks/flight.ts';
import { escapeText, plainWords } from '../../blocks/kit.ts';
import { EventBody } from '../../src/domain/event.ts';

const names: Readonly<Record<string, string>> = { U0BEN: 'Ben <@U0KIM> &amp; *Sons*', S0SRE: 'user group SRE' };
const words = (text: string) => plainWords(text, (id) => names[id] ?? id);

describe('what Slack writes, in plain words', () => {
  test.each([
    ['<@U0BEN> and <@U0GONE>', 'Ben <@U0KIM> &amp; *Sons* and U0GONE'],
    ['<@U0BEN|kim>', 'Ben <@U0KIM> &amp; *Sons*'],
    ['<@>', 'somebody'],
    ['<!subteam^S0SRE>, <!subteam^S0OPS|@ops>', 'user group SRE, S0OPS'],
    ['<#C0ROOM> <#C0ROOM|rel-1 &amp; more>', 'channel C0ROOM #rel-1 & more'],
    ['<!here> <!channel> <!everyone>', '@here @channel @everyone'],
    [
      '<!date^1795525860^{date_short_pretty} {time}|Tue 24 Nov 2026, 14:11 Europe/Berlin>',
      'Tue 24 Nov 2026, 14:11 Europe/Berlin',
    ],
    ['<https://x.example/?a=1&amp;b=2>', 'https://x.example/?a=1&b=2'],
    ['<https://x.example/?a=1&amp;b=2|the build &gt; log>', 'the build > log (https://x.example/?a=1&b=2)'],
    ['<https://x.example/|https://x.example/>', 'https://x.example/'],
    ['<mailto:ops@x.example|ops@x.example>', 'ops@x.example'],
    ['1 &lt; 2 &amp;amp; 3', '1 < 2 &amp; 3'],
    ['a < b, c > d, <script>, <!-- x -->, <ftp://x>, &copy;', 'a < b, c > d, <script>, <!-- x -->, <ftp://x>, &copy;'],
  ])('%s', (text, plain) => expect(words(text)).toBe(plain));

  test('what was escaped comes back, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(words(escapeText(text))).toBe(text);
      }),
    );
  });
});

describe('every event of a release in plain words', () => {
  const typed = '*a* `b` <@U0BEN|x> &amp; <https://x.example/|y>';
  const shown = '*a* `b` Ben <@U0KIM> &amp; *Sons* & y (https://x.example/)';

  /** Some value of a shape: what people typed wherever a text may be. */
  const some = (shape: z.core.JSONSchema.BaseSchema, key = ''): unknown => {
    const [first] = shape.anyOf ?? shape.oneOf ?? [];
    if (first) return some(first, key);
    const type = Array.isArray(shape.type) ? shape.type[0] : shape.type;
    if (shape.const !== undefined) return shape.const;
    if (shape.enum) return shape.enum[0];
    // Of conditions, addresses and the like no sentence tells; what they may hold is for other tests.
    if (['gates', 'guards', 'plan'].includes(key) && type === 'array') return [];
    if (key.endsWith('url')) return 'https://ci.example';
    if (type === 'array') return [some(shape.items as z.core.JSONSchema.BaseSchema, key)];
    if (type === 'object')
      return Object.fromEntries(
        Object.entries(shape.properties ?? {}).map(([name, inner]) => [
          name,
          some(inner as z.core.JSONSchema.BaseSchema, name),
        ]),
      );
    if (type === 'integer' || type === 'number') return Math.max(3, shape.minimum ?? 0);
    if (type === 'boolean') return true;
    if (type === 'null') return null;
    if (shape.format === 'date-time') return '2026-11-24T13:00:00.000Z';
    if (['text', 'comment', 'reason', 'title', 'note', 'summary', 'workaround', 'unblock'].includes(key)) return typed;
    return shape.pattern === undefined ? 'U0BEN' : '09:30';
  };
  const ofRelease = EventBody.options.filter((one) => 'release' in one.shape && one.shape.type.value !== 'start.held');
  const types = ofRelease.map((one) => [one.shape.type.value, one] as const);

  const recordOf = (body: unknown, event: EventBody | undefined) => {
    const stored = { seq: '1', id: 'e', workspace: 'T', type: 'x', at: new Date(0), command: 'c', release: 3, body };
    const actor = { kind: 'person', id: 'U0BEN' } as const;
    const props: FlightProps = {
      zone: 'Europe/Berlin',
      lessons: null,
      steps: [],
      groups: {},
      log: [
        {
          stored: { ...stored, actor },
          event: event && { ...stored, actor, body: event },
          seal: undefined,
          isLost: false,
          faults: { chain: [], event: [] },
        },
      ],
      release: {
        number: 3,
        state: 'done',
        units: [{ service: 'payments', version: '1' }],
        environment: 'production',
        changeType: 'normal',
        summary: '',
        requester: 'U0BEN',
        lead: 'U0BEN',
        startsAt: new Date(0),
        endsAt: new Date(0),
        startedAt: undefined,
        endedAt: undefined,
        risk: undefined,
        rollbackPlan: '',
        links: [],
        reason: '',
        outcome: undefined,
        review: '',
      },
    };
    return flightRecord(props, { now: new Date(0), people: { U0BEN: { name: names.U0BEN as string, zone: 'UTC' } } });
  };

  test('there are many', () => expect(types.length).toBeGreaterThan(70));

  test.each(types)('%s', (type, schema) => {
    const body = EventBody.parse(some(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })));
    expect(body.type).toBe(type);
    const text = recordOf(body, body).timeline[0]?.text ?? '';
    expect(text).toMatch(/\p{L}{3}/u);
    expect(text).not.toMatch(/cannot be read|undefined|NaN|\[object/);
    // Without names and what people typed nothing is left that looks like markup.
    const ours = text.replaceAll(shown, '').replaceAll(names.U0BEN as string, '');
    expect(ours).not.toMatch(/<[@#!h]|&(amp|lt|gt);|[*`\ufdd0\ufdd1]/);
  });

  test('one that there are no words for stops no other', () => {
    const held = {
      type: 'start.held',
      release: 3,
      again: false,
      retry: false,
      refusal: { code: 'of_another_version' },
    } as const;
    const unread = 'This entry (x) cannot be read; it stands here as it was stored.';
    expect(recordOf(held, held).timeline[0]?.text).toBe(unread);
    expect(recordOf({}, undefined).timeline[0]?.text).toBe(unread);
  });
});
