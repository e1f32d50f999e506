"""Every request of a bot's whole life fits GitHub's own description, and none is missing."""

from pathlib import Path

import pytest
from journey import Journey, Requests, started
from openapi import Contract, needs_description
from processes import environment, lockgate
from production import Production, opened_production
from test_release_pull import release_pulls

from bot.adapters.github.operations import DOCUMENTS, OPERATIONS
from bot.core.policy import POLICY_PATH
from bot.core.render.check import FIX_TITLE
from bot.core.work.deliveries import SweepDeliveries
from bot.engine.app_manifest import load_manifest, manifest_form
from bot.engine.doctor import examine
from bot.sandbox.code import CommitSpec
from bot.sandbox.server import Sandbox
from bot.wiring.doctor import open_doctor
from bot.wiring.github import convert_manifest

pytestmark = needs_description
MANY_PROBLEMS = "".join(f"unknown_{number}: true\n" for number in range(60))

OF_COMMANDS = {
    "GET /orgs/{org}/teams/{team_slug}/memberships/{username}",
    "GET /rate_limit",
    "GET /repos/{owner}/{repo}/branches/{branch}",
    "GET /repos/{owner}/{repo}/deployments",
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "GET /repos/{owner}/{repo}/rules/branches/{branch}",
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/deployments",
    "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
    "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "all_checks",
    "commit_by_name",
    "policy_files",
    "pull_facts",
    "recent_comments",
    "reviews",
    "trunk",
}
"""Asked for commands in comments and for promotions, which the first life does not have."""

OF_RELEASES = {
    "DELETE /repos/{owner}/{repo}/releases/{release_id}",
    "GET /repos/{owner}/{repo}/commits/{ref}",
    "GET /repos/{owner}/{repo}/git/blobs/{file_sha}",
    "GET /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/releases",
    "GET /repos/{owner}/{repo}/releases/tags/{tag}",
    "PATCH /repos/{owner}/{repo}/releases/{release_id}",
    "POST /repos/{owner}/{repo}/git/commits",
    "POST /repos/{owner}/{repo}/git/refs",
    "POST /repos/{owner}/{repo}/git/trees",
    "POST /repos/{owner}/{repo}/merges",
    "POST /repos/{owner}/{repo}/pulls",
    "POST /repos/{owner}/{repo}/releases",
    "branch_base",
    "files_at",
    "folders_at",
    "move_branch",
    "ref_target",
    "release_commits",
    "release_history",
    "release_line",
}
"""Asked for releases, which it does not have either: each is exercised in tests/github."""

PROMOTIONS = """\
environments:
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [source, checks, deployment, approvals, freeze, lock]
    approvals: {count: 1}
    teams: [deployers]
    on_release: promote
release: {kind: go}
"""
ELSEWHERE = {
    "GET /rate_limit",
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
}
"""Of those for commands: the first is asked when GitHub seems away, the others from a terminal."""


async def make_an_app(journey: Journey) -> None:
    """``lockgate setup``, once GitHub has sent the browser back."""
    github, settings = journey.github, journey.bot.settings
    url = settings.public_url
    manifest = manifest_form(load_manifest(), name="second", public_url=url, redirect_url=url)
    code = github.agree_to_manifest(manifest, owner=github.user("octo-owner"))
    assert (await convert_manifest(settings, code)).private_key


async def examine_it(journey: Journey) -> None:
    """``lockgate doctor``."""
    async with open_doctor(journey.bot.settings) as subject:
        assert [check async for check in examine(subject)]


async def live(journey: Journey) -> None:
    """Pull requests of each kind come and go."""
    github = journey.github
    mona = github.user("mona")
    repository = journey.shop()
    github.set_role(repository, mona, "write")

    small = github.open_pull(repository, "Add search", by=mona)
    await journey.rest()
    github.edit_pull(small, title="Add a search")
    await journey.rest()
    (summary,) = journey.comments_of(small)
    github.comment(small, summary.body, app=github.app)
    github.press(journey.check_of(small), FIX_TITLE, by=mona)
    await journey.rest()
    assert small.title == "feat: add a search"
    github.request_merge_group([small], "squash")
    await journey.rest()
    github.rerequest_suite(journey.check_of(small).suite)

    large = github.open_pull(repository, "feat: more", *(f"feat: part {n}" for n in range(130)))
    github.open_pull(repository, "feat: most", *(f"feat: part {n}" for n in range(251)))
    for number in range(60):
        github.comment(large, f"I was here, {number}.", by=mona)
    await journey.rest()

    change = CommitSpec("chore: break the policy", {POLICY_PATH: MANY_PROBLEMS})
    github.push(repository, "main", change)
    await journey.rest()
    assert len(journey.check_of(small).annotations) == 50


async def fetch_what_was_missed(journey: Journey) -> None:
    journey.github.hooks.faults.drop("pull_request*")
    repository = journey.github.find_repository("octo/shop")
    journey.github.open_pull(repository, "feat: missed")
    await journey.rest()
    await journey.bot.store.enqueue(SweepDeliveries())
    await journey.rest()


async def press_after_a_restart(github: Sandbox, requests: Requests, home: Path, url: str) -> None:
    """A bot that has seen no name yet looks it up before it writes by it."""
    async with started(github, requests, home, url) as journey, journey.working():
        pull = next(iter(github.find_repository("octo/shop").pulls.values()))
        github.press(journey.check_of(pull), FIX_TITLE, by=github.user("mona"))
        await journey.rest()


async def promote(production: Production) -> None:
    """Promotions that are refused, forced, taken back and led to by a release."""
    github, repository, journey = production.github, production.repository, production.journey
    policy = CommitSpec("chore: release", {POLICY_PATH: PROMOTIONS, "go.mod": "module shop\n"})
    github.push(repository, "main", policy)
    first = production.merged("feat: add search")
    assert "refused" in await production.say(first, "/promote")
    await production.say(first, "/override approvals nobody else is awake")
    assert await production.served() == first.merge_commit_sha
    second = production.opened("fix: round prices")
    github.review(second, "APPROVED", by=github.user("ada"), body="well done")
    github.merge(second, "squash", by=github.user("ada"))
    production.green(second)
    assert "Live:" in await production.say(second, "/promote")
    assert "Rolled back" in await production.say(second, "/rollback")
    for line in ("/status", "/gates", "/lock the database is moved", "/unlock"):
        assert await production.say(second, line)
    production.vercel.plan_job(production.project, "failed")
    await production.say(second, "/promote")
    assert "Live:" in await production.say(second, "/promote")
    (pull,) = release_pulls(repository)
    github.review(pull, "APPROVED", by=github.user("ada"))
    github.merge(pull, "squash", by=github.user("ada"))
    production.green(pull)
    await journey.rest()
    assert [release.tag_name for release in repository.releases.values()] == ["v0.1.0"]
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha


@pytest.mark.slow
async def test_a_life_of_promotions_is_as_github_describes_it(database_url: str, tmp_path: Path):
    contract = Contract()
    async with (
        opened_production(database_url, tmp_path, on_exchange=contract) as production,
        production.journey.working(),
    ):
        await promote(production)
        queries = {
            exchange.request["query"]
            for exchange in production.journey.requests.seen
            if exchange.path == "/graphql"
        }
    contract.check()
    asked = contract.exercised_by("lockgate")
    asked |= {document.name for document in DOCUMENTS if document.text in queries}
    assert OF_COMMANDS - asked == ELSEWHERE


@pytest.mark.slow
async def test_a_bots_whole_life_is_as_github_describes_it(database_url: str, tmp_path: Path):
    contract = Contract()
    requests = Requests(on_exchange=contract)
    async with Sandbox(on_exchange=requests) as github:
        async with started(github, requests, tmp_path, database_url) as journey:
            async with journey.working():
                await live(journey)
                await fetch_what_was_missed(journey)
            await make_an_app(journey)
            await examine_it(journey)
        await press_after_a_restart(github, requests, tmp_path, database_url)
        await lockgate("explain", "octo/shop#1", env=environment(tmp_path, github))
    contract.check()
    asked = contract.exercised_by("lockgate") - {"POST /graphql"}
    declared = {operation.route for operation in OPERATIONS}
    assert asked - declared == set()
    assert declared - asked - OF_COMMANDS - OF_RELEASES == set()
    queries = {e.request["query"] for e in requests.seen if e.path == "/graphql"}
    assert queries - {document.text for document in DOCUMENTS} == set()
    unasked = {document.name for document in DOCUMENTS if document.text not in queries}
    assert unasked - OF_COMMANDS - OF_RELEASES == set()
