"""The gate on commit messages: what will land follows Conventional Commits and the policy."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.core.commits.config import CommitsConfig, Enforce
from bot.core.commits.landing import Landing, decide_landing
from bot.core.commits.lint import Lint, Problem, lint_header, lint_message
from bot.core.commits.parse import parse_message
from bot.core.commits.rules.rule import Level
from bot.core.decision import Finding, GateResult, Json, Verdict
from bot.core.model import Commit, MergeGroup, PullRequest
from bot.core.phrases import quoted
from bot.core.promotion import PromotionFacts

GATE = "commits"
_TITLE = "title"
_QUOTE_LENGTH = 200
_LISTED = 20
"""So many skipped messages are named in the evidence."""

_PLURAL = {
    "ends": "end",
    "has": "have",
    "is": "are",
    "marks": "mark",
    "names": "name",
    "needs": "need",
}
_QUEUE_REASON = "A merge queue's candidate lands exactly as it stands, so each of its commits"


@dataclass(frozen=True, slots=True)
class _Checked:
    subject: str
    lint: Lint


def evaluate(subject: PullRequest | MergeGroup, config: CommitsConfig) -> GateResult:
    """Check the messages that will land."""
    if isinstance(subject, MergeGroup):
        landing, checked = _check_group(subject, config)
    else:
        landing = decide_landing(subject.merge_settings, len(subject.commits), config.enforce)
        checked = [_check_title(subject, config)] if landing.title else []
        checked += _check_commits(subject.commits, config) if landing.commits else []
    counted = [one for one in checked if not one.lint.ignored]
    ignored = [one.subject for one in checked if one.lint.ignored]
    bad = [one for one in counted if not one.lint.valid]
    evidence = _evidence(config, landing, counted, ignored, bad)
    reason = landing.reason
    if ignored:
        reason += f" Not checked, since the policy ignores their authors: {_listed(ignored)}."
    if not counted:
        return GateResult(
            GATE, Verdict.SKIP, _skip_summary(ignored, config), reason=reason, evidence=evidence
        )
    findings = (
        *(_finding(one, problem) for one in counted for problem in one.lint.errors),
        *(
            _finding(one, problem)
            for one in counted
            for problem in one.lint.problems
            if problem.level is Level.WARNING
        ),
    )
    if not bad:
        return GateResult(
            GATE,
            Verdict.PASS,
            _pass_summary(counted),
            reason=reason,
            findings=findings,
            evidence=evidence,
        )
    return GateResult(
        GATE,
        Verdict.FAIL,
        _fail_summary(counted, bad),
        remedy=_remedy(subject, bad),
        reason=reason,
        findings=findings,
        evidence=evidence,
    )


def evaluate_landed(facts: PromotionFacts) -> GateResult:
    """Check the message of the commit that is to be promoted: it has landed as it stands."""
    config, commit = facts.commits, facts.candidate.commit
    (one,) = _check_commits((commit,), config)
    landing = Landing(
        False,
        True,
        f"What would go to {quoted(facts.environment)} is one commit: its message counts as it "
        "landed.",
    )
    counted = [] if one.lint.ignored or config.enforce is Enforce.OFF else [one]
    if config.enforce is Enforce.TITLE and one.lint.message.pull_number is None:
        landing = Landing(
            False,
            True,
            "The policy asks for titles alone (`enforce: title`), and this commit bears none.",
        )
        counted = []
    ignored = [one.subject] if one.lint.ignored else []
    bad = [found for found in counted if not found.lint.valid]
    evidence = {"sha": commit.sha, **_evidence(config, landing, counted, ignored, bad)}
    if not counted:
        summary = _skip_summary(ignored, config)
        return GateResult(GATE, Verdict.SKIP, summary, reason=landing.reason, evidence=evidence)
    findings = tuple(_finding(one, problem) for problem in one.lint.problems)
    if not bad:
        return GateResult(
            GATE, Verdict.PASS, _pass_summary(counted), "", landing.reason, findings, evidence
        )
    # What has landed cannot be reworded: the trunk is not rewritten.
    return GateResult(
        GATE,
        Verdict.FAIL,
        _fail_summary(counted, bad),
        "promote a later commit, whose message is in order",
        landing.reason,
        findings,
        evidence,
    )


def _check_title(pull: PullRequest, config: CommitsConfig) -> _Checked:
    return _Checked(_TITLE, lint_header(pull.title, config, pull.author))


def _check_commits(commits: Iterable[Commit], config: CommitsConfig) -> list[_Checked]:
    return [
        _Checked(
            f"commit {commit.sha[:7]}",
            lint_message(
                parse_message(commit.message, parents=commit.parents), config, commit.author
            ),
        )
        for commit in commits
    ]


def _check_group(group: MergeGroup, config: CommitsConfig) -> tuple[Landing, list[_Checked]]:
    if config.enforce is Enforce.OFF:
        return Landing(False, False, "The policy turns this check off (`enforce: off`)."), []
    checked = _check_commits(group.commits, config)
    if config.enforce is Enforce.TITLE:
        # Only commits that bear a pull request's number can bear its title: nobody was asked to
        # word the others.
        checked = [one for one in checked if one.lint.message.pull_number is not None]
        reason = f"{_QUEUE_REASON} that bears a pull request's title is checked."
        return Landing(False, True, reason), checked
    return Landing(False, True, f"{_QUEUE_REASON} is checked."), checked


def _finding(one: _Checked, problem: Problem) -> Finding:
    header = one.lint.message.header
    warning = "warning: " if problem.level is Level.WARNING else ""
    return Finding(
        subject=one.subject,
        rule=problem.rule.name,
        message=f"{warning}{problem.message}",
        quote=header if len(header) <= _QUOTE_LENGTH else f"{header[: _QUOTE_LENGTH - 1]}…",
        suggestion=problem.suggestion,
    )


def _evidence(
    config: CommitsConfig,
    landing: Landing,
    counted: Sequence[_Checked],
    ignored: Sequence[str],
    bad: Sequence[_Checked],
) -> dict[str, Json]:
    kinds = Counter(one.lint.message.kind.value for one in counted)
    rules = Counter(problem.rule.name for one in counted for problem in one.lint.problems)
    return {
        "enforce": config.enforce.value,
        "title_checked": landing.title,
        "commits_checked": landing.commits,
        "checked": len(counted),
        "invalid": len(bad),
        "ignored": len(ignored),
        "ignored_messages": list(ignored[:_LISTED]),
        "kinds": dict(sorted(kinds.items())),
        "rules_broken": dict(sorted(rules.items())),
    }


def _skip_summary(ignored: Sequence[str], config: CommitsConfig) -> str:
    if config.enforce is Enforce.OFF:
        return "the policy turns this check off"
    if not ignored:
        return "there is no message to check"
    if len(ignored) == 1:
        return "the only message is by an ignored author"
    return f"all {len(ignored)} messages are by ignored authors"


def _pass_summary(counted: Sequence[_Checked]) -> str:
    warned = sum(bool(one.lint.problems) for one in counted)
    if len(counted) == 1:
        summary = f"{_named(counted[0])} is in order"
    else:
        summary = f"all {len(counted)} messages are in order"
    if warned:
        summary += f", {warned} with {'a warning' if warned == 1 else 'warnings'}"
    return summary


def _fail_summary(counted: Sequence[_Checked], bad: Sequence[_Checked]) -> str:
    first_faults = {one.lint.errors[0].rule.fault for one in bad}
    fault = first_faults.pop() if len(first_faults) == 1 else "needs changes"
    if len(counted) == 1:
        return f"{_named(counted[0])} {fault}"
    verb, _, rest = fault.partition(" ")
    if len(bad) > 1:
        verb = _PLURAL[verb]
    return f"{len(bad)} of {len(counted)} messages {verb} {rest}"


def _named(one: _Checked) -> str:
    return "the title" if one.subject == _TITLE else "the commit message"


def _remedy(subject: PullRequest | MergeGroup, bad: Sequence[_Checked]) -> str:
    first = bad[0]
    if isinstance(subject, MergeGroup):
        return f"take the pull request of {_listed([one.subject for one in bad])} out of the queue"
    if first.subject == _TITLE:
        if first.lint.suggestion:
            return f"press Fix title, or edit the title to “{first.lint.suggestion}”"
        return f"edit the title: {first.lint.errors[0].message}"
    how = f"`git rebase -i {first.subject.removeprefix('commit ')}^`"
    if len(bad) > 1:
        return f"reword {len(bad)} commits with {how}: {_help(bad)}"
    if first.subject == f"commit {subject.head_sha[:7]}":
        how = "`git commit --amend`"
    if first.lint.suggestion:
        return f"reword {first.subject} to “{first.lint.suggestion}” with {how}"
    return f"reword {first.subject} with {how}: {first.lint.errors[0].message}"


def _help(bad: Sequence[_Checked]) -> str:
    """What the check has for whoever rewords them."""
    suggested = sum(bool(one.lint.suggestion) for one in bad)
    if suggested == len(bad):
        return "each line to paste is in the check"
    if suggested:
        return f"the check has a line to paste for {suggested} of them"
    return "the check says what is wrong with each"


def _listed(subjects: Sequence[str]) -> str:
    more = len(subjects) - _LISTED
    return ", ".join(subjects[:_LISTED]) + (f" and {more} more" if more > 0 else "")
