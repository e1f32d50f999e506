"""What a decision looks like: verdicts, findings, gate results.

A result is both the decision and its explanation: whatever a check, a comment, a page or
``lockgate explain`` shows is read from here and from nowhere else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    WAIT = "wait"
    SKIP = "skip"
    ERROR = "error"
    """Could not be read. Never a pass."""


_SEVERITY = (Verdict.SKIP, Verdict.PASS, Verdict.WAIT, Verdict.FAIL, Verdict.ERROR)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst verdict wins; of nothing, or of nothing but skips, ``skip``: which is not green."""
    return max(verdicts, key=_SEVERITY.index, default=Verdict.SKIP)


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file of the repository; line and column count from 1."""

    path: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a gate found wrong.

    ``subject`` names what was looked at in the user's words ("title", "commit 3f2c1aa",
    ".github/lockgate.yml"); ``quote`` is the hostile text itself, unescaped; ``suggestion`` is
    what to put in its place, unescaped, empty when nobody can know.
    """

    subject: str
    rule: str
    message: str
    quote: str = ""
    suggestion: str = ""
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate's answer. Texts are plain (no Markdown) and may hold hostile text: render escapes.

    ``summary`` is one short line of what was found; ``remedy`` the one thing to do next, empty
    when there is nothing to do; ``reason`` the rule that was applied and why it was that one;
    ``evidence`` the facts the verdict rests on, JSON-able.
    """

    gate: str
    verdict: Verdict
    summary: str
    remedy: str = ""
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    evidence: Mapping[str, Json] = field(default_factory=dict)
    overridden: Verdict | None = None
    """What the gate said before somebody set it aside by break-glass; None if nobody did. An
    overridden gate passes, and is shown as overridden wherever it is shown."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gates say of one subject (a pull request or a merge group)."""

    results: tuple[GateResult, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(result.verdict for result in self.results)
