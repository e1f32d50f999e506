-- take_ids --
SELECT nextval('audit_ids') FROM generate_series(1, %(count)s);

-- add_entries --
-- One statement, so one round trip and one commit. An entry is in the log once it stands here; one
-- whose id or key is there already is the same entry, written again.
WITH added AS (
    INSERT INTO audit_entries (id, content, seal)
    SELECT * FROM unnest(%(ids)s::bigint[], %(contents)s::text[], %(seals)s::bytea[])
    ON CONFLICT DO NOTHING
    RETURNING id
)
INSERT INTO audit_waiting (entry_id) SELECT id FROM added;

-- try_lock --
SELECT pg_try_advisory_xact_lock(%(key)s);

-- lock --
SELECT pg_advisory_xact_lock(%(key)s);

-- fetch_newest_checkpoint --
SELECT size, note, frontier FROM audit_checkpoints ORDER BY size DESC LIMIT 1;

-- take_waiting --
-- One without an entry is dropped: nothing stands for it.
WITH taken AS (
    DELETE FROM audit_waiting
     WHERE entry_id IN (
               SELECT entry_id FROM audit_waiting ORDER BY entry_id LIMIT %(batch)s
           )
    RETURNING entry_id
)
SELECT entry.id, entry.content, entry.seal
  FROM taken
  JOIN audit_entries AS entry ON entry.id = taken.entry_id
 ORDER BY entry.id;

-- add_places --
INSERT INTO audit_places (position, entry_id, leaf, seal)
SELECT *
  FROM unnest(
           %(positions)s::bigint[], %(ids)s::bigint[], %(leaves)s::bytea[], %(seals)s::bytea[]
       );

-- add_checkpoint --
INSERT INTO audit_checkpoints (size, note, frontier) VALUES (%(size)s, %(note)s, %(frontier)s);

-- fetch_checkpoints --
SELECT size, note FROM audit_checkpoints ORDER BY size;

-- fetch_places --
-- Entry by entry, since a page is small: without statistics the planner would read the whole table
-- for each page.
SELECT place.position, place.entry_id, place.leaf, place.seal, entry.content, entry.seal
  FROM audit_places AS place
  LEFT JOIN LATERAL (
           SELECT content, seal FROM audit_entries WHERE id = place.entry_id LIMIT 1
       ) AS entry ON true
 WHERE place.position >= %(position)s
 ORDER BY place.position
 LIMIT %(limit)s;

-- fetch_strays --
SELECT entry.id, entry.content, entry.seal, waiting.entry_id IS NOT NULL
  FROM audit_entries AS entry
  LEFT JOIN audit_places AS place ON place.entry_id = entry.id
  LEFT JOIN audit_waiting AS waiting ON waiting.entry_id = entry.id
 WHERE place.entry_id IS NULL
 ORDER BY entry.id;

-- count_places --
SELECT count(*) FROM audit_places;

-- fetch_place --
SELECT position, leaf FROM audit_places WHERE entry_id = %(entry_id)s;

-- fetch_leaves --
SELECT leaf FROM audit_places WHERE position < %(size)s ORDER BY position;

-- fetch_entry --
SELECT content FROM audit_entries WHERE id = %(id)s;

-- fetch_entries --
SELECT id, content
  FROM audit_entries
 WHERE id < %(before)s
   AND (%(since)s::text = '' OR content::jsonb ->> 'at' >= %(since)s)
   AND (%(until)s::text = '' OR content::jsonb ->> 'at' < %(until)s)
   AND (%(actor)s::text = '' OR lower(content::jsonb ->> 'actor') = lower(%(actor)s))
   AND (
       %(repository)s::text = ''
       OR lower(content::jsonb ->> 'repository') = lower(%(repository)s)
   )
   AND (%(kind)s::text = '' OR content::jsonb ->> 'kind' = %(kind)s)
   AND (%(build)s::text = '' OR content::jsonb ->> 'build_sha' = %(build)s)
 ORDER BY id DESC
 LIMIT %(limit)s;

-- export_entries --
SELECT content
  FROM audit_entries
 WHERE %(since)s::text = '' OR content::jsonb ->> 'at' >= %(since)s
 ORDER BY id;
