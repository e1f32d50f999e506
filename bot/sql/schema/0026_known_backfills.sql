-- Backfills of the trunk, as it was last looked at: the pages tell by it which are waited for.
CREATE TABLE known_backfills (
    repository_id bigint NOT NULL,
    version text NOT NULL,
    name text NOT NULL,
    needed boolean NOT NULL,
    PRIMARY KEY (repository_id, version)
);
