"""What the pages say of a decision: gate by gate, with all that was found and its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.decision import Finding, GateResult, Json

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
