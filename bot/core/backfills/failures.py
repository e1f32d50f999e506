"""What a failure of a batch means, by PostgreSQL's code for it.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from bot.core.backoff import backoff
from bot.core.migrations.model import Version

LONGEST_WAIT = timedelta(seconds=10)
_FIRST_WAIT = timedelta(milliseconds=200)


class Failure(Enum):
    """What to do about it."""

    CONTENDED = "contended"
    """Somebody else was in the way: the same batch again, later."""
    SLOW = "slow"
    """It took too long: half of it, later."""
    LOST = "lost"
    """The connection or the server is gone: a new connection, and whatever was committed counts."""
    ROW = "row"
    """A row is at fault: halve until it stands alone."""
    STOP = "stop"
    """Nothing here helps: somebody has to do something."""


_CONTENDED = frozenset({"55P03", "40P01", "40001", "55006"})
_SLOW = frozenset({"57014", "25P04"})
"""Also where somebody cancels the query by hand; a smaller batch is in the way of less."""
_LOST = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03"})
_STOP = frozenset({"42501", "42P01", "42703", "3F000", "25006", "53100", "22P06"})
_ROW_CLASSES = ("21", "22", "23", "27", "38", "39", "44", "P0")
"""Cardinality, data, constraints, triggers, functions, check options of views, PL/pgSQL's RAISE.
Also of ``XX`` and custom classes a row may be the cause; see ``classify``."""
_STOP_CLASSES = ("0A", "0L", "0P", "25", "26", "28", "2B", "34", "3D", "3F", "42", "53", "54", "58")

TRIES = {Failure.CONTENDED: 40, Failure.SLOW: 25, Failure.LOST: 20}
"""In a row, without a batch between them; then it fails. With full jitter between them they
spread over minutes."""


def classify(sqlstate: str | None) -> Failure:
    """``sqlstate`` is None where the connection broke and nobody said why."""
    if sqlstate is None or sqlstate.startswith("08") or sqlstate in _LOST:
        return Failure.LOST
    if sqlstate in _CONTENDED:
        return Failure.CONTENDED
    if sqlstate in _SLOW:
        return Failure.SLOW
    if sqlstate == "53300" or sqlstate == "53200":  # connections or memory for the moment
        return Failure.LOST if sqlstate == "53300" else Failure.SLOW
    if sqlstate in _STOP:
        return Failure.STOP
    if sqlstate[:2] in _ROW_CLASSES:
        return Failure.ROW
    if sqlstate[:2] in _STOP_CLASSES:
        return Failure.STOP
    # Codes of a trigger's own (ERRCODE = 'BF001'), or a broken page under one row: what is true of
    # one row can be found, and what is true of all shows itself at the first.
    return Failure.ROW


def wait_after(failure: Failure, tries: int, fraction: float) -> timedelta:
    """Full jitter, so that runners that failed together do not come back together.

    ``tries`` counts from 1 for the one that just failed; ``fraction`` is random in [0, 1).
    """
    first = timedelta(seconds=1) if failure is Failure.LOST else _FIRST_WAIT
    return backoff(tries, fraction, first=first, longest=LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Advice:
    """A failure in words for whoever has to do something."""

    what: str
    remedy: str


def advise(sqlstate: str | None, message: str, *, table: str, role: str = "") -> Advice:
    """For failures that nothing here helps against. ``message`` is PostgreSQL's own first line."""
    who = f"the role {role}" if role else "the role that the URL names"
    known = {
        "42501": Advice(
            f"{who} may not do that: {message}",
            f"grant it what is missing on {table}, or use the owner's URL; then `resume`",
        ),
        "42P01": Advice(
            f"a table that the statement names is not there: {message}",
            f"if {table} was renamed while it ran, put its name back; or cancel it and write a "
            "backfill for the new name",
        ),
        "42703": Advice(
            f"a column that the statement names is not there: {message}",
            "apply the expand that adds it, or put its name back; then `resume`",
        ),
        "53100": Advice(
            f"the server's disk is full: {message}",
            "make room first: a backfill leaves a dead copy of each row until vacuum has been "
            "there; then `resume`",
        ),
        "25006": Advice(
            f"the server takes no writes: {message}",
            "use the primary's URL, and see whether default_transaction_read_only is set",
        ),
    }
    if sqlstate in known:
        return known[sqlstate]
    return Advice(
        f"PostgreSQL refuses it: {message} ({sqlstate or 'no code'})",
        "mend that; `resume` goes on where it was",
    )


def spelled_out(remedy: str, version: Version, environment: str) -> str:
    """With the command in full: who reads a page or a comment does not sit before `lockgate emc`,
    and no comment resumes."""
    return remedy.replace(
        "`resume`", f"`lockgate emc resume {version} --environment {environment}`"
    )
