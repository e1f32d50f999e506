-- What probes of endpoints found. The counters of a row are of all answers since the probe began, so
-- that a window of any length is the difference of two rows, and thinning the rows out keeps it exact.
CREATE TABLE probes (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id bigint NOT NULL,
    name text NOT NULL,
    wanted boolean NOT NULL,
    every interval NOT NULL,
    due_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL DEFAULT '-infinity',
    total integer NOT NULL DEFAULT 0,
    good integer NOT NULL DEFAULT 0,
    within integer[] NOT NULL DEFAULT '{}',
    content jsonb NOT NULL,
    UNIQUE (repository_id, name)
);

COMMENT ON COLUMN probes.wanted IS 'false: no file names it any more, and what it found stays';

CREATE INDEX probes_due_idx ON probes (due_at) WHERE wanted;

-- Every answer, for some days.
CREATE TABLE probe_results (
    at timestamptz NOT NULL,
    probe_id integer NOT NULL REFERENCES probes (id) ON DELETE CASCADE,
    total integer NOT NULL,
    good integer NOT NULL,
    milliseconds integer NOT NULL,
    status smallint NOT NULL,
    outcome text NOT NULL,
    within integer[] NOT NULL,
    PRIMARY KEY (probe_id, at)
);

COMMENT ON COLUMN probe_results.within IS
    'how many good answers took no longer than each of the bounds that the code names';

CREATE INDEX probe_results_at_idx ON probe_results USING brin (at);

-- The last answer of each hour that is past.
CREATE TABLE probe_hours (
    at timestamptz NOT NULL,
    probe_id integer NOT NULL REFERENCES probes (id) ON DELETE CASCADE,
    total integer NOT NULL,
    good integer NOT NULL,
    within integer[] NOT NULL,
    PRIMARY KEY (probe_id, at)
);

-- Where each alert of an objective stands, so that nobody is told twice.
CREATE TABLE slo_alerts (
    repository_id bigint NOT NULL,
    objective text NOT NULL,
    alert text NOT NULL,
    revision integer NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (repository_id, objective, alert)
);
