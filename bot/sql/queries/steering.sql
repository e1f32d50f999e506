-- add_wish --
-- A command that was carried out by a worker that was killed is carried out again.
INSERT INTO release_steering
       (repository_id, pull_number, comment_id, kind, value, package, actor, asked_at)
VALUES (%(repository_id)s, %(pull_number)s, %(comment_id)s, %(kind)s, %(value)s, %(package)s,
        %(actor)s, %(asked_at)s)
    ON CONFLICT (repository_id, comment_id) DO NOTHING;

-- fetch_wishes --
SELECT kind, value, package, actor, comment_id, asked_at
  FROM release_steering
 WHERE repository_id = %(repository_id)s AND pull_number = %(pull_number)s
 ORDER BY comment_id;
