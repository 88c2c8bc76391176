import { canonicalJson } from '../src/domain/canonical.ts';
import { isZone, wallMinutes, wallTime } from '../src/domain/time.ts';

/** A release's record as it is exported: everything that happened, in order, each entry with the hash that seals it. */
export type FlightRecord = {
  readonly format: 'maitred.record/1';
  /** Instants are ISO 8601 in UTC, here and everywhere below. */
  readonly exportedAt: string;
  /** IANA zone of the calendar, for local times. */
  readonly zone: string;
  readonly release: {
    readonly key: string;
    /** What ships, in words. */
    readonly title: string;
    readonly units: readonly { readonly service: string; readonly version: string }[];
    readonly environment: string;
    readonly changeType: string;
    readonly state: string;
    readonly summary: string;
    readonly requester: string;
    readonly lead: string;
    readonly startsAt: string;
    readonly endsAt: string;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    readonly risk: string;
    readonly rollbackPlan: string;
    readonly links: readonly string[];
    readonly outcome: string | null;
    readonly review: string;
  };
  /** By Slack id; whoever is missing here is shown as the id. */
  readonly people: Readonly<Record<string, { readonly name: string; readonly zone: string }>>;
  readonly roles: readonly {
    readonly role: string;
    readonly person: string;
    readonly from: string;
    readonly until: string | null;
  }[];
  readonly votes: readonly {
    readonly gate: string;
    readonly voter: string;
    readonly choice: string;
    readonly comment: string;
    readonly because: string;
    readonly at: string;
    readonly revision: number;
  }[];
  readonly steps: readonly {
    readonly position: string;
    readonly group: string;
    readonly title: string;
    readonly kind: string;
    readonly phase: 'deploy' | 'rollback';
    readonly state: string;
    readonly owner: string | null;
    readonly doneBy: string | null;
    readonly verifiedBy: string | null;
    readonly note: string;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    readonly attempts: number;
  }[];
  readonly exposures: readonly { readonly label: string; readonly by: string; readonly at: string }[];
  readonly canary: readonly {
    readonly metric: string;
    readonly verdict: string;
    readonly words: string;
    readonly at: string;
  }[];
  readonly messages: readonly {
    readonly at: string;
    readonly author: string;
    /** As it was first kept; each edit holds what it became. */
    readonly text: string;
    readonly permalink: string;
    readonly source: string;
    readonly capturedBy: string;
    readonly edits: readonly { readonly at: string; readonly text: string }[];
    readonly deletedAt: string | null;
  }[];
  readonly knownErrors: readonly {
    readonly title: string;
    readonly workaround: string;
    readonly by: string;
    readonly at: string;
  }[];
  readonly actions: readonly {
    readonly text: string;
    readonly owner: string;
    readonly due: string;
    readonly done: boolean;
  }[];
  readonly timeline: readonly {
    readonly seq: string;
    readonly at: string;
    /** A Slack id, `clock` or `system`. */
    readonly actor: string;
    readonly type: string;
    /** Plain words. */
    readonly text: string;
    /** As stored: the hash is of these bytes, so a parsed body with defaults filled in would not match. */
    readonly body: unknown;
    /** What the hash is of besides `seq`, `type`, `at` and `body`, as stored. */
    readonly sealed: {
      readonly id: string;
      readonly workspace: string;
      readonly actor: unknown;
      readonly command: string;
      readonly release: number | null;
    };
    /** Both empty while the entry waits for its seal. */
    readonly previous: string;
    readonly hash: string;
    readonly verified: boolean;
  }[];
  readonly integrity: {
    /** How many sealed entries were recomputed. */
    readonly checked: number;
    /** The `seq` of every entry that does not match its seal. */
    readonly broken: readonly string[];
    readonly unsealed: number;
    readonly inOrder: boolean;
    /** Of `hashedText`, in hex. */
    readonly sha256: string;
  };
};

/** The record as a file: pretty, its parts in the order of the type, members below them by name. */
export function recordJson(record: FlightRecord): string {
  return `${JSON.stringify(sorted(record, parts), null, 2)}\n`;
}

/** What `integrity.sha256` is of: the canonical JSON of everything but itself. */
export function hashedText(record: FlightRecord): string {
  const { sha256: _, ...integrity } = record.integrity;
  return canonicalJson({ ...record, integrity });
}

/** The record as one page that needs nothing else: no script, no network, readable on a phone and on paper. */
export function recordHtml(record: FlightRecord): string {
  const { release } = record;
  const when = clock(record.zone);
  const who = namer(record.people);
  const sections = [
    timeline(record, when, who),
    votes(record, when, who),
    steps(record, when, who),
    exposure(record, when, who),
    canary(record, when),
    messages(record, when, who),
    roles(record, when, who),
    knownErrors(record, when, who),
    review(record, when, who),
    howToCheck(record),
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${release.key} ${release.title}: flight record</title>
<style>${{ html: style }}</style>
</head>
<body>
<a class="skip" href="#record">Skip to the record</a>
<header>
<p class="kind">Flight record</p>
<h1><bdi>${release.key}</bdi> <bdi>${release.title}</bdi></h1>
<p class="soft">Exported ${when(record.exportedAt)}. ${
    isZone(record.zone)
      ? html`Each time is in UTC, then in ${record.zone}, the zone of the calendar.`
      : html`Times are in UTC; the calendar’s zone “${record.zone}” is not known here.`
  }</p>
</header>
<nav aria-label="Parts of the record"><ul>${join([
    html`<li><a href="#summary">Summary</a></li>`,
    ...sections.map(
      ({ id, title, count }) =>
        html`<li><a href="#${id}">${title}</a>${count === null ? html`` : html` <span class="soft">${count}</span>`}</li>`,
    ),
  ])}</ul></nav>
<main id="record" tabindex="-1">
${summary(record, when, who)}
${join(
  sections.map(
    ({ id, title, body }) =>
      html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${body}
</section>
`,
  ),
)}</main>
<script type="application/json" id="record-json">${{ html: scriptSafe(recordJson(record)) }}</script>
</body>
</html>
`.html;
}

/** What can be said about the entries, in words; good only when every one of them was verified, in order. */
export function integrityWords(record: FlightRecord): {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly text: string;
} {
  const { integrity } = record;
  const total = record.timeline.length;
  const open = record.timeline.filter(isOpen).map(({ seq }) => seq);
  const failed = record.timeline.filter((entry) => !entry.verified && !isOpen(entry)).map(({ seq }) => seq);
  const broken = [...new Set([...integrity.broken, ...failed])];
  // Two sources say how many are open; whichever is worse is believed.
  const unsealed = Math.max(integrity.unsealed, open.length);
  const wrong = [
    broken.length === 0
      ? ''
      : `${broken.length} of ${entries(total)} ${broken.length === 1 ? 'does' : 'do'} not match ${broken.length === 1 ? 'its' : 'their'} seal: ${broken.join(', ')}.`,
    integrity.inOrder ? '' : 'The entries are not in the order in which they were sealed.',
  ].filter((words) => words !== '');
  const missing = [
    unsealed === 0
      ? ''
      : `${unsealed} of ${entries(total)} ${unsealed === 1 ? 'is' : 'are'} not sealed yet, so nothing proves ${unsealed === 1 ? 'it' : 'them'}${open.length === 0 ? '' : `: ${open.join(', ')}`}.`,
    integrity.checked >= total - unsealed ? '' : `Only ${integrity.checked} of ${entries(total)} were checked.`,
    total === 0 ? 'There are no entries, so there is nothing to verify.' : '',
  ].filter((words) => words !== '');
  if (wrong.length > 0) return { tone: 'bad', text: ['Do not rely on this record.', ...wrong, ...missing].join(' ') };
  if (missing.length > 0) return { tone: 'warn', text: ['Not all of it is verified.', ...missing].join(' ') };
  return { tone: 'good', text: `${total} of ${entries(total)} verified, in order.` };
}

type Html = { readonly html: string };
type When = (at: string | null) => Html;
type Who = (id: string | null) => Html;
type Part = { readonly id: string; readonly title: string; readonly count: number | null; readonly body: Html };
type Entry = FlightRecord['timeline'][number];

const parts: readonly string[] = [
  'format',
  'exportedAt',
  'zone',
  'release',
  'people',
  'roles',
  'votes',
  'steps',
  'exposures',
  'canary',
  'messages',
  'knownErrors',
  'actions',
  'timeline',
  'integrity',
];

/** Browsers refuse longer addresses. */
const longestDataUrl = 2_000_000;

/** What a reader runs to check a record; the page shows it, and a test runs it. */
const checker = [
  "import { createHash } from 'node:crypto';",
  "import { readFileSync } from 'node:fs';",
  'const canonical = (value) =>',
  "  Array.isArray(value) ? '[' + value.map(canonical).join(',') + ']'",
  "  : value === null || typeof value !== 'object' ? JSON.stringify(value)",
  "  : '{' + Object.keys(value).sort().map((key) => JSON.stringify(key) + ':' + canonical(value[key])).join(',') + '}';",
  "const sha256 = (text) => createHash('sha256').update(text).digest('hex');",
  "const record = JSON.parse(readFileSync(process.argv[2], 'utf8'));",
  'for (const { seq, type, at, body, sealed, previous, hash } of record.timeline) {',
  "  const own = sha256(previous + '\\n' + canonical({ ...sealed, seq, type, at, body }));",
  "  console.log(seq, hash === '' ? 'not sealed yet' : own === hash ? 'matches' : 'DOES NOT MATCH');",
  '}',
  'const { sha256: written, ...integrity } = record.integrity;',
  'const whole = sha256(canonical({ ...record, integrity }));',
  "console.log('whole', whole === written ? 'matches' : 'DOES NOT MATCH', whole);",
].join('\n');

/** Tagged template: every interpolated string is escaped, so nothing that people typed becomes markup. */
function html(strings: TemplateStringsArray, ...values: (string | number | Html)[]): Html {
  const text = strings.map((part, index) => {
    const value = values[index];
    if (value === undefined) return part;
    return part + (typeof value === 'object' ? value.html : escapeHtml(String(value)));
  });
  return { html: text.join('') };
}

function join(all: readonly Html[], separator = ''): Html {
  return { html: all.map((one) => one.html).join(separator) };
}

/** Right for text and for quoted attributes. What would turn or hide text (bidi controls, NUL…) is named instead. */
function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
    .replace(unseen, (found) => (/[\n\r\t]/.test(found) ? found : `[U+${hex(found).toUpperCase()}]`));
}

/** The same JSON value without a character that HTML, or an eye on the source, could take for something else. */
function scriptSafe(json: string): string {
  return json
    .replace(/[<>&\u2028\u2029]/g, (found) => `\\u${hex(found)}`)
    .replace(unseen, (found) => (/[\n\r\t]/.test(found) ? found : `\\u${hex(found)}`));
}

const unseen = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}

function sorted(value: unknown, first: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((inner) => sorted(inner));
  if (typeof value !== 'object' || value === null) return value;
  const rank = (key: string) => (first.includes(key) ? first.indexOf(key) : first.length);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** "2026-10-25 00:30:05 UTC" and the wall clock of the zone with its offset, which tells the two 02:30 apart. */
function moments(iso: string, zone: string): { utc: string; local: string | null; machine: string } | undefined {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return undefined;
  const machine = at.toISOString();
  const seconds = machine.slice(17, 19);
  const utc = wallTime(at, 'UTC');
  const text = `${utc.date} ${utc.time}:${seconds} UTC`;
  if (zone === 'UTC' || !isZone(zone)) return { utc: text, local: null, machine };
  const wall = wallTime(at, zone);
  const offset = wallMinutes(`${utc.date} ${utc.time}`, `${wall.date} ${wall.time}`);
  const two = (number: number) => String(Math.floor(Math.abs(number))).padStart(2, '0');
  const sign = `${offset < 0 ? '−' : '+'}${two(offset / 60)}:${two(offset % 60)}`;
  return { utc: text, local: `${wall.weekday} ${wall.date} ${wall.time}:${seconds} ${sign}`, machine };
}

function clock(zone: string): When {
  return (iso) => {
    if (iso === null) return html``;
    const found = moments(iso, zone);
    if (!found) return html`<bdi>${iso}</bdi>`;
    const local = html`<time class="local" datetime="${found.machine}" title="${zone}">${found.local ?? ''}</time>`;
    return html`<span class="when"><time datetime="${found.machine}">${found.utc}</time>${found.local === null ? html`` : html` ${local}`}</span>`;
  };
}

function namer(people: FlightRecord['people']): Who {
  return (id) => {
    if (id === null) return html``;
    const known = Object.hasOwn(people, id) ? people[id] : undefined;
    if (known) return html`<bdi title="${id}">${known.name}</bdi>`;
    if (id === 'clock') return html`the clock`;
    return id === 'system' ? html`Maitred` : html`<bdi>${id}</bdi>`;
  };
}

/** What people typed, with its line breaks. */
function said(text: string): Html {
  return text === '' ? html`` : html`<div class="said" dir="auto">${text}</div>`;
}

/** A web address that shows where it leads; anything else stays text. */
function address(url: string, label?: string): Html {
  const safe = /^https:\/\/[a-z0-9.-]+(:\d+)?([/?#][^\s\p{C}"'<>\\]*)?$/iu.test(url);
  return safe ? html`<a href="${url}" rel="noopener noreferrer">${label ?? url}</a>` : html`<bdi>${url}</bdi>`;
}

/** Roles are written out because phones show rows as cards, and a changed `display` takes the table's meaning away. */
function table(caption: string, columns: readonly string[], rows: readonly (readonly Html[])[]): Html {
  const head = columns.map((column) => html`<th role="columnheader" scope="col">${column}</th>`);
  const body = rows.map(
    (cells) =>
      html`<tr role="row">${join(
        cells.map((cell, index) => {
          const label = columns[index] ?? '';
          const content = cell.html === '' ? cell : html`<div>${cell}</div>`;
          return index === 0
            ? html`<th role="rowheader" scope="row" data-label="${label}">${content}</th>`
            : html`<td role="cell" data-label="${label}">${content}</td>`;
        }),
      )}</tr>
`,
  );
  return html`<table role="table"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${join(head)}</tr></thead>
<tbody role="rowgroup">
${join(body)}</tbody></table>`;
}

function facts(rows: readonly (readonly [name: string, value: Html])[]): Html {
  const shown = rows.filter(([, value]) => value.html !== '');
  return html`<dl>${join(shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`))}</dl>`;
}

function part(id: string, title: string, count: number, empty: string, body: () => Html): Part {
  return { id, title, count, body: count === 0 ? html`<p class="soft">${empty}</p>` : body() };
}

function entries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`;
}

function isOpen(entry: Entry): boolean {
  return entry.hash === '';
}

function summary(record: FlightRecord, when: When, who: Who): Html {
  const { release } = record;
  const verdict = integrityWords(record);
  const range = (from: string, to: string | null) =>
    to === null ? when(from) : html`${when(from)}<span class="until">until</span>${when(to)}`;
  const links = release.links.map((url) => html`<li>${address(url)}</li>`);
  return html`<section id="summary" aria-labelledby="summary-title" class="box"><h2 id="summary-title">Summary</h2>
<p class="verdict ${verdict.tone}"><strong>${verdict.tone === 'good' ? 'Integrity:' : '⚠ Integrity:'}</strong> ${verdict.text}</p>
${facts([
  ['State', html`<bdi>${release.state}</bdi>`],
  ['Outcome', release.outcome === null ? html`none yet` : said(release.outcome)],
  [
    'What',
    html`<ul>${join(release.units.map(({ service, version }) => html`<li><bdi>${service}</bdi> <bdi>${version}</bdi></li>`))}</ul>`,
  ],
  ['Where', html`<bdi>${release.environment}</bdi>`],
  ['Change', html`<bdi>${release.changeType}</bdi>`],
  ['Risk', said(release.risk)],
  ['Slot', range(release.startsAt, release.endsAt)],
  ['Ran', release.startedAt === null ? html`never started` : range(release.startedAt, release.endedAt)],
  ['Requested by', who(release.requester)],
  ['Led by', who(release.lead)],
  ['Summary', said(release.summary)],
  ['Rollback plan', release.rollbackPlan === '' ? html`none was written` : said(release.rollbackPlan)],
  ['Links', links.length === 0 ? html`` : html`<ul>${join(links)}</ul>`],
])}
</section>`;
}

function timeline(record: FlightRecord, when: When, who: Who): Part {
  const seal = (entry: Entry) => {
    const words = isOpen(entry)
      ? html`<strong class="warn">not sealed yet</strong>`
      : entry.verified && !record.integrity.broken.includes(entry.seq)
        ? html`<span class="soft">verified</span>`
        : html`<strong class="bad">DOES NOT MATCH</strong>`;
    return isOpen(entry) ? words : html`<code title="${entry.hash}">${entry.hash.slice(0, 12)}</code> ${words}`;
  };
  const whole = ({ seq, type, at, body, sealed, previous, hash }: Entry) => {
    const text = JSON.stringify(sorted({ ...sealed, seq, type, at, body, previous, hash }), null, 2);
    return html`<details><summary>Entry ${seq} in full</summary><pre tabindex="0">${text}</pre></details>`;
  };
  return part('timeline', 'Timeline', record.timeline.length, 'Nothing was recorded.', () =>
    table(
      'Everything that happened, in order',
      ['Entry', 'When', 'Who', 'What', 'Seal'],
      record.timeline.map((entry) => [
        html`<bdi>${entry.seq}</bdi>`,
        when(entry.at),
        who(entry.actor),
        html`${said(entry.text)}<div class="soft"><bdi>${entry.type}</bdi></div>${whole(entry)}`,
        seal(entry),
      ]),
    ),
  );
}

function votes(record: FlightRecord, when: When, who: Who): Part {
  return part('votes', 'Votes', record.votes.length, 'Nobody voted.', () =>
    table(
      'Votes, and the revision of the release each was about',
      ['Gate', 'Voter', 'Vote', 'Words', 'Why theirs', 'Revision', 'When'],
      record.votes.map((vote) => [
        html`<bdi>${vote.gate}</bdi>`,
        who(vote.voter),
        html`<bdi>${vote.choice}</bdi>`,
        said(vote.comment),
        said(vote.because),
        html`${vote.revision}`,
        when(vote.at),
      ]),
    ),
  );
}

function steps(record: FlightRecord, when: When, who: Who): Part {
  const phase = (name: 'deploy' | 'rollback', title: string) => {
    const own = record.steps.filter((step) => step.phase === name);
    if (own.length === 0) return html``;
    const ended = own.filter((step) => step.endedAt !== null).length;
    const states = [...new Set(own.map(({ state }) => state))].map(
      (state) => `${own.filter((step) => step.state === state).length} ${state}`,
    );
    return html`<h3>${title}</h3>
<p><progress max="${own.length}" value="${ended}" aria-label="${title}: steps that ended">${ended} of ${own.length}</progress> ${ended} of ${own.length} ended: <bdi>${states.join(', ')}</bdi>.</p>
${table(
  `${title}, step by step`,
  ['Step', 'What', 'State', 'Who', 'Began', 'Ended'],
  own.map((step) => [
    html`<bdi>${step.position}</bdi>`,
    html`<div dir="auto">${step.title}</div><div class="soft"><bdi>${step.group}</bdi>${step.group === '' || step.kind === '' ? '' : ' · '}<bdi>${step.kind}</bdi></div>${said(step.note)}`,
    html`<bdi>${step.state}</bdi>${step.attempts > 1 ? html` <span class="soft">${step.attempts} attempts</span>` : html``}`,
    html`${facts([
      ['Owner', who(step.owner)],
      ['Done by', who(step.doneBy)],
      ['Verified by', who(step.verifiedBy)],
    ])}`,
    when(step.startedAt),
    when(step.endedAt),
  ]),
)}`;
  };
  return part(
    'steps',
    'Runbook',
    record.steps.length,
    'There was no runbook.',
    () => html`${phase('deploy', 'Deployment')}
${phase('rollback', 'Rollback')}`,
  );
}

function exposure(record: FlightRecord, when: When, who: Who): Part {
  return part('exposure', 'Exposure', record.exposures.length, 'No exposure was recorded.', () =>
    table(
      'Who was let in, when',
      ['Exposed to', 'By', 'When'],
      record.exposures.map((one) => [html`<bdi>${one.label}</bdi>`, who(one.by), when(one.at)]),
    ),
  );
}

function canary(record: FlightRecord, when: When): Part {
  return part('canary', 'Canary', record.canary.length, 'No canary was judged.', () =>
    table(
      'What the canary’s metrics said',
      ['Metric', 'Verdict', 'Words', 'When'],
      record.canary.map((one) => [
        html`<bdi>${one.metric}</bdi>`,
        html`<bdi>${one.verdict}</bdi>`,
        said(one.words),
        when(one.at),
      ]),
    ),
  );
}

function messages(record: FlightRecord, when: When, who: Who): Part {
  const shown = record.messages.map((one) => {
    const edits = one.edits.map(
      (edit) => html`<div class="edit"><p class="soft">Edited ${when(edit.at)} to:</p>${said(edit.text)}</div>`,
    );
    const host = /^https:\/\/([^/?#]*)/i.exec(one.permalink)?.[1] ?? '';
    const original = one.permalink === '' ? html`` : html` · ${address(one.permalink, `original on ${host}`)}`;
    return html`<li><article>
<p><strong>${who(one.author)}</strong> ${when(one.at)}</p>
${said(one.text)}
${join(edits)}
${one.deletedAt === null ? html`` : html`<p class="gone">Deleted in Slack ${when(one.deletedAt)}; kept here as it was.</p>`}
<p class="soft">Kept by ${who(one.capturedBy)}${one.source === '' ? html`` : html` · <bdi>${one.source}</bdi>`}${original}</p>
</article></li>
`;
  });
  return part(
    'messages',
    'Messages kept',
    record.messages.length,
    'No messages were kept.',
    () => html`<ol class="messages">${join(shown)}</ol>`,
  );
}

function roles(record: FlightRecord, when: When, who: Who): Part {
  const held = table(
    'Who held which role',
    ['Role', 'Person', 'From', 'Until'],
    record.roles.map((one) => [
      html`<bdi>${one.role}</bdi>`,
      who(one.person),
      when(one.from),
      one.until === null ? html`the end` : when(one.until),
    ]),
  );
  const named = table(
    'Everybody who is named here',
    ['Name', 'Slack id', 'Zone'],
    Object.entries(record.people).map(([id, { name, zone }]) => [
      html`<bdi>${name}</bdi>`,
      html`<bdi>${id}</bdi>`,
      html`<bdi>${zone}</bdi>`,
    ]),
  );
  const body = html`${record.roles.length === 0 ? html`<p class="soft">Nobody held a role.</p>` : held}
${Object.keys(record.people).length === 0 ? html`` : named}`;
  return { id: 'roles', title: 'Roles', count: record.roles.length, body };
}

function knownErrors(record: FlightRecord, when: When, who: Who): Part {
  return part('errors', 'Known errors', record.knownErrors.length, 'No known errors were left.', () =>
    table(
      'Errors that went live knowingly, and how to live with them',
      ['Error', 'Workaround', 'By', 'When'],
      record.knownErrors.map((one) => [said(one.title), said(one.workaround), who(one.by), when(one.at)]),
    ),
  );
}

function review(record: FlightRecord, when: When, who: Who): Part {
  const day = (due: string) =>
    /^\d{4}-\d{2}-\d{2}$/.test(due) ? html`<time datetime="${due}">${due}</time>` : when(due);
  const todo = table(
    'What is to be done, by whom',
    ['Action', 'Owner', 'Due', 'State'],
    record.actions.map((one) => [said(one.text), who(one.owner), day(one.due), html`${one.done ? 'done' : 'open'}`]),
  );
  return {
    id: 'review',
    title: 'Review and actions',
    count: record.actions.length,
    body: html`${record.release.review === '' ? html`<p class="soft">No review was written.</p>` : said(record.release.review)}
${record.actions.length === 0 ? html`<p class="soft">No actions were agreed.</p>` : todo}`,
  };
}

function howToCheck(record: FlightRecord): Part {
  const json = recordJson(record);
  const url = `data:application/json;charset=utf-8,${encodeURIComponent(json)}`;
  const file = `${record.release.key.replace(/[^\w.-]/g, '_')}.record.json`;
  const download =
    url.length > longestDataUrl
      ? html`<p>The record as JSON stands in the source of this page, in the element <code>record-json</code>; it is too long for a link.</p>`
      : html`<p><a download="${file}" href="${url}">Save the record as JSON</a>; the same stands in the source of this page, in the element <code>record-json</code>.</p>`;
  return {
    id: 'check',
    title: 'How to check',
    count: null,
    body: html`${download}
<p>The hash of an entry is the SHA-256, in lower-case hex, of three things one after the other, in UTF-8: <code>previous</code>, which is the hash that was sealed before it (64 zeros for the first of all); one line feed; and the canonical JSON of an object with exactly these nine members: <code>seq</code> (a string), <code>type</code>, <code>at</code> (with milliseconds and <code>Z</code>) and <code>body</code> from the entry in <code>timeline</code>, and <code>id</code>, <code>workspace</code>, <code>actor</code>, <code>command</code> and <code>release</code> from its <code>sealed</code>. The <code>actor</code>, <code>text</code> and <code>verified</code> beside them are for readers and are not hashed.</p>
<p>Canonical JSON has the members of every object sorted by name (by UTF-16 code units), no space or line break between tokens, and strings and numbers as JavaScript’s <code>JSON.stringify</code> writes them.</p>
<p>One chain runs through the log of the whole workspace, so <code>previous</code> is often the hash of an entry about another release. Each entry here can be recomputed by itself; that none was left out, only the whole log can show (<code>npm run audit</code> in Maitred).</p>
<p>The whole record’s <code>integrity.sha256</code> is the SHA-256 of the canonical JSON of the record without <code>integrity.sha256</code> itself. It shows that the file arrived as it was made; whoever changes a file can compute it anew, so compare it with one you were given another way. Here it is:</p>
<p><code class="said">${record.integrity.sha256}</code></p>
<p>This does all of it, with Node and nothing else: <code>node check.mjs ${file}</code></p>
<pre tabindex="0">${checker}</pre>`,
  };
}

const style = `
:root { color-scheme: light dark; --ink: #20222b; --soft: #5c6070; --line: #d9dbe3; --paper: #fff; --box: #f6f6fa; --link: #4a3c96;
  --good: #17623f; --good-box: #e6f4ec; --warn: #7a4a00; --warn-box: #fdf1da; --bad: #9d231c; --bad-box: #fde8e6; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e8e8ee; --soft: #a8acbb; --line: #3a3d49; --paper: #1b1d24; --box: #23252e; --link: #b9acf5;
  --good: #86d8ae; --good-box: #1b3328; --warn: #f2c679; --warn-box: #3a2d14; --bad: #ffa8a1; --bad-box: #45201e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 4rem; font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif;
  color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: 0 0 .6rem; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
main:focus { outline: none; }
ul, ol { margin: 0; padding: 0; list-style: none; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; padding: .3rem .6rem; background: var(--paper); }
.kind { margin: 0; color: var(--soft); font-size: .85rem; letter-spacing: .04em; text-transform: uppercase; }
.soft, caption, dt { color: var(--soft); }
.soft, caption { font-size: .875rem; }
nav { border-block: 1px solid var(--line); margin: 1rem 0 1.5rem; padding: .5rem 0; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; }
section { margin: 0 0 2.25rem; scroll-margin-top: 1rem; }
.box { background: var(--box); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.25rem; }
.verdict { padding: .6rem .8rem; border-inline-start: 4px solid; }
.verdict.good { color: var(--good); background: var(--good-box); }
.verdict.warn { color: var(--warn); background: var(--warn-box); }
.verdict.bad { color: var(--bad); background: var(--bad-box); font-size: 1.1rem; font-weight: 600; }
strong.warn { color: var(--warn); }
strong.bad { color: var(--bad); }
dl { margin: 0; }
.box dl { display: grid; grid-template-columns: 1fr 1fr; gap: .1rem 2rem; }
dl > div { display: grid; grid-template-columns: 8.5rem 1fr; gap: .1rem .75rem; padding: .25rem 0; }
dd { margin: 0; min-width: 0; }
table { width: 100%; border-collapse: collapse; margin: .5rem 0 1rem; font-size: .9375rem; }
caption { text-align: start; padding-bottom: .3rem; }
th, td { text-align: start; vertical-align: top; padding: .45rem .8rem .45rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-size: .8125rem; font-weight: 600; }
tbody th { font-weight: 600; }
td dl > div { display: block; padding: 0; }
td dt, td dd { display: inline; }
td dt { margin-inline-end: .4rem; font-size: .875rem; }
.when time { display: block; white-space: nowrap; font-variant-numeric: tabular-nums; }
.when .local, .until { color: var(--soft); font-size: .875rem; }
p .when time { display: inline-block; }
p .when .local::before { content: "("; }
p .when .local::after { content: ")"; }
.said { white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin-top: .15rem; }
summary { color: var(--soft); font-size: .875rem; cursor: pointer; }
code, pre { font: .8125rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { margin: .3rem 0 .6rem; padding: .7rem .8rem; background: var(--box); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; }
progress { width: 10rem; max-width: 40%; accent-color: var(--link); vertical-align: middle; }
.messages > li { border-top: 1px solid var(--line); padding: .8rem 0; }
.messages p { margin: .1rem 0; }
.messages > li > article > p:first-child .when { color: var(--soft); font-size: .875rem; }
.messages .said { padding: .2rem 0; }
.edit { margin: .3rem 0; padding-inline-start: .8rem; border-inline-start: 3px solid var(--line); }
.gone { color: var(--warn); }
thead th { white-space: nowrap; }
section > .said { margin-bottom: 1rem; }
@media screen and (min-width: 60.01rem) {
  td > div { min-width: 6.5rem; }
}
@media screen and (max-width: 60rem) {
  body { padding: 1rem 1rem 3rem; }
  .box { padding: .8rem .9rem; }
  .box dl { grid-template-columns: 1fr; }
  .box dl > div { grid-template-columns: 5.75rem minmax(0, 1fr); }
  table, caption, tbody, tr, tbody th, td { display: block; }
  thead { position: absolute; left: -100vw; }
  tr { border-top: 1px solid var(--line); padding: .6rem 0; }
  tbody th, td { display: grid; grid-template-columns: 5.75rem minmax(0, 1fr); gap: 0 .75rem; border: 0; padding: .12rem 0; }
  tbody th::before, td::before { content: attr(data-label); color: var(--soft); font-size: .875rem; font-weight: 400; }
  td:empty { display: none; }
  .when .local { font-size: .8125rem; white-space: normal; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --box: #fff; --link: #000; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav, .skip, details, #check pre, #check a[download] { display: none; }
  tr, article, .box { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  thead { display: table-header-group; }
  .box dl { grid-template-columns: 1fr; }
  table, .when .local, .soft { font-size: 8.5pt; }
  th, td { padding-inline-end: .6rem; }
  td > div { min-width: 3.75rem; }
}
`;
