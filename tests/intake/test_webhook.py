"""The webhook door over real HTTP, with the store behind it."""

import asyncio
import hashlib
import hmac
import json
import socket
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.store import PostgresStore
from bot.metrics import REGISTRY
from bot.ports import Delivery
from bot.sandbox.tls import tls_context
from bot.settings import Secret
from bot.web.door import MAX_BODY
from bot.web.health import health_routes
from bot.web.intake import Intake
from bot.web.webhook import WebhookDoor

SECRET, PREVIOUS = Secret("current-secret"), Secret("previous-secret")
PAYLOAD = {
    "action": "opened",
    "installation": {"id": 7},
    "repository": {"id": 42, "full_name": "octo/shop"},
}


def is_routed(event: str, action: str, payload: Mapping[str, Any]) -> bool:
    if payload.get("explode"):
        raise KeyError("explode")
    return (event, action) == ("pull_request", "opened")


def sign(body: bytes, secret: Secret = SECRET) -> str:
    return "sha256=" + hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()


def headers_for(body: bytes, **changes: str | None) -> dict[str, str]:
    given: dict[str, str | None] = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(body),
    }
    given |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in given.items() if value is not None}


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[tuple[str, int]]:
    """A real uvicorn on a free port, in a thread of its own loop."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.005)
    try:
        yield sock.getsockname()
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def intake(store: PostgresStore) -> AsyncIterator[Intake]:
    async with Intake(store).opened() as opened:
        yield opened


def at_the_door(
    intake: Intake, secrets: Sequence[Secret], app: Starlette | None = None
) -> WebhookDoor:
    return WebhookDoor(app or Starlette(), intake=intake, secrets=secrets, is_routed=is_routed)


@pytest.fixture
async def door(store: PostgresStore, intake: Intake) -> AsyncIterator[httpx.AsyncClient]:
    app = at_the_door(intake, [SECRET, PREVIOUS], Starlette(routes=health_routes(store)))
    async with (
        serving(app) as (host, port),
        httpx.AsyncClient(
            verify=tls_context(), base_url=f"http://{host}:{port}", timeout=30
        ) as client,
    ):
        yield client


async def post(door: httpx.AsyncClient, body: bytes, **changes: str | None) -> httpx.Response:
    return await door.post("/webhooks/github", content=body, headers=headers_for(body, **changes))


def counted(event: str, outcome: str) -> float:
    labels = {"event": event, "outcome": outcome}
    return REGISTRY.get_sample_value("lockgate_deliveries_total", labels) or 0.0


BODY = json.dumps(PAYLOAD).encode()


async def test_delivery_is_stored_with_its_job_before_it_is_acknowledged(
    door: httpx.AsyncClient, store: PostgresStore
) -> None:
    before = counted("pull_request", "routed")
    guid = str(uuid.uuid4())
    answer = await post(door, BODY, X_GitHub_Delivery=guid.upper())
    assert (answer.status_code, answer.text) == (202, "")
    found = await store.fetch_delivery(guid)
    assert found is not None
    assert (found.event, found.action, found.installation_id) == ("pull_request", "opened", 7)
    assert (found.repository_id, found.repository, found.payload) == (42, "octo/shop", BODY)
    (job,) = await store.fetch_jobs()
    assert job.args == {"guids": [guid]}
    assert counted("pull_request", "routed") == before + 1


async def test_both_secrets_are_accepted_during_a_rotation(door: httpx.AsyncClient) -> None:
    answer = await post(door, BODY, X_Hub_Signature_256=sign(BODY, PREVIOUS))
    assert answer.status_code == 202


async def test_duplicates_are_accepted_and_ignored(
    door: httpx.AsyncClient, store: PostgresStore
) -> None:
    guid = str(uuid.uuid4())

    async def some() -> set[int]:
        # each a client of its own: the time that httpx takes grows with the square of the crowd
        async with httpx.AsyncClient(base_url=door.base_url, timeout=30, verify=False) as client:
            posts = (post(client, BODY, X_GitHub_Delivery=guid) for _ in range(20))
            return {answer.status_code for answer in await asyncio.gather(*posts)}

    assert await asyncio.gather(*(some() for _ in range(25))) == [{202}] * 25
    assert len(await store.fetch_recent_deliveries(1000)) == 1
    assert len(await store.fetch_jobs(limit=1000)) == 1


async def test_deliveries_that_wait_together_share_a_transaction(
    database_url: str, store: PostgresStore, intake: Intake
) -> None:
    """The first finds nobody waiting; the others gather while it is committed."""
    given = [
        Delivery(str(uuid.uuid4()), "push", "", 7, 42, "octo/shop", BODY, routed=True)
        for _ in range(50)
    ]
    await asyncio.gather(*(intake.submit(one) for one in given))
    async with await psycopg.AsyncConnection.connect(connection_string(database_url)) as asked:
        cursor = await asked.execute("SELECT guid, xmin::text FROM deliveries")
        stored = dict(await cursor.fetchall())
    assert set(stored) == {one.guid for one in given}
    assert len(set(stored.values())) <= 2


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("sha256=", id="no digest"),
        pytest.param("sha256=" + "0" * 64, id="wrong"),
        pytest.param(sign(BODY, Secret("other")), id="other secret"),
        pytest.param(sign(BODY)[:-1], id="cut short"),
        pytest.param(sign(BODY) + "0", id="too long"),
        pytest.param(sign(BODY).removeprefix("sha256="), id="no scheme"),
        pytest.param("sha1=" + "0" * 40, id="SHA-1 in its place"),
        pytest.param("sha256=" + "é" * 64, id="non-ASCII"),
        pytest.param(sign(BODY + b" "), id="of another body"),
    ],
)
async def test_bad_signature_is_refused(
    door: httpx.AsyncClient, store: PostgresStore, signature: str | None
) -> None:
    before = counted("", "bad_signature")
    headers: list[tuple[bytes, bytes]] = [
        (name.encode(), value.encode("latin-1"))
        for name, value in headers_for(BODY, X_Hub_Signature_256=signature).items()
    ]
    answer = await door.post("/webhooks/github", content=BODY, headers=headers)
    assert answer.status_code == 401
    assert counted("", "bad_signature") == before + 1
    assert not await store.fetch_recent_deliveries()


async def test_sha1_signature_alone_is_refused(door: httpx.AsyncClient) -> None:
    digest = hmac.new(SECRET.reveal().encode(), BODY, hashlib.sha1).hexdigest()
    headers = {"X_Hub_Signature_256": None, "X_Hub_Signature": f"sha1={digest}"}
    assert (await post(door, BODY, **headers)).status_code == 401


async def test_only_posts_come_in(door: httpx.AsyncClient) -> None:
    answer = await door.get("/webhooks/github")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (await door.post("/webhooks/github/x")).status_code == 404


async def test_two_signatures_are_refused(door: httpx.AsyncClient) -> None:
    headers = [*headers_for(BODY).items(), ("X-Hub-Signature-256", "sha256=" + "0" * 64)]
    answer = await door.post("/webhooks/github", content=BODY, headers=headers)
    assert answer.status_code == 401


async def test_empty_secret_opens_nothing(store: PostgresStore, intake: Intake) -> None:
    app = at_the_door(intake, [Secret("")])
    async with serving(app) as (host, port), httpx.AsyncClient(verify=tls_context()) as client:
        headers = headers_for(BODY, X_Hub_Signature_256=sign(BODY, Secret("")))
        url = f"http://{host}:{port}/webhooks/github"
        answer = await client.post(url, content=BODY, headers=headers)
    assert answer.status_code == 401
    assert not await store.fetch_recent_deliveries()


DEEP = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(b"not json", {}, id="not JSON"),
        pytest.param(BODY + b"x", {}, id="something after it"),
        pytest.param(b"[1]", {}, id="a list"),
        pytest.param(b"null", {}, id="null"),
        pytest.param(b'"text"', {}, id="a text"),
        pytest.param(b'{"a": NaN}', {}, id="NaN"),
        pytest.param(DEEP, {}, id="deep nesting"),
        pytest.param(b'{"a": "\xff"}', {}, id="bad UTF-8"),
        pytest.param(json.dumps(PAYLOAD).encode("utf-16"), {}, id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf" + BODY, {}, id="byte order mark"),
        pytest.param(
            b"payload=%7B%7D",
            {"Content_Type": "application/x-www-form-urlencoded"},
            id="form-encoded",
        ),
        pytest.param(BODY, {"X_GitHub_Event": None}, id="no event"),
        pytest.param(BODY, {"X_GitHub_Event": "pull request"}, id="not an event"),
        pytest.param(BODY, {"X_GitHub_Delivery": None}, id="no GUID"),
        pytest.param(BODY, {"X_GitHub_Delivery": "1' OR '1'='1"}, id="not a GUID"),
    ],
)
async def test_signed_nonsense_is_refused_and_the_process_stays_healthy(
    door: httpx.AsyncClient, store: PostgresStore, body: bytes, changes: dict[str, str | None]
) -> None:
    answer = await post(door, body, **changes)
    assert answer.status_code == 400, answer.text
    assert not await store.fetch_recent_deliveries()
    assert (await door.get("/healthz")).status_code == 200
    assert (await post(door, BODY)).status_code == 202


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        pytest.param({}, "ping", id="nothing"),
        pytest.param({"zen": "x"}, "never_heard_of", id="unknown event"),
        pytest.param(PAYLOAD | {"action": "never_heard_of"}, "pull_request", id="unknown action"),
        pytest.param(
            {"action": None, "installation": None, "repository": None}, "pull_request", id="nulls"
        ),
        pytest.param(
            {"action": 1, "installation": [], "repository": "x"}, "pull_request", id="wrong types"
        ),
        pytest.param(
            {"installation": {"id": 2**63}, "repository": {"id": -1, "full_name": None}},
            "pull_request",
            id="ids out of range",
        ),
        pytest.param({"installation": {"id": True}}, "pull_request", id="an id that is a boolean"),
        pytest.param(
            {"action": "a\0b", "repository": {"full_name": "\0\ud800"}}, "push", id="NUL, surrogate"
        ),
        pytest.param({"action": "x" * 100_000}, "push", id="long action"),
    ],
)
async def test_what_no_route_knows_is_stored_and_left_alone(
    door: httpx.AsyncClient, store: PostgresStore, payload: dict[str, Any], event: str
) -> None:
    body = json.dumps(payload).encode()
    answer = await post(door, body, X_GitHub_Event=event)
    assert answer.status_code == 202
    (summary,) = await store.fetch_recent_deliveries()
    assert (summary.event, summary.outcome) == (event, "ignored")
    stored = await store.fetch_delivery(summary.guid)
    assert stored is not None
    assert stored.payload == body
    assert not await store.fetch_jobs()


async def test_delivery_that_breaks_the_routing_is_stored_with_a_job(
    door: httpx.AsyncClient, store: PostgresStore
) -> None:
    assert (await post(door, b'{"explode": true}')).status_code == 202
    assert len(await store.fetch_jobs()) == 1


async def test_other_methods_and_paths_are_refused(door: httpx.AsyncClient) -> None:
    assert (await door.get("/webhooks/github")).status_code == 405
    assert (await door.post("/webhooks/gitlab")).status_code == 404


async def test_largest_body_is_accepted_and_one_byte_more_is_not(
    door: httpx.AsyncClient, store: PostgresStore
) -> None:
    filler = MAX_BODY - len(b'{"a":""}')
    body = b'{"a":"' + b"x" * filler + b'"}'
    assert (await post(door, body)).status_code == 202
    (summary,) = await store.fetch_recent_deliveries()
    stored = await store.fetch_delivery(summary.guid)
    assert stored is not None
    assert len(stored.payload) == MAX_BODY
    assert (await post(door, body + b" ")).status_code == 413
    assert len(await store.fetch_recent_deliveries()) == 1


def _exchange(address: tuple[str, int], head: str, chunks: int, chunk: bytes) -> tuple[bytes, int]:
    """Send a head, then chunks until an answer comes; the answer and how many were sent."""
    with socket.create_connection(address, timeout=20) as sock:
        sock.sendall(head.encode())
        sock.setblocking(False)
        sent = 0
        answer = b""
        deadline = time.monotonic() + 20
        pending = b""
        while time.monotonic() < deadline:
            try:
                received = sock.recv(65536)
                answer += received
                if answer:
                    break
            except BlockingIOError:
                pass
            except ConnectionError:
                break
            if not pending and sent < chunks:
                pending = b"%x\r\n%s\r\n" % (len(chunk), chunk)
                sent += 1
            if pending:
                try:
                    pending = pending[sock.send(pending) :]
                except BlockingIOError:
                    time.sleep(0.001)
                except ConnectionError:
                    pending = b""
        return answer, sent


def _head(door: httpx.AsyncClient, extra: str) -> tuple[tuple[str, int], str]:
    headers = "".join(f"{name}: {value}\r\n" for name, value in headers_for(b"").items())
    head = f"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n{headers}{extra}\r\n"
    return (door.base_url.host, door.base_url.port or 80), head


async def test_chunked_body_over_the_limit_is_refused_without_buffering_it(
    door: httpx.AsyncClient, intake: Intake
) -> None:
    address, head = _head(door, "Transfer-Encoding: chunked\r\n")
    chunk = b"x" * 65536
    answer, sent = await asyncio.to_thread(_exchange, address, head, 4000, chunk)
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert sent * len(chunk) < 3 * MAX_BODY, "answered when the limit was passed, not at the end"
    assert REGISTRY.get_sample_value("lockgate_intake_bytes") == 0
    assert (await post(door, BODY)).status_code == 202


async def test_declared_length_over_the_limit_is_refused_before_the_body(
    door: httpx.AsyncClient,
) -> None:
    address, head = _head(door, f"Content-Length: {MAX_BODY + 1}\r\n")
    answer, _ = await asyncio.to_thread(_exchange, address, head, 0, b"")
    assert b" 413 " in answer.split(b"\r\n")[0]


async def test_client_that_goes_away_leaves_nothing(
    door: httpx.AsyncClient, store: PostgresStore
) -> None:
    address, head = _head(door, "Content-Length: 1000\r\n")
    before = counted("", "disconnected")
    with socket.create_connection(address) as sock:
        sock.sendall(head.encode() + b"half")
    async with asyncio.timeout(30):
        while counted("", "disconnected") == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert REGISTRY.get_sample_value("lockgate_intake_bytes") == 0
    assert not await store.fetch_recent_deliveries()


async def test_memory_is_bounded(store: PostgresStore) -> None:
    async with Intake(store, max_bytes=len(BODY) + 10).opened() as small:
        app = at_the_door(small, [SECRET])
        async with serving(app) as (host, port):
            base = f"http://{host}:{port}"
            async with httpx.AsyncClient(verify=tls_context(), base_url=base) as client:
                assert (await post(client, BODY + b" " * 100)).status_code == 503
                assert (await post(client, BODY)).status_code == 202


async def test_health_and_metrics(door: httpx.AsyncClient, store: PostgresStore) -> None:
    await post(door, BODY)
    assert (await door.get("/healthz")).text == "ok\n"
    ready = await door.get("/readyz")
    assert (ready.status_code, ready.text) == (200, "ok, 1 jobs waiting\n")
    text = (await door.get("/metrics")).text
    assert 'lockgate_queue_jobs{status="waiting"} 1.0' in text
    assert "lockgate_store_up 1.0" in text
    assert 'lockgate_deliveries_total{event="pull_request",outcome="routed"}' in text
    assert "lockgate_ack_seconds_bucket" in text
    assert "lockgate_webhook_to_check_seconds_bucket" in text
    assert SECRET.reveal() not in text
