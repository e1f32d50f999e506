"""What a reconcile made of a release pull request."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.model import PullRef, Sha
from bot.core.release.model import FileNote


class Outcome(StrEnum):
    OPENED = "opened"
    RENEWED = "renewed"
    UNCHANGED = "unchanged"
    """It said what it should."""
    HELD = "held"
    """Something is in the way."""
    PUT_OFF = "put_off"
    """Somebody closed it, and nothing has landed since."""
    CLOSED = "closed"
    """There is nothing to release any more."""
    NOTHING = "nothing"
    """There is nothing to release."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """``reasons`` say why there is nothing to release, ``problems`` what is in the way, in plain
    sentences; ``files`` are the paths that the release changes. ``pull`` is None where there is
    none: nothing is to be released, it is held, or it would be opened by no dry run. ``notes`` are
    what somebody should look at: a check on ``head`` says so."""

    branch: str
    base: str
    outcome: Outcome
    pull: PullRef | None = None
    title: str = ""
    tags: Sequence[str] = ()
    files: Sequence[str] = ()
    problems: Sequence[str] = ()
    reasons: Sequence[str] = ()
    notes: Sequence[FileNote] = ()
    head: Sha | None = None
