CREATE TABLE redeliveries (
    attempt_id bigint PRIMARY KEY,
    guid text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX redeliveries_asked_at_idx ON redeliveries (asked_at);
