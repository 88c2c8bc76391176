-- Digests by kind, scope and content; subscriptions; what a digest of today has shown.

ALTER TABLE digest
  ADD COLUMN kind text NOT NULL DEFAULT 'daily',
  ADD COLUMN scope jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN sections text[] NOT NULL DEFAULT '{waiting,today,next,yesterday,freezes,reviews,errors,numbers}',
  ADD COLUMN quiet text NOT NULL DEFAULT 'silent',
  -- when its timer is due: a timer that says something else is of an older schedule
  ADD COLUMN next_at timestamptz(3),
  -- who asked for it, and when; null: the catalogue
  ADD COLUMN by text,
  ADD COLUMN since timestamptz(3);
UPDATE digest d SET next_at = t.due_at FROM timer t WHERE t.workspace = d.workspace AND t.key = 'digest:' || d.channel;
UPDATE digest d SET by = e.by, since = e.at FROM (
  SELECT DISTINCT ON (workspace, body ->> 'channel') workspace, body ->> 'channel' AS channel, actor ->> 'id' AS by, at
  FROM event WHERE type = 'digest.subscribed' ORDER BY workspace, body ->> 'channel', seq DESC) e
  WHERE e.workspace = d.workspace AND e.channel = d.channel;
ALTER TABLE digest DROP CONSTRAINT digest_pkey, ADD PRIMARY KEY (workspace, channel, kind);

ALTER TABLE digest_run
  ADD COLUMN kind text NOT NULL DEFAULT 'daily',
  -- when its day is over, and it is edited no more
  ADD COLUMN until timestamptz(3),
  -- what it said
  ADD COLUMN items text[] NOT NULL DEFAULT '{}';
ALTER TABLE digest_run DROP CONSTRAINT digest_run_pkey, ADD PRIMARY KEY (workspace, channel, kind, date);
CREATE INDEX digest_run_live ON digest_run (until) WHERE posted;

-- when and up to which seal it was last looked whether it has to be edited
ALTER TABLE surface
  ADD COLUMN looked_at timestamptz(3),
  ADD COLUMN looked_to bigint;
CREATE INDEX surface_shown ON surface (workspace, channel, ts);

CREATE TABLE subscription (
  workspace text NOT NULL,
  -- a channel, or a person: their direct messages
  target text NOT NULL,
  -- its scope as it is typed
  key text NOT NULL,
  scope jsonb NOT NULL,
  topics text[] NOT NULL,
  by text,
  since timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, target, key)
);
CREATE TABLE subscriber (
  workspace text NOT NULL,
  target text NOT NULL,
  muted boolean NOT NULL DEFAULT false,
  muted_until timestamptz(3),
  quiet jsonb,
  PRIMARY KEY (workspace, target)
);

CREATE INDEX event_at ON event (workspace, at);
CREATE INDEX notification_channel ON notification (workspace, channel, at);
