"""The gate on the build."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from promotion_kit import NOW, OTHER, candidate, deployment, facts, said

from bot.core.decision import Verdict
from bot.core.gates.deployment import evaluate
from bot.core.hosting import BuildState, HostProject
from bot.core.promotion import Unread, pick_build

PREVIEW = (
    "fail",
    "`3f2c1aa` has only a preview build: promoting it would build it anew, as another build",
    "have Vercel build `3f2c1aa` for production, then promote that",
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("pass", "`dpl_1` is ready, built from `3f2c1aa`", "")),
        (
            {"deployments": (deployment(state=BuildState.BUILDING),)},
            ("wait", "`dpl_1` is being built, for 20 min", "wait for Vercel"),
        ),
        (
            {"deployments": (deployment(state=BuildState.QUEUED),)},
            ("wait", "`dpl_1` is queued, for 20 min", "wait for Vercel"),
        ),
        (
            {"deployments": (deployment(state=BuildState.FAILED),)},
            ("fail", "`dpl_1` failed", "look at its log, mend it and merge"),
        ),
        (
            {"deployments": (deployment(state=BuildState.CANCELED),)},
            ("fail", "`dpl_1` was cancelled", "have it built again"),
        ),
        (
            {"deployments": (deployment(state=BuildState.BLOCKED),)},
            ("fail", "`dpl_1` is blocked by the host", "see there what blocks it"),
        ),
        (
            {"deployments": (deployment(state=BuildState.DELETED),)},
            ("fail", "`dpl_1` was deleted", "have it built again"),
        ),
        ({"deployments": (deployment(production=False),)}, PREVIEW),
        (
            {
                "deployments": (deployment(production=False),),
                "candidate": candidate(build={"deployment_id": "dpl_1"}),
            },
            PREVIEW,
        ),
        (
            {"deployments": (deployment(sha=OTHER), deployment(sha=None))},
            (
                "wait",
                "Vercel has no build of `3f2c1aa` yet",
                "wait for it; if none comes, have Vercel build `3f2c1aa` for production",
            ),
        ),
        (
            {"candidate": candidate(build={"deployment_id": "dpl_9"})},
            ("fail", "Vercel has no build `dpl_9` of `3f2c1aa`", "name a build of `3f2c1aa`"),
        ),
        (
            {"deployments": (deployment(checks_failed=True),)},
            (
                "fail",
                "Vercel's own checks of `dpl_1` failed",
                "see at Vercel which one, and mend it",
            ),
        ),
        (
            {"deployments": (deployment(checks_running=True),)},
            ("wait", "Vercel's own checks of `dpl_1` are running", "wait for them"),
        ),
        (
            {"deployments": Unread("Vercel answered 503")},
            (
                "error",
                "Vercel's builds could not be read: Vercel answered 503",
                "see that Vercel answers, then run the command again",
            ),
        ),
        (
            {"project": Unread("the token has expired")},
            (
                "error",
                "Vercel's project could not be read: the token has expired",
                "see that Vercel answers, then run the command again",
            ),
        ),
    ],
)
def test_what_is_said(given: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert said(evaluate(facts(**given))) == expected


def test_every_state_of_a_build_has_an_answer() -> None:
    for state in BuildState:
        verdict = evaluate(facts(deployments=(deployment(state=state),))).verdict
        assert (verdict is Verdict.PASS) == (state is BuildState.READY)


def test_a_project_that_needs_no_gate_says_so_loudly() -> None:
    result = evaluate(facts(project=HostProject("prj_1", "shop", auto_assigns=True)))
    assert said(result) == (
        "pass",
        "`dpl_1` is ready, but Vercel puts builds live by itself: this gate holds nothing yet",
        "switch off “Auto-assign Custom Production Domains” in the project's settings",
    )
    (finding,) = result.findings
    assert (finding.subject, finding.rule) == ("project shop", "deployment/auto-assigned")
    assert result.evidence["auto_assigns"] is True


def test_a_workflow_s_build_is_github_s() -> None:
    given = facts(deployments=())
    home = {"vercel": None, "workflow": {"environment": "live", "domain": "shop.example.com"}}
    policy = type(given.policy).model_validate(home)
    assert evaluate(replace(given, policy=policy)).summary == "GitHub has no build of `3f2c1aa` yet"


def test_a_build_that_is_ready_is_preferred_then_the_newest() -> None:
    sha = deployment().sha
    assert sha is not None
    old = deployment(id="old", created_at=NOW - timedelta(hours=1))
    new = deployment(id="new")
    failed = deployment(id="failed", state=BuildState.FAILED, created_at=NOW)
    unsound = deployment(id="unsound", checks_failed=True, created_at=NOW)
    preview = deployment(id="preview", production=False, created_at=NOW)
    foreign = deployment(id="foreign", sha=OTHER, created_at=NOW)
    builds = [preview, failed, foreign, old, unsound, new]
    assert pick_build(builds, sha) == pick_build(builds[::-1], sha) == new
    assert pick_build([failed, unsound], sha) == unsound
    assert pick_build([preview, foreign], sha) is None
    assert evaluate(facts(deployments=tuple(builds))).evidence["chosen"] == "new"
