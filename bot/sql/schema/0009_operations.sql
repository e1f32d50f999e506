CREATE TABLE operations (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    request uuid NOT NULL UNIQUE,
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    comment_id bigint NOT NULL,
    concluded boolean NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- json and not jsonb: it comes back to the letter, numbers and all escapes included.
    content json NOT NULL
);

COMMENT ON COLUMN operations.request IS 'of the call that stored it: a call cut short may be made again';

COMMENT ON COLUMN operations.version IS 'grows with each change: who read an older one reads again';

-- One comment leads to one operation.
CREATE UNIQUE INDEX operations_comment_idx ON operations (repository_id, comment_id)
    WHERE comment_id <> 0;

CREATE INDEX operations_environment_idx ON operations (repository_id, environment, id);
CREATE INDEX operations_repository_idx ON operations (repository_id, id);
CREATE INDEX operations_open_idx ON operations (id) WHERE NOT concluded;

-- Who may move an environment now. The fence only ever grows.
CREATE TABLE environment_holders (
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    fence bigint NOT NULL,
    operation_id bigint REFERENCES operations (id),
    taken_at timestamptz,
    PRIMARY KEY (repository_id, environment)
);

-- What was live, from when to when. An environment has one entry without an end at most.
CREATE TABLE ledger (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    sha text NOT NULL,
    deployment_id text NOT NULL,
    tag text NOT NULL,
    pull_number integer NOT NULL,
    schema_hash text NOT NULL,
    origin text NOT NULL,
    actor text NOT NULL,
    live_from timestamptz NOT NULL,
    live_until timestamptz,
    verified_at timestamptz,
    operation_id bigint REFERENCES operations (id),
    CHECK (live_until >= live_from)
);

CREATE UNIQUE INDEX ledger_live_idx ON ledger (repository_id, environment)
    WHERE live_until IS NULL;
CREATE INDEX ledger_environment_idx ON ledger (repository_id, environment, id);

CREATE TABLE locks (
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (repository_id, environment)
);

CREATE TABLE freezes (
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (repository_id, environment, since, until, actor)
);

CREATE INDEX freezes_until_idx ON freezes (repository_id, environment, until)
    WHERE ended_at IS NULL;

-- Which commit was a pull request's head when. Every sighting is kept for a while: they may be
-- noted out of order.
CREATE TABLE pull_heads (
    repository_id bigint NOT NULL,
    number integer NOT NULL,
    seen_at timestamptz NOT NULL,
    head_sha text NOT NULL,
    PRIMARY KEY (repository_id, number, seen_at, head_sha)
);

CREATE INDEX pull_heads_seen_at_idx ON pull_heads (seen_at);

-- The last policy of a repository that could be used.
CREATE TABLE good_policies (
    repository_id bigint PRIMARY KEY,
    policy text NOT NULL,
    seen_at timestamptz NOT NULL
);
