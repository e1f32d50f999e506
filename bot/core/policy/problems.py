"""What can be wrong with a policy file, said with its place."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_PROBLEMS = 50
"""So many are listed; who has more mends these first."""

_EXCERPT = 160
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What the YAML parser counts lines by."""


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One thing to mend. Texts are plain and may quote the file: render escapes.

    ``path`` is the key's path within the file (``commits.types[2]``), empty where none is known.
    ``line`` and ``column`` count from 1; ``suggestion`` is what may have been meant, or empty;
    ``excerpt`` is the line of the file, cut.
    """

    path: str
    line: int
    column: int
    message: str
    suggestion: str = ""
    excerpt: str = ""

    def __str__(self) -> str:
        hint = f". Did you mean `{self.suggestion}`?" if self.suggestion else ""
        return f"{self.message}{hint}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault between keys. ``path`` leads to the key; ``message`` begins with its name, in
    ``{}``."""

    path: tuple[str | int, ...]
    message: str
    suggestion: str = ""
    at_key: bool = True


@dataclass(frozen=True, slots=True)
class PolicyProblems:
    """Why a policy file cannot be used: at least one problem, in the order of the file."""

    problems: tuple[PolicyProblem, ...]


def sorted_problems(problems: Iterable[PolicyProblem], text: str) -> PolicyProblems:
    """The problems in the order of the file, each with its line of ``text``."""
    lines = _LINE_BREAK.split(text)
    ordered = sorted(set(problems), key=lambda p: (p.line, p.column, p.message))
    return PolicyProblems(
        tuple(
            PolicyProblem(
                problem.path,
                problem.line,
                problem.column,
                problem.message,
                problem.suggestion,
                lines[problem.line - 1][:_EXCERPT] if problem.line <= len(lines) else "",
            )
            for problem in ordered[:MAX_PROBLEMS]
        )
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that ``word`` was probably meant to be, or nothing."""
    import difflib  # for what is wrong alone

    by_folded = {candidate.casefold().replace("_", "-"): candidate for candidate in known}
    folded = word[:100].casefold().replace("_", "-")
    matches = difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else ""
