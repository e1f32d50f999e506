-- add_operation --
WITH added AS (
    INSERT INTO operations (
        request, repository_id, environment, kind, state, comment_id, concluded, requested_at,
        content
    )
    VALUES (
        %(request)s, %(repository_id)s, %(environment)s, %(kind)s, %(state)s, %(comment_id)s,
        %(concluded)s, %(requested_at)s, %(content)s
    )
    ON CONFLICT DO NOTHING
    RETURNING id, repository_id
), named AS (
    INSERT INTO operation_pulls (repository_id, number, operation_id)
    SELECT added.repository_id, pull.number, added.id
      FROM added
     CROSS JOIN unnest(%(pulls)s::bigint[]) AS pull (number)
)
SELECT id FROM added;

-- fetch_standing --
SELECT id, content, request,
       place.installation_id, operations.repository_id, place.owner, place.name
  FROM operations
  LEFT JOIN repositories AS place
    ON place.repository_id = operations.repository_id AND place.moved_at > requested_at
 WHERE request = %(request)s
    OR (
           comment_id <> 0
           AND operations.repository_id = %(repository_id)s
           AND comment_id = %(comment_id)s
       )
 ORDER BY id
 LIMIT 1;

-- fetch_operation --
-- With where its repository is, if that was learned since.
SELECT id, content, place.installation_id, operations.repository_id, place.owner, place.name
  FROM operations
  LEFT JOIN repositories AS place
    ON place.repository_id = operations.repository_id AND place.moved_at > requested_at
 WHERE id = %(id)s;

-- note_answered --
INSERT INTO command_answers (repository_id, comment_id, texts, refused)
VALUES (%(repository_id)s, %(comment_id)s, %(texts)s, %(refused)s)
ON CONFLICT DO NOTHING;

-- fetch_answered --
SELECT texts, refused
  FROM command_answers
 WHERE repository_id = %(repository_id)s AND comment_id = %(comment_id)s;

-- fetch_begun --
SELECT id, content, place.installation_id, operations.repository_id, place.owner, place.name
  FROM operations
  LEFT JOIN repositories AS place
    ON place.repository_id = operations.repository_id AND place.moved_at > requested_at
 WHERE comment_id <> 0
   AND comment_id = %(comment_id)s
   AND operations.repository_id = %(repository_id)s;

-- save_operation --
UPDATE operations
   SET state = %(state)s,
       concluded = %(concluded)s,
       content = %(content)s,
       version = version + 1,
       changed_at = clock_timestamp()
 WHERE id = %(id)s
   AND version = %(version)s;

-- fetch_operations --
SELECT id, content, place.installation_id, operations.repository_id, place.owner, place.name
  FROM operations
  LEFT JOIN repositories AS place
    ON place.repository_id = operations.repository_id AND place.moved_at > requested_at
 WHERE (%(repository_id)s::bigint = 0 OR operations.repository_id = %(repository_id)s)
   AND (%(environment)s::text = '' OR environment = %(environment)s)
   AND (NOT %(open_only)s::boolean OR NOT concluded)
 ORDER BY id DESC
 LIMIT %(limit)s;

-- fetch_operations_of_pull --
SELECT id, content, place.installation_id, operations.repository_id, place.owner, place.name
  FROM operation_pulls AS pull
  JOIN operations ON operations.id = pull.operation_id
  LEFT JOIN repositories AS place
    ON place.repository_id = operations.repository_id AND place.moved_at > requested_at
 WHERE pull.repository_id = %(repository_id)s
   AND pull.number = %(number)s
 ORDER BY pull.operation_id DESC
 LIMIT %(limit)s;

-- fetch_stranded --
-- By the lock of AdvanceEnvironment, which is the work's key.
SELECT DISTINCT open.repository_id, open.environment
  FROM operations AS open
 WHERE NOT open.concluded
   AND NOT EXISTS (
           SELECT FROM procrastinate_jobs AS job
            WHERE job.lock = 'environment:' || open.repository_id || '/' || open.environment
              AND job.status IN ('todo', 'doing')
       );

-- take_environment --
INSERT INTO environment_holders AS held
       (repository_id, environment, fence, operation_id, taken_at)
VALUES (%(repository_id)s, %(environment)s, 1, %(operation_id)s, clock_timestamp())
ON CONFLICT (repository_id, environment) DO UPDATE
   SET fence = CASE WHEN held.operation_id IS NULL THEN held.fence + 1 ELSE held.fence END,
       taken_at = coalesce(held.taken_at, excluded.taken_at),
       operation_id = excluded.operation_id
 WHERE held.run_id IS NULL
   AND (held.operation_id IS NULL OR held.operation_id = excluded.operation_id)
RETURNING fence;

-- release_environment --
UPDATE environment_holders
   SET operation_id = NULL, taken_at = NULL
 WHERE repository_id = %(repository_id)s
   AND environment = %(environment)s
   AND operation_id = %(operation_id)s;

-- fetch_holder --
SELECT operation_id
  FROM environment_holders
 WHERE repository_id = %(repository_id)s
   AND environment = %(environment)s
   AND operation_id IS NOT NULL;

-- lock_fence --
-- Whoever records what is live does so one after another.
INSERT INTO environment_holders AS held (repository_id, environment, fence)
VALUES (%(repository_id)s, %(environment)s, 0)
ON CONFLICT (repository_id, environment) DO UPDATE SET fence = held.fence
RETURNING fence;

-- fetch_live --
SELECT * FROM ledger WHERE repository_id = %(repository_id)s AND live_until IS NULL;

-- fetch_ledger --
SELECT *
  FROM ledger
 WHERE repository_id = %(repository_id)s AND environment = %(environment)s
 ORDER BY id DESC
 LIMIT %(limit)s;

-- fetch_live_entry --
SELECT id, sha, deployment_id, origin, live_from
  FROM ledger
 WHERE repository_id = %(repository_id)s
   AND environment = %(environment)s
   AND live_until IS NULL;

-- note_verified --
UPDATE ledger SET verified_at = %(at)s WHERE id = %(id)s AND verified_at IS NULL;

-- end_live --
UPDATE ledger SET live_until = %(at)s WHERE id = %(id)s;

-- add_live --
INSERT INTO ledger (
    repository_id, environment, sha, deployment_id, tag, pull_number, schema_hash, origin, actor,
    live_from, verified_at, operation_id, went_back
)
VALUES (
    %(repository_id)s, %(environment)s, %(sha)s, %(deployment_id)s, %(tag)s, %(pull_number)s,
    %(schema_hash)s, %(origin)s, %(actor)s, %(at)s, %(verified_at)s, %(operation_id)s,
    %(went_back)s
)
RETURNING *;

-- fetch_lock --
SELECT environment, actor, reason, since
  FROM locks
 WHERE repository_id = %(repository_id)s AND environment = %(environment)s;

-- set_lock --
INSERT INTO locks (repository_id, environment, actor, reason, since)
VALUES (%(repository_id)s, %(environment)s, %(actor)s, %(reason)s, %(since)s)
ON CONFLICT (repository_id, environment) DO UPDATE
   SET actor = excluded.actor, reason = excluded.reason, since = excluded.since;

-- clear_lock --
DELETE FROM locks WHERE repository_id = %(repository_id)s AND environment = %(environment)s;

-- fetch_freezes --
SELECT environment, actor, reason, since, until
  FROM freezes
 WHERE repository_id = %(repository_id)s
   AND environment = %(environment)s
   AND until > clock_timestamp()
   AND ended_at IS NULL
 ORDER BY until DESC, since;

-- add_freeze --
INSERT INTO freezes (repository_id, environment, since, until, actor, reason)
VALUES (
    %(repository_id)s, %(environment)s, %(since)s, %(until)s, %(actor)s, %(reason)s
)
ON CONFLICT DO NOTHING;

-- end_freezes --
UPDATE freezes
   SET ended_at = clock_timestamp()
 WHERE repository_id = %(repository_id)s
   AND environment = %(environment)s
   AND until > clock_timestamp()
   AND ended_at IS NULL;

-- note_head --
INSERT INTO pull_heads (repository_id, number, seen_at, head_sha)
VALUES (%(repository_id)s, %(number)s, %(seen_at)s, %(head_sha)s)
ON CONFLICT DO NOTHING;

-- fetch_head_at --
SELECT head_sha
  FROM pull_heads
 WHERE repository_id = %(repository_id)s AND number = %(number)s AND seen_at <= %(at)s
 ORDER BY seen_at DESC
 LIMIT 1;

-- prune_heads --
-- The last one before the limit stays: it may be the head still.
DELETE FROM pull_heads AS old
 WHERE old.seen_at < now() - %(older_than)s::interval
   AND EXISTS (
           SELECT FROM pull_heads AS newer
            WHERE newer.repository_id = old.repository_id
              AND newer.number = old.number
              AND newer.seen_at > old.seen_at
              AND newer.seen_at < now() - %(older_than)s::interval
       );

-- save_policy --
-- The places are rewritten where they changed only: a policy is remembered at every event.
WITH policy AS (
    INSERT INTO good_policies (repository_id, policy, seen_at)
    VALUES (%(repository_id)s, %(policy)s, clock_timestamp())
    ON CONFLICT (repository_id) DO UPDATE
       SET policy = excluded.policy,
           seen_at = excluded.seen_at
),
gone AS (
    DELETE FROM environment_targets
     WHERE repository_id = %(repository_id)s
       AND environment <> ALL(%(environments)s::text[])
)
INSERT INTO environment_targets AS place (repository_id, environment, host, project, domain)
SELECT %(repository_id)s, *
  FROM unnest(
           %(environments)s::text[], %(hosts)s::text[], %(projects)s::text[], %(domains)s::text[]
       )
ON CONFLICT (repository_id, environment) DO UPDATE
   SET host = excluded.host, project = excluded.project, domain = excluded.domain
 WHERE (place.host, place.project, place.domain)
    <> (excluded.host, excluded.project, excluded.domain);

-- fetch_policy --
SELECT policy, seen_at
  FROM good_policies
 WHERE repository_id = %(repository_id)s;
