-- Slack's limits, which all replicas keep together. A crash may forget it (then Slack's own 429 says so): hence unlogged.
-- Times are milliseconds since 1970 on the database's clock.
CREATE UNLOGGED TABLE pace (
  workspace text NOT NULL,
  -- a method, all posts, or the posts of one channel
  key text NOT NULL,
  -- when the bucket is full again: what was taken lies between now and then (generic cell rate algorithm, ITU-T I.371)
  full_at double precision NOT NULL DEFAULT 0,
  -- Slack said to wait until then
  paused_until double precision NOT NULL DEFAULT 0,
  -- for each urgency, the last place in line that was given away
  lines double precision[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (workspace, key)
);

-- Takes one call out of each bucket, all or none: 0. Otherwise in how many ms to come back: who is not in line yet gets a
-- place of its own there, so that a thousand who wait come back one by one. Rows are locked in one order: no deadlocks.
CREATE FUNCTION take_turn(
  ws text, wanted text[], every_ms double precision[], depth double precision[], line int, in_line boolean
) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  at double precision;
  wait double precision;
BEGIN
  INSERT INTO pace (workspace, key) SELECT ws, w FROM unnest(wanted) w ORDER BY w ON CONFLICT DO NOTHING;
  PERFORM FROM pace WHERE workspace = ws AND key = ANY (wanted) ORDER BY key FOR UPDATE;
  at := extract(epoch FROM clock_timestamp()) * 1000;
  SELECT max(greatest(p.full_at - at - (w.depth - 1) * w.every, p.paused_until - at,
      CASE WHEN in_line THEN 0 ELSE coalesce(p.lines[line], 0) - at END)) INTO wait
    FROM unnest(wanted, every_ms, depth) AS w (key, every, depth) JOIN pace p ON p.workspace = ws AND p.key = w.key;
  IF wait <= 0 THEN
    UPDATE pace p SET full_at = greatest(p.full_at, at) + w.every
      FROM unnest(wanted, every_ms) AS w (key, every) WHERE p.workspace = ws AND p.key = w.key;
    RETURN 0;
  END IF;
  IF in_line THEN RETURN wait; END IF;
  WITH stands AS (
    UPDATE pace p SET lines[line] = greatest(coalesce(p.lines[line], 0) + w.every, at,
        p.full_at - (w.depth - 1) * w.every, p.paused_until)
      FROM unnest(wanted, every_ms, depth) AS w (key, every, depth)
      WHERE p.workspace = ws AND p.key = w.key
        AND greatest(p.full_at - (w.depth - 1) * w.every, p.paused_until, coalesce(p.lines[line], 0)) > at
      RETURNING p.lines[line] AS place)
  SELECT max(place) - at INTO wait FROM stands;
  RETURN wait;
END $$;
