-- save_evaluation --
-- An older evaluation that comes late does not replace a newer one. What it says of who may see the
-- repository was read before it was evaluated, and may be older than what an event told: five minutes
-- are more than that takes, and to hide is never wrong for long.
WITH sight AS (
    INSERT INTO repositories AS known
           (repository_id, installation_id, owner, name, moved_at, private, private_at)
    VALUES (
        %(repository_id)s, %(installation_id)s, %(owner)s, %(name)s, '-infinity', %(private)s,
        %(evaluated_at)s
    )
    ON CONFLICT (repository_id) DO UPDATE
       SET private = excluded.private, private_at = excluded.private_at
     WHERE known.private <> excluded.private
       AND known.private_at < excluded.private_at
         - CASE WHEN excluded.private THEN '0' ELSE '5 minutes' END::interval
)
INSERT INTO evaluations (
    repository_id, number, installation_id, owner, name, private, title, author, state, head_sha,
    base_ref, verdict, result, evaluated_at
)
VALUES (
    %(repository_id)s, %(number)s, %(installation_id)s, %(owner)s, %(name)s, %(private)s,
    %(title)s, %(author)s, %(state)s, %(head_sha)s, %(base_ref)s, %(verdict)s, %(result)s,
    %(evaluated_at)s
)
ON CONFLICT (repository_id, number) DO UPDATE SET
    installation_id = excluded.installation_id,
    owner = excluded.owner,
    name = excluded.name,
    private = excluded.private,
    title = excluded.title,
    author = excluded.author,
    state = excluded.state,
    head_sha = excluded.head_sha,
    base_ref = excluded.base_ref,
    verdict = excluded.verdict,
    result = excluded.result,
    evaluated_at = excluded.evaluated_at
WHERE evaluations.evaluated_at <= excluded.evaluated_at;

-- fetch_evaluation --
-- A name may have belonged to another repository before: the last evaluated one counts.
SELECT evaluations.*, coalesce(known.private, evaluations.private) AS hidden
  FROM evaluations
  LEFT JOIN repositories AS known USING (repository_id)
 WHERE lower(evaluations.owner) = lower(%(owner)s)
   AND lower(evaluations.name) = lower(%(name)s)
   AND number = %(number)s
 ORDER BY evaluated_at DESC
 LIMIT 1;

-- fetch_evaluations --
SELECT evaluations.*, coalesce(known.private, evaluations.private) AS hidden
  FROM evaluations
  LEFT JOIN repositories AS known USING (repository_id)
 WHERE state = 'open'
   AND (%(owner)s::text = '' OR lower(evaluations.owner) = lower(%(owner)s))
   AND (%(name)s::text = '' OR lower(evaluations.name) = lower(%(name)s))
 ORDER BY evaluated_at DESC
 LIMIT %(limit)s;

-- fetch_open_numbers --
SELECT number FROM evaluations
 WHERE repository_id = %(repository_id)s AND state = 'open'
 ORDER BY number;

-- fetch_verdicts_of_head --
SELECT number, base_ref, verdict
  FROM evaluations
 WHERE repository_id = %(repository_id)s AND head_sha = %(head_sha)s AND state = 'open'
 ORDER BY number;
