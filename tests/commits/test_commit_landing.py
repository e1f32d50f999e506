"""Which messages land, by the repository's merge settings."""

from itertools import product

import pytest

from bot.core.commits.config import Enforce
from bot.core.commits.landing import decide_landing
from bot.core.model import MergeSettings, MergeTitle, SquashTitle

PR = SquashTitle.PR_TITLE
COMMIT_OR_PR = SquashTitle.COMMIT_OR_PR_TITLE


def settings(
    ways: str, squash_title: SquashTitle = PR, merge_title: MergeTitle = MergeTitle.MERGE_MESSAGE
) -> MergeSettings:
    return MergeSettings(
        squash="s" in ways,
        merge="m" in ways,
        rebase="r" in ways,
        squash_title=squash_title,
        merge_title=merge_title,
    )


@pytest.mark.parametrize(
    ("given", "count", "title", "commits"),
    [
        (settings("s"), 1, True, False),
        (settings("s"), 3, True, False),
        (settings("s", COMMIT_OR_PR), 0, True, False),
        (settings("s", COMMIT_OR_PR), 1, False, True),
        (settings("s", COMMIT_OR_PR), 2, True, False),
        (settings("m"), 1, False, True),
        (settings("m"), 3, False, True),
        (settings("m", merge_title=MergeTitle.PR_TITLE), 3, True, True),
        (settings("r"), 1, False, True),
        (settings("r", merge_title=MergeTitle.PR_TITLE), 3, False, True),
        (settings("mr"), 3, False, True),
        (settings("sm"), 1, True, True),
        (settings("sr", COMMIT_OR_PR), 1, False, True),
        (settings("sr", COMMIT_OR_PR), 2, True, True),
        (MergeSettings(), 1, False, True),
        (MergeSettings(), 2, True, True),
        (settings(""), 2, True, True),
    ],
)
def test_what_lands(given: MergeSettings, count: int, title: bool, commits: bool) -> None:
    landing = decide_landing(given, count)
    assert (landing.title, landing.commits) == (title, commits)


@pytest.mark.parametrize(
    ("enforce", "title", "commits"),
    [
        (Enforce.TITLE, True, False),
        (Enforce.COMMITS, False, True),
        (Enforce.BOTH, True, True),
        (Enforce.OFF, False, False),
    ],
)
def test_the_policy_may_ask_for_something_else(
    enforce: Enforce, title: bool, commits: bool
) -> None:
    for ways in ("s", "m", "r", "smr", ""):
        landing = decide_landing(settings(ways), 2, enforce)
        assert (landing.title, landing.commits) == (title, commits)
        assert f"`enforce: {enforce.value}`" in landing.reason


@pytest.mark.parametrize(
    ("given", "count", "reason"),
    [
        (
            settings("s"),
            3,
            "This repository only allows squash: it takes the title, so the title lands.",
        ),
        (
            settings("s", COMMIT_OR_PR),
            1,
            (
                "This repository only allows squash: it takes the message of a single commit "
                "(and the title once there are more), so the commit's message lands."
            ),
        ),
        (
            settings("r"),
            3,
            (
                "This repository only allows rebase: it keeps every commit, so every commit's "
                "message lands."
            ),
        ),
        (
            MergeSettings(),
            2,
            (
                "This repository allows squash, merge and rebase, so the title and every commit's "
                "message could land: squash takes the title, since there is more than one commit; "
                "merge keeps every commit; rebase keeps every commit."
            ),
        ),
    ],
)
def test_the_reason_is_said(given: MergeSettings, count: int, reason: str) -> None:
    assert decide_landing(given, count).reason == reason


def test_something_is_always_checked_and_a_reason_given() -> None:
    for s, m, r, squash_title, merge_title, count in product(
        (True, False), (True, False), (True, False), SquashTitle, MergeTitle, (0, 1, 2, 300)
    ):
        landing = decide_landing(MergeSettings(s, m, r, squash_title, merge_title), count)
        assert landing.title or landing.commits
        assert landing.reason.startswith(("This repository ", "Which ways "))
        assert landing.reason.endswith(".")
