-- What the numbers need to be honest: incidents whose release nobody knows yet, deployments that went past the calendar,
-- and experiments with where they stood when they began.

CREATE TABLE reported_incident (
  workspace text NOT NULL,
  key text NOT NULL,
  note text NOT NULL,
  link text NOT NULL,
  services text[] NOT NULL,
  person text NOT NULL,
  at timestamptz(3) NOT NULL,
  -- open: nobody has said which release it came after; linked; none: it came from no release
  state text NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE INDEX reported_incident_workspace_at_idx ON reported_incident (workspace, at);

CREATE TABLE unbooked (
  workspace text NOT NULL,
  service text NOT NULL,
  version text NOT NULL,
  environment text NOT NULL,
  deployed_at timestamptz(3) NOT NULL,
  note text NOT NULL,
  person text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace, service, version, environment, deployed_at)
);
CREATE INDEX unbooked_workspace_deployed_at_idx ON unbooked (workspace, deployed_at);

CREATE TABLE experiment (
  workspace text NOT NULL,
  number integer NOT NULL,
  hypothesis text NOT NULL,
  metric text NOT NULL,
  part text NOT NULL,
  -- below or above
  comparison text NOT NULL,
  target double precision NOT NULL,
  until text NOT NULL,
  due_at timestamptz(3) NOT NULL,
  team text,
  environment text,
  baseline jsonb NOT NULL,
  result jsonb,
  person text NOT NULL,
  -- running, kept or dropped
  state text NOT NULL DEFAULT 'running',
  words text NOT NULL DEFAULT '',
  -- how often its time was made longer, and how often its end was asked for since
  round integer NOT NULL DEFAULT 0,
  asks integer NOT NULL DEFAULT 0,
  asked_at timestamptz(3),
  started_at timestamptz(3) NOT NULL,
  ended_at timestamptz(3),
  PRIMARY KEY (workspace, number)
);
