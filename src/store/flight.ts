import type { FlightProps } from '../../blocks/flight.ts';
import { RiskRow } from '../domain/approval.ts';
import { type Json, readerOf } from './calendar.ts';
import type { Db } from './db.ts';
import { entriesJson, toEntry } from './log.ts';
import { stepsJson, toStep } from './room.ts';

/**
 * Everything that the record of a release is made of, as it is at one moment: in one statement, so that its parts agree.
 * Undefined when there is no such release.
 */
export async function findFlight(db: Db, workspace: string, number: number): Promise<FlightProps | undefined> {
  const [row] = await readerOf(db).query<{ found: Json }>(
    `SELECT jsonb_build_object(
       'release', to_jsonb(r), 'zone', w.zone, 'steps', ${stepsJson}, 'log', ${entriesJson},
       'units', (SELECT jsonb_agg(jsonb_build_object('service', service, 'version', version) ORDER BY position)
         FROM release_unit WHERE workspace = $1 AND release = $2),
       'groups', (SELECT coalesce(jsonb_object_agg(x.id, x.words), '{}') FROM approver_group g,
         LATERAL (VALUES (g.oncall, g.name || ' on call'), (g.usergroup, g.name)) AS x(id, words)
         WHERE g.workspace = $1 AND x.id IS NOT NULL)
     ) AS found FROM release r JOIN workspace w ON w.id = r.workspace WHERE r.workspace = $1 AND r.number = $2`,
    [workspace, number],
  );
  if (!row) return undefined;
  const { release, units, zone, groups, steps, log } = row.found;
  const when = (at: string | null) => (at === null ? undefined : new Date(at));
  return {
    zone,
    groups,
    steps: steps.map(toStep),
    log: log.map(toEntry),
    lessons: release.reviewed_at === null || Object.keys(release.lessons).length === 0 ? null : release.lessons,
    release: {
      number,
      state: release.state,
      units,
      environment: release.environment,
      changeType: release.change_type,
      summary: release.summary,
      requester: release.requester,
      lead: release.lead,
      startsAt: new Date(release.starts_at),
      endsAt: new Date(release.ends_at),
      startedAt: when(release.started_at),
      endedAt: when(release.ended_at),
      risk: release.risk === null ? undefined : RiskRow.parse(release.risk),
      rollbackPlan: release.rollback_plan,
      links: release.links,
      reason: release.reason,
      outcome: release.outcome ?? undefined,
      review: release.review,
    },
  };
}
