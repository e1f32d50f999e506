"""Every example payload that GitHub publishes comes in signed, and does no harm."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from journey import SECRET, Journey

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "node_modules/@octokit/webhooks-examples/api.github.com/index.json"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="npm's @octokit/webhooks-examples is not installed (npm install)"
)


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for event in json.loads(EXAMPLES.read_text(encoding="utf-8")):
        for example in event["examples"]:
            yield event["name"], example


async def deliver(http: httpx.AsyncClient, event: str, payload: object) -> httpx.Response:
    body = json.dumps(payload).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": f"sha256={signature}",
    }
    return await http.post("/webhooks/github", content=body, headers=headers)


async def all_taken(http: httpx.AsyncClient, given: list[tuple[str, Any]]) -> None:
    """Twenty at a time."""
    for start in range(0, len(given), 20):
        some = given[start : start + 20]
        answers = await asyncio.gather(*(deliver(http, *one) for one in some))
        for (event, payload), answer in zip(some, answers, strict=True):
            assert answer.status_code == 202, (event, payload.get("action"), answer.text)


def hollowed(value: Any) -> Iterator[Any]:
    """The payload with one thing of its first two levels null."""
    for key in value:
        yield {**value, key: None}
        if isinstance(value[key], dict):
            for inner in (name for name in value[key] if not name.endswith("_url")):
                yield {**value, key: {**value[key], inner: None}}


async def test_every_example_is_taken_and_nothing_is_written(journey: Journey):
    """Their repositories are none that the sandbox knows."""
    store, url = journey.bot.store, journey.bot.settings.public_url
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        seen = list(examples())
        assert len({event for event, _ in seen}) > 50
        await all_taken(http, seen)
        await journey.rest()
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).status_code == 200
    assert journey.requests.writes == []
    stored = await store.fetch_recent_deliveries(limit=1000)
    assert len(stored) == len(seen)
    assert {one.outcome for one in stored} <= {"routed", "ignored"}
    assert {one.event for one in stored if one.outcome == "routed"} == {
        "check_run", "check_suite", "deployment_status", "installation",
        "installation_repositories", "merge_group", "pull_request", "push", "release",
        "repository", "status",
    }  # fmt: skip
    health = await store.queue_health()
    assert health.dead == 0


@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 2, 3))])
async def test_no_null_in_a_payload_harms_anybody(journey: Journey, part: int):
    kinds = ("check_run", "check_suite", "installation", "pull_request", "push")
    actions = (None, "opened", "rerequested", "requested_action", "created")
    first = {(event, p.get("action")): p for event, p in examples() if event in kinds}
    broken = [
        (event, hollow)
        for (event, action), payload in first.items()
        if action in actions
        for hollow in hollowed(payload)
    ]
    assert len(broken) > 300
    broken = broken[part::4]
    url = journey.bot.settings.public_url
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
        await all_taken(http, broken)
    await journey.rest()
    assert journey.requests.writes == []
    assert (await journey.bot.store.queue_health()).dead == 0
