-- The record of what was asked, decided and done. Each entry is the text that was hashed; whatever
-- is searched by is an index over that text, so that no column can say something else.
CREATE SEQUENCE audit_ids;

CREATE TABLE audit_entries (
    id bigint PRIMARY KEY,
    content text NOT NULL,
    seal bytea NOT NULL
);

CREATE INDEX audit_entries_at_idx
    ON audit_entries ((content::jsonb ->> 'at'), id);
CREATE INDEX audit_entries_repository_idx
    ON audit_entries (lower(content::jsonb ->> 'repository'), id);
CREATE INDEX audit_entries_kind_idx
    ON audit_entries ((content::jsonb ->> 'kind'), id);
CREATE INDEX audit_entries_build_idx
    ON audit_entries ((content::jsonb ->> 'build_sha'), id);

-- Entries that wait to be taken into the tree.
CREATE TABLE audit_waiting (
    entry_id bigint PRIMARY KEY
);
ALTER TABLE audit_waiting SET (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE audit_places (
    position bigint PRIMARY KEY,
    entry_id bigint NOT NULL UNIQUE,
    leaf bytea NOT NULL,
    seal bytea NOT NULL
);

COMMENT ON COLUMN audit_places.leaf IS 'RFC 6962: SHA-256 of a zero byte and the content';

CREATE TABLE audit_checkpoints (
    size bigint PRIMARY KEY,
    note text NOT NULL,
    frontier bytea NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON COLUMN audit_checkpoints.frontier IS 'roots of the full subtrees, largest first';

CREATE FUNCTION audit_refuse() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % on % is refused', tg_op, tg_table_name
        USING ERRCODE = 'insufficient_privilege';
END;
$$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_places
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Also where a session says that it is a replica, which puts ordinary triggers to sleep.
ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_places ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_append_only;
