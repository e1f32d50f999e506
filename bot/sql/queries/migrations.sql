-- create_ledger --
CREATE SCHEMA IF NOT EXISTS lockgate;
CREATE TABLE IF NOT EXISTS lockgate.schema_migrations (
    component text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    library_version text,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (component, name)
);

-- ledger_exists --
SELECT to_regclass('lockgate.schema_migrations') IS NOT NULL;

-- fetch_ledger --
SELECT component, name, checksum FROM lockgate.schema_migrations ORDER BY component, name;

-- record --
INSERT INTO lockgate.schema_migrations (component, name, checksum, library_version)
VALUES (%(component)s, %(name)s, %(checksum)s, %(library_version)s);

-- try_lock --
SELECT pg_try_advisory_lock(%(key)s);

-- unlock --
SELECT pg_advisory_unlock(%(key)s);
