import type { Criterion, ExceptionRow, GateRow } from '../domain/approval.ts';
import { bookingKey } from '../domain/booking.ts';
import type { Seat } from '../domain/calendar.ts';
import { roomSettingsOf, standardsOf, trainsOf } from '../domain/catalog.ts';
import { handoverCriteria } from '../domain/criterion.ts';
import { missed } from '../domain/deploy.ts';
import { byType, type EventTable, type StoredEvent } from '../domain/event.ts';
import { unitsName } from '../domain/release.ts';
import { holderOf } from '../domain/request.ts';
import type { StepPlan } from '../domain/runbook.ts';
import { lineHolder } from '../domain/waiting-line.ts';
import { Conflict, type Tx } from './tx.ts';

/** One statement; `rows` is how many rows it must touch, else somebody was faster and the transaction is repeated. */
type Write = { readonly sql: string; readonly params: readonly unknown[]; readonly rows?: number };

/**
 * What an event changes (total). The only writer of state: every value comes from the event, so that replaying the log
 * into empty tables gives the same rows.
 */
const changes: EventTable<Write[]> = {
  'workspace.connected': ({ workspace, body }) => [
    {
      sql: `INSERT INTO workspace (id, name, bot_user) VALUES ($1, $2, $3)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, bot_user = excluded.bot_user`,
      params: [workspace, body.name, body.botUser],
    },
    { sql: `CREATE SEQUENCE IF NOT EXISTS "release_number_${workspace.replace(/[^A-Za-z0-9]/g, '')}"`, params: [] },
  ],
  'catalog.applied': ({ workspace, body: { catalog, hash } }) => [
    {
      sql: 'UPDATE workspace SET zone = $2, home = $3, catalog_hash = $4, catalog = $5 WHERE id = $1',
      params: [workspace, catalog.zone, catalog.home ?? null, hash, JSON.stringify(catalog)],
      rows: 1,
    },
    ...catalogTables.map((table) => ({ sql: `DELETE FROM ${table} WHERE workspace = $1`, params: [workspace] })),
    insertAll(
      'person_role (workspace, person, role)',
      'person text, role text',
      workspace,
      Object.entries(catalog.people).flatMap(([person, { roles }]) => roles.map((role) => ({ person, role }))),
    ),
    insertAll(
      'environment (workspace, key, exclusive)',
      'key text, exclusive boolean',
      workspace,
      keyed(catalog.environments),
    ),
    insertAll(
      'team (workspace, key, name, channel, members, exceptions)',
      'key text, name text, channel text, members text[], exceptions integer',
      workspace,
      keyed(catalog.teams),
    ),
    insertAll(
      'approver_group (workspace, key, name, usergroup, members, oncall, quiet)',
      'key text, name text, usergroup text, members text[], oncall text, quiet text[]',
      workspace,
      keyed(catalog.groups).map((group) => ({ usergroup: null, members: [], ...group })),
    ),
    insertAll(
      'service (workspace, key, team, tier, channel, environments, depends_on, tags, regions, semver, room)',
      'key text, team text, tier integer, channel text, environments text[], depends_on text[], tags text[], regions text[], semver boolean, room jsonb',
      workspace,
      keyed(catalog.services).map((service) => ({ ...service, room: roomSettingsOf(service) })),
    ),
    insertAll(
      'runbook (workspace, key, body)',
      'key text, body jsonb',
      workspace,
      Object.entries(catalog.runbooks).map(([key, body]) => ({ key, body })),
    ),
    insertAll(
      'protocol (workspace, key, position, body)',
      'key text, position integer, body jsonb',
      workspace,
      Object.entries(catalog.protocols).map(([key, body], position) => ({ key, position, body })),
    ),
    insertAll(
      'policy (workspace, position, body)',
      'position integer, body jsonb',
      workspace,
      catalog.policies.map((body, position) => ({ position, body })),
    ),
    insertAll(
      'train (workspace, key, body)',
      'key text, body jsonb',
      workspace,
      trainsOf(catalog).map((body) => ({ key: body.key, body })),
    ),
    insertAll(
      'standard_change (workspace, key, position, body)',
      'key text, position integer, body jsonb',
      workspace,
      standardsOf(catalog).map((body, position) => ({ key: body.key, position, body })),
    ),
  ],
  'service.named': ({ workspace, body }) => [
    {
      sql: `INSERT INTO service (workspace, key, team, tier, channel, environments, depends_on)
            VALUES ($1, $2, NULL, 3, NULL, '{}', '{}') ON CONFLICT DO NOTHING`,
      params: [workspace, body.service],
    },
  ],
  'release.requested': ({ workspace, at, body }) => [
    {
      sql: `WITH r AS (
              INSERT INTO release (workspace, number, state, requester, lead, environment, change_type, policy, summary,
                rollback_plan, starts_at, ends_at, channel, revision, requested_at, changed_at, depends_on, train, departure, warnings, series,
                rollback_tested, migration, scope, links, because, problems, risk, guards, auto, advice)
              VALUES ($1, $2, 'requested', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $13, $16, $17, $18, $19, $20,
                $21, $22, $23, $24, $25, $26, $27, $28, $29, $31)
            ), u AS (
              INSERT INTO release_unit (workspace, release, position, service, version)
              SELECT $1, $2, position, service, version
              FROM jsonb_to_recordset($14::jsonb) AS x(position integer, service text, version text)
            ), c AS (
              INSERT INTO criterion (workspace, release, key, position, body)
              SELECT $1, $2, key, position, body FROM jsonb_to_recordset($30::jsonb) AS x(key text, position integer, body jsonb)
            )
            INSERT INTO gate (workspace, release, position, name, rule, asked, asked_at)
            SELECT $1, $2, position, name, rule, asked, $13
            FROM jsonb_to_recordset($15::jsonb) AS x(position integer, name text, rule jsonb, asked text[])`,
      params: [
        workspace,
        body.release,
        body.requester,
        body.lead,
        body.environment,
        body.changeType,
        body.policy,
        body.summary,
        body.rollbackPlan,
        body.startsAt,
        body.endsAt,
        body.channel,
        at,
        JSON.stringify(body.units.map((unit, position) => ({ position, ...unit }))),
        JSON.stringify(
          body.gates.map((rule, position) => ({ position, name: rule.name, rule, asked: body.asked[position] ?? [] })),
        ),
        body.dependsOn,
        body.train?.key ?? null,
        body.train?.date ?? null,
        JSON.stringify(body.warnings),
        body.series,
        body.rollbackTested,
        body.migration,
        JSON.stringify(body.scope),
        body.links,
        body.because,
        JSON.stringify(body.problems),
        body.risk === null ? null : JSON.stringify(body.risk),
        JSON.stringify(body.guards),
        body.auto,
        JSON.stringify(criterionRows(body.criteria)),
        body.advice,
      ],
    },
    ...(body.exception ? [exceptionRow(workspace, body.release, body.exception, body.requester, at)] : []),
    ...hold(
      workspace,
      releaseHold(
        body.release,
        body,
        body.units.map((unit) => unit.service),
        unitsName(body.units),
      ),
    ),
  ],
  'vote.cast': ({ workspace, at, body }) => [
    {
      sql: `WITH v AS (
              INSERT INTO vote (workspace, release, gate, voter, revision, choice, comment, because, at, unblock, seats)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
              ON CONFLICT (workspace, release, gate, voter, revision)
              DO UPDATE SET choice = excluded.choice, comment = excluded.comment, because = excluded.because, at = excluded.at,
                unblock = excluded.unblock, seats = excluded.seats
            ), t AS (DELETE FROM tick WHERE workspace = $1 AND release = $2 AND criterion = 'condition:' || $3 || ':' || $4)
            UPDATE gate SET met_at = CASE WHEN $12 THEN coalesce(met_at, $9) END WHERE workspace = $1 AND release = $2 AND name = $3`,
      params: [
        workspace,
        body.release,
        body.gate,
        body.voter,
        body.revision,
        body.choice,
        body.comment,
        body.because,
        at,
        body.unblock,
        body.seats.length === 0 ? [body.voter] : body.seats,
        body.meets,
      ],
    },
    {
      sql: 'UPDATE release SET changed_at = $3, first_vote_at = coalesce(first_vote_at, $3) WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, at],
      rows: 1,
    },
  ],
  'release.approved': (event) => [
    {
      sql: `UPDATE release SET state = 'approved', reason = '', changed_at = $3, approved_at = $3, approved_hash = $4 WHERE workspace = $1 AND number = $2`,
      params: [event.workspace, event.body.release, event.at, event.body.hash],
      rows: 1,
    },
  ],
  'release.rejected': (event) => [setState(event, 'rejected', event.body.reason), ...free(event)],
  'release.expired': (event) => [setState(event, 'expired', ''), ...free(event)],
  'release.cancelled': (event) => [setState(event, 'cancelled', event.body.reason), ...free(event)],
  'room.opened': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET room = 'open', changed_at = $4, room_opened_at = coalesce(room_opened_at, $4), archived_at = NULL, archive_notice_at = NULL, room_invited = '{}', barred = array_remove(barred, 'create'),
              kept_at = CASE WHEN room = 'none' THEN NULL ELSE $4 END, room_members = ARRAY(SELECT DISTINCT unnest(room_members || $3::text[]) ORDER BY 1)
            WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, body.members, at],
      rows: 1,
    },
  ],
  'room.closed': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET room = 'closed', room_note = $4, changed_at = $3 WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, at, body.note],
      rows: 1,
    },
  ],
  'room.staffed': ({ workspace, body }) => [
    {
      sql: 'UPDATE release SET room_channel = $3, room_invited = room_invited || $4::text[] WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, body.channel, [...body.invited, ...body.skipped.map((one) => one.person)]],
      rows: 1,
    },
  ],
  'room.invited': ({ workspace, body }) => [
    {
      sql: `UPDATE release SET room_members = ARRAY(SELECT DISTINCT unnest(room_members || $3::text[]) ORDER BY 1),
              room_invited = ARRAY(SELECT unnest(room_invited) EXCEPT SELECT unnest($3::text[]) ORDER BY 1) WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, body.people],
      rows: 1,
    },
  ],
  'room.barred': ({ workspace, body }) => [
    {
      sql: `UPDATE release SET barred = array_append(array_remove(barred, $3), $3), archived_at = CASE WHEN $3 = 'archive' THEN NULL ELSE archived_at END,
              room_channel = CASE WHEN $3 = 'unarchive' THEN NULL ELSE room_channel END,
              room_invited = CASE WHEN $3 = 'unarchive' THEN '{}' ELSE room_invited END
            WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, body.what],
      rows: 1,
    },
  ],
  'room.archiving': (event) => [stamp(event, 'archive_notice_at')],
  'room.kept': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE release SET kept_at = $3, archive_notice_at = NULL WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, at],
      rows: 1,
    },
  ],
  'room.archived': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET room = 'closed', archived_at = $3 WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, at],
      rows: 1,
    },
  ],
  'release.followed': ({ workspace, body }) => [
    {
      sql: `UPDATE release SET followers = CASE WHEN $4 THEN array_append(array_remove(followers, $3), $3) ELSE array_remove(followers, $3) END
            WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, body.person, body.follow],
      rows: 1,
    },
  ],
  'role.taken': ({ workspace, at, body }) => [
    {
      sql: `WITH o AS (UPDATE role_offer SET state = 'accepted' WHERE workspace = $1 AND id = $6 AND state = 'offered'),
              l AS (UPDATE release SET room_lead = CASE WHEN $3 = 'lead' THEN $4 ELSE room_lead END, changed_at = $5 WHERE workspace = $1 AND number = $2)
            INSERT INTO room_role (workspace, release, role, person, since) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (workspace, release, role) DO UPDATE SET person = excluded.person, since = excluded.since`,
      params: [workspace, body.release, body.role, body.person, at, body.offer],
    },
  ],
  // A later offer of a role takes the place of one that waits.
  'role.offered': ({ workspace, at, body }) => [
    {
      sql: `WITH o AS (UPDATE role_offer SET state = 'replaced' WHERE workspace = $1 AND release = $2 AND role = $4 AND state = 'offered')
            INSERT INTO role_offer (workspace, release, id, role, offered_by, person, note, in_flight, state, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'offered', $9)`,
      params: [workspace, body.release, body.offer, body.role, body.from, body.to, body.note, body.inFlight, at],
    },
  ],
  'role.declined': ({ workspace, body }) => [
    {
      sql: `UPDATE role_offer SET state = 'declined' WHERE workspace = $1 AND id = $2 AND state = 'offered'`,
      params: [workspace, body.offer],
      rows: 1,
    },
  ],
  'role.missing': () => [],
  'runbook.planned': ({ workspace, body }) => [
    {
      sql: `UPDATE release SET planned = planned || $3::text, runbooks = CASE WHEN $3 = 'deploy' THEN $4 ELSE runbooks END
            WHERE workspace = $1 AND number = $2 AND NOT $3 = ANY (planned)`,
      params: [workspace, body.release, body.phase, body.versions],
      rows: 1,
    },
    addSteps(workspace, body.release, body.steps),
  ],
  'step.added': ({ workspace, body }) => [addSteps(workspace, body.release, [body.step])],
  'steps.ready': ({ workspace, body }) => [
    {
      sql: `UPDATE step s SET announced = true, due_at = x.due FROM jsonb_to_recordset($3::jsonb) AS x(step text, due timestamptz)
            WHERE s.workspace = $1 AND s.release = $2 AND s.key = x.step`,
      params: [workspace, body.release, JSON.stringify(body.steps.map(({ step, dueAt }) => ({ step, due: dueAt })))],
      rows: body.steps.length,
    },
  ],
  'step.claimed': (event) => [
    setStep(
      event,
      "claimed_by = $5, state = CASE WHEN state = 'open' THEN 'claimed' ELSE state END",
      event.body.person,
    ),
  ],
  'step.started': (event) => [
    setStep(event, `state = 'running', until = $5, started_at = $6, reminded = false`, event.body.until, event.at),
  ],
  'step.done': (event) => [
    setStep(
      event,
      `state = $5, done_by = $6, note = $7, ended_at = $8, started_at = coalesce(started_at, $8)`,
      event.body.checking ? 'checking' : 'done',
      event.body.person,
      event.body.note,
      event.at,
    ),
  ],
  'step.verified': (event) => [
    setStep(event, `state = 'done', verified_by = $5, ended_at = $6`, event.body.person, event.at),
  ],
  'step.prolonged': (event) => [setStep(event, 'until = $5, reminded = false', event.body.until)],
  'step.soaked': (event) => [setStep(event, 'reminded = true')],
  'step.late': (event) => [setStep(event, 'reminded = true')],
  'step.failed': (event) => [
    setStep(
      event,
      `state = 'failed', done_by = $5, note = $6, ended_at = $7`,
      event.body.person,
      event.body.note,
      event.at,
    ),
  ],
  'step.skipped': (event) => [
    setStep(
      event,
      `state = 'skipped', done_by = $5, note = $6, ended_at = $7`,
      event.body.person,
      event.body.note,
      event.at,
    ),
  ],
  'step.reopened': ({ workspace, body }) => [
    {
      sql: `WITH v AS (DELETE FROM step_voice WHERE workspace = $1 AND release = $2 AND step = $3)
            UPDATE step SET state = 'open', attempt = $4, claimed_by = NULL, done_by = NULL, verified_by = NULL, note = '', started_at = NULL,
              ended_at = NULL, until = NULL, due_at = NULL, announced = false, reminded = false
            WHERE workspace = $1 AND release = $2 AND key = $3 AND attempt = $4 - 1`,
      params: [workspace, body.release, body.step, body.attempt],
      rows: 1,
    },
  ],
  'step.voiced': ({ workspace, at, body }) => [
    {
      sql: `INSERT INTO step_voice (workspace, release, step, voice, person, choice, reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (workspace, release, step, voice) DO UPDATE SET person = excluded.person, choice = excluded.choice,
              reason = excluded.reason, at = excluded.at`,
      params: [workspace, body.release, body.step, body.voice, body.person, body.choice, body.reason, at],
    },
  ],
  'exposure.set': ({ id, workspace, at, actor, body }) => [
    {
      sql: 'INSERT INTO exposure (workspace, release, event, label, note, person, at) VALUES ($1, $2, $3, $4, $5, $6, $7)',
      params: [workspace, body.release, id, body.label, body.note, whoOf(actor), at],
    },
  ],
  'canary.judged': ({ workspace, at, body: { type: _type, release, ...verdict } }) => [
    {
      sql: `INSERT INTO canary (workspace, release, metric, body, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (workspace, release, metric) DO UPDATE SET body = excluded.body, at = excluded.at`,
      params: [workspace, release, verdict.metric, JSON.stringify(verdict), at],
    },
  ],
  'message.captured': ({ workspace, actor, body }) => [
    {
      sql: `INSERT INTO captured (workspace, release, channel, ts, source, author, text, permalink, said_at, captured_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      params: [
        workspace,
        body.release,
        body.channel,
        body.ts,
        body.source,
        body.author,
        body.text,
        body.permalink,
        body.saidAt,
        whoOf(actor),
      ],
    },
  ],
  'message.edited': ({ workspace, at, body }) => [
    {
      sql: `UPDATE captured SET edits = edits || jsonb_build_object('at', $6::text, 'text', text), text = $5
            WHERE workspace = $1 AND release = $2 AND channel = $3 AND ts = $4`,
      params: [workspace, body.release, body.channel, body.ts, body.text, at.toISOString()],
      rows: 1,
    },
  ],
  'message.deleted': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE captured SET deleted_at = $5 WHERE workspace = $1 AND release = $2 AND channel = $3 AND ts = $4 AND deleted_at IS NULL',
      params: [workspace, body.release, body.channel, body.ts, at],
      rows: 1,
    },
  ],
  'status.scheduled': (event) => [statusDue(event, event.body.nextAt)],
  'status.asked': (event) => [statusDue(event, event.body.nextAt)],
  'status.posted': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET status = $3, health = $4, status_at = $5, status_due_at = coalesce($6, status_due_at), changed_at = $5
            WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, body.text, body.health, at, body.nextAt],
      rows: 1,
    },
  ],
  'slot.ending': () => [],
  'slot.overrun': () => [],
  'slot.extended': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET ends_at = $3, planned_end = coalesce(planned_end, $4), changed_at = $5, sequence = sequence + 1
            WHERE workspace = $1 AND number = $2 AND ends_at = $4`,
      params: [workspace, body.release, body.endsAt, body.before, at],
      rows: 1,
    },
    {
      sql: 'DELETE FROM reservation WHERE workspace = $1 AND holder = $2',
      params: [workspace, holderOf(body.release)],
    },
    ...hold(workspace, { ...body, holder: holderOf(body.release), release: body.release, seats: [] }),
    {
      sql: 'UPDATE seat SET ends_at = $3 WHERE workspace = $1 AND holder = $2 AND held',
      params: [workspace, holderOf(body.release), body.endsAt],
    },
  ],
  'watch.started': ({ workspace, body }) => [
    {
      sql: 'UPDATE release SET watch_until = $3, watch_ended_at = NULL WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, body.until],
      rows: 1,
    },
    {
      sql: `INSERT INTO criterion (workspace, release, key, position, body)
            SELECT $1, $2, key, 1000 + position, body FROM jsonb_to_recordset($3::jsonb) AS x(key text, position integer, body jsonb)
            ON CONFLICT DO NOTHING`,
      params: [workspace, body.release, JSON.stringify(criterionRows(handoverCriteria(body.exit)))],
    },
  ],
  'watch.held': ({ workspace, body }) => [
    {
      sql: 'UPDATE release SET watch_until = $3 WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, body.until],
      rows: 1,
    },
  ],
  'watch.ended': (event) => [stamp(event, 'watch_ended_at')],
  'incident.linked': ({ workspace, at, actor, body }) => [
    {
      sql: 'INSERT INTO incident (workspace, release, key, note, person, at) VALUES ($1, $2, $3, $4, $5, $6)',
      params: [workspace, body.release, body.key, body.note, whoOf(actor), body.beganAt ?? at],
    },
    {
      sql: `UPDATE reported_incident SET state = 'linked' WHERE workspace = $1 AND lower(key) = lower($2)`,
      params: [workspace, body.key],
    },
  ],
  'incident.reported': ({ workspace, at, actor, body }) => [
    {
      sql: `INSERT INTO reported_incident (workspace, key, note, link, services, person, at, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')`,
      params: [workspace, body.key, body.note, body.link, body.services, whoOf(actor), at],
    },
  ],
  'incident.reminded': () => [],
  'incident.unrelated': ({ workspace, body }) => [
    {
      sql: `UPDATE reported_incident SET state = 'none' WHERE workspace = $1 AND key = $2 AND state = 'open'`,
      params: [workspace, body.key],
      rows: 1,
    },
  ],
  'unbooked.reported': ({ workspace, at, actor, body }) => [
    {
      sql: `INSERT INTO unbooked (workspace, service, version, environment, deployed_at, note, person, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      params: [workspace, body.service, body.version, body.environment, body.deployedAt, body.note, whoOf(actor), at],
    },
  ],
  'unbooked.taken_back': ({ workspace, body }) => [
    {
      sql: 'DELETE FROM unbooked WHERE workspace = $1 AND service = $2 AND version = $3 AND environment = $4 AND deployed_at = $5',
      params: [workspace, body.service, body.version, body.environment, body.deployedAt],
      rows: 1,
    },
  ],
  'experiment.started': ({ workspace, at, actor, body }) => [
    {
      sql: `INSERT INTO experiment (workspace, number, hypothesis, metric, part, comparison, target, until, due_at, team, environment,
              baseline, person, started_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      params: [
        workspace,
        body.experiment,
        body.hypothesis,
        body.metric,
        body.part,
        body.comparison,
        body.target,
        body.until,
        body.dueAt,
        body.team,
        body.environment,
        JSON.stringify(body.baseline),
        whoOf(actor),
        at,
      ],
    },
  ],
  'experiment.asked': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE experiment SET asks = $3, asked_at = $4 WHERE workspace = $1 AND number = $2 AND round = $5',
      params: [workspace, body.experiment, body.ask, at, body.round],
      rows: 1,
    },
  ],
  'experiment.concluded': ({ workspace, at, body }) => [
    {
      sql: `UPDATE experiment SET state = $3, words = $4, result = $5, ended_at = $6
            WHERE workspace = $1 AND number = $2 AND state = 'running'`,
      params: [workspace, body.experiment, body.outcome, body.words, JSON.stringify(body.result), at],
      rows: 1,
    },
  ],
  'experiment.extended': ({ workspace, body }) => [
    {
      sql: `UPDATE experiment SET until = $3, due_at = $4, words = $5, round = round + 1, asks = 0, asked_at = NULL
            WHERE workspace = $1 AND number = $2 AND round = $6 AND state = 'running'`,
      params: [workspace, body.experiment, body.until, body.dueAt, body.words, body.round],
      rows: 1,
    },
  ],
  'incident.closed': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE incident SET closed_at = $4 WHERE workspace = $1 AND release = $2 AND key = $3 AND closed_at IS NULL',
      params: [workspace, body.release, body.key, at],
      rows: 1,
    },
  ],
  'error.known': ({ workspace, at, actor, body }) => [
    {
      sql: `INSERT INTO known_error (workspace, key, release, services, title, workaround, person, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      params: [workspace, body.key, body.release, body.services, body.title, body.workaround, whoOf(actor), at],
    },
  ],
  'error.fixed': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE known_error SET fixed_at = $3 WHERE workspace = $1 AND key = $2 AND fixed_at IS NULL',
      params: [workspace, body.key, at],
      rows: 1,
    },
  ],
  'action.added': ({ workspace, at, body }) => [addActions(workspace, body.release, [body.action], at)],
  'action.done': ({ workspace, at, actor, body }) => [
    {
      sql: 'UPDATE action SET done_at = $3, done_by = $4 WHERE workspace = $1 AND key = $2 AND done_at IS NULL',
      params: [workspace, body.key, at, whoOf(actor)],
      rows: 1,
    },
  ],
  'action.reminded': () => [],
  'note.added': (event) => [
    {
      sql: 'INSERT INTO note (workspace, id, release, author, text, at) VALUES ($1, $2, $3, $4, $5, $6)',
      params: [
        event.workspace,
        event.body.note,
        event.body.release,
        event.actor.kind === 'person' ? event.actor.id : '',
        event.body.text,
        event.at,
      ],
    },
  ],
  'release.started': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET state = 'deploying', started_at = $3, changed_at = $3, reason = '', held = '' WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, at],
      rows: 1,
    },
  ],
  'release.paused': (event) => [setState(event, 'paused', event.body.reason)],
  'release.resumed': (event) => [setState(event, 'deploying', '')],
  'release.verifying': (event) => [setState(event, 'verifying', '')],
  'release.done': (event) => [setState(event, 'done', ''), ...free(event)],
  // Its time is held until it is restored: nobody deploys into a rollback.
  'release.rolled_back': (event) => [setState(event, 'rolled_back', event.body.reason), reopenReview(event)],
  'release.failed': (event) => [setState(event, 'failed', event.body.reason), reopenReview(event), ...free(event)],
  'release.restored': (event) => [stamp(event, 'restored_at'), ...free(event)],
  'digest.subscribed': ({ workspace, at, actor, body }) => [
    {
      sql: `INSERT INTO digest (workspace, channel, kind, at, zone, days, scope, sections, quiet, next_at, by, since)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (workspace, channel, kind) DO UPDATE SET at = excluded.at, zone = excluded.zone, days = excluded.days,
              scope = excluded.scope, sections = excluded.sections, quiet = excluded.quiet, next_at = excluded.next_at,
              by = excluded.by, since = excluded.since`,
      params: [
        workspace,
        body.channel,
        body.kind,
        body.at,
        body.zone,
        body.days,
        JSON.stringify(body.scope),
        body.sections,
        body.quiet,
        body.nextAt,
        actor.kind === 'person' ? actor.id : null,
        at,
      ],
    },
  ],
  'digest.unsubscribed': ({ workspace, body }) => [
    {
      sql: 'DELETE FROM digest WHERE workspace = $1 AND channel = $2 AND kind = $3',
      params: [workspace, body.channel, body.kind],
    },
  ],
  'digest.posted': (event) => digestRun(event, { posted: true, until: event.body.until, items: event.body.items }),
  'digest.missed': (event) => digestRun(event, { posted: false, until: null, items: [] }),
  'digest.silent': (event) => digestRun(event, { posted: false, until: null, items: [] }),
  'subscription.added': ({ workspace, at, actor, body }) => [
    {
      sql: `INSERT INTO subscription (workspace, target, key, scope, topics, by, since) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (workspace, target, key) DO UPDATE SET scope = excluded.scope, topics = excluded.topics, by = excluded.by,
              since = excluded.since`,
      params: [
        workspace,
        body.target,
        body.key,
        JSON.stringify(body.scope),
        body.topics,
        actor.kind === 'person' ? actor.id : null,
        at,
      ],
    },
  ],
  'subscription.removed': ({ workspace, body }) => [
    {
      sql: 'DELETE FROM subscription WHERE workspace = $1 AND target = $2 AND key = $3',
      params: [workspace, body.target, body.key],
      rows: 1,
    },
  ],
  'subscriber.muted': ({ workspace, body }) => [
    {
      sql: `INSERT INTO subscriber (workspace, target, muted, muted_until) VALUES ($1, $2, true, $3)
            ON CONFLICT (workspace, target) DO UPDATE SET muted = true, muted_until = excluded.muted_until`,
      params: [workspace, body.target, body.until],
    },
  ],
  'subscriber.unmuted': ({ workspace, body }) => [
    {
      sql: 'UPDATE subscriber SET muted = false, muted_until = NULL WHERE workspace = $1 AND target = $2',
      params: [workspace, body.target],
      rows: 1,
    },
  ],
  'subscriber.quieted': ({ workspace, body }) => [
    {
      sql: `INSERT INTO subscriber (workspace, target, quiet) VALUES ($1, $2, $3)
            ON CONFLICT (workspace, target) DO UPDATE SET quiet = excluded.quiet`,
      params: [workspace, body.target, body.hours === null ? null : JSON.stringify(body.hours)],
    },
  ],
  'release.moved': ({ workspace, at, body }) => [
    ...letGo(workspace, holderOf(body.release)),
    {
      sql: `UPDATE release SET starts_at = $3, ends_at = $4, changed_at = $5, revision = $6, state = $7, depends_on = $8, train = $9,
              departure = $10, warnings = $11, sequence = sequence + 1, held = '', policy = coalesce($12, policy), because = coalesce($13, because),
              approved_hash = CASE WHEN $7 = 'approved' THEN $14 ELSE '' END, approved_at = ${approvedAt('$7', '$5')}, guards = coalesce($15, guards), risk = coalesce($16, risk),
              problems = $17, advice = $18
            WHERE workspace = $1 AND number = $2 AND state IN ('requested', 'approved')`,
      params: [
        workspace,
        body.release,
        body.startsAt,
        body.endsAt,
        at,
        body.revision,
        body.state,
        body.dependsOn,
        body.train?.key ?? null,
        body.train?.date ?? null,
        JSON.stringify(body.warnings),
        body.policy,
        body.because,
        body.hash,
        body.guards === null ? null : JSON.stringify(body.guards),
        body.risk === null ? null : JSON.stringify(body.risk),
        JSON.stringify(body.problems),
        body.advice,
      ],
      rows: 1,
    },
    ...hold(workspace, releaseHold(body.release, body, body.services, body.label)),
    // Moves of before there were rules kept every gate as it was.
    ...(body.gates ? [...setGates(workspace, body.release, body.gates), endUnusedPass(workspace, body.release)] : []),
    ...(body.criteria ? setCriteria(workspace, body.release, body.criteria, []) : []),
    carryVotes(workspace, body, body.kept, null),
  ],
  'release.changed': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET revision = $3, state = $4, changed_at = $5, change_type = $6, summary = $7, rollback_plan = $8,
              rollback_tested = $9, migration = $10, lead = $11, scope = $12, links = $13, policy = $14,
              because = CASE WHEN $15 = '' THEN because ELSE $15 END, problems = $16, risk = $17, guards = $18,
              warnings = coalesce($19, warnings), advice = $20, sequence = sequence + 1,
              approved_hash = CASE WHEN $4 = 'approved' THEN $21 ELSE '' END, approved_at = ${approvedAt('$4', '$5')}
            WHERE workspace = $1 AND number = $2 AND state IN ('requested', 'approved')`,
      params: [
        workspace,
        body.release,
        body.revision,
        body.state,
        at,
        body.content.changeType,
        body.content.summary,
        body.content.rollbackPlan,
        body.content.rollbackTested,
        body.content.migration,
        body.content.lead,
        JSON.stringify(body.content.scope),
        body.content.links,
        body.policy,
        body.because,
        JSON.stringify(body.problems),
        body.risk === null ? null : JSON.stringify(body.risk),
        JSON.stringify(body.guards),
        body.warnings === null ? null : JSON.stringify(body.warnings),
        body.advice,
        body.hash,
      ],
      rows: 1,
    },
    { sql: 'DELETE FROM release_unit WHERE workspace = $1 AND release = $2', params: [workspace, body.release] },
    {
      sql: `INSERT INTO release_unit (workspace, release, position, service, version)
            SELECT $1, $2, position, service, version FROM jsonb_to_recordset($3::jsonb) AS x(position integer, service text, version text)`,
      params: [
        workspace,
        body.release,
        JSON.stringify(body.content.units.map((unit, position) => ({ position, ...unit }))),
      ],
    },
    ...setCriteria(workspace, body.release, body.criteria, body.unticked),
    ...(body.seats === null
      ? []
      : [
          ...letGo(workspace, holderOf(body.release)),
          ...hold(
            workspace,
            releaseHold(
              body.release,
              { ...body, seats: body.seats },
              body.content.units.map((unit) => unit.service),
              body.label,
            ),
          ),
        ]),
    ...setGates(workspace, body.release, body.gates),
    carryVotes(
      workspace,
      body,
      body.gates.map(({ rule }) => rule.name).filter((name) => !body.reopened.includes(name)),
      body.content.lead,
    ),
  ],
  'vote.commented': (event) => [touch(event)],
  'vote.delegated': ({ workspace, at, body }) => [
    {
      sql: `INSERT INTO delegation (workspace, release, person, delegate, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (workspace, release, person) DO UPDATE SET delegate = excluded.delegate, at = excluded.at`,
      params: [workspace, body.release, body.from, body.to, at],
    },
    touch({ workspace, at, body }),
  ],
  'vote.taken_back': ({ workspace, at, body }) => [
    {
      sql: 'DELETE FROM delegation WHERE workspace = $1 AND release = $2 AND person = $3',
      params: [workspace, body.release, body.from],
      rows: 1,
    },
    touch({ workspace, at, body }),
  ],
  'gate.stuck': () => [],
  'gate.escalated': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE gate SET escalated_to = $4 WHERE workspace = $1 AND release = $2 AND name = $3',
      params: [workspace, body.release, body.gate, body.people],
      rows: 1,
    },
    touch({ workspace, at, body }),
  ],
  'gate.left': ({ workspace, at, body }) => [
    {
      sql: `WITH v AS (DELETE FROM vote v USING release r WHERE r.workspace = $1 AND r.number = $2 AND v.workspace = $1 AND v.release = $2
              AND v.revision = r.revision AND v.gate = $3 AND v.voter = $4 AND v.choice IN ('block', 'reject'))
            UPDATE gate SET asked = array_remove(asked, $4), escalated_to = array_remove(escalated_to, $4),
              met_at = CASE WHEN $5 THEN coalesce(met_at, $6) ELSE met_at END
            WHERE workspace = $1 AND release = $2 AND name = $3`,
      params: [workspace, body.release, body.gate, body.person, body.meets, at],
      rows: 1,
    },
    touch({ workspace, at, body }),
  ],
  'approver.asked': () => [],
  'approver.snoozed': () => [],
  'approver.reminded': () => [],
  'approver.nudged': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE release SET nudged_at = $3 WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, at],
      rows: 1,
    },
  ],
  'exception.ended': (event) => [
    ...setGates(event.workspace, event.body.release, event.body.gates),
    endUnusedPass(event.workspace, event.body.release),
    touch(event),
  ],
  'exception.asked': (event) => [
    {
      sql: `UPDATE release SET state = 'requested', approved_hash = '', approved_at = NULL, changed_at = $3 WHERE workspace = $1 AND number = $2`,
      params: [event.workspace, event.body.release, event.at],
      rows: 1,
    },
    ...setGates(event.workspace, event.body.release, event.body.gates),
    exceptionRow(
      event.workspace,
      event.body.release,
      event.body.exception,
      event.actor.kind === 'person' ? event.actor.id : '',
      event.at,
    ),
  ],
  'override.proposed': ({ workspace, at, body }) => [
    {
      sql: `INSERT INTO override (workspace, id, release, rule, reason, proposer, second, until, state, at, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'proposed', $9, $10)`,
      params: [
        workspace,
        body.override,
        body.release,
        body.rule,
        body.reason,
        body.by,
        body.second,
        body.until,
        at,
        body.hash,
      ],
    },
  ],
  'override.granted': ({ workspace, at, body }) => [
    {
      sql: `UPDATE override SET state = 'granted', until = $3 WHERE workspace = $1 AND id = $2 AND state = 'proposed'`,
      params: [workspace, body.override, body.until],
      rows: 1,
    },
    touch({ workspace, at, body }),
  ],
  'override.declined': ({ workspace, body }) => [
    {
      sql: `UPDATE override SET state = $3 WHERE workspace = $1 AND id = $2 AND state = 'proposed'`,
      params: [workspace, body.override, body.lapsed ? 'lapsed' : 'declined'],
      rows: 1,
    },
  ],
  'criterion.ticked': ({ workspace, at, actor, body }) => [
    {
      sql: 'INSERT INTO tick (workspace, release, criterion, person, evidence, source, at) VALUES ($1, $2, $3, $4, $5, $6, $7)',
      params: [
        workspace,
        body.release,
        body.criterion,
        actor.kind === 'person' ? actor.id : '',
        body.evidence,
        body.source,
        at,
      ],
    },
    touch({ workspace, at, body }),
  ],
  'criterion.unticked': ({ workspace, at, body }) => [
    {
      sql: 'DELETE FROM tick WHERE workspace = $1 AND release = $2 AND criterion = $3',
      params: [workspace, body.release, body.criterion],
      rows: 1,
    },
    touch({ workspace, at, body }),
  ],
  'start.opened': () => [],
  'start.held': ({ workspace, body }) => [
    {
      sql: 'UPDATE release SET held = $3 WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, String(body.refusal.code ?? '')],
      rows: 1,
    },
  ],
  'release.missed': ({ workspace, body }) => [
    {
      sql: 'UPDATE release SET held = $3 WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, missed],
      rows: 1,
    },
  ],
  'review.asked': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE release SET review_asked_at = $3, review_due_at = $4 WHERE workspace = $1 AND number = $2',
      params: [workspace, body.release, at, body.dueAt],
      rows: 1,
    },
  ],
  'review.overdue': () => [],
  'release.reviewed': ({ workspace, at, body }) => [
    {
      sql: 'UPDATE release SET reviewed_at = $3, outcome = $4, review = $5, changed_at = $3, lessons = $6 WHERE workspace = $1 AND number = $2',
      params: [
        workspace,
        body.release,
        at,
        body.outcome,
        body.text,
        JSON.stringify({
          detectedBy: body.detectedBy,
          impactMinutes: body.impactMinutes,
          helped: body.helped,
          hindered: body.hindered,
          again: body.again,
        }),
      ],
      rows: 1,
    },
    addActions(workspace, body.release, body.actions, at),
  ],
  'trust.proposed': ({ workspace, at, body }) => [
    {
      sql: `INSERT INTO proposal (workspace, id, team, policy, rung, direction, n, failed, low, high, managers, needed, state, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'open', $13)`,
      params: [
        workspace,
        body.proposal,
        body.team,
        body.policy,
        body.to,
        body.direction,
        body.n,
        body.failed,
        body.low,
        body.high,
        body.managers,
        body.needed,
        at,
      ],
    },
  ],
  'trust.voted': ({ workspace, body }) => [
    {
      sql: `UPDATE proposal SET votes = votes || jsonb_build_object($3::text, $4::text) WHERE workspace = $1 AND id = $2 AND state = 'open'`,
      params: [workspace, body.proposal, body.voter, body.choice],
      rows: 1,
    },
  ],
  // Back to where it came from is the end of the rung, not another one.
  'trust.changed': ({ workspace, at, body }) => [
    endProposal(workspace, body.proposal, 'changed', at),
    {
      sql: `WITH back AS (DELETE FROM trust WHERE workspace = $1 AND team = $2 AND policy = $4 AND rung = $3 RETURNING 1)
            INSERT INTO trust (workspace, team, policy, rung, at) SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM back)
            ON CONFLICT (workspace, team, policy) DO UPDATE SET rung = excluded.rung, at = excluded.at`,
      params: [workspace, body.team, body.policy, body.to, at],
    },
  ],
  'trust.declined': ({ workspace, at, body }) => [endProposal(workspace, body.proposal, 'declined', at)],
  'prefs.set': ({ workspace, body }) => [
    {
      sql: `INSERT INTO preference (workspace, person, body) VALUES ($1, $2, $3)
            ON CONFLICT (workspace, person) DO UPDATE SET body = excluded.body`,
      params: [workspace, body.person, JSON.stringify(body.prefs)],
    },
  ],
  'code.enrolled': ({ workspace, body }) => [
    {
      sql: 'INSERT INTO enrolment (workspace, person, credential, last_step) VALUES ($1, $2, $3, 0)',
      params: [workspace, body.person, body.credential],
    },
  ],
  // A code counts once, also for two clicks at the same moment.
  'code.used': ({ workspace, body }) => [
    {
      sql: 'UPDATE enrolment SET last_step = $3 WHERE workspace = $1 AND person = $2 AND last_step < $3',
      params: [workspace, body.person, body.step],
      rows: 1,
    },
  ],
  'code.removed': ({ workspace, body }) => [
    { sql: 'DELETE FROM enrolment WHERE workspace = $1 AND person = $2', params: [workspace, body.person], rows: 1 },
  ],
  'release.reinstated': ({ workspace, at, body }) => [
    {
      sql: `UPDATE release SET state = $3, reason = '', changed_at = $4, approved_at = ${approvedAt('$3', '$4')}, ended_at = NULL, sequence = sequence + 1 WHERE workspace = $1 AND number = $2`,
      params: [workspace, body.release, body.state, at],
      rows: 1,
    },
    ...letGo(workspace, holderOf(body.release)),
    ...hold(workspace, releaseHold(body.release, body, body.services, body.label)),
  ],
  'release.left_behind': (event) => [
    ...free(event),
    {
      sql: 'UPDATE release SET changed_at = $3, sequence = sequence + 1 WHERE workspace = $1 AND number = $2',
      params: [event.workspace, event.body.release, event.at],
      rows: 1,
    },
  ],
  'release.kept': (event) => [touch(event)],
  'window.set': ({ workspace, body: { window, source, seats } }) => [
    {
      sql: `INSERT INTO release_window (workspace, key, source, body) VALUES ($1, $2, $3, $4)
            ON CONFLICT (workspace, key) DO UPDATE SET source = excluded.source, body = excluded.body`,
      params: [workspace, window.key, source, JSON.stringify(window)],
    },
    ...(seats.length === 0
      ? []
      : [
          {
            sql: `INSERT INTO seat (workspace, window_key, date, seat, capacity, holder, starts_at, ends_at, held)
                  SELECT $1, "window", date, seat, capacity, holder, "startsAt", "endsAt", true FROM jsonb_to_recordset($2::jsonb)
                    AS x("window" text, date text, seat integer, capacity integer, holder text, "startsAt" timestamptz, "endsAt" timestamptz)
                  ON CONFLICT DO NOTHING`,
            params: [workspace, JSON.stringify(seats)],
            rows: seats.length,
          },
        ]),
  ],
  'window.changed': ({ workspace, body: { window, change } }) => [
    {
      sql: `INSERT INTO window_change (workspace, window_key, date, body) VALUES ($1, $2, $3, $4)
            ON CONFLICT (workspace, window_key, date) DO UPDATE SET body = excluded.body`,
      params: [workspace, window, change.date, JSON.stringify(change)],
    },
  ],
  'window.dropped': ({ workspace, body }) => [
    { sql: 'DELETE FROM window_change WHERE workspace = $1 AND window_key = $2', params: [workspace, body.window] },
    { sql: 'DELETE FROM release_window WHERE workspace = $1 AND key = $2', params: [workspace, body.window] },
  ],
  'freeze.added': ({ workspace, at, actor, body: { freeze, source, channel } }) => [
    {
      sql: `INSERT INTO release_freeze (workspace, key, source, body, skips, lifted, channel, author, declared_at)
            VALUES ($1, $2, $3, $4, '{}', false, $5, $6, $7)
            ON CONFLICT (workspace, key) DO UPDATE SET source = excluded.source, body = excluded.body, skips = '{}', lifted = false,
              channel = excluded.channel, author = excluded.author, declared_at = excluded.declared_at`,
      params: [
        workspace,
        freeze.key,
        source,
        JSON.stringify(freeze),
        channel,
        actor.kind === 'person' ? actor.id : '',
        at,
      ],
    },
  ],
  'freeze.near': () => [],
  'freeze.lifted': ({ workspace, body }) => [
    {
      sql: `UPDATE release_freeze SET lifted = lifted OR $3::text IS NULL, skips = CASE WHEN $3::text IS NULL THEN skips ELSE skips || $3 END
            WHERE workspace = $1 AND key = $2`,
      params: [workspace, body.freeze, body.date],
      rows: 1,
    },
  ],
  'line.joined': ({ workspace, at, body }) => [
    {
      sql: `INSERT INTO line (workspace, id, person, request, environment, starts_at, ends_at, state, joined_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8)`,
      params: [
        workspace,
        body.line,
        body.person,
        JSON.stringify(body.request),
        body.environment,
        body.startsAt,
        body.endsAt,
        at,
      ],
    },
  ],
  'line.offered': ({ workspace, body }) => [
    {
      sql: `UPDATE line SET state = 'offered', offered_until = $3 WHERE workspace = $1 AND id = $2 AND state = 'waiting'`,
      params: [workspace, body.line, body.until],
      rows: 1,
    },
    ...hold(workspace, { ...body, holder: lineHolder(body.line), release: null }),
  ],
  'line.taken': (event) => endLine(event, 'taken'),
  'line.left': (event) => endLine(event, 'left'),
  'line.lapsed': (event) => endLine(event, 'lapsed'),
  'swap.proposed': ({ workspace, at, actor, body }) => [
    {
      sql: `INSERT INTO swap (workspace, id, release, other, proposer, revision, other_revision, state, at)
            VALUES ($1, $2, $3, $4, $5, $7, $8, 'proposed', $6)`,
      params: [
        workspace,
        body.swap,
        body.release,
        body.other,
        actor.kind === 'person' ? actor.id : '',
        at,
        body.revision,
        body.otherRevision,
      ],
    },
  ],
  // Both let go before either takes the other's time: the moves follow as events of their own.
  'swap.accepted': ({ workspace, body }) => [
    endSwap(workspace, body.swap, 'accepted'),
    ...letGo(workspace, holderOf(body.release)),
    ...letGo(workspace, holderOf(body.other)),
  ],
  'swap.declined': ({ workspace, body }) => [endSwap(workspace, body.swap, body.lapsed ? 'lapsed' : 'declined')],
  'train.scheduled': () => [],
  'train.closed': ({ workspace, at, body }) => [
    {
      sql: 'INSERT INTO departure (workspace, train, date, closed_at, aboard, left_behind) VALUES ($1, $2, $3, $4, $5, $6)',
      params: [workspace, body.train, body.date, at, body.aboard, body.left],
    },
  ],
  'booking.made': ({ workspace, body }) => [
    {
      sql: `INSERT INTO booking (workspace, number, environment, services, person, purpose, starts_at, ends_at, state, channel)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'made', $9)`,
      params: [
        workspace,
        body.booking,
        body.environment,
        body.services,
        body.person,
        body.purpose,
        body.startsAt,
        body.endsAt,
        body.channel,
      ],
    },
    ...hold(workspace, {
      ...body,
      holder: bookingKey(body.booking),
      release: null,
      exclusive: body.services.length === 0,
      label: body.purpose,
      seats: [],
    }),
  ],
  'booking.ended': ({ workspace, body }) => [
    {
      sql: `UPDATE booking SET state = 'ended' WHERE workspace = $1 AND number = $2 AND state = 'made'`,
      params: [workspace, body.booking],
      rows: 1,
    },
    ...letGo(workspace, bookingKey(body.booking)),
  ],
  'series.set': ({ workspace, body }) => [
    {
      sql: `INSERT INTO series (workspace, id, owner, source, recurrence, zone, request, last_date, active)
            VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, true)
            ON CONFLICT (workspace, id) DO UPDATE SET owner = excluded.owner, recurrence = excluded.recurrence, zone = excluded.zone,
              request = excluded.request, active = true`,
      params: [
        workspace,
        body.series,
        body.owner,
        body.source,
        JSON.stringify(body.recurrence),
        body.zone,
        JSON.stringify(body.request),
      ],
    },
  ],
  'series.ran': ({ workspace, body }) => [
    {
      sql: 'UPDATE series SET last_date = $3 WHERE workspace = $1 AND id = $2',
      params: [workspace, body.series, body.date],
      rows: 1,
    },
  ],
  'series.stopped': ({ workspace, body }) => [
    {
      sql: 'UPDATE series SET active = false WHERE workspace = $1 AND id = $2',
      params: [workspace, body.series],
      rows: 1,
    },
  ],
  'feed.opened': ({ workspace, body }) => [
    {
      sql: 'INSERT INTO feed (workspace, id, token_hash, kind, name, owner, open) VALUES ($1, $2, $3, $4, $5, $6, true)',
      params: [workspace, body.feed, body.tokenHash, body.kind, body.name, body.owner],
    },
  ],
  'feed.closed': ({ workspace, body }) => [
    { sql: 'UPDATE feed SET open = false WHERE workspace = $1 AND id = $2', params: [workspace, body.feed], rows: 1 },
  ],
};

/** Tables that a catalogue fills anew. */
const catalogTables = [
  'person_role',
  'environment',
  'team',
  'approver_group',
  'service',
  'policy',
  'train',
  'standard_change',
  'runbook',
  'protocol',
] as const;

/** The tables that `apply` fills: what a replay has to rebuild. */
export const stateTables = [
  'runbook',
  'protocol',
  'room_role',
  'role_offer',
  'step',
  'step_voice',
  'exposure',
  'canary',
  'captured',
  'incident',
  'reported_incident',
  'unbooked',
  'experiment',
  'known_error',
  'action',
  'workspace',
  'standard_change',
  'delegation',
  'criterion',
  'tick',
  'override',
  'exception',
  'trust',
  'proposal',
  'preference',
  'enrolment',
  'person_role',
  'environment',
  'team',
  'approver_group',
  'service',
  'policy',
  'release',
  'release_unit',
  'reservation',
  'gate',
  'vote',
  'note',
  'digest',
  'digest_run',
  'subscription',
  'subscriber',
  'seat',
  'release_window',
  'window_change',
  'release_freeze',
  'swap',
  'line',
  'train',
  'departure',
  'booking',
  'series',
  'feed',
] as const;

/** Writes what an event changes. Throws Conflict when a row that it counts on is taken or gone. */
export async function apply(tx: Tx, event: StoredEvent): Promise<void> {
  for (const write of byType(changes, event)) {
    const touched = await tx.write(write.sql, write.params);
    if (write.rows !== undefined && touched !== write.rows)
      throw new Conflict(`${event.body.type} touched ${touched} rows`);
  }
}

type OfRelease = { readonly workspace: string; readonly at: Date; readonly body: { readonly release: number } };

function setState({ workspace, at, body }: OfRelease, state: string, reason: string): Write {
  const withdrawn = ['rejected', 'expired', 'cancelled'].includes(state);
  const moments = momentsOf[state] ?? [];
  const ended = withdrawn || moments.includes('finished_at');
  const first = moments.map((moment) => `, ${moment} = coalesce(${moment}, $5)`).join('');
  return {
    sql: `UPDATE release SET state = $3, reason = $4, changed_at = $5, ended_at = ${ended ? '$5' : 'NULL'}${first}${withdrawn ? ', sequence = sequence + 1' : ''} WHERE workspace = $1 AND number = $2`,
    params: [workspace, body.release, state, reason, at],
    rows: 1,
  };
}

/** What is written down the first time that a release comes to a state; a later one leaves it as it is. */
const momentsOf: Readonly<Record<string, readonly string[]>> = {
  verifying: ['deployed_at'],
  done: ['deployed_at', 'finished_at'],
  failed: ['failed_at', 'finished_at'],
  rolled_back: ['failed_at', 'finished_at'],
};

/** The verdict that stands, after a change that keeps it, brings it about or undoes it. */
function approvedAt(state: string, at: string): string {
  return `CASE WHEN ${state} = 'approved' THEN coalesce(approved_at, ${at}) END`;
}

/** Whatever was said of it while it was done: how it ended has to be looked at anew. */
function reopenReview({ workspace, body }: OfRelease): Write {
  return {
    sql: `UPDATE release SET review_asked_at = NULL, review_due_at = NULL, reviewed_at = NULL, outcome = NULL, archive_notice_at = NULL
          WHERE workspace = $1 AND number = $2`,
    params: [workspace, body.release],
    rows: 1,
  };
}

/** Writes down when it happened. */
function stamp(
  { workspace, at, body }: OfRelease,
  column: 'archive_notice_at' | 'restored_at' | 'watch_ended_at',
): Write {
  return {
    sql: `UPDATE release SET ${column} = $3 WHERE workspace = $1 AND number = $2`,
    params: [workspace, body.release, at],
    rows: 1,
  };
}

function statusDue({ workspace, body }: OfRelease, at: string): Write {
  return {
    sql: 'UPDATE release SET status_due_at = $3 WHERE workspace = $1 AND number = $2',
    params: [workspace, body.release, at],
    rows: 1,
  };
}

/** Changes a step in the attempt that the event is of: one that was tried again since is another one. */
function setStep(
  { workspace, body }: { workspace: string; body: { release: number; step: string; attempt: number } },
  change: string,
  ...values: unknown[]
): Write {
  return {
    sql: `UPDATE step SET ${change} WHERE workspace = $1 AND release = $2 AND key = $3 AND attempt = $4`,
    params: [workspace, body.release, body.step, body.attempt, ...values],
    rows: 1,
  };
}

function addSteps(workspace: string, release: number, steps: readonly StepPlan[]): Write {
  return {
    sql: `INSERT INTO step (workspace, release, key, position, body, state, attempt)
          SELECT $1, $2, body ->> 'key', (SELECT count(*) FROM step WHERE workspace = $1 AND release = $2) + position, body, 'open', 1
          FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS x(body, position)`,
    params: [workspace, release, JSON.stringify(steps)],
  };
}

function addActions(workspace: string, release: number, actions: readonly ActionRow[], at: Date): Write {
  return {
    sql: `INSERT INTO action (workspace, release, key, text, owner, due, at)
          SELECT $1, $2, key, text, owner, due, $4 FROM jsonb_to_recordset($3::jsonb) AS x(key text, text text, owner text, due text)`,
    params: [workspace, release, JSON.stringify(actions), at],
  };
}

type ActionRow = { readonly key: string; readonly text: string; readonly owner: string; readonly due: string };

/** Whoever did it; "" for the clock and for machines. */
function whoOf(actor: StoredEvent['actor']): string {
  return actor.kind === 'person' ? actor.id : '';
}

function touch({ workspace, at, body }: OfRelease): Write {
  return {
    sql: 'UPDATE release SET changed_at = $3 WHERE workspace = $1 AND number = $2',
    params: [workspace, body.release, at],
    rows: 1,
  };
}

/** Frees the slot for others. */
function free({ workspace, body }: OfRelease): Write[] {
  const mine = [workspace, holderOf(body.release)];
  return ['reservation', 'seat'].map((table) => ({
    sql: `UPDATE ${table} SET held = false WHERE workspace = $1 AND holder = $2 AND held`,
    params: mine,
  }));
}

/** Forgets what a holder held, so that it can hold something else. */
function letGo(workspace: string, holder: string): Write[] {
  return ['reservation', 'seat'].map((table) => ({
    sql: `DELETE FROM ${table} WHERE workspace = $1 AND holder = $2`,
    params: [workspace, holder],
  }));
}

type Hold = {
  readonly holder: string;
  readonly release: number | null;
  readonly environment: string;
  readonly exclusive: boolean;
  readonly services: readonly string[];
  readonly label: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly seats: readonly Seat[];
};

function releaseHold(
  release: number,
  slot: Pick<Hold, 'environment' | 'exclusive' | 'startsAt' | 'endsAt' | 'seats'>,
  services: readonly string[],
  label: string,
): Hold {
  return { ...slot, holder: holderOf(release), release, services, label };
}

/** Takes time and seats. DO NOTHING instead of an error: a storm on a bare constraint deadlocks (reliability finding 2). */
function hold(workspace: string, taken: Hold): Write[] {
  const lanes = taken.exclusive ? [null] : taken.services;
  const writes: Write[] = [
    {
      sql: `INSERT INTO reservation (workspace, holder, position, release, service, environment, label, starts_at, ends_at, held)
            SELECT $1, $2, position - 1, $3, service, $4, $5, $6, $7, true FROM unnest($8::text[]) WITH ORDINALITY AS x(service, position)
            ON CONFLICT DO NOTHING`,
      params: [
        workspace,
        taken.holder,
        taken.release,
        taken.environment,
        taken.label,
        taken.startsAt,
        taken.endsAt,
        lanes,
      ],
      rows: lanes.length,
    },
  ];
  if (taken.seats.length > 0)
    writes.push({
      sql: `INSERT INTO seat (workspace, window_key, date, seat, capacity, holder, starts_at, ends_at, held)
            SELECT $1, "window", date, seat, capacity, $2, $3, $4, true
            FROM jsonb_to_recordset($5::jsonb) AS x("window" text, date text, seat integer, capacity integer)
            ON CONFLICT DO NOTHING`,
      params: [workspace, taken.holder, taken.startsAt, taken.endsAt, JSON.stringify(taken.seats)],
      rows: taken.seats.length,
    });
  return writes;
}

/** The gates of a release, all anew. */
function setGates(workspace: string, release: number, gates: readonly GateRow[]): Write[] {
  return [
    { sql: 'DELETE FROM gate WHERE workspace = $1 AND release = $2', params: [workspace, release] },
    {
      sql: `INSERT INTO gate (workspace, release, position, name, rule, asked, asked_at, met_at, escalated_to)
            SELECT $1, $2, position, name, rule, asked, "askedAt", "metAt", "escalatedTo" FROM jsonb_to_recordset($3::jsonb)
              AS x(position integer, name text, rule jsonb, asked text[], "askedAt" timestamptz, "metAt" timestamptz, "escalatedTo" text[])`,
      params: [
        workspace,
        release,
        JSON.stringify(gates.map((gate, position) => ({ position, name: gate.rule.name, ...gate }))),
      ],
    },
  ];
}

/** Votes of the kept gates count for the new revision too, and so does every stepping aside; not those of a new lead. */
function carryVotes(
  workspace: string,
  { release, revision, from }: { release: number; revision: number; from: number },
  kept: readonly string[],
  lead: string | null,
): Write {
  return {
    sql: `INSERT INTO vote (workspace, release, gate, voter, revision, choice, comment, because, at, unblock, seats)
          SELECT v.workspace, v.release, v.gate, v.voter, $3, v.choice, v.comment, v.because, v.at, v.unblock, v.seats FROM vote v
          WHERE v.workspace = $1 AND v.release = $2 AND v.revision = $4 AND ($6::text IS NULL OR NOT $6 = ANY (v.seats || v.voter))
            AND (v.gate = ANY ($5) OR (v.choice = 'recuse' AND EXISTS (
              SELECT 1 FROM gate g WHERE g.workspace = $1 AND g.release = $2 AND g.name = v.gate)))`,
    params: [workspace, release, revision, from, kept, lead],
  };
}

/** What has to be ticked, anew; ticks of what is no longer asked for, or says something of another version, go. */
function setCriteria(
  workspace: string,
  release: number,
  criteria: readonly Criterion[],
  lost: readonly string[],
): Write[] {
  return [
    {
      sql: `WITH t AS (DELETE FROM tick WHERE workspace = $1 AND release = $2 AND (criterion = ANY ($3)
              OR (criterion NOT LIKE 'condition:%' AND NOT criterion = ANY ($4))))
            DELETE FROM criterion WHERE workspace = $1 AND release = $2`,
      params: [workspace, release, lost, criteria.map((one) => one.key)],
    },
    {
      sql: `INSERT INTO criterion (workspace, release, key, position, body)
            SELECT $1, $2, key, position, body FROM jsonb_to_recordset($3::jsonb) AS x(key text, position integer, body jsonb)`,
      params: [workspace, release, JSON.stringify(criterionRows(criteria))],
    },
  ];
}

/** A pass that its release needs no more was not used: it goes back to the budget. */
function endUnusedPass(workspace: string, release: number): Write {
  return {
    sql: `DELETE FROM exception WHERE workspace = $1 AND release = $2 AND NOT EXISTS (
            SELECT 1 FROM gate WHERE workspace = $1 AND release = $2 AND rule ->> 'pass' IS NOT NULL)`,
    params: [workspace, release],
  };
}

function criterionRows(criteria: readonly Criterion[]) {
  return criteria.map((body, position) => ({ key: body.key, position, body }));
}

function exceptionRow(workspace: string, release: number, one: ExceptionRow, asker: string, at: Date): Write {
  return {
    sql: `INSERT INTO exception (workspace, release, freeze_key, name, team, quarter, reason, asker, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
          ON CONFLICT (workspace, release, freeze_key) DO UPDATE SET reason = excluded.reason, asker = excluded.asker, at = excluded.at, quarter = excluded.quarter`,
    params: [workspace, release, one.freeze, one.name, one.team, one.quarter, one.reason, asker, at],
  };
}

function endProposal(workspace: string, id: string, state: string, at: Date): Write {
  return {
    sql: `UPDATE proposal SET state = $3, ended_at = $4 WHERE workspace = $1 AND id = $2 AND state = 'open'`,
    params: [workspace, id, state, at],
    rows: 1,
  };
}

function endLine({ workspace, body }: { workspace: string; body: { line: string } }, state: string): Write[] {
  return [
    {
      sql: `UPDATE line SET state = $3, offered_until = NULL WHERE workspace = $1 AND id = $2 AND state IN ('waiting', 'offered')`,
      params: [workspace, body.line, state],
      rows: 1,
    },
    ...letGo(workspace, lineHolder(body.line)),
  ];
}

function endSwap(workspace: string, id: string, state: string): Write {
  return {
    sql: `UPDATE swap SET state = $3 WHERE workspace = $1 AND id = $2 AND state = 'proposed'`,
    params: [workspace, id, state],
    rows: 1,
  };
}

type OfDigest = {
  readonly workspace: string;
  readonly at: Date;
  readonly body: { readonly channel: string; readonly kind: string; readonly date: string; readonly nextAt: string };
};

/** What became of one day's digest, and when its timer is due next. */
function digestRun(
  { workspace, at, body }: OfDigest,
  run: { readonly posted: boolean; readonly until: string | null; readonly items: readonly string[] },
): Write[] {
  return [
    {
      sql: `WITH d AS (UPDATE digest SET next_at = $9 WHERE workspace = $1 AND channel = $2 AND kind = $3)
            INSERT INTO digest_run (workspace, channel, kind, date, posted, at, until, items) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      params: [workspace, body.channel, body.kind, body.date, run.posted, at, run.until, run.items, body.nextAt],
    },
  ];
}

function insertAll(target: string, columns: string, workspace: string, rows: readonly unknown[]): Write {
  const names = columns.split(', ').map((column) => column.split(' ')[0]);
  return {
    sql: `INSERT INTO ${target} SELECT $1, ${names.join(', ')} FROM jsonb_to_recordset($2::jsonb) AS x(${columns})`,
    params: [workspace, JSON.stringify(rows)],
  };
}

function keyed<T extends object>(entries: Readonly<Record<string, T>>): (T & { key: string })[] {
  return Object.entries(entries).map(([key, value]) => ({ key, ...value }));
}
