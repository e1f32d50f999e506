"""Proof by trial: files are run on a shadow, an empty database with the same schema.

Within each file's transaction ``pg_locks``, the tables' files on disk and their scans are compared
before and after every statement. The shadow is a server of its own, which ends with the trial. What
is tried runs there as a role that is no superuser: SQL must reach neither files nor programs. It is
a member of all roles, so that it may do what those may that own things.
"""

import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bot.adapters.database.supabase import MEMBERS, ROLES, SCHEMA
from bot.adapters.postgres.binaries import EmbeddedError, find_binaries
from bot.adapters.postgres.embedded import ROLE, embedded_server, remove_server
from bot.core.migrations.changes import Relation
from bot.core.migrations.locks import Lock
from bot.core.migrations.model import Migration
from bot.core.migrations.sql import (
    SqlError,
    Statement,
    inner,
    names_of,
    parse_statements,
    split_statements,
    word,
)
from bot.core.migrations.steps import parse_steps
from bot.core.migrations.trial import Observed, SeenLock

Session = psycopg.Connection[tuple[object, ...]]

_OWNER = "postgres"
"""Who owns all in a project of Supabase, and is no superuser there either."""
_SECONDS = 60
_SETTINGS = f"SET statement_timeout = '{_SECONDS}s'; SET client_min_messages = error"
_ROLES = """
SELECT rolname, concat_ws(' ',
           CASE WHEN NOT rolinherit THEN 'NOINHERIT' END,
           CASE WHEN rolcreaterole OR rolsuper THEN 'CREATEROLE' END,
           CASE WHEN rolcreatedb OR rolsuper THEN 'CREATEDB' END,
           CASE WHEN rolbypassrls OR rolsuper THEN 'BYPASSRLS' END)
  FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> ALL(%s)
"""
_MEMBERS = "SELECT pg_get_userbyid(roleid), pg_get_userbyid(member) FROM pg_auth_members"
_STATE = """
SELECT c.oid, n.nspname, c.relname, pg_relation_filenode(c.oid)::int8,
       pg_stat_get_xact_numscans(c.oid)::int8
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_LOCKS = """
SELECT relation, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_MODES = {f"{mode.name.replace('_', '').lower()}lock": mode for mode in Lock}
_OF_EXTENSION = re.compile(r"(?:CREATE|ALTER|COMMENT\s+ON)\s+EXTENSION\b", re.IGNORECASE)
_HARMLESS = frozenset({"autoinc", "earthdistance", "insert_username", "moddatetime", "vector"})
"""Extensions that superusers alone may make, and that reach neither files nor programs."""
_BEFORE_CODE = frozenset({"create_schema_stmt", "create_extension_stmt", "comment_stmt"}) | {
    *("variable_set_stmt", "select_stmt", "grant_stmt", "alter_owner_stmt")
}
"""What a schema begins with, before there is code in it that an extension's script could run."""
_OF_PRIVILEGES = ("grant_stmt", "alter_default_privileges_stmt")
_SHOWN = 100
"""Characters of a statement that is quoted."""
_PASSED_OVER = re.compile(r"EXTENSION|EVENT\s+TRIGGER", re.IGNORECASE)
"""What this server does not have, or superusers alone may make."""
_RESTRICT = ("\\restrict ", "\\unrestrict ")
"""https://www.postgresql.org/docs/18/app-pgdump.html#PG-DUMP-OPT-RESTRICT-KEY"""
_READS = Lock.ROW_SHARE
"""Up to here nobody waits, and it is not told."""


class _Schema(NamedTuple):
    text: str
    roles: Sequence[tuple[str, str]]
    """Each with what else it may do, in SQL."""
    members: Sequence[tuple[str, str]] = ()
    """A role and who belongs to it."""


class ShadowError(Exception):
    """There is no shadow to try on. ``remedy`` is the next step."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def run_trial(
    before: Sequence[Migration], tried: Sequence[Migration], database: str | None = None
) -> tuple[Observed, ...]:
    """The files ``before`` make the shadow's schema, on top of ``database``'s if one is given.

    Raises:
        ShadowError: there is none, or the files before do not run on it.
    """
    with _shadow(database) as session:
        for migration in before:
            try:
                _run(session, migration)
            except psycopg.Error as error:
                raise ShadowError(
                    f"{migration.path} does not run on the shadow: {_said(error)}",
                    "see whether the database's ledger should have it: it has not"
                    if database
                    else "give --database, so that the shadow is made from its schema",
                ) from error
        observed: list[Observed] = []
        for migration in tried:
            found = watch(session, migration)
            observed.extend(found)
            if any(one.failure for one in found):
                break
        return tuple(observed)


@contextmanager
def _shadow(database: str | None) -> Iterator[Session]:
    with tempfile.TemporaryDirectory(prefix="lockgate-shadow-") as folder:
        home = Path(folder)
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        try:
            schema = _dump(database) if database else _Schema(SCHEMA, ROLES, MEMBERS)
            with (
                embedded_server(home, durable=False) as server,
                psycopg.connect(server.conninfo, autocommit=True) as admin,
                psycopg.connect(
                    make_conninfo(server.conninfo, **_make_roles(admin, schema)), autocommit=True
                ) as session,
            ):
                session.execute(_SETTINGS)
                _make(session, admin, schema)
                session.execute("RESET ALL; SET search_path = public, extensions")
                session.execute(_SETTINGS)
                yield session
        except EmbeddedError as error:
            raise ShadowError(f"the shadow cannot be started: {error}", "see its text") from error
        finally:
            remove_server(home)  # which writes into its folder until it has ended


def _make_roles(admin: Session, schema: _Schema) -> dict[str, str]:
    """Those of the schema, and one that owns the database, is a member of all, and may do no more
    on the machine: as whom to connect."""
    password = secrets.token_hex(16)
    owner = sql.Identifier(_OWNER)
    options = sql.SQL("LOGIN CREATEROLE BYPASSRLS REPLICATION PASSWORD {}").format(password)
    admin.execute(sql.SQL("CREATE ROLE {} {}").format(owner, options))
    name = sql.Identifier(admin.info.dbname)
    admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, owner))
    admin.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
    for role, attributes in schema.roles:
        made = sql.Identifier(role)
        admin.execute(sql.SQL("CREATE ROLE {} ").format(made) + sql.SQL(attributes))
        admin.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(made, owner))
    names = {role for role, _ in schema.roles}
    for pair in schema.members:
        # Neither PostgreSQL's own, which may reach files and programs, nor the superuser.
        if names.issuperset(pair):
            admin.execute(sql.SQL("GRANT {} TO {}").format(*map(sql.Identifier, pair)))
    return {"user": _OWNER, "password": password}


def _make(session: Session, admin: Session, schema: _Schema) -> None:
    """Who owns what, and what others may do, comes last: until then all is ours. It is told by the
    superuser, since no code of the schema runs then.

    Raises:
        ShadowError: the schema cannot be made here.
    """
    names = {role for role, _ in schema.roles}
    last = []
    without_code = True
    try:
        for text in split_statements(schema.text):
            for statement in parse_statements(text):
                without_code = without_code and statement.kind in _BEFORE_CODE
                if without_code and _is_harmless(statement):
                    _made(admin, statement)
                elif not _of_owners(statement):
                    _made(session, statement)
                elif names.issuperset(_new_owners(statement)) and not _of_system(statement):
                    last.append(statement)
        for statement in last:
            _made(admin, statement)
    except SqlError as error:
        raise ShadowError(
            f"the schema cannot be read: {error.message}", "try without --database"
        ) from error


def _made(session: Session, statement: Statement) -> None:
    try:
        session.execute(statement.text.encode())
    except psycopg.Error as error:
        # What needs what is not there says so itself.
        if not _PASSED_OVER.search(statement.text):
            raise ShadowError(
                f"the schema cannot be made on the shadow: {_said(error)}, in "
                f"“{' '.join(statement.text.split())[:_SHOWN]}”",
                "try without --database: the files before then make the schema",
            ) from error


def _is_harmless(statement: Statement) -> bool:
    return statement.kind == "create_extension_stmt" and statement.node.extname in _HARMLESS


def _of_owners(statement: Statement) -> bool:
    """Whether it is of owners and privileges alone."""
    if statement.kind == "variable_set_stmt":
        return bool(statement.node.name == "session_authorization")
    return statement.kind in _OF_PRIVILEGES or bool(_new_owners(statement))


def _of_system(statement: Statement) -> bool:
    """Whether it grants what is PostgreSQL's own, such as a function that reads the machine's
    files: what somebody may do there is not to be done here."""
    if statement.kind != "grant_stmt":
        return False
    found = [inner(item) for item in statement.node.objects]
    names = [names_of(node.objname) for kind, node in found if kind == "object_with_args"]
    schemas = [name[0] for name in names]
    schemas += [node.schemaname for kind, node in found if kind == "range_var"]
    return "pg_catalog" in schemas


def _new_owners(statement: Statement) -> list[str]:
    if statement.kind == "alter_owner_stmt":
        return [statement.node.newowner.rolename]
    if statement.kind != "alter_table_stmt":
        return []
    commands = [item.alter_table_cmd for item in statement.node.cmds]
    return [one.newowner.rolename for one in commands if word(one, "subtype") == "AT_ChangeOwner"]


def _dump(database: str) -> _Schema:
    """The schema, with the roles of its server. The password is in no argument."""
    given = {name: str(value) for name, value in conninfo_to_dict(database).items()}
    password = given.pop("password", "")
    command = [find_binaries(None).program("pg_dump"), "--schema-only"]
    command += ["--no-publications", "--no-subscriptions", "--exclude-schema=supabase_migrations"]
    command += ["--dbname", " ".join(f"{name}='{_quoted(value)}'" for name, value in given.items())]
    done = subprocess.run(
        command,
        env={"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=10 * _SECONDS,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[:1]
        raise ShadowError(
            f"the database's schema cannot be read: {''.join(said)}",
            "give a role that may read every table, or leave --database out of the trial",
        )
    with psycopg.connect(database, connect_timeout=10, client_encoding="UTF8") as session:
        found = session.execute(_ROLES, [[_OWNER, ROLE]])
        roles = [(str(name), str(may)) for name, may in found]
        members = [(str(role), str(member)) for role, member in session.execute(_MEMBERS)]
    # Other lines that begin so, and other ends of lines than this one, are those of texts.
    lines = [line for line in done.stdout.split("\n") if not line.startswith(_RESTRICT)]
    return _Schema("\n".join(lines), roles, members)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _run(session: Session, migration: Migration) -> None:
    statements = parse_statements(migration.text)
    whole = parse_steps(migration.text).in_transaction
    with session.transaction() if whole else nullcontext():
        for statement in statements:
            _execute(session, statement)


def _execute(session: Session, statement: Statement) -> None:
    """Extensions that this server does not have are passed over: what needs them says so itself."""
    if not _OF_EXTENSION.match(statement.text):
        session.execute(statement.text.encode())
        return
    with suppress(psycopg.Error), session.transaction():
        session.execute(statement.text.encode())


def watch(session: Session, migration: Migration) -> list[Observed]:
    """Run a file in a session in autocommit, and see what each statement does."""
    statements = parse_statements(migration.text)
    observed: list[Observed] = []
    statement = None
    try:
        if not parse_steps(migration.text).in_transaction:
            for statement in statements:
                _execute(session, statement)
                observed.append(_seen(migration, statement, (), watched=False))
            return observed
        with session.transaction():
            there = {oid for oid, *_ in session.execute(_STATE)}
            for statement in statements:
                files, locks = _state(session), _locks(session)
                _execute(session, statement)
                taken = tuple(_taken(session, there, files, locks))
                observed.append(_seen(migration, statement, taken))
    except psycopg.Error as error:
        line, text = (statement.line, statement.text) if statement else (1, "")
        observed.append(Observed(migration.path, line, text, failure=_said(error)))
    return observed


def _seen(
    migration: Migration, statement: Statement, locks: tuple[SeenLock, ...], watched: bool = True
) -> Observed:
    return Observed(migration.path, statement.line, statement.text, locks, watched)


def _state(session: Session) -> dict[object, tuple[object, ...]]:
    return {oid: tuple(rest) for oid, *rest in session.execute(_STATE)}


def _locks(session: Session) -> set[tuple[object, Lock]]:
    held = [(oid, _MODES.get(str(mode).lower())) for oid, mode in session.execute(_LOCKS)]
    return {(oid, lock) for oid, lock in held if lock is not None}


def _taken(
    session: Session,
    there: set[object],
    files: dict[object, tuple[object, ...]],
    locks: set[tuple[object, Lock]],
) -> Iterator[SeenLock]:
    after = _state(session)
    now = _locks(session)
    for oid, (schema, name, file, scans) in files.items():
        if oid not in there:
            continue
        new = [lock for other, lock in now - locks if other == oid]
        _, _, file_after, scans_after = after.get(oid, (schema, name, file, scans))
        rewritten, scanned = file_after != file, scans_after != scans
        lock = max(new, default=Lock.NONE)
        if rewritten or scanned:
            lock = max(lock, *(lock for other, lock in now if other == oid), Lock.NONE)
        if lock > _READS:
            relation = Relation(str(schema), str(name))
            yield SeenLock(relation, lock, rewritten, scanned)


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).splitlines()[0]
