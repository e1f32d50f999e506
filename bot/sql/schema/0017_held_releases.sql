-- What cannot be released as things stand, by the branch that it is released from: a check says so
-- on its head, and is taken back when it holds no longer.
CREATE TABLE held_releases (
    repository_id bigint NOT NULL,
    branch text NOT NULL,
    installation_id bigint NOT NULL,
    owner text NOT NULL,
    name text NOT NULL,
    head text NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, branch)
);

COMMENT ON COLUMN held_releases.looked_at IS 'when it was last seen to hold';
