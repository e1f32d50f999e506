"""Answers about commands and promotions that a sandbox gives no reason for: what is left out is
unread, never "there is none"."""

from typing import Any

import pytest

from bot.adapters.github.command_reading import (
    pick_commit,
    read_check_states,
    read_commit_facts,
    read_protected_checks,
    read_pull_facts,
    read_ruled_checks,
)
from bot.core.model import GHOST, PullRef, RepoRef
from bot.core.promotion import RequiredCheck
from bot.ports import HubGone, HubRefused


def branch(**more: Any) -> dict[str, Any]:
    return {"name": "main", "protected": True, **more}


@pytest.mark.parametrize(
    ("found", "required"),
    [
        (branch(protected=False), set()),
        (branch(protection={"enabled": False}), set()),
        (
            branch(
                protection={
                    "enabled": True,
                    "required_status_checks": {
                        "enforcement_level": "off",
                        "contexts": ["a"],
                        "checks": [],
                    },
                }
            ),
            set(),
        ),
        (
            branch(
                protection={
                    "enabled": True,
                    "required_status_checks": {
                        "enforcement_level": "everyone",
                        "contexts": ["a", "b", "c"],
                        "checks": [
                            {"context": "a", "app_id": -1},
                            {"context": "b", "app_id": 7},
                            {"context": "d", "app_id": None},
                        ],
                    },
                }
            ),
            {
                RequiredCheck("a"),
                RequiredCheck("b", 7),
                RequiredCheck("c"),
                RequiredCheck("d"),
            },
        ),
    ],
)
def test_what_protection_requires(found: dict[str, Any], required: set[RequiredCheck]) -> None:
    assert read_protected_checks(found) == required


@pytest.mark.parametrize("kept", [{}, {"protection": None}, {"protection": {"enabled": True}}])
def test_a_protection_without_its_checks_is_unread(kept: dict[str, Any]) -> None:
    with pytest.raises(HubRefused, match="which checks the branch main requires"):
        read_protected_checks(branch(**kept))


def test_a_ruleset_without_its_checks_is_unread() -> None:
    other = {"type": "pull_request", "parameters": {}}
    assert read_ruled_checks([other, {"type": "deletion"}]) == set()
    with pytest.raises(HubRefused, match="which checks a ruleset requires"):
        read_ruled_checks([other, {"type": "required_status_checks"}])


def test_a_check_that_is_listed_and_not_shown_is_unread() -> None:
    with pytest.raises(HubRefused, match="does not show"):
        read_check_states([None])


def run(**more: Any) -> dict[str, Any]:
    return {
        "__typename": "CheckRun",
        "databaseId": 1,
        "name": "build",
        "status": "COMPLETED",
        "conclusion": "SUCCESS",
        "startedAt": None,
        "url": "https://ci.example/1",
        "checkSuite": {"app": {"databaseId": 7, "slug": "ci"}},
        **more,
    }


def test_the_newest_is_told_by_its_id_not_by_the_time_that_it_claims() -> None:
    old = run(startedAt="2099-01-01T00:00:00Z")
    new = run(databaseId=2, conclusion="FAILURE", startedAt="2026-01-01T00:00:00Z")
    for nodes in ([old, new], [new, old]):
        (state,) = read_check_states(nodes)
        assert state.conclusion == "failure"


def test_a_run_of_an_app_that_is_gone_is_pinned_to_none() -> None:
    (state,) = read_check_states([run(checkSuite={"app": None})])
    assert (state.app_id, state.app) == (None, "")


@pytest.mark.parametrize(
    ("given", "conclusion"),
    [("STARTUP_FAILURE", "startup_failure"), ("STALE", "stale"), (None, "")],
)
def test_a_conclusion_keeps_its_name(given: str | None, conclusion: str) -> None:
    (state,) = read_check_states([run(conclusion=given)])
    assert (state.completed, state.conclusion) == (True, conclusion)


def test_a_trial_merge_is_no_merge() -> None:
    node = {
        "title": "feat: x", "author": None, "state": "OPEN",
        "headRefName": "x", "headRefOid": "1" * 40,
        "headRepository": {"databaseId": 2}, "baseRefName": "main", "mergeCommit": {"oid": "2"},
    }  # fmt: skip
    ref = PullRef(RepoRef(1, 2, "octo", "shop"), 3)
    found = read_pull_facts(ref, {"pullRequest": node, "isPrivate": True})
    assert (found.merged, found.merge_sha, found.author) == (False, None, GHOST)
    assert (found.private, found.from_fork) == (True, False)


def merged(number: int, repository: int, merge: str) -> dict[str, Any]:
    return {
        "number": number, "state": "MERGED", "baseRefName": "main",
        "mergeCommit": {"oid": merge}, "repository": {"databaseId": repository},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pulls", "number"),
    [
        ([merged(1, 2, "b" * 40), merged(7, 2, "a" * 40)], 7),
        ([merged(1, 2, "b" * 40)], 1),
        ([merged(1, 99, "a" * 40)], 0),
        ([None], 0),
    ],
    ids=["the one whose merge it is", "one that holds it", "of another repository", "not shown"],
)
def test_the_pull_request_that_brought_a_commit(pulls: list[Any], number: int) -> None:
    node = {
        "oid": "a" * 40, "message": "feat: x", "parents": {"totalCount": 1}, "author": None,
        "associatedPullRequests": {"nodes": pulls},
    }  # fmt: skip
    nothing = {"tag": None, "release": None, "releases": None, "tags": None}
    repo = RepoRef(1, 2, "octo", "shop")
    found = read_commit_facts(repo, "main", nothing, node, trunk="main", on_trunk=True)
    assert (found.pull_number, found.tag, found.released) == (number, "", False)


def test_a_tag_of_a_tag_names_no_commit() -> None:
    target = {"__typename": "Tag", "oid": "1", "target": {"__typename": "Tag", "oid": "2"}}
    with pytest.raises(HubGone, match="names no commit"):
        pick_commit("v1", {"tag": {"target": target}, "branch": None})
