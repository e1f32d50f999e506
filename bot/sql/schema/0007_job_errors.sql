CREATE TABLE job_errors (
    job_id bigint PRIMARY KEY REFERENCES procrastinate_jobs (id) ON DELETE CASCADE,
    error text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
