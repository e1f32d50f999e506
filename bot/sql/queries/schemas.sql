-- bind_database --
WITH mine AS (
    INSERT INTO database_owners (name, repository_id) VALUES (%(name)s, %(repository_id)s)
    ON CONFLICT (name) DO NOTHING
    RETURNING repository_id
)
SELECT repository_id FROM mine
 UNION ALL
SELECT repository_id FROM database_owners WHERE name = %(name)s
 LIMIT 1;

-- fetch_bindings --
SELECT name, repository_id FROM database_owners;

-- save_known --
INSERT INTO known_migrations (repository_id, version, facts)
SELECT %(repository_id)s, each ->> 'version', each
  FROM jsonb_array_elements(%(known)s::jsonb) AS each
ON CONFLICT (repository_id, version) DO UPDATE SET facts = excluded.facts
 WHERE known_migrations.facts <> excluded.facts;

-- forget_known --
DELETE FROM known_migrations
 WHERE repository_id = %(repository_id)s
   AND version <> ALL (%(kept)s)
   AND NOT EXISTS (SELECT FROM meant_schemas AS meant
                    WHERE meant.repository_id = known_migrations.repository_id
                      AND meant.content -> 'applied' ? known_migrations.version);

-- fetch_known --
SELECT facts FROM known_migrations WHERE repository_id = %(repository_id)s;

-- save_known_backfills --
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(backfills)s::jsonb)
               AS told (version text, name text, needed boolean)
), gone AS (
    DELETE FROM known_backfills
     WHERE repository_id = %(repository_id)s AND version NOT IN (SELECT version FROM told)
)
INSERT INTO known_backfills (repository_id, version, name, needed)
SELECT %(repository_id)s, version, name, needed FROM told
ON CONFLICT (repository_id, version) DO UPDATE
   SET name = excluded.name, needed = excluded.needed
 WHERE (known_backfills.name, known_backfills.needed) <> (excluded.name, excluded.needed);

-- fetch_known_backfills --
SELECT version, name, needed FROM known_backfills WHERE repository_id = %(repository_id)s;

-- save_build --
INSERT INTO build_schemas (repository_id, sha, facts, contains)
VALUES (%(repository_id)s, %(sha)s, %(facts)s, %(contains)s)
ON CONFLICT (repository_id, sha) DO UPDATE
   SET facts = excluded.facts, contains = build_schemas.contains || excluded.contains;

-- fetch_builds --
SELECT facts, contains FROM build_schemas
 WHERE repository_id = %(repository_id)s AND sha = ANY(%(shas)s);

-- add_run --
INSERT INTO schema_runs
       (repository_id, environment, comment_id, state, revision, content, requested_at)
VALUES (%(repository_id)s, %(environment)s, %(comment_id)s, %(state)s, 0, %(content)s,
        %(requested_at)s)
    ON CONFLICT DO NOTHING
RETURNING id, revision, content;

-- fetch_run_of_comment --
SELECT id, revision, content FROM schema_runs
 WHERE repository_id = %(repository_id)s AND comment_id = %(comment_id)s;

-- fetch_run --
SELECT id, revision, content FROM schema_runs WHERE id = %(id)s;

-- fetch_runs --
SELECT id, revision, content FROM schema_runs
 WHERE repository_id = %(repository_id)s AND environment = %(environment)s
   AND (NOT %(open_only)s OR state = 'running')
 ORDER BY id DESC
 LIMIT %(limit)s;

-- fetch_open_runs --
SELECT id FROM schema_runs WHERE state = 'running' ORDER BY id;

-- save_run --
UPDATE schema_runs
   SET state = %(state)s, revision = revision + 1, content = %(content)s
 WHERE id = %(id)s AND revision = %(revision)s
RETURNING id, revision, content;

-- save_meant --
INSERT INTO meant_schemas (repository_id, environment, root, content, meant_at)
VALUES (%(repository_id)s, %(environment)s, %(root)s, %(content)s, %(meant_at)s)
ON CONFLICT (repository_id, environment) DO UPDATE
   SET root = excluded.root, content = excluded.content, meant_at = excluded.meant_at;

-- fetch_meant --
SELECT content FROM meant_schemas
 WHERE repository_id = %(repository_id)s AND environment = %(environment)s;

-- take_environment_for_run --
INSERT INTO environment_holders AS held (repository_id, environment, fence, run_id, taken_at)
VALUES (%(repository_id)s, %(environment)s, 1, %(run_id)s, clock_timestamp())
ON CONFLICT (repository_id, environment) DO UPDATE
   SET run_id = excluded.run_id, taken_at = coalesce(held.taken_at, excluded.taken_at)
 WHERE held.operation_id IS NULL AND (held.run_id IS NULL OR held.run_id = excluded.run_id)
RETURNING run_id;

-- release_environment_of_run --
UPDATE environment_holders
   SET run_id = NULL, taken_at = NULL
 WHERE repository_id = %(repository_id)s
   AND environment = %(environment)s
   AND run_id = %(run_id)s;

-- save_pull_versions --
INSERT INTO pull_migrations (repository_id, number, versions)
VALUES (%(repository_id)s, %(number)s, %(versions)s)
ON CONFLICT (repository_id, number) DO UPDATE
   SET versions = excluded.versions, seen_at = now();

-- forget_pull_versions --
DELETE FROM pull_migrations WHERE repository_id = %(repository_id)s AND number = %(number)s;

-- fetch_pull_versions --
-- A pull request that was closed while nobody listened is forgotten after a while.
SELECT number, versions FROM pull_migrations
 WHERE repository_id = %(repository_id)s AND number <> %(number)s
   AND seen_at > now() - interval '90 days';

-- fetch_pulls_with_versions --
SELECT number FROM pull_migrations
 WHERE repository_id = %(repository_id)s AND seen_at > now() - interval '90 days'
 ORDER BY number;
