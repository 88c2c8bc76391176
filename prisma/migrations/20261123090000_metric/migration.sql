-- Moments of a release that no later one overwrites, so that metrics read one narrow row and not the log.

ALTER TABLE release
  -- the first vote of anybody
  ADD COLUMN first_vote_at timestamptz(3),
  -- the verdict that stands
  ADD COLUMN approved_at timestamptz(3),
  -- deployed: verification begins, or it is done without one
  ADD COLUMN deployed_at timestamptz(3),
  -- the first time that it was called failed, or rolled back
  ADD COLUMN failed_at timestamptz(3),
  -- done, failed or rolled back, whichever came first: a late rollback leaves last month's deployments as they are
  ADD COLUMN finished_at timestamptz(3);

UPDATE release r SET first_vote_at = e.first_vote_at, deployed_at = e.deployed_at, failed_at = e.failed_at, finished_at = e.finished_at,
    approved_at = CASE WHEN r.state <> 'requested' THEN e.approved_at END
  FROM (SELECT workspace, release,
      min(at) FILTER (WHERE type = 'vote.cast') AS first_vote_at,
      max(at) FILTER (WHERE type = 'release.approved') AS approved_at,
      min(at) FILTER (WHERE type IN ('release.verifying', 'release.done')) AS deployed_at,
      min(at) FILTER (WHERE type IN ('release.failed', 'release.rolled_back')) AS failed_at,
      min(at) FILTER (WHERE type IN ('release.done', 'release.failed', 'release.rolled_back')) AS finished_at
    FROM event WHERE release IS NOT NULL AND type IN ('vote.cast', 'release.approved', 'release.verifying', 'release.done', 'release.failed', 'release.rolled_back')
    GROUP BY workspace, release) e
  WHERE e.workspace = r.workspace AND e.release = r.number;

CREATE INDEX release_finished ON release (workspace, finished_at);
CREATE INDEX release_approved ON release (workspace, approved_at);
