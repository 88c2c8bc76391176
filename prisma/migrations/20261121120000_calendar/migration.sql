-- The calendar: windows, freezes, seats, the line, swaps, trains, environment bookings, series and feeds.

-- A lane is one service, or (both ends open) the whole environment: one constraint keeps both from overlapping.
CREATE TYPE lane AS RANGE (subtype = text, collation = "C");

-- ── Reservations: held by a release, an environment booking or a place kept for the line ─────────────────────────
ALTER TABLE reservation DROP CONSTRAINT reservation_service_once;
ALTER TABLE reservation DROP CONSTRAINT reservation_exclusive_environment;
ALTER TABLE reservation DROP CONSTRAINT reservation_pkey;
ALTER TABLE reservation ALTER COLUMN release DROP NOT NULL;
ALTER TABLE reservation ALTER COLUMN service DROP NOT NULL;
ALTER TABLE reservation ADD COLUMN holder text;
ALTER TABLE reservation ADD COLUMN position integer;
ALTER TABLE reservation ADD COLUMN label text NOT NULL DEFAULT '';
UPDATE reservation r SET holder = 'REL-' || release,
  position = (SELECT position FROM release_unit u WHERE u.workspace = r.workspace AND u.release = r.release AND u.service = r.service),
  label = (SELECT string_agg(u.service || ' ' || u.version, ' + ' ORDER BY u.position) FROM release_unit u
    WHERE u.workspace = r.workspace AND u.release = r.release);
DELETE FROM reservation WHERE exclusive AND position > 0;
UPDATE reservation SET service = NULL WHERE exclusive;
ALTER TABLE reservation ALTER COLUMN holder SET NOT NULL;
ALTER TABLE reservation ALTER COLUMN position SET NOT NULL;
ALTER TABLE reservation ALTER COLUMN label DROP DEFAULT;
ALTER TABLE reservation DROP COLUMN exclusive;
ALTER TABLE reservation ADD PRIMARY KEY (workspace, holder, position);
-- Invariant 1 of the product.
ALTER TABLE reservation ADD CONSTRAINT reservation_once EXCLUDE USING gist
  (workspace WITH =, environment WITH =, lane(service, service, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&) WHERE (held);

-- Invariant 2: a place in one occurrence of a window or train is given out once, and only as many as there are.
CREATE TABLE seat (
  workspace text NOT NULL,
  window_key text NOT NULL,
  date text NOT NULL,
  seat integer NOT NULL,
  capacity integer NOT NULL,
  holder text NOT NULL,
  starts_at timestamptz(3) NOT NULL,
  ends_at timestamptz(3) NOT NULL,
  held boolean NOT NULL,
  PRIMARY KEY (workspace, holder, window_key, date),
  CHECK (seat BETWEEN 1 AND capacity)
);
CREATE UNIQUE INDEX seat_once ON seat (workspace, window_key, date, seat) WHERE held;
CREATE INDEX seat_time ON seat (workspace, ends_at) WHERE held;

ALTER TABLE workspace ADD COLUMN catalog jsonb;
ALTER TABLE service ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
ALTER TABLE service ADD COLUMN regions text[] NOT NULL DEFAULT '{}';
ALTER TABLE gate ADD COLUMN covers text[] NOT NULL DEFAULT '{content}';

-- Grows with everything that a calendar entry has to be told: moves, cancellation, reinstatement.
ALTER TABLE release ADD COLUMN sequence integer NOT NULL DEFAULT 0;
ALTER TABLE release ADD COLUMN depends_on integer[] NOT NULL DEFAULT '{}';
ALTER TABLE release ADD COLUMN train text;
ALTER TABLE release ADD COLUMN departure text;
ALTER TABLE release ADD COLUMN series text;
ALTER TABLE release ADD COLUMN warnings jsonb NOT NULL DEFAULT '[]';
CREATE INDEX release_lead ON release (workspace, lead, starts_at);
CREATE INDEX release_train ON release (workspace, train, departure) WHERE train IS NOT NULL;
-- What somebody did last, for undoing it.
CREATE INDEX event_command ON event (workspace, command);
CREATE INDEX command_actor ON command (workspace, (actor ->> 'id'), at);

-- ── Windows and freezes ───────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE release_window (
  workspace text NOT NULL,
  key text NOT NULL,
  source text NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, key)
);
-- Edits of single occurrences, named by their date in the series.
CREATE TABLE window_change (
  workspace text NOT NULL,
  window_key text NOT NULL,
  date text NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, window_key, date)
);
CREATE TABLE release_freeze (
  workspace text NOT NULL,
  key text NOT NULL,
  source text NOT NULL,
  body jsonb NOT NULL,
  skips text[] NOT NULL,
  lifted boolean NOT NULL,
  channel text,
  author text NOT NULL,
  declared_at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, key)
);

-- ── Moving and waiting ────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE swap (
  workspace text NOT NULL,
  id text NOT NULL,
  release integer NOT NULL,
  other integer NOT NULL,
  proposer text NOT NULL,
  -- The revisions that were seen when it was proposed: an answer to other times is none.
  revision integer NOT NULL,
  other_revision integer NOT NULL,
  state text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE TABLE line (
  workspace text NOT NULL,
  id text NOT NULL,
  person text NOT NULL,
  request jsonb NOT NULL,
  environment text NOT NULL,
  starts_at timestamptz(3) NOT NULL,
  ends_at timestamptz(3) NOT NULL,
  state text NOT NULL,
  offered_until timestamptz(3),
  joined_at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX line_waiting ON line (workspace, state, joined_at);

-- ── Trains, environment bookings, series, feeds ───────────────────────────────────────────────────────────────────
CREATE TABLE train (
  workspace text NOT NULL,
  key text NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (workspace, key)
);
-- Departures whose boarding is over.
CREATE TABLE departure (
  workspace text NOT NULL,
  train text NOT NULL,
  date text NOT NULL,
  closed_at timestamptz(3) NOT NULL,
  aboard integer[] NOT NULL,
  left_behind integer[] NOT NULL,
  PRIMARY KEY (workspace, train, date)
);
CREATE TABLE booking (
  workspace text NOT NULL,
  number integer NOT NULL,
  environment text NOT NULL,
  services text[] NOT NULL,
  person text NOT NULL,
  purpose text NOT NULL,
  starts_at timestamptz(3) NOT NULL,
  ends_at timestamptz(3) NOT NULL,
  state text NOT NULL,
  channel text,
  PRIMARY KEY (workspace, number),
  CHECK (ends_at > starts_at)
);
CREATE TABLE series (
  workspace text NOT NULL,
  id text NOT NULL,
  owner text NOT NULL,
  source integer NOT NULL,
  recurrence jsonb NOT NULL,
  zone text NOT NULL,
  request jsonb NOT NULL,
  last_date text,
  active boolean NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE TABLE feed (
  workspace text NOT NULL,
  id text NOT NULL,
  token_hash text NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  owner text NOT NULL,
  open boolean NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE UNIQUE INDEX feed_token ON feed (token_hash);

-- What somebody was about to do: remembered for a button, not part of the record.
CREATE TABLE draft (
  workspace text NOT NULL,
  id text NOT NULL,
  person text NOT NULL,
  command text NOT NULL,
  input jsonb NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX draft_at ON draft (at);
