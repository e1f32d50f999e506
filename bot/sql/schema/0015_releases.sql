-- The releases that were made, and how far each has got: one that was interrupted is completed, and
-- one that somebody deleted afterwards is not made again.
CREATE TABLE releases (
    repository_id bigint NOT NULL,
    tag text NOT NULL,
    package text NOT NULL,
    version text NOT NULL,
    sha text NOT NULL,
    pull_number integer NOT NULL,
    state text NOT NULL,
    url text NOT NULL DEFAULT '',
    merged_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, tag)
);

COMMENT ON COLUMN releases.state IS 'the step that was done last: merged, tagged, released or told';

CREATE INDEX releases_pull_idx ON releases (repository_id, pull_number);
