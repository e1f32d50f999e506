"""Which build a rollback puts back. It was live here, was seen to work, is still at the host, and
goes with the database's schema as it is now."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.core.commands.command import DEFAULT_ENVIRONMENT
from bot.core.commands.requests import (
    Named,
    Refusal,
    RollbackTo,
    ShaPrefix,
    StepsBack,
    TagName,
)
from bot.core.hosting import Build, LedgerEntry
from bot.core.promotion import Read, Unread

Incompatible: TypeAlias = Callable[[Build], str]
"""Why a build does not go with the schema in place, as a sentence; empty when it does."""


@dataclass(frozen=True, slots=True)
class Chosen:
    entry: LedgerEntry

    @property
    def build(self) -> Build:
        return self.entry.build


@dataclass(frozen=True, slots=True)
class AlreadyLive:
    build: Build


Choice: TypeAlias = Chosen | AlreadyLive | Refusal


def choose_target(
    ledger: Sequence[LedgerEntry],
    environment: str,
    wanted: RollbackTo | None,
    live: Build | None,
    candidates: Read[frozenset[str]],
    incompatible: Incompatible,
    passed_over: Collection[str] = (),
) -> Choice:
    """``ledger`` is of the environment, newest first; ``candidates`` are ids of deployments that
    the host can still put back, ``passed_over`` of those that are not good.

    Without a name, what is meant is the newest good build but the live one; a build that was left
    by a rollback is not good, and can still be named.
    """
    choosing = _Choosing(environment, live, candidates, incompatible)
    good = [
        entry
        for entry in _verified(ledger)
        if not _left_by_rollback(ledger, entry)
        and not _same(entry.build, live)
        and entry.build.deployment_id not in passed_over
    ]
    choosing_good = _distinct(good)
    match wanted:
        case None | StepsBack():
            return _count_back(choosing, choosing_good, wanted)
        case TagName(name=name):
            matching = [entry for entry in ledger if is_named(entry.build, wanted)]
            return _named(choosing, choosing_good, matching, f"`{name}`")
        case ShaPrefix(text=text):
            matching = [entry for entry in ledger if is_named(entry.build, wanted)]
            if len({entry.build.sha for entry in matching}) > 1:
                return choosing.refuse(
                    f"`{text}`",
                    f"The ids of {len({entry.build.sha for entry in matching})} commits that were "
                    f"live on {environment} begin so.",
                    choosing_good,
                )
            return _named(choosing, choosing_good, matching, f"`{text[:12]}`")


def is_named(build: Build, wanted: Named) -> bool:
    match wanted:
        case TagName(name=name):
            return name in build.tags
        case ShaPrefix(text=text):
            return build.sha.startswith(text)


def taken_back_since(
    ledger: Sequence[LedgerEntry], wanted: RollbackTo | None, typed_at: datetime
) -> LedgerEntry | None:
    """What was put back, by whomever, after a rollback was typed that counts from what is live: one
    build further back is not what was meant. None where a build is named, or nothing was."""
    if isinstance(wanted, TagName | ShaPrefix) or not ledger:
        return None
    live = ledger[0]
    if live.live_until is not None or not live.holds_releases or live.live_from <= typed_at:
        return None
    return live


def call(build: Build) -> str:
    """What a person calls a build."""
    return build.called


def rollback_line(environment: str, build: Build | None = None) -> str:
    """The line that puts a build back, or without one the build before."""
    words = ["/rollback"]
    words += [environment] if environment != DEFAULT_ENVIRONMENT else []
    words += [call(build)] if build else []
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class _Choosing:
    environment: str
    live: Build | None
    candidates: Read[frozenset[str]]
    incompatible: Incompatible

    def against(self, entry: LedgerEntry) -> str:
        """Why a build that was live cannot be put back; empty if it can."""
        build = entry.build
        if entry.verified_at is None:
            return f"{_quoted(build)} was live on {self.environment}, and was never seen to work."
        if isinstance(self.candidates, Unread):
            return f"What the host can still put back could not be read: {self.candidates.reason}."
        if build.deployment_id not in self.candidates:
            return f"The host no longer offers {_quoted(build)} for a rollback."
        return self.incompatible(build)

    def refuse(self, what: str, against: str, good: Sequence[LedgerEntry]) -> Refusal:
        nearest = next((entry for entry in good if not self.against(entry)), None)
        remedy = (
            f"Nearest safe target: `{rollback_line(self.environment, nearest.build)}`."
            if nearest
            else f"No safe target is left on {self.environment}: promote a build that mends it."
        )
        if isinstance(self.candidates, Unread):
            remedy = "Try again in a minute, or put it back by hand at the host."
        return Refusal(f"Rollback to {what} on {self.environment}", against, remedy)


def _count_back(
    choosing: _Choosing, good: Sequence[LedgerEntry], wanted: StepsBack | None
) -> Choice:
    count = wanted.count if wanted else 1
    if len(good) < count:
        what = "the build before" if count == 1 else f"{count} builds back"
        stands = (
            f"Only {len(good)} good build{'s' if len(good) != 1 else ''} stand"
            f"{'s' if len(good) == 1 else ''} before what is live"
            if good
            else "No other build was seen to work"
        )
        return choosing.refuse(what, f"{stands} on {choosing.environment}, by the ledger.", good)
    entry = good[count - 1]
    against = choosing.against(entry)
    if against:
        return choosing.refuse(_quoted(entry.build), against, good)
    return Chosen(entry)


def _named(
    choosing: _Choosing,
    good: Sequence[LedgerEntry],
    matching: Sequence[LedgerEntry],
    what: str,
) -> Choice:
    if not matching:
        against = f"It was never live on {choosing.environment}, by the ledger."
        return choosing.refuse(what, against, good)
    for entry in matching:
        if choosing.live and _same(entry.build, choosing.live):
            return AlreadyLive(choosing.live)
    # One commit may have been built twice, and one build been live twice.
    reasons = [choosing.against(entry) for entry in matching]
    for entry, reason in zip(matching, reasons, strict=True):
        if not reason:
            return Chosen(entry)
    return choosing.refuse(what, reasons[0], good)


def _verified(ledger: Sequence[LedgerEntry]) -> Iterator[LedgerEntry]:
    return (entry for entry in ledger if entry.verified_at is not None)


def _left_by_rollback(ledger: Sequence[LedgerEntry], entry: LedgerEntry) -> bool:
    """Whether the build, when it was live last, was what somebody rolled back from, at the host
    too."""
    newer: LedgerEntry | None = None
    for other in ledger:
        if _same(other.build, entry.build):
            return newer is not None and newer.holds_releases
        newer = other
    return False


def _distinct(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    kept: list[LedgerEntry] = []
    for entry in entries:
        if not any(_same(entry.build, other.build) for other in kept):
            kept.append(entry)
    return kept


def _same(one: Build, other: Build | None) -> bool:
    if other is None:
        return False
    if one.deployment_id and other.deployment_id:
        return one.deployment_id == other.deployment_id
    return one.sha == other.sha


def _quoted(build: Build) -> str:
    return f"`{call(build)}`"
