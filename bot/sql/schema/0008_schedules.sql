-- When recurring work was last queued, so that many workers queue it once.
CREATE TABLE schedules (
    kind text PRIMARY KEY,
    last_at timestamptz NOT NULL
);
