-- take_turns --
-- Whoever queues work of a key does so alone, and takes several keys in one order: the rows of a key
-- are then locked by one transaction at a time, whatever their kinds, and no two wait for each other.
SELECT pg_advisory_xact_lock(key)
  FROM (
           SELECT DISTINCT hashtextextended(lock, 0) AS key
             FROM unnest(%(locks)s::text[]) AS asked (lock)
            ORDER BY key
       ) AS keys;

-- expedite --
-- A job that waits for later holds back all later ones of its lock, so those become due as well.
WITH moved AS (
    UPDATE procrastinate_jobs AS job
       SET scheduled_at = CASE WHEN %(delay)s::interval > '0' THEN now() + %(delay)s END
     WHERE lock = ANY(%(locks)s::text[])
       AND status = 'todo'
       AND scheduled_at > now() + %(delay)s
    RETURNING id
)
SELECT pg_notify(
           'procrastinate_any_queue_v1',
           json_build_object('type', 'job_inserted', 'job_id', id)::text
       )
  FROM moved
 WHERE %(delay)s::interval <= '0';

-- enqueue --
-- The library's own defer fails the whole transaction on a work that waits already. Here that is
-- the normal case: the one waiting is kept with the times at which it was first asked for, takes
-- what is new of the arguments (a name, a head) and the higher priority, and starts afresh.
INSERT INTO procrastinate_jobs AS waiting
       (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
SELECT %(queue)s, kind, priority, lock, queueing_lock,
       args || jsonb_build_object('_queued_at', extract(epoch FROM clock_timestamp())),
       CASE WHEN %(delay)s::interval > '0' THEN now() + %(delay)s END
  FROM unnest(
           %(kinds)s::text[], %(priorities)s::integer[], %(locks)s::text[],
           %(queueing_locks)s::text[], %(args)s::jsonb[]
       ) AS asked (kind, priority, lock, queueing_lock, args)
 ORDER BY queueing_lock
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE
   SET priority = greatest(waiting.priority, excluded.priority),
       attempts = 0,
       args = excluded.args || jsonb_strip_nulls(jsonb_build_object(
           '_queued_at', waiting.args -> '_queued_at',
           'received_at', waiting.args -> 'received_at'
       ))
 WHERE waiting.priority < excluded.priority
    OR waiting.attempts > 0
    OR waiting.args - '{_queued_at,received_at}'::text[]
       <> excluded.args - '{_queued_at,received_at}'::text[];

-- finish_job --
-- Only by the worker that holds it: one that was taken for dead has lost it.
UPDATE procrastinate_jobs
   SET status = %(status)s::procrastinate_job_status,
       attempts = attempts + 1,
       abort_requested = false
 WHERE id = %(id)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker_id)s
RETURNING id;

-- coalesce_dead --
-- The same work that died before is told of once, with its newest error.
UPDATE procrastinate_jobs AS older
   SET status = 'cancelled'
  FROM procrastinate_jobs AS dead
 WHERE dead.id = %(id)s
   AND older.status = 'failed'
   AND older.queueing_lock = dead.queueing_lock
   AND older.id <> dead.id;

-- put_back_job --
UPDATE procrastinate_jobs
   SET status = 'todo',
       attempts = attempts + %(counted)s,
       scheduled_at = CASE WHEN %(delay)s::interval > '0' THEN now() + %(delay)s END,
       abort_requested = false,
       worker_id = NULL
 WHERE id = %(id)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker_id)s
RETURNING id;

-- note_error --
INSERT INTO job_errors (job_id, error) VALUES (%(id)s, %(error)s)
ON CONFLICT (job_id) DO UPDATE SET error = excluded.error, at = now();

-- beat --
-- Written anew if it was pruned: a worker that slept for long is not to be left without one.
INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s)
ON CONFLICT (id) DO UPDATE SET last_heartbeat = now();

-- fetch_stalled_jobs --
-- After a restart of the server every heartbeat is old: workers get time to write theirs.
SELECT job.id, job.task_name, job.attempts, job.worker_id
  FROM procrastinate_jobs AS job
  LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
 WHERE job.status = 'doing'
   AND (worker.id IS NULL OR worker.last_heartbeat < now() - %(stalled_after)s::interval)
   AND pg_postmaster_start_time() < now() - 2 * %(stalled_after)s::interval
 ORDER BY job.id;

-- claim_schedule --
INSERT INTO schedules (kind, last_at) VALUES (%(kind)s, now())
ON CONFLICT (kind) DO UPDATE SET last_at = now()
 WHERE schedules.last_at <= now() - %(every)s::interval
RETURNING kind;

-- fetch_jobs --
SELECT job.id, job.task_name, job.args, job.status, job.attempts, job.scheduled_at,
       coalesce(problem.error, '') AS error,
       to_timestamp(coalesce((job.args ->> '_queued_at')::double precision, 0)) AS queued_at
  FROM procrastinate_jobs AS job
  LEFT JOIN job_errors AS problem ON problem.job_id = job.id
 WHERE job.status = ANY(%(statuses)s::procrastinate_job_status[])
 ORDER BY job.id DESC
 LIMIT %(limit)s;

-- retry_job --
UPDATE procrastinate_jobs
   SET status = 'todo', attempts = 0, scheduled_at = NULL, worker_id = NULL
 WHERE id = %(id)s AND status = 'failed'
RETURNING id;

-- supersede_job --
-- The same work waits in another job.
UPDATE procrastinate_jobs
   SET status = 'cancelled', abort_requested = false
 WHERE id = %(id)s AND status IN ('doing', 'failed')
   AND worker_id IS NOT DISTINCT FROM coalesce(%(worker_id)s, worker_id)
RETURNING id;

-- notify --
SELECT pg_notify(
    'procrastinate_any_queue_v1',
    json_build_object('type', 'job_inserted', 'job_id', %(id)s::bigint)::text
);

-- queue_health --
SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo') AS waiting,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing') AS running,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS dead,
       (
           SELECT coalesce(extract(epoch FROM max(now() - greatest(
                      to_timestamp(coalesce((args ->> '_queued_at')::double precision, 0)),
                      scheduled_at
                  ))), 0)::double precision
             FROM procrastinate_jobs
            WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
       ) AS oldest_due_seconds,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only;

-- prune_jobs --
-- Oldest first; one that still has a recent event is younger than it looks.
WITH old AS (
    SELECT job.id
      FROM procrastinate_jobs AS job
     WHERE job.status = ANY(%(statuses)s::procrastinate_job_status[])
       AND NOT EXISTS (
               SELECT FROM procrastinate_events AS event
                WHERE event.job_id = job.id AND event.at >= now() - %(older_than)s::interval
           )
     ORDER BY job.id
     LIMIT %(batch)s
)
DELETE FROM procrastinate_jobs USING old WHERE procrastinate_jobs.id = old.id;
