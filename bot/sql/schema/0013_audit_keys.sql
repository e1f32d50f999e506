-- no transaction
-- What is written down again after a crash is in the log once. Entries from before have no key.
DROP INDEX CONCURRENTLY IF EXISTS audit_entries_key_idx;
CREATE UNIQUE INDEX CONCURRENTLY audit_entries_key_idx ON audit_entries ((content::jsonb ->> 'key'))
    WHERE (content::jsonb ->> 'key') IS NOT NULL;
