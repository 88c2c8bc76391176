import { Policy } from '../domain/policy.ts';
import type { Proposal, TrustFacts, TrustVoteFacts } from '../domain/trust.ts';
import type { Json, Reader } from './calendar.ts';
import { failedSql } from './policy.ts';

/** Ended releases of a team under a policy, since its rung or a proposal for it last changed. */
const recordSql = `
  SELECT count(DISTINCT r.number)::int AS n,
    count(DISTINCT r.number) FILTER (WHERE ${failedSql})::int AS failed
  FROM release r JOIN release_unit u ON u.workspace = r.workspace AND u.release = r.number
    JOIN service s ON s.workspace = r.workspace AND s.key = u.service
  WHERE r.workspace = $1 AND r.policy = x.policy AND s.team = x.team AND r.state IN ('done', 'rolled_back', 'failed')
    AND r.ended_at > coalesce((SELECT max(p.ended_at) FROM proposal p WHERE p.workspace = $1 AND p.team = x.team
      AND (p.policy = x.policy OR p.rung = x.policy)), '-infinity')`;

/** What the record of a release's teams speaks for. */
export async function loadTrust(reader: Reader, workspace: string, release: number): Promise<TrustFacts | undefined> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('state', r.state, 'failed', ${failedSql},
       'policy', (SELECT body FROM policy WHERE workspace = $1 AND body ->> 'name' = r.policy ORDER BY position LIMIT 1),
       'policies', (SELECT coalesce(jsonb_agg(body ->> 'name'), '[]') FROM policy WHERE workspace = $1),
       'managers', (SELECT coalesce(jsonb_agg(person ORDER BY person), '[]') FROM person_role WHERE workspace = $1 AND role = 'release_manager'),
       'teams', (SELECT coalesce(jsonb_agg(jsonb_build_object('team', x.team, 'members', t.members,
           'record', (SELECT to_jsonb(c) FROM (${recordSql}) c),
           'open', (SELECT jsonb_build_object('id', p.id, 'to', p.rung, 'direction', p.direction) FROM proposal p
             WHERE p.workspace = $1 AND p.team = x.team AND p.policy = x.policy AND p.state = 'open' LIMIT 1))
           ORDER BY x.team), '[]')
         FROM (SELECT DISTINCT s.team, r.policy FROM release_unit u JOIN service s ON s.workspace = $1 AND s.key = u.service
           WHERE u.workspace = $1 AND u.release = r.number AND s.team IS NOT NULL) x
         JOIN team t ON t.workspace = $1 AND t.key = x.team)
     ) AS facts FROM release r WHERE r.workspace = $1 AND r.number = $2`,
    [workspace, release],
  );
  if (!row) return undefined;
  const { policy, ...facts } = row.facts;
  return { ...facts, policy: policy ? Policy.parse(policy) : undefined };
}

export async function loadTrustVote(reader: Reader, workspace: string, proposal: string): Promise<TrustVoteFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object('proposal', ${proposalJson},
       'managers', (SELECT coalesce(jsonb_agg(person ORDER BY person), '[]') FROM person_role WHERE workspace = $1 AND role = 'release_manager'),
       'members', (SELECT coalesce(to_jsonb(members), '[]') FROM team WHERE workspace = $1 AND key = p.team)) AS facts
     FROM proposal p WHERE p.workspace = $1 AND p.id = $2`,
    [workspace, proposal],
  );
  return row ? { ...row.facts, members: row.facts.members ?? [] } : { proposal: undefined, managers: [], members: [] };
}

const proposalJson = `jsonb_build_object('id', p.id, 'team', p.team, 'policy', p.policy, 'to', p.rung, 'direction', p.direction,
  'state', p.state, 'needed', p.needed, 'votes', p.votes, 'n', p.n, 'failed', p.failed, 'low', p.low, 'high', p.high)`;

export type ProposalProps = Proposal & {
  readonly n: number;
  readonly failed: number;
  readonly low: number;
  readonly high: number;
};

export async function findProposal(reader: Reader, workspace: string, id: string): Promise<ProposalProps | undefined> {
  const [row] = await reader.query<{ proposal: ProposalProps }>(
    `SELECT ${proposalJson} AS proposal FROM proposal p WHERE p.workspace = $1 AND p.id = $2`,
    [workspace, id],
  );
  return row?.proposal;
}

export type TrustProps = {
  readonly teams: readonly {
    readonly team: string;
    readonly policy: string;
    readonly rung: string | null;
    readonly n: number;
    readonly failed: number;
  }[];
  readonly proposals: readonly ProposalProps[];
};

/** The record of every team under every policy that it had releases under, and the proposals that are open. */
export async function listTrust(reader: Reader, workspace: string): Promise<TrustProps> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'teams', (SELECT coalesce(jsonb_agg(jsonb_build_object('team', x.team, 'policy', x.policy,
           'rung', (SELECT rung FROM trust WHERE workspace = $1 AND team = x.team AND policy = x.policy)) || (SELECT to_jsonb(c) FROM (${recordSql}) c)
           ORDER BY x.team, x.policy), '[]')
         FROM (SELECT DISTINCT s.team, r.policy FROM release r JOIN release_unit u ON u.workspace = $1 AND u.release = r.number
           JOIN service s ON s.workspace = $1 AND s.key = u.service
           WHERE r.workspace = $1 AND s.team IS NOT NULL AND r.state IN ('done', 'rolled_back', 'failed')) x),
       'proposals', (SELECT coalesce(jsonb_agg(${proposalJson} ORDER BY p.at), '[]') FROM proposal p WHERE p.workspace = $1 AND p.state = 'open')) AS facts`,
    [workspace],
  );
  return row?.facts;
}
