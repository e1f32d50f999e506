-- add_notices --
INSERT INTO notices (
    channel, key, severity, title, text, url, repository, environment, resolves, incident,
    cause_url
)
SELECT channel, notice.*
  FROM unnest(%(channels)s::text[]) AS channel
 CROSS JOIN unnest(
           %(keys)s::text[], %(severities)s::text[], %(titles)s::text[], %(texts)s::text[],
           %(urls)s::text[], %(repositories)s::text[], %(environments)s::text[],
           %(resolves)s::boolean[], %(incidents)s::text[], %(cause_urls)s::text[]
       ) AS notice (key, severity, title, text, url, repository, environment, resolves, incident,
                    cause_url)
 ORDER BY channel, key
ON CONFLICT (channel, key) DO NOTHING
RETURNING id;

-- fetch_notice --
-- ``early``: what it says is over is still to be told; not for longer than that is tried.
-- ``late``: what it says is over was told anew since, or what it says began is told to be over.
SELECT channel, key, severity, title, text, url, repository, environment, resolves, incident,
       cause_url, delivered_at,
       resolves AND EXISTS (
           SELECT FROM notices AS before
            WHERE before.id < notice.id
              AND before.delivered_at IS NULL
              AND before.posted_at > clock_timestamp() - interval '1 hour'
              AND before.severity = 'critical'
              AND NOT before.resolves
              AND (before.channel, before.repository, before.incident)
                = (notice.channel, notice.repository, notice.incident)
              AND (notice.incident <> '' OR before.environment = notice.environment)
       ) AS early,
       (resolves OR severity = 'critical') AND EXISTS (
           SELECT FROM notices AS since
            WHERE since.id > notice.id
              AND since.delivered_at IS NOT NULL
              AND (since.resolves OR since.severity = 'critical')
              AND since.resolves <> notice.resolves
              AND (since.channel, since.repository, since.incident)
                = (notice.channel, notice.repository, notice.incident)
              AND (notice.incident <> '' OR since.environment = notice.environment)
       ) AS late
  FROM notices AS notice
 WHERE id = %(id)s;

-- note_delivered --
UPDATE notices SET delivered_at = clock_timestamp() WHERE id = %(id)s AND delivered_at IS NULL;

-- prune_notices --
DELETE FROM notices WHERE posted_at < now() - %(older_than)s::interval;
