"""Every event that the sandbox sends, held to GitHub's description and to its examples."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openapi import MODULES, Contract, needs_description
from sandbox_kit import Listener, listening

from bot.sandbox.model import Delivery
from bot.sandbox.server import Sandbox

EXAMPLES = MODULES / "@octokit/webhooks-examples/api.github.com/index.json"
pytestmark = [
    needs_description,
    pytest.mark.skipif(
        not EXAMPLES.exists(),
        reason="npm's @octokit/webhooks-examples is not installed (npm install)",
    ),
]
EVENTS = {
    "check_run.completed",
    "check_run.created",
    "check_run.requested_action",
    "check_run.rerequested",
    "check_suite.completed",
    "check_suite.requested",
    "check_suite.rerequested",
    "create",
    "delete",
    "deployment.created",
    "deployment_status.created",
    "installation.created",
    "installation.deleted",
    "installation.new_permissions_accepted",
    "installation.suspend",
    "installation.unsuspend",
    "installation_repositories.added",
    "installation_repositories.removed",
    "issue_comment.created",
    "issue_comment.deleted",
    "issue_comment.edited",
    "merge_group.checks_requested",
    "merge_group.destroyed",
    "pull_request.closed",
    "pull_request.converted_to_draft",
    "pull_request.dequeued",
    "pull_request.edited",
    "pull_request.enqueued",
    "pull_request.opened",
    "pull_request.ready_for_review",
    "pull_request.reopened",
    "pull_request.synchronize",
    "pull_request_review.dismissed",
    "pull_request_review.submitted",
    "push",
    "release.created",
    "release.deleted",
    "release.edited",
    "release.prereleased",
    "release.published",
    "release.released",
    "repository.privatized",
    "repository.publicized",
    "repository.renamed",
    "repository.transferred",
    "repository_dispatch.sample.collected",
    "status",
}
# Present or not by who owns the repository and how the hook is installed, in the examples too
OPTIONAL = {"installation", "organization", "enterprise"}


@pytest.fixture
async def hook() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


async def test_every_event_is_as_described(hook: Listener) -> None:
    async with Sandbox(webhook_url=hook.url, webhook_secret="secret") as github:
        github.app.events += ["create", "delete", "deployment", "pull_request_review"]
        _play(github)
        await github.hooks.settled()
    assert set(hook.names) == EVENTS
    contract = Contract()
    examples = _examples()
    for item in hook.received:
        event = item.headers["x-github-event"]
        contract.payload(event, item.payload)
        like = [keys for name, keys in examples if name == item.name]
        if like:
            assert any(set(item.payload) - OPTIONAL == keys - OPTIONAL for keys in like), item.name
    contract.check()
    assert contract.unused_waivers(webhooks=True) == set()


def _play(github: Sandbox) -> None:
    shop = github.create_repository("octo/shop")
    other = github.create_repository("octo/other")
    mine = github.create_repository("mona/own")
    github.open_pull(mine, "feat: of a person", by=github.user("mona"))
    pull = github.open_pull(shop, "Add search", by=github.user("alice"), body=None)
    github.edit_pull(pull, title="feat: add search", body="why")
    github.push(shop, "next")
    github.edit_pull(pull, base="next")
    github.edit_pull(pull, base="main")
    github.push(shop, pull.head_ref, "feat: more")
    github.push(shop, pull.head_ref, "feat: again", onto="main")
    github.set_draft(pull, True)
    github.set_draft(pull, False)
    github.close(pull)
    github.reopen(pull)
    run = github.create_check(
        shop, github.app, pull.head_sha, "lockgate/commits", conclusion="failure",
        title="t", summary="s", actions=[],
    )  # fmt: skip
    github.press(run, "fix-title")
    github.rerequest_check(run)
    github.rerequest_suite(run.suite)
    comment = github.comment(pull, "hello")
    github.edit_comment(comment, "hello there")
    github.delete_comment(github.comment(pull, "by the App", app=github.app))
    github.set_status(shop, pull.head_sha, "ci", "success")
    review = github.review(pull, "APPROVED", by=github.user("rosa"), body="well done")
    github.dismiss_review(review)
    deployment = github.create_deployment(shop, "main", app=github.app, payload={"key": "k"})
    github.set_deployment_status(deployment, "success", log_url="https://x.example/")
    github.create_release(shop, "v1.0.0-rc.1", prerelease=True)
    release = github.create_release(shop, "v1.0.0", body="notes")
    github.edit_release(release, body="more notes", name="the first")
    github.delete_release(release)
    github.delete_tag(shop, "v1.0.0")
    github.dispatch(shop, "sample.collected", {"id": "dpl_1"})
    ghost = github.open_pull(shop, "fix: x", by=github.user("soon-gone"))
    github.delete_account(github.user("soon-gone"))
    fork = github.fork(shop, github.user("fan"))
    from_fork = github.open_pull(shop, "fix: y", "fix: y", head="y", fork=fork)
    github.delete_repository(fork)
    github.comment(ghost, "who")
    github.close(from_fork)
    group = github.request_merge_group([pull], "squash")
    github.end_merge_group(shop, group, "invalidated")
    group = github.request_merge_group([pull, ghost], "merge")
    github.end_merge_group(shop, group)
    github.push(shop, "gone")
    github.delete_branch(shop, "gone")
    github.set_private(other, True)
    github.set_private(other, False)
    github.rename(other, "another")
    github.rename(mine, "octo/own")
    [installation, _] = list(github.installations.values())
    github.select_repositories(installation, add=[other])
    github.select_repositories(installation, remove=[other])
    github.suspend(installation)
    github.unsuspend(installation)
    github.accept_permissions(installation)
    github.uninstall(installation)


def _examples() -> list[tuple[str, set[str]]]:
    found = []
    for event in json.loads(EXAMPLES.read_text(encoding="utf-8")):
        for example in event["examples"]:
            action = example.get("action")
            found.append((f"{event['name']}.{action}" if action else event["name"], set(example)))
    return found


async def test_a_wrong_payload_is_noticed(hook: Listener) -> None:
    async with Sandbox(webhook_url=hook.url, webhook_secret="secret") as github:
        github.open_pull(github.create_repository("octo/shop"), "feat: x")
        await github.hooks.settled()
    [opened] = [item for item in hook.received if item.name == "pull_request.opened"]
    wrong: dict[str, Any] = json.loads(opened.raw)
    del wrong["pull_request"]["head"]["sha"]
    contract = Contract()
    contract.payload("pull_request", wrong)
    [problem] = contract.problems
    assert "sha" in problem


async def test_deliveries_are_recorded(hook: Listener) -> None:
    seen: list[Delivery] = []
    async with Sandbox(webhook_url=hook.url, webhook_secret="secret") as github:
        github.hooks.on_delivery = seen.append
        github.create_repository("octo/shop")
        await github.hooks.settled()
    assert [(d.event, d.status_code, d.done) for d in seen] == [("installation", 202, True)]
