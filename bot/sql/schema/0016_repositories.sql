-- Where a repository is by now, and whether everybody may see it: by its id, which outlasts names,
-- owners and installations.
CREATE TABLE repositories (
    repository_id bigint PRIMARY KEY,
    installation_id bigint NOT NULL,
    owner text NOT NULL,
    name text NOT NULL,
    moved_at timestamptz NOT NULL,
    private boolean NOT NULL,
    private_at timestamptz NOT NULL
);

COMMENT ON COLUMN repositories.moved_at IS 'when this place was learned: what was begun before goes on here';

COMMENT ON COLUMN repositories.private_at IS 'when it was known to be private, or not to be';

CREATE INDEX repositories_name_idx ON repositories (lower(owner), lower(name));

INSERT INTO repositories
SELECT DISTINCT ON (repository_id)
       repository_id, installation_id, owner, name, '-infinity'::timestamptz, private, evaluated_at
  FROM evaluations
 ORDER BY repository_id, evaluated_at DESC;
