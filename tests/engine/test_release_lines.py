"""The branches of release pull requests: no two lines and no two packages share one."""

import pytest

from bot.core.policy import Policy, parse_policy
from bot.core.policy.release import ReleasePolicy
from bot.core.release.pull_request import BRANCHES
from bot.engine.release_lines import release_branches

PACKAGES = "packages: [{path: a, name: '@acme/a'}, {path: next, name: next}, {path: ., name: main}]"


def read(section: str) -> ReleasePolicy:
    policy = parse_policy(f"release: {{{section}}}\n")
    assert isinstance(policy, Policy), policy
    assert policy.release is not None
    return policy.release


def names(section: str, line: str) -> list[str]:
    return [name.removeprefix(BRANCHES) for name, _ in release_branches(read(section), line)]


SEPARATE = f"{PACKAGES}, separate_pull_requests: true"
CASES = {
    "one package": ("", "main", ["main"]),
    "several together": (PACKAGES, "main", ["main"]),
    "each its own": (SEPARATE, "main", ["@acme+a", "next", "main"]),
    "together on the prerelease branch": (
        f"{PACKAGES}, prerelease: {{branch: next}}",
        "next",
        ["next"],
    ),
    "each its own on the prerelease branch": (
        f"{SEPARATE}, prerelease: {{branch: next}}",
        "next",
        ["next%3A@acme+a", "next%3Anext", "next%3Amain"],
    ),
}


@pytest.mark.parametrize(("section", "line", "branches"), CASES.values(), ids=CASES.keys())
def test_branches(section: str, line: str, branches: list[str]) -> None:
    assert names(section, line) == branches


def test_no_branch_is_of_two_lines() -> None:
    section = f"{SEPARATE}, prerelease: {{branch: next}}"
    assert not {*names(section, "main")} & {*names(section, "next")}
