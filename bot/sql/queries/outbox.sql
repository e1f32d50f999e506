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
SELECT channel, key, severity, title, text, url, repository, environment, resolves, incident,
       cause_url, delivered_at
  FROM notices
 WHERE id = %(id)s;

-- note_delivered --
UPDATE notices SET delivered_at = clock_timestamp() WHERE id = %(id)s AND delivered_at IS NULL;

-- prune_notices --
DELETE FROM notices WHERE posted_at < now() - %(older_than)s::interval;
