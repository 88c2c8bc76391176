/*
 * A second, naive implementation of the rules of approval, written from their description alone and without a look at the
 * first. Nothing is cached: every question is answered from the votes and members as they are now.
 */

export type Kind = 'full' | 'guest' | 'bot' | 'stranger' | 'deactivated';
export type State = 'requested' | 'approved' | 'rejected' | 'cancelled' | 'expired';
export type Choice = 'approve' | 'condition' | 'block' | 'reject' | 'recuse';
export type Gate = {
  name: string;
  needed: number | 'all' | 'majority';
  veto: boolean;
  delegates: boolean;
  covers: string[];
  asked: string[];
};
export type Vote = {
  gate: string;
  voter: string;
  choice: Choice;
  comment: string;
  unblock: string;
  seats: string[];
};
export type World = {
  people: Record<string, Kind>;
  members: Record<string, string[]>;
  requester: string;
  lead: string;
  state: State;
  revision: number;
  gates: Gate[];
  votes: Vote[];
  delegations: Record<string, string>;
  verdicts: string[]; // 'approved@1', 'rejected@2': one entry each time the state becomes it
};
export type Tally = { gate: string; met: boolean; lost: boolean; stuck: boolean; yes: number; no: number };
export type Snapshot = {
  state: State;
  revision: number;
  votes: { gate: string; voter: string; choice: Choice; seats: string[] }[];
  met: Record<string, boolean>;
};

export function newWorld(given: {
  people: Record<string, Kind>;
  members: Record<string, string[]>;
  requester: string;
  lead: string;
  gates: Omit<Gate, 'asked'>[];
}): World {
  const world: World = {
    people: { ...given.people },
    members: {},
    requester: given.requester,
    lead: given.lead,
    state: 'requested',
    revision: 1,
    gates: given.gates.map((g) => ({ ...g, covers: [...g.covers], asked: [] })),
    votes: [],
    delegations: {},
    verdicts: [],
  };
  for (const [name, ids] of Object.entries(given.members)) world.members[name] = [...ids];
  for (const g of world.gates) g.asked = askedNow(world, g);
  if (world.gates.length === 0) become(world, 'approved');
  return world;
}

function become(world: World, state: State): void {
  if (world.state === state) return;
  world.state = state;
  if (state === 'approved' || state === 'rejected') world.verdicts.push(`${state}@${world.revision}`);
}

function isFull(world: World, p: string): boolean {
  return world.people[p] === 'full';
}

function isOwn(world: World, p: string): boolean {
  return p === world.requester || p === world.lead;
}

function isMember(world: World, g: Gate, p: string): boolean {
  return (world.members[g.name] ?? []).includes(p);
}

function askedNow(world: World, g: Gate): string[] {
  const ids = (world.members[g.name] ?? []).filter((p) => isFull(world, p) && !isOwn(world, p));
  return [...new Set(ids)].sort();
}

function kindRefusal(world: World, p: string): string | null {
  const kind = world.people[p];
  if (kind === 'full') return null;
  if (kind === 'bot') return 'is_bot';
  if (kind === 'deactivated') return 'is_deactivated';
  if (kind === 'guest') return 'is_guest';
  return 'is_stranger'; // also somebody nobody has heard of
}

function votesIn(world: World, g: Gate): Vote[] {
  return world.votes.filter((v) => v.gate === g.name);
}

function otherVoteHasSeat(world: World, g: Gate, voter: string, seat: string): boolean {
  return votesIn(world, g).some((v) => v.voter !== voter && v.seats.includes(seat));
}

function seatsFor(world: World, g: Gate, p: string): string[] {
  const seats: string[] = [];
  if (isMember(world, g, p) && isFull(world, p) && !otherVoteHasSeat(world, g, p, p)) seats.push(p);
  for (const [from, to] of Object.entries(world.delegations)) {
    if (to !== p) continue;
    if (!g.delegates) continue;
    if (!isMember(world, g, from)) continue;
    if (!isFull(world, from)) continue;
    if (isOwn(world, from)) continue;
    if (votesIn(world, g).some((v) => v.voter === from)) continue;
    if (otherVoteHasSeat(world, g, p, from)) continue;
    seats.push(from);
  }
  return seats.sort();
}

export function vote(
  world: World,
  p: string,
  choice: Choice,
  comment: string,
  unblock: string,
  revision: number,
): string {
  // 1
  const kind = kindRefusal(world, p);
  if (kind !== null) return kind;
  // 2
  if (world.state !== 'requested') return 'voting_closed';
  // 3
  if (isOwn(world, p)) return 'own_release';
  // 4
  const open = world.gates.map((gate) => ({ gate, seats: seatsFor(world, gate, p) })).filter((o) => o.seats.length > 0);
  if (open.length === 0) {
    return world.gates.some((g) => isMember(world, g, p)) ? 'decided_for_you' : 'not_eligible';
  }
  // whoever steps aside does so for themselves, and hands back what they were handed
  const handed = choice === 'recuse' ? Object.entries(world.delegations).filter(([, to]) => to === p) : [];
  const mine =
    choice === 'recuse'
      ? open
          .filter((o) => o.seats.includes(p) || votesIn(world, o.gate).some((v) => v.voter === p))
          .map((o) => ({ ...o, seats: [p] }))
      : open;
  // 5
  if (revision !== world.revision) return 'changed_since';
  // 6
  const blankComment = comment.trim() === '';
  if ((choice === 'condition' || choice === 'block' || choice === 'reject') && blankComment) return 'reason_needed';
  if (choice === 'block' && unblock.trim() === '') return 'reason_needed';
  // 7
  const remaining = mine.filter((o) => {
    const same = votesIn(world, o.gate).some(
      (v) =>
        v.voter === p &&
        v.choice === choice &&
        v.comment.trim() === comment.trim() &&
        v.unblock.trim() === unblock.trim() &&
        v.seats.join('\n') === o.seats.join('\n'),
    );
    return !same;
  });
  if (remaining.length === 0 && handed.length === 0) return 'already_voted';
  for (const [from] of handed) delete world.delegations[from];

  for (const { gate, seats } of remaining) {
    world.votes = world.votes.filter((v) => !(v.gate === gate.name && v.voter === p));
    world.votes.push({ gate: gate.name, voter: p, choice, comment, unblock, seats });
  }
  if (choice === 'reject' && remaining.some((o) => o.gate.veto)) become(world, 'rejected');
  else if (tally(world).every((t) => t.met)) become(world, 'approved');
  else if (tally(world).some((t) => t.lost)) become(world, 'rejected');
  return 'ok';
}

export function tally(world: World): Tally[] {
  return world.gates.map((g) => tallyOf(world, g));
}

function tallyOf(world: World, g: Gate): Tally {
  const own = votesIn(world, g);
  const yes = own.filter((v) => v.choice === 'approve' || v.choice === 'condition').map((v) => v.voter);
  const no = own.filter((v) => v.choice === 'block' || v.choice === 'reject').map((v) => v.voter);
  const recused = own.filter((v) => v.choice === 'recuse').flatMap((v) => v.seats);
  const cast = own.filter((v) => v.choice !== 'recuse');

  const stand = (s: string): string => cast.find((v) => v.seats.includes(s))?.voter ?? s;
  const electorate = new Set<string>();
  for (const s of g.asked) if (!recused.includes(s)) electorate.add(stand(s));
  for (const v of cast) electorate.add(v.voter);

  const n = g.needed;
  let quorum: boolean;
  if (n === 'all') quorum = electorate.size > 0 && [...electorate].every((e) => yes.includes(e));
  else if (n === 'majority') quorum = 2 * yes.length > electorate.size;
  else quorum = yes.length >= n;

  const met = quorum && (g.veto ? no.length === 0 : true);

  let lost: boolean;
  if (g.veto) lost = false;
  else if (n === 'all') lost = no.length > 0;
  else if (n === 'majority') lost = 2 * (electorate.size - no.length) <= electorate.size && no.length > 0;
  else lost = electorate.size - no.length < n && no.length > 0;

  const stuck = typeof n === 'number' && n > electorate.size;
  return { gate: g.name, met, lost, stuck, yes: yes.length, no: no.length };
}

export function delegate(world: World, p: string, d: string): string {
  const kind = kindRefusal(world, p);
  if (kind !== null) return kind;
  if (world.state !== 'requested') return 'voting_closed';
  if (isOwn(world, p)) return 'own_release';
  const mine = world.gates.filter((g) => isMember(world, g, p));
  if (mine.length === 0) return 'not_eligible';
  if (!mine.some((g) => g.delegates)) return 'no_delegates';
  if (p === d || !isFull(world, d)) return 'delegate_unfit';
  if (isOwn(world, d)) return 'delegate_unfit';
  if (world.delegations[d] !== undefined || Object.values(world.delegations).includes(p)) return 'delegate_chain';
  if (world.votes.some((v) => v.voter === p || v.seats.includes(p))) return 'already_voted';
  world.delegations[p] = d;
  return 'ok';
}

export function takeBack(world: World, p: string): string {
  if (world.delegations[p] === undefined) return 'nothing_delegated';
  if (world.state !== 'requested') return 'voting_closed';
  if (world.votes.some((v) => v.voter !== p && v.seats.includes(p))) return 'decided_for_you';
  delete world.delegations[p];
  return 'ok';
}

// change, cancel and expire answer whether they were possible (the page names no refusal codes).
export function change(world: World, fields: string[]): boolean {
  if (world.state !== 'requested' && world.state !== 'approved') return false;
  world.revision += 1;
  for (const g of world.gates) {
    const touched = g.covers.some((f) => fields.includes(f));
    const decided = votesIn(world, g).some((v) => v.choice !== 'recuse');
    if (!touched || !decided) continue;
    world.votes = world.votes.filter((v) => v.gate !== g.name || v.choice === 'recuse');
    g.asked = askedNow(world, g);
  }
  become(world, tally(world).every((t) => t.met) ? 'approved' : 'requested');
  return true;
}

export function cancel(world: World): boolean {
  if (world.state !== 'requested' && world.state !== 'approved') return false;
  become(world, 'cancelled');
  return true;
}

export function expire(world: World): boolean {
  if (world.state !== 'requested') return false;
  become(world, 'expired');
  return true;
}

export function snapshot(world: World): Snapshot {
  const votes = world.votes.map((v) => ({ gate: v.gate, voter: v.voter, choice: v.choice, seats: [...v.seats] }));
  votes.sort((a, b) => {
    if (a.gate !== b.gate) return a.gate < b.gate ? -1 : 1;
    if (a.voter !== b.voter) return a.voter < b.voter ? -1 : 1;
    return 0;
  });
  const met: Record<string, boolean> = {};
  for (const t of tally(world)) met[t.gate] = t.met;
  return { state: world.state, revision: world.revision, votes, met };
}
