"""What a bot writes to its log over a whole and troubled life: enough, and no secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from journey import SECRET, Journey

from bot.core.render.check import FIX_TITLE
from bot.core.work.deliveries import SweepDeliveries
from bot.logs import configure_logging
from bot.sandbox.code import CommitSpec

SAID_IN_PRIVATE = "Words-that-stand-in-payloads-only"
LEAKED = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at the level that says most."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(level="debug", stream=stream)
    yield stream
    root.handlers = before
    root.setLevel(level)
    structlog.reset_defaults()


async def troubled_life(journey: Journey) -> None:
    github = journey.github
    mona = github.user("mona", email=f"{SAID_IN_PRIVATE}@example.com")
    repository = journey.shop()
    github.set_role(repository, mona, "write")
    pull = github.open_pull(
        repository,
        "Add search",
        CommitSpec(f"wip {SAID_IN_PRIVATE}"),
        body=SAID_IN_PRIVATE,
        by=mona,
    )
    await journey.rest()
    github.comment(pull, SAID_IN_PRIVATE, by=mona)
    github.faults.answer("POST /graphql", 502, times=4, message=f"lost {LEAKED}")
    github.edit_pull(pull, body=f"{SAID_IN_PRIVATE} again")
    await journey.rest()
    github.faults.answer("PATCH */pulls/*", 422, message=f"Bad token {LEAKED}")
    github.press(journey.check_of(pull), FIX_TITLE, by=mona)
    await journey.rest()
    github.faults.cut("GET /app/hook/deliveries", times=1)
    await journey.bot.store.enqueue(SweepDeliveries())
    await journey.rest()


async def knock(journey: Journey) -> None:
    """Deliveries that are turned away."""
    url = f"{journey.bot.settings.public_url}/webhooks/github"
    headers = {
        "x-github-event": "push",
        "x-github-delivery": "4" * 8 + "-0000-0000-0000-" + "4" * 12,
    }
    forged = {**headers, "x-hub-signature-256": "sha256=" + "ab" * 32}
    async with httpx.AsyncClient(trust_env=False) as http:
        for given in (headers, forged):
            answer = await http.post(url, content=SAID_IN_PRIVATE.encode(), headers=given)
            assert answer.status_code == 401
        await http.get(f"{url}?token={LEAKED}", headers={"authorization": f"Bearer {LEAKED}"})


def secrets_of(journey: Journey) -> Iterator[str]:
    github = journey.github
    yield SECRET
    yield LEAKED
    yield from filter(None, github.app.private_key.splitlines()[1:-1])
    yield "PRIVATE KEY"
    yield from github.tokens._tokens
    yield "eyJ"  # how each JSON Web Token begins
    for delivery in github.hooks.deliveries.values():
        yield delivery.request_headers["X-Hub-Signature-256"].removeprefix("sha256=")
        yield delivery.request_headers["X-Hub-Signature"].removeprefix("sha1=")
    yield "ab" * 32
    password = journey.bot.database.partition("password=")[2].split(" ")[0]
    assert password
    yield password


@pytest.mark.slow
async def test_a_troubled_life_is_told_without_a_secret(log: io.StringIO, journey: Journey):
    await troubled_life(journey)
    await knock(journey)
    text = log.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [secret for secret in secrets_of(journey) if secret in text] == []
    assert SAID_IN_PRIVATE not in text
    assert '"sender"' not in text
    await tells_what_each_is_about(journey, lines)


async def tells_what_each_is_about(journey: Journey, lines: list[dict[str, Any]]) -> None:
    def told(event: str) -> list[dict[str, Any]]:
        return [line for line in lines if line["event"] == event]

    repository = journey.github.find_repository("octo/shop")
    installation = journey.github.installation_of(journey.github.app, repository)
    assert told("pull_request_reconciled")
    for line in told("pull_request_reconciled"):
        assert line["repository"] == "octo/shop"
        assert line["installation"] == installation.id
        assert line["job"] > 0
        assert line["level"] == "info"
    assert [line["status"] for line in told("github_request_repeated")].count(502) == 3
    assert any("502" in line["reason"] for line in told("job_postponed"))
    (failed, *_) = told("job_failed")
    assert (failed["kind"], failed["level"]) == ("fix_title", "error")
    assert "HubRefused" in failed["exception"]
    stored = await journey.bot.store.fetch_recent_deliveries(limit=1000)
    routed = {delivery.guid for delivery in stored if delivery.outcome == "routed"}
    assert {line["delivery"] for line in told("delivery_routed")} == routed
    (opened,) = [line for line in told("delivery_routed") if line["action"] == "opened"]
    assert opened["name"] == "pull_request"
    assert opened["work"][0] == f"reconcile_pull_request pull:{repository.id}#1"
