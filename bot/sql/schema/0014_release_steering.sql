-- What people asked for on release pull requests, by commands. Rows are added, never changed: what
-- counts is decided of all those of a pull request.
CREATE TABLE release_steering (
    repository_id bigint NOT NULL,
    comment_id bigint NOT NULL,
    pull_number integer NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    package text,
    actor text NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (repository_id, comment_id)
);

COMMENT ON COLUMN release_steering.package IS 'null for every package of the pull request';

CREATE INDEX release_steering_pull_idx ON release_steering (repository_id, pull_number);
