-- Approvals: gates as rules, votes for others, criteria, overrides, exceptions, reviews, trust, preferences, codes.

ALTER TABLE approver_group ADD COLUMN oncall text, ADD COLUMN quiet text[] NOT NULL DEFAULT '{}';
ALTER TABLE team ADD COLUMN exceptions integer;
ALTER TABLE service ADD COLUMN semver boolean NOT NULL DEFAULT false;

CREATE TABLE standard_change (
  workspace text NOT NULL,
  key text NOT NULL,
  position integer NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, key)
);

ALTER TABLE release
  ADD COLUMN rollback_tested boolean NOT NULL DEFAULT false,
  ADD COLUMN migration text NOT NULL DEFAULT 'none',
  ADD COLUMN scope jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN links text[] NOT NULL DEFAULT '{}',
  ADD COLUMN because text NOT NULL DEFAULT '',
  ADD COLUMN problems jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN risk jsonb,
  ADD COLUMN guards jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN approved_hash text NOT NULL DEFAULT '',
  ADD COLUMN auto boolean NOT NULL DEFAULT false,
  -- what kept it from starting, as it was told last
  ADD COLUMN held text NOT NULL DEFAULT '',
  ADD COLUMN nudged_at timestamptz(3),
  ADD COLUMN review_asked_at timestamptz(3),
  ADD COLUMN review_due_at timestamptz(3),
  ADD COLUMN reviewed_at timestamptz(3),
  ADD COLUMN outcome text,
  ADD COLUMN review text NOT NULL DEFAULT '',
  -- guards that did not hold for its slot, in words
  ADD COLUMN advice text[] NOT NULL DEFAULT '{}';
-- Which gates cost what, and how services fared: both are asked of releases by what they had.
CREATE INDEX release_unit_service ON release_unit (workspace, service, release);

ALTER TABLE gate
  ADD COLUMN rule jsonb,
  ADD COLUMN asked_at timestamptz(3),
  ADD COLUMN met_at timestamptz(3),
  ADD COLUMN escalated_to text[] NOT NULL DEFAULT '{}';
UPDATE gate SET rule = jsonb_build_object('name', name, 'who', who, 'needed', needed, 'covers', to_jsonb(covers), 'sla_minutes', NULL,
    'escalation', NULL, 'veto', true, 'step_up', false, 'delegates', true, 'if', NULL, 'pass', NULL),
  asked_at = (SELECT requested_at FROM release r WHERE r.workspace = gate.workspace AND r.number = gate.release);
ALTER TABLE gate ALTER COLUMN rule SET NOT NULL, ALTER COLUMN asked_at SET NOT NULL,
  DROP COLUMN who, DROP COLUMN needed, DROP COLUMN covers;
CREATE INDEX gate_name ON gate (workspace, name, met_at);

ALTER TABLE vote ADD COLUMN unblock text NOT NULL DEFAULT '', ADD COLUMN seats text[] NOT NULL DEFAULT '{}';
UPDATE vote SET seats = ARRAY[voter];

CREATE TABLE delegation (
  workspace text NOT NULL,
  release integer NOT NULL,
  person text NOT NULL,
  delegate text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, person)
);

CREATE TABLE criterion (
  workspace text NOT NULL,
  release integer NOT NULL,
  key text NOT NULL,
  position integer NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, release, key)
);
CREATE TABLE tick (
  workspace text NOT NULL,
  release integer NOT NULL,
  criterion text NOT NULL,
  person text NOT NULL,
  evidence text NOT NULL,
  source text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, criterion)
);

CREATE TABLE override (
  workspace text NOT NULL,
  id text NOT NULL,
  release integer NOT NULL,
  rule text NOT NULL,
  reason text NOT NULL,
  proposer text NOT NULL,
  second text NOT NULL,
  until timestamptz(3) NOT NULL,
  state text NOT NULL,
  hash text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX override_release ON override (workspace, release);

CREATE TABLE exception (
  workspace text NOT NULL,
  release integer NOT NULL,
  freeze_key text NOT NULL,
  name text NOT NULL,
  team text NOT NULL,
  quarter text NOT NULL,
  reason text NOT NULL,
  asker text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, freeze_key)
);
CREATE INDEX exception_team ON exception (workspace, team, quarter);

CREATE TABLE trust (
  workspace text NOT NULL,
  team text NOT NULL,
  policy text NOT NULL,
  rung text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, team, policy)
);
CREATE TABLE proposal (
  workspace text NOT NULL,
  id text NOT NULL,
  team text NOT NULL,
  policy text NOT NULL,
  rung text NOT NULL,
  direction text NOT NULL,
  n integer NOT NULL,
  failed integer NOT NULL,
  low double precision NOT NULL,
  high double precision NOT NULL,
  managers text[] NOT NULL,
  needed integer NOT NULL,
  votes jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL,
  at timestamptz(3) NOT NULL,
  ended_at timestamptz(3),
  PRIMARY KEY (workspace, id)
);
CREATE INDEX proposal_team ON proposal (workspace, team, policy);

CREATE TABLE preference (
  workspace text NOT NULL,
  person text NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, person)
);
CREATE TABLE enrolment (
  workspace text NOT NULL,
  person text NOT NULL,
  credential text NOT NULL,
  last_step bigint NOT NULL,
  PRIMARY KEY (workspace, person)
);

-- ── Not part of the record ────────────────────────────────────────────────────────────────────────────────────────

-- Secrets of one-time codes, sealed with a key that the database does not have; kept out of the log, which forgets nothing.
CREATE TABLE credential (
  workspace text NOT NULL,
  id text NOT NULL,
  person text NOT NULL,
  secret text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id)
);

-- Whom somebody votes for by preference is asked at every message to them.
CREATE INDEX preference_delegate ON preference (workspace, (body -> 'delegate' ->> 'to')) WHERE body -> 'delegate' ->> 'to' IS NOT NULL;

-- Guesses at one-time codes are counted at every vote.
CREATE INDEX command_wrong_code ON command (workspace, (actor ->> 'id'), at) WHERE outcome -> 'refusal' ->> 'code' = 'code_wrong';

-- What was pushed to whom and why, and what was kept back for a budget.
CREATE TABLE notification (
  workspace text NOT NULL,
  surface text NOT NULL,
  audience text NOT NULL,
  person text,
  channel text,
  release integer,
  why text NOT NULL,
  state text NOT NULL,
  not_before timestamptz(3),
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, surface)
);
CREATE INDEX notification_person ON notification (workspace, person, at);
CREATE INDEX notification_held ON notification (not_before) WHERE state = 'held';
