-- The files in slo/ of each repository that defines objectives, as they were last read without a
-- fault: they are evaluated every minute, and GitHub is not asked for that.
CREATE TABLE slo_files (
    repository_id bigint PRIMARY KEY,
    sha text NOT NULL,
    files jsonb NOT NULL
);

-- How each objective stood when it was last evaluated.
CREATE TABLE slo_states (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id bigint NOT NULL,
    objective text NOT NULL,
    evaluated_at timestamptz NOT NULL,
    period interval NOT NULL,
    content jsonb NOT NULL,
    UNIQUE (repository_id, objective)
) WITH (fillfactor = 70);

COMMENT ON COLUMN slo_states.period IS 'the length of its window, for which its history is kept';

-- What was left of each budget: the first evaluation of every hour.
CREATE TABLE slo_budgets (
    slo_id integer NOT NULL REFERENCES slo_states (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    remaining double precision NOT NULL,
    PRIMARY KEY (slo_id, at)
);
