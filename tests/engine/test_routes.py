"""Which work a delivery hints at; and that no payload, however odd, is an error."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.commands.grammar import body_digest
from bot.core.work.observations import ObserveEnvironment
from bot.core.work.promotions import PromoteRelease, ReconcilePromotion, RejudgePromotion
from bot.core.work.pulls import (
    FixTitle,
    ReconcileMergeGroup,
    ReconcilePullRequest,
    RerunHead,
    RerunPullRequest,
    RunCommand,
)
from bot.core.work.releases import (
    ReconcileLine,
    ReconcileRelease,
    RefreshRelease,
    ReplanRelease,
    RerunRelease,
)
from bot.core.work.repositories import LocateRepository, ReconcileInstallation, ReconcileRepository
from bot.core.work.schemas import RefreshMigrations
from bot.engine.routes import hidden_in, is_routed, place_in, route

HEAD = "a" * 40
BASE = "b" * 40
REPO = {"installation_id": 7, "repository_id": 42, "owner": "octo", "name": "shop"}
ENVELOPE = {
    "installation": {"id": 7},
    "repository": {"id": 42, "full_name": "octo/shop", "default_branch": "main"},
    "sender": {"id": 5, "login": "mona", "type": "User"},
}


MERGED = {"merged_at": "2026-01-01T00:00:00Z"}


def payload(**fields):
    return {**copy.deepcopy(ENVELOPE), **fields}


def push(ref="refs/heads/main", *, forced=False, deleted=False, **changed):
    commit = {"added": [], "modified": [], "removed": [], **changed}
    return payload(ref=ref, forced=forced, deleted=deleted, commits=[commit])


def check_run(pulls=(), branch="topic"):
    return {
        "head_sha": HEAD,
        "check_suite": {"head_branch": branch},
        "pull_requests": [
            {"number": number, "base": {"repo": {"id": repo}}} for number, repo in pulls
        ],
    }


def comment(body, *, pull=MERGED):
    return payload(issue={"number": 12, "pull_request": pull}, comment={"id": 77, "body": body})


QUEUE_BRANCH = f"gh-readonly-queue/release/1.x/pr-12-{BASE}"

CASES = {
    **{
        f"pull_request {action}": (
            "pull_request",
            action,
            payload(number=12),
            [ReconcilePullRequest(**REPO, number=12)],
        )
        for action in (
            "opened",
            "edited",
            "synchronize",
            "reopened",
            "ready_for_review",
            "converted_to_draft",
            "closed",
        )
    },
    "a label changes nothing": ("pull_request", "labeled", payload(number=12), []),
    "no installation": ("pull_request", "opened", {**payload(number=1), "installation": None}, []),
    "no repository": ("pull_request", "opened", {**payload(number=1), "repository": None}, []),
    "a name that is a path": (
        "pull_request",
        "opened",
        {**payload(number=1), "repository": {"id": 42, "full_name": "octo/../user"}},
        [],
    ),
    "an id beyond the database": (
        "pull_request",
        "opened",
        {**payload(number=1), "repository": {"id": 2**63, "full_name": "octo/shop"}},
        [],
    ),
    "a number that is a truth": ("pull_request", "opened", payload(number=True), []),
    "push of the policy": (
        "push",
        "",
        push(modified=[".github/lockgate.yml"]),
        [
            RejudgePromotion(**REPO),
            ReplanRelease(**REPO),
            ReconcileRepository(**REPO, base_ref="main"),
        ],
    ),
    "push of the policy to another branch": (
        "push",
        "",
        push("refs/heads/release/1.x", added=[".github/lockgate.yml"]),
        [
            ReconcileLine(**REPO, branch="release/1.x"),
            ReconcileRepository(**REPO, base_ref="release/1.x"),
        ],
    ),
    "push that removes the policy": (
        "push",
        "",
        push(removed=[".github/lockgate.yml"]),
        [
            RejudgePromotion(**REPO),
            ReplanRelease(**REPO),
            ReconcileRepository(**REPO, base_ref="main"),
        ],
    ),
    "push of the organisation's policy": (
        "push",
        "",
        {
            **push(modified=[".github/lockgate.yml"]),
            "repository": {"id": 43, "full_name": "octo/.github", "default_branch": "main"},
        },
        [
            RejudgePromotion(**{**REPO, "repository_id": 43, "name": ".github"}),
            ReplanRelease(**{**REPO, "repository_id": 43, "name": ".github"}),
            ReconcileInstallation(7),
        ],
    ),
    "push of anything else": (
        "push",
        "",
        push(modified=["src/app.py"]),
        [ReconcilePromotion(**REPO), ReconcileRelease(**REPO)],
    ),
    "push of a migration": (
        "push",
        "",
        push(added=["db/20260101000000_a.sql"]),
        [ReconcilePromotion(**REPO), ReconcileRelease(**REPO), RefreshMigrations(**REPO)],
    ),
    "push of a migration to another branch": (
        "push",
        "",
        push("refs/heads/topic", added=["db/20260101000000_a.sql"]),
        [ReconcileLine(**REPO, branch="topic")],
    ),
    "forced push to the trunk": (
        "push",
        "",
        push(forced=True),
        [
            RejudgePromotion(**REPO),
            ReplanRelease(**REPO),
            ReconcileRepository(**REPO, base_ref="main"),
        ],
    ),
    "forced push to a topic": (
        "push",
        "",
        push("refs/heads/topic", forced=True),
        [ReconcileLine(**REPO, branch="topic")],
    ),
    "a release's branch deleted": (
        "push",
        "",
        push("refs/heads/lockgate/release/main", deleted=True),
        [ReconcileRelease(**REPO)],
    ),
    "re-run of a release's check": (
        "check_run",
        "rerequested",
        payload(check_run={"name": "lockgate/release", "head_sha": HEAD}),
        [RerunRelease(**REPO, head_sha=HEAD)],
    ),
    "re-run of all on the trunk": (
        "check_suite",
        "rerequested",
        payload(check_suite={"head_branch": "main", "head_sha": HEAD}),
        [RerunRelease(**REPO, head_sha=HEAD), RerunHead(**REPO, head_sha=HEAD)],
    ),
    "push to a release's branch": ("push", "", push("refs/heads/lockgate/release/main"), []),
    "push of a merge queue": ("push", "", push("refs/heads/gh-readonly-queue/main/pr-1-a"), []),
    "push of a tag": (
        "push",
        "",
        push("refs/tags/v1", modified=[".github/lockgate.yml"]),
        [ReconcileRelease(**REPO)],
    ),
    "a branch that is gone": (
        "push",
        "",
        push(deleted=True, removed=[".github/lockgate.yml"]),
        [],
    ),
    "re-run of a check": (
        "check_run",
        "rerequested",
        payload(check_run=check_run([(12, 42)])),
        [RerunPullRequest(**REPO, number=12)],
    ),
    "re-run names a pull request of another repository too": (
        "check_run",
        "rerequested",
        payload(check_run=check_run([(3, 99), (12, 42)])),
        [RerunPullRequest(**REPO, number=12)],
    ),
    "re-run on a fork's commit": (
        "check_run",
        "rerequested",
        payload(check_run=check_run()),
        [RerunHead(**REPO, head_sha=HEAD)],
    ),
    "re-run in a merge queue": (
        "check_run",
        "rerequested",
        payload(check_run=check_run(branch=QUEUE_BRANCH)),
        [ReconcileMergeGroup(**REPO, head_sha=HEAD, base_sha=BASE, base_ref="release/1.x")],
    ),
    "re-run of all checks": (
        "check_suite",
        "rerequested",
        payload(
            check_suite={
                "head_sha": HEAD,
                "head_branch": None,
                "pull_requests": [{"number": 12, "base": {"repo": {"id": 42}}}],
            }
        ),
        [RerunPullRequest(**REPO, number=12)],
    ),
    "a check that somebody else completed": (
        "check_run",
        "completed",
        payload(check_run={**check_run([(12, 42)]), "name": "test"}),
        [ReconcilePromotion(**REPO)],
    ),
    "a check that we completed": (
        "check_run",
        "completed",
        payload(check_run={**check_run([(12, 42)]), "name": "lockgate/commits"}),
        [],
    ),
    "a command in a comment": (
        "issue_comment",
        "created",
        comment("/promote"),
        [
            RunCommand(
                **REPO,
                number=12,
                comment_id=77,
                actor_id=5,
                body_digest=body_digest("/promote"),
                received_at=0.0,
            )
        ],
    ),
    "a comment without a command": ("issue_comment", "created", comment("see a/b"), []),
    "an edited comment": ("issue_comment", "edited", comment("/promote"), []),
    "a comment on a plain issue": ("issue_comment", "created", comment("/help", pull=None), []),
    "a release": (
        "release",
        "published",
        payload(release={"tag_name": "v1.5.0"}),
        [
            ReconcilePromotion(**REPO),
            ReconcileRelease(**REPO),
            PromoteRelease(**REPO, tag="v1.5.0", actor_id=5, actor_login="mona"),
        ],
    ),
    "a release deleted by hand": (
        "release",
        "deleted",
        payload(release={"tag_name": "v1.5.0"}),
        [ReconcileRelease(**REPO)],
    ),
    "a tag deleted by hand": (
        "push",
        "",
        {**push("refs/tags/v1.5.0"), "deleted": True},
        [ReconcileRelease(**REPO)],
    ),
    "the release pull request": (
        "pull_request",
        "closed",
        payload(
            number=12, pull_request={"head": {"ref": "lockgate/release/main", "repo": {"id": 42}}}
        ),
        [ReconcilePullRequest(**REPO, number=12), ReconcileRelease(**REPO)],
    ),
    "a fork's branch of the same name": (
        "pull_request",
        "closed",
        payload(
            number=12, pull_request={"head": {"ref": "lockgate/release/main", "repo": {"id": 43}}}
        ),
        [ReconcilePullRequest(**REPO, number=12)],
    ),
    "a build at the host": (
        "repository_dispatch",
        "vercel.deployment.ready",
        payload(),
        [ReconcilePromotion(**REPO), ObserveEnvironment(**REPO)],
    ),
    "somebody promoted at the host": (
        "repository_dispatch",
        "vercel.deployment.promoted",
        payload(client_payload={"environment": "production", "git": {"sha": HEAD}}),
        [ReconcilePromotion(**REPO), ObserveEnvironment(**REPO)],
    ),
    "a preview at the host": (
        "repository_dispatch",
        "vercel.deployment.success",
        payload(client_payload={"environment": "preview", "git": {"sha": HEAD}}),
        [ReconcilePromotion(**REPO)],
    ),
    "a build that begins": ("repository_dispatch", "vercel.deployment.pending", payload(), []),
    "a dispatch of somebody's own": ("repository_dispatch", "deploy", payload(), []),
    "Fix title": (
        "check_run",
        "requested_action",
        payload(check_run=check_run(), requested_action={"identifier": "fix_title"}),
        [FixTitle(**REPO, head_sha=HEAD, actor_id=5, actor_login="mona")],
    ),
    "a button that is not ours": (
        "check_run",
        "requested_action",
        payload(check_run=check_run(), requested_action={"identifier": "deploy"}),
        [],
    ),
    "a merge queue's candidate": (
        "merge_group",
        "checks_requested",
        payload(
            merge_group={"head_sha": HEAD, "base_sha": BASE, "base_ref": "refs/heads/release/1.x"}
        ),
        [ReconcileMergeGroup(**REPO, head_sha=HEAD, base_sha=BASE, base_ref="release/1.x")],
    ),
    "a candidate that was dropped": (
        "merge_group",
        "destroyed",
        payload(merge_group={"head_sha": HEAD, "base_sha": BASE, "base_ref": "refs/heads/main"}),
        [],
    ),
    "installed": ("installation", "created", payload(), [ReconcileInstallation(7)]),
    "uninstalled": ("installation", "deleted", payload(), []),
    "repositories added": (
        "installation_repositories",
        "added",
        payload(repositories_added=[{"id": 42, "full_name": "octo/shop"}, None]),
        [LocateRepository(**REPO), ReconcileRepository(**REPO), RefreshRelease(**REPO)],
    ),
    "renamed": ("repository", "renamed", payload(), [LocateRepository(**REPO)]),
    "transferred": ("repository", "transferred", payload(), [LocateRepository(**REPO)]),
    "made private": ("repository", "privatized", payload(), [LocateRepository(**REPO)]),
    "made public": ("repository", "publicized", payload(), [LocateRepository(**REPO)]),
    "archived": ("repository", "archived", payload(), []),
    "an event that is not known": ("gollum", "", payload(), []),
}


@pytest.mark.parametrize(("event", "action", "body", "expected"), CASES.values(), ids=CASES.keys())
def test_route(event, action, body, expected):
    assert route(event, action, body) == expected
    assert is_routed(event, action, body) == bool(expected)


def test_when_a_delivery_came_in_is_carried_along_but_is_no_part_of_the_key():
    (early,) = route("pull_request", "opened", payload(number=12), received_at=1.0)
    (late,) = route("pull_request", "edited", payload(number=12), received_at=2.0)
    assert early.received_at == 1.0
    assert early.key == late.key


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@st.composite
def broken(draw):
    """A good delivery in which one place holds something else."""
    event, action, body, _ = draw(st.sampled_from(list(CASES.values())))
    body = copy.deepcopy(body)
    place = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and draw(st.booleans()):
            place = inner
            continue
        place[key] = draw(json_values)
        return event, action, body


@given(broken())
def test_whatever_stands_in_a_field_is_never_an_error(delivery):
    event, action, body = delivery
    for work in route(event, action, body):
        assert work.key


def test_what_is_said_to_be_private_is_to_be_hidden():
    assert hidden_in("repository", "privatized", payload()) == 42
    assert hidden_in("repository", "publicized", payload()) == 0
    assert hidden_in("repository", "privatized", {"repository": {"id": True}}) == 0


def test_the_place_that_a_delivery_tells_of():
    assert place_in(payload()) == LocateRepository(**REPO)
    assert place_in({"installation": {"id": 7}, "repository": {"id": 42}}) is None
