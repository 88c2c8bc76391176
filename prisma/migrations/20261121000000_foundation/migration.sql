-- The foundation: the event log and its chain, the tables that events fill, and the ledger of what Slack shows.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- ── The record ────────────────────────────────────────────────────────────────────────────────────────────────────

-- One row per thing somebody asked for. The id makes every repeat answer with the first outcome.
CREATE TABLE command (
  workspace text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  actor jsonb NOT NULL,
  outcome jsonb NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX command_at ON command (at);

CREATE TABLE event (
  seq bigserial PRIMARY KEY,
  id text NOT NULL UNIQUE,
  workspace text NOT NULL,
  type text NOT NULL,
  at timestamptz(3) NOT NULL,
  actor jsonb NOT NULL,
  command text NOT NULL,
  release integer,
  body jsonb NOT NULL
);
CREATE INDEX event_release ON event (workspace, release, seq);

-- Events that the sealer has not chained yet. Kept apart so that the log itself is never updated.
CREATE TABLE unsealed (
  seq bigint PRIMARY KEY REFERENCES event (seq),
  workspace text NOT NULL
);
CREATE INDEX unsealed_workspace ON unsealed (workspace, seq);

-- The hash chain of a workspace, in commit order.
CREATE TABLE seal (
  workspace text NOT NULL,
  position bigint NOT NULL,
  seq bigint NOT NULL UNIQUE REFERENCES event (seq),
  previous text NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (workspace, position)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_append_only BEFORE UPDATE OR DELETE ON seal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_no_truncate BEFORE TRUNCATE ON seal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ── State: written by apply() alone, rebuilt by replaying the log ─────────────────────────────────────────────────

CREATE TABLE workspace (
  id text PRIMARY KEY,
  name text NOT NULL,
  bot_user text NOT NULL,
  zone text NOT NULL DEFAULT 'UTC',
  home text,
  catalog_hash text
);
CREATE TABLE person_role (
  workspace text NOT NULL,
  person text NOT NULL,
  role text NOT NULL,
  PRIMARY KEY (workspace, person, role)
);
CREATE TABLE environment (
  workspace text NOT NULL,
  key text NOT NULL,
  exclusive boolean NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE TABLE team (
  workspace text NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  channel text,
  members text[] NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE TABLE approver_group (
  workspace text NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  usergroup text,
  members text[] NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE TABLE service (
  workspace text NOT NULL,
  key text NOT NULL,
  team text,
  tier integer NOT NULL,
  channel text,
  environments text[] NOT NULL,
  depends_on text[] NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE TABLE policy (
  workspace text NOT NULL,
  position integer NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, position)
);

CREATE TABLE release (
  workspace text NOT NULL,
  number integer NOT NULL,
  state text NOT NULL,
  requester text NOT NULL,
  lead text NOT NULL,
  environment text NOT NULL,
  change_type text NOT NULL,
  policy text NOT NULL,
  summary text NOT NULL,
  rollback_plan text NOT NULL,
  starts_at timestamptz(3) NOT NULL,
  ends_at timestamptz(3) NOT NULL,
  channel text NOT NULL,
  revision integer NOT NULL,
  requested_at timestamptz(3) NOT NULL,
  changed_at timestamptz(3) NOT NULL,
  started_at timestamptz(3),
  ended_at timestamptz(3),
  reason text NOT NULL DEFAULT '',
  room text NOT NULL DEFAULT 'none',
  room_members text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (workspace, number),
  CHECK (ends_at > starts_at)
);
CREATE INDEX release_starts ON release (workspace, starts_at);
CREATE INDEX release_open ON release (workspace, state, starts_at);
CREATE INDEX release_requester ON release (workspace, requester, state);
CREATE INDEX release_ended ON release (workspace, ended_at);

CREATE TABLE release_unit (
  workspace text NOT NULL,
  release integer NOT NULL,
  position integer NOT NULL,
  service text NOT NULL,
  version text NOT NULL,
  PRIMARY KEY (workspace, release, position),
  FOREIGN KEY (workspace, release) REFERENCES release (workspace, number)
);

-- The time that a release holds, one row per service. The two constraints are invariant 1 of the product.
CREATE TABLE reservation (
  workspace text NOT NULL,
  release integer NOT NULL,
  service text NOT NULL,
  environment text NOT NULL,
  exclusive boolean NOT NULL,
  starts_at timestamptz(3) NOT NULL,
  ends_at timestamptz(3) NOT NULL,
  held boolean NOT NULL,
  PRIMARY KEY (workspace, release, service),
  FOREIGN KEY (workspace, release) REFERENCES release (workspace, number),
  CONSTRAINT reservation_service_once EXCLUDE USING gist
    (workspace WITH =, environment WITH =, service WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (held),
  CONSTRAINT reservation_exclusive_environment EXCLUDE USING gist
    (workspace WITH =, environment WITH =, tstzrange(starts_at, ends_at) WITH &&, release WITH <>) WHERE (held AND exclusive)
);

CREATE TABLE gate (
  workspace text NOT NULL,
  release integer NOT NULL,
  position integer NOT NULL,
  name text NOT NULL,
  who jsonb NOT NULL,
  needed integer NOT NULL,
  asked text[] NOT NULL,
  PRIMARY KEY (workspace, release, position),
  FOREIGN KEY (workspace, release) REFERENCES release (workspace, number)
);

CREATE TABLE vote (
  workspace text NOT NULL,
  release integer NOT NULL,
  gate text NOT NULL,
  voter text NOT NULL,
  revision integer NOT NULL,
  choice text NOT NULL,
  comment text NOT NULL,
  because text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, release, gate, voter, revision),
  FOREIGN KEY (workspace, release) REFERENCES release (workspace, number)
);

CREATE TABLE note (
  workspace text NOT NULL,
  id text NOT NULL,
  release integer NOT NULL,
  author text NOT NULL,
  text text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, release) REFERENCES release (workspace, number)
);
CREATE INDEX note_release ON note (workspace, release, at);

CREATE TABLE digest (
  workspace text NOT NULL,
  channel text NOT NULL,
  at text NOT NULL,
  zone text NOT NULL,
  days integer[] NOT NULL,
  PRIMARY KEY (workspace, channel)
);
-- One digest per channel and local date.
CREATE TABLE digest_run (
  workspace text NOT NULL,
  channel text NOT NULL,
  date text NOT NULL,
  posted boolean NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, channel, date)
);

-- ── What has to happen next ───────────────────────────────────────────────────────────────────────────────────────

-- Surfaces that show something old. Only ever inserted by commands, so unrelated commands never wait for each other here.
CREATE TABLE outbox (
  id bigserial PRIMARY KEY,
  workspace text NOT NULL,
  surface text NOT NULL,
  at timestamptz(3) NOT NULL
);
CREATE INDEX outbox_surface ON outbox (workspace, surface, id);

-- The ledger: what Slack shows for a surface, and who is writing it now.
CREATE TABLE surface (
  workspace text NOT NULL,
  key text NOT NULL,
  channel text,
  ts text,
  hash text,
  -- set before the first write is tried and cleared when its outcome is known
  unclear_since timestamptz(3),
  written_at timestamptz(3),
  claimed_by text,
  claimed_until timestamptz(3),
  retry_at timestamptz(3),
  attempts integer NOT NULL DEFAULT 0,
  problem text,
  PRIMARY KEY (workspace, key)
);
CREATE INDEX surface_channel ON surface (workspace, channel) WHERE channel IS NOT NULL;

CREATE TABLE timer (
  workspace text NOT NULL,
  key text NOT NULL,
  due_at timestamptz(3) NOT NULL,
  body jsonb NOT NULL,
  claimed_until timestamptz(3),
  PRIMARY KEY (workspace, key)
);
CREATE INDEX timer_due ON timer (due_at);
