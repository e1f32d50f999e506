"""Vercel's door over real HTTP: what is signed becomes a hint, and nothing of it is kept."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette
from test_webhook import DEEP, serving

from bot.metrics import REGISTRY
from bot.ports import Store, StoreUnavailable
from bot.sandbox.tls import tls_context
from bot.settings import Secret
from bot.web.door import MAX_BODY
from bot.web.intake import Intake
from bot.web.vercel_webhook import Hint, VercelDoor, projects_in

SECRET = Secret("vercel-shows-it-once")
PROJECT = "prj_9dQGXqxnUsbQkSBDsXJM"


def event(kind: str = "deployment.promoted", **payload: Any) -> dict[str, Any]:
    """As in Vercel's description of its webhooks."""
    told: dict[str, Any] = {
        "team": {"id": "team_1"},
        "user": {"id": "u1"},
        "deployment": {"id": "dpl_1", "meta": {}, "name": "shop", "url": "shop-1.vercel.app"},
        "project": {"id": PROJECT},
        "target": "production",
        "plan": "pro",
        "regions": ["iad1"],
    }
    return {
        "id": "evt_1",
        "type": kind,
        "createdAt": 1_792_000_000_000,
        "region": "fra1",
        "payload": told | payload,
    }


def sign(body: bytes, secret: Secret = SECRET) -> str:
    return hmac.new(secret.reveal().encode(), body, hashlib.sha1).hexdigest()


BODY = json.dumps(event()).encode()


class Hints:
    """What the door asks to be looked at; ``known`` are the projects of which there is anything."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.known = {PROJECT, "shop"}
        self.away = False

    async def __call__(self, names: Sequence[str]) -> int:
        if self.away:
            raise StoreUnavailable("the database cannot be reached")
        self.asked.append(tuple(names))
        return len(self.known & set(names))


@pytest.fixture
def hints() -> Hints:
    return Hints()


NO_STORE = cast("Store", None)
"""The door stores nothing by itself."""


def door(hint: Hint, secret: Secret = SECRET) -> VercelDoor:
    return VercelDoor(Starlette(), intake=Intake(NO_STORE), secret=secret, hint=hint)


@pytest.fixture
async def client(hints: Hints) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(door(hints)) as (host, port),
        httpx.AsyncClient(
            verify=tls_context(), base_url=f"http://{host}:{port}", timeout=30
        ) as opened,
    ):
        yield opened


async def post(
    client: httpx.AsyncClient, body: bytes = BODY, **changes: str | None
) -> httpx.Response:
    given: dict[str, str | None] = {
        "Content-Type": "application/json",
        "x-vercel-signature": sign(body),
    }
    given |= {name.replace("_", "-"): value for name, value in changes.items()}
    headers = [
        (name.encode(), value.encode("latin-1"))
        for name, value in given.items()
        if value is not None
    ]
    return await client.post("/webhooks/vercel", content=body, headers=headers)


def counted(kind: str, outcome: str) -> float:
    labels = {"event": kind, "outcome": outcome}
    return REGISTRY.get_sample_value("lockgate_deliveries_total", labels) or 0.0


async def test_what_vercel_signed_becomes_a_hint(client: httpx.AsyncClient, hints: Hints) -> None:
    before = counted("vercel.deployment.promoted", "routed")
    answer = await post(client)
    assert (answer.status_code, answer.text) == (202, "")
    assert hints.asked == [(PROJECT, "shop")]
    assert counted("vercel.deployment.promoted", "routed") == before + 1


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("0" * 40, id="wrong"),
        pytest.param(sign(BODY, Secret("other")), id="other secret"),
        pytest.param(sign(BODY)[:-1], id="cut short"),
        pytest.param(sign(BODY) + "0", id="too long"),
        pytest.param(sign(BODY).upper(), id="capitals"),
        pytest.param(f"sha1={sign(BODY)}", id="with a scheme"),
        pytest.param(
            hmac.new(SECRET.reveal().encode(), BODY, hashlib.sha256).hexdigest(), id="SHA-256"
        ),
        pytest.param("é" * 40, id="non-ASCII"),
        pytest.param(sign(BODY + b" "), id="of another body"),
        pytest.param(SECRET.reveal(), id="the secret itself"),
    ],
)
async def test_bad_signature_is_refused(
    client: httpx.AsyncClient, hints: Hints, signature: str | None
) -> None:
    before = counted("", "bad_signature")
    answer = await post(client, x_vercel_signature=signature)
    assert answer.status_code == 401
    assert "VERCEL_WEBHOOK_SECRET" in answer.text
    assert SECRET.reveal() not in answer.text
    assert counted("", "bad_signature") == before + 1
    assert hints.asked == []


async def test_two_signatures_are_refused(client: httpx.AsyncClient, hints: Hints) -> None:
    headers = [("x-vercel-signature", sign(BODY)), ("x-vercel-signature", "0" * 40)]
    answer = await client.post("/webhooks/vercel", content=BODY, headers=headers)
    assert answer.status_code == 401
    assert hints.asked == []


async def test_without_a_secret_it_opens_to_nobody(hints: Hints) -> None:
    none = Secret("")
    async with (
        serving(door(hints, none)) as (host, port),
        httpx.AsyncClient(verify=tls_context()) as client,
    ):
        url = f"http://{host}:{port}/webhooks/vercel"
        headers = {"x-vercel-signature": sign(BODY, none)}
        assert (await client.post(url, content=BODY, headers=headers)).status_code == 401
    assert hints.asked == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b"not json", "application/json", id="not JSON"),
        pytest.param(b"[1]", "application/json", id="a list"),
        pytest.param(b"null", "application/json", id="null"),
        pytest.param(b'{"type": NaN}', "application/json", id="NaN"),
        pytest.param(DEEP, "application/json", id="deep nesting"),
        pytest.param(b'{"type": "\xff"}', "application/json", id="bad UTF-8"),
        pytest.param(BODY, "application/x-www-form-urlencoded", id="form-encoded"),
        pytest.param(b"{}", "application/json", id="no event"),
        pytest.param(b'{"type": 1}', "application/json", id="an event that is a number"),
        pytest.param(b'{"type": "Deployment promoted"}', "application/json", id="not an event"),
        pytest.param(b'{"type": "a' + b"a" * 64 + b'"}', "application/json", id="a long event"),
    ],
)
async def test_signed_nonsense_is_refused(
    client: httpx.AsyncClient, hints: Hints, body: bytes, kind: str
) -> None:
    assert (await post(client, body, Content_Type=kind)).status_code == 400
    assert hints.asked == []
    assert (await post(client)).status_code == 202


async def test_an_unknown_project_is_answered_and_ignored(
    client: httpx.AsyncClient, hints: Hints
) -> None:
    hints.known = set()
    before = counted("vercel.deployment.promoted", "ignored")
    assert (await post(client)).status_code == 202
    assert counted("vercel.deployment.promoted", "ignored") == before + 1


async def test_what_cannot_be_stored_is_not_acknowledged(
    client: httpx.AsyncClient, hints: Hints
) -> None:
    hints.away = True
    assert (await post(client)).status_code == 503
    hints.away = False
    assert (await post(client)).status_code == 202


async def test_too_large_a_body_is_refused(client: httpx.AsyncClient, hints: Hints) -> None:
    body = b" " * MAX_BODY + BODY
    assert (await post(client, body)).status_code == 413
    assert REGISTRY.get_sample_value("lockgate_intake_bytes") == 0
    assert hints.asked == []


async def test_other_methods_and_paths_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/webhooks/vercel")).status_code == 405
    assert (await client.post("/webhooks/vercel/x")).status_code == 404


MOVES = (
    "deployment.promoted",
    "deployment.rollback",
    "deployment.deleted",
    "deployment.cleanup",
    "project.rolling-release.completed",
    "project.domain.moved",
)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        *((event(kind), (PROJECT, "shop")) for kind in MOVES),
        *((event(kind, target=None), (PROJECT, "shop")) for kind in MOVES),
        (event("deployment.succeeded"), (PROJECT, "shop")),
        (event("deployment.ready"), (PROJECT, "shop")),
        (event("deployment.succeeded", target=None), ()),
        (event("deployment.created"), ()),
        (event("project.created"), ()),
        (event("payment.failed"), ()),
        (event(project={"id": PROJECT, "name": "store"}), (PROJECT, "store", "shop")),
        (event(project=None, deployment=None, name="shop"), ("shop",)),
        (event(project=None, deployment=None, projectId=PROJECT), (PROJECT,)),
        (event(project=[], deployment="x", name=1, projectId=""), ()),
        (event(project={"id": "x" * 101}, deployment=None), ()),
        ({"type": "deployment.promoted", "payload": None}, ()),
        ({"type": "deployment.promoted"}, ()),
    ],
)
def test_the_project_of_an_event(told: dict[str, Any], names: tuple[str, ...]) -> None:
    assert projects_in(told["type"], told) == names
