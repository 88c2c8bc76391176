import { readdirSync, readFileSync } from 'node:fs';
import type { BlockAction } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { refusal } from '../../blocks/refusal.ts';
import { type Call, type Command, call, type Form } from '../../src/commands/command.ts';
import { doneCommand, verifyCommand } from '../../src/commands/deploy.ts';
import { verbs } from '../../src/commands/index.ts';
import { overrideCommand } from '../../src/commands/override.ts';
import { requestCommand } from '../../src/commands/request.ts';
import { captureCommand, offerRoleCommand } from '../../src/commands/room.ts';
import { rehearse, run } from '../../src/run.ts';
import { answer } from '../../src/slack/answer.ts';
import { clicked, type Door } from '../../src/slack/click.ts';
import { openForm, readForm, readPass, type Submission } from '../../src/slack/form.ts';
import { admit, understand } from '../../src/slack/line.ts';
import { keepDraft } from '../../src/store/draft.ts';
import { workspace } from '../support/hall.ts';
import { openRoomHall, type RoomHall, staff } from '../support/room.ts';

/*
 * Who may do what: every verb, every button, every form, each by every kind of person. The table beside this file says
 * what comes of each: `may`, `sees` (an answer), `form` (it opens), or the code of the refusal. A new verb, button or form
 * has no row, and fails here until somebody has looked at its row. Nothing is stored: every command is only rehearsed.
 */
vi.mock('../../blocks/refusal.ts', { spy: true });

const people = {
  requester: 'U0ANA',
  lead: 'U0RAJ',
  approver: 'U0BEN',
  manager: 'U0RAE',
  member: 'U0ZOE',
  'multi-channel guest': 'U0GUEST1',
  'single-channel guest': 'U0GUEST2',
  'Slack Connect stranger': 'U0EVE',
  bot: 'U0BOT1',
  deactivated: 'U0TOM',
  'person of another workspace': 'U0FAR',
} as const;
type Kind = keyof typeof people;
const kinds = Object.keys(people) as Kind[];

/** Whatever they try: the same answer, and nothing of what is inside. */
const outsiders: Partial<Record<Kind, string>> = {
  'Slack Connect stranger': 'is_stranger',
  bot: 'is_bot',
  deactivated: 'is_deactivated',
  'person of another workspace': 'is_deactivated',
};
const guests: readonly Kind[] = ['multi-channel guest', 'single-channel guest'];

const root = new URL('../../', import.meta.url);
const source = (path: string) => readFileSync(new URL(path, root), 'utf8');

let hall: RoomHall;
/** Asked for, deploying, done. */
let asked = 0;
let open = 0;
let over = 0;
let revision = 0;
let booking = 0;
let ids: Record<'override' | 'offer' | 'swap' | 'line' | 'undo', string>;

beforeAll(async () => {
  hall = await openRoomHall();
  // One who works for both, so that rules about one's own release are not in the way of rules about roles.
  const does = async (person: string, what: Call) => {
    const outcome = await hall.does(person, what);
    if (!outcome.ok) throw new Error(`${what.command.name}: ${outcome.refusal.code}`);
    return outcome.events.map(({ body }) => body as Record<string, unknown>);
  };
  const says = async (person: string, line: string) => expect([line, await hall.says(person, line)]).not.toContain('');
  over = await hall.begun('other', { lead: 'U0RAJ' });
  await does('U0RAJ', call(verifyCommand, { release: over }));
  await does('U0RAJ', call(doneCommand, { release: over }));
  await says('U0ANA', `known REL-${over} "totals are rounded" workaround:"reload"`);
  await says('U0ANA', `action REL-${over} "Alert on depth" <@U0RAJ|raj> 2026-12-01`);
  open = await hall.begun('lined', { lead: 'U0RAJ' });
  await staff(hall, open);
  const [offered] = await does(
    'U0RAJ',
    call(offerRoleCommand, { release: open, role: 'lead', to: 'U0ZOE', note: 'x' }),
  );
  asked = await hall.booked('plain', { environment: 'production', lead: 'U0RAJ', startsAt: at(20) });
  const wish = { units: [{ service: 'other', version: '2' }], environment: 'production', startsAt: at(22) };
  const [requested] = (await does('U0SAM', hall.wish('U0SAM', wish))).filter((one) => one.type === 'release.requested');
  const other = Number(requested?.release);
  hall.clock.now = new Date(hall.clock.now.getTime() + 61_000);
  await says('U0RAE', 'freeze add "Black Friday" 2026-11-28 00:00 to 2026-11-30 23:59 env:production');
  await says('U0ANA', 'reserve staging 2026-12-10 14:00 for 2h "UAT"');
  await says(
    'U0ANA',
    'experiment add "Smaller fails less" metric:change_fail_rate target:<5% until:2026-12-15 team:one',
  );
  await says('U0ANA', 'subscribe svc:plain');
  await says('U0ANA', 'incident INC-1 it is slow');
  const [swap] = await does('U0ANA', swapOf(asked, other));
  const [override] = await does(
    'U0RAE',
    call(overrideCommand, { release: asked, rule: 'gate:SRE', reason: 'x', second: 'U0KIM' }),
  );
  for (const person of Object.values(people)) {
    const { input } = hall.wish(person, { units: [{ service: 'plain', version: '9' }], startsAt: at(30) });
    const draft = { person, command: requestCommand.name, input };
    await keepDraft(hall.db, workspace, draftOf(person), draft, hall.clock.now);
  }
  const one = async (sql: string) => (await hall.db.pool.query(sql)).rows[0].n as number;
  revision = await one(`SELECT revision AS n FROM release WHERE number = ${asked}`);
  booking = await one(`SELECT max((body ->> 'booking')::int) AS n FROM event WHERE type = 'booking.made'`);
  const [last] = (
    await hall.db.pool.query(`SELECT id FROM event WHERE type = 'release.requested' ORDER BY seq DESC LIMIT 1`)
  ).rows;
  ids = {
    offer: String(offered?.offer ?? offered?.id),
    override: String(override?.override ?? override?.id),
    swap: String(swap?.swap ?? swap?.id),
    line: 'line',
    undo: last.id,
  };
});
afterAll(() => hall?.close());
beforeEach(() => {
  vi.mocked(refusal).mockClear();
});

const draftOf = (person: string) => `draft-${person}`;
const at = (hours: number) => new Date(Date.UTC(2026, 10, 24, 8) + hours * 3_600_000).toISOString();

function swapOf(release: number, other: number): Call {
  const verb = verbs.find((one) => one.name === 'swap');
  const words = { words: [`REL-${other}`], options: {}, raw: `REL-${other}`, quoted: [] };
  const said = { person: 'U0ANA', channel: 'C0RELEASES', fallbackChannel: null, zone: 'UTC', now: hall.clock.now };
  const parsed = verb?.target === true ? verb.parse(words as never, said, release) : undefined;
  if (parsed?.do !== 'run') throw new Error('swap was not understood');
  return parsed.call;
}

/** Slack for forms: takes every call; what a form shows is kept. */
let shown: { readonly submit?: unknown } | undefined;
const client = new Proxy(
  {},
  {
    get: (_target, part) =>
      new Proxy(() => undefined, {
        get: (_inner, method) => async (args: { view?: typeof shown }) => {
          if (part === 'views' && method === 'update') shown = args.view;
          return {
            ok: true,
            view: { id: 'V1' },
            permalink: 'https://slack.example/1',
            files: [],
            channels: [],
            upload_url: 'data:,',
            file_id: 'F1',
          };
        },
      }),
  },
) as unknown as WebClient;

/** Commands that somebody got as far as. */
const reached = new Set<string>();

/** What came of one attempt: the last thing that was decided. */
async function outcomeOf(person: string, work: (door: Door) => Promise<unknown>): Promise<string> {
  vi.mocked(refusal).mockClear();
  shown = undefined;
  const decided: string[] = [];
  const by = { workspace, actor: { kind: 'person', id: person } } as const;
  const perform: Door['perform'] = async (what, _id, actor) => {
    expect(actor).toEqual(by.actor);
    reached.add(what.command.name);
    const decision = await rehearse(hall.ctx, what.command, what.input, by);
    decided.push(decision.ok ? 'may' : decision.refusal.code);
    return decision.ok
      ? { ok: true, events: [], repeated: false }
      : { ok: false, refusal: decision.refusal, repeated: false };
  };
  const door: Door = {
    ctx: hall.ctx,
    client,
    workspace,
    command: '/release',
    perform,
    performed: async (_asker, what, id) => {
      await perform(what, id, by.actor);
      return { text: '', blocks: [] };
    },
    heard: (typed) => said_(door, typed.person, typed.text).then(() => undefined),
    guarded: (inner) => inner(),
  };
  await work(door);
  if (decided.length > 0) return decided.join(' ');
  const refused = vi.mocked(refusal).mock.lastCall?.[0].code;
  return refused ?? ((shown as { submit?: unknown } | undefined)?.submit ? 'form' : 'sees');
}

const zone = 'Europe/Berlin';

/** A typed line, as the door hears it. */
async function said_(door: Door, person: string, text: string): Promise<void> {
  const understood = await understand(hall.ctx, client, { workspace, person, channel: 'C0RELEASES', text });
  const asker = { workspace, person, zone, command: '/release' };
  switch (understood.do) {
    case 'usage':
      throw new Error(`${text} was not understood: ${JSON.stringify(understood.problem)}`);
    case 'refuse':
      refusal(understood.refusal, zone);
      return;
    case 'answer':
      await answer(hall.ctx, client, asker, understood.question);
      return;
    case 'open':
      await opens(person, understood.form);
      return;
    default:
      await door.perform(understood.call, 'x', { kind: 'person', id: person });
  }
}

const opens = (person: string, form: Form) =>
  openForm(hall.ctx, client, { workspace, person, triggerId: 'trigger' }, form);

type Row = readonly [what: string, tried: (door: Door, person: string) => Promise<unknown>];

/** One line per thing that a verb can do. R asked for, D deploying, X done. */
const lines: Readonly<Record<string, readonly string[]>> = {
  new: ['new plain@2 2026-12-01 14:00'],
  book: ['book plain@2 2026-12-01 14:00 --yes', 'book plain@2 2026-12-01 14:00'],
  move: ['move R 2026-12-02 10:00'],
  swap: ['swap R REL-9999'],
  line: ['line plain@2 2026-11-25 04:00', 'line list'],
  board: ['board plain@2'],
  repeat: ['repeat R weekly', 'repeat R off'],
  reserve: ['reserve staging 2026-12-11 14:00 for 2h "UAT"', 'reserve end ENV-N', 'reserve list'],
  edit: ['edit R'],
  exception: ['exception R it cannot wait', 'exception list'],
  cancel: ['cancel R not now', 'cancel D too late'],
  undo: ['undo'],
  nudge: ['nudge R'],
  review: ['review R', 'review D'],
  delegate: ['delegate R <@U0MIA|mia>', 'delegate R back'],
  comment: ['comment R is it online?'],
  stepup: ['stepup', 'stepup off 123456'],
  room: [
    'room open R',
    'room take D lead',
    'room handover D comms <@U0KIM|kim>',
    'room invite D <@U0KIM|kim>',
    'room close D done',
  ],
  start: ['start R'],
  verify: ['verify D'],
  done: ['done D'],
  pause: ['pause D'],
  resume: ['resume D'],
  rollback: ['rollback D it fails', 'rollback R it fails'],
  fail: ['fail D it fails'],
  step: ['step D', 'step D 1 done', 'step D 1 skip by hand', 'step D add "Warm up"'],
  go: ['go D'],
  nogo: ['nogo D it is slow'],
  expose: ['expose D 25%'],
  canary: ['canary D'],
  extend: ['extend D 15m'],
  status: ['status D', 'status D all is well'],
  tick: ['tick R', 'tick R 1'],
  note: ['note D it looks well'],
  watch: ['watch D 24h'],
  handover: ['handover X <@U0LEE|lee> dashboards are linked'],
  incident: ['incident X INC-2 it is slow', 'incident INC-3 it is slow', 'incident INC-1 over'],
  known: ['known', 'known X "rounded" workaround:"reload"', 'known X fixed KE-1-1'],
  pir: ['pir X'],
  action: ['action X "Alert" <@U0RAJ|raj> 2026-12-02', 'action X done A1-1'],
  unbooked: ['unbooked', 'unbooked plain@7 production 2026-11-22 14:00', 'unbooked back plain@7 production'],
  digest: ['digest preview', 'digest here 09:30', 'digest off', 'digest me 08:45'],
  subscribe: ['subscribe svc:other', 'subscribe all', 'subscribe me svc:other'],
  unsubscribe: ['unsubscribe svc:plain'],
  subscriptions: [
    'subscriptions',
    'subscriptions mute until monday 9:00',
    'subscriptions quiet 18:00-08:00',
    'subscriptions sent',
  ],
  follow: ['follow R'],
  prefs: ['prefs'],
  feed: ['feed', 'feed off'],
  slots: ['slots plain for 45m', 'slots R'],
  calendar: ['calendar week'],
  trains: ['trains'],
  list: ['list today'],
  show: ['show R'],
  why: ['why R'],
  who: ['who R'],
  export: ['export X'],
  report: ['report', 'report --png'],
  experiment: [
    'experiment list',
    'experiment add "Fewer fail" metric:change_fail_rate target:<5% until:2026-12-15 team:one',
    'experiment EXP-1 kept "half as many"',
  ],
  trust: ['trust'],
  help: ['help'],
  window: [
    'window list',
    'window set "Days" mon-fri 09:00-17:00 env:production cap:4',
    'window change days 2026-12-24 09:00-12:00 cap:1',
    'window close days 2026-12-25',
    'window drop days',
  ],
  freeze: [
    'freeze list',
    'freeze add "Weekend" 2026-12-04 15:00 to 2026-12-07 06:00',
    'freeze lift black-friday sold out',
  ],
  override: ['override R gate:SRE <@U0KIM|kim> both are away', 'override R'],
};

/** Of these guests get an answer; whatever else they try is refused. */
const looks = new Set([
  'step D',
  'known',
  'reserve list',
  'line list',
  'exception list',
  'digest preview',
  'subscriptions',
  'subscriptions sent',
  'canary D',
  'status D',
  'tick R',
  'slots plain for 45m',
  'slots R',
  'calendar week',
  'trains',
  'list today',
  'show R',
  'why R',
  'who R',
  'report',
  'experiment list',
  'unbooked',
  'trust',
  'help',
  'window list',
  'freeze list',
  'button criteria.show',
  'button release.details',
  'button release.why',
  'button release.move',
  'button help.show',
  'button train.help',
  'button calendar.show',
  'button follow.list',
  'button follow.why',
  'button line.say',
  'button draft.drop',
  'button draft.slots',
  'button form.slots',
  'button form.use',
]);

/** What stands in the value of a button; most name a release first. */
function aboutOf(action: string, person: string): string {
  const about: Record<string, string> = {
    'override.accept': `${asked}|${ids.override}`,
    'override.decline': `${asked}|${ids.override}`,
    'offer.accept': `${open}|${ids.offer}`,
    'offer.decline': `${open}|${ids.offer}`,
    'swap.accept': ids.swap,
    'swap.decline': ids.swap,
    'freeze.lift': 'black-friday',
    'freeze.keep': `${asked}|black-friday`,
    'booking.end': String(booking),
    'experiment.open': '1|kept',
    'line.say': 'list today',
    'incident.link': `${over}|INC-1`,
    'incident.none': `${over}|INC-1`,
    'action.done': `${over}|A${over}-1`,
    'release.moveto': `${asked}|${at(40)}`,
    'trust.agree': 'none',
    'trust.decline': 'none',
    'digest.open': 'daily',
    undo: ids.undo,
  };
  if (about[action] !== undefined) return about[action];
  if (/^(draft|slot\.(take|form)|exception\.draft|line\.join)/.test(action)) return draftOf(person);
  if (/^line\./.test(action)) return ids.line;
  if (/^step\./.test(action)) return `${open}|1|1`;
  if (/^role\./.test(action)) return `${open}|${action.replace('role.take-', '').replace('over', 'lead')}`;
  if (/^pir\./.test(action)) return String(over);
  if (/^(release\.(verify|done|pause|resume|rollback)|rollback|status|handover|slot\.extend|room\.keep)/.test(action))
    return String(open);
  return `${asked}|x|1`;
}

/** Every button that a click is known for, from the code that answers it. */
const actions = [
  ...new Set(
    [
      ...(source('src/slack/click.ts').split('switch (action) {')[1]?.split('default:')[0] ?? '').matchAll(
        /case '([a-z.-]+)'/g,
      ),
    ].map(([, name]) => name as string),
  ),
].sort();

type Input = Record<string, unknown>;
const typed = (value: string): Input => ({ value });
const picked = (value: string): Input => ({ selected_option: { value } });
const chosen = (user: string): Input => ({ selected_user: user });
const moment = (hours: number): Input => ({ selected_date_time: Date.parse(at(hours)) / 1000 });
const request = (): Record<string, Input> => ({
  service: picked('plain'),
  version: typed('3'),
  summary: typed('words'),
  when: moment(60),
  minutes: picked('45'),
  environment: picked('production'),
  type: picked('normal'),
  migration: picked('none'),
  lead: chosen('U0SAM'),
});

/** Every form as somebody would send it: what it is about, and what stands in it. */
const forms: Readonly<Record<string, (person: string) => { about: unknown; fill: Record<string, Input> }>> = {
  'note.v1': () => ({ about: { release: open }, fill: { note: typed('words') } }),
  'review.v1': () => ({ about: { release: asked, revision }, fill: { decision: picked('approve') } }),
  'incident.v1': () => ({ about: {}, fill: { key: typed('INC-9') } }),
  'experiment.v1': () => ({ about: { experiment: 1 }, fill: { outcome: picked('kept'), words: typed('words') } }),
  'rollback.v1': () => ({ about: { release: open }, fill: { reason: typed('words') } }),
  'handover.v1': () => ({
    about: { release: open },
    fill: { role: picked('lead'), to: chosen('U0SAM'), note: typed('x') },
  }),
  'status.v1': () => ({ about: { release: open }, fill: { health: picked('on_track'), text: typed('words') } }),
  'step.v1': () => ({ about: { release: open, step: '1', attempt: 1, do: 'fail' }, fill: { reason: typed('words') } }),
  'delegate.v1': () => ({ about: { release: asked }, fill: { to: chosen('U0MIA') } }),
  'exception.v1': () => ({ about: { release: asked }, fill: { reason: typed('words') } }),
  'override.v1': () => ({
    about: { release: asked },
    fill: { rule: picked('gate:Product'), second: chosen('U0KIM'), reason: typed('words') },
  }),
  'pir.v1': () => ({
    about: { release: over },
    fill: { outcome: picked('minor'), text: typed('words'), again: picked('yes') },
  }),
  'evidence.v1': () => ({ about: { release: asked, criterion: 'x' }, fill: { link: typed('https://ci.example/1') } }),
  'stepup.v1': () => ({ about: { credential: 'x' }, fill: { code: typed('123456') } }),
  'prefs.v1': () => ({
    about: {},
    fill: {
      days: typed('mon-fri'),
      from: { selected_time: '09:00' },
      to: { selected_time: '18:00' },
      dm: picked('all'),
    },
  }),
  'digest.v1': () => ({
    about: { channel: 'C0RELEASES', kind: 'daily' },
    fill: {
      days: typed('mon-fri'),
      zone: typed('UTC'),
      at: { selected_time: '09:00' },
      sections: { selected_options: [{ value: 'today' }] },
    },
  }),
  'subscribe.v1': () => ({
    about: { channel: 'C0RELEASES' },
    fill: { service: picked('other'), topics: { selected_options: [{ value: 'started' }] } },
  }),
  'edit.v1': () => ({ about: { release: asked, revision }, fill: request() }),
  'freeze.v1': () => ({
    about: { channel: 'C0RELEASES', zone },
    fill: { name: typed('Weekend'), from: moment(100), until: moment(120), level: picked('hard') },
  }),
  'request.v1': () => ({ about: { channel: 'C0RELEASES' }, fill: request() }),
  'pass.v1': (person) => ({ about: { draft: draftOf(person) }, fill: { reason: typed('words') } }),
};
const callbacks = [
  ...new Set(
    [
      ...`${source('src/slack/form.ts')}${source('src/slack/app.ts')}`.matchAll(
        /(?:case|callback_id ===) '([a-z]+\.v1)'/g,
      ),
    ].map(([, name]) => name as string),
  ),
].sort();

async function submits(door: Door, person: string, callback: string): Promise<void> {
  const { about, fill } = (forms[callback] as (typeof forms)[string])(person);
  const values = Object.fromEntries(Object.entries(fill).map(([block, input]) => [block, { value: input }]));
  const view = { callback_id: callback, private_metadata: JSON.stringify(about), state: { values } } as Submission;
  // As the door does it: nobody but members gets as far as what stands in a form.
  const admitted = await admit(hall.ctx, workspace, person, 'members');
  if (!admitted.ok) return void refusal(admitted.refusal, zone);
  const read =
    callback === 'pass.v1' ? await readPass(hall.ctx, workspace, view, person) : await readForm(client, view, person);
  if ('errors' in read) throw new Error(JSON.stringify(read.errors));
  await door.perform(read.call, 'x', { kind: 'person', id: person });
}

const kept = () =>
  call(captureCommand, {
    release: open,
    source: 'pin',
    channel: 'C0ROOM',
    ts: '1.1',
    author: 'U0ZOE',
    text: 'words',
    permalink: '',
  });

function rows(): Row[] {
  const named = (line: string) =>
    line
      .replace(/\bR\b/, `REL-${asked}`)
      .replace(/\bD\b/, `REL-${open}`)
      .replace(/\bX\b/, `REL-${over}`)
      .replace('ENV-N', `ENV-${booking}`);
  return [
    ...verbs.flatMap(({ name }) =>
      (lines[name] ?? []).map((line): Row => [line, (door, person) => said_(door, person, named(line))]),
    ),
    ...actions.map(
      (action): Row => [
        `button ${action}`,
        (door, person) => {
          const by = { person, trigger: 'trigger', id: 'x' };
          const body = { container: { message_ts: '1' } } as unknown as BlockAction;
          return clicked(door, action, aboutOf(action, person), by, 'C0RELEASES', body);
        },
      ],
    ),
    [
      'a message kept by a pin, an emoji or a shortcut',
      (door, person) => door.perform(kept(), 'x', { kind: 'person', id: person }),
    ],
    ...callbacks.map((callback): Row => [`form ${callback}`, (door, person) => submits(door, person, callback)]),
  ];
}

test('every verb, form, button, shortcut and event is known here', () => {
  expect(verbs.filter(({ name }) => !lines[name]).map(({ name }) => name)).toEqual([]);
  expect(actions.length).toBeGreaterThan(80);
  expect(callbacks.filter((one) => !forms[one])).toEqual([]);
  // What views offer is answered by somebody: a button that nobody knows would be one that nobody looked at.
  const offered = readdirSync(new URL('blocks/', root)).flatMap((file) =>
    [...source(`blocks/${file}`).matchAll(/(?:button|offer)\(\s*[`']([a-z]+\.[a-z-]+)/g)].map(
      ([, name]) => name as string,
    ),
  );
  expect(offered.length).toBeGreaterThan(100);
  // role.take-${role}
  expect(offered.filter((name) => !actions.includes(name) && name !== 'role.take-')).toEqual([]);
});

test('the table says what comes of each', { timeout: 300_000 }, async () => {
  const events = async () => (await hall.db.pool.query('SELECT count(*)::int AS n FROM event')).rows[0].n as number;
  const before = await events();
  const table: string[] = [];
  const wrong: string[] = [];
  for (const [what, tried] of rows()) {
    const cells: string[] = [];
    for (const kind of kinds) {
      const person = people[kind];
      const got = await outcomeOf(person, (door) => tried(door, person)).catch(
        (error: Error) => `fault: ${error.message.slice(0, 120)}`,
      );
      cells.push(got);
      if (outsiders[kind] && got !== outsiders[kind]) wrong.push(`${what}: ${kind} gets ${got}`);
      if (guests.includes(kind) && (got !== 'is_guest') !== looks.has(what)) wrong.push(`${what}: ${kind} gets ${got}`);
      if (got.startsWith('fault')) wrong.push(`${what}: ${kind} gets ${got}`);
    }
    // Of outsiders and guests the rules above say it all.
    table.push([what.padEnd(64), ...cells.slice(0, 5).map((cell) => cell.padEnd(20))].join(' ').trimEnd());
  }
  expect(wrong).toEqual([]);
  expect(await events()).toBe(before);
  const head = [
    '(guests: is_guest but for what only looks; outsiders: never)'.padEnd(64),
    ...kinds.slice(0, 5).map((kind) => kind.padEnd(20)),
  ];
  await expect(`${[head.join(' ').trimEnd(), ...table].join('\n')}\n`).toMatchFileSnapshot('access.txt');
});

test('what waits for somebody else’s click is not for others, whatever a button says', async () => {
  for (const action of ['draft.take', 'draft.slots', 'slot.take', 'slot.form', 'line.join', 'exception.draft']) {
    const by = { person: 'U0ZOE', trigger: 'trigger', id: 'x' };
    const body = { container: { message_ts: '1' } } as unknown as BlockAction;
    const got = await outcomeOf('U0ZOE', (door) => clicked(door, action, draftOf('U0ANA'), by, 'C0RELEASES', body));
    expect([action, got]).toEqual([action, action === 'exception.draft' ? 'form' : 'not_yours']);
  }
  const { about, fill } = (forms['pass.v1'] as (typeof forms)[string])('U0ANA');
  const values = Object.fromEntries(Object.entries(fill).map(([block, input]) => [block, { value: input }]));
  const view = { callback_id: 'pass.v1', private_metadata: JSON.stringify(about), state: { values } } as Submission;
  expect(await readPass(hall.ctx, workspace, view, 'U0ZOE')).toEqual({
    errors: { reason: expect.stringMatching(/too old/) },
  });
});

test('no command of people was left out, and the clock’s are for nobody else', async () => {
  const folder = new URL('src/commands/', root);
  const commands: Command<unknown, unknown>[] = [];
  for (const file of readdirSync(folder)) {
    const module = (await import(new URL(file, folder).href)) as Record<string, unknown>;
    for (const one of Object.values(module))
      if (typeof one === 'object' && one !== null && 'decide' in one && 'audience' in one)
        commands.push(one as Command<unknown, unknown>);
  }
  expect(commands.length).toBeGreaterThan(90);
  // Who may only look changes nothing.
  expect(commands.filter((one) => one.audience === 'anyone')).toEqual([]);
  const forPeople = commands.filter((one) => one.audience === 'members').map((one) => one.name);
  expect(forPeople.filter((name) => !reached.has(name))).toEqual([]);
  const clock = commands.find((one) => one.audience === 'clock') as Command<unknown, unknown>;
  const attempt = run(
    hall.ctx,
    { ...clock, input: { parse: (input: unknown) => input } as never },
    {},
    {
      workspace,
      actor: { kind: 'person', id: 'U0RAE' },
      id: 'x',
    },
  );
  await expect(attempt).rejects.toThrow(/no person/);
});

describe('what the app hears of', () => {
  const manifest = parse(source('manifest.yml')) as {
    features: { shortcuts: { callback_id: string }[] };
    settings: { event_subscriptions: { bot_events: string[] } };
  };
  /** Which changes something in somebody's name: through run(), which judges them. The rest makes the app look again. */
  const known: Record<string, 'judged' | 'looks again' | 'not heard'> = {
    app_home_opened: 'looks again',
    app_mention: 'judged',
    app_uninstalled: 'not heard',
    channel_archive: 'looks again',
    channel_deleted: 'looks again',
    channel_rename: 'not heard',
    channel_unarchive: 'not heard',
    group_archive: 'looks again',
    group_deleted: 'looks again',
    group_rename: 'not heard',
    group_unarchive: 'not heard',
    member_joined_channel: 'looks again',
    member_left_channel: 'not heard',
    pin_added: 'judged',
    pin_removed: 'not heard',
    reaction_added: 'judged',
    reaction_removed: 'not heard',
    subteam_members_changed: 'looks again',
    subteam_updated: 'looks again',
    team_join: 'not heard',
    tokens_revoked: 'not heard',
    user_change: 'looks again',
  };
  const code = `${source('src/slack/app.ts')}${source('src/slack/room-events.ts')}`;

  test('events', () => {
    const subscribed = manifest.settings.event_subscriptions.bot_events;
    expect(subscribed.filter((name) => !known[name])).toEqual([]);
    for (const name of subscribed)
      expect([name, code.includes(`'${name}'`)]).toEqual([name, known[name] !== 'not heard']);
  });

  test('shortcuts', () => {
    const named = manifest.features.shortcuts.map((one) => one.callback_id).sort();
    expect(named).toEqual(['add_to_timeline', 'report_incident', 'request_release']);
    expect([...code.matchAll(/app\.shortcut\('(\w+)'/g)].map(([, name]) => name).sort()).toEqual(named);
  });
});
