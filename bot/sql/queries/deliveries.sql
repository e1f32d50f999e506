-- add_deliveries --
-- One statement, so one round trip and one commit. The jobs need no lock: the primary key sees to
-- it that a delivery is in one alone. Sorted, so that two batches never wait for each other.
WITH added AS (
    INSERT INTO deliveries (
        guid, event, action, installation_id, repository_id, repository, payload, routed, outcome
    )
    SELECT guid, event, action, installation_id, repository_id, repository, payload, routed,
           CASE WHEN routed THEN 'waiting' ELSE 'ignored' END
      FROM ROWS FROM (
               json_to_recordset(%(deliveries)s::json) AS (
                   guid text, event text, action text, installation_id bigint,
                   repository_id bigint, repository text, routed boolean
               ),
               unnest(%(payloads)b::bytea[])
           ) AS incoming (
               guid, event, action, installation_id, repository_id, repository, routed, payload
           )
     ORDER BY guid
    ON CONFLICT (guid) DO NOTHING
    RETURNING guid, routed, received_at
), parts AS (
    SELECT guid, received_at, (row_number() OVER () - 1) / %(together)s::integer AS part
      FROM added
     WHERE routed
), jobs AS (
    SELECT ROW(
               %(queue)s::text, %(kind)s::text, %(priority)s::integer, NULL, NULL,
               jsonb_build_object(
                   'guids', jsonb_agg(guid), '_queued_at', extract(epoch FROM min(received_at))
               ),
               NULL
           )::procrastinate_job_to_defer_v1 AS job
      FROM parts
     GROUP BY part
)
SELECT procrastinate_defer_jobs_v1(array_agg(job)) FROM jobs HAVING count(*) > 0;

-- fetch_delivery --
SELECT delivery.guid, delivery.event, delivery.action, delivery.installation_id,
       delivery.repository_id, delivery.repository, delivery.payload, delivery.routed,
       delivery.received_at, delivery.outcome NOT IN ('routed', 'ignored') AS waits,
       delivery.installation_id IS NOT NULL
       AND delivery.repository_id IS NOT NULL
       AND (
               known.repository_id IS NULL
               OR known.installation_id <> delivery.installation_id
               OR known.owner || '/' || known.name <> delivery.repository
           ) AS moved
  FROM deliveries AS delivery
  LEFT JOIN repositories AS known ON known.repository_id = delivery.repository_id
 WHERE delivery.guid = %(guid)s;

-- note_outcome --
UPDATE deliveries SET outcome = %(outcome)s WHERE guid = %(guid)s;

-- fetch_recent_deliveries --
SELECT guid, event, action, repository, received_at, outcome
  FROM deliveries
 ORDER BY received_at DESC
 LIMIT %(limit)s;

-- prune_deliveries --
WITH old AS (
    SELECT guid FROM deliveries
     WHERE received_at < now() - %(older_than)s::interval
     ORDER BY received_at
     LIMIT %(batch)s
)
DELETE FROM deliveries USING old WHERE deliveries.guid = old.guid;

-- select_missing --
SELECT asked.attempt_id
  FROM unnest(%(attempt_ids)s::bigint[], %(guids)s::text[]) AS asked (attempt_id, guid)
 WHERE NOT EXISTS (SELECT FROM deliveries WHERE deliveries.guid = asked.guid)
   AND NOT EXISTS (SELECT FROM redeliveries WHERE redeliveries.attempt_id = asked.attempt_id);

-- record_redelivery --
INSERT INTO redeliveries (attempt_id, guid) VALUES (%(attempt_id)s, %(guid)s)
ON CONFLICT (attempt_id) DO NOTHING;

-- prune_redeliveries --
DELETE FROM redeliveries WHERE asked_at < now() - %(older_than)s::interval;
