import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flightRecord, peopleOf } from '../../blocks/flight.ts';
import { type FlightRecord, hashedText, integrityWords, recordHtml, recordJson } from '../../blocks/record.ts';
import { changeCommand } from '../../src/commands/change.ts';
import { type Call, call } from '../../src/commands/command.ts';
import { noteCommand } from '../../src/commands/deploy.ts';
import { actionDoneCommand, pirCommand } from '../../src/commands/pir.ts';
import {
  captureCommand,
  knownErrorCommand,
  reviseCommand,
  sampleCommand,
  staffRoomCommand,
} from '../../src/commands/room.ts';
import { canonicalJson } from '../../src/domain/canonical.ts';
import { type Outcome, run } from '../../src/run.ts';
import { findFlight } from '../../src/store/flight.ts';
import { audit, seal } from '../../src/store/log.ts';
import { type Hall, openHall, workspace } from '../support/hall.ts';

const catalog = `${readFileSync(new URL('../support/catalog.yml', import.meta.url), 'utf8')
  .replace('sre: { name: SRE, usergroup: S0SRE }', 'sre: { name: SRE, usergroup: S0SRE, oncall: S0CALL }')
  .replace(
    'payments: { team: payments, tier: 1,',
    'payments: { runbook: pay, watch: { minutes: 60 }, team: payments, tier: 1,',
  )}
runbooks:
  pay:
    version: "4"
    steps:
      - { title: "Stop *imports*", owner: requester, verify: true, due_minutes: 10 }
      - { title: Canary, canary: { percent: 5, soak_minutes: 10 } }
      - { title: Everywhere, owner: "group:sre" }
    rollback: [Redeploy what ran]
`;
const hostile = `<script>alert(1)</script> *a* \`b\` & <@U0KIM> "'`;
const people: FlightRecord['people'] = {
  U0ANA: { name: 'Ana *Star* Ruiz', zone: 'Europe/Berlin' },
  U0BEN: { name: '<@U0KIM> & Sons', zone: 'Europe/Berlin' },
  U0RAE: { name: 'Not in it', zone: 'UTC' },
};

let hall: Hall;
beforeAll(async () => {
  hall = await openHall({ catalog });
  await live();
});
afterAll(() => hall?.close());

const ok = async (outcome: Promise<Outcome>) => {
  const done = await outcome;
  expect(done.ok ? 'ok' : done.refusal).toBe('ok');
};
const says = async (person: string, line: string) =>
  expect([line, await hall.says(person, line)]).toEqual([line, expect.stringMatching(/\./)]);
const system = (what: Call, id: string = crypto.randomUUID()) =>
  run(hall.ctx, what.command, what.input, { workspace, actor: { kind: 'system' }, id });
const at = (time: string) => {
  hall.clock.now = new Date(`2026-11-24T${time}Z`);
};
const sealed = async () => {
  while ((await seal(hall.db, workspace)) > 0);
};
const made = async (release = 1, names = people) => {
  const props = await findFlight(hall.db, workspace, release);
  if (!props) throw new Error(`no release ${release}`);
  return flightRecord(props, { now: new Date('2026-12-01T08:00:00Z'), people: names });
};
/** Everything that the log has of a release, by another way than the record takes. */
const logOf = async (release: number) =>
  (
    await hall.db.pool.query(
      `SELECT e.*, s.previous, s.hash FROM event e LEFT JOIN seal s USING (seq)
       WHERE e.workspace = $1 AND e.release = $2 ORDER BY s.position NULLS LAST, e.seq`,
      [workspace, release],
    )
  ).rows;
const forged = async (sql: string, params: unknown[] = []) => {
  for (const table of ['event', 'seal']) await hall.db.pool.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  await hall.db.pool.query(sql, params);
  for (const table of ['event', 'seal']) await hall.db.pool.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
};
const inBody = (path: string, value: unknown, where: string) =>
  forged(`UPDATE event SET body = jsonb_set(body, '{${path}}', $1::jsonb) WHERE ${where}`, [JSON.stringify(value)]);

/** REL-1 from the wish to the lessons; REL-2 beside it, whose room nobody opened. */
async function live() {
  await ok(hall.books('U0ANA', { summary: hostile }));
  await ok(hall.books('U0ANA', { startsAt: '2026-12-05T10:00:00.000Z' }));
  await ok(hall.votes('U0BEN', 1));
  await ok(hall.votes('U0KIM', 1, { choice: 'block', comment: hostile, unblock: 'a *plan*' }));
  await ok(hall.votes('U0KIM', 1, { comment: 'fine now' }));
  await ok(
    hall.does(
      'U0ANA',
      call(changeCommand, { release: 1, revision: null, change: { rollbackPlan: 'redeploy &amp; wait' } }),
    ),
  );
  await ok(hall.votes('U0LEE', 1, { revision: 2 }));
  await ok(hall.votes('U0KIM', 1, { revision: 2 }));
  at('12:30:00');
  await ok(hall.fires({ command: 'clock room', release: 1 }));
  await ok(
    system(
      call(staffRoomCommand, {
        release: 1,
        channel: 'C0ROOM',
        invited: ['U0ANA', 'U0KIM'],
        skipped: [{ person: 'U0MIA', why: 'gone' }],
      }),
    ),
  );
  await ok(hall.fires({ command: 'clock steps', release: 1 }));
  await says('U0ANA', 'room REL-1 take lead');
  await says('U0BEN', 'room REL-1 take scribe');
  at('13:00:00');
  await says('U0ANA', 'start REL-1');
  await ok(hall.fires({ command: 'clock steps', release: 1 }));
  await says('U0BEN', 'step REL-1 1 done all `imports` stopped');
  await says('U0ANA', 'step REL-1 1 verify');
  await says('U0BEN', 'step REL-1 2 start');
  await says('U0BEN', 'step REL-1 2 fail too slow');
  await says('U0BEN', 'step REL-1 2 retry');
  await says('U0BEN', 'step REL-1 2 start');
  const slow = Array.from({ length: 20 }, (_, index) => 100 + index);
  const samples = { metric: 'p99 ms', direction: 'increase', baseline: slow } as const;
  await ok(
    system(
      call(sampleCommand, { release: 1, tolerance: null, reference: null, samples: { ...samples, canary: slow } }),
    ),
  );
  await ok(
    system(
      call(sampleCommand, {
        release: 1,
        tolerance: null,
        reference: null,
        samples: { ...samples, canary: slow.map((one) => one * 3) },
      }),
    ),
  );
  at('13:12:00');
  await says('U0BEN', 'step REL-1 2 done');
  await says('U0ANA', 'expose REL-1 50% half of them');
  await says('U0KIM', 'room REL-1 take scribe');
  await ok(
    hall.does(
      'U0ANA',
      call(noteCommand, {
        release: 1,
        text: `a < b & \`*c*\` <@U0BEN|kim> <https://x.example/?a=1&amp;b=2|here> ${hostile}`,
      }),
    ),
  );
  const message = { release: 1, channel: 'C0ROOM', ts: '1795525860.000100' };
  await ok(
    hall.does(
      'U0KIM',
      call(captureCommand, {
        ...message,
        source: 'pin',
        author: 'U0MIA',
        text: 'p99 &lt; <@U0BEN>',
        permalink: 'https://harbour.slack.com/archives/C0ROOM/p1',
      }),
    ),
  );
  for (const text of ['second', hostile, null]) {
    hall.clock.now = new Date(hall.clock.now.getTime() + 60_000);
    await ok(system(call(reviseCommand, { ...message, text })));
  }
  await ok(
    hall.does(
      'U0KIM',
      call(knownErrorCommand, { release: 1, title: `No currency ${hostile}`, workaround: 'Read the ledger' }),
    ),
  );
  await ok(hall.does('U0KIM', call(noteCommand, { release: 2, text: 'Not of REL-1' })));
  await sealed();
  await says('U0KIM', 'rollback REL-1 p99 is *high*');
  await ok(hall.fires({ command: 'clock steps', release: 1 }));
  await says('U0BEN', 'step REL-1 R1 done');
  await says('U0BEN', 'step REL-1 R2 done');
  await says('U0BEN', 'step REL-1 R3 done');
  await says('U0KIM', 'step REL-1 R3 verify');
  hall.clock.now = new Date('2026-11-26T09:00:00Z');
  const actions = [
    { text: 'Measure <@U0BEN>', owner: 'U0RAJ', due: '2026-12-01' },
    { text: 'Tell support', owner: 'U0KIM', due: '2026-12-02' },
  ];
  const review = {
    outcome: 'failed',
    text: 'Too slow',
    detectedBy: 'p99',
    impactMinutes: 12,
    helped: 'canary',
    hindered: 'dashboards',
    again: 'no',
    actions,
  } as const;
  await ok(hall.does('U0ANA', call(pirCommand, { release: 1, ...review })));
  await ok(hall.does('U0RAJ', call(actionDoneCommand, { release: 1, key: 'A1-1' })));
  await sealed();
}

test('every event of the release is there, as it is stored, in the order in which it was sealed, and verified', async () => {
  const record = await made();
  const log = await logOf(1);
  expect(log.length).toBeGreaterThan(40);
  expect(record.timeline.map(({ text: _text, ...entry }) => entry)).toEqual(
    log.map((row) => ({
      seq: row.seq,
      at: row.at.toISOString(),
      actor: row.actor.id ?? row.actor.kind,
      type: row.type,
      body: row.body,
      sealed: { id: row.id, workspace, actor: row.actor, command: row.command, release: 1 },
      previous: row.previous,
      hash: row.hash,
      verified: true,
    })),
  );
  expect(record.integrity).toMatchObject({ checked: log.length, broken: [], unsealed: 0, inOrder: true });
  expect(integrityWords(record).tone).toBe('good');
  expect((await audit(hall.db)).problems).toEqual([]);
});

test('a reader can recompute the hash of each entry and of the whole, from the file', async () => {
  const record: FlightRecord = JSON.parse(recordJson(await made()));
  expect(record).toEqual(await made());
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  for (const { seq, type, at: when, body, sealed: rest, previous, hash } of record.timeline)
    expect(sha256(`${previous}\n${canonicalJson({ ...rest, seq, type, at: when, body })}`)).toBe(hash);
  expect(sha256(hashedText(record))).toBe(record.integrity.sha256);
});

test('each part says what happened', async () => {
  const record = await made();
  expect(record.release).toMatchObject({
    key: 'REL-1',
    title: 'payments 2.14.0',
    state: 'rolled_back',
    summary: `<script>alert(1)</script> *a* \`b\` & U0KIM "'`,
    requester: 'U0ANA',
    startedAt: '2026-11-24T13:00:00.000Z',
    rollbackPlan: 'redeploy & wait',
    outcome: 'failed; rolled back: p99 is *high*',
    review:
      'Too slow\nNoticed by: p99\nCustomers felt it for 12 min\nWhat helped: canary\nWhat hindered: dashboards\nApprove it the same way again: no',
  });
  expect(record.release.risk).toMatch(/^(low|medium|high): .+; no earlier releases$/);
  expect(
    record.votes.map(({ gate, voter, choice, revision, because }) => [gate, voter, choice, revision, because]),
  ).toEqual([
    ['SRE', 'U0BEN', 'approve', 1, 'user group SRE'],
    ['Product', 'U0KIM', 'block', 1, expect.any(String)],
    ['Product', 'U0KIM', 'approve', 1, expect.any(String)],
    ['SRE', 'U0LEE', 'approve', 2, 'user group SRE'],
    ['Product', 'U0KIM', 'approve', 2, expect.any(String)],
  ]);
  expect(record.votes[1]?.comment).toBe(`<script>alert(1)</script> *a* \`b\` & U0KIM "'\nWhat would lift it: a *plan*`);
  expect(record.roles).toEqual([
    { role: 'lead', person: 'U0ANA', from: '2026-11-24T12:30:00.000Z', until: null },
    { role: 'scribe', person: 'U0BEN', from: '2026-11-24T12:30:00.000Z', until: '2026-11-24T13:12:00.000Z' },
    { role: 'scribe', person: 'U0KIM', from: '2026-11-24T13:12:00.000Z', until: null },
  ]);
  expect(
    record.steps.map(({ position, phase, state, owner, doneBy, verifiedBy, attempts }) => [
      position,
      phase,
      state,
      owner,
      doneBy,
      verifiedBy,
      attempts,
    ]),
  ).toEqual([
    ['1', 'deploy', 'done', 'U0ANA', 'U0BEN', 'U0ANA', 1],
    ['2', 'deploy', 'done', null, 'U0BEN', null, 2],
    ['3', 'deploy', 'open', 'sre', null, null, 1],
    ['R1', 'rollback', 'done', null, 'U0BEN', null, 1],
    ['R2', 'rollback', 'done', null, 'U0BEN', null, 1],
    ['R3', 'rollback', 'done', null, 'U0BEN', 'U0KIM', 1],
  ]);
  expect(record.steps[0]).toMatchObject({ title: 'Stop *imports*', note: 'all `imports` stopped' });
  expect(record.exposures).toEqual([
    { label: '5 %', by: 'U0BEN', at: '2026-11-24T13:00:00.000Z' },
    { label: '5 %', by: 'U0BEN', at: '2026-11-24T13:00:00.000Z' },
    { label: '50 % – half of them', by: 'U0ANA', at: '2026-11-24T13:12:00.000Z' },
  ]);
  expect(record.canary).toEqual([
    {
      metric: 'p99 ms',
      verdict: 'pass',
      words: expect.stringMatching(/nothing to see/),
      at: '2026-11-24T13:00:00.000Z',
    },
    { metric: 'p99 ms', verdict: 'high', words: expect.stringMatching(/HIGHER/), at: '2026-11-24T13:00:00.000Z' },
  ]);
  expect(record.messages).toEqual([
    {
      at: new Date(1795525860000).toISOString(),
      author: 'U0MIA',
      text: 'p99 < <@U0KIM> & Sons',
      permalink: 'https://harbour.slack.com/archives/C0ROOM/p1',
      source: 'pin',
      capturedBy: 'U0KIM',
      edits: [
        { at: '2026-11-24T13:13:00.000Z', text: 'second' },
        { at: '2026-11-24T13:14:00.000Z', text: `<script>alert(1)</script> *a* \`b\` & U0KIM "'` },
      ],
      deletedAt: '2026-11-24T13:15:00.000Z',
    },
  ]);
  expect(record.knownErrors).toEqual([
    {
      title: expect.stringMatching(/^No currency/),
      workaround: 'Read the ledger',
      by: 'U0KIM',
      at: '2026-11-24T13:15:00.000Z',
    },
  ]);
  expect(record.actions).toEqual([
    { text: 'Measure <@U0KIM> & Sons', owner: 'U0RAJ', due: '2026-12-01', done: true },
    { text: 'Tell support', owner: 'U0KIM', due: '2026-12-02', done: false },
  ]);
});

test('the timeline is in plain words: names, times, what people typed as they typed it, and no markup of ours', async () => {
  const { timeline } = await made();
  const told = (type: string) => timeline.filter((entry) => entry.type === type).map((entry) => entry.text);
  expect(told('release.requested')).toEqual([
    '📨 Ana *Star* Ruiz requested REL-1 payments 2.14.0 for Tue 24 Nov 2026, 14:00–14:45 Europe/Berlin.',
  ]);
  expect(told('note.added')).toEqual([
    `📝 Ana *Star* Ruiz: a < b & \`*c*\` <@U0KIM> & Sons here (https://x.example/?a=1&b=2) <script>alert(1)</script> *a* \`b\` & U0KIM "'`,
  ]);
  expect(told('step.done')[0]).toBe(
    '☑️ <@U0KIM> & Sons did step 1 Stop *imports*: “all `imports` stopped”. A second person has to look.',
  );
  expect(told('steps.ready').join('\n')).toContain('Step 3 Everywhere can begin: user group SRE.');
  expect(told('message.captured')).toEqual([
    expect.stringMatching(/U0MIA \(.* Europe\/Berlin\): p99 < <@U0KIM> & Sons$/),
  ]);
  expect(told('room.staffed')).toEqual(['👥 2 people were invited. Not invited: U0MIA (gone).']);
  const plain = await made(1, {});
  const inOurs = plain.timeline.filter((entry) => !JSON.stringify(entry.body).match(/[*`&]/));
  expect(inOurs.length).toBeGreaterThan(30);
  for (const { text } of inOurs) expect(text).not.toMatch(/<[@#!]|&(amp|lt|gt);|[*`\ufdd0\ufdd1]/);
});

test('whose names are needed, and that no others are let out', async () => {
  const props = await findFlight(hall.db, workspace, 1);
  expect(peopleOf(props as NonNullable<typeof props>)).toEqual(['U0ANA', 'U0BEN', 'U0KIM', 'U0LEE', 'U0MIA', 'U0RAJ']);
  expect(Object.keys((await made()).people)).toEqual(['U0ANA', 'U0BEN']);
});

test('the page shows what people typed as text', async () => {
  const page = recordHtml(await made());
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt; *a* `b` &amp; U0KIM &quot;&#39;');
  expect(page).not.toContain('<script>');
  expect(page).toMatch(/Integrity:<\/strong> \d+ of \d+ entries verified, in order\./);
});

test('a release without a room, and events that wait for their seal', async () => {
  const before = await made(2);
  expect(before).toMatchObject({ roles: [], steps: [], messages: [], release: { state: 'requested', outcome: null } });
  expect(before.timeline.map((entry) => entry.type)).toEqual(['release.requested', 'note.added']);
  await ok(hall.does('U0KIM', call(noteCommand, { release: 2, text: 'Later' })));
  const open = await made(2);
  expect(open.timeline.at(-1)).toMatchObject({ type: 'note.added', previous: '', hash: '', verified: false });
  expect(open.integrity).toMatchObject({ checked: 2, unsealed: 1, broken: [], inOrder: true });
  expect(integrityWords(open).tone).toBe('warn');
  expect(recordHtml(open)).toContain('not sealed yet');
  await sealed();
  expect((await made(2)).integrity).toMatchObject({ checked: 3, unsealed: 0 });
  expect(await findFlight(hall.db, workspace, 999)).toBeUndefined();
  expect(await findFlight(hall.db, 'T0OTHER', 1)).toBeUndefined();
});

test('the order is that of the seals: whoever committed late comes late, whatever number it got', async () => {
  const late = await hall.db.pool.connect();
  await late.query('BEGIN');
  const { rows } = await late.query(
    `WITH e AS (INSERT INTO event (id, workspace, type, at, actor, command, release, body)
       VALUES ('late', $1, 'note.added', '2026-11-23T09:00:00Z', '{"kind":"clock"}', 'late', 2, $2) RETURNING seq),
     u AS (INSERT INTO unsealed (seq, workspace) SELECT seq, $1 FROM e) SELECT seq FROM e`,
    [workspace, JSON.stringify({ type: 'note.added', release: 2, note: 'late', text: 'Late' })],
  );
  await ok(hall.does('U0KIM', call(noteCommand, { release: 2, text: 'Early' })));
  await sealed();
  await late.query('COMMIT');
  late.release();
  const waiting = await made(2);
  expect(waiting.timeline.at(-1)).toMatchObject({ seq: rows[0].seq, actor: 'clock', hash: '' });
  await sealed();
  const { timeline, integrity } = await made(2);
  const [before, last] = timeline.slice(-2);
  expect([before?.text, last?.text]).toEqual(['📝 U0KIM: Early', '📝 The clock: Late']);
  expect(Number(before?.seq)).toBeGreaterThan(Number(last?.seq));
  expect(integrity).toMatchObject({ broken: [], unsealed: 0, inOrder: true });
});

describe('what was tampered with shows, and is what the audit finds', () => {
  const seqOf = async (where: string): Promise<string> =>
    (await hall.db.pool.query(`SELECT seq FROM event WHERE release = 1 AND ${where} ORDER BY seq LIMIT 1`)).rows[0].seq;
  const found = async () => (await audit(hall.db)).problems.map((problem) => problem.what);

  test('a changed byte', async () => {
    const seq = await seqOf(`type = 'vote.cast'`);
    await inBody('comment', 'forged', `seq = ${seq}`);
    const record = await made();
    expect(record.timeline.filter((entry) => !entry.verified).map((entry) => entry.seq)).toEqual([seq]);
    expect(record.integrity).toMatchObject({ broken: [seq], inOrder: true, checked: record.timeline.length });
    expect(recordHtml(record)).toContain(`does not match its seal: ${seq}.`);
    expect(await found()).toEqual(['the event was changed after it was sealed']);
    await inBody('comment', '', `seq = ${seq}`);
    expect((await made()).integrity.broken).toEqual([]);
  });

  test('a body that cannot be read any more stops nobody from reading the rest', async () => {
    const seq = await seqOf(`type = 'note.added'`);
    await inBody('type', 'no.such', `seq = ${seq}`);
    const record = await made();
    expect(record.timeline.find((entry) => entry.seq === seq)).toMatchObject({
      text: 'This entry (note.added) cannot be read; it stands here as it was stored.',
      actor: 'unknown',
      verified: false,
    });
    expect(record.integrity.broken).toEqual([seq]);
    expect(recordHtml(record)).toContain('cannot be read');
    await inBody('type', 'note.added', `seq = ${seq}`);
  });

  test('a forged seal and a broken chain', async () => {
    const seq = await seqOf(`type = 'release.started'`);
    const { hash } = (await hall.db.pool.query('SELECT hash FROM seal WHERE seq = $1', [seq])).rows[0];
    await forged('UPDATE seal SET hash = $1 WHERE seq = $2', ['f'.repeat(64), seq]);
    expect((await made()).integrity).toMatchObject({ broken: [seq], inOrder: false });
    expect(await found()).toEqual([
      'the event was changed after it was sealed',
      'the link to the seal before it is broken',
    ]);
    await forged('UPDATE seal SET hash = $1 WHERE seq = $2', [hash, seq]);
    expect((await made()).integrity).toMatchObject({ broken: [], inOrder: true });
  });

  test('an event that was taken out of the chain', async () => {
    const seq = await seqOf(`type = 'release.rolled_back'`);
    const { rows } = await hall.db.pool.query('SELECT * FROM seal WHERE seq = $1', [seq]);
    await forged('DELETE FROM seal WHERE seq = $1', [seq]);
    const record = await made();
    expect(record.timeline.at(-1)).toMatchObject({ seq, hash: '', verified: false });
    expect(record.integrity).toMatchObject({ broken: [seq], unsealed: 0, inOrder: false });
    expect(integrityWords(record).tone).toBe('bad');
    expect(await found()).toEqual([
      expect.stringMatching(/^the chain jumps/),
      'the link to the seal before it is broken',
      '1 events are in no chain',
    ]);
    await hall.db.pool.query('INSERT INTO seal SELECT * FROM jsonb_populate_record(NULL::seal, $1)', [
      JSON.stringify(rows[0]),
    ]);
    expect((await made()).integrity).toMatchObject({ broken: [], inOrder: true });
  });
});

test('an event of before there were today’s defaults keeps its bytes and its seal', async () => {
  const body = {
    type: 'vote.cast',
    release: 2,
    gate: 'SRE',
    voter: 'U0BEN',
    choice: 'approve',
    comment: '',
    revision: 1,
    because: 'user group S0SRE',
  };
  await hall.db.pool.query(
    `WITH e AS (INSERT INTO event (id, workspace, type, at, actor, command, release, body)
       VALUES ('old', $1, 'vote.cast', '2026-11-23T10:00:00.007Z', '{"kind":"person","id":"U0BEN"}', 'old', 2, $2) RETURNING seq)
     INSERT INTO unsealed (seq, workspace) SELECT seq, $1 FROM e`,
    [workspace, JSON.stringify(body)],
  );
  await sealed();
  const record = await made(2);
  expect(record.timeline.at(-1)).toMatchObject({ body, verified: true, at: '2026-11-23T10:00:00.007Z' });
  expect(Object.keys(record.timeline.at(-1)?.body as object).sort()).toEqual(Object.keys(body).sort());
  expect(record.votes.at(-1)).toMatchObject({ voter: 'U0BEN', comment: '', revision: 1 });
  expect(record.integrity.broken).toEqual([]);
});
