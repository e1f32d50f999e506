-- fetch_repository --
SELECT installation_id, repository_id, owner, name
  FROM repositories
 WHERE repository_id = %(repository_id)s;

-- note_hint --
-- Of one that is not known at all; unknown is private.
INSERT INTO repositories
       (repository_id, installation_id, owner, name, moved_at, private, private_at)
VALUES (
    %(repository_id)s, %(installation_id)s, %(owner)s, %(name)s, clock_timestamp(), true,
    '-infinity'
)
ON CONFLICT DO NOTHING;

-- note_repository --
-- Who was told meanwhile that it was made private knows better than an answer from before.
INSERT INTO repositories AS known
       (repository_id, installation_id, owner, name, moved_at, private, private_at)
VALUES (
    %(repository_id)s, %(installation_id)s, %(owner)s, %(name)s, clock_timestamp(), %(private)s,
    %(asked_at)s
)
ON CONFLICT (repository_id) DO UPDATE
   SET installation_id = excluded.installation_id,
       owner = excluded.owner,
       name = excluded.name,
       moved_at = excluded.moved_at,
       private = excluded.private
              OR (known.private AND known.private_at > excluded.private_at),
       private_at = greatest(known.private_at, excluded.private_at);

-- hide_repository --
UPDATE repositories
   SET private = true, private_at = clock_timestamp()
 WHERE repository_id = %(repository_id)s;
