"""What goes wrong between the bot and Vercel, and what is said of it."""

import io
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import structlog
from vercel_kit import OTHER_SHA, REPO, SHA, Place

from bot.adapters.domain import DomainReader
from bot.adapters.vercel.host import VercelHost
from bot.core.hosting import HostJobState
from bot.ports.host import HostError, HostGone, HostRefused, HostUnavailable
from bot.sandbox.server import serve

PROMOTE = "POST /v10/projects/*"


async def _move(place: Place, kind: str, deployment_id: str) -> None:
    if kind == "promote":
        await place.host.promote(REPO, place.target, deployment_id)
    else:
        await place.host.rollback(REPO, place.target, deployment_id, reason="x")


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, HostRefused, "another project or not of production"),
        (401, HostRefused, "VERCEL_TOKEN"),
        (402, HostRefused, "Hobby"),
        (403, HostRefused, "VERCEL_TEAM_ID"),
        (404, HostGone, "VERCEL_TEAM_ID"),
        (409, HostRefused, "/retry"),
        (410, HostGone, "deleted"),
        (418, HostRefused, "/retry"),
        (422, HostRefused, "ready, of production"),
        (307, HostUnavailable, "not followed"),
        (429, HostUnavailable, "rate limit"),
        (500, HostUnavailable, "read from the project"),
        (503, HostUnavailable, "read from the project"),
    ],
)
@pytest.mark.parametrize("move", ["promote", "rollback"])
async def test_every_status_has_its_error_and_its_remedy(
    place: Place, status: int, kind: type[HostError], says: str, move: str
) -> None:
    made = place.vercel.build(place.shop, SHA)
    headers = {"location": "http://127.0.0.1:9/"} if status == 307 else {}
    place.vercel.faults.answer("POST *", status, message="Because | of @octo", headers=headers)
    with pytest.raises(kind) as caught:
        await _move(place, move, made.id)
    remedy = caught.value.remedy if isinstance(caught.value, HostRefused) else ""
    assert says in f"{caught.value} {remedy}"
    assert made.id in str(caught.value)
    if isinstance(caught.value, HostRefused):
        assert caught.value.busy is (status == 409)
        assert "Because | of @octo" in str(caught.value)
    assert place.vercel.live(place.shop) is None


async def _project(place: Place) -> object:
    return await place.host.fetch_project(REPO, place.target)


async def _builds(place: Place) -> object:
    return await place.host.fetch_builds(REPO, place.target, SHA)


async def _job(place: Place) -> object:
    return await place.host.fetch_job(REPO, place.target)


async def _serving(place: Place) -> object:
    return await place.host.fetch_serving(REPO, place.target)


async def _failures(place: Place) -> object:
    return await place.host.fetch_failed_aliases(REPO, place.target, "promote")


READS = [
    (_project, "GET /v9/projects/*"),
    (_builds, "GET /v7/deployments"),
    (_job, "GET /v9/projects/*"),
    (_serving, "GET /v4/aliases/*"),
    (_failures, "GET /v1/projects/*"),
]


@pytest.mark.parametrize(("read", "route"), READS)
async def test_a_read_gets_over_a_passing_outage(
    place: Place, read: Callable[[Place], Awaitable[object]], route: str
) -> None:
    made = place.vercel.build(place.shop, SHA)
    await place.host.promote(REPO, place.target, made.id)
    whole = await read(place)
    faults = (
        place.vercel.faults.answer(route, 502),
        place.vercel.faults.cut(route),
    )
    assert await read(place) == whole
    assert [fault.hits for fault in faults] == [1, 1]


@pytest.mark.parametrize(("read", "route"), READS)
async def test_a_read_ends_as_unknown_when_the_outage_lasts(
    place: Place, read: Callable[[Place], Awaitable[object]], route: str
) -> None:
    fault = place.vercel.faults.answer(route, 503, times=None)
    with pytest.raises(HostUnavailable, match="503"):
        await read(place)
    assert fault.hits == 3


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["promote", "rollback"])
async def test_a_lost_promotion_or_rollback_is_sent_once_and_read_from_the_project(
    place: Place, kind: str, after: bool
) -> None:
    first, second = (place.vercel.build(place.shop, sha) for sha in (SHA, OTHER_SHA))
    for each in (first, second):
        await place.host.promote(REPO, place.target, each.id)
    before = await place.host.fetch_job(REPO, place.target)
    third = place.vercel.build(place.shop, "c" * 40)
    goal = third if kind == "promote" else first
    fault = place.vercel.faults.cut("POST *", times=None, after=after)
    with pytest.raises(HostUnavailable, match="read from the project"):
        await _move(place, kind, goal.id)
    assert fault.hits == 1
    job = await place.host.fetch_job(REPO, place.target)
    assert job is not None
    if after:
        assert (job.to_deployment, job.state) == (goal.id, HostJobState.SUCCEEDED)
        assert place.vercel.live(place.shop) is goal
    else:
        assert job == before
        assert place.vercel.live(place.shop) is second


async def test_a_server_error_on_a_promotion_says_nothing_of_its_effect(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    fault = place.vercel.faults.answer(PROMOTE, 502, after=True, times=None)
    with pytest.raises(HostUnavailable):
        await place.host.promote(REPO, place.target, made.id)
    assert fault.hits == 1
    job = await place.host.fetch_job(REPO, place.target)
    assert job is not None
    assert job.to_deployment == made.id


async def test_the_limit_tells_when_to_come_back(place: Place) -> None:
    place.vercel.faults.rate_limit(reset_at=int(time.time()) + 300, times=None)
    with pytest.raises(HostUnavailable, match="rate limit") as caught:
        await place.host.fetch_job(REPO, place.target)
    assert caught.value.retry_after is not None
    assert timedelta(seconds=290) < caught.value.retry_after <= timedelta(seconds=301)


async def test_a_limit_that_passes_soon_is_waited_for(place: Place) -> None:
    fault = place.vercel.faults.rate_limit(reset_at=int(time.time()) - 5)
    await place.host.fetch_job(REPO, place.target)
    assert fault.hits == 1


async def test_a_token_that_expires_midway_is_named_with_its_remedy(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    place.vercel.faults.expire_token(skip=2)
    await place.host.promote(REPO, place.target, made.id)
    with pytest.raises(HostRefused) as caught:
        await place.host.fetch_job(REPO, place.target)
    assert "make a new token" in caught.value.remedy


async def test_an_unknown_token_is_named_with_its_remedy(place: Place) -> None:
    with pytest.raises(HostRefused) as caught:
        await place.connect(token="wrong").fetch_project(REPO, place.target)
    assert "make a new token" in caught.value.remedy


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": 1, "name": "shop"},
        {"id": "prj_1", "name": "shop", "lastAliasRequest": []},
        {"id": "prj_1", "name": "shop", "lastAliasRequest": {"type": "promote"}},
        {
            "id": "prj_1",
            "name": "shop",
            "lastAliasRequest": {
                "type": "promote",
                "toDeploymentId": "dpl_1",
                "jobStatus": "resting",
                "requestedAt": 1,
            },
        },
        {
            "id": "prj_1",
            "name": "shop",
            "lastAliasRequest": {
                "type": "conquer",
                "toDeploymentId": "dpl_1",
                "jobStatus": "succeeded",
                "requestedAt": 1,
            },
        },
        {
            "id": "prj_1",
            "name": "shop",
            "lastAliasRequest": {
                "type": "promote",
                "toDeploymentId": "dpl_1",
                "jobStatus": "succeeded",
                "requestedAt": 1e300,
            },
        },
    ],
)
async def test_a_job_that_does_not_read_is_unknown(place: Place, body: dict[str, object]) -> None:
    fault = place.vercel.faults.answer("GET /v9/projects/*", 200)
    fault.body = body
    with pytest.raises(HostUnavailable, match="could not be read"):
        await place.host.fetch_job(REPO, place.target)


@pytest.mark.parametrize("following", ["later", 7.5, True])
async def test_pages_that_lead_nowhere_are_unknown(place: Place, following: object) -> None:
    await place.host.fetch_project(REPO, place.target)
    fault = place.vercel.faults.answer("GET /v7/deployments", 200, times=None)
    fault.body = {"deployments": [], "pagination": {"next": following}}
    with pytest.raises(HostUnavailable, match="pages"):
        await place.host.fetch_builds(REPO, place.target, SHA)


async def test_pages_that_lead_in_a_circle_end(place: Place) -> None:
    await place.host.fetch_project(REPO, place.target)
    fault = place.vercel.faults.answer("GET /v7/deployments", 200, times=None)
    fault.body = {"deployments": [], "pagination": {"next": 1000}}
    with pytest.raises(HostUnavailable, match="pages"):
        await place.host.fetch_builds(REPO, place.target, SHA)
    assert fault.hits == 2


async def test_the_token_is_shown_nowhere(place: Place) -> None:
    token = place.vercel.token
    made = place.vercel.build(place.shop, SHA)
    said = io.StringIO()
    with structlog.testing.capture_logs() as logs:
        for status in (401, 403, 500):
            place.vercel.faults.answer("POST *", status, message=f"bad token: Bearer {token}")
            try:
                await place.host.promote(REPO, place.target, made.id)
            except HostError as error:
                chain: BaseException | None = error
                while chain is not None:
                    said.write(f"{chain!r} {chain} {vars(chain)}")
                    chain = chain.__cause__ or chain.__context__
        place.vercel.faults.cut("GET *", times=3)
        with pytest.raises(HostUnavailable) as caught:
            await place.host.fetch_job(REPO, place.target)
    said.write(f"{caught.value!r} {logs} {vars(place.host)} {vars(place.host._client)}")
    assert logs
    assert token not in said.getvalue()


async def test_the_domain_is_asked_without_the_token(place: Place) -> None:
    made = place.vercel.build(place.shop, SHA)
    await place.host.promote(REPO, place.target, made.id)
    seen: list[dict[str, str]] = []
    whole = place.vercel.asgi

    async def watch(scope, receive, send):  # type: ignore[no-untyped-def]
        seen.append({k.decode(): v.decode() for k, v in scope["headers"]})
        await whole(scope, receive, send)

    async with serve(watch) as url:
        domains = DomainReader(stand_in=url)
        host = VercelHost(place.host._client, domains)
        assert await host.fetch_serving(REPO, place.target) == made.id
        await domains.aclose()
    assert [each["host"] for each in seen] == [place.shop.domain]
    assert "authorization" not in seen[0]
    assert "cookie" not in seen[0]
