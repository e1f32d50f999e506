-- Where the environments of the remembered policies live: what a host sends names its project, and
-- no repository.
CREATE TABLE environment_targets (
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    host text NOT NULL,
    project text NOT NULL,
    domain text NOT NULL,
    PRIMARY KEY (repository_id, environment)
);

CREATE INDEX environment_targets_project_idx ON environment_targets (host, project);

-- What a production domain was seen to serve while the ledger had something else: it is recorded
-- once it was seen twice, while the bot itself did nothing there.
CREATE TABLE sightings (
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    deployment_id text NOT NULL,
    live_id bigint NOT NULL,
    fence bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (repository_id, environment)
);

COMMENT ON COLUMN sightings.live_id IS 'the entry of the ledger that stood then, 0 for none';

ALTER TABLE ledger ADD COLUMN went_back boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN ledger.went_back IS 'moved past the bot, and not known to be newer than before';
