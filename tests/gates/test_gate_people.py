"""The gates on what people say: approvals, locks, and where a build comes from."""

from datetime import timedelta
from typing import Any

import pytest
from promotion_kit import (
    ADA,
    BEN,
    CY,
    HOSTILE,
    NOW,
    OTHER,
    SHA,
    approval,
    candidate,
    facts,
    said,
)

from bot.core.decision import Verdict
from bot.core.gates import approvals, lock, source
from bot.core.hosting import Lock
from bot.core.model import GHOST, Actor, ActorKind
from bot.core.promotion import Unread

ONE = {"approvals": {"count": 1}}
TWO = {"approvals": {"count": 2}}
BOT = Actor(99, "approver[bot]", ActorKind.BOT)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("skip", "the policy asks for no review", "")),
        ({"policy": ONE}, ("pass", "approved by @ben", "")),
        (
            {"policy": TWO},
            ("wait", "1 of 2 approvals", "ask for 1 more approving review of #12"),
        ),
        (
            {"policy": TWO, "approvals": (approval(), approval(CY))},
            ("pass", "approved by @ben and @cy", ""),
        ),
        (
            {"policy": ONE, "approvals": (approval(), approval(CY, "changes_requested"))},
            (
                "fail",
                "@cy asks for changes",
                "settle it with @cy, or have the review dismissed",
            ),
        ),
        (
            {"policy": ONE, "approvals": (), "candidate": candidate(build={"pull_number": 0})},
            (
                "fail",
                "0 of 1 approval: the commit came by no pull request",
                "promote a commit that came by a pull request",
            ),
        ),
        (
            {"policy": ONE, "approvals": Unread("GitHub answered 502")},
            (
                "error",
                "the reviews could not be read: GitHub answered 502",
                "run the command again",
            ),
        ),
    ],
)
def test_what_is_said_of_approvals(given: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert said(approvals.evaluate(facts(**given))) == expected


@pytest.mark.parametrize(
    ("review", "why"),
    [
        (approval(ADA), "@ada is the author"),
        (approval(Actor(ADA.id, "renamed")), "@renamed is the author"),
        (approval(role_may_write=False), "@ben may not write to the repository"),
        (approval(sha=OTHER), "@ben approved `a91b77c`, and the head is `beef123`"),
        (approval(BOT), "@approver[bot] is no person's account"),
        (approval(GHOST), "@ghost is no person's account"),
    ],
)
def test_an_approval_that_does_not_count_is_named(review: Any, why: str) -> None:
    result = approvals.evaluate(facts(policy=ONE, approvals=(review,)))
    assert result.verdict is Verdict.WAIT
    assert result.findings[0].message == f"the approval does not count: {why}"


@pytest.mark.parametrize("state", ["changes_requested", "dismissed", "commented"])
def test_one_person_counts_once_and_by_the_worse_word(state: str) -> None:
    both = (approval(), approval(BEN, state))
    for reviews in (both, both[::-1], (approval(), approval())):
        verdict = approvals.evaluate(facts(policy=TWO, approvals=reviews)).verdict
        assert verdict in (Verdict.WAIT, Verdict.FAIL)
    assert approvals.evaluate(facts(policy=ONE, approvals=both)).verdict is not Verdict.PASS


def test_an_author_may_approve_where_the_policy_lets_them() -> None:
    lenient = {"approvals": {"count": 1, "not_author": False}}
    given = facts(policy=lenient, approvals=(approval(ADA),))
    assert approvals.evaluate(given).verdict is Verdict.PASS


def test_a_reader_s_request_for_changes_holds_nothing() -> None:
    reviews = (approval(), approval(CY, "changes_requested", role_may_write=False))
    assert approvals.evaluate(facts(policy=ONE, approvals=reviews)).verdict is Verdict.PASS


def test_an_open_pull_request_is_approved_as_it_stands() -> None:
    unmerged = candidate(merged=False, on_trunk=False)
    stale = facts(policy=ONE, candidate=unmerged)
    assert approvals.evaluate(stale).verdict is Verdict.WAIT
    fresh = facts(policy=ONE, candidate=unmerged, approvals=(approval(sha=SHA),))
    assert approvals.evaluate(fresh).verdict is Verdict.PASS


# --- lock ----------------------------------------------------------------------------------------


def test_no_lock_passes() -> None:
    assert said(lock.evaluate(facts())) == ("pass", "nobody has locked it", "")


def test_a_lock_says_who_why_and_since_when() -> None:
    held = Lock("production", "cy", "the press is looking", NOW - timedelta(hours=3, minutes=4))
    result = lock.evaluate(facts(lock=held))
    assert said(result) == (
        "fail",
        "locked by @cy 3 h 4 min ago: the press is looking",
        "ask @cy, then comment `/unlock production`",
    )
    assert "since 2026-03-02 08:56 UTC" in result.reason
    assert result.evidence["actor"] == "cy"


def test_a_hostile_reason_is_told_and_does_nothing() -> None:
    result = lock.evaluate(facts(lock=Lock("production", "cy", HOSTILE, NOW)))
    assert HOSTILE in result.summary
    assert result.verdict is Verdict.FAIL


# --- source --------------------------------------------------------------------------------------

OPEN = {"on_trunk": False, "merged": False, "released": False}
APPROVED = {"source": "approved"}
RELEASE = {"source": "release"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("pass", "`3f2c1aa` is on the trunk", "")),
        (
            {"candidate": candidate(**OPEN)},
            ("fail", "`3f2c1aa` is not on the trunk", "merge #12 and promote what landed"),
        ),
        (
            {"candidate": candidate(on_trunk=False)},
            ("fail", "`3f2c1aa` is not on the trunk", "promote a commit that is on the trunk"),
        ),
        ({"policy": RELEASE}, ("pass", "`3f2c1aa` is released as `v1.5.0`", "")),
        (
            {"policy": RELEASE, "candidate": candidate(released=False)},
            ("fail", "`3f2c1aa` has no published release", "publish a release of `3f2c1aa`"),
        ),
        ({"policy": APPROVED}, ("pass", "`3f2c1aa` is on the trunk", "")),
        (
            {
                "policy": APPROVED,
                "candidate": candidate(**OPEN),
                "approvals": (approval(sha=SHA),),
            },
            ("pass", "`3f2c1aa` is approved by @ben", ""),
        ),
        (
            {"policy": APPROVED, "candidate": candidate(**OPEN)},
            (
                "fail",
                "`3f2c1aa` is neither on the trunk nor approved",
                "ask for 1 approving review of exactly `3f2c1aa`, or merge it",
            ),
        ),
        (
            {
                "policy": APPROVED | TWO,
                "candidate": candidate(**OPEN),
                "approvals": (approval(sha=SHA),),
            },
            (
                "fail",
                "`3f2c1aa` is neither on the trunk nor approved",
                "ask for 2 approving reviews of exactly `3f2c1aa`, or merge it",
            ),
        ),
        (
            {
                "policy": APPROVED,
                "candidate": candidate(**OPEN),
                "approvals": Unread("GitHub answered 502"),
            },
            (
                "error",
                "the reviews of `3f2c1aa` could not be read: GitHub answered 502",
                "run the command again",
            ),
        ),
    ],
)
def test_what_is_said_of_the_source(given: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert said(source.evaluate(facts(**given))) == expected


def test_a_request_for_changes_outweighs_an_approval_of_a_head() -> None:
    reviews = (approval(sha=SHA), approval(CY, "changes_requested"))
    given = facts(policy=APPROVED, candidate=candidate(**OPEN), approvals=reviews)
    assert source.evaluate(given).verdict is Verdict.FAIL


def test_an_approved_head_that_was_merged_elsewhere_is_not_on_the_trunk() -> None:
    given = facts(
        policy=APPROVED,
        candidate=candidate(on_trunk=False, head_sha=SHA),
        approvals=(approval(sha=SHA),),
    )
    assert source.evaluate(given).verdict is Verdict.FAIL
