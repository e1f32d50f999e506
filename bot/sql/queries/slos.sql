-- want_probes --
-- The first look at each is put somewhere within its interval's second half: not all at once.
INSERT INTO probes AS known (repository_id, name, wanted, every, due_at, content)
SELECT %(repository_id)s, name, true, every, now() + every * (0.5 + 0.5 * random()), content
  FROM unnest(%(names)s::text[], %(everies)s::interval[], %(contents)s::jsonb[])
       AS asked (name, every, content)
 ORDER BY name
ON CONFLICT (repository_id, name) DO UPDATE
   SET wanted = true,
       every = excluded.every,
       due_at = CASE WHEN known.wanted THEN least(known.due_at, excluded.due_at)
                     ELSE excluded.due_at END,
       content = excluded.content
 WHERE NOT known.wanted OR known.every <> excluded.every OR known.content <> excluded.content;

-- unwant_probes --
UPDATE probes SET wanted = false
 WHERE repository_id = %(repository_id)s AND wanted AND name <> ALL(%(names)s::text[]);

-- claim_probes --
-- Each next look comes a little early or late, so that it falls into step with nothing.
WITH due AS (
    SELECT id
      FROM probes
     WHERE wanted AND due_at <= now()
     ORDER BY due_at
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE probes
   SET due_at = CASE WHEN due_at > now() - every THEN due_at ELSE now() END
              + every * (0.95 + 0.1 * random())
  FROM due
 WHERE probes.id = due.id
RETURNING probes.id, probes.repository_id, probes.content, now() AS at;

-- find_probes --
-- Out of turn: when they are due stays as it is. Also those that no file names any more: a watch has
-- its own files.
SELECT id, repository_id, content, clock_timestamp() AS at
  FROM probes
 WHERE repository_id = %(repository_id)s
   AND name = ANY(%(names)s::text[])
   AND NOT EXISTS (
           SELECT FROM slo_files AS paused
            WHERE paused.repository_id = %(repository_id)s AND paused.paused
       )
 ORDER BY name;

-- record_probes --
-- An answer older than the last one is passed over: the counters only grow with time.
WITH counted AS (
    UPDATE probes
       SET last_at = done.at,
           total = probes.total + 1,
           good = probes.good + done.good::integer,
           within = (
               SELECT array_agg(
                          coalesce(probes.within[place], 0)
                        + (done.good AND done.milliseconds <= bound)::integer
                          ORDER BY place
                      )
                 FROM unnest(%(bounds)s::integer[]) WITH ORDINALITY AS of (bound, place)
           )
      FROM unnest(
               %(ids)s::integer[], %(ats)s::timestamptz[], %(goods)s::boolean[],
               %(milliseconds)s::integer[], %(statuses)s::smallint[], %(outcomes)s::text[]
           ) AS done (id, at, good, milliseconds, status, outcome)
     WHERE probes.id = done.id AND probes.last_at < done.at
    RETURNING done.at, probes.id, probes.total, probes.good, done.milliseconds, done.status,
              done.outcome, probes.within
)
INSERT INTO probe_results (at, probe_id, total, good, milliseconds, status, outcome, within)
SELECT * FROM counted;

-- fetch_counters --
-- What had been counted at each of the moments: the newest row that is not later.
SELECT asked.place, found.at, found.total, found.good
  FROM unnest(
           %(repository_ids)s::bigint[], %(names)s::text[], %(places)s::integer[],
           %(ats)s::timestamptz[]
       ) WITH ORDINALITY AS asked (repository_id, name, bound, at, place)
  JOIN probes USING (repository_id, name)
 CROSS JOIN LATERAL (
           SELECT near.at, near.total,
                  CASE WHEN asked.bound = 0 THEN near.good
                       ELSE near.within[asked.bound] END AS good
             FROM (
                      (SELECT at, total, good, within FROM probe_results
                        WHERE probe_id = probes.id AND at <= asked.at ORDER BY at DESC LIMIT 1)
                      UNION ALL
                      (SELECT at, total, good, within FROM probe_hours
                        WHERE probe_id = probes.id AND at <= asked.at ORDER BY at DESC LIMIT 1)
                  ) AS near
            ORDER BY near.at DESC
            LIMIT 1
       ) AS found;

-- fetch_answers --
SELECT result.at, result.outcome, result.status, result.milliseconds
  FROM probe_results AS result
  JOIN probes ON probes.id = result.probe_id
 WHERE probes.repository_id = %(repository_id)s AND probes.name = %(name)s
   AND result.at > %(since)s::timestamptz
 ORDER BY result.at DESC
 LIMIT %(limit)s;

-- thin_probes --
-- In one statement, so that a row is never in neither table. The limit is a whole hour's beginning.
WITH old AS (
    DELETE FROM probe_results
     WHERE at < date_trunc('hour', %(before)s::timestamptz, 'UTC')
    RETURNING at, probe_id, total, good, within
)
INSERT INTO probe_hours (at, probe_id, total, good, within)
SELECT DISTINCT ON (probe_id, date_trunc('hour', at, 'UTC')) at, probe_id, total, good, within
  FROM old
 ORDER BY probe_id, date_trunc('hour', at, 'UTC'), at DESC
ON CONFLICT DO NOTHING;

-- prune_hours --
DELETE FROM probe_hours WHERE at < %(before)s::timestamptz;

-- prune_probes --
-- A probe that no file names, once nothing that it found is kept any more.
DELETE FROM probes
 WHERE NOT wanted
   AND NOT EXISTS (SELECT FROM probe_results WHERE probe_id = probes.id)
   AND NOT EXISTS (SELECT FROM probe_hours WHERE probe_id = probes.id);

-- fetch_alerts --
SELECT objective, alert, revision, content
  FROM slo_alerts
 WHERE repository_id = %(repository_id)s
 ORDER BY objective, alert;

-- forget_alerts --
DELETE FROM slo_alerts AS known
 USING unnest(%(objectives)s::text[], %(alerts)s::text[], %(revisions)s::integer[])
       AS gone (objective, alert, revision)
 WHERE known.repository_id = %(repository_id)s
   AND known.objective = gone.objective
   AND known.alert = gone.alert
   AND known.revision = gone.revision;

-- save_alerts --
-- A row for each that was as it is said to have been; new are those of revision 0.
WITH asked AS (
    SELECT *
      FROM unnest(
               %(objectives)s::text[], %(alerts)s::text[], %(revisions)s::integer[],
               %(contents)s::jsonb[]
           ) AS alerts (objective, alert, revision, content)
), changed AS (
    UPDATE slo_alerts AS known
       SET revision = known.revision + 1, content = asked.content
      FROM asked
     WHERE known.repository_id = %(repository_id)s
       AND known.objective = asked.objective
       AND known.alert = asked.alert
       AND known.revision = asked.revision
    RETURNING known.alert
), added AS (
    INSERT INTO slo_alerts (repository_id, objective, alert, revision, content)
    SELECT %(repository_id)s, objective, alert, 1, content
      FROM asked
     WHERE revision = 0
     ORDER BY objective, alert
    ON CONFLICT DO NOTHING
    RETURNING alert
)
SELECT alert FROM changed UNION ALL SELECT alert FROM added;

-- want_objectives --
INSERT INTO slo_files AS known (repository_id, sha, files)
VALUES (%(repository_id)s, %(sha)s, %(files)s)
ON CONFLICT (repository_id) DO UPDATE
   SET sha = excluded.sha, files = excluded.files, paused = false
 WHERE known.sha <> excluded.sha OR known.paused;

-- pause_objectives --
UPDATE slo_files SET paused = true WHERE repository_id = %(repository_id)s AND NOT paused;

-- unwant_objectives --
DELETE FROM slo_files WHERE repository_id = %(repository_id)s;

-- fetch_defining --
SELECT repository_id FROM slo_files
 UNION
SELECT repository_id FROM slo_states
 ORDER BY repository_id;

-- fetch_evaluated --
SELECT repository_id FROM slo_files WHERE NOT paused
 UNION
SELECT state.repository_id
  FROM slo_states AS state
 WHERE NOT EXISTS (
           SELECT FROM slo_files AS paused
            WHERE paused.repository_id = state.repository_id AND paused.paused
       )
 ORDER BY repository_id;

-- fetch_defined --
SELECT files FROM slo_files WHERE repository_id = %(repository_id)s;

-- save_states --
-- An evaluation older than the one that is kept changes nothing, unless a clock that has been put
-- right since was ahead then.
INSERT INTO slo_states AS known (repository_id, objective, evaluated_at, period, content)
SELECT %(repository_id)s, *
  FROM unnest(
           %(objectives)s::text[], %(ats)s::timestamptz[], %(periods)s::interval[],
           %(contents)s::jsonb[]
       ) AS found (objective, at, period, content)
 ORDER BY objective
ON CONFLICT (repository_id, objective) DO UPDATE
   SET evaluated_at = excluded.evaluated_at, period = excluded.period, content = excluded.content
 WHERE known.evaluated_at < excluded.evaluated_at
    OR known.evaluated_at > clock_timestamp() + interval '5 minutes';

-- add_budgets --
-- One an hour, and none where nothing is known.
INSERT INTO slo_budgets (slo_id, at, remaining)
SELECT state.id, found.at, found.remaining
  FROM unnest(
           %(objectives)s::text[], %(counted)s::timestamptz[], %(remainings)s::double precision[]
       ) AS found (objective, at, remaining)
  JOIN slo_states AS state
    ON state.repository_id = %(repository_id)s AND state.objective = found.objective
 WHERE found.remaining IS NOT NULL
   AND NOT EXISTS (
           SELECT FROM slo_budgets AS before
            WHERE before.slo_id = state.id
              AND before.at >= date_trunc('hour', found.at, 'UTC')
       )
ON CONFLICT DO NOTHING;

-- forget_states --
DELETE FROM slo_states
 WHERE repository_id = %(repository_id)s AND objective <> ALL(%(objectives)s::text[]);

-- fetch_states --
SELECT content
  FROM slo_states
 WHERE repository_id = ANY(%(repository_ids)s::bigint[])
 ORDER BY repository_id, objective;

-- find_states --
SELECT content
  FROM slo_states
 WHERE objective = %(objective)s
   AND (%(repository_id)s::bigint = 0 OR repository_id = %(repository_id)s::bigint)
 ORDER BY repository_id;

-- count_states --
SELECT CASE WHEN evaluated_at < %(since)s::timestamptz THEN 'error'
            ELSE content #>> '{state,state}' END AS state,
       count(*)
  FROM slo_states
 WHERE repository_id = ANY(%(repository_ids)s::bigint[])
 GROUP BY 1;

-- fetch_budget_history --
SELECT budget.at, budget.remaining
  FROM slo_states AS state
  JOIN slo_budgets AS budget ON budget.slo_id = state.id
 WHERE state.repository_id = %(repository_id)s
   AND state.objective = %(objective)s
   AND budget.at >= %(since)s::timestamptz
 ORDER BY budget.at;

-- thin_budgets --
DELETE FROM slo_budgets
 USING slo_states AS state
 WHERE state.id = slo_budgets.slo_id AND slo_budgets.at < %(now)s::timestamptz - state.period;
