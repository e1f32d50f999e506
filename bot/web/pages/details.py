"""``GET /repos/{owner}/{name}/pulls/{number}``: the page that a check links to."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.core.decision import Finding, GateResult, Json
from bot.web.pages.names import requested_number, requested_repository
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.pulls import PullView, find_pull

SUBJECTS_SHOWN = 100
FACTS_SHOWN = 200
"""Lines of evidence of one gate."""


@dataclass(frozen=True, slots=True)
class SubjectView:
    """One thing looked at (a title, a commit) and all that was found wrong with it."""

    subject: str
    quote: str
    findings: tuple[Finding, ...]

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Lines to paste, each once."""
        return tuple(dict.fromkeys(f.suggestion for f in self.findings if f.suggestion))


@dataclass(frozen=True, slots=True)
class FactView:
    """One line of evidence; ``depth`` counts from 0, ``value`` is empty above deeper lines."""

    depth: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class GateView:
    gate: GateResult
    subjects: tuple[SubjectView, ...]
    more_subjects: int
    facts: tuple[FactView, ...]
    more_facts: int


@dataclass(frozen=True, slots=True)
class DetailsView:
    pull: PullView
    gates: tuple[GateView, ...]

    @property
    def title(self) -> str:
        return f"{self.pull.repository}#{self.pull.number}"


@dataclass(frozen=True, slots=True)
class UnknownPullView:
    repository: str
    number: int

    @property
    def title(self) -> str:
        return f"{self.repository}#{self.number} is not known"


def details_page(site: Site) -> Page:
    """The handler."""

    async def details(request: Request) -> Response:
        owner, name = requested_repository(request)
        number = requested_number(request)
        pull = await find_pull(site, request, owner, name, number)
        if pull is None:
            unknown = UnknownPullView(f"{owner}/{name}", number)
            return render(site, request, "unknown_pull.html", unknown, status=404)
        view = DetailsView(pull, tuple(map(view_gate, pull.gates or ())))
        return not_modified(request, render(site, request, "details.html", view))

    return details


def view_gate(gate: GateResult) -> GateView:
    subjects: dict[tuple[str, str], list[Finding]] = {}
    for finding in gate.findings:
        subjects.setdefault((finding.subject, finding.quote), []).append(finding)
    views = [SubjectView(*key, tuple(findings)) for key, findings in subjects.items()]
    facts = list(view_facts(gate.evidence, 0))
    return GateView(
        gate=gate,
        subjects=tuple(views[:SUBJECTS_SHOWN]),
        more_subjects=max(0, len(views) - SUBJECTS_SHOWN),
        facts=tuple(facts[:FACTS_SHOWN]),
        more_facts=max(0, len(facts) - FACTS_SHOWN),
    )


def view_facts(value: Mapping[str, Json] | list[Json], depth: int = 0) -> list[FactView]:
    """Evidence as lines, in the order in which it was written down."""
    pairs = (
        value.items()
        if isinstance(value, Mapping)
        else ((str(index), item) for index, item in enumerate(value, 1))
    )
    lines = []
    for name, item in pairs:
        label = str(name).replace("_", " ")
        if isinstance(item, list) and not any(isinstance(part, dict | list) for part in item):
            lines.append(FactView(depth, label, ", ".join(map(_scalar, item)) or "none"))
        elif isinstance(item, dict | list) and item:
            lines.append(FactView(depth, label, ""))
            lines += view_facts(item, depth + 1)
        else:
            lines.append(FactView(depth, label, _scalar(item)))
    return lines


def _scalar(value: Json) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "empty"
