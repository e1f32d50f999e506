-- What the bot did to the outside: intent before, result after. Kept: it is the record.
CREATE TABLE effects (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    installation_id bigint NOT NULL,
    repository_id bigint NOT NULL,
    repository text NOT NULL,
    subject text NOT NULL,
    digest text NOT NULL,
    cause text NOT NULL,
    planned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text,
    finished_at timestamptz
);

CREATE INDEX effects_repository_idx ON effects (repository_id, id);
