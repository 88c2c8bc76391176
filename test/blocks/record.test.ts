import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FlightRecord, hashedText, integrityWords, recordHtml, recordJson } from '../../blocks/record.ts';
import { canonicalJson } from '../../src/domain/canonical.ts';
import { everyString, resealed, sampleRecord, sha256 } from '../support/record.ts';

const decoded = (html: string) =>
  html
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&');

/** What a browser would see as tags, outside of the embedded JSON and the style: names of elements and attributes. */
const tags = (page: string) =>
  [...page.replace(/(<style>)[\s\S]*?(<\/style>)/, '$1$2').matchAll(/<[^>]*>/g)].map(([tag]) => {
    expect(tag).toMatch(/^<(!doctype html|\/?[a-z][a-z0-9]*( [a-z-]+(="[^"]*")?)*)>$/);
    return tag.replace(/="[^"]*"/g, '');
  });

const strings = (record: FlightRecord) => {
  const paths: string[] = [];
  everyString(record, (path, text) => {
    paths.push(path);
    return text;
  });
  return paths;
};

const hostile = [
  '"><script>alert(1)</script><img src=x onerror=alert(2)>',
  `' onmouseover='alert(3)' x='`,
  '</script><script>alert(4)</script>',
  '<!--<script>',
  '</style></title></textarea><iframe src=//evil.example>',
  'javascript:alert(5)',
  'https://evil.example/" onclick="alert(6)',
  'data:text/html,<script>alert(7)</script>',
  '\u202eevil\u202c \u2066x\u2069 \u200f \0 \ud800',
  '&lt;script&gt; &amp; $& $1 `',
];

describe('the page', () => {
  const page = recordHtml(sampleRecord());

  test('has every part, in order, each with an anchor', () => {
    expect(
      [...page.matchAll(/<h([12])[^>]*>(.*?)<\/h\1>/g)].map(([, , text]) => text?.replace(/<[^>]*>/g, '')),
    ).toEqual([
      'REL-142 payments 2.14.0 + ledger 7.3.1',
      'Summary',
      'Timeline',
      'Votes',
      'Runbook',
      'Exposure',
      'Canary',
      'Messages kept',
      'Roles',
      'Known errors',
      'Review and actions',
      'How to check',
    ]);
    const anchors = [...page.matchAll(/href="#([\w-]+)"/g)].map((match) => match[1]);
    expect(anchors).toHaveLength(12);
    for (const anchor of anchors) expect(page).toContain(` id="${anchor}"`);
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
  });

  test('needs nothing from elsewhere and lets nothing in', () => {
    expect(page).toContain(`default-src 'none'`);
    expect(page).not.toMatch(/<(link|img|iframe|object|embed|base|form)\b| src=| style=| on[a-z]+=|@import|url\(/i);
    expect([...page.matchAll(/<script[^>]*>/g)].map(([tag]) => tag)).toEqual([
      '<script type="application/json" id="record-json">',
    ]);
  });

  test('tables say what they are about, and which cell heads what', () => {
    const [tables, captions] = [page.match(/<table/g) ?? [], page.match(/<caption>[^<]+<\/caption>/g) ?? []];
    expect(tables.length).toBeGreaterThan(8);
    expect(captions).toHaveLength(tables.length);
    expect(page.match(/<th /g)).toEqual(
      page.match(/<th role="(row|column)header" scope="(row|col)"/g)?.map(() => '<th '),
    );
  });

  test('names people, and shows who is unknown by id', () => {
    expect(page).toContain('<bdi title="U0ANA">Ana Ruiz</bdi>');
    expect(page).toContain('<bdi>U0GONE</bdi>');
    expect(page).toContain('the clock');
    expect(recordHtml(sampleRecord({ people: {} }))).toContain('<bdi>U0ANA</bdi>');
    const odd = everyString(sampleRecord(), (_, text) => (text === 'U0ANA' ? 'constructor' : text));
    expect(recordHtml(odd)).toContain('<bdi>constructor</bdi>');
  });

  test('links only to what is plainly a web address', () => {
    const links = (urls: string[]) => {
      const record = sampleRecord();
      const shown = recordHtml({ ...record, release: { ...record.release, links: urls }, messages: [] });
      return [...shown.matchAll(/<a href="(?!#)([^"]*)"/g)].map((match) => decoded(match[1] as string));
    };
    expect(links(['https://ci.example.com/8?a=1&b=2#x', 'https://[::1]/', 'HTTPS://A.example'])).toEqual([
      'https://ci.example.com/8?a=1&b=2#x',
      'HTTPS://A.example',
    ]);
    expect(
      links([
        'http://ci.example.com',
        'javascript:alert(1)//https://x.example',
        ' https://x.example',
        'https://x.example/a b',
        'https://bank.example@evil.example/',
        'https://x.example/\u202egnp.exe',
        'https://',
        'data:text/html,x',
      ]),
    ).toEqual([]);
  });

  test('shows what became of a message', () => {
    expect(page).toContain('p99 went up a little:\n  before 210 ms\n  now 240 ms');
    expect(page).toMatch(/Edited .*2026-10-25 00:32:00 UTC.* to:/);
    expect(page).toMatch(/Deleted in Slack .*2026-10-25 01:50:00 UTC/);
    expect(page).toContain('>original on harbour.slack.com</a>');
  });

  test('says how far the runbook came without guessing what its states mean', () => {
    expect(page).toContain('<progress max="4" value="3"');
    expect(page).toContain('3 of 4 ended: <bdi>3 done, 1 running</bdi>');
    expect(page).toContain('0 of 1 ended: <bdi>1 pending</bdi>');
    expect(page).toContain('2 attempts');
  });

  test('an empty record says so, part by part', () => {
    const { release } = sampleRecord();
    const empty = recordHtml({
      ...sampleRecord({
        people: {},
        roles: [],
        votes: [],
        steps: [],
        exposures: [],
        canary: [],
        messages: [],
        knownErrors: [],
        actions: [],
        timeline: [],
      }),
      release: { ...release, review: '', rollbackPlan: '', links: [], startedAt: null, endedAt: null, outcome: null },
    });
    for (const words of [
      'Nothing was recorded.',
      'Nobody voted.',
      'There was no runbook.',
      'No exposure was recorded.',
      'No canary was judged.',
      'No messages were kept.',
      'Nobody held a role.',
      'No known errors were left.',
      'No review was written.',
      'No actions were agreed.',
      'never started',
      'none yet',
      'none was written',
    ])
      expect(empty).toContain(words);
    expect(empty).not.toContain('<table');
  });
});

describe('times', () => {
  const page = recordHtml(sampleRecord());

  test('stand in UTC and in the zone of the calendar, on both sides of a DST change', () => {
    expect(page).toContain(
      '<time datetime="2026-10-25T00:30:05.123Z">2026-10-25 00:30:05 UTC</time> <time class="local" datetime="2026-10-25T00:30:05.123Z" title="Europe/Berlin">Sun 2026-10-25 02:30:05 +02:00</time>',
    );
    expect(page).toContain('2026-10-25 01:30:05 UTC');
    expect(page).toContain('Sun 2026-10-25 02:30:05 +01:00');
    expect(page).toContain('Mon 2026-10-26 09:00:00 +01:00');
    expect(page).toContain('Each time is in UTC, then in Europe/Berlin, the zone of the calendar.');
  });

  test('keep the right day and sign in zones behind and with half hours', () => {
    expect(recordHtml(sampleRecord({ zone: 'America/New_York' }))).toContain('Sat 2026-10-24 20:30:05 −04:00');
    expect(recordHtml(sampleRecord({ zone: 'Asia/Kolkata' }))).toContain('Sun 2026-10-25 06:00:05 +05:30');
    expect(recordHtml(sampleRecord({ zone: 'America/St_Johns' }))).toContain('Sat 2026-10-24 22:00:05 −02:30');
  });

  test('are in UTC alone where the zone is UTC or nobody knows it', () => {
    expect(recordHtml(sampleRecord({ zone: 'UTC' }))).not.toContain('class="local"');
    const lost = recordHtml(sampleRecord({ zone: 'Mars/Olympus' }));
    expect(lost).not.toContain('class="local"');
    expect(lost).toContain('the calendar’s zone “Mars/Olympus” is not known here');
  });
});

describe('what people typed stays text', () => {
  const sample = sampleRecord();
  const usual = tags(recordHtml(everyString(sample, () => 'x')));

  test.each(hostile)('%j, in every field at once', (words) => {
    const record = everyString(sample, () => words);
    const page = recordHtml(record);
    // The only tags that may come and go with the words are links, and there the address is safe or there is none.
    expect(tags(page)).toEqual(usual);
    expect(page).not.toMatch(/href="(?!#|data:application\/json;)/);
    expect(page).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\0\ud800]/);
    expect(JSON.parse(/<script type[^>]*>([\s\S]*?)<\/script>/.exec(page)?.[1] ?? '')).toEqual(record);
  });

  test('in each field alone', () => {
    const paths = strings(sample);
    expect(paths.length).toBeGreaterThan(150);
    const marks = [hostile[0], hostile[2], hostile[8]] as string[];
    for (const path of paths)
      for (const words of marks) {
        const page = recordHtml(everyString(sample, (at, text) => (at === path ? `${text}${words}` : text)));
        expect(page).not.toMatch(/<script>|<img|\u202e/);
        expect([path, tags(page).filter((tag) => /script|style|iframe|img|svg| on/.test(tag))]).toEqual([
          path,
          ['<style>', '</style>', '<script type id>', '</script>'],
        ]);
      }
  });

  test('hostile keys of people and of a body, too', () => {
    const { timeline } = sample;
    const words = hostile[0] as string;
    const page = recordHtml(
      sampleRecord({
        people: { [words]: { name: 'x', zone: 'y' } },
        timeline: timeline.map((entry) => ({ ...entry, body: { [words]: words } })),
      }),
    );
    expect(page).not.toMatch(/<script>|<img/);
  });

  test('what turns or hides text is named where it stood', () => {
    const record = sampleRecord();
    const page = recordHtml({ ...record, release: { ...record.release, summary: 'pay \u202etxt.exe\0' } });
    expect(page).toContain('pay [U+202E]txt.exe[U+0000]');
    expect(JSON.parse(recordJson({ ...record, zone: '\u202e\0' })).zone).toBe('\u202e\0');
  });

  test('ten thousand characters in every field are shown in full', () => {
    const page = recordHtml(everyString(sample, () => 'W'.repeat(10_000)));
    expect(page).toContain('W'.repeat(10_000));
    expect(page).toContain('it is too long for a link');
    expect(page).not.toContain('data:application/json');
  });
});

describe('JSON', () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, shuffled(inner)]),
    );
  };

  test('is the record, its parts in the order of the type, whatever order they came in', () => {
    const record = sampleRecord();
    const json = recordJson(record);
    expect(JSON.parse(json)).toEqual(record);
    expect(recordJson(shuffled(record) as FlightRecord)).toBe(json);
    expect(Object.keys(JSON.parse(json))).toEqual(Object.keys(record));
    expect(json.startsWith('{\n  "format": "maitred.record/1",\n  "exportedAt"')).toBe(true);
  });

  test('canonical: sorted, without spaces, the same for every order of keys', () => {
    expect(canonicalJson({ b: [1, { d: null, c: '"ü"' }], a: true, '10': -0, '9': undefined })).toBe(
      '{"10":0,"a":true,"b":[1,{"c":"\\"ü\\"","d":null}]}',
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(shuffled(value))).toBe(text);
        expect(canonicalJson(JSON.parse(JSON.stringify(value, null, 3)))).toBe(text);
      }),
    );
  });

  test('the hash of the whole is of everything but itself', () => {
    const record = sampleRecord();
    expect(hashedText({ ...record, integrity: { ...record.integrity, sha256: 'other' } })).toBe(hashedText(record));
    for (const path of strings(record).filter((at) => at !== '.integrity.sha256'))
      expect([
        path,
        hashedText(everyString(record, (at, text) => (at === path ? `${text}!` : text))) === hashedText(record),
      ]).toEqual([path, false]);
  });

  test('the program on the page checks the record that the page carries', () => {
    const folder = mkdtempSync(join(tmpdir(), 'maitred-record-'));
    const check = (record: FlightRecord) => {
      const page = recordHtml(record);
      writeFileSync(
        join(folder, 'check.mjs'),
        decoded(/id="check"[\s\S]*?<pre[^>]*>([\s\S]*?)<\/pre>/.exec(page)?.[1] ?? ''),
      );
      const data = /href="data:application\/json;charset=utf-8,([^"]*)"/.exec(page)?.[1] ?? '';
      writeFileSync(join(folder, 'record.json'), decodeURIComponent(decoded(data)));
      return execFileSync(process.execPath, ['check.mjs', 'record.json'], { cwd: folder, encoding: 'utf8' });
    };
    const record = sampleRecord();
    expect(check(record)).toBe(
      `${record.timeline.map(({ seq }) => `${seq} matches\n`).join('')}whole matches ${record.integrity.sha256}\n`,
    );
    const [first, second, ...others] = record.timeline as [Entry, Entry, ...Entry[]];
    const forged = { ...first, body: { ...(first.body as object), release: 7 } };
    const open = { ...second, previous: '', hash: '', verified: false };
    const said = check({ ...record, timeline: [forged, open, ...others] });
    expect(said).toContain('40 DOES NOT MATCH\n43 not sealed yet\n46 matches\n');
    expect(said).toContain('whole DOES NOT MATCH');
    rmSync(folder, { recursive: true });
  });
});

type Entry = FlightRecord['timeline'][number];

describe('integrity in words', () => {
  const record = sampleRecord();
  const words = (change: Partial<FlightRecord['integrity']>, timeline = record.timeline) =>
    integrityWords({ ...record, timeline, integrity: { ...record.integrity, ...change } });
  const but = (seq: string, change: Partial<Entry>) =>
    record.timeline.map((entry) => (entry.seq === seq ? { ...entry, ...change } : entry));

  test('good when every entry was verified, in order', () => {
    expect(words({})).toEqual({ tone: 'good', text: '9 of 9 entries verified, in order.' });
    expect(recordHtml(record)).toContain('<p class="verdict good"><strong>Integrity:</strong> 9 of 9 entries verified');
  });

  test('loud about what is broken, by name', () => {
    expect(words({ broken: ['43', '52'] })).toEqual({
      tone: 'bad',
      text: 'Do not rely on this record. 2 of 9 entries do not match their seal: 43, 52.',
    });
    const page = recordHtml({ ...record, integrity: { ...record.integrity, broken: ['43'] } });
    expect(page).toContain('<p class="verdict bad"><strong>⚠ Integrity:</strong> Do not rely on this record. 1 of 9');
    expect(page.match(/DOES NOT MATCH<\/strong>/g)).toHaveLength(1);
    expect(page).not.toContain('verdict good');
  });

  test('an entry that is not verified is broken whatever the summary says', () => {
    expect(words({}, but('46', { verified: false })).text).toContain('1 of 9 entries does not match its seal: 46.');
    expect(words({ broken: ['46'] }, but('46', { verified: false })).text).toContain('1 of 9 entries does');
  });

  test('no green claim while something is unsealed, unchecked, out of order or missing', () => {
    const open = but('64', { hash: '', previous: '', verified: false });
    expect(words({ unsealed: 1, checked: 8 }, open)).toEqual({
      tone: 'warn',
      text: 'Not all of it is verified. 1 of 9 entries is not sealed yet, so nothing proves it: 64.',
    });
    expect(words({ unsealed: 0, checked: 8 }, open).tone).toBe('warn');
    expect(words({ unsealed: 2, checked: 7 }).text).toContain('2 of 9 entries are not sealed yet');
    expect(words({ checked: 8 })).toEqual({
      tone: 'warn',
      text: 'Not all of it is verified. Only 8 of 9 entries were checked.',
    });
    expect(words({ inOrder: false })).toEqual({
      tone: 'bad',
      text: 'Do not rely on this record. The entries are not in the order in which they were sealed.',
    });
    expect(words({ checked: 0 }, [])).toEqual({
      tone: 'warn',
      text: 'Not all of it is verified. There are no entries, so there is nothing to verify.',
    });
    expect(words({ broken: ['43'], inOrder: false, unsealed: 1 }).text).toBe(
      'Do not rely on this record. 1 of 9 entries does not match its seal: 43. The entries are not in the order in which they were sealed. 1 of 9 entries is not sealed yet, so nothing proves it.',
    );
  });

  test('the hash of the whole stands on the page', () => {
    expect(recordHtml(record)).toContain(sha256(hashedText(record)));
    expect(resealed(record)).toEqual(record);
  });
});
