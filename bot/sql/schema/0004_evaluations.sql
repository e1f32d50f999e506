CREATE TABLE evaluations (
    repository_id bigint NOT NULL,
    number integer NOT NULL,
    installation_id bigint NOT NULL,
    owner text NOT NULL,
    name text NOT NULL,
    private boolean NOT NULL,
    title text NOT NULL,
    author text NOT NULL,
    state text NOT NULL,
    head_sha text NOT NULL,
    base_ref text NOT NULL,
    verdict text NOT NULL,
    -- json and not jsonb: it is only handed back whole, and may hold escapes that jsonb refuses.
    result json NOT NULL,
    evaluated_at timestamptz NOT NULL,
    PRIMARY KEY (repository_id, number)
);

-- GitHub's names do not distinguish case.
CREATE INDEX evaluations_name_idx ON evaluations (lower(owner), lower(name), number);
CREATE INDEX evaluations_open_idx ON evaluations (evaluated_at DESC) WHERE state = 'open';
