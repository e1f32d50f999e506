-- no transaction
-- What the library's indexes leave out: serial execution per key asks for the jobs of one lock
-- each time that a job is fetched, and people ask for the dead ones.
DROP INDEX CONCURRENTLY IF EXISTS lockgate_jobs_lock_idx;
CREATE INDEX CONCURRENTLY lockgate_jobs_lock_idx ON procrastinate_jobs (lock)
    WHERE lock IS NOT NULL AND status IN ('todo', 'doing');

DROP INDEX CONCURRENTLY IF EXISTS lockgate_jobs_dead_idx;
CREATE INDEX CONCURRENTLY lockgate_jobs_dead_idx ON procrastinate_jobs (id)
    WHERE status = 'failed';

-- Rows of a queue die young.
ALTER TABLE procrastinate_jobs SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05
);
