-- find_repository --
-- A name may have belonged to another repository before: the last that was seen there counts.
SELECT seen.installation_id, repository_id, seen.owner, seen.name,
       coalesce(known.private, seen.private) AS private
  FROM (
           SELECT installation_id, repository_id, owner, name, private, evaluated_at AS at
             FROM evaluations
            WHERE lower(owner) = lower(%(owner)s) AND lower(name) = lower(%(name)s)
            UNION ALL
           SELECT installation_id, repository_id, owner, name, private, moved_at
             FROM repositories
            WHERE lower(owner) = lower(%(owner)s) AND lower(name) = lower(%(name)s)
       ) AS seen
  LEFT JOIN repositories AS known USING (repository_id)
 ORDER BY seen.at DESC
 LIMIT 1;

-- fetch_repositories --
SELECT DISTINCT ON (repository_id)
       seen.installation_id, repository_id, seen.owner, seen.name,
       coalesce(known.private, seen.private) AS private
  FROM (
           SELECT installation_id, repository_id, owner, name, private, evaluated_at AS at
             FROM evaluations
            WHERE repository_id = ANY(%(ids)s)
            UNION ALL
           SELECT installation_id, repository_id, owner, name, private, moved_at
             FROM repositories
            WHERE repository_id = ANY(%(ids)s)
       ) AS seen
  LEFT JOIN repositories AS known USING (repository_id)
 ORDER BY repository_id, seen.at DESC;

-- fetch_repositories_of_operations --
SELECT newest.repository_id, newest.content
  FROM unnest(%(ids)s::bigint[]) AS wanted (id)
 CROSS JOIN LATERAL (
           SELECT repository_id, content FROM operations
            WHERE repository_id = wanted.id
            ORDER BY id DESC
            LIMIT 1
       ) AS newest;

-- fetch_newest_operations --
SELECT content FROM operations ORDER BY id DESC LIMIT %(limit)s;

-- fetch_environments --
WITH known AS (
    SELECT repository_id, environment, live_from AS changed_at
      FROM ledger
     WHERE live_until IS NULL
    UNION ALL
    SELECT repository_id, environment, taken_at FROM environment_holders
    UNION ALL
    SELECT repository_id, environment, since FROM locks
    UNION ALL
    SELECT repository_id, environment, since
      FROM freezes
     WHERE ended_at IS NULL AND until > now()
)
SELECT known.repository_id, known.environment, holder.operation_id
  FROM known
  LEFT JOIN environment_holders AS holder
    ON holder.repository_id = known.repository_id AND holder.environment = known.environment
 WHERE %(repository_id)s::bigint = 0 OR known.repository_id = %(repository_id)s
 GROUP BY known.repository_id, known.environment, holder.operation_id
 ORDER BY max(known.changed_at) DESC NULLS LAST, known.repository_id, known.environment
 LIMIT %(limit)s;

-- fetch_live --
SELECT *
  FROM ledger
 WHERE live_until IS NULL AND repository_id = ANY(%(ids)s);

-- fetch_locks --
SELECT * FROM locks WHERE repository_id = ANY(%(ids)s);

-- fetch_freezes --
SELECT repository_id, environment, actor, reason, since, until
  FROM freezes
 WHERE ended_at IS NULL AND until > now() AND repository_id = ANY(%(ids)s)
 ORDER BY until;
