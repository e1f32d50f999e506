-- Databases of environments: whose they are, what runs on them, which schema is meant.
CREATE TABLE database_owners (
    name text PRIMARY KEY,
    repository_id bigint NOT NULL,
    bound_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE database_owners IS
    'a database serves one repository: another that names its environment alike does not reach it';

CREATE TABLE known_migrations (
    repository_id bigint NOT NULL,
    version text NOT NULL,
    facts jsonb NOT NULL,
    PRIMARY KEY (repository_id, version)
);

CREATE TABLE build_schemas (
    repository_id bigint NOT NULL,
    sha text NOT NULL,
    facts jsonb NOT NULL,
    contains jsonb NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, sha)
);

CREATE TABLE schema_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    comment_id bigint NOT NULL,
    state text NOT NULL,
    revision integer NOT NULL,
    content jsonb NOT NULL,
    requested_at timestamptz NOT NULL,
    UNIQUE (repository_id, comment_id)
);

CREATE UNIQUE INDEX schema_runs_open_idx ON schema_runs (repository_id, environment)
 WHERE state = 'running';

CREATE INDEX schema_runs_newest_idx ON schema_runs (repository_id, environment, id DESC);

CREATE TABLE meant_schemas (
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    root text NOT NULL,
    content jsonb NOT NULL,
    meant_at timestamptz NOT NULL,
    PRIMARY KEY (repository_id, environment)
);

ALTER TABLE environment_holders ADD COLUMN run_id bigint REFERENCES schema_runs (id);

COMMENT ON COLUMN environment_holders.run_id IS
    'the contract that is being applied: nothing is promoted or put back meanwhile';

CREATE TABLE pull_migrations (
    repository_id bigint NOT NULL,
    number integer NOT NULL,
    versions text[] NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, number)
);

COMMENT ON TABLE pull_migrations IS
    'versions that open pull requests add: two of them may not take the same';
