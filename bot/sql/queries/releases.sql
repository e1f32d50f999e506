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

-- hold --
INSERT INTO held_releases (repository_id, branch, installation_id, owner, name, head)
VALUES (
    %(repository_id)s, %(branch)s, %(installation_id)s, %(owner)s, %(name)s, %(head)s
)
ON CONFLICT (repository_id, branch) DO UPDATE
   SET installation_id = excluded.installation_id,
       owner = excluded.owner,
       name = excluded.name,
       head = excluded.head,
       looked_at = now();

-- fetch_held --
SELECT branch, head
  FROM held_releases
 WHERE repository_id = %(repository_id)s
 ORDER BY branch;

-- fetch_held_long --
SELECT DISTINCT
       held.repository_id,
       coalesce(place.installation_id, held.installation_id) AS installation_id,
       coalesce(place.owner, held.owner) AS owner,
       coalesce(place.name, held.name) AS name
  FROM held_releases AS held
  LEFT JOIN repositories AS place USING (repository_id)
 WHERE held.looked_at < %(before)s;

-- let_go --
DELETE FROM held_releases
 WHERE repository_id = %(repository_id)s AND branch = %(branch)s;
