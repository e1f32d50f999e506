"""Builds of both shapes that write while a change goes out, and the twin that it is held against.

Each write leaves a line in a log, in its own transaction and while it holds the row: so the log's
order is that of the writes to each row. The twin is the table as it was, to which one transaction
applies the log.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import psycopg
import psycopg.sql
from psycopg import errors

_PATIENCE = 30
"""Seconds after which a writer that makes no progress fails the test."""
_LOG = """
CREATE TABLE written (id bigserial PRIMARY KEY, key bigint NOT NULL, value text, gone boolean);
"""
_APPLY = """
WITH last AS (SELECT DISTINCT ON (key) key, value, gone FROM written ORDER BY key, id DESC),
     left_out AS (DELETE FROM twin USING last WHERE twin.key = last.key)
SELECT key, value FROM last WHERE NOT gone
"""
CHECKSUM = """
SELECT count(*), coalesce(sum(hashtextextended(ROW(key, value)::text, 0)::numeric), 0) FROM ({}) s
"""


@dataclass(frozen=True)
class Shape:
    """How a build writes. The parameters are ``id`` and ``value``; an insert's first statement
    returns the id."""

    insert: Sequence[str]
    update: str
    values: Callable[[random.Random], object]
    delete: str = "DELETE FROM recipes WHERE id = %(id)s"
    logged: Callable[[object], object] = lambda value: value


@dataclass
class Writer:
    """One connection of a build, writing until it is told to stop."""

    url: str
    shape: Shape
    seed: int
    nulls: bool = True
    """Whether it writes NULL too."""
    done: int = 0
    fault: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _moved: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def write(self, more: int) -> None:
        """Wait until it has written so many more times."""
        with self._moved:
            goal = self.done + more
            assert self._moved.wait_for(lambda: self.done >= goal or self.fault, _PATIENCE), "stuck"
        if self.fault:
            raise self.fault

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(_PATIENCE)
            assert not self._thread.is_alive(), "it does not stop"
        if self.fault:
            raise self.fault

    def _run(self) -> None:
        choose = random.Random(self.seed)
        try:
            with psycopg.connect(self.url, prepare_threshold=None, autocommit=True) as connection:
                while not self._stop.is_set():
                    try:
                        with connection.transaction():
                            self._once(connection, choose)
                    except errors.DeadlockDetected:
                        continue  # as a build tries again
                    with self._moved:
                        self.done += 1
                        self._moved.notify_all()
        except BaseException as error:  # told to the test, which waits for it
            with self._moved:
                self.fault = error
                self._moved.notify_all()

    def _once(self, connection: psycopg.Connection, choose: random.Random) -> None:
        value = self.shape.values(choose)
        if self.nulls and choose.random() < 0.2:
            value = None
        what = choose.random()
        if what < 0.2:
            given: dict[str, object] = {"value": value}
            for statement in self.shape.insert:
                answer = connection.execute(statement, given)
                if "id" not in given:
                    (given["id"],) = answer.fetchone() or (None,)
            self._log(connection, given["id"], value, gone=False)
            return
        # A row at random, by the primary key; those at the end are fought for.
        (low, high) = connection.execute("SELECT min(id), max(id) FROM recipes").fetchone()
        key = choose.randint(max(low, high - 40), high) if what < 0.6 else choose.randint(low, high)
        statement = self.shape.delete if what < 0.25 else self.shape.update
        if connection.execute(statement, {"id": key, "value": value}).rowcount:
            self._log(connection, key, value, gone=what < 0.25)

    def _log(
        self, connection: psycopg.Connection, key: object, value: object, *, gone: bool
    ) -> None:
        connection.execute(
            "INSERT INTO written (key, value, gone) VALUES (%s, %s, %s)",
            [key, self.shape.logged(value), gone],
        )


def make_twin(url: str, select: str) -> None:
    """``select``: key and value as the old shape has them, as they are to be in the new one."""
    with psycopg.connect(url) as connection:
        connection.execute(_LOG)
        # Writes to two tables in two orders: what a second's wait would find is found at once.
        name = psycopg.sql.Identifier(connection.info.dbname)
        connection.execute(
            psycopg.sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '10ms'").format(name)
        )
        connection.execute(f"CREATE TABLE twin AS {select}")
        connection.execute("ALTER TABLE twin ADD PRIMARY KEY (key)")


def replay(url: str) -> None:
    """All that was written, applied to the twin in one transaction."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_APPLY).fetchall()
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO twin VALUES (%s, %s)", rows)


def differences(url: str, select: str) -> list[tuple[object, ...]]:
    """Rows that stand on one side alone, a few of them; empty where the checksums are equal."""
    with psycopg.connect(url) as connection:
        sums = {
            connection.execute(CHECKSUM.format(one)).fetchone()
            for one in (select, "SELECT key, value FROM twin")
        }
        found = connection.execute(
            f"(({select}) EXCEPT ALL (SELECT key, value FROM twin)) UNION ALL"
            f" ((SELECT key, value FROM twin) EXCEPT ALL ({select})) LIMIT 8"
        ).fetchall()
    assert (len(sums) == 1) == (not found)
    return found
