import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeCommand } from '../../src/commands/change.ts';
import { type Call, call } from '../../src/commands/command.ts';
import { delegateCommand, recuseCommand, voteCommand } from '../../src/commands/vote.ts';
import { releaseStates } from '../../src/domain/release.ts';
import type { Outcome } from '../../src/run.ts';
import { type Hall, openHall } from '../support/hall.ts';

/*
 * Every kind of person, by every path that ends in a vote, in every state of a release: let in, or refused with exactly
 * this; and every denial is in the record.
 */
let hall: Hall;
beforeAll(async () => {
  hall = await openHall();
});
afterAll(() => hall?.close());

const people = {
  requester: 'U0ANA',
  'deploy lead': 'U0RAJ',
  'SRE of the group': 'U0BEN',
  'delegate of a member': 'U0SAM',
  'release manager outside of the gates': 'U0RAE',
  'engineer outside of the gates': 'U0ZOE',
  guest: 'U0GUEST1',
  'person of another organisation': 'U0EVE',
  bot: 'U0BOT1',
  'somebody who left': 'U0TOM',
} as const;
type Kind = keyof typeof people;

/** What stops this kind of person wherever votes are cast; undefined: nothing. */
const whoever: Partial<Record<Kind, string>> = {
  guest: 'is_guest',
  'person of another organisation': 'is_stranger',
  bot: 'is_bot',
  'somebody who left': 'is_deactivated',
};
const whileOpen: Partial<Record<Kind, string>> = {
  requester: 'own_release',
  'deploy lead': 'own_release',
  'release manager outside of the gates': 'not_eligible',
  'engineer outside of the gates': 'not_eligible',
};

const vote = (release: number, choice: 'approve' | 'condition' | 'block' | 'reject') =>
  call(voteCommand, { release, revision: 1, choice, comment: 'because', unblock: 'a backup', code: '' });
const paths: Record<string, { what: (release: number) => Call; refusals?: Partial<Record<Kind, string>> }> = {
  approve: { what: (release) => vote(release, 'approve') },
  condition: { what: (release) => vote(release, 'condition') },
  block: { what: (release) => vote(release, 'block') },
  reject: { what: (release) => vote(release, 'reject') },
  'step aside': { what: (release) => call(recuseCommand, { release }) },
  'hand it on': {
    what: (release) => call(delegateCommand, { release, to: 'U0MIA' }),
    // A vote that was handed to somebody is not handed on.
    refusals: { 'delegate of a member': 'not_eligible' },
  },
  'hand it to the requester': {
    what: (release) => call(delegateCommand, { release, to: 'U0ANA' }),
    refusals: { 'SRE of the group': 'delegate_unfit', 'delegate of a member': 'not_eligible' },
  },
  'hand it to a guest': {
    what: (release) => call(delegateCommand, { release, to: 'U0GUEST1' }),
    refusals: { 'SRE of the group': 'delegate_unfit', 'delegate of a member': 'not_eligible' },
  },
};

let day = 0;
async function booked(): Promise<number> {
  const startsAt = new Date(Date.UTC(2026, 11, 1, 10) + ++day * 86_400_000).toISOString();
  const outcome = await hall.books('U0ANA', { startsAt, lead: 'U0RAJ' });
  const event = outcome.ok ? outcome.events.find((one) => one.body.type === 'release.requested') : undefined;
  if (event?.body.type !== 'release.requested') throw new Error(`not booked: ${codeOf(outcome)}`);
  const { release } = event.body;
  await hall.does('U0LEE', call(delegateCommand, { release, to: 'U0SAM' }));
  return release;
}

const codeOf = (outcome: Outcome) => (outcome.ok ? 'ok' : outcome.refusal.code);
const denials = async () => {
  const { rows } = await hall.db.pool.query(
    `SELECT count(*)::int AS n FROM command WHERE NOT (outcome ->> 'ok')::boolean AND name IN ('vote', 'recuse', 'delegate')`,
  );
  return rows[0].n as number;
};

test.each(Object.keys(paths))('%s: who may, in every state, and each denial is recorded', async (path) => {
  const { what, refusals = {} } = paths[path] as (typeof paths)[string];
  const before = await denials();
  let denied = 0;
  for (const state of releaseStates)
    for (const [kind, id] of Object.entries(people) as [Kind, string][]) {
      const release = await booked();
      // The state alone is what is asked about here; how one comes there is told elsewhere.
      await hall.db.pool.query('UPDATE release SET state = $2 WHERE number = $1', [release, state]);
      const expected =
        whoever[kind] ?? (state === 'requested' ? (whileOpen[kind] ?? refusals[kind] ?? 'ok') : 'voting_closed');
      const got = codeOf(await hall.does(id, what(release)));
      expect([path, state, kind, got]).toEqual([path, state, kind, expected]);
      if (got !== 'ok') denied++;
      const { rows } = await hall.db.pool.query('SELECT count(*)::int AS n FROM vote WHERE release = $1', [release]);
      // Somebody who only votes for others steps aside by handing back.
      const isVote = !path.startsWith('hand') && !(path === 'step aside' && kind === 'delegate of a member');
      const votes = expected === 'ok' && isVote ? 1 : 0;
      expect([path, state, kind, rows[0].n]).toEqual([path, state, kind, votes]);
      // It holds its slot no longer, and nobody is in the way of the next.
      await hall.db.pool.query('UPDATE reservation SET held = false WHERE release = $1', [release]);
    }
  expect((await denials()) - before).toBe(denied);
  expect(denied).toBeGreaterThan(80);
});

test('no words cast a vote: commands and mentions open the review, and nothing else', async () => {
  const release = await booked();
  for (const line of ['review', 'vote', 'approve'])
    expect(await hall.says('U0BEN', `${line} REL-${release} approve`)).toBe('open');
  expect((await hall.db.pool.query('SELECT 1 FROM vote WHERE release = $1', [release])).rows).toEqual([]);
});

test('nobody loses their word by being made the lead, and no lead has one', async () => {
  const release = await booked();
  const lead = (id: string) =>
    hall.does('U0ANA', call(changeCommand, { release, revision: null, change: { lead: id } }));
  // Asked, voted or blocked: who has a word keeps it.
  expect(codeOf(await lead('U0BEN'))).toBe('lead_is_approver');
  expect(codeOf(await hall.votes('U0BEN', release, { choice: 'block', comment: 'no', unblock: 'yes' }))).toBe('ok');
  expect(codeOf(await lead('U0BEN'))).toBe('lead_is_approver');
  expect(codeOf(await hall.does('U0BEN', call(recuseCommand, { release })))).toBe('ok');
  expect(codeOf(await lead('U0BEN'))).toBe('ok');
  expect(codeOf(await hall.votes('U0BEN', release, { revision: 2 }))).toBe('own_release');
  expect(codeOf(await lead('U0RAJ'))).toBe('ok');
  // Who stepped aside comes back by voting.
  expect(codeOf(await hall.votes('U0BEN', release, { revision: 3 }))).toBe('ok');
});

test('a delegate is judged at the click: the member has to be one still, and the delegate fit', async () => {
  const release = await booked();
  hall.groups.S0SRE = ['U0BEN'];
  expect(codeOf(await hall.votes('U0SAM', release))).toBe('not_eligible');
  hall.groups.S0SRE = ['U0BEN', 'U0LEE'];
  expect(codeOf(await hall.votes('U0SAM', release))).toBe('ok');
  expect(codeOf(await hall.votes('U0LEE', release))).toBe('decided_for_you');
  const { rows } = await hall.db.pool.query('SELECT voter, seats, because FROM vote WHERE release = $1', [release]);
  expect(rows).toEqual([{ voter: 'U0SAM', seats: ['U0LEE'], because: 'for U0LEE: user group S0SRE' }]);
});
