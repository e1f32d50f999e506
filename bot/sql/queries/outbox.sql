-- add_notices --
INSERT INTO notices (
    channel, key, severity, title, text, url, repository, environment, resolves, incident,
    cause_url
)
SELECT channel, %(key)s, %(severity)s, %(title)s, %(text)s, %(url)s, %(repository)s,
       %(environment)s, %(resolves)s, %(incident)s, %(cause_url)s
  FROM unnest(%(channels)s::text[]) AS channel
 ORDER BY channel
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
