"""The bot's requests to Vercel and the sandbox's answers, held to Vercel's description."""

import httpx
import pytest
from vercel import NOT_PUBLISHED, VercelContract, needs_sdk, operations

from bot.adapters.domain import DomainReader
from bot.adapters.vercel.client import VercelClient
from bot.adapters.vercel.host import VercelHost
from bot.adapters.vercel.operations import OPERATIONS, PROMOTE, ROLLBACK
from bot.core.hosting import HostTarget
from bot.core.model import RepoRef
from bot.ports.host import HostError
from bot.sandbox.http import Exchange
from bot.sandbox.vercel import SandboxVercel
from bot.wiring.clock import CLOCK

pytestmark = needs_sdk

REPO = RepoRef(1, 2, "octo", "shop")
TARGET = HostTarget("vercel", "shop", "shop.example.com")
SHA = "3f2c1aa" + "0" * 33


async def exercise(contract: VercelContract) -> None:
    """Every operation of the bot, with every answer that the sandbox gives by itself."""
    async with SandboxVercel(on_exchange=contract) as vercel:
        shop = vercel.create_project("shop", domains=["www.shop.example.com"], auto_assign=False)
        client = VercelClient(
            api_url=vercel.url, token=vercel.token, team=vercel.team.id, clock=CLOCK
        )
        host = VercelHost(client, DomainReader(stand_in=vercel.url))
        await host.fetch_job(REPO, TARGET)
        builds = [vercel.build(shop, f"{n}" * 40, message="feat: x") for n in range(3)]
        broken = vercel.build(shop, SHA, fails=True)
        preview = vercel.build(shop, SHA, target="preview")
        deleted = vercel.build(shop, SHA)
        vercel.delete(deleted)
        running = vercel.build(shop, SHA, seconds=60)
        builds[0].checks_state, builds[0].checks_conclusion = "completed", "succeeded"
        for each in (*builds, broken, preview, deleted, running):
            await host.fetch_build(REPO, TARGET, each.id)
            await host.fetch_builds(REPO, TARGET, each.sha)  # type: ignore[arg-type]
        for each in builds:
            await host.promote(REPO, TARGET, each.id)
        vercel.plan_job(shop, left_behind=["www.shop.example.com"])
        await host.rollback(REPO, TARGET, builds[1].id, reason="errors")
        await host.fetch_project(REPO, TARGET)
        await host.fetch_job(REPO, TARGET)
        await host.fetch_serving(REPO, TARGET)
        assert await host.fetch_failed_aliases(REPO, TARGET, "rollback")
        (left,) = await host.fetch_elsewhere(REPO, TARGET, builds[1].id)
        await host.lead(REPO, TARGET, builds[1].id, left)
        shop.rolling_release = True
        assert (await host.promote(REPO, TARGET, builds[2].id)).queued
        await host.fetch_failed_aliases(REPO, TARGET, "promote")
        await host.fetch_job(REPO, TARGET)
        shop.team.plan = "hobby"
        for each in (builds[0], builds[1], broken, preview, deleted):
            for ask in (host.promote(REPO, TARGET, each.id),
                        host.rollback(REPO, TARGET, each.id, reason="")):  # fmt: skip
                with pytest.raises(HostError):
                    await ask
        with pytest.raises(HostError):
            await host.fetch_build(REPO, TARGET, "dpl_none")
        vercel.revoke_token(vercel.token)
        with pytest.raises(HostError):
            await host.fetch_project(REPO, TARGET)
        async with httpx.AsyncClient(base_url=vercel.url, trust_env=False) as nobody:
            assert (await nobody.get("/v9/projects/shop")).status_code == 401
        await host.aclose()


async def test_the_bots_requests_and_the_sandboxs_answers_are_vercels() -> None:
    contract = VercelContract()
    await exercise(contract)
    assert contract.problems() == []
    asked = {f"{each.method} {each.path}" for each in OPERATIONS}
    assert contract.exercised["lockgate"] == asked
    statuses = {each.status for each in contract.exchanges}
    assert statuses >= {200, 201, 202, 401, 402, 403, 404, 409, 410, 422}


def test_every_operation_of_the_bot_is_published_but_those_named() -> None:
    asked = {f"{each.method} {each.path}" for each in OPERATIONS}
    assert asked - set(operations()) == set(NOT_PUBLISHED)


def test_what_moves_production_is_what_vercel_describes() -> None:
    promote, rollback = (operations()[each.route] for each in (PROMOTE, ROLLBACK))
    assert promote.successes == {201, 202}
    assert rollback.successes == {201}
    assert promote.refusals >= {400, 401, 403, 409, 410, 422}
    assert rollback.refusals >= {400, 401, 402, 403, 409, 410, 422}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"query": "teamid=x"}, "names teamid"),
        ({"status": 204}, "status 204 is not described"),
        ({"status": 402, "response": {"error": {"code": "x", "message": "y"}}}, "status 402"),
        ({"status": 404, "response": {"message": "gone"}}, "bears no error"),
        ({"response": {"deployments": []}}, "pagination: Required"),
        ({"template": "/v99/deployments"}, "Vercel does not have it"),
    ],
)
def test_what_is_not_vercels_is_found(change: dict[str, object], problem: str) -> None:
    pagination = {"count": 0, "next": None, "prev": None}
    good: dict[str, object] = {
        "method": "GET",
        "path": "/v7/deployments",
        "query": "teamId=x",
        "request": None,
        "status": 200,
        "headers": {},
        "response": {"deployments": [], "pagination": pagination},
        "template": "/v7/deployments",
        "principal": "token",
        "fault": False,
    }
    (found,) = VercelContract([Exchange(**(good | change))]).problems()  # type: ignore[arg-type]
    assert problem in found
