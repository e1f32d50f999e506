-- fetch_releases --
SELECT package, version, tag, sha, pull_number, state, url
  FROM releases
 WHERE repository_id = %(repository_id)s AND pull_number = ANY(%(pull_numbers)s::integer[])
 ORDER BY tag;

-- add_release --
INSERT INTO releases (repository_id, tag, package, version, sha, pull_number, state)
VALUES (%(repository_id)s, %(tag)s, %(package)s, %(version)s, %(sha)s, %(pull_number)s, %(state)s)
    ON CONFLICT (repository_id, tag) DO NOTHING;

-- note_state --
UPDATE releases
   SET state = %(state)s,
       url = CASE WHEN %(url)s = '' THEN url ELSE %(url)s END
 WHERE repository_id = %(repository_id)s AND tag = %(tag)s;
