import type { UnbookedProps } from '../../blocks/unbooked.ts';
import { bookedWithinMinutes, type UnbookedFacts } from '../domain/unbooked.ts';
import type { Json, Reader } from './calendar.ts';
import type { Db } from './db.ts';
import { servicesJson } from './policy.ts';

/** What is known of a deployment that may have gone past the calendar. `at`: when it was; null: nobody said. */
export async function loadUnbooked(
  reader: Reader,
  by: { readonly workspace: string; readonly actor: string | undefined; readonly now: Date },
  of: { readonly service: string; readonly version: string; readonly environment: string; readonly at: string | null },
): Promise<UnbookedFacts> {
  const [row] = await reader.query<{ facts: Json }>(
    `SELECT jsonb_build_object(
       'services', ${servicesJson('$6::text[]')},
       'serviceKeys', (SELECT coalesce(jsonb_agg(key ORDER BY key), '[]') FROM service WHERE workspace = $1),
       'hasCatalog', (SELECT catalog_hash IS NOT NULL FROM workspace WHERE id = $1),
       'roles', (SELECT coalesce(jsonb_agg(role), '[]') FROM person_role WHERE workspace = $1 AND person = $7),
       'reported', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', deployed_at, 'person', person) ORDER BY deployed_at DESC), '[]')
         FROM unbooked WHERE workspace = $1 AND service = $2 AND version = $3 AND environment = $4),
       'booked', (SELECT r.number FROM release r JOIN release_unit u ON u.workspace = $1 AND u.release = r.number
         WHERE r.workspace = $1 AND u.service = $2 AND u.version = $3 AND r.environment = $4
           AND r.started_at <= $5::timestamptz + $8 * interval '1 minute'
           AND (r.finished_at IS NULL OR r.finished_at >= $5::timestamptz - $8 * interval '1 minute')
         ORDER BY r.started_at DESC LIMIT 1)
     ) AS facts`,
    [
      by.workspace,
      of.service,
      of.version,
      of.environment,
      of.at ?? by.now,
      [of.service],
      by.actor ?? null,
      bookedWithinMinutes,
    ],
  );
  const facts = row?.facts;
  return {
    service: facts.services[0],
    serviceKeys: facts.serviceKeys,
    hasCatalog: facts.hasCatalog,
    roles: facts.roles,
    reported: facts.reported.map((one: Json) => ({ at: new Date(one.at), person: one.person })),
    booked: facts.booked ?? undefined,
  };
}

/** Deployments that were not booked, newest first. */
export async function listUnbooked(
  db: Db,
  workspace: string,
  asked: {
    readonly from: Date;
    readonly to: Date;
    /** Null: all. */
    readonly services: readonly string[] | null;
    readonly environment: string | null;
    readonly take: number;
  },
): Promise<UnbookedProps[]> {
  return db.prisma.unbooked.findMany({
    where: {
      workspace,
      deployedAt: { gte: asked.from, lt: asked.to },
      ...(asked.services === null ? {} : { service: { in: [...asked.services] } }),
      ...(asked.environment === null ? {} : { environment: asked.environment }),
    },
    orderBy: [{ deployedAt: 'desc' }, { service: 'asc' }],
    select: { service: true, version: true, environment: true, deployedAt: true, note: true, person: true },
    take: asked.take,
  });
}
