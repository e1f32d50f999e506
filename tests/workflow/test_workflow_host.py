"""The second host: GitHub deployments that a workflow carries out, on a whole GitHub."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from openapi import described, needs_description

from bot.adapters.domain import DomainReader
from bot.adapters.github.hub import GitHubHub
from bot.adapters.workflow.deployments import LIST_STATUSES, GitHubDeployments
from bot.adapters.workflow.host import WorkflowHost, job_state
from bot.core.hosting import BuildState, HostJobState, HostTarget
from bot.core.model import RepoRef, Sha
from bot.ports.host import HostGone, HostRefused, HostUnavailable
from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox, serve
from bot.wiring.clock import CLOCK

TARGET = HostTarget("github", "production", "shop.example.com")


@dataclass
class Place:
    github: Sandbox
    shop: Repository
    repo: RepoRef
    host: WorkflowHost
    served: dict[str, object]
    """What the production domain answers at its mark."""
    asked: list[str] = field(default_factory=list)

    @property
    def first(self) -> Sha:
        sha = self.shop.branch("main")
        assert sha is not None
        return Sha(sha)

    def report(self, *states: str) -> None:
        """What the team's workflow does with the newest deployment."""
        newest = list(self.shop.deployments.values())[-1]
        for state in states:
            self.github.set_deployment_status(newest, state)


@asynccontextmanager
async def opened() -> AsyncIterator[Place]:
    served: dict[str, object] = {}
    asked: list[str] = []

    async def domain(scope, receive, send):  # type: ignore[no-untyped-def]
        asked.append(scope["path"])
        body = json.dumps(served).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async with Sandbox() as github, serve(domain) as site:
        shop = github.create_repository("octo/shop", files={"README.md": "# Shop"})
        github.install(github.app, shop.owner)
        hub = GitHubHub.connect(
            app_id=github.app.id,
            private_key=github.app.private_key,
            api_url=github.url,
            clock=CLOCK,
        )
        installation = github.installation_of(github.app, shop)
        assert installation is not None
        repo = RepoRef(installation.id, shop.id, "octo", "shop")
        domains = DomainReader(stand_in=site)
        host = WorkflowHost(GitHubDeployments(hub.access), domains, CLOCK)
        try:
            yield Place(github, shop, repo, host, served, asked)
        finally:
            await host.aclose()
            await hub.aclose()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with opened() as place:
        yield place


async def test_a_promotion_is_a_deployment_that_a_workflow_reports_on(place: Place) -> None:
    started = datetime.now(UTC).replace(microsecond=0)
    assert await place.host.fetch_job(place.repo, TARGET) is None
    assert not (await place.host.promote(place.repo, TARGET, place.first)).queued
    (made,) = place.shop.deployments.values()
    assert (made.sha, made.task, made.environment) == (place.first, "deploy", "production")
    assert made.payload == {"lockgate": "promote", "sha": place.first}
    states = []
    for report in ((), ("queued",), ("in_progress",), ("success",)):
        place.report(*report)
        job = await place.host.fetch_job(place.repo, TARGET)
        assert job is not None
        assert (job.kind, job.to_deployment) == ("promote", place.first)
        assert job.requested_at >= started
        states.append(job.state)
    assert states == [
        HostJobState.PENDING,
        HostJobState.PENDING,
        HostJobState.IN_PROGRESS,
        HostJobState.SUCCEEDED,
    ]
    assert await place.host.fetch_failed_aliases(place.repo, TARGET, "promote") == ()


async def test_a_rollback_is_told_as_one(place: Place) -> None:
    await place.host.rollback(place.repo, TARGET, place.first, reason="errors")
    (made,) = place.shop.deployments.values()
    assert made.payload == {"lockgate": "rollback", "sha": place.first}
    assert made.description == "rollback: errors"
    place.report("failure")
    job = await place.host.fetch_job(place.repo, TARGET)
    assert job is not None
    assert (job.kind, job.state) == ("rollback", HostJobState.FAILED)


async def test_deployments_of_others_are_not_taken_for_ours(place: Place) -> None:
    await place.host.promote(place.repo, TARGET, place.first)
    copied = {"lockgate": "promote", "sha": place.first}
    create = place.github.create_deployment
    create(place.shop, "main", payload=copied)
    create(place.shop, "main", payload="", app=place.github.app)
    create(place.shop, "main", payload={"lockgate": "lockgate-7"}, app=place.github.app)
    create(place.shop, "main", task="deploy:lockgate", payload=copied, app=place.github.app)
    create(place.shop, "main", environment="staging", payload=copied, app=place.github.app)
    for made in list(place.shop.deployments.values())[1:]:
        place.github.set_deployment_status(made, "failure")
    job = await place.host.fetch_job(place.repo, TARGET)
    assert job is not None
    assert job.state is HostJobState.PENDING


async def test_the_newest_request_is_the_job(place: Place) -> None:
    await place.host.promote(place.repo, TARGET, place.first)
    place.report("success")
    place.github.push(place.shop, "main", "feat: more")
    second = place.first
    await place.host.promote(place.repo, TARGET, second)
    job = await place.host.fetch_job(place.repo, TARGET)
    assert job is not None
    assert (job.to_deployment, job.state) == (second, HostJobState.PENDING)
    assert job.from_deployment != second


async def test_a_success_that_a_later_deployment_made_inactive_stays_one(place: Place) -> None:
    await place.host.promote(place.repo, TARGET, place.first)
    place.report("success")
    announced = place.github.create_deployment(
        place.shop, "main", task="deploy:lockgate", app=place.github.app
    )
    place.github.set_deployment_status(announced, "success")
    job = await place.host.fetch_job(place.repo, TARGET)
    assert job is not None
    assert job.state is HostJobState.SUCCEEDED


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ((), HostJobState.PENDING),
        (("queued",), HostJobState.PENDING),
        (("pending",), HostJobState.PENDING),
        (("in_progress", "queued"), HostJobState.IN_PROGRESS),
        (("success", "in_progress"), HostJobState.SUCCEEDED),
        (("failure", "in_progress"), HostJobState.FAILED),
        (("error",), HostJobState.FAILED),
        (("failure", "success"), HostJobState.FAILED),
        (("inactive", "success"), HostJobState.SUCCEEDED),
        (("inactive", "failure"), HostJobState.SKIPPED),
        (("inactive",), HostJobState.SKIPPED),
    ],
)
def test_every_status_is_a_state_of_the_job(states: tuple[str, ...], state: HostJobState) -> None:
    assert job_state(states) is state


def test_a_status_that_is_new_to_us_is_not_taken_for_another() -> None:
    with pytest.raises(HostUnavailable, match="sleeping"):
        job_state(("sleeping", "success"))


async def test_the_domain_tells_which_commit_it_serves(place: Place) -> None:
    place.served["sha"] = place.first
    assert await place.host.fetch_serving(place.repo, TARGET) == place.first
    assert place.asked == ["/.well-known/lockgate.json"]


@pytest.mark.parametrize("told", [{}, {"sha": "main"}, {"sha": "3f2c1aa"}, {"sha": 7}])
async def test_a_domain_that_names_no_commit_verifies_nothing(
    place: Place, told: dict[str, object]
) -> None:
    place.served.update(told)
    with pytest.raises(HostUnavailable, match="names no whole commit"):
        await place.host.fetch_serving(place.repo, TARGET)


async def test_a_build_is_its_commit(place: Place) -> None:
    (build,) = await place.host.fetch_builds(place.repo, TARGET, place.first)
    again = await place.host.fetch_build(place.repo, TARGET, build.id)
    for each in (build, again):
        assert (each.id, each.sha, each.production) == (place.first, place.first, True)
        assert each.state is BuildState.READY
    for name in ("main", "3f2c1aa", "../../v1/user", ""):
        with pytest.raises(HostGone):
            await place.host.promote(place.repo, TARGET, name)
    assert place.shop.deployments == {}


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_request_is_sent_once_and_read_from_the_deployments(
    place: Place, after: bool
) -> None:
    fault = place.github.faults.cut("POST /repos/*/deployments", times=None, after=after)
    with pytest.raises(HostUnavailable):
        await place.host.promote(place.repo, TARGET, place.first)
    assert fault.hits == 1
    job = await place.host.fetch_job(place.repo, TARGET)
    assert (job is not None) is after


@pytest.mark.parametrize(
    ("status", "kind"), [(403, HostRefused), (404, HostGone), (422, HostRefused)]
)
async def test_a_refusal_of_github_is_the_hosts(
    place: Place, status: int, kind: type[Exception]
) -> None:
    place.github.faults.answer("POST /repos/*/deployments", status, message="no")
    with pytest.raises(kind) as caught:
        await place.host.promote(place.repo, TARGET, place.first)
    if isinstance(caught.value, HostRefused):
        assert "Deployments: read and write" in caught.value.remedy


async def test_nothing_assigns_itself_as_far_as_can_be_known(place: Place) -> None:
    project = await place.host.fetch_project(place.repo, TARGET)
    assert (project.name, project.auto_assigns) == ("production", False)


@needs_description
def test_the_statuses_are_asked_as_github_describes_it() -> None:
    assert described(LIST_STATUSES.route)["operationId"] == LIST_STATUSES.id
    assert described(LIST_STATUSES.route)["x-github"]["enabledForGitHubApps"] is True
