CREATE TABLE deliveries (
    guid text PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    installation_id bigint,
    repository_id bigint,
    event text NOT NULL,
    action text NOT NULL,
    repository text NOT NULL,
    routed boolean NOT NULL,
    outcome text NOT NULL,
    payload bytea NOT NULL
);

COMMENT ON COLUMN deliveries.payload IS 'the raw body, compressed with zlib';

-- It comes compressed: PostgreSQL would only spend time on trying again.
ALTER TABLE deliveries ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE INDEX deliveries_received_at_idx ON deliveries (received_at);
