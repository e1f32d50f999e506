"""The gate on checks."""

from typing import Any

import pytest
from promotion_kit import ACTIONS, HOSTILE, check, facts, said

from bot.core.decision import Verdict
from bot.core.gates.checks import evaluate
from bot.core.promotion import RequiredCheck, Unread

REQUIRED = {"checks": {"mode": "required"}}
LISTED = {"checks": {"mode": "list", "names": ["ci", "e2e"]}}


def pinned(app_id: int | None = ACTIONS) -> tuple[RequiredCheck, ...]:
    return (RequiredCheck("ci", app_id),)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("pass", "`ci` green", "")),
        (
            {"checks": (check(), check("e2e", "failure"))},
            (
                "fail",
                "1 of 2 green, `e2e` ended: failure",
                "mend `e2e`, or run it again if it was not the commit's fault",
            ),
        ),
        (
            {"checks": (check(), check("e2e", "", minutes_ago=3))},
            ("wait", "1 of 2 green, `e2e` running for 3 min", "wait for `e2e`"),
        ),
        (
            {"checks": (check("a", "failure"), check("b", "timed_out"), check("c", ""))},
            (
                "fail",
                "0 of 3 green, `a` and `b` not green",
                "mend `a`, or run it again if it was not the commit's fault",
            ),
        ),
        (
            {"checks": ()},
            (
                "wait",
                "no check has begun on `3f2c1aa`",
                "wait for the first one; where none ever runs, take `checks` out of `requires`",
            ),
        ),
        # What is required and absent is missed, whatever else ran.
        (
            {"required_checks": (RequiredCheck("e2e"),)},
            (
                "wait",
                "1 of 2 green, `e2e` has not begun on this commit",
                "wait for `e2e`; if no workflow runs it on the trunk, run it for `3f2c1aa`",
            ),
        ),
        # neutral and skipped are no success unless the policy says so, by name
        (
            {"checks": (check("ci", "skipped"),)},
            (
                "fail",
                "0 of 1 green, `ci` ended: skipped",
                "run `ci` on `3f2c1aa`, or allow it under `environments.production.checks.skipped`",
            ),
        ),
        (
            {"checks": (check("ci", "skipped"),), "policy": {"checks": {"skipped": ["ci"]}}},
            ("pass", "`ci` green", ""),
        ),
        (
            {"checks": (check("ci", "skipped"),), "policy": {"checks": {"neutral": ["ci"]}}},
            (
                "fail",
                "0 of 1 green, `ci` ended: skipped",
                "run `ci` on `3f2c1aa`, or allow it under `environments.production.checks.skipped`",
            ),
        ),
        (
            {"checks": (check("ci", "neutral"),), "policy": {"checks": {"neutral": ["ci"]}}},
            ("pass", "`ci` green", ""),
        ),
        # mode: required
        (
            {
                "policy": REQUIRED,
                "required_checks": pinned(None),
                "checks": (check(), check("x", "failure")),
            },
            ("pass", "`ci` green", ""),
        ),
        (
            {"policy": REQUIRED},
            (
                "fail",
                "no check is required, so that this gate would let anything through",
                "require checks in a ruleset of the trunk, or set `checks.mode` to `all`",
            ),
        ),
        # mode: list
        (
            {"policy": LISTED, "checks": (check(), check("e2e"), check("x", "failure"))},
            ("pass", "all 2 green", ""),
        ),
        (
            {"policy": LISTED},
            (
                "wait",
                "1 of 2 green, `e2e` has not begun on this commit",
                "wait for `e2e`; if no workflow runs it on the trunk, run it for `3f2c1aa`",
            ),
        ),
        # What could not be read
        (
            {"checks": Unread("GitHub answered 502")},
            (
                "error",
                "the checks of `3f2c1aa` could not be read: GitHub answered 502",
                "run the command again; `lockgate doctor` says whether a permission is missing",
            ),
        ),
        (
            {"required_checks": Unread("no permission")},
            (
                "error",
                "the required checks of `3f2c1aa` could not be read: no permission",
                "run the command again; `lockgate doctor` says whether a permission is missing",
            ),
        ),
    ],
)
def test_what_is_said(given: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert said(evaluate(facts(**given))) == expected


@pytest.mark.parametrize("mode", ["all", "required"])
def test_only_the_pinned_app_satisfies_a_check(mode: str) -> None:
    settings = {"checks": {"mode": mode}}
    forged = check(app_id=None)
    other_app = check(app_id=4711)
    for impostor in (forged, other_app):
        given = facts(policy=settings, required_checks=pinned(), checks=(impostor,))
        result = evaluate(given)
        assert result.verdict is Verdict.FAIL
        assert "comes from mallory, and only App 15368 counts" in result.findings[0].message
        both = facts(policy=settings, required_checks=pinned(), checks=(impostor, check()))
        assert evaluate(both).verdict is Verdict.PASS
        red = facts(
            policy=settings, required_checks=pinned(), checks=(impostor, check("ci", "failure"))
        )
        assert evaluate(red).verdict is Verdict.FAIL
    absent = facts(policy=settings, required_checks=pinned(), checks=(check("else"),))
    assert evaluate(absent).verdict is Verdict.WAIT


def test_a_red_status_of_the_same_name_holds_only_where_all_that_ran_counts() -> None:
    both = (check(), check("ci", "failure", app_id=None))
    required = facts(policy=REQUIRED, required_checks=pinned(), checks=both)
    assert evaluate(required).verdict is Verdict.PASS
    assert evaluate(facts(required_checks=pinned(), checks=both)).verdict is Verdict.FAIL


def test_the_policy_pins_as_well() -> None:
    settings = {"checks": {"apps": {"ci": 4711}}}
    assert evaluate(facts(policy=settings)).verdict is Verdict.FAIL
    assert evaluate(facts(policy=settings, checks=(check(app_id=4711),))).verdict is Verdict.PASS
    # Two rules that name two Apps ask for a run of each.
    both = (check(), check(app_id=4711))
    given = {"policy": settings, "required_checks": pinned()}
    assert evaluate(facts(**given, checks=both)).verdict is Verdict.PASS
    assert evaluate(facts(**given, checks=both[:1])).verdict is Verdict.FAIL


def test_a_status_satisfies_where_no_app_is_pinned() -> None:
    given = facts(policy=REQUIRED, required_checks=pinned(None), checks=(check(app_id=None),))
    assert evaluate(given).verdict is Verdict.PASS


def test_the_newest_run_of_a_name_and_app_counts() -> None:
    old_red, new_green = check("ci", "failure", minutes_ago=9), check(minutes_ago=1)
    assert evaluate(facts(checks=(old_red, new_green))).verdict is Verdict.PASS
    again = check("ci", "", minutes_ago=0.5)
    assert evaluate(facts(checks=(again, new_green))).verdict is Verdict.WAIT
    # Another App's run of that name is another check.
    assert (
        evaluate(facts(checks=(new_green, check("ci", "failure", app_id=2)))).verdict
        is Verdict.FAIL
    )
    # At the same moment the worse of two counts.
    tie = (check("ci", "failure"), check())
    assert evaluate(facts(checks=tie)).verdict is Verdict.FAIL
    assert evaluate(facts(checks=tie[::-1])).verdict is Verdict.FAIL


def test_our_own_check_is_left_out() -> None:
    own = check("lockgate/promotion", "failure")
    assert evaluate(facts(checks=(own, check()))).verdict is Verdict.PASS
    required = (RequiredCheck("lockgate/promotion"), RequiredCheck("ci"))
    assert evaluate(facts(policy=REQUIRED, required_checks=required)).verdict is Verdict.PASS
    assert evaluate(facts(checks=(own,))).verdict is Verdict.WAIT


def test_a_hostile_name_stays_one_short_line() -> None:
    result = evaluate(facts(checks=(check(HOSTILE, "failure"),)))
    assert result.verdict is Verdict.FAIL
    assert "\n" not in result.summary
    assert len(result.summary) < 120
    assert "evil.test" in result.findings[0].subject


def test_the_evidence_names_every_check_with_its_source() -> None:
    (ci,) = evaluate(facts()).evidence["checks"]
    assert (ci["name"], ci["verdict"], ci["app_id"], ci["source"]) == (
        "ci",
        "pass",
        ACTIONS,
        "github-actions",
    )
