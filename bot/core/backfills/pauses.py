"""When a backfill pauses by itself: what is measured of the server, held against limits."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from bot.core.phrases import counted, say_duration

_MEGA = 1024 * 1024


class Reason(StrEnum):
    REPLICA_LAG = "replica-lag"
    LOCK_WAITERS = "lock-waiters"
    AUTOVACUUM = "autovacuum"
    WAL_RATE = "wal-rate"
    BURNING = "slo"
    PERSON = "person"


class Heed(StrEnum):
    """Which service level objectives that burn it pauses for."""

    ALWAYS = "slo"
    """Those that page somebody, and those whose budget is spent."""
    PAGES = "slo-page"
    NEVER = "slo-never"


@dataclass(frozen=True, slots=True)
class Limits:
    """Above each of them a backfill pauses."""

    replica_lag: timedelta = timedelta(seconds=10)
    lock_waiters: int = 0
    """Sessions that wait for the table, or for rows that a batch holds for longer than its target.
    """
    wal_rate: float = 256 * _MEGA
    """Bytes a second, of the whole server."""
    autovacuum: timedelta = timedelta(minutes=15)
    """For so long it makes room for an autovacuum of the table; after that both go on."""
    objectives: Heed = Heed.ALWAYS
    lag_named: bool = False
    """Whether the file itself limits replicas' lag: then it pauses where nobody can tell it."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What one look at the server found."""

    replica_lag: timedelta | None = None
    """Of the replica that is furthest behind; None where there is none, or it may not be seen."""
    unseen_replicas: int = 0
    """Whose lag the role may not see."""
    lock_waiters: int = 0
    autovacuum: timedelta | None = None
    """How long an autovacuum of the table has been running."""
    wal_rate: float = 0.0
    burning: str = ""
    """Why a service level objective says to wait; empty where none does."""


@dataclass(frozen=True, slots=True)
class Pause:
    reason: Reason
    why: str


def decide_pause(signals: Signals, limits: Limits) -> Pause | None:
    """The first of the reasons there are; None where the next batch may go."""
    if signals.burning:
        return Pause(Reason.BURNING, signals.burning)
    if signals.replica_lag is not None and signals.replica_lag > limits.replica_lag:
        lag, most = say_duration(signals.replica_lag), say_duration(limits.replica_lag)
        return Pause(Reason.REPLICA_LAG, f"a replica is {lag} behind, and {most} is the limit")
    if signals.unseen_replicas and limits.lag_named:
        return Pause(Reason.REPLICA_LAG, say_unseen(signals))
    if signals.lock_waiters > limits.lock_waiters:
        waiting = counted(signals.lock_waiters, "session")
        verb = "waits" if signals.lock_waiters == 1 else "wait"
        return Pause(Reason.LOCK_WAITERS, f"{waiting} {verb} for locks on the table")
    if signals.autovacuum is not None and signals.autovacuum < limits.autovacuum:
        return Pause(Reason.AUTOVACUUM, "autovacuum is at work on the table")
    if signals.wal_rate > limits.wal_rate:
        rate, most_rate = _say_rate(signals.wal_rate), _say_rate(limits.wal_rate)
        return Pause(
            Reason.WAL_RATE, f"the server writes {rate} of WAL, and {most_rate} is the limit"
        )
    return None


def say_unseen(signals: Signals) -> str:
    """What nobody can tell, and how it could be told; empty where all can be seen."""
    if not signals.unseen_replicas:
        return ""
    replicas = counted(signals.unseen_replicas, "replica")
    return f"the lag of {replicas} is unknown: GRANT pg_monitor to the role of the URL"


_WORD = re.compile(r"(?P<name>[a-z-]+?)-(?P<number>[0-9]{1,6})(?P<unit>s|ms|mb|)")


def limits_of(words: tuple[str, ...]) -> Limits:
    """``replica-lag-5s``, ``wal-rate-20mb``, ``lock-waiters-3``, ``autovacuum-60s``, ``slo-page``
    and ``slo-never`` in place of the usual limits. A reason's name alone stands for its usual one.

    Raises:
        ValueError: a word is none of these; the text names it.
    """
    limits = Limits(lag_named=any(word.startswith(Reason.REPLICA_LAG) for word in words))
    usual = {Reason.REPLICA_LAG, Reason.LOCK_WAITERS, Reason.AUTOVACUUM, Reason.WAL_RATE}
    for word in words:
        if word in usual:
            continue
        if word in tuple(Heed):
            limits = replace(limits, objectives=Heed(word))
            continue
        found = _WORD.fullmatch(word)
        number = int(found["number"]) if found else 0
        match (found["name"], found["unit"]) if found else ("", ""):
            case (Reason.REPLICA_LAG, "s" | "ms" as unit):
                limits = replace(limits, replica_lag=_span(number, unit))
            case (Reason.AUTOVACUUM, "s"):
                limits = replace(limits, autovacuum=_span(number, "s"))
            case (Reason.WAL_RATE, "mb"):
                limits = replace(limits, wal_rate=number * _MEGA)
            case (Reason.LOCK_WAITERS, ""):
                limits = replace(limits, lock_waiters=number)
            case _:
                raise ValueError(
                    f"`pause-when` has `{word}`; it takes replica-lag-5s, wal-rate-20mb, "
                    "lock-waiters-3, autovacuum-60s, slo-page and slo-never"
                )
    return limits


def _span(number: int, unit: str) -> timedelta:
    return timedelta(milliseconds=number) if unit == "ms" else timedelta(seconds=number)


def _say_rate(rate: float) -> str:
    return f"{rate / _MEGA:,.0f} MB/s"
