"""Webhooks as GitHub sends them: signed, once, recorded, and again only when asked for."""

import asyncio
import hashlib
import hmac

import httpx
import pytest
from sandbox_kit import Listener, as_app

from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox


async def test_a_delivery_is_signed(github: Sandbox, shop: Repository, hook: Listener) -> None:
    github.open_pull(shop, "feat: x", body="ünï")
    await github.hooks.settled()
    [opened] = [item for item in hook.received if item.name == "pull_request.opened"]
    digest = hmac.new(b"secret", opened.raw, hashlib.sha256).hexdigest()
    assert opened.headers["x-hub-signature-256"] == f"sha256={digest}"
    assert opened.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert opened.headers["content-type"] == "application/json"
    assert opened.headers["x-github-hook-installation-target-id"] == str(github.app.id)
    assert len(opened.headers["x-github-delivery"]) == 36
    assert opened.payload["pull_request"]["body"] == "ünï"
    assert opened.payload["installation"]["id"] in github.installations


async def test_what_a_push_sends(github: Sandbox, shop: Repository, hook: Listener) -> None:
    pull = github.open_pull(shop, "feat: x", "one", head="x")
    await github.hooks.settled()
    assert hook.names == ["push", "check_suite.requested", "pull_request.opened"]
    hook.received.clear()
    before = pull.head_sha
    [after] = github.push(shop, "x", "two")
    await github.hooks.settled()
    push, suite, moved = hook.received
    assert (push.payload["before"], push.payload["after"]) == (before, after)
    assert [commit["message"] for commit in push.payload["commits"]] == ["two"]
    assert push.payload["forced"] is False
    assert suite.payload["check_suite"]["head_sha"] == after
    assert moved.name == "pull_request.synchronize"
    assert (moved.payload["before"], moved.payload["after"]) == (before, after)
    hook.received.clear()
    github.push(shop, "x", "three", onto="main")
    await github.hooks.settled()
    assert hook.received[0].payload["forced"] is True


async def test_an_app_gets_what_it_asked_for(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    other = github.create_app("other", events=["issue_comment"], permissions={"issues": "read"})
    github.install(other, shop.owner)
    github.send_events_to(hook.url, "other", other)
    pull = github.open_pull(shop, "feat: x")
    github.comment(pull, "hello")
    run = github.create_check(shop, github.app, pull.head_sha, "x", conclusion="failure")
    github.press(run, "fix")
    await github.hooks.settled()
    by_app = [(int(i.headers["x-github-hook-installation-target-id"]), i.name)
              for i in hook.received]  # fmt: skip
    assert [name for app, name in by_app if app == other.id] == ["issue_comment.created"]
    assert (github.app.id, "check_run.requested_action") in by_app
    [pressed] = [i for i in hook.received if i.name == "check_run.requested_action"]
    assert pressed.payload["requested_action"] == {"identifier": "fix"}


async def test_edits_say_what_was_before(github: Sandbox, shop: Repository, hook: Listener) -> None:
    pull = github.open_pull(shop, "Add x")
    github.edit_pull(pull, title="feat: add x")
    github.edit_pull(pull, title="feat: add x")
    await github.hooks.settled()
    edits = [item for item in hook.received if item.name == "pull_request.edited"]
    assert [item.payload["changes"] for item in edits] == [{"title": {"from": "Add x"}}]


async def test_a_suspended_installation_hears_nothing(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    [installation] = github.installations.values()
    github.suspend(installation)
    github.open_pull(shop, "feat: x")
    await github.hooks.settled()
    assert hook.names == ["installation.suspend"]


async def test_a_failed_delivery_waits_to_be_asked_for(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    hook.status = 503
    github.open_pull(shop, "feat: x")
    await github.hooks.settled()
    assert len(hook.received) == 3
    hook.status = 202
    async with as_app(github) as api:
        failed = (await api.get("/app/hook/deliveries", params={"status": "failure"})).json()
        assert [item["status_code"] for item in failed] == [503, 503, 503]
        again = await api.post(f"/app/hook/deliveries/{failed[0]['id']}/attempts")
        assert again.status_code == 202
        await github.hooks.settled()
        newest, *_ = (await api.get("/app/hook/deliveries")).json()
        assert newest["guid"] == failed[0]["guid"]
        assert (newest["redelivery"], newest["status"], newest["status_code"]) == (True, "OK", 202)
        detail = (await api.get(f"/app/hook/deliveries/{newest['id']}")).json()
        assert detail["request"]["headers"]["X-GitHub-Delivery"] == newest["guid"]
        gone = await api.get("/app/hook/deliveries/1")
        assert gone.status_code == 404
    assert hook.received[-1].raw == hook.received[2].raw
    assert len(hook.received) == 4


async def test_deliveries_are_read_by_cursor(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    pull = github.open_pull(shop, "feat: x")
    for number in range(9):
        github.edit_pull(pull, title=f"feat: {number}")
    await github.hooks.settled()
    seen: list[int] = []
    url = "/app/hook/deliveries?per_page=5"
    async with as_app(github) as api:
        while url:
            answer = await api.get(url)
            seen += [item["id"] for item in answer.json()]
            url = answer.links.get("next", {}).get("url", "")
    assert len(seen) == 12
    assert seen == sorted(seen, reverse=True)


async def test_an_address_without_a_listener(github: Sandbox, shop: Repository) -> None:
    github.send_events_to("http://127.0.0.1:9/", "secret")
    github.open_pull(shop, "feat: x")
    await github.hooks.settled()
    found = list(github.hooks.newest_first(github.app))
    assert {item.status for item in found} == {"failed to connect to host"}


async def test_examples_can_be_sent(github: Sandbox, hook: Listener) -> None:
    sent = github.hooks.send_raw(github.app, "issues", b'{"action": "opened"}')
    await github.hooks.settled()
    assert hook.names == ["issues.opened"]
    assert sent.status_code == 202


# events that go wrong


async def test_a_dropped_event_can_be_had_later(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    github.hooks.faults.drop("pull_request.opened")
    github.open_pull(shop, "feat: x")
    await github.hooks.settled()
    assert hook.names == ["push", "check_suite.requested"]
    lost = next(d for d in github.hooks.newest_first(github.app) if d.event == "pull_request")
    assert lost.status_code == 502
    github.hooks.redeliver(lost)
    await github.hooks.settled()
    assert hook.received[-1].headers["x-github-delivery"] == lost.guid


async def test_a_doubled_event_keeps_its_guid(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    github.hooks.faults.double("pull_request")
    github.open_pull(shop, "feat: x")
    await github.hooks.settled()
    twice = [item for item in hook.received if item.name == "pull_request.opened"]
    assert len(twice) == 2
    assert len({item.headers["x-github-delivery"] for item in twice}) == 1


async def test_events_out_of_order(github: Sandbox, shop: Repository, hook: Listener) -> None:
    pull = github.open_pull(shop, "feat: x")
    await github.hooks.settled()
    hook.received.clear()
    github.hooks.faults.reorder("pull_request.*", together=3)
    for title in ("feat: 1", "feat: 2", "feat: 3"):
        github.edit_pull(pull, title=title)
    await github.hooks.settled()
    titles = [item.payload["pull_request"]["title"] for item in hook.received]
    assert titles == ["feat: 3", "feat: 2", "feat: 1"]


async def test_a_late_event_comes_after_the_next(
    github: Sandbox, shop: Repository, hook: Listener
) -> None:
    pull = github.open_pull(shop, "feat: x")
    await github.hooks.settled()
    hook.received.clear()
    github.hooks.faults.late("pull_request.edited", seconds=0.2)
    github.edit_pull(pull, title="feat: 1")
    github.close(pull)
    await github.hooks.settled()
    assert hook.names == ["pull_request.closed", "pull_request.edited"]


# an API that fails


async def test_answers_made_up(github: Sandbox, shop: Repository) -> None:
    headers = {"user-agent": "test"}
    url = f"{github.url}/repos/octo/shop"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as api:
        fault = github.faults.answer("GET /repos/*", 502, times=2, skip=1)
        statuses = [(await api.get(url)).status_code for _ in range(4)]
        assert statuses == [200, 502, 502, 200]
        assert fault.hits == 2
        github.faults.secondary_limit("GET *", retry_after=7, status=429)
        limited = await api.get(url)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
        github.faults.primary_limit(reset_at=99)
        limited = await api.get(url)
        assert limited.status_code == 403
        assert limited.headers["x-ratelimit-remaining"] == "0"
        assert limited.headers["x-ratelimit-reset"] == "99"
        github.faults.answer("*", 500, times=None)
        github.faults.clear()
        assert (await api.get(url)).status_code == 200


@pytest.mark.parametrize("after", [False, True])
async def test_a_cut_connection(github: Sandbox, shop: Repository, after: bool) -> None:
    """Cut before, nothing has happened; cut after, it has, and only the answer is lost."""
    pull = github.open_pull(shop, "feat: x")
    github.faults.cut("POST */comments", after=after)
    token = github.tokens.for_user(github.user("mona")).value
    headers = {"user-agent": "test", "authorization": f"Bearer {token}"}
    url = f"{github.url}/repos/octo/shop/issues/1/comments"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as api:
        with pytest.raises(httpx.TransportError):
            await api.post(url, json={"body": "hello"})
        assert len(github.comments_of(pull)) == after
        assert (await api.post(url, json={"body": "hello"})).status_code == 201


async def test_a_slow_answer(github: Sandbox, shop: Repository) -> None:
    github.faults.slow("/repos/*", 0.2)
    headers = {"user-agent": "test"}
    started = asyncio.get_running_loop().time()
    async with httpx.AsyncClient(headers=headers, trust_env=False) as api:
        assert (await api.get(f"{github.url}/repos/octo/shop")).status_code == 200
    assert asyncio.get_running_loop().time() - started >= 0.2
