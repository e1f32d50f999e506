"""What Lockgate writes on GitHub: a check run and a comment, as values to compare and apply."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from bot.core.decision import Location

SUMMARY_MARKER = "<!-- lockgate:summary -->"
"""What the summary comment is found again by, together with its author."""


class Conclusion(StrEnum):
    """The check run conclusions that Lockgate uses."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Annotation:
    location: Location
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckAction:
    """A button on a check: at most 3 a check; label 20, description 40, identifier 20 characters.

    https://docs.github.com/rest/checks/runs#create-a-check-run
    """

    identifier: str
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class CheckOutput:
    """A finished check run as it should read. ``summary`` and ``text`` are Markdown."""

    name: str
    conclusion: Conclusion
    title: str
    summary: str
    text: str
    annotations: tuple[Annotation, ...] = ()
    actions: tuple[CheckAction, ...] = ()
    details_url: str = ""


_ANNOTATED = "+annotated"


def digest_of(output: CheckOutput) -> str:
    """What identifies an output's content: kept as the run's ``external_id`` at GitHub, so that a
    later reconcile can tell whether the run still says the right thing."""
    content = json.dumps(asdict(output), sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return digest + _ANNOTATED if output.annotations else digest


@dataclass(frozen=True, slots=True)
class PresentCheck:
    """Our own newest run of a name on a commit, as GitHub has it.

    ``digest`` is the ``external_id`` that we gave it: the digest of the output it shows.
    """

    id: int
    name: str
    digest: str
    completed: bool

    @property
    def annotated(self) -> bool:
        return self.digest.endswith(_ANNOTATED)


@dataclass(frozen=True, slots=True)
class PresentComment:
    """A comment of our own that bears our marker."""

    id: int
    body: str
