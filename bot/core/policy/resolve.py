"""Which policy counts for a pull request, and what to say when it cannot be used.

Missing, unreadable and invalid are three outcomes. Only a missing file gives way to the next one:
a file that is there and cannot be used never falls back silently to another policy.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.core.decision import Finding, GateResult, Json, Location, Verdict
from bot.core.model import AbsentFile, FileRead, FoundFile, PolicyFiles, UnreadableFile
from bot.core.policy.model import DEFAULT_POLICY, Policy
from bot.core.policy.parse import parse_policy
from bot.core.policy.problems import PolicyProblem, PolicyProblems

POLICY_GATE = "policy"
"""The gate that answers when there is no usable policy."""


class PolicyOrigin(StrEnum):
    REPOSITORY = "repository"
    ORGANISATION = "organisation"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Where a policy came from. ``repo`` (``owner/name``) and ``path`` are empty for defaults."""

    origin: PolicyOrigin
    repo: str = ""
    path: str = ""

    @property
    def file(self) -> str:
        """The file in plain words."""
        whose = "the organisation's " if self.origin is PolicyOrigin.ORGANISATION else ""
        return f"{whose}{self.path}"

    def __str__(self) -> str:
        match self.origin:
            case PolicyOrigin.REPOSITORY:
                return f"`{self.path}` on the base branch"
            case PolicyOrigin.ORGANISATION:
                return f"`{self.path}` of `{self.repo}`, the organisation's policy"
            case PolicyOrigin.DEFAULTS:
                return "the built-in defaults, since there is no policy file"


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    policy: Policy
    source: PolicySource
    empty: bool = False
    """The file is there and says nothing, so that the defaults hold."""

    @property
    def sentence(self) -> str:
        """Where the policy comes from, in one plain sentence."""
        said = " (the file is empty, so the built-in defaults hold)" if self.empty else ""
        return f"The policy is {self.source}{said}."


@dataclass(frozen=True, slots=True)
class PolicyInvalid:
    source: PolicySource
    problems: tuple[PolicyProblem, ...]


@dataclass(frozen=True, slots=True)
class PolicyUnreadable:
    source: PolicySource
    reason: str


PolicyOutcome: TypeAlias = PolicyInForce | PolicyInvalid | PolicyUnreadable


def resolve_policy(files: PolicyFiles) -> PolicyOutcome:
    """The policy in force: the repository's file, else the organisation's, else the defaults."""
    for origin, file in (
        (PolicyOrigin.REPOSITORY, files.repository),
        (PolicyOrigin.ORGANISATION, files.organisation),
    ):
        outcome = _read(origin, file)
        if outcome is not None:
            return outcome
    return PolicyInForce(DEFAULT_POLICY, PolicySource(PolicyOrigin.DEFAULTS))


def _read(origin: PolicyOrigin, file: FileRead) -> PolicyOutcome | None:
    match file:
        case AbsentFile():
            return None
        case UnreadableFile(repo=repo, path=path, reason=reason):
            return PolicyUnreadable(PolicySource(origin, repo, path), reason)
        case FoundFile(repo=repo, path=path, text=text):
            source = PolicySource(origin, repo, path)
            parsed = parse_policy(text)
            if isinstance(parsed, PolicyProblems):
                return PolicyInvalid(source, parsed.problems)
            return PolicyInForce(parsed, source, empty=parsed is DEFAULT_POLICY)


def policy_result(outcome: PolicyInvalid | PolicyUnreadable) -> GateResult:
    """The answer of the policy gate where no policy can be used: nothing else can be judged."""
    source = outcome.source
    evidence: dict[str, Json] = {
        "origin": source.origin.value,
        "repository": source.repo,
        "path": source.path,
    }
    reason = (
        f"The policy is read from {source}. While it cannot be used nothing is checked, "
        "and no older or other policy is used in its place."
    )
    if isinstance(outcome, PolicyUnreadable):
        return GateResult(
            POLICY_GATE,
            Verdict.ERROR,
            f"{source.file} could not be read: {outcome.reason}",
            remedy=f"make {source.file} a UTF-8 text file that the App may read",
            reason=reason,
            evidence=evidence,
        )
    count = len(outcome.problems)
    first = outcome.problems[0]
    return GateResult(
        POLICY_GATE,
        Verdict.FAIL,
        f"{source.file} has {count} problem{'s' if count > 1 else ''}",
        remedy=f"mend line {first.line} of {source.file}: {first}",
        reason=reason,
        findings=tuple(
            Finding(
                subject=source.path,
                rule=problem.path or "syntax",
                message=problem.message,
                quote=problem.excerpt,
                suggestion=problem.suggestion,
                location=Location(source.path, problem.line, problem.column),
            )
            for problem in outcome.problems
        ),
        evidence=evidence,
    )
