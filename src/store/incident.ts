import { candidateHours, type IncidentFacts, type Reported } from '../domain/incident.ts';
import { addMinutes } from '../domain/time.ts';
import type { Json, Reader } from './calendar.ts';

type By = { readonly workspace: string; readonly now: Date };

/** What is known of an incident, and the releases that it may have come from. */
export async function loadIncident(reader: Reader, { workspace, now }: By, key: string): Promise<IncidentFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'reported', ${reportedJson('$2')},
       'links', (SELECT coalesce(jsonb_agg(jsonb_build_object('release', release, 'key', key, 'isOpen', closed_at IS NULL) ORDER BY release), '[]')
         FROM incident WHERE workspace = $1 AND lower(key) = lower($2)),
       'releases', (SELECT coalesce(jsonb_agg(jsonb_build_object('release', r.number, 'state', r.state, 'startedAt', r.started_at, 'finishedAt', r.finished_at,
           'services', (SELECT jsonb_agg(u.service ORDER BY u.position) FROM release_unit u WHERE u.workspace = $1 AND u.release = r.number))), '[]')
         FROM release r WHERE r.workspace = $1 AND r.started_at <= $4
           AND (r.finished_at > $3 OR (r.finished_at IS NULL AND r.state IN ('deploying', 'paused', 'verifying')))),
       'dependsOn', (SELECT coalesce(jsonb_object_agg(key, depends_on), '{}') FROM service WHERE workspace = $1)
     ) AS facts`,
    [workspace, key.trim(), addMinutes(now, -candidateHours * 60), now],
  );
  const facts = row?.facts;
  return {
    reported: toReported(facts.reported),
    links: facts.links,
    releases: facts.releases.map((one: Json) => ({
      ...one,
      startedAt: new Date(one.startedAt),
      finishedAt: one.finishedAt ? new Date(one.finishedAt) : undefined,
    })),
    dependsOn: facts.dependsOn,
  };
}

/** An incident that was reported without a release; undefined when nobody did. */
export async function findReported(reader: Reader, workspace: string, key: string): Promise<Reported | undefined> {
  const [row] = await reader.query<{ found: Json }>(`SELECT ${reportedJson('$2')} AS found`, [workspace, key.trim()]);
  return toReported(row?.found);
}

function reportedJson(key: string): string {
  return `(SELECT jsonb_build_object('key', key, 'note', note, 'services', services, 'person', person, 'at', at, 'state', state)
    FROM reported_incident WHERE workspace = $1 AND lower(key) = lower(${key}) LIMIT 1)`;
}

function toReported(found: Json): Reported | undefined {
  return found ? { ...found, at: new Date(found.at) } : undefined;
}
