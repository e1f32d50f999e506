"""Reviews, tags, releases, deployments, required checks and teams, as clients lean on them."""

import pytest
from sandbox_kit import Listener, as_installation, as_user, client

from bot.sandbox.errors import ApiError
from bot.sandbox.model import Repository
from bot.sandbox.objects import parse_tag
from bot.sandbox.server import Sandbox

AT = "/repos/octo/shop"


def tip(shop: Repository) -> str:
    found = shop.branch("main")
    assert found is not None
    return found


# deployments


async def test_a_deployment_and_its_statuses(github: Sandbox, shop: Repository) -> None:
    async with as_installation(github, shop) as api:
        wanted = {
            "ref": "main", "environment": "production", "payload": {"key": "k"},
            "auto_merge": False, "required_contexts": [], "description": "d",
        }  # fmt: skip
        made = (await api.post(f"{AT}/deployments", json=wanted)).json()
        assert (made["sha"], made["payload"]) == (tip(shop), {"key": "k"})
        assert made["performed_via_github_app"]["id"] == github.app.id
        assert (made["production_environment"], made["transient_environment"]) == (True, False)
        statuses = f"{AT}/deployments/{made['id']}/statuses"
        for state in ("in_progress", "success"):
            answer = await api.post(statuses, json={"state": state, "log_url": "https://x.example"})
            assert answer.status_code == 201
        listed = (await api.get(statuses)).json()
        assert [item["state"] for item in listed] == ["success", "in_progress"]
        assert listed[0]["target_url"] == "https://x.example"


async def test_deployments_are_listed_newest_first_and_filtered(
    github: Sandbox, shop: Repository
) -> None:
    for number in range(3):
        github.create_deployment(shop, "main", environment="preview", task=f"task-{number}")
    last = github.create_deployment(shop, "main")
    async with as_installation(github, shop) as api:
        found = (await api.get(f"{AT}/deployments", params={"per_page": 2})).json()
        assert found[0]["id"] == last.id
        assert len(found) == 2
        query = {"environment": "preview", "task": "task-1"}
        (only,) = (await api.get(f"{AT}/deployments", params=query)).json()
        assert only["task"] == "task-1"


async def test_a_success_retires_earlier_ones_of_its_environment(
    github: Sandbox, shop: Repository
) -> None:
    def deployed(**kind):
        made = github.create_deployment(shop, "main", **kind)
        github.set_deployment_status(made, "success")
        return made

    staging = deployed(environment="staging")
    transient = deployed(transient=True)
    failed = github.create_deployment(shop, "main")
    github.set_deployment_status(failed, "failure")
    first = deployed()
    assert first.state == "success"
    second = deployed()
    kept = [item.state for item in (staging, transient, failed, first, second)]
    assert kept == ["success", "success", "failure", "inactive", "success"]
    third = github.create_deployment(shop, "main")
    github.set_deployment_status(third, "success", auto_inactive=False)
    assert second.state == "success"


async def test_what_github_does_unless_it_is_told_not_to(github: Sandbox, shop: Repository) -> None:
    old = tip(shop)
    github.set_status(shop, old, "ci", "pending")
    async with as_installation(github, shop) as api:
        refused = await api.post(f"{AT}/deployments", json={"ref": old})
        assert refused.status_code == 409
        github.push(shop, "main", "feat: later")
        merged = await api.post(f"{AT}/deployments", json={"ref": old})
        assert (merged.status_code, "id" in merged.json()) == (202, False)
        plain = {"ref": old, "auto_merge": False, "required_contexts": []}
        assert (await api.post(f"{AT}/deployments", json=plain)).status_code == 201


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {"ref": "no-such"}, 422),
        ("", {}, 422),
        ("/7/statuses", {"state": "success"}, 404),
        ("/{id}/statuses", {"state": "done"}, 422),
        ("/{id}/statuses", {"state": "success", "description": "x" * 141}, 422),
    ],
)
async def test_deployments_that_are_refused(
    github: Sandbox, shop: Repository, path: str, body: dict[str, str], status: int
) -> None:
    made = github.create_deployment(shop, "main")
    async with as_installation(github, shop) as api:
        answer = await api.post(f"{AT}/deployments{path.format(id=made.id)}", json=body)
    assert answer.status_code == status
    assert made.statuses == []


@pytest.mark.parametrize(
    ("lost", "method", "path"),
    [
        ("deployments", "GET", "/deployments"),
        ("deployments", "POST", "/deployments"),
        ("contents", "GET", "/releases"),
        ("pull_requests", "GET", "/pulls/1/reviews"),
        ("administration", "GET", "/branches/main/protection/required_status_checks"),
    ],
)
async def test_each_asks_its_permission(
    github: Sandbox, shop: Repository, lost: str, method: str, path: str
) -> None:
    github.open_pull(shop, "feat: x")
    installation = github.installation_of(github.app, shop)
    assert installation is not None
    installation.permissions.pop(lost, None)
    async with as_installation(github, shop) as api:
        answer = await api.request(method, AT + path, json={} if method == "POST" else None)
    assert answer.status_code == 403
    assert answer.json()["message"] == "Resource not accessible by integration"


# reviews


async def test_reviews_as_people_give_them(github: Sandbox, shop: Repository) -> None:
    mona, rosa = github.user("mona"), github.user("rosa")
    pull = github.open_pull(shop, "feat: x", by=mona)
    at = f"{AT}/pulls/{pull.number}/reviews"
    async with as_user(github, rosa) as api:
        made = (await api.post(at, json={"event": "APPROVE"})).json()
        assert (made["state"], made["commit_id"]) == ("APPROVED", pull.head_sha)
        assert (await api.post(at, json={"event": "MAYBE"})).status_code == 422
    async with as_user(github, mona) as api:
        assert (await api.post(at, json={"event": "APPROVE"})).status_code == 422
        assert (await api.post(at, json={"event": "COMMENT", "body": "hm"})).status_code == 200
        states = [item["state"] for item in (await api.get(at)).json()]
    assert states == ["APPROVED", "COMMENTED"]
    github.dismiss_review(pull.reviews[0])
    assert pull.reviews[0].state == "DISMISSED"


# tags and releases


async def test_tags_of_both_kinds(github: Sandbox, shop: Repository) -> None:
    commit = tip(shop)
    assert github.tag(shop, "light") == commit
    annotated = github.tag(shop, "v1.0.0", message="the first")
    assert annotated != commit
    assert shop.git.resolve("v1.0.0") == commit
    github.push(shop, "main", "feat: later")
    assert github.tag(shop, "light") == tip(shop), "a tag can be moved"
    content = shop.git.store.read_kind(annotated, "tag")
    assert content is not None
    assert (parse_tag(content).target, parse_tag(content).message) == (commit, "the first")
    moved = shop.git.reload()
    assert moved == {}, "what is remembered is what stands on disk"
    with pytest.raises(ApiError):
        github.tag(shop, "v2", "no-such")


async def test_a_draft_is_seen_by_writers_only(github: Sandbox, shop: Repository) -> None:
    release = github.create_release(shop, "v1.0.0", draft=True)
    assert "refs/tags/v1.0.0" not in shop.git.refs
    async with as_installation(github, shop, permissions={"contents": "read"}) as api:
        assert (await api.get(f"{AT}/releases")).json() == []
        assert (await api.get(f"{AT}/releases/{release.id}")).status_code == 404
        assert (await api.get(f"{AT}/releases/tags/v1.0.0")).status_code == 404
        github.publish_release(release)
        shown = (await api.get(f"{AT}/releases/tags/v1.0.0")).json()
    assert (shown["id"], shown["draft"]) == (release.id, False)
    assert shop.git.resolve("v1.0.0") == tip(shop)
    with pytest.raises(ApiError):
        github.create_release(shop, "v1.0.0")


# what a branch asks for, and teams


async def test_required_checks_can_be_read_without_being_an_administrator(
    github: Sandbox, shop: Repository
) -> None:
    async with as_installation(github, shop) as api:
        plain = (await api.get(f"{AT}/branches/main")).json()
        assert (plain["protected"], plain["protection"]["enabled"]) == (False, False)
        github.require_checks(shop, "build", ("test", 7))
        ruled = (await api.get(f"{AT}/branches/main")).json()
        assert (ruled["protected"], ruled["protection"]["enabled"]) == (True, False)
        (rule,) = (await api.get(f"{AT}/rules/branches/main")).json()
        checks = rule["parameters"]["required_status_checks"]
        assert checks == [{"context": "build"}, {"context": "test", "integration_id": 7}]
        github.require_checks(shop, "lint", classic=True)
        classic = (await api.get(f"{AT}/branches/main")).json()["protection"]
        assert classic["required_status_checks"]["contexts"] == ["lint"]
        assert (await api.get(f"{AT}/rules/branches/other")).json() == []


async def test_memberships_are_shown_to_the_organisations_own_installation(
    github: Sandbox, shop: Repository
) -> None:
    mona = github.user("mona")
    github.team(shop.owner, "sre", mona)
    github.team(shop.owner, "sre", pending=[github.user("rosa")])
    other = github.create_repository("else/where")
    at = "/orgs/octo/teams/sre/memberships"
    async with as_installation(github, shop) as api:
        assert (await api.get(f"{at}/mona")).json()["state"] == "active"
        assert (await api.get(f"{at}/rosa")).json()["state"] == "pending"
        assert (await api.get(f"{at}/nobody")).status_code == 404
        assert (await api.get("/orgs/mona/teams/sre/memberships/mona")).status_code == 404
    async with as_installation(github, other) as api:
        assert (await api.get(f"{at}/mona")).status_code == 404
    async with client(github) as api:
        assert (await api.get(f"{at}/mona")).status_code == 404


# events


async def test_what_a_promotion_makes_github_tell(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    deployment = github.create_deployment(shop, "main", app=github.app)
    github.set_deployment_status(deployment, "success")
    github.create_release(shop, "v1.0.0")
    github.dispatch(shop, "vercel.deployment.ready", {"id": "dpl_1", "git": {"sha": tip(shop)}})
    await github.hooks.settled()
    assert [name for name in hook.names if name != "push"] == [
        "deployment_status.created",
        "release.created",
        "release.published",
        "release.released",
        "repository_dispatch.vercel.deployment.ready",
    ]
    (dispatched,) = [item for item in hook.received if "dispatch" in item.name]
    assert dispatched.payload["client_payload"]["git"]["sha"] == tip(shop)


async def test_a_dispatched_event_may_not_be_too_large(github: Sandbox, shop: Repository) -> None:
    many = {f"key-{number}": 1 for number in range(11)}
    async with as_installation(github, shop) as api:
        for body in ({}, {"event_type": "x" * 101}, {"event_type": "x", "client_payload": many}):
            assert (await api.post(f"{AT}/dispatches", json=body)).status_code == 422
        assert (await api.post(f"{AT}/dispatches", json={"event_type": "x"})).status_code == 204
