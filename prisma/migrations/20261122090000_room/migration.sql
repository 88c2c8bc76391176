-- War rooms: runbooks, steps, roles, kept messages, status, overruns, the watch, reviews with actions.

ALTER TABLE service ADD COLUMN room jsonb NOT NULL DEFAULT '{}';

CREATE TABLE runbook (
  workspace text NOT NULL,
  key text NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE TABLE protocol (
  workspace text NOT NULL,
  key text NOT NULL,
  position integer NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, key)
);

ALTER TABLE release
  ADD COLUMN room_channel text,
  ADD COLUMN room_opened_at timestamptz(3),
  -- who was invited since it was opened: nobody who left is fetched back
  ADD COLUMN room_invited text[] NOT NULL DEFAULT '{}',
  ADD COLUMN room_note text NOT NULL DEFAULT '',
  -- what Slack forbids: create, archive, unarchive
  ADD COLUMN barred text[] NOT NULL DEFAULT '{}',
  ADD COLUMN room_lead text,
  -- the phases whose steps are planned
  ADD COLUMN planned text[] NOT NULL DEFAULT '{}',
  -- what the steps were made from, "payments v4"
  ADD COLUMN runbooks text[] NOT NULL DEFAULT '{}',
  ADD COLUMN followers text[] NOT NULL DEFAULT '{}',
  -- the end that was booked, once it has grown
  ADD COLUMN planned_end timestamptz(3),
  ADD COLUMN status text NOT NULL DEFAULT '',
  ADD COLUMN health text NOT NULL DEFAULT '',
  ADD COLUMN status_at timestamptz(3),
  ADD COLUMN status_due_at timestamptz(3),
  ADD COLUMN restored_at timestamptz(3),
  ADD COLUMN watch_until timestamptz(3),
  ADD COLUMN watch_ended_at timestamptz(3),
  ADD COLUMN archive_notice_at timestamptz(3),
  ADD COLUMN archived_at timestamptz(3),
  ADD COLUMN kept_at timestamptz(3),
  -- the rest of the review: detected by, impact, what helped, what hindered, would it be approved again
  ADD COLUMN lessons jsonb NOT NULL DEFAULT '{}';
UPDATE release r SET room_channel = s.channel FROM surface s
  WHERE s.workspace = r.workspace AND s.key = 'room:REL-' || r.number AND s.channel IS NOT NULL;

CREATE TABLE room_role (
  workspace text NOT NULL,
  release integer NOT NULL,
  role text NOT NULL,
  person text NOT NULL,
  since timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, role)
);
CREATE TABLE role_offer (
  workspace text NOT NULL,
  id text NOT NULL,
  release integer NOT NULL,
  role text NOT NULL,
  offered_by text NOT NULL,
  person text NOT NULL,
  note text NOT NULL,
  in_flight text NOT NULL,
  state text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX role_offer_release ON role_offer (workspace, release);

CREATE TABLE step (
  workspace text NOT NULL,
  release integer NOT NULL,
  key text NOT NULL,
  position integer NOT NULL,
  body jsonb NOT NULL,
  state text NOT NULL,
  attempt integer NOT NULL,
  claimed_by text,
  done_by text,
  verified_by text,
  note text NOT NULL DEFAULT '',
  started_at timestamptz(3),
  ended_at timestamptz(3),
  -- when its soak ends, or a call of it is given up
  until timestamptz(3),
  due_at timestamptz(3),
  announced boolean NOT NULL DEFAULT false,
  reminded boolean NOT NULL DEFAULT false,
  PRIMARY KEY (workspace, release, key)
);
CREATE TABLE step_voice (
  workspace text NOT NULL,
  release integer NOT NULL,
  step text NOT NULL,
  voice text NOT NULL,
  person text NOT NULL,
  choice text NOT NULL,
  reason text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, step, voice)
);
CREATE TABLE exposure (
  workspace text NOT NULL,
  release integer NOT NULL,
  event text NOT NULL,
  label text NOT NULL,
  note text NOT NULL,
  person text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, event)
);
CREATE TABLE canary (
  workspace text NOT NULL,
  release integer NOT NULL,
  metric text NOT NULL,
  body jsonb NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, metric)
);
CREATE TABLE captured (
  workspace text NOT NULL,
  release integer NOT NULL,
  channel text NOT NULL,
  ts text NOT NULL,
  source text NOT NULL,
  author text NOT NULL,
  text text NOT NULL,
  permalink text NOT NULL,
  said_at timestamptz(3) NOT NULL,
  captured_by text NOT NULL,
  -- what it said at other times, oldest first
  edits jsonb NOT NULL DEFAULT '[]',
  deleted_at timestamptz(3),
  PRIMARY KEY (workspace, release, channel, ts)
);
CREATE TABLE incident (
  workspace text NOT NULL,
  release integer NOT NULL,
  key text NOT NULL,
  note text NOT NULL,
  person text NOT NULL,
  at timestamptz(3) NOT NULL,
  closed_at timestamptz(3),
  PRIMARY KEY (workspace, release, key)
);
CREATE TABLE known_error (
  workspace text NOT NULL,
  key text NOT NULL,
  release integer NOT NULL,
  services text[] NOT NULL,
  title text NOT NULL,
  workaround text NOT NULL,
  person text NOT NULL,
  at timestamptz(3) NOT NULL,
  fixed_at timestamptz(3),
  PRIMARY KEY (workspace, key)
);
CREATE INDEX known_error_open ON known_error (workspace) WHERE fixed_at IS NULL;
CREATE TABLE action (
  workspace text NOT NULL,
  key text NOT NULL,
  release integer NOT NULL,
  text text NOT NULL,
  owner text NOT NULL,
  due text NOT NULL,
  at timestamptz(3) NOT NULL,
  done_at timestamptz(3),
  done_by text,
  PRIMARY KEY (workspace, key)
);
CREATE INDEX action_open ON action (workspace, owner) WHERE done_at IS NULL;
