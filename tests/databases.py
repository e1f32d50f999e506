"""Migrated databases that tests use one after the other.

To make one costs the server a fifth of a second and to empty one a few milliseconds. A database
whose schema or settings a test changed is not given to another.
"""

import asyncio
import secrets

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bot.adapters.postgres.embedded import EmbeddedServer
from bot.adapters.postgres.migrations import migrate

TEMPLATE = "lockgate_template"

_WATCH = """
CREATE SCHEMA watched;
CREATE SEQUENCE watched.changes;
CREATE FUNCTION watched.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('watched.changes');
END
$$;
CREATE EVENT TRIGGER note_change ON ddl_command_end EXECUTE FUNCTION watched.note();
CREATE EVENT TRIGGER note_drop ON sql_drop EXECUTE FUNCTION watched.note();
"""
# A sequence keeps count also of what was rolled back.

_UNCHANGED = """
SELECT NOT (SELECT is_called FROM watched.changes)
   AND NOT EXISTS (
           SELECT FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
            WHERE datname = current_database()
       )
   AND %s = (SELECT array_agg(each::text ORDER BY each::text) FROM schema_migrations each)
"""
_APPLIED = "SELECT array_agg(each::text ORDER BY each::text) FROM schema_migrations each"
_TABLES = """
SELECT tablename FROM pg_tables
 WHERE schemaname = 'lockgate' AND tablename <> 'schema_migrations' ORDER BY 1
"""
_LEAVE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_REWIND = """
SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences
 WHERE schemaname IN ('lockgate', 'watched') AND last_value IS NOT NULL
"""
_APPEND_ONLY = ("audit_checkpoints", "audit_entries", "audit_places")


class Databases:
    """Those of one server, all alike."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._free: list[str] = []
        with psycopg.connect(server.conninfo, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        asyncio.run(migrate(self._conninfo(TEMPLATE)))
        with self._connected(TEMPLATE) as connection:
            connection.execute(_WATCH)
            self._applied = connection.execute(_APPLIED).fetchone()[0]
            tables = [name for (name,) in connection.execute(_TABLES)]
        self._filled = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables
        )

    def take(self) -> str:
        """The conninfo of an empty database that nobody else uses."""
        name = self._free.pop() if self._free else create_database(self._server, TEMPLATE)
        return self._conninfo(name)

    def give_back(self, conninfo: str) -> None:
        name = str(conninfo_to_dict(conninfo)["dbname"])
        if self._emptied(name):
            self._free.append(name)
        else:
            drop_database(self._server, name)

    def _emptied(self, name: str) -> bool:
        with self._connected(name) as connection:
            connection.execute(_LEAVE)
            if connection.execute(_UNCHANGED, [self._applied]).fetchone() != (True,):
                return False
            filled = [table for (table,) in connection.execute(self._filled)]
            refusing = [table for table in _APPEND_ONLY if table in filled]
            for table in refusing:
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_append_only")
            if filled:
                connection.execute(f"TRUNCATE {', '.join(filled)} CASCADE")
            for table in refusing:
                connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_append_only")
            connection.execute(_REWIND)
        return True

    def _conninfo(self, name: str) -> str:
        return make_conninfo(self._server.conninfo, dbname=name)

    def _connected(self, name: str) -> psycopg.Connection:
        options = "-c search_path=lockgate"
        return psycopg.connect(self._conninfo(name), autocommit=True, options=options)


def create_database(server: EmbeddedServer, template: str) -> str:
    """The name of a new copy."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server.conninfo, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return name


def drop_database(server: EmbeddedServer, name: str) -> None:
    with psycopg.connect(server.conninfo, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
