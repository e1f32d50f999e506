"""What a trial saw, put beside what the check says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.migrations.changes import Relation
from bot.core.migrations.findings import Check, Finding, Severity, Told, page_of
from bot.core.migrations.locks import Lock

TRIAL_FAILED = "trial-failed"
"""The rule that a file breaks which cannot be run."""


@dataclass(frozen=True, slots=True)
class SeenLock:
    """The strongest lock that a statement took on a relation which was there before its file."""

    relation: Relation
    lock: Lock
    rewritten: bool = False
    """Whether it has another file on disk since."""
    scanned: bool = False
    """Whether it was read from end to end."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One statement of a file that was tried; ``line`` and ``statement`` as the check has them."""

    file: str
    line: int
    statement: str
    locks: tuple[SeenLock, ...] = ()
    watched: bool = True
    """False where it runs outside of a transaction, so that its locks are gone when it is done."""
    failure: str = ""
    """What PostgreSQL said; nothing after it was run."""


def with_trial(check: Check, observed: Sequence[Observed]) -> Check:
    """The same check with what was observed in place of what was expected."""
    seen = {(one.file, one.line, one.statement): one for one in observed}
    findings = [
        _found(one, seen.get((one.file, one.line, one.statement))) for one in check.findings
    ]
    findings.extend(_failed(one) for one in observed if one.failure)
    findings.sort(key=lambda one: (one.file, one.line))
    told = [_told(one, seen.get((one.file, one.line, one.statement))) for one in check.statements]
    return replace(check, findings=tuple(findings), statements=tuple(told))


def words_of(one: Observed) -> tuple[str, ...]:
    return tuple(_words(lock) for lock in one.locks)


def _words(lock: SeenLock) -> str:
    did = " and ".join(
        word
        for word, was in (("was written anew", lock.rewritten), ("was read whole", lock.scanned))
        if was
    )
    return f"{lock.lock} on {lock.relation}{f', which {did}' if did else ''}"


def _found(finding: Finding, one: Observed | None) -> Finding:
    if one is None or one.failure or not one.watched:
        return finding
    strongest = max(one.locks, key=lambda lock: lock.lock, default=None)
    words = "; ".join(words_of(one)) or "no lock that others would notice"
    return replace(
        finding,
        lock=str(strongest.lock) if strongest else "",
        rewrite=any(lock.rewritten for lock in one.locks),
        message=f"{finding.message.removesuffix('.')}. Observed: {words}",
    )


def _told(told: Told, one: Observed | None) -> Told:
    if one is None or one.failure or not one.watched:
        return told
    return replace(told, locks=words_of(one), observed=True)


def _failed(one: Observed) -> Finding:
    return Finding(
        file=one.file,
        line=one.line,
        statement=one.statement,
        rule=TRIAL_FAILED,
        phase="",
        lock="",
        rewrite=False,
        severity=Severity.ERROR,
        message=f"it does not run on a shadow with the same schema: {one.failure}",
        url=page_of(TRIAL_FAILED),
    )
