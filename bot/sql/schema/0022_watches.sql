-- The watch over what a promotion put in place: one for each operation that asked for it.
CREATE TABLE watches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation_id bigint NOT NULL UNIQUE REFERENCES operations (id),
    repository_id bigint NOT NULL,
    environment text NOT NULL,
    concluded boolean NOT NULL,
    revision integer NOT NULL,
    content jsonb NOT NULL
);

CREATE INDEX watches_open_idx ON watches (repository_id, environment) WHERE NOT concluded;
