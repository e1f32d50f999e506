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

_COUNT = """
CREATE SCHEMA watched;
CREATE SEQUENCE watched.changes;
CREATE FUNCTION watched.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('watched.changes');
END
$$;
"""
# A sequence keeps count also of what was rolled back.

_WATCH = """
CREATE EVENT TRIGGER note_change ON ddl_command_end EXECUTE FUNCTION watched.note();
CREATE EVENT TRIGGER note_drop ON sql_drop EXECUTE FUNCTION watched.note();
"""

_EMPTY = """
CREATE FUNCTION watched.emptied(applied text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    place record;
    filled boolean;
BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid();
    IF (SELECT is_called FROM watched.changes)
       OR EXISTS (
           SELECT FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
            WHERE datname = current_database()
       )
       OR applied <> (SELECT array_agg(each::text ORDER BY each::text) FROM schema_migrations each)
    THEN
        RETURN false;
    END IF;
    -- Neither our event triggers nor foreign keys, whose order would matter.
    SET LOCAL session_replication_role = replica;
    FOR place IN
        SELECT relname AS name, pg_relation_size(oid) > 160 * 1024 AS large,
               relname IN ('audit_checkpoints', 'audit_entries', 'audit_places') AS refusing
          FROM pg_class
         WHERE relnamespace = 'lockgate'::regnamespace AND relkind = 'r'
           AND relname <> 'schema_migrations' AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', place.name) INTO filled;
        CONTINUE WHEN NOT filled;
        IF place.refusing THEN
            EXECUTE format('ALTER TABLE %I DISABLE TRIGGER audit_append_only', place.name);
        END IF;
        -- New files for a table and its indexes take longer than a few rows.
        IF place.large THEN
            EXECUTE format('TRUNCATE %I CASCADE', place.name);
        ELSE
            EXECUTE format('DELETE FROM %I', place.name);
        END IF;
        IF place.refusing THEN
            EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_append_only', place.name);
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false)
       FROM pg_sequences
      WHERE schemaname IN ('lockgate', 'watched') AND last_value IS NOT NULL;
    RETURN true;
END
$$;
"""
_APPLIED = "SELECT array_agg(each::text ORDER BY each::text) FROM schema_migrations each"


class Databases:
    """Those of one server, all alike."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._free: list[str] = []
        self._sessions: dict[str, psycopg.Connection] = {}
        with psycopg.connect(server.conninfo, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        asyncio.run(migrate(self._conninfo(TEMPLATE)))
        with self._connected(TEMPLATE) as connection:
            connection.execute(_COUNT)
            connection.execute(_EMPTY)
            connection.execute(_WATCH)
            self._applied = connection.execute(_APPLIED).fetchone()[0]

    def take(self) -> str:
        """The conninfo of an empty database that nobody else uses."""
        name = self._free.pop() if self._free else create_database(self._server, TEMPLATE)
        return self._conninfo(name)

    def give_back(self, conninfo: str) -> None:
        name = str(conninfo_to_dict(conninfo)["dbname"])
        if self._emptied(name):
            self._free.append(name)
        else:
            self._sessions.pop(name).close()
            drop_database(self._server, name)

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()

    def _emptied(self, name: str) -> bool:
        try:
            return self._empty(name)
        except psycopg.OperationalError:  # the test has ended all sessions
            self._sessions.pop(name).close()
            return self._empty(name)

    def _empty(self, name: str) -> bool:
        """One session for each database, so that it is planned once."""
        if name not in self._sessions:
            self._sessions[name] = self._connected(name)
        call = "SELECT watched.emptied(%s)"
        return self._sessions[name].execute(call, [self._applied]).fetchone() == (True,)

    def _conninfo(self, name: str) -> str:
        return make_conninfo(self._server.conninfo, dbname=name)

    def _connected(self, name: str) -> psycopg.Connection:
        options = "-c search_path=lockgate"
        return psycopg.connect(self._conninfo(name), autocommit=True, options=options)


def url_of(conninfo: str) -> str:
    """As a server's environment has it."""
    given = conninfo_to_dict(conninfo)
    return (
        f"postgresql://{given['user']}:{given['password']}@/{given['dbname']}"
        f"?host={given['host']}&port={given['port']}"
    )


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
