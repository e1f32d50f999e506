-- News for the team, one row for each channel that it is to reach.
CREATE TABLE notices (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    channel text NOT NULL,
    key text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    url text NOT NULL,
    repository text NOT NULL,
    environment text NOT NULL,
    resolves boolean NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz,
    UNIQUE (channel, key)
);

CREATE INDEX notices_posted_at_idx ON notices (posted_at);
