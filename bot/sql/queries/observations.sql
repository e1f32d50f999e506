-- fetch_target --
SELECT host, project, domain
  FROM environment_targets
 WHERE repository_id = %(repository_id)s AND environment = %(environment)s;

-- fetch_names --
SELECT environment
  FROM environment_targets
 WHERE repository_id = %(repository_id)s AND host = %(host)s
 ORDER BY environment;

-- fetch_places --
SELECT repository_id, environment, host, project, domain
  FROM environment_targets
 ORDER BY repository_id, environment;

-- find_places --
SELECT repository_id, environment, host, project, domain
  FROM environment_targets
 WHERE host = %(host)s AND project = ANY(%(projects)s::text[])
 ORDER BY repository_id, environment;

-- fetch_live_places --
SELECT target.repository_id, target.environment, target.host, target.project, target.domain
  FROM ledger
  JOIN environment_targets AS target
    ON target.repository_id = ledger.repository_id AND target.environment = ledger.environment
 WHERE ledger.live_until IS NULL
 ORDER BY target.repository_id, target.environment;

-- fetch_unplaced --
-- Repositories that something is live in, whose policy was remembered before places were.
SELECT good.repository_id, good.policy
  FROM good_policies AS good
 WHERE EXISTS (
           SELECT FROM ledger
            WHERE ledger.repository_id = good.repository_id AND ledger.live_until IS NULL
       )
   AND NOT EXISTS (
           SELECT FROM environment_targets AS place
            WHERE place.repository_id = good.repository_id
       )
 ORDER BY good.repository_id;

-- add_places --
INSERT INTO environment_targets (repository_id, environment, host, project, domain)
SELECT %(repository_id)s, *
  FROM unnest(
           %(environments)s::text[], %(hosts)s::text[], %(projects)s::text[], %(domains)s::text[]
       )
ON CONFLICT DO NOTHING;

-- fetch_standing --
-- An operation that waits for its gates has asked the host for nothing, and may wait for a day.
SELECT coalesce(holder.fence, 0) AS fence,
       holder.operation_id IS NOT NULL
       OR EXISTS (
              SELECT FROM operations AS open
               WHERE open.repository_id = place.repository_id
                 AND open.environment = place.environment
                 AND NOT open.concluded
                 AND open.state <> 'waiting'
          ) AS busy,
       live.*
  FROM (SELECT %(repository_id)s::bigint, %(environment)s::text)
       AS place (repository_id, environment)
  LEFT JOIN environment_holders AS holder
    ON holder.repository_id = place.repository_id AND holder.environment = place.environment
  LEFT JOIN ledger AS live
    ON live.repository_id = place.repository_id
   AND live.environment = place.environment
   AND live.live_until IS NULL;

-- note_sighting --
INSERT INTO sightings AS seen
       (repository_id, environment, deployment_id, live_id, fence, seen_at)
VALUES (
    %(repository_id)s, %(environment)s, %(deployment_id)s, %(live_id)s, %(fence)s, %(at)s
)
ON CONFLICT (repository_id, environment) DO UPDATE
   SET deployment_id = excluded.deployment_id,
       live_id = excluded.live_id,
       fence = excluded.fence,
       seen_at = CASE
           WHEN (seen.deployment_id, seen.live_id, seen.fence)
              = (excluded.deployment_id, excluded.live_id, excluded.fence)
           THEN least(seen.seen_at, excluded.seen_at)
           ELSE excluded.seen_at
       END
RETURNING seen_at;

-- forget_sighting --
DELETE FROM sightings
 WHERE repository_id = %(repository_id)s AND environment = %(environment)s;

-- fetch_move --
SELECT *
  FROM ledger
 WHERE repository_id = %(repository_id)s
   AND id <= %(id)s
   AND environment = (
           SELECT environment FROM ledger
            WHERE repository_id = %(repository_id)s AND id = %(id)s
       )
 ORDER BY id DESC
 LIMIT 2;
