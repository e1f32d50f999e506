-- add_watch --
INSERT INTO watches (operation_id, repository_id, environment, concluded, revision, content)
VALUES (%(operation_id)s, %(repository_id)s, %(environment)s, false, 0, %(content)s)
ON CONFLICT (operation_id) DO NOTHING
RETURNING id, revision, content;

-- fetch_watch --
SELECT id, revision, content FROM watches WHERE id = %(id)s;

-- fetch_watch_of --
SELECT id, revision, content FROM watches WHERE operation_id = %(operation_id)s;

-- fetch_open_watches --
SELECT id, revision, content
  FROM watches
 WHERE NOT concluded
   AND (%(repository_id)s::bigint = 0 OR repository_id = %(repository_id)s)
   AND (%(environment)s::text = '' OR environment = %(environment)s)
 ORDER BY id DESC;

-- save_watch --
UPDATE watches
   SET concluded = %(concluded)s, revision = revision + 1, content = %(content)s
 WHERE id = %(id)s
   AND revision = %(revision)s
RETURNING id, revision, content;
