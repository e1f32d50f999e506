"""Which policy counts, and that none is used silently in place of one that cannot be."""

import pytest

from bot.core.decision import Location, Verdict
from bot.core.model import AbsentFile, FileRead, FoundFile, PolicyFiles, UnreadableFile
from bot.core.policy import (
    DEFAULT_POLICY,
    PolicyInForce,
    PolicyInvalid,
    PolicyOrigin,
    PolicyUnreadable,
    policy_result,
    resolve_policy,
)

PATH = ".github/lockgate.yml"
TITLE = FoundFile("acme/shop", PATH, "commits: {enforce: title}")
COMMITS = FoundFile("acme/.github", PATH, "commits: {enforce: commits}")
INVALID = FoundFile("acme/shop", PATH, "commits:\n  enforced: title\n  types: 3\n")
BINARY = UnreadableFile("acme/shop", PATH, "it is not UTF-8 text")


def test_the_repository_s_file_counts_first() -> None:
    outcome = resolve_policy(PolicyFiles(TITLE, COMMITS))
    assert isinstance(outcome, PolicyInForce)
    assert outcome.policy.commits.enforce == "title"
    assert outcome.sentence == "The policy is `.github/lockgate.yml` on the base branch."


def test_the_organisation_s_file_counts_next() -> None:
    outcome = resolve_policy(PolicyFiles(AbsentFile(), COMMITS))
    assert isinstance(outcome, PolicyInForce)
    assert outcome.policy.commits.enforce == "commits"
    assert outcome.sentence == (
        "The policy is `.github/lockgate.yml` of `acme/.github`, the organisation's policy."
    )


def test_the_defaults_count_where_there_is_no_file() -> None:
    outcome = resolve_policy(PolicyFiles(AbsentFile(), AbsentFile()))
    assert isinstance(outcome, PolicyInForce)
    assert outcome.policy is DEFAULT_POLICY
    assert outcome.source.origin is PolicyOrigin.DEFAULTS
    assert outcome.sentence == (
        "The policy is the built-in defaults, since there is no policy file."
    )


def test_an_empty_file_is_the_defaults_and_says_so() -> None:
    outcome = resolve_policy(PolicyFiles(FoundFile("acme/shop", PATH, "# soon\n"), COMMITS))
    assert isinstance(outcome, PolicyInForce)
    assert outcome.policy is DEFAULT_POLICY
    assert outcome.sentence == (
        "The policy is `.github/lockgate.yml` on the base branch "
        "(the file is empty, so the built-in defaults hold)."
    )


@pytest.mark.parametrize("organisation", [AbsentFile(), COMMITS])
def test_an_invalid_file_never_falls_back(organisation: FileRead) -> None:
    outcome = resolve_policy(PolicyFiles(INVALID, organisation))
    assert isinstance(outcome, PolicyInvalid)
    assert outcome.source.origin is PolicyOrigin.REPOSITORY
    assert len(outcome.problems) == 2


@pytest.mark.parametrize("organisation", [AbsentFile(), COMMITS])
def test_an_unreadable_file_never_falls_back(organisation: FileRead) -> None:
    outcome = resolve_policy(PolicyFiles(BINARY, organisation))
    assert isinstance(outcome, PolicyUnreadable)
    assert outcome.reason == "it is not UTF-8 text"


def test_an_invalid_organisation_file_does_not_become_the_defaults() -> None:
    assert isinstance(resolve_policy(PolicyFiles(AbsentFile(), INVALID)), PolicyInvalid)
    assert isinstance(resolve_policy(PolicyFiles(AbsentFile(), BINARY)), PolicyUnreadable)


def test_the_organisation_s_faults_do_not_matter_where_the_repository_has_its_own() -> None:
    assert isinstance(resolve_policy(PolicyFiles(TITLE, INVALID)), PolicyInForce)


def test_an_invalid_policy_fails_with_each_problem_at_its_place() -> None:
    outcome = resolve_policy(PolicyFiles(INVALID, AbsentFile()))
    assert isinstance(outcome, PolicyInvalid)
    result = policy_result(outcome)
    assert result.verdict is Verdict.FAIL
    assert [finding.location for finding in result.findings] == [
        Location(PATH, 2, 3),
        Location(PATH, 3, 10),
    ]
    assert result.findings[0].suggestion == "enforce"
    assert result.findings[0].quote == "  enforced: title"


def test_an_unreadable_policy_is_an_error_and_no_pass() -> None:
    outcome = resolve_policy(PolicyFiles(BINARY, AbsentFile()))
    assert isinstance(outcome, PolicyUnreadable)
    assert policy_result(outcome).verdict is Verdict.ERROR
